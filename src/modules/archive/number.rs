//! The numbers of a header: octal digits, or GNU's binary form. An ambiguous number, or one out of range, is an error.
//!
//! The crate `tar` accepts more: text after a NUL, a sign, and negative or too large binary numbers, which it reads as other
//! numbers. Then two programs can see two sizes. The test `the_crate_reads_other_numbers` shows it.

use super::member::format;
use crate::error::Result;

/// Reads a field of octal digits, or GNU's big-endian binary. `None` if it is blank.
pub(super) fn number(field: &[u8], what: &str) -> Result<Option<i64>> {
    if field[0] & 0x80 != 0 {
        return binary(field, what).map(Some);
    }
    let start = field.iter().position(|&b| b != b' ').unwrap_or(field.len());
    let digits = &field[start..];
    let end = digits
        .iter()
        .position(|b| !(b'0'..=b'7').contains(b))
        .unwrap_or(digits.len());
    if !digits[end..].iter().all(|&b| b == 0 || b == b' ') {
        return Err(format(format!("a {what} that is no octal number")));
    }
    if end == 0 {
        return Ok(None);
    }
    let mut value: i64 = 0;
    for &digit in &digits[..end] {
        value = value
            .checked_mul(8)
            .and_then(|v| v.checked_add(i64::from(digit - b'0')))
            .ok_or_else(|| format(format!("a {what} that is too large")))?;
    }
    Ok(Some(value))
}

fn binary(field: &[u8], what: &str) -> Result<i64> {
    let negative = field[0] == 0xff;
    if !negative && field[0] != 0x80 {
        return Err(format(format!("a {what} that is too large")));
    }
    let fill = if negative { 0xff } else { 0 };
    let (high, low) = field[1..].split_at(field.len().saturating_sub(9));
    let mut bytes = [fill; 8];
    bytes[8 - low.len()..].copy_from_slice(low);
    let value = i64::from_be_bytes(bytes);
    if high.iter().any(|&b| b != fill) || (value < 0) != negative {
        return Err(format(format!("a {what} that is too large")));
    }
    Ok(value)
}

/// Reads a number that consists only of decimal digits.
pub(super) fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{decimal, number};

    #[test]
    fn numbers_are_strict() {
        assert_eq!(number(b"0000644\0", "x").expect("reads"), Some(0o644));
        assert_eq!(number(b"   644 \0", "x").expect("reads"), Some(0o644));
        assert_eq!(number(b"77777777", "x").expect("reads"), Some(0o7777_7777));
        assert_eq!(number(b"\0\0\0\0\0\0\0\0", "x").expect("reads"), None);
        for bad in [b"00006448", b"-0000644", b"644\0 644", b"0x000644"] {
            assert!(number(bad, "x").is_err(), "{bad:?}");
        }
        assert_eq!(
            number(b"\x80\0\0\0\0\0\0\0\0\0\x01\0", "x").expect("reads"),
            Some(256)
        );
        assert_eq!(number(&[0xff; 12], "x").expect("reads"), Some(-1));
        assert!(number(b"\x80\0\0\x01\0\0\0\0\0\0\0\0", "x").is_err());
        assert!(number(b"\x80\0\0\0\x80\0\0\0\0\0\0\0", "x").is_err());
        assert!(number(b"\xc0\0\0\0\0\0\0\0", "x").is_err());
    }

    #[test]
    fn decimals() {
        assert_eq!(decimal(b""), None);
        assert_eq!(decimal(b"18446744073709551616"), None);
    }

    /// The crate's own reading of numbers is not used because it accepts all of these.
    #[test]
    fn the_crate_reads_other_numbers() {
        let beyond = b"\x80\x01\0\0\0\0\0\0\0\0\0\x05";
        for (field, theirs) in [
            (b"00000000012\0".map(|b| b), 10),
            (*b"+0000000012\0", 10),
            (*b"0000012\x00junk", 10),
            (*beyond, 5),
            ([0xff; 12], u64::MAX),
        ] {
            let mut header = tar::Header::new_ustar();
            header.as_old_mut().size = field;
            assert_eq!(header.entry_size().ok(), Some(theirs), "{field:?}");
            let ours = number(&field, "size").ok().flatten();
            let same = ours.is_some_and(|ours| u64::try_from(ours) == Ok(theirs));
            assert_eq!(same, field == *b"00000000012\0", "{field:?}");
        }
    }
}
