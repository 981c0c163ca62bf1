//! Which files get siblings: those of a tree that are of a type and size to compress,
//! found as the server would find them. Opens nothing but directories.

use std::io;
use std::path::{Path, PathBuf};

use super::place::DRAFT_PREFIX;
use super::sibling::Gauge;
use crate::codec::Format;
use crate::http::media_type::{MediaTypes, is_compressible};
use crate::sys::{Kind, Root, Stat, Symlinks};

/// Below it the fields that say how it is coded weigh as much as is saved.
const LEN_MIN: u64 = 1024;

/// The one hidden name that visitors may see (RFC 8615), and only at the top.
const WELL_KNOWN: &[u8] = b".well-known";

/// What is to be compressed: a directory, or one file of it.
pub(super) struct Tree {
    pub root: Root,
    directory: PathBuf,
    single: Option<Vec<u8>>,
    hidden: bool,
}

/// A file to be compressed.
#[derive(Debug)]
pub(super) struct Original {
    /// Beneath the root, as [`Root`] wants it.
    pub name: Vec<u8>,
    /// The whole path, for writing beside it and for messages.
    pub path: PathBuf,
    /// As it was when it was found.
    pub stat: Stat,
}

/// What a walk found.
#[derive(Debug, Default)]
pub(super) struct Originals {
    pub found: Vec<Original>,
    /// Files of all types and sizes.
    pub seen: usize,
}

impl Tree {
    pub fn open(path: &Path, hidden: bool) -> io::Result<Tree> {
        // A file stands beside its siblings; of a link to one, which would be the place?
        // Where the link is, because that is what the server is asked for.
        let (directory, single) = match (path.is_dir(), path.file_name()) {
            (false, Some(name)) => {
                (path.parent().unwrap_or(Path::new("")), Some(name.as_encoded_bytes().to_vec()))
            }
            _ => (path, None),
        };
        let symlinks = if single.is_some() { Symlinks::Follow } else { Symlinks::Deny };
        let root = Root::new(directory, symlinks)?;
        Ok(Tree { root, directory: directory.to_owned(), single, hidden })
    }

    /// All files to be compressed, each directory in the order of its names. Directories
    /// that cannot be listed are told, and left out.
    pub fn originals(
        &self,
        types: &MediaTypes,
        gauge: &Gauge,
        mut told: impl FnMut(&Path, io::Error),
    ) -> Originals {
        let mut originals = Originals::default();
        if let Some(name) = &self.single {
            let path = self.directory.join(String::from_utf8_lossy(name).as_ref());
            match self.root.open(name) {
                Ok(opened) => originals.add(name.clone(), path, opened.stat, types),
                Err(error) => told(&path, error),
            }
            return originals;
        }
        let mut directories = vec![(Vec::new(), self.directory.clone())];
        while let Some((directory, path)) = directories.pop() {
            if gauge.is_stopped() {
                break;
            }
            let is_top = directory.is_empty();
            let listing =
                self.root.list(&directory, usize::MAX, move |name| is_wanted(name, is_top, self.hidden));
            let mut entries = match listing {
                Ok(listing) => listing.entries,
                Err(error) => {
                    told(&path, error);
                    continue;
                }
            };
            entries.sort_by(|a, b| a.name.cmp(&b.name));
            for entry in entries {
                let mut name = directory.clone();
                if !is_top {
                    name.push(b'/');
                }
                name.extend_from_slice(entry.name.as_encoded_bytes());
                let path = path.join(&entry.name);
                match entry.stat.kind {
                    Kind::Directory => directories.push((name, path)),
                    Kind::File => originals.add(name, path, entry.stat, types),
                }
            }
        }
        originals
    }
}

impl Originals {
    fn add(&mut self, name: Vec<u8>, path: PathBuf, stat: Stat, types: &MediaTypes) {
        self.seen += 1;
        if stat.len >= LEN_MIN && has_siblings(&name, types) {
            self.found.push(Original { name, path, stat });
        }
    }
}

/// Whether a name of the tree may be looked at.
fn is_wanted(name: &[u8], is_top: bool, hidden: bool) -> bool {
    let is_draft = name.starts_with(DRAFT_PREFIX.as_bytes());
    let is_hidden = name.starts_with(b".") && !(is_top && name == WELL_KNOWN);
    !is_draft && (hidden || !is_hidden)
}

/// Whether files of this name are worth a try: by their type, and because they are no
/// siblings themselves.
fn has_siblings(path: &[u8], types: &MediaTypes) -> bool {
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let is_sibling = Format::ALL.iter().any(|format| {
        let suffix = format.suffix().as_bytes();
        name.len() >= suffix.len() && name[name.len() - suffix.len()..].eq_ignore_ascii_case(suffix)
    });
    !is_sibling && is_compressible(&types.of(name))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn hidden_names_are_left_out_as_the_server_leaves_them_out() {
        for (name, is_top, hidden, expected) in [
            (&b"a"[..], true, false, true),
            (b".a", true, false, false),
            (b".a", true, true, true),
            (b".well-known", true, false, true),
            (b".well-known", false, false, false),
            (b".serve-draft-1-2", true, true, false),
        ] {
            assert_eq!(is_wanted(name, is_top, hidden), expected, "{:?}", String::from_utf8_lossy(name));
        }
    }

    #[test]
    fn types_decide_and_siblings_have_none_themselves() {
        let types = MediaTypes::new([("gz".into(), "text/plain".into())], Some("text/plain".into()));
        for name in ["a.html", "d.gz/a.css", "unknown", "a.br.js", "d/LICENSE"] {
            assert!(has_siblings(name.as_bytes(), &types), "{name}");
        }
        for name in ["a.png", "a.js.gz", "a.js.BR", "d/a.zst", ".gz", "a.woff2"] {
            assert!(!has_siblings(name.as_bytes(), &types), "{name}");
        }
        assert!(!has_siblings(b"LICENSE", &MediaTypes::default()));
    }

    fn found(tree: &Tree) -> (Vec<String>, usize) {
        let none = |path: &Path, error: io::Error| panic!("{}: {error}", path.display());
        let originals = tree.originals(&MediaTypes::default(), &Gauge::default(), none);
        for original in &originals.found {
            assert_eq!(fs::metadata(&original.path).unwrap().len(), original.stat.len);
        }
        let names = originals.found.into_iter().map(|found| String::from_utf8(found.name).unwrap());
        (names.collect(), originals.seen)
    }

    #[test]
    fn a_walk_finds_what_is_large_enough_and_follows_no_link() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        let long = "x".repeat(1024);
        for (name, content) in [
            ("b.js", &long[..]),
            ("a.js", &long),
            ("short.js", &long[1..]),
            ("a.png", &long),
            ("d/e/c.css", &long),
            (".git/x.js", &long),
            (".well-known/y.json", &long),
            ("../outside.js", &long),
        ] {
            fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
            fs::write(root.join(name), content).unwrap();
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("a.js", root.join("link.js")).unwrap();
            std::os::unix::fs::symlink("..", root.join("up")).unwrap();
            std::os::unix::fs::symlink("d", root.join("inside")).unwrap();
        }
        let tree = Tree::open(&root, false).unwrap();
        let expected = ["a.js", "b.js", "d/e/c.css", ".well-known/y.json"];
        assert_eq!(found(&tree), (expected.map(str::to_owned).to_vec(), 6));
        let tree = Tree::open(&root, true).unwrap();
        assert_eq!(found(&tree).0.len(), 5);
        let tree = Tree::open(&root.join("a.js"), false).unwrap();
        assert_eq!(found(&tree), (vec!["a.js".to_owned()], 1));
    }

    #[test]
    fn a_walk_that_is_stopped_ends() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("a.js"), "x".repeat(2000)).unwrap();
        let gauge = Gauge::default();
        gauge.stop();
        let tree = Tree::open(directory.path(), false).unwrap();
        assert_eq!(tree.originals(&MediaTypes::default(), &gauge, |_, _| ()).seen, 0);
    }
}
