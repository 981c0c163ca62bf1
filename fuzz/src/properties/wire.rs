//! A client's reader of responses: strict, and only as clever as RFC 9112 §6.3.

/// One response as it stood on the wire.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    /// `Connection: close`.
    pub(super) closes: bool,
    /// All of it arrived.
    pub(super) is_complete: bool,
    /// It has no length: its end is that of the connection.
    pub(super) goes_on: bool,
    /// Length of the head, if that is complete.
    pub(super) head: usize,
    /// Length of what arrived.
    pub(super) length: usize,
}

/// Splits what was received into responses; `is_head` says which requests were HEAD.
/// Only the last one may be cut off. Panics at whatever a client could misread.
pub(super) fn read(wire: &[u8], is_head: impl Fn(usize) -> bool) -> Vec<Response> {
    let mut responses: Vec<Response> = Vec::new();
    let mut rest = wire;
    while !rest.is_empty() {
        let before = responses.last();
        assert!(before.is_none_or(|r| !r.closes), "something follows Connection: close");
        let response = response(rest, is_head(responses.len()));
        rest = &rest[response.length..];
        responses.push(response);
    }
    responses
}

fn response(wire: &[u8], is_head: bool) -> Response {
    let Some(end) = wire.windows(4).position(|four| four == b"\r\n\r\n") else {
        let start = &wire[..wire.len().min(9)];
        assert!(b"HTTP/1.1 ".starts_with(start), "not a response");
        return Response {
            status: 0,
            closes: false,
            is_complete: false,
            goes_on: false,
            head: 0,
            length: wire.len(),
        };
    };
    let Ok(head) = std::str::from_utf8(&wire[..end]) else { panic!("a head must be ASCII") };
    let mut lines = head.split("\r\n");
    let status = status(lines.next().unwrap_or_default());
    let fields: Vec<(&str, &str)> = lines.map(field).collect();
    let all = |name: &str| {
        let named = fields.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        named.map(|(_, value)| *value).collect::<Vec<_>>()
    };
    assert_eq!(all("date").len(), 1, "{head}");
    assert!(all("transfer-encoding").is_empty());
    // What goes on until the connection ends says that it does.
    let goes_on = all("content-type") == ["text/event-stream"] && all("connection") == ["close"];
    let has_length = !matches!(status, 204 | 304) && !goes_on;
    let length = match all("content-length")[..] {
        [] if goes_on => wire.len() - end - 4,
        [] if !has_length => 0,
        [digits] if has_length => digits.parse().unwrap_or_else(|_| panic!("Content-Length: {digits}")),
        _ => panic!("not one Content-Length: {head}"),
    };
    let content_type = all("content-type").first().copied().unwrap_or_default();
    let boundary = content_type.strip_prefix("multipart/byteranges; boundary=");
    match boundary {
        Some(boundary) if status == 206 => {
            assert!(all("content-range").is_empty(), "{head}");
            if !is_head && wire.len() - end - 4 >= length {
                parts(&wire[end + 4..end + 4 + length], boundary);
            }
        }
        _ => part(status, &all("content-range"), length),
    }
    let body = if is_head { 0 } else { length };
    let closes = match all("connection")[..] {
        ["close"] => true,
        [] | ["keep-alive"] => false,
        _ => panic!("Connection: {head}"),
    };
    let arrived = wire.len() - end - 4;
    Response {
        status,
        closes,
        is_complete: arrived >= body,
        goes_on: goes_on && !is_head,
        head: end + 4,
        length: end + 4 + arrived.min(body),
    }
}

fn status(line: &str) -> u16 {
    let parts = line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.split_once(' '));
    let Some((code, reason)) = parts else { panic!("not a status line: {line}") };
    assert!(!reason.is_empty() && reason.bytes().all(|b| matches!(b, 0x20..=0x7e)), "{line}");
    match code.parse() {
        Ok(code @ 200..=599) => code,
        _ => panic!("not a status: {line}"),
    }
}

fn field(line: &str) -> (&str, &str) {
    let Some((name, value)) = line.split_once(": ") else { panic!("not a field: {line:?}") };
    let is_token = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
    assert!(is_token && !name.is_empty(), "{line:?}");
    assert!(value.bytes().all(|b| matches!(b, b'\t' | 0x20..=0x7e)), "{line:?}");
    (name, value)
}

/// RFC 9110 §14.4: what a 206 says it is, is as long as it says.
fn part(status: u16, content_range: &[&str], length: usize) {
    match (status, content_range) {
        (206, [range]) => {
            let bytes = range.strip_prefix("bytes ").and_then(|range| range.split_once('/'));
            let (part, whole) = bytes.unwrap_or_else(|| panic!("{range}"));
            let numbers =
                part.split_once('-').map(|(first, last)| (first.parse(), last.parse(), whole.parse()));
            let Some((Ok(first), Ok(last), Ok(whole))) = numbers else { panic!("{range}") };
            let (first, last, whole): (usize, usize, usize) = (first, last, whole);
            assert!(first <= last && last < whole && last - first + 1 == length, "{range}, {length} bytes");
        }
        (416, [range]) => assert!(range.starts_with("bytes */"), "{range}"),
        (206 | 416, _) | (_, [_, ..]) => panic!("{status} with Content-Range {content_range:?}"),
        _ => {}
    }
}

/// §14.6, RFC 2046 §5.1: every part says which one it is, and has as many bytes; nothing
/// else is in the body, and the delimiter stands nowhere but between the parts.
fn parts(body: &[u8], boundary: &str) {
    let delimiter = format!("\r\n--{boundary}");
    let delimiter = delimiter.as_bytes();
    let mut rest = body.strip_prefix(&delimiter[2..]).unwrap_or_else(|| panic!("no delimiter in front"));
    let mut count = 0;
    while rest != b"--\r\n" {
        let text = rest.strip_prefix(b"\r\n").unwrap_or_else(|| panic!("no line end"));
        let Some(end) = text.windows(4).position(|four| four == b"\r\n\r\n") else { panic!("no head") };
        let Ok(head) = std::str::from_utf8(&text[..end]) else { panic!("a head must be ASCII") };
        let fields: Vec<_> = head.split("\r\n").map(field).collect();
        let [("Content-Type", _), ("Content-Range", range)] = fields[..] else { panic!("{head}") };
        let data = &text[end + 4..];
        let next = data.windows(delimiter.len()).position(|window| window == delimiter);
        let Some(length) = next else { panic!("no delimiter behind a part") };
        part(206, &[range], length);
        rest = &data[length + delimiter.len()..];
        count += 1;
    }
    assert!(count >= 2, "{count} parts");
}
