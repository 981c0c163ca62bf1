//! How fast a connection may send: a token bucket, in time instead of tokens.
//!
//! What was sent takes its time at the rate, and the times of all that was sent are laid
//! end to end (`full_at`). How far that lies ahead is what is owed; a burst may
//! be owed, and no more. Nothing is counted while nothing is sent: who is idle for an hour
//! has a burst again, and not more. Pure: the time is passed in.

use std::num::NonZeroU64;
use std::time::{Duration, Instant};

/// A burst is what the rate makes of this time: short enough that a progress bar moves
/// smoothly, and twice what passes between two looks at the [deadlines](super::deadlines).
const BURST: Duration = Duration::from_millis(100);

/// So late a loop may be without anybody losing by it: who has waited gets what he would
/// have had in time. Machines on which people test are busy.
const LATE_MAX: Duration = Duration::from_millis(400);

/// A burst is at least one full segment of Ethernet (1500 bytes without the heads of IP and
/// TCP), for smaller packets would only make a slow network slower.
const SEGMENT: u64 = 1460;

/// But it never takes longer than this, however slow the rate: a pause is no silence that
/// a client takes for the end.
const BURST_MAX: Duration = Duration::from_secs(1);

const NANOS: u128 = 1_000_000_000;

/// Bytes a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(NonZeroU64);

impl Rate {
    /// None for nothing a second, which would never end.
    pub fn per_second(bytes: u64) -> Option<Rate> {
        NonZeroU64::new(bytes).map(Rate)
    }

    /// Bytes a second.
    pub fn bytes_per_second(self) -> u64 {
        self.0.get()
    }

    /// How long so many bytes take, rounded up: never faster than the rate.
    fn time_of(self, bytes: u64) -> Duration {
        let nanos = (u128::from(bytes) * NANOS).div_ceil(u128::from(self.0.get()));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// What can be sent in this time, rounded down.
    fn bytes_in(self, time: Duration) -> u64 {
        let bytes = time.as_nanos() * u128::from(self.0.get()) / NANOS;
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }

    /// Most that is sent at once.
    pub fn burst(self) -> u64 {
        let least = SEGMENT.min(self.bytes_in(BURST_MAX));
        self.bytes_in(BURST).max(least)
    }
}

/// What a bucket allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowance {
    /// So many bytes now.
    Bytes(u64),
    /// Nothing before then.
    From(Instant),
}

/// The rate of one connection, and what it owes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    rate: Rate,
    /// When all that was sent will have had its time.
    full_at: Instant,
    /// It was told to wait, and has not had all that it wants since.
    waits: bool,
}

impl Bucket {
    /// A full one.
    pub fn new(rate: Rate, now: Instant) -> Bucket {
        Bucket { rate, full_at: now, waits: false }
    }

    /// What of `wanted` bytes may be sent now. Crumbs are not worth a system call: it waits
    /// until two fifths of a burst are there, or all that is wanted. As the deadlines are
    /// rounded up, that is one call in 50 ms.
    pub fn allowance(&mut self, wanted: u64, now: Instant) -> Allowance {
        // What is not used is lost, unless it is the loop that has not come to it.
        let late = if self.waits { LATE_MAX } else { Duration::ZERO };
        self.full_at = self.full_at.max(now.checked_sub(late).unwrap_or(now));
        let burst = self.rate.burst();
        let due = self.rate.time_of(burst) + now.saturating_duration_since(self.full_at);
        let owed = self.full_at.saturating_duration_since(now);
        let least = (burst * 2 / 5).max(1).min(wanted);
        let ready = self.rate.bytes_in(due.saturating_sub(owed));
        self.waits = ready < least || (self.waits && ready < wanted);
        if ready >= least {
            return Allowance::Bytes(ready.min(wanted));
        }
        Allowance::From(now + (owed + self.rate.time_of(least)).saturating_sub(due))
    }

    /// So many bytes of what was allowed were sent.
    pub fn take(&mut self, bytes: u64) {
        self.full_at += self.rate.time_of(bytes);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "rate_tests.rs"]
mod tests;
