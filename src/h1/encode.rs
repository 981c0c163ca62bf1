//! Responses on the wire (RFC 9112 §4, §6).

use bytes::{BufMut, BytesMut};

use crate::clock::Now;
use crate::http::{Body, Response, Status, Version, date};
use crate::segment::{Segment, SendQueue};

/// Responses are written into buffers of this size, many to one.
const BUFFER: usize = 16 * 1024;

/// What a head needs beside the fields of its response.
const HEAD_ROOM: usize = 192;

/// Bodies in memory up to this size travel in the buffer of their head: to copy them costs
/// less than to hand the kernel one piece more.
const COPIED_MAX: usize = 4 * 1024;

/// How the connection goes on after a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Framing {
    /// The version that the request spoke; what we speak is always HTTP/1.1 (RFC 9110 §2.5).
    pub version: Version,
    /// Whether another request may follow.
    pub keep_alive: bool,
}

/// Writes responses; one for each loop, so that its buffer stays warm.
#[derive(Default)]
pub struct Encoder {
    buffer: BytesMut,
    /// The Date field line, and the second that it is of.
    date: String,
    date_second: Option<u64>,
}

impl Encoder {
    /// Puts a response on a queue, `with_body` or without; returns the length of its head.
    pub fn push(
        &mut self,
        queue: &mut SendQueue,
        response: Response,
        with_body: bool,
        framing: Framing,
        now: &Now,
    ) -> u64 {
        self.put_head(&response, framing, now);
        let head_length = self.buffer.len() as u64;
        let body = if with_body && response.status.allows_body() { response.body } else { Body::Empty };
        match body {
            Body::Empty => queue.push(self.take()),
            Body::One(Segment::Bytes(bytes)) if bytes.len() <= COPIED_MAX => {
                self.buffer.put_slice(&bytes);
                queue.push(self.take());
            }
            Body::One(segment) => {
                queue.push(self.take());
                queue.push(segment);
            }
            Body::Events(events) => {
                self.buffer.put_slice(&events.opening);
                queue.push(self.take());
            }
            Body::Many(segments) => {
                queue.push(self.take());
                segments.into_iter().for_each(|segment| queue.push(segment));
            }
        }
        head_length
    }

    /// What is in the buffer.
    fn take(&mut self) -> Segment {
        Segment::Bytes(self.buffer.split().freeze())
    }

    /// Writes a head. Date, Content-Length and Connection are added here, for they are
    /// the message's, not the representation's.
    fn put_head(&mut self, response: &Response, framing: Framing, now: &Now) {
        self.refresh_date(now);
        let fields = response.fields.as_bytes();
        let room = fields.len() + HEAD_ROOM + COPIED_MAX;
        if self.buffer.capacity() < room {
            // Takes the whole of the old buffer if nothing of it is in a queue any more.
            self.buffer.reserve(BUFFER.max(room));
        }
        put_status_line(&mut self.buffer, response.status);
        self.buffer.put_slice(self.date.as_bytes());
        self.buffer.put_slice(fields);
        if response.status.allows_body() && !matches!(response.body, Body::Events(_)) {
            self.buffer.put_slice(b"Content-Length: ");
            put_decimal(&mut self.buffer, response.body.len());
            self.buffer.put_slice(b"\r\n");
        }
        match framing {
            Framing { keep_alive: false, .. } => self.buffer.put_slice(b"Connection: close\r\n"),
            Framing { version: Version::Http10, .. } => self.buffer.put_slice(b"Connection: keep-alive\r\n"),
            Framing { version: Version::Http11, .. } => {}
        }
        self.buffer.put_slice(b"\r\n");
    }

    fn refresh_date(&mut self, now: &Now) {
        let second = now.unix_seconds();
        if self.date_second != Some(second) {
            self.date_second = Some(second);
            // A clock before 1970 is no clock: then there is no Date (RFC 9110 §6.6.1).
            self.date =
                date::from_time(now.system).map(|date| format!("Date: {date}\r\n")).unwrap_or_default();
        }
    }
}

fn put_status_line(buffer: &mut BytesMut, status: Status) {
    buffer.put_slice(b"HTTP/1.1 ");
    put_decimal(buffer, u64::from(status.code()));
    buffer.put_u8(b' ');
    buffer.put_slice(status.reason().as_bytes());
    buffer.put_slice(b"\r\n");
}

/// Twenty digits hold every u64.
fn put_decimal(buffer: &mut BytesMut, mut number: u64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        // A remainder of ten is one digit.
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    buffer.put_slice(&digits[start..]);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::time::{Duration, SystemTime};

    fn now() -> Now {
        Now::read().with_system(SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777))
    }

    fn head(response: &Response, version: Version, keep_alive: bool) -> String {
        message(&mut Encoder::default(), response, false, Framing { version, keep_alive }, &now())
    }

    fn message(
        encoder: &mut Encoder,
        response: &Response,
        with_body: bool,
        framing: Framing,
        now: &Now,
    ) -> String {
        let mut queue = SendQueue::default();
        encoder.push(&mut queue, response.clone(), with_body, framing, now);
        let mut out = Vec::new();
        while let Some(Segment::Bytes(bytes)) = queue.front() {
            out.extend_from_slice(bytes);
            queue.advance(bytes.len() as u64);
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_body_follows_its_head_in_the_same_piece_if_it_is_short() {
        let framing = Framing { version: Version::Http11, keep_alive: true };
        let mut encoder = Encoder::default();
        for (length, pieces) in [(1, 1), (COPIED_MAX, 1), (COPIED_MAX + 1, 2), (3 * BUFFER, 2)] {
            let mut response = Response::new(Status::Ok);
            response.body = Body::bytes(vec![b'x'; length]);
            let mut queue = SendQueue::default();
            let head = encoder.push(&mut queue, response.clone(), true, framing, &now());
            assert_eq!((queue.len(), queue.remaining()), (pieces, head + length as u64));
            let text = message(&mut encoder, &response, true, framing, &now());
            assert!(text.ends_with(&format!("Content-Length: {length}\r\n\r\n{}", "x".repeat(length))));
        }
    }

    #[test]
    fn a_head_is_status_date_fields_length_and_connection() {
        let mut response = Response::new(Status::Ok);
        response.fields.push("ETag", "\"1\"");
        response.body = Body::bytes("12345678901");
        let expected =
            "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nETag: \"1\"\r\nContent-Length: 11\r\n";
        assert_eq!(head(&response, Version::Http11, true), format!("{expected}\r\n"));
        assert_eq!(head(&response, Version::Http11, false), format!("{expected}Connection: close\r\n\r\n"));
        assert_eq!(
            head(&response, Version::Http10, true),
            format!("{expected}Connection: keep-alive\r\n\r\n")
        );
    }

    #[test]
    fn what_has_no_body_has_no_length() {
        for status in [Status::NoContent, Status::NotModified] {
            assert!(!head(&Response::new(status), Version::Http11, true).contains("Content-Length"));
        }
        assert!(
            head(&Response::new(Status::NotFound), Version::Http11, true).contains("Content-Length: 0\r\n")
        );
    }

    #[test]
    fn the_date_follows_the_clock() {
        let (mut encoder, framing) =
            (Encoder::default(), Framing { version: Version::Http11, keep_alive: true });
        let response = Response::new(Status::Ok);
        for (later, expected) in [(0, ":37 GMT"), (1, ":38 GMT"), (0, ":37 GMT")] {
            let head =
                message(&mut encoder, &response, true, framing, &now().later(Duration::from_secs(later)));
            assert!(head.contains(expected));
        }
    }

    #[test]
    fn numbers_are_written_as_decimals() {
        for number in [0, 9, 10, 1_234_567_890, u64::MAX] {
            let mut buffer = BytesMut::new();
            put_decimal(&mut buffer, number);
            assert_eq!(buffer, number.to_string());
        }
    }
}
