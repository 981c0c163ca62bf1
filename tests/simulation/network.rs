//! The network: who connects to whom, a poller that reports readiness in one of three
//! ways, and the clock. Whatever the loop does that no loop may do is noted.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mio::{Interest, Token};
use serve::clock::Now;
use serve::net::Platform;
use serve::net::platform::{Event, Wake};

use crate::dice::Dice;
use crate::socket::{Socket, Watch, Wire};

/// How readiness is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// epoll, edge-triggered: what is ready is told once whenever something changes; a
    /// short read has taken all there was.
    Epoll,
    /// kqueue with EV_CLEAR: the same for each direction by itself; ends may go untold.
    Kqueue,
    /// mio on Windows and on poll(2): what was told is told again only after a `WouldBlock`,
    /// which arms the whole interest anew.
    Rearm,
}

/// Natural events that a socket may have for nothing before the client, the pool or the
/// clock does something.
const FRUITLESS_MAX: usize = 4;

pub struct Network {
    pub model: Model,
    pub dice: Dice,
    pub elapsed: Duration,
    pub sockets: Vec<Socket>,
    /// Who waits to be accepted.
    pub backlog: VecDeque<usize>,
    /// The system has no descriptors left.
    pub exhausted: bool,
    /// Files are not in memory as often as this.
    pub cold_once_in: usize,
    /// What the loop may not do, and has done.
    pub violations: Vec<String>,
    /// Bytes, clients and ends that have moved.
    pub progress: u64,
    /// The loop has gone to sleep, until then; None is for ever.
    pub sleeps: Option<Option<Duration>>,
    /// It has slept, and time has passed meanwhile.
    pub has_slept: bool,
    /// Events of the round.
    pub told: usize,
    free: Vec<usize>,
    listener: Option<Watch>,
    injected: Vec<Event>,
    /// Tokens that were watched.
    past: Vec<Token>,
    woken: Arc<AtomicBool>,
    begin: Now,
}

/// What the loop, its streams and the clients share.
pub type Shared = Rc<RefCell<Network>>;

impl Network {
    pub fn new(model: Model, dice: Dice) -> Network {
        // The dates on the wire are those of every other run of the seed.
        let then = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        Network {
            model,
            dice,
            elapsed: Duration::ZERO,
            sockets: Vec::new(),
            backlog: VecDeque::new(),
            exhausted: false,
            cold_once_in: 4,
            violations: Vec::new(),
            progress: 0,
            sleeps: None,
            has_slept: false,
            told: 0,
            free: Vec::new(),
            listener: None,
            injected: Vec::new(),
            past: Vec::new(),
            woken: Arc::default(),
            begin: Now::read().with_system(then),
        }
    }

    pub fn now(&self) -> Now {
        self.begin.later(self.elapsed)
    }

    pub fn complain(&mut self, what: impl Into<String>) {
        self.violations.push(what.into());
    }

    /// A client connects; its number.
    pub fn connect(&mut self, room: usize) -> usize {
        let id = self.free.pop().unwrap_or(self.sockets.len());
        let socket = Socket { room, ..Socket::default() };
        if id == self.sockets.len() {
            self.sockets.push(socket);
        } else {
            self.sockets[id] = socket;
        }
        self.backlog.push_back(id);
        if let Some(watch) = &mut self.listener
            && self.model != Model::Rearm
        {
            watch.news[0] = true;
        }
        id
    }

    /// Nobody looks at that connection any more, and the server has closed it.
    pub fn bury(&mut self, id: usize) {
        self.free.push(id);
    }

    pub fn send(&mut self, id: usize, bytes: &[u8]) {
        let socket = &mut self.sockets[id];
        if !socket.closed {
            socket.arrived.extend(bytes);
            socket.stir(self.model, [true, false]);
        }
        self.disturb();
    }

    pub fn half_close(&mut self, id: usize) {
        self.sockets[id].half_closed = true;
        self.sockets[id].stir(self.model, [true, false]);
        self.disturb();
    }

    pub fn reset(&mut self, id: usize) {
        self.sockets[id].reset = true;
        self.sockets[id].arrived.clear();
        self.sockets[id].stir(self.model, [true, true]);
        self.disturb();
    }

    pub fn grant(&mut self, id: usize, room: usize) {
        let socket = &mut self.sockets[id];
        socket.room = socket.room.saturating_add(room);
        if std::mem::take(&mut socket.starves) {
            socket.stir(self.model, [false, true]);
        }
        self.disturb();
    }

    /// Something happens that the loop has not done.
    pub fn disturb(&mut self) {
        self.sockets.iter_mut().for_each(|socket| socket.fruitless = 0);
    }

    /// Events for nothing, for nobody, and for those that have gone.
    pub fn lie(&mut self) {
        let token = if self.dice.once_in(8) {
            Token(self.dice.next() as usize >> 1)
        } else if self.past.is_empty() {
            return;
        } else {
            self.past[self.dice.below(self.past.len())]
        };
        let [readable, writable, hint] = [2, 2, 4].map(|n| self.dice.once_in(n));
        self.injected.push(Event { token, readable, writable, hint });
    }

    fn take_events(&mut self, most: usize) -> Vec<Event> {
        let mut events = std::mem::take(&mut self.injected);
        events.truncate(most);
        let model = self.model;
        if let Some(watch) = &mut self.listener
            && watch.news[0]
            && !self.backlog.is_empty()
        {
            watch.news[0] = false;
            events.push(Event { token: watch.token, readable: true, writable: false, hint: false });
        }
        let begin = self.dice.below(self.sockets.len());
        for at in 0..self.sockets.len() {
            if events.len() >= most {
                break;
            }
            let id = (begin + at) % self.sockets.len();
            let socket = &mut self.sockets[id];
            let ready = socket.is_ready();
            let Some(watch) = &mut socket.watch else { continue };
            let wanted = [watch.interest.is_readable(), watch.interest.is_writable()];
            let mut told = [0, 1].map(|i| ready[i] && wanted[i] && watch.news[i]);
            if model == Model::Epoll && (watch.news[0] || watch.news[1]) {
                // One look at the socket tells all there is to tell.
                told = [0, 1].map(|i| ready[i] && wanted[i]);
                watch.news = [false, false];
            }
            if told == [false, false] {
                continue;
            }
            (watch.news, socket.fruitless) =
                ([0, 1].map(|i| watch.news[i] && !told[i]), socket.fruitless + 1);
            let ends = socket.reset || (socket.half_closed && told[0]);
            let hint = ends && (model == Model::Epoll || self.dice.once_in(2));
            let event = Event { token: watch.token, readable: told[0], writable: told[1], hint };
            if model == Model::Kqueue && told == [true, true] {
                events.push(Event { writable: false, ..event });
                events.push(Event { readable: false, ..event });
            } else {
                events.push(event);
            }
            if socket.fruitless > FRUITLESS_MAX {
                self.violations.push(format!("socket {id} makes events, and nothing comes of them"));
            }
        }
        events
    }
}

/// The loop's face of it.
pub struct Simulated(pub Shared);

/// The listener; there is one.
pub struct Door;

impl Platform for Simulated {
    type Listener = Door;
    type Stream = Wire;
    type Events = Vec<Event>;

    fn wake(&self) -> io::Result<Wake> {
        let woken = Arc::clone(&self.0.borrow().woken);
        Ok(Box::new(move || {
            woken.store(true, Ordering::Relaxed);
            Ok(())
        }))
    }

    fn events() -> Vec<Event> {
        Vec::new()
    }

    fn poll(&mut self, events: &mut Vec<Event>, timeout: Option<Duration>) -> io::Result<()> {
        let network = &mut *self.0.borrow_mut();
        let most = network.dice.pick(&[1, 2, 5, 1000]);
        *events = network.take_events(most);
        network.told = events.len();
        let is_woken = network.woken.swap(false, Ordering::Relaxed);
        let has_slept = std::mem::take(&mut network.has_slept);
        let is_asleep = events.is_empty() && !is_woken && !has_slept && timeout != Some(Duration::ZERO);
        network.sleeps = is_asleep.then(|| timeout.map(|timeout| network.elapsed + timeout));
        Ok(())
    }

    fn told(events: &Vec<Event>) -> impl Iterator<Item = Event> {
        events.iter().copied()
    }

    fn now(&self) -> Now {
        let network = &mut *self.0.borrow_mut();
        network.elapsed += Duration::from_micros(network.dice.below(5) as u64);
        network.now()
    }

    fn instant(&self) -> Instant {
        self.0.borrow().now().instant
    }

    fn listen(&self, _: &mut Door, token: Token) -> io::Result<SocketAddr> {
        let watch = Watch { token, interest: Interest::READABLE, news: [true, false] };
        self.0.borrow_mut().listener = Some(watch);
        Ok(([192, 0, 2, 1], 80).into())
    }

    fn accept(&self, _: &mut Door) -> io::Result<(Wire, SocketAddr)> {
        let network = &mut *self.0.borrow_mut();
        if network.backlog.is_empty() {
            if let Some(watch) = &mut network.listener
                && network.model == Model::Rearm
            {
                watch.news[0] = true;
            }
            return Err(ErrorKind::WouldBlock.into());
        }
        if network.exhausted {
            return Err(ErrorKind::OutOfMemory.into());
        }
        let Some(id) = network.backlog.pop_front() else { return Err(ErrorKind::WouldBlock.into()) };
        network.progress += 1;
        let socket = &mut network.sockets[id];
        if network.dice.once_in(200) {
            (socket.reset, socket.closed) = (true, true);
            return Err(ErrorKind::ConnectionAborted.into());
        }
        (socket.is_accepted, socket.moved_at) = (true, network.elapsed);
        Ok((Wire { id, network: Rc::clone(&self.0) }, ([198, 51, 100, 1], id as u16).into()))
    }

    fn close(&self, _: Door) {
        let network = &mut *self.0.borrow_mut();
        network.listener = None;
        // Who is in its queue is reset.
        for id in std::mem::take(&mut network.backlog) {
            (network.sockets[id].reset, network.sockets[id].closed) = (true, true);
        }
    }

    fn watch(
        &self,
        wire: &mut Wire,
        token: Token,
        interest: Interest,
        before: Option<Interest>,
    ) -> io::Result<()> {
        let network = &mut *self.0.borrow_mut();
        let socket = &mut network.sockets[wire.id];
        if socket.watch.map(|watch| watch.interest) != before || before == Some(interest) {
            network.violations.push("it watches anew what it watches already, or never did".into());
        }
        if network.dice.once_in(100) {
            return Err(ErrorKind::OutOfMemory.into());
        }
        // Whatever is there already is told, once.
        socket.watch =
            Some(Watch { token, interest, news: [interest.is_readable(), interest.is_writable()] });
        network.past.push(token);
        if network.past.len() > 64 {
            network.past.remove(0);
        }
        Ok(())
    }

    fn forget(&self, wire: &mut Wire) {
        self.0.borrow_mut().sockets[wire.id].watch = None;
    }
}
