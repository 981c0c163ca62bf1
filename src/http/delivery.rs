//! What a client gets of a file: how much of it so far, and whether all of it.
//!
//! For people who wait for a transfer to end. Nothing here is asked for by a protocol, and
//! nothing is kept unless somebody watches or counts ([`Handler::begin`]).
//!
//! [`Handler::begin`]: super::Handler::begin

use std::net::IpAddr;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Exchange, Response};

/// What of which representation one response has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The representation.
    pub of: Representation,
    /// Which bytes of it: none of an empty file.
    pub range: Range<u64>,
}

/// Tells what a client has begun to get from what it gets next: ranges of different files, or
/// of versions of a file, are never put together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Representation {
    /// The target as it was asked for.
    pub target: Vec<u8>,
    /// The entity tag, where there is one. Whether it is a weak one makes no difference: that of
    /// a file that has only just changed becomes strong while it is fetched, and says the same.
    pub tag: Option<String>,
    /// The length, which is all there is to tell versions without a tag apart.
    pub len: u64,
}

impl Delivery {
    /// What this response delivers to this exchange; None if nothing that anybody saves.
    pub fn of(exchange: &Exchange, response: &Response) -> Option<Delivery> {
        let slice = response.slice?;
        let (start, len) = (slice.start(), slice.len());
        let tag = response.fields.get("ETag").map(|tag| tag.strip_prefix("W/").unwrap_or(tag).to_owned());
        let of = Representation { target: exchange.target().to_vec(), tag, len };
        Some(Delivery { of, range: start..start.saturating_add(response.body.len()).min(len) })
    }

    /// Which bytes were sent, if so many of the body were.
    pub fn sent(&self, body: u64) -> Range<u64> {
        self.range.start..self.range.end.min(self.range.start.saturating_add(body))
    }
}

/// How far a transfer is, for who watches from another thread. It is over when the exchange
/// has let go of it.
#[derive(Debug)]
pub struct Meter {
    /// Who gets it.
    pub client: IpAddr,
    /// The target as it was asked for: a client's bytes.
    pub target: Vec<u8>,
    /// Bytes of the body.
    pub len: u64,
    sent: AtomicU64,
}

impl Meter {
    /// Nothing is sent yet.
    pub fn new(exchange: &Exchange, len: u64) -> Meter {
        let (client, target) = (exchange.peer.address.ip().to_canonical(), exchange.target().to_vec());
        Meter { client, target, len, sent: AtomicU64::new(0) }
    }

    /// So many bytes of the body are with the kernel.
    pub fn set(&self, sent: u64) {
        // Whoever reads it shows it to a person: no order with anything else is needed.
        self.sent.store(sent, Ordering::Relaxed);
    }

    /// How many there are, as of lately.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::clock::Now;
    use crate::http::{Body, Peer, Slice, Status};

    fn exchange(line: &[u8]) -> Exchange {
        let peer = Peer { address: "[::ffff:10.0.0.1]:5".parse().unwrap(), loopback: false };
        Exchange::begin(peer, line, None, Now::read())
    }

    #[test]
    fn what_nobody_saves_is_no_delivery() {
        assert_eq!(Delivery::of(&exchange(b"GET / HTTP/1.1"), &Response::new(Status::Ok)), None);
    }

    #[test]
    fn a_range_that_was_cut_off_counts_as_far_as_it_was_sent() {
        let mut response = Response::new(Status::PartialContent);
        response.slice = Some(Slice::new(10, 100));
        response.body = Body::bytes(vec![0; 20]);
        response.fields.push("ETag", "\"a\"");
        let delivery = Delivery::of(&exchange(b"GET /a?b HTTP/1.1"), &response).unwrap();
        assert_eq!(delivery.of.target, b"/a?b");
        assert_eq!((delivery.of.tag.as_deref(), delivery.of.len), (Some("\"a\""), 100));
        assert_eq!(delivery.sent(5), 10..15);
        assert_eq!(delivery.sent(20), 10..30);
        assert_eq!(delivery.sent(u64::MAX), 10..30);
    }

    /// A file that was new when a client began to fetch it has a weak tag, and later a strong one.
    #[test]
    fn a_tag_that_becomes_strong_is_that_of_the_same_file() {
        let delivery = |tag: &str| {
            let mut response = Response::new(Status::PartialContent);
            response.slice = Some(Slice::new(0, 100));
            response.fields.push("ETag", tag);
            Delivery::of(&exchange(b"GET /a HTTP/1.1"), &response).unwrap().of
        };
        assert_eq!(delivery("W/\"a\""), delivery("\"a\""));
        assert_ne!(delivery("\"a\""), delivery("\"b\""));
    }

    #[test]
    fn a_meter_knows_who_gets_what() {
        let meter = Meter::new(&exchange(b"GET /big.iso HTTP/1.1"), 7);
        meter.set(3);
        assert_eq!((meter.client.to_string().as_str(), &meter.target[..]), ("10.0.0.1", &b"/big.iso"[..]));
        assert_eq!((meter.sent(), meter.len), (3, 7));
    }
}
