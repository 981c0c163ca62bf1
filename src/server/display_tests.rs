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

#[test]
fn every_width_has_its_line() {
    for (_, template) in LINES {
        assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
    }
    assert_eq!(LINES[LINES.len() - 1].0, 0);
}

#[test]
fn a_long_address_leaves_room_for_a_name() {
    assert_eq!(shortened("192.168.100.200"), "192.168.100.200");
    assert_eq!(shortened("fd00:1111:2222:3333:4444:5555:6666:7777"), "fd00:11\u{2026}66:7777");
    assert_eq!(shortened("fe80::1234:5678"), "fe80::1234:5678");
    assert_eq!(shortened("fe80::1234:56789"), "fe80::1\u{2026}4:56789");
}

/// The thread may be held up for as long as a terminal is stopped.
#[test]
fn transfers_that_have_ended_are_forgotten_though_nobody_draws() {
    let board = Board::default();
    let lasting = board.post(LEN_MIN, || meter("GET /lasting HTTP/1.1")).unwrap();
    for _ in 0..10_000 {
        drop(board.post(LEN_MIN, || meter("GET /brief HTTP/1.1")));
    }
    let state = board.lock();
    assert!(state.transfers.len() < 100, "{} are remembered", state.transfers.len());
    assert!(state.transfers.iter().any(|each| each.meter.ptr_eq(&Arc::downgrade(&lasting))));
}

#[test]
fn the_end_does_not_wait_for_a_terminal_that_is_stopped() {
    assert!(!Board::default().end(Duration::from_millis(1)));
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
fn the_thread_ends_with_who_holds_it() {
    let display = Display::new(false);
    let board = display.board();
    let drawing = display.start().unwrap();
    let _meter = board.post(LEN_MIN, || meter("GET /big HTTP/1.1"));
    drop(drawing);
    assert!(board.lock().is_over);
}
