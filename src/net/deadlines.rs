//! When the loop must wake up although nothing happens.
//!
//! A heap of (time, token), made lazy: a connection that has something armed no
//! later than its deadline needs nothing new, and when that fires too early it is
//! armed again. So a request on a kept-alive connection, which moves the deadline
//! back by milliseconds, costs no heap operation at all.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

/// Timers fire up to this much late, if nobody waits for them, and together: a thousand idle
/// connections that came within a moment cost one wake-up, not a thousand.
pub const GRANULARITY: Duration = Duration::from_millis(50);

/// Below this size the heap is left alone.
const COMPACT_FROM: usize = 1024;

/// The deadlines of the connections of one loop.
#[derive(Debug)]
pub struct Deadlines {
    heap: BinaryHeap<Reverse<(Instant, usize)>>,
    /// Where the grid of `GRANULARITY` begins.
    origin: Instant,
}

impl Deadlines {
    /// None yet.
    pub fn new(origin: Instant) -> Self {
        Deadlines { heap: BinaryHeap::new(), origin }
    }

    /// Makes sure that `key` is looked at when `deadline` has come, at once if that is to be
    /// `punctual`. `armed` is the connection's own note of the earliest time at which it will
    /// be.
    pub fn arm(&mut self, key: usize, deadline: Instant, punctual: bool, armed: &mut Option<Instant>) {
        let due = if punctual { deadline } else { self.round_up(deadline) };
        if armed.is_none_or(|armed| due < armed) {
            *armed = Some(due);
            self.heap.push(Reverse((due, key)));
        }
    }

    /// Forgets what nothing waits for any more, once that is most of the heap: a server
    /// that sees thousands of short connections a second would else keep a minute of them.
    pub fn compact(&mut self, live: usize, is_armed: impl Fn(usize, Instant) -> bool) {
        if self.heap.len() > 2 * live + COMPACT_FROM {
            self.heap.retain(|Reverse((due, key))| is_armed(*key, *due));
        }
    }

    /// Everything that will be looked at: the key, and when.
    pub fn iter(&self) -> impl Iterator<Item = (usize, Instant)> {
        self.heap.iter().map(|Reverse((due, key))| (*key, *due))
    }

    /// When the first one is due that something waits for. Those before it are forgotten: who
    /// has left must not wake a loop that has nothing to do.
    pub fn next(&mut self, is_armed: impl Fn(usize, Instant) -> bool) -> Option<Instant> {
        while let Some(&Reverse((due, key))) = self.heap.peek() {
            if is_armed(key, due) {
                return Some(due);
            }
            self.heap.pop();
        }
        None
    }

    /// Takes one that is due: the key, and the time it was armed for. It means
    /// something only if the connection still has that noted.
    pub fn pop(&mut self, now: Instant) -> Option<(usize, Instant)> {
        let Reverse((due, _)) = self.heap.peek()?;
        if *due > now {
            return None;
        }
        self.heap.pop().map(|Reverse((due, key))| (key, due))
    }

    fn round_up(&self, deadline: Instant) -> Instant {
        let since = deadline.saturating_duration_since(self.origin).as_nanos();
        let steps = since.div_ceil(GRANULARITY.as_nanos());
        let rounded = u64::try_from(steps * GRANULARITY.as_nanos()).map(Duration::from_nanos);
        rounded.ok().and_then(|since| self.origin.checked_add(since)).unwrap_or(deadline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_deadline_costs_nothing_and_an_earlier_one_counts() {
        let start = Instant::now();
        let (mut deadlines, mut armed) = (Deadlines::new(start), None);
        deadlines.arm(1, start + Duration::from_secs(60), false, &mut armed);
        deadlines.arm(1, start + Duration::from_secs(70), false, &mut armed);
        assert_eq!(deadlines.heap.len(), 1);
        deadlines.arm(1, start + Duration::from_secs(10), false, &mut armed);
        assert_eq!(
            (deadlines.next(|_, due| Some(due) == armed), armed),
            (Some(start + Duration::from_secs(10)), Some(start + Duration::from_secs(10)))
        );
    }

    #[test]
    fn what_nothing_waits_for_is_forgotten() {
        let start = Instant::now();
        let mut deadlines = Deadlines::new(start);
        for key in 0..100_000 {
            let mut armed = None;
            deadlines.arm(key, start + Duration::from_secs(60), false, &mut armed);
            deadlines.compact(1, |other, due| other == key && armed == Some(due));
        }
        assert!(deadlines.heap.len() <= COMPACT_FROM + 3);
        assert!(deadlines.pop(start + Duration::from_secs(60)).is_some());
    }

    #[test]
    fn nobody_is_woken_for_who_has_left() {
        let start = Instant::now();
        let mut deadlines = Deadlines::new(start);
        let mut armed = [None; 100];
        for (key, armed) in armed.iter_mut().enumerate() {
            deadlines.arm(key, start + Duration::from_secs(key as u64), false, armed);
        }
        let stays = |key: usize, due| key == 90 && armed[90] == Some(due);
        assert_eq!(deadlines.next(stays), armed[90]);
        assert_eq!(deadlines.heap.len(), 10);
        assert_eq!(deadlines.next(|_, _| false), None);
    }

    #[test]
    fn nothing_fires_early_and_neighbours_fire_together() {
        let start = Instant::now();
        let mut deadlines = Deadlines::new(start);
        for key in 0..1000 {
            deadlines.arm(key, start + Duration::from_micros(key as u64 * 40), false, &mut None);
        }
        assert_eq!(deadlines.pop(start), Some((0, start)));
        assert_eq!(deadlines.pop(start + Duration::from_millis(49)), None);
        let fired = std::iter::from_fn(|| deadlines.pop(start + GRANULARITY)).count();
        assert_eq!(fired, 999);
        assert_eq!(deadlines.next(|_, _| true), None);
    }

    #[test]
    fn who_is_waited_for_is_not_kept_waiting() {
        let start = Instant::now();
        let (mut deadlines, due) = (Deadlines::new(start), start + Duration::from_millis(7));
        deadlines.arm(1, due, true, &mut None);
        assert_eq!(deadlines.pop(due - Duration::from_nanos(1)), None);
        assert_eq!(deadlines.pop(due), Some((1, due)));
    }
}
