//! Writing beside an original: under a hidden name first, then in place at once. The one
//! file of the program that writes into what is shared. It removes nothing but its own
//! drafts.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// What unfinished files begin with: the dot hides them from clients.
pub(super) const DRAFT_PREFIX: &str = ".serve-draft-";

/// Names that a crash of an earlier process with our number may have left behind.
const NAMES_MAX: usize = 1000;

static NUMBER: AtomicU64 = AtomicU64::new(0);

/// What a name leads to, links not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Nothing,
    File,
    /// A link, a directory, a device: somebody's intention.
    Other,
}

pub(super) fn kind(path: &Path) -> io::Result<Kind> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(Kind::File),
        Ok(_) => Ok(Kind::Other),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Kind::Nothing),
        Err(error) => Err(error),
    }
}

/// A file that has no name of its own yet. Dropped before it is placed, it is gone.
pub(super) struct Draft {
    file: Option<File>,
    path: PathBuf,
    len: u64,
}

impl Draft {
    /// An empty one beside `neighbour`.
    pub fn beside(neighbour: &Path) -> io::Result<Draft> {
        let mut tries = 0;
        loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let path = neighbour.with_file_name(format!("{DRAFT_PREFIX}{}-{number}", std::process::id()));
            match private().read(true).write(true).create_new(true).open(&path) {
                Ok(file) => return Ok(Draft { file: Some(file), path, len: 0 }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tries < NAMES_MAX => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// How much was written.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// What was written, from its beginning.
    pub fn read(&mut self) -> io::Result<&File> {
        let file = self.file()?;
        file.seek(SeekFrom::Start(0))?;
        Ok(file)
    }

    /// Gives it its name, in place of what had it, and the time and permissions of its
    /// original: a tree that is built anew stays the same byte for byte.
    pub fn place(
        mut self,
        path: &Path,
        modified: Option<SystemTime>,
        permissions: Permissions,
    ) -> io::Result<()> {
        let file = self.file()?;
        if let Some(modified) = modified {
            file.set_modified(modified)?;
        }
        // Elsewhere they are a switch that forbids to replace the file later.
        if cfg!(unix) {
            file.set_permissions(permissions)?;
        }
        // Closed before it moves, for the systems that care.
        self.file = None;
        fs::rename(&self.path, path)?;
        self.path = PathBuf::new();
        Ok(())
    }

    fn file(&mut self) -> io::Result<&mut File> {
        self.file.as_mut().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// What is not finished is for nobody else: the original may be private.
fn private() -> OpenOptions {
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file()?.write(bytes)?;
        self.len += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        self.file = None;
        if !self.path.as_os_str().is_empty() {
            // Nobody is left to be told; its name is hidden.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_draft_is_hidden_until_it_is_placed() {
        let directory = tempfile::tempdir().unwrap();
        let (original, sibling) = (directory.path().join("a"), directory.path().join("a.gz"));
        fs::write(&original, "original").unwrap();
        fs::write(&sibling, "before").unwrap();
        let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        let mut draft = Draft::beside(&original).unwrap();
        draft.write_all(b"after").unwrap();
        assert_eq!(
            (draft.len(), io::read_to_string(draft.read().unwrap()).unwrap()),
            (5, "after".to_owned())
        );
        assert!(names(directory.path())[0].starts_with(DRAFT_PREFIX), "{:?}", names(directory.path()));
        assert_eq!(fs::read_to_string(&sibling).unwrap(), "before");
        let permissions = fs::metadata(&original).unwrap().permissions();
        draft.place(&sibling, Some(time), permissions).unwrap();
        assert_eq!(names(directory.path()), ["a", "a.gz"]);
        assert_eq!(fs::read_to_string(&sibling).unwrap(), "after");
        assert_eq!(fs::metadata(&sibling).unwrap().modified().unwrap(), time);
    }

    #[test]
    fn what_is_not_placed_leaves_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        let original = directory.path().join("a");
        let permissions = || fs::metadata(directory.path()).unwrap().permissions();
        drop(Draft::beside(&original).unwrap());
        let nowhere = directory.path().join("missing/a.gz");
        assert!(Draft::beside(&original).unwrap().place(&nowhere, None, permissions()).is_err());
        assert!(Draft::beside(&nowhere).is_err());
        assert!(names(directory.path()).is_empty(), "{:?}", names(directory.path()));
    }

    #[test]
    fn what_a_crash_left_behind_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let next = NUMBER.load(Ordering::Relaxed);
        // Other tests take numbers, too.
        for number in next..next + 50 {
            let name = format!("{DRAFT_PREFIX}{}-{number}", std::process::id());
            fs::write(directory.path().join(name), "left").unwrap();
        }
        let before = names(directory.path());
        let mut draft = Draft::beside(&directory.path().join("a")).unwrap();
        draft.write_all(b"x").unwrap();
        drop(draft);
        assert_eq!(names(directory.path()), before);
        for name in before {
            assert_eq!(fs::read_to_string(directory.path().join(name)).unwrap(), "left");
        }
    }

    #[test]
    fn names_lead_to_nothing_to_files_or_to_something_else() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("file"), "").unwrap();
        assert_eq!(kind(&directory.path().join("missing")).unwrap(), Kind::Nothing);
        assert_eq!(kind(&directory.path().join("file")).unwrap(), Kind::File);
        assert_eq!(kind(directory.path()).unwrap(), Kind::Other);
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("file", directory.path().join("link")).unwrap();
            assert_eq!(kind(&directory.path().join("link")).unwrap(), Kind::Other);
        }
    }
}
