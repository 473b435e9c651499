//! What the tests in Rust share. Each test program takes its part of it.
#![allow(dead_code)]

pub(crate) mod builds;
pub(crate) mod images;
pub(crate) mod overlay;
pub(crate) mod program;
pub(crate) mod screen;
pub(crate) mod server;

use std::fmt::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output};

pub(crate) use program::bq;
use sha2::{Digest, Sha256};

/// Runs Lua code, which has to succeed; returns what it wrote.
pub(crate) fn lua(folder: &Path, code: &str) -> Output {
    let output = bq(folder).args(["-e", code]).output().expect("bq runs");
    assert!(
        output.status.success(),
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Copies a program that will be run. Another process does it: a test that starts something at the same time would hand
/// the open file on, and the kernel runs no program that is open for writing.
pub(crate) fn copy_program(from: &Path, to: &Path) {
    let status = Command::new("cp").arg(from).arg(to).status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "cannot copy {}",
        from.display()
    );
}

/// Bytes that do not repeat and do not compress, the same for the same seed.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .collect()
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        write!(text, "{byte:02x}").expect("a string takes all");
    }
    text
}

pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Why namespaces are not available here; `None` if they are.
pub(crate) fn why_no_namespaces() -> Option<String> {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let code = "for _, finding in ipairs(require 'bq.run.probe' '.') do
        if finding.fatal then print(finding.message .. ': ' .. tostring(finding.cause)) end
    end";
    let text = lua(folder.path(), code).stdout;
    let text = String::from_utf8_lossy(&text).trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// The mounts of this process's namespace, without those that change by themselves.
pub(crate) fn mounts() -> Vec<String> {
    let text = std::fs::read_to_string("/proc/self/mountinfo").expect("Linux has it");
    let mut lines: Vec<String> = text
        .lines()
        .filter_map(|line| Some(line.split_ascii_whitespace().nth(4)?.to_owned()))
        .collect();
    lines.sort();
    lines
}

/// The processes that have a word in their command line, wherever their namespaces.
pub(crate) fn processes_with(word: &str) -> Vec<i32> {
    processes(word, &["cmdline"])
}

/// Also those that have it in their environment or among their mounts, as far as that can be read.
pub(crate) fn processes_of(word: &str) -> Vec<i32> {
    processes(word, &["cmdline", "environ", "mountinfo"])
}

fn processes(word: &str, files: &[&str]) -> Vec<i32> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("Linux has it").flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse().ok()) else {
            continue;
        };
        // A process that has ended has neither, also before it is reaped.
        let has = |file| {
            let text = std::fs::read(entry.path().join(file)).unwrap_or_default();
            String::from_utf8_lossy(&text).contains(word)
        };
        if files.iter().any(has) {
            found.push(pid);
        }
    }
    found
}

/// Waits until a condition holds, for what the kernel does later.
pub(crate) fn eventually(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..12_000 {
        if is_so() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("it never came: {what}");
}

/// Says why a test does nothing here: `skipped: TEST: REASON`. Unlike what a passing test prints, this is shown, so that
/// CI can compare it with `.ci/may-skip`.
pub(crate) fn skip(why: impl std::fmt::Display) {
    use std::io::Write;
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let why = why.to_string().trim_end().replace('\n', " ");
    let line = format!("skipped: {test}: {why}\n");
    // If standard error is closed, nobody reads it.
    drop(std::io::stderr().write_all(line.as_bytes()));
}

/// What a program wrote to standard error, and the signal that ended it, if one did.
pub(crate) fn heard(output: &Output) -> String {
    let mut text = String::from_utf8_lossy(&output.stderr).into_owned();
    if let Some(signal) = output.status.signal() {
        writeln!(text, "(ended by signal {signal})").expect("a string takes all");
    }
    text
}

/// Whether all the tools are there; says so if not.
pub(crate) fn have(tools: &[&str]) -> bool {
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    for tool in tools {
        if !std::env::split_paths(&path).any(|folder| folder.join(tool).is_file()) {
            skip(format_args!("`{tool}` is not installed"));
            return false;
        }
    }
    true
}
