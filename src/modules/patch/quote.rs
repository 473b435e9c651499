//! File names in the headers of a patch. They may be quoted as by git, and a time may follow.

/// Reads a name in double quotes, with the escapes of C. Returns the name and the number of bytes read.
pub(super) fn unquote(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut out = Vec::new();
    let mut at = 1;
    if *text.first()? != b'"' {
        return None;
    }
    loop {
        let byte = *text.get(at)?;
        at += 1;
        match byte {
            b'"' => return Some((out, at)),
            b'\\' => {
                let escape = *text.get(at)?;
                at += 1;
                out.push(match escape {
                    b'a' => 7,
                    b'b' => 8,
                    b't' => b'\t',
                    b'n' => b'\n',
                    b'v' => 11,
                    b'f' => 12,
                    b'r' => b'\r',
                    b'"' | b'\\' => escape,
                    b'0'..=b'3' => {
                        let mut value = escape - b'0';
                        for _ in 0..2 {
                            let digit = text.get(at)?.checked_sub(b'0').filter(|d| *d < 8)?;
                            value = value * 8 + digit;
                            at += 1;
                        }
                        value
                    }
                    _ => return None,
                });
            }
            _ => out.push(byte),
        }
    }
}

/// The name on a `---` or `+++` line, and the rest of the line.
pub(super) fn name_and_rest(line: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    if line.first() == Some(&b'"') {
        let (name, length) = unquote(line)?;
        return Some((name, &line[length..]));
    }
    let end = match line.iter().position(|&byte| byte == b'\t') {
        Some(tab) => tab,
        // Without a tab, a space may be part of the name. Text that looks like a time is not.
        None => (1..line.len())
            .find(|&at| line[at] == b' ' && is_time(&line[at + 1..]))
            .unwrap_or(line.len()),
    };
    let name = line[..end].trim_ascii_end();
    (!name.is_empty()).then(|| (name.to_vec(), &line[end..]))
}

/// `2026-01-31 12:00:00…` or `Sat Jan 31 12:00:00 2026…`.
fn is_time(text: &[u8]) -> bool {
    matches(text, b"dddd-dd-dd dd:dd:dd") || matches(text, b"Lll Lll ?d dd:dd:dd dddd")
}

/// Compares with a pattern: `d` is a digit, `?` a digit or space, `L` and `l` are letters.
fn matches(text: &[u8], shape: &[u8]) -> bool {
    text.len() >= shape.len()
        && shape.iter().zip(text).all(|(want, have)| match want {
            b'd' => have.is_ascii_digit(),
            b'?' => have.is_ascii_digit() || *have == b' ',
            b'L' => have.is_ascii_uppercase(),
            b'l' => have.is_ascii_lowercase(),
            other => have == other,
        })
}

/// Whether the time after a name is the first second of 1970. diff writes it for a file that does not exist.
pub(super) fn is_epoch(rest: &[u8]) -> bool {
    let text = rest.trim_ascii();
    if !matches(text, b"dddd-dd-dd dd:dd:dd") {
        return false;
    }
    let number = |from: usize| i64::from(text[from] - b'0') * 10 + i64::from(text[from + 1] - b'0');
    let clock = number(11) * 3600 + number(14) * 60 + number(17);
    let day = match &text[..10] {
        b"1970-01-01" => 0,
        b"1969-12-31" => -86400,
        _ => return false,
    };
    let mut zone = &text[19..];
    if let Some(fraction) = zone.strip_prefix(b".") {
        let digits = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
        if fraction[..digits].iter().any(|&digit| digit != b'0') {
            return false;
        }
        zone = &fraction[digits..];
    }
    let zone = zone.trim_ascii();
    let shift = if matches(zone, b"+dddd") || matches(zone, b"-dddd") {
        let digit = |at: usize| i64::from(zone[at] - b'0');
        let minutes = (digit(1) * 10 + digit(2)) * 60 + digit(3) * 10 + digit(4);
        if zone[0] == b'-' { -minutes } else { minutes }
    } else {
        0
    };
    day + clock - shift * 60 == 0
}

/// Drops leading components, as `patch -p` counts them. `None` if nothing is left.
pub(super) fn strip(name: &[u8], count: usize) -> Option<&[u8]> {
    let mut rest = name;
    for _ in 0..count {
        let slash = rest.iter().position(|&byte| byte == b'/')?;
        let after = rest[slash..].iter().position(|&byte| byte != b'/')?;
        rest = &rest[slash + after..];
    }
    (!rest.is_empty()).then_some(rest)
}

/// The two names of a `diff --git` line. They must be the same except for their first component.
pub(super) fn git_names(text: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    if text.first() == Some(&b'"') {
        let (old, length) = unquote(text)?;
        let rest = text[length..].strip_prefix(b" ")?;
        return Some((old, whole(rest)?));
    }
    if text.last() == Some(&b'"') {
        let at = text.windows(2).position(|pair| pair == b" \"")?;
        return Some((text[..at].to_vec(), whole(&text[at + 1..])?));
    }
    // The names may contain spaces. The one between them is where both sides are the same.
    let spaces = || (1..text.len()).filter(|&at| text[at] == b' ');
    let same = |old: &[u8], new: &[u8]| {
        old == new || strip(old, 1).is_some_and(|old| Some(old) == strip(new, 1))
    };
    spaces()
        .find(|&at| same(&text[..at], &text[at + 1..]))
        .map(|at| (text[..at].to_vec(), text[at + 1..].to_vec()))
}

/// Reads a name that is the whole text, quoted or not.
pub(super) fn whole(text: &[u8]) -> Option<Vec<u8>> {
    if text.first() == Some(&b'"') {
        let (name, length) = unquote(text)?;
        return (length == text.len()).then_some(name);
    }
    (!text.is_empty()).then(|| text.to_vec())
}

#[cfg(test)]
mod tests {
    use super::{git_names, is_epoch, name_and_rest, strip, unquote};

    #[test]
    fn quoted_names() {
        let (name, length) = unquote(br#""a/f\303\274r \"x\"\t\\" rest"#).expect("is quoted");
        assert_eq!(name, "a/für \"x\"\t\\".as_bytes());
        assert_eq!(length, 24);
        for bad in [
            br#""open"#.as_slice(),
            br#""\9""#,
            br#""\40""#,
            br#""\400""#,
        ] {
            assert_eq!(unquote(bad), None);
        }
    }

    #[test]
    fn names_end_before_times() {
        for (line, name) in [
            ("a/b c\t2026-01-31 12:00:00 +0000", "a/b c"),
            ("a/b c 2026-01-31 12:00:00.5 +0000", "a/b c"),
            ("a/b c Sat Jan  3 12:00:00 2026", "a/b c"),
            ("a/b c", "a/b c"),
            ("a/b\r", "a/b"),
            ("\"a/\\303\\274\"\t", "a/ü"),
        ] {
            let (found, _) = name_and_rest(line.as_bytes()).expect("a name");
            assert_eq!(found, name.as_bytes());
        }
    }

    #[test]
    fn the_epoch_in_any_zone() {
        for text in [
            "\t1970-01-01 00:00:00.000000000 +0000",
            "\t1970-01-01 01:00:00 +0100",
            " 1969-12-31 19:00:00.000 -0500",
            "\t1970-01-01 00:00:00",
        ] {
            assert!(is_epoch(text.as_bytes()), "{text}");
        }
        for text in [
            "",
            "\t1970-01-01 00:00:00.5 +0000",
            "\t1970-01-01 01:00:00 +0000",
        ] {
            assert!(!is_epoch(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn components_are_counted_as_patch_does() {
        assert_eq!(strip(b"a//b/c", 1), Some(b"b/c".as_slice()));
        assert_eq!(strip(b"./b", 1), Some(b"b".as_slice()));
        assert_eq!(strip(b"a/", 1), None);
        assert_eq!(strip(b"a", 1), None);
    }

    #[test]
    fn names_of_a_git_line() {
        for (line, old, new) in [
            ("a/x b/x", "a/x", "b/x"),
            ("a/x y b/x y", "a/x y", "b/x y"),
            ("x y x y", "x y", "x y"),
            (r#""a/\303\274" b/x"#, "a/ü", "b/x"),
            (r#"a/x y "b/\303\274""#, "a/x y", "b/ü"),
        ] {
            let names = git_names(line.as_bytes()).expect(line);
            assert_eq!(names, (old.as_bytes().to_vec(), new.as_bytes().to_vec()));
        }
        assert_eq!(git_names(b"a/x b/y"), None);
    }
}
