//! What the loop needs to know of a protocol: bytes and the time in, bytes and a
//! deadline out. A protocol never sees a socket, and never waits.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use super::pace::Slow;
use super::reply::Reply;
use crate::clock::Now;
use crate::pool::Kind;
use crate::segment::SendQueue;

/// Work for the pool, which makes what the connection waits for.
pub type Work<T> = Box<dyn FnOnce() -> T + Send>;

/// Asks somebody elsewhere for a result, who keeps the means to reply until there is one. It
/// must not wait itself.
pub type Inquiry<T> = Box<dyn FnOnce(Reply<T>) + Send>;

/// The pool did not do the work: it was full, or the work panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Too many wait already.
    Full,
    /// A bug in the work; the connection is told, and nothing else happens.
    Panicked,
}

/// What an operator should hear of.
#[derive(Debug)]
pub enum Notice<'a> {
    /// No descriptors or memory for another client; accepting pauses.
    Exhausted(&'a io::Error),
    /// One turn of the loop took too long, and everyone else waited.
    SlowTurn(Slow),
    /// A connection got on no more, and was closed: a bug in its protocol (R28d).
    Stuck(Phase),
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It goes on.
    Open,
    /// All is said, and nothing more is expected of the peer: once the send queue is
    /// empty and a read finds nothing, the loop closes.
    Parting,
    /// All is said: once the send queue is empty, the loop half-closes, and what
    /// the peer still sends is given to [`Protocol::receive`] (lingering close). It
    /// ends when the protocol says `Closed`: at the peer's end, or at a deadline.
    Finishing,
    /// The socket can be closed.
    Closed,
    /// The socket must be reset, so that the peer cannot take a part for the whole.
    Aborted,
}

/// One connection of some protocol: a state machine with one deadline per state.
///
/// All its methods are called from the loop's thread, with what the connections of
/// that loop share and with the time of the turn.
pub trait Protocol: Sized {
    /// What the connections of one loop share.
    type Shared;
    /// What the pool makes for a connection; `()` if it never does.
    type Done: Send + 'static;

    /// A client has come to the listener of that address.
    fn open(shared: &mut Self::Shared, client: SocketAddr, listener: SocketAddr, now: &Now) -> Self;

    /// Bytes have come, before `now` was read, as those of everyone else in this turn: what
    /// is looked up at `now` for one of them is not too old for any. Never called with
    /// none, nor while [`Protocol::wants_read`] is false.
    fn receive(&mut self, shared: &mut Self::Shared, input: &[u8], now: &Now);

    /// The peer sends no more, though it may still read.
    fn receive_eof(&mut self, shared: &mut Self::Shared, now: &Now);

    /// Whether bytes are welcome: not while too much waits to be sent.
    fn wants_read(&self) -> bool;

    /// What waits to be sent.
    fn send_queue(&self) -> &SendQueue;

    /// So many bytes of the queue are with the kernel.
    fn sent(&mut self, shared: &mut Self::Shared, bytes: u64, now: &Now);

    /// When [`Protocol::handle_timeout`] is due; every state has a deadline.
    fn deadline(&self) -> Instant;

    /// Whether the peer waits for the deadline, so that it must not come late. Others are
    /// limits, which nobody measures.
    fn is_punctual(&self) -> bool {
        false
    }

    /// The deadline has passed.
    fn handle_timeout(&mut self, shared: &mut Self::Shared, now: &Now);

    /// How far it is.
    fn phase(&self) -> Phase;

    /// Whether closing it now would cut nothing off; such connections go first
    /// when there are too many.
    fn is_idle(&self) -> bool {
        false
    }

    /// Work to be done elsewhere; taken after every turn.
    fn take_work(&mut self) -> Option<Work<Self::Done>> {
        None
    }

    /// What the work that can be taken is for, if it may be long: then it leaves threads of
    /// the pool for that of others, and takes turns with them.
    fn long_work(&self) -> Option<Kind> {
        None
    }

    /// A result that takes no work, only another turn of the loop: it comes back as if it
    /// had been made. Taken after every turn, too.
    fn take_result(&mut self) -> Option<Self::Done> {
        None
    }

    /// A question to somebody outside of the loop, whose reply comes as that of work does, be
    /// it in hours. Taken after every turn, too.
    fn take_inquiry(&mut self) -> Option<Inquiry<Self::Done>> {
        None
    }

    /// The work is done. Never called for connections that have closed meanwhile.
    fn work_done(&mut self, _: &mut Self::Shared, _: Result<Self::Done, Refused>, _: &Now) {}

    /// The server stops: end when it can be done cleanly. The loop then tries a read,
    /// for what has come already should still be answered.
    fn shut_down(&mut self, shared: &mut Self::Shared, now: &Now);

    /// The socket is gone, whatever the reason; the last call.
    fn closed(&mut self, _: &mut Self::Shared, _: &Now) {}

    /// Asserts what must hold while it waits. Called in debug builds only, so in all tests.
    fn check(&self, _: &Self::Shared) {}

    /// Something worth a line in the error log.
    fn notice(_: &mut Self::Shared, _: Notice<'_>, _: &Now) {}

    /// The loop has done all that it could for now, and may sleep.
    fn end_of_turn(_: &mut Self::Shared, _: &Now) {}
}
