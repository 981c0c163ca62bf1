//! Tests of the contract: the same ones on every system where the rule is the same.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod files;
#[cfg(unix)]
mod hidden;
#[cfg(unix)]
mod links;
#[cfg(target_os = "linux")]
mod priority;
#[cfg(target_os = "linux")]
mod race;
mod sending;
#[cfg(unix)]
mod signals;
mod sockets;
#[cfg(windows)]
mod windows;

use std::fs;
use std::io;
use std::path::PathBuf;

use tempfile::TempDir;

use super::{Root, Symlinks, Trouble, read_range, trouble};

/// What no test may ever read through a contained root.
const CANARY: &str = "outside";

/// A root with a few files, and a directory beside it that must stay out of reach.
struct Site {
    _directory: TempDir,
    /// The root's path, free of links.
    path: PathBuf,
    /// The directory beside the root; its name begins like the root's.
    outside: PathBuf,
}

impl Site {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let base = directory.path().canonicalize().unwrap();
        let (path, outside) = (base.join("www"), base.join("www2"));
        for dir in [path.join("dir/deep"), path.join("empty"), outside.join("dir")] {
            fs::create_dir_all(dir).unwrap();
        }
        for name in ["a.txt", "dir/b.txt", "dir/deep/c.txt"] {
            fs::write(path.join(name), name).unwrap();
        }
        for name in ["secret.txt", "a.txt", "dir/b.txt"] {
            fs::write(outside.join(name), CANARY).unwrap();
        }
        Site { _directory: directory, path, outside }
    }

    fn root(&self, symlinks: Symlinks) -> Root {
        Root::new(&self.path, symlinks).unwrap()
    }
}

/// What is found under a name: the content of a file, "/" for a directory, or why not.
fn found(root: &Root, name: impl AsRef<[u8]>) -> Result<String, Trouble> {
    let opened = root.open(name.as_ref()).map_err(|error| trouble(&error))?;
    match opened.stat.kind {
        super::Kind::Directory => Ok("/".to_owned()),
        super::Kind::File => {
            let len = usize::try_from(opened.stat.len).unwrap();
            Ok(String::from_utf8(read_range(&opened.file, 0, len).unwrap()).unwrap())
        }
    }
}

/// The names that a listing shows, sorted; directories with a slash.
fn listed(root: &Root, name: &str) -> io::Result<Vec<String>> {
    let listing = root.list(name.as_bytes(), usize::MAX, |_| true)?;
    assert!(!listing.truncated);
    let show = |entry: super::Entry| {
        let slash = if entry.stat.kind == super::Kind::Directory { "/" } else { "" };
        format!("{}{slash}", entry.name.to_string_lossy())
    };
    let mut names: Vec<_> = listing.entries.into_iter().map(show).collect();
    names.sort();
    Ok(names)
}
