//! The listing of a directory, as a page for people or as data for programs.
//!
//! Pure: rows in, bytes out. It reads no directory and asks no clock; what may be
//! listed, and how much of it, is decided by whoever hands in the rows. It echoes
//! nothing of a request but the path, which is escaped like the names (hazards R40).
//!
//! Links are relative to the directory, so the page must be served at its path with
//! a slash at the end; they then hold behind a proxy that adds a prefix, too. Folders
//! come first, then names in natural order ([`super::natural`]), in both forms.
//!
//! # The data
//!
//! ```json
//! {
//!   "path": "/a/",
//!   "truncated": false,
//!   "entries": [
//!     { "name": "b", "type": "directory", "modified": "2026-11-22T10:00:00Z", "href": "./b/" },
//!     { "name": "x y", "type": "file", "size": 123, "modified": "2026-11-22T10:00:00Z", "href": "./x%20y" }
//!   ]
//! }
//! ```
//!
//! - `path` and `name` are for reading: decoded, with U+FFFD for what is not UTF-8.
//! - `href` is for following: relative to the address of the listing, exact to the byte.
//! - `size` is in bytes, and absent for directories.
//! - `modified` is in UTC (RFC 3339), and absent if it is unknown, before 1970 or
//!   after 9999.
//! - `truncated` says that the directory holds more than the entries.

mod json;
mod page;

use std::fmt::Display;
use std::time::{Duration, SystemTime};

use super::natural;
use crate::http::SafePath;
use crate::http::negotiate::Form;
use crate::http::target::encode_segment;

/// What a listing's page may do: look like its own style sheet, and nothing else.
///
/// The style is allowed by its digest and not by `'unsafe-inline'`, so that a style
/// that somehow came out of a name would not be applied. A test computes the digest.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; \
    style-src 'sha256-CVLMq6YDQY0OD+oHQFtAocjJ2rA0krWnea2Ay0cVmCk='; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The last second that has a four-digit year. What is later is not written at all,
/// because formatting it would panic.
const LAST_SECOND: u64 = 253_402_300_799;

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its name as the file system has it: one segment, in any encoding.
    pub name: Vec<u8>,
    /// Whether it is a directory, which has no size and whose link ends in a slash.
    pub is_directory: bool,
    /// Length in bytes; ignored for directories.
    pub len: u64,
    /// When it was last changed, if that is known.
    pub modified: Option<SystemTime>,
}

/// The listing of `path`: the rows, brought into order. `truncated` says that the
/// directory holds more than these.
pub fn render(form: Form, path: &SafePath, rows: Vec<Row>, truncated: bool) -> Vec<u8> {
    let rows = in_order(&rows);
    match form {
        Form::Html => page::render(path, &rows, truncated),
        Form::Json => json::render(path, &rows, truncated),
    }
}

/// The Content-Type of a listing.
pub fn content_type(form: Form) -> &'static str {
    match form {
        Form::Html => "text/html; charset=utf-8",
        Form::Json => "application/json; charset=utf-8",
    }
}

/// Directories first, each kind in natural order.
fn in_order(rows: &[Row]) -> Vec<&Row> {
    let mut keyed: Vec<_> =
        rows.iter().map(|row| (!row.is_directory, natural::Key::new(&row.name), row)).collect();
    // Only equal names compare as equal, and a directory has none twice.
    keyed.sort_unstable_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    keyed.into_iter().map(|(_, _, row)| row).collect()
}

/// A link to an entry of this directory. `./` keeps a name from being read as a
/// scheme, a query or another host.
fn push_href(out: &mut String, row: &Row) {
    out.push_str("./");
    out.extend(encode_segment(&row.name));
    if row.is_directory {
        out.push('/');
    }
}

/// The time as RFC 3339 has it, in whole seconds.
fn timestamp(row: &Row) -> Option<impl Display + use<>> {
    let seconds = row.modified?.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
    let whole = SystemTime::UNIX_EPOCH + Duration::from_secs((seconds <= LAST_SECOND).then_some(seconds)?);
    Some(humantime::format_rfc3339_seconds(whole))
}

/// Characters that make text look other than it is, or that steer a terminal:
/// C1 controls, line and paragraph separators, and what embeds, overrides or isolates
/// a direction. The plain marks of direction are not among them, since names in
/// right-to-left scripts do use those.
fn is_deceptive(character: char) -> bool {
    matches!(character, '\u{7f}'..='\u{9f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
