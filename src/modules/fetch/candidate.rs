//! The URLs of one file: which is tried next, and when.

use std::ffi::OsStr;
use std::time::Instant;

use super::back_off::back_off;
use super::failure::{Failure, Next};

/// The most pieces in which one URL may send a file: about 6 GiB in pieces of 64 KiB.
const PIECES_MAX: u32 = 100_000;
/// A transfer that brought this many new bytes does not count as a failure, however it ended.
const MANY: u64 = 1 << 20;
/// After a piece of this size the next one is requested without a wait.
const PIECE: u64 = 32 << 10;

/// A URL, and the results of its attempts so far.
pub(super) struct Candidate<'a> {
    pub(super) text: &'a OsStr,
    failures: u32,
    /// Attempts that broke off after they had brought new bytes.
    pieces: u32,
    pub(super) not_before: Option<Instant>,
    /// It is not tried again.
    pub(super) dead: bool,
    /// It was tried a second time after a wrong digest or size.
    pub(super) retried_after_mismatch: bool,
}

/// The URL with the fewest failures. If several have as few, the first of them.
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

    /// Records a failed attempt that brought `gained` new bytes. It does not count as a failure if the connection ended
    /// after at least one new byte, or stalled after `MANY` of them.
    pub(super) fn failed(&mut self, failure: &Failure, gained: u64, retries: u32) {
        self.not_before = None;
        let enough = if failure.code == "truncated" { 1 } else { MANY };
        match failure.next {
            Next::Restart => return,
            Next::OtherUrl | Next::GiveUp => self.dead = true,
            Next::Retry | Next::Resume if gained >= enough && self.pieces < PIECES_MAX => {
                self.pieces += 1;
                if gained >= PIECE && failure.after.is_none() {
                    return;
                }
            }
            Next::Retry | Next::Resume => {
                self.failures += 1;
                self.dead = self.failures > retries;
            }
        }
        let wait = back_off(self.failures.max(1), failure.after);
        self.not_before = Some(Instant::now() + wait);
    }
}
