//! A file as a representation: preconditions, ranges, fields, segments
//! (behaviour, sections 4 and 5).

use std::io;

use percent_encoding::NON_ALPHANUMERIC;

use super::files::{Content, FileSystem, OpenFile};
use super::multipart::Multipart;
use super::portion::Portion;
use super::{Site, error};
use crate::clock::Now;
use crate::http::negotiate;
use crate::http::precondition::{Outcome, Validators, evaluate};
use crate::http::range::{Selection, select};
use crate::http::{Answer, Body, Request, Response, Status};

/// Most that is read of a file that does not know its size, as those of `/proc`.
const UNSIZED_MAX: usize = 1024 * 1024;

impl<F: FileSystem> Site<F> {
    /// Answers with a file of that name.
    pub(super) fn answer_file(
        &self,
        request: &Request<'_>,
        name: &[u8],
        file: OpenFile,
        now: &Now,
    ) -> Result<Answer, Status> {
        let answer = self.represent(request, name, &file, now);
        answer.map(Answer::Ready).map_err(|error| {
            (self.report)(&format!("500 {}: {error}", request.target_text.escape_default()));
            Status::InternalServerError
        })
    }

    fn represent(
        &self,
        request: &Request<'_>,
        name: &[u8],
        file: &OpenFile,
        now: &Now,
    ) -> io::Result<Response> {
        let validators = Validators::of(file.len, file.modified, now.system);
        let range = match evaluate(request.method, request.fields, &validators) {
            Outcome::Proceed { range } => range,
            Outcome::NotModified => return Ok(self.not_modified(request, name, &validators)),
            Outcome::PreconditionFailed => {
                return Ok(error::page(Status::PreconditionFailed, negotiate::form(request.fields)));
            }
        };
        let selection = if range { select(request.fields, file.len) } else { Selection::Whole };
        let media_type = self.options.media_types.of(name);
        let portion = match selection {
            _ if file.len == 0 => Portion::Whole,
            Selection::Whole => Portion::Whole,
            Selection::Part(part) => Portion::Part(part),
            Selection::Parts(parts) => {
                let boundary = self.options.boundaries.next();
                Multipart::new(parts, file.len, &media_type, boundary).map_or(Portion::Whole, Portion::Parts)
            }
            Selection::Unsatisfiable => return Ok(unsatisfiable(request, file.len)),
        };
        let Some(body) = portion.body(&file.content, file.len)? else {
            return self.unsized_file(request, name, &file.content);
        };
        let mut response = Response::new(portion.status());
        portion.describe(&mut response, &media_type, file.len);
        self.describe(&mut response, request, name, file);
        push_validators(&mut response, &validators);
        response.body = body;
        Ok(response)
    }

    /// What the name and the options say.
    fn describe(&self, response: &mut Response, request: &Request<'_>, name: &[u8], file: &OpenFile) {
        if file.name.is_some() {
            // Asked for as `/`: a browser should still save it under its name.
            let encoded = percent_encoding::percent_encode(name, NON_ALPHANUMERIC);
            response.fields.push("Content-Disposition", format_args!("inline; filename*=UTF-8''{encoded}"));
        }
        self.push_cache_control(response, request, name);
        response.fields.push_block("Accept-Ranges: bytes\r\n");
    }

    /// What caches are told; the same on 200, 206 and 304.
    fn push_cache_control(&self, response: &mut Response, request: &Request<'_>, name: &[u8]) {
        // Whatever is encoded in the target is no name that a bundler wrote.
        let target = request.target_text.split('?').next().unwrap_or_default();
        let is_addressed = target.as_bytes().strip_suffix(name).is_some_and(|above| above.ends_with(b"/"));
        let media_type = self.options.media_types.of(name);
        if let Some(value) = self.options.cache.field(name, &media_type, is_addressed) {
            response.fields.push("Cache-Control", value);
        }
    }

    /// RFC 9110 §15.4.5: what a 200 would have said of the cache, and the tag.
    fn not_modified(&self, request: &Request<'_>, name: &[u8], validators: &Validators) -> Response {
        let mut response = Response::new(Status::NotModified);
        self.push_cache_control(&mut response, request, name);
        push_validators(&mut response, validators);
        response
    }

    /// A file whose size said nothing true (R33): it is read, and what was read is
    /// what is sent, without validators, for the next read may differ.
    fn unsized_file(&self, request: &Request<'_>, name: &[u8], content: &Content) -> io::Result<Response> {
        let bytes = content.read(0, UNSIZED_MAX + 1)?;
        if bytes.len() > UNSIZED_MAX {
            return Err(io::Error::other("a file without a size has more than 1 MiB"));
        }
        let mut response = Response::new(Status::Ok);
        response.fields.push("Content-Type", self.options.media_types.of(name));
        self.push_cache_control(&mut response, request, name);
        response.body = Body::bytes(bytes);
        Ok(response)
    }
}

fn push_validators(response: &mut Response, validators: &Validators) {
    if let Some(etag) = validators.etag {
        response.fields.push("ETag", etag);
    }
    if let Some(modified) = validators.last_modified {
        response.fields.push("Last-Modified", modified);
    }
}

/// RFC 9110 §15.5.17: how long it is, so that the client can ask better.
fn unsatisfiable(request: &Request<'_>, length: u64) -> Response {
    let form = negotiate::form(request.fields);
    let mut response = error::page(Status::RangeNotSatisfiable, form);
    response.fields.push("Content-Range", format_args!("bytes */{length}"));
    response
}
