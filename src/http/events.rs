//! An answer that goes on: what happens is told as it happens, for as long as the client
//! stays. Browsers read it as an event stream (WHATWG HTML, "Server-sent events").

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

/// Events from a source, behind those that a client has seen.
#[derive(Clone, Debug)]
pub struct Events {
    /// Who tells of them.
    pub source: Arc<dyn Source>,
    /// The last one that the client has seen.
    pub seen: u64,
    /// What is sent before the first.
    pub opening: Bytes,
}

/// Whoever tells of events.
pub trait Source: fmt::Debug + Send + Sync {
    /// Has the listener told once of all that has happened behind `seen`: now, or as soon as
    /// there is something. It does not wait itself.
    fn listen(&self, seen: u64, listener: Box<dyn Listener>);
}

/// Whoever waits for events.
pub trait Listener: Send {
    /// Whether it waits still.
    fn is_there(&self) -> bool;

    /// Tells it: `text` is for the client, and behind `seen` it will listen the next time.
    fn tell(self: Box<Self>, seen: u64, text: Bytes);
}
