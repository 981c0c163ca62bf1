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
pub fn parse(value: &[u8]) -> Option<HttpDate> {
    // The longest form has 33 bytes; what is longer is not worth a look.
    if value.len() > 64 {
        return None;
    }
    std::str::from_utf8(value).ok()?.trim_matches([' ', '\t']).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn what_is_no_date_is_ignored() {
        for bad in [
            "",
            "yesterday",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 99 Nov 1994 08:49:37 GMT",
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
