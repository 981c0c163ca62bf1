//! What a site is made of: the file system as the site sees it.
//!
//! [`FileSystem::open`] is the one resolver: files, index files, listings all go
//! through it, and there is no other way to a file (R5). It has two
//! implementations: [`Disk`](super::disk::Disk), and [`Memory`] for tests.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use super::listing::Row;
use crate::clock::Now;
use crate::http::{Preparation, SafePath};
use crate::segment::Segment;
use crate::sys::{self, Version};

/// Where bytes come from.
#[derive(Clone, Debug)]
pub enum Content {
    /// An open file.
    Disk(Arc<File>),
    /// Bytes in memory.
    Memory(Bytes),
}

impl Content {
    /// The segment of a range, without reading it.
    pub fn segment(&self, range: std::ops::Range<u64>) -> Segment {
        match self {
            Content::Disk(file) => Segment::File { file: Arc::clone(file), range },
            Content::Memory(bytes) => Segment::Bytes(cut(bytes, range.start, range.end - range.start)),
        }
    }

    /// Reads up to `length` bytes; fewer only at the end.
    ///
    /// # Errors
    /// What the disk says.
    pub fn read(&self, start: u64, length: usize) -> io::Result<Bytes> {
        match self {
            Content::Disk(file) => sys::read_range(file, start, length).map(Bytes::from),
            Content::Memory(bytes) => Ok(cut(bytes, start, length as u64)),
        }
    }
}

impl Content {
    /// What it takes of our memory.
    pub fn bytes_in_memory(&self) -> usize {
        match self {
            Content::Disk(_) => 0,
            Content::Memory(bytes) => bytes.len(),
        }
    }

    /// Whether a part of it can be read without waiting for a disk.
    pub fn is_at_hand(&self, range: &std::ops::Range<u64>) -> bool {
        match self {
            Content::Disk(file) => sys::is_at_hand(file, range.clone()),
            Content::Memory(_) => true,
        }
    }

    /// Reads it from its beginning, for work that may be slow.
    pub fn reader(&self) -> ContentReader {
        ContentReader { content: self.clone(), position: 0 }
    }
}

/// A [`Content`] as a stream, with a cursor of its own.
pub struct ContentReader {
    content: Content,
    position: u64,
}

impl io::Read for ContentReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = match &self.content {
            Content::Disk(file) => sys::read_at(file, buffer, self.position)?,
            Content::Memory(bytes) => {
                let part = cut(bytes, self.position, buffer.len() as u64);
                buffer[..part.len()].copy_from_slice(&part);
                part.len()
            }
        };
        self.position += length as u64;
        Ok(length)
    }
}

/// The part of `bytes` that exists.
fn cut(bytes: &Bytes, start: u64, length: u64) -> Bytes {
    // Both are at most the length, which is a usize.
    let start = start.min(bytes.len() as u64) as usize;
    let end = length.min((bytes.len() - start) as u64) as usize + start;
    bytes.slice(start..end)
}

/// An opened file and its facts, all from the same handle.
#[derive(Clone, Debug)]
pub struct OpenFile {
    /// The bytes.
    pub content: Content,
    /// How many there are said to be.
    pub len: u64,
    /// Last modification.
    pub modified: Option<SystemTime>,
    /// Which state of which file this is.
    pub version: Version,
    /// The name, where it is not the last segment of the path: for a file that is
    /// itself the root.
    pub name: Option<Arc<[u8]>>,
}

impl OpenFile {
    /// Whether tags and dates that are made of it now are those of later: it has settled, and it
    /// is not of the future, for no Last-Modified is (RFC 9110 §8.8.2.1).
    pub(super) fn stays_as_it_is(&self, now: SystemTime) -> bool {
        self.version.is_settled(now) && self.modified.is_none_or(|modified| modified <= now)
    }
}

/// What a path leads to.
#[derive(Clone, Debug)]
pub enum Node {
    /// A regular file.
    File(OpenFile),
    /// A directory.
    Directory,
}

/// The entries of a directory, as far as they may be shown.
#[derive(Clone, Debug, Default)]
pub struct Entries {
    /// In no order.
    pub rows: Vec<Row>,
    /// There are more than were asked for.
    pub truncated: bool,
}

/// Names a directory: equal places have the same entries, whichever loop asks.
pub type Place = Vec<u8>;

/// The same files for work in the pool, which may wait: by the same contained open (R5).
pub trait Lookup: Send + Sync {
    /// Opens what lies under a path, as [`FileSystem::open`] does.
    ///
    /// # Errors
    /// As there.
    fn open(&self, path: &SafePath) -> io::Result<Node>;

    /// Reads the directory under a path: at most `most` entries of those whose names `keep`
    /// wants. An entry is there if and only if `open` would find it.
    ///
    /// # Errors
    /// As of `open`, and what comes of reading.
    fn list(&self, path: &SafePath, most: usize, keep: &dyn Fn(&[u8]) -> bool) -> io::Result<Entries>;

    /// What tells a directory from every other one, by which a link back to one that it lies
    /// in is known; None where there are no links, or nothing tells.
    ///
    /// # Errors
    /// As of `open`.
    fn identity(&self, _: &SafePath) -> io::Result<Option<(u64, u64)>> {
        Ok(None)
    }
}

/// The files of a site. One for each loop, so it may remember things.
pub trait FileSystem {
    /// Opens what lies under a path; never blocks on what is no file, never leaves the root.
    ///
    /// # Errors
    /// [`sys::trouble`] says what they mean.
    fn open(&mut self, path: &SafePath, now: &Now) -> io::Result<Node>;

    /// The same, for the thread of a loop, which is not to wait for a disk (R29).
    ///
    /// # Errors
    /// What has to be done first, elsewhere. Then the same is to be asked again.
    fn open_at_hand(&mut self, path: &SafePath, now: &Now) -> Result<io::Result<Node>, Preparation> {
        Ok(self.open(path, now))
    }

    /// The turn of the loop is over: what was only kept for it can go.
    fn end_of_turn(&mut self) {}

    /// The version of the file under a path, where that is cheaper to know than to open
    /// it; if it is that of a file that was opened under this path, it is that file.
    fn version(&mut self, _: &SafePath, _: &Now) -> Option<Version> {
        None
    }

    /// The same files for work in the pool; None where a single one is shared, and there is
    /// no directory to work on.
    fn lookup(&mut self) -> Option<Arc<dyn Lookup>>;

    /// The place of the directory under a path, by which one reading serves all who wait
    /// for one; None where each is to read for itself.
    fn place(&self, _: &SafePath) -> Option<Place> {
        None
    }

    /// Whether what is shared was not there at the last look, or out of reach.
    fn is_gone(&self) -> bool {
        false
    }

    /// Whether the path is the very name that was given to be shared: then it is shown,
    /// though it begin with a dot.
    fn is_shared_by_name(&self, _: &SafePath) -> bool {
        false
    }
}

/// Files in memory: for tests, fuzzing and examples.
///
/// ```
/// use serve::{clock::Now, http::SafePath};
/// use serve::site::files::{FileSystem, Memory, Node};
/// let mut files = Memory::default();
/// files.insert("docs/a.txt", "hello", std::time::SystemTime::UNIX_EPOCH);
/// let now = Now::read();
/// assert!(matches!(files.open(&SafePath::parse("/docs").unwrap(), &now), Ok(Node::Directory)));
/// assert!(files.open(&SafePath::parse("/b").unwrap(), &now).is_err());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Memory {
    files: BTreeMap<Vec<u8>, (Bytes, SystemTime)>,
}

impl Memory {
    /// Adds a file; its directories exist because it does.
    pub fn insert(&mut self, path: &str, content: impl Into<Bytes>, modified: SystemTime) {
        self.files.insert(path.as_bytes().to_vec(), (content.into(), modified));
    }

    /// Removes a file, if there is one.
    pub fn remove(&mut self, path: &str) {
        self.files.remove(path.as_bytes());
    }

    /// What lies beneath a directory: the rest of each path, and its file.
    fn beneath<'a>(
        &'a self,
        directory: &SafePath,
    ) -> impl Iterator<Item = (&'a [u8], &'a (Bytes, SystemTime))> {
        let mut prefix = directory.as_bytes().to_vec();
        if !prefix.is_empty() {
            prefix.push(b'/');
        }
        self.files.iter().filter_map(move |(path, file)| Some((path.strip_prefix(&prefix[..])?, file)))
    }
}

/// In memory there is no file to replace: bytes that are elsewhere are other bytes.
fn version(bytes: &Bytes, modified: SystemTime) -> Version {
    let since = modified.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    Version {
        identity: (bytes.as_ptr().addr() as u64, 0),
        len: bytes.len() as u64,
        times: (since.cast_signed(), 0),
    }
}

impl Lookup for Memory {
    fn open(&self, path: &SafePath) -> io::Result<Node> {
        if let Some((bytes, modified)) = self.files.get(path.as_bytes()) {
            return Ok(Node::File(OpenFile {
                content: Content::Memory(bytes.clone()),
                len: bytes.len() as u64,
                modified: Some(*modified),
                version: version(bytes, *modified),
                name: None,
            }));
        }
        let is_directory = path.is_root() || self.beneath(path).next().is_some();
        if is_directory { Ok(Node::Directory) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    fn list(&self, path: &SafePath, most: usize, keep: &dyn Fn(&[u8]) -> bool) -> io::Result<Entries> {
        let mut rows = BTreeMap::new();
        for (rest, (bytes, modified)) in self.beneath(path) {
            let slash = rest.iter().position(|&b| b == b'/');
            let name = rest[..slash.unwrap_or(rest.len())].to_vec();
            let (len, modified) =
                if slash.is_some() { (0, None) } else { (bytes.len() as u64, Some(*modified)) };
            rows.insert(name.clone(), Row { name, is_directory: slash.is_some(), len, modified });
        }
        rows.retain(|name, _| keep(name));
        let truncated = rows.len() > most;
        Ok(Entries { rows: rows.into_values().take(most).collect(), truncated })
    }
}

impl FileSystem for Memory {
    fn open(&mut self, path: &SafePath, _: &Now) -> io::Result<Node> {
        Lookup::open(self, path)
    }

    fn version(&mut self, path: &SafePath, _: &Now) -> Option<Version> {
        self.files.get(path.as_bytes()).map(|(bytes, modified)| version(bytes, *modified))
    }

    fn lookup(&mut self) -> Option<Arc<dyn Lookup>> {
        Some(Arc::new(self.clone()))
    }
}
