//! The file system of the disk: a contained root, or a single file.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::files::{Content, Entries, FileSystem, Lookup, Node, OpenFile, Place};
use super::listing::Row;
use super::reach::Reach;
use crate::clock::Now;
use crate::http::target::is_hidden_path;
use crate::http::{Preparation, SafePath};
use crate::sys::{self, Entry, Kind, Opened, Root, Stat, Symlinks, Version, sandbox};

/// How long an exchanged root (a new release under the old path) may go unnoticed.
const ROOT_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// So much of a file is fetched together with its name: what is read at once is not longer.
const FETCH_BYTES: u64 = 128 * 1024;

/// So many paths may be waited for, or have been and not be asked for again.
const FETCHING_MAX: usize = 1024;

/// After so many fetches in a row without effect there is nothing to be had from them: the
/// file system keeps nothing in memory, or has it nowhere else.
const VAIN_FETCHES_MAX: u32 = 8;

/// A directory on disk, or one file of it.
pub struct Disk {
    root: Arc<Root>,
    /// What was asked for: the directory, or a file in it.
    shared: PathBuf,
    directory: PathBuf,
    /// The only name there is, when a file is shared.
    single: Option<Arc<[u8]>>,
    symlinks: Symlinks,
    /// Whether names that begin with a dot are shown.
    hidden: bool,
    /// Whether names count only as they are spelled.
    exact: bool,
    checked: Option<Now>,
    /// The path leads nowhere by now; what is still open of the old root is not shown.
    gone: bool,
    /// What some thread of the pool fetches, and whether it is there.
    fetching: HashMap<Vec<u8>, Arc<AtomicBool>>,
    vain_fetches: u32,
    /// When the pool was found too full: whoever is answered in that turn waits for the disk.
    full: Option<Now>,
    /// Where a sandbox lets this thread read what is shared alone.
    reach: Option<Arc<Reach>>,
}

impl Disk {
    /// Opens what is to be shared: a directory, or one file. Unless `hidden` is wanted, no
    /// link leads to hidden names (R8); those of a request are the site's to judge.
    ///
    /// # Errors
    /// When it is absent or cannot be opened.
    pub fn new(path: &Path, symlinks: Symlinks, hidden: bool) -> io::Result<Disk> {
        let path = std::path::absolute(path)?;
        let shared = path.clone();
        let is_directory = std::fs::metadata(&path)?.is_dir();
        let (directory, single) = match path.file_name() {
            Some(name) if !is_directory => {
                let directory = path.parent().map(Path::to_path_buf).unwrap_or_default();
                (directory, Some(Arc::from(name.as_encoded_bytes())))
            }
            _ => (path, None),
        };
        // The file that was named may be a link to anywhere: naming it is permission enough.
        let (symlinks, hidden) = if single.is_some() { (Symlinks::Follow, true) } else { (symlinks, hidden) };
        let root = open_root(&directory, symlinks, hidden, false)?;
        Ok(Disk {
            root,
            shared,
            directory,
            single,
            symlinks,
            hidden,
            exact: false,
            checked: None,
            gone: false,
            fetching: HashMap::new(),
            vain_fetches: 0,
            full: None,
            reach: None,
        })
    }

    /// The same, where a name in another case than the file system's leads nowhere, if that is
    /// wanted ([`Root::spelled_exactly`]). A single file is called as its owner calls it.
    ///
    /// # Errors
    /// When the root is gone meanwhile.
    pub fn with_strict_case(self, is_wanted: bool) -> io::Result<Disk> {
        if !is_wanted || self.single.is_some() {
            return Ok(self);
        }
        let root = open_root(&self.directory, self.symlinks, self.hidden, true)?;
        Ok(Disk { root, exact: true, ..self })
    }

    /// The same for threads that reach no further than this, and are to be replaced when
    /// what is shared lies beyond it.
    #[must_use]
    pub fn within(self, reach: Arc<Reach>) -> Disk {
        Disk { reach: Some(reach), ..self }
    }

    /// What is shared was there and could not be opened: perhaps it has been made anew, and
    /// a sandbox keeps it from this thread.
    fn note_refusal(&self, error: &io::Error) {
        if let (Some(reach), io::ErrorKind::PermissionDenied) = (&self.reach, error.kind()) {
            reach.refused(sandbox::identity_of(&self.shared));
        }
    }

    /// Opens the root anew if its path leads elsewhere by now: a build may have removed
    /// and made it again, a deployment may have exchanged a link. Says whether it did.
    fn follow_root(&mut self, now: &Now) -> bool {
        // One look serves all requests that had come before it.
        if self.checked.is_some_and(|checked| checked.is_same_reading(now)) {
            return false;
        }
        self.checked = Some(*now);
        if self.root.is_current() {
            return std::mem::take(&mut self.gone);
        }
        let root = open_root(&self.directory, self.symlinks, self.hidden, self.exact);
        let root = root.inspect_err(|error| self.note_refusal(error));
        self.gone = root.is_err();
        root.map(|root| self.root = root).is_ok()
    }

    /// Does so once in [`ROOT_CHECK_INTERVAL`].
    fn follow_root_when_due(&mut self, now: &Now) {
        if self.checked.is_none_or(|checked| checked.instant + ROOT_CHECK_INTERVAL <= now.instant) {
            self.follow_root(now);
        }
    }

    /// The name beneath the directory that a path stands for; None if there can be none.
    fn resolve<'a>(&'a self, path: &'a SafePath) -> Option<&'a [u8]> {
        match &self.single {
            None => Some(path.as_bytes()),
            Some(name) if path.is_root() || path.as_bytes() == &**name => Some(name),
            Some(_) => None,
        }
    }

    fn open_now(&self, path: &SafePath, open: Open) -> io::Result<Node> {
        let relative = self.resolve(path).filter(|_| !self.gone).ok_or(io::ErrorKind::NotFound)?;
        let opened = open(&self.root, relative);
        if self.single.is_some() {
            // A new version of the one file is out of reach by itself.
            let _ = opened.as_ref().inspect_err(|error| self.note_refusal(error));
        }
        match node(opened?, self.single.clone()) {
            Node::Directory if self.single.is_some() => Err(io::ErrorKind::NotFound.into()),
            node => Ok(node),
        }
    }

    fn open_following_root(&mut self, path: &SafePath, now: &Now, open: Open) -> io::Result<Node> {
        self.follow_root_when_due(now);
        match self.open_now(path, open) {
            // Perhaps the root has just been made anew: one look before saying no.
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.follow_root(now) => {
                self.open_now(path, open)
            }
            opened => opened,
        }
    }

    /// Has the name and the beginning of its file read, so that the next question finds
    /// them in memory.
    fn fetch(&mut self, path: &SafePath) -> Preparation {
        if self.fetching.len() >= FETCHING_MAX {
            self.fetching.clear();
        }
        // Who waits for the same has the same mark: one who has done it has done it for all.
        let is_there = Arc::clone(self.fetching.entry(path.as_bytes().to_vec()).or_default());
        let (root, relative) = (Arc::clone(&self.root), self.resolve(path).unwrap_or_default().to_vec());
        Box::new(move || {
            if let Ok(Opened { file, stat: Stat { kind: Kind::File, len, .. }, .. }) = root.open(&relative) {
                // At most FETCH_BYTES, so it fits. Whatever is wrong is found again.
                let _ = sys::read_range(&file, 0, len.min(FETCH_BYTES) as usize);
            }
            is_there.store(true, Ordering::Release);
        })
    }
}

/// How far the fetching of a path is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Fetch {
    /// Nobody has asked for it.
    #[default]
    Nobody,
    /// It waits, or goes on.
    Waits,
    /// The pool was too full, or who asked has left: nobody will do it.
    Refused,
    /// It is done, whatever came of it.
    Done,
}

impl Fetch {
    /// Of the mark that the preparation holds as well, as long as it is there.
    fn of(is_there: &Arc<AtomicBool>) -> Fetch {
        // In this order: it is marked before it is gone.
        let is_gone = Arc::strong_count(is_there) == 1;
        match is_there.load(Ordering::Acquire) {
            true => Fetch::Done,
            false if is_gone => Fetch::Refused,
            false => Fetch::Waits,
        }
    }
}

/// Whether what was opened can be read at once, if it is short enough for that.
fn is_at_hand(node: &Node) -> bool {
    match node {
        Node::File(file) if file.len > 0 && file.len <= FETCH_BYTES => {
            file.content.is_at_hand(&(0..file.len))
        }
        Node::File(_) | Node::Directory => true,
    }
}

impl FileSystem for Disk {
    fn open(&mut self, path: &SafePath, now: &Now) -> io::Result<Node> {
        self.open_following_root(path, now, Root::open)
    }

    fn open_at_hand(&mut self, path: &SafePath, now: &Now) -> Result<io::Result<Node>, Preparation> {
        let is_full = self.full.is_some_and(|at| at.is_same_reading(now));
        if is_full || self.vain_fetches == VAIN_FETCHES_MAX {
            return Ok(self.open(path, now));
        }
        let opened = self.open_following_root(path, now, Root::open_at_hand);
        let is_there = match &opened {
            Ok(node) => is_at_hand(node),
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        };
        let fetch = self.fetching.get(path.as_bytes()).map(Fetch::of).unwrap_or_default();
        if fetch == Fetch::Done {
            self.vain_fetches = if is_there { 0 } else { self.vain_fetches + 1 };
        }
        if matches!(fetch, Fetch::Done | Fetch::Refused) {
            self.fetching.remove(path.as_bytes());
        }
        match fetch {
            _ if is_there => Ok(opened),
            Fetch::Nobody | Fetch::Waits => Err(self.fetch(path)),
            Fetch::Done => Ok(self.open(path, now)),
            Fetch::Refused => {
                self.full = Some(*now);
                Ok(self.open(path, now))
            }
        }
    }

    fn version(&mut self, path: &SafePath, now: &Now) -> Option<Version> {
        self.follow_root_when_due(now);
        let relative = self.resolve(path).filter(|_| !self.gone)?;
        self.root.version(relative)
    }

    fn is_shared_by_name(&self, path: &SafePath) -> bool {
        self.single.as_deref() == Some(path.as_bytes())
    }

    fn is_gone(&self) -> bool {
        self.gone
    }

    fn place(&self, path: &SafePath) -> Option<Place> {
        // Loops may have different roots for a moment, when it is exchanged. A NUL is in
        // no path.
        Some([&self.root.identity()[..], b"\0", path.as_bytes()].concat())
    }

    fn lookup(&mut self) -> Option<Arc<dyn Lookup>> {
        self.single.is_none().then(|| Arc::new(Tree(Arc::clone(&self.root))) as Arc<dyn Lookup>)
    }
}

/// A directory on disk, as it was opened.
struct Tree(Arc<Root>);

impl Lookup for Tree {
    fn open(&self, path: &SafePath) -> io::Result<Node> {
        Ok(node(self.0.open(path.as_bytes())?, None))
    }

    fn list(&self, path: &SafePath, most: usize, keep: &dyn Fn(&[u8]) -> bool) -> io::Result<Entries> {
        let listing = self.0.list(path.as_bytes(), most, keep)?;
        Ok(Entries { rows: listing.entries.into_iter().map(row).collect(), truncated: listing.truncated })
    }

    fn identity(&self, path: &SafePath) -> io::Result<Option<(u64, u64)>> {
        let opened = self.0.open(path.as_bytes())?;
        // On Windows that is the time of creation, which folders that were made together have
        // together. There a link that leads back is followed to the greatest depth.
        Ok(cfg!(unix).then_some(opened.version.identity))
    }
}

fn node(Opened { file, stat, version }: Opened, name: Option<Arc<[u8]>>) -> Node {
    match stat.kind {
        Kind::Directory => Node::Directory,
        Kind::File => Node::File(OpenFile {
            content: Content::Disk(Arc::new(file)),
            len: stat.len,
            modified: stat.modified,
            version,
            name,
        }),
    }
}

/// A way to open a name beneath a root.
type Open = fn(&Root, &[u8]) -> io::Result<Opened>;

fn open_root(directory: &Path, symlinks: Symlinks, hidden: bool, exact: bool) -> io::Result<Arc<Root>> {
    let root = Root::new(directory, symlinks)?;
    let root = if exact { root.spelled_exactly() } else { root };
    Ok(Arc::new(if hidden { root } else { root.hiding(is_hidden_path) }))
}

fn row(entry: Entry) -> Row {
    let Entry { name, stat } = entry;
    Row {
        // On Unix these are the name's own bytes, on Windows its UTF-8.
        name: name.into_encoded_bytes(),
        is_directory: stat.kind == Kind::Directory,
        len: stat.len,
        modified: stat.modified,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "disk_tests.rs"]
mod tests;
