//! Threads that only take what is left over.

use super::super::lower_priority;

#[test]
fn a_thread_of_low_priority_leaves_that_of_others_alone() {
    // SAFETY: 0 is the calling thread; nothing is read or written.
    let policy = || unsafe { libc::syscall(libc::SYS_sched_getscheduler, 0) };
    let before = policy();
    let lowered = std::thread::spawn(move || {
        lower_priority();
        policy()
    });
    assert_eq!(lowered.join().unwrap(), libc::c_long::from(libc::SCHED_IDLE));
    assert_eq!(policy(), before);
}
