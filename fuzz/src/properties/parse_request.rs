//! Bytes into `h1::parse`: whatever the pieces, the same verdict; and nothing is
//! accepted, or understood differently, that the reader in `rfc` would refuse.

use serve::h1::Limits;
use serve::h1::parse::{Error, Head, Scanner, field_storage, parse};

use super::rfc;

/// The property.
pub fn check(input: &[u8]) {
    // Small limits, too, so that small inputs reach them.
    let small = Limits { request_line_bytes_max: 40, head_bytes_max: 150, ..Limits::default() };
    let _ = scan(input, &small);
    let limits = Limits::default();
    let found = scan(input, &limits);
    // Where the head is by the letter: one empty line before it is forgiven.
    let start = if input.starts_with(b"\r\n") { 2 } else { 0 };
    let end = input[start..].windows(4).position(|four| four == b"\r\n\r\n").map(|at| start + at + 4);
    match (found, end) {
        (Ok(Some(head)), end) => {
            assert_eq!((head.start, Some(head.end)), (start, end));
            judge(&input[start..head.end]);
        }
        (Ok(None), end) => assert_eq!(end, None, "a complete head was not found"),
        (Err(error), Some(end)) if is_within(&input[..end], start, &limits) => {
            let message = rfc::read(&input[start..end]);
            assert!(!message.is_some_and(|m| m.is_pure), "a valid head is refused: {error:?}");
        }
        (Err(_), _) => {}
    }
}

fn is_within(head: &[u8], start: usize, limits: &Limits) -> bool {
    let line = head[start..].windows(2).position(|two| two == b"\r\n").unwrap_or(head.len());
    head.len() <= limits.head_bytes_max && line <= limits.request_line_bytes_max
}

/// The verdict on the whole input, which is that on any pieces of it.
fn scan(input: &[u8], limits: &Limits) -> Result<Option<Head>, Error> {
    let whole = Scanner::default().scan(input, limits);
    for size in [1, 2, 3, 7, 64] {
        assert_eq!(in_pieces(input, size, limits), whole, "in pieces of {size}");
    }
    if let Ok(Some(head)) = whole {
        assert!(is_within(&input[..head.end], head.start, limits), "beyond the limits");
    }
    whole
}

fn in_pieces(input: &[u8], size: usize, limits: &Limits) -> Result<Option<Head>, Error> {
    let mut scanner = Scanner::default();
    let mut end = 0;
    while end < input.len() {
        end = input.len().min(end + size);
        let verdict = scanner.scan(&input[..end], limits);
        if verdict != Ok(None) {
            return verdict;
        }
    }
    Ok(None)
}

/// Compares what is made of a complete head.
fn judge(head: &[u8]) {
    let mut storage = field_storage();
    let (parsed, message) = (parse(head, &mut storage), rfc::read(head));
    match (parsed, message) {
        (Ok(_), None) => panic!("more lenient than the RFC"),
        (Err(error), Some(message)) if message.is_pure => panic!("a valid head is refused: {error:?}"),
        (Err(_), _) => {}
        (Ok(parsed), Some(message)) => {
            let request = &parsed.request;
            assert_eq!(request.method_token.as_bytes(), message.method);
            assert_eq!(request.target_text.as_bytes(), message.target);
            assert_eq!(parsed.keep_alive, message.persists, "persistence");
            assert_eq!(parsed.announces_body, message.has_body, "body");
            let fields: Vec<_> =
                request.fields.lines().iter().map(|f| (f.name.as_bytes(), f.value)).collect();
            assert_eq!(fields, message.fields);
        }
    }
}
