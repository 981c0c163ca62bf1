//! The others: hyper in this process; llhttp, `http.server` and h11 in theirs, which get all
//! inputs in a file and answer with a line for each.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::by_hyper;
use super::reading::{Body, Head, Reading};

pub const NAMES: [&str; 4] = ["hyper", "llhttp", "http.server", "h11"];

/// What each of them makes of each input.
pub fn read(inputs: &[Vec<u8>]) -> Vec<[Reading; 4]> {
    if inputs.is_empty() {
        return Vec::new();
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut bytes = Vec::new();
    for input in inputs {
        bytes.extend(u32::try_from(input.len()).unwrap().to_le_bytes());
        bytes.extend(input);
    }
    std::fs::write(file.path(), bytes).unwrap();
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parsers");
    let python = || Command::new(std::env::var_os("PARSERS_PYTHON").unwrap_or_else(|| "python3".into()));
    let mut node = Command::new("node");
    node.arg("--no-deprecation").arg(here.join("llhttp.js"));
    let (mut server, mut h11) = (python(), python());
    server.arg(here.join("python.py")).arg("http.server");
    h11.arg(here.join("python.py")).arg("h11");
    // At once, and hyper beside them.
    let children = [node, server, h11].map(|mut command| {
        let started = command.arg(file.path()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let child = started.unwrap_or_else(|error| panic!("{command:?}: {error}; see .ci/parsers"));
        std::thread::spawn(move || child.wait_with_output().unwrap())
    });
    let by_hyper: Vec<Reading> = inputs.iter().map(|input| by_hyper::read(input)).collect();
    let [llhttp, server, h11] = children.map(|child| {
        let output = child.join().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let readings: Vec<Reading> = text.lines().map(reading).collect();
        assert!(
            output.status.success() && readings.len() == inputs.len(),
            "{}; see .ci/parsers",
            output.status
        );
        readings
    });
    let others = llhttp.into_iter().zip(server).zip(h11);
    by_hyper
        .into_iter()
        .zip(others)
        .map(|(hyper, ((llhttp, server), h11))| [hyper, llhttp, server, h11])
        .collect()
}

fn reading(line: &str) -> Reading {
    let words: Vec<&str> = line.split(' ').collect();
    match words[..] {
        ["refused"] => Reading::Refused,
        ["incomplete"] => Reading::Incomplete,
        ["read", method, target, version, end, body, ref fields @ ..] => {
            let body = match body {
                "long" => Body::Long,
                "chunked" => Body::Chunked,
                "unsaid" => Body::Unsaid,
                digits => Body::of_length(digits.parse().unwrap()),
            };
            let fields = fields.chunks(2).map(|field| (bytes(field[0]), bytes(field[1])));
            let start = [&bytes(method)[..], &bytes(target)];
            Reading::Read(Head::new(start, version, end.parse().unwrap(), fields), body)
        }
        _ => panic!("{line}"),
    }
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits = hexadecimal.strip_prefix('-').unwrap_or(hexadecimal);
    (0..digits.len() / 2).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap()).collect()
}

/// All verdicts, for people.
pub fn told(ours: &Reading, others: &[Reading; 4]) -> String {
    let mut told = format!("  {:12}{}", "serve", one(ours));
    for (name, reading) in NAMES.iter().zip(others) {
        write!(told, "\n  {name:12}{}", one(reading)).unwrap();
    }
    told
}

fn one(reading: &Reading) -> String {
    let Reading::Read(head, body) = reading else { return format!("{reading:?}") };
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let fields: Vec<_> =
        head.fields.iter().map(|(name, value)| format!("{}={}", text(name), text(value))).collect();
    let Head { method, target, version, end, .. } = head;
    format!("{} {} {version}, {end} bytes, {body:?}, {}", text(method), text(target), fields.join("; "))
}
