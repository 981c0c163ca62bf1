//! A date of a field into `http::date`: read as RFC 9110 §5.6.7 has it, or not at all; and
//! what is written is read again.

use std::time::{Duration, SystemTime};

use serve::http::date;

const DAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The property.
pub fn check(input: &[u8]) {
    let found = date::parse(input).map(|date| seconds(SystemTime::from(date)));
    assert_eq!(found, read(input), "{:?}", String::from_utf8_lossy(input));
    // As a time of a file, too: whatever is written is read again as the same second.
    let Some(number) = input.first_chunk().map(|bytes| u64::from_le_bytes(*bytes)) else { return };
    let Some(time) = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(number)) else { return };
    if let Some(written) = date::from_time(time).map(|date| date.to_string()) {
        assert_eq!(written.len(), 29);
        assert_eq!(read(written.as_bytes()), Some(number / 1000), "{written}");
        assert_eq!(date::parse(written.as_bytes()).map(|d| seconds(d.into())), Some(number / 1000));
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// A second reader of dates: seconds since 1970, and 0 for all before.
pub(super) fn read(value: &[u8]) -> Option<u64> {
    if value.len() > 64 {
        return None;
    }
    let text = std::str::from_utf8(value).ok()?.trim_matches([' ', '\t']);
    let parts: Vec<&str> = text.split(' ').collect();
    match parts[..] {
        [day, date, month, year, time, "GMT"] => civil(
            day.strip_suffix(',').filter(|day| day.len() == 3)?,
            year_of(year)?,
            month,
            two(date)?,
            time,
        ),
        [day, date, time, "GMT"] => {
            let day = day.strip_suffix(',').filter(|day| DAYS.contains(day))?;
            let [date, month, year] = date.split('-').collect::<Vec<_>>()[..] else { return None };
            // Of two digits: those of our time.
            let year = two(year)?;
            civil(day, if year < 70 { 2000 + year } else { 1900 + year }, month, two(date)?, time)
        }
        [day, month, "", date, time, year] if day.len() == 3 && date.len() == 1 => {
            civil(day, year_of(year)?, month, number(date)?, time)
        }
        [day, month, date, time, year] if day.len() == 3 => {
            civil(day, year_of(year)?, month, two(date)?, time)
        }
        _ => None,
    }
}

fn number(digits: &str) -> Option<u64> {
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
}

fn two(digits: &str) -> Option<u64> {
    number(digits).filter(|_| digits.len() == 2)
}

fn year_of(digits: &str) -> Option<u64> {
    number(digits).filter(|_| digits.len() == 4)
}

fn civil(day_name: &str, year: u64, month: &str, day: u64, time: &str) -> Option<u64> {
    let month = MONTHS.iter().position(|known| *known == month)?;
    let [hour, minute, second] = time.split(':').map(two).collect::<Option<Vec<_>>>()?[..] else {
        return None;
    };
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let february = if is_leap(year) { 29 } else { 28 };
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let is_leap_second = (hour, minute, second) == (23, 59, 60);
    if day == 0 || day > lengths[month] || hour > 23 || minute > 59 || (second > 59 && !is_leap_second) {
        return None;
    }
    // Counted from the year 0, one year after the other: slow and plain.
    let days_to = |year: u64| (0..year).map(|year| if is_leap(year) { 366 } else { 365 }).sum::<u64>();
    let days = days_to(year) + lengths[..month].iter().sum::<u64>() + day - 1;
    let epoch = days_to(1970);
    // 1970 began on a Thursday; 719,528 days before it are whole weeks and two days.
    let weekday = (days + 7 * epoch - epoch) % 7;
    if !DAYS[weekday as usize].starts_with(day_name) {
        return None;
    }
    let second = second.min(59);
    Some(days.checked_sub(epoch).map_or(0, |days| ((days * 24 + hour) * 60 + minute) * 60 + second))
}
