//! What must hold between two rounds (hazards 4.2). It is checked in debug builds, so while
//! any test runs, and is not there in a release.

use super::{Connection, EventLoop};
use crate::clock::Now;
use crate::net::deadlines::GRANULARITY;
use crate::net::platform::Platform;
use crate::net::protocol::{Phase, Protocol};
use crate::net::stream::Stream;

/// With so many connections all are looked at after every round; with more, as much less
/// often: a test of ten thousand must not spend its time here.
const LOOKED_AT: usize = 64;

impl<P: Protocol, S: Platform> EventLoop<P, S> {
    pub(super) fn check_invariants(&self) {
        let open = self.connections.len();
        if !self.counters.wakeups.is_multiple_of((open / LOOKED_AT + 1) as u64) {
            return;
        }
        assert_eq!(self.counters.accepted, self.counters.closed + open as u64, "a connection is lost");
        assert!(self.dead.is_empty(), "the dead are not buried");
        assert!(self.batch.is_empty(), "somebody's input was not handed on");
        // Each is in exactly one place: in the queue, once, or it waits.
        let queued = self.connections.iter().filter(|(_, connection)| connection.queued).count();
        assert_eq!(self.run_queue.len(), queued, "somebody is queued twice, or is not queued and should be");
        for slot in &self.run_queue {
            assert!(
                self.connections.get(*slot).is_some_and(|connection| connection.queued),
                "queued by mistake"
            );
        }
        for (_, connection) in self.connections.iter().filter(|(_, connection)| !connection.queued) {
            check_waiting(connection, &self.now);
            connection.protocol.check(&self.shared);
        }
        let is_armed = |(slot, due)| self.connections.get(slot).is_some_and(|c| c.armed == Some(due));
        let will_fire = self.deadlines.iter().filter(|each| is_armed(*each)).count();
        let armed = self.connections.iter().filter(|(_, connection)| connection.armed.is_some()).count();
        assert!(will_fire >= armed, "a deadline was lost");
    }
}

/// Who is not queued has been refused by the kernel, whatever it wants; is watched for just
/// that; and is woken by a deadline, whatever happens.
fn check_waiting<P: Protocol, C: Stream>(connection: &Connection<P, C>, now: &Now) {
    let Connection { protocol, link, interest, armed, .. } = connection;
    let phase = protocol.phase();
    assert!(!matches!(phase, Phase::Closed | Phase::Aborted), "it is over, and still there");
    assert!(link.is_waiting(protocol), "it waits for what it could do: {phase:?}, {link:?}");
    let blocked = !protocol.send_queue().is_empty();
    // A socket that is watched for more wakes the loop for nothing (mio#1963).
    let is_watched = |writable, readable| {
        interest.is_some_and(|i| i.is_writable() == writable && i.is_readable() == readable)
    };
    assert!(is_watched(blocked, !blocked || protocol.wants_read()), "{interest:?}, blocked {blocked}");
    let latest = link.due(protocol) + GRANULARITY;
    let will_fire = armed.is_some_and(|armed| armed <= latest.max(now.instant));
    assert!(will_fire, "nothing wakes it at its deadline: {phase:?}, {link:?}, {armed:?} of {latest:?}");
}
