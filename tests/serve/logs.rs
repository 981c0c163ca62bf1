//! What the program says of each request, and that saying it never stops the serving
//! (behaviour, section 10; hazards R46, R47).

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::harness::Client;
#[cfg(unix)]
use crate::harness::process::program_by_shell;
use crate::harness::process::{Lines, Process, program};

/// A program whose access log is read by the test.
fn logging(root: &Path, format: &[&str]) -> (Process, Lines) {
    let mut command = program(&["--bind", "127.0.0.1:0", "--threads", "1"]);
    command.stdout(Stdio::piped());
    let mut process = Process::start(command, root, format);
    let lines = process.stdout();
    (process, lines)
}

fn root() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("a.txt"), "hello").unwrap();
    root
}

/// Whether a line is this pattern, where `#` stands for some digits.
fn is_like(line: &str, pattern: &str) -> bool {
    let mut digits = String::new();
    let mut in_number = false;
    for c in line.chars() {
        match (c.is_ascii_digit(), in_number) {
            (true, false) => digits.push('#'),
            (true, true) => {}
            (false, _) => digits.push(c),
        }
        in_number = c.is_ascii_digit();
    }
    digits == pattern
}

#[track_caller]
fn expect_like(line: Option<String>, pattern: &str) {
    let line = line.expect("a line, not the end");
    assert!(is_like(&line, pattern), "{line}\nis not like\n{pattern}");
}

/// The name of a month is the only word in it that changes.
fn without_month(line: Option<String>) -> String {
    let line = line.expect("a line, not the end");
    let month = line.split('/').nth(1).filter(|month| month.len() == 3).unwrap_or_else(|| panic!("{line}"));
    line.replacen(month, "Mon", 1)
}

#[test]
fn combined_is_what_programs_get_by_default() {
    let root = root();
    let (server, mut lines) = logging(root.path(), &[]);
    let mut client = server.connect();
    client.send(
        "GET /a.txt?x=1 HTTP/1.1\r\nHost: localhost\r\nUser-Agent: tester/x\r\nReferer: http://h/\r\n\r\n",
    );
    assert_eq!(client.answer_to("GET").text(), "hello");
    let line = without_month(lines.next());
    assert!(line.contains("\" 200 5 \""), "{line}");
    expect_like(
        Some(line),
        "#.#.#.# - - [#/Mon/#:#:#:# +#] \"GET /a.txt?x=# HTTP/#.#\" # # \"http://h/\" \"tester/x\" #.# complete",
    );
    client.send("HEAD /missing HTTP/1.0\r\n\r\n");
    assert_eq!(client.answer_to("HEAD").status, 404);
    let line = without_month(lines.next());
    assert!(line.contains("\" 404 0 \""), "{line}");
    expect_like(
        Some(line),
        "#.#.#.# - - [#/Mon/#:#:#:# +#] \"HEAD /missing HTTP/#.#\" # # \"-\" \"-\" #.# complete",
    );
}

#[test]
fn json_is_an_object_on_each_line() {
    let root = root();
    let (server, mut lines) = logging(root.path(), &["--log", "json"]);
    let mut client = server.connect();
    let address = client.stream.local_addr().unwrap();
    client.send("GET /a.txt HTTP/1.1\r\nHost: localhost\r\nUser-Agent: \"tester\"\r\n\r\n");
    client.answer_to("GET");
    let object: Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
    let expected = [
        ("client", Value::from(address.to_string())),
        ("request", "GET /a.txt HTTP/1.1".into()),
        ("status", 200.into()),
        ("bytes", 5.into()),
        ("complete", true.into()),
        ("referer", Value::Null),
        ("user_agent", r"\x22tester\x22".into()),
    ];
    for (name, value) in expected {
        assert_eq!(object[name], value, "{name} of {object}");
    }
    assert!(object["seconds"].as_f64().is_some_and(|seconds| (0.0..60.0).contains(&seconds)), "{object}");
    assert!(is_like(object["time"].as_str().unwrap(), "#-#-#T#:#:#.#Z"), "{object}");
    assert_eq!(object.as_object().unwrap().len(), 9, "{object}");
}

#[test]
fn short_is_for_people_and_plain_where_no_terminal_is() {
    let root = root();
    let (server, mut lines) = logging(root.path(), &["--log", "short"]);
    server.connect().get("/a.txt");
    expect_like(lines.next(), "#:#:# #.#.#.# # GET /a.txt # B #.# ms");
}

/// An end by a signal writes what waits; elsewhere than on Unix there is no way to send
/// one to this program alone.
#[cfg(unix)]
#[test]
fn off_is_silence_and_otherwise_all_is_written_at_the_end() {
    let root = root();
    for (format, expected) in [("off", 0), ("combined", 500), ("json", 500), ("short", 500)] {
        let (server, lines) = logging(root.path(), &["--log", format]);
        let mut client = server.connect();
        client.send("GET /a.txt HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(500));
        (0..500).for_each(|_| assert_eq!(client.answer_to("GET").text(), "hello"));
        server.signal(rustix::process::Signal::TERM);
        assert!(server.end().status.success());
        assert_eq!(lines.count(), expected, "{format}");
    }
}

/// One line for each response, in the order in which they ended, whatever their kind.
#[test]
fn every_response_has_its_line_even_to_what_is_no_request() {
    let root = root();
    let (server, mut lines) = logging(root.path(), &["--log", "json"]);
    let mut client = server.connect();
    let get = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client
        .send([get("/a.txt"), get("/"), get("/missing"), get("/../.."), "nonsense\r\n\r\n".into()].concat());
    client.half_close();
    client.rest();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap()).unwrap();
    let seen: Vec<Value> = (0..5).map(|_| next()).collect();
    let statuses: Vec<&Value> = seen.iter().map(|object| &object["status"]).collect();
    assert_eq!(statuses, [200, 200, 404, 400, 400]);
    assert_eq!(seen[4]["request"], "nonsense");
}

/// What was really sent, and that it was not all: of a download that the client breaks off.
#[test]
fn a_broken_download_is_logged_as_cut_with_the_bytes_that_were_sent() {
    const SIZE: u64 = 64 << 20;
    let root = root();
    std::fs::File::create(root.path().join("large")).unwrap().set_len(SIZE).unwrap();
    for (format, read) in [("json", 1_000_000), ("combined", 10_000_000)] {
        let (server, mut lines) = logging(root.path(), &["--log", format]);
        let mut client = server.connect();
        client.send("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
        client.take(read);
        drop(client);
        let line = lines.next().unwrap();
        let bytes = if format == "json" {
            let object: Value = serde_json::from_str(&line).unwrap();
            assert_eq!((&object["status"], &object["complete"]), (&200.into(), &false.into()));
            object["bytes"].as_u64().unwrap()
        } else {
            assert!(line.ends_with(" cut"), "{line}");
            line.split("\" 200 ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap()
        };
        // At least what was read besides the head, and not all.
        assert!(bytes > read as u64 - 1000 && bytes < SIZE, "{line}");
    }
}

/// R46: No request can forge a line, or tell a terminal what to do.
#[test]
fn what_clients_send_is_escaped() {
    let root = root();
    for format in ["combined", "json", "short"] {
        let (server, mut lines) = logging(root.path(), &["--log", format]);
        let mut client = server.connect();
        client.send(b"GET /%0a%1b[2J HTTP/1.1\r\nHost: localhost\r\nReferer: a\tb\r\n");
        client.send(b"User-Agent: \xc2\x9b31m \\ \" \xff \xe2\x80\xae end\r\n\r\n");
        assert_eq!(client.answer_to("GET").status, 404);
        let line = lines.next().unwrap();
        assert!(line.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{line}");
        // JSON escapes the backslash once more.
        let line = line.replace(r"\\", r"\");
        assert!(line.contains("GET /%0a%1b[2J"), "{line}");
        if format != "short" {
            assert!(line.contains(r"\xC2\x9B31m \x5C \x22 \xFF \xE2\x80\xAE end"), "{line}");
            assert!(line.contains(r"a\x09b"), "{line}");
        }
    }
}

/// Thousands of requests, which fill a pipe many times over.
fn serves_thousands(server: &Process) {
    let request =
        format!("GET /a.txt HTTP/1.1\r\nHost: localhost\r\nUser-Agent: {}\r\n\r\n", "x".repeat(900));
    let mut client: Client = server.connect();
    for _ in 0..100 {
        client.send(request.repeat(50));
        for _ in 0..50 {
            assert_eq!(client.answer_to("GET").text(), "hello");
        }
    }
}

/// R47: A log that nobody reads: the pipe is full after the first hundred lines.
#[test]
fn a_reader_that_stops_does_not_stop_the_serving() {
    let root = root();
    let mut command = program(&["--bind", "127.0.0.1:0"]);
    command.stdout(Stdio::piped());
    let server = Process::start(command, root.path(), &[]);
    serves_thousands(&server);
    assert!(server.child.stdout.is_some(), "nobody has read");
    #[cfg(unix)]
    {
        // Nor does it stop the stopping.
        server.signal(rustix::process::Signal::TERM);
        assert!(server.end().status.success());
    }
}

/// R47.
#[test]
fn a_reader_that_goes_away_does_not_stop_the_serving() {
    let root = root();
    let (server, lines) = logging(root.path(), &[]);
    server.connect().get("/a.txt");
    // It is closed when the next line comes.
    drop(lines);
    serves_thousands(&server);
}

/// R47: A disk that is full, as Linux plays it.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_does_not_stop_the_serving() {
    let root = root();
    let mut command = program(&["--bind", "127.0.0.1:0", "--verbose"]);
    command.stdout(std::fs::File::options().write(true).open("/dev/full").unwrap());
    let server = Process::start(command, root.path(), &[]);
    serves_thousands(&server);
    server.signal(rustix::process::Signal::TERM);
    let ended = server.end();
    assert!(ended.status.success());
    let last = ended.stderr.last().unwrap();
    assert!(last.ends_with("; 5000 log lines dropped"), "{last}");
}

/// Started without a standard output at all, as some supervisors do.
#[cfg(unix)]
#[test]
fn no_standard_output_is_no_trouble() {
    let root = root();
    let mut shell = program_by_shell("exec \"$0\" \"$@\" >&-", &["--bind", "127.0.0.1:0"]);
    shell.stdout(Stdio::inherit());
    let server = Process::start(shell, root.path(), &[]);
    serves_thousands(&server);
}
