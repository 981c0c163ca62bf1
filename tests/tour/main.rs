//! The tour, docs/tour.md: its steps do what it says of them, and what it shows of them and
//! of the server is there.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod echo;
mod files;
mod page;
#[path = "../serve/harness/start.rs"]
mod start;
mod text;

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use start::started;

/// Longer than anything here takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Long enough for an answer to come, if there was one.
const MOMENT: Duration = Duration::from_millis(300);

/// A step of the tour, which ends with the test.
struct Step {
    child: Child,
    address: String,
}

impl Step {
    fn start(name: &str) -> Step {
        Step::run(Command::new(program(name)).arg("127.0.0.1:0"))
    }

    fn serving(name: &str, folder: &Path) -> Step {
        Step::run(Command::new(program(name)).arg("127.0.0.1:0").arg(folder))
    }

    /// One that can have so many descriptors.
    #[cfg(all(target_os = "linux", not(mio_unsupported_force_poll_poll)))]
    fn with_descriptors(name: &str, most: usize) -> Step {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -n {most}; exec \"$0\" 127.0.0.1:0")]);
        Step::run(command.arg(program(name)))
    }

    fn run(command: &mut Command) -> Step {
        let mut child = started(command.stdout(Stdio::piped()).stderr(Stdio::null()));
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Step { child, address: address.trim_end().to_owned() }
    }

    fn connect(&self) -> Client {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Client { stream: BufReader::new(stream) }
    }

    /// All that comes back for this, when nothing more is said.
    fn ask(&self, input: impl AsRef<[u8]>) -> String {
        let mut client = self.connect();
        client.say(input);
        client.stream.get_ref().shutdown(Shutdown::Write).unwrap();
        String::from_utf8(client.rest()).unwrap()
    }

    /// The answer to one request.
    fn get(&self, target: &str) -> Answer {
        self.request("GET", target)
    }

    fn request(&self, method: &str, target: &str) -> Answer {
        let mut client = self.connect();
        client.say(format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        client.answer(method != "HEAD")
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }
}

/// One who talks to it.
struct Client {
    stream: BufReader<TcpStream>,
}

/// A response, taken apart.
#[derive(Debug, PartialEq)]
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Client {
    fn say(&mut self, input: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(input.as_ref()).unwrap();
    }

    /// So many bytes.
    fn hear(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Everything up to the end.
    fn rest(mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.stream.read_to_end(&mut bytes).unwrap();
        bytes
    }

    fn hears_nothing(&mut self) -> bool {
        self.stream.get_ref().set_read_timeout(Some(MOMENT)).unwrap();
        let heard = self.stream.fill_buf().map(|bytes| bytes.len());
        self.stream.get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
        heard.is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
    }

    /// Reads one response: the head, then as much as it says.
    fn answer(&mut self, with_body: bool) -> Answer {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(self.stream.read_line(&mut head).unwrap() > 0, "it ends after {head:?}");
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Answer { status, head, body: Vec::new() };
        if with_body {
            answer.body = self.hear(answer.field("Content-Length").unwrap().parse().unwrap());
        }
        answer
    }
}

impl Answer {
    fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    fn body(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// An example lies beside the tests' own directory.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).unwrap();
    let path = profile.join("examples").join(name).with_extension(std::env::consts::EXE_EXTENSION);
    assert!(path.exists(), "{} is missing: `cargo build --examples`", path.display());
    path
}
