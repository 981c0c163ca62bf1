//! The same as `conn_script`, from what `arbitrary` makes of the input: requests that are
//! mostly valid, so that mutations reach what lies behind the parser.

use arbitrary::{Arbitrary, Unstructured};

use super::conn_script;

/// The property.
pub fn check(input: &[u8]) {
    let Ok(conversation) = Conversation::arbitrary(&mut Unstructured::new(input)) else { return };
    conn_script::check(&conversation.written());
}

/// What a client says, and what happens meanwhile.
#[derive(Arbitrary)]
struct Conversation {
    mode: u8,
    steps: Vec<Step>,
    requests: Vec<Request>,
}

/// A step of a script, and how much of it.
#[derive(Arbitrary, Clone, Copy)]
struct Step {
    what: What,
    size: u8,
}

/// What can happen, in the order of `conn_script`'s codes.
#[derive(Arbitrary, Clone, Copy)]
enum What {
    Says = 0,
    Takes = 2,
    ShortRead = 4,
    ShortWrite = 5,
    NoRead = 6,
    NoWrite = 7,
    FalseHint = 8,
    Time = 9,
    NearlyLate = 10,
    Late = 11,
    Work = 12,
    Refusal = 13,
    End = 14,
    Break = 15,
}

#[derive(Arbitrary)]
struct Request {
    method: Word,
    target: Target,
    is_1_0: bool,
    fields: Vec<Field>,
    /// What follows the head, and whether it is announced.
    body: Vec<u8>,
    announced: u8,
}

#[derive(Arbitrary)]
enum Word {
    Get,
    Head,
    Options,
    Post,
    Trace,
    Other(u8),
}

#[derive(Arbitrary)]
enum Target {
    Root,
    Text,
    Empty,
    Big,
    List,
    Folder,
    Hidden,
    Missing,
    Absolute,
    Asterisk,
    Events,
    Prepared,
    NeverPrepared,
    Broken,
    Other(String),
}

#[derive(Arbitrary)]
enum Field {
    Close,
    KeepAlive,
    Range(u16, u16),
    Ranges(u16, u16, u16),
    Gzip,
    Everything(u8),
    Json,
    NoneMatch(bool),
    Modified(bool),
    OtherHost,
    Expect,
    Long(u16),
    Other(u8, u8),
}

impl Conversation {
    fn written(&self) -> Vec<u8> {
        // The first line is the script: no byte of it may end it.
        let code = |step: &Step| (step.what as u8) | (step.size << 4);
        let mut out: Vec<u8> = std::iter::once(self.mode).chain(self.steps.iter().map(code)).collect();
        out.iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = 0x1a);
        out.push(b'\n');
        self.requests.iter().take(8).for_each(|request| request.write(&mut out));
        out
    }
}

impl Request {
    fn write(&self, out: &mut Vec<u8>) {
        let method = match self.method {
            Word::Get => "GET",
            Word::Head => "HEAD",
            Word::Options => "OPTIONS",
            Word::Post => "POST",
            Word::Trace => "TRACE",
            Word::Other(byte) => ["get", "GE T", "PURGE", "G\tT", "GETX"][usize::from(byte) % 5],
        };
        let target = match &self.target {
            Target::Root => "/",
            Target::Text => "/a.txt",
            Target::Empty => "/empty",
            Target::Big => "/big",
            Target::List => "/list/",
            Target::Folder => "/list",
            Target::Hidden => "/.hidden",
            Target::Missing => "/no",
            Target::Absolute => "http://a/a.txt",
            Target::Asterisk => "*",
            Target::Events => "/events",
            Target::Prepared => "/prepared",
            Target::NeverPrepared => "/never-prepared",
            Target::Broken => "/broken",
            Target::Other(text) => text,
        };
        let version = if self.is_1_0 { "1.0" } else { "1.1" };
        out.extend(format!("{method} {target} HTTP/{version}\r\nHost: a\r\n").bytes());
        self.fields.iter().take(12).for_each(|field| field.write(out));
        let body = &self.body[..self.body.len().min(200)];
        match self.announced % 4 {
            0 => {}
            1 => out.extend(format!("Content-Length: {}\r\n", body.len()).bytes()),
            2 => out.extend(b"Transfer-Encoding: chunked\r\n"),
            _ => out.extend(b"Content-Length: 0\r\n"),
        }
        out.extend(b"\r\n");
        if !matches!(self.announced % 4, 0 | 3) {
            out.extend(body);
        }
    }
}

impl Field {
    fn write(&self, out: &mut Vec<u8>) {
        let text = match self {
            Field::Close => "Connection: close".to_owned(),
            Field::KeepAlive => "Connection: keep-alive".to_owned(),
            Field::Range(first, last) => format!("Range: bytes={first}-{last}"),
            Field::Ranges(first, last, suffix) => format!("Range: bytes={first}-{last}, -{suffix}"),
            Field::Gzip => "Accept-Encoding: gzip".to_owned(),
            Field::Everything(quality) => format!("Accept-Encoding: *;q=0.{quality}"),
            Field::Json => "Accept: application/json".to_owned(),
            Field::NoneMatch(any) => format!("If-None-Match: {}", if *any { "*" } else { "\"a\"" }),
            Field::Modified(later) => {
                format!("If-Modified-Since: Sun, 06 Nov {} 08:49:37 GMT", if *later { 2050 } else { 1994 })
            }
            Field::OtherHost => "Host: b".to_owned(),
            Field::Expect => "Expect: 100-continue".to_owned(),
            Field::Long(length) => format!("X: {}", "y".repeat(usize::from(*length) % 9000)),
            Field::Other(name, value) => format!("{}: {}", char::from(*name), char::from(*value)),
        };
        out.extend(text.bytes());
        out.extend(b"\r\n");
    }
}
