//! A connection from its first byte to its end: what the client says, and when, and
//! what its network, the clock and the pool do meanwhile, are all read from the input.
//!
//! The first line is the script, one byte a step; what follows is what the client
//! says. The very first byte of the script chooses sizes. Of each other byte the low
//! four bits are the step, the high four how much of it: see [`step`].

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use serve::clock::Now;
use serve::h1::Limits;
use serve::http::{Answer, Exchange, Handler, Method, Peer, Request, Response, Status};
use serve::net::{Phase, Protocol, Refused};
use serve::site::files::Memory;
use serve::site::multipart::Boundaries;
use serve::site::{Options, Site};

use super::wire;
use super::world::{Fault, Sizes, World};

/// The property.
pub fn check(input: &[u8]) {
    let split = input.iter().position(|&b| b == b'\n');
    let (script, said) = split.map_or((&[][..], input), |at| (&input[..at], &input[at + 1..]));
    // Beyond that it is more of the same.
    let said = &said[..said.len().min(16 * 1024)];
    let (&mode, steps) = script.split_first().unwrap_or((&0x0f, &[]));
    let limits = limits(mode);
    let now = Now::read().with_system(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));

    let mut perfect =
        World::new(App::new(), &limits, Sizes { scratch: 20_000, budget: 1 << 20, rearms: false }, now);
    perfect.socket.room = usize::MAX;
    finish_politely(&mut perfect, said);
    judge(&perfect, said);

    let sizes = Sizes {
        scratch: [1, 7, 100, 4096][usize::from(mode & 3)],
        budget: [16, 300, 5000, 256 * 1024][usize::from(mode >> 2 & 3)],
        rearms: mode & 0x10 != 0,
    };
    let mut world = World::new(App::new(), &limits, sizes, now);
    let mut rest = said;
    for &code in steps {
        rest = step(&mut world, code, rest);
        world.run();
    }
    if mode & 0x20 != 0 {
        fall_silent(&mut world);
    } else {
        finish_politely(&mut world, rest);
    }
    judge(&world, said);
    compare(&world, &perfect);
}

/// Small ones, so that small inputs reach them.
fn limits(mode: u8) -> Limits {
    let limits = Limits { pipeline_bytes_max: 2000, linger_bytes_max: 100, ..Limits::default() };
    if mode & 0x40 == 0 {
        limits
    } else {
        Limits { request_line_bytes_max: 40, head_bytes_max: 150, ..limits }
    }
}

/// One step of the script; returns what the client has yet to say.
fn step<'a>(world: &mut World, code: u8, rest: &'a [u8]) -> &'a [u8] {
    let size = 1 << (code >> 4);
    let moment = Duration::from_millis(1);
    match code & 15 {
        0 | 1 => {
            let count = if world.socket.half_closed { 0 } else { size.min(rest.len()) };
            world.socket.arrived.extend(&rest[..count]);
            world.socket.stir();
            return &rest[count..];
        }
        2 | 3 => {
            world.socket.room += size;
            world.socket.stir();
        }
        4 => world.socket.read_faults.push_back(Fault::Short(size)),
        5 => world.socket.write_faults.push_back(Fault::Short(size)),
        6 => world.socket.read_faults.push_back([Fault::Interrupted, Fault::Blocked][size % 2]),
        7 => world.socket.write_faults.push_back([Fault::Interrupted, Fault::Blocked][size % 2]),
        // Something is reported that is not so.
        8 => world.socket.stir(),
        9 => world.wait(Duration::from_millis(10 * size as u64)),
        10 => world.wait(world.until_deadline().saturating_sub(moment)),
        11 => world.wait(world.until_deadline()),
        12 => world.do_work(None),
        13 => {
            world.service.handler.disturbed |= world.work.is_some();
            world.do_work(Some(if size > 16 { Refused::Full } else { Refused::Panicked }));
        }
        14 if size > 16 => {
            world.socket.half_closed = true;
            world.socket.stir();
        }
        14 => {
            world.service.handler.disturbed = true;
            world.stop();
        }
        _ if size > 4096 => {
            world.socket.broken = true;
            world.socket.stir();
        }
        _ => {}
    }
    rest
}

/// The client says and takes all, and leaves in order.
fn finish_politely(world: &mut World, rest: &[u8]) {
    if !world.socket.half_closed {
        world.socket.arrived.extend(rest);
    }
    world.socket.room = usize::MAX;
    world.socket.stir();
    world.run();
    while !world.closed && world.work.is_some() {
        world.do_work(None);
        world.run();
    }
    let is_over = world.closed || world.conn.send_queue().is_empty();
    assert!(is_over, "a client that takes everything is left waiting");
    world.socket.half_closed = true;
    world.socket.stir();
    world.run();
    assert!(world.closed, "the client has gone, the connection has not");
}

/// The client does nothing more at all; only the clock goes on.
fn fall_silent(world: &mut World) {
    for _ in 0..6 {
        if world.closed {
            return;
        }
        world.wait(world.until_deadline());
        world.run();
    }
    assert!(world.closed, "all deadlines have passed, the connection has not");
    world.do_work(None);
}

/// What the client has received, and what the log says of it.
fn judge(world: &World, said: &[u8]) {
    let app = &world.service.handler;
    let wire = &world.socket.wire;
    let responses = wire::read(wire, |index| match app.asked.get(index) {
        Some(method) => *method == Method::Head,
        None => is_refused_head(app, said),
    });
    let heads = said.windows(4).filter(|four| four == b"\r\n\r\n").count();
    assert!(app.asked.len() <= heads, "{} of {heads} requests answered", app.asked.len());
    assert!(app.logged.len() <= app.asked.len() + 1, "more responses than requests");
    assert!(responses.len() <= app.logged.len(), "a response was not logged");
    let sent: u64 = app.logged.iter().map(|e| e.sent).sum();
    assert_eq!(sent, wire.len() as u64, "the log counts other bytes than the client");
    for (index, exchange) in app.logged.iter().enumerate() {
        let is_whole = responses.get(index).is_some_and(|r| r.is_complete);
        assert_eq!(exchange.complete, is_whole, "response {index}");
        let Some(response) = responses.get(index) else { continue };
        assert_eq!(exchange.sent, response.length as u64, "length of response {index}");
        if response.head > 0 {
            assert_eq!((exchange.head, exchange.status.code()), (response.head as u64, response.status));
        }
        let is_request = index < app.asked.len();
        assert!(is_request || response.status >= 400 || response.status == 0, "an answer to nothing");
    }
    let is_cut = responses.last().is_some_and(|r| !r.is_complete);
    assert!(!is_cut || world.socket.aborted, "a part could be taken for the whole");
    if world.socket.finished && !world.socket.broken {
        assert!(responses.last().is_some_and(|r| r.closes) || app.disturbed, "half-closed without a word");
    }
    assert!(world.conn.phase() != Phase::Aborted || world.socket.aborted);
}

/// Whether what was refused began as a HEAD, which gets no body even then; unless the
/// server knew less of it when the time was over.
fn is_refused_head(app: &App, said: &[u8]) -> bool {
    let mut rest = said;
    for _ in 0..app.asked.len() {
        let end = rest.windows(4).position(|four| four == b"\r\n\r\n");
        rest = &rest[end.map_or(rest.len(), |end| end + 4)..];
    }
    let has_no_body = app.logged.last().is_some_and(|e| e.sent == e.head);
    has_no_body && rest.strip_prefix(b"\r\n").unwrap_or(rest).starts_with(b"HEAD ")
}

/// However the bytes came, the client reads the beginning of the same answers.
fn compare(world: &World, perfect: &World) {
    let (app, other) = (&world.service.handler, &perfect.service.handler);
    let is_same = app.timeouts == 0 && !app.disturbed;
    let (wire, whole) = (&world.socket.wire, &perfect.socket.wire);
    if is_same {
        assert!(whole.starts_with(wire), "{}", String::from_utf8_lossy(wire));
    }
    if !app.disturbed {
        assert!(other.asked.starts_with(&app.asked), "other requests were understood");
    }
}

static BIG: [u8; 40_000] = {
    let mut bytes = [0; 40_000];
    let mut index = 0;
    while index < bytes.len() {
        bytes[index] = (index % 251) as u8;
        index += 1;
    }
    bytes
};

/// A site in memory, and the notes of what it was asked and told.
pub(super) struct App {
    site: Site<Memory>,
    /// The method of each request, in order.
    asked: Vec<Method>,
    logged: Vec<Exchange>,
    /// How often a deadline has passed.
    pub(super) timeouts: usize,
    /// An answer was given up for want of time, or of the pool.
    pub(super) has_given_up: bool,
    /// The server was stopped, or the pool did not work.
    disturbed: bool,
}

impl App {
    fn new() -> App {
        static SITE: OnceLock<(Options, Memory)> = OnceLock::new();
        let (options, files) = SITE.get_or_init(|| {
            let mut files = Memory::default();
            let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000);
            files.insert("index.html", &b"<!doctype html><title>hello</title>"[..], then);
            files.insert("a.txt", &b"0123456789"[..], then);
            files.insert("empty", &b""[..], then);
            files.insert("big", &BIG[..], then);
            files.insert("list/b c.txt", &b"b"[..], SystemTime::UNIX_EPOCH);
            files.insert(".hidden", &b"h"[..], then);
            (Options::default(), files)
        });
        // The same answers each time: each site begins the same sequence anew.
        let options = Options { boundaries: Boundaries::keyed([0; 16]), ..options.clone() };
        let site = Site::new(Arc::new(options), files.clone(), Arc::new(|line| panic!("reported: {line}")));
        App {
            site,
            asked: Vec::new(),
            logged: Vec::new(),
            timeouts: 0,
            has_given_up: false,
            disturbed: false,
        }
    }
}

impl Handler for App {
    fn respond(&mut self, request: &Request<'_>, peer: &Peer, now: &Now) -> Answer {
        self.asked.push(request.method);
        self.site.respond(request, peer, now)
    }

    fn error(&mut self, status: Status, peer: &Peer, now: &Now) -> Response {
        self.has_given_up |= status == Status::ServiceUnavailable;
        self.site.error(status, peer, now)
    }

    fn is_logging(&self) -> bool {
        true
    }

    fn log(&mut self, exchange: &Exchange, _: &Now) {
        self.logged.push(exchange.clone());
    }

    fn notice(&mut self, message: &str, _: &Now) {
        panic!("noticed: {message}");
    }

    fn end_of_turn(&mut self, _: &Now) {}
}
