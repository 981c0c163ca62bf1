//! Markdown: below a listing, and as a page of its own. Whoever wrote it, it is only shown.

use super::harness::{Answer, TestServer};

/// Whatever runs, leaves the page or leads astray, if it gets the chance.
const HOSTILE: &str = "# Welcome\n\n<script>alert(1)</script>\n<img src=x onerror=alert(1)>\n\
    <style>body { display: none }</style>\n<base href=//evil.example>\n\n\
    [run](javascript:alert(1)) ![spy](https://evil.example/spy.png) ![pic](pic.png)\n\n\
    </article></section></main>\n\n<form action=//evil.example><button>go</button></form>\n\n*fine*\n";

/// What is below the list.
fn below(answer: &Answer) -> Option<&str> {
    let (_, section) = answer.text().split_once("<section aria-label=")?;
    Some(section.split_once("</section>").unwrap().0)
}

fn link(name: &str) -> String {
    format!("<h2 class=\"file\"><a href=\"./{name}\" target=\"_top\"><bdi>")
}

/// R40.
#[test]
fn a_hostile_readme_is_shown_below_the_list_and_is_only_text() {
    let server = TestServer::with_files(&[("d/README.md", HOSTILE), ("d/pic.png", "x")], &[]);
    let answer = server.get("/d/");
    let section = below(&answer).unwrap();
    assert!(section.contains(&link("README.md")), "{section}");
    assert!(section.contains("<h2 id=\"readme-welcome\">Welcome</h2>") && section.contains("<em>fine</em>"));
    assert!(section.contains("<img src=\"pic.png\" loading=\"lazy\" alt=\"pic\">"), "{section}");
    for piece in [
        "<script",
        "onerror",
        "<style",
        "<base",
        "javascript:",
        "<form",
        "<button",
        "<img src=\"https",
        " style=",
    ] {
        assert!(!section.contains(piece), "{piece}: {section}");
    }
    assert!(section.contains("\">spy</a>"), "a link, which nobody follows unasked");
    assert_eq!(answer.text().matches("</section>").count(), 1);
    assert_eq!(answer.text().matches("<script>").count(), 1);
    // The list comes first, and its data has nothing of it.
    assert!(answer.text().find("</table>").unwrap() < answer.text().find("<section").unwrap());
    assert!(!server.get("/d/?format=json").text().contains("Welcome"));
}

#[test]
fn what_is_below_a_list_is_of_the_very_folder_and_of_the_whole_list() {
    let files =
        [("README.md", "top"), ("d/readme.txt", "<plain> *text*"), ("e/x", "x"), ("f/README.md/x", "x")];
    let server = TestServer::with_files(&files, &[]);
    assert!(below(&server.get("/")).unwrap().contains("<p>top</p>"));
    let plain = server.get("/d/");
    assert!(below(&plain).unwrap().contains("<pre tabindex=\"0\">\n&lt;plain&gt; *text*</pre>"));
    for target in ["/e/", "/f/", "/?q=readme", "/d/?q=r"] {
        let answer = server.get(target);
        assert_eq!((answer.status, below(&answer)), (200, None), "{target}");
    }
    assert!(below(&server.get("/?sort=-size")).is_some());
    server.write("e/README", "");
    assert_eq!(below(&server.get("/e/")), None);
}

#[test]
fn a_listing_has_another_tag_when_what_is_below_it_changes() {
    let server = TestServer::with_files(&[("README.md", "one")], &[]);
    server.settle("README.md");
    let tag = |server: &TestServer| server.get("/").field("etag").unwrap().to_owned();
    let first = tag(&server);
    assert_eq!(server.request("GET", "/", &format!("If-None-Match: {first}\r\n")).status, 304);
    server.write("README.md", "two");
    server.settle("README.md");
    assert_ne!(tag(&server), first);
}

#[test]
fn what_may_not_be_seen_is_not_below_a_list_either() {
    let files = [("_redirects", "/README.md /other.txt 200!\n"), ("README.md", "secret"), ("other.txt", "o")];
    let server = TestServer::with_files(&files, &[]);
    let answer = server.get("/");
    assert_eq!((below(&answer), answer.text().contains("./README.md")), (None, true));
    assert!(below(&TestServer::with_files(&files, &["--no-rules"]).get("/")).unwrap().contains("secret"));
}

/// R5.
#[cfg(unix)]
#[test]
fn no_link_shows_what_is_outside_of_the_root_below_a_list() {
    let server = TestServer::with_files(
        &[("d/x", "x"), ("e/x", "x"), ("real.md", "real"), (".hidden.md", "secret")],
        &[],
    );
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret.md");
    super::harness::write(&secret, b"secret");
    let root = server.write("y", "y").parent().unwrap().to_path_buf();
    std::os::unix::fs::symlink(&secret, root.join("README.md")).unwrap();
    std::os::unix::fs::symlink("../real.md", root.join("d/README.md")).unwrap();
    std::os::unix::fs::symlink("../.hidden.md", root.join("e/README.md")).unwrap();
    for target in ["/", "/e/"] {
        let answer = server.get(target);
        assert_eq!((answer.status, below(&answer)), (200, None), "{target}");
        assert!(!answer.text().contains("secret"));
    }
    assert!(below(&server.get("/d/")).unwrap().contains("<p>real</p>"));
}

#[test]
fn a_long_readme_is_cut_and_says_where_the_rest_is() {
    let long = "word\n".repeat(100_000);
    let server = TestServer::with_files(&[("README.md", long.as_str())], &[]);
    let more = "<p class=\"more\">It goes on, but only its beginning is shown: <a href=\"./README.md\"";
    let answer = server.get("/");
    assert!(below(&answer).unwrap().contains(more) && answer.body.len() < 300_000);
    let answer = server.get("/README.md?format=html");
    assert!(answer.text().contains(more) && answer.body.len() < 300_000);
}

/// R40.
#[test]
fn a_markdown_file_is_a_page_on_request_and_the_page_may_do_nothing() {
    let server = TestServer::with_files(&[("a b.md", HOSTILE)], &[]);
    let answer = server.get("/a%20b.md?format=html");
    assert_eq!((answer.status, answer.field("content-type")), (200, Some("text/html; charset=utf-8")));
    assert_eq!(answer.field("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.field("cache-control"), Some("no-cache"));
    let policy = answer.field("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(
        policy.ends_with("; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'")
    );
    let text = answer.text();
    assert!(
        text.contains("<title>a b.md</title>") && text.contains("<h1 class=\"file\"><a href=\"./a%20b.md\"")
    );
    for piece in [
        "<script",
        "onerror",
        "<base",
        "javascript:",
        "<form",
        "evil.example/spy.png\" loading",
        "display: none }",
    ] {
        assert!(!text.contains(piece), "{piece}: {text}");
    }
    // Without the query it is what it is.
    let file = server.get("/a%20b.md");
    assert_eq!((file.text(), file.field("content-type")), (HOSTILE, Some("text/markdown; charset=utf-8")));
}

#[test]
fn the_page_of_a_markdown_file_has_a_tag_and_heeds_conditions() {
    let server = TestServer::with_files(&[("a.md", "*one*")], &[]);
    let target = "/a.md?format=html";
    let page = server.get(target);
    let tag = page.field("etag").unwrap().to_owned();
    assert!(tag.starts_with('"'), "strong: {tag}");
    let head = server.request("HEAD", target, "");
    assert_eq!((head.status, head.field("content-length")), (200, page.field("content-length")));
    assert_eq!((head.body.len(), head.field("etag")), (0, Some(tag.as_str())));
    let same = server.request("GET", target, &format!("If-None-Match: {tag}\r\n"));
    assert_eq!((same.status, same.field("etag"), same.body.len()), (304, Some(tag.as_str()), 0));
    assert_eq!(server.request("GET", target, "If-Match: \"other\"\r\n").status, 412);
    // It has no parts.
    assert_eq!(server.request("GET", target, "Range: bytes=0-1\r\n").undated(), page.undated());
    server.write("a.md", "*two*");
    let other = server.request("GET", target, &format!("If-None-Match: {tag}\r\n"));
    assert_eq!(other.status, 200);
    assert!(other.text().contains("<em>two</em>") && other.field("etag") != Some(&tag));
}

#[test]
fn for_anything_else_a_format_changes_nothing() {
    let files = [("a.md", "*a*"), ("b.txt", "*b*"), ("c.html", "<p>c")];
    let server = TestServer::with_files(&files, &[]);
    for (name, _) in files {
        server.settle(name);
    }
    let same = |server: &TestServer, target: &str, query: &str| {
        let plain = server.get(target).undated();
        assert_eq!(server.get(&format!("{target}?{query}")).undated(), plain, "{target}?{query}");
    };
    for target in ["/b.txt", "/c.html", "/missing.md"] {
        same(&server, target, "format=html");
    }
    for query in
        ["format", "format=", "format=HTML", "format=json", "format=html&format=json", "x=format=html"]
    {
        same(&server, "/a.md", query);
    }
    // To save it is to save the file.
    let saved = server.get("/a.md?download&format=html");
    assert_eq!((saved.text(), saved.field("content-disposition").is_some()), ("*a*", true));
    assert_eq!(server.request("POST", "/a.md?format=html", "Content-Length: 0\r\n").status, 405);
    // Where there are no listings there are no previews, and what is no Markdown is none.
    let without = TestServer::with_files(&files, &["--no-listing"]);
    without.settle("a.md");
    same(&without, "/a.md", "format=html");
    let typed = TestServer::with_files(&files, &["--mime", "txt=text/markdown", "--mime", "md=text/plain"]);
    typed.settle("a.md");
    same(&typed, "/a.md", "format=html");
    assert!(typed.get("/b.txt?format=html").text().contains("<em>b</em>"));
}

#[test]
fn a_file_that_is_the_root_has_a_page_too() {
    let directory = tempfile::tempdir().unwrap();
    super::harness::write(&directory.path().join("a.md"), b"*a*");
    let server = TestServer::start_in(directory, "a.md", &[]);
    let page = server.get("/?format=html");
    assert!(page.text().contains("<title>a.md</title>") && page.text().contains("<em>a</em>"));
    assert!(page.text().contains("<h1 class=\"file\"><a href=\"./\""));
}
