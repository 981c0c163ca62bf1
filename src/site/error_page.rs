//! Error pages of the user's own: `404.html` at the root, and what `--error-page` names.
//!
//! Such a page takes the place of ours in a response that is already complete: the
//! status and the fields that belong to it stay. It is not the representation that was
//! asked for, so it has no validator, and conditions and ranges do not apply to it (RFC
//! 9110 §13.2.1, §14.2). It may bring scripts, so our policy for pages is taken off.

use std::sync::LazyLock;

use super::cors::Grant;
use super::error;
use super::files::{FileSystem, Node, OpenFile};
use super::options::Options;
use super::portion::Portion;
use super::routes::Overlay;
use super::{Report, Site, finish, trail};
use crate::clock::Now;
use crate::http::negotiate::Form;
use crate::http::{Response, SafePath, Status};

/// Used for 404 without being named, wherever it exists.
static NOT_FOUND_PAGE: LazyLock<Option<SafePath>> = LazyLock::new(|| SafePath::of_file("404.html"));

/// What the pool may find out about a directory when its listing is made.
const LATER: [Status; 4] =
    [Status::Forbidden, Status::NotFound, Status::InternalServerError, Status::ServiceUnavailable];

/// An error page, opened.
pub(super) struct ErrorPage {
    path: SafePath,
    file: OpenFile,
}

/// What an answer with our own page depends on, where no rule has a say.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    pub status: Status,
    pub form: Form,
    pub grant: Grant,
}

impl<F: FileSystem> Site<F> {
    /// The answer to an error. Our own pages are rendered once for each kind.
    pub(super) fn answer_error(&mut self, kind: Kind, overlay: Option<&Overlay>, now: &Now) -> Response {
        let page = if kind.form == Form::Html { self.error_page(kind.status, now) } else { None };
        let is_ours = page.is_none() && overlay.is_none();
        if is_ours && let Some((_, known)) = self.errors.iter().find(|(known, _)| *known == kind) {
            return known.clone();
        }
        let mut response = error::page(kind.status, kind.form);
        self.mark_choice(kind.status, &mut response);
        if let Some(page) = page {
            response = self.wear(page, response);
        }
        let mut response = finish(&self.options, kind.grant, overlay, response);
        if is_ours {
            response.fields.share();
            self.errors.push((kind, response.clone()));
        }
        response
    }

    /// Dresses an error in the user's page, if there is one for it; anything else stays as
    /// it is, and so does an error for a program that prefers JSON.
    pub(super) fn dress(&mut self, response: Response, now: &Now) -> Response {
        if !response.status.is_error() || !error::is_html(&response) {
            return response;
        }
        match self.error_page(response.status, now) {
            Some(page) => self.wear(page, response),
            None => response,
        }
    }

    fn wear(&self, page: ErrorPage, response: Response) -> Response {
        self.trail.note("error page", || trail::shown(&page.path));
        page.wear(response, &self.options, &self.report)
    }

    /// 404, told by what lies under this path, if it is a file or has an index.
    pub(super) fn missing_by(&mut self, path: &SafePath, form: Form, now: &Now) -> Response {
        let response = error::page(Status::NotFound, form);
        let found = match self.files.open(path, now) {
            Ok(Node::File(file)) => Some((path.clone(), file)),
            Ok(Node::Directory) => self.find_index(&path.to_directory(), now).ok().flatten(),
            Err(_) => None,
        };
        match found.filter(|_| error::is_html(&response)) {
            Some((path, file)) => ErrorPage { path, file }.wear(response, &self.options, &self.report),
            None => response,
        }
    }

    /// The pages for errors that a listing may end with, opened beforehand: the pool has
    /// no files. Only those that were asked for are worth it.
    pub(super) fn pages_for_later(&mut self, now: &Now) -> Vec<(Status, ErrorPage)> {
        let named = LATER.into_iter().filter(|&status| named(&self.options, status).is_some());
        let named: Vec<Status> = named.collect();
        named.into_iter().filter_map(|status| Some((status, self.error_page(status, now)?))).collect()
    }

    /// Opens the page of a status. One that was named and cannot be had is reported.
    fn error_page(&mut self, status: Status, now: &Now) -> Option<ErrorPage> {
        let (path, is_named) = match named(&self.options, status) {
            Some(path) => (path, true),
            None if status == Status::NotFound => (NOT_FOUND_PAGE.as_ref()?, false),
            None => return None,
        };
        let trouble = match self.files.open(path, now) {
            Ok(Node::File(file)) => return Some(ErrorPage { path: path.clone(), file }),
            Ok(Node::Directory) => "it is a folder".to_owned(),
            Err(error) => error.to_string(),
        };
        if is_named {
            (self.report)(&format!("the page for {} at {}: {trouble}", status.code(), path.to_location()));
        }
        None
    }
}

/// Dresses what the pool has made; an error that came unforeseen keeps our page.
pub(super) fn dress_with(
    pages: Vec<(Status, ErrorPage)>,
    response: Response,
    options: &Options,
    report: &Report,
) -> Response {
    let page = pages.into_iter().find(|(status, _)| *status == response.status && error::is_html(&response));
    match page {
        Some((_, page)) => page.wear(response, options, report),
        None => response,
    }
}

impl ErrorPage {
    /// Puts the page on a response, whole. What cannot be read leaves it as it is.
    pub(super) fn wear(self, mut response: Response, options: &Options, report: &Report) -> Response {
        let trouble = match Portion::Whole.body(&self.file.content, self.file.len) {
            Ok(Some(body)) => {
                let name = self.path.name().unwrap_or_default();
                response.fields.remove("Content-Type");
                response.fields.remove("Content-Security-Policy");
                response.fields.push("Content-Type", options.media_types.of(name));
                response.body = body;
                return response;
            }
            Ok(None) => "its size is not true".to_owned(),
            Err(error) => error.to_string(),
        };
        let code = response.status.code();
        report(&format!("the page for {code} at {}: {trouble}", self.path.to_location()));
        response
    }
}

fn named(options: &Options, status: Status) -> Option<&SafePath> {
    // The last one counts, as on every command line.
    options.error_pages.iter().rev().find(|(of, _)| *of == status).map(|(_, path)| path)
}
