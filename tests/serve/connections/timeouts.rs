//! Every wait has an end. The tests wait for what the server does when time is over;
//! none of them measures when.

use std::io::{ErrorKind, Read};
use std::time::Duration;

use crate::harness::{Client, TestServer};

#[test]
fn a_head_that_does_not_end_gets_408() {
    let server = TestServer::start(&["--header-timeout", "300ms"]);
    for part in ["G", "GET / HTTP/1.1\r\nHost: localhost\r\n", "\r\n"] {
        let mut client = server.connect();
        client.send(part);
        let answer = client.answer_to("GET");
        assert_eq!((answer.status, answer.field("connection")), (408, Some("close")));
        client.expect_end();
    }
    server.stop();
}

/// However steadily it trickles in, the time is for the whole head (R16).
#[test]
fn a_head_that_trickles_in_gets_408() {
    let server = TestServer::start(&["--header-timeout", "500ms"]);
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\nX: ");
    client.stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let mut first = [0; 12];
    loop {
        match client.stream.read_exact(&mut first) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                client.send("x");
            }
            ended => break ended.unwrap(),
        }
    }
    assert_eq!(&first, b"HTTP/1.1 408");
}

/// The time runs from the first byte of each head, not of the connection.
#[test]
fn the_time_for_a_head_begins_anew_with_each_request() {
    let server = TestServer::start(&["--header-timeout", "300ms", "--idle-timeout", "60s"]);
    let (mut client, mut clock) = (server.connect(), server.connect());
    assert_eq!(client.get("/").status, 200);
    clock.expect_timeout();
    // More than that time has passed, and nothing of a head had come.
    assert_eq!(client.get("/").status, 200);
    client.send("GET /");
    assert_eq!(client.answer_to("GET").status, 408);
}

/// R16.
#[test]
fn idle_connections_are_closed_in_silence() {
    let server = TestServer::start(&["--idle-timeout", "300ms"]);
    let mut never_asked = server.connect();
    let mut kept_alive = server.connect();
    assert_eq!(kept_alive.get("/").status, 200);
    never_asked.expect_end();
    kept_alive.expect_end();
    server.stop();
}

/// A reader that stops is reset, so that it cannot take a part for the whole, and
/// everyone else is served meanwhile (R17).
#[test]
fn a_stalled_reader_is_reset_and_others_are_served() {
    let server = TestServer::start(&["--send-timeout", "500ms", "--idle-timeout", "3s", "--threads", "1"]);
    std::fs::File::create(server.write("large", "")).unwrap().set_len(64 << 20).unwrap();
    let (mut stalled, mut clock) = (server.connect(), server.connect());
    stalled.send("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stalled.take(1);
    assert_eq!(server.get("/").status, 200);
    // The server's own time tells that the other one's is over.
    clock.expect_end();
    assert_eq!(server.get("/").status, 200);
    stalled.expect_reset();
    drop(clock);
    server.stop();
}

/// R17: Time is for progress, not for the whole: a slow reader is not a stalled one.
#[test]
fn a_slow_reader_gets_everything() {
    let server = TestServer::start(&["--send-timeout", "2s", "--header-timeout", "700ms"]);
    const SIZE: usize = 24 << 20;
    std::fs::File::create(server.write("large", "")).unwrap().set_len(SIZE as u64).unwrap();
    let mut client = server.connect();
    client.send("GET /large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let mut total = 0;
    // Each step takes a good part of the send timeout, and all of them more than it.
    let mut chunk = vec![0; 4 << 20];
    loop {
        let count = read_full(&mut client, &mut chunk);
        total += count;
        if count < chunk.len() {
            break;
        }
        server.connect().expect_timeout();
    }
    assert!(total > SIZE && total < SIZE + 1000, "{total}");
}

fn read_full(client: &mut Client, buffer: &mut [u8]) -> usize {
    let mut count = 0;
    while count < buffer.len() {
        match client.stream.read(&mut buffer[count..]).unwrap() {
            0 => break,
            more => count += more,
        }
    }
    count
}

/// Whatever the poller, an idle connection causes no wake-up (R28). Where readiness is
/// re-armed in software, watching for more than is wanted means thousands of them.
#[test]
fn idle_connections_wake_nobody() {
    let server = TestServer::start(&["--threads", "1", "--header-timeout", "2s"]);
    let connections = 100;
    let mut idle: Vec<Client> = (0..connections).map(|_| server.connect()).collect();
    for client in idle.iter_mut().step_by(2) {
        assert_eq!(client.get("/").status, 200);
    }
    let mut clock = server.connect();
    clock.expect_timeout();
    drop((clock, idle));
    let counters = server.stop();
    // Each comes, asks and leaves.
    assert!(counters.wakeups < 4 * connections + 50, "{counters}");
}

/// R28: A connection that waits for a slow reader wakes nobody, either.
#[test]
fn stalled_connections_wake_nobody() {
    let server = TestServer::start(&["--threads", "1", "--header-timeout", "2s"]);
    std::fs::File::create(server.write("large", "")).unwrap().set_len(64 << 20).unwrap();
    let mut stalled: Vec<Client> = (0..10).map(|_| server.connect()).collect();
    for client in &mut stalled {
        client.send("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
        client.take(1);
    }
    let mut clock = server.connect();
    clock.expect_timeout();
    drop((clock, stalled));
    let counters = server.stop();
    // What fits the buffers of a connection goes out in some dozen pieces.
    assert!(counters.wakeups < 2000, "{counters}");
}
