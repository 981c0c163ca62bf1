//! What an answer is, once all of it that the files decide has been checked against them.

use std::ops::Range;

use super::case::Case;
use super::site::{Form, MODIFIED, Site, Tags};
use super::wire::Answer;

/// What is left of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// 200.
    Whole(Form),
    /// 206 with one part.
    Part(Form, Range<u64>),
    /// 206 with several parts, in this order.
    Parts(Form, Vec<Range<u64>>),
    /// The same without a body: the answer to HEAD.
    PartsUnseen(Form),
    /// 304.
    NotModified(Form),
    /// 412.
    PreconditionFailed,
    /// 416 of so many bytes.
    Unsatisfiable(u64),
    /// 406.
    NotAcceptable,
    /// 404.
    NotFound,
    /// 301 to there.
    Redirect(String),
    /// 400.
    BadRequest,
}

/// Checks an answer to this case; the tags are those of the server that gave it.
pub fn understand(answer: &Answer, case: &Case, site: &Site, tags: &Tags) -> Result<Shape, String> {
    let fields = Fields::of(answer)?;
    match answer.status {
        200 | 206 | 304 => {}
        // Pages of their own: what they say differs by nature, but not of what.
        status => {
            let none = Fields { content_range: fields.content_range, ..Fields::default() };
            equal("the fields of an error", &fields, &none)?;
            if status != 416 {
                equal("Content-Range", &fields.content_range, &None)?;
            }
            return error(answer, status);
        }
    }
    let page = Checked { case, site, tags, answer, fields };
    match answer.status {
        304 => page.not_modified(),
        200 => page.whole(),
        _ => page.partial(),
    }
}

fn error(answer: &Answer, status: u16) -> Result<Shape, String> {
    match status {
        301 => {
            let location = answer.field("location")?.ok_or("301 without Location")?;
            Ok(Shape::Redirect(location.to_owned()))
        }
        400 => Ok(Shape::BadRequest),
        404 => Ok(Shape::NotFound),
        406 => Ok(Shape::NotAcceptable),
        412 => Ok(Shape::PreconditionFailed),
        416 => {
            let range = answer.field("content-range")?.ok_or("416 without Content-Range")?;
            let len = range.strip_prefix("bytes */").and_then(|len| len.parse().ok());
            len.map(Shape::Unsatisfiable).ok_or_else(|| format!("Content-Range: {range}"))
        }
        _ => Err(format!("status {status}")),
    }
}

/// The fields that say something of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Fields<'a> {
    content_range: Option<&'a str>,
    content_encoding: Option<&'a str>,
    last_modified: Option<&'a str>,
    etag: Option<&'a str>,
}

impl<'a> Fields<'a> {
    fn of(answer: &'a Answer) -> Result<Fields<'a>, String> {
        Ok(Fields {
            content_range: answer.field("content-range")?,
            content_encoding: answer.field("content-encoding")?,
            last_modified: answer.field("last-modified")?,
            etag: answer.field("etag")?,
        })
    }
}

struct Checked<'a> {
    case: &'a Case,
    site: &'a Site,
    tags: &'a Tags,
    answer: &'a Answer,
    fields: Fields<'a>,
}

impl Checked<'_> {
    /// What the tag says.
    fn form(&self) -> Result<Form, String> {
        let is_of = |form: &Form| self.fields.etag == Some(self.tags.of(*form));
        let form = [Form::Identity, Form::Gzip].into_iter().find(is_of);
        form.ok_or_else(|| format!("ETag: {:?}", self.fields.etag))
    }

    /// Checks the fields of a 200 or a 206.
    fn sent_form(&self, content_range: Option<&str>) -> Result<Form, String> {
        let form = self.form()?;
        let expected = Fields {
            content_range,
            content_encoding: (form == Form::Gzip).then_some("gzip"),
            last_modified: Some(MODIFIED),
            etag: Some(self.tags.of(form)),
        };
        equal("the fields", &self.fields, &expected)?;
        Ok(form)
    }

    /// §15.4.5: there is no body that anything could be said of.
    fn not_modified(&self) -> Result<Shape, String> {
        let form = self.form()?;
        let etag = Some(self.tags.of(form));
        let expected = Fields { last_modified: Some(MODIFIED), etag, ..Fields::default() };
        equal("the fields", &self.fields, &expected)?;
        equal("Content-Length", &self.answer.content_length()?, &None)?;
        Ok(Shape::NotModified(form))
    }

    fn whole(&self) -> Result<Shape, String> {
        let form = self.sent_form(None)?;
        self.body(self.site.content(self.case.page, form))?;
        Ok(Shape::Whole(form))
    }

    fn partial(&self) -> Result<Shape, String> {
        let Some(range) = self.fields.content_range else { return self.parts() };
        let form = self.sent_form(Some(range))?;
        let part = self.range(range, form)?;
        self.body(self.site.part(self.case.page, form, &part))?;
        Ok(Shape::Part(form, part))
    }

    /// Checks length and bytes.
    fn body(&self, expected: &[u8]) -> Result<(), String> {
        equal("Content-Length", &self.answer.content_length()?, &Some(expected.len() as u64))?;
        let is_right =
            if self.case.head { self.answer.body.is_empty() } else { self.answer.body == expected };
        if is_right { Ok(()) } else { Err("other bytes".to_owned()) }
    }

    /// What a Content-Range selects, which must be there.
    fn range(&self, text: &str, form: Form) -> Result<Range<u64>, String> {
        let len = self.site.len(self.case.page, form);
        let read = || {
            let (range, of) = text.strip_prefix("bytes ")?.split_once('/')?;
            let (first, last) = range.split_once('-')?;
            let range = first.parse::<u64>().ok()?..last.parse::<u64>().ok()?.checked_add(1)?;
            (of.parse() == Ok(len) && range.start < range.end && range.end <= len).then_some(range)
        };
        read().ok_or_else(|| format!("Content-Range: {text}, of {len} bytes"))
    }

    /// §14.6, and RFC 2046 §5.1 for what stands between the parts.
    fn parts(&self) -> Result<Shape, String> {
        let form = self.sent_form(None)?;
        let media_type = self.answer.field("content-type")?.unwrap_or_default();
        let boundary =
            media_type.strip_prefix("multipart/byteranges; boundary=").filter(|text| !text.is_empty());
        let boundary = boundary.ok_or_else(|| format!("206 of type {media_type:?}"))?;
        if self.case.head {
            return Ok(Shape::PartsUnseen(form));
        }
        // A delimiter begins with a line end, of which the first needs none.
        let body = [b"\r\n", &self.answer.body[..]].concat();
        let delimiter = format!("\r\n--{boundary}").into_bytes();
        let mut pieces = Vec::new();
        let mut rest = &body[..];
        while let Some(at) = find(rest, &delimiter) {
            pieces.push(&rest[..at]);
            rest = &rest[at + delimiter.len()..];
        }
        if rest != b"--\r\n" || pieces.len() < 3 || !matches!(pieces[0], b"" | b"\r\n") {
            return Err(format!("a multipart of {} pieces that ends {rest:?}", pieces.len()));
        }
        let parts: Result<_, _> = pieces[1..].iter().map(|piece| self.part(piece, form)).collect();
        Ok(Shape::Parts(form, parts?))
    }

    fn part(&self, piece: &[u8], form: Form) -> Result<Range<u64>, String> {
        let end = find(piece, b"\r\n\r\n").ok_or("a part without an end of its head")?;
        let head = String::from_utf8_lossy(&piece[..end]);
        let range = head.split("\r\n").find_map(|line| line.strip_prefix("Content-Range: "));
        let range = self.range(range.ok_or("a part without Content-Range")?, form)?;
        let is_right = piece[end + 4..] == *self.site.part(self.case.page, form, &range);
        if is_right { Ok(range) } else { Err(format!("other bytes in the part {range:?}")) }
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

fn equal<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, expected: &T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:?} instead of {expected:?}")) }
}
