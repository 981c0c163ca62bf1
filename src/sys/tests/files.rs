//! Opening, listing and reading without links: the same on every system.

use std::fs::{self, File};
use std::io;
use std::time::{Duration, SystemTime};

use super::{Site, found, listed};
use crate::sys::{
    Kind, Root, Symlinks, Trouble, Version, is_at_hand, is_proven, read_ahead, read_at, read_range, trouble,
};

const MODES: [Symlinks; 3] = [Symlinks::Inside, Symlinks::Follow, Symlinks::Deny];

#[test]
fn files_and_directories_are_opened_with_their_facts() {
    let site = Site::new();
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    File::options().write(true).open(site.path.join("dir/b.txt")).unwrap().set_modified(then).unwrap();
    for mode in MODES {
        let root = site.root(mode);
        let opened = root.open(b"dir/b.txt").unwrap();
        assert_eq!((opened.stat.kind, opened.stat.len), (Kind::File, 9));
        assert_eq!(opened.stat.modified, Some(then));
        for name in ["", "dir", "dir/deep", "empty"] {
            assert_eq!(root.open(name.as_bytes()).unwrap().stat.kind, Kind::Directory, "{name:?}");
        }
        assert_eq!(found(&root, "dir/deep/c.txt").unwrap(), "dir/deep/c.txt");
    }
}

#[test]
fn what_is_at_hand_is_opened_as_ever_and_what_is_not_is_not_there_yet() {
    let site = Site::new();
    for mode in MODES {
        let root = site.root(mode);
        for name in ["a.txt", "dir/b.txt", "dir", "", "nothing", "dir/nothing", "a.txt/b"] {
            // So it has just been read, where it is; some systems keep no record of what
            // is not there.
            let expected = root.open(name.as_bytes());
            let opened = root.open_at_hand(name.as_bytes());
            match (&opened, &expected) {
                (Ok(opened), Ok(expected)) => assert_eq!(opened.version, expected.version, "{name:?}"),
                (Err(error), Err(_)) if error.kind() == io::ErrorKind::WouldBlock => {}
                (Err(error), Err(expected)) => assert_eq!(error.kind(), expected.kind(), "{name:?}"),
                _ => panic!("{mode:?} {name:?}: {opened:?} {expected:?}"),
            }
        }
    }
}

#[test]
fn what_was_just_read_is_at_hand() {
    let site = Site::new();
    let file = File::open(site.path.join("a.txt")).unwrap();
    read_ahead(&file, 0..5);
    assert_eq!(read_range(&file, 0, 100).unwrap(), b"a.txt");
    for range in [0..5, 4..5, 0..1000, 0..0, 100..u64::MAX] {
        assert!(is_at_hand(&file, range.clone()), "{range:?}");
    }
}

#[test]
fn what_is_not_there_is_missing() {
    let site = Site::new();
    let long = "x".repeat(256);
    let longer = format!("dir/{}", "y/".repeat(3000)) + "z";
    let names = ["nothing", "nothing/a.txt", "a.txt/below", "a.txt/below/that", "dir/b", &long, &longer];
    for mode in MODES {
        for name in names {
            assert_eq!(found(&site.root(mode), name), Err(Trouble::Missing), "{mode:?} {name:?}");
        }
    }
}

#[test]
fn a_root_must_be_a_directory_that_exists() {
    let site = Site::new();
    assert_eq!(
        Root::new(&site.path.join("nothing"), Symlinks::Inside).unwrap_err().kind(),
        io::ErrorKind::NotFound
    );
    assert!(Root::new(&site.path.join("a.txt"), Symlinks::Inside).is_err());
}

#[test]
fn a_root_notices_that_another_directory_has_its_place() {
    let site = Site::new();
    let root = site.root(Symlinks::Inside);
    assert!(root.is_current());
    fs::rename(&site.path, site.path.with_file_name("old")).unwrap();
    assert!(!root.is_current());
    #[cfg(unix)]
    {
        fs::create_dir(&site.path).unwrap();
        assert!(!root.is_current());
        // It goes on with the directory that it has open.
        assert_eq!(found(&root, "a.txt").unwrap(), "a.txt");
    }
}

#[test]
fn a_listing_shows_files_and_directories() {
    let site = Site::new();
    for mode in MODES {
        let root = site.root(mode);
        assert_eq!(listed(&root, "").unwrap(), ["a.txt", "dir/", "empty/"]);
        assert_eq!(listed(&root, "dir").unwrap(), ["b.txt", "deep/"]);
        assert_eq!(listed(&root, "empty").unwrap(), [""; 0]);
        let entry = root.list(b"dir/deep", 1, |_| true).unwrap().entries.pop().unwrap();
        assert_eq!(entry.stat, root.open(b"dir/deep/c.txt").unwrap().stat);
        for name in ["a.txt", "nothing", "a.txt/x"] {
            assert_eq!(
                trouble(&root.list(name.as_bytes(), 10, |_| true).unwrap_err()),
                Trouble::Missing,
                "{name:?}"
            );
        }
    }
}

#[test]
fn a_listing_is_cut_at_its_limit_and_says_so() {
    let site = Site::new();
    let root = site.root(Symlinks::Inside);
    for (most, shown, truncated) in [(0, 0, true), (2, 2, true), (3, 3, false), (4, 3, false)] {
        let listing = root.list(b"", most, |_| true).unwrap();
        assert_eq!((listing.entries.len(), listing.truncated), (shown, truncated));
    }
}

#[test]
fn reads_are_positioned_and_short_only_at_the_end() {
    let site = Site::new();
    let data: Vec<u8> = (0..100_000_u32).map(|n| (n % 251) as u8).collect();
    fs::write(site.path.join("data"), &data).unwrap();
    let file = site.root(Symlinks::Inside).open(b"data").unwrap().file;
    assert_eq!(read_range(&file, 0, data.len()).unwrap(), data);
    assert_eq!(read_range(&file, 99_000, 5000).unwrap(), data[99_000..]);
    assert_eq!(read_range(&file, 17, 3).unwrap(), data[17..20]);
    for (offset, len) in [(0, 0), (100_000, 10), (1 << 40, 10)] {
        assert!(read_range(&file, offset, len).unwrap().is_empty(), "{offset} {len}");
    }
    let mut buffer = [0; 8];
    assert_eq!(read_at(&file, &mut buffer, 99_996).unwrap(), 4);
    assert_eq!(buffer[..4], data[99_996..]);
    assert_eq!(read_at(&file, &mut buffer, 100_000).unwrap(), 0);
    assert_eq!(read_at(&file, &mut buffer, 0).unwrap(), 8, "no cursor moves");
    assert_eq!(buffer, data[..8]);
}

#[test]
fn a_read_range_that_no_memory_can_hold_is_an_error() {
    let site = Site::new();
    let file = site.root(Symlinks::Inside).open(b"a.txt").unwrap().file;
    assert_eq!(trouble(&read_range(&file, 0, usize::MAX).unwrap_err()), Trouble::Exhausted);
}

/// R31.
#[cfg(unix)]
#[test]
fn an_opened_file_outlives_its_name() {
    let site = Site::new();
    let file = site.root(Symlinks::Inside).open(b"a.txt").unwrap().file;
    fs::rename(site.path.join("dir/b.txt"), site.path.join("a.txt")).unwrap();
    assert_eq!(read_range(&file, 0, 100).unwrap(), b"a.txt");
    fs::remove_file(site.path.join("a.txt")).unwrap();
    assert_eq!(read_range(&file, 0, 100).unwrap(), b"a.txt");
}

#[test]
fn only_proven_names_may_be_asked_for() {
    for name in ["", "a", "a/b", "...", ".a", "a..", "a\\..\\b", "a b/\n"] {
        assert!(is_proven(name.as_bytes()), "{name:?}");
    }
    for name in ["/", "/a", "a/", "a//b", ".", "..", "a/./b", "../a", "a/..", "a\0", "\0"] {
        assert!(!is_proven(name.as_bytes()), "{name:?}");
    }
}

/// Who writes again changes the date, unless a clock that goes ahead has given it.
#[test]
fn a_date_of_tomorrow_is_as_good_as_one_of_yesterday() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    for (modified, changed, is_settled) in [
        (-3600, -3600, true),
        (-3600, -1, false),
        (-1, -3600, false),
        (5, -3600, false),
        (86_400, -3600, true),
        (86_400, -1, false),
        (-3600, 86_400, false),
    ] {
        let times = (modified, changed);
        let nanoseconds = |seconds: i128| (1_000_000 + seconds) * 1_000_000_000;
        let version = Version { times: (nanoseconds(times.0), nanoseconds(times.1)), ..Version::default() };
        assert_eq!(version.is_settled(now), is_settled, "{times:?}");
    }
}
