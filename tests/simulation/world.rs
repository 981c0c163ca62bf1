//! The world around the loop: clients, files, the pool and the clock, moved by chance.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serve::clock::Now;
use serve::h1::weather::Share;
use serve::h1::{self, Conn, Service, Weather};
use serve::http::{Answer, Exchange, Handler, Peer, Request, Response, Status};
use serve::net::rate::Rate;
use serve::net::{EventLoop, Limits, Platform};
use serve::pool::Pool;
use serve::site::derived::Derived;
use serve::site::multipart::Boundaries;
use serve::site::watch::{Change, Hub};
use serve::site::{Cached, Options, Site};

use crate::client::Client;
use crate::dice::Dice;
use crate::files::Files;
use crate::listener::FIRST;
use crate::network::{Door, Model, Network, Shared, Simulated};
use crate::requests::Asked;

/// Rounds that the loop may ask for without anything moving.
const STILL_MAX: usize = 3;
/// So many lines of what happened are told with a failure.
const TOLD: usize = 40;
/// Most files that may be open for one connection: as many as responses may wait, and one
/// that is being answered.
const FILES_OF_A_CONNECTION: usize = 33;

/// A site, and a log that adds up.
struct App {
    site: Site<Cached<Files>>,
    log: Rc<RefCell<Log>>,
}

#[derive(Default)]
struct Log {
    sent: u64,
    complaints: Vec<String>,
}

impl Handler for App {
    fn respond(&mut self, request: &Request<'_>, peer: &Peer, now: &Now) -> Answer {
        self.site.respond(request, peer, now)
    }
    fn error(&mut self, status: Status, peer: &Peer, now: &Now) -> Response {
        self.site.error(status, peer, now)
    }
    fn is_logging(&self) -> bool {
        true
    }
    fn log(&mut self, exchange: &Exchange, _: &Now) {
        self.log.borrow_mut().sent += exchange.sent;
    }
    fn notice(&mut self, message: &str, _: &Now) {
        if !message.contains("cannot accept") {
            self.log.borrow_mut().complaints.push(message.to_owned());
        }
    }
    fn end_of_turn(&mut self, _: &Now) {
        self.site.end_of_turn();
    }
}

/// What a run has seen, to be added up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    pub rounds: u64,
    pub connections: u64,
    pub bytes: u64,
    pub virtual_seconds: u64,
    pub evicted: u64,
    pub exhausted: u64,
    pub stale_events: u64,
    pub fetches: u64,
}

impl Seen {
    pub fn add(&mut self, other: Seen) {
        self.rounds += other.rounds;
        self.connections += other.connections;
        self.bytes += other.bytes;
        self.virtual_seconds += other.virtual_seconds;
        self.evicted += other.evicted;
        self.exhausted += other.exhausted;
        self.stale_events += other.stale_events;
        self.fetches += other.fetches;
    }
}

type Loop = EventLoop<Conn<App>, Simulated>;

pub struct World {
    dice: Dice,
    network: Shared,
    /// None at the end.
    each: Option<Loop>,
    events: <Simulated as Platform>::Events,
    pool: Pool,
    background: Pool,
    files: Files,
    hub: Hub,
    clients: Vec<Client>,
    clients_max: usize,
    log: Rc<RefCell<Log>>,
    /// Bytes of connections that nobody looks at any more.
    sent: u64,
    seen: Seen,
    /// Somebody who waits for an answer may only be held back.
    is_slow: bool,
    is_stopping: bool,
    is_over: bool,
    still: usize,
    told: VecDeque<String>,
}

fn limits(dice: &mut Dice) -> (Limits, h1::Limits) {
    let net = Limits {
        connections_max: dice.pick(&[1, 3, 6, 100]),
        turn_bytes_max: dice.pick(&[1, 500, 8000, 512 * 1024]),
        turn_accepts_max: dice.pick(&[1, 2, 64]),
        ..Limits::default()
    };
    let h1 = h1::Limits {
        pipeline_bytes_max: dice.pick(&[100, 10_000, 64 * 1024]),
        linger_bytes_max: dice.pick(&[1000, 256 * 1024]),
        ..h1::Limits::default()
    };
    (net, h1)
}

/// Fair for most; how fast connections send, and what requests meet.
fn weather(dice: &mut Dice) -> (Option<Rate>, Weather) {
    if !dice.once_in(3) {
        return (None, Weather::default());
    }
    let rate = Rate::per_second(dice.pick(&[0, 2_000, 100_000, 10_000_000]));
    let latency = Duration::from_millis(dice.pick(&[0, 7, 400, 3_000]));
    let failures = Share::of_percent(dice.pick(&[0.0, 1.0, 20.0])).unwrap();
    (rate, Weather { latency, failures })
}

impl World {
    pub fn new(seed: u64) -> World {
        let mut dice = Dice::new(seed);
        let model = [Model::Epoll, Model::Rearm, Model::Kqueue][(seed % 3) as usize];
        let mut network = Network::new(model, Dice::new(seed ^ 1 << 63));
        network.cold_once_in = dice.pick(&[2, 8, 1_000_000]);
        let now = network.now();
        let network = Rc::new(RefCell::new(network));
        let (mut net, http) = limits(&mut dice);
        let (rate, weather) = weather(&mut Dice::new(seed ^ 1 << 61));
        net.rate = rate;
        let waiting_max = dice.pick(&[1, 4, 256]);
        let (pool, background) = (Pool::by_hand(waiting_max), Pool::by_hand(4));
        let files = Files::new(&now, Dice::new(seed ^ 1 << 62));
        let hub = Hub::new(String::new(), SystemTime::UNIX_EPOCH + Duration::from_micros(FIRST));
        let options = Options {
            watch: Some(hub.clone()),
            derived: Derived::with_pool(1 << 20, background.clone()),
            boundaries: Boundaries::keyed([0; 16]),
            ..Options::default()
        };
        let cached = Cached::new(files.clone(), dice.pick(&[0, 50_000, 1 << 20]));
        let site =
            Site::new(Arc::new(options), cached, Arc::new(|_| ())).remembering(dice.pick(&[0, 1 << 20]));
        let log = Rc::<RefCell<Log>>::default();
        let service = Service::new(App { site, log: Rc::clone(&log) }, http).in_weather(weather, seed);
        let each = EventLoop::on(Simulated(Rc::clone(&network)), vec![Door], service, net, pool.clone());
        let clients_max = dice.pick(&[2, 8, 24]);
        World {
            dice,
            network,
            each: Some(each.unwrap()),
            events: Vec::new(),
            pool,
            background,
            files,
            hub,
            clients: Vec::new(),
            clients_max,
            log,
            sent: 0,
            seen: Seen::default(),
            is_slow: rate.is_some() || !weather.latency.is_zero(),
            is_stopping: false,
            is_over: false,
            still: 0,
            told: VecDeque::new(),
        }
    }

    pub fn told(&self) -> impl Iterator<Item = &String> {
        self.told.iter()
    }

    fn tell(&mut self, what: String) {
        if self.told.len() == TOLD {
            self.told.pop_front();
        }
        self.told.push_back(what);
    }

    /// Something happens, and the loop may or may not come to it.
    pub fn step(&mut self) {
        self.act();
        if self.dice.once_in(4) {
            for _ in 0..self.dice.below(3) {
                self.go_round();
            }
        } else {
            self.settle();
        }
        self.check();
    }

    fn act(&mut self) {
        match self.dice.below(100) {
            0..10 => self.connect(),
            10..14 => self.wait(),
            14..22 => self.work(),
            22..24 => self.network.borrow_mut().lie(),
            24..26 => {
                let now = self.network.borrow().now();
                let in_place = self.dice.once_in(2);
                if in_place {
                    self.files.change(&now)
                } else {
                    self.files.replace(&now)
                }
                self.tell(format!("a file changes, in place: {in_place}"));
            }
            27 => {
                self.hub.tell(Change::Paths(vec!["/a.txt".to_owned()]));
                self.network.borrow_mut().disturb();
                self.tell("something changes, for who listens".to_owned());
            }
            26 => {
                let mut network = self.network.borrow_mut();
                network.exhausted = !network.exhausted;
            }
            _ => self.act_as_client(),
        }
    }

    fn connect(&mut self) {
        if self.clients.len() < self.clients_max {
            let room = self.dice.pick(&[0, 1, 200, 5000, 1 << 40]);
            let id = self.network.borrow_mut().connect(room);
            let listens = self.dice.once_in(8);
            self.clients.push(if listens { Client::listener(id) } else { Client::new(id) });
            self.tell(format!("{id} connects, with room for {room}"));
        }
    }

    fn act_as_client(&mut self) {
        if self.clients.is_empty() {
            return;
        }
        let index = self.dice.below(self.clients.len());
        let shared = Rc::clone(&self.network);
        let (client, network) = (&mut self.clients[index], &mut *shared.borrow_mut());
        let (id, choice) = (client.id, self.dice.below(100));
        let what = match choice {
            0..30 if !client.is_through => {
                let abuses = self.dice.once_in(20);
                let asked =
                    if abuses { Asked::abuse(&mut self.dice) } else { Asked::by_chance(&mut self.dice) };
                let what = format!("{id} plans {asked}");
                client.plan(asked);
                what
            }
            30..70 => {
                let count = self.dice.pick(&[1, 20, 100, 100_000]);
                client.say(network, count);
                format!("{id} says {count}")
            }
            70..93 => {
                let room = self.dice.pick(&[1, 300, 20_000, 1 << 40]);
                network.grant(id, room);
                format!("{id} takes {room}")
            }
            93..95 if !network.sockets[id].half_closed => {
                network.half_close(id);
                (client.is_through, _) = (true, client.unsaid.clear());
                format!("{id} half-closes")
            }
            95 => {
                network.reset(id);
                (client.is_through, _) = (true, client.unsaid.clear());
                format!("{id} resets")
            }
            _ => return,
        };
        self.tell(what);
    }

    /// The pool does one of the first four jobs, as its four threads might.
    fn work(&mut self) {
        let index = self.dice.below(4);
        self.pool.work(index);
        if self.dice.once_in(4) {
            self.background.work(0);
        }
        self.network.borrow_mut().disturb();
        self.tell("the pool works".to_owned());
    }

    /// Time passes; the loop wakes whenever it wanted to.
    fn wait(&mut self) {
        let by = self.dice.pick(&[1, 40, 1000, 5000, 12_000, 31_000, 62_000]);
        self.tell(format!("{by} ms pass"));
        self.pass(Duration::from_millis(by));
    }

    fn pass(&mut self, by: Duration) {
        let until = self.network.borrow().elapsed + by;
        loop {
            self.settle();
            let mut network = self.network.borrow_mut();
            network.disturb();
            let wakes = network.sleeps.flatten().filter(|wakes| *wakes < until && !self.is_over);
            // A poller may be late by its own resolution.
            network.elapsed = network.elapsed.max(wakes.unwrap_or(until));
            network.has_slept = true;
            if wakes.is_none() {
                break;
            }
        }
        self.settle();
    }

    /// Rounds until the loop sleeps.
    fn settle(&mut self) {
        self.network.borrow_mut().sleeps = None;
        while !self.is_over && self.network.borrow().sleeps.is_none() {
            self.go_round();
        }
        if self.is_over {
            return;
        }
        let is_free = self.pool.waiting() == 0 && !self.is_slow;
        let network = &mut *self.network.borrow_mut();
        let (stops, happened) = (self.is_stopping, self.hub.seen());
        self.clients.iter_mut().for_each(|client| client.check_asleep(network, is_free, stops, happened));
        let is_deaf = !network.backlog.is_empty() && network.sleeps == Some(None);
        if is_deaf {
            network.complain("it sleeps for ever, and clients wait at the door");
        }
    }

    fn go_round(&mut self) {
        if self.is_over {
            return;
        }
        self.seen.rounds += 1;
        let before = self.network.borrow().progress;
        let each = self.each.as_mut().unwrap();
        self.is_over = !each.go_round(&mut self.events).unwrap();
        let network = &mut *self.network.borrow_mut();
        // It did not sleep for long, then.
        network.sleeps = network.sleeps.filter(|_| network.progress == before);
        let is_still = network.progress == before && network.told == 0 && network.sleeps.is_none();
        self.still = if is_still { self.still + 1 } else { 0 };
        if self.still > STILL_MAX {
            network.complain("it turns, and nothing moves");
        }
        if !network.violations.is_empty() {
            panic!("{}", network.violations.join("\n"));
        }
    }

    /// What must hold whenever we look.
    fn check(&mut self) {
        self.check_counts();
        self.look_at_clients();
    }

    fn check_counts(&self) {
        let counters = self.each.as_ref().unwrap().counters();
        assert_eq!((counters.panics, counters.stalled), (0, 0), "a bug was survived");
        let open = (counters.accepted - counters.closed) as usize;
        // Work that waits holds the file that it is for.
        let jobs = self.pool.waiting() + self.background.waiting();
        assert!(
            self.files.open_count() <= open * FILES_OF_A_CONNECTION + jobs,
            "{} files are open for {open} connections",
            self.files.open_count()
        );
        assert!(self.log.borrow().complaints.is_empty(), "{:?}", self.log.borrow().complaints);
    }

    fn look_at_clients(&mut self) {
        let network = &mut *self.network.borrow_mut();
        let (sent, seen) = (&mut self.sent, &mut self.seen);
        self.clients.retain_mut(|client| {
            client.listen(network);
            let socket = &network.sockets[client.id];
            if !socket.closed {
                return true;
            }
            // The log hears of a stream when it begins.
            let begin = client.heard.as_ref().and_then(|heard| heard.begin);
            *sent += begin.map_or(socket.sent, |begin| socket.sent.min(begin));
            seen.bytes += socket.sent;
            seen.connections += 1;
            client.judge_end(network, self.is_stopping);
            network.bury(client.id);
            false
        });
        if !network.violations.is_empty() {
            panic!("{}", network.violations.join("\n"));
        }
    }

    /// Everyone leaves, in one way or another, and the clock goes on: then nothing is left.
    pub fn finish(mut self) -> Seen {
        self.network.borrow_mut().exhausted = false;
        self.is_stopping = self.dice.once_in(4);
        let stops_first = self.is_stopping;
        if stops_first {
            self.tell("it is told to stop".to_owned());
            self.each.as_ref().unwrap().remote().stop().unwrap();
        }
        for index in 0..self.clients.len() {
            let (client, network) = (&mut self.clients[index], &mut *self.network.borrow_mut());
            // Who listens stays as long as it may.
            match self.dice.below(if client.heard.is_some() { 2 } else { 4 }) {
                0 => network.reset(client.id),
                1 => {
                    client.say(network, usize::MAX);
                    network.grant(client.id, 1 << 40);
                    network.half_close(client.id);
                }
                2 => network.grant(client.id, 1 << 40),
                _ => {}
            }
        }
        // Whoever says nothing goes at one deadline after the other, or when the grace is over.
        let mut still = 0;
        while still < 25 && !self.is_over {
            still += usize::from(self.clients.is_empty());
            while self.pool.work(0) | self.background.work(0) {
                self.settle();
            }
            self.pass(Duration::from_secs(3));
            self.check();
        }
        if !stops_first {
            assert_eq!(self.files.open_count(), 0, "files are left open");
            assert_eq!(self.network.borrow().sleeps, Some(None), "nobody is there, and it will wake");
            self.each.as_ref().unwrap().remote().stop().unwrap();
            self.settle();
        }
        assert!(self.is_over, "it was told to stop, and everyone has left");
        let counters = self.each.take().unwrap().end();
        self.look_at_clients();
        assert!(
            self.clients.is_empty() && counters.accepted == counters.closed,
            "somebody is left: {counters:?}"
        );
        assert_eq!(self.log.borrow().sent, self.sent, "the log has counted other bytes");
        Seen {
            virtual_seconds: self.network.borrow().elapsed.as_secs(),
            evicted: counters.evicted,
            exhausted: counters.exhausted,
            stale_events: counters.stale_events,
            fetches: counters.fetches,
            ..self.seen
        }
    }
}
