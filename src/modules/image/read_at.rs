//! Bytes that can be read at any place: a file, a disk, a partition of it.

use std::fs::File;
use std::os::unix::fs::FileExt;

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
