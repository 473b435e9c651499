//! What a user may type and have: options of every kind, odd folders, a poor environment.
// A test fails by panicking; clippy allows that in test functions only, not in what they share.
#![allow(clippy::expect_used)]

mod support;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use support::builds::{Build, Run, can_build};
use support::{bq, is_root};

const RECIPE: &str = r#"return {
  name = "one", version = "1", license = "MIT", strategy = "files", strip = false, files = { ["/opt/one"] = "one\n" },
}"#;

/// The options of a program, each with whether it takes a value.
fn options(name: &str) -> Vec<(String, bool)> {
    let folder = tempfile::tempdir().expect("a folder");
    let help = Run::of(bq(folder.path()).args([name, "--help"])).ok();
    help.stdout
        .lines()
        .filter_map(|line| line.strip_prefix("  --"))
        .map(|line| {
            let (left, _) = line.split_once("  ").unwrap_or((line, ""));
            let mut words = left.split_whitespace();
            let option = words.next().expect("it has a name").to_owned();
            (option, words.next().is_some())
        })
        .filter(|(option, _)| option != "help")
        .collect()
}

#[test]
fn every_option_with_every_value_is_understood_or_refused() {
    let build = Build::new(&[("one", RECIPE)]);
    let programs = build.bq(&["--list"]).ok().stdout;
    let huge = "x".repeat(100_000);
    let values: [&[u8]; 8] = [
        b"",
        huge.as_bytes(),
        b"\xff\xfe",
        b"-1",
        b"1e3",
        b"\n",
        b"@",
        b"../../x",
    ];
    let names = programs
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split_whitespace().next())
        .collect::<Vec<_>>();
    assert!(names.contains(&"coordinator"), "{programs}");
    for name in names {
        for (option, takes) in options(name) {
            for value in if takes { &values[..] } else { &values[..1] } {
                let mut word = OsString::from(format!("--{option}="));
                word.push(OsStr::from_bytes(value));
                // If an option is wrong, nothing is written, and the network is not used.
                let first = if name == "build_sysroot" {
                    vec!["build.lua", "--dry-run"]
                } else {
                    vec![name]
                };
                let mut command = bq(build.path());
                // Without apt no program asks the network.
                command.env("PATH", "/none");
                command.args(first).arg(&word).stdin(Stdio::null());
                let run = Run::of(&mut command);
                let what = format!(
                    "{name} {:.60}: {:?}\n{:.2000}",
                    word.display(),
                    run.status,
                    run.stderr
                );
                assert!(matches!(run.status, Some(0..=2)), "{what}");
                assert!(
                    !run.stderr.contains("traceback") && !run.stderr.contains("bq itself"),
                    "{what}"
                );
                if run.status != Some(0) && name != "doctor" {
                    assert!(
                        run.stderr.lines().any(|line| line.starts_with("error: ")),
                        "{what}"
                    );
                }
                if !takes {
                    assert_eq!(
                        run.stderr,
                        format!("error: `--{option}` takes no value\n"),
                        "{what}"
                    );
                }
            }
            if takes {
                let run = build.bq(&[name, &format!("--{option}")]).fails(2);
                run.says(&format!("error: `--{option}` wants a value: "));
            }
        }
    }
}

/// Stages and builds in this workspace, and runs every program that reads it.
fn works_in(build: &Build, workspace: &OsStr, change: &dyn Fn(&mut Command)) {
    let run = |words: &[&str]| {
        let mut command = bq(build.path());
        command
            .args(words)
            .arg("--workspace")
            .arg(workspace)
            .stdin(Stdio::null());
        change(&mut command);
        Run::of(&mut command).ok()
    };
    run(&[
        "build.lua",
        "--seed",
        "./seed.tar.gz",
        "--output",
        "out.tar.gz",
    ]);
    run(&["coordinator"]).says("1 steps: 1 done");
    let again = run(&["coordinator"]);
    assert!(
        again
            .stderr
            .ends_with("nothing to do: all 1 steps are in the store\n"),
        "{}",
        again.stderr
    );
    assert!(run(&["status"]).stdout.ends_with("1 steps: 1 done\n"));
    run(&["verify", "--store"]).says(": 0 damaged");
    let mut enter = bq(build.path());
    enter.arg("enter").arg("--workspace").arg(workspace);
    enter
        .args([
            "--",
            "/usr/local/bin/bq",
            "-e",
            "print(require('bq.fs').read '/etc/name')",
        ])
        .stdin(Stdio::null());
    change(&mut enter);
    assert_eq!(Run::of(&mut enter).ok().stdout, "seed\n\n");
    // It is planned again from there, too.
    build.write("packages/one.lua", &RECIPE.replace("one\\n", "two\\n"));
    run(&["coordinator"]).says("the recipe `one` was edited");
    build.write("packages/one.lua", RECIPE);
}

#[test]
fn a_workspace_may_be_called_anything() {
    if !can_build() {
        return;
    }
    let build = Build::new(&[("one", RECIPE)]);
    build.plain_seed();
    works_in(&build, OsStr::new("a b/c\nd/,:\\\"'$HOME;é%s[1]*"), &|_| {});
}

#[test]
fn a_workspace_that_is_no_text_is_refused_before_anything_is_done() {
    let build = Build::new(&[("one", RECIPE)]);
    build.plain_seed();
    let odd = OsStr::from_bytes(b"odd\xff");
    for name in ["build.lua", "coordinator", "status", "enter", "doctor"] {
        let mut command = bq(build.path());
        command.arg(name).arg("--workspace").arg(odd);
        let run = Run::of(&mut command).fails(2);
        run.says("error: the path of the workspace is not UTF-8\nhint: ");
    }
    assert!(!build.path().join(odd).exists());
}

#[test]
fn without_home_terminal_and_standard_streams() {
    if !can_build() {
        return;
    }
    let build = Build::new(&[("one", RECIPE)]);
    build.plain_seed();
    works_in(&build, OsStr::new("ws"), &|command| {
        command.env_clear();
        // SAFETY: setsid is safe to call between fork and exec.
        unsafe {
            command.pre_exec(|| {
                nix::unistd::setsid()?;
                Ok(())
            });
        }
    });
    // The user's streams are closed.
    let bq = env!("CARGO_BIN_EXE_bq");
    for (words, status) in [
        ("coordinator --workspace ws >&-", 0),
        ("coordinator --workspace ws <&- >&- 2>&-", 0),
        ("status --workspace ws >&-", 0),
        ("status --workspace ws <&- >&- 2>&-", 0),
        (
            "build.lua --workspace ws --seed ./seed.tar.gz <&- >&- 2>&-",
            0,
        ),
        (
            "enter --workspace ws -- /usr/local/bin/bq -e 'os.exit(7)' <&- >&- 2>&-",
            7,
        ),
        ("verify --workspace ws --store <&- >&- 2>&-", 0),
    ] {
        build.write(
            "packages/one.lua",
            &RECIPE.replace("one\\n", &format!("{words:?}\\n").replace('"', "")),
        );
        let script = format!("'{bq}' {words}");
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &script])
            .current_dir(build.path())
            .stdin(Stdio::null());
        let run = Run::of(&mut shell);
        assert_eq!(run.status, Some(status), "{words}: {}", run.stderr);
        build.write("packages/one.lua", RECIPE);
    }
    // The reader has gone.
    for words in ["status --workspace ws", "--list", "doctor"] {
        let script = format!("'{bq}' {words} 2>&1 | head -n 1; true");
        let mut shell = Command::new("sh");
        shell.args(["-c", &script]).current_dir(build.path());
        let run = Run::of(&mut shell).ok();
        assert_eq!(
            (run.stdout.lines().count(), run.stderr.as_str()),
            (1, ""),
            "{words}"
        );
    }
}

#[test]
fn a_workspace_that_cannot_be_written_to_is_named() {
    if !can_build() {
        return;
    }
    let build = Build::new(&[("one", RECIPE)]);
    build.plain_seed();
    let workspace = build.at("ws");
    let hint = "hint: choose another folder by `--workspace DIR`\n";
    if is_root() {
        // Modes are nothing to root: read-only it is by its mount.
        std::fs::create_dir(&workspace).expect("a folder");
        let script = "mount --bind ws ws && mount -o remount,bind,ro ws && exec \"$0\" build.lua --workspace ws --seed ./seed.tar.gz";
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "sh", "-c", script, env!("CARGO_BIN_EXE_bq")])
            .current_dir(build.path());
        let run = Run::of(&mut command).fails(1);
        let run = run.says("ws` is on a read-only file system\n");
        run.says(hint);
    } else {
        std::fs::create_dir(&workspace).expect("a folder");
        std::fs::set_permissions(&workspace, PermissionsExt::from_mode(0o555)).expect("it is ours");
        let run = build.stage("./seed.tar.gz", &[]).fails(1);
        let run = run.says("ws` cannot be written to\ncaused by: ");
        run.says(hint);
    }
    assert!(build.list("ws").is_empty());
    // A file in its place, a link to nothing, a parent that is a file.
    build.write("file", "");
    std::os::unix::fs::symlink("nothing/at/all", build.at("link")).expect("it can be made");
    for place in ["file", "link", "file/below"] {
        let run = build
            .bq(&["build.lua", "--workspace", place, "--seed", "./seed.tar.gz"])
            .fails(1);
        let run = run.says("error: ");
        assert!(!run.stderr.contains("traceback"), "{place}: {}", run.stderr);
        assert!(run.stderr.contains(hint), "{place}: {}", run.stderr);
    }
    // A built workspace that is read-only now can still be read.
    build.stage("./seed.tar.gz", &["--workspace", "good"]).ok();
    build.bq(&["coordinator", "--workspace", "good"]).ok();
    if !is_root() {
        std::fs::set_permissions(build.at("good"), PermissionsExt::from_mode(0o555))
            .expect("it is ours");
        assert!(
            build
                .bq(&["status", "--workspace", "good"])
                .ok()
                .stdout
                .ends_with("1 done\n")
        );
        let run = build.bq(&["coordinator", "--workspace", "good"]).fails(1);
        assert!(!run.stderr.contains("traceback"), "{}", run.stderr);
    }
}

#[test]
fn ten_thousand_steps() {
    // In memory where that can be had: some disks take milliseconds for each of the 40,000 files that go at the end.
    let folder = tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .expect("a folder");
    let code = "local generated = require 'generated' generated.write(arg[1], 10000) generated.finish(arg[1])";
    let place = folder.path().display().to_string();
    let library = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench");
    Run::of(bq(folder.path()).args(["--lib", library, "-e", code, &place])).ok();
    let workspace = format!("{place}/ws");
    let shown = Run::of(bq(folder.path()).args(["build.lua", "--dry-run"])).ok();
    assert!(
        shown.stdout.contains(", 10000 steps\n"),
        "{:.200}",
        shown.stdout
    );
    let run = Run::of(bq(folder.path()).args(["coordinator", "--workspace", &workspace])).ok();
    assert_eq!(
        run.stderr,
        "nothing to do: all 10000 steps are in the store\n"
    );
    let status = Run::of(bq(folder.path()).args(["status", "--workspace", &workspace])).ok();
    assert!(status.stdout.ends_with("\n10000 steps: 10000 done\n"));
    // A mistake in one of them is found, and so is a cycle through all.
    let recipe = folder.path().join("packages/p00001.lua");
    let text = std::fs::read_to_string(&recipe).expect("it is there");
    std::fs::write(
        &recipe,
        text.replace("\"x\" }", "\"x\" }, depends = { \"p10000\" }"),
    )
    .expect("it is ours");
    let run = Run::of(bq(folder.path()).args(["build.lua", "--dry-run"])).fails(1);
    run.says("the dependencies form a cycle: ");
}

#[test]
fn a_recipe_of_somebody_else_runs_nothing() {
    let build = Build::new(&[("one", RECIPE)]);
    let run = |code: &str| {
        build.write(
            "packages/one.lua",
            &RECIPE.replacen("return {", &format!("{code}\nreturn {{"), 1),
        );
        build
            .bq(&["build.lua", "--dry-run", "--workspace", "ws"])
            .fails(1)
    };
    run("local x = 1\nos.execute 'touch pwned'").says(
        "packages/one.lua:2: `os.execute` is not available in a recipe; a step has `b`: `b:run` runs a program",
    );
    run("io.open('pwned', 'w')").says("packages/one.lua:1: `io.open` is not available in a recipe");
    run("require('bq.fs').write('pwned', '')")
        .says("packages/one.lua:1: `require \"bq.fs\"` is not available in a recipe");
    let fake = "require('bq.strategy.files').install({ dest = '', recipe = { sticky = { '/' } }, mkdir = function() end })";
    run(fake).says("packages/one.lua:1: `files.install` can be called in a step only");
    assert_eq!(build.list("."), ["build.lua", "packages"]);
}

#[test]
fn a_plan_of_somebody_else_runs_nothing_before_its_step() {
    if !can_build() {
        return;
    }
    let recipe = RECIPE.replace(
        "files = {",
        "install = function(b) b:write(b.dest .. '/opt/one', 'x') end, files = {",
    );
    let build = Build::new(&[("one", &recipe)]);
    build.plain_seed();
    build.stage("./seed.tar.gz", &[]).ok();
    // The recipe's text in the plan is what the step loads: on the machine, before there is a root.
    let plan = build.read("ws/plan.json");
    build.write(
        "ws/plan.json",
        &plan.replace(
            "return {\\n",
            "os.execute 'touch ../../pwned'\\nreturn {\\n",
        ),
    );
    assert_ne!(build.read("ws/plan.json"), plan);
    let run = build.bq(&["coordinator", "--workspace", "ws"]).fails(1);
    run.says("one.lua:1: `os.execute` is not available in a recipe");
}

#[test]
fn files_of_a_workspace_that_are_not_what_they_should_be() {
    if !can_build() {
        return;
    }
    let build = Build::new(&[("one", RECIPE)]);
    build.plain_seed();
    build.stage("./seed.tar.gz", &[]).ok();
    build.bq(&["coordinator", "--workspace", "ws"]).ok();
    let key = build.list("ws/store").remove(0);
    let meta = format!("store/{key}/meta.json");
    let log = format!("store/{key}/log");
    let deep = "[".repeat(100_000);
    let texts = [
        "",
        "{",
        "[1]",
        "null",
        "\"x\"",
        "{\"schema\":99}",
        "{\"steps\":1,\"sources\":1}",
        &deep,
    ];
    for name in [
        "plan.json",
        "lock.json",
        "rootfs/usr/local/share/bq/staged.json",
        "command.json",
        "journal.jsonl",
        ".lock",
        &meta,
        &log,
    ] {
        let path = build.at("ws").join(name);
        let right = std::fs::read(&path).expect("it is there");
        let looks = |what: &str| {
            for words in [
                &["status"][..],
                &["log", "one"],
                &["verify", "--expected", "none"],
                &["coordinator"],
            ] {
                let run = build.bq(&[words, &["--workspace", "ws"]].concat());
                let said = format!(
                    "{name} {what:.20}: {words:?}: {:?}\n{:.3000}",
                    run.status, run.stderr
                );
                assert!(matches!(run.status, Some(0..=2)), "{said}");
                assert!(
                    !run.stderr.contains("traceback") && !run.stderr.contains("bq itself"),
                    "{said}"
                );
            }
            // The commands above may have written it again.
            std::fs::remove_file(&path)
                .or_else(|_| std::fs::remove_dir(&path))
                .expect("it is there");
        };
        for text in texts {
            std::fs::write(&path, text).expect("it is ours");
            looks(text);
        }
        std::os::unix::fs::symlink("/dev/zero", &path).expect("it can be made");
        looks("a device");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).expect("it can be made");
        looks("a pipe");
        std::fs::create_dir(&path).expect("it can be made");
        looks("a folder");
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("it can be made");
        std::fs::write(&path, &right).expect("it is ours");
    }
    // bq writes through no link, and waits for no reader of a pipe.
    build.write("victim", "mine\n");
    build.write("packages/one.lua", &RECIPE.replace("one\\n", "two\\n"));
    for name in [".lock", "journal.jsonl"] {
        let path = build.at("ws").join(name);
        std::fs::remove_file(&path).expect("it is there");
        std::os::unix::fs::symlink("../victim", &path).expect("it can be made");
    }
    let run = build.bq(&["coordinator", "--workspace", "ws"]).fails(1);
    run.says("error: open `")
        .says("ws/.lock`: ")
        .says("(ELOOP)\n");
    std::fs::remove_file(build.at("ws/.lock")).expect("it is there");
    build.bq(&["coordinator", "--workspace", "ws"]).ok();
    assert_eq!(build.read("victim"), "mine\n");
    assert!(build.read("ws/journal.jsonl").contains("\"one/one\""));
    std::fs::remove_file(build.at("ws/journal.jsonl")).expect("it is there");
    nix::unistd::mkfifo(&build.at("ws/journal.jsonl"), nix::sys::stat::Mode::S_IRWXU)
        .expect("it can be made");
    build.write("packages/one.lua", RECIPE);
    std::fs::remove_dir_all(build.at("ws/store")).expect("it is ours");
    build.bq(&["coordinator", "--workspace", "ws"]).ok();
    // The message names file and field, and what to do.
    build.write(
        "ws/lock.json",
        r#"{"sources":{"one-1:main":{"file":"../x","sha256":"1"}}}"#,
    );
    build.bq(&["status", "--workspace", "ws"]).fails(1).says(
        "ws/lock.json`\ncaused by: `sources[\"one-1:main\"].file` is not the name of a file\nhint: remove it, then plan again: `bq scripts/build_sysroot.lua --workspace ",
    );
    let plan = build.read("ws/plan.json");
    build.write("ws/lock.json", "{}");
    build.write(
        "ws/plan.json",
        &plan.replace("\"schema\": ", "\"schema\": 9"),
    );
    build
        .bq(&["status", "--workspace", "ws"])
        .fails(1)
        .says(": it was made by another version of bq\nhint: plan again: ");
    // The coordinator makes such a plan again by itself.
    build
        .bq(&["coordinator", "--workspace", "ws"])
        .ok()
        .says("the plan was made by another version of bq: making the plan again\n");
    assert_eq!(build.read("ws/plan.json"), plan);
    // One that is cut off, and a command that is, are made anew by the command that the hint names.
    let hint = format!(
        "hint: plan again: `bq scripts/build_sysroot.lua --workspace {}`\n",
        build
            .at("ws")
            .canonicalize()
            .expect("it is there")
            .display()
    );
    for name in ["plan.json", "command.json"] {
        build.write(&format!("ws/{name}"), "{ \"cut");
        build
            .bq(&["coordinator", "--workspace", "ws"])
            .fails(1)
            .says(&hint);
        build.stage("./seed.tar.gz", &[]).ok().says(&format!(
            "warning: `{name}` of the workspace is damaged, and is made anew"
        ));
        build.bq(&["coordinator", "--workspace", "ws"]).ok();
        assert_eq!(build.read("ws/plan.json"), plan);
    }
    // A lock without anything in it may be written as a list.
    build.write("ws/lock.json", "[]");
    build.stage("./seed.tar.gz", &[]).ok();
}

/// The benchmark's serial script: a build that was watched inside the staged rootfs, done again by a shell alone.
#[test]
fn what_the_benchmark_records_makes_the_same_files() {
    if !can_build() {
        return;
    }
    let build = Build::new(&[]);
    build.plain_seed();
    let place = build.path().display().to_string();
    let code = r#"
        local serial, space = require "serial", require("bq.workspace").new(arg[1] .. "/ws")
        serial.record(space, 2)
        io.write(serial.script(space, space:at "build"))"#;
    let library = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench");
    let generate = "require('generated').write(arg[1], 3)";
    Run::of(bq(build.path()).args(["--lib", library, "-e", generate, &place])).ok();
    build.stage("./seed.tar.gz", &[]).ok();
    let script = Run::of(bq(build.path()).args(["--lib", library, "-e", code, &place])).ok();
    build.write("script.sh", &script.stdout);
    let mut shell = Command::new("unshare");
    shell
        .args(["--user", "--map-root-user", "--mount", "--pid", "--fork"])
        .args(["sh", "script.sh", &build.at("work").display().to_string()])
        .current_dir(build.path());
    Run::of(&mut shell).ok();
    for step in ["p00001", "p00002", "p00003"] {
        let file = build.at(&format!("work/out/one-{step}/opt/{step}"));
        assert_eq!(std::fs::read(&file).expect("it was made"), b"x", "{step}");
    }
}
