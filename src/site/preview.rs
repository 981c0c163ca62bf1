//! A Markdown file as a page, for `?format=html`: what the dialog of a listing shows of it.
//!
//! It is there where listings are, for it is a part of them. The page is made of the file in
//! the pool and is like a file of its own: it has a validator and preconditions.

use std::fmt::Write;
use std::sync::Arc;

use super::files::{FileSystem, OpenFile};
use super::listing::{Format, shown::push_text};
use super::markdown::{self, Prose};
use super::{Site, error, status_of};
use crate::http::precondition::{Conditions, ETag, Outcome, Validators};
use crate::http::target::{Target, encode_segment};
use crate::http::{Answer, Body, Request, Response, SafePath, Status, negotiate, query};

/// What is made into a page.
const MEDIA_TYPE: &str = "text/markdown";

/// The style of what is made of Markdown. The policies name its digest.
pub const STYLE: &str = include_str!("markdown.css");

/// What the page may do: look like its style sheet, and show pictures of this server. There is
/// no script. A listing shows it in a frame, so one of the same origin may.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; \
    style-src 'sha256-htuH1BnTB3IOVjmhXSnHFV3fQT2lZGP9Js7KnWHnlvc='; \
    img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// Whether the page is wanted instead of the file.
pub(super) fn is_wanted(request: &Request<'_>, media_type: &str) -> bool {
    let Target::Path { query: Some(query), .. } = request.target else { return false };
    let essence = media_type.split(';').next().unwrap_or_default().trim_end();
    essence.eq_ignore_ascii_case(MEDIA_TYPE)
        && query::values(query, "format").last().is_some_and(|value| *value == *b"html")
}

impl<F: FileSystem> Site<F> {
    /// The page of a file, which is made in the pool.
    pub(super) fn preview(&self, request: &Request<'_>, path: &SafePath, file: &OpenFile) -> Answer {
        self.trail.note("format", || "as a page that is made of it".to_owned());
        let (path, file) = (path.clone(), file.clone());
        let (options, report) = (Arc::clone(&self.options), Arc::clone(&self.report));
        let (conditions, form) =
            (Conditions::of(request.method, request.fields), negotiate::form(request.fields));
        let make = move || {
            let bytes = file.content.read(0, markdown::BYTES_MAX + 1);
            let bytes = bytes.map_err(|error| status_of(&error, &path, &report))?;
            let name = file.name.as_deref().or(path.name()).unwrap_or_default();
            let page = page(name, path.name().unwrap_or_default(), &markdown::render(&bytes));
            let tag = ETag::of_bytes(page.as_bytes());
            let mut response = match conditions.evaluate(&Validators::of_content(tag)) {
                // It has no parts, as listings have none.
                Outcome::Proceed { range: _ } => {
                    let mut response = Response::new(Status::Ok);
                    response.fields.push("Content-Type", Format::Html.content_type());
                    response.fields.push("Content-Security-Policy", CONTENT_SECURITY_POLICY);
                    let body = options.listings.lend(page.into_bytes());
                    response.body = Body::bytes(body.ok_or(Status::ServiceUnavailable)?);
                    response
                }
                Outcome::NotModified => Response::new(Status::NotModified),
                Outcome::PreconditionFailed => return Err(Status::PreconditionFailed),
            };
            response.fields.push_block("Cache-Control: no-cache\r\n");
            response.fields.push("ETag", tag);
            Ok(response)
        };
        Answer::Later(Box::new(move || make().unwrap_or_else(|status| error::page(status, form))))
    }
}

/// The page, with a link to the file itself: a relative one, which is empty where the file is
/// the root.
fn page(name: &[u8], link: &[u8], prose: &Prose) -> String {
    let mut out = String::with_capacity(prose.html.len() + STYLE.len() + 1024);
    out.push_str("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>");
    push_text(&mut out, name);
    out.push_str(
        "</title>\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<style>",
    );
    out.push_str(STYLE);
    out.push_str("</style>\n<body class=\"alone\">\n<main>\n");
    push_file(&mut out, "h1", name, link, prose);
    out.push_str("</main>\n");
    out
}

/// The name of the file, as a heading that is a link, and what is made of it.
pub(super) fn push_file(out: &mut String, heading: &str, name: &[u8], link: &[u8], prose: &Prose) {
    // A String takes whatever is written to it, so there is no error to report.
    let _ =
        write!(out, "<{heading} class=\"file\"><a href=\"./{}\" target=\"_top\"><bdi>", encode_segment(link));
    push_text(out, name);
    let _ = write!(out, "</bdi></a></{heading}>\n<article id=\"readme\">\n");
    out.push_str(&prose.html);
    out.push_str("</article>\n");
    if prose.is_cut {
        let _ = writeln!(
            out,
            "<p class=\"more\">It goes on, but only its beginning is shown: \
             <a href=\"./{}\" target=\"_top\">the whole file</a>.",
            encode_segment(link)
        );
    }
}
