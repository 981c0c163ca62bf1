//! Where the server listens: `--bind` from text to socket addresses.
//!
//! Parsing is pure; only a host name asks the system, through a function that is
//! passed in. Never opens a socket.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::values;

/// One `--bind`, ready to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind {
    /// As it was written, for messages.
    pub text: String,
    /// Never empty. Port 0 lets the system choose; the addresses of one bind are
    /// meant to share whatever it chooses.
    pub addresses: Vec<SocketAddr>,
    /// Whether the machine may lack some of the addresses, as long as one binds:
    /// the user named no single address, and not every machine has IPv6.
    pub optional: bool,
}

impl Bind {
    /// Whether the failure of one address may be passed over, given that another
    /// address of this bind succeeds. A port in use is never passed over: half of
    /// `localhost` would be someone else's server.
    pub fn tolerates(&self, error: &io::Error) -> bool {
        use io::ErrorKind::{AddrInUse, PermissionDenied};
        self.optional && !matches!(error.kind(), AddrInUse | PermissionDenied)
    }

    /// Whether only this machine can reach it.
    pub fn is_loopback(&self) -> bool {
        self.addresses.iter().all(|address| address.ip().is_loopback())
    }
}

/// What stands before the port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// All interfaces, IPv4 and IPv6.
    Everywhere,
    /// 127.0.0.1 and `::1`, whatever the resolver thinks of the name.
    Localhost,
    /// One address.
    Address(IpAddr),
    /// A name (or an IPv6 address with a zone) that the system has to look up.
    Name(String),
}

/// A `--bind` as written: a host, and a port if there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spec {
    pub text: String,
    pub host: Host,
    pub port: Option<u16>,
}

const FORM: &str =
    "write ADDR[:PORT], like 127.0.0.1:8000, [::1]:8000, localhost, or :8000 for all interfaces";

impl Spec {
    /// Parses `ADDR`, `ADDR:PORT` and `:PORT`.
    pub(super) fn parse(text: &str) -> Result<Spec, String> {
        if text.contains('/') {
            return Err(format!("{}; {FORM}", misunderstood(text)));
        }
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            // The system's resolver would take 8000 for the address 0.0.31.64.
            return Err(format!(
                "an address is missing; write --port {text}, or --bind :{text} for all interfaces"
            ));
        }
        let (host, port) = split(text)?;
        let port = port.map(values::port).transpose()?;
        Ok(Spec { text: text.to_owned(), host: parse_host(host, text)?, port })
    }

    /// Addresses for the socket; `resolve` is asked for names only.
    pub(super) fn resolve(
        self,
        default_port: u16,
        resolve: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>>,
    ) -> Result<Bind, String> {
        let port = self.port.unwrap_or(default_port);
        let at = |ip: IpAddr| SocketAddr::new(ip, port);
        let both = |v4: Ipv4Addr, v6: Ipv6Addr| vec![at(v4.into()), at(v6.into())];
        let addresses = match &self.host {
            Host::Everywhere => both(Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED),
            Host::Localhost => both(Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST),
            Host::Address(ip) => vec![at(*ip)],
            Host::Name(name) => look_up(name, port, resolve)?,
        };
        Ok(Bind { text: self.text, optional: addresses.len() > 1, addresses })
    }
}

/// The part before the port, still with its brackets, and the port.
fn split(text: &str) -> Result<(&str, Option<&str>), String> {
    // Two colons without brackets are an IPv6 address, and all of it.
    let is_bare_v6 = !text.starts_with('[') && text.matches(':').count() > 1;
    let at = match text.rfind(']') {
        None if text.starts_with('[') => return Err(FORM.to_owned()),
        _ if is_bare_v6 => None,
        Some(bracket) => text[bracket..].find(':').map(|colon| bracket + colon),
        None => text.find(':'),
    };
    match at {
        Some(at) if at + 1 == text.len() => Err(format!("the port is missing after the colon; {FORM}")),
        Some(at) => Ok((&text[..at], Some(&text[at + 1..]))),
        None if text.is_empty() => Err(FORM.to_owned()),
        None => Ok((text, None)),
    }
}

fn parse_host(host: &str, text: &str) -> Result<Host, String> {
    if matches!(host, "" | "*") {
        return Ok(Host::Everywhere);
    }
    let lower = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    if lower == "localhost" || lower.ends_with(".localhost") {
        return Ok(Host::Localhost);
    }
    if let Some(inner) = host.strip_prefix('[') {
        let inner = inner.strip_suffix(']').ok_or(FORM)?;
        return v6(inner).ok_or_else(|| format!("there is no IPv6 address between the brackets; {FORM}"));
    }
    if host.contains(':') {
        return v6(host).ok_or_else(|| FORM.to_owned());
    }
    if let Ok(ip) = host.parse::<Ipv4Addr>() {
        return Ok(Host::Address(ip.into()));
    }
    if host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err("this is not an IPv4 address, which is four numbers up to 255, like 127.0.0.1".to_owned());
    }
    // What a resolver makes of other characters differs from system to system.
    if host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)) {
        return Ok(Host::Name(host.to_owned()));
    }
    Err(format!("{}; {FORM}", misunderstood(text)))
}

/// An IPv6 address; one with a zone (`fe80::1%eth0`) needs the system's help.
fn v6(text: &str) -> Option<Host> {
    if let Some((address, zone)) = text.split_once('%') {
        address.parse::<Ipv6Addr>().ok()?;
        return (!zone.is_empty()).then(|| Host::Name(text.to_owned()));
    }
    let address: Ipv6Addr = text.parse().ok()?;
    // IPv6 sockets never take IPv4 here, so a mapped address means the IPv4 one.
    Some(Host::Address(IpAddr::V6(address).to_canonical()))
}

fn misunderstood(text: &str) -> &'static str {
    if text.contains("://") {
        "an address is not a URL"
    } else if text.starts_with("unix:") || text.starts_with('/') {
        "serve does not listen on Unix sockets"
    } else {
        "this is not an address"
    }
}

fn look_up(
    name: &str,
    port: u16,
    resolve: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>>,
) -> Result<Vec<SocketAddr>, String> {
    let mut found = resolve(name, port).map_err(|error| {
        format!("no address is known for this name ({error}); give an address of this machine")
    })?;
    // Resolvers name an address once for each kind of socket.
    let mut seen = Vec::new();
    found.retain(|address| {
        !seen.contains(address) && {
            seen.push(*address);
            true
        }
    });
    if found.is_empty() {
        return Err("no address is known for this name; give an address of this machine".to_owned());
    }
    Ok(found)
}

#[cfg(test)]
#[path = "bind_tests.rs"]
mod tests;
