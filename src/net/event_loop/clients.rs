//! How clients come into a loop, and how they leave it.

use std::io;
use std::net::SocketAddr;

use super::{Connection, EventLoop};
use crate::clock::Now;
use crate::net::accept::{Accepted, Listener, Rest};
use crate::net::connection::Link;
use crate::net::platform::Platform;
use crate::net::progress::Progress;
use crate::net::protocol::{Notice, Protocol};
use crate::net::rate::Bucket;
use crate::net::token::Source;

/// When there are too many connections, up to so many idle ones are closed together, but
/// at most a sixteenth: finding the longest idle costs a look at all of them.
const EVICTIONS_MAX: usize = 32;

/// Whether it may go for others; not while it is queued: a request may be there, unread.
fn may_go<P: Protocol, C>(connection: &Connection<P, C>) -> bool {
    !connection.dead && !connection.queued && connection.protocol.is_idle()
}

impl<P: Protocol, S: Platform> EventLoop<P, S> {
    /// Accepts those who wait, as far as there is room for them; says whether a listener
    /// was open.
    pub(super) fn accept_clients(&mut self, now: &Now) -> io::Result<bool> {
        let any = self.listeners.iter().any(Listener::is_open);
        for index in 0..self.listeners.len() {
            for _ in 0..self.limits.turn_accepts_max {
                if !self.listeners[index].is_open() {
                    break;
                }
                let full = self.connections.len() - self.dead.len() >= self.limits.connections_max;
                if full && !self.connections.iter().any(|(_, c)| may_go(c)) {
                    // Clients wait in the kernel's queue until somebody leaves.
                    self.listeners[index].rest(Rest::Full, now.instant, &self.limits);
                    break;
                }
                let address = self.listeners[index].address();
                match self.listeners[index].accept(&self.platform, now.instant, &self.limits)? {
                    Accepted::Client(stream, client) => {
                        full.then(|| self.evict(now));
                        self.admit(stream, client, address, now);
                    }
                    Accepted::Skipped | Accepted::Nobody => {}
                    Accepted::Exhausted(error) => {
                        self.counters.exhausted += 1;
                        self.evict(now);
                        P::notice(&mut self.shared, Notice::Exhausted(&error), now);
                    }
                }
            }
        }
        Ok(any)
    }

    /// Takes in who waits already, and then listens no more: closing a listener resets
    /// the clients in its queue.
    pub(super) fn stop_listening(&mut self, now: &Now) {
        // An error of a listener that is about to be closed is of no interest.
        let _ = self.accept_clients(now);
        for listener in self.listeners.drain(..) {
            listener.close(&self.platform);
        }
    }

    /// Gives a client a place, and a first turn at once: often its request is there with it.
    fn admit(&mut self, stream: S::Stream, client: SocketAddr, listener: SocketAddr, now: &Now) {
        self.generation = self.generation.wrapping_add(1);
        let entry = self.connections.vacant_entry();
        let slot = entry.key();
        let Source::Connection { generation, .. } = Source::connection(slot, self.generation) else { return };
        let protocol = P::open(&mut self.shared, client, listener, now);
        let bucket = self.limits.rate.map(|rate| Bucket::new(rate, now.instant));
        entry.insert(Connection {
            stream,
            protocol,
            link: Link::limited(bucket),
            interest: None,
            generation,
            armed: None,
            queued: false,
            dead: false,
            doubtful: false,
            progress: Progress::default(),
            waits: None,
        });
        self.counters.accepted += 1;
        self.enqueue(slot);
    }

    /// Closes the longest idle connections.
    fn evict(&mut self, now: &Now) {
        let idle = self.connections.iter().filter(|(_, c)| may_go(c));
        let mut idle: Vec<_> = idle.map(|(slot, c)| (c.protocol.deadline(), slot)).collect();
        let count = (self.limits.connections_max / 16).clamp(1, EVICTIONS_MAX);
        // The one whose idle deadline is nearest has been idle for longest.
        if count < idle.len() {
            idle.select_nth_unstable(count);
            idle.truncate(count);
        }
        for (_, slot) in &idle {
            self.connections[*slot].protocol.shut_down(&mut self.shared, now);
            self.kill(*slot, now);
            self.counters.evicted += 1;
        }
    }

    /// Ends a connection; its slot is free again only in the next turn (R28c).
    pub(super) fn kill(&mut self, slot: usize, now: &Now) {
        if let Some(connection) = self.connections.get_mut(slot)
            && !connection.dead
        {
            connection.dead = true;
            connection.waits = None;
            connection.protocol.closed(&mut self.shared, now);
            self.dead.push(slot);
        }
    }

    /// Closes the sockets of who is through, and frees their slots.
    pub(super) fn bury(&mut self) {
        if self.dead.is_empty() {
            return;
        }
        for slot in self.dead.drain(..) {
            let mut connection = self.connections.remove(slot);
            if connection.interest.is_some() {
                self.platform.forget(&mut connection.stream);
            }
            self.counters.closed += 1;
        }
        self.forget_deadlines();
        // There are descriptors again.
        self.listeners.iter_mut().for_each(Listener::wake);
    }

    /// Forgets the deadlines that nothing waits for any more.
    pub(super) fn forget_deadlines(&mut self) {
        let connections = &self.connections;
        self.deadlines.compact(connections.len(), |slot, due| {
            connections.get(slot).is_some_and(|connection| connection.armed == Some(due))
        });
    }
}
