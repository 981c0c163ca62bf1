//! An nginx of our own: its configuration, start and end.

use std::fmt::{self, Display};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A version: 1.22.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

impl Version {
    /// What `nginx -v` says: `nginx version: nginx/1.22.1 (Debian)`.
    fn parse(text: &str) -> Option<Version> {
        let (_, version) = text.split_once("nginx/")?;
        let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(str::parse);
        let mut next = || numbers.next()?.ok();
        Some(Version(next()?, next()?, next()?))
    }
}

impl Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// A running nginx, ended with its handle.
pub struct Nginx {
    pub address: SocketAddr,
    pub version: Version,
    child: Child,
    /// Its configuration, and where it may write.
    _directory: TempDir,
}

/// Another program may take a port that was free.
const TRIES: usize = 5;

impl Nginx {
    /// Shares a folder.
    pub fn start(root: &Path) -> Nginx {
        let output = Command::new("nginx").arg("-v").output().expect("nginx, as .ci/nginx installs it");
        let said = String::from_utf8_lossy(&output.stderr);
        let version = Version::parse(&said).unwrap_or_else(|| panic!("no version: {said}"));
        let mut said = Vec::new();
        for _ in 0..TRIES {
            match Nginx::try_start(root, version) {
                Ok(nginx) => return nginx,
                Err(lines) => said.extend(lines),
            }
        }
        panic!("nginx did not start:\n{}", said.join("\n"));
    }

    /// None of it is a daemon, and there is one process: who kills it has ended it.
    fn try_start(root: &Path, version: Version) -> Result<Nginx, Vec<String>> {
        let directory = tempfile::tempdir().unwrap();
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let path = directory.path().join("nginx.conf");
        std::fs::write(&path, configuration(address, root, directory.path())).unwrap();
        let mut command = Command::new("nginx");
        command.arg("-p").arg(directory.path()).arg("-c").arg(&path).args(["-e", "stderr"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let nginx = Nginx { address, version, child, _directory: directory };

        let mut lines = BufReader::new(stderr).lines();
        let mut said = Vec::new();
        for line in lines.by_ref().map_while(Result::ok) {
            // It listens by then.
            let is_ready = line.contains("event method");
            said.push(line);
            if is_ready {
                // Nobody reads what else it says, but it must not wait for that.
                std::thread::spawn(move || lines.for_each(drop));
                return Ok(nginx);
            }
        }
        Err(said)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// As near to ours as it gets: what can be set is no difference.
fn configuration(address: SocketAddr, root: &Path, directory: &Path) -> String {
    let (root, directory) = (root.display(), directory.display());
    let places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let places: String = places.map(|name| format!("  {name}_temp_path \"{directory}/{name}\";\n")).concat();
    format!(
        "daemon off;\nmaster_process off;\npid \"{directory}/pid\";\nerror_log stderr notice;\n\
         events {{}}\nhttp {{\n{places}  access_log off;\n  types {{}}\n  server {{\n\
         \x20   listen {address};\n    root \"{root}\";\n    gzip_static on;\n\
         \x20   if_modified_since before;\n    max_ranges 16;\n    absolute_redirect off;\n\
         \x20   keepalive_requests 1000000;\n    keepalive_timeout 600s;\n  }}\n}}\n"
    )
}

#[test]
fn versions_are_read_and_compared_by_number() {
    let version = Version::parse("nginx version: nginx/1.22.1 (Debian)\n").unwrap();
    assert_eq!(version, Version(1, 22, 1));
    assert!(version < Version(1, 23, 0) && Version(1, 9, 9) < version);
    assert_eq!(version.to_string(), "1.22.1");
    assert_eq!(Version::parse("bash: nginx: command not found"), None);
}
