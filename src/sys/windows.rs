//! Windows: every opened handle is asked for its final path, which must be beneath
//! the root's.
//!
//! Before that, and before any call into the file system, the names themselves are
//! checked ([`names`]): some do harm by being opened. All calls are the wide ones, so
//! that no "best fit" turns one character into another. `TransmitFile` is not used:
//! it needs overlapped I/O beside the poller's, and client editions allow two at a
//! time.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, IoSlice, Write};
use std::os::windows::ffi::OsStringExt;
use std::os::windows::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::os::windows::io::{AsRawHandle, AsRawSocket};
use std::path::{Component, Path, PathBuf};

use mio::net::TcpStream;
use windows_sys::Win32::Networking::WinSock::{
    SO_EXCLUSIVEADDRUSE, SOCKET_ERROR, SOL_SOCKET, WSA_NOT_ENOUGH_MEMORY, WSAEBADF, WSAEINVAL, WSAEMFILE,
    WSAENOBUFS, WSAENOTSOCK, setsockopt,
};
use windows_sys::Win32::Storage::FileSystem::{
    FILE_BASIC_INFO, FILE_FLAG_BACKUP_SEMANTICS, FILE_NAME_NORMALIZED, FILE_SHARE_DELETE, FILE_SHARE_READ,
    FILE_SHARE_WRITE, FileBasicInfo, GetFileInformationByHandleEx, GetFinalPathNameByHandleW,
    VOLUME_NAME_DOS,
};
use windows_sys::Win32::System::Threading::{GetCurrentThread, SetThreadPriority, THREAD_PRIORITY_IDLE};

mod errors;

pub use errors::{detour, trouble};

pub(super) use super::sockets::bound_clones as bound_sockets;
use super::{Entry, Hides, Kind, Listing, Opened, SendFile, Stat, Symlinks, Version, is_proven, names};

/// What accept says when we are out of something.
pub(super) const ACCEPT_EXHAUSTED: [i32; 3] = [WSAEMFILE, WSAENOBUFS, WSA_NOT_ENOUGH_MEMORY];
/// What accept says when the socket is not, or no longer, a listening one.
pub(super) const ACCEPT_BROKEN: [i32; 3] = [WSAENOTSOCK, WSAEBADF, WSAEINVAL];

/// Others may replace and delete what we have open: a build must not fail because
/// somebody looks at its last result.
const SHARE_ALL: u32 = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
/// From 1601, where the system's count begins, to 1970, in its units of 100 ns.
const TICKS_TO_1970: i128 = 116_444_736_000_000_000;

/// As long as such a handle is open, its directory keeps its name.
const SHARE_IN_PLACE: u32 = FILE_SHARE_READ | FILE_SHARE_WRITE;

/// A directory, known by its final path, and all that is beneath it.
#[derive(Debug)]
pub struct Root {
    /// The final path, in the verbatim form (`\\?\C:\…`), which has no limit of 260
    /// characters and in which Win32 rewrites nothing.
    path: PathBuf,
    /// As it was given, made absolute.
    given: PathBuf,
    symlinks: Symlinks,
    hides: Option<Hides>,
    /// Whether names count only as they are spelled.
    exact: bool,
}

impl Root {
    /// Finds `dir`, through links if it is one: where the root is, its owner decides.
    ///
    /// # Errors
    ///
    /// If it does not exist, is no directory, or may not be read.
    pub fn new(dir: &Path, symlinks: Symlinks) -> io::Result<Self> {
        let given = std::path::absolute(dir)?;
        let path = fs::canonicalize(&given)?;
        fs::read_dir(&path)?;
        Ok(Root { path, given, symlinks, hides: None, exact: false })
    }

    /// The same root, where no link leads to what `hides` says (R8): asked for the place
    /// beneath the root that links have led to. A name that was asked for in full, through
    /// no link, is not judged.
    #[must_use]
    pub fn hiding(mut self, hides: Hides) -> Self {
        self.hides = Some(hides);
        self
    }

    /// The same root, where a name in another case does not exist, unless a link is on the way.
    #[must_use]
    pub fn spelled_exactly(mut self) -> Self {
        self.exact = true;
        self
    }

    /// Opens the file or directory of that name, and looks at it once.
    ///
    /// # Errors
    ///
    /// Those of the system; what is refused, or neither file nor directory, is
    /// `NotFound`. [`trouble`] says what they mean.
    pub fn open(&self, relative: &[u8]) -> io::Result<Opened> {
        self.resolve(relative, SHARE_ALL).map(|(opened, _)| opened)
    }

    /// The same: nothing here tells whether a disk would have to be waited for.
    ///
    /// # Errors
    ///
    /// As of `open`.
    pub fn open_at_hand(&self, relative: &[u8]) -> io::Result<Opened> {
        self.open(relative)
    }

    /// The files and directories in the directory of that name, as [`open`](Self::open)
    /// would find them, but at most `most` of those whose names `keep` wants; what `open`
    /// would not find is left out.
    ///
    /// # Errors
    ///
    /// As of `open`, and if it is not a directory. An entry that cannot be looked at
    /// is no error.
    pub fn list(&self, relative: &[u8], most: usize, keep: impl Fn(&[u8]) -> bool) -> io::Result<Listing> {
        // The directory is read by its path. It is the one that was checked, because
        // nobody can rename or delete it while `opened` is open.
        let (opened, path) = self.resolve(relative, SHARE_IN_PLACE)?;
        if opened.stat.kind != Kind::Directory {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let mut listing = Listing::default();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let name = entry.file_name();
            if !keep(name.as_encoded_bytes()) {
                continue;
            }
            let Some(stat) = self.look(&entry, relative) else { continue };
            if listing.entries.len() == most {
                listing.truncated = true;
                break;
            }
            listing.entries.push(Entry { name, stat });
        }
        drop(opened);
        Ok(listing)
    }

    /// Whether the path given at the start still leads to this very directory.
    pub fn is_current(&self) -> bool {
        fs::canonicalize(&self.given).is_ok_and(|path| path == self.path)
    }

    /// What tells this directory from every other one. All is read by the path, so that
    /// roots of one path are one root.
    pub fn identity(&self) -> Vec<u8> {
        self.path.as_os_str().as_encoded_bytes().to_vec()
    }

    /// Never known: a handle would have to be opened for it, which is what costs.
    pub fn version(&self, _relative: &[u8]) -> Option<Version> {
        None
    }

    /// The facts of one entry of a directory, if it is one to show.
    fn look(&self, entry: &fs::DirEntry, parent: &[u8]) -> Option<Stat> {
        let name = entry.file_name();
        // A name that is not Unicode can never be asked for.
        let name = name.to_str().filter(|name| !names::windows_refuses(name))?;
        // What the directory says of the entry: no call, and links are not followed.
        let metadata = entry.metadata().ok()?;
        if !metadata.is_symlink() {
            return facts(&metadata);
        }
        if self.symlinks == Symlinks::Deny {
            return None;
        }
        let slash: &[u8] = if parent.is_empty() { b"" } else { b"/" };
        self.open(&[parent, slash, name.as_bytes()].concat()).ok().map(|opened| opened.stat)
    }

    /// Opens, and tells where the handle really is.
    fn resolve(&self, relative: &[u8], share: u32) -> io::Result<(Opened, PathBuf)> {
        debug_assert!(is_proven(relative));
        let relative = std::str::from_utf8(relative).map_err(|_| io::ErrorKind::NotFound)?;
        let segments: Vec<&str> =
            if relative.is_empty() { Vec::new() } else { relative.split('/').collect() };
        if segments.iter().any(|segment| names::windows_refuses(segment)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        // Each segment is a plain name now: none can turn the path elsewhere.
        let mut path = self.path.clone();
        path.extend(&segments);
        // Without backup semantics directories cannot be opened (CreateFileW).
        let mut options = OpenOptions::new();
        options.read(true).share_mode(share).custom_flags(FILE_FLAG_BACKUP_SEMANTICS);
        let file = options.open(&path)?;
        let metadata = file.metadata()?;
        let stat = facts(&metadata).ok_or(io::ErrorKind::NotFound)?;
        let last = final_path(&file)?;
        if self.admits(&segments, &last) {
            let version = version(&file, &metadata)?;
            Ok((Opened { file, stat, version }, last))
        } else if last.strip_prefix(&self.path).is_err() {
            // As Unix says it.
            Err(io::ErrorKind::CrossesDevices.into())
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    /// Whether a handle that was opened by these segments may be where it is.
    pub(super) fn admits(&self, segments: &[&str], last: &Path) -> bool {
        // By component: `C:\www` does not contain `C:\www2`.
        let inside = last.strip_prefix(&self.path).ok();
        let shown = inside.unwrap_or(last);
        let shown: Vec<&str> = shown.components().filter_map(plain_name).collect();
        // Then no link and no junction was on the way.
        let is_as_asked = inside.is_some()
            && shown.len() == segments.len()
            && segments.iter().zip(&shown).all(|(a, b)| names::is_same_name(a, b));
        let is_hidden = |hides: Hides| hides(shown.join("/").as_bytes());
        let is_allowed = match self.symlinks {
            _ if is_as_asked => true,
            Symlinks::Deny => false,
            // What lies outside has no name beneath the root.
            Symlinks::Inside | Symlinks::Follow if inside.is_some() => !self.hides.is_some_and(is_hidden),
            Symlinks::Inside => false,
            Symlinks::Follow => true,
        };
        let is_misspelled = self.exact
            && inside.is_some()
            && names::is_misspelled(segments.join("/").as_bytes(), shown.join("/").as_bytes());
        is_allowed && !is_misspelled && names::is_spelled_out(segments, &shown)
    }
}

/// A component that is a name. One that is not Unicode stands for itself, but equals
/// nothing that can be asked for.
fn plain_name(component: Component<'_>) -> Option<&str> {
    match component {
        Component::Normal(name) => Some(name.to_str().unwrap_or_default()),
        _ => None,
    }
}

/// What we say of a file; `None` for what is neither file nor directory.
fn facts(metadata: &Metadata) -> Option<Stat> {
    let kind = match metadata.file_type() {
        kind if kind.is_file() => Kind::File,
        kind if kind.is_dir() => Kind::Directory,
        _ => return None,
    };
    Some(Stat { kind, len: metadata.len(), modified: metadata.modified().ok() })
}

/// Which file, in which state. A file that takes another's place has a time of creation
/// of its own.
fn version(file: &File, metadata: &Metadata) -> io::Result<Version> {
    Ok(Version {
        identity: (metadata.creation_time(), 0),
        len: metadata.len(),
        times: (since_1970(i128::from(metadata.last_write_time())), since_1970(change_time(file)?)),
    })
}

/// The version that an open file has by now.
///
/// # Errors
///
/// If the system does not tell.
pub fn version_of(file: &File) -> io::Result<Version> {
    version(file, &file.metadata()?)
}

/// From units of 100 ns since 1601 to nanoseconds since 1970, so that it can be compared
/// with the clock.
fn since_1970(ticks: i128) -> i128 {
    (ticks - TICKS_TO_1970) * 100
}

/// When anything of a file was changed, its times included; 0 where the file system does
/// not know, as FAT. The plain information of a handle does not have it.
fn change_time(file: &File) -> io::Result<i128> {
    let mut info = FILE_BASIC_INFO::default();
    let room = u32::try_from(size_of::<FILE_BASIC_INFO>()).unwrap_or(0);
    // SAFETY: the handle is open as long as `file` is borrowed; `info` is what this class
    // of information is written to, and `room` its size.
    let told = unsafe {
        GetFileInformationByHandleEx(file.as_raw_handle(), FileBasicInfo, (&raw mut info).cast(), room)
    };
    if told == 0 { Err(io::Error::last_os_error()) } else { Ok(i128::from(info.ChangeTime)) }
}

/// Where the handle is, with all links resolved and all names in full.
pub(super) fn final_path(file: &File) -> io::Result<PathBuf> {
    let mut buffer = vec![0_u16; 512];
    loop {
        let room = u32::try_from(buffer.len()).unwrap_or(u32::MAX);
        // SAFETY: the handle is open as long as `file` is borrowed; the buffer is
        // valid for writes of `room` units, of which the call writes no more.
        let length = unsafe {
            GetFinalPathNameByHandleW(
                file.as_raw_handle(),
                buffer.as_mut_ptr(),
                room,
                FILE_NAME_NORMALIZED | VOLUME_NAME_DOS,
            )
        };
        match length as usize {
            0 => return Err(io::Error::last_os_error()),
            // Too small a buffer: this is the length wanted, with the terminating NUL.
            wanted if wanted >= buffer.len() => buffer.resize(wanted + 1, 0),
            length => return Ok(OsString::from_wide(&buffer[..length]).into()),
        }
    }
}

/// Reads at `offset`; 0 at the end of the file. Fewer bytes than asked for mean nothing.
///
/// # Errors
///
/// If the file cannot be read: a directory, a locked range, a failing disk.
pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    // This moves the cursor, which nobody uses.
    file.seek_read(buffer, offset)
}

/// Reads `len` bytes from `offset` on: fewer only if the file ends before.
///
/// # Errors
///
/// If the file cannot be read, or there is no memory for `len` bytes.
pub fn read_range(file: &File, offset: u64, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(len)?;
    bytes.resize(len, 0);
    let mut filled = 0;
    while filled < len {
        match read_at(file, &mut bytes[filled..], offset.saturating_add(filled as u64))? {
            0 => break,
            more => filled += more,
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// True: nothing here tells whether reading would wait for a disk.
pub fn is_at_hand(_file: &File, _range: std::ops::Range<u64>) -> bool {
    true
}

/// Nothing: what is always at hand needs no advice.
pub fn read_ahead(_file: &File, _range: std::ops::Range<u64>) {}

/// Reading and writing is the way here, always.
///
/// # Errors
///
/// Never.
pub fn send_file(_socket: &TcpStream, _file: &File, _offset: u64, _len: usize) -> io::Result<SendFile> {
    Ok(SendFile::Unsupported)
}

/// A plain write: there is no flag for it.
///
/// # Errors
///
/// `WouldBlock` when the socket takes nothing now; else this connection is broken.
pub fn send_more(mut socket: &TcpStream, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    socket.write_vectored(slices)
}

/// Sets `TCP_NODELAY`, which is not promised to pass from the listener. On a socket
/// that the peer has reset this fails, which the next read will find out.
pub fn prepare_accepted(socket: &TcpStream) {
    let _ = socket.set_nodelay(true);
}

/// Lets this thread run only when no other wants to.
pub fn lower_priority() {
    // SAFETY: the pseudo handle is that of the calling thread and always valid; without
    // success the thread stays as it is.
    let _ = unsafe { SetThreadPriority(GetCurrentThread(), THREAD_PRIORITY_IDLE) };
}

/// There is no such limit to raise.
pub fn raise_descriptor_limit() -> Option<u64> {
    None
}

/// Calls `f` on a thread of its own for each Ctrl-C and Ctrl-Break.
///
/// # Errors
///
/// If the handler cannot be had, or there is one already.
pub fn on_stop_signal(f: impl FnMut() + Send + 'static) -> io::Result<()> {
    ctrlc::set_handler(f).map_err(io::Error::other)
}

/// Keeps the port for us. Without this option any other process could take it over by
/// `SO_REUSEADDR`, which on Windows shares a port in use; that option itself is not
/// needed to start again (Winsock, "Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE").
pub(super) fn claim_port(socket: &socket2::Socket) -> io::Result<()> {
    let yes = 1_i32;
    // SAFETY: the socket is open as long as it is borrowed; the option is a BOOL, and
    // the pointer and length are those of an `i32`, which it is.
    let result = unsafe {
        setsockopt(
            socket.as_raw_socket() as usize,
            SOL_SOCKET,
            SO_EXCLUSIVEADDRUSE,
            (&raw const yes).cast(),
            size_of::<i32>() as i32,
        )
    };
    if result == SOCKET_ERROR { Err(io::Error::last_os_error()) } else { Ok(()) }
}
