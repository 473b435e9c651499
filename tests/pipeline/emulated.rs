//! Steps that run programs of another architecture.

use super::finishing::other;
use super::{Rig, needs_namespaces};
use crate::support;

/// A program of this machine that runs in a step of another one sees that one. It is bq, which also stands for an emulator: no
/// program of the other architecture is run.
#[test]
fn native_programs_see_the_machine_of_the_root() {
    needs_namespaces!();
    let rig = Rig::new();
    let (other, _) = other();
    rig.replace(
        "plan.lua",
        "base = { \"low\" }, prefix",
        "base = { \"low\" }, needs_native = true, prefix",
    );
    let said = "install = function(b)
    local said = \"local syscall, fs = require('bq.syscall'), require('bq.fs') \" ..
      \"local name = syscall.uname() print(name.sysname, name.machine) print(fs.read '/proc/cpuinfo')\"
    b:run { '/proc/self/exe', '-e', said }
    b:write(b.dest .. '/usr/final', 'done')
  end";
    rig.recipe("final", said);
    rig.recipe("alone", said);
    let words = ["plan.lua", "--workspace", "space", "--mirror", "mirror"];
    rig.run(&[&words[..], &["--offline", "--arch", other]].concat())
        .is(0);
    let bq = rig.bq.to_string_lossy().into_owned();
    let left = rig.build(&["--emulator", &bq]);
    if left.err.contains("no emulator can be registered") {
        return support::skip("the kernel has no emulators of namespaces");
    }
    left.is(0);
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").expect("it is there");
    let names = ["model name", "CPU implementer"];
    let is_name = |line: &&str| names.iter().any(|name| line.starts_with(name));
    let own = cpuinfo
        .lines()
        .find(is_name)
        .expect("each machine says one");
    // What is built across runs on this machine, and sees it.
    for (step, machine) in [("low/alone", std::env::consts::ARCH), ("high/final", other)] {
        let log = rig.run(&["log", step, "--workspace", "space"]).is(0).out;
        assert!(log.contains(&format!("Linux\t{machine}\n")), "{log}");
        let feature = if machine == "aarch64" {
            "asimd"
        } else {
            "sse2"
        };
        assert!(log.contains(feature), "{log}");
        assert_eq!(log.contains(own), machine != other, "{log}");
    }
}

/// A compiler that is emulated would take days: what a phase says to be of this machine is built for it, and runs in a root of the
/// other one.
#[test]
fn programs_of_this_machine_run_in_a_root_of_another() {
    needs_namespaces!();
    let rig = Rig::new();
    let (other, _) = other();
    let own = std::env::consts::ARCH;
    rig.replace(
        "plan.lua",
        "prefix = \"/opt\"",
        "of_machine = { core = { programs = { \"alone\" } } }, prefix = \"/opt\"",
    );
    rig.replace(
        "plan.lua",
        "base = { \"low\" }, prefix",
        "base = { \"low\", \"mid\" }, needs_native = true, prefix",
    );
    rig.replace(
        "plan.lua",
        "    { name = \"high\"",
        "    { name = \"mid\", about = \"\", base = { \"low\" }, prefix = \"/opt\", env = {},
      packages = { core = { \"middle\" } } },
    { name = \"high\"",
    );
    rig.recipe("middle", "files = { [\"/opt/middle\"] = \"middle\\n\" }");
    // Bq stands for the program, and for an emulator that starts nothing.
    rig.recipe(
        "alone",
        "depends = { 'base' },
  strip = false,
  install = function(b)
    b:say(('built in %s for %s'):format(b.phase, b.arch))
    b:write(b.dest .. '/opt/bin/tool', b:read '/proc/self/exe', '0755')
  end",
    );
    rig.recipe(
        "final",
        "install = function(b)
    b:say(('built in %s for %s'):format(b.phase, b.arch))
    b:run { '/opt/bin/tool', '-e', 'print(\"ran\")' }
    b:write(b.dest .. '/usr/final', b:read '/opt/base')
  end",
    );
    let words = ["plan.lua", "--workspace", "space", "--mirror", "mirror"];
    rig.run(&[&words[..], &["--offline", "--arch", other]].concat())
        .is(0);
    let bq = rig.bq.to_string_lossy().into_owned();
    let left = rig.build(&["--emulator", &bq]);
    if left.err.contains("no emulator can be registered") {
        return support::skip("the kernel has no emulators of namespaces");
    }
    left.is(0);
    let log = |step: &str| rig.run(&["log", step, "--workspace", "space"]).is(0).out;
    let text = log(&format!("low-{own}/alone"));
    assert!(
        text.contains(&format!("built in low for {own}\n")),
        "{text}"
    );
    let text = log("high/final");
    assert!(
        text.contains(&format!("built in high for {other}\n")) && text.contains("ran\n"),
        "{text}"
    );
    // What is damaged goes with all that was built from it, and from what has the same name and digest.
    let damage = |package: &str, file: &str| {
        let key = rig.lua(&format!(
            "local space = require('bq.workspace').new 'space'
            io.write(require('bq.run.state').look(space, space:plan()).keys['low-{own}/{package}'])"
        ));
        let path = rig.path(&format!("space/store/{key}/output/opt/{file}"));
        std::fs::write(path, "damaged").expect("it is ours");
    };
    damage("base", "base");
    rig.run(&["verify", "--workspace", "space", "--store"])
        .is(1)
        .says(&format!("(low-{own}/base) is damaged"))
        .says("what was built from it goes too: high/final, low/alone, low/app, low/lib, mid/middle\n");
    rig.build(&["--emulator", &bq]).is(0);
    // So it is if a build finds it.
    damage("alone", "bin/tool");
    rig.replace("packages/final.lua", "built in", "made in");
    let left = rig.build(&["--emulator", &bq]).is(0);
    let left = left.says("what was built from it goes too: high/final, mid/middle\n");
    assert_eq!(
        left.done()
            .iter()
            .filter(|line| line.contains("alone") || line.contains("middle"))
            .count(),
        2
    );
    // The plan for this machine finds what is of it.
    rig.run(&[&words[..], &["--offline", "--arch", own]].concat())
        .is(0);
    let said = rig.build(&[]).is(0).err;
    assert!(!said.contains("start  low/alone"), "{said}");
    assert!(said.contains("start  low/app"), "{said}");
}
