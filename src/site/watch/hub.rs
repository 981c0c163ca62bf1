//! Where changes come together with those who want to hear of them.
//!
//! Every change has a number. Whoever listens says which it has seen, and is told of all
//! behind that in one event. The numbers of a server begin with the time of its start, so
//! that those of an earlier one are known for old.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use serde::Serialize;

use super::gathering::PATHS_MAX;

use crate::http::events::{Listener, Source};

/// So many changes are remembered, for those who come back. For others everything has
/// changed.
const REMEMBERED: usize = 64;

/// What has changed at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// What is under these paths beneath the root: as they stand in links, in order.
    Paths(Vec<String>),
    /// Perhaps everything.
    All,
}

/// An event, as it is sent.
#[derive(Serialize)]
struct Told<'a> {
    all: bool,
    paths: BTreeSet<Shown<'a>>,
}

/// A path as clients see it: what stands before it, which is the same for all, and the path.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Shown<'a>(&'a str, &'a str);

impl Serialize for Shown<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}{}", self.0, self.1))
    }
}

/// Where changes are told, and heard of. Clones are the same hub.
#[derive(Clone, Debug)]
pub struct Hub {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// What stands before paths beneath the root.
    prefix: String,
    state: Mutex<State>,
}

struct State {
    /// The number of the last change.
    last: u64,
    /// The changes up to that.
    changes: VecDeque<Change>,
    listeners: Vec<Box<dyn Listener>>,
    /// At so many listeners it is time to look whether all of them are there.
    prune_at: usize,
}

/// As many listeners are nothing to look through.
const FEW: usize = 64;

impl Hub {
    /// A hub of a server that starts now. `prefix` stands before paths, as clients see them:
    /// encoded, without a slash at its end.
    pub fn new(prefix: String, now: SystemTime) -> Hub {
        let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        // Microseconds: until the year 287,396, and still exact as a number of JavaScript's.
        let last = u64::try_from(since.as_micros()).unwrap_or(0);
        let (changes, listeners) = (VecDeque::new(), Vec::new());
        let state = Mutex::new(State { last, changes, listeners, prune_at: FEW });
        Hub { shared: Arc::new(Shared { prefix, state }) }
    }

    /// The number of the last change.
    pub fn seen(&self) -> u64 {
        self.shared.lock().last
    }

    /// What is added to a page, by which it hears of all that changes behind that number.
    pub fn element(&self, seen: u64) -> String {
        let prefix = &self.shared.prefix;
        format!(
            "<script src=\"{prefix}/.serve/watch.js\" data-events=\"{prefix}/.serve/events?after={seen}\"></script>\n"
        )
    }

    /// The source of events.
    pub fn source(&self) -> Arc<dyn Source> {
        Arc::clone(&self.shared) as Arc<dyn Source>
    }

    /// Tells all who listen.
    pub fn tell(&self, change: Change) {
        let mut state = self.shared.lock();
        let before = state.last;
        state.last += 1;
        state.changes.push_back(change);
        if state.changes.len() > REMEMBERED {
            state.changes.pop_front();
        }
        let (seen, text) = (state.last, self.shared.text(&state, before));
        let listeners = std::mem::take(&mut state.listeners);
        state.prune_at = FEW;
        // Those who hear of it listen again, perhaps before the last has heard.
        drop(state);
        for listener in listeners {
            listener.tell(seen, text.clone());
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The event of all that has changed behind that number.
    fn text(&self, state: &State, seen: u64) -> Bytes {
        let paths = state.behind(seen).map(|paths| paths.into_iter().map(|path| Shown(&self.prefix, path)));
        let told = Told { all: paths.is_none(), paths: paths.into_iter().flatten().collect() };
        // Strings and a truth value: there is nothing in it that JSON has no words for.
        let data = serde_json::to_string(&told).unwrap_or_default();
        format!("id: {}\nevent: change\ndata: {data}\n\n", state.last).into()
    }
}

impl State {
    /// All paths that have changed behind that number; None if that is perhaps everything. It
    /// looks no further than it takes to know that, because all others wait meanwhile.
    fn behind(&self, seen: u64) -> Option<BTreeSet<&str>> {
        let missed = usize::try_from(self.last.wrapping_sub(seen)).ok()?;
        let known = self.changes.len().checked_sub(missed)?;
        let mut found = BTreeSet::new();
        for change in self.changes.iter().skip(known) {
            let Change::Paths(paths) = change else { return None };
            for path in paths {
                found.insert(&**path);
                if found.len() > PATHS_MAX {
                    return None;
                }
            }
        }
        Some(found)
    }
}

impl Source for Shared {
    fn listen(&self, seen: u64, listener: Box<dyn Listener>) {
        let mut state = self.lock();
        if seen != state.last {
            let (last, text) = (state.last, self.text(&state, seen));
            drop(state);
            return listener.tell(last, text);
        }
        if state.listeners.len() >= state.prune_at {
            state.listeners.retain(|listener| listener.is_there());
            state.prune_at = (2 * state.listeners.len()).max(FEW);
        }
        state.listeners.push(listener);
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "change {}, {} listeners", self.last, self.listeners.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Duration;

    struct Ear(Sender<(u64, String)>, Arc<()>);

    impl Listener for Ear {
        fn is_there(&self) -> bool {
            Arc::strong_count(&self.1) > 1
        }
        fn tell(self: Box<Self>, seen: u64, text: Bytes) {
            let _ = self.0.send((seen, String::from_utf8_lossy(&text).into_owned()));
        }
    }

    fn listen(hub: &Hub, seen: u64) -> (Receiver<(u64, String)>, Arc<()>) {
        let ((tell, told), there) = (channel(), Arc::new(()));
        hub.source().listen(seen, Box::new(Ear(tell, Arc::clone(&there))));
        (told, there)
    }

    fn hub() -> Hub {
        Hub::new("/base".to_owned(), SystemTime::UNIX_EPOCH + Duration::from_micros(1000))
    }

    fn paths(paths: &[&str]) -> Change {
        Change::Paths(paths.iter().map(|&path| path.to_owned()).collect())
    }

    #[test]
    fn who_listens_is_told_once_and_who_has_missed_something_at_once() {
        let hub = hub();
        let (told, _there) = listen(&hub, 1000);
        assert!(told.try_recv().is_err(), "nothing has happened");
        hub.tell(paths(&["/a.css", "/b"]));
        let first =
            "id: 1001\nevent: change\ndata: {\"all\":false,\"paths\":[\"/base/a.css\",\"/base/b\"]}\n\n";
        assert_eq!(told.try_recv(), Ok((1001, first.to_owned())));
        hub.tell(paths(&["/c", "/b"]));
        assert!(told.try_recv().is_err(), "it did not listen again");
        let (told, _there) = listen(&hub, 1000);
        let both = "id: 1002\nevent: change\n\
                    data: {\"all\":false,\"paths\":[\"/base/a.css\",\"/base/b\",\"/base/c\"]}\n\n";
        assert_eq!(told.try_recv(), Ok((1002, both.to_owned())));
        assert_eq!(hub.seen(), 1002);
    }

    #[test]
    fn for_who_was_away_too_long_or_comes_from_elsewhere_everything_has_changed() {
        let hub = hub();
        hub.tell(paths(&["/a"]));
        for seen in [999, 0, 1002, u64::MAX] {
            let (told, _there) = listen(&hub, seen);
            let all = "id: 1001\nevent: change\ndata: {\"all\":true,\"paths\":[]}\n\n";
            assert_eq!(told.try_recv(), Ok((1001, all.to_owned())), "{seen}");
        }
        (0..REMEMBERED).for_each(|_| hub.tell(paths(&["/b"])));
        let (told, _there) = listen(&hub, 1000);
        assert!(told.try_recv().is_ok_and(|(_, text)| text.contains("true")));
        hub.tell(Change::All);
        let (told, _there) = listen(&hub, hub.seen() - 2);
        assert!(told.try_recv().is_ok_and(|(_, text)| text.contains("\"all\":true,\"paths\":[]")));
    }

    #[test]
    fn more_than_a_page_could_want_to_know_is_told_as_everything() {
        let hub = hub();
        for number in 0..3 {
            let many = (0..100).map(|at| format!("/{number}/{at}"));
            hub.tell(Change::Paths(many.collect()));
        }
        let (told, _there) = listen(&hub, 1000);
        assert!(told.try_recv().is_ok_and(|(_, text)| text.ends_with("{\"all\":true,\"paths\":[]}\n\n")));
        let (told, _there) = listen(&hub, 1001);
        assert!(told.try_recv().is_ok_and(|(_, text)| text.contains("/base/1/99")));
    }

    #[test]
    fn who_has_left_is_forgotten_though_nothing_happens() {
        let hub = hub();
        let (_told, _there) = listen(&hub, 1000);
        for _ in 0..10_000 {
            drop(listen(&hub, 1000));
        }
        let state = hub.shared.lock();
        assert!(state.listeners.len() <= 2 * FEW, "{}", state.listeners.len());
        assert!(state.listeners.iter().any(|listener| listener.is_there()), "who is there is kept");
    }
}
