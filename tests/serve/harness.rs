//! A server of its own for each test, and a client that believes nothing.
//!
//! Servers run in this process on a port that the system chose, over a directory
//! that is removed afterwards. Reads have a timeout, so that a test fails instead of
//! hanging; none of them waits for time to pass.

#[cfg(target_os = "linux")]
pub mod filter;
#[allow(dead_code, reason = "some of it is for some systems only")]
pub mod process;
pub mod start;

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use serve::config::Config;
use serve::h1::Made;
use serve::net::{Counters, Remote};
use serve::server::Server;
use tempfile::TempDir;

/// Longer than anything here takes, even on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Sun, 06 Nov 1994 08:49:37 GMT, and a little: the date of RFC 9110 §5.6.7.
pub const SETTLED: Duration = Duration::from_millis(784_111_777_500);

/// A running server and its root.
pub struct TestServer {
    pub address: SocketAddr,
    pub directory: TempDir,
    remotes: Vec<Remote<Made>>,
    thread: Option<JoinHandle<std::io::Result<Counters>>>,
}

impl TestServer {
    /// Serves an empty directory, with these options besides `--bind` and `--root`.
    pub fn start(options: &[&str]) -> TestServer {
        TestServer::start_in(tempfile::tempdir().unwrap(), "", options)
    }

    /// The same with some files: (path, content).
    pub fn with_files(files: &[(&str, &str)], options: &[&str]) -> TestServer {
        let directory = tempfile::tempdir().unwrap();
        for (path, content) in files {
            write(&directory.path().join(path), content.as_bytes());
        }
        TestServer::start_in(directory, "", options)
    }

    /// Serves what lies under `root` of a directory, which may be a file.
    pub fn start_in(directory: TempDir, root: &str, options: &[&str]) -> TestServer {
        let root = if root.is_empty() { directory.path().to_path_buf() } else { directory.path().join(root) };
        let mut arguments: Vec<OsString> = vec!["--root".into(), root.into(), "--quiet".into()];
        if !options.contains(&"--bind") {
            arguments.extend(["--bind".into(), "127.0.0.1:0".into()]);
        }
        if !options.contains(&"--threads") {
            arguments.extend(["--threads".into(), "2".into()]);
        }
        arguments.extend(options.iter().map(OsString::from));
        let config = Config::from_args(arguments).unwrap_or_else(|exit| panic!("{}", exit.message));
        let server = Server::bind(config).unwrap_or_else(|exit| panic!("{}", exit.message));
        let address = server.addresses()[0];
        let remotes = server.remotes();
        let thread = Some(std::thread::spawn(move || server.run()));
        TestServer { address, directory, remotes, thread }
    }

    /// Writes a file beneath the root.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.directory.path().join(path);
        write(&path, content.as_ref());
        path
    }

    /// A new connection.
    pub fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// One GET on a connection of its own.
    pub fn get(&self, target: &str) -> Answer {
        self.request("GET", target, "")
    }

    /// One request on a connection of its own; `fields` are whole lines with CR LF.
    pub fn request(&self, method: &str, target: &str, fields: &str) -> Answer {
        let mut client = self.connect();
        client.send(format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n"));
        client.answer_to(method)
    }

    /// Sends these bytes and no more, and expects the answers to these methods, then the end.
    pub fn exchange(&self, bytes: impl AsRef<[u8]>, methods: &[&str]) -> Vec<Answer> {
        let mut client = self.connect();
        client.send(bytes);
        client.half_close();
        let answers = methods.iter().map(|method| client.answer_to(method)).collect();
        client.expect_end();
        answers
    }

    /// Gives a file beneath the root a time in the past, so that its tag is strong.
    pub fn settle(&self, path: &str) {
        set_modified(&self.directory.path().join(path), SystemTime::UNIX_EPOCH + SETTLED);
    }

    /// Asks all loops to stop, once.
    pub fn ask_to_stop(&self) {
        for remote in &self.remotes {
            remote.stop().unwrap();
        }
    }

    /// Stops, and checks that nothing was left behind.
    pub fn stop(mut self) -> Counters {
        self.ask_to_stop();
        self.join()
    }

    /// Waits for the end of a server that was asked to stop.
    pub fn join(&mut self) -> Counters {
        let counters = self.thread.take().unwrap().join().unwrap().unwrap();
        assert_eq!(counters.accepted, counters.closed, "connections leaked");
        assert_eq!(counters.panics, 0, "a turn panicked");
        assert_eq!(counters.stalled, 0, "a connection got stuck");
        counters
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if self.thread.is_some() && !std::thread::panicking() {
            // Twice is at once: whatever the test left open is its own affair.
            self.ask_to_stop();
            self.ask_to_stop();
            self.join();
        }
    }
}

/// Fails, for a test that cannot be run in full must not pass for one that was; unless
/// that is wanted, as README.md says.
#[cfg(unix)]
pub fn skip(why: &str) {
    let allowed = std::env::var_os("SERVE_TESTS_ALLOW_SKIP").is_some_and(|value| value == "1");
    assert!(allowed, "{why}; SERVE_TESTS_ALLOW_SKIP=1 lets this pass");
    println!("skipped: {why}");
}

/// Whether this is Windows as Wine makes it: its programs see the end of a connection
/// where Windows shows a reset, and it finds no final path beyond 260 characters.
pub fn under_wine() -> bool {
    cfg!(windows) && std::env::var_os("WINELOADER").is_some()
}

/// Writes a file, and the directories above it.
pub fn write(path: &Path, content: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// Sets the time of a file's last modification.
pub fn set_modified(path: &Path, time: SystemTime) {
    std::fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

/// A response, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of a field that must not be there twice.
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut values = self.fields.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name));
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} twice in {self:?}");
        value
    }

    /// The same without what the clock says.
    pub fn undated(mut self) -> Answer {
        self.fields.retain(|(name, _)| name != "Date");
        self
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// One connection.
pub struct Client {
    pub stream: TcpStream,
    /// What was read and is not used yet.
    buffer: Vec<u8>,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Client { stream, buffer: Vec::new() }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// A GET that keeps the connection alive.
    pub fn get(&mut self, target: &str) -> Answer {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        self.answer_to("GET")
    }

    /// Waits until the server's own time is over: that of `--header-timeout`, for a head
    /// that does not end.
    pub fn expect_timeout(&mut self) {
        self.send("G");
        assert_eq!(self.answer_to("GET").status, 408);
    }

    /// Says that no more will be sent.
    pub fn half_close(&mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// The next response to a request of that method.
    pub fn answer_to(&mut self, method: &str) -> Answer {
        let head = self.head();
        let mut lines = head.split("\r\n");
        let status_line = lines.next().unwrap();
        assert!(status_line.starts_with("HTTP/1.1 "), "{status_line}");
        let status = status_line[9..12].parse().unwrap();
        let field = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("no field: {line:?}"));
            (name.to_owned(), value.to_owned())
        };
        let fields = lines.filter(|line| !line.is_empty()).map(field).collect();
        let mut answer = Answer { status, fields, body: Vec::new() };
        let length = answer.field("content-length").map_or(0, |length| length.parse().unwrap());
        if method != "HEAD" {
            answer.body = self.take(length);
        }
        answer
    }

    /// The next head; what follows is left.
    pub fn head(&mut self) -> String {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = self.take(end + 4);
                return String::from_utf8(head).unwrap();
            }
            assert!(self.more() > 0, "ended within a head: {:?}", String::from_utf8_lossy(&self.buffer));
        }
    }

    /// Exactly so many bytes.
    pub fn take(&mut self, length: usize) -> Vec<u8> {
        while self.buffer.len() < length {
            assert!(self.more() > 0, "ended {} bytes early", length - self.buffer.len());
        }
        let rest = self.buffer.split_off(length);
        std::mem::replace(&mut self.buffer, rest)
    }

    /// Up to so many bytes, at least one: for bodies that no memory holds.
    #[cfg(unix)]
    pub fn take_some(&mut self, most: usize) -> Vec<u8> {
        if self.buffer.is_empty() {
            assert!(self.more() > 0, "ended early");
        }
        let rest = self.buffer.split_off(most.min(self.buffer.len()));
        std::mem::replace(&mut self.buffer, rest)
    }

    fn more(&mut self) -> usize {
        let mut chunk = [0; 64 * 1024];
        let count = self.stream.read(&mut chunk).unwrap();
        self.buffer.extend_from_slice(&chunk[..count]);
        count
    }

    /// Everything up to the server's end of stream.
    pub fn rest(&mut self) -> Vec<u8> {
        while self.more() > 0 {}
        std::mem::take(&mut self.buffer)
    }

    /// Checks that the server closes now, in order, having said nothing more.
    pub fn expect_end(&mut self) {
        assert_eq!(String::from_utf8_lossy(&self.rest()), "");
    }

    /// Checks that the connection is reset, whatever comes before.
    pub fn expect_reset(&mut self) {
        let mut chunk = [0; 64 * 1024];
        loop {
            match self.stream.read(&mut chunk) {
                Ok(0) if under_wine() => return,
                Ok(0) => panic!("an orderly end, not a reset"),
                Ok(_) => {}
                Err(error) => return assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
            }
        }
    }
}
