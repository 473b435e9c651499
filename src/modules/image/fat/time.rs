//! Times of FAT: without a time zone (here UTC), with a resolution of two seconds, from 1980 to 2107.

const DAY: i64 = 86_400;
/// Days from 0000-03-01 to 1970-01-01. The calculation counts years from the former.
const EPOCH: i64 = 719_468;
/// 1980-01-01 00:00:00 and 2107-12-31 23:59:58.
const RANGE: (i64, i64) = (315_532_800, 4_354_819_198);

/// Time and date in the form of a directory entry. A time out of range becomes the nearest possible one.
pub(crate) fn encode(seconds: i64) -> (u16, u16) {
    let seconds = seconds.clamp(RANGE.0, RANGE.1);
    let second = seconds % DAY;
    let days = seconds / DAY + EPOCH;
    // Years begin in March, so that the leap day is the last day of a year.
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + i64::from(month <= 2);
    let time = (second / 3600) << 11 | (second / 60 % 60) << 5 | (second % 60 / 2);
    let date = (year - 1980) << 9 | month << 5 | day;
    (time as u16, date as u16)
}

/// Seconds since 1970 of a time and a date.
pub(crate) fn decode(time: u16, date: u16) -> i64 {
    let (time, date) = (i64::from(time), i64::from(date));
    let (month, day) = (date >> 5 & 15, date & 31);
    let year = 1980 + (date >> 9) - i64::from(month <= 2);
    let (era, year) = (year / 400, year % 400);
    let month = (month + 9) % 12;
    let days = era * 146_097 + 365 * year + year / 4 - year / 100 + (153 * month + 2) / 5 + day - 1;
    (days - EPOCH) * DAY + (time >> 11) * 3600 + (time >> 5 & 63) * 60 + (time & 31) * 2
}

#[cfg(test)]
mod tests {
    use super::{RANGE, decode, encode};

    #[test]
    fn known_times() {
        // 2024-02-29 12:34:56
        let (time, date) = encode(1_709_210_096);
        assert_eq!((time, date), (0x645c, 0x585d));
        assert_eq!(encode(0), (0, 1 << 5 | 1));
        // 2107-12-31 23:59:58
        assert_eq!(encode(i64::MAX), (0xbf7d, 0xff9f));
    }

    #[test]
    fn every_day_comes_back() {
        for seconds in (RANGE.0..=RANGE.1).step_by(86_400 - 2) {
            let (time, date) = encode(seconds);
            assert_eq!(decode(time, date), seconds);
        }
    }
}
