//! When requests are due: at once, when a connection has nothing to do (a closed loop), or
//! at fixed times (an open one), where a server that stalls does not make the requests
//! fewer that feel it.

use std::time::{Duration, Instant};

/// Gives the requests out, one by one.
pub struct Schedule {
    start: Instant,
    rate: Option<f64>,
    given: u64,
    most: u64,
}

impl Schedule {
    pub fn new(start: Instant, rate: Option<f64>) -> Schedule {
        Schedule { start, rate, given: 0, most: u64::MAX }
    }

    /// So many more, and no others.
    pub fn end_after(&mut self, requests: u64) {
        self.most = self.given.saturating_add(requests);
    }

    /// These came to nothing, and others may take their place.
    pub fn replace(&mut self, requests: u64) {
        self.most = self.most.saturating_add(requests);
    }

    /// When the next request is, or was, due.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        if self.given >= self.most {
            return None;
        }
        let after = |rate: f64| self.start + Duration::from_secs_f64(self.given as f64 / rate);
        Some(self.rate.map_or(now, after))
    }

    /// The next request, if its time has come.
    pub fn next(&mut self, now: Instant) -> Option<Instant> {
        let due = self.due(now).filter(|due| *due <= now)?;
        self.given += 1;
        Some(due)
    }
}
