//! Who watches a terminal is told why a request was 404.

use std::fs::{File, OpenOptions};
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;

use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::harness::process::{Lines, Process, program};
use super::harness::{Client, write};

/// A server whose standard error is a terminal.
fn watched(root: &std::path::Path, options: &[&str]) -> Process {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let path = std::ffi::OsStr::from_bytes(name.as_bytes());
    let theirs = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut command = program(&["--bind", "127.0.0.1:0"]);
    command.arg("--root").arg(root).args(options).env("NO_COLOR", "1").stderr(Stdio::from(theirs));
    let child = command.spawn().unwrap();
    // Else our own copy of its end would keep the terminal open.
    drop(command);
    let mut process =
        Process { addresses: Vec::new(), banner: Vec::new(), child, stderr: Lines::of(File::from(ours)) };
    while process.addresses.is_empty() {
        let line = process.stderr.next().expect("no URL");
        let authority = line.split("http://").nth(1).and_then(|rest| rest.split('/').next());
        if let Some(Ok(address)) = authority.map(str::parse) {
            process.addresses.push(address);
        }
        process.banner.push(line);
    }
    process
}

fn missing(process: &Process, target: &str) {
    let mut client = Client::connect(process.addresses[0]);
    client.send(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    let answer = client.answer_to("GET");
    assert_eq!(answer.status, 404, "{target}");
    assert!(!answer.text().contains("mean"), "the client hears nothing of it");
}

fn hint(process: &mut Process) -> String {
    process.stderr.find(|line| line.starts_with("hint: ")).expect("no hint")
}

/// R46.
#[test]
fn a_404_is_explained_on_a_terminal_also_when_the_root_was_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    write(&root.join("about.html"), b"about");
    let mut process = watched(&root, &["--log", "off"]);
    missing(&process, "/abuot");
    assert_eq!(hint(&mut process), "hint: 404 /abuot: did you mean /about.html?");
    missing(&process, "/a%1b%5b2J%0a/x");
    assert_eq!(hint(&mut process), "hint: 404 /a\\u{1b}[2J\\u{a}/x: there is no folder /a\\u{1b}[2J\\u{a}/");
    // The threads of before may not read what takes its place (see the sandbox).
    std::fs::rename(&root, directory.path().join("old")).unwrap();
    write(&root.join("contact.html"), b"contact");
    missing(&process, "/contcat");
    assert_eq!(hint(&mut process), "hint: 404 /contcat: did you mean /contact.html?");
}

#[test]
fn among_lines_for_programs_there_are_no_hints() {
    let directory = tempfile::tempdir().unwrap();
    write(&directory.path().join("about.html"), b"about");
    let process = watched(directory.path(), &["--log", "json", "--verbose"]);
    missing(&process, "/abuot");
    process.signal(Signal::TERM);
    let stderr = process.end().stderr;
    assert!(stderr.iter().any(|line| line.contains("log lines dropped")), "{stderr:?}");
    assert!(!stderr.iter().any(|line| line.contains("hint: ")), "{stderr:?}");
}

/// What is not a terminal is read by programs.
#[test]
fn in_a_pipe_there_are_no_hints() {
    let directory = tempfile::tempdir().unwrap();
    write(&directory.path().join("about.html"), b"about");
    let process = Process::serve(directory.path(), &["--verbose"]);
    missing(&process, "/abuot");
    process.signal(Signal::TERM);
    let stderr = process.end().stderr;
    assert!(stderr.iter().any(|line| line.contains("log lines dropped")), "{stderr:?}");
    assert!(!stderr.iter().any(|line| line.contains("hint: ")), "{stderr:?}");
}
