//! One line of progress as text. The time is passed in, so tests need not wait.
// Numbers for people are rounded anyway.
#![allow(clippy::cast_precision_loss)]

use std::fmt::Write;
use std::time::{Duration, Instant};

use console::{Alignment, pad_str, truncate_str};

/// What a bar counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Bytes,
    Items,
}

/// The columns of a label.
const LABEL: usize = 24;
/// The fewest and the most columns of a bar.
const BAR: (usize, usize) = (8, 40);
/// A speed or an estimate from less than this is a guess.
const SETTLED: Duration = Duration::from_secs(2);

pub(super) struct Row {
    pub(super) id: u64,
    pub(super) label: String,
    pub(super) length: Option<u64>,
    pub(super) position: u64,
    /// The first known position: a download may go on where an earlier one ended.
    pub(super) first: Option<u64>,
    pub(super) unit: Unit,
    pub(super) message: String,
    pub(super) started: Instant,
    /// When it was last told to readers that are no terminal.
    pub(super) told: Instant,
}

impl Row {
    /// The line on a terminal.
    pub(super) fn line(&self, age: Duration, columns: usize) -> String {
        let label = truncate_str(&self.label, LABEL, "…");
        let label = pad_str(&label, LABEL, Alignment::Left, None);
        let mut rest = self.amount();
        if let Some(speed) = self.speed(age).filter(|_| self.unit == Unit::Bytes) {
            let _ = write!(rest, "  {}/s", size(speed as u64));
        }
        match self.left(age) {
            Some(left) => {
                let _ = write!(rest, "  about {} left", time(left));
            }
            None => {
                let _ = write!(rest, "  {}", time(age));
            }
        }
        if !self.message.is_empty() {
            let _ = write!(rest, "  {}", self.message);
        }
        let rest = rest.trim_start();
        match self.length.filter(|length| *length > 0) {
            Some(length) => {
                let part = self.position.min(length) as f64 / length as f64;
                let room = columns.saturating_sub(LABEL + rest.chars().count() + 12);
                let bar = bar(part, room.clamp(BAR.0, BAR.1));
                format!("{label} {bar} {:3.0} %  {rest}", (part * 100.0).floor())
            }
            None => format!("{label} {rest}"),
        }
    }

    /// What it says where no line can be drawn again.
    pub(super) fn plain(&self, age: Duration) -> String {
        let mut text = format!("still at {}: {}", self.label, time(age));
        for part in [self.amount(), self.message.clone()] {
            if !part.is_empty() {
                let _ = write!(text, ", {part}");
            }
        }
        text
    }

    fn amount(&self) -> String {
        let show = |number| match self.unit {
            Unit::Bytes => size(number),
            Unit::Items => number.to_string(),
        };
        match self.length {
            Some(length) => format!("{} of {}", show(self.position), show(length)),
            None if self.position > 0 => show(self.position),
            None => String::new(),
        }
    }

    /// Units in a second.
    fn speed(&self, age: Duration) -> Option<f64> {
        let done = self.position.checked_sub(self.first?)?;
        (age >= SETTLED && done > 0).then(|| done as f64 / age.as_secs_f64())
    }

    fn left(&self, age: Duration) -> Option<Duration> {
        let left = self.length?.checked_sub(self.position)? as f64 / self.speed(age)?;
        Duration::try_from_secs_f64(left).ok()
    }
}

fn bar(part: f64, columns: usize) -> String {
    let full = (part * columns as f64) as usize;
    let head = if full < columns { ">" } else { "" };
    format!(
        "[{}{head}{}]",
        "=".repeat(full),
        " ".repeat(columns - full - head.len())
    )
}

/// Bytes for people: `1.5 MB`.
fn size(bytes: u64) -> String {
    let (mut number, mut index) = (bytes as f64, 0);
    let units = ["B", "KB", "MB", "GB"];
    while number >= 1000.0 && index + 1 < units.len() {
        (number, index) = (number / 1000.0, index + 1);
    }
    let digits = usize::from(index > 0);
    format!("{number:.digits$} {}", units[index])
}

/// Seconds for people: `12 s`, `3 min 20 s`.
fn time(age: Duration) -> String {
    let seconds = age.as_secs();
    if seconds < 100 {
        format!("{seconds} s")
    } else {
        format!("{} min {} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::{Row, Unit};
    use std::time::{Duration, Instant};

    fn row(length: Option<u64>, position: u64, unit: Unit) -> Row {
        Row {
            id: 1,
            label: "zlib-1.3.1.tar.gz".into(),
            length,
            position,
            first: Some(0),
            unit,
            message: String::new(),
            started: Instant::now(),
            told: Instant::now(),
        }
    }

    #[test]
    fn a_known_size_has_a_bar() {
        let row = row(Some(2_000_000), 500_000, Unit::Bytes);
        assert_eq!(
            row.line(Duration::from_secs(5), 79),
            "zlib-1.3.1.tar.gz        [==>     ]  25 %  500.0 KB of 2.0 MB  100.0 KB/s  about 15 s left"
        );
        assert_eq!(
            row.line(Duration::from_secs(1), 119),
            "zlib-1.3.1.tar.gz        [==========>                             ]  25 %  500.0 KB of 2.0 MB  1 s"
        );
    }

    #[test]
    fn an_unknown_size_has_its_time() {
        let mut row = row(None, 0, Unit::Items);
        row.message = "reads the package lists".into();
        assert_eq!(
            row.line(Duration::from_secs(200), 79),
            "zlib-1.3.1.tar.gz        3 min 20 s  reads the package lists"
        );
        assert_eq!(
            row.plain(Duration::from_secs(60)),
            "still at zlib-1.3.1.tar.gz: 60 s, reads the package lists"
        );
    }

    /// More than was announced, or nothing at all, breaks no line.
    #[test]
    fn odd_numbers() {
        for (length, position) in [(0, 0), (0, 5), (5, 9), (u64::MAX, u64::MAX)] {
            for unit in [Unit::Bytes, Unit::Items] {
                let line = row(Some(length), position, unit).line(Duration::from_secs(9), 20);
                assert!(line.starts_with("zlib"), "{line}");
            }
        }
    }
}
