//! Windows: names that are something else, and names in another case.

use std::fs::{self, File};

use super::{Site, found, listed};
use crate::sys::windows::final_path;
use crate::sys::{Symlinks, Trouble};

#[test]
fn names_that_windows_reads_otherwise_are_missing() {
    let site = Site::new();
    let root = site.root(Symlinks::Inside);
    let names = [
        "a.txt.",
        "a.txt ",
        "a.txt::$DATA",
        "dir\\b.txt",
        "C:",
        "C:/windows",
        "COM1",
        "dir/com1.txt",
        "NUL",
        "dir/aux.js",
        "dir.",
        "dir./b.txt",
        "dir::$INDEX_ALLOCATION/b.txt",
        "..\\www2\\a.txt",
        "\\\\?\\C:\\windows",
        "a?txt",
        "a*",
    ];
    for name in names {
        assert_eq!(found(&root, name), Err(Trouble::Missing), "{name:?}");
    }
    for name in [&b"a\xff.txt"[..], b"\xc0\xae", b"dir\xff/b.txt"] {
        assert_eq!(found(&root, name), Err(Trouble::Missing), "{name:?}");
    }
}

/// R3.
#[test]
fn a_handle_is_judged_by_where_it_really_is() {
    let site = Site::new();
    let inside = final_path(&File::open(site.path.join("dir\\b.txt")).unwrap()).unwrap();
    // The path of this directory begins with the root's, as a string.
    let outside = final_path(&File::open(site.outside.join("dir\\b.txt")).unwrap()).unwrap();
    let table = [
        (Symlinks::Inside, &["dir", "b.txt"][..], true, false),
        (Symlinks::Inside, &["link"], true, false),
        (Symlinks::Inside, &["LINK~1", "b.txt"], false, false),
        (Symlinks::Follow, &["link"], true, true),
        (Symlinks::Follow, &["link", "B~1.TXT"], false, false),
        (Symlinks::Deny, &["DIR", "b.TXT"], true, false),
        (Symlinks::Deny, &["dir", "link"], false, false),
        (Symlinks::Deny, &["link"], false, false),
        (Symlinks::Deny, &["dir", "deep", "b.txt"], false, false),
    ];
    for (mode, segments, expected_inside, expected_outside) in table {
        let root = site.root(mode);
        assert_eq!(root.admits(segments, &inside), expected_inside, "{mode:?} {segments:?}");
        assert_eq!(root.admits(segments, &outside), expected_outside, "{mode:?} {segments:?}");
    }
}

#[test]
fn a_link_into_a_hidden_place_leads_nowhere() {
    let site = Site::new();
    for (path, name) in [(&site.path, ".env"), (&site.path, "dir\\.git"), (&site.outside, ".env")] {
        fs::write(path.join(name), "hidden").unwrap();
    }
    let place = |path: std::path::PathBuf| final_path(&File::open(path).unwrap()).unwrap();
    let (env, git) = (place(site.path.join(".env")), place(site.path.join("dir\\.git")));
    let (plain, outside) = (place(site.path.join("dir\\b.txt")), place(site.outside.join(".env")));
    let table = [
        (&["link"][..], &env, false),
        (&["link", ".git"], &git, false),
        (&["link"], &plain, true),
        // No link was on the way: the site has judged these names.
        (&[".ENV"], &env, true),
        (&["dir", ".git"], &git, true),
    ];
    let is_hidden = |place: &[u8]| place.split(|byte| *byte == b'/').any(|name| name.starts_with(b"."));
    for mode in [Symlinks::Inside, Symlinks::Follow] {
        let (open, hiding) = (site.root(mode), site.root(mode).hiding(is_hidden));
        for (segments, place, expected) in table {
            assert_eq!(hiding.admits(segments, place), expected, "{mode:?} {segments:?}");
            assert!(open.admits(segments, place));
        }
        assert_eq!(hiding.admits(&["link"], &outside), mode == Symlinks::Follow);
    }
}

#[test]
fn the_case_of_a_name_does_not_matter() {
    let site = Site::new();
    for mode in [Symlinks::Inside, Symlinks::Deny] {
        assert_eq!(found(&site.root(mode), "DIR/B.txt").unwrap(), "dir/b.txt");
    }
}

#[test]
fn a_file_that_really_has_a_name_of_the_short_form_is_served() {
    let site = Site::new();
    fs::write(site.path.join("file~1.txt"), "short").unwrap();
    let root = site.root(Symlinks::Inside);
    assert_eq!(found(&root, "file~1.txt").unwrap(), "short");
    assert_eq!(found(&root, "FILE~1.TXT").unwrap(), "short");
}

#[test]
fn names_of_every_script_are_served() {
    let site = Site::new();
    for name in ["äöü.txt", "日本語", "\u{1f600}", "e\u{301}", "é", "with space", ".hidden"] {
        fs::write(site.path.join("empty").join(name), "odd").unwrap();
        assert_eq!(found(&site.root(Symlinks::Deny), format!("empty/{name}")).unwrap(), "odd", "{name:?}");
    }
    assert_eq!(listed(&site.root(Symlinks::Inside), "empty").unwrap().len(), 7);
}

#[test]
fn paths_longer_than_260_characters_are_served() {
    let site = Site::new();
    let deep = vec!["äöü-日本語-0123456789-0123456789"; 12].join("/");
    let path = site.path.join(deep.replace('/', "\\"));
    fs::create_dir_all(&path).unwrap();
    fs::write(path.join("é.txt"), "deep").unwrap();
    let root = site.root(Symlinks::Inside);
    // ERROR_MORE_DATA: Wine tells no final path longer than 260 characters.
    if root.open(deep.as_bytes()).is_err_and(|error| error.raw_os_error() == Some(234)) {
        return;
    }
    assert_eq!(found(&root, format!("{deep}/é.txt")).unwrap(), "deep");
    assert_eq!(listed(&root, &deep).unwrap(), ["é.txt"]);
}

#[test]
fn what_is_open_can_be_replaced_and_deleted() {
    let site = Site::new();
    let opened = site.root(Symlinks::Inside).open(b"a.txt").unwrap();
    fs::rename(site.path.join("a.txt"), site.path.join("old.txt")).unwrap();
    fs::write(site.path.join("a.txt"), "new").unwrap();
    drop(opened);
    assert_eq!(found(&site.root(Symlinks::Inside), "a.txt").unwrap(), "new");
}
