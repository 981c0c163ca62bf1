//! The listing as a page: one table, a style sheet and a script, nothing loaded from
//! anywhere. Without scripts it sorts and filters by its address ([`View`]); with them it
//! filters while somebody types, shows what is in files, and more (`listing.js`).
//!
//! End tags that HTML lets one leave out (of `li`, `tr`, `th`, `td`) are left out: for ten
//! thousand entries they would be a fifth of a megabyte. What a reader sees of a name
//! goes through [`push_text`], and what a browser follows through [`push_href`].
//!
//! [`View`]: super::View

use std::fmt::Write;
use std::sync::LazyLock;

use super::kind::{Kind, Kinds};
use super::shown::{push_grouped, push_short, push_text};
use super::{Column, Listing, Row, push_href, timestamp};
use crate::http::SafePath;
use crate::site::preview;
use crate::site::readme::Readme;

/// The style sheet; the Content-Security-Policy names its digest.
pub(super) const STYLE: &str = include_str!("../listing.css");

/// The script, without indentation and remarks, which only its authors read; the
/// Content-Security-Policy names its digest.
pub(super) static SCRIPT: LazyLock<String> = LazyLock::new(|| {
    let lines = include_str!("../listing.js").lines().map(str::trim_start);
    lines.filter(|line| !line.starts_with("//")).flat_map(|line| [line, "\n"]).collect()
});

/// What a page takes beside its style, its script and its rows.
const PAGE_BYTES: usize = 2048;

/// What a row takes beside its name and its link.
const ROW_BYTES: usize = 168;

/// What saves the folder. Buttons, as those that sort: whoever follows all links of a page,
/// to mirror it, should not get everything several times.
const ARCHIVES: &str = "<form class=\"tools\">\
    <button name=\"download\" value=\"zip\" title=\"Save this folder as a ZIP archive\">ZIP</button> \
    <button name=\"download\" value=\"tar\" title=\"Save this folder as a tar archive\">tar</button></form>\n";

/// The page.
pub(super) fn render(listing: &Listing<'_>, rows: &[&Row]) -> Vec<u8> {
    let names: usize = rows.iter().map(|row| 3 * row.name.len()).sum();
    let readme = listing.readme.map_or(0, |readme| preview::STYLE.len() + readme.prose.html.len());
    let fixed = STYLE.len() + SCRIPT.len() + PAGE_BYTES + readme;
    let mut out = String::with_capacity(fixed + ROW_BYTES * rows.len() + names);
    push_page(&mut out, listing, rows);
    out.into_bytes()
}

fn push_page(out: &mut String, listing: &Listing<'_>, rows: &[&Row]) {
    out.push_str("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>");
    push_title(out, listing.path);
    out.push_str(
        "</title>\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<style>",
    );
    out.push_str(STYLE);
    if listing.readme.is_some() {
        out.push_str("</style>\n<style>");
        out.push_str(preview::STYLE);
    }
    out.push_str("</style>\n<header>\n");
    push_breadcrumbs(out, listing.path);
    if !rows.is_empty() || listing.view.filter.is_some() {
        push_tools(out, listing);
    }
    out.push_str("</header>\n<main>\n");
    if listing.truncated {
        out.push_str("<p class=\"note\">This folder holds more than is shown here: only ");
        push_grouped(out, rows.len() as u64);
        out.push_str(" entries are listed.\n");
    }
    if rows.is_empty() {
        push_nothing(out, listing);
    } else {
        push_table(out, listing, rows);
    }
    out.push_str("</main>\n");
    push_totals(out, rows);
    if let Some(readme) = listing.readme {
        push_readme(out, readme);
    }
    out.push_str("<script>");
    out.push_str(&SCRIPT);
    out.push_str("</script>\n");
    out.push_str(listing.live.unwrap_or_default());
}

/// What somebody has written about the folder, below all that is said of it.
fn push_readme(out: &mut String, readme: &Readme) {
    out.push_str("<section aria-label=\"");
    push_text(out, &readme.name);
    out.push_str("\">\n");
    preview::push_file(out, "h2", &readme.name, &readme.name, &readme.prose);
    out.push_str("</section>\n");
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
    out.push_str("<nav aria-label=\"Path\"><ol>\n");
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
    out.push_str("</ol></nav>\n");
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

/// The filter, which is a form so that it needs no script, and the place of the buttons that
/// do need one.
fn push_tools(out: &mut String, listing: &Listing<'_>) {
    let view = listing.view;
    out.push_str("<form id=\"view\" role=\"search\">");
    if view.column != Column::default() || view.descending {
        out.push_str("<input type=\"hidden\"");
        push_order(out, view.column, view.descending);
        out.push('>');
    }
    out.push_str(
        "<input type=\"search\" name=\"q\" placeholder=\"Filter\" aria-label=\"Filter by name\" \
         autocomplete=\"off\" spellcheck=\"false\" maxlength=\"255\" value=\"",
    );
    if let Some(filter) = &view.filter {
        push_text(out, filter.as_str().as_bytes());
    }
    out.push_str("\"><button>Filter</button></form>\n");
    out.push_str(if listing.archives { ARCHIVES } else { "<div class=\"tools\"></div>\n" });
}

/// The name and the value of what sorts by a column.
fn push_order(out: &mut String, column: Column, descending: bool) {
    out.push_str(" name=\"sort\" value=\"");
    out.push_str(if descending { "-" } else { "" });
    out.push_str(column.name());
    out.push('"');
}

/// What is said in the place of the table.
fn push_nothing(out: &mut String, listing: &Listing<'_>) {
    out.push_str("<p class=\"empty\">");
    match &listing.view.filter {
        Some(filter) => {
            out.push_str(match listing.truncated {
                true => "None of the names that were looked at contains <q><bdi>",
                false => "No name here contains <q><bdi>",
            });
            push_text(out, filter.as_str().as_bytes());
            out.push_str("</bdi></q>. <a href=\"./\">Show all</a>\n");
        }
        None if listing.path.is_root() => out.push_str("Nothing here yet.\n"),
        None => out.push_str("Nothing here yet. <a href=\"../\">Back to the parent folder</a>\n"),
    }
}

fn push_table(out: &mut String, listing: &Listing<'_>, rows: &[&Row]) {
    out.push_str("<table>\n<thead><tr>");
    for column in Column::ALL {
        push_heading(out, listing, column);
    }
    out.push_str("\n<tbody>\n");
    if !listing.path.is_root() {
        out.push_str("<tr class=u><th><a href=\"../\">Parent folder</a><td><td>\n");
    }
    let (mut time, mut kinds) = (String::with_capacity(20), Kinds::new(listing.types));
    for row in rows {
        push_row(out, row, kinds.of(row), &mut time);
    }
    out.push_str("</table>\n");
}

/// The head of a column: a button that sorts by it, and the other way round where that is so
/// already.
fn push_heading(out: &mut String, listing: &Listing<'_>, column: Column) {
    let view = listing.view;
    let is_sorted = view.column == column;
    out.push_str("<th scope=\"col\"");
    if is_sorted {
        out.push_str(if view.descending { " aria-sort=\"descending\"" } else { " aria-sort=\"ascending\"" });
    }
    out.push_str("><button form=\"view\"");
    // Whoever wants sizes or times mostly wants the largest or the newest.
    push_order(out, column, if is_sorted { !view.descending } else { column != Column::Name });
    out.push_str(match column {
        Column::Name => ">Name</button>",
        Column::Size => " title=\"1 kB is 1,000 bytes\">Size</button>",
        Column::Modified => ">Modified <span>(UTC)</span></button>",
    });
}

/// One row. `time` is only lent, so that not every row needs memory for its own.
fn push_row(out: &mut String, row: &Row, kind: Kind, time: &mut String) {
    out.push_str("<tr class=");
    out.push(kind.class());
    out.push_str("><th><a href=\"");
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
