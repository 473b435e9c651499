//! Twenty files of 20 MB with their digests: `bq.fetch` against `curl --parallel` followed by `sha256sum`.
// A benchmark fails by panicking.
#![allow(clippy::expect_used)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use support::server::Server;
use support::{bq, noise, sha256};

const FILES: u64 = 20;
const SIZE: usize = 20 << 20;
const ROUNDS: usize = 5;
/// What bq may take of the others' time.
const GOAL: f64 = 0.95;

fn main() {
    // `cargo test --all-targets` starts benchmarks too, without this.
    if !std::env::args().any(|word| word == "--bench") {
        return;
    }
    let source = tempfile::tempdir().expect("a folder");
    let server = Server::folder(source.path());
    let (mut urls, mut sums, mut files) = (Vec::new(), String::new(), String::new());
    for i in 0..FILES {
        let (name, content) = (format!("f{i}"), noise(i, SIZE));
        std::fs::write(source.path().join(&name), &content).expect("room for 400 MB");
        let (url, digest) = (server.url(&name), sha256(&content));
        let file = format!("{{ urls = {{ '{url}' }}, path = '{name}', sha256 = '{digest}' }},");
        files.push_str(&file);
        writeln!(sums, "{digest}  {name}").expect("a string takes all");
        urls.extend(["-O".to_owned(), url]);
    }
    let code = format!(
        "for _, result in ipairs(require 'bq.fetch'.fetch {{ files = {{ {files} }} }}) do assert(result.ok) end"
    );
    let ours = |folder: &Path| {
        let mut command = bq(folder);
        command.args(["-e", &code]);
        run(&mut command);
    };
    let theirs = |folder: &Path| {
        std::fs::write(folder.join("sums"), &sums).expect("it can be written");
        let mut curl = Command::new("curl");
        curl.args([
            "-sS",
            "--parallel",
            "--parallel-max",
            "8",
            "--no-progress-meter",
        ]);
        run(curl.args(&urls).current_dir(folder));
        let mut sum = Command::new("sha256sum");
        run(sum.args(["--check", "--quiet", "sums"]).current_dir(folder));
    };
    let (mut best_ours, mut best_theirs) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        best_ours = best_ours.min(time(ours));
        best_theirs = best_theirs.min(time(theirs));
    }
    let ratio = best_ours.as_secs_f64() / best_theirs.as_secs_f64();
    println!(
        "bq {best_ours:.2?}, curl and sha256sum {best_theirs:.2?}, ratio {ratio:.2} (goal: {GOAL})"
    );
    assert!(ratio <= GOAL, "too slow");
}

fn time(work: impl Fn(&Path)) -> Duration {
    let folder = tempfile::tempdir().expect("a folder");
    nix::unistd::sync();
    let start = Instant::now();
    work(folder.path());
    start.elapsed()
}

fn run(command: &mut Command) {
    let status = command.status().expect("it starts");
    assert!(status.success(), "{command:?}: {status}");
}
