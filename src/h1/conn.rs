//! A connection: a machine with one deadline per state.
//!
//! ```text
//!            first byte          head complete            last byte sent
//!   Idle ───────────────▶ Head ─────────────────▶ Sending ───────────────▶ Idle
//!    │ idle timeout        │ header timeout: 408     │  ▲ pool answers        or Lingering
//!    ▼                     ▼ error: 4xx, close       ▼  │
//!   Closed              Sending, then Lingering    Answering (slow work)
//! ```
//!
//! Where answers are to come late ([`super::weather`]), Delayed lies before Answering.
//!
//! Requests in one piece of input are answered together, in order, until enough
//! waits to be sent; then reading stops until it is sent. So a client that sends
//! and never reads costs a bounded amount of memory (hazards R20).

mod events;
mod invariants;
mod protocol;

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::mem;
use std::time::Instant;

pub use events::Event;
use events::Stream;

use super::encode::{Encoder, Framing};
use super::limits::Limits;
use super::parse::{Scanner, field_storage, parse};
use super::weather::{Fate, Forecast, Weather};
use crate::clock::Now;
use crate::http::{Answer, Body, Exchange, Handler, Method, Peer, Request, Response, Status, Version};
use crate::net::Work;
use crate::pool::Kind;
use crate::segment::{Room, SendQueue};

/// Most responses that wait in one queue, so that 16 KiB of tiny requests cannot
/// become thousands of file handles.
const RESPONSES_MAX: usize = 32;

/// How often a handler may want something prepared for one request. Once is usual; at most
/// a path, its index files and three siblings have to be fetched from a disk, and a tag, a
/// proof of each sibling and a digest be made; and some again if the file changes meanwhile.
/// Who never gets ready gets 503.
const PREPARATIONS_MAX: u8 = 16;

/// What the connections of one loop share.
pub struct Service<H> {
    /// Answers the requests.
    pub handler: H,
    limits: Limits,
    encoder: Encoder,
    /// For the queue of the connection that answers.
    room: Room,
    /// None where all is fair, as nearly always.
    forecast: Option<Box<Forecast>>,
}

impl<H: Handler> Service<H> {
    /// A service that answers by `handler`, within `limits`.
    pub fn new(handler: H, limits: Limits) -> Self {
        Service { handler, limits, encoder: Encoder::default(), room: Room::default(), forecast: None }
    }

    /// The same in this weather; chance comes from the seed.
    #[must_use]
    pub fn in_weather(self, weather: Weather, seed: u64) -> Self {
        let forecast = (!weather.is_fair()).then(|| Box::new(Forecast::new(weather, seed)));
        Service { forecast, ..self }
    }
}

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// For the first byte of a request.
    Idle,
    /// For the rest of a head.
    Head,
    /// For the time at which its answer may begin.
    Delayed,
    /// For the pool.
    Answering,
    /// For the peer to take what waits in the queue.
    Sending,
    /// For something to happen that the peer wants to hear of.
    Listening,
    /// For nothing but to find that the peer keeps its word: it said that this was its
    /// last request (RFC 9112 §9.6), so there should be nothing left to read.
    Parting,
    /// For the peer to close: all is said, and what still comes is discarded.
    Lingering { until: Instant, bytes_left: u64 },
    /// For nothing: the socket is closed.
    Closed,
    /// For nothing: the socket is reset.
    Aborted,
}

/// What the pool has made for a connection.
pub enum Made {
    /// The response.
    Response(Response),
    /// What the handler wanted before it could answer: now it is asked again.
    Preparation,
    /// Something has happened that a client wants to hear of.
    Event(Event),
}

/// What must be remembered of a request until its response is encoded.
#[derive(Debug)]
struct Pending {
    framing: Framing,
    /// RFC 9110 §9.3.2: a HEAD gets all of it but the body.
    without_body: bool,
    exchange: Option<Box<Exchange>>,
    /// How often something was prepared for it, and the head, to ask again with.
    preparations: u8,
    head: Vec<u8>,
    /// What the pool works at, if that may be long.
    long: Option<Kind>,
    fate: Fate,
}

impl Pending {
    /// Whether what the pool works at is a preparation, and no response.
    fn is_prepared_for(&self) -> bool {
        !self.head.is_empty()
    }
}

/// A response in the send queue that the log wants to hear of.
#[derive(Debug)]
struct InFlight {
    /// Its last byte's position in the queue, exclusive.
    end: u64,
    exchange: Box<Exchange>,
}

/// One HTTP/1.1 connection, answering by a handler `H`.
pub struct Conn<H> {
    state: State,
    deadline: Instant,
    peer: Peer,
    /// Input that is not answered yet; without an allocation while idle.
    input: Vec<u8>,
    scanner: Scanner,
    queue: SendQueue,
    /// The responses in the queue that the log wants to hear of, and how many there are
    /// in all.
    in_flight: VecDeque<InFlight>,
    responses: usize,
    /// The request that the pool works for, and the work until the loop takes it.
    pending: Option<Box<Pending>>,
    work: Option<Work<Made>>,
    /// It waits for nothing but the next turn.
    next_turn: bool,
    /// No request follows: the response in the queue is the last.
    last: bool,
    /// The last response goes on as long as the peer stays.
    stream: Option<Box<Stream>>,
    /// The last response was cut: behind what waits, the connection is reset.
    cut: bool,
    /// The peer has promised to send nothing more.
    promised: bool,
    /// The peer has half-closed.
    eof: bool,
    stopping: bool,
    handler: PhantomData<fn(&mut H)>,
}

impl<H: Handler> Conn<H> {
    fn enter(&mut self, state: State, deadline: Instant) {
        self.state = state;
        self.deadline = deadline;
    }

    /// Whether another request may be answered now.
    fn may_answer(&self, limits: &Limits) -> bool {
        !self.last
            && matches!(self.state, State::Idle | State::Head | State::Sending)
            && self.queue.remaining() <= limits.pipeline_bytes_max
            && self.responses < RESPONSES_MAX
    }

    /// Answers as many requests of `input` as may be; returns how many bytes are done with.
    fn answer_all(&mut self, service: &mut Service<H>, input: &[u8], now: &Now) -> usize {
        let mut done = 0;
        while self.may_answer(&service.limits) && done < input.len() {
            match self.scanner.scan(&input[done..], &service.limits) {
                Ok(None) => {
                    if self.state == State::Idle {
                        self.enter(State::Head, now.instant + service.limits.header_timeout);
                    }
                    break;
                }
                Ok(Some(head)) => {
                    self.scanner = Scanner::default();
                    self.answer(service, &input[done + head.start..done + head.end], now);
                    done += head.end;
                }
                Err(error) => self.refuse(service, &input[done..], error.status(), now),
            }
        }
        // Whatever follows the last request is never looked at (R14).
        if self.last { input.len() } else { done }
    }

    /// Goes on with input that had to wait.
    fn resume(&mut self, service: &mut Service<H>, now: &Now) {
        if !self.input.is_empty() && self.may_answer(&service.limits) {
            let mut input = mem::take(&mut self.input);
            let done = self.answer_all(service, &input, now);
            if done < input.len() {
                input.drain(..done);
                self.input = input;
            }
        }
    }

    fn answer(&mut self, service: &mut Service<H>, head: &[u8], now: &Now) {
        let mut storage = field_storage();
        let parsed = match parse(head, &mut storage) {
            Ok(parsed) => parsed,
            Err(error) => return self.refuse(service, head, error.status(), now),
        };
        let request = &parsed.request;
        self.promised = !parsed.keep_alive && !parsed.announces_body;
        let keep_alive = parsed.keep_alive && !parsed.announces_body && !self.stopping;
        let mut pending = Pending {
            framing: Framing { version: request.version, keep_alive },
            without_body: request.method == Method::Head,
            exchange: self.begin_exchange(service, head, Some(request), now),
            preparations: 0,
            head: Vec::new(),
            long: None,
            fate: Fate::Answered,
        };
        if let Some(forecast) = &mut service.forecast {
            pending.fate = forecast.next();
            let latency = forecast.weather.latency;
            if !latency.is_zero() {
                pending.head = head.to_vec();
                self.pending = Some(Box::new(pending));
                return self.enter(State::Delayed, now.instant + latency);
            }
        }
        self.ask(service, request, head, pending, now);
    }

    /// Asks the handler, at first or again. What makes a response reads a whole folder, mostly,
    /// and is long; what prepares for one reads the beginning of a file.
    fn ask(
        &mut self,
        service: &mut Service<H>,
        request: &Request<'_>,
        head: &[u8],
        mut pending: Pending,
        now: &Now,
    ) {
        if pending.fate == Fate::Unavailable {
            let response = service.handler.fail(request, &self.peer, now);
            return self.respond(service, response, pending, now);
        }
        let work: Option<Work<Made>> = match service.handler.respond(request, &self.peer, now) {
            Answer::Ready(response) => return self.respond(service, response, pending, now),
            Answer::Later(work) => {
                pending.long = Some(protocol::kind_of(&request.target));
                Some(Box::new(|| Made::Response(work())))
            }
            Answer::After(_) | Answer::NextTurn if pending.preparations == PREPARATIONS_MAX => {
                let response = service.handler.error(Status::ServiceUnavailable, &self.peer, now);
                return self.respond(service, response, pending, now);
            }
            Answer::After(preparation) => {
                pending.preparations += 1;
                pending.head = head.to_vec();
                Some(Box::new(|| {
                    preparation();
                    Made::Preparation
                }))
            }
            Answer::NextTurn => {
                pending.preparations += 1;
                pending.head = head.to_vec();
                None
            }
        };
        self.next_turn = work.is_none();
        self.work = work;
        self.pending = Some(Box::new(pending));
        if self.state != State::Answering {
            self.enter(State::Answering, now.instant + service.limits.answer_timeout);
        }
    }

    /// Asks the handler the same again, when what it wanted is prepared; or for the first
    /// time, when the answer may begin.
    fn ask_again(&mut self, service: &mut Service<H>, mut pending: Pending, now: &Now) {
        let head = mem::take(&mut pending.head);
        let mut storage = field_storage();
        match parse(&head, &mut storage) {
            Ok(parsed) => self.ask(service, &parsed.request, &head, pending, now),
            // It could be parsed before.
            Err(error) => self.refuse(service, &head, error.status(), now),
        }
    }

    fn begin_exchange(
        &self,
        service: &Service<H>,
        input: &[u8],
        request: Option<&Request<'_>>,
        now: &Now,
    ) -> Option<Box<Exchange>> {
        let begin = || Box::new(Exchange::begin(self.peer, input, request, *now));
        service.handler.is_logging().then(begin)
    }

    /// Puts a response on the queue.
    fn respond(&mut self, service: &mut Service<H>, response: Response, pending: Pending, now: &Now) {
        let response = if response.fields.is_valid() {
            response
        } else {
            // A value was refused (R21): say so, and send none of it.
            service.handler.error(Status::InternalServerError, &self.peer, now)
        };
        let (start, status) = (self.queue.pushed(), response.status);
        let Pending { mut framing, without_body, mut exchange, fate, .. } = pending;
        if let Body::Events(events) = &response.body {
            framing.keep_alive = false;
            let is_sent = !without_body && fate == Fate::Answered && !self.stopping;
            self.stream = is_sent.then(|| Box::new(Stream::of(events, &service.limits)));
        }
        if let Some(exchange) = &mut exchange {
            service.handler.begin(exchange, &response, !without_body);
        }
        self.queue.enter(&mut service.room);
        let head = service.encoder.push(&mut self.queue, response, !without_body, framing, now);
        if let Some(mut exchange) = exchange {
            exchange.status = status;
            exchange.head = head;
            // `sent` holds the position where the response begins until it ends.
            exchange.sent = start;
            self.in_flight.push_back(InFlight { end: self.queue.pushed(), exchange });
        }
        self.responses += 1;
        self.cut = fate == Fate::Cut;
        if self.cut {
            // It promises all of it, and half of it comes.
            self.queue.truncate(start + (self.queue.pushed() - start) / 2);
        }
        self.last = !framing.keep_alive || self.cut;
        if self.last {
            if !self.cut && self.stream.is_none() {
                self.queue.end();
            }
            // What had to wait for the pool's answer will never be looked at.
            self.input = Vec::new();
        }
        self.enter(State::Sending, now.instant + service.limits.send_timeout);
    }

    /// Answers what is no request; nothing after it is parsed (R14). Even then a HEAD,
    /// as far as it is one, gets no body.
    fn refuse(&mut self, service: &mut Service<H>, input: &[u8], status: Status, now: &Now) {
        let pending = Pending {
            framing: Framing { version: Version::Http11, keep_alive: false },
            without_body: input.strip_prefix(b"\r\n").unwrap_or(input).starts_with(b"HEAD "),
            exchange: self.begin_exchange(service, input, None, now),
            preparations: 0,
            head: Vec::new(),
            long: None,
            fate: Fate::Answered,
        };
        self.input = Vec::new();
        let response = service.handler.error(status, &self.peer, now);
        self.respond(service, response, pending, now);
    }

    /// All that was in the queue is sent.
    fn drained(&mut self, service: &mut Service<H>, now: &Now) {
        self.responses = 0;
        self.queue.leave(&mut service.room);
        if self.cut {
            self.enter(State::Aborted, now.instant);
        } else if self.stream.is_some() {
            self.listen(&service.limits, now);
        } else if self.last && self.eof {
            self.enter(State::Closed, now.instant);
        } else if self.last && self.promised {
            self.enter(State::Parting, now.instant + service.limits.linger_idle_timeout);
        } else if self.last {
            self.linger(&service.limits, now);
        } else {
            self.enter(State::Idle, now.instant + service.limits.idle_timeout);
            self.resume(service, now);
            let waits = matches!(self.state, State::Idle | State::Head);
            if waits && self.eof {
                self.enter(State::Closed, now.instant);
            } else if self.stopping && self.state == State::Idle {
                // The peer was told to go on, so it may have: that must not cost it the answer (R22).
                self.linger(&service.limits, now);
            }
        }
    }

    fn linger(&mut self, limits: &Limits, now: &Now) {
        let until = now.instant + limits.linger_timeout;
        let state = State::Lingering { until, bytes_left: limits.linger_bytes_max };
        self.enter(state, (now.instant + limits.linger_idle_timeout).min(until));
    }

    /// Tells the log of responses that have ended.
    fn log_ended(&mut self, service: &mut Service<H>, all: bool, now: &Now) {
        while let Some(front) = self.in_flight.front() {
            let complete = front.end <= self.queue.sent();
            if !complete && !all {
                if let Some(meter) = &front.exchange.meter {
                    meter.set(self.queue.sent().saturating_sub(front.exchange.sent + front.exchange.head));
                }
                break;
            }
            let Some(InFlight { end, mut exchange }) = self.in_flight.pop_front() else { break };
            exchange.sent = self.queue.sent().min(end).saturating_sub(exchange.sent);
            exchange.complete = complete;
            service.handler.log(&exchange, now);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "conn_tests.rs"]
mod tests;
