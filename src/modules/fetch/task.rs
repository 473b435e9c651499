//! What is fetched, and with what: all that a transfer has to know.

use std::sync::atomic::{AtomicBool, Ordering};

use super::failure::{Failure, Next};
use super::http::Client;
use super::options::{File, Options};

pub(super) struct Task<'a> {
    pub(super) options: &'a Options,
    pub(super) file: &'a File,
    pub(super) client: &'a Client<'a>,
    /// Set when the others need not go on.
    pub(super) stop: &'a AtomicBool,
}

impl Task<'_> {
    /// Fails if another file's failure has ended it all.
    pub(super) fn go_on(&self) -> Result<(), Failure> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Failure::new("skipped", Next::Give, "another file failed"));
        }
        Ok(())
    }
}
