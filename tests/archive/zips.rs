//! Zips: right ones, and ones whose parts contradict each other.

use std::io::{Cursor, Write};
use std::process::Command;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipWriter};

use crate::corpus::{Case, FORMAT, Fails, Unpacked, case, differs, refused, same};
use crate::tar::{Header, dir, file, symlink, tar};
use crate::{Place, snapshot};

type Writer = ZipWriter<Cursor<Vec<u8>>>;

/// The time of the tars that these are compared with.
fn options(mode: u32) -> SimpleFileOptions {
    let time = DateTime::from_date_and_time(2016, 10, 13, 21, 43, 28).expect("a time");
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(time)
        .system(System::Unix)
        .unix_permissions(mode)
}

fn zipped(fill: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    fill(&mut writer);
    writer.finish().expect("ends").into_inner()
}

fn put(writer: &mut Writer, name: &str, options: SimpleFileOptions, data: &[u8]) {
    writer.start_file(name, options).expect("starts");
    writer.write_all(data).expect("writes");
}

/// Files of these names and contents.
fn files(list: &[(&str, &[u8])]) -> Vec<u8> {
    zipped(|writer| {
        for (name, data) in list {
            put(writer, name, options(0o644), data);
        }
    })
}

/// Where the headers of a directory start, in their order.
fn directory(bytes: &[u8]) -> Vec<usize> {
    let at = |at: usize| bytes[at..].starts_with(b"PK\x01\x02");
    (0..bytes.len()).filter(|&n| at(n)).collect()
}

fn with(mut bytes: Vec<u8>, at: usize, new: &[u8]) -> Vec<u8> {
    bytes[at..at + new.len()].copy_from_slice(new);
    bytes
}

/// The same bytes at an offset of the first local header, and of its header in the directory.
fn in_both(bytes: Vec<u8>, offset: usize, new: &[u8]) -> Vec<u8> {
    let directory = directory(&bytes)[0];
    // In the directory the fields are two bytes later.
    with(with(bytes, offset, new), directory + offset + 2, new)
}

/// Without the last header of the directory.
fn unlisted(bytes: Vec<u8>) -> Vec<u8> {
    let last = *directory(&bytes).last().expect("one");
    let end = bytes.len() - 22;
    let size = (end - last) as u32;
    let old = u32::from_le_bytes(bytes[end + 12..end + 16].try_into().expect("four"));
    let count = u16::from_le_bytes(bytes[end + 8..end + 10].try_into().expect("two")) - 1;
    let mut bytes = with(bytes, end + 12, &(old - size).to_le_bytes());
    bytes = with(bytes, end + 8, &count.to_le_bytes());
    bytes = with(bytes, end + 10, &count.to_le_bytes());
    bytes.drain(last..end);
    bytes
}

pub(crate) fn cases() -> Vec<Case> {
    let long = b"text ".repeat(4000);
    let whole = zipped(|writer| {
        writer.add_directory("d/", options(0o755)).expect("adds");
        put(writer, "d/a", options(0o644), &long);
        let stored = options(0o755).compression_method(CompressionMethod::Stored);
        put(writer, "run", stored, b"#!/bin/sh\n");
        put(writer, "empty", options(0o600), b"");
        put(writer, "far/below", options(0o644).large_file(true), b"x");
        writer
            .add_symlink("l", "d/a", options(0o777))
            .expect("adds");
    });
    let plain = tar(&[
        dir("d"),
        file("d/a", &long),
        Header::new("run", b'0', 10)
            .with_mode(0o755)
            .data("#!/bin/sh\n"),
        Header::new("empty", b'0', 0).with_mode(0o600).block(),
        file("far/below", "x"),
        symlink("l", "d/a"),
    ]);
    let link = |target: &str| {
        zipped(|writer| {
            writer
                .add_symlink("l", target, options(0o777))
                .expect("adds");
        })
    };
    let dos =
        |name: &str| zipped(|writer| put(writer, name, options(0o644).system(System::Dos), b"x"));
    let two = files(&[("aa", b"first"), ("ab", &long)]);
    let second = directory(&two)[1];
    let second_local = two
        .windows(4)
        .rposition(|w| w == b"PK\x03\x04")
        .expect("is there");
    let comment = zipped(|writer| {
        writer
            .set_comment("a comment PK\x05\x06 of some length")
            .expect("sets");
    });
    let add = |bytes: &[u8], more: &[u8]| [bytes, more].concat();
    let first = directory(&two)[0];
    // The second name of the directory points to the first entry, which has another name.
    let overlapping = with(two.clone(), second + 42, &[0; 4]);
    let fifo = with(two.clone(), first + 40, &0o010_644_u16.to_le_bytes());
    vec![
        same("zip_whole", whole.clone(), &plain),
        case("zip_empty", zipped(|_| {}), Unpacked),
        case("zip_comment", comment, Unpacked),
        case("zip_dos", dos("d\u{e4}/a"), Unpacked),
        differs(
            "zip_setuid",
            with(two.clone(), first + 40, &0o104_755_u16.to_le_bytes()),
            Unpacked,
            refused("aa"),
        ),
        case(
            "zip_dot_dot",
            files(&[("../evil", b"x")]),
            refused("../evil"),
        ),
        case(
            "zip_dot_dot_inside",
            files(&[("a/../../evil", b"x")]),
            refused("a/../../evil"),
        ),
        case("zip_absolute", files(&[("/evil", b"x")]), refused("/evil")),
        case("zip_backslash", dos("d\\evil"), refused("d\\\\evil")),
        differs(
            "zip_link_absolute",
            link("/etc/passwd"),
            refused("l"),
            Unpacked,
        ),
        differs("zip_link_up", link("../outside"), refused("l"), Unpacked),
        case("zip_link_empty", link(""), refused("l")),
        case("zip_link_too_long", link(&"a/".repeat(3000)), refused("l")),
        case(
            "zip_through_link",
            zipped(|writer| {
                writer
                    .add_symlink("l", "../../outside", options(0o777))
                    .expect("adds");
                put(writer, "l/evil", options(0o644), b"x");
            }),
            Fails("refused", "l"),
        ),
        case("zip_fifo", fifo, refused("aa")),
        case(
            "zip_encrypted",
            in_both(two.clone(), 6, &[1, 0]),
            refused("aa"),
        ),
        case("zip_method", in_both(two.clone(), 8, &[97, 0]), FORMAT),
        // The directory and the entry have different sizes.
        case(
            "zip_size_larger",
            in_both(two.clone(), 22, &[9, 0, 0, 0]),
            Fails("truncated", "aa"),
        ),
        case(
            "zip_size_smaller",
            in_both(two.clone(), 22, &[2, 0, 0, 0]),
            Fails("format", "aa"),
        ),
        case(
            "zip_size_of_directory",
            with(two.clone(), first + 24, &[9, 0, 0, 0]),
            FORMAT,
        ),
        case(
            "zip_bad_crc",
            in_both(two.clone(), 14, &[1, 2, 3, 4]),
            Fails("format", "aa"),
        ),
        case(
            "zip_name_twice",
            with(
                with(two.clone(), second + 47, b"a"),
                second_local + 31,
                b"a",
            ),
            FORMAT,
        ),
        case(
            "zip_two_names",
            with(two.clone(), second_local + 31, b"x"),
            FORMAT,
        ),
        case("zip_overlapping", overlapping, FORMAT),
        case("zip_unlisted", unlisted(two.clone()), FORMAT),
        case(
            "zip_data_before",
            add(b"PK\x03\x04 of another", &two),
            FORMAT,
        ),
        case("zip_garbage_behind", add(&two, b"garbage"), FORMAT),
        case("zip_zeros_behind", add(&two, &[0; 512]), FORMAT),
        case("zip_twice", add(&two, &two), FORMAT),
        case("zip_cut", two[..two.len() - 30].to_vec(), FORMAT),
        case("zip_cut_in_content", two[..40].to_vec(), FORMAT),
        case("zip_start_only", b"PK\x03\x04".to_vec(), FORMAT),
    ]
}

/// A zip of the usual tool gives the same tree. Lists, digests, selections and limits are as for a tar.
#[test]
fn zips_are_archives() {
    let place = Place::new();
    place.write("tree/top/a.c", "a".repeat(100_000));
    place.write("tree/top/tests/data", "t");
    place.write("tree/top/empty", "");
    std::os::unix::fs::symlink("a.c", place.join("tree/top/link")).expect("a link");
    let made = Command::new("zip")
        .args(["-q", "-r", "-y", "../a.zip", "top"])
        .current_dir(place.join("tree"))
        .status();
    if !made.is_ok_and(|status| status.success()) {
        return crate::support::skip("there is no `zip`");
    }
    place.write(
        "two.zip",
        files(&[("a/x", b"1"), ("b/x", b"2"), ("alone", b"3")]),
    );
    place.lua(
        r#"local sha256 = digest.file "a.zip"
        local summary = archive.extract { path = "a.zip", target = "out", sha256 = sha256, profile = "rootfs" }
        assert(summary.entries == 6 and summary.bytes == 100001 and json.encode(summary.top) == '["top"]')
        assert(digest.tree "out" == digest.tree "tree")
        local err = fails(archive.extract, { path = "a.zip", target = "no", sha256 = ("0"):rep(64) })
        assert(err.code == "hash_mismatch", err.text)
        archive.extract { path = "a.zip", target = "some", strip = 1, exclude = { "tests", "link" } }
        local seen = {}
        for _, member in ipairs(archive.list "a.zip") do
          seen[member.path] = member
        end
        assert(seen["top/link"].target == "a.c" and seen["top/link"].type == "link" and seen.top.type == "dir")
        assert(seen["top/a.c"].size == 100000 and seen["top/a.c"].mode == tonumber("644", 8))
        assert(archive.read("a.zip", "top/tests/data") == "t")
        assert(archive.read("a.zip", "top/none") == nil)
        err = fails(archive.extract, { path = "a.zip", target = "no", max_bytes = 99999 })
        assert(err.code == "limit" and err.path == "top/a.c", err.text)
        err = fails(archive.extract, { path = "a.zip", target = "no", max_entries = 5 })
        assert(err.code == "limit", err.text)
        err = fails(archive.extract, { path = "two.zip", target = "no", strip = 1 })
        assert(err.code == "refused" and err.path == "b/x" and err.lost == "b/x" and err.entry == "2", err.text)
        archive.extract_all { paths = { "a.zip", "two.zip" }, target = "all", threads = 2 }"#,
    );
    assert_eq!(snapshot(&place.join("some")).len(), 2);
    assert!(place.join("all/top/a.c").exists() && place.join("all/alone").exists());
}

/// A file that is not an archive: the error lists the known formats.
#[test]
fn what_is_no_archive_is_said() {
    let place = Place::new();
    place.write("short.pem", "-----BEGIN CERTIFICATE-----\n");
    place.write("long.patch", "--- a/x\n+++ b/x\n".repeat(100));
    place.lua(
        r#"for name, code in pairs { ["short.pem"] = "truncated", ["long.patch"] = "format" } do
          for _, call in ipairs { archive.list, function(path) archive.extract { path = path, target = "t" } end } do
            local err = fails(call, name)
            assert(err.code == code and err.unknown == "true", err.text)
            for _, known in ipairs { "tar", "gzip", "xz", "bzip2", "zstd", "lzip", "lzma", "zip", "deb" } do
              -- The whole word: `gzip` has `zip` in it.
              assert(err.text:find("%f[%w]" .. known .. "%f[%W]"), err.text)
            end
          end
        end
        -- An archive that ends too early is one.
        require("bq.fs").write("cut.tar", ("\0"):rep(512))
        local ok, err = pcall(archive.extract, { path = "cut.tar", target = "t" })
        assert(ok or not err.unknown)"#,
    );
}
