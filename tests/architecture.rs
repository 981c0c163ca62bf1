//! Holds the house together: who may know whom, what may stand where, how long it may be.
//!
//! It reads the sources as text, as rustfmt leaves them: an item ends at the closing
//! brace with its own indentation. Each message says what to do.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::fmt::Write;
use std::path::{Path, PathBuf};

/// The floors, lowest first (src/lib.rs tells what they are). A module knows those below
/// it, and none beside it.
const FLOORS: [&[&str]; 6] = [
    &["sys", "sync"],
    &["segment", "clock", "pool", "codec"],
    &["net", "http"],
    &["h1", "site", "log"],
    &["config"],
    &["server", "precompress", "explain"],
];

/// Lower, and still none of their business: sockets are the loop's.
const NEVER: [(&str, &str); 2] = [("site", "net"), ("log", "net")];

const FILE_LINES_MAX: usize = 450;
/// Lists of cases may be a little longer.
const TEST_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 69;

/// A file of `src`, `tests`, `examples` or `benches`.
struct Source {
    /// From the top of the package, with `/`.
    path: String,
    text: String,
    /// Without comments and test modules; lines keep their numbers.
    code: Vec<String>,
}

impl Source {
    /// `net` for `src/net/accept.rs` and `src/net.rs`; None for what is no part of a floor.
    fn floor(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("src/")?;
        let name = inside.split('/').next()?;
        let name = name.strip_suffix(".rs").unwrap_or(name);
        (!matches!(name, "lib" | "main")).then_some(name)
    }

    /// How many modules it lies below the crate: 1 for `src/net.rs` and `src/net/mod.rs`.
    fn depth(&self) -> usize {
        self.path.matches('/').count() - usize::from(self.path.ends_with("/mod.rs"))
    }

    fn is_test(&self) -> bool {
        let in_tests = |part: &str| part == "tests" || part == "tests.rs" || part.ends_with("_tests.rs");
        self.path.split('/').any(in_tests)
    }

    /// Lines of code with their numbers.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code.iter().enumerate().map(|(index, line)| (index + 1, line.as_str()))
    }
}

/// What ships: `src` without tests.
fn shipped() -> Vec<Source> {
    sources().into_iter().filter(|source| source.path.starts_with("src/") && !source.is_test()).collect()
}

fn sources() -> Vec<Source> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    for directory in ["src", "tests", "examples", "benches"] {
        collect(&top.join(directory), &mut paths);
    }
    paths.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap().replace("\r\n", "\n");
        let path = path.strip_prefix(top).unwrap().to_string_lossy().replace('\\', "/");
        let code = strip(&text);
        Source { path, text, code }
    };
    paths.into_iter().map(read).collect()
}

fn collect(directory: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

/// Blanks out comments and what is only there for tests.
fn strip(text: &str) -> Vec<String> {
    let mut code = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let bare = line.trim_start();
        let indentation = &line[..line.len() - bare.len()];
        if bare.starts_with("#[cfg(test)]") || bare.starts_with("#[cfg(all(test") {
            code.push(String::new());
            // Attributes, then the item: one line, or a block.
            let mut in_block = false;
            for skipped in lines.by_ref() {
                code.push(String::new());
                let begins = !skipped.trim_start().starts_with(['#', '/']);
                if skipped == format!("{indentation}}}") || (begins && !in_block && skipped.ends_with(';')) {
                    break;
                }
                in_block |= begins;
            }
        } else if bare.starts_with("//") {
            code.push(String::new());
        } else {
            code.push(line.split(" // ").next().unwrap_or(line).to_owned());
        }
    }
    code
}

/// Whether `word` stands in `line`, and not as a part of a longer word.
fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let goes_on = word.ends_with(is_part) && line[at + word.len()..].starts_with(is_part);
        !goes_on && !line[..at].ends_with(is_part)
    })
}

/// Fails with one line for each finding.
fn report(findings: Vec<String>, what_to_do: &str) {
    let mut list = String::new();
    for finding in &findings {
        writeln!(list, "  {finding}").unwrap();
    }
    assert!(findings.is_empty(), "\n{list}{what_to_do}\n");
}

/// Every line of shipped code with one of these words, outside of these places (a file, or
/// a folder with all in it).
fn misplaced(words: &[&str], places: &[&str]) -> Vec<String> {
    let mut findings = Vec::new();
    for source in shipped() {
        if places.iter().any(|place| source.path == *place || source.path.starts_with(&format!("{place}/"))) {
            continue;
        }
        for (number, line) in source.lines() {
            // The type alone does nothing: it is what a segment holds, and what sendfile is given.
            let line = line.replace("std::fs::File", "File");
            if words.iter().any(|word| has_word(&line, word)) {
                findings.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    findings
}

/// The modules that a text names as `crate::x` or `crate::{x, y::z}`.
fn known_modules(text: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let mut modules = Vec::new();
    for (at, path) in text.match_indices("crate::") {
        let rest = &text[at + path.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            modules.push(name(rest));
            continue;
        };
        let (mut depth, mut begins) = (0, true);
        for (at, c) in group.char_indices() {
            match c {
                '}' if depth == 0 => break,
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => begins = true,
                _ if begins && !c.is_whitespace() => {
                    modules.push(name(&group[at..]));
                    begins = false;
                }
                _ => {}
            }
        }
    }
    modules
}

fn floor_number(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

#[test]
fn modules_know_only_the_floors_below_them() {
    let mut findings = Vec::new();
    for source in shipped() {
        let Some(own) = source.floor() else { continue };
        for other in known_modules(&source.code.join("\n")).into_iter().filter(|other| other != own) {
            let lower = floor_number(&other) < floor_number(own);
            if !lower || floor_number(&other).is_none() || NEVER.contains(&(own, &other)) {
                findings.push(format!("{}: {own} knows {other}", source.path));
            }
        }
        // `super` must not climb out of the own floor, where nobody would see it.
        for (number, line) in source.lines() {
            if line.contains(&"super::".repeat(source.depth())) {
                findings.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    report(
        findings,
        "A module knows only lower floors, by `crate::`. Move what both need down, or let the floor above \
         bring the two together by a trait.",
    );
}

#[test]
fn every_module_has_a_floor() {
    let mut expected: Vec<&str> = FLOORS.concat();
    expected.sort_unstable();
    let sources = shipped();
    let mut found: Vec<&str> = sources.iter().filter_map(Source::floor).collect();
    found.dedup();
    found.sort_unstable();
    found.dedup();
    assert_eq!(found, expected, "give a new module a floor: in src/lib.rs, and in FLOORS here");
}

#[test]
fn only_the_loop_and_the_system_know_mio() {
    report(
        misplaced(&["mio::", "use mio"], &["src/net", "src/server", "src/server.rs", "src/sys"]),
        "mio is for net, server and sys; everything else takes bytes, segments and deadlines.",
    );
}

/// R27.
#[test]
fn one_place_asks_for_the_time() {
    report(
        misplaced(&["Instant::now", "SystemTime::now"], &["src/clock.rs"]),
        "Take a `&Now` as an argument: who reads the clock cannot be tested in virtual time.",
    );
}

/// R5.
#[test]
fn one_place_touches_the_file_system() {
    // What precompress writes is in one file of it; it reads as the server does. And a server
    // writes one line, if it is told where.
    let places = [
        "src/site/disk.rs",
        "src/config",
        "src/sys",
        "src/log.rs",
        "src/log",
        "src/precompress/place.rs",
        "src/server/ready.rs",
    ];
    let findings = misplaced(&["std::fs", "fs::", "File::", "OpenOptions"], &places);
    report(findings, "Files are opened by sys::Root behind site::disk, and by nobody else (hazards R5).");
}

/// R50.
#[test]
fn unsafe_is_only_in_sys() {
    report(
        misplaced(&["unsafe fn", "unsafe {", "unsafe impl", "unsafe extern"], &["src/sys"]),
        "`unsafe` belongs into sys, behind a safe function with a stated contract.",
    );
}

/// R32: a file that shrinks while it is mapped raises SIGBUS, and on Windows a mapped file
/// cannot be shortened.
#[test]
fn no_file_is_mapped_into_memory() {
    let lock = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock")).unwrap();
    assert!(!lock.contains("name = \"memmap"), "Read files; do not map them.");
    report(misplaced(&["mmap", "memmap", "memmap2", "MapViewOfFile"], &[]), "Read files; do not map them.");
}

/// R48: it starts no other program.
#[test]
fn no_other_program_is_started() {
    report(
        misplaced(&["process::Command", "Command::new", "fork", "execve"], &[]),
        "There is nothing to run.",
    );
}

/// R29b.
#[test]
fn nothing_on_the_wire_can_panic_by_choice() {
    let words =
        [".unwrap()", ".expect(", ".unwrap_err()", "panic!", "unreachable!", "todo!", "unimplemented!"];
    let mut findings = Vec::new();
    for source in shipped() {
        for (number, line) in source.lines() {
            let quiet = line.replace("debug_assert", "");
            if words.iter().any(|word| quiet.contains(word)) {
                findings.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    report(findings, "Return an error, use `let … else`, or make the case impossible by type.");
}

#[test]
fn every_file_says_what_it_is() {
    let lacks = |source: &Source| !source.text.starts_with("//!");
    let findings = sources().into_iter().filter(lacks).map(|source| source.path).collect();
    report(findings, "Begin the file with `//!`: what it is for, and what it never does.");
}

#[test]
fn files_are_short() {
    let mut findings = Vec::new();
    for source in sources() {
        let lines = source.text.lines().count();
        let most = if source.is_test() { TEST_LINES_MAX } else { FILE_LINES_MAX };
        if lines > most {
            findings.push(format!("{}: {lines} lines, {most} at most", source.path));
        }
    }
    report(findings, "Split it where it tells of two things; tests can go to a file of their own.");
}

/// The functions of some code: line, and how many lines.
fn functions(code: &[String]) -> Vec<(usize, usize)> {
    let is_head = |line: &str| {
        let mut words = line.trim_start().split(' ');
        let qualifiers = ["const", "async", "unsafe", "extern", "\"C\"", "\"system\""];
        let mut word = words.find(|word| !word.starts_with("pub") && !qualifiers.contains(word));
        // `pub(in a::b)` is two words.
        while word.is_some_and(|word| word.ends_with(')') && !word.contains('(')) {
            word = words.next();
        }
        word == Some("fn")
    };
    let mut functions = Vec::new();
    for (start, line) in code.iter().enumerate().filter(|(_, line)| is_head(line)) {
        let indentation = &line[..line.len() - line.trim_start().len()];
        // Without a body, or with all of it in one line, the head is where it ends.
        let head_end = code[start..].iter().position(|line| line.ends_with(['{', ';', '}']));
        let head_end = start + head_end.unwrap_or(0);
        let end = if code[head_end].ends_with('{') {
            let closing = format!("{indentation}}}");
            code[head_end..].iter().position(|line| *line == closing).map(|length| head_end + length)
        } else {
            Some(head_end)
        };
        let end = end.unwrap_or_else(|| panic!("no end of the function in {line:?}: is it formatted?"));
        functions.push((start + 1, end - start + 1));
    }
    functions
}

#[test]
fn functions_are_short() {
    let (mut findings, mut count) = (Vec::new(), 0);
    for source in shipped() {
        for (line, length) in functions(&source.code) {
            count += 1;
            if length > FUNCTION_LINES_MAX {
                findings.push(format!("{}:{line}: {length} lines", source.path));
            }
        }
    }
    assert!(count > 300, "only {count} functions found: does this test still read the code?");
    report(findings, "Functions have less than 70 lines: name the steps, and let each be one.");
}

#[test]
fn nobody_sleeps() {
    // In two pieces, for this file is read, too.
    let word = ["thread", "sleep"].join("::");
    let mut findings = Vec::new();
    for source in sources() {
        for (index, line) in source.text.lines().enumerate() {
            if line.contains(&word) {
                findings.push(format!("{}:{}: {}", source.path, index + 1, line.trim()));
            }
        }
    }
    report(findings, "Wait for the event itself: a read, a channel, a condition, a deadline of the loop.");
}
