//! `bq.fetch` from outside: the program fetches from a server in this process, which may misbehave.
// A test fails by panicking. Clippy allows that in test functions, but not in their helpers.
#![allow(clippy::expect_used)]

#[path = "../support/mod.rs"]
mod support;

mod bars;
mod files;
mod http;
mod options;
mod proxies;
mod resume;
mod sharing;
mod strangers;
mod tls;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use support::server::Server;
use support::{bq, sha256};

/// Limits that end a test soon, even on a busy machine.
const QUICK: &str = "progress = false, retries = 1, connect_timeout = 5, stall_timeout = 20";
/// The same for servers that are slow on purpose.
const HASTY: &str = "progress = false, retries = 0, connect_timeout = 5, stall_timeout = 2";

/// A folder for one test.
struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder can be made"))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    fn write(&self, name: &str, content: &[u8]) {
        std::fs::write(self.file(name), content).expect("it can be written");
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.file(name)).expect("it is there")
    }

    /// The names of all files, sorted.
    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path()).expect("it is a folder");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("it can be read").file_name())
            .map(|name| name.to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// Fetches by a table of options in Lua, and returns the results.
    fn fetch(&self, options: &str) -> Vec<Fetched> {
        results(&command(self.path(), options).output().expect("bq runs"))
    }

    /// Fetches one file, named `f`, with limits; `fields` are its Lua fields besides the path.
    fn one(&self, limits: &str, fields: &str) -> Fetched {
        let mut all = self.fetch(&format!(
            "{limits}, files = {{ {{ path = 'f', {fields} }} }}"
        ));
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    /// Fetches one file from a server, by its digest.
    fn from(&self, limits: &str, server: &Server, content: &[u8]) -> Fetched {
        let fields = format!(
            "urls = {{ '{}' }}, sha256 = '{}'",
            server.url("f"),
            sha256(content)
        );
        self.one(limits, &fields)
    }
}

/// The program that fetches by a table of options in Lua and writes the results as JSON.
fn command(folder: &Path, options: &str) -> Command {
    let code = format!("print(require 'bq.json'.encode(require 'bq.fetch'.fetch {{ {options} }}))");
    let mut command = bq(folder);
    command.args(["-e", &code]);
    command
}

fn results(output: &Output) -> Vec<Fetched> {
    assert!(output.status.success(), "{output:?}");
    let value: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    let list = value.as_array().expect("a list").iter();
    list.map(|one| Fetched(one.clone())).collect()
}

/// One result.
#[derive(Debug)]
struct Fetched(Value);

impl Fetched {
    fn ok(&self) -> bool {
        self.0["ok"].as_bool().expect("always there")
    }

    fn cached(&self) -> bool {
        self.0["cached"].as_bool().expect("always there")
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0[name].as_str()
    }

    fn attempts(&self) -> &[Value] {
        self.0["attempts"].as_array().expect("always there")
    }

    /// The codes of the failed attempts, in order.
    fn codes(&self) -> Vec<&str> {
        self.attempts()
            .iter()
            .map(|attempt| attempt["code"].as_str().expect("always there"))
            .collect()
    }

    fn message(&self, index: usize) -> &str {
        self.attempts()[index]["message"].as_str().expect("a text")
    }
}

/// Checks that a fetch succeeds, after these failed attempts.
#[track_caller]
fn assert_fetched(scratch: &Scratch, result: &Fetched, content: &[u8], codes: &[&str]) {
    assert!(result.ok(), "{result:?}");
    assert!(!result.cached());
    assert_eq!(result.codes(), codes, "{result:?}");
    assert_eq!(result.text("sha256"), Some(sha256(content).as_str()));
    assert_eq!(result.0["size"].as_u64(), Some(content.len() as u64));
    assert!(scratch.read("f") == content);
    assert_eq!(scratch.names(), ["f"]);
}

/// Checks that a fetch fails, and leaves only the named files.
#[track_caller]
fn assert_failed(scratch: &Scratch, result: &Fetched, codes: &[&str], left: &[&str]) {
    assert!(!result.ok(), "{result:?}");
    assert!(!result.cached());
    assert_eq!(result.codes(), codes, "{result:?}");
    assert_eq!(result.text("url"), None);
    assert_eq!(scratch.names(), left);
}
