//! The loop over real sockets, with protocols that misbehave.

use std::io::Read;
use std::net::{Shutdown, SocketAddr};
use std::thread;

use super::*;
use crate::net::{Phase, Work};
use crate::segment::SendQueue;
use crate::sys;

/// A protocol with a bug: what it does when it hears of a byte.
#[derive(Clone, Copy, PartialEq)]
enum Bug {
    /// Its deadline stays in the past.
    Stuck,
    /// It panics when its work is done.
    PanicsWhenDone,
    /// None; it ends at the first byte.
    None,
}

struct Buggy {
    bug: Bug,
    queue: SendQueue,
    deadline: Instant,
    phase: Phase,
    work: Option<Work<()>>,
}

impl Protocol for Buggy {
    type Shared = ();
    type Done = ();

    fn open((): &mut (), _: SocketAddr, _: SocketAddr, now: &Now) -> Self {
        let deadline = now.instant + Duration::from_secs(60);
        Buggy { bug: Bug::None, queue: SendQueue::default(), deadline, phase: Phase::Open, work: None }
    }
    fn receive(&mut self, (): &mut (), input: &[u8], now: &Now) {
        match input {
            b"s" => (self.bug, self.deadline) = (Bug::Stuck, now.instant),
            b"p" => {
                self.bug = Bug::PanicsWhenDone;
                self.work = Some(Box::new(|| ()));
            }
            _ => self.phase = Phase::Closed,
        }
    }
    fn receive_eof(&mut self, (): &mut (), _: &Now) {
        self.phase = Phase::Closed;
    }
    fn wants_read(&self) -> bool {
        self.bug == Bug::None
    }
    fn send_queue(&self) -> &SendQueue {
        &self.queue
    }
    fn sent(&mut self, (): &mut (), _: u64, _: &Now) {}
    fn deadline(&self) -> Instant {
        self.deadline
    }
    fn handle_timeout(&mut self, (): &mut (), _: &Now) {}
    fn phase(&self) -> Phase {
        self.phase
    }
    fn take_work(&mut self) -> Option<Work<()>> {
        self.work.take()
    }
    fn work_done(&mut self, (): &mut (), _: Result<(), Refused>, _: &Now) {
        assert!(self.bug != Bug::PanicsWhenDone, "on purpose");
    }
    fn shut_down(&mut self, (): &mut (), _: &Now) {
        self.phase = Phase::Closed;
    }
}

/// Sends a byte to a loop, waits for the end of the connection, and then for the same
/// with a connection that has no bug.
fn counters_after(byte: &str) -> Counters {
    let sockets = sys::bind("127.0.0.1:0".parse().unwrap(), 1).unwrap();
    let address = sockets[0].local_addr().unwrap();
    let each = EventLoop::<Buggy>::new(sockets, (), Limits::default(), Pool::new(1, 1)).unwrap();
    let remote = each.remote();
    let thread = thread::spawn(move || each.run());
    for byte in [byte, "x"] {
        let mut client = std::net::TcpStream::connect(address).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        std::io::Write::write_all(&mut client, byte.as_bytes()).unwrap();
        // An end or a reset: either way it is over.
        let _ = client.read(&mut [0]).map(|count| assert_eq!(count, 0));
        let _ = client.shutdown(Shutdown::Both);
    }
    remote.stop().unwrap();
    thread.join().unwrap().unwrap()
}

#[test]
fn a_deadline_that_is_never_moved_closes_the_connection() {
    let counters = counters_after("s");
    assert_eq!((counters.stalled, counters.accepted, counters.closed), (1, 2, 2));
}

#[test]
fn a_panic_closes_its_connection_and_no_other() {
    let counters = counters_after("p");
    assert_eq!((counters.panics, counters.accepted, counters.closed), (1, 2, 2));
}
