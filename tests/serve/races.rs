//! Names that become something else while they are asked for (R3): whoever checks first
//! and opens afterwards sends what lies outside.

use std::os::unix::fs::symlink;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::harness::filter::without_openat2;
use crate::harness::process::until;
use crate::harness::{Client, TestServer, write};

/// What no answer may hold: it stands in each file outside, and in each name there.
const CANARY: &[u8] = b"canary";

/// Requests of each connection, and how many of them are sent at once.
const REQUESTS: usize = 12_500;
const BATCH: usize = 25;
const CONNECTIONS: usize = 4;

/// What is exchanged all the time: a directory, a file and an index file with links to the
/// outside, and a directory with a link into a hidden place.
const EXCHANGED: [(&str, &str); 4] =
    [("dir", "to-dir"), ("a.txt", "to-a.txt"), ("home/index.html", "home/to-index"), ("open", "to-hidden")];

const TARGETS: [(&str, &str); 8] = [
    ("/dir/b.txt", ""),
    ("/a.txt", ""),
    ("/dir/deep/c.txt", "Range: bytes=0-2\r\n"),
    ("/dir/?format=json", ""),
    ("/dir/", "Accept-Encoding: gzip, br\r\n"),
    ("/home/", ""),
    ("/open/config", ""),
    // A sibling that is found beside the file, or beside the one outside.
    ("/dir/page.html", "Accept-Encoding: gzip\r\n"),
];

/// A site, and the place outside that its links lead to.
fn site() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let at = |path: &str| directory.path().join(path);
    for name in ["b.txt", "deep/c.txt", "page.html", "page.html.gz"] {
        write(&at("www/dir").join(name), b"inside");
        write(&at("outside").join(name), CANARY);
    }
    write(&at("outside/canary.txt"), CANARY);
    for name in ["www/a.txt", "www/home/index.html", "www/open/config"] {
        write(&at(name), b"inside");
    }
    write(&at("www/.git/config"), CANARY);
    for (target, name) in [
        ("../outside", "to-dir"),
        ("../outside/b.txt", "to-a.txt"),
        ("../../outside/b.txt", "home/to-index"),
        (".git", "to-hidden"),
    ] {
        symlink(target, at("www").join(name)).unwrap();
    }
    directory
}

/// How many answers were a file, and how many were nothing.
#[derive(Default)]
struct Seen {
    found: AtomicUsize,
    missing: AtomicUsize,
}

fn ask(mut client: Client, offset: usize, seen: &Seen) {
    for round in 0..REQUESTS / BATCH {
        let asked: Vec<_> = (0..BATCH).map(|n| TARGETS[(offset + round + n) % TARGETS.len()]).collect();
        let request =
            |(target, fields): &(_, _)| format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n");
        client.send(asked.iter().map(request).collect::<String>());
        for (target, _) in asked {
            let answer = client.answer_to("GET");
            let holds_canary = answer.body.windows(CANARY.len()).any(|window| window == CANARY);
            assert!(!holds_canary, "{target}: {answer:?}");
            // No length and no tag of it, either.
            let whole = answer.field("content-type").is_some_and(|value| value.starts_with("text/plain"));
            assert!(!whole || answer.body == b"inside" || answer.body == b"ins", "{target}: {answer:?}");
            match answer.status {
                200 | 206 => seen.found.fetch_add(1, Ordering::Relaxed),
                404 => seen.missing.fetch_add(1, Ordering::Relaxed),
                _ => panic!("{target}: {answer:?}"),
            };
        }
    }
}

/// Does something while names are exchanged without end; says how often they were.
fn while_exchanging(server: &TestServer, act: impl FnOnce()) -> usize {
    let root = server.directory.path().join("www");
    let (stop, exchanges) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                for (a, b) in EXCHANGED {
                    renameat_with(CWD, root.join(a), CWD, root.join(b), RenameFlags::EXCHANGE).unwrap();
                    exchanges.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        // However it ends, or the scope would wait for ever.
        let ended = catch_unwind(AssertUnwindSafe(act));
        stop.store(true, Ordering::Relaxed);
        ended.unwrap_or_else(|panic| resume_unwind(panic));
    });
    exchanges.into_inner()
}

/// Several connections ask while names are exchanged.
fn race(server: &TestServer) {
    let seen = Seen::default();
    let exchanges = while_exchanging(server, || {
        std::thread::scope(|scope| {
            for offset in 0..CONNECTIONS {
                let (client, seen) = (server.connect(), &seen);
                scope.spawn(move || ask(client, offset, seen));
            }
        });
    });
    let [found, missing] = [&seen.found, &seen.missing].map(|count| count.load(Ordering::Relaxed));
    println!("{found} found, {missing} missing, {exchanges} exchanges");
    assert_eq!(found + missing, CONNECTIONS * REQUESTS);
    assert!(found > 1000 && missing > 1000, "{found} found, {missing} missing: that was no race");
}

/// Where links may lead out, the same requests find what lies outside: this is a race that
/// can be lost.
#[test]
fn who_lets_links_lead_out_sends_what_is_outside() {
    let server = TestServer::start_in(site(), "www", &["--symlinks", "follow"]);
    while_exchanging(&server, || {
        let mut client = server.connect();
        for target in ["/dir/b.txt", "/a.txt", "/dir/deep/c.txt", "/home/"] {
            until("a byte from outside", || client.get(target).body == CANARY);
        }
    });
}

/// R3, R5, R8: 50,000 requests where the kernel contains the look-up…
#[test]
fn no_exchange_of_names_shows_a_byte_from_outside() {
    race(&TestServer::start_in(site(), "www", &[]));
}

/// R3, R5, R8: …and as many where it cannot, and each look-up is walked.
#[test]
fn no_exchange_of_names_shows_a_byte_from_outside_of_the_walk_either() {
    race(&without_openat2(libc::ENOSYS, || TestServer::start_in(site(), "www", &[])));
}
