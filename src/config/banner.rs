//! What is said on start: the banner, the reasons why a port cannot be had, warnings.
//!
//! Pure: facts in, text out. Whatever comes from the file system or the command line
//! is freed of control characters first, because terminals obey them (hazards R46).

use std::fmt::Write;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use crate::http::SafePath;
use crate::http::target::encode_segment;

/// More URLs than this help nobody.
const NETWORK_URLS_MAX: usize = 3;

/// What the banner is about.
#[derive(Clone, Copy, Debug)]
pub struct Banner<'a> {
    /// What is shared.
    pub root: &'a Path,
    /// Whether that is one file, so that URLs end in its name.
    pub root_is_file: bool,
    /// The prefix of all paths; the root is none.
    pub base: &'a SafePath,
    /// The addresses that were bound, with their real ports.
    pub addresses: &'a [SocketAddr],
    /// The addresses of the machine's interfaces, for binds to all of them.
    pub interfaces: &'a [IpAddr],
    /// What is on beside the usual.
    pub features: &'a [String],
    /// What is done on purpose to test others, so that nobody takes it for a fault.
    pub weather: Option<&'a str>,
    /// Whether to colour it.
    pub color: bool,
}

impl Banner<'_> {
    /// The whole text, with its last line end: at most eight lines for one bind.
    pub fn text(&self) -> String {
        let (bold, reset) = if self.color { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
        let link = if self.color { "\x1b[1;36m" } else { "" };
        let mut text = format!("Sharing {bold}{}{reset}\n", printable(&self.root.to_string_lossy()));
        let (here, mut network) = urls(self.addresses, self.interfaces);
        let left_out = network.len().saturating_sub(NETWORK_URLS_MAX);
        network.truncate(NETWORK_URLS_MAX);
        let path = self.path();
        let labelled = !here.is_empty() && !network.is_empty();
        let lines =
            here.iter().map(|url| (url, "this machine")).chain(network.iter().map(|url| (url, "network")));
        let width = here.iter().chain(&network).map(String::len).max().unwrap_or(0);
        let count = here.len() + network.len();
        for (number, (url, label)) in lines.enumerate() {
            let _ = write!(text, "  {link}{url}{path}{reset}");
            let padding = width - url.len();
            if labelled {
                let _ = write!(text, "{:padding$}  ({label})", "");
            }
            if left_out > 0 && number + 1 == count {
                let _ = write!(text, ", and {left_out} more");
            }
            text.push('\n');
        }
        if network.is_empty() && self.addresses.iter().any(|address| address.ip().is_unspecified()) {
            text.push_str(
                "This machine has no address in a network now; when it has one, that is shared, too.\n",
            );
        }
        let is_private = self.addresses.iter().all(|address| address.ip().is_loopback());
        if is_private && !self.addresses.is_empty() {
            let _ = writeln!(text, "Only this machine can reach it; --lan shares it with the network.");
        }
        if !self.features.is_empty() {
            let _ = writeln!(text, "With {}.", self.features.join(", "));
        }
        if let Some(weather) = self.weather {
            let _ = writeln!(text, "On purpose, {weather}.");
        }
        text.push_str("Press Ctrl-C to stop.\n");
        text
    }

    /// All URLs, those of this machine first; for programs.
    pub fn urls(&self) -> Vec<String> {
        let (here, network) = urls(self.addresses, self.interfaces);
        let path = self.path();
        here.iter().chain(&network).map(|url| format!("{url}{path}")).collect()
    }

    /// The likeliest URL for other machines, if there is one.
    pub fn network_url(&self) -> Option<String> {
        let (_, network) = urls(self.addresses, self.interfaces);
        network.first().map(|url| format!("{url}{}", self.path()))
    }

    /// The path of every URL.
    fn path(&self) -> String {
        let mut path = self.base.to_directory().to_location();
        if let Some(name) = self.root.file_name().filter(|_| self.root_is_file) {
            path.extend(encode_segment(name.as_encoded_bytes()));
        }
        path
    }
}

/// URLs without a path for this machine alone, and for the network, the likeliest first.
fn urls(addresses: &[SocketAddr], interfaces: &[IpAddr]) -> (Vec<String>, Vec<String>) {
    let (mut here, mut network) = (Vec::new(), Vec::new());
    let add = |list: &mut Vec<String>, host: String, port: u16| {
        let url = if port == 80 { format!("http://{host}") } else { format!("http://{host}:{port}") };
        if !list.contains(&url) {
            list.push(url);
        }
    };
    let mut likely = interfaces.to_vec();
    likely.sort_by_key(likelihood);
    for address in addresses {
        let port = address.port();
        if address.ip().is_unspecified() {
            let (v4, v6) = (Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into());
            let twin = SocketAddr::new(if address.is_ipv4() { v6 } else { v4 }, port);
            // One URL for the two halves of a bind to everything.
            if address.is_ipv4() || !addresses.contains(&twin) {
                add(&mut here, if address.is_ipv4() { "127.0.0.1" } else { "[::1]" }.to_owned(), port);
            }
            for ip in likely.iter().filter(|ip| ip.is_ipv4() == address.is_ipv4() && is_reachable(ip)) {
                add(&mut network, host_of(*ip), port);
            }
        } else if address.ip().is_loopback() {
            let (v4, v6) = (Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into());
            let has = |ip: IpAddr| addresses.contains(&SocketAddr::new(ip, port));
            let both = (address.ip() == v4 || address.ip() == v6) && has(v4) && has(v6);
            add(&mut here, if both { "localhost".to_owned() } else { host_of(address.ip()) }, port);
        } else {
            add(&mut network, host_of(address.ip()), port);
        }
    }
    (here, network)
}

fn host_of(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// Link-local addresses need a zone, which URLs cannot say.
fn is_reachable(ip: &IpAddr) -> bool {
    let link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    !(ip.is_loopback() || ip.is_unspecified() || link_local)
}

/// Home and office networks come first; 172.16.0.0/12 is mostly that of containers.
fn likelihood(ip: &IpAddr) -> u8 {
    match ip {
        IpAddr::V4(ip) => match ip.octets() {
            [192, 168, ..] => 0,
            [10, ..] => 1,
            [172, 16..=31, ..] => 3,
            _ => 2,
        },
        IpAddr::V6(_) => 4,
    }
}

/// Why an address cannot be listened on, and what to do.
pub fn bind_error(address: &SocketAddr, error: &io::Error) -> String {
    let port = address.port();
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "cannot listen on {address}: another program uses this port; \
             choose another one, like {}, or --port 0 for any free one",
            if port < u16::MAX { port + 1 } else { 8000 },
        ),
        io::ErrorKind::PermissionDenied if port < 1024 => format!(
            "cannot listen on {address}: the system keeps ports below 1024 for administrators; \
             choose another one, like 8000"
        ),
        io::ErrorKind::PermissionDenied => format!(
            "cannot listen on {address}: the system does not allow this port, or another program uses it; \
             choose another one, or --port 0 for any free one"
        ),
        io::ErrorKind::AddrNotAvailable => format!(
            "cannot listen on {address}: this machine does not have the address {}; \
             --bind :{port} listens on all that it has",
            address.ip()
        ),
        _ => format!("cannot listen on {address}: {error}; try another address or port with --bind"),
    }
}

/// What is worth a warning, for standard error. `home` and `root` are canonical.
pub(super) fn warnings(root: &Path, home: Option<&Path>, exposed: bool, administrator: bool) -> Vec<String> {
    let mut found = Vec::new();
    if home == Some(root) {
        found.push("this shares your whole home folder; `serve PATH` shares less".to_owned());
    } else if root.parent().is_none() {
        found.push("this shares every file of this machine; `serve PATH` shares less".to_owned());
    }
    if administrator && exposed {
        found.push(
            "this runs as root and the network can reach it; --user NAME gives that up once it listens"
                .to_owned(),
        );
    }
    found
}

/// Text for a terminal: whatever could move the cursor, change the colour or the
/// direction of writing, or end the line, is spelled out.
pub fn printable(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            // Bidirectional controls, and separators that some terminals take for line ends.
            '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => {
                clean.extend(c.escape_unicode());
            }
            _ if c.is_control() => clean.extend(c.escape_unicode()),
            _ => clean.push(c),
        }
    }
    clean
}

#[cfg(test)]
#[path = "banner_tests.rs"]
mod tests;
