//! Requests sent without waiting for answers (R20): all are answered, in order, and
//! whoever sends without reading costs a bounded amount of memory.

use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::harness::{Client, TestServer};

const COUNT: usize = 1000;

/// A server with a file for each request, so that the order of answers is seen.
fn server() -> TestServer {
    let server = TestServer::start(&[]);
    for n in 0..COUNT {
        server.write(&n.to_string(), content(n));
    }
    server
}

/// Of many lengths, one of them long enough to be sent on its own.
fn content(n: usize) -> String {
    let length = if n == 500 { 200_000 } else { n % 50 };
    format!("{n}:{}", "x".repeat(length))
}

fn requests() -> String {
    (0..COUNT).map(|n| format!("GET /{n} HTTP/1.1\r\nHost: localhost\r\n\r\n")).collect()
}

fn expect_answers(client: &mut Client) {
    for n in 0..COUNT {
        let answer = client.answer_to("GET");
        assert!(answer.status == 200 && answer.text() == content(n), "answer {n}: {answer:?}");
    }
}

#[test]
fn a_thousand_requests_sent_at_once_are_answered_in_order() {
    let server = server();
    let mut client = server.connect();
    client.send(requests());
    expect_answers(&mut client);
    // Exactly as many, and the connection goes on.
    assert_eq!(client.get("/7").text(), content(7));
    client.half_close();
    client.expect_end();
    drop(client);
    server.stop();
}

#[test]
fn a_thousand_requests_in_odd_pieces_are_answered_in_order() {
    let server = server();
    let mut client = server.connect();
    let mut writer = client.stream.try_clone().unwrap();
    let sender = std::thread::spawn(move || {
        let (requests, mut at) = (requests(), 0);
        for size in [1, 2, 3, 5, 7, 11, 97, 1009].iter().cycle() {
            let end = (at + size).min(requests.len());
            writer.write_all(&requests.as_bytes()[at..end]).unwrap();
            at = end;
            if at == requests.len() {
                break;
            }
        }
        writer.shutdown(std::net::Shutdown::Write).unwrap();
    });
    expect_answers(&mut client);
    client.expect_end();
    sender.join().unwrap();
    drop(client);
    server.stop();
}

/// R20.
#[test]
fn answers_of_every_kind_stay_in_order() {
    let server = TestServer::with_files(&[("dir/a", "a"), ("b", "b")], &[]);
    let get = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    // A listing is made elsewhere, and everything behind it has to wait.
    let round = [get("/dir/"), get("/b"), get("/dir"), get("/missing"), get("/dir/a")].concat();
    let mut client = server.connect();
    client.send(round.repeat(50));
    for _ in 0..50 {
        assert!(client.answer_to("GET").text().contains("dir"));
        assert_eq!(client.answer_to("GET").text(), "b");
        let statuses = [client.answer_to("GET").status, client.answer_to("GET").status];
        assert_eq!(statuses, [301, 404]);
        assert_eq!(client.answer_to("GET").text(), "a");
    }
}

/// Sends until nothing more is taken for a while; returns how many bytes were.
fn fill(stream: &mut TcpStream, cycle: &[u8]) -> usize {
    socket2::SockRef::from(&*stream).set_send_buffer_size(64 * 1024).unwrap();
    // Longer than the server ever stops reading for another reason; shorter is no error.
    stream.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    let mut sent = 0;
    loop {
        match stream.write(&cycle[sent % cycle.len()..]) {
            Ok(count) => sent += count,
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
                return sent;
            }
        }
        assert!(sent < 256 << 20, "the server reads on and on");
    }
}

/// R20.
#[test]
fn a_client_that_never_reads_is_not_read_from_and_later_gets_all_answers() {
    let server = server();
    let mut client = server.connect();
    let (cycle, request) = (requests(), "GET /0 HTTP/1.1\r\nHost: localhost\r\n\r\n".len());
    let mut left = fill(&mut client.stream, cycle.as_bytes());
    client.half_close();
    // Whole cycles first, then whole requests; the last one may be cut, and gets nothing.
    for n in (0..COUNT).cycle() {
        let length = request + n.to_string().len() - 1;
        if left < length {
            break;
        }
        left -= length;
        let answer = client.answer_to("GET");
        assert!(answer.status == 200 && answer.text() == content(n), "answer {n}: {answer:?}");
    }
    client.expect_end();
    drop(client);
    server.stop();
}

/// R20: Resident memory is what `/proc` tells.
#[cfg(target_os = "linux")]
#[test]
fn a_client_that_never_reads_costs_little_memory() {
    use crate::harness::process::Process;

    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("0"), "x").unwrap();
    let server = Process::serve(directory.path(), &["--threads", "1"]);
    let cycle = "GET /0 HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(1000);
    // What one client makes the server allocate once and for all is no matter.
    fill(&mut server.connect().stream, cycle.as_bytes());
    let before = server.resident_bytes();
    let clients: Vec<Client> = (0..8).map(|_| server.connect()).collect();
    std::thread::scope(|scope| {
        for client in &clients {
            let (mut stream, cycle) = (client.stream.try_clone().unwrap(), cycle.as_bytes());
            scope.spawn(move || fill(&mut stream, cycle));
        }
    });
    let each = server.resident_bytes().saturating_sub(before) / clients.len();
    assert!(each < 256 * 1024, "{each} bytes for each of them");
}
