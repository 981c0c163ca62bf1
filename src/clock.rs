//! Floor 1: the one place that asks what time it is.
//!
//! Everything above is handed a [`Now`], read once per turn of the loop, so that
//! timeouts, dates and validators are tested in virtual time. It never sleeps.

use std::time::{Duration, Instant, SystemTime};

/// One reading of both clocks.
///
/// Deadlines use `instant`, which never jumps (hazards R27); dates on the wire
/// use `system`, which follows the wall clock.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// The monotonic clock.
    pub instant: Instant,
    /// The wall clock.
    pub system: SystemTime,
}

impl Now {
    /// Reads both clocks.
    pub fn read() -> Self {
        Now { instant: Instant::now(), system: SystemTime::now() }
    }

    /// Reads the monotonic clock alone, for who only measures.
    pub fn instant() -> Instant {
        Instant::now()
    }

    /// The same moment, `by` later on both clocks: virtual time for tests.
    ///
    /// ```
    /// use serve::clock::Now;
    /// use std::time::Duration;
    /// let now = Now::read();
    /// let then = now.later(Duration::from_secs(10));
    /// assert_eq!(then.instant - now.instant, Duration::from_secs(10));
    /// ```
    #[must_use]
    pub fn later(self, by: Duration) -> Self {
        Now { instant: self.instant + by, system: self.system + by }
    }

    /// Whole seconds of the wall clock since 1970; 0 for clocks set before it.
    pub fn unix_seconds(&self) -> u64 {
        self.system.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs())
    }
}
