//! Sends each line back reversed: another protocol on the loop that serves HTTP, and the
//! shortest way to see what a [`Protocol`] is. Talk to it with `--example client`.

use std::time::{Duration, Instant};
use std::{io, net::SocketAddr};

use serve::net::{EventLoop, Limits, Phase, Protocol};
use serve::segment::{Segment, SendQueue};
use serve::{clock::Now, pool::Pool, sys};

/// A line may be so long; while so much waits to be sent, nothing more is read.
const BYTES_MAX: usize = 64 * 1024;
/// So long may nothing come and nothing go.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A connection: bytes and the time come in, bytes and a deadline go out.
struct Echo {
    line: Vec<u8>, // as far as it has come
    queue: SendQueue,
    deadline: Instant,
    phase: Phase,
}

impl Protocol for Echo {
    type Shared = (); // what the connections have in common
    type Done = (); // what the pool makes for them

    fn open((): &mut (), _client: SocketAddr, _listener: SocketAddr, now: &Now) -> Echo {
        Echo { line: vec![], queue: Default::default(), deadline: now.instant + TIMEOUT, phase: Phase::Open }
    }
    fn receive(&mut self, (): &mut (), input: &[u8], now: &Now) {
        self.deadline = now.instant + TIMEOUT;
        let mut answer = Vec::with_capacity(self.line.len() + input.len());
        for piece in input.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend(piece);
            if self.line.pop_if(|byte| *byte == b'\n').is_some() {
                answer.extend(self.line.drain(..).rev().chain([b'\n']));
            }
        }
        self.queue.push(Segment::Bytes(answer.into()));
        self.phase = if self.line.len() > BYTES_MAX { Phase::Aborted } else { Phase::Open };
    }
    fn receive_eof(&mut self, (): &mut (), _: &Now) {
        self.queue.push(Segment::Bytes(self.line.drain(..).rev().collect())); // a line without its end
        self.phase = Phase::Finishing;
    }
    fn sent(&mut self, (): &mut (), bytes: u64, now: &Now) {
        self.deadline = now.instant + TIMEOUT;
        self.queue.advance(bytes);
    }
    fn shut_down(&mut self, (): &mut (), _: &Now) {
        self.phase = Phase::Finishing;
    }
    fn handle_timeout(&mut self, (): &mut (), _: &Now) {
        self.phase = if self.queue.is_empty() { Phase::Closed } else { Phase::Aborted };
    }
    fn wants_read(&self) -> bool {
        self.phase == Phase::Open && self.queue.remaining() <= BYTES_MAX as u64
    }
    fn send_queue(&self) -> &SendQueue {
        &self.queue
    }
    fn deadline(&self) -> Instant {
        self.deadline
    }
    fn phase(&self) -> Phase {
        if self.phase == Phase::Finishing && self.queue.is_empty() { Phase::Closed } else { self.phase }
    }
}

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:7000".into());
    let listeners = sys::bind(address.parse().map_err(io::Error::other)?, 1)?;
    println!("{}", listeners[0].local_addr()?);
    let server = EventLoop::<Echo>::new(listeners, (), Limits::default(), Pool::new(1, 1))?;
    let remote = server.remote();
    sys::on_stop_signal(move || drop(remote.stop()))?;
    server.run().map(drop)
}
