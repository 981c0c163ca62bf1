//! Small files in memory, as long as they are the files that lie there.
//!
//! A cache that may be stale is no use to somebody who has just saved a file, so this
//! one asks for every request: one `stat` by name, and the content is sent only if the
//! file of that name is in the very state in which it was read. That costs a fifth of
//! opening, reading and closing it.
//!
//! One look serves all requests of a turn of the loop, which had all come before it
//! ([`Now::is_same_reading`]). So does what was opened, and that there is nothing: it is
//! kept to the end of the turn, and under load most requests cost no look at all.
//!
//! What this cannot find out, it does not remember beyond a turn:
//!
//! - A file that has only just been written may be written again without a trace in its
//!   time stamps; it is remembered once it is [settled](crate::sys::Version::is_settled).
//! - The question is not contained beneath the root, as an open is. A name that leads to
//!   the same file in another way, through a link that is new, would pass; so each file
//!   is opened anew once in ten seconds.
//! - Where asking costs as much as opening (Windows), nothing is remembered at all.
//!
//! What is written through a memory map leaves its trace only when the system writes the
//! page back (mmap(2)); until then the old content may be sent.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::files::{Content, FileSystem, Lookup, Node, OpenFile};
use super::recent::Recent;
use crate::clock::Now;
use crate::http::{Preparation, SafePath};
use crate::sys::{self, Trouble};

/// Larger files are opened each turn: reading them into memory would push out many small
/// ones, next to their bytes an open costs little, and from about 100 KiB on `sendfile`
/// costs less than sending from memory.
const FILE_MAX: u64 = 96 * 1024;

/// How long the way to a file is taken for granted. The content never is. Short enough
/// for who changes links, and long enough that ten thousand files asked for in turn are
/// not opened all the time.
const PROOF_INTERVAL: Duration = Duration::from_secs(10);

/// So many files are kept open to the end of a turn: many requests can be answered in one,
/// and there are not so many descriptors. None on Windows, where who wants to replace a file
/// that is open may be refused. So many other things are kept.
const KEPT_OPEN_MAX: usize = if cfg!(windows) { 0 } else { 64 };
const KEPT_MAX: usize = 4096;

/// What an entry costs beside its name and content, roughly.
const OVERHEAD: usize = 256;

/// A file system that remembers what it reads of another. One for each loop.
pub struct Cached<F> {
    inner: F,
    /// By path.
    files: Recent<Remembered>,
    /// What else was found in this turn, by path. Never longer: it holds files open.
    found: HashMap<Vec<u8>, Found>,
    kept_open: usize,
    turn: Option<Now>,
}

/// A file whose content is in memory.
struct Remembered {
    file: OpenFile,
    /// When it was last opened.
    proven: Instant,
    /// When it was last asked whether it is the same still.
    checked: Now,
}

/// What a path leads to, for a turn.
enum Found {
    This(Node),
    Nothing,
}

impl<F: FileSystem> Cached<F> {
    /// Remembers files of `inner` in up to `bytes_max` bytes; with 0 nothing.
    pub fn new(inner: F, bytes_max: usize) -> Self {
        Cached { inner, files: Recent::new(bytes_max), found: HashMap::new(), kept_open: 0, turn: None }
    }

    /// The file of that name, if it is known and the same still.
    fn recall(&mut self, path: &SafePath, now: &Now) -> Option<OpenFile> {
        let known = self.files.get(path.as_bytes(), now.instant)?;
        if !known.checked.is_same_reading(now) {
            let is_proven = now.instant.saturating_duration_since(known.proven) < PROOF_INTERVAL;
            if !is_proven || self.inner.version(path, now) != Some(known.file.version) {
                return None;
            }
            known.checked = *now;
        }
        Some(known.file.clone())
    }

    /// Remembers what was opened, if it is worth it, and forgets what was there before.
    fn remember(&mut self, path: &SafePath, file: OpenFile, now: &Now) -> io::Result<OpenFile> {
        if let Some(known) = self.files.get(path.as_bytes(), now.instant)
            && known.file.version == file.version
        {
            (known.proven, known.checked) = (now.instant, *now);
            return Ok(known.file.clone());
        }
        self.files.remove(path.as_bytes());
        let cost = OVERHEAD.saturating_add(usize::try_from(file.len).unwrap_or(usize::MAX));
        let is_small = (1..=FILE_MAX).contains(&file.len) && cost <= self.files.bytes_max();
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
        let remembered = Remembered { file: file.clone(), proven: now.instant, checked: *now };
        self.files.insert(path.as_bytes(), remembered, cost, now.instant);
        Ok(file)
    }

    /// What is known of a path at this moment, without asking the disk for more than its
    /// version.
    fn known(&mut self, path: &SafePath, now: &Now) -> Option<io::Result<Node>> {
        if !self.turn.is_some_and(|turn| turn.is_same_reading(now)) {
            self.end_of_turn();
            self.turn = Some(*now);
        }
        if let Some(file) = self.recall(path, now) {
            return Some(Ok(Node::File(file)));
        }
        self.found.get(path.as_bytes()).map(|found| match found {
            Found::This(node) => Ok(node.clone()),
            Found::Nothing => Err(io::ErrorKind::NotFound.into()),
        })
    }

    /// Takes note of what the disk says.
    fn take(&mut self, path: &SafePath, opened: io::Result<Node>, now: &Now) -> io::Result<Node> {
        let node = match opened {
            Ok(Node::File(file)) => self.remember(path, file, now).map(Node::File),
            other => {
                self.files.remove(path.as_bytes());
                other
            }
        };
        self.keep(path, &node);
        node
    }

    /// Keeps what was found to the end of the turn, unless it is remembered anyway. An
    /// error that is the server's own may be gone the next time.
    fn keep(&mut self, path: &SafePath, node: &io::Result<Node>) {
        if self.found.len() == KEPT_MAX {
            return;
        }
        let found = match node {
            Ok(Node::File(OpenFile { content: Content::Memory(_), .. })) => return,
            Ok(Node::File(_)) if self.kept_open == KEPT_OPEN_MAX => return,
            Ok(node) => {
                self.kept_open += usize::from(matches!(node, Node::File(_)));
                Found::This(node.clone())
            }
            Err(error) if sys::trouble(error) == Trouble::Missing => Found::Nothing,
            Err(_) => return,
        };
        self.found.insert(path.as_bytes().to_vec(), found);
    }
}

impl<F: FileSystem> FileSystem for Cached<F> {
    fn open(&mut self, path: &SafePath, now: &Now) -> io::Result<Node> {
        self.known(path, now).unwrap_or_else(|| {
            let opened = self.inner.open(path, now);
            self.take(path, opened, now)
        })
    }

    fn open_at_hand(&mut self, path: &SafePath, now: &Now) -> Result<io::Result<Node>, Preparation> {
        if let Some(known) = self.known(path, now) {
            return Ok(known);
        }
        let opened = self.inner.open_at_hand(path, now)?;
        Ok(self.take(path, opened, now))
    }

    fn lookup(&mut self) -> Option<Arc<dyn Lookup>> {
        self.inner.lookup()
    }

    fn place(&self, path: &SafePath) -> Option<super::files::Place> {
        self.inner.place(path)
    }

    fn is_gone(&self) -> bool {
        self.inner.is_gone()
    }

    fn is_shared_by_name(&self, path: &SafePath) -> bool {
        self.inner.is_shared_by_name(path)
    }

    fn end_of_turn(&mut self) {
        self.found.clear();
        (self.kept_open, self.turn) = (0, None);
        self.inner.end_of_turn();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "cache_tests.rs"]
mod tests;
