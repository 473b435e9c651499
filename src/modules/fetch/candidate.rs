//! The URLs of one file: which is tried next, and when.

use std::ffi::OsStr;
use std::time::Instant;

use super::back_off::back_off;
use super::failure::{Failure, Next};

/// A URL, and how it has done so far.
pub(super) struct Candidate<'a> {
    pub(super) text: &'a OsStr,
    failures: u32,
    pub(super) not_before: Option<Instant>,
    /// It will not do.
    pub(super) dead: bool,
    /// It had its second chance after a wrong digest.
    pub(super) retried_after_mismatch: bool,
}

/// The URL that has failed least; the first of several.
pub(super) fn choose(candidates: &[Candidate<'_>]) -> Option<usize> {
    let alive = |index: &usize| !candidates[*index].dead;
    (0..candidates.len())
        .filter(alive)
        .min_by_key(|index| candidates[*index].failures)
}

impl<'a> Candidate<'a> {
    pub(super) fn new(text: &'a OsStr) -> Self {
        Self {
            text,
            failures: 0,
            not_before: None,
            dead: false,
            retried_after_mismatch: false,
        }
    }

    /// Takes note of a failure, which brought the file on or did not.
    pub(super) fn failed(&mut self, failure: &Failure, advanced: bool, retries: u32) {
        self.not_before = None;
        match failure.next {
            Next::Whole => return,
            Next::Other | Next::Give => self.dead = true,
            Next::Again | Next::Resume => {
                self.failures += u32::from(!advanced);
                self.dead = self.failures > retries;
            }
        }
        let wait = back_off(self.failures.max(1), failure.after);
        self.not_before = Some(Instant::now() + wait);
    }
}
