//! The result of fetching one file.

use std::ffi::OsString;

use super::failure::Failure;

/// A failed attempt: the URL and the failure.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) url: OsString,
    pub(super) failure: Failure,
}

/// The result of fetching one file.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) ok: bool,
    pub(super) cached: bool,
    pub(super) url: Option<OsString>,
    pub(super) sha256: Option<String>,
    pub(super) size: Option<u64>,
    pub(super) attempts: Vec<Attempt>,
}

/// The file existed before the fetch.
pub(super) fn cached_outcome(sha256: String, size: u64) -> Outcome {
    Outcome {
        ok: true,
        cached: true,
        sha256: Some(sha256),
        size: Some(size),
        ..Outcome::default()
    }
}
