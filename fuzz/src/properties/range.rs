//! A Range field and a length into `http::range`, against a model without overflow.
//!
//! The input is the length in decimal, a line feed, and the value of the field.

use serve::http::range::{Selection, select_value};

/// The property.
pub fn check(input: &[u8]) {
    let Some(end) = input.iter().position(|&b| b == b'\n') else { return };
    let digits = std::str::from_utf8(&input[..end]);
    let Some(length) = digits.ok().and_then(|digits| digits.parse::<u64>().ok()) else { return };
    let value = &input[end + 1..];
    let selection = select_value(value, length);
    let expected = match model(value) {
        None => Selection::Whole,
        Some(spec) => resolve(spec, u128::from(length)),
    };
    assert_eq!(selection, expected, "of {length}");
    if let Selection::Part(part) = selection {
        assert!(part.start < part.end && part.end <= length, "{part:?} of {length}");
    }
}

/// What RFC 9110 §14.1.2 knows of one range. The numbers are the true ones up to 36
/// digits, and beyond that larger than any file.
#[derive(Clone, Copy)]
enum Spec {
    From(u128, Option<u128>),
    Last(u128),
}

/// `bytes=` and exactly one range-spec, which may stand between white space as every
/// member of a list may. None: to be ignored.
fn model(value: &[u8]) -> Option<Spec> {
    let equals = value.iter().position(|&b| b == b'=')?;
    if !value[..equals].eq_ignore_ascii_case(b"bytes") {
        return None;
    }
    let mut spec = &value[equals + 1..];
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = spec {
        spec = rest;
    }
    let dash = spec.iter().position(|&b| b == b'-')?;
    match (&spec[..dash], &spec[dash + 1..]) {
        ([], last) => Some(Spec::Last(number(last)?)),
        (first, []) => Some(Spec::From(number(first)?, None)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            // §14.1.2: such a range is invalid. What is too long to compare is beyond every end.
            (first <= last).then_some(Spec::From(first, Some(last)))
        }
    }
}

fn number(digits: &[u8]) -> Option<u128> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let add = |sum: u128, b: &u8| sum.saturating_mul(10).saturating_add(u128::from(b - b'0'));
    // Beyond every u64 all are the same, for they are compared with each other.
    Some(digits.iter().fold(0, add).min(u128::from(u64::MAX)))
}

fn resolve(spec: Spec, length: u128) -> Selection {
    let (start, end) = match spec {
        Spec::Last(count) => (length - count.min(length), length),
        Spec::From(first, None) => (first, length),
        Spec::From(first, Some(last)) => (first, length.min(last + 1)),
    };
    if start >= end {
        return Selection::Unsatisfiable;
    }
    // Both are at most the length, which is a u64.
    Selection::Part(start as u64..end as u64)
}
