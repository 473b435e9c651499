//! The members of a zip, read with the crate `zip`. Its directory and its entries must agree and cover the whole file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::os::unix::fs::FileExt;

use zip::extra_fields::ExtraField;
use zip::result::ZipError;
use zip::{DateTime, System, ZipArchive};

use super::member::{Kind, Limits, Member, Members, NAMES_MAX, RATIO_FROM, Sink};
use super::member::{format, input_error, limit, truncated};
use crate::error::{Error, Result};
use crate::tree::inside::normalise;
use crate::tree::names::shown;

/// A zip starts with an entry. A zip without entries starts with its end record.
pub(super) const MAGICS: [&[u8; 4]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];

/// The bits of a Unix mode that tell the file type.
const TYPE: u32 = 0o170_000;
/// The length of the end record of a zip, without the comment.
const END: u64 = 22;
const PIECE: usize = 128 << 10;

pub(super) struct Zip {
    archive: ZipArchive<BufReader<File>>,
    limits: Limits,
    /// The number of members returned so far, and the current one if its content was not read yet.
    given: usize,
    current: Option<(usize, Member)>,
    names: u64,
    bytes: u64,
    compressed: u64,
    start: u64,
}

impl Zip {
    pub(super) fn open(file: File, limits: Limits) -> Result<Self> {
        let (size, end) = (
            file.metadata().map_err(input_error)?.len(),
            file.try_clone().map_err(input_error)?,
        );
        let mut archive = ZipArchive::new(BufReader::new(file)).map_err(broken)?;
        if archive.len() as u64 > limits.entries {
            return Err(limit(format!("more than {} entries", limits.entries)));
        }
        // Refuses duplicate names, overlapping entries, and entries that the directory lacks or describes differently.
        archive.validate_header_consistency().map_err(broken)?;
        if archive.offset() != 0 {
            return Err(format("data before the start of the archive"));
        }
        // The end record and its comment must be the last bytes of the file.
        let start = size.checked_sub(END + archive.comment().len() as u64);
        let mut magic = [0; 4];
        let found = start.map(|start| end.read_exact_at(&mut magic, start));
        if !matches!(found, Some(Ok(()))) || &magic != MAGICS[1] {
            return Err(format("data after the end of the archive"));
        }
        Ok(Self {
            archive,
            limits,
            given: 0,
            current: None,
            names: 0,
            bytes: 0,
            compressed: 0,
            start: 0,
        })
    }

    fn member(&mut self, index: usize) -> Result<Member> {
        // Raw: the crate cannot decode every compression method.
        let file = self.archive.by_index_raw(index).map_err(broken)?;
        self.start = file.header_start();
        let raw = file.name_raw().to_vec();
        let refused = |why: &str| Err(Error::new("zip", "refused", why).at(shown(&raw)));
        let unix = file.system() == System::Unix;
        if file.encrypted() {
            return refused("an entry that is encrypted");
        } else if !unix && raw.contains(&b'\\') {
            return refused("a backslash in its name, which may stand between folders");
        }
        let name = match normalise(&raw) {
            Ok(name) => name,
            Err(why) => return refused(why),
        };
        // The crate's `unix_mode` drops some bits.
        let mode = if unix {
            file.external_attributes() >> 16
        } else {
            file.unix_mode().unwrap_or(0)
        };
        let kind = match mode & TYPE {
            0o120_000 => Kind::Symlink,
            0o040_000 => Kind::Dir,
            0 | 0o100_000 if raw.ends_with(b"/") => Kind::Dir,
            0 | 0o100_000 => Kind::File,
            _ => return refused("an entry that is not a file, folder or link"),
        };
        let size = file.size();
        if kind == Kind::Dir && size != 0 {
            return refused("content in an entry that cannot have any");
        } else if name.is_empty() && kind != Kind::Dir {
            return refused("the name of the top folder");
        }
        let time = file.extra_data_fields().find_map(|field| match field {
            ExtraField::ExtendedTimestamp(times) => times.mod_time(),
            _ => None,
        });
        let time = time.map_or_else(
            || file.last_modified().map_or(0, seconds),
            |seconds| i64::from(seconds.cast_signed()),
        );
        let usual = if kind == Kind::Dir { 0o755 } else { 0o644 };
        let compressed = file.compressed_size();
        drop(file);
        self.names += raw.len() as u64;
        self.bytes = self.bytes.saturating_add(size);
        self.compressed = self.compressed.saturating_add(compressed);
        let bytes = self.limits.bytes;
        if self.names > NAMES_MAX {
            return Err(limit("more than 256 MiB of names"));
        } else if self.bytes > bytes {
            let why = format!("more than {bytes} bytes of content");
            return Err(limit(why).at(shown(&raw)));
        } else if self.bytes > RATIO_FROM && self.bytes / self.compressed.max(1) > self.limits.ratio
        {
            let ratio = self.limits.ratio;
            let why = format!("data that was compressed more than {ratio}-fold");
            return Err(limit(why).at(shown(&raw)));
        }
        Ok(Member {
            name,
            kind,
            size,
            mode: if mode == 0 { usual } else { mode & 0o7777 },
            mtime: (time, 0),
            link: Vec::new(),
            device: (0, 0),
            uid: Some(0),
            gid: Some(0),
            capabilities: None,
            sparse: false,
        })
    }

    /// Reads an entry to its end, so that the crate checks its sum. Its size must be that of the directory.
    fn read(&mut self, index: usize, size: u64, sink: Sink<'_>) -> Result<()> {
        let mut file = self.archive.by_index(index).map_err(broken)?;
        let mut buffer = vec![0; PIECE];
        let mut left = size;
        loop {
            let count = match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(input_error(error)),
            };
            left = left
                .checked_sub(count as u64)
                .ok_or_else(|| Error::new("zip", "refused", "sizes that disagree"))?;
            sink(&buffer[..count])?;
        }
        if left > 0 {
            return Err(truncated("an entry is shorter than the directory says"));
        }
        Ok(())
    }
}

impl Members for Zip {
    fn next(&mut self) -> Result<Option<Member>> {
        self.current = None;
        let index = self.given;
        if index == self.archive.len() {
            return Ok(None);
        }
        self.given += 1;
        let mut member = self.member(index)?;
        if member.kind == Kind::Symlink {
            let at = |error: Error| error.at(shown(&member.name));
            // No path is longer than 4095 bytes.
            if member.size == 0 || member.size > 4095 {
                let why = "a link whose target is empty, too long or no path";
                return Err(at(Error::new("zip", "refused", why)));
            }
            let mut link = Vec::new();
            let sink = &mut |piece: &[u8]| {
                link.extend_from_slice(piece);
                Ok(())
            };
            self.read(index, member.size, sink).map_err(at)?;
            if link.contains(&0) {
                let why = "a link whose target is empty, too long or no path";
                return Err(at(Error::new("zip", "refused", why)));
            }
            (member.link, member.size) = (link, 0);
        }
        if member.kind == Kind::File {
            self.current = Some((index, member.clone()));
        }
        Ok(Some(member))
    }

    fn content(&mut self, sink: Sink<'_>) -> Result<()> {
        let Some((index, member)) = self.current.take() else {
            return Ok(());
        };
        let result = self.read(index, member.size, sink);
        result.map_err(|error| match error.path {
            None if error.errno.is_none() => error.at(shown(&member.name)),
            _ => error,
        })
    }

    fn place(&self) -> (u64, u64) {
        (self.given as u64, self.start)
    }

    fn dropped(&mut self) -> BTreeMap<Vec<u8>, u64> {
        BTreeMap::new()
    }
}

/// Seconds since 1970. The time is read as UTC, because a zip does not name the time zone.
fn seconds(time: DateTime) -> i64 {
    let (year, month) = (i64::from(time.year()), i64::from(time.month()));
    // Counts years from March, so that a leap day is the last day of its year.
    let year = if month < 3 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + i64::from(time.day()) - 1;
    let days = 365 * year + year / 4 - year / 100 + year / 400 + day_of_year - 719_468;
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    days * 86_400 + i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second)
}

fn broken(error: ZipError) -> Error {
    match error {
        ZipError::Io(error) => input_error(error),
        ZipError::CompressionMethodNotSupported(method) => format(format!(
            "compressed by the method {method}, which is not read"
        )),
        other => format(format!("a broken zip: {other}")),
    }
}

#[cfg(test)]
mod tests {
    use zip::DateTime;

    use super::seconds;

    #[test]
    fn times() {
        let at = |year, month, day, hour| {
            let time = DateTime::from_date_and_time(year, month, day, hour, 30, 58);
            seconds(time.expect("a time"))
        };
        assert_eq!(at(1980, 1, 1, 0), 315_534_658);
        assert_eq!(at(2000, 2, 29, 12), 951_827_458);
        assert_eq!(at(2000, 3, 1, 0), 951_870_658);
        assert_eq!(at(2100, 3, 1, 23), 4_107_627_058);
    }
}
