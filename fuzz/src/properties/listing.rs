//! Names into `site::listing`: a page that is the same markup whatever the names are, links
//! that lead to exactly these names, and data that says the same (R40).
//!
//! The input is divided by NUL: a path, and then entries, each a byte for its kind and a name.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use html5gum::{DefaultEmitter, StartTag, Token, Tokenizer};
use serve::http::SafePath;
use serve::http::negotiate::Form;
use serve::site::listing::{Row, render};

/// More is more of the same.
const ROWS_MAX: usize = 40;

/// The property.
pub fn check(input: &[u8]) {
    let mut parts = input.split(|&b| b == 0);
    let path = parts.next().and_then(|text| std::str::from_utf8(text).ok());
    let Some(path) = path.and_then(|text| SafePath::parse(text).ok()) else { return };
    let mut names = BTreeSet::new();
    let rows: Vec<Row> =
        parts.filter_map(row).filter(|row| names.insert(row.name.clone())).take(ROWS_MAX).collect();
    let truncated = input.len() % 2 == 1;
    let page = render(Form::Html, &path, rows.clone(), truncated);
    let Ok(page) = String::from_utf8(page) else { panic!("a page is UTF-8") };
    page_of(&page, &path, &rows, truncated);
    let data = render(Form::Json, &path, rows.clone(), truncated);
    data_of(&data, &path, &rows, truncated);
}

/// A name as a file system can have it: no slash, and neither of the two dots.
fn row(entry: &[u8]) -> Option<Row> {
    let (&kind, name) = entry.split_first()?;
    let is_name = !name.is_empty() && name != b"." && name != b".." && !name.contains(&b'/');
    let modified = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(u64::from(kind) << (kind & 31)));
    is_name.then(|| Row {
        name: name.to_vec(),
        is_directory: kind & 1 == 1,
        len: u64::from(kind).wrapping_mul(7919) << (kind & 60),
        modified: modified.filter(|_| kind & 2 == 0),
    })
}

/// What a browser makes of it: the tags in their order, and the texts that are names.
struct Seen {
    tags: Vec<String>,
    links: Vec<String>,
    shown: Vec<String>,
}

/// Tokenizes as browsers do. A name that got out of its place would be a tag, an attribute or
/// an error of the tokenizer.
fn tokens(page: &str) -> Seen {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let mut seen = Seen { tags: Vec::new(), links: Vec::new(), shown: Vec::new() };
    let mut in_name = false;
    for token in Tokenizer::new_with_emitter(page, emitter) {
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) => {
                in_name = tag.name == b"bdi";
                if in_name {
                    seen.shown.push(String::new());
                }
                seen.tags.push(described(&tag, &mut seen.links));
            }
            Token::EndTag(tag) => {
                in_name = false;
                seen.tags.push(format!("/{}", text(&tag.name)));
            }
            Token::String(string) => {
                if in_name && let Some(last) = seen.shown.last_mut() {
                    last.push_str(text(&string));
                }
            }
            Token::Doctype(doctype) => assert_eq!(doctype.name, b"html"),
            Token::Comment(_) => panic!("a comment"),
            Token::Error(error) => panic!("{error:?} in {page}"),
        }
    }
    seen
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_else(|_| panic!("a part of UTF-8"))
}

/// A tag with the names of its attributes.
fn described(tag: &StartTag<()>, links: &mut Vec<String>) -> String {
    let mut description = text(&tag.name).to_owned();
    for (name, value) in &tag.attributes {
        description.push(' ');
        description.push_str(text(name));
        if name[..] == *b"href" {
            links.push(text(value).to_owned());
        }
    }
    description
}

fn page_of(page: &str, path: &SafePath, rows: &[Row], truncated: bool) {
    let seen = tokens(page);
    // The same page with harmless names has the same tags.
    let depth = path.segments().count();
    let harmless_path =
        SafePath::parse(&format!("/{}", "d/".repeat(depth))).unwrap_or_else(|_| SafePath::root());
    let harmless = |(at, row): (usize, &Row)| Row { name: format!("n{at}").into_bytes(), ..row.clone() };
    let harmless: Vec<Row> = in_order(rows).into_iter().enumerate().map(harmless).collect();
    let plain = render(Form::Html, &harmless_path, harmless, truncated);
    let plain = tokens(&String::from_utf8_lossy(&plain));
    assert_eq!(seen.tags, plain.tags);
    let rows_seen: Vec<&String> = seen.links.iter().filter(|link| link.starts_with("./")).collect();
    let found: BTreeSet<Vec<u8>> = rows_seen.iter().map(|link| decoded(link)).collect();
    assert_eq!(found, rows.iter().map(linked).collect());
    assert_eq!(rows_seen.len(), rows.len());
    assert!(seen.links.iter().all(|link| link.starts_with("./") || link.replace("../", "").is_empty()));
    // Whatever is plain to read is there to read, and nothing of it can steer.
    let shown: BTreeSet<&str> = seen.shown.iter().map(String::as_str).collect();
    for row in rows.iter().filter(|row| row.name.iter().all(|b| matches!(b, b' '..=b'~'))) {
        let name = format!("{}{}", text(&row.name), if row.is_directory { "/" } else { "" });
        assert!(shown.contains(name.as_str()), "{name:?} of {shown:?}");
    }
    let steers = |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!seen.shown.iter().any(|name| name.contains(steers)), "{shown:?}");
    assert!(!page.contains(|c: char| steers(c) && c != '\n'));
}

/// The order of the page, read from its data.
fn in_order(rows: &[Row]) -> Vec<&Row> {
    let data = render(Form::Json, &SafePath::root(), rows.to_vec(), false);
    let links = entries(&data).into_iter().map(|entry| decoded(entry["href"].as_str().unwrap_or_default()));
    let find = |link: Vec<u8>| rows.iter().find(|row| linked(row) == link);
    links.map(|link| find(link).unwrap_or_else(|| panic!("a link to nothing"))).collect()
}

fn linked(row: &Row) -> Vec<u8> {
    let mut name = row.name.clone();
    name.extend(if row.is_directory { &b"/"[..] } else { b"" });
    name
}

/// RFC 3986 §2.1, behind `./`: nothing that a browser reads as a scheme, a query or a host.
fn decoded(link: &str) -> Vec<u8> {
    let Some(rest) = link.strip_prefix("./") else { panic!("{link}") };
    let mut pieces = rest.split('%');
    let mut name = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let Some((Ok(byte), tail)) =
            piece.split_at_checked(2).map(|(two, tail)| (u8::from_str_radix(two, 16), tail))
        else {
            panic!("{link}")
        };
        name.push(byte);
        name.extend(tail.as_bytes());
    }
    assert!(rest.bytes().all(|b| matches!(b, b'!'..=b'~') && !b"\"<>\\?#&'`".contains(&b)), "{link}");
    name
}

fn entries(data: &[u8]) -> Vec<serde_json::Value> {
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(data) else { panic!("not JSON") };
    value["entries"].as_array().cloned().unwrap_or_else(|| panic!("no entries"))
}

fn data_of(data: &[u8], path: &SafePath, rows: &[Row], truncated: bool) {
    let Ok(written) = std::str::from_utf8(data) else { panic!("not UTF-8") };
    assert!(!written.trim_end_matches('\n').contains(char::is_control), "{written:?}");
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(data) else { panic!("not JSON: {written}") };
    assert_eq!(value["truncated"], truncated);
    let shown: String = path.segments().map(|s| format!("{}/", String::from_utf8_lossy(s))).collect();
    assert_eq!(value["path"], format!("/{shown}"));
    let entries = entries(data);
    assert_eq!(entries.len(), rows.len());
    assert!(entries.is_sorted_by_key(|entry| entry["type"] == "file"), "directories first");
    for entry in entries {
        let link = decoded(entry["href"].as_str().unwrap_or_default());
        let Some(row) = rows.iter().find(|row| linked(row) == link) else { panic!("{entry}") };
        assert_eq!(entry["name"], *String::from_utf8_lossy(&row.name));
        assert_eq!(entry["size"].as_u64(), (!row.is_directory).then_some(row.len));
        let last = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_799);
        assert_eq!(entry["modified"].is_string(), row.modified.is_some_and(|time| time <= last), "{entry}");
    }
}
