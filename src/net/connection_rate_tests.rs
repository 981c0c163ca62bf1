//! Turns of who may send only so fast.

use super::*;
use crate::net::rate::Rate;

/// A connection that sends no faster than this.
fn limited(bytes: u64, input: &str) -> World {
    let mut world = World::new(input);
    let bucket = Bucket::new(Rate::per_second(bytes).unwrap(), world.now.instant);
    world.link = Link::limited(Some(bucket));
    world
}

/// The loop wakes it when it wanted to be.
fn sleep_until(world: &mut World, due: Instant) {
    world.now = world.now.later(due.saturating_duration_since(world.now.instant));
}

/// Turns, however often it lets others go first.
fn until_it_waits(world: &mut World) -> Step {
    loop {
        match world.turns() {
            Step::Yield => {}
            step => return step,
        }
    }
}

#[test]
fn who_is_held_back_is_woken_by_the_end_of_its_pause_and_by_no_timeout() {
    let mut world = limited(100, &"abcdefg\n".repeat(1000));
    let begun = world.now.instant;
    // The budget of a turn is no reason to yield for who may send nothing.
    let Step::Wait(due) = until_it_waits(&mut world) else { panic!("it does not wait") };
    assert!((61..=100).contains(&world.stream.out.len()), "a burst is there at once, but for a crumb");
    assert!(world.link.is_paused() && world.link.due(&world.conn) == due && due < world.conn.deadline());
    // However long that lasts: the protocol's deadline would be over.
    world.conn.deadline = world.now.instant;
    assert_eq!(world.link.due(&world.conn), due);
    for _ in 0..50 {
        let due = world.link.due(&world.conn);
        sleep_until(&mut world, due);
        assert!(matches!(until_it_waits(&mut world), Step::Wait(_)));
    }
    let seconds = (world.now.instant - begun).as_secs_f64();
    let (sent, expected) = (world.stream.out.len() as f64, 100.0 + 100.0 * seconds);
    assert!(sent <= expected && sent > expected - 40.0, "{sent} bytes in {seconds} s");
}

/// R17.
#[test]
fn who_does_not_take_what_it_may_have_has_the_timeout_of_the_protocol() {
    let mut world = limited(100, &"abcdefg\n".repeat(1000));
    until_it_waits(&mut world);
    let due = world.link.due(&world.conn);
    sleep_until(&mut world, due);
    world.stream.writes = VecDeque::from([Act::Block]);
    assert_eq!(until_it_waits(&mut world), Step::Wait(world.conn.deadline()));
    assert!(!world.link.is_paused() && !world.link.writable);
}

#[test]
fn an_event_does_not_end_a_pause() {
    let mut world = limited(100, &"abcdefg\n".repeat(1000));
    let Step::Wait(due) = until_it_waits(&mut world) else { panic!("it does not wait") };
    (world.link.readable, world.link.writable) = (true, true);
    assert_eq!(until_it_waits(&mut world), Step::Wait(due));
    assert!(world.stream.out.len() <= 100 && world.link.is_waiting(&world.conn));
}

#[test]
fn who_waits_for_nothing_but_a_request_is_not_held_back() {
    let mut world = limited(100, "abc\n");
    assert_eq!(until_it_waits(&mut world), Step::Wait(world.now.instant + TIMEOUT));
    assert!(!world.link.is_paused());
}

proptest! {
    /// Whatever the stream does, what comes out is what a perfect stream gets, and never
    /// more of it than the rate allows.
    #[test]
    fn no_rate_changes_what_is_said(
        input in lines(), writes in acts(0), rate in 1..300_u64, budget in 1..60_usize, disk in waits(),
    ) {
        let mut world = limited(rate, &input);
        let (begun, burst) = (world.now.instant, Rate::per_second(rate).unwrap().burst());
        (world.budget, world.stream.disk, world.stream.writes) = (budget, disk.into(), writes);
        let says = |word: &str| input.lines().any(|line| line == word);
        for _ in 0..10_000 {
            if world.run(Model::Edge).is_some() || !world.link.is_paused() {
                break;
            }
            let due = world.link.due(&world.conn);
            sleep_until(&mut world, due);
            let seconds = (world.now.instant - begun).as_secs_f64();
            prop_assert!(world.stream.out.len() as f64 <= burst as f64 + rate as f64 * seconds);
        }
        prop_assert!(says("abort") || says("close") || world.stream.out == perfect(&input));
    }
}
