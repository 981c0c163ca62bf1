//! One sibling: looked at, made, compared with its original, put in place. What the file
//! system does meanwhile never makes it a wrong one.

use std::fmt;
use std::io::{self, BufWriter, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::place::{self, Draft};
use super::walk::{Original, Tree};
use crate::codec::{self, Format, Level};
use crate::sys::{Kind, Opened, Stat, Version};

/// A sibling has to save a twentieth, which is about where a shorter transfer is worth
/// the decoding …
const SAVED_PART: u64 = 20;
/// … and at least this: a file more on the disk, and `Vary` in each response.
const SAVED_BYTES: u64 = 256;

/// So much is written at once.
const WRITE_BUFFER: usize = 64 * 1024;

/// What became of a sibling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// With so many bytes.
    Written(u64),
    /// It was right already, with so many bytes.
    UpToDate(u64),
    /// It would save too little.
    NotWorthIt,
    /// There is something else under its name, like a link: somebody's intention.
    LeftAlone,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Written(len) => write!(f, "written, {len} bytes"),
            Outcome::UpToDate(len) => write!(f, "up to date, {len} bytes"),
            Outcome::NotWorthIt => f.write_str("not worth it"),
            Outcome::LeftAlone => f.write_str("left alone, for it is not a plain file"),
        }
    }
}

/// Why there is none.
#[derive(Debug)]
pub(super) enum Problem {
    /// A signal came.
    Stopped,
    /// The original was written meanwhile; which of its states was compressed?
    Changed,
    /// What was written does not decode to the original.
    Wrong,
    /// The library gave up.
    Panicked,
    /// The file system.
    Io(io::Error),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Stopped => f.write_str("stopped"),
            Problem::Changed => f.write_str("not written, for the original changed meanwhile; run it again"),
            Problem::Wrong => f.write_str("not written, for it does not decode to the original"),
            Problem::Panicked => f.write_str("not written, for the compressor failed"),
            Problem::Io(error) => write!(f, "{error}"),
        }
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Problem {
        Problem::Io(error)
    }
}

/// How far all threads are, and whether they are to stop.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    done: AtomicU64,
    total: AtomicU64,
    stopped: AtomicBool,
}

impl Gauge {
    pub fn set_total(&self, total: u64) {
        self.total.store(total, Ordering::Relaxed);
    }

    /// What is done, 0 to 100.
    pub fn percent(&self) -> u64 {
        let (done, total) = (self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed));
        // In wide numbers, for costs are products.
        let percent = u128::from(done) * 100 / u128::from(total.max(1));
        u64::try_from(percent).unwrap_or(100).min(100)
    }

    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

/// Reads as long as nobody says stop, and counts.
struct Metered<'a, R> {
    inner: R,
    gauge: &'a Gauge,
    /// What a byte counts, and what there is left to count.
    counted: Option<(u64, &'a mut u64)>,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.gauge.is_stopped() {
            return Err(io::Error::other("stopped"));
        }
        let count = self.inner.read(buffer)?;
        if let Some((each, left)) = &mut self.counted {
            let counted = (count as u64).saturating_mul(*each).min(**left);
            **left -= counted;
            self.gauge.done.fetch_add(counted, Ordering::Relaxed);
        }
        Ok(count)
    }
}

/// Makes the sibling of one coding, unless it is there or does not pay. `cost` is what
/// it counts in the gauge.
pub(super) fn make(
    tree: &Tree,
    original: &Original,
    format: Format,
    cost: u64,
    gauge: &Gauge,
) -> Result<Outcome, Problem> {
    let mut left = cost;
    let work = Work { tree, original, format, gauge };
    let result = work.make(cost / original.stat.len.max(1), &mut left);
    gauge.done.fetch_add(left, Ordering::Relaxed);
    // A reader that stopped is an error like others to a library.
    if gauge.is_stopped() && result.is_err() { Err(Problem::Stopped) } else { result }
}

struct Work<'a> {
    tree: &'a Tree,
    original: &'a Original,
    format: Format,
    gauge: &'a Gauge,
}

/// What there is under the name of a sibling.
enum Present {
    Nothing,
    UpToDate(u64),
    Stale,
    Other,
}

impl Work<'_> {
    fn make(&self, each: u64, left: &mut u64) -> Result<Outcome, Problem> {
        let path = with_suffix(&self.original.path, self.format);
        let Opened { file, stat, version } = self.open_original()?;
        let is_stale = match self.present(&path, &stat)? {
            Present::UpToDate(len) => return Ok(Outcome::UpToDate(len)),
            Present::Other => return Ok(Outcome::LeftAlone),
            Present::Stale => true,
            Present::Nothing => false,
        };
        let mut draft = Draft::beside(&path)?;
        let content = Metered { inner: &file, gauge: self.gauge, counted: Some((each, left)) };
        let to = BufWriter::with_capacity(WRITE_BUFFER, &mut draft);
        match codec::encode_from(self.format, Level::Best, content, stat.len, to) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(Problem::Changed),
            result => result?,
        }
        let len = draft.len();
        // A wrong one may be sent to clients, so it is replaced even if that saves little.
        if !is_stale && !pays(stat.len, len) {
            return Ok(Outcome::NotWorthIt);
        }
        self.finish(draft, &path, &version)?;
        Ok(Outcome::Written(len))
    }

    /// Puts a draft in place, if it is what the original, looked at as `before`, still is.
    fn finish(&self, mut draft: Draft, path: &Path, before: &Version) -> Result<(), Problem> {
        // Through its name, for a new file may have taken its place.
        let Opened { file, stat, version } = self.open_original()?;
        if version != *before {
            return Err(Problem::Changed);
        }
        if !codec::decodes_to(self.format, draft.read()?, self.watched(&file))? {
            // Within one tick of the clock a file can change unseen.
            let changed = self.open_original().map_or(true, |again| again.version != *before);
            return Err(if changed { Problem::Changed } else { Problem::Wrong });
        }
        Ok(draft.place(path, stat.modified, file.metadata()?.permissions())?)
    }

    fn open_original(&self) -> Result<Opened, Problem> {
        let opened = match self.tree.root.open(&self.original.name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Problem::Changed),
            opened => opened?,
        };
        if opened.stat.kind != Kind::File { Err(Problem::Changed) } else { Ok(opened) }
    }

    fn present(&self, path: &Path, original: &Stat) -> Result<Present, Problem> {
        match place::kind(path)? {
            place::Kind::Nothing => return Ok(Present::Nothing),
            place::Kind::Other => return Ok(Present::Other),
            place::Kind::File => {}
        }
        let mut name = self.original.name.clone();
        name.extend_from_slice(self.format.suffix().as_bytes());
        let sibling = self.tree.root.open(&name)?;
        // The rule of the server: no older than its original.
        if sibling.stat.modified < original.modified {
            return Ok(Present::Stale);
        }
        let content = self.open_original()?.file;
        let coded = self.watched(&sibling.file);
        let is_right = codec::decodes_to(self.format, coded, &content)?;
        Ok(if is_right { Present::UpToDate(sibling.stat.len) } else { Present::Stale })
    }

    /// A reader that can be stopped and does not count.
    fn watched<R: Read>(&self, inner: R) -> Metered<'_, R> {
        Metered { inner, gauge: self.gauge, counted: None }
    }
}

fn with_suffix(path: &Path, format: Format) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(format.suffix());
    PathBuf::from(path)
}

/// Whether a coding saves enough to be kept.
fn pays(original: u64, coded: u64) -> bool {
    original.saturating_sub(coded) >= (original / SAVED_PART).max(SAVED_BYTES)
}

#[cfg(test)]
#[path = "sibling_tests.rs"]
mod tests;
