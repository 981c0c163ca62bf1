//! seccomp: system calls that are not in the [`table`](super::table) do not happen.
//!
//! What is refused fails with `ENOSYS`, as if the kernel did not know it, and nothing is
//! killed: C libraries try new calls and fall back to old ones at this very error, so that
//! one which this table has never heard of goes on working. There is nothing to be gained
//! by it for who has broken in: the call does not happen.

use std::collections::BTreeMap;
use std::io;

use libc::c_ulong;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen as Length, SeccompCmpOp as Compare,
    SeccompCondition, SeccompFilter, SeccompRule, TargetArch, sock_filter,
};

use super::Wall;
use super::table::{LEGACY, TABLE, When};

/// How the kernel takes a filter (linux/filter.h).
#[repr(C)]
struct Program {
    length: u16,
    filter: *const sock_filter,
}

/// Refuses all system calls that are not in the table, for this thread and those that it
/// starts. There is no way back.
pub fn allow_only_what_is_needed() -> Wall {
    let filter = match filter() {
        Ok(filter) => filter,
        Err(error) => return Wall::Missing(error.to_string()),
    };
    match install(&filter) {
        Ok(()) => Wall::Stands,
        Err(error) => Wall::Missing(error.to_string()),
    }
}

/// How many system calls there are in the table.
pub fn allowed_calls() -> usize {
    TABLE.len() + LEGACY.len()
}

fn filter() -> Result<BpfProgram, BackendError> {
    let mut rules = BTreeMap::new();
    for (number, when, _) in TABLE.iter().chain(LEGACY) {
        rules.insert(*number, conditions(when)?);
    }
    let architecture = TargetArch::try_from(std::env::consts::ARCH)?;
    let refused = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
    SeccompFilter::new(rules, refused, SeccompAction::Allow, architecture)?.try_into()
}

/// One rule for each way to be allowed; none is always.
fn conditions(when: &When) -> Result<Vec<SeccompRule>, BackendError> {
    let rule = |argument, length, compare, value| {
        SeccompRule::new(vec![SeccompCondition::new(argument, length, compare, value)?])
    };
    match *when {
        When::Always => Ok(Vec::new()),
        When::Is(argument, values) => {
            values.iter().map(|value| rule(argument, Length::Dword, Compare::Eq, u64::from(*value))).collect()
        }
        When::Bits(argument, mask, value) => {
            Ok(vec![rule(argument, Length::Dword, Compare::MaskedEq(u64::from(mask)), u64::from(value))?])
        }
        When::Null(argument) => Ok(vec![rule(argument, Length::Qword, Compare::Eq, 0)?]),
        When::Own => Ok(vec![rule(0, Length::Dword, Compare::Eq, u64::from(std::process::id()))?]),
    }
}

/// The crate would do it, too, but without the flag: kernels before 5.16 slow a filtered
/// process down for fear of speculation (Speculative Store Bypass) unless it says that
/// there are no secrets to keep from itself.
fn install(filter: &[sock_filter]) -> io::Result<()> {
    let length = u16::try_from(filter.len()).map_err(io::Error::other)?;
    let program = Program { length, filter: filter.as_ptr() };
    // SAFETY: this changes one attribute of the calling thread, and takes no pointers.
    if unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1 as c_ulong, 0, 0, 0) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let flags = libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    // SAFETY: the kernel copies the program, whose length is that of the slice, which
    // outlives the call. Instructions have the layout of linux/filter.h.
    let result =
        unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_call_stands_in_the_table_twice_and_each_has_a_reason() {
        let mut seen = BTreeSet::new();
        for (number, _, why) in TABLE.iter().chain(LEGACY) {
            assert!(seen.insert(number), "{number} twice: {why}");
            assert!(!why.is_empty());
        }
    }

    /// What would be a way out is not there, under any condition.
    #[test]
    fn nothing_that_starts_connects_or_changes_is_in_the_table() {
        let dangerous = [
            libc::SYS_execve,
            libc::SYS_execveat,
            libc::SYS_clone3,
            libc::SYS_socket,
            libc::SYS_connect,
            libc::SYS_bind,
            libc::SYS_listen,
            libc::SYS_ptrace,
            libc::SYS_process_vm_readv,
            libc::SYS_process_vm_writev,
            libc::SYS_kill,
            libc::SYS_mount,
            libc::SYS_unshare,
            libc::SYS_setns,
            libc::SYS_bpf,
            libc::SYS_io_uring_setup,
            libc::SYS_userfaultfd,
            libc::SYS_keyctl,
            libc::SYS_unlinkat,
            libc::SYS_renameat2,
            libc::SYS_mkdirat,
            libc::SYS_linkat,
            libc::SYS_symlinkat,
            libc::SYS_truncate,
            libc::SYS_ftruncate,
            libc::SYS_fchmodat,
            libc::SYS_fchownat,
            libc::SYS_utimensat,
            libc::SYS_memfd_create,
            libc::SYS_pidfd_getfd,
            libc::SYS_sendmmsg,
            libc::SYS_recvmsg,
        ];
        for number in dangerous {
            assert!(TABLE.iter().chain(LEGACY).all(|(allowed, ..)| *allowed != number), "{number}");
        }
    }

    #[test]
    fn the_filter_is_one_that_the_kernel_takes() {
        let filter = filter().unwrap();
        assert!(filter.len() > allowed_calls() && filter.len() < 4096, "{}", filter.len());
        // On a thread of its own: it cannot be taken off again.
        let taken = std::thread::spawn(move || install(&filter).map_err(|error| error.to_string()));
        assert_eq!(taken.join().unwrap(), Ok(()));
    }
}
