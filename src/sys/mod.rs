//! Floor 0: what the operating systems do differently, behind one contract.
//!
//! This is the only module with `unsafe` in it, and it knows nothing of ours: no
//! HTTP, no event loop. Each system is one file with the same names.
//!
//! # The contract
//!
//! Every system provides
//!
//! - [`Root`]: an open directory. [`Root::open`] opens a name beneath it and
//!   *cannot* leave it: the kernel contains the look-up (Linux), or the walk does
//!   so handle by handle (other Unix), or the opened handle is asked where it is
//!   (Windows). No decision is ever made by comparing the strings of a request.
//!   Opening never blocks on FIFOs or devices, and all that is said of a file
//!   comes from the handle that was opened. [`Root::hiding`] makes links into hidden
//!   places lead nowhere. [`Root::list`] says the same of every entry as `open` would.
//!   [`Root::spelled_exactly`] makes names in another case lead nowhere, where a system
//!   takes them and tells how they are spelled.
//!   [`Root::open_at_hand`] opens what is in memory, and says so of what is not, where a
//!   system can tell.
//!   [`Root::version`] asks, in one call, which version of a file a name leads to, where
//!   a system can. [`Root::is_current`] tells whether the path given at the start still
//!   leads to this very directory, and [`Root::identity`] tells it from others.
//! - [`send_file`]: file → socket inside the kernel, or `Unsupported`.
//! - [`send_more`]: a write that tells the kernel that more follows at once.
//! - [`bind`]: the listening sockets of one address, one for each event loop;
//!   [`prepare_accepted`] gives an accepted socket what it did not inherit, and
//!   [`abort_on_close`] makes its end a reset.
//! - [`read_at`], [`read_range`]: positioned reads, which leave no cursor behind;
//!   [`is_at_hand`] tells whether one would wait for a disk, where a system can tell, and
//!   [`read_ahead`] lets the disk begin.
//! - [`trouble`], [`accept_trouble`]: what an error means to a server; [`detour`]: whether a
//!   link was the reason, as far as a system can tell.
//! - [`raise_descriptor_limit`], [`on_stop_signal`]: the process; [`lower_priority`]: a
//!   thread of it; [`Program`]: its own pages.
//! - [`sandbox`]: what the process gives up for good, where a system can take it.
//! - [`Parent`], [`inherited`]: who started the process, and what was open then.
//! - [`find_user`], [`become_user`]: another user, for who was started by root.
//!
//! Names go in as bytes, `/`-separated and relative: no empty segment, no `.`, no
//! `..`, no NUL. The layer that parses targets proves that; here it is asserted in
//! debug builds, and a contained look-up stays so even if it were not proven.

use std::ffi::OsString;
use std::fs::File;
use std::time::{Duration, SystemTime};

mod memory;
pub mod names;
mod parent;
pub mod sandbox;
mod sockets;
mod user;

#[cfg(unix)]
mod root;
#[cfg(unix)]
mod unix;
#[cfg(unix)]
mod walk;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as system;

#[cfg(any(target_os = "macos", target_os = "freebsd"))]
mod bsd;
#[cfg(any(target_os = "macos", target_os = "freebsd"))]
use bsd as system;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows as system;

#[cfg(test)]
mod tests;

pub use memory::Program;
pub use parent::{Parent, inherited};
pub use sockets::{
    AcceptTrouble, CLOSING_DEREGISTERS, SHORT_READ_EMPTIES, abort_on_close, accept_trouble, bind,
};
pub use system::{
    Root, detour, is_at_hand, lower_priority, on_stop_signal, prepare_accepted, raise_descriptor_limit,
    read_ahead, read_at, read_range, send_file, send_more, trouble, version_of,
};
pub use user::{User, become_user, find_user};

/// Where symbolic links may lead (`--symlinks`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Symlinks {
    /// Links are followed as long as they stay beneath the root, absolute ones too.
    #[default]
    Inside,
    /// Links are followed wherever they lead.
    Follow,
    /// A name that is, or leads through, a link does not exist.
    Deny,
}

/// Whether a place beneath the root is hidden: its names, `/`-separated, free of links
/// (see [`Root::hiding`]).
pub type Hides = fn(&[u8]) -> bool;

/// What an opened name turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
}

/// The facts of a file, all from one look at one handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Regular file or directory; nothing else is ever opened or listed.
    pub kind: Kind,
    /// Size in bytes; for directories without meaning.
    pub len: u64,
    /// Last modification, where the file system knows one.
    pub modified: Option<SystemTime>,
}

/// How long after a change a file may change again without a trace: the coarsest time
/// stamps are those of FAT, of two seconds.
pub const SETTLING_TIME: Duration = Duration::from_secs(2);

/// So far ahead of ours the clock of a file server may be.
const AHEAD_MAX: Duration = Duration::from_secs(60);

/// Which file, and which state of it: two equal versions that are
/// [settled](Version::is_settled) have the same content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Version {
    /// Device and inode, where a system has them: what a rename exchanges.
    pub identity: (u64, u64),
    /// Size in bytes.
    pub len: u64,
    /// Last modification, and last change of any kind, which nobody can set back; in
    /// nanoseconds of the system's own count.
    pub times: (i128, i128),
}

impl Version {
    /// Whether a later change must show in the version. A file that has only just been
    /// written may be written again within the resolution of its time stamps (what git
    /// calls racily clean).
    pub fn is_settled(&self, now: SystemTime) -> bool {
        let now = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        let now = now.cast_signed();
        let is_past = |time: i128| time.saturating_add(SETTLING_TIME.as_nanos().cast_signed()) <= now;
        let (modified, changed) = self.times;
        // A date of tomorrow was set by somebody, and a change will not have it again. What is
        // written by a clock that goes a little ahead may.
        let is_set = modified > now.saturating_add(AHEAD_MAX.as_nanos().cast_signed());
        is_past(changed) && (is_past(modified) || is_set)
    }
}

/// An opened name and its facts.
#[derive(Debug)]
pub struct Opened {
    /// Open for reading. A directory's handle is of use to [`Root::list`] alone.
    pub file: File,
    /// From the handle, not from the name.
    pub stat: Stat,
    /// The same.
    pub version: Version,
}

/// One line of [`Root::list`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The last segment, as the file system spells it.
    pub name: OsString,
    /// What [`Root::open`] would find under that name.
    pub stat: Stat,
}

/// What [`Root::list`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// In the order of the file system, which means nothing.
    pub entries: Vec<Entry>,
    /// There is more than was asked for.
    pub truncated: bool,
}

/// What went wrong with a name, as far as an answer depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// There is nothing to serve under this name: absent, too long, not a
    /// directory on the way, a link that leaves the root or loops, a device.
    Missing,
    /// It is there, but we may not read it.
    Forbidden,
    /// Out of descriptors or memory, or the file is locked: later it may work.
    Exhausted,
    /// Anything else: a failing disk, a stale network mount.
    Failed,
}

/// What kind of link kept a look-up from going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detour {
    /// One that leads out of the root, where links are to stay inside.
    Outside,
    /// One that leads in a circle, or any where none is to be followed.
    NotFollowed,
}

/// What came of one [`send_file`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendFile {
    /// So many bytes are with the kernel; 0 means that the file ended early.
    Sent(usize),
    /// Not for this file, this socket or this system: read and write instead.
    Unsupported,
}

/// Whether a relative name has the form that every system relies on.
fn is_proven(relative: &[u8]) -> bool {
    let is_segment = |s: &[u8]| !matches!(s, b"" | b"." | b"..") && !s.contains(&0);
    relative.is_empty() || relative.split(|&byte| byte == b'/').all(is_segment)
}
