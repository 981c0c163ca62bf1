//! What should be answered, read from RFC 9110 once more: of a case's own structure, never
//! of its text, so nothing of the server's code comes in. Where nginx differs, it asks the
//! set of differences.

use std::cmp::Ordering;
use std::ops::Range;

use super::case::{Case, Member, RangeValue, Spec, TagList, Validator};
use super::differences::{Difference, Set};
use super::shape::Shape;
use super::site::{Form, LeadsTo, Site};
use super::values::{Date, Kind, Means};

/// Most ranges of one field: ours, and `max_ranges` of nginx.
const RANGES_MAX: usize = 16;

/// Most ranges that overlap another.
const OVERLAPPING_MAX: usize = 2;

/// The answer of a server that differs so from the RFC.
pub fn answer(case: &Case, site: &Site, nginx: Set) -> Shape {
    if case.has_lines_twice() && nginx.has(Difference::LinesTwice) {
        return Shape::BadRequest;
    }
    let media_type = match case.page().leads_to {
        LeadsTo::Nothing => return Shape::NotFound,
        LeadsTo::Redirect(to) => return Shape::Redirect(to.to_owned()),
        LeadsTo::File { media_type, .. } => media_type,
    };
    let Some(form) = form(case, nginx) else { return Shape::NotAcceptable };
    match decide(case, form, nginx) {
        Decision::Failed => return Shape::PreconditionFailed,
        Decision::NotModified => return Shape::NotModified(form),
        Decision::Proceed => {}
    }
    let counts = (!case.head || nginx.has(Difference::HeadRanges))
        && !(form == Form::Gzip && nginx.has(Difference::CodedWhole))
        && if_range_holds(case, form, nginx);
    let len = site.len(case.page, form);
    match select(&case.range, len, media_type, nginx) {
        _ if !counts => Shape::Whole(form),
        Selection::Whole => Shape::Whole(form),
        Selection::Part(part) => Shape::Part(form, part),
        Selection::Parts(_) if case.head => Shape::PartsUnseen(form),
        Selection::Parts(parts) => Shape::Parts(form, parts),
        Selection::Unsatisfiable => Shape::Unsatisfiable(len),
    }
}

/// §12.5.3. None for a refusal.
fn form(case: &Case, nginx: Set) -> Option<Form> {
    let Some(codings) = case.codings else { return Some(Form::Identity) };
    let gzip = codings.gzip != codings.otherwise.is_some_and(|difference| nginx.has(difference));
    let identity = codings.identity || nginx.has(Difference::NoRefusal);
    if gzip && case.page().is_coded() { Some(Form::Gzip) } else { identity.then_some(Form::Identity) }
}

enum Decision {
    Failed,
    NotModified,
    Proceed,
}

/// §13.2.2.
fn decide(case: &Case, form: Form, nginx: Set) -> Decision {
    let has_match = !case.if_match.is_empty();
    if !case.if_unmodified_since.is_empty() && (!has_match || nginx.has(Difference::UnmodifiedBesideMatch)) {
        let failed = match read(&case.if_unmodified_since, nginx) {
            Some(when) => when == Ordering::Less,
            None => nginx.has(Difference::UnreadableFails),
        };
        if failed {
            return Decision::Failed;
        }
    }
    if has_match && !matches(&case.if_match, form, Comparison::Strong, nginx) {
        return Decision::Failed;
    }
    let is_unmodified = || read(&case.if_modified_since, nginx).is_some_and(|when| when != Ordering::Less);
    let has_it = if case.if_none_match.is_empty() {
        is_unmodified()
    } else {
        let date_counts =
            !case.if_modified_since.is_empty() && nginx.has(Difference::ModifiedBesideNoneMatch);
        matches(&case.if_none_match, form, Comparison::Weak, nginx) && (!date_counts || is_unmodified())
    };
    if has_it { Decision::NotModified } else { Decision::Proceed }
}

/// When that is, if it is one date.
fn read(lines: &[&Date], nginx: Set) -> Option<Ordering> {
    let [date] = lines else { return None };
    let is_read = match date.kind {
        Kind::Valid => true,
        Kind::LeapSecond => !nginx.has(Difference::NoLeapSeconds),
        Kind::Sloppy => nginx.has(Difference::SloppyDates),
        Kind::Nonsense => false,
    };
    date.when.filter(|_| is_read)
}

#[derive(PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

/// §8.8.3.2.
fn is_of(means: Means, form: Form, comparison: &Comparison) -> bool {
    let Means::Own { coded, weak } = means else { return false };
    coded == (form == Form::Gzip) && !(weak && *comparison == Comparison::Strong)
}

/// §13.1.1, §13.1.2.
fn matches(lines: &[TagList], form: Form, comparison: Comparison, nginx: Set) -> bool {
    let is_alone = lines.iter().map(|line| line.members.len()).sum::<usize>() == 1;
    lines.iter().any(|line| {
        // Behind a quote that opens there are no members any more.
        let is_readable = |means: &Means| *means != Means::Open || nginx.has(Difference::OpenQuote);
        let mut members = line.members.iter().map(|tag| tag.means).take_while(is_readable);
        members.any(|means| match means {
            Means::Star => is_alone || !nginx.has(Difference::StarAmongOthers),
            means => is_of(means, form, &comparison),
        })
    })
}

/// §13.1.5.
fn if_range_holds(case: &Case, form: Form, nginx: Set) -> bool {
    match &case.if_range[..] {
        [] => true,
        [Validator::Tag(tag)] => is_of(tag.means, form, &Comparison::Strong),
        // There is no file that was modified in a leap second.
        [Validator::Date(date)] => read(&[date], nginx) == Some(Ordering::Equal),
        _ => false,
    }
}

/// §14.2.
#[derive(Debug, PartialEq, Eq)]
enum Selection {
    Whole,
    Part(Range<u64>),
    Parts(Vec<Range<u64>>),
    Unsatisfiable,
}

fn select(lines: &[RangeValue], len: u64, media_type: &str, nginx: Set) -> Selection {
    let members = match lines {
        [value] => value.members.as_deref(),
        [value, ..] if nginx.has(Difference::FirstRange) => value.members.as_deref(),
        _ => None,
    };
    let Some(members) = members else { return Selection::Whole };
    if len == 0 && !nginx.has(Difference::NothingOfNothing) {
        return Selection::Whole;
    }
    let mut parts = Vec::new();
    let mut asked = 0;
    for member in members {
        match meaning(member, nginx) {
            Meaning::Nothing => continue,
            Meaning::Malformed if nginx.has(Difference::MalformedIsUnsatisfiable) => {
                return Selection::Unsatisfiable;
            }
            Meaning::Malformed => return Selection::Whole,
            Meaning::Refused => return Selection::Unsatisfiable,
            Meaning::Beyond => {}
            Meaning::Range(spec) => match resolve(spec, len) {
                Some(part) => parts.push(part),
                // nginx gives up at the first of these.
                None if len == 0 && !matches!(spec, Spec::From(1..) | Spec::FromTo(1.., _)) => {
                    return Selection::Whole;
                }
                None => {}
            },
        }
        asked += 1;
        let count = if nginx.has(Difference::CountsSatisfiable) { parts.len() } else { asked };
        if count > RANGES_MAX {
            return Selection::Whole;
        }
    }
    match parts.len() {
        0 if asked == 0 => Selection::Whole,
        0 => Selection::Unsatisfiable,
        1 => Selection::Part(parts.remove(0)),
        _ => several(parts, len, media_type, nginx),
    }
}

enum Meaning {
    Range(Spec),
    /// A range that nothing satisfies.
    Beyond,
    Nothing,
    Malformed,
    /// The end of reading: 416.
    Refused,
}

/// §14.1.1.
fn meaning(member: &Member, nginx: Set) -> Meaning {
    let is_huge = |number: u128| number > i64::MAX as u128;
    let has_huge = match member.spec {
        Spec::From(number) | Spec::Last(number) => is_huge(number),
        Spec::FromTo(first, last) => is_huge(first) || is_huge(last),
        Spec::Empty | Spec::Malformed => false,
    };
    match member.spec {
        _ if member.tab && nginx.has(Difference::Tab) => Meaning::Malformed,
        _ if member.spaced && !nginx.has(Difference::SpacesWithin) => Meaning::Malformed,
        Spec::Empty if nginx.has(Difference::EmptyMember) => Meaning::Malformed,
        Spec::Empty => Meaning::Nothing,
        Spec::Malformed => Meaning::Malformed,
        _ if has_huge && nginx.has(Difference::HugeNumbers) => Meaning::Refused,
        Spec::FromTo(first, last) if last < first => {
            if nginx.has(Difference::BackwardsIsUnsatisfiable) {
                Meaning::Beyond
            } else {
                Meaning::Malformed
            }
        }
        spec => Meaning::Range(spec),
    }
}

/// §14.1.2. None for what cannot be satisfied.
fn resolve(spec: Spec, len: u64) -> Option<Range<u64>> {
    let whole = u128::from(len);
    let (start, end) = match spec {
        Spec::From(first) => (first, whole),
        Spec::FromTo(first, last) => (first, (last + 1).min(whole)),
        Spec::Last(count) => (whole - count.min(whole), whole),
        Spec::Empty | Spec::Malformed => return None,
    };
    (start < end).then_some(start as u64..end as u64)
}

/// §15.3.7.2.
fn several(parts: Vec<Range<u64>>, len: u64, media_type: &str, nginx: Set) -> Selection {
    let sum: u64 = parts.iter().map(|part| part.end - part.start).sum();
    if sum > len && nginx.has(Difference::MoreThanAll) {
        return Selection::Whole;
    }
    let overlaps = |(at, part): &(usize, &Range<u64>)| {
        let others = parts.iter().enumerate().filter(|(other, _)| other != at);
        others.into_iter().any(|(_, other)| part.start < other.end && other.start < part.end)
    };
    let overlapping = parts.iter().enumerate().filter(overlaps).count();
    if overlapping > OVERLAPPING_MAX && !nginx.has(Difference::Overlaps) {
        return Selection::Whole;
    }
    let mut parts = if nginx.has(Difference::NoCoalescing) { parts } else { coalesced(parts) };
    if parts.len() == 1 {
        return Selection::Part(parts.remove(0));
    }
    let is_shorter = multipart_len(&parts, len, media_type) < len;
    if is_shorter || nginx.has(Difference::LongerThanAll) {
        Selection::Parts(parts)
    } else {
        Selection::Whole
    }
}

/// What overlaps or touches becomes one, at the place of the first.
fn coalesced(mut parts: Vec<Range<u64>>) -> Vec<Range<u64>> {
    loop {
        let pair = (1..parts.len()).find_map(|b| {
            let a = (0..b).find(|&a| parts[a].start <= parts[b].end && parts[b].start <= parts[a].end)?;
            Some((a, b))
        });
        let Some((a, b)) = pair else { return parts };
        let other = parts.remove(b);
        parts[a] = parts[a].start.min(other.start)..parts[a].end.max(other.end);
    }
}

/// How long a body with these parts is (§14.6), if the boundary has 32 characters.
fn multipart_len(parts: &[Range<u64>], len: u64, media_type: &str) -> u64 {
    let one = |part: &Range<u64>| {
        let head = format!(
            "--{:32}\r\nContent-Type: {media_type}\r\nContent-Range: bytes {}-{}/{len}\r\n\r\n",
            "",
            part.start,
            part.end - 1
        );
        head.len() as u64 + part.end - part.start + "\r\n".len() as u64
    };
    parts.iter().map(one).sum::<u64>() + "----\r\n".len() as u64 + 32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of 10,000 bytes; what does not parse here is malformed.
    fn selected(text: &str, nginx: Set) -> Selection {
        let spec = |text: &str| match text.split_once('-') {
            _ if text.is_empty() => Spec::Empty,
            Some(("", last)) => Spec::Last(last.parse().unwrap()),
            Some((first, "")) => Spec::From(first.parse().unwrap()),
            Some((first, last)) => Spec::FromTo(first.parse().unwrap(), last.parse().unwrap()),
            None => Spec::Malformed,
        };
        let member = |text| Member { spec: spec(text), tab: false, spaced: false };
        let members = text.split(',').map(member).collect();
        select(&[RangeValue { text: String::new(), members: Some(members) }], 10_000, "a/b", nginx)
    }

    #[test]
    fn ranges_are_read_as_the_examples_of_the_rfc_are() {
        use Selection::*;
        for (text, expected) in [
            ("0-499", Part(0..500)),
            ("500-999", Part(500..1000)),
            ("-500", Part(9500..10_000)),
            ("9500-", Part(9500..10_000)),
            ("0-0,-1", Parts(vec![0..1, 9999..10_000])),
            ("500-600,601-999", Part(500..1000)),
            ("500-700,601-999", Part(500..1000)),
            ("9-9,5-5,4-4,6-6,8-8", Parts(vec![8..10, 4..7])),
            ("0-9,20-29,5-24", Whole),
            ("0-99999999999999999999", Part(0..10_000)),
            ("10000-", Unsatisfiable),
            ("-0", Unsatisfiable),
            ("-0,1-1", Part(1..2)),
            ("1-0", Whole),
            ("x,1-1", Whole),
            (",1-1,", Part(1..2)),
            (",", Whole),
            ("0-4999,5001-9999", Whole),
        ] {
            assert_eq!(selected(text, Set::NONE), expected, "{text}");
        }
        assert_eq!(selected(&["0-0"; 16].join(","), Set::NONE), Whole);
        let apart = |count| (0..count).map(|n| format!("{}-{0}", 2 * n)).collect::<Vec<_>>().join(",");
        assert!(matches!(selected(&apart(16), Set::NONE), Parts(parts) if parts.len() == 16));
        assert_eq!(selected(&apart(17), Set::NONE), Whole);
    }

    #[test]
    fn nginx_reads_some_of_them_otherwise() {
        use Selection::*;
        let nginx = super::super::differences::of_version(super::super::nginx::Version(1, 26, 3));
        for (text, expected) in [
            ("0-499", Part(0..500)),
            ("500-600,601-999", Parts(vec![500..601, 601..1000])),
            ("0-9,20-29,5-24", Parts(vec![0..10, 20..30, 5..25])),
            ("0-99999999999999999999", Unsatisfiable),
            ("1-0,1-1", Part(1..2)),
            ("x,1-1", Unsatisfiable),
            ("0-,0-", Whole),
            ("0-4999,5001-9999", Parts(vec![0..5000, 5001..10_000])),
        ] {
            assert_eq!(selected(text, nginx), expected, "{text}");
        }
    }
}
