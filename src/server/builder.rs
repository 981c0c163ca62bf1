//! A server as a part of another program: a test that needs files over HTTP, a tool that shows
//! its report.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::ending::Ending;
use super::greeting::{self, Greeting};
use super::{LOG_PATIENCE, Server, say_counters};
use crate::config::{Command, Config, Exit, Qr, Ready};
use crate::net::Counters;

/// How a server is without any option, as the variables of a process would say it: what is
/// an option, too, goes before them.
const DEFAULTS: [(&str, &str); 3] = [("SERVE_PORT", "0"), ("SERVE_QUIET", "true"), ("SERVE_LOG", "off")];

/// What a server is to be like; see [`Server::builder`].
#[derive(Clone, Debug)]
pub struct Builder {
    arguments: Vec<OsString>,
}

impl Server {
    /// A server with the options of the command line. As far as these do not say otherwise,
    /// it is for this machine only, on a port that the system chooses, quiet and without an
    /// access log. The environment is not asked.
    ///
    /// Some options are for a whole process alone: those that tell others where it listens
    /// (`--qr`, `--open`, `--json`, `--ready-fd`, `--ready-file`), `--user`,
    /// `--exit-with-parent`, and those that serve nothing (`--precompress`, `--explain`,
    /// `--help` and others that print something). `--sandbox` confines the threads of the
    /// server, and not those of the program.
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
        Builder { arguments: Vec::new() }
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
    /// given several times.
    #[must_use]
    pub fn bind(self, bind: &str) -> Builder {
        self.option_with("--bind", bind)
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
        let server = Server::bind(self.config()?)?;
        let (addresses, ending) = (server.addresses.clone(), Arc::clone(&server.ending));
        let urls = Greeting::new(&server.config, &addresses).urls(&server.config);
        let url = urls.into_iter().next().unwrap_or_default();
        let thread = thread::Builder::new().name("serve".to_owned()).spawn(move || run(server));
        let thread = thread.map_err(|error| Exit::failure(format_args!("cannot start a thread: {error}")))?;
        Ok(Running { addresses, url, ending, thread: Some(thread) })
    }

    fn config(self) -> Result<Config, Exit> {
        let config = match Config::from_args_over(&DEFAULTS, self.arguments) {
            Err(exit) if exit.to_stdout => {
                return Err(for_a_process("an option that prints something and ends, like --help,"));
            }
            read => read?,
        };
        only_for_a_process(&config).map_or(Ok(config), |option| Err(for_a_process(option)))
    }
}

fn for_a_process(option: &str) -> Exit {
    Exit::failure(format_args!("{option} is for a whole process, and not for a server in another one"))
}

/// An option that only a process by itself can do something with.
fn only_for_a_process(config: &Config) -> Option<&'static str> {
    let Ready { qr, open, json, descriptor, file } = &config.ready;
    let options = [
        ("--precompress", config.command == Command::Precompress),
        ("--explain", matches!(config.command, Command::Explain(_))),
        ("--qr", *qr == Qr::Always),
        ("--open", open.is_some()),
        ("--json", *json),
        ("--ready-fd", descriptor.is_some()),
        ("--ready-file", file.is_some()),
        ("--exit-with-parent", config.end.with_parent),
        ("--user", config.user.is_some()),
    ];
    options.into_iter().find_map(|(option, is_given)| is_given.then_some(option))
}

/// Serves until it is stopped; says what `--verbose` says in a process, too.
fn run(server: Server) -> io::Result<Counters> {
    if !server.config.verbose {
        return server.run();
    }
    let (config, errors, access) = (&server.config, server.logs.errors.clone(), server.logs.access.clone());
    greeting::preface(config, &config.warnings(), server.loops.len(), &server.confinement.text(), &errors);
    let counters = server.run()?;
    say_counters(&counters, &errors, &access);
    errors.flush(LOG_PATIENCE);
    Ok(counters)
}

/// A server that serves. Dropped, it stops at once.
pub struct Running {
    addresses: Vec<SocketAddr>,
    url: String,
    ending: Arc<Ending>,
    thread: Option<JoinHandle<io::Result<Counters>>>,
}

impl Running {
    /// Where it listens, with the ports that the system chose.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The URL of what it shares, for this machine if it listens there: with `--base-path`, and
    /// with a slash at the end of a folder's.
    pub fn url(&self) -> String {
        self.url.clone()
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
