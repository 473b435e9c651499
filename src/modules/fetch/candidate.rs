//! The URLs of one file: which is tried next, and when.

use std::ffi::OsStr;
use std::time::Instant;

use super::back_off::back_off;
use super::failure::{Failure, Next};

/// In so many pieces a file may come from one URL: 6 GiB in pieces of 64 KiB.
const PIECES_MAX: u32 = 100_000;
/// A transfer that brought so many bytes is worth going on with, however it ended.
const MANY: u64 = 1 << 20;
/// After a piece of this size the next one is asked for at once.
const PIECE: u64 = 32 << 10;

/// A URL, and how it has done so far.
pub(super) struct Candidate<'a> {
    pub(super) text: &'a OsStr,
    failures: u32,
    /// Tries that broke off after they had brought something.
    pieces: u32,
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
            pieces: 0,
            not_before: None,
            dead: false,
            retried_after_mismatch: false,
        }
    }

    /// Takes note of a failure, and of how many new bytes it brought. A connection that ended after any does not count, nor
    /// one that stalled after many.
    pub(super) fn failed(&mut self, failure: &Failure, gained: u64, retries: u32) {
        self.not_before = None;
        let enough = if failure.code == "truncated" { 1 } else { MANY };
        match failure.next {
            Next::Whole => return,
            Next::Other | Next::Give => self.dead = true,
            Next::Again | Next::Resume if gained >= enough && self.pieces < PIECES_MAX => {
                self.pieces += 1;
                if gained >= PIECE && failure.after.is_none() {
                    return;
                }
            }
            Next::Again | Next::Resume => {
                self.failures += 1;
                self.dead = self.failures > retries;
            }
        }
        let wait = back_off(self.failures.max(1), failure.after);
        self.not_before = Some(Instant::now() + wait);
    }
}
