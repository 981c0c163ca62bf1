//! Standard error: lines that stay, and on a terminal a progress line that does not.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use super::sibling::Gauge;
use crate::clock::Now;
use crate::config::banner::printable;

/// How often the progress line is drawn, at most.
pub(super) const DRAW_INTERVAL: Duration = Duration::from_millis(100);

/// How wide the bar is.
const BAR: u64 = 30;

/// Back to the first column, and erase what is there.
const ERASE: &str = "\r\x1b[K";

/// Where progress and messages go.
pub(super) struct Screen {
    live: bool,
    drawn: Option<Instant>,
}

impl Screen {
    /// Progress is for people who watch and did not ask for quiet.
    pub fn new(quiet: bool) -> Screen {
        Screen { live: !quiet && io::stderr().is_terminal(), drawn: None }
    }

    /// A line, or several, that stay.
    pub fn say(&mut self, text: &str) {
        self.clear();
        for line in text.lines() {
            // Nobody is left to be told if this fails.
            let _ = writeln!(io::stderr(), "{}", printable(line));
        }
    }

    /// The progress line, unless it was drawn just now.
    pub fn progress(&mut self, now: &Now, gauge: &Gauge, done: usize, all: usize) {
        let is_early = |drawn: Instant| now.instant.saturating_duration_since(drawn) < DRAW_INTERVAL;
        if !self.live || self.drawn.is_some_and(is_early) {
            return;
        }
        self.drawn = Some(now.instant);
        let mut stderr = io::stderr();
        let _ = write!(stderr, "{ERASE}{}", line(gauge.percent(), done, all)).and_then(|()| stderr.flush());
    }

    /// Takes the progress line away.
    pub fn clear(&mut self) {
        if self.drawn.take().is_some() {
            let mut stderr = io::stderr();
            let _ = write!(stderr, "{ERASE}").and_then(|()| stderr.flush());
        }
    }
}

/// Short enough for every terminal.
fn line(percent: u64, done: usize, all: usize) -> String {
    let full = percent.min(100) * BAR / 100;
    let bar: String = (0..BAR).map(|at| if at < full { '#' } else { '.' }).collect();
    format!("{percent:3} % {bar} {done} of {all} files")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_fills_and_keeps_its_width() {
        assert_eq!(line(0, 0, 9), "  0 % .............................. 0 of 9 files");
        assert_eq!(line(50, 4, 9), " 50 % ###############............... 4 of 9 files");
        assert_eq!(line(100, 9, 9), "100 % ############################## 9 of 9 files");
    }
}
