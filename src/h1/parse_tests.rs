//! Heads, good and bad: hazards §2.2 (F1–F12) and R10–R15, R18.

use super::*;
use proptest::prelude::*;

fn scan(input: &[u8]) -> Result<Option<Head>, Error> {
    Scanner::default().scan(input, &Limits::default())
}

/// What becomes of one whole head.
fn verdict(head: &[u8]) -> Result<(bool, bool), Error> {
    let head = match scan(head)? {
        Some(found) => &head[found.start..found.end],
        None => panic!("incomplete: {}", String::from_utf8_lossy(head)),
    };
    let mut storage = field_storage();
    let parsed = parse(head, &mut storage)?;
    Ok((parsed.keep_alive, parsed.announces_body))
}

fn with_fields(fields: &str) -> Result<(bool, bool), Error> {
    verdict(format!("GET / HTTP/1.1\r\n{fields}\r\n").as_bytes())
}

const KEEP: Result<(bool, bool), Error> = Ok((true, false));
const CLOSE: Result<(bool, bool), Error> = Ok((false, false));
const BODY: Result<(bool, bool), Error> = Ok((true, true));
const BAD: Result<(bool, bool), Error> = Err(Error::Malformed);

/// R12.
#[test]
fn request_lines() {
    for (line, expected) in [
        ("GET / HTTP/1.1", KEEP),
        ("GET / HTTP/1.0", CLOSE),
        ("get /x?y HTTP/1.1", KEEP),
        ("OPTIONS * HTTP/1.1", KEEP),
        ("GET http://other/x HTTP/1.1", KEEP),
        ("GET * HTTP/1.1", BAD),
        ("GET  / HTTP/1.1", BAD),
        ("GET /  HTTP/1.1", BAD),
        ("GET / HTTP/1.1 ", BAD),
        (" GET / HTTP/1.1", BAD),
        ("GET\t/\tHTTP/1.1", BAD),
        ("GET /", BAD),
        ("GET", BAD),
        ("GET / http/1.1", BAD),
        ("GET / HTTP/11", BAD),
        ("GET / HTTP/0.9", BAD),
        ("GET / HTTP/1.10", BAD),
        ("PRI * HTTP/2.0", BAD),
        ("GET / HTTP/2.0", Err(Error::Version)),
        ("GET / HTTP/1.2", Err(Error::Version)),
        ("GET / HTTP/3.0", Err(Error::Version)),
        ("G(T / HTTP/1.1", BAD),
        ("GET a HTTP/1.1", BAD),
        ("GET host:80 HTTP/1.1", BAD),
        ("GET ftp://h/ HTTP/1.1", BAD),
        ("GET http://u@h/ HTTP/1.1", BAD),
        ("GET http:///x HTTP/1.1", BAD),
        ("GET /a#b HTTP/1.1", BAD),
        ("GET /\x01 HTTP/1.1", BAD),
        ("GET /\x7f HTTP/1.1", BAD),
        ("GET /\r HTTP/1.1", BAD),
    ] {
        assert_eq!(verdict(format!("{line}\r\nHost: h\r\n\r\n").as_bytes()), expected, "{line:?}");
    }
    assert_eq!(verdict(b"GET /\xff HTTP/1.1\r\nHost: h\r\n\r\n"), BAD);
    assert_eq!(verdict("GET /é HTTP/1.1\r\nHost: h\r\n\r\n".as_bytes()), KEEP);
}

/// R13.
#[test]
fn one_valid_host() {
    for (fields, expected) in [
        ("Host: h\r\n", KEEP),
        ("HOST:h\r\n", KEEP),
        ("", BAD),
        ("Host: \r\n", BAD),
        ("Host: h\r\nHost: h\r\n", BAD),
        ("Host: h\r\nhost: i\r\n", BAD),
        ("Host: a b\r\n", BAD),
        ("Host: h, i\r\n", BAD),
        ("Host: h/x\r\n", BAD),
        ("Host: u@h\r\n", BAD),
        ("Host: h\u{e9}\r\n", BAD),
    ] {
        assert_eq!(with_fields(fields), expected, "{fields:?}");
    }
    assert_eq!(verdict(b"GET / HTTP/1.0\r\n\r\n"), CLOSE);
    assert_eq!(verdict(b"GET / HTTP/1.0\r\nHost: a b\r\n\r\n"), BAD);
}

/// R13.
#[test]
fn the_absolute_form_stands_for_host() {
    let head = b"GET http://a:1/x HTTP/1.1\r\nHost: b\r\n\r\n";
    let mut storage = field_storage();
    assert_eq!(parse(head, &mut storage).unwrap().request.authority.unwrap().host, "a");
}

/// R10.
#[test]
fn framing_that_two_readers_could_understand_differently_is_refused() {
    for (fields, expected) in [
        ("Content-Length: 0", KEEP),
        ("Content-Length: 5", BODY),
        ("Content-Length: 9223372036854775807", BODY),
        ("Transfer-Encoding: chunked", BODY),
        ("Transfer-Encoding: CHUNKED", BODY),
        ("Content-Length: 9223372036854775808", BAD),
        ("Content-Length: 00000000000000000005", BAD),
        ("Content-Length:", BAD),
        ("Content-Length: +5", BAD),
        ("Content-Length: -1", BAD),
        ("Content-Length: 0x10", BAD),
        ("Content-Length: 5 5", BAD),
        ("Content-Length: 5, 5", BAD),
        ("Content-Length: 5,", BAD),
        ("Content-Length: 5\r\nContent-Length: 5", BAD),
        ("Content-Length: 5\r\ncontent-length: 6", BAD),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", BAD),
        ("Content-Length: 0\r\nTransfer-Encoding: chunked", BAD),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", BAD),
        ("Transfer-Encoding: gzip, chunked", BAD),
        ("Transfer-Encoding: chunked, chunked", BAD),
        ("Transfer-Encoding: ,chunked", BAD),
        ("Transfer-Encoding: identity", BAD),
        ("Transfer-Encoding: xchunked", BAD),
        ("Transfer-Encoding: \"chunked\"", BAD),
        ("Transfer-Encoding: chunked;q=1", BAD),
        ("Transfer-Encoding: \x0bchunked", BAD),
        ("Transfer-Encoding: chunked\u{85}", BAD),
        ("Transfer-Encoding:", BAD),
    ] {
        assert_eq!(with_fields(&format!("Host: h\r\n{fields}\r\n")), expected, "{fields:?}");
    }
    assert_eq!(verdict(b"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), BAD);
}

/// R12.
#[test]
fn field_lines_are_strict() {
    for fields in [
        "A : b\r\n",
        "A\t: b\r\n",
        ": b\r\n",
        "A b: c\r\n",
        "A\r\n",
        "A: b\r\n c\r\n",
        "A: b\r\n\tc\r\n",
        " A: b\r\n",
        "A: \0\r\n",
        "A: \x01\r\n",
        "A: \x7f\r\n",
        "A: b\rc\r\n",
        "A: b\r\r\n",
        "A\u{e9}: b\r\n",
        "A: b\nC: d\r\n",
        "A(: b\r\n",
    ] {
        assert_eq!(with_fields(&format!("Host: h\r\n{fields}")), BAD, "{fields:?}");
    }
    assert_eq!(with_fields("Host: h\r\nA:\r\nB: \tx y\t\r\nC: \u{e9}\r\n"), KEEP);
}

/// R12.
#[test]
fn a_bare_line_feed_never_ends_a_line() {
    for head in [
        "GET / HTTP/1.1\nHost: h\n\n",
        "GET / HTTP/1.1\r\nHost: h\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\n\n",
        "\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
    ] {
        assert_eq!(scan(head.as_bytes()), Err(Error::Malformed), "{head:?}");
    }
}

/// R12.
#[test]
fn one_empty_line_before_a_request_is_forgiven() {
    assert_eq!(verdict(b"\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"), KEEP);
    assert_eq!(scan(b"\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"), Err(Error::Malformed));
}

#[test]
fn another_protocol_is_refused_at_its_first_line() {
    assert_eq!(scan(b"GET /\r\n"), Err(Error::Malformed));
    assert_eq!(scan(b"PRI * HTTP/2.0\r\n"), Err(Error::Malformed));
    assert_eq!(scan(b"SSH-2.0-client\r\n"), Err(Error::Malformed));
    assert_eq!(scan(b"\x16\x03\x01\x02\x00"), Err(Error::Malformed), "TLS");
    assert_eq!(scan(b"GET / HTTP/1.1\r\n"), Ok(None));
}

#[test]
fn connections_persist_as_asked() {
    let ten = |fields: &str| verdict(format!("GET / HTTP/1.0\r\n{fields}\r\n").as_bytes());
    assert_eq!(with_fields("Host: h\r\nConnection: close\r\n"), CLOSE);
    assert_eq!(with_fields("Host: h\r\nConnection: x , CLOSE\r\n"), CLOSE);
    assert_eq!(with_fields("Host: h\r\nConnection: keep-alive\r\nConnection: close\r\n"), CLOSE);
    assert_eq!(with_fields("Host: h\r\nConnection: closed\r\n"), KEEP);
    assert_eq!(ten("Connection: Keep-Alive\r\n"), KEEP);
    assert_eq!(ten("Connection: keep-alive, close\r\n"), CLOSE);
}

/// R15.
#[test]
fn limits_hold_to_the_byte() {
    let limits = Limits::default();
    let line = |length: usize| format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "a".repeat(length - 14));
    assert_eq!(verdict(line(limits.request_line_bytes_max).as_bytes()), KEEP);
    assert_eq!(scan(line(limits.request_line_bytes_max + 1).as_bytes()), Err(Error::RequestLineTooLong));
    assert_eq!(scan(&vec![b'a'; limits.request_line_bytes_max + 1]), Ok(None));
    assert_eq!(scan(&vec![b'a'; limits.request_line_bytes_max + 2]), Err(Error::RequestLineTooLong));

    let start = "GET / HTTP/1.1\r\nHost: h\r\nA: ";
    let head = |length: usize| format!("{start}{}\r\n\r\n", "a".repeat(length - start.len() - 4));
    assert_eq!(verdict(head(limits.head_bytes_max).as_bytes()), KEEP);
    assert_eq!(scan(head(limits.head_bytes_max + 1).as_bytes()), Err(Error::HeadTooLarge));
    assert_eq!(
        scan(&head(limits.head_bytes_max + 9).as_bytes()[..=limits.head_bytes_max]),
        Err(Error::HeadTooLarge)
    );

    let fields = |count: usize| with_fields(&("Host: h\r\n".to_owned() + &"A: b\r\n".repeat(count - 1)));
    assert_eq!(fields(FIELDS_MAX), KEEP);
    assert_eq!(fields(FIELDS_MAX + 1), Err(Error::TooManyFields));
}

/// R18: of the longest head, in single bytes, nothing is looked at a second time: what was
/// scanned is all that is there, and the line is where the last line feed was.
#[test]
fn a_long_head_in_single_bytes_is_looked_at_once() {
    let limits = Limits::default();
    for field in ["A: b\r\n".repeat(90), format!("A: {}\r\n", "b".repeat(16_000))] {
        let head = format!("GET / HTTP/1.1\r\nHost: h\r\n{field}\r\n");
        let mut scanner = Scanner::default();
        for end in 1..head.len() {
            assert_eq!(scanner.scan(&head.as_bytes()[..end], &limits), Ok(None));
            let line_start = head[..end].rfind('\n').map_or(0, |at| at + 1);
            assert_eq!((scanner.scanned, scanner.line_start), (end, line_start));
        }
        let found = scanner.scan(head.as_bytes(), &limits);
        assert_eq!(found, Ok(Some(Head { start: 0, end: head.len() })));
    }
}

proptest! {
    /// R18.
    #[test]
    fn any_cut_finds_the_same_head(
        bytes in "(\r\n)?(GET /a HTTP/1.1\r\n(Host: h\r\n)?(A: b\r?\n){0,3}\r\n|[GET /\r\n:a]{0,30})",
        cuts in prop::collection::vec(0usize..60, 0..6),
    ) {
        let (bytes, limits) = (bytes.as_bytes(), Limits::default());
        let mut ends: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        ends.push(bytes.len());
        ends.sort_unstable();
        let mut scanner = Scanner::default();
        let mut pieces = Ok(None);
        for end in ends {
            pieces = scanner.scan(&bytes[..end], &limits);
            if !matches!(pieces, Ok(None)) {
                break;
            }
        }
        prop_assert_eq!(pieces, scan(bytes));
    }

    #[test]
    fn no_bytes_make_the_parser_panic(bytes: Vec<u8>) {
        let _ = parse(&bytes, &mut field_storage());
    }
}

/// R12.
#[test]
fn no_control_byte_passes_anywhere() {
    let head = b"GET /path HTTP/1.1\r\nHost: h\r\nUser-Agent: a browser of some length, and more\r\n\r\n";
    let refused = |head: &[u8]| match scan(head) {
        Ok(Some(found)) => parse(&head[found.start..found.end], &mut field_storage()).is_err(),
        // Without an end it waits for one.
        Ok(None) | Err(_) => true,
    };
    assert!(!refused(head));
    for at in 0..head.len() {
        for byte in (0..b' ').chain([0x7f]) {
            let mut head = head.to_vec();
            let before = std::mem::replace(&mut head[at], byte);
            // A tab may stand in a value.
            let may_pass = before == byte || (byte == b'\t' && at > 20 && !matches!(before, b'\r' | b'\n'));
            assert!(may_pass || refused(&head), "{byte:#x} at {at}");
        }
    }
}
