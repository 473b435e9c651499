//! The fetch of one file: looks for an existing copy, waits for other processes, tries the URLs, checks the content.

use std::ffi::OsStr;
use std::path::Path;
use std::time::{Duration, Instant};

use super::candidate::{Candidate, choose};
use super::failure::{Failure, Next};
use super::outcome::{Attempt, Outcome, cached_outcome};
use super::part::{Part, digest_of};
use super::task::Task;
use super::url::{self, Source};
use super::{copy, page, transfer};
use crate::modules::progress::{Bar, Unit};
use crate::tree::address::hidden_path;

/// A wait checks after each of these intervals whether the fetch was stopped.
const NAP: Duration = Duration::from_millis(50);
/// A wait of at least this long is reported.
const LONG: Duration = Duration::from_secs(5);

type Result<T> = std::result::Result<T, Failure>;

pub(super) struct Job<'a> {
    pub(super) task: Task<'a>,
}

impl Job<'_> {
    pub(super) fn run(&self) -> Outcome {
        let mut attempts = Vec::new();
        let result = if self.task.options.verify_only {
            self.verify_only()
        } else {
            self.obtain(&mut attempts)
        };
        let mut outcome = result.unwrap_or_else(|failure| {
            let url = self.task.file.urls.first().cloned().unwrap_or_default();
            attempts.push(Attempt { url, failure });
            Outcome::default()
        });
        outcome.attempts = attempts;
        outcome
    }

    fn verify_only(&self) -> Result<Outcome> {
        let path = self.task.file.path.display();
        let Some((actual, size)) = digest_of(&self.task.file.path)? else {
            let message = format!("`{path}` is not there");
            return Err(Failure::new("missing", Next::GiveUp, message));
        };
        if let Some(expected) = self.task.file.sha256.as_ref().filter(|e| **e != actual) {
            return Err(Failure::mismatch(Next::GiveUp, expected, &actual, size));
        }
        Ok(cached_outcome(actual, size))
    }

    fn obtain(&self, attempts: &mut Vec<Attempt>) -> Result<Outcome> {
        let mut reported = false;
        loop {
            self.task.go_on()?;
            if let Some(outcome) = self.existing(&mut reported)? {
                return Ok(outcome);
            }
            let waiting = || {
                let name = &self.task.file.name;
                log::info!(target: "bq", "waiting for another fetch of `{name}`");
            };
            let Some(part) = Part::open(&self.task.file.path, waiting)? else {
                continue;
            };
            // Another process may have fetched it before this one got the lock.
            if let Some(outcome) = self.existing(&mut reported)? {
                part.remove()?;
                return Ok(outcome);
            }
            return self.fetch(part, attempts);
        }
    }

    /// Returns the outcome if the file exists and has the right digest. Reports a wrong digest once.
    fn existing(&self, reported: &mut bool) -> Result<Option<Outcome>> {
        let Some(expected) = &self.task.file.sha256 else {
            return Ok(None);
        };
        let Some((actual, size)) = digest_of(&self.task.file.path)? else {
            return Ok(None);
        };
        if *expected == actual {
            return Ok(Some(cached_outcome(actual, size)));
        }
        if !std::mem::replace(reported, true) {
            log::warn!(
                target: "bq",
                "`{}` has sha256 {actual}, not {expected}: fetching it again",
                self.task.file.path.display(),
            );
        }
        Ok(None)
    }

    /// Tries the URLs until one succeeds or none is left.
    fn fetch(&self, mut part: Part, attempts: &mut Vec<Attempt>) -> Result<Outcome> {
        // An earlier run may have been killed after the last byte and before the rename.
        if self.is_right(&part) {
            return self.commit(part, None);
        }
        let bar = self
            .task
            .options
            .progress
            .then(|| Bar::new(&self.task.file.name, self.task.file.size, Unit::Bytes));
        let mut candidates: Vec<_> = self
            .task
            .file
            .urls
            .iter()
            .map(|u| Candidate::new(u))
            .collect();
        let mut most = part.len();
        let mut retry_now = None;
        while let Some(index) = retry_now.take().or_else(|| choose(&candidates)) {
            let candidate = &mut candidates[index];
            let failure = match self.attempt(candidate, &mut part, bar.as_ref()) {
                Ok(()) => return self.commit(part, Some(candidate.text)),
                Err(failure) => failure,
            };
            log::debug!(
                target: "bq",
                "fetch `{}` from {}: {}",
                self.task.file.name,
                hidden_path(candidate.text).display(),
                failure.message,
            );
            let gained = part.len().saturating_sub(most);
            most = most.max(part.len());
            candidate.failed(&failure, gained, self.task.options.retries);
            if matches!(failure.next, Next::Resume | Next::Restart) && !candidate.dead {
                retry_now = Some(index);
            }
            let (url, next) = (candidate.text.to_owned(), failure.next);
            attempts.push(Attempt { url, failure });
            if next == Next::GiveUp {
                break;
            }
        }
        // Without a digest, a later run could not check that new bytes fit the old ones.
        if part.len() == 0 || self.task.file.sha256.is_none() {
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
        let limit = self.task.file.size.unwrap_or(self.task.options.max_size);
        let whole = match url::parse(candidate.text)? {
            Source::Http(uri) => match transfer::transfer(&self.task, &uri, part, bar) {
                // The file is complete: an error after its last byte does not matter.
                Err(_) if self.is_right(part) => true,
                result => result?,
            },
            Source::File(path) => {
                copy::copy(&path, part, limit)?;
                true
            }
        };
        self.verify(candidate, part, whole)
    }

    /// Waits until a URL may be tried again.
    fn pause(&self, until: Option<Instant>, bar: Option<&Bar>) -> Result<()> {
        let left = || until.map(|until| until.saturating_duration_since(Instant::now()));
        if let Some(left) = left().filter(|left| *left >= LONG) {
            let seconds = left.as_secs();
            log::info!(target: "bq", "trying `{}` again in {seconds} s", self.task.file.name);
        }
        while let Some(left) = left().filter(|left| !left.is_zero()) {
            self.task.go_on()?;
            if let Some(bar) = bar {
                bar.message(&format!("again in {} s", left.as_secs() + 1));
            }
            std::thread::sleep(left.min(NAP));
        }
        if let Some(bar) = bar {
            bar.message("");
        }
        self.task.go_on()
    }

    fn is_right(&self, part: &Part) -> bool {
        part.len() > 0 && self.task.file.sha256 == Some(part.digest())
    }

    /// Checks the received content. `whole` says that it came in one piece and that the sender marked its end.
    fn verify(&self, candidate: &mut Candidate<'_>, part: &mut Part, whole: bool) -> Result<()> {
        let length = part.len();
        let page = page::describe(&part.start(page::START)?);
        let retry = !whole && !std::mem::replace(&mut candidate.retried_after_mismatch, true);
        let next = if retry { Next::Restart } else { Next::OtherUrl };
        let size = self.task.file.size.filter(|size| *size != length);
        let mut failure = match (&self.task.file.sha256, size) {
            (Some(expected), _) if *expected == part.digest() && size.is_none() => return Ok(()),
            (_, Some(size)) => {
                let code = if length < size {
                    "too_small"
                } else {
                    "too_large"
                };
                Failure::new(code, next, format!("expected {size} bytes, got {length}"))
            }
            (Some(expected), None) => Failure::mismatch(next, expected, &part.digest(), length),
            // Without a digest, this is the only check that notices a page in place of the file.
            (None, None) if page.is_some() && !is_page(&self.task.file.path) => {
                Failure::new("html", Next::OtherUrl, "")
            }
            (None, None) => return Ok(()),
        };
        if let Some(page) = page {
            let more = failure.message;
            failure.message = if more.is_empty() {
                page
            } else {
                format!("{page}: {more}")
            };
        }
        part.restart()?;
        Err(failure)
    }

    fn commit(&self, part: Part, url: Option<&OsStr>) -> Result<Outcome> {
        let (sha256, size) = (part.digest(), part.len());
        part.commit(&self.task.file.path)?;
        Ok(Outcome {
            ok: true,
            url: url.map(OsStr::to_owned),
            sha256: Some(sha256),
            size: Some(size),
            ..Outcome::default()
        })
    }
}

/// Whether the wanted file is itself an HTML page.
fn is_page(path: &Path) -> bool {
    path.extension().is_some_and(|end| {
        ["html", "htm", "xhtml"]
            .iter()
            .any(|page| end.eq_ignore_ascii_case(page))
    })
}
