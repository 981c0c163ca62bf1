//! Content codings (RFC 9110 §8.4.1), and which of them a client accepts (§12.5.3).
//!
//! This is asked for every request of a file, so an answer is four numbers: nothing is
//! allocated, and fields are read once.

use super::fields::RequestFields;
use super::negotiate::{FULL, weighted};
use crate::codec::Format;

/// How the bytes of a representation are coded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Coding {
    /// Not at all.
    #[default]
    Identity,
    /// RFC 1952; what everything understands.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// RFC 7932.
    Brotli,
}

impl Coding {
    /// All of them; those that make text smallest come first, identity comes last.
    pub const ALL: [Coding; 4] = [Coding::Brotli, Coding::Zstd, Coding::Gzip, Coding::Identity];

    /// As it stands in Content-Encoding. Identity does never stand there (§8.4.1).
    pub fn name(self) -> &'static str {
        match self {
            Coding::Identity => "identity",
            Coding::Gzip => Format::Gzip.token(),
            Coding::Zstd => Format::Zstd.token(),
            Coding::Brotli => Format::Brotli.token(),
        }
    }

    /// How to do it; None for identity, where there is nothing to do.
    pub fn format(self) -> Option<Format> {
        match self {
            Coding::Identity => None,
            Coding::Gzip => Some(Format::Gzip),
            Coding::Zstd => Some(Format::Zstd),
            Coding::Brotli => Some(Format::Brotli),
        }
    }

    /// The coding of a name in a request, which may be an older one (§8.4.1.3).
    fn parse(name: &[u8]) -> Option<Coding> {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        let known = Coding::ALL.into_iter().find(|coding| is(coding.name()));
        known.or_else(|| is("x-gzip").then_some(Coding::Gzip))
    }

    /// Where it stands in a table of all of them.
    fn index(self) -> usize {
        self as usize
    }
}

impl From<Format> for Coding {
    fn from(format: Format) -> Coding {
        match format {
            Format::Gzip => Coding::Gzip,
            Format::Zstd => Coding::Zstd,
            Format::Brotli => Coding::Brotli,
        }
    }
}

/// Which codings a client accepts, and how much it likes each.
///
/// ```
/// use serve::http::coding::{Accepted, Coding};
/// use serve::http::{RequestFields, fields::FieldLine};
/// let line = [FieldLine { name: "Accept-Encoding", value: b"gzip, br;q=0.9" }];
/// let accepted = Accepted::of(RequestFields::new(&line));
/// assert_eq!(accepted.choose(&[Coding::Brotli, Coding::Identity]), Some(Coding::Brotli));
/// assert_eq!(accepted.choose(&Coding::ALL), Some(Coding::Gzip));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// By [`Coding::index`], in thousandths.
    qualities: [u16; 4],
}

/// What identity is worth to a client that does not mention it: §12.5.3 says that it is
/// acceptable, and not how much. As little as can be: who names codings wants them.
const UNMENTIONED_IDENTITY: u16 = 1;

impl Accepted {
    /// Only identity: what is sent to a client that says nothing. (§12.5.3 would allow any
    /// coding then; but who does not ask, such as `curl`, mostly cannot decode.)
    pub const IDENTITY: Accepted = {
        let mut qualities = [0; 4];
        qualities[Coding::Identity as usize] = FULL;
        Accepted { qualities }
    };

    /// What the Accept-Encoding fields of a request say. Members that are malformed, or
    /// name codings that nobody here knows, are ignored; of a coding that is named twice
    /// the lower quality counts, so that nobody is sent what it refuses anywhere.
    pub fn of(fields: RequestFields<'_>) -> Accepted {
        let mut named = [None; 4];
        let mut others = None;
        let lower = |slot: &mut Option<u16>, quality: u16| {
            *slot = Some(slot.map_or(quality, |other| other.min(quality)));
        };
        for (name, quality) in fields.members("accept-encoding").filter_map(weighted) {
            if name == b"*" {
                lower(&mut others, quality);
            } else if let Some(coding) = Coding::parse(name) {
                lower(&mut named[coding.index()], quality);
            }
        }
        let mut accepted = Accepted::IDENTITY;
        for coding in Coding::ALL {
            let unmentioned = if coding == Coding::Identity { UNMENTIONED_IDENTITY } else { 0 };
            // An asterisk stands for what is not named (§12.5.3), identity included.
            accepted.qualities[coding.index()] = named[coding.index()].or(others).unwrap_or(unmentioned);
        }
        accepted
    }

    /// The quality of a coding in thousandths; 0 is "not acceptable" (§12.4.2).
    pub fn quality(self, coding: Coding) -> u16 {
        self.qualities[coding.index()]
    }

    /// Whether a coding may be sent.
    pub fn accepts(self, coding: Coding) -> bool {
        self.quality(coding) > 0
    }

    /// The best of what is available; None when nothing of it is acceptable, which is a 406.
    ///
    /// The client decides; where it does not, the smallest does: brotli, zstd, gzip, and
    /// identity last.
    pub fn choose(self, available: &[Coding]) -> Option<Coding> {
        self.in_order().find(|coding| available.contains(coding))
    }

    /// All that is acceptable, the best first: the order in which to look for siblings.
    pub fn in_order(self) -> impl Iterator<Item = Coding> + use<> {
        let mut codings = Coding::ALL;
        // Stable, so that equals stay in their order; four elements need no allocation.
        codings.sort_by_key(|coding| std::cmp::Reverse(self.quality(*coding)));
        codings.into_iter().filter(move |coding| self.accepts(*coding))
    }
}

impl Default for Accepted {
    fn default() -> Self {
        Accepted::IDENTITY
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::fields::FieldLine;
    use super::Coding::*;
    use super::*;
    use proptest::prelude::*;

    fn accepted(value: &str) -> Accepted {
        let line = [FieldLine { name: "Accept-Encoding", value: value.as_bytes() }];
        Accepted::of(RequestFields::new(&line))
    }

    /// The names of what is acceptable, the best first.
    fn order(value: &str) -> String {
        accepted(value).in_order().map(Coding::name).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn codings_are_chosen_as_the_client_prefers_and_then_by_size() {
        for (value, expected, why) in [
            ("gzip, deflate, br, zstd", "br zstd gzip identity", "every browser"),
            ("gzip", "gzip identity", "identity is acceptable unless refused"),
            ("gzip;q=0.5", "gzip identity", "and less than what is named, whatever its quality"),
            ("gzip;q=0.001", "gzip identity", "even that"),
            ("br;q=0.5, gzip;q=0.8", "gzip br identity", "the client decides"),
            ("gzip;q=1.0, identity; q=0.5, *;q=0", "gzip identity", "the example of §12.5.3"),
            ("identity;q=1, gzip;q=0.5", "identity gzip", "it may prefer identity"),
            ("identity, gzip", "gzip identity", "a tie goes to the smaller"),
            ("*", "br zstd gzip identity", "anything"),
            ("*;q=0.5, gzip;q=0.3", "br zstd identity gzip", "the asterisk is for what is not named"),
            ("gzip, *;q=0", "gzip", "which refuses identity, too"),
            ("*;q=0", "", "nothing is left"),
            ("identity;q=0", "", "nothing is left"),
            ("identity;q=0, gzip", "gzip", "something is left"),
            ("identity;q=0.000, br;q=0.001", "br", "one thousandth is not nothing"),
            ("*;q=0, identity", "identity", "identity is named"),
            ("br;q=0", "identity", "a coding that is refused"),
            ("x-gzip", "gzip identity", "§8.4.1.3: an old name of gzip"),
            ("x-gzip;q=0, gzip", "identity", "which is the same coding"),
            ("GZIP;Q=0.7 , Br ;q=0.9", "br gzip identity", "neither case nor spaces matter"),
            ("gzip\t;\tq=0.7", "gzip identity", "white space around the semicolon"),
            ("gzip, gzip;q=0", "identity", "named twice: what is refused is refused"),
            (", ,gzip,,", "gzip identity", "empty members"),
            ("deflate, compress, exi", "identity", "codings that are not spoken here"),
        ] {
            assert_eq!(order(value), expected, "{value}: {why}");
        }
    }

    #[test]
    fn who_says_nothing_gets_identity() {
        assert_eq!(Accepted::of(RequestFields::default()).in_order().collect::<Vec<_>>(), [Identity]);
        assert_eq!(Accepted::default().in_order().collect::<Vec<_>>(), [Identity]);
        for nothing in ["", " ", ",", " , ,"] {
            assert_eq!(order(nothing), "identity", "{nothing:?}: no coding is wanted");
        }
    }

    #[test]
    fn malformed_members_are_ignored_and_the_others_count() {
        for malformed in [
            "br;q=2",
            "br;q=1.001",
            "br;q=0.1234",
            "br;q=-1",
            "br;q=+1",
            "br;q=",
            "br;q",
            "br;",
            "br;level=5",
            "br;q=1;level=5",
            "br;q = 1",
            "br;q=.5",
            "br;q=1e0",
            "br/gzip",
            "br gzip",
            ";q=1",
            "b\u{f8}",
            "\"br\"",
        ] {
            let value = format!("{malformed}, gzip;q=0.5");
            assert_eq!(accepted(&value).quality(Brotli), 0, "{malformed}");
            assert_eq!(accepted(&value).quality(Gzip), 500, "{malformed}");
        }
    }

    #[test]
    fn the_best_of_what_is_there_is_chosen_or_nothing() {
        for (value, available, expected) in [
            ("gzip, br", &[Gzip, Identity][..], Some(Gzip)),
            ("gzip, br", &[Identity, Zstd], Some(Identity)),
            ("gzip, br", &[Zstd], None),
            ("identity;q=0, br", &[Identity, Gzip], None),
            ("identity;q=0, br", &[Identity, Brotli], Some(Brotli)),
            ("*;q=0", &Coding::ALL, None),
            ("gzip", &[], None),
        ] {
            assert_eq!(accepted(value).choose(available), expected, "{value} of {available:?}");
        }
    }

    #[test]
    fn every_coding_but_identity_has_a_format_in_the_same_order() {
        let formats: Vec<_> = Coding::ALL.into_iter().filter_map(Coding::format).collect();
        assert_eq!(formats, Format::ALL);
        assert_eq!(Format::ALL.map(Coding::from)[..], Coding::ALL[..3]);
    }

    #[test]
    fn several_lines_are_one_list() {
        let lines = [
            FieldLine { name: "accept-encoding", value: b"gzip;q=0.5" },
            FieldLine { name: "Accept-Encoding", value: b"br;q=0.4" },
        ];
        let accepted = Accepted::of(RequestFields::new(&lines));
        assert_eq!([Gzip, Brotli, Zstd].map(|coding| accepted.quality(coding)), [500, 400, 0]);
    }

    proptest! {
        #[test]
        fn the_order_of_members_changes_nothing(
            (members, shuffled) in prop::collection::vec(
                "(gzip|x-gzip|br|zstd|identity|deflate|\\*|BR|b r)( ?; ?q=(0|1|0\\.[0-9]{0,3}|1\\.0|2|x))?|[ -!#-~]{0,6}",
                0..8,
            ).prop_flat_map(|members| (Just(members.clone()), Just(members).prop_shuffle())),
        ) {
            let value = members.join(", ");
            prop_assert_eq!(accepted(&value), accepted(&shuffled.join(",")), "{}", value);
            // And none of them on lines of their own.
            let lines: Vec<_> = shuffled
                .iter()
                .map(|member| FieldLine { name: "accept-encoding", value: member.as_bytes() })
                .collect();
            prop_assert_eq!(accepted(&value), Accepted::of(RequestFields::new(&lines)), "{}", value);
        }

        #[test]
        fn what_is_chosen_is_available_acceptable_and_not_worse_than_another(
            value in "((gzip|br|zstd|identity|\\*)(;q=(0|0\\.[0-9]{1,3}|1))?,){0,6}",
            available in prop::sample::subsequence(Coding::ALL.to_vec(), 0..=4),
        ) {
            let accepted = accepted(&value);
            match accepted.choose(&available) {
                Some(chosen) => {
                    prop_assert!(available.contains(&chosen) && accepted.accepts(chosen));
                    prop_assert!(available.iter().all(|other| accepted.quality(*other) <= accepted.quality(chosen)));
                }
                None => prop_assert!(available.iter().all(|coding| !accepted.accepts(*coding))),
            }
        }
    }
}
