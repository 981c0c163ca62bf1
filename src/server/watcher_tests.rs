//! What the system reports, as it comes to the hub.

use std::fs;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::http::events::Listener;

/// Longer than any system takes.
const PATIENCE: Duration = Duration::from_secs(60);

struct Ear(Sender<(u64, String)>);

impl Listener for Ear {
    fn is_there(&self) -> bool {
        true
    }
    fn tell(self: Box<Self>, seen: u64, text: Bytes) {
        let _ = self.0.send((seen, String::from_utf8_lossy(&text).into_owned()));
    }
}

struct Bench {
    /// Goes first: a folder that is watched cannot be removed on every system.
    _watcher: Watcher,
    directory: tempfile::TempDir,
    root: PathBuf,
    hub: Hub,
    seen: u64,
}

impl Bench {
    /// Watches `root` of a new directory, which `make` has filled.
    fn new(make: impl Fn(&Path)) -> Bench {
        Bench::in_folder("root", make)
    }

    /// The same with another path to the root.
    fn in_folder(root: &str, make: impl Fn(&Path)) -> Bench {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join(root);
        fs::create_dir_all(root.parent().unwrap()).unwrap();
        make(root.parent().unwrap());
        let hub = Hub::new(String::new(), Now::read().system);
        let subject = Subject {
            root: root.clone(),
            hidden: false,
            rules: true,
            hub: hub.clone(),
            report: Arc::new(|line| panic!("reported: {line}")),
        };
        let watcher = Watcher::start(subject).unwrap();
        let mut bench = Bench { _watcher: watcher, directory, root, seen: hub.seen(), hub };
        // It has begun to watch when it hears of something.
        bench.until("begin", |number, bench| bench.write(&format!("begin{number}")));
        bench
    }

    fn write(&self, path: &str) {
        fs::write(self.root.join(path), "x").unwrap();
    }

    fn listen(&self) -> Receiver<(u64, String)> {
        let (tell, told) = channel();
        self.hub.source().listen(self.seen, Box::new(Ear(tell)));
        told
    }

    /// Events until one says something; `again` is done before each, for what was done too
    /// early to be heard.
    fn until(&mut self, wanted: &str, again: impl Fn(usize, &Bench)) -> String {
        for number in 0..600 {
            again(number, self);
            let (seen, text) = match self.listen().recv_timeout(PATIENCE / 600) {
                Ok(told) => told,
                Err(_) => continue,
            };
            self.seen = seen;
            if text.contains(wanted) {
                return text;
            }
        }
        panic!("nobody has told of {wanted}");
    }
}

fn folder(directory: &Path) {
    fs::create_dir_all(directory.join("root/sub")).unwrap();
}

#[test]
fn what_is_written_made_or_removed_beneath_the_root_is_told_under_its_path() {
    let mut bench = Bench::new(folder);
    // Wine does not look into folders that were there before.
    let is_wine = cfg!(windows) && std::env::var_os("WINELOADER").is_some();
    for folder in if is_wine { &[""][..] } else { &["", "sub/"] } {
        let (path, told) = (format!("{folder}ä b.css"), format!("\"/{folder}%C3%A4%20b.css\""));
        bench.write(&path);
        bench.until(&told, |_, _| {});
        fs::remove_file(bench.directory.path().join("root").join(&path)).unwrap();
        bench.until(&told, |_, _| {});
    }
    fs::create_dir(bench.directory.path().join("root/new")).unwrap();
    bench.until("\"/new\"", |_, _| {});
    if !is_wine {
        bench.until("\"/new/x\"", |_, bench| bench.write("new/x"));
    }
}

#[test]
fn what_is_not_served_is_not_told() {
    let mut bench = Bench::new(folder);
    fs::create_dir_all(bench.directory.path().join("root/.git")).unwrap();
    for path in [".hidden", ".git/index"] {
        bench.write(path);
    }
    fs::write(bench.directory.path().join("beside"), "x").unwrap();
    fs::read(bench.directory.path().join("root/begin0")).unwrap();
    bench.write("last");
    let text = bench.until("last", |_, _| {});
    assert!(!text.contains("hidden") && !text.contains("git") && !text.contains("beside"), "{text}");
    assert!(!text.contains("begin0") && text.contains("\"all\":false"), "{text}");
}

#[test]
fn a_change_of_the_rules_changes_everything() {
    let mut bench = Bench::new(folder);
    bench.write("_headers");
    let text = bench.until("\"all\":true", |_, _| {});
    assert!(!text.contains("_headers"), "{text}");
}

/// As builds and deployments do it. (Windows does not let a folder go that is watched.)
#[cfg(unix)]
#[test]
fn a_root_that_is_made_anew_is_watched_anew() {
    let mut bench = Bench::new(folder);
    let root = bench.directory.path().join("root");
    fs::rename(&root, bench.directory.path().join("old")).unwrap();
    bench.until("\"all\":true", |_, _| {});
    fs::create_dir(&root).unwrap();
    bench.until("\"/again", |number, bench| bench.write(&format!("again{number}")));
    // What lies in the old one is no business of anybody's.
    fs::write(bench.directory.path().join("old/old.css"), "x").unwrap();
    bench.write("last");
    let text = bench.until("last", |_, _| {});
    assert!(!text.contains("old.css"), "{text}");
}

/// As when a build empties the folder in which the root lies.
#[cfg(unix)]
#[test]
fn a_root_is_found_again_though_the_folders_above_it_went() {
    let mut bench = Bench::in_folder("a/b/root", folder);
    let directory = bench.directory.path().to_owned();
    fs::remove_dir_all(directory.join("a")).unwrap();
    bench.until("\"all\":true", |_, _| {});
    fs::create_dir(directory.join("a")).unwrap();
    fs::create_dir_all(directory.join("a/b/root")).unwrap();
    bench.until("\"/again", |number, bench| bench.write(&format!("again{number}")));
}

/// As an overflow of the system's queue does, by which new folders are missed.
#[test]
fn what_the_system_has_forgotten_is_looked_for() {
    let subject = Subject {
        root: PathBuf::new(),
        hidden: false,
        rules: false,
        hub: Hub::new(String::new(), Now::read().system),
        report: Arc::new(|line| panic!("reported: {line}")),
    };
    let (state, changed) = (Mutex::default(), Condvar::new());
    let shared = Shared { subject, logs: Vec::new(), state, changed };
    let forgotten = || Ok(Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan));
    // While a walk is on, and for a while after it, it may be the walk itself that is told.
    for walked in [None, Some(Now::instant())] {
        shared.lock().walked = walked;
        shared.hear(forgotten());
        let mut state = shared.lock();
        assert!(!state.is_moved, "there would be no end of it");
        assert_eq!(state.gathering.take(), Some(crate::site::watch::Change::All));
    }
    shared.lock().walked = Now::instant().checked_sub(2 * ECHO);
    shared.hear(forgotten());
    let mut state = shared.lock();
    assert!(state.is_moved, "the root is watched anew");
    assert_eq!(state.gathering.take(), Some(crate::site::watch::Change::All));
}

#[cfg(unix)]
#[test]
fn a_link_that_is_put_elsewhere_is_followed() {
    let mut bench = Bench::new(|directory| {
        for release in ["1", "2"] {
            fs::create_dir_all(directory.join(release)).unwrap();
        }
        std::os::unix::fs::symlink("1", directory.join("root")).unwrap();
    });
    let directory = bench.directory.path().to_owned();
    std::os::unix::fs::symlink("2", directory.join("next")).unwrap();
    fs::rename(directory.join("next"), directory.join("root")).unwrap();
    bench.until("\"all\":true", |_, _| {});
    bench.until("\"/again", |number, bench| bench.write(&format!("again{number}")));
}

#[test]
fn a_single_file_is_watched_by_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file.html");
    fs::write(&file, "x").unwrap();
    let hub = Hub::new(String::new(), Now::read().system);
    let report: Report = Arc::new(|line| panic!("reported: {line}"));
    let (root, seen) = (file.clone(), hub.seen());
    let subject = Subject { root, hidden: false, rules: false, hub: hub.clone(), report };
    let _watcher = Watcher::start(subject).unwrap();
    let (tell, told) = channel();
    hub.source().listen(seen, Box::new(Ear(tell)));
    let text = (0..600).find_map(|_| {
        fs::write(&file, "y").unwrap();
        told.recv_timeout(PATIENCE / 600).ok()
    });
    assert!(text.is_some_and(|(_, text)| text.contains("\"all\":true")));
}

#[test]
fn a_limit_of_the_system_is_told_with_its_name() {
    assert!(told(&Error::new(ErrorKind::MaxFilesWatch)).contains("fs.inotify.max_user_watches"));
}
