//! Names and links inside a tree: which are allowed.

use super::names::components;

/// The longest name and component that the kernel accepts, and the deepest tree that bq makes.
const NAME_MAX: usize = 4095;
const COMPONENT_MAX: usize = 255;
const DEPTH_MAX: usize = 256;

/// Brings a name to its plain form: no `.` components, no doubled or trailing slashes. The name of the top folder is empty.
/// A name that could leave the tree or cannot be made is an error. The error is the reason.
pub(crate) fn normalise(raw: &[u8]) -> Result<Vec<u8>, &'static str> {
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

/// Splits a plain name into its folder and its last component.
pub(crate) fn split(name: &[u8]) -> (&[u8], &[u8]) {
    match name.iter().rposition(|&byte| byte == b'/') {
        Some(slash) => (&name[..slash], &name[slash + 1..]),
        None => (&[], name),
    }
}

/// Drops leading components. `None` if nothing is left.
pub(crate) fn strip(name: &[u8], count: usize) -> Option<&[u8]> {
    let mut rest = name;
    for _ in 0..count {
        let slash = rest.iter().position(|&byte| byte == b'/')?;
        rest = &rest[slash + 1..];
    }
    Some(rest)
}

/// The number of folders that a link's text climbs above the link's own folder, and whether a `..` follows a name.
pub(crate) fn climb(text: &[u8]) -> (usize, bool) {
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

#[cfg(test)]
mod tests {
    use super::{climb, normalise, strip};

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
}
