//! A server as a part of another program: a test that needs files over HTTP, a tool that shows
//! its report.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::Server;
use super::ending::Ending;
use crate::config::{Command, Config, Exit};
use crate::net::Counters;

/// What a server is to be like; see [`Server::builder`].
#[derive(Clone, Debug)]
pub struct Builder {
    bind: Option<String>,
    arguments: Vec<OsString>,
}

impl Server {
    /// A server with the options of the command line, for this machine only and on a port
    /// that the system chooses, without an access log. The environment is not asked.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::{Read, Write};
    /// use serve::server::Server;
    ///
    /// let folder = tempfile::tempdir()?;
    /// std::fs::write(folder.path().join("hello.txt"), "hello")?;
    ///
    /// let server = Server::builder().root(folder.path()).option("--cors").start()?;
    ///
    /// let mut client = std::net::TcpStream::connect(server.addresses()[0])?;
    /// client.write_all(b"GET /hello.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    /// let mut answer = String::new();
    /// client.read_to_string(&mut answer)?;
    /// assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello"));
    ///
    /// server.stop()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn builder() -> Builder {
        Builder { bind: None, arguments: vec!["--quiet".into()] }
    }
}

impl Builder {
    /// What to share: a folder or one file. Without it the current folder.
    #[must_use]
    pub fn root(mut self, path: impl AsRef<Path>) -> Builder {
        self.arguments.extend(["--root".into(), path.as_ref().into()]);
        self
    }

    /// Where to listen, as `--bind` has it: `[::1]:8000`, `:8000` for all interfaces. Can be
    /// given once; more come as [options](Builder::option_with).
    #[must_use]
    pub fn bind(self, bind: &str) -> Builder {
        Builder { bind: Some(bind.to_owned()), ..self }
    }

    /// An option of the command line without a value, like `--hidden`.
    #[must_use]
    pub fn option(mut self, name: &str) -> Builder {
        self.arguments.push(name.into());
        self
    }

    /// An option of the command line with its value, like `--header` and `X-Test: 1`.
    #[must_use]
    pub fn option_with(mut self, name: &str, value: impl Into<OsString>) -> Builder {
        let mut argument = OsString::from(name);
        argument.push("=");
        argument.push(value.into());
        self.arguments.push(argument);
        self
    }

    /// Binds, and serves from threads of its own.
    ///
    /// # Errors
    /// [`Exit`] with one line that says what is wrong, and what would be right.
    pub fn start(self) -> Result<Running, Exit> {
        let bind = self.bind.unwrap_or_else(|| "127.0.0.1:0".to_owned());
        let arguments = [OsString::from(format!("--bind={bind}"))].into_iter().chain(self.arguments);
        let config = Config::from_arguments_alone(arguments)?;
        if config.command != Command::Serve || config.is_for_a_process() {
            return Err(Exit::failure(
                "one of the options is for a whole process, and not for a server in another one",
            ));
        }
        let server = Server::bind(config)?;
        let (addresses, ending) = (server.addresses.clone(), Arc::clone(&server.ending));
        let thread = thread::Builder::new().name("serve".to_owned()).spawn(move || server.run());
        let thread = thread.map_err(|error| Exit::failure(format_args!("cannot start a thread: {error}")))?;
        Ok(Running { addresses, ending, thread: Some(thread) })
    }
}

/// A server that serves. Dropped, it stops at once.
pub struct Running {
    addresses: Vec<SocketAddr>,
    ending: Arc<Ending>,
    thread: Option<JoinHandle<io::Result<Counters>>>,
}

impl Running {
    /// Where it listens, with the ports that the system chose.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Its first URL, with a slash at the end.
    pub fn url(&self) -> String {
        self.addresses.first().map(|address| format!("http://{address}/")).unwrap_or_default()
    }

    /// Stops it when all transfers have ended, or the time of `--grace` is over, which counts
    /// from now, or from when it began to end by itself.
    ///
    /// # Errors
    /// When a loop of it was lost.
    pub fn stop(mut self) -> io::Result<Counters> {
        self.ending.begin();
        self.join()
    }

    /// Waits until it ends by itself, as with `--once`.
    ///
    /// # Errors
    /// When a loop of it was lost.
    pub fn wait(mut self) -> io::Result<Counters> {
        self.join()
    }

    fn join(&mut self) -> io::Result<Counters> {
        let Some(thread) = self.thread.take() else { return Ok(Counters::default()) };
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the server panicked")))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.ending.cut();
            // Nobody is there to hear of it.
            let _ = self.join();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "builder_tests.rs"]
mod tests;
