//! `--slow`, `--limit-rate` and `--fail`: a bad network on purpose. Times are held from below
//! only, for a busy machine may always be slower.

use std::process::Stdio;
use std::time::{Duration, Instant};

use super::harness::process::{Process, program, run};
use super::harness::{Client, TestServer, under_wine};

/// A request whose answer is all that comes.
const GET_AND_CLOSE: &str = "GET /file HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// How long at least so many bytes take at a rate, where a tenth of a second is a burst.
fn at_least(bytes: usize, rate: u64) -> Duration {
    Duration::from_secs_f64(bytes as f64 / rate as f64 - 0.1)
}

/// Takes whole answers, and says how long they were.
fn take_all(client: &mut Client) -> usize {
    client.rest().len()
}

#[test]
fn a_download_takes_the_time_that_its_rate_says() {
    let server = TestServer::with_files(&[("file", &"x".repeat(300_000))], &["--limit-rate", "500kB/s"]);
    let begun = Instant::now();
    let mut client = server.connect();
    client.send(GET_AND_CLOSE);
    let length = take_all(&mut client);
    assert!(length > 300_000 && begun.elapsed() >= at_least(length, 500_000), "{:?}", begun.elapsed());
    server.stop();
}

#[test]
fn each_connection_has_the_rate_for_itself_and_all_get_all() {
    let server = TestServer::with_files(
        &[("file", &"x".repeat(100_000))],
        &["--limit-rate", "200kB", "--threads", "1"],
    );
    let begun = Instant::now();
    let mut clients: Vec<Client> = (0..50).map(|_| server.connect()).collect();
    clients.iter_mut().for_each(|client| client.send(GET_AND_CLOSE));
    for client in &mut clients {
        assert!(take_all(client) > 100_000);
    }
    assert!(begun.elapsed() >= at_least(100_000, 200_000));
    let counters = server.stop();
    assert_eq!((counters.stalled, counters.panics), (0, 0));
    // Twenty looks at the deadlines in a second, and not one for each connection: that the
    // loop does not spin shows here.
    let seconds = begun.elapsed().as_secs() + 1;
    assert!(counters.wakeups < 2_000 * seconds, "{} wake-ups in {seconds} s", counters.wakeups);
}

#[test]
fn requests_on_a_kept_connection_share_its_rate() {
    let server = TestServer::with_files(&[("file", &"x".repeat(50_000))], &["--limit-rate", "200kB"]);
    let (begun, mut client) = (Instant::now(), server.connect());
    for _ in 0..3 {
        assert_eq!(client.get("/file").body.len(), 50_000);
    }
    assert!(begun.elapsed() >= at_least(150_000, 200_000));
    server.stop();
}

/// R17: who is slow because we hold it back is not stalled.
#[test]
fn the_send_timeout_does_not_count_while_we_hold_somebody_back() {
    // A step of this rate takes longer than the timeout.
    let options = ["--limit-rate", "2kB", "--send-timeout", "50ms"];
    let server = TestServer::with_files(&[("file", &"x".repeat(4_000))], &options);
    let mut client = server.connect();
    client.send(GET_AND_CLOSE);
    assert!(take_all(&mut client) > 4_000);
    server.stop();
}

/// R17.
#[test]
fn who_does_not_read_is_cut_off_though_it_is_limited() {
    let options = ["--limit-rate", "1GB", "--send-timeout", "300ms", "--header-timeout", "2s"];
    let server = TestServer::start(&options);
    std::fs::File::create(server.write("large", "")).unwrap().set_len(64 << 20).unwrap();
    let mut client = server.connect();
    client.send("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client.take(1);
    // Two seconds go by, by the server's own time.
    server.connect().expect_timeout();
    client.expect_reset();
    server.stop();
}

#[test]
fn who_stops_lets_limited_downloads_end() {
    let server = TestServer::with_files(&[("file", &"x".repeat(60_000))], &["--limit-rate", "100kB"]);
    let mut client = server.connect();
    client.send("GET /file HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client.take(1);
    server.ask_to_stop();
    assert!(take_all(&mut client) > 60_000 - 1);
    server.stop();
}

#[test]
fn each_answer_is_late_also_those_to_pipelined_requests() {
    let server = TestServer::with_files(&[("a", "a"), ("b", "b")], &["--slow", "150ms"]);
    let (begun, mut client) = (Instant::now(), server.connect());
    assert_eq!(client.get("/a").text(), "a");
    assert!(begun.elapsed() >= Duration::from_millis(150));
    let begun = Instant::now();
    let request = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client.send(request("/a") + &request("/b") + &request("/missing"));
    let statuses = [(); 3].map(|()| client.answer_to("GET").status);
    assert_eq!(statuses, [200, 200, 404]);
    assert!(begun.elapsed() >= Duration::from_millis(450));
    server.stop();
}

/// A latency is longer than a timeout, and is none.
#[test]
fn no_timeout_ends_who_waits_for_a_late_answer() {
    let timeouts = ["--idle-timeout", "100ms", "--header-timeout", "100ms", "--send-timeout", "100ms"];
    let options: Vec<&str> = ["--slow", "400ms"].into_iter().chain(timeouts).collect();
    let server = TestServer::with_files(&[("a", "a")], &options);
    assert_eq!(server.get("/a").text(), "a");
    server.stop();
}

#[test]
fn as_many_requests_fail_as_were_asked_for_half_of_them_in_each_way() {
    let server = TestServer::with_files(&[("file", &"x".repeat(1_000))], &["--fail", "40%", "--cors"]);
    let (mut answered, mut unavailable, mut cut) = (0, 0, 0);
    for _ in 0..400 {
        let mut client = server.connect();
        client.send(GET_AND_CLOSE.replace("Connection", "Origin: http://a.example\r\nConnection"));
        let mut wire = Vec::new();
        let ended = std::io::Read::read_to_end(&mut client.stream, &mut wire);
        let wire = String::from_utf8(wire).unwrap();
        if wire.starts_with("HTTP/1.1 503 ") {
            unavailable += 1;
            for field in ["Retry-After: 1", "Server-Timing: fail;", "Access-Control-Allow-Origin: *"] {
                assert!(wire.contains(field), "{wire}");
            }
        } else if wire.ends_with(&"x".repeat(1_000)) {
            answered += 1;
        } else {
            // How much of the half arrives before the reset is the system's choice.
            let is_cut = ended.is_err() || wire.is_empty() || under_wine();
            assert!(wire.len() < 1_000 && is_cut, "{wire}");
            cut += 1;
        }
    }
    assert_eq!(answered + unavailable + cut, 400);
    // Four times the deviation that chance has: it is off by more once in twenty thousand times.
    assert!((200..280).contains(&answered), "{answered} answered");
    assert!(unavailable > 40 && cut > 40, "{unavailable} times 503, {cut} cut");
    server.stop();
}

#[test]
fn what_is_done_on_purpose_is_said() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("a"), "a").unwrap();
    let options = ["--slow", "3g", "--limit-rate", "50kB", "--fail", "2.5"];
    let server = Process::serve(root.path(), &options);
    let line = "slowed: each answer 100ms late, 50.0 kB/s for each connection; 2.5 % of requests fail";
    assert!(server.banner.iter().any(|said| said.contains(line)), "{:?}", server.banner);
    let mut explain = program(&["--explain", "/a", "--root"]);
    let explained = explain.arg(root.path()).args(options).stdout(Stdio::piped()).output().unwrap();
    let explained = String::from_utf8(explained.stdout).unwrap();
    assert!(explained.contains(line) && explained.contains("200 OK"), "{explained}");
}

#[test]
fn wrong_values_are_one_line_and_code_2() {
    for (options, part) in [
        (["--fail", "120"], "0 to 100"),
        (["--fail", "half"], "0 to 100"),
        (["--slow", "5g"], "2g, 3g or 4g"),
        (["--slow", "2m"], "a minute"),
        (["--limit-rate", "0"], "more than none"),
        (["--limit-rate", "fast"], "like 500kB"),
    ] {
        let ended = run(&options);
        assert_eq!((ended.status.code(), ended.stderr.len()), (Some(2), 1), "{options:?}");
        assert!(ended.stderr[0].contains(part), "{options:?}: {:?}", ended.stderr);
    }
}
