//! Where the time of one turn of the loop went, so that a warning can say it (R28d).
//!
//! The clock is read at the end of a stage that had something to do, never for each
//! connection: a quiet turn costs one reading more than it would without. Pure: times
//! are passed in.

use std::fmt;
use std::time::{Duration, Instant};

/// A turn of the loop that takes longer is worth a warning: somebody had to wait.
pub const SLOW_TURN: Duration = Duration::from_millis(100);

/// What a loop does in a turn, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Marking what the poller has reported, and handing out what the pool has made.
    Results,
    /// Telling connections that their time is over.
    Deadlines,
    /// Telling all of them that the server stops.
    Stopping,
    /// Taking clients in.
    Accepting,
    /// The turns of connections: reading, answering, writing.
    Turns,
    /// Closing the sockets of those who are through, and the protocol's end of turn.
    Ending,
}

impl Stage {
    /// All of them.
    pub const ALL: [Stage; 6] =
        [Stage::Results, Stage::Deadlines, Stage::Stopping, Stage::Accepting, Stage::Turns, Stage::Ending];
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stage::Results => "results of slow work",
            Stage::Deadlines => "timeouts",
            Stage::Stopping => "stopping",
            Stage::Accepting => "accepting connections",
            Stage::Turns => "answering and sending",
            Stage::Ending => "closing connections and logging",
        })
    }
}

/// A turn that took too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slow {
    /// All of it.
    pub took: Duration,
    /// The longest stage,
    pub stage: Stage,
    /// and how long that was.
    pub stage_took: Duration,
}

/// The time of one turn, as it goes by.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    began: Instant,
    last: Instant,
    longest: (Duration, Stage),
}

impl Pace {
    /// The turn begins.
    pub fn begin(now: Instant) -> Pace {
        Pace { began: now, last: now, longest: (Duration::ZERO, Stage::Results) }
    }

    /// A stage has ended. What lies between two of them is part of the later one.
    pub fn end(&mut self, stage: Stage, now: Instant) {
        let took = now.saturating_duration_since(self.last);
        if took > self.longest.0 {
            self.longest = (took, stage);
        }
        self.last = now;
    }

    /// What there is to warn of, after the last stage.
    pub fn slow(&self) -> Option<Slow> {
        let took = self.last.saturating_duration_since(self.began);
        let (stage_took, stage) = self.longest;
        (took > SLOW_TURN).then_some(Slow { took, stage, stage_took })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A turn whose stages take so many milliseconds.
    fn turn(stages: &[(Stage, u64)]) -> Option<Slow> {
        let mut now = Instant::now();
        let mut pace = Pace::begin(now);
        for (stage, millis) in stages {
            now += Duration::from_millis(*millis);
            pace.end(*stage, now);
        }
        pace.slow()
    }

    /// R28d.
    #[test]
    fn a_slow_turn_is_told_with_its_longest_stage() {
        let table = [
            (&[(Stage::Accepting, 0), (Stage::Turns, 150), (Stage::Ending, 1)][..], 151, Stage::Turns, 150),
            (&[(Stage::Results, 20), (Stage::Deadlines, 90), (Stage::Turns, 80)], 190, Stage::Deadlines, 90),
            (&[(Stage::Accepting, 120), (Stage::Turns, 120), (Stage::Ending, 0)], 240, Stage::Accepting, 120),
            (&[(Stage::Stopping, 30), (Stage::Turns, 40), (Stage::Ending, 50)], 120, Stage::Ending, 50),
        ];
        for (stages, took, stage, stage_took) in table {
            let (took, stage_took) = (Duration::from_millis(took), Duration::from_millis(stage_took));
            assert_eq!(turn(stages), Some(Slow { took, stage, stage_took }), "{stages:?}");
        }
    }

    #[test]
    fn a_turn_of_a_tenth_of_a_second_is_not_slow_yet() {
        assert_eq!(turn(&[(Stage::Turns, 60), (Stage::Ending, 40)]), None);
        assert!(turn(&[(Stage::Turns, 60), (Stage::Ending, 41)]).is_some());
        assert_eq!(turn(&[]), None);
    }

    #[test]
    fn a_clock_that_stands_still_or_steps_back_does_no_harm() {
        let now = Instant::now() + Duration::from_secs(1);
        let mut pace = Pace::begin(now);
        pace.end(Stage::Turns, now - Duration::from_millis(500));
        pace.end(Stage::Ending, now);
        assert_eq!(pace.slow(), None);
    }
}
