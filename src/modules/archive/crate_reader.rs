//! Tests: archives that the reader of the crate `tar` accepts and ours refuses. They are why `reader` is not built on it.

use std::io::{Cursor, Read};
use std::sync::atomic::AtomicU64;

use tar::{Archive, Builder, EntryType, Header};

use super::member::{Limits, Members};
use super::reader::{META_MAX, Reader};
use crate::error::Error;

fn block(name: &str, kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_path(name).expect("a name");
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(size);
    header.set_cksum();
    header
}

fn described(kind: EntryType, data: &[u8]) -> Builder<Vec<u8>> {
    let mut out = Builder::new(Vec::new());
    let header = block("meta", kind, data.len() as u64);
    out.append(&header, data).expect("writes");
    out
}

fn ended(mut out: Builder<Vec<u8>>) -> Vec<u8> {
    let header = block("short", EntryType::Regular, 0);
    out.append(&header, &b""[..]).expect("writes");
    out.into_inner().expect("ends")
}

/// The names that the crate's own reader returns, or its error.
fn crate_names(bytes: &[u8]) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in Archive::new(bytes).entries()? {
        let mut entry = entry?;
        names.push(String::from_utf8_lossy(&entry.path_bytes()).into_owned());
        entry.read_to_end(&mut Vec::new())?;
    }
    Ok(names)
}

fn our_names(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
    let (mut input, count) = (Cursor::new(bytes), AtomicU64::new(1));
    let mut reader = Reader::new(&mut input, &count, Limits::default());
    let mut names = Vec::new();
    while let Some(member) = reader.next()? {
        names.push(member.name);
    }
    Ok(names)
}

fn code(result: Result<Vec<Vec<u8>>, Error>) -> String {
    result.map_or_else(|error| error.code, |names| format!("{names:?}"))
}

/// The rule: nothing is dropped. The crate accepts a truncated archive, and one with data after its end.
#[test]
fn the_crate_does_not_check_the_end() {
    let whole = ended(Builder::new(Vec::new()));
    let cut = &whole[..512];
    assert_eq!(crate_names(cut).expect("takes it"), ["short"]);
    assert_eq!(code(our_names(cut)), "truncated");
    let more = [whole.as_slice(), &whole].concat();
    assert_eq!(crate_names(&more).expect("takes it"), ["short"]);
    assert_eq!(code(our_names(&more)), "format");
}

/// The rule: limits hold. The crate reads a header that describes a member into memory, whatever its size.
#[test]
fn the_crate_reads_any_header_into_memory() {
    let size = META_MAX as usize * 64;
    let name = [b"d/".repeat(size / 2), b"x".to_vec()].concat();
    let bytes = ended(described(EntryType::GNULongName, &name));
    assert_eq!(crate_names(&bytes).expect("takes it")[0].len(), name.len());
    assert_eq!(code(our_names(&bytes)), "limit");
}

/// The rule: a member has one name. Of two names the crate takes one, and other programs take the other.
#[test]
fn the_crate_chooses_between_names() {
    let mut out = described(EntryType::XHeader, b"12 path=abc\n");
    let header = block("meta", EntryType::GNULongName, 4);
    out.append(&header, &b"def\0"[..]).expect("writes");
    let bytes = ended(out);
    assert_eq!(crate_names(&bytes).expect("takes it"), ["def"]);
    assert_eq!(code(our_names(&bytes)), "format");
}

/// The crate skips a record that it cannot read, and the member gets another name.
#[test]
fn the_crate_splits_records_at_line_feeds() {
    let mut out = Builder::new(Vec::new());
    let records = [("path", b"a\nb".as_slice())];
    out.append_pax_extensions(records).expect("writes");
    let bytes = ended(out);
    assert_eq!(crate_names(&bytes).expect("takes it"), ["short"]);
    assert_eq!(our_names(&bytes).expect("reads"), [b"a\nb"]);
}

/// The crate's raw mode does not choose between names. But it takes the size from the header, which is wrong for a large file.
#[test]
fn the_crate_knows_no_size_in_raw_mode() {
    let mut out = Builder::new(Vec::new());
    let large = (1_u64 << 33).to_string();
    let records = [("size", large.as_bytes())];
    out.append_pax_extensions(records).expect("writes");
    let bytes = ended(out);
    let mut archive = Archive::new(bytes.as_slice());
    let entries = archive.entries().expect("starts").raw(true);
    let sizes: Vec<u64> = entries.map(|e| e.expect("reads").size()).collect();
    assert_eq!(sizes[1..], [0]);
    // Our reader expects the content, which this archive does not have.
    assert_eq!(code(our_names(&bytes)), "truncated");
}
