//! Directories: redirect to the slash, index file, listing (behaviour, section 7).

use std::cell::Cell;
use std::io;
use std::sync::Arc;

use bytes::Bytes;

use super::archive::Wish;
use super::files::{Entries, FileSystem, Lookup, Node, OpenFile};
use super::listing::{self, Format, Listing, View, content_security_policy};
use super::readme::Readme;
use super::rules::is_rule_file;
use super::{Options, Site, error, readme, status_of};
use crate::clock::Now;
use crate::http::precondition::{Conditions, ETag, Outcome, Validators};
use crate::http::target::is_hidden;
use crate::http::{Answer, Body, Request, Response, SafePath, Status};
use crate::sys::{self, Trouble};

/// Longest listing: beyond it a browser has more trouble than a reader has use (R40).
pub(super) const ENTRIES_MAX: usize = 50_000;

/// So many names are looked at to find those that a filter wants: reading them takes as long as
/// showing the longest listing.
const NAMES_MAX: usize = 10 * ENTRIES_MAX;

impl<F: FileSystem> Site<F> {
    /// Answers for a path: a file or a directory.
    pub(super) fn answer_path(
        &mut self,
        request: &Request<'_>,
        path: &SafePath,
        query: Option<&str>,
        now: &Now,
    ) -> Result<Answer, Status> {
        // The index first: who asks for a directory mostly wants that, and saves a look-up.
        if path.has_trailing_slash()
            && let Some((path, file)) = self.find_index(path, now)?
        {
            return self.answer_file(request, &path, &file, now);
        }
        let opened = self.find(path, now);
        let is_missing = opened.as_ref().is_err_and(|error| sys::trouble(error) == Trouble::Missing);
        // Before the directory of that name: generators write `blog.html` beside `blog/`.
        if (is_missing || matches!(opened, Ok(Node::Directory)))
            && let Some((path, file)) = self.find_clean(path, now)?
        {
            return self.answer_file(request, &path, &file, now);
        }
        match opened {
            Err(error) => Err(status_of(&error, path, &self.report)),
            // A file is no directory, unless it is itself the root.
            Ok(Node::File(_)) if path.has_trailing_slash() && !path.is_root() => {
                self.trail.note("slash", || "a file has none behind its name".to_owned());
                Err(Status::NotFound)
            }
            Ok(Node::File(file)) => self.answer_file(request, path, &file, now),
            Ok(Node::Directory) if !path.has_trailing_slash() => {
                self.trail.note("slash", || "a folder has one behind its name".to_owned());
                Ok(Answer::Ready(self.redirect(Status::MovedPermanently, &path.to_directory(), query)))
            }
            Ok(Node::Directory) if !self.options.listing || self.is_start(request, path) => {
                let why = if self.options.listing { "for --spa the start is a page" } else { "--no-listing" };
                self.trail.note("listing", || format!("none: {why}"));
                Err(Status::NotFound)
            }
            Ok(Node::Directory) => match Wish::of(query).filter(|_| self.options.archives) {
                Some(wish) => self.archive(request, path, wish, now),
                None => self.list(request, path, query),
            },
        }
    }

    /// The first index file that is one. A directory of that name is none.
    pub(super) fn find_index(
        &mut self,
        path: &SafePath,
        now: &Now,
    ) -> Result<Option<(SafePath, OpenFile)>, Status> {
        let options = Arc::clone(&self.options);
        for name in &options.index {
            let Some(candidate) = path.join(name.as_bytes()) else { continue };
            match self.find(&candidate, now) {
                Ok(Node::File(file)) => return Ok(Some((candidate, file))),
                Ok(Node::Directory) => {}
                Err(error) if sys::trouble(&error) == Trouble::Missing => {}
                Err(error) => return Err(status_of(&error, &candidate, &self.report)),
            }
        }
        Ok(None)
    }

    /// Lists a directory, in the pool: reading thousands of entries takes its time.
    fn list(
        &mut self,
        request: &Request<'_>,
        path: &SafePath,
        query: Option<&str>,
    ) -> Result<Answer, Status> {
        let lookup = self.files.lookup().ok_or(Status::NotFound)?;
        let view = View::of(query, request.fields);
        let (directory, hidden, filter) = (path.clone(), self.options.hidden, view.filter.clone());
        let has_rules = self.rules.is_on();
        let (forcing, rules) = (Arc::clone(self.rules.rules()), has_rules && path.is_root());
        let keep = move |name: &[u8]| {
            (hidden || !is_hidden_entry(&directory, name))
                && !(rules && directory.join(name).is_some_and(|path| is_rule_file(&path)))
                && filter.as_ref().is_none_or(|filter| filter.admits(name))
        };
        self.trail.note("listing", || match view.format {
            Format::Html => "as a page".to_owned(),
            format => format!("as {}, which the request prefers", format.name()),
        });
        let conditions = Conditions::of(request.method, request.fields);
        let is_conditional = !conditions.is_empty();
        let flight = self.files.place(path).map(|place| (place, view.clone(), is_conditional));
        let ticket = self.options.flights.board(flight);
        let (path, options, report) = (path.clone(), Arc::clone(&self.options), Arc::clone(&self.report));
        let form = view.format.form();
        Ok(Answer::Later(Box::new(move || {
            // What a forced rule answers for is not what would be shown.
            let is_ruled =
                |path: &SafePath| has_rules && forcing.redirect(path, None).is_some_and(|found| found.forced);
            let make = || {
                // What changes while it is read is told to its readers.
                let live = options.watch.as_ref().map(|hub| hub.element(hub.seen()));
                let entries = read(&*lookup, &path, &keep);
                let entries = entries.map_err(|error| status_of(&error, &path, &report))?;
                // Who has it already needs no room; all others hear at once that there is none.
                let least = listing::least(view.format, &entries.rows);
                if !is_conditional && !options.listings.has_room(least) {
                    return Err(Status::ServiceUnavailable);
                }
                let has_readme = view.format == Format::Html && view.filter.is_none();
                let readme = has_readme.then(|| readme::read(&*lookup, &path, &entries.rows, is_ruled));
                let readme = readme.flatten();
                Ok(Page::make(&view, &path, &entries, live.as_deref(), readme.as_ref(), &options))
            };
            // The panic itself is reported by the thread on which it was.
            let made = ticket.fly(make).unwrap_or(Err(Status::InternalServerError));
            let answer = made.and_then(|page| page.answer(view.format, &conditions));
            answer.unwrap_or_else(|status| error::page(status, form))
        })))
    }
}

/// The same rule as for a request of that entry.
fn is_hidden_entry(directory: &SafePath, name: &[u8]) -> bool {
    is_hidden(name) && directory.join(name).is_none_or(|path| path.is_hidden())
}

/// Reads the entries whose names `keep` wants. That ends, though it wants none of millions.
fn read(lookup: &dyn Lookup, path: &SafePath, keep: &dyn Fn(&[u8]) -> bool) -> io::Result<Entries> {
    let seen = Cell::new(0);
    let keep_or_end = |name: &[u8]| {
        seen.set(seen.get() + 1);
        // Of a very large folder the rest is taken as it comes, until there is too much of it.
        seen.get() > NAMES_MAX || keep(name)
    };
    let mut entries = lookup.list(path, ENTRIES_MAX, &keep_or_end)?;
    if seen.get() > NAMES_MAX {
        entries.rows.retain(|row| keep(&row.name));
    }
    Ok(entries)
}

/// What came of a reading, for all who share it.
pub type Made = Result<Page, Status>;

/// A listing, made once for all who wait for it.
#[derive(Clone, Debug)]
pub struct Page {
    /// None when there is no room for it.
    body: Option<Bytes>,
    tag: ETag,
    is_live: bool,
}

impl Page {
    /// A directory's time says nothing of the sizes and times of its files, so the
    /// validator is made of the page.
    fn make(
        view: &View,
        path: &SafePath,
        entries: &Entries,
        live: Option<&str>,
        readme: Option<&Readme>,
        options: &Options,
    ) -> Page {
        let (types, archives, truncated) = (&options.media_types, options.archives, entries.truncated);
        let body = Listing { path, view, types, truncated, archives, live, readme }.render(&entries.rows);
        let tag = ETag::of_bytes(&body);
        Page { body: options.listings.lend(body), tag, is_live: live.is_some() }
    }

    /// The listing, if the request still wants it now that it is known.
    fn answer(self, format: Format, conditions: &Conditions) -> Result<Response, Status> {
        let mut response = match conditions.evaluate(&Validators::of_content(self.tag)) {
            // Listings have no parts: who asks for one gets all, as §14.2 allows.
            Outcome::Proceed { range: _ } => {
                let mut response = Response::new(Status::Ok);
                response.fields.push("Content-Type", format.content_type());
                response.fields.push("Content-Security-Policy", content_security_policy(self.is_live));
                response.body = Body::bytes(self.body.ok_or(Status::ServiceUnavailable)?);
                response
            }
            Outcome::NotModified => Response::new(Status::NotModified),
            Outcome::PreconditionFailed => return Err(Status::PreconditionFailed),
        };
        response.fields.push_block("Cache-Control: no-cache\r\nVary: Accept\r\n");
        response.fields.push("ETag", self.tag);
        Ok(response)
    }
}
