//! Which pages of other sites may read the answers (CORS, the Fetch standard), and how
//! far ours are isolated from them.
//!
//! Nothing of a request is echoed: what is allowed is fixed text, or an origin as the
//! command line has it. Cookies and passwords never take part, so a wildcard gives away
//! no more than the files, and pages on other networks are not let in by
//! `Access-Control-Allow-Private-Network` (R38).

use std::fmt;

use super::options::Options;
use crate::http::host::Authority;
use crate::http::{Fields, Method, Peer, Request, RequestFields};

/// What scripts may see of a response beside its body and the few fields that the
/// standard lets through by itself.
const EXPOSED: &str = "Accept-Ranges, Content-Encoding, Content-Range, Date, ETag, Location, Retry-After";

/// What scripts may send: anything, for files do not depend on it. The wildcard alone
/// would leave out Authorization.
const ACCEPTED: &str = "*, Authorization";

/// How many seconds a browser need not ask again: a restart with other options should be
/// felt soon.
const PREFLIGHT_SECONDS: u32 = 600;

/// Who may read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Cors {
    /// No page of another site.
    #[default]
    Off,
    /// Pages of every site.
    Any,
    /// Those of these origins.
    Origins(Vec<Origin>),
}

/// An origin as browsers write it (RFC 6454 §6.2): scheme and host in lower case, and
/// no port where it is the usual one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// Reads `scheme://host[:port]`, without anything behind it.
    ///
    /// ```
    /// use serve::site::cors::Origin;
    /// assert_eq!(Origin::parse("HTTPS://App.example:443").unwrap().to_string(), "https://app.example");
    /// assert!(Origin::parse("https://app.example/").is_none());
    /// ```
    pub fn parse(text: &str) -> Option<Origin> {
        let text = text.to_ascii_lowercase();
        let (scheme, authority) = text.split_once("://")?;
        Authority::parse(authority)?;
        let is =
            |text: &str, more: &[u8]| text.bytes().all(|b| b.is_ascii_alphanumeric() || more.contains(&b));
        let begins = scheme.starts_with(|c: char| c.is_ascii_alphabetic());
        // A host may hold more than this by its grammar, but then it is no browser's.
        if !begins || !is(scheme, b"+-.") || !is(authority, b".-_:[]") {
            return None;
        }
        let usual_port = match scheme {
            "http" => ":80",
            "https" => ":443",
            _ => ":",
        };
        let authority = authority.strip_suffix(usual_port).unwrap_or(authority);
        Some(Origin(format!("{scheme}://{}", authority.trim_end_matches(':'))))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What one client is told; found out before the answer, which may be made elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The place of the client's origin among those that are allowed.
    origin: Option<usize>,
    loopback: bool,
}

impl Grant {
    /// By the Origin of a request; None for what is no request.
    pub fn new(options: &Options, fields: Option<RequestFields<'_>>, peer: &Peer) -> Grant {
        let origin = match (&options.cors, fields.and_then(|fields| fields.only("origin"))) {
            (Cors::Origins(known), Some(sent)) => known.iter().position(|Origin(own)| own.as_bytes() == sent),
            _ => None,
        };
        Grant { origin, loopback: peer.loopback }
    }

    /// The fields that every response has.
    pub fn push_fields(self, options: &Options, fields: &mut Fields) {
        match &options.cors {
            Cors::Off => {}
            Cors::Any => push_allowed(fields, &"*"),
            Cors::Origins(known) => {
                // Also where the origin is unknown or absent: a cache must not hand that
                // answer to one who may read it, or the other way round.
                fields.push_member("Vary", "Origin");
                if let Some(origin) = self.origin.and_then(|at| known.get(at)) {
                    push_allowed(fields, origin);
                }
            }
        }
        if options.coi {
            fields.push_block(
                "Cross-Origin-Opener-Policy: same-origin\r\nCross-Origin-Embedder-Policy: require-corp\r\n",
            );
        }
        // Other sites' pages must not embed what runs on this machine (R38), unless they
        // were invited. Isolated pages of theirs may embed only what says that they may.
        match (options.cors == Cors::Off, options.coi) {
            (true, coi) if coi || self.loopback => {
                fields.push_block("Cross-Origin-Resource-Policy: same-site\r\n")
            }
            (false, true) => fields.push_block("Cross-Origin-Resource-Policy: cross-origin\r\n"),
            (true, _) | (false, false) => {}
        }
    }

    /// What a preflight is answered: what one may do here, to those who may do it.
    pub fn push_preflight(self, options: &Options, fields: &mut Fields) {
        if options.cors == Cors::Any || self.origin.is_some() {
            fields.push("Access-Control-Allow-Methods", super::ALLOW);
            fields.push("Access-Control-Allow-Headers", ACCEPTED);
            fields.push("Access-Control-Max-Age", PREFLIGHT_SECONDS);
        }
    }
}

fn push_allowed(fields: &mut Fields, origin: &dyn fmt::Display) {
    fields.push("Access-Control-Allow-Origin", origin);
    fields.push("Access-Control-Expose-Headers", EXPOSED);
}

/// Whether a browser asks on behalf of a script if it may send the real request.
pub fn is_preflight(request: &Request<'_>) -> bool {
    let has = |name| request.fields.first(name).is_some();
    request.method == Method::Options && has("origin") && has("access-control-request-method")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn origins_are_spelled_as_browsers_do() {
        for (text, expected) in [
            ("https://app.example", "https://app.example"),
            ("HTTP://LocalHost:5173", "http://localhost:5173"),
            ("http://a:80", "http://a"),
            ("https://a:443", "https://a"),
            ("http://a:443", "http://a:443"),
            ("http://a:", "http://a"),
            ("http://[::1]:80", "http://[::1]"),
            ("chrome-extension://abcdef", "chrome-extension://abcdef"),
            ("tauri://localhost", "tauri://localhost"),
        ] {
            assert_eq!(
                Origin::parse(text).map(|origin| origin.to_string()).as_deref(),
                Some(expected),
                "{text}"
            );
        }
        for text in [
            "",
            "null",
            "*",
            "a.example",
            "//a.example",
            "://a",
            "https://",
            "https://a/",
            "https://a/b",
            "https://a?b",
            "https://u@a",
            "https://*.example",
            "https://*",
            "https://a b",
            "https://a,https://b",
            "https://a\r\nX: y",
            "https://é.example",
            "1s://a",
            "a b://c",
        ] {
            assert_eq!(Origin::parse(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn an_origin_is_harmless_and_stays_itself(text in "[a-zA-Z]{0,5}(://)?(\\PC|[\r\n]){0,12}") {
            if let Some(origin) = Origin::parse(&text) {
                prop_assert!(origin.0.bytes().all(|b| b.is_ascii_graphic() && b != b','));
                prop_assert_eq!(Origin::parse(&origin.0), Some(origin));
            }
        }
    }
}
