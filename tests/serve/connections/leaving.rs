//! Clients that leave at any moment: nobody else notices, and nothing is left behind.

use std::time::Duration;

use crate::harness::{Client, TestServer};

const REQUEST: &str = "GET /large HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-\r\n\r\n";

/// A file that no socket buffer holds.
const LARGE: usize = 32 << 20;

fn server() -> TestServer {
    let server = TestServer::with_files(&[("index.html", "hello")], &["--threads", "1"]);
    std::fs::File::create(server.write("large", "")).unwrap().set_len(LARGE as u64).unwrap();
    server
}

/// Leaves by a reset instead of an orderly end.
fn reset(client: Client) {
    socket2::SockRef::from(&client.stream).set_linger(Some(Duration::ZERO)).unwrap();
}

#[test]
fn a_request_broken_off_at_every_byte_hurts_nobody() {
    let server = server();
    let mut bystander = server.connect();
    for end in 0..=REQUEST.len() {
        let mut client = server.connect();
        client.send(&REQUEST[..end]);
        if end % 2 == 0 {
            reset(client);
        }
        assert_eq!(bystander.get("/").text(), "hello");
    }
    drop(bystander);
    server.stop();
}

#[test]
fn a_download_broken_off_anywhere_hurts_nobody() {
    let server = server();
    let mut bystander = server.connect();
    for step in 0..40 {
        let mut client = server.connect();
        client.send(REQUEST);
        client.take(step * step * 1000 + 1);
        if step % 2 == 0 {
            reset(client);
        }
        assert_eq!(bystander.get("/").text(), "hello");
    }
    drop(bystander);
    server.stop();
}

/// The listing of a directory is made elsewhere; its client may be gone before.
#[test]
fn a_client_that_does_not_wait_for_slow_work_hurts_nobody() {
    let server = TestServer::start(&["--threads", "1"]);
    for n in 0..500 {
        server.write(&format!("dir/{n}"), "");
    }
    let mut bystander = server.connect();
    for turn in 0..50 {
        let mut client = server.connect();
        client.send("GET /dir/ HTTP/1.1\r\nHost: localhost\r\n\r\n");
        if turn % 2 == 0 {
            reset(client);
        }
        assert_eq!(bystander.get("/").status, 200);
    }
    drop(bystander);
    server.stop();
}

/// Descriptors are counted where `/proc` shows them, in a process of its own, because
/// other tests open some in this one.
#[cfg(target_os = "linux")]
#[test]
fn nothing_stays_open_after_clients_have_left() {
    use crate::harness::process::{Process, until};

    let server = server();
    let process = Process::serve(server.directory.path(), &["--threads", "2"]);
    // A listing starts the threads of the pool.
    let mut bystander = process.connect();
    bystander.send("GET / HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\r\n");
    assert_eq!(bystander.answer_to("GET").status, 200);
    let before = process.descriptors();
    let mut stay: Vec<Client> = Vec::new();
    for end in 0..=REQUEST.len() {
        let mut client = process.connect();
        client.send(&REQUEST[..end]);
        match end % 3 {
            0 => reset(client),
            1 => client.half_close(),
            _ => stay.push(client),
        }
        let mut download = process.connect();
        download.send(REQUEST);
        download.take(1 + end * 1000);
        stay.push(download);
    }
    assert!(process.descriptors() > before + 2 * REQUEST.len(), "a file and a socket for each download");
    drop(stay);
    until("all descriptors are closed again", || {
        assert_eq!(bystander.get("/").text(), "hello");
        process.descriptors() == before
    });
}
