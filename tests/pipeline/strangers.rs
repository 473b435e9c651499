//! What a step leaves behind is data of a stranger: it ends no run, and leads nowhere.

use crate::{Rig, needs_namespaces};

/// A rig whose `lib` does this, and then fails.
fn rig(body: &str) -> Rig {
    let rig = Rig::new();
    rig.stage(&[]).is(0);
    rig.recipe(
        "lib",
        &format!(
            "install = function(b)
    local fs, process = require 'bq.fs', require 'bq.process'
    local function run(code) b:run {{ '/usr/local/bin/bq', '-e', code }} end
    {body}
  end"
        ),
    );
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
        (
            "a link",
            format!("fs.symlink('../../../../secret.json', '{file}')"),
        ),
        ("a folder", format!("fs.mkdir('{file}/a')")),
        ("no home", "fs.chmod('/bq/home', 0)".to_owned()),
    ] {
        let rig = rig(&format!(
            "{body}
    process.kill(require('bq.syscall').getpid(), 'KILL')"
        ));
        rig.write("space/secret.json", "{\"lines\":[\"error: a secret\"]}");
        let left = rig.build(&["--keep-going"]).is(1);
        let left = left.says("5 steps: 2 done, 1 failed, 2 blocked\n");
        assert!(!left.err.contains("a secret"), "{what}: {}", left.err);
        assert!(!left.err.contains("attempt to"), "{what}: {}", left.err);
        // The next run clears it away.
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
        "io.stdout:write('\\27]0;title\\7first\\n', 'x.c:1: error: the one that counts\\n')
    for number = 1, 200 do io.stdout:write('later ', number, '\\n') end
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
