//! HTML as tags and text, as far as a reader of the text needs it: where tags begin and end is
//! as in browsers (WHATWG HTML, 13.2.5), all else is left out.
//!
//! Nothing depends on its being right in each corner: what it calls text is escaped by whoever
//! writes it.

use pulldown_cmark::{Event, Parser};

/// A piece of HTML.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Between tags, with its character references as they are.
    Text(&'a str),
    /// `<name …>`.
    Start {
        /// In small letters.
        name: String,
        /// `<name … />`.
        closes_itself: bool,
        /// The value of the attribute `alt`.
        alt: Option<&'a str>,
    },
    /// `</name>`.
    End {
        /// In small letters.
        name: String,
    },
    /// A comment, a declaration: nothing that is seen.
    Other,
}

/// Elements within which there are no tags but their own end, and no comments. (A script in a
/// comment in a script hides the end of the outer one from browsers; that is not followed.)
const RAW: &[&str] = &["iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp"];

/// The pieces, in order. What the end of the text cuts off is none.
pub(super) fn pieces(html: &str) -> Pieces<'_> {
    Pieces { rest: html, raw: None }
}

/// See [`pieces`].
pub(super) struct Pieces<'a> {
    rest: &'a str,
    /// The element that was begun, if there are no tags in it.
    raw: Option<String>,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let text = match self.raw.take() {
            Some(name) => end_of_raw(self.rest, &name),
            None => next_markup(self.rest),
        };
        if text > 0 {
            return Some(Piece::Text(self.take(text)));
        }
        self.markup()
    }
}

impl<'a> Pieces<'a> {
    fn take(&mut self, len: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(len);
        self.rest = rest;
        taken
    }

    /// What begins with `<` here; nothing if it does not end.
    fn markup(&mut self) -> Option<Piece<'a>> {
        let rest = self.rest;
        if let Some(comment) = rest.strip_prefix("<!--") {
            self.take(end_of_comment(comment).map_or(rest.len(), |len| "<!--".len() + len));
            return Some(Piece::Other);
        }
        let (is_end, inner) = match rest.strip_prefix("</") {
            Some(inner) => (true, inner),
            None => (false, &rest[1..]),
        };
        if !inner.starts_with(|c: char| c.is_ascii_alphabetic()) {
            self.take(rest.find('>').map_or(rest.len(), |at| at + 1));
            return Some(Piece::Other);
        }
        let name_len =
            inner.find(|c: char| c.is_ascii_whitespace() || c == '/' || c == '>').unwrap_or(inner.len());
        let name = inner[..name_len].to_ascii_lowercase();
        let Some(Attributes { len, closes_itself, alt }) = attributes(&inner[name_len..]) else {
            // The text ends within the tag: then it is none.
            self.rest = "";
            return None;
        };
        self.take(rest.len() - inner.len() + name_len + len);
        if is_end {
            return Some(Piece::End { name });
        }
        self.raw = RAW.contains(&&*name).then(|| name.clone());
        Some(Piece::Start { name, closes_itself, alt })
    }
}

/// Where a comment ends, behind its `<!--`. Looks at nothing behind that: else many comments
/// would take time by the square of their number.
fn end_of_comment(comment: &str) -> Option<usize> {
    // `<!-->` and `<!--->` are whole comments.
    let is_end =
        |before: &str| matches!(before, "" | "-") || before.ends_with("--") || before.ends_with("--!");
    comment.match_indices('>').map(|(at, _)| at).find(|at| is_end(&comment[..*at])).map(|at| at + 1)
}

/// Where the first markup begins; a `<` before anything else is text.
fn next_markup(html: &str) -> usize {
    let is_markup = |at: usize| {
        let next = html.as_bytes().get(at + 1).copied().unwrap_or_default();
        let after = html.as_bytes().get(at + 2).copied().unwrap_or_default();
        matches!(next, b'!' | b'?') || next.is_ascii_alphabetic() || next == b'/' && after != 0
    };
    html.match_indices('<').map(|(at, _)| at).find(|at| is_markup(*at)).unwrap_or(html.len())
}

/// Where the end tag of this element is.
fn end_of_raw(html: &str, name: &str) -> usize {
    let is_end = |at: usize| {
        let tag = html.as_bytes().get(at + 2..).unwrap_or_default();
        tag.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
            && tag
                .get(name.len())
                .is_some_and(|&next| next.is_ascii_whitespace() || matches!(next, b'/' | b'>'))
    };
    html.match_indices("</").map(|(at, _)| at).find(|at| is_end(*at)).unwrap_or(html.len())
}

/// What stands behind the name of a tag.
struct Attributes<'a> {
    /// Up to the end of the tag.
    len: usize,
    closes_itself: bool,
    alt: Option<&'a str>,
}

/// The attributes of a tag, with its `>`; None if there is no such.
fn attributes(text: &str) -> Option<Attributes<'_>> {
    let bytes = text.as_bytes();
    let is_space = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_whitespace);
    let (mut at, mut alt, mut closes_itself) = (0, None, false);
    loop {
        match bytes.get(at)? {
            b'>' => return Some(Attributes { len: at + 1, closes_itself, alt }),
            b'/' => (closes_itself, at) = (bytes.get(at + 1) == Some(&b'>'), at + 1),
            byte if byte.is_ascii_whitespace() => at += 1,
            _ => {
                let start = at;
                // A `=` at the start is a part of the name.
                at += 1;
                while bytes
                    .get(at)
                    .is_some_and(|&b| !b.is_ascii_whitespace() && !matches!(b, b'=' | b'>' | b'/'))
                {
                    at += 1;
                }
                let is_alt = bytes[start..at].eq_ignore_ascii_case(b"alt");
                let mut after = at;
                while is_space(after) {
                    after += 1;
                }
                if bytes.get(after) == Some(&b'=') {
                    let (value, end) = value(text, after + 1)?;
                    at = end;
                    if is_alt && alt.is_none() {
                        alt = Some(value);
                    }
                } else if is_alt && alt.is_none() {
                    alt = Some("");
                }
            }
        }
    }
}

/// The value that begins at or behind `at`, and where it ends.
fn value(text: &str, mut at: usize) -> Option<(&str, usize)> {
    let bytes = text.as_bytes();
    while bytes.get(at)?.is_ascii_whitespace() {
        at += 1;
    }
    let quote = bytes[at];
    if matches!(quote, b'"' | b'\'') {
        let len = text[at + 1..].find(char::from(quote))?;
        return Some((&text[at + 1..at + 1 + len], at + len + 2));
    }
    let len = text[at..].find(|c: char| c.is_ascii_whitespace() || c == '>')?;
    Some((&text[at..at + len], at + len))
}

/// Longest reference that is looked for: `CounterClockwiseContourIntegral;`.
const REFERENCE_MAX: usize = 32;

/// Text with its character references resolved; those that are not known stay as they are.
pub(super) fn resolved(text: &str) -> String {
    let mut resolved = String::with_capacity(text.len());
    let mut parts = text.split('&');
    resolved.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let end = part.bytes().take(REFERENCE_MAX).position(|byte| byte == b';');
        match end.and_then(|end| Some((character(&part[..end])?, &part[end + 1..]))) {
            Some((character, rest)) => resolved.extend([&*character, rest]),
            None => resolved.extend(["&", part]),
        }
    }
    resolved
}

/// `amp`, `#38` or `#x26`.
fn character(name: &str) -> Option<String> {
    let Some(number) = name.strip_prefix('#') else { return named(name) };
    let number = match number.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => number.parse(),
    };
    let character = number.ok().filter(|number| *number != 0).and_then(char::from_u32);
    Some(character.unwrap_or(char::REPLACEMENT_CHARACTER).to_string())
}

/// The table of all names is that of Markdown, in which they mean the same.
fn named(name: &str) -> Option<String> {
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let reference = format!("&{name};");
    let text = Parser::new(&reference).find_map(|event| match event {
        Event::Text(text) => Some(text.into_string()),
        _ => None,
    });
    // What is no reference is text as it is, in one piece or several.
    text.filter(|text| !text.starts_with('&') || name == "amp" || name == "AMP")
}

#[cfg(test)]
#[path = "tags_tests.rs"]
mod tests;
