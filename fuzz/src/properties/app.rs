//! What answers in `conn_script`: a small site in memory, and a few targets at which the
//! handler does what a site seldom does. It keeps notes of what it was asked and told.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use serve::clock::Now;
use serve::http::events::{Events, Listener, Source};
use serve::http::{
    Answer, Body, Delivery, Exchange, Handler, Meter, Method, Peer, Request, Response, Status,
};
use serve::site::files::Memory;
use serve::site::multipart::Boundaries;
use serve::site::{Options, Site};

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
    pub(super) asked: Vec<Method>,
    pub(super) logged: Vec<Exchange>,
    /// How often a deadline has passed.
    pub(super) timeouts: usize,
    /// An answer was given up for want of time, or of the pool.
    pub(super) has_given_up: bool,
    /// The server was stopped, or the pool did not work.
    pub(super) disturbed: bool,
    /// How often something was prepared for the request that is not answered yet.
    prepared: usize,
}

impl App {
    pub(super) fn new() -> App {
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
            prepared: 0,
        }
    }

    /// What a site seldom says; None of what is asked of the site.
    fn seldom(&self, target: &str) -> Option<Answer> {
        let wants_more = match target {
            "/prepared" => self.prepared < 3,
            "/never-prepared" => true,
            "/events" => return Some(Answer::Ready(events())),
            "/broken" => return Some(Answer::Ready(broken())),
            _ => return None,
        };
        Some(match self.prepared % 2 {
            _ if !wants_more => Answer::Ready(Response::new(Status::NoContent)),
            0 => Answer::After(Box::new(|| {})),
            _ => Answer::NextTurn,
        })
    }
}

/// An answer that goes on.
fn events() -> Response {
    let events = Events { source: Arc::new(Silent), seen: 0, opening: "retry: 1\n\n".into() };
    let mut response = Response::new(Status::Ok);
    response.fields.push("Content-Type", "text/event-stream");
    response.body = Body::Events(events);
    response
}

/// A response that no client must see.
fn broken() -> Response {
    let mut response = Response::new(Status::Ok);
    response.fields.push("X-Broken", "a\r\nSet-Cookie: b");
    response
}

/// Says nothing: what happens is told to the connection itself.
#[derive(Debug)]
struct Silent;

impl Source for Silent {
    fn listen(&self, _: u64, _: Box<dyn Listener>) {}
}

impl Handler for App {
    fn respond(&mut self, request: &Request<'_>, peer: &Peer, now: &Now) -> Answer {
        if self.prepared == 0 {
            self.asked.push(request.method);
        }
        let answer = match self.seldom(request.target_text) {
            Some(answer) => answer,
            None => self.site.respond(request, peer, now),
        };
        let is_prepared_for = matches!(answer, Answer::After(_) | Answer::NextTurn);
        self.prepared = if is_prepared_for { self.prepared + 1 } else { 0 };
        answer
    }

    fn error(&mut self, status: Status, peer: &Peer, now: &Now) -> Response {
        self.prepared = 0;
        self.has_given_up |= status == Status::ServiceUnavailable;
        self.site.error(status, peer, now)
    }

    fn fail(&mut self, request: &Request<'_>, peer: &Peer, now: &Now) -> Response {
        self.asked.push(request.method);
        self.site.fail(request, peer, now)
    }

    fn begin(&mut self, exchange: &mut Exchange, response: &Response, with_body: bool) {
        // What goes on has no length that anybody could wait for.
        if with_body && !matches!(response.body, Body::Events(_)) {
            exchange.delivery = Delivery::of(exchange, response).map(Box::new);
            exchange.meter = Some(Arc::new(Meter::new(exchange, response.body.len())));
        }
    }

    fn is_logging(&self) -> bool {
        true
    }

    fn log(&mut self, exchange: &Exchange, _: &Now) {
        if let Some(delivery) = &exchange.delivery {
            let sent = delivery.sent(exchange.body_sent());
            assert!(sent.end <= delivery.range.end && delivery.range.end <= delivery.of.len, "{delivery:?}");
            let is_whole = sent == delivery.range;
            assert!(is_whole || !exchange.complete, "complete, but {sent:?} of {:?}", delivery.range);
        }
        if let Some(meter) = &exchange.meter {
            assert!(meter.sent() <= exchange.body_sent().min(meter.len), "{meter:?}");
        }
        self.logged.push(exchange.clone());
    }

    fn notice(&mut self, message: &str, _: &Now) {
        panic!("noticed: {message}");
    }

    fn end_of_turn(&mut self, _: &Now) {}
}
