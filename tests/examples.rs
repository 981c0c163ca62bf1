//! The examples, run as a reader would: the client talks to the echo server, and to
//! the web server.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "serve/harness/start.rs"]
mod start;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use start::started;

/// Longer than anything here takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// An example lies beside the tests' own directory.
fn example(name: &str) -> Command {
    let test = std::env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).unwrap();
    let path: PathBuf = [profile, "examples".as_ref(), name.as_ref()].iter().collect();
    let path = path.with_extension(std::env::consts::EXE_EXTENSION);
    assert!(
        path.exists(),
        "{} is missing; `cargo test` makes it, or `cargo build --examples`",
        path.display()
    );
    Command::new(path)
}

/// A server that ends with the test.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn echo() -> Server {
        let mut child = started(example("echo").arg("127.0.0.1:0").stdout(Stdio::piped()));
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Server { child, address: address.trim_end().to_owned() }
    }

    fn web(root: &std::path::Path) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_serve"));
        command.args(["--bind", "127.0.0.1:0", "--log", "off", "--root"]).arg(root);
        let mut child = started(command.stderr(Stdio::piped()));
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let url = lines
            .map(Result::unwrap)
            .find_map(|line| Some(line.trim().strip_prefix("http://")?.split(['/', ' ']).next()?.to_owned()));
        Server { child, address: url.unwrap() }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// What the client prints when it is given this to send.
    fn ask(&self, input: &[u8]) -> Vec<u8> {
        let mut client =
            started(example("client").arg(&self.address).stdin(Stdio::piped()).stdout(Stdio::piped()));
        client.stdin.take().unwrap().write_all(input).unwrap();
        let mut printed = Vec::new();
        client.stdout.take().unwrap().read_to_end(&mut printed).unwrap();
        assert!(client.wait().unwrap().success());
        printed
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn lines_come_back_reversed() {
    let echo = Server::echo();
    assert_eq!(echo.ask(b"abc\n\nhello, world\n"), b"cba\n\ndlrow ,olleh\n");
    assert_eq!(echo.ask(b"one\nwithout an end"), b"eno\ndne na tuohtiw");
    assert_eq!(echo.ask(b""), b"");
}

#[test]
fn a_web_page_is_printed() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("index.html"), "<p>hello").unwrap();
    let web = Server::web(root.path());
    let printed = String::from_utf8(web.ask(b"GET / HTTP/1.0\r\n\r\n")).unwrap();
    assert!(printed.starts_with("HTTP/1.1 200 OK\r\n"), "{printed}");
    assert!(printed.ends_with("\r\n\r\n<p>hello"), "{printed}");
}

#[test]
fn the_client_ends_when_the_server_does() {
    let root = tempfile::tempdir().unwrap();
    let web = Server::web(root.path());
    let mut command = example("client");
    command.arg(&web.address).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut client = started(&mut command);
    // It may still be asked for more: its input stays open.
    client.stdin.as_mut().unwrap().write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    let printed = read_all(client.stdout.take().unwrap());
    assert!(printed.contains("200 OK"), "{printed}");
    assert!(client.wait().unwrap().success());
}

fn read_all(mut stdout: ChildStdout) -> String {
    let mut text = String::new();
    stdout.read_to_string(&mut text).unwrap();
    text
}

/// Far more than any buffer on the way holds: the server has to stop reading until its
/// answers are taken, and lose none of them.
#[test]
fn the_echo_of_much_is_all_of_it() {
    let echo = Server::echo();
    let line = |n: usize| format!("{n:06}{}", "x".repeat(n % 300));
    let lines: Vec<String> = (0..100_000).map(line).collect();
    let expected: Vec<String> = lines.iter().map(|line| line.chars().rev().collect()).collect();
    let mut stream = echo.connect();
    let mut sending = stream.try_clone().unwrap();
    let text = lines.join("\n") + "\n";
    let sender = std::thread::spawn(move || {
        sending.write_all(text.as_bytes()).unwrap();
        sending.shutdown(Shutdown::Write).unwrap();
    });
    let mut echoed = String::new();
    stream.read_to_string(&mut echoed).unwrap();
    sender.join().unwrap();
    assert!(echoed == expected.join("\n") + "\n", "{} bytes came back", echoed.len());
}

#[test]
fn a_line_without_end_is_cut_off_and_nobody_else_notices() {
    let echo = Server::echo();
    let mut stream = echo.connect();
    let chunk = [b'x'; 64 * 1024];
    // The error is the reset: it comes while writing, or else when reading.
    let sent = (0..64).try_for_each(|_| stream.write_all(&chunk));
    let ended = sent.and_then(|()| stream.read(&mut [0; 1]));
    assert!(ended.is_err(), "{ended:?}");
    assert_eq!(echo.ask(b"ab\n"), b"ba\n");
}
