//! What the tests in Rust share. Each test program takes its part of it.
#![allow(dead_code)]

pub(crate) mod builds;
pub(crate) mod server;

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Output};

use sha2::{Digest, Sha256};

/// The program under test, with an environment that leads nowhere else.
pub(crate) fn bq(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bq"));
    command.current_dir(folder);
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command
            .env_remove(name)
            .env_remove(name.to_ascii_uppercase());
    }
    for name in ["BQ_PATH", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command
}

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
