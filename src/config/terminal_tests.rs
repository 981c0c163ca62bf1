//! Values of the options for sharing, and what they mean together.

#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn of_a_file_that_is_shared_alone_only_a_part_is_opened() {
    assert_eq!(opened_of_file("", "a b.txt"), Ok(String::new()));
    assert_eq!(opened_of_file("a%20b.txt", "a b.txt"), Ok(String::new()));
    assert_eq!(opened_of_file("#page=2", "a.pdf"), Ok("#page=2".to_owned()));
    assert_eq!(opened_of_file("a.pdf#page=2", "a.pdf"), Ok("#page=2".to_owned()));
    assert!(opened_of_file("b.pdf", "a.pdf").unwrap_err().contains("only a.pdf is shared"));
}

#[test]
fn a_path_to_open_lies_below_what_is_shared_and_is_encoded() {
    for (text, expected) in [
        ("", ""),
        ("/docs/", "docs/"),
        ("docs/a b.html#top", "docs/a%20b.html#top"),
        ("//host/x", "host/x"),
        ("/%C3%A9?q=1", "%C3%A9?q=1"),
        ("/\u{e9}\"\n", "%C3%A9%22%0A"),
    ] {
        assert_eq!(path(text).as_deref(), Ok(expected), "{text}");
    }
    assert!(path("http://example.com/").is_err());
}

#[test]
fn a_descriptor_is_one_that_is_not_taken() {
    assert_eq!(descriptor("3"), Ok(3));
    assert!(descriptor("1").unwrap_err().contains("--json"));
    for text in ["0", "2", "-1", "x", "", "4294967296"] {
        assert!(descriptor(text).is_err(), "{text}");
    }
}
