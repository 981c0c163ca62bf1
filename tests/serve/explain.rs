//! `--explain`: what it says is what a server does, and why.

use std::process::Stdio;
use std::time::{Duration, SystemTime};

use super::harness::process::{Process, program};
use super::harness::{Client, set_modified, write};

/// A site with something of everything, all of it an hour old.
fn site() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let script = "let text = 'again and again';\n".repeat(100);
    let coded =
        serve::codec::encode(serve::codec::Format::Gzip, serve::codec::Level::Fast, script.as_bytes())
            .unwrap();
    let redirects = format!(
        "/old /about 302\n/index.html /about 301\n/loop /loop2\n/loop2 /loop\n/grow/* /{}\n",
        ":splat".repeat(300)
    );
    let files: [(&str, &[u8]); 10] = [
        ("index.html", b"<p>start"),
        ("about.html", b"<p>about"),
        ("404.html", b"<p>lost"),
        ("assets/app-BxY12ab3.js", script.as_bytes()),
        ("assets/app-BxY12ab3.js.gz", &coded),
        ("d e/f", b"0123456789"),
        (".env", b"secret"),
        ("_headers", b"/assets/*\n  X-Rule: yes\n"),
        ("a.md", b"# A\n"),
        ("_redirects", redirects.as_bytes()),
    ];
    for (path, content) in files {
        write(&root.join(path), content);
        set_modified(&root.join(path), SystemTime::now() - Duration::from_secs(3600));
    }
    directory
}

/// What is printed for a target and fields of a request.
fn explained(root: &std::path::Path, options: &[&str], target: &str, fields: &[&str]) -> String {
    let mut command = program(&["--explain", target]);
    command.arg(root).args(options);
    for field in fields {
        command.args(["--request-header", field]);
    }
    let output = command.stdout(Stdio::piped()).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{target}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The lines of the answer, without what the clock says.
fn answer(text: &str) -> Vec<&str> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("< "));
    lines.filter(|line| !line.starts_with("Date: ")).collect()
}

#[test]
fn what_is_explained_is_what_a_server_answers() {
    let directory = site();
    let options = ["--clean-urls", "--cache", "auto", "--spa"];
    let server = Process::serve(directory.path(), &options);
    let port = server.addresses[0].port();
    let cases: [(&str, &[&str]); 15] = [
        ("/", &[]),
        ("/about", &["Accept-Encoding: gzip"]),
        ("/assets/app-BxY12ab3.js", &["Accept-Encoding: br;q=0.5, gzip"]),
        ("/assets/app-BxY12ab3.js", &["Accept-Encoding: identity;q=0, br;q=0, gzip;q=0"]),
        ("/assets", &[]),
        ("/assets/", &["Accept: application/json"]),
        ("/d%20e/f", &["Range: bytes=2-4"]),
        ("/d%20e/f", &["Range: bytes=20-"]),
        ("/old?x=1", &[]),
        ("/index.html", &[]),
        ("/loop", &["Accept: text/html"]),
        ("/missing.js", &[]),
        ("/.env", &[]),
        ("/../x", &[]),
        ("/", &["Host: evil.example"]),
    ];
    for (target, fields) in cases {
        let told = explained(directory.path(), &options, target, fields);
        let mut client = Client::connect(server.addresses[0]);
        let lines: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
        let host = format!("Host: 127.0.0.1:{port}\r\n");
        let host = if lines.starts_with("Host") { "" } else { &host };
        client.send(format!("GET {target} HTTP/1.1\r\n{host}{lines}\r\n"));
        let found = client.answer_to("GET");
        let mut expected: Vec<String> =
            found.fields.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        expected.retain(|line| !line.starts_with("Date: "));
        expected.push(format!("and {} bytes of content", found.body.len()));
        let told = answer(&told);
        assert!(told[0].starts_with(&format!("HTTP/1.1 {} ", found.status)), "{target} {fields:?}: {told:?}");
        assert_eq!(told[1..], expected, "{target} {fields:?}");
    }
}

/// A target, options, fields of the request; and what has to be told.
type Case = (&'static str, &'static [&'static str], &'static [&'static str], &'static [&'static str]);

#[test]
fn every_name_that_is_looked_up_and_every_choice_is_told() {
    let directory = site();
    let cases: [Case; 17] = [
        (
            "/assets/app-BxY12ab3.js",
            &["--cache", "auto"],
            &["Accept-Encoding: br, gzip"],
            &[
                "open        /assets/app-BxY12ab3.js: a file of 3000 bytes",
                "open        /assets/app-BxY12ab3.js.br: nothing there",
                "coding      gzip, from its sibling",
                "cache       auto: the name carries a hash",
                "_headers    sets X-Rule: yes",
                "type        text/javascript",
            ],
        ),
        ("/old", &[], &[], &["line 1: 302 to /about", "open        /old: nothing there"]),
        ("/index.html", &[], &[], &["line 2: 301 to /about", "left out, because a file answers"]),
        ("/loop", &[], &[], &["line 3: 301 to /loop2", "would go in circles", "error page  /404.html"]),
        (
            "/grow/it-is-thirty-letters-long-or-so",
            &[],
            &[],
            &["line 5: leads to an address that is too long", "left out, because what the path brings"],
        ),
        ("/about", &["--clean-urls"], &[], &["/about: nothing there", "/about.html: a file"]),
        ("/route", &["--spa"], &["Accept: text/html"], &["--spa       a route", "/index.html: a file"]),
        ("/route", &["--spa"], &["Accept: application/json"], &["does not want a page"]),
        ("/.env", &[], &[], &["--hidden would show it"]),
        ("/_headers", &[], &[], &["--no-rules would send it"]),
        ("/abuot", &[], &[], &["why         404 /abuot: did you mean /about.html?"]),
        ("/d e/f/", &[], &[], &["a file has no slash behind its name: did you mean /d e/f?"]),
        ("/d e/", &["--no-listing"], &[], &["/d e/index.htm: nothing there", "none: --no-listing"]),
        (
            "/d e/?download=tar",
            &[],
            &[],
            &["archive     as tar", "200 OK", "Content-Type: application/x-tar"],
        ),
        (
            "/a.md?format=html",
            &[],
            &[],
            &["format      as a page that is made of it", "; frame-ancestors 'self'"],
        ),
        ("http://evil.example/", &[], &[], &["--allow-host NAME", "421 Misdirected Request"]),
        ("/about.html", &[], &["If-None-Match: *"], &["condition   If-None-Match", "304 Not Modified"]),
    ];
    for (target, options, fields, expected) in cases {
        let told = explained(directory.path(), options, target, fields);
        for line in expected {
            assert!(told.contains(line), "{target} {options:?} {fields:?}: no {line:?} in\n{told}");
        }
    }
}

#[test]
fn what_people_type_becomes_a_target_and_nothing_of_it_moves_the_cursor() {
    let directory = site();
    for (typed, request) in [
        ("about", "GET /about HTTP/1.1"),
        ("/d e/f#top", "GET /d%20e/f HTTP/1.1"),
        ("/ü?a b", "GET /%C3%BC?a%20b HTTP/1.1"),
        ("http://localhost:1/x?y", "GET /x?y HTTP/1.1\n> Host: localhost:1"),
        ("/\u{1b}[2J", "GET /%1B[2J HTTP/1.1"),
    ] {
        let told = explained(directory.path(), &[], typed, &[]);
        assert!(told.starts_with(&format!("> {request}\n")), "{typed}: {told}");
        assert!(!told.contains('\u{1b}'), "{typed}");
    }
}

#[test]
fn mistakes_in_the_rules_are_told_with_their_line() {
    let directory = site();
    write(&directory.path().join("_redirects"), b"/a /b 999\n");
    let told = explained(directory.path(), &[], "/a", &[]);
    assert!(told.contains("_redirects:1: 999: the status is"), "{told}");
}

#[test]
fn what_cannot_be_explained_is_one_line() {
    for (options, expected) in [
        (&["--explain", ""][..], "serve: --explain needs a value: --explain <URL-PATH>"),
        (&["--explain", "#top"], "serve: --explain #top: give the path of a URL, like /docs/ or /app.js?v=2"),
        (
            &["--request-header", "A: b"],
            "serve: --request-header says what --explain asks with: give --explain URL-PATH",
        ),
        (
            &["--explain", "/", "--request-header", "A"],
            "serve: --request-header A: write 'Name: value', like 'Accept-Encoding: br'",
        ),
        (
            &["--explain", "/", "--precompress"],
            "serve: --explain and --precompress contradict each other: choose one",
        ),
    ] {
        let output = program(options).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{options:?}");
        assert_eq!(String::from_utf8(output.stderr).unwrap().trim_end(), expected);
    }
}
