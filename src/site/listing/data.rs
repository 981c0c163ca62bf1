//! The listing as data: JSON in one piece or in lines, CSV, and names alone. Every name is
//! in it, and it is safe to print: no control character leaves it as it is, not even to a
//! terminal (hazards R46).

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use super::shown::push_plain;
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
    kind: EntryType,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    modified: Option<String>,
    href: String,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum EntryType {
    File,
    Directory,
}

impl<'a> From<&&'a Row> for Entry<'a> {
    fn from(row: &&'a Row) -> Self {
        let mut href = String::with_capacity(row.name.len() + 3);
        push_href(&mut href, row);
        Entry {
            name: String::from_utf8_lossy(&row.name),
            kind: if row.is_directory { EntryType::Directory } else { EntryType::File },
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

/// What a value takes, roughly, so that memory is asked for once.
fn capacity(rows: &[&Row]) -> usize {
    let names: usize = rows.iter().map(|row| 2 * row.name.len()).sum();
    ENTRY_BYTES * (rows.len() + 1) + names
}

/// Writing to memory does not fail, and all keys are strings: there is no error to report.
fn push_json(out: &mut Vec<u8>, value: &impl Serialize) {
    let _ = value.serialize(&mut Serializer::with_formatter(&mut *out, Harmless));
    out.push(b'\n');
}

/// One value, as the module above describes it, and a line end.
pub(super) fn json(path: &SafePath, rows: &[&Row], truncated: bool) -> Vec<u8> {
    let mut shown = String::from("/");
    for segment in path.segments() {
        shown.push_str(&String::from_utf8_lossy(segment));
        shown.push('/');
    }
    let listing = Listing { path: shown, truncated, entries: rows.iter().map(Entry::from).collect() };
    let mut out = Vec::with_capacity(capacity(rows));
    push_json(&mut out, &listing);
    out
}

/// The same entries, a line each; a last line says that there are more.
pub(super) fn ndjson(rows: &[&Row], truncated: bool) -> Vec<u8> {
    #[derive(Serialize)]
    struct More {
        truncated: bool,
    }
    let mut out = Vec::with_capacity(capacity(rows));
    for row in rows {
        push_json(&mut out, &Entry::from(row));
    }
    if truncated {
        push_json(&mut out, &More { truncated });
    }
    out
}

/// The same fields as a table with a head (RFC 4180). What could steer a terminal is shown
/// as on the page, and what a spreadsheet would take for a formula gets an apostrophe;
/// `href` is exact. There is no place for a remark in it, so one row more says that there is
/// more: its type is `truncated`.
pub(super) fn csv(rows: &[&Row], truncated: bool) -> Vec<u8> {
    let mut out = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .flexible(false)
        .from_writer(Vec::with_capacity(capacity(rows)));
    // Writing to memory does not fail, and all records have five fields.
    let _ = out.write_record(["name", "type", "size", "modified", "href"]);
    for row in rows {
        let entry = Entry::from(row);
        let mut name = String::new();
        if entry.name.starts_with(['=', '+', '-', '@']) {
            name.push('\'');
        }
        push_plain(&mut name, &row.name);
        let kind = match entry.kind {
            EntryType::File => "file",
            EntryType::Directory => "directory",
        };
        let size = entry.size.map(|size| size.to_string()).unwrap_or_default();
        let _ = out.write_record([&name, kind, &size, &entry.modified.unwrap_or_default(), &entry.href]);
    }
    if truncated {
        let _ = out.write_record(["", "truncated", "", "", ""]);
    }
    out.into_inner().unwrap_or_default()
}

/// Names alone, a line each, for reading and for `grep`: folders with a slash, and what
/// could steer a terminal shown as on the page. A last line says that there are more.
pub(super) fn text(rows: &[&Row], truncated: bool) -> Vec<u8> {
    let mut out = String::with_capacity(rows.iter().map(|row| row.name.len() + 8).sum());
    for row in rows {
        push_plain(&mut out, &row.name);
        out.push_str(if row.is_directory { "/\n" } else { "\n" });
    }
    if truncated {
        out.push_str("(there is more)\n");
    }
    out.into_bytes()
}
