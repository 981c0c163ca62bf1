//! A file as a representation: which form of it, preconditions, ranges, fields, segments
//! (behaviour, sections 4 and 5).

use std::io;
use std::sync::Arc;

use percent_encoding::NON_ALPHANUMERIC;

use super::answers::Basis;
use super::archive::{Wish, attachment};
use super::cache_control::{CachePolicy, has_content_hash};
use super::coded::{Choice, CodedFile};
use super::derived::Digest;
use super::digests::{self, Known};
use super::files::{Content, FileSystem, OpenFile};
use super::multipart::Multipart;
use super::portion::Portion;
use super::{Site, error, preview};
use crate::clock::Now;
use crate::http::coding::Coding;
use crate::http::negotiate::{self, Form};
use crate::http::precondition::{ETag, Outcome, Validators, evaluate};
use crate::http::range::{Selection, select};
use crate::http::target::Target;
use crate::http::{Answer, Body, Method, Request, Response, SafePath, Status};

/// Most that is read of a file that does not know its size, as those of `/proc`.
const UNSIZED_MAX: usize = 1024 * 1024;

/// The representation that was chosen of a file.
struct Selected<'a> {
    name: &'a [u8],
    media_type: &'a str,
    content: &'a Content,
    len: u64,
    coding: Coding,
    validators: Validators,
    /// Where the client wants it, and it is known.
    digest: Option<Digest>,
    /// Another client would get another one.
    varies: bool,
}

impl Selected<'_> {
    /// What the answer follows from. Without a tag it is not final: the digest may be made
    /// at this moment.
    fn basis(&self, path: &SafePath, file: &OpenFile) -> Option<Basis> {
        let etag = self.validators.etag.filter(|_| self.digest.is_none() && file.len > 0)?.to_string();
        let is_identity = self.coding == Coding::Identity;
        Some(Basis { path: path.clone(), version: file.version, etag, is_identity })
    }
}

impl<F: FileSystem> Site<F> {
    /// Answers with the file under a path.
    pub(super) fn answer_file(
        &mut self,
        request: &Request<'_>,
        path: &SafePath,
        file: &OpenFile,
        now: &Now,
    ) -> Result<Answer, Status> {
        let options = Arc::clone(&self.options);
        let name = file.name.as_deref().or(path.name()).unwrap_or_default();
        let media_type = options.media_types.of(name);
        self.trail.note("type", || media_type.to_string());
        if let Some(answer) = self.answer_made(request, path, file, &media_type, now)? {
            return Ok(answer);
        }
        self.note_age(file, now);
        let mut identity = Validators::of(file.len, file.modified, now.system);
        // A time that says nothing: the content has to tell (behaviour, section 4).
        if identity.etag.is_none() && file.len > 0 {
            match digests::of_file(&options.derived, path, file, now).ready() {
                Ok(digest) => identity.etag = digest.as_ref().map(ETag::of_digest),
                Err(preparation) => return Ok(Answer::After(preparation)),
            }
        }
        let choice = self.choose(request, path, file, &media_type, now);
        let wanted = digests::is_wanted(request.fields).then(|| self.digest_of(&choice, path, file, now));
        let digest = match wanted.unwrap_or(Known::Nothing).ready() {
            Ok(digest) => digest,
            Err(preparation) => return Ok(Answer::After(preparation)),
        };
        let is_settled = choice.sibling().into_iter().chain([file]).all(|f| f.stays_as_it_is(now.system));
        let coded;
        let selected = match choice {
            Choice::NotAcceptable => return Err(Status::NotAcceptable),
            Choice::After(preparation) => return Ok(Answer::After(preparation)),
            Choice::Identity { varies } => Selected {
                name,
                media_type: &media_type,
                content: &file.content,
                len: file.len,
                coding: Coding::Identity,
                validators: identity,
                digest,
                varies,
            },
            Choice::Coded(found) => {
                coded = found;
                let own = |sibling: &OpenFile| ETag::of(sibling.len, sibling.modified?, now.system);
                Selected {
                    name,
                    media_type: &media_type,
                    content: &coded.content,
                    len: coded.len,
                    coding: coded.coding,
                    validators: identity.of_coded(coded.coding, coded.sibling.as_ref().and_then(own)),
                    digest,
                    varies: true,
                }
            }
        };
        if is_settled {
            self.basis = selected.basis(path, file);
        }
        let answer = self.represent(request, file, &selected);
        answer.map(Answer::Ready).map_err(|error| {
            (self.report)(&format!("500 {}: {error}", request.target_text.escape_default()));
            Status::InternalServerError
        })
    }

    /// The digest of the representation that was chosen.
    fn digest_of(&self, choice: &Choice, path: &SafePath, file: &OpenFile, now: &Now) -> Known {
        let derived = &self.options.derived;
        match choice {
            Choice::Identity { .. } if file.len > 0 => digests::of_file(derived, path, file, now),
            Choice::Coded(CodedFile { digest: Some(digest), .. }) => Known::Digest(*digest),
            Choice::Coded(CodedFile { sibling: Some(sibling), coding, .. }) => {
                let place = coding.format().and_then(|format| path.with_suffix(format.suffix()));
                place.map_or(Known::Nothing, |place| digests::of_file(derived, &place, sibling, now))
            }
            Choice::Identity { .. } | Choice::Coded(_) | Choice::NotAcceptable | Choice::After(_) => {
                Known::Nothing
            }
        }
    }

    fn represent(
        &self,
        request: &Request<'_>,
        file: &OpenFile,
        selected: &Selected<'_>,
    ) -> io::Result<Response> {
        let (name, media_type, len) = (selected.name, selected.media_type, selected.len);
        let range = match evaluate(request.method, request.fields, &selected.validators) {
            Outcome::Proceed { range } => range,
            Outcome::NotModified => {
                self.note_condition(
                    request,
                    ["If-None-Match", "If-Modified-Since"],
                    "the client has it already",
                );
                return Ok(self.not_modified(request, selected));
            }
            Outcome::PreconditionFailed => {
                let why = "it is not what the client thinks";
                self.note_condition(request, ["If-Match", "If-Unmodified-Since"], why);
                return Ok(error::page(Status::PreconditionFailed, negotiate::form(request.fields)));
            }
        };
        let selection = if range { select(request.fields, len) } else { Selection::Whole };
        let portion = match selection {
            _ if len == 0 => Portion::Whole,
            Selection::Whole => Portion::Whole,
            Selection::Part(part) => Portion::Part(part),
            Selection::Parts(parts) => {
                let boundary = self.options.boundaries.next();
                Multipart::new(parts, len, media_type, boundary).map_or(Portion::Whole, Portion::Parts)
            }
            Selection::Unsatisfiable => return Ok(unsatisfiable(negotiate::form(request.fields), len)),
        };
        self.note_portion(request, range, &portion, len);
        let Some(body) = portion.body(selected.content, len)? else {
            return self.unsized_file(request, selected, &file.content);
        };
        let mut response = Response::new(portion.status());
        portion.describe(&mut response, media_type, len);
        if is_to_be_saved(request) {
            response.fields.push("Content-Disposition", attachment(name));
        } else if file.name.is_some() {
            // Asked for as `/`: a browser should still save it under its name.
            let encoded = percent_encoding::percent_encode(name, NON_ALPHANUMERIC);
            response.fields.push("Content-Disposition", format_args!("inline; filename*=UTF-8''{encoded}"));
        }
        if selected.coding != Coding::Identity {
            response.fields.push("Content-Encoding", selected.coding.name());
        }
        if let Some(digest) = &selected.digest {
            response.fields.push("Repr-Digest", digests::field_value(digest));
        }
        response.fields.push_block("Accept-Ranges: bytes\r\n");
        self.push_common(&mut response, request, selected);
        response.body = body;
        response.slice = portion.slice(len);
        Ok(response)
    }

    /// What a 200, a 206 and a 304 have alike (RFC 9110 §15.4.5).
    fn push_common(&self, response: &mut Response, request: &Request<'_>, selected: &Selected<'_>) {
        self.push_cache_control(response, request, selected);
        if selected.varies {
            response.fields.push_block("Vary: Accept-Encoding\r\n");
        }
        if let Some(etag) = selected.validators.etag {
            response.fields.push("ETag", etag);
        }
        if let Some(modified) = selected.validators.last_modified {
            response.fields.push("Last-Modified", modified);
        }
    }

    /// What caches are told.
    fn push_cache_control(&self, response: &mut Response, request: &Request<'_>, selected: &Selected<'_>) {
        // Whatever is encoded in the target is no name that a bundler wrote.
        let target = request.target_text.split('?').next().unwrap_or_default();
        let above = target.as_bytes().strip_suffix(selected.name);
        let is_addressed = above.is_some_and(|above| above.ends_with(b"/"));
        if let Some(value) = self.options.cache.field(selected.name, selected.media_type, is_addressed) {
            response.fields.push("Cache-Control", value);
        }
        self.trail.note("cache", || match self.options.cache {
            CachePolicy::Auto if !is_addressed => "auto: the name was not asked for".to_owned(),
            CachePolicy::Auto if has_content_hash(selected.name) => {
                "auto: the name carries a hash".to_owned()
            }
            CachePolicy::Auto => "auto: the name carries no hash".to_owned(),
            CachePolicy::NoCache | CachePolicy::MaxAge(_) | CachePolicy::Off => "as --cache says".to_owned(),
        });
    }

    /// What is made of the file instead of sending it, if it is.
    fn answer_made(
        &mut self,
        request: &Request<'_>,
        path: &SafePath,
        file: &OpenFile,
        media_type: &str,
        now: &Now,
    ) -> Result<Option<Answer>, Status> {
        if self.options.listing && preview::is_wanted(request, media_type) && !is_to_be_saved(request) {
            return Ok(Some(self.preview(request, path, file)));
        }
        Ok(self.answer_live(request, file, media_type, now)?.map(Answer::Ready))
    }

    fn note_age(&self, file: &OpenFile, now: &Now) {
        if !file.version.is_settled(now.system) {
            let why = "changed, or moved here, less than two seconds ago: nothing is made of it yet";
            self.trail.note("time", || why.to_owned());
        }
    }

    /// Which precondition has decided: of each pair the second counts only without the
    /// first (RFC 9110 §13.2.2).
    fn note_condition(&self, request: &Request<'_>, [tag, date]: [&'static str; 2], why: &str) {
        let name = if request.fields.first(tag).is_some() { tag } else { date };
        self.trail.note("condition", || format!("{name}: {why}"));
    }

    fn note_portion(&self, request: &Request<'_>, range: bool, portion: &Portion, len: u64) {
        if request.fields.first("range").is_none() {
            return;
        }
        self.trail.note("range", || match portion {
            _ if !range && request.method == Method::Get => "If-Range does not hold: the whole".to_owned(),
            Portion::Whole => "none that can be used: the whole".to_owned(),
            Portion::Part(part) => {
                format!("{} of {len} bytes, from {} on", part.end - part.start, part.start)
            }
            Portion::Parts(parts) => format!("{} of {len} bytes, in several parts", parts.data_len()),
        });
    }

    fn not_modified(&self, request: &Request<'_>, selected: &Selected<'_>) -> Response {
        let mut response = Response::new(Status::NotModified);
        self.push_common(&mut response, request, selected);
        response
    }

    /// A file whose size said nothing true (R33): it is read, and what was read is
    /// what is sent, without validators, for the next read may differ.
    fn unsized_file(
        &self,
        request: &Request<'_>,
        selected: &Selected<'_>,
        content: &Content,
    ) -> io::Result<Response> {
        let bytes = content.read(0, UNSIZED_MAX + 1)?;
        if bytes.len() > UNSIZED_MAX {
            return Err(io::Error::other("a file without a size has more than 1 MiB"));
        }
        let mut response = Response::new(Status::Ok);
        response.fields.push("Content-Type", selected.media_type);
        self.push_cache_control(&mut response, request, selected);
        response.slice = Portion::Whole.slice(bytes.len() as u64);
        response.body = Body::bytes(bytes);
        Ok(response)
    }
}

/// `?download`: a browser is to save it instead of showing it.
fn is_to_be_saved(request: &Request<'_>) -> bool {
    matches!(request.target, Target::Path { query: Some(query), .. } if Wish::of(Some(query)).is_some())
}

/// RFC 9110 §15.5.17: how long it is, so that the client can ask better.
pub(super) fn unsatisfiable(form: Form, length: u64) -> Response {
    let mut response = error::page(Status::RangeNotSatisfiable, form);
    response.fields.push("Content-Range", format_args!("bytes */{length}"));
    response
}
