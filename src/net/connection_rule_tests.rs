//! The rules of a turn, one by one.

use super::*;

fn acts<const N: usize>(acts: [Act; N]) -> VecDeque<Act> {
    VecDeque::from(acts)
}

#[test]
fn who_has_nothing_to_do_waits_for_the_deadline_of_the_protocol() {
    let mut world = World::new("");
    assert_eq!(world.turns(), Step::Wait(world.now.instant + TIMEOUT));
    assert_eq!((world.stream.calls, world.link.readable, world.link.writable), (1, false, true));
    assert_eq!(world.turns(), Step::Wait(world.now.instant + TIMEOUT));
    assert_eq!(world.stream.calls, 1, "without an event nothing is tried");
}

/// R28.
#[test]
fn only_would_block_clears_a_latch() {
    let mut world = World::new("abc\n");
    world.stream.reads = acts([Act::Some(1), Act::Interrupt, Act::Some(1), Act::Some(9)]);
    world.stream.writes = acts([Act::Some(1), Act::Interrupt, Act::Some(2)]);
    assert!(matches!(world.turns(), Step::Wait(_)));
    assert_eq!(world.stream.out, b"cba\n");
    assert_eq!((world.link.readable, world.link.writable), (false, true));
}

#[test]
fn who_cannot_write_does_not_read_more_than_the_protocol_wants() {
    let mut world = World::new(&"abc\n".repeat(100));
    world.stream.writes = acts([Act::Block]);
    assert!(matches!(world.turns(), Step::Wait(_)));
    assert!(world.link.readable && !world.link.writable);
    assert!(world.conn.queue.remaining() <= WAITING_MAX + 4 && world.stream.moved == 64);
}

/// R28b.
#[test]
fn a_turn_ends_when_its_budget_is_spent_and_the_next_goes_on() {
    let mut world = World::new(&format!("{}\n", "abc".repeat(133)));
    (world.scratch, world.budget) = (vec![0; 1000], 50);
    let mut turns = 0;
    while world.turn() == Step::Yield {
        turns += 1;
    }
    assert_eq!((world.stream.out.len(), world.stream.moved), (400, 800));
    assert!((1 + 400 / 54..=1 + 400 / 50).contains(&turns), "{turns}");
}

/// R20: many requests in one read are work for many turns, however short their answers are.
#[test]
fn what_is_answered_while_answers_are_sent_is_for_the_next_turn() {
    let mut world = World::new(&"abc\n".repeat(100));
    world.scratch = vec![0; 1000];
    let mut sent = 0;
    while world.turn() == Step::Yield {
        let more = world.stream.out.len() - sent;
        assert!((1..=WAITING_MAX as usize + 4).contains(&more), "{more} bytes in one turn");
        sent = world.stream.out.len();
    }
    assert_eq!(world.stream.out.len(), 400);
}

#[test]
fn a_turn_reads_once_for_what_comes_later_is_for_a_later_time() {
    let mut world = World::new("abc\nabc\n");
    world.scratch = vec![0; 4];
    assert_eq!((world.turn(), &world.stream.out[..]), (Step::Read, &b"cba\n"[..]));
    assert_eq!((world.turn(), world.stream.out.len()), (Step::Read, 8));
    assert!(matches!(world.turn(), Step::Wait(_)));
}

/// R29: waiting for a disk is neither sending nor spinning.
#[test]
fn who_waits_for_a_disk_sends_nothing_until_it_is_told() {
    let mut world = World::new("abc\nd\n");
    world.stream.disk = VecDeque::from([true]).into();
    assert_eq!(world.turns(), Step::Fetch(world.now.instant + TIMEOUT));
    assert_eq!(world.turns(), Step::Wait(world.now.instant + TIMEOUT));
    assert!(world.stream.out.is_empty());
    world.link.fetched();
    assert!(matches!(world.turns(), Step::Wait(_)));
    assert_eq!(world.stream.out, b"cba\nd\n");
}

/// R29: where nobody has time for that, it is asked for again, and no timeout is the peer's.
#[test]
fn who_is_put_off_sends_nothing_and_asks_again() {
    let mut world = World::new("abc\n");
    world.stream.disk = VecDeque::from([true; 2]).into();
    assert!(matches!(world.turns(), Step::Fetch(_)));
    let until = world.now.instant + Duration::from_millis(10);
    (world.fetching, world.conn.deadline) = (false, world.now.instant);
    world.link.put_off(until);
    assert!(world.link.is_waiting(&world.conn) && world.link.due(&world.conn) == until);
    (world.now, world.conn.deadline) = (world.now.later(Duration::from_millis(10)), until + TIMEOUT);
    assert!(matches!(world.turns(), Step::Fetch(_)) && !world.link.is_paused());
    assert!(world.stream.out.is_empty());
    world.fetching = false;
    world.link.fetched();
    assert!(matches!(world.turns(), Step::Wait(_)));
    assert_eq!(world.stream.out, b"cba\n");
}

#[test]
fn what_was_fetched_is_fetched_again_only_when_some_of_it_was_sent() {
    let mut world = World::new("abc\n");
    world.stream.disk = VecDeque::from([true; 4]).into();
    world.stream.writes = acts([Act::Block, Act::Some(1), Act::Some(1)]);
    assert!(matches!(world.turns(), Step::Fetch(_)));
    (world.fetching, world.stream.blocked) = (false, [false; 2]);
    world.link.fetched();
    assert!(matches!(world.turns(), Step::Wait(_)), "the socket takes nothing: no reason to ask the disk");
    (world.link.writable, world.stream.blocked) = (true, [false; 2]);
    assert!(matches!(world.turns(), Step::Fetch(_)));
    assert_eq!(world.stream.out, b"c");
}

#[test]
fn a_stream_that_is_always_interrupted_lets_others_go_first() {
    let mut world = World::new("abc\n");
    world.stream.reads = (0..100_000).map(|_| Act::Interrupt).collect();
    assert_eq!((world.turn(), world.stream.calls), (Step::Read, 1));
    assert!(!world.link.take_moved(), "and that is no progress");
}

#[test]
fn where_a_short_read_empties_the_stream_no_other_read_is_tried() {
    let mut world = World::new("abc\n");
    world.stream.short_read_empties = true;
    assert!(matches!(world.turn(), Step::Wait(_)));
    assert_eq!((world.stream.calls, &world.stream.out[..]), (2, &b"cba\n"[..]));
    let mut world = World::new("abc\n");
    (world.stream.short_read_empties, world.link.ends, world.stream.ends) = (true, true, true);
    assert_eq!(world.turns(), Step::Close, "unless the end was announced");
    let mut world = World::new("part\n");
    world.stream.short_read_empties = true;
    assert_eq!((world.turns(), world.stream.calls), (Step::Close, 3), "nor before a close that could reset");
}

#[test]
fn a_turn_tells_whether_anything_moved() {
    let mut world = World::new("");
    world.turns();
    assert!(world.link.take_moved(), "it has found out that there is nothing to read");
    world.turns();
    assert!(!world.link.take_moved(), "nothing was tried");
    world.stream.incoming.extend(b"abc\n");
    (world.link.readable, world.stream.blocked) = (true, [false; 2]);
    world.turns();
    assert!(world.link.take_moved() && !world.link.take_moved(), "bytes; told once");
    (world.stream.ends, world.link.readable, world.stream.blocked) = (true, true, [false; 2]);
    world.turns();
    assert!(world.link.take_moved(), "the end of input");
}

#[test]
fn the_end_is_read_once_and_what_was_asked_before_is_answered() {
    let mut world = World::new("abc\n");
    (world.stream.ends, world.stream.writes) = (true, acts([Act::Block]));
    assert!(matches!(world.turns(), Step::Wait(_)));
    world.link.readable = true;
    (world.link.writable, world.stream.blocked) = (true, [false; 2]);
    assert_eq!(world.turns(), Step::Close);
    assert_eq!((&world.stream.out[..], world.stream.aborted), (&b"cba\n"[..], false));
}

/// R29c: an event may say that the peer has ended, or that something is wrong, where
/// neither is so; and it may not say it where it is. Only what a read says counts.
#[test]
fn hints_of_an_end_are_only_a_reason_to_look() {
    for short_read_empties in [false, true] {
        let mut world = World::new("abc\n");
        (world.link.ends, world.stream.short_read_empties) = (true, short_read_empties);
        assert!(matches!(world.turns(), Step::Wait(_)), "there was no end");
        world.stream.incoming.extend(b"def\n");
        (world.link.readable, world.stream.blocked) = (true, [false; 2]);
        assert!(matches!(world.turns(), Step::Wait(_)));
        assert_eq!((&world.stream.out[..], world.stream.aborted), (&b"cba\nfed\n"[..], false));
        // The end comes with data, and with no word of it: all is read and answered first.
        world.stream.incoming.extend(b"ghi\n");
        (world.stream.ends, world.link.readable, world.stream.blocked) = (true, true, [false; 2]);
        world.link.ends = false;
        let mut step = world.turns();
        if step != Step::Close {
            // Where a short read hides the end, an event tells of it.
            assert!(short_read_empties);
            (world.link.readable, world.link.ends, world.stream.blocked) = (true, true, [false; 2]);
            step = world.turns();
        }
        assert_eq!((step, &world.stream.out[..]), (Step::Close, &b"cba\nfed\nihg\n"[..]));
    }
}

/// R22.
#[test]
fn the_half_close_follows_the_last_byte_and_then_input_is_discarded() {
    let mut world = World::new("finish\nmore and more");
    world.scratch = vec![0; 7];
    assert!(matches!(world.turns(), Step::Wait(_)));
    assert_eq!((world.stream.finished, world.conn.discarded), (Some(7), 13));
    (world.stream.ends, world.link.readable, world.stream.blocked) = (true, true, [false; 2]);
    assert_eq!(world.turns(), Step::Close);
}

#[test]
fn half_closing_is_done_in_the_same_turn_though_the_budget_is_spent() {
    let mut world = World::new("finish\n");
    world.budget = 14;
    assert_eq!((world.turns(), world.stream.finished), (Step::Yield, Some(7)));
    let mut world = World::new("");
    (world.budget, world.stream.ends) = (1, true);
    assert_eq!(world.turns(), Step::Close);
}

#[test]
fn a_half_close_that_fails_closes() {
    let mut world = World::new("finish\n");
    world.stream.finish_fails = true;
    assert_eq!((world.turns(), world.stream.aborted), (Step::Close, false));
}

#[test]
fn who_promised_to_say_no_more_is_closed_when_a_read_finds_nothing() {
    let mut world = World::new("part\n");
    assert_eq!((world.turns(), world.stream.finished), (Step::Close, None));
    assert_eq!(world.stream.out, b"trap\n");
    let mut world = World::new("part\nand yet");
    world.scratch = vec![0; 5];
    assert!(matches!(world.turns(), Step::Wait(_)), "who goes on is lingered for");
    assert_eq!((world.stream.finished, world.conn.discarded), (Some(5), 7));
}

/// R22.
#[test]
fn aborting_resets_and_sends_nothing_more() {
    let mut world = World::new("abc\nabort\nabc\n");
    assert_eq!(world.turns(), Step::Close);
    assert!(world.stream.aborted && world.stream.out.is_empty());
}

#[test]
fn an_error_with_something_unsent_resets() {
    for act in [Act::Fail, Act::Some(0)] {
        let mut world = World::new("abc\n");
        world.stream.writes = acts([Act::Some(1), act]);
        assert_eq!((world.turns(), world.stream.aborted), (Step::Close, true), "{act:?}");
    }
    let mut world = World::new("abc\n");
    world.stream.reads = acts([Act::Fail]);
    assert_eq!((world.turns(), world.stream.aborted), (Step::Close, false));
}
