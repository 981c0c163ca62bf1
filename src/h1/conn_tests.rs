//! The machine without a socket: order, keep-alive, errors and ends. Next door are
//! pipelining and the log, and its deadlines, in virtual time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::*;
use crate::http::Body;
use crate::net::{Phase, Protocol, Refused};
use crate::segment::Segment;

#[path = "conn_events_tests.rs"]
mod events;
#[path = "conn_pipeline_tests.rs"]
mod pipeline;
#[path = "conn_time_tests.rs"]
mod time;
#[path = "conn_weather_tests.rs"]
mod weather;

/// Answers by the path of the target, and writes down what it is told.
#[derive(Default)]
struct Script {
    is_mute: bool,
    asked: Vec<String>,
    prepared: Arc<AtomicBool>,
    logged: Vec<Exchange>,
}

fn text(status: Status, body: impl Into<bytes::Bytes>) -> Response {
    Response { body: Body::bytes(body), ..Response::new(status) }
}

impl Handler for Script {
    fn respond(&mut self, request: &crate::http::Request<'_>, _: &Peer, _: &Now) -> Answer {
        self.asked.push(request.target_text.to_owned());
        Answer::Ready(match request.target_text {
            "/later" | "/later/" | "/later?q=a" | "/later?q=b" | "//%6cater" => {
                return Answer::Later(Box::new(|| text(Status::Ok, "late")));
            }
            "/prepared" if !self.prepared.load(Ordering::Relaxed) => {
                let prepared = Arc::clone(&self.prepared);
                return Answer::After(Box::new(move || prepared.store(true, Ordering::Relaxed)));
            }
            "/better-prepared" if !self.prepared.swap(true, Ordering::Relaxed) => {
                return Answer::After(Box::new(|| {}));
            }
            "/never" => return Answer::After(Box::new(|| {})),
            "/next" if !self.prepared.swap(true, Ordering::Relaxed) => return Answer::NextTurn,
            "/events" => events::events(),
            "/big" => text(Status::Ok, vec![b'.'; 1000]),
            "/nothing" => Response::new(Status::NoContent),
            "/invalid" => {
                let mut response = text(Status::Ok, "secret");
                response.fields.push("Location", "/\r\nSet-Cookie: a=b");
                response
            }
            path => text(Status::Ok, path.to_owned()),
        })
    }

    fn error(&mut self, status: Status, _: &Peer, _: &Now) -> Response {
        text(status, status.reason())
    }

    fn is_logging(&self) -> bool {
        !self.is_mute
    }

    fn log(&mut self, exchange: &Exchange, _: &Now) {
        self.logged.push(exchange.clone());
    }

    fn notice(&mut self, _: &str, _: &Now) {}

    fn end_of_turn(&mut self, _: &Now) {}
}

/// A connection, and a client that says and takes what a test wants.
struct World {
    service: Service<Script>,
    conn: Conn<Script>,
    now: Now,
    /// Said by the client, and not read while the connection did not want to.
    unread: Vec<u8>,
}

impl World {
    fn new() -> World {
        World::with(Limits::default())
    }

    fn with(limits: Limits) -> World {
        let mut service = Service::new(Script::default(), limits);
        let now = Now::read();
        let (client, listener) = ("192.0.2.1:5000".parse().unwrap(), "127.0.0.1:80".parse().unwrap());
        let conn = Conn::open(&mut service, client, listener, &now);
        World { service, conn, now, unread: Vec::new() }
    }

    /// The client sends.
    fn say(&mut self, input: impl AsRef<[u8]>) {
        self.unread.extend_from_slice(input.as_ref());
        self.pump();
    }

    /// The client asks for these paths, all at once.
    fn ask(&mut self, paths: &[&str]) {
        let requests = paths.iter().map(|path| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        self.say(requests.collect::<String>());
    }

    fn pump(&mut self) {
        while self.conn.wants_read() && !self.unread.is_empty() {
            let input = mem::take(&mut self.unread);
            self.conn.receive(&mut self.service, &input, &self.now);
        }
    }

    /// The client takes at most so many bytes.
    fn take(&mut self, most: usize) -> String {
        let mut taken = Vec::new();
        while let Some(Segment::Bytes(front)) = self.conn.send_queue().front() {
            let count = front.len().min(most - taken.len());
            if count == 0 {
                break;
            }
            taken.extend_from_slice(&front[..count]);
            self.conn.sent(&mut self.service, count as u64, &self.now);
            self.pump();
        }
        String::from_utf8(taken).unwrap()
    }

    /// The client takes all there is: statuses and bodies.
    fn responses(&mut self) -> Vec<(u16, String)> {
        let wire = self.take(usize::MAX);
        let parts = wire.split("HTTP/1.1 ").skip(1);
        parts
            .map(|response| {
                let (head, body) = response.split_once("\r\n\r\n").unwrap();
                (head[..3].parse().unwrap(), body.to_owned())
            })
            .collect()
    }

    fn bodies(&mut self) -> Vec<String> {
        self.responses().into_iter().map(|(_, body)| body).collect()
    }

    /// The pool comes to the work.
    fn work(&mut self, outcome: impl FnOnce(Work<Made>) -> Result<Made, Refused>) {
        let work = self.conn.take_work().unwrap();
        self.conn.work_done(&mut self.service, outcome(work), &self.now);
    }

    fn eof(&mut self) {
        self.conn.receive_eof(&mut self.service, &self.now);
    }

    fn stop(&mut self) {
        self.conn.shut_down(&mut self.service, &self.now);
    }

    fn close(&mut self) {
        self.conn.closed(&mut self.service, &self.now);
    }

    /// The clock passes, and the loop notices.
    fn wait(&mut self, by: Duration) {
        self.now = self.now.later(by);
        if self.conn.deadline() <= self.now.instant {
            self.conn.handle_timeout(&mut self.service, &self.now);
        }
    }

    /// What the log was told: status, bytes, whether complete.
    fn logged(&self) -> Vec<(u16, u64, bool)> {
        self.service.handler.logged.iter().map(|e| (e.status.code(), e.sent, e.complete)).collect()
    }
}

/// Connections in every state that waits, by what it took to get there.
fn in_state(state: &str) -> World {
    let mut world = World::new();
    match state {
        "idle" => {}
        "head" => world.say("GET / HT"),
        "answering" => world.ask(&["/later"]),
        "sending" => world.ask(&["/a"]),
        "sending the last" => world.say("GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n"),
        "listening" => {
            world.ask(&["/events"]);
            world.take(usize::MAX);
        }
        "lingering" => {
            world.say("nonsense\r\n");
            world.take(usize::MAX);
        }
        other => panic!("no state is called {other}"),
    }
    world
}

#[test]
fn requests_are_answered_in_their_order() {
    let mut world = World::new();
    world.ask(&["/1", "/2", "/3"]);
    assert_eq!(world.bodies(), ["/1", "/2", "/3"]);
    world.ask(&["/4"]);
    assert_eq!(world.bodies(), ["/4"]);
    assert!(world.conn.is_idle());
}

#[test]
fn requests_cut_at_every_byte_get_the_same_answers() {
    let input =
        b"\r\nGET /1 HTTP/1.1\r\nHost: a\r\n\r\nHEAD /2 HTTP/1.0\r\nConnection: keep-alive\r\n\r\nBAD\r\n";
    let mut whole = World::new();
    whole.say(input);
    let expected = whole.take(usize::MAX);
    for cut in 1..input.len() {
        let mut world = World::new();
        // The same second, or the Date differs.
        world.now = whole.now;
        world.say(&input[..cut]);
        let first = if cut % 2 == 0 { world.take(usize::MAX) } else { String::new() };
        world.say(&input[cut..]);
        assert_eq!(first + &world.take(usize::MAX), expected, "cut at {cut}");
    }
}

#[test]
fn a_connection_persists_if_both_versions_and_fields_say_so() {
    let close = Some("Connection: close");
    for (version, connection, expected) in [
        ("1.1", "", None),
        ("1.1", "close", close),
        ("1.1", "keep-alive, CLOSE", close),
        ("1.1", "upgrade", None),
        ("1.0", "", close),
        ("1.0", "Keep-Alive", Some("Connection: keep-alive")),
        ("1.0", "keep-alive, close", close),
    ] {
        let mut world = World::new();
        world.say(format!("GET /1 HTTP/{version}\r\nHost: a\r\nConnection: {connection}\r\n\r\n"));
        let response = world.take(usize::MAX);
        let said = response.lines().find(|line| line.starts_with("Connection"));
        assert_eq!(said, expected, "{version} {connection}");
        assert_eq!(world.conn.is_idle(), expected != close, "{version} {connection}");
    }
}

/// R14.
#[test]
fn a_request_with_a_body_is_the_last() {
    for body in ["Content-Length: 40", "Transfer-Encoding: chunked"] {
        let mut world = World::new();
        world.say(format!("GET /1 HTTP/1.1\r\nHost: a\r\n{body}\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n"));
        world.ask(&["/3"]);
        let response = world.take(usize::MAX);
        world.ask(&["/4"]);
        assert!(response.contains("Connection: close\r\n"));
        assert_eq!(world.service.handler.asked, ["/1"], "{body}");
        assert_eq!(world.conn.input.capacity(), 0, "what is never looked at is not kept");
        assert_eq!((world.conn.phase(), world.take(usize::MAX)), (Phase::Finishing, String::new()));
    }
}

/// R14.
#[test]
fn after_an_error_of_framing_nothing_is_parsed() {
    let long_line = format!("GET /{} HTTP/1.1\r\n", "a".repeat(9000));
    let long_head = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "a".repeat(17_000));
    for (bad, status) in [
        ("GET / HTTP/1.1\nHost: a\n\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/2.0\r\n\r\n", 505),
        (&long_line[..], 414),
        (&long_head[..], 431),
    ] {
        let mut world = World::new();
        world.ask(&["/1"]);
        world.say(bad);
        world.ask(&["/2"]);
        let statuses: Vec<u16> = world.responses().iter().map(|(status, _)| *status).collect();
        assert_eq!(statuses, [200, status]);
        assert_eq!((world.conn.phase(), world.service.handler.asked.len()), (Phase::Finishing, 1));
    }
}

#[test]
fn a_head_gets_everything_but_the_body() {
    let mut world = World::new();
    world.say("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\nHEAD /later HTTP/1.1\r\nHost: a\r\n\r\n");
    world.ask(&["/b"]);
    world.work(|work| Ok(work()));
    let wire = world.take(usize::MAX);
    assert_eq!(wire.matches("Content-Length: 2\r\n").count(), 2);
    assert!(wire.contains("Content-Length: 4\r\n") && !wire.contains("late"));
    assert!(!wire.contains("/a") && wire.ends_with("\r\n\r\n/b"));
}

#[test]
fn a_head_that_is_refused_gets_no_body_either() {
    for bad in ["HEAD / HTTP/1.1\r\n\r\n", "\r\nHEAD / HTTP/2.0\r\n", "HEAD /a"] {
        let mut world = World::new();
        world.say(bad);
        world.wait(Duration::from_secs(10));
        let wire = world.take(usize::MAX);
        assert!(wire.starts_with("HTTP/1.1 ") && wire.ends_with("\r\n\r\n"), "{bad}: {wire}");
    }
}

#[test]
fn what_has_no_body_leaves_the_framing_whole() {
    let mut world = World::new();
    world.ask(&["/nothing", "/1"]);
    assert_eq!(world.responses(), [(204, String::new()), (200, "/1".into())]);
}

/// R21.
#[test]
fn a_refused_value_becomes_500_and_none_of_it_is_sent() {
    let mut world = World::new();
    world.ask(&["/invalid", "/1"]);
    let wire = world.take(usize::MAX);
    assert!(wire.starts_with("HTTP/1.1 500 ") && wire.ends_with("/1"), "{wire}");
    assert!(!wire.contains("Set-Cookie") && !wire.contains("secret") && !wire.contains("Location"));
    assert_eq!(world.logged()[0].0, 500);
}

#[test]
fn work_that_was_not_done_is_an_error_and_the_connection_goes_on() {
    for (refused, status) in [(Refused::Full, 503), (Refused::Panicked, 500)] {
        let mut world = World::new();
        world.ask(&["/later", "/1"]);
        world.work(|_| Err(refused));
        let responses = world.responses();
        assert_eq!((responses[0].0, &responses[1]), (status, &(200, "/1".into())));
    }
}

#[test]
fn what_makes_a_response_is_long_and_one_kind_for_each_path_and_what_prepares_for_one_is_not() {
    let kind = |target: &str| {
        let mut world = World::new();
        world.ask(&[target]);
        world.conn.long_work()
    };
    let later = kind("/later");
    assert!(later.is_some());
    for other in ["/later?q=a", "/later?q=b", "//%6cater"] {
        assert_eq!(kind(other), later, "{other}");
    }
    assert!(kind("/later/").is_some() && kind("/later/") != later);
    assert_eq!((kind("/prepared"), kind("/a")), (None, None));
}

#[test]
fn the_end_of_input_ends_what_waits_for_input() {
    for state in ["idle", "head", "lingering"] {
        let mut world = in_state(state);
        world.eof();
        assert_eq!((world.conn.phase(), world.take(usize::MAX)), (Phase::Closed, String::new()), "{state}");
    }
}

#[test]
fn the_end_of_input_behind_a_request_leaves_its_answer() {
    for (state, status) in [("answering", 200), ("sending", 200), ("sending the last", 200)] {
        let mut world = in_state(state);
        world.eof();
        if state == "answering" {
            world.work(|work| Ok(work()));
        }
        assert_eq!(world.conn.phase(), Phase::Open, "{state}");
        assert_eq!(world.responses()[0].0, status, "{state}");
        assert_eq!(world.conn.phase(), Phase::Closed, "{state}");
    }
}

/// R26.
#[test]
fn shutting_down_finishes_what_has_begun() {
    for (state, keeps_open) in
        [("idle", false), ("head", true), ("answering", true), ("sending", true), ("lingering", false)]
    {
        let mut world = in_state(state);
        world.stop();
        assert_eq!(world.conn.phase() == Phase::Open, keeps_open, "{state}");
        match state {
            "head" => world.say("TP/1.1\r\nHost: a\r\n\r\n"),
            "answering" => world.work(|work| Ok(work())),
            _ => {}
        }
        // What was there before the loop looked is answered where nothing else is under way.
        world.ask(&["/late"]);
        let wire = world.take(usize::MAX);
        let says_close = ["idle", "head", "answering"].contains(&state);
        assert_eq!(wire.contains("Connection: close\r\n"), says_close, "{state}");
        assert_ne!(world.conn.phase(), Phase::Open, "{state}");
        assert_eq!(wire.contains("/late"), state == "idle", "{state}");
    }
}

/// The client was not told, so it may have sent more: closing at once could reset
/// the connection and take the answer away from it (R22).
#[test]
fn shutting_down_behind_an_answer_that_said_keep_alive_lingers() {
    let mut world = in_state("sending");
    world.stop();
    world.take(usize::MAX);
    assert_eq!(world.conn.phase(), Phase::Finishing);
}

#[test]
fn only_between_requests_is_a_connection_idle() {
    for state in ["idle", "head", "answering", "sending", "sending the last", "listening", "lingering"] {
        // Who listens to events can come back for them.
        let is_idle = matches!(state, "idle" | "listening");
        assert_eq!(in_state(state).conn.is_idle(), is_idle, "{state}");
    }
}

/// R15.
#[test]
fn an_idle_connection_holds_no_input() {
    let mut world = World::new();
    world.say("GET /1 HTTP/1.1\r\n");
    world.say("Host: a\r\n\r\n");
    world.take(usize::MAX);
    assert_eq!((world.conn.is_idle(), world.conn.input.capacity()), (true, 0));
}
