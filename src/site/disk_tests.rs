//! Roots that are made anew, fetches, single files.

use super::*;

fn read(disk: &mut Disk, path: &str, now: &Now) -> Option<String> {
    match disk.open(&SafePath::parse(path).unwrap(), now) {
        Ok(Node::File(file)) => Some(String::from_utf8(file.content.read(0, 100).unwrap().to_vec()).unwrap()),
        _ => None,
    }
}

#[test]
fn a_root_made_anew_is_found_again() {
    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join("dist");
    std::fs::create_dir(&root).unwrap();
    std::fs::write(root.join("a"), "old").unwrap();
    let (mut disk, now) = (Disk::new(&root, Symlinks::Inside, false).unwrap(), Now::read());
    assert_eq!(read(&mut disk, "/a", &now).as_deref(), Some("old"));
    std::fs::remove_dir_all(&root).unwrap();
    let later = now.later(ROOT_CHECK_INTERVAL);
    assert!(disk.open(&SafePath::root(), &later).is_err(), "a removed root is no empty folder");
    std::fs::create_dir(&root).unwrap();
    std::fs::write(root.join("a"), "new").unwrap();
    let soon = later.later(Duration::from_millis(1));
    assert_eq!(read(&mut disk, "/a", &soon).as_deref(), Some("new"));
}

#[test]
fn an_exchanged_root_is_noticed_within_a_second() {
    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join("current");
    for (name, content) in [("1", "one"), ("2", "two")] {
        std::fs::create_dir(outer.path().join(name)).unwrap();
        std::fs::write(outer.path().join(name).join("a"), content).unwrap();
    }
    std::fs::rename(outer.path().join("1"), &root).unwrap();
    let (mut disk, now) = (Disk::new(&root, Symlinks::Inside, false).unwrap(), Now::read());
    assert_eq!(read(&mut disk, "/a", &now).as_deref(), Some("one"));
    std::fs::rename(&root, outer.path().join("old")).unwrap();
    std::fs::rename(outer.path().join("2"), &root).unwrap();
    assert_eq!(read(&mut disk, "/a", &now.later(ROOT_CHECK_INTERVAL)).as_deref(), Some("two"));
}

/// Asks without patience until there is an answer; says how often something had to be
/// fetched first.
fn insist(disk: &mut Disk, path: &str) -> (io::Result<Node>, u32) {
    let (path, now, mut fetches) = (SafePath::parse(path).unwrap(), Now::read(), 0);
    loop {
        match disk.open_at_hand(&path, &now) {
            Ok(opened) => return (opened, fetches),
            Err(preparation) => preparation(),
        }
        fetches += 1;
        assert_eq!(fetches, 1, "what was fetched is there, or is not to be had");
    }
}

/// R29: a second question finds what the first had fetched.
#[test]
fn who_does_not_wait_gets_the_same_after_one_fetch() {
    let outer = tempfile::tempdir().unwrap();
    std::fs::create_dir(outer.path().join("d")).unwrap();
    std::fs::write(outer.path().join("d/a"), "content").unwrap();
    let mut disk = Disk::new(outer.path(), Symlinks::Inside, false).unwrap();
    for round in 0..20 {
        assert!(matches!(insist(&mut disk, "/d").0, Ok(Node::Directory)));
        assert!(matches!(insist(&mut disk, "/d/a").0, Ok(Node::File(file)) if file.len == 7));
        let missing = insist(&mut disk, &format!("/d/{round}")).0;
        assert_eq!(missing.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
    assert!(disk.fetching.is_empty());
}

/// A flood of names that are nowhere, which Linux has to look for on the disk, must not
/// fill the pool and then be refused.
#[test]
fn what_nobody_fetches_is_waited_for_on_the_spot() {
    let outer = tempfile::tempdir().unwrap();
    let mut disk = Disk::new(outer.path(), Symlinks::Inside, false).unwrap();
    let (path, now) = (SafePath::parse("/missing").unwrap(), Now::read());
    let Err(preparation) = disk.open_at_hand(&path, &now) else { return };
    assert!(disk.open_at_hand(&path, &now).is_err(), "it may come still");
    drop(preparation);
    let opened = disk.open_at_hand(&path, &now);
    assert!(matches!(opened, Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound));
    let other = SafePath::parse("/other").unwrap();
    assert!(disk.open_at_hand(&other, &now).is_ok(), "whatever else the same request looks for, too");
    assert!(disk.fetching.is_empty());
}

#[test]
#[cfg(target_os = "linux")]
fn where_fetching_is_in_vain_nothing_is_fetched_any_more() {
    // A file system in memory keeps no record of what is not there.
    let Ok(outer) = tempfile::tempdir_in("/dev/shm") else { return };
    let mut disk = Disk::new(outer.path(), Symlinks::Inside, false).unwrap();
    let fetches: Vec<u32> = (0..20).map(|name| insist(&mut disk, &format!("/{name}")).1).collect();
    let expected = if fetches[0] == 0 { 0 } else { VAIN_FETCHES_MAX };
    assert_eq!(fetches.iter().sum::<u32>(), expected);
}

#[test]
fn a_single_file_is_all_there_is() {
    let outer = tempfile::tempdir().unwrap();
    std::fs::write(outer.path().join("a.iso"), "image").unwrap();
    std::fs::write(outer.path().join("secret"), "no").unwrap();
    let (mut disk, now) =
        (Disk::new(&outer.path().join("a.iso"), Symlinks::Inside, false).unwrap(), Now::read());
    assert_eq!(read(&mut disk, "/", &now).as_deref(), Some("image"));
    assert_eq!(read(&mut disk, "/a.iso", &now).as_deref(), Some("image"));
    assert_eq!(read(&mut disk, "/secret", &now), None);
}
