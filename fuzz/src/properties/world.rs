//! A client, a network and a clock around one connection, with the event loop's rules
//! for waking it: the deterministic twin of `net::event_loop`.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::time::Duration;

use serve::clock::Now;
use serve::h1::{Conn, Event, Limits, Made, Service, Weather};
use serve::net::connection::{Link, Step, answer, read};
use serve::net::stream::Stream;
use serve::net::{Protocol, Refused, Work};
use serve::segment::SendQueue;

use super::app::App;

/// Longer than any response of the site in `conn_script`.
const RESPONSE_MAX: u64 = 50_000;

/// What goes wrong with the next call.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    Short(usize),
    Interrupted,
    /// `WouldBlock` though there is something; the event follows.
    Blocked,
}

/// The socket, seen from both ends.
#[derive(Default)]
pub(super) struct Socket {
    /// What the client has sent and the server has not read.
    pub(super) arrived: VecDeque<u8>,
    pub(super) half_closed: bool,
    /// How much more the client's kernel takes.
    pub(super) room: usize,
    /// What the client has received.
    pub(super) wire: Vec<u8>,
    pub(super) read_faults: VecDeque<Fault>,
    pub(super) write_faults: VecDeque<Fault>,
    pub(super) broken: bool,
    pub(super) finished: bool,
    pub(super) aborted: bool,
    saw_end: bool,
    calls: usize,
    moved: usize,
    /// What the poller has not told yet: something changed, or a call has blocked.
    news: [bool; 2],
}

impl Stream for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        assert!(!self.aborted && !self.saw_end, "read after the end");
        self.calls += 1;
        let mut most = buffer.len();
        match self.read_faults.pop_front() {
            Some(Fault::Interrupted) => return Err(ErrorKind::Interrupted.into()),
            Some(Fault::Blocked) => return Err(self.block()),
            Some(Fault::Short(length)) => most = most.min(length),
            None => {}
        }
        if self.broken {
            return Err(ErrorKind::ConnectionReset.into());
        }
        if self.arrived.is_empty() {
            self.saw_end = self.half_closed;
            return if self.half_closed { Ok(0) } else { Err(self.block()) };
        }
        let count = most.min(self.arrived.len());
        for (slot, byte) in buffer.iter_mut().zip(self.arrived.drain(..count)) {
            *slot = byte;
        }
        self.moved += count;
        Ok(count)
    }

    fn send(&mut self, queue: &SendQueue, bytes_max: usize) -> io::Result<usize> {
        assert!(!self.aborted && !self.finished, "sent after the end");
        assert!(!queue.is_empty() && bytes_max > 0, "nothing to send");
        self.calls += 1;
        let mut most = bytes_max.min(self.room);
        match self.write_faults.pop_front() {
            Some(Fault::Interrupted) => return Err(ErrorKind::Interrupted.into()),
            Some(Fault::Blocked) => return Err(self.block()),
            Some(Fault::Short(length)) => most = most.min(length),
            None => {}
        }
        if self.broken {
            return Err(ErrorKind::BrokenPipe.into());
        }
        if most == 0 {
            return Err(self.block());
        }
        let mut slices = [IoSlice::new(&[]); 3];
        let count = queue.gather(&mut slices, most);
        let before = self.wire.len();
        slices[..count].iter().for_each(|slice| self.wire.extend_from_slice(slice));
        let sent = self.wire.len() - before;
        self.room -= sent;
        self.moved += sent;
        Ok(sent)
    }

    fn finish(&mut self) -> io::Result<()> {
        assert!(!self.finished && !self.aborted, "finished twice");
        self.finished = true;
        if self.broken { Err(ErrorKind::NotConnected.into()) } else { Ok(()) }
    }

    fn abort(&mut self) {
        self.aborted = true;
    }
}

impl Socket {
    fn block(&mut self) -> io::Error {
        self.news = [true, true];
        ErrorKind::WouldBlock.into()
    }

    /// Something changed; edges are reported for it.
    pub(super) fn stir(&mut self) {
        self.news = [true, true];
    }
}

/// How large things are.
pub(super) struct Sizes {
    pub(super) scratch: usize,
    pub(super) budget: usize,
    /// The poller arms itself anew after each `WouldBlock` and reports whatever it
    /// watches, as on Windows; else it reports edges.
    pub(super) rearms: bool,
}

/// One connection and all around it.
pub(super) struct World {
    pub(super) conn: Conn<App>,
    pub(super) service: Service<App>,
    pub(super) socket: Socket,
    pub(super) now: Now,
    pub(super) work: Option<Work<Made>>,
    pub(super) closed: bool,
    /// It has asked for what happens next.
    pub(super) listens: bool,
    /// How often it was told of something.
    pub(super) told: u64,
    link: Link,
    sizes: Sizes,
    limits: Limits,
    scratch: Vec<u8>,
    /// Read, write: what the poller watches.
    interest: [bool; 2],
}

impl World {
    pub(super) fn new(app: App, limits: &Limits, sizes: Sizes, now: Now) -> World {
        let mut service = Service::new(app, limits.clone());
        let address = ([192, 0, 2, 1], 5000).into();
        let conn = Conn::open(&mut service, address, ([0, 0, 0, 0], 80).into(), &now);
        let mut world = World {
            conn,
            service,
            socket: Socket::default(),
            now,
            work: None,
            closed: false,
            listens: false,
            told: 0,
            link: Link::new(),
            scratch: vec![0; sizes.scratch],
            sizes,
            limits: limits.clone(),
            interest: [true, false],
        };
        world.turns();
        world
    }

    /// The same in this weather.
    pub(super) fn in_weather(self, weather: Weather, seed: u64) -> World {
        World { service: self.service.in_weather(weather, seed), ..self }
    }

    /// What the poller says; true if anything.
    fn poll(&mut self) -> bool {
        let socket = &self.socket;
        let is_ready = [
            !socket.arrived.is_empty() || socket.half_closed || socket.broken,
            socket.room > 0 || socket.broken,
        ];
        let told = [0, 1].map(|i| self.interest[i] && is_ready[i] && socket.news[i]);
        if told.contains(&true) {
            // One report disarms what arms itself anew; an edge is told for itself.
            self.socket.news = if self.sizes.rearms { [false, false] } else { [!told[0], !told[1]] };
        }
        self.link.readable |= told[0];
        self.link.writable |= told[1];
        told.contains(&true)
    }

    /// Polls, and turns the connection, until neither moves.
    pub(super) fn run(&mut self) {
        let mut rounds = 0;
        while !self.closed && self.poll() {
            self.turns();
            rounds += 1;
            assert!(rounds < 100_000, "events without end");
        }
    }

    /// Turns until the connection waits.
    pub(super) fn turns(&mut self) {
        while !self.closed {
            let (calls, moved) = (self.socket.calls, self.socket.moved);
            let World { socket, conn, service, link, scratch, sizes, now, .. } = self;
            let input = read(socket, conn, link, scratch);
            let step = answer(socket, conn, service, link, (input, scratch), sizes.budget, now);
            let calls = self.socket.calls - calls;
            let moved = self.socket.moved - moved;
            // Each call moves a byte or is an EINTR, but for one WouldBlock on either side and one end.
            assert!(calls <= self.sizes.budget + 3, "{calls} calls in one turn");
            assert!(moved <= self.sizes.budget + self.sizes.scratch, "{moved} bytes in one turn");
            self.check_end_of_stream();
            let waiting = self.conn.send_queue().remaining();
            assert!(waiting <= self.limits.pipeline_bytes_max + RESPONSE_MAX, "{waiting} bytes wait");
            match step {
                Step::Close => self.close(),
                Step::Yield | Step::Read => assert!(calls > 0, "a turn for nothing"),
                Step::Fetch(_) => unreachable!("nothing lies on a disk"),
                Step::Wait(deadline) => {
                    self.check_wait(deadline);
                    self.conn.check(&self.service);
                    let Some(made) = self.conn.take_result() else { return };
                    // It waits for nothing but its turn.
                    self.conn.work_done(&mut self.service, Ok(made), &self.now);
                }
            }
            self.take_work();
        }
    }

    fn take_work(&mut self) {
        self.listens |= self.conn.take_inquiry().is_some();
        if let Some(work) = self.conn.take_work() {
            assert!(self.work.is_none() || self.is_last(), "two works at once");
            self.work = Some(work);
        }
    }

    fn is_last(&self) -> bool {
        self.service.handler.has_given_up
    }

    fn check_end_of_stream(&self) {
        if self.socket.finished {
            assert!(self.conn.send_queue().is_empty(), "half-closed before all was sent");
        }
    }

    /// Whoever waits has a deadline, and has been refused by the kernel whatever it wants.
    fn check_wait(&mut self, deadline: std::time::Instant) {
        let longest = self.limits.idle_timeout.max(self.limits.send_timeout).max(self.limits.answer_timeout);
        assert!(deadline <= self.now.instant + longest, "no deadline");
        let (blocked, wants) = (!self.conn.send_queue().is_empty(), self.conn.wants_read());
        assert!(!blocked || !self.link.writable, "waits to write what it could write");
        assert!(blocked || !wants || !self.link.readable, "waits to read what it could read");
        let interest = [!blocked || wants, blocked];
        if interest != self.interest {
            // Watching for something else reports what is there already.
            self.interest = interest;
            self.socket.stir();
        }
        self.take_work();
    }

    fn close(&mut self) {
        self.closed = true;
        let is_cut = !self.conn.send_queue().is_empty();
        assert!(!is_cut || self.socket.aborted, "a part could be taken for the whole");
        self.conn.closed(&mut self.service, &self.now);
    }

    /// The clock passes.
    pub(super) fn wait(&mut self, by: Duration) {
        self.now.instant += by;
        if !self.closed && self.conn.deadline() <= self.now.instant {
            // That an answer may begin now is no failure of anyone's.
            self.service.handler.timeouts += usize::from(!self.conn.is_punctual());
            self.conn.handle_timeout(&mut self.service, &self.now);
            self.turns();
        }
    }

    pub(super) fn until_deadline(&self) -> Duration {
        self.conn.deadline().saturating_duration_since(self.now.instant)
    }

    /// The pool comes to the work, if there is any.
    pub(super) fn do_work(&mut self, refused: Option<Refused>) {
        if let Some(work) = self.work.take() {
            let outcome = refused.map_or_else(|| Ok(work()), Err);
            if !self.closed {
                self.conn.work_done(&mut self.service, outcome, &self.now);
                self.turns();
            }
        }
    }

    /// Something happens that takes so many bytes to tell.
    pub(super) fn tell(&mut self, bytes: usize) {
        self.listens = false;
        if !self.closed {
            self.told += 1;
            let event = Event::new(self.told, vec![b'e'; bytes].into());
            self.conn.work_done(&mut self.service, Ok(Made::Event(event)), &self.now);
            self.turns();
        }
    }

    pub(super) fn stop(&mut self) {
        if !self.closed {
            self.conn.shut_down(&mut self.service, &self.now);
            self.turns();
        }
    }
}
