//! The listing of a directory, as a page for people or as data for programs.
//!
//! Pure: rows in, bytes out. It reads no directory and asks no clock; what may be
//! listed, and how much of it, is decided by whoever hands in the rows. It echoes
//! nothing of a request but the path and the filter, which are escaped like the names
//! (hazards R40).
//!
//! Links are relative to the directory, so the page must be served at its path with
//! a slash at the end; they then hold behind a proxy that adds a prefix, too. Folders
//! come first, then names in natural order ([`super::natural`]) if nothing else is wanted, in
//! every format.
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
//! - `truncated` says that the directory holds more than the entries, and that with a filter not
//!   all names were looked at, or more have it.
//!
//! As lines (`ndjson`) it is each entry for itself, and `{"truncated":true}` at the end if
//! there are more; as a table (`csv`) each is a row with the same names above it.

mod data;
mod kind;
mod page;
pub(super) mod shown;
mod view;

use std::borrow::Cow;
use std::fmt::Display;
use std::time::{Duration, SystemTime};

pub use view::{Column, Filter, Format, View};

use super::natural;
use super::readme::Readme;
use crate::http::SafePath;
use crate::http::media_type::MediaTypes;
use crate::http::target::encode_segment;

/// What a listing's page may do: look like its own style sheet and like that of what is made of
/// Markdown, run its own script, and show what is in files of this server.
///
/// Style and script are allowed by their digests and not by `'unsafe-inline'`, so that
/// neither would be applied that somehow came out of a name. A test computes the digests.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; \
    style-src 'sha256-5xgpdtII2UGzamTxoUn6cfqjZvcbt9FzhdfvdMQljDc=' \
    'sha256-htuH1BnTB3IOVjmhXSnHFV3fQT2lZGP9Js7KnWHnlvc='; \
    script-src 'sha256-UmJvTxYh8DATqyx6co7qztC+8iFkZ2zfZmpqPNvTmtU='; \
    img-src 'self'; media-src 'self'; frame-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The policy of a page, to which the script that makes it live may be added: it comes from
/// this server.
pub fn content_security_policy(is_live: bool) -> Cow<'static, str> {
    let policy = CONTENT_SECURITY_POLICY;
    if is_live { policy.replace("script-src ", "script-src 'self' ").into() } else { policy.into() }
}

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

/// A directory, and what is wanted of it: all of a listing but its rows.
#[derive(Clone, Copy, Debug)]
pub struct Listing<'a> {
    /// Where it is; its listing is served there with a slash at the end.
    pub path: &'a SafePath,
    /// What is wanted, and how.
    pub view: &'a View,
    /// The types of its files, by name.
    pub types: &'a MediaTypes,
    /// It holds more than the rows.
    pub truncated: bool,
    /// What makes its page live, if it is to be ([`super::watch`]).
    pub live: Option<&'a str>,
    /// It can be saved as an archive ([`super::archive`]).
    pub archives: bool,
    /// What is shown below it, on the page.
    pub readme: Option<&'a Readme>,
}

impl Listing<'_> {
    /// The listing of these rows, which are brought into order here.
    pub fn render(&self, rows: &[Row]) -> Vec<u8> {
        let rows = in_order(rows, self.view);
        match self.view.format {
            Format::Html => page::render(self, &rows),
            Format::Json => data::json(self.path, &rows, self.truncated),
            Format::Ndjson => data::ndjson(&rows, self.truncated),
            Format::Csv => data::csv(&rows, self.truncated),
            Format::Text => data::text(&rows, self.truncated),
        }
    }
}

/// So many bytes a listing of these rows has at least, which is known before it is made.
pub(super) fn least(format: Format, rows: &[Row]) -> usize {
    // The shortest markup of a row: there is a test.
    let each = match format {
        Format::Html => 60,
        Format::Json | Format::Ndjson => 40,
        Format::Csv => 10,
        Format::Text => 1,
    };
    rows.iter().map(|row| each + row.name.len()).sum()
}

/// Directories first; each kind by what the view says, and what is equal in natural order. All
/// of that is turned round but the first.
fn in_order<'a>(rows: &'a [Row], view: &View) -> Vec<&'a Row> {
    let size = |row: &Row| if row.is_directory { 0 } else { row.len };
    let mut keyed: Vec<_> = rows
        .iter()
        .map(|row| {
            let value = match view.column {
                Column::Name => (0, None),
                Column::Size => (size(row), None),
                Column::Modified => (0, row.modified),
            };
            (!row.is_directory, value, natural::Key::new(&row.name), row)
        })
        .collect();
    // Only equal names compare as equal, and a directory has none twice.
    keyed.sort_unstable_by(|a, b| {
        let (one, other) = if view.descending { (b, a) } else { (a, b) };
        a.0.cmp(&b.0).then_with(|| (one.1, &one.2).cmp(&(other.1, &other.2)))
    });
    keyed.into_iter().map(|(.., row)| row).collect()
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
