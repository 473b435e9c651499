//! Removes user names and passwords from addresses, before they are shown or stored.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// Replaces the part before the `@` of the host by `***`.
pub(crate) fn hidden(address: &[u8]) -> Vec<u8> {
    let Some(scheme) = address.windows(3).position(|three| three == b"://") else {
        return address.to_vec();
    };
    if !address[..scheme].iter().all(u8::is_ascii_alphanumeric) {
        return address.to_vec();
    }
    let (before, rest) = address.split_at(scheme + 3);
    let end = rest.iter().position(|byte| b"/?#".contains(byte));
    let authority = &rest[..end.unwrap_or(rest.len())];
    match authority.iter().rposition(|&byte| byte == b'@') {
        Some(at) => [before, b"***", &rest[at..]].concat(),
        None => address.to_vec(),
    }
}

pub(crate) fn hidden_path(address: &OsStr) -> OsString {
    OsString::from_vec(hidden(address.as_bytes()))
}

pub(crate) fn hidden_text(address: &str) -> String {
    String::from_utf8_lossy(&hidden(address.as_bytes())).into_owned()
}

/// Does the same for all addresses in a text.
pub(crate) fn hidden_in(text: &str) -> Cow<'_, str> {
    if !text.contains("://") || !text.contains('@') {
        return Cow::Borrowed(text);
    }
    let is_end = |c: char| c.is_whitespace() || "`'\"<>(){}[],".contains(c);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let start = rest[..at].rfind(|c: char| !c.is_ascii_alphanumeric());
        let start = start.map_or(0, |before| {
            before + rest[before..].chars().next().map_or(0, char::len_utf8)
        });
        // The brackets of an IPv6 address are part of it.
        let end = rest[at..]
            .find(|c| is_end(c) && !"[]".contains(c))
            .map_or(rest.len(), |end| at + end);
        out.push_str(&rest[..start]);
        out.push_str(&hidden_text(&rest[start..end]));
        rest = &rest[end..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::{hidden_in, hidden_text};

    #[test]
    fn in_a_text() {
        let text = "a `http://a:b@h/x` and (https://c@[::1]/), über://, http://h/ d@e";
        let shown = "a `http://***@h/x` and (https://***@[::1]/), über://, http://h/ d@e";
        assert_eq!(hidden_in(text), shown);
        assert_eq!(hidden_in("nothing"), "nothing");
    }

    #[test]
    fn passwords_are_hidden() {
        for (address, shown) in [
            (
                "https://name:secret@host:1/a@b?c",
                "https://***@host:1/a@b?c",
            ),
            ("https://token@host", "https://***@host"),
            ("http://a:b@c@host/", "http://***@host/"),
            ("https://host/a@b", "https://host/a@b"),
            ("https://host?x@y", "https://host?x@y"),
            ("./a://b@c", "./a://b@c"),
            ("a/b@c", "a/b@c"),
        ] {
            assert_eq!(hidden_text(address), shown);
        }
    }
}
