//! What bytes travel through: the trait, and TCP.

use std::fs::File;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;
use std::ops::Range;

use mio::net::TcpStream;

use crate::segment::{Maker, Segment, SendQueue};
use crate::sys::{self, SendFile};

/// A stream that never blocks: `WouldBlock` says that an event will follow.
pub trait Stream {
    /// Reads; 0 is the end.
    ///
    /// # Errors
    /// `WouldBlock`, or what ends the connection.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Whether a read that does not fill its buffer has taken all there was, so that an
    /// event will follow for whatever comes then. Where readiness is armed by `WouldBlock`
    /// alone, nothing else may be taken for it.
    fn short_read_empties(&self) -> bool {
        false
    }

    /// Sends some of the queue's front, at most `bytes_max`; returns how much. The
    /// queue is not changed: that is the protocol's business.
    ///
    /// # Errors
    /// `WouldBlock`; `UnexpectedEof` when a file is shorter than promised; else
    /// what ends the connection.
    fn send(&mut self, queue: &SendQueue, bytes_max: usize) -> io::Result<usize>;

    /// Whether sending some of the queue's front, at most `bytes_max`, would wait for a disk,
    /// or for who makes it.
    fn waits_for_disk(&self, _queue: &SendQueue, _bytes_max: usize) -> bool {
        false
    }

    /// Whether the peer has reset the connection. A turn that neither reads nor writes, as
    /// while the pool works, would not notice, and the work would be done for nobody.
    fn is_reset(&self) -> bool {
        false
    }

    /// Half-closes: tells the peer that this was all (RFC 9112 §9.6).
    ///
    /// # Errors
    /// When the connection is gone already.
    fn finish(&mut self) -> io::Result<()>;

    /// Makes closing reset the connection, so that a part is not taken for the whole.
    fn abort(&mut self);
}

/// So many pieces in memory go into one call.
const SLICES_MAX: usize = 64;

/// Files that the kernel cannot send itself go through a buffer of this size.
const COPY_BUFFER: usize = 64 * 1024;

impl Stream for TcpStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Read::read(self, buffer)
    }

    fn short_read_empties(&self) -> bool {
        sys::SHORT_READ_EMPTIES
    }

    fn send(&mut self, queue: &SendQueue, bytes_max: usize) -> io::Result<usize> {
        match queue.front() {
            Some(Segment::File { file, range }) => return send_range(self, file, range, bytes_max),
            Some(Segment::Made { maker, range }) => return send_made(self, &**maker, range, bytes_max),
            Some(Segment::Bytes(_)) | None => {}
        }
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        let count = queue.gather(&mut slices, bytes_max);
        // A head before its file, a last response before the end of the stream: the
        // kernel waits for what follows at once, and both travel in one packet.
        let more_follows = queue.len() > count || queue.ends();
        match &slices[..count] {
            slices if more_follows => sys::send_more(self, slices),
            [slice] => self.write(slice),
            slices => self.write_vectored(slices),
        }
    }

    fn waits_for_disk(&self, queue: &SendQueue, bytes_max: usize) -> bool {
        match queue.front() {
            Some(Segment::File { file, range }) => {
                let end = range.end.min(range.start.saturating_add(bytes_max as u64));
                !sys::is_at_hand(file, range.start..end)
            }
            // An error is there to be found by who sends.
            Some(Segment::Made { maker, range }) => matches!(maker.piece(range.start), Ok(None)),
            Some(Segment::Bytes(_)) | None => false,
        }
    }

    fn is_reset(&self) -> bool {
        let peeked = self.peek(&mut [0]);
        peeked.is_err_and(|error| !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted))
    }

    fn finish(&mut self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }

    fn abort(&mut self) {
        // Where it fails the peer sees an orderly end of a body that is too short for
        // its Content-Length: an error, too.
        sys::abort_on_close(self);
    }
}

/// Sends from a file: by the kernel, or through a buffer where it cannot.
fn send_range(
    socket: &mut TcpStream,
    file: &File,
    range: &Range<u64>,
    bytes_max: usize,
) -> io::Result<usize> {
    // What does not fit into usize is more than any budget.
    let length = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX).min(bytes_max);
    let sent = match sys::send_file(socket, file, range.start, length)? {
        SendFile::Sent(sent) => sent,
        SendFile::Unsupported => {
            let bytes = sys::read_range(file, range.start, length.min(COPY_BUFFER))?;
            if bytes.is_empty() { 0 } else { return socket.write(&bytes) }
        }
    };
    // The file has become shorter than its promised length (hazards R30).
    if sent == 0 { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(sent) }
}

/// Sends from a piece that was made.
fn send_made(
    socket: &mut TcpStream,
    maker: &dyn Maker,
    range: &Range<u64>,
    bytes_max: usize,
) -> io::Result<usize> {
    let piece = maker.piece(range.start)?.ok_or(ErrorKind::UnexpectedEof)?;
    // What does not fit into usize is more than any piece.
    let wanted = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
    socket.write(&piece[..piece.len().min(wanted).min(bytes_max)])
}
