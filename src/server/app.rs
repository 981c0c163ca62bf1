//! The handler of every request: a site that answers, and a log that hears of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::clock::Now;
use crate::http::{Answer, Exchange, Handler, Peer, Request, Response, Status};
use crate::log::AccessLog;
use crate::site::{Cached, Disk, Reach, Report, Site};

use super::audience::Audience;

/// Troubles that repeat are reported this often: a log that fills the disk is a
/// trouble of its own (R24).
const NOTICE_INTERVAL: Duration = Duration::from_secs(10);

/// One for each loop.
pub struct App {
    site: Site<Cached<Disk>>,
    access: AccessLog,
    report: Report,
    noticed: Option<Instant>,
    reach: Option<Arc<Reach>>,
    can_follow: bool,
    audience: Option<Arc<Audience>>,
}

impl App {
    /// A handler that answers from `site`.
    pub fn new(site: Site<Cached<Disk>>, access: AccessLog, report: Report) -> Self {
        App { site, access, report, noticed: None, reach: None, can_follow: false, audience: None }
    }

    /// The same, which answers later what lies beyond this reach, if the loop can follow
    /// there.
    #[must_use]
    pub fn within(self, reach: Option<Arc<Reach>>, can_follow: bool) -> Self {
        App { reach, can_follow, ..self }
    }

    /// The same, which somebody watches or counts.
    #[must_use]
    pub fn before(self, audience: Option<Arc<Audience>>) -> Self {
        App { audience, ..self }
    }
}

impl Handler for App {
    fn respond(&mut self, request: &Request<'_>, peer: &Peer, now: &Now) -> Answer {
        let answer = self.site.respond(request, peer, now);
        let Some(reach) = self.reach.as_deref().filter(|reach| reach.is_exceeded()) else { return answer };
        if self.can_follow {
            // The loop changes its thread before its next turn, and is asked again in that.
            return Answer::NextTurn;
        }
        reach.give_up();
        (self.report)(
            "what is shared has been made anew, and --sandbox strict keeps it out of reach; start serve again",
        );
        answer
    }

    fn error(&mut self, status: Status, peer: &Peer, now: &Now) -> Response {
        self.site.error(status, peer, now)
    }

    fn fail(&mut self, request: &Request<'_>, peer: &Peer, now: &Now) -> Response {
        self.site.fail(request, peer, now)
    }

    fn begin(&mut self, exchange: &mut Exchange, response: &Response, with_body: bool) {
        if let Some(audience) = self.audience.as_ref().filter(|_| with_body) {
            audience.begin(exchange, response);
        }
    }

    fn is_logging(&self) -> bool {
        self.access.is_on() || self.audience.is_some()
    }

    fn log(&mut self, exchange: &Exchange, _: &Now) {
        if self.access.is_on() {
            // The time of the turn is that of its beginning: too old to measure by.
            self.access.push(exchange, &Now::read());
        }
        if let Some(audience) = &self.audience {
            audience.hear(exchange);
        }
    }

    fn notice(&mut self, message: &str, now: &Now) {
        let due = |last: Instant| now.instant.saturating_duration_since(last) >= NOTICE_INTERVAL;
        if self.noticed.is_none_or(due) {
            self.noticed = Some(now.instant);
            (self.report)(message);
        }
    }

    fn end_of_turn(&mut self, _: &Now) {
        self.site.end_of_turn();
        self.access.end_of_turn();
    }
}
