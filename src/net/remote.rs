//! How other threads reach a loop: results of the pool, and the wish to stop.

use std::io;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use mio::{Token, Waker};

use super::protocol::Refused;

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

/// What came of a piece of work.
pub(super) type Outcome<T> = Result<T, Refused>;

/// A handle on a loop, for other threads.
pub struct Remote<T> {
    inner: Arc<Inner<T>>,
}

struct Inner<T> {
    waker: Waker,
    done: Mutex<Vec<(Token, Outcome<T>)>>,
    stop: AtomicU8,
}

impl<T> Clone for Remote<T> {
    fn clone(&self) -> Self {
        Remote { inner: Arc::clone(&self.inner) }
    }
}

impl<T> Remote<T> {
    pub(super) fn new(waker: Waker) -> Self {
        Remote { inner: Arc::new(Inner { waker, done: Mutex::default(), stop: AtomicU8::new(0) }) }
    }

    /// Asks the loop to stop: gracefully, and at once when asked again.
    ///
    /// # Errors
    /// When the loop cannot be woken; it will still see the wish when it wakes.
    pub fn stop(&self) -> io::Result<()> {
        // Saturates: a third signal is as urgent as the second.
        let _ =
            self.inner.stop.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| Some(n.saturating_add(1)));
        self.inner.waker.wake()
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
            let _ = self.inner.waker.wake();
        }
    }

    pub(super) fn take_delivered(&self) -> Vec<(Token, Outcome<T>)> {
        std::mem::take(&mut *self.inner.done.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
