//! Step 3, the files of a folder, and step 4, which is the same with the parts of the server.

use std::path::Path;

use super::{Answer, Step};

/// Both, and what they share: the folder `site` in the folder that is returned.
fn both() -> (tempfile::TempDir, [Step; 2]) {
    let outer = tempfile::tempdir().unwrap();
    let site = outer.path().join("site");
    std::fs::create_dir_all(site.join("notes/more")).unwrap();
    for (name, content) in [
        ("secret.txt", "secret"),
        ("site/index.html", "<p>home"),
        ("site/a.css", "a{}"),
        ("site/two words.txt", "spaced"),
        ("site/100%41.txt", "percent"),
        ("site/empty.bin", ""),
        ("site/.env", "secret"),
        ("site/notes/index.html", "<p>notes"),
        ("site/notes/more/index.html", "<p>more"),
    ] {
        std::fs::write(outer.path().join(name), content).unwrap();
    }
    let steps = ["tour_3_files", "tour_4_site"].map(|name| Step::serving(name, &site));
    (outer, steps)
}

/// What of an answer is the same in both.
fn essence(answer: &Answer) -> (u16, &str, &str) {
    let text = if answer.status == 200 { answer.body() } else { "" };
    (answer.status, text, answer.field("Location").unwrap_or_default())
}

#[test]
fn both_find_the_same() {
    let (_outer, steps) = both();
    for step in steps {
        for (target, expected) in [
            ("/", (200, "<p>home", "")),
            ("/index.html", (200, "<p>home", "")),
            ("/a.css?v=1", (200, "a{}", "")),
            ("/two%20words.txt", (200, "spaced", "")),
            ("/empty.bin", (200, "", "")),
            ("/notes", (301, "", "/notes/")),
            ("/notes/", (200, "<p>notes", "")),
            ("/notes/more", (301, "", "/notes/more/")),
            ("//notes//more/", (200, "<p>more", "")),
            ("/./notes/../a.css", (200, "a{}", "")),
            ("/notes/%2e%2e/a.css", (200, "a{}", "")),
            ("/missing", (404, "", "")),
            ("/a.css/", (404, "", "")),
            ("/a.css/b", (404, "", "")),
            // Decoded once it is 100%41.txt; decoded twice it would be 100A.txt.
            ("/100%2541.txt", (200, "percent", "")),
        ] {
            let answer = step.get(target);
            assert_eq!(essence(&answer), expected, "{target}");
        }
    }
}

#[test]
fn types_come_from_names() {
    let (_outer, steps) = both();
    for step in steps {
        for (target, expected) in
            [("/", "text/html"), ("/a.css", "text/css"), ("/empty.bin", "application/octet-stream")]
        {
            let answer = step.get(target);
            let found = answer.field("Content-Type").unwrap();
            assert_eq!(found.split(';').next(), Some(expected), "{target}");
        }
    }
}

#[test]
fn no_spelling_leads_out_of_the_folder() {
    let (_outer, steps) = both();
    for step in steps {
        for target in [
            "/../secret.txt",
            "/notes/../../secret.txt",
            "/%2e%2e/secret.txt",
            "/..%2fsecret.txt",
            "/notes/..%2f..%2fsecret.txt",
            "/%252e%252e/secret.txt",
            "/..%5csecret.txt",
            "/..\\secret.txt",
            "/secret.txt%00.css",
            "/%2fetc/passwd",
            "/c:/windows/win.ini",
            "/.env",
            "/%2eenv",
        ] {
            let answer = step.get(target);
            assert!(matches!(answer.status, 400 | 404), "{target}: {answer:?}");
        }
        let redirect = step.get("//localhost/..//notes");
        assert_eq!(essence(&redirect), (301, "", "/notes/"), "not to another host");
    }
}

/// Names can be compared for as long as one likes: where a link leads only the system knows.
#[test]
#[cfg(unix)]
fn a_link_leads_out_of_step_3_and_not_of_the_server() {
    let (outer, steps) = both();
    let site = outer.path().join("site");
    std::os::unix::fs::symlink("../secret.txt", site.join("link.txt")).unwrap();
    std::os::unix::fs::symlink("notes", site.join("inside")).unwrap();
    let found = steps.each_ref().map(|step| step.get("/link.txt"));
    assert_eq!(found.each_ref().map(essence), [(200, "secret", ""), (404, "", "")]);
    for step in &steps {
        assert_eq!(essence(&step.get("/inside/")), (200, "<p>notes", ""), "a link inside of it");
    }
}

/// A pipe that nobody writes to would hold the whole loop up.
#[test]
#[cfg(unix)]
fn what_is_no_file_does_not_exist() {
    let (outer, steps) = both();
    let pipe = outer.path().join("site/pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for step in steps {
        assert_eq!(step.get("/pipe").status, 404);
        assert_eq!(step.get("/").status, 200);
    }
}

fn big(path: &Path, length: usize) -> Vec<u8> {
    let content: Vec<u8> = (0..length).map(|n| (n / 251) as u8).collect();
    std::fs::write(path, &content).unwrap();
    content
}

/// Longer than all buffers on the way: while one client does not read, others are served.
#[test]
fn a_big_file_comes_whole_as_fast_as_it_is_read() {
    let (outer, steps) = both();
    let content = big(&outer.path().join("site/big.bin"), 48 * 1024 * 1024);
    for step in steps {
        let mut slow = step.connect();
        slow.say("GET /big.bin HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert!(step.get("/big.bin").body == content);
        let head = step.request("HEAD", "/big.bin");
        assert_eq!(head.field("Content-Length"), Some("50331648"));
        assert!(slow.answer(true).body == content);
        assert_eq!(slow.answer(true).body(), "<p>home", "the next request waited for the first");
    }
}

/// A part must not pass for the whole.
#[test]
#[cfg(unix)]
fn a_file_that_shrinks_breaks_the_answer_off() {
    let (outer, steps) = both();
    for step in steps {
        let path = outer.path().join("site/shrinking.bin");
        let content = big(&path, 64 * 1024 * 1024);
        let mut client = step.connect();
        client.say("GET /shrinking.bin HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let answer = client.answer(false);
        assert_eq!(answer.field("Content-Length"), Some("67108864"));
        std::fs::File::options().write(true).open(&path).unwrap().set_len(1).unwrap();
        let mut bytes = Vec::new();
        // An end or a reset: neither is the promised length.
        let _ = std::io::Read::read_to_end(&mut client.stream, &mut bytes);
        assert!(bytes.len() < content.len() && !bytes.is_empty());
        assert_eq!(step.get("/").status, 200);
    }
}

/// A page of another site, whose name leads here, can read what step 3 says to it.
#[test]
fn only_the_server_looks_at_the_host() {
    let (_outer, steps) = both();
    let ask = |step: &Step| {
        let mut client = step.connect();
        client.say("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
        client.answer(true).status
    };
    assert_eq!(steps.each_ref().map(ask), [200, 421]);
}

/// A signal cuts the download of step 3, and lets that of the server end. (Not that of Ctrl-C:
/// shells make what they start in the background ignore it.)
#[test]
#[cfg(unix)]
fn only_the_server_ends_what_it_has_begun() {
    let (outer, steps) = both();
    let content = big(&outer.path().join("site/big.bin"), 48 * 1024 * 1024);
    let downloads = steps.map(|mut step| {
        let mut client = step.connect();
        client.say("GET /big.bin HTTP/1.1\r\nHost: localhost\r\n\r\n");
        client.answer(false);
        let pid = step.child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let mut bytes = Vec::new();
        // An end or a reset, as above.
        let _ = std::io::Read::read_to_end(&mut client.stream, &mut bytes);
        (bytes.len(), step.child.wait().unwrap().code())
    });
    assert!(downloads[0].0 < content.len() && downloads[0].1.is_none(), "{downloads:?}");
    assert_eq!(downloads[1], (content.len(), Some(0)));
}
