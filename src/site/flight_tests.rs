//! Whatever the order of things: nobody is given what was begun before he asked, and
//! nobody is left waiting.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use proptest::prelude::*;

use super::*;

/// What somebody does; the number says which of those who can do it.
#[derive(Clone, Debug)]
enum Act {
    /// Asks for one of two keys, or for none.
    Ask(Option<u8>),
    /// Gets a thread. One that is queued may have lost its patience.
    Run(usize, bool),
    /// Comes to the end of its work, or to a panic.
    End(usize, bool),
    /// Gives up, before it has a thread.
    Leave(usize),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => prop::option::weighted(0.9, 0u8..2).prop_map(Act::Ask),
        4 => (any::<usize>(), prop::bool::weighted(0.2)).prop_map(|(who, hurry)| Act::Run(who, hurry)),
        2 => (any::<usize>(), prop::bool::weighted(0.8)).prop_map(|(who, works)| Act::End(who, works)),
        1 => any::<usize>().prop_map(Act::Leave),
    ];
    prop::collection::vec(act, 0..80)
}

/// A passenger: of which flight, what it asked for, and when.
#[derive(Clone, Copy, Debug)]
struct Passenger {
    flight: u64,
    key: Option<u8>,
    asked: u64,
}

/// What is brought: the key, and when it was begun.
type Cargo = (Option<u8>, u64);

#[derive(Default)]
struct World {
    board: Board<u8, Cargo>,
    time: u64,
    /// Those without a thread, or with one on which they wait.
    waiting: Vec<Passenger>,
    /// Those who do the work, and when they began.
    working: Vec<(Passenger, u64)>,
    /// Flights on which somebody works or has worked.
    flown: Vec<u64>,
}

impl World {
    fn act(&mut self, act: Act) {
        self.time += 1;
        match act {
            Act::Ask(key) => {
                let flight = self.board.board(key);
                self.waiting.push(Passenger { flight, key, asked: self.time });
            }
            Act::Run(who, hurry) if !self.waiting.is_empty() => {
                let who = who % self.waiting.len();
                self.run(who, hurry);
            }
            Act::End(who, works) if !self.working.is_empty() => {
                let (passenger, begun) = self.working.swap_remove(who % self.working.len());
                self.board.land(passenger.flight, works.then_some((passenger.key, begun)));
                self.board.leave(passenger.flight);
            }
            Act::Leave(who) if !self.waiting.is_empty() => {
                let passenger = self.waiting.swap_remove(who % self.waiting.len());
                self.board.leave(passenger.flight);
            }
            Act::Run(..) | Act::End(..) | Act::Leave(_) => {}
        }
        let open = self.board.flights.len();
        assert!(open <= self.waiting.len() + self.working.len() && self.board.latest.len() <= open);
    }

    /// As [`Ticket::fly`] does, but for the waiting. Says whether the passenger got on.
    fn run(&mut self, who: usize, hurry: bool) -> bool {
        let passenger = self.waiting[who];
        match self.board.phase(passenger.flight) {
            Phase::Queued if !hurry => return false,
            Phase::Away => return false,
            Phase::Queued | Phase::Ready => {
                assert!(!self.flown.contains(&passenger.flight), "a flight departs once");
                self.flown.push(passenger.flight);
                self.board.depart(passenger.flight);
                self.working.push((passenger, self.time));
            }
            Phase::Landed => {
                if let Some((key, begun)) = self.board.brought(passenger.flight) {
                    assert!(begun > passenger.asked, "begun at {begun}: {passenger:?}");
                    assert_eq!(key, passenger.key);
                }
                self.board.leave(passenger.flight);
            }
        }
        self.waiting.swap_remove(who);
        true
    }
}

proptest! {
    #[test]
    fn nobody_gets_what_began_before_he_asked_and_everybody_gets_something(acts in acts()) {
        let mut world = World::default();
        for act in acts {
            world.act(act);
        }
        // Then all get their threads, and all work ends.
        for _ in 0..1000 {
            while !world.working.is_empty() {
                world.act(Act::End(0, true));
            }
            world.time += 1;
            let before = world.waiting.len();
            let got_on = (0..before).rev().filter(|&who| world.run(who, false)).count();
            prop_assert!(before == 0 || got_on > 0, "{:?}", world.waiting);
        }
        prop_assert!(world.waiting.is_empty());
        prop_assert!(world.board.flights.is_empty() && world.board.latest.is_empty());
    }

    #[test]
    fn who_asks_before_the_departure_shares_and_who_asks_later_does_not(before in 1usize..9, after in 1usize..9) {
        let mut board: Board<u8, u64> = Board::default();
        let first: Vec<u64> = (0..before).map(|_| board.board(Some(1))).collect();
        let (other, alone) = (board.board(Some(2)), [board.board(None), board.board(None)]);
        board.depart(first[0]);
        let second: Vec<u64> = (0..after).map(|_| board.board(Some(1))).collect();
        prop_assert!(first.iter().all(|flight| *flight == first[0]));
        prop_assert!(second.iter().all(|flight| *flight == second[0]));
        let mut all = vec![first[0], second[0], other, alone[0], alone[1]];
        all.sort_unstable();
        all.dedup();
        prop_assert_eq!(all.len(), 5);
        // It waits for the one that is away, and for no other.
        prop_assert_eq!((board.phase(second[0]), board.phase(other)), (Phase::Queued, Phase::Ready));
        board.land(first[0], None);
        prop_assert_eq!(board.phase(second[0]), Phase::Ready);
    }
}

/// Boards so many, sends them off on threads of their own, and holds the work of each
/// flight until it is let go.
fn fly_together(passengers: usize, work: impl Fn() -> u64 + Sync) -> Vec<Option<u64>> {
    let flights: Flights<u8, u64> = Flights::default();
    let tickets: Vec<_> = (0..passengers).map(|_| flights.board(Some(1))).collect();
    let fly = |ticket: Ticket<u8, u64>| catch_unwind(AssertUnwindSafe(|| ticket.fly(&work))).ok().flatten();
    let brought = thread::scope(|scope| {
        let threads: Vec<_> = tickets.into_iter().map(|ticket| scope.spawn(move || fly(ticket))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(flights.shared.lock().flights.is_empty(), "nothing is kept for nobody");
    brought
}

#[test]
fn one_work_serves_all_who_are_aboard() {
    let works = AtomicU64::new(0);
    let brought = fly_together(8, || 40 + works.fetch_add(1, Ordering::Relaxed));
    assert_eq!(brought, [Some(40); 8]);
}

#[test]
fn a_panic_strands_nobody() {
    let works = AtomicU64::new(0);
    let brought = fly_together(8, || {
        works.fetch_add(1, Ordering::Relaxed);
        panic!("on purpose")
    });
    assert_eq!((brought, works.into_inner()), (vec![None; 8], 1));
}

#[test]
fn the_others_fly_without_who_gives_up() {
    let flights: Flights<u8, u64> = Flights::default();
    let (first, second) = (flights.board(Some(1)), flights.board(Some(1)));
    drop(first);
    assert_eq!(second.fly(|| 7), Some(7));
    assert!(flights.shared.lock().latest.is_empty());
}

#[test]
fn a_flight_that_is_held_up_does_not_hold_up_the_next_for_good() {
    let flights: Flights<u8, u64> = Flights::default();
    let held = flights.board(Some(1));
    let (departed, released) = (Barrier::new(2), Barrier::new(2));
    thread::scope(|scope| {
        let held = scope.spawn(|| {
            held.fly(|| {
                departed.wait();
                released.wait();
                1
            })
        });
        departed.wait();
        // This one comes home first, though it has left later.
        let next = flights.board(Some(1)).fly(|| 2);
        released.wait();
        assert_eq!((next, held.join().unwrap()), (Some(2), Some(1)));
    });
}

#[test]
fn what_is_brought_is_dropped_with_the_last_ticket() {
    let flights: Flights<u8, Arc<()>> = Flights::default();
    let (first, second) = (flights.board(Some(1)), flights.board(Some(1)));
    let brought = first.fly(|| Arc::new(())).unwrap();
    assert_eq!(Arc::strong_count(&brought), 2);
    assert!(Arc::ptr_eq(&brought, &second.fly(Arc::default).unwrap()));
    assert_eq!(Arc::strong_count(&brought), 1);
}
