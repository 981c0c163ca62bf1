//! From the path that a client sees to the path that is looked up, and what answers
//! where nothing was found: the base path, clean URLs, the fallback of a single-page
//! application.
//!
//! Whatever is looked up goes through [`FileSystem::open`], like everything else (R5).

use super::files::{FileSystem, Node, OpenFile};
use super::{Site, status_of, trail};
use crate::clock::Now;
use crate::http::negotiate::{self, Taste};
use crate::http::target::encode_query;
use crate::http::{Answer, Request, Response, SafePath, Status};
use crate::sys::{self, Trouble};

/// What `--clean-urls` leaves out.
const EXTENSION: &str = ".html";

/// Destinations (`Sec-Fetch-Dest`) that show a page. All others are parts of one, or data.
const SHOWN: &[&[u8]] = &[b"document", b"iframe", b"frame", b"fencedframe", b"embed", b"object"];

/// Where a path leads, seen from the base.
pub(super) enum Place {
    /// To this path beneath the root.
    Inside(SafePath),
    /// To another address.
    Elsewhere(Response),
}

impl<F: FileSystem> Site<F> {
    /// Takes the base off a path.
    ///
    /// # Errors
    /// 404 for what lies outside. Only `/` leads to the base: it is what people type, and
    /// nothing else can be there.
    pub(super) fn enter(&self, path: SafePath, query: Option<&str>) -> Result<Place, Status> {
        let base = &self.options.base;
        if base.is_root() {
            return Ok(Place::Inside(path));
        }
        match path.beneath(base) {
            Some(inside) if inside.is_root() && !path.has_trailing_slash() => {
                Ok(Place::Elsewhere(self.redirect(Status::MovedPermanently, &SafePath::root(), query)))
            }
            Some(inside) => Ok(Place::Inside(inside)),
            // For now: another day, another base, and a browser must not remember this one.
            None if path.is_root() => {
                Ok(Place::Elsewhere(self.redirect(Status::Found, &SafePath::root(), query)))
            }
            None => {
                self.trail.note("base path", || format!("{} is not in it", trail::shown(&path)));
                Err(Status::NotFound)
            }
        }
    }

    /// What stands before a path beneath the root, as clients see it: without a slash at
    /// its end.
    pub(super) fn base_prefix(&self) -> String {
        let base = &self.options.base;
        if base.is_root() { String::new() } else { base.to_location().trim_end_matches('/').to_owned() }
    }

    /// To a path beneath the root, as clients see it. Only the path and the query:
    /// nothing of the request's Host gets into it (R41).
    pub(super) fn redirect(&self, status: Status, path: &SafePath, query: Option<&str>) -> Response {
        let mut response = Response::new(status);
        let (prefix, location) = (self.base_prefix(), path.to_location());
        match query {
            Some(query) => {
                response.fields.push("Location", format_args!("{prefix}{location}?{}", encode_query(query)))
            }
            None => response.fields.push("Location", format_args!("{prefix}{location}")),
        }
        // Tomorrow the directory may be a file: browsers would keep a 301 for ever.
        response.fields.push("Cache-Control", "no-cache");
        response
    }

    /// `about.html` for `/about`, if that is wanted and there.
    pub(super) fn find_clean(
        &mut self,
        path: &SafePath,
        now: &Now,
    ) -> Result<Option<(SafePath, OpenFile)>, Status> {
        let candidate = self.options.clean_urls.then(|| path.with_suffix(EXTENSION)).flatten();
        let Some(candidate) = candidate else { return Ok(None) };
        match self.find(&candidate, now) {
            Ok(Node::File(file)) => Ok(Some((candidate, file))),
            Ok(Node::Directory) => Ok(None),
            Err(error) if sys::trouble(&error) == Trouble::Missing => Ok(None),
            Err(error) => Err(status_of(&error, &candidate, &self.report)),
        }
    }

    /// The last word before 404, for a path that may be shown and leads to nothing.
    ///
    /// # Errors
    /// 404, if nothing answers here either.
    pub(super) fn when_nothing_answers(
        &mut self,
        request: &Request<'_>,
        path: &SafePath,
        now: &Now,
    ) -> Result<Answer, Status> {
        // Rules for missing paths have spoken: this is the fallback that takes all of them.
        match self.options.spa.clone() {
            None => Err(Status::NotFound),
            Some(_) if !is_route(path) => {
                self.trail.note("--spa", || {
                    "this is no route: its name has an extension, or is a standard's".to_owned()
                });
                Err(Status::NotFound)
            }
            Some(_) if !wants_page(request) => {
                let why = "the client does not want a page, by Accept and Sec-Fetch-Dest";
                self.trail.note("--spa", || why.to_owned());
                Err(Status::NotFound)
            }
            Some(file) => {
                self.trail.note("--spa", || "a route: the application answers".to_owned());
                self.answer_spa(request, &file, now)
            }
        }
    }

    /// Whether a folder without an index is the start of a single-page application.
    pub(super) fn is_start(&self, request: &Request<'_>, path: &SafePath) -> bool {
        path.is_root() && self.options.spa.is_some() && wants_page(request)
    }

    fn answer_spa(&mut self, request: &Request<'_>, path: &SafePath, now: &Now) -> Result<Answer, Status> {
        let file = match self.find(path, now) {
            Ok(Node::File(file)) => file,
            Ok(Node::Directory) => {
                (self.report)(&format!("404 {}: --spa needs a file", path.to_location()));
                return Err(Status::NotFound);
            }
            Err(error) => {
                let status = status_of(&error, path, &self.report);
                if status == Status::NotFound {
                    (self.report)(&format!("404 {}: the file of --spa is missing", path.to_location()));
                }
                return Err(status);
            }
        };
        let answer = self.answer_file(request, path, &file, now)?;
        Ok(match answer {
            Answer::Ready(mut response) => {
                push_choice(&mut response);
                Answer::Ready(response)
            }
            Answer::Later(job) => Answer::Later(Box::new(move || {
                let mut response = job();
                push_choice(&mut response);
                response
            })),
            Answer::After(preparation) => Answer::After(preparation),
            Answer::NextTurn => Answer::NextTurn,
        })
    }

    /// Says of a 404 that another client would have got the fallback.
    pub(super) fn mark_choice(&self, status: Status, response: &mut Response) {
        if status == Status::NotFound && self.options.spa.is_some() {
            push_choice(response);
        }
    }
}

/// Tells caches that what the client wants to see has decided.
fn push_choice(response: &mut Response) {
    response.fields.push_member("Vary", "Accept");
    response.fields.push_member("Vary", "Sec-Fetch-Dest");
}

/// Whether a missing path may be one that the application itself understands: no file of
/// it, which would have an extension, and nothing that a standard asks for under
/// `/.well-known/`, where any answer but 404 is taken for one (RFC 8615).
fn is_route(path: &SafePath) -> bool {
    let has_extension = |name: &[u8]| name.iter().skip(1).any(|&b| b == b'.');
    path.name().is_none_or(|name| !has_extension(name))
        && path.segments().next().is_none_or(|first| first != b".well-known")
}

/// Whether the client is about to show a page: it asks for HTML by name, or takes
/// anything and does not say that it is after a script, an image or data.
fn wants_page(request: &Request<'_>) -> bool {
    match negotiate::taste(request.fields) {
        Taste::Html => true,
        Taste::Other => false,
        Taste::Anything => {
            request.fields.all("sec-fetch-dest").all(|destination| SHOWN.contains(&destination))
        }
    }
}
