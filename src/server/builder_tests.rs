//! Servers within this process: what their builder makes of options, where they are, and how
//! they end.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::*;
use crate::log::Format;

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
    let root = site();
    let bound = Server::builder().root(root.path()).bind("127.0.0.1:0").option("--lan");
    let exit = bound.start().err().unwrap();
    assert!(exit.to_string().contains("contradict"), "{exit}");
}

#[test]
fn an_option_for_a_whole_process_is_named_in_one_line() {
    let root = site();
    let options =
        ["--json", "--exit-with-parent", "--open", "--qr", "--user=me", "--ready-fd=3", "--ready-file=a"];
    for option in options.iter().chain(&["--explain=/", "--precompress"]) {
        let exit = Server::builder().root(root.path()).option(option).start().err().unwrap();
        let name = option.split('=').next().unwrap();
        let text = exit.to_string();
        assert!(text.starts_with(&format!("{name} is for a whole process")), "{option}: {text}");
        assert!(!text.contains('\n') && !exit.to_stdout, "{option}: {text}");
    }
}

#[test]
fn what_would_only_be_printed_is_one_clear_line_of_an_error() {
    for option in ["--help", "-h", "--help-all", "--version", "--man", "--completions=bash"] {
        let exit = Server::builder().option(option).start().err().unwrap();
        let text = exit.to_string();
        assert!(text.contains("whole process") && !text.contains('\n'), "{option}: {text}");
        assert!(exit.code == 1 && !exit.to_stdout, "{option}: {exit:?}");
    }
}

#[test]
fn what_the_caller_says_goes_before_what_a_builder_begins_with() {
    let root = site();
    let builder = || Server::builder().root(root.path());
    let addresses = |builder: Builder| -> Vec<String> {
        let config = builder.config().unwrap();
        assert!(config.log == Format::Off && config.quiet, "{config:?}");
        config.binds.iter().flat_map(|bind| &bind.addresses).map(SocketAddr::to_string).collect()
    };
    assert_eq!(addresses(builder()), ["127.0.0.1:0"]);
    for port in ["--port=18999", "-p18999"] {
        assert_eq!(addresses(builder().option(port)), ["127.0.0.1:18999"]);
    }
    assert_eq!(addresses(builder().option("--lan")), ["0.0.0.0:0", "[::]:0"]);
    assert_eq!(addresses(builder().option("--lan").option_with("--port", "81")), ["0.0.0.0:81", "[::]:81"]);
    assert_eq!(addresses(builder().bind("[::1]")), ["[::1]:0"]);
    assert_eq!(addresses(builder().bind("[::1]").option("-p82")), ["[::1]:82"]);
    assert_eq!(addresses(builder().bind("[::1]:83").bind("127.0.0.2:84")), ["[::1]:83", "127.0.0.2:84"]);
    assert_eq!(addresses(builder().option("-b127.0.0.1:85")), ["127.0.0.1:85"]);
    assert_eq!(addresses(builder().option("--quiet")), ["127.0.0.1:0"]);

    let verbose = builder().option("--verbose").config().unwrap();
    assert!(verbose.verbose && !verbose.quiet && verbose.log == Format::Off, "{verbose:?}");
    let logged = builder().option_with("--log", "json").config().unwrap();
    assert!(logged.quiet && logged.log == Format::Json, "{logged:?}");
}

#[test]
fn its_url_leads_to_what_is_shared() {
    let root = site();
    let builder = || Server::builder().root(root.path());
    let file = Server::builder().root(root.path().join("a b.txt"));
    let cases = [
        (builder(), "/"),
        (builder().bind(":0"), "/"),
        (builder().option("--lan"), "/"),
        (builder().option_with("--base-path", "/docs"), "/docs/"),
        (file.option_with("--base-path", "/docs"), "/docs/a%20b.txt"),
    ];
    for (builder, path) in cases {
        let server = builder.start().unwrap();
        let port = server.addresses()[0].port();
        assert_eq!(server.url(), format!("http://127.0.0.1:{port}{path}"));
    }
}

#[test]
fn it_stops_when_it_is_dropped_and_when_its_time_is_over() {
    let root = site();
    let server = Server::builder().root(root.path()).start().unwrap();
    let address = server.addresses()[0];
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
