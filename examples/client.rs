//! Sends what it reads to an address, and prints what comes back until that ends:
//! `printf 'GET / HTTP/1.0\r\n\r\n' | cargo run --example client -- 127.0.0.1:8000`

use std::net::{Shutdown, TcpStream};
use std::{io, thread};

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:7000".into());
    let mut stream = TcpStream::connect(address)?;
    let mut sending = stream.try_clone()?;
    // Two directions, two threads: a server may answer long before all is sent. It may
    // also be through before that, so nobody waits for this one.
    thread::spawn(move || {
        let sent = io::copy(&mut io::stdin(), &mut sending);
        // The server sees the end of what we say, and can still answer.
        sent.and_then(|_| sending.shutdown(Shutdown::Write))
    });
    io::copy(&mut stream, &mut io::stdout()).map(drop)
}
