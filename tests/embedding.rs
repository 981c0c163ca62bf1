//! A program that has one server after the other, as one with many tests does. It is the only
//! test of its process, which shows what is left behind.
//!
//! On Linux, where a process can see its own threads.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use serve::server::{Builder, Running, Server};

/// Something for the loop, for the pool, and for work in the background. The whole file comes
/// last: it may be enough.
const TARGETS: [&str; 3] = ["/missing", "/", "/page.txt"];

fn use_it(server: &Running) {
    for target in TARGETS {
        let mut client = TcpStream::connect(server.addresses()[0]).unwrap();
        let head = "Host: localhost\r\nAccept-Encoding: gzip\r\nConnection: close";
        write!(client, "GET {target} HTTP/1.1\r\n{head}\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 "));
        assert!(target == "/page.txt" || is_server_left(), "it is known by its name");
    }
}

/// Whether there is a thread of a server, or of what watches for it, by its name.
fn is_server_left() -> bool {
    let threads = fs::read_dir("/proc/self/task").unwrap();
    // One that ends meanwhile has no name.
    let mut names = threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("comm")).ok());
    names.any(|name| ["serve\n", "serve-", "notify"].iter().any(|ours| name.starts_with(ours)))
}

#[test]
fn a_server_that_has_ended_leaves_no_thread_behind() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("page.txt"), "the same again and again\n".repeat(400)).unwrap();
    let builder = || -> Builder { Server::builder().root(root.path()) };
    for builder in [builder(), builder().option("--watch").option_with("--for", "1h")] {
        let stopped = builder.clone().start().unwrap();
        use_it(&stopped);
        stopped.stop().unwrap();
        let dropped = builder.clone().start().unwrap();
        use_it(&dropped);
        drop(dropped);
        let waited_for = builder.option("--once").start().unwrap();
        use_it(&waited_for);
        waited_for.wait().unwrap();
    }
    // Nobody waits for them: a thread that writes may wait for a terminal. If one stays, so
    // does this test.
    while is_server_left() {
        std::thread::yield_now();
    }
}
