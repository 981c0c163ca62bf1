//! Tests of `_headers`, of what both files have in common, and of reading them again.

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use super::*;
use crate::clock::Now;
use crate::http::Status;
use crate::site::Report;
use crate::site::files::Memory;
use std::sync::Arc;

/// The fields of a response after the rules: ours are `Cache-Control`, `Server` and a type.
fn fields(file: &str, path: &str, status: Status) -> String {
    let (rules, complaints) = Rules::parse(file.as_bytes(), b"");
    assert_eq!(complaints, [], "{file}");
    let mut response = Response::new(status);
    response.fields.push("Cache-Control", "no-cache");
    response.fields.push("Content-Type", "text/html");
    rules.apply(&SafePath::parse(path).unwrap(), &mut response);
    assert!(response.fields.is_valid());
    String::from_utf8(response.fields.as_bytes().to_vec()).unwrap().replace("\r\n", "|")
}

const OURS: &str = "Cache-Control: no-cache|Content-Type: text/html|";

/// The fields that an answer has without rules, and these.
fn own(rest: &str) -> String {
    format!("{OURS}{rest}")
}

#[test]
fn fields_follow_the_paths_that_they_are_for() {
    for (file, path, expected) in [
        ("/a\n  X-A: 1\n", "/a", own("X-A: 1|")),
        ("/a\nX-A:1", "/a", own("X-A: 1|")),
        ("/a\n X-A: 1\n", "/b", own("")),
        ("/*\n X-A: 1\n/a\n X-A: 2\n x-a: 3\n", "/a", own("X-A: 1|X-A: 2|x-a: 3|")),
        ("/*\n X-A: 1\n/a\n ! X-A\n", "/a", own("")),
        ("/*\n X-A: 1\n/a\n X-A: 2\n ! X-A\n", "/a", own("X-A: 2|")),
        ("/*\n ! cache-control\n", "/a", "Content-Type: text/html|".into()),
        ("/*\n Cache-Control: max-age=1\n", "/", "Content-Type: text/html|Cache-Control: max-age=1|".into()),
        (
            "/*.wasm\n content-type: application/wasm\n",
            "/d/a.wasm",
            "Cache-Control: no-cache|content-type: application/wasm|".into(),
        ),
        (
            "/m/:t/*\n X-A: \":t\" :splat :other data:x\n",
            "/m/a%0d%0a\"/b/c",
            own("X-A: \"a%0D%0A%22\" b/c :other data:x|"),
        ),
        (
            "/a\n Link: <https://e.example/x>; rel=preload\n",
            "/a",
            own("Link: <https://e.example/x>; rel=preload|"),
        ),
        ("/*/x/*\n X-A: 1\n", "/1/x/2", own("X-A: 1|")),
        ("# c\n/a\n  # c\n\n  X-A: # 1\n", "/a", own("X-A: # 1|")),
    ] {
        assert_eq!(fields(file, path, Status::Ok), expected, "{file} {path}");
    }
}

#[test]
fn all_fields_of_a_response_together_hold_8_kib_of_what_the_path_brings() {
    let file = "/*\n X-A: :splat :splat\n X-B: 1\n X-C: :splat\n/*\n X-D: :splat\n";
    for (length, kept) in [(1, 3), (2048, 3), (2049, 2), (4096, 1), (8000, 0)] {
        let name = "a".repeat(length);
        let [a, c, d] = [format!("X-A: {name} {name}|"), format!("X-C: {name}|"), format!("X-D: {name}|")];
        let expected = match kept {
            3 => format!("{a}X-B: 1|{c}{d}"),
            2 => format!("{a}X-B: 1|{c}"),
            1 => format!("{a}X-B: 1|"),
            _ => "X-B: 1|".to_owned(),
        };
        assert_eq!(fields(file, &format!("/{name}"), Status::Ok), own(&expected), "{length}");
    }
}

#[test]
fn what_describes_or_keeps_a_file_is_not_for_other_answers() {
    let file = "/*\n X-A: 1\n Cache-Control: max-age=9\n Content-Type: text/css\n";
    let (kept, typed) = ("X-A: 1|Cache-Control: max-age=9|", "Content-Type: text/css|");
    for (status, expected) in [
        (Status::Ok, format!("{kept}{typed}")),
        (Status::PartialContent, format!("{kept}{typed}")),
        (Status::NotModified, format!("Content-Type: text/html|{kept}")),
        (Status::MovedPermanently, format!("{OURS}X-A: 1|")),
        (Status::NotFound, format!("{OURS}X-A: 1|")),
    ] {
        assert_eq!(fields(file, "/a", status), expected, "{status:?}");
    }
    let (rules, _) = Rules::parse(file.as_bytes(), b"");
    let mut parts = Response::new(Status::PartialContent);
    parts.fields.push("Content-Type", "multipart/byteranges; boundary=x");
    rules.apply(&SafePath::root(), &mut parts);
    assert_eq!(parts.fields.get("content-type"), Some("multipart/byteranges; boundary=x"));
}

#[test]
fn a_bad_field_is_told_by_line_and_the_others_hold() {
    for line in [
        "X-A",
        ": 1",
        "X A: 1",
        "X-A:",
        "X-A: \u{e9}",
        "X-A: \u{1b}[1m",
        "Content-Length: 1",
        "transfer-encoding: chunked",
        "Connection: close",
        "Date: now",
        "Location: /",
        "ETag: \"1\"",
        "! Content-Length",
        "! Content-Type",
        "!",
        "! X A",
        "Content-Type: html",
        "Basic-Auth: me:secret",
    ] {
        let file = format!("/a\n  X-1: 1\n  {line}\n  X-2: 2\n");
        let (rules, complaints) = Rules::parse(file.as_bytes(), b"");
        assert_eq!(complaints.len(), 1, "{line}: {complaints:?}");
        assert_eq!((complaints[0].file, complaints[0].line), ("_headers", 3), "{line}");
        assert!(!complaints[0].what.contains("secret"));
        let path = SafePath::parse("/a").unwrap();
        let changes: Vec<_> = rules.fields(&path).collect();
        assert_eq!(changes, [Change::Set("X-1", "1".into()), Change::Set("X-2", "2".into())], "{line}");
    }
    let removed = Rules::parse(b"/a\n ! ETag\n", b"").0;
    assert_eq!(removed.fields(&SafePath::parse("/a").unwrap()).collect::<Vec<_>>(), [Change::Remove("ETag")]);
}

#[test]
fn a_bad_path_takes_its_fields_with_it() {
    let lines = |file: &str| -> Vec<usize> {
        Rules::parse(file.as_bytes(), b"").1.iter().map(|complaint| complaint.line).collect()
    };
    for (file, expected) in [
        ("X-A: 1\n/a\n X-A: 1", &[1][..]),
        ("/a\n/b\n X-A: 1\n/c", &[1, 4]),
        ("/:a:b\n X-A: 1\n bad\n/b\n X-B: 1\n", &[1]),
        ("https://e.example/*\n X-A: 1\n", &[1]),
        ("/*:a\n X-A: 1\n", &[1]),
    ] {
        assert_eq!(lines(file), expected, "{file}");
    }
    let many: String = (0..=100).map(|n| format!("/{n}\n X-A: 1\n")).collect();
    assert_eq!(lines(&many), [201]);
}

#[test]
fn a_file_of_another_kind_does_not_flood_the_log() {
    let noise = [vec![b'x'; LINE_MAX + 1], b"\n".to_vec(), b"\xff\n".to_vec()].concat().repeat(100);
    let (rules, complaints) = Rules::parse(&noise, &noise);
    assert_eq!(rules, Rules::default());
    assert_eq!(complaints.len(), 2 * (COMPLAINTS_MAX + 1));
    assert_eq!(complaints.last().unwrap().to_string(), "_redirects: 185 more lines are wrong");
    let odd = Rules::parse(b"", "/a /b \u{1b}]0;\u{202e}".as_bytes()).1;
    assert!(odd[0].to_string().is_ascii() && !odd[0].to_string().contains('\u{1b}'), "{odd:?}");
}

#[test]
fn the_files_are_known_in_every_spelling() {
    for path in [
        "/_headers",
        "/_redirects",
        "/%5fredirects",
        "/_HEADERS",
        "/_Redirects/",
        "/a/../_headers",
        "/_head%E2%80%8Cers",
        "/%EF%BB%BF_headers",
        "/_header%C5%BF",
    ] {
        assert!(is_rule_file(&SafePath::parse(path).unwrap()), "{path}");
    }
    for path in ["/", "/a", "/a/_headers", "/_headers/a", "/_header", "/_headers2", "/headers", "/%ff"] {
        assert!(!is_rule_file(&SafePath::parse(path).unwrap()), "{path}");
    }
}

/// A reader, its files, and what was told.
struct Bench {
    reader: Reader,
    shared: Shared,
    files: Memory,
    now: Now,
    told: Arc<Mutex<Vec<String>>>,
    report: Report,
}

impl Bench {
    fn new() -> Bench {
        let told = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&told);
        let report: Report = Arc::new(move |line| sink.lock().unwrap().push(line.to_owned()));
        let shared = Shared::default();
        let reader = Reader::new(Some(shared.clone()));
        Bench { reader, shared, files: Memory::default(), now: Now::read(), told, report }
    }

    fn write(&mut self, name: &str, text: impl Into<bytes::Bytes>, modified: SystemTime) {
        self.files.insert(name, text, modified);
    }

    /// Looks after so many milliseconds; gives what was told since.
    fn look(&mut self, later: u64) -> Vec<String> {
        self.now = self.now.later(Duration::from_millis(later));
        self.reader.refresh(&mut self.files, &self.now, &self.report);
        std::mem::take(&mut self.told.lock().unwrap())
    }

    fn has(&self, path: &str) -> bool {
        self.reader.rules().redirect(&SafePath::parse(path).unwrap(), None).is_some()
    }
}

#[test]
fn a_change_is_noticed_within_a_second_and_told_of_once() {
    let mut bench = Bench::new();
    let made = bench.now.system;
    bench.write("_redirects", "/a /b\nbad\n", made);
    assert_eq!(bench.look(0).len(), 1);
    assert!(bench.has("/a"));
    bench.write("_redirects", "/c /b\nbad\nworse\n", made);
    assert!(bench.look(999).is_empty());
    assert!(bench.has("/a"), "looked at more than once a second");
    assert_eq!(bench.look(1).len(), 2);
    assert!(bench.has("/c") && !bench.has("/a"));
    assert!(bench.look(1000).is_empty());
    // Of the same length within the resolution of the time stamp.
    bench.write("_redirects", "/d /b\nbad\nworse\n", made);
    assert_eq!(bench.look(1000).len(), 2);
    assert!(bench.has("/d"));
    // Of the other file only its own mistakes are told.
    bench.write("_headers", "odd\n", made);
    assert_eq!(bench.look(1000).len(), 1);
    bench.files = Memory::default();
    assert!(bench.look(5000).is_empty());
    assert!(!bench.has("/d"));
}

#[test]
fn loops_share_what_was_read_and_told() {
    let mut bench = Bench::new();
    bench.write("_headers", "bad\n", bench.now.system);
    bench.write("_redirects", "/a /b\n", bench.now.system);
    assert_eq!(bench.look(0), ["_headers:1: a field comes behind the path that it is for"]);
    bench.reader = Reader::new(Some(bench.shared.clone()));
    assert!(bench.look(0).is_empty() && bench.has("/a"));
    bench.write("_redirects", "/a /c\n", bench.now.system);
    assert!(bench.look(1000).is_empty());
    bench.reader = Reader::new(None);
    assert!(bench.look(0).is_empty() && !bench.has("/a") && !bench.reader.is_on());
}

#[test]
fn a_file_of_more_than_a_mebibyte_is_refused() {
    let mut bench = Bench::new();
    let file = |len: usize| [b"/a /b\n#".to_vec(), vec![b' '; len - 7]].concat();
    let made = bench.now.system;
    bench.write("_redirects", file(FILE_MAX), made);
    assert!(bench.look(0).is_empty() && bench.has("/a"));
    bench.write("_redirects", file(FILE_MAX + 1), made);
    assert_eq!(bench.look(1000), ["_redirects: it has more than 1 MiB, so none of it is used"]);
    assert!(!bench.has("/a"));
    assert!(bench.look(1000).is_empty(), "told twice");
}

proptest! {
    #[test]
    fn nothing_in_the_files_panics_or_breaks_a_response(
        headers in "(/[a*:]{0,4}\n|[a-zA-Z-]{1,4}: ?[a:* \u{e9}\r]{0,6}\n|! ?[a-z]{0,3}\n|\\PC{0,9}\n){0,8}",
        redirects in "(/[a*:/%\\\\]{0,5} (a=:a )?(/|https?://)?[ab*:/%.?#\\\\]{0,9}(splat)?( [2-4]0[0-48]!?)?\n|\\PC{0,9}\n){0,8}",
        path in "/[a/.%*:\\\\]{0,8}",
        query in proptest::option::of("[a=:/&%0-9\\\\]{0,8}"),
    ) {
        let (rules, complaints) = Rules::parse(headers.as_bytes(), redirects.as_bytes());
        prop_assert!(complaints.iter().all(|c| c.line <= 20 && c.to_string().is_ascii()));
        let Ok(path) = SafePath::parse(&path) else { return Ok(()) };
        let mut response = Response::new(Status::Ok);
        rules.apply(&path, &mut response);
        prop_assert!(response.fields.is_valid());
        if let Some(Match { outcome: Outcome::Redirect { location, here, .. }, .. }) = rules.redirect(&path, query.as_deref()) {
            response.fields.push("Location", &location);
            prop_assert!(response.fields.is_valid(), "{location}");
            let is_here = location.starts_with('/') && !location[1..].starts_with(['/', '\\']);
            prop_assert_eq!(is_here, here.is_some(), "{}", location);
            prop_assert!(is_here || location.starts_with("http://") || location.starts_with("https://"));
        }
    }
}
