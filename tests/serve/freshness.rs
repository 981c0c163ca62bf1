//! Whatever is remembered, nothing old is sent: a request that began after a write had
//! returned gets what was written.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::SystemTime;

use crate::harness::{Client, TestServer};

/// So many files that each has settled again when its next turn comes, and so is in memory
/// when it is written again.
const FILES: usize = if cfg!(any(windows, mio_unsupported_force_poll_poll)) { 1_000 } else { 20_000 };
/// How often each is written: a hundred thousand writes in all.
const ROUNDS: u32 = 5;
const WRITERS: usize = 2;
/// Answers that are asked for at once, so that turns of the loop are shared.
const BATCH: usize = 4;

/// A way to write a file anew.
type Way = fn(&Path, &[u8]);

/// All but the last keep its size.
#[cfg(not(windows))]
const WAYS: [Way; 5] = [in_place, in_place_with_its_time, renamed, renamed_with_its_time, made_anew];

/// Wine removes by name what was removed while it was open: then what was made anew is gone.
#[cfg(windows)]
const WAYS: [Way; 4] = [in_place, in_place_with_its_time, renamed, renamed_with_its_time];

/// Wine refuses to replace what is being read just now.
fn replace(path: &Path, other: &Path) {
    while let Err(error) = fs::rename(other, path) {
        assert!(cfg!(windows) && error.kind() == ErrorKind::PermissionDenied, "{error}");
        thread::yield_now();
    }
}

fn in_place(path: &Path, content: &[u8]) {
    File::options().write(true).open(path).unwrap().write_all(content).unwrap();
}

fn modified(path: &Path) -> SystemTime {
    path.metadata().unwrap().modified().unwrap()
}

fn in_place_with_its_time(path: &Path, content: &[u8]) {
    let time = modified(path);
    let mut file = File::options().write(true).open(path).unwrap();
    file.write_all(content).unwrap();
    file.set_modified(time).unwrap();
}

fn renamed(path: &Path, content: &[u8]) {
    let other = path.with_extension("new");
    fs::write(&other, content).unwrap();
    replace(path, &other);
}

fn renamed_with_its_time(path: &Path, content: &[u8]) {
    let (time, other) = (modified(path), path.with_extension("new"));
    fs::write(&other, content).unwrap();
    File::options().write(true).open(&other).unwrap().set_modified(time).unwrap();
    replace(path, &other);
}

#[cfg(not(windows))]
fn made_anew(path: &Path, content: &[u8]) {
    fs::remove_file(path).unwrap();
    fs::write(path, content).unwrap();
}

/// A version many times over, so that a part of an older one shows.
fn content(version: u32) -> Vec<u8> {
    format!("{version:010}").repeat(20).into_bytes()
}

/// The oldest version that a body has anything of; None if it is empty.
fn oldest(body: &[u8]) -> Option<u32> {
    assert!(body.is_empty() || body.len() == 200, "{}", String::from_utf8_lossy(body));
    body.chunks(10).map(|chunk| std::str::from_utf8(chunk).unwrap().parse().unwrap()).min()
}

/// What writers and readers know of each other.
struct Files {
    directory: PathBuf,
    /// Of each file the last version whose write has returned.
    written: Vec<AtomicU32>,
    /// Where each writer is.
    current: [AtomicUsize; WRITERS],
    done: AtomicBool,
}

impl Files {
    fn path(&self, file: usize) -> PathBuf {
        self.directory.join(format!("{}/{file}", file % 100))
    }

    fn target(file: usize) -> String {
        format!("/{}/{file}", file % 100)
    }

    fn ask(client: &mut Client, file: usize) {
        let target = Files::target(file);
        client.send(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n").repeat(BATCH));
    }

    /// Rewrites every file of its own, again and again, and looks at each at once.
    fn write(&self, writer: usize, client: &mut Client) {
        for round in 1..=ROUNDS {
            for file in (writer..FILES).step_by(WRITERS) {
                self.current[writer].store(file, Ordering::Relaxed);
                // Into the memory of the loop, if it has settled.
                let before = client.get(&Files::target(file)).body;
                assert_eq!(oldest(&before), Some(round - 1), "nobody else writes it");
                WAYS[(file + round as usize) % WAYS.len()](&self.path(file), &content(round));
                self.written[file].store(round, Ordering::Release);
                assert_eq!(
                    oldest(&client.get(&Files::target(file)).body),
                    Some(round),
                    "{file}: what was written"
                );
            }
        }
    }

    /// Asks for what is being written, all the time.
    fn read(&self, client: &mut Client) -> usize {
        let (mut count, mut step) = (0, 0);
        while !self.done.load(Ordering::Relaxed) {
            step += 1;
            // Both are a little behind the writers, or just at them.
            let file =
                self.current[step % WRITERS].load(Ordering::Relaxed).saturating_sub(step % 3 * WRITERS);
            let written = self.written[file].load(Ordering::Acquire);
            Files::ask(client, file);
            for _ in 0..BATCH {
                let answer = client.answer_to("GET");
                // Where it is made anew, it is not there for a moment, and then empty for another.
                let is_there = answer.status == 200 && !answer.body.is_empty();
                assert!(!is_there || oldest(&answer.body) >= Some(written), "{file}: {answer:?}, {written}");
                count += 1;
            }
        }
        count
    }
}

#[test]
fn a_request_after_a_write_gets_what_was_written_a_hundred_thousand_times() {
    let server = TestServer::start(&["--log", "off", "--threads", "2"]);
    let files = Files {
        directory: server.directory.path().to_path_buf(),
        written: (0..FILES).map(|_| AtomicU32::new(0)).collect(),
        current: Default::default(),
        done: AtomicBool::new(false),
    };
    for file in 0..FILES {
        server.write(&Files::target(file)[1..], content(0));
    }
    thread::scope(|scope| {
        let readers = [(); 1].map(|()| scope.spawn(|| files.read(&mut server.connect())));
        let writers = [0, 1].map(|writer| {
            let files = &files;
            let mut client = server.connect();
            scope.spawn(move || files.write(writer, &mut client))
        });
        let written = writers.map(thread::ScopedJoinHandle::join);
        files.done.store(true, Ordering::Relaxed);
        let read: usize = readers.map(|reader| reader.join().unwrap()).iter().sum();
        assert!(written.iter().all(Result::is_ok) && read > 0);
    });
    server.stop();
}
