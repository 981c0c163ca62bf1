//! Step 0 of the tour (docs/tour.md): an echo server that has time for one client only.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:7000".into());
    let listener = TcpListener::bind(address)?;
    println!("{}", listener.local_addr()?);
    for stream in listener.incoming() {
        // Nobody else is looked at before this one has left.
        if let Err(error) = stream.and_then(echo) {
            eprintln!("a client is lost: {error}");
        }
    }
    Ok(())
}

/// Sends back what comes, until the client says that this was all.
fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 16 * 1024];
    loop {
        // Waits until there is something to read: for ever, if need be.
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(()),
            // Waits until the system has taken all of it: for ever, if the client never reads.
            Ok(count) => stream.write_all(&buffer[..count])?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
