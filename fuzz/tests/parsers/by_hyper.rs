//! hyper, byte by byte: so it shows where a head ends.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body_util::Empty;
use hyper::body::Body as _;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper::{Request, Response, body::Incoming};

use super::reading::{Body, Head, Reading};

/// What has come and is not read yet, and what was answered.
#[derive(Clone, Default)]
struct Wire(Rc<RefCell<(Vec<u8>, Vec<u8>)>>);

impl Read for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let arrived = std::mem::take(&mut self.0.borrow_mut().0);
        if arrived.is_empty() {
            return Poll::Pending;
        }
        buffer.put_slice(&arrived);
        Poll::Ready(Ok(()))
    }
}

impl Write for Wire {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.borrow_mut().1.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

pub fn read(input: &[u8]) -> Reading {
    let (wire, seen) = (Wire::default(), Rc::new(RefCell::new(None)));
    let note = Rc::clone(&seen);
    let service = service_fn(move |request: Request<Incoming>| {
        note.borrow_mut().get_or_insert_with(|| read_of(&request));
        async { Ok::<_, io::Error>(Response::new(Empty::<Bytes>::new())) }
    });
    let connection = Builder::new().serve_connection(wire.clone(), service);
    let mut connection = std::pin::pin!(connection);
    let mut context = Context::from_waker(Waker::noop());
    for (at, byte) in input.iter().enumerate() {
        wire.0.borrow_mut().0.push(*byte);
        let polled = connection.as_mut().poll(&mut context);
        if let Some((head, body)) = seen.borrow_mut().take() {
            return Reading::Read(Head { end: at + 1, ..head }, body);
        }
        if polled.is_ready() || !wire.0.borrow().1.is_empty() {
            return Reading::Refused;
        }
    }
    Reading::Incomplete
}

fn read_of(request: &Request<Incoming>) -> (Head, Body) {
    let fields = request.headers().iter();
    let fields = fields.map(|(name, value)| (name.as_str().as_bytes().to_vec(), value.as_bytes().to_vec()));
    let version = match request.version() {
        hyper::Version::HTTP_11 => "1.1",
        hyper::Version::HTTP_10 => "1.0",
        _ => "another",
    };
    let target = request.uri().to_string();
    let body = match request.body().size_hint().exact() {
        Some(length) => Body::of_length(length),
        None => Body::Chunked,
    };
    (Head::new([request.method().as_str().as_bytes(), target.as_bytes()], version, 0, fields), body)
}

use std::future::Future as _;
