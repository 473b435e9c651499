//! Unpacking: options, targets, digests, many at once.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink as make_link};
use std::process::Command;

use crate::tar::{Header, deb, dir, file, gzip, hardlink, pax, symlink, tar, xz};
use crate::{Place, has_gnu, names, snapshot};

#[test]
fn nothing_of_a_wrong_digest_is_seen() {
    let place = Place::new();
    place.write("a.tar.gz", gzip(&tar(&[file("a", "x")])));
    place.write("bad.tar.gz", gzip(&tar(&[file("../a", "x")])));
    place.lua(
        r#"local right = digest.file "a.tar.gz"
        local err = fails(archive.extract, { path = "a.tar.gz", target = "t", sha256 = ("0"):rep(64) })
        assert(err.code == "hash_mismatch" and err.op == "extract" and err.path == "a.tar.gz", err.text)
        assert(err.expected == ("0"):rep(64) and err.actual == right)
        -- What else is wrong with a file that is another does not matter.
        err = fails(archive.extract, { path = "bad.tar.gz", target = "t", sha256 = ("0"):rep(64) })
        assert(err.code == "hash_mismatch", err.text)
        err = fails(archive.extract, { path = "bad.tar.gz", target = "t", sha256 = digest.file "bad.tar.gz" })
        assert(err.code == "refused", err.text)
        err = fails(archive.extract, { path = "a.tar.gz", target = "t", sha256 = "abc" })
        assert(err.code == "argument", err.text)"#,
    );
    assert_eq!(names(place.path()), ["a.tar.gz", "bad.tar.gz"]);
    place.lua(
        r#"archive.extract { path = "a.tar.gz", target = "t", sha256 = digest.file("a.tar.gz"):upper() }
        -- Into a folder that has files, nothing is written before the digest is known.
        local err = fails(archive.extract, { path = "a.tar.gz", target = "t", merge = true, sha256 = ("0"):rep(64) })
        assert(err.code == "hash_mismatch")"#,
    );
    assert_eq!(names(&place.join("t")), ["a"]);
}

#[test]
fn targets() {
    let place = Place::new();
    place.write("a.tar", tar(&[file("a", "new"), file("d/b", "b")]));
    place.write("bad.tar", tar(&[file("a", "new"), file("../b", "b")]));
    place.write("full/keep/me", "kept");
    std::fs::create_dir(place.join("empty")).expect("a folder");
    std::fs::set_permissions(place.join("empty"), PermissionsExt::from_mode(0o750)).expect("set");
    make_link("empty2", place.join("link")).expect("a link");
    std::fs::create_dir(place.join("empty2")).expect("a folder");
    place.lua(
        r#"local err = fails(archive.extract, { path = "a.tar", target = "full" })
        assert(err.code == "ENOTEMPTY" and err.path == "full", err.text)
        err = fails(archive.extract, { path = "bad.tar", target = "empty" })
        assert(err.code == "refused" and err.path == "../b" and err.archive == "bad.tar" and err.entry == "2", err.text)
        assert(err.text == "extract `../b`: `..` in its name (entry 2 of `bad.tar`)", err.text)
        err = fails(archive.extract, { path = "bad.tar", target = "new/deep/er" })
        err = fails(archive.extract, { path = "a.tar", target = "a.tar" })
        assert(err.code == "ENOTDIR", err.text)
        err = fails(archive.extract, { path = "missing.tar", target = "new/deep" })
        assert(err.code == "ENOENT" and err.path == "missing.tar", err.text)
        err = fails(archive.extract, { path = "full", target = "new/deep" })
        assert(err.code == "not_a_file" and err.path == "full", err.text)
        err = fails(archive.extract, { path = "a.tar", target = "t", targt = "u" })
        assert(err.code == "argument" and err.text:find("targt", 1, true), err.text)
        err = fails(archive.extract, { path = "a.tar" })
        assert(err.code == "argument", err.text)
        err = fails(archive.extract, { path = "a.tar", target = "t", profile = "root" })
        assert(err.code == "argument" and err.text:find("source, rootfs", 1, true), err.text)"#,
    );
    assert_eq!(
        names(place.path()),
        ["a.tar", "bad.tar", "empty", "empty2", "full", "link"]
    );
    assert_eq!(snapshot(&place.join("full")).len(), 2);
    assert!(names(&place.join("empty")).is_empty());
    place.lua(
        r#"archive.extract { path = "a.tar", target = "empty" }
        archive.extract { path = "a.tar", target = "new/deep/er/" }
        archive.extract { path = "a.tar", target = "link" }
        local summary = archive.extract { path = "a.tar", target = "full", merge = true }
        assert(summary.entries == 2 and summary.bytes == 4 and summary.skipped == 0)
        assert(json.encode(summary.top) == '["a","d"]')"#,
    );
    assert_eq!(names(&place.join("empty")), ["a", "d"]);
    assert_eq!(
        std::fs::metadata(place.join("empty")).expect("stat").mode() & 0o7777,
        0o750
    );
    assert_eq!(names(&place.join("new/deep/er")), ["a", "d"]);
    assert_eq!(names(&place.join("empty2")), ["a", "d"]);
    assert!(place.join("link").is_symlink());
    assert_eq!(names(&place.join("full")), ["a", "d", "keep"]);
}

/// Links of an earlier archive cannot lead outside either (GNU tar: CVE-2025-45582).
#[test]
fn links_left_by_an_earlier_archive() {
    let place = Place::new();
    place.write("outside/canary", "untouched");
    let outside = place.join("outside");
    let outside = outside.to_str().expect("text");
    place.write(
        "first.tar",
        tar(&[
            symlink("up", "../outside"),
            symlink("abs", outside),
            symlink("f", format!("{outside}/canary")),
        ]),
    );
    place.write("up.tar", tar(&[file("up/evil", "x")]));
    place.write("abs.tar", tar(&[file("abs/evil", "x")]));
    place.write("hard.tar", tar(&[hardlink("h", "abs/canary")]));
    place.write(
        "mode.tar",
        tar(&[Header::new("abs", b'5', 0).with_mode(0o777).block()]),
    );
    place.write("file.tar", tar(&[file("f", "x")]));
    let before = snapshot(&place.join("outside"));
    place.lua(
        r#"archive.extract { path = "first.tar", target = "t", profile = "rootfs" }
        for _, profile in ipairs { "source", "rootfs" } do
          for _, name in ipairs { "up", "abs", "hard", "mode" } do
            local err = fails(archive.extract, { path = name .. ".tar", target = "t", merge = true, profile = profile })
            assert(err.code == "refused", err.text)
          end
        end
        archive.extract { path = "file.tar", target = "t", merge = true }"#,
    );
    assert_eq!(snapshot(&place.join("outside")), before);
    assert_eq!(std::fs::read(place.join("t/f")).expect("a file"), b"x");
    assert!(!place.join("t/f").is_symlink());
}

#[test]
fn profiles() {
    let place = Place::new();
    let mode = |name: &str, kind: u8, mode: u32| Header::new(name, kind, 0).with_mode(mode).block();
    place.write(
        "a.tar",
        tar(&[
            mode("./", b'5', 0o750),
            mode("odd", b'0', 0o620),
            mode("run", b'0', 0o701),
            mode("suid", b'0', 0o4711),
            mode("tmp", b'5', 0o1777),
            mode("ro", b'5', 0o555),
            file("ro/inside", "x"),
            Header::new("dev/null", b'3', 0)
                .with(329, b"0000001\0")
                .with(337, b"0000003\0")
                .block(),
            mode("dev/pipe", b'6', 0o600),
        ]),
    );
    place.lua(
        r#"local err = fails(archive.extract, { path = "a.tar", target = "t" })
        assert(err.path == "dev/null", err.text)
        local summary = archive.extract { path = "a.tar", target = "source", devices = "skip" }
        assert(summary.skipped == 2)
        err = fails(archive.extract, { path = "a.tar", target = "t", devices = "skip", profile = "rootfs" })
        assert(err.code == "refused" and err.path == "suid", err.text)
        archive.extract { path = "a.tar", target = "rootfs", devices = "skip", profile = "rootfs", setid = true, mtime = 77 }"#,
    );
    let modes = |folder: &str| -> Vec<u32> {
        let mode = |name: &str| {
            std::fs::metadata(place.join(folder).join(name))
                .expect(name)
                .mode()
                & 0o7777
        };
        [".", "odd", "run", "suid", "tmp", "ro", "ro/inside"]
            .map(mode)
            .to_vec()
    };
    assert_eq!(
        modes("source"),
        [0o755, 0o644, 0o755, 0o755, 0o755, 0o755, 0o644]
    );
    assert_eq!(
        modes("rootfs"),
        [0o750, 0o620, 0o701, 0o4711, 0o1777, 0o555, 0o644]
    );
    for name in [".", "ro", "ro/inside", "tmp", "odd"] {
        let stat = std::fs::symlink_metadata(place.join("rootfs").join(name)).expect(name);
        assert_eq!(stat.mtime(), 77, "{name}");
    }
    let own = std::fs::metadata(place.join("rootfs/odd"))
        .expect("stat")
        .uid();
    assert_eq!(own, std::fs::metadata(place.path()).expect("stat").uid());
}

#[test]
fn times_of_everything() {
    let place = Place::new();
    let at = |time: &str| pax(&[("mtime", time)]);
    place.write(
        "a.tar",
        tar(&[
            at("1000.25"),
            dir("d"),
            at("2000.5"),
            file("d/f", "x"),
            at("3000"),
            symlink("d/l", "f"),
            at("-5"),
            file("old", "x"),
            at("99999999999999"),
            file("late", "x"),
        ]),
    );
    place.lua(r#"archive.extract { path = "a.tar", target = "t" }"#);
    let time = |name: &str| {
        let stat = std::fs::symlink_metadata(place.join("t").join(name)).expect(name);
        (stat.mtime(), stat.mtime_nsec())
    };
    assert_eq!(time("d"), (1000, 250_000_000));
    assert_eq!(time("d/f"), (2000, 500_000_000));
    assert_eq!(time("d/l"), (3000, 0));
    assert_eq!(time("old"), (0, 0));
    assert!(time("late").0 > 2_000_000_000);
}

#[test]
fn parts_of_an_archive() {
    let place = Place::new();
    place.write(
        "a.tar",
        tar(&[
            dir("./top"),
            file("top/a.c", "a"),
            file("top/b.h", "b"),
            dir("top/doc"),
            file("top/doc/x/y", "y"),
            file("top/src/z.h", "z"),
            hardlink("top/src/h", "top/a.c"),
            symlink("top/l", "a.c"),
        ]),
    );
    let listed = |options: &str| {
        let target = options
            .bytes()
            .filter(u8::is_ascii_alphanumeric)
            .map(char::from)
            .collect::<String>();
        place.lua(&format!(
            r#"archive.extract {{ path = "a.tar", target = "out/{target}", {options} }}"#
        ));
        let mut all: Vec<String> = snapshot(&place.join("out").join(target))
            .into_iter()
            .filter(|(_, what)| !what.starts_with("dir"))
            .map(|(path, _)| path.display().to_string())
            .collect();
        all.sort();
        all.join(" ")
    };
    assert_eq!(listed("strip = 1"), "a.c b.h doc/x/y l src/h src/z.h");
    assert_eq!(
        listed("strip = 2, exclude = { 'h', 'top/*.*', 'top/l' }"),
        "x/y z.h"
    );
    assert_eq!(
        listed("strip = 1, include = { 'doc', '*.c' }"),
        "a.c doc/x/y"
    );
    assert_eq!(listed("include = { 'top/*/*.h' }"), "top/src/z.h");
    assert_eq!(listed("strip = 1, exclude = { 'src', 'doc' }"), "a.c b.h l");
    assert_eq!(
        listed("strip = 1, include = { 'doc', 'src' }, exclude = { 'src/h' }"),
        "doc/x/y src/z.h"
    );
    assert_eq!(listed("strip = 9, exclude = { 'top' }"), "");
    place.lua(
        r#"local err = fails(archive.extract, { path = "a.tar", target = "t", include = { "top/src" } })
        assert(err.code == "refused" and err.path == "top/src/h", err.text)"#,
    );
}

/// Layouts that `strip` does not expect: no file is left out unless the options say so.
#[test]
fn strip_loses_nothing() {
    let place = Place::new();
    place.write(
        "beside.tar",
        tar(&[
            file("package.xml", "x"),
            file("channel\x1b.xml", "x"),
            dir("a-1.0"),
            dir("empty"),
            file("a-1.0/x", "x"),
        ]),
    );
    let flat: Vec<Vec<u8>> = (0..9).map(|n| file(format!("f{n}"), "x")).collect();
    place.write("flat.tar", tar(&flat));
    place.write(
        "two.tar",
        tar(&[file("a/x", "1"), file("b/y", "2"), file("b/x", "3")]),
    );
    place.write(
        "two-apart.tar",
        tar(&[
            dir("a"),
            dir("a/d"),
            file("a/d/x", "1"),
            dir("b/d"),
            file("b/d/y", "2"),
        ]),
    );
    let output = place.lua(
        r#"local function lost(options)
          options.target = "t"
          for _, profile in ipairs { "source", "rootfs" } do
            options.profile = profile
            local err = fails(archive.extract, options)
            assert(err.code == "refused" and err.lost, err.text)
            options.path, options.paths = nil, { options.path }
            local same = fails(archive.extract_all, options)
            assert(same.text == err.text and same.lost == err.lost, same.text)
            options.path, options.paths = options.paths[1], nil
            if profile == "rootfs" then print(err.text, err.lost) end
          end
        end
        lost { path = "beside.tar", strip = 1 }
        lost { path = "beside.tar", strip = 2 }
        lost { path = "flat.tar", strip = 1 }
        lost { path = "two.tar", strip = 1 }
        -- What nobody wants is not lost, by the name that it has in the archive.
        assert(archive.extract({ path = "beside.tar", target = "a", strip = 1, exclude = { "package.xml", "channel*" } }).entries == 1)
        assert(archive.extract({ path = "beside.tar", target = "b", strip = 1, include = { "x" } }).entries == 1)
        assert(archive.extract({ path = "two-apart.tar", target = "c", strip = 1 }).entries == 4)
        assert(archive.extract({ path = "two.tar", target = "d", strip = 1, exclude = { "x" } }).entries == 1)"#,
    );
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(
        lines[0],
        "extract `package.xml`: with `strip = 1` nothing is left of its name, so it would be lost; so would `channel\\u{1b}.xml` (entry 5 of `beside.tar`)\tpackage.xml"
    );
    assert!(
        lines[2].contains("so would `channel\\u{1b}.xml`, `a-1.0/x` ("),
        "{output}"
    );
    assert!(
        output.contains("extract `f0`: with `strip = 1` nothing is left of its name, so it would be lost; so would `f1`, `f2`, `f3`, `f4`, 4 more (entry 9 of `flat.tar`)"),
        "{output}"
    );
    assert!(
        output.contains(
            "extract `b/x`: with `strip = 1` it would replace `a/x` (entry 3 of `two.tar`)\tb/x"
        ),
        "{output}"
    );
    assert_eq!(names(&place.join("c/d")), ["x", "y"]);
    assert_eq!(names(&place.join("a")), ["x"]);
}

/// Holes stay holes, and the zeros that GNU tar leaves out are restored, in each of its four formats.
#[test]
fn holes_of_gnu_tar() {
    let place = Place::new();
    let mut content = vec![0; 6 << 20];
    let path = place.write("tree/holes", "");
    let data = std::fs::File::options()
        .write(true)
        .open(path)
        .expect("it is ours");
    data.set_len(content.len() as u64).expect("there is room");
    // More pieces than fit one header, ends within a block, and a hole at the end.
    for number in 0..60_usize {
        let (at, piece) = (
            number * 70_000 + number,
            vec![b'a' + number as u8 % 26; 1 + number * 97],
        );
        content[at..at + piece.len()].copy_from_slice(&piece);
        std::os::unix::fs::FileExt::write_all_at(&data, &piece, at as u64).expect("there is room");
    }
    if !has_gnu("tar") {
        return;
    }
    for (name, options) in [
        ("old", &["--format=gnu"][..]),
        ("0.0", &["--format=posix", "--sparse-version=0.0"]),
        ("0.1", &["--format=posix", "--sparse-version=0.1"]),
        ("1.0", &["--format=posix", "--sparse-version=1.0"]),
    ] {
        let status = Command::new("tar")
            .args(["--create", "--sparse", "--hole-detection=raw"])
            .args(options)
            .arg("--file")
            .arg(place.join(name))
            .args([
                "--directory",
                place.join("tree").to_str().expect("text"),
                "holes",
            ])
            .status();
        assert!(status.expect("tar starts").success());
        assert!(std::fs::metadata(place.join(name)).expect("is there").len() < 1 << 20);
        place.lua(&format!(
            r#"local summary = archive.extract {{ path = "{name}", target = "out/{name}" }}
            assert(summary.entries == 1 and summary.bytes == 6 << 20)
            local listed = archive.list "{name}"
            assert(#listed == 1 and listed[1].path == "holes" and listed[1].size == 6 << 20)
            assert(digest.sha256(archive.read("{name}", "holes")) == digest.file "tree/holes")"#
        ));
        let out = place.join("out").join(name).join("holes");
        assert!(std::fs::read(&out).expect("a file") == content, "{name}");
        let blocks = std::fs::metadata(&out).expect("is there").blocks();
        assert!(blocks * 512 < 3 << 20, "{name} has {blocks} blocks");
    }
}

#[test]
fn list_and_read() {
    let place = Place::new();
    place.write(
        "a.tar.xz",
        xz(&tar(&[
            dir("./"),
            dir("./d"),
            file("./d/a", "first"),
            file("d/a", "last"),
            hardlink("h", "./d/a"),
            symlink("l", "d/a"),
            file("e", ""),
        ])),
    );
    place.write(
        "b.deb",
        deb("data.tar.xz", &xz(&tar(&[file("./usr/x", "x")]))),
    );
    place.write("bad.tar", tar(&[file("a", "x"), file("/b", "x")]));
    let output = place.lua(
        r#"for _, m in ipairs(archive.list "a.tar.xz") do
          print(m.path, m.type, m.size, ("%o"):format(m.mode), m.mtime, m.target)
        end
        print(archive.list("b.deb")[1].path)
        assert(archive.read("a.tar.xz", "d/a") == "last")
        assert(archive.read("a.tar.xz", "./h") == "last")
        assert(archive.read("a.tar.xz", "e") == "")
        assert(archive.read("a.tar.xz", "none") == nil)
        assert(archive.read("b.deb", "usr/x") == "x")
        local err = fails(archive.read, "a.tar.xz", "l")
        assert(err.code == "type" and err.path == "l", err.text)
        err = fails(archive.read, "a.tar.xz", "d/a", { max_bytes = 3 })
        assert(err.code == "limit" and err.op == "read", err.text)
        err = fails(archive.list, "bad.tar")
        assert(err.code == "refused" and err.path == "/b" and err.op == "list", err.text)
        err = fails(archive.read, "bad.tar", "a")
        assert(err.code == "refused", err.text)"#,
    );
    let time = 0o130_0000_0000;
    assert_eq!(
        output,
        format!(
            ".\tdir\t0\t755\t{time}\tnil\nd\tdir\t0\t755\t{time}\tnil\nd/a\tfile\t5\t644\t{time}\tnil\nd/a\tfile\t4\t644\t{time}\tnil\n\
            h\thardlink\t0\t644\t{time}\t./d/a\nl\tlink\t0\t644\t{time}\td/a\ne\tfile\t0\t644\t{time}\tnil\nusr/x"
        )
    );
}

/// Packages that share folders, replace each other's files and lead through links of a merged /usr.
#[test]
fn many_are_as_one_after_the_other() {
    let place = Place::new();
    let mode = |name: &str, mode: u32| Header::new(name, b'5', 0).with_mode(mode).block();
    let packages = [
        vec![
            dir("./"),
            dir("./usr"),
            dir("./usr/lib"),
            symlink("./lib", "usr/lib"),
            mode("./tmp", 0o1777),
            mode("./srv", 0o700),
        ],
        vec![
            dir("./"),
            dir("./lib"),
            file("./lib/one.so", "one"),
            file("./usr/share/doc/one/copyright", "1"),
        ],
        vec![
            dir("./"),
            file("./lib/sub/two.so", "two"),
            file("./usr/share/doc/two/copyright", "2"),
            file("./both", "from two"),
            file("./srv/x", "x"),
        ],
        vec![
            file("./both", "from three"),
            symlink("./usr/lib/two", "one.so"),
            file("./twice", "1"),
            file("./twice", "2"),
            hardlink("./twice2", "./twice"),
        ],
        // A hard link to a file of another package.
        vec![
            hardlink("./usr/one-again", "./usr/lib/one.so"),
            symlink("./both2", "/both"),
        ],
        // A file through a link of another package.
        vec![file("./lib/three/a", "a"), mode("./usr/share/doc", 0o775)],
        vec![symlink("./both", "elsewhere"), file("./both3", "3")],
        // One folder by two names: the last entry decides its mode.
        vec![mode("./usr/lib/three", 0o700), mode("./lib/sub", 0o711)],
        vec![
            mode("./lib/three", 0o750),
            mode("./usr/lib/sub", 0o701),
            file("./usr/lib/four/x", "x"),
        ],
        vec![mode("./lib/four", 0o500)],
    ];
    for (number, parts) in packages.iter().enumerate() {
        place.write(
            format!("{number}.deb"),
            deb("data.tar.xz", &xz(&tar(parts))),
        );
    }
    let output = place.lua(
        r#"local paths = {}
        for n = 0, 9 do paths[#paths + 1] = n .. ".deb" end
        for _, path in ipairs(paths) do
          archive.extract { path = path, target = "one_by_one", merge = true, profile = "rootfs" }
        end
        local want = digest.tree "one_by_one"
        for threads = 1, 5 do
          local target = "all" .. threads
          local summary = archive.extract_all { paths = paths, target = target, profile = "rootfs", threads = threads }
          assert(digest.tree(target) == want, threads)
          assert(summary.entries == 32, summary.entries)
        end
        -- Into a tree that has files.
        archive.extract { path = "0.deb", target = "more", profile = "rootfs" }
        table.remove(paths, 1)
        archive.extract_all { paths = paths, target = "more", profile = "rootfs" }
        assert(digest.tree "more" == want)
        print(archive.extract_all({ paths = {}, target = "none" }).entries)"#,
    );
    assert_eq!(output, "0");
    let one = snapshot(&place.join("one_by_one"));
    for threads in 1..=5 {
        assert_eq!(snapshot(&place.join(format!("all{threads}"))), one);
    }
    let links = |name: &str| {
        std::fs::metadata(place.join("all3").join(name))
            .expect(name)
            .nlink()
    };
    assert_eq!((links("twice"), links("usr/one-again")), (2, 2));
    assert!(
        names(place.path())
            .iter()
            .all(|name| !name.starts_with('.'))
    );
}

#[test]
fn many_fail_as_one_after_the_other() {
    let place = Place::new();
    place.write("outside/canary", "untouched");
    let outside = place.join("outside");
    let before = snapshot(&outside);
    place.write("a.tar", tar(&[file("d/a", "a")]));
    place.write(
        "b.tar",
        tar(&[
            symlink("d", outside.to_str().expect("text")),
            file("e", "x"),
        ]),
    );
    place.write(
        "c.tar",
        tar(&[symlink("l", outside.to_str().expect("text"))]),
    );
    place.write("d.tar", tar(&[file("l/evil", "x")]));
    place.write("bad.tar", tar(&[file("../evil", "x")]));
    place.write("cut.tar", file("x", "x"));
    place.write("full/keep", "kept");
    place.lua(
        r#"local function try(paths, code, path, target)
          for threads = 1, 3 do
            local err = fails(archive.extract_all, { paths = paths, target = target or "t", profile = "rootfs", threads = threads })
            assert(err.code == code and err.path:find(path, 1, true), err.text)
          end
        end
        try({ "a.tar", "b.tar" }, "refused", "d")
        try({ "b.tar", "a.tar" }, "refused", "d")
        try({ "c.tar", "d.tar" }, "refused", "l/evil")
        try({ "a.tar", "bad.tar", "cut.tar" }, "refused", "../evil")
        try({ "a.tar", "cut.tar", "bad.tar" }, "truncated", "cut.tar")
        try({ "a.tar", "missing.tar" }, "ENOENT", "missing.tar")
        try({ "bad.tar" }, "refused", "../evil", "full")
        try({ "bad.tar" }, "refused", "../evil", "new/deep")"#,
    );
    assert_eq!(snapshot(&outside), before);
    assert_eq!(
        names(place.path()),
        [
            "a.tar", "b.tar", "bad.tar", "c.tar", "cut.tar", "d.tar", "full", "outside"
        ]
    );
    assert_eq!(names(&place.join("full")), ["keep"]);
}

/// A process with threads may not enter a namespace, so no thread may be left.
#[test]
fn no_thread_is_left() {
    let place = Place::new();
    place.write("a.tar.xz", xz(&tar(&[file("a", "x".repeat(100_000))])));
    place.lua(
        r#"local function threads()
          local n
          for line in io.lines "/proc/self/status" do n = n or line:match "^Threads:%s+(%d+)" end
          return tonumber(n)
        end
        local before = threads()
        for n = 1, 20 do
          archive.extract { path = "a.tar.xz", target = "t" .. n }
          assert(threads() == before)
          archive.extract_all { paths = { "a.tar.xz", "a.tar.xz", "a.tar.xz" }, target = "all" .. n, threads = 3 }
          assert(threads() == before)
          archive.pack { output = "o", sources = { { path = "t1" } }, compression = n % 2 == 0 and "gzip" or "zstd", threads = 4 }
          assert(threads() == before)
          digest.tree("t1", { threads = 4 })
          assert(threads() == before)
          pcall(archive.read, "a.tar.xz", "a", { max_bytes = 1 })
          assert(threads() == before)
        end"#,
    );
}

/// A full disk: a clear error, and nothing is left. Needs to mount a file system.
#[test]
fn disk_full() {
    let place = Place::new();
    let noise: Vec<u8> = (0..3_000_000_u32)
        .flat_map(|n| (n.wrapping_mul(2_654_435_761) >> 7).to_le_bytes())
        .collect();
    place.write("tree/noise", &noise);
    place.write("a.tar", tar(&[file("a", &noise)]));
    std::fs::create_dir(place.join("small")).expect("a folder");
    place.write(
        "run.lua",
        r#"local archive = require "bq.archive"
        local function full(f, options)
          local ok, err = pcall(f, options)
          assert(not ok and err.code == "ENOSPC", ok or err.text)
        end
        for _, compression in ipairs { "none", "gzip", "zstd" } do
          full(archive.pack, { output = "small/o", sources = { { path = "tree" } }, compression = compression })
        end
        full(archive.extract, { path = "a.tar", target = "small/t" })
        full(archive.extract_all, { paths = { "a.tar", "a.tar" }, target = "small/t" })"#,
    );
    let output = std::process::Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c"])
        .arg("mount -t tmpfs -o size=2m none small || exit 77; \"$0\" run.lua && exec ls -A small")
        .arg(env!("CARGO_BIN_EXE_bq"))
        .current_dir(place.path())
        .output();
    match output {
        Ok(output) if output.status.success() => {
            assert_eq!(String::from_utf8_lossy(&output.stdout), "", "left behind");
        }
        Ok(output)
            if output.status.code() == Some(77) || output.stderr.starts_with(b"unshare:") =>
        {
            crate::support::skip("no file system can be mounted here");
        }
        Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => crate::support::skip(format_args!("`unshare`: {error}")),
    }
}
