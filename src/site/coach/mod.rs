//! The coach: for who watches the terminal, why a request was 404. Clients never hear of it.
//!
//! A 404 costs the loop no more than the making of a job, and few of those are made: each
//! path once a minute, and not many in all (`limit`). The job runs when no other work
//! does, looks around by the contained open of everything ([`why`]), and says one line or
//! nothing. What it says may hold any character that a name holds: who prints it escapes it.

pub mod likeness;
mod limit;
pub mod why;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::files::{FileSystem, Place};
use super::trail::shown;
use super::{Report, Site};
use crate::clock::Now;
use crate::http::target::Target;
use crate::http::{Method, Request, SafePath};
use crate::pool::{Job, Pool};

use limit::Limit;

/// So many searches may wait for the one that is made; more are dropped.
const WAITING_MAX: usize = 8;

/// What browsers and robots ask for by themselves, at the root.
const ASKED_BY_PROGRAMS: [&[u8]; 6] =
    [b"favicon.ico", b"robots.txt", b"sitemap.xml", b"ads.txt", b"browserconfig.xml", b".well-known"];

/// Who is told why a request was 404; clones share it.
#[derive(Clone)]
pub struct Coach {
    say: Report,
    work: Work,
}

/// Where the searches are made.
#[derive(Clone)]
enum Work {
    /// On the spot, as often as somebody asks.
    AtOnce,
    /// By a thread of the background, within limits.
    Later(Arc<Later>),
}

#[derive(Default)]
struct Later {
    limit: Mutex<Limit>,
    /// For this place of the root. A thread that is confined to what is shared cannot read
    /// a root that takes its place, so that one has a pool of its own, whose thread is
    /// started by a loop that can.
    pool: Mutex<Option<(Option<Place>, Pool)>>,
}

impl Coach {
    /// For a server: searches are made in the background, and not too many.
    pub fn new(say: Report) -> Coach {
        Coach { say, work: Work::Later(Arc::default()) }
    }

    /// For one question: it is answered before this request is.
    pub fn at_once(say: Report) -> Coach {
        Coach { say, work: Work::AtOnce }
    }
}

impl fmt::Debug for Coach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Coach")
    }
}

impl<F: FileSystem> Site<F> {
    /// A request is going to be answered with 404: has it be explained, if somebody watches.
    pub(super) fn explain_missing(&mut self, request: &Request<'_>, now: &Now) {
        let Some(coach) = self.options.coach.clone() else { return };
        let Target::Path { path, .. } = request.target else { return };
        let Ok(path) = SafePath::parse(path) else { return };
        let is_question = matches!(request.method, Method::Get | Method::Head);
        // Of a root that is out of reach the loop asks again, where it can be reached.
        if !is_question || self.files.is_gone() || !coach.may_search(&path, now) {
            return;
        }
        let (lookup, options, instant) = (self.files.lookup(), Arc::clone(&self.options), now.instant);
        let (work, place) = (coach.work.clone(), self.files.place(&SafePath::root()));
        let job = move || {
            let lookup = lookup.as_deref();
            let reason = match path.beneath(&options.base) {
                Some(inside) => why::why(&inside, lookup, &options),
                None => Some(why::why_outside(&path, lookup, &options)),
            };
            if let Some(reason) = reason.filter(|_| coach.may_say(instant)) {
                (coach.say)(&format!("404 {}: {reason}", why::cut(shown(&path))));
            }
        };
        work.run(place, Box::new(job));
    }
}

impl Coach {
    fn may_search(&self, path: &SafePath, now: &Now) -> bool {
        match &self.work {
            Work::AtOnce => true,
            Work::Later(later) => {
                let mut limit = later.limit.lock().unwrap_or_else(PoisonError::into_inner);
                !is_asked_by_programs(path) && limit.may_search(path.as_bytes(), now.instant)
            }
        }
    }

    fn may_say(&self, now: std::time::Instant) -> bool {
        match &self.work {
            Work::AtOnce => true,
            Work::Later(later) => later.limit.lock().unwrap_or_else(PoisonError::into_inner).may_say(now),
        }
    }
}

impl Work {
    fn run(self, place: Option<Place>, job: Job) {
        let Work::Later(later) = self else { return job() };
        let mut pool = later.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.as_ref().is_none_or(|(theirs, _)| *theirs != place) {
            *pool = Some((place, Pool::background(1, WAITING_MAX)));
        }
        if let Some((_, pool)) = &*pool {
            // Full: there is enough to read already.
            let _ = pool.submit(job);
        }
    }
}

/// Whether this is hardly what a person or a page asks for.
fn is_asked_by_programs(path: &SafePath) -> bool {
    let first = path.segments().next().unwrap_or_default();
    let name = path.name().unwrap_or_default();
    ASKED_BY_PROGRAMS.contains(&first) || first.starts_with(b"apple-touch-icon") || name.ends_with(b".map")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "tests.rs"]
mod tests;
