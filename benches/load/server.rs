//! The server of this package, started for `cargo bench` alone, with one file of 1 KiB.

use std::io::{self, BufRead, BufReader, Error};
use std::process::{Child, ChildStderr, Command, Stdio};

/// Ends with the value.
pub struct Server {
    child: Child,
    /// Kept open, for what it has to say later.
    messages: Option<BufReader<ChildStderr>>,
    url: String,
    _root: tempfile::TempDir,
}

impl Server {
    pub fn start() -> io::Result<Server> {
        let root = tempfile::tempdir()?;
        std::fs::write(root.path().join("1k.bin"), [b'x'; 1024])?;
        let child = Command::new(env!("CARGO_BIN_EXE_serve"))
            .args(["--bind", "127.0.0.1:0", "--threads", "1", "--log", "off", "--root"])
            .arg(root.path())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut server = Server { child, messages: None, url: String::new(), _root: root };
        let messages = server.child.stderr.take().ok_or_else(|| Error::other("no start message"))?;
        let messages = server.messages.insert(BufReader::new(messages));
        let mut line = String::new();
        while messages.read_line(&mut line)? > 0 {
            if line.trim_start().starts_with("http://") {
                server.url = format!("{}1k.bin", line.trim().split(' ').next().unwrap_or_default());
                return Ok(server);
            }
            line.clear();
        }
        Err(Error::other("the server did not start"))
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
