//! Content negotiation (RFC 9110 §12): which of the forms on offer a client prefers.
//! What it says of codings is read in [`super::coding`].

use super::fields::{RequestFields, is_token};

/// The forms in which `serve` speaks of directories and errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    let json = (Form::Json, ("application", "json"));
    preferred(fields, (Form::Html, ("text", "html")), &[json])
}

/// Chooses by Accept (§12.5.1) among forms and their media types: the first, unless one of
/// the others is preferred to it; of those that are liked equally, the earlier one.
///
/// ```
/// use serve::http::{RequestFields, fields::FieldLine, negotiate::preferred};
/// let accept = [FieldLine { name: "Accept", value: b"text/csv, text/*;q=0.5" }];
/// let others = [("text", ("text", "plain")), ("csv", ("text", "csv"))];
/// assert_eq!(preferred(RequestFields::new(&accept), ("html", ("text", "html")), &others), "csv");
/// ```
pub fn preferred<T: Copy>(
    fields: RequestFields<'_>,
    first: (T, (&str, &str)),
    others: &[(T, (&str, &str))],
) -> T {
    let weighed = |(form, (main, sub)): (T, (&str, &str))| (form, quality(fields, main, sub));
    let best = others.iter().fold(weighed(first), |best, other| {
        let other = weighed(*other);
        if other.1 > best.1 { other } else { best }
    });
    best.0
}

/// How a client feels about HTML, by its Accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taste {
    /// It names `text/html` or `text/*`, as navigations of browsers do.
    Html,
    /// It takes whatever comes: `*/*` alone, or no Accept at all.
    Anything,
    /// It names other types, with or without a `*/*` behind them, or refuses HTML.
    Other,
}

/// Whether a client that asks for some unknown thing wants a page.
///
/// ```
/// use serve::http::{RequestFields, fields::FieldLine, negotiate::{Taste, taste}};
/// let accept = [FieldLine { name: "Accept", value: b"application/json, text/plain, */*" }];
/// assert_eq!(taste(RequestFields::new(&accept)), Taste::Other);
/// ```
pub fn taste(fields: RequestFields<'_>) -> Taste {
    let members = fields.members("accept").filter_map(|member| std::str::from_utf8(member).ok());
    let (mut best, mut names_others) = ((0, 0), false);
    for member in members {
        match weigh(member, "text", "html") {
            Some(weighed) if weighed.0 > best.0 => best = weighed,
            Some(_) => {}
            None => names_others = true,
        }
    }
    match best {
        (0, _) if !names_others => Taste::Anything,
        (0, _) | (_, 0) => Taste::Other,
        (1, _) if names_others => Taste::Other,
        (1, _) => Taste::Anything,
        _ => Taste::Html,
    }
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
    Some((specific, weight.map_or(Some(FULL), |qvalue| thousandths(qvalue.as_bytes()))?))
}

/// The quality of what is not weighted, in thousandths (RFC 9110 §12.4.2).
pub(super) const FULL: u16 = 1000;

/// `token [ weight ]`, as members of Accept-Encoding are (§12.5.3): the token, and its
/// quality in thousandths. None for whatever is not exactly that.
pub(super) fn weighted(member: &[u8]) -> Option<(&[u8], u16)> {
    let Some(semicolon) = member.iter().position(|&b| b == b';') else {
        return is_token(member).then_some((member, FULL));
    };
    let name = member[..semicolon].trim_ascii_end();
    let weight = member[semicolon + 1..].trim_ascii_start();
    let [b'q' | b'Q', b'=', qvalue @ ..] = weight else { return None };
    let quality = thousandths(qvalue)?;
    is_token(name).then_some((name, quality))
}

/// `qvalue` of §12.4.2: `0` or `1`, and up to three decimals; of one only zeros.
fn thousandths(qvalue: &[u8]) -> Option<u16> {
    let (whole, decimals) = match qvalue {
        [whole] => (whole, &[][..]),
        [whole, b'.', decimals @ ..] if decimals.len() <= 3 => (whole, decimals),
        _ => return None,
    };
    if !decimals.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // Three digits at most: never more than 999.
    let places = decimals.iter().chain(b"000").take(3);
    let part = places.fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    match whole {
        b'0' => Some(part),
        b'1' if part == 0 => Some(FULL),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fields::FieldLine;
    use super::*;

    #[test]
    fn qualities_are_read_to_the_thousandth_or_not_at_all() {
        for (qvalue, expected) in [
            ("0", Some(0)),
            ("0.", Some(0)),
            ("0.000", Some(0)),
            ("0.5", Some(500)),
            ("0.05", Some(50)),
            ("0.001", Some(1)),
            ("0.999", Some(999)),
            ("1", Some(1000)),
            ("1.", Some(1000)),
            ("1.000", Some(1000)),
            ("", None),
            (".", None),
            (".5", None),
            ("00.5", None),
            ("0.0001", None),
            ("0,5", None),
            ("0.5 ", None),
            ("0.+5", None),
            ("1.001", None),
            ("2", None),
            ("-0", None),
        ] {
            assert_eq!(thousandths(qvalue.as_bytes()), expected, "{qvalue:?}");
        }
    }

    #[test]
    fn navigations_want_html_and_data_does_not() {
        use Taste::*;
        for (accept, expected) in [
            // Navigations of Firefox, Chromium and Safari; htmx; Turbo.
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Html),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", Html),
            ("text/html, */*", Html),
            ("*/*, TEXT/HTML;q=0.1", Html),
            ("text/*", Html),
            // curl, wget, fetch, scripts; nothing at all.
            ("*/*", Anything),
            ("*/*;q=0.5", Anything),
            ("", Anything),
            // axios, images and style sheets.
            ("application/json, text/plain, */*", Other),
            ("image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5", Other),
            ("text/css,*/*;q=0.1", Other),
            ("application/json", Other),
            ("text/html;q=0, */*", Other),
            ("*/*;q=0", Other),
            ("text/*, text/html;q=0", Other),
            ("nonsense", Other),
        ] {
            let line = [FieldLine { name: "Accept", value: accept.as_bytes() }];
            assert_eq!(taste(RequestFields::new(&line)), expected, "{accept}");
        }
        assert_eq!(taste(RequestFields::new(&[])), Anything);
    }

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
