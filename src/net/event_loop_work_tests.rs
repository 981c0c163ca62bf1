//! Work for clients that have left: it must not be begun. And what is made while it is sent.
//! Everything here happens in an order that the pieces tell each other; no time has to pass.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use bytes::Bytes;

use super::*;
use crate::net::Refused;
use crate::net::{Phase, Work};
use crate::pool::Kind;
use crate::segment::{Maker, Segment, SendQueue};
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
    is_long: bool,
    has_asked: bool,
}

impl Protocol for Asking {
    type Shared = Teller;
    type Done = ();

    fn open(_: &mut Teller, _: SocketAddr, _: SocketAddr, now: &Now) -> Self {
        let deadline = now.instant + Duration::from_secs(60);
        let (queue, phase) = (SendQueue::default(), Phase::Open);
        Asking { queue, deadline, phase, work: None, is_long: false, has_asked: false }
    }
    fn receive(&mut self, teller: &mut Teller, input: &[u8], _: &Now) {
        let tales = teller.tales.clone();
        (self.has_asked, self.is_long) = (true, input == b"l");
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
    fn long_work(&self) -> Option<Kind> {
        self.is_long.then_some(1)
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

/// Whether a peer sees the end of an aborted connection as a reset. Under Wine it sees an orderly
/// end, whatever was sent before and whatever SO_LINGER says.
fn shows_resets() -> bool {
    cfg!(not(windows)) || std::env::var_os("WINELOADER").is_none()
}

/// A loop on a thread of its own, with a pool of so many threads, the first of which is held.
struct Running {
    address: SocketAddr,
    told: Receiver<Tale>,
    /// Lets the thread go that is held.
    open_gate: Sender<()>,
    remote: Remote<()>,
    thread: thread::JoinHandle<std::io::Result<Counters>>,
}

impl Running {
    fn start(threads: usize) -> Running {
        let sockets = sys::bind("127.0.0.1:0".parse().unwrap(), 1).unwrap();
        let address = sockets[0].local_addr().unwrap();
        let ((tales, told), (open_gate, gate)) = (channel(), channel());
        let teller = Teller { tales, gate: Some(gate) };
        let each =
            EventLoop::<Asking>::new(sockets, teller, Limits::default(), Pool::new(threads, 8)).unwrap();
        let remote = each.remote();
        let thread = thread::spawn(move || each.run());
        Running { address, told, open_gate, remote, thread }
    }

    /// A client that asks for this, after which these things are told.
    fn ask(&self, what: &[u8], tales: &[Tale]) -> std::net::TcpStream {
        let mut client = std::net::TcpStream::connect(self.address).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        client.write_all(what).unwrap();
        tales.iter().for_each(|tale| self.hear(tale));
        client
    }

    fn hear(&self, tale: &Tale) {
        assert_eq!(self.told.recv_timeout(Duration::from_secs(60)).as_ref(), Ok(tale));
    }

    /// Ends it; tells how much work was done that nobody had heard of.
    fn worked(self) -> usize {
        self.remote.stop().unwrap();
        self.thread.join().unwrap().unwrap();
        self.told.iter().filter(|tale| *tale == Tale::Worked).count()
    }
}

/// The only thread is held, one client waits for it, and perhaps leaves; another one
/// comes after it. How much work was done for the two.
fn work_done(leaves: bool) -> usize {
    let each = Running::start(1);
    let mut holder = each.ask(b"w", &[Tale::Asked, Tale::Holding]);
    let waiting = each.ask(b"w", &[Tale::Asked]);
    let waiting = if leaves {
        socket2::SockRef::from(&waiting).set_linger(Some(Duration::ZERO)).unwrap();
        drop(waiting);
        each.hear(&Tale::Closed);
        None
    } else {
        Some(waiting)
    };
    let mut last = each.ask(b"w", &[Tale::Asked]);
    each.open_gate.send(()).unwrap();
    // One thread does it in order, so whatever was to be done has been done.
    for client in [&mut holder, &mut last] {
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
    }
    drop(waiting);
    each.worked()
}

/// R29.
#[test]
fn work_is_done_for_those_who_wait_and_not_begun_for_those_who_have_left() {
    assert_eq!(work_done(false), 2, "both wait");
    if shows_resets() {
        assert_eq!(work_done(true), 1, "one has left");
    }
}

/// R29.
#[test]
fn long_work_leaves_a_thread_for_what_is_short() {
    let each = Running::start(2);
    let holder = each.ask(b"l", &[Tale::Asked, Tale::Holding]);
    let waiting = each.ask(b"l", &[Tale::Asked]);
    let short = each.ask(b"s", &[Tale::Asked, Tale::Worked, Tale::Closed]);
    each.open_gate.send(()).unwrap();
    for mut client in [holder, waiting, short] {
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
    }
    assert_eq!(each.worked(), 1);
}

/// What takes several calls to be made: so many are left.
#[derive(Debug)]
struct Slowly(Mutex<usize>);

const MADE: &[u8] = b"made at last";

impl Maker for Slowly {
    fn make(&self, start: u64) {
        assert_eq!(start, 0);
        *self.0.lock().unwrap() -= 1;
    }
    fn piece(&self, start: u64) -> io::Result<Option<Bytes>> {
        let is_made = *self.0.lock().unwrap() == 0;
        Ok(is_made.then(|| Bytes::from_static(&MADE[start as usize..])))
    }
}

/// A client that is sent what is made slowly, and then nothing more; how much was sent each
/// time is told.
struct Sending {
    queue: SendQueue,
    deadline: Instant,
}

impl Protocol for Sending {
    type Shared = Sender<u64>;
    type Done = ();

    fn open(_: &mut Sender<u64>, _: SocketAddr, _: SocketAddr, now: &Now) -> Self {
        let mut queue = SendQueue::default();
        let maker = Arc::new(Slowly(Mutex::new(3)));
        queue.push(Segment::Made { maker, range: 0..MADE.len() as u64 });
        Sending { queue, deadline: now.instant + Duration::from_secs(60) }
    }
    fn receive(&mut self, _: &mut Sender<u64>, _: &[u8], _: &Now) {}
    fn receive_eof(&mut self, _: &mut Sender<u64>, _: &Now) {}
    fn wants_read(&self) -> bool {
        false
    }
    fn send_queue(&self) -> &SendQueue {
        &self.queue
    }
    fn sent(&mut self, told: &mut Sender<u64>, bytes: u64, _: &Now) {
        self.queue.advance(bytes);
        told.send(bytes).unwrap();
    }
    fn deadline(&self) -> Instant {
        self.deadline
    }
    fn handle_timeout(&mut self, _: &mut Sender<u64>, _: &Now) {}
    fn phase(&self) -> Phase {
        if self.queue.is_empty() { Phase::Closed } else { Phase::Open }
    }
    fn shut_down(&mut self, _: &mut Sender<u64>, _: &Now) {}
}

/// R17: nobody can be said to take nothing while there is nothing to take.
#[test]
fn each_step_of_what_is_made_is_told_as_progress() {
    let sockets = sys::bind("127.0.0.1:0".parse().unwrap(), 1).unwrap();
    let address = sockets[0].local_addr().unwrap();
    let (tell, told) = channel();
    let each = EventLoop::<Sending>::new(sockets, tell, Limits::default(), Pool::new(1, 8)).unwrap();
    let remote = each.remote();
    let thread = thread::spawn(move || each.run());
    let mut client = std::net::TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut received = Vec::new();
    client.read_to_end(&mut received).unwrap();
    assert_eq!(received, MADE);
    remote.stop().unwrap();
    thread.join().unwrap().unwrap();
    assert_eq!(told.iter().collect::<Vec<_>>(), [0, 0, 0, MADE.len() as u64]);
}

/// A loop with a client that waits for what is made, and what is told of it.
fn sending(pool: Pool, limits: Limits) -> (EventLoop<Sending>, Receiver<u64>, std::net::TcpStream) {
    let sockets = sys::bind("127.0.0.1:0".parse().unwrap(), 1).unwrap();
    let client = std::net::TcpStream::connect(sockets[0].local_addr().unwrap()).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let (tell, told) = channel();
    (EventLoop::new(sockets, tell, limits, pool).unwrap(), told, client)
}

/// R29: who needs a pool that takes no more waits, and the others do not. It is certain that it
/// asks again, and in between the loop sleeps.
#[test]
fn what_the_pool_has_no_room_for_is_asked_for_again_and_never_made_by_the_loop() {
    let (mut each, told, mut client) = sending(Pool::by_hand(0), Limits::default());
    let mut events = Mio::events();
    // To make it takes three.
    for _ in 0..5 {
        let bytes = loop {
            each.go_round(&mut events).unwrap();
            if let Ok(bytes) = told.try_recv() {
                break bytes;
            }
        };
        assert_eq!(bytes, 0, "the loop has made it");
        assert!(each.run_queue.is_empty(), "it does not wait");
    }
    assert_eq!(each.counters().fetches, 0);
    let pool = Pool::by_hand(1);
    each.use_pool(pool.clone());
    let mut made = 0;
    while each.counters().closed == 0 {
        made += usize::from(pool.work(0));
        each.go_round(&mut events).unwrap();
    }
    assert_eq!((made, each.counters().fetches), (3, 3));
    let mut received = Vec::new();
    client.read_to_end(&mut received).unwrap();
    assert_eq!(received, MADE);
}

/// As when the server ends: what cannot be made is not waited for beyond the grace.
#[test]
fn who_waits_for_a_pool_that_is_closed_is_reset_when_the_grace_is_over() {
    let pool = Pool::by_hand(8);
    pool.close();
    let (mut each, told, mut client) =
        sending(pool, Limits { grace: Duration::from_millis(1), ..Limits::default() });
    let mut events = Mio::events();
    while told.try_recv().is_err() {
        each.go_round(&mut events).unwrap();
    }
    each.remote().stop().unwrap();
    while each.go_round(&mut events).unwrap() {}
    let counters = each.end();
    assert_eq!((counters.accepted, counters.closed, counters.panics), (1, 1, 0));
    let read = client.read(&mut [0]);
    assert!(
        if shows_resets() { read.is_err() } else { matches!(read, Ok(0)) },
        "a part passes for the whole"
    );
}

/// R20: steps wait where jobs are refused, so there may be many whose clients have gone.
#[test]
fn who_leaves_while_its_step_waits_leaves_nothing_but_that() {
    let pool = Pool::by_hand(8);
    let (mut each, _told, _client) = sending(pool.clone(), Limits::default());
    let mut events = Mio::events();
    while pool.waiting() == 0 {
        each.go_round(&mut events).unwrap();
    }
    let Some(Segment::Made { maker, .. }) = each.connections[0].protocol.queue.front() else { panic!() };
    let maker = Arc::downgrade(maker);
    each.kill(0, &Now::read());
    each.bury();
    assert!(maker.upgrade().is_none());
    assert!(pool.work(0) && !pool.work(0));
}
