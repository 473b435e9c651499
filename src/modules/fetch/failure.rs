//! What went wrong with one try, and whether another makes sense.

use std::time::Duration;

use crate::error::Error;

/// What may be done after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The same URL may do later.
    Again,
    /// The same URL may do at once, from where it stopped: it had begun to send.
    Resume,
    /// The same URL once more at once, from the start: what came may have been pieces of two files.
    Whole,
    /// This URL will not do, another may.
    Other,
    /// No URL will do: the trouble is on this side.
    Give,
}

/// One try that failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: String,
    pub(super) message: String,
    pub(super) next: Next,
    /// How long the server asked to be left alone.
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

    /// The content is not what it should be.
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

/// Trouble with a file of ours ends the whole job.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(&error.code, Next::Give, error.to_string())
    }
}
