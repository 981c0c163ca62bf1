//! Requests on the wire (RFC 9112 §2–§6): `httparse`, then the stricter rules.
//!
//! `httparse` is lenient where leniency splits requests in two (bare line feeds,
//! repeated lengths, no Host): hazards §0.5. [`Scanner`] finds the end of a head
//! and refuses bare LF, [`parse`] refuses the rest. Stricter than the RFC asks is
//! fine here; more lenient never is.

use std::mem::MaybeUninit;
use std::str::from_utf8;

use super::limits::{FIELDS_MAX, Limits};
use crate::http::fields::{FieldLine, RequestFields, is_token};
use crate::http::host::Authority;
use crate::http::target::Target;
use crate::http::{Method, Request, Status, Version};

/// Why a head is refused. Nothing after it is parsed, and the connection closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// Anything that is not HTTP/1.1 to the letter.
    Malformed,
    /// The request line is longer than allowed.
    RequestLineTooLong,
    /// The head is longer than allowed.
    HeadTooLarge,
    /// More than [`FIELDS_MAX`] fields.
    TooManyFields,
    /// A version of HTTP that is not spoken here.
    Version,
}

impl Error {
    /// The status that says so.
    pub fn status(self) -> Status {
        match self {
            Error::Malformed => Status::BadRequest,
            Error::RequestLineTooLong => Status::UriTooLong,
            Error::HeadTooLarge | Error::TooManyFields => Status::RequestHeaderFieldsTooLarge,
            Error::Version => Status::HttpVersionNotSupported,
        }
    }
}

/// Where a head lies in the input: from the request line to behind the empty line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// 0, or 2 behind an empty line, which §2.2 asks servers to forgive.
    pub start: usize,
    /// The first byte behind the head.
    pub end: usize,
}

/// Finds the end of a head in input that arrives in pieces, looking at each byte
/// once, however small the pieces (R18: a head in 1-byte segments costs no more).
#[derive(Clone, Copy, Debug, Default)]
pub struct Scanner {
    /// Bytes without a line feed that was not seen yet.
    scanned: usize,
    /// Where the current line begins.
    line_start: usize,
    /// Where the request line begins.
    head_start: usize,
    /// Whether the request line is complete.
    in_fields: bool,
}

impl Scanner {
    /// Looks at what is new in `input`, which holds all bytes since the last head.
    ///
    /// None: more is needed.
    ///
    /// # Errors
    /// As soon as it is clear that no valid head will come of this.
    pub fn scan(&mut self, input: &[u8], limits: &Limits) -> Result<Option<Head>, Error> {
        while let Some(found) = memchr::memchr(b'\n', &input[self.scanned..]) {
            let line_feed = self.scanned + found;
            // Before the line itself, or it would matter how the input was cut.
            self.check(&input[..line_feed], limits)?;
            let line = input[self.line_start..line_feed].strip_suffix(b"\r").ok_or(Error::Malformed)?;
            self.scanned = line_feed + 1;
            self.line_start = self.scanned;
            if self.in_fields && line.is_empty() {
                let head = Head { start: self.head_start, end: self.scanned };
                return if head.end > limits.head_bytes_max {
                    Err(Error::HeadTooLarge)
                } else {
                    Ok(Some(head))
                };
            }
            if !self.in_fields {
                self.first_line(line)?;
            }
        }
        self.scanned = input.len();
        self.check(input, limits)?;
        Ok(None)
    }

    /// Whether `input`, which lacks the end of its last line, can become a head.
    fn check(&self, input: &[u8], limits: &Limits) -> Result<(), Error> {
        let line = &input[self.line_start..];
        if !self.in_fields {
            // TLS on the wrong port has no lines that one could wait for.
            if line.first().is_some_and(|first| *first != b'\r' && !is_token(&[*first])) {
                return Err(Error::Malformed);
            }
            if line.len() > limits.request_line_bytes_max + 1 {
                return Err(Error::RequestLineTooLong);
            }
        }
        if input.len() > limits.head_bytes_max { Err(Error::HeadTooLarge) } else { Ok(()) }
    }

    /// The request line is judged when it is complete: who speaks another protocol
    /// would else wait for an answer until the deadline.
    fn first_line(&mut self, line: &[u8]) -> Result<(), Error> {
        if line.is_empty() {
            // One empty line before a request is forgiven, not a stream of them.
            if self.head_start > 0 {
                return Err(Error::Malformed);
            }
            self.head_start = self.scanned;
            return Ok(());
        }
        request_line(line)?;
        if !line.is_ascii() && from_utf8(line).is_err() {
            return Err(Error::Malformed);
        }
        self.in_fields = true;
        Ok(())
    }
}

/// `method SP request-target SP HTTP-version`, with exactly one SP each (§3).
fn request_line(line: &[u8]) -> Result<Version, Error> {
    let mut spaces = memchr::memchr_iter(b' ', line);
    let (Some(first), Some(second), None) = (spaces.next(), spaces.next(), spaces.next()) else {
        return Err(Error::Malformed);
    };
    let (method, target, version) = (&line[..first], &line[first + 1..second], &line[second + 1..]);
    if !is_token(method) || target.is_empty() {
        return Err(Error::Malformed);
    }
    match version {
        b"HTTP/1.1" => Ok(Version::Http11),
        b"HTTP/1.0" => Ok(Version::Http10),
        // HTTP/0.9 had no version; the preface of HTTP/2 is made to be refused here (RFC 9113 §3.4).
        [b'H', b'T', b'T', b'P', b'/', b'1'..=b'9', b'.', b'0'..=b'9'] if method != b"PRI" => {
            Err(Error::Version)
        }
        _ => Err(Error::Malformed),
    }
}

/// Whether there are bytes in a head that have no place in any (§5; RFC 9110 §5.5): obs-text
/// passes, control bytes do not. (CR without LF is left to `httparse`, LF without CR to the
/// scanner.) All bytes are looked at, not those up to the first bad one, and without a
/// branch: so the compiler does it for sixteen at once.
fn has_control_bytes(head: &[u8]) -> bool {
    let is_bad = |b: u8| (b < b' ') & (b != b'\t') & (b != b'\r') & (b != b'\n') | (b == 0x7f);
    head.iter().fold(0, |bad, &b| bad | u8::from(is_bad(b))) != 0
}

/// A request, and what it means for the connection.
#[derive(Clone, Copy, Debug)]
pub struct Parsed<'a> {
    /// The request.
    pub request: Request<'a>,
    /// Whether the client may send another one (§9.3), should we be willing.
    pub keep_alive: bool,
    /// Whether bytes of a body follow: they will never be read.
    pub announces_body: bool,
}

/// Where the fields of a request are kept while it is answered.
pub type FieldStorage<'a> = [MaybeUninit<FieldLine<'a>>; FIELDS_MAX];

/// An empty [`FieldStorage`], which costs nothing.
pub fn field_storage<'a>() -> FieldStorage<'a> {
    [const { MaybeUninit::uninit() }; FIELDS_MAX]
}

/// Parses a head that a [`Scanner`] found.
///
/// ```
/// use serve::h1::parse::{field_storage, parse};
/// let mut fields = field_storage();
/// let parsed = parse(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n", &mut fields).unwrap();
/// assert!(parsed.keep_alive && !parsed.announces_body);
/// assert!(parse(b"GET /a HTTP/1.1\r\n\r\n", &mut field_storage()).is_err());
/// ```
///
/// # Errors
/// [`Error`], which names the status.
pub fn parse<'a>(head: &'a [u8], storage: &'a mut FieldStorage<'a>) -> Result<Parsed<'a>, Error> {
    if has_control_bytes(head) {
        return Err(Error::Malformed);
    }
    let line_end = memchr::memchr(b'\r', head).ok_or(Error::Malformed)?;
    let version = request_line(&head[..line_end])?;
    let mut raw = httparse::Request::new(&mut []);
    match raw.parse_with_uninit_headers(head, storage) {
        Ok(httparse::Status::Complete(length)) if length == head.len() => {}
        Err(httparse::Error::TooManyHeaders) => return Err(Error::TooManyFields),
        Ok(_) | Err(_) => return Err(Error::Malformed),
    }
    let lines: &'a [FieldLine<'a>] = raw.headers;
    // They were split at the same spaces, and are UTF-8 here.
    let (Some(method_token), Some(target_text)) = (raw.method, raw.path) else {
        return Err(Error::Malformed);
    };
    let (target, absolute) = Target::parse(target_text).ok_or(Error::Malformed)?;
    let method = Method::parse(method_token.as_bytes());
    if target == Target::Asterisk && method != Method::Options {
        return Err(Error::Malformed);
    }
    let framing = Framing::of(lines, version)?;
    // The authority of an absolute form stands for Host (§3.2.2), which must be valid all the same.
    let authority = match absolute {
        Some(authority) => Some(Authority::parse(authority).ok_or(Error::Malformed)?),
        None => framing.host,
    };
    let fields = RequestFields::new(lines);
    let request = Request { method, method_token, target, target_text, version, authority, fields };
    Ok(Parsed { request, keep_alive: framing.keep_alive, announces_body: framing.announces_body })
}

/// What the fields say of the message itself, gathered in one pass.
struct Framing<'a> {
    host: Option<Authority<'a>>,
    keep_alive: bool,
    announces_body: bool,
}

impl<'a> Framing<'a> {
    fn of(lines: &'a [FieldLine<'a>], version: Version) -> Result<Framing<'a>, Error> {
        let (mut host, mut length, mut coding) = (None, None, None);
        let (mut close, mut keep_alive) = (false, false);
        for line in lines {
            let once = |slot: &mut Option<&'a [u8]>| match slot.replace(line.value) {
                Some(_) => Err(Error::Malformed),
                None => Ok(()),
            };
            // The length decides first: nearly every field is none of these.
            match line.name.len() {
                4 if line.name.eq_ignore_ascii_case("host") => once(&mut host)?,
                14 if line.name.eq_ignore_ascii_case("content-length") => once(&mut length)?,
                17 if line.name.eq_ignore_ascii_case("transfer-encoding") => once(&mut coding)?,
                10 if line.name.eq_ignore_ascii_case("connection") => {
                    for option in line.value.split(|&b| b == b',').map(<[u8]>::trim_ascii) {
                        close |= option.eq_ignore_ascii_case(b"close");
                        keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                    }
                }
                _ => {}
            }
        }
        let host = match host {
            Some(value) => Some(from_utf8(value).ok().and_then(Authority::parse).ok_or(Error::Malformed)?),
            None if version == Version::Http11 => return Err(Error::Malformed),
            None => None,
        };
        let announces_body = announces_body(length, coding, version)?;
        Ok(Framing { host, keep_alive: !close && (version == Version::Http11 || keep_alive), announces_body })
    }
}

/// §6.3, with everything refused that two readers could understand differently (R10).
fn announces_body(length: Option<&[u8]>, coding: Option<&[u8]>, version: Version) -> Result<bool, Error> {
    match (length, coding) {
        (None, None) => Ok(false),
        (Some(digits), None) => {
            let is_number = (1..=19).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
            let value =
                from_utf8(digits).ok().filter(|_| is_number).and_then(|text| text.parse::<i64>().ok());
            value.map(|value| value > 0).ok_or(Error::Malformed)
        }
        (None, Some(coding)) if version == Version::Http11 && coding.eq_ignore_ascii_case(b"chunked") => {
            Ok(true)
        }
        _ => Err(Error::Malformed),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "parse_tests.rs"]
mod tests;
