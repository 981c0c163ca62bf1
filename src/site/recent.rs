//! What was used of late, in bounded memory: the least recently used goes first.

use std::time::{Duration, Instant};

use hashlink::LinkedHashMap;
use hashlink::linked_hash_map::RawEntryMut;

/// How exact the order is. Among what is used all the time it matters little, and to move
/// an entry touches the memory of its neighbours.
const ORDER_INTERVAL: Duration = Duration::from_secs(1);

/// Values by key, within a limit of bytes.
pub(super) struct Recent<V> {
    /// What was used last comes last.
    entries: LinkedHashMap<Vec<u8>, Entry<V>>,
    bytes: usize,
    bytes_max: usize,
}

struct Entry<V> {
    value: V,
    /// What it takes of the limit, its key included.
    cost: usize,
    /// When it may be moved to the end again.
    movable: Instant,
}

impl<V> Recent<V> {
    /// Room for so many bytes; with 0 nothing is kept.
    pub fn new(bytes_max: usize) -> Self {
        Recent { entries: LinkedHashMap::new(), bytes: 0, bytes_max }
    }

    /// How many bytes there may be.
    pub fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// A value, which is used now.
    pub fn get(&mut self, key: &[u8], now: Instant) -> Option<&mut V> {
        let RawEntryMut::Occupied(mut entry) = self.entries.raw_entry_mut().from_key(key) else {
            return None;
        };
        if entry.get().movable <= now {
            entry.get_mut().movable = now + ORDER_INTERVAL;
            entry.to_back();
        }
        Some(&mut entry.into_mut().value)
    }

    /// Takes in a value that costs so much beside its key, in the place of what was there.
    /// Others go as far as room is needed, and itself if there is not enough.
    pub fn insert(&mut self, key: &[u8], value: V, cost: usize, now: Instant) {
        self.remove(key);
        let cost = cost.saturating_add(key.len());
        if cost > self.bytes_max {
            return;
        }
        self.bytes += cost;
        self.entries.insert(key.to_vec(), Entry { value, cost, movable: now + ORDER_INTERVAL });
        while self.bytes > self.bytes_max
            && let Some((_, entry)) = self.entries.pop_front()
        {
            self.bytes -= entry.cost;
        }
    }

    /// Takes a value out.
    pub fn remove(&mut self, key: &[u8]) -> Option<V> {
        let entry = self.entries.remove(key)?;
        self.bytes -= entry.cost;
        Some(entry.value)
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.bytes = 0;
    }

    /// How many bytes are taken, and whether they add up.
    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        assert_eq!(self.bytes, self.entries.values().map(|entry| entry.cost).sum::<usize>());
        self.bytes
    }

    /// The keys, the least recently used first.
    #[cfg(test)]
    pub fn keys(&self) -> Vec<&[u8]> {
        self.entries.keys().map(Vec::as_slice).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_was_used_last_stays() {
        let (mut recent, now) = (Recent::new(3), Instant::now());
        let later = |seconds| now + Duration::from_secs(seconds);
        for (at, key) in [b"a", b"b", b"c"].into_iter().enumerate() {
            recent.insert(key, at, 0, now);
        }
        assert_eq!(recent.get(b"a", later(1)), Some(&mut 0));
        recent.insert(b"d", 3, 0, later(2));
        assert_eq!(recent.keys(), [b"c", b"a", b"d"]);
        assert_eq!(recent.get(b"b", later(2)), None);
    }

    #[test]
    fn what_has_no_room_at_all_pushes_nothing_out() {
        let (mut recent, now) = (Recent::new(100), Instant::now());
        recent.insert(b"a", 1, 50, now);
        recent.insert(b"b", 2, 100, now);
        recent.insert(b"c", 3, usize::MAX, now);
        assert_eq!(recent.keys(), [b"a"]);
    }

    proptest! {
        #[test]
        fn memory_is_counted_and_never_beyond_its_limit(
            bytes_max in 0..200_usize, steps in prop::collection::vec((0..9_u8, 0..4_u8, 0..60_usize), 0..99),
        ) {
            let (mut recent, now) = (Recent::new(bytes_max), Instant::now());
            for (at, (key, what, cost)) in steps.into_iter().enumerate() {
                let now = now + Duration::from_millis(300 * at as u64);
                match what {
                    0 => drop(recent.get(&[key], now)),
                    1 => drop(recent.remove(&[key])),
                    _ => recent.insert(&[key], at, cost, now),
                }
                prop_assert!(recent.bytes() <= bytes_max);
                if what > 1 && cost < bytes_max {
                    prop_assert_eq!(recent.get(&[key], now).copied(), Some(at));
                }
            }
            recent.clear();
            prop_assert_eq!(recent.bytes(), 0);
        }
    }
}
