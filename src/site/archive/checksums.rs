//! What is known of the checksums of large files, so that a download that is continued need
//! not read again what was sent before.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::plan::Member;
use crate::http::SafePath;
use crate::sys::SETTLING_TIME;

/// Shorter files are read again as fast as they are looked up.
const LEN_MIN: u64 = 256 * 1024;

/// So many are remembered: a megabyte or so.
const KNOWN_MAX: usize = 4096;

/// Checksums by path, length and time; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Checksums {
    known: Arc<Mutex<HashMap<Key, u32>>>,
}

type Key = (SafePath, u64, SystemTime);

/// By what a member is known: as by its entity tag, that is not enough while it is new.
fn key(member: &Member, now: SystemTime) -> Option<Key> {
    let modified = member.modified?;
    let is_settled = now.duration_since(modified).is_ok_and(|age| age >= SETTLING_TIME);
    (is_settled && member.seconds() > 1 && member.len >= LEN_MIN)
        .then(|| (member.path.clone(), member.len, modified))
}

impl Checksums {
    /// The map is never half changed.
    fn lock(&self) -> MutexGuard<'_, HashMap<Key, u32>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The checksum of a member as it was when the archive was planned, at `now`.
    pub fn recall(&self, member: &Member, now: SystemTime) -> Option<u32> {
        let key = key(member, now)?;
        self.lock().get(&key).copied()
    }

    /// Remembers one. When there are too many, all others are forgotten: they can be had again.
    pub fn remember(&self, member: &Member, now: SystemTime, checksum: u32) {
        let Some(key) = key(member, now) else { return };
        let mut known = self.lock();
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(key, checksum);
    }
}
