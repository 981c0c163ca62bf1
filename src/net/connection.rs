//! One turn of one connection, in two halves: read; then answer and write, until nothing
//! moves.
//!
//! Between the halves the loop reads the time, once for all who have their turn. So what
//! is looked up while they are answered is looked up after each of their requests had
//! come, and one look may serve them all. That is why the second half never reads: what
//! comes later is for a later time.
//!
//! Both are generic over stream and protocol, so that tests drive them with streams
//! that stall, tear and lie at every position.

use std::io::{self, ErrorKind};
use std::time::Instant;

use super::protocol::{Phase, Protocol};
use super::rate::{Allowance, Bucket};
use super::stream::Stream;
use crate::clock::Now;

/// What is known of a socket between turns: set by events, cleared only by `WouldBlock`
/// from that very operation, or where the system lets a short read say as much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// A read may give something.
    pub readable: bool,
    /// A write may take something.
    pub writable: bool,
    /// An event said that the end of the input is near: after a short read there is
    /// something to find still.
    pub ends: bool,
    /// A short read has cleared `readable`: very likely there is nothing, but no read has
    /// said so.
    presumed: bool,
    /// The end was read; it is not read again.
    eof: bool,
    /// Half-closed by us.
    finished: bool,
    /// Whether the file that is to be sent next is at hand.
    front: Front,
    /// How fast it may send; None is as fast as it can.
    bucket: Option<Bucket>,
    /// It has sent enough until then, or was put off; see [`Link::due`].
    paused: Option<Instant>,
    /// Bytes have moved, or a latch was cleared, since it was last asked (R28d).
    moved: bool,
}

impl Link {
    /// A new socket: reading and writing may work, only trying tells.
    pub fn new() -> Self {
        Link {
            readable: true,
            writable: true,
            ends: false,
            presumed: false,
            eof: false,
            finished: false,
            front: Front::Unknown,
            bucket: None,
            paused: None,
            moved: false,
        }
    }

    /// A new socket that sends no faster than this.
    pub fn limited(bucket: Option<Bucket>) -> Self {
        Link { bucket, ..Link::new() }
    }

    /// When it has to be woken. As long as it is us who hold it back, that is the end of the
    /// pause, and no timeout of the protocol's: the peer could not get on.
    pub fn due(&self, conn: &impl Protocol) -> Instant {
        self.paused.unwrap_or_else(|| conn.deadline())
    }

    /// Whether it is us who hold it back for now.
    pub fn is_paused(&self) -> bool {
        self.paused.is_some()
    }

    /// How much of this budget may be sent now; None while it is paused.
    fn allowed(&mut self, budget: usize, conn: &impl Protocol, now: &Now) -> Option<usize> {
        let Some(bucket) = &mut self.bucket else { return Some(budget) };
        match bucket.allowance(conn.send_queue().remaining(), now.instant) {
            // What does not fit into usize is more than any budget.
            Allowance::Bytes(bytes) => Some(budget.min(usize::try_from(bytes).unwrap_or(usize::MAX))),
            Allowance::From(until) => {
                self.paused = Some(until);
                None
            }
        }
    }

    /// Whether anything moved since the last time.
    pub fn take_moved(&mut self) -> bool {
        std::mem::take(&mut self.moved)
    }

    /// The pool is through with what [`Step::Fetch`] has asked for.
    pub fn fetched(&mut self) {
        self.front = Front::AtHand;
    }

    /// The pool has done some of what [`Step::Fetch`] has asked for: whether that was enough
    /// has to be looked at.
    pub fn fetched_some(&mut self) {
        self.front = Front::Unknown;
    }

    /// There is nobody now for what [`Step::Fetch`] has asked for: it asks again at that time,
    /// or in its next turn.
    pub fn put_off(&mut self, until: Instant) {
        (self.front, self.paused) = (Front::Unknown, Some(until));
    }

    /// Whether nothing can move before an event, a result of the pool, or a deadline.
    pub fn is_waiting(&self, conn: &impl Protocol) -> bool {
        if conn.send_queue().is_empty() {
            !self.may_read(conn)
        } else {
            !self.writable || self.front == Front::Fetching || self.is_paused()
        }
    }

    /// Whether the protocol wants what a read may give.
    fn may_read(&self, conn: &impl Protocol) -> bool {
        conn.wants_read() && self.readable && !self.eof
    }
}

/// What is known of the file at the front of the send queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Front {
    /// Nothing.
    Unknown,
    /// The pool reads it.
    Fetching,
    /// It was read, so that it is not asked for again before some of it is sent: progress
    /// is made even where the system drops it as soon as it was read.
    AtHand,
}

impl Default for Link {
    fn default() -> Self {
        Link::new()
    }
}

/// What the first half of a turn has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// Nothing, or nobody wanted to know.
    Nothing,
    /// So many bytes, at the beginning of the buffer.
    Bytes(usize),
    /// The end.
    End,
    /// The connection is lost.
    Lost,
}

/// What came of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing moves before the next event, or before this deadline: that of the protocol,
    /// or the end of a pause.
    Wait(Instant),
    /// All is answered, and a read may give more.
    Read,
    /// The file at the front of the send queue is not in memory: let the pool read it, and
    /// tell by [`Link::fetched`], or [put it off](Link::put_off). Till then this is the deadline.
    Fetch(Instant),
    /// The budget is spent, or all that waited is sent and more was answered meanwhile: others
    /// first, then on.
    Yield,
    /// Close the socket.
    Close,
}

/// The first half of a turn: one read, if it is wanted.
pub fn read<P: Protocol, S: Stream>(stream: &mut S, conn: &P, link: &mut Link, buffer: &mut [u8]) -> Input {
    let writes_first = !conn.send_queue().is_empty() && link.writable;
    if writes_first || !link.may_read(conn) {
        return Input::Nothing;
    }
    let read = stream.read(buffer);
    link.moved |= !matches!(&read, Err(error) if error.kind() == ErrorKind::Interrupted);
    match read {
        Ok(0) => Input::End,
        Ok(bytes) => {
            if bytes < buffer.len() && stream.short_read_empties() && !link.ends {
                (link.readable, link.presumed) = (false, true);
            }
            Input::Bytes(bytes)
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => {
            (link.readable, link.presumed) = (false, false);
            Input::Nothing
        }
        Err(error) if error.kind() == ErrorKind::Interrupted => Input::Nothing,
        Err(_) => Input::Lost,
    }
}

/// The second half: hands on what was read, and writes. Every round of the loop moves
/// bytes, clears a latch or ends the turn, so it cannot spin; and it moves at most
/// `budget` bytes (and one buffer of input more), so it cannot starve others. Nor by many
/// requests with short answers: what is answered because there is room again is sent in
/// the next turn.
pub fn answer<P: Protocol, S: Stream>(
    stream: &mut S,
    conn: &mut P,
    shared: &mut P::Shared,
    link: &mut Link,
    (input, buffer): (Input, &[u8]),
    budget: usize,
    now: &Now,
) -> Step {
    let mut left = budget;
    link.paused = None;
    match input {
        Input::Nothing => {}
        Input::Bytes(bytes) => {
            conn.receive(shared, &buffer[..bytes], now);
            left = left.saturating_sub(bytes);
        }
        Input::End => {
            link.eof = true;
            conn.receive_eof(shared, now);
        }
        Input::Lost => return lost(stream, conn),
    }
    let mut waiting = conn.send_queue().remaining();
    loop {
        if let Some(step) = ended(stream, conn, link) {
            return step;
        }
        if left == 0 {
            return Step::Yield;
        }
        if conn.send_queue().is_empty() || !link.writable {
            return if link.may_read(conn) { Step::Read } else { Step::Wait(conn.deadline()) };
        }
        let Some(allowed) = link.allowed(left, conn, now) else { return Step::Wait(link.due(conn)) };
        match link.front {
            Front::Fetching => return Step::Wait(conn.deadline()),
            Front::Unknown if stream.waits_for_disk(conn.send_queue(), allowed) => {
                (link.front, link.moved) = (Front::Fetching, true);
                return Step::Fetch(conn.deadline());
            }
            Front::Unknown | Front::AtHand => {}
        }
        match write(stream, conn, shared, link, allowed, now) {
            Ok(bytes) => {
                left = left.saturating_sub(bytes);
                link.moved = true;
                waiting = waiting.saturating_sub(bytes as u64);
                if waiting == 0 && !conn.send_queue().is_empty() {
                    left = 0;
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => left = left.saturating_sub(1),
            Err(_) => return lost(stream, conn),
        }
    }
}

/// The file has shrunk, the disk fails, the peer is gone: a part must not pass for the whole.
fn lost<P: Protocol, S: Stream>(stream: &mut S, conn: &P) -> Step {
    if !conn.send_queue().is_empty() {
        stream.abort();
    }
    Step::Close
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
        Phase::Parting if !link.readable && conn.send_queue().is_empty() => {
            if !std::mem::take(&mut link.presumed) {
                return Some(Step::Close);
            }
            link.readable = true;
        }
        Phase::Parting | Phase::Finishing | Phase::Open => {}
    }
    None
}

fn write<P: Protocol, S: Stream>(
    stream: &mut S,
    conn: &mut P,
    shared: &mut P::Shared,
    link: &mut Link,
    allowed: usize,
    now: &Now,
) -> io::Result<usize> {
    match stream.send(conn.send_queue(), allowed) {
        Ok(0) => Err(ErrorKind::WriteZero.into()),
        Ok(bytes) => {
            link.front = Front::Unknown;
            if let Some(bucket) = &mut link.bucket {
                bucket.take(bytes as u64);
            }
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "connection_tests.rs"]
mod tests;
