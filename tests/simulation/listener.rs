//! A client that listens to events: whether it is told of all, once, and whole.

use crate::network::Network;

/// What it asks, as a page does.
pub const ASKS: &str = "GET /.serve/events?after=1000000 HTTP/1.1\r\nHost: a\r\n\r\n";

/// The number of the last change before anything has happened.
pub const FIRST: u64 = 1_000_000;

/// How far it has heard.
#[derive(Default)]
pub struct Heard {
    /// None until the head has come; whether there are events behind it.
    listens: Option<bool>,
    /// The last event.
    last: Option<u64>,
    /// Where events begin, in all that is sent: of these the log does not hear.
    pub begin: Option<u64>,
}

/// What is sent behind the head, before the first event.
const OPENING: &str = "retry: 1000\n\n";

impl Heard {
    /// Reads what has come of a connection.
    pub fn listen(&mut self, network: &mut Network, id: usize) {
        let wire = &mut network.sockets[id].wire;
        let mut wrong = None;
        if self.listens.is_none() {
            let Some(end) = wire.windows(4).position(|four| four == b"\r\n\r\n") else { return };
            let head: Vec<u8> = wire.drain(..end + 4).collect();
            let head = String::from_utf8_lossy(&head);
            let listens = head.starts_with("HTTP/1.1 200 ");
            if listens && (head.contains("Content-Length") || !head.contains("Connection: close\r\n")) {
                wrong = Some(format!("a stream that has a length, or another end: {head}"));
            }
            self.listens = Some(listens);
            self.begin = listens.then_some((end + 4 + OPENING.len()) as u64);
        }
        if self.listens == Some(false) {
            wire.clear();
        }
        while let Some(end) = wire.windows(1).position(|one| one == b"\n") {
            let line: Vec<u8> = wire.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line).into_owned();
            let number = line.strip_prefix("id: ").map(|number| number.trim_end().parse().unwrap_or(0));
            if number.is_some_and(|number| number <= self.last.unwrap_or(FIRST)) {
                wrong = Some(format!("event {number:?} after {:?}", self.last));
            }
            self.last = number.or(self.last);
            let is_known = ["id: ", "event: change", "data: {", "retry: ", ":"];
            if line != "\n" && !is_known.iter().any(|known| line.starts_with(known)) {
                wrong = Some(format!("no line of an event: {line}"));
            }
        }
        wrong.into_iter().for_each(|what| network.complain(format!("listener {id}: {what}")));
    }

    /// What must hold when the loop sleeps, and all could be told that has happened.
    pub fn check_asleep(&self, network: &mut Network, id: usize, happened: u64) {
        if self.listens == Some(true) && self.last.unwrap_or(FIRST) != happened {
            let state = network.sockets[id].told();
            network.complain(format!("listener {id} heard {:?} of {happened}; {state}", self.last));
        }
    }
}
