//! Servers that end by themselves, and what programs are told that start them.

use std::net::SocketAddr;
use std::process::Stdio;

use crate::harness::Client;
use crate::harness::process::{Process, program};

fn root() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("a.txt"), "0123456789").unwrap();
    root
}

fn authority(url: &str) -> SocketAddr {
    url.strip_prefix("http://").unwrap().trim_end_matches('/').parse().unwrap()
}

#[test]
fn once_ends_after_one_whole_file_and_nothing_else_counts() {
    let root = root();
    let server = Process::serve(root.path(), &["--once"]);
    let mut client = server.connect();
    assert_eq!(client.get("/").status, 200);
    assert_eq!(client.get("/missing").status, 404);
    client.send("HEAD /a.txt HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(client.answer_to("HEAD").status, 200);
    client.send("GET /a.txt HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-4\r\n\r\n");
    assert_eq!(client.answer_to("GET").status, 206);
    assert_eq!(client.get("/a.txt").text(), "0123456789");
    assert!(server.end().status.success());
}

#[test]
fn ranges_of_one_client_are_put_together() {
    let root = root();
    let server = Process::serve(root.path(), &["--count", "2"]);
    for range in ["5-", "0-2", "2-5"] {
        let mut client = server.connect();
        client.send(format!("GET /a.txt HTTP/1.1\r\nHost: localhost\r\nRange: bytes={range}\r\n\r\n"));
        assert_eq!(client.answer_to("GET").status, 206);
    }
    assert_eq!(server.connect().get("/?download=tar").status, 200);
    assert!(server.end().status.success());
}

#[test]
fn a_time_ends_it_with_0() {
    let root = root();
    let server = Process::serve(root.path(), &["--for", "1ms"]);
    assert!(server.end().status.success());
}

#[test]
fn json_is_one_line_on_standard_output_and_all_there_is() {
    let root = root();
    let mut command = program(&["--json", "--bind", "127.0.0.1:0", "--once"]);
    command.arg("--root").arg(root.path()).stdout(Stdio::piped());
    let mut server = Process::spawn(command);
    let mut lines = server.stdout();
    let line: serde_json::Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
    assert_eq!(line["pid"], server.child.id());
    assert_eq!(line["root"], root.path().to_str().unwrap());
    let address = authority(line["urls"][0].as_str().unwrap());
    assert_eq!(Client::connect(address).get("/a.txt").text(), "0123456789");
    let ended = server.end();
    assert!(ended.status.success() && ended.stderr.is_empty(), "{:?}", ended.stderr);
    assert_eq!(lines.next(), None);
}

#[test]
fn a_file_tells_where_it_listens() {
    let (root, place) = (root(), tempfile::tempdir().unwrap());
    let file = place.path().join("ready.json");
    std::fs::write(&file, "of the last time").unwrap();
    let server = Process::serve(root.path(), &["--ready-file", file.to_str().unwrap()]);
    let line: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(authority(line["urls"][0].as_str().unwrap()), server.addresses[0]);
}

/// The reader sees the end at once: the descriptor does not stay open.
#[cfg(unix)]
#[test]
fn a_descriptor_tells_where_it_listens_and_is_closed() {
    use std::io::Read;
    use std::os::fd::OwnedFd;

    use crate::harness::process::program_by_shell;

    let root = root();
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut command =
        program_by_shell("exec \"$0\" \"$@\" 3>&0 </dev/null", &["--ready-fd", "3", "--bind", "127.0.0.1:0"]);
    command.stdin(Stdio::from(OwnedFd::from(writer)));
    command.arg("--root").arg(root.path());
    let mut server = Process::spawn(command);
    let mut line = String::new();
    reader.read_to_string(&mut line).unwrap();
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    let address = authority(line["urls"][0].as_str().unwrap());
    assert_eq!(Client::connect(address).get("/a.txt").text(), "0123456789");
    server.child.kill().unwrap();
}

#[test]
fn a_descriptor_that_is_not_there_is_one_clear_line() {
    let root = root();
    let mut command = program(&["--ready-fd", "77", "--bind", "127.0.0.1:0"]);
    command.arg("--root").arg(root.path());
    let ended = Process::spawn(command).end();
    assert_eq!(ended.status.code(), Some(1));
    let [line] = &ended.stderr[..] else { panic!("{:?}", ended.stderr) };
    assert!(line.starts_with("serve: --ready-fd"), "{line}");
}

/// The shell is the parent; it is killed and can say nothing.
#[cfg(unix)]
#[test]
fn it_ends_with_the_program_that_started_it() {
    use crate::harness::process::program_by_shell;

    let root = root();
    // Not by exec: the shell stays in between, and reads what never comes.
    let mut command =
        program_by_shell("\"$0\" \"$@\" & read nothing", &["--exit-with-parent", "--bind", "127.0.0.1:0"]);
    command.stdin(Stdio::piped());
    let mut server = Process::start(command, root.path(), &[]);
    assert_eq!(server.connect().get("/a.txt").text(), "0123456789");
    server.child.kill().unwrap();
    // All who hold standard error are gone.
    assert!(server.stderr.by_ref().all(|line| !line.starts_with("serve:")));
    assert!(std::net::TcpStream::connect(server.addresses[0]).is_err());
}

/// A program of that name stands for the browser. It is started before the sandbox closes,
/// and with the whole address.
#[cfg(target_os = "linux")]
#[test]
fn a_browser_is_opened_at_the_path_that_was_asked_for() {
    use std::os::unix::fs::PermissionsExt;

    let (root, place) = (root(), tempfile::tempdir().unwrap());
    let (told, browser) = (place.path().join("told"), place.path().join("xdg-open"));
    // Who reads a pipe waits for who writes it.
    assert!(std::process::Command::new("mkfifo").arg(&told).status().unwrap().success());
    std::fs::write(&browser, format!("#!/bin/sh\necho \"$1\" >'{}'\n", told.display())).unwrap();
    std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = program(&["--bind", "127.0.0.1:0", "--log", "off", "--open=/a b.html"]);
    command.env("PATH", format!("{}:{}", place.path().display(), std::env::var("PATH").unwrap()));
    let server = Process::start(command, root.path(), &[]);
    let address = std::fs::read_to_string(&told).unwrap();
    assert_eq!(address, format!("http://{}/a%20b.html\n", server.addresses[0]));
}

#[cfg(target_os = "linux")]
#[test]
fn without_a_browser_it_says_so_and_goes_on() {
    let root = root();
    let mut command = program(&["--bind", "127.0.0.1:0", "--log", "off", "--open"]);
    command.env("PATH", "/nowhere");
    let server = Process::start(command, root.path(), &[]);
    assert!(server.banner[0].starts_with("warning: no browser could be opened"), "{:?}", server.banner);
    assert_eq!(server.connect().get("/a.txt").text(), "0123456789");
}

/// A program that waits for the line would wait for ever.
#[cfg(target_os = "linux")]
#[test]
fn a_line_that_cannot_be_told_is_an_error() {
    let root = root();
    let mut command = program(&["--json", "--bind", "127.0.0.1:0"]);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = command.arg("--root").arg(root.path()).stdout(full).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), text.lines().count()), (Some(1), 1), "{text}");
    assert!(text.contains("--json: standard output: "), "{text}");
}

#[test]
fn of_one_file_no_other_page_is_opened() {
    let root = root();
    let file = root.path().join("a.txt");
    let output = program(&["--open=/b.txt"]).arg(&file).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("only a.txt is shared"));
    let output = program(&["-o"]).arg(root.path().join("docs")).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("--open=/docs/"));
}
