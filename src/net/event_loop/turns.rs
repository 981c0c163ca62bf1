//! Turns: read from everyone who has something to do, then answer everyone.

use std::mem;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use mio::Interest;

use super::{Connection, EventLoop};
use crate::clock::Now;
use crate::net::accept::Listener;
use crate::net::connection::{Input, Step, answer, read};
use crate::net::platform::Platform;
use crate::net::progress::Mark;
use crate::net::protocol::{Notice, Protocol};
use crate::net::stream::Stream;
use crate::net::token::Source;

/// Most that is read at once: as much as a head may have.
const READ_MAX: usize = 16 * 1024;

/// Input is read into one buffer for the whole loop, and handed on before it is filled
/// again: so a connection that waits holds none. Room for a hundred heads of browsers.
const BATCH_BUFFER: usize = 5 * READ_MAX;

/// What was read from some connections, and is not handed on yet.
pub(super) struct Batch {
    buffer: Box<[u8]>,
    /// How much of the buffer is filled.
    used: usize,
    members: Vec<Member>,
    /// Who would like to read again.
    again: Vec<usize>,
}

/// One who has read, or has something to write.
struct Member {
    slot: usize,
    input: Input,
    /// Where its bytes are in the buffer.
    bytes: Range<usize>,
}

impl Batch {
    /// Whether all is handed on.
    #[cfg(debug_assertions)]
    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty() && self.again.is_empty()
    }
}

impl Default for Batch {
    fn default() -> Self {
        let buffer = vec![0; BATCH_BUFFER].into_boxed_slice();
        Batch { buffer, used: 0, members: Vec::new(), again: Vec::new() }
    }
}

impl<P: Protocol, S: Platform> EventLoop<P, S> {
    /// One turn for everyone who is queued now, and one more for who then wants to read
    /// only; who yields is queued for the next round. Says whether there was anyone.
    pub(super) fn take_turns(&mut self, now: &Now) -> bool {
        let queued = self.run_queue.len();
        let budget = self.limits.turn_bytes(queued);
        self.take_turns_of(queued, budget, now);
        // Mostly these reads find nothing: where only that ends a turn, polling between
        // would be for nothing, too.
        let again = self.requeue();
        self.take_turns_of(again, budget, now);
        self.requeue();
        queued > 0
    }

    /// Puts those first who would like to read again; says how many they are.
    fn requeue(&mut self) -> usize {
        let count = self.batch.again.len();
        for slot in self.batch.again.drain(..).rev() {
            self.run_queue.push_front(slot);
        }
        count
    }

    /// The turns of the first so many of the queue.
    fn take_turns_of(&mut self, count: usize, budget: usize, now: &Now) {
        let mut left = count;
        while left > 0 {
            self.batch.used = 0;
            while left > 0 && self.batch.used + READ_MAX <= BATCH_BUFFER {
                left -= 1;
                let Some(slot) = self.run_queue.pop_front() else { break };
                self.read_from(slot, now);
            }
            // Not before: see `connection`.
            let now = self.platform.now();
            let mut members = mem::take(&mut self.batch.members);
            for member in members.drain(..) {
                self.turn(&member, budget, &now);
            }
            self.batch.members = members;
        }
    }

    /// The first half of a turn.
    fn read_from(&mut self, slot: usize, now: &Now) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        connection.queued = false;
        if connection.dead {
            return;
        }
        if mem::take(&mut connection.doubtful) && connection.stream.is_reset() {
            return self.kill(slot, now);
        }
        let Connection { stream, protocol, link, .. } = connection;
        let (used, batch) = (self.batch.used, &mut self.batch);
        let buffer = &mut batch.buffer[used..used + READ_MAX];
        // A bug in one connection must not take the others along (R29b).
        let input = catch_unwind(AssertUnwindSafe(|| read(stream, protocol, link, buffer)));
        let Ok(input) = input else { return self.panicked(slot, now) };
        if let Input::Bytes(count) = input {
            batch.used += count;
        }
        batch.members.push(Member { slot, input, bytes: used..batch.used });
    }

    /// The second half.
    fn turn(&mut self, member: &Member, budget: usize, now: &Now) {
        let slot = member.slot;
        let Some(connection) = self.connections.get_mut(slot).filter(|connection| !connection.dead) else {
            return;
        };
        let Connection { stream, protocol, link, progress, .. } = connection;
        let before = Mark::of(protocol);
        let shared = &mut self.shared;
        let input = (member.input, &self.batch.buffer[member.bytes.clone()]);
        // As above.
        let step =
            catch_unwind(AssertUnwindSafe(|| answer(stream, protocol, shared, link, input, budget, now)));
        let Ok(step) = step else { return self.panicked(slot, now) };
        progress.move_on(link.take_moved());
        progress.compare(before, Mark::of(protocol), now.instant);
        match step {
            Step::Close => return self.kill(slot, now),
            _ if progress.end_turn() => return self.give_up(slot, now),
            Step::Read => {
                connection.queued = true;
                self.batch.again.push(slot);
            }
            Step::Yield => self.enqueue(slot),
            Step::Wait(deadline) => self.wait(slot, deadline, now),
            Step::Fetch(deadline) => {
                self.wait(slot, deadline, now);
                self.fetch(slot, now);
            }
        }
        self.submit_work(slot, now);
    }

    /// Closes a connection whose protocol has panicked.
    pub(super) fn panicked(&mut self, slot: usize, now: &Now) {
        self.connections[slot].stream.abort();
        self.counters.panics += 1;
        self.kill(slot, now);
    }

    /// Closes a connection that gets on no more: a bug, which must not cost everyone else
    /// a processor (R28d).
    fn give_up(&mut self, slot: usize, now: &Now) {
        let connection = &mut self.connections[slot];
        connection.stream.abort();
        let phase = connection.protocol.phase();
        self.counters.stalled += 1;
        self.kill(slot, now);
        P::notice(&mut self.shared, Notice::Stuck(phase), now);
    }

    /// Arms what will wake the connection: its deadline, and the least interest that
    /// does (a socket watched for more than is wanted wakes for nothing where the
    /// poller re-arms in software).
    fn wait(&mut self, slot: usize, deadline: Instant, now: &Now) {
        let connection = &mut self.connections[slot];
        self.deadlines.arm(slot, deadline, connection.protocol.is_punctual(), &mut connection.armed);
        let blocked = !connection.protocol.send_queue().is_empty();
        let interest = match (blocked, connection.protocol.wants_read()) {
            (true, false) => Interest::WRITABLE,
            (true, true) => Interest::WRITABLE | Interest::READABLE,
            (false, _) => Interest::READABLE,
        };
        if connection.protocol.is_idle() {
            // It could make room for those who wait to be accepted.
            self.listeners.iter_mut().for_each(Listener::wake_if_full);
        }
        if connection.interest == Some(interest) {
            return;
        }
        let token = Source::connection(slot, connection.generation).token();
        let before = connection.interest.replace(interest);
        if self.platform.watch(&mut connection.stream, token, interest, before).is_err() {
            // Out of memory for watches, say: this client goes, the others stay. It may have
            // had a part of its answer, which must not pass for the whole.
            connection.stream.abort();
            self.kill(slot, now);
        }
    }
}
