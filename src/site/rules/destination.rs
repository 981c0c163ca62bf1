//! Where a rule leads: a path of this site, or an address that the owner wrote.
//!
//! What a request brought gets in between texts that are here already, and never in
//! front of the path: of an address, scheme and host are the owner's own; a path is
//! made by [`SafePath`], so its Location begins with exactly one `/` (hazards R41).

use std::borrow::Cow;

use super::pattern::{self, Captures, find_placeholder};
use crate::http::SafePath;
use crate::http::host::Authority;
use crate::http::target::{encode_query, encode_segment};

/// Longest address that captures are filled into, and how much of them all fields of a response
/// may have. Nobody has to take a longer address (RFC 9110 §4.1), and it has to end somewhere:
/// where a capture stands several times, each hop of a redirect multiplies what the one before
/// had made.
pub(super) const FILLED_MAX: usize = 8 * 1024;

/// The right side of a redirect rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Destination {
    /// `https://example.org`; None is this site.
    origin: Option<String>,
    /// Of this site decoded, of others as it stands in an address.
    path: Vec<Part>,
    /// As they stand in an address.
    query: Option<Vec<Part>>,
    fragment: Option<Vec<Part>>,
}

/// Text, or the name of a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Vec<u8>),
    Captured(String),
}

/// Why captures cannot be filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// It gives no path.
    NoPath,
    /// It gives more than [`FILLED_MAX`].
    TooLong,
}

/// A destination with its captures filled in.
pub(super) struct Filled {
    /// The path, if it is one of this site.
    pub path: Option<SafePath>,
    /// The query that the rule asks for.
    pub query: Option<String>,
    address: String,
    fragment: String,
}

impl Filled {
    /// The value of Location. `query` is for a rule that asks for none itself.
    pub fn location(&self, query: Option<&str>) -> String {
        let mut location = self.address.clone();
        match (&self.query, query) {
            (Some(own), _) => location.extend(["?", own]),
            (None, Some(query)) => {
                location.push('?');
                location.extend(encode_query(query));
            }
            (None, None) => {}
        }
        location + &self.fragment
    }
}

impl Destination {
    /// Reads a destination; `names` are those of the pattern's captures.
    pub fn parse(text: &str, names: &[&str]) -> Result<Destination, String> {
        let (rest, fragment) = cut(text, '#');
        let (rest, query) = cut(rest, '?');
        let (origin, path) = origin(rest, names)?;
        let raw = |text: &str| parts(text, names, |text| Ok(encode_query(text).to_string().into_bytes()));
        let path = if origin.is_some() {
            raw(if path.is_empty() { "/" } else { path })?
        } else {
            path.split('/').try_for_each(|segment| pattern::decode(segment).map(drop))?;
            parts(path, names, unescape_path)?
        };
        let query = query.map(raw).transpose()?;
        Ok(Destination { origin, path, query, fragment: fragment.map(raw).transpose()? })
    }

    /// Whether it is a path of this site.
    pub fn is_here(&self) -> bool {
        self.origin.is_none()
    }

    /// Fills the captures in.
    pub fn fill(&self, captures: &Captures<'_>) -> Result<Filled, Unfit> {
        let optional =
            |parts: &Option<Vec<Part>>| parts.as_ref().map(|parts| encoded(parts, captures)).transpose();
        let (query, fragment) = (optional(&self.query)?, optional(&self.fragment)?);
        let (path, address) = match &self.origin {
            Some(origin) => (None, format!("{origin}{}", encoded(&self.path, captures)?)),
            None => {
                let mut path = Vec::new();
                for part in &self.path {
                    path.extend_from_slice(match part {
                        Part::Text(text) => text,
                        Part::Captured(name) => value_of(captures, name),
                    });
                    is_short(path.len())?;
                }
                let path = SafePath::from_decoded(&path).ok_or(Unfit::NoPath)?;
                let address = path.to_location();
                is_short(address.len())?;
                (Some(path), address)
            }
        };
        let fragment = fragment.map(|fragment| format!("#{fragment}")).unwrap_or_default();
        Ok(Filled { path, query, address, fragment })
    }
}

/// Whether somebody may be given so much, of which captures are a part.
pub(super) fn is_short(length: usize) -> Result<(), Unfit> {
    if length <= FILLED_MAX { Ok(()) } else { Err(Unfit::TooLong) }
}

fn cut(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}

/// Takes scheme and host off.
fn origin<'a>(text: &'a str, names: &[&str]) -> Result<(Option<String>, &'a str), String> {
    if text.starts_with("//") {
        return Err("an address of another site begins with https:// or http://".into());
    }
    if text.starts_with('/') {
        return Ok((None, text));
    }
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    if !["http", "https"].iter().any(|known| known.eq_ignore_ascii_case(scheme)) {
        return Err("a destination begins with /, https:// or http://".into());
    }
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let is_captured = |(start, end): (usize, usize)| names.contains(&&authority[start + 1..end]);
    if find_placeholder(authority, 0).is_some_and(is_captured) {
        return Err("what a request brings cannot be a part of the host that it is sent to".into());
    }
    match Authority::parse(authority) {
        Some(_) => Ok((Some(format!("{scheme}://{authority}")), path)),
        None => Err("this is not a host".into()),
    }
}

fn parts(
    text: &str,
    names: &[&str],
    literal: impl Fn(&str) -> Result<Vec<u8>, String>,
) -> Result<Vec<Part>, String> {
    let (mut parts, mut begin, mut from) = (Vec::new(), 0, 0);
    while let Some((start, end)) = find_placeholder(text, from) {
        // A name that nothing was captured under is text, as in `/wiki/Help:Contents`.
        if names.contains(&&text[start + 1..end]) {
            parts.push(Part::Text(literal(&text[begin..start])?));
            parts.push(Part::Captured(text[start + 1..end].to_owned()));
            begin = end;
        }
        from = end;
    }
    parts.push(Part::Text(literal(&text[begin..])?));
    Ok(parts)
}

/// Decoded, segment by segment: an encoded slash is no slash.
fn unescape_path(text: &str) -> Result<Vec<u8>, String> {
    Ok(text.split('/').map(pattern::unescape).collect::<Result<Vec<_>, _>>()?.join(&b'/'))
}

fn value_of<'a>(captures: &'a Captures<'_>, name: &str) -> &'a [u8] {
    captures.iter().find(|(known, _)| *known == name).map(|(_, value)| &value[..]).unwrap_or_default()
}

/// A part of an address. A capture cannot climb in the owner's path either, nor make it long.
fn encoded(parts: &[Part], captures: &Captures<'_>) -> Result<String, Unfit> {
    let mut text = String::new();
    for part in parts {
        let part = match part {
            // Encoded when it was read, so it is ASCII.
            Part::Text(literal) => std::str::from_utf8(literal).ok().map(Cow::Borrowed),
            Part::Captured(name) => encode_capture(value_of(captures, name)).map(Cow::Owned),
        };
        text.push_str(&part.ok_or(Unfit::NoPath)?);
        is_short(text.len())?;
    }
    Ok(text)
}

/// A capture as it may stand in an address or in a field: no byte of it means anything
/// there, but the slashes between its segments. None if a segment is `.` or `..`.
pub(super) fn encode_capture(value: &[u8]) -> Option<String> {
    let mut text = String::new();
    for (index, segment) in value.split(|&b| b == b'/').enumerate() {
        if matches!(segment, b"." | b"..") {
            return None;
        }
        if index > 0 {
            text.push('/');
        }
        text.extend(encode_segment(segment));
    }
    Some(text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn filled(text: &str, captures: &[(&'static str, &'static [u8])], query: Option<&str>) -> Option<String> {
        let names: Vec<&str> = captures.iter().map(|(name, _)| *name).collect();
        let destination = Destination::parse(text, &names).unwrap();
        let captures = captures.iter().map(|&(name, value)| (name, value.into())).collect();
        destination.fill(&captures).ok().map(|filled| filled.location(query))
    }

    #[test]
    fn captures_stand_where_the_owner_put_them_and_mean_nothing_there() {
        for (text, value, location) in [
            ("/b/:splat", &b"x/y"[..], Some("/b/x/y")),
            ("/b/:splat", b"x/", Some("/b/x/")),
            ("/:splat", b"//evil.example/x", Some("/evil.example/x")),
            ("/:splat", b"\\evil.example", Some("/%5Cevil.example")),
            ("/b/:splat", b"\r\nX: y", Some("/b/%0D%0AX%3A%20y")),
            ("/b/:splat", b"../x", None),
            ("/b/:splat", b"\0", None),
            ("/.:splat", b".", None),
            ("/b?q=:splat", b"a&b=c#d", Some("/b?q=a%26b=c%23d")),
            ("/b#:splat", b"\"", Some("/b#%22")),
            ("https://e.example/:splat", b"@evil.example", Some("https://e.example/@evil.example")),
            ("https://e.example/:splat", b"\\\r\n", Some("https://e.example/%5C%0D%0A")),
            ("https://e.example/a/:splat", b"../..", None),
            ("HTTPS://e.example:81", b"", Some("HTTPS://e.example:81/")),
            ("https://e.example?:splat", b"x", None),
        ] {
            if let Some(location) = location {
                assert_eq!(filled(text, &[("splat", value)], None).as_deref(), Some(location), "{text}");
            } else if Destination::parse(text, &["splat"]).is_ok() {
                let filled = filled(text, &[("splat", value)], None);
                assert!(filled.is_none() || text.contains('?'), "{text} {filled:?}");
            }
        }
    }

    #[test]
    fn what_is_longer_than_anybody_has_to_take_is_not_filled_in() {
        let value: &[u8] = &[b'a'; FILLED_MAX / 2];
        for front in ["/", "https://e.example/", "/b?", "/b#"] {
            let of = |captures: &str| filled(&format!("{front}{captures}"), &[("splat", value)], None);
            assert!(of(":splat").is_some(), "{front}");
            assert_eq!(of(":splat.:splat"), None, "{front}");
        }
        // Encoded it is three times as long.
        let value: &[u8] = &[b' '; FILLED_MAX / 2];
        assert_eq!(filled("/:splat", &[("splat", value)], None), None);
    }

    #[test]
    fn names_that_capture_nothing_are_text() {
        assert_eq!(filled("/wiki/Help:Contents", &[], None).as_deref(), Some("/wiki/Help%3AContents"));
        assert_eq!(filled("/:splatter", &[("splat", b"x")], None).as_deref(), Some("/%3Asplatter"));
        assert_eq!(filled("https://e.example/a:b", &[], None).as_deref(), Some("https://e.example/a:b"));
    }

    #[test]
    fn a_query_of_the_owner_stands_for_that_of_the_request() {
        for (text, query, location) in [
            ("/b", Some("a=1&b"), "/b?a=1&b"),
            ("/b", Some("<\\>"), "/b?%3C%5C%3E"),
            ("/b?c", Some("a"), "/b?c"),
            ("/b?", Some("a"), "/b?"),
            ("/b#f", Some("a"), "/b?a#f"),
            ("/caf\u{e9}?\u{e9}", None, "/caf%C3%A9?%C3%A9"),
        ] {
            assert_eq!(filled(text, &[], query).as_deref(), Some(location));
        }
    }

    #[test]
    fn what_leads_nowhere_or_anywhere_is_refused() {
        for text in [
            "b",
            "",
            "//e.example/",
            "mailto:a@e.example",
            "javascript:alert(1)",
            "https://",
            "https:///a",
            "https://:splat/",
            "https://e.example:splat",
            "https://:splat.e.example/a",
            "https://a@e.example/",
            "https://e.example\\a",
            "/a/../b",
            "/%2e%2e",
            "/a%2fb",
            "/%",
            "https://e.example :80/",
        ] {
            assert!(Destination::parse(text, &["splat"]).is_err(), "{text}");
        }
    }
}
