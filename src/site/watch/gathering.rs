//! Changes that belong together: a build writes a thousand files, an editor one file in
//! three steps. They are told when it has become quiet.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::Change;

/// So long nothing must have changed before what has is told.
const QUIET: Duration = Duration::from_millis(100);

/// So long it may take to become quiet: what changes all the time is told this often.
const LONGEST: Duration = Duration::from_secs(2);

/// More paths than this are told as everything.
pub(super) const PATHS_MAX: usize = 256;

/// And so are paths that are longer together.
const BYTES_MAX: usize = 64 * 1024;

/// What has changed and was not told yet. It takes a bounded amount of memory, whatever
/// happens.
///
/// ```
/// use std::time::{Duration, Instant};
/// use serve::site::watch::{Change, Gathering};
/// let (mut gathering, now) = (Gathering::default(), Instant::now());
/// gathering.add("/a.css".to_owned(), now);
/// gathering.add("/a.css".to_owned(), now + Duration::from_millis(50));
/// assert_eq!(gathering.due(), Some(now + Duration::from_millis(150)));
/// assert_eq!(gathering.take(), Some(Change::Paths(vec!["/a.css".to_owned()])));
/// ```
#[derive(Debug, Default)]
pub struct Gathering {
    /// The first and the last change.
    span: Option<(Instant, Instant)>,
    paths: BTreeSet<String>,
    /// How long they are together.
    bytes: usize,
    /// It is more than the paths.
    is_all: bool,
}

impl Gathering {
    /// Something has changed: where, as the location of a path beneath the root.
    pub fn add(&mut self, location: String, now: Instant) {
        self.extend(now);
        if !self.is_all {
            let length = location.len();
            self.bytes += if self.paths.insert(location) { length } else { 0 };
            self.is_all = self.paths.len() > PATHS_MAX || self.bytes > BYTES_MAX;
        }
    }

    /// Something has changed, and nobody knows where.
    pub fn add_all(&mut self, now: Instant) {
        self.extend(now);
        self.is_all = true;
    }

    fn extend(&mut self, now: Instant) {
        let first = self.span.map_or(now, |(first, _)| first);
        self.span = Some((first, now));
    }

    /// When it is to be told.
    pub fn due(&self) -> Option<Instant> {
        self.span.map(|(first, last)| (last + QUIET).min(first + LONGEST))
    }

    /// What is to be told, which is forgotten here.
    pub fn take(&mut self) -> Option<Change> {
        let Gathering { span, paths, is_all, .. } = std::mem::take(self);
        span.map(|_| if is_all { Change::All } else { Change::Paths(paths.into_iter().collect()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_becomes_quiet_is_told_after_two_seconds() {
        let (mut gathering, start) = (Gathering::default(), Instant::now());
        assert_eq!((gathering.due(), gathering.take()), (None, None));
        let mut now = start;
        while now < start + Duration::from_secs(5) {
            gathering.add("/log".to_owned(), now);
            let due = gathering.due();
            assert!(due.is_some_and(|due| due <= start + LONGEST && due > start));
            now += Duration::from_millis(10);
        }
    }

    #[test]
    fn thousands_of_paths_are_told_as_everything_and_take_no_more_memory() {
        let (mut gathering, now) = (Gathering::default(), Instant::now());
        for number in 0..10_000 {
            gathering.add(format!("/{number}"), now);
        }
        assert!(gathering.paths.len() <= PATHS_MAX + 1);
        assert_eq!(gathering.take(), Some(Change::All));
        for number in 0..20 {
            gathering.add(format!("/{number}{}", "x".repeat(4000)), now);
        }
        assert_eq!(gathering.take(), Some(Change::All));
        assert_eq!(gathering.due(), None, "it is forgotten");
    }

    #[test]
    fn what_is_not_known_is_everything() {
        let (mut gathering, now) = (Gathering::default(), Instant::now());
        gathering.add("/a".to_owned(), now);
        gathering.add_all(now);
        gathering.add("/b".to_owned(), now);
        assert_eq!(gathering.take(), Some(Change::All));
    }
}
