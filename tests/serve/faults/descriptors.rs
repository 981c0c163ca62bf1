//! Out of descriptors: the server rests, neither spins nor goes deaf, and goes on by
//! itself (R24, R25). Limits of descriptors are a matter of Unix.

use crate::harness::Client;
use crate::harness::process::{Process, program_by_shell};

const QUIET: [&str; 4] = ["--bind", "127.0.0.1:0", "--log", "off"];

/// A file that no socket buffer holds, so that its download holds two descriptors.
fn root() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("index.html"), "hello").unwrap();
    std::fs::File::create(root.path().join("large")).unwrap().set_len(64 << 20).unwrap();
    root
}

fn start(root: &tempfile::TempDir, limit: usize, options: &[&str]) -> Process {
    // A hard limit, which the program cannot raise.
    let script = format!("ulimit -n {limit} && exec \"$0\" \"$@\"");
    Process::start(program_by_shell(&script, &QUIET), root.path(), options)
}

/// R25.
#[test]
fn more_idle_clients_than_descriptors_do_not_keep_others_out() {
    let root = root();
    let server = start(&root, 64, &["--threads", "1"]);
    let idle: Vec<Client> = (0..200).map(|_| server.connect()).collect();
    for _ in 0..10 {
        assert_eq!(server.connect().get("/").text(), "hello");
    }
    drop(idle);
    assert_eq!(server.connect().get("/").text(), "hello");
}

/// R25.
#[test]
fn several_clients_are_served_at_once_with_few_descriptors() {
    let root = root();
    let server = start(&root, 64, &["--threads", "1", "--send-timeout", "1h"]);
    let mut slow = server.connect();
    slow.send("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
    slow.take(1);
    assert_eq!(server.connect().get("/").text(), "hello");
}

/// R24: Downloads hold all descriptors and nobody is idle: clients have to wait. They are
/// served when others leave, without any new client whose arrival would wake the server.
#[test]
fn clients_that_waited_for_a_descriptor_are_served_without_a_new_one() {
    let root = root();
    // Each has a file of its own: requests for the same one may share what was opened.
    for name in 0..300 {
        std::fs::hard_link(root.path().join("large"), root.path().join(format!("large{name}"))).unwrap();
    }
    let options = ["--threads", "1", "--send-timeout", "1h", "--header-timeout", "3s", "--verbose"];
    let server = start(&root, 256, &options);
    // A head that does not end: its 408 tells the server's own time. It is not idle, so
    // that it need not make room for others.
    let mut clock = server.connect();
    clock.send("G");
    let download = |name| {
        let mut client = server.connect();
        client.send(format!("GET /large{name} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        client
    };
    let mut busy: Vec<Client> = (0..300).map(download).collect();
    busy[0].take(1);
    let mut waiting: Vec<Client> = (0..20).map(|_| server.connect()).collect();
    for client in &mut waiting {
        client.send("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    }
    #[cfg(target_os = "linux")]
    expect_rest(&server, &mut clock);
    #[cfg(not(target_os = "linux"))]
    assert_eq!(clock.answer_to("GET").status, 408);
    drop(busy);
    for client in &mut waiting {
        // Some may have got the last descriptor for themselves, and none for the file.
        assert!(matches!(client.answer_to("GET").status, 200 | 503));
        client.expect_end();
    }
    assert_eq!(server.connect().get("/").text(), "hello");
    drop(waiting);
    server.signal(rustix::process::Signal::TERM);
    let ended = server.end();
    assert!(ended.status.success());
    let counters = ended.stderr.iter().find(|line| line.contains("out of descriptors")).unwrap();
    let times = counters.split("out of descriptors ").nth(1).unwrap().split(' ').next().unwrap();
    let times: u32 = times.parse().unwrap();
    assert!((1..100).contains(&times), "{counters}");
}

/// At the end of the descriptors, with clients in the queue, it waits for a timer. Time
/// on a processor is what `/proc` tells.
#[cfg(target_os = "linux")]
fn expect_rest(server: &Process, clock: &mut Client) {
    let before = server.processor_ticks();
    assert_eq!(clock.answer_to("GET").status, 408);
    let ticks = server.processor_ticks() - before;
    assert!(ticks < 40, "{ticks} hundredths of a second on a processor while nothing happened");
}
