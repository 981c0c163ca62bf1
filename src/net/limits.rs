//! How much one loop may do at a time, and hold.

use std::time::Duration;

/// The limits of one event loop (behaviour, section 8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most connections at once, over all loops. At the limit the longest idle are
    /// closed; while none is idle, accepting pauses.
    pub connections_max: usize,
    /// Most bytes one connection reads and writes before others have their turn
    /// (R28b): a fast reader of a large file must not keep anyone waiting.
    pub turn_bytes_max: usize,
    /// Most connections accepted before others have their turn.
    pub turn_accepts_max: usize,
    /// How long connections may take to end when the server stops.
    pub grace: Duration,
    /// First and longest pause when the system is out of descriptors (R24).
    pub accept_pause_min: Duration,
    /// See `accept_pause_min`; the pause doubles in between.
    pub accept_pause_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections_max: 65_536,
            turn_bytes_max: 256 * 1024,
            turn_accepts_max: 64,
            grace: Duration::from_secs(10),
            accept_pause_min: Duration::from_millis(100),
            accept_pause_max: Duration::from_secs(1),
        }
    }
}
