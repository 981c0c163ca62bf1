//! Floor 2: the event loop. It moves bytes between sockets and a [`Protocol`], and
//! knows nothing of HTTP: `examples/echo.rs` runs another protocol on it.
//!
//! Events mark, turns work. An event of the poller only latches *readable* or
//! *writable* on a connection and puts it on the run queue ([`event_loop`]). In a turn
//! ([`connection`]) everyone reads, then the time is read, then everyone is answered and
//! writes, until nothing moves or the budget is spent; each turn ends with one of four
//! words: wait until then, read again, yield, close. A latch is cleared only by
//! `WouldBlock` from that very operation, or by a short read where the system lets it say
//! as much ([`stream::Stream::short_read_empties`]), so it does not matter whether a system
//! reports edges (epoll, kqueue) or re-arms in software (Windows, `poll(2)`), nor how many
//! events are spurious.

pub mod accept;
pub mod connection;
pub mod counters;
pub mod deadlines;
pub mod event_loop;
pub mod limits;
pub mod pace;
pub mod platform;
pub mod progress;
pub mod protocol;
pub mod rate;
pub mod remote;
pub mod reply;
pub mod stream;
pub mod token;

pub use counters::Counters;
pub use event_loop::EventLoop;
pub use limits::Limits;
pub use platform::Platform;
pub use protocol::{Inquiry, Notice, Phase, Protocol, Refused, Work};
pub use remote::Remote;
pub use reply::Reply;
