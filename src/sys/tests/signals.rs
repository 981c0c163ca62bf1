//! Stop signals: one test, because signals belong to the whole process.

use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};

use crate::sys::on_stop_signal;
use crate::sys::unix::is_ignored;

#[test]
fn each_stop_signal_calls_once_and_an_ignored_one_stays_ignored() {
    // SAFETY: SIG_IGN is a valid disposition, and no other test uses SIGINT.
    let before = unsafe { libc::signal(libc::SIGINT, libc::SIG_IGN) };
    let (sender, calls) = mpsc::channel();
    on_stop_signal(move || sender.send(()).unwrap()).unwrap();
    assert!(is_ignored(libc::SIGINT));
    assert!(!is_ignored(libc::SIGTERM));
    kill_process(getpid(), Signal::INT).unwrap();
    for _ in 0..3 {
        kill_process(getpid(), Signal::TERM).unwrap();
        calls.recv_timeout(Duration::from_secs(10)).unwrap();
    }
    // Had SIGINT been taken, its call would have come before the third of SIGTERM.
    assert!(calls.try_recv().is_err());
    // SAFETY: the disposition that was there before.
    unsafe { libc::signal(libc::SIGINT, before) };
}
