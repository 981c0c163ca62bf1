//! What part of a representation is sent, as status, fields and segments.

use std::fmt;
use std::io;
use std::ops::Range;

use super::files::Content;
use super::multipart::Multipart;
use crate::http::{Body, Response, Slice, Status};
use crate::segment::Segment;

/// Bodies up to this size are read at once and sent together with their head: one
/// `read` and one `writev` cost less than `sendfile` and the packet of its own.
const SMALL: u64 = 32 * 1024;

/// What is sent of a file.
pub(super) enum Portion {
    /// All of it: 200.
    Whole,
    /// One range of it: 206.
    Part(Range<u64>),
    /// Several ranges of it: 206.
    Parts(Multipart),
}

/// Which part it is, and of how many bytes (RFC 9110 §14.4).
pub(super) struct ContentRange {
    /// The part, which is not empty.
    pub part: Range<u64>,
    /// The length of the whole.
    pub len: u64,
}

impl fmt::Display for ContentRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bytes {}-{}/{}", self.part.start, self.part.end.saturating_sub(1), self.len)
    }
}

impl Portion {
    /// The status of the response.
    pub fn status(&self) -> Status {
        match self {
            Portion::Whole => Status::Ok,
            Portion::Part(_) | Portion::Parts(_) => Status::PartialContent,
        }
    }

    /// The same, for who counts what a client has had of `len` bytes.
    pub fn slice(&self, len: u64) -> Option<Slice> {
        match self {
            Portion::Whole => Some(Slice::new(0, len)),
            Portion::Part(range) => Some(Slice::new(range.start, len)),
            Portion::Parts(_) => None,
        }
    }

    /// What kind of bytes these are. Of several parts each says itself which they are,
    /// and the head must not (RFC 9110 §15.3.7.2).
    pub fn describe(&self, response: &mut Response, media_type: &str, len: u64) {
        match self {
            Portion::Whole => response.fields.push("Content-Type", media_type),
            Portion::Part(part) => {
                response.fields.push("Content-Type", media_type);
                response.fields.push("Content-Range", ContentRange { part: part.clone(), len });
            }
            Portion::Parts(multipart) => response.fields.push("Content-Type", multipart.content_type()),
        }
    }

    /// The body; None when the file does not have the bytes that it claims, or claims to
    /// be empty and is not.
    pub fn body(&self, content: &Content, len: u64) -> io::Result<Option<Body>> {
        match self {
            Portion::Whole if len == 0 => Ok(content.read(0, 1)?.is_empty().then_some(Body::Empty)),
            Portion::Whole => Ok(piece(content, &(0..len), len <= SMALL)?.map(Body::One)),
            Portion::Part(part) => Ok(piece(content, part, part.end - part.start <= SMALL)?.map(Body::One)),
            // Together, so that no list of ranges has more in memory than a small file.
            Portion::Parts(multipart) => {
                let is_small = multipart.data_len() <= SMALL;
                multipart.body(|part| piece(content, part, is_small))
            }
        }
    }
}

/// A range of a file, read at once if it is small and no disk makes anyone wait; None when
/// not all of it is there.
fn piece(content: &Content, part: &Range<u64>, is_small: bool) -> io::Result<Option<Segment>> {
    if !is_small || !content.is_at_hand(part) {
        return Ok(Some(content.segment(part.clone())));
    }
    let length = part.end - part.start;
    // At most SMALL, so it fits.
    let bytes = content.read(part.start, length as usize)?;
    Ok((bytes.len() as u64 == length).then_some(Segment::Bytes(bytes)))
}
