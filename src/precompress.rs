//! Floor 5: the other thing that the program can be. It writes the precompressed siblings
//! `.br`, `.zst` and `.gz` for a whole tree, at the highest level, and ends.
//!
//! A sibling is made under a hidden name, compared with its original, and then put in
//! place at once, so a server that runs meanwhile never sees half of one. Nothing is ever
//! removed but what was not finished. It never follows links and opens no sockets.

mod place;
mod screen;
mod sibling;
mod summary;
mod walk;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};

use crate::clock::Now;
use crate::codec::Format;
use crate::config::{Config, Exit};
use crate::sys;

use screen::{DRAW_INTERVAL, Screen};
use sibling::{Gauge, Outcome, Problem};
use summary::Summary;
use walk::{Original, Tree};

/// One sibling to make.
#[derive(Clone, Copy)]
struct Job<'a> {
    original: &'a Original,
    format: Format,
}

impl Job<'_> {
    /// In units of what gzip does with a byte; from measurements.
    fn cost(&self) -> u64 {
        let each = match self.format {
            Format::Brotli => 50,
            Format::Zstd => 14,
            Format::Gzip => 1,
        };
        self.original.stat.len.saturating_mul(each)
    }
}

/// Precompresses the tree at the root of `config`.
///
/// # Errors
/// [`Exit`] when the root cannot be read, when some files could not be compressed, or when
/// it was stopped by a signal.
pub fn run(config: &Config) -> Result<(), Exit> {
    let begin = Now::read();
    let tree = Tree::open(&config.root, config.site.hidden)
        .map_err(|error| Exit::failure(format_args!("cannot open {}: {error}", config.root.display())))?;
    let gauge = Arc::new(Gauge::default());
    let stopped = Arc::clone(&gauge);
    sys::on_stop_signal(move || stopped.stop())
        .map_err(|error| Exit::failure(format_args!("cannot listen to signals: {error}")))?;
    let mut screen = Screen::new(config.quiet);
    if config.verbose {
        screen.say(config.settings.trim_end());
    }
    let mut summary = Summary::default();
    let originals = {
        let told = |path: &Path, error: io::Error| {
            summary.unreadable += 1;
            screen.say(&format!("error: {}: {error}", path.display()));
        };
        tree.originals(&config.site.media_types, &gauge, told)
    };
    summary.files = originals.seen;
    summary.originals = originals.found.len();
    let mut jobs: Vec<Job<'_>> = Vec::with_capacity(originals.found.len() * Format::ALL.len());
    for original in &originals.found {
        jobs.extend(Format::ALL.map(|format| Job { original, format }));
    }
    // The longest first: else one thread would end with it, and the others wait.
    jobs.sort_by_key(|job| std::cmp::Reverse(job.cost()));
    gauge.set_total(jobs.iter().map(Job::cost).fold(0, u64::saturating_add));
    work(&tree, &jobs, config.threads, &gauge, |event| {
        if let Some((job, result)) = event {
            summary.add(job.format, job.original.stat.len, &result);
            if let Some(line) = line(job, &result, config.verbose) {
                screen.say(&line);
            }
        }
        screen.progress(&Now::read(), &gauge, summary.jobs(), jobs.len());
    });
    screen.clear();
    if !config.quiet {
        screen.say(summary.text(begin.instant.elapsed()).trim_end());
    }
    match summary.failed() {
        _ if gauge.is_stopped() => Err(Exit::failure(
            "stopped before the end; what is written is complete, and the next run goes on from there",
        )),
        0 => Ok(()),
        1 => Err(Exit::failure("one error, told above; the rest is done")),
        count => Err(Exit::failure(format_args!("{count} errors, told above; the rest is done"))),
    }
}

/// What is said of one sibling; for the most of them nothing.
fn line(job: Job<'_>, result: &Result<Outcome, Problem>, verbose: bool) -> Option<String> {
    let name = format!("{}{}", job.original.path.display(), job.format.suffix());
    match result {
        // Said once, at the end.
        Err(Problem::Stopped) => None,
        Err(problem) => Some(format!("error: {name}: {problem}")),
        Ok(outcome) => verbose.then(|| format!("{name}: {outcome}")),
    }
}

/// Does all jobs on so many threads. Each result is handed on as it comes; None comes
/// when there is none for a while.
fn work<'a>(
    tree: &Tree,
    jobs: &[Job<'a>],
    threads: usize,
    gauge: &Gauge,
    mut event: impl FnMut(Option<(Job<'a>, Result<Outcome, Problem>)>),
) {
    let next = AtomicUsize::new(0);
    let (sender, results) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..threads.min(jobs.len()) {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    // A library that gives up on one file must not take the others with it.
                    let made =
                        AssertUnwindSafe(|| sibling::make(tree, job.original, job.format, job.cost(), gauge));
                    let result = catch_unwind(made).unwrap_or(Err(Problem::Panicked));
                    if sender.send((*job, result)).is_err() || gauge.is_stopped() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        loop {
            match results.recv_timeout(DRAW_INTERVAL) {
                Ok(result) => event(Some(result)),
                Err(RecvTimeoutError::Timeout) => event(None),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
    });
}
