//! Floor 2: what messages mean. This folder *is* RFC 9110.
//!
//! Pure: bytes and values in, decisions out. No sockets, no clock, no file system;
//! how a message looks on the wire is [`crate::h1`]'s business, and what a site
//! holds is [`crate::site`]'s. The two meet in [`Handler`].

pub mod coding;
pub mod date;
pub mod delivery;
pub mod events;
pub mod exchange;
pub mod fields;
pub mod host;
pub mod media_type;
pub mod negotiate;
pub mod precondition;
pub mod query;
pub mod range;
pub mod request;
pub mod response;
pub mod status;
pub mod target;

pub use delivery::{Delivery, Meter};
pub use exchange::{Exchange, Peer};
pub use fields::{Fields, RequestFields};
pub use request::{Method, Request, Version};
pub use response::{Answer, Body, Handler, Preparation, Response, Slice};
pub use status::Status;
pub use target::SafePath;
