//! The list of differences: all that nginx does otherwise, and why ours is right or both
//! are.

use std::fmt::{self, Display};

use super::case::Case;
use super::nginx::Version;
use super::reading;
use super::site::Site;

/// What nginx does otherwise. `reading` has each of them at the place where it decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    LinesTwice,
    NoRefusal,
    OtherNames,
    Preference,
    OddWeights,
    FirstCodings,
    UnmodifiedBesideMatch,
    UnreadableFails,
    SloppyDates,
    NoLeapSeconds,
    ModifiedBesideNoneMatch,
    StarAmongOthers,
    OpenQuote,
    HeadRanges,
    CodedWhole,
    FirstRange,
    MalformedIsUnsatisfiable,
    BackwardsIsUnsatisfiable,
    EmptyMember,
    Tab,
    SpacesWithin,
    HugeNumbers,
    CountsSatisfiable,
    NothingOfNothing,
    MoreThanAll,
    Overlaps,
    NoCoalescing,
    LongerThanAll,
}

/// An entry of the list.
#[derive(Debug)]
pub struct Entry {
    pub what: Difference,
    /// What the two servers do.
    pub says: &'static str,
    /// Sections are those of RFC 9110.
    pub why: &'static str,
    /// The first version of nginx that does as we do.
    pub until: Option<Version>,
}

const fn entry(what: Difference, says: &'static str, why: &'static str) -> Entry {
    Entry { what, says, why, until: None }
}

pub const ENTRIES: [Entry; 28] = [
    entry(
        Difference::LinesTwice,
        "two lines of one condition: 400; ours joins lists, and lets no other count",
        "§5.2, §5.3: the lines of a list are one list. §13.1.3, §13.1.4: dates with more than one member are \
         ignored. (§13.1.5: two validators are none that matches.)",
    ),
    entry(
        Difference::NoRefusal,
        "a client that refuses identity, and for which there is nothing else, gets identity; from ours 406",
        "§12.5.3: identity is what should be sent then, unless it is refused. §12.4.1 allows both.",
    ),
    entry(
        Difference::OtherNames,
        "`*` and `x-gzip` do not mean gzip",
        "§12.5.3: the asterisk matches every coding that is not named. §8.4.1.3: x-gzip is gzip. But no \
         coding ever has to be used.",
    ),
    entry(
        Difference::Preference,
        "identity preferred to gzip: gzip all the same; from ours identity",
        "§12.5.3: the acceptable coding with the highest quality is preferred.",
    ),
    entry(
        Difference::OddWeights,
        "gzip named twice: the first counts; with us the lower. A tab before its weight: no gzip",
        "No section says which of two counts, so ours sends nothing that is refused anywhere. §5.6.3, \
         §12.4.2: a tab is white space, but no coding has to be used.",
    ),
    entry(
        Difference::FirstCodings,
        "of two lines of Accept-Encoding only the first counts",
        "§5.3: the lines of a list are one list.",
    ),
    entry(
        Difference::UnmodifiedBesideMatch,
        "If-Unmodified-Since counts beside If-Match: 412, though the tag matches",
        "§13.1.4: it must be ignored then.",
    ),
    entry(
        Difference::UnreadableFails,
        "If-Unmodified-Since that is no date: 412; with us it does not count",
        "§13.1.4: what is no valid date must be ignored.",
    ),
    entry(
        Difference::SloppyDates,
        "dates with another zone or none, a wrong day, any case, another one behind are read",
        "§5.6.7 has three formats, which are case sensitive; §13.1.3 to §13.1.5: what is no valid date does \
         not count.",
    ),
    entry(
        Difference::NoLeapSeconds,
        "a leap second makes a date unreadable",
        "§5.6.7: times of day end with 23:59:60.",
    ),
    entry(
        Difference::ModifiedBesideNoneMatch,
        "If-Modified-Since counts beside If-None-Match: no 304, though the tag matches",
        "§13.1.3: it must be ignored then.",
    ),
    entry(
        Difference::StarAmongOthers,
        "`*` in a list matches nothing; with us it matches",
        "§13.1.1, §13.1.2: it stands alone, so this is malformed, and both are allowed.",
    ),
    entry(
        Difference::OpenQuote,
        "a list is split at commas within a quote that is never closed",
        "§8.8.3: a tag is quoted, and commas are part of it; this one is malformed, and both are allowed.",
    ),
    entry(
        Difference::HeadRanges,
        "HEAD has ranges: 206 and 416",
        "§14.2: Range is defined for GET only, and must be ignored otherwise.",
    ),
    Entry {
        what: Difference::CodedWhole,
        says: "a precompressed file has no ranges",
        why: "§14.2: Range may always be ignored.",
        until: Some(Version(1, 23, 4)),
    },
    entry(
        Difference::FirstRange,
        "of two lines of Range the first counts; with us none",
        "§5.3: it is no list of lines, so this is malformed. §14.2: Range may always be ignored.",
    ),
    entry(
        Difference::MalformedIsUnsatisfiable,
        "a malformed range is 416; with us it is ignored",
        "§14.2 allows both.",
    ),
    entry(
        Difference::BackwardsIsUnsatisfiable,
        "a last byte before the first makes one range unsatisfiable; with us all of the field malformed",
        "§14.1.1: such a range is invalid. §14.2: a field with one may be ignored or rejected.",
    ),
    entry(
        Difference::EmptyMember,
        "an empty member of the list is malformed",
        "§5.6.1.2: empty members must be read and ignored.",
    ),
    entry(Difference::Tab, "a tab beside a range is malformed", "§5.6.1.2, §5.6.3: a tab is white space."),
    entry(
        Difference::SpacesWithin,
        "spaces around the dash are read; with us they are malformed",
        "§14.1.1: there are none in a range. §14.2: a field with one may be ignored.",
    ),
    entry(
        Difference::HugeNumbers,
        "a number beyond 2⁶³ is 416, also where it means up to the end",
        "§14.1.2: a last byte beyond the end is the last byte; so is a suffix longer than the whole.",
    ),
    entry(
        Difference::CountsSatisfiable,
        "of 16 ranges at most those count that can be satisfied; with us all",
        "§14.2: Range may always be ignored.",
    ),
    entry(
        Difference::NothingOfNothing,
        "a first byte beyond the first of an empty file: 416; from ours all of it, as for other ranges",
        "§15.5.17 wants 416, but §14.2 allows to ignore Range, and no part of nothing is a use to anybody.",
    ),
    entry(
        Difference::MoreThanAll,
        "ranges that overlap to more than the whole: the whole; from ours their union",
        "§15.3.7.2: ranges that overlap may be coalesced. §14.2: Range may be ignored.",
    ),
    entry(
        Difference::Overlaps,
        "more than two ranges that overlap are answered; by ours with the whole",
        "§14.2, §17.15: they may be ignored.",
    ),
    entry(
        Difference::NoCoalescing,
        "ranges that overlap or touch are parts of their own; with us one part",
        "§15.3.7.2 allows both.",
    ),
    entry(
        Difference::LongerThanAll,
        "parts that are longer with their heads than the whole; from ours the whole",
        "§14.2: Range may be ignored. §15.3.7.2: heads cost more than they save there.",
    ),
];

/// A set of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Set(u32);

impl Set {
    /// That of a server that differs in nothing.
    pub const NONE: Set = Set(0);

    pub fn has(self, what: Difference) -> bool {
        self.0 & (1 << what as u32) != 0
    }

    fn with(self, what: Difference) -> Set {
        Set(self.0 | (1 << what as u32))
    }

    fn without(self, what: Difference) -> Set {
        Set(self.0 & !(1 << what as u32))
    }

    fn entries(self) -> impl Iterator<Item = &'static Entry> {
        ENTRIES.iter().filter(move |entry| self.has(entry.what))
    }
}

/// Those of a version of nginx.
pub fn of_version(version: Version) -> Set {
    let entries = ENTRIES.iter().filter(|entry| entry.until.is_none_or(|until| version < until));
    entries.fold(Set::NONE, |set, entry| set.with(entry.what))
}

/// Those without which the answer that nginx gives to this could not be explained.
pub fn needed(case: &Case, site: &Site, known: Set) -> Set {
    let explained = reading::answer(case, site, known);
    let is_needed = |entry: &&Entry| reading::answer(case, site, known.without(entry.what)) != explained;
    known.entries().filter(is_needed).fold(Set::NONE, |set, entry| set.with(entry.what))
}

/// How much each of them explains.
#[derive(Default)]
pub struct Tally {
    same: usize,
    different: usize,
    explained: [usize; ENTRIES.len()],
    /// Several explain it, each by itself.
    several: usize,
}

impl Tally {
    pub fn same(&mut self) {
        self.same += 1;
    }

    /// Two answers that differ, for which these entries are needed.
    pub fn different(&mut self, needed: Set) {
        self.different += 1;
        self.several += usize::from(needed == Set::NONE);
        for (entry, count) in ENTRIES.iter().zip(&mut self.explained) {
            *count += usize::from(needed.has(entry.what));
        }
    }

    /// The entries of these that could be left out.
    pub fn dead(&self, known: Set) -> Vec<&'static str> {
        let counted = ENTRIES.iter().zip(self.explained);
        counted
            .filter(|(entry, count)| *count == 0 && known.has(entry.what))
            .map(|(entry, _)| entry.says)
            .collect()
    }
}

impl Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} requests, {} answered differently:", self.same + self.different, self.different)?;
        for (entry, count) in ENTRIES.iter().zip(self.explained) {
            writeln!(f, "{count:6}  {:?}: {}", entry.what, entry.says)?;
        }
        write!(f, "{:6}  explained by more than one, each alone", self.several)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate;

    const OLD: Version = Version(1, 22, 1);
    const NEW: Version = Version(1, 26, 3);

    #[test]
    fn every_difference_has_one_entry_that_cites_a_section_or_says_that_there_is_none() {
        for (index, entry) in ENTRIES.iter().enumerate() {
            assert_eq!(entry.what as usize, index, "{:?} is out of order", entry.what);
            assert!(entry.why.contains('§') && entry.says.len() < 110, "{:?}", entry.what);
        }
    }

    #[test]
    fn what_nginx_has_learned_is_no_difference_any_more() {
        assert!(of_version(OLD).has(Difference::CodedWhole));
        assert!(!of_version(NEW).has(Difference::CodedWhole));
        assert_eq!(of_version(OLD).entries().count(), of_version(NEW).entries().count() + 1);
    }

    /// What the full run checks against nginx itself, as far as it needs no nginx.
    #[test]
    fn no_entry_could_be_left_out() {
        let site = Site::new();
        for known in [OLD, NEW].map(of_version) {
            let mut tally = Tally::default();
            for case in generate::cases(crate::SEED, 4 * crate::CASES_OF_OURS, &site) {
                if reading::answer(&case, &site, known) == reading::answer(&case, &site, Set::NONE) {
                    tally.same();
                } else {
                    tally.different(needed(&case, &site, known));
                }
            }
            assert_eq!(tally.dead(known), [""; 0], "{tally}");
            // Else it would be a test of differences only.
            assert!(tally.same > tally.different, "{tally}");
        }
    }
}
