//! HTTP dates (RFC 9110 §5.6.7): written as IMF-fixdate, read in all three formats.

use std::time::{Duration, SystemTime};

pub use httpdate::HttpDate;

/// 9999-12-31T23:59:59Z: the last second that IMF-fixdate's four digits can hold.
const LAST_SECOND: u64 = 253_402_300_799;

/// The date of a time on the wire, which has whole seconds only.
///
/// None for times that the format cannot express (before 1970, after 9999): they
/// do happen on disks, and must cost a field, not the connection.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// let time = SystemTime::UNIX_EPOCH + Duration::from_millis(784_111_777_900);
/// assert_eq!(serve::http::date::from_time(time).unwrap().to_string(), "Sun, 06 Nov 1994 08:49:37 GMT");
/// ```
pub fn from_time(time: SystemTime) -> Option<HttpDate> {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
    (seconds <= LAST_SECOND).then(|| HttpDate::from(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)))
}

/// Reads a date in any of the three formats; None for anything else, which
/// recipients ignore (RFC 9110 §13.1.3).
///
/// A leap second is a date, too, and so is what was before 1970. Neither has a time here,
/// but is earlier or later than others: what is read is the nearest that has one.
pub fn parse(value: &[u8]) -> Option<HttpDate> {
    // The longest form has 33 bytes; what is longer is not worth a look.
    if value.len() > 64 {
        return None;
    }
    let text = std::str::from_utf8(value).ok()?.trim_matches([' ', '\t']);
    // `httpdate` takes other blanks around it, too.
    if text.bytes().any(|byte| byte.is_ascii_control()) {
        return None;
    }
    // And it lets any byte stand before the time of the second format.
    let gap = text.strip_suffix("GMT").map(|rest| rest.as_bytes().iter().rev().nth(9));
    if gap.is_some_and(|byte| byte != Some(&b' ')) {
        return None;
    }
    let parsed = text.parse().ok();
    parsed.or_else(|| text.replace(LEAP_SECOND, "23:59:59").parse().ok()).or_else(|| before_1970(text))
}

/// The last second of some days, and the only one that a minute can have beyond 59
/// (RFC 9110 §5.6.7).
const LEAP_SECOND: &str = "23:59:60";

/// Every so many years the calendar is the same again, with the days of the week.
const CALENDAR_CYCLE: u16 = 400;

/// 1970 for a date of an earlier year; None for everything else.
fn before_1970(text: &str) -> Option<HttpDate> {
    // IMF-fixdate and asctime; the other format has two digits, which are of our time.
    let at = match text.len() {
        29 => 12,
        24 => 20,
        _ => return None,
    };
    let (before, rest) = text.split_at_checked(at)?;
    let (digits, after) = rest.split_at_checked(4)?;
    let year: u16 = digits.parse().ok().filter(|year| *year < 1970 && !digits.starts_with('+'))?;
    let same = format!("{before}{}{after}", year + 5 * CALENDAR_CYCLE).replace(LEAP_SECOND, "23:59:59");
    let is_date = same.parse::<HttpDate>().is_ok();
    is_date.then(|| HttpDate::from(SystemTime::UNIX_EPOCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R36.
    #[test]
    fn all_three_formats_mean_the_same() {
        let dates =
            ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"];
        for date in dates {
            assert_eq!(
                parse(date.as_bytes()),
                from_time(SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777)),
                "{date}"
            );
        }
    }

    #[test]
    fn dates_that_have_no_time_are_the_nearest_that_has_one() {
        let second = |seconds| from_time(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        for (date, nearest) in [
            ("Sat, 31 Dec 2016 23:59:60 GMT", 1_483_228_799),
            ("Saturday, 31-Dec-16 23:59:60 GMT", 1_483_228_799),
            ("Sat Dec 31 23:59:60 2016", 1_483_228_799),
            ("Wed, 31 Dec 1969 23:59:59 GMT", 0),
            ("Wed Dec 31 23:59:59 1969", 0),
            ("Thu, 29 Feb 1912 23:59:60 GMT", 0),
            ("Sat, 01 Jan 0000 00:00:00 GMT", 0),
        ] {
            assert_eq!(parse(date.as_bytes()), second(nearest), "{date}");
        }
        for bad in [
            "Sat, 31 Dec 2016 23:59:61 GMT",
            "Sat, 31 Dec 2016 08:49:60 GMT",
            "Sat, 31 Dec 2016 23:60:60 GMT",
            "Tue, 31 Dec 1969 23:59:59 GMT",
            "Fri, 29 Feb 1901 00:00:00 GMT",
            "Wed, 31 Dec +969 23:59:59 GMT",
            "Wed Dec 31 23:59:59 -969",
        ] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad}");
        }
    }

    /// R36.
    #[test]
    fn what_is_no_date_is_ignored() {
        for bad in [
            "",
            "yesterday",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 99 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94T08:49:37 GMT",
            "GMT",
            "\u{b}Sun, 06 Nov 1994 08:49:37 GMT",
            "0",
            "-1",
            "\u{fffd}",
        ] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(parse(&[b'9'; 16 * 1024]), None);
    }

    #[test]
    fn times_beyond_the_format_have_no_date() {
        let epoch = SystemTime::UNIX_EPOCH;
        assert!(from_time(epoch - Duration::from_secs(1)).is_none());
        assert!(from_time(epoch + Duration::from_secs(LAST_SECOND)).is_some());
        assert!(from_time(epoch + Duration::from_secs(LAST_SECOND + 1)).is_none());
    }
}
