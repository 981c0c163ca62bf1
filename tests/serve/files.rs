//! Files: their fields, their bytes, what is none, and the options about them
//! (behaviour, section 4; the options of section 1).

use std::time::{Duration, SystemTime};

use super::harness::process::until;
use super::harness::{Answer, SETTLED, TestServer, set_modified};

/// Names of the entries that a directory lists.
fn listed(server: &TestServer, directory: &str) -> Vec<String> {
    let answer = server.get(&format!("{directory}?format=json"));
    let listing: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let names = listing["entries"].as_array().unwrap().iter();
    let mut names: Vec<_> = names.map(|entry| entry["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * i / 7 + i) as u8).collect()
}

#[test]
fn a_file_comes_with_these_fields_and_no_others() {
    let server = TestServer::with_files(&[("a.html", "<p>")], &[]);
    server.settle("a.html");
    let mut answer = server.get("/a.html");
    assert_eq!((answer.status, answer.text()), (200, "<p>"));
    assert!(answer.field("date").unwrap().ends_with(" GMT"));
    answer = answer.undated();
    answer.fields.sort();
    let expected = [
        ("Accept-Ranges", "bytes"),
        ("Cache-Control", "no-cache"),
        ("Content-Length", "3"),
        ("Content-Type", "text/html; charset=utf-8"),
        ("Cross-Origin-Resource-Policy", "same-site"),
        // Its length, and its time in nanoseconds: no inode, so that replicas agree (R44).
        ("ETag", &format!("\"3-{:x}\"", SETTLED.as_nanos())),
        ("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("Server", "serve"),
        ("Vary", "Accept-Encoding"),
        ("X-Content-Type-Options", "nosniff"),
    ];
    assert_eq!(answer.fields, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

/// R39.
#[test]
fn types_come_from_the_name_and_text_has_a_charset() {
    let types = [
        ("a.html", "text/html; charset=utf-8"),
        ("B.HTM", "text/html; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.css", "text/css; charset=utf-8"),
        ("a.json", "application/json; charset=utf-8"),
        ("a.svg", "image/svg+xml; charset=utf-8"),
        ("a.txt", "text/plain; charset=utf-8"),
        ("a.tar.gz", "application/gzip"),
        ("a.png", "image/png"),
        ("a.wasm", "application/wasm"),
        ("a.woff2", "font/woff2"),
        ("a.mp4", "video/mp4"),
        ("a.html.unknown", "application/octet-stream"),
        ("html", "application/octet-stream"),
        ("README", "application/octet-stream"),
    ];
    // What is in them is never looked at (R39).
    let files = types.map(|(name, _)| (name, "<html><script>alert(1)</script>"));
    let server = TestServer::with_files(&files, &[]);
    for (name, media_type) in types {
        let answer = server.get(&format!("/{name}"));
        assert_eq!(answer.field("content-type"), Some(media_type), "{name}");
        assert_eq!(answer.field("x-content-type-options"), Some("nosniff"), "{name}");
    }
}

#[test]
fn types_can_be_added_and_the_unknown_be_named() {
    let files = [("a.log", ""), ("a.HTML", ""), ("Makefile", ""), ("a.zzz", "")];
    let options = [
        "--mime",
        ".LOG=text/plain",
        "--mime",
        "html=text/x-own; charset=latin1",
        "--content-type",
        "text/x-any",
    ];
    let server = TestServer::with_files(&files, &options);
    for (name, media_type) in [
        ("a.log", "text/plain; charset=utf-8"),
        ("a.HTML", "text/x-own; charset=latin1"),
        ("Makefile", "text/x-any; charset=utf-8"),
        ("a.zzz", "text/x-any; charset=utf-8"),
    ] {
        assert_eq!(server.get(&format!("/{name}")).field("content-type"), Some(media_type), "{name}");
    }
}

#[test]
fn every_size_arrives_in_full_and_the_next_answer_behind_it() {
    let server = TestServer::start(&[]);
    let mut client = server.connect();
    // Around the buffers, the small-file limit, the budget of a turn; then many of them.
    let sizes = [0, 1, 4095, 4096, 4097, 32_767, 32_768, 32_769, 65_536, 262_143, 262_145, 7_000_001];
    for size in sizes {
        let content = bytes(size);
        server.write("file.bin", &content);
        server.write("after.txt", "after");
        client.send("GET /file.bin HTTP/1.1\r\nHost: localhost\r\n\r\nGET /after.txt HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let answer = client.answer_to("GET");
        assert_eq!((answer.status, answer.field("content-length")), (200, Some(&*size.to_string())));
        assert!(answer.body == content, "{size} bytes arrived wrong");
        assert_eq!(client.answer_to("GET").text(), "after");
    }
}

#[test]
fn a_date_of_last_modification_is_never_in_the_future_and_its_tag_is_weak() {
    let server = TestServer::start(&[]);
    let path = server.write("a", "x");
    set_modified(&path, SystemTime::now() + Duration::from_secs(30 * 24 * 3600));
    let answer = server.get("/a");
    assert_eq!(answer.field("last-modified"), answer.field("date"));
    assert!(answer.field("etag").unwrap().starts_with("W/\""));
}

#[test]
fn a_time_that_says_nothing_is_no_validator_and_the_content_becomes_one() {
    let server = TestServer::start(&[]);
    // The first half of its SHA-256.
    let tag = "\"2d711642b726b04401627ca9fbac32f5\"";
    // The epoch, as reproducible builds set it; one second later, as some others do.
    for (name, seconds) in [("a", 0), ("b", 1)] {
        let path = server.write(name, "x");
        set_modified(&path, SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        let target = format!("/{name}");
        // There is none as long as the file could be written again without a trace.
        until("a tag", || {
            let answer = server.get(&target);
            assert_eq!((answer.status, answer.field("last-modified")), (200, None));
            assert!(answer.field("etag").is_none_or(|found| found == tag), "{:?}", answer.field("etag"));
            answer.field("etag").is_some()
        });
        assert_eq!(server.request("GET", &target, &format!("If-None-Match: {tag}\r\n")).status, 304);
    }
}

#[test]
fn content_that_changes_under_a_time_that_says_nothing_is_never_taken_for_the_old() {
    let server = TestServer::start(&[]);
    let path = server.write("a", "old");
    set_modified(&path, SystemTime::UNIX_EPOCH);
    let mut tag = None;
    until("a tag", || {
        tag = server.get("/a").field("etag").map(str::to_owned);
        tag.is_some()
    });
    // In place, of the same length, and with the same time again.
    std::fs::write(&path, "new").unwrap();
    set_modified(&path, SystemTime::UNIX_EPOCH);
    let answer = server.request("GET", "/a", &format!("If-None-Match: {}\r\n", tag.unwrap()));
    assert_eq!((answer.status, answer.text()), (200, "new"));
}

/// R9b.
#[test]
fn what_cannot_be_served_costs_one_answer_and_not_the_connection() {
    let server = TestServer::with_files(&[("a.txt", "a"), ("dir/b.txt", "b")], &[]);
    let long = "x".repeat(256);
    let deep = "/d".repeat(3000);
    let mut client = server.connect();
    for missing in [
        "/missing",
        "/a.txt/",
        "/a.txt/b",
        "/a.txt/b/",
        "/a.txt//",
        "/a.txt/.",
        "/dir/b.txt/../b.txt/",
        "/missing/",
        "/missing/a.txt",
        &format!("/{long}"),
        &format!("/{long}/a"),
        &format!("/dir/{long}/"),
        &deep,
    ] {
        let answer = client.get(missing);
        assert_eq!((answer.status, answer.field("connection")), (404, None), "{missing}");
        assert_eq!(client.get("/a.txt").text(), "a", "after {missing}");
    }
    assert_eq!(client.get("/%ff%zz").status, 400);
    assert_eq!(client.get("/a.txt").text(), "a");
}

/// R9b: Windows has permissions of another kind.
#[cfg(unix)]
#[test]
fn what_may_not_be_read_is_403() {
    use std::os::unix::fs::PermissionsExt;
    let server = TestServer::with_files(&[("secret", "x"), ("closed/a", "x"), ("b", "b")], &[]);
    let root = server.directory.path();
    for path in ["secret", "closed"] {
        std::fs::set_permissions(root.join(path), PermissionsExt::from_mode(0o000)).unwrap();
    }
    // The administrator may read everything.
    if std::fs::File::open(root.join("secret")).is_err() {
        let mut client = server.connect();
        for target in ["/secret", "/closed/", "/closed/a"] {
            assert_eq!(client.get(target).status, 403, "{target}");
        }
        assert_eq!(client.get("/b").text(), "b");
    }
    // So that it can be removed.
    std::fs::set_permissions(root.join("closed"), PermissionsExt::from_mode(0o700)).unwrap();
}

/// R7: There are none on Windows.
#[cfg(unix)]
#[test]
fn what_is_no_file_is_404_at_once_and_keeps_nobody_waiting() {
    let server = TestServer::with_files(&[("a.txt", "a")], &["--threads", "1"]);
    let root = server.directory.path();
    assert!(std::process::Command::new("mkfifo").arg(root.join("fifo")).status().unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
    for target in ["/fifo", "/socket", "/fifo/", "/socket/x"] {
        let (mut first, mut second) = (server.connect(), server.connect());
        first.send(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        assert_eq!(second.get("/a.txt").text(), "a");
        assert_eq!(first.answer_to("GET").status, 404, "{target}");
    }
    assert_eq!(listed(&server, "/"), ["a.txt"]);
}

/// Files without a size, or with a wrong one, are what Linux's own file systems hold (R33).
#[cfg(target_os = "linux")]
#[test]
fn what_lies_about_its_size_is_read_and_sent_as_it_is() {
    let server = TestServer::start(&["--symlinks", "follow"]);
    let candidates = ["/proc/version", "/proc/filesystems", "/sys/class/net/lo/mtu", "/sys/kernel/fscaps"];
    for (index, path) in candidates.into_iter().enumerate() {
        let Ok(content) = std::fs::read(path) else { continue };
        let said = std::fs::metadata(path).unwrap().len();
        // Some containers have file systems of their own there, which are honest.
        if said == content.len() as u64 {
            continue;
        }
        std::os::unix::fs::symlink(path, server.directory.path().join(format!("{index}.txt"))).unwrap();
        let get = |fields: &str| {
            let request =
                |method| format!("{method} /{index}.txt HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n");
            server.exchange(request("GET") + &request("HEAD"), &["GET", "HEAD"])
        };
        // Who has no size has no parts; of a wrong size a part may well be there.
        for fields in ["", "Range: bytes=0-1\r\n"].into_iter().take(1 + usize::from(said == 0)) {
            let answers = get(fields);
            assert_eq!((answers[0].status, &answers[0].body), (200, &content), "{path} {fields}");
            assert_eq!(answers[0].clone().undated().fields, answers[1].clone().undated().fields, "{path}");
            for absent in ["etag", "last-modified", "accept-ranges"] {
                assert_eq!(answers[0].field(absent), None, "{path}");
            }
        }
    }
}

#[test]
fn a_single_file_is_the_whole_site() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["a b\u{e9}.iso", "other", "index.html"] {
        std::fs::write(directory.path().join(name), name).unwrap();
    }
    let server = TestServer::start_in(directory, "a b\u{e9}.iso", &[]);
    let mut client = server.connect();
    for target in ["/", "/a%20b%C3%A9.iso", "/?q", "//", "/x/..", "/x/../a%20b%c3%a9.iso"] {
        let answer = client.get(target);
        assert_eq!((answer.status, answer.text()), (200, "a b\u{e9}.iso"), "{target}");
        let disposition = "inline; filename*=UTF-8''a%20b%C3%A9%2Eiso";
        assert_eq!(answer.field("content-disposition"), Some(disposition), "{target}");
        assert_eq!(answer.field("content-type"), Some("application/octet-stream"), "{target}");
    }
    for target in ["/other", "/index.html", "/a%20b%C3%A9.iso/", "/a%20b%C3%A9.iso/x", "/x", "/x/", "/."] {
        let expected = if target == "/." { 200 } else { 404 };
        assert_eq!(client.get(target).status, expected, "{target}");
    }
    assert_eq!(server.request("GET", "/", "Range: bytes=0-0\r\n").text(), "a");
}

#[test]
fn fields_of_the_command_line_are_on_every_response() {
    let options = [
        "-H",
        "X-Own: 1",
        "-H",
        "X-Own: 2",
        "-H",
        "Cache-Control: max-age=60",
        "-H",
        "server:",
        "-H",
        "ETag:",
        "-H",
        "X-Content-Type-Options:",
    ];
    let server = TestServer::with_files(&[("a.txt", "a"), ("dir/b", "b")], &options);
    server.settle("a.txt");
    let target = |target: &str, fields: &str| server.request("GET", target, fields);
    let own = |answer: &Answer| {
        let values = answer.fields.iter().filter(|(name, _)| name == "X-Own");
        values.map(|(_, value)| value.clone()).collect::<Vec<_>>()
    };
    let since = "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    for (answer, status) in [
        (target("/a.txt", ""), 200),
        (target("/a.txt", "Range: bytes=0-0\r\n"), 206),
        (target("/dir", ""), 301),
        (target("/dir/", ""), 200),
        (target("/a.txt", since), 304),
        (target("/%00", ""), 400),
        (target("/a.txt", "Bad Field: x\r\n"), 400),
        (target("/a.txt", "Host: twice\r\n"), 400),
        (target("/missing", ""), 404),
        (server.request("POST", "/a.txt", ""), 405),
        (server.request("OPTIONS", "/a.txt", ""), 204),
        (target("/a.txt", "Range: bytes=9-\r\n"), 416),
    ] {
        assert_eq!(answer.status, status);
        assert_eq!(own(&answer), ["1", "2"], "{status}");
        assert_eq!(answer.field("cache-control"), Some("max-age=60"), "{status}");
        for removed in ["server", "etag", "x-content-type-options"] {
            assert_eq!(answer.field(removed), None, "{status}");
        }
    }
}

#[test]
fn hidden_files_are_there_if_asked_for() {
    let files = [(".env", "e"), (".git/config", "c"), ("a", "a"), (".well-known/x", "w")];
    let server = TestServer::with_files(&files, &["--hidden"]);
    for (target, content) in [("/.env", "e"), ("/.git/config", "c"), ("/%2egit/config", "c")] {
        assert_eq!(server.get(target).text(), content, "{target}");
    }
    assert_eq!(listed(&server, "/"), [".env", ".git", ".well-known", "a"]);
    let server = TestServer::with_files(&files, &[]);
    assert_eq!(listed(&server, "/"), [".well-known", "a"]);
}

/// R4: Links need a privilege on Windows.
#[cfg(unix)]
#[test]
fn links_lead_where_the_option_says_and_listings_agree() {
    use std::os::unix::fs::symlink;
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("f"), "outside").unwrap();
    for (rule, inside, beyond) in [("inside", true, false), ("follow", true, true), ("deny", false, false)] {
        let server = TestServer::with_files(&[("d/f", "inside")], &["--symlinks", rule]);
        let root = server.directory.path().canonicalize().unwrap();
        let targets = [
            ("file-in", "d/f".into(), inside),
            ("file-in-absolute", root.join("d/f"), inside),
            ("file-in-by-parent", "d/../d/f".into(), inside),
            ("dir-in", "d".into(), inside),
            ("chain", "file-in".into(), inside),
            ("file-out", outside.path().join("f"), beyond),
            ("dir-out", outside.path().into(), beyond),
            ("chain-out", "dir-out/f".into(), beyond),
            ("up", "..".into(), beyond),
            ("dangling", "nowhere".into(), false),
            ("loop", "loop".into(), false),
        ];
        let mut expected = vec!["d"];
        for (name, target, there) in &targets {
            symlink(target, root.join(name)).unwrap();
            expected.extend(there.then_some(*name));
            let status = server.get(&format!("/{name}")).status;
            let found = if name.starts_with("dir") || *name == "up" { 301 } else { 200 };
            assert_eq!(status, if *there { found } else { 404 }, "{rule}: {name}");
        }
        expected.sort_unstable();
        assert_eq!(listed(&server, "/"), expected, "{rule}");
        for (target, there) in [("/dir-in/f", inside), ("/dir-out/f", beyond), ("/dir-in/", inside)] {
            assert_eq!(server.get(target).status, if there { 200 } else { 404 }, "{rule}: {target}");
        }
    }
}
