//! Work for clients that have left: it must not be begun. Everything here happens in an
//! order that the pieces tell each other; no time has to pass.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use super::*;
use crate::net::Refused;
use crate::net::{Phase, Work};
use crate::segment::SendQueue;
use crate::sys;

/// What happens, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tale {
    Asked,
    Holding,
    Worked,
    Closed,
}

/// Tells what happens; and where work waits until it may go on.
struct Teller {
    tales: Sender<Tale>,
    gate: Option<Receiver<()>>,
}

/// A client that asks for work by a byte, and is done with when it is done.
struct Asking {
    queue: SendQueue,
    deadline: Instant,
    phase: Phase,
    work: Option<Work<()>>,
    has_asked: bool,
}

impl Protocol for Asking {
    type Shared = Teller;
    type Done = ();

    fn open(_: &mut Teller, _: SocketAddr, _: SocketAddr, now: &Now) -> Self {
        let deadline = now.instant + Duration::from_secs(60);
        Asking { queue: SendQueue::default(), deadline, phase: Phase::Open, work: None, has_asked: false }
    }
    fn receive(&mut self, teller: &mut Teller, _: &[u8], _: &Now) {
        let tales = teller.tales.clone();
        self.has_asked = true;
        // The first one holds the only thread.
        self.work = Some(match teller.gate.take() {
            Some(gate) => Box::new(move || {
                tales.send(Tale::Holding).unwrap();
                let _ = gate.recv();
            }),
            None => Box::new(move || tales.send(Tale::Worked).unwrap()),
        });
        teller.tales.send(Tale::Asked).unwrap();
    }
    fn receive_eof(&mut self, _: &mut Teller, _: &Now) {}
    fn wants_read(&self) -> bool {
        !self.has_asked && self.phase == Phase::Open
    }
    fn send_queue(&self) -> &SendQueue {
        &self.queue
    }
    fn sent(&mut self, _: &mut Teller, _: u64, _: &Now) {}
    fn deadline(&self) -> Instant {
        self.deadline
    }
    fn handle_timeout(&mut self, _: &mut Teller, _: &Now) {
        self.phase = Phase::Closed;
    }
    fn phase(&self) -> Phase {
        self.phase
    }
    fn take_work(&mut self) -> Option<Work<()>> {
        self.work.take()
    }
    fn work_done(&mut self, _: &mut Teller, _: Result<(), Refused>, _: &Now) {
        self.phase = Phase::Closed;
    }
    fn shut_down(&mut self, _: &mut Teller, _: &Now) {}
    fn closed(&mut self, teller: &mut Teller, _: &Now) {
        let _ = teller.tales.send(Tale::Closed);
    }
}

/// The only thread is held, one client waits for it, and perhaps leaves; another one
/// comes after it. How much work was done for the two.
fn work_done(leaves: bool) -> usize {
    let sockets = sys::bind("127.0.0.1:0".parse().unwrap(), 1).unwrap();
    let address = sockets[0].local_addr().unwrap();
    let ((tales, told), (open_gate, gate)) = (channel(), channel());
    let teller = Teller { tales, gate: Some(gate) };
    let each = EventLoop::<Asking>::new(sockets, teller, Limits::default(), Pool::new(1, 8)).unwrap();
    let remote = each.remote();
    let thread = thread::spawn(move || each.run());
    let next = || told.recv_timeout(Duration::from_secs(60)).unwrap();
    let ask = || {
        let mut client = std::net::TcpStream::connect(address).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        client.write_all(b"w").unwrap();
        client
    };

    let mut holder = ask();
    assert_eq!((next(), next()), (Tale::Asked, Tale::Holding));
    let waiting = ask();
    assert_eq!(next(), Tale::Asked);
    let waiting = if leaves {
        socket2::SockRef::from(&waiting).set_linger(Some(Duration::ZERO)).unwrap();
        drop(waiting);
        assert_eq!(next(), Tale::Closed);
        None
    } else {
        Some(waiting)
    };
    let mut last = ask();
    assert_eq!(next(), Tale::Asked);
    open_gate.send(()).unwrap();
    // One thread does it in order, so whatever was to be done has been done.
    for client in [&mut holder, &mut last] {
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
    }
    drop(waiting);
    remote.stop().unwrap();
    thread.join().unwrap().unwrap();
    told.iter().filter(|tale| *tale == Tale::Worked).count()
}

/// R29.
#[test]
fn work_is_done_for_those_who_wait_and_not_begun_for_those_who_have_left() {
    assert_eq!(work_done(false), 2, "both wait");
    // Wine shows the end of a connection where Windows shows a reset.
    if cfg!(not(windows)) || std::env::var_os("WINELOADER").is_none() {
        assert_eq!(work_done(true), 1, "one has left");
    }
}
