//! Names by which Windows knows something else: a device, a stream, a share, another file
//! (R6). The rule is a pure function and asked everywhere; on Windows the whole server is
//! asked, too, and opening one of these would block it, or send credentials to a stranger.

use percent_encoding::percent_decode_str;
use serve::sys::names::windows_refuses;

/// All device names: those of the documentation, the consoles of Go's list, the
/// superscripts of cap-std's.
fn devices() -> Vec<String> {
    let mut devices: Vec<String> =
        ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"].map(str::to_owned).into();
    for port in ["COM", "LPT"] {
        devices.extend(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"].map(|n| format!("{port}{n}")));
        devices.extend(["¹", "²", "³"].map(|n| format!("{port}{n}")));
    }
    devices
}

/// One segment of a path that is an alias, percent-encoded.
fn aliases() -> Vec<String> {
    let mut aliases = Vec::new();
    for device in devices() {
        let escaped = device.replace('¹', "%C2%B9").replace('²', "%C2%B2").replace('³', "%C2%B3");
        for (before, after) in [
            ("", ""),
            ("", ".txt"),
            ("", ".tar.gz"),
            ("", "%20.txt"),
            ("", "%20%20"),
            ("", "."),
            ("%20", ""),
            ("", ":"),
            ("", "::$DATA"),
        ] {
            aliases.push(format!("{before}{escaped}{after}"));
            aliases.push(format!("{before}{}{after}", escaped.to_ascii_lowercase()));
        }
    }
    // As nginx tests them on Windows: dots, blanks, streams; and what Win32 reads as a
    // pattern, or as a path of its own.
    let others = "a.txt.|a.txt..|a.txt...|a.txt%20|a.txt%20%20|a.txt%20.|a.txt.%20|a.txt%2e%20%2e|a.txt:|a.txt::\
        |a.txt::$DATA|a.txt::$data|A.TXT::%24DATA|a.txt:x|a.txt:x:$DATA|a.txt:$DATA|dir::$INDEX_ALLOCATION\
        |dir:$I30:$INDEX_ALLOCATION|dir:$i30:$index_allocation|a.txt%3A%3A$DATA|dir.|dir..|dir%20|a*|*|a.tx%3F\
        |%3C|a%3E|a.t%22|a%7Cb|a%01|a%1F|a%09|a%0A|C:|c%3A|C:a.txt|c:..|dir%5Cb.txt|dir\\b.txt|..%5Csecret|..\\secret\
        |%5C|%5Ca.txt|%5C%5C127.0.0.1%5Cshare%5Ca.txt|\\\\127.0.0.1\\share\\a.txt|%5C%5C%3F%5CC:%5Cwindows\
        |%5C%5C.%5CCOM1|%5C%3F%3F%5CC:%5Cwindows|%5C%5C%3F%5CUNC%5C127.0.0.1%5Cshare|C:%5Cwindows%5Cwin.ini";
    aliases.extend(others.split('|').map(str::to_owned));
    aliases
}

/// R6: on every system, by the pure function alone.
#[test]
fn every_alias_of_windows_is_refused_by_its_name() {
    let aliases = aliases();
    assert!(aliases.len() > 600, "{}", aliases.len());
    for alias in aliases {
        let name = percent_decode_str(&alias).decode_utf8().unwrap();
        assert!(windows_refuses(&name), "{name:?}");
    }
}

/// R6: by the whole server, before any call: under Wine opening COM1 never ends. What only
/// looks like an alias is a file.
#[cfg(windows)]
mod on_windows {
    use super::aliases;
    use crate::harness::TestServer;

    const FILES: [&str; 10] = [
        "a.txt",
        "dir/b.txt",
        "long-name-of-a-file.txt",
        "file~1.txt",
        "console.html",
        "com10.txt",
        "nul1",
        "aux_.js",
        "lpt",
        ".git/config",
    ];

    fn site() -> TestServer {
        let files = FILES.map(|name| (name, "content"));
        let server = TestServer::with_files(&files, &["--threads", "1"]);
        assert_eq!(server.get("/a.txt").text(), "content");
        server
    }

    /// R6.
    #[test]
    fn no_alias_of_windows_is_served_or_opened() {
        let server = site();
        let mut client = server.connect();
        for alias in aliases() {
            for target in [format!("/{alias}"), format!("/dir/{alias}"), format!("/{alias}/a.txt")] {
                let answer = client.get(&target);
                assert_eq!((answer.status, answer.field("connection")), (404, None), "{target}");
            }
        }
        assert_eq!(client.get("/a.txt").text(), "content");
    }

    /// R6.
    #[test]
    fn shares_drives_and_short_names_lead_nowhere() {
        let server = site();
        for target in [
            "//127.0.0.1/c$/windows/win.ini",
            "///127.0.0.1/share/a.txt",
            "//%3F/C:/windows/win.ini",
            "//./C:/windows/win.ini",
            "//./COM1",
            "/%3F%3F/C:/windows/win.ini",
            "/C:/windows/win.ini",
            "/dir/C:/windows/win.ini",
            "/dir/c:secret",
            "/file:///C:/windows/win.ini",
            "/GLOBALROOT/Device/Null",
            // 8.3 names: an alias of a longer name is none, whether the volume makes them
            // or not; and the hashed form that follows the fourth of them.
            "/LONG-N~1.TXT",
            "/long-n~1.txt",
            "/LONG-N~2.TXT",
            "/LO1A2B~1.TXT",
            "/GIT~1/config",
            "/GI7EBA~1/config",
            "/.GIT/config",
            "/.git./config",
        ] {
            for form in [target.to_owned(), format!("http://localhost{target}")] {
                assert_eq!(server.get(&form).status, 404, "{form}");
            }
        }
    }

    #[test]
    fn what_only_looks_like_an_alias_is_served() {
        let server = site();
        for name in FILES.iter().filter(|name| !name.starts_with('.')) {
            assert_eq!(server.get(&format!("/{name}")).text(), "content", "{name}");
        }
        assert_eq!(server.get("/FILE~1.TXT").text(), "content");
    }
}
