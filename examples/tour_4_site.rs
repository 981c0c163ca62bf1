//! Step 4 of the tour (docs/tour.md): the files of a folder again, out of the parts of the real
//! server. Every part of step 3 is here, under the name of what takes its place.

use std::io;
use std::path::Path;
use std::sync::Arc;

use serve::clock::Now;
use serve::h1::{self, Conn, Service};
use serve::http::{Answer, Exchange, Handler, Peer, Request, Response, Status};
use serve::net::{self, EventLoop};
use serve::pool::Pool;
use serve::site::{Disk, Options, Site};
use serve::sys::{self, Symlinks};

/// What the protocol asks for answers; the server's own is in src/server/app.rs.
struct App {
    site: Site<Disk>,
}

impl Handler for App {
    fn respond(&mut self, request: &Request<'_>, peer: &Peer, now: &Now) -> Answer {
        self.site.respond(request, peer, now)
    }
    fn error(&mut self, status: Status, peer: &Peer, now: &Now) -> Response {
        self.site.error(status, peer, now)
    }
    fn is_logging(&self) -> bool {
        true
    }
    fn log(&mut self, exchange: &Exchange, _: &Now) {
        let request = String::from_utf8_lossy(&exchange.request_line);
        eprintln!("{} {request:?} {} bytes", exchange.status.code(), exchange.body_sent());
    }
    fn notice(&mut self, message: &str, _: &Now) {
        eprintln!("{message}");
    }
    fn end_of_turn(&mut self, _: &Now) {
        self.site.end_of_turn();
    }
}

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:7000".into());
    let folder = std::env::args().nth(2).unwrap_or(".".into());

    // The folder, open, and no way out of it: in place of `find` and `open`.
    let disk = Disk::new(Path::new(&folder), Symlinks::Inside, false)?;
    // What to answer: in place of `respond`.
    let site = Site::new(Arc::new(Options::default()), disk, Arc::new(|trouble| eprintln!("{trouble}")));
    // The wire: in place of `answer`, `head` and most of `advance`.
    let service = Service::new(App { site }, h1::Limits::default());
    // The loop: in place of `run`, `accept`, `turn` and `wait`.
    let listeners = sys::bind(address.parse().map_err(io::Error::other)?, 1)?;
    println!("{}", listeners[0].local_addr()?);
    let server = EventLoop::<Conn<App>>::new(listeners, service, net::Limits::default(), Pool::new(4, 256))?;
    // Ctrl-C lets everyone finish, for ten seconds at most.
    let remote = server.remote();
    sys::on_stop_signal(move || drop(remote.stop()))?;
    eprintln!("{}", server.run()?);
    Ok(())
}
