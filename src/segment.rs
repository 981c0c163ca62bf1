//! Floor 1: what is still to be sent, as a queue of memory and file pieces.
//!
//! A body is never one large buffer: it is a list of [`Segment`]s, and the list
//! knows its length before its first byte is sent. The queue only counts; it
//! never reads a file and never writes to a socket.

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io::{self, IoSlice};
use std::mem;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Buf, Bytes};

/// A piece of a response.
#[derive(Clone, Debug)]
pub enum Segment {
    /// Bytes in memory.
    Bytes(Bytes),
    /// A range of an open file, sent by the kernel where it can.
    File {
        /// Shared, because several ranges of one file may wait in one queue.
        file: Arc<File>,
        /// Bytes of the file, end exclusive.
        range: Range<u64>,
    },
    /// A range of what is made while it is sent, piece by piece.
    Made {
        /// Who makes it.
        maker: Arc<dyn Maker>,
        /// Bytes of all that could be made, end exclusive.
        range: Range<u64>,
    },
}

/// Bytes that have a place and a number before they are made, and are made a piece at a time
/// by whoever may wait for it.
pub trait Maker: fmt::Debug + Send + Sync {
    /// Makes the piece that begins at `start`, and forgets the one before; or does some of
    /// what that takes, and is to be called again. It may be slow, and is not for a loop. What
    /// goes wrong is told by [`Maker::piece`].
    fn make(&self, start: u64);

    /// What is made already of the bytes from `start` on, at least one; None before
    /// [`Maker::make`] has made it.
    ///
    /// # Errors
    /// When these bytes cannot be had: whoever sends must break off.
    fn piece(&self, start: u64) -> io::Result<Option<Bytes>>;
}

impl Segment {
    /// Length in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Segment::Bytes(bytes) => bytes.len() as u64,
            Segment::File { range, .. } | Segment::Made { range, .. } => {
                range.end.saturating_sub(range.start)
            }
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops the last `n` bytes; `n` is at most the length.
    fn shorten(&mut self, n: u64) {
        match self {
            // As below.
            Segment::Bytes(bytes) => bytes.truncate(bytes.len().saturating_sub(n as usize)),
            Segment::File { range, .. } | Segment::Made { range, .. } => {
                range.end = range.end.saturating_sub(n).max(range.start);
            }
        }
    }

    /// Drops the first `n` bytes; `n` is at most the length.
    fn advance(&mut self, n: u64) {
        match self {
            // A segment in memory is never longer than memory, so `n` fits.
            Segment::Bytes(bytes) => bytes.advance((n as usize).min(bytes.len())),
            Segment::File { range, .. } | Segment::Made { range, .. } => {
                range.start = range.start.saturating_add(n).min(range.end)
            }
        }
    }
}

/// The segments that a connection has yet to send, oldest first.
///
/// Invariant: `pushed - sent` is the sum of the lengths of the segments, and no
/// segment is empty.
///
/// ```
/// use serve::segment::{Segment, SendQueue};
/// let mut queue = SendQueue::default();
/// queue.push(Segment::Bytes("HTTP".into()));
/// queue.advance(3);
/// assert_eq!((queue.pushed(), queue.sent(), queue.remaining()), (4, 3, 1));
/// ```
#[derive(Debug, Default)]
pub struct SendQueue {
    segments: VecDeque<Segment>,
    pushed: u64,
    sent: u64,
    ends: bool,
}

/// Memory for one queue after the other: who waits for a request needs none, and there are
/// many who do.
#[derive(Debug, Default)]
pub struct Room(VecDeque<Segment>);

/// A room for more segments than this is not kept: that many are rare.
const ROOM_MAX: usize = 64;

impl SendQueue {
    /// Takes the room, if it has none of its own.
    pub fn enter(&mut self, room: &mut Room) {
        if self.segments.capacity() == 0 {
            mem::swap(&mut self.segments, &mut room.0);
        }
    }

    /// Leaves its room to the next, once it is empty.
    pub fn leave(&mut self, room: &mut Room) {
        if self.segments.is_empty() && self.segments.capacity() > 0 {
            let left = mem::take(&mut self.segments);
            if left.capacity() <= ROOM_MAX {
                room.0 = left;
            }
        }
    }

    /// Appends a segment; empty ones are dropped.
    pub fn push(&mut self, segment: Segment) {
        if !segment.is_empty() {
            self.pushed += segment.len();
            self.segments.push_back(segment);
        }
    }

    /// Drops what lies behind a position, as if it had never been pushed. What is sent is
    /// sent: that cannot be dropped.
    pub fn truncate(&mut self, position: u64) {
        let position = position.max(self.sent);
        while self.pushed > position {
            let Some(back) = self.segments.back_mut() else { return };
            let cut = back.len().min(self.pushed - position);
            back.shorten(cut);
            self.pushed -= cut;
            if back.is_empty() {
                self.segments.pop_back();
            }
        }
    }

    /// Says that nothing will be pushed any more: the stream ends behind what waits,
    /// so that a stream may send its end together with the last bytes.
    pub fn end(&mut self) {
        self.ends = true;
    }

    /// Whether the stream ends behind what waits.
    pub fn ends(&self) -> bool {
        self.ends
    }

    /// Bytes ever pushed: the position at which the next segment will begin.
    pub fn pushed(&self) -> u64 {
        self.pushed
    }

    /// Bytes ever sent.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Bytes waiting.
    pub fn remaining(&self) -> u64 {
        self.pushed - self.sent
    }

    /// Whether all that was pushed is sent.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// The oldest segment.
    pub fn front(&self) -> Option<&Segment> {
        self.segments.front()
    }

    /// Fills `slices` with the run of memory segments at the front, `bytes_max` bytes at
    /// most, for one `writev`; returns how many slices. Zero: empty, or a file comes first.
    pub fn gather<'a>(&'a self, slices: &mut [IoSlice<'a>], bytes_max: usize) -> usize {
        let (mut count, mut left) = (0, bytes_max);
        for (slot, segment) in slices.iter_mut().zip(&self.segments) {
            let Segment::Bytes(bytes) = segment else { break };
            if left == 0 {
                break;
            }
            let taken = bytes.len().min(left);
            *slot = IoSlice::new(&bytes[..taken]);
            left -= taken;
            count += 1;
        }
        count
    }

    /// How many segments wait.
    pub fn len(&self) -> usize {
        self.segments.len()
    }

    /// Records that `n` bytes are with the kernel. More than wait are ignored.
    pub fn advance(&mut self, n: u64) {
        let mut left = n.min(self.remaining());
        self.sent += left;
        while left > 0 {
            let Some(front) = self.segments.front_mut() else { return };
            let length = front.len();
            if left < length {
                front.advance(left);
                return;
            }
            left -= length;
            self.segments.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_room_serves_one_queue_after_the_other() {
        let (mut room, mut first, mut second) = (Room::default(), SendQueue::default(), SendQueue::default());
        let fill = |queue: &mut SendQueue, count| {
            (0..count).for_each(|_| queue.push(Segment::Bytes("x".into())));
        };
        fill(&mut first, 3);
        let capacity = first.segments.capacity();
        first.leave(&mut room);
        assert_eq!((first.len(), room.0.capacity()), (3, 0), "it is not empty yet");
        first.advance(3);
        first.leave(&mut room);
        assert_eq!((first.segments.capacity(), room.0.capacity()), (0, capacity));
        second.enter(&mut room);
        assert_eq!((second.segments.capacity(), room.0.capacity()), (capacity, 0));
        fill(&mut second, ROOM_MAX + 1);
        second.advance(ROOM_MAX as u64 + 1);
        second.leave(&mut room);
        assert_eq!((second.segments.capacity(), room.0.capacity()), (0, 0), "too large to be kept");
        assert_eq!((second.pushed(), second.sent()), (ROOM_MAX as u64 + 1, ROOM_MAX as u64 + 1));
    }

    proptest! {
        #[test]
        fn the_queue_adds_up(sizes in prop::collection::vec(0usize..50, 0..20), steps in prop::collection::vec(0u64..80, 0..40)) {
            let mut queue = SendQueue::default();
            let mut expected = Vec::new();
            for (i, size) in sizes.iter().enumerate() {
                let bytes = vec![i as u8; *size];
                expected.extend_from_slice(&bytes);
                queue.push(Segment::Bytes(bytes.into()));
            }
            let mut out = Vec::new();
            for step in steps {
                let mut slices = [IoSlice::new(&[]); 4];
                let count = queue.gather(&mut slices, step as usize);
                let flat: Vec<u8> = slices.iter().take(count).flat_map(|s| s.to_vec()).collect();
                let n = flat.len() as u64;
                prop_assert!(n == step.min(queue.remaining()) || (count == 4 && n < step));
                out.extend_from_slice(&flat[..n as usize]);
                queue.advance(n);
                prop_assert_eq!(queue.pushed() - queue.sent(), queue.remaining());
                prop_assert_eq!(queue.remaining(), queue.segments.iter().map(Segment::len).sum::<u64>());
                prop_assert_eq!(queue.is_empty(), queue.remaining() == 0);
            }
            prop_assert_eq!(&expected[..out.len()], &out[..]);
        }
    }

    proptest! {
        #[test]
        fn what_lies_behind_a_position_is_dropped(
            sizes in prop::collection::vec(0usize..50, 0..20), sent in 0u64..300, position in 0u64..600,
        ) {
            let mut queue = SendQueue::default();
            sizes.iter().for_each(|size| queue.push(Segment::Bytes(vec![0; *size].into())));
            queue.advance(sent);
            let (sent, pushed) = (queue.sent(), queue.pushed());
            queue.truncate(position);
            prop_assert_eq!(queue.sent(), sent);
            prop_assert_eq!(queue.pushed(), position.clamp(sent, pushed));
            prop_assert_eq!(queue.remaining(), queue.segments.iter().map(Segment::len).sum::<u64>());
            prop_assert!(queue.segments.iter().all(|segment| !segment.is_empty()));
        }
    }

    #[test]
    fn more_than_waits_is_never_counted_as_sent() {
        let mut queue = SendQueue::default();
        queue.push(Segment::Bytes("abc".into()));
        queue.advance(10);
        assert_eq!((queue.sent(), queue.remaining(), queue.len()), (3, 0, 0));
    }
}
