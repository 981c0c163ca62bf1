//! How a server ends: asked to by a signal, or by itself.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use super::stop;
use crate::clock::Now;
use crate::config::End;
use crate::h1::Made;
use crate::net::Remote;
use crate::sys::Parent;

/// So soon after its parent a server ends.
const PARENT_INTERVAL: Duration = Duration::from_millis(250);

/// Ends all loops, once there are any.
#[derive(Default)]
pub struct Ending {
    remotes: OnceLock<Vec<Remote<Made>>>,
    has_begun: Mutex<bool>,
    changed: Condvar,
}

impl Ending {
    /// The loops to end.
    pub fn of(&self, remotes: Vec<Remote<Made>>) {
        // There is one server for each of these.
        let _ = self.remotes.set(remotes);
    }

    /// It is time: transfers may still end. Does nothing where it ends already, for a second
    /// wish would be an urgent one.
    pub fn begin(&self) {
        let has_begun = std::mem::replace(&mut *self.lock(), true);
        if !has_begun {
            self.stop();
        }
    }

    /// Somebody wants it to end: at once, if it was said before.
    pub fn urge(&self) {
        *self.lock() = true;
        self.stop();
    }

    /// Nobody wants to wait for transfers.
    pub fn cut(&self) {
        self.begin();
        self.urge();
    }

    /// Waits for so long, or until it ends, which it tells.
    pub fn wait(&self, time: Duration) -> bool {
        let going_on = |has_begun: &mut bool| !*has_begun;
        let waited = self.changed.wait_timeout_while(self.lock(), time, going_on);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.has_begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stop(&self) {
        self.changed.notify_all();
        if let Some(remotes) = self.remotes.get() {
            stop(remotes);
        }
    }
}

/// Ends the server when `end` says, by a thread that waits for that.
///
/// # Errors
/// When there is no thread.
pub fn watch(end: &End, parent: Option<Parent>, ending: Arc<Ending>) -> io::Result<()> {
    let parent = parent.filter(|_| end.with_parent);
    if end.time.is_none() && parent.is_none() {
        return Ok(());
    }
    let until = end.time.map(|time| Now::instant() + time);
    let wait = move || loop {
        let left = until.map(|until| until.saturating_duration_since(Now::instant()));
        if left.is_some_and(|left| left.is_zero()) || parent.as_ref().is_some_and(Parent::is_gone) {
            return ending.begin();
        }
        let interval = parent.is_some().then_some(PARENT_INTERVAL);
        if ending.wait(left.into_iter().chain(interval).min().unwrap_or(PARENT_INTERVAL)) {
            return;
        }
    };
    thread::Builder::new().name("serve-end".into()).spawn(wait)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(ending: &Arc<Ending>, time: Duration) {
        let end = End { time: Some(time), ..End::default() };
        assert!(watch(&end, None, Arc::clone(ending)).is_ok());
    }

    #[test]
    fn it_ends_when_its_time_is_over() {
        let ending = Arc::<Ending>::default();
        end(&ending, Duration::from_millis(1));
        assert!(ending.wait(Duration::from_secs(600)));
    }

    /// The thread lets go of what it holds.
    #[test]
    fn who_waits_for_the_end_hears_of_another_one() {
        let ending = Arc::<Ending>::default();
        end(&ending, Duration::from_secs(600));
        ending.begin();
        while Arc::strong_count(&ending) > 1 {
            thread::yield_now();
        }
    }
}
