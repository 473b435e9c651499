//! What a run shows: to people at a terminal, to those who read its lines later, and to programs.

use std::fs::File;
use std::io::Read;
use std::process::Stdio;

use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::support::screen::screen;
use crate::support::{eventually, processes_with};
use crate::{Left, Rig, needs_namespaces};

/// The events that a program wrote.
fn events(left: &Left) -> Vec<Value> {
    left.out
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect()
}

/// An event in a few words: what it is, and of what.
fn told(event: &Value) -> String {
    let word = |name: &str| event[name].as_str().unwrap_or_default();
    let of = ["step", "program", "activity"].map(word).concat();
    format!("{} {of}", word("event"))
}

#[test]
fn events_for_programs() {
    needs_namespaces!();
    let rig = Rig::new();
    let staged = events(&rig.stage(&["--json"]).is(0));
    assert_eq!(told(&staged[0]), "start plan");
    assert!(
        staged
            .iter()
            .any(|e| told(e) == "start seed tarball:seed.tar.gz")
    );
    let summary = staged
        .iter()
        .find(|e| e["event"] == "summary")
        .expect("one");
    assert_eq!(summary["steps"], 5);
    assert_eq!(told(&staged[staged.len() - 1]), "end plan");

    let built = events(&rig.build(&["--json", "--jobs", "1"]).is(0));
    for event in &built {
        assert!(
            event["time"].as_u64().is_some_and(|t| t > 1_700_000_000),
            "{event}"
        );
    }
    let words: Vec<String> = built.iter().map(told).collect();
    assert_eq!(words[0], "start coordinator");
    assert_eq!(built[0]["format"], 1);
    for step in ["low/base", "low/lib", "low/app", "low/alone", "high/final"] {
        let place = |word: &str| words.iter().position(|w| *w == format!("{word} {step}"));
        assert!(
            place("start").is_some_and(|at| Some(at) < place("end")),
            "{words:?}"
        );
    }
    let end = built
        .iter()
        .find(|e| told(e) == "end low/base")
        .expect("one");
    assert_eq!(end["ok"], true);
    assert_eq!(end["output"].as_str().map(str::len), Some(64));
    let summary = built.iter().find(|e| e["event"] == "summary").expect("one");
    assert_eq!(
        (&summary["built"], &summary["reused"], &summary["failed"]),
        (&5.into(), &0.into(), &0.into())
    );
    assert_eq!(summary["states"]["done"], 5);
    assert_eq!(summary["slowest"].as_array().map(Vec::len), Some(5));
    let last = &built[built.len() - 1];
    assert_eq!(
        (told(last).as_str(), &last["status"]),
        ("end coordinator", &0.into())
    );
    let starts = words.iter().filter(|w| *w == "start coordinator").count();
    assert_eq!(starts, 1, "inside and outside are one program: {words:?}");
}

#[test]
fn events_of_a_failure() {
    needs_namespaces!();
    let rig = Rig::new();
    rig.stage(&[]).is(0);
    rig.recipe("base", "install = function(b) error('it is broken') end");
    let left = events(&rig.build(&["--json"]).is(1));
    let failure = left
        .iter()
        .find(|e| told(e) == "failure low/base")
        .expect("one");
    assert!(
        failure["log"]
            .as_str()
            .is_some_and(|log| log.ends_with("/space/logs/low-base.log"))
    );
    assert_eq!(left[left.len() - 1]["status"], 1);
    // A failure of the program itself.
    let none = events(
        &rig.run(&["coordinator", "--json", "--workspace", "none"])
            .is(1),
    );
    let failure = none.iter().find(|e| e["event"] == "failure").expect("one");
    assert!(
        failure["message"]
            .as_str()
            .is_some_and(|m| m.starts_with("there is no plan in ")),
        "{failure}"
    );
    assert!(
        failure["hint"].as_str().is_some_and(
            |hint| hint.starts_with("make one: `bq scripts/build_sysroot.lua --workspace ")
        ),
        "{failure}"
    );
}

#[test]
fn lines_without_a_terminal_have_times() {
    needs_namespaces!();
    let rig = Rig::new();
    rig.stage(&[]).is(0);
    let left = rig.build(&[]).is(0);
    for line in left
        .err
        .lines()
        .filter(|l| l.contains("  start  ") || l.contains("  done   "))
    {
        let (time, _) = line.split_once(' ').expect("a time");
        assert!(time.len() == 7 && time.starts_with("0:0"), "{line}");
    }
    let tail = left.err.lines().rev().take(10).collect::<Vec<_>>();
    assert_eq!(tail[0], "5 steps: 5 done");
    assert!(
        tail[1].starts_with("next: `bq scripts/status.lua --workspace "),
        "{tail:?}"
    );
    assert!(
        tail[2].starts_with("log of a step: `bq scripts/log.lua STEP --workspace "),
        "{tail:?}"
    );
    assert!(
        tail[3].starts_with("outputs: ") && tail[3].contains("; the largest: "),
        "{tail:?}"
    );
    assert!(tail[8].starts_with("slowest: "), "{tail:?}");
    for line in &tail[4..8] {
        assert!(
            line.starts_with("         ") && line.ends_with(" s"),
            "{tail:?}"
        );
    }
    assert!(tail[9].starts_with("built 5, reused 0, in "), "{tail:?}");
}

#[test]
fn a_view_on_a_terminal() {
    needs_namespaces!();
    let rig = Rig::new();
    // The first step runs until it was seen: its program ends by a signal only.
    let mark = rig.mark();
    rig.recipe(
        "base",
        &format!(
            r#"install = function(b)
    b:write(b.dest .. "/opt/base", "base\n")
    pcall(b.run, b, {{ "/proc/self/exe", "-e", "require('bq.process').wait_any()", "{mark}" }})
  end"#
        ),
    );
    rig.stage(&[]).is(0);
    let size = Winsize {
        ws_row: 24,
        ws_col: 80,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let terminal = openpty(Some(&size), None).expect("a terminal");
    let child = {
        let mut command = rig.command(&["coordinator", "--workspace", "space", "--jobs", "1"]);
        command.env("TERM", "xterm").env("NO_COLOR", "1");
        command.stdout(Stdio::null()).stderr(terminal.slave);
        command.spawn().expect("bq runs")
    };
    let mut drawn = Vec::new();
    let mut master = File::from(terminal.master);
    let mut part = [0; 4096];
    let mut is_seen = false;
    // Reading fails when every process has closed the other end.
    while let Ok(size @ 1..) = master.read(&mut part) {
        drawn.extend_from_slice(&part[..size]);
        if !is_seen && String::from_utf8_lossy(&drawn).contains("  waits for low/base") {
            is_seen = true;
            let pids = || processes_with(&mark);
            eventually("the program of the first step", || !pids().is_empty());
            for pid in pids() {
                kill(Pid::from_raw(pid), Signal::SIGTERM).expect("it is ours");
            }
        }
    }
    let output = child.wait_with_output().expect("it ends");
    let drawn = String::from_utf8_lossy(&drawn).into_owned();
    assert!(output.status.success(), "{drawn}");
    // It was there while the steps ran.
    for part in [
        "0 of 5 steps  [",
        "1 of 1 jobs · ",
        " free",
        "low/base",
        "  waits for low/base",
    ] {
        assert!(drawn.contains(part), "`{part}` in {drawn:?}");
    }
    // Afterwards only the messages are left, and no line is too long for the view.
    let lines = screen(&drawn, 80);
    assert!(
        lines[0].starts_with("building 5 of 5 steps for "),
        "{lines:?}"
    );
    assert!(lines[1].starts_with("  start  low/base 1: "), "{lines:?}");
    assert!(
        !lines.iter().any(|line| line.contains("waits for")),
        "{lines:?}"
    );
    assert_eq!(lines[lines.len() - 2..], ["5 steps: 5 done", ""]);
}
