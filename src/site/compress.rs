//! Compression of files, once for each version, away from the loop (behaviour, section 6).
//!
//! It is made twice, quickly first, then as small as it can be. What is being made, or was
//! found to be of no use, is remembered like what is ready, so nobody begins it again.

use std::io;

use bytes::Bytes;

use super::coded::CodedFile;
use super::derived::{Coded, Derived};
use super::digests;
use super::files::{Content, OpenFile};
use crate::codec::{self, Format, Level};
use crate::http::coding::Coding;
use crate::http::{Preparation, SafePath};
use crate::sys;

/// A coded form that is not a twentieth smaller is not worth the client's time.
const WORTH: u64 = 20;

/// Compression of one file.
pub(super) struct Work<'a> {
    /// Where it is remembered.
    pub derived: &'a Derived,
    /// Under which path the file lies.
    pub path: &'a SafePath,
    /// The file.
    pub file: &'a OpenFile,
}

impl Work<'_> {
    /// What has been made; if nobody is at it yet, somebody will be, if that is `wanted`.
    pub fn made(&self, format: Format, wanted: bool) -> Option<CodedFile> {
        let (ready, is_new) = self.derived.with(self.path.as_bytes(), self.file.version, |entry| {
            let coded = &mut entry.coded[format.index()];
            match coded {
                Coded::Ready(bytes, digest) => (Some((bytes.clone(), *digest)), false),
                Coded::Making | Coded::Useless => (None, false),
                Coded::Unknown if wanted => {
                    *coded = Coded::Making;
                    (None, true)
                }
                Coded::Unknown => (None, false),
            }
        });
        if is_new {
            let task = self.task(format);
            let derived = self.derived.clone();
            // When there is no room, the task is dropped, and says so itself.
            let _ = derived.in_background(Box::new(move || task.run()));
        }
        ready.map(|(bytes, digest)| CodedFile {
            coding: Coding::from(format),
            len: bytes.len() as u64,
            content: Content::Memory(bytes),
            sibling: None,
            digest: Some(digest),
        })
    }

    /// For a client that takes nothing else: makes it while it waits. None if it has been
    /// found to be of no use, or would be forgotten at once.
    pub fn at_once(&self, format: Format) -> Option<Preparation> {
        let is_useless = self.derived.with(self.path.as_bytes(), self.file.version, |entry| {
            matches!(entry.coded[format.index()], Coded::Useless)
        });
        let is_of_use = !is_useless && self.derived.can_remember(self.path.as_bytes());
        let task = self.task(format);
        is_of_use.then(|| -> Preparation { Box::new(move || task.run()) })
    }

    fn task(&self, format: Format) -> Task {
        Task {
            derived: self.derived.clone(),
            path: self.path.clone(),
            file: self.file.clone(),
            format,
            level: Level::Fast,
            is_done: false,
        }
    }
}

/// Compression that is going to be done. However it ends, another request can try again.
struct Task {
    derived: Derived,
    path: SafePath,
    file: OpenFile,
    format: Format,
    level: Level,
    is_done: bool,
}

impl Task {
    fn run(mut self) {
        // Many may have waited for the same.
        let is_known = self.derived.with(self.path.as_bytes(), self.file.version, |entry| {
            matches!(entry.coded[self.format.index()], Coded::Ready(..) | Coded::Useless)
        });
        if is_known && self.level == Level::Fast {
            return;
        }
        let Ok(coded) = self.encode() else { return };
        self.is_done = true;
        let coded = coded.map(|coded| (digests::of(&coded), coded));
        let is_first = self.derived.with(self.path.as_bytes(), self.file.version, |entry| {
            let slot = &mut entry.coded[self.format.index()];
            let is_first = !matches!(slot, Coded::Ready(..) | Coded::Useless);
            match (&slot, coded) {
                // Only what is better takes the place of what is there.
                (Coded::Ready(known, _), Some((_, coded))) if known.len() <= coded.len() => {}
                (Coded::Ready(..), None) => {}
                (_, Some((digest, coded))) => *slot = Coded::Ready(coded, digest),
                (_, None) => *slot = Coded::Useless,
            }
            is_first
        });
        // Of those that were at it at the same time one sees to a better form.
        if self.level == Level::Fast && is_first {
            let best = Task {
                derived: self.derived.clone(),
                path: self.path.clone(),
                file: self.file.clone(),
                format: self.format,
                level: Level::Best,
                // Nobody waits for a better one.
                is_done: true,
            };
            let _ = self.derived.in_background(Box::new(move || best.run()));
        }
    }

    /// The coded form; `None` if it is not worth it.
    ///
    /// # Errors
    /// If the file cannot be read, or is not what it was any more.
    fn encode(&self) -> io::Result<Option<Bytes>> {
        // At most COMPRESS_MAX, so it fits.
        let content = self.file.content.read(0, self.file.len as usize)?;
        let is_same = match &self.file.content {
            Content::Disk(file) => sys::version_of(file)? == self.file.version,
            Content::Memory(_) => true,
        };
        if content.len() as u64 != self.file.len || !is_same {
            return Err(io::Error::other("the file has changed"));
        }
        let coded = codec::encode(self.format, self.level, &content)?;
        let is_worth_it = coded.len() as u64 + self.file.len / WORTH <= self.file.len;
        Ok((is_worth_it && self.derived.has_room_for(coded.len())).then(|| coded.into()))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if !self.is_done {
            self.derived.with(self.path.as_bytes(), self.file.version, |entry| {
                let slot = &mut entry.coded[self.format.index()];
                if matches!(slot, Coded::Making) {
                    *slot = Coded::Unknown;
                }
            });
        }
    }
}
