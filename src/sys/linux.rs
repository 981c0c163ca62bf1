//! Linux: look-ups that the kernel contains (`openat2`), and `sendfile`.
//!
//! What Linux shares with the other Unix systems is in [`unix`](super::unix). Next to no
//! `unsafe` here: rustix wraps nearly all of it.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use mio::net::TcpStream;
use rustix::fs::{Advice, Mode, OFlags, ResolveFlags, Stat, fadvise, fstat, openat2, sendfile};
use rustix::io::{Errno, ReadWriteFlags, Result, preadv2, retry_on_intr};
use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
use socket2::Socket;

pub use super::root::Root;
use super::sockets::new_socket;
use super::unix::SEND_MOST;
pub(super) use super::unix::claim_port;
pub use super::unix::{
    detour, on_stop_signal, raise_descriptor_limit, read_at, read_range, trouble, version_of,
};
use super::walk::{self, Tree};
use super::{SendFile, Symlinks};

/// How the walk opens the directories on its way. `O_PATH` needs no permission to
/// read them, just as the kernel's own look-up needs none.
pub(super) const PASS: OFlags =
    OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Names are what they are: on ordinary file systems no other case of them is taken. Of those
/// that take it, the kernel tells the names as they were asked for.
pub(super) const TELLS_SPELLING: bool = false;

/// Not told.
pub(super) fn spelled_path(_handle: BorrowedFd<'_>) -> Option<Vec<u8>> {
    None
}

/// A rename anywhere may make `openat2` give up with EAGAIN, because it could not
/// prove that `..` stayed inside (openat2(2)). After so many retries the walk decides,
/// which always can.
const MOST_RETRIES: u32 = 4;

/// What accept(2) says when we are out of something.
pub(super) const ACCEPT_EXHAUSTED: [i32; 4] = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM];
/// What accept(2) says when the descriptor is not, or no longer, a listening socket.
pub(super) const ACCEPT_BROKEN: [i32; 3] = [libc::EBADF, libc::ENOTSOCK, libc::EINVAL];

/// Whether `openat2` is there: Linux 5.6, and no seccomp filter that forbids it
/// (those of older container runtimes answer EPERM). Asked once, of the root itself,
/// so that a later EPERM is taken for what it is: the answer to one file. Any other
/// error of this question, such as too many open files, is no answer to it.
pub(super) fn kernel_contains(root: BorrowedFd<'_>) -> bool {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let probe = openat2(root, c".", flags, Mode::empty(), resolve);
    !matches!(probe, Err(Errno::NOSYS | Errno::PERM | Errno::ACCESS | Errno::INVAL))
}

/// How the kernel contains a look-up. Where a link has led, it does not say. So where that
/// matters it is asked for a way without links, which is the common one, and the walk takes
/// the others.
fn resolve_flags(tree: &Tree) -> ResolveFlags {
    let mut resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let without_links = tree.hides.is_some() || tree.symlinks == Symlinks::Deny;
    resolve.set(ResolveFlags::NO_SYMLINKS, without_links);
    resolve
}

/// Opens beneath the root, or `None` where the walk has to decide.
pub(super) fn open_contained(tree: &Tree, path: &[u8], flags: OFlags) -> Option<Result<OwnedFd>> {
    if !tree.kernel_contains {
        return None;
    }
    let resolve = resolve_flags(tree);
    let judges_links = tree.hides.is_some() && tree.symlinks != Symlinks::Deny;
    for _ in 0..=MOST_RETRIES {
        match openat2(&tree.root, path, flags, Mode::empty(), resolve) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            // EXDEV: a link leads out, or is absolute, which may still lead inside.
            Err(Errno::XDEV | Errno::NOSYS) => return None,
            Err(Errno::LOOP) if judges_links => return None,
            answer => return Some(answer),
        }
    }
    None
}

/// Opens beneath the root if no disk has to be waited for (`RESOLVE_CACHED`, Linux 5.12);
/// else `AGAIN`. `None` where that cannot be told, or something else has to decide: links
/// that do not lead straight inside.
pub(super) fn open_at_hand(tree: &Tree, path: &[u8], flags: OFlags) -> Option<Result<OwnedFd>> {
    if !tree.kernel_contains {
        return None;
    }
    let resolve = resolve_flags(tree) | ResolveFlags::CACHED;
    match openat2(&tree.root, path, flags, Mode::empty(), resolve) {
        Err(Errno::XDEV | Errno::NOSYS | Errno::INVAL | Errno::LOOP | Errno::INTR) => None,
        answer => Some(answer),
    }
}

/// The facts of a name beneath the root, without opening it for reading.
pub(super) fn stat_contained(tree: &Tree, path: &[u8]) -> Result<Stat> {
    match open_contained(tree, path, OFlags::PATH | OFlags::CLOEXEC) {
        Some(answer) => fstat(answer?),
        None => walk::stat(tree, path),
    }
}

/// Sends up to `len` bytes of the file from `offset` on, inside the kernel.
///
/// # Errors
///
/// `WouldBlock` when the socket takes nothing now; else this connection is broken,
/// or the file cannot be read.
pub fn send_file(socket: &TcpStream, file: &std::fs::File, offset: u64, len: usize) -> io::Result<SendFile> {
    let mut offset = offset;
    let len = len.min(SEND_MOST);
    // mio's back ends without edges re-arm where they see WouldBlock: in `try_io`.
    let sent = socket.try_io(|| {
        let sent = retry_on_intr(|| sendfile(socket.as_fd(), file.as_fd(), Some(&mut offset), len));
        sent.map_err(io::Error::from)
    });
    match sent {
        Ok(sent) => Ok(SendFile::Sent(sent)),
        Err(error) => match Errno::from_io_error(&error) {
            // EINVAL: procfs, some FUSE. EIO: reading will tell whether the disk or
            // only this way is broken.
            Some(
                Errno::INVAL
                | Errno::NOSYS
                | Errno::OPNOTSUPP
                | Errno::XDEV
                | Errno::SPIPE
                | Errno::IO
                | Errno::NOTSOCK,
            ) => Ok(SendFile::Unsupported),
            _ => Err(error),
        },
    }
}

/// Whether the file can be read there without waiting for a disk, as far as its last byte
/// tells: the kernel reads ahead in order (`RWF_NOWAIT`, preadv2(2)). Where the file system
/// cannot tell it is taken to be so.
pub fn is_at_hand(file: &std::fs::File, range: Range<u64>) -> bool {
    let mut last = [0];
    let read = retry_on_intr(|| {
        let last = &mut [std::io::IoSliceMut::new(&mut last)];
        preadv2(file, last, range.end.saturating_sub(1), ReadWriteFlags::NOWAIT)
    });
    read != Err(Errno::AGAIN)
}

/// Tells the kernel that this part of the file will be read, and waits for none of it.
pub fn read_ahead(file: &std::fs::File, range: Range<u64>) {
    let len = std::num::NonZeroU64::new(range.end.saturating_sub(range.start));
    // Good advice, no more.
    let _ = fadvise(file, range.start, len, Advice::WillNeed);
}

/// Writes all slices, and tells the kernel that more follows at once (`MSG_MORE`): a
/// head and the file after it share their packets, as do a last response and the end
/// of the stream.
///
/// # Errors
///
/// `WouldBlock` when the socket takes nothing now; else this connection is broken.
pub fn send_more(socket: &TcpStream, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    // Without MSG_NOSIGNAL a reset peer would raise SIGPIPE, which ends processes
    // that do not ignore it.
    let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
    let send = || sendmsg(socket, slices, &mut SendAncillaryBuffer::default(), flags);
    socket.try_io(|| retry_on_intr(send).map_err(io::Error::from))
}

/// One socket for each loop, all on one port, with a queue of their own
/// (`SO_REUSEPORT`, socket(7)).
///
/// That option would also let a second server of the same user share the port and
/// take a part of the connections, without a word to anyone. So the first socket is
/// bound without it, and fails if anybody is there; it gets the option afterwards,
/// to let the others in.
pub(super) fn bound_sockets(addr: SocketAddr, loops: usize) -> io::Result<Vec<Socket>> {
    let first = new_socket(addr)?;
    first.bind(&addr.into())?;
    if loops == 1 {
        return Ok(vec![first]);
    }
    first.set_reuse_port(true)?;
    // With port 0 the first one has found it.
    let found = first.local_addr()?;
    let mut sockets = vec![first];
    for _ in 1..loops {
        let socket = new_socket(addr)?;
        socket.set_reuse_port(true)?;
        socket.bind(&found)?;
        sockets.push(socket);
    }
    Ok(sockets)
}

/// Lets this thread run only when no other wants to (`SCHED_IDLE`, sched(7)); a busy
/// event loop takes the processor from it at once, instead of waiting for its slice.
pub fn lower_priority() {
    // All that the kernel takes of `sched_param`: a priority, which this policy has none of.
    let priority: libc::c_int = 0;
    // Not by the C library: musl has a function of that name, and it only says ENOSYS.
    // SAFETY: 0 is the calling thread, and the parameters are only read. Where it is
    // forbidden the thread stays as it is.
    let _ = unsafe { libc::syscall(libc::SYS_sched_setscheduler, 0, libc::SCHED_IDLE, &raw const priority) };
}

/// Nothing: accepted sockets inherit `TCP_NODELAY` from the listener (tcp(7)), and
/// a system call per connection is saved.
pub fn prepare_accepted(_socket: &TcpStream) {}
