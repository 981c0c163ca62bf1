//! The list of what ours may take all the same, and why that does no harm.

use std::fmt::{self, Display};

use super::peers::NAMES;
use super::reading::{Head, Reading};
use super::verdict::Lenience;

/// An entry of the list.
struct Entry {
    says: &'static str,
    why: &'static str,
    how: Lenience,
    /// Whether it is about this input, as ours reads it.
    is_it: fn(&[u8], &Head) -> bool,
}

const ENTRIES: &[Entry] = &[];

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

    /// Whether an entry is about this.
    pub fn explains(&mut self, input: &[u8], ours: &Reading, how: Lenience) -> bool {
        let Reading::Read(head, _) = ours else { return false };
        let found = ENTRIES.iter().position(|entry| entry.how == how && (entry.is_it)(input, head));
        found.inspect(|at| self.explained[*at] += 1).is_some()
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
