//! One header block of a tar, and the records of a pax header, read strictly.

use crate::error::{Error, Result};

pub(super) const BLOCK: usize = 512;

/// What a header says, before longer names and pax records are applied.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) name: Vec<u8>,
    pub(super) link: Vec<u8>,
    pub(super) kind: u8,
    pub(super) size: u64,
    pub(super) mode: u32,
    pub(super) mtime: i64,
    pub(super) device: (u32, u32),
}

fn format(message: impl Into<String>) -> Error {
    Error::new("tar", "format", message)
}

/// The sum that a header carries fits the header; some old writers took bytes for signed numbers.
pub(super) fn checksum_fits(block: &[u8; BLOCK]) -> bool {
    let Ok(Some(want)) = number(&block[148..156], "checksum") else {
        return false;
    };
    let (mut unsigned, mut signed) = (0_i64, 0_i64);
    for (at, &byte) in block.iter().enumerate() {
        let byte = if (148..156).contains(&at) { b' ' } else { byte };
        unsigned += i64::from(byte);
        signed += i64::from(byte.cast_signed());
    }
    want == unsigned || want == signed
}

impl Header {
    /// Reads a block whose checksum fits.
    pub(super) fn parse(block: &[u8; BLOCK]) -> Result<Self> {
        let posix = &block[257..263] == b"ustar\0";
        let gnu = &block[257..265] == b"ustar  \0";
        if !posix && !gnu && block[257..263].iter().any(|&b| b != 0) {
            return Err(format("a header of an unknown kind"));
        }
        let mut name = text(&block[..100]).to_vec();
        if posix {
            let prefix = text(&block[345..500]);
            if !prefix.is_empty() {
                name = [prefix, b"/", &name].concat();
            }
        }
        let kind = block[156];
        let device = if matches!(kind, b'3' | b'4') {
            (
                device(&block[329..337], "major number")?,
                device(&block[337..345], "minor number")?,
            )
        } else {
            (0, 0)
        };
        Ok(Self {
            name,
            link: text(&block[157..257]).to_vec(),
            kind,
            size: number(&block[124..136], "size")?
                .unwrap_or(0)
                .try_into()
                .map_err(|_| format("a negative size"))?,
            // Some writers put the type of the file into the bits above the permissions.
            mode: (number(&block[100..108], "mode")?.unwrap_or(0) & 0o7777) as u32,
            mtime: number(&block[136..148], "time")?.unwrap_or(0),
            device,
        })
    }
}

/// A field of text: up to its first NUL, or all of it.
fn text(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|&b| b == 0).unwrap_or(field.len());
    &field[..end]
}

fn device(field: &[u8], what: &str) -> Result<u32> {
    u32::try_from(number(field, what)?.unwrap_or(0))
        .map_err(|_| format(format!("a {what} that no device has")))
}

/// A field of octal digits, or GNU's big-endian binary; `None` if it is blank.
fn number(field: &[u8], what: &str) -> Result<Option<i64>> {
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

/// What pax records say about the next member.
#[derive(Debug, Default)]
pub(super) struct Pax {
    pub(super) path: Option<Vec<u8>>,
    pub(super) linkpath: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) mtime: Option<(i64, u32)>,
}

impl Pax {
    /// Reads the records of an `x` header, or, with `global`, of a `g` header, which may say less.
    pub(super) fn parse(mut data: &[u8], global: bool) -> Result<Self> {
        let mut pax = Self::default();
        let mut seen: Vec<&[u8]> = Vec::new();
        while !data.is_empty() {
            let (key, value, rest) = record(data)?;
            data = rest;
            if seen.contains(&key) {
                return Err(format("a pax record that is there twice"));
            }
            seen.push(key);
            if key.starts_with(b"GNU.sparse.") {
                return Err(Error::new("tar", "refused", "a sparse file"));
            }
            match key {
                b"mtime" => pax.mtime = Some(time(value)?),
                b"comment" | b"atime" | b"ctime" => {}
                _ if global => {
                    let key = super::names::shown(key);
                    return Err(Error::new(
                        "tar",
                        "refused",
                        format!("a global pax header that sets `{key}`"),
                    ));
                }
                b"path" => pax.path = Some(value.to_vec()),
                b"linkpath" => pax.linkpath = Some(value.to_vec()),
                b"size" => {
                    let size = decimal(value);
                    pax.size = Some(size.ok_or_else(|| format("a pax size that is no number"))?);
                }
                _ => {}
            }
        }
        Ok(pax)
    }
}

/// Splits the first `LENGTH KEY=VALUE\n` off.
fn record(data: &[u8]) -> Result<(&[u8], &[u8], &[u8])> {
    let bad = || format("a pax record that is not well formed");
    let space = data
        .iter()
        .take(20)
        .position(|&b| b == b' ')
        .ok_or_else(bad)?;
    let length = decimal(&data[..space]).ok_or_else(bad)?;
    let length = usize::try_from(length).map_err(|_| bad())?;
    if length <= space + 1 || length > data.len() || data[length - 1] != b'\n' {
        return Err(bad());
    }
    let body = &data[space + 1..length - 1];
    let equals = body.iter().position(|&b| b == b'=').ok_or_else(bad)?;
    if equals == 0 {
        return Err(bad());
    }
    Ok((&body[..equals], &body[equals + 1..], &data[length..]))
}

fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Seconds with an optional fraction.
fn time(text: &[u8]) -> Result<(i64, u32)> {
    let bad = || format("a pax time that is no number");
    let (negative, text) = match text.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let dot = text.iter().position(|&b| b == b'.').unwrap_or(text.len());
    let seconds = decimal(&text[..dot])
        .and_then(|s| i64::try_from(s).ok())
        .ok_or_else(bad)?;
    let fraction = text.get(dot + 1..).unwrap_or_default();
    if !fraction.iter().all(u8::is_ascii_digit) {
        return Err(bad());
    }
    let mut nanos = 0;
    for at in 0..9 {
        nanos = nanos * 10 + fraction.get(at).map_or(0, |&d| u32::from(d - b'0'));
    }
    // Nothing before 1970 is kept, so the exact fraction of a negative time does not matter.
    Ok(if negative {
        (-seconds, 0)
    } else {
        (seconds, nanos)
    })
}

#[cfg(test)]
mod tests {
    use super::{Pax, decimal, number, time};

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

    /// A record with its right length.
    fn record(text: &str) -> Vec<u8> {
        let length = text.len() + 4;
        assert!((10..=99).contains(&length));
        format!("{length} {text}\n").into_bytes()
    }

    #[test]
    fn pax_is_strict() {
        let both = [record("path=abc"), record("mtime=12.5000000001")].concat();
        let pax = Pax::parse(&both, false).expect("reads");
        assert_eq!(pax.path.as_deref(), Some(b"abc".as_slice()));
        assert_eq!(pax.mtime, Some((12, 500_000_000)));
        for bad in [
            b"12 path=abd".as_slice(),
            b"11 path=abc\n",
            b"0 path=abc\n",
            b"6 path\n",
            b"5 =x\n",
            b"99999999999999999999999 path=abc\n",
            b"+2 path=abc\n",
            b"12 path=abc\n12 path=abc\n",
            b"8 size=\n",
        ] {
            assert!(Pax::parse(bad, false).is_err(), "{bad:?}");
        }
        for bad in ["size=-1", "size=1 ", "mtime=x1", "GNU.sparse.major=1"] {
            assert!(Pax::parse(&record(bad), false).is_err(), "{bad}");
        }
        assert!(Pax::parse(&record("path=abc"), true).is_err());
        assert!(Pax::parse(&record("comment=x"), true).is_ok());
    }

    #[test]
    fn times_and_decimals() {
        assert_eq!(time(b"-5.5").expect("reads"), (-5, 0));
        assert!(time(b"5.x").is_err());
        assert_eq!(decimal(b""), None);
        assert_eq!(decimal(b"18446744073709551616"), None);
    }
}
