//! Error pages: fixed text, so that nothing of a request can ever appear in them (R42).

use crate::http::negotiate::Form;
use crate::http::{Body, Response, Status};

/// Error pages need a little style and nothing else.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Whether this is our page for people, so that a page of the user's own may take its
/// place. Pages of his carry another policy, or none.
pub(super) fn is_html(response: &Response) -> bool {
    response.fields.get("Content-Type").is_some_and(|media_type| media_type.starts_with("text/html"))
        && response.fields.get("Content-Security-Policy") == Some(CONTENT_SECURITY_POLICY)
}

/// The same for a page that is live ([`super::watch`]): nothing of a request is in it, so that
/// no other script of this server could get in.
const WITH_SCRIPT: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Lets our page run scripts of this server; others have their own policy, or none.
pub(super) fn allow_script(response: &mut Response) {
    if is_html(response) {
        response.fields.remove("Content-Security-Policy");
        response.fields.push("Content-Security-Policy", WITH_SCRIPT);
    }
}

/// The page of an error, and the fields that belong to its status.
pub fn page(status: Status, form: Form) -> Response {
    let mut response = Response::new(status);
    let body = match form {
        Form::Html => {
            response.fields.push("Content-Type", "text/html; charset=utf-8");
            html(status)
        }
        Form::Json => {
            response.fields.push("Content-Type", "application/json; charset=utf-8");
            format!("{{\"status\":{},\"error\":\"{}\"}}\n", status.code(), status.reason())
        }
    };
    response.fields.push("Content-Security-Policy", CONTENT_SECURITY_POLICY);
    response.fields.push("Cache-Control", "no-cache");
    response.fields.push("Vary", "Accept");
    match status {
        // RFC 9110 §15.5.6 asks for it.
        Status::MethodNotAllowed => response.fields.push("Allow", super::ALLOW),
        Status::NotAcceptable => response.fields.push_member("Vary", "Accept-Encoding"),
        Status::ServiceUnavailable => response.fields.push("Retry-After", 1),
        _ => {}
    }
    response.body = Body::bytes(body);
    response
}

/// One line of help, where there is something that a reader can do.
fn hint(status: Status) -> &'static str {
    match status {
        Status::BadRequest => "The request is not valid HTTP/1.1, or its path is not one.",
        Status::Forbidden => "Reading this is not allowed.",
        Status::NotFound => "There is nothing under this path.",
        Status::MethodNotAllowed | Status::NotImplemented => {
            "Files are read here: GET and HEAD are answered."
        }
        Status::NotAcceptable => "There is no form of this that the request accepts.",
        Status::RequestTimeout => "The request did not arrive in time.",
        Status::MisdirectedRequest => {
            "This server does not answer to that name. Start it with <code>--allow-host NAME</code> if it should."
        }
        Status::ServiceUnavailable => "The server is busy. Try again in a moment.",
        Status::InternalServerError => "The server could not read this. Its log says why.",
        Status::PreconditionFailed => "It is not, or no longer, what the request was meant for.",
        Status::UriTooLong | Status::RequestHeaderFieldsTooLarge => {
            "The request is longer than is answered here."
        }
        Status::RangeNotSatisfiable => "The file ends before the part that was asked for.",
        Status::HttpVersionNotSupported => "HTTP/1.1 and HTTP/1.0 are spoken here.",
        // These are no errors, and have no page.
        Status::Ok
        | Status::NoContent
        | Status::PartialContent
        | Status::MovedPermanently
        | Status::Found
        | Status::SeeOther
        | Status::NotModified
        | Status::TemporaryRedirect
        | Status::PermanentRedirect => "",
    }
}

fn html(status: Status) -> String {
    let (code, reason, hint) = (status.code(), status.reason(), hint(status));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{code} {reason}</title>\n\
         <style>:root{{color-scheme:light dark}}body{{font:1rem/1.5 system-ui,sans-serif;max-width:36rem;\
         margin:20vh auto;padding:0 1rem}}h1{{font-size:1.4rem}}</style>\n<h1>{code} {reason}</h1>\n<p>{hint}</p>\n</html>\n"
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn json_pages_are_json() {
        let response = page(Status::NotFound, Form::Json);
        let crate::segment::Segment::Bytes(body) = &response.body.segments()[0] else {
            panic!("not in memory")
        };
        let value: serde_json::Value = serde_json::from_slice(body).unwrap();
        assert_eq!(value, serde_json::json!({"status": 404, "error": "Not Found"}));
    }

    #[test]
    fn statuses_bring_their_fields() {
        assert_eq!(
            page(Status::MethodNotAllowed, Form::Html).fields.get("Allow"),
            Some("GET, HEAD, OPTIONS")
        );
        assert_eq!(page(Status::ServiceUnavailable, Form::Html).fields.get("Retry-After"), Some("1"));
    }
}
