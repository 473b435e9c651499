//! File names: components, patterns, and how they are shown.

use super::digest::hex;

/// The components of a path, without empty ones and `.`.
pub(crate) fn components(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/')
        .filter(|component| !component.is_empty() && *component != b".")
}

/// Patterns that match paths, and everything below them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Patterns(Vec<Vec<Vec<u8>>>);

impl Patterns {
    pub(crate) fn new<'a>(patterns: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let split = |pattern: &'a [u8]| components(pattern).map(<[u8]>::to_vec).collect();
        Self(patterns.into_iter().map(split).collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a pattern matches the path, or a folder above it.
    pub(crate) fn cover(&self, path: &[u8]) -> bool {
        self.0.iter().any(|pattern| {
            let mut path = components(path);
            pattern
                .iter()
                .all(|want| path.next().is_some_and(|have| wildcard(want, have)))
        })
    }
}

/// Matches one component. `*` matches any number of bytes.
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

/// A name for a message. Bytes that are not text, and characters that move the cursor or reorder the line, are escaped.
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
            out.push_str(&hex(&[*byte]));
        }
    }
    out
}

/// Characters that have no width, or change the direction of a line.
fn hidden(c: char) -> bool {
    matches!(u32::from(c), 0xad | 0x61c | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff | 0xe_0000..=0xe_0fff)
}

#[cfg(test)]
mod tests {
    use super::{Patterns, shown, wildcard};

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
