//! One request and its response, as the access log sees them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::delivery::{Delivery, Meter};
use super::request::Request;
use super::status::Status;
use crate::clock::Now;

/// Who is at the other end, and how it got here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The client's address.
    pub address: SocketAddr,
    /// Whether it came to a listener that only this machine can reach.
    pub loopback: bool,
}

/// Text of a request is kept up to this length for the log (hazards R46).
const TEXT_MAX: usize = 1024;

/// What is kept of a request until its response has ended.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The client.
    pub peer: Peer,
    /// `GET /path HTTP/1.1`, as it came; of what is no request, the first line.
    pub request_line: Vec<u8>,
    /// Referer and User-Agent, where the client sent them.
    pub referer: Option<Vec<u8>>,
    /// See `referer`.
    pub user_agent: Option<Vec<u8>>,
    /// When the request was complete.
    pub started: Now,
    /// The status that was sent.
    pub status: Status,
    /// Bytes of the response that were handed to the kernel, head included.
    pub sent: u64,
    /// Length of the head, so that `sent - head` is what Combined Log Format counts.
    pub head: u64,
    /// False if the connection ended before the response did.
    pub complete: bool,
    /// What of a file the client gets, if somebody counts that.
    pub delivery: Option<Box<Delivery>>,
    /// What shows how far it is, if somebody watches.
    pub meter: Option<Arc<Meter>>,
}

impl Exchange {
    /// Begins the record of what arrived: `input` begins with its first line, and is a
    /// request if it could be parsed.
    pub fn begin(peer: Peer, input: &[u8], request: Option<&Request<'_>>, started: Now) -> Exchange {
        let text = |value: &[u8]| value[..value.len().min(TEXT_MAX)].to_vec();
        let line = input.split(|byte| matches!(byte, b'\r' | b'\n')).find(|line| !line.is_empty());
        Exchange {
            peer,
            request_line: line.map(text).unwrap_or_default(),
            referer: request.and_then(|r| r.fields.first("referer")).map(text),
            user_agent: request.and_then(|r| r.fields.first("user-agent")).map(text),
            started,
            status: Status::Ok,
            sent: 0,
            head: 0,
            complete: false,
            delivery: None,
            meter: None,
        }
    }

    /// The target of the request line, as it came.
    pub fn target(&self) -> &[u8] {
        self.request_line.split(|&byte| byte == b' ').nth(1).unwrap_or_default()
    }

    /// Bytes of the body that were sent.
    pub fn body_sent(&self) -> u64 {
        self.sent.saturating_sub(self.head)
    }

    /// From the complete request to the end of the response.
    pub fn duration(&self, now: &Now) -> Duration {
        now.instant.saturating_duration_since(self.started.instant)
    }
}
