//! Properties of the bucket, in virtual time.

use proptest::prelude::*;

use super::*;

fn rate(bytes: u64) -> Rate {
    Rate::per_second(bytes).unwrap()
}

/// What a sender gets that takes all it may, woken as late as `late` says, over `time`; and
/// how often it was woken.
fn send(rate: Rate, time: Duration, mut late: impl FnMut() -> Duration) -> (u64, u32) {
    let start = Instant::now();
    let (mut now, mut sent, mut woken) = (start, 0, 0);
    let mut bucket = Bucket::new(rate, now);
    while now - start <= time {
        match bucket.allowance(u64::MAX, now) {
            Allowance::Bytes(bytes) => {
                bucket.take(bytes);
                sent += bytes;
            }
            Allowance::From(until) => {
                assert!(until > now, "a pause that is over already would spin");
                woken += 1;
                now = until + late();
            }
        }
    }
    (sent, woken)
}

proptest! {
    #[test]
    fn never_more_than_the_rate_and_a_burst(
        bytes in 1u64..2_000_000_000,
        steps in prop::collection::vec((0u64..200_000, 0u64..100_000_000), 1..60),
    ) {
        let (rate, start) = (rate(bytes), Instant::now());
        let (mut now, mut sent) = (start, 0u64);
        let mut bucket = Bucket::new(rate, now);
        for (micros, wanted) in steps {
            // Zero is a clock that stands still.
            now += Duration::from_micros(micros);
            if let Allowance::Bytes(allowed) = bucket.allowance(wanted, now) {
                prop_assert!(allowed <= wanted && allowed <= rate.burst() + rate.bytes_in(LATE_MAX));
                bucket.take(allowed);
                sent += allowed;
            }
            prop_assert!(sent <= rate.bytes_in(now - start) + rate.burst());
        }
    }

    #[test]
    fn never_less_than_the_rate_though_the_loop_is_late(
        bytes in 1_000u64..1_000_000_000,
        lates in prop::collection::vec(0u64..400_000, 1..20),
    ) {
        let (rate, time) = (rate(bytes), Duration::from_secs(20));
        let mut turn = 0;
        let (sent, woken) = send(rate, time, || {
            turn += 1;
            Duration::from_micros(lates[turn % lates.len()])
        });
        let expected = bytes * 20;
        // What is still to come is that of the last pause, and of being late for it.
        let owed = rate.burst() + rate.bytes_in(LATE_MAX);
        prop_assert!(sent + owed >= expected - expected / 1_000, "{sent} of {expected}");
        prop_assert!(woken <= 26 * 20, "{woken} wake-ups");
    }

    #[test]
    fn what_was_waited_for_is_there(bytes in 1u64..2_000_000_000, wanted in 1u64..10_000_000, owed in 1u64..100) {
        let (rate, now) = (rate(bytes), Instant::now());
        let mut bucket = Bucket::new(rate, now);
        bucket.take((rate.burst() * owed / 100).max(1));
        let mut now = now;
        if let Allowance::From(until) = bucket.allowance(wanted, now) {
            prop_assert!(until > now && until - now <= BURST_MAX);
            now = until;
        }
        let allowed = bucket.allowance(wanted, now);
        prop_assert!(matches!(allowed, Allowance::Bytes(bytes) if bytes > 0), "{:?}", allowed);
    }
}

#[test]
fn a_clock_that_steps_back_or_jumps_gives_no_more_than_a_burst() {
    let (rate, start) = (rate(1_000_000), Instant::now() + Duration::from_secs(9));
    let mut bucket = Bucket::new(rate, start);
    bucket.take(100_000);
    let Allowance::From(until) = bucket.allowance(1, start - Duration::from_secs(1)) else {
        panic!("it gives")
    };
    assert!(until > start);
    let much_later = start + Duration::from_secs(86_400);
    assert_eq!(bucket.allowance(1, much_later), Allowance::Bytes(1), "it has all that it wants");
    assert_eq!(bucket.allowance(u64::MAX, much_later), Allowance::Bytes(100_000));
}

#[test]
fn who_waits_loses_nothing_by_a_late_loop_and_who_is_idle_saves_nothing() {
    let (rate, start) = (rate(1_000_000), Instant::now());
    let mut bucket = Bucket::new(rate, start);
    bucket.allowance(100_000, start);
    bucket.take(100_000);
    let waits = bucket.allowance(u64::MAX, start);
    assert_eq!(waits, Allowance::From(start + Duration::from_millis(40)));
    let late = start + Duration::from_millis(340);
    assert_eq!(bucket.allowance(u64::MAX, late), Allowance::Bytes(340_000));
    // A turn sends only a part of it, and the next one goes on.
    bucket.take(300_000);
    assert_eq!(bucket.allowance(40_000, late), Allowance::Bytes(40_000));
    bucket.take(40_000);
    let later = late + Duration::from_secs(9);
    assert_eq!(bucket.allowance(u64::MAX, later), Allowance::Bytes(100_000));
}

#[test]
fn bursts_are_a_tenth_of_a_second_or_a_segment_or_a_second() {
    for (bytes, burst) in [(1, 1), (1_000, 1_000), (5_000, 1_460), (14_600, 1_460), (2_000_000, 200_000)] {
        assert_eq!(rate(bytes).burst(), burst, "{bytes}");
    }
    assert_eq!(Rate::per_second(0), None);
}

/// The rest of an answer does not wait for more than there is of it.
#[test]
fn who_wants_little_waits_for_little() {
    let (rate, now) = (rate(1_000_000), Instant::now());
    let mut bucket = Bucket::new(rate, now);
    bucket.take(100_000);
    assert_eq!(bucket.allowance(1_000, now), Allowance::From(now + Duration::from_millis(1)));
    assert_eq!(bucket.allowance(u64::MAX, now), Allowance::From(now + Duration::from_millis(40)));
}
