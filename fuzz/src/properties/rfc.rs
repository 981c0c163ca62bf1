//! A second reader of requests, written from RFC 9112, RFC 9110 and RFC 3986 alone,
//! slow and plain. The real one may refuse more than this one, never less.

use std::net::Ipv6Addr;

/// A request as this reader understands it.
#[derive(Debug)]
pub(super) struct Message<'a> {
    pub(super) method: &'a [u8],
    pub(super) target: &'a [u8],
    pub(super) fields: Vec<(&'a [u8], &'a [u8])>,
    pub(super) persists: bool,
    pub(super) has_body: bool,
    /// The grammar of RFC 3986 holds for the target, too: then it must be accepted.
    /// Browsers and people send more than that (`|`, `"`, `é`), and it does no harm.
    pub(super) is_pure: bool,
}

/// Reads a head, from its request line to the empty line. None: a server must refuse it.
pub(super) fn read(head: &[u8]) -> Option<Message<'_>> {
    let mut lines = lines(head.strip_suffix(b"\r\n\r\n")?)?.into_iter();
    let mut parts = lines.next()?.split(|&b| b == b' ');
    let (method, target, version) = (parts.next()?, parts.next()?, parts.next()?);
    let is_1_1 = match version {
        b"HTTP/1.1" => true,
        b"HTTP/1.0" => false,
        _ => return None,
    };
    if parts.next().is_some() || !is_token(method) {
        return None;
    }
    let fields = lines.map(field).collect::<Option<Vec<_>>>()?;
    if fields.len() > 100 {
        return None;
    }
    let is_pure = target_is_pure(method, target)?;
    let (host, several) = single(&fields, "host");
    if several || host.map_or(is_1_1, |host| !is_authority(host)) {
        return None;
    }
    let has_body = has_body(&fields, is_1_1)?;
    let options: Vec<Vec<u8>> = fields
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case(b"connection"))
        .flat_map(|(_, value)| value.split(|&b| b == b','))
        .map(|option| trim(option).to_ascii_lowercase())
        .collect();
    let says = |option: &[u8]| options.iter().any(|o| o == option);
    let persists = !says(b"close") && (is_1_1 || says(b"keep-alive"));
    Some(Message { method, target, fields, persists, has_body, is_pure })
}

/// RFC 9112 §2.2: lines end in CR LF; a bare CR or LF, or another control byte, is no part of one.
fn lines(text: &[u8]) -> Option<Vec<&[u8]>> {
    let mut lines = Vec::new();
    let mut rest = text;
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n");
        let line = &rest[..end.unwrap_or(rest.len())];
        if line.iter().any(|&b| (b < 0x20 && b != b'\t') || b == 0x7f) {
            return None;
        }
        lines.push(line);
        match end {
            Some(end) => rest = &rest[end + 2..],
            None => return Some(lines),
        }
    }
}

/// §5: `field-name ":" OWS field-value OWS`.
fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|&b| b == b':')?;
    is_token(&line[..colon]).then_some((&line[..colon], trim(&line[colon + 1..])))
}

fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

fn is_token(text: &[u8]) -> bool {
    let tchar = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
    !text.is_empty() && text.iter().all(tchar)
}

/// The value of a field, and whether there are several of that name.
fn single<'a>(fields: &[(&'a [u8], &'a [u8])], name: &str) -> (Option<&'a [u8]>, bool) {
    let mut values = fields.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes())).map(|(_, v)| *v);
    (values.next(), values.next().is_some())
}

/// §6.3; where the RFC leaves a choice, the refusal.
fn has_body(fields: &[(&[u8], &[u8])], is_1_1: bool) -> Option<bool> {
    match (single(fields, "content-length"), single(fields, "transfer-encoding")) {
        ((None, _), (None, _)) => Some(false),
        ((None, _), (Some(coding), false)) => {
            (is_1_1 && coding.eq_ignore_ascii_case(b"chunked")).then_some(true)
        }
        ((Some(length), false), (None, _)) => {
            let fits = (1..=19).contains(&length.len()) && length.iter().all(u8::is_ascii_digit);
            let add = |sum: u128, b: &u8| sum * 10 + u128::from(b - b'0');
            let value = fits.then(|| length.iter().fold(0_u128, add))?;
            (value < 1 << 63).then_some(value > 0)
        }
        _ => None,
    }
}

/// §3.2. None: not a target at all. False: one that only the lenient accept.
fn target_is_pure(method: &[u8], target: &[u8]) -> Option<bool> {
    if target == b"*" {
        return (method == b"OPTIONS").then_some(true);
    }
    if target.contains(&b'#') || std::str::from_utf8(target).is_err() {
        return None;
    }
    if target.starts_with(b"/") {
        return Some(is_path_and_query(target));
    }
    let colon = target.iter().position(|&b| b == b':')?;
    let (scheme, rest) = (target[..colon].to_ascii_lowercase(), target[colon..].strip_prefix(b"://")?);
    let end = rest.iter().position(|b| b"/?".contains(b)).unwrap_or(rest.len());
    let is_http = scheme == b"http" || scheme == b"https";
    (is_http && is_authority(&rest[..end])).then(|| is_path_and_query(&rest[end..]))
}

/// RFC 3986 §3.3, §3.4: pchar, `/` and `?`.
fn is_path_and_query(text: &[u8]) -> bool {
    all_encoded(text, b"-._~!$&'()*+,;=:@/?")
}

/// Letters, digits, these, and `%` with two hexadecimal digits.
fn all_encoded(text: &[u8], others: &[u8]) -> bool {
    let mut rest = text;
    loop {
        rest = match rest {
            [] => return true,
            [b'%', a, b, rest @ ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => rest,
            [b, rest @ ..] if b.is_ascii_alphanumeric() || others.contains(b) => rest,
            _ => return false,
        }
    }
}

/// RFC 9110 §7.2, §4.2: `uri-host [":" port]`, not empty, without user information.
pub(super) fn is_authority(text: &[u8]) -> bool {
    let (host_is_fine, port) = match text.strip_prefix(b"[") {
        Some(rest) => {
            let Some(end) = rest.iter().position(|&b| b == b']') else { return false };
            let address = std::str::from_utf8(&rest[..end]);
            (address.is_ok_and(|a| a.parse::<Ipv6Addr>().is_ok()), &rest[end + 1..])
        }
        None => {
            let end = text.iter().position(|&b| b == b':').unwrap_or(text.len());
            (end > 0 && all_encoded(&text[..end], b"-._~!$&'()*+,;="), &text[end..])
        }
    };
    let port_is_fine = match port {
        [] | [b':'] => true,
        [b':', digits @ ..] => {
            let value = digits
                .iter()
                .fold(0_u32, |n, b| n.saturating_mul(10).saturating_add(u32::from(b.wrapping_sub(b'0'))));
            digits.iter().all(u8::is_ascii_digit) && value <= 65_535
        }
        _ => false,
    };
    host_is_fine && port_is_fine
}
