//! `bq.image` through the binary, judged by the tools of others where they are installed.

// Clippy does not know that these are helpers of tests.
#![allow(clippy::expect_used)]

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use support::have;

mod support;

const LAYOUT: &str = r#"
local image = require "bq.image"
local function guid(digit) return require("bq.digest").uuid(digit:rep(64)) end
local function disk(options)
  options.disk_guid = guid "a"
  options.partitions = {
    {
      type = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b", guid = guid "b", name = "EFI", size = 34 << 20,
      content = { fat32 = { volume_id = 0x1234abcd, label = "EFI SYSTEM", mtime = 1700000001, files = {
        { path = "/EFI/BOOT/BOOTX64.EFI", source = "kernel" },
        { path = "/loader/a long name.conf", data = "timeout 0\n" },
        { path = "/loader/a long nome.conf", data = "" },
        { path = "/loader/entries/" },
        { path = "/grüße 😀.txt", data = "hello" },
      } } },
    },
    {
      type = "4f68bce3-e8cd-4db1-96e7-fbcaf984b709", guid = guid "c", name = "root", size = 40 << 20,
      content = { file = "root.ext4" },
    },
  }
  return image.write(options)
end
"#;

struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    /// A folder with a kernel that does not compress and a root whose middle is a hole.
    fn new() -> Self {
        let bench = Self {
            folder: tempfile::tempdir().expect("makes a folder"),
        };
        fs::write(bench.path("kernel"), noise(300_001)).expect("writes");
        let text: Vec<u8> = (0..3_000_000_u32)
            .flat_map(|n| (n / 7).to_le_bytes())
            .collect();
        fs::write(bench.path("root.ext4"), &text).expect("writes");
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn bq(&self, code: &str) -> Output {
        support::bq(self.folder.path())
            .args(["-e", &format!("{LAYOUT}\n{code}")])
            .output()
            .expect("runs")
    }

    /// Runs code that has to succeed; returns what it printed.
    fn run(&self, code: &str) -> String {
        let output = self.bq(code);
        assert!(output.status.success(), "{code}\n{}", text(&output));
        String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned()
    }

    /// Runs code that has to fail with all the parts in its message, and without a traceback of ours.
    fn fails(&self, code: &str, parts: &[&str]) {
        let output = self.bq(code);
        let message = text(&output);
        assert_eq!(output.status.code(), Some(1), "{code}\n{message}");
        assert!(!message.contains("bq itself failed"), "{code}\n{message}");
        for part in parts {
            assert!(message.contains(part), "no {part:?} in:\n{message}");
        }
    }

    fn tool(&self, name: &str, arguments: &[&str]) -> Output {
        let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
        Command::new(name)
            .args(arguments)
            .env("PATH", path)
            .env("MTOOLS_SKIP_CHECK", "1")
            .env("TZ", "UTC")
            .current_dir(self.folder.path())
            .output()
            .expect("runs")
    }
}

fn text(output: &Output) -> String {
    let both = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8_lossy(&both).into_owned()
}

/// Bytes that do not compress, the same every time.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..length).map(|_| next()).collect()
}

fn succeeded(output: &Output) -> String {
    assert!(output.status.success(), "{}", text(output));
    text(output)
}

/// Makes `root.ext4` with files of many kinds, by the host's own mke2fs; `many` in one folder.
fn make_ext4(bench: &Bench, many: u32) {
    let root = bench.path("root");
    fs::create_dir_all(root.join("usr/bin")).expect("makes");
    fs::create_dir_all(root.join("many")).expect("makes");
    fs::write(root.join("usr/bin/tool"), noise(2_000_000)).expect("writes");
    fs::write(root.join("empty"), "").expect("writes");
    let link = |target: &str, name: &str| {
        std::os::unix::fs::symlink(target, root.join(name)).expect("links");
    };
    link("usr/bin", "bin");
    link("/bin/tool", "absolute");
    link("../../../usr/bin/../../bin/tool", "usr/up");
    link("loop", "loop");
    link(&format!("{}empty", "./".repeat(100)), "long");
    for number in 0..many {
        let name = format!("many/a file with a rather long name {number}");
        fs::write(root.join(name), number.to_string()).expect("writes");
    }
    // Data, a hole, data.
    let mut sparse = vec![0; 5_000_000];
    sparse[..5].copy_from_slice(b"first");
    sparse[4_999_996..].copy_from_slice(b"last");
    let file = fs::File::create(root.join("sparse")).expect("creates");
    std::os::unix::fs::FileExt::write_all_at(&file, b"first", 0).expect("writes");
    std::os::unix::fs::FileExt::write_all_at(&file, b"last", 4_999_996).expect("writes");
    assert_eq!(fs::read(root.join("sparse")).expect("reads"), sparse);
    fs::remove_file(bench.path("root.ext4")).expect("removes");
    let uuid = "01234567-89ab-8def-8123-456789abcdef";
    succeeded(&bench.tool(
        "mke2fs",
        &[
            "-q",
            "-t",
            "ext4",
            "-U",
            uuid,
            "-L",
            "rootfs",
            "-d",
            "root",
            "root.ext4",
            "40m",
        ],
    ));
}

#[test]
fn same_bytes_whatever_the_threads() {
    let bench = Bench::new();
    for compression in ["zlib", "zstd"] {
        for (name, threads) in [("a", 1), ("b", 2), ("c", 1), ("d", 7)] {
            bench.run(&format!(
                r#"disk {{ output = "{name}", format = "qcow2", compression = "{compression}", threads = {threads} }}"#
            ));
        }
        let first = fs::read(bench.path("a")).expect("reads");
        for name in ["b", "c", "d"] {
            assert!(
                fs::read(bench.path(name)).expect("reads") == first,
                "{compression} {name}"
            );
        }
    }
    let names = fs::read_dir(bench.folder.path()).expect("lists").count();
    assert_eq!(names, 6, "temporary files are gone");
}

#[test]
fn fat_does_not_depend_on_the_order() {
    let bench = Bench::new();
    let write = |name: &str, files: &str| {
        bench.run(&format!(
            r#"image.fat32 {{ output = "{name}", size = 34 << 20, volume_id = 1, mtime = 0, files = {{ {files} }} }}"#
        ));
        fs::read(bench.path(name)).expect("reads")
    };
    let (one, two) = (
        r#"{ path = "/long name 1", data = "1" }"#,
        r#"{ path = "/long name 2", data = "2" }"#,
    );
    assert!(write("a", &format!("{one}, {two}")) == write("b", &format!("{two}, {one}")));
}

#[test]
fn raw_and_qcow2_hold_the_same() {
    let bench = Bench::new();
    bench.run(r#"disk { output = "raw", format = "raw" }"#);
    let raw = fs::read(bench.path("raw")).expect("reads");
    let root = fs::read(bench.path("root.ext4")).expect("reads");
    assert_eq!(raw.len(), 76 << 20);
    assert!(raw[35 << 20..].starts_with(&root));
    if !have(&["qemu-img"]) {
        return;
    }
    for compression in ["zlib", "zstd"] {
        bench.run(&format!(
            r#"disk {{ output = "disk", format = "qcow2", compression = "{compression}" }}"#
        ));
        let check = bench.tool("qemu-img", &["check", "disk"]);
        assert!(succeeded(&check).contains("No errors were found"));
        succeeded(&bench.tool("qemu-img", &["convert", "-O", "raw", "disk", "back"]));
        assert!(
            fs::read(bench.path("back")).expect("reads") == raw,
            "{compression}"
        );
    }
}

#[test]
fn the_checkers_are_content() {
    let bench = Bench::new();
    bench.run(r#"disk { output = "raw", format = "raw" }"#);
    if have(&["sgdisk"]) {
        let said = succeeded(&bench.tool("sgdisk", &["-v", "-p", "raw"]));
        assert!(said.contains("No problems found"), "{said}");
        assert!(
            !said.contains("Caution") && !said.contains("Warning!"),
            "{said}"
        );
        assert!(said.contains("BBBBBBBB") || said.contains("EF00"), "{said}");
    }
    if have(&["fsck.fat"]) {
        succeeded(&bench.tool("dd", &["if=raw", "of=esp", "bs=1M", "skip=1", "count=34"]));
        succeeded(&bench.tool("fsck.fat", &["-n", "-v", "esp"]));
    }
    if have(&["mcopy", "mdir"]) {
        for (name, content) in [
            ("::/EFI/BOOT/BOOTX64.EFI", noise(300_001)),
            ("::/loader/a long name.conf", b"timeout 0\n".to_vec()),
            ("::/loader/ALONGN~2.CON", Vec::new()),
        ] {
            let output = bench.tool("mcopy", &["-i", "raw@@1M", name, "-"]);
            succeeded(&output);
            assert!(output.stdout == content, "{name}");
        }
        let said = succeeded(&bench.tool("mdir", &["-i", "raw@@1M", "::/EFI/BOOT"]));
        assert!(
            said.contains("2023-11-14") && said.contains("300 001"),
            "{said}"
        );
    }
}

#[test]
fn files_come_back() {
    let bench = Bench::new();
    for format in ["raw", "qcow2"] {
        let said = bench.run(&format!(
            r#"
            disk {{ output = "disk", format = "{format}" }}
            local info = image.info "disk"
            print(info.format, info.size == 76 << 20, #info.partitions, info.disk_guid)
            local efi = info.partitions[1]
            print(efi.name, efi.filesystem, efi.label, efi.id, efi.start >> 20, info.partitions[2].filesystem)
            for _, file in ipairs(image.list {{ path = "disk", partition = 1 }}) do
              print(file.path, file.type, file.size, file.mtime)
            end
            local function read(file) return image.read {{ path = "disk", partition = "EFI", file = file }} end
            local kernel = assert(io.open("kernel", "rb"))
            print(read "/efi/boot/bootx64.EFI" == kernel:read "a", read "/loader/a long name.conf", read "/loader/entries")
            print(read "/GRÜßE 😀.txt", read "/loader/a long nome.conf" == "", read "/EFI/BOOT/BOOTX64.EFI/x", read "/no")
            "#
        ));
        let expected = format!(
            "{format}\ttrue\t2\taaaaaaaa-aaaa-8aaa-aaaa-aaaaaaaaaaaa
EFI\tfat32\tEFI SYSTEM\t1234-ABCD\t1\tnil
/EFI\tdir\t0\t1700000000
/EFI/BOOT\tdir\t0\t1700000000
/EFI/BOOT/BOOTX64.EFI\tfile\t300001\t1700000000
/grüße 😀.txt\tfile\t5\t1700000000
/loader\tdir\t0\t1700000000
/loader/a long name.conf\tfile\t10\t1700000000
/loader/a long nome.conf\tfile\t0\t1700000000
/loader/entries\tdir\t0\t1700000000
true\ttimeout 0\n\tnil
hello\ttrue\tnil\tnil"
        );
        assert_eq!(said, expected);
    }
}

/// As a machine that lost its power leaves it: the disk can be looked at and booted, only its files cannot be read.
#[test]
fn an_ext4_that_was_not_unmounted() {
    if !have(&["mke2fs"]) {
        return;
    }
    let bench = Bench::new();
    make_ext4(&bench, 50);
    let said = bench.run(
        r#"
        disk { output = "raw", format = "raw" }
        local before = image.info("raw").partitions
        assert(before[2].filesystem == "ext4" and before[2].label and not before[2].problem)
        -- The bit `needs_recovery` of the incompatible features, in the superblock.
        local file <close> = assert(io.open("raw", "r+b"))
        local at = before[2].start + 1024 + 0x60
        file:seek("set", at)
        local byte = file:read(1):byte()
        file:seek("set", at)
        file:write(string.char(byte | 4)):flush()
        local after = image.info("raw").partitions
        print(#after, after[1].filesystem, after[1].problem, after[2].type == before[2].type)
        print(after[2].filesystem, after[2].label, after[2].problem)
        local ok, err = pcall(image.list, { path = "raw", partition = 2 })
        print(ok, err.code, err.path)
        "#,
    );
    assert_eq!(
        said,
        "2\tfat32\tnil\ttrue
ext4\tnil\tit was not unmounted: its journal has to be replayed first
false\tunsupported\traw"
    );
}

#[test]
fn ext4_is_read() {
    if !have(&["mke2fs"]) {
        return;
    }
    let bench = Bench::new();
    make_ext4(&bench, 3000);
    let said = bench.run(
        r#"
        disk { output = "disk", format = "qcow2" }
        local root = image.info("disk").partitions[2]
        print(root.filesystem, root.label, root.id)
        local function read(file, max) return image.read { path = "disk", partition = "root", file = file, max_bytes = max } end
        local tool = assert(io.open("root/usr/bin/tool", "rb")):read "a"
        print(read "/usr/bin/tool" == tool, read "bin/tool" == tool, read "/absolute" == tool, read "/usr/up" == tool)
        print(read "/long" == "", read "/many/a file with a rather long name 2999", read "/many", read "/usr/bin/tool/x")
        print(read "/sparse" == assert(io.open("root/sparse", "rb")):read "a")
        print(pcall(read, "/loop"))
        print(pcall(read, "/usr/bin/tool", 1000))
        local files = image.list { path = "disk", partition = "root" }
        local count = 0
        for _, file in ipairs(files) do
          if file.path:find "^/many/" then count = count + 1 end
          if file.path == "/absolute" then print(file.type, file.target) end
          if file.path == "/sparse" then print(file.type, file.size, ("%o"):format(file.mode), file.mtime > 1700000000) end
        end
        print(count, #image.list { path = "disk", partition = 2, folder = "/many" })
        "#,
    );
    let expected = "ext4\trootfs\t01234567-89ab-8def-8123-456789abcdef
true\ttrue\ttrue\ttrue
true\t2999\tnil\tnil
true
false\text4 `disk`: more than 40 links on the way
false\text4 `disk`: the file has 2000000 bytes, more than the 1000 allowed
link\t/bin/tool
file\t5000000\t644\ttrue
3000\t3000";
    assert_eq!(said, expected);
}

#[test]
fn owners_set_id_bits_and_capabilities_of_ext4_are_read() {
    if !have(&["mke2fs", "debugfs", "e2fsck"]) {
        return;
    }
    let bench = Bench::new();
    make_ext4(&bench, 1);
    let capability = [
        1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];
    fs::write(bench.path("capability"), capability).expect("writes");
    // More than an inode has room for: then the capability goes into a block of its own.
    fs::write(bench.path("long"), "x".repeat(3000)).expect("writes");
    let commands = "set_inode_field /empty uid 70000
        set_inode_field /empty uid_high 1
        set_inode_field /empty gid 8
        set_inode_field /empty mode 0106755
        set_inode_field /usr mode 043777
        set_inode_field /usr uid 0
        set_inode_field /usr gid 9
        ea_set -f capability /usr/bin/tool security.capability
        ea_set -f long /sparse user.long
        ea_set -f capability /sparse security.capability
        ea_set /empty user.capability other";
    fs::write(bench.path("commands"), commands).expect("writes");
    succeeded(&bench.tool("debugfs", &["-w", "-f", "commands", "root.ext4"]));
    succeeded(&bench.tool("e2fsck", &["-fn", "root.ext4"]));
    let listed = bench.tool("debugfs", &["-R", "ea_list /sparse", "root.ext4"]);
    let listed = succeeded(&listed);
    assert!(listed.contains("security.capability (20)"), "{listed}");
    let said = bench.run(
        r#"
        for _, file in ipairs(image.list { path = "root.ext4" }) do
          local owner = (file.path == "/empty" or file.path == "/usr") and file.uid .. ":" .. file.gid or ""
          if file.capabilities or owner ~= "" then
            print(file.path, owner, ("%04o"):format(file.mode), file.capabilities)
          end
        end
        "#,
    );
    assert_eq!(
        said,
        "/empty\t70000:8\t6755\tnil
/sparse\t\t0644\t0100000200200000000000000000000000000000
/usr\t0:9\t3777\tnil
/usr/bin/tool\t\t0644\t0100000200200000000000000000000000000000"
    );
}

#[test]
fn names_that_are_not_utf8_are_shown_and_said() {
    if !have(&["mke2fs"]) {
        return;
    }
    let bench = Bench::new();
    let odd = std::ffi::OsStr::from_bytes(b"root/caf\xe9 \x1b[31m");
    fs::create_dir(bench.path("root")).expect("makes");
    fs::write(bench.folder.path().join(odd), "odd").expect("writes");
    make_ext4(&bench, 1);
    let inspect = |options: &[&str]| {
        let output = support::bq(bench.folder.path())
            .args([&["inspect", "root.ext4"], options].concat())
            .output();
        succeeded(&output.expect("runs"))
    };
    let said = inspect(&["--files"]);
    assert!(said.contains(" /caf\\xe9 \\x1b[31m\n"), "{said}");
    let said = inspect(&["--files", "--json"]);
    assert!(said.contains(r#""path": "/caf\\xe9 \\x1b[31m""#), "{said}");
    assert!(
        said.contains(r#""path_hex": "2f636166e9201b5b33316d""#),
        "{said}"
    );
    assert!(inspect(&[]).contains("one file system: ext4"));
}

/// The record of a disk's build may be somebody else's.
#[test]
fn records_of_a_disk_are_checked() {
    if !have(&["mke2fs"]) {
        return;
    }
    let bench = Bench::new();
    let digest = "0a".repeat(32);
    let record = format!(
        r#"{{ "schema": 1, "arch": "x86_64", "epoch": 1, "root": "ext4", "label": "x", "kernel": "{digest}", "packages": [
          {{ "phase": "rootfs", "name": "zlib", "version": "1.3\u001b[2J", "license": "Zlib", "key": "0a", "output": "{digest}" }}] }}"#
    );
    let inspect = |name: &str, text: &[u8], options: &[&str]| {
        let folder = bench.path("root/var/lib/bq");
        drop(fs::remove_dir_all(bench.path("root")));
        fs::create_dir_all(&folder).expect("makes");
        fs::write(folder.join(name), text).expect("writes");
        make_ext4(&bench, 1);
        bench.run(r#"disk { output = "disk", format = "qcow2" }"#);
        let output = support::bq(bench.folder.path())
            .args([&["inspect", "disk"], options].concat())
            .output();
        output.expect("runs")
    };
    let said = succeeded(&inspect("image.json", record.as_bytes(), &[]));
    assert!(said.contains("record: /var/lib/bq/image.json\n"), "{said}");
    assert!(
        said.contains(&format!("made for x86_64, kernel {}\n", &digest[..16])),
        "{said}"
    );
    assert!(said.contains("  zlib  "), "{said}");
    assert!(said.contains(" 1.3\\x1b[2J "), "{said}");
    for (name, text, wanted) in [
        (
            "image.json",
            record.replace("\"x86_64\"", "[1]"),
            "the record of a disk `disk:/var/lib/bq/image.json`\ncaused by: `arch` is a list, expected a name\n",
        ),
        (
            "image.json",
            record.replace("\"epoch\": 1", "\"epoch\": -1"),
            "caused by: `epoch` is -1, expected a number from 0 to ",
        ),
        (
            "manifest.json",
            "{\"files\":{\"a\":1}}".to_owned(),
            "the manifest `disk:/var/lib/bq/manifest.json`\ncaused by: `files` is a map, expected a list\n",
        ),
        (
            "sbom.json",
            "7".to_owned(),
            "the bill of materials `disk:/var/lib/bq/sbom.json`\ncaused by: it is a number, expected a map\n",
        ),
        (
            "plan.json",
            "{\"schema\":\"x\"}".to_owned(),
            "the plan `disk:/var/lib/bq/plan.json`\ncaused by: `schema` is a text, expected a whole number\n",
        ),
        (
            "lock.json",
            "{".to_owned(),
            "the lock `disk:/var/lib/bq/lock.json`\ncaused by: decode: ",
        ),
    ] {
        for options in [&[][..], &["--json"]] {
            let output = inspect(name, text.as_bytes(), options);
            assert_eq!(output.status.code(), Some(1), "{}", self::text(&output));
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(said.starts_with("error: cannot read the "), "{said}");
            assert!(said.contains(wanted), "{wanted}: {said}");
        }
    }
    // A plan of another version of bq is shown.
    succeeded(&inspect("plan.json", b"{\"schema\":1}", &["--json"]));
}

/// What the crate `ext4-view` finds below a folder: a line for each file.
fn listed_by_another(disk: &ext4_view::Ext4, folder: &ext4_view::PathBuf, out: &mut Vec<String>) {
    for entry in disk.read_dir(folder).expect("is a folder") {
        let entry = entry.expect("reads");
        let name = entry.file_name().as_str().expect("is text").to_owned();
        if name == "." || name == ".." {
            continue;
        }
        let (path, found) = (entry.path(), entry.metadata().expect("reads"));
        let rest = if found.is_dir() {
            listed_by_another(disk, &path, out);
            String::new()
        } else if found.is_symlink() {
            let target = disk.read_link(&path).expect("reads");
            target.to_str().expect("is text").to_owned()
        } else {
            let content = disk.read(&path).expect("reads");
            format!("{} {}", found.len(), support::sha256(&content))
        };
        let (mode, uid, gid) = (found.mode(), found.uid(), found.gid());
        let time = found.modified().seconds();
        let path = path.to_str().expect("is text");
        out.push(format!("{path} {mode:o} {uid} {gid} {time} {rest}"));
    }
}

#[test]
fn another_reader_of_ext4_finds_the_same() {
    if !have(&["mke2fs"]) {
        return;
    }
    let bench = Bench::new();
    make_ext4(&bench, 300);
    let said = bench.run(
        r#"
        local digest = require "bq.digest"
        for _, file in ipairs(image.list { path = "root.ext4" }) do
          local more = file.target or ""
          if file.type == "file" then
            more = file.size .. " " .. digest.sha256(image.read { path = "root.ext4", file = file.path })
          end
          print(("%s %o %d %d %d %s"):format(file.path, file.mode, file.uid, file.gid, file.mtime, more))
        end
        "#,
    );
    let disk = ext4_view::Ext4::load_from_path(bench.path("root.ext4")).expect("opens");
    let mut lines = Vec::new();
    listed_by_another(&disk, &ext4_view::PathBuf::new("/"), &mut lines);
    lines.sort();
    let mut said: Vec<&str> = said.lines().map(str::trim_end).collect();
    said.sort_unstable();
    let lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
    assert!(lines.len() > 300);
    assert_eq!(said, lines);
}

/// Damages an image in many places; reading it must end in order.
#[test]
fn damage_never_crashes() {
    let bench = Bench::new();
    if have(&["mke2fs"]) {
        make_ext4(&bench, 50);
    }
    let said = bench.run(
        r#"
        disk { output = "raw", format = "raw" }
        disk { output = "disk", format = "qcow2" }
        local function use(path)
          -- Whatever this raises: it has to be an error of ours, with a word for its kind.
          local function try(body, ...)
            local ok, err = pcall(body, ...)
            if not ok then
              assert(type(err) == "table" and err.code ~= "lua" and err.path == path, tostring(err))
            end
            return ok
          end
          local whole = try(image.info, path)
          for number = 1, 2 do
            whole = try(image.list, { path = path, partition = number }) and whole
          end
          try(image.read, { path = path, partition = 1, file = "/EFI/BOOT/BOOTX64.EFI" })
          try(image.read, { path = path, partition = 2, file = "/absolute" })
          try(image.read, { path = path, partition = 2, file = "/sparse" })
          return whole
        end
        local function damage(name, places, lengths)
          local good = assert(io.open(name, "rb")):read "a"
          local bad = 0
          assert(io.open("bad", "wb")):write(good):close()
          for _, at in ipairs(places) do
            local file <close> = assert(io.open("bad", "r+b"))
            local function put(byte) file:seek("set", at); file:write(string.char(byte)); file:flush() end
            for _, mask in ipairs { 0xff, 0x01 } do
              put(good:byte(at + 1) ~ mask)
              if not use "bad" then bad = bad + 1 end
            end
            put(good:byte(at + 1))
          end
          for _, length in ipairs(lengths) do
            local file <close> = assert(io.open("bad", "wb"))
            file:write(good:sub(1, length)):flush()
            assert(not use "bad", ("cut after %d of %d bytes"):format(length, #good))
          end
          return bad
        end
        local MIB <const> = 1 << 20
        local places = {}
        local function add(from, to, step) for at = from, to, step do places[#places + 1] = at end end
        add(510, 620, 5)                                 -- the partition table
        add(MIB, MIB + 90, 4)                            -- FAT's boot sector
        add(MIB + 32 * 512, MIB + 32 * 512 + 60, 4)      -- its table
        add(35 * MIB + 1024, 35 * MIB + 1024 + 352, 8)   -- ext4's superblock
        add(35 * MIB + 4096, 35 * MIB + 4096 + 64, 4)    -- its group descriptors
        local size = 76 * MIB
        print(damage("raw", places, { 1, 511, 600, 1100, MIB, 20 * MIB, 50 * MIB, size - 512 }) > 20)
        places = {}
        local length = assert(io.open("disk")):seek "end"
        add(0, 111, 3)
        add(65536, length - 1, length // 60)
        local lengths = {}
        for part = 0, 19 do lengths[#lengths + 1] = 4 + length * part // 20 end
        lengths[#lengths + 1] = length - 1
        print(damage("disk", places, lengths) > 10)
        "#,
    );
    assert_eq!(said, "true\ntrue");
}

#[test]
fn foreign_files_are_refused() {
    let bench = Bench::new();
    fs::write(bench.path("text"), "hello\n".repeat(1000)).expect("writes");
    fs::write(bench.path("empty"), "").expect("writes");
    for name in ["text", "empty", "kernel"] {
        let list = format!(r#"image.list {{ path = "{name}" }}"#);
        bench.fails(
            &list,
            &[name, "neither a partition table nor a file system"],
        );
    }
    bench.fails(r#"image.info "absent""#, &["absent", "ENOENT"]);
    bench.fails(r#"image.info ".""#, &["not a regular file"]);
    if have(&["qemu-img"]) {
        succeeded(&bench.tool(
            "qemu-img",
            &[
                "create", "-q", "-f", "qcow2", "-F", "raw", "-b", "kernel", "overlay",
            ],
        ));
        bench.fails(r#"image.info "overlay""#, &["overlay", "a backing file"]);
        // Other cluster sizes, version 2, clusters that are not compressed.
        bench.run(r#"disk { output = "raw", format = "raw" }"#);
        for options in [
            "compat=0.10",
            "cluster_size=512",
            "cluster_size=2M",
            "compression_type=zstd",
        ] {
            for flag in ["-c", "-q"] {
                succeeded(&bench.tool(
                    "qemu-img",
                    &[
                        "convert", flag, "-O", "qcow2", "-o", options, "raw", "other",
                    ],
                ));
                let said = bench.run(
                    r#"
                    local kernel = image.read { path = "other", partition = 1, file = "/EFI/BOOT/BOOTX64.EFI" }
                    print(kernel == assert(io.open("kernel", "rb")):read "a")
                    "#,
                );
                assert_eq!(said, "true", "{options} {flag}");
            }
        }
    }
}

#[test]
fn wrong_arguments_are_named() {
    let bench = Bench::new();
    let fat = |files: &str| {
        format!(
            r#"image.fat32 {{ output = "out", size = 34 << 20, volume_id = 1, mtime = 0, files = {{ {files} }} }}"#
        )
    };
    fs::File::create(bench.path("large"))
        .and_then(|file| file.set_len(1 << 32))
        .expect("makes a sparse file");
    fs::File::create(bench.path("some"))
        .and_then(|file| file.set_len(40 << 20))
        .expect("makes a sparse file");
    for (code, parts) in [
        (fat(r#"{ path = "/a", data = "" }, { path = "/A", data = "" }"#), ["`/", "collides with"]),
        (fat(r#"{ path = "/large", source = "large" }"#), ["/large", "4 GiB"]),
        (fat(r#"{ path = "/some", source = "some" }"#), ["/some", "no room left"]),
        (fat(r#"{ path = "/a:b", data = "" }"#), ["/a:b", "forbids"]),
        (fat(r#"{ path = "/../b", data = "" }"#), ["/../b", "is no name"]),
        (fat(r#"{ path = "/caf\xe9", data = "" }"#), ["/caf\\xe9", "is not UTF-8"]),
        (fat(r#"{ path = "/b", source = "absent" }"#), ["absent", "ENOENT"]),
        (fat(r#"{ path = "/b", colour = "red" }"#), ["unknown option `files[1].colour`", "source"]),
        (
            r#"disk { output = "out", format = "qcow2", speed = 1 }"#.to_owned(),
            ["unknown option `speed`", "threads"],
        ),
        (r#"disk { output = "out", format = "vmdk" }"#.to_owned(), ["vmdk", "qcow2"]),
        (r#"disk { output = "out", format = "raw", level = 3 }"#.to_owned(), ["raw", "level"]),
        (r#"disk { output = "out", format = "qcow2", level = 10 }"#.to_owned(), ["level", "1 to 9"]),
        (
            r#"disk { output = "out", format = "qcow2", size = 40 << 20 }"#.to_owned(),
            ["partition 2", "ends after"],
        ),
        (
            r#"disk { output = "out", format = "qcow2", progress = function() error "enough" end }"#.to_owned(),
            ["progress", "enough"],
        ),
        (r#"disk { output = "no/out", format = "raw" }"#.to_owned(), ["no/out", "ENOENT"]),
    ] {
        bench.fails(&code, &parts);
    }
    let names: Vec<_> = fs::read_dir(bench.folder.path()).expect("lists").collect();
    assert_eq!(names.len(), 4, "no output, whole or half: {names:?}");
}

#[test]
fn fat_refuses_what_it_cannot_keep() {
    let bench = Bench::new();
    let code = |attributes: &str| {
        format!(
            r#"image.fat32 {{ output = "out", size = 34 << 20, volume_id = 1, mtime = 0,
              files = {{ {{ path = "/EFI/a", data = "" }} }}, attributes = {{ {attributes} }} }}"#
        )
    };
    for (attributes, field) in [
        (r#"["EFI/a"] = { uid = 5 }"#, "`uid`"),
        (r#"["EFI/a"] = { uid = 0, gid = 5 }"#, "`gid`"),
        (r#"["EFI/a"] = { mode = 2541 }"#, "`mode`"),
        (r#"["EFI/a"] = { capabilities = "0100" }"#, "`capabilities`"),
    ] {
        bench.fails(&code(attributes), &["EFI/a", "FAT cannot keep its", field]);
    }
    bench.fails(
        &code(r#"["EFI/b"] = {}"#),
        &["EFI/b", "not among the files"],
    );
    bench.fails(&code(r#"["EFI/a"] = { user = 1 }"#), &["EFI/a.user"]);
    let names = fs::read_dir(bench.folder.path()).expect("lists").count();
    assert_eq!(names, 2, "nothing was written");
    // That root owns a file, with a mode of its own, is nothing to lose.
    bench.run(&code(r#"["EFI/a"] = { uid = 0, gid = 0, mode = 493 }"#));
}

#[test]
fn a_full_disk_leaves_nothing() {
    if !have(&["unshare", "mount", "sh"]) {
        return;
    }
    let bench = Bench::new();
    let kept = noise(8 << 20);
    fs::write(bench.path("root.ext4"), &kept).expect("writes");
    fs::create_dir(bench.path("small")).expect("makes");
    for format in ["qcow2", "raw"] {
        let code = format!(
            r#"{LAYOUT}
            local ok, err = pcall(disk, {{ output = "small/disk", format = "{format}" }})
            print(ok, err.code, err.path)"#
        );
        let script = r#"mount -t tmpfs -o size=4m none small || exit 99
            "$0" -e "$1" && ls -A small | wc -l"#;
        let output = bench.tool(
            "unshare",
            &["-rm", "sh", "-c", script, env!("CARGO_BIN_EXE_bq"), &code],
        );
        if output.status.code() == Some(99) || text(&output).contains("unshare failed") {
            support::skip(format_args!("no namespaces here: {}", text(&output)));
            return;
        }
        assert_eq!(
            succeeded(&output).trim_end(),
            "false\tENOSPC\tsmall/disk\n0"
        );
    }
}

#[test]
fn progress_ends_at_the_total() {
    let bench = Bench::new();
    for format in ["qcow2", "raw"] {
        let said = bench.run(&format!(
            r#"
            local calls, last, all = 0, 0, 0
            disk {{ output = "disk", format = "{format}", progress = function(done, total)
              assert(done > last and (all == 0 or all == total))
              calls, last, all = calls + 1, done, total
            end }}
            print(calls > 5, last == all)
            "#
        ));
        assert_eq!(said, "true\ttrue");
    }
}

/// The stub and the module name the same functions.
#[test]
fn the_stub_is_complete() {
    let bench = Bench::new();
    let said = bench.run(
        r#"local names = {} for name in pairs(image) do names[#names + 1] = name end
        table.sort(names) print(table.concat(names, " "))"#,
    );
    let stub = Path::new(env!("CARGO_MANIFEST_DIR")).join("lua-lib/meta/image.lua");
    let stub = fs::read_to_string(stub).expect("reads");
    let mut names: Vec<&str> = stub
        .lines()
        .filter_map(|line| line.strip_prefix("function image.")?.split('(').next())
        .collect();
    names.sort_unstable();
    assert_eq!(said, names.join(" "));
}
