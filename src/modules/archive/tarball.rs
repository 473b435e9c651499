//! Writes the gathered items as one archive, piece by piece.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::Mode;
use tar::{Builder, EntryType};

use super::compress::Sink;
use super::cpio::Cpio;
use super::gather::{Item, Items, Source};
use super::write::{Entry, append};
use crate::error::{Error, Result};
use crate::tree::attributes::{Attribute, has_capabilities};
use crate::tree::names::shown;
use crate::tree::walk::Node;
use crate::tree::walk::Type;

/// The format of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Tar,
    Cpio,
}

/// An archive that is being written.
enum Archive<W: Write> {
    Tar(Builder<W>),
    Cpio(Cpio<W>),
}

impl<W: Write> Archive<W> {
    fn put(&mut self, entry: &Entry<'_>, content: impl Read) -> io::Result<()> {
        match self {
            Self::Tar(out) => append(out, entry, content),
            Self::Cpio(out) => out.append(entry, content),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Tar(out) => out.finish(),
            Self::Cpio(out) => out.finish(),
        }
    }
}

/// What the names of one file have in common. One file on disk becomes two in the archive if two sources give it different
/// attributes.
type Key<'i> = ((u64, u64), &'i Attribute);

fn key(item: &Item) -> Option<Key<'_>> {
    item.node.shared.map(|shared| (shared, &item.attribute))
}

/// Writes the archive to the sink. Returns the number of entries and of bytes of content.
pub(super) fn put_all(
    items: &Items,
    sources: &[Source],
    format: Format,
    mtime: u64,
    sink: Sink<'_>,
    tell: &dyn Fn(u64) -> Result<()>,
) -> Result<(u64, u64)> {
    let mut tops = Vec::new();
    for source in sources {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        tops.push(
            open(&source.path, flags, Mode::empty())
                .map_err(|e| Error::os("open", e).at(&source.path))?,
        );
    }
    let mut first_names: HashMap<Key<'_>, &[u8]> = HashMap::new();
    let mut names: HashMap<Key<'_>, u32> = HashMap::new();
    for key in items.values().filter_map(key) {
        *names.entry(key).or_insert(0) += 1;
    }
    let mut count = Count {
        bytes: 0,
        told: 0,
        tell,
    };
    let mut out = match format {
        Format::Tar => Archive::Tar(Builder::new(Out(sink))),
        Format::Cpio => Archive::Cpio(Cpio::new(Out(sink))),
    };
    for (name, item) in items {
        let node = &item.node;
        let first = key(item).and_then(|key| {
            let first = *first_names.entry(key).or_insert(name.as_slice());
            (first != name.as_slice()).then_some(first)
        });
        let (kind, link, size) = match (node.kind, first) {
            (Type::Dir, _) => (EntryType::Directory, b"".as_slice(), 0),
            (Type::Link, _) => (EntryType::Symlink, node.target.as_slice(), 0),
            (Type::File, Some(first)) => (EntryType::Link, first, 0),
            (Type::File, None) => (EntryType::Regular, b"".as_slice(), node.size),
        };
        let slash: &[u8] = if node.kind == Type::Dir { b"/" } else { b"" };
        let attribute = &item.attribute;
        let mode = if node.kind == Type::Link {
            0o777
        } else {
            attribute.mode.unwrap_or(node.mode)
        };
        let top = if name.is_empty() {
            b".".as_slice()
        } else {
            name
        };
        let entry = Entry {
            name: &[top, slash].concat(),
            kind,
            mode,
            size,
            mtime,
            link,
            names: key(item).map_or(1, |key| names[&key]),
            uid: attribute.uid.unwrap_or(0),
            gid: attribute.gid.unwrap_or(0),
            capabilities: attribute.capabilities.as_deref(),
        };
        let written = if kind == EntryType::Regular {
            let file = open_content(&tops[item.source], node)
                .map_err(|errno| Error::os("read", errno).at(shown(name)))?;
            if attribute.capabilities.is_none() && has_capabilities(&file) {
                let why = "the file has capabilities, and `attributes` says nothing of them";
                return Err(Error::new("pack", "capabilities", why).at(shown(name)));
            }
            let content = Content {
                file,
                left: size,
                count: &mut count,
            };
            // The crate copies in small pieces. The file is read in large ones.
            out.put(&entry, BufReader::with_capacity(PIECE, content))
        } else {
            out.put(&entry, io::empty())
        };
        written.map_err(|error| {
            let error = own_error(error);
            if error.path.is_none() && error.op == "read" {
                error.at(shown(name))
            } else {
                error
            }
        })?;
    }
    out.finish().map_err(own_error)?;
    drop(out);
    (count.tell)(count.bytes)?;
    Ok((items.len() as u64, count.bytes))
}

/// Gets our own error back from the crate's.
fn own_error(error: io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(own) => own,
        Err(error) => Error::io("pack", &error),
    }
}

/// The sink as a `Write`, which the crate needs.
struct Out<'s>(Sink<'s>);

impl Write for Out<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (self.0)(bytes).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The bytes of a file that are read at a time, and the bytes between two reports of progress.
const PIECE: usize = 256 << 10;
const TELL: u64 = 4 << 20;

struct Count<'t> {
    bytes: u64,
    told: u64,
    tell: &'t dyn Fn(u64) -> Result<()>,
}

fn open_content(top: &OwnedFd, node: &Node) -> nix::Result<File> {
    if node.path.is_empty() {
        // The source is one file.
        nix::unistd::lseek(top, 0, nix::unistd::Whence::SeekSet)?;
        let copy = top.try_clone().map_err(|_| Errno::EMFILE)?;
        return Ok(File::from(copy));
    }
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    openat(top, node.path.as_slice(), flags, Mode::empty()).map(File::from)
}

/// A file's content. It must have as many bytes as its header says.
struct Content<'c, 't> {
    file: File,
    left: u64,
    count: &'c mut Count<'t>,
}

impl Read for Content<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        if most == 0 {
            return Ok(0);
        }
        let count = match self.file.read(&mut buffer[..most]) {
            Ok(0) => {
                let why = "the file became shorter while it was packed";
                return Err(io::Error::other(Error::new("read", "changed", why)));
            }
            Ok(count) => count as u64,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => return Err(io::Error::other(Error::io("read", &error))),
        };
        self.left -= count;
        self.count.bytes += count;
        if self.count.bytes - self.count.told >= TELL {
            self.count.told = self.count.bytes;
            (self.count.tell)(self.count.bytes).map_err(io::Error::other)?;
        }
        Ok(count as usize)
    }
}
