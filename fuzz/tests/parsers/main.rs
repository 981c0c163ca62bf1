//! The same bytes to our parser, hyper's, llhttp, Python's `http.server` and h11: ours is
//! never more lenient than the strictest two of the others that agree.
//!
//! [`verdict`] says what that means to the letter. What is allowed all the same is in the
//! list of [`differences`], with the reason, and every entry of it is needed. The inputs are
//! the seeds of the fuzz targets, [`cases`] from the history of other parsers, and
//! [mutations](mutate) of both, always the same: `PARSERS_SEED` makes others.
//!
//! `.ci/parsers` installs what this needs, and runs it.
#![allow(clippy::unwrap_used, missing_docs)]

mod by_hyper;
mod cases;
mod differences;
mod mutate;
mod peers;
mod reading;
mod verdict;

use std::path::Path;

use differences::Tally;
use reading::Reading;
use verdict::Lenience;

const SEED: u64 = 9112;
const MUTATIONS: usize = 40_000;
/// So many mistakes are told.
const TOLD: usize = 20;

fn seed() -> u64 {
    std::env::var("PARSERS_SEED").map_or(SEED, |text| text.parse().unwrap())
}

/// The heads among the seeds of the fuzz targets.
fn seeds() -> Vec<Vec<u8>> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/parse_request");
    let mut files: Vec<_> = std::fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    // Megabytes would only be more of the same, byte by byte.
    files.into_iter().map(|file| std::fs::read(file).unwrap()).filter(|input| input.len() < 2048).collect()
}

fn inputs() -> Vec<Vec<u8>> {
    let mut inputs = seeds();
    inputs.extend(cases::all());
    let mutations = mutate::some(&inputs, seed(), MUTATIONS);
    inputs.extend(mutations);
    inputs
}

#[test]
fn ours_is_never_more_lenient_than_the_strictest_two_that_agree() {
    let inputs = inputs();
    let others = peers::read(&inputs);
    let (mut tally, mut wrong) = (Tally::default(), Vec::new());
    inputs.iter().zip(&others).for_each(|(input, others)| tally.count(&reading::ours(input), others));
    // What is left of the inputs on which ours is more lenient, without what the list allows.
    let mut open: Vec<(Vec<u8>, [Reading; 4])> = inputs.iter().cloned().zip(others).collect();
    while !open.is_empty() {
        let mut next = Vec::new();
        for (input, others) in open {
            let ours = reading::ours(&input);
            let Some(lenience) = verdict::lenience(&ours, &others) else { continue };
            match tally.without_one(&input, &ours) {
                Some(rest) => next.push(rest),
                None => wrong.push(format!(
                    "{lenience:?}: printf '{}'\n{}",
                    input.escape_ascii(),
                    peers::told(&ours, &others)
                )),
            }
        }
        let others = peers::read(&next);
        open = next.into_iter().zip(others).collect();
    }
    println!("{} inputs, PARSERS_SEED={}\n{tally}", inputs.len(), seed());
    let told = wrong.iter().take(TOLD).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(wrong.is_empty(), "{} times more lenient:\n{told}", wrong.len());
    assert_eq!(tally.dead(), [""; 0], "entries that explain nothing");
    // Nothing was proved by refusing everything, nor by readers that do not read.
    assert!(tally.is_telling(), "too little was read");
}

#[test]
fn a_reader_that_takes_too_much_is_found_out() {
    // What `httparse` alone takes: hazards that our own rules were made for.
    let inputs = cases::all();
    let others = peers::read(&inputs);
    let found = inputs.iter().zip(&others).filter(|(input, others)| {
        let lenient = verdict::by_httparse_alone(input);
        verdict::lenience(&lenient, others) == Some(Lenience::Refused)
    });
    assert!(found.count() >= 10);
}

#[test]
fn a_verdict_is_that_of_the_strictest_pair() {
    use Reading::{Incomplete, Refused};
    let read = |target: &str, body| {
        let head = reading::Head::new([b"GET", target.as_bytes()], "1.1", 20, []);
        Reading::Read(head, body)
    };
    let a = || read("/a", reading::Body::Length(0));
    let b = || read("/b", reading::Body::Length(0));
    let chunked = || read("/a", reading::Body::Chunked);
    for (ours, others, expected) in [
        (a(), [a(), a(), a(), a()], None),
        (a(), [a(), Refused, a(), a()], None),
        (a(), [a(), Refused, Refused, a()], Some(Lenience::Refused)),
        (a(), [b(), b(), a(), a()], None),
        (a(), [b(), b(), a(), Refused], Some(Lenience::OtherHead)),
        (a(), [Incomplete, Incomplete, a(), b()], Some(Lenience::OtherHead)),
        (a(), [b(), Incomplete, Refused, a()], None),
        (a(), [b(), Incomplete, Refused, b()], Some(Lenience::OtherHead)),
        (a(), [b(), Incomplete, Refused, chunked()], Some(Lenience::OtherBody)),
        (a(), [chunked(), chunked(), a(), a()], Some(Lenience::OtherBody)),
        (Refused, [a(), a(), a(), a()], None),
        (Incomplete, [Refused, Refused, a(), a()], None),
    ] {
        assert_eq!(verdict::lenience(&ours, &others), expected, "{}", peers::told(&ours, &others));
    }
}
