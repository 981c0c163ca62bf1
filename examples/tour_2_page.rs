//! Step 2 of the tour (docs/tour.md): one page over HTTP/1.1. The loop is that of the echo;
//! what is new is that bytes have to become requests first.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::SystemTime;

use httparse::{EMPTY_HEADER, Request, Status};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token};
use slab::Slab;

/// At most so much is read at once.
const PIECE: usize = 16 * 1024;
/// The longest head that is answered, and the most fields in it.
const HEAD_MAX: usize = 8 * 1024;
const FIELDS_MAX: usize = 64;

const PAGE: &str = "<!doctype html><title>serve</title><p>Hello from an event loop.\n";

/// A client, and where we are with it.
struct Connection {
    stream: TcpStream,
    /// What has come and is not answered yet: a piece of a head, or many requests.
    input: Vec<u8>,
    /// What the system would not take yet.
    output: Vec<u8>,
    /// No other answer will follow.
    is_last: bool,
    /// We have said that this was all.
    is_finished: bool,
    /// What the poller watches the stream for.
    interest: Interest,
}

impl Connection {
    fn new(stream: TcpStream) -> Connection {
        let (input, output) = (Vec::new(), Vec::new());
        Connection { stream, input, output, is_last: false, is_finished: false, interest: Interest::READABLE }
    }

    /// Goes on until the system says `WouldBlock`. Returns what to wait for then; None is
    /// the end.
    fn advance(&mut self) -> io::Result<Option<Interest>> {
        let mut buffer = [0; PIECE];
        loop {
            // First what is left to send: who does not read is not read from.
            if !self.output.is_empty() {
                match self.stream.write(&self.output) {
                    Ok(0) => return Err(ErrorKind::WriteZero.into()),
                    Ok(count) => drop(self.output.drain(..count)),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        return Ok(Some(Interest::WRITABLE));
                    }
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
                continue;
            }
            // Then what is there to be answered: one request, so that the answer is sent before
            // the next one is looked at.
            if !self.is_last
                && let Some(answer) = answer(&self.input)
            {
                self.input.drain(..answer.consumed);
                self.output = answer.bytes;
                self.is_last = answer.is_last;
                continue;
            }
            // Closing with input unread would be a reset, and might overtake the answer. So the
            // client is told that this was all, and closes (RFC 9112 section 9.6).
            if self.is_last && !self.is_finished {
                self.stream.shutdown(Shutdown::Write)?;
                self.is_finished = true;
            }
            match self.stream.read(&mut buffer) {
                Ok(0) => return Ok(None),
                Ok(_) if self.is_last => {}
                Ok(count) => self.input.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Some(Interest::READABLE)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// What is said to one request.
struct Answer {
    /// How much of the input was the request.
    consumed: usize,
    bytes: Vec<u8>,
    /// The connection ends behind it.
    is_last: bool,
}

/// Answers the first request of the input; None while its head is not complete.
fn answer(input: &[u8]) -> Option<Answer> {
    let mut fields = [EMPTY_HEADER; FIELDS_MAX];
    let mut request = Request::new(&mut fields);
    // Never more than that, or it would matter in which pieces the head has come.
    let head = &input[..input.len().min(HEAD_MAX)];
    match request.parse(head) {
        Ok(Status::Complete(length)) => Some(respond(&request, length)),
        Ok(Status::Partial) if head.len() < HEAD_MAX => None,
        Ok(Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
            Some(refuse("431 Request Header Fields Too Large"))
        }
        Err(httparse::Error::Version) if speaks_http(head) => Some(refuse("505 HTTP Version Not Supported")),
        Err(_) => Some(refuse("400 Bad Request")),
    }
}

/// Whether the third word is HTTP of some version, and not just anything.
fn speaks_http(head: &[u8]) -> bool {
    head.split(|&byte| byte == b' ').nth(2).is_some_and(|word| word.starts_with(b"HTTP/"))
}

/// Answers a whole head of so many bytes.
fn respond(request: &Request<'_, '_>, consumed: usize) -> Answer {
    let is_current = request.version == Some(1);
    let hosts = values(request, "Host").count();
    if hosts > 1 || (is_current && hosts == 0) {
        return refuse("400 Bad Request"); // RFC 9112 section 3.2
    }
    // A body is not read. So nobody knows where the next request begins: there is none.
    let has_body = values(request, "Transfer-Encoding").next().is_some()
        || values(request, "Content-Length").any(|value| value != b"0");
    let options = values(request, "Connection").flat_map(|value| value.split(|&byte| byte == b','));
    let asks_to_close = options.map(<[u8]>::trim_ascii).any(|option| option.eq_ignore_ascii_case(b"close"));
    let is_last = has_body || asks_to_close || !is_current;

    let method = request.method.unwrap_or_default();
    let (status, body) = match (method, path(request.path.unwrap_or_default())) {
        ("GET" | "HEAD", "/") => ("200 OK", PAGE),
        ("GET" | "HEAD", _) => ("404 Not Found", "<p>Not found.\n"),
        _ => ("501 Not Implemented", "<p>Not implemented.\n"),
    };
    Answer { consumed, bytes: message(status, body, method == "HEAD", is_last), is_last }
}

/// Answers what cannot be understood: what follows it cannot be either.
fn refuse(status: &str) -> Answer {
    Answer { consumed: 0, bytes: message(status, "", false, true), is_last: true }
}

/// The values of all fields of that name. Names do not depend on case (RFC 9110 section 5.1).
fn values<'a>(request: &'a Request<'_, '_>, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    request.headers.iter().filter(move |field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
}

/// The path of a target: without the query, and without the host that a client may put
/// before it (RFC 9112 section 3.2.2).
fn path(target: &str) -> &str {
    let path = match target.strip_prefix("http://") {
        Some(rest) => &rest[rest.find(['/', '?']).unwrap_or(rest.len())..],
        None => target,
    };
    let path = path.split('?').next().unwrap_or_default();
    if path.is_empty() { "/" } else { path }
}

/// A response as it is on the wire. That to HEAD says the same, and leaves out the body
/// (RFC 9110 section 9.3.2).
fn message(status: &str, body: &str, without_body: bool, is_last: bool) -> Vec<u8> {
    let date = httpdate::fmt_http_date(SystemTime::now());
    let connection = if is_last { "Connection: close\r\n" } else { "" };
    let shown = if without_body { "" } else { body };
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nDate: {date}\r\nContent-Type: text/html; charset=utf-8\r\n\
         Content-Length: {length}\r\n{connection}\r\n{shown}"
    )
    .into_bytes()
}

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:7000".into());
    let listener = TcpListener::bind(address.parse().map_err(io::Error::other)?)?;
    println!("{}", listener.local_addr()?);
    run(listener)
}

// From here on the file is the same in steps 1 to 3: the loop.

/// The listener's token. A client's token is its place in the slab.
const LISTENER: Token = Token(usize::MAX);

/// Sleeps until something happens, does what can be done, and sleeps again.
fn run(mut listener: TcpListener) -> io::Result<()> {
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut connections = Slab::new();
    let mut events = Events::with_capacity(1024);
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            result => result?,
        }
        for event in &events {
            match event.token() {
                LISTENER => accept(&listener, poll.registry(), &mut connections),
                Token(slot) => turn(slot, poll.registry(), &mut connections),
            }
        }
    }
}

/// Takes in all who wait: an event tells that somebody has come, and not how many.
fn accept(listener: &TcpListener, registry: &Registry, connections: &mut Slab<Connection>) {
    loop {
        match listener.accept() {
            Ok((mut stream, _)) => {
                let entry = connections.vacant_entry();
                // What it has sent already makes an event, too.
                match registry.register(&mut stream, Token(entry.key()), Interest::READABLE) {
                    Ok(()) => drop(entry.insert(Connection::new(stream))),
                    Err(error) => eprintln!("a client is lost: {error}"),
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            // It left before we came.
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionAborted) => {}
            // No descriptors, say. Who waits is taken in with the next one who comes.
            Err(error) => return eprintln!("cannot accept: {error}"),
        }
    }
}

/// Lets one client get on, and then waits for what it needs next.
fn turn(slot: usize, registry: &Registry, connections: &mut Slab<Connection>) {
    // An event may be late: its client is gone, or somebody else is in its place. All that is
    // taken from an event is that trying may be worth it, so that does no harm.
    let Some(connection) = connections.get_mut(slot) else { return };
    let goes_on = connection.advance().and_then(|next| match next {
        Some(interest) => wait(connection, interest, slot, registry).map(|()| true),
        None => Ok(false),
    });
    match goes_on {
        Ok(true) => return,
        Ok(false) => {}
        Err(error) => eprintln!("a client is lost: {error}"),
    }
    let mut connection = connections.remove(slot);
    // Dropping it closes it, whether this works or not.
    let _ = registry.deregister(&mut connection.stream);
}

/// Has the poller watch a client for what it waits for, and for nothing else.
fn wait(connection: &mut Connection, next: Interest, slot: usize, registry: &Registry) -> io::Result<()> {
    if connection.interest != next {
        connection.interest = next;
        registry.reregister(&mut connection.stream, Token(slot), next)?;
    }
    Ok(())
}
