//! Much at once: files beyond 4 GiB, slow readers beside fast ones, thousands of idle
//! connections.

use std::fs::File;
use std::io::Read;

use crate::harness::{Client, TestServer};

/// A file system that keeps holes as holes, and tells so, is asked for: elsewhere these
/// would be 6 GiB of disk.
#[cfg(unix)]
mod sparse {
    use std::os::unix::fs::{FileExt, MetadataExt};

    use super::*;

    const SIZE: u64 = 6 << 30;

    /// Where there is something in the file: around everything that could overflow.
    const MARKED: [u64; 8] = [
        0,
        (1 << 31) - 3,
        (1 << 31) + 4096,
        (1 << 32) - 5,
        (1 << 32) + 1,
        (5 << 30) + 500,
        SIZE - 5000,
        SIZE - 8,
    ];

    /// Eight bytes that say where they belong.
    fn mark(at: u64) -> [u8; 8] {
        (at | 1 << 63).to_be_bytes()
    }

    /// None, if this takes real space here.
    fn sparse_file(server: &TestServer) -> Option<()> {
        let file = File::create(server.write("large", "")).unwrap();
        file.set_len(SIZE).unwrap();
        for at in MARKED {
            file.write_all_at(&mark(at), at).unwrap();
        }
        let is_sparse = file.metadata().unwrap().blocks() * 512 < 1 << 20;
        if !is_sparse {
            println!("skipped: no sparse files in {}", server.directory.path().display());
        }
        is_sparse.then_some(())
    }

    /// Checks each byte of `start..end` as it comes. This is stricter than a digest, and
    /// says where it went wrong.
    fn expect_bytes(client: &mut Client, start: u64, end: u64) {
        let (mut at, zeros) = (start, vec![0; 1 << 20]);
        while at < end {
            let bytes = client.take_some(zeros.len().min((end - at) as usize));
            let next = at + bytes.len() as u64;
            if bytes != zeros[..bytes.len()] || MARKED.iter().any(|mark| *mark < next && mark + 8 > at) {
                expect_marks(&bytes, at);
            }
            at = next;
        }
    }

    fn expect_marks(bytes: &[u8], start: u64) {
        let mut expected = vec![0; bytes.len()];
        for at in MARKED {
            for (position, byte) in (at..).zip(mark(at)) {
                if let Some(index) = position.checked_sub(start).filter(|index| *index < bytes.len() as u64) {
                    expected[index as usize] = byte;
                }
            }
        }
        assert!(
            bytes == expected,
            "other bytes than the file's from {start} to {}",
            start + bytes.len() as u64
        );
    }

    #[test]
    fn six_gibibytes_arrive_whole_and_in_parts() {
        let server = TestServer::start(&[]);
        if sparse_file(&server).is_none() {
            return;
        }
        let mut client = server.connect();
        // From below 4 GiB to above, wholly above, the last bytes, and then everything.
        for (start, end) in
            [((1 << 32) - 10, (1 << 32) + 100_000), (5 << 30, (5 << 30) + 1000), (SIZE - 8, SIZE)]
        {
            let range = format!("bytes={start}-{}", end - 1);
            client.send(format!("GET /large HTTP/1.1\r\nHost: localhost\r\nRange: {range}\r\n\r\n"));
            let head = client.head();
            assert!(head.starts_with("HTTP/1.1 206"), "{head}");
            assert!(head.contains(&format!("Content-Range: bytes {start}-{}/{SIZE}\r\n", end - 1)), "{head}");
            assert!(head.contains(&format!("Content-Length: {}\r\n", end - start)), "{head}");
            expect_bytes(&mut client, start, end);
        }
        client.send("GET /large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let head = client.head();
        assert!(head.contains(&format!("Content-Length: {SIZE}\r\n")), "{head}");
        expect_bytes(&mut client, 0, SIZE);
        client.expect_end();
        drop(client);
        server.stop();
    }
}

/// The slow one holds far more unread than any buffer, all the time.
#[test]
fn slow_readers_do_not_slow_others_down() {
    let server = TestServer::start(&["--threads", "1"]);
    let body: Vec<u8> = (0..8 << 20).map(|n: u32| (n ^ (n >> 8) ^ (n >> 16)) as u8).collect();
    server.write("large", &body);
    server.write("small", "small");
    let mut slow: Vec<Client> = (0..5).map(|_| server.connect()).collect();
    for client in &mut slow {
        client.send("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }
    for _ in 0..20 {
        assert!(server.get("/large").body == body);
        assert_eq!(server.get("/small").text(), "small");
    }
    for client in &mut slow {
        assert!(client.answer_to("GET").body == body, "what waited is as it was");
    }
    drop(slow);
    server.stop();
}

/// A client that takes as fast as it can must not keep the loop for itself.
#[test]
fn a_fast_reader_does_not_keep_others_waiting() {
    let server = TestServer::with_files(&[("small", "small")], &["--threads", "1"]);
    let large = File::create(server.write("large", "")).unwrap();
    large.set_len(256 << 20).unwrap();
    let mut stream = server.connect();
    stream.send("GET /large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let reader = std::thread::spawn(move || {
        let (mut total, mut chunk) = (0, vec![0; 1 << 20]);
        loop {
            match stream.stream.read(&mut chunk).unwrap() {
                0 => return total,
                count => total += count,
            }
        }
    });
    let mut client = server.connect();
    let mut answered = 0;
    while !reader.is_finished() {
        assert_eq!(client.get("/small").text(), "small");
        answered += 1;
    }
    assert!(reader.join().unwrap() > 256 << 20);
    assert!(answered > 50, "{answered} answers beside a large download");
    drop(client);
    server.stop();
}

/// Both ends of a connection take a descriptor, so the server is a process of its own.
/// Memory is what `/proc` tells.
#[cfg(target_os = "linux")]
#[test]
fn ten_thousand_idle_connections_cost_little_and_others_are_served() {
    use crate::harness::process::Process;

    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("index.html"), "hello").unwrap();
    let server = Process::serve(root.path(), &["--idle-timeout", "1h"]);
    // Of ours some are kept for other tests; the server keeps an eighth for files.
    let limit = serve::sys::raise_descriptor_limit().unwrap_or(1024);
    let possible = usize::try_from(limit.saturating_sub(1000)).unwrap_or(usize::MAX) / 4 * 3;
    let count = possible.min(10_000);
    if count < 10_000 {
        println!("only {count} connections: the limit of open descriptors is {limit}");
    }
    let connect = |_| {
        let mut client = server.connect();
        assert_eq!(client.get("/").text(), "hello");
        client
    };
    // What the first ones make the server allocate is no matter.
    let mut idle: Vec<Client> = (0..100).map(connect).collect();
    let before = server.resident_bytes();
    idle.extend((100..count).map(connect));
    let each = server.resident_bytes().saturating_sub(before) / (count - 100);
    assert!(each <= 2048, "{each} bytes for each idle connection");
    for client in idle.iter_mut().step_by(100) {
        assert_eq!(client.get("/").text(), "hello");
        assert_eq!(server.connect().get("/").text(), "hello");
    }
    let base = server.descriptors() - count;
    assert!(base < 100, "{base} descriptors besides those of {count} connections");
    // All of them are idle, so nothing keeps it.
    server.signal(rustix::process::Signal::TERM);
    assert!(server.end().status.success());
}
