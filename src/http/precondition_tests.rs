//! Conditional requests, in the order of RFC 9110 §13.2.2.

use proptest::prelude::*;

use super::Outcome::*;
use super::*;
use crate::http::fields::FieldLine;

const MODIFIED: u64 = 784_111_777;
const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const EARLIER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
const LATER: &str = "Sunday, 06-Nov-94 08:49:38 GMT";
/// The tag of 4096 bytes modified at `MODIFIED`.
const TAG: &str = "\"1000-ae1b981bc490a00\"";

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn validators() -> Validators {
    Validators::of(4096, Some(at(MODIFIED)), at(MODIFIED + 100))
}

fn outcome(method: Method, fields: &[(&str, &str)]) -> Outcome {
    let lines: Vec<_> =
        fields.iter().map(|(name, value)| FieldLine { name, value: value.as_bytes() }).collect();
    evaluate(method, RequestFields::new(&lines), &validators())
}

fn get(fields: &[(&str, &str)]) -> Outcome {
    outcome(Method::Get, fields)
}

const GO: Outcome = Proceed { range: true };

/// R44.
#[test]
fn the_tag_is_size_and_time() {
    assert_eq!(validators().etag.unwrap().to_string(), TAG);
}

/// R44.
#[test]
fn every_coding_has_a_tag_of_its_own_and_each_is_a_tag() {
    let stamps = [Some(at(MODIFIED)), Some(at(u64::MAX / 1_000_000_000)), Some(at(2))];
    let stamps = stamps.into_iter().flat_map(|modified| {
        [0, 4096, u64::MAX].map(|len| Validators::of(len, modified, at(MODIFIED + 100)).etag.unwrap())
    });
    let mut seen = std::collections::HashSet::new();
    for tag in stamps.chain([ETag::of_bytes(b""), ETag::of_bytes(b"a"), ETag::of_digest(&[0; 32])]) {
        for coding in Coding::ALL {
            let coded = tag.with_coding(coding);
            let text = coded.to_string();
            assert!(seen.insert(text.trim_start_matches("W/").to_owned()), "{text} twice");
            assert_eq!(coded.is_weak(), tag.is_weak());
            assert!(coded.matches_weakly(text.as_bytes()), "{text} is cut off");
            let inner = text.trim_start_matches("W/").trim_matches('"');
            assert!(inner.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'), "{text}");
        }
    }
    let (own, gzip) = (validators().etag, TAG.replace("a00\"", "a00-gz\""));
    assert_eq!(validators().of_coded(Coding::Gzip, own).etag.unwrap().to_string(), gzip);
    // Without a tag of its own it is only equivalent.
    assert_eq!(validators().of_coded(Coding::Gzip, None).etag.unwrap().to_string(), format!("W/{gzip}"));
}

#[test]
fn a_coded_form_is_another_representation_with_the_same_date() {
    let gzip = validators().of_coded(Coding::Gzip, validators().etag);
    let tag = gzip.etag.unwrap().to_string();
    for (name, value, expected) in [
        ("If-None-Match", &*tag, NotModified),
        ("If-None-Match", TAG, GO),
        ("If-Match", &*tag, GO),
        ("If-Match", TAG, PreconditionFailed),
        ("If-Range", &*tag, GO),
        ("If-Range", TAG, Proceed { range: false }),
        ("If-Modified-Since", DATE, NotModified),
    ] {
        let line = [FieldLine { name, value: value.as_bytes() }];
        assert_eq!(evaluate(Method::Get, RequestFields::new(&line), &gzip), expected, "{name}: {value}");
    }
}

#[test]
fn what_is_known_by_its_content_has_a_strong_tag_and_no_date() {
    let made = Validators::of_content(ETag::of_bytes(b"hello"));
    let tag = made.etag.unwrap().to_string();
    assert_eq!(tag, "\"2cf24dba5fb0a30e26e83b2ac5b9e29e\"");
    for (name, value, expected) in [
        ("If-None-Match", &*tag, NotModified),
        ("If-Match", &*tag, GO),
        ("If-Match", "\"2cf24dba5fb0a30e26e83b2ac5b9e29f\"", PreconditionFailed),
        ("If-Range", &*tag, GO),
        // Without a date there is nothing that a date could be compared with.
        ("If-Modified-Since", LATER, GO),
        ("If-Unmodified-Since", EARLIER, GO),
        ("If-Range", DATE, Proceed { range: false }),
        ("If-Range", "nonsense", Proceed { range: false }),
    ] {
        let line = [FieldLine { name, value: value.as_bytes() }];
        assert_eq!(evaluate(Method::Get, RequestFields::new(&line), &made), expected, "{name}: {value}");
    }
}

#[test]
fn step_1_if_match_compares_strongly() {
    assert_eq!(get(&[("If-Match", TAG)]), GO);
    assert_eq!(get(&[("If-Match", "\"x\", W/\"y\""), ("if-match", TAG)]), GO);
    assert_eq!(get(&[("If-Match", "*")]), GO);
    assert_eq!(get(&[("If-Match", "\"x\"")]), PreconditionFailed);
    assert_eq!(get(&[("If-Match", &format!("W/{TAG}"))]), PreconditionFailed);
    assert_eq!(get(&[("If-Match", "")]), PreconditionFailed);
}

#[test]
fn step_2_if_unmodified_since_counts_without_if_match_only() {
    assert_eq!(get(&[("If-Unmodified-Since", DATE)]), GO);
    assert_eq!(get(&[("If-Unmodified-Since", EARLIER)]), PreconditionFailed);
    assert_eq!(get(&[("If-Unmodified-Since", EARLIER), ("If-Match", TAG)]), GO);
    assert_eq!(get(&[("If-Unmodified-Since", "nonsense")]), GO);
    // They are dates (§5.6.7), though no file is so old, or was modified in a leap second.
    for date in ["Fri, 31 Dec 1965 23:59:59 GMT", "Thu, 30 Jun 1994 23:59:60 GMT"] {
        assert_eq!(get(&[("If-Unmodified-Since", date)]), PreconditionFailed, "{date}");
    }
}

#[test]
fn step_3_if_none_match_compares_weakly_and_takes_lists() {
    assert_eq!(get(&[("If-None-Match", TAG)]), NotModified);
    assert_eq!(get(&[("If-None-Match", &format!("\"a,b\", W/{TAG}"))]), NotModified);
    assert_eq!(get(&[("If-None-Match", "*")]), NotModified);
    assert_eq!(get(&[("If-None-Match", "\"x\"")]), GO);
    assert_eq!(get(&[("If-None-Match", TAG.trim_matches('"'))]), GO);
}

#[test]
fn step_4_if_modified_since_counts_without_if_none_match_only() {
    assert_eq!(get(&[("If-Modified-Since", DATE)]), NotModified);
    assert_eq!(get(&[("If-Modified-Since", LATER)]), NotModified);
    assert_eq!(get(&[("If-Modified-Since", EARLIER)]), GO);
    assert_eq!(get(&[("If-Modified-Since", LATER), ("If-None-Match", "\"x\"")]), GO);
    assert_eq!(get(&[("If-Modified-Since", "nonsense")]), GO);
}

#[test]
fn step_5_if_range_keeps_the_range_on_an_exact_match_only() {
    let whole = Proceed { range: false };
    assert_eq!(get(&[("If-Range", TAG)]), GO);
    assert_eq!(get(&[("If-Range", DATE)]), GO);
    assert_eq!(get(&[("If-Range", LATER)]), whole);
    assert_eq!(get(&[("If-Range", EARLIER)]), whole);
    assert_eq!(get(&[("If-Range", &format!("W/{TAG}"))]), whole);
    assert_eq!(get(&[("If-Range", "\"x\"")]), whole);
    assert_eq!(get(&[("If-Range", "nonsense")]), whole);
    // One of two may be another representation's.
    assert_eq!(get(&[("If-Range", TAG), ("If-Range", "\"x\"")]), whole);
    assert_eq!(get(&[("If-Range", TAG), ("If-Range", TAG)]), whole);
}

#[test]
fn the_first_step_that_decides_wins() {
    assert_eq!(get(&[("If-Match", "\"x\""), ("If-None-Match", TAG)]), PreconditionFailed);
    assert_eq!(get(&[("If-None-Match", TAG), ("If-Range", "\"x\"")]), NotModified);
}

#[test]
fn head_has_conditions_but_no_ranges() {
    assert_eq!(outcome(Method::Head, &[("If-None-Match", TAG)]), NotModified);
    assert_eq!(outcome(Method::Head, &[]), Proceed { range: false });
}

/// R44.
#[test]
fn a_young_file_has_a_weak_tag_which_no_range_relies_on() {
    let young = Validators::of(4096, Some(at(MODIFIED)), at(MODIFIED + 1));
    assert_eq!(young.etag.unwrap().to_string(), format!("W/{TAG}"));
    for value in [TAG, DATE] {
        let line = [FieldLine { name: "If-Range", value: value.as_bytes() }];
        assert_eq!(evaluate(Method::Get, RequestFields::new(&line), &young), Proceed { range: false });
    }
}

#[test]
fn a_time_that_says_nothing_validates_nothing() {
    let none = Validators::of(1, Some(SystemTime::UNIX_EPOCH), at(MODIFIED));
    assert!(none.etag.is_none() && none.last_modified.is_none());
    let old = Validators::of(1, Some(SystemTime::UNIX_EPOCH - Duration::from_secs(9)), at(MODIFIED));
    assert!(old.etag.is_none() && old.last_modified.is_none());
}

#[test]
fn last_modified_is_never_later_than_now() {
    let future = Validators::of(1, Some(at(MODIFIED + 1000)), at(MODIFIED));
    assert_eq!(future.last_modified, date::parse(DATE.as_bytes()));
    assert!(future.etag.unwrap().is_weak());
}

proptest! {
    #[test]
    fn conditions_that_were_kept_say_what_the_request_said(
        is_head: bool,
        lines in prop::collection::vec(
            (
                prop::sample::select(vec![
                    "If-Match", "If-None-Match", "if-none-match", "If-Modified-Since", "If-Unmodified-Since",
                    "If-Range", "Range", "Accept",
                ]),
                prop::sample::select(vec![TAG, "\"x\"", "W/\"y\"", "*", DATE, EARLIER, LATER, "nonsense", ""]),
            ),
            0..5,
        ),
    ) {
        let method = if is_head { Method::Head } else { Method::Get };
        let lines: Vec<_> =
            lines.iter().map(|(name, value)| FieldLine { name, value: value.as_bytes() }).collect();
        let fields = RequestFields::new(&lines);
        let kept = Conditions::of(method, fields);
        for current in [validators(), Validators::default(), Validators::of_content(ETag::of_bytes(b"a"))] {
            prop_assert_eq!(kept.evaluate(&current), evaluate(method, fields, &current));
        }
    }
}
