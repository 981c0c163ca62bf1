//! The means by which other threads reply to one connection of a loop.

use std::sync::Weak;

use mio::Token;

use super::remote::{Outcome, Remote};

/// Replies to one connection, once, from any thread and at any time.
pub struct Reply<T> {
    pub(super) token: Token,
    pub(super) remote: Remote<T>,
    /// Gone with the connection.
    pub(super) waits: Weak<()>,
}

impl<T> Reply<T> {
    /// Whether anybody waits for it still.
    pub fn is_awaited(&self) -> bool {
        self.waits.strong_count() > 0
    }

    /// Replies. Whoever has left does not hear of it.
    pub fn send(self, done: T) {
        self.deliver(Outcome::Work(Ok(done)));
    }

    pub(super) fn deliver(self, outcome: Outcome<T>) {
        if self.is_awaited() {
            self.remote.deliver(self.token, outcome);
        }
    }
}
