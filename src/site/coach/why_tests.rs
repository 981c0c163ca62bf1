//! What is said of which path.

#![allow(clippy::unwrap_used)]

use std::io;
use std::time::SystemTime;

use proptest::prelude::*;

use super::*;
use crate::site::files::{Entries, Memory};
use crate::site::rules;

const FILES: [&str; 12] = [
    "img/Logo.PNG",
    "about.html",
    "docs/guide/start.html",
    "talks/a.txt",
    ".env",
    ".git/config",
    "_headers",
    "data/.hidden/x",
    "photo.jpeg",
    "Photo.webp",
    "e/é.txt",
    "page1.html",
];

fn files() -> Memory {
    let mut files = Memory::default();
    for path in FILES {
        files.insert(path, path.as_bytes().to_vec(), SystemTime::UNIX_EPOCH);
    }
    files
}

fn told(path: &str, options: &Options) -> Option<String> {
    why(&SafePath::parse(path).unwrap(), Some(&files()), options)
}

fn options() -> Options {
    Options { rules: Some(rules::Shared::default()), ..Options::default() }
}

#[test]
fn each_404_has_its_reason() {
    for (path, expected) in [
        (
            "/img/logo.png",
            "there is /img/Logo.PNG, which differs in case: that works on macOS and Windows only",
        ),
        (
            "/IMG/LOGO.png",
            "there is /img/Logo.PNG, which differs in case: that works on macOS and Windows only",
        ),
        ("/Talks", "there is /talks/, which differs in case: that works on macOS and Windows only"),
        ("/.env", "hidden names are not served; --hidden would"),
        ("/data/.hidden/x", "hidden names are not served; --hidden would"),
        ("/_headers", "the server follows this file, and --no-rules would send it"),
        ("/about", "/about.html is there; --clean-urls would answer with it"),
        ("/docs/guide/start", "/docs/guide/start.html is there; --clean-urls would answer with it"),
        ("/abuot", "did you mean /about.html?"),
        ("/about/", "did you mean /about.html?"),
        ("/abuot.html", "did you mean /about.html?"),
        ("/photo.jpg", "did you mean /photo.jpeg?"),
        ("/photo.web", "did you mean /Photo.webp?"),
        ("/doc/guied/start.htm", "did you mean /docs/guide/start.html?"),
        ("/photo.jpeg/", "a file has no slash behind its name: did you mean /photo.jpeg?"),
        ("/photo.jpeg/x/y", "/photo.jpeg is a file, with nothing below it"),
        ("/wp-admin/setup.php", "there is no folder /wp-admin/"),
        ("/talks/b/c", "there is no folder /talks/b/"),
        ("/tolks/zzz.txt", "there is no /tolks/; did you mean /talks/?"),
    ] {
        assert_eq!(told(path, &options()).as_deref(), Some(expected), "{path}");
    }
}

#[test]
fn where_there_is_nothing_to_say_nothing_is_said() {
    // Not there, hidden and not there, another number, no name like it, there meanwhile.
    for path in ["/zzz", "/.aws/credentials", "/_redirects", "/page2.html", "/talks/zzz", "/about.html"] {
        assert_eq!(told(path, &options()), None, "{path}");
    }
    let deep = "/a".repeat(SEGMENTS_MAX + 1);
    assert_eq!(told(&deep, &options()), None);
}

/// R8: a hidden name is nobody's suggestion, and no rule is.
#[test]
fn no_suggestion_names_what_is_not_served() {
    for path in ["/env", "/git/config", "/_header", "/.envv", "/data/hidden"] {
        let said = told(path, &options()).unwrap_or_default();
        assert!(!said.contains("mean") && !said.contains("there is /"), "{path}: {said}");
    }
    let all = Options { hidden: true, ..Options::default() };
    assert_eq!(told("/.Env", &all).unwrap(), told("/.ENV", &all).unwrap());
    assert_eq!(told("/_header", &all).as_deref(), Some("did you mean /_headers?"));
}

#[test]
fn what_is_said_depends_on_the_options() {
    let closed = Options { listing: false, ..options() };
    let expected = "there is no index file in /talks/, and --no-listing is given";
    assert_eq!(told("/talks/", &closed).as_deref(), Some(expected));
    let strict = Options { strict_case: true, ..options() };
    let expected = "there is /about.html, which differs in case: --strict-case is given";
    assert_eq!(told("/About.html", &strict).as_deref(), Some(expected));
    let based = Options { base: SafePath::parse("/v1/").unwrap(), ..options() };
    assert_eq!(told("/abuot", &based).as_deref(), Some("did you mean /v1/about.html?"));
    let outside = |path| why_outside(&SafePath::parse(path).unwrap(), Some(&files()), &based);
    assert_eq!(outside("/about.html"), "all is below /v1/ (--base-path): did you mean /v1/about.html?");
    assert_eq!(outside("/.env"), "all is below /v1/ (--base-path)");
    let single = why(&SafePath::parse("/x").unwrap(), None, &options());
    assert_eq!(single.as_deref(), Some("one file alone is shared, and it is /"));
}

/// A file system that answers every name with an error.
struct Failing(io::ErrorKind);

impl Lookup for Failing {
    fn open(&self, _: &SafePath) -> io::Result<Node> {
        Err(self.0.into())
    }

    fn list(&self, _: &SafePath, _: usize, _: &dyn Fn(&[u8]) -> bool) -> io::Result<Entries> {
        Err(self.0.into())
    }
}

#[test]
fn a_disk_that_fails_is_not_explained_by_names() {
    let path = SafePath::parse("/x").unwrap();
    for kind in [io::ErrorKind::PermissionDenied, io::ErrorKind::Other, io::ErrorKind::NotFound] {
        assert_eq!(why(&path, Some(&Failing(kind)), &options()), None, "{kind:?}");
    }
}

/// R46: what is said stays a line, however long the names are.
#[test]
fn a_long_path_is_cut_between_its_characters() {
    assert_eq!(cut("short".to_owned()), "short");
    let long = cut("ü".repeat(1000));
    assert_eq!(long.chars().count(), SHOWN_MAX + 1);
    assert!(long.ends_with('…'));
}

#[cfg(unix)]
#[test]
fn a_link_is_told_from_a_name_that_is_missing() {
    use crate::clock::Now;
    use crate::site::Disk;
    use crate::site::files::FileSystem;
    use crate::sys::Symlinks;

    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join("root");
    std::fs::create_dir_all(root.join("real")).unwrap();
    std::fs::create_dir(outer.path().join("data")).unwrap();
    for (target, name) in [("../data", "data"), ("circle", "circle"), ("real", "inside")] {
        std::os::unix::fs::symlink(target, root.join(name)).unwrap();
    }
    let out = "/data is a link out of what is shared; --symlinks follow would follow it";
    let barred = |name| format!("{name} is a link that leads in a circle, or --symlinks does not allow it");
    for hidden in [false, true] {
        let told = |symlinks, path: &str| {
            let mut disk = Disk::new(&root, symlinks, hidden).unwrap();
            let path = SafePath::parse(path).unwrap();
            let is_missing = disk.open(&path, &Now::read()).is_err();
            assert!(is_missing, "{path:?}");
            why(&path, disk.lookup().as_deref(), &Options { hidden, ..options() }).unwrap_or_default()
        };
        for path in ["/data", "/data/", "/data/x/y"] {
            assert_eq!(told(Symlinks::Inside, path), out);
        }
        assert_eq!(told(Symlinks::Inside, "/circle"), barred("/circle"));
        assert_eq!(told(Symlinks::Deny, "/inside/x"), barred("/inside"));
        assert_eq!(told(Symlinks::Inside, "/inside/x/y"), "there is no folder /inside/x/");
    }
}

proptest! {
    /// Whatever is asked: at most one line's worth, and what is suggested is there.
    #[test]
    fn what_is_suggested_can_be_had(path in "(/[a-zA-Z.]{1,8}){1,4}/?", at in 0..FILES.len(), cut in 0..6_usize) {
        let files = files();
        let nearly = format!("/{}", &FILES[at].replace('é', "e"));
        let nearly = format!("{}{}", &nearly[..nearly.len() - cut.min(nearly.len() - 1)], &path[1..2]);
        for path in [path, nearly] {
            let path = SafePath::parse(&path);
            let said = path.ok().and_then(|path| why(&path, Some(&files), &options())).unwrap_or_default();
            prop_assert!(said.chars().count() <= 3 * SHOWN_MAX);
            if let Some((_, meant)) = said.split_once("did you mean ") {
                let meant = SafePath::parse(meant.strip_suffix('?').unwrap()).unwrap();
                prop_assert!(files.open(&meant).is_ok(), "{}", said);
                prop_assert!(!meant.is_hidden());
            }
        }
    }
}
