//! A disk as a sorted list of segments. The data of a segment is in memory or in a file. All other bytes of the disk are zero.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::{Whence, lseek};

use super::read_at::{ReadAt, within};
use crate::error::{Error, Result};

/// Files up to this size are read into memory, so that many small files do not need many file descriptors.
const SMALL: u64 = 65_536;

/// A file with the data of a segment.
#[derive(Debug)]
pub(super) struct Source {
    file: File,
    path: PathBuf,
    size: u64,
}

#[derive(Debug)]
pub(super) enum Data {
    Bytes(Vec<u8>),
    File(Source),
}

#[derive(Debug)]
pub(super) struct Segment {
    pub(super) offset: u64,
    pub(super) data: Data,
}

impl Data {
    /// Opens a regular file as a whole. The path is not used again.
    pub(super) fn open(path: &Path) -> Result<Self> {
        // `stat` comes first: opening a FIFO would wait for a writer.
        let found = std::fs::metadata(path).map_err(|e| Error::io("open", &e).at(path))?;
        if !found.is_file() {
            return Err(Error::new("open", "not_a_file", "not a regular file").at(path));
        }
        let file = File::open(path).map_err(|e| Error::io("open", &e).at(path))?;
        let metadata = file.metadata();
        let size = metadata.map_err(|e| Error::io("stat", &e).at(path))?.len();
        let source = Source {
            file,
            path: path.to_owned(),
            size,
        };
        if size > SMALL {
            return Ok(Self::File(source));
        }
        let mut data = vec![0; size as usize];
        source.read_at(0, &mut data)?;
        Ok(Self::Bytes(data))
    }

    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(source) => source.size,
        }
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> Result<()> {
        match self {
            Self::Bytes(bytes) => {
                let at = at as usize;
                buffer.copy_from_slice(&bytes[at..at + buffer.len()]);
                Ok(())
            }
            Self::File(source) => source.read_at(at, buffer),
        }
    }

    /// The ranges that hold data; holes are left out.
    fn extents(&self) -> Result<Vec<Range<u64>>> {
        match self {
            Self::Bytes(bytes) if bytes.is_empty() => Ok(Vec::new()),
            Self::Bytes(bytes) => Ok(vec![Range {
                start: 0,
                end: bytes.len() as u64,
            }]),
            Self::File(source) => source.extents(),
        }
    }
}

impl Source {
    fn read_at(&self, at: u64, buffer: &mut [u8]) -> Result<()> {
        self.file.read_exact_at(buffer, at).map_err(|error| {
            if error.kind() == std::io::ErrorKind::UnexpectedEof {
                let text = format!("became shorter than the {} bytes that it had", self.size);
                Error::new("read", "truncated", text).at(&self.path)
            } else {
                Error::io("read", &error).at(&self.path)
            }
        })
    }

    fn extents(&self) -> Result<Vec<Range<u64>>> {
        let mut extents = Vec::new();
        let mut at = 0;
        while at < self.size {
            let seek = |whence| lseek(&self.file, at as i64, whence);
            let start = match seek(Whence::SeekData) {
                Ok(start) => start as u64,
                // The rest of the file is a hole.
                Err(Errno::ENXIO) => break,
                // The file system does not support holes.
                Err(Errno::EINVAL | Errno::EOPNOTSUPP) => at,
                Err(errno) => return Err(Error::os("lseek", errno).at(&self.path)),
            };
            let end = lseek(&self.file, start as i64, Whence::SeekHole)
                .map_or(self.size, |end| (end as u64).min(self.size));
            if end <= start {
                break;
            }
            extents.push(start..end);
            at = end;
        }
        Ok(extents)
    }
}

/// A disk with a size and its segments, sorted, without overlap.
#[derive(Debug)]
pub(super) struct Segments {
    list: Vec<Segment>,
    size: u64,
}

impl Segments {
    pub(super) fn new(mut list: Vec<Segment>, size: u64) -> Result<Self> {
        list.retain(|segment| segment.data.len() > 0);
        list.sort_by_key(|segment| segment.offset);
        let mut end = 0;
        for segment in &list {
            if segment.offset < end {
                let text = format!("two pieces of the disk overlap at byte {}", segment.offset);
                return Err(Error::argument("layout", text));
            }
            end = segment
                .offset
                .checked_add(segment.data.len())
                .filter(|&end| end <= size)
                .ok_or_else(|| {
                    let text = format!("content goes past the disk's end at byte {size}");
                    Error::argument("layout", text)
                })?;
        }
        Ok(Self { list, size })
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Fills the buffer from offset `at`. Bytes past the end of the disk are zero.
    pub(super) fn read_at(&self, at: u64, buffer: &mut [u8]) -> Result<()> {
        buffer.fill(0);
        let end = at + buffer.len() as u64;
        let first = self.list.partition_point(|s| s.offset + s.data.len() <= at);
        for segment in &self.list[first..] {
            if segment.offset >= end {
                break;
            }
            let from = segment.offset.max(at);
            let to = (segment.offset + segment.data.len()).min(end);
            let part = &mut buffer[(from - at) as usize..(to - at) as usize];
            segment.data.read_at(from - segment.offset, part)?;
        }
        Ok(())
    }

    /// The ranges that may hold data, rounded outwards to whole granules. Adjacent ranges are joined.
    pub(super) fn runs(&self, granule: u64) -> Result<Vec<Range<u64>>> {
        let mut runs: Vec<Range<u64>> = Vec::new();
        for segment in &self.list {
            for extent in segment.data.extents()? {
                let start = (segment.offset + extent.start) / granule * granule;
                let end = (segment.offset + extent.end).next_multiple_of(granule);
                match runs.last_mut() {
                    Some(last) if start <= last.end => last.end = last.end.max(end),
                    _ => runs.push(start..end),
                }
            }
        }
        Ok(runs)
    }
}

impl ReadAt for Segments {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> Result<()> {
        within(at, buffer.len(), self.size)?;
        Segments::read_at(self, at, buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::{Data, Segment, Segments};
    use std::io::{Seek, SeekFrom, Write};

    fn bytes(offset: u64, data: &[u8]) -> Segment {
        Segment {
            offset,
            data: Data::Bytes(data.to_vec()),
        }
    }

    #[test]
    fn reads_across_gaps() {
        let disk = Segments::new(vec![bytes(6, b"cd"), bytes(2, b"ab")], 10).expect("fits");
        let mut buffer = [1; 12];
        disk.read_at(1, &mut buffer).expect("reads");
        assert_eq!(&buffer, b"\0ab\0\0cd\0\0\0\0\0");
    }

    #[test]
    fn overlap_and_overhang_are_refused() {
        assert!(Segments::new(vec![bytes(0, b"abc"), bytes(2, b"d")], 10).is_err());
        assert!(Segments::new(vec![bytes(8, b"abc")], 10).is_err());
        assert!(Segments::new(vec![bytes(u64::MAX, b"abc")], 10).is_err());
    }

    #[test]
    fn runs_are_joined() {
        let disk = vec![bytes(0, b"x"), bytes(9, b"x"), bytes(30, b"x")];
        let disk = Segments::new(disk, 64).expect("fits");
        assert_eq!(disk.runs(8).expect("walks"), [0..16, 24..32]);
    }

    #[test]
    fn holes_of_files_are_skipped() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("sparse");
        let mut file = std::fs::File::create(&path).expect("creates");
        file.seek(SeekFrom::Start(8 << 20)).expect("seeks");
        file.write_all(b"end").expect("writes");
        drop(file);
        let data = Data::open(&path).expect("opens");
        let disk = Segments::new(vec![Segment { offset: 0, data }], 16 << 20).expect("fits");
        let runs = disk.runs(65536).expect("walks");
        // On a file system without holes the run begins at 0.
        assert_eq!(runs.len(), 1);
        assert!(matches!(runs[0].start, 0 | 0x80_0000));
        assert_eq!(runs[0].end, 0x81_0000);
        assert!(Data::open(folder.path()).is_err());
    }
}
