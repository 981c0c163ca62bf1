//! Ranges: tables with reasons, and properties against a model that counts bytes.

use proptest::prelude::*;

use super::Selection::*;
use super::*;

fn check(table: &[(&str, u64, Selection, &str)]) {
    for (value, length, expected, why) in table {
        assert_eq!(select_value(value.as_bytes(), *length), *expected, "{value} of {length}: {why}");
    }
}

/// R35.
#[test]
fn one_range_is_clamped_ignored_or_unsatisfiable() {
    check(&[
        ("bytes=0-0", 10, Part(0..1), "one byte"),
        ("bytes=0-1", 10, Part(0..2), "the last position is inclusive"),
        ("bytes=0-", 10, Part(0..10), "all of it, and still a part"),
        ("bytes=9-9", 10, Part(9..10), "the last byte"),
        ("bytes=5-9999999", 10, Part(5..10), "clamped"),
        ("bytes=-3", 10, Part(7..10), "a suffix"),
        ("bytes=-30", 10, Part(0..10), "a suffix longer than the file"),
        ("BYTES=1-2", 10, Part(1..3), "units do not depend on case"),
        ("bytes= 1-2\t", 10, Part(1..3), "white space around a member"),
        ("bytes=0-99999999999999999999999999999999", 10, Part(0..10), "a number beyond 64 bits"),
        ("bytes=-99999999999999999999999999999999", 10, Part(0..10), "a suffix beyond 64 bits"),
        ("bytes=00000000000000000000000000000000001-2", 10, Part(1..3), "zeros in front"),
        ("bytes=10-", 10, Unsatisfiable, "begins behind the end"),
        ("bytes=10-20", 10, Unsatisfiable, "begins behind the end"),
        ("bytes=18446744073709551615-", 10, Unsatisfiable, "the largest u64"),
        ("bytes=99999999999999999999-99999999999999999999", 10, Unsatisfiable, "beyond u64, and in order"),
        ("bytes=99999999999999999999-99999999999999999998", 10, Whole, "beyond u64, and not in order"),
        ("bytes=18446744073709551616-18446744073709551615", 10, Whole, "last before first"),
        ("bytes=-0", 10, Unsatisfiable, "no byte"),
        ("bytes=-000", 10, Unsatisfiable, "no byte"),
        ("bytes=0-", 0, Unsatisfiable, "nothing there"),
        ("bytes=-1", 0, Unsatisfiable, "nothing there"),
        ("bytes=", 10, Whole, "no range"),
        ("bytes=-", 10, Whole, "no number"),
        ("bytes=5-4", 10, Whole, "last before first"),
        ("bytes=a-b", 10, Whole, "no numbers"),
        ("bytes=+1-2", 10, Whole, "a sign is no digit"),
        ("bytes=1-+2", 10, Whole, "a sign is no digit"),
        ("bytes=--1", 10, Whole, "two dashes"),
        ("bytes=1 -2", 10, Whole, "white space inside of a member"),
        ("bytes=1-2-3", 10, Whole, "three numbers"),
        ("bytes=0x1-2", 10, Whole, "hexadecimal"),
        ("bytes 0-1", 10, Whole, "the form of Content-Range"),
        ("bytes =0-1", 10, Whole, "white space within the specifier"),
        ("items=0-1", 10, Whole, "another unit"),
        ("", 10, Whole, "nothing"),
    ]);
    assert_eq!(select_value(b"bytes=\xff-", 10), Whole);
    assert_eq!(select_value(b"bytes=0-", u64::MAX), Part(0..u64::MAX));
}

#[test]
fn several_ranges_are_parts_in_the_order_of_the_field() {
    check(&[
        ("bytes=0-1,4-5", 10, Parts(vec![0..2, 4..6]), "two"),
        ("bytes=4-5,0-1", 10, Parts(vec![4..6, 0..2]), "§15.3.7.2: the client's order"),
        ("bytes=0-0,-1", 10, Parts(vec![0..1, 9..10]), "first and last byte, the example of §14.1.2"),
        ("bytes=8-99,0-1", 10, Parts(vec![8..10, 0..2]), "clamped like one alone"),
        ("bytes=\t0-1 , \t 4-5 ", 10, Parts(vec![0..2, 4..6]), "white space around commas"),
        ("bytes=,0-1,, ,4-5,\t,", 10, Parts(vec![0..2, 4..6]), "§5.6.1.2: empty members"),
        ("bytes=,,0-1", 10, Part(0..2), "empty members are no ranges"),
        ("bytes= , ,\t", 10, Whole, "nothing but empty members"),
    ]);
}

#[test]
fn what_cannot_be_satisfied_is_left_out() {
    check(&[
        ("bytes=0-1,10-11,4-5", 10, Parts(vec![0..2, 4..6]), "one is beyond the end"),
        ("bytes=10-11,4-5", 10, Part(4..6), "one is left: no multipart"),
        ("bytes=4-5,-0", 10, Part(4..6), "no byte is no part"),
        ("bytes=10-11,99-,-0", 10, Unsatisfiable, "none is left"),
        ("bytes=0-1,3-4", 0, Unsatisfiable, "of nothing"),
    ]);
}

#[test]
fn what_is_malformed_anywhere_makes_the_field_ignored() {
    for member in ["a", "5-4", "-", "1 -2", "1-2-3", "0-1;q=1", "0-1 4-5", "bytes=0-1", "\u{e9}", "1"] {
        for value in [format!("bytes=0-1,{member}"), format!("bytes={member},0-1,4-5")] {
            assert_eq!(select_value(value.as_bytes(), 10), Whole, "{value}");
        }
    }
    // Even where the valid ones alone could not be satisfied.
    assert_eq!(select_value(b"bytes=10-11,x", 10), Whole);
}

#[test]
fn what_overlaps_or_touches_becomes_one_part() {
    check(&[
        ("bytes=0-1,2-3", 10, Part(0..4), "adjacent"),
        ("bytes=2-3,0-1", 10, Part(0..4), "adjacent, the other way round"),
        ("bytes=0-4,5-9", 10, Part(0..10), "all of it"),
        ("bytes=0-5,3-8", 10, Part(0..9), "overlapping"),
        ("bytes=0-8,3-4", 10, Part(0..9), "one within the other"),
        ("bytes=3-4,3-4", 10, Part(3..5), "twice the same"),
        ("bytes=0-1,8-9,2-3", 10, Parts(vec![0..4, 8..10]), "regardless of what stands between"),
        ("bytes=8-9,2-3,5-6,0-1", 10, Parts(vec![8..10, 0..4, 5..7]), "where the first of them stood"),
        ("bytes=0-0,1-1,2-2,3-3,4-4", 10, Part(0..5), "touching is no overlap, however often"),
        ("bytes=-4,6-", 10, Part(6..10), "different spellings of one range"),
    ]);
}

/// R34.
#[test]
fn more_than_two_overlapping_ranges_get_the_whole() {
    check(&[
        ("bytes=0-,0-,0-", 10, Whole, "three times everything"),
        ("bytes=0-5,3-8,8-9", 10, Whole, "a chain of three"),
        ("bytes=0-1,1-2,6-7,7-8", 10, Whole, "two pairs are four"),
        ("bytes=0-1,1-2,6-7", 10, Parts(vec![0..3, 6..8]), "one pair"),
        ("bytes=0-5,3-8,20-30,25-40", 10, Part(0..9), "what is not there overlaps nothing"),
    ]);
}

/// R34.
#[test]
fn sixteen_ranges_are_answered_and_seventeen_are_not() {
    let field = |count: u64, first: &str| {
        let ranges: Vec<String> = (0..count).map(|n| format!("{}-{}", n * 10, n * 10 + 1)).collect();
        format!("bytes={first}{}", ranges.join(","))
    };
    let sixteen: Vec<_> = (0..16).map(|n| n * 10..n * 10 + 2).collect();
    assert_eq!(select_value(field(16, "").as_bytes(), 1000), Parts(sixteen.clone()));
    assert_eq!(select_value(field(16, ",,, ,").as_bytes(), 1000), Parts(sixteen));
    assert_eq!(select_value(field(17, "").as_bytes(), 1000), Whole);
    // Those that cannot be satisfied count, too: they are work.
    assert_eq!(select_value(field(17, "").as_bytes(), 5), Whole);
    assert_eq!(select_value(field(16, "").as_bytes(), 5), Part(0..2));
}

/// R34.
#[test]
fn a_value_of_4_kib_is_read_and_a_longer_one_is_not() {
    let field = |length: usize| format!("bytes=0-1{}", ",".repeat(length - "bytes=0-1".len()));
    assert_eq!(select_value(field(4096).as_bytes(), 10), Part(0..2));
    assert_eq!(select_value(field(4097).as_bytes(), 10), Whole);
}

/// Decimal numbers, also such as fit into no integer.
fn decimal() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (0_u64..130).prop_map(|n| n.to_string()),
        1 => "[0-9]{1,30}",
        1 => (u64::MAX - 3..=u64::MAX).prop_map(|n| n.to_string()),
        1 => Just("18446744073709551616".to_owned()),
    ]
}

fn member() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => (decimal(), decimal()).prop_map(|(a, b)| format!("{a}-{b}")),
        4 => (0_u64..120, 0_u64..12).prop_map(|(a, n)| format!("{a}-{}", a + n)),
        1 => decimal().prop_map(|a| format!("{a}-")),
        1 => decimal().prop_map(|n| format!("-{n}")),
        1 => Just("x".to_owned()),
    ]
}

fn members() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(member(), 1..20)
}

/// A number as large as it is written: 30 digits fit.
fn big(digits: &str) -> Option<u128> {
    digits.bytes().all(|b| b.is_ascii_digit()).then_some(())?;
    digits.parse().ok()
}

/// Which of the bytes of a small file a member selects; None if it is malformed.
fn bytes_of(member: &str, length: usize) -> Option<Vec<bool>> {
    let (first, last) = member.split_once('-')?;
    let end = length as u128;
    let range = match (first, last) {
        ("", count) => end - big(count)?.min(end)..end,
        (first, "") => big(first)?..end,
        (first, last) if big(first)? <= big(last)? => big(first)?..big(last)? + 1,
        _ => return None,
    };
    Some((0..end).map(|at| range.contains(&at)).collect())
}

/// The whole answer, by counting how often each byte is asked for.
fn model(members: &[String], length: usize) -> Selection {
    let Some(all) = members.iter().map(|member| bytes_of(member, length)).collect::<Option<Vec<_>>>() else {
        return Whole;
    };
    let sets: Vec<_> = all.into_iter().filter(|set| set.contains(&true)).collect();
    let shares = |a: &[bool], b: &[bool]| a.iter().zip(b).any(|(a, b)| *a && *b);
    let overlapping = sets
        .iter()
        .enumerate()
        .filter(|(i, set)| sets.iter().enumerate().any(|(j, other)| *i != j && shares(set, other)));
    match (members.len(), sets.len()) {
        (17.., _) => return Whole,
        (_, 0) => return Unsatisfiable,
        _ if overlapping.count() > 2 => return Whole,
        _ => {}
    }
    let selected: Vec<bool> = (0..length).map(|at| sets.iter().any(|set| set[at])).collect();
    // In the order of the field, each run of selected bytes is named by its first range.
    let mut parts: Vec<Range<u64>> = Vec::new();
    for set in &sets {
        let at = set.iter().position(|is_in| *is_in).unwrap();
        let start = (0..=at).rev().find(|&i| i == 0 || !selected[i - 1]).unwrap();
        let end = (at..=length).find(|&i| i == length || !selected[i]).unwrap();
        let part = start as u64..end as u64;
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    if let [one] = &parts[..] { Part(one.clone()) } else { Parts(parts) }
}

proptest! {
    /// R35.
    #[test]
    fn the_answer_is_that_of_counting_bytes(members in members(), length in 0_usize..130) {
        let value = format!("bytes={}", members.join(","));
        prop_assert_eq!(select_value(value.as_bytes(), length as u64), model(&members, length), "{}", value);
    }

    #[test]
    fn white_space_and_empty_members_change_nothing(
        members in members(),
        between in prop::collection::vec("[ \t]{0,3}(,[ \t]{0,2}){0,2}", 20),
        around in prop::collection::vec("[ \t]{0,3}", 20),
        length in 0_u64..130,
    ) {
        let plain = format!("bytes={}", members.join(","));
        let mut spaced = "bytes=".to_owned();
        for (member, (between, around)) in members.iter().zip(between.iter().zip(&around)) {
            spaced.push_str(&format!("{around}{member}{around},{between}"));
        }
        prop_assert_eq!(select_value(plain.as_bytes(), length), select_value(spaced.as_bytes(), length), "{}", spaced);
    }

    /// R35.
    #[test]
    fn parts_are_within_the_file_disjoint_and_not_empty(
        value in "bytes=([0-9]{0,3}-[0-9]{0,3}[, ]{1,2}){0,17}|bytes=[0-9]{0,22}-[0-9]{0,22}|\\PC{0,20}",
        length in prop_oneof![0_u64..2000, Just(u64::MAX)],
    ) {
        let parts = match select_value(value.as_bytes(), length) {
            Whole | Unsatisfiable => return Ok(()),
            Part(part) => vec![part],
            Parts(parts) => {
                prop_assert!((2..=16).contains(&parts.len()));
                parts
            }
        };
        let sum: u128 = parts.iter().map(|part| u128::from(part.end - part.start)).sum();
        prop_assert!(sum <= u128::from(length));
        for (index, part) in parts.iter().enumerate() {
            prop_assert!(part.start < part.end && part.end <= length);
            // Not even touching.
            prop_assert!(parts[..index].iter().all(|other| part.end < other.start || other.end < part.start));
        }
    }
}
