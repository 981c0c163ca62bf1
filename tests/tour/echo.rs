//! Steps 0 and 1: the echo that waits, and the one that does not.

use std::io::{ErrorKind, Write};
use std::net::Shutdown;
use std::time::Duration;

use super::Step;

#[test]
fn bytes_in_pieces_come_back_in_both() {
    for step in ["tour_0_blocking", "tour_1_echo"].map(Step::start) {
        let mut client = step.connect();
        for piece in ["a", "bc", "\0\r\n", "def"] {
            client.say(piece);
            assert_eq!(client.hear(piece.len()), piece.as_bytes());
        }
        assert_eq!(step_end(client), b"");
        assert_eq!(step.ask("all, and the end"), "all, and the end");
    }
}

fn step_end(client: super::Client) -> Vec<u8> {
    client.stream.get_ref().shutdown(Shutdown::Write).unwrap();
    client.rest()
}

#[test]
fn who_blocks_has_time_for_one_client() {
    let step = Step::start("tour_0_blocking");
    let mut first = step.connect();
    first.say("1");
    assert_eq!(first.hear(1), b"1");
    let mut second = step.connect();
    second.say("2");
    assert!(second.hears_nothing(), "the first one says nothing, and is waited for");
    drop(first);
    assert_eq!(second.hear(1), b"2");
}

#[test]
fn who_does_not_block_has_time_for_all() {
    let step = Step::start("tour_1_echo");
    let mut silent = step.connect();
    let mut clients: Vec<_> = (0..100).map(|_| step.connect()).collect();
    for round in ["one", "two"] {
        clients.iter_mut().for_each(|client| client.say(round));
        for client in clients.iter_mut().rev() {
            assert_eq!(client.hear(3), round.as_bytes());
        }
    }
    silent.say("at last");
    assert_eq!(silent.hear(7), b"at last");
}

/// Who never reads is soon not read from: then its own writes block. Nothing of what it has
/// sent is lost, and nobody else notices.
#[test]
fn a_slow_reader_holds_only_itself_up() {
    const MUCH: usize = 256 * 1024 * 1024;
    let step = Step::start("tour_1_echo");
    let mut slow = step.connect();
    slow.stream.get_ref().set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    let piece: Vec<u8> = (0..=250).cycle().take(251 * 261).collect();
    let mut sent = Vec::new();
    while sent.len() < MUCH {
        match slow.stream.get_mut().write(&piece) {
            Ok(count) => sent.extend_from_slice(&piece[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(sent.len() > 16 * 1024 && sent.len() < MUCH, "{} bytes were taken", sent.len());
    assert_eq!(step.ask("quick"), "quick");
    slow.stream.get_ref().shutdown(Shutdown::Write).unwrap();
    assert!(slow.rest() == sent, "not what was sent");
}

/// The other half of the same: much is sent and read at once.
#[test]
fn the_echo_of_much_is_all_of_it() {
    let step = Step::start("tour_1_echo");
    let much: Vec<u8> = (0..32 * 1024 * 1024_u32).map(|n| (n / 7) as u8).collect();
    let client = step.connect();
    let (mut sending, sent) = (client.stream.get_ref().try_clone().unwrap(), much.clone());
    let sender = std::thread::spawn(move || {
        sending.write_all(&sent).unwrap();
        sending.shutdown(Shutdown::Write).unwrap();
    });
    assert!(client.rest() == much, "not what was sent");
    sender.join().unwrap();
}

/// What the tour says of the end of descriptors: those who wait are not heard although there
/// is room again, until somebody new comes.
#[test]
#[cfg(all(target_os = "linux", not(mio_unsupported_force_poll_poll)))]
fn without_descriptors_step_1_goes_deaf() {
    let step = Step::with_descriptors("tour_1_echo", 14);
    let mut clients: Vec<_> = (0..20).map(|_| step.connect()).collect();
    clients.iter_mut().for_each(|client| client.say("x"));
    // They are accepted in the order in which they came.
    let served = clients.iter_mut().position(|client| client.hears_nothing()).unwrap();
    assert!(served > 2, "{served} clients are served");
    let mut waiting = clients.split_off(served);
    drop(clients);
    assert!(waiting.iter_mut().all(|client| client.hears_nothing()), "there is room, and nobody looks");
    let _new = step.connect();
    waiting.iter_mut().take(served).for_each(|client| assert_eq!(client.hear(1), b"x"));
}
