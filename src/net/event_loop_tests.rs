//! The loop over real sockets, with protocols that misbehave.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use super::*;
use crate::net::Refused;
use crate::net::accept::Rest;
use crate::net::remote::Outcome;
use crate::net::{Phase, Work};
use crate::segment::SendQueue;
use crate::sys;

/// A protocol with a bug: what it does when it hears of a byte.
#[derive(Clone, Copy, PartialEq)]
enum Bug {
    /// Its deadline stays in the past.
    Stuck,
    /// Its deadline moves, and is over already.
    Late,
    /// It asks the pool, again and again, and does nothing with the answer.
    Asks,
    /// It panics when its work is done.
    PanicsWhenDone,
    /// None; it ends at the first byte.
    None,
}

fn some_work() -> Option<Work<()>> {
    Some(Box::new(|| ()))
}

struct Buggy {
    bug: Bug,
    queue: SendQueue,
    deadline: Instant,
    phase: Phase,
    work: Option<Work<()>>,
}

impl Protocol for Buggy {
    /// Where its notices go.
    type Shared = Sender<String>;
    type Done = ();

    fn open(_: &mut Sender<String>, _: SocketAddr, _: SocketAddr, now: &Now) -> Self {
        let deadline = now.instant + Duration::from_secs(60);
        Buggy { bug: Bug::None, queue: SendQueue::default(), deadline, phase: Phase::Open, work: None }
    }
    fn receive(&mut self, _: &mut Sender<String>, input: &[u8], now: &Now) {
        match input {
            b"s" => (self.bug, self.deadline) = (Bug::Stuck, now.instant),
            b"l" => (self.bug, self.deadline) = (Bug::Late, now.instant),
            b"a" => (self.bug, self.work) = (Bug::Asks, some_work()),
            b"p" => (self.bug, self.work) = (Bug::PanicsWhenDone, some_work()),
            _ => self.phase = Phase::Closed,
        }
    }
    fn receive_eof(&mut self, _: &mut Sender<String>, _: &Now) {
        self.phase = Phase::Closed;
    }
    fn wants_read(&self) -> bool {
        self.bug == Bug::None
    }
    fn send_queue(&self) -> &SendQueue {
        &self.queue
    }
    fn sent(&mut self, _: &mut Sender<String>, _: u64, _: &Now) {}
    fn deadline(&self) -> Instant {
        self.deadline
    }
    fn handle_timeout(&mut self, _: &mut Sender<String>, now: &Now) {
        if self.bug == Bug::Late {
            // Before the grid of deadlines, or each would wait for the next point of it.
            self.deadline = now.instant - Duration::from_secs(1);
        }
    }
    fn phase(&self) -> Phase {
        self.phase
    }
    fn take_work(&mut self) -> Option<Work<()>> {
        self.work.take()
    }
    fn work_done(&mut self, _: &mut Sender<String>, _: Result<(), Refused>, _: &Now) {
        assert!(self.bug != Bug::PanicsWhenDone, "on purpose");
        self.work = some_work();
    }
    fn shut_down(&mut self, _: &mut Sender<String>, _: &Now) {
        self.phase = Phase::Closed;
    }
    fn notice(notices: &mut Sender<String>, notice: Notice<'_>, _: &Now) {
        // A busy machine may be slow, and that is not what is asked here.
        if !matches!(notice, Notice::SlowTurn(_)) {
            notices.send(format!("{notice:?}")).unwrap();
        }
    }
}

fn connect(address: SocketAddr) -> std::net::TcpStream {
    let client = std::net::TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    client
}

/// Waits for an end or a reset: either way it is over.
fn expect_over(client: &mut std::net::TcpStream) {
    match client.read(&mut [0]) {
        Ok(count) => assert_eq!(count, 0),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    let _ = client.shutdown(Shutdown::Both);
}

/// Sends a byte to a loop, and waits until its connection is closed; connections without
/// a bug, there before and after it, are served. What the loop has seen and said.
fn run_with(byte: &[u8]) -> (Counters, Vec<String>) {
    let sockets = sys::bind("127.0.0.1:0".parse().unwrap(), 1).unwrap();
    let address = sockets[0].local_addr().unwrap();
    let (notices, said) = channel();
    let pool = Pool::new(1, 1);
    let each = EventLoop::<Buggy>::new(sockets, notices, Limits::default(), pool).unwrap();
    let remote = each.remote();
    let thread = thread::spawn(move || each.run());
    let (mut before, mut buggy) = (connect(address), connect(address));
    buggy.write_all(byte).unwrap();
    before.write_all(b"x").unwrap();
    expect_over(&mut before);
    expect_over(&mut buggy);
    let mut after = connect(address);
    after.write_all(b"x").unwrap();
    expect_over(&mut after);
    remote.stop().unwrap();
    (thread.join().unwrap().unwrap(), said.iter().collect())
}

/// R28d, R51.
#[test]
fn a_connection_that_gets_on_no_more_is_closed_counted_and_told_and_others_are_served() {
    for bug in [b"s", b"l", b"a"] {
        let (counters, notices) = run_with(bug);
        let seen = (counters.stalled, counters.panics, counters.accepted, counters.closed);
        assert_eq!(seen, (1, 0, 3, 3), "{bug:?}");
        assert_eq!(notices, ["Stuck(Open)"], "{bug:?}");
    }
}

/// R29b, R51.
#[test]
fn a_panic_closes_its_connection_and_no_other() {
    let (counters, notices) = run_with(b"p");
    assert_eq!((counters.panics, counters.stalled, counters.accepted, counters.closed), (1, 0, 3, 3));
    assert!(notices.is_empty());
}

/// R28c: in one batch a connection ends, another takes its slot, and an event and a result
/// for the first are still on their way. They are counted, and reach nobody.
#[test]
fn what_was_meant_for_a_closed_connection_never_reaches_the_next_in_its_slot() {
    let sockets = sys::bind("127.0.0.1:0".parse().unwrap(), 1).unwrap();
    let address = sockets[0].local_addr().unwrap();
    let mut each = EventLoop::<Buggy>::new(sockets, channel().0, Limits::default(), Pool::new(1, 1)).unwrap();
    let now = Now::read();
    let accept_one = |each: &mut EventLoop<Buggy>| {
        let (client, before) = (connect(address), each.counters.accepted);
        while each.counters.accepted == before {
            each.listeners[0].ready = true;
            each.accept_clients(&now).unwrap();
        }
        // Nothing is there to read yet, so that the poller is asked to tell of it.
        each.take_turns(&now);
        client
    };
    let mut first = accept_one(&mut each);
    let old = Source::connection(0, each.connections[0].generation).token();
    first.write_all(b"s").unwrap();
    let mut events = Mio::events();
    while !Mio::told(&events).any(|event| event.token == old) {
        each.platform.poll(&mut events, None).unwrap();
    }
    let latch_old = |each: &mut EventLoop<Buggy>| {
        Mio::told(&events).filter(|event| event.token == old).take(1).for_each(|event| each.latch(event));
        each.remote.deliver(old, Outcome::Work(Ok(())));
        each.collect_results(&now);
        (each.counters.stale_events, each.run_queue.len())
    };
    each.kill(0, &now);
    assert_eq!(latch_old(&mut each), (2, 0), "it is dead, though still there");
    // Its slot is taken to the end of the batch, so that nobody has it in the same one.
    let _second = accept_one(&mut each);
    assert_eq!(each.connections.iter().map(|(slot, _)| slot).collect::<Vec<_>>(), [0, 1]);
    each.bury();
    assert!(each.connections.get(0).is_none());
    assert_eq!(latch_old(&mut each), (4, 0), "nobody is there");
    let _third = accept_one(&mut each);
    let bug = |each: &EventLoop<Buggy>| each.connections[0].protocol.bug == Bug::None;
    assert!(bug(&each) && !each.connections[0].dead);
    assert_eq!(latch_old(&mut each), (6, 0), "somebody else is there");
    assert!(bug(&each) && !each.connections[0].link.readable);
}

/// R28b: what is over at the same time is ended in several turns.
#[test]
fn many_deadlines_at_once_leave_room_for_others() {
    let sockets = sys::bind("127.0.0.1:0".parse().unwrap(), 1).unwrap();
    let address = sockets[0].local_addr().unwrap();
    let mut each = EventLoop::<Buggy>::new(sockets, channel().0, Limits::default(), Pool::new(1, 1)).unwrap();
    let now = Now::read();
    let all = TURN_DEADLINES_MAX + 10;
    let _clients: Vec<_> = (0..all).map(|_| connect(address)).collect();
    while each.connections.len() < all {
        each.listeners[0].ready = true;
        each.accept_clients(&now).unwrap();
    }
    each.take_turns(&now);
    assert!(each.run_queue.is_empty());
    let later = now.later(Duration::from_secs(3600));
    assert!(each.fire_deadlines(&later));
    assert_eq!(each.run_queue.len(), TURN_DEADLINES_MAX);
    assert_eq!(each.sleep(&later), Some(Duration::ZERO));
    assert!(each.fire_deadlines(&later));
    assert_eq!(each.run_queue.len(), all);
}

/// Clients wait in the queue all the time, so that whoever looked for them would never
/// sleep; and no event will tell of them (R24).
#[test]
fn without_descriptors_the_loop_sleeps_until_a_timer_and_then_tries_again() {
    let sockets = sys::bind("127.0.0.1:0".parse().unwrap(), 1).unwrap();
    let limits = Limits::default();
    let mut each = EventLoop::<Buggy>::new(sockets, channel().0, limits.clone(), Pool::new(1, 1)).unwrap();
    let mut now = Now::read();
    assert_eq!(each.sleep(&now), Some(Duration::ZERO), "somebody may wait from the beginning");
    let mut pause = limits.accept_pause_min;
    for _ in 0..6 {
        each.listeners[0].rest(Rest::Exhausted, now.instant, &limits);
        assert_eq!(each.sleep(&now), Some(pause));
        let almost = now.later(pause - Duration::from_millis(1));
        each.fire_deadlines(&almost);
        assert_eq!(each.sleep(&almost), Some(Duration::from_millis(1)));
        now = now.later(pause);
        each.fire_deadlines(&now);
        assert_eq!(each.sleep(&now), Some(Duration::ZERO), "it tries again");
        pause = (pause * 2).min(limits.accept_pause_max);
    }
}

/// As it has to where a thread can no longer reach the files: connections come along.
#[test]
fn a_loop_that_is_left_after_each_turn_goes_on_in_another_thread() {
    let sockets = sys::bind("127.0.0.1:0".parse().unwrap(), 1).unwrap();
    let address = sockets[0].local_addr().unwrap();
    let (notices, _said) = channel();
    let mut each = EventLoop::<Buggy>::new(sockets, notices, Limits::default(), Pool::new(1, 1)).unwrap();
    let remote = each.remote();
    let thread = thread::spawn(move || {
        for left in 0.. {
            let next = thread::spawn(move || {
                let result = each.run_until(|| true);
                (each, result)
            });
            let (back, result) = next.join().unwrap();
            each = back;
            if let Some(counters) = result.unwrap() {
                return (counters, left);
            }
        }
        unreachable!()
    });
    let mut clients = [connect(address), connect(address)];
    for client in &mut clients {
        client.write_all(b"x").unwrap();
        expect_over(client);
    }
    remote.stop().unwrap();
    let (counters, left) = thread.join().unwrap();
    assert_eq!((counters.accepted, counters.closed), (2, 2));
    assert!(left >= 2, "left {left} times");
}
