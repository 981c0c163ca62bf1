//! Hears from the system what changes beneath the root, and tells it to the hub of live
//! pages when it has become quiet.
//!
//! What the system reports are paths, which are never opened: they only become names of what
//! a page may want to load anew, as far as it may be served. The root may be removed and made
//! again, or be a link that is put elsewhere, and so may every folder in which it lies. These
//! are watched, too, but for the names on the way alone.

use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{Config, Error, ErrorKind, Event, RecommendedWatcher, RecursiveMode, Watcher as _};

use same_file::Handle;

use crate::clock::Now;
use crate::http::SafePath;
use crate::site::watch::{Gathering, Hub};
use crate::site::{Report, rules};

/// A walk opens each folder, which the system reports, too: of very many folders that is more
/// than it remembers. What it has forgotten within this time of a walk is no reason for
/// another one, or there would be no end.
const ECHO: Duration = Duration::from_secs(5);

/// So many folders above the root are watched for its name. FSEvents knows paths, so a root that
/// is made anew is heard of there, and it has no way to watch a folder without all that is in it.
const ANCESTORS: usize = if cfg!(target_os = "macos") { 0 } else { usize::MAX };

/// Longer than this nobody waits for a page.
const WALK_MAX: Duration = Duration::from_millis(100);

/// What is watched, and for whom.
#[derive(Clone)]
pub struct Subject {
    /// What is shared: a folder, or one file.
    pub root: PathBuf,
    /// Whether hidden names are served.
    pub hidden: bool,
    /// Whether there are files of rules.
    pub rules: bool,
    /// Who hears of it.
    pub hub: Hub,
    /// Who hears of troubles.
    pub report: Report,
}

/// A thread that watches, until this is dropped.
pub struct Watcher {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct State {
    gathering: Gathering,
    /// The root is another one, or was not there.
    is_moved: bool,
    /// When the last walk was over; None while there is one.
    walked: Option<Instant>,
    /// Where the root is known to be, so that what is reported can be named.
    places: Vec<PathBuf>,
    is_over: bool,
}

struct Shared {
    subject: Subject,
    /// The files that are our standard output and standard error.
    logs: Vec<Handle>,
    state: Mutex<State>,
    changed: Condvar,
}

impl Watcher {
    /// Starts to watch. That takes a while where there are many folders, and nobody waits
    /// for it.
    ///
    /// # Errors
    /// When the system cannot tell of changes, or there is no thread for it.
    pub fn start(subject: Subject) -> io::Result<Watcher> {
        let outputs = [Handle::stdout(), Handle::stderr()];
        let is_file = |handle: &Handle| handle.as_file().metadata().is_ok_and(|about| about.is_file());
        let logs = outputs.into_iter().flatten().filter(is_file).collect();
        let shared = Arc::new(Shared { subject, logs, state: Mutex::default(), changed: Condvar::new() });
        let theirs = Arc::clone(&shared);
        // A folder that a link leads to is served at its own place, if it lies in the root.
        let config = Config::default().with_follow_symlinks(false);
        let watcher = RecommendedWatcher::new(move |event| theirs.hear(event), config);
        let watcher = watcher.map_err(|error| io::Error::other(told(&error)))?;
        let theirs = Arc::clone(&shared);
        let thread = thread::Builder::new().name("serve-watch".to_owned());
        thread.spawn(move || theirs.run(watcher))?;
        Ok(Watcher { shared })
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // Nobody waits for it: it may be among a million folders.
        self.shared.lock().is_over = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread: watches, and tells what has been gathered when it is due.
    fn run(&self, mut watcher: RecommendedWatcher) {
        self.watch(&mut watcher);
        let mut state = self.lock();
        while !state.is_over {
            let Some(due) = state.gathering.due() else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = due.saturating_duration_since(Now::instant());
            if !left.is_zero() {
                let waited = self.changed.wait_timeout(state, left);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            let (change, is_moved) = (state.gathering.take(), std::mem::take(&mut state.is_moved));
            drop(state);
            if is_moved {
                self.watch(&mut watcher);
            }
            change.into_iter().for_each(|change| self.subject.hub.tell(change));
            state = self.lock();
        }
    }

    /// Watches what is under the root now, and the names of the folders on the way to it.
    fn watch(&self, watcher: &mut RecommendedWatcher) {
        let begun = Now::instant();
        let root = std::path::absolute(&self.subject.root).unwrap_or_else(|_| self.subject.root.clone());
        let mut places = vec![root];
        places.extend(places[0].canonicalize().ok().filter(|real| *real != places[0]));
        let mut state = self.lock();
        state.walked = None;
        let before = std::mem::replace(&mut state.places, places.clone());
        drop(state);
        for old in before.iter().flat_map(|place| place.ancestors()) {
            // The folder that had the name is heard of under it still, wherever it is now. If
            // it is gone, so is what was to be ended.
            let _ = watcher.unwatch(old);
        }
        for folder in places.iter().flat_map(|place| place.ancestors().skip(1).take(ANCESTORS)) {
            // Who may not look into it, or finds none, is not told of a new root there.
            let _ = watcher.watch(folder, RecursiveMode::NonRecursive);
        }
        let real = places.last().filter(|real| real.is_dir());
        match real.map(|real| watcher.watch(real, RecursiveMode::Recursive)) {
            // It has changed while it was walked, and is walked again.
            Some(Err(error)) if matches!(error.kind, ErrorKind::PathNotFound) => self.miss(),
            Some(Err(error)) => self.complain(&error),
            // Pages that came meanwhile have not heard of everything.
            Some(Ok(())) if Now::instant() - begun > WALK_MAX => {
                self.lock().gathering.add_all(Now::instant());
            }
            Some(Ok(())) | None => {}
        }
        self.lock().walked = Some(Now::instant());
    }

    /// Something was not heard of: it is time to look at everything.
    fn miss(&self) {
        let mut state = self.lock();
        state.gathering.add_all(Now::instant());
        state.is_moved = true;
        self.changed.notify_all();
    }

    /// So much has happened that the system has forgotten some of it, new folders perhaps.
    fn overflow(&self) {
        let walked = self.lock().walked;
        if walked.is_some_and(|walked| Now::instant() - walked > ECHO) {
            return self.miss();
        }
        self.lock().gathering.add_all(Now::instant());
        self.changed.notify_all();
    }

    /// Something was reported.
    fn hear(&self, event: notify::Result<Event>) {
        let event = match event {
            Ok(event) if is_change(event.kind) || event.need_rescan() => event,
            Ok(_) => return,
            Err(error) => return self.complain(&error),
        };
        if event.need_rescan() {
            return self.overflow();
        }
        // Of a folder some systems say so whenever something in it changes, which they tell, too.
        let is_modification = matches!(
            event.kind,
            EventKind::Access(_)
                | EventKind::Modify(ModifyKind::Any | ModifyKind::Data(_) | ModifyKind::Metadata(_))
        );
        for path in &event.paths {
            let place = self.place_of(path, &self.lock().places);
            if place == Place::Elsewhere || is_modification && (path.is_dir() || self.is_our_own(path)) {
                continue;
            }
            let (mut state, now) = (self.lock(), Now::instant());
            match place {
                Place::Inside(location) => state.gathering.add(location, now),
                Place::Rules => state.gathering.add_all(now),
                Place::Root => {
                    state.is_moved = true;
                    state.gathering.add_all(now);
                }
                Place::Elsewhere => {}
            }
            self.changed.notify_all();
        }
    }

    /// Whether it is where our log goes: each page that is loaded anew would change it.
    fn is_our_own(&self, path: &Path) -> bool {
        !self.logs.is_empty()
            && path.is_file()
            && Handle::from_path(path).is_ok_and(|handle| self.logs.contains(&handle))
    }

    fn place_of(&self, path: &Path, places: &[PathBuf]) -> Place {
        if places.iter().any(|place| place.starts_with(path)) {
            return Place::Root;
        }
        let Some(inside) = places.iter().find_map(|place| path.strip_prefix(place).ok()) else {
            return Place::Elsewhere;
        };
        let mut served = SafePath::root();
        for component in inside.components() {
            let Component::Normal(name) = component else { return Place::Elsewhere };
            // Another encoding than UTF-8 is one of Unix, where names are bytes.
            let Some(next) = served.join(name.as_encoded_bytes()) else { return Place::Elsewhere };
            served = next;
        }
        match served {
            served if self.subject.rules && rules::is_rule_file(&served) => Place::Rules,
            served if served.is_hidden() && !self.subject.hidden => Place::Elsewhere,
            served => Place::Inside(served.to_location()),
        }
    }

    fn complain(&self, error: &Error) {
        let places: Vec<String> = error.paths.iter().map(|path| format!(" {}", path.display())).collect();
        let text = format!("--watch does not hear of all changes{}: {}", places.concat(), told(error));
        (self.subject.report)(&text);
    }
}

/// What a reported path is, seen from the root.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// Something that is served at this location.
    Inside(String),
    /// Rules, by which anything may be answered otherwise.
    Rules,
    /// The root itself, or a folder that it lies in.
    Root,
    /// Nothing that is served.
    Elsewhere,
}

/// Reading is no change, and what is being written is told when it is written.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        EventKind::Any
        | EventKind::Create(_)
        | EventKind::Modify(_)
        | EventKind::Remove(_)
        | EventKind::Other => true,
    }
}

/// What went wrong, and what to do where something can be done.
fn told(error: &Error) -> String {
    match &error.kind {
        ErrorKind::MaxFilesWatch => {
            "there are more folders than the system watches for one user; fs.inotify.max_user_watches is the limit"
                .to_owned()
        }
        ErrorKind::Io(error) => error.to_string(),
        ErrorKind::Generic(_)
        | ErrorKind::PathNotFound
        | ErrorKind::WatchNotFound
        | ErrorKind::InvalidConfig(_) => error.to_string(),
    }
}

// notify hears only once where mio re-arms in software: it reads by itself, past mio.
#[cfg(all(test, not(mio_unsupported_force_poll_poll)))]
#[allow(clippy::unwrap_used)]
#[path = "watcher_tests.rs"]
mod tests;
