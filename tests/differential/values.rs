//! The values that conditions and Accept-Encoding are made of, and what they mean.

use std::cmp::Ordering::{self, Equal, Greater, Less};

use super::differences::Difference;

/// What may stand in a list of entity tags. `OWN` stands for the server's own tag of the
/// file, `CODED` for that of its coded form.
#[derive(Debug)]
pub struct Tag {
    pub text: &'static str,
    pub means: Means,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    Own {
        coded: bool,
        weak: bool,
    },
    /// Any, if it stands alone.
    Star,
    /// Another tag, or none.
    Other,
    /// A quote that opens, and swallows what follows.
    Open,
}

const fn tag(text: &'static str, means: Means) -> Tag {
    Tag { text, means }
}

pub const TAGS: [Tag; 20] = [
    tag("OWN", Means::Own { coded: false, weak: false }),
    tag("W/OWN", Means::Own { coded: false, weak: true }),
    tag("CODED", Means::Own { coded: true, weak: false }),
    tag("W/CODED", Means::Own { coded: true, weak: true }),
    tag("*", Means::Star),
    tag("\"x\"", Means::Other),
    tag("W/\"x\"", Means::Other),
    tag("\"\"", Means::Other),
    tag("\"a,b\"", Means::Other),
    tag("\"\\\"", Means::Other),
    tag("\"*\"", Means::Other),
    tag("\"\u{fc}\"", Means::Other),
    tag("OWNx", Means::Other),
    tag("xOWN", Means::Other),
    tag("w/OWN", Means::Other),
    tag("W/W/OWN", Means::Other),
    tag("W/", Means::Other),
    tag("'x'", Means::Other),
    tag("", Means::Other),
    tag("\"x", Means::Open),
];

/// A value of a field that holds a date, and when that is: before or after the file was
/// modified, or in that second.
#[derive(Debug)]
pub struct Date {
    pub text: &'static str,
    /// None for what nobody reads as a date.
    pub when: Option<Ordering>,
    pub kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One of the three formats of §5.6.7.
    Valid,
    /// So is this, with a leap second.
    LeapSecond,
    /// It looks like one, and is none.
    Sloppy,
    Nonsense,
}

const fn date(text: &'static str, when: Ordering, kind: Kind) -> Date {
    Date { text, when: Some(when), kind }
}

const fn no_date(text: &'static str) -> Date {
    Date { text, when: None, kind: Kind::Nonsense }
}

pub const DATES: [Date; 37] = [
    date("Sun, 06 Nov 1994 08:49:37 GMT", Equal, Kind::Valid),
    date("Sunday, 06-Nov-94 08:49:37 GMT", Equal, Kind::Valid),
    date("Sun Nov  6 08:49:37 1994", Equal, Kind::Valid),
    date("Sun, 06 Nov 1994 08:49:36 GMT", Less, Kind::Valid),
    date("Saturday, 05-Nov-94 08:49:37 GMT", Less, Kind::Valid),
    date("Sun Nov  6 08:49:36 1994", Less, Kind::Valid),
    date("Thu, 01 Jan 1970 00:00:00 GMT", Less, Kind::Valid),
    // They are dates, though no file here is so old.
    date("Fri, 31 Dec 1965 23:59:59 GMT", Less, Kind::Valid),
    date("Wed Dec 31 23:59:59 1969", Less, Kind::Valid),
    date("Sun, 06 Nov 1994 08:49:38 GMT", Greater, Kind::Valid),
    date("Monday, 07-Nov-94 08:49:37 GMT", Greater, Kind::Valid),
    date("Sun Nov  6 08:49:38 1994", Greater, Kind::Valid),
    date("Sun Nov 13 08:49:37 1994", Greater, Kind::Valid),
    date("Tuesday, 01-Jan-30 00:00:00 GMT", Greater, Kind::Valid),
    date("Fri, 31 Dec 9999 23:59:59 GMT", Greater, Kind::Valid),
    date("Thu, 30 Jun 1994 23:59:60 GMT", Less, Kind::LeapSecond),
    date("Thu Jun 30 23:59:60 1994", Less, Kind::LeapSecond),
    date("Saturday, 31-Dec-16 23:59:60 GMT", Greater, Kind::LeapSecond),
    date("Sat, 31 Dec 2016 23:59:60 GMT", Greater, Kind::LeapSecond),
    date("Sun, 06 Nov 1994 08:49:37", Equal, Kind::Sloppy),
    date("Sun, 06 Nov 1994 08:49:37 +0100", Equal, Kind::Sloppy),
    date("sun, 06 Nov 1994 08:49:37 gmt", Equal, Kind::Sloppy),
    date("Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT", Equal, Kind::Sloppy),
    // It was a Sunday.
    date("Sat, 06 Nov 1994 08:49:37 GMT", Equal, Kind::Sloppy),
    date("Sun, 06 Nov 1994 08:49:36 UTC", Less, Kind::Sloppy),
    date("Tue, 06 Foo 1994 08:49:37 GMT", Less, Kind::Sloppy),
    date("Sat, 06-Nov-95 08:49:37 GMT", Greater, Kind::Sloppy),
    no_date(""),
    no_date("0"),
    no_date("784111777"),
    no_date("yesterday"),
    no_date("1994-11-06T08:49:37Z"),
    no_date("Sun, 32 Nov 1994 08:49:37 GMT"),
    no_date("Wed, 29 Feb 1995 08:49:37 GMT"),
    no_date("Sun, 06 Nov 1994 24:00:00 GMT"),
    no_date("Sun, 6 Nov 1994 08:49:37 GMT"),
    no_date("Sun, 06 Nov 94"),
];

/// Lines of Accept-Encoding.
#[derive(Debug)]
pub struct Codings {
    pub lines: &'static [&'static str],
    /// The client wants gzip, where there is a choice.
    pub gzip: bool,
    /// It takes what is not coded.
    pub identity: bool,
    /// The difference by which nginx wants the opposite.
    pub otherwise: Option<Difference>,
}

const fn wants(gzip: bool, lines: &'static [&'static str]) -> Codings {
    Codings { lines, gzip, identity: true, otherwise: None }
}

const fn refuses_identity(gzip: bool, lines: &'static [&'static str]) -> Codings {
    Codings { lines, gzip, identity: false, otherwise: None }
}

const fn but(otherwise: Difference, codings: Codings) -> Codings {
    Codings { otherwise: Some(otherwise), ..codings }
}

pub const CODINGS: [Codings; 33] = [
    wants(true, &["gzip"]),
    wants(true, &["gzip, deflate, br, zstd"]),
    wants(true, &["GZIP"]),
    wants(true, &["deflate , gzip;q=0.5"]),
    wants(true, &["gzip;q=0.001"]),
    wants(true, &["br;q=1.0, gzip; Q=0.8, *;q=0.1"]),
    wants(true, &["gzip;q=0.5, identity;q=0.5"]),
    wants(true, &["gzip", "br"]),
    wants(false, &[""]),
    wants(false, &["br"]),
    wants(false, &["identity"]),
    wants(false, &["deflate, compress"]),
    wants(false, &["gzip;q=0"]),
    wants(false, &["gzip; q=0.000, br"]),
    wants(false, &["gzip;q=1.001"]),
    wants(false, &["gzip;level=9"]),
    wants(false, &["gzippy"]),
    wants(false, &["gzip gzip"]),
    wants(false, &["identity;q=1, *;q=0.5"]),
    refuses_identity(true, &["gzip, identity;q=0"]),
    refuses_identity(true, &["gzip;q=0.1, *;q=0"]),
    refuses_identity(false, &["identity;q=0"]),
    refuses_identity(false, &["*;q=0"]),
    refuses_identity(false, &["br, *;q=0"]),
    but(Difference::OtherNames, wants(true, &["*"])),
    but(Difference::OtherNames, wants(true, &["x-gzip"])),
    but(Difference::OtherNames, wants(true, &["identity;q=0.1, *;q=0.5"])),
    but(Difference::OtherNames, refuses_identity(true, &["*, identity;q=0"])),
    but(Difference::Preference, wants(false, &["identity, gzip;q=0.5"])),
    but(Difference::Preference, wants(false, &["gzip;q=0.2, identity;q=0.3"])),
    but(Difference::OddWeights, wants(false, &["gzip, gzip;q=0"])),
    but(Difference::OddWeights, wants(true, &["gzip\t;q=1"])),
    but(Difference::FirstCodings, wants(true, &["br", "gzip"])),
];
