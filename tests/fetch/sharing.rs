//! Several processes that want the same file.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use crate::support::server::Server;
use crate::support::{noise, sha256};
use crate::{Fetched, QUICK, Scratch, assert_fetched, command, results};

const SIZE: usize = 200_000;

/// Sends half of a file, reports that, and sends the rest on request (or never).
fn gated(content: &[u8]) -> (Server, Receiver<()>, Sender<()>) {
    let content = content.to_vec();
    let (begun, has_begun) = channel();
    let (go, gate) = channel();
    let (begun, gate) = (Mutex::new(begun), Mutex::new(gate));
    let server = Server::start(move |request, reply| {
        if request.range().is_some() {
            reply.file(request, &[], &content);
            return;
        }
        reply.head("200 OK", &[("Content-Length", &content.len().to_string())]);
        reply.raw(&content[..SIZE / 2]);
        let begun = begun.lock().expect("no one panicked");
        begun.send(()).expect("the test waits");
        if gate.lock().expect("no one panicked").recv().is_ok() {
            reply.raw(&content[SIZE / 2..]);
        }
        reply.close();
    });
    (server, has_begun, go)
}

fn start(scratch: &Scratch, server: &Server, content: &[u8]) -> Child {
    let options = format!(
        "{QUICK}, files = {{ {{ path = 'f', urls = {{ '{}' }}, sha256 = '{}' }} }}",
        server.url("f"),
        sha256(content)
    );
    command(scratch.path(), &options)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("bq runs")
}

/// Waits until the process reports that it waits.
fn is_waiting(child: &mut Child) {
    let mut line = String::new();
    let stderr = child.stderr.as_mut().expect("it is piped");
    BufReader::new(stderr)
        .read_line(&mut line)
        .expect("it speaks");
    assert_eq!(line, "waiting for another fetch of `f`\n");
}

#[test]
fn one_fetches_and_the_other_waits() {
    let (scratch, content) = (Scratch::new(), noise(1, SIZE));
    let (server, has_begun, go) = gated(&content);
    let first = start(&scratch, &server, &content);
    has_begun.recv().expect("the first asks");
    let mut second = start(&scratch, &server, &content);
    is_waiting(&mut second);
    go.send(()).expect("the server waits");
    let first = results(&first.wait_with_output().expect("it ends"));
    assert_fetched(&scratch, &first[0], &content, &[]);
    let second = results(&second.wait_with_output().expect("it ends"));
    assert!(second[0].ok() && second[0].cached(), "{second:?}");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn the_other_goes_on_where_a_killed_one_was() {
    let (scratch, content) = (Scratch::new(), noise(1, SIZE));
    let (server, has_begun, _go) = gated(&content);
    let mut first = start(&scratch, &server, &content);
    has_begun.recv().expect("the first asks");
    // It has written all or some of the sent bytes.
    while std::fs::metadata(scratch.file("f.part")).map_or(0, |m| m.len()) == 0 {
        std::thread::yield_now();
    }
    let mut second = start(&scratch, &server, &content);
    is_waiting(&mut second);
    first.kill().expect("it runs");
    first.wait().expect("it ends");
    let second = results(&second.wait_with_output().expect("it ends"));
    assert_fetched(&scratch, &second[0], &content, &[]);
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    assert!(requests[1].range().is_some_and(|start| start > 0));
}

#[test]
fn many_at_once_never_spoil_it() {
    let (scratch, content) = (Scratch::new(), noise(1, SIZE));
    let server = Server::constant(content.clone());
    let all: Vec<Child> = (0..6).map(|_| start(&scratch, &server, &content)).collect();
    let mut fetched = 0;
    for child in all {
        let result = &results(&child.wait_with_output().expect("it ends"))[0];
        assert!(result.ok(), "{result:?}");
        fetched += usize::from(!result.cached());
    }
    assert_eq!(fetched, 1);
    assert_eq!(server.requests().len(), 1);
    assert!(scratch.read("f") == content);
    assert_eq!(scratch.names(), ["f"]);
}

#[test]
fn one_process_that_names_a_file_twice_fetches_it_once() {
    let (scratch, content) = (Scratch::new(), noise(1, SIZE));
    let server = Server::constant(content.clone());
    let file = format!(
        "{{ path = 'f', urls = {{ '{}' }}, sha256 = '{}' }}",
        server.url("f"),
        sha256(&content)
    );
    let results = scratch.fetch(&format!("{QUICK}, files = {{ {file}, {file}, {file} }}"));
    assert!(results.iter().all(Fetched::ok));
    assert_eq!(results.iter().filter(|result| !result.cached()).count(), 1);
    assert_eq!(server.requests().len(), 1);
    assert_eq!(scratch.names(), ["f"]);
}
