//! Caches that speak the Remote Execution API, and all that can be wrong with them.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use super::rpc::{Can, Content, Fault, Remote, Seen};
use super::sharing::started;
use super::{Left, Rig, certificates, needs_namespaces};

/// A cache with the outputs of a whole build.
fn filled(rig: &Rig) -> Remote {
    let remote = Remote::new();
    rig.stage(&[]).is(0);
    rig.build(&["--remote", &remote.url(), "--remote-write"])
        .is(0)
        .says("wrote 5 outputs to stores and caches");
    remote.is_content();
    remote
}

/// A server that begins with the content of another one.
fn like(remote: &Remote, judge: impl Fn(&Seen) -> Fault + Send + Sync + 'static) -> Remote {
    Remote::start(Can::default(), remote.copy(), None, judge)
}

fn able(can: Can, judge: impl Fn(&Seen) -> Fault + Send + Sync + 'static) -> Remote {
    Remote::start(can, Content::default(), None, judge)
}

/// A build that needs every output in another workspace.
fn changed(rig: &Rig, space: &str) {
    rig.stage_in(space);
    rig.replace("packages/final.lua", "seed is in sight", "seed is there");
}

/// What Lua says that speaks with a server: `cache`, and `digest_of(text)`, `blob(text)`, `noise(size, seed)`.
pub(crate) fn spoken(rig: &Rig, url: &str, code: &str) -> Left {
    spoken_with(rig, url, "", code)
}

/// The same, with options that say how the server knows this client.
pub(crate) fn spoken_with(rig: &Rig, url: &str, options: &str, code: &str) -> Left {
    let before = format!(
        "local digest, fs, json = require 'bq.digest', require 'bq.fs', require 'bq.json'
        local message = require 'bq.share.message'
        local access = require('bq.share.access').of({{ {options} }}, '{url}')
        local cache = require('bq.share.grpc').new('{url}', access)
        local function digest_of(text) return {{ hash = digest.sha256(text), size = #text }} end
        local function blob(text) return {{ digest = digest_of(text), text = text }} end
        local function noise(size, seed)
          return digest.sha256(seed):rep(size // 64 + 1):sub(1, size)
        end
        local function trouble_of(_, trouble) return trouble and trouble.kind .. ' ' .. trouble.text or 'none' end
        fs.mkdir 'into'
        "
    );
    rig.run(&["-e", &format!("{before}{code}")]).is(0)
}

#[test]
fn grpc_gives_a_second_user_what_the_first_built() {
    needs_namespaces!();
    let rig = Rig::new();
    let remote = filled(&rig);
    // One connection to read, one to write.
    assert_eq!(remote.connections(), 2);
    let before = remote.content().calls.len();
    rig.stage_in("other");
    let left = rig.build_in("other", &["--remote", &remote.url()]).is(0);
    assert_eq!(left.started(), [""; 0]);
    assert_eq!(rig.digests("other"), rig.digests("space"));
    assert_eq!(rig.here("other"), ["high/final"]);
    // One call for each step, and one for archive and log of the only output that is needed.
    let calls = remote.content().calls.split_off(before);
    let count = |method: &str| calls.iter().filter(|one| *one == method).count();
    assert_eq!((count("GetCapabilities"), count("GetActionResult")), (1, 5));
    assert_eq!((count("BatchReadBlobs"), calls.len()), (1, 7));

    // Reading is the default.
    rig.replace("packages/final.lua", "seed is in sight", "seed is there");
    let left = rig.build_in("other", &["--remote", &remote.url()]).is(0);
    assert_eq!(started(&left), ["high/final"]);
    assert_eq!(remote.content().count("UpdateActionResult"), 5);

    // Who has built the same writes nothing.
    rig.replace("packages/final.lua", "seed is there", "seed is in sight");
    let copy = ["copy", "--workspace", "space", "--to", &remote.url()];
    rig.run(&copy).is(0).says("0 outputs written to ");
    remote.is_content();
    rig.is_quiet();
}

#[test]
fn grpc_results_without_records_and_old_servers_do_too() {
    needs_namespaces!();
    let can = Can {
        inlines: false,
        says: false,
        instance: "team/blue",
        ..Can::default()
    };
    let rig = Rig::new();
    let remote = able(can, |_| Fault::None);
    let url = format!("{}/team/blue/", remote.url());
    rig.stage(&[]).is(0);
    let words = ["--remote", &url, "--remote-write"];
    rig.build(&words).is(0).says("wrote 5 outputs");
    rig.stage_in("other");
    let left = rig.build_in("other", &["--remote", &url]).is(0);
    assert_eq!(left.started(), [""; 0]);
    remote.is_content();
    // An instance that the server has not.
    rig.stage_in("third");
    let left = rig.build_in("third", &["--remote", &remote.url()]).is(0);
    assert_eq!(started(&left).len(), 5);
    left.says("is left out from here on: INVALID_ARGUMENT: no instance for ``");
}

#[test]
fn grpc_wrong_bytes_are_refused_said_and_mended() {
    needs_namespaces!();
    let rig = Rig::new();
    let remote = filled(&rig);
    for body in remote.content().blobs.values_mut() {
        if body.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            let last = body.len() - 1;
            body[last] ^= 1;
        }
    }
    changed(&rig, "other");
    let words = ["--remote", &remote.url(), "--remote-write"];
    let left = rig.build_in("other", &words).is(0);
    assert_eq!(started(&left).len(), 5);
    left.says("low/lib of `").says("` is not taken: ");
    rig.stage_in("third");
    rig.build_in("third", &words).is(0);
    rig.stage_in("fourth");
    let left = rig.build_in("fourth", &["--remote", &remote.url()]).is(0);
    assert_eq!(left.started(), [""; 0]);
    remote.is_content();
}

#[test]
fn grpc_blobs_that_were_dropped_are_a_miss_and_written_again() {
    needs_namespaces!();
    let rig = Rig::new();
    let remote = filled(&rig);
    remote.content().blobs.clear();
    changed(&rig, "other");
    let words = ["--remote", &remote.url(), "--remote-write"];
    let left = rig.build_in("other", &words).is(0);
    assert_eq!(started(&left).len(), 5);
    left.says("lost   low/base: no store or cache has its output any more");
    rig.stage_in("third");
    let left = rig.build_in("third", &["--remote", &remote.url()]).is(0);
    assert_eq!(left.started(), [""; 0]);
    remote.is_content();
}

#[test]
fn grpc_that_cannot_be_used_is_left_out_and_that_is_said_once() {
    needs_namespaces!();
    let faults: [(&'static str, Fault, &str); 9] = [
        (
            "GetCapabilities",
            Fault::Status(16, "who are you?"),
            "UNAUTHENTICATED: who are you?",
        ),
        (
            "GetCapabilities",
            Fault::Nonsense,
            "no message of the Remote Execution API",
        ),
        (
            "GetCapabilities",
            Fault::Http(403),
            "PERMISSION_DENIED: the server answered 403",
        ),
        (
            "GetActionResult",
            Fault::Status(14, "busy 100%"),
            "UNAVAILABLE: busy 100%",
        ),
        (
            "GetActionResult",
            Fault::Status(13, "a bug"),
            "INTERNAL: a bug",
        ),
        (
            "GetActionResult",
            Fault::Long,
            "a message of 5242880 bytes, at most 4194304",
        ),
        ("GetActionResult", Fault::Reset, "INTERNAL: "),
        ("GetActionResult", Fault::Gone, "UNAVAILABLE: "),
        (
            "GetActionResult",
            Fault::Hang,
            "DEADLINE_EXCEEDED: no answer within 10 s",
        ),
    ];
    let rig = Rig::new();
    for (index, (method, fault, says)) in faults.into_iter().enumerate() {
        let space = format!("space-{index}");
        rig.stage_in(&space);
        let remote = Remote::judged(move |seen| {
            if seen.method == method {
                fault
            } else {
                Fault::None
            }
        });
        let words = ["--remote", &remote.url(), "--remote-write"];
        let left = rig.build_in(&space, &words).is(0);
        assert_eq!(started(&left).len(), 5);
        let left = left.says("is left out from here on: ").says(says);
        let said = left.err.matches("is left out from here on").count();
        assert_eq!(said, 1, "{}", left.err);
        left.says(&format!("the build went on without `{}`", remote.url()));
    }
    // It keeps its blobs by another digest.
    let can = Can {
        functions: vec![2, 3],
        ..Can::default()
    };
    let remote = able(can, |_| Fault::None);
    rig.stage_in("other");
    let left = rig.build_in("other", &["--remote", &remote.url()]).is(0);
    left.says("is left out from here on: it keeps no blobs by their SHA-256");
}

#[test]
fn grpc_answers_later_and_is_asked_again() {
    needs_namespaces!();
    let rig = Rig::new();
    let remote = filled(&rig);
    for code in [8, 10, 14] {
        let later = like(&remote, move |seen| match seen.count {
            1 => Fault::Status(code, "later"),
            _ => Fault::None,
        });
        let space = format!("space-{code}");
        rig.stage_in(&space);
        let left = rig.build_in(&space, &["--remote", &later.url()]).is(0);
        assert_eq!(left.started(), [""; 0]);
        assert!(!left.err.contains("left out"), "{}", left.err);
    }
    let closing = like(&remote, |seen| match (seen.method.as_str(), seen.count) {
        ("GetActionResult" | "BatchReadBlobs", 1) => Fault::Close,
        _ => Fault::None,
    });
    rig.stage_in("last");
    let left = rig.build_in("last", &["--remote", &closing.url()]).is(0);
    assert_eq!(left.started(), [""; 0]);
    assert_eq!(closing.connections(), 3);
}

#[test]
fn grpc_connections_that_say_nothing_are_given_up() {
    let rig = Rig::new();
    let call = |port: u16, deadline: &str| {
        let code = format!(
            "local grpc = require 'bq.grpc'
            local connection = grpc.connection {{ host = '127.0.0.1', port = {port}, keep_alive = 0.1 }}
            local call = {{ method = '/a.B/C', send = 'x', deadline = {deadline} }}
            local answer = grpc.exchange(connection, {{ calls = {{ call }} }})[1]
            print(answer.status, answer.is_lost)"
        );
        rig.run(&["-e", &code]).is(0)
    };
    // It takes the connection, and that is all: it is lost long before the deadline.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = silent.local_addr().expect("it is bound").port();
    call(port, "600").says("14\ttrue");
    // It says that it is there, but has no answer.
    let remote = Remote::judged(|_| Fault::Hang);
    call(remote.port(), "1").says("4\tfalse");
    assert_eq!(remote.connections(), 1);
}

#[test]
fn grpc_that_refuses_writing_is_still_read() {
    needs_namespaces!();
    let rig = Rig::new();
    let remote = filled(&rig);
    let faults: [(&'static str, Fault, &str); 4] = [
        (
            "UpdateActionResult",
            Fault::Status(12, "not here"),
            "UNIMPLEMENTED: not here",
        ),
        (
            "UpdateActionResult",
            Fault::Status(7, "readers"),
            "PERMISSION_DENIED: readers",
        ),
        (
            "BatchUpdateBlobs",
            Fault::Status(8, "it is full"),
            "RESOURCE_EXHAUSTED: it is full",
        ),
        ("BatchUpdateBlobs", Fault::Parts(7), "PERMISSION_DENIED"),
    ];
    rig.replace("packages/alone.lua", "alone\\n", "alone, again\\n");
    for (index, (method, fault, says)) in faults.into_iter().enumerate() {
        let refusing = like(&remote, move |seen| {
            if seen.method == method {
                fault
            } else {
                Fault::None
            }
        });
        let space = format!("space-{index}");
        rig.stage_in(&space);
        let words = ["--remote", &refusing.url(), "--remote-write"];
        let left = rig.build_in(&space, &words).is(0);
        assert_eq!(started(&left), ["high/final", "low/alone"]);
        let text = format!("takes nothing, so nothing more is written to it: {says}");
        let left = left.says(&text);
        assert_eq!(left.err.matches("takes nothing").count(), 1);
    }
    let can = Can {
        takes_results: false,
        ..Can::default()
    };
    let refusing = Remote::start(can, remote.copy(), None, |_| Fault::None);
    rig.stage_in("last");
    let words = ["--remote", &refusing.url(), "--remote-write"];
    let left = rig.build_in("last", &words).is(0);
    assert_eq!(started(&left), ["high/final", "low/alone"]);
    left.says("takes nothing, so nothing more is written to it: it says that it takes no results");
    assert_eq!(refusing.content().bytes_in, 0);
}

#[test]
fn grpc_goes_without_what_is_too_large() {
    needs_namespaces!();
    let rig = Rig::new();
    rig.large();
    let told = Can {
        largest: 64 << 10,
        ..Can::default()
    };
    // INVALID_ARGUMENT, RESOURCE_EXHAUSTED, OUT_OF_RANGE, for blobs of batches and of streams.
    let untold = [3, 8, 11].map(|code| Can {
        too_large: Some(code),
        ..Can::default()
    });
    let streams = Can {
        batch: 96 << 10,
        ..untold[0].clone()
    };
    for (index, can) in [told]
        .into_iter()
        .chain(untold)
        .chain([streams])
        .enumerate()
    {
        let remote = able(can, |_| Fault::None);
        rig.is_without_large(&format!("space-{index}"), &remote.url());
        remote.is_content();
    }
}

#[test]
fn grpc_that_ends_in_the_middle_does_not_end_the_build() {
    needs_namespaces!();
    let rig = Rig::new();
    let remote = filled(&rig);
    changed(&rig, "other");
    let ending = like(&remote, |seen| match seen.method.as_str() {
        "BatchReadBlobs" => Fault::Gone,
        _ => Fault::None,
    });
    let left = rig.build_in("other", &["--remote", &ending.url()]).is(0);
    assert_eq!(started(&left).len(), 5);
    left.says("is left out from here on");
}

#[test]
fn grpc_looks_up_many_at_once_on_one_connection() {
    // No call is answered before 100 are open.
    let remote = Remote::judged(|seen| match seen.method.as_str() {
        "GetActionResult" => Fault::Together(100),
        _ => Fault::None,
    });
    let rig = Rig::new();
    let left = spoken(
        &rig,
        &remote.url(),
        "local all = {}
        for index = 1, 1000 do all[index] = digest_of(tostring(index)) end
        print(trouble_of(cache:results(all)))",
    );
    left.says("none");
    assert_eq!(remote.content().count("GetActionResult"), 1000);
    assert_eq!(remote.connections(), 1);
    remote.is_content();
}

#[test]
fn grpc_batches_stay_below_the_limits() {
    let rig = Rig::new();
    for batch in [0, 3 << 20, 4_193_280, 256 << 10] {
        let can = Can {
            batch,
            ..Can::default()
        };
        let remote = able(can, |_| Fault::None);
        let left = spoken(
            &rig,
            &remote.url(),
            "local all, digests = {}, {}
            for index = 1, 9000 do all[index] = blob('small ' .. index) end
            for index = 1, 9 do all[#all + 1] = blob(noise(1 << 20, 'large ' .. index)) end
            for _, size in ipairs { (3 << 20) - (64 << 10) - 512, (3 << 20) - (64 << 10) - 511, (6 << 20) + 1 } do
              all[#all + 1] = blob(noise(size, 'edge'))
            end
            all[#all + 1] = blob ''
            for index = 1, 3000 do all[#all + 1] = blob('more ' .. index) end
            print(trouble_of(cache:upload(all)))
            for index, one in ipairs(all) do digests[index] = one.digest end
            assert(cache:has(digests))
            table.remove(digests, 9013)
            local got, trouble = cache:fetch(digests, 'into')
            assert(not trouble)
            for _, one in ipairs(digests) do
              assert(digest.file(got[one.hash]) == one.hash)
            end
            local none, why = cache:fetch({ digest_of 'nowhere', digest_of(noise(4 << 20, 'nowhere')) }, 'into')
            assert(not next(none) and not why)
            print 'all are right'",
        );
        left.says("none\nall are right");
        remote.is_content();
        assert!(remote.content().count("FindMissingBlobs") > 2);
    }
}

/// Writes 5 MiB and reads them, with a fault in the first call of a method.
fn with_fault(can: Can, method: &'static str, fault: Fault, text: &str) -> (Remote, Left) {
    let rig = Rig::new();
    let remote = able(can, move |seen| {
        if seen.method == method && seen.count == 1 {
            fault
        } else {
            Fault::None
        }
    });
    let code = format!(
        "local text = {text}
        print(trouble_of(cache:upload {{ blob(text) }}))
        local got, trouble = cache:fetch({{ digest_of(text) }}, 'into')
        local path = got[digest_of(text).hash]
        print(trouble and trouble.text or 'read', path and digest.file(path) == digest.sha256(text))"
    );
    let left = spoken(&rig, &remote.url(), &code);
    (remote, left)
}

#[test]
fn grpc_streams_that_were_lost_go_on() {
    let noise = "noise(5 << 20, 'a')";
    let size = 5 << 20;
    let (remote, left) = with_fault(Can::default(), "Write", Fault::Reset, noise);
    left.says("none\nread\ttrue");
    // What the server had was not sent again.
    let content = remote.content();
    assert_eq!(content.count("QueryWriteStatus"), 1);
    assert!(content.bytes_in < size + (3 << 20), "{}", content.bytes_in);
    drop(content);
    remote.is_content();

    let (remote, left) = with_fault(Can::default(), "Read", Fault::Reset, noise);
    left.says("none\nread\ttrue");
    assert_eq!(remote.content().count("Read"), 2);
    for (method, fault) in [
        ("Write", Fault::Status(14, "later")),
        ("Read", Fault::Status(10, "later")),
    ] {
        let (remote, left) = with_fault(Can::default(), method, fault, noise);
        left.says("none\nread\ttrue");
        remote.is_content();
    }
}

#[test]
fn grpc_writes_end_as_servers_end_them() {
    let noise = "noise(5 << 20, 'a')";
    // It has the blob already, so it does not want the rest.
    let (remote, left) = with_fault(Can::default(), "Write", Fault::Early, noise);
    left.says("none\n");
    assert_eq!(remote.content().count("Write"), 1);
    let (_, left) = with_fault(Can::default(), "Write", Fault::Committed(-1), noise);
    left.says("none\n");
    let (remote, left) = with_fault(Can::default(), "Write", Fault::Committed(7), noise);
    left.says("none\nread\ttrue");
    assert_eq!(remote.content().count("Write"), 2);
    let (_, left) = with_fault(Can::default(), "Write", Fault::Status(7, "readers"), noise);
    left.says("refused PERMISSION_DENIED: readers\n");
}

#[test]
fn grpc_batches_that_do_not_work_become_streams() {
    let (remote, left) = with_fault(Can::default(), "BatchReadBlobs", Fault::Parts(8), "'small'");
    left.says("none\nread\ttrue");
    assert_eq!(remote.content().count("Read"), 1);
    let (remote, left) = with_fault(
        Can::default(),
        "BatchUpdateBlobs",
        Fault::Parts(14),
        "'small'",
    );
    left.says("none\nread\ttrue");
    assert_eq!(remote.content().count("Write"), 1);
    let (_, left) = with_fault(
        Can::default(),
        "BatchReadBlobs",
        Fault::Status(12, ""),
        "'small'",
    );
    left.says("none\nread\ttrue");
}

#[test]
fn grpc_texts_travel_compressed_if_the_server_can() {
    let can = Can {
        zstd: true,
        ..Can::default()
    };
    let text = "('a line of a log\\n'):rep(400000)";
    for (method, fault) in [
        ("", Fault::None),
        ("Write", Fault::Reset),
        ("Read", Fault::Reset),
        ("Write", Fault::Committed(-1)),
    ] {
        let (remote, left) = with_fault(can.clone(), method, fault, text);
        left.says("none\n");
        if !matches!(fault, Fault::Committed(_)) {
            assert!(remote.content().bytes_in < 100_000);
            assert!(
                remote
                    .content()
                    .blobs
                    .values()
                    .any(|blob| blob.len() == 6_400_000)
            );
        }
        remote.is_content();
    }
    // What is compressed already is sent as it is, and read as it is.
    let rig = Rig::new();
    let remote = able(can, |_| Fault::None);
    let left = spoken(
        &rig,
        &remote.url(),
        "local text = '\\x28\\xb5\\x2f\\xfd' .. noise(5 << 20, 'packed')
        print(trouble_of(cache:upload { blob(text) }))
        local one = digest_of(text)
        one.is_packed = true
        print(digest.file(cache:fetch({ one }, 'into')[one.hash]) == one.hash)",
    );
    left.says("none\ntrue");
    assert_eq!(remote.content().bytes_in, (5 << 20) + 4);
    // Wrong bytes are no blob, however they come.
    for body in remote.content().blobs.values_mut() {
        body.extend(b"more");
    }
    for packed in ["true", "nil"] {
        let code = format!(
            "local one = digest_of('\\x28\\xb5\\x2f\\xfd' .. noise(5 << 20, 'packed'))
            one.is_packed = {packed}
            local got, trouble = cache:fetch({{ one }}, 'into')
            print(trouble, digest.file(got[one.hash]) ~= one.hash)"
        );
        spoken(&rig, &remote.url(), &code).says("nil\ttrue");
    }
}

#[test]
fn grpc_secrets_go_to_the_cache_and_nowhere_else() {
    needs_namespaces!();
    let rig = Rig::new();
    rig.stage(&[]).is(0);
    let remote = Remote::judged(|seen| {
        let has =
            |name: &str, value: &str| seen.headers.get(name).is_some_and(|found| found == value);
        if has("authorization", "Bearer s3cr3t") && has("x-team", "blue") {
            Fault::None
        } else {
            Fault::Status(16, "who are you?")
        }
    });
    let url = remote.url();
    rig.write("token", "s3cr3t\n");
    rig.write("headers", "X-Team: blue\n");
    let words = [
        "--remote",
        &url,
        "--remote-write",
        "--remote-token",
        "token",
    ];
    let more = ["--remote-header", "headers"];
    let left = rig.build(&[&words[..], &more].concat()).is(0);
    let left = left.says("wrote 5 outputs");
    assert!(!left.err.contains("s3cr3t"), "{}", left.err);
    rig.stage_in("other");
    let left = rig.build_in("other", &words).is(0);
    left.says("is left out from here on: UNAUTHENTICATED: who are you?");

    rig.stage_in("third");
    rig.write("headers", "Host: elsewhere\n");
    let left = rig.build_in("third", &[&words[..], &more].concat());
    left.is(1).says("expected `Name: value`");
    for (address, says) in [
        (
            "grpc://user:s3cr3t@127.0.0.1:1",
            "a file: `--remote-login FILE`",
        ),
        ("grpc://127.0.0.1", "not an address of a cache"),
        ("grpcs://host/a/blobs", "not an address of a cache"),
    ] {
        let left = rig.build_in("third", &["--remote", address]);
        left.is(2).says(says);
    }
}

#[test]
fn grpc_that_is_not_there_costs_no_more_than_a_moment() {
    needs_namespaces!();
    let rig = Rig::new();
    rig.stage(&[]).is(0);
    for url in ["grpc://127.0.0.1:1", "grpcs://127.0.0.1:1"] {
        let left = rig.build(&["--remote", url, "--remote-write"]).is(0);
        if url == "grpc://127.0.0.1:1" {
            assert_eq!(started(&left).len(), 5);
            left.says("warning: `grpc://127.0.0.1:1` is left out from here on: UNAVAILABLE: ");
        }
    }
}

#[test]
fn grpc_blobs_that_went_before_their_result_are_written_again() {
    needs_namespaces!();
    let rig = Rig::new();
    // Before each first result of a step the server drops what it has.
    let forgets = Arc::new(Mutex::new(true));
    let own = forgets.clone();
    let remote = Remote::judged(move |seen| {
        let mut forgets = own.lock().expect("nobody panicked");
        if seen.method == "UpdateActionResult" && std::mem::replace(&mut *forgets, false) {
            Fault::Forget
        } else {
            Fault::None
        }
    });
    rig.stage(&[]).is(0);
    let left = rig.build(&["--remote", &remote.url(), "--remote-write"]);
    left.is(0).says("wrote 5 outputs");
    assert_eq!(remote.content().count("UpdateActionResult"), 6);
    rig.stage_in("other");
    let left = rig.build_in("other", &["--remote", &remote.url()]).is(0);
    assert_eq!(left.started(), [""; 0]);
}

#[test]
fn grpc_over_tls_both_sides_say_who_they_are() {
    needs_namespaces!();
    let rig = Rig::new();
    let Some(remote) = certificates::remote(&rig) else {
        return;
    };
    let url = remote.url();
    assert!(url.starts_with("grpcs://"));
    let write = ["--remote", &url, "--remote-write"];
    let trusting = ["--remote-ca", "authority.pem"];
    let known = ["--remote-cert", "client.pem", "--remote-key", "client.key"];
    rig.stage(&[]).is(0);
    let left = rig.build(&[&write[..], &trusting, &known].concat()).is(0);
    left.says("wrote 5 outputs");
    rig.stage_in("other");
    let read = ["--remote", &url];
    let left = rig.build_in("other", &[&read[..], &trusting, &known].concat());
    assert_eq!(left.is(0).started(), [""; 0]);

    // Without a certificate, trusting another authority, or the system's: each is said, and the build goes on.
    for (index, words) in [
        [&read[..], &trusting].concat(),
        [&read[..], &["--remote-ca", "stranger.pem"], &known].concat(),
        [&read[..], &known].concat(),
    ]
    .into_iter()
    .enumerate()
    {
        let space = format!("space-{index}");
        rig.stage_in(&space);
        let left = rig.build_in(&space, &words).is(0);
        assert_eq!(started(&left).len(), 5);
        left.says("is left out from here on: UNAVAILABLE: ");
    }
    rig.stage_in("last");
    let words = [&read[..], &["--remote-ca", "server.key"]].concat();
    rig.build_in("last", &words)
        .is(1)
        .says("`ca` has none in PEM");
    remote.is_content();
}
