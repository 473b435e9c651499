//! The map of a file with holes: where its content lies.

use super::header::BLOCK;
use super::member::{format, limit};
use crate::error::{Error, Result};

/// The most pieces of one file.
const PIECES_MAX: u64 = 1 << 20;

/// The positions in the file of the pieces that an archive contains. All other bytes are zeros.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Map {
    /// The offset and length of each piece.
    pub(super) pieces: Vec<(u64, u64)>,
    /// The size of the whole file.
    pub(super) size: u64,
}

impl Map {
    /// Checks that the pieces are in order, reach the end of the file, and together have the size that the archive contains.
    /// Only the last piece may end within a block: programs disagree on where the next one would start.
    pub(super) fn check(self, stored: u64) -> Result<Self> {
        let (mut end, mut sum) = (0_u64, 0_u64);
        for &(offset, length) in &self.pieces {
            if length > 0 && sum % BLOCK as u64 != 0 {
                return Err(bad("that splits a block"));
            }
            if offset < end {
                return Err(bad("that overlaps itself"));
            }
            end = offset
                .checked_add(length)
                .filter(|&end| end <= self.size)
                .ok_or_else(|| bad("that goes past the end of the file"))?;
            sum += length;
        }
        if end != self.size {
            return Err(bad("that does not reach the end of the file"));
        }
        if sum != stored {
            return Err(bad("that does not match its content"));
        }
        Ok(self)
    }

    pub(super) fn push(&mut self, offset: u64, length: u64) -> Result<()> {
        if self.pieces.len() as u64 >= PIECES_MAX {
            return Err(limit("a sparse file of more than 1048576 pieces"));
        }
        self.pieces.push((offset, length));
        Ok(())
    }
}

pub(super) fn bad(why: &str) -> Error {
    format(format!("a sparse file with a map {why}"))
}

#[cfg(test)]
mod tests {
    use super::Map;

    #[test]
    fn maps_are_checked() {
        let map = |pieces: &[(u64, u64)]| Map {
            pieces: pieces.to_vec(),
            size: 4000,
        };
        assert!(map(&[]).check(0).is_err());
        assert!(map(&[(4000, 0)]).check(0).is_ok());
        let good = [(0, 512), (512, 0), (2000, 1024), (3990, 10), (4000, 0)];
        assert!(map(&good).check(1546).is_ok());
        assert!(map(&[(0, 512), (4000, 0)]).check(511).is_err());
        assert!(map(&[(0, 512), (511, 512), (4000, 0)]).check(1024).is_err());
        assert!(map(&[(0, 10), (512, 10), (4000, 0)]).check(20).is_err());
        assert!(map(&[(3991, 10)]).check(10).is_err());
        assert!(map(&[(u64::MAX, 10)]).check(10).is_err());
    }
}
