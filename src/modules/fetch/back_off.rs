//! How long to wait before another try.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, SystemTime};

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(30);
/// The longest wait that a server may ask for. A longer one is cut to this.
const LONGEST_ASKED: Duration = Duration::from_secs(300);

/// How long to wait after this number of failures. The wait doubles each time, with a random part, so that clients do not
/// retry at the same moment.
pub(super) fn back_off(failures: u32, asked: Option<Duration>) -> Duration {
    let longest = FIRST
        .saturating_mul(1 << failures.saturating_sub(1).min(16))
        .min(LONGEST);
    let random = RandomState::new().hash_one(failures) % 1024;
    let wait = longest / 2 + longest / 2048 * random as u32;
    wait.max(asked.unwrap_or_default().min(LONGEST_ASKED))
}

/// Reads a `Retry-After` header: a number of seconds, or a date.
pub(super) fn retry_after(value: &str) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(value).ok()?;
    until.duration_since(SystemTime::now()).ok()
}

#[cfg(test)]
mod tests {
    use super::{back_off, retry_after};
    use std::time::{Duration, SystemTime};

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
        let later = SystemTime::now() + Duration::from_secs(100_000);
        let left = retry_after(&httpdate::fmt_http_date(later)).expect("it is later");
        assert!(left > Duration::from_secs(99_000) && left <= Duration::from_secs(100_000));
        assert!(retry_after("Fri, 31 Dec 9999 23:59:59 GMT").is_some());
    }
}
