//! Links, special files and odd names on Unix. On Linux each answer is asked for
//! several times, of the kernel and of the walk, with hidden names and without: they must
//! be the same.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use super::hidden::is_hidden;
use super::{CANARY, Site, found, listed};
use crate::sys::{Root, Symlinks, Trouble, trouble};

const MISSING: Expected = Err(Trouble::Missing);

impl Site {
    pub(super) fn link(&self, target: impl AsRef<Path>, name: &str) {
        symlink(target, self.path.join(name)).unwrap();
    }

    /// One root that asks the kernel where it can, and one that walks.
    pub(super) fn both(&self, symlinks: Symlinks) -> [Root; 2] {
        [self.root(symlinks), self.root(symlinks).without_kernel_containment()]
    }

    /// The same two, and two that look where links lead.
    fn all(&self, symlinks: Symlinks) -> [Root; 4] {
        let [kernel, walk] = self.both(symlinks);
        let [judging, judging_walk] = self.both(symlinks).map(|root| root.hiding(is_hidden));
        [kernel, walk, judging, judging_walk]
    }
}

type Expected = Result<&'static str, Trouble>;

/// What each kind of link leads to: name, with `Inside`, with `Follow`.
fn linked_site() -> (Site, Vec<(String, Expected, Expected)>) {
    let site = Site::new();
    let table = [
        // Relative and inside, at the end and in the middle.
        ("a.txt", "to-file", "", Ok("a.txt"), Ok("a.txt")),
        ("dir", "to-dir", "", Ok("/"), Ok("/")),
        ("dir", "in-middle", "/deep/c.txt", Ok("dir/deep/c.txt"), Ok("dir/deep/c.txt")),
        (".", "dot", "/a.txt", Ok("a.txt"), Ok("a.txt")),
        ("./dir/../dir//./b.txt", "winding", "", Ok("dir/b.txt"), Ok("dir/b.txt")),
        ("../a.txt", "dir/up", "", Ok("a.txt"), Ok("a.txt")),
        ("..", "dir/parent", "/a.txt", Ok("a.txt"), Ok("a.txt")),
        ("../..", "dir/deep/top", "/dir/b.txt", Ok("dir/b.txt"), Ok("dir/b.txt")),
        ("to-file", "link-to-link", "", Ok("a.txt"), Ok("a.txt")),
        // `..` after a link goes up from where the link leads.
        ("dir/deep", "to-deep", "", Ok("/"), Ok("/")),
        ("to-deep/../b.txt", "up-from-deep", "", Ok("dir/b.txt"), Ok("dir/b.txt")),
        // A slash or a dot at the end asks for a directory.
        ("dir/", "slash-dir", "", Ok("/"), Ok("/")),
        ("a.txt/", "slash-file", "", MISSING, MISSING),
        ("a.txt/.", "dot-file", "", MISSING, MISSING),
        ("a.txt/../a.txt", "through-file", "", MISSING, MISSING),
        ("to-file/", "slash-link", "", MISSING, MISSING),
        // Out of the root.
        ("../www2/secret.txt", "out", "", MISSING, Ok(CANARY)),
        ("../www2", "out-dir", "/dir/b.txt", MISSING, Ok(CANARY)),
        ("../www2", "out-dir-2", "", MISSING, Ok("/")),
        ("dir/../../www2/a.txt", "out-late", "", MISSING, Ok(CANARY)),
        ("..", "above", "", MISSING, Ok("/")),
        ("..", "above-2", "/www2/a.txt", MISSING, Ok(CANARY)),
        ("../www/a.txt", "out-and-in", "", MISSING, Ok("a.txt")),
        ("/etc/hosts-that-are-not", "absolute-nowhere", "", MISSING, MISSING),
        // Nowhere.
        ("nothing", "broken", "", MISSING, MISSING),
        ("loop", "loop", "", MISSING, MISSING),
        ("loop-b", "loop-a", "/x", MISSING, MISSING),
        ("loop-a", "loop-b", "", MISSING, MISSING),
    ];
    let mut expected = Vec::new();
    for (target, name, below, inside, follow) in table {
        site.link(target, name);
        expected.push((format!("{name}{below}"), inside, follow));
    }
    // Absolute ones: inside by the components of the path, or outside.
    let absolute = [
        (site.path.join("a.txt"), "abs-file", "", Ok("a.txt"), Ok("a.txt")),
        (site.path.join("dir"), "abs-dir", "/b.txt", Ok("dir/b.txt"), Ok("dir/b.txt")),
        (site.path.clone(), "abs-root", "/dir/deep/c.txt", Ok("dir/deep/c.txt"), Ok("dir/deep/c.txt")),
        (site.path.join("to-dir/up"), "abs-through-links", "", Ok("a.txt"), Ok("a.txt")),
        (site.path.join("dir/../../www2/a.txt"), "abs-and-out", "", MISSING, Ok(CANARY)),
        (site.outside.join("a.txt"), "abs-sibling", "", MISSING, Ok(CANARY)),
        (site.path.join("abs-loop"), "abs-loop", "", MISSING, MISSING),
        ("/".into(), "abs-top", "/nothing-of-this-name", MISSING, MISSING),
    ];
    for (target, name, below, inside, follow) in absolute {
        site.link(target, name);
        expected.push((format!("{name}{below}"), inside, follow));
    }
    (site, expected)
}

/// R4.
#[test]
fn links_lead_where_they_may_and_kernel_and_walk_agree() {
    let (site, table) = linked_site();
    let (inside, follow, deny) =
        (site.all(Symlinks::Inside), site.all(Symlinks::Follow), site.all(Symlinks::Deny));
    for (name, in_root, anywhere) in &table {
        for way in 0..4 {
            assert_eq!(found(&inside[way], name).as_deref(), in_root.as_deref(), "inside {name} {way}");
            assert_eq!(found(&follow[way], name).as_deref(), anywhere.as_deref(), "follow {name} {way}");
            assert_eq!(found(&deny[way], name).as_deref(), MISSING.as_deref(), "deny {name} {way}");
        }
    }
}

/// R4.
#[test]
fn a_listing_shows_a_link_exactly_if_it_can_be_opened() {
    let (site, _) = linked_site();
    for mode in [Symlinks::Inside, Symlinks::Follow, Symlinks::Deny] {
        for root in site.all(mode) {
            for (directory, path) in [("", site.path.clone()), ("dir", site.path.join("dir"))] {
                let mut openable = Vec::new();
                for entry in fs::read_dir(path).unwrap() {
                    let name = entry.unwrap().file_name().into_string().unwrap();
                    let full =
                        if directory.is_empty() { name.clone() } else { format!("{directory}/{name}") };
                    match found(&root, &full).as_deref() {
                        Ok("/") => openable.push(name + "/"),
                        Ok(_) => openable.push(name),
                        Err(trouble) => assert_eq!(*trouble, Trouble::Missing),
                    }
                }
                openable.sort();
                assert_eq!(listed(&root, directory).unwrap(), openable, "{mode:?} {directory:?}");
            }
            let through_link = root.list(b"to-dir", 100, |_| true);
            assert_eq!(through_link.is_ok(), mode != Symlinks::Deny);
        }
    }
}

/// R4.
#[test]
fn forty_links_are_followed_and_one_more_is_a_loop() {
    let site = Site::new();
    site.link("a.txt", "link1");
    for n in 2..=41 {
        site.link(format!("link{}", n - 1), &format!("link{n}"));
    }
    // The number is that of Linux; other kernels are never asked to follow.
    for root in site.all(Symlinks::Inside) {
        assert_eq!(found(&root, "link40").unwrap(), "a.txt");
        assert_eq!(found(&root, "link41").as_deref(), MISSING.as_deref());
    }
}

#[test]
fn a_root_given_through_a_link_takes_absolute_links_by_both_names() {
    let site = Site::new();
    let alias = site.path.with_file_name("alias");
    symlink(&site.path, &alias).unwrap();
    site.link(site.path.join("a.txt"), "by-real-path");
    site.link(alias.join("dir/b.txt"), "by-given-path");
    let root = Root::new(&alias, Symlinks::Inside).unwrap();
    assert_eq!(found(&root, "by-real-path").unwrap(), "a.txt");
    assert_eq!(found(&root, "by-given-path").unwrap(), "dir/b.txt");
    // And notices that its link leads elsewhere now.
    assert!(root.is_current());
    fs::remove_file(&alias).unwrap();
    symlink(&site.outside, &alias).unwrap();
    assert!(!root.is_current());
    assert_eq!(found(&root, "a.txt").unwrap(), "a.txt");
}

/// R7.
#[test]
fn special_files_are_missing_unlisted_and_never_block() {
    let site = Site::new();
    let fifo = std::ffi::CString::new(site.path.join("fifo").as_os_str().as_bytes()).unwrap();
    // SAFETY: the path is a string that ends with NUL, and is only read.
    assert_eq!(unsafe { libc::mkfifo(fifo.as_ptr(), 0o600) }, 0);
    let _socket = UnixListener::bind(site.path.join("socket")).unwrap();
    site.link("fifo", "to-fifo");
    site.link(site.path.join("socket"), "to-socket");
    let names = ["fifo", "socket", "to-fifo", "to-socket", "fifo/x", "socket/x"];
    for symlinks in [Symlinks::Inside, Symlinks::Follow, Symlinks::Deny] {
        for root in site.all(symlinks) {
            for name in names {
                assert_eq!(found(&root, name).as_deref(), MISSING.as_deref(), "{symlinks:?} {name}");
            }
            assert_eq!(listed(&root, "").unwrap(), ["a.txt", "dir/", "empty/"]);
            assert_eq!(trouble(&root.list(b"fifo", 10, |_| true).unwrap_err()), Trouble::Missing);
        }
    }
}

/// R7.
#[cfg(target_os = "linux")]
#[test]
fn devices_are_missing() {
    // A root that has some, whoever runs this.
    let root = Root::new(Path::new("/dev"), Symlinks::Inside).unwrap();
    for name in ["null", "zero"] {
        assert_eq!(found(&root, name).as_deref(), MISSING.as_deref());
    }
    assert!(!listed(&root, "").unwrap().contains(&"null".to_owned()));
}

#[test]
fn any_byte_but_slash_and_nul_may_be_in_a_name() {
    let site = Site::new();
    let longest = [b'n'; 255];
    let mut names: Vec<&[u8]> =
        vec![b"back\\slash", b"new\nline", b" ", b"...", b"a:b", b"com1", b"x.", &longest];
    // APFS takes no name that is not UTF-8.
    if cfg!(not(target_os = "macos")) {
        names.extend([&b"\xff\xfe"[..], b"caf\xe9", b"\xc0\xae\xc0\xae"]);
    }
    for name in &names {
        fs::write(site.path.join("empty").join(std::ffi::OsStr::from_bytes(name)), "odd").unwrap();
    }
    for root in site.all(Symlinks::Inside) {
        for name in &names {
            assert_eq!(found(&root, [b"empty/", *name].concat()).unwrap(), "odd", "{name:?}");
        }
        let mut entries = root.list(b"empty", 100, |_| true).unwrap().entries;
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        names.sort();
        assert!(entries.iter().map(|entry| entry.name.as_bytes()).eq(names.iter().copied()));
    }
}

#[test]
fn what_may_not_be_read_is_forbidden_and_breaks_no_listing() {
    if rustix::process::geteuid().is_root() {
        return; // Root may read everything.
    }
    let site = Site::new();
    fs::create_dir(site.path.join("shut")).unwrap();
    fs::write(site.path.join("shut/x.txt"), "x").unwrap();
    site.link("shut/x.txt", "into-shut");
    let close = |name: &str, mode| {
        fs::set_permissions(site.path.join(name), fs::Permissions::from_mode(mode)).unwrap()
    };
    close("a.txt", 0);
    close("shut", 0);
    for root in site.all(Symlinks::Inside) {
        for name in ["a.txt", "shut", "shut/x.txt", "shut/nothing", "into-shut"] {
            assert_eq!(found(&root, name), Err(Trouble::Forbidden), "{name}");
        }
        assert_eq!(trouble(&root.list(b"shut", 10, |_| true).unwrap_err()), Trouble::Forbidden);
        assert_eq!(listed(&root, "").unwrap(), ["a.txt", "dir/", "empty/", "shut/"]);
    }
    close("shut", 0o700);
}

#[cfg(target_os = "linux")]
#[test]
fn a_directory_on_the_way_need_not_be_readable() {
    if rustix::process::geteuid().is_root() {
        return;
    }
    let site = Site::new();
    fs::set_permissions(site.path.join("dir"), fs::Permissions::from_mode(0o100)).unwrap();
    for root in site.all(Symlinks::Inside) {
        assert_eq!(found(&root, "dir/b.txt").unwrap(), "dir/b.txt");
    }
    fs::set_permissions(site.path.join("dir"), fs::Permissions::from_mode(0o700)).unwrap();
}
