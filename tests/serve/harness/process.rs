//! The real program in a process of its own, for what only a process can show: exit
//! codes, signals, standard streams, descriptors, memory.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Instant;

use super::start::started;
use super::{Client, PATIENCE};

/// The program with these options, and nothing from the environment of the tests.
pub fn program(options: &[&str]) -> Command {
    with_options(Command::new(env!("CARGO_BIN_EXE_serve")), options)
}

/// The same, started by a shell: `script` ends by `exec "$0" "$@"`.
#[cfg(unix)]
pub fn program_by_shell(script: &str, options: &[&str]) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", script, env!("CARGO_BIN_EXE_serve")]);
    with_options(shell, options)
}

fn with_options(mut command: Command, options: &[&str]) -> Command {
    command.args(options).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SERVE_")) {
        command.env_remove(name);
    }
    command
}

/// Lines as they come, read by a thread, so that waiting for one has an end.
pub struct Lines(Receiver<String>);

impl Lines {
    pub fn of(stream: impl Read + Send + 'static) -> Lines {
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n') {
                let Ok(line) = line else { break };
                let line = String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned();
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Lines(lines)
    }
}

impl Iterator for Lines {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        match self.0.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("no line, and no end"),
        }
    }
}

/// What a program has said, and how it ended.
pub struct Ended {
    pub status: ExitStatus,
    pub stderr: Vec<String>,
}

/// Runs a program that is expected to end by itself.
pub fn run(options: &[&str]) -> Ended {
    Process::spawn(program(options)).end()
}

/// A running server, killed when the test ends.
pub struct Process {
    /// Those of the URLs in its banner.
    pub addresses: Vec<SocketAddr>,
    pub banner: Vec<String>,
    pub child: Child,
    pub stderr: Lines,
}

impl Process {
    /// Shares `root` on a port that the system chooses, without an access log.
    pub fn serve(root: &Path, options: &[&str]) -> Process {
        Process::start(program(&["--bind", "127.0.0.1:0", "--log", "off"]), root, options)
    }

    /// Starts a command of [`program`] with more options, and waits for its banner.
    pub fn start(mut command: Command, root: &Path, options: &[&str]) -> Process {
        command.args([OsStr::new("--root"), root.as_os_str()]).args(options);
        let mut process = Process::spawn(command);
        for line in process.stderr.by_ref() {
            let is_last = line.starts_with("Press Ctrl-C");
            process.banner.push(line);
            if is_last {
                break;
            }
        }
        let authority = |line: &String| {
            let authority = line.trim().strip_prefix("http://")?.split('/').next()?;
            authority.replace("localhost", "127.0.0.1").parse().ok()
        };
        process.addresses = process.banner.iter().filter_map(authority).collect();
        assert!(!process.addresses.is_empty(), "no URL in {:?}", process.banner);
        process
    }

    /// Starts a command of [`program`] that need not be a server.
    pub fn spawn(mut command: Command) -> Process {
        let mut child = started(&mut command);
        let stderr = Lines::of(child.stderr.take().unwrap());
        Process { addresses: Vec::new(), banner: Vec::new(), child, stderr }
    }

    pub fn connect(&self) -> Client {
        Client::connect(self.addresses[0])
    }

    /// The lines of its standard output, if that is a pipe.
    pub fn stdout(&mut self) -> Lines {
        Lines::of(self.child.stdout.take().unwrap())
    }

    /// Waits for its end: when nobody holds its standard error any more.
    pub fn end(mut self) -> Ended {
        let stderr = self.stderr.by_ref().collect();
        Ended { status: self.child.wait().unwrap(), stderr }
    }

    #[cfg(unix)]
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    #[cfg(target_os = "linux")]
    fn proc(&self, name: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{name}", self.child.id())).unwrap()
    }

    /// How many descriptors it has open.
    #[cfg(target_os = "linux")]
    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// Bytes of memory that it really holds.
    #[cfg(target_os = "linux")]
    pub fn resident_bytes(&self) -> usize {
        self.bytes("VmRSS:")
    }

    /// And the most that it ever has.
    #[cfg(target_os = "linux")]
    pub fn resident_bytes_most(&self) -> usize {
        self.bytes("VmHWM:")
    }

    #[cfg(target_os = "linux")]
    fn bytes(&self, name: &str) -> usize {
        let status = self.proc("status");
        let value = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        value.trim().strip_suffix(" kB").unwrap().trim().parse::<usize>().unwrap() * 1024
    }

    /// Time on a processor, in hundredths of a second.
    #[cfg(target_os = "linux")]
    pub fn processor_ticks(&self) -> u64 {
        let stat = self.proc("stat");
        // The name of the program comes first, in parentheses, and could hold spaces.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Tries until it is so, for a while. Each try is to wait for something by itself, such
/// as an answer of the server.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "in vain: {what}");
    }
}
