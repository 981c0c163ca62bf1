//! What a rule is for: a path with `:placeholders` and `*`, matched on decoded segments.
//!
//! Matching never goes back over what it has matched: what stands before the first `*`
//! is taken from the front, what stands behind the last one from the end, and what
//! stands between two is looked for once, from left to right. Captures are parts of a
//! [`SafePath`], so none of them has an empty or a dot segment.

use std::borrow::Cow;

use memchr::memmem;
use percent_encoding::percent_decode_str;

use crate::http::SafePath;

/// The name under which what a `*` stands for is used.
pub(super) const SPLAT: &str = "splat";

/// Longest pattern with several `*`: the product with the longest path bounds the work.
const SEVERAL_STARS_MAX: usize = 200;

/// Names and what they stand for in one request.
pub(super) type Captures<'a> = Vec<(&'a str, Cow<'a, [u8]>)>;

/// A pattern for paths. A slash at the end means nothing, in it and in the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    /// The segments up to the first `*`; the last of them is what stands in its segment.
    head: Vec<Piece>,
    rest: Option<Rest>,
}

/// What follows the first `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rest {
    /// Between the stars.
    middle: Vec<Vec<u8>>,
    /// Behind the last one; the first of them is what stands in its segment.
    tail: Vec<Piece>,
}

/// A segment, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(Vec<u8>),
    Named { prefix: Vec<u8>, name: String, suffix: Vec<u8> },
}

impl Piece {
    fn parse(raw: &str, names: &mut Vec<String>) -> Result<Piece, String> {
        let Some((start, end)) = find_placeholder(raw, 0) else { return Ok(Piece::Literal(decode(raw)?)) };
        if find_placeholder(raw, end).is_some() {
            return Err("two :placeholders stand in one segment: where one ends could not be told".into());
        }
        let name = raw[start + 1..end].to_owned();
        if names.contains(&name) {
            return Err(format!(":{name} stands there twice"));
        }
        names.push(name.clone());
        Ok(Piece::Named { prefix: unescape(&raw[..start])?, name, suffix: unescape(&raw[end..])? })
    }

    fn literal(&self) -> Option<&[u8]> {
        match self {
            Piece::Literal(literal) => Some(literal),
            Piece::Named { .. } => None,
        }
    }

    /// Matches a whole segment.
    fn take<'a>(&'a self, segment: &'a [u8], found: &mut Captures<'a>) -> Option<()> {
        match self {
            Piece::Literal(literal) => (literal == segment).then_some(()),
            Piece::Named { prefix, name, suffix } => {
                let value = segment.strip_prefix(&prefix[..])?.strip_suffix(&suffix[..])?;
                found.push((name, Cow::Borrowed(value)));
                (!value.is_empty()).then_some(())
            }
        }
    }
}

impl Pattern {
    /// Reads a pattern; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Pattern, String> {
        let path = text.strip_prefix('/').ok_or("a path begins with /")?;
        if path.contains(['?', '#']) {
            return Err("a rule is for a path, without ? and #".into());
        }
        // As in the paths of requests.
        let path = path.split_inclusive('/').filter(|part| *part != "/").collect::<String>();
        let mut names = Vec::new();
        let mut chunks = path.split('*');
        let first = chunks.next().unwrap_or_default();
        let mut chunks: Vec<&str> = chunks.collect();
        let Some(last) = chunks.pop() else {
            let segments = first.split('/').filter(|segment| !segment.is_empty());
            let head: Result<_, _> = segments.map(|raw| Piece::parse(raw, &mut names)).collect();
            return Ok(Pattern { head: head?, rest: None });
        };
        if !chunks.is_empty() && text.len() > SEVERAL_STARS_MAX {
            return Err(format!("with several * it has {SEVERAL_STARS_MAX} bytes at most"));
        }
        let head = pieces(first, &mut names)?;
        let tail = pieces(last.strip_suffix('/').unwrap_or(last), &mut names)?;
        let beside = |piece: Option<&Piece>| piece.is_none_or(|piece| piece.literal().is_none());
        if beside(head.last())
            || beside(tail.first())
            || chunks.iter().any(|c| find_placeholder(c, 0).is_some())
        {
            return Err("a :placeholder stands beside a *: where one ends could not be told".into());
        }
        if names.iter().any(|name| name == SPLAT) {
            return Err(":splat is the name of what * stands for".into());
        }
        let middle: Result<_, _> = chunks
            .into_iter()
            .map(|chunk| {
                chunk.split('/').map(decode).collect::<Result<Vec<_>, _>>().map(|parts| parts.join(&b'/'))
            })
            .collect();
        Ok(Pattern { head, rest: Some(Rest { middle: middle?, tail }) })
    }

    /// The one path that it is for, as [`SafePath::as_bytes`] has it.
    pub fn only_path(&self) -> Option<Vec<u8>> {
        let literals: Option<Vec<&[u8]>> = self.head.iter().map(Piece::literal).collect();
        literals.filter(|_| self.rest.is_none()).map(|segments| segments.join(&b'/'))
    }

    /// The names that a match captures something under.
    pub fn names(&self) -> Vec<&str> {
        let tail = self.rest.iter().flat_map(|rest| &rest.tail);
        let named = self.head.iter().chain(tail).filter_map(|piece| match piece {
            Piece::Named { name, .. } => Some(&name[..]),
            Piece::Literal(_) => None,
        });
        named.chain((self.stars() == 1).then_some(SPLAT)).collect()
    }

    /// How many `*` it has.
    pub fn stars(&self) -> usize {
        self.rest.as_ref().map_or(0, |rest| rest.middle.len() + 1)
    }

    /// Whether it ends with a `*`.
    pub fn ends_with_star(&self) -> bool {
        self.rest.as_ref().is_some_and(Rest::is_star_alone)
    }

    /// The captures, if the path is meant.
    pub fn matches<'a>(&'a self, path: &'a SafePath) -> Option<Captures<'a>> {
        let mut found = Vec::new();
        let Some(rest) = &self.rest else {
            let mut segments = path.segments();
            for piece in &self.head {
                piece.take(segments.next()?, &mut found)?;
            }
            return segments.next().is_none().then_some(found);
        };
        let (prefix, whole) = self.head.split_last()?;
        let prefix = prefix.literal()?;
        let mut left = path.as_bytes();
        for (index, piece) in whole.iter().enumerate() {
            let end = left.iter().position(|&b| b == b'/');
            piece.take(&left[..end.unwrap_or(left.len())], &mut found)?;
            left = match end {
                Some(end) => &left[end + 1..],
                // `/news/*` is for `/news`, too.
                None if index + 1 == whole.len() && prefix.is_empty() && rest.is_all() => &[],
                None => return None,
            };
        }
        left = rest.take_tail(left.strip_prefix(prefix)?, &mut found)?;
        if rest.middle.is_empty() {
            let slash = rest.is_star_alone() && path.has_trailing_slash() && !left.is_empty();
            let splat = if slash { [left, b"/"].concat().into() } else { Cow::Borrowed(left) };
            found.push((SPLAT, splat));
        }
        for part in rest.middle.iter().filter(|part| !part.is_empty()) {
            let at = memmem::find(left, part)?;
            left = &left[at + part.len()..];
        }
        Some(found)
    }
}

impl Rest {
    /// Whether it is one `*`, and nothing else.
    fn is_all(&self) -> bool {
        self.middle.is_empty() && self.is_star_alone()
    }

    fn is_star_alone(&self) -> bool {
        matches!(&self.tail[..], [Piece::Literal(literal)] if literal.is_empty())
    }

    /// Matches the tail at the end; gives what the stars are left with.
    fn take_tail<'a>(&'a self, mut left: &'a [u8], found: &mut Captures<'a>) -> Option<&'a [u8]> {
        let (suffix, whole) = self.tail.split_first()?;
        for piece in whole.iter().rev() {
            let slash = left.iter().rposition(|&b| b == b'/')?;
            piece.take(&left[slash + 1..], found)?;
            left = &left[..slash];
        }
        left.strip_suffix(suffix.literal()?)
    }
}

fn pieces(chunk: &str, names: &mut Vec<String>) -> Result<Vec<Piece>, String> {
    chunk.split('/').map(|raw| Piece::parse(raw, names)).collect()
}

/// The first `:name` from there on: a letter, then letters, digits and `_`.
pub(super) fn find_placeholder(text: &str, from: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let begins = |at: &usize| bytes[*at] == b':' && bytes.get(at + 1).is_some_and(u8::is_ascii_alphabetic);
    let start = (from..bytes.len()).find(begins)?;
    let is_part = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    let length = bytes[start + 1..].iter().take_while(|b| is_part(b)).count();
    Some((start, start + 1 + length))
}

/// A segment as a person writes it: encoded or not.
pub(super) fn decode(raw: &str) -> Result<Vec<u8>, String> {
    match &unescape(raw)?[..] {
        b"." | b".." => Err("no path has . or .. in it once a request has arrived".into()),
        decoded => Ok(decoded.to_vec()),
    }
}

/// A part of one.
pub(super) fn unescape(raw: &str) -> Result<Vec<u8>, String> {
    let mut rest = raw;
    while let Some((_, after)) = rest.split_once('%') {
        if !after.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
            return Err("a % has two hexadecimal digits behind it; write %25 for itself".into());
        }
        rest = after;
    }
    let decoded: Vec<u8> = percent_decode_str(raw).collect();
    match decoded.iter().any(|b| matches!(b, 0 | b'/')) {
        true => Err("%2F and %00 cannot be a part of a name".into()),
        false => Ok(decoded),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `name=value` for each capture; None if the path is not meant.
    fn captured(pattern: &str, path: &str) -> Option<String> {
        let (pattern, path) = (Pattern::parse(pattern).unwrap(), SafePath::parse(path).unwrap());
        let shown =
            |(name, value): (&str, Cow<'_, [u8]>)| format!("{name}={}", String::from_utf8_lossy(&value));
        pattern.matches(&path).map(|found| found.into_iter().map(shown).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn patterns_mean_paths() {
        for (pattern, path, expected) in [
            ("/", "/", Some("")),
            ("/", "/a", None),
            ("/a", "/a", Some("")),
            ("/a", "/a/", Some("")),
            ("/a/", "/a", Some("")),
            ("/a", "/A", None),
            ("/a", "/a/b", None),
            ("/a", "/x/../a", Some("")),
            ("/caf%C3%A9", "/caf\u{e9}", Some("")),
            ("/caf\u{e9}", "/caf%C3%A9", Some("")),
            ("/:a/:b", "/1/2", Some("a=1 b=2")),
            ("/:a/:b", "/1", None),
            ("/:a/:b", "/1/2/3", None),
            ("/news-:id.html", "/news-7.html", Some("id=7")),
            ("/news-:id.html", "/news-.html", None),
            ("/.:id.", "/.a.", Some("id=a")),
            ("/*", "/", Some("splat=")),
            ("/*", "/a/b/", Some("splat=a/b/")),
            ("/n/*", "/n", Some("splat=")),
            ("/n/*", "/n/", Some("splat=")),
            ("/n/*", "/n/a", Some("splat=a")),
            ("/n/*", "/news", None),
            ("/n*", "/news/a", Some("splat=ews/a")),
            ("/:x/y/*", "/1/y/2/3", Some("x=1 splat=2/3")),
            ("/*.js", "/a/b.js", Some("splat=a/b")),
            ("/*.js", "/a/b.json", None),
            ("/*/x/:id", "/a/b/x/7", Some("id=7 splat=a/b")),
            ("/a*a", "/a", None),
            ("/*/a/*", "/1/a/2", Some("")),
            ("/*b*c*", "/abc", Some("")),
            ("/*c*b*", "/abc", None),
            ("/**", "/abc", Some("")),
            ("/*/", "/a", Some("splat=a")),
        ] {
            assert_eq!(captured(pattern, path).as_deref(), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        let long = format!("/*{}*", "a".repeat(SEVERAL_STARS_MAX));
        for pattern in [
            "",
            "a",
            "/a?b",
            "/a#b",
            "/:a:b",
            "/:a-:b",
            "/:a/:a",
            "/:a*",
            "/*:a",
            "/*x/:a/y*",
            "/:splat/*",
            "/%",
            "/%zz",
            "/a%2Fb",
            "/%00",
            "/../a",
            "/./a",
            "/%2e%2e",
            &long,
        ] {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
        assert!(Pattern::parse("/:1/:/a:").is_ok(), "a colon is no placeholder by itself");
    }

    proptest! {
        #[test]
        fn stars_mean_what_they_mean_everywhere(pattern in "[ab/*]{0,8}", path in "[ab/]{0,10}") {
            let path = SafePath::parse(&format!("/{path}")).unwrap();
            let pattern = Pattern::parse(&format!("/{pattern}"));
            let pattern = pattern.unwrap();
            // The pattern written down again, as a glob over bytes.
            let mut glob: Vec<u8> = Vec::new();
            let join = |pieces: &[Piece]| pieces.iter().map(|p| p.literal().unwrap()).collect::<Vec<_>>().join(&b'/');
            glob.extend(join(&pattern.head));
            if let Some(rest) = &pattern.rest {
                for part in rest.middle.iter().chain([&join(&rest.tail)]) {
                    glob.push(b'*');
                    glob.extend(part);
                }
            }
            let bare = pattern.ends_with_star().then(|| glob.strip_suffix(b"/*")).flatten();
            let expected = model(&glob, path.as_bytes())
                || (pattern.stars() == 1 && bare.is_some_and(|bare| bare == path.as_bytes()));
            prop_assert_eq!(pattern.matches(&path).is_some(), expected, "{:?}", pattern);
        }
    }

    /// Slow, and obviously right.
    fn model(glob: &[u8], text: &[u8]) -> bool {
        match (glob, text) {
            ([], text) => text.is_empty(),
            ([b'*', rest @ ..], _) => (0..=text.len()).any(|at| model(rest, &text[at..])),
            ([g, glob @ ..], [t, text @ ..]) => g == t && model(glob, text),
            _ => false,
        }
    }
}
