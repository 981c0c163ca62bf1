//! Floor 2: the event loop. It moves bytes between sockets and a [`Protocol`], and
//! knows nothing of HTTP: `examples/echo.rs` runs another protocol on it.
//!
//! Events mark, turns work. An event of the poller only latches *readable* or
//! *writable* on a connection and puts it on the run queue ([`event_loop`]). A turn
//! ([`connection::drive`]) reads, answers and writes until nothing moves or its
//! budget is spent, and returns one of three words: wait until then, yield, close.
//! A latch is cleared only by `WouldBlock` from that very operation, so it does not
//! matter whether a system reports edges (epoll, kqueue) or re-arms in software
//! (Windows, `poll(2)`), nor how many events are spurious.

pub mod accept;
pub mod connection;
pub mod counters;
pub mod deadlines;
pub mod event_loop;
pub mod limits;
pub mod pace;
pub mod progress;
pub mod protocol;
pub mod remote;
pub mod stream;
pub mod token;

pub use counters::Counters;
pub use event_loop::EventLoop;
pub use limits::Limits;
pub use protocol::{Notice, Phase, Protocol, Refused, Work};
pub use remote::Remote;
