//! What the pool does for connections, and what they hear of it.

use std::fs::File;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::{Connection, EventLoop};
use crate::clock::Now;
use crate::net::platform::Platform;
use crate::net::protocol::{Protocol, Refused};
use crate::net::remote::Outcome;
use crate::net::reply::Reply;
use crate::net::token::Source;
use crate::pool::{Full, Job, Kind};
use crate::segment::Segment;
use crate::sys;

/// So much of a file is read before a connection goes on with it: what is sent in one
/// turn, when there is little to do. The disk goes on with as much again.
const FETCH_BYTES: u64 = 2 * 1024 * 1024;

/// The disk is waited for in steps of this size: the last byte of each is read. Reading all
/// would copy all, for nothing: what counts is that the system has it.
const FETCH_STEP: usize = 64 * 1024;

/// Who finds the pool full comes again after this time, and what the grid of deadlines adds:
/// long enough that thousands who do that cost nothing.
const AGAIN_AFTER: Duration = Duration::from_millis(10);

impl<P: Protocol, S: Platform> EventLoop<P, S> {
    /// What the pool has finished; says whether there was anything.
    pub(super) fn collect_results(&mut self, now: &Now) -> bool {
        let delivered = self.remote.take_delivered();
        let any = !delivered.is_empty();
        for (token, outcome) in delivered {
            let Source::Connection { slot, generation } = Source::of(token) else { continue };
            match self.connections.get_mut(slot) {
                Some(connection) if connection.generation == generation && !connection.dead => {
                    match outcome {
                        Outcome::Fetched => self.has_fetched(slot, now),
                        Outcome::Work(done) => {
                            self.tell(slot, now, |protocol, shared| protocol.work_done(shared, done, now));
                        }
                    }
                    self.enqueue(slot);
                }
                _ => self.counters.stale_events += 1,
            }
        }
        any
    }

    /// Hands over what the protocol wants to be done.
    pub(super) fn submit_work(&mut self, slot: usize, now: &Now) {
        let Some(connection) = self.living(slot) else { return };
        if let Some(result) = connection.protocol.take_result() {
            let token = Source::connection(slot, connection.generation).token();
            return self.remote.deliver(token, Outcome::Work(Ok(result)));
        }
        if let Some(inquiry) = connection.protocol.take_inquiry() {
            let Some(reply) = self.reply(slot) else { return };
            return inquiry(reply);
        }
        let long = connection.protocol.long_work();
        let Some(work) = connection.protocol.take_work() else { return };
        let is_taken = self.submit(slot, long, move || {
            Outcome::Work(catch_unwind(AssertUnwindSafe(work)).map_err(|_| Refused::Panicked))
        });
        if !is_taken {
            self.tell(slot, now, |protocol, shared| protocol.work_done(shared, Err(Refused::Full), now));
            self.enqueue(slot);
        }
    }

    /// Has the file read, or the piece made, that the connection is to send next, so that no
    /// disk makes the others wait (R29). Where the pool takes no more, it waits, and the others
    /// do not.
    pub(super) fn fetch(&mut self, slot: usize, now: &Now) {
        let Some(connection) = self.living(slot) else { return };
        let Some(front) = connection.protocol.send_queue().front() else { return };
        let step = step_for(front);
        let Some(reply) = self.reply(slot) else { return };
        let step = Box::new(move || {
            if reply.is_awaited() {
                step();
                reply.deliver(Outcome::Fetched);
            }
        });
        match self.pool.submit_step(step) {
            Ok(()) => self.counters.fetches += 1,
            Err(Full) => self.put_off(slot, now),
        }
    }

    /// Lets a connection try again in a moment. It is not the peer who takes nothing.
    fn put_off(&mut self, slot: usize, now: &Now) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        let Connection { protocol, link, armed, .. } = connection;
        let until = now.instant + AGAIN_AFTER;
        link.put_off(until);
        self.deadlines.arm(slot, until, protocol.is_punctual(), armed);
        self.tell(slot, now, |protocol, shared| protocol.sent(shared, 0, now));
    }

    /// A file is there. What is made may take several times, and while it does, nobody can say
    /// that the peer takes nothing.
    fn has_fetched(&mut self, slot: usize, now: &Now) {
        let Some(connection) = self.living(slot) else { return };
        match connection.protocol.send_queue().front() {
            Some(Segment::Made { .. }) => {
                connection.link.fetched_some();
                self.tell(slot, now, |protocol, shared| protocol.sent(shared, 0, now));
            }
            Some(Segment::File { .. } | Segment::Bytes(_)) | None => connection.link.fetched(),
        }
    }

    /// Who could not be watched is closed, though not buried yet: it must not be queued.
    fn living(&mut self, slot: usize) -> Option<&mut Connection<P, S::Stream>> {
        self.connections.get_mut(slot).filter(|connection| !connection.dead)
    }

    /// Says whether the pool has taken it.
    fn submit(
        &mut self,
        slot: usize,
        long: Option<Kind>,
        work: impl FnOnce() -> Outcome<P::Done> + Send + 'static,
    ) -> bool {
        let Some(reply) = self.reply(slot) else { return false };
        let job = Box::new(move || {
            // A client that asks and leaves must not cost those that stay.
            if reply.is_awaited() {
                reply.deliver(work());
            }
        });
        match long {
            Some(kind) => self.pool.submit_long(kind, job).is_ok(),
            None => self.pool.submit(job).is_ok(),
        }
    }

    /// How others reach a connection for as long as it is there.
    fn reply(&mut self, slot: usize) -> Option<Reply<P::Done>> {
        let connection = self.connections.get_mut(slot)?;
        let token = Source::connection(slot, connection.generation).token();
        let waits = Arc::downgrade(connection.waits.get_or_insert_default());
        Some(Reply { token, remote: self.remote.clone(), waits })
    }
}

/// What the pool is to do before this can be sent. It holds nothing: who leaves while it waits
/// leaves no file open, and no plan of an archive.
fn step_for(segment: &Segment) -> Job {
    match segment {
        Segment::File { file, range } => {
            let (file, range) = (Arc::downgrade(file), range.clone());
            Box::new(move || {
                if let Some(file) = file.upgrade() {
                    wait_for(&file, range);
                }
            })
        }
        Segment::Made { maker, range } => {
            let (maker, start) = (Arc::downgrade(maker), range.start);
            Box::new(move || {
                if let Some(maker) = maker.upgrade() {
                    maker.make(start);
                }
            })
        }
        Segment::Bytes(_) => Box::new(|| {}),
    }
}

/// Waits for what is sent next. Errors are found by who sends it.
fn wait_for(file: &File, range: Range<u64>) {
    let end = range.end.min(range.start.saturating_add(FETCH_BYTES));
    sys::read_ahead(file, range.start..range.end.min(end.saturating_add(FETCH_BYTES)));
    let ends = (range.start..end).step_by(FETCH_STEP).skip(1).chain([end]);
    for end in ends {
        if sys::read_at(file, &mut [0], end.saturating_sub(1)).is_err() {
            return;
        }
    }
}
