//! The handler of every request: a site that answers, and a log that hears of it.

use std::time::{Duration, Instant};

use crate::clock::Now;
use crate::http::{Answer, Exchange, Handler, Peer, Request, Response, Status};
use crate::log::AccessLog;
use crate::site::{Cached, Disk, Report, Site};

/// Troubles that repeat are reported this often: a log that fills the disk is a
/// trouble of its own (R24).
const NOTICE_INTERVAL: Duration = Duration::from_secs(10);

/// One for each loop.
pub struct App {
    site: Site<Cached<Disk>>,
    access: AccessLog,
    report: Report,
    noticed: Option<Instant>,
}

impl App {
    /// A handler that answers from `site`.
    pub fn new(site: Site<Cached<Disk>>, access: AccessLog, report: Report) -> Self {
        App { site, access, report, noticed: None }
    }
}

impl Handler for App {
    fn respond(&mut self, request: &Request<'_>, peer: &Peer, now: &Now) -> Answer {
        self.site.respond(request, peer, now)
    }

    fn error(&mut self, status: Status, peer: &Peer, now: &Now) -> Response {
        self.site.error(status, peer, now)
    }

    fn is_logging(&self) -> bool {
        self.access.is_on()
    }

    fn log(&mut self, exchange: &Exchange, _: &Now) {
        // The time of the turn is that of its beginning: too old to measure by.
        self.access.push(exchange, &Now::read());
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
