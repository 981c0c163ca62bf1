//! Range requests (RFC 9110 §14): pure arithmetic on checked numbers.

use std::ops::Range;

use super::fields::RequestFields;

/// What part of a representation a request selects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// All of it: 200.
    Whole,
    /// One part: 206. Never empty, never beyond the end.
    Part(Range<u64>),
    /// Nothing of it: 416 with `bytes */length`.
    Unsatisfiable,
}

/// The part that the Range field of a request asks for.
///
/// Malformed values, other units and several fields are ignored (§14.2), as are
/// lists of ranges: a server may always send the whole.
pub fn select(fields: RequestFields<'_>, length: u64) -> Selection {
    match fields.only("range") {
        Some(value) => select_value(value, length),
        None => Selection::Whole,
    }
}

/// The same for one value of the field.
///
/// ```
/// use serve::http::range::{Selection, select_value};
/// assert_eq!(select_value(b"bytes=-500", 10_000), Selection::Part(9_500..10_000));
/// assert_eq!(select_value(b"bytes=0-99999", 10), Selection::Part(0..10));
/// assert_eq!(select_value(b"bytes=10-", 10), Selection::Unsatisfiable);
/// assert_eq!(select_value(b"lines=1-2", 10), Selection::Whole);
/// ```
pub fn select_value(value: &[u8], length: u64) -> Selection {
    let Some((unit, spec)) = std::str::from_utf8(value).ok().and_then(|text| text.split_once('=')) else {
        return Selection::Whole;
    };
    if !unit.eq_ignore_ascii_case("bytes") {
        return Selection::Whole;
    }
    let Some((first, last)) = spec.trim_matches([' ', '\t']).split_once('-') else { return Selection::Whole };
    match (first.is_empty(), last.is_empty()) {
        (true, true) => Selection::Whole,
        (true, false) => suffix(last, length),
        (false, _) => from_first(first, last, length),
    }
}

/// `-N`: the last N bytes; more than there are is all of them (§14.1.2).
fn suffix(last: &str, length: u64) -> Selection {
    match number(last) {
        None => Selection::Whole,
        Some(0) => Selection::Unsatisfiable,
        Some(_) if length == 0 => Selection::Unsatisfiable,
        Some(n) => Selection::Part(length.saturating_sub(n)..length),
    }
}

/// `A-` and `A-B`, where B is clamped to the last byte.
fn from_first(first: &str, last: &str, length: u64) -> Selection {
    let (Some(first), Some(last)) =
        (number(first), if last.is_empty() { Some(u64::MAX) } else { number(last) })
    else {
        return Selection::Whole;
    };
    if first > last {
        Selection::Whole
    } else if first >= length {
        Selection::Unsatisfiable
    } else {
        Selection::Part(first..last.saturating_add(1).min(length))
    }
}

/// `1*DIGIT`, of any length: what does not fit is beyond every file.
fn number(digits: &str) -> Option<u64> {
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Selection::*;
    use proptest::prelude::*;

    #[test]
    fn ranges_are_clamped_ignored_or_unsatisfiable() {
        for (value, length, expected) in [
            ("bytes=0-0", 10, Part(0..1)),
            ("bytes=0-1", 10, Part(0..2)),
            ("bytes=0-", 10, Part(0..10)),
            ("bytes=9-9", 10, Part(9..10)),
            ("bytes=5-9999999", 10, Part(5..10)),
            ("bytes=-3", 10, Part(7..10)),
            ("bytes=-30", 10, Part(0..10)),
            ("BYTES=1-2", 10, Part(1..3)),
            ("bytes= 1-2\t", 10, Part(1..3)),
            ("bytes=0-99999999999999999999999999999999", 10, Part(0..10)),
            ("bytes=-99999999999999999999999999999999", 10, Part(0..10)),
            ("bytes=10-", 10, Unsatisfiable),
            ("bytes=10-20", 10, Unsatisfiable),
            ("bytes=18446744073709551615-", 10, Unsatisfiable),
            ("bytes=99999999999999999999-99999999999999999999", 10, Unsatisfiable),
            ("bytes=-0", 10, Unsatisfiable),
            ("bytes=0-", 0, Unsatisfiable),
            ("bytes=-1", 0, Unsatisfiable),
            ("bytes=", 10, Whole),
            ("bytes=-", 10, Whole),
            ("bytes=5-4", 10, Whole),
            ("bytes=a-b", 10, Whole),
            ("bytes=+1-2", 10, Whole),
            ("bytes=1-+2", 10, Whole),
            ("bytes=--1", 10, Whole),
            ("bytes=1 -2", 10, Whole),
            ("bytes=1-2-3", 10, Whole),
            ("bytes=0x1-2", 10, Whole),
            ("bytes 0-1", 10, Whole),
            ("items=0-1", 10, Whole),
            ("bytes=0-1,3-4", 10, Whole),
            ("", 10, Whole),
        ] {
            assert_eq!(select_value(value.as_bytes(), length), expected, "{value} of {length}");
        }
        assert_eq!(select_value(b"bytes=\xff-", 10), Whole);
        assert_eq!(select_value(b"bytes=0-", u64::MAX), Part(0..u64::MAX));
    }

    proptest! {
        #[test]
        fn a_part_lies_within_the_file(value in "bytes=[0-9]{0,22}-[0-9]{0,22}|\\PC{0,20}", length: u64) {
            if let Part(part) = select_value(value.as_bytes(), length) {
                prop_assert!(part.start < part.end && part.end <= length);
            }
        }
    }
}
