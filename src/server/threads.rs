//! The threads of the loops: one for each, and another one where a thread can no longer
//! reach what is shared.
//!
//! A sandbox takes from a thread for good. So a loop whose root was made anew leaves its
//! thread, with all its connections, and goes on in a new one, which the main thread starts
//! and which then confines itself to the new root.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::confinement::Confinement;
use super::{Loop, POOL_THREADS, POOL_WAITING_MAX, stop};
use crate::h1::Made;
use crate::net::{Counters, Remote};
use crate::pool::Pool;
use crate::site::Reach;
use crate::sys::sandbox::Identity;

/// A machine that has no thread to give is asked again after this time.
const PATIENCE: Duration = Duration::from_millis(100);

/// A loop, and how far it reaches.
pub struct Served {
    pub number: usize,
    pub each: Loop,
    pub reach: Option<Arc<Reach>>,
}

/// Why a thread has ended.
enum Ended {
    /// The loop is over.
    Over(io::Result<Counters>),
    /// It has to go on in another thread.
    Beyond(Box<Served>),
}

/// What the threads have in common.
struct Common {
    confinement: Confinement,
    /// The threads of a pool are started by loops, and reach as far. So those of one reach
    /// share one.
    pool: Mutex<Option<(Option<Identity>, Pool)>>,
    remotes: Vec<Remote<Made>>,
}

/// Runs all loops until all are over.
///
/// # Errors
/// When a loop is lost; the others are stopped then, too.
pub fn run(loops: Vec<Served>, confinement: Confinement, remotes: Vec<Remote<Made>>) -> io::Result<Counters> {
    let common = Arc::new(Common { confinement, pool: Mutex::default(), remotes });
    let (tell, told) = channel();
    let (mut threads, mut left) = (Vec::new(), loops.len());
    for served in loops {
        let started = start(Box::new(served), &common, &tell).inspect_err(|_| stop(&common.remotes));
        threads.push(started.map_err(|(error, _)| error)?);
    }
    let mut total = Ok(Counters::default());
    let mut waiting = Vec::new();
    while left > 0 {
        match next(&told, !waiting.is_empty()) {
            Some(Ended::Beyond(served)) => waiting.push(served),
            Some(Ended::Over(result)) => {
                left -= 1;
                total = match (total, result) {
                    (Ok(sum), Ok(counters)) => Ok(sum + counters),
                    (Err(error), _) | (_, Err(error)) => Err(error),
                };
            }
            None => {}
        }
        for served in std::mem::take(&mut waiting) {
            match start(served, &common, &tell) {
                Ok(thread) => threads.push(thread),
                Err((_, served)) => waiting.extend(served),
            }
        }
        threads.retain(|thread| !thread.is_finished());
    }
    for thread in threads {
        // What it had to say it has said.
        let _ = thread.join();
    }
    total
}

/// What a thread has to say; None after a while, if somebody waits for a thread.
fn next(told: &Receiver<Ended>, is_waited_for: bool) -> Option<Ended> {
    if !is_waited_for {
        // We hold a sender ourselves, so this cannot fail.
        return told.recv().ok();
    }
    told.recv_timeout(PATIENCE).ok()
}

/// Starts a thread for a loop; hands the loop back if there is none.
fn start(
    served: Box<Served>,
    common: &Arc<Common>,
    tell: &Sender<Ended>,
) -> Result<JoinHandle<()>, (io::Error, Option<Box<Served>>)> {
    let name = format!("serve-{}", served.number);
    let place = Arc::new(Mutex::new(Some(served)));
    let (theirs, common, tell) = (Arc::clone(&place), Arc::clone(common), tell.clone());
    let take =
        |place: &Mutex<Option<Box<Served>>>| place.lock().unwrap_or_else(PoisonError::into_inner).take();
    let thread = thread::Builder::new().name(name).spawn(move || {
        let Some(served) = take(&theirs) else { return };
        // The main thread hears of it as long as there is one.
        let _ = tell.send(common.serve(served));
    });
    thread.map_err(|error| (error, take(&place)))
}

impl Common {
    /// Confines this thread, and runs a loop on it.
    fn serve(&self, mut served: Box<Served>) -> Ended {
        let run = || {
            let readable = self.confinement.enter_thread(served.reach.as_deref())?;
            served.each.use_pool(self.pool(readable));
            let reach = served.reach.as_deref().filter(|_| self.confinement.can_follow());
            served.each.run_until(|| reach.is_some_and(Reach::is_exceeded))
        };
        let result = catch_unwind(AssertUnwindSafe(run));
        let result = result.unwrap_or_else(|_| Err(io::Error::other("an event loop panicked")));
        // One loop lost is a server lost: half of the clients would wait in vain.
        let result = result.inspect_err(|_| stop(&self.remotes));
        match result.transpose() {
            Some(result) => Ended::Over(result),
            None => Ended::Beyond(served),
        }
    }

    /// The pool of all loops that reach just this.
    fn pool(&self, readable: Option<Identity>) -> Pool {
        let mut known = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some((theirs, pool)) if *theirs == readable => pool.clone(),
            _ => {
                let pool = Pool::new(POOL_THREADS, POOL_WAITING_MAX);
                *known = Some((readable, pool.clone()));
                pool
            }
        }
    }
}
