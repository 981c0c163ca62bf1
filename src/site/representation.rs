//! A file as a representation: preconditions, ranges, fields, segments
//! (behaviour, sections 4 and 5).

use std::io;
use std::ops::Range;

use percent_encoding::NON_ALPHANUMERIC;

use super::files::{Content, FileSystem, OpenFile};
use super::{Site, error};
use crate::clock::Now;
use crate::http::negotiate;
use crate::http::precondition::{Outcome, Validators, evaluate};
use crate::http::range::{Selection, select};
use crate::http::{Answer, Body, Request, Response, Status};

/// Bodies up to this size are read at once and sent together with their head: one
/// `read` and one `writev` cost less than `sendfile` and the packet of its own.
const SMALL: u64 = 32 * 1024;

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
            Outcome::NotModified => return Ok(not_modified(&validators)),
            Outcome::PreconditionFailed => {
                return Ok(error::page(Status::PreconditionFailed, negotiate::form(request.fields)));
            }
        };
        let selection = if range { select(request.fields, file.len) } else { Selection::Whole };
        let (status, part) = match selection {
            _ if file.len == 0 => (Status::Ok, 0..0),
            Selection::Whole => (Status::Ok, 0..file.len),
            Selection::Part(part) => (Status::PartialContent, part),
            Selection::Unsatisfiable => return Ok(unsatisfiable(request, file.len)),
        };
        let Some(body) = body(&file.content, &part, file.len)? else {
            return self.unsized_file(name, &file.content);
        };
        let mut response = Response::new(status);
        self.describe(&mut response, name, file);
        if status == Status::PartialContent {
            let content_range = format_args!("bytes {}-{}/{}", part.start, part.end - 1, file.len);
            response.fields.push("Content-Range", content_range);
        }
        response.fields.push_block("Accept-Ranges: bytes\r\n");
        push_validators(&mut response, &validators);
        response.body = body;
        Ok(response)
    }

    /// What the name and the options say.
    fn describe(&self, response: &mut Response, name: &[u8], file: &OpenFile) {
        response.fields.push("Content-Type", self.options.media_types.of(name));
        if file.name.is_some() {
            // Asked for as `/`: a browser should still save it under its name.
            let encoded = percent_encoding::percent_encode(name, NON_ALPHANUMERIC);
            response.fields.push("Content-Disposition", format_args!("inline; filename*=UTF-8''{encoded}"));
        }
        response.fields.push_block("Cache-Control: no-cache\r\n");
    }

    /// A file whose size said nothing true (R33): it is read, and what was read is
    /// what is sent, without validators, for the next read may differ.
    fn unsized_file(&self, name: &[u8], content: &Content) -> io::Result<Response> {
        let bytes = content.read(0, UNSIZED_MAX + 1)?;
        if bytes.len() > UNSIZED_MAX {
            return Err(io::Error::other("a file without a size has more than 1 MiB"));
        }
        let mut response = Response::new(Status::Ok);
        response.fields.push("Content-Type", self.options.media_types.of(name));
        response.fields.push_block("Cache-Control: no-cache\r\n");
        response.body = Body::bytes(bytes);
        Ok(response)
    }
}

/// The body of a part; None when the file does not have the bytes that it claims, or
/// claims to be empty and is not.
fn body(content: &Content, part: &Range<u64>, len: u64) -> io::Result<Option<Body>> {
    let length = part.end - part.start;
    if len == 0 {
        return Ok(content.read(0, 1)?.is_empty().then_some(Body::Empty));
    }
    if length > SMALL {
        return Ok(Some(Body::One(content.segment(part.clone()))));
    }
    // At most SMALL, so it fits.
    let bytes = content.read(part.start, length as usize)?;
    Ok((bytes.len() as u64 == length).then(|| Body::bytes(bytes)))
}

fn push_validators(response: &mut Response, validators: &Validators) {
    if let Some(etag) = validators.etag {
        response.fields.push("ETag", etag);
    }
    if let Some(modified) = validators.last_modified {
        response.fields.push("Last-Modified", modified);
    }
}

/// RFC 9110 §15.4.5: what a 200 would have said of the cache, and the tag.
fn not_modified(validators: &Validators) -> Response {
    let mut response = Response::new(Status::NotModified);
    response.fields.push_block("Cache-Control: no-cache\r\n");
    push_validators(&mut response, validators);
    response
}

/// RFC 9110 §15.5.17: how long it is, so that the client can ask better.
fn unsatisfiable(request: &Request<'_>, length: u64) -> Response {
    let form = negotiate::form(request.fields);
    let mut response = error::page(Status::RangeNotSatisfiable, form);
    response.fields.push("Content-Range", format_args!("bytes */{length}"));
    response
}
