//! Floor 5: says how a request would be answered, and why, and ends (`--explain`).
//!
//! It asks the very machine that a server asks: a [`Conn`] with a [`Site`] of the same
//! options, and a [`Trail`] that is told of every look-up and every choice. So it cannot
//! say anything but what a server would do. It opens no sockets, and writes nothing but
//! its answer.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use crate::clock::Now;
use crate::config::banner::printable;
use crate::config::{Config, Exit, Question, weather};
use crate::h1::{Conn, Service};
use crate::http::{Answer, Exchange, Handler, Peer, Request, Response, Status};
use crate::net::Protocol;
use crate::pool::Full;
use crate::segment::Segment;
use crate::site::coach::Coach;
use crate::site::derived::Derived;
use crate::site::trail::{Step, Traced, Trail};
use crate::site::{Disk, Options, Report, Site};

/// Explains one request to standard output.
///
/// # Errors
/// [`Exit`] when the root cannot be opened.
pub fn run(config: &Config, question: &Question) -> Result<(), Exit> {
    let text = explain(config, question, &Now::read())?;
    // A reader that went away (`| head -1`) has read enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}

/// The request, the steps to its answer, and the head of the answer; for a terminal.
///
/// # Errors
/// [`Exit`] when the root cannot be opened.
pub fn explain(config: &Config, question: &Question, now: &Now) -> Result<String, Exit> {
    let listener = listener(config);
    let head = request(question, listener);
    let mut service = Service::new(Witness::new(config, now)?, config.http.clone());
    let mut steps = service.handler.trail.take();
    let client = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut conn: Conn<Witness> = Conn::open(&mut service, client, listener, now);
    conn.receive(&mut service, head.as_bytes(), now);
    while let Some(work) = conn.take_work() {
        let made = work();
        conn.work_done(&mut service, Ok(made), now);
    }
    steps.extend(service.handler.trail.take());
    if let Some(text) = weather::text(&config.weather, config.net.rate) {
        steps.push(Step { topic: "weather", text: format!("on purpose, {text}: not this one") });
    }
    Ok(text(&head, &steps, &conn))
}

/// Where the request is thought to come in: what is answered depends on it.
fn listener(config: &Config) -> SocketAddr {
    let first = config.binds.iter().flat_map(|bind| &bind.addresses).next();
    first.copied().unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
}

/// The request as it would stand on the wire. A Host of the user's own takes the place of
/// ours, which is that of the address; there is one in every request.
fn request(question: &Question, listener: SocketAddr) -> String {
    let mut head = format!("GET {} HTTP/1.1\r\n", question.target);
    if !question.fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        let host = match &question.host {
            Some(host) => host.clone(),
            None if listener.ip().is_unspecified() => format!("localhost:{}", listener.port()),
            None => listener.to_string(),
        };
        // Writing to a string cannot fail.
        let _ = write!(head, "Host: {host}\r\n");
    }
    for (name, value) in &question.fields {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head + "\r\n"
}

fn text(request: &str, steps: &[Step], conn: &Conn<Witness>) -> String {
    let mut text = String::new();
    for line in request.trim_end().lines() {
        let _ = writeln!(text, "> {}", printable(line));
    }
    let width = steps.iter().map(|step| step.topic.len()).max().unwrap_or(0);
    text.push('\n');
    for Step { topic, text: what } in steps {
        let _ = writeln!(text, "  {topic:width$}  {}", printable(what));
    }
    text.push('\n');
    let queue = conn.send_queue();
    let front: &[u8] = match queue.front() {
        Some(Segment::Bytes(front)) => front,
        // The head always comes first, and from memory.
        Some(Segment::File { .. } | Segment::Made { .. }) | None => b"",
    };
    // A short body follows in the same piece.
    let end = front.windows(4).position(|window| window == b"\r\n\r\n").map_or(front.len(), |at| at + 4);
    let head = String::from_utf8_lossy(&front[..end]);
    for line in head.trim_end().lines() {
        let _ = writeln!(text, "< {}", printable(line));
    }
    let body = queue.remaining().saturating_sub(end as u64);
    let _ = writeln!(text, "< and {body} bytes of content");
    text
}

/// A site that is watched while it answers.
struct Witness {
    site: Site<Traced<Disk>>,
    trail: Trail,
}

impl Witness {
    fn new(config: &Config, now: &Now) -> Result<Witness, Exit> {
        let disk = Disk::new(&config.root, config.symlinks, config.site.hidden)
            .and_then(|disk| disk.with_strict_case(config.site.strict_case))
            .map_err(|error| Exit::failure(format_args!("cannot open {}: {error}", config.root.display())))?;
        // What a server would do in the background is not done, and told instead.
        let derived = Derived::new(config.memory / 2, Arc::new(|_| Err(Full)));
        let trail = Trail::kept();
        let hints = trail.clone();
        let coach = Coach::at_once(Arc::new(move |text| hints.note("why", || text.to_owned())));
        let options = Arc::new(Options { derived, coach: Some(coach), ..config.site.clone() });
        let errors = trail.clone();
        let report: Report = Arc::new(move |message| errors.note("error", || message.to_owned()));
        let files = Traced::new(disk, trail.clone());
        let mut site = Site::new(options, files, report).with_trail(trail.clone());
        site.refresh_rules(now);
        Ok(Witness { site, trail })
    }
}

impl Handler for Witness {
    fn respond(&mut self, request: &Request<'_>, peer: &Peer, now: &Now) -> Answer {
        // It may be asked again, when something has been found out: then that is the way.
        self.trail.take();
        self.site.respond(request, peer, now)
    }

    fn error(&mut self, status: Status, peer: &Peer, now: &Now) -> Response {
        self.trail.note("request", || format!("it is refused as a whole: {}", status.reason()));
        self.site.error(status, peer, now)
    }

    fn is_logging(&self) -> bool {
        false
    }

    fn log(&mut self, _: &Exchange, _: &Now) {}

    fn notice(&mut self, message: &str, _: &Now) {
        self.trail.note("error", || message.to_owned());
    }

    fn end_of_turn(&mut self, _: &Now) {}
}
