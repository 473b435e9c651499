//! GUIDs: text outside, the mixed byte order of the UEFI specification (appendix A) on disk.

use std::fmt;

use crate::error::{Error, Result};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Guid([u8; 16]);

impl Guid {
    /// Reads `01234567-89ab-cdef-0123-456789abcdef`, in either case.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let bad = || Error::argument("guid", format!("`{text}` is not a GUID"));
        let dashes = [8, 13, 18, 23];
        if text.len() != 36 || dashes.iter().any(|&at| text.as_bytes()[at] != b'-') {
            return Err(bad());
        }
        let digits: String = text.split('-').collect();
        let bytes = from_hex(&digits).ok_or_else(bad)?;
        Ok(Self(bytes.try_into().map_err(|_| bad())?))
    }

    /// RFC 9562 version 8 from the first 16 bytes of a digest: 122 bits of it remain.
    pub(super) fn from_digest(hex: &str) -> Result<Self> {
        let bytes = from_hex(hex).filter(|bytes| bytes.len() >= 16);
        let Some(bytes) = bytes else {
            let text = format!("`{hex}` is not a digest of at least 32 hexadecimal digits");
            return Err(Error::argument("guid", text));
        };
        let mut guid = [0; 16];
        guid.copy_from_slice(&bytes[..16]);
        guid[6] = guid[6] & 0x0f | 0x80;
        guid[8] = guid[8] & 0x3f | 0x80;
        Ok(Self(guid))
    }

    /// From its bytes in the order of its text, as ext4 stores it.
    pub(super) fn from_text_order(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub(super) fn from_disk(bytes: [u8; 16]) -> Self {
        Self(swap(bytes))
    }

    pub(super) fn to_disk(self) -> [u8; 16] {
        swap(self.0)
    }

    pub(super) fn is_nil(self) -> bool {
        self.0 == [0; 16]
    }
}

/// The first three fields are little-endian on disk.
fn swap(mut bytes: [u8; 16]) -> [u8; 16] {
    bytes[0..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
    bytes
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|value| value as u8);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?))
        .collect()
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Guid;

    #[test]
    fn disk_order_is_mixed() {
        let guid = Guid::parse("C12A7328-F81F-11D2-BA4B-00A0C93EC93B").expect("parses");
        let disk = guid.to_disk();
        assert_eq!(disk[..8], [0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11]);
        assert_eq!(Guid::from_disk(disk), guid);
        assert_eq!(guid.to_string(), "c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
    }

    #[test]
    fn digest_becomes_version_8() {
        let guid = Guid::from_digest(&"ff".repeat(32)).expect("is long enough");
        assert_eq!(guid.to_string(), "ffffffff-ffff-8fff-bfff-ffffffffffff");
        assert!(Guid::from_digest("ff").is_err());
        assert!(Guid::from_digest(&"xy".repeat(32)).is_err());
    }

    #[test]
    fn other_text_is_refused() {
        for text in [
            "",
            "c12a7328",
            "c12a7328-f81f-11d2-ba4b-00a0c93ec93",
            "c12a7328-f81f-11d2-ba4b-00a0c93ec93x",
            "c12a7328f-81f-11d2-ba4b-00a0c93ec93b",
            "éééééééééééééééééé",
        ] {
            assert!(Guid::parse(text).is_err(), "{text}");
        }
    }
}
