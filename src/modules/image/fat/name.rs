//! Long and short (8.3) names of FAT: Microsoft's FAT specification, sections 6 and 7.

use std::collections::HashSet;

/// A short name: eight and three bytes, padded with spaces.
pub(crate) type Short = [u8; 11];

const LONG_UNITS: usize = 255;
/// Characters in one long entry.
const PER_ENTRY: usize = 13;
const ATTR_LONG: u8 = 0x0f;
/// The offsets of the characters in the entry.
const PLACES: [usize; PER_ENTRY] = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];

/// The form in which names are compared: FAT ignores case.
pub(crate) fn fold(name: &str) -> String {
    name.chars()
        .map(|c| {
            let mut upper = c.to_uppercase();
            // Only characters whose upper case form is one character, as in the tables of the specification.
            match (upper.next(), upper.next()) {
                (Some(one), None) => one,
                _ => c,
            }
        })
        .collect()
}

/// Fails with the reason if a name is not allowed.
pub(crate) fn check(name: &str) -> Result<(), String> {
    if name == "." || name == ".." || name.is_empty() {
        return Err("is no name".to_owned());
    }
    if let Some(c) = name
        .chars()
        .find(|&c| c < ' ' || "\"*/:<>?\\|\x7f".contains(c))
    {
        return Err(format!("has a character that FAT forbids: {c:?}"));
    }
    if name.ends_with(['.', ' ']) || name.starts_with(' ') {
        return Err("starts with a space, or ends with a dot or a space".to_owned());
    }
    if name.encode_utf16().count() > LONG_UNITS {
        return Err(format!("is longer than {LONG_UNITS} characters"));
    }
    Ok(())
}

fn allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"$%'-_@~`!(){}^#&".contains(&byte)
}

/// The short form of a name, and whether it lost more than its case.
fn basis(name: &str) -> (Vec<u8>, Vec<u8>, bool) {
    let mut lossy = false;
    let trimmed = name.trim_start_matches('.');
    lossy |= trimmed.len() != name.len();
    let (stem, extension) = trimmed.rsplit_once('.').unwrap_or((trimmed, ""));
    let mut shorten = |part: &str, limit: usize| {
        let mut out: Vec<u8> = Vec::new();
        for c in part.chars().filter(|&c| c != ' ' && c != '.') {
            out.push(match u8::try_from(c) {
                Ok(byte) if allowed(byte) => byte.to_ascii_uppercase(),
                _ => {
                    lossy = true;
                    b'_'
                }
            });
        }
        lossy |= out.len() > limit || part.contains([' ', '.']);
        out.truncate(limit);
        out
    };
    let (stem, extension) = (shorten(stem, 8), shorten(extension, 3));
    (stem, extension, lossy)
}

fn join(stem: &[u8], extension: &[u8]) -> Short {
    let mut short = [b' '; 11];
    short[..stem.len()].copy_from_slice(stem);
    short[8..8 + extension.len()].copy_from_slice(extension);
    short
}

/// A short name as text: `KERNEL.EFI`.
pub(crate) fn short_text(short: &Short) -> String {
    let part = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    let (stem, extension) = (part(&short[..8]), part(&short[8..]));
    if extension.is_empty() {
        stem
    } else {
        format!("{stem}.{extension}")
    }
}

/// A short name that is unique in the folder; `None` if there is none left.
///
/// A name whose short form lost something gets a number, `~1`, `~2` and so on, in the order of the calls.
pub(crate) fn shorten(name: &str, taken: &mut HashSet<Short>) -> Option<Short> {
    let (stem, extension, lossy) = basis(name);
    let plain = join(&stem, &extension);
    if !lossy && !stem.is_empty() && taken.insert(plain) {
        return Some(plain);
    }
    (1..1_000_000).find_map(|number| {
        let tail = format!("~{number}");
        let kept = stem.len().min(8 - tail.len());
        let short = join(&[&stem[..kept], tail.as_bytes()].concat(), &extension);
        taken.insert(short).then_some(short)
    })
}

/// Whether a name needs long entries in addition to the short one.
pub(crate) fn needs_long(name: &str, short: &Short) -> bool {
    short_text(short) != name
}

/// The number of 32-byte entries that a name takes.
pub(crate) fn entries(name: &str, short: &Short) -> u32 {
    if needs_long(name, short) {
        name.encode_utf16().count().div_ceil(PER_ENTRY) as u32 + 1
    } else {
        1
    }
}

pub(crate) fn checksum(short: &Short) -> u8 {
    short
        .iter()
        .fold(0_u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte))
}

/// The long entries of a name, in their order on the disk: the last part first, before the short entry.
pub(crate) fn long_entries(name: &str, short: &Short) -> Vec<[u8; 32]> {
    let units: Vec<u16> = name.encode_utf16().collect();
    let parts = units.chunks(PER_ENTRY);
    let last = parts.len();
    let mut out: Vec<[u8; 32]> = parts
        .enumerate()
        .map(|(index, part)| {
            let mut entry = [0; 32];
            let number = index as u8 + 1;
            entry[0] = if index + 1 == last {
                number | 0x40
            } else {
                number
            };
            entry[11] = ATTR_LONG;
            entry[13] = checksum(short);
            for (position, place) in PLACES.into_iter().enumerate() {
                // A zero ends the name; the rest is filled with 0xffff.
                let unit = match position.cmp(&part.len()) {
                    std::cmp::Ordering::Less => part[position],
                    std::cmp::Ordering::Equal => 0,
                    std::cmp::Ordering::Greater => 0xffff,
                };
                entry[place..place + 2].copy_from_slice(&unit.to_le_bytes());
            }
            entry
        })
        .collect();
    out.reverse();
    out
}

/// Collects the long entries of a name until its short entry follows.
#[derive(Default)]
pub(crate) struct LongName {
    units: Vec<u16>,
    checksum: u8,
    next: u8,
}

impl LongName {
    pub(crate) fn is_part(entry: &[u8]) -> bool {
        entry[11] & 0x3f == ATTR_LONG
    }

    pub(crate) fn add(&mut self, entry: &[u8]) {
        let number = entry[0] & 0x3f;
        if entry[0] & 0x40 != 0 {
            self.units.clear();
            self.checksum = entry[13];
        } else if number != self.next || entry[13] != self.checksum {
            *self = Self::default();
            return;
        }
        self.next = number.wrapping_sub(1);
        let part = PLACES.map(|place| u16::from_le_bytes([entry[place], entry[place + 1]]));
        self.units.splice(0..0, part);
    }

    /// The long name, if all its parts were there and belong to this short name.
    pub(crate) fn take(&mut self, short: &Short) -> Option<String> {
        let found = std::mem::take(self);
        let complete = found.next == 0 && !found.units.is_empty();
        if !complete || found.checksum != checksum(short) {
            return None;
        }
        let end = found.units.iter().position(|&unit| unit == 0);
        let units = &found.units[..end.unwrap_or(found.units.len())];
        Some(String::from_utf16_lossy(units))
    }
}

#[cfg(test)]
mod tests {
    use super::{LongName, check, fold, long_entries, needs_long, short_text, shorten};
    use std::collections::HashSet;

    fn short(name: &str, taken: &mut HashSet<[u8; 11]>) -> String {
        short_text(&shorten(name, taken).expect("a name is free"))
    }

    #[test]
    fn short_names() {
        for (name, expected) in [
            ("BOOTX64.EFI", "BOOTX64.EFI"),
            ("loader.conf", "LOADER~1.CON"),
            ("foo.txt", "FOO.TXT"),
            ("a very long name.text", "AVERYL~1.TEX"),
            ("a.b.c", "AB~1.C"),
            (".profile", "PROFIL~1"),
            ("grüße", "GR__E~1"),
            ("x+y", "X_Y~1"),
            ("日本", "__~1"),
        ] {
            assert_eq!(short(name, &mut HashSet::new()), expected, "{name}");
        }
    }

    #[test]
    fn collisions_are_numbered() {
        let mut taken = HashSet::new();
        for number in 1..=12 {
            let tail = format!("~{number}");
            let expected = format!("{}{tail}.TXT", &"LONGFILE"[..8 - tail.len()]);
            assert_eq!(
                short(&format!("long file {number}.txt"), &mut taken),
                expected
            );
        }
        assert_eq!(short("longfi~1.txt", &mut taken), "LONGF~13.TXT");
    }

    #[test]
    fn long_names_come_back() {
        for name in [
            "a",
            "thirteen char",
            "fourteen chars",
            "日本語 😀.txt",
            &"x".repeat(255),
        ] {
            let short = shorten(name, &mut HashSet::new()).expect("is free");
            assert!(needs_long(name, &short));
            let mut found = LongName::default();
            for entry in long_entries(name, &short) {
                found.add(&entry);
            }
            assert_eq!(found.take(&short).as_deref(), Some(name));
        }
    }

    #[test]
    fn bad_names_are_refused() {
        for name in ["", "..", "a:b", "a.", "a ", " a", "tab\t", &"x".repeat(256)] {
            assert!(check(name).is_err(), "{name}");
        }
        assert!(check("grüße.txt").is_ok());
        assert_eq!(fold("grüße"), "GRÜßE");
    }
}
