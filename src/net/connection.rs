//! One turn of one connection: read, answer, write, until nothing moves.
//!
//! It is generic over stream and protocol, so that tests drive it with streams
//! that stall, tear and lie at every position.

use std::io::{self, ErrorKind};
use std::time::Instant;

use super::protocol::{Phase, Protocol};
use super::stream::Stream;
use crate::clock::Now;

/// What is known of a socket between turns: set by events, cleared only by
/// `WouldBlock` from that very operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// A read may give something.
    pub readable: bool,
    /// A write may take something.
    pub writable: bool,
    /// The end was read; it is not read again.
    eof: bool,
    /// Half-closed by us.
    finished: bool,
    /// Bytes have moved, or a latch was cleared, since it was last asked (R28d).
    moved: bool,
}

impl Link {
    /// A new socket: reading and writing may work, only trying tells.
    pub fn new() -> Self {
        Link { readable: true, writable: true, eof: false, finished: false, moved: false }
    }

    /// Whether anything moved since the last time.
    pub fn take_moved(&mut self) -> bool {
        std::mem::take(&mut self.moved)
    }
}

impl Default for Link {
    fn default() -> Self {
        Link::new()
    }
}

/// What came of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing moves before the next event, or before this deadline.
    Wait(Instant),
    /// The budget is spent: others first, then on.
    Yield,
    /// Close the socket.
    Close,
}

/// Turns one connection. Every round of the loop moves bytes, clears a latch or
/// ends the turn, so it cannot spin; and it moves at most `budget` bytes (and a
/// `scratch` buffer more), so it cannot starve others.
pub fn drive<P: Protocol, S: Stream>(
    stream: &mut S,
    conn: &mut P,
    shared: &mut P::Shared,
    link: &mut Link,
    scratch: &mut [u8],
    budget: usize,
    now: &Now,
) -> Step {
    let mut left = budget;
    loop {
        if let Some(step) = ended(stream, conn, link) {
            return step;
        }
        let moved = if !conn.send_queue().is_empty() && link.writable {
            write(stream, conn, shared, link, left, now)
        } else if conn.wants_read() && link.readable && !link.eof {
            read(stream, conn, shared, link, scratch, now)
        } else {
            return Step::Wait(conn.deadline());
        };
        match moved {
            Ok(bytes) => {
                left = left.saturating_sub(bytes);
                link.moved = true;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => left = left.saturating_sub(1),
            Err(_) => {
                // The file has shrunk, the disk fails: a part must not pass for the whole.
                if !conn.send_queue().is_empty() {
                    stream.abort();
                }
                return Step::Close;
            }
        }
        if left == 0 {
            // Ended connections are closed at once, not in the next turn.
            return ended(stream, conn, link).unwrap_or(Step::Yield);
        }
    }
}

/// Whether the protocol is through with this socket.
fn ended<P: Protocol, S: Stream>(stream: &mut S, conn: &P, link: &mut Link) -> Option<Step> {
    match conn.phase() {
        Phase::Closed => return Some(Step::Close),
        Phase::Aborted => {
            stream.abort();
            return Some(Step::Close);
        }
        Phase::Finishing if !link.finished && conn.send_queue().is_empty() => {
            (link.finished, link.moved) = (true, true);
            if stream.finish().is_err() {
                return Some(Step::Close);
            }
        }
        // Closing with unread input would reset the connection, and the reset could
        // overtake the response; without, it is an orderly end (RFC 9112 §9.6).
        Phase::Parting if !link.readable && conn.send_queue().is_empty() => return Some(Step::Close),
        Phase::Parting | Phase::Finishing | Phase::Open => {}
    }
    None
}

fn write<P: Protocol, S: Stream>(
    stream: &mut S,
    conn: &mut P,
    shared: &mut P::Shared,
    link: &mut Link,
    left: usize,
    now: &Now,
) -> io::Result<usize> {
    match stream.send(conn.send_queue(), left) {
        Ok(0) => Err(ErrorKind::WriteZero.into()),
        Ok(bytes) => {
            conn.sent(shared, bytes as u64, now);
            Ok(bytes)
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => {
            link.writable = false;
            Ok(0)
        }
        Err(error) => Err(error),
    }
}

fn read<P: Protocol, S: Stream>(
    stream: &mut S,
    conn: &mut P,
    shared: &mut P::Shared,
    link: &mut Link,
    scratch: &mut [u8],
    now: &Now,
) -> io::Result<usize> {
    match stream.read(scratch) {
        Ok(0) => {
            link.eof = true;
            conn.receive_eof(shared, now);
            Ok(0)
        }
        Ok(bytes) => {
            conn.receive(shared, &scratch[..bytes], now);
            Ok(bytes)
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => {
            link.readable = false;
            Ok(0)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "connection_tests.rs"]
mod tests;
