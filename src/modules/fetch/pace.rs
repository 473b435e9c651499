//! Time: how long to wait before another try, and when a transfer is too slow to go on.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(30);
/// A server that asks for more than this is asked again after this.
const LONGEST_ASKED: Duration = Duration::from_secs(300);
/// Bytes a second, below which a transfer counts as stalled.
const FLOOR: u128 = 1024;
/// Into how many parts the window of the floor is cut.
const SLICES: u32 = 10;

/// How long to wait after so many failures: twice as long each time, and never two clients in step.
pub(super) fn back_off(failures: u32, asked: Option<Duration>) -> Duration {
    let longest = FIRST
        .saturating_mul(1 << failures.saturating_sub(1).min(16))
        .min(LONGEST);
    let random = RandomState::new().hash_one(failures) % 1024;
    let wait = longest / 2 + longest / 2048 * random as u32;
    wait.max(asked.unwrap_or_default().min(LONGEST_ASKED))
}

/// What a `Retry-After` header asks for: seconds, or a date.
pub(super) fn retry_after(value: &str) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = UNIX_EPOCH + Duration::from_secs(date(value)?);
    until.duration_since(SystemTime::now()).ok()
}

/// Seconds since 1970 of a date such as `Sun, 06 Nov 1994 08:49:37 GMT`, the only form that servers may send.
fn date(value: &str) -> Option<u64> {
    let mut words = value.split_once(',')?.1.split_ascii_whitespace();
    let day: u64 = words.next()?.parse().ok()?;
    let name = words.next()?;
    let month = "JanFebMarAprMayJunJulAugSepOctNovDec".find(name)? as u64 / 3 + 1;
    let year: u64 = words.next()?.parse().ok()?;
    let mut clock = words.next()?.split(':').map(str::parse::<u64>);
    let (hour, minute, second) = (
        clock.next()?.ok()?,
        clock.next()?.ok()?,
        clock.next()?.ok()?,
    );
    if !(1970..10000).contains(&year) || day == 0 || day > 31 || hour > 23 {
        return None;
    }
    // Days from the civil calendar, with the year starting in March so that leap days are at its end.
    let (y, m) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

/// Watches that a transfer keeps above the floor.
pub(super) struct Floor {
    window: Duration,
    bytes: u64,
    /// Moments inside the window, and the bytes that had come by then.
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

    /// Counts bytes that have come; false if the window held too few.
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
        // The oldest mark that stays is the last one that is a whole window ago.
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
    use super::{Floor, back_off, date, retry_after};
    use std::time::{Duration, Instant};

    #[test]
    fn waits_double_up_to_a_limit() {
        let ms = Duration::from_millis;
        assert!((ms(125)..=ms(250)).contains(&back_off(1, None)));
        assert!((ms(500)..=ms(1000)).contains(&back_off(3, None)));
        assert!((ms(15_000)..=ms(30_000)).contains(&back_off(100, None)));
        assert_eq!(back_off(1, Some(ms(7000))), ms(7000));
        assert_eq!(back_off(1, Some(ms(9_000_000))), ms(300_000));
    }

    #[test]
    fn reads_retry_after() {
        assert_eq!(retry_after(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("soon"), None);
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT"), None);
        assert_eq!(date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(date("Thu, 29 Feb 2024 23:59:59 GMT"), Some(1_709_251_199));
        assert_eq!(date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(date("Thu, xx"), None);
    }

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
