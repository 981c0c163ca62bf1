//! Files that are not in memory: a disk is waited for elsewhere (R29).

use std::fs::File;
use std::path::Path;

use rustix::fs::{Advice, fadvise};

use super::harness::{SETTLED, TestServer, set_modified, skip};

const MIB: usize = 1024 * 1024;

/// Takes a file out of memory, if that can be done.
fn make_cold(path: &Path) -> File {
    let file = File::open(path).unwrap();
    file.sync_all().unwrap();
    fadvise(&file, 0, None, Advice::DontNeed).unwrap();
    file
}

/// Whether a file can be taken out of memory. On a file system that lies in memory it stays
/// there. To ask this makes the kernel read it: on a quick disk it is back at once.
fn can_be_cold(path: &Path) -> bool {
    let file = make_cold(path);
    let len = file.metadata().unwrap().len();
    !serve::sys::is_at_hand(&file, 0..len)
}

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * i / 5 + i) as u8).collect()
}

/// R29: the pool waits for the disk, and what is sent is all of it.
#[test]
fn cold_files_are_fetched_and_come_whole() {
    // Where a build is, memory is seldom taken for a disk.
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let server = TestServer::start_in(directory, "", &[]);
    for length in [1, 1000, 50_000, 100_000, 200_000, 5 * MIB + 1] {
        let (name, content) = (format!("{length}.bin"), content(length));
        let path = server.write(&name, &content);
        set_modified(&path, std::time::SystemTime::UNIX_EPOCH + SETTLED);
        if !(0..100).any(|_| can_be_cold(&path)) {
            return skip("the file system of the build lies in memory");
        }
        for _ in 0..2 {
            make_cold(&path);
            assert!(server.get(&format!("/{name}")).body == content, "{name}");
        }
        make_cold(&path);
        let last = length - 1;
        let answer = server.request("GET", &format!("/{name}"), &format!("Range: bytes={last}-\r\n"));
        assert!(answer.status == 206 && answer.body == content[last..], "{name}");
    }
    // The large ones are fetched piece by piece as they are sent. A quick disk may bring some
    // of it while the loop looks.
    assert!(server.stop().fetches >= 4);
}
