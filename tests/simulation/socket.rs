//! A connection with both of its ends. What goes wrong on the way is chance.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::time::Duration;

use mio::{Interest, Token};
use serve::net::stream::Stream;
use serve::segment::{Segment, SendQueue};
use serve::sys;

use crate::network::{Model, Network, Shared};

/// What the poller watches of a socket.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    pub token: Token,
    pub interest: Interest,
    /// Reading, writing: something has changed (edges), or it will be told (arming).
    pub news: [bool; 2],
}

/// A connection, seen from both ends.
#[derive(Default)]
pub struct Socket {
    /// What the client has sent and the server has not read.
    pub arrived: VecDeque<u8>,
    /// The client has half-closed.
    pub half_closed: bool,
    /// The client has reset it, or the network has.
    pub reset: bool,
    /// How much more the client's kernel takes.
    pub room: usize,
    /// What the client has received, as far as it was not looked at.
    pub wire: Vec<u8>,
    /// Bytes that the server has read, and sent.
    pub read: u64,
    pub sent: u64,
    pub is_accepted: bool,
    /// The server has half-closed; has made the end a reset; has closed.
    pub finished: bool,
    pub aborted: bool,
    pub closed: bool,
    /// When a byte last moved, or it was accepted.
    pub moved_at: Duration,
    pub saw_end: bool,
    /// A write found no room: an edge follows.
    pub starves: bool,
    pub watch: Option<Watch>,
    /// Events in a row of which nothing came.
    pub fruitless: usize,
}

impl Socket {
    /// For a person.
    pub fn told(&self) -> String {
        let Socket { half_closed, room, read, sent, finished, starves, watch, .. } = self;
        format!(
            "{} bytes unread, half-closed {half_closed}, room {room}, {read} read, {sent} sent of which {} \
             begin a response, finished {finished}, starves {starves}, last moved at {:?}, {watch:?}",
            self.arrived.len(),
            self.wire.len(),
            self.moved_at,
        )
    }

    pub fn is_ready(&self) -> [bool; 2] {
        let readable = !self.arrived.is_empty() || self.half_closed || self.reset;
        [readable, self.room > 0 || self.reset]
    }

    /// Something has changed in these directions.
    pub fn stir(&mut self, model: Model, directions: [bool; 2]) {
        if let Some(watch) = &mut self.watch
            && model != Model::Rearm
        {
            watch.news = [watch.news[0] | directions[0], watch.news[1] | directions[1]];
        }
    }

    pub fn block(&mut self, model: Model) -> io::Error {
        if let Some(watch) = &mut self.watch
            && model == Model::Rearm
        {
            watch.news = [watch.interest.is_readable(), watch.interest.is_writable()];
        }
        ErrorKind::WouldBlock.into()
    }
}

/// One end of a connection: the server's.
pub struct Wire {
    pub id: usize,
    pub network: Shared,
}

impl Stream for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut network = self.network.borrow_mut();
        let Network { sockets, dice, violations, model, progress, elapsed, .. } = &mut *network;
        let socket = &mut sockets[self.id];
        if socket.aborted || socket.saw_end {
            violations.push("it reads after the end".into());
        }
        if dice.once_in(100) {
            return Err(ErrorKind::Interrupted.into());
        }
        if dice.once_in(20_000) {
            socket.reset = true;
        }
        if socket.reset {
            return Err(ErrorKind::ConnectionReset.into());
        }
        if dice.once_in(100) && !socket.arrived.is_empty() {
            // It came a moment later: an event follows.
            let error = socket.block(*model);
            socket.stir(*model, [true, false]);
            return Err(error);
        }
        if socket.arrived.is_empty() {
            if socket.half_closed {
                (socket.saw_end, socket.fruitless) = (true, 0);
                *progress += 1;
                return Ok(0);
            }
            return Err(socket.block(*model));
        }
        let mut count = buffer.len().min(socket.arrived.len());
        if *model != Model::Epoll && dice.once_in(8) {
            count = dice.between(1, count);
        }
        for (slot, byte) in buffer.iter_mut().zip(socket.arrived.drain(..count)) {
            *slot = byte;
        }
        socket.read += count as u64;
        (socket.moved_at, socket.fruitless) = (*elapsed, 0);
        *progress += 1;
        Ok(count)
    }

    fn short_read_empties(&self) -> bool {
        self.network.borrow().model == Model::Epoll
    }

    fn send(&mut self, queue: &SendQueue, bytes_max: usize) -> io::Result<usize> {
        let mut network = self.network.borrow_mut();
        let Network { sockets, dice, violations, model, progress, elapsed, .. } = &mut *network;
        let socket = &mut sockets[self.id];
        if socket.aborted || socket.finished || queue.is_empty() || bytes_max == 0 {
            violations.push("it sends after the end, or nothing".into());
        }
        if dice.once_in(100) {
            return Err(ErrorKind::Interrupted.into());
        }
        if socket.reset {
            return Err(ErrorKind::BrokenPipe.into());
        }
        if dice.once_in(100) {
            // There was no room a moment ago.
            let error = socket.block(*model);
            socket.starves = socket.room == 0;
            socket.stir(*model, [false, true]);
            return Err(error);
        }
        if socket.room == 0 {
            socket.starves = true;
            return Err(socket.block(*model));
        }
        let mut most = bytes_max.min(socket.room);
        if dice.once_in(4) {
            most = dice.between(1, most);
        }
        let before = socket.wire.len();
        if let Some(Segment::File { file, range }) = queue.front() {
            if dice.once_in(500) {
                return Err(io::Error::other("the disk fails"));
            }
            let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX).min(most);
            socket.wire.extend(sys::read_range(file, range.start, length)?);
            if socket.wire.len() == before {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        } else {
            let mut slices = [IoSlice::new(&[]); 8];
            let count = queue.gather(&mut slices, most);
            slices[..count].iter().for_each(|slice| socket.wire.extend_from_slice(slice));
        }
        let sent = socket.wire.len() - before;
        socket.room -= sent;
        socket.sent += sent as u64;
        // Like a kernel that could not take all.
        socket.starves |= socket.room == 0;
        (socket.moved_at, socket.fruitless) = (*elapsed, 0);
        *progress += 1;
        Ok(sent)
    }

    fn waits_for_disk(&self, queue: &SendQueue, _: usize) -> bool {
        let network = &mut *self.network.borrow_mut();
        matches!(queue.front(), Some(Segment::File { .. })) && network.dice.once_in(network.cold_once_in)
    }

    fn is_reset(&self) -> bool {
        self.network.borrow().sockets[self.id].reset
    }

    fn finish(&mut self) -> io::Result<()> {
        let mut network = self.network.borrow_mut();
        let socket = &mut network.sockets[self.id];
        let wrong = socket.finished || socket.aborted;
        socket.finished = true;
        let result = if socket.reset { Err(ErrorKind::NotConnected.into()) } else { Ok(()) };
        network.progress += 1;
        if wrong {
            network.complain("it half-closes twice");
        }
        result
    }

    fn abort(&mut self) {
        self.network.borrow_mut().sockets[self.id].aborted = true;
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        let network = &mut *self.network.borrow_mut();
        let socket = &mut network.sockets[self.id];
        socket.closed = true;
        if socket.watch.take().is_some() {
            network.violations.push("it closes what is watched still".into());
        }
        network.progress += 1;
    }
}
