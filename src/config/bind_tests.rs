//! Tables of `--bind` values.

#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;

fn no_resolver(name: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
    Err(io::Error::other(format!("{name} was looked up")))
}

fn addresses(text: &str) -> Result<(Vec<String>, bool), String> {
    let bind = Spec::parse(text)?.resolve(8000, no_resolver)?;
    Ok((bind.addresses.iter().map(ToString::to_string).collect(), bind.optional))
}

#[test]
fn every_form_has_its_addresses() {
    for (text, expected) in [
        ("127.0.0.1:9000", &["127.0.0.1:9000"][..]),
        ("127.0.0.1", &["127.0.0.1:8000"]),
        ("127.0.0.1:0", &["127.0.0.1:0"]),
        ("192.168.1.2", &["192.168.1.2:8000"]),
        ("[::1]:9000", &["[::1]:9000"]),
        ("[::1]", &["[::1]:8000"]),
        ("::1", &["[::1]:8000"]),
        ("2001:db8::2", &["[2001:db8::2]:8000"]),
        // Eight groups or not, without brackets it is all address.
        ("::1:9000", &["[::1:9000]:8000"]),
        ("0.0.0.0", &["0.0.0.0:8000"]),
        ("0.0.0.0:80", &["0.0.0.0:80"]),
        ("[::]", &["[::]:8000"]),
        ("::", &["[::]:8000"]),
        ("[::]:9000", &["[::]:9000"]),
        ("[::ffff:127.0.0.1]:9000", &["127.0.0.1:9000"]),
    ] {
        let expected = expected.iter().map(ToString::to_string).collect();
        assert_eq!(addresses(text), Ok((expected, false)), "{text}");
    }
    for (text, v4, v6) in [
        (":9000", "0.0.0.0:9000", "[::]:9000"),
        ("*", "0.0.0.0:8000", "[::]:8000"),
        ("*:9000", "0.0.0.0:9000", "[::]:9000"),
        (":0", "0.0.0.0:0", "[::]:0"),
        ("localhost", "127.0.0.1:8000", "[::1]:8000"),
        ("LOCALHOST.:9000", "127.0.0.1:9000", "[::1]:9000"),
        ("app.localhost", "127.0.0.1:8000", "[::1]:8000"),
    ] {
        assert_eq!(addresses(text), Ok((vec![v4.to_owned(), v6.to_owned()], true)), "{text}");
    }
}

#[test]
fn what_is_no_address_is_said_so() {
    for (text, part) in [
        ("", "write ADDR[:PORT]"),
        (":", "the port is missing"),
        ("127.0.0.1:", "the port is missing"),
        ("[::1]:", "the port is missing"),
        ("127.0.0.1:99999", "a port is a number"),
        ("127.0.0.1:http", "a port is a number"),
        (":-1", "a port is a number"),
        ("8000", "--port 8000, or --bind :8000"),
        ("256.0.0.1", "not an IPv4 address"),
        ("127.1", "not an IPv4 address"),
        ("1.2.3.4.5:80", "not an IPv4 address"),
        ("[]", "between the brackets"),
        ("[127.0.0.1]", "between the brackets"),
        ("[::1", "write ADDR[:PORT]"),
        ("[::1]x", "write ADDR[:PORT]"),
        ("a:b:c", "write ADDR[:PORT]"),
        ("fe80::1%", "write ADDR[:PORT]"),
        ("http://localhost:8000", "not a URL"),
        ("unix:/run/serve.sock", "Unix sockets"),
        ("/run/serve.sock", "Unix sockets"),
        ("10.0.0.0/8", "not an address"),
        ("a b", "not an address"),
        ("exämple", "not an address"),
        ("machine", "machine was looked up"),
        ("fe80::1%eth0", "fe80::1%eth0 was looked up"),
        ("[fe80::1%eth0]:80", "fe80::1%eth0 was looked up"),
    ] {
        let error = addresses(text).unwrap_err();
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn names_are_the_systems_business() {
    let known = |_: &str, port| {
        Ok(["10.0.0.1", "::1", "10.0.0.1"].map(|ip| SocketAddr::new(ip.parse().unwrap(), port)).to_vec())
    };
    let bind = Spec::parse("machine:9000").unwrap().resolve(8000, known).unwrap();
    assert_eq!(bind.addresses, ["10.0.0.1:9000", "[::1]:9000"].map(|a| a.parse().unwrap()));
    assert!(bind.optional && !bind.is_loopback());
    assert!(Spec::parse("machine").unwrap().resolve(8000, |_, _| Ok(Vec::new())).is_err());
}

#[test]
fn only_what_the_machine_lacks_is_tolerated() {
    let localhost = Spec::parse("localhost").unwrap().resolve(8000, no_resolver).unwrap();
    let one = Spec::parse("::1").unwrap().resolve(8000, no_resolver).unwrap();
    let missing = io::Error::from(io::ErrorKind::AddrNotAvailable);
    assert!(localhost.is_loopback() && localhost.tolerates(&missing));
    assert!(!one.tolerates(&missing));
    assert!(!localhost.tolerates(&io::ErrorKind::AddrInUse.into()));
    assert!(!localhost.tolerates(&io::ErrorKind::PermissionDenied.into()));
}

proptest! {
    #[test]
    fn any_text_is_an_address_or_an_error(text in "[0-9a-f:.%\\[\\]*@/ \\PC]{0,24}") {
        let _ = addresses(&text);
    }

    #[test]
    fn every_socket_address_is_understood(ip: IpAddr, port: u16) {
        let text = SocketAddr::new(ip, port).to_string();
        let bind = Spec::parse(&text).unwrap().resolve(1, no_resolver).unwrap();
        prop_assert_eq!(bind.addresses, [SocketAddr::new(ip.to_canonical(), port)]);
    }
}
