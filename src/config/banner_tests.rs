//! What the banner says for which addresses.

#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;

fn banner(root: &str, is_file: bool, addresses: &[&str], interfaces: &[&str]) -> String {
    banner_below("/", root, is_file, addresses, interfaces)
}

fn banner_below(base: &str, root: &str, is_file: bool, addresses: &[&str], interfaces: &[&str]) -> String {
    let addresses: Vec<SocketAddr> = addresses.iter().map(|text| text.parse().unwrap()).collect();
    let interfaces: Vec<IpAddr> = interfaces.iter().map(|text| text.parse().unwrap()).collect();
    let root = Path::new(root);
    let base = &SafePath::parse(base).unwrap();
    Banner {
        base,
        root,
        root_is_file: is_file,
        addresses: &addresses,
        interfaces: &interfaces,
        features: &[],
        weather: None,
        color: false,
    }
    .text()
}

#[test]
fn for_this_machine_only() {
    let expected = "\
Sharing /srv/www
  http://127.0.0.1:8000/
Only this machine can reach it; --lan shares it with the network.
Press Ctrl-C to stop.
";
    assert_eq!(banner("/srv/www", false, &["127.0.0.1:8000"], &["192.168.1.2"]), expected);
    let localhost = expected.replace("127.0.0.1", "localhost");
    assert_eq!(banner("/srv/www", false, &["127.0.0.1:8000", "[::1]:8000"], &[]), localhost);
    assert_eq!(banner("/srv/www", false, &["[::1]:8000"], &[]), expected.replace("127.0.0.1", "[::1]"));
}

#[test]
fn urls_begin_with_the_base_path() {
    for (base, root, is_file, url) in [
        ("/docs", "/srv/www", false, "http://127.0.0.1:8000/docs/"),
        ("/a%20b/c/", "/srv/x y", true, "http://127.0.0.1:8000/a%20b/c/x%20y"),
    ] {
        let text = banner_below(base, root, is_file, &["127.0.0.1:8000"], &[]);
        assert!(text.contains(&format!("  {url}\n")), "{text}");
    }
}

#[test]
fn for_the_network() {
    let interfaces = [
        "127.0.0.1",
        "::1",
        "172.17.0.1",
        "fe80::1",
        "169.254.3.4",
        "2001:db8::5",
        "10.0.0.7",
        "192.168.1.20",
        "fd00::1",
    ];
    let expected = "\
Sharing /srv/www
  http://127.0.0.1:8000/     (this machine)
  http://192.168.1.20:8000/  (network)
  http://10.0.0.7:8000/      (network)
  http://172.17.0.1:8000/    (network), and 2 more
Press Ctrl-C to stop.
";
    assert_eq!(banner("/srv/www", false, &["0.0.0.0:8000", "[::]:8000"], &interfaces), expected);
}

#[test]
fn urls_can_always_be_clicked() {
    let interfaces = ["192.168.1.2", "fd00::1", "fe80::1"];
    for (addresses, present, absent) in [
        (&["0.0.0.0:80"][..], &["http://127.0.0.1/", "http://192.168.1.2/"][..], "fd00"),
        (&["[::]:8000"], &["http://[::1]:8000/", "http://[fd00::1]:8000/"], "192.168"),
        (&["192.168.1.2:8000"], &["http://192.168.1.2:8000/"], "127.0.0.1"),
        (&["127.0.0.1:1", "[::1]:2"], &["http://127.0.0.1:1/", "http://[::1]:2/"], "localhost"),
        (&["0.0.0.0:1", "127.0.0.1:1"], &["http://127.0.0.1:1/"], "localhost"),
        (&["127.0.0.2:8000"], &["http://127.0.0.2:8000/"], "127.0.0.1"),
    ] {
        let text = banner("/x", false, addresses, &interfaces);
        for url in present {
            assert_eq!(text.matches(url).count(), 1, "{text}");
        }
        for absent in [absent, "0.0.0.0", "[::]", "fe80"] {
            assert!(!text.contains(absent), "{absent} in {text}");
        }
    }
    // Without a network, a bind to everything is still not said to be private.
    let text = banner("/x", false, &["0.0.0.0:8000"], &["127.0.0.1"]);
    assert!(text.contains("http://127.0.0.1:8000/\n") && !text.contains("Only this machine"), "{text}");
    assert!(text.contains("no address in a network now"), "{text}");
}

#[test]
fn a_file_is_named_by_its_url() {
    let text = banner("/tmp/a b%\u{e9}#?.txt", true, &["127.0.0.1:8000"], &[]);
    assert!(text.contains("http://127.0.0.1:8000/a%20b%25%C3%A9%23%3F.txt\n"), "{text}");
}

/// R46.
#[test]
fn names_cannot_speak_to_the_terminal() {
    let text = banner("/tmp/\u{1b}[2J\r\n\u{9b}31m\u{202e}\u{7f}\u{e9}", true, &["127.0.0.1:8000"], &[]);
    assert!(
        text.starts_with("Sharing /tmp/\\u{1b}[2J\\u{d}\\u{a}\\u{9b}31m\\u{202e}\\u{7f}\u{e9}\n"),
        "{text}"
    );
}

#[test]
fn colour_changes_nothing_else() {
    let address: SocketAddr = "127.0.0.1:8000".parse().unwrap();
    let base = SafePath::root();
    let mut banner = Banner {
        base: &base,
        root: Path::new("/x"),
        root_is_file: false,
        addresses: &[address],
        interfaces: &[],
        features: &[],
        weather: None,
        color: true,
    };
    let coloured = banner.text();
    banner.color = false;
    assert!(coloured.contains("\x1b[1m"));
    assert_eq!(
        coloured.replace("\x1b[1m", "").replace("\x1b[1;36m", "").replace("\x1b[0m", ""),
        banner.text()
    );
}

#[test]
fn a_port_that_cannot_be_had_is_explained() {
    use io::ErrorKind::{AddrInUse, AddrNotAvailable, OutOfMemory, PermissionDenied};
    for (address, kind, parts) in [
        ("127.0.0.1:8000", AddrInUse, &["127.0.0.1:8000", "another program", "like 8001", "--port 0"][..]),
        ("127.0.0.1:65535", AddrInUse, &["like 8000"]),
        ("0.0.0.0:80", PermissionDenied, &["0.0.0.0:80", "below 1024", "like 8000"]),
        ("0.0.0.0:50000", PermissionDenied, &["does not allow", "--port 0"]),
        ("203.0.113.1:8000", AddrNotAvailable, &["does not have the address 203.0.113.1", "--bind :8000"]),
        ("[::1]:8000", OutOfMemory, &["[::1]:8000", "out of memory", "--bind"]),
    ] {
        let text = bind_error(&address.parse().unwrap(), &kind.into());
        for part in parts {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}

/// R48.
#[test]
fn warnings_are_rare() {
    let home = Some(Path::new("/home/me"));
    let count =
        |root: &str, exposed, administrator| warnings(Path::new(root), home, exposed, administrator).len();
    assert_eq!(count("/home/me/www", true, false), 0);
    assert_eq!(count("/home/me/www", false, true), 0);
    assert_eq!(count("/home/me/www", true, true), 1);
    assert_eq!(count("/home/me", false, false), 1);
    assert_eq!(count("/", false, false), 1);
    assert_eq!(count("/", true, true), 2);
}

proptest! {
    #[test]
    fn printable_text_is_one_harmless_line(text in any::<String>()) {
        let clean = printable(&text);
        prop_assert!(!clean.chars().any(char::is_control));
        prop_assert_eq!(printable(&clean), clean.clone());
    }

    #[test]
    fn a_bind_to_everything_takes_at_most_six_lines(ips in prop::collection::vec(any::<IpAddr>(), 0..12)) {
        let addresses = ["0.0.0.0:8000", "[::]:8000"].map(|text| text.parse().unwrap());
        let root = Path::new("/x");
        let text = Banner { base: &SafePath::root(), root, root_is_file: false, addresses: &addresses, interfaces: &ips, features: &[], weather: None, color: false }.text();
        prop_assert!(text.lines().count() <= 6, "{}", text);
    }
}
