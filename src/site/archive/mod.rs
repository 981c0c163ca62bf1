//! A folder as one download: a tar, or a ZIP without compression.
//!
//! Everything about an archive is known before its first byte: a [walk](plan) of the tree
//! says what is in it, and the [layout] where each byte of it will be. So it has a length, a
//! validator and parts like any file, and a download that broke off goes on where it was.
//! It is [made](archiver) while it is sent, and never held whole.

pub mod archiver;
pub mod checksums;
pub mod layout;

pub mod plan;
mod tar;
mod zip;

use std::io;
use std::sync::Arc;

use super::budget::Budget;
use super::files::FileSystem;
use super::portion::Portion;
use super::representation::unsatisfiable;
use super::rules::is_rule_file;
use super::{Site, error, status_of};
use crate::clock::Now;
use crate::http::negotiate::Form;
use crate::http::precondition::{Conditions, ETag, Outcome, Validators};
use crate::http::range::{Selection, select_value};
use crate::http::{Answer, Body, Method, Request, Response, SafePath, Status, negotiate, query};
use crate::segment::{Maker, Segment};
use archiver::{Archiver, Supplies, Unmade};
use checksums::Checksums;
use layout::Layout;

/// What an archive is called that has no name of its own: that of the root.
const NAMELESS: &[u8] = b"files";

/// So many archives are planned at once. The pool gives one thread more to what is long, and
/// that is for those who list.
const WALKS_MAX: usize = 2;

/// So many bytes of pieces are longer than need be, of all archives together: for those who take
/// what they asked for it is enough, and those who do not take it get no more of it.
const PIECES_MAX: usize = 32 * 1024 * 1024;

/// What all archives of a server share; clones are the same.
#[derive(Clone, Debug)]
pub struct Resources {
    /// How many may be planned at once; beyond it 503.
    walks: Budget,
    /// What their plans may hold in memory together; beyond it 503.
    plans: Budget,
    /// What the pieces on their way may hold together; beyond it they are small.
    pieces: Budget,
    /// What is known of the checksums of their members.
    checksums: Checksums,
}

impl Resources {
    /// So many plans at once, which hold so many bytes.
    pub fn new(walks: usize, plans: Budget) -> Resources {
        let (walks, pieces) = (Budget::new(walks), Budget::new(PIECES_MAX));
        Resources { walks, plans, pieces, checksums: Checksums::default() }
    }
}

impl Default for Resources {
    fn default() -> Self {
        Resources::new(WALKS_MAX, Budget::default())
    }
}

/// What it is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// ZIP, stored.
    Zip,
    /// tar, by POSIX.
    Tar,
}

impl Format {
    /// The end of its name.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Zip => "zip",
            Format::Tar => "tar",
        }
    }

    /// What it is called in Content-Type.
    pub fn media_type(self) -> &'static str {
        match self {
            Format::Zip => "application/zip",
            Format::Tar => "application/x-tar",
        }
    }
}

/// What a query wants to be saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// How, if it is a folder.
    pub format: Format,
    /// Which entries of it; None is all.
    pub selected: Option<Vec<Vec<u8>>>,
}

impl Wish {
    /// `?download`, `?download=tar`, `?download=zip&name=a&name=b`: None without `download`.
    /// What it is set to is `zip` where it is not known.
    ///
    /// ```
    /// use serve::site::archive::{Format, Wish};
    /// assert_eq!(Wish::of(Some("download")), Some(Wish { format: Format::Zip, selected: None }));
    /// assert_eq!(Wish::of(Some("format=json")), None);
    /// ```
    pub fn of(query: Option<&str>) -> Option<Wish> {
        let query = query?;
        let value = query::values(query, "download").next()?;
        let format = if value[..] == *b"tar" { Format::Tar } else { Format::Zip };
        let selected: Vec<Vec<u8>> = query::values(query, "name").map(|name| name.into_owned()).collect();
        Some(Wish { format, selected: (!selected.is_empty()).then_some(selected) })
    }
}

/// The value of Content-Disposition with which a browser saves it under that name (RFC 6266;
/// RFC 8187 for what is not plain).
pub fn attachment(name: &[u8]) -> String {
    let is_plain = |b: &u8| matches!(b, b' '..=b'~') && !matches!(b, b'"' | b'\\' | b'%');
    let plain: String = name.iter().map(|b| if is_plain(b) { char::from(*b) } else { '_' }).collect();
    let mut value = format!("attachment; filename=\"{plain}\"");
    if !name.iter().all(is_plain) {
        let encoded = percent_encoding::percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
        value.push_str(&format!("; filename*=UTF-8''{encoded}"));
    }
    value
}

impl<F: FileSystem> Site<F> {
    /// Answers with an archive of a directory, or says that there can be none.
    pub(super) fn archive(
        &mut self,
        request: &Request<'_>,
        path: &SafePath,
        wish: Wish,
        now: &Now,
    ) -> Result<Answer, Status> {
        let lookup = self.files.lookup().ok_or(Status::NotFound)?;
        self.trail.note("archive", || format!("as {}, made while it is sent", wish.format.extension()));
        let (hidden, has_rules) = (self.options.hidden, self.rules.is_on());
        let rules = Arc::clone(self.rules.rules());
        let wanted = move |path: &SafePath| {
            let is_rule = has_rules && is_rule_file(path);
            // What a forced rule answers for is not what would be saved.
            let is_ruled = has_rules && rules.redirect(path, None).is_some_and(|found| found.forced);
            (hidden || !path.is_hidden()) && !is_rule && !is_ruled
        };
        let (path, options, report) = (path.clone(), Arc::clone(&self.options), Arc::clone(&self.report));
        let asked = Asked {
            conditions: Conditions::of(request.method, request.fields),
            range: request.fields.only("range").map(<[u8]>::to_vec),
            form: negotiate::form(request.fields),
            is_head: request.method == Method::Head,
        };
        let (form, planned) = (asked.form, now.system);
        let make = move || {
            let status = |error: &io::Error, path: &SafePath| status_of(error, path, &report);
            let Resources { walks, plans, pieces, checksums } = options.archiving.clone();
            let _walking = walks.reserve(1).ok_or(Status::ServiceUnavailable)?;
            let members = plan::walk(&*lookup, &path, wish.selected.as_deref(), &wanted, &status)?;
            let top = path.name().unwrap_or(NAMELESS).to_vec();
            let tag = plan::tag(wish.format, &top, &members, planned);
            let reserved = plans.reserve(plan::bytes_in_memory(&members));
            let reserved = reserved.ok_or(Status::ServiceUnavailable)?;
            let name = [&top[..], b".", wish.format.extension().as_bytes()].concat();
            let layout = Layout::new(wish.format, top, members).ok_or(Status::Forbidden)?;
            let supplies = Supplies { lookup, checksums, planned, report, reserved, pieces };
            asked.answer(tag, &name, wish.format, Archiver::new(layout, supplies))
        };
        Ok(Answer::Later(Box::new(move || make().unwrap_or_else(|status| error::page(status, form)))))
    }
}

/// What a request for an archive says of it, to be held against it when that is planned.
struct Asked {
    conditions: Conditions,
    range: Option<Vec<u8>>,
    form: Form,
    is_head: bool,
}

impl Asked {
    /// The answer with an archive of this tag and name, or with the part of it that is asked
    /// for.
    fn answer(self, tag: ETag, name: &[u8], format: Format, archiver: Archiver) -> Result<Response, Status> {
        let mut response = match self.conditions.evaluate(&Validators::of_content(tag)) {
            Outcome::NotModified => Response::new(Status::NotModified),
            Outcome::PreconditionFailed => return Err(Status::PreconditionFailed),
            Outcome::Proceed { range: is_wanted } => {
                let len = archiver.layout().total();
                let range = self.range.filter(|_| is_wanted);
                let part = match range.map_or(Selection::Whole, |range| select_value(&range, len)) {
                    // Several parts of an archive are of no use to anybody: all of it is a
                    // right answer, too (RFC 9110 §14.2).
                    Selection::Whole | Selection::Parts(_) => Portion::Whole,
                    Selection::Part(part) => Portion::Part(part),
                    Selection::Unsatisfiable => return Ok(unsatisfiable(self.form, len)),
                };
                let mut response = Response::new(part.status());
                part.describe(&mut response, format.media_type(), len);
                response.fields.push("Content-Disposition", attachment(name));
                response.fields.push_block("Accept-Ranges: bytes\r\n");
                response.slice = part.slice(len);
                let range = if let Portion::Part(part) = part { part } else { 0..len };
                let maker: Arc<dyn Maker> = if self.is_head { Arc::new(Unmade) } else { Arc::new(archiver) };
                response.body = Body::One(Segment::Made { maker, range });
                response
            }
        };
        response.fields.push_block("Cache-Control: no-cache\r\n");
        response.fields.push("ETag", tag);
        Ok(response)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod archiver_tests;
