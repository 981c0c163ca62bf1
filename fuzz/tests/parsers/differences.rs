//! The list of what ours may take all the same, and why that does no harm.

use std::fmt::{self, Display};

use super::peers::NAMES;
use super::reading::{Head, Reading};

/// An entry of the list. It explains what ours takes if, without that very thing, ours is not
/// more lenient any more.
struct Entry {
    says: &'static str,
    why: &'static str,
    /// The same input without it; None if it is not there.
    without: fn(&[u8], &Head) -> Option<Vec<u8>>,
}

const ENTRIES: [Entry; 3] = [
    Entry {
        says: "one empty line before a request",
        why: "RFC 9112 §2.2: a server should ignore it. What is Incomplete, or refused, at its \
              front is so to those that do not.",
        without: |input, _| input.strip_prefix(b"\r\n").map(<[u8]>::to_vec),
    },
    Entry {
        says: "bytes in a target that stand in no URI: UTF-8, and \"<>[\\]^`{|}",
        why: "People and browsers send them. They are no white space and no control bytes, so they \
              cannot move where a target or a request ends; what is not UTF-8 is refused.",
        without: pure_target,
    },
    Entry {
        says: "methods that nobody has registered",
        why: "RFC 9110 §9.1: any token is a method, and 501 is what says that it is not known. llhttp \
              knows a list, and refuses the rest.",
        without: registered_method,
    },
];

/// With a method that everybody knows.
fn registered_method(input: &[u8], head: &Head) -> Option<Vec<u8>> {
    const KNOWN: [&[u8]; 9] =
        [b"GET", b"HEAD", b"OPTIONS", b"POST", b"PUT", b"DELETE", b"TRACE", b"PATCH", b"CONNECT"];
    let rest = input.strip_prefix(&head.method[..]).filter(|_| !KNOWN.contains(&&head.method[..]))?;
    Some([b"GET", rest].concat())
}

/// With a letter instead of every byte that RFC 3986 has no place for.
fn pure_target(input: &[u8], head: &Head) -> Option<Vec<u8>> {
    let start = input.windows(head.target.len()).position(|window| window == head.target)?;
    let is_odd = |b: &u8| !b.is_ascii() || b"\"<>[\\]^`{|}".contains(b);
    let mut input = input.to_vec();
    let target = &mut input[start..start + head.target.len()];
    target.iter().any(is_odd).then(|| target.iter_mut().filter(|b| is_odd(b)).for_each(|b| *b = b'a'))?;
    Some(input)
}

/// What was found, and by how many inputs.
#[derive(Default)]
pub struct Tally {
    /// Taken and refused, by ours and by each of the others.
    taken: [usize; NAMES.len() + 1],
    refused: [usize; NAMES.len() + 1],
    /// Taken by two or more of the others, and not by ours.
    stricter: usize,
    explained: [usize; ENTRIES.len()],
}

impl Tally {
    pub fn count(&mut self, ours: &Reading, others: &[Reading; NAMES.len()]) {
        let is_read = |reading: &Reading| matches!(reading, Reading::Read(..));
        for (at, reading) in std::iter::once(ours).chain(others).enumerate() {
            self.taken[at] += usize::from(is_read(reading));
            self.refused[at] += usize::from(*reading == Reading::Refused);
        }
        let is_taken = others.iter().filter(|other| is_read(other)).count() >= 2;
        self.stricter += usize::from(is_taken && !is_read(ours));
    }

    /// The same input without what the next entry is about, which is noted; None if it is
    /// about none of them.
    pub fn without_one(&mut self, input: &[u8], ours: &Reading) -> Option<Vec<u8>> {
        let Reading::Read(head, _) = ours else { return None };
        let mut found = ENTRIES.iter().zip(&mut self.explained);
        found.find_map(|(entry, count)| (entry.without)(input, head).inspect(|_| *count += 1))
    }

    /// The entries that could be left out.
    pub fn dead(&self) -> Vec<&'static str> {
        let counted = ENTRIES.iter().zip(self.explained);
        counted.filter(|(_, count)| *count == 0).map(|(entry, _)| entry.says).collect()
    }

    /// Whether every reader has taken and refused a thousand.
    pub fn is_telling(&self) -> bool {
        self.taken.iter().chain(&self.refused).all(|count| *count >= 1000)
    }
}

impl Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, name) in ["serve"].iter().chain(&NAMES).enumerate() {
            writeln!(f, "{name:12}{:7} taken {:7} refused", self.taken[at], self.refused[at])?;
        }
        writeln!(f, "{} taken by two others and not by ours", self.stricter)?;
        for (entry, count) in ENTRIES.iter().zip(self.explained) {
            writeln!(f, "{count:6}  {} ({})", entry.says, entry.why)?;
        }
        Ok(())
    }
}
