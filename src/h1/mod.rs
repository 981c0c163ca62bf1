//! Floor 3: HTTP/1.1 on the wire. This folder *is* RFC 9112.
//!
//! Bytes and the time in, segments and a deadline out: [`Conn`] is a machine that
//! never touches a socket, a clock or a file, so every one of its states is tested
//! in virtual time, cut at every byte, and fuzzed. What to answer it asks a
//! [`Handler`](crate::http::Handler).
//!
//! A request with a body ends its connection: it is answered, with `Connection:
//! close`, and the body is never looked at. So it never matters where a body ends,
//! and request smuggling has nothing to hold on to.

mod conn;
mod encode;
pub mod limits;
pub mod parse;
pub mod weather;

pub use conn::{Conn, Event, Made, Service};
pub use limits::Limits;
pub use weather::Weather;
