//! `_headers` and `_redirects`, as a site brings them along.

use super::harness::TestServer;
use super::harness::process::{Process, until};

fn site(redirects: &str, headers: &str) -> TestServer {
    TestServer::with_files(
        &[
            ("_redirects", redirects),
            ("_headers", headers),
            ("index.html", "home"),
            ("a.txt", "0123456789"),
            ("lost.html", "lost"),
            ("d/index.html", "index of d"),
            ("list/x.txt", "x"),
            (".git/config", "secret"),
        ],
        &[],
    )
}

/// `301 /b` for a redirect, else `200 body`.
fn shown(server: &TestServer, target: &str) -> String {
    let answer = server.get(target);
    match answer.field("location") {
        Some(location) => {
            assert!(answer.body.is_empty());
            assert_eq!(answer.field("cache-control"), Some("no-cache"));
            format!("{} {location}", answer.status)
        }
        None if answer.status == 404 && answer.text().contains("<html") => "404".to_owned(),
        None => format!("{} {}", answer.status, answer.text()),
    }
}

#[test]
fn each_status_does_what_it_says() {
    let server = site(
        "/1 /a.txt\n/2 /a.txt 302\n/3 /a.txt 303\n/7 /a.txt 307\n/8 /a.txt 308\n\
         /copy /a.txt 200\n/index /d 200\n/gone /lost.html 404\n/none /missing 404\n/out https://e.example/x 302\n",
        "",
    );
    for (target, expected) in [
        ("/1", "301 /a.txt"),
        ("/2", "302 /a.txt"),
        ("/3", "303 /a.txt"),
        ("/7", "307 /a.txt"),
        ("/8", "308 /a.txt"),
        ("/copy", "200 0123456789"),
        ("/index", "200 index of d"),
        ("/gone", "404 lost"),
        ("/none", "404"),
        ("/out?q=1", "302 https://e.example/x?q=1"),
        ("/1?q=%22&r", "301 /a.txt?q=%22&r"),
        ("/1/", "301 /a.txt"),
        ("/nothing", "404"),
    ] {
        assert_eq!(shown(&server, target), expected, "{target}");
    }
    assert_eq!(server.request("POST", "/1", "").status, 405);
}

#[test]
fn captures_go_where_they_are_named() {
    let server =
        site("/blog/* /news/:splat\n/u/:id/:tab /users/:tab?user=:id\n/s id=:id /item/:id 302\n", "");
    for (target, expected) in [
        ("/blog/2026/a%20b/?q", "301 /news/2026/a%20b/?q"),
        ("/blog", "301 /news/"),
        ("/u/7/posts", "301 /users/posts?user=7"),
        ("/s?id=9&x=y", "302 /item/9?x=y"),
        ("/s", "404"),
    ] {
        assert_eq!(shown(&server, target), expected, "{target}");
    }
}

#[test]
fn a_plain_rule_is_for_what_no_file_answers_and_a_forced_one_for_all() {
    let server = site("/a.txt /x!\n/* /spa 302\n", "");
    assert_eq!(shown(&server, "/a.txt"), "200 0123456789");
    assert_eq!(shown(&server, "/"), "200 home");
    assert_eq!(shown(&server, "/d"), "301 /d/");
    assert_eq!(shown(&server, "/d/"), "200 index of d");
    // A listing is no file.
    assert_eq!(shown(&server, "/list/"), "302 /spa");
    assert_eq!(shown(&server, "/list"), "302 /spa");
    assert_eq!(shown(&server, "/list/x.txt"), "200 x");
    let server = site("/a.txt /x 302!\n/d/* /lost.html 404!\n/list/* /index.html 200!\n", "");
    assert_eq!(shown(&server, "/a.txt"), "302 /x");
    assert_eq!(shown(&server, "/d/"), "404 lost");
    assert_eq!(shown(&server, "/list/x.txt"), "200 home");
}

#[test]
fn no_redirect_loops() {
    let server = site("/self/ /self\n/one /two\n/two /one\n/* /en/:splat 302\n", "");
    // Each would come back, at once or after some steps.
    for target in ["/one", "/two", "/missing", "/en/missing"] {
        assert_eq!(shown(&server, target), "404", "{target}");
    }
    server.write("en/page", "page");
    assert_eq!(shown(&server, "/page"), "302 /en/page");
    assert_eq!(shown(&server, "/en/page"), "200 page");
    // Folders redirect as well: with this rule they would be asked for for ever.
    let server = site("/list/ /list 301!\n/d /d/ 301!\n", "");
    assert_eq!(shown(&server, "/list"), "301 /list/");
    assert_eq!(server.get("/list/").status, 200);
    assert_eq!(shown(&server, "/d"), "301 /d/");
    assert_eq!(shown(&server, "/d/"), "200 index of d");
    // Rewrites are never chained.
    let server = site("/p /q 200\n/q /a.txt 200\n", "");
    assert_eq!(shown(&server, "/q"), "200 0123456789");
    assert_eq!(shown(&server, "/p"), "404");
}

/// Two captures are four after a hop and a thousand after ten. Before it was refused, this rule
/// and one request kept a loop busy for minutes: it asks itself whether who follows arrives.
#[test]
fn what_grows_with_each_hop_leads_nowhere() {
    let server = site("/* /x/:splat:splat/:splat:splat\n", "");
    for target in ["/a", "/a/b/c/d", &format!("/{}", "a".repeat(4000))] {
        assert_eq!(shown(&server, target), "404", "{target}");
    }
}

/// R41.
#[test]
fn nobody_is_sent_to_where_the_request_wants() {
    let server = site("/go/* /:splat 302!\n/out/* https://e.example/:splat 302!\n/q u=:u /:u 302\n", "");
    for (target, expected) in [
        ("/go//evil.com/..", "302 /"),
        ("/go///evil.com/x", "302 /evil.com/x"),
        ("/go/%2F%2Fevil", "400"),
        ("/go/%2e%2e/%2e%2e//evil.com", "400"),
        ("/go/\\evil", "302 /%5Cevil"),
        ("/go/%5c%5cevil", "302 /%5C%5Cevil"),
        ("/go/%0d%0aX:y", "302 /%0D%0AX%3Ay"),
        ("/out/@evil.com", "302 https://e.example/@evil.com"),
        ("/out/%5cevil.com", "302 https://e.example/%5Cevil.com"),
        ("/q?u=//evil.com", "302 /evil.com"),
        ("/q?u=%5c/evil.com", "302 /%5C/evil.com"),
        ("/q?u=%0d%0aX:%20y", "302 /%0D%0AX%3A%20y"),
    ] {
        let answer = server.get(target);
        let location = answer.field("location").map(|location| format!(" {location}")).unwrap_or_default();
        assert_eq!(format!("{}{location}", answer.status), expected, "{target}");
        assert_eq!(answer.field("x"), None);
    }
}

#[test]
fn a_rewritten_file_is_a_file_and_a_missing_page_is_none() {
    let server =
        site("/copy /a.txt 200\n/gone /lost.html 404\n/git /.git/config 200\n/r /_headers 200\n", "");
    server.settle("a.txt");
    server.settle("lost.html");
    let whole = server.get("/copy");
    let etag = whole.field("etag").unwrap();
    let known = server.request("GET", "/copy", &format!("If-None-Match: {etag}\r\n"));
    assert_eq!((known.status, known.field("etag")), (304, Some(etag)));
    let part = server.request("GET", "/copy", "Range: bytes=2-4\r\n");
    assert_eq!((part.status, part.text()), (206, "234"));
    let head = server.request("HEAD", "/copy", "");
    assert_eq!((head.status, head.field("content-length")), (200, Some("10")));
    for fields in ["", "Range: bytes=0-0\r\n", "If-None-Match: *\r\n", "If-Match: \"x\"\r\n"] {
        let gone = server.request("GET", "/gone", fields);
        assert_eq!((gone.status, gone.text()), (404, "lost"), "{fields}");
        assert_eq!((gone.field("etag"), gone.field("last-modified")), (None, None), "{fields}");
        assert_eq!(gone.field("accept-ranges"), None);
    }
    let head = server.request("HEAD", "/gone", "");
    assert_eq!((head.status, head.field("content-length")), (404, Some("4")));
    // What is not served is not served under another name either.
    assert_eq!(shown(&server, "/git"), "404");
    assert_eq!(shown(&server, "/r"), "404");
}

#[test]
fn the_files_themselves_are_not_there() {
    let server = TestServer::with_files(
        &[("_redirects", "/* /a 302!\n/x /y"), ("_headers", "/*\n A: b"), ("d/_headers", "own")],
        &[],
    );
    for path in ["/_redirects", "/_headers", "/%5Fheaders", "/x/../_headers", "/_HEADERS", "/_redirects/"] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
    let server =
        TestServer::with_files(&[("_redirects", "/x /y"), ("_headers", ""), ("d/_headers", "own")], &[]);
    let listing = server.get("/?format=json");
    assert!(
        !listing.text().contains("_headers") && !listing.text().contains("_redirects"),
        "{}",
        listing.text()
    );
    assert_eq!(shown(&server, "/d/_headers"), "200 own");
    assert!(server.get("/d/?format=json").text().contains("_headers"));
}

#[test]
fn they_are_files_like_any_other_if_that_is_asked_for() {
    let directory = || {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("_redirects"), "/x /y\n").unwrap();
        directory
    };
    let server = TestServer::start_in(directory(), "", &["--no-rules"]);
    assert_eq!(shown(&server, "/_redirects"), "200 /x /y\n");
    assert_eq!(shown(&server, "/x"), "404");
    assert!(server.get("/?format=json").text().contains("_redirects"));
    let server = TestServer::start_in(directory(), "_redirects", &[]);
    for target in ["/", "/_redirects"] {
        assert_eq!(shown(&server, target), "200 /x /y\n", "{target}");
    }
}

#[test]
fn fields_of_the_file_are_on_the_answers_and_the_command_line_wins() {
    let headers = "/*\n X-All: 1\n X-Mine: file\n ! Server\n/a.txt\n Cache-Control: max-age=60\n \
                   Content-Type: text/csv\n X-Frame-Options: DENY\n";
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("_headers"), headers).unwrap();
    std::fs::write(directory.path().join("_redirects"), "/old /a.txt\n/copy /a.txt 200\n").unwrap();
    std::fs::write(directory.path().join("a.txt"), "0123456789").unwrap();
    let server = TestServer::start_in(directory, "", &["-H", "X-Mine: line"]);
    server.settle("a.txt");
    let etag = server.get("/a.txt").field("etag").unwrap().to_owned();
    let known = format!("If-None-Match: {etag}\r\n");
    for (method, target, fields, status, own) in [
        ("GET", "/a.txt", "", 200, true),
        ("HEAD", "/a.txt", "", 200, true),
        ("GET", "/a.txt", "Range: bytes=1-2\r\n", 206, true),
        ("GET", "/a.txt", &known[..], 304, true),
        ("GET", "/a.txt", "Range: bytes=99-\r\n", 416, false),
        ("GET", "/copy", "", 200, false),
        ("GET", "/old", "", 301, false),
        ("GET", "/missing", "", 404, false),
        ("GET", "/", "", 200, false),
        ("OPTIONS", "/a.txt", "", 204, false),
    ] {
        let answer = server.request(method, target, fields);
        assert_eq!(answer.status, status, "{method} {target} {fields}");
        assert_eq!(answer.field("x-all"), Some("1"), "{method} {target} {fields}");
        assert_eq!(answer.field("x-mine"), Some("line"));
        assert_eq!(answer.field("server"), None);
        let kept = answer.field("cache-control") == Some("max-age=60");
        assert_eq!(kept, own, "{method} {target} {fields}: {answer:?}");
        let framed = answer.field("x-frame-options") == Some("DENY");
        assert_eq!(framed, target == "/a.txt", "{method} {target} {fields}");
        let typed = answer.field("content-type") == Some("text/csv");
        assert_eq!(typed, own && status != 304, "{method} {target} {fields}");
    }
    let foreign = server.exchange("GET /a.txt HTTP/1.1\r\nHost: evil.example\r\n\r\n", &["GET"]);
    assert_eq!((foreign[0].status, foreign[0].field("x-all")), (421, None));
}

#[test]
fn a_changed_file_is_noticed() {
    let server = site("/x /a.txt\n", "/*\n X-A: 1\n");
    // Each loop looks by itself, and one connection has one loop.
    let mut client = server.connect();
    let mut told = |target: &str, field: &str| client.get(target).field(field).map(str::to_owned);
    assert_eq!(told("/x", "location").as_deref(), Some("/a.txt"));
    assert_eq!(told("/a.txt", "x-a").as_deref(), Some("1"));
    server.write("_redirects", "/x /d/ 302\n");
    server.write("_headers", "/*\n X-A: 2\n");
    until("the new redirects", || told("/x", "location").as_deref() == Some("/d/"));
    until("the new fields", || told("/a.txt", "x-a").as_deref() == Some("2"));
    std::fs::remove_file(server.directory.path().join("_redirects")).unwrap();
    until("no redirects", || told("/x", "location").is_none());
}

#[test]
fn mistakes_are_told_with_file_and_line_and_the_rest_works() {
    let root = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(root.path().join(name), text).unwrap();
    write("_redirects", "/x /y\n/bad\n/z /y 200 Country=de\n/w /y\n");
    write("_headers", "/*\n  X-A: 1\n  Content-Length: 7\n");
    let mut server = Process::serve(root.path(), &["--threads", "2"]);
    let mistakes: Vec<&String> = server.banner.iter().filter(|line| line.starts_with("error: _")).collect();
    assert_eq!(
        mistakes,
        [
            "error: _headers:3: the server alone can know Content-Length; leave it out",
            "error: _redirects:2: it has no destination; write FROM TO [STATUS]",
            "error: _redirects:3: Country=de: conditions are not supported",
        ]
    );
    let answer = server.connect().get("/x");
    assert_eq!((answer.status, answer.field("location"), answer.field("x-a")), (301, Some("/y"), Some("1")));
    // A new mistake is told when it is made.
    write("_redirects", "/x /y\nworse\n");
    let mut client = server.connect();
    until("the new rules", || client.get("/w").status == 404);
    let told = server.stderr.next().unwrap();
    assert!(told.starts_with("error: _redirects:2: worse: "), "{told}");
}

#[test]
fn rules_come_before_the_fallback_and_below_the_base() {
    let files = &[
        ("_redirects", "/old /new\n/gone/* /lost.html 404\n/about /elsewhere\n/1 /2\n/2 /1\n"),
        ("_headers", "/a.txt\n X-A: 1\n"),
        ("app.html", "app"),
        ("about.html", "about"),
        ("404.html", "root"),
        ("lost.html", "lost"),
        ("a.txt", "a"),
    ];
    let options = ["--spa=app.html", "--clean-urls", "--base-path", "/docs"];
    let server = TestServer::with_files(files, &options);
    for (target, expected) in [
        ("/docs/old?q", "301 /docs/new?q"),
        ("/docs/gone/x", "404 lost"),
        ("/docs/about", "200 about"),
        // They would lead on for ever, so the application answers.
        ("/docs/1", "200 app"),
        ("/docs/missing", "200 app"),
        // The files of rules are no routes of it.
        ("/docs/_headers", "404 root"),
        ("/old", "404 root"),
    ] {
        assert_eq!(shown(&server, target), expected, "{target}");
    }
    assert_eq!(server.get("/docs/a.txt").field("x-a"), Some("1"));
    assert_eq!(server.get("/a.txt").field("x-a"), None);
}
