//! Floor 1: a few threads for work that may be slow.
//!
//! The loop does not wait for what takes long: a large listing, a digest, a proof runs
//! here and answers through the loop's waker. The pool is bounded twice, in threads and
//! in jobs that wait, so a flood of slow requests costs no memory and gets 503. Of both, long
//! jobs have a share that leaves something for the others: a cold file does not wait behind
//! forty listings. And who was let in gets on, however many want to be: the
//! [steps](Pool::submit_step) of what is being sent have a queue of their own, and take turns
//! with the rest. Work that nobody waits for, such as compressing, has a pool of its own,
//! which takes only the time that is left over. A pool never knows what a job does.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, thread};
use crate::sys;

/// Work to be done once, on some thread of the pool.
pub type Job = Box<dyn FnOnce() + Send>;

/// So many steps may wait where one job may: each is of another connection, and small.
const STEPS_FOR_A_JOB: usize = 64;

/// Which long jobs are for the same: they take turns with those that are for others.
pub type Kind = u64;

/// As many jobs wait as may wait.
#[derive(Debug, PartialEq, Eq)]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too many slow requests are waiting")
    }
}

impl std::error::Error for Full {}

/// The pool; clones share it. Its threads start when they are first needed and
/// end when the last clone is dropped and what somebody waits for is done: a loop may go
/// on with another pool.
#[derive(Clone)]
pub struct Pool {
    handle: Arc<Handle>,
}

/// Dropped with the last clone, which closes the queue.
struct Handle {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    work: Condvar,
    threads_max: usize,
    waiting_max: usize,
    is_background: bool,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    steps: VecDeque<Job>,
    /// Whose turn it is, if there are both.
    is_turn_of_steps: bool,
    /// The long jobs that are done at the moment, by their kind.
    at_work: Vec<Kind>,
    threads: usize,
    idle: usize,
    closed: bool,
}

struct Waiting {
    job: Job,
    long: Option<Kind>,
}

impl State {
    fn len(&self) -> usize {
        self.waiting.len() + self.steps.len()
    }

    /// What is done next. Neither steps nor jobs wait for more than one of the others at a time.
    fn next(&mut self, long_max: usize) -> Option<Waiting> {
        self.is_turn_of_steps = !self.is_turn_of_steps;
        if self.is_turn_of_steps {
            self.next_step().or_else(|| self.next_job(long_max))
        } else {
            self.next_job(long_max).or_else(|| self.next_step())
        }
    }

    fn next_step(&mut self) -> Option<Waiting> {
        self.steps.pop_front().map(|job| Waiting { job, long: None })
    }

    /// The job that has waited longest, of those that may be done now; but a long one goes
    /// behind all others while one of its kind is done.
    fn next_job(&mut self, long_max: usize) -> Option<Waiting> {
        let kind_max = long_max.saturating_sub(1).max(1);
        let may_be_long = self.at_work.len() < long_max;
        let of_kind = |kind| self.at_work.iter().filter(|other| **other == kind).count();
        let first = |kind_max| {
            let may_be_done =
                |waiting: &Waiting| waiting.long.is_none_or(|kind| may_be_long && of_kind(kind) < kind_max);
            self.waiting.iter().position(may_be_done)
        };
        let index = first(1).or_else(|| first(kind_max))?;
        self.waiting.remove(index)
    }

    /// Whether a long job of this kind has to be refused, where there is room for others.
    fn is_full_for(&self, kind: Kind, waiting_max: usize) -> bool {
        let long = || self.waiting.iter().filter_map(|waiting| waiting.long);
        let of_kind = || long().filter(|other| *other == kind);
        long().count() >= waiting_max.div_ceil(2) || of_kind().count() >= waiting_max.div_ceil(4)
    }
}

impl Pool {
    /// A pool of at most `threads_max` threads, where at most `waiting_max` jobs wait.
    pub fn new(threads_max: usize, waiting_max: usize) -> Self {
        Pool::with(threads_max, waiting_max, false)
    }

    /// The same for work that nobody waits for: its threads run when no other wants to,
    /// as far as the system can do that ([`sys::lower_priority`]).
    pub fn background(threads_max: usize, waiting_max: usize) -> Self {
        Pool::with(threads_max, waiting_max, true)
    }

    /// A pool without threads, for tests in virtual time: a job is done when somebody says
    /// so, by [`Pool::work`].
    pub fn by_hand(waiting_max: usize) -> Self {
        Pool::with(0, waiting_max, false)
    }

    /// Does one of the jobs that wait, the `index`-th or the last; says whether there was any.
    pub fn work(&self, index: usize) -> bool {
        let mut state = self.handle.shared.lock();
        let index = index.min(state.len().saturating_sub(1));
        let job = match index.checked_sub(state.steps.len()) {
            Some(index) => state.waiting.remove(index).map(|waiting| waiting.job),
            None => state.steps.remove(index),
        };
        drop(state);
        job.map(|job| catch_unwind(AssertUnwindSafe(job))).is_some()
    }

    /// How many jobs wait, and steps.
    pub fn waiting(&self) -> usize {
        self.handle.shared.lock().len()
    }

    fn with(threads_max: usize, waiting_max: usize, is_background: bool) -> Self {
        let (state, work) = (Mutex::new(State::default()), Condvar::new());
        let shared = Shared { state, work, threads_max, waiting_max, is_background };
        Pool { handle: Arc::new(Handle { shared: Arc::new(shared) }) }
    }

    /// Queues a job.
    ///
    /// # Errors
    /// [`Full`] when `waiting_max` jobs wait already, no thread can be had, or the pool is
    /// closed.
    pub fn submit(&self, job: Job) -> Result<(), Full> {
        self.queue(Waiting { job, long: None })
    }

    /// Queues a job that takes long: where there are several threads, one of them does none
    /// of these, and half of those that wait are not of these. Another thread does none of a
    /// kind that others are at already, and while other kinds wait, one of each is done at a
    /// time; of the places to wait one kind has half of what all have: who has one job is not
    /// kept by who has many.
    ///
    /// # Errors
    /// As of [`Pool::submit`], and [`Full`] when half of `waiting_max` are such jobs already, or
    /// a quarter are of this kind.
    pub fn submit_long(&self, kind: Kind, job: Job) -> Result<(), Full> {
        self.queue(Waiting { job, long: Some(kind) })
    }

    fn queue(&self, waiting: Waiting) -> Result<(), Full> {
        let shared = &self.handle.shared;
        let mut state = shared.lock();
        let is_full = state.waiting.len() >= shared.waiting_max
            || waiting.long.is_some_and(|kind| state.is_full_for(kind, shared.waiting_max));
        if is_full {
            return Err(Full);
        }
        Shared::staff(shared, &mut state)?;
        state.waiting.push_back(waiting);
        drop(state);
        shared.work.notify_one();
        Ok(())
    }

    /// Queues the next step of what was begun: it cannot be answered by 503 any more, and
    /// waits for its turn where jobs are refused.
    ///
    /// # Errors
    /// As of [`Pool::submit`], but for many times as many.
    pub fn submit_step(&self, step: Job) -> Result<(), Full> {
        let shared = &self.handle.shared;
        let mut state = shared.lock();
        if state.steps.len() >= shared.waiting_max.saturating_mul(STEPS_FOR_A_JOB) {
            return Err(Full);
        }
        Shared::staff(shared, &mut state)?;
        state.steps.push_back(step);
        drop(state);
        shared.work.notify_one();
        Ok(())
    }

    /// Ends it as the drop of the last clone does, though there are others: jobs may have
    /// some, and would keep it alive until the last of them is done.
    pub fn close(&self) {
        self.handle.shared.close();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl Shared {
    /// Sees to it that there is somebody for one more.
    fn staff(shared: &Arc<Shared>, state: &mut State) -> Result<(), Full> {
        if state.closed {
            return Err(Full);
        }
        if state.idle <= state.len() && state.threads < shared.threads_max {
            let theirs = Arc::clone(shared);
            let started = thread::Builder::new().name("serve-pool".into()).spawn(move || theirs.run());
            match started {
                Ok(_) => state.threads += 1,
                Err(_) if state.threads == 0 => return Err(Full),
                Err(_) => {}
            }
        }
        Ok(())
    }

    /// Jobs run outside the lock, so a panic cannot leave the state half changed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let unwanted = if self.is_background { std::mem::take(&mut state.waiting) } else { VecDeque::new() };
        drop(state);
        self.work.notify_all();
        // Not under the lock: what a job holds is no business of ours.
        drop(unwanted);
    }

    fn run(&self) {
        if self.is_background {
            sys::lower_priority();
        }
        let long_max = self.threads_max.saturating_sub(1).max(1);
        let mut state = self.lock();
        loop {
            if let Some(Waiting { job, long }) = state.next(long_max) {
                state.at_work.extend(long);
                drop(state);
                // A job that panics must not take its thread along (hazards R29b);
                // whoever submitted it learns of the panic from the job itself.
                let _ = catch_unwind(AssertUnwindSafe(job));
                state = self.lock();
                // Who waited for that needs no call: this thread looks again.
                if let Some(done) = state.at_work.iter().position(|kind| Some(*kind) == long) {
                    state.at_work.swap_remove(done);
                }
            } else if state.closed {
                state.threads -= 1;
                return;
            } else {
                state.idle += 1;
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "pool_tests.rs"]
mod tests;
