//! What must hold of a connection that waits (hazards 4.2). It is checked in debug builds.

use super::{Conn, RESPONSES_MAX, State};
use crate::h1::limits::Limits;
use crate::http::Handler;

/// Most that the loop reads at once.
const READ_MAX: usize = 16 * 1024;

impl<H: Handler> Conn<H> {
    pub(super) fn check_invariants(&self, limits: &Limits) {
        let (input, queue) = (self.input.len(), &self.queue);
        debug_assert!(input <= limits.head_bytes_max + READ_MAX, "{input} bytes are held");
        debug_assert!(self.responses <= RESPONSES_MAX && self.in_flight.len() <= RESPONSES_MAX);
        debug_assert!(self.in_flight.iter().is_sorted_by_key(|flight| flight.end));
        debug_assert!(self.in_flight.back().is_none_or(|flight| self.cut || flight.end <= queue.pushed()));
        debug_assert!(self.work.is_none(), "work that nobody has taken");
        let is_asked = matches!(self.state, State::Delayed | State::Answering);
        debug_assert_eq!(self.pending.is_some(), is_asked, "{:?}", self.state);
        let goes_on = self.cut || self.stream.is_some() || self.state == State::Answering;
        debug_assert!(!self.last || queue.ends() || goes_on);
        debug_assert!(self.stream.is_none() || self.last && !self.cut, "events, and something behind them");
        debug_assert!(!self.cut || self.state == State::Sending, "it was cut, and goes on");
        match self.state {
            State::Idle => debug_assert!(input == 0 && queue.is_empty() && !self.last && !self.eof),
            State::Head => debug_assert!(input > 0 && queue.is_empty() && !self.last && !self.eof),
            State::Sending => debug_assert!(!queue.is_empty(), "nothing is left to be sent"),
            State::Listening => debug_assert!(self.stream.is_some() && queue.is_empty() && !self.eof),
            State::Delayed | State::Answering => {}
            State::Parting | State::Lingering { .. } => {
                debug_assert!(input == 0 && queue.is_empty() && self.last | self.stopping);
            }
            State::Closed | State::Aborted => debug_assert!(false, "it is over"),
        }
    }
}
