//! Builds that are stopped or killed, or that run twice at once: nothing is lost, and nothing is left behind.

use std::io::{BufRead, BufReader};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{eventually, processes_with};
use crate::{Left, Rig, needs_namespaces};

/// With this number of jobs the step never ends. The number of jobs is part of no key.
const WAITS: &str = "7";

/// A step that starts a program, which starts another one. Both never end, if a condition on the step `b` holds, and are found by the
/// mark in their command lines.
pub(crate) fn endless(rig: &Rig, condition: &str) {
    let mark = rig.mark();
    rig.recipe(
        "lib",
        &format!(
            r#"depends = {{ "base" }},
  install = function(b)
    b:write(b.dest .. "/opt/lib", "lib\n")
    if {condition} then
      local wait = "require('bq.process').wait_any()"
      b:run {{
        "/proc/self/exe", "-e",
        "require('bq.process').spawn {{ argv = {{ '/proc/self/exe', '-e', ..., '{mark}' }} }} " .. wait,
        wait, "{mark}",
      }}
    end
  end"#
        ),
    );
}

/// Starts a build in a process group of its own, and waits until its slow step runs.
fn waiting(rig: &Rig) -> Child {
    let child = rig
        .command(&[
            "coordinator",
            "--keep-going",
            "--workspace",
            "space",
            "--jobs",
            WAITS,
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .expect("bq starts");
    let mark = rig.mark();
    eventually("the slow step", || processes_with(&mark).len() >= 2);
    child
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().cast_signed())
}

fn end(child: Child) -> Left {
    child.wait_with_output().expect("it ends").into()
}

fn rig() -> Rig {
    let rig = Rig::new();
    endless(&rig, &format!("b.jobs == {WAITS}"));
    rig.stage(&[]).is(0);
    rig
}

#[test]
fn a_signal_ends_everything_and_loses_nothing() {
    needs_namespaces!();
    let undisturbed = rig();
    undisturbed.build(&[]).is(0);
    for (signal, whole_group) in [
        // As `kill` does, and as a terminal's Ctrl-C does.
        (Signal::SIGINT, false),
        (Signal::SIGINT, true),
        (Signal::SIGTERM, false),
        (Signal::SIGHUP, true),
    ] {
        let rig = rig();
        let child = waiting(&rig);
        // A finished step leaves no build tree, also while other steps run.
        let tree = rig.path("space/build/low-base");
        eventually("the end of a build tree", || !tree.exists());
        let target = pid(&child).as_raw();
        kill(
            Pid::from_raw(if whole_group { -target } else { target }),
            signal,
        )
        .expect("it is there");
        let left = end(child);
        assert_eq!(left.status, Some(130), "{signal}: {left:?}");
        let name = &signal.as_str()[3..];
        let left = left.says(&format!(
            "error: the build was stopped\ncaused by: signal {name}\nhint: the same command goes on\n"
        ));
        let how = if signal == Signal::SIGINT {
            "Ctrl-C"
        } else {
            signal.as_str()
        };
        let how = how.replace("SIG", "signal ");
        // On a busy machine another step may still run besides the slow one.
        let running = ["1 running step and its", "2 running steps and their"].map(|count| {
            format!("warning: stopping by {how}: ending {count} programs; what is done is kept\n")
        });
        assert!(
            running.iter().any(|said| left.err.contains(said)),
            "{}",
            left.err
        );
        assert!(!left.err.contains("traceback"), "{}", left.err);
        // When it is over, nothing runs, and what is next is said once.
        assert!(left.err.contains(" stopped\nerror: "), "{}", left.err);
        assert!(!left.err.contains("\nnext: "), "{}", left.err);
        rig.is_quiet();
        // Steps that were done before are not built again.
        assert!(rig.outputs().contains_key("low/base"));
        let left = rig.build(&["--jobs", "2"]).is(0);
        assert!(!left.err.contains("start  low/base"), "{}", left.err);
        assert_eq!(rig.outputs(), undisturbed.outputs());
    }
}

/// Programs that only read work while a build runs. No other program can change what is being built.
#[test]
fn looking_while_a_build_runs() {
    needs_namespaces!();
    let rig = rig();
    rig.recipe(
        "alone",
        "install = function(b)
    b:say 'alone says\\27[2J'
    b:run { '/proc/self/exe', '-e', 'os.exit(3)' }
  end",
    );
    let child = waiting(&rig);
    let _guard = Guard(pid(&child));
    eventually("the end of the step that fails", || {
        rig.path("space/logs/low-alone.json").exists()
    });
    let look = |words: &[&str]| rig.run(&[words, &["--workspace", "space"]].concat());
    let status = look(&["status"]).is(0).out;
    assert!(status.contains("running  low/lib"), "{status}");
    assert!(status.contains("failed   low/alone"), "{status}");
    let failed = look(&["log", "alone"]).is(0).out;
    assert!(failed.contains("alone says\\x1b[2J\n"), "{failed}");
    let running = look(&["log", "low/lib"]).is(0).out;
    assert!(running.contains("== install\n"), "{running}");
    assert!(look(&["log", "low-base"]).is(0).out.contains("== "));
    look(&["log", "app"])
        .is(1)
        .says("error: there is no log of `low/app`\n");
    look(&["log", "low/libb"])
        .is(2)
        .says("hint: did you mean `low/lib`?\n");
    look(&["verify", "--store"])
        .is(0)
        .says("1 outputs in the store: 0 damaged\n");
    let inside = |what: &[&str]| {
        let command = [
            "--",
            "/proc/self/exe",
            "-e",
            "print(require('bq.fs').cwd()) os.exit(5)",
        ];
        rig.run(&[&["enter", "--workspace", "space"], what, &command].concat())
    };
    // Without a terminal, each with its own status.
    assert_eq!(inside(&[]).is(5).out, "/root\n");
    assert_eq!(inside(&["--step", "alone"]).is(5).out, "/bq/build\n");
    inside(&["--step", "lib"])
        .is(1)
        .says("error: somebody is in the root of `low/lib`\n");
    // What is damaged stays as long as a build runs: a step may have it in its root.
    let file = rig.stored("low/base").join("output/opt/base");
    let right = std::fs::read(&file).expect("it is there");
    std::fs::write(&file, "damaged").expect("it is ours");
    look(&["verify", "--store"])
        .is(1)
        .says("1 outputs in the store: 1 damaged, and not removed, since a build runs\n");
    std::fs::write(&file, right).expect("it is still there");
    let mut follow = rig
        .command(&["log", "lib", "--follow", "--workspace", "space"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("bq starts");
    // It starts before the build ends, since the log of a stopped step may be removed.
    let mut shown = BufReader::new(follow.stdout.take().expect("a pipe"));
    let mut followed = String::new();
    while !followed.contains("== install\n") {
        let count = shown.read_line(&mut followed).expect("it reads");
        assert!(count > 0, "{followed}");
    }
    kill(pid(&child), Signal::SIGINT).expect("it is there");
    assert_eq!(end(child).status, Some(130));
    assert!(follow.wait().expect("it ends").success(), "{followed}");
    rig.is_quiet();
}

#[test]
fn a_workspace_of_another_user() {
    needs_namespaces!();
    if !nix::unistd::geteuid().is_root() {
        crate::support::skip("only root can give a folder away");
        return;
    }
    let rig = Rig::new();
    rig.stage(&[]).is(0);
    // An error would name the script that makes the plan.
    std::os::unix::fs::chown(rig.path("space"), Some(4711), None).expect("root may");
    rig.replace("plan.lua", "return build", "os.exit(77) return build");
    for words in [
        &["coordinator"][..],
        &["verify", "--store"],
        &["finish"],
        &["copy", "lib", "--to", "elsewhere"],
        &["gc"],
    ] {
        rig.run(&[words, &["--workspace", "space"]].concat())
            .is(1)
            .says("` belongs to another user\ncaused by: it is of user 4711, and this is user 0\n");
    }
}

/// Ends the process when dropped, also if the test fails.
struct Guard(Pid);

impl Drop for Guard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = kill(self.0, Signal::SIGKILL);
        }
    }
}

/// A step that ends just before the signal arrives is stored, though the coordinator has not yet noticed its end.
#[test]
fn what_has_ended_before_a_signal_is_kept() {
    needs_namespaces!();
    let rig = rig();
    let word = format!("quick{}", rig.name());
    rig.recipe(
        "alone",
        &format!(
            r#"install = function(b)
    b:write(b.dest .. "/opt/alone", "alone\n")
    if b.jobs == {WAITS} then
      -- It is killed, which the step does not mind.
      pcall(b.run, b, {{ "/proc/self/exe", "-e", "require('bq.process').wait_any()", "{word}" }})
    end
  end"#
        ),
    );
    rig.stage(&[]).is(0);
    let child = waiting(&rig);
    let guard = Guard(pid(&child));
    eventually("the other step", || !processes_with(&word).is_empty());
    let quick = processes_with(&word)[0];
    let inner = processes_with("/usr/local/bin/coordinator.lua")
        .into_iter()
        .find(|&pid| {
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            String::from_utf8_lossy(&environment).contains(&rig.name())
        });
    let inner = inner.expect("it is there");
    let read = |path: String| std::fs::read_to_string(path).unwrap_or_default();
    // The step's own process. The coordinator has other children too, which remove old build trees.
    let parent = |pid: i32| -> i32 {
        let stat = read(format!("/proc/{pid}/stat"));
        let after = stat.rsplit(") ").next().unwrap_or_default();
        let word = after.split(' ').nth(1).unwrap_or_default();
        word.parse().expect("it has a parent")
    };
    let mut step = quick;
    while parent(step) != inner {
        step = parent(step);
    }
    kill(Pid::from_raw(inner), Signal::SIGSTOP).expect("it is there");
    kill(Pid::from_raw(quick), Signal::SIGKILL).expect("it is there");
    eventually("the end of the step", || {
        read(format!("/proc/{step}/stat")).contains(") Z ")
    });
    kill(pid(&child), Signal::SIGTERM).expect("it is there");
    eventually("the signal", || {
        let status = read(format!("/proc/{inner}/status"));
        let pending = status
            .lines()
            .find_map(|line| line.strip_prefix("ShdPnd:\t"));
        u64::from_str_radix(pending.unwrap_or("0"), 16).unwrap_or(0) & (1 << 14) != 0
    });
    kill(Pid::from_raw(inner), Signal::SIGCONT).expect("it is there");
    drop(guard);
    assert_eq!(end(child).status, Some(130));
    rig.is_quiet();
    assert!(rig.outputs().contains_key("low/alone"));
}

#[test]
fn a_second_run_is_told_who_is_working() {
    needs_namespaces!();
    let rig = rig();
    let child = waiting(&rig);
    let space = rig.path("space").canonicalize().expect("it is there");
    let text = format!(
        "error: the workspace `{}` is in use\n\
         caused by: another bq is working in it (process {})\n\
         hint: wait for it to end, or use another folder by `--workspace DIR`\n",
        space.display(),
        child.id()
    );
    assert_eq!(rig.build(&[]).is(1).err, text);
    rig.stage(&[]).is(1).says(&text);
    // Programs that only read may run.
    let status = rig.run(&["status", "--workspace", "space"]).is(0);
    assert!(status.out.contains("running  low/lib"), "{}", status.out);
    kill(pid(&child), Signal::SIGINT).expect("it is there");
    assert_eq!(end(child).status, Some(130));
    rig.is_quiet();
    rig.build(&[]).is(0);
}

#[test]
fn a_killed_coordinator_takes_its_tree_along() {
    needs_namespaces!();
    let rig = rig();
    let child = waiting(&rig);
    kill(pid(&child), Signal::SIGKILL).expect("it is there");
    let status = child.wait_with_output().expect("it ends").status;
    assert_eq!(status.signal(), Some(Signal::SIGKILL as i32));
    rig.is_quiet();
    let status = rig.run(&["status", "--workspace", "space"]).is(0);
    assert!(!status.out.contains("running"), "{}", status.out);
    rig.build(&[]).is(0);
}

/// After an edit, another program makes the plan again.
#[test]
fn a_killed_coordinator_takes_the_making_of_its_plan_along() {
    needs_namespaces!();
    let rig = Rig::new();
    rig.stage(&[]).is(0);
    let before = rig.text("space/plan.json");
    rig.write(
        "plan.lua",
        "require('bq.fs').write('planning', '') require('bq.process').wait_any()",
    );
    let mut child = rig
        .command(&["coordinator", "--workspace", "space"])
        .stderr(Stdio::null())
        .spawn()
        .expect("bq starts");
    eventually("the making of the plan", || rig.path("planning").exists());
    kill(pid(&child), Signal::SIGTERM).expect("it is there");
    let status = child.wait().expect("it ends");
    assert_eq!(status.signal(), Some(Signal::SIGTERM as i32));
    rig.is_quiet();
    assert_eq!(rig.text("space/plan.json"), before);
}

#[test]
fn killed_again_and_again_it_comes_to_the_same_digests() {
    needs_namespaces!();
    let undisturbed = Rig::built();
    let rig = Rig::new();
    rig.stage(&[]).is(0);
    // It is killed at its first line, then at its second, and so on, until it succeeds.
    let mut kills = 0;
    loop {
        let mut child = rig
            .command(&["coordinator", "--workspace", "space", "--jobs", "2"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("bq starts");
        let mut lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let read = lines.by_ref().take(kills + 1).count();
        if read <= kills {
            assert!(child.wait().expect("it ends").success());
            break;
        }
        let _ = kill(pid(&child), Signal::SIGKILL);
        child.wait().expect("it ends");
        // Its processes hold the other end of the pipe, so this waits until the last one has ended.
        lines.for_each(drop);
        kills += 1;
        assert!(kills < 50, "it never comes through");
    }
    assert!(kills > 1);
    assert_eq!(rig.outputs(), undisturbed.outputs());
    rig.run(&["verify", "--workspace", "space", "--store"])
        .is(0)
        .says("5 outputs in the store: 0 damaged\n");
    rig.is_quiet();
}

#[test]
fn killed_while_staging() {
    needs_namespaces!();
    let undisturbed = Rig::new();
    undisturbed.stage(&[]).is(0);
    let rig = Rig::new();
    let mut kills = 0;
    loop {
        let mut child = rig
            .command(&[
                "plan.lua",
                "--workspace",
                "space",
                "--mirror",
                "mirror",
                "--offline",
            ])
            .stderr(Stdio::piped())
            .spawn()
            .expect("bq starts");
        let mut lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let read = lines.by_ref().take(kills + 1).count();
        if read <= kills {
            assert!(child.wait().expect("it ends").success());
            break;
        }
        child.kill().expect("it is ours");
        child.wait().expect("it ends");
        kills += 1;
        assert!(kills < 50, "it never comes through");
    }
    for file in ["space/plan.json", "space/lock.json"] {
        assert_eq!(rig.text(file), undisturbed.text(file));
    }
    rig.build(&[]).is(0);
}

#[test]
fn what_a_kill_left_after_the_store_goes() {
    needs_namespaces!();
    let rig = Rig::built();
    rig.write("space/build/low-app/src/file", "left\n");
    rig.write("space/build/low-lib/kept", "");
    rig.write("space/build/gone-a/tree/src/file", "aside\n");
    rig.build(&[]).is(0).says("nothing to do");
    assert_eq!(crate::names(&rig.path("space/build")), ["low-lib"]);
}
