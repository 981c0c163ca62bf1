//! Floor 3: what to answer. A request comes in, a response goes out.
//!
//! [`Site::respond`] is one walk, in this order:
//!
//! 1. the guards of loopback listeners ([`guard`]): is it meant for us?
//! 2. the method: GET and HEAD go on, OPTIONS is answered (also for scripts of other
//!    sites, [`cors`]), the rest is refused;
//! 3. the target becomes a [`SafePath`] beneath the base path ([`routing`]), hidden names
//!    do not exist;
//! 4. the owner's [`rules`] may send it elsewhere;
//! 5. [`files`]: one contained open, for whatever is looked up;
//! 6. nothing there, or a directory: the same name with `.html`, if that is wanted
//!    ([`routing`]);
//! 7. a directory ([`directory`]): redirect, index file, [`archive`], or listing, which one
//!    reading makes for all who wait for it ([`flight`]);
//! 8. a file ([`representation`]): the form of it (coded or not), preconditions, ranges, fields, segments;
//!    or a page that is made of its [`markdown`];
//! 9. when nothing answers ([`routing`]): the fallback of a single-page application;
//! 10. an error may be told by a page of the user's own ([`error_page`]);
//! 11. what every response says ([`cors`], the [`rules`] again, `--header`);
//! 12. why there was nothing is told to who watches the terminal, and not to the client
//!     ([`coach`]).
//!
//! Whatever goes wrong on the way is a [`Status`] and becomes an error page in one
//! place ([`error`]). It never sees a socket or a clock, and never writes. Why it answers
//! what it answers, it tells a [`trail`], if somebody keeps one.

mod answers;
pub mod archive;
pub mod budget;
pub mod cache;
pub mod cache_control;
pub mod coach;
mod coded;
mod compress;
pub mod cors;
pub mod derived;
mod digests;
pub mod directory;
pub mod disk;
pub mod error;
pub mod error_page;
pub mod files;
pub mod flight;
pub mod guard;
pub mod listing;
pub mod markdown;
pub mod multipart;
pub mod natural;
pub mod options;
mod portion;
mod preview;
pub mod reach;
pub mod readme;
mod recent;
pub mod representation;
mod routes;
pub mod routing;
pub mod rules;
pub mod trail;
pub mod watch;

use std::io;
use std::sync::Arc;

pub use cache::Cached;
pub use disk::Disk;
pub use files::FileSystem;
pub use options::Options;
pub use reach::Reach;

use answers::{Answers, Basis, Question};
use cors::Grant;
use routing::Place;
use trail::Trail;

use crate::clock::Now;
use crate::http::negotiate::{self, Form};
use crate::http::target::Target;
use crate::http::{Answer, Method, Peer, Preparation, Request, Response, SafePath, Status};
use crate::sys::{self, Trouble};

/// The methods that are answered; also what OPTIONS says.
const ALLOW: &str = "GET, HEAD, OPTIONS";

/// What tells a failure on purpose from others. Browsers show this field, and scripts can
/// read it (W3C Server Timing).
const FAILED_ON_PURPOSE: &str = "fail;desc=\"on purpose, by --fail\"";

/// Where errors of the server's own making are reported to, in one line each.
pub type Report = Arc<dyn Fn(&str) + Send + Sync>;

/// A site: options and files. One for each loop.
pub struct Site<F> {
    options: Arc<Options>,
    files: F,
    report: Report,
    rules: rules::Reader,
    trail: Trail,
    answers: Answers,
    /// Our own error pages, as they were answered before.
    errors: Vec<(error_page::Kind, Response)>,
    /// How often the walk of this request has looked a path up, and what the answer
    /// follows from.
    looks: u32,
    basis: Option<Basis>,
    /// Whether this request is for a page that is to be live.
    live: Option<watch::Live>,
    /// What has to be done before this request can be answered without waiting for a disk.
    first: Option<Preparation>,
}

/// What a site may remember of its answers, unless it is told otherwise.
const ANSWERS_BYTES: usize = 1024 * 1024;

impl<F: FileSystem> Site<F> {
    /// A site of these files.
    pub fn new(options: Arc<Options>, files: F, report: Report) -> Self {
        let rules = rules::Reader::new(options.rules.clone());
        let answers = Answers::new(ANSWERS_BYTES);
        let (trail, errors) = (Trail::default(), Vec::new());
        Site {
            options,
            files,
            report,
            rules,
            trail,
            answers,
            errors,
            looks: 0,
            basis: None,
            live: None,
            first: None,
        }
    }

    /// The same site, which remembers answers in up to so many bytes.
    #[must_use]
    pub fn remembering(self, bytes_max: usize) -> Self {
        Site { answers: Answers::new(bytes_max), ..self }
    }

    /// The same site, which tells why it answers what it answers.
    #[must_use]
    pub fn with_trail(self, trail: Trail) -> Self {
        Site { trail, ..self }
    }

    /// Reads the files of rules if they have changed. Each request does so as well; at
    /// the start it tells of their mistakes before there is one.
    pub fn refresh_rules(&mut self, now: &Now) {
        self.rules.refresh(&mut self.files, now, &self.report);
    }

    /// Answers a request.
    pub fn respond(&mut self, request: &Request<'_>, peer: &Peer, now: &Now) -> Answer {
        self.refresh_rules(now);
        let grant = Grant::new(&self.options, Some(request.fields), peer);
        let guarded = guard::check(request, peer, &self.options);
        let live = self.live(request).filter(|_| guarded.is_ok());
        self.live.clone_from(&live);
        let question = Question::of(request, grant).filter(|_| guarded.is_ok() && live.is_none());
        if let Some(response) = question.and_then(|question| self.recall(&question, now)) {
            return Answer::Ready(response);
        }
        self.begin_basis();
        let overlay = self.overlay(request);
        self.note_fields(overlay.as_ref());
        let answer = guarded.inspect_err(|status| self.note_guard(*status));
        let answer = answer.and_then(|()| self.walk(request, now));
        if let Some(preparation) = self.first.take() {
            return Answer::After(preparation);
        }
        match answer {
            Err(status) => {
                if status == Status::NotFound {
                    self.explain_missing(request, now);
                }
                let kind = error_page::Kind { status, form: negotiate::form(request.fields), grant };
                let mut response = self.answer_error(kind, overlay.as_ref(), now);
                live.iter().for_each(|live| live.enliven(&mut response));
                if self.options.watch.is_some() {
                    watch::mark_choice(&mut response);
                }
                Answer::Ready(response)
            }
            Ok(Answer::Ready(mut response)) => {
                if cors::is_preflight(request) && response.status == Status::NoContent {
                    grant.push_preflight(&self.options, &mut response.fields);
                }
                let mut response = self.dress(response, now);
                live.iter().for_each(|live| live.enliven(&mut response));
                if self.options.watch.is_some() {
                    watch::mark_choice(&mut response);
                }
                let response = finish(&self.options, grant, overlay.as_ref(), response);
                if let Some(question) = question {
                    self.remember(&question, &response, now);
                }
                Answer::Ready(response)
            }
            Ok(Answer::Later(job)) => {
                let (options, report) = (Arc::clone(&self.options), Arc::clone(&self.report));
                let pages = self.pages_for_later(now);
                Answer::Later(Box::new(move || {
                    let mut response = error_page::dress_with(pages, job(), &options, &report);
                    live.iter().for_each(|live| live.enliven(&mut response));
                    finish(&options, grant, overlay.as_ref(), response)
                }))
            }
            Ok(Answer::After(preparation)) => Answer::After(preparation),
            Ok(Answer::NextTurn) => Answer::NextTurn,
        }
    }

    /// The response to what is no request at all, or could not be answered.
    pub fn error(&mut self, status: Status, peer: &Peer, now: &Now) -> Response {
        let response = self.dress(error::page(status, Form::Html), now);
        finish(&self.options, Grant::new(&self.options, None, peer), None, response)
    }

    /// The response to a request that is to fail, whatever it asks for. It is complete, so
    /// that a page of another site may read it, too; and it says that this is no accident.
    pub fn fail(&mut self, request: &Request<'_>, peer: &Peer, now: &Now) -> Response {
        self.refresh_rules(now);
        self.begin_basis();
        let overlay = self.overlay(request);
        let kind = error_page::Kind {
            status: Status::ServiceUnavailable,
            form: negotiate::form(request.fields),
            grant: Grant::new(&self.options, Some(request.fields), peer),
        };
        let mut response = self.answer_error(kind, overlay.as_ref(), now);
        response.fields.push("Server-Timing", FAILED_ON_PURPOSE);
        response
    }

    /// The turn of the loop is over.
    pub fn end_of_turn(&mut self) {
        self.files.end_of_turn();
    }

    fn walk(&mut self, request: &Request<'_>, now: &Now) -> Result<Answer, Status> {
        match request.method {
            Method::Get | Method::Head => {}
            Method::Options => return Ok(Answer::Ready(options_response())),
            Method::Known => return Err(Status::MethodNotAllowed),
            Method::Unknown => return Err(Status::NotImplemented),
        }
        let Target::Path { path, query } = request.target else { return Err(Status::BadRequest) };
        let path = SafePath::parse(path).map_err(|error| {
            self.trail.note("path", || format!("it is refused: {error}"));
            Status::BadRequest
        })?;
        let path = match self.enter(path, query)? {
            Place::Inside(path) => path,
            Place::Elsewhere(redirect) => return Ok(Answer::Ready(redirect)),
        };
        self.trail.note("path", || trail::shown(&path));
        if let Some(answer) = self.answer_watch(request, &path, query) {
            return Ok(answer);
        }
        if path.is_hidden() && !self.options.hidden && !self.files.is_shared_by_name(&path) {
            self.trail.note("hidden", || "a name in it begins with a dot; --hidden would show it".to_owned());
            return Err(Status::NotFound);
        }
        self.route(request, &path, query, now)
    }
}

/// What the trail hears of the whole request.
impl<F> Site<F> {
    fn note_guard(&self, status: Status) {
        self.trail.note("guard", || match status {
            Status::MisdirectedRequest => {
                "this machine is not known by that Host; --allow-host NAME would let it in".to_owned()
            }
            _ => "a page of another site may not embed files of this machine; --cors would let it".to_owned(),
        });
    }

    fn note_fields(&self, overlay: Option<&routes::Overlay>) {
        // To find them out costs as much as to apply them.
        let overlay = overlay.filter(|_| self.trail.is_kept());
        for change in overlay.iter().flat_map(|overlay| overlay.changes()) {
            self.trail.note("_headers", || change.to_string());
        }
    }
}

/// The status of a failed look-up: the only place where file system errors become
/// answers. What the server is to blame for is reported, with the path; a client's
/// mistakes are its own.
fn status_of(error: &io::Error, path: &SafePath, report: &Report) -> Status {
    if error.kind() == io::ErrorKind::WouldBlock {
        return Status::ServiceUnavailable;
    }
    let status = match sys::trouble(error) {
        Trouble::Missing => return Status::NotFound,
        Trouble::Forbidden => return Status::Forbidden,
        Trouble::Exhausted => Status::ServiceUnavailable,
        Trouble::Failed => Status::InternalServerError,
    };
    report(&format!("{} {}: {error}", status.code(), path.to_location()));
    status
}

fn options_response() -> Response {
    let mut response = Response::new(Status::NoContent);
    response.fields.push("Allow", ALLOW);
    response
}

/// What every response has, what the rules want of this one, and what the command line
/// wants of every response.
fn finish(
    options: &Options,
    grant: Grant,
    overlay: Option<&routes::Overlay>,
    mut response: Response,
) -> Response {
    response.fields.push_block("Server: serve\r\nX-Content-Type-Options: nosniff\r\n");
    grant.push_fields(options, &mut response.fields);
    if let Some(overlay) = overlay {
        overlay.apply(&mut response);
    }
    for (index, (name, value)) in options.headers.iter().enumerate() {
        // The first of a name replaces ours, the next ones stand beside it.
        if !options.headers[..index].iter().any(|(earlier, _)| earlier.eq_ignore_ascii_case(name)) {
            response.fields.remove(name);
        }
        if let Some(value) = value {
            response.fields.push(name, value);
        }
    }
    response
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
