//! How the program begins and ends: the banner, addresses that cannot be had, signals,
//! exit codes (behaviour, sections 1 and 8; hazards R26, R49).

use std::net::TcpListener;

use crate::harness::process::{Ended, Process, program, run};
use crate::harness::{Client, TestServer};

fn root() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("index.html"), "hello").unwrap();
    root
}

/// A free port that no system hands out by itself, so that no other test takes it meanwhile.
fn free_port() -> u16 {
    let start = 20_000 + std::process::id() as u16 % 10_000;
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    (start..start + 1000).find(is_free).unwrap()
}

#[track_caller]
fn expect_failure(ended: &Ended, code: i32, text: &str) {
    assert_eq!(ended.status.code(), Some(code), "{:?}", ended.stderr);
    let [line] = &ended.stderr[..] else { panic!("not one line: {:?}", ended.stderr) };
    assert!(line.starts_with("serve: ") && line.contains(text), "{line}");
}

#[test]
fn the_banner_says_what_is_shared_where_and_how_to_stop() {
    let root = root();
    let server = Process::serve(root.path(), &[]);
    let [shared, url, .., stop] = &server.banner[..] else { panic!("{:?}", server.banner) };
    assert!(shared.starts_with("Sharing ") && shared.ends_with(root.path().to_str().unwrap()), "{shared}");
    assert_eq!(url.trim(), format!("http://{}/", server.addresses[0]));
    assert_ne!(server.addresses[0].port(), 0);
    assert_eq!(stop, "Press Ctrl-C to stop.");
    assert_eq!(server.connect().get("/").text(), "hello");
}

#[test]
fn a_bind_to_everything_is_reachable_and_named_by_addresses_that_work() {
    let root = root();
    let server = Process::start(program(&["--bind", ":0", "--log", "off"]), root.path(), &[]);
    assert!(server.addresses[0].ip().is_loopback(), "{:?}", server.banner);
    assert_eq!(server.connect().get("/").text(), "hello");
    for line in &server.banner {
        assert!(!line.contains("0.0.0.0") && !line.contains("[::]"), "{line}");
    }
    // Both halves have one port, where there are two.
    if TcpListener::bind("[::1]:0").is_ok() {
        let v6 = (std::net::Ipv6Addr::LOCALHOST, server.addresses[0].port());
        assert_eq!(Client::connect(v6.into()).get("/").text(), "hello");
    }
}

#[test]
fn several_binds_are_all_served() {
    let root = root();
    let mut binds = vec!["127.0.0.1:0", "127.0.0.1:0"];
    if TcpListener::bind("[::1]:0").is_ok() {
        binds.push("[::1]:0");
    } else {
        println!("without IPv6, which this machine lacks");
    }
    let options: Vec<&str> = binds.iter().flat_map(|bind| ["--bind", bind]).chain(["--log", "off"]).collect();
    let server = Process::start(program(&options), root.path(), &[]);
    assert_eq!(server.addresses.len(), binds.len(), "{:?}", server.banner);
    for address in &server.addresses {
        assert_eq!(Client::connect(*address).get("/").text(), "hello");
    }
}

/// R49.
#[test]
fn a_port_in_use_is_said_with_what_to_do() {
    let root = root();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let root = root.path().to_str().unwrap();
    let ended = run(&["--bind", &address, "--root", root]);
    expect_failure(&ended, 1, &format!("cannot listen on {address}: "));
    assert!(ended.stderr[0].contains("another"), "{:?}", ended.stderr);
}

/// R49: Loops share a port; programs never do, though the same call would let them.
#[test]
fn two_servers_never_share_a_port() {
    let root = root();
    let first = Process::serve(root.path(), &["--threads", "2"]);
    let address = first.addresses[0].to_string();
    let ended = run(&["--bind", &address, "--threads", "2", "--root", root.path().to_str().unwrap()]);
    expect_failure(&ended, 1, &format!("cannot listen on {address}: "));
    assert_eq!(first.connect().get("/").text(), "hello");
}

#[test]
fn what_cannot_be_shared_is_said_before_anything_is_bound() {
    let root = root();
    let missing = root.path().join("missing");
    // Taken, but that is not what is wrong first.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let ended = run(&["--bind", &address, "--root", missing.to_str().unwrap()]);
    expect_failure(&ended, 1, "does not exist");
}

#[test]
fn wrong_usage_is_one_line_and_code_2() {
    for (arguments, text) in [
        (&["--no-such-option"][..], "--no-such-option"),
        (&["--bind"], "--bind"),
        (&["--bind", "nonsense:port"], "--bind"),
        (&["--port", "65536"], "65536"),
        (&["--threads", "0"], "--threads"),
        (&["--send-timeout", "soon"], "soon"),
        (&["--log", "loud"], "loud"),
        (&["--header", "no colon"], "no colon"),
        (&["one", "two", "three"], "three"),
        (&["-a", "127.0.0.1"], "--bind"),
    ] {
        expect_failure(&run(arguments), 2, text);
    }
}

/// R49.
#[test]
fn the_port_is_free_again_at_once() {
    let root = root();
    let bind = format!("127.0.0.1:{}", free_port());
    for _ in 0..3 {
        let server = Process::start(program(&["--bind", &bind, "--log", "off"]), root.path(), &[]);
        // The server ends these, so that the system remembers the port for a while.
        for _ in 0..50 {
            let mut client = server.connect();
            client.send("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            assert_eq!(client.answer_to("GET").text(), "hello");
            client.expect_end();
        }
        // Some are still open when it ends.
        let mut open = server.connect();
        assert_eq!(open.get("/").text(), "hello");
        drop(server);
    }
}

/// Windows has no signals that a test could send to one program alone.
#[cfg(unix)]
mod signals {
    use std::net::TcpStream;

    use rustix::process::Signal;

    use super::*;
    use crate::harness::process::until;

    const SIZE: u64 = 64 << 20;

    fn root_with_large_file() -> tempfile::TempDir {
        let root = root();
        std::fs::File::create(root.path().join("large")).unwrap().set_len(SIZE).unwrap();
        root
    }

    /// A client in the middle of a download that no buffer holds.
    fn downloading(server: &Process) -> Client {
        let mut client = server.connect();
        client.send("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
        client.take(1);
        client
    }

    fn idle(server: &Process) -> Vec<Client> {
        let mut clients: Vec<Client> = (0..10).map(|_| server.connect()).collect();
        for client in clients.iter_mut().skip(5) {
            assert_eq!(client.get("/").text(), "hello");
        }
        clients
    }

    /// R26.
    #[test]
    fn the_idle_are_closed_and_downloads_end_whole() {
        for signal in [Signal::TERM, Signal::INT] {
            let root = root_with_large_file();
            let server = Process::serve(root.path(), &["--threads", "2", "--grace", "1h"]);
            let (mut download, idle) = (downloading(&server), idle(&server));
            server.signal(signal);
            for mut client in idle {
                client.expect_end();
            }
            until("nobody listens any more", || TcpStream::connect(server.addresses[0]).is_err());
            let rest = download.rest();
            assert!(rest.len() as u64 > SIZE, "{} bytes", rest.len());
            drop(download);
            assert_eq!(server.end().status.code(), Some(0));
        }
    }

    /// R26: Requests that came together are answered together, and the last answer says that
    /// no other will follow. One that came too late is not answered, but costs nothing.
    #[test]
    fn what_was_asked_before_is_answered() {
        let root = root_with_large_file();
        for late in ["", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"] {
            let server = Process::serve(root.path(), &["--threads", "1", "--grace", "1h"]);
            let (mut client, mut idle) = (server.connect(), server.connect());
            client.send(
                "GET /large HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
            );
            client.take(1);
            assert_eq!(idle.get("/").text(), "hello");
            server.signal(Signal::TERM);
            idle.expect_end();
            client.send(late);
            let answers = client.rest();
            let zeros = answers.iter().filter(|byte| **byte == 0).count();
            assert_eq!(zeros as u64, SIZE);
            let last = answers.rsplit(|byte| *byte == 0).next().unwrap();
            assert!(last.ends_with(b"Connection: close\r\n\r\nhello"), "{}", String::from_utf8_lossy(last));
            drop(client);
            assert_eq!(server.end().status.code(), Some(0));
        }
    }

    /// R26.
    #[test]
    fn a_second_signal_ends_it_at_once() {
        let root = root_with_large_file();
        let server = Process::serve(root.path(), &["--grace", "1h", "--send-timeout", "1h"]);
        let (mut download, idle) = (downloading(&server), idle(&server));
        server.signal(Signal::INT);
        for mut client in idle {
            client.expect_end();
        }
        server.signal(Signal::INT);
        assert_eq!(server.end().status.code(), Some(0));
        download.expect_reset();
    }

    /// R26.
    #[test]
    fn downloads_have_as_long_as_grace_says() {
        let root = root_with_large_file();
        for grace in ["300ms", "0"] {
            let server = Process::serve(root.path(), &["--grace", grace, "--send-timeout", "1h"]);
            let mut download = downloading(&server);
            server.signal(Signal::TERM);
            assert_eq!(server.end().status.code(), Some(0));
            download.expect_reset();
        }
    }

    #[test]
    fn a_head_that_is_on_its_way_is_still_answered() {
        let root = root();
        let server = Process::serve(root.path(), &["--threads", "1", "--grace", "1h"]);
        let (mut client, mut idle) = (server.connect(), server.connect());
        client.send("GET / HTTP/1.1\r\n");
        assert_eq!(idle.get("/").text(), "hello");
        server.signal(Signal::TERM);
        idle.expect_end();
        client.send("Host: localhost\r\n\r\n");
        let answer = client.answer_to("GET");
        assert_eq!((answer.text(), answer.field("connection")), ("hello", Some("close")));
        client.expect_end();
        drop(client);
        assert_eq!(server.end().status.code(), Some(0));
    }

    /// Signals that are not for stopping, and those of broken pipes, do nothing.
    #[test]
    fn other_signals_do_not_end_it() {
        let root = root();
        let server = Process::serve(root.path(), &[]);
        let mut client = server.connect();
        server.signal(Signal::PIPE);
        server.signal(Signal::TSTP);
        server.signal(Signal::CONT);
        assert_eq!(client.get("/").text(), "hello");
        server.signal(Signal::TERM);
        assert_eq!(server.end().status.code(), Some(0));
    }

    /// R51.
    #[test]
    fn verbose_says_at_the_end_what_has_been() {
        let root = root();
        let server = Process::serve(root.path(), &["--verbose"]);
        (0..3).for_each(|_| assert_eq!(server.connect().get("/").text(), "hello"));
        server.signal(Signal::TERM);
        let ended = server.end();
        let last = ended.stderr.last().unwrap();
        assert!(last.starts_with("3 connections accepted, 3 closed, 0 evicted;"), "{last}");
        assert!(last.contains(", 0 panics"), "{last}");
    }
}

/// Whatever has arrived when the wish to stop comes: on connections that were idle, and
/// with clients that nobody has accepted yet.
#[test]
fn requests_that_have_arrived_are_answered_before_the_end() {
    for _ in 0..5 {
        let mut server = TestServer::with_files(&[("a", "a")], &[]);
        let mut clients: Vec<Client> = (0..50).map(|_| server.connect()).collect();
        for client in &mut clients {
            assert_eq!(client.get("/a").text(), "a");
        }
        clients.extend((0..50).map(|_| server.connect()));
        for client in &mut clients {
            client.send("GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n");
        }
        server.ask_to_stop();
        for client in &mut clients {
            assert_eq!(client.answer_to("GET").text(), "a");
            client.expect_end();
        }
        drop(clients);
        server.join();
    }
}
