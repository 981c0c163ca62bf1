//! Targets as clients send them, and what they lead to.

#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;

#[test]
fn targets_are_origin_form_absolute_form_or_an_asterisk() {
    let path = |path, query| Target::Path { path, query };
    for (target, expected) in [
        ("/", Some((path("/", None), None))),
        ("/a?b?c", Some((path("/a", Some("b?c")), None))),
        ("/?", Some((path("/", Some("")), None))),
        ("*", Some((Target::Asterisk, None))),
        ("http://h:8/a?q", Some((path("/a", Some("q")), Some("h:8")))),
        ("HTTPS://h", Some((path("/", None), Some("h")))),
        ("http://h?q", Some((path("/", Some("q")), Some("h")))),
        ("http:///a", Some((path("/a", None), Some("")))),
        ("//evil.example/a", Some((path("//evil.example/a", None), None))),
        ("", None),
        ("a", None),
        ("host:80", None),
        ("ftp://h/", None),
        ("/a#b", None),
        ("/a b", None),
        ("/a\x7f", None),
        ("**", None),
    ] {
        assert_eq!(Target::parse(target), expected, "{target}");
    }
}

/// R1.
#[test]
fn a_path_is_decoded_once_and_resolved() {
    for (path, expected, slash) in [
        ("/", "", true),
        ("/a", "a", false),
        ("/a/", "a", true),
        ("//a///b", "a/b", false),
        ("/./a/.", "a", true),
        ("/a/b/..", "a", true),
        ("/a/%2e%2e/b", "b", false),
        ("/a/.%2E/b", "b", false),
        ("/%252e%252e/x", "%2e%2e/x", false),
        ("/...", "...", false),
        ("/a%5Cb", "a\\b", false),
        ("/a+b", "a+b", false),
        ("/%0a", "\n", false),
        ("/a%26b%3F%23", "a&b?#", false),
    ] {
        let parsed = SafePath::parse(path).unwrap();
        assert_eq!((parsed.as_bytes(), parsed.has_trailing_slash()), (expected.as_bytes(), slash), "{path}");
    }
    assert_eq!(SafePath::parse("/%ff%C3%A9").unwrap().as_bytes(), b"\xff\xc3\xa9");
}

/// R2.
#[test]
fn what_cannot_be_beneath_the_root_is_refused() {
    use PathError::*;
    for (path, error) in [
        ("", NotAbsolute),
        ("a", NotAbsolute),
        ("/..", AboveRoot),
        ("/a/../..", AboveRoot),
        ("/%2e%2e/etc", AboveRoot),
        ("/%", Encoding),
        ("/%4", Encoding),
        ("/%zz", Encoding),
        ("/%+1", Encoding),
        ("/%u0041", Encoding),
        ("/a%2fb", Byte),
        ("/..%2f..%2fetc", Byte),
        ("/a%00", Byte),
    ] {
        assert_eq!(SafePath::parse(path), Err(error), "{path}");
    }
}

/// R2: every byte, escaped and as it is, at every position of a segment.
#[test]
fn of_all_bytes_only_slash_and_nul_cannot_be_in_a_name_and_none_is_taken_raw_that_is_no_text() {
    for byte in 0..=u8::MAX {
        for (before, after) in [("", "b"), ("a", "b"), ("a", ""), ("", "")] {
            for escaped in [format!("%{byte:02x}"), format!("%{byte:02X}")] {
                let path = format!("/d/{before}{escaped}{after}");
                let name = [before.as_bytes(), &[byte], after.as_bytes()].concat();
                let expected = match byte {
                    0 | b'/' => Err(PathError::Byte),
                    b'.' if name == b"." => Ok(b"d".to_vec()),
                    _ => Ok([b"d/", &name[..]].concat()),
                };
                let found = SafePath::parse(&path).map(|path| path.as_bytes().to_vec());
                assert_eq!(found, expected, "{path}");
            }
            // In a target itself: visible ASCII only, and no fragment.
            let Ok(target) = String::from_utf8([b"/", before.as_bytes(), &[byte], after.as_bytes()].concat())
            else {
                continue;
            };
            let is_fine = byte.is_ascii_graphic() && byte != b'#';
            assert_eq!(Target::parse(&target).is_some(), is_fine, "{target:?}");
        }
    }
}

/// R8.
#[test]
fn hidden_names_are_hidden_in_every_spelling() {
    for path in [
        "/.git",
        "/a/.b/c",
        "/%2egit",
        "/x/../.git",
        "/%E2%80%8C.git",
        "/%EF%BB%BF.x",
        "/.well-known/.x",
        "/a/.well-known",
        "/.Well-Known/x",
        "/.g%E2%80%8Cit",
    ] {
        assert!(SafePath::parse(path).unwrap().is_hidden(), "{path}");
    }
    for path in ["/", "/a.b", "/.well-known/acme", "/a/.git/..", "/%E2%80%9Cquoted%E2%80%9D"] {
        assert!(!SafePath::parse(path).unwrap().is_hidden(), "{path}");
    }
}

/// R41.
#[test]
fn locations_lead_nowhere_else() {
    for (path, location) in [
        ("//evil.example/..", "/"),
        ("//evil.example", "/evil.example"),
        ("/\\evil.example/x", "/%5Cevil.example/x"),
        ("/%5c%5cevil.example/", "/%5C%5Cevil.example/"),
        ("/%0d%0aX:y", "/%0D%0AX%3Ay"),
        ("///", "/"),
    ] {
        assert_eq!(SafePath::parse(path).unwrap().to_location(), location);
    }
}

#[test]
fn files_are_named_without_encoding_and_never_above_the_root() {
    for (name, expected) in
        [("404.html", "404.html"), ("/a/b%20c", "a/b%20c"), ("./a b", "a b"), (".hidden", ".hidden")]
    {
        let path = SafePath::of_file(name).unwrap();
        assert_eq!((path.as_bytes(), path.has_trailing_slash()), (expected.as_bytes(), false), "{name}");
    }
    for name in ["", "/", "./", "a/", "a//b", "../a", "a/../b", "//a", "a\0"] {
        assert_eq!(SafePath::of_file(name), None, "{name:?}");
    }
}

#[test]
fn suffixes_go_behind_names_only() {
    let with = |path: &str| SafePath::parse(path).unwrap().with_suffix(".html");
    assert_eq!(with("/a/b").unwrap().as_bytes(), b"a/b.html");
    assert_eq!((with("/"), with("/a/")), (None, None));
    assert_eq!(SafePath::parse("/a").unwrap().with_suffix("/b"), None);
}

/// R9.
#[test]
fn a_base_is_whole_segments_in_any_spelling() {
    let base = SafePath::parse("/docs/v1").unwrap();
    for (path, expected) in [
        ("/docs/v1", Some(("", false))),
        ("/docs/v1/", Some(("", true))),
        ("//docs/./v%31/a", Some(("a", false))),
        ("/docs/v1/a/", Some(("a", true))),
        ("/docs/v1/../v1/docs/v1", Some(("docs/v1", false))),
        ("/docs/v12", None),
        ("/docs", None),
        ("/docs/v1/..", None),
        ("/", None),
        ("/a/docs/v1/", None),
    ] {
        let beneath = SafePath::parse(path).unwrap().beneath(&base);
        let expected = expected.map(|(bytes, slash)| (bytes.as_bytes().to_vec(), slash));
        assert_eq!(
            beneath.map(|path| (path.as_bytes().to_vec(), path.has_trailing_slash())),
            expected,
            "{path}"
        );
    }
    let path = SafePath::parse("/a/").unwrap();
    assert_eq!(path.beneath(&SafePath::root()), Some(path));
}

#[test]
fn only_one_segment_can_be_joined() {
    let root = SafePath::root();
    for bad in ["", ".", "..", "a/b", "a\0"] {
        assert_eq!(root.join(bad.as_bytes()), None, "{bad:?}");
    }
    assert_eq!(root.join(b"a").unwrap().join(b"b").unwrap().as_bytes(), b"a/b");
    let whole = |bytes: &str| SafePath::from_decoded(bytes.as_bytes()).map(|path| path.to_location());
    for (bytes, location) in [("", "/"), ("//a\\//b/", "/a%5C/b/"), ("a", "/a"), ("/%2e", "/%252e")] {
        assert_eq!(whole(bytes).as_deref(), Some(location));
    }
    assert_eq!((whole("/a/../b"), whole("."), whole("a\0")), (None, None, None));
}

proptest! {
    /// R1.
    #[test]
    fn no_path_leaves_the_root(path in "/([a./%\\\\]|%2[eEfF]|%00|%5c|\\PC){0,24}") {
        if let Ok(safe) = SafePath::parse(&path) {
            for segment in safe.segments() {
                prop_assert!(!segment.is_empty() && segment != b"." && segment != b"..");
                prop_assert!(!segment.contains(&0));
            }
            prop_assert_eq!(SafePath::parse(&safe.to_location()).unwrap(), safe.clone());
            prop_assert!(!safe.to_location().starts_with("//") && !safe.to_location().starts_with("/\\"));
        }
    }
}
