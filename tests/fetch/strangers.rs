//! Hostile servers and special files: no fetch runs without an end, and HTML pages are not taken for files.

use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::server::{Reply, Server};
use crate::support::{noise, sha256};
use crate::{HASTY, QUICK, Scratch, assert_failed, assert_fetched};

/// More bytes than any answer without content may have, but few enough that the test ends without that limit.
const FLOOD: usize = 256 << 20;

/// Sends the same line again and again until the client has gone. Counts the sent bytes.
fn flood(reply: &mut Reply<'_>, line: &str, sent: &AtomicUsize) {
    let block = line.repeat(1 + (64 << 10) / line.len());
    while sent.load(Ordering::Relaxed) < FLOOD && reply.raw(block.as_bytes()) {
        sent.fetch_add(block.len(), Ordering::Relaxed);
    }
    reply.close();
}

/// A server that sends a start, and then endless data.
fn flooding(start: Vec<u8>, line: &'static str) -> (Server, Arc<AtomicUsize>) {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = sent.clone();
    let server = Server::start(move |_, reply| {
        reply.raw(&start);
        flood(reply, line, &count);
    });
    (server, sent)
}

fn chunked(content: &[u8], last: &str) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n",
        content.len()
    );
    [head.as_bytes(), content, last.as_bytes()].concat()
}

#[test]
fn trailers_without_an_end() {
    let (scratch, content) = (Scratch::new(), noise(1, 5000));
    let (server, sent) = flooding(
        chunked(&content, "\r\n0\r\n"),
        "X-Trailer: and another one\r\n",
    );
    let fields = format!("urls = {{ '{}' }}", server.url("f"));
    let result = scratch.one(HASTY, &fields);
    assert_failed(&scratch, &result, &["protocol"], &[]);
    assert!(
        result.message(0).contains("nothing of the file"),
        "{result:?}"
    );
    assert!(sent.load(Ordering::Relaxed) < FLOOD, "all of it was taken");
    // With a digest, data after the file does not matter.
    let result = scratch.from(HASTY, &server, &content);
    assert_fetched(&scratch, &result, &content, &[]);
    assert!(sent.load(Ordering::Relaxed) < FLOOD, "all of it was taken");
}

#[test]
fn nothing_else_goes_on_without_an_end() {
    for (start, line) in [
        (b"".to_vec(), "HTTP/1.1 103 Early Hints\r\n\r\n"),
        (
            b"HTTP/1.1 200 OK\r\n".to_vec(),
            "X-Header: and another one\r\n",
        ),
        (chunked(&noise(1, 100), "\r\n5;"), "extension;"),
        (chunked(&noise(1, 100), "\r\n0;"), "extension;"),
    ] {
        let scratch = Scratch::new();
        let (server, sent) = flooding(start, line);
        let fields = format!("urls = {{ '{}' }}, max_size = 1000000", server.url("f"))
            .replace(", max_size = 1000000", "");
        let result = scratch.one(HASTY, &fields);
        assert!(!result.ok(), "{line}: {result:?}");
        assert!(
            sent.load(Ordering::Relaxed) < FLOOD,
            "{line}: all of it was taken"
        );
    }
}

#[test]
fn a_server_that_closes_every_64_kib() {
    let (scratch, content) = (Scratch::new(), noise(1, 2_000_000));
    let server = {
        let content = content.clone();
        Server::start(move |request, reply| {
            let start = request.range().unwrap_or(0);
            let end = content.len().min(start + (64 << 10));
            let length = (content.len() - start).to_string();
            let range = format!("bytes {start}-{}/{}", content.len() - 1, content.len());
            let status = if start > 0 {
                "206 Partial Content"
            } else {
                "200 OK"
            };
            reply.head(
                status,
                &[("Content-Length", &length), ("Content-Range", &range)],
            );
            reply.raw(&content[start..end]);
            reply.close();
        })
    };
    let result = scratch.from(HASTY, &server, &content);
    let pieces = content.len() / (64 << 10);
    assert_fetched(&scratch, &result, &content, &vec!["truncated"; pieces]);
}

#[test]
fn a_named_pipe_is_no_file() {
    let (source, scratch) = (Scratch::new(), Scratch::new());
    let pipe = source.file("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("it can be made");
    let fields = format!(
        "urls = {{ '{}' }}, sha256 = '{}'",
        pipe.display(),
        sha256(b"x")
    );
    let result = scratch.one(HASTY, &fields);
    assert_failed(&scratch, &result, &["not_a_file"], &[]);
    assert!(
        result.message(0).contains("it is a FIFO, and no file"),
        "{result:?}"
    );
    // The same if the target is a FIFO.
    std::fs::rename(&pipe, scratch.file("f")).expect("both are of one file system");
    let result = scratch.one(HASTY, &format!("urls = {{}}, sha256 = '{}'", sha256(b"x")));
    assert_failed(&scratch, &result, &["not_a_file"], &["f"]);
}

/// A page like that of a portal.
const PAGE: &str =
    "\n<!DOCTYPE html>\n<html><head><title>Log in to the network</title></head></html>\n";

#[test]
fn a_page_is_no_file() {
    let (scratch, server) = (Scratch::new(), Server::constant(PAGE.into()));
    let url = server.url("f");
    let said = "it is an HTML page, `Log in to the network`, and not the file";
    let result = scratch.one(QUICK, &format!("urls = {{ '{url}' }}"));
    assert_failed(&scratch, &result, &["html"], &[]);
    assert_eq!(result.message(0), said);
    let result = scratch.from(QUICK, &server, &noise(1, 100));
    assert_failed(&scratch, &result, &["hash_mismatch"], &[]);
    assert!(result.message(0).starts_with(said), "{result:?}");
    assert!(
        result.message(0).contains(&sha256(PAGE.as_bytes())),
        "{result:?}"
    );
    let result = scratch.one(QUICK, &format!("urls = {{ '{url}' }}, size = 5000"));
    assert!(result.message(0).contains("5000"), "{result:?}");
    // A page is accepted if a page is wanted.
    let result = scratch.from(QUICK, &server, PAGE.as_bytes());
    assert_fetched(&scratch, &result, PAGE.as_bytes(), &[]);
    let all = scratch.fetch(&format!(
        "{QUICK}, files = {{ {{ path = 'page.html', urls = {{ '{url}' }} }} }}"
    ));
    assert!(all[0].ok(), "{all:?}");
}

#[test]
fn passwords_are_sent_and_never_shown() {
    let content = noise(1, 100);
    let server = {
        let content = content.clone();
        Server::start(move |request, reply| {
            let known = request.header("authorization") == Some("Basic bmFtZTpzZWNyZXQ=");
            match request.target.as_str() {
                "/f" if known => reply.file(request, &[], &content),
                "/f" => reply.answer("401 Unauthorized", &[], b""),
                "/away" => reply.answer(
                    "302 Found",
                    &[("Location", "ftp://name:secret@host/f")],
                    b"",
                ),
                "/round" => reply.answer(
                    "302 Found",
                    &[(
                        "Location",
                        &format!(
                            "http://name:secret@{}/round",
                            request.header("host").expect("a host")
                        ),
                    )],
                    b"",
                ),
                _ => reply.answer("404 Not Found", &[], b""),
            }
        })
    };
    let with = |path: &str| server.url(path).replace("http://", "http://name:secret@");
    let scratch = Scratch::new();
    let fields = format!(
        "urls = {{ '{}', '{}', '{}', 'http://name:secret@/', '{}' }}, sha256 = '{}'",
        with("absent"),
        with("away"),
        with("round"),
        with("f"),
        sha256(&content)
    );
    let options = format!("{QUICK}, files = {{ {{ path = 'f', {fields} }} }}");
    let mut command = crate::command(scratch.path(), &options);
    let output = command.env("BQ_LOG", "trace").output().expect("bq runs");
    let result = &crate::results(&output)[0];
    assert_fetched(
        &scratch,
        result,
        &content,
        &["http_404", "redirect", "redirect", "url"],
    );
    assert_eq!(
        result.text("url"),
        Some(server.url("f").replace("http://", "http://***@").as_str())
    );
    for text in [&output.stdout, &output.stderr] {
        let text = std::ffi::OsStr::from_bytes(text).to_string_lossy();
        for secret in ["secret", "bmFtZTpzZWNyZXQ"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    assert!(!output.stderr.is_empty(), "nothing was logged");
}

#[test]
fn texts_are_shown_without_passwords() {
    let scratch = Scratch::new();
    let code = r#"local fetch, log, fail = require "bq.fetch", require "bq.log", require "bq.fail"
        print(fetch.shown "alpine@https://name:secret@host/x", fetch.shown "a@b", fetch.shown "http://h/a@b", fetch.shown "\xff")
        log.warn "http://name:secret@host/"
        fail.raise("cannot read `http://name:secret@host/`", { cause = "http://name:secret@host/", hint = "http://name:secret@host/" })"#;
    let output = crate::bq(scratch.path())
        .args(["-e", code])
        .output()
        .expect("bq runs");
    assert_eq!(
        output.stdout,
        b"alpine@https://***@host/x\ta@b\thttp://h/a@b\t\xff\n"
    );
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        !text.contains("secret") && text.matches("http://***@host/").count() == 4,
        "{text}"
    );
}
