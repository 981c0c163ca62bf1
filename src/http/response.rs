//! Responses, and who makes them.

use std::num::NonZeroU64;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::events::Events;
use super::exchange::{Exchange, Peer};
use super::fields::Fields;
use super::request::Request;
use super::status::Status;
use crate::clock::Now;
use crate::segment::Segment;

/// A body, whose length is known before its first byte is sent: of all but events.
#[derive(Clone, Debug, Default)]
pub enum Body {
    /// No bytes.
    #[default]
    Empty,
    /// One piece, as nearly all are.
    One(Segment),
    /// Several pieces, in order.
    Many(Vec<Segment>),
    /// What happens, as it happens: the one body whose length nobody knows. It ends with its
    /// connection (RFC 9112 §6.3, 8).
    Events(Events),
}

impl Body {
    /// Length in bytes; of events that of none.
    pub fn len(&self) -> u64 {
        self.segments().iter().map(Segment::len).sum()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A body in memory.
    pub fn bytes(bytes: impl Into<Bytes>) -> Body {
        Body::One(Segment::Bytes(bytes.into()))
    }

    /// A range of a file.
    pub fn file(file: Arc<std::fs::File>, range: Range<u64>) -> Body {
        Body::One(Segment::File { file, range })
    }

    /// The pieces.
    pub fn segments(&self) -> &[Segment] {
        match self {
            Body::Empty | Body::Events(_) => &[],
            Body::One(segment) => std::slice::from_ref(segment),
            Body::Many(segments) => segments,
        }
    }
}

/// What of a file, or of an archive, a body has: so that somebody can say when a client has had
/// all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    start: u64,
    /// One more than the whole has, so that no slice takes no room: responses are moved a lot.
    beyond: NonZeroU64,
}

impl Slice {
    /// From this byte on, of a whole of so many.
    pub fn new(start: u64, len: u64) -> Slice {
        Slice { start, beyond: NonZeroU64::MIN.saturating_add(len) }
    }

    /// The first byte.
    pub fn start(self) -> u64 {
        self.start
    }

    /// How many bytes the whole has.
    pub fn len(self) -> u64 {
        self.beyond.get() - 1
    }

    /// Whether the whole has none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// A response without what concerns the connection (Date, Connection,
/// Content-Length): the encoder adds those.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status.
    pub status: Status,
    /// The fields.
    pub fields: Fields,
    /// What would be sent for a GET; the encoder leaves it out for a HEAD.
    pub body: Body,
    /// What of a file is in the body. None for what nobody would save: a page that is made, an
    /// error; nor for several ranges in one body, which programs that save files never ask for.
    pub slice: Option<Slice>,
}

impl Response {
    /// A response without fields and body.
    pub fn new(status: Status) -> Response {
        Response { status, fields: Fields::new(), body: Body::Empty, slice: None }
    }
}

/// Work that makes a response, on some thread of the pool.
pub type ResponseJob = Box<dyn FnOnce() -> Response + Send>;

/// Work to be done on some thread of the pool before a request can be answered.
pub type Preparation = Box<dyn FnOnce() + Send>;

/// What a handler says to a request.
pub enum Answer {
    /// Here it is.
    Ready(Response),
    /// It may be slow: run this elsewhere.
    Later(ResponseJob),
    /// Something has to be found out first, which may be slow: run this elsewhere, and
    /// then ask again.
    After(Preparation),
    /// Nobody can answer it in this turn of the loop: ask again in the next one.
    NextTurn,
}

/// Answers requests: the seam between the wire ([`crate::h1`]) and the site.
pub trait Handler {
    /// Answers a valid request.
    fn respond(&mut self, request: &Request<'_>, peer: &Peer, now: &Now) -> Answer;

    /// The response to what is no valid request, or could not be answered.
    fn error(&mut self, status: Status, peer: &Peer, now: &Now) -> Response;

    /// The response to a valid request that is to fail, whatever it asks for: 503.
    fn fail(&mut self, _: &Request<'_>, peer: &Peer, now: &Now) -> Response {
        self.error(Status::ServiceUnavailable, peer, now)
    }

    /// The response to an exchange is about to be sent, with its body or without; what the
    /// exchange is to know of it can be noted there.
    fn begin(&mut self, _: &mut Exchange, _: &Response, _with_body: bool) {}

    /// Whether [`Handler::log`] wants to hear of requests at all.
    fn is_logging(&self) -> bool;

    /// A response has ended, sent in full or not.
    fn log(&mut self, exchange: &Exchange, now: &Now);

    /// Something worth a line in the error log.
    fn notice(&mut self, message: &str, now: &Now);

    /// The loop has done all that it could for now, and may sleep.
    fn end_of_turn(&mut self, now: &Now);
}
