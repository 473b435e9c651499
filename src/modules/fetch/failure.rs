//! Why one attempt failed, and what to try next.

use std::time::Duration;

use crate::error::Error;

/// What may be done after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Try the same URL again after a wait.
    Retry,
    /// Try the same URL again at once, from where it stopped: it had begun to send.
    Resume,
    /// Try the same URL once more at once, from the start: the bytes may be a mix of two files.
    Restart,
    /// Do not try this URL again. Another may succeed.
    OtherUrl,
    /// Try no URL: the error is on this machine.
    GiveUp,
}

/// One attempt that failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: String,
    pub(super) message: String,
    pub(super) next: Next,
    /// How long the server asked the client to wait (`Retry-After`).
    pub(super) after: Option<Duration>,
    /// The expected and the actual digest.
    pub(super) digests: Option<(String, String)>,
}

impl Failure {
    pub(super) fn new(code: &str, next: Next, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            next,
            after: None,
            digests: None,
        }
    }

    /// The content has a wrong digest.
    pub(super) fn mismatch(next: Next, expected: &str, actual: &str, size: u64) -> Self {
        Self {
            digests: Some((expected.to_owned(), actual.to_owned())),
            ..Self::new(
                "hash_mismatch",
                next,
                format!("expected sha256 {expected}, got {actual} ({size} bytes)"),
            )
        }
    }
}

/// An error of a local file ends the whole job.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(&error.code, Next::GiveUp, error.to_string())
    }
}
