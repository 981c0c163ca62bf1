//! Whether a connection gets on, or only keeps the loop awake (R28d).
//!
//! A turn that moves no byte, clears no latch and changes neither phase nor deadline of
//! the protocol was for nothing. After an event that is no wonder: the peer sends when it
//! likes, and the protocol may not want to read yet. But a turn that the loop itself
//! asked for, because the budget was spent, a deadline had passed or the pool had
//! answered, must get on; if a thousand in a row do not, it is a bug in the protocol,
//! and would cost a processor for ever. Pure: no socket and no clock is in it.

use std::time::Instant;

use super::protocol::{Phase, Protocol};

/// After so many turns for nothing the connection is closed.
pub const IDLE_TURNS_MAX: u16 = 1000;

/// How far a protocol is, as far as the loop can see.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    phase: Phase,
    deadline: Instant,
}

impl Mark {
    /// Where the protocol is now.
    pub fn of(protocol: &impl Protocol) -> Mark {
        Mark { phase: protocol.phase(), deadline: protocol.deadline() }
    }

    /// Whether it got on since. A deadline that is moved, but is over already, will only
    /// wake the loop again.
    fn has_moved(self, to: Mark, now: Instant) -> bool {
        self.phase != to.phase || (self.deadline != to.deadline && to.deadline > now)
    }
}

/// What is remembered of a connection's turns.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    moved: bool,
    /// An event asked for the turn.
    called: bool,
    /// Turns for nothing, in a row.
    idle_turns: u16,
}

impl Progress {
    /// An event has come: the next turn is the peer's doing.
    pub fn call(&mut self) {
        self.called = true;
    }

    /// Bytes have moved, or a latch was cleared.
    pub fn move_on(&mut self, has_moved: bool) {
        self.moved |= has_moved;
    }

    /// The protocol was told something.
    pub fn compare(&mut self, before: Mark, after: Mark, now: Instant) {
        self.moved |= before.has_moved(after, now);
    }

    /// Ends a turn; says whether there were too many for nothing.
    pub fn end_turn(&mut self) -> bool {
        match (std::mem::take(&mut self.moved), std::mem::take(&mut self.called)) {
            (true, _) => self.idle_turns = 0,
            (false, true) => {}
            (false, false) => self.idle_turns = self.idle_turns.saturating_add(1),
        }
        self.idle_turns > IDLE_TURNS_MAX
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Whether it is stuck at the end of so many turns.
    fn after(turns: u16, progress: &mut Progress, mut each: impl FnMut(&mut Progress)) -> bool {
        (0..turns).any(|_| {
            each(progress);
            progress.end_turn()
        })
    }

    /// R28d.
    #[test]
    fn a_thousand_turns_for_nothing_are_suffered_and_one_more_is_stuck() {
        let mut progress = Progress::default();
        assert!(!after(1000, &mut progress, |_| {}));
        assert!(progress.end_turn());
    }

    #[test]
    fn whatever_moves_begins_the_count_anew() {
        let mut progress = Progress::default();
        for _ in 0..3 {
            assert!(!after(1000, &mut progress, |_| {}));
            progress.move_on(true);
            progress.move_on(false);
            assert!(!progress.end_turn());
        }
    }

    #[test]
    fn turns_that_the_peer_asked_for_do_not_count_and_hide_nothing() {
        let mut progress = Progress::default();
        assert!(!after(u16::MAX, &mut progress, Progress::call), "it may send when it likes");
        let mut turn = 0;
        let every_other = |progress: &mut Progress| {
            turn += 1;
            if turn % 2 == 0 {
                progress.call();
            }
        };
        assert!(after(2 * 1000 + 1, &mut progress, every_other));
    }

    #[test]
    fn a_protocol_gets_on_by_its_phase_or_by_a_deadline_to_come() {
        let now = Instant::now();
        let later = |seconds| now + Duration::from_secs(seconds);
        let open = |deadline| Mark { phase: Phase::Open, deadline };
        let closed = |deadline| Mark { phase: Phase::Closed, deadline };
        for (before, to, expected) in [
            (open(now), open(now), false),
            (open(later(9)), open(later(9)), false),
            (open(now), open(later(1)), true),
            (open(later(9)), open(later(1)), true),
            // Moved, and over already.
            (open(later(9)), open(now), false),
            (open(now), closed(now), true),
        ] {
            let mut progress = Progress { idle_turns: 7, ..Progress::default() };
            progress.compare(before, to, now);
            progress.end_turn();
            assert_eq!(progress.idle_turns, if expected { 0 } else { 8 }, "{before:?} {to:?}");
        }
    }
}
