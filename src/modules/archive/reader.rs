//! The members of a tar, one after the other: longer names and pax records applied, limits kept, the end checked.
//!
//! The fields of headers are read through the crate `tar`; its `Archive` cannot carry the rules of extraction: it takes an
//! archive without an end and passes over what is behind the end, reads a header that only describes another into memory
//! however large it is, chooses between two names of one member without a word, and cannot read a pax record that holds a
//! line feed. Its raw mode does not know the pax size of a large file. The tests in `crate_reader`
//! show each.

use std::io::BufRead;
use std::sync::atomic::AtomicU64;

use tar::EntryType;

use super::header::Header;
use super::member::{Kind, Limits, Member, format, limit};
use super::pax::Pax;
use super::stream::{Sink, Stream};
use crate::error::{Error, Result};
use crate::tree::inside::normalise;
use crate::tree::names::shown;

/// How much a header that only describes another may hold.
pub(super) const META_MAX: u64 = 64 * 1024;
/// All names and links together.
const NAMES_MAX: u64 = 256 << 20;

pub(super) struct Reader<'a> {
    stream: Stream<'a>,
    limits: Limits,
    entries: u64,
    names: u64,
    bytes: u64,
    /// Where the current member starts, and its name.
    start: u64,
    name: Vec<u8>,
    /// The size of its content, and what was not read yet.
    size: u64,
    remaining: u64,
    mtime: Option<(i64, u32)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        input: &'a mut dyn BufRead,
        compressed: &'a AtomicU64,
        limits: Limits,
    ) -> Self {
        Self {
            stream: Stream::new(input, compressed, limits.ratio),
            limits,
            entries: 0,
            names: 0,
            bytes: 0,
            start: 0,
            name: Vec::new(),
            size: 0,
            remaining: 0,
            mtime: None,
        }
    }

    /// Where we are, for a message.
    pub(super) fn place(&self) -> (u64, u64) {
        (self.entries, self.start)
    }

    /// The next member, or `None` after a proper end.
    pub(super) fn next(&mut self) -> Result<Option<Member>> {
        self.content(&mut |_| Ok(()))?;
        self.stream.padding(std::mem::take(&mut self.size))?;
        self.start = self.stream.offset();
        let (mut long_name, mut long_link, mut pax) = (None, None, None);
        loop {
            let Some(block) = self.stream.header()? else {
                if long_name.is_some() || long_link.is_some() || pax.is_some() {
                    return Err(format("a header that describes nothing"));
                }
                return self.stream.tail().map(|()| None);
            };
            let header = Header::parse(&block)?;
            match header.kind {
                EntryType::XHeader => put(&mut pax, Pax::parse(&self.meta(header.size)?, false)?)?,
                EntryType::GNULongName => put(&mut long_name, long(self.meta(header.size)?)?)?,
                EntryType::GNULongLink => put(&mut long_link, long(self.meta(header.size)?)?)?,
                EntryType::XGlobalHeader => {
                    let global = Pax::parse(&self.meta(header.size)?, true)?;
                    self.mtime = global.mtime.or(self.mtime);
                    self.count(0)?;
                }
                _ => {
                    let pax = pax.unwrap_or_default();
                    return self.member(header, long_name, long_link, pax).map(Some);
                }
            }
        }
    }

    fn member(
        &mut self,
        header: Header,
        long_name: Option<Vec<u8>>,
        long_link: Option<Vec<u8>>,
        pax: Pax,
    ) -> Result<Member> {
        if (long_name.is_some() && pax.path.is_some())
            || (long_link.is_some() && pax.linkpath.is_some())
        {
            return Err(format("two long names for one member"));
        }
        let raw = pax.path.or(long_name).unwrap_or(header.name);
        self.count(raw.len() as u64)
            .map_err(|error| error.at(shown(&raw)))?;
        let refused =
            |code: &str, message: String| Err(Error::new("tar", code, message).at(shown(&raw)));
        let name = match normalise(&raw) {
            Ok(name) => name,
            Err(why) => return refused("refused", why.to_owned()),
        };
        let size = match pax.size {
            None => header.size,
            Some(size) if size == header.size => size,
            // What does not fit eleven octal digits is written as none or as all of them.
            Some(size) if size > 0o777_7777_7777 && matches!(header.size, 0 | 0o777_7777_7777) => {
                size
            }
            Some(_) => return refused("refused", "sizes that disagree".into()),
        };
        let kind = match header.kind {
            EntryType::Regular | EntryType::Continuous if raw.ends_with(b"/") => Kind::Dir,
            EntryType::Regular | EntryType::Continuous => Kind::File,
            EntryType::Link => Kind::Hardlink,
            EntryType::Symlink => Kind::Symlink,
            EntryType::Char => Kind::Char,
            EntryType::Block => Kind::Block,
            EntryType::Directory => Kind::Dir,
            EntryType::Fifo => Kind::Fifo,
            EntryType::GNUSparse => return refused("refused", "a sparse file".into()),
            other => {
                let other = shown(&[other.as_byte()]);
                return refused("refused", format!("a member of the unknown type `{other}`"));
            }
        };
        if kind != Kind::File && size != 0 {
            return refused("refused", "content where there can be none".into());
        }
        if name.is_empty() && kind != Kind::Dir {
            return refused("refused", "the name of the top itself".into());
        }
        let link = match kind {
            Kind::Symlink | Kind::Hardlink => pax.linkpath.or(long_link).unwrap_or(header.link),
            _ => Vec::new(),
        };
        self.count_names(link.len() as u64)?;
        if matches!(kind, Kind::Symlink | Kind::Hardlink)
            && (link.is_empty() || link.contains(&0) || link.len() > 4095)
        {
            return refused(
                "refused",
                "a link whose target is empty, too long or no path".into(),
            );
        }
        self.bytes = self.bytes.saturating_add(size);
        if self.bytes > self.limits.bytes {
            return refused(
                "limit",
                format!("more than {} bytes of content", self.limits.bytes),
            );
        }
        (self.size, self.remaining) = (size, size);
        self.name.clone_from(&name);
        Ok(Member {
            name,
            kind,
            size,
            mode: header.mode,
            mtime: pax.mtime.or(self.mtime).unwrap_or((header.mtime, 0)),
            link,
            device: header.device,
        })
    }

    /// Counts one more entry with a name of that length.
    fn count(&mut self, name: u64) -> Result<()> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(limit(format!("more than {} entries", self.limits.entries)));
        }
        self.count_names(name)
    }

    fn count_names(&mut self, name: u64) -> Result<()> {
        self.names += name;
        if self.names > NAMES_MAX {
            return Err(limit("more than 256 MiB of names"));
        }
        Ok(())
    }

    /// Hands on what is left of the current member's content, piece by piece.
    pub(super) fn content(&mut self, sink: Sink<'_>) -> Result<()> {
        let result = self.stream.content(&mut self.remaining, sink);
        result.map_err(|error| {
            // What the kernel says is about the archive.
            if error.path.is_some() || error.errno.is_some() {
                error
            } else {
                error.at(shown(&self.name))
            }
        })
    }

    /// The content of a header that describes another.
    fn meta(&mut self, size: u64) -> Result<Vec<u8>> {
        if size > META_MAX {
            return Err(limit("a name or pax header of more than 64 KiB"));
        }
        let mut data = Vec::with_capacity(size as usize);
        self.remaining = size;
        self.content(&mut |piece| {
            data.extend_from_slice(piece);
            Ok(())
        })?;
        self.stream.padding(size)?;
        Ok(data)
    }
}

/// A member may have one header of each kind that describes it.
fn put<T>(slot: &mut Option<T>, value: T) -> Result<()> {
    if slot.replace(value).is_some() {
        return Err(format("two headers of one kind for one member"));
    }
    Ok(())
}

/// A GNU long name: text with its NUL, and nothing behind that.
fn long(mut data: Vec<u8>) -> Result<Vec<u8>> {
    while data.last() == Some(&0) {
        data.pop();
    }
    if data.is_empty() || data.contains(&0) {
        return Err(format("a long name that is empty or holds a NUL"));
    }
    Ok(data)
}
