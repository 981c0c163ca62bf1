//! Bad weather on the network, for people who test what is at its other end: answers come
//! late, and some of the requests fail.
//!
//! What a request will meet is decided once, when its head is complete, and remembered
//! with it. Chance is passed in as a seed, so that every outcome can be asked for by a test.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// What requests meet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weather {
    /// Each answer is begun so long after its request, or after the answer before it.
    pub latency: Duration,
    /// So many requests fail.
    pub failures: Share,
}

impl Weather {
    /// Whether nothing is done on purpose.
    pub fn is_fair(&self) -> bool {
        *self == Weather::default()
    }
}

/// A share of all, in millionths: at most one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u32);

impl Share {
    const ALL: u32 = 1_000_000;

    /// A share in percent, which is a number from 0 to 100; what is less than a millionth
    /// of all, and not none, is rounded up to one.
    pub fn of_percent(percent: f64) -> Option<Share> {
        // Not a number is in no range; and what is in it fits.
        let in_range = (0.0..=100.0).contains(&percent);
        in_range.then(|| Share((percent / 100.0 * f64::from(Share::ALL)).ceil() as u32))
    }

    /// Whether it is none at all.
    pub fn is_none(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Share {
    /// In percent, without the sign.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", f64::from(self.0) / f64::from(Share::ALL / 100))
    }
}

/// What a request is to meet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is answered.
    #[default]
    Answered,
    /// It gets 503, whatever it asks for.
    Unavailable,
    /// It is answered, and the connection is reset in the middle of that.
    Cut,
}

/// Decides, for one loop.
#[derive(Debug)]
pub(super) struct Forecast {
    pub weather: Weather,
    seed: u64,
    /// How many requests there were.
    requests: u64,
}

impl Forecast {
    pub(super) fn new(weather: Weather, seed: u64) -> Forecast {
        Forecast { weather, seed, requests: 0 }
    }

    /// What the next request meets. Half of those that fail get 503, half are cut.
    pub(super) fn next(&mut self) -> Fate {
        if self.weather.failures.is_none() {
            return Fate::Answered;
        }
        self.requests = self.requests.wrapping_add(1);
        // A hash of a count is as good as chance where nobody has to be kept from guessing.
        let mut hasher = DefaultHasher::new();
        (self.seed, self.requests).hash(&mut hasher);
        let rolled = hasher.finish();
        if (rolled >> 1) % u64::from(Share::ALL) >= u64::from(self.weather.failures.0) {
            Fate::Answered
        } else if rolled & 1 == 0 {
            Fate::Unavailable
        } else {
            Fate::Cut
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// How many of ten thousand requests are answered, get 503, and are cut.
    fn counts(percent: f64, seed: u64) -> [u32; 3] {
        let failures = Share::of_percent(percent).unwrap();
        let mut forecast = Forecast::new(Weather { failures, ..Weather::default() }, seed);
        let mut counts = [0; 3];
        for _ in 0..10_000 {
            match forecast.next() {
                Fate::Answered => counts[0] += 1,
                Fate::Unavailable => counts[1] += 1,
                Fate::Cut => counts[2] += 1,
            }
        }
        counts
    }

    #[test]
    fn as_many_fail_as_were_asked_for_half_of_them_in_each_way() {
        for (percent, seed) in [(1.0, 1), (20.0, 2), (50.0, 3), (99.5, 4)] {
            let [_, unavailable, cut] = counts(percent, seed);
            // Five times the deviation that chance has.
            let half = percent * 50.0;
            let deviation = 5.0 * half.sqrt();
            for count in [unavailable, cut] {
                assert!((f64::from(count) - half).abs() < deviation, "{percent} %: {count} of {half}");
            }
        }
    }

    #[test]
    fn none_and_all_are_exact_and_each_seed_has_a_course_of_its_own() {
        assert_eq!(counts(0.0, 5), [10_000, 0, 0]);
        assert_eq!(counts(100.0, 5)[0], 0);
        assert_eq!(counts(30.0, 5), counts(30.0, 5));
        assert_ne!(counts(30.0, 5), counts(30.0, 6));
    }

    #[test]
    fn shares_are_parts_of_all() {
        for (percent, text) in [(0.0, "0"), (5.0, "5"), (0.5, "0.5"), (100.0, "100"), (1e-9, "0.0001")] {
            assert_eq!(Share::of_percent(percent).unwrap().to_string(), text);
        }
        for percent in [-0.1, 100.1, f64::NAN, f64::INFINITY] {
            assert_eq!(Share::of_percent(percent), None, "{percent}");
        }
    }
}
