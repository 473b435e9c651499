//! Why a patch cannot be read.

/// A patch that cannot be read: at which of its lines, and why.
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
