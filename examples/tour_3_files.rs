//! Step 3 of the tour (docs/tour.md): the files of a folder. The loop and the protocol are
//! those of step 2; what is new is how a path becomes a file, and how that is sent in pieces.
//!
//! It is for learning only: a symbolic link leads it out of the folder. See the tour.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Take, Write};
use std::net::Shutdown;
use std::path::PathBuf;
use std::time::SystemTime;

use httparse::{EMPTY_HEADER, Request, Status};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use slab::Slab;

/// At most so much is read at once, from a socket or from a file.
const PIECE: usize = 16 * 1024;
/// The longest head that is answered, and the most fields in it.
const HEAD_MAX: usize = 8 * 1024;
const FIELDS_MAX: usize = 64;

/// A client, and where we are with it.
struct Connection {
    stream: TcpStream,
    /// What has come and is not answered yet: a piece of a head, or many requests.
    input: Vec<u8>,
    /// What the system would not take yet.
    output: Vec<u8>,
    /// What is left of the file that is being sent.
    body: Option<Take<File>>,
    /// No other answer will follow.
    is_last: bool,
    /// We have said that this was all.
    is_finished: bool,
    /// What the poller watches the stream for.
    interest: Interest,
}

impl Connection {
    fn new(stream: TcpStream) -> Connection {
        Connection {
            stream,
            input: Vec::new(),
            output: Vec::new(),
            body: None,
            is_last: false,
            is_finished: false,
            interest: Interest::READABLE,
        }
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
            // Then the next piece of the file, now that the one before is with the system.
            if let Some(body) = &mut self.body {
                match body.read(&mut buffer)? {
                    0 if body.limit() == 0 => self.body = None,
                    // It has become shorter than was promised: only breaking off says so.
                    0 => return Err(ErrorKind::UnexpectedEof.into()),
                    count => self.output.extend_from_slice(&buffer[..count]),
                }
                continue;
            }
            // Then what is there to be answered: one request, so that the answer is sent before
            // the next one is looked at.
            if !self.is_last
                && let Some(answer) = answer(&self.input)
            {
                self.input.drain(..answer.consumed);
                self.output = answer.head;
                self.body = answer.body;
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
    head: Vec<u8>,
    /// The file that follows the head, as long as the head says.
    body: Option<Take<File>>,
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
            Some(error("431 Request Header Fields Too Large", true))
        }
        Err(httparse::Error::Version) if speaks_http(head) => {
            Some(error("505 HTTP Version Not Supported", true))
        }
        Err(_) => Some(error("400 Bad Request", true)),
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
        return error("400 Bad Request", true); // RFC 9112 section 3.2
    }
    // A body is not read. So nobody knows where the next request begins: there is none.
    let has_body = values(request, "Transfer-Encoding").next().is_some()
        || values(request, "Content-Length").any(|value| value != b"0");
    let options = values(request, "Connection").flat_map(|value| value.split(|&byte| byte == b','));
    let asks_to_close = options.map(<[u8]>::trim_ascii).any(|option| option.eq_ignore_ascii_case(b"close"));
    let is_last = has_body || asks_to_close || !is_current;

    let method = request.method.unwrap_or_default();
    if !matches!(method, "GET" | "HEAD") {
        return Answer { consumed, ..error("501 Not Implemented", is_last) };
    }
    match find(path(request.path.unwrap_or_default())) {
        Found::File(file, length, media_type) => {
            let fields = format!("Content-Type: {media_type}\r\n");
            let body = (method == "GET").then(|| file.take(length));
            Answer { consumed, head: head("200 OK", &fields, length, is_last), body, is_last }
        }
        Found::Directory(location) => {
            let fields = format!("Location: {location}\r\n");
            let head = head("301 Moved Permanently", &fields, 0, is_last);
            Answer { consumed, head, body: None, is_last }
        }
        Found::Nothing(status) => Answer { consumed, ..error(status, is_last) },
    }
}

/// Says what went wrong.
fn error(status: &str, is_last: bool) -> Answer {
    Answer { consumed: 0, head: head(status, "", 0, is_last), body: None, is_last }
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

/// The head of a response as it is on the wire. Each says how long its body is.
fn head(status: &str, fields: &str, length: u64, is_last: bool) -> Vec<u8> {
    let date = httpdate::fmt_http_date(SystemTime::now());
    let connection = if is_last { "Connection: close\r\n" } else { "" };
    format!("HTTP/1.1 {status}\r\nDate: {date}\r\n{fields}Content-Length: {length}\r\n{connection}\r\n")
        .into_bytes()
}

/// What a path leads to.
enum Found {
    /// A file, its length, and its media type.
    File(File, u64, String),
    /// A directory that was asked for without a slash: relative links in its index would go
    /// wrong. It is to be asked for under this name.
    Directory(String),
    Nothing(&'static str),
}

/// Looks a path up in the folder.
fn find(path: &str) -> Found {
    let Some(names) = names(path) else { return Found::Nothing("404 Not Found") };
    let mut place: PathBuf = [".".to_owned()].iter().chain(&names).collect();
    if place.is_dir() {
        if !path.ends_with('/') {
            let encoded = names.iter().map(|name| utf8_percent_encode(name, NON_ALPHANUMERIC).to_string());
            return Found::Directory(encoded.fold(String::new(), |path, name| path + "/" + &name) + "/");
        }
        place.push("index.html");
    } else if path.ends_with('/') {
        return Found::Nothing("404 Not Found");
    }
    match open(&place) {
        Ok((file, length)) => {
            let media_type = mime_guess::from_path(&place).first_or_octet_stream();
            Found::File(file, length, media_type.to_string())
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Found::Nothing("403 Forbidden"),
        Err(_) => Found::Nothing("404 Not Found"),
    }
}

/// Opens a file, and says how long it is: as the open file says, for its name may lead to
/// another one by now.
fn open(place: &PathBuf) -> io::Result<(File, u64)> {
    // Opening a pipe waits until somebody writes to it, and all clients would wait with us.
    if !fs::metadata(place)?.is_file() {
        return Err(ErrorKind::NotFound.into());
    }
    let file = File::open(place)?;
    let length = file.metadata()?.len();
    Ok((file, length))
}

/// The names that a path is made of, beneath the root; None if it cannot be.
fn names(path: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    for segment in path.strip_prefix('/')?.split('/') {
        // Split first, then decode, and only once: %2F is no slash, and %252e no dot.
        let name = percent_decode_str(segment).decode_utf8().ok()?;
        match &*name {
            "" | "." => {}
            ".." => drop(names.pop()?),
            name if is_plain(name) => names.push(name.to_owned()),
            _ => return None,
        }
    }
    Some(names)
}

/// Whether it names something in a directory, and nothing hidden. (Windows has devices there.)
fn is_plain(name: &str) -> bool {
    !name.starts_with('.') && !name.contains(['/', '\\', ':', '\0'])
}

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:7000".into());
    let listener = TcpListener::bind(address.parse().map_err(io::Error::other)?)?;
    if let Some(folder) = std::env::args().nth(2) {
        std::env::set_current_dir(folder)?;
    }
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
