//! The data of one transfer: the file, the options and the client.

use std::sync::atomic::{AtomicBool, Ordering};

use super::failure::{Failure, Next};
use super::http::Client;
use super::options::{File, Options};

pub(super) struct Task<'a> {
    pub(super) options: &'a Options,
    pub(super) file: &'a File,
    pub(super) client: &'a Client<'a>,
    /// Set when all other fetches should stop.
    pub(super) stop: &'a AtomicBool,
}

impl Task<'_> {
    /// Fails if the failure of another file has stopped all fetches.
    pub(super) fn go_on(&self) -> Result<(), Failure> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Failure::new("skipped", Next::GiveUp, "another file failed"));
        }
        Ok(())
    }
}
