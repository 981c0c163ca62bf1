//! What Linux, macOS and FreeBSD do alike: the facts of files, positioned reads, the
//! meaning of errors, limits, signals.
//!
//! It never reads at a cursor, never installs a handler that runs our code inside a
//! signal, and never lowers a limit.

use std::fs::File;
use std::io;
use std::os::raw::c_int;
use std::time::{Duration, SystemTime};

use rustix::buffer::spare_capacity;
use rustix::fs::FileType;
use rustix::io::{Errno, pread, retry_on_intr};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::{Detour, Kind, Stat, Trouble, Version};

/// So much of a file in one system call: Linux cuts longer requests to this by
/// itself, and macOS refuses what does not fit an `int`.
pub(super) const SEND_MOST: usize = 0x7fff_f000;

/// What we say of a file; `None` for what is neither file nor directory.
pub(super) fn facts(stat: &rustix::fs::Stat) -> Option<Stat> {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Directory,
        _ => return None,
    };
    // The fields are of different integer types on each system; all fit.
    #[allow(clippy::unnecessary_cast, clippy::cast_possible_wrap)]
    let (len, seconds, nanos) = (stat.st_size as i64, stat.st_mtime as i64, stat.st_mtime_nsec as i64);
    Some(Stat { kind, len: u64::try_from(len).unwrap_or(0), modified: time(seconds, nanos) })
}

/// Which file, in which state.
#[allow(clippy::unnecessary_cast, clippy::cast_possible_wrap, clippy::cast_sign_loss)]
pub(super) fn version(stat: &rustix::fs::Stat) -> Version {
    let time = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    Version {
        identity: (stat.st_dev as u64, stat.st_ino as u64),
        len: stat.st_size as u64,
        times: (
            time(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            time(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        ),
    }
}

/// The version that an open file has by now.
///
/// # Errors
///
/// If the system does not tell.
pub fn version_of(file: &File) -> io::Result<Version> {
    Ok(version(&rustix::fs::fstat(file)?))
}

/// A file's time; `None` if it is none that can be told. File systems hand out what
/// is on the disk, so that anything may come here.
fn time(seconds: i64, nanos: i64) -> Option<SystemTime> {
    let nanos = u32::try_from(nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?;
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let second = if seconds < 0 {
        // Before 1970 the nanoseconds still count forwards.
        SystemTime::UNIX_EPOCH.checked_sub(whole)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(whole)
    };
    second?.checked_add(Duration::new(0, nanos))
}

/// Reads at `offset`; 0 at the end of the file. Fewer bytes than asked for mean nothing.
///
/// # Errors
///
/// If the file cannot be read: a directory, a failing disk.
pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    Ok(retry_on_intr(|| pread(file, &mut *buffer, offset))?)
}

/// Reads `len` bytes from `offset` on: fewer only if the file ends before.
///
/// # Errors
///
/// If the file cannot be read, or there is no memory for `len` bytes.
pub fn read_range(file: &File, offset: u64, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(len)?;
    while bytes.len() < len {
        let at = offset.saturating_add(bytes.len() as u64);
        if retry_on_intr(|| pread(file, spare_capacity(&mut bytes), at))? == 0 {
            break;
        }
    }
    // The allocator may have given more room than asked for.
    bytes.truncate(len);
    Ok(bytes)
}

/// What an error of [`Root`](super::Root) means to the one who asked for the name.
pub fn trouble(error: &io::Error) -> Trouble {
    let Some(errno) = Errno::from_io_error(error) else {
        return match error.kind() {
            io::ErrorKind::NotFound => Trouble::Missing,
            io::ErrorKind::PermissionDenied => Trouble::Forbidden,
            io::ErrorKind::OutOfMemory => Trouble::Exhausted,
            _ => Trouble::Failed,
        };
    };
    match errno {
        Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG => Trouble::Missing,
        // A link that loops, is denied (also EMLINK, FreeBSD), or leads outside.
        Errno::LOOP | Errno::MLINK | Errno::XDEV => Trouble::Missing,
        // Sockets and devices without a driver cannot be opened at all.
        Errno::NXIO | Errno::NODEV | Errno::OPNOTSUPP => Trouble::Missing,
        // Names that this file system cannot hold: not UTF-8 (APFS), not in its charset.
        Errno::ILSEQ | Errno::INVAL => Trouble::Missing,
        Errno::ACCESS | Errno::PERM => Trouble::Forbidden,
        Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::NOBUFS => Trouble::Exhausted,
        // With O_NONBLOCK: somebody holds a lease on the file (fcntl(2), F_SETLEASE).
        Errno::AGAIN => Trouble::Exhausted,
        _ => Trouble::Failed,
    }
}

/// Whether an error of [`Root`](super::Root) is that of a link, for who explains it.
pub fn detour(error: &io::Error) -> Option<Detour> {
    match Errno::from_io_error(error)? {
        Errno::XDEV => Some(Detour::Outside),
        Errno::LOOP | Errno::MLINK => Some(Detour::NotFollowed),
        _ => None,
    }
}

/// Raises the limit of open descriptors as far as it may be raised, and tells the one
/// in force; `None` if there is none to tell.
pub fn raise_descriptor_limit() -> Option<u64> {
    // macOS says that the hard limit is infinite, and then refuses what is above
    // kern.maxfilesperproc, or OPEN_MAX (10240) on older versions.
    const STEPS: [u64; 6] = [1 << 20, 245_760, 65_536, 24_576, 10_240, 4096];
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let is_more =
        |wanted: &Option<u64>| current.is_some_and(|current| wanted.is_none_or(|wanted| wanted > current));
    let is_allowed =
        |wanted: &Option<u64>| maximum.is_none_or(|most| wanted.is_some_and(|wanted| wanted <= most));
    let steps = std::iter::once(maximum).chain(STEPS.map(Some));
    for wanted in steps.filter(|wanted| is_more(wanted) && is_allowed(wanted)) {
        if setrlimit(Resource::Nofile, Rlimit { current: wanted, maximum }).is_ok() {
            break;
        }
    }
    Some(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX))
}

/// Calls `f` on a thread of its own for each SIGINT and SIGTERM. The thread ends with
/// the process.
///
/// A signal that is ignored at the start stays ignored: a shell without job control
/// starts background jobs so that the user's Ctrl-C, which goes to the whole group,
/// is not theirs (POSIX, Shell Command Language §2.9.3.1). SIGHUP is left alone.
///
/// # Errors
///
/// If the handlers or the thread cannot be had.
pub fn on_stop_signal(mut f: impl FnMut() + Send + 'static) -> io::Result<()> {
    let wanted = [SIGINT, SIGTERM].into_iter().filter(|signal| !is_ignored(*signal));
    let mut signals = Signals::new(wanted)?;
    let forever = move || signals.forever().for_each(|_| f());
    std::thread::Builder::new().name("signals".to_owned()).spawn(forever)?;
    Ok(())
}

/// Lets a server that was stopped start again at once: without `SO_REUSEADDR` the
/// port stays taken while old connections are in TIME_WAIT. On Unix it does not let
/// two sockets listen on one address.
pub(super) fn claim_port(socket: &socket2::Socket) -> io::Result<()> {
    socket.set_reuse_address(true)
}

/// Whether the signal is ignored now.
pub(super) fn is_ignored(signal: c_int) -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: with a null pointer for the new action sigaction(2) changes nothing; the
    // old one is written to memory of the right size and alignment.
    let result = unsafe { libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) };
    // SAFETY: on success the kernel has filled `action`.
    result == 0 && unsafe { action.assume_init() }.sa_sigaction == libc::SIG_IGN
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn times_before_the_epoch_and_absurd_ones_do_no_harm() {
        let epoch = SystemTime::UNIX_EPOCH;
        assert_eq!(time(0, 0), Some(epoch));
        assert_eq!(time(1, 5), Some(epoch + Duration::new(1, 5)));
        assert_eq!(time(-1, 250_000_000), Some(epoch - Duration::from_millis(750)));
        assert_eq!(time(0, -1), None);
        assert_eq!(time(0, 1_000_000_000), None);
        for seconds in [i64::MIN, i64::MIN + 1, i64::MAX] {
            for nanos in [0, 999_999_999] {
                // Whether it can be told differs; that it does not panic does not.
                let _ = time(seconds, nanos);
            }
        }
    }

    /// R9b.
    #[test]
    fn errors_mean_what_an_answer_depends_on() {
        use Trouble::{Exhausted, Failed, Forbidden, Missing};
        let table = [
            (
                Missing,
                &[libc::ENOENT, libc::ENOTDIR, libc::ENAMETOOLONG, libc::ELOOP, libc::ENXIO, libc::EXDEV][..],
            ),
            (Forbidden, &[libc::EACCES, libc::EPERM]),
            (Exhausted, &[libc::EMFILE, libc::ENFILE, libc::ENOMEM, libc::EAGAIN]),
            (Failed, &[libc::EIO, libc::ESTALE, libc::EOVERFLOW]),
        ];
        for (expected, codes) in table {
            for code in codes {
                assert_eq!(trouble(&io::Error::from_raw_os_error(*code)), expected, "errno {code}");
            }
        }
        assert_eq!(trouble(&io::ErrorKind::NotFound.into()), Missing);
        assert_eq!(trouble(&io::ErrorKind::UnexpectedEof.into()), Failed);
    }

    /// R25.
    #[test]
    fn the_descriptor_limit_in_force_is_told_and_raising_it_twice_changes_nothing() {
        let first = raise_descriptor_limit().unwrap();
        assert!(first > 0);
        let Rlimit { current, .. } = getrlimit(Resource::Nofile);
        assert_eq!(current.unwrap_or(u64::MAX), first);
        assert_eq!(raise_descriptor_limit(), Some(first));
    }
}
