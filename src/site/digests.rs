//! Digests of content: for entity tags where time stamps say nothing, and for clients
//! that want to check what they got (`Repr-Digest`, RFC 9530).
//!
//! A digest is made once for each version of a file, away from the loop, and remembered
//! ([`super::derived`]). It is never made of a file that could be written again without a
//! trace, for then it would be remembered for the wrong content.

use std::io::{self, Read};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};

use super::derived::{Derived, Digest};
use super::files::{Content, OpenFile};
use crate::clock::Now;
use crate::http::{Preparation, RequestFields, SafePath};
use crate::sys;

/// Content in memory up to this size is digested at once: a fraction of a millisecond.
const SMALL: usize = 64 * 1024;

/// For a digest of more than this nobody waits: some seconds of a disk. It is there for
/// the requests after.
const AWAITED_MAX: u64 = 256 * 1024 * 1024;

const BUFFER: usize = 64 * 1024;

/// What is known of the digest of a file.
pub(super) enum Known {
    /// This is it.
    Digest(Digest),
    /// It has to be made first.
    After(Preparation),
    /// Not now.
    Nothing,
}

impl Known {
    /// The digest, if there is one now.
    ///
    /// # Errors
    /// What has to be done first.
    pub fn ready(self) -> Result<Option<Digest>, Preparation> {
        match self {
            Known::Digest(digest) => Ok(Some(digest)),
            Known::Nothing => Ok(None),
            Known::After(preparation) => Err(preparation),
        }
    }
}

/// The digest of a file as it is.
pub(super) fn of_file(derived: &Derived, path: &SafePath, file: &OpenFile, now: &Now) -> Known {
    if !file.version.is_settled(now.system) {
        // What is in memory cannot change; only to remember it would be wrong.
        return of_small(&file.content).map_or(Known::Nothing, Known::Digest);
    }
    if let Some(digest) = derived.with(path.as_bytes(), file.version, |entry| entry.digest) {
        return Known::Digest(digest);
    }
    if let Some(digest) = of_small(&file.content) {
        derived.with(path.as_bytes(), file.version, |entry| entry.digest = Some(digest));
        return Known::Digest(digest);
    }
    if !derived.can_remember(path.as_bytes()) {
        return Known::Nothing;
    }
    let (theirs, path, file) = (derived.clone(), path.clone(), file.clone());
    let is_awaited = file.len <= AWAITED_MAX;
    let make = Box::new(move || {
        // Many may have asked for it before it was there.
        let is_there = theirs.with(path.as_bytes(), file.version, |entry| entry.digest.is_some());
        if !is_there && let Ok(digest) = read(&file) {
            theirs.with(path.as_bytes(), file.version, |entry| entry.digest = Some(digest));
        }
    });
    if is_awaited {
        return Known::After(make);
    }
    // Without room for it there will be another request.
    let _ = derived.in_background(make);
    Known::Nothing
}

/// The digest of bytes, however many.
pub(super) fn of(bytes: &[u8]) -> Digest {
    Sha256::digest(bytes).into()
}

/// The digest of a short content in memory.
fn of_small(content: &Content) -> Option<Digest> {
    match content {
        Content::Memory(bytes) if bytes.len() <= SMALL => Some(of(bytes)),
        Content::Memory(_) | Content::Disk(_) => None,
    }
}

/// Reads a file to its end, which must be where its version says, in that version.
fn read(file: &OpenFile) -> io::Result<Digest> {
    let (mut reader, mut hasher, mut buffer) = (file.content.reader(), Sha256::new(), vec![0; BUFFER]);
    let mut left = file.len;
    loop {
        let count = reader.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        left = left.checked_sub(count as u64).ok_or(io::ErrorKind::InvalidData)?;
        hasher.update(&buffer[..count]);
    }
    let is_same = match &file.content {
        Content::Disk(open) => sys::version_of(open)? == file.version,
        Content::Memory(_) => true,
    };
    if left > 0 || !is_same {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(hasher.finalize().into())
}

/// Whether a client wants the SHA-256 of the representation (`Want-Repr-Digest`, RFC 9530
/// §4): a preference above 0, among those of other algorithms.
pub(super) fn is_wanted(fields: RequestFields<'_>) -> bool {
    fields.members("want-repr-digest").any(|member| {
        let mut parts = member.splitn(2, |&b| b == b'=');
        let name = parts.next().unwrap_or_default().trim_ascii();
        let preference = parts.next().unwrap_or_default().trim_ascii();
        name == b"sha-256" && matches!(preference, [b'1'..=b'9'] | b"10")
    })
}

/// The value of `Repr-Digest` (RFC 9530 §3): a byte sequence of a structured field.
pub(super) fn field_value(digest: &Digest) -> String {
    format!("sha-256=:{}:", BASE64_STANDARD.encode(digest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::fields::FieldLine;

    #[test]
    fn a_digest_is_wanted_by_name_and_with_a_preference() {
        for (value, expected) in [
            ("sha-256=10", true),
            ("sha-512=3, sha-256=1", true),
            ("sha-256 = 5", true),
            ("sha-256=0", false),
            ("sha-256=11", false),
            ("sha-256", false),
            ("sha-512=10", false),
            ("", false),
        ] {
            let line = [FieldLine { name: "Want-Repr-Digest", value: value.as_bytes() }];
            assert_eq!(is_wanted(RequestFields::new(&line)), expected, "{value}");
        }
    }

    #[test]
    fn the_value_is_that_of_the_standard() {
        // RFC 9530, Appendix D: of `{"hello": "world"}` and a line feed.
        let digest = Sha256::digest(b"{\"hello\": \"world\"}\n").into();
        assert_eq!(field_value(&digest), "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:");
    }
}
