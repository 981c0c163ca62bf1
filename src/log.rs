//! Floor 3: the access log, one line per response, and the error log.
//!
//! A loop formats lines into a buffer of its own and hands it over once a turn, or when
//! that is full. One thread writes, and it alone ever waits for the terminal, the pipe or
//! the disk behind it: what comes while too much waits is dropped and counted. A log never
//! stops the serving, whatever its sink does (hazards R47).
//!
//! Nothing that came from a client is written as it came: every byte that is not
//! printable ASCII is escaped (R46), so no request can steer a terminal or forge a line.

mod format;
mod writer;

pub use format::{Format, Stamp, escape, line};
pub use writer::Writer;

use crate::clock::Now;
use crate::http::Exchange;

/// So many bytes are handed over before the turn ends. What is handed over at once is taken or
/// dropped as one, so it must be little next to what may wait; and the buffer stays small.
const HANDED_OVER: usize = 64 * 1024;

/// The access log of one loop.
pub struct AccessLog {
    format: Format,
    buffer: Vec<u8>,
    stamp: Stamp,
    lines: u64,
    writer: Writer,
}

impl AccessLog {
    /// A log in this format, written by this writer.
    pub fn new(format: Format, writer: Writer) -> Self {
        AccessLog { format, buffer: Vec::new(), stamp: Stamp::default(), lines: 0, writer }
    }

    /// Whether it wants to hear of requests at all.
    pub fn is_on(&self) -> bool {
        self.format != Format::Off
    }

    /// Formats the line of a response that has ended.
    pub fn push(&mut self, exchange: &Exchange, now: &Now) {
        if self.is_on() {
            line(&mut self.buffer, self.format, exchange, &mut self.stamp, now);
            self.lines += 1;
            if self.buffer.len() >= HANDED_OVER {
                self.hand_over();
            }
        }
    }

    /// Hands over what has gathered.
    pub fn end_of_turn(&mut self) {
        self.hand_over();
    }

    fn hand_over(&mut self) {
        if self.lines > 0 {
            self.writer.push(&self.buffer, self.lines);
            self.buffer.clear();
            self.lines = 0;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::http::Peer;
    use std::io;
    use std::time::Duration;

    /// R47: what is handed over as one is dropped as one.
    #[test]
    fn a_turn_of_many_lines_is_handed_over_in_pieces() {
        let writer = Writer::start(io::sink());
        let mut log = AccessLog::new(Format::Combined, writer.clone());
        let now = Now::read();
        let peer = Peer { address: ([127, 0, 0, 1], 5000).into(), loopback: true };
        let exchange = Exchange::begin(peer, b"GET / HTTP/1.1\r\n\r\n", None, now);
        for _ in 0..50_000 {
            log.push(&exchange, &now);
            assert!(log.buffer.len() < HANDED_OVER);
        }
        assert!(log.buffer.capacity() <= 2 * HANDED_OVER, "{}", log.buffer.capacity());
        log.end_of_turn();
        writer.flush(Duration::from_secs(60));
        assert_eq!(log.lines, 0);
    }
}
