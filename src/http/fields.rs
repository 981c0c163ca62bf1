//! Fields (RFC 9110 §5): borrowed ones of a request, checked ones of a response.

use std::fmt::{Display, Write};

use bytes::Bytes;

/// A field line of a request as `httparse` found it, borrowed from the input.
pub use httparse::Header as FieldLine;

/// The fields of a request, in the order of arrival.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestFields<'a> {
    lines: &'a [FieldLine<'a>],
    /// Which names there may be.
    names: Names,
}

/// A set of names of fields that may hold more than was put in, and never less. A request
/// is asked for two dozen fields that it mostly does not have: this answers at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Names(u64);

impl Names {
    /// The set of these names.
    pub const fn of(names: &[&str]) -> Names {
        let (mut set, mut at) = (Names(0), 0);
        while at < names.len() {
            set = set.with(names[at]);
            at += 1;
        }
        set
    }

    /// By length and first letter, which tell the usual names apart.
    const fn with(self, name: &str) -> Names {
        let first = if name.is_empty() { 0 } else { name.as_bytes()[0].to_ascii_lowercase() };
        Names(self.0 | 1 << ((name.len() * 5 + first as usize) % 64))
    }

    /// Whether a name of the one may be in the other.
    const fn may_meet(self, other: Names) -> bool {
        self.0 & other.0 != 0
    }
}

impl<'a> RequestFields<'a> {
    /// Wraps the field lines that a parser found.
    pub fn new(lines: &'a [FieldLine<'a>]) -> Self {
        let names = lines.iter().fold(Names::default(), |names, line| names.with(line.name));
        RequestFields { lines, names }
    }

    /// All values of a field, one for each line; names do not depend on case.
    pub fn all(self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let lines = if self.may_have(Names::of(&[name])) { self.lines } else { &[] };
        lines.iter().filter(move |line| line.name.eq_ignore_ascii_case(name)).map(|line| line.value)
    }

    /// Whether there may be a field of one of these names; if not, there is none.
    pub fn may_have(self, names: Names) -> bool {
        self.names.may_meet(names)
    }

    /// The first value of a field.
    pub fn first(self, name: &'a str) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    /// The value of a field that must stand alone: None when it is absent, and
    /// also when there are several, which no recipient can choose from.
    pub fn only(self, name: &'a str) -> Option<&'a [u8]> {
        let mut values = self.all(name);
        let first = values.next()?;
        values.next().is_none().then_some(first)
    }

    /// The members of a list-based field over all its lines (RFC 9110 §5.6.1):
    /// split at commas outside of quotes, without white space, empty ones dropped.
    pub fn members(self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.all(name).flat_map(|value| List { rest: value })
    }

    /// Every line.
    pub fn lines(self) -> &'a [FieldLine<'a>] {
        self.lines
    }
}

/// Splits one field value at its commas.
struct List<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for List<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while !self.rest.is_empty() {
            let mut quoted = false;
            let end = self.rest.iter().position(|&byte| {
                quoted ^= byte == b'"';
                byte == b',' && !quoted
            });
            let (member, rest) = match end {
                Some(at) => (&self.rest[..at], &self.rest[at + 1..]),
                None => (self.rest, &[][..]),
            };
            self.rest = rest;
            let member = member.trim_ascii();
            if !member.is_empty() {
                return Some(member);
            }
        }
        None
    }
}

/// Whether `name` is a token (RFC 9110 §5.6.2), as names of fields and methods are.
pub fn is_token(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|&b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// Fields that say how the message is framed or what the server found out; another
/// value would be a lie, and some lies desynchronise connections.
const NEVER_SET: &[&str] = &[
    "accept-ranges",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "date",
    "etag",
    "keep-alive",
    "last-modified",
    "location",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "vary",
];

/// Those of them that a client can do without.
const MAY_BE_REMOVED: &[&str] = &["etag", "last-modified"];

/// Whether the owner of a site may not have his say about a field: neither on the
/// command line nor in a file.
pub fn is_reserved(name: &str, removed: bool) -> bool {
    let among = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    among(NEVER_SET) && !(removed && among(MAY_BE_REMOVED))
}

/// Whether a response may carry `value`: visible ASCII, space and tab.
pub fn is_field_value(value: &[u8]) -> bool {
    value.iter().all(|&b| matches!(b, b'\t' | 0x20..=0x7e))
}

/// The fields of a response, rendered as they will stand on the wire.
///
/// Only what is a token, a colon and printable text ever gets in, so no input can
/// split a response (hazards R21). Instead of an error at each call, a refused
/// value makes the whole block invalid, and the encoder sends 500 in its place.
///
/// ```
/// use serve::http::fields::Fields;
/// let mut fields = Fields::default();
/// fields.push("Allow", "GET, HEAD");
/// assert_eq!(fields.as_bytes(), b"Allow: GET, HEAD\r\n");
/// fields.push("Location", "/\r\nSet-Cookie: a=b");
/// assert!(!fields.is_valid());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Fields {
    text: Text,
    refused: bool,
}

/// A block of fields, of its own or one that many responses have alike.
#[derive(Clone, Debug)]
enum Text {
    Own(String),
    /// Always UTF-8: it was a string.
    Shared(Bytes),
}

impl Text {
    fn own(&mut self) -> &mut String {
        loop {
            match self {
                Text::Own(text) => return text,
                Text::Shared(bytes) => *self = Text::Own(String::from_utf8_lossy(bytes).into_owned()),
            }
        }
    }
}

impl Default for Text {
    fn default() -> Self {
        Text::Own(String::new())
    }
}

impl Fields {
    /// An empty block with room for the fields of a usual response.
    pub fn new() -> Self {
        Fields { text: Text::Own(String::with_capacity(384)), refused: false }
    }

    /// Makes clones cheap, as long as nothing is changed in them.
    pub fn share(&mut self) {
        if let Text::Own(text) = &mut self.text {
            // With its owner, for else the first clone would have to allocate.
            self.text = Text::Shared(Bytes::from_owner(std::mem::take(text).into_bytes()));
        }
    }

    fn text(&self) -> &str {
        match &self.text {
            Text::Own(text) => text,
            Text::Shared(bytes) => std::str::from_utf8(bytes).unwrap_or_default(),
        }
    }

    fn text_mut(&mut self) -> &mut String {
        self.text.own()
    }

    /// Appends a field.
    pub fn push(&mut self, name: &str, value: impl Display) {
        let text = self.text_mut();
        let start = text.len();
        text.push_str(name);
        text.push_str(": ");
        let value_start = text.len();
        let written = write!(text, "{value}");
        let value_is_fine = is_field_value(&text.as_bytes()[value_start..]);
        if written.is_err() || !value_is_fine || !is_token(name.as_bytes()) {
            text.truncate(start);
            self.refused = true;
        } else {
            text.push_str("\r\n");
        }
    }

    /// Appends lines that are known when the program is written, without a look at them.
    pub fn push_block(&mut self, lines: &'static str) {
        debug_assert!(lines.ends_with("\r\n") && lines.is_ascii(), "not field lines: {lines:?}");
        self.text_mut().push_str(lines);
    }

    /// Adds a member to a list-based field (RFC 9110 §5.6.1), which stays one line: some
    /// caches read only the first `Vary`.
    pub fn push_member(&mut self, name: &str, member: &str) {
        let Some(list) = self.get(name).map(str::to_owned) else { return self.push(name, member) };
        let mut members = list.split(',').map(str::trim);
        if !members.any(|known| known == "*" || known.eq_ignore_ascii_case(member)) {
            self.remove(name);
            self.push(name, format_args!("{list}, {member}"));
        }
    }

    /// Removes every field of that name.
    pub fn remove(&mut self, name: &str) {
        if self.get(name).is_some() {
            self.text = Text::Own(self.lines().filter(|line| !is_named(line, name)).collect());
        }
    }

    /// The first value of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        let line = self.lines().find(|line| is_named(line, name))?;
        Some(line[name.len() + 1..].trim())
    }

    /// False once a name or a value was refused.
    pub fn is_valid(&self) -> bool {
        !self.refused
    }

    /// The block as on the wire, each line with its CR LF.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.text {
            Text::Own(text) => text.as_bytes(),
            Text::Shared(bytes) => bytes,
        }
    }

    fn lines(&self) -> impl Iterator<Item = &str> {
        self.text().split_inclusive("\r\n")
    }
}

fn is_named(line: &str, name: &str) -> bool {
    line.as_bytes().get(name.len()) == Some(&b':')
        && line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
        // A colon ends the name of a line: the one that was met may stand in its value.
        && !name.contains(':')
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn members(value: &str) -> Vec<String> {
        let line = [FieldLine { name: "L", value: value.as_bytes() }];
        RequestFields::new(&line).members("l").map(|m| String::from_utf8(m.to_vec()).unwrap()).collect()
    }

    #[test]
    fn lists_are_split_outside_of_quotes() {
        assert_eq!(members(r#""a,b" , W/"c",, ,*"#), [r#""a,b""#, r#"W/"c""#, "*"]);
        assert!(members(" , ,").is_empty());
    }

    #[test]
    fn what_is_shared_can_be_changed_and_the_others_stay() {
        let mut fields = Fields::new();
        fields.push("A", 1);
        fields.share();
        let mut other = fields.clone();
        other.push("B", 2);
        other.remove("A");
        assert_eq!((fields.as_bytes(), other.as_bytes()), (&b"A: 1\r\n"[..], &b"B: 2\r\n"[..]));
        assert_eq!(fields.get("a"), Some("1"));
    }

    #[test]
    fn a_field_that_must_stand_alone_is_not_chosen_from_two() {
        let lines = [
            FieldLine { name: "Range", value: b"bytes=0-1" },
            FieldLine { name: "range", value: b"bytes=2-3" },
        ];
        assert_eq!(RequestFields::new(&lines).only("Range"), None);
        assert_eq!(RequestFields::new(&lines[1..]).only("Range"), Some(&b"bytes=2-3"[..]));
    }

    #[test]
    fn names_are_found_and_removed_whatever_the_case() {
        let mut fields = Fields::new();
        fields.push("Cache-Control", "no-cache");
        fields.push("X", 1);
        fields.push("cache-control", "no-store");
        assert_eq!(fields.get("CACHE-CONTROL"), Some("no-cache"));
        fields.remove("Cache-control");
        assert_eq!(fields.as_bytes(), b"X: 1\r\n");
    }

    #[test]
    fn the_beginning_of_a_value_is_no_part_of_a_name() {
        let mut fields = Fields::new();
        fields.push("C", ": x");
        assert_eq!((fields.get("C: "), fields.get("C")), (None, Some(": x")));
        fields.remove("C: ");
        fields.push_member("C: ", "x");
        assert!(fields.get("C").is_some() && !fields.is_valid());
    }

    #[test]
    fn a_list_stays_one_line_without_doubles() {
        let mut fields = Fields::new();
        for member in ["Accept", "Origin", "accept", "Accept-Encoding"] {
            fields.push_member("Vary", member);
        }
        assert_eq!(fields.as_bytes(), b"Vary: Accept, Origin, Accept-Encoding\r\n");
        let mut fields = Fields::new();
        fields.push("vary", "*");
        fields.push_member("Vary", "Accept");
        assert_eq!(fields.as_bytes(), b"vary: *\r\n");
    }

    /// R21.
    #[test]
    fn every_byte_of_a_value_is_printable_or_refused() {
        for code in 0..=0x17f_u32 {
            let char = char::from_u32(code).unwrap();
            let mut fields = Fields::new();
            fields.push("A", char);
            assert_eq!(fields.is_valid(), char == '\t' || (' '..='~').contains(&char), "{code:#x}");
            assert_eq!(fields.as_bytes().is_empty(), !fields.is_valid());
        }
    }

    proptest! {
        #[test]
        fn a_field_that_is_there_is_found_whatever_the_case(names in prop::collection::vec("[a-zA-Z-]{1,9}", 0..9), wanted in 0..9_usize) {
            let lines: Vec<_> = names.iter().map(|name| FieldLine { name, value: b"x" }).collect();
            let fields = RequestFields::new(&lines);
            if let Some(name) = names.get(wanted) {
                prop_assert!(fields.first(&name.to_ascii_uppercase()).is_some());
                prop_assert!(fields.may_have(Names::of(&["none", &name.to_ascii_lowercase()])));
            }
            prop_assert!(fields.first("ten-letters").is_none());
        }

        /// R21.
        #[test]
        fn no_name_and_no_value_splits_the_block(name in "\\PC{0,8}|[\r\n: a]{0,8}", value in "(\\PC|[\r\n\0]){0,16}") {
            let mut fields = Fields::new();
            fields.push(&name, &value);
            let text = String::from_utf8(fields.as_bytes().to_vec()).unwrap();
            prop_assert!(text.matches('\n').count() <= 1);
            prop_assert_eq!(text.is_empty(), !fields.is_valid());
        }
    }
}
