//! Steps that the workers of a server build, and all that can go wrong with them.

use std::collections::BTreeSet;
use std::os::unix::process::CommandExt;
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::finishing::{other, program};
use super::rpc::{Can, Content, Fault, Remote, Seen};
use super::workers::Workers;
use super::{Left, Rig, interruptions, names, needs_namespaces, sha256};
use crate::support::{eventually, processes_with};

/// Workers with a folder in the rig.
fn workers(rig: &Rig) -> Workers {
    std::fs::create_dir_all(rig.path("workers/tmp")).expect("it can be made");
    Workers {
        folder: rig.path("workers"),
        ..Workers::default()
    }
}

fn server(workers: Workers, judge: impl Fn(&Seen) -> Fault + Send + Sync + 'static) -> Remote {
    with(workers, Content::default(), judge)
}

fn with(
    workers: Workers,
    content: Content,
    judge: impl Fn(&Seen) -> Fault + Send + Sync + 'static,
) -> Remote {
    let can = Can {
        workers,
        ..Can::default()
    };
    Remote::start(can, content, None, judge)
}

/// Fault in the first call of a method.
fn at_first(method: &'static str, fault: Fault) -> impl Fn(&Seen) -> Fault + Send + Sync {
    move |seen| {
        if seen.method == method && seen.count == 1 {
            fault
        } else {
            Fault::None
        }
    }
}

/// Builds in a workspace, with nothing built here that workers can build.
fn build(rig: &Rig, space: &str, remote: &Remote, more: &[&str]) -> Left {
    let url = remote.url();
    let words = ["--remote", &url, "--remote-execute", "--remote-only"];
    rig.build_in(space, &[&words, more].concat())
}

/// The steps that were given to workers, and those that were begun here.
fn begun(left: &Left) -> (Vec<String>, Vec<String>) {
    let (mut away, mut here) = (Vec::new(), Vec::new());
    for line in left.started() {
        let id = line.split(' ').next().unwrap_or_default().to_owned();
        if line.contains(", on a worker: ") {
            away.push(id);
        } else {
            here.push(id);
        }
    }
    (away, here)
}

const ALL: [&str; 5] = ["high/final", "low/alone", "low/app", "low/base", "low/lib"];

/// Nothing is left of builds and actions, and nobody did what is not right.
#[track_caller]
fn is_clean(rig: &Rig, space: &str, remote: &Remote) {
    remote.is_content();
    assert_eq!(names(&rig.path("workers")), ["tmp"]);
    assert_eq!(names(&rig.path("workers/tmp")), [""; 0]);
    has_only_notes(rig, space);
    rig.is_quiet();
}

/// Of what a run shares, only the notes of packed trees are left.
#[track_caller]
fn has_only_notes(rig: &Rig, space: &str) {
    let share = rig.path(&format!("{space}/share"));
    let mut left = names(&share);
    left.retain(|name| name != "new");
    assert_eq!(left, ["archives"]);
    if share.join("new").exists() {
        assert_eq!(names(&share.join("new")), [""; 0]);
    }
}

/// How often a text is said.
fn times(left: &Left, text: &str) -> usize {
    left.err.matches(text).count()
}

const OFF: &str = "warning: no step is given to workers from here on: ";
const NOT_TAKEN: &str = " is built here, since what came from a worker is of no use: ";

#[test]
fn execution_builds_what_a_build_here_does() {
    needs_namespaces!();
    let rig = Rig::built();
    let remote = server(workers(&rig), |_| Fault::None);
    rig.stage_in("other");
    let left = build(&rig, "other", &remote, &[]).is(0);
    assert_eq!(begun(&left), (ALL.map(str::to_owned).into(), Vec::new()));
    assert_eq!(rig.digests("other"), rig.digests("space"));
    let left = left.says("\nworkers built 5 of them\n");
    assert!(!left.err.contains("warning"), "{}", left.err);
    assert_eq!(remote.content().executed.len(), 5);
    // No blob comes twice, the seed and bq among them.
    assert_eq!(remote.content().rewritten, [""; 0]);
    let bytes = remote.content().bytes_in;
    is_clean(&rig, "other", &remote);

    // Another folder has the same actions: nothing is done again, and no input is sent again.
    let first: BTreeSet<_> = remote.content().asked.drain(..).collect();
    rig.stage_in("deep/below/third");
    let left = build(&rig, "deep/below/third", &remote, &[]).is(0);
    assert_eq!(begun(&left).0, ALL);
    let second: BTreeSet<_> = remote.content().asked.drain(..).collect();
    assert_eq!(first, second);
    assert_eq!(remote.content().executed.len(), 5);
    assert_eq!(remote.content().bytes_in, bytes);
    assert_eq!(rig.digests("deep/below/third"), rig.digests("space"));
    is_clean(&rig, "deep/below/third", &remote);

    // What is remembered of archives goes when no step needs them, and not before.
    let gc = ["--workspace", "other", "--remove"];
    let is_of_tree = |name: &str| {
        name.strip_suffix(".json")
            .is_some_and(|stem| stem.len() == 64)
    };
    let remembered = || {
        let mut all = names(&rig.path("other/share/archives"));
        all.retain(|name| is_of_tree(name));
        all
    };
    rig.gc(&gc).is(0);
    let before = remembered();
    rig.gc(&gc).is(0).says("there is nothing to remove");
    rig.replace("packages/alone.lua", "alone\\n", "second\\n");
    let left = build(&rig, "other", &remote, &[]).is(0);
    assert!(!begun(&left).0.is_empty());
    rig.gc(&gc).is(0).says("notes of archives");
    let after = remembered();
    assert!(before.iter().any(|name| !after.contains(name)));
    assert_eq!(after.len(), before.len());
    let left = build(&rig, "other", &remote, &[]).is(0);
    left.says("nothing to do");
}

#[test]
fn execution_goes_on_here_and_on_workers_at_once() {
    needs_namespaces!();
    let rig = Rig::built();
    // An old server says little.
    let remote = server(
        Workers {
            tells: false,
            are_there: None,
            ..workers(&rig)
        },
        |_| Fault::None,
    );
    rig.stage_in("other");
    let url = remote.url();
    let words = ["--remote", &url, "--remote-execute", "--remote-jobs", "1"];
    let left = rig.build_in("other", &[&words[..], &["--jobs", "1"]].concat());
    let (away, here) = begun(&left.is(0));
    // The first two do not wait for each other.
    assert!(away.contains(&"low/base".to_owned()), "{away:?}");
    assert!(here.contains(&"low/alone".to_owned()), "{here:?}");
    assert_eq!(away.len() + here.len(), 5);
    assert_eq!(remote.content().executed.len(), away.len());
    assert_eq!(rig.digests("other"), rig.digests("space"));
    is_clean(&rig, "other", &remote);
}

/// A step that fails after it has written something.
fn failing(rig: &Rig) {
    let source = sha256(&rig.read("mirror/lib-1.tar.gz"));
    rig.recipe(
        "lib",
        &format!(
            r#"depends = {{ "base" }},
  source = {{ {{ url = "http://127.0.0.1:1/lib-{{version}}.tar.gz", sha256 = "{source}", pinned = "1" }} }},
  install = function(b)
    b:say "a line of the log"
    b:write("/bq/build/half", b:read(b.src .. "/data"))
    b:run {{ "/proc/self/exe", "-e", "print('about to fail') os.exit(3)", "an argument" }}
  end"#
        ),
    );
}

/// What is said of a failure, from its first line on, without the folder.
fn said_of(left: &Left, space: &str) -> Vec<String> {
    let lines = left.lines();
    let at = lines
        .iter()
        .position(|line| line == "error: low/lib failed");
    lines[at.expect("it is told")..]
        .iter()
        .filter(|line| {
            !["workers built", "slowest", "    "]
                .iter()
                .any(|one| line.starts_with(one))
        })
        .map(|line| line.replace(&format!("/{space}/"), "/SPACE/"))
        .map(|line| line.replace(&format!("/{space}`"), "/SPACE`"))
        .collect()
}

fn record(rig: &Rig, space: &str) -> Value {
    let text = rig.text(&format!("{space}/logs/low-lib.json"));
    let text = text.replace(&format!("/{space}"), "/SPACE");
    let mut record: Value = serde_json::from_str(&text).expect("it is JSON");
    record["seconds"] = Value::Null;
    record
}

#[test]
fn execution_that_fails_is_told_as_a_failure_here() {
    needs_namespaces!();
    let rig = Rig::new();
    failing(&rig);
    rig.stage(&[]).is(0);
    let local = rig.build(&["--keep-going"]).is(1);
    let remote = server(workers(&rig), |_| Fault::None);
    rig.stage_in("other");
    let left = build(&rig, "other", &remote, &["--keep-going", "--remote-tree"]).is(1);
    assert_eq!(said_of(&left, "other"), said_of(&local, "space"));
    let log = |space: &str| rig.text(&format!("{space}/logs/low-lib.log"));
    assert_eq!(log("other"), log("space"));
    assert!(log("other").contains("about to fail\n"));
    assert_eq!(record(&rig, "other"), record(&rig, "space"));
    // Base and alone.
    let left = left.says("\nworkers built 2 of them\n");
    assert_eq!(begun(&left).1, [""; 0]);

    // Its build tree is here.
    let code = "local fs = require 'bq.fs' io.write(fs.read 'half', fs.read '/bq/src/data')";
    let enter = ["enter", "--workspace", "other", "--step", "lib", "--"];
    let left = rig.run(&[&enter[..], &["/proc/self/exe", "-e", code]].concat());
    assert_eq!(left.is(0).out, "data\ndata\n");
    rig.run(&["log", "lib", "--workspace", "other"])
        .is(0)
        .says("about to fail\n");
    is_clean(&rig, "other", &remote);

    // Without `--remote-tree` there is none, and none is promised.
    rig.stage_in("third");
    let left = build(&rig, "third", &remote, &["--keep-going"]).is(1);
    let hint = "hint: its build tree is gone with the worker; the same command with `--remote-tree` brings it";
    let left = left.says(hint);
    assert!(!left.err.contains("enter.lua"), "{}", left.err);
    assert_eq!(names(&rig.path("third/build")), [""; 0]);
    assert_eq!(log("third"), log("space"));
    let mut local = record(&rig, "space");
    local.as_object_mut().expect("it is one").remove("shell");
    assert_eq!(record(&rig, "third"), local);
    rig.run(&["explain", "lib", "--workspace", "third"])
        .is(0)
        .says("it failed the last time");
    // Then it is brought.
    let left = build(&rig, "third", &remote, &["--keep-going", "--remote-tree"]).is(1);
    left.says("hint: look into it: `bq scripts/enter.lua --step low/lib ");
    assert_eq!(rig.text("third/build/low-lib/build/half"), "data\n");
    is_clean(&rig, "third", &remote);
}

#[test]
fn execution_that_no_worker_takes_is_cancelled_and_built_here() {
    needs_namespaces!();
    let rig = Rig::built();
    let remote = server(
        Workers {
            jobs: 0,
            ..workers(&rig)
        },
        |_| Fault::None,
    );
    rig.stage_in("other");
    let left = build(&rig, "other", &remote, &["--remote-patience", "1"]).is(0);
    let left =
        left.says(": no worker took it for 1 s\nhint: `--remote-patience SECONDS` waits longer; ");
    assert_eq!(times(&left, OFF), 1, "{}", left.err);
    assert_eq!(begun(&left).1, ALL);
    assert_eq!(rig.digests("other"), rig.digests("space"));
    let content = remote.content();
    assert_eq!(content.going_on(), 0);
    assert_eq!(content.cancelled(), content.asked.len());
    assert!(content.cancelled() > 0);
    drop(content);
    // What came back has not failed.
    let journal = rig.text("other/journal.jsonl");
    assert!(!journal.contains("\"ok\":false"), "{journal}");
    is_clean(&rig, "other", &remote);
}

#[test]
fn execution_tells_the_time_in_the_queue() {
    needs_namespaces!();
    let rig = Rig::new();
    let remote = server(
        Workers {
            queued: 125,
            ..workers(&rig)
        },
        |_| Fault::None,
    );
    rig.stage_in("other");
    build(&rig, "other", &remote, &[])
        .is(0)
        .says("\nworkers built 5 of them, after 10 min 25 s in queues\n");
}

#[test]
fn execution_whose_stream_is_lost_goes_on() {
    needs_namespaces!();
    let rig = Rig::built();
    let faults: [(Fault, Fault, bool, &str); 5] = [
        (Fault::Reset, Fault::None, true, "WaitExecution"),
        (Fault::End, Fault::None, true, "WaitExecution"),
        // The server knows nothing of it any more, or cannot say it: it is asked for again, and joins what goes on.
        (Fault::Reset, Fault::Status(5, "lost"), true, "Execute"),
        (Fault::Reset, Fault::None, false, "Execute"),
        (Fault::Status(14, "later"), Fault::None, true, "Execute"),
    ];
    for (index, (fault, then, waits, method)) in faults.into_iter().enumerate() {
        let remote = server(
            Workers {
                waits,
                ..workers(&rig)
            },
            move |seen| match (seen.method.as_str(), seen.count) {
                ("Execute", 1) => fault,
                ("WaitExecution", 1) => then,
                _ => Fault::None,
            },
        );
        let space = format!("space-{index}");
        rig.stage_in(&space);
        let left = build(&rig, &space, &remote, &[]).is(0);
        assert!(!left.err.contains("warning"), "{}", left.err);
        assert_eq!(begun(&left).0, ALL);
        assert_eq!(rig.digests(&space), rig.digests("space"));
        let content = remote.content();
        assert_eq!(content.executed.len(), 5, "{index}");
        let expected = if method == "Execute" { (6, 1) } else { (5, 1) };
        let waited = usize::from(method != "Execute" || index < 4);
        assert_eq!(
            (content.count("Execute"), content.count("WaitExecution")),
            (expected.0, waited),
            "{index}"
        );
        drop(content);
        is_clean(&rig, &space, &remote);
    }
}

#[test]
fn execution_does_not_take_what_is_kept_of_failures_or_without_its_blobs() {
    needs_namespaces!();
    let rig = Rig::built();
    let first = server(workers(&rig), |_| Fault::None);
    rig.stage_in("first");
    build(&rig, "first", &first, &[]).is(0);
    // Results of actions that failed.
    let mut failures = first.copy();
    for result in failures.results.values_mut() {
        // The last exit code counts.
        result.extend([4 << 3, 1]);
    }
    // Results without the blobs of outputs.
    let mut evicted = first.copy();
    evicted.blobs.clear();
    for (space, content) in [("failed", failures), ("evicted", evicted)] {
        let remote = with(workers(&rig), content, |_| Fault::None);
        rig.stage_in(space);
        let left = build(&rig, space, &remote, &[]).is(0);
        assert!(!left.err.contains("warning"), "{}", left.err);
        assert_eq!(begun(&left), (ALL.map(str::to_owned).into(), Vec::new()));
        assert_eq!(rig.digests(space), rig.digests("space"));
        let content = remote.content();
        assert_eq!(content.executed.len(), 5);
        let anew: Vec<bool> = content.asked.iter().map(|(_, anew)| *anew).collect();
        assert_eq!(anew.iter().filter(|anew| **anew).count(), 5, "{anew:?}");
        assert_eq!(anew.len(), 10);
        drop(content);
        is_clean(&rig, space, &remote);
    }
}

#[test]
fn execution_whose_result_is_not_right_is_built_here_and_that_is_said() {
    needs_namespaces!();
    let rig = Rig::built();
    let faults = [
        (Fault::Lacks("log"), "it has no `log`"),
        (Fault::Lacks("output.tar.zst"), "it has no `output.tar.zst`"),
        (
            Fault::Spoil("output.tar.zst"),
            "`output.tar.zst` has another digest than it says",
        ),
        (
            Fault::Spoil("meta.json"),
            "`meta.json` has another digest than it says",
        ),
        (Fault::Lose("meta.json"), "`meta.json` is gone"),
        (
            Fault::Killed,
            "its worker ended with status 137 and left no result",
        ),
    ];
    for (index, (fault, says)) in faults.into_iter().enumerate() {
        let remote = server(workers(&rig), at_first("Execute", fault));
        let space = format!("space-{index}");
        rig.stage_in(&space);
        // One at a time, so that it is known which is the first.
        let left = build(&rig, &space, &remote, &["--remote-jobs", "1"]).is(0);
        let left = left.says(&format!("warning: low/base{NOT_TAKEN}{says}\n"));
        assert_eq!(times(&left, "warning"), 1, "{}", left.err);
        // The others are still given to workers, also those that are built on an output that is wrong on the server.
        assert_eq!(
            begun(&left),
            (ALL.map(str::to_owned).into(), vec!["low/base".to_owned()])
        );
        assert_eq!(rig.digests(&space), rig.digests("space"));
        is_clean(&rig, &space, &remote);
    }
}

#[test]
fn execution_whose_inputs_were_dropped_sends_them_again() {
    needs_namespaces!();
    let rig = Rig::built();
    for (index, fault) in [
        Fault::Forget,
        Fault::Done(5, "an input is gone"),
        Fault::Done(9, "MISSING"),
        Fault::Error(13, "a blob is gone"),
    ]
    .into_iter()
    .enumerate()
    {
        let remote = server(workers(&rig), at_first("Execute", fault));
        let space = format!("space-{index}");
        rig.stage_in(&space);
        // One at a time: otherwise several may miss something.
        let left = build(&rig, &space, &remote, &["--remote-jobs", "1"]).is(0);
        assert!(!left.err.contains("warning"), "{}", left.err);
        assert_eq!(begun(&left).0, ALL);
        let content = remote.content();
        assert_eq!((content.executed.len(), content.asked.len()), (5, 6));
        drop(content);
        assert_eq!(rig.digests(&space), rig.digests("space"));
        is_clean(&rig, &space, &remote);
    }
}

/// A build that cannot use its server says so once, and goes on here.
#[track_caller]
fn goes_on_here(rig: &Rig, space: &str, remote: &Remote, more: &[&str]) -> Left {
    rig.stage_in(space);
    let left = build(rig, space, remote, more).is(0);
    assert_eq!(times(&left, OFF), 1, "{}", left.err);
    assert_eq!(times(&left, NOT_TAKEN), 0, "{}", left.err);
    assert_eq!(rig.digests(space), rig.digests("space"));
    let journal = rig.text(&format!("{space}/journal.jsonl"));
    assert!(!journal.contains("\"ok\":false"), "{journal}");
    left
}

#[test]
fn execution_by_a_server_that_goes_away_goes_on_here() {
    needs_namespaces!();
    let rig = Rig::built();
    let remote = server(workers(&rig), |seen| {
        match (seen.method.as_str(), seen.count) {
            ("Execute", 3) => Fault::Gone,
            _ => Fault::None,
        }
    });
    let left = goes_on_here(&rig, "other", &remote, &[]).says("UNAVAILABLE");
    let (away, here) = begun(&left);
    assert!(away.contains(&"low/lib".to_owned()), "{away:?}");
    assert!(here.contains(&"high/final".to_owned()), "{here:?}");
    rig.is_quiet();
}

#[test]
fn execution_that_is_refused_says_why_and_what_mends_it() {
    needs_namespaces!();
    let rig = Rig::built();
    // No worker knows the property.
    let remote = server(
        Workers {
            properties: Some(vec!["OSFamily", "pool"]),
            ..workers(&rig)
        },
        |_| Fault::None,
    );
    let wrong = ["--remote-property", "colour=blue"];
    let left = goes_on_here(&rig, "colour", &remote, &wrong);
    left.says(
        "FAILED_PRECONDITION: no worker knows the property `colour`\nhint: `--remote-property NAME=VALUE` says ",
    );
    assert_eq!(remote.content().executed.len(), 0);
    // Known ones go along, in order.
    rig.stage_in("known");
    let properties = ["pool=large", "OSFamily=linux", "pool=blue"];
    let words: Vec<&str> = properties
        .iter()
        .flat_map(|one| ["--remote-property", one])
        .collect();
    build(&rig, "known", &remote, &words)
        .is(0)
        .says("\nworkers built 5 of them\n");
    is_clean(&rig, "known", &remote);

    // It has no workers: nothing is sent.
    let none = Workers {
        are_there: Some(false),
        ..workers(&rig)
    };
    let remote = server(none, |_| Fault::None);
    goes_on_here(&rig, "none", &remote, &[]).says("it says that it has no workers");
    assert_eq!(remote.content().bytes_in, 0);
    // It does not say so.
    let remote = server(workers(&rig), |seen| match seen.method.as_str() {
        "Execute" => Fault::Status(12, "no such service"),
        _ => Fault::None,
    });
    goes_on_here(&rig, "silent", &remote, &[]).says("UNIMPLEMENTED: no such service");
    // It takes nothing.
    let remote = server(workers(&rig), |seen| match seen.method.as_str() {
        "Write" | "BatchUpdateBlobs" => Fault::Status(7, "readers"),
        _ => Fault::None,
    });
    goes_on_here(&rig, "readers", &remote, &[]).says("PERMISSION_DENIED: readers");
    // It says what is no message.
    let remote = server(workers(&rig), |_| Fault::Nonsense);
    goes_on_here(&rig, "nonsense", &remote, &[]).says("no message of the Remote Execution API");
}

#[test]
fn execution_of_what_runs_elsewhere_is_by_workers_of_that_architecture() {
    needs_namespaces!();
    let rig = Rig::built();
    let (other, machine) = other();
    let bq = program(machine, env!("CARGO_PKG_VERSION"));
    std::fs::write(rig.path("other-bq"), &bq).expect("it can be written");
    rig.replace(
        "plan.lua",
        "base = { \"low\" }, prefix",
        "base = { \"low\" }, needs_native = true, prefix",
    );
    let stage = |space: &str| {
        let words = ["plan.lua", "--workspace", space, "--mirror", "mirror"];
        rig.run(&[&words[..], &["--offline", "--arch", other]].concat())
            .is(0);
    };
    let remote = server(
        Workers {
            other: Some(bq),
            ..workers(&rig)
        },
        |_| Fault::None,
    );

    // Without a bq of that architecture, what has to run there is not built, and the others are, by workers of this one.
    stage("none");
    let here = ["--remote-property", "pool=all"];
    let left = build(&rig, "none", &remote, &here).is(0);
    let left = left.says("warning: left out: high, since what is built has to run there: ");
    assert_eq!(
        begun(&left),
        (ALL[1..].iter().map(|&one| one.to_owned()).collect(), vec![])
    );

    // Only its own workers get the property.
    let only = format!("{other}:machine=other");
    let words = ["--remote-bq", "other-bq", "--remote-property", &only];
    let words = [&here[..], &words].concat();
    let left = build(&rig, "none", &remote, &words).is(0);
    assert_eq!(begun(&left), (vec![ALL[0].to_owned()], vec![]));
    assert_eq!(rig.digests("none"), rig.digests("space"));
    stage("all");
    let left = build(&rig, "all", &remote, &words).is(0);
    assert_eq!(begun(&left), (ALL.map(str::to_owned).into(), vec![]));
    assert_eq!(rig.digests("all"), rig.digests("space"));
    is_clean(&rig, "all", &remote);

    // What no worker builds is not built here.
    let gone = server(workers(&rig), |seen| match seen.method.as_str() {
        "Execute" => Fault::Status(3, "not today"),
        _ => Fault::None,
    });
    stage("gone");
    let left = build(&rig, "gone", &gone, &words).is(1);
    let left = left.says("INVALID_ARGUMENT: not today").says(&format!(
        "warning: high/final is left out, because no worker of {other} builds it\n"
    ));
    assert_eq!(left.done().len(), 4);
    let left = build(&rig, "gone", &remote, &words).is(0);
    assert_eq!(begun(&left), (vec![ALL[0].to_owned()], vec![]));

    // More of such steps than go away at once wait for their turn, while the others are built here, too.
    let plan = rig.text("plan.lua");
    rig.recipe("more", "files = { [\"/usr/more\"] = \"more\\n\" }");
    rig.replace("plan.lua", "{ \"final\" }", "{ \"final\", \"more\" }");
    stage("turn");
    let url = remote.url();
    let execute = ["--remote", &url, "--remote-execute", "--remote-jobs", "1"];
    let left = rig.build_in("turn", &[&execute[..], &words].concat()).is(0);
    let away = begun(&left).0;
    assert!(away.contains(&"high/final".to_owned()), "{away:?}");
    assert!(away.contains(&"high/more".to_owned()), "{away:?}");
    // The compiler of the seed does not run there.
    rig.replace(
        "packages/more.lua",
        "strip = false,",
        "strip = false,\n  seed_at = \"/opt/seed\",",
    );
    stage("turn");
    let left = rig.build_in("turn", &[&execute[..], &words].concat()).is(1);
    left.says("warning: high/more is left out, because it needs the compiler of the seed, ");
    rig.write("plan.lua", &plan);

    // Nor does a compiler of this machine, if the plan has one. It can be planned without.
    rig.replace(
        "plan.lua",
        "prefix = \"/opt\"",
        "of_machine = { core = { programs = { \"alone\" } } }, prefix = \"/opt\"",
    );
    stage("mixed");
    let left = build(&rig, "mixed", &remote, &words).is(1);
    left.says("warning: high/final is left out, because it needs a compiler of this machine: make the plan by `--foreign-workers`");
    let own = ["plan.lua", "--workspace", "mixed", "--mirror", "mirror"];
    rig.run(
        &[
            &own[..],
            &["--offline", "--arch", other, "--foreign-workers"],
        ]
        .concat(),
    )
    .is(0);
    let left = build(&rig, "mixed", &remote, &words).is(0);
    assert!(begun(&left).0.contains(&"high/final".to_owned()));
    rig.write("plan.lua", &plan);

    // A bq that cannot run there.
    let here = rig.bq.to_string_lossy().into_owned();
    build(&rig, "gone", &remote, &["--remote-bq", &here])
        .is(1)
        .says(&format!("is no bq for a root of {other}\n"));
    build(&rig, "gone", &remote, &["--remote-bq", "none"])
        .is(2)
        .says("error: `--remote-bq none`: there is no such file\n");
    is_clean(&rig, "gone", &remote);
}

#[test]
fn execution_by_workers_without_namespaces_says_what_mends_it() {
    needs_namespaces!();
    let rig = Rig::built();
    // Who is nobody in a user namespace cannot make another one.
    let code = "require('bq.syscall').unshare { 'user' }
        require('bq.process').exec { argv = { table.unpack(arg) } }";
    let runner = [rig.bq.to_str().expect("it is text"), "-e", code];
    let remote = server(
        Workers {
            runner: runner.map(str::to_owned).into(),
            ..workers(&rig)
        },
        |_| Fault::None,
    );
    let left = goes_on_here(&rig, "other", &remote, &[]);
    left.says("cannot make namespaces: unshare `user,mount`: Operation not permitted (EPERM)\n")
        .says("hint: its workers have to allow user namespaces; those that run actions in bubblewrap do by ")
        .says("`--remote-property unixUID=1000 --remote-property unixGID=1000`\n");
    is_clean(&rig, "other", &remote);
}

/// With this number of jobs, which no worker has, the step ends.
const ENDS: &str = "77";

/// A rig whose `lib` never ends on a worker.
fn endless() -> Rig {
    let rig = Rig::new();
    interruptions::endless(&rig, &format!("b.jobs ~= {ENDS}"));
    rig.stage(&[]).is(0);
    rig
}

#[test]
fn execution_is_cancelled_when_a_build_is_stopped_or_killed() {
    needs_namespaces!();
    for signal in [Signal::SIGINT, Signal::SIGKILL] {
        let rig = endless();
        let remote = server(workers(&rig), |_| Fault::None);
        let url = remote.url();
        let words = ["--remote", &url, "--remote-execute", "--remote-only"];
        let all = [&["coordinator", "--workspace", "space"], &words[..]].concat();
        let child = rig
            .command(&all)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("bq starts");
        let mark = rig.mark();
        eventually("the step", || processes_with(&mark).len() >= 2);
        // It can be looked at.
        let status = rig.run(&["status", "--workspace", "space"]).is(0);
        assert!(status.out.contains("running  low/lib"), "{}", status.out);
        rig.run(&["log", "lib", "--workspace", "space"])
            .is(0)
            .says("== work\n");
        let pid = child.id().cast_signed();
        let is_stopped = signal == Signal::SIGINT;
        kill(Pid::from_raw(if is_stopped { -pid } else { pid }), signal).expect("it is there");
        let left: Left = child.wait_with_output().expect("it ends").into();
        let here = rig.path("space").display().to_string();
        eventually("the end of all that runs here", || {
            processes_with(&here).is_empty()
        });
        if is_stopped {
            left.is(130).says(
                "error: the build was stopped\ncaused by: signal INT\nhint: the same command goes on\n",
            );
            assert_eq!(remote.content().cancelled(), 1);
            has_only_notes(&rig, "space");
            eventually("the end of the step", || processes_with(&mark).is_empty());
        } else {
            // Nobody could say that it is not wanted any more.
            assert_eq!(remote.content().going_on(), 1);
            let names: Vec<String> = remote.content().operations.keys().cloned().collect();
            for name in &names {
                remote.content().cancel(name);
            }
        }
        rig.is_quiet();
        // It goes on.
        let left = rig.build(&["--jobs", ENDS, "--remote", &url]).is(0);
        assert!(!left.err.contains("start  low/base"), "{}", left.err);
        has_only_notes(&rig, "space");
        // What the worker left is removed by the next step there.
        assert_eq!(names(&rig.path("workers/tmp")).len(), 1);
        rig.replace("packages/final.lua", "seed is in sight", "seed is there");
        assert_eq!(begun(&rig.build(&words).is(0)).0, ["high/final"]);
        is_clean(&rig, "space", &remote);
    }
}

#[test]
fn execution_is_asked_for_rightly() {
    needs_namespaces!();
    let rig = Rig::new();
    rig.stage(&[]).is(0);
    let wants = "error: `--remote-execute` wants a server with workers\nhint: name it: `--remote grpc://HOST:PORT[/INSTANCE]`\n";
    rig.build(&["--remote-execute"]).is(2).says(wants);
    let http = ["--remote", "http://127.0.0.1:1", "--remote-execute"];
    rig.build(&http).is(2).says(wants);
    let grpc = ["--remote", "grpc://127.0.0.1:1", "--remote-execute"];
    for wrong in ["pool", "=large"] {
        let left = rig.build(&[&grpc[..], &["--remote-property", wrong]].concat());
        left.is(2).says(&format!(
            "error: `--remote-property {wrong}`: not a property\nhint: `NAME=VALUE`, as its engine knows it; "
        ));
    }
    let key = rig.run(&["key", "ci"]).is(0).out;
    rig.write("trusted", &format!("1 of\n{key}"));
    rig.build(&[&grpc[..], &["--trust", "trusted"]].concat())
        .is(2)
        .says("error: `--remote-execute` and `--trust` contradict each other");
    for (option, value) in [("--remote-jobs", "0"), ("--remote-patience", "none")] {
        rig.build(&[&grpc[..], &[option, value]].concat())
            .is(2)
            .says(&format!(
                "error: `{option}` wants a whole number from 1 up, not `{value}`"
            ));
    }
    assert_eq!(names(&rig.path("space/store")), [""; 0]);
}
