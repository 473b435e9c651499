//! Owners, set-id bits and capabilities: packed from a table, returned by unpacking, and set only if asked for.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::Command;

use crate::tar::{
    Header, deb, dir, file, hardlink, pax, pax_raw, record, symlink as link, tar, xz,
};
use crate::{Place, has_gnu, snapshot};

/// A table of attributes as text, for comparisons.
const PRELUDE: &str = r#"
local CAP = "0100000200200000000000000000000000000000"
local ROOTED = "010000030020000000000000000000000000000001000000"
local function octal(text) return tonumber(text, 8) end
local function plain(all)
  local lines = {}
  for path, one in pairs(all) do
    local mode = one.mode and ("%o"):format(one.mode)
    lines[#lines + 1] = ("%s: %s %s %s %s"):format(path, one.uid, one.gid, mode, one.capabilities and #one.capabilities)
  end
  table.sort(lines)
  return table.concat(lines, "\n")
end
local function equal(a, b)
  if plain(a) ~= plain(b) then error(plain(a) .. "\n  and\n" .. plain(b), 2) end
end
"#;

fn run(place: &Place, code: &str) -> String {
    place.lua(&format!("{PRELUDE}{code}"))
}

fn tree(place: &Place) {
    place.write("tree/usr/bin/ping", "ping");
    place.write("tree/usr/bin/su", "su");
    place.write("tree/var/mail/x", "x");
    place.write("tree/plain", "p");
    std::fs::hard_link(place.join("tree/usr/bin/su"), place.join("tree/usr/bin/sg"))
        .expect("a link");
    symlink("x", place.join("tree/var/mail/l")).expect("a link");
    let odd = std::ffi::OsString::from(std::ffi::OsStr::new("tree/"));
    let odd = place
        .join(odd)
        .join(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"f\xfcr"));
    std::fs::write(odd, "latin-1").expect("a file");
    for (name, mode) in [
        ("usr/bin/ping", 0o755),
        ("usr/bin/su", 0o755),
        ("plain", 0o644),
    ] {
        let path = place.join("tree").join(name);
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("set");
    }
}

/// A user's tree with attributes that the user cannot set. Another tar and our own reader see all of them.
#[test]
fn packed_and_told() {
    let place = Place::new();
    tree(&place);
    let before = snapshot(&place.join("tree"));
    run(
        &place,
        r#"local all = {
          ["usr/bin/ping"] = { capabilities = CAP },
          ["usr/bin/su"] = { mode = octal "4755" },
          ["var/mail"] = { gid = 8, mode = octal "2775" },
          ["var/mail/l"] = { uid = 3000000, gid = 4000000000 },
          ["f\xfcr"] = { uid = 5, gid = 7, mode = octal "640", capabilities = ROOTED },
          ["."] = { gid = 9 },
        }
        local packed = archive.pack { output = "o.tar", sources = { { path = "tree" } }, compression = "none", attributes = all }
        local threaded = archive.pack { output = "o.tar.gz", sources = { { path = "tree", attributes = all } }, threads = 2 }
        local told = archive.extract { path = "o.tar", target = "out", profile = "rootfs", attributes = "collect" }
        all["usr/bin/sg"] = all["usr/bin/su"]
        -- A mode without a set-id bit is one that the file can have.
        local kept = all["f\xfcr"].mode
        all["f\xfcr"].mode = nil
        equal(told.attributes, all)
        assert(told.attributes["f\xfcr"].capabilities == ROOTED)
        assert(told.attributes["usr/bin/ping"].capabilities == CAP)
        assert(next(told.dropped) == nil)
        equal(archive.extract({ path = "o.tar.gz", target = "out2", profile = "rootfs", attributes = "collect" }).attributes, all)
        -- What was told packs to the same bytes.
        local again = archive.pack { output = "again.tar", sources = { { path = "out" } }, compression = "none", attributes = told.attributes }
        assert(again.sha256 == packed.sha256)
        -- Without any, and with none, the bytes are the same.
        local none = archive.pack { output = "n", sources = { { path = "tree" } } }
        assert(archive.pack({ output = "n2", sources = { { path = "tree", attributes = {} } }, attributes = {} }).sha256 == none.sha256)"#,
    );
    let mut after = snapshot(&place.join("out"));
    for (path, what) in &mut after {
        // The attributes give this file another mode.
        if path.as_os_str().as_encoded_bytes() == b"f\xfcr" {
            *what = what.replace("100640", "100644");
        }
        if path.ends_with("mail") {
            *what = before[path].clone();
        }
    }
    assert_eq!(after, before);
    let mail = std::fs::metadata(place.join("out/var/mail")).expect("is there");
    assert_eq!(mail.mode() & 0o7777, 0o775);
    if !has_gnu("tar") {
        return;
    }
    let output = Command::new("tar")
        .args([
            "--numeric-owner",
            "--xattrs",
            "--xattrs-include=*",
            "-tvvvf",
        ])
        .arg(place.join("o.tar"))
        .env("LC_ALL", "C")
        .output()
        .expect("tar starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = text.lines().map(words).collect::<Vec<_>>().join("\n");
    let has = |words: &[&str]| {
        let found = text
            .lines()
            .any(|line| words.iter().all(|word| line.contains(word)));
        assert!(found, "{words:?}\n{text}");
    };
    has(&["drwxr-xr-x 0/9 ", " ./"]);
    has(&["drwxrwsr-x 0/8 ", " var/mail/"]);
    has(&["lrwxrwxrwx 3000000/4000000000 ", " var/mail/l -> x"]);
    has(&["-rwsr-xr-x 0/0 ", " usr/bin/sg"]);
    has(&["-rw-r-----* 5/7 ", " f\\374r"]);
    has(&["-rwxr-xr-x* 0/0 ", " usr/bin/ping"]);
    has(&["hrwsr-xr-x 0/0 ", " usr/bin/su link to usr/bin/sg"]);
    has(&["x: 20 security.capability"]);
    has(&["x: 24 security.capability"]);
}

#[test]
fn what_does_not_fit_is_refused() {
    let place = Place::new();
    tree(&place);
    run(
        &place,
        r#"local function try(code, path, attributes, source)
          local err = fails(archive.pack, { output = "o", sources = { source or { path = "tree" } }, attributes = attributes })
          assert(err.code == code and (not path or err.path == path), err.text)
        end
        try("missing", "usr/bin/pang", { ["usr/bin/pang"] = { uid = 1 } })
        try("missing", "nowhere", nil, { path = "tree", attributes = { nowhere = { uid = 1 } } })
        try("missing", "x", nil, { path = "tree/plain", attributes = { x = { uid = 1 } } })
        try("type", "var/mail", { ["var/mail"] = { capabilities = CAP } })
        try("type", "var/mail/l", { ["var/mail/l"] = { mode = 511 } })
        try("argument", "usr/bin/su", { ["usr/bin/su"] = { uid = 1 }, ["usr/bin/sg"] = { uid = 2 } })
        for _, bad in ipairs {
          { plain = { uid = -1 } }, { plain = { uid = 1 << 32 } }, { plain = { gid = (1 << 32) - 1 } }, { plain = { mode = 4096 } },
          { plain = { uid = "x" } }, { plain = { owner = 1 } }, { plain = 1 }, { ["/plain"] = {} }, { ["./plain"] = {} }, { ["a/../plain"] = {} },
          { ["plain/"] = {} }, { plain = { capabilities = "xyz" } }, { plain = { capabilities = "00" } }, { plain = { capabilities = CAP .. "00" } },
          { plain = { capabilities = "0100000400200000000000000000000000000000" } },
        } do
          try("argument", nil, bad)
        end
        -- What is left out may have them, and one file may be two where two sources say other things of it.
        local sources = {
          { path = "tree", exclude = { "usr" }, attributes = { ["usr/bin/su"] = { uid = 1 } } },
          { path = "tree/usr/bin/su", prefix = "one", mode = octal "700", attributes = { ["."] = { uid = 3 } } },
          { path = "tree/usr/bin", prefix = "two", attributes = { sg = { uid = 4 }, ["."] = { gid = 6 } } },
          { path = "tree/usr/bin", prefix = "three", attributes = { ping = { uid = 9 } } },
          { path = "tree/usr/bin", prefix = "three" },
        }
        archive.pack { output = "o", sources = sources, attributes = { ["two/ping"] = { uid = 5 } } }
        local told = archive.extract { path = "o", target = "t", profile = "rootfs", attributes = "collect" }
        equal(told.attributes, {
          one = { uid = 3 }, two = { gid = 6 }, ["two/sg"] = { uid = 4 }, ["two/su"] = { uid = 4 }, ["two/ping"] = { uid = 5 },
        })"#,
    );
}

/// Owners of all kinds of entries, names through links, entries that replace each other, hard links.
#[test]
fn told_by_real_names() {
    let place = Place::new();
    let owned = |header: Header, uid: &str| header.with(108, format!("{uid:0>7}\0").as_bytes());
    let capable = |name: &str| {
        let value = b"\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\n";
        let records = [
            record("SCHILY.xattr.security.capability", value),
            record("uid", "11"),
        ];
        [pax_raw(b'x', &records.concat()), file(name, "x")].concat()
    };
    let first = tar(&[
        dir("usr"),
        dir("usr/lib"),
        link("lib", "usr/lib"),
        link("again", "/lib"),
        owned(Header::new("lib/a", b'0', 0), "5").block(),
        owned(Header::new("lib/gone", b'0', 0), "5").block(),
        file("usr/lib/gone", "no longer"),
        hardlink("b", "lib/a"),
        owned(Header::new("again/d", b'5', 0), "6")
            .with_mode(0o2755)
            .block(),
        owned(Header::new("l", b'2', 0).link("x"), "7").block(),
    ]);
    let second = tar(&[
        capable("lib/c"),
        owned(Header::new("usr/lib/a", b'0', 0), "12").block(),
    ]);
    let base64 = pax(&[(
        "LIBARCHIVE.xattr.security.capability",
        "AQAAAgAgAAAAAAAAAAAAAAAAAAA=",
    )]);
    let third = tar(&[base64, file("other", "x")]);
    for (name, data) in [("1", &first), ("2", &second), ("3", &third)] {
        place.write(name, data);
        place.write(format!("{name}.deb"), deb("data.tar.xz", &xz(data)));
    }
    run(
        &place,
        r#"local want = {
          ["usr/lib/a"] = { uid = 5 }, b = { uid = 5 }, ["usr/lib/d"] = { uid = 6, mode = octal "2755" }, l = { uid = 7 },
        }
        local told = archive.extract { path = "1", target = "one", profile = "rootfs", attributes = "collect" }
        equal(told.attributes, want)
        want["usr/lib/a"], want["usr/lib/c"] = { uid = 10 }, { uid = 11, capabilities = CAP }
        want.other = { capabilities = CAP }
        for threads = 1, 3 do
          local paths = { "1.deb", "2.deb", "3.deb" }
          local all = archive.extract_all { paths = paths, target = "all" .. threads, profile = "rootfs", attributes = "collect", threads = threads }
          equal(all.attributes, want)
          assert(digest.file("all" .. threads .. "/usr/lib/gone") == digest.sha256 "no longer")
        end
        -- What nobody asks for is counted, and what would matter is refused.
        local plain = archive.extract { path = "1", target = "plain", profile = "rootfs", setid = true }
        assert(plain.attributes == nil and plain.dropped.owner == 4, json.encode(plain.dropped))
        for _, name in ipairs { "2", "3" } do
          local err = fails(archive.extract, { path = name, target = "no", profile = "rootfs", setid = true })
          assert(err.code == "refused" and err.text:find("capabilities", 1, true), err.text)
          assert(archive.extract({ path = name, target = "source" .. name, exclude = { "usr" } }).dropped.capabilities == 1)
        end
        local err = fails(archive.extract, { path = "1", target = "no", attributes = "collect" })
        assert(err.code == "argument", err.text)
        err = fails(archive.extract, { path = "1", target = "no", profile = "rootfs", attributes = true })
        assert(err.code == "argument", err.text)"#,
    );
}

/// Metadata that is dropped is reported by the key of its record.
#[test]
fn what_is_dropped_is_counted() {
    let place = Place::new();
    let records = pax(&[
        ("SCHILY.fflags", "nodump"),
        ("LIBARCHIVE.xattr.com.apple.provenance", "AQAA"),
        ("uname", "somebody"),
        ("ctime", "1"),
    ]);
    let setid = Header::new("s", b'0', 0).with_mode(0o4755).block();
    place.write(
        "a",
        tar(&[
            records.clone(),
            file("x", "x"),
            records,
            file("y", "y"),
            setid,
        ]),
    );
    let garbage = Header::new("x", b'0', 0).with(108, &[0xff; 8]).block();
    place.write("garbage", tar(&[garbage]));
    run(
        &place,
        r#"local dropped = archive.extract({ path = "a", target = "t" }).dropped
        assert(dropped["SCHILY.fflags"] == 2 and dropped["LIBARCHIVE.xattr.com.apple.provenance"] == 2 and dropped.setid == 1)
        local count = 0
        for _ in pairs(dropped) do count = count + 1 end
        assert(count == 3, count)
        -- An owner that is no number matters only to who asks for owners.
        archive.extract { path = "garbage", target = "g" }
        local err = fails(archive.extract, { path = "garbage", target = "h", profile = "rootfs", attributes = "collect" })
        assert(err.code == "refused" and err.path == "x", err.text)"#,
    );
}

/// As root: everything is set. Attributes on the files of a tree are not packed unless the table names them.
#[test]
fn set_where_that_is_asked_for() {
    let place = Place::new();
    tree(&place);
    if std::fs::metadata(place.path()).expect("is there").uid() != 0 {
        return crate::support::skip("only root can set owners");
    }
    run(
        &place,
        r#"local attributes = {
          ["usr/bin/ping"] = { uid = 3, mode = octal "4711", capabilities = CAP },
          ["var/mail"] = { gid = 8, mode = octal "2775" },
          ["var/mail/l"] = { uid = 12, gid = 13 },
        }
        archive.pack { output = "o.tar", sources = { { path = "tree" } }, attributes = attributes }
        local told = archive.extract { path = "o.tar", target = "live", profile = "rootfs", attributes = "apply" }
        assert(told.attributes == nil)
        for _, sources in ipairs { { { path = "live" } }, { { path = "live/usr/bin/ping" } } } do
          local err = fails(archive.pack, { output = "p.tar", sources = sources })
          assert(err.code == "capabilities" and err.path:find "ping$", err.text)
        end
        archive.pack { output = "p.tar", sources = { { path = "live" } }, attributes = attributes }
        assert(digest.file "p.tar" == digest.file "o.tar")"#,
    );
    let stat = |name: &str| {
        let stat = std::fs::symlink_metadata(place.join("live").join(name)).expect(name);
        (stat.uid(), stat.gid(), stat.mode() & 0o7777)
    };
    assert_eq!(stat("usr/bin/ping"), (3, 0, 0o4711));
    assert_eq!(stat("var/mail"), (0, 8, 0o2775));
    assert_eq!(stat("var/mail/l"), (12, 13, 0o777));
    assert_eq!(stat("plain"), (0, 0, 0o644));
}
