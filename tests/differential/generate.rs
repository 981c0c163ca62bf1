//! Makes cases: the same ones from the same seed.

use super::case::{Case, Member, RangeValue, Spec, TagList, Validator};
use super::site::{Form, PAGES, Site};
use super::values::{CODINGS, DATES, Date, TAGS, Tag};

/// SplitMix64: small, and good enough to choose by.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Less than `end`, which is not 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// True so many times out of a hundred.
    fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len() as u64) as usize]
    }

    fn one<'a, T>(&mut self, values: &'a [T]) -> &'a T {
        &values[self.below(values.len() as u64) as usize]
    }
}

/// So many cases.
pub fn cases(seed: u64, count: usize, site: &Site) -> Vec<Case> {
    let mut random = Random::new(seed);
    (0..count).map(|_| case(&mut random, site)).collect()
}

fn case(random: &mut Random, site: &Site) -> Case {
    // A field alone shows best what it means; and all at once, what they do to each other.
    let alone = random.percent(30).then(|| random.below(7));
    let mut has =
        |field: u64, percent: u64| alone.map_or_else(|| random.percent(percent), |one| one == field);
    let fields = [has(0, 15), has(1, 25), has(2, 25), has(3, 15), has(4, 20), has(5, 60), has(6, 40)];
    let mut case = Case {
        head: random.percent(20),
        page: random.below(PAGES.len() as u64) as usize,
        first: random.below(7) as usize,
        ..Case::default()
    };
    if fields[0] {
        case.if_match = lines(random, tag_list);
    }
    if fields[1] {
        case.if_none_match = lines(random, tag_list);
    }
    if fields[2] {
        case.if_modified_since = lines(random, date);
    }
    if fields[3] {
        case.if_unmodified_since = lines(random, date);
    }
    if fields[4] {
        case.if_range = lines(random, validator);
    }
    if fields[5] {
        let form = if random.percent(70) { Form::Identity } else { Form::Gzip };
        let len = site.len(case.page, form);
        case.range = lines(random, |random| range(random, len));
    }
    if fields[6] {
        case.codings = Some(random.one(&CODINGS));
    }
    case
}

/// Mostly one.
fn lines<T>(random: &mut Random, mut value: impl FnMut(&mut Random) -> T) -> Vec<T> {
    let count = if random.percent(4) { 2 } else { 1 };
    (0..count).map(|_| value(random)).collect()
}

fn tag(random: &mut Random) -> &'static Tag {
    // The server's own, or any.
    if random.percent(40) { random.one(&TAGS[..4]) } else { random.one(&TAGS) }
}

fn tag_list(random: &mut Random) -> TagList {
    let count = if random.percent(60) { 1 } else { 2 + random.below(3) };
    let separator = random.of(&[", ", ",", " , ", ",\t", ", ,"]);
    TagList { members: (0..count).map(|_| tag(random)).collect(), separator }
}

fn date(random: &mut Random) -> &'static Date {
    random.one(&DATES)
}

fn validator(random: &mut Random) -> Validator {
    if random.percent(50) { Validator::Tag(tag(random)) } else { Validator::Date(date(random)) }
}

/// A value of Range, for a file of about so many bytes.
fn range(random: &mut Random, len: u64) -> RangeValue {
    if random.percent(4) {
        let text = random.of(&["bytes=", "bytes", "items=0-1", "bytes 0-1", "bytes =0-1", "0-1", "=0-1", ""]);
        return RangeValue { text: text.to_owned(), members: None };
    }
    let members = match random.below(10) {
        0..5 => vec![spec(random, len)],
        5..7 => (0..2 + random.below(3)).map(|_| spec(random, len)).collect(),
        _ => pattern(random, len),
    };
    let mut text = random.of(&["bytes", "bytes", "bytes", "BYTES", "Bytes"]).to_owned() + "=";
    let is_messy = random.percent(15);
    let last = members.len() - 1;
    let write = |(at, spec): (usize, Spec)| {
        let [before, after, within] =
            [(); 3].map(|()| if is_messy { random.of(&["", "", " ", "\t"]) } else { "" });
        let mut spelled = spell(spec, random);
        if matches!(spec, Spec::From(_) | Spec::FromTo(..)) && within == " " {
            spelled = spelled.replace('-', random.of(&[" -", "- ", " - "]));
        }
        let mut piece = format!("{before}{spelled}{after}");
        // White space at the end of a line belongs to no value.
        if at == last {
            piece.truncate(piece.trim_end().len());
        }
        let spaced = spec != Spec::Malformed && piece.trim().contains(' ');
        let member = Member { spec, tab: piece.contains('\t'), spaced };
        if at > 0 {
            text.push(',');
        }
        text.push_str(&piece);
        member
    };
    let members = members.into_iter().enumerate().map(write).collect();
    // Not even a list of nothing.
    let is_list = !text.ends_with('=');
    RangeValue { text, members: is_list.then_some(members) }
}

fn spell(spec: Spec, random: &mut Random) -> String {
    match spec {
        Spec::From(first) => format!("{first}-"),
        Spec::FromTo(first, last) => format!("{first}-{last}"),
        Spec::Last(count) if random.percent(5) => format!("-000{count}"),
        Spec::Last(count) => format!("-{count}"),
        Spec::Empty => String::new(),
        Spec::Malformed => {
            let kinds =
                ["-", "0", "a-b", "--1", "+1-2", "1-2-3", "0x1-2", "1-2;x", "\"0-1\"", "- 1", "1.0-2", "*"];
            random.of(&kinds).to_owned()
        }
    }
}

/// One range, of any kind.
fn spec(random: &mut Random, len: u64) -> Spec {
    match random.below(100) {
        0..3 => Spec::Malformed,
        3..5 => Spec::Empty,
        5..25 => Spec::From(number(random, len)),
        25..45 => Spec::Last(number(random, len)),
        45..52 => Spec::FromTo(number(random, len), number(random, len)),
        _ => {
            let (one, other) = (number(random, len), number(random, len));
            Spec::FromTo(one.min(other), one.max(other))
        }
    }
}

/// A number that matters for so many bytes.
fn number(random: &mut Random, len: u64) -> u128 {
    let len = u128::from(len);
    match random.below(100) {
        0..15 => random.of(&[0, 0, 1, 2, 9]),
        15..35 => random.of(&[len / 2, len.saturating_sub(2), len.saturating_sub(1), len, len + 1]),
        35..39 => {
            let (i64_max, u64_max) = (i64::MAX as u128, u128::from(u64::MAX));
            random.of(&[i64_max - 1, i64_max, i64_max + 1, u64_max, u64_max + 1, 10_u128.pow(30)])
        }
        39..45 => u128::from(random.below(2_000_000)),
        _ => u128::from(random.below(len as u64 + 1)),
    }
}

/// Many small ranges that have something to do with each other.
fn pattern(random: &mut Random, len: u64) -> Vec<Spec> {
    let count = random.of(&[2, 2, 3, 3, 5, 8, 15, 16, 17, 18, 30]);
    let step = 1 + random.below((len / count).clamp(1, 2000));
    let width = match random.below(4) {
        // They touch, overlap, or are apart.
        0 => step,
        1 => step + 1 + random.below(step),
        _ => 1 + random.below(step),
    };
    let from = random.below(len / 2 + 1);
    let starts = (0..count).map(|n| from + n * step);
    let mut specs: Vec<_> =
        starts.map(|start| Spec::FromTo(start.into(), (start + width - 1).into())).collect();
    match random.below(4) {
        0 => specs.reverse(),
        1 => {
            let (a, b) = (random.below(count) as usize, random.below(count) as usize);
            specs.swap(a, b);
        }
        _ => {}
    }
    if random.percent(20) {
        let at = random.below(count) as usize;
        specs[at] = spec(random, len);
    }
    specs
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_same_seed_makes_the_same_cases_and_another_makes_others() {
        let site = Site::new();
        let made = |seed| format!("{:?}", cases(seed, 200, &site));
        assert_eq!(made(1), made(1));
        assert_ne!(made(1), made(2));
    }

    #[test]
    fn every_value_of_every_field_comes_up() {
        let site = Site::new();
        let cases = cases(crate::SEED, crate::CASES_OF_OURS, &site);
        let pages: HashSet<_> = cases.iter().map(|case| (case.page, case.head)).collect();
        assert_eq!(pages.len(), 2 * PAGES.len());
        let tags = |lists: fn(&Case) -> &[TagList]| {
            let lists = cases.iter().flat_map(lists).flat_map(|list| &list.members);
            lists.map(|tag| tag.text).collect::<HashSet<_>>().len()
        };
        assert_eq!([tags(|case| &case.if_match), tags(|case| &case.if_none_match)], [TAGS.len(); 2]);
        let dates = |lines: fn(&Case) -> &[&'static Date]| {
            cases.iter().flat_map(lines).map(|date| date.text).collect::<HashSet<_>>().len()
        };
        let counts = [dates(|case| &case.if_modified_since), dates(|case| &case.if_unmodified_since)];
        assert_eq!(counts, [DATES.len(); 2]);
        let codings: HashSet<_> = cases.iter().filter_map(|case| Some(case.codings?.lines)).collect();
        assert_eq!(codings.len(), CODINGS.len());
        let fields = |case: &Case| {
            [
                case.if_match.len(),
                case.if_none_match.len(),
                case.if_modified_since.len(),
                case.if_unmodified_since.len(),
                case.if_range.len(),
                case.range.len(),
                usize::from(case.codings.is_some()),
            ]
            .map(|count| count > 0)
        };
        // Of the 128 sets of fields, nearly all.
        let sets: HashSet<_> = cases.iter().map(fields).collect();
        assert!(sets.len() > 110, "{}", sets.len());
    }

    #[test]
    fn what_is_said_of_a_range_is_what_stands_in_it() {
        let site = Site::new();
        let cases = cases(crate::SEED, crate::CASES_OF_OURS, &site);
        let mut clean = 0;
        for value in cases.iter().flat_map(|case| &case.range) {
            assert!(value.text.trim() == value.text && value.text.len() < 4096, "{:?}", value.text);
            let Some(members) = &value.members else { continue };
            let texts: Vec<_> = value.text[6..].split(',').collect();
            assert_eq!(texts.len(), members.len(), "{}", value.text);
            for (text, member) in texts.iter().zip(members) {
                assert_eq!(member.tab, text.contains('\t'), "{:?}", value.text);
                if let Spec::FromTo(first, last) = member.spec {
                    let bare: String = text.split_whitespace().collect();
                    assert_eq!(bare, format!("{first}-{last}"));
                    assert_eq!(member.spaced, text.trim().contains(' '), "{:?}", value.text);
                    clean += 1;
                }
            }
        }
        assert!(clean > 1000, "{clean}");
    }
}
