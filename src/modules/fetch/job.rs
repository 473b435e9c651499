//! One file: is it there, who else fetches it, which URL is tried when, is it right.

use std::ffi::{OsStr, OsString};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::candidate::{Candidate, choose};
use super::failure::{Failure, Next};
use super::http::Client;
use super::options::{File, Options};
use super::part::{Part, digest_of};
use super::url::{self, Source};
use super::{copy, transfer};
use crate::modules::progress::{Bar, Unit};

/// A failure that brought so many new bytes is none: a large file may come in many pieces.
const PROGRESS: u64 = 1 << 20;
/// How long a wait goes on before it looks whether it is still wanted.
const NAP: Duration = Duration::from_millis(50);
/// A wait that is worth a message.
const LONG: Duration = Duration::from_secs(5);

type Result<T> = std::result::Result<T, Failure>;

/// What went wrong, and with which URL.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) url: OsString,
    pub(super) failure: Failure,
}

/// How it ended.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) ok: bool,
    pub(super) cached: bool,
    pub(super) url: Option<OsString>,
    pub(super) sha256: Option<String>,
    pub(super) size: Option<u64>,
    pub(super) attempts: Vec<Attempt>,
}

pub(super) struct Job<'a> {
    pub(super) options: &'a Options,
    pub(super) file: &'a File,
    pub(super) client: &'a Client<'a>,
    /// Set when the others need not go on.
    pub(super) stop: &'a AtomicBool,
}

impl Job<'_> {
    pub(super) fn run(&self) -> Outcome {
        let mut attempts = Vec::new();
        let result = if self.options.verify_only {
            self.verify_only()
        } else {
            self.obtain(&mut attempts)
        };
        let mut outcome = result.unwrap_or_else(|failure| {
            let url = self.file.urls.first().cloned().unwrap_or_default();
            attempts.push(Attempt { url, failure });
            Outcome::default()
        });
        outcome.attempts = attempts;
        outcome
    }

    fn verify_only(&self) -> Result<Outcome> {
        let path = self.file.path.display();
        let Some((actual, size)) = digest_of(&self.file.path)? else {
            let message = format!("`{path}` is not there");
            return Err(Failure::new("missing", Next::Give, message));
        };
        if let Some(expected) = self.file.sha256.as_ref().filter(|e| **e != actual) {
            return Err(Failure::mismatch(Next::Give, expected, &actual, size));
        }
        Ok(there(actual, size))
    }

    fn obtain(&self, attempts: &mut Vec<Attempt>) -> Result<Outcome> {
        let mut reported = false;
        loop {
            self.go_on()?;
            if let Some(outcome) = self.existing(&mut reported)? {
                return Ok(outcome);
            }
            let waiting = || {
                let name = &self.file.name;
                log::info!(target: "bq", "waiting for another fetch of `{name}`");
            };
            let Some(part) = Part::open(&self.file.path, waiting)? else {
                continue;
            };
            // It may have come while we went for the lock.
            if let Some(outcome) = self.existing(&mut reported)? {
                part.remove()?;
                return Ok(outcome);
            }
            return self.fetch(part, attempts);
        }
    }

    /// Looks whether the file is there and right; a wrong one is reported once.
    fn existing(&self, reported: &mut bool) -> Result<Option<Outcome>> {
        let Some(expected) = &self.file.sha256 else {
            return Ok(None);
        };
        let Some((actual, size)) = digest_of(&self.file.path)? else {
            return Ok(None);
        };
        if *expected == actual {
            return Ok(Some(there(actual, size)));
        }
        if !std::mem::replace(reported, true) {
            log::warn!(
                target: "bq",
                "`{}` has sha256 {actual}, not {expected}: fetching it again",
                self.file.path.display(),
            );
        }
        Ok(None)
    }

    /// Fails if another file's failure has ended it all.
    pub(super) fn go_on(&self) -> Result<()> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Failure::new("skipped", Next::Give, "another file failed"));
        }
        Ok(())
    }

    /// Tries the URLs until one has done, or none is left.
    fn fetch(&self, mut part: Part, attempts: &mut Vec<Attempt>) -> Result<Outcome> {
        // A run that was killed just before its end left it whole.
        if part.len() > 0 && self.file.sha256 == Some(part.digest()) {
            return self.commit(part, None);
        }
        let bar = self
            .options
            .progress
            .then(|| Bar::new(&self.file.name, self.file.size, Unit::Bytes));
        let mut candidates: Vec<_> = self.file.urls.iter().map(|u| Candidate::new(u)).collect();
        let mut most = part.len();
        let mut same = None;
        while let Some(index) = same.take().or_else(|| choose(&candidates)) {
            let candidate = &mut candidates[index];
            let failure = match self.attempt(candidate, &mut part, bar.as_ref()) {
                Ok(()) => return self.commit(part, Some(candidate.text)),
                Err(failure) => failure,
            };
            log::debug!(
                target: "bq",
                "fetch `{}` from {}: {}",
                self.file.name,
                candidate.text.display(),
                failure.message,
            );
            let advanced = part.len() >= most + PROGRESS;
            most = most.max(part.len());
            candidate.failed(&failure, advanced, self.options.retries);
            if matches!(failure.next, Next::Resume | Next::Whole) && !candidate.dead {
                same = Some(index);
            }
            let (url, next) = (candidate.text.to_owned(), failure.next);
            attempts.push(Attempt { url, failure });
            if next == Next::Give {
                break;
            }
        }
        // Without a digest nobody could tell what to add to it.
        if part.len() == 0 || self.file.sha256.is_none() {
            part.remove()?;
        }
        Ok(Outcome::default())
    }

    fn attempt(
        &self,
        candidate: &mut Candidate<'_>,
        part: &mut Part,
        bar: Option<&Bar>,
    ) -> Result<()> {
        self.pause(candidate.not_before, bar)?;
        let limit = self.file.size.unwrap_or(self.options.max_size);
        let sure = match url::parse(candidate.text)? {
            Source::Http(uri) => transfer::transfer(self, &uri, part, bar)?,
            Source::File(path) => {
                copy::copy(&path, part, limit)?;
                true
            }
        };
        self.verify(candidate, part, sure)
    }

    /// Waits for a URL's next turn.
    fn pause(&self, until: Option<Instant>, bar: Option<&Bar>) -> Result<()> {
        let left = || until.map(|until| until.saturating_duration_since(Instant::now()));
        if let Some(left) = left().filter(|left| *left >= LONG) {
            let seconds = left.as_secs();
            log::info!(target: "bq", "trying `{}` again in {seconds} s", self.file.name);
        }
        while let Some(left) = left().filter(|left| !left.is_zero()) {
            self.go_on()?;
            if let Some(bar) = bar {
                bar.message(&format!("again in {} s", left.as_secs() + 1));
            }
            std::thread::sleep(left.min(NAP));
        }
        if let Some(bar) = bar {
            bar.message("");
        }
        self.go_on()
    }

    /// Checks what has come; `sure` says that it came in one piece and whole as far as the sender knows.
    fn verify(&self, candidate: &mut Candidate<'_>, part: &mut Part, sure: bool) -> Result<()> {
        let length = part.len();
        let second = !sure && !std::mem::replace(&mut candidate.doubted, true);
        let next = if second { Next::Whole } else { Next::Other };
        if let Some(size) = self.file.size.filter(|size| *size != length) {
            part.restart()?;
            let code = if length < size {
                "too_small"
            } else {
                "too_large"
            };
            let message = format!("expected {size} bytes, got {length}");
            return Err(Failure::new(code, next, message));
        }
        let Some(expected) = &self.file.sha256 else {
            return Ok(());
        };
        let actual = part.digest();
        if *expected == actual {
            return Ok(());
        }
        part.restart()?;
        Err(Failure::mismatch(next, expected, &actual, length))
    }

    fn commit(&self, part: Part, url: Option<&OsStr>) -> Result<Outcome> {
        let (sha256, size) = (part.digest(), part.len());
        part.commit(&self.file.path)?;
        Ok(Outcome {
            ok: true,
            url: url.map(OsStr::to_owned),
            sha256: Some(sha256),
            size: Some(size),
            ..Outcome::default()
        })
    }
}

fn there(sha256: String, size: u64) -> Outcome {
    Outcome {
        ok: true,
        cached: true,
        sha256: Some(sha256),
        size: Some(size),
        ..Outcome::default()
    }
}
