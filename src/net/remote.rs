//! How other threads reach a loop: results of the pool, and the wish to stop.

use std::io;

use mio::Token;

use super::platform::Wake;
use super::protocol::Refused;
use crate::sync::{Arc, AtomicBool, AtomicU8, Mutex, Ordering, PoisonError};

/// How urgently a loop is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// Not at all.
    No,
    /// When the connections have ended, or the grace time is over.
    Gracefully,
    /// Now.
    AtOnce,
}

/// What the pool has done for a connection.
pub(super) enum Outcome<T> {
    /// The work that its protocol has asked for.
    Work(Result<T, Refused>),
    /// Its file is read as far as it will be sent next.
    Fetched,
}

/// A handle on a loop, for other threads.
pub struct Remote<T> {
    inner: Arc<Inner<T>>,
}

struct Inner<T> {
    wake: Wake,
    done: Mutex<Vec<(Token, Outcome<T>)>>,
    stop: AtomicU8,
    /// Set before each wake, so that one which gets lost costs nothing: mio's `poll(2)`
    /// back end forgets those that come while a socket is registered (mio#1874).
    news: AtomicBool,
}

impl<T> Clone for Remote<T> {
    fn clone(&self) -> Self {
        Remote { inner: Arc::clone(&self.inner) }
    }
}

impl<T> Remote<T> {
    pub(super) fn new(wake: Wake) -> Self {
        let (done, stop, news) = (Mutex::default(), AtomicU8::new(0), AtomicBool::new(false));
        Remote { inner: Arc::new(Inner { wake, done, stop, news }) }
    }

    /// Asks the loop to stop: gracefully, and at once when asked again.
    ///
    /// # Errors
    /// When the loop cannot be woken; it will still see the wish when it wakes.
    pub fn stop(&self) -> io::Result<()> {
        // Saturates: a third signal is as urgent as the second.
        let _ =
            self.inner.stop.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| Some(n.saturating_add(1)));
        self.wake()
    }

    fn wake(&self) -> io::Result<()> {
        // Not a store, which would hide from the loop what another thread has told just before.
        self.inner.news.swap(true, Ordering::Release);
        (self.inner.wake)()
    }

    /// Whether something has come since the loop last looked; it must not sleep then.
    pub(super) fn has_news(&self) -> bool {
        self.inner.news.load(Ordering::Acquire)
    }

    pub(super) fn stop_wanted(&self) -> Stop {
        match self.inner.stop.load(Ordering::Relaxed) {
            0 => Stop::No,
            1 => Stop::Gracefully,
            _ => Stop::AtOnce,
        }
    }

    /// Hands a result over; only the first since the loop last looked needs to wake it.
    pub(super) fn deliver(&self, token: Token, outcome: Outcome<T>) {
        let mut done = self.inner.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.push((token, outcome));
        let first = done.len() == 1;
        drop(done);
        if first {
            // A waker fails only when its poller is gone, and then nobody waits.
            let _ = self.wake();
        }
    }

    /// What was delivered since the loop last looked; this is where it looks.
    pub(super) fn take_delivered(&self) -> Vec<(Token, Outcome<T>)> {
        if !self.inner.news.swap(false, Ordering::AcqRel) {
            return Vec::new();
        }
        std::mem::take(&mut *self.inner.done.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
