//! Reading at any offset: of a file, a disk or one of its partitions.

use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::error::{Error, Result};

/// A source of bytes with a known size and random access.
pub(super) trait ReadAt {
    fn size(&self) -> u64;
    /// Fills the buffer from offset `at`. Fails if there are fewer bytes.
    fn read_at(&self, at: u64, buffer: &mut [u8]) -> Result<()>;
}

/// The error for a range that goes past the end.
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
        // The kernel's offsets are signed 64-bit numbers: no file is that long.
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

/// A part of a disk, with offsets of its own.
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
