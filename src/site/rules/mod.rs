//! The two files that sites have already: `_redirects` and `_headers` in the root, in the
//! dialect of Netlify and Cloudflare Pages.
//!
//! Pure but for [`Reader`], which looks after the files: bytes in, rules and complaints
//! out; a path in, and what the rules say of it. A line that is wrong or asks for what
//! `serve` does not do is a [`Complaint`], with its number, and is left out; the others
//! hold. What follows the rules is `site::routes`.
//!
//! # `_redirects`
//!
//! `FROM [key=value …] TO [STATUS[!]]`, and `#` begins a comment. The first rule that
//! matches decides. Where the two services differ:
//!
//! | | Netlify | Cloudflare | here |
//! |---|---|---|---|
//! | where a file answers | only rules with `!` apply | rules always apply | as Netlify |
//! | no status | 301 | 302 | 301, with `Cache-Control: no-cache`, so that no browser keeps it |
//! | slash at the end | means nothing | means something | means nothing in patterns, all in loops |
//! | `/a/*` for `/a` | yes | no | yes |
//! | `*` | at the end | once, anywhere | at the end |
//! | `:name` | a whole segment | a part of one, too | as Cloudflare, one in a segment |
//! | status 404, `key=value`, `!`, no TO | yes | no | yes |
//! | query of the request | goes along | unless TO has one | as Cloudflare, less what `key=:name` took |
//! | conditions, other hosts, proxying | yes | no | no: a complaint |
//!
//! A listing is no file: `/ /home` applies where the root has no index file.
//!
//! # `_headers`
//!
//! A path, and behind it `Name: value`, or `! Name` (Cloudflare), which removes what
//! earlier rules or the server set. All rules that match apply, in order; a field set
//! twice is sent twice, which means the same as one list (RFC 9110 §5.2). Values may
//! have `:name` and `:splat`, as in Cloudflare. What the server alone can know is refused,
//! as with `--header`; Content-Type is not, since sites set it for names without an
//! extension. Fields that describe the file are for answers that bring it, and those that
//! let it be kept for these and 304.

mod destination;
mod headers;
mod pattern;
mod reader;
mod redirects;

use std::fmt;

use crate::http::{Response, SafePath};

pub use headers::Change;
pub use reader::{Reader, Shared};
pub use redirects::{Match, Outcome};

use headers::Headers;
use redirects::Redirects;

/// Their names, in the root.
pub const REDIRECTS: &str = "_redirects";
/// See [`REDIRECTS`].
pub const HEADERS: &str = "_headers";

/// Largest file of rules.
pub const FILE_MAX: usize = 1024 * 1024;

/// Longest line, as Cloudflare Pages has it.
const LINE_MAX: usize = 2000;

/// So many mistakes are told one by one: a file of another kind has nothing else.
const COMPLAINTS_MAX: usize = 15;

/// Something that a person should put right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// In which file.
    pub file: &'static str,
    /// On which line, from 1; 0 is the file as a whole.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub what: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.what),
            line => write!(f, "{}:{line}: {}", self.file, self.what),
        }
    }
}

/// Complaints about one file: the first ones, and how many more there are.
#[derive(Default)]
struct Complaints {
    list: Vec<Complaint>,
    untold: usize,
}

impl Complaints {
    fn add(&mut self, file: &'static str, line: usize, what: String) {
        if self.list.len() < COMPLAINTS_MAX {
            self.list.push(Complaint { file, line, what });
        } else {
            self.untold += 1;
        }
    }

    fn finish(mut self, file: &'static str) -> Vec<Complaint> {
        if self.untold > 0 {
            let what = format!("{} more lines are wrong", self.untold);
            self.list.push(Complaint { file, line: 0, what });
        }
        self.list
    }
}

/// What both files say.
///
/// ```
/// use serve::http::SafePath;
/// use serve::site::rules::{Outcome, Rules};
/// let (rules, complaints) = Rules::parse(b"", b"/blog/* /news/:splat 302\n/a /b 999\n");
/// assert_eq!(complaints[0].line, 2);
/// let path = SafePath::parse("/blog/2026/x").unwrap();
/// let Some(found) = rules.redirect(&path, Some("page=2")) else { panic!() };
/// let Outcome::Redirect { location, .. } = found.outcome else { panic!() };
/// assert_eq!(location, "/news/2026/x?page=2");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    headers: Headers,
    redirects: Redirects,
}

impl Rules {
    /// Reads both files; what is wrong in them is left out.
    pub fn parse(headers: &[u8], redirects: &[u8]) -> (Rules, Vec<Complaint>) {
        let (mut of_headers, mut of_redirects) = (Complaints::default(), Complaints::default());
        let rules = Rules {
            headers: Headers::parse(headers, &mut of_headers),
            redirects: Redirects::parse(redirects, &mut of_redirects),
        };
        let mut complaints = of_headers.finish(HEADERS);
        complaints.extend(of_redirects.finish(REDIRECTS));
        (rules, complaints)
    }

    /// What to do with a request for that path and query, if a rule is for it. A rule
    /// that leads to that very place is none.
    pub fn redirect(&self, path: &SafePath, query: Option<&str>) -> Option<Match> {
        self.redirects.find(path, query)
    }

    /// What to do to the fields of its response, in this order.
    pub fn fields<'a>(&'a self, path: &'a SafePath) -> impl Iterator<Item = Change<'a>> {
        self.headers.changes(path)
    }

    /// Whether there is a rule for requests.
    pub fn has_redirects(&self) -> bool {
        !self.redirects.is_empty()
    }

    /// Whether there is a rule for fields.
    pub fn has_fields(&self) -> bool {
        !self.headers.is_empty()
    }

    /// Does what the rules for that path say to the fields of a response.
    pub fn apply(&self, path: &SafePath, response: &mut Response) {
        let mut set: Vec<&str> = Vec::new();
        for change in self.fields(path) {
            match change {
                Change::Remove(name) => response.fields.remove(name),
                Change::Set(name, value) if headers::belongs(name, response) => {
                    // The first of a name replaces ours, the next ones stand beside it.
                    if !set.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                        response.fields.remove(name);
                        set.push(name);
                    }
                    response.fields.push(name, value);
                }
                Change::Set(..) => {}
            }
        }
    }
}

/// Whether a path is one of the two files, however a file system may read its name:
/// without respect to case, and without what HFS+ ignores.
pub fn is_rule_file(path: &SafePath) -> bool {
    let name = path.as_bytes();
    // In UTF-8 nothing that may stand between is longer than all of the name again.
    if name.first() != Some(&b'_') && name.is_ascii() || name.len() > 128 {
        return false;
    }
    let Ok(name) = std::str::from_utf8(name) else { return false };
    let is_seen = |c: &char| !matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}');
    let name: String = name.chars().filter(is_seen).flat_map(char::to_uppercase).collect();
    name == "_HEADERS" || name == "_REDIRECTS"
}

/// The lines that are not empty and no comment, trimmed, with their numbers.
fn lines<'a>(name: &'static str, file: &'a [u8], complaints: &mut Complaints) -> Vec<(usize, &'a str)> {
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    let mut found = Vec::new();
    for (index, line) in file.split(|&b| b == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        match std::str::from_utf8(line) {
            _ if line.len() > LINE_MAX => {
                complaints.add(name, index + 1, format!("a line has {LINE_MAX} bytes at most"));
            }
            Ok(line) => found.push((index + 1, line)),
            Err(_) => complaints.add(name, index + 1, "this is not UTF-8".into()),
        }
    }
    found
}

/// A piece of a file in a complaint: short, and without what steers a terminal.
fn quoted(text: &str) -> String {
    const SHOWN: usize = 60;
    let shown: String = text.chars().take(SHOWN).flat_map(char::escape_default).collect();
    if text.chars().nth(SHOWN).is_some() { format!("{shown}…") } else { shown }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
