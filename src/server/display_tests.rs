//! Which transfers get a line, and what it says. What it looks like on a terminal is tried by
//! `.ci/terminal`.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::http::{Exchange, Peer};

fn meter(line: &str) -> Meter {
    let peer = Peer { address: "10.0.0.1:5".parse().unwrap(), loopback: false };
    Meter::new(&Exchange::begin(peer, line.as_bytes(), None, Now::read()), LEN_MIN)
}

#[test]
fn only_what_takes_its_time_gets_a_line() {
    let board = Board::default();
    assert!(board.post(LEN_MIN - 1, || meter("GET /small HTTP/1.1")).is_none());
    let big = board.post(LEN_MIN, || meter("GET /big HTTP/1.1")).unwrap();
    let mut state = board.lock();
    let since = state.transfers[0].since;
    let shown = |state: &mut State, after| Shown::of(&mut state.transfers, since + after).lines.len();
    assert_eq!(shown(&mut state, Duration::ZERO), 0);
    assert_eq!(shown(&mut state, PATIENCE), 1);
    drop(big);
    assert_eq!(shown(&mut state, PATIENCE), 0);
    assert!(state.transfers.is_empty());
}

#[test]
fn the_oldest_are_shown_and_the_others_counted() {
    let board = Board::default();
    let post = |number| board.post(LEN_MIN, || meter(&format!("GET /{number} HTTP/1.1"))).unwrap();
    let meters: Vec<_> = (0..LINES_MAX + 992).map(post).collect();
    let mut state = board.lock();
    let shown = Shown::of(&mut state.transfers, Now::instant() + PATIENCE);
    assert!(shown.lines.iter().zip(&meters).all(|(line, meter)| Arc::ptr_eq(line, meter)));
    assert_eq!((shown.lines.len(), shown.more), (LINES_MAX, 992));
}

#[test]
fn what_was_sent_before_a_line_began_is_no_speed() {
    let meter = meter("GET /big HTTP/1.1");
    meter.set(LEN_MIN / 2);
    let bar = line_of(&meter);
    assert_eq!(bar.position(), LEN_MIN / 2);
    // Not a number when no time has passed, which is not drawn: each step is a fifth of a second.
    assert!(bar.per_sec().is_nan() || bar.per_sec() == 0.0, "{} bytes a second", bar.per_sec());
}

/// R46.
#[test]
fn a_name_is_what_a_person_reads_and_harmless() {
    for (target, name) in [
        ("/a/big%20file.iso?download", "big file.iso"),
        ("/", "/"),
        ("/folder/?download=tar", "folder"),
        ("/%1b%5b2J%0a%e2%80%ae.txt", "\\u{1b}[2J\\u{a}\\u{202e}.txt"),
        ("/%ff", "\u{fffd}"),
        ("", "/"),
    ] {
        assert_eq!(name_of(target.as_bytes()), name, "{target}");
    }
}

#[test]
fn every_template_is_one() {
    for template in [LINE, SHORT_LINE] {
        ProgressStyle::with_template(template).unwrap();
    }
}

#[test]
fn the_thread_ends_with_who_holds_it() {
    let display = Display::new();
    let board = display.board();
    let drawing = display.start().unwrap();
    let _meter = board.post(LEN_MIN, || meter("GET /big HTTP/1.1"));
    drop(drawing);
    assert!(board.lock().is_over);
}
