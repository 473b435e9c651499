//! The bytes of a tar: blocks and content. Counts the offset, limits the compression ratio, and checks the end.

use std::io::{BufRead, ErrorKind};
use std::sync::atomic::{AtomicU64, Ordering};

use super::header::{BLOCK, checksum_fits};
use super::member::{RATIO_FROM, Sink, format, input_error, limit, no_archive, truncated};
use crate::error::Result;

/// The most zeros that may follow the end marker.
const TAIL_MAX: u64 = 64 << 20;

pub(super) struct Stream<'a> {
    input: &'a mut dyn BufRead,
    /// The number of bytes of the compressed file read so far.
    compressed: &'a AtomicU64,
    ratio: u64,
    offset: u64,
    /// The number of zeros from holes of sparse files, which are not in the tar.
    holes: u64,
}

impl<'a> Stream<'a> {
    pub(super) fn new(input: &'a mut dyn BufRead, compressed: &'a AtomicU64, ratio: u64) -> Self {
        Self {
            input,
            compressed,
            ratio,
            offset: 0,
            holes: 0,
        }
    }

    /// The number of bytes read.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next header block, or `None` at the end marker.
    pub(super) fn header(&mut self) -> Result<Option<[u8; BLOCK]>> {
        let start = self.offset;
        let mut block = [0; BLOCK];
        let have = self.fill_block(&mut block)?;
        if have < BLOCK && start == 0 {
            return Err(no_archive("truncated", "this is too short for an archive"));
        } else if have < BLOCK {
            return Err(truncated(if have == 0 {
                "the archive has no end marker"
            } else {
                "the archive ends within a header"
            }));
        }
        self.check_ratio()?;
        if block.iter().all(|&b| b == 0) {
            return Ok(None);
        }
        if checksum_fits(&block) {
            return Ok(Some(block));
        }
        Err(if start == 0 {
            no_archive("format", "this is no archive")
        } else {
            format("a header whose checksum is wrong")
        })
    }

    /// Fills a block as far as there is input, and returns the number of bytes.
    fn fill_block(&mut self, block: &mut [u8; BLOCK]) -> Result<usize> {
        let mut have = 0;
        while have < BLOCK {
            let piece = fill(self.input)?;
            if piece.is_empty() {
                break;
            }
            let length = piece.len().min(BLOCK - have);
            block[have..have + length].copy_from_slice(&piece[..length]);
            self.input.consume(length);
            self.offset += length as u64;
            have += length;
        }
        Ok(have)
    }

    /// Passes `remaining` bytes to the sink. Counts `remaining` down, so that after an error the caller knows the position.
    pub(super) fn content(&mut self, remaining: &mut u64, sink: Sink<'_>) -> Result<()> {
        while *remaining > 0 {
            let piece = fill(self.input)?;
            if piece.is_empty() {
                return Err(truncated("the archive ends within the content of a file"));
            }
            let length = usize::try_from(*remaining).map_or(piece.len(), |r| r.min(piece.len()));
            sink(&piece[..length])?;
            self.input.consume(length);
            self.offset += length as u64;
            *remaining -= length as u64;
            self.check_ratio()?;
        }
        Ok(())
    }

    /// A block within a member.
    pub(super) fn block(&mut self) -> Result<[u8; BLOCK]> {
        let mut block = [0; BLOCK];
        if self.fill_block(&mut block)? < BLOCK {
            return Err(truncated("the archive ends within the content of a file"));
        }
        Ok(block)
    }

    /// Passes the zeros of a hole to the sink. They are not in the archive.
    pub(super) fn zeros(&mut self, mut count: u64, sink: Sink<'_>) -> Result<()> {
        static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
        while count > 0 {
            let length = usize::try_from(count).map_or(ZEROS.len(), |c| c.min(ZEROS.len()));
            sink(&ZEROS[..length])?;
            count -= length as u64;
            self.holes += length as u64;
            self.check_ratio()?;
        }
        Ok(())
    }

    /// Skips the padding after `size` bytes of content, up to the end of a block.
    pub(super) fn padding(&mut self, size: u64) -> Result<()> {
        let mut count = size.wrapping_neg() % BLOCK as u64;
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
        let all = self.offset + self.holes;
        if all > RATIO_FROM {
            let compressed = self.compressed.load(Ordering::Relaxed).max(1);
            if all / compressed > self.ratio {
                let ratio = self.ratio;
                return Err(limit(format!(
                    "data that was compressed more than {ratio}-fold"
                )));
            }
        }
        Ok(())
    }

    /// Checks that only zeros follow the end marker. Reads the decompressor to its end, so that it checks its sums.
    pub(super) fn tail(&mut self) -> Result<()> {
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
    // A second call after success returns the same piece. The borrow checker does not allow returning the first one.
    loop {
        match input.fill_buf() {
            Ok(_) => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(input_error(error)),
        }
    }
    input.fill_buf().map_err(input_error)
}
