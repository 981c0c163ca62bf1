//! A connection from its first byte to its end: what the client says, and when, and
//! what its network, the clock and the pool do meanwhile, are all read from the input.
//!
//! The first line is the script, one byte a step; what follows is what the client
//! says. The very first byte of the script chooses sizes, and the one behind it the weather
//! if that bit says so. Of each other byte the low four bits are the step, the high four how
//! much of it: see [`step`].

use std::time::{Duration, SystemTime};

use serve::clock::Now;
use serve::h1::weather::Share;
use serve::h1::{Limits, Weather};
use serve::http::Method;
use serve::net::{Phase, Protocol, Refused};

use super::app::App;
use super::wire;
use super::world::{Fault, Sizes, World};

/// A few states have one each, and where answers come late each request that waits.
const DEADLINES_MAX: usize = 2000;

/// The property.
pub fn check(input: &[u8]) {
    let split = input.iter().position(|&b| b == b'\n');
    let (script, said) = split.map_or((&[][..], input), |at| (&input[..at], &input[at + 1..]));
    // Beyond that it is more of the same.
    let said = &said[..said.len().min(16 * 1024)];
    let (&mode, steps) = script.split_first().unwrap_or((&0x0f, &[]));
    let (weather, steps) = match steps {
        [code, steps @ ..] if mode & 0x80 != 0 => (Some(*code), steps),
        _ => (None, steps),
    };
    let limits = limits(mode);
    let now = Now::read().with_system(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));

    let world = |sizes| {
        let (weather, seed) = weather.map_or((Weather::default(), 0), weather_of);
        World::new(App::new(), &limits, sizes, now).in_weather(weather, seed)
    };
    let mut perfect = world(Sizes { scratch: 20_000, budget: 1 << 20, rearms: false });
    perfect.socket.room = usize::MAX;
    finish_politely(&mut perfect, said);
    judge(&perfect, said);

    let sizes = Sizes {
        scratch: [1, 7, 100, 4096][usize::from(mode & 3)],
        budget: [16, 300, 5000, 256 * 1024][usize::from(mode >> 2 & 3)],
        rearms: mode & 0x10 != 0,
    };
    let mut world = world(sizes);
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

/// Late answers, and failures: the same seed is the same fate for each request.
fn weather_of(code: u8) -> (Weather, u64) {
    let latency = [0, 5, 1000, 30_000][usize::from(code & 3)];
    let percent = [0.0, 20.0, 60.0, 100.0][usize::from(code >> 2 & 3)];
    let failures = Share::of_percent(percent).unwrap_or_default();
    (Weather { latency: Duration::from_millis(latency), failures }, u64::from(code >> 4))
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
        12 if world.listens => world.tell(size / 2),
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
    while !world.closed && (world.work.is_some() || world.conn.is_punctual()) {
        match &world.work {
            Some(_) => world.do_work(None),
            // Its answer is to come late.
            None => world.wait(world.until_deadline()),
        }
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
    for _ in 0..DEADLINES_MAX {
        if world.closed {
            return;
        }
        if world.conn.is_idle() {
            // Who listens may stay, as long as it takes what it is told.
            world.socket.room = 0;
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
    let goes_on = responses.last().is_some_and(|r| r.goes_on);
    assert!(sent == wire.len() as u64 || goes_on, "the log counts other bytes than the client");
    for (index, exchange) in app.logged.iter().enumerate() {
        let response = responses.get(index);
        if response.is_some_and(|r| r.goes_on) {
            // Of what goes on, the log counts the beginning.
            assert!(exchange.sent <= response.map_or(0, |r| r.length as u64), "response {index}");
            continue;
        }
        assert_eq!(exchange.complete, response.is_some_and(|r| r.is_complete), "response {index}");
        let Some(response) = response else { continue };
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
    let is_same = app.timeouts == 0 && world.told == 0 && !app.disturbed;
    let (wire, whole) = (&world.socket.wire, &perfect.socket.wire);
    if is_same {
        assert!(whole.starts_with(wire), "{}", String::from_utf8_lossy(wire));
    }
    if !app.disturbed {
        assert!(other.asked.starts_with(&app.asked), "other requests were understood");
    }
}
