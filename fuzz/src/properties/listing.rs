//! Names into `site::listing`: a page that is the same markup whatever the names are, links
//! that lead to exactly these names, and data in each of its formats that says the same (R40).
//!
//! The input is divided by NUL: a path with or without a query, and then entries, each a byte
//! for its kind and a name.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use html5gum::{DefaultEmitter, Error, StartTag, Token, Tokenizer};
use serve::http::media_type::MediaTypes;
use serve::http::{RequestFields, SafePath};
use serve::site::listing::{Format, Listing, Row, View};

/// More is more of the same.
const ROWS_MAX: usize = 40;

/// The property.
pub fn check(input: &[u8]) {
    let mut parts = input.split(|&b| b == 0);
    let Some(target) = parts.next().and_then(|text| std::str::from_utf8(text).ok()) else { return };
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let Ok(path) = SafePath::parse(path) else { return };
    let mut names = BTreeSet::new();
    let rows: Vec<Row> =
        parts.filter_map(row).filter(|row| names.insert(row.name.clone())).take(ROWS_MAX).collect();
    let asked = Asked { view: View::of(query, RequestFields::new(&[])), truncated: input.len() % 2 == 1 };
    page_of(&asked, &path, &rows);
    let data = asked.render(Format::Json, &path, &rows);
    data_of(&data, &path, &rows, asked.truncated);
    let entries = entries(data.as_bytes());
    lines_of(&asked, &path, &rows, &entries);
    table_of(&asked, &path, &rows, &entries);
}

/// How a listing is wanted.
struct Asked {
    view: View,
    truncated: bool,
}

impl Asked {
    fn render(&self, format: Format, path: &SafePath, rows: &[Row]) -> String {
        let view = View { format, ..self.view.clone() };
        let (types, truncated) = (MediaTypes::default(), self.truncated);
        let listing = Listing {
            path,
            view: &view,
            types: &types,
            truncated,
            archives: truncated,
            live: None,
            readme: None,
        };
        String::from_utf8(listing.render(rows)).unwrap_or_else(|_| panic!("a listing is UTF-8"))
    }
}

/// The same entries in lines, and the same names.
fn lines_of(asked: &Asked, path: &SafePath, rows: &[Row], entries: &[serde_json::Value]) {
    let lines = asked.render(Format::Ndjson, path, rows);
    let mut lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
    if asked.truncated {
        assert_eq!(lines.pop(), Some(serde_json::json!({ "truncated": true })));
    }
    assert_eq!(lines, entries);
    let names = asked.render(Format::Text, path, rows);
    assert!(!names.contains(|c| steers(c) && c != '\n'), "{names:?}");
    assert_eq!(names.lines().count(), rows.len() + usize::from(asked.truncated));
}

/// The same entries in a table, in which nothing is taken for a formula.
fn table_of(asked: &Asked, path: &SafePath, rows: &[Row], entries: &[serde_json::Value]) {
    let table = asked.render(Format::Csv, path, rows);
    assert!(!table.contains(|c| steers(c) && c != '\r' && c != '\n'), "{table:?}");
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let records: Result<Vec<csv::StringRecord>, _> = reader.records().collect();
    let Ok(mut records) = records else { panic!("no table: {table}") };
    if asked.truncated {
        assert!(records.pop().is_some_and(|record| &record[1] == "truncated"));
    }
    assert_eq!(records.len(), entries.len());
    for (record, entry) in records.iter().zip(entries) {
        assert!(!record[0].starts_with(['=', '+', '-', '@']), "{record:?}");
        assert_eq!(&record[1], entry["type"]);
        assert_eq!(record[2], entry["size"].as_u64().map(|size| size.to_string()).unwrap_or_default());
        assert_eq!(&record[3], entry["modified"].as_str().unwrap_or_default());
        assert_eq!(&record[4], entry["href"]);
    }
}

/// What moves a cursor or turns the direction of text round.
fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
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
            // A character that no name should have, and no browser minds.
            Token::Error(error) if error.value == Error::NoncharacterInInputStream => {}
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

/// The start tags of the style sheet and of the script, each with what follows it in the page
/// of an empty folder. It is the same in every page and most of what a small one holds, so
/// it is read once, here.
static FIXED: LazyLock<[(&str, String); 2]> = LazyLock::new(|| {
    let asked = Asked { view: View::of(None, RequestFields::new(&[])), truncated: false };
    let page = asked.render(Format::Html, &SafePath::root(), &[]);
    tokens(&page);
    [("<style>", "</style>"), ("<script>", "</script>")].map(|(start, end)| {
        let inner = page.split_once(start).and_then(|(_, rest)| rest.split_once(end));
        (start, inner.unwrap_or_else(|| panic!("no {start} in {page}")).0.to_owned())
    })
});

/// The page without what is the same in every page.
fn varying(asked: &Asked, path: &SafePath, rows: &[Row]) -> String {
    let page = asked.render(Format::Html, path, rows);
    let (mut varying, mut rest) = (String::new(), page.as_str());
    for (start, fixed) in &*FIXED {
        let Some((before, after)) = rest.split_once(start) else { panic!("no {start} in {page}") };
        varying.extend([before, start]);
        rest = after.strip_prefix(fixed.as_str()).unwrap_or_else(|| panic!("another {start} in {page}"));
    }
    varying + rest
}

fn page_of(asked: &Asked, path: &SafePath, rows: &[Row]) {
    let page = varying(asked, path, rows);
    let seen = tokens(&page);
    // The same page with harmless names has the same tags.
    let depth = path.segments().count();
    let harmless_path =
        SafePath::parse(&format!("/{}", "d/".repeat(depth))).unwrap_or_else(|_| SafePath::root());
    // Named so that they stay in this order.
    let number = |at| if asked.view.descending { ROWS_MAX - at } else { at };
    let harmless =
        |(at, row): (usize, &Row)| Row { name: format!("n{}", number(at)).into_bytes(), ..row.clone() };
    let harmless: Vec<Row> = in_order(asked, rows).into_iter().enumerate().map(harmless).collect();
    let plain = tokens(&varying(asked, &harmless_path, &harmless));
    assert_eq!(seen.tags, plain.tags);
    let rows_seen: Vec<&String> =
        seen.links.iter().filter(|link| link.starts_with("./") && *link != "./").collect();
    let found: BTreeSet<Vec<u8>> = rows_seen.iter().map(|link| decoded(link)).collect();
    assert_eq!(found, rows.iter().map(linked).collect());
    assert_eq!(rows_seen.len(), rows.len());
    let is_ours = |link: &String| link.starts_with("./") || link.replace("../", "").is_empty();
    assert!(seen.links.iter().all(is_ours), "{:?}", seen.links);
    // Whatever is plain to read is there to read, and nothing of it can steer.
    let shown: BTreeSet<&str> = seen.shown.iter().map(String::as_str).collect();
    for row in rows.iter().filter(|row| row.name.iter().all(|b| matches!(b, b' '..=b'~'))) {
        let name = format!("{}{}", text(&row.name), if row.is_directory { "/" } else { "" });
        assert!(shown.contains(name.as_str()), "{name:?} of {shown:?}");
    }
    assert!(!seen.shown.iter().any(|name| name.contains(steers)), "{shown:?}");
    assert!(!page.contains(|c: char| steers(c) && c != '\n'));
}

/// The order of the page, read from its data.
fn in_order<'a>(asked: &Asked, rows: &'a [Row]) -> Vec<&'a Row> {
    let data = asked.render(Format::Json, &SafePath::root(), rows);
    let links =
        entries(data.as_bytes()).into_iter().map(|entry| decoded(entry["href"].as_str().unwrap_or_default()));
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

fn data_of(written: &str, path: &SafePath, rows: &[Row], truncated: bool) {
    assert!(!written.trim_end_matches('\n').contains(char::is_control), "{written:?}");
    let Ok(value) = serde_json::from_str::<serde_json::Value>(written) else { panic!("not JSON: {written}") };
    assert_eq!(value["truncated"], truncated);
    let shown: String = path.segments().map(|s| format!("{}/", String::from_utf8_lossy(s))).collect();
    assert_eq!(value["path"], format!("/{shown}"));
    let entries = entries(written.as_bytes());
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
