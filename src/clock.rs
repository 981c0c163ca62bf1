//! Floor 1: the one place that asks what time it is.
//!
//! Everything above is handed a [`Now`], one for all that the loop does at a time, so that
//! timeouts, dates and validators are tested in virtual time. It never sleeps.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// How many readings there were.
static READINGS: AtomicU64 = AtomicU64::new(0);

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
    /// Which reading it is: clocks may stand still between two.
    reading: u64,
}

impl Now {
    /// Reads both clocks.
    pub fn read() -> Self {
        Now::number(Instant::now(), SystemTime::now())
    }

    fn number(instant: Instant, system: SystemTime) -> Self {
        Now { instant, system, reading: READINGS.fetch_add(1, Ordering::Relaxed) }
    }

    /// Whether both are one and the same reading. What was looked up with it was looked
    /// up late enough for everything that had come before it.
    ///
    /// ```
    /// use serve::clock::Now;
    /// let now = Now::read();
    /// assert!(now.is_same_reading(&now) && !now.is_same_reading(&Now::read()));
    /// ```
    pub fn is_same_reading(&self, other: &Now) -> bool {
        self.reading == other.reading
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
        Now::number(self.instant + by, self.system + by)
    }

    /// A reading of the same moment by a wall clock that shows `system`: virtual time, too.
    #[must_use]
    pub fn with_system(self, system: SystemTime) -> Self {
        Now::number(self.instant, system)
    }

    /// Whole seconds of the wall clock since 1970; 0 for clocks set before it.
    pub fn unix_seconds(&self) -> u64 {
        self.system.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs())
    }
}
