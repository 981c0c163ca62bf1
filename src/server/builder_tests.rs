//! Servers within this process: what their builder makes of options, where they are, and how
//! they end.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::*;

/// Much more than systems keep for a client that does not read.
const LARGE: u64 = 64 * 1024 * 1024;

/// Longer than anyone waits for a test.
const LONG: &str = "1h";

fn site() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a b.txt"), "small").unwrap();
    File::create(folder.path().join("large")).unwrap().set_len(LARGE).unwrap();
    folder
}

fn ask(server: &Running, path: &str) -> TcpStream {
    let mut client = TcpStream::connect(server.addresses()[0]).unwrap();
    write!(client, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    client
}

/// A transfer that has begun, and waits for its client.
fn transfer(server: &Running) -> TcpStream {
    let mut client = ask(server, "/large");
    client.read_exact(&mut [0]).unwrap();
    client
}

/// A server whose end has begun by itself during a transfer.
fn ending_by_itself(root: &Path) -> (Running, TcpStream) {
    let server = Server::builder().root(root).option("--once").option_with("--grace", LONG).start().unwrap();
    let client = transfer(&server);
    ask(&server, "/a%20b.txt").read_to_string(&mut String::new()).unwrap();
    assert!(server.ending.wait(Duration::from_secs(600)));
    (server, client)
}

fn is_cut(mut client: TcpStream) -> bool {
    io::copy(&mut client, &mut io::sink()).map_or(true, |count| count < LARGE)
}

#[test]
fn what_is_wrong_is_said_and_nothing_runs() {
    let exit = Server::builder().option("--prot").start().err().unwrap();
    assert!(exit.to_string().contains("did you mean --port"), "{exit}");
    for option in ["--json", "--exit-with-parent", "--open", "--explain=/"] {
        let exit = Server::builder().option(option).start().err().unwrap();
        assert!(exit.to_string().contains("whole process"), "{option}: {exit}");
    }
}

#[test]
fn it_stops_when_it_is_dropped_and_when_its_time_is_over() {
    let root = site();
    let server = Server::builder().root(root.path()).start().unwrap();
    let address = server.addresses()[0];
    assert_eq!(server.url(), format!("http://{address}/"));
    drop(server);
    assert!(TcpStream::connect(address).is_err());
    Server::builder().root(root.path()).option_with("--for", "1ms").start().unwrap().wait().unwrap();
}

/// If it did not, who reads would find an end before that of the file.
#[test]
fn a_stop_leaves_transfers_their_time_though_the_end_has_begun_before() {
    let root = site();
    let (server, mut client) = ending_by_itself(root.path());
    let (tell, told) = std::sync::mpsc::channel();
    let stopping = thread::spawn(move || {
        tell.send(()).unwrap();
        server.stop()
    });
    told.recv().unwrap();
    assert!(io::copy(&mut client, &mut io::sink()).unwrap() >= LARGE);
    stopping.join().unwrap().unwrap();
}

/// If it did not, this would last as long as the grace.
#[test]
fn a_drop_cuts_transfers_whether_the_end_has_begun_or_not() {
    let root = site();
    let (server, client) = ending_by_itself(root.path());
    drop(server);
    assert!(is_cut(client));

    let server = Server::builder().root(root.path()).option_with("--grace", LONG).start().unwrap();
    let client = transfer(&server);
    drop(server);
    assert!(is_cut(client));
}
