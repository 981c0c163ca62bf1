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

fn property(target: &str) -> Property {
    ALL.into_iter().find(|(name, _)| *name == target).unwrap().1
}

/// Seeds and regressions, as they are: what `.ci/coverage` measures.
fn replay(target: &str) {
    let seeds = files("corpus", target);
    assert!(seeds.iter().filter(|file| is_seed(file)).count() >= 15, "{target} has too few seeds");
    for file in seeds.into_iter().chain(files("regressions", target)) {
        hold(property(target), &fs::read(&file).unwrap(), &file.display().to_string());
    }
}

fn mutate(target: &str) {
    let files = files("corpus", target).into_iter().chain(files("regressions", target));
    for file in files.filter(|file| is_seed(file)) {
        for (how, input) in mutations(&fs::read(&file).unwrap()) {
            hold(property(target), &input, &format!("{}, {how}", file.display()));
        }
    }
}

/// Two tests for each target.
macro_rules! targets {
    ($($target:ident),*) => {
        const TARGETS: &[&str] = &[$(stringify!($target)),*];

        mod as_it_is {
            $(#[test] fn $target() { super::replay(stringify!($target)); })*
        }

        mod mutated {
            $(#[test] fn $target() { super::mutate(stringify!($target)); })*
        }
    };
}

targets!(
    authority,
    codings,
    conditions,
    conn_script,
    conversation,
    date,
    decode,
    fields,
    listing,
    log_line,
    markdown,
    parse_request,
    range,
    rules,
    site,
    target
);

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
    assert_eq!(names, TARGETS);
}
