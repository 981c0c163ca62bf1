//! Floor 3: the access log, one line per response, and the error log.
//!
//! A loop formats lines into a buffer of its own and hands it over once a turn. One
//! thread writes, and it alone ever waits for the terminal, the pipe or the disk
//! behind it: what comes while too much waits is dropped and counted. A log never
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
        }
    }

    /// Hands over what has gathered.
    pub fn end_of_turn(&mut self) {
        if self.lines > 0 {
            self.writer.push(&self.buffer, self.lines);
            self.buffer.clear();
            self.lines = 0;
        }
    }
}
