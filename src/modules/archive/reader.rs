//! The members of a tar, one after the other: longer names and pax records applied, limits kept, the end checked.

use std::io::{BufRead, ErrorKind};
use std::sync::atomic::{AtomicU64, Ordering};

use super::header::{BLOCK, Header, Pax, checksum_fits};
use super::member::{Kind, Limits, Member, format, input_error, limit, truncated};
use super::names::{normalise, shown};
use crate::error::{Error, Result};

/// How much a header that only describes another may hold.
const META_MAX: u64 = 64 * 1024;
/// Below this, a good compression is no reason to be suspicious.
const RATIO_FROM: u64 = 64 << 20;
/// What may follow the end marker: zeros, and not without end.
const TAIL_MAX: u64 = 64 << 20;
/// All names and links together.
const NAMES_MAX: u64 = 256 << 20;

pub(super) struct Reader<'a> {
    input: &'a mut dyn BufRead,
    /// How many bytes of the file were read to get this far.
    compressed: &'a AtomicU64,
    limits: Limits,
    offset: u64,
    /// Content of the current member that was not read yet, and what fills its last block.
    remaining: u64,
    padding: u64,
    entries: u64,
    names: u64,
    bytes: u64,
    /// Where the current member starts, and its name.
    start: u64,
    name: Vec<u8>,
    mtime: Option<(i64, u32)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        input: &'a mut dyn BufRead,
        compressed: &'a AtomicU64,
        limits: Limits,
    ) -> Self {
        Self {
            input,
            compressed,
            limits,
            offset: 0,
            remaining: 0,
            padding: 0,
            entries: 0,
            names: 0,
            bytes: 0,
            start: 0,
            name: Vec::new(),
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
        self.consume(self.padding)?;
        self.padding = 0;
        self.start = self.offset;
        let (mut long_name, mut long_link, mut pax) = (None, None, None);
        loop {
            let Some(block) = self.block()? else {
                if long_name.is_some() || long_link.is_some() || pax.is_some() {
                    return Err(format("a header that describes nothing"));
                }
                return self.tail().map(|()| None);
            };
            let header = Header::parse(&block)?;
            match header.kind {
                b'x' => put(&mut pax, Pax::parse(&self.meta(header.size)?, false)?)?,
                b'L' => put(&mut long_name, long(self.meta(header.size)?)?)?,
                b'K' => put(&mut long_link, long(self.meta(header.size)?)?)?,
                b'g' => {
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
            b'0' | b'7' | 0 if raw.ends_with(b"/") => Kind::Dir,
            b'0' | b'7' | 0 => Kind::File,
            b'1' => Kind::Hardlink,
            b'2' => Kind::Symlink,
            b'3' => Kind::Char,
            b'4' => Kind::Block,
            b'5' => Kind::Dir,
            b'6' => Kind::Fifo,
            b'S' => return refused("refused", "a sparse file".into()),
            other => {
                let other = shown(&[other]);
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
        self.remaining = size;
        self.name.clone_from(&name);
        self.padding = size.wrapping_neg() % BLOCK as u64;
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
    pub(super) fn content(&mut self, sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        self.pieces(sink).map_err(|error| {
            // What the kernel says is about the archive.
            if error.path.is_some() || error.errno.is_some() {
                error
            } else {
                error.at(shown(&self.name))
            }
        })
    }

    fn pieces(&mut self, sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        while self.remaining > 0 {
            let piece = fill(self.input)?;
            if piece.is_empty() {
                return Err(truncated("the archive ends within the content of a file"));
            }
            let length =
                usize::try_from(self.remaining).map_or(piece.len(), |r| r.min(piece.len()));
            sink(&piece[..length])?;
            self.input.consume(length);
            self.offset += length as u64;
            self.remaining -= length as u64;
            self.check_ratio()?;
        }
        Ok(())
    }

    fn consume(&mut self, mut count: u64) -> Result<()> {
        while count > 0 {
            let piece = fill(self.input)?;
            if piece.is_empty() {
                return Err(truncated("the archive ends within a block"));
            }
            let length = usize::try_from(count).map_or(piece.len(), |c| c.min(piece.len()));
            self.input.consume(length);
            self.offset += length as u64;
            count -= length as u64;
        }
        Ok(())
    }

    fn check_ratio(&self) -> Result<()> {
        if self.offset > RATIO_FROM {
            let compressed = self.compressed.load(Ordering::Relaxed).max(1);
            if self.offset / compressed > self.limits.ratio {
                return Err(limit(format!(
                    "data that was compressed more than {}-fold",
                    self.limits.ratio
                )));
            }
        }
        Ok(())
    }

    /// The next header block, or `None` at the end marker.
    fn block(&mut self) -> Result<Option<[u8; BLOCK]>> {
        let mut block = [0; BLOCK];
        let mut have = 0;
        while have < BLOCK {
            let piece = fill(self.input)?;
            if piece.is_empty() {
                return Err(truncated(if self.offset == have as u64 {
                    "this is too short for an archive"
                } else if have == 0 {
                    "the archive has no end marker"
                } else {
                    "the archive ends within a header"
                }));
            }
            let length = piece.len().min(BLOCK - have);
            block[have..have + length].copy_from_slice(&piece[..length]);
            self.input.consume(length);
            self.offset += length as u64;
            have += length;
        }
        self.check_ratio()?;
        if block.iter().all(|&b| b == 0) {
            return Ok(None);
        }
        if !checksum_fits(&block) {
            return Err(format(if self.entries == 0 && self.start == 0 {
                "this is no tar archive, or compressed in a way that is not known"
            } else {
                "a header whose checksum is wrong"
            }));
        }
        Ok(Some(block))
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
        self.consume(size.wrapping_neg() % BLOCK as u64)?;
        Ok(data)
    }

    /// After the end marker there are zeros only, and the decompressor is read to its end, which checks its sums.
    fn tail(&mut self) -> Result<()> {
        let mut length = 0;
        loop {
            let piece = fill(self.input)?;
            if piece.is_empty() {
                return Ok(());
            }
            if piece.iter().any(|&b| b != 0) {
                return Err(format("data after the end of the archive"));
            }
            length += piece.len() as u64;
            let count = piece.len();
            self.input.consume(count);
            if length > TAIL_MAX {
                return Err(limit("more than 64 MiB after the end of the archive"));
            }
        }
    }
}

fn fill(input: &mut dyn BufRead) -> Result<&[u8]> {
    // A second call after success gives the same piece; the first one's borrow must not leave the loop.
    loop {
        match input.fill_buf() {
            Ok(_) => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(input_error(error)),
        }
    }
    input.fill_buf().map_err(input_error)
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
