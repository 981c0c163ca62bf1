//! `--watch`: a page hears of what changes, and a stream costs and ends as it should.

use std::fs::{self, File};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use super::harness::process::{Process, program};
use super::harness::{Client, TestServer, write};

/// A stream of events, as a page would ask for it.
struct Stream {
    client: Client,
}

impl Stream {
    /// Listens behind what a page was sent.
    fn open(server: &TestServer, page: &str) -> Stream {
        let address = page.split("data-events=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        Stream::on(server.connect(), address)
    }

    fn on(mut client: Client, address: &str) -> Stream {
        client.send(format!("GET {address} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        let head = client.head();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && !head.contains("Content-Length"), "{head}");
        let mut stream = Stream { client };
        assert_eq!(stream.block(), "retry: 1000\n\n");
        stream
    }

    /// Up to the next empty line.
    fn block(&mut self) -> String {
        let mut block = Vec::new();
        while !block.ends_with(b"\n\n") {
            block.extend(self.client.take(1));
        }
        String::from_utf8(block).unwrap()
    }

    /// The next event that says something.
    fn until(&mut self, wanted: &str) -> String {
        loop {
            let block = self.block();
            if block.contains(wanted) {
                return block;
            }
        }
    }
}

fn page(server: &TestServer, target: &str) -> String {
    server.request("GET", target, "Sec-Fetch-Dest: document\r\n").text().to_owned()
}

/// A server that has begun to watch, a page of it and its stream.
fn watched(options: &[&str]) -> (TestServer, Stream) {
    let server = TestServer::with_files(
        &[("index.html", "<h1>hello"), ("list/a.txt", "a")],
        &[&["--watch"], options].concat(),
    );
    let mut stream = Stream::open(&server, &page(&server, "/"));
    begin(&mut stream, server.directory.path());
    (server, stream)
}

/// Waits until what happens in the folder is heard: before that, it is heard by nobody.
fn begin(stream: &mut Stream, root: &Path) {
    let path = root.join("begin");
    let (heard, is_heard) = channel::<()>();
    let writer = std::thread::spawn(move || {
        for number in 0..600 {
            write(&path.with_extension(number.to_string()), b"");
            if is_heard.recv_timeout(Duration::from_millis(50)) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    });
    stream.until("/begin.");
    drop(heard);
    writer.join().unwrap();
    write(&root.join("begun"), b"");
    stream.until("/begun");
}

#[test]
fn what_changes_is_told_to_every_page_and_the_next_answer_has_it() {
    let (server, mut stream) = watched(&[]);
    let mut others: Vec<Stream> = (0..10).map(|_| Stream::open(&server, &page(&server, "/"))).collect();
    server.write("index.html", "<h1>changed");
    for stream in others.iter_mut().chain([&mut stream]) {
        let event = stream.until("\"/index.html\"");
        assert!(event.starts_with("id: ") && event.contains("\nevent: change\ndata: {"), "{event}");
    }
    assert!(page(&server, "/").starts_with("<h1>changed"));
    drop((stream, others));
    server.stop();
}

#[test]
fn thousands_of_files_at_once_make_one_event() {
    let (server, mut stream) = watched(&[]);
    let hidden = server.directory.path().join(".hidden");
    for number in 0..5000 {
        write(&hidden.join(number.to_string()), b"");
    }
    // Nobody hears of what is hidden; then all of it is there at once.
    fs::rename(&hidden, server.directory.path().join("all")).unwrap();
    let event = stream.until("\"/all\"");
    assert!(event.contains("\"all\":false"), "{event}");
    server.write("last", "");
    assert!(stream.block().contains("\"/last\""), "there was nothing between");
    drop(stream);
    server.stop();
}

#[test]
fn who_was_away_hears_what_it_has_missed_and_who_comes_from_another_server_of_everything() {
    let (server, mut stream) = watched(&[]);
    let before = page(&server, "/");
    server.write("missed.css", "");
    stream.until("missed.css");
    let mut late = Stream::open(&server, &before);
    assert!(late.block().contains("\"/missed.css\""));
    let mut stranger = Stream::open(&server, "data-events=\"/.serve/events?after=1\"");
    assert!(stranger.block().contains("\"all\":true"));
    drop((stream, late, stranger));
    server.stop();
}

/// R26.
#[test]
fn streams_end_in_order_when_the_server_stops() {
    let (server, stream) = watched(&["--grace", "60s"]);
    let others = (0..20).map(|_| Stream::open(&server, &page(&server, "/")));
    let mut streams: Vec<Stream> = others.chain([stream]).collect();
    server.ask_to_stop();
    for stream in &mut streams {
        // No reset, and nothing after the last event.
        let rest = String::from_utf8(stream.client.rest()).unwrap();
        assert!(rest.is_empty() || rest.ends_with("\n\n"), "{rest}");
    }
    drop(streams);
    server.stop();
}

#[test]
fn streams_that_wait_take_no_turns() {
    let (server, stream) = watched(&["--threads", "1"]);
    let streams: Vec<Stream> = (0..200).map(|_| Stream::open(&server, &page(&server, "/"))).collect();
    server.write("event", "");
    for mut other in streams {
        other.until("\"/event\"");
    }
    drop(stream);
    let counters = server.stop();
    // Some for each page, each stream, each event; none for waiting.
    assert!(counters.wakeups < 5000, "{} wake-ups", counters.wakeups);
}

#[test]
fn listings_and_missing_pages_are_told_as_well() {
    let (server, mut stream) = watched(&[]);
    for target in ["/list/", "/missing"] {
        let page = page(&server, target);
        assert!(page.contains("<script src=\"/.serve/watch.js\" data-events="), "{page}");
    }
    let missing = page(&server, "/missing");
    server.write("missing", "found");
    stream.until("\"/missing\"");
    assert!(Stream::open(&server, &missing).block().contains("\"/missing\""));
    drop(stream);
    server.stop();
}

#[test]
fn what_is_reloaded_is_asked_for_whatever_caches_were_told() {
    let (server, stream) = watched(&["--cache", "1h"]);
    server.write("style.css", "p{}");
    assert_eq!(server.get("/style.css").field("cache-control"), Some("no-cache"));
    drop(stream);
    server.stop();
}

/// Else a page that is loaded anew would be the reason to load it anew.
#[test]
fn what_our_own_log_has_more_is_no_change() {
    let root = tempfile::tempdir().unwrap();
    let mut command = program(&["--bind", "127.0.0.1:0", "--log", "combined", "--watch"]);
    command.stdout(File::create(root.path().join("access.log")).unwrap());
    let server = Process::start(command, root.path(), &[]);
    let mut stream = Stream::on(server.connect(), "/.serve/events");
    begin(&mut stream, root.path());
    for number in 0..3 {
        assert_eq!(server.connect().get("/begun").status, 200);
        write(&root.path().join(format!("change{number}")), b"");
        let event = stream.block();
        assert!(event.contains(&format!("\"paths\":[\"/change{number}\"]")), "{event}");
    }
    assert!(fs::read(root.path().join("access.log")).unwrap().len() > 100, "there is something in it");
}

#[test]
fn nothing_of_it_is_there_without_the_option() {
    let server = TestServer::with_files(&[("index.html", "<h1>hello")], &[]);
    assert_eq!(page(&server, "/"), "<h1>hello");
    for target in ["/.serve/events", "/.serve/watch.js"] {
        assert_eq!(server.get(target).status, 404, "{target}");
    }
    server.stop();
}
