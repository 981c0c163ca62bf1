//! On a terminal: a line for each transfer that takes its time, below the lines of the log.
//!
//! Loops only store a number now and then ([`Meter`]); a thread looks at these five times a
//! second while there are any, and sleeps while there are none. What moves the cursor is
//! indicatif's business, also that the log is written above.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use percent_encoding::percent_decode;

use super::screen::{Screen, columns};
use crate::clock::Now;
use crate::config::banner::printable;
use crate::http::Meter;

/// Bodies of fewer bytes are there before anyone looks.
const LEN_MIN: u64 = 64 * 1024;

/// What takes no longer is in the log, and would only flicker here.
const PATIENCE: Duration = Duration::from_secs(1);

/// So often the lines are drawn anew.
const INTERVAL: Duration = Duration::from_millis(200);

/// More lines than this nobody reads; the others are counted.
const LINES_MAX: usize = 8;

/// How a line looks on terminals that have so many columns or more, the widest first.
const LINES: [(u16, &str); 3] = [
    (
        72,
        "  {prefix:15}  {wide_msg} {bar:16.cyan/black.bright} {percent:>3}%  {decimal_bytes_per_sec:>11}  {eta:>4}",
    ),
    (40, "{percent:>3}% {wide_msg} {decimal_bytes_per_sec:>11} {eta:>4}"),
    (0, "{percent:>3}% {wide_msg}"),
];

/// An address may have so many characters, as those of IPv4 do; the middle of others is left out.
const CLIENT_MAX: usize = 15;

/// How long the end may wait for a terminal that does not move.
const END_PATIENCE: Duration = Duration::from_secs(1);

/// The transfers that there are.
#[derive(Default)]
pub struct Board {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    transfers: Vec<Transfer>,
    /// Nobody needs lines any more.
    is_over: bool,
    /// Nobody draws any more.
    is_quiet: bool,
}

/// A transfer, as long as its exchange lasts.
struct Transfer {
    meter: Weak<Meter>,
    since: Instant,
}

impl Board {
    /// A body of so many bytes begins to be sent: a meter for it, if it may be worth a line.
    pub fn post(&self, len: u64, make: impl FnOnce() -> Meter) -> Option<Arc<Meter>> {
        if len < LEN_MIN {
            return None;
        }
        let meter = Arc::new(make());
        let transfer = Transfer { meter: Arc::downgrade(&meter), since: Now::instant() };
        let mut state = self.lock();
        let is_first = state.transfers.is_empty();
        state.make_room();
        state.transfers.push(transfer);
        drop(state);
        if is_first {
            self.changed.notify_all();
        }
        Some(meter)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is something to draw, and for the time that it may be old; None at
    /// the end.
    fn next(&self) -> Option<Shown> {
        let idle = |state: &mut State| state.transfers.is_empty() && !state.is_over;
        let state = self.changed.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner);
        let going_on = |state: &mut State| !state.is_over;
        let waited = self.changed.wait_timeout_while(state, INTERVAL, going_on);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        (!state.is_over).then(|| Shown::of(&mut state.transfers, Now::instant()))
    }

    /// Asks for the end, and waits until all is cleared away; tells whether it is, in time.
    fn end(&self, patience: Duration) -> bool {
        let mut state = self.lock();
        state.is_over = true;
        self.changed.notify_all();
        let waited = self.changed.wait_timeout_while(state, patience, |state| !state.is_quiet);
        waited.unwrap_or_else(PoisonError::into_inner).0.is_quiet
    }

    /// All is cleared away.
    fn be_quiet(&self) {
        self.lock().is_quiet = true;
        self.changed.notify_all();
    }
}

impl State {
    /// Forgets those that have ended, before more memory is taken. The thread that draws does
    /// so, too, but a terminal that is stopped holds it up.
    fn make_room(&mut self) {
        if self.transfers.len() == self.transfers.capacity() {
            self.transfers.retain(|transfer| transfer.meter.strong_count() > 0);
            // So that the next look is as far away as this one was long.
            self.transfers.reserve(self.transfers.len().max(16));
        }
    }
}

/// What is drawn.
struct Shown {
    lines: Vec<Arc<Meter>>,
    more: usize,
}

impl Shown {
    /// The oldest that last already; forgets those that have ended.
    fn of(transfers: &mut Vec<Transfer>, now: Instant) -> Shown {
        let mut shown = Shown { lines: Vec::new(), more: 0 };
        transfers.retain(|transfer| {
            let Some(meter) = transfer.meter.upgrade() else { return false };
            if now.saturating_duration_since(transfer.since) < PATIENCE {
            } else if shown.lines.len() < LINES_MAX {
                shown.lines.push(meter);
            } else {
                shown.more += 1;
            }
            true
        });
        shown
    }
}

/// The lines of a terminal. Clones draw on the same one.
#[derive(Clone)]
pub struct Display {
    lines: MultiProgress,
    board: Arc<Board>,
}

impl Display {
    /// On standard error, which is a terminal that can move its cursor, with colours or not.
    pub fn new(color: bool) -> Display {
        // The library has an opinion of its own: of standard output.
        console::set_colors_enabled(color);
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(<Screen>::default()), 10);
        Display { lines: MultiProgress::with_draw_target(target), board: Arc::default() }
    }

    /// Where transfers are told.
    pub fn board(&self) -> Arc<Board> {
        Arc::clone(&self.board)
    }

    /// What is written to `sink`, the same terminal, comes above the lines.
    pub fn above<W: Write>(&self, sink: W) -> Above<W> {
        Above { lines: self.lines.clone(), sink }
    }

    /// Draws until it is dropped.
    ///
    /// # Errors
    /// When there is no thread.
    pub fn start(self) -> io::Result<Drawing> {
        let board = self.board();
        let thread = thread::Builder::new().name("serve-display".into()).spawn(move || self.run())?;
        Ok(Drawing { board, thread: Some(thread) })
    }

    fn run(&self) {
        let mut lines = Lines { drawn: Vec::new(), more: None };
        while let Some(shown) = self.board.next() {
            lines.draw(&self.lines, &shown);
        }
        // Whoever has the terminal next finds it as if nothing had been there.
        let _ = self.lines.clear();
        self.board.be_quiet();
    }
}

/// The thread that draws; dropped, it takes its lines away, if the terminal takes that.
pub struct Drawing {
    board: Arc<Board>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Drawing {
    fn drop(&mut self) {
        // A thread that a stopped terminal holds up ends with the process.
        if let (true, Some(thread)) = (self.board.end(END_PATIENCE), self.thread.take()) {
            // What it had to draw nobody needs any more.
            let _ = thread.join();
        }
    }
}

/// The lines that stand there.
struct Lines {
    drawn: Vec<(Arc<Meter>, ProgressBar)>,
    more: Option<ProgressBar>,
}

impl Lines {
    fn draw(&mut self, lines: &MultiProgress, shown: &Shown) {
        let is_shown = |meter: &Arc<Meter>| shown.lines.iter().any(|other| Arc::ptr_eq(meter, other));
        self.drawn.retain(|(meter, bar)| is_shown(meter) || erase(lines, bar));
        if shown.more == 0 {
            self.more = self.more.take().filter(|bar| erase(lines, bar));
        }
        let style = style(columns());
        for (meter, bar) in &self.drawn {
            bar.set_style(style.clone());
            bar.set_position(meter.sent());
        }
        for (index, meter) in shown.lines.iter().enumerate() {
            if !self.drawn.iter().any(|(other, _)| Arc::ptr_eq(meter, other)) {
                let bar = lines.insert(index, line_of(meter));
                self.drawn.insert(index.min(self.drawn.len()), (Arc::clone(meter), bar));
            }
        }
        if shown.more > 0 {
            let bar = self.more.get_or_insert_with(|| {
                let plain = ProgressStyle::with_template("  {msg}").unwrap_or(style);
                lines.add(ProgressBar::new(0).with_style(plain))
            });
            bar.set_message(format!("and {} more", shown.more));
        }
    }
}

/// A line that is not drawn yet: it will be when it is known how fast the transfer goes on.
/// What was sent before it is no speed.
fn line_of(meter: &Meter) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(meter.len), ProgressDrawTarget::hidden());
    bar.set_prefix(shortened(&meter.client.to_string()));
    bar.set_message(name_of(&meter.target));
    bar.set_position(meter.sent());
    bar.reset_eta();
    bar
}

/// Takes a line away; tells that it is no longer there.
fn erase(lines: &MultiProgress, bar: &ProgressBar) -> bool {
    bar.finish_and_clear();
    lines.remove(bar);
    false
}

/// How a line looks on a terminal of this width.
fn style(columns: u16) -> ProgressStyle {
    let fits = LINES.iter().find(|(least, _)| columns >= *least);
    let style = ProgressStyle::with_template(fits.map_or("", |(_, template)| template));
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("\u{2501}\u{2578}\u{2500}")
}

/// An address that leaves room for a name.
fn shortened(client: &str) -> String {
    let left_out = (client.len() + 1).saturating_sub(CLIENT_MAX);
    // Addresses are ASCII.
    match (client.get(..CLIENT_MAX / 2), client.get(CLIENT_MAX / 2 + left_out..)) {
        (Some(begin), Some(end)) if client.len() > CLIENT_MAX => format!("{begin}\u{2026}{end}"),
        _ => client.to_owned(),
    }
}

/// The last name of a target, as a person reads it: decoded, and harmless (R46).
fn name_of(target: &[u8]) -> String {
    let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
    let end = path.strip_suffix(b"/").unwrap_or(path);
    let name = end.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    match &*percent_decode(name).decode_utf8_lossy() {
        "" => "/".to_owned(),
        name => printable(name),
    }
}

/// Writes above the lines.
pub struct Above<W> {
    lines: MultiProgress,
    sink: W,
}

impl<W: Write> Write for Above<W> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.write_all(text).map(|()| text.len())
    }

    /// Whole lines, as the log hands them over: what is drawn next begins at a line's start.
    fn write_all(&mut self, text: &[u8]) -> io::Result<()> {
        let sink = &mut self.sink;
        self.lines.suspend(|| sink.write_all(text).and_then(|()| sink.flush()))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

#[cfg(test)]
#[path = "display_tests.rs"]
mod tests;
