//! What is said at the end. Pure: counts in, text out.

use std::fmt::Write;
use std::time::Duration;

use super::sibling::{Outcome, Problem};
use crate::codec::Format;

/// The counts of a run.
#[derive(Debug, Default)]
pub(super) struct Summary {
    /// Files of all types and sizes.
    pub files: usize,
    /// Those of a type and size to compress.
    pub originals: usize,
    /// Directories that could not be listed.
    pub unreadable: usize,
    codings: [Counts; Format::ALL.len()],
}

/// The same for one coding.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    written: usize,
    up_to_date: usize,
    not_worth_it: usize,
    left_alone: usize,
    failed: usize,
    stopped: usize,
    /// Of the originals whose siblings are right now …
    before: u64,
    /// … and of these siblings.
    after: u64,
}

impl Summary {
    /// Counts what became of one sibling of an original of so many bytes.
    pub fn add(&mut self, format: Format, original: u64, result: &Result<Outcome, Problem>) {
        let Some(index) = Format::ALL.iter().position(|known| *known == format) else { return };
        let counts = &mut self.codings[index];
        match result {
            Ok(Outcome::Written(_)) => counts.written += 1,
            Ok(Outcome::UpToDate(_)) => counts.up_to_date += 1,
            Ok(Outcome::NotWorthIt) => counts.not_worth_it += 1,
            Ok(Outcome::LeftAlone) => counts.left_alone += 1,
            Err(Problem::Stopped) => counts.stopped += 1,
            Err(Problem::Changed | Problem::Wrong | Problem::Panicked | Problem::Io(_)) => counts.failed += 1,
        }
        if let Ok(Outcome::Written(len) | Outcome::UpToDate(len)) = result {
            counts.before = counts.before.saturating_add(original);
            counts.after = counts.after.saturating_add(*len);
        }
    }

    /// How many siblings have been counted.
    pub fn jobs(&self) -> usize {
        let each = |counts: &Counts| {
            counts.written
                + counts.up_to_date
                + counts.not_worth_it
                + counts.left_alone
                + counts.failed
                + counts.stopped
        };
        self.codings.iter().map(each).sum()
    }

    /// How many errors there were.
    pub fn failed(&self) -> usize {
        self.unreadable + self.codings.iter().map(|counts| counts.failed).sum::<usize>()
    }

    /// The whole text.
    pub fn text(&self, took: Duration) -> String {
        let seconds = took.as_secs_f64();
        let mut text = format!(
            "{} of {} files are of a type and size to compress; {seconds:.1} s\n",
            self.originals, self.files
        );
        for (format, counts) in Format::ALL.iter().zip(&self.codings) {
            let _ = write!(
                text,
                "  {:5} {} written, {} up to date, {} not worth it",
                format.suffix(),
                counts.written,
                counts.up_to_date,
                counts.not_worth_it
            );
            for (count, what) in [(counts.left_alone, "left alone"), (counts.failed, "failed")] {
                if count > 0 {
                    let _ = write!(text, ", {count} {what}");
                }
            }
            if counts.before > 0 {
                let _ = write!(text, ": {} became {}", size(counts.before), size(counts.after));
            }
            text.push('\n');
        }
        text
    }
}

/// A size for people.
fn size(bytes: u64) -> String {
    let mut unit = "bytes";
    let mut value = bytes as f64;
    for next in ["KiB", "MiB", "GiB", "TiB"] {
        if value < 1024.0 {
            break;
        }
        (value, unit) = (value / 1024.0, next);
    }
    if unit == "bytes" { format!("{bytes} bytes") } else { format!("{value:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_for_people() {
        for (bytes, expected) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1024, "1.0 KiB"),
            (1_572_864, "1.5 MiB"),
            (u64::MAX, "16777216.0 TiB"),
        ] {
            assert_eq!(size(bytes), expected);
        }
    }

    #[test]
    fn every_result_is_counted_once_and_bytes_are_those_of_right_siblings() {
        let mut summary = Summary { files: 9, originals: 2, ..Summary::default() };
        let failed = || Err(Problem::Io(std::io::ErrorKind::PermissionDenied.into()));
        for (format, result) in [
            (Format::Brotli, Ok(Outcome::Written(200))),
            (Format::Brotli, Ok(Outcome::UpToDate(24))),
            (Format::Zstd, Ok(Outcome::NotWorthIt)),
            (Format::Zstd, Ok(Outcome::LeftAlone)),
            (Format::Gzip, failed()),
            (Format::Gzip, Err(Problem::Stopped)),
        ] {
            summary.add(format, 1024, &result);
        }
        summary.unreadable = 1;
        assert_eq!((summary.jobs(), summary.failed()), (6, 2));
        assert_eq!(
            summary.text(Duration::from_millis(1234)),
            "2 of 9 files are of a type and size to compress; 1.2 s\n  \
             .br   1 written, 1 up to date, 0 not worth it: 2.0 KiB became 224 bytes\n  \
             .zst  0 written, 0 up to date, 1 not worth it, 1 left alone\n  \
             .gz   0 written, 0 up to date, 0 not worth it, 1 failed\n"
        );
    }
}
