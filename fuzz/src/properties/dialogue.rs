//! A connection with a network that does all at once: what a handler is asked, and what a
//! client reads.

use bytes::Bytes;
use serve::clock::Now;
use serve::h1::{Conn, Limits, Service};
use serve::http::Handler;
use serve::net::Protocol;
use serve::segment::Segment;

/// Says it all, does the work that there is, and takes all that is sent.
pub(super) fn hold<H: Handler>(handler: H, said: &[u8], is_local: bool, now: &Now) -> (Vec<u8>, H) {
    let mut service = Service::new(handler, Limits::default());
    let here = if is_local { [127, 0, 0, 1] } else { [192, 0, 2, 2] };
    let mut conn = Conn::open(&mut service, ([192, 0, 2, 1], 5000).into(), (here, 80).into(), now);
    if !said.is_empty() {
        conn.receive(&mut service, said, now);
    }
    let mut wire = Vec::new();
    loop {
        while let Some(segment) = conn.send_queue().front().cloned() {
            let Some(bytes) = content(&segment) else {
                // It cannot be had, and the client sees that it ends too soon.
                conn.closed(&mut service, now);
                return (wire, service.handler);
            };
            wire.extend_from_slice(&bytes);
            conn.sent(&mut service, bytes.len() as u64, now);
        }
        let Some(work) = conn.take_work() else { break };
        let made = work();
        conn.work_done(&mut service, Ok(made), now);
    }
    conn.closed(&mut service, now);
    (wire, service.handler)
}

/// What is sent of a segment at once; None when it cannot be had.
fn content(segment: &Segment) -> Option<Bytes> {
    match segment {
        Segment::Bytes(bytes) => Some(bytes.clone()),
        Segment::File { .. } => panic!("no files here"),
        Segment::Made { maker, range } => loop {
            match maker.piece(range.start) {
                Ok(Some(piece)) => break Some(piece.slice(..piece.len().min(segment.len() as usize))),
                Ok(None) => maker.make(range.start),
                Err(_) => break None,
            }
        },
    }
}
