//! A client: what it has asked, what it has been answered, and what it makes of that.

use std::collections::VecDeque;
use std::time::Duration;

use crate::listener::{ASKS, Heard};
use crate::network::Network;
use crate::requests::Asked;
use crate::wire;

/// An empty line, `HEAD`, and a space.
const METHOD: u64 = 7;

pub struct Client {
    /// Its connection.
    pub id: usize,
    /// What it wants to send still.
    pub unsaid: VecDeque<u8>,
    /// What it has asked and was not answered, with the place of its last byte in all that
    /// it says.
    asked: VecDeque<(u64, Asked)>,
    planned: u64,
    pub said: u64,
    /// Its last word is planned: a request that ends the connection, or none.
    pub is_through: bool,
    /// The server has said that nothing follows.
    told_end: bool,
    /// Since when the server has waited for the rest of a head.
    head_since: Option<Duration>,
    looked_at: usize,
    /// It asks for events, and for nothing else.
    pub heard: Option<Heard>,
}

impl Client {
    pub fn new(id: usize) -> Client {
        Client {
            id,
            unsaid: VecDeque::new(),
            asked: VecDeque::new(),
            planned: 0,
            said: 0,
            is_through: false,
            told_end: false,
            head_since: None,
            looked_at: 0,
            heard: None,
        }
    }

    /// Asks for events.
    pub fn listener(id: usize) -> Client {
        let unsaid = ASKS.bytes().collect();
        Client { unsaid, is_through: true, heard: Some(Heard::default()), ..Client::new(id) }
    }

    pub fn plan(&mut self, asked: Asked) {
        self.planned += asked.bytes.len() as u64;
        self.is_through |= asked.is_last;
        self.unsaid.extend(&asked.bytes);
        self.asked.push_back((self.planned, asked));
    }

    pub fn say(&mut self, network: &mut Network, count: usize) {
        if network.sockets[self.id].half_closed {
            return;
        }
        // Of what could become a HEAD the server must know that it is one, or it cannot leave
        // the body away if the rest never comes.
        let first = |end: u64, asked: &Asked| end - asked.bytes.len() as u64;
        let stops = self.said.saturating_add(count as u64);
        let is_torn = |(end, asked): &&(u64, Asked)| {
            asked.is_head && (first(*end, asked) + 1..first(*end, asked) + METHOD).contains(&stops)
        };
        let torn = self.asked.iter().find(is_torn);
        let count = torn.map_or(count, |(end, asked)| (first(*end, asked) + METHOD - self.said) as usize);
        let bytes: Vec<u8> = self.unsaid.drain(..count.min(self.unsaid.len())).collect();
        self.said += bytes.len() as u64;
        if !bytes.is_empty() {
            network.send(self.id, &bytes);
        }
    }

    /// Whether what it asked is all there.
    fn is_complete(&self, end: u64) -> bool {
        end <= self.said
    }

    /// Reads what has come. The responses must be those to its requests, in their order,
    /// each whole before the next begins.
    pub fn listen(&mut self, network: &mut Network) {
        if let Some(heard) = &mut self.heard {
            return heard.listen(network, self.id);
        }
        let socket = &mut network.sockets[self.id];
        if socket.wire.len() == self.looked_at {
            return;
        }
        let heads: Vec<bool> = self.asked.iter().map(|(_, asked)| asked.is_head).collect();
        let responses = wire::read(&socket.wire, |at| heads.get(at).copied().unwrap_or(false));
        let (mut used, mut wrong) = (0, Vec::new());
        for response in responses.iter().filter(|response| response.is_complete) {
            let whole = &socket.wire[used..used + response.length];
            used += response.length;
            self.head_since = None;
            if std::mem::replace(&mut self.told_end, response.closes) {
                wrong.push("something follows Connection: close".to_owned());
            }
            let Some((end, asked)) = self.asked.pop_front() else {
                // Nothing was asked: only the time can be over.
                if response.status != 408 {
                    wrong.push(format!("{} to nothing", response.status));
                }
                continue;
            };
            if response.goes_on {
                wrong.push("an answer without an end, and nobody asked for events".to_owned());
            }
            let is_error = response.status >= 400 && response.closes;
            if !self.is_complete(end) && !asked.is_abuse && !is_error {
                wrong.push(format!("{} before all of {asked} was there", response.status));
            }
            wrong.extend(asked.judge(response, whole));
        }
        let is_begun = responses.last().is_some_and(|response| !response.is_complete);
        if is_begun && self.told_end {
            wrong.push("something follows Connection: close".to_owned());
        }
        socket.wire.drain(..used);
        self.looked_at = socket.wire.len();
        let id = self.id;
        wrong.into_iter().for_each(|what| network.complain(format!("client {id}: {what}")));
    }

    /// What must hold when the loop sleeps; `is_free` says that the pool has nothing to
    /// do, and nobody is held back on purpose.
    pub fn check_asleep(&mut self, network: &mut Network, is_free: bool, is_stopping: bool, happened: u64) {
        self.listen(network);
        let (now, socket) = (network.elapsed, &network.sockets[self.id]);
        if socket.closed || socket.reset || !socket.is_accepted {
            return;
        }
        if let Some(heard) = &self.heard {
            if is_free && socket.room > 0 && !socket.finished {
                heard.check_asleep(network, self.id, happened);
            }
            return;
        }
        let mut wrong = None;
        let takes_more = socket.room > 0;
        let waits = self.asked.front().is_some_and(|(end, asked)| asked.is_whole && self.is_complete(*end));
        // A server that stops may leave what it had not looked at (RFC 9112 §9.6).
        if is_free && takes_more && waits && !self.told_end && !(is_stopping && socket.finished) {
            wrong = self.asked.front().map(|(_, asked)| format!("no answer to {asked}"));
        }
        let is_answered = self.asked.is_empty() && !self.told_end && socket.wire.is_empty();
        if is_free && takes_more && socket.half_closed && is_answered {
            wrong = Some("it has gone, and its connection has not".to_owned());
        }
        if is_free && takes_more && self.told_end && !socket.finished && socket.wire.is_empty() {
            wrong = Some("the end was announced, and does not come".to_owned());
        }
        // Sixty seconds without a request; up to three of bad weather, thirty for the pool, and
        // again for the peer.
        if now > socket.moved_at + Duration::from_secs(64) {
            wrong = Some("nothing has moved for more than a minute".to_owned());
        }
        // Ten seconds for a head, whatever trickles in (R16).
        let is_begun = self.asked.front().is_some_and(|(end, asked)| {
            // Behind its head may be a body, which nobody waits for.
            let is_there = asked.is_whole && (asked.is_abuse || self.is_complete(*end));
            !is_there && socket.read > end - asked.bytes.len() as u64
        });
        let waits_for_head = is_begun && takes_more && !self.told_end && socket.wire.is_empty();
        self.head_since = self.head_since.or(Some(now)).filter(|_| waits_for_head);
        if self.head_since.is_some_and(|since| now > since + Duration::from_millis(10_100)) {
            wrong = Some("a head may take longer than ten seconds".to_owned());
        }
        if let Some(wrong) = wrong {
            let state = network.sockets[self.id].told();
            network.complain(format!("client {}: {wrong}; {state}", self.id));
        }
    }

    /// The server has closed: was that its right, and honest? When it is told to stop, it
    /// finishes what it has begun.
    pub fn judge_end(&mut self, network: &mut Network, is_stopping: bool) {
        self.listen(network);
        let socket = &network.sockets[self.id];
        let mut wrong = None;
        let is_cut = !socket.wire.is_empty();
        if socket.reset || socket.aborted {
            return;
        }
        if is_cut {
            wrong = Some("a part could be taken for the whole".to_owned());
        }
        // What was read and is a request has an answer.
        if let Some((end, asked)) = self.asked.front()
            && asked.is_whole
            && *end <= socket.read
            && !self.told_end
            && !is_stopping
        {
            wrong = Some(format!("{asked} was read, and never answered"));
        }
        if let Some(wrong) = wrong {
            network.complain(format!("client {}: {wrong}", self.id));
        }
    }
}
