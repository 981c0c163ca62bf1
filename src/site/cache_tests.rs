//! Files are remembered, and never longer than they are there.

use std::fs::{self, File, FileTimes};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use super::super::Disk;
use super::*;
use crate::sys::{SETTLING_TIME, Symlinks};

/// A way to change a file, and what it is called.
type Change = (&'static str, &'static dyn Fn(&Path));

/// A moment at which what is written now is settled.
fn later(now: &Now) -> Now {
    now.later(SETTLING_TIME + Duration::from_secs(1))
}

/// The same moment, read again: for requests that come after it.
fn again(now: &Now) -> Now {
    now.later(Duration::ZERO)
}

fn cached(root: &Path) -> Cached<Disk> {
    Cached::new(Disk::new(root, Symlinks::Inside, false).unwrap(), 1 << 20)
}

/// The content under a path, and whether it came from memory.
fn read(files: &mut impl FileSystem, path: &str, now: &Now) -> Option<(String, bool)> {
    match files.open(&SafePath::parse(path).unwrap(), now) {
        Ok(Node::File(file)) => {
            let bytes = file.content.read(0, 1000).unwrap();
            assert_eq!(bytes.len() as u64, file.len);
            let is_memory = matches!(file.content, Content::Memory(_));
            Some((String::from_utf8(bytes.to_vec()).unwrap(), is_memory))
        }
        _ => None,
    }
}

fn text(files: &mut impl FileSystem, path: &str, now: &Now) -> Option<String> {
    read(files, path, now).map(|(text, _)| text)
}

#[test]
#[cfg(unix)]
fn a_settled_file_is_remembered() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("a"), "content").unwrap();
    let (mut files, now) = (cached(root.path()), later(&Now::read()));
    for _ in 0..3 {
        assert_eq!(read(&mut files, "/a", &again(&now)), Some(("content".to_owned(), true)));
    }
    assert_eq!(files.files.bytes(), OVERHEAD + 1 + 7);
}

#[test]
fn a_file_that_may_be_written_again_without_a_trace_is_not_remembered() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("a"), "content").unwrap();
    let (mut files, now) = (cached(root.path()), Now::read());
    assert_eq!(read(&mut files, "/a", &now), Some(("content".to_owned(), false)));
    assert_eq!(files.files.bytes(), 0);
}

#[test]
fn every_way_to_change_a_file_is_seen_at_the_next_request() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("a");
    let changes: [Change; 5] = [
        ("in place, same size", &|path| fs::write(path, "changed").unwrap()),
        ("longer", &|path| fs::write(path, "changed and grown").unwrap()),
        ("by rename, with the time of the old one", &|path| {
            let modified = path.metadata().unwrap().modified().unwrap();
            let other = path.with_extension("new");
            fs::write(&other, "changed").unwrap();
            File::options()
                .write(true)
                .open(&other)
                .unwrap()
                .set_times(FileTimes::new().set_modified(modified))
                .unwrap();
            fs::rename(other, path).unwrap();
        }),
        ("in place, with the time set back", &|path| {
            let modified = path.metadata().unwrap().modified().unwrap();
            fs::write(path, "changed").unwrap();
            File::options()
                .write(true)
                .open(path)
                .unwrap()
                .set_times(FileTimes::new().set_modified(modified))
                .unwrap();
        }),
        ("removed", &|path| fs::remove_file(path).unwrap()),
    ];
    for (how, change) in changes {
        fs::write(&path, "content").unwrap();
        let (mut files, now) = (cached(root.path()), later(&Now::read()));
        assert_eq!(text(&mut files, "/a", &now).as_deref(), Some("content"), "{how}");
        // What is kept open no longer than this cannot be replaced meanwhile on Windows.
        files.end_of_turn();
        change(&path);
        assert_eq!(text(&mut files, "/a", &again(&now)), fs::read_to_string(&path).ok(), "{how}");
    }
}

#[test]
#[cfg(unix)]
fn the_way_to_a_file_is_proven_again_from_time_to_time() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("a")).unwrap();
    fs::write(root.path().join("a/b"), "content").unwrap();
    let mut files = Cached::new(Disk::new(root.path(), Symlinks::Deny, false).unwrap(), 1 << 20);
    let now = later(&Now::read());
    assert_eq!(read(&mut files, "/a/b", &now), Some(("content".to_owned(), true)));
    // The same file, but through a link by now, which is not allowed here.
    fs::rename(root.path().join("a"), root.path().join("c")).unwrap();
    std::os::unix::fs::symlink("c", root.path().join("a")).unwrap();
    assert_eq!(text(&mut files, "/a/b", &now.later(PROOF_INTERVAL)), None);
    assert_eq!(files.files.bytes(), 0);
}

/// Counts what it is asked.
#[cfg(unix)]
struct Counting<F> {
    inner: F,
    opens: usize,
    looks: usize,
}

#[cfg(unix)]
impl<F: FileSystem> FileSystem for Counting<F> {
    fn open(&mut self, path: &SafePath, now: &Now) -> io::Result<Node> {
        self.opens += 1;
        self.inner.open(path, now)
    }
    fn version(&mut self, path: &SafePath, now: &Now) -> Option<crate::sys::Version> {
        self.looks += 1;
        self.inner.version(path, now)
    }
    fn lookup(&mut self) -> Option<Arc<dyn Lookup>> {
        self.inner.lookup()
    }
}

#[test]
#[cfg(unix)]
fn one_look_serves_a_turn_and_the_next_looks_again() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("small"), "content").unwrap();
    fs::write(root.path().join("large"), vec![b'x'; FILE_MAX as usize + 1]).unwrap();
    fs::create_dir(root.path().join("folder")).unwrap();
    let inner = Disk::new(root.path(), Symlinks::Inside, false).unwrap();
    let mut files = Cached::new(Counting { inner, opens: 0, looks: 0 }, 1 << 20);
    let start = later(&Now::read());
    let mut counts = |path: &str, now: &Now| {
        for _ in 0..10 {
            let _ = files.open(&SafePath::parse(path).unwrap(), now);
        }
        (std::mem::take(&mut files.inner.opens), std::mem::take(&mut files.inner.looks))
    };
    for (path, first, then) in [
        ("/small", (1, 1), (0, 1)),
        ("/large", (1, 0), (1, 0)),
        ("/folder", (1, 0), (1, 0)),
        ("/none", (1, 0), (1, 0)),
    ] {
        assert_eq!(counts(path, &start), first, "{path}");
        assert_eq!(counts(path, &again(&start)), then, "{path}");
    }
}

#[test]
fn a_turn_holds_only_so_many_files_open() {
    let root = tempfile::tempdir().unwrap();
    let (mut files, now) = (cached(root.path()), Now::read());
    for name in 0..KEPT_OPEN_MAX + 10 {
        fs::write(root.path().join(name.to_string()), "content").unwrap();
        assert!(text(&mut files, &format!("/{name}"), &now).is_some());
    }
    assert_eq!(files.found.len(), KEPT_OPEN_MAX);
}

#[test]
fn nothing_is_held_open_beyond_a_turn() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("a"), "content").unwrap();
    let (mut files, now) = (cached(root.path()), Now::read());
    let Ok(Node::File(OpenFile { content: Content::Disk(file), .. })) =
        files.open(&SafePath::parse("/a").unwrap(), &now)
    else {
        panic!("a file that has only just been written is not remembered")
    };
    assert_eq!(Arc::strong_count(&file), 1 + KEPT_OPEN_MAX.min(1));
    files.end_of_turn();
    assert_eq!(Arc::strong_count(&file), 1);
}

#[test]
fn the_memory_has_a_limit_and_what_was_used_last_stays() {
    let mut memory = super::super::files::Memory::default();
    for name in ["/a", "/b", "/c"] {
        memory.insert(&name[1..], "x".repeat(1000), SystemTime::UNIX_EPOCH + Duration::from_secs(1000));
    }
    let now = Now::read();
    let mut files = Cached::new(memory, 2 * (OVERHEAD + 1 + 1000));
    for (name, seconds) in [("/a", 0), ("/b", 1), ("/a", 2), ("/c", 3)] {
        assert!(text(&mut files, name, &now.later(Duration::from_secs(seconds))).is_some());
        assert!(files.files.bytes() <= files.files.bytes_max());
    }
    assert_eq!(files.files.keys(), [b"a", b"c"]);
}

#[test]
fn without_memory_nothing_is_remembered() {
    let mut memory = super::super::files::Memory::default();
    memory.insert("a", "content", SystemTime::UNIX_EPOCH + Duration::from_secs(1000));
    let mut files = Cached::new(memory, 0);
    assert_eq!(text(&mut files, "/a", &Now::read()).as_deref(), Some("content"));
    assert_eq!(files.files.bytes(), 0);
}
