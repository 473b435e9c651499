//! Disks, from the phases of a workspace or a tarball to the file, with a stand-in for mke2fs; and what is read
//! out of them.
#![allow(clippy::expect_used, reason = "a test may fail anywhere")]

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use support::builds::{Build, Run, can_build};
use support::images::{KERNEL, ROOTFS, built, disk};
use support::sha256;

mod support;

/// Writes the tar that the root file system of the disk `raw` was made of to `root.tar`.
const ROOT_TAR: &str = r#"
  local file = io.open("raw", "rb")
  file:seek("set", require("bq.image").info("raw").partitions[2].start)
  file:read("l", "l")
  require("bq.fs").write("root.tar", file:read(8 << 20))
"#;

/// After a failed run there is no disk and no temporary file.
fn left_nothing(build: &Build, output: &str) {
    assert!(!build.has(output), "{output} is there");
    assert_eq!(build.list("ws/build"), Vec::<String>::new());
    let left: Vec<String> = build.list(".");
    assert!(!left.iter().any(|name| name.contains(".disk")), "{left:?}");
}

fn digest(build: &Build, name: &str) -> String {
    sha256(&std::fs::read(build.at(name)).expect("it was written"))
}

#[test]
fn a_disk_of_phases_and_of_a_tarball() {
    if !can_build() {
        return;
    }
    let build = built();
    disk(&build, &[])
        .ok()
        .says("files 1")
        .says("kernel 12 B")
        .says("disk.qcow2: ");
    assert_eq!(build.list("ws/build"), Vec::<String>::new());

    // The same again, with other threads, under another name, from another folder.
    disk(&build, &["--jobs", "1", "--output", "again"]).ok();
    assert_eq!(digest(&build, "disk.qcow2"), digest(&build, "again"));
    std::fs::rename(build.at("ws"), build.at("moved")).expect("it moves");
    std::fs::create_dir(build.at("elsewhere")).expect("a folder");
    let words = [
        "disk.lua",
        "--workspace",
        "moved",
        "--output",
        "elsewhere/disk",
    ];
    build.bq(&words).ok();
    assert_eq!(
        digest(&build, "disk.qcow2"),
        digest(&build, "elsewhere/disk")
    );
    std::fs::rename(build.at("moved"), build.at("ws")).expect("it moves");

    // Other content, other ids.
    disk(&build, &["--label", "other", "--output", "labelled"]).ok();
    let ids = |name: &str| {
        let code = "print(require('bq.image').info(arg[1]).disk_guid)";
        build.bq(&["-e", code, name]).ok().stdout
    };
    assert_eq!(ids("disk.qcow2"), ids("again"));
    assert_ne!(ids("disk.qcow2"), ids("labelled"));

    // The arguments and the tar that mke2fs got.
    let code = r#"local image = require "bq.image"
      local arch = require("bq.syscall").uname().machine
      local loader = ({ x86_64 = "BOOTX64.EFI", aarch64 = "BOOTAA64.EFI" })[arch]
      assert(image.read { path = "raw", partition = "EFI", file = "/EFI/BOOT/" .. loader } == "MZ, a kernel")
      local root = image.info("raw").partitions[2]
      assert(root.name == "root" and root.size > 64 << 20)
      local file = io.open("raw", "rb")
      file:seek("set", root.start)
      local line, epoch = file:read("l", "l")
      assert(line:find("-t ext4", 1, true) and line:find("-L bq", 1, true) and line:find "hash_seed=%x+%-", line)
      assert(epoch == "1735689600", epoch)
      local tar = io.open("root.tar", "wb")
      tar:write(file:read(8 << 20))
      tar:close()
      local archive, json = require "bq.archive", require "bq.json"
      local names = {}
      for _, member in ipairs(archive.list "root.tar") do names[#names + 1] = member.path end
      names = " " .. table.concat(names, " ") .. " "
      for _, name in ipairs { "dev", "proc", "sbin", "etc/inittab", "etc/name", "var/lib/bq/plan.json", "var/lib/bq/lock.json" } do
        assert(names:find(" " .. name .. " ", 1, true), name .. " in" .. names)
      end
      assert(not names:find "vmlinuz", names)
      local bill = json.decode(archive.read("root.tar", "var/lib/bq/manifest.json"))
      assert(bill.packages[1].name == "files" and bill.packages[1].phase == "rootfs", json.encode(bill))
      assert(json.decode(archive.read("root.tar", "var/lib/bq/plan.json")).set == "core")"#;
    disk(&build, &["--format", "raw", "--output", "raw"]).ok();
    build.bq(&["-e", code]).ok();

    // A tarball instead of the phase. Its own metadata stays.
    build.write("root/usr/sbin/init", "");
    build.write("root/sbin/init", "");
    build.write("root/usr/local/bin/bq", "");
    build.write("root/var/lib/bq/manifest.json", "{\"mine\":true}");
    build.pack("root", "rootfs.tar.gz");
    let words = [
        "--rootfs",
        "rootfs.tar.gz",
        "--format",
        "raw",
        "--output",
        "raw",
    ];
    disk(&build, &words).ok().says("the rootfs");
    let text = std::fs::read(build.at("raw")).expect("it was written");
    let has = |part: &[u8]| text.windows(part.len()).any(|window| window == part);
    assert!(has(b"{\"mine\":true}") && has(b"::sysinit"));

    let said = build.bq(&["inspect", "disk.qcow2"]).ok().stdout;
    assert!(
        said.contains("qcow2 with zlib") && said.contains("EFI"),
        "{said}"
    );
    let listing = build
        .bq(&["inspect", "disk.qcow2", "--digests", "--partition", "EFI"])
        .ok()
        .stdout;
    assert!(listing.contains(&sha256(b"MZ, a kernel")), "{listing}");
    build
        .bq(&[
            "inspect",
            "disk.qcow2",
            "--partition",
            "EFI",
            "--read",
            "/none",
        ])
        .fails(1)
        .says("there is no file `/none`");
}

#[test]
fn what_cannot_be_a_disk() {
    if !can_build() {
        return;
    }
    let build = built();
    disk(&build, &["--size", "80M"])
        .fails(1)
        .says("error: a disk of 80 MiB is too small for its content")
        .says("MiB are missing")
        .says("hint: use `--size ");
    disk(&build, &["--label", "broken"])
        .fails(1)
        .says("error: cannot make the root file system")
        .says("caused by: mke2fs: it is broken");
    left_nothing(&build, "disk.qcow2");
    for (words, said) in [
        (vec!["--rootfs", "rootf"], "did you mean `rootfs`?"),
        (
            vec!["--rootfs", "none.tar.gz"],
            "neither a phase of the plan, nor a tarball",
        ),
        (
            vec!["--format", "vmdk"],
            "it is efi or initramfs or oci or qcow2 or raw or tar.gz or tar.zst",
        ),
        (vec!["--compression", "lzma"], "it is zlib or zstd"),
        (vec!["--size", "big"], "is no size"),
        (
            vec!["--label", "longer than sixteen"],
            "longer than the 16 bytes",
        ),
        (vec!["--output", "none/disk"], "there is no such folder"),
    ] {
        disk(&build, &words).fails(2).says(said);
    }
    // No init: an empty rootfs, and a tarball that is none.
    build.write("root/etc/name", "");
    build.pack("root", "rootfs.tar.gz");
    disk(&build, &["--rootfs", "rootfs.tar.gz"])
        .fails(1)
        .says("error: the rootfs has no `/sbin/init`");
    build.write("bad.tar.gz", "no tar at all");
    disk(&build, &["--rootfs", "bad.tar.gz"])
        .fails(1)
        .says("error: cannot read the rootfs `bad.tar.gz`");
    left_nothing(&build, "disk.qcow2");
    // A phase that is not built, and one that is not planned.
    build.stage("seed.tar.gz", &["--without", "kernel"]).ok();
    disk(&build, &[])
        .fails(1)
        .says("error: the plan has nothing in phase `image`")
        .says("--set image");
    build.write("packages/kernel.lua", &KERNEL.replace("\"2\"", "\"3\""));
    build.stage("seed.tar.gz", &["--without="]).ok();
    disk(&build, &[])
        .fails(1)
        .says("error: `image/kernel` is not built")
        .says("hint: build it: `bq scripts/coordinator.lua");
}

#[test]
fn attributes_and_names_of_a_rootfs_reach_the_root_file_system() {
    if !can_build() {
        return;
    }
    let build = built();
    for file in [
        "usr/sbin/init",
        "usr/bin/ping",
        "usr/bin/su",
        "usr/local/bin/bq",
    ] {
        build.write(&format!("root/{file}"), "");
    }
    let code = r#"local archive, fs = require "bq.archive", require "bq.fs"
      fs.symlink("usr/sbin", "root/sbin")
      fs.mkdir "root/var/mail"
      fs.write("root/usr/caf\xe9", "")
      archive.pack { output = "rootfs.tar.gz", sources = { { path = "root" } }, attributes = {
        ["usr/bin/ping"] = { capabilities = "0100000200200000000000000000000000000000" },
        ["usr/bin/su"] = { uid = 5, gid = 7, mode = tonumber("4711", 8) },
        ["var/mail"] = { gid = 8, mode = tonumber("2775", 8) },
      } }"#;
    build.bq(&["-e", code]).ok();
    let check = r#"local archive, fs, image = require "bq.archive", require "bq.fs", require "bq.image"
      local root = image.info("disk.raw").partitions[2]
      local file = io.open("disk.raw", "rb")
      file:seek("set", root.start)
      local line = file:read "l"
      if arg[1] == "ext4" then file:read "l" end
      assert(line:find(({ ext4 = "-d root.tar", squashfs = "- root.squashfs -tar" })[arg[1]], 1, true), line)
      fs.write("root.tar", file:read(math.min(root.size, 8 << 20)))
      local found = archive.extract { path = "root.tar", target = "got-" .. arg[1], profile = "rootfs", attributes = "collect" }
      local lines = {}
      for path, one in pairs(found.attributes) do
        lines[#lines + 1] = ("%s %s:%s %o %s"):format(path, one.uid or 0, one.gid or 0, one.mode or 0, one.capabilities)
      end
      table.sort(lines)
      print(table.concat(lines, "\n"))
      assert(fs.stat("got-" .. arg[1] .. "/usr/caf\xe9"))"#;
    for root in ["ext4", "squashfs"] {
        #[rustfmt::skip]
        let words = ["--rootfs", "rootfs.tar.gz", "--root", root, "--format", "raw"];
        disk(&build, &words).ok();
        assert_eq!(
            build.bq(&["-e", check, root]).ok().stdout,
            "usr/bin/ping 0:0 0 0100000200200000000000000000000000000000
usr/bin/su 5:7 4711 nil
var/mail 0:8 2775 nil
",
            "{root}"
        );
    }
    // No temporary file is left.
    assert_eq!(build.list("ws/build"), Vec::<String>::new());
}

#[test]
fn attributes_of_outputs_reach_the_disk_or_are_refused() {
    if !can_build() {
        return;
    }
    let build = built();
    let make = |files: &str, kernel: &str| {
        let more = |recipe: &str, fields: &str| {
            recipe.replace("files = {", &format!("{fields} files = {{"))
        };
        build.write("packages/files.lua", &more(ROOTFS, files));
        build.write("packages/kernel.lua", &more(KERNEL, kernel));
        build.stage("seed.tar.gz", &[]).ok();
        build.bq(&["coordinator", "--workspace", "ws"]).ok();
        disk(&build, &["--format", "raw", "--output", "raw"])
    };
    make(
        "owners = { [\"/etc/name\"] = \"5:7\" }, modes = { [\"/usr/sbin/init\"] = \"4711\" },
         capabilities = { [\"/usr/local/bin/bq\"] = \"cap_net_raw=ep\" },",
        "",
    )
    .ok();
    let code = r#"
      local one = require("bq.archive").extract { path = "root.tar", target = "got", profile = "rootfs", attributes = "collect" }.attributes
      print(one["etc/name"].uid, one["etc/name"].gid, ("%o"):format(one["usr/sbin/init"].mode), one["usr/local/bin/bq"].capabilities)"#;
    assert_eq!(
        build.bq(&["-e", &format!("{ROOT_TAR}{code}")]).ok().stdout,
        "5\t7\t4711\t0100000200200000000000000000000000000000\n"
    );
    // The EFI partition cannot hold them.
    make("", "owners = { [\"/boot/vmlinuz\"] = \"5:0\" },")
        .fails(1)
        .says("caused by: fat32 `EFI/BOOT/BOOT")
        .says("FAT cannot keep its `uid`");
    // A path that yields to another package's file.
    make(
        "yields = { \"/etc/*\" },",
        "folders = { \"/etc\" }, links = { [\"/etc/name\"] = \"inittab\" },",
    )
    .ok();
    let code = r#"
      for _, one in ipairs(require("bq.archive").list "root.tar") do
        if one.path == "etc/name" then print(one.type, one.target) end
      end"#;
    assert_eq!(
        build.bq(&["-e", &format!("{ROOT_TAR}{code}")]).ok().stdout,
        "link\tinittab\n"
    );
}

#[test]
fn packages_that_differ_at_a_path_make_no_disk() {
    if !can_build() {
        return;
    }
    let build = built();
    let kernel = |files: &str| {
        let recipe = KERNEL.replace("[\"/etc/inittab\"]", files);
        build.write("packages/kernel.lua", &recipe);
        build.stage("seed.tar.gz", &[]).ok();
        build.bq(&["coordinator", "--workspace", "ws"]).ok();
        disk(&build, &[])
            .fails(1)
            .says("error: a path is in two packages, which differ there")
    };
    kernel("[\"/etc/name\"]")
        .says("  /etc/name: a file of `files 1` and of `kernel 2`: their content differs");
    kernel("[\"/sbin/x\"]").says("  /sbin: a link of `files 1` and a folder of `kernel 2`");
    left_nothing(&build, "disk.qcow2");
}

#[test]
fn a_full_disk_leaves_no_image() {
    if !can_build() {
        return;
    }
    let build = built();
    let script = "mount -t tmpfs -o size=64k none small || exit 99\n\
        \"$0\" disk.lua --workspace ws --output small/disk; code=$?; ls small; exit $code";
    std::fs::create_dir(build.at("small")).expect("a folder");
    let mut command = Command::new("unshare");
    command
        .current_dir(build.path())
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
        .arg(env!("CARGO_BIN_EXE_bq"));
    let run = Run::of(&mut command);
    if run.status == Some(99) || run.stderr.contains("unshare:") {
        support::skip(&run.stderr);
        return;
    }
    let run = run
        .fails(1)
        .says("error: cannot write `small/disk`")
        .says("ENOSPC");
    assert_eq!(run.stdout, "");
    assert_eq!(build.list("ws/build"), Vec::<String>::new());
}

/// Writes the file `disk`: empty, with the root of an `x86_64`.
const WRITE_DISK: &str = r#"local image = require "bq.image"
  local id = require("bq.digest").uuid(("0"):rep(64))
  image.write { output = "disk", format = "qcow2", disk_guid = id, partitions = {
    { type = "4f68bce3-e8cd-4db1-96e7-fbcaf984b709", guid = id, name = "root", size = 1 << 20 } } }"#;

#[test]
fn what_cannot_be_booted_or_read() {
    let build = Build::new(&[]);
    build.write(
        "foreign",
        "not a disk at all, but long enough to be looked at",
    );
    build.bq(&["boot"]).fails(2).says("which disk?");
    build.bq(&["inspect"]).fails(2).says("which disk?");
    build
        .bq(&["boot", "none.qcow2"])
        .fails(1)
        .says("error: `none.qcow2`")
        .says("ENOENT");
    build
        .bq(&["boot", "foreign"])
        .fails(1)
        .says("error: `foreign`");
    build
        .bq(&["inspect", "foreign"])
        .fails(1)
        .says("error: `foreign` is no disk");
    build
        .bq(&["inspect", "none"])
        .fails(1)
        .says("error: cannot read `none`");
    build
        .bq(&["boot", "--arch", "vax", "foreign"])
        .fails(2)
        .says("`--arch vax`");
    // No QEMU: an empty PATH.
    let mut command = support::bq(build.path());
    command.env("PATH", build.path());
    Run::of(command.args(["boot", "--arch", "x86_64", "foreign"]))
        .fails(1)
        .says("error: `qemu-system-x86_64` is not installed")
        .says("apt-get install qemu-system-x86 ovmf");
    // A QCOW2 file that is cut off or has impossible fields.
    let code = r#"local bytes = require("bq.fs").read "disk"
      require("bq.fs").write("cut", bytes:sub(1, #bytes // 2))
      require("bq.fs").write("bad", bytes:sub(1, 4) .. "\0\0\0\9" .. bytes:sub(9))"#;
    build.bq(&["-e", WRITE_DISK]).ok();
    build.bq(&["-e", code]).ok();
    build.bq(&["inspect", "disk"]).ok();
    build
        .bq(&["inspect", "cut"])
        .fails(1)
        .says("error: cannot read `cut`");
    build
        .bq(&["inspect", "bad"])
        .fails(1)
        .says("error: cannot read `bad`");
    // A program that takes QEMU's place: no firmware is named by its file.
    let run = with_machine(&build, "", &["--firmware", "none.fd", "disk"]);
    run.fails(2)
        .says("`--firmware none.fd`: there is no `none.fd`");
}

/// Runs `bq boot` with a shell script as a stand-in for QEMU.
fn with_machine(build: &Build, script: &str, arguments: &[&str]) -> Run {
    let program = build.at("bin/qemu-system-x86_64");
    build.write("bin/qemu-system-x86_64", &format!("#!/bin/sh\n{script}"));
    std::fs::set_permissions(program, PermissionsExt::from_mode(0o755)).expect("it is there");
    let path = format!("{}:/usr/bin:/bin", build.at("bin").display());
    let mut command = support::bq(build.path());
    command.env("PATH", path).env("TMPDIR", build.path());
    Run::of(command.arg("boot").args(arguments))
}

#[test]
fn what_a_machine_writes_lies_in_the_folder_of_its_run() {
    let build = Build::new(&[]);
    build.bq(&["-e", WRITE_DISK]).ok();
    build.write("code", "the firmware");
    build.write("variables", "its variables");
    let script = "echo \"in $TMPDIR\"\ncat \"$TMPDIR/variables\"\necho more >\"$TMPDIR/vl.1\"\n";
    let boot = |more: &[&str]| {
        let options = ["--firmware", "code:variables", "--wait-for"];
        with_machine(&build, script, &[&options, more, &["disk"]].concat())
    };
    let serial = ["--serial", "serial"];
    boot(&[&["its variables"], &serial[..]].concat()).ok();
    let said = build.read("serial");
    let folder = format!("in {}/bq-boot-", build.path().display());
    assert!(said.starts_with(&folder), "{said}");
    // A folder that is named is used.
    let mut command = support::bq(build.path());
    command.env("TMPDIR", build.at("none"));
    Run::of(command.args(["boot", "disk"]))
        .fails(1)
        .says("none/bq-boot-");
    // A failed run keeps its messages, and nothing else.
    boot(&["nothing of the kind"])
        .fails(1)
        .says("the machine ended before it said `nothing of the kind`");
    let left: Vec<String> = build.list(".");
    let kept = left.iter().filter(|name| name.starts_with("bq-boot-"));
    let kept: Vec<_> = kept.map(|name| build.list(name)).collect();
    assert_eq!(kept, [["serial"]]);
}
