//! What answers may hold at once, all of them together: memory, mostly, while they wait to be
//! sent.
//!
//! A listing is made in memory, and a client that does not read keeps it there. What
//! all of them hold together is bounded, whatever the number of clients. The same counts
//! whatever there is not enough of for everybody.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

/// So many bytes of listings at once: half a dozen of the longest, or a thousand usual ones.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// What may still be held; clones share it.
#[derive(Clone, Debug)]
pub struct Budget {
    left: Arc<AtomicUsize>,
}

impl Default for Budget {
    fn default() -> Self {
        Budget::new(BYTES_MAX)
    }
}

impl Budget {
    /// A budget of so many bytes, or of whatever is counted.
    pub fn new(bytes: usize) -> Self {
        Budget { left: Arc::new(AtomicUsize::new(bytes)) }
    }

    /// Takes these bytes into the budget until the last clone of the result is dropped;
    /// None when there is no room for them.
    pub fn lend(&self, bytes: Vec<u8>) -> Option<Bytes> {
        Some(self.reserve(bytes.len())?.hold(bytes))
    }

    /// Whether there is room for so many at the moment.
    pub fn has_room(&self, bytes: usize) -> bool {
        self.left.load(Ordering::Relaxed) >= bytes
    }

    /// Takes so much out of the budget until the result is dropped; None when there is
    /// no room for them.
    pub fn reserve(&self, bytes: usize) -> Option<Reserved> {
        let take = |left: usize| left.checked_sub(bytes);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).ok()?;
        Some(Reserved { bytes, left: Arc::clone(&self.left) })
    }
}

/// Room that goes back into the budget when it is dropped.
#[derive(Debug)]
pub struct Reserved {
    bytes: usize,
    left: Arc<AtomicUsize>,
}

impl Reserved {
    /// Keeps the room until the last clone of the result is dropped.
    pub fn hold(self, bytes: Vec<u8>) -> Bytes {
        Bytes::from_owner(Lent { bytes, _reserved: self })
    }
}

/// Bytes, and the room that they take.
struct Lent {
    bytes: Vec<u8>,
    _reserved: Reserved,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.left.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lent_comes_back_with_the_last_clone() {
        let budget = Budget::new(10);
        let first = budget.lend(vec![0; 6]).unwrap();
        let clone = first.clone();
        assert!(budget.lend(vec![0; 5]).is_none());
        drop(first);
        assert!(budget.lend(vec![0; 5]).is_none());
        drop(clone);
        assert_eq!(budget.lend(vec![0; 10]).unwrap().len(), 10);
    }
}
