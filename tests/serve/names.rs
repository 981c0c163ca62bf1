//! Names: whatever a system can call a file is listed, linked and served; whatever
//! leads above the root or to hidden names is not (behaviour, section 3).

use percent_encoding::percent_decode_str;

use super::harness::{TestServer, under_wine};

/// Names that break somebody.
fn nasty_names() -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = NASTY.iter().map(|name| name.as_bytes().to_vec()).collect();
    names.push([b"x".repeat(251), b".txt".to_vec()].concat());
    names.push("\u{1f980}".repeat(63).into_bytes());
    // One name with the composed form on macOS.
    names.extend((!cfg!(target_os = "macos")).then(|| "e\u{301}".into()));
    if cfg!(target_os = "linux") {
        // Other systems hold UTF-8 or UTF-16 only.
        names.extend(
            [&b"\xff"[..], b"latin\xe9.txt", b"\xc0\xae", b"a\xf0\x9f", b"\xed\xa0\x80"].map(<[u8]>::to_vec),
        );
    }
    names.retain(|name| name.len() <= 100 || !under_wine());
    names.retain(|name| {
        cfg!(unix) || std::str::from_utf8(name).is_ok_and(|name| !serve::sys::names::windows_refuses(name))
    });
    names
}

const NASTY: &[&str] = &[
    "plain.txt",
    "two words",
    " leading",
    "trailing ",
    "  ",
    "\"double\"",
    "'single'",
    "back`tick",
    "#hash",
    "a#b",
    "what?",
    "?q=1",
    "100%",
    "%2e",
    "%2e%2e%2fx",
    "%00",
    "%",
    "%zz",
    "a%20b",
    "a;b",
    "a&b",
    "&amp;",
    "&lt;b&gt;",
    "<b>",
    "<script>alert(1)",
    "\"><img src=x onerror=alert(1)>",
    "]]>",
    "<!--",
    "{{x}}",
    "${x}",
    "a\nb",
    "a\r\nX: y",
    "\n",
    "tab\there",
    "\x1b[31mred",
    "\x07",
    "\x7f",
    "back\\slash",
    "\\",
    "..\\up",
    "a:b",
    "javascript:alert(1)",
    "http:x",
    "C:",
    "con",
    "nul.txt",
    "~",
    "~user",
    "a~1",
    "+",
    "a+b",
    "=",
    "@",
    "!",
    "$",
    "*",
    "(x)",
    "[x]",
    "{x}",
    "^",
    "|",
    ",",
    "-",
    "--",
    "-rf",
    "_",
    "a..b",
    "a.",
    "a...",
    "\u{2026}",
    "\u{e9}",
    "\u{65e5}\u{672c}\u{8a9e}",
    "\u{1f980}",
    "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}",
    "\u{5e9}\u{5dc}\u{5d5}\u{5dd}.txt",
    "\u{202e}gpj.exe",
    "\u{feff}bom",
    "zero\u{200b}width",
    "\u{a0}",
    "\u{2028}",
    "\u{fffd}",
    "index.htm\u{0142}",
    "..a",
    ".\u{2026}",
    ".hidden",
    "...",
    ".%2e",
];

#[cfg(unix)]
fn os(name: &[u8]) -> &std::ffi::OsStr {
    std::os::unix::ffi::OsStrExt::from_bytes(name)
}

#[cfg(not(unix))]
fn os(name: &[u8]) -> &std::ffi::OsStr {
    std::str::from_utf8(name).unwrap().as_ref()
}

/// What stands between `before` and `after`, each time.
fn between<'a>(text: &'a str, before: &'a str, after: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(before).skip(1).map(move |rest| rest.split(after).next().unwrap())
}

/// The links to entries in a listing for people, checked to be harmless.
fn html_links(page: &str) -> Vec<String> {
    let links = between(page, "<a href=\"", "\"").filter(|link| !link.starts_with("../"));
    links
        .map(|link| {
            let entry = link.strip_prefix("./").unwrap();
            let harmless = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$()*,=@%/".contains(&b);
            assert!(entry.bytes().all(harmless), "{link}");
            entry.to_owned()
        })
        .collect()
}

fn json_links(data: &[u8]) -> Vec<String> {
    let listing: serde_json::Value = serde_json::from_slice(data).unwrap();
    let links = listing["entries"].as_array().unwrap().iter().map(|entry| entry["href"].as_str().unwrap());
    links.map(|link| link.strip_prefix("./").unwrap().to_owned()).collect()
}

/// R40.
#[test]
fn every_name_is_listed_linked_and_served_to_the_byte() {
    let names = nasty_names();
    let server = TestServer::start(&["--hidden"]);
    for (index, name) in names.iter().enumerate() {
        let path = server.directory.path().join(os(name));
        std::fs::write(path, index.to_string()).unwrap_or_else(|error| panic!("{name:?}: {error}"));
    }
    let (page, data) = (server.get("/"), server.get("/?format=json"));
    assert_eq!((page.status, data.status), (200, 200));
    let mut client = server.connect();
    for links in [html_links(page.text()), json_links(&data.body)] {
        assert_eq!(links.len(), names.len());
        for (index, name) in names.iter().enumerate() {
            let is_it = |link: &&String| percent_decode_str(link).collect::<Vec<u8>>() == *name;
            let shown = String::from_utf8_lossy(name);
            let link = links.iter().find(is_it).unwrap_or_else(|| panic!("no link to {shown:?}"));
            let answer = client.get(&format!("/{link}"));
            assert_eq!((answer.status, answer.text()), (200, &*index.to_string()), "{shown:?}");
        }
    }
}

#[test]
fn every_byte_of_a_name_may_be_escaped_and_every_directory_is_reached() {
    let names = nasty_names();
    let server = TestServer::start(&["--hidden"]);
    for name in &names {
        let directory = server.directory.path().join(os(name));
        std::fs::create_dir(&directory).unwrap();
        std::fs::write(directory.join(os(name)), name).unwrap();
    }
    let mut client = server.connect();
    for name in &names {
        let escaped: String = name.iter().map(|byte| format!("%{byte:02x}")).collect();
        let redirect = client.get(&format!("/{escaped}?q=1"));
        assert_eq!(redirect.status, 301, "{escaped}");
        let location = redirect.field("location").unwrap();
        assert!(location.starts_with('/') && !location[1..].starts_with(['/', '\\']), "{location}");
        let path = location.strip_suffix("?q=1").unwrap();
        assert_eq!(percent_decode_str(path).collect::<Vec<u8>>(), [b"/", &name[..], b"/"].concat());
        let page = client.get(path);
        let links = html_links(page.text());
        assert_eq!((page.status, links.len()), (200, 1), "{escaped}");
        for link in [&links[0], &escaped] {
            let answer = client.get(&format!("{path}{link}"));
            assert_eq!((answer.status, &answer.body), (200, name), "{escaped}");
        }
    }
}

/// R40.
#[test]
fn no_name_becomes_markup_in_a_listing() {
    let server = TestServer::start(&[]);
    let directory = server.directory.path();
    std::fs::create_dir(directory.join("d")).unwrap();
    let tags = |page: &str| {
        between(page, "<", ">").map(|tag| tag.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    std::fs::write(directory.join("d/harmless"), "").unwrap();
    let expected = tags(server.get("/d/").text());
    std::fs::remove_file(directory.join("d/harmless")).unwrap();
    for name in nasty_names().iter().filter(|name| !name.starts_with(b".")) {
        let path = directory.join("d").join(os(name));
        std::fs::write(&path, "").unwrap();
        let page = server.get("/d/");
        let shown = String::from_utf8_lossy(name);
        assert_eq!(tags(page.text()), expected, "{shown:?}");
        let data = server.get("/d/?format=json");
        let is_quiet = |c: char| c == '\n' || !(c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c));
        assert!(page.text().chars().all(is_quiet), "{shown:?}");
        assert!(data.text().trim_end().chars().all(|c| c != '\n' && is_quiet(c)), "{shown:?}");
        std::fs::remove_file(path).unwrap();
    }
}

/// A root with a neighbour of nearly the same name, and a secret in each place above.
pub fn fortress(options: &[&str]) -> TestServer {
    let directory = tempfile::tempdir().unwrap();
    for (path, content) in [
        ("www/a.txt", "a"),
        ("www/sub/b.txt", "b"),
        ("www/.git/config", "secret"),
        ("www/sub/.env", "secret"),
        ("www/.well-known/x", "w"),
        ("www/.well-known/.y", "secret"),
        ("www/sub/.well-known/x", "secret"),
        ("www2/secret", "secret"),
        ("secret", "secret"),
    ] {
        super::harness::write(&directory.path().join(path), content.as_bytes());
    }
    TestServer::start_in(directory, "www", options)
}

/// R1, R2, R9: whatever a target looks like, it is decoded once, resolved, and never leads
/// above the root nor into its neighbour of nearly the same name.
#[test]
fn nothing_leads_above_the_root() {
    expect_nothing_above(&fortress(&["--hidden"]));
}

pub fn expect_nothing_above(server: &TestServer) {
    for (target, status) in [
        ("/../secret", 400),
        ("/%2e%2e/secret", 400),
        ("/.%2E/secret", 400),
        ("/%2e./secret", 400),
        ("/sub/../../secret", 400),
        ("/sub/..//../secret", 400),
        ("/./../secret", 400),
        ("/..", 400),
        ("/../", 400),
        ("/../www/a.txt", 400),
        ("/../www2/secret", 400),
        ("/a.txt/../../secret", 400),
        // An escaped slash is no separator, nor may it be part of a name.
        ("/..%2fsecret", 400),
        ("/..%2Fsecret", 400),
        ("/%2fetc/passwd", 400),
        ("/sub%2fb.txt", 400),
        ("/%2f%2fsecret", 400),
        ("/a.txt%00", 400),
        ("/a.txt%00.html", 400),
        ("/%", 400),
        ("/%2", 400),
        ("/%zz", 400),
        ("/%u002e", 400),
        ("/a.txt%", 400),
        ("/%+1", 400),
        // Decoded once, and only once.
        ("/%252e%252e/secret", 404),
        ("/%25%32%65%25%32%65/secret", 404),
        // Names, if odd ones.
        ("/..%5csecret", 404),
        ("/..\\secret", 404),
        ("/%5c..%5csecret", 404),
        ("/%c0%ae%c0%ae/secret", 404),
        ("/%e0%80%ae%e0%80%ae/secret", 404),
        ("/..%c0%afsecret", 404),
        ("/%ef%bc%8e%ef%bc%8e/secret", 404),
        ("/.../secret", 404),
        ("/..;/secret", 404),
        ("/..%20/secret", 404),
        ("//etc/passwd", 404),
        ("/file:///etc/passwd", 404),
        ("/C:/Windows/win.ini", 404),
        ("/~root", 404),
        ("/a.txt::$DATA", 404),
        ("/a.txt%20", 404),
        ("/a.txt.", 404),
        // What only looks like it.
        ("/a.txt", 200),
        ("///a.txt", 200),
        ("/./a.txt", 200),
        ("/sub/../a.txt", 200),
        ("/sub/%2e%2e/a.txt", 200),
        ("/missing/../a.txt", 200),
        ("/%61.txt?../../secret", 200),
        ("//sub//.//b.txt", 200),
        ("/sub/..", 200),
        ("//", 200),
    ] {
        for form in [target.to_owned(), format!("http://localhost{target}")] {
            let answer = server.get(&form);
            assert_eq!(answer.status, status, "{form}");
            assert!(!String::from_utf8_lossy(&answer.body).contains("secret"), "{form}");
        }
    }
}

/// R8: hidden is what is hidden once it is decoded and resolved.
#[test]
fn hidden_names_do_not_exist_however_they_are_spelled() {
    expect_hidden_names_hidden(&fortress(&[]));
}

pub fn expect_hidden_names_hidden(server: &TestServer) {
    let nothing = server.get("/missing").undated();
    for target in [
        "/.git",
        "/.git/",
        "/.git/config",
        "/%2egit/config",
        "/%2Eg%69t/config",
        "/.GIT/config",
        "//.git//config",
        "/./.git/config",
        "/sub/../.git/config",
        "/.git/../.git/config",
        "/sub/.env",
        "/.git%2e",
        "/.g%e2%80%8cit/config",
        "/%e2%80%8c.git/config",
        "/%ef%bb%bf.git/config",
        "/.well-known/.y",
        "/sub/.well-known/x",
        "/.well-known/../.git/config",
        "/.WELL-KNOWN/x",
        "/.missing",
        "/...",
        "/..a",
    ] {
        assert_eq!(server.get(target).undated(), nothing, "{target}");
    }
    assert_eq!(server.get("/.well-known/x").text(), "w");
    assert_eq!(server.get("/.well-known").status, 301);
    for (directory, names) in [("/", 3), ("/sub/", 1), ("/.well-known/", 1)] {
        assert_eq!(
            json_links(&server.get(&format!("{directory}?format=json")).body).len(),
            names,
            "{directory}"
        );
    }
}

/// R8: A name is judged by where it leads. Links need a privilege on Windows.
#[cfg(unix)]
#[test]
fn links_to_hidden_names_do_not_exist_either() {
    use std::os::unix::fs::symlink;
    for rule in ["inside", "follow", "deny"] {
        for hidden in [false, true] {
            let options = ["--symlinks", rule, "--hidden"];
            let server = fortress(if hidden { &options } else { &options[..2] });
            let root = server.directory.path().canonicalize().unwrap().join("www");
            std::fs::create_dir(root.join("shop")).unwrap();
            for (target, name) in [
                (".git/config", "config"),
                (".git", "git"),
                ("sub/.env", "env"),
                ("config", "chain"),
                (root.join(".git/config").to_str().unwrap(), "absolute"),
                ("../.git/config", "shop/index.html"),
                (".well-known", "known"),
            ] {
                symlink(target, root.join(name)).unwrap();
            }
            let (nothing, there) = (server.get("/missing").undated(), hidden && rule != "deny");
            for target in ["/config", "/git/config", "/env", "/chain", "/absolute", "/shop/index.html"] {
                let answer = server.get(target).undated();
                assert_eq!(answer.body == b"secret", there, "{rule} {hidden} {target}");
                assert!(there || answer == nothing, "{rule} {target}");
            }
            // An index file is opened in the same way, and so is all that is listed.
            assert_eq!(server.get("/shop/").text() == "secret", there, "{rule} {hidden}");
            assert_eq!(server.get("/known/x").status, if rule == "deny" { 404 } else { 200 });
            let names = json_links(&server.get("/?format=json").body);
            for name in ["config", "git/", "env", "chain", "absolute"] {
                assert_eq!(names.iter().any(|link| link == name), there, "{rule} {hidden} {name}: {names:?}");
            }
        }
    }
}
