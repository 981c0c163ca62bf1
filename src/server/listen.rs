//! From binds to listening sockets, a set for each loop.

use std::io::{self, ErrorKind, IsTerminal};
use std::net::SocketAddr;

use mio::net::TcpListener;

use crate::config::{Bind, Config, Exit, banner};
use crate::sys;

/// When no port was asked for, so many are tried upwards from the usual one.
const PORTS_TRIED: u16 = 20;

/// What listens where.
pub struct Listening {
    /// With the ports that the system chose.
    pub addresses: Vec<SocketAddr>,
    /// One socket of each address for each loop.
    pub sockets: Vec<Vec<TcpListener>>,
}

/// Binds everything that was asked for.
///
/// If the port was nobody's wish and a person is watching, the next free one will do:
/// the banner says which. A script would not read the banner, so it gets the error.
///
/// # Errors
/// The first address that cannot be had, why, and what to do.
pub fn listen(config: &Config) -> Result<Listening, Exit> {
    let may_move = !config.port_was_given && io::stderr().is_terminal();
    let mut tried = 0;
    loop {
        match bind_all(config, tried) {
            Ok(listening) => return Ok(listening),
            Err((_, error)) if may_move && error.kind() == ErrorKind::AddrInUse && tried < PORTS_TRIED => {
                tried += 1
            }
            Err((address, error)) => return Err(Exit::failure(banner::bind_error(&address, &error))),
        }
    }
}

fn bind_all(config: &Config, port_offset: u16) -> Result<Listening, (SocketAddr, io::Error)> {
    let mut listening = Listening { addresses: Vec::new(), sockets: Vec::new() };
    listening.sockets.resize_with(config.threads, Vec::new);
    for bind in &config.binds {
        bind_one(bind, port_offset, &mut listening)?;
    }
    Ok(listening)
}

/// Binds the addresses of one `--bind`, all to the same port; of those that stand for
/// "everywhere" or "localhost", one is enough.
fn bind_one(bind: &Bind, port_offset: u16, listening: &mut Listening) -> Result<(), (SocketAddr, io::Error)> {
    let (mut chosen_port, mut bound, mut missing) = (None, 0, None);
    for &address in &bind.addresses {
        let mut address = address;
        address.set_port(chosen_port.unwrap_or_else(|| address.port().saturating_add(port_offset)));
        let sockets = match sys::bind(address, listening.sockets.len()) {
            Ok(sockets) => sockets,
            Err(error) if bind.tolerates(&error) => {
                missing = Some((address, error));
                continue;
            }
            Err(error) => return Err((address, error)),
        };
        let actual =
            sockets.first().map(TcpListener::local_addr).transpose().map_err(|error| (address, error))?;
        let actual = actual.unwrap_or(address);
        chosen_port = Some(actual.port());
        bound += 1;
        listening.addresses.push(actual);
        for (of_loop, socket) in listening.sockets.iter_mut().zip(sockets) {
            of_loop.push(socket);
        }
    }
    match missing {
        Some(missing) if bound == 0 => Err(missing),
        _ => Ok(()),
    }
}
