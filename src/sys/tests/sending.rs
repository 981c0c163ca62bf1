//! From file to socket.

use std::io::{ErrorKind, IoSlice, Read, Write};
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::Site;
use super::sockets::pair;
use crate::sys::{SendFile, Symlinks, send_file, send_more};

#[test]
fn a_write_with_more_to_come_arrives_before_what_follows() {
    let (mut server, mut client) = pair();
    assert_eq!(send_more(&server, &[IoSlice::new(b"head"), IoSlice::new(b", ")]).unwrap(), 6);
    assert_eq!(server.write(b"body").unwrap(), 4);
    let mut received = [0; 10];
    client.read_exact(&mut received).unwrap();
    assert_eq!(&received, b"head, body");
}

/// Calls `send` until it is through, and waits whenever the socket is full.
fn until_sent(
    server: &mut TcpStream,
    len: usize,
    mut send: impl FnMut(&TcpStream, usize) -> std::io::Result<usize>,
) -> u32 {
    let mut poll = Poll::new().unwrap();
    poll.registry().register(server, Token(0), Interest::WRITABLE).unwrap();
    let mut events = Events::with_capacity(4);
    let (mut sent, mut waits) = (0, 0);
    while sent < len {
        match send(server, sent) {
            Ok(more) => sent += more,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                waits += 1;
                poll.poll(&mut events, Some(Duration::from_secs(20))).unwrap();
            }
            Err(error) => panic!("{error}"),
        }
    }
    waits
}

#[test]
fn a_full_socket_takes_all_bytes_once_and_in_order() {
    let (mut server, mut client) = pair();
    let data: Vec<u8> = (0..20_000_000_u32).map(|n| (n % 251) as u8).collect();
    let expected = data.clone();
    let reader = std::thread::spawn(move || {
        let mut received = Vec::new();
        client.read_to_end(&mut received).unwrap();
        assert!(received == expected);
    });
    until_sent(&mut server, data.len(), |socket, sent| send_more(socket, &[IoSlice::new(&data[sent..])]));
    drop(server);
    reader.join().unwrap();
}

/// R32.
#[cfg(unix)]
#[test]
fn a_file_is_sent_from_its_offset_in_parts_as_the_socket_takes_them() {
    let site = Site::new();
    let data: Vec<u8> = (0..20_000_000_u32).map(|n| (n % 251) as u8).collect();
    std::fs::write(site.path.join("large"), &data).unwrap();
    let file = site.root(Symlinks::Inside).open(b"large").unwrap().file;
    let (mut server, mut client) = pair();
    // Nobody reads yet: the socket fills up, and says so.
    let Ok(SendFile::Sent(first)) = send_file(&server, &file, 1000, data.len()) else { panic!("not sent") };
    assert!(0 < first && first < data.len() - 1000, "{first}");
    let expected = data[1000..].to_vec();
    let reader = std::thread::spawn(move || {
        let mut received = Vec::new();
        client.read_to_end(&mut received).unwrap();
        assert!(received == expected);
    });
    let waits = until_sent(&mut server, data.len() - 1000 - first, |socket, sent| {
        match send_file(socket, &file, (1000 + first + sent) as u64, usize::MAX)? {
            SendFile::Sent(0) => panic!("the file did not end"),
            SendFile::Sent(more) => Ok(more),
            SendFile::Unsupported => panic!("unsupported"),
        }
    });
    assert!(waits > 0);
    assert_eq!(send_file(&server, &file, data.len() as u64, 10).unwrap(), SendFile::Sent(0), "at the end");
    assert_eq!(send_file(&server, &file, 1 << 40, 10).unwrap(), SendFile::Sent(0), "after the end");
    assert_eq!(send_file(&server, &file, 0, 0).unwrap(), SendFile::Sent(0));
    drop(server);
    reader.join().unwrap();
}

/// R32.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_the_kernel_cannot_send_is_unsupported_and_can_be_read() {
    use crate::sys::{Root, read_range};
    let root = Root::new(std::path::Path::new("/proc"), Symlinks::Inside).unwrap();
    let opened = root.open(format!("{}/status", std::process::id()).as_bytes()).unwrap();
    let (server, _client) = pair();
    assert_eq!(send_file(&server, &opened.file, 0, 100).unwrap(), SendFile::Unsupported);
    assert_eq!(opened.stat.len, 0);
    assert!(!read_range(&opened.file, 0, 100).unwrap().is_empty());
}

#[cfg(unix)]
#[test]
fn a_broken_connection_is_an_error_and_no_signal() {
    let site = Site::new();
    let file = site.root(Symlinks::Inside).open(b"a.txt").unwrap().file;
    let (server, _client) = pair();
    server.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(send_file(&server, &file, 0, 5).unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert_eq!(send_more(&server, &[IoSlice::new(b"x")]).unwrap_err().kind(), ErrorKind::BrokenPipe);
}

/// R32.
#[cfg(windows)]
#[test]
fn windows_reads_and_writes_instead() {
    let site = Site::new();
    let file = site.root(Symlinks::Inside).open(b"a.txt").unwrap().file;
    let (server, _client) = pair();
    assert_eq!(send_file(&server, &file, 0, 5).unwrap(), SendFile::Unsupported);
}
