//! The seeds and regressions of the fuzz targets, replayed through the same properties
//! on every `cargo test`: each file as it is, and in many cheap mutations.

#![allow(clippy::unwrap_used)]

#[path = "../fuzz/src/properties/mod.rs"]
mod properties;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use properties::{ALL, Property};

/// So many mutations of each kind are made of a file, at most.
const MUTATIONS: usize = 100;

fn files(kind: &str, target: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(kind).join(target);
    let Ok(entries) = fs::read_dir(&directory) else { return Vec::new() };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// What libFuzzer finds is named by its digest, and lies here only where it has run.
fn is_seed(file: &Path) -> bool {
    let name = file.file_name().unwrap().to_string_lossy();
    name.len() != 40 || !name.bytes().all(|b| b.is_ascii_hexdigit())
}

fn hold(property: Property, input: &[u8], what: &str) {
    if catch_unwind(AssertUnwindSafe(|| property(input))).is_err() {
        panic!("{what}: {:?}", String::from_utf8_lossy(input));
    }
}

/// Truncations and flipped bits, spread evenly over the file.
fn mutations(seed: &[u8]) -> impl Iterator<Item = (String, Vec<u8>)> {
    let stride = seed.len().div_ceil(MUTATIONS).max(1);
    let cut = (0..seed.len()).step_by(stride).map(|at| (format!("cut at {at}"), seed[..at].to_vec()));
    let flipped = (0..seed.len()).step_by(stride).map(|at| {
        let mut input = seed.to_vec();
        input[at] ^= 1 << (at % 8);
        (format!("bit {} of byte {at} flipped", at % 8), input)
    });
    cut.chain(flipped)
}

fn replay(target: &str) {
    let (_, property) = ALL.into_iter().find(|(name, _)| *name == target).unwrap();
    let seeds = files("corpus", target);
    assert!(seeds.iter().filter(|file| is_seed(file)).count() >= 15, "{target} has too few seeds");
    for file in seeds.into_iter().chain(files("regressions", target)) {
        let input = fs::read(&file).unwrap();
        hold(property, &input, &file.display().to_string());
        if is_seed(&file) {
            for (how, input) in mutations(&input) {
                hold(property, &input, &format!("{}, {how}", file.display()));
            }
        }
    }
}

#[test]
fn parse_request_holds_for_its_corpus() {
    replay("parse_request");
}

#[test]
fn target_holds_for_its_corpus() {
    replay("target");
}

#[test]
fn range_holds_for_its_corpus() {
    replay("range");
}

#[test]
fn conn_script_holds_for_its_corpus() {
    replay("conn_script");
}

#[test]
fn decode_holds_for_its_corpus() {
    replay("decode");
}

#[test]
fn rules_holds_for_its_corpus() {
    replay("rules");
}

#[test]
fn every_fuzz_target_is_replayed_here() {
    let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    let mut names: Vec<_> = fs::read_dir(targets)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let mut known = ALL.map(|(name, _)| name);
    known.sort_unstable();
    assert_eq!(names, known);
}
