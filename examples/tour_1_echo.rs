//! Step 1 of the tour (docs/tour.md): the echo server again, for as many clients as come,
//! in one thread: an event loop, and a state for each client.

use std::io::{self, ErrorKind, Read, Write};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token};
use slab::Slab;

/// At most so much is read at once, and so at most so much waits to be sent.
const PIECE: usize = 16 * 1024;

/// A client, and where we are with it.
struct Connection {
    stream: TcpStream,
    /// What the system would not take yet.
    output: Vec<u8>,
    /// What the poller watches the stream for.
    interest: Interest,
}

impl Connection {
    fn new(stream: TcpStream) -> Connection {
        Connection { stream, output: Vec::new(), interest: Interest::READABLE }
    }

    /// Goes on until the system says `WouldBlock`. Returns what to wait for then; None is
    /// the end.
    fn advance(&mut self) -> io::Result<Option<Interest>> {
        let mut buffer = [0; PIECE];
        loop {
            // First what is left to send: who does not read is not read from.
            if !self.output.is_empty() {
                match self.stream.write(&self.output) {
                    Ok(0) => return Err(ErrorKind::WriteZero.into()),
                    Ok(count) => drop(self.output.drain(..count)),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        return Ok(Some(Interest::WRITABLE));
                    }
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
                continue;
            }
            match self.stream.read(&mut buffer) {
                Ok(0) => return Ok(None),
                Ok(count) => self.output.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Some(Interest::READABLE)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:7000".into());
    let listener = TcpListener::bind(address.parse().map_err(io::Error::other)?)?;
    println!("{}", listener.local_addr()?);
    run(listener)
}

// From here on the file is the same in steps 1 to 3: the loop.

/// The listener's token. A client's token is its place in the slab.
const LISTENER: Token = Token(usize::MAX);

/// Sleeps until something happens, does what can be done, and sleeps again.
fn run(mut listener: TcpListener) -> io::Result<()> {
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut connections = Slab::new();
    let mut events = Events::with_capacity(1024);
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            result => result?,
        }
        for event in &events {
            match event.token() {
                LISTENER => accept(&listener, poll.registry(), &mut connections),
                Token(slot) => turn(slot, poll.registry(), &mut connections),
            }
        }
    }
}

/// Takes in all who wait: an event tells that somebody has come, and not how many.
fn accept(listener: &TcpListener, registry: &Registry, connections: &mut Slab<Connection>) {
    loop {
        match listener.accept() {
            Ok((mut stream, _)) => {
                let entry = connections.vacant_entry();
                // What it has sent already makes an event, too.
                match registry.register(&mut stream, Token(entry.key()), Interest::READABLE) {
                    Ok(()) => drop(entry.insert(Connection::new(stream))),
                    Err(error) => eprintln!("a client is lost: {error}"),
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            // It left before we came.
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionAborted) => {}
            // No descriptors, say. Who waits is taken in with the next one who comes.
            Err(error) => return eprintln!("cannot accept: {error}"),
        }
    }
}

/// Lets one client get on, and then waits for what it needs next.
fn turn(slot: usize, registry: &Registry, connections: &mut Slab<Connection>) {
    // An event may be late: its client is gone, or somebody else is in its place. All that is
    // taken from an event is that trying may be worth it, so that does no harm.
    let Some(connection) = connections.get_mut(slot) else { return };
    let goes_on = connection.advance().and_then(|next| match next {
        Some(interest) => wait(connection, interest, slot, registry).map(|()| true),
        None => Ok(false),
    });
    match goes_on {
        Ok(true) => return,
        Ok(false) => {}
        Err(error) => eprintln!("a client is lost: {error}"),
    }
    let mut connection = connections.remove(slot);
    // Dropping it closes it, whether this works or not.
    let _ = registry.deregister(&mut connection.stream);
}

/// Has the poller watch a client for what it waits for, and for nothing else.
fn wait(connection: &mut Connection, next: Interest, slot: usize, registry: &Registry) -> io::Result<()> {
    if connection.interest != next {
        connection.interest = next;
        registry.reregister(&mut connection.stream, Token(slot), next)?;
    }
    Ok(())
}
