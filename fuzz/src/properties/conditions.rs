//! Conditional requests into `http::precondition`, against RFC 9110 §13.2.2 on paper.
//!
//! The first line is the method, the length of the file, its time and how old it is, in
//! seconds; each other line is a field, `Name: value`.

use std::time::{Duration, SystemTime};

use serve::http::coding::Coding;
use serve::http::fields::FieldLine;
use serve::http::precondition::{Conditions, ETag, Outcome, Validators, evaluate};
use serve::http::{Method, RequestFields};

use super::codings::members;
use super::date;

/// The property.
pub fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let mut lines = text.split('\n');
    let Some((method, current)) = lines.next().and_then(subject) else { return };
    let lines: Vec<(&str, &[u8])> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name, value.trim_matches([' ', '\t']).as_bytes()))
        .collect();
    let lines: Vec<FieldLine<'_>> = lines.iter().map(|&(name, value)| FieldLine { name, value }).collect();
    if lines.iter().any(|line| line.value.iter().any(|&b| (b < b' ' && b != b'\t') || b == 0x7f)) {
        return;
    }
    let fields = RequestFields::new(&lines);
    let forms = [
        current,
        current.of_coded(Coding::Gzip, None),
        current.of_coded(Coding::Brotli, Some(ETag::of_bytes(input))),
        Validators::of_content(ETag::of_bytes(b"abc")),
        Validators::default(),
    ];
    for current in forms {
        if let Some(tag) = current.etag {
            well_formed(tag);
        }
        let outcome = evaluate(method, fields, &current);
        assert_eq!(outcome, model(method, &lines, &current), "{current:?}");
        assert_eq!(Conditions::of(method, fields).evaluate(&current), outcome, "kept for later");
    }
}

fn subject(line: &str) -> Option<(Method, Validators)> {
    let mut words = line.split(' ');
    let method = Method::parse(words.next()?.as_bytes());
    let mut number = || words.next()?.parse::<u64>().ok();
    let (length, seconds, age) = (number()?, number()?, number()?);
    let modified = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?;
    let now = modified.checked_add(Duration::from_millis(age))?;
    let current = Validators::of(length, Some(modified), now);
    if let Some(tag) = current.etag {
        // A file that may change again within its time stamp promises nothing.
        assert_eq!(tag.is_weak(), age < 2000);
        assert!(seconds > 1);
    }
    Some((method, current))
}

/// §8.8.3: quoted, and nothing within that would need a quote.
fn well_formed(tag: ETag) {
    let text = tag.to_string();
    let opaque = text.strip_prefix("W/").unwrap_or(&text);
    let inside = opaque.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let Some(inside) = inside else { panic!("{text}") };
    assert!(inside.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') && text.len() <= 48, "{text}");
    assert_eq!(text.starts_with("W/"), tag.is_weak());
}

/// The steps of §13.2.2.
fn model(method: Method, lines: &[FieldLine<'_>], current: &Validators) -> Outcome {
    let all = |name: &str| -> Vec<&[u8]> {
        lines.iter().filter(|line| line.name.eq_ignore_ascii_case(name)).map(|line| line.value).collect()
    };
    let tag = current.etag.map(|tag| tag.to_string());
    let modified = current.last_modified.map(|date| {
        SystemTime::from(date).duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
    });
    let strong = tag.as_deref().filter(|tag| !tag.starts_with("W/"));
    let opaque = |tag: &[u8]| tag.strip_prefix(b"W/").unwrap_or(tag).to_vec();
    // A date stands alone, or says nothing.
    let single_date = |name| match all(name)[..] {
        [value] => date::read(value),
        _ => None,
    };
    let (matching, none_matching) = (all("if-match"), all("if-none-match"));
    let among = |values: &[&[u8]], is_it: &dyn Fn(&[u8]) -> bool| {
        values.iter().flat_map(|value| members(value)).any(|member| member == b"*" || is_it(member))
    };
    let is_refused = if matching.is_empty() {
        single_date("if-unmodified-since").zip(modified).is_some_and(|(date, modified)| modified > date)
    } else {
        !among(&matching, &|member| strong.is_some_and(|tag| tag.as_bytes() == member))
    };
    if is_refused {
        return Outcome::PreconditionFailed;
    }
    let is_known = if none_matching.is_empty() {
        single_date("if-modified-since").zip(modified).is_some_and(|(date, modified)| modified <= date)
    } else {
        among(&none_matching, &|m| tag.as_deref().is_some_and(|tag| opaque(tag.as_bytes()) == opaque(m)))
    };
    if is_known {
        return Outcome::NotModified;
    }
    // §13.1.5: a strong validator of the representation, and it alone.
    let range = match all("if-range")[..] {
        [] => true,
        [value] if value.starts_with(b"\"") || value.starts_with(b"W/") => {
            strong.is_some_and(|tag| tag.as_bytes() == value)
        }
        [value] => strong.is_some() && modified.is_some() && date::read(value) == modified,
        _ => false,
    };
    Outcome::Proceed { range: method == Method::Get && range }
}
