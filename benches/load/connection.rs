//! One connection of the generator: sends what it is given, and reads until that is answered.

use std::collections::VecDeque;
use std::io::{self, Error, ErrorKind, Read, Write};
use std::time::Instant;

use mio::net::TcpStream;

use super::answer::{Answer, Reader};
use super::targets::Targets;

/// Where a read that gets less than it asked for has emptied the socket, and what comes
/// later is a new event: epoll(7), Q&A 9. Elsewhere (Windows, poll(2)) only `WouldBlock`
/// arms again.
pub const SHORT_READ_IS_ALL: bool = cfg!(all(target_os = "linux", not(mio_unsupported_force_poll_poll)));

/// So much is read where there may be a head in it. Enough for an answer of 10 KiB; of
/// longer ones the rest is dropped unseen.
const READ_MAX: usize = 16 * 1024;

/// A request on its way.
#[derive(Clone, Copy)]
pub struct Request {
    pub target: usize,
    /// When it was sent; at a fixed rate, when it should have been.
    pub due: Instant,
}

/// How things stand after reading.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Something has to come still.
    Waiting,
    /// Everything is answered.
    Idle,
    /// The server has closed it. That is no mistake where it said so, or owed nothing.
    Ended,
}

/// A connection.
pub struct Connection {
    pub stream: TcpStream,
    reader: Reader,
    outgoing: Vec<u8>,
    sent: usize,
    /// Sent or about to be, and not answered yet.
    pub requests: VecDeque<Request>,
    /// The last answer has come.
    pub is_ending: bool,
}

impl Connection {
    pub fn new(stream: TcpStream) -> Connection {
        Connection {
            stream,
            reader: Reader::default(),
            outgoing: Vec::new(),
            sent: 0,
            requests: VecDeque::new(),
            is_ending: false,
        }
    }

    /// Another socket. What was not answered is asked again.
    pub fn restart(&mut self, stream: TcpStream, targets: &Targets) {
        let requests = std::mem::take(&mut self.requests);
        *self = Connection::new(stream);
        requests.into_iter().for_each(|request| self.push(request, targets));
    }

    pub fn push(&mut self, request: Request, targets: &Targets) {
        targets.write(request.target, &mut self.outgoing);
        self.requests.push_back(request);
    }

    /// Sends as much as goes.
    pub fn send(&mut self) -> io::Result<()> {
        while self.sent < self.outgoing.len() {
            match self.stream.write(&self.outgoing[self.sent..]) {
                Ok(bytes) => self.sent += bytes,
                Err(error) if is_for_later(&error) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.outgoing.clear();
        self.sent = 0;
        Ok(())
    }

    /// Reads what is there. `each` gets every answer with its request, and says whether the
    /// connection can be used again.
    pub fn receive(
        &mut self,
        buffer: &mut [u8],
        may_have_ended: bool,
        received: &mut u64,
        mut each: impl FnMut(Request, Answer) -> Result<bool, String>,
    ) -> io::Result<Outcome> {
        loop {
            let skippable = self.reader.skippable().min(buffer.len() as u64) as usize;
            let asked = if skippable > 0 { skippable } else { READ_MAX };
            let space = &mut buffer[..asked];
            let got = if skippable > 0 { discard(&self.stream, space) } else { self.stream.read(space) };
            let got = match got {
                Ok(0) if self.requests.is_empty() || self.is_ending => return Ok(Outcome::Ended),
                Ok(0) => return Err(Error::new(ErrorKind::UnexpectedEof, "closed before its answer")),
                Ok(got) => got,
                Err(error) if is_for_later(&error) => return Ok(self.outcome()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            *received += got as u64;
            let mut at = 0;
            while at < got {
                let answer = if skippable > 0 {
                    at = got;
                    self.reader.skip(got as u64)
                } else {
                    let (taken, answer) = self.reader.take(&buffer[at..got]).map_err(Error::other)?;
                    at += taken;
                    answer
                };
                let Some(answer) = answer else { continue };
                let request = *self.requests.front().ok_or_else(|| Error::other("an answer to nothing"))?;
                self.is_ending = !each(request, answer).map_err(Error::other)?;
                self.requests.pop_front();
                if self.is_ending && at < got {
                    return Err(Error::other("more than the last answer"));
                }
            }
            let is_all = got < asked || (self.requests.is_empty() && !self.is_ending);
            if is_all && SHORT_READ_IS_ALL && !may_have_ended {
                return Ok(self.outcome());
            }
        }
    }

    fn outcome(&self) -> Outcome {
        if self.requests.is_empty() && !self.is_ending { Outcome::Idle } else { Outcome::Waiting }
    }
}

/// Also where a connection is still being made.
fn is_for_later(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected)
}

/// Takes bytes off the socket without copying them: on Linux `MSG_TRUNC` does that to a
/// stream, tcp(7). What a client does with a body is none of the server's cost.
#[cfg(target_os = "linux")]
fn discard(stream: &TcpStream, space: &mut [u8]) -> io::Result<usize> {
    let (_, bytes) = rustix::net::recv(stream, space, rustix::net::RecvFlags::TRUNC)?;
    Ok(bytes)
}

#[cfg(not(target_os = "linux"))]
fn discard(mut stream: &TcpStream, space: &mut [u8]) -> io::Result<usize> {
    stream.read(space)
}
