//! Packing, and digests of trees.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use crate::{Place, has_gnu, names, snapshot};

/// A tree with a bit of everything, made in one of two orders and with other times.
fn tree(top: &Path, backwards: bool) {
    let long = "n".repeat(180);
    let mut files: Vec<(String, Vec<u8>, u32)> = vec![
        ("usr/bin/run".into(), b"#!/bin/sh\n".to_vec(), 0o755),
        ("usr/bin-more".into(), b"sorts between".to_vec(), 0o644),
        (
            "usr/lib/big".into(),
            (0..2_000_000_u32).flat_map(u32::to_le_bytes).collect(),
            0o644,
        ),
        ("empty".into(), Vec::new(), 0o600),
        (format!("long/{long}/{long}"), b"long".to_vec(), 0o640),
        ("suid".into(), b"s".to_vec(), 0o4755),
    ];
    if backwards {
        files.reverse();
    }
    for (name, content, mode) in files {
        let path = top.join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        std::fs::write(&path, content).expect("a file");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("set");
    }
    let odd = std::ffi::OsStr::from_bytes(b"usr/\xff\xfe odd\n");
    std::fs::write(top.join(odd), "odd").expect("a file");
    std::fs::create_dir(top.join("hollow")).expect("a folder");
    symlink("../run", top.join("usr/link")).expect("a link");
    symlink("t".repeat(150), top.join("longlink")).expect("a link");
    let (first, second) = if backwards {
        ("usr/z", "usr/a")
    } else {
        ("usr/a", "usr/z")
    };
    std::fs::write(top.join(first), "same file").expect("a file");
    std::fs::hard_link(top.join(first), top.join(second)).expect("a link");
    for folder in ["", "usr", "usr/bin", "usr/lib", "long", "hollow"] {
        std::fs::set_permissions(top.join(folder), PermissionsExt::from_mode(0o755)).expect("set");
    }
}

#[test]
fn same_tree_same_bytes() {
    let place = Place::new();
    tree(&place.join("one"), false);
    tree(&place.join("two"), true);
    let mut old = std::fs::File::options()
        .write(true)
        .open(place.join("two/empty"));
    if let Ok(file) = &mut old {
        file.set_modified(std::time::UNIX_EPOCH).expect("set");
    }
    let output = place.lua(
        r#"for _, compression in ipairs { "none", "gzip", "zstd" } do
          local seen
          for _, from in ipairs { "one", "two" } do
            for _, threads in ipairs { 1, 2, 5 } do
              local packed = archive.pack { output = "o." .. compression, sources = { { path = from } }, compression = compression, threads = threads }
              assert(packed.sha256 == digest.file("o." .. compression))
              seen = seen or packed.sha256
              assert(packed.sha256 == seen, compression .. from .. threads)
            end
          end
          archive.extract { path = "o." .. compression, target = "x." .. compression, profile = "rootfs", setid = true, sha256 = seen }
          assert(digest.tree("x." .. compression) == digest.tree "one", compression)
        end
        for _, member in ipairs(archive.list "o.none") do
          assert(member.mtime == 0)
          io.write(member.path:sub(1, 9), " ", member.type, " ", member.target and #member.target > 9 and "long" or member.target or "", ";")
        end"#,
    );
    assert_eq!(
        snapshot(&place.join("x.gzip")),
        snapshot(&place.join("one"))
    );
    let inode = |name: &str| {
        std::fs::metadata(place.join("x.zstd/usr").join(name))
            .expect(name)
            .ino()
    };
    assert_eq!(inode("a"), inode("z"));
    assert_eq!(
        output,
        "empty file ;hollow dir ;long dir ;long/nnnn dir ;long/nnnn file ;longlink link long;suid file ;usr dir ;usr/a file ;\
        usr/bin dir ;usr/bin-m file ;usr/bin/r file ;usr/lib dir ;usr/lib/b file ;usr/link link ../run;usr/z hardlink usr/a;usr/\u{fffd}\u{fffd} od file ;"
    );
}

/// Other tools read what we write.
#[test]
fn others_read_it() {
    if !has_gnu("tar") {
        return;
    }
    let place = Place::new();
    tree(&place.join("tree"), false);
    place.lua(
        r#"for _, kind in ipairs { "none", "gzip" } do
          archive.pack { output = kind .. ".tar", sources = { { path = "tree" } }, compression = kind }
        end"#,
    );
    for kind in ["none", "gzip"] {
        std::fs::create_dir(place.join(kind)).expect("a folder");
        let status = Command::new("tar")
            .args([
                "--extract",
                "--preserve-permissions",
                "--no-same-owner",
                "--file",
            ])
            .arg(place.join(format!("{kind}.tar")))
            .arg("--directory")
            .arg(place.join(kind))
            .status()
            .expect("tar starts");
        assert!(status.success());
        assert_eq!(
            snapshot(&place.join(kind)),
            snapshot(&place.join("tree")),
            "{kind}"
        );
    }
}

#[test]
fn sources_merge_and_the_later_wins() {
    let place = Place::new();
    place.write("a/d/one", "1");
    place.write("a/d/both", "from a");
    place.write("a/folder/below", "gone");
    place.write("a/was-file", "gone");
    place.write("b/d/two", "2");
    place.write("b/d/both", "from b");
    place.write("b/folder", "now a file");
    place.write("b/was-file/below", "now a folder");
    place.write("b/skip/me", "no");
    place.write("b/skip.o", "no");
    place.write("bq", "program");
    let output = place.lua(
        r#"local packed = archive.pack {
          output = "o.tar", compression = "none", mtime = 42,
          sources = {
            { path = "a" },
            { path = "b", exclude = { "skip", "*.o" } },
            { path = "a/d", prefix = "opt/x/" },
            { path = "bq", prefix = "usr/bin/bq", mode = tonumber("4755", 8) },
            { path = "bq" },
          },
        }
        for _, m in ipairs(archive.list "o.tar") do
          print(m.path, m.type, ("%o"):format(m.mode), m.mtime)
        end
        assert(archive.read("o.tar", "d/both") == "from b")
        assert(archive.read("o.tar", "opt/x/both") == "from a")
        assert(archive.read("o.tar", "folder") == "now a file")
        print(packed.entries, packed.bytes)"#,
    );
    let lines: Vec<&str> = output
        .lines()
        .map(|l| l.split('\t').next().unwrap_or_default())
        .collect();
    assert_eq!(
        lines.join(" "),
        "bq d d/both d/one d/two folder opt opt/x opt/x/both opt/x/one usr usr/bin usr/bin/bq was-file was-file/below 15"
    );
    assert!(output.contains("usr/bin/bq\tfile\t4755\t42"), "{output}");
    assert!(output.contains("usr/bin\tdir\t755\t42"), "{output}");
}

#[test]
fn pack_fails_without_a_trace() {
    let place = Place::new();
    place.write("tree/a", vec![b'x'; 9 << 20]);
    place.write("keep.tar", "old");
    place.lua(
        r#"local sources = { { path = "tree" } }
        local err = fails(archive.pack, { output = "keep.tar", sources = { { path = "missing" } } })
        assert(err.code == "ENOENT" and err.path == "missing", err.text)
        err = fails(archive.pack, { output = "nowhere/o.tar", sources = sources })
        assert(err.code == "ENOENT" and err.path == "nowhere/o.tar", err.text)
        for _, compression in ipairs { "none", "gzip", "zstd" } do
          local told = {}
          err = fails(archive.pack, { output = "keep.tar", sources = sources, compression = compression, progress = function(n) told[#told + 1] = n; error("stop") end })
          assert(err.code == "progress" and err.text:find("stop", 1, true), err.text)
          assert(#told == 1)
        end
        local last = 0
        archive.pack { output = "o.tar.gz", sources = sources, progress = function(n) assert(n >= last) last = n end }
        assert(last == 9 << 20)
        err = fails(archive.pack, { output = "o", sources = sources, level = 0 })
        assert(err.code == "argument", err.text)
        err = fails(archive.pack, { output = "o", sources = sources, compression = "xz" })
        assert(err.code == "argument", err.text)
        err = fails(archive.pack, { output = "o", sources = { { path = "tree", prefix = "../x" } } })
        assert(err.code == "argument", err.text)"#,
    );
    assert_eq!(names(place.path()), ["keep.tar", "o.tar.gz", "tree"]);
    assert_eq!(
        std::fs::read(place.join("keep.tar")).expect("a file"),
        b"old"
    );
    let made = Command::new("mkfifo").arg(place.join("tree/fifo")).status();
    if made.is_ok_and(|status| status.success()) {
        place.lua(
            r#"local err = fails(archive.pack, { output = "o", sources = { { path = "tree" } } })
            assert(err.code == "type" and err.path == "tree/fifo", err.text)
            err = fails(digest.tree, "tree")
            assert(err.code == "type" and err.path == "tree/fifo", err.text)"#,
        );
        assert_eq!(names(place.path()), ["keep.tar", "o.tar.gz", "tree"]);
    }
}

#[test]
fn digests() {
    let place = Place::new();
    place.write("abc", "abc");
    let output = place.lua(
        r#"assert(digest.sha256 "" == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        assert(digest.sha256 "abc" == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        assert(digest.file "abc" == digest.sha256 "abc")
        local err = fails(digest.file, "none")
        assert(err.code == "ENOENT" and err.path == "none", err.text)
        err = fails(digest.tree, "abc")
        assert(err.code == "ENOTDIR" and err.path == "abc", err.text)
        err = fails(digest.tree, "abc", { thread = 1 })
        assert(err.code == "argument", err.text)
        print(digest.tree ".")"#,
    );
    // As docs/reproducibility.md has it.
    let record = place
        .lua(r#"print(digest.sha256("bq tree 1\nf 0644 abc\0" .. digest.sha256 "abc" .. "\n"))"#);
    std::fs::set_permissions(place.join("abc"), PermissionsExt::from_mode(0o644)).expect("set");
    assert_eq!(place.lua(r#"print(digest.tree ".")"#), record);
    assert_eq!(output.len(), 64);
}

#[test]
fn tree_digests_tell_trees_apart() {
    let place = Place::new();
    let top = place.join("t");
    tree(&top, false);
    let digest = || place.lua(r#"print(digest.tree("t", { threads = 3 }))"#);
    let first = digest();
    assert_eq!(
        place.lua(r#"print(digest.tree("t", { threads = 1 }))"#),
        first
    );
    let mut seen = vec![first.clone()];
    let mut changed = |what: &str| {
        let now = digest();
        assert!(!seen.contains(&now), "{what}");
        seen.push(now);
    };
    std::fs::write(top.join("empty"), "x").expect("a file");
    changed("content");
    std::fs::set_permissions(top.join("empty"), PermissionsExt::from_mode(0o601)).expect("set");
    changed("mode");
    std::fs::rename(top.join("empty"), top.join("void")).expect("renamed");
    changed("name");
    std::fs::remove_dir(top.join("hollow")).expect("removed");
    changed("a folder");
    std::fs::remove_file(top.join("longlink")).expect("removed");
    symlink("elsewhere", top.join("longlink")).expect("a link");
    changed("a link");
    std::fs::set_permissions(top.join("usr"), PermissionsExt::from_mode(0o750)).expect("set");
    changed("a folder's mode");
    // These do not count: times, the folder's own mode, hard links, excluded files.
    let last = digest();
    std::fs::set_permissions(&top, PermissionsExt::from_mode(0o700)).expect("set");
    std::fs::remove_file(top.join("usr/z")).expect("removed");
    std::fs::write(top.join("usr/z"), "same file").expect("a file");
    place.write("t/left/out/x", "x");
    place.write("t/a.log", "x");
    assert_eq!(
        place.lua(r#"print(digest.tree("t", { exclude = { "left", "*.log" } }))"#),
        last
    );
    let output = place.lua(
        r#"local lines = digest.manifest("t", { exclude = { "long" } })
        for n = 2, #lines do assert(lines[n - 1].path < lines[n].path) end
        for _, line in ipairs(lines) do
          assert((line.type == "file") == (line.digest ~= nil) and (line.type == "link") == (line.target ~= nil))
          if line.path == "void" then print(line.type, line.mode, line.size, line.digest == digest.sha256 "x") end
        end"#,
    );
    assert_eq!(output, format!("file\t{}\t1\ttrue", 0o601));
}

/// Given attributes count as if they were on disk, and nothing else changes.
#[test]
fn tree_digests_with_attributes() {
    let place = Place::new();
    tree(&place.join("t"), false);
    place.lua(
        r#"local CAP = "0100000200200000000000000000000000000000"
        local function of(attributes, options)
          options = options or {}
          options.attributes = attributes
          return digest.tree("t", options)
        end
        local plain = digest.tree "t"
        assert(of(nil) == plain and of {} == plain and of { empty = {} } == plain)
        assert(of { empty = { uid = 0, gid = 0, mode = tonumber("600", 8) } } == plain)
        local seen = { [plain] = "nothing" }
        for _, one in ipairs {
          { empty = { uid = 1 } }, { empty = { gid = 1 } }, { empty = { uid = 1, gid = 1 } }, { empty = { mode = tonumber("4755", 8) } },
          { empty = { capabilities = CAP } }, { suid = { capabilities = CAP } }, { usr = { uid = 1 } }, { ["usr/link"] = { uid = 1 } },
          { ["."] = { uid = 1 } }, { ["."] = { mode = tonumber("755", 8) } }, { ["."] = { mode = tonumber("700", 8) } },
          { ["usr/\xff\xfe odd\n"] = { gid = 9 } },
        } do
          local now = of(one)
          assert(not seen[now], next(one) .. " is as " .. tostring(seen[now]))
          seen[now] = next(one)
        end
        -- A mode that is told is as one on disk.
        local err = fails(of, { none = { uid = 1 } })
        assert(err.code == "missing" and err.path == "none" and err.op == "tree", err.text)
        err = fails(of, { usr = { capabilities = CAP } })
        assert(err.code == "type" and err.path == "usr", err.text)
        assert(of({ empty = { uid = 1 } }, { exclude = { "empty" } }) == digest.tree("t", { exclude = { "empty" } }))
        local lines = digest.manifest("t", { attributes = { ["."] = { gid = 3 }, suid = { uid = 1, mode = 511, capabilities = CAP } } })
        assert(lines[1].path == "." and lines[1].gid == 3 and lines[1].mode == nil)
        for _, line in ipairs(lines) do
          local is_told = line.path == "suid"
          assert((line.uid == 1) == is_told and (line.capabilities == CAP) == is_told and ((line.mode == 511) == is_told or line.type == "link"))
        end
        -- As docs/reproducibility.md has it.
        local fs = require "bq.fs"
        fs.mkdir "d"
        fs.write("d/f", "abc")
        fs.chmod("d/f", tonumber("644", 8))
        local records = "bq tree 1\nd 0700 .\0\no 0 5 .\0\nf 4755 f\0" .. digest.sha256 "abc" .. "\no 7 0 f\0\nc f\0" .. CAP .. "\n"
        local told = { ["."] = { gid = 5, mode = tonumber("700", 8) }, f = { uid = 7, mode = tonumber("4755", 8), capabilities = CAP } }
        assert(digest.tree("d", { attributes = told }) == digest.sha256(records))
        fs.chmod("t/empty", tonumber("4755", 8))
        assert(seen[digest.tree "t"] == "empty")"#,
    );
}
