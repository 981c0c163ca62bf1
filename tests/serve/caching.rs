//! What caches are told (`--cache`), over real sockets.

use super::harness::TestServer;

const FILES: [(&str, &str); 5] = [
    ("index.html", "i"),
    ("assets/index-BxY12ab3.js", "hashed"),
    ("assets/jquery-3.7.1.min.js", "plain"),
    ("page.8f3a1c2b.html", "page"),
    ("d/report-20240101.pdf", "pdf"),
];

/// What Cache-Control says on 200, 206 and 304, which has to be the same.
fn cache_control(server: &TestServer, target: &str) -> Option<String> {
    let whole = server.get(target);
    let etag = whole.field("etag").unwrap();
    let part = server.request("GET", target, "Range: bytes=0-0\r\n");
    let known = server.request("GET", target, &format!("If-None-Match: {etag}\r\n"));
    assert_eq!([whole.status, part.status, known.status], [200, 206, 304], "{target}");
    let said = whole.field("cache-control");
    assert_eq!([part.field("cache-control"), known.field("cache-control")], [said, said], "{target}");
    said.map(str::to_owned)
}

#[test]
fn files_say_how_long_they_may_be_kept() {
    for (rule, expected) in [
        ("no-cache", Some("no-cache")),
        ("10m", Some("max-age=600")),
        ("0", Some("max-age=0")),
        ("off", None),
    ] {
        let server = TestServer::with_files(&FILES, &["--cache", rule]);
        for (path, _) in FILES {
            assert_eq!(cache_control(&server, &format!("/{path}")).as_deref(), expected, "{rule} {path}");
        }
    }
    let server = TestServer::with_files(&FILES, &[]);
    assert_eq!(cache_control(&server, "/").as_deref(), Some("no-cache"));
}

#[test]
fn only_names_with_a_hash_are_for_ever() {
    let server = TestServer::with_files(&FILES, &["--cache", "auto", "--spa"]);
    let forever = Some("max-age=31536000, immutable");
    assert_eq!(cache_control(&server, "/assets/index-BxY12ab3.js").as_deref(), forever);
    assert_eq!(cache_control(&server, "/assets/index-BxY12ab3.js?v=2").as_deref(), forever);
    for target in
        ["/", "/route", "/assets/jquery-3.7.1.min.js", "/page.8f3a1c2b.html", "/d/report-20240101.pdf"]
    {
        assert_eq!(cache_control(&server, target).as_deref(), Some("no-cache"), "{target}");
    }
}

#[test]
fn a_single_file_is_not_for_ever_under_another_address() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("app.8f3a1c2b.js"), "1").unwrap();
    let server = TestServer::start_in(directory, "app.8f3a1c2b.js", &["--cache", "auto"]);
    assert_eq!(cache_control(&server, "/").as_deref(), Some("no-cache"));
    assert_eq!(cache_control(&server, "/app.8f3a1c2b.js").as_deref(), Some("max-age=31536000, immutable"));
}

#[test]
fn what_is_no_file_is_always_asked_for_again() {
    for rule in ["1h", "off", "auto"] {
        let server = TestServer::with_files(&FILES, &["--cache", rule]);
        for (target, status) in
            [("/d/", 200), ("/d", 301), ("/missing", 404), ("/missing-8f3a1c2b.js", 404), ("/%00", 400)]
        {
            let answer = server.get(target);
            assert_eq!(
                (answer.status, answer.field("cache-control")),
                (status, Some("no-cache")),
                "{rule} {target}"
            );
        }
    }
}
