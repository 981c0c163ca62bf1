//! The values of single options, from text. Pure; never looks at other options.
//!
//! Every error says what would be right; [`super::usage`] puts the option and the
//! value in front of it.

use std::time::Duration;

use bytesize::ByteSize;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::http::fields::{is_field_value, is_reserved, is_token};
use crate::http::host::Authority;
use crate::http::media_type::is_media_type;
use crate::http::{SafePath, Status};
use crate::site::cache_control::CachePolicy;
use crate::site::cors::Origin;

/// One `--header`: `Some` sets the field, `None` removes it.
pub(super) type Header = (String, Option<String>);

/// Longer than this nobody waits, and a deadline this far still fits every clock.
const DURATION_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// A port, 0 included.
pub(super) fn port(text: &str) -> Result<u16, String> {
    if text.starts_with("tcp://") {
        return Err("this is not a port; Kubernetes sets SERVE_PORT like this for a service named \
                    \"serve\": rename it, or set enableServiceLinks: false"
            .to_owned());
    }
    if text.to_ascii_uppercase().starts_with("HTTP/") {
        return Err("this is not a port; serve always speaks HTTP/1.1, without an option".to_owned());
    }
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits => Ok(port),
        _ => Err("a port is a number from 1 to 65535, or 0 to let the system choose".to_owned()),
    }
}

/// A duration that is not zero.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    match grace(text)? {
        Duration::ZERO => Err("this would be over at once; give a time like 10s or 2m".to_owned()),
        duration => Ok(duration),
    }
}

/// A duration; zero has a meaning.
pub(super) fn grace(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let parsed = match text.parse::<u64>() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => humantime::parse_duration(text).ok(),
    };
    match parsed {
        Some(duration) if duration <= DURATION_MAX => Ok(duration),
        Some(_) => Err("this is more than a year; give a time like 24h or 30days".to_owned()),
        None => {
            Err("this is not a duration; give a time like 10s, 2m or 500ms, or a number of seconds"
                .to_owned())
        }
    }
}

/// How many files.
pub(super) fn count(text: &str) -> Result<u64, String> {
    match text.trim().parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err("give a number from 1 on".to_owned()),
    }
}

/// Event loops.
pub(super) fn threads(text: &str) -> Result<usize, String> {
    number(text, 1024)
}

/// An amount of memory.
pub(super) fn size(text: &str) -> Result<usize, String> {
    let parsed = text.trim().parse().ok().and_then(|size: ByteSize| usize::try_from(size.as_u64()).ok());
    parsed.ok_or_else(|| "give a size like 64MiB or 1GiB, or a number of bytes".to_owned())
}

/// Connections at once.
pub(super) fn connections(text: &str) -> Result<usize, String> {
    number(text, 1_000_000)
}

fn number(text: &str, most: usize) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if (1..=most).contains(&number) => Ok(number),
        _ => Err(format!("give a number from 1 to {most}")),
    }
}

/// `Name: value`, or `Name:`.
pub(super) fn header(text: &str) -> Result<Header, String> {
    let form = "write 'Name: value', or 'Name:' to remove a field; for hidden files there is --hidden";
    let (name, value) = text.split_once(':').ok_or(form)?;
    let value = value.trim_matches([' ', '\t']);
    if !is_token(name.as_bytes()) {
        return Err(form.to_owned());
    }
    if !is_field_value(value.as_bytes()) {
        return Err("the value of a field is printable ASCII in one line".to_owned());
    }
    if name.eq_ignore_ascii_case("content-type") {
        return Err(
            "types follow the names of the files; use --mime EXT=TYPE or --content-type TYPE".to_owned()
        );
    }
    let removed = value.is_empty();
    if is_reserved(name, removed) {
        return Err(format!("the server alone can know {name}; leave it out"));
    }
    Ok((name.to_owned(), (!removed).then(|| value.to_owned())))
}

/// What --explain is about: a target in origin form, and a host if one was named.
pub(super) type Subject = (String, Option<String>);

/// A path as people write it, or an address as they copy it. What no target can hold is
/// encoded, as a browser does it; a fragment never reaches a server.
pub(super) fn subject(text: &str) -> Result<Subject, String> {
    let text = text.split('#').next().unwrap_or_default();
    let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    let scheme = ["http://", "https://"].into_iter().find(|scheme| lower.starts_with(scheme));
    let (host, path) = match scheme {
        Some(scheme) => {
            let rest = &text[scheme.len()..];
            let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
            let host = Authority::parse(host).map(|_| host.to_owned());
            (Some(host.ok_or("write the address as http://HOST:PORT/PATH, or the path alone")?), path)
        }
        None if text.is_empty() => {
            return Err("give the path of a URL, like /docs/ or /app.js?v=2".to_owned());
        }
        None => (None, text),
    };
    let slash = if path.starts_with('/') { "" } else { "/" };
    Ok((format!("{slash}{}", utf8_percent_encode(path, NO_TARGET)), host))
}

/// What stands in no request target; the percent sign does, for it encodes already.
const NO_TARGET: &AsciiSet = &CONTROLS.add(b' ');

/// A field of the request to be explained: a value of any kind, for that is the point.
pub(super) fn request_field(text: &str) -> Result<(String, String), String> {
    let form = "write 'Name: value', like 'Accept-Encoding: br'";
    let (name, value) = text.split_once(':').ok_or(form)?;
    let value = value.trim_matches([' ', '\t']);
    if !is_token(name.as_bytes()) || value.chars().any(char::is_control) {
        return Err(form.to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// A file beneath the root.
fn file(text: &str) -> Result<SafePath, String> {
    // A name with a backslash is fine on Unix, but nobody means one.
    SafePath::of_file(text)
        .filter(|_| !text.contains('\\'))
        .ok_or_else(|| "give a file by its path beneath the root, like index.html".to_owned())
}

/// The FILE of `--spa`.
pub(super) fn spa(text: &str) -> Result<SafePath, String> {
    file(text)
}

/// `CODE=FILE`.
pub(super) fn error_page(text: &str) -> Result<(Status, SafePath), String> {
    let (code, page) = text.split_once('=').ok_or("write CODE=FILE, like --error-page 404=lost.html")?;
    let status = Status::ERRORS.iter().find(|status| status.code().to_string() == code.trim());
    let status = status.ok_or_else(|| {
        let codes: Vec<String> = Status::ERRORS.iter().map(|status| status.code().to_string()).collect();
        format!("the codes of errors are {}", codes.join(", "))
    })?;
    Ok((*status, file(page.trim())?))
}

/// What caches are told.
pub(super) fn cache(text: &str) -> Result<CachePolicy, String> {
    match text.trim() {
        "no-cache" => Ok(CachePolicy::NoCache),
        "off" => Ok(CachePolicy::Off),
        "auto" => Ok(CachePolicy::Auto),
        time => match grace(time) {
            Ok(time) if time.subsec_nanos() == 0 => Ok(CachePolicy::MaxAge(time)),
            Ok(_) => Err("caches count in whole seconds".to_owned()),
            Err(_) => Err("write no-cache, off, auto, or a time up to a year, like 10m".to_owned()),
        },
    }
}

/// The prefix of all paths, as it stands in a URL.
pub(super) fn base_path(text: &str) -> Result<SafePath, String> {
    // Some shells of Windows make a path of their own of what begins with a slash.
    if text.contains(['\\', ':', '?', '#']) {
        return Err("give the path of a URL, like /docs; the first slash can be left out".to_owned());
    }
    let path = format!("/{}", text.trim_matches('/'));
    SafePath::parse(&path).map_err(|_| "give the path of a URL, like /docs".to_owned())
}

/// `NAME` or `NAME:GROUP`; whether they exist the system says.
pub(super) fn user(text: &str) -> Result<String, String> {
    let is_name = |name: &str| !name.is_empty() && !name.contains([':', '\0']);
    let (name, group) = text.split_once(':').map_or((text, None), |(name, group)| (name, Some(group)));
    if is_name(name) && group.is_none_or(is_name) {
        return Ok(text.to_owned());
    }
    Err("give the name of a user, like www-data, or of a user and a group, like www-data:users".to_owned())
}

/// One `--cors`: an origin, or None for all of them.
pub(super) type CorsValue = Option<Origin>;

/// An origin, or `*`.
pub(super) fn cors(text: &str) -> Result<CorsValue, String> {
    if text == "*" {
        return Ok(None);
    }
    if text == "null" {
        return Err("null is what sandboxed pages of every site call themselves; \
                    --cors alone lets every site read"
            .to_owned());
    }
    if let Some(origin) = Origin::parse(text) {
        return Ok(Some(origin));
    }
    let above = text.match_indices('/').nth(2).map(|(at, _)| &text[..at]);
    match above.and_then(Origin::parse) {
        Some(origin) => Err(format!("an origin has no path: --cors={origin}")),
        None => Err("an origin looks like https://app.example or http://localhost:5173, \
                     and each one is given in full"
            .to_owned()),
    }
}

/// `EXT=TYPE`.
pub(super) fn mime(text: &str) -> Result<(String, String), String> {
    let (extension, media_type) = text.split_once('=').ok_or("write EXT=TYPE, like --mime log=text/plain")?;
    let extension = extension.strip_prefix('.').unwrap_or(extension);
    if extension.is_empty() || extension.contains(['/', '\\']) {
        return Err("the extension is missing; write EXT=TYPE, like --mime log=text/plain".to_owned());
    }
    if let Some((_, last)) = extension.rsplit_once('.') {
        return Err(format!("only what follows the last dot counts; write --mime {last}={media_type}"));
    }
    Ok((extension.to_owned(), self::media_type(media_type)?))
}

/// `type/subtype`, perhaps with parameters.
pub(super) fn media_type(text: &str) -> Result<String, String> {
    let text = text.trim();
    match is_media_type(text) {
        true => Ok(text.to_owned()),
        false => Err("a type looks like text/plain or \"text/html; charset=utf-8\"".to_owned()),
    }
}

/// The name of an index file: one segment of a path.
pub(super) fn index(text: &str) -> Result<String, String> {
    // A name with a backslash is fine on Unix, but nobody means one.
    if matches!(text, "" | "." | "..") || text.contains(['/', '\\', '\0']) {
        return Err("give the name of a file, without a folder, like index.html".to_owned());
    }
    Ok(text.to_owned())
}

/// A name for the check of `Host`.
pub(super) fn host_name(text: &str) -> Result<String, String> {
    if text == "*" {
        return Ok(text.to_owned());
    }
    if text.contains('*') {
        return Err("give each name in full, or \"*\" alone for any name".to_owned());
    }
    match Authority::parse(text) {
        Some(authority) if authority.host.len() == text.len() => Ok(text.to_owned()),
        Some(authority) => Err(format!("give the name alone: --allow-host {}", authority.host)),
        None => Err("give a host name like files.example.org, without http:// and without a path".to_owned()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_numbers_up_to_65535() {
        for (text, expected) in [("0", 0), ("1", 1), ("8000", 8000), ("65535", 65535), ("08000", 8000)] {
            assert_eq!(port(text), Ok(expected), "{text}");
        }
        for text in ["", "65536", "99999999999999999999", "-1", "+1", " 1", "80a", "http", "1.5", "HTTP/1.1"]
        {
            assert!(port(text).is_err(), "{text}");
        }
        assert!(port("tcp://10.0.0.1:80").unwrap_err().contains("Kubernetes"));
    }

    #[test]
    fn durations_have_units_and_bare_numbers_are_seconds() {
        for (text, millis) in
            [("10s", 10_000), ("2m", 120_000), ("500ms", 500), ("1h 30m", 5_400_000), ("7", 7_000)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in
            ["", "0", "0s", "-1", "1.5", "ten", "10 parsecs", "1000years", "99999999999999999999", "10000y"]
        {
            assert!(duration(text).is_err(), "{text}");
        }
        assert_eq!(grace("0"), Ok(Duration::ZERO));
        assert_eq!(grace("365days"), Ok(Duration::from_secs(365 * 86_400)));
    }

    #[test]
    fn numbers_are_at_least_one() {
        assert_eq!(threads("4"), Ok(4));
        assert_eq!(connections("1000000"), Ok(1_000_000));
        for text in ["0", "", "-1", "x", "1025"] {
            assert!(threads(text).is_err(), "{text}");
        }
    }

    #[test]
    fn headers_are_set_or_removed() {
        for (text, name, value) in [
            ("X-A: b", "X-A", Some("b")),
            ("X-A:b", "X-A", Some("b")),
            ("X-A:\t b: c ", "X-A", Some("b: c")),
            ("Cache-Control: public, max-age=60", "Cache-Control", Some("public, max-age=60")),
            ("Server:", "Server", None),
            ("ETag: ", "ETag", None),
        ] {
            assert_eq!(header(text), Ok((name.to_owned(), value.map(str::to_owned))), "{text}");
        }
        for text in [
            "",
            ":",
            "X-A",
            ": b",
            "X A: b",
            "X-A : b",
            "X-A: b\r\nX-B: c",
            "X-A: é",
            "X-A: \u{1b}",
            "Ä: b",
            "Content-Length: 1",
            "content-length:",
            "Transfer-Encoding: chunked",
            "Connection: close",
            "Date:",
            "ETag: \"a\"",
            "Content-Type: text/html",
            "Vary: *",
        ] {
            assert!(header(text).is_err(), "{text}");
        }
    }

    #[test]
    fn types_are_types() {
        for text in ["text/plain", "text/html; charset=utf-8", "application/vnd.x+json", " text/plain "] {
            assert_eq!(media_type(text), Ok(text.trim().to_owned()));
        }
        for text in ["", "text", "text/", "/plain", "text/plain\r\nX: y", "text/pla in", "text/é", "a/b/c"] {
            assert!(media_type(text).is_err(), "{text}");
        }
        assert_eq!(mime(".log=text/plain"), Ok(("log".to_owned(), "text/plain".to_owned())));
        for text in
            ["", "log", "=text/plain", ".=text/plain", "log=", "tar.gz=application/gzip", "a/b=text/plain"]
        {
            assert!(mime(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_are_names() {
        for text in ["index.html", "README", "a b", "ä.html", ".index"] {
            assert_eq!(index(text), Ok(text.to_owned()));
        }
        for text in ["", ".", "..", "a/b", "/index.html", "a\\b", "a\0"] {
            assert!(index(text).is_err(), "{text:?}");
        }
        for text in ["*", "a.example", "My-Box.local", "localhost."] {
            assert_eq!(host_name(text), Ok(text.to_owned()));
        }
        for text in ["", "*.example", "a.example:80", "http://a.example", "a/b", "a b", "é.example"] {
            assert!(host_name(text).is_err(), "{text}");
        }
        assert_eq!(host_name("a:80").unwrap_err(), "give the name alone: --allow-host a");
    }
}
