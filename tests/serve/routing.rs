//! Fallback, clean URLs, error pages, base path, other sites: over real sockets.

use super::harness::process::{Process, program, run};
use super::harness::{Answer, TestServer};

const NAVIGATION: &str = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n";

/// What an answer depends on, apart from its coding, which is the file's own affair.
fn vary(answer: &Answer) -> String {
    let members = answer.field("vary").unwrap_or_default().split(", ");
    members.filter(|member| *member != "Accept-Encoding").collect::<Vec<_>>().join(", ")
}

/// Larger than what is read into memory.
const LARGE: usize = 3 * 1024 * 1024;

#[test]
fn an_application_answers_for_its_routes_as_its_file_would() {
    let files = [("index.html", "<script src=/app.js></script>"), ("app.js", "1"), ("d/f", "f")];
    let server = TestServer::with_files(&files, &["-s"]);
    server.settle("index.html");
    let file = server.request("GET", "/", NAVIGATION);
    for target in ["/users/7", "/users/7/", "/about?tab=1"] {
        let route = server.request("GET", target, NAVIGATION);
        assert_eq!((route.status, &route.body), (200, &file.body), "{target}");
        for name in ["content-type", "etag", "last-modified", "cache-control", "accept-ranges"] {
            assert_eq!(route.field(name), file.field(name), "{name}");
        }
        let head = server.request("HEAD", target, NAVIGATION);
        assert_eq!(head.undated().fields, route.undated().fields, "{target}");
    }
    let etag = file.field("etag").unwrap();
    let known = server.request("GET", "/about", &format!("{NAVIGATION}If-None-Match: {etag}\r\n"));
    assert_eq!((known.status, vary(&known).as_str()), (304, "Accept, Sec-Fetch-Dest"));
    let part = server.request("GET", "/about", &format!("{NAVIGATION}Range: bytes=1-6\r\n"));
    assert_eq!((part.status, part.text()), (206, "script"));
    for target in ["/old-1a2b3c4d.js", "/img/logo.png", "/.env", "/.well-known/change-password"] {
        assert_eq!(server.request("GET", target, NAVIGATION).status, 404, "{target}");
    }
    let api = server.request("GET", "/api/users", "Accept: application/json, text/plain, */*\r\n");
    assert_eq!((api.status, vary(&api).as_str()), (404, "Accept, Sec-Fetch-Dest"));
    assert_eq!(server.request("GET", "/api/users", "Accept: */*\r\nSec-Fetch-Dest: empty\r\n").status, 404);
    assert_eq!(server.get("/about").status, 200, "who says nothing gets the page");
}

#[test]
fn an_application_may_appear_later_and_change() {
    let server = TestServer::start(&["--spa=app.html"]);
    assert_eq!(server.request("GET", "/x", NAVIGATION).status, 404);
    for content in ["one", "two, longer"] {
        server.write("app.html", content);
        assert_eq!(server.request("GET", "/x", NAVIGATION).text(), content);
        assert_eq!(server.request("GET", "/", NAVIGATION).text(), content);
    }
}

/// R5.
#[cfg(unix)]
#[test]
fn no_look_up_of_another_name_leaves_the_root() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret.html"), "secret").unwrap();
    let options = ["--clean-urls", "--spa=index.html", "--error-page", "403=403.html"];
    let server = TestServer::with_files(&[("a", "a")], &options);
    for name in ["about.html", "index.html", "404.html", "403.html"] {
        std::os::unix::fs::symlink(outside.path().join("secret.html"), server.directory.path().join(name))
            .unwrap();
    }
    for target in ["/about", "/about.html", "/route", "/", "/missing.js", "/index"] {
        let answer = server.request("GET", target, NAVIGATION);
        assert!(answer.status == 404 || target == "/", "{target}");
        assert!(!answer.text().contains("secret"), "{target}");
    }
}

#[test]
fn clean_urls_add_html_without_a_redirect() {
    let files = [("about.html", "about"), ("blog.html", "blog"), ("blog/post.html", "post"), ("d/f", "f")];
    let server = TestServer::with_files(&files, &["--clean-urls"]);
    for (target, content) in
        [("/about", "about"), ("/about.html", "about"), ("/blog?q", "blog"), ("/blog/post", "post")]
    {
        let answer = server.get(target);
        assert_eq!((answer.status, answer.text()), (200, content), "{target}");
        assert_eq!(answer.field("content-type"), Some("text/html; charset=utf-8"), "{target}");
    }
    assert_eq!(server.get("/d").field("location"), Some("/d/"));
    assert_eq!((server.get("/about/").status, server.get("/nothing").status), (404, 404));
}

#[test]
fn a_404_page_at_the_root_is_used_by_itself() {
    let server = TestServer::with_files(&[("a", "a")], &[]);
    assert!(server.get("/missing").text().contains("404 Not Found"));
    server.write("404.html", "<script>lost()</script>");
    server.settle("404.html");
    for fields in [
        "",
        "Range: bytes=0-1\r\n",
        "If-None-Match: *\r\n",
        "If-Modified-Since: Sun, 22 Nov 2026 10:00:00 GMT\r\n",
    ] {
        let answer = server.request("GET", "/missing", fields);
        assert_eq!((answer.status, answer.text()), (404, "<script>lost()</script>"), "{fields}");
        assert_eq!(answer.field("cache-control"), Some("no-cache"));
        for name in ["etag", "last-modified", "accept-ranges", "content-security-policy"] {
            assert_eq!(answer.field(name), None, "{name}");
        }
        let head = server.request("HEAD", "/missing", fields);
        assert_eq!(head.undated().fields, answer.undated().fields, "{fields}");
    }
    let json = server.request("GET", "/missing", "Accept: application/json\r\n");
    assert_eq!(json.text(), "{\"status\":404,\"error\":\"Not Found\"}\n");
    // The connection goes on after it.
    let mut client = server.connect();
    assert_eq!((client.get("/missing").status, client.get("/a").status), (404, 200));
}

#[test]
fn a_page_that_a_rule_names_for_what_is_missing_is_not_replaced() {
    let files = [("_redirects", "/gone/* /gone.html 404\n"), ("gone.html", "gone"), ("404.html", "lost")];
    let server = TestServer::with_files(&files, &[]);
    for (target, content) in [("/gone/x", "gone"), ("/missing", "lost")] {
        let answer = server.get(target);
        assert_eq!((answer.status, answer.text()), (404, content), "{target}");
    }
}

#[test]
fn error_pages_are_for_requests_that_are_none_too_and_may_be_large() {
    let options =
        ["--error-page", "400=bad.html", "--error-page", "404=large.txt", "--error-page", "405=gone.html"];
    let server = TestServer::with_files(&[("bad.html", "bad"), ("a", "a")], &options);
    server.write("large.txt", "x".repeat(LARGE));
    let large = server.get("/missing");
    assert_eq!((large.status, large.body.len()), (404, LARGE));
    assert_eq!(large.field("content-type"), Some("text/plain; charset=utf-8"));
    let bad = server.request("GET", "/a", "Bad Field: x\r\n");
    assert_eq!((bad.status, bad.text(), bad.field("connection")), (400, "bad", Some("close")));
    let missing_page = server.request("POST", "/a", "");
    assert_eq!((missing_page.status, missing_page.field("allow")), (405, Some("GET, HEAD, OPTIONS")));
    assert!(missing_page.text().contains("405 Method Not Allowed"));
}

#[test]
fn everything_lives_below_the_base_path() {
    let server = TestServer::with_files(
        &[("a", "a"), ("d/f", "f"), ("404.html", "lost")],
        &["--base-path", "/docs/v1"],
    );
    let places = |target: &str| {
        let answer = server.get(target);
        (answer.status, answer.field("location").map(str::to_owned))
    };
    let to = |location: &str| Some(location.to_owned());
    for (target, expected) in [
        ("/docs/v1/a", (200, None)),
        ("/docs/v1/d/", (200, None)),
        ("/docs/v1?q=1", (301, to("/docs/v1/?q=1"))),
        ("/docs/v1/d", (301, to("/docs/v1/d/"))),
        ("/", (302, to("/docs/v1/"))),
        ("/a", (404, None)),
        ("/docs", (404, None)),
        ("/docs/v1a", (404, None)),
    ] {
        assert_eq!(places(target), expected, "{target}");
    }
    assert_eq!(server.get("/a").text(), "lost");
    assert!(!server.get("/docs/v1/").text().contains("href=\"../"));
}

#[test]
fn the_urls_that_are_printed_lead_to_the_base_path_and_what_is_missing_is_said() {
    let root = tempfile::tempdir().unwrap();
    let options = ["--base-path", "docs", "--spa"];
    let process = Process::start(program(&["--bind", "127.0.0.1:0", "--log", "off"]), root.path(), &options);
    let url = process.banner.iter().find(|line| line.contains("http://")).unwrap();
    assert!(url.trim().ends_with("/docs/"), "{url}");
    assert!(process.banner[0].starts_with("warning: there is no index.html"), "{:?}", process.banner);
    let ended = run(&["--cache", "never"]);
    assert_eq!((ended.status.code(), ended.stderr.len()), (Some(2), 1));
}

fn cors(answer: &Answer) -> (Option<&str>, String) {
    (answer.field("access-control-allow-origin"), vary(answer))
}

#[test]
fn other_sites_read_what_they_were_invited_to() {
    let files = [("a", "a"), ("d/f", "f")];
    let server =
        TestServer::with_files(&files, &["--cors=https://App.example", "--cors", "http://b.example:81"]);
    for (origin, allowed) in [
        ("https://app.example", true),
        ("http://b.example:81", true),
        ("http://app.example", false),
        ("null", false),
    ] {
        let fields = format!("Origin: {origin}\r\n");
        for (target, depends) in
            [("/a", "Origin"), ("/d/", "Accept, Origin"), ("/missing", "Accept, Origin"), ("/d", "Origin")]
        {
            let answer = server.request("GET", target, &fields);
            assert_eq!(cors(&answer), (allowed.then_some(origin), depends.to_owned()), "{origin} {target}");
        }
        let etag = server.get("/a").field("etag").unwrap().to_owned();
        let known = server.request("GET", "/a", &format!("{fields}If-None-Match: {etag}\r\n"));
        assert_eq!((known.status, cors(&known)), (304, (allowed.then_some(origin), "Origin".to_owned())));
        let ask = format!(
            "{fields}Access-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: range\r\n"
        );
        let preflight = server.request("OPTIONS", "/a", &ask);
        assert_eq!(preflight.status, 204);
        assert_eq!(preflight.field("access-control-max-age").is_some(), allowed, "{origin}");
        assert_eq!(preflight.field("access-control-allow-methods").is_some(), allowed, "{origin}");
    }
    // What is no request at all is readable by nobody, and caches hear why.
    assert_eq!(cors(&server.request("GET", "/a", "Bad Field: x\r\n")), (None, "Accept, Origin".to_owned()));
}

#[test]
fn every_site_may_read_and_embed_but_never_with_credentials() {
    let server = TestServer::with_files(&[("a", "a")], &["--cors", "--coi"]);
    for fields in
        ["", "Origin: https://x.example\r\n", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n"]
    {
        let answer = server.request("GET", "/a", fields);
        assert_eq!((answer.status, cors(&answer)), (200, (Some("*"), String::new())), "{fields}");
        let exposed = answer.field("access-control-expose-headers").unwrap();
        assert!(exposed.contains("Content-Range") && exposed.contains("ETag"));
        for name in ["access-control-allow-credentials", "access-control-allow-private-network"] {
            assert_eq!(answer.field(name), None);
        }
        assert_eq!(answer.field("cross-origin-resource-policy"), Some("cross-origin"));
        assert_eq!(answer.field("cross-origin-opener-policy"), Some("same-origin"));
        assert_eq!(answer.field("cross-origin-embedder-policy"), Some("require-corp"));
    }
    // Another name is another matter: that is how a page would read what only we may.
    assert_eq!(server.exchange("GET /a HTTP/1.1\r\nHost: evil.example\r\n\r\n", &["GET"])[0].status, 421);
}

#[test]
fn a_field_of_the_command_line_has_the_last_word() {
    let options = [
        "--cors",
        "--coi",
        "-H",
        "Access-Control-Allow-Origin: https://own.example",
        "-H",
        "Cross-Origin-Embedder-Policy: credentialless",
    ];
    let answer = TestServer::with_files(&[("a", "a")], &options).get("/a");
    assert_eq!(answer.field("access-control-allow-origin"), Some("https://own.example"));
    assert_eq!(answer.field("cross-origin-embedder-policy"), Some("credentialless"));
}
