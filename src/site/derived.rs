//! What was derived from a version of a file: coded forms, digests, what its siblings
//! are worth. Remembered over all loops, in bounded memory.
//!
//! The store only remembers. It reads nothing and decides nothing, and it forgets all
//! that belongs to a version as soon as it is asked about another of the same path; so
//! nothing that was made of old content can be sent for new.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use hashlink::LruCache;

use super::files::OpenFile;
use crate::codec::Format;
use crate::pool::{Full, Job, Pool};
use crate::sys::Version;

/// What an entry costs beside its path and its bytes, roughly.
const OVERHEAD: usize = 640;

/// Where work goes that nobody waits for.
pub type Background = Arc<dyn Fn(Job) -> Result<(), Full> + Send + Sync>;

/// The store; clones share it.
#[derive(Clone)]
pub struct Derived {
    memory: Arc<Mutex<Memory>>,
    background: Background,
}

struct Memory {
    /// By path; the one that was used last comes last.
    entries: LruCache<Vec<u8>, Entry>,
    bytes: usize,
    bytes_max: usize,
}

/// All that is known of one version of a file.
#[derive(Debug, Default)]
pub struct Entry {
    version: Version,
    /// What it cost when it was last changed.
    cost: usize,
    /// Precompressed siblings, by [`Format`].
    pub siblings: [Option<Look>; Format::ALL.len()],
    /// Coded forms made here, by [`Format`].
    pub coded: [Coded; Format::ALL.len()],
    /// Of the content as it is.
    pub digest: Option<Digest>,
}

/// SHA-256 (FIPS 180-4).
pub type Digest = [u8; 32];

/// A look at the place where a sibling could be.
#[derive(Clone, Debug)]
pub struct Look {
    /// When.
    pub at: Instant,
    /// What was there.
    pub found: Option<Sibling>,
}

/// A precompressed sibling.
#[derive(Clone, Debug)]
pub struct Sibling {
    /// Which it was.
    pub version: Version,
    /// Whether it decodes to the file.
    pub proof: bool,
    /// As it was opened, if it is small: with its content in memory.
    pub file: Option<OpenFile>,
}

/// A coded form made here.
#[derive(Clone, Debug, Default)]
pub enum Coded {
    /// Nobody has asked for it.
    #[default]
    Unknown,
    /// Somebody makes it.
    Making,
    /// It would not be worth sending, or could not be made.
    Useless,
    /// This is it, with its digest: next to the coding that costs nothing.
    Ready(Bytes, Digest),
}

impl Derived {
    /// A store of up to `bytes_max` bytes.
    pub fn new(bytes_max: usize, background: Background) -> Self {
        let memory = Memory { entries: LruCache::new_unbounded(), bytes: 0, bytes_max };
        Derived { memory: Arc::new(Mutex::new(memory)), background }
    }

    /// A store whose work is done by a pool.
    pub fn with_pool(bytes_max: usize, pool: Pool) -> Self {
        Derived::new(bytes_max, Arc::new(move |job| pool.submit(job)))
    }

    /// Looks at, or changes, what is known of a version of the file under a path.
    pub fn with<T>(&self, path: &[u8], version: Version, f: impl FnOnce(&mut Entry) -> T) -> T {
        let mut memory = self.lock();
        if memory.entries.get(path).is_none_or(|entry| entry.version != version) {
            memory.remove(path);
            memory.entries.insert(path.to_vec(), Entry { version, ..Entry::default() });
        }
        let Some(entry) = memory.entries.get_mut(path) else { return f(&mut Entry::default()) };
        let result = f(entry);
        let (before, after) = (entry.cost, entry.cost(path));
        entry.cost = after;
        memory.bytes = memory.bytes - before + after;
        memory.shrink();
        result
    }

    /// Whether anything of the file under a path can be remembered. What cannot must not be
    /// waited for: it would have to be found out again, and again.
    pub fn can_remember(&self, path: &[u8]) -> bool {
        Entry::default().cost(path) <= self.lock().bytes_max
    }

    /// Whether so many bytes are a reasonable part of the whole: what would push out
    /// everything else, or itself, is not worth making.
    pub fn has_room_for(&self, bytes: usize) -> bool {
        bytes <= self.lock().bytes_max / 4
    }

    /// Has work done at some later time, as far as there is any room for it.
    pub fn in_background(&self, job: Job) -> Result<(), Full> {
        (self.background)(job)
    }

    /// Nothing that panics runs under the lock but the closures of this floor.
    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Derived {
    /// Remembers nothing.
    fn default() -> Self {
        Derived::new(0, Arc::new(|_| Err(Full)))
    }
}

impl fmt::Debug for Derived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let memory = self.lock();
        f.debug_struct("Derived")
            .field("entries", &memory.entries.len())
            .field("bytes", &memory.bytes)
            .field("bytes_max", &memory.bytes_max)
            .finish()
    }
}

impl Memory {
    fn remove(&mut self, path: &[u8]) {
        if let Some(entry) = self.entries.remove(path) {
            self.bytes -= entry.cost;
        }
    }

    fn shrink(&mut self) {
        while self.bytes > self.bytes_max
            && let Some((_, entry)) = self.entries.remove_lru()
        {
            self.bytes -= entry.cost;
        }
    }
}

impl Entry {
    fn cost(&self, path: &[u8]) -> usize {
        let siblings = self.siblings.iter().flatten().filter_map(|look| look.found.as_ref()?.file.as_ref());
        let siblings: usize = siblings.map(|file| file.content.bytes_in_memory()).sum();
        let coded = self.coded.iter().map(|coded| match coded {
            Coded::Ready(bytes, _) => bytes.len(),
            Coded::Unknown | Coded::Making | Coded::Useless => 0,
        });
        OVERHEAD + path.len() + siblings + coded.sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn store(bytes_max: usize) -> Derived {
        Derived::new(bytes_max, Arc::new(|_| Err(Full)))
    }

    fn version(len: u64) -> Version {
        Version { len, ..Version::default() }
    }

    #[test]
    fn what_is_known_of_a_version_is_forgotten_with_it() {
        let store = store(10_000);
        store.with(b"a", version(1), |entry| entry.digest = Some([1; 32]));
        assert_eq!(store.with(b"a", version(1), |entry| entry.digest), Some([1; 32]));
        assert_eq!(store.with(b"a", version(2), |entry| entry.digest), None);
        assert_eq!(store.with(b"a", version(1), |entry| entry.digest), None);
    }

    #[test]
    fn what_was_used_last_stays() {
        let store = store(3 * (OVERHEAD + 1) - 1);
        for path in [b"a", b"b", b"a", b"c"] {
            store.with(path, version(1), |entry| entry.digest = Some([1; 32]));
        }
        assert!(store.with(b"a", version(1), |entry| entry.digest).is_some());
        assert!(store.with(b"b", version(1), |entry| entry.digest).is_none());
    }

    #[test]
    fn a_store_without_room_remembers_nothing() {
        let store = store(0);
        store.with(b"a", version(1), |entry| entry.digest = Some([1; 32]));
        assert_eq!(store.with(b"a", version(1), |entry| entry.digest), None);
    }

    proptest! {
        #[test]
        fn memory_is_counted_and_never_beyond_its_limit(
            steps in prop::collection::vec((0_u8..6, 0_u64..3, 0_usize..3, 0_usize..3000), 0..60),
        ) {
            let store = store(6000);
            for (path, len, format, size) in steps {
                store.with(&[path], version(len), |entry| {
                    entry.coded[format] = Coded::Ready(vec![0; size].into(), [0; 32]);
                });
                let memory = store.lock();
                let sum: usize = memory.entries.iter().map(|(path, entry)| entry.cost(path)).sum();
                prop_assert_eq!(memory.bytes, sum);
                prop_assert!(memory.bytes <= memory.bytes_max);
            }
        }
    }
}
