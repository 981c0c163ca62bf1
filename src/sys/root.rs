//! An open directory that names are looked up beneath: Unix.
//!
//! The kernel contains the look-up where it can, else the walk does. Nothing is
//! remembered between two look-ups, and nothing is ever created, written or run.

use std::ffi::{CStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, fstat, openat, statat};
use rustix::io::{Errno, retry_on_intr};

use super::unix::{facts, version};
use super::walk::{self, READ, Tree};
use super::{Entry, Hides, Kind, Listing, Opened, Stat, Symlinks, Version, is_proven, system};

impl Opened {
    fn of(file: File) -> io::Result<Opened> {
        let raw = fstat(&file)?;
        let stat = facts(&raw).ok_or(io::ErrorKind::NotFound)?;
        Ok(Opened { file, stat, version: version(&raw) })
    }
}

/// A directory, open, and all that is beneath it.
#[derive(Debug)]
pub struct Root {
    tree: Tree,
    /// Where the directory was at the start; absolute, so that a directory put in
    /// its place is noticed even if it was given as `.`.
    path: PathBuf,
}

impl Root {
    /// Opens `dir`, through links if it is one: where the root is, its owner decides.
    ///
    /// # Errors
    ///
    /// If it does not exist, is no directory, or may not be read.
    pub fn new(dir: &Path, symlinks: Symlinks) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = retry_on_intr(|| rustix::fs::open(dir, flags, Mode::empty()))?;
        let stat = fstat(&root)?;
        let identity = walk::identity(&stat);
        let leads_here =
            |path: &PathBuf| rustix::fs::stat(path).is_ok_and(|stat| walk::identity(&stat) == identity);
        let path = std::path::absolute(dir).ok().filter(leads_here).unwrap_or_else(|| dir.to_path_buf());
        // Links are made with the path that people see, which need not be the real
        // one: on macOS /tmp is a link to /private/tmp.
        let is_plain =
            |path: &PathBuf| path.is_absolute() && !path.components().any(|c| c == Component::ParentDir);
        let mut prefixes: Vec<_> =
            dir.canonicalize().into_iter().chain([path.clone()]).filter(is_plain).collect();
        prefixes.dedup();
        let prefixes = prefixes.into_iter().map(|path| path.into_os_string().into_vec()).collect();
        let kernel_contains = system::kernel_contains(root.as_fd());
        let (hides, exact) = (None, false);
        Ok(Root { tree: Tree { root, identity, prefixes, symlinks, hides, exact, kernel_contains }, path })
    }

    /// The same root, where no link leads to what `hides` says (R8): asked for the place
    /// beneath the root that links have led to. A name that was asked for in full, through
    /// no link, is not judged.
    #[must_use]
    pub fn hiding(mut self, hides: Hides) -> Self {
        self.tree.hides = Some(hides);
        self
    }

    /// The same root, where a name in another case does not exist: on systems that take it
    /// and tell how it is spelled. What the names of links are is not told.
    #[must_use]
    pub fn spelled_exactly(mut self) -> Self {
        self.tree.exact = system::TELLS_SPELLING;
        self
    }

    /// Opens the file or directory of that name, and looks at it once.
    ///
    /// # Errors
    ///
    /// Those of the system; what is neither file nor directory is `NotFound`.
    /// [`trouble`](super::trouble) says what they mean.
    pub fn open(&self, relative: &[u8]) -> io::Result<Opened> {
        debug_assert!(is_proven(relative));
        Opened::of(File::from(self.resolve(relative)?))
    }

    /// The same, if all that this needs is in memory.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if a disk would have to be waited for, as far as the system can tell.
    pub fn open_at_hand(&self, relative: &[u8]) -> io::Result<Opened> {
        debug_assert!(is_proven(relative));
        let path: &[u8] = if relative.is_empty() { b"." } else { relative };
        match system::open_at_hand(&self.tree, path, READ) {
            Some(answer) => Opened::of(File::from(answer?)),
            None => self.open(relative),
        }
    }

    /// The version of the file that a name leads to by now; `None` if there is none, or
    /// if it cannot be told.
    ///
    /// This look-up is *not* contained: it is for finding that a file, which was opened
    /// by [`open`](Self::open) before, is the same still. Whatever else it finds, inside
    /// or outside of the root, is of another version.
    pub fn version(&self, relative: &[u8]) -> Option<Version> {
        debug_assert!(is_proven(relative));
        let found = retry_on_intr(|| statat(&self.tree.root, relative, AtFlags::empty()));
        found.ok().map(|stat| version(&stat))
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
        let Opened { file, stat, .. } = self.open(relative)?;
        if stat.kind != Kind::Directory {
            return Err(Errno::NOTDIR.into());
        }
        let mut listing = Listing::default();
        // The name of an entry, from the root: links are resolved from there.
        let mut full = relative.to_vec();
        if !full.is_empty() {
            full.push(b'/');
        }
        let parent = full.len();
        let mut directory = Dir::new(OwnedFd::from(file))?;
        while let Some(entry) = directory.read() {
            let entry = entry?;
            let (name, for_system) = (entry.file_name().to_bytes(), entry.file_name());
            if !keep(name) {
                continue;
            }
            full.truncate(parent);
            full.extend_from_slice(name);
            let Some(stat) = self.look(directory.fd()?, for_system, &full) else { continue };
            if listing.entries.len() == most {
                listing.truncated = true;
                break;
            }
            listing.entries.push(Entry { name: OsString::from_vec(name.to_vec()), stat });
        }
        Ok(listing)
    }

    /// Whether the path given at the start still leads to this very directory, and
    /// not to one that has taken its place.
    pub fn is_current(&self) -> bool {
        rustix::fs::stat(&self.path).is_ok_and(|stat| walk::identity(&stat) == self.tree.identity)
    }

    /// What tells this directory from every other one, as long as it is open.
    pub fn identity(&self) -> Vec<u8> {
        let (device, inode) = self.tree.identity;
        [device.to_ne_bytes(), inode.to_ne_bytes()].concat()
    }

    /// Opens a name for reading, whatever it turns out to be.
    fn resolve(&self, relative: &[u8]) -> rustix::io::Result<OwnedFd> {
        let path: &[u8] = if relative.is_empty() { b"." } else { relative };
        if self.tree.follows_freely() {
            return retry_on_intr(|| openat(&self.tree.root, path, READ, Mode::empty()));
        }
        match system::open_contained(&self.tree, path, READ) {
            Some(answer) => answer,
            None => walk::open(&self.tree, path),
        }
    }

    /// The facts of one entry of a directory, if it is one to show. Nothing is opened
    /// for reading: a FIFO among the entries must not block, a device not wake up.
    fn look(&self, directory: BorrowedFd<'_>, name: &CStr, full: &[u8]) -> Option<Stat> {
        if matches!(name.to_bytes(), b"." | b"..") {
            return None;
        }
        let stat = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
            return facts(&stat);
        }
        let target = match self.tree.symlinks {
            Symlinks::Deny => return None,
            // How it is spelled where the link leads, an open handle tells.
            _ if self.tree.exact => return self.open(full).ok().map(|opened| opened.stat),
            _ if self.tree.follows_freely() => statat(directory, name, AtFlags::empty()),
            Symlinks::Inside | Symlinks::Follow => system::stat_contained(&self.tree, full),
        };
        facts(&target.ok()?)
    }

    /// The same root on a kernel without contained look-ups.
    #[cfg(test)]
    pub(super) fn without_kernel_containment(mut self) -> Self {
        self.tree.kernel_contains = false;
        self
    }
}
