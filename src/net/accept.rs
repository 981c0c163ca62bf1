//! Listeners: accept until `WouldBlock`, and live through running out of descriptors.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::Token;

use super::limits::Limits;
use super::platform::Platform;
use crate::sys::{self, AcceptTrouble};

/// What came of trying to accept.
#[derive(Debug)]
pub enum Accepted<C> {
    /// A client.
    Client(C, SocketAddr),
    /// Nobody waits; an event will tell.
    Nobody,
    /// This client is gone already, or something else that concerns no one else: go on.
    Skipped,
    /// Out of descriptors: the listener rests until its timer (R24).
    Exhausted(io::Error),
}

/// A listening socket, with a latch like those of connections.
pub struct Listener<L> {
    socket: L,
    address: SocketAddr,
    /// Somebody may wait. Cleared only by `WouldBlock`: a listener left with clients
    /// in its queue would else stay deaf where no further event comes (hazards §0.2).
    pub ready: bool,
    /// Resting until then, and why.
    resting: Option<(Instant, Rest)>,
    pause: Duration,
}

/// Why a listener rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// As many connections as there may be, and none of them idle.
    Full,
    /// The system has no descriptors left.
    Exhausted,
}

impl<L> Listener<L> {
    /// Watches a socket that listens already.
    ///
    /// # Errors
    /// When it cannot be watched, or has no address.
    pub fn new<S: Platform<Listener = L>>(mut socket: L, platform: &S, token: Token) -> io::Result<Self> {
        let address = platform.listen(&mut socket, token)?;
        Ok(Listener { socket, address, ready: true, resting: None, pause: Duration::ZERO })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether a try makes sense.
    pub fn is_open(&self) -> bool {
        self.ready && self.resting.is_none()
    }

    /// Accepts one client.
    ///
    /// # Errors
    /// When the listener itself is lost.
    pub fn accept<S: Platform<Listener = L>>(
        &mut self,
        platform: &S,
        now: Instant,
        limits: &Limits,
    ) -> io::Result<Accepted<S::Stream>> {
        match platform.accept(&mut self.socket) {
            Ok((stream, client)) => {
                self.pause = Duration::ZERO;
                Ok(Accepted::Client(stream, client))
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.ready = false;
                Ok(Accepted::Nobody)
            }
            Err(error) => match sys::accept_trouble(&error) {
                AcceptTrouble::Next => Ok(Accepted::Skipped),
                AcceptTrouble::Broken => Err(error),
                AcceptTrouble::Exhausted => {
                    self.rest(Rest::Exhausted, now, limits);
                    Ok(Accepted::Exhausted(error))
                }
            },
        }
    }

    /// Lets clients wait in the kernel's queue, twice as long each time. By a timer and
    /// not by an event: none may ever come for clients that wait already.
    pub fn rest(&mut self, why: Rest, now: Instant, limits: &Limits) {
        self.pause = (self.pause * 2).clamp(limits.accept_pause_min, limits.accept_pause_max);
        self.resting = Some((now + self.pause, why));
    }

    /// When the rest ends by itself.
    pub fn resting_until(&self) -> Option<Instant> {
        self.resting.map(|(until, _)| until)
    }

    /// Ends a rest: a connection has closed, and left its place and its descriptor.
    pub fn wake(&mut self) {
        self.resting = None;
    }

    /// Ends a rest whose time has come.
    pub fn wake_when_due(&mut self, now: Instant) {
        self.resting = self.resting.filter(|(until, _)| *until > now);
    }

    /// Ends a rest for want of room: a connection has become idle, and could make some.
    pub fn wake_if_full(&mut self) {
        self.resting = self.resting.filter(|(_, why)| *why != Rest::Full);
    }

    /// Stops listening.
    pub fn close<S: Platform<Listener = L>>(self, platform: &S) {
        platform.close(self.socket);
    }
}
