//! Troubles on standard error, as many as somebody can read.
//!
//! A disk that fails, or a client that asks for what cannot be read, makes thousands of
//! the same. A log that fills the disk would be a trouble of its own. Pure: times are
//! passed in.

use std::time::{Duration, Instant};

/// So many are told in an interval; the others are counted.
const REPORTS_MAX: u32 = 20;
const INTERVAL: Duration = Duration::from_secs(10);

/// What is to be said of one more report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// So many of the interval before were kept back, which is to be said first.
    pub untold: u32,
    /// Whether this one is told.
    pub is_told: bool,
}

/// Counts reports.
#[derive(Clone, Copy, Debug)]
pub struct Limiter {
    began: Instant,
    count: u32,
}

impl Limiter {
    /// None was told yet.
    pub fn new(now: Instant) -> Limiter {
        Limiter { began: now, count: 0 }
    }

    /// One more.
    pub fn judge(&mut self, now: Instant) -> Verdict {
        let mut untold = 0;
        if now.saturating_duration_since(self.began) >= INTERVAL {
            untold = self.count.saturating_sub(REPORTS_MAX);
            *self = Limiter::new(now);
        }
        self.count = self.count.saturating_add(1);
        Verdict { untold, is_told: self.count <= REPORTS_MAX }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLD: Verdict = Verdict { untold: 0, is_told: true };
    const KEPT: Verdict = Verdict { untold: 0, is_told: false };

    #[test]
    fn twenty_are_told_and_the_others_counted_until_ten_seconds_are_over() {
        let start = Instant::now();
        let mut limiter = Limiter::new(start);
        let late = start + INTERVAL - Duration::from_nanos(1);
        for report in 0..25 {
            let now = if report < 3 { start } else { late };
            assert_eq!(limiter.judge(now), if report < 20 { TOLD } else { KEPT }, "{report}");
        }
        let next = start + INTERVAL;
        assert_eq!(limiter.judge(next), Verdict { untold: 5, is_told: true });
        assert_eq!(limiter.judge(next), TOLD, "told once");
    }

    #[test]
    fn an_interval_begins_with_the_first_report_after_the_last_one() {
        let start = Instant::now();
        let mut limiter = Limiter::new(start);
        assert_eq!(limiter.judge(start + INTERVAL * 3), TOLD);
        for _ in 1..20 {
            assert_eq!(limiter.judge(start + INTERVAL * 4 - Duration::from_nanos(1)), TOLD);
        }
        assert_eq!(limiter.judge(start + INTERVAL * 4 - Duration::from_nanos(1)), KEPT);
        assert_eq!(limiter.judge(start + INTERVAL * 4), Verdict { untold: 1, is_told: true });
    }

    #[test]
    fn a_flood_is_counted_without_end_and_a_clock_that_steps_back_does_no_harm() {
        let start = Instant::now() + INTERVAL;
        let mut limiter = Limiter { began: start, count: u32::MAX };
        assert_eq!(limiter.judge(start - INTERVAL), KEPT);
        let untold = u32::MAX - 20;
        assert_eq!(limiter.judge(start + INTERVAL), Verdict { untold, is_told: true });
    }
}
