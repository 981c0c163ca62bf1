//! What a request allocates once the server has warmed up: this much, and no more.
//!
//! It drives a connection as the loop would, without sockets, over files on disk. Only on
//! Linux, for other systems look names up in other ways.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs::{self, File};
use std::mem;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serve::clock::Now;
use serve::h1::{Conn, Limits, Service};
use serve::http::events::Listener;
use serve::http::{Answer, Exchange, Handler, Peer, Request, Response, SafePath, Status};
use serve::net::Protocol;
use serve::pool::Job;
use serve::segment::Segment;
use serve::site::derived::Derived;
use serve::site::rules::Rules;
use serve::site::watch::{Change, Hub};
use serve::site::{Cached, Disk, Options, Site};
use serve::sys::Symlinks;

const REQUESTS: u64 = 1000;

/// How often a request allocates whose answer is in memory.
const REMEMBERED: u64 = 0;
/// How often one allocates that nothing is there for, if it is alone in its turn: for the
/// path, and to remember to the end of the turn that neither it nor a page for it is there.
const MISSING: u64 = 6;

/// As Chromium asks, save for what differs from case to case.
const BROWSER: &str = "Connection: keep-alive\r\nCache-Control: max-age=0\r\n\
    sec-ch-ua: \"Chromium\";v=\"142\", \"Not_A Brand\";v=\"99\"\r\nsec-ch-ua-mobile: ?0\r\n\
    sec-ch-ua-platform: \"Linux\"\r\nUpgrade-Insecure-Requests: 1\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8\r\n\
    Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-User: ?1\r\nSec-Fetch-Dest: document\r\n\
    Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n";

/// The site alone, without a log.
struct Bare(Site<Cached<Disk>>);

impl Handler for Bare {
    fn respond(&mut self, request: &Request<'_>, peer: &Peer, now: &Now) -> Answer {
        self.0.respond(request, peer, now)
    }

    fn error(&mut self, status: Status, peer: &Peer, now: &Now) -> Response {
        self.0.error(status, peer, now)
    }

    fn is_logging(&self) -> bool {
        false
    }

    fn log(&mut self, _: &Exchange, _: &Now) {}

    fn notice(&mut self, _: &str, _: &Now) {}

    fn end_of_turn(&mut self, _: &Now) {
        self.0.end_of_turn();
    }
}

/// A connection, and its loop.
struct World {
    service: Service<Bare>,
    conn: Conn<Bare>,
    now: Now,
}

impl World {
    fn new(root: &Path) -> World {
        let files = Cached::new(Disk::new(root, Symlinks::default(), false).unwrap(), 1 << 20);
        // What others would do in the background is done at once.
        let background = |job: Job| {
            job();
            Ok(())
        };
        let derived = Derived::new(1 << 20, Arc::new(background));
        let options = Options { derived, ..Options::default() };
        let site = Site::new(Arc::new(options), files, Arc::new(|line| panic!("{line}")));
        let mut service = Service::new(Bare(site), Limits::default());
        // A second begins, for each has a Date of its own to be written; and it is so late
        // that files which were made just now are settled.
        let now = Now::read();
        let second = Duration::from_secs(now.unix_seconds() + 60);
        let now = now.with_system(SystemTime::UNIX_EPOCH + second);
        let conn = connect(&mut service, &now);
        World { service, conn, now }
    }

    /// Another client comes, and the one before is left alone.
    fn next_client(&mut self) -> Conn<Bare> {
        mem::replace(&mut self.conn, connect(&mut self.service, &self.now))
    }

    /// One request, until all of its response waits to be sent.
    fn ask(&mut self, head: &str) {
        // Each in a turn of its own, so that the disk is asked each time.
        self.now = self.now.later(Duration::from_micros(1));
        self.conn.receive(&mut self.service, head.as_bytes(), &self.now);
        while let Some(work) = self.conn.take_work() {
            let made = work();
            self.conn.work_done(&mut self.service, Ok(made), &self.now);
        }
    }

    /// The client has taken it.
    fn drain(&mut self) {
        let length = self.conn.send_queue().remaining();
        self.conn.sent(&mut self.service, length, &self.now);
        Conn::end_of_turn(&mut self.service, &self.now);
    }

    /// The head of the response, which waits to be sent.
    fn head(&self) -> String {
        let Some(Segment::Bytes(front)) = self.conn.send_queue().front() else { panic!("no head") };
        let text = String::from_utf8_lossy(front);
        text.split_once("\r\n\r\n").map_or(text.to_string(), |(head, _)| head.to_owned())
    }
}

fn connect(service: &mut Service<Bare>, now: &Now) -> Conn<Bare> {
    let (client, listener) = ("127.0.0.1:5000".parse().unwrap(), "127.0.0.1:80".parse().unwrap());
    Conn::open(service, client, listener, now)
}

fn write(path: &Path, content: &[u8]) {
    fs::write(path, content).unwrap();
    let made = SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000);
    File::options().write(true).open(path).unwrap().set_modified(made).unwrap();
}

/// How often each of many requests allocates. Their responses begin with `status`, and
/// have `field`.
fn allocations(target: &str, fields: &str, status: &str, field: &str) -> u64 {
    let directory = tempfile::tempdir().unwrap();
    let content = b"All is well that ends well. ".repeat(36);
    let (small, page) = (&content[..1000], content.repeat(64));
    write(&directory.path().join("small.txt"), small);
    write(&directory.path().join("page.html"), &page);
    write(&directory.path().join("page.txt"), &page);
    write(&directory.path().join("page.html.gz"), &gzip(&page));

    let mut world = World::new(directory.path());
    let mut request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{fields}");
    if status == "304" {
        world.ask(&format!("{request}\r\n"));
        let head = world.head();
        let tag = head.lines().find_map(|line| line.strip_prefix("ETag: ")).unwrap();
        request += &format!("If-None-Match: {tag}\r\n");
        world.drain();
    }
    request += "\r\n";
    for _ in 0..10 {
        world.ask(&request);
        world.drain();
        // What is compressed meanwhile is looked for once a second.
        world.now = world.now.later(Duration::from_secs(1));
    }
    world.ask(&request);
    let head = world.head();
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")) && head.contains(field), "{head}");
    world.drain();
    let counted = allocation_counter::measure(|| {
        for _ in 0..REQUESTS {
            world.ask(&request);
            assert!(!world.conn.send_queue().is_empty());
            world.drain();
        }
    });
    assert_eq!(counted.bytes_current, 0, "{target} leaves something behind: {counted:?}");
    assert_eq!(counted.count_total % REQUESTS, 0, "{target} allocates now and then: {counted:?}");
    counted.count_total / REQUESTS
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut encoder, content).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_small_file() {
    assert_eq!(allocations("/small.txt", "Accept: */*\r\n", "200", "Content-Length: 1000"), REMEMBERED);
}

#[test]
fn a_small_file_for_a_browser() {
    let fields = format!("{BROWSER}Accept-Encoding: gzip, deflate, br, zstd\r\n");
    assert_eq!(allocations("/small.txt", &fields, "200", "Content-Length: 1000"), REMEMBERED);
}

#[test]
fn a_precompressed_sibling() {
    assert_eq!(
        allocations("/page.html", "Accept-Encoding: gzip\r\n", "200", "Content-Encoding: gzip"),
        REMEMBERED
    );
}

#[test]
fn a_file_that_was_compressed_before() {
    let fields = format!("{BROWSER}Accept-Encoding: gzip, deflate, br, zstd\r\n");
    assert_eq!(allocations("/page.txt", &fields, "200", "Content-Encoding: br"), REMEMBERED);
}

#[test]
fn nothing_new() {
    assert_eq!(allocations("/small.txt", BROWSER, "304", "ETag: "), REMEMBERED);
}

#[test]
fn nothing_there() {
    assert_eq!(allocations("/missing.txt", "Accept: */*\r\n", "404", "Content-Type: text/html"), MISSING);
}

/// Sites that come from a program have a hundred of these: for one path, and each for a page.
#[test]
fn a_query_is_read_once_however_many_rules_ask_for_it() {
    let query = "%26&".repeat(1000);
    let path = SafePath::parse("/page.php").unwrap();
    let [one, many] = [1, 100].map(|count| {
        let lines: String = (0..count).map(|id| format!("/page.php id={id} /{id}\n")).collect();
        let (rules, complaints) = Rules::parse(b"", lines.as_bytes());
        assert_eq!(complaints, []);
        allocation_counter::measure(|| assert_eq!(rules.redirect(&path, Some(&query)), None)).count_total
    });
    assert!(one > 1000 && many < one + 1000, "{one} for one rule, {many} for a hundred");
}

/// Nobody is told of any.
struct Nobody;

impl Listener for Nobody {
    fn is_there(&self) -> bool {
        true
    }

    fn tell(self: Box<Self>, _: u64, _: Bytes) {}
}

/// All others of the loop wait meanwhile.
#[test]
fn who_has_missed_more_than_is_told_costs_no_more_than_what_is_told() {
    let hub = Hub::new("/base".to_owned(), SystemTime::UNIX_EPOCH);
    for number in 0..64 {
        hub.tell(Change::Paths((0..250).map(|at| format!("/{number}/{at}")).collect()));
    }
    let listen = |missed| {
        let after = hub.seen() - missed;
        let count = || hub.source().listen(after, Box::new(Nobody));
        allocation_counter::measure(count).count_total
    };
    let (one, all) = (listen(1), listen(64));
    assert!(one < 100 && all < 100, "{one} for one change, {all} for all that are remembered");
}

#[test]
fn a_path_is_put_together_at_once() {
    let bytes = "a/".repeat(4000);
    let counted = allocation_counter::measure(|| drop(SafePath::from_decoded(bytes.as_bytes())));
    assert_eq!(counted.count_total, 1, "{counted:?}");
}

#[test]
fn who_waits_for_the_next_request_holds_nothing_but_itself() {
    let directory = tempfile::tempdir().unwrap();
    write(&directory.path().join("small.txt"), &[b'a'; 1000]);
    let mut world = World::new(directory.path());
    let ask = |world: &mut World| {
        world.ask("GET /small.txt HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert!(world.head().starts_with("HTTP/1.1 200 "));
        world.drain();
    };
    for _ in 0..10 {
        ask(&mut world);
    }
    let mut waiting = Vec::with_capacity(100);
    let counted = allocation_counter::measure(|| {
        for _ in 0..100 {
            waiting.push(world.next_client());
            ask(&mut world);
        }
    });
    // `head` makes a text of each.
    assert_eq!((counted.bytes_current, counted.count_current), (0, 0), "{counted:?}");
    assert_eq!(waiting.len(), 100);
}
