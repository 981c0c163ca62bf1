//! The thread that writes, and the bounded queue before it.

use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Most bytes that wait to be written; beyond it lines are dropped.
const WAITING_MAX: usize = 1024 * 1024;

/// After it has written, the thread lets lines gather for so long: under load it is woken
/// fifty times a second instead of by each turn of each loop. Who watches does not notice.
const GATHERING: Duration = Duration::from_millis(20);

/// So much is worth waking it for.
const GATHERED: usize = WAITING_MAX / 4;

/// Writes in the background; clones share it. Its thread ends when the last clone is dropped
/// and what was pushed is written.
#[derive(Clone)]
pub struct Writer {
    handle: Arc<Handle>,
}

/// Dropped with the last clone, which tells the thread.
struct Handle {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    lines: u64,
    dropped: u64,
    /// The thread holds lines that are not written yet.
    busy: bool,
    /// It has written only just now, and lets lines gather.
    gathering: bool,
    /// Somebody waits until all is written.
    hurry: bool,
    /// Nothing more will come.
    is_over: bool,
}

impl Writer {
    /// A writer to `sink`, on a thread of its own. Without a thread everything is dropped.
    pub fn start(sink: impl Write + Send + 'static) -> Writer {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        // A log that cannot start is a log that drops: serving goes on.
        let _ = thread::Builder::new().name("serve-log".into()).spawn(move || theirs.run(sink));
        Writer { handle: Arc::new(Handle { shared }) }
    }

    /// Takes `lines` whole lines, or drops them if too much waits. Never blocks on the sink.
    pub fn push(&self, text: &[u8], lines: u64) {
        let shared = &self.handle.shared;
        let mut state = shared.lock();
        if state.waiting.len() + text.len() > WAITING_MAX {
            state.dropped += lines;
            return;
        }
        state.waiting.extend_from_slice(text);
        state.lines += lines;
        let is_wanted = !state.busy && (!state.gathering || state.waiting.len() >= GATHERED);
        drop(state);
        if is_wanted {
            shared.changed.notify_all();
        }
    }

    /// Lines that never reached the sink.
    pub fn dropped(&self) -> u64 {
        self.handle.shared.lock().dropped
    }

    /// Waits until all is written, but not longer than `patience`.
    pub fn flush(&self, patience: Duration) {
        let shared = &self.handle.shared;
        let mut state = shared.lock();
        state.hurry = true;
        shared.changed.notify_all();
        let unwritten = |state: &mut State| state.busy || !state.waiting.is_empty();
        // Whether it was in time makes no difference to someone who is about to leave.
        let _ = shared.changed.wait_timeout_while(state, patience, unwritten);
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Who wants to know that all is written flushes before: a sink may block for ever.
        self.shared.lock().is_over = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets lines gather, if some were written only just now.
    fn gather<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let still = |state: &mut State| {
            state.gathering && !state.hurry && !state.is_over && state.waiting.len() < GATHERED
        };
        let waited = self.changed.wait_timeout_while(state, GATHERING, still);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.gathering = false;
        state
    }

    /// The thread: writes until nothing waits and nothing more will come.
    fn run(&self, mut sink: impl Write) {
        let (mut text, mut state) = (Vec::new(), self.lock());
        loop {
            state = self.gather(state);
            if state.waiting.is_empty() {
                if state.is_over {
                    return;
                }
                state.hurry = false;
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.gathering = false;
                continue;
            }
            std::mem::swap(&mut text, &mut state.waiting);
            let lines = std::mem::take(&mut state.lines);
            state.busy = true;
            drop(state);
            let written = sink.write_all(&text).and_then(|()| sink.flush());
            text.clear();
            state = self.lock();
            (state.busy, state.gathering) = (false, true);
            if written.is_err() {
                state.dropped += lines;
            }
            self.changed.notify_all();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::mpsc::{Receiver, Sender, channel};

    /// A sink that blocks until it is told to go on, and then passes lines on.
    struct Gate(Receiver<()>, Sender<Vec<u8>>);

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            self.1.send(bytes.to_vec()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// R47.
    #[test]
    fn a_blocked_sink_drops_lines_and_counts_them() {
        let (open, gate) = channel();
        let (out, written) = channel();
        let writer = Writer::start(Gate(gate, out));
        let line = [b'x'; 1024];
        let pushed = 3 * WAITING_MAX / line.len();
        for _ in 0..pushed {
            writer.push(&line, 1);
        }
        let dropped = writer.dropped() as usize;
        assert!(dropped >= pushed / 3, "{dropped}");
        drop(open);
        writer.flush(Duration::from_secs(60));
        let arrived: usize = written.try_iter().map(|text| text.len()).sum();
        assert_eq!(arrived / line.len() + dropped, pushed);
    }

    #[test]
    fn a_sink_that_fails_drops_lines_and_counts_them() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let writer = Writer::start(Full);
        writer.push(b"a\nb\n", 2);
        writer.flush(Duration::from_secs(60));
        assert_eq!(writer.dropped(), 2);
    }

    /// The sink goes with the thread that has it, and what is written with the sink.
    #[test]
    fn the_thread_writes_what_waits_and_ends_when_the_last_writer_is_gone() {
        let (open, gate) = channel();
        let (out, written) = channel();
        let writer = Writer::start(Gate(gate, out));
        let another = writer.clone();
        writer.push(b"first\n", 1);
        drop(writer);
        another.push(b"second\n", 1);
        drop(another);
        drop(open);
        assert_eq!(written.iter().flatten().collect::<Vec<u8>>(), b"first\nsecond\n");
    }
}
