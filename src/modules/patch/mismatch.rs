//! The message for a hunk that does not apply: the expected lines, the found lines, and the most similar place.

use super::hunk::{Hunk, plain};
use crate::tree::names::shown;

/// The most comparisons of lines. A search for the most similar place that needs more is left out.
const WORK_MAX: usize = 50_000_000;
/// The most characters of a line that are shown.
const SHOWN_MAX: usize = 100;

#[derive(Debug)]
pub(super) struct Mismatch {
    /// Counted from 1.
    pub(super) hunk: usize,
    pub(super) text: String,
    /// The line of the file that was compared, what was expected there, and what was found.
    pub(super) line: usize,
    pub(super) expected: String,
    pub(super) found: String,
    /// The line where most lines are as expected.
    pub(super) nearest: Option<usize>,
}

impl Mismatch {
    pub(super) fn new(
        number: usize,
        hunk: &Hunk<'_>,
        lines: &[&[u8]],
        drift: isize,
        fuzz: usize,
    ) -> Self {
        let old = hunk.before();
        let guess = hunk.start().saturating_add_signed(drift);
        let nearest = nearest(&old, lines, guess);
        let at = nearest.map_or(guess, |(at, _)| at);
        let differs = (0..old.len()).find(|&index| lines.get(at + index) != Some(&old[index]));
        let expected = differs.map(|index| old[index]);
        let found = differs.and_then(|index| lines.get(at + index).copied());
        let line = at + differs.unwrap_or_default() + 1;
        let why = if old.is_empty() {
            ": it only adds lines and has no context, so nothing tells where they belong".to_owned()
        } else if let Some(there) = already(hunk, lines, guess) {
            format!(": line {} already has what it makes", there + 1)
        } else if let Some(expected) = expected {
            let alike = nearest.map_or(String::new(), |(at, count)| {
                let (at, all) = (at + 1, old.len());
                format!("; most alike is line {at}, where {count} of {all} lines are as expected")
            });
            let is = is(expected, found);
            let said = hunk.start() + 1;
            format!(
                " at line {said}{alike}: line {line} should be {}, but {is}",
                quoted(expected)
            )
        } else {
            // The file has its lines, but in a wrong place, or where another hunk was applied.
            let belongs = match hunk.context() {
                (0, 0) => "where it says, since it has no context",
                (0, _) => "to the beginning of the file",
                (_, 0) => "to the end of the file",
                _ => "elsewhere, since another hunk changes them",
            };
            format!(
                ": its lines are at line {}, but it belongs {belongs}",
                at + 1
            )
        };
        let also = if fuzz > 0 {
            format!(", also with fuzz {fuzz}")
        } else {
            String::new()
        };
        let text = format!(
            "hunk {number} (line {} of the patch) does not apply{why}{also}",
            hunk.at
        );
        Self {
            hunk: number,
            text,
            line,
            expected: expected.map(show).unwrap_or_default(),
            found: found.map(show).unwrap_or_default(),
            nearest: nearest.map(|(at, _)| at + 1),
        }
    }
}

/// The place where the most lines match, and their number.
fn nearest(old: &[&[u8]], lines: &[&[u8]], guess: usize) -> Option<(usize, usize)> {
    if old.is_empty() || lines.len().saturating_mul(old.len()) > WORK_MAX {
        return None;
    }
    let alike = |at: usize| {
        (0..old.len())
            .filter(|&i| lines.get(at + i) == Some(&old[i]))
            .count()
    };
    (0..lines.len())
        .map(|at| (at, alike(at)))
        .filter(|(_, count)| *count > 0)
        .max_by_key(|(at, count)| (*count, std::cmp::Reverse(at.abs_diff(guess))))
}

/// The place where the file already has the new lines of the hunk.
fn already(hunk: &Hunk<'_>, lines: &[&[u8]], guess: usize) -> Option<usize> {
    let new = hunk.after();
    if new.len() < 2 || lines.len().saturating_mul(new.len()) > WORK_MAX {
        return None;
    }
    let places = (0..lines.len()).filter(|&at| lines[at..].starts_with(&new));
    places.min_by_key(|at| at.abs_diff(guess))
}

/// Describes the line that was found. If only the line endings differ, names them.
fn is(expected: &[u8], found: Option<&[u8]>) -> String {
    let Some(found) = found else {
        return "the file ends before it".to_owned();
    };
    if plain(expected) != plain(found) {
        return format!("is {}", quoted(found));
    }
    format!("there it ends with {}, not {}", end(found), end(expected))
}

fn end(line: &[u8]) -> &'static str {
    if line.ends_with(b"\r\n") {
        "CR LF"
    } else if line.ends_with(b"\n") {
        "LF"
    } else {
        "no newline"
    }
}

fn quoted(line: &[u8]) -> String {
    format!("`{}`", show(line))
}

fn show(line: &[u8]) -> String {
    let text = shown(plain(line));
    if text.chars().count() <= SHOWN_MAX {
        return text;
    }
    let mut short: String = text.chars().take(SHOWN_MAX).collect();
    short.push('…');
    short
}
