//! How often something is said: nobody reads more, and whoever asks for what is not there
//! must not be able to fill the owner's screen. Pure: times are passed in.

use std::time::{Duration, Instant};

use hashlink::LruCache;

/// The same path is not explained again for so long.
const AGAIN: Duration = Duration::from_secs(60);

/// So many paths are known to have been explained.
const PATHS_MAX: usize = 128;

/// Longer paths are nobody's typing.
const PATH_MAX: usize = 1024;

/// Lines: so many at once, then one more each time.
const LINES: (u32, Duration) = (10, Duration::from_secs(10));

/// Searches, of which many find nothing to say.
const SEARCHES: (u32, Duration) = (20, Duration::from_secs(1));

/// What may be done so many times at once, and then once in an interval.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: u32,
    most: u32,
    interval: Duration,
    since: Option<Instant>,
}

impl Bucket {
    fn new((most, interval): (u32, Duration)) -> Bucket {
        Bucket { left: most, most, interval, since: None }
    }

    fn take(&mut self, now: Instant) -> bool {
        let since = *self.since.get_or_insert(now);
        let passed = now.saturating_duration_since(since);
        let more = u32::try_from(passed.as_nanos() / self.interval.as_nanos()).unwrap_or(u32::MAX);
        let room = self.most - self.left;
        if more >= room {
            (self.left, self.since) = (self.most, Some(now));
        } else {
            self.left += more;
            self.since = Some(since + self.interval * more);
        }
        let is_left = self.left > 0;
        self.left -= u32::from(is_left);
        is_left
    }
}

/// What was searched for and said of late.
#[derive(Debug)]
pub struct Limit {
    paths: LruCache<Vec<u8>, Instant>,
    searches: Bucket,
    lines: Bucket,
}

impl Default for Limit {
    fn default() -> Limit {
        let paths = LruCache::new(PATHS_MAX);
        Limit { paths, searches: Bucket::new(SEARCHES), lines: Bucket::new(LINES) }
    }
}

impl Limit {
    /// Whether to search for the reason why this path leads nowhere.
    pub fn may_search(&mut self, path: &[u8], now: Instant) -> bool {
        let is_new = |at: &Instant| now.saturating_duration_since(*at) >= AGAIN;
        if path.len() > PATH_MAX || !self.paths.get(path).is_none_or(is_new) || !self.searches.take(now) {
            return false;
        }
        self.paths.insert(path.to_vec(), now);
        true
    }

    /// Whether to say one more line.
    pub fn may_say(&mut self, now: Instant) -> bool {
        self.lines.take(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_path_is_explained_once_a_minute() {
        let (mut limit, start) = (Limit::default(), Instant::now());
        assert!(limit.may_search(b"a", start));
        assert!(!limit.may_search(b"a", start + AGAIN - Duration::from_nanos(1)));
        assert!(limit.may_search(b"b", start), "another one at once");
        assert!(limit.may_search(b"a", start + AGAIN));
        assert!(!limit.may_search(&[b'x'; PATH_MAX + 1], start + AGAIN));
    }

    #[test]
    fn a_flood_of_paths_is_neither_searched_for_nor_told() {
        let (mut limit, start) = (Limit::default(), Instant::now());
        let second = |second| start + Duration::from_secs(second);
        let searched = |limit: &mut Limit, now| {
            (0..1000_u32).filter(|path| limit.may_search(&path.to_ne_bytes(), now)).count()
        };
        assert_eq!(searched(&mut limit, start), 20);
        assert_eq!(searched(&mut limit, second(3)), 3);
        assert_eq!(searched(&mut limit, second(1000)), 20);
        let told = |limit: &mut Limit, now| (0..1000).filter(|_| limit.may_say(now)).count();
        assert_eq!(told(&mut limit, start), 10);
        assert_eq!(told(&mut limit, second(9)), 0);
        assert_eq!(told(&mut limit, second(10)), 1);
        assert_eq!(told(&mut limit, start), 0, "a clock that steps back does no harm");
    }

    proptest! {
        #[test]
        fn never_more_than_were_at_once_and_one_in_each_interval(
            steps in prop::collection::vec(0_u64..3000, 0..200),
        ) {
            let start = Instant::now();
            let (mut bucket, mut now, mut taken) = (Bucket::new((5, Duration::from_secs(1))), start, 0);
            for step in steps {
                now += Duration::from_millis(step);
                taken += u64::from(bucket.take(now));
                prop_assert!(taken <= 5 + (now - start).as_secs());
            }
        }

        #[test]
        fn memory_has_a_limit(paths in prop::collection::vec(any::<u16>(), 0..400)) {
            let (mut limit, start) = (Limit::default(), Instant::now());
            for (at, path) in paths.into_iter().enumerate() {
                limit.may_search(&path.to_ne_bytes(), start + Duration::from_secs(at as u64));
                prop_assert!(limit.paths.len() <= PATHS_MAX);
            }
        }
    }
}
