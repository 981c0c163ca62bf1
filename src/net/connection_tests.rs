//! Turns with streams that stall, tear and lie at every position.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::mem;
use std::net::SocketAddr;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::segment::{Segment, SendQueue};

#[path = "connection_rate_tests.rs"]
mod rates;
#[path = "connection_rule_tests.rs"]
mod rules;

const TIMEOUT: Duration = Duration::from_secs(10);
/// More than this waiting, and the protocol stops to answer and to read.
const WAITING_MAX: u64 = 8;

/// Sends each line back reversed. Some lines end the connection: `finish`, `part`,
/// `close`, `abort`; and so does the end of input, once all is sent.
struct Reverse {
    input: Vec<u8>,
    queue: SendQueue,
    phase: Phase,
    deadline: Instant,
    eof: bool,
    /// Received after its last word.
    discarded: usize,
}

impl Reverse {
    fn answer(&mut self) {
        while self.phase == Phase::Open && self.queue.remaining() <= WAITING_MAX {
            let Some(end) = self.input.iter().position(|&b| b == b'\n') else { break };
            let mut line: Vec<u8> = self.input.drain(..=end).collect();
            line.pop();
            self.phase = match &line[..] {
                b"finish" => Phase::Finishing,
                b"part" => Phase::Parting,
                b"close" => Phase::Closed,
                b"abort" => Phase::Aborted,
                _ => Phase::Open,
            };
            line.reverse();
            line.push(b'\n');
            self.queue.push(Segment::Bytes(line.into()));
        }
        if self.eof && self.queue.is_empty() && self.phase != Phase::Aborted {
            self.phase = Phase::Closed;
        }
    }
}

impl Protocol for Reverse {
    type Shared = ();
    type Done = ();

    fn open(_: &mut (), _: SocketAddr, _: SocketAddr, now: &Now) -> Self {
        let deadline = now.instant + TIMEOUT;
        let (queue, phase) = (SendQueue::default(), Phase::Open);
        Reverse { input: Vec::new(), queue, phase, deadline, eof: false, discarded: 0 }
    }

    fn receive(&mut self, _: &mut (), input: &[u8], now: &Now) {
        assert!(!input.is_empty() && self.wants_read());
        self.deadline = now.instant + TIMEOUT;
        if self.phase == Phase::Open {
            self.input.extend_from_slice(input);
            self.answer();
        } else {
            self.phase = Phase::Finishing;
            self.discarded += input.len();
        }
    }

    fn receive_eof(&mut self, _: &mut (), _: &Now) {
        assert!(!self.eof, "the end comes once");
        self.eof = true;
        self.answer();
    }

    fn wants_read(&self) -> bool {
        match self.phase {
            Phase::Open => self.queue.remaining() <= WAITING_MAX,
            Phase::Finishing | Phase::Parting => self.queue.is_empty(),
            Phase::Closed | Phase::Aborted => false,
        }
    }

    fn send_queue(&self) -> &SendQueue {
        &self.queue
    }

    fn sent(&mut self, _: &mut (), bytes: u64, now: &Now) {
        self.deadline = now.instant + TIMEOUT;
        self.queue.advance(bytes);
        self.answer();
    }

    fn deadline(&self) -> Instant {
        self.deadline
    }

    fn handle_timeout(&mut self, _: &mut (), _: &Now) {
        self.phase = Phase::Closed;
    }

    fn phase(&self) -> Phase {
        self.phase
    }

    fn shut_down(&mut self, _: &mut (), _: &Now) {}
}

/// What one call of a stream does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Act {
    Block,
    Interrupt,
    /// At most so many bytes; 0 is a write that takes nothing.
    Some(usize),
    Fail,
}

/// A stream that follows a script, and once that is over is perfect.
#[derive(Default)]
struct Flaky {
    incoming: VecDeque<u8>,
    /// The peer half-closes behind `incoming`; else it falls silent.
    ends: bool,
    reads: VecDeque<Act>,
    writes: VecDeque<Act>,
    out: Vec<u8>,
    finished: Option<usize>,
    aborted: bool,
    finish_fails: bool,
    saw_end: bool,
    short_read_empties: bool,
    /// Whether the disk has to be waited for, each time it is asked; then it has not.
    disk: RefCell<VecDeque<bool>>,
    calls: usize,
    moved: usize,
    blocked: [bool; 2],
}

impl Flaky {
    fn block<T>(&mut self, side: usize) -> io::Result<T> {
        self.blocked[side] = true;
        Err(ErrorKind::WouldBlock.into())
    }

    fn act(&mut self, act: Option<Act>, side: usize) -> io::Result<usize> {
        let may_try = self.short_read_empties && side == 0;
        assert!(
            !self.aborted && (!self.blocked[side] || may_try),
            "called again though it has said WouldBlock"
        );
        self.calls += 1;
        match act {
            Some(Act::Block) => self.block(side),
            Some(Act::Interrupt) => Err(ErrorKind::Interrupted.into()),
            Some(Act::Fail) => Err(ErrorKind::ConnectionReset.into()),
            Some(Act::Some(most)) => Ok(most),
            None => Ok(usize::MAX),
        }
    }
}

impl Stream for Flaky {
    fn waits_for_disk(&self, queue: &SendQueue, _: usize) -> bool {
        assert!(!queue.is_empty());
        self.disk.borrow_mut().pop_front().unwrap_or(false)
    }

    fn short_read_empties(&self) -> bool {
        self.short_read_empties
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        assert!(!self.saw_end, "read beyond the end");
        let act = self.reads.pop_front();
        let mut most = self.act(act, 0)?.max(1).min(buffer.len());
        if self.short_read_empties {
            // Then a short read is one that takes all there is.
            most = buffer.len();
        }
        if self.incoming.is_empty() {
            self.saw_end = self.ends;
            return if self.ends { Ok(0) } else { self.block(0) };
        }
        let count = most.min(self.incoming.len());
        buffer.iter_mut().zip(self.incoming.drain(..count)).for_each(|(slot, byte)| *slot = byte);
        self.moved += count;
        // What it could not tell any more is told by an event.
        self.blocked[0] |= self.short_read_empties && count < buffer.len();
        Ok(count)
    }

    fn send(&mut self, queue: &SendQueue, bytes_max: usize) -> io::Result<usize> {
        assert!(!queue.is_empty() && bytes_max > 0 && self.finished.is_none());
        let act = self.writes.pop_front();
        let most = self.act(act, 1)?.min(bytes_max);
        let Some(Segment::Bytes(front)) = queue.front() else { return Ok(0) };
        let count = most.min(front.len());
        self.out.extend_from_slice(&front[..count]);
        self.moved += count;
        Ok(count)
    }

    fn finish(&mut self) -> io::Result<()> {
        assert!(self.finished.is_none() && !self.aborted);
        self.finished = Some(self.out.len());
        if self.finish_fails { Err(ErrorKind::NotConnected.into()) } else { Ok(()) }
    }

    fn abort(&mut self) {
        self.aborted = true;
    }
}

/// How readiness is reported.
#[derive(Clone, Copy, Debug)]
enum Model {
    /// As epoll and kqueue do: what has blocked is reported once, when it has changed.
    Edge,
    /// As Windows and `poll(2)` do: whatever has blocked, everything is reported.
    Rearm,
}

struct World {
    stream: Flaky,
    conn: Reverse,
    link: Link,
    now: Now,
    scratch: Vec<u8>,
    budget: usize,
    fetching: bool,
}

impl World {
    fn new(input: &str) -> World {
        let now = Now::read();
        let address = "127.0.0.1:1".parse().unwrap();
        let conn = Reverse::open(&mut (), address, address, &now);
        let stream = Flaky { incoming: input.bytes().collect(), ..Flaky::default() };
        World { stream, conn, link: Link::new(), now, scratch: vec![0; 64], budget: 1000, fetching: false }
    }

    /// One turn, and what must hold of every one.
    fn turn(&mut self) -> Step {
        let (calls, moved) = (self.stream.calls, self.stream.moved);
        let World { stream, conn, link, now, scratch, budget, .. } = self;
        let input = read(stream, conn, link, scratch);
        let step = answer(stream, conn, &mut (), link, (input, scratch), *budget, now);
        let (calls, moved) = (self.stream.calls - calls, self.stream.moved - moved);
        assert!(calls <= self.budget + 3, "it spins: {calls} calls");
        assert!(moved <= self.budget.max(self.scratch.len()) + self.scratch.len(), "{moved} bytes");
        let (waiting, link) = (!self.conn.queue.is_empty(), self.link);
        match step {
            Step::Wait(deadline) => {
                assert!(deadline > self.now.instant && deadline <= self.now.instant + TIMEOUT);
                assert!(!waiting || !link.writable || self.fetching || link.is_paused(), "it could write");
                assert!(waiting || !self.conn.wants_read() || !link.readable || link.eof, "it could read");
            }
            Step::Read => assert!(self.conn.wants_read() && link.readable && !link.eof, "nothing to read"),
            Step::Fetch(deadline) => {
                assert!(deadline > self.now.instant && deadline <= self.now.instant + TIMEOUT);
                assert!(waiting && link.writable && !mem::replace(&mut self.fetching, true));
            }
            Step::Yield => assert!(waiting || calls + moved >= self.budget, "a turn for nothing"),
            Step::Close => assert!(!waiting || self.stream.aborted || self.conn.phase == Phase::Closed),
        }
        assert_eq!(self.stream.finished.unwrap_or(self.stream.out.len()), self.stream.out.len());
        assert!(self.stream.finished.is_none() || !waiting, "half-closed before all was sent");
        step
    }

    /// Turns until it waits, or yields.
    fn turns(&mut self) -> Step {
        let mut count = 0;
        loop {
            let step = self.turn();
            if step != Step::Read {
                return step;
            }
            count += 1;
            assert!(count < 100_000, "it reads and reads");
        }
    }

    /// Turns and events until nothing moves any more; None is that, silence.
    fn run(&mut self, model: Model) -> Option<Step> {
        let mut still = 0;
        // The last events may come to nothing.
        while still < 3 {
            let seen = |stream: &Flaky| (stream.moved, stream.reads.len(), stream.writes.len());
            let before = seen(&self.stream);
            match self.turn() {
                Step::Close => return Some(Step::Close),
                Step::Yield | Step::Read | Step::Fetch(_) => {
                    still = 0;
                    continue;
                }
                Step::Wait(_) if mem::take(&mut self.fetching) => {
                    self.link.fetched();
                    still = 0;
                    continue;
                }
                Step::Wait(_) => {}
            }
            still = if before == seen(&self.stream) { still + 1 } else { 0 };
            let blocked = mem::take(&mut self.stream.blocked);
            let told = match model {
                Model::Edge => blocked,
                Model::Rearm => [blocked.contains(&true); 2],
            };
            self.link.readable |= told[0];
            self.link.writable |= told[1];
        }
        None
    }
}

const LAST_WORDS: [&str; 4] = ["finish", "part", "close", "abort"];

/// What a perfect stream gets, for a peer that takes all of it before it says more.
fn perfect(input: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for line in input.lines() {
        out.extend(line.bytes().rev().chain([b'\n']));
        if LAST_WORDS.contains(&line) {
            break;
        }
    }
    out
}

fn lines() -> impl Strategy<Value = String> {
    let line = prop_oneof![20 => "[a-z]{0,12}", 1 => "finish|part|close|abort"];
    prop::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n") + "\n")
}

fn acts(fails: u32) -> impl Strategy<Value = VecDeque<Act>> {
    let act = prop_oneof![
        4 => Just(Act::Block),
        2 => Just(Act::Interrupt),
        8 => (1..9_usize).prop_map(Act::Some),
        fails => Just(Act::Fail),
    ];
    prop::collection::vec(act, 0..40).prop_map(VecDeque::from)
}

fn waits() -> impl Strategy<Value = VecDeque<bool>> {
    prop::collection::vec(prop::bool::weighted(0.2), 0..40).prop_map(VecDeque::from)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// R29c: The checks of [`World::turn`], and: what comes out is the beginning of what a
    /// perfect stream gets.
    #[test]
    fn no_stream_makes_it_hang_spin_or_stutter(
        input in lines(), ends: bool, rearm: bool, reads in acts(1), writes in acts(1),
        scratch in 1..40_usize, budget in 1..60_usize, short_read_empties: bool, disk in waits(),
    ) {
        let mut world = World::new(&input);
        world.stream.short_read_empties = short_read_empties && !rearm;
        (world.scratch, world.budget, world.stream.disk) = (vec![0; scratch], budget, disk.into());
        (world.stream.ends, world.stream.reads, world.stream.writes) = (ends, reads, writes);
        world.run(if rearm { Model::Rearm } else { Model::Edge });
        prop_assert!(perfect(&input).starts_with(&world.stream.out));
    }

    /// R28.
    #[test]
    fn both_ways_of_reporting_readiness_end_with_the_same_bytes(
        input in lines(), ends: bool, reads in acts(0), writes in acts(0),
        scratch in 1..40_usize, budget in 1..60_usize, disk in waits(),
    ) {
        let expected = perfect(&input);
        let says = |word: &str| input.lines().any(|line| line == word);
        for (model, short_read_empties) in [(Model::Edge, false), (Model::Edge, true), (Model::Rearm, false)] {
            let mut world = World::new(&input);
            world.stream.short_read_empties = short_read_empties;
            (world.scratch, world.budget, world.stream.disk) = (vec![0; scratch], budget, disk.clone().into());
            (world.stream.ends, world.stream.reads, world.stream.writes) = (ends, reads.clone(), writes.clone());
            let closed = world.run(model).is_some();
            // Aborting and closing are at once: how much was sent by then is chance.
            prop_assert!(says("abort") || says("close") || world.stream.out == expected, "{:?} {}", model, short_read_empties);
            // Whoever has half-closed lingers as long as the peer is silent.
            prop_assert!(closed || !ends || says("finish") || says("part"), "{:?} {}", model, short_read_empties);
        }
    }
}
