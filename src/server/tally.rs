//! What was sent to whom: the summary at the end, and the count after which it ends.
//!
//! Pure: exchanges in, numbers out. A file counts when a client has had all of it, in one
//! answer or in ranges that make it whole, whatever their order.

use std::collections::HashSet;
use std::fmt;
use std::net::IpAddr;
use std::ops::Range;

use hashlink::LinkedHashMap;

use crate::http::Exchange;
use crate::http::delivery::Representation;

/// Files that clients have begun to get; beyond it those are forgotten that were longest
/// without a new piece.
const BEGUN_MAX: usize = 1024;

/// Pieces of one file with gaps between them; who makes more does not want the whole.
const PIECES_MAX: usize = 256;

/// Clients that are told apart; beyond it they are no longer counted.
const CLIENTS_MAX: usize = 65_536;

/// A client's copy of a representation.
type Copy = (IpAddr, Representation);

/// What was sent so far.
#[derive(Debug, Default)]
pub struct Tally {
    files: u64,
    bytes: u64,
    clients: HashSet<IpAddr>,
    begun: LinkedHashMap<Copy, Pieces>,
}

impl Tally {
    /// An exchange has ended. Tells how many files were sent whole by now.
    pub fn hear(&mut self, exchange: &Exchange) -> u64 {
        let client = exchange.peer.address.ip().to_canonical();
        self.bytes = self.bytes.saturating_add(exchange.body_sent());
        if self.clients.len() < CLIENTS_MAX {
            self.clients.insert(client);
        }
        let Some(delivery) = &exchange.delivery else { return self.files };
        let (sent, copy) = (delivery.sent(exchange.body_sent()), (client, delivery.of.clone()));
        let is_whole = if exchange.complete && sent == (0..delivery.of.len) {
            // Nearly always. What the client had of it before it does not need any more.
            self.begun.remove(&copy);
            true
        } else {
            self.add(copy, &sent)
        };
        self.files += u64::from(is_whole);
        self.files
    }

    /// Adds a piece to a copy; tells whether it is whole now, and then begins anew.
    fn add(&mut self, copy: Copy, sent: &Range<u64>) -> bool {
        // Taken out and put back behind all others.
        let mut pieces = self.begun.remove(&copy).unwrap_or_default();
        pieces.add(sent);
        if pieces.is_whole(copy.1.len) {
            return true;
        }
        if pieces.0.len() <= PIECES_MAX && !pieces.0.is_empty() {
            self.begun.insert(copy, pieces);
        }
        if self.begun.len() > BEGUN_MAX {
            self.begun.pop_front();
        }
        false
    }
}

impl fmt::Display for Tally {
    /// `Sent 12 whole files, 3.4 GB in all, to 2 clients.`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.clients.is_empty() {
            return f.write_str("Nobody came.");
        }
        let plural = |n: u64| if n == 1 { "" } else { "s" };
        let clients = self.clients.len() as u64;
        let or_more = if self.clients.len() == CLIENTS_MAX { " or more" } else { "" };
        write!(
            f,
            "Sent {} whole file{}, {} in all, to {clients}{or_more} client{}.",
            self.files,
            plural(self.files),
            bytesize::ByteSize(self.bytes).display().si(),
            plural(clients),
        )
    }
}

/// Ranges that do not touch, in order.
#[derive(Debug, Default)]
struct Pieces(Vec<Range<u64>>);

impl Pieces {
    fn add(&mut self, range: &Range<u64>) {
        if range.is_empty() {
            return;
        }
        // All that it touches become one with it.
        let from = self.0.partition_point(|piece| piece.end < range.start);
        let to = self.0.partition_point(|piece| piece.start <= range.end);
        let touched = &self.0[from..to];
        let start = touched.first().map_or(range.start, |first| first.start.min(range.start));
        let end = touched.last().map_or(range.end, |last| last.end.max(range.end));
        self.0.splice(from..to, std::iter::once(start..end));
    }

    fn is_whole(&self, len: u64) -> bool {
        matches!(&self.0[..], [all] if *all == (0..len))
    }
}

#[cfg(test)]
#[path = "tally_tests.rs"]
mod tests;
