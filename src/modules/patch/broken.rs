//! The error for a patch that cannot be read.

/// The line that cannot be read, and the reason.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) line: usize,
    pub(super) why: String,
}

impl Broken {
    pub(super) fn new(line: usize, why: impl Into<String>) -> Self {
        Self {
            line,
            why: why.into(),
        }
    }
}
