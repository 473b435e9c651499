//! Reads the members of a tar, one after the other. Applies long names and pax records, enforces limits, checks the end.
//!
//! The crate `tar` gives the fields of headers. Its `Archive` cannot enforce the rules of extraction. It accepts an archive
//! without an end, and ignores data after the end. It reads a long name or pax header of any size into memory. It chooses
//! between two names of one member without an error. It cannot read a pax record that contains a line feed. Its raw mode does
//! not apply the pax size of a large file. The tests in `crate_reader` show each.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::sync::atomic::AtomicU64;

use tar::EntryType;

use super::header::{BLOCK, Header, id};
use super::map::Map;
use super::member::{Kind, Limits, Member, Members, NAMES_MAX, Sink, format, limit};
use super::pax::Pax;
use super::records::Place;
use super::stream::Stream;
use super::write::OCTAL_MAX;
use crate::error::{Error, Result};
use crate::tree::inside::normalise;
use crate::tree::names::shown;

/// The largest content of a long name or pax header.
pub(super) const META_MAX: u64 = 64 * 1024;

pub(super) struct Reader<'a> {
    stream: Stream<'a>,
    limits: Limits,
    entries: u64,
    names: u64,
    bytes: u64,
    /// The offset of the current member, and its name.
    start: u64,
    name: Vec<u8>,
    /// The size of its content, and the number of bytes not read yet.
    size: u64,
    remaining: u64,
    /// Where the pieces of its content lie, if it has holes.
    map: Option<Map>,
    mtime: Option<(i64, u32)>,
    /// The kinds of metadata that were dropped, with the number of members of each.
    dropped: BTreeMap<Vec<u8>, u64>,
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
            map: None,
            mtime: None,
            dropped: BTreeMap::new(),
        }
    }

    fn member(
        &mut self,
        header: Header,
        (long_name, long_link): (Option<Vec<u8>>, Option<Vec<u8>>),
        pax: Pax,
        map: Option<Place>,
    ) -> Result<Member> {
        if (long_name.is_some() && pax.path.is_some())
            || (long_link.is_some() && pax.linkpath.is_some())
        {
            return Err(format("two long names for one member"));
        }
        // A sparse file has a second name in `path`, for programs that do not know sparse files.
        let raw = (pax.sparse.and_then(|sparse| sparse.name))
            .or(pax.path)
            .or(long_name)
            .unwrap_or(header.name);
        let at = |error: Error| match error.path {
            None if error.errno.is_none() => error.at(shown(&raw)),
            _ => error,
        };
        self.count(raw.len() as u64).map_err(at)?;
        let refused = |why: &str| Err(Error::new("tar", "refused", why).at(shown(&raw)));
        let name = match normalise(&raw) {
            Ok(name) => name,
            Err(why) => return refused(why),
        };
        let stored = match pax.size {
            None => header.size,
            Some(size) if size == header.size => size,
            // A size above eleven octal digits is in the pax record. The header then has zero or the largest value.
            Some(size) if size > OCTAL_MAX && matches!(header.size, 0 | OCTAL_MAX) => size,
            Some(_) => return refused("sizes that disagree"),
        };
        let kind = match header.kind {
            EntryType::Regular | EntryType::Continuous if raw.ends_with(b"/") => Kind::Dir,
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => Kind::File,
            EntryType::Link => Kind::Hardlink,
            EntryType::Symlink => Kind::Symlink,
            EntryType::Char => Kind::Char,
            EntryType::Block => Kind::Block,
            EntryType::Directory => Kind::Dir,
            EntryType::Fifo => Kind::Fifo,
            other => {
                let other = shown(&[other.as_byte()]);
                return refused(&format!("a member of the unknown type `{other}`"));
            }
        };
        if kind != Kind::File && (stored != 0 || map.is_some()) {
            return refused("content in an entry that cannot have any");
        }
        if name.is_empty() && kind != Kind::Dir {
            return refused("the name of the top folder");
        }
        let link = match kind {
            Kind::Symlink | Kind::Hardlink => pax.linkpath.or(long_link).unwrap_or(header.link),
            _ => Vec::new(),
        };
        self.count_names(link.len() as u64)?;
        if matches!(kind, Kind::Symlink | Kind::Hardlink)
            && (link.is_empty() || link.contains(&0) || link.len() > 4095)
        {
            return refused("a link whose target is empty, too long or no path");
        }
        let (map, taken) = match map {
            None => (None, 0),
            Some(Place::Records(map)) => (Some(map), 0),
            Some(Place::Content(size)) => {
                let mut left = stored;
                let found = Map::of_content(size, || {
                    left = left.checked_sub(BLOCK as u64).ok_or_else(short)?;
                    self.stream.block()
                });
                found.map(|(map, taken)| (Some(map), taken)).map_err(at)?
            }
        };
        let remaining = stored - taken;
        let map = map
            .map(|map| map.check(remaining))
            .transpose()
            .map_err(at)?;
        let size = map.as_ref().map_or(stored, |map| map.size);
        self.bytes = self.bytes.saturating_add(size);
        if self.bytes > self.limits.bytes {
            let why = format!("more than {} bytes of content", self.limits.bytes);
            return Err(limit(why).at(shown(&raw)));
        }
        for key in pax.dropped {
            self.count_names(key.len() as u64)?;
            *self.dropped.entry(key).or_default() += 1;
        }
        (self.size, self.remaining) = (stored, remaining);
        self.name.clone_from(&name);
        let sparse = map.is_some();
        self.map = map;
        Ok(Member {
            name,
            kind,
            size,
            mode: header.mode,
            mtime: pax.mtime.or(self.mtime).unwrap_or((header.mtime, 0)),
            link,
            device: header.device,
            uid: pax.uid.map_or(header.uid, id),
            gid: pax.gid.map_or(header.gid, id),
            capabilities: pax.capabilities,
            sparse,
        })
    }

    /// Counts an entry whose name has this length.
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

    /// The content of a file with holes, with the holes filled with zeros.
    fn pieces(&mut self, map: &Map, sink: Sink<'_>) -> Result<()> {
        let mut at = 0;
        for &(offset, length) in &map.pieces {
            self.stream.zeros(offset - at, sink)?;
            let mut piece = length;
            self.stream.content(&mut piece, sink)?;
            self.remaining -= length;
            at = offset + length;
        }
        self.stream.zeros(map.size - at, sink)
    }

    /// The content of a long name or pax header.
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

impl Members for Reader<'_> {
    fn next(&mut self) -> Result<Option<Member>> {
        // Skips the rest of the current member. Its holes need no bytes.
        self.map = None;
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
                    let next = || self.stream.block();
                    let map = Place::of_headers(&block, &header, pax.sparse.as_ref(), next)?;
                    let name = (long_name, long_link);
                    return self.member(header, name, pax, map).map(Some);
                }
            }
        }
    }

    fn content(&mut self, sink: Sink<'_>) -> Result<()> {
        let result = match self.map.take() {
            None => self.stream.content(&mut self.remaining, sink),
            Some(map) => self.pieces(&map, sink),
        };
        result.map_err(|error| {
            // An error of the kernel is about the archive, not about the member.
            if error.path.is_some() || error.errno.is_some() {
                error
            } else {
                error.at(shown(&self.name))
            }
        })
    }

    fn place(&self) -> (u64, u64) {
        (self.entries, self.start)
    }

    fn dropped(&mut self) -> BTreeMap<Vec<u8>, u64> {
        std::mem::take(&mut self.dropped)
    }
}

fn short() -> Error {
    format("a sparse file with a map that is longer than its content")
}

/// A member may have one long name, one long link and one pax header.
fn put<T>(slot: &mut Option<T>, value: T) -> Result<()> {
    if slot.replace(value).is_some() {
        return Err(format("two headers of one kind for one member"));
    }
    Ok(())
}

/// A GNU long name: text that ends with NULs.
fn long(mut data: Vec<u8>) -> Result<Vec<u8>> {
    while data.last() == Some(&0) {
        data.pop();
    }
    if data.is_empty() || data.contains(&0) {
        return Err(format("a long name that is empty or holds a NUL"));
    }
    Ok(data)
}
