//! Latencies, counted in buckets that are 1.6 % wide: small whatever the count, and exact
//! enough for any percentile.

use std::time::Duration;

/// Buckets for each power of two.
const FINENESS: u64 = 64;
const BUCKETS: usize = (64 - FINENESS.ilog2() as usize + 1) * FINENESS as usize;

/// How often which latency was seen.
pub struct Histogram {
    counts: Box<[u64]>,
    total: u64,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram { counts: vec![0; BUCKETS].into(), total: 0 }
    }
}

impl Histogram {
    /// Counts one.
    pub fn add(&mut self, latency: Duration) {
        self.counts[bucket(latency.as_nanos().try_into().unwrap_or(u64::MAX))] += 1;
        self.total += 1;
    }

    /// The latency that this part of all (0.99, say) did not exceed; nothing if none were seen.
    pub fn percentile(&self, part: f64) -> Option<Duration> {
        let rank = ((self.total as f64 * part).ceil() as u64).max(1);
        let mut seen = 0;
        let found = self.counts.iter().position(|count| {
            seen += count;
            seen >= rank
        });
        found.map(|index| Duration::from_nanos(upper_bound(index)))
    }
}

/// Below `FINENESS` each nanosecond has its own; then each power of two has that many.
fn bucket(nanoseconds: u64) -> usize {
    let shift = nanoseconds.max(FINENESS).ilog2() - FINENESS.ilog2();
    (u64::from(shift) * FINENESS + (nanoseconds >> shift)) as usize
}

/// The largest number of nanoseconds in a bucket.
fn upper_bound(bucket: usize) -> u64 {
    let shift = (bucket as u64 / FINENESS).saturating_sub(1);
    let first = (bucket as u64 - shift * FINENESS) << shift;
    first + ((1 << shift) - 1)
}
