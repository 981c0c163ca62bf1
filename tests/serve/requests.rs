//! Requests: methods, versions, framing, Host, limits (behaviour, section 2).

use super::harness::{Answer, TestServer};

const ALLOW: &str = "GET, HEAD, OPTIONS";

/// What an attacker would like to see answered.
const HIDDEN_REQUEST: &str = "GET /a.txt HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn site() -> TestServer {
    let server =
        TestServer::with_files(&[("a.txt", "hello\n"), ("dir/b.txt", "b"), ("o/index.html", "i")], &[]);
    for path in ["a.txt", "dir/b.txt", "o/index.html"] {
        server.settle(path);
    }
    server
}

/// Sends bytes and expects one answer, after which the server closes by itself.
fn last_answer(server: &TestServer, bytes: impl AsRef<[u8]>) -> Answer {
    let mut client = server.connect();
    client.send(bytes);
    let answer = client.answer_to("GET");
    assert_eq!(answer.field("connection"), Some("close"), "{answer:?}");
    client.expect_end();
    answer
}

/// R19.
#[test]
fn get_and_head_read_options_tells_and_the_rest_is_refused_but_keeps_the_connection() {
    let server = site();
    let mut client = server.connect();
    for (target, found) in [("/a.txt", 200), ("/dir/", 200), ("/dir", 301), ("/o/", 200), ("/missing", 404)] {
        let known = ["POST", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT"].map(|method| (method, 405));
        let unknown = ["BREW", "get", "GETS", "PROPFIND", "x"].map(|method| (method, 501));
        let reading = [("GET", found), ("HEAD", found), ("OPTIONS", 204)];
        for (method, expected) in reading.into_iter().chain(known).chain(unknown) {
            client.send(format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
            let answer = client.answer_to(method);
            assert_eq!(answer.status, expected, "{method} {target}");
            assert_eq!(answer.field("allow"), matches!(expected, 204 | 405).then_some(ALLOW), "{method}");
            assert_eq!(answer.field("connection"), None, "{method} {target}");
        }
    }
}

#[test]
fn an_asterisk_is_for_options_only_and_nobody_gets_a_tunnel() {
    let server = site();
    let answers = server.exchange("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", &["OPTIONS"]);
    assert_eq!((answers[0].status, answers[0].field("allow")), (204, Some(ALLOW)));
    assert_eq!(answers[0].field("content-length"), None);
    // Refused as no valid target, before the method means anything.
    for line in ["GET *", "POST *", "OPTIONS **", "CONNECT localhost:443"] {
        let bytes = format!("{line} HTTP/1.1\r\nHost: localhost\r\n\r\n{HIDDEN_REQUEST}");
        assert_eq!(last_answer(&server, bytes).status, 400, "{line}");
    }
}

/// R19.
#[test]
fn head_has_the_fields_of_get_and_no_body_and_the_next_answer_follows_at_once() {
    let server = site();
    for (target, fields, status) in [
        ("/a.txt", "", 200),
        ("/o/", "", 200),
        ("/dir", "", 301),
        ("/dir/", "", 200),
        ("/dir/", "Accept: application/json\r\n", 200),
        ("/missing", "", 404),
        ("/missing", "Accept: application/json\r\n", 404),
        ("/%00", "", 400),
        ("/a.txt", "If-None-Match: *\r\n", 304),
        ("/a.txt", "If-Match: \"x\"\r\n", 412),
        ("/a.txt", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n", 403),
    ] {
        let request = |method| format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n");
        let bytes = [request("GET"), request("HEAD"), HIDDEN_REQUEST.to_owned()].concat();
        let answers = server.exchange(bytes, &["GET", "HEAD", "GET"]);
        let [get, head, next] = &answers[..] else { panic!("three answers") };
        assert_eq!((get.status, head.status), (status, status), "{target} {fields}");
        assert_eq!(get.clone().undated().fields, head.clone().undated().fields, "{target} {fields}");
        assert_eq!((next.status, next.text()), (200, "hello\n"));
    }
}

/// R19.
#[test]
fn head_has_no_body_even_when_the_request_is_refused() {
    let server = site();
    for (line, fields, status) in [
        ("HEAD /a.txt HTTP/1.1", "", 400),
        ("HEAD /a.txt HTTP/1.1", "Host: localhost\r\nContent-Length: x\r\n", 400),
        ("HEAD * HTTP/1.1", "Host: localhost\r\n", 400),
        ("HEAD /a.txt HTTP/2.0", "Host: localhost\r\n", 505),
    ] {
        let answers = server.exchange(format!("{line}\r\n{fields}\r\n"), &["HEAD"]);
        assert_eq!(answers[0].status, status, "{line} {fields}");
    }
}

#[test]
fn head_knows_no_ranges() {
    let server = site();
    let whole = server.request("HEAD", "/a.txt", "").undated();
    for range in ["bytes=1-2", "bytes=100-", "bytes=0-0,2-3"] {
        let head = server.request("HEAD", "/a.txt", &format!("Range: {range}\r\n"));
        assert_eq!(head.undated(), whole, "{range}");
    }
}

#[test]
fn http_1_0_is_answered_and_kept_alive_only_if_asked() {
    let server = site();
    let close = last_answer(&server, "GET /a.txt HTTP/1.0\r\n\r\n");
    assert_eq!((close.status, close.text()), (200, "hello\n"));
    let mut client = server.connect();
    for _ in 0..2 {
        client.send("GET /a.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        let answer = client.answer_to("GET");
        assert_eq!((answer.status, answer.field("connection")), (200, Some("keep-alive")));
    }
    client.send("GET /a.txt HTTP/1.0\r\n\r\n");
    assert_eq!(client.answer_to("GET").field("connection"), Some("close"));
    client.expect_end();
}

#[test]
fn after_connection_close_nothing_more_is_answered() {
    let server = site();
    for option in ["close", "Close", "keep-alive, close", "x , CLOSE,"] {
        let bytes =
            format!("GET /a.txt HTTP/1.1\r\nHost: localhost\r\nConnection: {option}\r\n\r\n{HIDDEN_REQUEST}");
        assert_eq!(last_answer(&server, bytes).status, 200, "{option}");
    }
}

/// R12.
#[test]
fn other_versions_are_refused() {
    let server = site();
    for (line, status) in [
        ("GET /a.txt", 400),
        ("GET /a.txt HTTP/0.9", 400),
        ("GET /a.txt HTTP/1.2", 505),
        ("GET /a.txt HTTP/2.0", 505),
        ("GET /a.txt HTTP/3.0", 505),
        ("GET /a.txt HTTP/9.9", 505),
        ("GET /a.txt HTTP/2", 400),
        ("GET /a.txt HTTP/1.10", 400),
        ("GET /a.txt HTTP/11", 400),
        ("GET /a.txt http/1.1", 400),
        ("GET /a.txt HTTPS/1.1", 400),
        ("GET /a.txt HTTP/1,1", 400),
        ("PRI * HTTP/2.0", 400),
    ] {
        let bytes = format!("{line}\r\nHost: localhost\r\n\r\n{HIDDEN_REQUEST}");
        assert_eq!(last_answer(&server, bytes).status, status, "{line}");
    }
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    assert_eq!(last_answer(&server, preface).status, 400);
    // A whole request of HTTP/0.9: its answer must not wait for a head that never comes.
    assert_eq!(last_answer(&server, "GET /a.txt\r\n").status, 400);
}

/// What two readers could understand differently (R10, R12), separated by `|`.
const BAD_LENGTHS: &str = "5, 5|5,|+5|-5|0x5|5 5|5;|1e1|5.0|\"5\"||\u{ff15}|9223372036854775808\
    |18446744073709551621|00000000000000000005|5\r\nContent-Length: 5|0\r\nContent-Length: 42\
    |5\r\nTransfer-Encoding: chunked";
const BAD_CODINGS: &str = "chunked\r\nContent-Length: 0|chunked\r\nTransfer-Encoding: chunked\
    |chunked, chunked|gzip, chunked|chunked, gzip|,chunked|identity|gzip|xchunked|chunked;q=1\
    |\"chunked\"|\x0bchunked|chunked\u{85}||chunked\r\n folded";
const BAD_LINES: &str = "X : y|X\t: y| X: y|X: y\r\n folded|X: y\r\n\tfolded|: y|no colon|X y: z|X(: y\
    |\u{e9}: y|X: a\0b|X: a\x01b|X: a\x7fb|X: a\x1bb|X: a\rb|X: a\nContent-Length: 5|X: a\n\nb|X: a\r\r\nY: b";

/// R10.
#[test]
fn bad_framing_is_400_and_nothing_after_it_is_answered() {
    let server = site();
    let lengths = BAD_LENGTHS.split('|').map(|value| format!("Content-Length: {value}"));
    let codings = BAD_CODINGS.split('|').map(|value| format!("Transfer-Encoding: {value}"));
    for bad in lengths.chain(codings).chain(BAD_LINES.split('|').map(str::to_owned)) {
        let bytes = format!("GET /a.txt HTTP/1.1\r\nHost: localhost\r\n{bad}\r\n\r\n{HIDDEN_REQUEST}");
        assert_eq!(last_answer(&server, bytes).status, 400, "{bad:?}");
    }
    // Chunked is a word of HTTP/1.1.
    let old = format!("GET /a.txt HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{HIDDEN_REQUEST}");
    assert_eq!(last_answer(&server, old).status, 400);
}

/// R12.
#[test]
fn a_request_line_is_three_words_and_two_spaces() {
    let server = site();
    for bad in [
        "GET  /a.txt HTTP/1.1",
        "GET /a.txt  HTTP/1.1",
        "GET /a.txt HTTP/1.1 ",
        " GET /a.txt HTTP/1.1",
        "GET\t/a.txt HTTP/1.1",
        "GET /a.txt\tHTTP/1.1",
        "GET /a b HTTP/1.1",
        "GET  HTTP/1.1",
        "G(T /a.txt HTTP/1.1",
        "G\0T /a.txt HTTP/1.1",
        "GET a.txt HTTP/1.1",
        "GET ?q HTTP/1.1",
        "GET /a#b HTTP/1.1",
        "GET /\0 HTTP/1.1",
        "GET /\x7f HTTP/1.1",
        "GET /\x1b[2J HTTP/1.1",
        "GET ftp://localhost/a.txt HTTP/1.1",
        "GET http:/a.txt HTTP/1.1",
        "GET http:///a.txt HTTP/1.1",
        "GET http://user@localhost/a.txt HTTP/1.1",
        "GET localhost:80 HTTP/1.1",
        "GET /a.txt HTTP/1.1\rX: y",
    ] {
        let bytes = format!("{bad}\r\nHost: localhost\r\n\r\n{HIDDEN_REQUEST}");
        assert_eq!(last_answer(&server, bytes).status, 400, "{bad:?}");
    }
    for bad in
        [&b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n"[..], b"GET /a.txt HTTP/1.1\nHost: localhost\n\n"]
    {
        assert_eq!(last_answer(&server, bad).status, 400, "{bad:?}");
    }
}

#[test]
fn one_empty_line_before_a_request_is_forgiven() {
    let server = site();
    let twice = format!("\r\n{HIDDEN_REQUEST}\r\n{HIDDEN_REQUEST}");
    assert!(server.exchange(twice, &["GET", "GET"]).iter().all(|answer| answer.status == 200));
    for bad in ["\r\n\r\n", "\n", "\r\r\n", "\r\n\n", " \r\n"] {
        assert_eq!(last_answer(&server, format!("{bad}{HIDDEN_REQUEST}")).status, 400, "{bad:?}");
    }
}

/// R11, R14.
#[test]
fn a_request_that_announces_a_body_is_the_last_one_wherever_it_is_cut() {
    let server = site();
    let length = HIDDEN_REQUEST.len();
    let sized = format!("Content-Length: {length}\r\n\r\n{HIDDEN_REQUEST}");
    let chunked = format!("Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{HIDDEN_REQUEST}\r\n0\r\n\r\n");
    let expecting = format!("Expect: 100-continue\r\n{sized}");
    // Empty chunks end the body, and a reader who skips the line would see a request.
    let empty = format!("Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n{HIDDEN_REQUEST}");
    for (line, status, message) in [
        ("GET /a.txt", 200, &sized),
        ("OPTIONS *", 204, &sized),
        ("POST /a.txt", 405, &chunked),
        ("PUT /a.txt", 405, &expecting),
        ("GET /missing", 404, &empty),
    ] {
        let bytes = format!("{line} HTTP/1.1\r\nHost: localhost\r\n{message}");
        for cut in 1..bytes.len() {
            let mut client = server.connect();
            client.send(&bytes[..cut]);
            client.send(&bytes[cut..]);
            let answer = client.answer_to("GET");
            let said = (answer.status, answer.field("connection"));
            assert_eq!(said, (status, Some("close")), "{line}, cut at {cut}");
            client.expect_end();
        }
    }
}

/// R11: no decoder, no bug in one. However a chunked body is spelled, it is never read, and
/// whatever a decoder would have taken for the next request gets no answer.
#[test]
fn no_spelling_of_a_chunked_body_smuggles_a_request() {
    let server = site();
    let length = HIDDEN_REQUEST.len();
    let sizes = "|;|;\n|0|00|0;\r|5;\n|0x5|5_0|+5|-1|5 |\t5| 5|5\n|5\r|5;a=b|5;a=\"\n\"|5;\0|5;\u{85}|g|\
        ffffffffffffffff|10000000000000000|fffffffffffffffff5|5\r\nabcde|5\r\nabcdeX|0\r\nX: y\r\n|0\r\n\r";
    for size in sizes.split('|').map(str::to_owned).chain([format!("{length:x}"), format!("{length:x};x")]) {
        for line_end in ["\r\n", "\n", "\r", ""] {
            for method in ["GET", "POST"] {
                let head = format!(
                    "{method} /a.txt HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                );
                let answer = last_answer(&server, format!("{head}{size}{line_end}{HIDDEN_REQUEST}"));
                let status = if method == "GET" { 200 } else { 405 };
                assert_eq!(answer.status, status, "{size:?} {line_end:?}");
            }
        }
    }
}

/// R14.
#[test]
fn who_expects_100_continue_gets_the_final_answer_at_once() {
    let server = site();
    let head = "POST /a.txt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    assert_eq!(last_answer(&server, head).status, 405);
    // Without a body there is nothing to wait for.
    let head = "GET /a.txt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n";
    let answers = server.exchange(format!("{head}{HIDDEN_REQUEST}"), &["GET", "GET"]);
    assert!(answers.iter().all(|answer| answer.status == 200));
}

/// R13.
#[test]
fn host_is_one_valid_authority() {
    let server = site();
    let line = |host: &str| format!("Host: {host}\r\n");
    for host in
        ["localhost", "LOCALHOST:8000", "localhost:", "127.0.0.1", "127.0.0.1:8000", "[::1]", "[::1]:80"]
    {
        let bytes = format!("GET /a.txt HTTP/1.1\r\n{}\r\n", line(host));
        assert_eq!(server.exchange(bytes, &["GET"])[0].status, 200, "{host}");
    }
    let repeated = line("localhost").repeat(2);
    let mut bad = vec![String::new(), repeated, "host: a\r\nHOST: a\r\n".to_owned()];
    for host in
        ["", ":80", "a b", "a:b", "a:65536", "a:-1", "u@h", "h/", "h?q", "[::1", "::1", "a\\b", "é", "a,b c"]
    {
        bad.push(line(host));
    }
    for fields in bad {
        let bytes = format!("GET /a.txt HTTP/1.1\r\n{fields}\r\n{HIDDEN_REQUEST}");
        assert_eq!(last_answer(&server, bytes).status, 400, "{fields:?}");
    }
}

/// R13.
#[test]
fn the_authority_of_an_absolute_form_stands_for_host() {
    let server = site();
    for (target, host, status) in [
        ("http://localhost/a.txt", "Host: evil.example\r\n", 200),
        ("HTTPS://127.0.0.1:8443/a.txt?q", "Host: localhost\r\n", 200),
        ("http://localhost", "Host: localhost\r\n", 200),
        ("http://localhost?q=/", "Host: localhost\r\n", 200),
        ("http://localhost/missing", "Host: localhost\r\n", 404),
        ("http://evil.example/a.txt", "Host: localhost\r\n", 421),
        ("http://localhost/a.txt", "", 400),
        ("http://localhost/a.txt", "Host: a b\r\n", 400),
    ] {
        let bytes = format!("GET {target} HTTP/1.1\r\n{host}\r\n");
        assert_eq!(server.exchange(bytes, &["GET"])[0].status, status, "{target} {host}");
    }
}

/// R15.
#[test]
fn limits_are_reached_exactly() {
    let server = site();
    let line =
        |length: usize| format!("GET /a.txt?{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(length - 20));
    let head = |length: usize| {
        let rest = "GET /a.txt HTTP/1.1\r\nHost: localhost\r\nX: \r\n\r\n".len();
        format!("GET /a.txt HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(length - rest))
    };
    let fields = |count: usize| {
        format!("GET /a.txt HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X: y\r\n".repeat(count - 1))
    };
    assert_eq!((line(8192).find("\r\n"), head(16_384).len()), (Some(8192), 16_384));
    for fine in [line(8192), head(16_384), fields(100), fields(1)] {
        let answers = server.exchange(fine.clone() + HIDDEN_REQUEST, &["GET", "GET"]);
        assert!(answers.iter().all(|answer| answer.status == 200), "{} bytes", fine.len());
    }
    for (beyond, status) in
        [(line(8193), 414), (line(20_000), 414), (head(16_385), 431), (head(20_000), 431), (fields(101), 431)]
    {
        assert_eq!(
            last_answer(&server, beyond.clone() + HIDDEN_REQUEST).status,
            status,
            "{} bytes",
            beyond.len()
        );
    }
    // Nor does a line that never ends wait for its end, or a head that never does.
    assert_eq!(last_answer(&server, "GET /".to_owned() + &"x".repeat(9000)).status, 414);
    let endless = "GET / HTTP/1.1\r\n".to_owned() + &"X: y\r\n".repeat(3000);
    assert_eq!(last_answer(&server, endless).status, 431);
}

#[test]
fn answers_do_not_depend_on_where_requests_are_cut() {
    let server = site();
    let bytes = "\r\nGET /a.txt HTTP/1.1\r\nHost: localhost\r\nRange: bytes=3-5\r\n\r\n\
                 HEAD /dir HTTP/1.1\r\nhost:localhost\r\n\r\nGET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n\
                 GET /a.txt HTTP/1.0\r\nBad Field: x\r\n\r\nGET /never HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let answers = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let mut client = server.connect();
        pieces.for_each(|piece| client.send(piece));
        client.half_close();
        let text = String::from_utf8(client.rest()).unwrap();
        let lines = text.split_inclusive("\r\n").filter(|line| !line.starts_with("Date: "));
        // An answer that is remembered has it at another place, which means nothing (RFC 9110 §5.3).
        let (parts, rest): (Vec<_>, Vec<_>) = lines.partition(|line| line.starts_with("Content-Range: "));
        rest.concat() + &parts.concat()
    };
    let whole = answers(&mut [bytes.as_bytes()].into_iter());
    let statuses: Vec<_> = whole.lines().filter_map(|line| line.strip_prefix("HTTP/1.1 ")).collect();
    assert_eq!(
        statuses,
        ["206 Partial Content", "301 Moved Permanently", "400 Bad Request", "400 Bad Request"]
    );
    for cut in 1..bytes.len() {
        let (first, second) = bytes.as_bytes().split_at(cut);
        assert_eq!(answers(&mut [first, second].into_iter()), whole, "cut at {cut}");
    }
    assert_eq!(answers(&mut bytes.as_bytes().chunks(1)), whole, "byte by byte");
}

#[test]
fn an_early_answer_can_be_read_in_full_while_the_upload_goes_on() {
    let server = site();
    let head = "POST /a.txt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1048576\r\n\r\n";
    let mut client = server.connect();
    client.send(head);
    // Less than lingering takes, so that the end is an orderly one on every system.
    for _ in 0..12 {
        client.send([b'x'; 16 * 1024]);
    }
    assert_eq!(client.answer_to("POST").status, 405);
    client.expect_end();
}

/// Elsewhere a reset may overtake the answer once lingering takes no more.
#[cfg(target_os = "linux")]
#[test]
fn even_an_upload_beyond_all_patience_leaves_the_answer_readable() {
    use std::io::Write;
    let server = site();
    let mut client = server.connect();
    client.send("POST /a.txt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1048576\r\n\r\n");
    // It fails when the server has had enough.
    let _ = client.stream.write_all(&[b'x'; 1024 * 1024]);
    let answer = client.answer_to("POST");
    assert_eq!((answer.status, answer.field("allow")), (405, Some(ALLOW)));
}
