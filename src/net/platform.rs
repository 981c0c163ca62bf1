//! What a loop stands on: where clients come from, what says that a socket is ready, and
//! what time it is.
//!
//! There is one in the program, [`Mio`]. The other is a simulated one with a virtual clock
//! (`tests/simulation`), so that the loop itself can be watched for days of its time, in a
//! second of ours, on systems that report readiness in different ways. The loop is compiled
//! for each: nothing is decided while it runs.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};

use super::stream::Stream;
use super::token::Source;
use crate::clock::Now;
use crate::sys;

/// Most events taken from the poller at once; what is more comes next time.
const EVENTS_MAX: usize = 1024;

/// Ends the loop's sleep, from any thread.
pub type Wake = Box<dyn Fn() -> io::Result<()> + Send + Sync>;

/// What a poller says of one socket. It may be told for nothing, and twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Which socket, see [`Source`].
    pub token: Token,
    /// A read, or an accept, may give something.
    pub readable: bool,
    /// A write may take something.
    pub writable: bool,
    /// Something has ended, or gone wrong: only trying tells (hazards R29c).
    pub hint: bool,
}

/// What a loop stands on.
pub trait Platform: Sized {
    /// Where clients come from.
    type Listener;
    /// A client.
    type Stream: Stream;
    /// What one sleep has brought.
    type Events;

    /// What wakes it.
    ///
    /// # Errors
    /// When the system gives none.
    fn wake(&self) -> io::Result<Wake>;

    /// Room for events.
    fn events() -> Self::Events;

    /// Sleeps until there are events, or for so long; None is until there are any. After an
    /// interruption there are none.
    ///
    /// # Errors
    /// When the poller is lost.
    fn poll(&mut self, events: &mut Self::Events, timeout: Option<Duration>) -> io::Result<()>;

    /// What it has brought.
    fn told(events: &Self::Events) -> impl Iterator<Item = Event>;

    /// The time.
    fn now(&self) -> Now;

    /// The monotonic clock alone, for who only measures.
    fn instant(&self) -> Instant;

    /// Watches a listener from now on; says where it listens.
    ///
    /// # Errors
    /// When it cannot be watched, or has no address.
    fn listen(&self, listener: &mut Self::Listener, token: Token) -> io::Result<SocketAddr>;

    /// Takes the next client.
    ///
    /// # Errors
    /// `WouldBlock` when nobody waits, so that an event will follow; and whatever
    /// [`sys::accept_trouble`] knows.
    fn accept(&self, listener: &mut Self::Listener) -> io::Result<(Self::Stream, SocketAddr)>;

    /// Stops listening.
    fn close(&self, listener: Self::Listener);

    /// Watches a client for what it is to be watched for, instead of what it was.
    ///
    /// # Errors
    /// When the system cannot.
    fn watch(
        &self,
        stream: &mut Self::Stream,
        token: Token,
        interest: Interest,
        before: Option<Interest>,
    ) -> io::Result<()>;

    /// Ends that: the client, which was watched, is about to be closed.
    fn forget(&self, stream: &mut Self::Stream);
}

/// The system's sockets, by mio.
pub struct Mio {
    poll: Poll,
}

impl Mio {
    /// A poller.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn new() -> io::Result<Mio> {
        Ok(Mio { poll: Poll::new()? })
    }
}

impl Platform for Mio {
    type Listener = TcpListener;
    type Stream = TcpStream;
    type Events = Events;

    fn wake(&self) -> io::Result<Wake> {
        let waker = Waker::new(self.poll.registry(), Source::Waker.token())?;
        Ok(Box::new(move || waker.wake()))
    }

    fn events() -> Events {
        Events::with_capacity(EVENTS_MAX)
    }

    fn poll(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        match self.poll.poll(events, timeout) {
            Err(error) if error.kind() != ErrorKind::Interrupted => Err(error),
            Err(_) => {
                // They are those of the last time.
                events.clear();
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    fn told(events: &Events) -> impl Iterator<Item = Event> {
        events.iter().map(|event| Event {
            token: event.token(),
            readable: event.is_readable(),
            writable: event.is_writable(),
            hint: event.is_error() || event.is_read_closed() || event.is_write_closed(),
        })
    }

    fn now(&self) -> Now {
        Now::read()
    }

    fn instant(&self) -> Instant {
        Now::instant()
    }

    fn listen(&self, listener: &mut TcpListener, token: Token) -> io::Result<SocketAddr> {
        self.poll.registry().register(listener, token, Interest::READABLE)?;
        listener.local_addr()
    }

    fn accept(&self, listener: &mut TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, client) = listener.accept()?;
        sys::prepare_accepted(&stream);
        Ok((stream, client))
    }

    fn close(&self, mut listener: TcpListener) {
        let _ = self.poll.registry().deregister(&mut listener);
    }

    fn watch(
        &self,
        stream: &mut TcpStream,
        token: Token,
        interest: Interest,
        before: Option<Interest>,
    ) -> io::Result<()> {
        match before {
            Some(_) => self.poll.registry().reregister(stream, token, interest),
            None => self.poll.registry().register(stream, token, interest),
        }
    }

    fn forget(&self, stream: &mut TcpStream) {
        if !sys::CLOSING_DEREGISTERS {
            let _ = self.poll.registry().deregister(stream);
        }
    }
}
