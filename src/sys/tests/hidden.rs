//! Links into hidden places lead nowhere (hazards R8), whoever looks them up: kernel and
//! walk must agree, and so must listings.

use std::fs;

use super::{CANARY, Site, found, listed};
use crate::sys::{Symlinks, Trouble};

/// As the site has it: `.well-known` is for visitors, at the top only.
pub(super) fn is_hidden(place: &[u8]) -> bool {
    let dotted =
        |(depth, name): (usize, &[u8])| name.starts_with(b".") && !(depth == 0 && name == b".well-known");
    place.split(|byte| *byte == b'/').enumerate().any(dotted)
}

const SECRET: &str = "hidden";

/// A link, and what it leads to with `Inside` and with `Follow`.
type Linked = (String, Option<&'static str>, Option<&'static str>);

/// A site with hidden files, and links.
fn hidden_site() -> (Site, Vec<Linked>) {
    let site = Site::new();
    for name in [".env", ".git/config", ".git/deep/x", "dir/.env", "dir/.git/config", "dir/.well-known/x"] {
        fs::create_dir_all(site.path.join(name).parent().unwrap()).unwrap();
        fs::write(site.path.join(name), SECRET).unwrap();
    }
    fs::create_dir(site.path.join(".well-known")).unwrap();
    fs::write(site.path.join(".well-known/y"), "well known").unwrap();
    fs::write(site.outside.join(".env"), CANARY).unwrap();
    let root = site.path.to_str().unwrap().to_owned();
    let outside = site.outside.to_str().unwrap().to_owned();
    let both = |found| (found, found);
    let table = [
        // To a hidden file, to a hidden directory, through one, at the end and in the middle.
        (".env", "env", "", both(None)),
        (".git", "git", "", both(None)),
        (".git", "git-2", "/config", both(None)),
        (".git/config", "config", "", both(None)),
        (".git/deep", "deep", "/x", both(None)),
        ("dir/.env", "inner", "", both(None)),
        ("../dir/.git", "dir/git", "/config", both(None)),
        ("../.git/deep/../config", "dir/winding", "", both(None)),
        ("env", "link-to-link", "", both(None)),
        // Absolute, and by ways that leave the root and come back.
        (&format!("{root}/.git/config"), "absolute", "", both(None)),
        (&format!("{root}/dir/.git"), "absolute-dir", "/config", both(None)),
        ("../www/.env", "around", "", both(None)),
        (&format!("{outside}/../www/.git"), "far-around", "/config", both(None)),
        ("../www2/back/.env", "back", "", both(None)),
        // A hidden name in the way that is not where it leads.
        (".git/../a.txt", "past", "", both(Some("a.txt"))),
        (".to-a", "by-hidden-link", "", both(Some("a.txt"))),
        ("dir/../a.txt", "plain", "", both(Some("a.txt"))),
        ("dir", "plain-dir", "/b.txt", both(Some("dir/b.txt"))),
        // For visitors, but at the top only.
        (".well-known", "known", "/y", both(Some("well known"))),
        ("dir/.well-known", "unknown", "/x", both(None)),
        // What lies outside has no name beneath the root.
        ("../www2/.env", "out", "", (None, Some(CANARY))),
        ("../www2/dir", "out-dir", "/b.txt", (None, Some(CANARY))),
        ("../www/a.txt", "around-to-plain", "", (None, Some("a.txt"))),
        ("../www2/back/dir", "back-to-plain", "/b.txt", (None, Some("dir/b.txt"))),
    ];
    std::os::unix::fs::symlink("a.txt", site.path.join(".to-a")).unwrap();
    std::os::unix::fs::symlink(&site.path, site.outside.join("back")).unwrap();
    let mut expected = Vec::new();
    for (target, name, below, (inside, follow)) in table {
        site.link(target, name);
        expected.push((format!("{name}{below}"), inside, follow));
    }
    (site, expected)
}

/// R8.
#[test]
fn links_into_hidden_places_lead_nowhere() {
    let (site, table) = hidden_site();
    for (symlinks, column) in [(Symlinks::Inside, 1), (Symlinks::Follow, 2)] {
        for (way, root) in site.both(symlinks).map(|root| root.hiding(is_hidden)).iter().enumerate() {
            for (name, inside, follow) in &table {
                let expected = if column == 1 { inside } else { follow };
                let expected = expected.ok_or(Trouble::Missing);
                assert_eq!(found(root, name).as_deref(), expected.as_deref(), "{symlinks:?} {name} {way}");
            }
        }
    }
}

#[test]
fn where_nothing_is_to_be_hidden_they_lead_there() {
    let (site, _) = hidden_site();
    for symlinks in [Symlinks::Inside, Symlinks::Follow] {
        for root in site.both(symlinks) {
            for name in ["env", "git-2/config", "dir/winding", "absolute", "link-to-link", "unknown/x"] {
                assert_eq!(found(&root, name).unwrap(), SECRET, "{symlinks:?} {name}");
            }
        }
    }
}

/// Whether they may be asked for is for who parses requests to say.
#[test]
fn names_that_no_link_has_brought_are_not_judged() {
    let (site, _) = hidden_site();
    for symlinks in [Symlinks::Inside, Symlinks::Follow, Symlinks::Deny] {
        for root in site.both(symlinks).map(|root| root.hiding(is_hidden)) {
            assert_eq!(found(&root, ".git/config").unwrap(), SECRET);
            assert_eq!(found(&root, "dir/.env").unwrap(), SECRET);
        }
    }
}

#[test]
fn listings_show_no_link_into_a_hidden_place() {
    let (site, _) = hidden_site();
    for symlinks in [Symlinks::Inside, Symlinks::Follow] {
        for root in site.both(symlinks).map(|root| root.hiding(is_hidden)) {
            for (directory, path) in [("", site.path.clone()), ("dir", site.path.join("dir"))] {
                let names = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name());
                let names = names.map(|name| name.into_string().unwrap());
                let full = |name: &str| format!("{directory}/{name}").trim_start_matches('/').to_owned();
                let shown = |name: String| match found(&root, full(&name)).as_deref() {
                    Ok("/") => Some(name + "/"),
                    found => found.is_ok().then_some(name),
                };
                let mut openable: Vec<String> = names.filter_map(shown).collect();
                openable.sort();
                assert_eq!(listed(&root, directory).unwrap(), openable, "{symlinks:?} {directory:?}");
            }
            let top = listed(&root, "").unwrap();
            assert!(top.contains(&"known/".to_owned()) && !top.iter().any(|name| name.starts_with("git")));
            assert!(root.list(b"git", 10, |_| true).is_err());
        }
    }
}

/// R8: Whoever looks up the name of a link first and opens it afterwards loses this.
#[cfg(target_os = "linux")]
#[test]
fn no_exchange_of_links_ever_shows_what_is_hidden() {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use std::sync::atomic::{AtomicBool, Ordering};

    let (site, _) = hidden_site();
    site.link("dir", "a");
    site.link(".git", "b");
    fs::write(site.path.join("dir/config"), "shown").unwrap();
    let (a, b) = (site.path.join("a"), site.path.join("b"));
    for symlinks in [Symlinks::Inside, Symlinks::Follow] {
        for root in site.both(symlinks).map(|root| root.hiding(is_hidden)) {
            let stop = AtomicBool::new(false);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        renameat_with(CWD, &a, CWD, &b, RenameFlags::EXCHANGE).unwrap();
                    }
                });
                let mut seen = [0, 0];
                for _ in 0..3000 {
                    match found(&root, "a/config").as_deref() {
                        Ok("shown") => seen[0] += 1,
                        Err(Trouble::Missing) => seen[1] += 1,
                        other => panic!("{other:?}"),
                    }
                }
                stop.store(true, Ordering::Relaxed);
                println!("{seen:?}");
            });
        }
    }
}
