//! One hunk of a unified diff.

use super::broken::Broken;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    Context,
    Remove,
    Add,
}

#[derive(Debug)]
pub(super) struct Hunk<'t> {
    /// The line of the patch where it begins, from 1.
    pub(super) at: usize,
    /// The number of the first old line, from 1. If there are no old lines, that of the line before.
    pub(super) old_start: usize,
    pub(super) old_count: usize,
    pub(super) new_count: usize,
    /// Each line with its newline, except a last line without one.
    pub(super) lines: Vec<(Tag, &'t [u8])>,
}

impl<'t> Hunk<'t> {
    /// The index of its first line from 0, by the line number that the hunk names.
    pub(super) fn start(&self) -> usize {
        self.old_start - usize::from(self.old_count > 0 && self.old_start > 0)
    }

    /// The lines that the file must have.
    pub(super) fn before(&self) -> Vec<&'t [u8]> {
        self.side(Tag::Add)
    }

    /// The lines that replace them.
    pub(super) fn after(&self) -> Vec<&'t [u8]> {
        self.side(Tag::Remove)
    }

    fn side(&self, without: Tag) -> Vec<&'t [u8]> {
        let lines = self.lines.iter().filter(|(tag, _)| *tag != without);
        lines.map(|(_, line)| *line).collect()
    }

    /// The numbers of context lines before the first change and after the last one.
    pub(super) fn context(&self) -> (usize, usize) {
        let is_context = |(tag, _): &&(Tag, _)| *tag == Tag::Context;
        (
            self.lines.iter().take_while(is_context).count(),
            self.lines.iter().rev().take_while(is_context).count(),
        )
    }
}

/// The lines of a patch, with their numbers.
pub(super) struct Lines<'t> {
    lines: Vec<&'t [u8]>,
    pub(super) next: usize,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t [u8]) -> Self {
        Self {
            lines: text.split_inclusive(|&byte| byte == b'\n').collect(),
            next: 0,
        }
    }

    /// The line `count` lines after the next one, with its newline.
    pub(super) fn ahead(&self, count: usize) -> Option<&'t [u8]> {
        self.lines.get(self.next + count).copied()
    }

    /// If that line starts with `prefix`: the rest of it, without the line ending.
    pub(super) fn after(&self, count: usize, prefix: &[u8]) -> Option<&'t [u8]> {
        Some(plain(self.ahead(count)?.strip_prefix(prefix)?))
    }

    /// The number of the next line, from 1.
    pub(super) fn number(&self) -> usize {
        self.next + 1
    }
}

/// A line without its line ending.
pub(super) fn plain(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Reads all hunks that follow.
pub(super) fn hunks<'t>(lines: &mut Lines<'t>) -> Result<Vec<Hunk<'t>>, Broken> {
    let mut out = Vec::new();
    while lines.after(0, b"@@ -").is_some() {
        out.push(hunk(lines)?);
    }
    Ok(out)
}

fn hunk<'t>(lines: &mut Lines<'t>) -> Result<Hunk<'t>, Broken> {
    let at = lines.number();
    let header = lines.ahead(0).unwrap_or_default();
    let Some((old_start, old_count, new_count)) = ranges(header) else {
        return Err(Broken::new(at, "not the first line of a hunk"));
    };
    lines.next += 1;
    let mut hunk = Hunk {
        at,
        old_start,
        old_count,
        new_count,
        lines: Vec::new(),
    };
    let (mut old, mut new) = (old_count, new_count);
    while old > 0 || new > 0 {
        let line = lines.ahead(0).unwrap_or_default();
        let (tag, rest) = match line.first() {
            Some(b' ') => (Tag::Context, &line[1..]),
            Some(b'-') => (Tag::Remove, &line[1..]),
            Some(b'+') => (Tag::Add, &line[1..]),
            // Some programs remove spaces at the end of a line.
            Some(b'\n') => (Tag::Context, line),
            Some(b'\\') if without_newline(lines, &mut hunk) => continue,
            _ => {
                let left = format!("the hunk ends {} too early", amount(old.max(new)));
                return Err(Broken::new(lines.number(), left));
            }
        };
        let fits = match tag {
            Tag::Context => old > 0 && new > 0,
            Tag::Remove => old > 0,
            Tag::Add => new > 0,
        };
        if !fits {
            return Err(Broken::new(
                lines.number(),
                "the hunk has more lines than its first line says",
            ));
        }
        old -= usize::from(tag != Tag::Add);
        new -= usize::from(tag != Tag::Remove);
        hunk.lines.push((tag, rest));
        lines.next += 1;
    }
    while lines.after(0, b"\\ ").is_some() && without_newline(lines, &mut hunk) {}
    // Text of a mail may follow the hunk, but not a line that looks like part of it.
    let line = lines.ahead(0).unwrap_or_default();
    let other = [b"---".as_slice(), b"+++", b"-- "]
        .iter()
        .any(|p| line.starts_with(p));
    if !other && (line.starts_with(b"+") || line.starts_with(b"-")) {
        return Err(Broken::new(
            lines.number(),
            "the hunk has more lines than its first line says",
        ));
    }
    inner_ends(&hunk)?;
    Ok(hunk)
}

fn amount(count: usize) -> String {
    format!("{count} line{}", if count == 1 { "" } else { "s" })
}

/// Reads `\ No newline at end of file`, and removes the newline of the line before it.
fn without_newline<'t>(lines: &mut Lines<'t>, hunk: &mut Hunk<'t>) -> bool {
    let Some((_, last)) = hunk.lines.last_mut() else {
        return false;
    };
    let Some(bare) = last.strip_suffix(b"\n") else {
        return false;
    };
    *last = bare;
    lines.next += 1;
    true
}

/// Checks that only the last line of a side lacks a newline.
fn inner_ends(hunk: &Hunk<'_>) -> Result<(), Broken> {
    for side in [hunk.before(), hunk.after()] {
        let inner = side.split_last().map_or(&[][..], |(_, inner)| inner);
        if inner.iter().any(|line| !line.ends_with(b"\n")) {
            return Err(Broken::new(
                hunk.at,
                "a line without a newline is not the last one of the hunk",
            ));
        }
    }
    Ok(())
}

/// Reads the numbers in `@@ -OLD[,COUNT] +NEW[,COUNT] @@`.
fn ranges(line: &[u8]) -> Option<(usize, usize, usize)> {
    let text = line.strip_prefix(b"@@ -")?;
    let end = text.windows(3).position(|part| part == b" @@")?;
    let text = std::str::from_utf8(&text[..end]).ok()?;
    let (old, new) = text.split_once(" +")?;
    let range = |text: &str| {
        let (start, count) = text.split_once(',').unwrap_or((text, "1"));
        // The limit is enough for every file, and sums cannot overflow.
        let number = |text: &str| {
            let digits =
                !text.is_empty() && text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| text.parse::<usize>().ok()).flatten()
        };
        Some((number(start)?, number(count)?))
    };
    let ((old_start, old_count), (_, new_count)) = (range(old)?, range(new)?);
    Some((old_start, old_count, new_count))
}
