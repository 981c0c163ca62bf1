//! What a server costs that has nothing to do: `--limit PORT --root DIR`.
//!
//! It reads the files of a directory once, at the start, and from then on sends them: no
//! request is parsed beyond its end and three fields, no file is looked at. What it costs is
//! what the kernel charges for the traffic, and no server can cost much less.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::path::Path;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

use super::canned::{Answers, Canned};
use super::connection::SHORT_READ_IS_ALL;

const LISTENER: Token = Token(usize::MAX);

/// Pieces for one call.
const SLICES_MAX: usize = 32;

struct Connection {
    stream: TcpStream,
    /// The beginning of a head whose end has not come.
    input: Vec<u8>,
    /// What is to be sent, and from where on.
    output: VecDeque<(Canned, usize)>,
    is_last: bool,
}

/// Serves for ever.
pub fn serve(mut listener: TcpListener, root: &Path) -> io::Result<()> {
    let mut answers = Answers::of(root)?;
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let (mut events, mut buffer) = (Events::with_capacity(1024), vec![0; 64 * 1024]);
    let mut connections: Slab<Connection> = Slab::new();
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                accept(&poll, &mut listener, &mut connections)?;
                continue;
            }
            let slot = event.token().0;
            let Some(connection) = connections.get_mut(slot) else { continue };
            if connection.turn(&mut buffer, &mut answers).is_err() {
                connections.remove(slot);
            }
        }
    }
}

fn accept(poll: &Poll, listener: &mut TcpListener, connections: &mut Slab<Connection>) -> io::Result<()> {
    loop {
        match listener.accept() {
            Ok((mut stream, _)) => {
                stream.set_nodelay(true)?;
                let entry = connections.vacant_entry();
                let interest = Interest::READABLE | Interest::WRITABLE;
                poll.registry().register(&mut stream, Token(entry.key()), interest)?;
                let (input, output) = (Vec::new(), VecDeque::new());
                entry.insert(Connection { stream, input, output, is_last: false });
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

impl Connection {
    /// Reads what is there, and sends what it can. An error is the end.
    fn turn(&mut self, buffer: &mut [u8], answers: &mut Answers) -> io::Result<()> {
        self.send()?;
        loop {
            let count = match self.stream.read(buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            self.take(&buffer[..count], answers);
            self.send()?;
            if SHORT_READ_IS_ALL && count < buffer.len() {
                return Ok(());
            }
        }
    }

    /// Puts a response for every whole head in line.
    fn take(&mut self, came: &[u8], answers: &mut Answers) {
        let kept = std::mem::take(&mut self.input);
        let joined;
        let mut rest = came;
        if !kept.is_empty() {
            joined = [&kept, came].concat();
            rest = &joined;
        }
        while let Some(end) = memchr::memmem::find(rest, b"\r\n\r\n") {
            let head = &rest[..end];
            self.is_last |= memchr::memmem::find(head, b"Connection: close").is_some();
            self.output.push_back((answers.to(head), 0));
            rest = &rest[end + 4..];
        }
        self.input = rest.to_vec();
    }

    fn send(&mut self) -> io::Result<()> {
        while !self.output.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES_MAX];
            let mut used = 0;
            for (slice, (bytes, from)) in slices.iter_mut().zip(&self.output) {
                *slice = IoSlice::new(&bytes[*from..]);
                used += 1;
            }
            let sent = match &slices[..used] {
                [one] => self.stream.write(one),
                several => self.stream.write_vectored(several),
            };
            match sent {
                Ok(sent) => self.advance(sent),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        if self.is_last { Err(ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }

    fn advance(&mut self, mut sent: usize) {
        while let Some((bytes, from)) = self.output.front_mut() {
            let left = bytes.len() - *from;
            if sent < left {
                *from += sent;
                return;
            }
            sent -= left;
            self.output.pop_front();
        }
    }
}
