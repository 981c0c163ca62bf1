//! Content negotiation (RFC 9110 §12): which of the forms on offer a client prefers.

use super::fields::RequestFields;

/// The forms in which `serve` speaks of directories and errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Html,
    /// For programs.
    Json,
}

/// Chooses by Accept (§12.5.1). HTML is sent unless JSON is preferred to it: who
/// sends nothing, `*/*` or nonsense gets the page.
///
/// ```
/// use serve::http::{RequestFields, fields::FieldLine, negotiate::{Form, form}};
/// let accept = [FieldLine { name: "Accept", value: b"application/json, text/html;q=0.5" }];
/// assert_eq!(form(RequestFields::new(&accept)), Form::Json);
/// ```
pub fn form(fields: RequestFields<'_>) -> Form {
    let (html, json) = (quality(fields, "text", "html"), quality(fields, "application", "json"));
    if json > html { Form::Json } else { Form::Html }
}

/// The quality of one media type in thousandths: that of its most specific range.
fn quality(fields: RequestFields<'_>, main: &str, sub: &str) -> u16 {
    let mut best = (0, 0);
    for member in fields.members("accept") {
        let Some((specific, quality)) = std::str::from_utf8(member).ok().and_then(|m| weigh(m, main, sub))
        else {
            continue;
        };
        if specific > best.0 {
            best = (specific, quality);
        }
    }
    best.1
}

/// How specifically a media range names the type (1 to 3), and its weight.
fn weigh(member: &str, main: &str, sub: &str) -> Option<(u8, u16)> {
    let mut parts = member.split(';').map(str::trim);
    let (range_main, range_sub) = parts.next()?.split_once('/')?;
    let specific = if range_main == "*" && range_sub == "*" {
        1
    } else if !range_main.eq_ignore_ascii_case(main) {
        return None;
    } else if range_sub == "*" {
        2
    } else if range_sub.eq_ignore_ascii_case(sub) {
        3
    } else {
        return None;
    };
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    Some((specific, weight.map_or(Some(1000), thousandths)?))
}

/// `qvalue` of §12.4.2: `0`, `1`, or `0.` and up to three digits.
fn thousandths(qvalue: &str) -> Option<u16> {
    let (whole, fraction) = qvalue.split_once('.').unwrap_or((qvalue, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // Three digits at most, padded to three: never more than 999.
    let part: u16 = format!("{fraction:0<3}").parse().ok()?;
    match whole {
        "0" => Some(part),
        "1" if part == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fields::FieldLine;
    use super::*;

    #[test]
    fn json_is_sent_when_it_is_preferred() {
        for (accept, expected) in [
            ("application/json", Form::Json),
            ("Application/JSON;q=0.1", Form::Json),
            ("application/*", Form::Json),
            ("text/html;q=0.2, application/json;q=0.3", Form::Json),
            ("text/html;q=0, */*", Form::Json),
            ("", Form::Html),
            ("*/*", Form::Html),
            ("text/html, application/json", Form::Html),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Form::Html),
            ("application/json;q=0", Form::Html),
            ("application/json;q=1.5", Form::Html),
            ("application/json;q=0.1234", Form::Html),
            ("application/json;q=", Form::Html),
            ("json", Form::Html),
            ("image/png", Form::Html),
        ] {
            let line = [FieldLine { name: "Accept", value: accept.as_bytes() }];
            assert_eq!(form(RequestFields::new(&line)), expected, "{accept}");
        }
    }
}
