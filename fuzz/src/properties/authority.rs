//! An authority into `http::host`, an origin into `site::cors`: what is taken for a host is
//! one by RFC 3986, and only names of this machine get past the guard.
//!
//! The input is lines: an authority, then names that the guard knows.

use std::net::{Ipv4Addr, Ipv6Addr};

use serve::http::host::{Authority, HostGuard};
use serve::site::cors::Origin;

use super::rfc;

/// The property.
pub fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let mut lines = text.split('\n');
    let Some(value) = lines.next() else { return };
    let names: Vec<String> = lines.take(8).map(str::to_owned).collect();
    origin(value);
    let parsed = Authority::parse(value);
    assert_eq!(parsed.is_some(), rfc::is_authority(value.as_bytes()), "{value:?}");
    let Some(Authority { host }) = parsed else { return };
    let bare = host_of(value);
    assert_eq!(host, bare);
    let guard = HostGuard::new(names.iter().cloned());
    assert_eq!(guard.allows(host), is_ours(host, &names), "{host:?} among {names:?}");
}

/// Without the port, and an address without its brackets.
fn host_of(value: &str) -> &str {
    match value.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => value.split(':').next().unwrap_or_default(),
    }
}

/// R37: an address, `localhost` and what is beneath it, or a name that was given.
fn is_ours(host: &str, names: &[String]) -> bool {
    let plain = |name: &str| name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let host_name = plain(host);
    host.parse::<Ipv4Addr>().is_ok()
        || host.parse::<Ipv6Addr>().is_ok()
        || host_name == "localhost"
        || host_name.ends_with(".localhost")
        || names.iter().any(|name| matches!(plain(name), known if known == "*" || known == host_name))
}

/// RFC 6454 §6.2: the form in which a browser writes it, and again the same.
fn origin(text: &str) {
    let Some(origin) = Origin::parse(text).map(|origin| origin.to_string()) else { return };
    let Some((scheme, rest)) = text.split_once("://") else { panic!("{text:?} has no scheme") };
    assert!(rfc::is_authority(rest.as_bytes()), "{rest:?}");
    assert!(origin.bytes().all(|b| matches!(b, b'!'..=b'~') && !b.is_ascii_uppercase()), "{origin:?}");
    assert!(origin.starts_with(&scheme.to_ascii_lowercase()));
    assert_eq!(Origin::parse(&origin).map(|again| again.to_string()), Some(origin));
}
