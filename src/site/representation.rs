//! A file as a representation: preconditions, ranges, fields, segments
//! (behaviour, sections 4 and 5).

use std::io;
use std::ops::Range;

use percent_encoding::NON_ALPHANUMERIC;

use super::files::{Content, FileSystem, OpenFile};
use super::multipart::Multipart;
use super::{Site, error};
use crate::clock::Now;
use crate::http::negotiate;
use crate::http::precondition::{Outcome, Validators, evaluate};
use crate::http::range::{Selection, select};
use crate::http::{Answer, Body, Request, Response, Status};
use crate::segment::Segment;

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
        let Some(body) = portion.body(file)? else {
            return self.unsized_file(name, &file.content);
        };
        let mut response = Response::new(portion.status());
        portion.describe(&mut response, &media_type, file.len);
        self.describe(&mut response, name, file);
        push_validators(&mut response, &validators);
        response.body = body;
        Ok(response)
    }

    /// What the name and the options say.
    fn describe(&self, response: &mut Response, name: &[u8], file: &OpenFile) {
        if file.name.is_some() {
            // Asked for as `/`: a browser should still save it under its name.
            let encoded = percent_encoding::percent_encode(name, NON_ALPHANUMERIC);
            response.fields.push("Content-Disposition", format_args!("inline; filename*=UTF-8''{encoded}"));
        }
        response.fields.push_block("Cache-Control: no-cache\r\nAccept-Ranges: bytes\r\n");
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

/// What is sent of a file.
enum Portion {
    Whole,
    Part(Range<u64>),
    Parts(Multipart),
}

impl Portion {
    fn status(&self) -> Status {
        match self {
            Portion::Whole => Status::Ok,
            Portion::Part(_) | Portion::Parts(_) => Status::PartialContent,
        }
    }

    /// What kind of bytes these are. Of several parts each says itself which they are,
    /// and the head must not (RFC 9110 §15.3.7.2).
    fn describe(&self, response: &mut Response, media_type: &str, len: u64) {
        match self {
            Portion::Whole => response.fields.push("Content-Type", media_type),
            Portion::Part(part) => {
                response.fields.push("Content-Type", media_type);
                let last = part.end.saturating_sub(1);
                response.fields.push("Content-Range", format_args!("bytes {}-{last}/{len}", part.start));
            }
            Portion::Parts(multipart) => response.fields.push("Content-Type", multipart.content_type()),
        }
    }

    /// The body; None when the file does not have the bytes that it claims, or claims to
    /// be empty and is not.
    fn body(&self, file: &OpenFile) -> io::Result<Option<Body>> {
        let content = &file.content;
        match self {
            Portion::Whole if file.len == 0 => Ok(content.read(0, 1)?.is_empty().then_some(Body::Empty)),
            Portion::Whole => Ok(piece(content, &(0..file.len), file.len <= SMALL)?.map(Body::One)),
            Portion::Part(part) => Ok(piece(content, part, part.end - part.start <= SMALL)?.map(Body::One)),
            // Together, so that no list of ranges has more in memory than a small file.
            Portion::Parts(multipart) => {
                let is_small = multipart.data_len() <= SMALL;
                multipart.body(|part| piece(content, part, is_small))
            }
        }
    }
}

/// A range of a file, read at once if it is small; None when not all of it is there.
fn piece(content: &Content, part: &Range<u64>, is_small: bool) -> io::Result<Option<Segment>> {
    if !is_small {
        return Ok(Some(content.segment(part.clone())));
    }
    let length = part.end - part.start;
    // At most SMALL, so it fits.
    let bytes = content.read(part.start, length as usize)?;
    Ok((bytes.len() as u64 == length).then_some(Segment::Bytes(bytes)))
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
