//! The pool hands results to a loop, which may be about to sleep, to look, or to end. In
//! every order each of them must arrive, once, and the loop must end when it is told to.
//! Whoever waits for ever is found by loom: it knows when no thread can go on.
#![allow(clippy::unwrap_used)]

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;
use mio::{Interest, Token};
use serve::clock::Now;
use serve::net::platform::{Event, Wake};
use serve::net::stream::Stream;
use serve::net::{Counters, EventLoop, Limits, Phase, Platform, Protocol, Refused, Remote, Work};
use serve::pool::Pool;
use serve::segment::SendQueue;

/// Nothing here ever comes by time.
const LONG: Duration = Duration::from_secs(3600);

/// What ends a sleep.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
}

/// A platform of which only the waker is real. Each client says one byte, at once.
struct Desk {
    bell: Arc<Bell>,
    clients: Cell<usize>,
    /// A wake is forgotten when a socket is registered, as by mio on poll(2) (mio#1874).
    forgets: bool,
}

struct Client {
    says: Cell<bool>,
}

impl Stream for Client {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.says.take() {
            return Err(ErrorKind::WouldBlock.into());
        }
        buffer[0] = b'w';
        Ok(1)
    }
    fn send(&mut self, _: &SendQueue, _: usize) -> io::Result<usize> {
        Err(ErrorKind::WouldBlock.into())
    }
    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn abort(&mut self) {}
}

impl Platform for Desk {
    type Listener = ();
    type Stream = Client;
    type Events = ();

    fn wake(&self) -> io::Result<Wake> {
        let bell = Arc::clone(&self.bell);
        Ok(Box::new(move || {
            *bell.rung.lock().unwrap() = true;
            bell.changed.notify_one();
            Ok(())
        }))
    }
    fn events() {}
    fn poll(&mut self, (): &mut (), timeout: Option<Duration>) -> io::Result<()> {
        let mut rung = self.bell.rung.lock().unwrap();
        while !*rung && timeout != Some(Duration::ZERO) {
            rung = self.bell.changed.wait(rung).unwrap();
        }
        *rung = false;
        Ok(())
    }
    fn told((): &()) -> impl Iterator<Item = Event> {
        std::iter::empty()
    }
    fn now(&self) -> Now {
        Now::read()
    }
    fn instant(&self) -> Instant {
        Now::instant()
    }
    fn listen(&self, (): &mut (), _: Token) -> io::Result<SocketAddr> {
        Ok(([127, 0, 0, 1], 80).into())
    }
    fn accept(&self, (): &mut ()) -> io::Result<(Client, SocketAddr)> {
        let left = self.clients.get().checked_sub(1).ok_or(ErrorKind::WouldBlock)?;
        self.clients.set(left);
        Ok((Client { says: Cell::new(true) }, ([127, 0, 0, 1], 5000).into()))
    }
    fn close(&self, (): ()) {}
    fn watch(&self, _: &mut Client, _: Token, _: Interest, _: Option<Interest>) -> io::Result<()> {
        if self.forgets {
            *self.bell.rung.lock().unwrap() = false;
        }
        Ok(())
    }
    fn forget(&self, _: &mut Client) {}
}

/// What the connections of a loop share: how many have been answered, and what then stops it.
#[derive(Default)]
struct Service {
    answers: Vec<Result<(), Refused>>,
    /// After so many answers the loop stops itself.
    stops_after: usize,
    remote: Rc<RefCell<Option<Remote<()>>>>,
}

/// A byte is a piece of work; when it is done, or refused, the connection is over.
struct Asking {
    queue: SendQueue,
    deadline: Instant,
    has_asked: bool,
    work: Option<Work<()>>,
    is_over: bool,
}

impl Protocol for Asking {
    type Shared = Service;
    type Done = ();

    fn open(_: &mut Service, _: SocketAddr, _: SocketAddr, now: &Now) -> Self {
        let deadline = now.instant + LONG;
        Asking { queue: SendQueue::default(), deadline, has_asked: false, work: None, is_over: false }
    }
    fn receive(&mut self, _: &mut Service, _: &[u8], _: &Now) {
        self.has_asked = true;
        self.work = Some(Box::new(|| ()));
    }
    fn receive_eof(&mut self, _: &mut Service, _: &Now) {}
    fn wants_read(&self) -> bool {
        !self.has_asked
    }
    fn send_queue(&self) -> &SendQueue {
        &self.queue
    }
    fn sent(&mut self, _: &mut Service, _: u64, _: &Now) {}
    fn deadline(&self) -> Instant {
        self.deadline
    }
    fn handle_timeout(&mut self, _: &mut Service, _: &Now) {}
    fn phase(&self) -> Phase {
        if self.is_over { Phase::Closed } else { Phase::Open }
    }
    fn take_work(&mut self) -> Option<Work<()>> {
        self.work.take()
    }
    fn work_done(&mut self, service: &mut Service, outcome: Result<(), Refused>, _: &Now) {
        assert!(!self.is_over, "answered twice");
        self.is_over = true;
        service.answers.push(outcome);
        if service.answers.len() == service.stops_after {
            service.remote.borrow().as_ref().unwrap().stop().unwrap();
        }
    }
    fn shut_down(&mut self, _: &mut Service, _: &Now) {}
}

/// A loop for so many clients, and a pool of so many threads in which so many jobs may wait.
fn serve(clients: usize, pool: Pool, forgets: bool, stops_itself: bool) -> EventLoop<Asking, Desk> {
    let desk = Desk { bell: Arc::default(), clients: Cell::new(clients), forgets };
    let service = Service { stops_after: if stops_itself { clients } else { 0 }, ..Service::default() };
    let remote = Rc::clone(&service.remote);
    let each = EventLoop::on(desk, vec![()], service, Limits::default(), pool).unwrap();
    *remote.borrow_mut() = stops_itself.then(|| each.remote());
    each
}

fn check(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.max_branches = 10_000;
    builder.check(model);
}

fn expect_all(counters: Counters, clients: u64) {
    assert_eq!((counters.accepted, counters.closed), (clients, clients));
    assert_eq!((counters.panics, counters.stalled, counters.stale_events), (0, 0, 0));
}

#[test]
fn every_result_arrives_and_the_loop_ends() {
    check(3, || {
        let each = serve(1, Pool::new(1, 8), false, true);
        expect_all(each.run().unwrap(), 1);
    });
}

#[test]
fn results_of_two_threads_arrive_both() {
    check(2, || {
        let each = serve(2, Pool::new(2, 8), false, true);
        expect_all(each.run().unwrap(), 2);
    });
}

#[test]
fn one_thread_comes_to_the_work_of_all() {
    check(2, || {
        let each = serve(3, Pool::new(1, 8), false, true);
        expect_all(each.run().unwrap(), 3);
    });
}

#[test]
fn who_finds_the_pool_full_is_told_and_the_others_are_answered() {
    check(2, || {
        let each = serve(3, Pool::new(1, 1), false, true);
        expect_all(each.run().unwrap(), 3);
    });
}

#[test]
fn a_wake_that_gets_lost_costs_nothing() {
    check(2, || {
        let each = serve(2, Pool::new(1, 8), true, true);
        expect_all(each.run().unwrap(), 2);
    });
}

#[test]
fn told_to_stop_at_any_moment_the_loop_answers_all_whom_it_has_taken_in() {
    check(2, || {
        let each = serve(1, Pool::new(1, 8), false, false);
        let remote = each.remote();
        let stopper = thread::spawn(move || remote.stop().unwrap());
        expect_all(each.run().unwrap(), 1);
        stopper.join().unwrap();
    });
}

#[test]
fn told_to_stop_at_once_the_loop_ends_and_late_results_find_nobody() {
    check(2, || {
        let each = serve(1, Pool::new(1, 8), false, false);
        let remote = each.remote();
        let stopper = thread::spawn(move || (0..2).for_each(|_| remote.stop().unwrap()));
        let counters = each.run().unwrap();
        assert_eq!((counters.accepted, counters.closed), (1, 1));
        stopper.join().unwrap();
    });
}

#[test]
fn when_the_last_handle_of_a_pool_goes_its_threads_end_whatever_waits() {
    check(3, || {
        let pool = Pool::new(2, 8);
        let other = pool.clone();
        let user = thread::spawn(move || {
            let _ = other.submit(Box::new(|| ()));
        });
        let _ = pool.submit(Box::new(|| ()));
        drop(pool);
        user.join().unwrap();
    });
}
