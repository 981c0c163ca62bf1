//! Authorities (RFC 9110 §4.2, RFC 3986 §3.2) and the check against DNS rebinding.

use std::net::{Ipv4Addr, Ipv6Addr};

/// A valid `uri-host [":" port]`, as Host and the absolute form carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authority<'a> {
    /// The host, an IPv6 address without its brackets.
    pub host: &'a str,
}

impl<'a> Authority<'a> {
    /// Checks an authority; None is 400. An empty host is none (RFC 9110 §4.2.1),
    /// and user information has no place here (§4.2.4).
    pub fn parse(value: &'a str) -> Option<Authority<'a>> {
        let (host, port) = if let Some(rest) = value.strip_prefix('[') {
            let (address, port) = rest.split_once(']')?;
            address.parse::<Ipv6Addr>().ok()?;
            (address, port)
        } else {
            let end = memchr::memchr(b':', value.as_bytes()).unwrap_or(value.len());
            let (host, port) = value.split_at(end);
            if host.is_empty() || !is_reg_name(host) {
                return None;
            }
            (host, port)
        };
        match port.strip_prefix(':') {
            Some(digits) => {
                digits.is_empty()
                    || (digits.bytes().all(|b| b.is_ascii_digit()) && digits.parse::<u16>().is_ok())
            }
            None => port.is_empty(),
        }
        .then_some(Authority { host })
    }
}

/// `reg-name` of RFC 3986 §3.2.2: unreserved, sub-delims, percent-encoded bytes.
fn is_reg_name(host: &str) -> bool {
    let mut bytes = host.bytes();
    while let Some(byte) = bytes.next() {
        let fine = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => true,
            b'%' => (0..2).all(|_| bytes.next().is_some_and(|b| b.is_ascii_hexdigit())),
            _ => b"!$&'()*+,;=".contains(&byte),
        };
        if !fine {
            return false;
        }
    }
    true
}

/// Which names a server on a loopback address answers to.
///
/// A page of any site can make a browser send requests to 127.0.0.1 under a name of
/// its own (DNS rebinding), and then read the answers. Such a request carries that
/// name in Host, so a check of Host is enough (hazards R37).
#[derive(Clone, Debug, Default)]
pub struct HostGuard {
    allowed: Vec<String>,
    any: bool,
}

impl HostGuard {
    /// A guard that also knows `names`: those of the machine, of the binds, and of
    /// `--allow-host`. The name `*` switches the check off.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        let mut guard = HostGuard::default();
        for name in names {
            let name = without_dot(&name).to_owned();
            guard.any |= name == "*";
            guard.allowed.push(name);
        }
        guard
    }

    /// Whether a request for this host is meant for us.
    pub fn allows(&self, host: &str) -> bool {
        if self.any || host.parse::<Ipv4Addr>().is_ok() || host.parse::<Ipv6Addr>().is_ok() {
            return true;
        }
        let name = without_dot(host);
        let above = name.len().checked_sub(LOCALHOST.len()).and_then(|at| name.split_at_checked(at));
        above.is_some_and(|(above, last)| {
            last.eq_ignore_ascii_case(LOCALHOST) && (above.is_empty() || above.ends_with('.'))
        }) || self.allowed.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

/// It and what lies beneath it is always this machine (RFC 6761 §6.3).
const LOCALHOST: &str = "localhost";

/// Names do not depend on the dot of a fully qualified one, nor on case.
fn without_dot(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_and_a_port() {
        for good in
            ["a", "a:80", "a:", "A.b-c_d", "127.0.0.1:8000", "[::1]", "[::1]:8000", "x%41", "localhost."]
        {
            assert!(Authority::parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            ":80",
            "a b",
            "a:b",
            "a:80:80",
            "a:65536",
            "a:-1",
            "u@h",
            "h/",
            "h?",
            "[::1",
            "::1",
            "[::1]x",
            "[]",
            "[127.0.0.1]",
            "a\\b",
            "x%4",
            "é",
            "a:+1",
            "[::1%eth0]",
            "a\tb",
        ] {
            assert_eq!(Authority::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_our_own_names_are_answered() {
        let guard = HostGuard::new(["My-Machine".to_owned(), "my-machine.local".to_owned()]);
        for host in [
            "127.0.0.1",
            "::1",
            "192.168.1.2",
            "localhost",
            "LOCALHOST.",
            "app.localhost",
            "my-machine",
            "MY-MACHINE.local",
        ] {
            assert!(guard.allows(host), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.nip.io",
            "notlocalhost",
            "",
            "other.local",
            "0x7f.1",
            "*",
        ] {
            assert!(!guard.allows(host), "{host}");
        }
        assert!(HostGuard::new(["*".to_owned()]).allows("evil.example"));
    }
}
