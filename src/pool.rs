//! Floor 1: a few threads for work that may be slow.
//!
//! The loop does not wait for what takes long: a large listing, a digest, a proof runs
//! here and answers through the loop's waker. The pool is bounded twice, in threads and
//! in jobs that wait, so a flood of slow requests costs no memory and gets 503. Who was let
//! in gets on, however many want to be: the [steps](Pool::submit_step) of what is being sent
//! have a queue of their own, and take turns with the rest. Work
//! that nobody waits for, such as compressing, has a pool of its own, which takes only
//! the time that is left over. A pool never knows what a job does.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, thread};
use crate::sys;

/// Work to be done once, on some thread of the pool.
pub type Job = Box<dyn FnOnce() + Send>;

/// So many steps may wait where one job may: each is of another connection, and small.
const STEPS_FOR_A_JOB: usize = 64;

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
    waiting: VecDeque<Job>,
    steps: VecDeque<Job>,
    /// Whose turn it is, if there are both.
    is_turn_of_steps: bool,
    threads: usize,
    idle: usize,
    closed: bool,
}

impl State {
    fn len(&self) -> usize {
        self.waiting.len() + self.steps.len()
    }

    /// Neither has the other wait for more than one at a time.
    fn next(&mut self) -> Option<Job> {
        self.is_turn_of_steps = !self.is_turn_of_steps;
        if self.is_turn_of_steps {
            self.steps.pop_front().or_else(|| self.waiting.pop_front())
        } else {
            self.waiting.pop_front().or_else(|| self.steps.pop_front())
        }
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
            Some(index) => state.waiting.remove(index),
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
        let shared = &self.handle.shared;
        let mut state = shared.lock();
        if state.waiting.len() >= shared.waiting_max {
            return Err(Full);
        }
        Shared::staff(shared, &mut state)?;
        state.waiting.push_back(job);
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
        let mut state = self.lock();
        loop {
            if let Some(job) = state.next() {
                drop(state);
                // A job that panics must not take its thread along (hazards R29b);
                // whoever submitted it learns of the panic from the job itself.
                let _ = catch_unwind(AssertUnwindSafe(job));
                state = self.lock();
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
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// A thread of it has a job, which ends when what is returned is dropped.
    fn keep_busy(pool: &Pool) -> mpsc::Sender<()> {
        let (started, has_started) = mpsc::channel();
        let (release, released) = mpsc::channel();
        pool.submit(Box::new(move || {
            started.send(()).unwrap();
            let _ = released.recv();
        }))
        .unwrap();
        has_started.recv().unwrap();
        release
    }

    /// R29.
    #[test]
    fn a_full_queue_refuses() {
        let pool = Pool::new(1, 1);
        let release = keep_busy(&pool);
        assert_eq!(pool.submit(Box::new(|| {})), Ok(()));
        assert_eq!(pool.submit(Box::new(|| {})), Err(Full));
        drop(release);
    }

    /// R29.
    #[test]
    fn a_step_is_taken_where_jobs_are_refused_and_there_is_an_end_to_that_too() {
        let pool = Pool::by_hand(1);
        assert_eq!(pool.submit(Box::new(|| {})), Ok(()));
        assert_eq!(pool.submit(Box::new(|| {})), Err(Full));
        for _ in 0..STEPS_FOR_A_JOB {
            assert_eq!(pool.submit_step(Box::new(|| {})), Ok(()));
        }
        assert_eq!(pool.submit_step(Box::new(|| {})), Err(Full));
        assert_eq!(pool.waiting(), 1 + STEPS_FOR_A_JOB);
        while pool.work(0) {}
        pool.close();
        assert_eq!(pool.submit_step(Box::new(|| {})), Err(Full));
    }

    /// R29.
    #[test]
    fn jobs_and_steps_take_turns_however_many_there_are_of_one_kind() {
        let pool = Pool::new(1, 8);
        let release = keep_busy(&pool);
        let (done, is_done) = mpsc::channel();
        let tell = |what: char| {
            let done = done.clone();
            Box::new(move || done.send(what).unwrap())
        };
        (0..4).for_each(|_| pool.submit_step(tell('s')).unwrap());
        (0..2).for_each(|_| pool.submit(tell('j')).unwrap());
        drop((release, done));
        let order: String = is_done.iter().collect();
        assert!(["sjsjss", "jsjsss"].contains(&&*order), "{order}");
    }

    /// R29b.
    #[test]
    fn a_panic_leaves_the_pool_working() {
        let pool = Pool::new(1, 8);
        pool.submit(Box::new(|| panic!("on purpose"))).unwrap();
        let (done, is_done) = mpsc::channel();
        pool.submit(Box::new(move || done.send(()).unwrap())).unwrap();
        is_done.recv().unwrap();
    }

    #[test]
    fn what_somebody_waits_for_is_done_even_when_the_pool_is_gone() {
        let pool = Pool::new(1, 8);
        let (release, released) = mpsc::channel::<()>();
        let (done, is_done) = mpsc::channel();
        pool.submit(Box::new(move || {
            let _ = released.recv();
        }))
        .unwrap();
        pool.submit(Box::new(move || done.send(()).unwrap())).unwrap();
        drop(pool);
        drop(release);
        is_done.recv().unwrap();
    }

    /// As those do that compress: else a server that has ended would go on for minutes.
    #[test]
    fn a_closed_pool_of_the_background_drops_what_waits_though_that_holds_the_pool() {
        let pool = Pool::background(1, 8);
        let release = keep_busy(&pool);
        let (done, is_done) = mpsc::channel::<()>();
        let theirs = pool.clone();
        pool.submit(Box::new(move || {
            let _theirs = theirs;
            let _ = done.send(());
        }))
        .unwrap();
        pool.close();
        assert_eq!(pool.submit(Box::new(|| {})), Err(Full));
        assert!(is_done.recv().is_err());
        drop(release);
    }

    /// R29.
    #[test]
    fn never_more_threads_than_asked_for() {
        let pool = Pool::new(2, 64);
        let (done, is_done) = mpsc::channel();
        for _ in 0..32 {
            let done = done.clone();
            pool.submit(Box::new(move || done.send(thread::current().id()).unwrap())).unwrap();
        }
        drop(done);
        let mut ids: Vec<_> = is_done.iter().collect();
        assert_eq!(ids.len(), 32);
        ids.sort_by_key(|id| format!("{id:?}"));
        ids.dedup();
        assert!((1..=2).contains(&ids.len()));
    }
}
