//! What counts as whole, and what is said at the end.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::clock::Now;
use crate::http::{Delivery, Peer};
use proptest::prelude::*;

/// An exchange of one client: so much of a range of a file was sent.
fn exchange(client: &str, tag: &str, range: Range<u64>, len: u64, sent: u64) -> Exchange {
    let peer = Peer { address: format!("{client}:5").parse().unwrap(), loopback: false };
    let mut exchange = Exchange::begin(peer, b"GET /big.iso HTTP/1.1", None, Now::read());
    exchange.complete = sent == range.end - range.start;
    let of = Representation { target: exchange.target().to_vec(), tag: Some(tag.to_owned()), len };
    exchange.delivery = Some(Box::new(Delivery { of, range }));
    exchange.sent = sent;
    exchange
}

#[test]
fn only_whole_files_count() {
    let mut tally = Tally::default();
    assert_eq!(tally.hear(&exchange("10.0.0.1", "a", 0..100, 100, 99)), 0);
    assert_eq!(tally.hear(&exchange("10.0.0.1", "a", 0..100, 100, 100)), 1);
    // What makes nobody's file is counted in bytes alone.
    let mut page = exchange("10.0.0.1", "a", 0..100, 100, 100);
    page.delivery = None;
    assert_eq!(tally.hear(&page), 1);
    assert_eq!(tally.hear(&exchange("10.0.0.1", "empty", 0..0, 0, 0)), 2);
    assert_eq!(tally.to_string(), "Sent 2 whole files, 299 B in all, to 1 client.");
}

#[test]
fn a_transfer_that_was_cut_off_is_whole_when_the_client_has_fetched_the_rest() {
    let mut tally = Tally::default();
    assert_eq!(tally.hear(&exchange("10.0.0.1", "a", 0..100, 100, 60)), 0);
    // What lay in the buffers of the kernel may never have come: it asks for that again.
    assert_eq!(tally.hear(&exchange("10.0.0.1", "a", 40..100, 100, 60)), 1);
    // The next one begins anew.
    assert_eq!(tally.hear(&exchange("10.0.0.1", "a", 40..100, 100, 60)), 1);
}

#[test]
fn pieces_of_different_clients_and_versions_make_nothing_whole() {
    let mut tally = Tally::default();
    assert_eq!(tally.hear(&exchange("10.0.0.1", "a", 0..50, 100, 50)), 0);
    assert_eq!(tally.hear(&exchange("10.0.0.2", "a", 50..100, 100, 50)), 0);
    assert_eq!(tally.hear(&exchange("10.0.0.1", "b", 50..100, 100, 50)), 0);
    assert_eq!(tally.hear(&exchange("10.0.0.1", "a", 50..100, 100, 50)), 1);
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut tally = Tally::default();
    for number in 0..2 * BEGUN_MAX {
        tally.hear(&exchange("10.0.0.1", &number.to_string(), 0..1, 3, 1));
    }
    assert_eq!(tally.begun.len(), BEGUN_MAX);
    for piece in 0..2 * PIECES_MAX as u64 {
        tally.hear(&exchange("10.0.0.2", "a", piece * 2..piece * 2 + 1, u64::MAX, 1));
    }
    assert!(tally.begun.values().all(|pieces| pieces.0.len() <= PIECES_MAX));
}

#[test]
fn the_end_tells_how_much_came_of_it() {
    let mut tally = Tally::default();
    assert_eq!(tally.to_string(), "Nobody came.");
    tally.hear(&exchange("10.0.0.1", "a", 0..3_400_000_000, 3_400_000_000, 3_400_000_000));
    tally.hear(&exchange("[::1]", "a", 0..10, 100, 10));
    assert_eq!(tally.to_string(), "Sent 1 whole file, 3.4 GB in all, to 2 clients.");
}

proptest! {
    /// Against a set of bytes.
    #[test]
    fn pieces_are_whole_exactly_when_each_byte_was_sent(ranges in prop::collection::vec((0_u64..20, 0_u64..8), 0..12)) {
        let (mut pieces, mut bytes) = (Pieces::default(), std::collections::BTreeSet::new());
        for (start, length) in ranges {
            let range = start..(start + length).min(20);
            if range.start < range.end {
                bytes.extend(range.clone());
            }
            pieces.add(&range);
            let listed: Vec<u64> = pieces.0.iter().cloned().flatten().collect();
            prop_assert!(bytes.iter().copied().eq(listed.iter().copied()));
            prop_assert!(pieces.0.windows(2).all(|pair| pair[0].end < pair[1].start));
            prop_assert_eq!(pieces.is_whole(20), bytes.len() == 20);
        }
    }
}
