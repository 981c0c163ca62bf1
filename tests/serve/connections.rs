//! Connections: how long they last, how they end, and what clients do to them
//! (behaviour, section 8).

mod leaving;
mod pipelining;
mod timeouts;

use crate::harness::TestServer;

const PAGE: &str = "<p>a page";

fn server() -> TestServer {
    TestServer::with_files(&[("index.html", PAGE), ("a.txt", "a"), ("b.txt", "b")], &[])
}

/// Bytes that never were anything: the same in every run.
fn garbage(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let byte = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..length).map(byte).collect()
}

#[test]
fn http_1_1_is_kept_alive_until_someone_says_close() {
    let server = server();
    let mut client = server.connect();
    for _ in 0..3 {
        let answer = client.get("/a.txt");
        assert_eq!((answer.status, answer.text(), answer.field("connection")), (200, "a", None));
        assert_eq!(client.get("/missing").status, 404);
    }
    client.send("GET /b.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let answer = client.answer_to("GET");
    assert_eq!((answer.text(), answer.field("connection")), ("b", Some("close")));
    client.expect_end();
    drop(client);
    server.stop();
}

#[test]
fn http_1_0_is_kept_alive_only_if_asked() {
    let server = server();
    let mut client = server.connect();
    for _ in 0..3 {
        client.send("GET /a.txt HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
        let answer = client.answer_to("GET");
        assert_eq!((answer.status, answer.field("connection")), (200, Some("keep-alive")));
    }
    client.send("GET /a.txt HTTP/1.0\r\n\r\nGET /b.txt HTTP/1.0\r\n\r\n");
    let answer = client.answer_to("GET");
    assert_eq!((answer.text(), answer.field("connection")), ("a", Some("close")));
    // What follows the last request is never answered.
    client.expect_end();
    drop(client);
    server.stop();
}

#[test]
fn a_head_has_no_body_and_the_next_answer_follows_it() {
    let server = server();
    let mut client = server.connect();
    client.send("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(client.answer_to("HEAD").field("content-length"), Some("9"));
    assert_eq!(client.answer_to("GET").text(), PAGE);
}

/// A client that has said all it has to say still wants to hear (R23).
#[test]
fn half_close_after_a_request_gets_the_answer() {
    let server = server();
    let mut client = server.connect();
    client
        .send("GET /a.txt HTTP/1.1\r\nHost: localhost\r\n\r\nGET /b.txt HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client.half_close();
    assert_eq!(client.answer_to("GET").text(), "a");
    assert_eq!(client.answer_to("GET").text(), "b");
    client.expect_end();
    drop(client);
    server.stop();
}

/// R23.
#[test]
fn half_close_after_a_request_gets_all_of_a_large_answer() {
    let server = server();
    let large = garbage(1, 20 << 20);
    server.write("large", &large);
    let mut client = server.connect();
    client.send("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client.half_close();
    let answer = client.answer_to("GET");
    assert!(answer.status == 200 && answer.body == large);
    client.expect_end();
    drop(client);
    let counters = server.stop();
    // As many turns as the body needs, and no spinning on the end of the input.
    assert!(counters.wakeups < 10_000, "{counters}");
}

/// R23.
#[test]
fn half_close_within_a_request_is_silent() {
    let server = server();
    for part in ["", "G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: localhost\r\n", "\r\n"] {
        let mut client = server.connect();
        client.send(part);
        client.half_close();
        client.expect_end();
    }
    server.stop();
}

#[test]
fn garbage_gets_an_error_or_nothing_and_nobody_else_notices() {
    let server = server();
    let mut bystander = server.connect();
    for seed in 0..200 {
        let mut client = server.connect();
        client.send(garbage(seed, 1 + (seed as usize * 37) % 4000));
        client.half_close();
        let said = client.rest();
        let is_error = said.starts_with(b"HTTP/1.1 4") || said.starts_with(b"HTTP/1.1 5");
        assert!(said.is_empty() || is_error, "{:?}", String::from_utf8_lossy(&said));
        assert_eq!(bystander.get("/").text(), PAGE);
    }
    drop(bystander);
    server.stop();
}

/// The answer to an upload comes early; the client must be able to read it (R22). A
/// server that simply closed would reset the connection, with the answer on its way.
#[test]
fn an_upload_is_answered_before_it_ends_and_is_not_reset() {
    let server = server();
    let mut client = server.connect();
    client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n\r\n");
    let answer = client.answer_to("POST");
    assert_eq!((answer.status, answer.field("connection")), (405, Some("close")));
    client.send(vec![b'x'; 200_000]);
    client.half_close();
    client.expect_end();
    drop(client);
    server.stop();
}

/// R22.
#[test]
fn an_upload_sent_before_the_answer_is_read_is_not_reset() {
    let server = server();
    for size in [1, 1000, 100_000, 250_000] {
        let mut client = server.connect();
        client.send(format!("PUT /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n"));
        client.send(garbage(size, size as usize));
        client.half_close();
        assert_eq!(client.answer_to("PUT").status, 405);
        client.expect_end();
    }
    server.stop();
}

/// R22: Patience with uploads is bounded, in bytes.
#[test]
fn an_upload_without_end_is_cut_off() {
    let server = server();
    let mut client = server.connect();
    client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n");
    assert_eq!(client.answer_to("POST").status, 405);
    let chunk = [b'x'; 64 * 1024];
    let sent = (0..10_000).try_for_each(|_| std::io::Write::write_all(&mut client.stream, &chunk));
    assert!(sent.is_err(), "640 MB were taken");
    server.stop();
}

#[test]
fn a_client_learns_that_an_error_ends_the_connection() {
    let server = server();
    for request in ["\0\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/3.0\r\n\r\n"] {
        let mut client = server.connect();
        client.send(request);
        let answer = client.answer_to("GET");
        assert!(answer.status == 400 || answer.status == 505, "{request:?}: {answer:?}");
        assert_eq!(answer.field("connection"), Some("close"));
        client.expect_end();
    }
}
