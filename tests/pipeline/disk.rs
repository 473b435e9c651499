//! A disk is full while sources are fetched, the seed is unpacked, the chroot is packed, or an output is stored.

use crate::support::noise;
use crate::support::server::Server;
use crate::{Rig, needs_namespaces, sha256};

/// Runs each command on a small file system of its own, which gets more room after each failure. Of each failed command
/// it prints a line, and then the command's messages.
const DRIVER: &str = r#"
local fs, process, syscall = require "bq.fs", require "bq.process", require "bq.syscall"
local uid, gid, power = syscall.geteuid(), syscall.getegid(), false
for _, name in ipairs(syscall.capabilities()) do
  power = power or name == "sys_admin"
end
syscall.unshare(power and { "mount" } or { "user", "mount" })
if not power then
  syscall.write_proc_self_map { outer_uid = uid, outer_gid = gid }
end
syscall.mount { target = "/", flags = { "rec", "private" } }
local size = 1 << 20
syscall.mount { source = "tmpfs", target = "small", type = "tmpfs", data = "size=" .. size }
local function run(words, grow)
  while true do
    local status = process.run { argv = { process.executable(), table.unpack(words) }, stdout = "capture", stderr = "capture" }
    if status.ok then
      return
    end
    print(("full at %d: %s ended with %d"):format(size, words[1], status.code or -1))
    print(status.stderr)
    size = grow(size)
    assert(size < 4 << 30, "it never has enough")
    syscall.mount { source = "tmpfs", target = "small", type = "tmpfs", flags = { "remount" }, data = "size=" .. size }
  end
end
-- In steps that end in each of the things that are written.
local function quarter_more(now)
  return now + now // 4
end
run({ "plan.lua", "--workspace", "small/space", "--output", "small/out.tar.gz" }, quarter_more)
-- As much as there is already, and a little more each time.
local space = fs.space "small"
fs.copy("small/out.tar.gz", "out.tar.gz")
fs.remove "small/out.tar.gz"
space = fs.space "small"
size = size - space.free + (64 << 10)
syscall.mount { source = "tmpfs", target = "small", type = "tmpfs", flags = { "remount" }, data = "size=" .. size }
run({ "coordinator", "--workspace", "small/space", "--jobs", "2" }, function(now)
  return now + (768 << 10)
end)
run({ "verify", "--workspace", "small/space", "--store" }, quarter_more)
fs.copy("small/space", "space")
"#;

/// A rig whose seed, source and outputs are of some megabytes.
fn rig(server: &Server) -> Rig {
    let rig = Rig::new();
    std::fs::write(rig.path("seed/etc/large"), noise(1, 3 << 20)).expect("there is room");
    std::fs::write(rig.path("upstream/lib-1/large"), noise(2, 2 << 20)).expect("there is room");
    rig.lua(
        "local archive = require 'bq.archive'
        archive.pack { output = 'seed.tar.gz', sources = { { path = 'seed' } } }
        archive.pack { output = 'mirror/lib-1.tar.gz', sources = { { path = 'upstream' } } }",
    );
    let text = rig.text("packages/lib.lua");
    let start = text.find("source = ").expect("it has one");
    let end = text[start..].find('\n').expect("it is a line") + start;
    let source = format!(
        "source = {{ {{ url = \"{}\", sha256 = \"{}\" }} }},",
        server.url("lib-1.tar.gz"),
        sha256(&rig.read("mirror/lib-1.tar.gz"))
    );
    rig.write(
        "packages/lib.lua",
        &format!("{}{source}{}", &text[..start], &text[end..]),
    );
    rig.replace(
        "packages/lib.lua",
        "b:write(b.dest .. \"/opt/lib\"",
        "b:copy(b.src .. \"/large\", b.dest .. \"/opt/large\")\n    b:write(b.dest .. \"/opt/lib\"",
    );
    rig
}

#[test]
fn a_full_disk_is_told_and_room_mends_it() {
    needs_namespaces!();
    let upstream = tempfile::tempdir().expect("a folder");
    let server = Server::folder(upstream.path());
    let undisturbed = rig(&server);
    std::fs::copy(
        undisturbed.path("mirror/lib-1.tar.gz"),
        upstream.path().join("lib-1.tar.gz"),
    )
    .expect("there is room");
    undisturbed
        .run(&["plan.lua", "--workspace", "space", "--output", "out.tar.gz"])
        .is(0);
    undisturbed.build(&[]).is(0);

    let rig = rig(&server);
    std::fs::create_dir(rig.path("small")).expect("a folder");
    let left = rig.run(&["-e", DRIVER]).is(0);
    // Each failure names what bq could not do, and that there was no room.
    let mut failures = Vec::new();
    for line in left.out.lines() {
        if line.starts_with("full at ") {
            failures.push((line.to_owned(), String::new()));
        } else if let Some((_, text)) = failures.last_mut() {
            text.push_str(line);
            text.push('\n');
        }
    }
    let mut stages = Vec::new();
    for (what, text) in &failures {
        assert!(what.ends_with(" 1"), "{what}\n{text}");
        assert!(text.contains("error: "), "{what}\n{text}");
        assert!(
            !text.contains("traceback") && !text.contains("bq itself"),
            "{what}\n{text}"
        );
        assert!(text.contains("ENOSPC"), "{what}\n{text}");
        for (stage, part) in [
            ("fetch", "one source is missing"),
            ("unpack", "cannot stage the seed"),
            ("pack", "cannot write `small/out.tar.gz`"),
            ("step", "low/lib failed"),
        ] {
            if text.contains(part) {
                stages.push(stage);
            }
        }
    }
    stages.dedup();
    for stage in ["fetch", "unpack", "pack", "step"] {
        assert!(
            stages.contains(&stage),
            "no full disk while: {stage}\n{failures:#?}"
        );
    }
    assert_eq!(rig.outputs(), undisturbed.outputs());
    assert!(rig.read("out.tar.gz") == undisturbed.read("out.tar.gz"));
    rig.is_quiet();
}
