//! Several parts of a file in one body: `multipart/byteranges` (RFC 9110 §14.6).
//!
//! Pure: ranges in, segments out. Heads are in memory, some hundred bytes for each part;
//! the data are whatever segments the caller makes of a range, so nothing of a file is
//! ever copied here, and the length is known before any of it is read.

use std::fmt::{self, Display, Write};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::http::Body;
use crate::http::fields::is_field_value;
use crate::segment::Segment;

/// What stands between the parts of one response, and must not be found in any of them.
///
/// 32 hexadecimal digits, so that it needs no quotes: some clients stumble over those
/// (§14.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Boundary(u128);

impl Display for Boundary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Makes boundaries; clones go on with the same sequence.
///
/// No file can be made to contain the boundary that it will be sent with. It is a keyed
/// digest of a counter: who has seen all those before, and can write files here, still
/// cannot tell the next one. By chance it is in a file of any size with a probability
/// that nobody will live to see (2⁻¹²⁸ for each byte).
#[derive(Clone, Debug)]
pub struct Boundaries {
    key: [u8; 16],
    used: Arc<AtomicU64>,
}

impl Default for Boundaries {
    /// With a key of this process's own: the same source of randomness that keeps hash
    /// tables from being attacked.
    fn default() -> Self {
        let random = || RandomState::new().hash_one(0_u8).to_be_bytes();
        let mut key = [0; 16];
        key[..8].copy_from_slice(&random());
        key[8..].copy_from_slice(&random());
        Boundaries::keyed(key)
    }
}

impl Boundaries {
    /// With a given key: the same key makes the same sequence.
    pub fn keyed(key: [u8; 16]) -> Self {
        Boundaries { key, used: Arc::default() }
    }

    /// One that was never used before.
    pub fn next(&self) -> Boundary {
        let count = self.used.fetch_add(1, Ordering::Relaxed);
        let digest = Sha256::new().chain_update(self.key).chain_update(count.to_be_bytes()).finalize();
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        Boundary(u128::from_be_bytes(half))
    }
}

/// The parts of a file of so many bytes, and what stands around them.
#[derive(Clone, Debug)]
pub struct Multipart {
    parts: Vec<Range<u64>>,
    boundary: Boundary,
    /// The head of each part, and the end of all.
    frame: Bytes,
    /// Where each head ends in `frame`.
    heads_end: Vec<usize>,
}

impl Multipart {
    /// These parts, in this order, of `length` bytes of that media type.
    ///
    /// None if that would not be shorter than the whole (R34): then it is better to send
    /// that.
    pub fn new(
        parts: Vec<Range<u64>>,
        length: u64,
        media_type: &str,
        boundary: Boundary,
    ) -> Option<Multipart> {
        // A head is no place to split, either (R21).
        if !is_field_value(media_type.as_bytes()) {
            return None;
        }
        let mut frame = String::with_capacity(parts.len() * (120 + media_type.len()) + 40);
        let mut heads_end = Vec::with_capacity(parts.len());
        for part in &parts {
            // The line end before a delimiter belongs to it (RFC 2046 §5.1.1); before the
            // first there is nothing that it could end.
            let line_end = if heads_end.is_empty() { "" } else { "\r\n" };
            let last = part.end.checked_sub(1)?;
            // Writing to memory cannot fail.
            let _ = write!(
                frame,
                "{line_end}--{boundary}\r\nContent-Type: {media_type}\r\n\
                 Content-Range: bytes {}-{last}/{length}\r\n\r\n",
                part.start
            );
            heads_end.push(frame.len());
        }
        let _ = write!(frame, "\r\n--{boundary}--\r\n");
        let multipart = Multipart { parts, boundary, frame: frame.into(), heads_end };
        let saved = length.checked_sub(multipart.data_len())?;
        ((multipart.frame.len() as u64) < saved).then_some(multipart)
    }

    /// Content-Type of the whole.
    pub fn content_type(&self) -> impl Display + use<> {
        struct ContentType(Boundary);
        impl Display for ContentType {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "multipart/byteranges; boundary={}", self.0)
            }
        }
        ContentType(self.boundary)
    }

    /// How many bytes of the file it contains.
    pub fn data_len(&self) -> u64 {
        self.parts.iter().map(|part| part.end.saturating_sub(part.start)).sum()
    }

    /// The body; `data` makes the segment of a range, or says by None that it is not there.
    ///
    /// # Errors
    /// Those of `data`.
    pub fn body(
        &self,
        mut data: impl FnMut(&Range<u64>) -> io::Result<Option<Segment>>,
    ) -> io::Result<Option<Body>> {
        let mut segments = Vec::with_capacity(self.parts.len() * 2 + 1);
        let mut start = 0;
        for (part, &end) in self.parts.iter().zip(&self.heads_end) {
            let Some(segment) = data(part)? else { return Ok(None) };
            segments.push(Segment::Bytes(self.frame.slice(start..end)));
            segments.push(segment);
            start = end;
        }
        segments.push(Segment::Bytes(self.frame.slice(start..)));
        Ok(Some(Body::Many(segments)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: [u8; 16] = *b"0123456789abcdef";

    fn boundary() -> Boundary {
        Boundaries::keyed(KEY).next()
    }

    fn bytes(file: &[u8], multipart: &Multipart) -> Vec<u8> {
        let whole = Bytes::copy_from_slice(file);
        let body = multipart
            .body(|part| Ok(Some(Segment::Bytes(whole.slice(part.start as usize..part.end as usize)))))
            .unwrap()
            .unwrap();
        let mut out = Vec::new();
        for segment in body.segments() {
            let Segment::Bytes(bytes) = segment else { panic!("not in memory") };
            out.extend_from_slice(bytes);
        }
        assert_eq!(out.len() as u64, body.len());
        out
    }

    #[test]
    fn the_parts_stand_between_delimiters_and_say_what_they_are() {
        let file: Vec<u8> = (b'a'..=b'z').cycle().take(1000).collect();
        let multipart = Multipart::new(vec![26..30, 0..3], 1000, "text/plain", Boundary(0xabc)).unwrap();
        let boundary = "00000000000000000000000000000abc";
        let expected = format!(
            "--{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 26-29/1000\r\n\r\nabcd\r\n\
             --{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-2/1000\r\n\r\nabc\r\n\
             --{boundary}--\r\n"
        );
        assert_eq!(String::from_utf8(bytes(&file, &multipart)).unwrap(), expected);
        assert_eq!(
            multipart.content_type().to_string(),
            format!("multipart/byteranges; boundary={boundary}")
        );
    }

    #[test]
    fn what_would_not_be_shorter_than_the_whole_is_not_made() {
        // The frame of two parts of three-digit files, and 20 bytes of data.
        let make = |length| Multipart::new(vec![0..10, 50..60], length, "a/b", boundary());
        let size = bytes(&[0; 999], &make(999).unwrap()).len() as u64;
        assert!((200..300).contains(&size), "{size}");
        assert!(make(size).is_none());
        assert_eq!(bytes(&[0; 999], &make(size + 1).unwrap()).len() as u64, size);
        assert!(Multipart::new(vec![0..1, 9..10], 10, "a/b", boundary()).is_none());
    }

    /// R21.
    #[test]
    fn a_media_type_cannot_add_fields() {
        assert!(Multipart::new(vec![0..1, 9..10], 9999, "a/b\r\nX: y", boundary()).is_none());
    }

    #[test]
    fn data_that_are_not_there_make_no_body_and_errors_are_passed_on() {
        let multipart = Multipart::new(vec![0..1, 9..10], 9999, "a/b", boundary()).unwrap();
        assert!(multipart.body(|_| Ok(None)).unwrap().is_none());
        assert!(multipart.body(|_| Err(io::Error::other("no"))).is_err());
    }

    #[test]
    fn no_boundary_comes_twice_and_none_is_the_same_in_another_process() {
        let (first, second) = (Boundaries::keyed(KEY), Boundaries::default());
        let clone = first.clone();
        let mut all: Vec<String> = (0..100)
            .flat_map(|_| [first.next(), clone.next(), second.next(), Boundaries::default().next()])
            .map(|boundary| boundary.to_string())
            .collect();
        assert!(all.iter().all(|boundary| boundary.len() == 32));
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 400);
        // A key decides all that follows.
        assert_eq!(Boundaries::keyed(KEY).next(), Boundaries::keyed(KEY).next());
    }

    proptest! {
        #[test]
        fn the_length_is_known_and_the_parts_are_found_again(
            cuts in prop::collection::btree_set(0_u64..5000, 4..12),
            reversed: bool,
        ) {
            let file: Vec<u8> = (0..5000_u32).map(|i| (i * i / 7 + i) as u8).collect();
            let cuts: Vec<u64> = cuts.into_iter().collect();
            let mut parts: Vec<_> = cuts.chunks_exact(2).map(|pair| pair[0]..pair[1]).collect();
            if reversed {
                parts.reverse();
            }
            let boundary = boundary();
            let Some(multipart) = Multipart::new(parts.clone(), 5000, "a/b", boundary) else { return Ok(()) };
            let bytes = bytes(&file, &multipart);
            prop_assert!(bytes.len() < 5000);
            let mut rest = &bytes[..];
            for part in &parts {
                let head = format!(
                    "--{boundary}\r\nContent-Type: a/b\r\nContent-Range: bytes {}-{}/5000\r\n\r\n",
                    part.start, part.end - 1
                );
                let data = &file[part.start as usize..part.end as usize];
                rest = rest.strip_prefix(head.as_bytes()).unwrap().strip_prefix(data).unwrap();
                rest = rest.strip_prefix(b"\r\n").unwrap();
            }
            prop_assert_eq!(rest, &format!("--{boundary}--\r\n").into_bytes()[..]);
        }
    }
}
