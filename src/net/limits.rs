//! How much one loop may do at a time, and hold.

use std::time::Duration;

use super::rate::Rate;

/// The limits of one event loop (behaviour, section 8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most connections at once. At the limit the longest idle are closed; while none is
    /// idle, accepting pauses.
    pub connections_max: usize,
    /// Most bytes one of many connections reads and writes before others have their turn
    /// (R28b): a fast reader of a large file must not keep anyone waiting.
    pub turn_bytes_max: usize,
    /// Most connections accepted before others have their turn.
    pub turn_accepts_max: usize,
    /// How fast each connection may send; None is as fast as it can.
    pub rate: Option<Rate>,
    /// How long connections may take to end when the server stops.
    pub grace: Duration,
    /// First and longest pause when the system is out of descriptors (R24).
    pub accept_pause_min: Duration,
    /// See `accept_pause_min`; the pause doubles in between.
    pub accept_pause_max: Duration,
}

/// Of fewer connections than this in a turn, each may move as much more: together they keep
/// a client that comes no longer waiting, and the fewer calls there are for a large file,
/// the less it costs.
const FEW: usize = 4;

impl Limits {
    /// Most bytes that each of so many connections moves in a turn.
    pub fn turn_bytes(&self, connections: usize) -> usize {
        // Who may move nothing would never get on.
        self.turn_bytes_max.max(1).saturating_mul((FEW / connections.max(1)).max(1))
    }

    /// The limits of one of several loops, which share the connections evenly. One count
    /// over all loops would let the idle connections of one keep the clients of another
    /// waiting: only their own loop can close them.
    #[must_use]
    pub fn share(&self, index: usize, loops: usize) -> Limits {
        let loops = loops.max(1);
        let rest = usize::from(index < self.connections_max % loops);
        Limits { connections_max: self.connections_max / loops + rest, ..self.clone() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections_max: 65_536,
            turn_bytes_max: 512 * 1024,
            turn_accepts_max: 64,
            rate: None,
            grace: Duration::from_secs(10),
            accept_pause_min: Duration::from_millis(100),
            accept_pause_max: Duration::from_secs(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R28b.
    #[test]
    fn few_connections_move_together_what_many_may_move() {
        let limits = Limits { turn_bytes_max: 100, ..Limits::default() };
        for connections in 0..100 {
            let each = limits.turn_bytes(connections);
            assert!(each >= 100 && (each == 100 || connections * each <= FEW * 100), "{connections}: {each}");
        }
        assert_eq!((limits.turn_bytes(1), limits.turn_bytes(2)), (400, 200));
    }

    #[test]
    fn the_shares_of_all_loops_add_up() {
        for (most, loops) in [(8, 4), (10, 4), (3, 4), (65_536, 7), (1, 1)] {
            let limits = Limits { connections_max: most, ..Limits::default() };
            let shares: Vec<usize> =
                (0..loops).map(|index| limits.share(index, loops).connections_max).collect();
            assert_eq!(shares.iter().sum::<usize>(), most, "{shares:?}");
        }
    }
}
