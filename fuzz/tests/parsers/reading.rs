//! What a reader makes of the first request in some bytes.

use serve::h1::Limits;
use serve::h1::parse::{Scanner, field_storage, parse};

/// A verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// It is no request.
    Refused,
    /// More is needed.
    Incomplete,
    /// This one.
    Read(Head, Body),
}

/// A head, as far as all readers tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub method: Vec<u8>,
    pub target: Vec<u8>,
    pub version: String,
    /// Where what follows the head begins: so many bytes of the input are left.
    pub end: usize,
    /// Names in lower case and values without white space around them; by name, for some
    /// readers keep no other order, and each name in the order of arrival.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Head {
    pub fn new(
        [method, target]: [&[u8]; 2],
        version: &str,
        end: usize,
        fields: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>,
    ) -> Head {
        let trim = |value: Vec<u8>| value.trim_ascii().to_vec();
        let fields = fields.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), trim(value)));
        let mut fields: Vec<_> = fields.collect();
        fields.sort_by(|a, b| a.0.cmp(&b.0));
        Head { method: method.to_vec(), target: target.to_vec(), version: version.to_owned(), end, fields }
    }
}

/// What follows a head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// So many bytes; 0 for nothing.
    Length(u64),
    /// More than [`LONG`] bytes.
    Long,
    Chunked,
    /// This reader leaves that to others.
    Unsaid,
}

/// How far the others count.
pub const LONG: u64 = 4096;

impl Body {
    pub fn of_length(length: u64) -> Body {
        if length >= LONG { Body::Long } else { Body::Length(length) }
    }
}

/// Ours. A body is never read here, and is exactly what its field says.
pub fn ours(input: &[u8]) -> Reading {
    let head = match Scanner::default().scan(input, &Limits::default()) {
        Ok(Some(head)) => head,
        Ok(None) => return Reading::Incomplete,
        Err(_) => return Reading::Refused,
    };
    let mut storage = field_storage();
    let Ok(parsed) = parse(&input[head.start..head.end], &mut storage) else { return Reading::Refused };
    let request = &parsed.request;
    let lines = request.fields.lines();
    let length = lines.iter().find(|line| line.name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|line| std::str::from_utf8(line.value).ok()?.parse().ok());
    let body = match length {
        _ if !parsed.announces_body => Body::Length(0),
        Some(length) => Body::of_length(length),
        None => Body::Chunked,
    };
    let version = if request.version == serve::http::Version::Http11 { "1.1" } else { "1.0" };
    let fields = lines.iter().map(|line| (line.name.as_bytes().to_vec(), line.value.to_vec()));
    let start = [request.method_token.as_bytes(), request.target_text.as_bytes()];
    Reading::Read(Head::new(start, version, head.end, fields), body)
}
