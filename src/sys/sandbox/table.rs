//! The system calls that a running server needs, and why. Everything else is refused.
//!
//! What is asked for many times a second has no condition, so that the kernel can allow it
//! without running the filter (since 5.11 it remembers which numbers always pass). Nothing
//! here opens a way out: no `socket`, `connect`, `bind`, `execve`, `fork`, `ptrace`, `kill`,
//! and nothing that writes by name.

use libc::c_long;

/// Which calls of that number are allowed.
pub(super) enum When {
    /// All.
    Always,
    /// Those whose argument of that position is one of these.
    Is(u8, &'static [u32]),
    /// Those whose argument of that position has, of these bits, exactly those.
    Bits(u8, u32, u32),
    /// Those whose argument of that position is a null pointer.
    Null(u8),
    /// Those whose first argument is this process.
    Own,
}

use When::{Always, Bits, Is, Null, Own};

/// The bits of `open` that do more than read.
const WRITING: u32 = (libc::O_WRONLY | libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC) as u32;

/// The bits of `clone` that tell a thread from a process, and those of new namespaces.
const THREAD: u32 = (libc::CLONE_THREAD | libc::CLONE_VM) as u32;
const NAMESPACES: u32 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as u32;

/// One line for each system call.
pub(super) const TABLE: &[(c_long, When, &str)] = &[
    // Connections.
    (libc::SYS_accept4, Always, "takes connections"),
    (libc::SYS_recvfrom, Always, "reads requests"),
    (libc::SYS_read, Always, "reads from sockets and wakers"),
    (libc::SYS_readv, Always, "the same, into several buffers"),
    (libc::SYS_sendto, Always, "writes answers; wakes the thread that waits for signals"),
    (libc::SYS_sendmsg, Always, "writes a head that a file follows (MSG_MORE)"),
    (libc::SYS_write, Always, "writes answers and log lines; wakes loops"),
    (libc::SYS_writev, Always, "writes a head and a body at once"),
    (libc::SYS_sendfile, Always, "sends files"),
    (libc::SYS_shutdown, Always, "ends a connection in order"),
    (libc::SYS_close, Always, "gives descriptors back"),
    (libc::SYS_getsockname, Always, "where a listener listens"),
    (libc::SYS_getpeername, Always, "who a client is"),
    (libc::SYS_getsockopt, Always, "asks a socket for its error"),
    (
        libc::SYS_setsockopt,
        Is(1, &[libc::SOL_SOCKET as u32, libc::IPPROTO_TCP as u32]),
        "makes the end of a connection a reset (SO_LINGER)",
    ),
    // Waiting.
    (libc::SYS_epoll_create1, Always, "makes the poller of a loop"),
    (libc::SYS_epoll_ctl, Always, "watches sockets"),
    (libc::SYS_epoll_pwait, Always, "waits for sockets, in some C libraries and on arm64"),
    (libc::SYS_eventfd2, Always, "makes the waker of a loop"),
    (libc::SYS_ppoll, Always, "waits for sockets without epoll, on arm64"),
    (libc::SYS_futex, Always, "waits for other threads"),
    (libc::SYS_clock_nanosleep, Always, "waits for a time"),
    (libc::SYS_nanosleep, Always, "the same, in some C libraries"),
    (libc::SYS_getppid, Always, "whether who started it is still there"),
    (libc::SYS_restart_syscall, Always, "goes on waiting after a stop (SIGSTOP, SIGCONT)"),
    (libc::SYS_sched_yield, Always, "lets another thread go first, in locks"),
    (libc::SYS_clock_gettime, Always, "the time, where the kernel does not lend it to us (vDSO)"),
    (libc::SYS_gettimeofday, Always, "the same, in some C libraries"),
    // Files, for reading.
    (libc::SYS_openat2, Always, "opens beneath the root; where Landlock is missing, for writing, too"),
    (libc::SYS_openat, Bits(2, WRITING, 0), "opens for reading: the root, and name by name"),
    (libc::SYS_newfstatat, Always, "looks at a name"),
    (libc::SYS_fstat, Always, "looks at an open file"),
    (libc::SYS_statx, Always, "the same, by the standard library"),
    (libc::SYS_readlinkat, Always, "reads a link that the walk follows"),
    (libc::SYS_getdents64, Always, "reads directories"),
    (libc::SYS_lseek, Always, "goes back to the beginning of a directory"),
    (libc::SYS_pread64, Always, "reads files"),
    (libc::SYS_preadv2, Always, "asks whether a file is in memory"),
    (libc::SYS_fadvise64, Always, "lets the disk begin to read"),
    (libc::SYS_inotify_init1, Always, "hears of changes, for --watch"),
    (libc::SYS_inotify_add_watch, Always, "the same"),
    (libc::SYS_inotify_rm_watch, Always, "the same"),
    (libc::SYS_getcwd, Always, "makes a path absolute"),
    (
        libc::SYS_fcntl,
        Is(
            1,
            &[
                libc::F_DUPFD_CLOEXEC as u32,
                libc::F_GETFD as u32,
                libc::F_SETFD as u32,
                libc::F_GETFL as u32,
                libc::F_SETFL as u32,
            ],
        ),
        "flags and duplicates of descriptors",
    ),
    (
        libc::SYS_ioctl,
        Is(1, &[libc::TCGETS as u32, libc::FIONBIO as u32, libc::TIOCGWINSZ as u32]),
        "asks whether a stream is a terminal; makes a socket not block",
    ),
    // Memory. Nothing of it may ever be run.
    (libc::SYS_mmap, Bits(2, libc::PROT_EXEC as u32, 0), "takes memory, stacks of threads among it"),
    (libc::SYS_mprotect, Bits(2, libc::PROT_EXEC as u32, 0), "opens memory that was taken closed"),
    (libc::SYS_munmap, Always, "gives memory back"),
    (libc::SYS_mremap, Always, "lets memory grow"),
    (libc::SYS_madvise, Always, "gives pages back, as a thread does with its stack at its end"),
    (libc::SYS_brk, Always, "takes memory, in the allocator"),
    (libc::SYS_getrandom, Always, "boundaries that nobody can guess, keys of hash tables"),
    (libc::SYS_membarrier, Always, "memory barriers, in musl"),
    // Threads. `clone3` is not among them: its flags lie in memory, where no filter can see
    // them. The C libraries then fall back to `clone`.
    (libc::SYS_clone, Bits(0, THREAD | NAMESPACES, THREAD), "starts threads; no processes, no namespaces"),
    (libc::SYS_set_robust_list, Always, "a thread begins"),
    (libc::SYS_rseq, Always, "the same"),
    (libc::SYS_set_tid_address, Always, "the same"),
    (libc::SYS_sigaltstack, Always, "the same: where stack overflows are told"),
    (libc::SYS_sched_getaffinity, Always, "asks for the attributes of a thread"),
    (libc::SYS_prlimit64, Null(2), "asks for limits, never sets them"),
    (
        libc::SYS_prctl,
        Is(
            0,
            &[libc::PR_SET_NAME as u32, libc::PR_SET_NO_NEW_PRIVS as u32, libc::PR_GET_NO_NEW_PRIVS as u32],
        ),
        "names a thread; gives up what programs could gain",
    ),
    (libc::SYS_sched_setscheduler, Is(1, &[libc::SCHED_IDLE as u32]), "lets compressing wait for all others"),
    (libc::SYS_landlock_create_ruleset, Always, "a thread for a root that was made anew gives up more"),
    (libc::SYS_landlock_add_rule, Always, "the same"),
    (libc::SYS_landlock_restrict_self, Always, "the same"),
    (libc::SYS_gettid, Always, "which thread this is, when one panics"),
    (libc::SYS_getpid, Always, "which process this is, when it aborts"),
    (libc::SYS_exit, Always, "a thread ends"),
    (libc::SYS_exit_group, Always, "the process ends"),
    // Signals.
    (libc::SYS_rt_sigaction, Always, "listens to SIGINT and SIGTERM"),
    (libc::SYS_rt_sigprocmask, Always, "keeps signals away while a thread begins or ends"),
    (libc::SYS_rt_sigreturn, Always, "comes back from a signal"),
    (libc::SYS_socketpair, Is(0, &[libc::AF_UNIX as u32]), "wakes the thread that waits for signals"),
    (libc::SYS_tgkill, Own, "aborts this process"),
    (libc::SYS_tkill, Always, "the same, in musl; the other wall keeps it inside"),
    // What anyone may know.
    (libc::SYS_getuid, Always, "who runs this"),
    (libc::SYS_geteuid, Always, "the same"),
    (libc::SYS_getgid, Always, "the same"),
    (libc::SYS_getegid, Always, "the same"),
    (libc::SYS_uname, Always, "the system's name, in some C libraries"),
    (libc::SYS_sysinfo, Always, "how much memory there is, in some C libraries"),
];

/// Calls that newer systems have replaced, and that x86-64 has still.
#[cfg(target_arch = "x86_64")]
pub(super) const LEGACY: &[(c_long, When, &str)] = &[
    (libc::SYS_epoll_wait, Always, "waits for sockets"),
    (libc::SYS_poll, Always, "the same without epoll"),
    (libc::SYS_open, Bits(1, WRITING, 0), "opens for reading, in musl"),
    (libc::SYS_stat, Always, "looks at a name, in musl"),
    (libc::SYS_lstat, Always, "the same"),
    (libc::SYS_readlink, Always, "reads a link, to find the real path of the root"),
    (libc::SYS_getrlimit, Always, "asks for limits, in some C libraries"),
    (libc::SYS_time, Always, "the time, in some C libraries"),
    (libc::SYS_arch_prctl, Always, "a thread's own memory, in some C libraries"),
];

/// None elsewhere.
#[cfg(not(target_arch = "x86_64"))]
pub(super) const LEGACY: &[(c_long, When, &str)] = &[];
