//! The load generator: what it says of a server is only worth something if it sees every
//! wrong answer and counts what came. (A bench without libtest cannot hold its own tests.)
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[allow(dead_code)]
#[path = "../benches/load/main.rs"]
mod load;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use clap::Parser;

use load::answer::{Answer, Reader};
#[cfg(target_os = "linux")]
use load::cpu::Reading;
use load::histogram::Histogram;
use load::options::Options;
use load::report::Report;
use load::schedule::Schedule;
use load::server::Server;

/// All answers in a text, read in pieces of a size.
fn answers(text: &[u8], size: usize) -> Result<Vec<Answer>, &'static str> {
    let (mut reader, mut answers) = (Reader::default(), Vec::new());
    for mut piece in text.chunks(size) {
        while !piece.is_empty() {
            let (taken, answer) = reader.take(piece)?;
            answers.extend(answer);
            piece = &piece[taken..];
        }
    }
    Ok(answers)
}

const ALL_KINDS: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-LENGTH: 5\r\n\r\nHTTP/\
    HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n\
    HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0\r\n\r\n56789\r\n0\r\nTrailer: 1\r\n\r\n\
    HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n\
    HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx\
    HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx\
    HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nxy";

#[test]
fn an_answer_ends_where_it_says_however_it_comes() {
    let answer = |status, bytes, last| Answer { status, bytes, last };
    let expected = [
        answer(200, 5, false),
        answer(304, 0, false),
        answer(200, 13, false),
        answer(404, 0, false),
        answer(200, 1, true),
        answer(200, 1, false),
        answer(200, 2, true),
    ];
    for size in 1..=ALL_KINDS.len() {
        assert_eq!(answers(ALL_KINDS, size).unwrap(), expected, "in pieces of {size}");
    }
}

#[test]
fn what_is_dropped_unseen_counts_as_read() {
    let mut reader = Reader::default();
    assert_eq!(reader.take(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab"), Ok((41, None)));
    assert_eq!(reader.skippable(), 8);
    assert_eq!(reader.skip(7), None);
    assert_eq!(reader.skip(1), Some(Answer { status: 200, bytes: 10, last: false }));
    assert_eq!(reader.skippable(), 0);
}

#[test]
fn what_is_no_answer_is_refused() {
    for text in [
        "SSH-2.0-server\r\n\r\n",
        "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    ] {
        assert!(answers(text.as_bytes(), 7).is_err(), "{text:?}");
    }
}

#[test]
fn percentiles_are_no_less_than_what_was_seen_and_hardly_more() {
    let mut histogram = Histogram::default();
    assert_eq!(histogram.percentile(0.5), None);
    (1..=1000).for_each(|microseconds| histogram.add(Duration::from_micros(microseconds)));
    for (part, microseconds) in [(0.0, 1.0), (0.5, 500.0), (0.99, 990.0), (0.999, 999.0), (1.0, 1000.0)] {
        let found = histogram.percentile(part).unwrap().as_secs_f64() * 1e6;
        assert!((microseconds..microseconds * 1.016).contains(&found), "{part}: {found}");
    }
    histogram.add(Duration::MAX);
    assert_eq!(histogram.percentile(1.0), Some(Duration::from_nanos(u64::MAX)));
}

#[test]
fn at_a_fixed_rate_what_was_late_is_still_due_at_its_time() {
    let start = Instant::now();
    let mut schedule = Schedule::new(start, Some(1000.0));
    assert_eq!(schedule.next(start), Some(start));
    assert_eq!(schedule.next(start), None);
    // The server stalls for 2.5 ms: two are due, from when they were.
    let later = start + Duration::from_micros(2500);
    assert_eq!(schedule.next(later), Some(start + Duration::from_millis(1)));
    assert_eq!(schedule.next(later), Some(start + Duration::from_millis(2)));
    assert_eq!(schedule.next(later), None);
}

#[test]
fn without_a_rate_everything_is_due_until_there_is_enough() {
    let now = Instant::now();
    let mut schedule = Schedule::new(now, None);
    schedule.end_after(2);
    assert_eq!([schedule.next(now), schedule.next(now), schedule.next(now)], [Some(now), Some(now), None]);
    schedule.replace(1);
    assert_eq!([schedule.next(now), schedule.next(now)], [Some(now), None]);
}

#[test]
#[cfg(target_os = "linux")]
fn processor_time_is_that_of_the_process() {
    let before = Reading::of(std::process::id()).unwrap();
    let mut number = 0_u64;
    // Until the counters have seen it: nothing here is measured against time.
    while Reading::of(std::process::id()).unwrap().since(before) < Duration::from_millis(20) {
        number = std::hint::black_box(number.wrapping_mul(3) + 1);
    }
    assert!(Reading::of(u32::MAX).is_none());
}

fn ask(url: &str, arguments: &str) -> Report {
    ask_with(url, arguments, &[])
}

fn ask_with(url: &str, arguments: &str, fields: &[&str]) -> Report {
    let fields = fields.iter().flat_map(|field| ["-H", field]);
    let options = Options::parse_from(["load"].into_iter().chain(arguments.split_whitespace()).chain(fields));
    load::run::run(url, &options).unwrap()
}

#[test]
fn every_request_to_a_server_is_answered_and_counted() {
    let server = Server::start().unwrap();
    for arguments in
        ["-n 500", "-n 500 -c 1", "-n 500 -c 3 --pipeline 7", "-n 50 -c 5 --close", "-n 50 --rate 10000"]
    {
        let report = ask(server.url(), arguments);
        let expected: u64 = arguments.split(' ').nth(1).unwrap().parse().unwrap();
        assert_eq!((report.requests, report.errors), (expected, 0), "{arguments}: {report:?}");
        assert_eq!(report.reconnects >= 45, arguments.contains("--close"), "{arguments}: {report:?}");
        assert!(report.p50_us <= report.p999_us && report.p50_us > Some(0.0), "{report:?}");
    }
}

/// What the columns of a comparison are measured against answers as a server of files does.
#[test]
#[cfg(target_os = "linux")]
fn the_limit_answers_with_files_parts_codings_and_conditions() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("d")).unwrap();
    for (name, length) in [("a", 1000), ("d/b", 4096), ("page", 5000), ("page.gz", 70)] {
        std::fs::write(root.path().join(name), vec![b'x'; length]).unwrap();
    }
    let listener = mio::net::TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    // It never ends by itself, but with the process.
    std::thread::spawn(move || load::limit::serve(listener, root.path()));
    for (path, arguments, fields) in [
        ("/a", "--length 1000", &[][..]),
        ("/a", "--length 1000 --pipeline 16", &[]),
        ("/a", "--length 1000 --close", &[]),
        ("/d/b", "--length 4096", &[]),
        ("/page", "--length 5000", &[]),
        ("/page", "--length 70", &["Accept-Encoding: gzip"]),
        ("/page", "--length 11 --status 206", &["Range: bytes=20-30"]),
        ("/a", "--length 0 --status 304", &["If-None-Match: x"]),
        ("/c", "--status 404", &[]),
    ] {
        let report = ask_with(&format!("{url}{path}"), &format!("-n 200 -c 5 {arguments}"), fields);
        assert_eq!((report.requests, report.errors), (200, 0), "{path} {fields:?}: {report:?}");
    }
}

#[test]
fn wrong_answers_are_errors() {
    let server = Server::start().unwrap();
    for (arguments, message) in [
        ("--status 206", "status 200 instead of 206"),
        ("--length 1025", "1024 bytes instead of 1025"),
        ("-H Range:bytes=0-9 --status 200", "status 206 instead of 200"),
    ] {
        let report = ask(server.url(), &format!("-n 10 -c 2 {arguments}"));
        assert_eq!((report.requests, report.first_error.as_deref()), (0, Some(message)), "{arguments}");
        assert!(report.errors > 0);
    }
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let options = Options::parse_from(["load", "-n", "10", "-c", "2", "--patience", "0.05"]);
    let error = load::run::run(&url, &options).err().unwrap();
    assert_eq!(error.to_string(), "nothing from the server for 0.05 seconds");
}

#[test]
fn a_body_that_ends_too_early_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let answer = |mut stream: TcpStream| {
        let mut request = [0; 1024];
        assert!(stream.read(&mut request).unwrap() > 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nshort").unwrap();
    };
    let report = std::thread::scope(|scope| {
        scope.spawn(|| (0..100).for_each(|_| answer(listener.accept().unwrap().0)));
        ask(&url, "-n 1 -c 1")
    });
    assert_eq!((report.requests, report.errors), (0, 100));
    assert_eq!(report.first_error.as_deref(), Some("closed before its answer"));
}
