//! Steps that do harm by their outputs or by signals.

use std::os::unix::process::CommandExt;
use std::process::Stdio;

use crate::support::builds::{Build, Run, can_build};
use crate::support::{bq, eventually, processes_with};

pub(crate) fn a_step_that_kills_all_it_can() {
    if !can_build() {
        return;
    }
    let build = Build::new(&[(
        "kills",
        r#"return {
  name = "kills", version = "1", license = "MIT", strategy = "files", strip = false,
  install = function(b)
    local code = [[
      local fs, process = require "bq.fs", require "bq.process"
      process.kill(1, "KILL")
      process.kill(1, "STOP")
      -- All that it sees but itself and the step that has to go on.
      local stat = fs.read "/proc/self/stat"
      local own, parent = stat:match "^%d+", stat:match "%) %S (%d+)"
      for _, name in ipairs(fs.list "/proc") do
        if name:find "^%d+$" and name ~= own and name ~= parent then
          pcall(process.kill, tonumber(name), "KILL")
        end
      end
    ]]
    b:run { "/proc/self/exe", "-e", code }
    b:write(b.dest .. "/opt/alive", "alive\n")
  end,
}"#,
    )]);
    build.plain_seed();
    build.stage("./seed.tar.gz", &[]).ok();
    let mark = format!("bystander{}", std::process::id());
    let mut bystander = bq(build.path());
    bystander
        .args(["-e", "require('bq.process').wait_any()", &mark])
        .stdin(Stdio::null())
        .process_group(0);
    let mut bystander = bystander.spawn().expect("bq starts");
    eventually("the bystander", || !processes_with(&mark).is_empty());
    build.bq(&["coordinator", "--workspace", "ws"]).ok();
    assert!(bystander.try_wait().expect("it is ours").is_none());
    bystander.kill().expect("it is ours");
    bystander.wait().expect("it ends");
}

pub(crate) fn links_in_outputs_lead_nowhere() {
    if !can_build() {
        return;
    }
    // Each mount point of the next step's root, or a folder above it.
    for (place, target) in [
        ("/bq", "/var/lib/bq/store"),
        ("/bq", "/usr/local"),
        ("/tmp", "/var/lib/bq"),
        ("/dev", "/var/lib/bq"),
        ("/proc", "/usr"),
        ("/sys", "/var/lib/bq"),
        ("/var", "/usr"),
        ("/var/lib/bq", "/usr/local"),
    ] {
        let links = format!(
            r#"return {{
  name = "links", version = "1", license = "MIT", strategy = "files", strip = false, links = {{ ["{place}"] = "{target}" }},
}}"#
        );
        let next = r#"return {
  name = "next", version = "1", license = "MIT", strategy = "files", strip = false, depends = { "links" },
  install = function(b)
    b:write(b.dest .. "/opt/next", "next\n")
  end,
}"#;
        let build = Build::new(&[("links", &links), ("next", next)]);
        build.plain_seed();
        build.stage("./seed.tar.gz", &[]).ok();
        let before = build.bq(&["-e", TREE, "ws/rootfs"]).ok().stdout;
        let run: Run = build.bq(&["coordinator", "--workspace", "ws"]);
        // It may be refused or work, but must not lead outside.
        assert!(matches!(run.status, Some(0 | 1)), "{place}: {}", run.stderr);
        assert!(!run.stderr.contains("traceback"), "{place}: {}", run.stderr);
        let after = build.bq(&["-e", TREE, "ws/rootfs"]).ok().stdout;
        assert_eq!(before, after, "{place} → {target}: {}", run.stderr);
        for name in build.list("ws/store") {
            assert!(
                name.len() == 40,
                "{place} → {target}: {name} is in the store"
            );
        }
        for name in build.list("ws") {
            let known = [
                ".lock",
                "build",
                "command.json",
                "journal.jsonl",
                "lock.json",
                "logs",
                "plan.json",
                "rootfs",
                "seed",
                "sources",
                "store",
            ];
            assert!(
                known.contains(&name.as_str()),
                "{place} → {target}: {name} is in the workspace"
            );
        }
    }
}

/// The digest of a folder.
const TREE: &str = "print(require('bq.digest').tree(arg[1]))";
