//! Work done once for all who asked before it began.
//!
//! Who asks boards a flight. It departs when the first of its passengers gets a thread of
//! the pool, and from then on takes nobody else: who asks later boards the next one. So
//! what a passenger is given was made after he asked, as if it had been made for him
//! alone, and no time passes in which a result is kept for whoever may come.
//!
//! The next flight of the same key waits for the one that is away, and meanwhile collects
//! passengers: under load that is what makes one work serve many. It does not wait for
//! long, for what is away may be held up by a disk.
//!
//! `Board` is all that is decided, without a thread; [`Flights`] adds the waiting.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// So long a flight waits for the one before it. The longest listing, of ten thousand
/// entries that are in memory, is made in less.
const PATIENCE: Duration = Duration::from_millis(100);

/// Flights to be boarded; clones share them.
pub struct Flights<K, T> {
    shared: Arc<Shared<K, T>>,
}

struct Shared<K, T> {
    board: Mutex<Board<K, T>>,
    /// A flight has landed.
    landed: Condvar,
}

impl<K, T> Shared<K, T> {
    /// Nothing that could panic runs under the lock, so the board is never half changed.
    fn lock(&self) -> MutexGuard<'_, Board<K, T>> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Clone + Eq + Hash, T: Clone> Flights<K, T> {
    /// Boards the next flight of that key; without a key, one that nobody else boards.
    pub fn board(&self, key: Option<K>) -> Ticket<K, T> {
        let number = self.shared.lock().board(key);
        Ticket { number, shared: Arc::clone(&self.shared) }
    }
}

impl<K, T> Clone for Flights<K, T> {
    fn clone(&self) -> Self {
        Flights { shared: Arc::clone(&self.shared) }
    }
}

impl<K, T> Default for Flights<K, T> {
    fn default() -> Self {
        let (board, landed) = (Mutex::new(Board::default()), Condvar::new());
        Flights { shared: Arc::new(Shared { board, landed }) }
    }
}

impl<K, T> fmt::Debug for Flights<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flights").field("open", &self.shared.lock().flights.len()).finish()
    }
}

/// A place on a flight. Who drops it gives it up, and the others fly without him.
pub struct Ticket<K: Eq + Hash, T> {
    number: u64,
    shared: Arc<Shared<K, T>>,
}

impl<K: Clone + Eq + Hash, T: Clone> Ticket<K, T> {
    /// What the flight brings. If it has not departed yet, it does so here, by `make`; if
    /// it is away, this waits for the thread that it is away on, as it would have to wait
    /// for its own. None when `make` has panicked on that thread.
    pub fn fly(self, make: impl FnOnce() -> T) -> Option<T> {
        let (number, shared) = (self.number, &self.shared);
        let is_queued = |board: &mut Board<K, T>| board.phase(number) == Phase::Queued;
        let is_away = |board: &mut Board<K, T>| board.phase(number) == Phase::Away;
        let waited = shared.landed.wait_timeout_while(shared.lock(), PATIENCE, is_queued);
        let (board, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let waited = shared.landed.wait_while(board, is_away);
        let mut board = waited.unwrap_or_else(PoisonError::into_inner);
        if board.phase(number) == Phase::Landed {
            return board.brought(number);
        }
        board.depart(number);
        drop(board);
        let mut landing = Landing { ticket: &self, made: None };
        let made = make();
        landing.made = Some(made.clone());
        Some(made)
    }
}

impl<K: Eq + Hash, T> Drop for Ticket<K, T> {
    fn drop(&mut self) {
        // What the last of a flight leaves behind is dropped when the board is free again.
        let _left = self.shared.lock().leave(self.number);
    }
}

/// Lands a flight, even if the work panics: nobody is left waiting.
struct Landing<'a, K: Eq + Hash, T> {
    ticket: &'a Ticket<K, T>,
    made: Option<T>,
}

impl<K: Eq + Hash, T> Drop for Landing<'_, K, T> {
    fn drop(&mut self) {
        self.ticket.shared.lock().land(self.ticket.number, self.made.take());
        self.ticket.shared.landed.notify_all();
    }
}

/// How far a flight is, for one of its passengers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It could depart, but the one before it is away.
    Queued,
    /// It can depart.
    Ready,
    /// It has departed; nobody boards it any more.
    Away,
    /// It is back.
    Landed,
}

/// All flights that somebody has a ticket for.
struct Board<K, T> {
    flights: HashMap<u64, Flight<K, T>>,
    /// The youngest flight of each key.
    latest: HashMap<K, u64>,
    next: u64,
}

struct Flight<K, T> {
    key: Option<K>,
    stage: Stage<T>,
    passengers: usize,
    /// The one that was away when this one was opened.
    before: Option<u64>,
}

enum Stage<T> {
    Boarding,
    Away,
    /// With what it has brought; None if the work has failed.
    Landed(Option<T>),
}

impl<K, T> Default for Board<K, T> {
    fn default() -> Self {
        Board { flights: HashMap::new(), latest: HashMap::new(), next: 0 }
    }
}

impl<K: Eq + Hash, T> Board<K, T> {
    /// One more passenger; returns the number of the flight.
    fn board(&mut self, key: Option<K>) -> u64
    where
        K: Clone,
    {
        let latest = key.as_ref().and_then(|key| self.latest.get(key)).copied();
        if let Some(number) = latest
            && let Some(flight) = self.flights.get_mut(&number)
            && matches!(flight.stage, Stage::Boarding)
        {
            flight.passengers += 1;
            return number;
        }
        let number = self.next;
        self.next += 1;
        if let Some(key) = key.clone() {
            self.latest.insert(key, number);
        }
        self.flights.insert(number, Flight { key, stage: Stage::Boarding, passengers: 1, before: latest });
        number
    }

    fn phase(&self, number: u64) -> Phase {
        let flight = self.flights.get(&number);
        match flight.map(|flight| (&flight.stage, flight.before)) {
            Some((Stage::Boarding, Some(before))) if self.is_away(before) => Phase::Queued,
            Some((Stage::Boarding, _)) => Phase::Ready,
            Some((Stage::Away, _)) => Phase::Away,
            Some((Stage::Landed(_), _)) | None => Phase::Landed,
        }
    }

    fn is_away(&self, number: u64) -> bool {
        self.flights.get(&number).is_some_and(|flight| matches!(flight.stage, Stage::Away))
    }

    /// Closes the doors. Only now may the work begin.
    fn depart(&mut self, number: u64) {
        if let Some(flight) = self.flights.get_mut(&number) {
            flight.stage = Stage::Away;
        }
    }

    fn land(&mut self, number: u64, brought: Option<T>) {
        if let Some(flight) = self.flights.get_mut(&number) {
            flight.stage = Stage::Landed(brought);
        }
    }

    /// What a flight that has landed has brought.
    fn brought(&self, number: u64) -> Option<T>
    where
        T: Clone,
    {
        match &self.flights.get(&number)?.stage {
            Stage::Landed(brought) => brought.clone(),
            Stage::Boarding | Stage::Away => None,
        }
    }

    /// One passenger less; returns the flight when that was the last.
    fn leave(&mut self, number: u64) -> Option<Flight<K, T>> {
        let flight = self.flights.get_mut(&number)?;
        flight.passengers -= 1;
        if flight.passengers > 0 {
            return None;
        }
        let flight = self.flights.remove(&number)?;
        if let Some(key) = &flight.key
            && self.latest.get(key) == Some(&number)
        {
            self.latest.remove(key);
        }
        Some(flight)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "flight_tests.rs"]
mod tests;
