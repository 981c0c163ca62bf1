//! What a client says of itself into `log::line`: one line, printable, below 4 KiB, and
//! what was said can be read back from it (R46).
//!
//! The input is a byte that chooses a status and what else is known, and then the first
//! line of the request, Referer and User-Agent, divided by NUL.

use std::time::{Duration, SystemTime};

use serve::clock::Now;
use serve::http::{Exchange, Peer, Status};
use serve::log::{Format, Stamp, escape, line};

const COLORS: [&str; 5] = ["\x1b[32m", "\x1b[36m", "\x1b[33m", "\x1b[31m", "\x1b[0m"];

/// The property.
pub fn check(input: &[u8]) {
    let Some((&choice, rest)) = input.split_first() else { return };
    let mut texts = rest.splitn(3, |&b| b == 0);
    let mut text = || texts.next().map(<[u8]>::to_vec);
    let (said, referer, user_agent) = (text().unwrap_or_default(), text(), text());
    // Within the years that have a date, and beyond.
    let seconds = if choice & 0x80 == 0 { 1_700_000_000 } else { u64::from(choice) << 33 };
    // Windows has no time beyond the year 30828.
    let Some(system) = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)) else { return };
    let now = Now::read().with_system(system);
    let address = if choice & 0x40 == 0 { "192.0.2.1:80" } else { "[2001:db8::1]:65535" };
    let Ok(address) = address.parse() else { return };
    let mut exchange = Exchange::begin(Peer { address, loopback: false }, &said, None, now);
    if choice & 0x20 != 0 {
        // As much as there is, whatever is kept of it today.
        exchange.request_line = said;
    }
    (exchange.referer, exchange.user_agent) = (referer, user_agent);
    exchange.status = [Status::Ok, Status::NotModified, Status::NotFound, Status::InternalServerError]
        [usize::from(choice & 3)];
    exchange.complete = choice & 4 != 0;
    (exchange.sent, exchange.head) = if choice & 8 == 0 { (150, 50) } else { (u64::MAX, 0) };
    let later = now.later(Duration::from_micros(u64::from(choice) << (choice & 16)));
    for format in
        [Format::Short { color: false }, Format::Short { color: true }, Format::Combined, Format::Json]
    {
        let mut out = b"before".to_vec();
        line(&mut out, format, &exchange, &mut Stamp::default(), &later);
        let Ok(written) = String::from_utf8(out.split_off(6)) else { panic!("not UTF-8") };
        assert_eq!(out, b"before");
        one_printable_line(&written, format);
        match format {
            Format::Json => json(&written, &exchange),
            Format::Combined => combined(&written, &exchange),
            _ => {}
        }
    }
    let mut nothing = Vec::new();
    line(&mut nothing, Format::Off, &exchange, &mut Stamp::default(), &later);
    assert!(nothing.is_empty());
}

fn one_printable_line(written: &str, format: Format) {
    assert!(written.len() <= 4096, "{} bytes", written.len());
    let Some(body) = written.strip_suffix('\n') else { panic!("no line end: {written:?}") };
    let mut body = body.to_owned();
    if format == (Format::Short { color: true }) {
        // Two of ours, and no other.
        assert_eq!(body.matches('\x1b').count(), 2, "{body:?}");
        COLORS.iter().for_each(|color| body = body.replace(color, ""));
    }
    assert!(body.bytes().all(|b| matches!(b, 0x20..=0x7e)), "{body:?}");
}

fn escaped(text: &[u8]) -> String {
    let mut out = Vec::new();
    escape(&mut out, text);
    let Ok(out) = String::from_utf8(out) else { panic!("not UTF-8") };
    unescaped(&out, text);
    out
}

/// What was written, read as tools do: the text, or its beginning and dots.
fn unescaped(written: &str, text: &[u8]) {
    let mut read = Vec::new();
    let mut rest = written.as_bytes();
    loop {
        rest = match rest {
            [] => return assert_eq!(read, text),
            b"..." if read.len() < text.len() && text.starts_with(&read) => return,
            [b'\\', b'x', high, low, rest @ ..] => {
                let digits = [*high, *low];
                let Ok(digits) = std::str::from_utf8(&digits) else { panic!("{written}") };
                read.push(u8::from_str_radix(digits, 16).unwrap_or_else(|_| panic!("{written}")));
                rest
            }
            [b'\\' | b'"', ..] => panic!("{written}"),
            [byte, rest @ ..] => {
                read.push(*byte);
                rest
            }
        }
    }
}

fn json(written: &str, exchange: &Exchange) {
    let Ok(value) = serde_json::from_str::<serde_json::Value>(written) else { panic!("{written}") };
    assert_eq!(value["status"], exchange.status.code());
    assert_eq!(value["request"], escaped(&exchange.request_line));
    for (key, text) in [("referer", &exchange.referer), ("user_agent", &exchange.user_agent)] {
        assert_eq!(value[key].as_str(), text.as_deref().map(escaped).as_deref());
    }
    assert_eq!(
        (&value["complete"], &value["bytes"]),
        (&exchange.complete.into(), &exchange.body_sent().into())
    );
}

/// Seven things between the quotes and around them, whatever a client says.
fn combined(written: &str, exchange: &Exchange) {
    let parts: Vec<&str> = written.split('"').collect();
    let [before, request, numbers, referer, " ", user_agent, end] = parts[..] else { panic!("{written}") };
    assert!(before.starts_with(&format!("{} - - [", exchange.peer.address.ip())) && before.ends_with("] "));
    assert_eq!(request, escaped(&exchange.request_line));
    assert_eq!(numbers, format!(" {} {} ", exchange.status.code(), exchange.body_sent()));
    for (part, text) in [(referer, &exchange.referer), (user_agent, &exchange.user_agent)] {
        assert_eq!(part, escaped(text.as_deref().unwrap_or(b"-")));
    }
    assert!(end.ends_with(if exchange.complete { " complete\n" } else { " cut\n" }), "{end}");
}
