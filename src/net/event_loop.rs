//! The loop: sleep until something happens, mark it, then give everyone a turn.

mod clients;
#[cfg(debug_assertions)]
mod invariants;
mod turns;
mod work;

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::Interest;
use mio::net::TcpListener;
use slab::Slab;

use super::accept::Listener;
use super::connection::Link;
use super::counters::Counters;
use super::deadlines::Deadlines;
use super::limits::Limits;
use super::pace::{Pace, Stage};
use super::platform::{Event, Mio, Platform};
use super::progress::{Mark, Progress};
use super::protocol::{Notice, Protocol};
use super::remote::{Remote, Stop};
use super::stream::Stream;
use super::token::Source;
use crate::clock::Now;
use crate::pool::Pool;
use turns::Batch;

/// So many deadlines are looked at in one turn. Who has come together may time out together,
/// and to end a transfer that has stalled takes the system a third of a millisecond on a quick
/// machine, for all that it has buffered.
const TURN_DEADLINES_MAX: usize = 16;

/// A connection and all that the loop knows of it.
struct Connection<P, C> {
    stream: C,
    protocol: P,
    link: Link,
    /// What the poller watches it for; None until it has to wait for the first time:
    /// a request that came with its connection is answered before anyone watches.
    interest: Option<Interest>,
    generation: usize,
    /// The earliest time at which the deadlines will look at it.
    armed: Option<Instant>,
    queued: bool,
    dead: bool,
    /// An event hinted that the peer is gone.
    doubtful: bool,
    progress: Progress,
    /// Gone with the connection, so that work nobody waits for is not begun.
    waits: Option<Arc<()>>,
}

/// An event loop that runs a protocol on its listeners.
pub struct EventLoop<P: Protocol, S: Platform = Mio> {
    platform: S,
    listeners: Vec<Listener<S::Listener>>,
    connections: Slab<Connection<P, S::Stream>>,
    /// Who has something to do.
    run_queue: VecDeque<usize>,
    /// Who is through; slots are free again only in the next turn (R28c).
    dead: Vec<usize>,
    deadlines: Deadlines,
    shared: P::Shared,
    limits: Limits,
    pool: Pool,
    remote: Remote<P::Done>,
    generation: usize,
    /// When draining ends, whoever is left.
    drain_until: Option<Instant>,
    batch: Batch,
    counters: Counters,
    /// When the last turn ended.
    now: Now,
}

impl<P: Protocol> EventLoop<P> {
    /// A loop on sockets that listen already.
    ///
    /// # Errors
    /// When the system gives no poller, or a listener cannot be registered.
    pub fn new(sockets: Vec<TcpListener>, shared: P::Shared, limits: Limits, pool: Pool) -> io::Result<Self> {
        EventLoop::on(Mio::new()?, sockets, shared, limits, pool)
    }
}

impl<P: Protocol, S: Platform> EventLoop<P, S> {
    /// A loop on another platform than the system's.
    ///
    /// # Errors
    /// When a listener cannot be watched, or nothing can wake the loop.
    pub fn on(
        platform: S,
        sockets: Vec<S::Listener>,
        shared: P::Shared,
        limits: Limits,
        pool: Pool,
    ) -> io::Result<Self> {
        let (wake, now) = (platform.wake()?, platform.now());
        let mut listeners = Vec::with_capacity(sockets.len());
        for (index, socket) in sockets.into_iter().enumerate() {
            listeners.push(Listener::new(socket, &platform, Source::Listener(index).token())?);
        }
        Ok(EventLoop {
            platform,
            listeners,
            connections: Slab::new(),
            run_queue: VecDeque::new(),
            dead: Vec::new(),
            deadlines: Deadlines::new(now.instant),
            shared,
            limits,
            pool,
            remote: Remote::new(wake),
            generation: 0,
            drain_until: None,
            batch: Batch::default(),
            counters: Counters::default(),
            now,
        })
    }

    /// A handle for other threads.
    pub fn remote(&self) -> Remote<P::Done> {
        self.remote.clone()
    }

    /// Gives it another pool for the work to come; what has been begun comes back still.
    pub fn use_pool(&mut self, pool: Pool) {
        self.pool = pool;
    }

    /// Runs until it is asked to stop; returns what it has seen.
    ///
    /// # Errors
    /// When the poller or a listener is lost: nothing else ends the loop.
    pub fn run(mut self) -> io::Result<Counters> {
        // Nobody interrupts it, so it has seen all.
        self.run_until(|| false).map(Option::unwrap_or_default)
    }

    /// The same, but whenever a turn has ended and `is_time` says so it comes back without
    /// counters, and can be run again, by any thread: nothing is lost between.
    ///
    /// # Errors
    /// As of `run`.
    pub fn run_until(&mut self, is_time: impl Fn() -> bool) -> io::Result<Option<Counters>> {
        let mut events = S::events();
        self.now = self.platform.now();
        while self.go_round(&mut events)? {
            if is_time() {
                return Ok(None);
            }
        }
        Ok(Some(self.end()))
    }

    /// Sleeps until something happens, and does all there is to do. Says whether to go on.
    ///
    /// # Errors
    /// As of `run`.
    pub fn go_round(&mut self, events: &mut S::Events) -> io::Result<bool> {
        let before = self.now;
        let timeout = self.sleep(&before);
        self.platform.poll(events, timeout)?;
        self.counters.wakeups += 1;
        let now = self.platform.now();
        self.now = now;
        let mut pace = Pace::begin(now.instant);
        for event in S::told(events) {
            self.latch(event);
        }
        for stage in Stage::ALL {
            let was_busy = match stage {
                Stage::Results => self.collect_results(&now),
                Stage::Deadlines => self.fire_deadlines(&now),
                Stage::Stopping => self.check_stop(&now),
                Stage::Accepting => self.accept_clients(&now)?,
                Stage::Turns => self.take_turns(&now),
                Stage::Ending => {
                    self.bury();
                    P::end_of_turn(&mut self.shared, &now);
                    false
                }
            };
            // What had nothing to do costs no reading of the clock; for the last there is one.
            if was_busy {
                pace.end(stage, self.platform.instant());
            }
        }
        #[cfg(debug_assertions)]
        self.check_invariants();
        let goes_on = !self.is_over(&now);
        if goes_on {
            self.check_pace(pace);
        }
        Ok(goes_on)
    }

    /// What it has seen so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// How long to sleep; None is until something happens.
    fn sleep(&mut self, now: &Now) -> Option<Duration> {
        let may_accept = self.listeners.iter().any(Listener::is_open);
        if !self.run_queue.is_empty() || may_accept || self.remote.has_news() {
            return Some(Duration::ZERO);
        }
        let rests = self.listeners.iter().filter_map(Listener::resting_until);
        let connections = &self.connections;
        let is_armed = |slot, due| connections.get(slot).is_some_and(|c| c.armed == Some(due));
        let next = rests.chain(self.deadlines.next(is_armed)).chain(self.drain_until).min()?;
        Some(next.saturating_duration_since(now.instant))
    }

    /// Marks what an event says. No work is done here.
    fn latch(&mut self, event: Event) {
        match Source::of(event.token) {
            // Looked at in every turn anyway.
            Source::Waker => {}
            Source::Listener(index) => {
                if let Some(listener) = self.listeners.get_mut(index) {
                    listener.ready = true;
                }
            }
            Source::Connection { slot, generation } => match self.connections.get_mut(slot) {
                Some(connection) if connection.generation == generation && !connection.dead => {
                    // Errors and hang-ups are hints: the next read or write tells (R29c).
                    connection.doubtful |= event.hint;
                    connection.progress.call();
                    connection.link.readable |= event.readable || event.hint;
                    connection.link.writable |= event.writable || event.hint;
                    connection.link.ends |= event.hint;
                    self.enqueue(slot);
                }
                _ => self.counters.stale_events += 1,
            },
        }
    }

    fn enqueue(&mut self, slot: usize) {
        if let Some(connection) = self.connections.get_mut(slot)
            && !connection.queued
        {
            connection.queued = true;
            self.run_queue.push_back(slot);
        }
    }

    /// Tells a protocol something. A bug in one connection must not take the others
    /// along (R29b).
    fn tell(&mut self, slot: usize, now: &Now, what: impl FnOnce(&mut P, &mut P::Shared)) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        let (protocol, shared) = (&mut connection.protocol, &mut self.shared);
        let before = Mark::of(protocol);
        if catch_unwind(AssertUnwindSafe(|| what(protocol, shared))).is_err() {
            return self.panicked(slot, now);
        }
        connection.progress.compare(before, Mark::of(protocol), now.instant);
    }

    /// Says whether anything was due; what is left is due in the next turn.
    fn fire_deadlines(&mut self, now: &Now) -> bool {
        let mut any = false;
        for _ in 0..TURN_DEADLINES_MAX {
            let Some((slot, armed)) = self.deadlines.pop(now.instant) else { break };
            any = true;
            let Some(connection) = self.connections.get_mut(slot).filter(|c| c.armed == Some(armed)) else {
                continue;
            };
            connection.armed = None;
            let Connection { protocol, link, armed, .. } = connection;
            let due = link.due(protocol);
            if due > now.instant {
                self.deadlines.arm(slot, due, protocol.is_punctual(), armed);
                continue;
            }
            if !link.is_paused() {
                self.tell(slot, now, |protocol, shared| protocol.handle_timeout(shared, now));
            }
            self.enqueue(slot);
        }
        if any {
            // Who is held back for a moment leaves the deadline behind that it had before.
            self.forget_deadlines();
        }
        self.listeners.iter_mut().for_each(|listener| listener.wake_when_due(now.instant));
        any
    }

    /// Begins to drain when asked to; says whether it did.
    fn check_stop(&mut self, now: &Now) -> bool {
        let begins = self.remote.stop_wanted() != Stop::No && self.drain_until.is_none();
        if begins {
            self.drain_until = Some(now.instant + self.limits.grace);
            self.stop_listening(now);
            let slots: Vec<usize> = self.connections.iter().map(|(slot, _)| slot).collect();
            for slot in slots {
                self.connections[slot].link.readable = true;
                self.tell(slot, now, |protocol, shared| protocol.shut_down(shared, now));
                self.enqueue(slot);
            }
        }
        begins
    }

    /// Whether it is time to go: everyone has left, or whoever is left has had its time.
    fn is_over(&self, now: &Now) -> bool {
        let drained = |until| until <= now.instant || self.connections.is_empty();
        self.remote.stop_wanted() == Stop::AtOnce || self.drain_until.is_some_and(drained)
    }

    /// Warns of a turn that made others wait; notes the time before sleeping.
    fn check_pace(&mut self, mut pace: Pace) {
        self.now = self.platform.now();
        pace.end(Stage::Ending, self.now.instant);
        if let Some(slow) = pace.slow() {
            P::notice(&mut self.shared, Notice::SlowTurn(slow), &self.now);
        }
    }

    /// Closes whatever is left; returns what it has seen.
    pub fn end(&mut self) -> Counters {
        let now = self.now;
        let slots: Vec<usize> = self.connections.iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            self.connections[slot].stream.abort();
            self.kill(slot, &now);
        }
        self.bury();
        P::end_of_turn(&mut self.shared, &now);
        std::mem::take(&mut self.counters)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "event_loop_tests.rs"]
mod tests;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "event_loop_work_tests.rs"]
mod work_tests;
