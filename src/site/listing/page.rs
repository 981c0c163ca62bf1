//! The listing as a page: one table, no script, nothing loaded from anywhere.
//!
//! End tags that HTML lets one leave out (of `li`, `tr`, `th`, `td`) are left out: for ten
//! thousand entries they would be a fifth of a megabyte. What a reader sees of a name
//! goes through [`push_text`], and what a browser follows through [`push_href`].

use std::fmt::Write;

use super::{Row, is_deceptive, push_href, timestamp};
use crate::http::SafePath;

/// The style sheet; the Content-Security-Policy names its digest.
pub(super) const STYLE: &str = include_str!("../listing.css");

/// What a page takes beside its style and its rows.
const PAGE_BYTES: usize = 1024;

/// What a row takes beside its name and its link.
const ROW_BYTES: usize = 160;

/// The units of sizes, in steps of 1,000.
const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];

/// What is shown for the control characters U+0000 to U+001F, in three bytes each.
const CONTROL_PICTURES: &str = "␀␁␂␃␄␅␆␇␈␉␊␋␌␍␎␏␐␑␒␓␔␕␖␗␘␙␚␛␜␝␞␟";

/// The page.
pub(super) fn render(path: &SafePath, rows: &[&Row], truncated: bool) -> Vec<u8> {
    let names: usize = rows.iter().map(|row| 3 * row.name.len()).sum();
    let mut out = String::with_capacity(STYLE.len() + PAGE_BYTES + ROW_BYTES * rows.len() + names);
    push_page(&mut out, path, rows, truncated);
    out.into_bytes()
}

fn push_page(out: &mut String, path: &SafePath, rows: &[&Row], truncated: bool) {
    out.push_str("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>");
    push_title(out, path);
    out.push_str(
        "</title>\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<style>",
    );
    out.push_str(STYLE);
    out.push_str("</style>\n");
    push_breadcrumbs(out, path);
    out.push_str("<main>\n");
    if truncated {
        out.push_str("<p class=\"note\">This folder holds more than is shown here: only ");
        push_grouped(out, rows.len() as u64);
        out.push_str(" entries are listed.\n");
    }
    if rows.is_empty() {
        out.push_str("<p class=\"empty\">Nothing here yet.");
        if !path.is_root() {
            out.push_str(" <a href=\"../\">Back to the parent folder</a>");
        }
        out.push('\n');
    } else {
        push_table(out, path, rows);
    }
    out.push_str("</main>\n");
    push_totals(out, rows);
}

/// The name of the folder first, which is what a narrow tab shows.
fn push_title(out: &mut String, path: &SafePath) {
    let Some(name) = path.name() else {
        out.push_str("Home");
        return;
    };
    push_text(out, name);
    out.push_str(" · /");
    for segment in path.segments() {
        push_text(out, segment);
        out.push('/');
    }
}

/// The path, with a link for each folder above this one.
fn push_breadcrumbs(out: &mut String, path: &SafePath) {
    let depth = path.segments().count();
    out.push_str("<header><nav aria-label=\"Path\"><ol>\n");
    if depth == 0 {
        out.push_str("<li><h1 aria-current=\"page\"><span class=\"home\"></span> Home</h1>\n");
    } else {
        push_ancestor(out, depth);
        out.push_str(" title=\"Home\"><span class=\"home\">Home</span></a>\n");
    }
    for (above, segment) in (0..depth).rev().zip(path.segments()) {
        if above == 0 {
            out.push_str("<li><h1 aria-current=\"page\"><bdi>");
        } else {
            push_ancestor(out, above);
            out.push_str("><bdi>");
        }
        push_text(out, segment);
        out.push_str(if above == 0 { "</bdi></h1>\n" } else { "</bdi></a>\n" });
    }
    out.push_str("</ol></nav></header>\n");
}

/// The beginning of a link that leads up by so many levels. Being relative, it
/// contains nothing of the path.
fn push_ancestor(out: &mut String, levels: usize) {
    out.push_str("<li><a href=\"");
    for _ in 0..levels {
        out.push_str("../");
    }
    out.push('"');
}

fn push_table(out: &mut String, path: &SafePath, rows: &[&Row]) {
    out.push_str(
        "<table>\n<thead><tr><th scope=\"col\">Name<th scope=\"col\" title=\"1 kB is 1,000 bytes\">Size\
         <th scope=\"col\">Modified (UTC)\n<tbody>\n",
    );
    if !path.is_root() {
        out.push_str("<tr class=\"up\"><th><a href=\"../\">Parent folder</a><td><td>\n");
    }
    let mut time = String::with_capacity(20);
    for row in rows {
        push_row(out, row, &mut time);
    }
    out.push_str("</table>\n");
}

/// One row. `time` is only lent, so that not every row needs memory for its own.
fn push_row(out: &mut String, row: &Row, time: &mut String) {
    out.push_str(if row.is_directory { "<tr class=\"d\"><th><a href=\"" } else { "<tr><th><a href=\"" });
    push_href(out, row);
    // The element isolates the name, so that none in a right-to-left script, and no
    // unbalanced override, can disorder the rest of the row.
    out.push_str("\"><bdi>");
    push_text(out, &row.name);
    out.push_str(if row.is_directory { "/</bdi></a>" } else { "</bdi></a>" });
    if row.is_directory {
        out.push_str("<td>");
    } else {
        push_size(out, row.len);
    }
    out.push_str("<td>");
    if let Some(modified) = timestamp(row) {
        time.clear();
        // A String takes whatever is written to it, so there is no error to report.
        let _ = write!(time, "{modified}");
        // `2026-11-22T10:00:00Z`: the day, and the time to the minute.
        for piece in ["<time datetime=\"", time, "\">", &time[..10], " ", &time[11..16], "</time>"] {
            out.push_str(piece);
        }
    }
    out.push('\n');
}

/// A cell with a size, which in bytes is exact, and else has the exact one in its title.
fn push_size(out: &mut String, bytes: u64) {
    if bytes < 1000 {
        out.push_str("<td>");
    } else {
        out.push_str("<td title=\"");
        push_grouped(out, bytes);
        out.push_str(" bytes\">");
    }
    push_short(out, bytes);
}

/// What there is in all, in a line.
fn push_totals(out: &mut String, rows: &[&Row]) {
    let folders = rows.iter().filter(|row| row.is_directory).count();
    let files = rows.len() - folders;
    if rows.is_empty() {
        return;
    }
    out.push_str("<footer>");
    if folders > 0 {
        push_grouped(out, folders as u64);
        out.push_str(if folders == 1 { " folder" } else { " folders" });
    }
    if files > 0 {
        out.push_str(if folders > 0 { ", " } else { "" });
        push_grouped(out, files as u64);
        out.push_str(if files == 1 { " file, <span title=\"" } else { " files, <span title=\"" });
        // Sparse files can claim more than a number of 64 bits holds.
        let bytes =
            rows.iter().filter(|row| !row.is_directory).fold(0u64, |sum, row| sum.saturating_add(row.len));
        push_grouped(out, bytes);
        out.push_str(" bytes\">");
        push_short(out, bytes);
        out.push_str("</span>");
    }
    out.push_str("</footer>\n");
}

/// A size for people: `312 B`, `1.2 kB`, in decimal units.
fn push_short(out: &mut String, bytes: u64) {
    if bytes < 1000 {
        push_grouped(out, bytes);
        return out.push_str(" B");
    }
    // Rounded to tenths. What would be more than a number holds is cut to the same.
    let tenths = |scale: u64| bytes.saturating_add(scale / 20) / (scale / 10);
    let (mut unit, mut scale) = (0, 1000);
    // What would be rounded to 1000.0 is 1.0 of the next unit.
    while tenths(scale) >= 10_000 && unit + 1 < UNITS.len() {
        (unit, scale) = (unit + 1, scale * 1000);
    }
    let tenths = tenths(scale);
    push_grouped(out, tenths / 10);
    out.push('.');
    push_grouped(out, tenths % 10);
    out.push(' ');
    out.push_str(UNITS[unit]);
}

/// A number with commas: `1,234,567`. There are thousands of them, and the machinery of
/// `write!` would cost more than the digits.
fn push_grouped(out: &mut String, number: u64) {
    // From the right: twenty digits and six commas at most.
    let mut text = [b','; 26];
    let (mut at, mut left, mut digits) = (text.len(), number, 0);
    loop {
        at -= 1;
        text[at] = b'0' + (left % 10) as u8;
        (left, digits) = (left / 10, digits + 1);
        if left == 0 {
            break;
        }
        at -= usize::from(digits % 3 == 0);
    }
    // Digits and commas are UTF-8.
    out.push_str(str::from_utf8(&text[at..]).unwrap_or_default());
}

/// Appends a name as text: as UTF-8, with nothing in it that HTML gives a meaning to
/// or that could not be seen.
fn push_text(out: &mut String, name: &[u8]) {
    // Nearly all names are plain, and then none of their characters needs a look of its own.
    let is_plain = |b: &u8| matches!(b, b' '..=b'~') && !matches!(b, b'&' | b'<' | b'>' | b'"' | b'\'');
    if name.iter().all(is_plain)
        && let Ok(text) = str::from_utf8(name)
    {
        return out.push_str(text);
    }
    for chunk in name.utf8_chunks() {
        let text = chunk.valid();
        let mut written = 0;
        for (at, character) in text.char_indices() {
            let Some(shown) = substitute(character) else { continue };
            out.push_str(&text[written..at]);
            out.push_str(shown);
            written = at + character.len_utf8();
        }
        out.push_str(&text[written..]);
        if !chunk.invalid().is_empty() {
            out.push(char::REPLACEMENT_CHARACTER);
        }
    }
}

/// What is written instead of a character, if it cannot be written as it is.
fn substitute(character: char) -> Option<&'static str> {
    Some(match character {
        '&' => "&amp;",
        '<' => "&lt;",
        '>' => "&gt;",
        '"' => "&quot;",
        '\'' => "&#39;",
        '\0'..='\x1f' => {
            let at = 3 * character as usize;
            &CONTROL_PICTURES[at..at + 3]
        }
        '\x7f' => "␡",
        _ if is_deceptive(character) => "\u{fffd}",
        _ => return None,
    })
}
