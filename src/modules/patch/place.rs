//! Finds the places of hunks in a file, and applies them.
//!
//! The search starts at the line that the hunk names, plus the offset of the hunk before it, and moves outwards. All lines must
//! match exactly. A hunk that starts at the first line without context belongs to the start of the file. A hunk that ends
//! without context belongs to the end of the file. With fuzz, the outer lines of context may differ, but at least one line is
//! compared. These are the rules that `git apply` and `patch` share, as far as they share any.

use super::hunk::{Hunk, Tag};
use super::mismatch::Mismatch;

/// The place of an applied hunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    /// The line in the old file, from 1.
    pub(super) line: usize,
    /// The distance from the line that the hunk names.
    pub(super) offset: isize,
    /// The number of context lines that were not compared at an end.
    pub(super) fuzz: usize,
}

/// A range of old lines, and the new lines that replace it.
struct Piece<'t> {
    start: usize,
    end: usize,
    new: Vec<&'t [u8]>,
}

/// Applies all hunks. Returns the new content and the places of the hunks.
pub(super) fn apply(
    content: &[u8],
    hunks: &[Hunk<'_>],
    fuzz: usize,
) -> Result<(Vec<u8>, Vec<Placed>), Mismatch> {
    let lines: Vec<&[u8]> = content.split_inclusive(|&byte| byte == b'\n').collect();
    let mut pieces: Vec<Piece<'_>> = Vec::new();
    let mut placed = Vec::new();
    let mut drift = 0;
    for (index, hunk) in hunks.iter().enumerate() {
        let fit = Search {
            lines: &lines,
            taken: &pieces,
            hunk,
            drift,
        }
        .fit(fuzz);
        let Some((piece, place)) = fit else {
            return Err(Mismatch::new(index + 1, hunk, &lines, drift, fuzz));
        };
        drift = place.offset;
        pieces.push(piece);
        placed.push(place);
    }
    pieces.sort_by_key(|piece| piece.start);
    let mut out = Vec::with_capacity(content.len());
    let mut at = 0;
    for piece in pieces {
        lines[at..piece.start]
            .iter()
            .chain(&piece.new)
            .for_each(|line| out.extend_from_slice(line));
        at = piece.end;
    }
    lines[at..]
        .iter()
        .for_each(|line| out.extend_from_slice(line));
    Ok((out, placed))
}

struct Search<'s, 't> {
    lines: &'s [&'t [u8]],
    taken: &'s [Piece<'t>],
    hunk: &'s Hunk<'t>,
    drift: isize,
}

impl<'t> Search<'_, 't> {
    fn fit(&self, fuzz: usize) -> Option<(Piece<'t>, Placed)> {
        let (front, back) = self.hunk.context();
        let most = front.max(back);
        let has = |wanted: Tag| self.hunk.lines.iter().any(|(tag, _)| *tag == wanted);
        // A hunk that only adds lines needs one context line to find its place. A hunk without changes needs all of them.
        let most_fuzz = match (has(Tag::Remove), has(Tag::Add)) {
            (true, _) => most,
            (false, true) => most.saturating_sub(1),
            (false, false) => 0,
        };
        let fuzz = fuzz.min(most_fuzz);
        (0..=fuzz).find_map(|fuzz| {
            let skipped = |context: usize| (fuzz + context).saturating_sub(most);
            self.fit_with(fuzz, skipped(front), skipped(back))
        })
    }

    /// Searches without `front` lines at the start and `back` lines at the end.
    fn fit_with(&self, fuzz: usize, front: usize, back: usize) -> Option<(Piece<'t>, Placed)> {
        let hunk = self.hunk;
        let (lead, trail) = hunk.context();
        let old = hunk.before();
        let old = &old[front..old.len() - back];
        let guess = hunk.start().saturating_add_signed(self.drift) + front;
        let last = self.lines.len().checked_sub(old.len())?;
        let most = lead.max(trail);
        let at_start = hunk.old_start <= 1 && lead == 0 && fuzz < trail;
        let at_end = (trail == 0 && lead > 0 && fuzz < most) || ends_file(hunk);
        let exact = |start: usize| {
            let ends = !at_end || start == last;
            (ends && self.is_at(old, start)).then_some(start)
        };
        let start = if old.is_empty() {
            // A hunk that adds lines without any context applies only to an empty file.
            self.lines.is_empty().then_some(0)
        } else if most == 0 {
            // Without context only the line number tells the place.
            exact(guess)
        } else if at_start || at_end {
            exact(if at_start { 0 } else { last })
        } else {
            self.nearest(old, guess.min(last), last)
        }?;
        let new = hunk.after();
        let piece = Piece {
            start,
            end: start + old.len(),
            new: new[front..new.len() - back].to_vec(),
        };
        let offset = start as isize - (hunk.start() + front) as isize;
        let placed = Placed {
            line: start + usize::from(!old.is_empty()),
            offset,
            fuzz,
        };
        Some((piece, placed))
    }

    fn nearest(&self, old: &[&[u8]], guess: usize, last: usize) -> Option<usize> {
        (0..=last.max(guess)).find_map(|distance| {
            let after = Some(guess + distance).filter(|at| *at <= last);
            let before = guess.checked_sub(distance).filter(|_| distance > 0);
            [after, before]
                .into_iter()
                .flatten()
                .find(|&at| self.is_at(old, at))
        })
    }

    fn is_at(&self, old: &[&[u8]], at: usize) -> bool {
        let end = at + old.len();
        self.lines.get(at..end) == Some(old)
            && self
                .taken
                .iter()
                .all(|piece| end <= piece.start || at >= piece.end)
    }
}

/// Whether a side ends without a newline. Then the hunk is at the end of the file.
fn ends_file(hunk: &Hunk<'_>) -> bool {
    [hunk.before(), hunk.after()]
        .iter()
        .any(|side| side.last().is_some_and(|line| !line.ends_with(b"\n")))
}

#[cfg(test)]
mod tests {
    use super::super::hunk::{Lines, hunks};
    use super::{Placed, apply};

    type Places = Vec<(usize, isize, usize)>;

    fn run(content: &str, patch: &str, fuzz: usize) -> Option<(String, Places)> {
        let hunks = hunks(&mut Lines::new(patch.as_bytes())).expect("hunks");
        let (out, placed) = apply(content.as_bytes(), &hunks, fuzz).ok()?;
        let placed = placed
            .iter()
            .map(|Placed { line, offset, fuzz }| (*line, *offset, *fuzz));
        Some((String::from_utf8(out).expect("text"), placed.collect()))
    }

    #[test]
    fn the_nearest_place_is_taken() {
        let patch = "@@ -3,3 +3,3 @@\n a\n-b\n+B\n c\n";
        let content = "a\nb\nc\n-\n-\na\nb\nc\n";
        let (out, placed) = run(content, patch, 0).expect("applies");
        assert_eq!(out, "a\nB\nc\n-\n-\na\nb\nc\n");
        assert_eq!(placed, [(1, -2, 0)]);
    }

    #[test]
    fn later_hunks_move_with_those_before() {
        let patch = "@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n@@ -5,3 +5,3 @@\n x\n-y\n+Y\n z\n";
        let content = "1\n2\na\nb\nc\n-\nx\ny\nz\n-\nx\ny\nz\n";
        let (out, placed) = run(content, patch, 0).expect("applies");
        assert_eq!(out, "1\n2\na\nB\nc\n-\nx\nY\nz\n-\nx\ny\nz\n");
        assert_eq!(placed, [(3, 2, 0), (7, 2, 0)]);
    }

    #[test]
    fn no_place_is_taken_twice() {
        let patch = "@@ -1,2 +1,2 @@\n a\n-b\n+a\n@@ -2,2 +2,2 @@\n a\n-b\n+a\n";
        assert_eq!(run("a\nb\n", patch, 0), None);
    }

    #[test]
    fn ends_are_ends() {
        let start = "@@ -1,2 +1,3 @@\n+new\n a\n b\n";
        assert!(run("a\nb\n", start, 0).is_some());
        assert_eq!(run("0\na\nb\n", start, 0), None);
        let end = "@@ -1,2 +1,3 @@\n a\n b\n+new\n";
        assert_eq!(
            run("0\na\nb\n", end, 0).expect("applies").0,
            "0\na\nb\nnew\n"
        );
        assert_eq!(run("a\nb\n0\n", end, 0), None);
        let bare = "@@ -1 +1 @@\n-a\n+b\n\\ No newline at end of file\n";
        assert_eq!(run("a\n", bare, 0).expect("applies").0, "b");
        assert_eq!(run("a\nc\n", bare, 0), None);
    }

    #[test]
    fn without_context_only_the_place_itself_will_do() {
        let patch = "@@ -2 +2 @@\n-b\n+B\n";
        assert_eq!(run("a\nb\n", patch, 0).expect("applies").0, "a\nB\n");
        assert_eq!(run("0\na\nb\n", patch, 3), None);
        assert_eq!(run("a\nb\n", "@@ -1,0 +2 @@\n+x\n", 3), None);
        assert_eq!(run("", "@@ -0,0 +1 @@\n+x\n", 0).expect("applies").0, "x\n");
        assert_eq!(run("", "@@ -7,0 +1 @@\n+x\n", 0).expect("applies").0, "x\n");
    }

    #[test]
    fn fuzz_gives_up_the_outer_lines_of_context() {
        let patch = "@@ -1,5 +1,5 @@\n a\n b\n-c\n+C\n d\n e\n";
        let content = "A\nb\nc\nd\nE\n";
        assert_eq!(run(content, patch, 0), None);
        let (out, placed) = run(content, patch, 1).expect("applies");
        assert_eq!(out, "A\nb\nC\nd\nE\n");
        assert_eq!(placed, [(2, 0, 1)]);
        let adds = "@@ -1,2 +1,3 @@\n a\n+x\n b\n";
        assert_eq!(run("A\nB\n", adds, 9), None);
        assert_eq!(run("A\nB\n", "@@ -1,2 +1,2 @@\n a\n b\n", 9), None);
    }
}
