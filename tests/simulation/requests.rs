//! What clients ask, and what may be answered.

use std::io::Read;

use crate::dice::Dice;
use crate::files::{NAMES, REPLACED, byte_at};
use crate::wire;

/// What a client has sent: a request, or what is none.
#[derive(Clone, Debug)]
pub struct Asked {
    pub bytes: Vec<u8>,
    pub is_head: bool,
    /// The server must answer, once all of it is there; else it may have to wait for more.
    pub is_whole: bool,
    /// Nothing may be answered after it.
    pub is_last: bool,
    /// It may be answered before all of it has come.
    pub is_abuse: bool,
    /// Which file, and whether a part of it will do.
    file: Option<usize>,
    statuses: &'static [u16],
}

const ELSEWHERE: [(&str, &[u16]); 8] = [
    ("/list/", &[200]),
    ("/list/?format=json", &[200]),
    ("/list", &[301, 302, 307, 308]),
    ("/nothing", &[404]),
    ("/.hidden", &[404]),
    ("/bad", &[500]),
    ("/%2e%2e/a.txt", &[400]),
    ("/a.txt/b", &[404]),
];

/// What is no request, or one that ends its connection: the bytes, whether they are whole,
/// and the answers.
const ABUSE: [(&[u8], bool, &[u16]); 16] = [
    (
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n",
        true,
        &[200],
    ),
    (b"POST /a.txt HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", true, &[405]),
    (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", true, &[400]),
    (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nabcde", true, &[400]),
    (b"GET / HTTP/1.1\nHost: a\n\n", true, &[400]),
    (b"GET / HTTP/1.1\r\n\r\n", true, &[400]),
    (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", true, &[400]),
    (b"GET / HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n", true, &[400]),
    (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", true, &[400]),
    (b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", true, &[400]),
    (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", true, &[400, 505]),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", true, &[400, 505]),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", false, &[400, 408]),
    (b"\r\n\r\n\r\n\r\n", true, &[400, 408]),
    (b"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", true, &[400]),
    (b"GET /a.txt HTTP/1.1\r\nHo", false, &[408]),
];

impl Asked {
    pub fn by_chance(dice: &mut Dice) -> Asked {
        let (target, file, statuses): (String, _, &[u16]) = if dice.once_in(3) {
            let (target, statuses) = dice.pick(&ELSEWHERE);
            (target.into(), None, statuses)
        } else {
            let file = dice.below(NAMES.len());
            let name = if file == 0 && dice.once_in(2) { "" } else { NAMES[file].0 };
            (format!("/{name}"), Some(file), &[200])
        };
        let mut asked = Asked {
            bytes: vec![],
            is_head: false,
            is_whole: true,
            is_last: false,
            is_abuse: false,
            file,
            statuses,
        };
        let (method, version, mut fields) = asked.dress(dice);
        if dice.once_in(30) {
            let padding = dice.between(1, 12_000);
            fields.push_str(&format!("X-Padding: {}\r\n", "x".repeat(padding)));
        }
        asked.bytes = format!("{method} {target} HTTP/1.{version}\r\nHost: a\r\n{fields}\r\n").into_bytes();
        if dice.once_in(30) {
            // One empty line before a request is forgiven (RFC 9112 §2.2).
            asked.bytes.splice(..0, *b"\r\n");
        }
        asked
    }

    /// Method, minor version and fields.
    fn dress(&mut self, dice: &mut Dice) -> (&'static str, u8, String) {
        let mut fields = String::new();
        let mut method = "GET";
        match dice.below(24) {
            0 | 1 => (method, self.is_head) = ("HEAD", true),
            2 => (method, self.statuses, self.file) = ("OPTIONS", &[204, 400, 404], None),
            3 => (method, self.statuses, self.file) = ("DELETE", &[405], None),
            4 => (method, self.statuses, self.file) = ("BREW", &[501], None),
            _ => {}
        }
        if self.file.is_some() && (method == "GET" || method == "HEAD") {
            match dice.below(8) {
                0 => {
                    let (first, last) = (dice.below(60_000), dice.below(60_000));
                    fields = format!("Range: bytes={first}-{}\r\n", first.max(last));
                    self.statuses = &[200, 206, 416];
                }
                1 => {
                    fields = format!("Range: bytes=-{}\r\n", dice.below(50_000));
                    self.statuses = &[200, 206, 416];
                }
                2 => {
                    fields = "Range: bytes=0-99,5000-5099,-7\r\n".into();
                    self.statuses = &[200, 206, 416];
                }
                3 => {
                    fields = "If-None-Match: *\r\n".into();
                    self.statuses = &[304];
                }
                4 => {
                    fields = "Accept-Encoding: gzip\r\n".into();
                    self.statuses = &[200];
                }
                _ => {}
            }
        }
        let version = match dice.below(16) {
            0 => {
                fields.push_str("Connection: close\r\n");
                self.is_last = true;
                1
            }
            1 => {
                self.is_last = true;
                0
            }
            2 => {
                fields.push_str("Connection: keep-alive\r\n");
                0
            }
            _ => 1,
        };
        (method, version, fields)
    }

    pub fn abuse(dice: &mut Dice) -> Asked {
        let (mut bytes, mut is_whole, mut statuses) = {
            let (bytes, is_whole, statuses) = dice.pick(&ABUSE);
            (bytes.to_vec(), is_whole, statuses)
        };
        if dice.once_in(6) {
            (bytes, is_whole, statuses) = match dice.below(3) {
                0 => (format!("GET /{} HTTP/1.1\r\n", "l".repeat(9000)).into_bytes(), true, &[414]),
                1 => (
                    format!("GET / HTTP/1.1\r\nHost: a\r\nA: {}", "b".repeat(20_000)).into_bytes(),
                    true,
                    &[431],
                ),
                _ => {
                    let many: String = (0..120).map(|n| format!("f{n}: 1\r\n")).collect();
                    (format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n").into_bytes(), true, &[431])
                }
            };
        }
        if dice.once_in(3) {
            // It goes on as if nothing were wrong.
            let more = dice.between(1, 60_000);
            bytes.extend((0..more).map(|at| b'a' + (at % 26) as u8));
            if !is_whole {
                (is_whole, statuses) = (false, &[400, 408, 414, 431]);
            }
        }
        Asked { bytes, is_head: false, is_whole, is_last: true, is_abuse: true, file: None, statuses }
    }

    /// What is wrong with an answer, if anything; `whole` is all of it.
    pub fn judge(&self, response: &wire::Response, whole: &[u8]) -> Option<String> {
        let status = response.status;
        let head = String::from_utf8_lossy(&whole[..response.head]).into_owned();
        // Time or the pool ran out; a file may have changed since it was looked at.
        let is_excused = match status {
            408 => response.closes,
            503 => true,
            500 => self.file.is_some(),
            _ => false,
        };
        if is_excused {
            return None;
        }
        if !self.statuses.contains(&status) {
            return Some(format!("{status} to {self}"));
        }
        if self.is_last && !response.closes {
            return Some(format!("it goes on after {self}"));
        }
        let body = &whole[response.head..response.length];
        match self.file {
            Some(file) if !self.is_head && matches!(status, 200 | 206) => judge_body(file, &head, body),
            _ => None,
        }
    }
}

impl std::fmt::Display for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.bytes[..self.bytes.len().min(120)].escape_ascii())
    }
}

fn value<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let fields = head.lines().filter_map(|line| line.split_once(": "));
    fields.filter(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
}

/// Whether it is what the file has, or had.
fn judge_body(file: usize, head: &str, body: &[u8]) -> Option<String> {
    let decoded;
    let body = if value(head, "content-encoding") == Some("gzip") {
        let mut plain = Vec::new();
        if flate2::read::GzDecoder::new(body).read_to_end(&mut plain).is_err() {
            return Some("a gzip body that is none".into());
        }
        decoded = plain;
        &decoded[..]
    } else {
        body
    };
    if value(head, "content-type").is_some_and(|value| value.starts_with("multipart/")) {
        // Its parts are looked at by the reader.
        return None;
    }
    let first = value(head, "content-range")
        .and_then(|range| range.strip_prefix("bytes ")?.split('-').next()?.parse::<usize>().ok())
        .unwrap_or(0);
    let generations = if file == REPLACED { 26 } else { 1 };
    let is_of =
        |generation| body.iter().enumerate().all(|(at, byte)| *byte == byte_at(file, generation, first + at));
    let is_right = (0..generations).any(is_of);
    (!is_right).then(|| format!("a body that {} never had", NAMES[file].0))
}
