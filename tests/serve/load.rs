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

    use sha2::{Digest, Sha256};

    use super::*;
    use crate::harness::skip;

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

    /// What `start..end` of the file should be, piece by piece: made from the marks alone,
    /// and never read from any disk.
    fn expected(start: u64, end: u64, mut each: impl FnMut(&[u8])) {
        let mut piece = vec![0; 1 << 20];
        for at in (start..end).step_by(piece.len()) {
            let next = end.min(at + piece.len() as u64);
            piece.fill(0);
            for (position, byte) in MARKED.iter().flat_map(|mark_at| (*mark_at..).zip(mark(*mark_at))) {
                if (at..next).contains(&position) {
                    piece[(position - at) as usize] = byte;
                }
            }
            each(&piece[..(next - at) as usize]);
        }
    }

    /// The digests of what was received and of what it should be. Whoever differs has sent
    /// other bytes, or in another order.
    fn digests(client: &mut Client, start: u64, end: u64) -> [String; 2] {
        let expecting = std::thread::spawn(move || {
            let mut digest = Sha256::new();
            expected(start, end, |piece| digest.update(piece));
            format!("{:x}", digest.finalize())
        });
        let (mut digest, mut left) = (Sha256::new(), end - start);
        while left > 0 {
            let bytes = client.take_some(left.min(1 << 20) as usize);
            digest.update(&bytes);
            left -= bytes.len() as u64;
        }
        [format!("{:x}", digest.finalize()), expecting.join().unwrap()]
    }

    fn sparse_file(server: &TestServer) -> std::fs::Metadata {
        let file = File::create(server.write("large", "")).unwrap();
        file.set_len(SIZE).unwrap();
        for at in MARKED {
            file.write_all_at(&mark(at), at).unwrap();
        }
        file.metadata().unwrap()
    }

    #[test]
    fn what_is_expected_of_the_sparse_file_are_its_marks() {
        let mut all = Vec::new();
        expected((1 << 32) - 10, (1 << 32) + 20, |piece| all.extend_from_slice(piece));
        let marks = [&[0; 5][..], &mark((1 << 32) - 5)[..6], &mark((1 << 32) + 1), &[0; 11]].concat();
        assert_eq!(all, marks);
        let mut lengths = Vec::new();
        expected(5, (2 << 20) + 6, |piece| lengths.push(piece.len()));
        assert_eq!(lengths, [1 << 20, 1 << 20, 1]);
    }

    /// R32.
    #[test]
    fn six_gibibytes_arrive_whole_and_in_parts() {
        let server = TestServer::start(&[]);
        if sparse_file(&server).blocks() * 512 >= 1 << 20 {
            return skip(&format!("no sparse files in {}", server.directory.path().display()));
        }
        let mut client = server.connect();
        // From below 4 GiB to far above, wholly above, the last bytes, and then everything.
        let ranges = [((1 << 32) - (100 << 20), (1 << 32) + (100 << 20)), (5 << 30, (5 << 30) + 1000)];
        for (start, end) in ranges.into_iter().chain([(SIZE - 8, SIZE)]) {
            let range = format!("bytes={start}-{}", end - 1);
            client.send(format!("GET /large HTTP/1.1\r\nHost: localhost\r\nRange: {range}\r\n\r\n"));
            let head = client.head();
            assert!(head.starts_with("HTTP/1.1 206"), "{head}");
            assert!(head.contains(&format!("Content-Range: bytes {start}-{}/{SIZE}\r\n", end - 1)), "{head}");
            assert!(head.contains(&format!("Content-Length: {}\r\n", end - start)), "{head}");
            let [received, expected] = digests(&mut client, start, end);
            assert_eq!(received, expected, "{range}");
        }
        client.send("GET /large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let head = client.head();
        assert!(head.contains(&format!("Content-Length: {SIZE}\r\n")), "{head}");
        let [received, expected] = digests(&mut client, 0, SIZE);
        assert_eq!(received, expected);
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

/// R28b: A client that takes as fast as it can must not keep the loop for itself.
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

/// Pages of the program and its libraries: what serves comes back, with what is around it.
#[cfg(target_os = "linux")]
#[test]
fn what_only_the_start_needs_does_not_stay_in_memory() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("index.html"), "hello").unwrap();
    let server = crate::harness::process::Process::serve(root.path(), &[]);
    for _ in 0..3 {
        assert_eq!(server.connect().get("/").text(), "hello");
    }
    let (now, most) = (server.resident_bytes(), server.resident_bytes_most());
    assert!(now + (512 << 10) < most, "{now} bytes are in memory, and {most} were");
}

/// R15: Both ends of a connection take a descriptor, so the server is a process of its own.
/// Memory is what `/proc` tells.
#[cfg(target_os = "linux")]
#[test]
fn ten_thousand_idle_connections_cost_little_and_others_are_served() {
    use crate::harness::{process::Process, skip};

    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("index.html"), "hello").unwrap();
    let server = Process::serve(root.path(), &["--idle-timeout", "1h"]);
    // Of ours some are kept for other tests; the server keeps an eighth for files.
    let limit = serve::sys::raise_descriptor_limit().unwrap_or(1024);
    let possible = usize::try_from(limit.saturating_sub(1000)).unwrap_or(usize::MAX) / 4 * 3;
    let count = possible.min(10_000);
    if count < 10_000 {
        skip(&format!("only {count} of 10,000 connections: the limit of open descriptors is {limit}"));
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
