//! Files that come in several transfers.

use crate::support::server::{Reply, Request, Server};
use crate::support::{noise, sha256};
use crate::{QUICK, Scratch, assert_failed, assert_fetched};

const SIZE: usize = 300_000;
const HALF: usize = SIZE / 2;
const TAG: (&str, &str) = ("ETag", "\"one\"");
const BROKEN: &str = "the connection ended after 150000 of 300000 bytes";

/// Breaks off the first answer in the middle, with some headers. The test handles later requests.
fn breaks_off(
    content: &[u8],
    headers: &'static [(&str, &str)],
    then: impl Fn(&Request, &mut Reply<'_>, &[u8]) + Send + Sync + 'static,
) -> Server {
    let content = content.to_vec();
    Server::start(move |request, reply| match request.count {
        1 => reply.cut(headers, &content, HALF),
        _ => then(request, reply, &content),
    })
}

/// The requested offsets.
fn ranges(server: &Server) -> Vec<Option<usize>> {
    server.requests().iter().map(Request::range).collect()
}

#[test]
fn goes_on_where_it_broke_off() {
    let (scratch, content) = (Scratch::new(), noise(1, SIZE));
    let server = breaks_off(&content, &[TAG], |request, reply, content| {
        reply.file(request, &[TAG], content);
    });
    let result = scratch.from(QUICK, &server, &content);
    assert_fetched(&scratch, &result, &content, &["truncated"]);
    assert_eq!(result.message(0), BROKEN);
    assert_eq!(ranges(&server), [None, Some(HALF)]);
    assert_eq!(server.requests()[1].header("if-range"), Some("\"one\""));
}

#[test]
fn weak_tags_do_not_count_but_dates_do() {
    const HEADERS: &[(&str, &str)] = &[("ETag", "W/\"one\""), ("Last-Modified", "yesterday")];
    let (scratch, content) = (Scratch::new(), noise(1, SIZE));
    let server = breaks_off(&content, HEADERS, |request, reply, content| {
        reply.file(request, HEADERS, content);
    });
    let result = scratch.from(QUICK, &server, &content);
    assert_fetched(&scratch, &result, &content, &["truncated"]);
    assert_eq!(server.requests()[1].header("if-range"), Some("yesterday"));
}

#[test]
fn a_server_that_ignores_the_range_sends_it_whole() {
    let (scratch, content) = (Scratch::new(), noise(1, SIZE));
    let server = breaks_off(&content, &[TAG], |_, reply, content| {
        reply.answer("200 OK", &[TAG], content);
    });
    let result = scratch.from(QUICK, &server, &content);
    assert_fetched(&scratch, &result, &content, &["truncated"]);
    assert_eq!(ranges(&server), [None, Some(HALF)]);
}

#[test]
fn a_changed_file_comes_whole() {
    // The old bytes are from another file.
    let (scratch, content) = (Scratch::new(), noise(1, SIZE));
    let server = breaks_off(&noise(2, SIZE), &[TAG], {
        let content = content.clone();
        move |_, reply, _| reply.answer("200 OK", &[("ETag", "\"two\"")], &content)
    });
    let result = scratch.from(QUICK, &server, &content);
    assert_fetched(&scratch, &result, &content, &["truncated"]);
    assert_eq!(ranges(&server), [None, Some(HALF)]);
}

#[test]
fn a_wrong_piece_is_not_used() {
    let length = HALF.to_string();
    for (range, tag) in [
        ("bytes 0-149999/300000", "\"one\""),
        ("bytes 150001-300000/300001", "\"one\""),
        ("bytes 150000-299999/300001", "\"one\""),
        ("bytes 150000-299998/300000", "\"one\""),
        ("bytes 150000-149999/300000", "\"one\""),
        ("bytes 150000-300000/*", "\"one\""),
        ("pages 1-2/3", "\"one\""),
        ("bytes 150000-299999/300000", "\"two\""),
    ] {
        let (scratch, content) = (Scratch::new(), noise(1, SIZE));
        let length = length.clone();
        let server = breaks_off(&content, &[TAG], move |request, reply, content| {
            if request.range().is_none() {
                reply.answer("200 OK", &[], content);
                return;
            }
            let headers = [
                ("Content-Length", length.as_str()),
                ("Content-Range", range),
                ("ETag", tag),
            ];
            reply.head("206 Partial Content", &headers);
            reply.raw(&vec![0; HALF]);
        });
        let result = scratch.from(QUICK, &server, &content);
        assert_fetched(&scratch, &result, &content, &["truncated"]);
        assert_eq!(ranges(&server), [None, Some(HALF), None], "{range}");
    }
}

#[test]
fn a_refused_range_means_all_of_it() {
    let (scratch, content) = (Scratch::new(), noise(1, SIZE));
    let server = breaks_off(&content, &[TAG], |request, reply, content| {
        if request.range().is_some() {
            let headers = [("Content-Range", "bytes */1000")];
            reply.answer("416 Range Not Satisfiable", &headers, b"");
        } else {
            reply.answer("200 OK", &[], content);
        }
    });
    let result = scratch.from(QUICK, &server, &content);
    assert_fetched(&scratch, &result, &content, &["truncated"]);
    assert_eq!(ranges(&server), [None, Some(HALF), None]);
}

#[test]
fn a_part_of_an_earlier_run_is_gone_on_with() {
    let (scratch, content) = (Scratch::new(), noise(1, SIZE));
    scratch.write("f.part", &content[..1000]);
    let server = Server::constant(content.clone());
    let result = scratch.from(QUICK, &server, &content);
    assert_fetched(&scratch, &result, &content, &[]);
    assert_eq!(ranges(&server), [Some(1000)]);
    assert_eq!(server.requests()[0].header("if-range"), None);
}

#[test]
fn a_whole_part_of_an_earlier_run_needs_no_server() {
    let (scratch, content) = (Scratch::new(), noise(1, SIZE));
    scratch.write("f.part", &content);
    let server = Server::not_found();
    let result = scratch.from(QUICK, &server, &content);
    assert_fetched(&scratch, &result, &content, &[]);
    assert_eq!(result.text("url"), None);
    assert!(server.requests().is_empty());
}

#[test]
fn a_wrong_part_of_an_earlier_run_costs_one_more_request() {
    let (scratch, content) = (Scratch::new(), noise(1, SIZE));
    scratch.write("f.part", b"wrong");
    let server = Server::constant(content.clone());
    let limits = QUICK.replace("retries = 1", "retries = 0");
    let result = scratch.from(&limits, &server, &content);
    assert_fetched(&scratch, &result, &content, &["hash_mismatch"]);
    assert_eq!(ranges(&server), [Some(5), None]);

    // A part that is too long cannot be continued.
    let scratch = Scratch::new();
    scratch.write("f.part", &noise(2, SIZE + 1));
    let result = scratch.from(&limits, &server, &content);
    assert_fetched(&scratch, &result, &content, &[]);
    assert_eq!(ranges(&server)[2..], [Some(SIZE + 1), None]);
}

#[test]
fn a_resumed_file_is_fetched_whole_once_only() {
    let scratch = Scratch::new();
    scratch.write("f.part", b"wrong");
    let server = Server::constant(noise(1, SIZE));
    let result = scratch.from(QUICK, &server, b"another");
    assert_failed(&scratch, &result, &["hash_mismatch"; 2], &[]);
    assert_eq!(ranges(&server), [Some(5), None]);
}

#[test]
fn without_a_digest_only_the_same_copy_is_gone_on_with() {
    let content = noise(1, SIZE);
    for (headers, second) in [(&[TAG] as &[_], Some(HALF)), (&[], None)] {
        let scratch = Scratch::new();
        scratch.write("f.part", b"wrong");
        let server = breaks_off(&content, headers, |request, reply, content| {
            reply.file(request, &[TAG], content);
        });
        let result = scratch.one(QUICK, &format!("urls = {{ '{}' }}", server.url("f")));
        assert_fetched(&scratch, &result, &content, &["truncated"]);
        assert_eq!(ranges(&server), [None, second]);
    }
}

#[test]
fn another_url_goes_on_where_the_first_broke_off() {
    let (scratch, content) = (Scratch::new(), noise(1, SIZE));
    let first = breaks_off(&content, &[TAG], |_, reply, _| {
        reply.answer("404 Not Found", &[], b"");
    });
    let second = Server::constant(content.clone());
    let result = scratch.one(
        QUICK,
        &format!(
            "urls = {{ '{}', '{}' }}, sha256 = '{}'",
            first.url("f"),
            second.url("f"),
            sha256(&content)
        ),
    );
    assert_fetched(&scratch, &result, &content, &["truncated", "http_404"]);
    assert_eq!(ranges(&second), [Some(HALF)]);
    assert_eq!(second.requests()[0].header("if-range"), None);
}

#[test]
fn what_never_comes_whole_is_given_up() {
    // It announces more than it sends.
    let (scratch, content) = (Scratch::new(), noise(1, SIZE));
    let server = {
        let content = content.clone();
        Server::start(move |_, reply| reply.cut(&[], &content, HALF))
    };
    // The first answer brought some bytes.
    let result = scratch.from(QUICK, &server, &content);
    assert_failed(&scratch, &result, &["truncated"; 3], &["f.part"]);
    assert_eq!(result.message(1), BROKEN);
    assert!(scratch.read("f.part") == content[..HALF]);
}

#[test]
fn many_pieces_are_no_failures() {
    const MEGA: usize = 1 << 20;
    let (scratch, content) = (Scratch::new(), noise(1, 4 * MEGA));
    let server = {
        let content = content.clone();
        Server::start(move |request, reply| {
            let start = request.range().unwrap_or(0);
            let length = (content.len() - start).to_string();
            let range = format!("bytes {start}-{}/{}", content.len() - 1, content.len());
            let status = if start == 0 {
                "200 OK"
            } else {
                "206 Partial Content"
            };
            let headers = [
                ("Content-Length", length.as_str()),
                ("Content-Range", &range),
            ];
            reply.head(status, &headers);
            reply.raw(&content[start..start + MEGA]);
            reply.close();
        })
    };
    let limits = QUICK.replace("retries = 1", "retries = 0");
    let result = scratch.from(&limits, &server, &content);
    assert_fetched(&scratch, &result, &content, &["truncated"; 3]);
    let expected = [None, Some(MEGA), Some(2 * MEGA), Some(3 * MEGA)];
    assert_eq!(ranges(&server), expected);
}

#[test]
fn an_unmarked_end_is_doubted_once() {
    let content = noise(1, SIZE);
    let start = |always: bool| {
        let content = content.clone();
        Server::start(move |request, reply| {
            let whole = request.count > 1 && !always;
            reply.head("200 OK", &[]);
            reply.raw(if whole { &content } else { &content[..HALF] });
            reply.close();
        })
    };
    let limits = QUICK.replace("retries = 1", "retries = 0");
    let (scratch, server) = (Scratch::new(), start(false));
    let result = scratch.from(&limits, &server, &content);
    assert_fetched(&scratch, &result, &content, &["hash_mismatch"]);
    assert_eq!(ranges(&server), [None, None]);

    let (scratch, server) = (Scratch::new(), start(true));
    let result = scratch.from(&limits, &server, &content);
    assert_failed(&scratch, &result, &["hash_mismatch"; 2], &[]);
    assert_eq!(ranges(&server), [None, None]);

    // With a known size the missing bytes are noticed.
    let (scratch, server) = (Scratch::new(), start(false));
    let fields = format!(
        "urls = {{ '{}' }}, sha256 = '{}', size = {SIZE}",
        server.url("f"),
        sha256(&content)
    );
    let result = scratch.one(QUICK, &fields);
    assert_fetched(&scratch, &result, &content, &["truncated"]);
    assert_eq!(result.message(0), BROKEN);
    assert_eq!(ranges(&server), [None, Some(HALF)]);
}
