//! Directories: redirect, index, listing (behaviour, section 7).

use super::harness::{Answer, TestServer, set_modified};

/// The entries of a listing as data.
fn entries(answer: &Answer) -> Vec<serde_json::Value> {
    let listing: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    listing["entries"].as_array().unwrap().clone()
}

fn names(answer: &Answer) -> Vec<String> {
    entries(answer).iter().map(|entry| entry["name"].as_str().unwrap().to_owned()).collect()
}

fn is_listing(answer: &Answer) -> bool {
    answer.status == 200 && answer.text().contains("<a href=\"./")
}

#[test]
fn without_the_slash_a_directory_is_a_redirect_that_keeps_the_query() {
    let server =
        TestServer::with_files(&[("d/e/f", "f"), ("two words/f", "f"), ("evil.example/f", "f")], &[]);
    for (target, location) in [
        ("/d", "/d/"),
        ("/d/e", "/d/e/"),
        ("/d?", "/d/?"),
        ("/d?a=b&c", "/d/?a=b&c"),
        ("/d?a?b/../c", "/d/?a?b/../c"),
        ("/d?%0d%0aX:%20y", "/d/?%0d%0aX:%20y"),
        ("/d?<\">\\", "/d/?%3C%22%3E%5C"),
        ("/d?\u{e9}", "/d/?%C3%A9"),
        ("/%64", "/d/"),
        ("/two%20words", "/two%20words/"),
        // Normalised: nothing that a browser could read as another host.
        ("//d", "/d/"),
        ("///d//e", "/d/e/"),
        ("/./d", "/d/"),
        ("/d/../d", "/d/"),
        ("/x/../d", "/d/"),
        ("//evil.example", "/evil.example/"),
        ("//evil.example/%2e%2e/d", "/d/"),
        ("///evil.example", "/evil.example/"),
        ("/.//evil.example", "/evil.example/"),
        ("//evil.example//..//d", "/d/"),
        ("http://localhost//evil.example", "/evil.example/"),
        ("http://localhost:1/d?q", "/d/?q"),
    ] {
        let answer = server.get(target);
        assert_eq!((answer.status, answer.field("location")), (301, Some(location)), "{target}");
        assert_eq!(answer.field("cache-control"), Some("no-cache"), "{target}");
        let follow = server.get(location);
        assert!(is_listing(&follow), "{target}");
    }
}

/// R41: On Windows such a name cannot be.
#[cfg(unix)]
#[test]
fn a_redirect_never_begins_with_a_slash_and_a_backslash() {
    let server = TestServer::with_files(&[("\\evil.example/f", "f"), ("\r\nX: y/f", "f")], &[]);
    for (target, location) in [
        ("/\\evil.example", "/%5Cevil.example/"),
        ("/%5cevil.example", "/%5Cevil.example/"),
        ("//\\evil.example", "/%5Cevil.example/"),
        ("/%0d%0aX:%20y", "/%0D%0AX%3A%20y/"),
    ] {
        let answer = server.get(target);
        assert_eq!((answer.status, answer.field("location")), (301, Some(location)), "{target}");
        assert_eq!(answer.field("x"), None);
    }
}

#[test]
fn with_the_slash_it_is_the_first_index_file_or_a_listing() {
    let files = [
        ("both/index.html", "html"),
        ("both/index.htm", "htm"),
        ("second/index.htm", "htm"),
        ("directory/index.html/x", "x"),
        ("fallback/index.html/x", "x"),
        ("fallback/index.htm", "htm"),
        ("none/INDEX", "x"),
    ];
    let server = TestServer::with_files(&files, &[]);
    server.settle("both/index.html");
    for (target, content) in
        [("/both/", "html"), ("/second/", "htm"), ("/fallback/", "htm"), ("/both//", "html")]
    {
        let answer = server.get(target);
        assert_eq!((answer.status, answer.text()), (200, content), "{target}");
        assert_eq!(answer.field("content-type"), Some("text/html; charset=utf-8"), "{target}");
    }
    // The tag is that of the file, whichever way leads to it.
    assert_eq!(server.get("/both/").undated(), server.get("/both/index.html").undated());
    for target in ["/directory/", "/directory/index.html/", "/none/", "/"] {
        assert!(is_listing(&server.get(target)), "{target}");
    }
}

#[test]
fn index_files_are_those_of_the_command_line_in_their_order() {
    let files = [
        ("a/index.html", "html"),
        ("a/main.txt", "txt"),
        ("a/first.xml", "xml"),
        ("b/main.txt", "txt"),
        ("c/index.html", "html"),
    ];
    let server = TestServer::with_files(&files, &["--index", "first.xml", "--index", "main.txt"]);
    for (target, content, media_type) in
        [("/a/", "xml", "text/xml; charset=utf-8"), ("/b/", "txt", "text/plain; charset=utf-8")]
    {
        let answer = server.get(target);
        assert_eq!((answer.text(), answer.field("content-type")), (content, Some(media_type)), "{target}");
    }
    assert!(is_listing(&server.get("/c/")));
}

#[test]
fn without_listing_a_directory_without_index_is_404() {
    let files = [("with/index.html", "i"), ("without/f", "f")];
    let server = TestServer::with_files(&files, &["--no-listing"]);
    let nothing = server.get("/missing/").undated();
    for target in ["/", "/without/", "/without/?format=json"] {
        assert_eq!(server.get(target).undated(), nothing, "{target}");
    }
    assert_eq!(server.get("/with/").text(), "i");
    assert_eq!(server.get("/without").status, 301);
    assert_eq!(server.get("/without/f").text(), "f");
}

#[test]
fn a_listing_is_a_page_or_data_as_the_client_prefers() {
    let server = TestServer::with_files(&[("d/f", "f")], &[]);
    for (target, accept, json) in [
        ("/d/", "", false),
        ("/d/", "*/*", false),
        ("/d/", "text/html,application/xhtml+xml,*/*;q=0.8", false),
        ("/d/", "application/json", true),
        ("/d/", "application/json, text/html;q=0.9", true),
        ("/d/", "application/json;q=0.5, text/html", false),
        ("/d/", "application/json;q=0", false),
        ("/d/?format=json", "", true),
        ("/d/?format=json", "text/html", true),
        ("/d/?a=b&format=json&c", "text/html", true),
        ("/d/?format=jsonx", "", false),
        ("/d/?format", "", false),
    ] {
        let accept = if accept.is_empty() { String::new() } else { format!("Accept: {accept}\r\n") };
        let answer = server.request("GET", target, &accept);
        let expected = if json { "application/json; charset=utf-8" } else { "text/html; charset=utf-8" };
        assert_eq!(answer.field("content-type"), Some(expected), "{target} {accept}");
        assert_eq!(answer.field("vary"), Some("Accept"), "{target} {accept}");
        assert_eq!(answer.field("cache-control"), Some("no-cache"));
        assert_eq!(answer.field("x-content-type-options"), Some("nosniff"));
        let policy = answer.field("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{policy}");
        // A listing is known by its content, and no time says as much.
        assert_eq!((answer.field("etag").is_some(), answer.field("last-modified")), (true, None));
        let head = server.request("HEAD", target, &accept);
        assert_eq!(head.undated().fields, answer.undated().fields, "{target} {accept}");
    }
}

#[test]
fn a_listing_comes_in_every_format_by_its_query_and_by_accept() {
    let files = [("d/a b.txt", "12345"), ("d/sub/x", "x"), ("d/=1+1", "")];
    let server = TestServer::with_files(&files, &[]);
    for (format, accept, media_type, needles) in [
        (
            "html",
            "text/html",
            "text/html; charset=utf-8",
            ["<!doctype html>", "href=\"./sub/\"", "href=\"./a%20b.txt\""],
        ),
        (
            "json",
            "application/json",
            "application/json; charset=utf-8",
            ["{\"path\":\"/d/\"", "\"./sub/\"", "\"./a%20b.txt\""],
        ),
        (
            "ndjson",
            "application/x-ndjson",
            "application/x-ndjson; charset=utf-8",
            ["{\"name\":\"sub\"", "\"./=1%2B1\"}\n", "\"size\":5"],
        ),
        (
            "csv",
            "text/csv",
            "text/csv; charset=utf-8; header=present",
            ["name,type,size,modified,href\r\n", "\r\na b.txt,file,5,", "\r\n'=1+1,file,0,"],
        ),
        ("text", "text/plain", "text/plain; charset=utf-8", ["sub/\n", "a b.txt\n", "=1+1\n"]),
    ] {
        let asked = server.get(&format!("/d/?format={format}"));
        assert_eq!((asked.status, asked.field("content-type")), (200, Some(media_type)), "{format}");
        for needle in needles {
            assert!(asked.text().contains(needle), "{needle} in {}", asked.text());
        }
        let preferred = server.request("GET", "/d/", &format!("Accept: {accept}\r\n"));
        assert_eq!((preferred.field("content-type"), preferred.text()), (Some(media_type), asked.text()));
        let tag = asked.field("etag").unwrap();
        let again =
            server.request("GET", &format!("/d/?format={format}"), &format!("If-None-Match: {tag}\r\n"));
        assert_eq!(again.status, 304);
    }
}

#[test]
fn a_listing_is_sorted_and_filtered_by_its_query() {
    let files =
        [("d/b.txt", "12345"), ("d/A.txt", "1"), ("d/c.png", "123"), ("d/sub/x", "x"), ("d/Top/x", "x")];
    let server = TestServer::with_files(&files, &[]);
    let names = |query: &str| {
        server.get(&format!("/d/?format=text&{query}")).text().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    for (query, expected) in [
        ("", ["sub/", "Top/", "A.txt", "b.txt", "c.png"]),
        ("sort=-name", ["Top/", "sub/", "c.png", "b.txt", "A.txt"]),
        ("sort=size", ["sub/", "Top/", "A.txt", "c.png", "b.txt"]),
        ("sort=-size", ["Top/", "sub/", "b.txt", "c.png", "A.txt"]),
        ("sort=weight", ["sub/", "Top/", "A.txt", "b.txt", "c.png"]),
    ] {
        assert_eq!(names(query), expected, "{query}");
    }
    assert_eq!(names("q=.TXT"), ["A.txt", "b.txt"]);
    assert_eq!(names("q=o&sort=-name"), ["Top/"]);
    assert_eq!(names("q=nowhere"), [""; 0]);
    // By time: older first, unless it is turned round.
    for (name, seconds) in [("d/b.txt", 1_000), ("d/c.png", 2_000)] {
        let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        set_modified(&server.directory.path().join(name), time);
    }
    assert_eq!(names("sort=modified&q=."), ["b.txt", "c.png", "A.txt"]);
    assert_eq!(names("sort=-modified&q=."), ["A.txt", "c.png", "b.txt"]);
}

/// R40: what is typed into the filter comes back in the page.
#[test]
fn the_filter_of_a_listing_is_no_way_into_its_page() {
    let server = TestServer::with_files(&[("d/x", "x")], &[]);
    for typed in
        ["%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "%22+onfocus=alert(1)+x=%22", "%00%0d%0a%e2%80%ae%ff"]
    {
        for target in [format!("/d/?q={typed}"), format!("/d/?q={typed}&sort=size")] {
            let answer = server.get(&target);
            let page = answer.text();
            let after_style = page.split_once("</style>").unwrap().1;
            assert_eq!(after_style.matches("<script").count(), 1, "{page}");
            assert!(
                !page.contains("onfocus=alert(1) x=\"") && !page.contains(['\0', '\r', '\u{202e}']),
                "{page}"
            );
            assert!(page.contains("No name here contains"), "{page}");
        }
    }
}

#[test]
fn entries_have_name_type_size_time_and_link_in_natural_order() {
    let files = [
        ("d/file10", "ten"),
        ("d/file9", "nine!"),
        ("d/B/x", "x"),
        ("d/a/x", "x"),
        ("d/.secret", ""),
        ("d/A file", ""),
    ];
    let server = TestServer::with_files(&files, &[]);
    server.settle("d/file9");
    let answer = server.get("/d/?format=json");
    assert_eq!(names(&answer), ["a", "B", "A file", "file9", "file10"]);
    let all = entries(&answer);
    assert_eq!(
        all[3],
        serde_json::json!({"name": "file9", "type": "file", "size": 5, "modified": "1994-11-06T08:49:37Z", "href": "./file9"})
    );
    assert_eq!(
        (&all[0]["type"], &all[0]["href"], all[0].get("size")),
        (&"directory".into(), &"./a/".into(), None)
    );
    assert_eq!((&all[2]["href"], &all[2]["size"]), (&"./A%20file".into(), &0.into()));
    let listing: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((&listing["path"], &listing["truncated"]), (&"/d/".into(), &false.into()));
    let page = server.get("/d/");
    let places: Vec<_> = ["../", "./a/", "./B/", "./A%20file", "./file9", "./file10"]
        .map(|link| page.text().find(&format!("\"{link}\"")))
        .to_vec();
    assert!(places.is_sorted() && places[0].is_some(), "{places:?}");
    assert!(!page.text().contains("secret"));
    assert_eq!(server.get("/d/a/../?format=json").body, answer.body);
}

#[test]
fn an_empty_directory_and_a_large_one_are_listed() {
    let server = TestServer::start(&[]);
    assert_eq!(server.get("/").status, 200);
    assert_eq!(names(&server.get("/?format=json")), [""; 0]);
    for index in 0..3000 {
        server.write(&format!("n{index}"), "");
    }
    let listed = names(&server.get("/?format=json"));
    assert_eq!((listed.len(), &*listed[0], &*listed[2999]), (3000, "n0", "n2999"));
}

/// R29.
#[test]
fn other_requests_are_answered_behind_a_listing_in_order() {
    let server = TestServer::with_files(&[("d/f", "f"), ("a.txt", "a")], &["--threads", "1"]);
    let request = |method, target| format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let round = [request("GET", "/d/"), request("HEAD", "/d/"), request("GET", "/a.txt")].concat();
    let answers = server.exchange(round.repeat(20), &["GET", "HEAD", "GET"].repeat(20));
    for three in answers.chunks(3) {
        assert!(is_listing(&three[0]));
        assert_eq!(three[0].clone().undated().fields, three[1].clone().undated().fields);
        assert_eq!(three[2].text(), "a");
    }
}

/// R5: Links need a privilege on Windows.
#[cfg(unix)]
#[test]
fn an_index_that_leads_out_of_the_root_is_not_served() {
    use std::os::unix::fs::symlink;
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("canary"), "canary").unwrap();
    let server = TestServer::with_files(&[("out/index.htm", "second"), ("only/f", "f"), ("in/f", "f")], &[]);
    let root = server.directory.path();
    for directory in ["out", "only"] {
        symlink(outside.path().join("canary"), root.join(directory).join("index.html")).unwrap();
    }
    symlink("f", root.join("in/index.html")).unwrap();
    assert_eq!(server.get("/out/").text(), "second");
    assert!(is_listing(&server.get("/only/")));
    assert_eq!(names(&server.get("/only/?format=json")), ["f"]);
    assert_eq!(server.get("/in/").text(), "f");
    // It is typed by the name that was found, not by where the link leads.
    assert_eq!(server.get("/in/").field("content-type"), Some("text/html; charset=utf-8"));
}

/// R5, R43: a sibling is opened as everything else is.
#[cfg(unix)]
#[test]
fn a_sibling_that_leads_out_of_the_root_is_not_served() {
    use std::os::unix::fs::symlink;
    let text = "a text that is long enough to be compressed, ".repeat(100);
    let canary = codec_of(&text);
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("canary.gz"), &canary).unwrap();
    let options = ["--compress", "off"];
    let server = TestServer::with_files(&[("out.js", &text), ("in.js", &text), ("b/c", "")], &options);
    let root = server.directory.path();
    std::fs::write(root.join("b/in.gz"), &canary).unwrap();
    symlink(outside.path().join("canary.gz"), root.join("out.js.gz")).unwrap();
    symlink("b/in.gz", root.join("in.js.gz")).unwrap();
    for path in ["out.js", "in.js", "b/in.gz"] {
        server.settle(path);
    }
    let coding = |target: &str| {
        let answer = server.request("GET", target, "Accept-Encoding: gzip\r\n");
        assert_eq!(answer.status, 200);
        answer.field("content-encoding").map(str::to_owned)
    };
    // The one inside shows that the other would have been taken.
    assert_eq!((coding("/in.js").as_deref(), coding("/out.js")), (Some("gzip"), None));
    assert_eq!(server.get("/out.js.gz").status, 404);
}

/// The gzip form of a text.
#[cfg(unix)]
fn codec_of(text: &str) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Links, FIFOs and modes are of Unix.
#[cfg(unix)]
#[test]
fn one_bad_entry_does_not_break_a_listing() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let server = TestServer::with_files(&[("good", ""), ("locked/f", ""), ("unreadable", "")], &[]);
    let root = server.directory.path();
    symlink("nowhere", root.join("dangling")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
    symlink("/", root.join("out")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(root.join("fifo")).status().unwrap().success());
    for path in ["locked", "unreadable"] {
        std::fs::set_permissions(root.join(path), PermissionsExt::from_mode(0o000)).unwrap();
    }
    assert_eq!(names(&server.get("/?format=json")), ["locked", "good", "unreadable"]);
    assert!(is_listing(&server.get("/")));
    std::fs::set_permissions(root.join("locked"), PermissionsExt::from_mode(0o700)).unwrap();
}

/// Windows does not let go of a directory that is in use.
#[cfg(unix)]
#[test]
fn a_root_that_is_deleted_and_made_again_is_served_again() {
    let directory = tempfile::tempdir().unwrap();
    super::harness::write(&directory.path().join("dist/a.txt"), b"old");
    let server = TestServer::start_in(directory, "dist", &["--threads", "1"]);
    let root = server.directory.path().join("dist");
    let mut client = server.connect();
    assert_eq!(client.get("/a.txt").text(), "old");
    std::fs::remove_dir_all(&root).unwrap();
    assert_eq!(client.get("/a.txt").status, 404);
    super::harness::write(&root.join("b.txt"), b"new");
    assert_eq!(client.get("/b.txt").text(), "new");
    assert_eq!(client.get("/a.txt").status, 404);
    assert_eq!(names(&client.get("/?format=json")), ["b.txt"]);
}

/// Listings that are asked for at once are made together, by two loops and some threads.
#[test]
fn whoever_has_changed_a_directory_sees_it_in_the_next_listing_however_many_ask() {
    let server = TestServer::start(&[]);
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let (server, mut client) = (&server, server.connect());
            scope.spawn(move || {
                for round in 0..40 {
                    let name = format!("{writer}-{round}");
                    server.write(&name, "");
                    assert!(names(&client.get("/?format=json")).contains(&name), "{name} was there before");
                    std::fs::remove_file(server.directory.path().join(&name)).unwrap();
                    let form = if round % 2 == 0 { "/" } else { "/?format=json" };
                    let link = format!("\"./{name}\"");
                    assert!(!client.get(form).text().contains(&link), "{name} was gone before");
                }
            });
        }
    });
}
