//! Floor 1: a few threads for work that may be slow.
//!
//! The loop does not wait for what takes long: a large listing, a digest, a proof runs
//! here and answers through the loop's waker. The pool is bounded twice, in threads and
//! in jobs that wait, so a flood of slow requests costs no memory and gets 503. Of both, long
//! jobs have a share that leaves something for the others: a cold file does not wait behind
//! forty listings. Work that nobody waits for, such as compressing, has a pool of its own,
//! which takes only the time that is left over. A pool never knows what a job does.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, thread};
use crate::sys;

/// Work to be done once, on some thread of the pool.
pub type Job = Box<dyn FnOnce() + Send>;

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
    /// The job that has waited longest, of those that may be done now; but a long one goes
    /// behind all others while one of its kind is done.
    fn next(&mut self, long_max: usize) -> Option<Waiting> {
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

    fn long_waiting(&self) -> usize {
        self.waiting.iter().filter(|waiting| waiting.long.is_some()).count()
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
        let last = state.waiting.len().saturating_sub(1);
        let taken = state.waiting.remove(index.min(last));
        drop(state);
        taken.map(|taken| catch_unwind(AssertUnwindSafe(taken.job))).is_some()
    }

    /// How many jobs wait.
    pub fn waiting(&self) -> usize {
        self.handle.shared.lock().waiting.len()
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
    /// time: who has one job is not kept by who has many.
    ///
    /// # Errors
    /// As of [`Pool::submit`], and [`Full`] when half of `waiting_max` are such jobs already.
    pub fn submit_long(&self, kind: Kind, job: Job) -> Result<(), Full> {
        self.queue(Waiting { job, long: Some(kind) })
    }

    fn queue(&self, waiting: Waiting) -> Result<(), Full> {
        let shared = &self.handle.shared;
        let mut state = shared.lock();
        let is_full = state.waiting.len() >= shared.waiting_max
            || waiting.long.is_some() && state.long_waiting() >= shared.waiting_max.div_ceil(2);
        if state.closed || is_full {
            return Err(Full);
        }
        if state.idle <= state.waiting.len() && state.threads < shared.threads_max {
            let theirs = Arc::clone(shared);
            let started = thread::Builder::new().name("serve-pool".into()).spawn(move || theirs.run());
            match started {
                Ok(_) => state.threads += 1,
                Err(_) if state.threads == 0 => return Err(Full),
                Err(_) => {}
            }
        }
        state.waiting.push_back(waiting);
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
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// A thread of it has a job, which ends when what is returned is dropped.
    fn keep_busy(pool: &Pool) -> mpsc::Sender<()> {
        keep_busy_by(|job| pool.submit(job))
    }

    fn keep_busy_by(submit: impl Fn(Job) -> Result<(), Full>) -> mpsc::Sender<()> {
        let (started, has_started) = mpsc::channel();
        let (release, released) = mpsc::channel();
        let job = move || {
            started.send(()).unwrap();
            let _ = released.recv();
        };
        submit(Box::new(job)).unwrap();
        has_started.recv().unwrap();
        release
    }

    /// R29.
    #[test]
    fn however_many_long_jobs_there_are_the_others_have_a_thread_and_room_to_wait() {
        let pool = Pool::new(3, 4);
        let busy: Vec<_> = (0..2).map(|_| keep_busy_by(|job| pool.submit_long(1, job))).collect();
        let (done, is_done) = mpsc::channel();
        let tell = |what: &'static str| -> Job {
            let done = done.clone();
            Box::new(move || done.send(what).unwrap())
        };
        // These wait in line, and a third does not.
        assert_eq!((pool.submit_long(1, tell("long")), pool.submit_long(2, tell("long"))), (Ok(()), Ok(())));
        assert_eq!(pool.submit_long(3, tell("too many")), Err(Full));
        // Behind them, and done before them.
        assert_eq!(pool.submit(tell("short")), Ok(()));
        assert_eq!(is_done.recv(), Ok("short"));
        assert_eq!(pool.waiting(), 2);
        drop(busy);
        assert_eq!((is_done.recv(), is_done.recv()), (Ok("long"), Ok("long")));
    }

    #[test]
    fn a_pool_of_one_thread_does_all_in_order() {
        let pool = Pool::new(1, 8);
        let release = keep_busy(&pool);
        let (done, is_done) = mpsc::channel();
        for number in 0..4 {
            let done = done.clone();
            let job: Job = Box::new(move || done.send(number).unwrap());
            if number % 2 == 0 { pool.submit_long(number, job) } else { pool.submit(job) }.unwrap();
        }
        drop((release, done));
        assert_eq!(is_done.iter().collect::<Vec<_>>(), [0, 1, 2, 3]);
    }

    /// R29.
    #[test]
    fn many_long_jobs_of_one_kind_do_not_keep_one_of_another() {
        let pool = Pool::new(4, 64);
        let busy: Vec<_> = (0..2).map(|_| keep_busy_by(|job| pool.submit_long(1, job))).collect();
        let (done, is_done) = mpsc::channel();
        let submit = |kind| {
            let done = done.clone();
            pool.submit_long(kind, Box::new(move || done.send(kind).unwrap())).unwrap();
        };
        [1, 1, 1, 2, 1, 3].into_iter().for_each(submit);
        assert_eq!((is_done.recv(), is_done.recv()), (Ok(2), Ok(3)));
        assert_eq!(pool.waiting(), 4);
        drop((busy, done));
        assert_eq!(is_done.iter().collect::<Vec<_>>(), [1; 4]);
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
