//! SECURITY.md says what is so: its table of requirements is complete, and each test that it
//! names is there and says which requirement it is for. What ships is reviewed, and no
//! older than its last known fault.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// All requirements: 1 to 51, and those between two numbers.
fn requirements() -> Vec<String> {
    let between = |number: u32| match number {
        9 => &["", "b"][..],
        28 => &["", "b", "c", "d"],
        29 => &["", "b", "c"],
        _ => &[""],
    };
    (1..=51).flat_map(|number| between(number).iter().map(move |part| format!("R{number}{part}"))).collect()
}

fn read(path: &str) -> String {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path));
    text.unwrap_or_else(|error| panic!("{path}: {error}")).replace("\r\n", "\n")
}

/// The rows of the table under a heading, without its head.
fn rows(text: &str, heading: &str) -> Vec<Vec<String>> {
    let (_, section) = text.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no {heading}"));
    let lines = section.lines().skip_while(|line| !line.starts_with('|'));
    let table = lines.take_while(|line| line.starts_with('|')).skip(2);
    let cells = |line: &str| {
        let cells = line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned());
        cells.collect::<Vec<_>>()
    };
    table.map(cells).collect()
}

/// What stands in back quotes.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// The tests of a file, each with what is said above it.
fn tests_of(path: &str) -> BTreeMap<String, String> {
    let (mut tests, mut said, mut is_test) = (BTreeMap::new(), String::new(), false);
    for line in read(path).lines().map(str::trim) {
        if let Some(doc) = line.strip_prefix("///") {
            said += doc;
        } else if line.starts_with("#[") {
            is_test |= line == "#[test]";
        } else {
            let name = line.strip_prefix("fn ").and_then(|rest| rest.split('(').next());
            if let (Some(name), true) = (name, is_test) {
                tests.insert(name.to_owned(), said.clone());
            }
            (said, is_test) = (String::new(), false);
        }
    }
    tests
}

/// Whether a text names a requirement, and not a longer one.
fn names(text: &str, requirement: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == requirement)
}

/// The tests that a row names: path and name.
fn named_tests(row: &[String]) -> Vec<(String, String)> {
    let of_file = |entry: &str| {
        let (path, names) = entry.split_once(": ").unwrap_or_else(|| panic!("no file and tests: {entry:?}"));
        let path = quoted(path).next().unwrap().to_owned();
        quoted(names).map(|name| (path.clone(), name.to_owned())).collect::<Vec<_>>()
    };
    row[2].split("; ").flat_map(of_file).collect()
}

#[test]
fn the_table_of_requirements_is_complete_and_in_order() {
    let rows = rows(&read("SECURITY.md"), "## Requirements and their tests");
    let found: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(found, requirements());
    for row in &rows {
        assert!(row.len() == 4 && row[1].len() > 20, "{row:?}");
        assert!(!named_tests(row).is_empty(), "{} has no test", row[0]);
    }
}

#[test]
fn each_test_of_the_table_exists_and_names_its_requirement() {
    let mut wrong = Vec::new();
    let mut known: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for row in rows(&read("SECURITY.md"), "## Requirements and their tests") {
        for (path, name) in named_tests(&row) {
            let tests = known.entry(path.clone()).or_insert_with(|| tests_of(&path));
            match tests.get(&name) {
                None => wrong.push(format!("{}: {path} has no test {name}", row[0])),
                Some(said) if !names(said, &row[0]) => {
                    wrong.push(format!("{0}: {path}: {name} does not say {0} above it", row[0]));
                }
                Some(_) => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A test that says that it is for a requirement stands in its row: else the table would be
/// forgotten when tests are added.
#[test]
fn each_test_that_names_a_requirement_is_in_the_table() {
    let mut listed: BTreeSet<(String, String, String)> = BTreeSet::new();
    for row in rows(&read("SECURITY.md"), "## Requirements and their tests") {
        let requirement = &row[0];
        listed.extend(named_tests(&row).into_iter().map(|(path, name)| (requirement.clone(), path, name)));
    }
    let mut missing = Vec::new();
    for path in sources() {
        for (name, said) in tests_of(&path) {
            for requirement in requirements().into_iter().filter(|requirement| names(&said, requirement)) {
                let entry = (requirement, path.clone(), name.clone());
                if !listed.contains(&entry) {
                    missing.push(entry);
                }
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// What was found is held by something: tests that exist, and inputs of fuzz targets; and no
/// such input is passed over in silence.
#[test]
fn each_finding_is_held_and_each_regression_is_told() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut told = BTreeSet::new();
    for row in rows(&read("SECURITY.md"), "## What was found") {
        assert!(row.len() == 3 && !row[2].is_empty(), "{row:?}");
        for entry in row[2].split("; ") {
            let Some((path, tests)) = entry.split_once(": ") else {
                let path = quoted(entry).next().unwrap();
                assert!(path.starts_with("fuzz/regressions/") && top.join(path).is_file(), "{path}");
                told.insert(path.to_owned());
                continue;
            };
            let known = tests_of(quoted(path).next().unwrap());
            quoted(tests).for_each(|name| assert!(known.contains_key(name), "{path} has no test {name}"));
        }
    }
    for target in std::fs::read_dir(top.join("fuzz/regressions")).unwrap().map(|entry| entry.unwrap().path())
    {
        for input in std::fs::read_dir(&target).unwrap().map(|entry| entry.unwrap().file_name()) {
            let names = [target.file_name().unwrap(), &input].map(|name| name.to_str().unwrap().to_owned());
            let path = format!("fuzz/regressions/{}", names.join("/"));
            assert!(told.contains(&path), "{path} is not told of");
        }
    }
}

/// All sources, from the top of the package.
fn sources() -> Vec<String> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut sources, mut directories) = (Vec::new(), vec![top.join("src"), top.join("tests")]);
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let path = path.strip_prefix(top).unwrap().to_string_lossy().replace('\\', "/");
                sources.push(path);
            }
        }
    }
    sources
}

#[test]
fn what_is_read_here_is_read_right() {
    let own = tests_of("tests/security.rs");
    assert!(own["arithmetic_is_checked_in_what_ships"].contains("R29b") && !own.contains_key("read"));
    assert!(tests_of("src/h1/parse_tests.rs").contains_key("no_bytes_make_the_parser_panic"), "in a macro");
    assert!(names("R2, R12: x", "R2") && names("(R9b)", "R9b") && !names("R12 R9b", "R2"));
    assert!(!names("R9b", "R9") && requirements().len() == 57);
    let row = ["R1", "…", "`a.rs`: `x`, `y`; `b.rs`: `z`"].map(str::to_owned);
    let named = named_tests(&row).into_iter().map(|(path, name)| path + &name).collect::<Vec<_>>();
    assert_eq!(named, ["a.rsx", "a.rsy", "b.rsz"]);
}

/// R29b: lengths and offsets come from the wire.
#[test]
fn arithmetic_is_checked_in_what_ships() {
    let manifest = read("Cargo.toml");
    let (_, release) = manifest.split_once("\n[profile.release]\n").unwrap();
    let release = release.split("\n[").next().unwrap();
    assert!(release.lines().any(|line| line == "overflow-checks = true"), "{release}");
    for lint in ["unwrap_used", "expect_used", "undocumented_unsafe_blocks"] {
        assert!(manifest.contains(&format!("\n{lint} = \"deny\"\n")), "{lint}");
    }
}

/// A package of Cargo.lock: its versions, and the names of what it needs.
#[derive(Default)]
struct Locked {
    versions: Vec<String>,
    needs: BTreeSet<String>,
}

fn locked() -> BTreeMap<String, Locked> {
    let mut packages: BTreeMap<String, Locked> = BTreeMap::new();
    for package in read("Cargo.lock").split("\n[[package]]\n").skip(1) {
        let value = |key: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(&format!("{key} = ")));
            line.map(|value| value.trim_matches('"').to_owned())
        };
        let entry = packages.entry(value("name").unwrap()).or_default();
        entry.versions.push(value("version").unwrap());
        let needs = package.split("dependencies = [\n").nth(1).unwrap_or_default();
        // A version stands behind the name where there are several.
        let names = needs.lines().take_while(|line| *line != "]");
        entry.needs.extend(
            names
                .filter_map(|line| line.trim().trim_matches(['"', ',']).split(' ').next())
                .map(|name| name.trim_matches('"').to_owned()),
        );
    }
    packages
}

/// R50: the last version of each that had a fault which could hurt us, and its advisory.
#[test]
fn no_dependency_is_older_than_its_last_known_fault() {
    let least = [
        ("mio", "1.2.0", "RUSTSEC-2024-0019, and its pollers"),
        ("httparse", "1.10.1", ""),
        ("slab", "0.4.11", "RUSTSEC-2025-0047"),
        ("bytes", "1.11.1", "RUSTSEC-2026-0007"),
        // Not among ours today, and not to come back old.
        ("rustls", "0.23.18", "RUSTSEC-2024-0399"),
        ("h2", "0.4.16", "RUSTSEC-2026-0258"),
    ];
    let number = |version: &str| -> Vec<u32> {
        let plain = version.split(['-', '+']).next().unwrap();
        plain.split('.').map(|part| part.parse().unwrap()).collect()
    };
    assert!(number("1.11.1") > number("1.2.0") && number("0.4.9") < number("0.4.11"));
    let packages = locked();
    for (name, least, why) in least {
        for version in packages.get(name).iter().flat_map(|package| &package.versions) {
            assert!(number(version) >= number(least), "{name} {version} is older than {least}: {why}");
        }
    }
    for name in ["mio", "httparse", "slab", "bytes"] {
        assert!(packages.contains_key(name), "{name}");
    }
}

/// The names of all that ships or helps to build it, on every system: what `[dependencies]`
/// and its like for some systems need, and so on.
fn shipped() -> BTreeSet<String> {
    let manifest = read("Cargo.toml");
    let mut queue: Vec<String> = Vec::new();
    for section in manifest.split("\n[").skip(1) {
        let (head, body) = section.split_once("]\n").unwrap_or_default();
        if head == "dependencies" || (head.starts_with("target.") && head.ends_with(".dependencies")) {
            let names = body.lines().filter(|line| !line.starts_with('#'));
            queue.extend(names.filter_map(|line| line.split_once(" = ")).map(|(name, _)| name.to_owned()));
        }
    }
    let (packages, mut found) = (locked(), BTreeSet::new());
    while let Some(name) = queue.pop() {
        if found.insert(name.clone()) {
            queue.extend(packages[&name].needs.iter().cloned());
        }
    }
    found
}

/// R50: each dependency has a row in docs/dependencies.md, of the very version.
#[test]
fn every_dependency_that_ships_is_reviewed() {
    let packages = locked();
    let rows = rows(&read("docs/dependencies.md"), "## The table");
    let reviewed: BTreeMap<&str, &str> =
        rows.iter().map(|row| (row[0].trim_matches('`'), row[1].as_str())).collect();
    let shipped = shipped();
    assert!(shipped.len() > 40, "{shipped:?}");
    let unreviewed: Vec<_> = shipped.iter().filter(|name| !reviewed.contains_key(name.as_str())).collect();
    let gone: Vec<_> = reviewed.keys().filter(|name| !shipped.contains(**name)).collect();
    assert!(unreviewed.is_empty() && gone.is_empty(), "unreviewed: {unreviewed:?}, gone: {gone:?}");
    for (name, versions) in reviewed {
        let locked = packages[name].versions.join(", ");
        assert_eq!(versions, locked, "{name} is another version by now: look at it again");
    }
    for row in &rows {
        assert!(row.len() == 6 && row.iter().all(|cell| !cell.is_empty()), "{row:?}");
    }
}
