//! How far the threads that serve can reach, where a sandbox lets them read what is shared
//! and nothing else.
//!
//! Such a rule is tied to the directory, or the file, that was there when it was made. A
//! build that removes the folder and makes it anew leaves the threads outside, so that they
//! have to be replaced. Here the one who notices ([`Disk`](super::Disk)) and the one who
//! replaces them (the server) meet. It opens nothing, and knows no threads.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::sys::sandbox::Identity;

/// The reach of one loop.
#[derive(Debug, Default)]
pub struct Reach {
    places: Mutex<Places>,
    exceeded: AtomicBool,
}

#[derive(Debug, Default)]
struct Places {
    /// What can be read; None is nothing at all.
    readable: Option<Identity>,
    /// What lies there instead, and cannot.
    beyond: Option<Identity>,
}

impl Reach {
    /// Something was refused at the path of what is shared, and this is what lies there.
    /// If it is not what the thread was made for, another thread has to go on.
    pub fn refused(&self, found: Option<Identity>) {
        let mut places = self.places();
        // A folder that may not be read by anybody is no reason to go.
        if found.is_some() && found != places.readable {
            places.beyond = found;
            self.exceeded.store(true, Ordering::Relaxed);
        }
    }

    /// A thread that can read this, and no more, goes on.
    pub fn renew(&self, readable: Option<Identity>) {
        *self.places() = Places { readable, beyond: None };
        self.exceeded.store(false, Ordering::Relaxed);
    }

    /// Nobody will ever read what was found.
    pub fn give_up(&self) {
        let beyond = self.places().beyond;
        self.renew(beyond);
    }

    /// Whether there is something to be read which this thread cannot.
    pub fn is_exceeded(&self) -> bool {
        self.exceeded.load(Ordering::Relaxed)
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_new_and_there_exceeds_it() {
        let reach = Reach::default();
        reach.renew(Some((1, 2)));
        reach.refused(None);
        assert!(!reach.is_exceeded(), "there is nothing to go to");
        reach.refused(Some((1, 2)));
        assert!(!reach.is_exceeded(), "another thread would be refused as well");
        reach.refused(Some((1, 3)));
        assert!(reach.is_exceeded());
        reach.renew(Some((1, 3)));
        assert!(!reach.is_exceeded());
    }

    #[test]
    fn who_can_read_nothing_goes_on_when_there_is_something() {
        let reach = Reach::default();
        reach.renew(None);
        reach.refused(Some((1, 2)));
        assert!(reach.is_exceeded());
    }

    #[test]
    fn what_was_given_up_is_not_asked_for_again() {
        let reach = Reach::default();
        reach.renew(Some((1, 2)));
        reach.refused(Some((1, 3)));
        reach.give_up();
        reach.refused(Some((1, 3)));
        assert!(!reach.is_exceeded());
        reach.refused(Some((1, 4)));
        assert!(reach.is_exceeded());
    }
}
