//! Answers that were given, to be given again.
//!
//! Most of an answer depends on very little: which file it is, in which version, what the
//! client accepts, and how it got here. The same question about the same version has the
//! same answer, so its fields are rendered once. Every request still asks which version
//! the file has now, through the same contained look-up as ever; what is saved is all that
//! follows from it.
//!
//! Only plain questions are remembered: GET and HEAD, for all of a file or for one range of
//! it, with no other condition than the entity tag that the answer had. All others go the
//! long way.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::cors::Grant;
use super::files::{FileSystem, Node, OpenFile};
use super::portion::{ContentRange, Portion};
use super::recent::Recent;
use super::rules::Rules;
use super::{Site, coded};
use crate::clock::Now;
use crate::http::fields::Names;
use crate::http::range::{Selection, select};
use crate::http::{Body, Fields, Method, Request, RequestFields, Response, SafePath, Status};
use crate::segment::Segment;
use crate::sys::Version;

/// What an entry costs beside its bytes, roughly.
const OVERHEAD: usize = 512;

/// A longer Accept-Encoding is no browser's, and not worth its memory.
const ACCEPT_ENCODING_MAX: usize = 256;

/// Kinds of clients whose answers are remembered for one target.
const KINDS_MAX: usize = 4;

/// Fields that single a request out.
const SINGLING: Names = Names::of(&[
    "range",
    "if-range",
    "if-match",
    "if-unmodified-since",
    "if-modified-since",
    "if-none-match",
    "want-repr-digest",
    "accept-encoding",
]);

/// A question that may have been asked before.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    target: &'a str,
    accept_encoding: Option<&'a [u8]>,
    grant: Grant,
    /// The entity tag that the client has, if it asks for another one only.
    if_none_match: Option<&'a [u8]>,
    /// Where it asks for a part.
    range: Option<RequestFields<'a>>,
}

impl<'a> Question<'a> {
    /// None if the request asks for more than that.
    pub fn of(request: &Request<'a>, grant: Grant) -> Option<Question<'a>> {
        let fields = request.fields;
        let (target, accept_encoding, if_none_match, range) = (request.target_text, None, None, None);
        let mut question = Question { target, accept_encoding, grant, if_none_match, range };
        if !matches!(request.method, Method::Get | Method::Head) {
            return None;
        }
        if !fields.may_have(SINGLING) {
            return Some(question);
        }
        let has = |name| fields.first(name).is_some();
        if ["if-range", "if-match", "if-unmodified-since", "want-repr-digest"].into_iter().any(has) {
            return None;
        }
        for (name, slot) in [
            ("accept-encoding", &mut question.accept_encoding),
            ("if-none-match", &mut question.if_none_match),
        ] {
            *slot = fields.only(name);
            if slot.is_none() && has(name) {
                return None;
            }
        }
        if question.accept_encoding.is_some_and(|value| value.len() > ACCEPT_ENCODING_MAX) {
            return None;
        }
        if has("range") {
            question.range = Some(fields);
            let is_plain = question.if_none_match.is_none() && !has("if-modified-since");
            return (is_plain && request.method == Method::Get).then_some(question);
        }
        // Beside a tag the date does not count (RFC 9110 §13.1.3).
        (question.if_none_match.is_some() || !has("if-modified-since")).then_some(question)
    }
}

/// What an answer follows from, beside the question, the options and the rules.
#[derive(PartialEq, Eq)]
pub(super) struct Basis {
    /// The file, which was the first and only one that was looked up.
    pub path: SafePath,
    /// Settled.
    pub version: Version,
    /// Of the representation that was chosen.
    pub etag: String,
    /// Whether the body is the file as it is.
    pub is_identity: bool,
}

/// Answers of one loop, within a limit of bytes.
pub(super) struct Answers {
    /// By target.
    known: Recent<Vec<Known>>,
    /// The rules by which they were made.
    rules: Arc<Rules>,
}

/// The answers to one kind of clients.
struct Known {
    accept_encoding: Option<Vec<u8>>,
    grant: Grant,
    /// Whether they ask for parts: who does may be sent another form (`site::coded`).
    of_parts: bool,
    basis: Basis,
    /// Siblings may come, and coded forms be made: then it is time to look again.
    until: Option<Instant>,
    /// The fields of the 200, and its body if that is not the file as it is.
    ok: Option<(Fields, Option<Bytes>)>,
    /// The fields of the 304.
    not_modified: Option<Fields>,
}

impl Known {
    fn is_for(&self, question: &Question<'_>) -> bool {
        self.accept_encoding.as_deref() == question.accept_encoding
            && self.grant == question.grant
            && self.of_parts == question.range.is_some()
    }

    fn cost(&self) -> usize {
        let ok = |(fields, body): &(Fields, Option<Bytes>)| {
            fields.as_bytes().len() + body.as_ref().map_or(0, Bytes::len)
        };
        OVERHEAD
            + self.accept_encoding.as_ref().map_or(0, Vec::len)
            + self.basis.path.as_bytes().len()
            + self.basis.etag.len()
            + self.ok.as_ref().map_or(0, ok)
            + self.not_modified.as_ref().map_or(0, |fields| fields.as_bytes().len())
    }

    /// The answer, now that the file is known to be of the same version.
    fn answer(&self, question: &Question<'_>, file: &OpenFile) -> Option<Response> {
        if let Some(tag) = question.if_none_match {
            let fields = self.not_modified.as_ref().filter(|_| tag == self.basis.etag.as_bytes())?;
            // Not by `new`, whose fields would be made to be thrown away.
            return Some(Response {
                status: Status::NotModified,
                fields: fields.clone(),
                body: Body::Empty,
                slice: None,
            });
        }
        let (fields, coded) = self.ok.as_ref()?;
        if let Some(range) = question.range {
            // Several, and what cannot be had: the long way.
            let Selection::Part(part) = select(range, file.len) else { return None };
            return partial(fields, part, file);
        }
        let body = match coded {
            Some(bytes) => Body::bytes(bytes.clone()),
            // What goes wrong here goes wrong on the long way, too, and is told there.
            None => Portion::Whole.body(&file.content, file.len).ok()??,
        };
        let slice = Portion::Whole.slice(body.len());
        Some(Response { status: Status::Ok, fields: fields.clone(), body, slice })
    }
}

/// A part of the file (RFC 9110 §15.3.7): with the fields of all of it, and one more.
fn partial(fields: &Fields, part: Range<u64>, file: &OpenFile) -> Option<Response> {
    let (portion, mut fields) = (Portion::Part(part.clone()), fields.clone());
    fields.push("Content-Range", ContentRange { part, len: file.len });
    let body = portion.body(&file.content, file.len).ok()??;
    Some(Response { status: portion.status(), fields, body, slice: portion.slice(file.len) })
}

impl Answers {
    /// Remembers answers in up to so many bytes; with 0 none.
    pub fn new(bytes_max: usize) -> Self {
        Answers { known: Recent::new(bytes_max), rules: Arc::default() }
    }

    /// Forgets all that was made by other rules.
    fn follow(&mut self, rules: &Arc<Rules>) {
        if !Arc::ptr_eq(&self.rules, rules) {
            self.rules = Arc::clone(rules);
            self.known.clear();
        }
    }

    fn get(&mut self, question: &Question<'_>, now: &Now) -> Option<&Known> {
        let kinds = self.known.get(question.target.as_bytes(), now.instant)?;
        let known = kinds.iter().find(|known| known.is_for(question))?;
        known.until.is_none_or(|until| now.instant < until).then_some(known)
    }

    /// Remembers the answer that a question had.
    fn put(&mut self, question: &Question<'_>, basis: Basis, response: &Response, now: &Now) {
        let coded = match &response.body {
            _ if basis.is_identity => None,
            Body::One(Segment::Bytes(bytes)) => Some(bytes.clone()),
            Body::Empty if response.status == Status::NotModified => None,
            // Open files are not kept.
            Body::Empty | Body::One(_) | Body::Many(_) | Body::Events(_) => return,
        };
        let mut fields = response.fields.clone();
        if question.range.is_some() {
            // Of several parts each has its own, and the head is that of none.
            if fields.get("Content-Range").is_none() || !basis.is_identity {
                return;
            }
            fields.remove("Content-Range");
        }
        fields.share();
        let target = question.target.as_bytes();
        let mut kinds = self.known.remove(target).unwrap_or_default();
        let before = kinds.iter().position(|known| known.is_for(question)).map(|at| kinds.remove(at));
        kinds.truncate(KINDS_MAX - 1);
        let mut known = before.filter(|known| known.basis == basis).unwrap_or_else(|| Known {
            accept_encoding: question.accept_encoding.map(<[u8]>::to_vec),
            grant: question.grant,
            of_parts: question.range.is_some(),
            basis,
            until: None,
            ok: None,
            not_modified: None,
        });
        known.until = question.accept_encoding.map(|_| now.instant + coded::LOOK_INTERVAL);
        match response.status {
            Status::NotModified => known.not_modified = Some(fields),
            _ => known.ok = Some((fields, coded)),
        }
        // The newest first: it is the likeliest to be asked for again.
        kinds.insert(0, known);
        let cost = kinds.iter().map(Known::cost).sum();
        self.known.insert(target, kinds, cost, now.instant);
    }
}

impl<F: FileSystem> Site<F> {
    /// Begins to answer: notes what the answer will follow from.
    pub(super) fn begin_basis(&mut self) {
        (self.looks, self.basis, self.first) = (0, None, None);
    }

    /// Looks a path up on the way to what answers. Where a disk has to be waited for, this
    /// fails, and [what has to be done first](Site::first) is noted.
    pub(super) fn find(&mut self, path: &SafePath, now: &Now) -> io::Result<Node> {
        self.looks += 1;
        self.files.open_at_hand(path, now).unwrap_or_else(|preparation| {
            self.first.get_or_insert(preparation);
            Err(io::ErrorKind::WouldBlock.into())
        })
    }

    /// The answer that such a question had, if it would have the same again.
    pub(super) fn recall(&mut self, question: &Question<'_>, now: &Now) -> Option<Response> {
        if self.trail.is_kept() {
            return None;
        }
        self.answers.follow(self.rules.rules());
        let known = self.answers.get(question, now)?;
        match self.files.open_at_hand(&known.basis.path, now).ok()? {
            // The wall clock may have been set back: then tags and dates are others.
            Ok(Node::File(file))
                if file.version == known.basis.version && file.stays_as_it_is(now.system) =>
            {
                known.answer(question, &file)
            }
            // What became of it is told on the long way.
            Ok(_) | Err(_) => None,
        }
    }

    /// Remembers an answer, if it follows from one version of one file.
    pub(super) fn remember(&mut self, question: &Question<'_>, response: &Response, now: &Now) {
        let Some(basis) = self.basis.take().filter(|_| self.looks == 1) else { return };
        let is_expected = match question.if_none_match {
            Some(tag) => response.status == Status::NotModified && tag == basis.etag.as_bytes(),
            None if question.range.is_some() => response.status == Status::PartialContent,
            None => response.status == Status::Ok,
        };
        if is_expected && response.fields.is_valid() {
            self.answers.put(question, basis, response, now);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "answers_tests.rs"]
mod tests;
