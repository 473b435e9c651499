//! SHA-256 of files, and digests as text.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::open;
use crate::error::{Error, Result};

/// Bytes that are read at a time.
pub(crate) const PIECE: usize = 256 << 10;

/// Bytes as lowercase hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    bytes
        .iter()
        .flat_map(|&byte| [digit(byte >> 4), digit(byte)])
        .collect()
}

/// The SHA-256 and the size of the rest of an open file.
pub(crate) fn rest_of(file: &mut File, buffer: &mut [u8]) -> std::io::Result<(String, u64)> {
    let mut hash = Sha256::new();
    let mut size = 0;
    loop {
        match file.read(buffer) {
            Ok(0) => return Ok((hex(&hash.finalize()), size)),
            Ok(count) => {
                hash.update(&buffer[..count]);
                size += count as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The SHA-256 of a file, and its size.
pub(crate) fn of_file(path: &Path) -> Result<(String, u64)> {
    let mut file = open::file(path)?;
    rest_of(&mut file, &mut vec![0; PIECE]).map_err(|e| Error::io("read", &e).at(path))
}

#[cfg(test)]
mod tests {
    use super::hex;

    #[test]
    fn bytes_become_digits() {
        assert_eq!(hex(&[0x00, 0x9f, 0xff]), "009fff");
    }
}
