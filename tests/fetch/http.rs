//! Answers of all kinds, except partial ones.

use std::time::Duration;

use crate::support::server::Server;
use crate::support::{noise, sha256};
use crate::{HASTY, QUICK, Scratch, assert_failed, assert_fetched};

#[test]
fn fetches_several_at_once() {
    let (source, scratch) = (Scratch::new(), Scratch::new());
    let contents: Vec<Vec<u8>> = (0..12).map(|i| noise(i, 40_000 * i as usize + 1)).collect();
    let mut files = Vec::new();
    let server = Server::folder(source.path());
    for (i, content) in contents.iter().enumerate() {
        source.write(&format!("s{i}"), content);
        let (url, digest, size) = (server.url(&format!("s{i}")), sha256(content), content.len());
        files.push(format!(
            "{{ urls = {{ '{url}' }}, path = 'd{i}', sha256 = '{digest}', size = {size} }}"
        ));
    }
    let files = files.join(", ");
    let options = format!("{QUICK}, jobs = 4, files = {{ {files} }}");
    let results = scratch.fetch(&options);
    assert_eq!(results.len(), contents.len());
    for (i, (result, content)) in results.iter().zip(&contents).enumerate() {
        assert!(result.ok() && !result.cached(), "{result:?}");
        assert_eq!(result.text("path"), Some(format!("d{i}").as_str()));
        assert_eq!(
            result.text("url"),
            Some(server.url(&format!("s{i}")).as_str())
        );
        assert_eq!(result.text("sha256"), Some(sha256(content).as_str()));
        assert!(result.attempts().is_empty());
        assert!(scratch.read(&format!("d{i}")) == *content);
    }
    assert_eq!(scratch.names().len(), contents.len());
    assert_eq!(server.requests().len(), contents.len());

    let again = scratch.fetch(&options);
    assert!(again.iter().all(|result| result.ok() && result.cached()));
    assert!(again.iter().all(|result| result.text("url").is_none()));
    assert_eq!(server.requests().len(), contents.len());
}

#[test]
fn leaves_no_thread_behind() {
    let scratch = Scratch::new();
    let server = Server::constant(noise(1, 1000));
    let code = format!(
        "local files = {{}}
        for i = 1, 20 do files[i] = {{ urls = {{ '{}' }}, path = 'f' .. i }} end
        require 'bq.fetch'.fetch {{ files = files }}
        print(io.open('/proc/self/status'):read('a'):match('Threads:%s*(%d+)'))",
        server.url("f")
    );
    let output = crate::support::lua(scratch.path(), &code);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "1\n");
    assert_eq!(scratch.names().len(), 20);
}

#[test]
fn without_a_digest_takes_what_comes() {
    let (scratch, content) = (Scratch::new(), noise(1, 5000));
    let server = Server::constant(content.clone());
    let fields = format!("urls = {{ '{}' }}", server.url("f"));
    let result = scratch.one(QUICK, &fields);
    assert_fetched(&scratch, &result, &content, &[]);
    scratch.write("f", b"old");
    let result = scratch.one(QUICK, &fields);
    assert_fetched(&scratch, &result, &content, &[]);
}

#[test]
fn asks_for_the_bytes_as_they_are() {
    let (scratch, content) = (Scratch::new(), noise(1, 5000));
    let server = {
        let content = content.clone();
        Server::start(move |_, reply| {
            reply.answer("200 OK", &[("Content-Encoding", "gzip")], &content);
        })
    };
    let result = scratch.from(QUICK, &server, &content);
    assert_fetched(&scratch, &result, &content, &[]);
    let request = &server.requests()[0];
    assert_eq!(request.method, "GET");
    assert_eq!(request.header("accept-encoding"), Some("identity"));
    let agent = concat!("bq/", env!("CARGO_PKG_VERSION"));
    assert_eq!(request.header("user-agent"), Some(agent));
}

#[test]
fn a_missing_file_is_asked_for_once() {
    let scratch = Scratch::new();
    let server = Server::not_found();
    let result = scratch.from(QUICK, &server, b"x");
    assert_failed(&scratch, &result, &["http_404"], &[]);
    assert_eq!(result.message(0), "the server answered 404 Not Found");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn wrong_bytes_are_refused_with_both_digests() {
    let (source, scratch) = (Scratch::new(), Scratch::new());
    let content = noise(1, 70_000);
    source.write("f", &content);
    let mut wrong = content.clone();
    wrong[69_999] ^= 1;
    let server = Server::wrong_bytes(source.path());
    let result = scratch.from(QUICK, &server, &content);
    assert_failed(&scratch, &result, &["hash_mismatch"], &[]);
    let (expected, actual) = (sha256(&content), sha256(&wrong));
    assert_eq!(
        result.message(0),
        format!("expected sha256 {expected}, got {actual} (70000 bytes)")
    );
    assert_eq!(result.attempts()[0]["expected"], expected);
    assert_eq!(result.attempts()[0]["actual"], actual);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn an_existing_wrong_file_stays_until_a_right_one_is_there() {
    let (scratch, content) = (Scratch::new(), noise(1, 5000));
    scratch.write("f", b"wrong");
    let bad = Server::constant(noise(2, 5000));
    let result = scratch.from(QUICK, &bad, &content);
    assert_failed(&scratch, &result, &["hash_mismatch"], &["f"]);
    assert_eq!(scratch.read("f"), b"wrong");

    let good = Server::constant(content.clone());
    let options = format!(
        "{QUICK}, files = {{ {{ path = 'f', urls = {{ '{}' }}, sha256 = '{}' }} }}",
        good.url("f"),
        sha256(&content)
    );
    let output = crate::command(scratch.path(), &options).output();
    let output = output.expect("bq runs");
    let results = crate::results(&output);
    assert_fetched(&scratch, &results[0], &content, &[]);
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        format!(
            "warning: `f` has sha256 {}, not {}: fetching it again\n",
            sha256(b"wrong"),
            sha256(&content)
        )
    );
}

#[test]
fn the_next_url_is_tried() {
    let (scratch, content) = (Scratch::new(), noise(1, 5000));
    let (missing, wrong) = (Server::not_found(), Server::constant(noise(2, 5000)));
    let good = Server::constant(content.clone());
    let unused = Server::not_found();
    let result = scratch.one(
        QUICK,
        &format!(
            "urls = {{ 'ftp://127.0.0.1/f', 'http://', '{}', '{}', 'http://127.0.0.1:1/f', '{}', '{}' }}, sha256 = '{}'",
            missing.url("f"),
            wrong.url("f"),
            good.url("f"),
            unused.url("f"),
            sha256(&content)
        ),
    );
    let codes = ["scheme", "url", "http_404", "hash_mismatch", "connect"];
    assert_fetched(&scratch, &result, &content, &codes);
    assert_eq!(result.text("url"), Some(good.url("f").as_str()));
    assert_eq!(result.attempts()[2]["url"], missing.url("f"));
    assert!(unused.requests().is_empty());
}

#[test]
fn each_url_is_tried_before_any_is_tried_again() {
    let (scratch, content) = (Scratch::new(), noise(1, 5000));
    let broken = Server::start(|_, reply| reply.answer("503 Service Unavailable", &[], b""));
    let late = {
        let content = content.clone();
        Server::start(move |request, reply| match request.count {
            1 => reply.answer("502 Bad Gateway", &[], b""),
            _ => reply.answer("200 OK", &[], &content),
        })
    };
    let result = scratch.one(
        QUICK,
        &format!(
            "urls = {{ '{}', '{}' }}, sha256 = '{}'",
            broken.url("f"),
            late.url("f"),
            sha256(&content)
        ),
    );
    assert_fetched(
        &scratch,
        &result,
        &content,
        &["http_503", "http_502", "http_503"],
    );
}

#[test]
fn a_busy_server_is_asked_again() {
    let (scratch, content) = (Scratch::new(), noise(1, 5000));
    let server = {
        let content = content.clone();
        Server::start(move |request, reply| match request.count {
            1 => reply.answer("429 Too Many Requests", &[("Retry-After", "1")], b"wait"),
            2 => reply.answer("500 Internal Server Error", &[], b"oops"),
            _ => reply.answer("200 OK", &[], &content),
        })
    };
    let limits = QUICK.replace("retries = 1", "retries = 2");
    let result = scratch.from(&limits, &server, &content);
    assert_fetched(&scratch, &result, &content, &["http_429", "http_500"]);
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    // Without the header it would retry after a quarter of that time.
    assert!(requests[1].at - requests[0].at >= Duration::from_secs(1));
}

#[test]
fn a_broken_server_is_given_up() {
    let scratch = Scratch::new();
    let server = Server::start(|_, reply| reply.answer("500 Internal Server Error", &[], b""));
    let limits = QUICK.replace("retries = 1", "retries = 2");
    let result = scratch.from(&limits, &server, b"x");
    assert_failed(&scratch, &result, &["http_500"; 3], &[]);
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn redirects_are_followed_up_to_ten() {
    let (scratch, content) = (Scratch::new(), noise(1, 5000));
    let server = {
        let content = content.clone();
        Server::start(move |request, reply| {
            let hop: usize = request.target[1..].parse().expect("a number");
            if hop == 0 {
                reply.answer("200 OK", &[], &content);
            } else {
                let next = format!("/{}", hop - 1);
                reply.answer("302 Found", &[("Location", &next)], b"over there");
            }
        })
    };
    let fields = |hops| {
        let url = server.url(hops);
        format!("urls = {{ '{url}' }}, sha256 = '{}'", sha256(&content))
    };
    let result = scratch.one(QUICK, &fields("10"));
    assert_fetched(&scratch, &result, &content, &[]);
    assert_eq!(result.text("url"), Some(server.url("10").as_str()));
    assert_eq!(server.requests().len(), 11);

    let scratch = Scratch::new();
    let result = scratch.one(QUICK, &fields("11"));
    assert_failed(&scratch, &result, &["redirect"], &[]);
    let message = format!("more than 10 redirects, the last to {}", server.url("1"));
    assert_eq!(result.message(0), message);
    assert_eq!(server.requests().len(), 22);
}

#[test]
fn bad_redirects_are_refused() {
    let secret = Scratch::new();
    secret.write("secret", b"x");
    let file = format!("file://{}", secret.file("secret").display());
    for (location, message) in [
        (Some("/f"), "more than 10 redirects, the last to URL"),
        (
            Some("ftp://127.0.0.1/f"),
            "refused a redirect to neither http nor https: ftp://127.0.0.1/f",
        ),
        (None, "URL redirects to nowhere: no Location"),
    ] {
        let scratch = Scratch::new();
        let server = Server::start(move |_, reply| {
            let headers: Vec<_> = location.map(|to| ("Location", to)).into_iter().collect();
            reply.answer("301 Moved Permanently", &headers, b"");
        });
        let result = scratch.from(QUICK, &server, b"x");
        assert_failed(&scratch, &result, &["redirect"], &[]);
        assert_eq!(result.message(0), message.replace("URL", &server.url("f")));
    }
    let scratch = Scratch::new();
    let server = Server::start(move |_, reply| {
        reply.answer("302 Found", &[("Location", &file)], b"");
    });
    let result = scratch.from(QUICK, &server, b"x");
    assert_failed(&scratch, &result, &["redirect"], &[]);
    let message = result.message(0);
    assert!(
        message.starts_with("refused a redirect to neither http nor https: file:///"),
        "{message}"
    );
}

#[test]
fn silence_is_a_timeout() {
    let scratch = Scratch::new();
    let server = Server::start(|_, reply| reply.stall());
    let result = scratch.from(HASTY, &server, b"x");
    assert_failed(&scratch, &result, &["timeout"], &[]);
    assert_eq!(result.message(0), "no answer in time");

    let server = Server::start(|_, reply| {
        reply.raw(b"HTTP/1.1 200 OK\r\nX-Slow: ");
        reply.drip(Duration::from_millis(50));
    });
    let result = scratch.from(HASTY, &server, b"x");
    assert_failed(&scratch, &result, &["timeout"], &[]);
}

#[test]
fn a_stalled_transfer_is_ended() {
    let (scratch, content) = (Scratch::new(), noise(1, 100_000));
    let server = {
        let content = content.clone();
        Server::start(move |_, reply| {
            reply.head("200 OK", &[("Content-Length", "100000")]);
            reply.raw(&content[..1000]);
            reply.stall();
        })
    };
    let result = scratch.from(HASTY, &server, &content);
    assert_failed(&scratch, &result, &["stalled"], &["f.part"]);
    assert_eq!(
        result.message(0),
        "nothing more came after 1000 of 100000 bytes"
    );
    assert!(scratch.read("f.part") == content[..1000]);
}

#[test]
fn a_dripping_transfer_is_ended() {
    let scratch = Scratch::new();
    let server = Server::start(|_, reply| {
        reply.head("200 OK", &[("Content-Length", "100000")]);
        reply.drip(Duration::from_millis(50));
    });
    let result = scratch.from(HASTY, &server, b"x");
    assert_failed(&scratch, &result, &["stalled"], &["f.part"]);
    let message = result.message(0);
    assert!(
        message.starts_with("less than 1 KiB/s, after "),
        "{message}"
    );
}

#[test]
fn more_than_is_wanted_is_refused() {
    let content = noise(1, 5000);
    let digest = sha256(&content);
    let announced = Server::constant(noise(1, 6000));
    let chunked = Server::start(|_, reply| {
        reply.head("200 OK", &[("Transfer-Encoding", "chunked")]);
        let piece = [b"1000\r\n".as_slice(), &[0; 4096], b"\r\n"].concat();
        while reply.raw(&piece) {}
        reply.close();
    });
    for (server, message) in [
        (
            &announced,
            "the server announces 6000 bytes, 5000 are wanted",
        ),
        (
            &chunked,
            "more than the 5000 bytes that are wanted have come",
        ),
    ] {
        let scratch = Scratch::new();
        let fields = format!(
            "urls = {{ '{}' }}, sha256 = '{digest}', size = 5000",
            server.url("f")
        );
        let result = scratch.one(QUICK, &fields);
        assert_failed(&scratch, &result, &["too_large"], &[]);
        assert_eq!(result.message(0), message);
    }
    for (server, message) in [
        (
            &announced,
            "the server announces 6000 bytes, at most 5000 are wanted",
        ),
        (
            &chunked,
            "more than the 5000 bytes that are wanted have come",
        ),
    ] {
        let scratch = Scratch::new();
        let result = scratch.from(&format!("{QUICK}, max_size = 5000"), server, &content);
        assert_failed(&scratch, &result, &["too_large"], &[]);
        assert_eq!(result.message(0), message);
    }
}

#[test]
fn less_than_is_wanted_is_refused() {
    let scratch = Scratch::new();
    let server = Server::constant(noise(1, 4000));
    let result = scratch.one(
        QUICK,
        &format!("urls = {{ '{}' }}, size = 5000", server.url("f")),
    );
    assert_failed(&scratch, &result, &["too_small"], &[]);
    assert_eq!(
        result.message(0),
        "the server announces 4000 bytes, 5000 are wanted"
    );
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_short_announcement_hides_the_rest() {
    let (scratch, content) = (Scratch::new(), noise(1, 5000));
    let server = {
        let content = content.clone();
        Server::start(move |_, reply| {
            reply.head("200 OK", &[("Content-Length", "4000")]);
            reply.raw(&content);
        })
    };
    let result = scratch.from(QUICK, &server, &content);
    assert_failed(&scratch, &result, &["hash_mismatch"], &[]);
    assert_eq!(result.attempts()[0]["actual"], sha256(&content[..4000]));
}

#[test]
fn chunks_and_the_end_of_the_connection_delimit_too() {
    let (scratch, content) = (Scratch::new(), noise(1, 5000));
    let server = {
        let content = content.clone();
        Server::start(move |request, reply| {
            if request.target == "/chunked" {
                reply.head("200 OK", &[("Transfer-Encoding", "chunked")]);
                for piece in content.chunks(999) {
                    reply.raw(format!("{:x}\r\n", piece.len()).as_bytes());
                    reply.raw(piece);
                    reply.raw(b"\r\n");
                }
                reply.raw(b"0\r\n\r\n");
            } else {
                reply.head("200 OK", &[]);
                reply.raw(&content);
                reply.close();
            }
        })
    };
    for path in ["chunked", "closed"] {
        drop(std::fs::remove_file(scratch.file("f")));
        let fields = format!(
            "urls = {{ '{}' }}, sha256 = '{}'",
            server.url(path),
            sha256(&content)
        );
        let result = scratch.one(QUICK, &fields);
        assert_fetched(&scratch, &result, &content, &[]);
    }
}

#[test]
fn a_kept_connection_that_was_closed_goes_unseen() {
    let scratch = Scratch::new();
    let content = noise(1, 5000);
    let server = {
        let content = content.clone();
        Server::start(move |request, reply| {
            if request.nth == 1 {
                reply.answer("200 OK", &[], &content);
            } else {
                reply.close();
            }
        })
    };
    let file = |name| {
        let (url, digest) = (server.url(name), sha256(&content));
        format!("{{ path = '{name}', urls = {{ '{url}' }}, sha256 = '{digest}' }}")
    };
    let options = format!(
        "progress = false, retries = 0, jobs = 1, files = {{ {}, {}, {} }}",
        file("a"),
        file("b"),
        file("c")
    );
    for result in scratch.fetch(&options) {
        assert!(result.ok(), "{result:?}");
        assert!(result.attempts().is_empty(), "{result:?}");
    }
    assert_eq!(scratch.names(), ["a", "b", "c"]);
    let nths: Vec<usize> = server.requests().iter().map(|r| r.nth).collect();
    assert_eq!(nths, [1, 2, 1, 2, 1]);
}

#[test]
fn no_answer_is_tried_again() {
    let (scratch, content) = (Scratch::new(), noise(1, 5000));
    let server = {
        let content = content.clone();
        Server::start(move |request, reply| match request.count {
            1 => reply.close(),
            _ => reply.answer("200 OK", &[], &content),
        })
    };
    let result = scratch.from(QUICK, &server, &content);
    assert_fetched(&scratch, &result, &content, &["disconnected"]);
}

#[test]
fn what_is_not_http_is_an_error() {
    let big = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(300_000));
    for answer in [
        "SSH-2.0-OpenSSH_9.6\r\n",
        big.as_str(),
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ] {
        let scratch = Scratch::new();
        let text = answer.to_owned();
        let server = Server::start(move |_, reply| {
            reply.raw(text.as_bytes());
            reply.close();
        });
        let limits = QUICK.replace("retries = 1", "retries = 0");
        let result = scratch.from(&limits, &server, b"x");
        assert_failed(&scratch, &result, &["protocol"], &[]);
    }
    // A success status without a file.
    let scratch = Scratch::new();
    let server = Server::start(|_, reply| reply.head("204 No Content", &[]));
    let result = scratch.from(QUICK, &server, b"x");
    assert_failed(&scratch, &result, &["http_204"], &[]);
}

#[test]
fn one_failure_may_end_it_all() {
    let scratch = Scratch::new();
    let (missing, unused) = (Server::not_found(), Server::not_found());
    let options = format!(
        "{QUICK}, jobs = 1, keep_going = false, files = {{
          {{ path = 'a', urls = {{ '{}' }} }}, {{ path = 'b', urls = {{ '{}' }} }} }}",
        missing.url("a"),
        unused.url("b")
    );
    let results = scratch.fetch(&options);
    assert_eq!(results[0].codes(), ["http_404"]);
    assert_eq!(results[1].codes(), ["skipped"]);
    assert!(unused.requests().is_empty());
    let options = options.replace("keep_going = false", "keep_going = true");
    assert_eq!(scratch.fetch(&options)[1].codes(), ["http_404"]);
    assert_eq!(unused.requests().len(), 1);
}
