//! How a server ends: asked to by a signal, or by itself.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
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
    has_begun: AtomicBool,
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
        if !self.has_begun.swap(true, Ordering::Relaxed) {
            self.stop();
        }
    }

    /// Somebody wants it to end: at once, if it was said before.
    pub fn urge(&self) {
        self.has_begun.store(true, Ordering::Relaxed);
        self.stop();
    }

    fn stop(&self) {
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
        thread::sleep(left.into_iter().chain(interval).min().unwrap_or(PARENT_INTERVAL));
    };
    thread::Builder::new().name("serve-end".into()).spawn(wait)?;
    Ok(())
}
