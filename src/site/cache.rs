//! Small files in memory, as long as they are the files that lie there.
//!
//! A cache that may be stale is no use to somebody who has just saved a file, so this
//! one asks at every request: one `stat` by name, and the content is sent only if the
//! file of that name is in the very state in which it was read. That costs a fifth of
//! opening, reading and closing it. What this cannot find out, it does not remember:
//!
//! - A file that has only just been written may be written again without a trace in its
//!   time stamps; it is remembered once it is [settled](Version::is_settled).
//! - The question is not contained beneath the root, as an open is. A name that leads to
//!   the same file in another way, through a link that is new, would pass; so each file
//!   is opened anew once in ten seconds.
//! - Where asking costs as much as opening (Windows), nothing is remembered at all.
//!
//! What is written through a memory map leaves its trace only when the system writes the
//! page back (mmap(2)); until then the old content may be sent.

use std::io;
use std::time::{Duration, Instant};

use hashlink::LruCache;

use super::files::{Content, FileSystem, Keep, Lister, Node, OpenFile};
use crate::clock::Now;
use crate::http::SafePath;
use crate::sys::Version;

/// Larger files are opened each time: reading them into memory would push out many small
/// ones, next to their bytes an open costs little, and from about 100 KiB on `sendfile`
/// costs less than sending from memory.
const FILE_MAX: u64 = 96 * 1024;

/// How long the way to a file is taken for granted. The content never is. Short enough
/// for who changes links, and long enough that ten thousand files asked for in turn are
/// not opened all the time.
const PROOF_INTERVAL: Duration = Duration::from_secs(10);

/// What an entry costs beside its name and content, roughly.
const OVERHEAD: usize = 256;

/// A file system that remembers what it reads of another. One for each loop.
pub struct Cached<F> {
    inner: F,
    /// By path; the one that was used last comes last.
    files: LruCache<Vec<u8>, Remembered>,
    bytes: usize,
    bytes_max: usize,
}

/// A file whose content is in memory.
struct Remembered {
    file: OpenFile,
    /// When it was last opened.
    proven: Instant,
}

impl<F: FileSystem> Cached<F> {
    /// Remembers files of `inner` in up to `bytes_max` bytes; with 0 nothing.
    pub fn new(inner: F, bytes_max: usize) -> Self {
        Cached { inner, files: LruCache::new_unbounded(), bytes: 0, bytes_max }
    }

    /// The file of that name, if it is known and the same still.
    fn recall(&mut self, path: &SafePath, now: &Now) -> Option<OpenFile> {
        let known = self.files.get(path.as_bytes())?;
        let is_proven = now.instant.saturating_duration_since(known.proven) < PROOF_INTERVAL;
        (is_proven && self.inner.version(path, now) == Some(known.file.version)).then(|| known.file.clone())
    }

    /// Remembers what was opened, if it is worth it, and forgets what was there before.
    fn remember(&mut self, path: &SafePath, file: OpenFile, now: &Now) -> io::Result<OpenFile> {
        if let Some(known) = self.files.get_mut(path.as_bytes())
            && known.file.version == file.version
        {
            known.proven = now.instant;
            return Ok(known.file.clone());
        }
        self.forget(path);
        let cost = OVERHEAD + path.as_bytes().len() + usize::try_from(file.len).unwrap_or(usize::MAX);
        let is_small = (1..=FILE_MAX).contains(&file.len) && cost <= self.bytes_max;
        if !is_small
            || !file.version.is_settled(now.system)
            || self.inner.version(path, now) != Some(file.version)
        {
            return Ok(file);
        }
        // At most FILE_MAX, so it fits.
        let bytes = file.content.read(0, file.len as usize)?;
        if bytes.len() as u64 != file.len {
            return Ok(file);
        }
        let file = OpenFile { content: Content::Memory(bytes), ..file };
        self.files.insert(path.as_bytes().to_vec(), Remembered { file: file.clone(), proven: now.instant });
        self.bytes += cost;
        while self.bytes > self.bytes_max
            && let Some((path, known)) = self.files.remove_lru()
        {
            self.bytes -= cost_of(&path, &known);
        }
        Ok(file)
    }

    fn forget(&mut self, path: &SafePath) {
        if let Some(known) = self.files.remove(path.as_bytes()) {
            self.bytes -= cost_of(path.as_bytes(), &known);
        }
    }
}

/// The same as when it came in, for the length of what is remembered never changes.
fn cost_of(path: &[u8], known: &Remembered) -> usize {
    OVERHEAD + path.len() + known.file.len as usize
}

impl<F: FileSystem> FileSystem for Cached<F> {
    fn open(&mut self, path: &SafePath, now: &Now) -> io::Result<Node> {
        if let Some(file) = self.recall(path, now) {
            return Ok(Node::File(file));
        }
        match self.inner.open(path, now) {
            Ok(Node::File(file)) => self.remember(path, file, now).map(Node::File),
            other => {
                self.forget(path);
                other
            }
        }
    }

    fn version(&mut self, path: &SafePath, now: &Now) -> Option<Version> {
        self.inner.version(path, now)
    }

    fn lister(&mut self, path: &SafePath, most: usize, keep: Keep) -> Lister {
        self.inner.lister(path, most, keep)
    }

    fn place(&self, path: &SafePath) -> Option<super::files::Place> {
        self.inner.place(path)
    }

    fn is_shared_by_name(&self, path: &SafePath) -> bool {
        self.inner.is_shared_by_name(path)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "cache_tests.rs"]
mod tests;
