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
        Some(specs) => resolve(&specs, u128::from(length)),
    };
    assert_eq!(selection, expected, "of {length}");
    let parts = match selection {
        Selection::Whole | Selection::Unsatisfiable => return,
        Selection::Part(part) => vec![part],
        Selection::Parts(parts) => parts,
    };
    for part in &parts {
        assert!(part.start < part.end && part.end <= length, "{part:?} of {length}");
    }
    let sum: u128 = parts.iter().map(|part| u128::from(part.end - part.start)).sum();
    assert!(sum <= u128::from(length), "{parts:?} are more than {length}");
}

/// What RFC 9110 §14.1.2 knows of one range. What fits into no number is larger than any file.
#[derive(Clone, Copy)]
enum Spec {
    From(u128, Option<u128>),
    Last(u128),
}

/// `bytes=` and a list of range-specs, as §5.6.1.2 has a recipient read lists. None: to be
/// ignored, also for the limits of R34.
fn model(value: &[u8]) -> Option<Vec<Spec>> {
    let equals = value.iter().position(|&b| b == b'=')?;
    if value.len() > 4096 || !value[..equals].eq_ignore_ascii_case(b"bytes") {
        return None;
    }
    let members = value[equals + 1..].split(|&b| b == b',').map(trim).filter(|member| !member.is_empty());
    let specs = members.map(spec).collect::<Option<Vec<_>>>()?;
    (1..=16).contains(&specs.len()).then_some(specs)
}

fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

fn spec(member: &[u8]) -> Option<Spec> {
    let dash = member.iter().position(|&b| b == b'-')?;
    match (&member[..dash], &member[dash + 1..]) {
        ([], last) => Some(Spec::Last(value_of(number(last)?))),
        (first, []) => Some(Spec::From(value_of(number(first)?), None)),
        (first, last) => {
            // §14.1.1: the last position before the first is invalid.
            let (first, last) = (number(first)?, number(last)?);
            (!is_less(last, first)).then(|| Spec::From(value_of(first), Some(value_of(last))))
        }
    }
}

/// Digits without leading zeros.
fn number(mut digits: &[u8]) -> Option<&[u8]> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    while let [b'0', rest @ ..] = digits {
        digits = rest;
    }
    Some(digits)
}

/// On paper: by length, then from the left.
fn is_less(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return a.len() < b.len();
    }
    let differing = a.iter().zip(b).find(|(a, b)| a != b);
    differing.is_some_and(|(a, b)| a < b)
}

fn value_of(digits: &[u8]) -> u128 {
    let add = |sum: u128, b: &u8| sum.saturating_mul(10).saturating_add(u128::from(b - b'0'));
    // Beyond every u64 all are the same: larger than any file.
    digits.iter().fold(0, add).min(u128::from(u64::MAX))
}

fn resolve(specs: &[Spec], length: u128) -> Selection {
    let extent = |spec: &Spec| match *spec {
        Spec::Last(count) => (length - count.min(length), length),
        Spec::From(first, None) => (first, length),
        Spec::From(first, Some(last)) => (first, length.min(last + 1)),
    };
    let mut parts: Vec<(u128, u128)> = specs.iter().map(extent).filter(|(start, end)| start < end).collect();
    if parts.is_empty() {
        return Selection::Unsatisfiable;
    }
    let overlaps = |i: usize| {
        let other = |(j, part): (usize, &(u128, u128))| i != j && part.0 < parts[i].1 && parts[i].0 < part.1;
        parts.iter().enumerate().any(other)
    };
    if (0..parts.len()).filter(|&i| overlaps(i)).count() > 2 {
        return Selection::Whole;
    }
    // Two that touch become one, at the place of the earlier, until none do.
    while let Some((i, j)) = touching(&parts) {
        let later = parts.remove(j);
        parts[i] = (parts[i].0.min(later.0), parts[i].1.max(later.1));
    }
    // All are at most the length, which is a u64.
    let mut parts: Vec<_> = parts.into_iter().map(|(start, end)| start as u64..end as u64).collect();
    if parts.len() == 1 { Selection::Part(parts.remove(0)) } else { Selection::Parts(parts) }
}

fn touching(parts: &[(u128, u128)]) -> Option<(usize, usize)> {
    let pairs = (0..parts.len()).flat_map(|j| (0..j).map(move |i| (i, j)));
    pairs.into_iter().find(|&(i, j)| parts[i].0 <= parts[j].1 && parts[j].0 <= parts[i].1)
}
