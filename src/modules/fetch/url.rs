//! URLs of files, and which redirects are followed.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use ureq::http::Uri;

use super::failure::{Failure, Next};
use crate::tree::address::hidden_text;

/// Where a file comes from.
#[derive(Debug, PartialEq)]
pub(super) enum Source {
    Http(Uri),
    File(PathBuf),
}

/// Reads a URL, or a plain path.
pub(super) fn parse(text: &OsStr) -> Result<Source, Failure> {
    let bytes = text.as_bytes();
    let Some(end) = bytes.windows(3).position(|three| three == b"://") else {
        return Ok(Source::File(PathBuf::from(text)));
    };
    let (scheme, rest) = (bytes[..end].to_ascii_lowercase(), &bytes[end + 3..]);
    if !scheme.iter().all(u8::is_ascii_alphanumeric) {
        return Ok(Source::File(PathBuf::from(text)));
    }
    match scheme.as_slice() {
        b"http" | b"https" => Ok(Source::Http(uri(&printable(bytes))?)),
        b"file" => {
            let path = rest.strip_prefix(b"localhost").unwrap_or(rest);
            if path.first() == Some(&b'/') {
                Ok(Source::File(PathBuf::from(decoded(path))))
            } else {
                Err(bad("url", "a file URL has the form `file:///path`"))
            }
        }
        other => Err(bad(
            "scheme",
            format!("`{}` is none of http, https and file", other.escape_ascii()),
        )),
    }
}

/// The target of a redirect. It must be http or https, and never leads from https to http.
pub(super) fn redirect(from: &Uri, location: &[u8]) -> Result<Uri, Failure> {
    let text = join(from, &printable(location));
    let refused = |why| {
        bad(
            "redirect",
            format!("refused a redirect {why}: {}", hidden_text(&text)),
        )
    };
    let scheme = text.split(':').next().unwrap_or_default();
    let is_secure = scheme.eq_ignore_ascii_case("https");
    if !is_secure && !scheme.eq_ignore_ascii_case("http") {
        return Err(refused("to neither http nor https"));
    }
    if from.scheme_str() == Some("https") && !is_secure {
        return Err(refused("from https to http"));
    }
    uri(&text).map_err(|_| refused("to an invalid URL"))
}

fn uri(text: &str) -> Result<Uri, Failure> {
    text.parse::<Uri>()
        .ok()
        .filter(|uri| uri.host().is_some_and(|host| !host.is_empty()))
        .ok_or_else(|| bad("url", format!("`{}` is not a URL", hidden_text(text))))
}

fn bad(code: &str, message: impl Into<String>) -> Failure {
    Failure::new(code, Next::OtherUrl, message)
}

/// Writes bytes that are not allowed in a URL as `%XX`.
fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes.trim_ascii() {
        if byte.is_ascii_graphic() {
            text.push(char::from(byte));
        } else {
            text.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    text
}

fn digit(value: u8) -> char {
    char::from(b"0123456789ABCDEF"[usize::from(value)])
}

fn decoded(bytes: &[u8]) -> OsString {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        let digits = tail.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match digits.map(|two| u8::from_str_radix(two, 16)) {
            Some(Ok(value)) if byte == b'%' => {
                out.push(value);
                rest = &tail[2..];
            }
            _ => {
                out.push(byte);
                rest = tail;
            }
        }
    }
    OsString::from_vec(out)
}

/// Resolves a reference against the URL that it was found at (RFC 3986, section 5.2).
fn join(base: &Uri, reference: &str) -> String {
    let reference = reference.split('#').next().unwrap_or_default();
    let scheme = base.scheme_str().unwrap_or("http");
    let authority = base.authority().map_or("", |a| a.as_str());
    let has_scheme = reference.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    });
    if has_scheme {
        return reference.to_owned();
    }
    if reference.starts_with("//") {
        return format!("{scheme}:{reference}");
    }
    let (path, query) = match reference.split_once('?') {
        Some((path, query)) => (path, format!("?{query}")),
        None => (reference, String::new()),
    };
    let path = if path.starts_with('/') {
        path.to_owned()
    } else if path.is_empty() {
        base.path().to_owned()
    } else {
        let folder = base.path().rfind('/').map_or("", |end| &base.path()[..end]);
        format!("{folder}/{path}")
    };
    format!("{scheme}://{authority}{}{query}", without_dots(&path))
}

fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for part in path.split('/').skip(1) {
        match part {
            "." => {}
            ".." => drop(kept.pop()),
            _ => kept.push(part),
        }
    }
    if path.ends_with("/.") || path.ends_with("/..") {
        kept.push("");
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::{Source, parse, redirect};
    use std::ffi::OsStr;
    use std::path::PathBuf;

    fn source(text: &str) -> Result<Source, String> {
        parse(OsStr::new(text)).map_err(|failure| failure.code)
    }

    #[test]
    fn sources() {
        let file = |path: &str| Ok(Source::File(PathBuf::from(path)));
        assert_eq!(source("a/b.tar"), file("a/b.tar"));
        assert_eq!(source("./x://y"), file("./x://y"));
        assert_eq!(source("file:///a%20b%2"), file("/a b%2"));
        assert_eq!(source("file://localhost/a"), file("/a"));
        assert_eq!(source("file://host/a"), Err("url".into()));
        assert_eq!(source("ftp://host/a"), Err("scheme".into()));
        assert_eq!(source("http:///a"), Err("url".into()));
        assert!(
            matches!(source("HTTPS://host/a b"), Ok(Source::Http(uri)) if uri.path() == "/a%20b")
        );
    }

    fn follow(from: &str, to: &str) -> Result<String, String> {
        redirect(&from.parse().expect("parses"), to.as_bytes())
            .map(|uri| uri.to_string())
            .map_err(|failure| failure.code)
    }

    #[test]
    fn redirects() {
        let from = "http://host:8080/a/b/c?q";
        for (to, expected) in [
            ("https://other/x", "https://other/x"),
            ("//other/x", "http://other/x"),
            ("/x?y#z", "http://host:8080/x?y"),
            ("x", "http://host:8080/a/b/x"),
            ("../x/./y/..", "http://host:8080/a/x/"),
            ("../../../../x", "http://host:8080/x"),
            ("?y=http://z", "http://host:8080/a/b/c?y=http://z"),
            ("a b", "http://host:8080/a/b/a%20b"),
        ] {
            assert_eq!(follow(from, to), Ok(expected.into()), "{to}");
        }
    }

    #[test]
    fn refused_redirects() {
        let refused = Err("redirect".into());
        assert_eq!(follow("https://host/a", "http://host/a"), refused);
        assert_eq!(follow("https://host/a", "HTTP://host/a"), refused);
        assert_eq!(follow("http://host/a", "ftp://host/etc/passwd"), refused);
        assert_eq!(
            follow("https://host/a", "//host/b"),
            Ok("https://host/b".into())
        );
        assert_eq!(follow("http://host/a", "file:///etc/passwd"), refused);
        assert_eq!(follow("http://host/a", "javascript:x"), refused);
        assert_eq!(follow("http://host/a", "http://"), refused);
    }
}
