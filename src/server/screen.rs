//! The terminal that transfers are drawn on: standard error, and no trouble of it is ours.
//!
//! A terminal may be gone, stopped for a while, or full. indicatif takes that for a fault of
//! the program and panics, so it never hears of it: what cannot be drawn is not drawn.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::sync::{Mutex, PoisonError};

use console::Term;
use indicatif::TermLike;

/// Of terminals that do not know their size: rows and columns.
const USUAL: (u16, u16) = (24, 80);

/// Standard error; what is drawn is written when it is flushed, in one piece.
#[derive(Debug, Default)]
pub struct Screen<W = Stderr> {
    drawn: Mutex<String>,
    sink: W,
}

/// A stream that has no state of its own.
#[derive(Debug, Default)]
pub struct Stderr;

/// Where a screen writes to.
pub trait Sink: std::fmt::Debug + Send + Sync {
    /// Writes all of it.
    ///
    /// # Errors
    /// When it cannot.
    fn write(&self, text: &[u8]) -> io::Result<()>;
}

impl Sink for Stderr {
    fn write(&self, text: &[u8]) -> io::Result<()> {
        io::stderr().write_all(text)
    }
}

/// How many columns standard error has.
pub fn columns() -> u16 {
    size().1
}

fn size() -> (u16, u16) {
    let (rows, columns) = Term::stderr().size_checked().unwrap_or(USUAL);
    (if rows > 0 { rows } else { USUAL.0 }, if columns > 0 { columns } else { USUAL.1 })
}

impl<W: Sink> Screen<W> {
    fn draw(&self, text: impl std::fmt::Display) -> io::Result<()> {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        // Strings take everything.
        let _ = write!(drawn, "{text}");
        Ok(())
    }

    /// Moves the cursor (ECMA-48 §8.3.18 to §8.3.22); a count of 0 would be one of 1.
    fn go(&self, count: usize, direction: char) -> io::Result<()> {
        if count == 0 { Ok(()) } else { self.draw(format_args!("\x1b[{count}{direction}")) }
    }
}

impl<W: Sink> TermLike for Screen<W> {
    fn width(&self) -> u16 {
        columns()
    }

    fn height(&self) -> u16 {
        size().0
    }

    fn move_cursor_up(&self, count: usize) -> io::Result<()> {
        self.go(count, 'A')
    }

    fn move_cursor_down(&self, count: usize) -> io::Result<()> {
        self.go(count, 'B')
    }

    fn move_cursor_right(&self, count: usize) -> io::Result<()> {
        self.go(count, 'C')
    }

    fn move_cursor_left(&self, count: usize) -> io::Result<()> {
        self.go(count, 'D')
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.draw(format_args!("{text}\n"))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.draw(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.draw("\r\x1b[2K")
    }

    fn flush(&self) -> io::Result<()> {
        let text = std::mem::take(&mut *self.drawn.lock().unwrap_or_else(PoisonError::into_inner));
        // See above: nobody could do anything about it.
        let _ = if text.is_empty() { Ok(()) } else { self.sink.write(text.as_bytes()) };
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Debug, Default)]
    struct Broken(AtomicUsize);

    impl Sink for Broken {
        fn write(&self, _: &[u8]) -> io::Result<()> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }

    #[test]
    fn a_terminal_that_is_gone_is_no_trouble() {
        let screen = Screen::<Broken>::default();
        for _ in 0..3 {
            screen.write_line("a line").unwrap();
            screen.flush().unwrap();
        }
        assert_eq!(screen.sink.0.load(Ordering::Relaxed), 3);
        assert!(screen.drawn.lock().unwrap().is_empty(), "what could not be drawn is kept");
    }

    #[test]
    fn what_is_drawn_is_one_write() {
        let screen = Screen::<Broken>::default();
        screen.move_cursor_up(2).unwrap();
        screen.move_cursor_down(0).unwrap();
        screen.clear_line().unwrap();
        screen.write_str("text").unwrap();
        assert_eq!(*screen.drawn.lock().unwrap(), "\x1b[2A\r\x1b[2Ktext");
        screen.flush().unwrap();
        screen.flush().unwrap();
        assert_eq!(screen.sink.0.load(Ordering::Relaxed), 1);
    }
}
