//! The records of a pax header, read strictly.
//!
//! The crate `tar` splits records at line feeds, although a path or the value of an attribute may contain one. It accepts
//! duplicate records, and skips everything after an empty one. Tests: `crate_reader`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::member::format;
use super::number::decimal;
use super::records::Records;
use crate::error::{Error, Result};
use crate::tree::names::shown;

/// The values that pax records set for the next member.
#[derive(Debug, Default)]
pub(super) struct Pax {
    pub(super) path: Option<Vec<u8>>,
    pub(super) linkpath: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) mtime: Option<(i64, u32)>,
    /// The largest `u64` if the value is not a number.
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    pub(super) capabilities: Option<Vec<u8>>,
    pub(super) sparse: Option<Records>,
    /// The keys of records that are dropped.
    pub(super) dropped: Vec<Vec<u8>>,
}

/// The value of `security.capability`: raw, and in base64. libarchive writes both.
const CAPABILITY: &[u8] = b"SCHILY.xattr.security.capability";
const CAPABILITY_TEXT: &[u8] = b"LIBARCHIVE.xattr.security.capability";

impl Pax {
    /// Reads the records of an `x` header, or, with `global`, of a `g` header. In a `g` header fewer keys are allowed.
    pub(super) fn parse(mut data: &[u8], global: bool) -> Result<Self> {
        let mut pax = Self::default();
        let mut seen: Vec<&[u8]> = Vec::new();
        while !data.is_empty() {
            let (key, value, rest) = record(data)?;
            data = rest;
            if let Some(key) = key.strip_prefix(b"GNU.sparse.").filter(|_| !global) {
                // Some of these keys may occur more than once.
                pax.sparse.get_or_insert_default().put(key, value)?;
                continue;
            }
            if seen.contains(&key) {
                return Err(format("a pax record that is there twice"));
            }
            seen.push(key);
            match key {
                b"mtime" => pax.mtime = Some(time(value)?),
                b"comment" | b"atime" | b"ctime" => {}
                _ if global => {
                    let why = format!("a global pax header that sets `{}`", shown(key));
                    return Err(Error::new("tar", "refused", why));
                }
                b"path" => pax.path = Some(value.to_vec()),
                b"linkpath" => pax.linkpath = Some(value.to_vec()),
                b"size" => {
                    let size = decimal(value);
                    pax.size = Some(size.ok_or_else(|| format("a pax size that is no number"))?);
                }
                b"uid" => pax.uid = Some(decimal(value).unwrap_or(u64::MAX)),
                b"gid" => pax.gid = Some(decimal(value).unwrap_or(u64::MAX)),
                CAPABILITY => pax.capabilities = Some(value.to_vec()),
                CAPABILITY_TEXT if pax.capabilities.is_none() => {
                    let end = value.iter().rposition(|&byte| byte != b'=');
                    let value = STANDARD_NO_PAD.decode(&value[..end.map_or(0, |end| end + 1)]);
                    let bad = |_| format("a pax capability that is no base64");
                    pax.capabilities = Some(value.map_err(bad)?);
                }
                CAPABILITY_TEXT => {}
                _ if NAMES.contains(&key) => {}
                _ => pax.dropped.push(key.to_vec()),
            }
        }
        Ok(pax)
    }
}

/// Keys that do not affect a file: user and group names, which are never looked up, and the charset of names.
const NAMES: [&[u8]; 5] = [
    b"uname",
    b"gname",
    b"charset",
    b"hdrcharset",
    b"LIBARCHIVE.creationtime",
];

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
    use super::{Pax, time};

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
        for bad in ["size=-1", "size=1 ", "mtime=x1", "GNU.sparse.major=x"] {
            assert!(Pax::parse(&record(bad), false).is_err(), "{bad}");
        }
        assert!(Pax::parse(&record("path=abc"), true).is_err());
        assert!(Pax::parse(&record("comment=x"), true).is_ok());
    }

    #[test]
    fn times() {
        assert_eq!(time(b"-5.5").expect("reads"), (-5, 0));
        assert!(time(b"5.x").is_err());
    }
}
