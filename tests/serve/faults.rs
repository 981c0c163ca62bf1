//! What goes wrong around the server: files that change while they are sent, and too
//! few descriptors (hazards R24, R25, R30, R31).

#[cfg(unix)]
mod descriptors;

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use crate::harness::{Client, TestServer, under_wine};

/// More than all buffers between the two ends hold.
const LARGE: u64 = 64 << 20;

fn set_length(path: &Path, length: u64) {
    File::options().write(true).open(path).unwrap().set_len(length).unwrap();
}

/// What the client still gets before the reset.
fn read_until_reset(client: &mut Client) -> Vec<u8> {
    let (mut got, mut chunk) = (Vec::new(), vec![0; 1 << 20]);
    loop {
        match client.stream.read(&mut chunk) {
            Ok(0) if under_wine() => return got,
            Ok(0) => panic!("an orderly end after {} bytes: a part that passes for the whole", got.len()),
            Ok(count) => got.extend_from_slice(&chunk[..count]),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::ConnectionReset);
                return got;
            }
        }
    }
}

/// The promised length cannot be kept. An orderly end would pass for one, and going on
/// would make the next answer a part of this one (R30).
#[test]
fn a_file_that_shrinks_while_it_is_sent_resets_the_connection() {
    for range in ["", "Range: bytes=1000-60000000\r\n"] {
        let server = TestServer::with_files(&[("index.html", "next")], &[]);
        let large = server.write("large", "");
        set_length(&large, LARGE);
        let mut client = server.connect();
        client.send(format!(
            "GET /large HTTP/1.1\r\nHost: localhost\r\n{range}\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
        ));
        let expected: &[u8] = if range.is_empty() { b"HTTP/1.1 200" } else { b"HTTP/1.1 206" };
        assert_eq!(client.take(expected.len()), expected);
        set_length(&large, 10);
        let got = read_until_reset(&mut client);
        assert!(got.len() < 60_000_000 - 1000);
        let after_head = got.windows(4).position(|window| window == b"\r\n\r\n").map(|at| &got[at + 4..]);
        // Of the file there are only zeros; anything else would be the next answer.
        assert!(after_head.is_none_or(|rest| rest.iter().all(|byte| *byte == 0)), "the next answer came");
        assert_eq!(server.get("/").text(), "next");
        assert_eq!(server.get("/large").body, [0; 10]);
        drop(client);
        server.stop();
    }
}

/// R31.
#[test]
fn a_file_that_grows_while_it_is_sent_keeps_its_promised_length() {
    let server = TestServer::start(&[]);
    let length = 16 << 20;
    let large = server.write("large", vec![b'a'; length]);
    let mut client = server.connect();
    client.send("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client.take(1000);
    File::options().append(true).open(&large).unwrap().write_all(&[b'b'; 100_000]).unwrap();
    // The head and what was taken of it are within the first 1000 bytes.
    let rest = client.take(length - 1000);
    assert!(rest.iter().all(|byte| *byte == b'a'));
    let mut tail = Vec::new();
    while !tail.ends_with(b"HTTP/1.1 200") {
        if tail.is_empty() {
            client.send("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
        }
        tail.extend(client.take(1));
        assert!(tail.len() < 1000, "no second answer at the end of the first");
    }
    assert!(tail[..tail.len() - 12].iter().all(|byte| *byte == b'a'), "bytes that were never promised");
    assert_eq!(server.get("/large").body.len(), length + 100_000);
    drop(client);
    server.stop();
}

/// The opened file is what is sent, whatever its name leads to by now (R31). Elsewhere
/// than on Unix an open file cannot always be replaced.
#[cfg(unix)]
#[test]
fn a_file_that_is_replaced_while_it_is_sent_is_sent_as_it_was() {
    let server = TestServer::start(&[]);
    let length = 16 << 20;
    let large = server.write("large", vec![b'a'; length]);
    let new = server.write("new", vec![b'b'; 10]);
    let mut client = server.connect();
    client.send("GET /large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let mut got = client.take(1000);
    std::fs::rename(new, &large).unwrap();
    assert_eq!(server.get("/large").text(), "bbbbbbbbbb");
    std::fs::remove_file(&large).unwrap();
    assert_eq!(server.get("/large").status, 404);
    got.extend(client.rest());
    let body = got.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    assert!(got[body..].len() == length && got[body..].iter().all(|byte| *byte == b'a'));
    drop(client);
    server.stop();
}

/// R25: Whoever was quiet for longest makes room, and nobody else has to.
#[test]
fn beyond_the_most_connections_the_longest_idle_is_closed() {
    let server = TestServer::with_files(&[("a", "a")], &["--threads", "1", "--max-connections", "4"]);
    let mut clients: Vec<Client> = (0..4).map(|_| server.connect()).collect();
    // Opened in this order, and used in another one.
    for index in [2, 0, 3, 1] {
        assert_eq!(clients[index].get("/a").text(), "a");
    }
    let mut fifth = server.connect();
    assert_eq!(fifth.get("/a").text(), "a");
    clients[2].expect_end();
    for index in [0, 3, 1] {
        assert_eq!(clients[index].get("/a").text(), "a", "client {index} should have stayed");
    }
    drop((clients, fifth));
    assert_eq!(server.stop().evicted, 1);
}

/// R25: Nobody is cut off for a newcomer: who is busy stays, and the newcomer waits.
#[test]
fn beyond_the_most_connections_newcomers_wait_while_all_are_busy() {
    let server = TestServer::with_files(&[("a", "a")], &["--threads", "1", "--max-connections", "2"]);
    set_length(&server.write("large", ""), LARGE);
    let mut busy: Vec<Client> = (0..2).map(|_| server.connect()).collect();
    for client in &mut busy {
        client.send("GET /large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        client.take(1);
    }
    let mut waiting: Vec<Client> = (0..3).map(|_| server.connect()).collect();
    for client in &mut waiting {
        client.send("GET /a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    }
    // One leaves early, the other takes all: there is room for one after the other.
    drop(busy.pop());
    for mut client in waiting {
        assert_eq!(client.answer_to("GET").text(), "a");
        client.expect_end();
    }
    assert!(busy[0].rest().len() as u64 > LARGE);
    drop(busy);
    assert_eq!(server.stop().evicted, 0);
}

/// Wherever the idle ones are, a newcomer finds a place: the system gives it to some loop,
/// and of the first eight connections hardly ever one to each.
#[test]
fn beyond_the_most_connections_newcomers_are_served_by_every_loop() {
    let options = ["--threads", "8", "--max-connections", "8", "--idle-timeout", "1h"];
    let server = TestServer::with_files(&[("a", "a")], &options);
    let mut idle: Vec<Client> = Vec::new();
    for _ in 0..60 {
        let mut client = server.connect();
        assert_eq!(client.get("/a").text(), "a");
        idle.push(client);
    }
    drop(idle);
    assert!(server.stop().evicted > 0);
}
