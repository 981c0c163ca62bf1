//! Conditional requests and ranges (behaviour, section 5).

use super::harness::{Answer, SETTLED, TestServer};

const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const LATER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
const EARLIER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";

/// One file of `size` bytes, settled, and its tag.
fn site(size: usize) -> (TestServer, Vec<u8>, String) {
    let server = TestServer::start(&[]);
    let content: Vec<u8> = (0..size).map(|i| (i * i / 5 + i) as u8).collect();
    server.write("f.bin", &content);
    server.settle("f.bin");
    (server, content, format!("\"{size:x}-{:x}\"", SETTLED.as_nanos()))
}

fn get(server: &TestServer, fields: &str) -> Answer {
    server.request("GET", "/f.bin", fields)
}

/// Replaces the placeholders of the tables.
fn filled(fields: &str, tag: &str) -> String {
    let dated = fields.replace("DATE", DATE).replace("LATER", LATER).replace("EARLIER", EARLIER);
    dated.replace("TAG", tag)
}

/// Checks one table: field lines without their last line end, and the status.
fn check(table: &[(&str, u16)]) {
    let (server, _, tag) = site(10);
    for (fields, status) in table {
        let fields = filled(fields, &tag);
        for method in ["GET", "HEAD"] {
            let answer = server.request(method, "/f.bin", &format!("{fields}\r\n"));
            assert_eq!(answer.status, *status, "{method} {fields:?}");
        }
    }
}

#[test]
fn a_tag_that_the_client_has_is_304() {
    check(&[
        ("If-None-Match: TAG", 304),
        ("If-None-Match: W/TAG", 304),
        ("If-None-Match: *", 304),
        ("If-None-Match: \"x\", TAG", 304),
        ("If-None-Match: \"a,b\" ,,\t W/TAG , \"y\"", 304),
        ("If-None-Match: \"x\"\r\nIf-None-Match: TAG", 304),
        ("if-none-match:TAG", 304),
        ("If-None-Match: \"x\"", 200),
        ("If-None-Match: \"x\", \"y\"", 200),
        ("If-None-Match: \"TAG\"", 200),
        ("If-None-Match: w/TAG", 200),
        ("If-None-Match: x", 200),
        ("If-None-Match:", 200),
        ("If-None-Match: \"", 200),
        ("If-None-Match: \"*\"", 200),
    ]);
}

#[test]
fn a_date_that_the_client_has_is_304_in_all_three_formats() {
    check(&[
        ("If-Modified-Since: DATE", 304),
        ("If-Modified-Since: LATER", 304),
        ("If-Modified-Since: EARLIER", 200),
        ("If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT", 304),
        ("If-Modified-Since: Sunday, 06-Nov-94 08:49:36 GMT", 200),
        ("If-Modified-Since: Sun Nov  6 08:49:37 1994", 304),
        ("If-Modified-Since: Sun Nov  6 08:49:36 1994", 200),
        ("If-Modified-Since: 1994-11-06", 200),
        ("If-Modified-Since: 784111777", 200),
        ("If-Modified-Since: Sun, 06 Nov 1994 08:49:37 +0100", 200),
        ("If-Modified-Since: Sun, 32 Nov 2094 08:49:37 GMT", 200),
        ("If-Modified-Since:", 200),
        ("If-Modified-Since: DATE\r\nIf-Modified-Since: DATE", 200),
    ]);
}

#[test]
fn who_means_another_file_gets_412() {
    check(&[
        ("If-Match: TAG", 200),
        ("If-Match: *", 200),
        ("If-Match: \"x\", TAG", 200),
        ("If-Match: \"x\"\r\nIf-Match: TAG", 200),
        ("If-Match: \"x\"", 412),
        ("If-Match: W/TAG", 412),
        ("If-Match: x", 412),
        ("If-Match:", 412),
        ("If-Unmodified-Since: DATE", 200),
        ("If-Unmodified-Since: LATER", 200),
        ("If-Unmodified-Since: EARLIER", 412),
        ("If-Unmodified-Since: Sun Nov  6 08:49:36 1994", 412),
        ("If-Unmodified-Since: yesterday", 200),
    ]);
}

#[test]
fn preconditions_are_evaluated_in_the_order_of_the_rfc() {
    check(&[
        // Tags win over dates.
        ("If-None-Match: \"x\"\r\nIf-Modified-Since: DATE", 200),
        ("If-Modified-Since: EARLIER\r\nIf-None-Match: TAG", 304),
        ("If-Match: TAG\r\nIf-Unmodified-Since: EARLIER", 200),
        ("If-Unmodified-Since: LATER\r\nIf-Match: \"x\"", 412),
        // 412 comes before 304, and both before ranges.
        ("If-None-Match: TAG\r\nIf-Match: \"x\"", 412),
        ("If-None-Match: TAG\r\nIf-Match: TAG", 304),
        ("If-Modified-Since: DATE\r\nIf-Unmodified-Since: EARLIER", 412),
        ("Range: bytes=0-1\r\nIf-None-Match: TAG", 304),
        ("Range: bytes=99-\r\nIf-Match: \"x\"", 412),
        ("Range: bytes=99-\r\nIf-Modified-Since: DATE", 304),
    ]);
}

#[test]
fn what_does_not_exist_has_no_conditions() {
    let (server, ..) = site(10);
    for fields in ["If-None-Match: *\r\n", "If-Match: *\r\n", "Range: bytes=0-0\r\n"] {
        assert_eq!(server.request("GET", "/missing", fields).status, 404, "{fields}");
    }
}

#[test]
fn a_304_says_of_the_cache_what_a_200_does_and_nothing_of_a_body() {
    let (server, content, tag) = site(10);
    let mut client = server.connect();
    let whole = client.get("/f.bin");
    client.send(format!("GET /f.bin HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: {tag}\r\n\r\n"));
    let answer = client.answer_to("HEAD");
    assert_eq!((answer.status, answer.field("connection")), (304, None));
    for name in ["etag", "last-modified", "cache-control", "vary", "expires", "content-location"] {
        assert_eq!(answer.field(name), whole.field(name), "{name}");
    }
    for name in ["content-length", "content-type", "content-range", "transfer-encoding"] {
        assert_eq!(answer.field(name), None, "{name}");
    }
    assert!(answer.field("date").is_some());
    assert_eq!(client.get("/f.bin").body, content);
}

/// R44.
#[test]
fn a_file_that_changed_has_another_tag_even_if_it_is_as_long_and_as_old_in_seconds() {
    use super::harness::set_modified;
    use std::time::{Duration, SystemTime};
    let (server, _, tag) = site(10);
    let path = server.write("f.bin", "0123456789");
    set_modified(&path, SystemTime::UNIX_EPOCH + SETTLED + Duration::from_millis(100));
    let answer = get(&server, &format!("If-None-Match: {tag}\r\n"));
    assert_eq!((answer.status, answer.text()), (200, "0123456789"));
    assert_ne!(answer.field("etag"), Some(&*tag));
    assert_eq!(answer.field("last-modified"), Some(DATE));
}

#[test]
fn a_listing_has_a_tag_that_follows_its_content() {
    let server = TestServer::with_files(&[("d/a", "1"), ("d/b", "2")], &[]);
    server.settle("d/a");
    server.settle("d/b");
    let mut client = server.connect();
    let first = client.get("/d/");
    let tag = first.field("etag").unwrap().to_owned();
    assert!(tag.starts_with('"') && first.field("last-modified").is_none(), "{first:?}");
    assert_eq!(client.get("/d/").field("etag"), Some(&*tag));
    for (method, fields, status) in [
        ("GET", "If-None-Match: TAG", 304),
        ("HEAD", "If-None-Match: TAG", 304),
        ("GET", "If-None-Match: \"x\", W/TAG", 304),
        ("GET", "If-None-Match: TAG\r\nAccept: application/json", 200),
        ("GET", "If-Match: TAG", 200),
        ("GET", "If-Match: \"x\"", 412),
        ("HEAD", "If-Match: W/TAG", 412),
        ("GET", "If-Modified-Since: LATER", 200),
        ("GET", "Range: bytes=0-9,100-109", 200),
    ] {
        let lines = filled(fields, &tag);
        client.send(format!("{method} /d/ HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n\r\n"));
        let answer = client.answer_to(if status == 304 { "HEAD" } else { method });
        assert_eq!(answer.status, status, "{method} {fields}");
        for name in ["vary", "cache-control"] {
            assert_eq!(answer.field(name), first.field(name), "{method} {fields}: {name}");
        }
        let has_length = answer.field("content-length").is_some();
        assert_eq!(has_length, status != 304, "{method} {fields}");
    }
    // As long as before, and a little later: the names alone would be the same.
    let path = server.write("d/a", "3");
    super::harness::set_modified(&path, std::time::SystemTime::UNIX_EPOCH + SETTLED * 2);
    let changed = server.request("GET", "/d/", &format!("If-None-Match: {tag}\r\n"));
    assert_eq!(changed.status, 200);
    assert_ne!(changed.field("etag"), Some(&*tag));
    assert!(!changed.body.is_empty());
}

/// What a value of Range selects of so many bytes.
enum Expected {
    Part(u64, u64),
    Whole,
    Nothing,
}
use Expected::{Nothing, Part, Whole};

fn ranges(n: u64) -> Vec<(String, Expected)> {
    let last = n - 1;
    let given = [
        ("0-0", Part(0, 0)),
        ("0-1", Part(0, 1)),
        ("0-", Part(0, last)),
        ("0-9999999999", Part(0, last)),
        ("0-99999999999999999999999999", Part(0, last)),
        ("-1", Part(last, last)),
        ("-5", Part(n - 5, last)),
        ("-9999999999", Part(0, last)),
        ("-99999999999999999999999999", Part(0, last)),
        (" 2-4 ", Part(2, 4)),
        ("-0", Nothing),
        ("18446744073709551615-", Nothing),
        ("99999999999999999999999999-", Nothing),
        ("", Whole),
        ("-", Whole),
        ("5-4", Whole),
        ("a-b", Whole),
        ("0", Whole),
        ("+1-2", Whole),
        ("--1", Whole),
        ("1 - 2", Whole),
        ("1-2-3", Whole),
        ("0x1-2", Whole),
        ("0-,0-,0-", Whole),
    ];
    let mut all: Vec<_> = given.into_iter().map(|(spec, part)| (spec.to_owned(), part)).collect();
    all.push((format!("{last}-"), Part(last, last)));
    all.push((format!("1-{last}"), Part(1, last)));
    all.push((format!("0-{n}"), Part(0, last)));
    all.push((format!("{n}-"), Nothing));
    all.push((format!("{n}-{n}"), Nothing));
    all
}

/// R35.
#[test]
fn ranges_are_clamped_ignored_or_not_satisfiable() {
    // The second is sent by the kernel from the file, where the part is large.
    for size in [10, 100_000] {
        let (server, content, tag) = site(size);
        let mut client = server.connect();
        for (spec, expected) in ranges(size as u64) {
            client.send(format!("GET /f.bin HTTP/1.1\r\nHost: localhost\r\nRange: bytes={spec}\r\n\r\n"));
            let answer = client.answer_to("GET");
            let (status, content_range) = match expected {
                Part(first, last) => (206, Some(format!("bytes {first}-{last}/{size}"))),
                Nothing => (416, Some(format!("bytes */{size}"))),
                Whole => (200, None),
            };
            assert_eq!(answer.status, status, "{spec} of {size}");
            assert_eq!(answer.field("content-range"), content_range.as_deref(), "{spec} of {size}");
            let body = match expected {
                Part(first, last) => &content[first as usize..=last as usize],
                Whole => &content[..],
                Nothing => continue,
            };
            assert!(answer.body == body, "{spec} of {size}: not that part");
            assert_eq!(answer.field("etag"), Some(&*tag), "{spec} of {size}");
            assert_eq!(answer.field("accept-ranges"), Some("bytes"), "{spec} of {size}");
        }
    }
}

#[test]
fn other_units_several_fields_and_other_methods_select_nothing() {
    let (server, content, _) = site(10);
    for fields in [
        "Range: items=0-1\r\n",
        "Range: bytes 0-1\r\n",
        "Range: 0-1\r\n",
        "Range: bytes=0-1\r\nRange: bytes=2-3\r\n",
    ] {
        let answer = get(&server, fields);
        assert_eq!((answer.status, answer.field("content-range")), (200, None), "{fields}");
        assert_eq!(answer.body, content);
    }
    assert_eq!(get(&server, "Range: BYTES=0-1\r\n").body, content[..2]);
    assert_eq!(server.request("POST", "/f.bin", "Range: bytes=0-1\r\n").status, 405);
}

#[test]
fn an_empty_file_is_whole_whatever_is_asked_of_it() {
    let (server, ..) = site(0);
    for range in
        ["", "Range: bytes=0-\r\n", "Range: bytes=0-0\r\n", "Range: bytes=-1\r\n", "Range: bytes=5-\r\n"]
    {
        let answer = get(&server, range);
        assert_eq!((answer.status, answer.field("content-length")), (200, Some("0")), "{range}");
    }
}

/// R35.
#[test]
fn if_range_needs_a_strong_tag_or_the_exact_date() {
    let (server, content, tag) = site(10);
    for (condition, status) in [
        ("TAG", 206),
        ("DATE", 206),
        ("Sun Nov  6 08:49:37 1994", 206),
        ("W/TAG", 200),
        ("\"x\"", 200),
        ("LATER", 200),
        ("EARLIER", 200),
        ("*", 200),
        ("TAG, \"x\"", 200),
        ("nonsense", 200),
        ("", 200),
    ] {
        let condition = filled(condition, &tag);
        let answer = get(&server, &format!("Range: bytes=2-3\r\nIf-Range: {condition}\r\n"));
        assert_eq!(answer.status, status, "{condition}");
        assert_eq!(answer.body, if status == 206 { &content[2..4] } else { &content[..] }, "{condition}");
        // What cannot be satisfied is no error when it was a condition that failed.
        let beyond = get(&server, &format!("Range: bytes=99-\r\nIf-Range: {condition}\r\n"));
        assert_eq!(beyond.status, if status == 206 { 416 } else { 200 }, "{condition}");
    }
}

#[test]
fn a_weak_tag_is_no_basis_for_parts() {
    use super::harness::set_modified;
    use std::time::{Duration, SystemTime};
    let (server, content, _) = site(10);
    // Modified in the future: it never settles while this runs.
    set_modified(&server.directory.path().join("f.bin"), SystemTime::now() + Duration::from_secs(86_400));
    let whole = get(&server, "");
    for name in ["etag", "last-modified"] {
        let answer =
            get(&server, &format!("Range: bytes=2-3\r\nIf-Range: {}\r\n", whole.field(name).unwrap()));
        assert_eq!((answer.status, &answer.body), (200, &content), "{name}");
    }
}

/// Elsewhere such a file takes the space and the time of all its bytes.
#[cfg(unix)]
#[test]
fn ranges_reach_beyond_4_gib() {
    use std::os::unix::fs::FileExt;
    let server = TestServer::start(&[]);
    let path = server.write("f.bin", "begin");
    let (size, at) = (5 * (1 << 30) + 3_u64, (1_u64 << 32) - 2);
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_len(size).unwrap();
    file.write_all_at(b"here", at).unwrap();
    file.write_all_at(b"end", size - 3).unwrap();
    let large = (at - 50_000)..=(at + 50_000);
    for (spec, first, last, expected) in [
        ("0-4".to_owned(), 0, 4, &b"begin"[..]),
        (format!("{at}-{}", at + 3), at, at + 3, b"here"),
        (format!("{}-", size - 3), size - 3, size - 1, b"end"),
        ("-3".to_owned(), size - 3, size - 1, b"end"),
        (format!("{}-{}", large.start(), large.end()), *large.start(), *large.end(), b""),
    ] {
        let answer = get(&server, &format!("Range: bytes={spec}\r\n"));
        let content_range = format!("bytes {first}-{last}/{size}");
        assert_eq!((answer.status, answer.field("content-range")), (206, Some(&*content_range)));
        if expected.is_empty() {
            assert_eq!(&answer.body[50_000..50_004], b"here");
        } else {
            assert_eq!(answer.body, expected, "{spec}");
        }
    }
    let head = server.request("HEAD", "/f.bin", "");
    assert_eq!(head.field("content-length"), Some(&*size.to_string()));
    assert_eq!(get(&server, &format!("Range: bytes={size}-\r\n")).status, 416);
}
