//! Names inside archives: which are taken, how patterns match them, how they are shown.

/// Longest name and longest component that a kernel takes, and the deepest tree that we make.
const NAME_MAX: usize = 4095;
const COMPONENT_MAX: usize = 255;
const DEPTH_MAX: usize = 256;

/// Brings a name to its plain form: no `.` components, no doubled or trailing slashes; empty for the top itself.
/// What could leave the target, or could not be made, is an error that says why.
pub(super) fn normalise(raw: &[u8]) -> Result<Vec<u8>, &'static str> {
    if raw.is_empty() {
        return Err("an empty name");
    }
    if raw[0] == b'/' {
        return Err("an absolute name");
    }
    if raw.contains(&0) {
        return Err("a NUL in its name");
    }
    if raw.len() > NAME_MAX {
        return Err("a name of more than 4095 bytes");
    }
    let mut name = Vec::with_capacity(raw.len());
    let mut depth = 0;
    for component in components(raw) {
        if component == b".." {
            return Err("`..` in its name");
        }
        if component.len() > COMPONENT_MAX {
            return Err("a name with a component of more than 255 bytes");
        }
        depth += 1;
        if depth > DEPTH_MAX {
            return Err("a name of more than 256 components");
        }
        if !name.is_empty() {
            name.push(b'/');
        }
        name.extend_from_slice(component);
    }
    Ok(name)
}

/// The components of a path, without empty ones and `.`.
pub(super) fn components(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/')
        .filter(|component| !component.is_empty() && *component != b".")
}

/// The folder and the last component of a plain name.
pub(super) fn split(name: &[u8]) -> (&[u8], &[u8]) {
    match name.iter().rposition(|&byte| byte == b'/') {
        Some(slash) => (&name[..slash], &name[slash + 1..]),
        None => (&[], name),
    }
}

/// Drops leading components; `None` if the name has no more than that.
pub(super) fn strip(name: &[u8], count: usize) -> Option<&[u8]> {
    let mut rest = name;
    for _ in 0..count {
        let slash = rest.iter().position(|&byte| byte == b'/')?;
        rest = &rest[slash + 1..];
    }
    Some(rest)
}

/// How many folders a link's text climbs above the folder that it lies in, at most, and whether a `..` follows a name.
pub(super) fn climb(text: &[u8]) -> (usize, bool) {
    let (mut depth, mut highest, mut after_name, mut named) = (0_isize, 0_isize, false, false);
    for component in components(text) {
        if component == b".." {
            depth -= 1;
            after_name |= named;
        } else {
            depth += 1;
            named = true;
        }
        highest = highest.min(depth);
    }
    (highest.unsigned_abs(), after_name)
}

/// Patterns that name paths and what is below them.
#[derive(Clone, Debug, Default)]
pub(super) struct Patterns(Vec<Vec<Vec<u8>>>);

impl Patterns {
    pub(super) fn new<'a>(patterns: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let split = |pattern: &'a [u8]| components(pattern).map(<[u8]>::to_vec).collect();
        Self(patterns.into_iter().map(split).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The path is one of these, or lies below one.
    pub(super) fn cover(&self, path: &[u8]) -> bool {
        self.0.iter().any(|pattern| {
            let mut path = components(path);
            pattern
                .iter()
                .all(|want| path.next().is_some_and(|have| wildcard(want, have)))
        })
    }
}

/// Matches one component; `*` stands for any run of bytes.
fn wildcard(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && pattern[p] == text[t] {
            p += 1;
            t += 1;
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            p = at + 1;
            t = from + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

/// A name as people may see it: what is no text, or would move the cursor or reorder the line, is escaped.
pub(crate) fn shown(name: &[u8]) -> String {
    let mut out = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\t' => out.push_str("\\t"),
                c if c.is_control() || hidden(c) => {
                    out.extend(c.escape_unicode());
                }
                c => out.push(c),
            }
        }
        for byte in chunk.invalid() {
            out.push_str("\\x");
            out.push_str(&super::hex(&[*byte]));
        }
    }
    out
}

/// Characters without a width, or that change the direction of a line.
fn hidden(c: char) -> bool {
    matches!(u32::from(c), 0xad | 0x61c | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff | 0xe_0000..=0xe_0fff)
}

#[cfg(test)]
mod tests {
    use super::{Patterns, climb, normalise, shown, strip, wildcard};

    #[test]
    fn names_become_plain() {
        assert_eq!(normalise(b"./a//b/./c/"), Ok(b"a/b/c".to_vec()));
        assert_eq!(normalise(b"./"), Ok(Vec::new()));
        assert_eq!(normalise(b"..a/b.."), Ok(b"..a/b..".to_vec()));
        for bad in [b"".as_slice(), b"/a", b"a/../b", b"..", b"a\0b"] {
            assert!(normalise(bad).is_err(), "{bad:?}");
        }
        assert!(normalise(&[b'x'; 256]).is_err());
        assert!(normalise(&b"d/".repeat(257)).is_err());
        assert!(normalise(&b"d/".repeat(256)).is_ok());
    }

    #[test]
    fn components_are_stripped() {
        assert_eq!(strip(b"a/b/c", 1), Some(b"b/c".as_slice()));
        assert_eq!(strip(b"a", 1), None);
        assert_eq!(strip(b"a", 0), Some(b"a".as_slice()));
    }

    #[test]
    fn links_climb() {
        assert_eq!(climb(b"../../x"), (2, false));
        assert_eq!(climb(b"a/../../x"), (1, true));
        assert_eq!(climb(b"a/.."), (0, true));
        assert_eq!(climb(b"./a"), (0, false));
    }

    #[test]
    fn patterns_match_by_component() {
        let patterns = Patterns::new([b"usr/share/doc".as_slice(), b"*/x*.h"]);
        assert!(patterns.cover(b"usr/share/doc"));
        assert!(patterns.cover(b"usr/share/doc/a/b"));
        assert!(patterns.cover(b"inc/xyz.h"));
        assert!(!patterns.cover(b"usr/share/docs"));
        assert!(!patterns.cover(b"usr/share"));
        assert!(!patterns.cover(b"inc/sub/xyz.h"));
        assert!(wildcard(b"*a*b*", b"xxaxxbxx"));
        assert!(!wildcard(b"*a*b", b"xxaxxbxx"));
        assert!(wildcard(b"*", b""));
    }

    #[test]
    fn names_are_shown_safely() {
        assert_eq!(shown(b"a\x1b[31m\xff\n\\"), "a\\u{1b}[31m\\xff\\n\\\\");
        assert_eq!(shown("für\u{202e}".as_bytes()), "für\\u{202e}");
    }
}
