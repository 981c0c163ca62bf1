//! What somebody has written about a folder, below its listing.
//!
//! It is one of the entries that are listed, so what may not be seen is not shown here either,
//! and it is opened as for a request of it ([`Lookup::open`]). Only its beginning is read.

use super::files::{Lookup, Node};
use super::listing::Row;
use super::markdown::{self, Prose};
use crate::http::SafePath;

/// What it may be called, in lower case; the first that is there is shown.
const NAMES: [&[u8]; 4] = [b"readme.md", b"readme.markdown", b"readme.txt", b"readme"];

/// So many of these are Markdown.
const MARKDOWN: usize = 2;

/// What is shown below a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readme {
    /// The name of its file.
    pub name: Vec<u8>,
    /// What is made of it.
    pub prose: Prose,
}

/// Which of these entries it is, and whether it is Markdown. Of names that differ in their
/// case only it is the first by its bytes.
fn choose(rows: &[Row]) -> Option<(&Row, bool)> {
    let rank = |row: &Row| NAMES.iter().position(|name| row.name.eq_ignore_ascii_case(name));
    let files = rows.iter().filter(|row| !row.is_directory);
    let (rank, row) =
        files.filter_map(|row| Some((rank(row)?, row))).min_by_key(|(rank, row)| (*rank, &row.name))?;
    Some((row, rank < MARKDOWN))
}

/// Reads it. What cannot be read, has nothing in it, or would be answered by something else
/// is not shown: the list is what was asked for.
pub fn read(
    lookup: &dyn Lookup,
    directory: &SafePath,
    rows: &[Row],
    is_ruled: impl FnOnce(&SafePath) -> bool,
) -> Option<Readme> {
    let (row, is_markdown) = choose(rows)?;
    let path = directory.join(&row.name)?;
    if is_ruled(&path) {
        return None;
    }
    let Ok(Node::File(file)) = lookup.open(&path) else { return None };
    let bytes = file.content.read(0, markdown::BYTES_MAX + 1).ok()?;
    let prose = if is_markdown { markdown::render(&bytes) } else { markdown::plain(&bytes) };
    (!prose.html.is_empty()).then(|| Readme { name: row.name.clone(), prose })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::site::files::Memory;
    use std::time::SystemTime;

    fn shown(files: &[(&str, &str)], is_ruled: bool) -> Option<(String, String)> {
        let mut memory = Memory::default();
        for (path, content) in files {
            memory.insert(path, content.to_string(), SystemTime::UNIX_EPOCH);
        }
        let directory = SafePath::parse("/d/").unwrap();
        let rows = memory.list(&directory, 100, &|_| true).unwrap().rows;
        let readme = read(&memory, &directory, &rows, |_| is_ruled)?;
        Some((String::from_utf8(readme.name).unwrap(), readme.prose.html))
    }

    #[test]
    fn the_best_of_its_names_is_shown() {
        let files = [
            ("d/README", "*a*"),
            ("d/readme.TXT", "*b*"),
            ("d/ReadMe.markdown", "*c*"),
            ("d/readme.md", "*d*"),
            ("d/README.md", "*e*"),
            ("d/a/README.md", "*f*"),
            ("README.md", "*g*"),
            ("d/README.md.bak", "*h*"),
        ];
        let expected = [
            ("README.md", "<p><em>e</em></p>\n"),
            ("readme.md", "<p><em>d</em></p>\n"),
            ("ReadMe.markdown", "<p><em>c</em></p>\n"),
            ("readme.TXT", "<pre tabindex=\"0\">\n*b*</pre>\n"),
            ("README", "<pre tabindex=\"0\">\n*a*</pre>\n"),
        ];
        let mut left = files.to_vec();
        for (name, html) in expected {
            assert_eq!(shown(&left, false), Some((name.to_owned(), html.to_owned())));
            left.retain(|(path, _)| *path != format!("d/{name}"));
        }
        assert_eq!(shown(&left, false), None);
    }

    #[test]
    fn what_is_no_file_or_empty_or_answered_by_a_rule_is_not_shown() {
        assert_eq!(shown(&[("d/README.md/x", "a"), ("d/b", "b")], false), None);
        assert_eq!(shown(&[("d/README.md", "a")], true), None);
        for empty in ["", " \n\n", "<!-- a -->"] {
            assert_eq!(shown(&[("d/README.md", empty)], false), None);
        }
        // Of what is listed only: a listing leaves out what is hidden.
        let mut memory = Memory::default();
        memory.insert("README.md", "a", SystemTime::UNIX_EPOCH);
        assert_eq!(read(&memory, &SafePath::root(), &[], |_| false), None);
        // Gone meanwhile.
        let rows = memory.list(&SafePath::root(), 1, &|_| true).unwrap().rows;
        memory.remove("README.md");
        assert_eq!(read(&memory, &SafePath::root(), &rows, |_| false), None);
    }

    #[test]
    fn only_the_beginning_of_it_is_read() {
        let long = "a\n\n".repeat(markdown::BYTES_MAX);
        let (_, html) = shown(&[("d/README.md", &long)], false).unwrap();
        assert!(html.len() < 4 * markdown::BYTES_MAX, "{}", html.len());
    }
}
