//! The natural order of names: `file2` before `File10`, for any bytes.
//!
//! Pure, and a total order: names compare as equal only if they are the same bytes,
//! so a listing looks the same however the file system enumerates it. It knows
//! nothing of locales and never fails on names that are not UTF-8.

use std::cmp::Ordering;

/// A name, prepared so that most comparisons are one comparison of bytes.
///
/// The order is that of: the name without regard to case, with each run of digits
/// read as one number; then the leading zeros of those numbers, fewer first; then
/// the bytes themselves.
#[derive(Clone, Debug)]
pub struct Key<'a> {
    /// What decides nearly always, computed once for each name instead of once for
    /// each comparison.
    folded: Vec<u8>,
    name: &'a [u8],
}

impl<'a> Key<'a> {
    /// Prepares a name.
    pub fn new(name: &'a [u8]) -> Key<'a> {
        // A number grows by two bytes at most in names of usual length.
        let mut folded = Vec::with_capacity(name.len() + 8);
        let mut rest = name;
        while let Some(&first) = rest.first() {
            let is_digit = first.is_ascii_digit();
            let end = rest.iter().position(|b| b.is_ascii_digit() != is_digit).unwrap_or(rest.len());
            let (run, after) = rest.split_at(end);
            if is_digit {
                push_number(&mut folded, run)
            } else {
                push_text(&mut folded, run)
            }
            rest = after;
        }
        Key { folded, name }
    }

    /// How many zeros lead each number, from left to right.
    fn zeros(&self) -> impl Iterator<Item = usize> + use<'a> {
        let runs = self.name.split(|b| !b.is_ascii_digit()).filter(|run| !run.is_empty());
        runs.map(|run| run.len() - significant(run).len())
    }
}

impl Ord for Key<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.folded
            .cmp(&other.folded)
            .then_with(|| self.zeros().cmp(other.zeros()))
            .then_with(|| self.name.cmp(other.name))
    }
}

impl PartialOrd for Key<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Key<'_> {}

/// Digits without leading zeros; the number zero has none left.
fn significant(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|&&b| b == b'0').count();
    &digits[zeros..]
}

/// Appends a number so that comparing bytes compares values: more digits are a
/// larger number, and digits of equal count compare as they stand.
fn push_number(folded: &mut Vec<u8>, digits: &[u8]) {
    let digits = significant(digits);
    // Numbers keep the place that digits have among the other characters.
    folded.push(b'0');
    let mut count = digits.len();
    while count >= 0xff {
        folded.push(0xff);
        count -= 0xff;
    }
    // The loop has left less than a byte holds.
    folded.push(count as u8);
    folded.extend_from_slice(digits);
}

/// Appends text in lower case; what is not UTF-8 stays as it is.
fn push_text(folded: &mut Vec<u8>, text: &[u8]) {
    if text.is_ascii() {
        folded.extend(text.iter().map(u8::to_ascii_lowercase));
        return;
    }
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars().flat_map(char::to_lowercase) {
            folded.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        folded.extend_from_slice(chunk.invalid());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn compare(a: &[u8], b: &[u8]) -> Ordering {
        Key::new(a).cmp(&Key::new(b))
    }

    #[test]
    fn names_ascend_as_people_count() {
        let ascending: [&[u8]; 26] = [
            b"",
            b" x",
            b"-1",
            b".x",
            b"0",
            b"00",
            b"1",
            b"01",
            b"001",
            b"2",
            b"10",
            b"018446744073709551616",
            b"99999999999999999999999999",
            b"a",
            b"A1b2",
            b"a1b02",
            b"a1b10",
            b"a1c",
            b"File",
            b"file2",
            b"File10",
            b"file10.txt",
            b"z",
            "Äpfel2".as_bytes(),
            "äpfel10".as_bytes(),
            b"\xff",
        ];
        for (i, a) in ascending.iter().enumerate() {
            for (j, b) in ascending.iter().enumerate() {
                let (left, right) = (String::from_utf8_lossy(a), String::from_utf8_lossy(b));
                assert_eq!(compare(a, b), i.cmp(&j), "{left} {right}");
            }
        }
    }

    #[test]
    fn case_and_zeros_decide_only_between_names_that_are_otherwise_the_same() {
        assert_eq!(compare(b"A", b"a"), Ordering::Less);
        assert_eq!(compare(b"a", b"B"), Ordering::Less);
        assert_eq!(compare(b"x1", b"X01"), Ordering::Less);
        assert_eq!(compare(b"x01y", b"x1z"), Ordering::Less);
        assert_eq!(compare(b"1a01", b"01a1"), Ordering::Less);
    }

    #[test]
    fn numbers_may_have_any_length() {
        let (nines, one) = (vec![b'9'; 254], [&b"1"[..], &[b'0'; 254]].concat());
        let (more, most) = (vec![b'9'; 255], vec![b'1'; 700]);
        for pair in [&nines, &one, &more, &most].windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less);
        }
    }

    /// Names that often agree in all but one respect.
    fn names() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            "[aAbB019.]{0,6}".prop_map(String::into_bytes),
            "[kKäÄ\u{212a}İ0-2 ]{0,5}".prop_map(String::into_bytes),
            prop::collection::vec(
                prop_oneof![Just(b'0'), Just(b'1'), Just(0xff), Just(0xc3), any::<u8>()],
                0..6
            ),
        ]
    }

    proptest! {
        #[test]
        fn the_order_is_total(a in names(), b in names(), c in names()) {
            prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
            prop_assert_eq!(compare(&a, &b) == Ordering::Equal, a == b);
            prop_assert_eq!(Key::new(&a) == Key::new(&b), a == b);
            let mut sorted = [&a, &b, &c];
            sorted.sort_by(|x, y| compare(x, y));
            prop_assert!(compare(sorted[0], sorted[1]).is_le());
            prop_assert!(compare(sorted[1], sorted[2]).is_le());
            prop_assert!(compare(sorted[0], sorted[2]).is_le());
        }

        #[test]
        fn numbers_compare_by_value(a: u64, b: u64, zeros in 0usize..4) {
            let name = |n: u64, zeros: usize| format!("n{}{n}.txt", "0".repeat(zeros)).into_bytes();
            if a != b {
                prop_assert_eq!(compare(&name(a, zeros), &name(b, 0)), a.cmp(&b));
            }
        }
    }
}
