//! Files that change: in place, by being replaced, and while they are sent.

use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::io::Write;
use std::rc::Rc;
use std::sync::{Arc, Mutex, Weak};
use std::time::SystemTime;

use serve::clock::Now;
use serve::http::{Preparation, SafePath};
use serve::site::FileSystem;
use serve::site::files::{Content, Entries, Lookup, Node, OpenFile, Place};
use serve::site::listing::Row;
use serve::sys::Version;

use crate::dice::Dice;

/// What each name is for, and how long it is at first.
pub const NAMES: [(&str, usize); 8] = [
    ("index.html", 300),
    ("a.txt", 10),
    ("empty", 0),
    ("app.js", 6000),
    ("mid.bin", 40_000),
    ("big.bin", 150_000),
    ("changes.bin", 50_000),
    ("replaced.bin", 36_000),
];
pub const CHANGES: usize = 6;
pub const REPLACED: usize = 7;

/// The directory that is listed, and a name in it.
const LISTED: &[u8] = b"list";

/// What a file has at a place: of each file and generation something else.
pub fn byte_at(name: usize, generation: usize, at: usize) -> u8 {
    b'a' + ((at * 7 + at / 26 * 3 + name * 5 + generation * 11) % 26) as u8
}

struct Kept {
    file: File,
    len: usize,
    generation: usize,
    modified: SystemTime,
}

struct Disk {
    files: Vec<Kept>,
    dice: Dice,
    /// Each that was opened, as long as somebody holds it.
    open: Mutex<Vec<Weak<File>>>,
}

/// The files; clones are the same ones.
#[derive(Clone)]
pub struct Files(Rc<RefCell<Disk>>);

fn written(name: usize, generation: usize, len: usize) -> File {
    let bytes: Vec<u8> = (0..len).map(|at| byte_at(name, generation, at)).collect();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&bytes).unwrap();
    file
}

impl Files {
    pub fn new(now: &Now, dice: Dice) -> Files {
        let modified = now.system - std::time::Duration::from_secs(1000);
        let files = NAMES.iter().enumerate();
        let files =
            files.map(|(name, &(_, len))| Kept { file: written(name, 0, len), len, generation: 0, modified });
        Files(Rc::new(RefCell::new(Disk { files: files.collect(), dice, open: Mutex::default() })))
    }

    /// Changes the length of one in place: what it has, it has where it was.
    pub fn change(&self, now: &Now) {
        let disk = &mut *self.0.borrow_mut();
        let len = disk.dice.between(1, 2 * NAMES[CHANGES].1);
        let kept = &mut disk.files[CHANGES];
        if len < kept.len {
            kept.file.set_len(len as u64).unwrap();
        } else {
            let more: Vec<u8> = (kept.len..len).map(|at| byte_at(CHANGES, 0, at)).collect();
            kept.file.write_all_at_end(&more, kept.len);
        }
        (kept.len, kept.modified) = (len, now.system);
    }

    /// Puts another file into the place of one, by rename.
    pub fn replace(&self, now: &Now) {
        let disk = &mut *self.0.borrow_mut();
        let kept = &mut disk.files[REPLACED];
        let generation = (kept.generation + 1) % 26;
        let len = disk.dice.between(1, 2 * NAMES[REPLACED].1);
        *kept = Kept { file: written(REPLACED, generation, len), len, generation, modified: now.system };
    }

    /// How many are held open.
    pub fn open_count(&self) -> usize {
        let disk = self.0.borrow();
        let mut open = disk.open.lock().unwrap();
        open.retain(|file| file.strong_count() > 0);
        open.len()
    }
}

trait WriteAtEnd {
    fn write_all_at_end(&mut self, bytes: &[u8], at: usize);
}

impl WriteAtEnd for File {
    fn write_all_at_end(&mut self, bytes: &[u8], at: usize) {
        use std::io::Seek;
        self.seek(io::SeekFrom::Start(at as u64)).unwrap();
        self.write_all(bytes).unwrap();
    }
}

fn version(name: usize, kept: &Kept) -> Version {
    let since = kept.modified.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Version {
        identity: (name as u64, kept.generation as u64),
        len: kept.len as u64,
        times: (since.as_nanos().cast_signed(), 0),
    }
}

fn name_of(path: &SafePath) -> Option<usize> {
    NAMES.iter().position(|(name, _)| name.as_bytes() == path.as_bytes())
}

impl FileSystem for Files {
    fn open(&mut self, path: &SafePath, _: &Now) -> io::Result<Node> {
        let disk = self.0.borrow();
        if path.is_root() || path.as_bytes() == LISTED {
            return Ok(Node::Directory);
        }
        if path.as_bytes() == b"bad" {
            return Err(io::Error::other("the disk fails"));
        }
        let name = name_of(path).ok_or(io::ErrorKind::NotFound)?;
        let kept = &disk.files[name];
        let file = Arc::new(kept.file.try_clone()?);
        disk.open.lock().unwrap().push(Arc::downgrade(&file));
        Ok(Node::File(OpenFile {
            content: Content::Disk(file),
            len: kept.len as u64,
            modified: Some(kept.modified),
            version: version(name, kept),
            name: None,
        }))
    }

    fn open_at_hand(&mut self, path: &SafePath, now: &Now) -> Result<io::Result<Node>, Preparation> {
        if self.0.borrow_mut().dice.once_in(10) {
            // The pool fetches it.
            return Err(Box::new(|| ()));
        }
        Ok(self.open(path, now))
    }

    fn version(&mut self, path: &SafePath, _: &Now) -> Option<Version> {
        name_of(path).map(|name| version(name, &self.0.borrow().files[name]))
    }

    fn place(&self, path: &SafePath) -> Option<Place> {
        Some(path.as_bytes().to_vec())
    }

    fn lookup(&mut self) -> Option<Arc<dyn Lookup>> {
        Some(Arc::new(Listed))
    }
}

/// The directories, which are always the same.
struct Listed;

impl Lookup for Listed {
    fn open(&self, _: &SafePath) -> io::Result<Node> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn list(&self, path: &SafePath, _: usize, keep: &dyn Fn(&[u8]) -> bool) -> io::Result<Entries> {
        let row = |name: &str| Row { name: name.into(), is_directory: false, len: 1, modified: None };
        let names: &[&str] = if path.is_root() { &["a.txt"] } else { &["b c.txt", "<d>"] };
        let rows = names.iter().map(|name| row(name)).filter(|row| keep(&row.name)).collect();
        Ok(Entries { rows, truncated: false })
    }
}
