//! How the fetch of a file ended.

use std::ffi::OsString;

use super::failure::Failure;

/// What went wrong, and with which URL.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) url: OsString,
    pub(super) failure: Failure,
}

/// How it ended.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) ok: bool,
    pub(super) cached: bool,
    pub(super) url: Option<OsString>,
    pub(super) sha256: Option<String>,
    pub(super) size: Option<u64>,
    pub(super) attempts: Vec<Attempt>,
}

/// The file was there already.
pub(super) fn there(sha256: String, size: u64) -> Outcome {
    Outcome {
        ok: true,
        cached: true,
        sha256: Some(sha256),
        size: Some(size),
        ..Outcome::default()
    }
}
