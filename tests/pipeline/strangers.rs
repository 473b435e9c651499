//! What a step leaves behind is untrusted data: it must not end a run, nor lead outside.

use crate::{Rig, needs_namespaces};

/// A call that runs Lua as a program of a step, with all natives.
fn program(code: &str) -> String {
    format!(
        "b:run {{ '/proc/self/exe', '-e', [==[local fs, process = require 'bq.fs', require 'bq.process' {code}]==] }}"
    )
}

/// A rig whose `lib` runs this.
fn rig(body: &str) -> Rig {
    let rig = Rig::new();
    rig.stage(&[]).is(0);
    rig.recipe("lib", &format!("install = function(b)\n    {body}\n  end"));
    rig
}

#[test]
fn what_a_step_leaves_in_its_home() {
    needs_namespaces!();
    let file = "/bq/home/.failure.json";
    for (what, body) in [
        ("junk", format!("fs.write('{file}', 'junk')")),
        (
            "types",
            format!("fs.write('{file}', '{{\"lines\":[1],\"command\":2}}')"),
        ),
        // Where the workspace is for who reads the file.
        (
            "a link",
            format!("fs.symlink('/var/lib/bq/secret.json', '{file}')"),
        ),
        ("a folder", format!("fs.mkdir('{file}/a')")),
        ("no home", "fs.chmod('/bq/home', 0)".to_owned()),
    ] {
        let rig = rig(&program(&format!(
            "{body} process.kill(require('bq.syscall').getppid(), 'KILL')"
        )));
        rig.write("space/secret.json", "{\"lines\":[\"error: a secret\"]}");
        let left = rig.build(&["--keep-going"]).is(1);
        let left = left.says("5 steps: 2 done, 1 failed, 2 blocked\n");
        assert!(!left.err.contains("a secret"), "{what}: {}", left.err);
        assert!(!left.err.contains("attempt to"), "{what}: {}", left.err);
        // The log says what is wrong with the file. In the last case there is none.
        let problem = match what {
            "junk" => Some("caused by: decode: "),
            "types" => Some("caused by: `command` is a number, expected a map\n"),
            "a link" => Some("(ELOOP)\n"),
            "a folder" => Some("it is a dir, not a file\n"),
            _ => None,
        };
        let log = rig.text("space/logs/low-lib.log");
        if let Some(problem) = problem {
            let says = "error: cannot read the failure of a step `";
            assert!(log.contains(says) && log.contains(problem), "{what}: {log}");
        }
        // The next run removes it.
        rig.recipe(
            "lib",
            "depends = { \"base\" }, files = { [\"/opt/lib\"] = \"lib\" }",
        );
        rig.build(&[]).is(0);
    }
}

#[test]
fn what_a_step_prints() {
    needs_namespaces!();
    let rig = rig(
        "b:say('\\27]0;title\\7first') b:say 'x.c:1: error: the one that counts'
    for number = 1, 200 do b:say('later ' .. number) end
    require('bq.fail').raise('\\27[2Jstops', { cause = '\\u{9b}31m' })",
    );
    let left = rig.build(&[]).is(1);
    for line in [
        "  | \\x1b]0;title\\x07first\n",
        "  | x.c:1: error: the one that counts\n  | later 1\n",
        "  | later 200\n",
        "caused by: \\x1b[2Jstops\n",
        "caused by: \\x9b31m\n",
    ] {
        assert!(left.err.contains(line), "{line}: {}", left.err);
    }
    assert!(!left.err.contains("later 100\n"), "{}", left.err);
    let raw = |c: char| c.is_control() && c != '\n';
    assert!(!left.err.contains(raw), "{:?}", left.err);
}

#[test]
fn a_step_that_never_stops_talking() {
    needs_namespaces!();
    let rig = rig("while true do b:say(('x'):rep(100000)) end");
    rig.build(&["--log-limit", "1", "--keep-going"])
        .is(1)
        .says("low/lib failed")
        .says("caused by: its log grew over 1 MiB, and the step was ended\n")
        .says("hint: let its programs say less, or allow more by `--log-limit`\n");
    // No process of it runs any more, and a later run starts again.
    rig.build(&["--log-limit", "1"])
        .is(1)
        .says("its log grew over 1 MiB");
}

/// A recipe that leaves a process behind, which does this with an end of its jobserver until the step ends.
fn at_the_jobserver(end: usize, what: &str) -> String {
    let mode = if end == 1 { "r" } else { "w" };
    let run = format!(
        "local fds = require('bq.json').decode(arg[1])
        process.spawn {{
          argv = {{ '/proc/self/exe', '-e', [[
            local file = io.open('/proc/self/fd/' .. arg[1], '{mode}')
            file:setvbuf 'no'
            {what}
          ]], tostring(fds[{end}]) }},
          pass = fds,
        }}
        while not fs.stat '/bq/home/begun' do process.wait_any {{ timeout = 0.01 }} end
        process.wait_any {{ timeout = 0.1 }}"
    );
    let run = program(&run).replace("]==] }", "]==], require('bq.json').encode(b.pass) }");
    format!(
        "install = function(b)
    {run}
    b:write(b.dest .. '/opt/' .. b.name, b.name)
  end"
    )
}

/// A rig whose `base` does this to its jobserver. After it, `lib` and `alone` can be built at the same time.
fn with_a_bad_base(end: usize, what: &str) -> Rig {
    let rig = Rig::new();
    rig.recipe("base", &at_the_jobserver(end, what));
    for name in ["lib", "alone"] {
        rig.recipe(
            name,
            &format!(
                "depends = {{ \"base\" }}, install = function(b)
    {}
    b:write(b.dest .. '/opt/{name}', '{name}')
  end",
                program("process.wait_any { timeout = 0.5 }")
            ),
        );
    }
    rig.stage(&[]).is(0);
    rig
}

const BEGUN: &str = "require('bq.fs').write('/bq/home/begun', '')";

#[test]
fn a_jobserver_that_a_step_fills() {
    needs_namespaces!();
    let fill = format!("file:write(('+'):rep(60000)) {BEGUN} file:write(('+'):rep(1 << 20))");
    let rig = with_a_bad_base(2, &fill);
    let left = rig.build(&["--jobs", "3"]).is(0);
    left.says("5 steps: 5 done\n");
    rig.is_quiet();
}

#[test]
fn a_jobserver_that_a_step_drains() {
    needs_namespaces!();
    let rig = with_a_bad_base(1, &format!("{BEGUN} file:read(1 << 20)"));
    let left = rig.build(&["--jobs", "2"]).is(0);
    let left = left.says("5 steps: 5 done\n");
    // The later steps have all slots: two run at the same time.
    let at = |text: &str| {
        left.err
            .find(text)
            .unwrap_or_else(|| panic!("{text}: {}", left.err))
    };
    let first = at("done   low/lib").min(at("done   low/alone"));
    assert!(at("start  low/lib") < first, "{}", left.err);
    assert!(at("start  low/alone") < first, "{}", left.err);
    rig.is_quiet();
}
