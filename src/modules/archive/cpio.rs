//! Entries of a cpio in the format newc, which the kernel unpacks into its first root: its
//! Documentation/driver-api/early-userspace/buffer-format.rst. The kernel skips what it cannot take without a word; here that is
//! refused.

use std::collections::HashMap;
use std::io::{self, Read, Write};

use tar::EntryType;

use super::gather::Items;
use super::write::Entry;
use crate::error::{Error, Result};
use crate::tree::names::shown;

const MAGIC: &[u8] = b"070701";
const TRAILER: &[u8] = b"TRAILER!!!";
/// The longest name or link target that the kernel takes: `PATH_MAX` with the zero byte of a name.
const LONGEST: usize = 4096;

/// Checks that the format can hold all items.
pub(super) fn check(items: &Items, mtime: u64) -> Result<()> {
    let unsupported = |path: &[u8], why: &str| {
        Err(Error::new("pack", "unsupported", format!("a cpio cannot keep {why}")).at(shown(path)))
    };
    if mtime > u64::from(u32::MAX) {
        return Err(Error::argument("pack", "`mtime`: too large for a cpio"));
    }
    for (path, item) in items {
        if item.attribute.capabilities.is_some() {
            return unsupported(path, "the capabilities of a file");
        } else if item.node.size > u64::from(u32::MAX) {
            return unsupported(path, "a file of 4 GiB or more");
        } else if path.len() >= LONGEST || item.node.target.len() >= LONGEST {
            return unsupported(path, "a name or a target of a link that is so long");
        } else if path == TRAILER {
            return unsupported(path, "this name, which marks its end");
        }
    }
    Ok(())
}

/// A cpio that is being written.
pub(super) struct Cpio<W> {
    out: W,
    last: u32,
    /// The inode numbers of files with several names, by their first name.
    shared: HashMap<Vec<u8>, u32>,
}

/// The bytes that fill up a multiple of 4.
fn padding(length: u64) -> &'static [u8] {
    &[0; 3][..(length.next_multiple_of(4) - length) as usize]
}

impl<W: Write> Cpio<W> {
    pub(super) fn new(out: W) -> Self {
        Self {
            out,
            last: 0,
            shared: HashMap::new(),
        }
    }

    /// Writes an entry. The content of a file with several names goes with the first of them.
    pub(super) fn append(&mut self, entry: &Entry<'_>, mut content: impl Read) -> io::Result<()> {
        let name = entry.name.strip_suffix(b"/").unwrap_or(entry.name);
        let number = match entry.kind {
            EntryType::Link => self.shared.get(entry.link).copied(),
            _ => None,
        };
        let number = number.unwrap_or_else(|| {
            self.last += 1;
            self.last
        });
        let (kind, names) = match entry.kind {
            EntryType::Directory => (0o040_000, 2),
            EntryType::Symlink => (0o120_000, 1),
            _ => (0o100_000, entry.names),
        };
        if names > 1 && entry.kind == EntryType::Regular {
            self.shared.insert(name.to_vec(), number);
        }
        let size = match entry.kind {
            EntryType::Symlink => entry.link.len() as u64,
            _ => entry.size,
        };
        let field = |value: u64| u32::try_from(value).map_err(io::Error::other);
        self.header(
            name,
            [
                number,
                kind | entry.mode,
                entry.uid,
                entry.gid,
                names,
                field(entry.mtime)?,
                field(size)?,
            ],
        )?;
        if entry.kind == EntryType::Symlink {
            self.out.write_all(entry.link)?;
        } else {
            io::copy(&mut content, &mut self.out)?;
        }
        self.out.write_all(padding(size))
    }

    /// Writes the entry that marks the end.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.header(TRAILER, [0, 0, 0, 0, 1, 0, 0])
    }

    /// Fields: inode, mode, user, group, names, time, size. All devices are 0:0.
    fn header(&mut self, name: &[u8], fields: [u32; 7]) -> io::Result<()> {
        let mut header = MAGIC.to_vec();
        let length = name.len() as u32 + 1;
        for field in fields.into_iter().chain([0, 0, 0, 0, length, 0]) {
            write!(header, "{field:08x}")?;
        }
        header.extend_from_slice(name);
        header.push(0);
        header.extend_from_slice(padding(header.len() as u64));
        self.out.write_all(&header)
    }
}

#[cfg(test)]
mod tests {
    use tar::EntryType;

    use super::{Cpio, padding};
    use crate::modules::archive::write::Entry;

    fn entry<'a>(name: &'a [u8], kind: EntryType, link: &'a [u8], size: u64) -> Entry<'a> {
        Entry {
            name,
            kind,
            mode: 0o4755,
            size,
            mtime: 5,
            link,
            names: 2,
            uid: 70_000,
            gid: 8,
            capabilities: None,
        }
    }

    #[test]
    fn the_format_is_newc() {
        let mut cpio = Cpio::new(Vec::new());
        let put = |cpio: &mut Cpio<Vec<u8>>, entry: &Entry<'_>, content: &[u8]| {
            cpio.append(entry, content).expect("writes");
        };
        put(&mut cpio, &entry(b"a/", EntryType::Directory, b"", 0), b"");
        put(
            &mut cpio,
            &entry(b"a/b", EntryType::Regular, b"", 5),
            b"12345",
        );
        put(&mut cpio, &entry(b"a/c", EntryType::Link, b"a/b", 0), b"");
        put(&mut cpio, &entry(b"a/l", EntryType::Symlink, b"b", 0), b"");
        cpio.finish().expect("ends");
        let text = String::from_utf8(cpio.out).expect("is text");
        let header = |number, mode: &str, names, size, length| {
            format!(
                "070701{number:08x}{mode}0001117000000008{names:08x}00000005{size:08x}{:032}{length:08x}{:08}",
                0, 0
            )
        };
        let expected = [
            header(1, "000049ed", 2, 0, 2) + "a\0",
            header(2, "000089ed", 2, 5, 4) + "a/b\0\0\0" + "12345\0\0\0",
            header(2, "000089ed", 2, 0, 4) + "a/c\0\0\0",
            header(3, "0000a9ed", 1, 1, 4) + "a/l\0\0\0" + "b\0\0\0",
            format!(
                "070701{:032}{:08x}{:048}{:08x}{:08}TRAILER!!!\0\0\0\0",
                0, 1, 0, 11, 0
            ),
        ]
        .concat();
        assert_eq!(text, expected);
    }

    #[test]
    fn padding_ends_at_a_multiple_of_four() {
        for length in 0..9 {
            assert_eq!((length + padding(length).len() as u64) % 4, 0);
            assert!(padding(length).len() < 4);
        }
    }
}
