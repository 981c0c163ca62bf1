//! The sockets that connections come from, and how they end.
//!
//! It binds and sets options. It never accepts, reads or writes, and never waits.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use mio::net::{TcpListener, TcpStream};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::system;

/// How many finished handshakes may wait for `accept`. The system cuts it to its own
/// limit (`net.core.somaxconn` is 4096 on Linux, `kern.ipc.somaxconn` 128 on macOS);
/// mio's own `bind` asks for 128 and no more.
const BACKLOG: i32 = 4096;

/// Whether closing a socket also takes it out of the poller, as epoll and kqueue do
/// by themselves. Then saying so is a system call for nothing.
pub const CLOSING_DEREGISTERS: bool = cfg!(all(unix, not(mio_unsupported_force_poll_poll)));

/// Whether a read from a socket that gives less than was asked for has emptied it, and
/// whatever comes then makes an event: so epoll(7) has it for edge-triggered descriptors.
/// It saves the read that would say `WouldBlock`, one of three calls for a small file. (Urgent
/// data makes a read end early: who sends such waits for what it sends next, or for its
/// deadline.)
pub const SHORT_READ_EMPTIES: bool = cfg!(all(target_os = "linux", not(mio_unsupported_force_poll_poll)));

/// What an error of `accept` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptTrouble {
    /// It was about that one connection, or about the network: accept the next one.
    /// On Linux this takes the bad connection off the queue, but no system promises
    /// so: count these within one turn, as if they were connections.
    Next,
    /// Out of descriptors or memory: try again later, by a timer. The connection
    /// still waits in the queue and causes no new event.
    Exhausted,
    /// This is not a listening socket any more; there is nothing to wait for.
    Broken,
}

/// What to do about an error of `accept` other than `WouldBlock`.
///
/// What is not known is `Next`: an unknown error must not stop a server.
pub fn accept_trouble(error: &io::Error) -> AcceptTrouble {
    match error.raw_os_error() {
        Some(code) if system::ACCEPT_EXHAUSTED.contains(&code) => AcceptTrouble::Exhausted,
        Some(code) if system::ACCEPT_BROKEN.contains(&code) => AcceptTrouble::Broken,
        None if error.kind() == io::ErrorKind::OutOfMemory => AcceptTrouble::Exhausted,
        _ => AcceptTrouble::Next,
    }
}

/// Makes the end of this connection a reset: what was not sent is dropped, and the
/// peer sees an error instead of an end, so that a cut body cannot pass for a whole
/// one (RFC 9112 §8). The socket still has to be dropped.
pub fn abort_on_close(socket: &TcpStream) {
    // This fails only on sockets that are reset already.
    let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
}

/// Binds `addr` and listens, with one listener for each of `loops` event loops.
///
/// Where the kernel can spread connections over several sockets, each loop gets a
/// queue of its own; elsewhere all share one. IPv6 sockets take IPv6 only, whatever
/// the system's default: IPv4 has an address of its own. Port 0 lets the system
/// choose, once for all loops.
///
/// # Errors
///
/// `AddrInUse` if another process, or another call, listens there.
pub fn bind(addr: SocketAddr, loops: usize) -> io::Result<Vec<TcpListener>> {
    let sockets = system::bound_sockets(addr, loops.max(1))?;
    for socket in &sockets {
        socket.listen(BACKLOG)?;
    }
    Ok(sockets.into_iter().map(|socket| TcpListener::from_std(socket.into())).collect())
}

/// A socket with all options that do not depend on its neighbours.
pub(super) fn new_socket(addr: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Accepted sockets inherit it on Linux; see `prepare_accepted` for the others.
    socket.set_tcp_nodelay(true)?;
    system::claim_port(&socket)?;
    Ok(socket)
}

/// One bound socket, and duplicates of it: all loops wait at one queue.
#[cfg_attr(target_os = "linux", allow(dead_code, reason = "Linux has a queue for each loop"))]
pub(super) fn bound_clones(addr: SocketAddr, loops: usize) -> io::Result<Vec<Socket>> {
    let first = new_socket(addr)?;
    first.bind(&addr.into())?;
    let clones: io::Result<Vec<Socket>> = (1..loops).map(|_| first.try_clone()).collect();
    let mut sockets = clones?;
    sockets.push(first);
    Ok(sockets)
}
