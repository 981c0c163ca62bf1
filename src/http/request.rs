//! Requests (RFC 9110 §9), borrowed from the bytes that they came in.

use super::fields::RequestFields;
use super::host::Authority;
use super::target::Target;

/// The method of a request, as far as answers differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Transfer the selected representation.
    Get,
    /// The same without the body.
    Head,
    /// What can be done here.
    Options,
    /// A method of RFC 9110 or PATCH that has no place on a file server: 405.
    Known,
    /// Any other token: 501.
    Unknown,
}

impl Method {
    /// Methods do depend on case (§9.1).
    pub fn parse(token: &[u8]) -> Method {
        match token {
            b"GET" => Method::Get,
            b"HEAD" => Method::Head,
            b"OPTIONS" => Method::Options,
            b"POST" | b"PUT" | b"DELETE" | b"PATCH" | b"CONNECT" | b"TRACE" => Method::Known,
            _ => Method::Unknown,
        }
    }
}

/// The version of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Connections end after the response, unless asked otherwise.
    Http10,
    /// Connections persist.
    Http11,
}

/// A complete, valid request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// What is asked for.
    pub method: Method,
    /// The method as it was spelled.
    pub method_token: &'a str,
    /// Of what.
    pub target: Target<'a>,
    /// The target as it was spelled.
    pub target_text: &'a str,
    /// In which version.
    pub version: Version,
    /// The host that is addressed: from an absolute form, else from Host. Always
    /// there in HTTP/1.1.
    pub authority: Option<Authority<'a>>,
    /// Everything else.
    pub fields: RequestFields<'a>,
}
