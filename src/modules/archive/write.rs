//! Entries of a tar, written with the crate `tar`: ustar, with a pax header for values that do not fit ustar.

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;

use tar::{Builder, EntryType, Header};

/// The fields of a header. Owners are numbers, without names.
pub(super) struct Entry<'a> {
    /// Folders end in a slash.
    pub(super) name: &'a [u8],
    pub(super) kind: EntryType,
    pub(super) mode: u32,
    pub(super) size: u64,
    pub(super) mtime: u64,
    pub(super) link: &'a [u8],
    /// How many names the file has in the archive.
    pub(super) names: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) capabilities: Option<&'a [u8]>,
}

/// The most bytes of a name in a header.
const NAME: usize = 100;
/// The largest number of eleven octal digits.
pub(super) const OCTAL_MAX: u64 = 0o777_7777_7777;

/// The largest number of seven octal digits, for a user or group.
const ID_MAX: u32 = 0o777_7777;

/// Writes an entry with its content, and before it a pax header if it needs one.
pub(super) fn append(
    out: &mut Builder<impl Write>,
    entry: &Entry<'_>,
    content: impl Read,
) -> io::Result<()> {
    // The crate sets all other fields to zero: no device, no user names.
    let mut header = Header::new_ustar();
    header.set_entry_type(entry.kind);
    header.set_mode(entry.mode);
    header.set_mtime(entry.mtime);
    let mut records: Vec<(&str, &[u8])> = Vec::new();
    let mut name = header.clone();
    if name.set_path(OsStr::from_bytes(entry.name)).is_ok() {
        header = name;
    } else {
        records.push(("path", entry.name));
        let start = &entry.name[..NAME.min(entry.name.len())];
        header.as_old_mut().name[..start.len()].copy_from_slice(start);
    }
    if entry.link.len() > NAME {
        records.push(("linkpath", entry.link));
    }
    if records
        .iter()
        .any(|(_, name)| str::from_utf8(name).is_err())
    {
        // Without this record names must be UTF-8 (POSIX.1-2024, pax). A strict reader, such as mke2fs, would refuse the archive.
        records.insert(0, ("hdrcharset", b"BINARY"));
    }
    header.set_link_name_literal(&entry.link[..entry.link.len().min(NAME)])?;
    let size = entry.size.to_string();
    if entry.size > OCTAL_MAX {
        records.push(("size", size.as_bytes()));
        header.set_size(0);
    } else {
        header.set_size(entry.size);
    }
    let (uid, gid) = (entry.uid.to_string(), entry.gid.to_string());
    if entry.uid > ID_MAX {
        records.push(("uid", uid.as_bytes()));
    }
    if entry.gid > ID_MAX {
        records.push(("gid", gid.as_bytes()));
    }
    let fits = |id: u32| u64::from(if id > ID_MAX { 0 } else { id });
    header.set_uid(fits(entry.uid));
    header.set_gid(fits(entry.gid));
    if let Some(value) = entry.capabilities {
        records.push(("SCHILY.xattr.security.capability", value));
    }
    header.set_cksum();
    out.append_pax_extensions(records)?;
    out.append(&header, content)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::sync::atomic::AtomicU64;

    use tar::{Builder, EntryType};

    use super::{Entry, append};
    use crate::modules::archive::member::{Limits, Members};
    use crate::modules::archive::reader::Reader;

    #[test]
    fn long_names_that_are_not_utf8_say_so() {
        let long = |first: &[u8]| [first, b"x".repeat(300).as_slice()].concat();
        let name = |name: &[u8], link: &[u8]| {
            let mut out = Builder::new(Vec::new());
            let entry = Entry {
                name,
                kind: EntryType::Symlink,
                mode: 0o777,
                size: 0,
                mtime: 5,
                link,
                names: 1,
                uid: 0,
                gid: 0,
                capabilities: None,
            };
            append(&mut out, &entry, &b""[..]).expect("writes");
            let bytes = out.into_inner().expect("ends");
            let record = b"21 hdrcharset=BINARY\n";
            bytes.windows(record.len()).any(|part| part == record)
        };
        assert!(name(&long(b"\xe9"), b"x"));
        assert!(name(b"x", &long(b"\xe9")));
        assert!(!name(&long("é".as_bytes()), &long(b"x")));
        // A name that fits a header needs no charset.
        assert!(!name(b"\xe9", b"\xe9"));
    }

    /// Our own strict reader reads back names and links of every length unchanged.
    #[test]
    fn entries_read_back() {
        let mut names: Vec<Vec<u8>> = (1..=255).map(|length| vec![b'x'; length]).collect();
        for folder in [1, 2, 50, 99, 100, 101, 127, 154, 155, 156, 157, 300] {
            let folder: Vec<u8> = b"d123456/".repeat(40)[..folder].to_vec();
            for last in [1, 2, 99, 100, 101, 255] {
                names.push([folder.trim_ascii_end(), b"/", &vec![b'n'; last]].concat());
            }
        }
        names.push(b"\xff\xfe odd\n name".to_vec());
        names.push([b"\xe4\n".repeat(100).as_slice(), b"/x"].concat());
        let mut out = Builder::new(Vec::new());
        for name in &names {
            let entry = Entry {
                name,
                kind: EntryType::Symlink,
                mode: 0o777,
                size: 0,
                mtime: 5,
                link: name,
                names: 1,
                uid: 0,
                gid: 0,
                capabilities: None,
            };
            append(&mut out, &entry, &b""[..]).expect("writes");
        }
        let bytes = out.into_inner().expect("ends");
        let (mut input, count) = (Cursor::new(bytes), AtomicU64::new(1));
        let mut reader = Reader::new(&mut input, &count, Limits::default());
        for name in &names {
            let member = reader.next().expect("reads").expect("there is one");
            let slashes = name.split(|&b| b == b'/').filter(|part| !part.is_empty());
            let plain = slashes.collect::<Vec<_>>().join(&b'/');
            assert_eq!((&member.name, &member.link), (&plain, name));
            assert_eq!((member.mode, member.mtime), (0o777, (5, 0)));
        }
        assert!(reader.next().expect("ends").is_none());
    }

    /// Numbers that do not fit a header are in a record, and so are capabilities of any bytes.
    #[test]
    fn what_has_no_room() {
        let value = b"\x01\0\0\x02\n\x20=\n\0\0\0\0\0\0\0\0\0\0\0\0";
        let mut out = Builder::new(Vec::new());
        for (uid, gid) in [(7, 0o777_7777), (0o1000_0000, 7), (u32::MAX - 1, 65534)] {
            let entry = Entry {
                name: b"large",
                kind: EntryType::Regular,
                mode: 0o4755,
                size: 0,
                mtime: 0,
                link: b"",
                names: 1,
                uid,
                gid,
                capabilities: Some(value),
            };
            append(&mut out, &entry, &b""[..]).expect("writes");
        }
        let entry = Entry {
            name: b"large",
            kind: EntryType::Regular,
            mode: 0o644,
            size: 1 << 33,
            mtime: 0,
            link: b"",
            names: 1,
            uid: 0,
            gid: 0,
            capabilities: None,
        };
        append(&mut out, &entry, &b""[..]).expect("writes");
        let bytes = out.into_inner().expect("ends");
        let (mut input, count) = (Cursor::new(bytes), AtomicU64::new(1));
        let mut reader = Reader::new(&mut input, &count, Limits::default());
        for (uid, gid) in [(7, 0o777_7777), (0o1000_0000, 7), (u32::MAX - 1, 65534)] {
            let member = reader.next().expect("reads").expect("there is one");
            assert_eq!((member.uid, member.gid), (Some(uid), Some(gid)));
            assert_eq!(member.mode, 0o4755);
            assert_eq!(member.capabilities.as_deref(), Some(value.as_slice()));
        }
        assert_eq!(reader.next().expect("reads").map(|m| m.size), Some(1 << 33));
    }
}
