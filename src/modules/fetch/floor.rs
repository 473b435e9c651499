//! Notices a transfer that is too slow.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A transfer below this many bytes a second counts as stalled.
const FLOOR: u128 = 1024;
/// The window is divided into this many parts.
const SLICES: u32 = 10;

/// Measures the speed of a transfer over the last `window`.
pub(super) struct Floor {
    window: Duration,
    bytes: u64,
    /// Times inside the window, each with the number of bytes received until then.
    marks: VecDeque<(Instant, u64)>,
}

impl Floor {
    pub(super) fn new(window: Duration, now: Instant) -> Self {
        Self {
            window,
            bytes: 0,
            marks: VecDeque::from([(now, 0)]),
        }
    }

    /// Counts received bytes. Returns false if too few came within the window.
    pub(super) fn add(&mut self, bytes: usize, now: Instant) -> bool {
        self.bytes += bytes as u64;
        let since = |mark: &(Instant, u64)| now.duration_since(mark.0);
        if self
            .marks
            .back()
            .is_some_and(|m| since(m) < self.window / SLICES)
        {
            return true;
        }
        self.marks.push_back((now, self.bytes));
        // Keeps one mark that is at least a whole window old.
        while self.marks.get(1).is_some_and(|m| since(m) >= self.window) {
            self.marks.pop_front();
        }
        self.marks.front().is_none_or(|mark| {
            since(mark) < self.window
                || u128::from(self.bytes - mark.1) * 1000 >= FLOOR * self.window.as_millis()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Floor;
    use std::time::{Duration, Instant};

    #[test]
    fn a_slow_transfer_is_noticed() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut floor = Floor::new(Duration::from_secs(10), start);
        assert!(floor.add(100_000, at(100)));
        assert!(floor.add(100_000, at(1100)));
        let stalled = (2..40).find(|second| !floor.add(1, at(second * 1000)));
        assert_eq!(stalled, Some(12));
        let mut floor = Floor::new(Duration::from_secs(10), start);
        assert!((1..400).all(|slice| floor.add(1100, at(slice * 1000))));
    }
}
