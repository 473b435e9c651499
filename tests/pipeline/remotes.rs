//! Caches by HTTP, and all that can be wrong with them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::sharing::started;
use super::support::server::{Reply, Request, Server};
use super::{Rig, needs_namespaces};

type Fault = fn(&Request, &mut Reply<'_>) -> bool;
type Content = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

/// A plain HTTP cache in memory. What `fault` answers, it does not do itself.
struct Cache {
    server: Server,
    content: Content,
}

impl Cache {
    fn new(fault: impl Fn(&Request, &mut Reply<'_>) -> bool + Send + Sync + 'static) -> Self {
        Self::with(Content::default(), fault)
    }

    fn with(
        content: Content,
        fault: impl Fn(&Request, &mut Reply<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        let own = content.clone();
        let server = Server::start(move |request, reply| {
            if fault(request, reply) {
                return;
            }
            let mut content = own.lock().expect("no handler panicked");
            let found = content.get(&request.target).cloned();
            match (request.method.as_str(), found) {
                ("PUT", _) => {
                    content.insert(request.target.clone(), request.body.clone());
                    reply.answer("201 Created", &[], b"");
                }
                ("HEAD", Some(body)) => {
                    let length = body.len().to_string();
                    reply.head("200 OK", &[("Content-Length", &length)]);
                }
                ("HEAD", None) => reply.head("404 Not Found", &[("Content-Length", "0")]),
                (_, Some(body)) => reply.answer("200 OK", &[], &body),
                (_, None) => reply.answer("404 Not Found", &[], b"no such thing"),
            }
        });
        Self { server, content }
    }

    fn url(&self) -> String {
        self.server.url("cache")
    }

    /// A cache with the outputs of a whole build.
    fn filled(rig: &Rig) -> Self {
        let cache = Self::new(|_, _| false);
        rig.stage(&[]).is(0);
        rig.build(&["--remote", &cache.url(), "--remote-write"])
            .is(0)
            .says("wrote 5 outputs to stores and caches");
        cache
    }

    /// How many requests of a method there were, for `ac` or `cas`.
    fn count(&self, method: &str, kind: &str) -> usize {
        let part = format!("/cache/{kind}/");
        let all = self.server.requests();
        let is = |r: &&Request| r.method == method && r.target.starts_with(&part);
        all.iter().filter(is).count()
    }
}

/// A build that needs every output in another workspace.
fn changed(rig: &Rig, space: &str) {
    rig.stage_in(space);
    rig.replace("packages/final.lua", "seed is in sight", "seed is there");
}

#[test]
fn a_cache_gives_a_second_user_what_the_first_built() {
    needs_namespaces!();
    let rig = Rig::new();
    let cache = Cache::filled(&rig);
    let before = cache.server.requests().len();
    rig.stage_in("other");
    let left = rig.build_in("other", &["--remote", &cache.url()]).is(0);
    assert_eq!(left.started(), [""; 0]);
    assert_eq!(rig.digests("other"), rig.digests("space"));
    assert_eq!(rig.here("other"), ["high/final"]);
    // One request for each step, and the archive and the log of the only output that is needed.
    let after = cache.server.requests().len();
    assert_eq!(after - before, 5 + 2);

    // Reading is the default.
    rig.replace("packages/final.lua", "seed is in sight", "seed is there");
    let puts = cache.count("PUT", "ac");
    let left = rig.build_in("other", &["--remote", &cache.url()]).is(0);
    assert_eq!(started(&left), ["high/final"]);
    assert_eq!(cache.count("PUT", "ac"), puts);
    rig.is_quiet();
}

#[test]
fn results_come_last_and_blobs_once() {
    needs_namespaces!();
    let rig = Rig::new();
    let cache = Cache::filled(&rig);
    let all = cache.server.requests();
    let puts: Vec<&Request> = all.iter().filter(|r| r.method == "PUT").collect();
    for (index, put) in puts.iter().enumerate() {
        let hash = put.target.rsplit('/').next().expect("it has a slash");
        if put.target.contains("/cas/") {
            assert_eq!(hash, super::sha256(&put.body));
            let again = puts[..index].iter().any(|other| other.target == put.target);
            assert!(!again, "{} is sent twice", put.target);
        } else {
            // The action is a blob of the same digest, so a server can check that it is there.
            let action = put.target.replace("/ac/", "/cas/");
            assert!(puts[..index].iter().any(|other| other.target == action));
        }
    }
    assert_eq!(cache.count("PUT", "ac"), 5);
    // A third one that has built the same writes nothing.
    let count = puts.len();
    rig.stage_in("third");
    let words = ["--remote", &cache.url(), "--remote-write"];
    rig.build_in("third", &words).is(0);
    let copy = ["copy", "--workspace", "space", "--to", &cache.url()];
    rig.run(&copy).is(0).says("0 outputs written to ");
    let all = cache.server.requests();
    assert_eq!(all.iter().filter(|r| r.method == "PUT").count(), count);
}

#[test]
fn a_wrong_byte_of_a_cache_is_refused_said_and_mended() {
    needs_namespaces!();
    let rig = Rig::new();
    let cache = Cache::filled(&rig);
    let expected = rig.digests("space");
    {
        // The largest blobs are the archives: of all of them a byte is wrong.
        let mut content = cache.content.lock().expect("no handler panicked");
        for (target, body) in content.iter_mut() {
            if target.contains("/cas/") && body.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
                let last = body.len() - 1;
                body[last] ^= 1;
            }
        }
    }
    changed(&rig, "other");
    let words = ["--remote", &cache.url(), "--remote-write"];
    let left = rig.build_in("other", &words).is(0);
    assert_eq!(started(&left).len(), 5);
    left.says("low/lib of `").says("` is not taken: ");
    assert_eq!(rig.digests("other")[2..], expected[2..]);
    // The last output is the same as before, so its blob was there, and is still wrong. Who needs it next mends it.
    rig.stage_in("third");
    let left = rig.build_in("third", &words).is(0);
    assert_eq!(started(&left), ["high/final"]);
    rig.stage_in("fourth");
    let left = rig.build_in("fourth", &["--remote", &cache.url()]).is(0);
    assert_eq!(left.started(), [""; 0]);
}

#[test]
fn a_cache_that_answers_wrong_results_costs_nothing_but_time() {
    needs_namespaces!();
    for answer in ["", "nonsense", "\x12\x7f", "\x20\x01"] {
        let rig = Rig::new();
        rig.stage(&[]).is(0);
        let cache = Cache::new(move |request, reply| {
            let is_result = request.method == "GET" && request.target.contains("/ac/");
            if is_result {
                reply.answer("200 OK", &[], answer.as_bytes());
            }
            is_result
        });
        let left = rig.build(&["--remote", &cache.url()]).is(0);
        assert_eq!(started(&left).len(), 5, "{answer:?}");
    }
}

#[test]
fn a_cache_that_cannot_be_used_is_left_out_and_that_is_said_once() {
    needs_namespaces!();
    let faults: [(Fault, &str); 5] = [
        (
            |_, reply| {
                reply.answer("500 Internal Server Error", &[], b"");
                true
            },
            "the server answered 500",
        ),
        (
            |_, reply| {
                reply.answer("403 Forbidden", &[], b"");
                true
            },
            "the server answered 403",
        ),
        (
            |_, reply| {
                reply.raw(b"no HTTP at all\r\n\r\n");
                reply.close();
                true
            },
            "",
        ),
        (
            |_, reply| {
                reply.answer(
                    "302 Found",
                    &[("Location", "http://127.0.0.1:1/elsewhere")],
                    b"",
                );
                true
            },
            "the server answered 302",
        ),
        (
            |request, reply| {
                let body = [0; 1000];
                reply.cut(&[], &body, 10);
                request.method == "GET"
            },
            "after 10 bytes",
        ),
    ];
    for (fault, says) in faults {
        let rig = Rig::new();
        rig.stage(&[]).is(0);
        let cache = Cache::new(fault);
        let left = rig
            .build(&["--remote", &cache.url(), "--remote-write"])
            .is(0);
        assert_eq!(started(&left).len(), 5);
        let left = left.says("is left out from here on: ").says(says);
        let said = left.err.matches("is left out from here on").count();
        assert_eq!(said, 1, "{}", left.err);
        left.says(&format!("the build went on without `{}`", cache.url()));
    }
}

#[test]
fn a_server_that_is_not_there_costs_no_more_than_a_moment() {
    needs_namespaces!();
    let rig = Rig::new();
    rig.stage(&[]).is(0);
    let start = Instant::now();
    let left = rig
        .build(&["--remote", "http://127.0.0.1:1", "--remote-write"])
        .is(0);
    assert_eq!(started(&left).len(), 5);
    left.says("warning: `http://127.0.0.1:1` is left out from here on: ");
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_cache_that_refuses_writing_is_still_read() {
    needs_namespaces!();
    let rig = Rig::new();
    let cache = Cache::filled(&rig);
    for status in ["405 Method Not Allowed", "507 Insufficient Storage"] {
        let refusing = Cache::with(cache.content.clone(), move |request, reply| {
            let is_put = request.method == "PUT";
            if is_put {
                reply.answer(status, &[], b"");
            }
            is_put
        });
        let space = format!("of-{}", &status[..3]);
        rig.stage_in(&space);
        rig.replace("packages/alone.lua", "alone\\n", "alone, again\\n");
        let words = ["--remote", &refusing.url(), "--remote-write"];
        let left = rig.build_in(&space, &words).is(0);
        rig.replace("packages/alone.lua", "alone, again\\n", "alone\\n");
        assert_eq!(started(&left), ["high/final", "low/alone"]);
        let left = left.says(&format!(
            "takes nothing, so nothing more is written to it: the server answered {status}"
        ));
        assert_eq!(left.err.matches("takes nothing").count(), 1);
    }
}

#[test]
fn a_cache_goes_without_what_is_too_large() {
    needs_namespaces!();
    let rig = Rig::new();
    rig.large();
    let cache = Cache::new(|request, reply| {
        let is_large = request.method == "PUT" && request.body.len() > 64 << 10;
        if is_large {
            reply.answer("413 Payload Too Large", &[], b"");
        }
        is_large
    });
    rig.is_without_large("space", &cache.url());
    // Of the second one only its size was looked at.
    let all = cache.server.requests();
    let is_large = |r: &&Request| r.method == "PUT" && r.body.len() > 64 << 10;
    assert_eq!(all.iter().filter(is_large).count(), 1);
    let copy = ["copy", "--workspace", "space", "--to", &cache.url()];
    rig.run(&copy).is(1).says("not all was written");
}

#[test]
fn a_cache_that_drops_what_it_had_is_a_cache_without_it() {
    needs_namespaces!();
    let rig = Rig::new();
    let cache = Cache::filled(&rig);
    cache
        .content
        .lock()
        .expect("no handler panicked")
        .retain(|target, _| target.contains("/ac/"));
    changed(&rig, "other");
    let words = ["--remote", &cache.url(), "--remote-write"];
    let left = rig.build_in("other", &words).is(0);
    assert_eq!(started(&left).len(), 5);
    left.says("lost   low/base: no store or cache has its output any more");
    rig.stage_in("third");
    let left = rig.build_in("third", &["--remote", &cache.url()]).is(0);
    assert_eq!(left.started(), [""; 0]);
}

#[test]
fn a_cache_that_ends_in_the_middle_does_not_end_the_build() {
    needs_namespaces!();
    let rig = Rig::new();
    let cache = Cache::filled(&rig);
    changed(&rig, "other");
    // It answers what is looked for, and then nothing more.
    let ending = Cache::with(cache.content.clone(), |request, reply| {
        let is_blob = request.target.contains("/cas/");
        if is_blob {
            reply.close();
        }
        is_blob
    });
    let left = rig.build_in("other", &["--remote", &ending.url()]).is(0);
    assert_eq!(started(&left).len(), 5);
    left.says("is left out from here on");
}

#[test]
fn the_second_of_two_caches_has_what_the_first_has_not() {
    needs_namespaces!();
    let rig = Rig::new();
    let cache = Cache::filled(&rig);
    let empty = Cache::new(|_, _| false);
    rig.stage_in("other");
    let words = ["--remote", &empty.url(), "--remote", &cache.url()];
    let left = rig.build_in("other", &words).is(0);
    assert_eq!(left.started(), [""; 0]);
    left.says(&format!("fetched high/final from {}", cache.url()));
}

#[test]
fn secrets_go_to_the_cache_and_nowhere_else() {
    needs_namespaces!();
    let rig = Rig::new();
    rig.stage(&[]).is(0);
    let cache = Cache::new(|request, reply| {
        let wanted = Some("Basic dXNlcjpzM2NyM3Q=");
        let is_wrong =
            request.header("authorization") != wanted || request.header("x-team") != Some("blue");
        if is_wrong {
            reply.answer("401 Unauthorized", &[], b"");
        }
        is_wrong
    });
    rig.write("login", "user:s3cr3t\n");
    rig.write("headers", "X-Team: blue\n");
    let words = [
        "--remote",
        &cache.url(),
        "--remote-write",
        "--remote-login",
        "login",
        "--remote-header",
        "headers",
    ];
    let left = rig.build(&words).is(0).says("wrote 5 outputs");
    assert!(!left.err.contains("s3cr3t"), "{}", left.err);
    let left = rig.build_in("space", &["--remote", "http://user:s3cr3t@127.0.0.1/"]);
    assert_eq!(left.status, Some(0), "nothing to do: {}", left.err);

    rig.stage_in("other");
    let left = rig.build_in("other", &["--remote", "http://user:s3cr3t@127.0.0.1/"]);
    left.is(2)
        .says("`USER:PASSWORD` into a file: `--remote-login FILE`");
    let left = rig.build_in("other", &["--remote", "ftp://127.0.0.1/"]);
    left.is(2).says("not an address of a cache");
}
