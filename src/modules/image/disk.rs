//! An image that is read: raw or QCOW2, whole or one of its partitions.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::qcow2_read::Qcow2;
use super::segments::Segments;
use crate::error::{Error, Result};

/// Something with a size, whose bytes can be read anywhere.
pub(super) trait ReadAt {
    fn size(&self) -> u64;
    /// Fills the buffer from `at`; it is an error if there is not so much.
    fn read_at(&self, at: u64, buffer: &mut [u8]) -> Result<()>;
}

/// A part that does not lie inside what it is a part of.
fn past_end(at: u64, length: usize, size: u64) -> Error {
    let text = format!("ends at byte {size}, with {length} bytes at {at} still to be read");
    Error::new("read", "truncated", text)
}

/// Fails unless the range lies within `size`.
pub(super) fn within(at: u64, length: usize, size: u64) -> Result<()> {
    match at.checked_add(length as u64) {
        Some(end) if end <= size => Ok(()),
        _ => Err(past_end(at, length, size)),
    }
}

impl ReadAt for File {
    fn size(&self) -> u64 {
        self.metadata().map_or(0, |metadata| metadata.len())
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> Result<()> {
        // Further than the kernel counts: no file ends there.
        if i64::try_from(at).is_err() {
            return Err(past_end(at, buffer.len(), ReadAt::size(self)));
        }
        self.read_exact_at(buffer, at).map_err(|error| {
            if error.kind() == std::io::ErrorKind::UnexpectedEof {
                past_end(at, buffer.len(), ReadAt::size(self))
            } else {
                Error::io("read", &error)
            }
        })
    }
}

impl ReadAt for Segments {
    fn size(&self) -> u64 {
        Segments::size(self)
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> Result<()> {
        within(at, buffer.len(), Segments::size(self))?;
        Segments::read_at(self, at, buffer)
    }
}

#[cfg(test)]
impl ReadAt for Vec<u8> {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> Result<()> {
        within(at, buffer.len(), self.len() as u64)?;
        buffer.copy_from_slice(&self[at as usize..][..buffer.len()]);
        Ok(())
    }
}

/// An image file that was opened.
pub(super) enum Disk {
    Raw(File),
    Qcow2(Box<Qcow2<File>>),
}

impl Disk {
    /// Opens an image; its content tells the format.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let found = std::fs::metadata(path).map_err(|e| Error::io("open", &e).at(path))?;
        if !found.is_file() {
            return Err(Error::argument("open", "not a regular file").at(path));
        }
        let file = File::open(path).map_err(|e| Error::io("open", &e).at(path))?;
        let mut magic = [0; 4];
        if found.len() >= 4 {
            ReadAt::read_at(&file, 0, &mut magic)?;
        }
        if &magic == b"QFI\xfb" {
            Ok(Self::Qcow2(Box::new(Qcow2::open(file)?)))
        } else {
            Ok(Self::Raw(file))
        }
    }

    fn inner(&self) -> &dyn ReadAt {
        match self {
            Self::Raw(file) => file,
            Self::Qcow2(qcow2) => qcow2.as_ref(),
        }
    }
}

impl ReadAt for Disk {
    fn size(&self) -> u64 {
        self.inner().size()
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> Result<()> {
        self.inner().read_at(at, buffer)
    }
}

/// A part of a disk, as if it were a disk of its own.
pub(super) struct View<'a> {
    pub(super) disk: &'a dyn ReadAt,
    pub(super) start: u64,
    pub(super) size: u64,
}

impl ReadAt for View<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> Result<()> {
        within(at, buffer.len(), self.size)?;
        self.disk.read_at(self.start + at, buffer)
    }
}
