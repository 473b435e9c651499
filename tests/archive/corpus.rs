//! Hostile and odd archives, each with the expected result.

use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use crate::tar::{
    BLOCK, Header, ar, bzip2, deb, dir, file, gzip, hardlink, long, lzip, lzma, pax, pax_raw,
    record, symlink, tar, xz, zstd,
};
use crate::{Place, has_gnu, names, snapshot};

/// The expected result of an archive.
#[derive(Clone, Debug)]
pub(crate) enum Want {
    /// It is unpacked, with the same result as GNU tar.
    AsTar,
    /// It is unpacked. The result of GNU tar differs, or it fails.
    Unpacked,
    /// It fails with this code, and with this text in the path.
    Fails(&'static str, &'static str),
}

pub(crate) use Want::{AsTar, Fails, Unpacked};

pub(crate) struct Case {
    name: &'static str,
    bytes: Vec<u8>,
    /// The same as a plain tar. GNU tar does not know the format, or needs another program for it.
    plain: Option<Vec<u8>>,
    source: Want,
    rootfs: Want,
}

pub(crate) fn case(name: &'static str, bytes: Vec<u8>, both: Want) -> Case {
    differs(name, bytes, both.clone(), both)
}

pub(crate) fn differs(name: &'static str, bytes: Vec<u8>, source: Want, rootfs: Want) -> Case {
    Case {
        name,
        bytes,
        plain: None,
        source,
        rootfs,
    }
}

/// A case that is unpacked like a plain tar.
pub(crate) fn same(name: &'static str, bytes: Vec<u8>, plain: &[u8]) -> Case {
    Case {
        plain: Some(plain.to_vec()),
        ..case(name, bytes, AsTar)
    }
}

/// A case that is refused, with the entry's name.
pub(crate) fn refused(path: &'static str) -> Want {
    Fails("refused", path)
}

pub(crate) const FORMAT: Want = Fails("format", "");
pub(crate) const LIMIT: Want = Fails("limit", "");
pub(crate) const TRUNCATED: Want = Fails("truncated", "");

fn names_of_entries() -> Vec<Case> {
    let deep = |count: usize| [b"d/".repeat(count), b"x".to_vec()].concat();
    let long_file = |name: &[u8]| tar(&[long(b'L', name), file("short", "x")]);
    vec![
        case("dot_dot", tar(&[file("../evil", "x")]), refused("../evil")),
        case(
            "dot_dot_inside",
            tar(&[file("a/../../evil", "x")]),
            refused("a/../../evil"),
        ),
        case("dot_dot_last", tar(&[dir("a/..")]), refused("a/..")),
        case(
            "dot_dot_harmless",
            tar(&[file("a/../b", "x")]),
            refused("a/../b"),
        ),
        case("absolute", tar(&[file("/evil", "x")]), refused("/evil")),
        case(
            "absolute_twice",
            tar(&[file("//evil", "x")]),
            refused("//evil"),
        ),
        case("empty_name", tar(&[file("", "x")]), refused("")),
        case(
            "nul_in_pax_path",
            tar(&[pax(&[("path", "a\0b")]), file("x", "x")]),
            refused("a\\u{0}b"),
        ),
        case("component_of_256", long_file(&[b'n'; 256]), refused("nnn")),
        case("component_of_255", long_file(&[b'n'; 255]), AsTar),
        case(
            "name_of_4097",
            long_file(&b"0123456/".repeat(513)),
            refused("0123456/"),
        ),
        case(
            "name_of_3000",
            long_file(&b"0123456789abcde/".repeat(187)[..2991]),
            AsTar,
        ),
        case("deep_4000", long_file(&deep(4000)), refused("d/d/")),
        case("deep_300", long_file(&deep(300)), refused("d/d/")),
        case("deep_200", long_file(&deep(200)), AsTar),
        case("top_as_file", tar(&[file(".", "x")]), refused(".")),
        case("top_as_link", tar(&[symlink("./", "a")]), refused("./")),
        case("top_as_folder", tar(&[dir("./"), file("./a", "x")]), AsTar),
        case(
            "not_utf8",
            tar(&[file(b"\xff\xfe\x80", "x"), symlink("l", b"\xff\xfe\x80")]),
            AsTar,
        ),
        case(
            "control_characters",
            tar(&[file("\x1b[31m\r\n\x07", "x")]),
            AsTar,
        ),
        case(
            "control_characters_refused",
            tar(&[file("../\x1b[31m\u{202e}", "x")]),
            refused("../\\u{1b}[31m\\u{202e}"),
        ),
        case(
            "backslashes_and_blanks",
            tar(&[file("a\\b c", "x"), file(" ", "y")]),
            AsTar,
        ),
        case(
            "dots",
            tar(&[file("...", "x"), file("..a", "y"), file("a..", "z")]),
            AsTar,
        ),
        case("doubled_slashes", tar(&[file("a//b/./c", "x")]), AsTar),
        case(
            "slash_behind_file",
            tar(&[
                Header::new("a/", b'0', 0).with_mode(0o755).block(),
                file("a/b", "x"),
            ]),
            AsTar,
        ),
        case(
            "pax_dot_dot",
            tar(&[pax(&[("path", "../evil")]), file("x", "x")]),
            refused("../evil"),
        ),
        case("long_dot_dot", long_file(b"../evil"), refused("../evil")),
        case(
            "prefix_dot_dot",
            tar(&[Header::new("evil", b'0', 0).with(345, b"..").block()]),
            refused("../evil"),
        ),
        case(
            "prefix_absolute",
            tar(&[Header::new("evil", b'0', 0).with(345, b"/tmp").block()]),
            refused("/tmp/evil"),
        ),
        case(
            "old_tar",
            tar(&[Header::new("a", b'\0', 1).with(257, &[0; 8]).data("x")]),
            AsTar,
        ),
        case(
            "contiguous_file",
            tar(&[Header::new("a", b'7', 1).data("x")]),
            AsTar,
        ),
    ]
}

fn links(outside: &str) -> Vec<Case> {
    let through = |target: &str| tar(&[symlink("l", target), file("l/evil", "x")]);
    let chain: Vec<Vec<u8>> = (0..50)
        .map(|n| symlink(format!("l{n}"), format!("l{}", n + 1)))
        .collect();
    vec![
        differs(
            "link_absolute",
            tar(&[symlink("l", "/etc/passwd")]),
            refused("l"),
            AsTar,
        ),
        differs(
            "link_up",
            tar(&[dir("d"), symlink("d/l", "../../../outside")]),
            refused("d/l"),
            AsTar,
        ),
        case(
            "link_up_inside",
            tar(&[dir("d"), symlink("d/l", "../a"), file("a", "x")]),
            AsTar,
        ),
        case("through_link_up", through("../../outside"), refused("l")),
        differs(
            "through_absolute_link",
            through(outside),
            refused("l"),
            refused("l/evil"),
        ),
        differs(
            "through_inner_link",
            tar(&[dir("d"), symlink("l", "d"), file("l/x", "x")]),
            refused("l/x"),
            AsTar,
        ),
        differs(
            "through_two_links",
            tar(&[
                symlink("a", "b"),
                symlink("b", "../.."),
                file("a/outside/evil", "x"),
            ]),
            refused("b"),
            Unpacked,
        ),
        differs(
            "through_root_link",
            tar(&[dir("usr"), symlink("all", "/"), file("all/usr/x", "x")]),
            refused("all"),
            Unpacked,
        ),
        differs(
            "through_dangling_link",
            tar(&[symlink("l", "nowhere"), file("l/x", "x")]),
            refused("l/x"),
            refused("l/x"),
        ),
        differs(
            "winding_link_out",
            tar(&[symlink("s", "."), symlink("t", "s/s/..")]),
            refused("t"),
            AsTar,
        ),
        case(
            "winding_link",
            tar(&[dir("d"), dir("d/e"), symlink("t", "d/e/../../d")]),
            AsTar,
        ),
        case(
            "link_loop",
            tar(&[symlink("a", "b"), symlink("b", "a"), file("a/x", "x")]),
            refused("a/x"),
        ),
        // Files below the second link must not go to the target of the first one.
        differs(
            "link_led_elsewhere_before",
            tar(&[
                dir("a"),
                dir("b"),
                symlink("l", "a"),
                file("l/x", "x"),
                symlink("l", "b"),
                file("l/y", "y"),
            ]),
            refused("l/x"),
            AsTar,
        ),
        differs(
            "link_led_inside_before",
            tar(&[
                dir("a"),
                symlink("l", "a"),
                file("l/x", "x"),
                symlink("l", outside),
                file("l/evil", "y"),
            ]),
            refused("l/x"),
            refused("l/evil"),
        ),
        case("link_to_itself", tar(&[symlink("a", "a")]), AsTar),
        case(
            "link_chain",
            tar(&[chain.concat(), file("l0/x", "x")]),
            refused("l0/x"),
        ),
        case("link_empty", tar(&[symlink("l", "")]), refused("l")),
        case(
            "link_too_long",
            tar(&[long(b'K', b"a/".repeat(2100)), symlink("l", "a")]),
            refused("l"),
        ),
        case(
            "link_long",
            tar(&[long(b'K', [b'a'; 200]), symlink("l", "a")]),
            AsTar,
        ),
        case(
            "link_with_nul",
            tar(&[pax(&[("linkpath", "a\0b")]), symlink("l", "a")]),
            refused("l"),
        ),
        case(
            "link_with_content",
            tar(&[Header::new("l", b'2', 1).link("a").data("x")]),
            refused("l"),
        ),
        case(
            "file_over_link",
            tar(&[symlink("l", "a"), file("l", "x")]),
            AsTar,
        ),
        case(
            "file_over_outer_link",
            tar(&[symlink("l", outside), file("l", "x")]),
            Fails("refused", "l"),
        )
        // GNU tar makes the link at the end, over the file.
        .rootfs(Unpacked),
        case(
            "link_over_file",
            tar(&[file("l", "x"), symlink("l", "a")]),
            AsTar,
        ),
        case(
            "link_over_folder",
            tar(&[dir("d"), symlink("d", "../outside"), file("d/evil", "x")]),
            refused("d"),
        ),
        case(
            "link_over_full_folder",
            tar(&[file("d/x", "x"), symlink("d", "e")]),
            refused("d"),
        ),
        differs(
            "folder_over_outer_link",
            tar(&[symlink("l", outside), dir("l"), file("l/x", "x")]),
            refused("l"),
            refused("l"),
        ),
        differs(
            "folder_over_inner_link",
            tar(&[dir("d"), symlink("l", "d"), dir("l"), file("l/x", "x")]),
            refused("l"),
            AsTar,
        ),
        case(
            "folder_mode_through_link",
            tar(&[
                symlink("l", outside),
                Header::new("l", b'5', 0).with_mode(0o777).block(),
            ]),
            refused("l"),
        ),
        case(
            "file_over_folder",
            tar(&[dir("d"), file("d", "x")]),
            refused("d"),
        ),
        case(
            "folder_over_file",
            tar(&[file("d", "x"), dir("d")]),
            refused("d"),
        ),
        case(
            "below_file",
            tar(&[file("a", "x"), file("a/b", "x")]),
            refused("a/b"),
        ),
        case(
            "hard_link",
            tar(&[file("a", "x"), hardlink("b", "a"), hardlink("c/d", "./b")]),
            AsTar,
        ),
        case(
            "hard_link_out",
            tar(&[hardlink("h", "../outside/canary")]),
            refused("h"),
        ),
        case(
            "hard_link_absolute",
            tar(&[hardlink("h", format!("{outside}/canary"))]),
            refused("h"),
        ),
        differs(
            "hard_link_absolute_inside",
            tar(&[file("a", "x"), hardlink("h", "/a")]),
            refused("h"),
            AsTar,
        ),
        case(
            "hard_link_to_nothing",
            tar(&[hardlink("h", "a")]),
            refused("h"),
        ),
        case(
            "hard_link_to_itself",
            tar(&[file("h", "x"), hardlink("h", "h")]),
            refused("h"),
        ),
        case(
            "hard_link_to_folder",
            tar(&[dir("d"), hardlink("h", "d")]),
            refused("h"),
        ),
        case(
            "hard_link_through_link",
            tar(&[symlink("l", outside), hardlink("h", "l/canary")]),
            Fails("refused", ""),
        ),
        case(
            "hard_link_through_up_link",
            tar(&[symlink("l", "../../outside"), hardlink("h", "l/canary")]),
            Fails("refused", ""),
        ),
        differs(
            "hard_link_to_link",
            tar(&[symlink("l", "a"), hardlink("h", "l"), file("h", "x")]),
            refused("h"),
            AsTar,
        ),
        case(
            "hard_link_with_content",
            tar(&[
                file("a", "x"),
                Header::new("h", b'1', 1).link("a").data("y"),
            ]),
            refused("h"),
        ),
        case(
            "hard_link_broken",
            tar(&[file("a", "x"), hardlink("b", "a"), file("a", "new")]),
            AsTar,
        ),
        case(
            "hard_link_twice",
            tar(&[file("a", "x"), hardlink("b", "a"), hardlink("b", "a")]),
            AsTar,
        ),
    ]
}

impl Case {
    fn rootfs(mut self, want: Want) -> Self {
        self.rootfs = want;
        self
    }
}

fn modes_and_devices() -> Vec<Case> {
    let mode = |mode: u32| tar(&[Header::new("m", b'0', 1).with_mode(mode).data("x")]);
    let node = |kind: u8| {
        tar(&[Header::new("dev/n", kind, 0)
            .with(329, b"0000001\0")
            .with(337, b"0000003\0")
            .block()])
    };
    vec![
        differs("setuid", mode(0o4755), Unpacked, refused("m")),
        differs("setgid", mode(0o2755), Unpacked, refused("m")),
        differs(
            "setgid_folder",
            tar(&[Header::new("d", b'5', 0).with_mode(0o2755).block()]),
            Unpacked,
            refused("d"),
        ),
        differs(
            "sticky_folder",
            tar(&[Header::new("d", b'5', 0).with_mode(0o1777).block()]),
            Unpacked,
            AsTar,
        ),
        differs(
            "no_permissions",
            tar(&[
                Header::new("d", b'5', 0).with_mode(0).block(),
                Header::new("d/x", b'0', 1).with_mode(0).data("x"),
            ]),
            Unpacked,
            Unpacked,
        ),
        case("mode_with_type", mode(0o100_644), AsTar),
        case(
            "mode_blank",
            tar(&[Header::new("m", b'5', 0).with(100, &[0; 8]).block()]),
            Unpacked,
        ),
        case(
            "mode_no_number",
            tar(&[Header::new("m", b'0', 0).with(100, b"rwxr-xr-").block()]),
            FORMAT,
        ),
        case("char_device", node(b'3'), refused("dev/n")),
        case("block_device", node(b'4'), refused("dev/n")),
        case("fifo", node(b'6'), refused("dev/n")),
        case(
            "device_number_bad",
            tar(&[Header::new("n", b'3', 0).with(329, b"xxxxxxx\0").block()]),
            FORMAT,
        ),
        case(
            "type_unknown",
            tar(&[Header::new("a", b'Z', 0).block()]),
            refused("a"),
        ),
        case(
            "type_volume",
            tar(&[Header::new("a", b'V', 0).block()]),
            refused("a"),
        ),
        case(
            "type_multivolume",
            tar(&[Header::new("a", b'M', 0).block()]),
            refused("a"),
        ),
        case(
            "type_dump",
            tar(&[Header::new("a", b'D', 0).block()]),
            refused("a"),
        ),
        case(
            "type_names",
            tar(&[Header::new("a", b'N', 0).block()]),
            refused("a"),
        ),
        case(
            "owner_garbage",
            tar(&[Header::new("a", b'0', 0)
                .with(108, &[0xff; 16])
                .with(265, b"root\0\xff")
                .block()]),
            Unpacked,
        ),
        case(
            "time_negative",
            tar(&[Header::new("a", b'0', 0).with(136, &[0xff; 12]).block()]),
            Unpacked,
        ),
        case(
            "time_huge",
            tar(&[Header::new("a", b'0', 0)
                .with(136, b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff")
                .block()]),
            Unpacked,
        ),
        case(
            "time_blank",
            tar(&[Header::new("a", b'0', 0).with(136, &[b' '; 12]).block()]),
            Unpacked,
        ),
    ]
}

fn sizes_and_pax() -> Vec<Case> {
    let size = |field: &[u8]| tar(&[Header::new("a", b'0', 0).with(124, field).block()]);
    let x = |records: &[u8]| tar(&[pax_raw(b'x', records), file("a", "12345")]);
    let g = |records: &[u8]| tar(&[pax_raw(b'g', records), file("a", "12345")]);
    let smuggled = [file("a", "1"), file("smuggled", "2")].concat();
    vec![
        case(
            "pax_size_larger",
            tar(&[pax(&[("size", "1000")]), smuggled.clone()]),
            refused("a"),
        ),
        case(
            "pax_size_smaller",
            tar(&[pax(&[("size", "0")]), smuggled]),
            refused("a"),
        ),
        case(
            "pax_size_same",
            tar(&[pax(&[("size", "5")]), file("a", "12345")]),
            AsTar,
        ),
        case(
            "pax_size_before_long",
            tar(&[pax(&[("size", "5")]), long(b'L', "b"), file("a", "12345")]),
            AsTar,
        ),
        case(
            "pax_size_of_link",
            tar(&[pax(&[("size", "5")]), symlink("a", "b")]),
            refused("a"),
        ),
        case("pax_size_no_number", x(&record("size", "5x")), FORMAT),
        case("pax_size_negative", x(&record("size", "-5")), FORMAT),
        case(
            "pax_size_too_large",
            x(&record("size", "99999999999999999999")),
            FORMAT,
        ),
        case("pax_length_too_long", x(b"99 path=b\n"), FORMAT),
        case("pax_length_zero", x(b"0 path=b\n"), FORMAT),
        case("pax_length_short", x(b"8 path=b\n"), FORMAT),
        case("pax_length_negative", x(b"-10 path=b\n"), FORMAT),
        case(
            "pax_length_huge",
            x(b"18446744073709551617 path=b\n"),
            FORMAT,
        ),
        case("pax_no_newline", x(b"10 path=bb"), FORMAT),
        case("pax_no_equals", x(b"9 pathbb\n"), FORMAT),
        case("pax_no_key", x(b"6 =bb\n"), FORMAT),
        case(
            "pax_key_twice",
            x(&[record("path", "b"), record("path", "c")].concat()),
            FORMAT,
        ),
        case("pax_path_empty", x(&record("path", "")), refused("")),
        case(
            "pax_unknown_keys",
            x(&[
                record("SCHILY.xattr.user.a", "b"),
                record("uid", "7"),
                record("ctime", "1.5"),
            ]
            .concat()),
            AsTar,
        ),
        case(
            "pax_time",
            x(&record("mtime", "1700000000.123456789")),
            AsTar,
        ),
        case("pax_time_no_number", x(&record("mtime", "now")), FORMAT),
        case(
            "pax_twice",
            tar(&[pax(&[("path", "b")]), pax(&[("path", "c")]), file("a", "x")]),
            FORMAT,
        ),
        case("pax_for_nothing", tar(&[pax(&[("path", "b")])]), FORMAT),
        case(
            "pax_and_long",
            tar(&[pax(&[("path", "b")]), long(b'L', "c"), file("a", "x")]),
            FORMAT,
        ),
        case(
            "pax_too_large",
            x(&record("comment", [b'x'; 70_000])),
            LIMIT,
        ),
        case("global_path", g(&record("path", "b")), Fails("refused", "")),
        case("global_size", g(&record("size", "0")), Fails("refused", "")),
        case(
            "global_linkpath",
            g(&record("linkpath", "b")),
            Fails("refused", ""),
        ),
        case("global_comment", g(&record("comment", "0123456789")), AsTar),
        case("global_time", g(&record("mtime", "1600000000")), AsTar),
        case(
            "long_twice",
            tar(&[long(b'L', "b"), long(b'L', "c"), file("a", "x")]),
            FORMAT,
        ),
        case("long_empty", tar(&[long(b'L', ""), file("a", "x")]), FORMAT),
        case(
            "long_with_nul",
            tar(&[long(b'L', "a\0b"), file("a", "x")]),
            FORMAT,
        ),
        case(
            "long_of_1_gib",
            tar(&[Header::new("././@LongLink", b'L', 1 << 30).block()]),
            LIMIT,
        ),
        case("size_negative", size(&[0xff; 12]), FORMAT),
        case("size_negative_octal", size(b"-0000000001\0"), FORMAT),
        case("size_huge", size(b"\x80\0\0\0\x40\0\0\0\0\0\0\0"), LIMIT),
        case(
            "size_beyond_64_bits",
            size(b"\x80\x01\0\0\0\0\0\0\0\0\0\0"),
            FORMAT,
        ),
        case("size_no_number", size(b"0000000000x\0"), FORMAT),
        case("size_with_gap", size(b"0000 000001\0"), FORMAT),
        case(
            "size_without_content",
            size(b"00000003000\0"),
            Fails("truncated", "a"),
        ),
        case(
            "size_8_gib",
            size(b"77777777777\0"),
            Fails("truncated", "a"),
        ),
        case("size_blank", size(&[0; 12]), AsTar),
        case(
            "size_binary",
            tar(&[Header::new("a", b'0', 0)
                .with(124, b"\x80\0\0\0\0\0\0\0\0\0\0\x01")
                .data("x")]),
            AsTar,
        ),
        case(
            "folder_with_content",
            tar(&[Header::new("d", b'5', 1).data("x")]),
            refused("d"),
        ),
    ]
}

/// A header of GNU's old sparse files, with up to four pieces.
fn sparse_header(pieces: &[(u64, u64)], stored: u64, size: u64) -> Header {
    let mut header = Header::new("s", b'S', stored).with(257, b"ustar  \0");
    for (number, (offset, length)) in pieces.iter().enumerate() {
        let at = 386 + 24 * number;
        header.put(at, format!("{offset:011o}\0{length:011o}\0").as_bytes());
    }
    header.put(483, format!("{size:011o}\0").as_bytes());
    header
}

/// Files with holes, in the four formats of GNU tar.
fn holes() -> Vec<Case> {
    let old = |pieces: &[(u64, u64)], data: &[u8], size: u64| {
        tar(&[
            sparse_header(pieces, data.len() as u64, size).data(data),
            file("after", "x"),
        ])
    };
    let (two, text) = (
        [(0, 512), (8192, 4)],
        [[b'h'; BLOCK].as_slice(), b"tail"].concat(),
    );
    // 25 pieces: four in the header, 21 in the block after it.
    let many: Vec<(u64, u64)> = (0..25).map(|n| (n * 1024, 512)).collect();
    let mut block = [0; BLOCK];
    for (number, (offset, length)) in many[4..].iter().enumerate() {
        let text = format!("{offset:011o}\0{length:011o}\0");
        block[24 * number..][..24].copy_from_slice(text.as_bytes());
    }
    let mut extended = sparse_header(&many[..4], 25 * 512, 24 * 1024 + 512)
        .with(482, b"\x01")
        .block();
    extended.extend_from_slice(&block);
    extended.extend_from_slice(&[b'y'; 25 * 512]);
    extended.resize(extended.len().next_multiple_of(BLOCK), 0);
    let with = |records: &[(&str, &str)], data: &[u8]| {
        tar(&[
            pax(records),
            file("GNUSparseFile.1/x", data),
            file("after", "x"),
        ])
    };
    let (offset, length) = ("GNU.sparse.offset", "GNU.sparse.numbytes");
    let (size, name) = (("GNU.sparse.size", "9000"), ("GNU.sparse.name", "s"));
    let zero = |last: &str| {
        let count = ("GNU.sparse.numblocks", "3");
        with(
            &[
                size,
                count,
                (offset, "0"),
                (length, "512"),
                (offset, "8192"),
                (length, last),
                (offset, "9000"),
                (length, "0"),
            ],
            &text,
        )
    };
    let map = |map: &str| {
        let count = map.split(',').count() / 2;
        with(
            &[
                name,
                size,
                ("GNU.sparse.numblocks", &count.to_string()),
                ("GNU.sparse.map", map),
            ],
            &text,
        )
    };
    let one = |map: &str, data: &[u8]| {
        let mut content = map.as_bytes().to_vec();
        content.resize(content.len().next_multiple_of(BLOCK), 0);
        content.extend_from_slice(data);
        let records = [
            ("GNU.sparse.major", "1"),
            ("GNU.sparse.minor", "0"),
            name,
            ("GNU.sparse.realsize", "9000"),
        ];
        with(&records, &content)
    };
    let lines: Vec<String> = (0..90).map(|n| format!("{}\n0\n", n * 100)).collect();
    let long = lines.concat();
    vec![
        case(
            "sparse_old",
            old(&[two[0], two[1], (9000, 0)], &text, 9000),
            AsTar,
        ),
        case(
            "sparse_old_short",
            old(&two, &text, 9000),
            Fails("format", "s"),
        ),
        case("sparse_old_hole_only", old(&[(9000, 0)], b"", 9000), AsTar),
        case(
            "sparse_old_many",
            tar(&[extended.clone(), file("after", "x")]),
            AsTar,
        ),
        case(
            "sparse_old_cut",
            extended[..BLOCK + 100].to_vec(),
            Fails("truncated", "s"),
        ),
        case(
            "sparse_old_overlap",
            old(&[(0, 512), (511, 4)], &text, 9000),
            Fails("format", "s"),
        ),
        case(
            "sparse_old_behind",
            old(&[(8999, 2)], b"ab", 9000),
            Fails("format", "s"),
        ),
        case(
            "sparse_old_sum",
            old(&[(0, 512)], &text, 9000),
            Fails("format", "s"),
        ),
        case(
            "sparse_old_odd",
            old(&[(0, 3), (8192, 513)], &text, 9000),
            Fails("format", "s"),
        ),
        case(
            "sparse_old_negative",
            tar(&[sparse_header(&[], 0, 0).with(483, &[0xff; 12]).block()]),
            Fails("format", "s"),
        ),
        case(
            "sparse_of_star",
            tar(&[sparse_header(&[], 0, 0).with(257, b"ustar\x0000").block()]),
            refused("s"),
        ),
        // Holes count as content: the limits are for the unpacked file.
        case(
            "sparse_bomb",
            tar(&[sparse_header(&[(0, 0)], 0, 0)
                .with(386, b"\x80\0\0\0\x40\0\0\0\0\0\0\0")
                .with(483, b"\x80\0\0\0\x40\0\0\0\0\0\0\0")
                .block()]),
            Fails("limit", "s"),
        ),
        case(
            "sparse_ratio",
            old(&[(96 << 20, 0)], b"", 96 << 20),
            Fails("limit", "s"),
        ),
        case("sparse_0_0", zero("4"), AsTar),
        case(
            "sparse_0_0_sum",
            zero("5"),
            Fails("format", "GNUSparseFile.1/x"),
        ),
        case("sparse_0_1", map("0,512,8192,4,9000,0"), AsTar),
        case("sparse_0_1_odd", map("0,512,8192"), Fails("format", "s")),
        case(
            "sparse_0_1_overlap",
            map("0,512,511,4"),
            Fails("format", "s"),
        ),
        case(
            "sparse_1_0",
            one("3\n0\n512\n8192\n4\n9000\n0\n", &text),
            AsTar,
        ),
        case("sparse_1_0_hole_only", one("1\n9000\n0\n", b""), AsTar),
        case(
            "sparse_1_0_long_map",
            one(&format!("91\n{long}9000\n0\n"), b""),
            AsTar,
        ),
        case(
            "sparse_1_0_map_too_long",
            one(&format!("99\n{long}"), b""),
            Fails("format", "s"),
        ),
        case("sparse_1_0_no_map", one("", b""), Fails("format", "s")),
        case(
            "sparse_1_0_huge_map",
            one("18446744073709551615\n", b""),
            Fails("format", "s"),
        ),
        case("sparse_1_0_text", one("two\n", b""), Fails("format", "s")),
        case(
            "sparse_without_size",
            with(&[name, ("GNU.sparse.map", "0,516")], &text),
            Fails("format", "s"),
        ),
        case(
            "sparse_2_0",
            with(&[name, size, ("GNU.sparse.major", "2")], &text),
            refused("s"),
        ),
        case(
            "sparse_dot_dot",
            with(
                &[
                    ("GNU.sparse.name", "../s"),
                    size,
                    ("GNU.sparse.map", "0,516"),
                ],
                &text,
            ),
            refused("../s"),
        ),
        case(
            "sparse_link",
            tar(&[pax(&[size, ("GNU.sparse.map", "")]), symlink("s", "x")]),
            refused("s"),
        ),
        case(
            "sparse_global",
            tar(&[
                pax_raw(b'g', &record("GNU.sparse.major", "1")),
                file("a", "x"),
            ]),
            Fails("refused", ""),
        ),
    ]
}

fn blocks_and_ends() -> Vec<Case> {
    let honest = [file("a", "x"), file("b", "y")].concat();
    let mut bad_sum = tar(&[file("a", "x")]);
    bad_sum[0] = b'b';
    let mut second_bad = tar(std::slice::from_ref(&honest));
    second_bad[2 * BLOCK + 7] ^= 1;
    let mut signed = Header::new(b"\xe4\xf6", b'0', 0).0;
    signed[148..156].copy_from_slice(b"        ");
    let sum: i32 = signed.iter().map(|&b| i32::from(b.cast_signed())).sum();
    signed[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    vec![
        case("checksum_wrong", bad_sum, FORMAT),
        case("checksum_wrong_later", second_bad, FORMAT),
        case("checksum_signed", tar(&[signed.to_vec()]), AsTar),
        case(
            "magic_unknown",
            tar(&[Header::new("a", b'0', 0).with(257, b"wstar\x0000").block()]),
            FORMAT,
        ),
        case("all_ones", vec![0xff; 2048], FORMAT),
        case(
            "text",
            b"#!/bin/sh\necho this is no archive\n".repeat(100),
            FORMAT,
        ),
        case("empty_file", Vec::new(), TRUNCATED),
        case("one_byte", vec![b'x'], TRUNCATED),
        case("zeros", vec![0; 10_240], AsTar),
        case("no_end_marker", honest.clone(), TRUNCATED),
        case(
            "half_end_marker",
            [honest.clone(), vec![0; BLOCK]].concat(),
            AsTar,
        ),
        case(
            "much_end_marker",
            [honest.clone(), vec![0; 1 << 20]].concat(),
            AsTar,
        ),
        case(
            "odd_end_marker",
            [honest.clone(), vec![0; 1700]].concat(),
            AsTar,
        ),
        case(
            "garbage_behind",
            [tar(std::slice::from_ref(&honest)), b"garbage".to_vec()].concat(),
            FORMAT,
        ),
        case(
            "garbage_far_behind",
            [
                tar(std::slice::from_ref(&honest)),
                vec![0; 9000],
                b"x".to_vec(),
            ]
            .concat(),
            FORMAT,
        ),
        case(
            "archive_behind",
            [tar(std::slice::from_ref(&honest)), tar(&[file("c", "z")])].concat(),
            FORMAT,
        ),
        case(
            "zero_block_between",
            [file("a", "x"), vec![0; BLOCK], tar(&[file("b", "y")])].concat(),
            FORMAT,
        ),
        case(
            "content_to_the_edge",
            tar(&[file("a", [b'x'; BLOCK]), file("b", [b'y'; 2 * BLOCK])]),
            AsTar,
        ),
        case(
            "same_name_thrice",
            tar(&[file("a", "1"), file("a", "22"), file("a", "333")]),
            AsTar,
        ),
        case(
            "folder_twice",
            tar(&[dir("d"), file("d/x", "x"), dir("d"), file("d/y", "y")]),
            AsTar,
        ),
        case(
            "folder_closed_twice",
            tar(&[
                dir("d"),
                Header::new("d", b'5', 0).with_mode(0o500).block(),
                file("d/x", "x"),
            ]),
            Unpacked,
        ),
        case("no_folders", tar(&[file("a/b/c/d", "x")]), AsTar),
        case("nothing_but_padding", tar(&[]), AsTar),
    ]
}

fn compressed() -> Vec<Case> {
    let (a, b) = (file("a", "x".repeat(3000)), file("b", "y".repeat(3000)));
    let whole = tar(&[a.clone(), b.clone()]);
    let (first, second) = whole.split_at(2700);
    let flip = |mut bytes: Vec<u8>, from_end: usize| {
        let at = bytes.len() - from_end;
        bytes[at] ^= 0x55;
        bytes
    };
    let cut = |bytes: Vec<u8>, from_end: usize| bytes[..bytes.len() - from_end].to_vec();
    let add = |bytes: Vec<u8>, more: &[u8]| [bytes, more.to_vec()].concat();
    let bomb = tar(&[file("bomb", vec![0; 96 << 20])]);
    let tail = [tar(std::slice::from_ref(&a)), vec![0; 80 << 20]].concat();
    vec![
        case(
            "gzip_two_members",
            [gzip(first), gzip(second)].concat(),
            AsTar,
        ),
        case(
            "gzip_empty_members",
            [gzip(b""), gzip(&whole), gzip(b"")].concat(),
            AsTar,
        ),
        case("gzip_bad_crc", flip(gzip(&whole), 6), FORMAT),
        case("gzip_bad_length", flip(gzip(&whole), 2), FORMAT),
        case("gzip_cut", cut(gzip(&whole), 20), TRUNCATED),
        case("gzip_cut_trailer", cut(gzip(&whole), 3), TRUNCATED),
        case(
            "gzip_cut_second_member",
            cut([gzip(first), gzip(second)].concat(), 12),
            TRUNCATED,
        ),
        case("gzip_garbage_behind", add(gzip(&whole), b"garbage"), FORMAT),
        case("gzip_zeros_behind", add(gzip(&whole), &[0; 777]), AsTar),
        case("gzip_zeros_and_more", add(gzip(&whole), b"\0\0\0x"), FORMAT),
        case("gzip_twice", gzip(&gzip(&whole)), TRUNCATED),
        case("gzip_of_text", gzip(b"hello"), TRUNCATED),
        case("xz_two_streams", [xz(first), xz(second)].concat(), AsTar),
        case("xz_padded", add(xz(&whole), &[0; 8]), AsTar),
        case(
            "xz_padded_between",
            [xz(first), vec![0; 12], xz(second), vec![0; 4]].concat(),
            AsTar,
        ),
        case("xz_padded_badly", add(xz(&whole), &[0; 6]), FORMAT),
        case(
            "xz_padded_badly_between",
            [xz(first), vec![0; 3], xz(second)].concat(),
            FORMAT,
        ),
        same("lzip_one", lzip(&whole), &whole),
        same("lzip_two", [lzip(first), lzip(second)].concat(), &whole),
        case("lzip_cut", cut(lzip(&whole), 20), TRUNCATED),
        case("lzip_bad_crc", flip(lzip(&whole), 20), FORMAT),
        case("lzip_garbage_behind", add(lzip(&whole), b"garbage"), FORMAT),
        same("lzma_old", lzma(&whole), &whole),
        case("lzma_cut", cut(lzma(&whole), 20), TRUNCATED),
        case("lzma_garbage_behind", add(lzma(&whole), b"garbage"), FORMAT),
        case("bomb_lzip", lzip(&bomb), Fails("limit", "bomb")),
        case("xz_bad_check", flip(xz(&whole), 44), FORMAT),
        case("xz_cut", cut(xz(&whole), 20), TRUNCATED),
        case("xz_garbage_behind", add(xz(&whole), b"garbage!"), FORMAT),
        case(
            "bzip2_two_streams",
            [bzip2(first), bzip2(second)].concat(),
            AsTar,
        ),
        case("bzip2_bad_crc", flip(bzip2(&whole), 3), FORMAT),
        case("bzip2_cut", cut(bzip2(&whole), 10), TRUNCATED),
        case(
            "bzip2_garbage_behind",
            add(bzip2(&whole), b"garbage"),
            FORMAT,
        ),
        same(
            "zstd_two_frames",
            [zstd(first), zstd(second)].concat(),
            &whole,
        ),
        same(
            "zstd_skippable_first",
            [b"\x50\x2a\x4d\x18\x04\0\0\0abcd".to_vec(), zstd(&whole)].concat(),
            &whole,
        ),
        case("zstd_bad_check", flip(zstd(&whole), 2), FORMAT),
        case("zstd_cut", cut(zstd(&whole), 6), TRUNCATED),
        case("zstd_garbage_behind", add(zstd(&whole), b"garbage"), FORMAT),
        case(
            "zstd_huge_window",
            b"\x28\xb5\x2f\xfd\x00\xa8\x01\0\0".to_vec(),
            LIMIT,
        ),
        // The best compression of gzip is under the limit.
        case(
            "much_gzip",
            gzip(&tar(&[file("much", vec![0; 1 << 20])])),
            AsTar,
        ),
        case("bomb_xz", xz(&bomb), Fails("limit", "bomb")),
        case("bomb_bzip2", bzip2(&bomb), Fails("limit", "bomb")),
        case("bomb_zstd", zstd(&bomb), Fails("limit", "bomb")),
        case(
            "bomb_deb",
            deb("data.tar.zst", &zstd(&bomb)),
            Fails("limit", "bomb"),
        ),
        case("bomb_behind_the_end", zstd(&tail), LIMIT),
    ]
}

fn debs() -> Vec<Case> {
    let data = tar(&[dir("./"), dir("./usr"), file("./usr/a", "x")]);
    let bad = tar(&[file("./../evil", "x")]);
    let start = [b"!<arch>\n".to_vec(), ar("debian-binary", b"2.0\n")].concat();
    let control = ar("control.tar", &data);
    vec![
        same("deb_plain", deb("data.tar", &data), &data),
        same("deb_gzip", deb("data.tar.gz", &gzip(&data)), &data),
        same("deb_xz", deb("data.tar.xz", &xz(&data)), &data),
        same("deb_zstd", deb("data.tar.zst", &zstd(&data)), &data),
        same(
            "deb_with_more_behind",
            [deb("data.tar", &data), ar("_more", &bad)].concat(),
            &data,
        ),
        same(
            "deb_with_odd_more_behind",
            [
                deb("data.tar.xz", &xz(&data)),
                ar("_gpgorigin", b"odd"),
                ar("_x", b"x"),
            ]
            .concat(),
            &data,
        ),
        case(
            "deb_unknown_behind",
            [deb("data.tar", &data), ar("more", &bad)].concat(),
            FORMAT,
        ),
        case(
            "deb_two_datas",
            [deb("data.tar", &data), ar("data.tar", &bad)].concat(),
            FORMAT,
        ),
        case(
            "deb_garbage_behind",
            [deb("data.tar.gz", &gzip(&data)), b"garbage".to_vec()].concat(),
            TRUNCATED,
        ),
        case(
            "deb_garbage_in_data",
            deb("data.tar.gz", &[gzip(&data), b"garbage".to_vec()].concat()),
            FORMAT,
        ),
        case(
            "deb_in_data",
            deb("data.tar", &deb("data.tar", &data)),
            FORMAT,
        ),
        case(
            "deb_dot_dot",
            deb("data.tar.xz", &xz(&bad)),
            refused("./../evil"),
        ),
        case(
            "deb_without_data",
            [start.clone(), control.clone()].concat(),
            TRUNCATED,
        ),
        case(
            "deb_of_version_3",
            [
                b"!<arch>\n".to_vec(),
                ar("debian-binary", b"3.0\n"),
                control,
            ]
            .concat(),
            FORMAT,
        ),
        case(
            "deb_of_another_ar",
            [b"!<arch>\n".to_vec(), ar("a.o", b"xx")].concat(),
            FORMAT,
        ),
        case(
            "deb_unknown_member",
            [start.clone(), ar("evil", b"xx")].concat(),
            FORMAT,
        ),
        case(
            "deb_bad_header",
            [start.clone(), vec![b'x'; 60]].concat(),
            FORMAT,
        ),
        case(
            "deb_bad_size",
            [
                start.clone(),
                b"control.tar     0           0     0     100644  -5        `\n".to_vec(),
            ]
            .concat(),
            FORMAT,
        ),
        case(
            "deb_cut",
            deb("data.tar.gz", &gzip(&data))[..200].to_vec(),
            TRUNCATED,
        ),
        case(
            "deb_data_cut",
            {
                let all = deb("data.tar", &data);
                all[..all.len() - 1500].to_vec()
            },
            TRUNCATED,
        ),
        // Even if only zeros are missing.
        case(
            "deb_data_cut_in_its_end",
            {
                let all = deb("data.tar", &data);
                all[..all.len() - 500].to_vec()
            },
            TRUNCATED,
        ),
        case("deb_empty", b"!<arch>\n".to_vec(), TRUNCATED),
    ]
}

/// The parts of a tree that must be as GNU tar makes them, including times and hard links.
fn details(folder: &Path) -> Vec<String> {
    let mut lines: Vec<String> = snapshot(folder)
        .into_iter()
        .map(|(path, what)| {
            let stat = std::fs::symlink_metadata(folder.join(&path)).expect("is there");
            // The time of a folder is not defined unless it has an entry.
            let more = if stat.is_dir() {
                String::new()
            } else {
                format!(" {} {} {}", stat.mtime(), stat.mtime_nsec(), stat.nlink())
            };
            format!(
                "{} {what}{more}",
                path.as_os_str().as_bytes().escape_ascii()
            )
        })
        .collect();
    lines.sort();
    lines
}

fn all(outside: &Path) -> Vec<Case> {
    let outside = outside.to_str().expect("text");
    let mut all = names_of_entries();
    all.extend(links(outside));
    all.extend(modes_and_devices());
    all.extend(sizes_and_pax());
    all.extend(holes());
    all.extend(blocks_and_ends());
    all.extend(compressed());
    all.extend(debs());
    all.extend(crate::zips::cases());
    all
}

/// Unpacks every case with both profiles. Prints one line for each: name, profile, code, path, text.
const RUN: &str = r#"
for line in io.lines("cases.txt") do
  for _, profile in ipairs { "source", "rootfs" } do
    local target = ("out/%s.%s/target"):format(line, profile)
    local ok, err = pcall(archive.extract, { path = "cases/" .. line, target = target, profile = profile })
    if not ok and type(err) ~= "table" then error(err, 0) end
    print(table.concat({ line, profile, ok and "ok" or err.code, ok and "" or err.path or "", ok and "" or err.text }, "\t"))
  end
end"#;

#[test]
fn corpus() {
    try_all("");
}

/// The same without openat2: an old kernel, or a filter that denies it.
#[test]
fn corpus_without_openat2() {
    try_all(
        "local syscall = require 'bq.syscall'
        syscall.set_no_new_privs()
        syscall.seccomp { deny = { 'openat2' } }\n",
    );
}

fn try_all(prepare: &str) {
    let place = Place::new();
    let canary = place.write("outside/canary", "untouched");
    let outside = place.join("outside");
    let cases = all(&outside);
    assert!(cases.len() >= 150, "{}", cases.len());
    let mut list = String::new();
    for case in &cases {
        place.write(format!("cases/{}", case.name), &case.bytes);
        for profile in ["source", "rootfs"] {
            std::fs::create_dir_all(place.join(format!("out/{}.{profile}", case.name)))
                .expect("a folder");
        }
        list.push_str(case.name);
        list.push('\n');
    }
    place.write("cases.txt", list);
    let before = snapshot(&outside);
    let output = place.lua(&format!("{prepare}{RUN}"));
    let mut wrong = String::new();
    let mut lines = output.lines();
    let gnu = has_gnu("tar");
    for case in &cases {
        for (profile, want) in [("source", &case.source), ("rootfs", &case.rootfs)] {
            let line = lines.next().unwrap_or_default();
            let fields: Vec<&str> = line.split('\t').collect();
            assert_eq!(fields[..2], [case.name, profile], "{output}");
            let folder = place.join(format!("out/{}.{profile}", case.name));
            let complaint = match want {
                Fails(code, path) => {
                    if fields[2] != *code || !fields[3].contains(path) {
                        format!("expected {code} `{path}`")
                    } else if !names(&folder).is_empty() {
                        format!("left behind: {:?}", names(&folder))
                    } else {
                        continue;
                    }
                }
                _ if fields[2] != "ok" => "expected it to be unpacked".to_owned(),
                _ if names(&folder) != ["target"] => format!("left behind: {:?}", names(&folder)),
                AsTar if gnu && profile == "rootfs" => match differs_from_tar(&place, case) {
                    Some(difference) => difference,
                    None => continue,
                },
                _ => continue,
            };
            wrong.extend([line, "\n    ", &complaint, "\n"]);
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert_eq!(std::fs::read(canary).expect("is there"), b"untouched");
    assert_eq!(snapshot(&outside), before);
    let mut left = vec!["cases", "cases.txt", "out", "outside"];
    if gnu {
        left.push("plain");
    }
    assert_eq!(names(place.path()), left);
}

/// GNU tar unpacks the same.
fn differs_from_tar(place: &Place, case: &Case) -> Option<String> {
    let theirs = tempfile::tempdir().expect("a folder");
    let output = Command::new("tar")
        .args([
            "--extract",
            "--preserve-permissions",
            "--no-same-owner",
            "--keep-directory-symlink",
            "--file",
        ])
        .arg(match &case.plain {
            Some(plain) => place.write(format!("plain/{}", case.name), plain),
            None => place.join("cases").join(case.name),
        })
        .arg("--directory")
        .arg(theirs.path())
        .output()
        .expect("tar starts");
    if !output.status.success() {
        return Some(format!(
            "tar failed: {}",
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    let ours = details(&place.join(format!("out/{}.rootfs/target", case.name)));
    let theirs = details(theirs.path());
    let short = |lines: Vec<String>| format!("{:.2000}", format!("{lines:?}"));
    (ours != theirs).then(|| format!("ours {}\n    tar's {}", short(ours), short(theirs)))
}

/// A small archive with a bit of everything.
fn sample() -> Vec<u8> {
    tar(&[
        dir("d"),
        file("d/a", [b'a'; 1300]),
        long(b'L', "d/".to_owned() + &"n".repeat(120)),
        file("d/n", "n"),
        pax(&[("path", "d/p"), ("mtime", "1.5")]),
        file("x", "p"),
        symlink("l", "d/a"),
        hardlink("h", "d/a"),
    ])
}

#[test]
fn cut_anywhere() {
    let place = Place::new();
    let whole = sample();
    std::fs::create_dir(place.join("out")).expect("a folder");
    let mut cuts: Vec<usize> = (0..whole.len()).step_by(BLOCK).collect();
    cuts.extend((0..whole.len()).step_by(BLOCK).map(|at| at + 1));
    for &at in &cuts {
        place.write(format!("cut/{at}"), &whole[..at]);
    }
    let packed = [
        ("gz", gzip(&whole)),
        ("xz", xz(&whole)),
        ("bz2", bzip2(&whole)),
        ("zst", zstd(&whole)),
    ];
    for (kind, bytes) in &packed {
        let all = (0..bytes.len()).step_by(7);
        for at in all.chain((0..bytes.len()).step_by(BLOCK)) {
            place.write(format!("cut/{kind}.{at}"), &bytes[..at]);
        }
    }
    for (kind, data) in packed.iter().chain([&("plain", whole.clone())]) {
        let bytes = deb("data.tar", data);
        let all = (8..bytes.len()).step_by(61);
        for at in all.chain((BLOCK..bytes.len()).step_by(BLOCK)) {
            place.write(format!("cut/deb.{kind}.{at}"), &bytes[..at]);
        }
    }
    let all = names(&place.join("cut"));
    place.write("all", all.join("\n"));
    let output = place.lua(
        r#"for name in io.lines("all") do
          local ok, err = pcall(archive.extract, { path = "cut/" .. name, target = "out/" .. name })
          print(name, ok and "ok" or err.code)
        end"#,
    );
    // The first block of the end marker is enough, as for GNU tar.
    let end = whole.len() - 2 * BLOCK;
    for line in output.lines() {
        let (name, code) = line.split_once('\t').expect("two words");
        let complete = name.parse::<usize>().is_ok_and(|at| at >= end + BLOCK);
        let expected = if complete { "ok" } else { "truncated" };
        // Too short to recognise a compressed file.
        let start = name.ends_with(".0") || name.ends_with(".7");
        assert!(code == expected || (start && code != "ok"), "{line}");
    }
    let left: Vec<usize> = names(&place.join("out"))
        .iter()
        .map(|n| n.parse().expect("a cut"))
        .collect();
    assert!(left.iter().all(|&at| at >= end + BLOCK), "{left:?}");
}

/// Many archives with random damage: no crash, nothing outside, nothing left.
#[test]
fn damage() {
    let place = Place::new();
    place.write("outside/canary", "untouched");
    let before = snapshot(&place.join("outside"));
    let seeds = [
        sample(),
        gzip(&sample()),
        xz(&sample()),
        zstd(&sample()),
        deb("data.tar", &sample()),
    ];
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).expect("fits") % below
    };
    for number in 0..600 {
        let mut bytes = seeds[random(seeds.len())].clone();
        for _ in 0..=random(4) {
            let at = random(bytes.len());
            match random(4) {
                0 => bytes[at] ^= 1 << random(8),
                1 => bytes[at] = [0, 0xff, b'/', b'.', b'1', b'2'][random(6)],
                2 => bytes.truncate(at + 1),
                _ => {
                    let piece = bytes[at..(at + 1 + random(700)).min(bytes.len())].to_vec();
                    let to = random(bytes.len());
                    bytes.splice(to..to, piece);
                }
            }
        }
        // With a right checksum more of the damage gets past the first check.
        if random(2) == 0 && bytes.len().is_multiple_of(BLOCK) {
            for block in bytes
                .chunks_exact_mut(BLOCK)
                .filter(|b| b[257..262] == *b"ustar")
            {
                let mut header = Header([0; BLOCK]);
                header.0.copy_from_slice(block);
                block.copy_from_slice(&header.block());
            }
        }
        place.write(format!("damaged/{number}"), bytes);
    }
    place.lua(
        r#"for n = 0, 599 do
          for _, profile in ipairs { "source", "rootfs" } do
            local ok, err = pcall(archive.extract, { path = "damaged/" .. n, target = "out/t" .. n .. profile, profile = profile, devices = "skip", max_bytes = 1 << 20 })
            if not ok and type(err) ~= "table" then error(err, 0) end
            pcall(archive.list, "damaged/" .. n)
            if not ok then assert(not io.open("out/t" .. n .. profile), n) end
          end
        end"#,
    );
    assert_eq!(snapshot(&place.join("outside")), before);
    assert_eq!(names(place.path()), ["damaged", "out", "outside"]);
    assert!(names(&place.join("out")).iter().all(|n| n.starts_with('t')));
}

#[test]
fn many_entries() {
    let place = Place::new();
    let path = place.write("million.tar.gz", "");
    let million = std::fs::File::create(path).expect("it is ours");
    let mut million = flate2::write::GzEncoder::new(million, flate2::Compression::fast());
    let blocks = file("x", "").repeat(1000);
    for _ in 0..1000 {
        million.write_all(&blocks).expect("there is room");
    }
    let last = tar(&[file("last", "last")]);
    million.write_all(&last).expect("there is room");
    million.finish().expect("there is room");
    let files: Vec<Vec<u8>> = (0..1000)
        .map(|n| file(format!("d{}/f{n}", n % 50), "x"))
        .collect();
    place.write("files.tar.gz", gzip(&tar(&files)));
    place.write(
        "hollow.tar.gz",
        gzip(&tar(&[file("hollow", vec![0; 96 << 20])])),
    );
    place.lua(
        r#"local err = fails(archive.extract, { path = "million.tar.gz", target = "t", max_entries = 1000 })
        assert(err.code == "limit" and err.path == "x" and err.entry == "1001", err.text)
        assert(not io.open("t"))
        -- With the limit as it is, all of them are looked at.
        local all = archive.extract { path = "million.tar.gz", target = "m", include = { "last" } }
        assert(all.entries == 1 and all.bytes == 4)
        local summary = archive.extract { path = "files.tar.gz", target = "t" }
        assert(summary.entries == 1000 and summary.bytes == 1000 and #summary.top == 50)
        err = fails(archive.extract, { path = "files.tar.gz", target = "u", max_bytes = 999 })
        assert(err.code == "limit", err.text)
        assert(archive.extract({ path = "files.tar.gz", target = "v", max_bytes = 1000, max_entries = 1000 }).entries == 1000)
        assert(#archive.list "files.tar.gz" == 1000)
        err = fails(archive.extract, { path = "hollow.tar.gz", target = "u", max_ratio = 100 })
        assert(err.code == "limit" and err.path == "hollow", err.text)
        assert(not io.open("u"))"#,
    );
}

/// Links make a tree deeper than the longest name. It is unpacked, or removed again, with few descriptors.
#[test]
fn deeper_than_a_name() {
    let place = Place::quick();
    let deep = "d/".repeat(200);
    let at = |name: &str| [long(b'L', format!("{name}{deep}x")), file("f", "x")].concat();
    let link =
        |name: &str, to: &str| [long(b'K', format!("{to}{deep}")), symlink(name, "t")].concat();
    let mut parts = vec![at(""), link("l0", "")];
    for n in 0..19 {
        parts.push(at(&format!("l{n}/")));
        parts.push(link(&format!("l{}", n + 1), &format!("l{n}/")));
    }
    place.write("deep.tar", tar(&parts));
    parts.push(file("../evil", "x"));
    place.write("bad.tar", tar(&parts));
    place.lua(
        r#"local process, fs = require "bq.process", require "bq.fs"
        local status = process.run {
          argv = { process.executable(), "-e", [[
            local archive, fs = require "bq.archive", require "bq.fs"
            local ok, err = pcall(archive.extract, { path = "bad.tar", target = "bad", profile = "rootfs" })
            assert(not ok and err.code == "refused" and err.path == "../evil", err.text)
            archive.extract { path = "deep.tar", target = "deep", profile = "rootfs" }
            assert(fs.remove_all "deep")
          ]] },
          limits = { nofile = 256 },
        }
        assert(status.ok)"#,
    );
    assert_eq!(names(place.path()), ["bad.tar", "deep.tar"]);
}
