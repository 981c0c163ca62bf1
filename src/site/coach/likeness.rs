//! Which name was meant. Pure.

use std::cmp::Reverse;

/// A name is compared if it is no longer: no file system has longer ones, and the cost of a
/// comparison grows with its square.
const NAME_MAX: usize = 255;

/// Shorter names are like any other.
const MISTYPED_MIN: usize = 3;

/// In so many characters one may be wrong, and never more than [`WRONG_MAX`].
const CHARACTERS_FOR_ONE: usize = 4;
const WRONG_MAX: usize = 3;

/// How a name that is there is like one that is not; the best comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    /// Only capitals and small letters differ.
    Case,
    /// What stands before the extension is the same; the extensions are so far from each other.
    Ending(usize),
    /// So many characters are missing, too many, wrong or exchanged.
    Spelling(usize),
}

/// How `there` is like `asked`, which is not there; None if it is another name.
///
/// ```
/// use serve::site::coach::likeness::{Likeness, likeness};
/// assert_eq!(likeness("logo.png", "Logo.PNG"), Some(Likeness::Case));
/// assert_eq!(likeness("abuot", "about.html"), Some(Likeness::Spelling(1)));
/// assert_eq!(likeness("page1.html", "page2.html"), None);
/// ```
pub fn likeness(asked: &str, there: &str) -> Option<Likeness> {
    if asked == there || asked.len().max(there.len()) > NAME_MAX {
        return None;
    }
    let (asked, there) = (asked.to_lowercase(), there.to_lowercase());
    if asked == there {
        return Some(Likeness::Case);
    }
    let ((asked_stem, asked_ending), (stem, ending)) = (split(&asked), split(&there));
    if asked_stem == stem || asked == stem || asked_stem == there {
        return Some(Likeness::Ending(strsim::osa_distance(asked_ending, ending)));
    }
    // Numbers are not mistyped: they are of other things.
    let digits = |name: &str| name.chars().filter(char::is_ascii_digit).collect::<String>();
    let wrong = |a: &str, b: &str| {
        let (a_count, b_count) = (a.chars().count(), b.chars().count());
        let shorter = a_count.min(b_count);
        let most = (shorter / CHARACTERS_FOR_ONE).clamp(1, WRONG_MAX);
        let may_be = shorter >= MISTYPED_MIN && a_count.abs_diff(b_count) <= most && digits(a) == digits(b);
        may_be.then(|| strsim::osa_distance(a, b)).filter(|wrong| *wrong <= most)
    };
    let whole = wrong(&asked, &there);
    let without_ending = if asked_ending.is_empty() { wrong(&asked, stem) } else { None };
    whole.into_iter().chain(without_ending).min().map(Likeness::Spelling)
}

/// The name that is most like `asked`, and how.
pub fn best<'a>(asked: &str, names: impl IntoIterator<Item = &'a str>) -> Option<(Likeness, &'a str)> {
    let alike = names.into_iter().filter_map(|name| Some((likeness(asked, name)?, name)));
    // Among equals that with the longest common beginning, then the first by name.
    alike.min_by_key(|(likeness, name)| (*likeness, Reverse(common(asked, name)), *name))
}

/// How many characters are the same at the beginning.
fn common(a: &str, b: &str) -> usize {
    a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count()
}

/// What stands before the last dot and behind it. A dot at the beginning is none.
fn split(name: &str) -> (&str, &str) {
    match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() => (stem, ending),
        _ => (name, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_people_mistype_is_recognised_and_other_things_are_not() {
        use Likeness::{Case, Ending, Spelling};
        for (asked, there, expected) in [
            ("logo.png", "Logo.PNG", Some(Case)),
            ("ÄÖÜ", "äöü", Some(Case)),
            ("photo.jpg", "photo.jpeg", Some(Ending(1))),
            ("Photo.jpg", "photo.webp", Some(Ending(4))),
            ("readme", "README.md", Some(Ending(2))),
            ("about", "about.html", Some(Ending(4))),
            ("about.html", "about", Some(Ending(4))),
            ("app.js", "app.js.gz", Some(Ending(2))),
            ("abuot", "about.html", Some(Spelling(1))),
            ("abuot.htm", "about.html", Some(Spelling(2))),
            ("imges", "images", Some(Spelling(1))),
            ("sytle.css", "style.css", Some(Spelling(1))),
            // One of three, but not two.
            ("foo", "for", Some(Spelling(1))),
            ("foo", "bar", None),
            ("ab", "ac", None),
            ("about", "contact", None),
            ("page1.html", "page2.html", None),
            ("2024.csv", "2025.csv", None),
            ("same", "same", None),
            ("", "x", None),
            (".env", ".git", None),
        ] {
            assert_eq!(likeness(asked, there), expected, "{asked} {there}");
        }
    }

    #[test]
    fn the_best_of_several_is_the_one_that_is_told() {
        let names = ["Abut.html", "about.htm", "ABOUT.HTML", "zabout.html"];
        assert_eq!(best("about.html", names), Some((Likeness::Case, "ABOUT.HTML")));
        assert_eq!(best("about.xhtml", names), Some((Likeness::Ending(1), "ABOUT.HTML")));
        assert_eq!(best("logo.jpg", ["logo.webp", "logo.jpeg"]), Some((Likeness::Ending(1), "logo.jpeg")));
        assert_eq!(best("abcd", ["abce", "abcf"]), Some((Likeness::Spelling(1), "abce")));
        assert_eq!(best("abcd", ["xbcd", "abcf"]), Some((Likeness::Spelling(1), "abcf")));
        assert_eq!(best("missing", ["other"]), None);
    }

    proptest! {
        #[test]
        fn no_name_is_too_odd_and_what_is_alike_is_so_both_ways(a in "\\PC{0,12}", b in "[a-c.]{0,12}") {
            prop_assert_eq!(likeness(&a, &a), None);
            let is_case = |found| found == Some(Likeness::Case);
            prop_assert_eq!(is_case(likeness(&a, &b)), is_case(likeness(&b, &a)));
            if let Some(Likeness::Spelling(wrong)) = likeness(&a, &b) {
                prop_assert!((1..=WRONG_MAX).contains(&wrong));
            }
        }

        #[test]
        fn one_wrong_letter_in_a_word_is_forgiven(word in "[a-y]{4,20}", at in 0..4_usize) {
            let mut mistyped: Vec<char> = word.chars().collect();
            mistyped[at] = 'z';
            let mistyped: String = mistyped.into_iter().collect();
            prop_assert_eq!(likeness(&mistyped, &word), Some(Likeness::Spelling(1)));
        }
    }
}
