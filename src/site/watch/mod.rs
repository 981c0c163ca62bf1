//! Live reload (`--watch`): pages that a browser shows hear of what changes beneath the root.
//!
//! A script is added to each page on its way to a browser: behind the end of the document,
//! where parsers take it, unless a comment or the like is never ended. No file is touched, and
//! what a page fetches for itself stays as it is. The script reads an event stream ([`Hub`]), and
//! loads the page anew, or only its style sheets. What has changed is [gathered](Gathering)
//! first, so that a build makes one event and not a thousand.
//!
//! A page tells from where on it wants to hear: the number of the last change before it was
//! sent. So nothing is lost between the page and its stream, nor while a stream is broken,
//! nor while the server is started anew.

mod gathering;
mod hub;

pub use gathering::Gathering;
pub use hub::{Change, Hub};

use super::files::{FileSystem, OpenFile};
use super::portion::Portion;
use super::{Site, error};
use crate::clock::Now;
use crate::http::events::Events;
use crate::http::negotiate::{self, Taste};
use crate::http::precondition::{ETag, Outcome, Validators, evaluate};
use crate::http::query;
use crate::http::{Answer, Body, Request, RequestFields, Response, SafePath, Status};
use crate::segment::Segment;

/// What the browser does about changes.
const SCRIPT: &str = include_str!("watch.js");

/// The folder of what is ours. Hidden names are mostly not served, so it hides nothing.
const FOLDER: &[u8] = b".serve";

/// How soon a browser comes back when a stream has ended, in milliseconds.
const OPENING: &str = "retry: 1000\n\n";

/// Destinations (`Sec-Fetch-Dest`) that a browser navigates to.
const NAVIGATED: [&[u8]; 3] = [b"document", b"iframe", b"frame"];

/// What another kind of client would have got something else for.
const VARY: [&str; 2] = ["Accept", "Sec-Fetch-Dest"];

/// Whether the answer is for a browser that goes to a page. Browsers say so, but on plain
/// HTTP only to this machine: elsewhere it is who asks for HTML by name.
fn navigates(fields: RequestFields<'_>) -> bool {
    match fields.first("sec-fetch-dest") {
        Some(_) => fields.all("sec-fetch-dest").all(|destination| NAVIGATED.contains(&destination)),
        None => negotiate::taste(fields) == Taste::Html,
    }
}

/// Whether a page of this type takes a script behind its end. (In XHTML it would be an error.)
fn is_page(media_type: &str) -> bool {
    media_type.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case("text/html"))
}

/// A page that is to be live.
#[derive(Clone)]
pub(super) struct Live {
    hub: Hub,
    /// The last change before anything of the page was looked at.
    seen: u64,
}

impl Live {
    /// Adds the script to a page.
    fn append(&self, response: &mut Response) {
        let mut segments = response.body.segments().to_vec();
        segments.push(Segment::Bytes(format!("\n{}", self.hub.element(self.seen)).into()));
        response.body = Body::Many(segments);
    }

    /// Makes the page of an error live, so that it goes when its cause does.
    pub(super) fn enliven(&self, response: &mut Response) {
        let is_page = response.fields.get("Content-Type").is_some_and(is_page);
        if response.status.is_error() && is_page {
            error::allow_script(response);
            self.append(response);
        }
    }
}

impl<F: FileSystem> Site<F> {
    /// Whether this request is for a page that is to be live.
    pub(super) fn live(&self, request: &Request<'_>) -> Option<Live> {
        let hub = self.options.watch.as_ref().filter(|_| navigates(request.fields))?;
        Some(Live { hub: hub.clone(), seen: hub.seen() })
    }

    /// Answers for what is ours: the script and the stream.
    pub(super) fn answer_watch(
        &self,
        request: &Request<'_>,
        path: &SafePath,
        query: Option<&str>,
    ) -> Option<Answer> {
        let hub = self.options.watch.as_ref()?;
        let mut segments = path.segments();
        let (folder, name) = (segments.next()?, segments.next()?);
        if folder != FOLDER || segments.next().is_some() || path.has_trailing_slash() {
            return None;
        }
        let mut response = Response::new(Status::Ok);
        match name {
            b"watch.js" => {
                response.fields.push("Content-Type", "text/javascript; charset=utf-8");
                response.body = Body::bytes(SCRIPT);
            }
            b"events" => {
                response.fields.push("Content-Type", "text/event-stream");
                // Who comes back says by the field what it has heard; the address is as ever.
                let number = |digits: &[u8]| str::from_utf8(digits).ok()?.parse().ok();
                let heard = request.fields.only("last-event-id").and_then(number);
                let seen = heard.or_else(|| number(&query::values(query?, "after").last()?));
                response.body = Body::Events(Events {
                    seen: seen.unwrap_or_else(|| hub.seen()),
                    source: hub.source(),
                    opening: OPENING.into(),
                });
            }
            _ => return None,
        }
        response.fields.push("Cache-Control", "no-cache");
        self.trail.note("--watch", || "this is the server's own, for live reload".to_owned());
        Some(Answer::Ready(response))
    }

    /// A file as a live page, if it is one and is to be live: whole, as it is, with the script
    /// behind it, in a line of its own. Its tag is that of what is sent, so that what a browser
    /// kept of it without the script, or from before the last change, is not taken for it.
    ///
    /// # Errors
    /// 500, if it cannot be read.
    pub(super) fn answer_live(
        &self,
        request: &Request<'_>,
        file: &OpenFile,
        media_type: &str,
        now: &Now,
    ) -> Result<Option<Response>, Status> {
        let Some(live) = self.live.clone().filter(|_| is_page(media_type)) else { return Ok(None) };
        let beginning = file.content.read(0, 2);
        let body = beginning.and_then(|beginning| match &beginning[..] {
            // UTF-16 (by its byte order mark): a script in ASCII would be nonsense behind it.
            [0xff, 0xfe] | [0xfe, 0xff] => Ok(None),
            _ => Portion::Whole.body(&file.content, file.len),
        });
        let body = body.map_err(|error| {
            (self.report)(&format!("500 {}: {error}", request.target_text.escape_default()));
            Status::InternalServerError
        })?;
        // What does not know its length is sent as it is found.
        let Some(body) = body else { return Ok(None) };
        let of_file = Validators::of(file.len, file.modified, now.system).etag;
        let etag = of_file.map(|of_file| {
            let etag = ETag::of_bytes(format!("{of_file} {}", live.seen).as_bytes());
            if of_file.is_weak() { etag.weakened() } else { etag }
        });
        let validators = Validators { etag, last_modified: None };
        let mut response = match evaluate(request.method, request.fields, &validators) {
            Outcome::Proceed { range: _ } => {
                let mut response = Response::new(Status::Ok);
                response.fields.push("Content-Type", media_type);
                response.body = body;
                live.append(&mut response);
                response
            }
            Outcome::NotModified => Response::new(Status::NotModified),
            Outcome::PreconditionFailed => return Err(Status::PreconditionFailed),
        };
        response.fields.push("Cache-Control", "no-cache");
        if let Some(etag) = etag {
            response.fields.push("ETag", etag);
        }
        self.trail.note("--watch", || "a page for a browser: the script is added".to_owned());
        Ok(Some(response))
    }
}

/// Says that another client would have got the page without the script, or with it.
pub(super) fn mark_choice(response: &mut Response) {
    if response.fields.get("Content-Type").is_some_and(is_page) || response.status == Status::NotModified {
        VARY.into_iter().for_each(|name| response.fields.push_member("Vary", name));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
