//! The answer that goes on ([`Events`]): its connection listens, sends what happens, and
//! listens again, until the peer leaves, or takes nothing, or the server stops.

use std::mem;
use std::time::Duration;

use bytes::Bytes;

use super::{Conn, Made, State};
use crate::clock::Now;
use crate::h1::limits::Limits;
use crate::http::Handler;
use crate::http::events::{Events, Listener};
use crate::net::{Inquiry, Reply};
use crate::segment::Segment;

/// After so long without an event a line is sent that means nothing. A peer that is gone is
/// found by it, and what stands between does not take the connection for forgotten: most
/// proxies wait for a minute.
const HEARTBEAT: Duration = Duration::from_secs(20);

/// A line that browsers pass over.
const NOTHING: &[u8] = b":\n";

/// What has happened.
pub struct Event {
    seen: u64,
    text: Bytes,
}

impl Event {
    /// The event behind which a connection listens the next time, and what its peer is sent.
    pub fn new(seen: u64, text: Bytes) -> Event {
        Event { seen, text }
    }
}

/// Where a connection is in its events.
#[derive(Debug)]
pub(super) struct Stream {
    events: Events,
    /// It has asked for what comes next, and has no reply yet.
    asks: bool,
    /// So much may still come from a peer that has nothing to say any more.
    bytes_left: u64,
}

impl Stream {
    pub(super) fn of(events: &Events, limits: &Limits) -> Stream {
        Stream { events: events.clone(), asks: false, bytes_left: limits.linger_bytes_max }
    }

    /// The last event that the peer has seen, or is about to.
    pub(super) fn seen(&self) -> u64 {
        self.events.seen
    }
}

/// Listens for a connection.
struct Ear(Reply<Made>);

impl Listener for Ear {
    fn is_there(&self) -> bool {
        self.0.is_awaited()
    }

    fn tell(self: Box<Self>, seen: u64, text: Bytes) {
        self.0.send(Made::Event(Event::new(seen, text)));
    }
}

impl<H: Handler> Conn<H> {
    /// All that has happened is sent.
    pub(super) fn listen(&mut self, limits: &Limits, now: &Now) {
        if self.eof {
            self.enter(State::Closed, now.instant);
        } else if self.stopping {
            self.stop_listening(limits, now);
        } else {
            self.enter(State::Listening, now.instant + HEARTBEAT);
        }
    }

    /// Ends the answer in order: a browser comes back, and asks whoever is there then.
    pub(super) fn stop_listening(&mut self, limits: &Limits, now: &Now) {
        self.stream = None;
        self.queue.end();
        self.linger(limits, now);
    }

    /// What the connection wants to know next.
    pub(super) fn inquire(&mut self) -> Option<Inquiry<Made>> {
        let stream = self.stream.as_deref_mut().filter(|_| self.state == State::Listening)?;
        if mem::replace(&mut stream.asks, true) {
            return None;
        }
        let (source, seen) = (stream.events.source.clone(), stream.seen());
        Some(Box::new(move |reply| source.listen(seen, Box::new(Ear(reply)))))
    }

    /// Something has happened.
    pub(super) fn hear(&mut self, event: Event, limits: &Limits, now: &Now) {
        let Some(stream) = self.stream.as_deref_mut() else { return };
        if !matches!(self.state, State::Listening | State::Sending) {
            return;
        }
        (stream.asks, stream.events.seen) = (false, event.seen);
        self.send_event(event.text, limits, now);
    }

    /// Nothing has happened for a while.
    pub(super) fn beat(&mut self, limits: &Limits, now: &Now) {
        self.send_event(Bytes::from_static(NOTHING), limits, now);
    }

    fn send_event(&mut self, text: Bytes, limits: &Limits, now: &Now) {
        self.queue.push(Segment::Bytes(text));
        if self.state == State::Listening && !self.queue.is_empty() {
            self.enter(State::Sending, now.instant + limits.send_timeout);
        }
    }

    /// Bytes behind the last request: they are passed over, up to a limit.
    pub(super) fn overhear(&mut self, bytes: usize, now: &Now) {
        let Some(stream) = self.stream.as_deref_mut() else { return };
        match stream.bytes_left.checked_sub(bytes as u64) {
            Some(left) => stream.bytes_left = left,
            None => self.enter(State::Aborted, now.instant),
        }
    }
}
