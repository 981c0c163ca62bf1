//! How much of a processor a server has used. Where a machine has other things to do, this
//! says more than time: it does not grow while others run.

use std::fs;
use std::time::Duration;

/// Of the kernel's coarse counter: 1/100 s, as user space sees it, on every Linux.
const TICK: Duration = Duration::from_millis(10);

/// The counters of a process and all that it started, at one moment.
#[derive(Clone, Copy, Default)]
pub struct Reading {
    /// The scheduler's own, in nanoseconds, of the threads that live.
    fine: Duration,
    /// In ticks, also of threads that have ended.
    coarse: Duration,
}

impl Reading {
    /// Nothing where there is no such process, or no `/proc`.
    pub fn of(process: u32) -> Option<Reading> {
        let mut reading = Reading::default();
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The name stands in brackets, and may have spaces and brackets of its own. Behind
        // it the times are the 12th and 13th (proc_pid_stat(5): utime, stime).
        let behind = &stat[stat.rfind(')')? + 1..];
        let ticks = behind.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u32>().ok());
        reading.coarse = TICK * ticks.sum();
        for thread in fs::read_dir(format!("/proc/{process}/task")).ok()?.flatten() {
            let read = |name: &str| fs::read_to_string(thread.path().join(name)).unwrap_or_default();
            let running = read("schedstat").split(' ').next().and_then(|first| first.parse().ok());
            reading.fine += Duration::from_nanos(running.unwrap_or(0));
            let children = read("children");
            for child in children.split_whitespace().filter_map(|child| child.parse().ok()) {
                let child = Reading::of(child).unwrap_or_default();
                reading.fine += child.fine;
                reading.coarse += child.coarse;
            }
        }
        Some(reading)
    }

    /// What was used since an earlier reading. The fine counter, unless threads ended
    /// meanwhile and took theirs along: then the coarse one has clearly more.
    pub fn since(self, earlier: Reading) -> Duration {
        let fine = self.fine.saturating_sub(earlier.fine);
        let coarse = self.coarse.saturating_sub(earlier.coarse);
        if coarse > fine + 4 * TICK { coarse } else { fine }
    }
}
