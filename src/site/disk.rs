//! The file system of the disk: a contained root, or a single file.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::files::{Content, Entries, FileSystem, Keep, Lister, Node, OpenFile, Place};
use super::listing::Row;
use super::reach::Reach;
use crate::clock::Now;
use crate::http::SafePath;
use crate::http::target::is_hidden_path;
use crate::sys::{Entry, Kind, Opened, Root, Symlinks, Version, sandbox};

/// How long an exchanged root (a new release under the old path) may go unnoticed.
const ROOT_CHECK_INTERVAL: Duration = Duration::from_secs(1);

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
    checked: Option<Now>,
    /// The path leads nowhere by now; what is still open of the old root is not shown.
    gone: bool,
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
        let root = open_root(&directory, symlinks, hidden)?;
        Ok(Disk {
            root,
            shared,
            directory,
            single,
            symlinks,
            hidden,
            checked: None,
            gone: false,
            reach: None,
        })
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
        let root = open_root(&self.directory, self.symlinks, self.hidden);
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

    fn open_now(&self, path: &SafePath) -> io::Result<Node> {
        let relative = self.resolve(path).filter(|_| !self.gone).ok_or(io::ErrorKind::NotFound)?;
        let opened = self.root.open(relative);
        if self.single.is_some() {
            // A new version of the one file is out of reach by itself.
            let _ = opened.as_ref().inspect_err(|error| self.note_refusal(error));
        }
        let Opened { file, stat, version } = opened?;
        match stat.kind {
            Kind::Directory if self.single.is_some() => Err(io::ErrorKind::NotFound.into()),
            Kind::Directory => Ok(Node::Directory),
            Kind::File => Ok(Node::File(OpenFile {
                content: Content::Disk(Arc::new(file)),
                len: stat.len,
                modified: stat.modified,
                version,
                name: self.single.clone(),
            })),
        }
    }
}

impl FileSystem for Disk {
    fn open(&mut self, path: &SafePath, now: &Now) -> io::Result<Node> {
        self.follow_root_when_due(now);
        match self.open_now(path) {
            // Perhaps the root has just been made anew: one look before saying no.
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.follow_root(now) => {
                self.open_now(path)
            }
            opened => opened,
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

    fn place(&self, path: &SafePath) -> Option<Place> {
        // Loops may have different roots for a moment, when it is exchanged. A NUL is in
        // no path.
        Some([&self.root.identity()[..], b"\0", path.as_bytes()].concat())
    }

    fn lister(&mut self, path: &SafePath, most: usize, keep: Keep) -> Lister {
        let (root, path) = (Arc::clone(&self.root), path.clone());
        Box::new(move || {
            let listing = root.list(path.as_bytes(), most, keep)?;
            Ok(Entries { rows: listing.entries.into_iter().map(row).collect(), truncated: listing.truncated })
        })
    }
}

fn open_root(directory: &Path, symlinks: Symlinks, hidden: bool) -> io::Result<Arc<Root>> {
    let root = Root::new(directory, symlinks)?;
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
mod tests {
    use super::*;

    fn read(disk: &mut Disk, path: &str, now: &Now) -> Option<String> {
        match disk.open(&SafePath::parse(path).unwrap(), now) {
            Ok(Node::File(file)) => {
                Some(String::from_utf8(file.content.read(0, 100).unwrap().to_vec()).unwrap())
            }
            _ => None,
        }
    }

    #[test]
    fn a_root_made_anew_is_found_again() {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path().join("dist");
        std::fs::create_dir(&root).unwrap();
        std::fs::write(root.join("a"), "old").unwrap();
        let (mut disk, now) = (Disk::new(&root, Symlinks::Inside, false).unwrap(), Now::read());
        assert_eq!(read(&mut disk, "/a", &now).as_deref(), Some("old"));
        std::fs::remove_dir_all(&root).unwrap();
        let later = now.later(ROOT_CHECK_INTERVAL);
        assert!(disk.open(&SafePath::root(), &later).is_err(), "a removed root is no empty folder");
        std::fs::create_dir(&root).unwrap();
        std::fs::write(root.join("a"), "new").unwrap();
        let soon = later.later(Duration::from_millis(1));
        assert_eq!(read(&mut disk, "/a", &soon).as_deref(), Some("new"));
    }

    #[test]
    fn an_exchanged_root_is_noticed_within_a_second() {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path().join("current");
        for (name, content) in [("1", "one"), ("2", "two")] {
            std::fs::create_dir(outer.path().join(name)).unwrap();
            std::fs::write(outer.path().join(name).join("a"), content).unwrap();
        }
        std::fs::rename(outer.path().join("1"), &root).unwrap();
        let (mut disk, now) = (Disk::new(&root, Symlinks::Inside, false).unwrap(), Now::read());
        assert_eq!(read(&mut disk, "/a", &now).as_deref(), Some("one"));
        std::fs::rename(&root, outer.path().join("old")).unwrap();
        std::fs::rename(outer.path().join("2"), &root).unwrap();
        assert_eq!(read(&mut disk, "/a", &now.later(ROOT_CHECK_INTERVAL)).as_deref(), Some("two"));
    }

    #[test]
    fn a_single_file_is_all_there_is() {
        let outer = tempfile::tempdir().unwrap();
        std::fs::write(outer.path().join("a.iso"), "image").unwrap();
        std::fs::write(outer.path().join("secret"), "no").unwrap();
        let (mut disk, now) =
            (Disk::new(&outer.path().join("a.iso"), Symlinks::Inside, false).unwrap(), Now::read());
        assert_eq!(read(&mut disk, "/", &now).as_deref(), Some("image"));
        assert_eq!(read(&mut disk, "/a.iso", &now).as_deref(), Some("image"));
        assert_eq!(read(&mut disk, "/secret", &now), None);
    }
}
