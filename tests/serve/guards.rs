//! Safe by default: who is answered, and what answers never say (behaviour,
//! sections 9 and 11).

use std::collections::HashSet;

use proptest::prelude::*;
use serve::http::Status;
use serve::http::negotiate::Form;
use serve::segment::Segment;

use super::harness::{Answer, TestServer};

fn site(options: &[&str]) -> TestServer {
    TestServer::with_files(&[("a.txt", "a"), ("d/f", "f"), ("index/index.html", "i")], options)
}

fn status(server: &TestServer, target: &str, host: &str) -> u16 {
    let bytes = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    server.exchange(bytes, &["GET"])[0].status
}

/// Names under which a page of another site could reach this machine (R37).
const FOREIGN: [&str; 12] = [
    "evil.example",
    "evil.example:8000",
    "EVIL.example.",
    "localhost.evil.example",
    "127.0.0.1.nip.io",
    "127.0.0.1.evil.example:80",
    "notlocalhost",
    "localhost-",
    "0x7f.0.0.1",
    "2130706433.example",
    "other.local",
    "*",
];

/// R37.
#[test]
fn on_loopback_only_names_of_this_machine_are_answered() {
    let server = site(&[]);
    for host in [
        "localhost",
        "localhost:8000",
        "LocalHost",
        "localhost.",
        "app.localhost",
        "a.b.localhost:1",
        "127.0.0.1",
        "127.9.9.9:8000",
        "[::1]",
        "[::1]:8000",
        "192.168.1.2",
        "8.8.8.8",
    ] {
        for (target, expected) in [("/a.txt", 200), ("/missing", 404), ("/d/", 200), ("/d", 301)] {
            assert_eq!(status(&server, target, host), expected, "{host} {target}");
        }
    }
    for host in FOREIGN {
        // Whether something is there is not told either.
        for target in ["/a.txt", "/missing", "/d/", "/d", "/.hidden", "http://evil.example/a.txt"] {
            assert_eq!(status(&server, target, host), 421, "{host} {target}");
        }
    }
    assert_eq!(status(&server, "http://localhost/a.txt", "evil.example"), 200);
    let name = gethostname::gethostname().into_string().unwrap();
    if name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') && !name.is_empty() {
        assert_eq!(status(&server, "/a.txt", &name), 200);
        assert_eq!(status(&server, "/a.txt", &format!("{name}.local:8000")), 200);
    }
}

#[test]
fn a_refused_name_is_refused_for_every_method_and_told_what_helps() {
    let server = site(&[]);
    for method in ["GET", "HEAD", "OPTIONS", "POST", "BREW"] {
        let bytes = format!("{method} /a.txt HTTP/1.1\r\nHost: evil.example\r\n\r\n");
        let answer = &server.exchange(bytes, &[method])[0];
        assert_eq!((answer.status, answer.field("connection")), (421, None), "{method}");
        if method != "HEAD" {
            assert!(answer.text().contains("--allow-host NAME"));
            assert!(!answer.text().contains("evil"));
        }
    }
}

/// R37.
#[test]
fn further_names_can_be_allowed() {
    let server = site(&["--allow-host", "Dev.Example", "--allow-host", "two.example"]);
    for host in ["dev.example", "DEV.example:80", "dev.example.", "two.example", "localhost"] {
        assert_eq!(status(&server, "/a.txt", host), 200, "{host}");
    }
    for host in ["sub.dev.example", "example", "dev.example.evil", "evildev.example"] {
        assert_eq!(status(&server, "/a.txt", host), 421, "{host}");
    }
    let server = site(&["--allow-host", "*"]);
    for host in FOREIGN {
        assert_eq!(status(&server, "/a.txt", host), 200, "{host}");
    }
}

#[test]
fn http_1_0_without_a_host_is_no_browser_and_is_answered() {
    let answer = &site(&[]).exchange("GET /a.txt HTTP/1.0\r\n\r\n", &["GET"])[0];
    assert_eq!(answer.status, 200);
}

/// R38.
#[test]
fn what_a_page_of_another_site_embeds_is_refused() {
    let server = site(&[]);
    for (site, mode, expected) in [
        ("cross-site", "no-cors", 403),
        ("cross-site", "navigate", 200),
        ("cross-site", "cors", 200),
        ("same-site", "no-cors", 200),
        ("same-origin", "no-cors", 200),
        ("none", "navigate", 200),
        ("", "no-cors", 200),
        ("cross-site", "", 200),
    ] {
        let line = |name: &str, value: &str| {
            if value.is_empty() { String::new() } else { format!("{name}: {value}\r\n") }
        };
        let fields = line("Sec-Fetch-Site", site) + &line("Sec-Fetch-Mode", mode);
        for method in ["GET", "HEAD"] {
            assert_eq!(server.request(method, "/a.txt", &fields).status, expected, "{method} {fields}");
        }
        let missing = if expected == 403 { 403 } else { 404 };
        assert_eq!(server.request("GET", "/missing", &fields).status, missing, "{fields}");
    }
}

/// One answer of each kind.
fn answers_of_all_kinds(server: &TestServer) -> Vec<Answer> {
    let mut answers: Vec<_> = [
        ("GET", "/a.txt", ""),
        ("GET", "/index/", ""),
        ("GET", "/d/", ""),
        ("GET", "/d/?format=json", ""),
        ("GET", "/d", ""),
        ("GET", "/missing", ""),
        ("GET", "/missing", "Accept: application/json\r\n"),
        ("GET", "/%00", ""),
        ("GET", "/a.txt", "Range: bytes=0-0\r\n"),
        ("GET", "/a.txt", "Range: bytes=9-\r\n"),
        ("GET", "/a.txt", "If-None-Match: *\r\n"),
        ("GET", "/a.txt", "If-Match: \"x\"\r\n"),
        ("POST", "/a.txt", ""),
        ("BREW", "/a.txt", ""),
        ("OPTIONS", "/a.txt", ""),
        ("GET", "/a.txt", "Bad Field: x\r\n"),
    ]
    .into_iter()
    .map(|(method, target, fields)| server.request(method, target, fields))
    .collect();
    let long = "x".repeat(9000);
    answers.push(server.get(&format!("/{long}")));
    answers.push(server.request("GET", "/", &format!("X: {long}\r\nY: {long}\r\n")));
    answers.extend(server.exchange("GET / HTTP/2.0\r\n\r\n", &["GET"]));
    answers
}

/// R38, R39.
#[test]
fn every_response_has_the_security_fields_and_errors_allow_nothing() {
    for (options, policy) in [(&[][..], Some("same-site")), (&["--bind", "0.0.0.0:0"], None)] {
        let mut server = site(options);
        // Whoever binds to all interfaces is reached on each of them.
        server.address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        for answer in answers_of_all_kinds(&server) {
            let seen = format!("{} of {options:?}", answer.status);
            assert_eq!(answer.field("x-content-type-options"), Some("nosniff"), "{seen}");
            assert_eq!(answer.field("cross-origin-resource-policy"), policy, "{seen}");
            assert_eq!(answer.field("server"), Some("serve"), "{seen}");
            assert!(answer.field("date").is_some(), "{seen}");
            let cors = |name: &str| name.to_ascii_lowercase().starts_with("access-control-");
            assert!(!answer.fields.iter().any(|(name, _)| cors(name)), "{seen}");
            if answer.status >= 400 {
                let policy = answer.field("content-security-policy").unwrap();
                assert!(policy.starts_with("default-src 'none';") && !policy.contains("script"), "{seen}");
                assert_eq!(answer.field("cache-control"), Some("no-cache"), "{seen}");
            }
        }
    }
}

/// The system gives all interfaces, of which this is one.
#[test]
fn on_other_binds_host_is_free_and_pages_may_embed() {
    let mut server = site(&["--bind", "0.0.0.0:0"]);
    server.address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    for host in FOREIGN {
        assert_eq!(status(&server, "/a.txt", host), 200, "{host}");
    }
    let embedded = "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n";
    assert_eq!(server.request("GET", "/a.txt", embedded).status, 200);
    // Validity is another matter.
    assert_eq!(status(&server, "/a.txt", "a b"), 400);
}

/// R45: there are no passwords, so none can be guessed, timed or cut short: what a client
/// says of itself changes no answer, and nobody is asked.
#[test]
fn who_says_who_he_is_gets_the_same_answer() {
    let server = site(&[]);
    for target in ["/a.txt", "/d/", "/missing", "/.hidden", "/%00"] {
        let nobody = server.get(target).undated();
        for credentials in ["Basic YTpi", "Basic", "Bearer x", "Digest username=\"a\"", &"x".repeat(4000)] {
            for field in ["Authorization", "Proxy-Authorization", "Cookie"] {
                let answer = server.request("GET", target, &format!("{field}: {credentials}\r\n"));
                assert_eq!(answer.undated(), nobody, "{target} {field}");
            }
        }
    }
    for answer in answers_of_all_kinds(&server) {
        assert!(!matches!(answer.status, 401 | 407), "{answer:?}");
        let asks = ["www-authenticate", "proxy-authenticate", "set-cookie"];
        assert!(asks.iter().all(|name| answer.field(name).is_none()), "{answer:?}");
    }
}

/// All bodies that an error may have.
fn error_pages() -> HashSet<Vec<u8>> {
    use Status::*;
    let statuses = [
        BadRequest,
        Forbidden,
        NotFound,
        MethodNotAllowed,
        RequestTimeout,
        PreconditionFailed,
        UriTooLong,
        RangeNotSatisfiable,
        MisdirectedRequest,
        RequestHeaderFieldsTooLarge,
        InternalServerError,
        NotImplemented,
        ServiceUnavailable,
        HttpVersionNotSupported,
    ];
    let page = |status, form| match serve::site::error::page(status, form).body.segments() {
        [Segment::Bytes(bytes)] => bytes.to_vec(),
        other => panic!("not a page: {other:?}"),
    };
    statuses.iter().flat_map(|&status| [Form::Html, Form::Json].map(|form| page(status, form))).collect()
}

/// R42.
#[test]
fn an_error_page_knows_nothing_of_the_request_but_its_form() {
    let (server, pages) = (site(&[]), error_pages());
    for answer in answers_of_all_kinds(&server).into_iter().filter(|answer| answer.status >= 400) {
        assert!(pages.contains(&answer.body), "{answer:?}");
        let json = answer.body.starts_with(b"{");
        let media_type = if json { "application/json; charset=utf-8" } else { "text/html; charset=utf-8" };
        assert_eq!(answer.field("content-type"), Some(media_type));
    }
    let root = server.directory.path().to_str().unwrap().to_owned();
    assert!(pages.iter().all(|page| !String::from_utf8_lossy(page).contains(&root)));
}

/// Parts of targets that some server has echoed, and a mark to find them by.
fn odd_target() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("/".to_owned()),
        Just("/d".to_owned()),
        Just("..".to_owned()),
        Just("zqx".to_owned()),
        Just("<script>zqx".to_owned()),
        Just("%3Cscript%3Ezqx".to_owned()),
        Just("%0d%0aZqx:%20zqx".to_owned()),
        Just("%22'\"".to_owned()),
        Just("?zqx=<b>".to_owned()),
        Just("%00".to_owned()),
        Just("%".to_owned()),
        Just("\\".to_owned()),
        Just("\u{202e}zqx".to_owned()),
        "[!-~]{0,6}",
    ];
    proptest::collection::vec(part, 0..6).prop_map(|parts| format!("/{}", parts.concat()))
}

/// The one place where something of a request may stand: a Location, escaped.
fn is_harmless_location(location: &str) -> bool {
    let printable = location.bytes().all(|b| b.is_ascii_graphic() && !b"<>\"\\".contains(&b));
    printable && location.starts_with('/') && !location[1..].starts_with(['/', '\\'])
}

/// R41, R42.
#[test]
fn nothing_of_a_request_is_echoed() {
    let (server, pages) = (site(&[]), error_pages());
    let configuration = ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(configuration, |(target in odd_target(), json: bool)| {
        let accept = if json { "Accept: application/json, zqx/<zqx>\r\n" } else { "" };
        let fields = format!("User-Agent: zqx\r\nReferer: <zqx>\r\nOrigin: http://zqx\r\n{accept}");
        let answer = server.request("GET", &target, &fields);
        for (name, value) in &answer.fields {
            let is_location = name == "Location" && answer.status == 301 && is_harmless_location(value);
            prop_assert!(is_location || !(name.to_owned() + value).to_ascii_lowercase().contains("zqx"));
        }
        if answer.status >= 400 {
            prop_assert!(pages.contains(&answer.body), "{:?}", answer);
        } else {
            prop_assert!(!String::from_utf8_lossy(&answer.body).contains("zqx"), "{:?}", answer);
        }
    });
}
