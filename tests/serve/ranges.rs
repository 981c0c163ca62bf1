//! Several ranges of one file (behaviour, section 5; RFC 9110 §14.2, §14.6, §15.3.7.2).

use std::ops::RangeInclusive;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::harness::{Answer, SETTLED, TestServer};

/// One file, settled.
fn site(size: usize) -> (TestServer, Vec<u8>) {
    let server = TestServer::start(&[]);
    let content: Vec<u8> = (0..size).map(|i| (i * i / 5 + i) as u8).collect();
    server.write("f.bin", &content);
    server.settle("f.bin");
    (server, content)
}

fn get(server: &TestServer, ranges: &str, fields: &str) -> Answer {
    server.request("GET", "/f.bin", &format!("Range: bytes={ranges}\r\n{fields}"))
}

/// A part of a multipart body.
#[derive(Debug, PartialEq, Eq)]
struct Part {
    range: RangeInclusive<u64>,
    of: u64,
    media_type: String,
    data: Vec<u8>,
}

fn boundary(answer: &Answer) -> &str {
    let boundary = answer.field("content-type").unwrap().strip_prefix("multipart/byteranges; boundary=");
    let boundary = boundary.unwrap_or_else(|| panic!("not a multipart: {:?}", answer.fields));
    // RFC 2046 §5.1.1, without what would need quotes in a parameter.
    let is_plain = boundary.bytes().all(|b| b.is_ascii_alphanumeric());
    assert!(is_plain && (1..=70).contains(&boundary.len()), "{boundary}");
    boundary
}

/// Takes a multipart body apart at its delimiters, as RFC 2046 §5.1 has it; knows nothing
/// of how long the parts should be.
fn parts(answer: &Answer) -> Vec<Part> {
    assert_eq!(answer.status, 206);
    // RFC 9110 §15.3.7.2: it would be read as that of one part.
    assert_eq!(answer.field("content-range"), None);
    assert_eq!(answer.field("content-length"), Some(&*answer.body.len().to_string()));
    let delimiter = format!("\r\n--{}", boundary(answer));
    let mut body = b"\r\n".to_vec();
    body.extend_from_slice(&answer.body);
    let mut pieces = Vec::new();
    let mut rest = &body[..];
    while let Some(at) = find(rest, delimiter.as_bytes()) {
        pieces.push(&rest[..at]);
        rest = &rest[at + delimiter.len()..];
    }
    assert_eq!(rest, b"--\r\n", "what follows the last delimiter");
    assert_eq!(pieces.remove(0), b"", "a preamble");
    pieces.into_iter().map(part).collect()
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

fn part(piece: &[u8]) -> Part {
    let piece = piece.strip_prefix(b"\r\n").expect("a line end behind the delimiter");
    let end = find(piece, b"\r\n\r\n").expect("an empty line behind the head");
    let head = std::str::from_utf8(&piece[..end]).unwrap();
    let field = |name: &str| {
        let mut lines = head.split("\r\n").filter_map(|line| line.split_once(": "));
        let (_, value) = lines.find(|(n, _)| n.eq_ignore_ascii_case(name)).expect(name);
        value.to_owned()
    };
    let range = field("content-range");
    let (range, of) = range.strip_prefix("bytes ").unwrap().split_once('/').unwrap();
    let (first, last) = range.split_once('-').unwrap();
    Part {
        range: first.parse().unwrap()..=last.parse().unwrap(),
        of: of.parse().unwrap(),
        media_type: field("content-type"),
        data: piece[end + 4..].to_vec(),
    }
}

/// The parts that these ranges of a file should be.
fn expected(content: &[u8], media_type: &str, ranges: &[RangeInclusive<u64>]) -> Vec<Part> {
    let part = |range: &RangeInclusive<u64>| Part {
        range: range.clone(),
        of: content.len() as u64,
        media_type: media_type.to_owned(),
        data: content[*range.start() as usize..=*range.end() as usize].to_vec(),
    };
    ranges.iter().map(part).collect()
}

const BYTES: &str = "application/octet-stream";

#[test]
fn several_ranges_of_a_small_file_are_parts_in_the_order_of_the_field() {
    let (server, content) = site(2000);
    let mut client = server.connect();
    for (ranges, selected) in [
        ("0-9,100-199", &[0..=9, 100..=199][..]),
        ("100-199,0-9", &[100..=199, 0..=9]),
        ("-1,0-0", &[1999..=1999, 0..=0]),
        ("0-0 ,, 2-2,\t1000-9999", &[0..=0, 2..=2, 1000..=1999]),
        ("0-9,5000-,20-29", &[0..=9, 20..=29]),
        ("500-599,0-9,550-650,10-19", &[500..=650, 0..=19]),
    ] {
        client.send(format!("GET /f.bin HTTP/1.1\r\nHost: localhost\r\nRange: bytes={ranges}\r\n\r\n"));
        let answer = client.answer_to("GET");
        assert_eq!(parts(&answer), expected(&content, BYTES, selected), "{ranges}");
        assert_eq!(answer.field("accept-ranges"), Some("bytes"));
    }
    // The length was right each time: the next answer is where it should be.
    assert_eq!(client.get("/f.bin").body, content);
}

#[test]
fn the_body_is_exactly_what_the_rfc_draws() {
    let server = TestServer::with_files(&[("a.txt", &"0123456789".repeat(50))], &[]);
    let answer = server.request("GET", "/a.txt", "Range: bytes=10-14,499-\r\n");
    let boundary = boundary(&answer);
    let text = format!(
        "--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes 10-14/500\r\n\r\n\
         01234\r\n--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Range: bytes 499-499/500\r\n\r\n9\r\n--{boundary}--\r\n"
    );
    assert_eq!(answer.text(), text);
}

#[test]
fn large_parts_are_sent_from_the_file() {
    let (server, content) = site(1_000_000);
    for (ranges, selected) in [
        ("900000-,0-499999", &[900_000..=999_999, 0..=499_999][..]),
        ("0-0,400000-699999,-1", &[0..=0, 400_000..=699_999, 999_999..=999_999]),
    ] {
        let answer = get(&server, ranges, "");
        assert!(parts(&answer) == expected(&content, BYTES, selected), "{ranges}");
    }
}

/// Elsewhere such a file takes the space and the time of all its bytes.
#[cfg(unix)]
#[test]
fn parts_reach_beyond_4_gib() {
    use std::os::unix::fs::FileExt;
    let server = TestServer::start(&[]);
    let path = server.write("f.bin", "begin");
    let (size, at) = (5 * (1 << 30) + 3_u64, (1_u64 << 32) - 2);
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_len(size).unwrap();
    file.write_all_at(b"here", at).unwrap();
    file.write_all_at(b"end", size - 3).unwrap();
    let answer = get(&server, &format!("-3,{at}-{},0-4,{}-{}", at + 3, at - 90_000, at - 10_001), "");
    let parts = parts(&answer);
    let found: Vec<_> = parts.iter().map(|part| (part.range.clone(), &part.data[..])).collect();
    let zeros = vec![0; 80_000 - 1];
    assert_eq!(found.len(), 4);
    assert_eq!(found[0], (size - 3..=size - 1, &b"end"[..]));
    assert_eq!(found[1], (at..=at + 3, &b"here"[..]));
    assert_eq!(found[2], (0..=4, &b"begin"[..]));
    assert!(found[3].0 == (at - 90_000..=at - 10_001) && found[3].1[1..] == zeros, "{:?}", found[3].0);
    assert!(parts.iter().all(|part| part.of == size));
}

#[test]
fn an_index_file_has_ranges_like_any_other() {
    let page = "<!doctype html>".repeat(100);
    let server = TestServer::with_files(&[("index.html", &page)], &[]);
    for target in ["/", "/index.html"] {
        let answer = server.request("GET", target, "Range: bytes=-15,0-8\r\n");
        let selected = [1485..=1499, 0..=8];
        let html = "text/html; charset=utf-8";
        assert_eq!(parts(&answer), expected(page.as_bytes(), html, &selected), "{target}");
        let one = server.request("GET", target, "Range: bytes=2-8\r\n");
        assert_eq!((one.status, one.text()), (206, "doctype"), "{target}");
        assert_eq!(server.request("GET", target, "Range: bytes=1500-,-0\r\n").status, 416, "{target}");
    }
}

#[test]
fn one_part_that_is_left_is_no_multipart_and_none_is_416() {
    let (server, content) = site(2000);
    for (ranges, first, last) in [
        ("0-9,2000-", 0, 9),
        (",,5-6,", 5, 6),
        ("0-999,1000-1999", 0, 1999),
        ("10-19,0-9", 0, 19),
        ("0-9,5-14", 0, 14),
    ] {
        let answer = get(&server, ranges, "");
        assert_eq!(answer.status, 206, "{ranges}");
        assert_eq!(answer.field("content-range"), Some(&*format!("bytes {first}-{last}/2000")), "{ranges}");
        assert_eq!(answer.field("content-type"), Some(BYTES));
        assert_eq!(answer.body, content[first..=last], "{ranges}");
    }
    for ranges in ["2000-,3000-4000", "-0,-0", "99999999999999999999-,2000-"] {
        let answer = get(&server, ranges, "");
        assert_eq!((answer.status, answer.field("content-range")), (416, Some("bytes */2000")), "{ranges}");
    }
}

/// R34.
#[test]
fn what_costs_more_than_it_saves_gets_the_whole() {
    let (server, content) = site(2000);
    let seventeen: Vec<String> = (0..17).map(|n| format!("{0}-{0}", n * 100)).collect();
    let killer: Vec<String> = (0..600).map(|n| format!("5-{n}")).collect();
    let long = format!("0-0{}", ",".repeat(5000));
    for (ranges, why) in [
        (&*seventeen.join(","), "more than 16"),
        (&*format!("0-,{}", killer.join(",")), "CVE-2011-3192"),
        ("0-,0-,0-", "three that overlap"),
        ("0-10,5-20,15-30", "three that overlap"),
        (&*long, "longer than 4 KiB"),
        ("0-899,901-1999", "with what is around them, parts are not shorter than the file"),
        ("0-0,x", "malformed"),
        ("0-0,9-8", "malformed"),
    ] {
        let answer = get(&server, ranges, "");
        assert_eq!((answer.status, answer.field("content-range")), (200, None), "{why}");
        assert_eq!(answer.body, content, "{why}");
    }
    assert_eq!(parts(&get(&server, &seventeen[..16].join(","), "")).len(), 16);
    // Of a small file no two parts are shorter than the file.
    let (server, content) = site(100);
    assert_eq!(get(&server, "0-0,-1", "").body, content);
}

#[test]
fn conditions_come_before_several_ranges_too() {
    let (server, content) = site(2000);
    let tag = format!("\"7d0-{:x}\"", SETTLED.as_nanos());
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    for (fields, status) in [
        (format!("If-Range: {tag}"), 206),
        (format!("If-Range: {date}"), 206),
        (format!("If-Range: W/{tag}"), 200),
        ("If-Range: \"x\"".to_owned(), 200),
        ("If-Range: Sun, 06 Nov 1994 08:49:38 GMT".to_owned(), 200),
        (format!("If-Match: {tag}"), 206),
        ("If-Match: \"x\"".to_owned(), 412),
        (format!("If-None-Match: {tag}\r\nIf-Range: \"x\""), 304),
    ] {
        let mut client = server.connect();
        client.send(format!(
            "GET /f.bin HTTP/1.1\r\nHost: localhost\r\nRange: bytes=-1,0-9\r\n{fields}\r\n\r\n"
        ));
        let answer = client.answer_to("GET");
        assert_eq!(answer.status, status, "{fields}");
        match status {
            206 => assert_eq!(parts(&answer), expected(&content, BYTES, &[1999..=1999, 0..=9]), "{fields}"),
            200 => assert_eq!(answer.body, content, "{fields}"),
            _ => {}
        }
        if status != 412 {
            assert_eq!(answer.field("etag"), Some(&*tag), "{fields}");
        }
    }
    // §14.2: only GET has ranges.
    let head = server.request("HEAD", "/f.bin", "Range: bytes=0-9,-1\r\n");
    assert_eq!((head.status, head.field("content-length")), (200, Some("2000")));
    assert_eq!(head.field("content-type"), Some(BYTES));
}

#[test]
fn a_file_that_holds_the_boundaries_of_the_past_cannot_hold_the_next() {
    let (server, _) = site(2000);
    let mut seen = Vec::new();
    for _ in 0..20 {
        let content = format!("{:4000}", seen.join("\r\n--"));
        server.write("f.bin", &content);
        let answer = get(&server, "0-1999,3000-", "");
        assert_eq!(parts(&answer), expected(content.as_bytes(), BYTES, &[0..=1999, 3000..=3999]));
        let boundary = boundary(&answer).to_owned();
        assert!(!seen.contains(&boundary));
        seen.push(boundary);
    }
}

/// A few ranges somewhere, or malformed ones.
fn any_ranges() -> impl Strategy<Value = Vec<(u64, u64)>> {
    let range = prop_oneof![
        4 => (0_u64..80_000, 0_u64..300),
        1 => (0_u64..80_000, 0_u64..40_000),
    ];
    prop::collection::vec(range, 1..18)
}

/// R34.
#[test]
fn whatever_is_asked_for_every_byte_is_in_its_place_and_none_is_sent_twice() {
    let (server, content) = site(70_000);
    let mut client = server.connect();
    let mut multiparts = 0;
    let config = ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() };
    let check = |ranges: Vec<(u64, u64)>| {
        let field: Vec<String> = ranges.iter().map(|(first, n)| format!("{first}-{}", first + n)).collect();
        let field = field.join(",");
        client.send(format!("GET /f.bin HTTP/1.1\r\nHost: localhost\r\nRange: bytes={field}\r\n\r\n"));
        let answer = client.answer_to("GET");
        prop_assert!(answer.body.len() <= content.len(), "{} bytes", answer.body.len());
        let is_multipart = answer.status == 206 && answer.field("content-range").is_none();
        if !is_multipart {
            prop_assert!(matches!(answer.status, 200 | 206 | 416), "{}", answer.status);
            return Ok(());
        }
        multiparts += 1;
        let mut sent = vec![0_u8; content.len()];
        for part in parts(&answer) {
            let (first, last) = (*part.range.start() as usize, *part.range.end() as usize);
            prop_assert!(part.data == content[first..=last], "{:?} of {field}", part.range);
            sent[first..=last].iter_mut().for_each(|count| *count += 1);
        }
        for (at, count) in sent.iter().enumerate() {
            let is_wanted = ranges.iter().any(|(first, n)| (*first..=first + n).contains(&(at as u64)));
            prop_assert_eq!(*count, u8::from(is_wanted), "byte {} of {}", at, field);
        }
        Ok(())
    };
    let check = std::cell::RefCell::new(check);
    TestRunner::new(config).run(&any_ranges(), |ranges| (check.borrow_mut())(ranges)).unwrap();
    assert!(multiparts > 20, "only {multiparts} of 200 were answered with parts");
}
