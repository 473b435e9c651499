//! Failed steps, and what bq says about them.

use serde_json::Value;

use crate::{Left, Rig, names, needs_namespaces};

const BAD: &str = r#"depends = { "base" },
  install = function(b)
    b:say "a line of the log"
    b:run { "/proc/self/exe", "-e", "print('about to fail') os.exit(3)", "an argument" }
  end"#;

/// A rig whose `lib` fails.
fn failing(more: &str) -> Rig {
    let rig = Rig::new();
    rig.stage(&[]).is(0);
    rig.recipe("lib", more);
    rig
}

/// Runs Lua in the root of `lib`, in its tree.
fn in_lib(rig: &Rig, code: &str) -> Left {
    rig.run(&[
        "enter",
        "--workspace",
        "space",
        "--step",
        "lib",
        "--",
        "/proc/self/exe",
        "-e",
        code,
    ])
}

fn report(rig: &Rig, step: &str) -> Value {
    serde_json::from_str(&rig.text(&format!("space/logs/{step}.json"))).expect("it is JSON")
}

#[test]
fn a_failing_command() {
    needs_namespaces!();
    let rig = failing(BAD);
    let left = rig.build(&["--jobs", "1"]).is(1);
    let folder = rig.folder.path().canonicalize().expect("it is there");
    let folder = folder.display();
    let lines = left.lines();
    let at = lines
        .iter()
        .position(|line| line == "error: low/lib failed")
        .expect("it is told");
    assert_eq!(
        lines[at..],
        [
            "error: low/lib failed",
            "  | == install",
            "  | a line of the log",
            "  | [/bq/build] /proc/self/exe -e 'print('\\''about to fail'\\'') os.exit(3)' 'an argument'",
            "  | about to fail",
            "caused by: `/proc/self/exe` failed",
            "caused by: it ended with status 3",
            "command: /proc/self/exe -e 'print('\\''about to fail'\\'') os.exit(3)' 'an argument'",
            "folder: /bq/build",
            &format!("log: {folder}/space/logs/low-lib.log"),
            &format!(
                "hint: look into it: `bq scripts/enter.lua --step low/lib --workspace {folder}/space`"
            ),
            "warning: low/app is left out, because low/lib failed",
            "warning: high/final is left out, because low/lib failed",
            "built 1, reused 0, failed 1",
            "slowest",
            "outputs: 5 B; the largest: low/base, 5 B",
            &format!("log: {folder}/space/logs/low-lib.log"),
            "next: mend `low/lib`, then run the same command",
            "5 steps: 1 done, 1 failed, 2 blocked, 1 waiting",
        ]
        .map(str::to_owned)
    );
    let log = rig.text("space/logs/low-lib.log");
    assert!(log.contains("about to fail\n"), "{log}");
    let report = report(&rig, "low-lib");
    assert_eq!(report["step"], "low/lib");
    assert_eq!(report["version"], "1");
    assert_eq!(report["command"]["code"], 3);
    assert_eq!(report["command"]["argv"][3], "an argument");
    assert_eq!(report["lines"][0], "error: `/proc/self/exe` failed");
    assert_eq!(
        report["excerpt"][0]["lines"].as_array().map(Vec::len),
        Some(6)
    );
    assert_eq!(report["key"].as_str().map(str::len), Some(40));

    // `status` says so, and its build tree can be entered.
    let status = rig.run(&["status", "--workspace", "space"]).is(0);
    assert!(status.out.contains("failed   low/lib"), "{}", status.out);
    assert!(
        status
            .out
            .ends_with("5 steps: 1 done, 1 failed, 1 next, 2 waiting\n"),
        "{}",
        status.out
    );
    let code = "local fs = require 'bq.fs' print(fs.cwd(), fs.stat '/bq/dest' ~= nil, fs.read '/opt/base')";
    assert_eq!(in_lib(&rig, code).is(0).out, "/bq/build\ttrue\tbase\n\n");

    // Unchanged, it fails again. When it is mended, everything is built, and nothing of the failure is left.
    rig.build(&[])
        .is(1)
        .says("low/lib 1: it failed the last time");
    rig.recipe(
        "lib",
        "depends = { \"base\" }, files = { [\"/opt/lib\"] = \"lib\\n\" }",
    );
    rig.build(&[]).is(0);
    assert_eq!(names(&rig.path("space/build")), [""; 0]);
    rig.is_quiet();
}

/// A tree that is kept shows the output as the store has it, and cannot change it.
#[test]
fn kept_trees_are_entered() {
    needs_namespaces!();
    let rig = Rig::new();
    rig.stage(&[]).is(0);
    rig.build(&["--keep-build"]).is(0);
    let code = "local fs = require 'bq.fs'
        local ok, err = pcall(fs.write, '/bq/dest/opt/lib', 'changed')
        print(fs.cwd(), fs.stat '/bq/dest/opt/lib' ~= nil, ok, err and err.code)";
    assert_eq!(
        in_lib(&rig, code).is(0).out,
        "/bq/build\ttrue\tfalse\tEROFS\n"
    );
    // Its output is removed, and the tree can still be entered.
    std::fs::remove_dir_all(rig.stored("low/lib")).expect("it is there");
    let code = "print(#require('bq.fs').list '/bq/dest')";
    assert_eq!(in_lib(&rig, code).is(0).out, "0\n");
    rig.is_quiet();
}

#[test]
fn keep_going_builds_what_does_not_need_it() {
    needs_namespaces!();
    let rig = failing(BAD);
    let left = rig.build(&["--keep-going"]).is(1);
    let left = left
        .says("warning: low/app is left out, because low/lib failed\n")
        .says("warning: high/final is left out, because low/");
    assert!(
        left.err.ends_with("5 steps: 2 done, 1 failed, 2 blocked\n"),
        "{}",
        left.err
    );
    let done: Vec<String> = rig.outputs().into_keys().collect();
    assert_eq!(done, ["low/alone", "low/base"]);
}

#[test]
fn other_ways_to_fail() {
    needs_namespaces!();
    let rig = failing("install = function(b) end");
    for (body, lines) in [
        (
            "b:run { '/proc/self/exe', '-e', 'require(\"bq.process\").kill(require(\"bq.syscall\").getpid(), \"KILL\")' }",
            vec![
                "error: `/proc/self/exe` failed",
                "caused by: it was ended by signal KILL",
            ],
        ),
        (
            "b:run { '/none', 'x' }",
            vec!["error: run `/none`: No such file or directory (ENOENT)"],
        ),
        (
            "b:read '/opt/none'",
            vec!["error: read `/opt/none`: No such file or directory (ENOENT)"],
        ),
        (
            "b:write(b.dest .. '/file', 'text') b:replace(b.dest .. '/file', 'other', 'x')",
            vec!["error: `/bq/dest/file` has no text `other` to replace"],
        ),
        (
            "require('bq.fail').raise('no', { cause = 'because', hint = 'so' })",
            vec!["error: no", "caused by: because", "hint: so"],
        ),
    ] {
        rig.recipe("lib", &format!("install = function(b) {body} end"));
        rig.build(&[]).is(1);
        let report = report(&rig, "low-lib");
        assert_eq!(report["lines"], serde_json::json!(lines), "{body}");
    }
    // An error in the recipe's Lua names file and line.
    rig.recipe("lib", "install = function(b)\n    local x = nil + 1\n  end");
    rig.build(&[]).is(1);
    let report = report(&rig, "low-lib");
    assert_eq!(report["lines"][0], "error: the step's Lua has a mistake");
    let trace = report["lines"][1].as_str().expect("it is text");
    assert!(
        trace.starts_with("caused by: lib.lua:8: attempt to perform arithmetic"),
        "{trace}"
    );
}

#[test]
fn a_step_cannot_write_outside_of_its_output() {
    needs_namespaces!();
    let rig = Rig::built();
    let before = rig.outputs();
    // What it writes into its root is thrown away. What it removes is there again for the next shell.
    rig.recipe(
        "lib",
        "depends = { \"base\" }, install = function(b)
    b:write('/etc/seed', 'changed')
    b:remove '/opt'
    b:write('/etc/new', 'x')
    b:write(b.dest .. '/opt/lib', 'lib')
  end, may_write = { '/etc/seed', '/opt', '/etc/new' }",
    );
    rig.build(&[]).is(0);
    assert_eq!(rig.text("space/rootfs/etc/seed"), "a seed\n");
    assert!(!rig.path("space/rootfs/etc/new").exists());
    let verified = rig
        .run(&["verify", "--workspace", "space", "--store"])
        .is(0);
    assert!(verified.err.contains(": 0 damaged"), "{}", verified.err);
    assert_eq!(rig.outputs()["low/base"], before["low/base"]);
}
