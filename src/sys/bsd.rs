//! macOS and FreeBSD: look-ups by the walk, and their two forms of `sendfile`.
//!
//! What they share with Linux is in [`unix`](super::unix). Both kernels know a
//! contained look-up of late (`O_RESOLVE_BENEATH`), but it refuses the absolute links
//! that lead back inside, and the walk gives the same answers on every version.

use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

use mio::net::TcpStream;
use rustix::fs::{OFlags, Stat};
use rustix::io::{Errno, Result};

use super::SendFile;
pub use super::root::Root;
/// All loops share one queue. `SO_REUSEPORT_LB` of FreeBSD makes a socket a member of
/// its group when it is bound, so that it cannot also be the one that finds out
/// whether the port is free; macOS has nothing of the kind.
pub(super) use super::sockets::bound_clones as bound_sockets;
use super::unix::SEND_MOST;
pub(super) use super::unix::claim_port;
pub use super::unix::{
    detour, on_stop_signal, raise_descriptor_limit, read_at, read_range, trouble, version_of,
};
use super::walk::{self, Tree};

/// How the walk opens the directories on its way. There is no `O_PATH` on macOS, so
/// a directory on the way must be readable, and not only searchable.
pub(super) const PASS: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Whether this system takes names in any case, and tells how they are spelled. The file
/// systems of FreeBSD take them as they are.
pub(super) const TELLS_SPELLING: bool = cfg!(target_os = "macos");

/// Where the handle is, spelled as the file system has it (`F_GETPATH`, fcntl(2)).
#[cfg(target_os = "macos")]
pub(super) fn spelled_path(handle: BorrowedFd<'_>) -> Option<Vec<u8>> {
    rustix::fs::getpath(handle).ok().map(std::ffi::CString::into_bytes)
}

/// Not told.
#[cfg(not(target_os = "macos"))]
pub(super) fn spelled_path(_handle: BorrowedFd<'_>) -> Option<Vec<u8>> {
    None
}

/// What accept(2) says when we are out of something.
pub(super) const ACCEPT_EXHAUSTED: [i32; 4] = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM];
/// What accept(2) says when the descriptor is not a socket any more. EINVAL is not
/// among them: macOS answers it to calls on sockets that were reset, too, and to stop
/// a server for one peer's reset would be worse than to try again.
pub(super) const ACCEPT_BROKEN: [i32; 2] = [libc::EBADF, libc::ENOTSOCK];

/// The walk does it.
pub(super) fn kernel_contains(_root: BorrowedFd<'_>) -> bool {
    false
}

/// The walk does it.
pub(super) fn open_contained(tree: &Tree, _path: &[u8], _flags: OFlags) -> Option<Result<OwnedFd>> {
    debug_assert!(!tree.kernel_contains);
    None
}

/// Nothing here tells whether a disk would have to be waited for.
pub(super) fn open_at_hand(_tree: &Tree, _path: &[u8], _flags: OFlags) -> Option<Result<OwnedFd>> {
    None
}

/// The facts of a name beneath the root, without opening it for reading.
pub(super) fn stat_contained(tree: &Tree, path: &[u8]) -> Result<Stat> {
    walk::stat(tree, path)
}

/// True: nothing here tells whether reading would wait for a disk.
pub fn is_at_hand(_file: &File, _range: std::ops::Range<u64>) -> bool {
    true
}

/// Nothing: what is always at hand needs no advice.
pub fn read_ahead(_file: &File, _range: std::ops::Range<u64>) {}

/// Sends up to `len` bytes of the file from `offset` on, inside the kernel.
///
/// # Errors
///
/// `WouldBlock` when the socket takes nothing now; else this connection is broken,
/// or the file cannot be read.
pub fn send_file(socket: &TcpStream, file: &File, offset: u64, len: usize) -> io::Result<SendFile> {
    // A length of 0 means "to the end" to both kernels.
    if len == 0 {
        return Ok(SendFile::Sent(0));
    }
    let Ok(offset) = libc::off_t::try_from(offset) else { return Ok(SendFile::Unsupported) };
    let len = len.min(SEND_MOST);
    let sent = socket.try_io(|| {
        loop {
            match send_once(file.as_raw_fd(), socket.as_raw_fd(), offset, len) {
                Err(Errno::INTR) => {}
                answer => return answer.map_err(io::Error::from),
            }
        }
    });
    match sent {
        Ok(sent) => Ok(SendFile::Sent(sent)),
        Err(error) => match Errno::from_io_error(&error) {
            // EINVAL: not a regular file to this kernel. EIO: reading will tell whether
            // the disk or only this way is broken.
            Some(
                Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::XDEV | Errno::IO | Errno::NOTSOCK,
            ) => Ok(SendFile::Unsupported),
            _ => Err(error),
        },
    }
}

/// One call. An error counts only if nothing was sent: with EAGAIN and EINTR both
/// kernels say how much was sent before (sendfile(2)), and to send that again would
/// corrupt the body.
fn send_once(file: RawFd, socket: RawFd, offset: libc::off_t, len: usize) -> Result<usize> {
    let (result, sent) = raw_sendfile(file, socket, offset, len);
    match usize::try_from(sent) {
        Ok(sent) if result == 0 => Ok(sent),
        // All of `len` beside an error is what went in, left untouched (macOS).
        Ok(sent) if 0 < sent && sent < len => Ok(sent),
        _ => Err(Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO)),
    }
}

/// The system call of macOS, where the length goes in and comes out.
#[cfg(target_os = "macos")]
fn raw_sendfile(file: RawFd, socket: RawFd, offset: libc::off_t, len: usize) -> (libc::c_int, libc::off_t) {
    // `len` is at most SEND_MOST.
    let mut count = libc::off_t::try_from(len).unwrap_or(libc::off_t::MAX);
    // SAFETY: both descriptors are borrowed from open objects for the whole call;
    // `count` is valid for reads and writes; without headers (`sf_hdtr`) the pointer
    // has to be null; the kernel keeps no pointer after it returned.
    let result = unsafe { libc::sendfile(file, socket, offset, &raw mut count, std::ptr::null_mut(), 0) };
    (result, count)
}

/// The system call of FreeBSD, where the length goes in and a count comes out.
#[cfg(target_os = "freebsd")]
fn raw_sendfile(file: RawFd, socket: RawFd, offset: libc::off_t, len: usize) -> (libc::c_int, libc::off_t) {
    let mut count: libc::off_t = 0;
    // SAFETY: both descriptors are borrowed from open objects for the whole call;
    // `count` is valid for writes; without headers (`sf_hdtr`) the pointer has to be
    // null; the kernel keeps no pointer after it returned.
    let result =
        unsafe { libc::sendfile(file, socket, offset, len, std::ptr::null_mut(), &raw mut count, 0) };
    (result, count)
}

/// A plain write: there is no flag for it that both kernels honour.
///
/// # Errors
///
/// `WouldBlock` when the socket takes nothing now; else this connection is broken.
pub fn send_more(mut socket: &TcpStream, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    socket.write_vectored(slices)
}

/// Sets `TCP_NODELAY`, which these kernels do not promise to pass on from the
/// listener. On a socket that the peer has reset this fails, which the next read
/// will find out.
pub fn prepare_accepted(socket: &TcpStream) {
    let _ = socket.set_nodelay(true);
}

/// Lets this thread run only when no other wants to, on macOS; on FreeBSD only the
/// administrator may say so (rtprio(2)), and nothing happens.
pub fn lower_priority() {
    #[cfg(target_os = "macos")]
    // SAFETY: it concerns the calling thread alone, and takes plain numbers.
    let _ = unsafe { libc::pthread_set_qos_class_self_np(libc::qos_class_t::QOS_CLASS_BACKGROUND, 0) };
}
