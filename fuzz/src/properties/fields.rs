//! Names and values into `http::Fields` and on to the wire: whatever a handler says, a
//! client reads that response, or a 500 that says none of it (R21).
//!
//! The input is a byte that chooses the status and the body, and then steps, divided by
//! line feeds: a byte for what is done, a name, a NUL, a value.

use std::time::{Duration, SystemTime};

use serve::clock::Now;
use serve::http::fields::is_reserved;
use serve::http::{Answer, Body, Exchange, Fields, Handler, Peer, Request, Response, Status};
use serve::site::error;

use super::dialogue;
use super::wire;

/// The property.
pub fn check(input: &[u8]) {
    let Some((&choice, rest)) = input.split_first() else { return };
    let (fields, expected) = build(rest);
    let text = expected.as_ref().map(|lines| render(lines));
    assert_eq!(fields.is_valid(), expected.is_some());
    if let Some(text) = &text {
        assert_eq!(fields.as_bytes(), text.as_bytes());
    }
    let Ok(all) = std::str::from_utf8(fields.as_bytes()) else { panic!("not ASCII") };
    assert!(all.is_empty() || all.ends_with("\r\n"), "{all:?}");
    assert!(all.split_terminator("\r\n").all(|line| !line.contains(['\r', '\n'])), "{all:?}");
    let names = expected.iter().flatten().map(|(name, _)| name.as_str());
    if names.clone().any(|name| is_reserved(name, false)) {
        // Rules and options are kept from these, and nothing else says them by accident.
        return;
    }
    let mut response = Response::new(status(choice));
    response.fields = fields;
    response.body = [Body::Empty, Body::bytes("0123456789"), Body::bytes(vec![b'x'; 5000])]
        [usize::from(choice >> 6).min(2)]
    .clone();
    on_the_wire(choice, response, text.as_deref());
}

fn status(choice: u8) -> Status {
    // A 416 says how long the file is, which no owner of fields can.
    let errors = Status::ERRORS.iter().filter(|status| **status != Status::RangeNotSatisfiable);
    let others = [Status::Ok, Status::NoContent, Status::NotModified, Status::Found];
    *others.iter().chain(errors).cycle().nth(usize::from(choice & 15)).unwrap_or(&Status::Ok)
}

/// The steps, done and on paper; None on paper once something cannot stand there.
fn build(steps: &[u8]) -> (Fields, Option<Vec<(String, String)>>) {
    let (mut fields, mut lines) = (Fields::new(), Some(Vec::new()));
    let mut shared = Vec::new();
    for step in steps.split(|&b| b == b'\n').take(64) {
        let Some((&what, rest)) = step.split_first() else { continue };
        let text = String::from_utf8_lossy(rest).replace('\u{1}', "\n").replace('\u{2}', "\r");
        let (name, value) = text.split_once('\0').unwrap_or((&text, ""));
        match what % 5 {
            0 => fields.remove(name),
            1 => fields.push_member(name, value),
            2 => {
                fields.share();
                shared.push((fields.clone(), fields.as_bytes().to_vec()));
            }
            _ => fields.push(name, value),
        }
        on_paper(&mut lines, what % 5, name, value);
        if let Some(lines) = &lines {
            let found = lines.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            assert_eq!(fields.get(name), found.map(|(_, value)| value.trim()), "{name:?} of {lines:?}");
        }
    }
    // What was shared has not changed with the rest.
    shared.iter().for_each(|(fields, bytes)| assert_eq!(fields.as_bytes(), bytes));
    (fields, lines)
}

fn on_paper(paper: &mut Option<Vec<(String, String)>>, what: u8, name: &str, value: &str) {
    let Some(lines) = paper else { return };
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
    };
    let is_it = |line: &(String, String)| line.0.eq_ignore_ascii_case(name);
    let known = lines.iter().find(|line| is_it(line)).map(|line| line.1.trim().to_owned());
    let value = match (what, known) {
        (0, _) => return lines.retain(|line| !is_it(line)),
        (2, _) => return,
        (1, Some(list)) => {
            let mut members = list.split(',').map(str::trim);
            if members.any(|known| known == "*" || known.eq_ignore_ascii_case(value)) {
                return;
            }
            lines.retain(|line| !is_it(line));
            format!("{list}, {value}")
        }
        _ => value.to_owned(),
    };
    if is_name(name) && value.bytes().all(|b| matches!(b, b'\t' | b' '..=b'~')) {
        lines.push((name.to_owned(), value));
    } else {
        *paper = None;
    }
}

fn render(lines: &[(String, String)]) -> String {
    lines.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect()
}

fn on_the_wire(choice: u8, response: Response, text: Option<&str>) {
    let now = Now::read().with_system(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
    let (status, body) = (response.status.code(), response.body.len());
    let is_head = choice & 0x10 != 0;
    let version = if choice & 0x20 == 0 { "HTTP/1.1" } else { "HTTP/1.0" };
    let said = format!("{} / {version}\r\nHost: a\r\n\r\n", if is_head { "HEAD" } else { "GET" });
    let (bytes, app) = dialogue::hold(App { response, logged: 0 }, said.as_bytes(), false, &now);
    let responses = wire::read(&bytes, |_| is_head);
    let [response] = &responses[..] else { panic!("{} responses", responses.len()) };
    assert!(response.is_complete && app.logged == 1);
    assert_eq!(response.closes, version == "HTTP/1.0");
    let head = &bytes[..response.head];
    match text {
        Some(text) => {
            assert_eq!(response.status, status);
            assert!(
                head.windows(text.len().max(1)).any(|window| window == text.as_bytes() || text.is_empty())
            );
            let has_body = !is_head && !matches!(status, 204 | 304);
            assert_eq!((response.length - response.head) as u64, if has_body { body } else { 0 });
        }
        None => assert_eq!(response.status, 500),
    }
}

/// Answers whatever is asked with this.
struct App {
    response: Response,
    logged: usize,
}

impl Handler for App {
    fn respond(&mut self, _: &Request<'_>, _: &Peer, _: &Now) -> Answer {
        Answer::Ready(self.response.clone())
    }

    fn error(&mut self, status: Status, _: &Peer, _: &Now) -> Response {
        error::page(status, serve::http::negotiate::Form::Html)
    }

    fn is_logging(&self) -> bool {
        true
    }

    fn log(&mut self, _: &Exchange, _: &Now) {
        self.logged += 1;
    }

    fn notice(&mut self, message: &str, _: &Now) {
        panic!("noticed: {message}");
    }

    fn end_of_turn(&mut self, _: &Now) {}
}
