//! What a loop has seen, for operators and for tests.

use std::fmt;
use std::ops::Add;

/// What a loop has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Connections accepted.
    pub accepted: u64,
    /// Connections closed; as many as accepted when the loop has ended.
    pub closed: u64,
    /// Idle connections closed to make room.
    pub evicted: u64,
    /// Times that the system had no descriptors left.
    pub exhausted: u64,
    /// Events for connections that were closed already.
    pub stale_events: u64,
    /// Returns from the poller.
    pub wakeups: u64,
    /// Times that a file had to be fetched from a disk before it could be sent.
    pub fetches: u64,
    /// Bugs survived: turns that panicked.
    pub panics: u64,
    /// Bugs survived: connections closed because nothing moved in their turns.
    pub stalled: u64,
}

impl Add for Counters {
    type Output = Counters;

    fn add(self, other: Counters) -> Counters {
        Counters {
            accepted: self.accepted + other.accepted,
            closed: self.closed + other.closed,
            evicted: self.evicted + other.evicted,
            exhausted: self.exhausted + other.exhausted,
            stale_events: self.stale_events + other.stale_events,
            wakeups: self.wakeups + other.wakeups,
            fetches: self.fetches + other.fetches,
            panics: self.panics + other.panics,
            stalled: self.stalled + other.stalled,
        }
    }
}

impl fmt::Display for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counters {
            accepted,
            closed,
            evicted,
            exhausted,
            stale_events,
            wakeups,
            fetches,
            panics,
            stalled,
        } = self;
        write!(
            f,
            "{accepted} connections accepted, {closed} closed, {evicted} evicted; out of descriptors \
             {exhausted} times; {stale_events} stale events, {wakeups} wake-ups, {fetches} fetches, {panics} panics, {stalled} stalled"
        )
    }
}
