//! The listing as data. Every name is in it, and it is safe to print: no control
//! character leaves it unescaped, not even to a terminal (hazards R46).

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use super::{Row, is_deceptive, push_href, timestamp};
use crate::http::SafePath;

/// What an entry takes beside its name and its link.
const ENTRY_BYTES: usize = 96;

#[derive(Serialize)]
struct Listing<'a> {
    path: String,
    truncated: bool,
    entries: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    name: Cow<'a, str>,
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    modified: Option<String>,
    href: String,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    File,
    Directory,
}

impl<'a> From<&&'a Row> for Entry<'a> {
    fn from(row: &&'a Row) -> Self {
        let mut href = String::with_capacity(row.name.len() + 3);
        push_href(&mut href, row);
        Entry {
            name: String::from_utf8_lossy(&row.name),
            kind: if row.is_directory { Kind::Directory } else { Kind::File },
            size: (!row.is_directory).then_some(row.len),
            modified: timestamp(row).map(|time| time.to_string()),
            href,
        }
    }
}

/// Compact JSON in which deceptive characters are escaped, which changes how it is
/// written but not what it means.
struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        // Nearly all is, and then no character needs a look of its own.
        if fragment.bytes().all(|byte| byte < 0x7f) {
            return out.write_all(fragment.as_bytes());
        }
        let mut written = 0;
        for (at, character) in fragment.char_indices().filter(|(_, c)| is_deceptive(*c)) {
            out.write_all(&fragment.as_bytes()[written..at])?;
            // None of them is beyond four digits.
            write!(out, "\\u{:04x}", u32::from(character))?;
            written = at + character.len_utf8();
        }
        out.write_all(&fragment.as_bytes()[written..])
    }
}

/// The data, as the module above describes it, and a line end.
pub(super) fn render(path: &SafePath, rows: &[&Row], truncated: bool) -> Vec<u8> {
    let mut shown = String::from("/");
    for segment in path.segments() {
        shown.push_str(&String::from_utf8_lossy(segment));
        shown.push('/');
    }
    let listing = Listing { path: shown, truncated, entries: rows.iter().map(Entry::from).collect() };
    let names: usize = rows.iter().map(|row| 2 * row.name.len()).sum();
    let mut out = Vec::with_capacity(ENTRY_BYTES * (rows.len() + 1) + names);
    // Writing to memory does not fail, and all keys are strings: there is no error to report.
    let _ = listing.serialize(&mut Serializer::with_formatter(&mut out, Harmless));
    out.push(b'\n');
    out
}
