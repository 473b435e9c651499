//! Wrong options raise errors. `verify_only` checks and changes nothing.

use crate::support::server::Server;
use crate::support::{lua, noise, sha256};
use crate::{QUICK, Scratch, assert_failed};

#[test]
fn wrong_options_are_named() {
    let scratch = Scratch::new();
    let digest = "0".repeat(64);
    for (options, message) in [
        ("", "`files` is missing".to_owned()),
        ("files = 1", "`files`: expected a list, got 1".to_owned()),
        ("files = {}, jbos = 1", "unknown option `jbos`".to_owned()),
        ("files = {}, 7", "unknown option `[1]`".to_owned()),
        (
            "files = { 'x' }",
            "`files[1]`: expected a table, got string".to_owned(),
        ),
        (
            "files = { { path = 'f' } }",
            "`files[1].urls` is missing".to_owned(),
        ),
        (
            "files = { { urls = {} } }",
            "`files[1].path` is missing".to_owned(),
        ),
        (
            "files = { { urls = {}, path = '/' } }",
            "`files[1].path` names no file".to_owned(),
        ),
        (
            "files = { { urls = { 1 }, path = 'f' } }",
            "`files[1].urls[1]`: expected a string, got 1".to_owned(),
        ),
        (
            "files = { { urls = {}, path = 'f', sha = '' } }",
            "unknown option `files[1].sha`".to_owned(),
        ),
        (
            "files = { { urls = {}, path = 'f', sha256 = 'abc' } }",
            "`files[1].sha256`: expected 64 hexadecimal digits, got `abc`".to_owned(),
        ),
        (
            "files = { { urls = {}, path = 'f', size = -1 } }",
            "`files[1].size`: expected a whole number, 0 or more, got -1".to_owned(),
        ),
        (
            "files = {}, stall_timeout = 0",
            "`stall_timeout`: expected a number of seconds above 0, got 0".to_owned(),
        ),
        (
            "files = {}, progress = 'no'",
            "`progress`: expected true or false, got string".to_owned(),
        ),
    ] {
        let code = format!(
            "local ok, err = pcall(require 'bq.fetch'.fetch, {{ {options} }})
            print(ok, err.op, err.code, err.message)"
        );
        let output = lua(scratch.path(), &code);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let start = format!("false\tfetch.fetch\targument\t{message}");
        assert!(text.starts_with(&start), "{text}");
    }
    let none = scratch.fetch("files = {}");
    assert!(none.is_empty());
    let result = scratch.one(QUICK, &format!("urls = {{}}, sha256 = '{digest}'"));
    assert_failed(&scratch, &result, &[], &[]);
}

#[test]
fn verify_only_looks() {
    let (scratch, content) = (Scratch::new(), noise(1, 1000));
    scratch.write("right", &content);
    scratch.write("wrong", b"wrong");
    scratch.write("any", b"any");
    let server = Server::constant(content.clone());
    let file = |name: &str, digest: &str| {
        let url = server.url(name);
        format!("{{ path = '{name}', urls = {{ '{url}' }} {digest} }}")
    };
    let digest = format!(", sha256 = '{}'", sha256(&content));
    let results = scratch.fetch(&format!(
        "verify_only = true, progress = false, files = {{ {}, {}, {}, {} }}",
        file("right", &digest),
        file("wrong", &digest),
        file("absent", &digest),
        file("any", "")
    ));
    let states: Vec<_> = results
        .iter()
        .map(|r| (r.ok(), r.cached(), r.codes()))
        .collect();
    assert_eq!(
        states,
        [
            (true, true, vec![]),
            (false, false, vec!["hash_mismatch"]),
            (false, false, vec!["missing"]),
            (true, true, vec![]),
        ]
    );
    assert_eq!(results[1].attempts()[0]["actual"], sha256(b"wrong"));
    assert_eq!(results[2].message(0), "`absent` is not there");
    assert_eq!(scratch.names(), ["any", "right", "wrong"]);
    assert!(server.requests().is_empty());
}
