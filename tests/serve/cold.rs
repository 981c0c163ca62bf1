//! Files that are not in memory: a disk is waited for elsewhere (R29).

use std::fs::File;
use std::path::Path;

use rustix::fs::{Advice, fadvise};
use seccompiler::SeccompAction;

use super::harness::TestServer;
use super::harness::filter::{Call, filtered};

const MIB: usize = 1024 * 1024;

/// Those that are answered in one piece, and those that are sent as they are read.
const LENGTHS: [usize; 6] = [1, 1000, 50_000, 100_000, 200_000, 5 * MIB + 1];

/// The question whether something is in memory (`RWF_NOWAIT`, preadv2(2)).
const IS_IT_THERE: [Call; 1] = [(libc::SYS_preadv2, Some((5, libc::RWF_NOWAIT)))];

/// Takes a file out of memory, if that can be done: not on a file system that lies there.
fn make_cold(path: &Path) {
    let file = File::open(path).unwrap();
    file.sync_all().unwrap();
    fadvise(&file, 0, None, Advice::DontNeed).unwrap();
}

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * i / 5 + i) as u8).collect()
}

/// Asks for all of each file, and for its last byte.
fn expect_whole(server: &TestServer) {
    for length in LENGTHS {
        let (name, content) = (format!("{length}.bin"), content(length));
        let path = server.write(&name, &content);
        server.settle(&name);
        for _ in 0..2 {
            make_cold(&path);
            assert!(server.get(&format!("/{name}")).body == content, "{name}");
        }
        make_cold(&path);
        let last = length - 1;
        let answer = server.request("GET", &format!("/{name}"), &format!("Range: bytes={last}-\r\n"));
        assert!(answer.status == 206 && answer.body == content[last..], "{name}");
    }
}

/// R29: what is sent is all of it, whether it was in memory or on the disk.
#[test]
fn cold_files_come_whole() {
    // Where a build is, memory is seldom taken for a disk.
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let server = TestServer::start_in(directory, "", &[]);
    expect_whole(&server);
    server.stop();
}

/// R29: the pool waits for the disk, whatever the disk of this machine is: here the kernel
/// says of all that it is not in memory.
#[test]
fn what_is_not_in_memory_is_fetched_by_the_pool() {
    let not_there = SeccompAction::Errno(libc::EAGAIN as u32);
    let server = filtered(&IS_IT_THERE, not_there, || TestServer::start(&["--threads", "1"]));
    expect_whole(&server);
    // For each answer, and for the large one again as it is sent.
    let answers = 3 * LENGTHS.len() as u64;
    assert!(server.stop().fetches > answers);
}
