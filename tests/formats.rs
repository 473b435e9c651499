//! Images of every format, from the phases of a workspace to the file, judged by the tools of others where they are installed;
//! and what a format cannot hold.
#![allow(clippy::expect_used, reason = "a test may fail anywhere")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use support::builds::{Build, can_build};
use support::images::{KERNEL, ROOTFS, built, built_of, disk};
use support::{have, sha256};

mod support;

/// A root with owners, set-id bits, and files for partitions. A script takes bq's place, which is large where it is tested.
const OWNED: &str = r##"return {
  name = "files", version = "1", license = "MIT", strategy = "files",
  files = {
    ["/usr/sbin/init"] = "#!/bin/sh\n", ["/etc/name"] = "{name}", ["/usr/bin/su"] = "#!/bin/sh\n",
    ["/usr/local/bin/bq"] = "#!/bin/sh\n", ["/etc/os-release"] = "ID=test\n", ["/var/data/deep/file"] = "on a partition\n", ["/var/card/FILE.TXT"] = "on a card\n",
  },
  folders = { "/usr/local/bin", "/usr/bin", "/var/data/empty" },
  links = { ["/sbin"] = "usr/sbin", ["/bin"] = "usr/bin", ["/var/data/link"] = "deep/file" },
  owners = { ["/etc/name"] = "5:7", ["/var/data/deep"] = "70000:8", ["/var/data"] = "3:4" },
  modes = { ["/usr/bin/su"] = "4755", ["/var/data"] = "2770" },
  --MORE
}"##;

/// A kernel and a stub that are EFI programs as far as their headers go.
const PROGRAMS: &str = r#"
local function program(machine, text)
  local optional = ("<I2I2I4I4I4I4I4I8I4I4"):pack(0x20b, 0, 0, 0, 0, 0x1000, 0x1000, 0, 0x1000, 0x200)
    .. ("<I4I4I4I4I4I4I4I2I2"):pack(0, 0, 0, 0, 0x2000, 0x400, 0, 10, 0) .. ("\0"):rep(36) .. ("<I4"):pack(16) .. ("\0"):rep(128)
  local section = ("<c8I4I4I4I4I4I4I2I2I4"):pack(".text", #text, 0x1000, 0x200, 0x400, 0, 0, 0, 0, 0x60000020)
  local head = "MZ" .. ("\0"):rep(58) .. ("<I4"):pack(64) .. "PE\0\0"
    .. ("<I2I2I4I4I4I2I2"):pack(machine, 1, 0, 0, 0, #optional, 0x22) .. optional .. section
  return head .. ("\0"):rep(0x400 - #head) .. text .. ("\0"):rep(0x200 - #text)
end
return {
  name = "kernel", version = "2", license = "MIT", strategy = "files",
  files = { ["/etc/inittab"] = "::sysinit:/bin/true\n" },
  install = function(b)
    require("bq.strategy.files").install(b)
    local machine = ({ x86_64 = 0x8664, aarch64 = 0xaa64 })[b.arch]
    b:write(b.dest .. "/boot/vmlinuz", program(machine, "a kernel"))
    b:write(b.dest .. "/boot/stub.efi", program(machine, "a stub"))
  end,
}"#;

fn of_programs() -> Build {
    built_of(OWNED, PROGRAMS)
}

fn digest(build: &Build, name: &str) -> String {
    sha256(&std::fs::read(build.at(name)).expect("it was written"))
}

/// Runs a tool of others in the folder; what it wrote to both streams.
fn tool(build: &Build, name: &str, arguments: &[&str]) -> String {
    let output = run(build.path(), name, arguments);
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(output.status.success(), "{name} {arguments:?}\n{text}");
    text
}

fn run(folder: &Path, name: &str, arguments: &[&str]) -> Output {
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    Command::new(name)
        .args(arguments)
        .env("PATH", path)
        .env("TZ", "UTC")
        .env("LC_ALL", "C.UTF-8")
        .current_dir(folder)
        .output()
        .expect("runs")
}

fn nothing_is_left(build: &Build, output: &str) {
    assert!(!build.has(output), "{output} is there");
    assert_eq!(build.list("ws/build"), Vec::<String>::new());
}

/// Every format has the same bytes again: with other threads, in a workspace elsewhere, under another name.
#[test]
fn the_same_bytes_again() {
    if !can_build() {
        return;
    }
    let build = of_programs();
    build.write("page.lua", SPEC);
    std::fs::create_dir(build.at("elsewhere")).expect("a folder");
    let formats = [
        "qcow2",
        "raw",
        "tar.gz",
        "tar.zst",
        "oci",
        "initramfs",
        "efi",
    ];
    for format in formats {
        let mut words = vec!["--format", format, "--output", "first"];
        match format {
            "qcow2" | "raw" => words.extend(["--spec", "page.lua"]),
            "oci" => words.extend(["--entrypoint", "/usr/bin/su"]),
            _ => {}
        }
        disk(&build, &words).ok();
        let first = digest(&build, "first");
        std::fs::rename(build.at("ws"), build.at("moved")).expect("it moves");
        words[3] = "elsewhere/second";
        let mut all = vec!["disk.lua", "--workspace", "moved", "--jobs", "1"];
        all.extend(words);
        build.bq(&all).ok();
        std::fs::rename(build.at("moved"), build.at("ws")).expect("it moves");
        assert_eq!(first, digest(&build, "elsewhere/second"), "{format}");
        assert_eq!(build.list("ws/build"), Vec::<String>::new());
    }
}

#[test]
fn a_tar_keeps_everything() {
    if !can_build() {
        return;
    }
    let more = r#"capabilities = { ["/etc/os-release"] = "cap_net_raw=ep" },"#;
    let build = built_of(&OWNED.replace("--MORE", more), PROGRAMS);
    // The format is that of the name. What starts a machine is not in it.
    disk(&build, &["--output", "root.tar.gz"])
        .ok()
        .says("a tar of");
    disk(&build, &["--output", "root.tar.zst"]).ok();
    let code = r#"
      local archive = require "bq.archive"
      local lines = {}
      for _, name in ipairs { "root.tar.gz", "root.tar.zst" } do
        local one = archive.extract { path = name, target = name .. ".d", profile = "rootfs", attributes = "collect" }.attributes
        lines[#lines + 1] = ("%s:%s %o %s"):format(one["etc/name"].uid, one["etc/name"].gid, one["usr/bin/su"].mode, one["etc/os-release"].capabilities)
      end
      print(table.concat(lines, "\n"))"#;
    let line = "5:7 4755 0100000200200000000000000000000000000000\n";
    assert_eq!(build.bq(&["-e", code]).ok().stdout, line.repeat(2));
    for name in ["root.tar.gz.d", "root.tar.zst.d"] {
        assert!(build.has(&format!("{name}/var/lib/bq/manifest.json")));
        assert!(!build.has(&format!("{name}/boot")) && !build.has(&format!("{name}/etc/inittab")));
    }
    if have(&["bsdtar"]) {
        let listing = tool(&build, "bsdtar", &["-tvf", "root.tar.gz"]);
        assert!(listing.contains("-rwsr-xr-x"), "{listing}");
        assert!(listing.contains("70000"), "{listing}");
    }
}

#[test]
fn a_first_root() {
    if !can_build() {
        return;
    }
    let build = of_programs();
    disk(&build, &["--output", "root.cpio.zst"])
        .ok()
        .says("a first root");
    let code = r#"
      local fs, process = require "bq.fs", require "bq.process"
      local head = fs.read "root.cpio.zst":sub(1, 4)
      assert(head == "\x28\xb5\x2f\xfd")"#;
    build.bq(&["-e", code]).ok();
    if have(&["zstd", "cpio"]) {
        tool(&build, "zstd", &["-q", "-d", "root.cpio.zst"]);
        let listing = tool(&build, "sh", &["-c", "cpio --quiet -tvn < root.cpio"]);
        for part in [
            "init -> sbin/init",
            "drwxr-xr-x   2 0        0               0 Jan  1  2025 .\n",
            "-rwsr-xr-x   1 0        0 ",
            "-rw-r--r--   1 5        7 ",
            "drwxr-xr-x   2 70000    8 ",
            " var/lib/bq/manifest.json\n",
            " etc/inittab\n",
        ] {
            assert!(listing.contains(part), "no {part:?} in:\n{listing}");
        }
        assert!(
            !listing.contains("vmlinuz") && !listing.contains("stub.efi"),
            "{listing}"
        );
        // Another reader finds the same names.
        if have(&["bsdtar"]) {
            let mut names: Vec<String> = tool(&build, "bsdtar", &["-tf", "root.cpio"])
                .lines()
                .map(str::to_owned)
                .collect();
            let mut others: Vec<String> =
                tool(&build, "sh", &["-c", "cpio --quiet -t < root.cpio"])
                    .lines()
                    .map(str::to_owned)
                    .collect();
            names.sort();
            others.sort();
            assert_eq!(names, others);
        }
    }
    // An init that the root has at that place stays.
    let own = OWNED.replace("links = {", "links = { [\"/init\"] = \"usr/bin/su\",");
    let build = built_of(&own, PROGRAMS);
    disk(&build, &["--format", "initramfs"]).ok();
    if have(&["zstd", "cpio"]) {
        let listing = tool(
            &build,
            "sh",
            &["-c", "zstd -q -d -c root.cpio.zst | cpio --quiet -tv"],
        );
        assert!(listing.contains("init -> usr/bin/su"), "{listing}");
    }
}

/// Names of one file are one file again, as GNU cpio unpacks it.
#[test]
fn hard_links_in_a_first_root() {
    let build = Build::new(&[]);
    build.write("tree/a", "content");
    build.write("tree/z", "other");
    std::fs::hard_link(build.at("tree/a"), build.at("tree/b")).expect("links");
    std::fs::hard_link(build.at("tree/a"), build.at("tree/c")).expect("links");
    let code = r#"require("bq.archive").pack { output = "out", format = "cpio", compression = "none", sources = { { path = "tree" } } }"#;
    build.bq(&["-e", code]).ok();
    if !have(&["cpio"]) {
        return;
    }
    std::fs::create_dir(build.at("got")).expect("a folder");
    tool(&build, "sh", &["-c", "cd got && cpio --quiet -i < ../out"]);
    let inodes = tool(
        &build,
        "stat",
        &["-c", "%i %h %s", "got/a", "got/b", "got/c"],
    );
    let lines: Vec<&str> = inodes.lines().collect();
    assert!(lines[0].ends_with(" 3 7"), "{inodes}");
    assert!(lines.iter().all(|line| *line == lines[0]), "{inodes}");
    assert_eq!(build.read("got/z"), "other");
}

#[test]
fn what_a_first_root_cannot_keep() {
    if !can_build() {
        return;
    }
    let more = r#"capabilities = { ["/etc/os-release"] = "cap_net_raw=ep" },"#;
    let build = built_of(&OWNED.replace("--MORE", more), PROGRAMS);
    for format in ["initramfs", "efi"] {
        disk(&build, &["--format", format, "--output", "out"])
            .fails(1)
            .says(&format!(
                "error: format `{format}` cannot keep all of its files"
            ))
            .says("  /etc/os-release: capabilities");
        nothing_is_left(&build, "out");
    }
    let pack = |more: &str| {
        let code = format!(
            r#"require("bq.archive").pack {{ output = "out", format = "cpio", sources = {{ {{ path = "tree" }} }}, {more} }}"#
        );
        build.bq(&["-e", &code]).fails(1)
    };
    build.write("tree/a", "");
    pack(r#"attributes = { a = { capabilities = "0100000200200000000000000000000000000000" } }"#)
        .says("a cpio cannot keep the capabilities of a file");
    std::fs::File::create(build.at("tree/large"))
        .and_then(|file| file.set_len(1 << 32))
        .expect("a sparse file");
    pack("").says("a file of 4 GiB");
    std::fs::remove_file(build.at("tree/large")).expect("it is there");
    build.write("tree/TRAILER!!!", "");
    pack("").says("which marks its end");
    assert!(!build.has("out"));
}

#[test]
fn an_efi_program_of_kernel_root_and_command_line() {
    if !can_build() {
        return;
    }
    let build = of_programs();
    let words = ["--output", "system.efi", "--command-line", "quiet test=1"];
    disk(&build, &words)
        .ok()
        .says("an EFI program")
        .says("next: `bq scripts/boot.lua");
    disk(&build, &["--output", "root.cpio.zst"]).ok();
    let code = r#"
      local efi, fs = require "bq.image.efi", require "bq.fs"
      local text = fs.read "system.efi"
      local got, last = {}, 0
      for _, one in ipairs(efi.sections(text)) do
        got[one.name] = text:sub(one.offset + 1, one.offset + one.size)
        assert(one.address % 0x1000 == 0 and one.address >= last and one.offset % 0x200 == 0, one.name)
        last = one.address + one.size
        print(one.name)
      end
      assert(got[".initrd"] == fs.read "root.cpio.zst")
      assert(got[".cmdline"] == "quiet test=1" and got[".osrel"] == "ID=test\n")
      assert(got[".linux"]:sub(1, 2) == "MZ" and got[".linux"]:find "a kernel" and got[".text"] == "a stub")
      assert(efi.architecture "system.efi" == require("bq.syscall").uname().machine)"#;
    let sections = build.bq(&["-e", code]).ok().stdout;
    assert_eq!(sections, ".text\n.osrel\n.cmdline\n.initrd\n.linux\n");
    if have(&["objdump"]) {
        let listing = tool(&build, "objdump", &["-h", "system.efi"]);
        for name in [".osrel", ".cmdline", ".initrd", ".linux"] {
            assert!(listing.contains(name), "{listing}");
        }
    }
    if have(&["sbverify"]) {
        let said = tool(&build, "sbverify", &["--list", "system.efi"]);
        assert!(said.contains("No signature table present"), "{said}");
        assert!(
            !said.contains("gap") && !said.contains("warning: data remaining"),
            "{said}"
        );
    }
    // A disk whose kernel is told something has the same program without a root.
    let words = [
        "--format",
        "raw",
        "--output",
        "raw",
        "--command-line",
        "test=2",
    ];
    disk(&build, &words).ok();
    let code = r#"
      local efi, image = require "bq.image.efi", require "bq.image"
      local folder = image.list { path = "raw", partition = "EFI", folder = "/EFI/BOOT" }
      local text = image.read { path = "raw", partition = "EFI", file = folder[1].path }
      for _, one in ipairs(efi.sections(text)) do
        if one.name == ".cmdline" then print(text:sub(one.offset + 1, one.offset + one.size)) end
        assert(one.name ~= ".initrd")
      end"#;
    assert_eq!(build.bq(&["-e", code]).ok().stdout, "test=2\n");
    // A kernel that takes what it is told for all is told what is built in, too.
    let config = r#"files = { ["/boot/config"] = "CONFIG_X=y\nCONFIG_CMDLINE=\"root=x rw\"\nCONFIG_CMDLINE_FROM_BOOTLOADER=y\n","#;
    let build = built_of(OWNED, &PROGRAMS.replace("files = {", config));
    let words = ["--output", "told.efi", "--command-line", "test=3"];
    disk(&build, &words).ok();
    disk(&build, &["--output", "untold.efi"]).ok();
    let code = r#"
      local efi, fs = require "bq.image.efi", require "bq.fs"
      for _, name in ipairs { "told.efi", "untold.efi" } do
        local text = fs.read(name)
        for _, one in ipairs(efi.sections(text)) do
          if one.name == ".cmdline" then print(name, text:sub(one.offset + 1, one.offset + one.size)) end
        end
      end"#;
    assert_eq!(
        build.bq(&["-e", code]).ok().stdout,
        "told.efi\troot=x rw test=3\n"
    );
    disk(
        &build,
        &["--output", "x.efi", "--command-line", "caf\u{e9}"],
    )
    .fails(2)
    .says("not printable ASCII");
}

#[test]
fn what_is_no_efi_program() {
    if !can_build() {
        return;
    }
    // A kernel without a stub, and a kernel that is none.
    let build = built();
    disk(&build, &["--output", "x.efi"])
        .fails(1)
        .says("error: there is no stub to carry the kernel");
    nothing_is_left(&build, "x.efi");
    let stub = KERNEL.replace(
        "[\"/etc/inittab\"]",
        "[\"/boot/stub.efi\"] = \"MZ, a stub\", [\"/etc/inittab\"]",
    );
    let build = built_of(ROOTFS, &stub);
    disk(&build, &["--output", "x.efi"])
        .fails(1)
        .says("caused by: the stub is no EFI program for");
    nothing_is_left(&build, "x.efi");
}

#[test]
fn a_container_image() {
    if !can_build() {
        return;
    }
    let more = r#"capabilities = { ["/etc/os-release"] = "cap_net_raw=ep" },"#;
    // The bq under test is what the container runs.
    let own = OWNED.replace("[\"/usr/local/bin/bq\"] = \"#!/bin/sh\\n\",", "");
    let build = built_of(&own.replace("--MORE", more), PROGRAMS);
    #[rustfmt::skip]
    let words = [
        "--output", "root.oci.tar", "--name", "test/root:1.0", "--env", "LANG=C", "--env", "A=b=c",
        "--entrypoint", "/usr/local/bin/bq", "--entrypoint", "-e", "--entrypoint", "print(1 + 1)",
    ];
    disk(&build, &words)
        .ok()
        .says("a container image `test/root:1.0`");
    let code = r#"
      local archive, digest, json = require "bq.archive", require "bq.digest", require "bq.json"
      local function read(name) return assert(archive.read("root.oci.tar", name), name) end
      local function blob(one)
        local text = read("blobs/sha256/" .. one.digest:match "^sha256:(.*)$")
        assert(digest.sha256(text) == one.digest:sub(8) and #text == one.size)
        return text
      end
      assert(json.decode(read "oci-layout").imageLayoutVersion == "1.0.0")
      local index = json.decode(read "index.json")
      local manifest = json.decode(blob(index.manifests[1]))
      local config = json.decode(blob(manifest.config))
      local layer = blob(manifest.layers[1])
      assert(index.manifests[1].annotations["org.opencontainers.image.ref.name"] == "test/root:1.0")
      assert(config.os == "linux" and config.architecture == index.manifests[1].platform.architecture)
      print(table.concat(config.config.Env, " "), table.concat(config.config.Entrypoint, " "), config.created)
      local docker = json.decode(read "manifest.json")[1]
      assert("sha256:" .. docker.Config:match "[^/]+$" == manifest.config.digest and docker.RepoTags[1] == "test/root:1.0")
      require("bq.fs").write("layer", layer)
      local one = archive.extract { path = "layer", target = "got", profile = "rootfs", attributes = "collect" }.attributes
      print(one["etc/name"].uid, ("%o"):format(one["usr/bin/su"].mode), one["etc/os-release"].capabilities)
      for _, name in ipairs { "manifest", "plan", "lock", "image" } do
        local file = ("got/var/lib/bq/%s.json"):format(name)
        assert(config.config.Labels["bq." .. name .. ".sha256"] == digest.file(file), name)
      end"#;
    assert_eq!(
        build.bq(&["-e", code]).ok().stdout,
        "A=b=c LANG=C PATH=/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin\t/usr/local/bin/bq -e print(1 + 1)\t2025-01-01T00:00:00Z
5\t4755\t0100000200200000000000000000000000000000\n"
    );
    if have(&["skopeo"]) {
        let said = tool(
            &build,
            "skopeo",
            &["inspect", "oci-archive:root.oci.tar:test/root:1.0"],
        );
        assert!(
            said.contains("\"2025-01-01T00:00:00Z\"") && said.contains("bq.manifest.sha256"),
            "{said}"
        );
        // A copy reads every blob and checks its digest. The other archive is the one of `docker load`.
        let from = "oci-archive:root.oci.tar:test/root:1.0";
        tool(
            &build,
            "skopeo",
            &["--insecure-policy", "copy", "-q", from, "dir:copied"],
        );
        let from = "docker-archive:root.oci.tar";
        tool(
            &build,
            "skopeo",
            &["--insecure-policy", "copy", "-q", from, "oci:layout:test"],
        );
    }
    run_container(&build);
}

/// Unpacks the image by umoci, and starts it by crun, or else by bubblewrap.
fn run_container(build: &Build) {
    if !have(&["umoci", "skopeo"]) {
        return;
    }
    tool(
        build,
        "umoci",
        &["unpack", "--rootless", "--image", "layout:test", "bundle"],
    );
    let root = build.at("bundle/rootfs");
    let bq = "/usr/local/bin/bq";
    let output = if have(&["bwrap"]) {
        #[rustfmt::skip]
        let words = ["--bind", root.to_str().expect("is text"), "/", "--dev", "/dev", "--proc", "/proc", bq, "-e", "print(1 + 1)"];
        run(build.path(), "bwrap", &words)
    } else {
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if said.contains("bwrap: ") {
        support::skip(said);
        return;
    }
    assert_eq!(String::from_utf8_lossy(&output.stdout), "2\n", "{said}");
}

#[test]
fn a_container_needs_what_it_starts() {
    if !can_build() {
        return;
    }
    let build = of_programs();
    disk(&build, &["--format", "oci"])
        .fails(1)
        .says("error: the root has no `/bin/sh`, which a container would start");
    nothing_is_left(&build, "root.oci.tar");
    let page = "return { container = { comand = {}, entrypoint = 5, environment = { [\"A=\"] = \"x\" } } }";
    build.write("page.lua", page);
    disk(&build, &["--format", "oci", "--spec", "page.lua"])
        .fails(1)
        .says("`container.comand` is unknown")
        .says("`container.entrypoint` is not a list of texts")
        .says("`container.environment` is not a map of names to texts");
}

const SPEC: &str = r#"return { disk = {
  size = "400M", label = "system", swap = "16M", grow = true,
  partitions = {
    { mount = "/var/data", size = "rest", options = { "noatime" } },
    { mount = "/var/card", name = "CARD", size = "40M", filesystem = "fat32" },
  },
} }"#;

#[test]
fn a_disk_with_partitions() {
    if !can_build() {
        return;
    }
    let build = of_programs();
    build.write("page.lua", SPEC);
    let words = ["--spec", "page.lua", "--format", "raw", "--output", "raw"];
    disk(&build, &words).ok().says("a disk of 400 MiB");
    let code = r#"
      local archive, fs, image = require "bq.archive", require "bq.fs", require "bq.image"
      local info = image.info "raw"
      local by_name = {}
      for _, one in ipairs(info.partitions) do
        by_name[one.name] = one
        print(one.index, one.name, one.type:sub(1, 8), one.start >> 20, one.filesystem, one.label)
      end
      local last = info.partitions[#info.partitions]
      assert(last.start + last.size == 399 << 20)
      print(image.read { path = "raw", partition = "CARD", file = "/FILE.TXT" })
      -- What mke2fs was told, and its tar.
      local function unpack(name)
        local file <close> = io.open("raw", "rb")
        file:seek("set", by_name[name].start)
        local line = file:read("l", "l")
        fs.write(name .. ".tar", file:read(8 << 20))
        return line, archive.extract { path = name .. ".tar", target = name, profile = "rootfs", attributes = "collect" }.attributes
      end
      local line, data = unpack "var-data"
      assert(line:find("-L var-data", 1, true) and line:find("-d var-data.tar", 1, true), line)
      print(fs.read "var-data/deep/file", fs.readlink "var-data/link", fs.stat("var-data/empty").type)
      print(("%d:%d %o"):format(data["."].uid, data["."].gid, data["."].mode), data.deep.uid)
      local root
      line, root = unpack "root"
      assert(line:find("-L system", 1, true), line)
      print(#fs.list "root/var/data", #fs.list "root/var/card", root["var/data"].uid, root["var/data/deep"])
      print(fs.read "root/etc/fstab", fs.read "root/etc/rcS.d/10-grow")"#;
    let said = build.bq(&["-e", code]).ok().stdout;
    let root_type = if cfg!(target_arch = "x86_64") {
        "4f68bce3"
    } else {
        "b921b045"
    };
    // The fake mke2fs writes no file system.
    let expected = format!(
        "1\tEFI\tc12a7328\t1\tfat32\tEFI
2\troot\t{root_type}\t65\tnil\tnil
3\tswap\t0657fd6d\tSWAP\tnil\tnil
4\tCARD\tebd0a0a2\tCARDS\tfat32\tCARD
5\tvar-data\t0fc63daf\tDATA\tnil\tnil
on a card

on a partition
\tdeep/file\tdir
3:4 2770\t70000
0\t0\t3\tnil
LABEL=swap none swap sw 0 0
LABEL=CARD /var/card vfat defaults 0 2
LABEL=var-data /var/data ext4 noatime 0 2
\t#!/bin/sh
exec /usr/local/bin/bq grow

"
    );
    let starts: Vec<&str> = said
        .lines()
        .skip(2)
        .take(3)
        .map(|line| line.split('\t').nth(3).unwrap_or_default())
        .collect();
    let expected = expected
        .replace("SWAP", starts[0])
        .replace("CARDS", starts[1])
        .replace("DATA", starts[2]);
    assert_eq!(said, expected);
    judge_partitions(&build);
}

/// What sgdisk, fsck.fat and blkid say of the disk `raw` with its partitions.
fn judge_partitions(build: &Build) {
    if have(&["sgdisk"]) {
        let said = tool(build, "sgdisk", &["-v", "raw"]);
        assert!(
            said.contains("No problems found") && !said.contains("Caution"),
            "{said}"
        );
    }
    let code = r#"
      for _, one in ipairs(require("bq.image").info("raw").partitions) do
        print(one.name, one.start >> 20, one.size >> 20)
      end"#;
    for line in build.bq(&["-e", code]).ok().stdout.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        if fields[0] == "CARD" || fields[0] == "swap" {
            let (skip, count) = (
                format!("skip={}", fields[1]),
                format!("count={}", fields[2]),
            );
            let output = format!("of={}", fields[0]);
            tool(
                build,
                "dd",
                &["if=raw", &output, "bs=1M", &skip, &count, "status=none"],
            );
        }
    }
    if have(&["fsck.fat"]) {
        tool(build, "fsck.fat", &["-n", "CARD"]);
    }
    if have(&["blkid"]) {
        let said = tool(build, "blkid", &["-p", "swap"]);
        assert!(
            said.contains("TYPE=\"swap\"") && said.contains("LABEL=\"swap\""),
            "{said}"
        );
    }
}

#[test]
fn partitions_that_cannot_be() {
    if !can_build() {
        return;
    }
    let more = r#"capabilities = { ["/var/card/FILE.TXT"] = "cap_net_raw=ep" },"#;
    let owned = OWNED
        .replace("--MORE", more)
        .replace(
            "owners = {",
            "owners = { [\"/var/card/FILE.TXT\"] = \"5:0\",",
        )
        .replace(
            "links = {",
            "links = { [\"/var/card/link\"] = \"FILE.TXT\", [\"/var/away\"] = \"data\",",
        );
    let build = built_of(&owned, PROGRAMS);
    let with = |spec: &str, more: &[&str]| {
        build.write("page.lua", &format!("return {{ disk = {{ {spec} }} }}"));
        let mut words = vec!["--spec", "page.lua", "--output", "out"];
        words.extend(more);
        let run = disk(&build, &words);
        nothing_is_left(&build, "out");
        run
    };
    with(r#"partitions = { { mount = "/var/card", name = "CARD", size = "40M", filesystem = "fat32" } }"#, &[])
        .fails(1)
        .says("error: the partition `CARD` cannot keep all of its files")
        .says("  /var/card/FILE.TXT: capabilities")
        .says("  /var/card/FILE.TXT: the owner 5:0")
        .says("  /var/card/link: a link");
    with(
        r#"sise = 5, partitions = { { mount = "data", size = "1G" } }"#,
        &[],
    )
    .fails(1)
    .says("error: the image cannot be as it is described")
    .says("`disk.sise` is unknown; did you mean `size`?")
    .says("`disk.partitions[1].mount` is not an absolute path");
    with(
        r#"size = "100M", partitions = { { mount = "/var/data", size = "200M" } }"#,
        &[],
    )
    .fails(1)
    .says("the partitions of `disk` have 200 MiB, the disk has 100 MiB");
    with(
        r#"partitions = { { mount = "/var/away", size = "20M" } }"#,
        &[],
    )
    .fails(1)
    .says("error: `/var/away` cannot be a partition")
    .says("caused by: `/var/away` is a link of `files 1`");
    with(
        r#"partitions = { { mount = "/var/data", size = "9M" } }"#,
        &[],
    )
    .fails(1)
    .says("error: a partition is too small for its files")
    .says("  var-data: its files need");
    with(r#"root_size = "20M""#, &[])
        .fails(1)
        .says("error: the root is too small for its files");
    for format in ["oci", "tar.gz", "initramfs", "efi"] {
        with(
            r#"partitions = { { mount = "/var/data", size = "20M" } }"#,
            &["--format", format],
        )
        .fails(1)
        .says(&format!(
            "error: format `{format}` cannot hold the partitions of the system"
        ))
        .says("  var-data at /var/data");
    }
    // If it is asked for, all files are in one root, and nothing is mounted.
    let build = of_programs();
    build.write("page.lua", SPEC);
    let words = [
        "--spec",
        "page.lua",
        "--output",
        "root.tar.gz",
        "--without-partitions",
    ];
    disk(&build, &words).ok();
    let code = r#"
      local archive = require "bq.archive"
      print(archive.read("root.tar.gz", "var/data/deep/file"), archive.read("root.tar.gz", "etc/fstab"))"#;
    assert_eq!(
        build.bq(&["-e", code]).ok().stdout,
        "on a partition\n\tnil\n"
    );
    disk(&build, &["--without-partitions"])
        .fails(2)
        .says("`--without-partitions` says nothing for format `qcow2`");
    // A mount table that the root has stays, and no mount point is there twice.
    let table = OWNED.replace("files = {", "files = { [\"/etc/fstab\"] = \"none /var/x tmpfs defaults 0 0\\nnone /var/data tmpfs defaults 0 0\\n\",");
    let build = built_of(&table, PROGRAMS);
    build.write(
        "page.lua",
        r#"return { disk = { partitions = { { mount = "/var/data", size = "40M" } } } }"#,
    );
    disk(&build, &["--spec", "page.lua"])
        .fails(1)
        .says("error: two file systems are mounted at `/var/data`");
    build.write(
        "page.lua",
        r#"return { disk = { partitions = { { mount = "/srv", size = "40M" } } } }"#,
    );
    disk(
        &build,
        &["--spec", "page.lua", "--output", "raw", "--format", "raw"],
    )
    .ok();
    let text = std::fs::read(build.at("raw")).expect("it was written");
    let lines = b"none /var/data tmpfs defaults 0 0\nLABEL=srv /srv ext4 defaults 0 2\n";
    assert!(text.windows(lines.len()).any(|part| part == lines));
}

#[test]
fn a_disk_that_became_larger() {
    if !can_build() {
        return;
    }
    let build = of_programs();
    disk(&build, &["--format", "raw", "--output", "raw"]).ok();
    let grow = || {
        let code = r#"
          local one = require("bq.image").grow "raw"
          print(one.index, one.name, (one.start + one.size) >> 20, one.changed)"#;
        build.bq(&["-e", code]).ok().stdout
    };
    let before = std::fs::read(build.at("raw")).expect("is there");
    assert!(grow().ends_with("\tfalse\n"));
    assert!(
        std::fs::read(build.at("raw")).expect("is there") == before,
        "nothing is written"
    );
    std::fs::OpenOptions::new()
        .write(true)
        .open(build.at("raw"))
        .and_then(|file| file.set_len((3 << 30) + 512))
        .expect("it grows");
    assert_eq!(grow(), "2\troot\t3071\ttrue\n");
    assert_eq!(grow(), "2\troot\t3071\tfalse\n");
    if have(&["sgdisk"]) {
        let said = tool(&build, "sgdisk", &["-v", "-p", "raw"]);
        assert!(
            said.contains("No problems found") && !said.contains("Caution"),
            "{said}"
        );
    }
    build.write("none", "no disk");
    let code = r#"require("bq.image").grow "none""#;
    build
        .bq(&["-e", code])
        .fails(1)
        .says("there is no partition table");
}

#[test]
fn options_that_say_nothing() {
    if !can_build() {
        return;
    }
    let build = built();
    for (words, said) in [
        (
            vec!["--format", "oci", "--size", "4G"],
            "`--size` says nothing for format `oci`",
        ),
        (
            vec!["--output", "x.tar.gz", "--root", "squashfs"],
            "`--root` says nothing for format `tar.gz`",
        ),
        (
            vec!["--format", "initramfs", "--command-line", "quiet"],
            "`--command-line` says nothing",
        ),
        (
            vec!["--env", "A=b"],
            "`--env` says nothing for format `qcow2`",
        ),
        (
            vec!["--format", "oci", "--env", "A"],
            "`--env A`: it is NAME=VALUE",
        ),
        (
            vec!["--format", "oci", "--name", "Ä"],
            "is no name of a container image",
        ),
        (
            vec!["--spec", "none.lua"],
            "`--spec none.lua`: there is no such file",
        ),
    ] {
        disk(&build, &words).fails(2).says(said);
    }
    for (text, said) in [
        (
            "return { disc = {} }",
            "`disc` is unknown; did you mean `disk`?",
        ),
        (
            "return { disk = { partitions = { { mount = '/data', size = '40M', owner = '5:5' } } } }",
            "`disk.partitions[1].owner` can be said by the page of a system only",
        ),
        ("return 5", "it is not a table"),
        ("return os.getenv 'HOME'", "cannot read `page.lua`"),
        ("return {", "cannot read `page.lua`"),
    ] {
        build.write("page.lua", text);
        disk(&build, &["--spec", "page.lua"]).fails(1).says(said);
    }
}

/// Runs `boot` with a shell script in the place of QEMU, which has its arguments in `$*`.
fn boot(build: &Build, script: &str, arguments: &[&str]) -> support::builds::Run {
    let arch = std::env::consts::ARCH;
    let program = format!("bin/qemu-system-{arch}");
    build.write(&program, &format!("#!/bin/sh\n{script}"));
    std::fs::set_permissions(build.at(&program), PermissionsExt::from_mode(0o755))
        .expect("it is there");
    build.write("code", "the firmware");
    let path = format!("{}:/usr/bin:/bin", build.at("bin").display());
    let mut command = support::bq(build.path());
    command.env("PATH", path).env("TMPDIR", build.path());
    command.args(["boot", "--firmware", "code", "--timeout", "60", "--emulate"]);
    support::builds::Run::of(command.args(arguments))
}

/// What a shell on a serial console does: it echoes a line, runs it, and prompts.
const SHELL: &str = r#"printf 'firmware\r\nroot@bq:~# '
while IFS= read -r line; do
  printf '%s\r\n' "$line"
  [ "$line" != poweroff ] || exit 0
  eval "$line" >out 2>&1
  sed 's/$/\r/' out
  printf 'root@bq:~# '
done
"#;

#[test]
fn every_format_that_boots_is_given_to_a_machine() {
    if !can_build() {
        return;
    }
    let build = of_programs();
    disk(&build, &["--output", "system.efi"]).ok();
    disk(&build, &["--output", "root.cpio.zst"]).ok();
    disk(&build, &["--output", "disk.qcow2"]).ok();
    disk(&build, &["--output", "root.tar.gz"]).ok();
    let words = |more: &[&str]| -> String {
        let all = [&["--wait-for", "MACHINE"], more].concat();
        boot(&build, "echo \"MACHINE $*\" >>seen\necho MACHINE\n", &all).ok();
        let seen = build.read("seen");
        seen.lines().last().expect("it ran").to_owned()
    };
    let said = words(&["disk.qcow2", "--memory", "2G", "--cores", "3"]);
    assert!(
        said.contains("-m 2048 -smp 3") && said.contains("format=qcow2"),
        "{said}"
    );
    assert!(
        said.contains("-nic none") && said.contains("-bios code"),
        "{said}"
    );
    let said = words(&["disk.qcow2", "--forward", "2222:22", "--display", "gtk"]);
    assert!(
        said.contains("hostfwd=tcp:127.0.0.1:2222-:22") && said.contains("-display gtk"),
        "{said}"
    );
    // A program lies on a FAT, where firmware finds it.
    let said = words(&["system.efi"]);
    assert!(
        said.contains("format=raw") && said.contains("/disk"),
        "{said}"
    );
    let script = r#"for word in "$@"; do case $word in *file=*/disk) cp "${word##*file=}" stick ;; esac; done"#;
    boot(
        &build,
        &format!("{script}\necho copied\n"),
        &["--wait-for", "copied", "system.efi"],
    )
    .ok();
    let code = r#"
      local image = require "bq.image"
      local found = image.list { path = "stick", partition = "EFI", folder = "/EFI/BOOT" }
      assert(image.read { path = "stick", partition = "EFI", file = found[1].path } == require("bq.fs").read "system.efi")"#;
    build.bq(&["-e", code]).ok();
    if have(&["fsck.fat", "dd"]) {
        tool(
            &build,
            "dd",
            &[
                "if=stick",
                "of=fat",
                "bs=1M",
                "skip=1",
                "count=64",
                "status=none",
            ],
        );
        tool(&build, "fsck.fat", &["-n", "fat"]);
    }
    // A first root goes to a kernel: one that is named, or that of the workspace.
    build
        .bq(&["-e", r#"require("bq.fs").copy("system.efi", "vmlinuz")"#])
        .ok();
    let said = words(&[
        "root.cpio.zst",
        "--kernel",
        "vmlinuz",
        "--command-line",
        "quiet x=1",
    ]);
    assert!(
        said.contains("-kernel vmlinuz -append quiet x=1 -initrd root.cpio.zst"),
        "{said}"
    );
    for (more, status, said) in [
        (
            vec!["root.cpio.zst", "--kernel", "none"],
            2,
            "`--kernel none`: there is no such file",
        ),
        (
            vec!["root.cpio.zst", "--kernel", "code"],
            1,
            "`code` is no kernel that is an EFI program",
        ),
        (
            vec!["disk.qcow2", "--kernel", "vmlinuz"],
            2,
            "`disk.qcow2` has a kernel of its own",
        ),
        (
            vec!["disk.qcow2", "--memory", "much"],
            2,
            "`--memory` wants a size",
        ),
        (
            vec!["disk.qcow2", "--network", "lan"],
            2,
            "`--network lan`: it is none or user",
        ),
        (
            vec!["disk.qcow2", "--network", "none", "--forward", "1:2"],
            2,
            "`--forward` wants a network",
        ),
        (
            vec!["disk.qcow2", "--forward", "22"],
            2,
            "`--forward 22`: it is [ADDRESS:]PORT:PORT[/udp]",
        ),
    ] {
        boot(&build, "", &more).fails(status).says(said);
    }
}

#[test]
fn commands_in_a_machine() {
    let build = Build::new(&[]);
    let code = r#"local image = require "bq.image"
      local id, arch = require("bq.digest").uuid(("0"):rep(64)), require("bq.syscall").uname().machine
      local root = { x86_64 = "4f68bce3-e8cd-4db1-96e7-fbcaf984b709", aarch64 = "b921b045-1df0-41c3-af44-4c6f280d3fae" }
      image.write { output = "disk", format = "raw", disk_guid = id, partitions = {
        { type = root[arch], guid = id, name = "root", size = 1 << 20 } } }"#;
    build.bq(&["-e", code]).ok();
    let run = boot(
        &build,
        SHELL,
        &[
            "disk",
            "--run",
            "echo one; echo two >&2",
            "--run",
            "printf three",
        ],
    )
    .ok();
    assert_eq!(run.stdout, "one\ntwo\nthree");
    let run = boot(
        &build,
        SHELL,
        &["disk", "--run", "echo one; exit 9", "--run", "echo two"],
    )
    .fails(9);
    assert_eq!(run.stdout, "one\n");
    // A disk that is kept is left by switching the machine off.
    boot(
        &build,
        SHELL,
        &["disk", "--keep", "--run", "true", "--serial", "serial"],
    )
    .ok();
    assert!(
        build.read("serial").ends_with("poweroff\r\n"),
        "{}",
        build.read("serial")
    );
    boot(
        &build,
        "printf 'bq login: '; sleep 60\n",
        &["disk", "--run", "true"],
    )
    .fails(1)
    .says("error: the console asks for a name to log in by");
    // What was waited for and typed before gets there.
    let login = format!("printf 'bq login: '\nread -r name\necho \"hello $name\"\n{SHELL}");
    let words = [
        "disk",
        "--wait-for",
        "login: ",
        "--type",
        "root",
        "--run",
        "echo in",
    ];
    assert_eq!(boot(&build, &login, &words).ok().stdout, "in\n");
}
