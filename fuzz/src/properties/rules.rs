//! `_headers` and `_redirects` into `site::rules`, and a client that follows where they
//! lead: nothing panics, no Location leads to a host that the owner did not write, no
//! field breaks a response, and who follows redirects arrives.
//!
//! The input is the target, a NUL, `_redirects`, a NUL, `_headers`.

use std::sync::Arc;
use std::time::SystemTime;

use serve::clock::Now;
use serve::h1::parse::{field_storage, parse};
use serve::http::{Answer, Peer, Response};
use serve::site::files::Memory;
use serve::site::rules::Rules;
use serve::site::{Options, Site, rules};

/// More than any browser follows.
const HOPS: usize = 20;

/// What the owner's fields must never say.
const FRAMING: [&str; 4] = ["Content-Length", "Transfer-Encoding", "Connection", "Date"];

/// The property.
pub fn check(input: &[u8]) {
    let mut parts = input.splitn(3, |&b| b == 0);
    let (Some(target), Some(redirects)) = (parts.next(), parts.next()) else { return };
    let headers = parts.next().unwrap_or_default();
    complaints(headers, redirects);
    let Ok(target) = std::str::from_utf8(target) else { return };
    let mut files = Memory::default();
    for (path, content) in [("_redirects", redirects), ("_headers", headers)] {
        files.insert(path, content.to_vec(), SystemTime::UNIX_EPOCH);
    }
    for path in ["a", "d/index.html", "l/b", ".git/config"] {
        files.insert(path, path, SystemTime::UNIX_EPOCH);
    }
    let options = Options { rules: Some(rules::Shared::default()), ..Options::default() };
    let mut site = Site::new(Arc::new(options), files, Arc::new(|_| {}));
    let owned = hosts(redirects);
    let mut target = target.to_owned();
    for _ in 0..HOPS {
        let Some(response) = ask(&mut site, &target) else { return };
        let Some(location) = judge(&response, &owned) else { return };
        target = location;
    }
    panic!("still redirected: {target}");
}

/// Each says a line that is there.
fn complaints(headers: &[u8], redirects: &[u8]) {
    let (_, complaints) = Rules::parse(headers, redirects);
    for complaint in complaints {
        let file = if complaint.file == "_headers" { headers } else { redirects };
        assert!(complaint.line <= file.split(|&b| b == b'\n').count(), "{complaint}");
        let text = complaint.to_string();
        assert!(!text.contains(char::is_control), "{text:?}");
    }
}

/// Every scheme and host that stands in the file.
fn hosts(redirects: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(redirects);
    let origin = |word: &str| {
        let (scheme, rest) = word.split_once("://")?;
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        Some(format!("{scheme}://{host}/"))
    };
    text.split_whitespace().filter_map(origin).collect()
}

/// Checks a response; gives the target that it leads to, if that is one of this site.
fn judge(response: &Response, owned: &[String]) -> Option<String> {
    assert!(response.fields.is_valid(), "{response:?}");
    for name in FRAMING {
        assert_eq!(response.fields.get(name), None);
    }
    let text = std::str::from_utf8(response.fields.as_bytes()).unwrap_or("\0");
    assert!(!text.contains("config") || !text.contains("Content-Type: text/plain"), "hidden: {text}");
    let Some(location) = response.fields.get("Location") else {
        assert!(!(300..=303).contains(&response.status.code()), "{response:?}");
        return None;
    };
    assert!(matches!(response.status.code(), 301 | 302 | 303 | 307 | 308), "{response:?}");
    assert!(response.body.is_empty());
    assert!(location.bytes().all(|b| matches!(b, 0x21..=0x7e) && b != b'\\'), "{location}");
    if let Some(path) = location.strip_prefix('/') {
        assert!(!path.starts_with(['/', '\\']), "{location}");
        // A fragment stays with the client.
        return Some(location.split('#').next().unwrap_or_default().to_owned());
    }
    assert!(owned.iter().any(|origin| location.starts_with(origin)), "{location} of {owned:?}");
    None
}

/// Asks as a client would; None if the target is none.
fn ask(site: &mut Site<Memory>, target: &str) -> Option<Response> {
    let head = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut storage = field_storage();
    let parsed = parse(head.as_bytes(), &mut storage).ok()?;
    let peer = Peer { address: ([192, 0, 2, 1], 5000).into(), loopback: false };
    match site.respond(&parsed.request, &peer, &Now::read()) {
        Answer::Ready(response) => Some(response),
        Answer::Later(job) => Some(job()),
        Answer::After(_) | Answer::NextTurn => None,
    }
}
