//! One line for one response, in the formats of `--log`.

use std::io::Write;
use std::time::Duration;

use serde::Serialize;

use crate::clock::Now;
use crate::http::Exchange;

/// How the access log looks (`--log`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people at a terminal.
    Short {
        /// With colours.
        color: bool,
    },
    /// Combined Log Format, then the seconds it took, then `complete` or `cut`.
    Combined,
    /// One JSON object a line.
    Json,
    /// None.
    Off,
}

/// The date of the last line, which is that of the next one, too, within a second.
#[derive(Debug, Default)]
pub struct Stamp {
    second: Option<u64>,
    text: String,
}

impl Stamp {
    /// The date of Combined Log Format.
    fn of(&mut self, exchange: &Exchange) -> &str {
        let second = exchange.started.unix_seconds();
        if self.second != Some(second) {
            (self.second, self.text) = (Some(second), common_log_date(exchange));
        }
        &self.text
    }
}

/// Appends the line of a response that has ended.
pub fn line(out: &mut Vec<u8>, format: Format, exchange: &Exchange, stamp: &mut Stamp, now: &Now) {
    let written = match format {
        Format::Short { color } => short(out, exchange, color, now),
        Format::Combined => combined(out, exchange, stamp, now),
        Format::Json => json(out, exchange, now),
        Format::Off => Ok(()),
    };
    debug_assert!(written.is_ok(), "writing to memory failed");
}

/// Longest text of a request in a line, escapes included: with three of them a line
/// stays below 4 KiB (R46).
const TEXT_MAX: usize = 900;

/// Appends text with every byte that is not printable ASCII, and quotes and
/// backslashes, as `\xHH`: as nginx does, so that tools know it. What is longer
/// than a line has room for ends in dots.
pub fn escape(out: &mut Vec<u8>, text: &[u8]) {
    let is_special = |b: u8| !(b' '..=b'~').contains(&b) | (b == b'"') | (b == b'\\');
    // Hardly any text has such a byte. All are looked at, without a branch: so the compiler
    // does it for sixteen at once.
    if text.len() <= TEXT_MAX - 4 && text.iter().fold(0, |any, &b| any | u8::from(is_special(b))) == 0 {
        return out.extend_from_slice(text);
    }
    let end = out.len() + TEXT_MAX;
    for &byte in text {
        if out.len() + 4 > end {
            out.extend_from_slice(b"...");
            break;
        }
        match byte {
            b'"' | b'\\' | 0..=0x1f | 0x7f.. => {
                const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
                out.extend_from_slice(b"\\x");
                out.push(DIGITS[usize::from(byte >> 4)]);
                out.push(DIGITS[usize::from(byte & 15)]);
            }
            _ => out.push(byte),
        }
    }
}

fn escaped(text: &[u8]) -> String {
    let mut out = Vec::with_capacity(text.len());
    escape(&mut out, text);
    // Only printable ASCII was written.
    String::from_utf8(out).unwrap_or_default()
}

fn short(out: &mut Vec<u8>, exchange: &Exchange, color: bool, now: &Now) -> std::io::Result<()> {
    let (on, off) = match exchange.status.code() {
        _ if !color => ("", ""),
        200..=299 => ("\x1b[32m", "\x1b[0m"),
        300..=399 => ("\x1b[36m", "\x1b[0m"),
        400..=499 => ("\x1b[33m", "\x1b[0m"),
        _ => ("\x1b[31m", "\x1b[0m"),
    };
    let time = timestamp(now);
    // `2026-11-22T10:00:00.000Z`: who watches a terminal knows the day.
    write!(
        out,
        "{} {} {on}{}{off} ",
        time.get(11..19).unwrap_or(&time),
        exchange.peer.address.ip(),
        exchange.status.code()
    )?;
    let line = exchange.request_line.strip_suffix(b" HTTP/1.1").unwrap_or(&exchange.request_line);
    escape(out, if line.is_empty() { b"(no request)" } else { line });
    write!(out, " {} B {:.1} ms", exchange.body_sent(), milliseconds(exchange, now))?;
    out.extend_from_slice(if exchange.complete { b"\n" } else { b" (cut off)\n" });
    Ok(())
}

fn milliseconds(exchange: &Exchange, now: &Now) -> f64 {
    exchange.duration(now).as_secs_f64() * 1000.0
}

fn combined(out: &mut Vec<u8>, exchange: &Exchange, stamp: &mut Stamp, now: &Now) -> std::io::Result<()> {
    write!(out, "{} - - [{}] \"", exchange.peer.address.ip(), stamp.of(exchange))?;
    escape(out, &exchange.request_line);
    write!(out, "\" {} {}", exchange.status.code(), exchange.body_sent())?;
    for field in [&exchange.referer, &exchange.user_agent] {
        out.extend_from_slice(b" \"");
        escape(out, field.as_deref().unwrap_or(b"-"));
        out.push(b'"');
    }
    let end = if exchange.complete { "complete" } else { "cut" };
    let took = exchange.duration(now);
    // As `{:.6}` would write them, at a tenth of its cost.
    let rounded = took.saturating_add(Duration::from_nanos(500));
    writeln!(out, " {}.{:06} {end}", rounded.as_secs(), rounded.subsec_micros())
}

/// `22/Nov/2026:10:00:00 +0000`, cut out of `Sun, 22 Nov 2026 10:00:00 GMT`.
fn common_log_date(exchange: &Exchange) -> String {
    let date = crate::http::date::from_time(exchange.started.system)
        .map(|date| date.to_string())
        .unwrap_or_default();
    match (date.get(5..7), date.get(8..11), date.get(12..16), date.get(17..25)) {
        (Some(day), Some(month), Some(year), Some(time)) => format!("{day}/{month}/{year}:{time} +0000"),
        _ => "-".into(),
    }
}

/// RFC 3339 in UTC; a clock beyond the year 9999 has none.
fn timestamp(now: &Now) -> String {
    match crate::http::date::from_time(now.system) {
        Some(_) => humantime::format_rfc3339_millis(now.system).to_string(),
        None => "-".into(),
    }
}

#[derive(Serialize)]
struct JsonLine {
    time: String,
    client: String,
    request: String,
    status: u16,
    bytes: u64,
    seconds: f64,
    complete: bool,
    referer: Option<String>,
    user_agent: Option<String>,
}

fn json(out: &mut Vec<u8>, exchange: &Exchange, now: &Now) -> std::io::Result<()> {
    let object = JsonLine {
        time: timestamp(&exchange.started),
        client: exchange.peer.address.to_string(),
        request: escaped(&exchange.request_line),
        status: exchange.status.code(),
        bytes: exchange.body_sent(),
        seconds: exchange.duration(now).as_secs_f64(),
        complete: exchange.complete,
        referer: exchange.referer.as_deref().map(escaped),
        user_agent: exchange.user_agent.as_deref().map(escaped),
    };
    serde_json::to_writer(&mut *out, &object)?;
    out.push(b'\n');
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::http::{Peer, Status};
    use proptest::prelude::*;
    use std::time::SystemTime;

    const FORMATS: [Format; 4] =
        [Format::Short { color: false }, Format::Short { color: true }, Format::Combined, Format::Json];

    fn exchange(request_line: &[u8]) -> (Exchange, Now) {
        let started = Now::read().with_system(SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777));
        let peer = Peer { address: "[::1]:5000".parse().unwrap(), loopback: true };
        let mut exchange = Exchange::begin(peer, b"", None, started);
        exchange.request_line = request_line.to_vec();
        exchange.user_agent = Some(request_line.to_vec());
        exchange.status = Status::NotFound;
        (exchange.sent, exchange.head, exchange.complete) = (150, 50, true);
        (exchange, started.later(Duration::from_millis(2)))
    }

    fn text(format: Format, request_line: &[u8]) -> String {
        let ((exchange, now), mut out) = (exchange(request_line), Vec::new());
        line(&mut out, format, &exchange, &mut Stamp::default(), &now);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_format_says_who_what_and_how_much() {
        let request = b"GET /a HTTP/1.1";
        assert_eq!(text(Format::Short { color: false }, request), "08:49:37 ::1 404 GET /a 100 B 2.0 ms\n");
        assert_eq!(
            text(Format::Combined, request),
            "::1 - - [06/Nov/1994:08:49:37 +0000] \"GET /a HTTP/1.1\" 404 100 \"-\" \"GET /a HTTP/1.1\" 0.002000 complete\n"
        );
        let json: serde_json::Value = serde_json::from_str(&text(Format::Json, request)).unwrap();
        assert_eq!(
            (&json["status"], &json["bytes"], &json["client"]),
            (&404.into(), &100.into(), &"[::1]:5000".into())
        );
        assert_eq!(text(Format::Off, request), "");
    }

    #[test]
    fn a_date_is_that_of_its_own_line() {
        let ((exchange, now), mut stamp) = (exchange(b"GET / HTTP/1.1"), Stamp::default());
        for seconds in [0, 0, 1, 59] {
            let started = exchange.started.later(Duration::from_secs(seconds));
            let (exchange, mut with, mut without) =
                (Exchange { started, ..exchange.clone() }, Vec::new(), Vec::new());
            line(&mut with, Format::Combined, &exchange, &mut stamp, &now);
            line(&mut without, Format::Combined, &exchange, &mut Stamp::default(), &now);
            assert_eq!(with, without, "{seconds}");
        }
    }

    /// R46.
    #[test]
    fn no_line_is_longer_than_4_kib() {
        let ((mut exchange, now), text) = (exchange(&[0xff; 8000]), vec![0xff; 8000]);
        (exchange.referer, exchange.user_agent) = (Some(text.clone()), Some(text));
        for format in FORMATS {
            let mut out = Vec::new();
            line(&mut out, format, &exchange, &mut Stamp::default(), &now);
            assert!(out.len() <= 4096 && out.ends_with(b"\n"), "{format:?}: {}", out.len());
        }
    }

    /// R46.
    #[test]
    fn escape_sequences_do_not_reach_a_terminal() {
        assert_eq!(escaped("\x1b[2J\u{9b}31m\n\"\\".as_bytes()), r"\x1B[2J\xC2\x9B31m\x0A\x22\x5C");
    }

    proptest! {
        /// R46.
        #[test]
        fn a_line_is_one_line_of_printable_ascii(request_line: Vec<u8>) {
            for format in FORMATS {
                let text = text(format, &request_line).replace("\x1b[33m", "").replace("\x1b[0m", "");
                let body = text.strip_suffix('\n').unwrap();
                prop_assert!(body.bytes().all(|b| (0x20..0x7f).contains(&b)), "{:?}", body);
            }
        }
    }
}
