//! Range requests (RFC 9110 §14): pure arithmetic on checked numbers.
//!
//! A list of ranges is answered with parts only as far as it is cheap and makes sense
//! (R34; §14.2 and §17.15 allow a server to ignore the rest): a short field, few ranges,
//! next to no overlaps. Everything else gets the whole, which is always a right answer.

use std::ops::Range;

use super::fields::RequestFields;

/// Longest value that is looked at, in bytes. Beyond it the whole is sent.
const VALUE_MAX: usize = 4 * 1024;

/// Most ranges in one field. What plays, pages and patches asks for a few; hundreds are
/// an attack or a mistake.
const RANGES_MAX: usize = 16;

/// Most ranges that overlap another one: §14.2 calls more than two suspect.
const OVERLAPPING_MAX: usize = 2;

/// What part of a representation a request selects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// All of it: 200.
    Whole,
    /// One part: 206. Never empty, never beyond the end.
    Part(Range<u64>),
    /// Several parts: 206 as `multipart/byteranges`. Two to sixteen, none of them empty or
    /// beyond the end, with at least one byte between any two: so together they are
    /// always less than the whole. In the order in which they were asked for.
    Parts(Vec<Range<u64>>),
    /// Nothing of it: 416 with `bytes */length`.
    Unsatisfiable,
}

/// The parts that the Range field of a request asks for.
///
/// Malformed values, other units and several fields are ignored (§14.2).
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
/// assert_eq!(select_value(b"bytes=5-6, 0-1", 10), Selection::Parts(vec![5..7, 0..2]));
/// assert_eq!(select_value(b"bytes=0-1, 2-3", 10), Selection::Part(0..4));
/// assert_eq!(select_value(b"bytes=10-", 10), Selection::Unsatisfiable);
/// assert_eq!(select_value(b"lines=1-2", 10), Selection::Whole);
/// ```
pub fn select_value(value: &[u8], length: u64) -> Selection {
    if value.len() > VALUE_MAX {
        return Selection::Whole;
    }
    let Some((unit, set)) = std::str::from_utf8(value).ok().and_then(|text| text.split_once('=')) else {
        return Selection::Whole;
    };
    if !unit.eq_ignore_ascii_case("bytes") {
        return Selection::Whole;
    }
    let mut wanted = [Wanted::default(); RANGES_MAX];
    let (mut asked, mut satisfiable) = (0, 0);
    // §5.6.1.2: empty members of a list are read and ignored.
    for member in set.split(',').map(|member| member.trim_matches([' ', '\t'])).filter(|m| !m.is_empty()) {
        // One that is malformed makes all of it malformed (§14.1.1).
        let Some(spec) = Spec::parse(member) else { return Selection::Whole };
        if asked == RANGES_MAX {
            return Selection::Whole;
        }
        asked += 1;
        if let Some((start, end)) = spec.resolve(length) {
            wanted[satisfiable] = Wanted { start, end, place: asked };
            satisfiable += 1;
        }
    }
    match &mut wanted[..satisfiable] {
        [] if asked == 0 => Selection::Whole,
        // §15.5.17: only when none of them can be satisfied.
        [] => Selection::Unsatisfiable,
        [one] => Selection::Part(one.start..one.end),
        several => arrange(several),
    }
}

/// One range of a field, as it is spelled (§14.1.1).
enum Spec {
    /// `A-` and `A-B`.
    From { first: u64, last: u64 },
    /// `-N`: the last N bytes.
    Last(u64),
}

impl Spec {
    /// None for what is malformed, which includes a last byte before the first.
    fn parse(text: &str) -> Option<Spec> {
        match text.split_once('-')? {
            ("", last) => Some(Spec::Last(number(digits(last)?))),
            (first, "") => Some(Spec::From { first: number(digits(first)?), last: u64::MAX }),
            (first, last) => {
                let (first, last) = (digits(first)?, digits(last)?);
                // Of two numbers without leading zeros the longer is larger: this holds
                // for those that fit into nothing, too.
                let is_valid = (first.len(), first) <= (last.len(), last);
                is_valid.then(|| Spec::From { first: number(first), last: number(last) })
            }
        }
    }

    /// Start and end (exclusive) in a representation of so many bytes; None for what it
    /// cannot satisfy. More than there is ends with the last byte (§14.1.2).
    fn resolve(&self, length: u64) -> Option<(u64, u64)> {
        let (start, end) = match *self {
            Spec::From { first, last } => (first, last.saturating_add(1).min(length)),
            Spec::Last(count) => (length.saturating_sub(count), length),
        };
        (start < end).then_some((start, end))
    }
}

/// `1*DIGIT`, of any length, without its leading zeros.
fn digits(text: &str) -> Option<&str> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.trim_start_matches('0'))
}

/// The value of [`digits`]: what does not fit is beyond every file.
fn number(digits: &str) -> u64 {
    if digits.is_empty() { 0 } else { digits.parse().unwrap_or(u64::MAX) }
}

/// A range that can be satisfied, and where in the field it stood.
#[derive(Clone, Copy, Default)]
struct Wanted {
    start: u64,
    end: u64,
    place: usize,
}

/// Makes parts of two ranges or more.
///
/// What overlaps or touches becomes one (§15.3.7.2), wherever it stood in the field. The
/// parts keep the order of the field, as the same section wants it, since a client may
/// have put first what it needs first; one that was made of several stands where the
/// first of them stood.
fn arrange(wanted: &mut [Wanted]) -> Selection {
    // 16 by 16 comparisons at most.
    let overlaps =
        |a: &Wanted| wanted.iter().any(|b| a.place != b.place && a.start < b.end && b.start < a.end);
    if wanted.iter().filter(|range| overlaps(range)).count() > OVERLAPPING_MAX {
        return Selection::Whole;
    }
    wanted.sort_unstable_by_key(|range| range.start);
    let mut parts: Vec<Wanted> = Vec::with_capacity(wanted.len());
    for next in wanted.iter() {
        match parts.last_mut() {
            Some(part) if next.start <= part.end => {
                part.end = part.end.max(next.end);
                part.place = part.place.min(next.place);
            }
            _ => parts.push(*next),
        }
    }
    match parts[..] {
        // §15.3.7.2 would allow a multipart of one part: no client needs that.
        [Wanted { start, end, .. }] => Selection::Part(start..end),
        _ => {
            parts.sort_unstable_by_key(|part| part.place);
            Selection::Parts(parts.into_iter().map(|part| part.start..part.end).collect())
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "range_tests.rs"]
mod tests;
