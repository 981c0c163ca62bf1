//! Listening sockets, and what their errors mean.

use std::io::{self, ErrorKind, Read};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use socket2::SockRef;

use crate::sys::{AcceptTrouble, abort_on_close, accept_trouble, bind, prepare_accepted};

const V4: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const V6: SocketAddr = SocketAddr::new(std::net::IpAddr::V6(Ipv6Addr::LOCALHOST), 0);

/// Accepts until there are `wanted` connections; how many came from each listener.
fn accept_all(listeners: &mut [TcpListener], wanted: usize) -> (Vec<TcpStream>, Vec<usize>) {
    let mut poll = Poll::new().unwrap();
    for (n, listener) in listeners.iter_mut().enumerate() {
        poll.registry().register(listener, Token(n), Interest::READABLE).unwrap();
    }
    let (mut streams, mut counts) = (Vec::new(), vec![0; listeners.len()]);
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut events = Events::with_capacity(64);
    while streams.len() < wanted {
        for (listener, count) in listeners.iter().zip(&mut counts) {
            while let Ok((stream, _)) = listener.accept() {
                streams.push(stream);
                *count += 1;
            }
        }
        assert!(Instant::now() < deadline, "{} of {wanted} came", streams.len());
        if streams.len() < wanted {
            poll.poll(&mut events, Some(Duration::from_secs(1))).unwrap();
        }
    }
    for listener in listeners {
        poll.registry().deregister(listener).unwrap();
    }
    (streams, counts)
}

/// Both ends of a connection; the server's end is non-blocking, as accepted.
pub(super) fn pair() -> (TcpStream, std::net::TcpStream) {
    let mut listeners = bind(V4, 1).unwrap();
    let client = std::net::TcpStream::connect(listeners[0].local_addr().unwrap()).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let (mut streams, _) = accept_all(&mut listeners, 1);
    let server = streams.pop().unwrap();
    prepare_accepted(&server);
    (server, client)
}

#[test]
fn connections_come_from_the_listeners_of_all_loops_on_one_port() {
    for loops in [1, 4] {
        let mut listeners = bind(V4, loops).unwrap();
        let addr = listeners[0].local_addr().unwrap();
        assert_eq!(listeners.len(), loops);
        assert!(listeners.iter().all(|listener| listener.local_addr().unwrap() == addr));
        let clients: Vec<_> = (0..64).map(|_| std::net::TcpStream::connect(addr).unwrap()).collect();
        let (streams, counts) = accept_all(&mut listeners, clients.len());
        assert_eq!(streams.len(), clients.len());
        // One of four stays empty by chance once in ten million runs.
        #[cfg(target_os = "linux")]
        assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
        assert_eq!(counts.iter().sum::<usize>(), clients.len());
    }
}

/// R49.
#[test]
fn a_port_in_use_is_an_error_even_where_sockets_share_it() {
    for (first, second) in [(1, 1), (4, 4), (1, 4), (4, 1)] {
        let listeners = bind(V4, first).unwrap();
        let addr = listeners[0].local_addr().unwrap();
        assert_eq!(bind(addr, second).unwrap_err().kind(), ErrorKind::AddrInUse, "{first} {second}");
        drop(listeners);
        drop(bind(addr, second).unwrap());
    }
}

#[test]
fn ipv6_sockets_take_ipv6_only() {
    for loops in [1, 2] {
        let listeners = match bind(V6, loops) {
            Ok(listeners) => listeners,
            Err(error) if matches!(error.kind(), ErrorKind::AddrNotAvailable | ErrorKind::Unsupported) => {
                return;
            }
            Err(error) => panic!("{error}"),
        };
        assert!(listeners.iter().all(|listener| SockRef::from(listener).only_v6().unwrap()));
        assert!(bind(listeners[0].local_addr().unwrap(), loops).is_err());
    }
}

#[test]
fn accepted_sockets_send_at_once_and_do_not_block() {
    let mut listeners = bind(V4, 2).unwrap();
    let _client = std::net::TcpStream::connect(listeners[0].local_addr().unwrap()).unwrap();
    let (streams, _) = accept_all(&mut listeners, 1);
    // Here `prepare_accepted` does nothing, which only works if it is inherited.
    #[cfg(target_os = "linux")]
    assert!(streams[0].nodelay().unwrap());
    prepare_accepted(&streams[0]);
    assert!(streams[0].nodelay().unwrap());
    assert_eq!((&streams[0]).read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[cfg(target_os = "linux")]
#[test]
fn a_single_loop_does_not_share_its_port() {
    let reuse_port = |loops| SockRef::from(&bind(V4, loops).unwrap()[0]).reuse_port().unwrap();
    assert!(!reuse_port(1));
    assert!(reuse_port(2));
}

#[test]
fn a_server_that_was_stopped_can_start_again_at_once() {
    for loops in [1, 3] {
        let mut listeners = bind(V4, loops).unwrap();
        let addr = listeners[0].local_addr().unwrap();
        let mut client = std::net::TcpStream::connect(addr).unwrap();
        let (streams, _) = accept_all(&mut listeners, 1);
        // Who closes first keeps the port in TIME_WAIT.
        drop(streams);
        drop(listeners);
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        drop(client);
        bind(addr, loops).unwrap();
    }
}

#[test]
fn an_aborted_connection_ends_with_an_error_at_the_peer() {
    let (server, mut client) = pair();
    abort_on_close(&server);
    assert_eq!(SockRef::from(&server).linger().unwrap(), Some(Duration::ZERO));
    drop(server);
    // Wine shuts a socket down before it closes it, so that the reset never comes.
    if cfg!(windows) {
        return;
    }
    let error = client.read(&mut [0]).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted), "{error}");
}

/// R24.
#[test]
fn errors_of_accept_stop_nothing_that_can_go_on() {
    use AcceptTrouble::{Broken, Exhausted, Next};
    #[cfg(unix)]
    let table = [
        (Exhausted, &[libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM][..]),
        (
            Next,
            &[libc::ECONNABORTED, libc::EPROTO, libc::EPERM, libc::ECONNRESET, libc::EINTR, libc::ENETDOWN],
        ),
        (Next, &[libc::EHOSTUNREACH, libc::EOPNOTSUPP, 12345]),
        (Broken, &[libc::EBADF, libc::ENOTSOCK]),
    ];
    #[cfg(windows)]
    let table = [
        (Exhausted, &[10024, 10055, 8][..]),
        // WSAECONNRESET, WSAENOTCONN, WSAECONNABORTED, WSAENETDOWN, ERROR_NETNAME_DELETED
        (Next, &[10054, 10057, 10053, 10050, 64, 12345]),
        (Broken, &[10038, 10022]),
    ];
    for (expected, codes) in table {
        for code in codes {
            assert_eq!(accept_trouble(&io::Error::from_raw_os_error(*code)), expected, "{code}");
        }
    }
    assert_eq!(accept_trouble(&ErrorKind::Other.into()), Next);
}

#[cfg(target_os = "linux")]
#[test]
fn a_listener_that_stopped_listening_is_broken() {
    let listeners = bind(V4, 1).unwrap();
    SockRef::from(&listeners[0]).shutdown(std::net::Shutdown::Both).unwrap();
    let error = listeners[0].accept().unwrap_err();
    assert_eq!(accept_trouble(&error), AcceptTrouble::Broken, "{error}");
}
