//! What an archive does while it is made: files that change, and checksums that are not known.

use std::sync::Mutex;

use bytes::Bytes;

use super::checksums::Checksums;
use super::tests::{files, made, members, outline, supplies, taken};
use super::*;
use crate::segment::Source;
use crate::site::files::{Content, Entries, Lookup, Memory, Node, OpenFile};

use std::time::Duration;

/// What somebody does to a file.
type Change = Box<dyn FnOnce(&mut OpenFile) + Send>;

/// Files that change behind the back of who archives them.
struct Changing {
    files: Memory,
    change: Mutex<Option<Change>>,
}

impl Lookup for Changing {
    fn open(&self, path: &SafePath) -> io::Result<Node> {
        let mut node = Lookup::open(&self.files, path)?;
        if let (Node::File(file), Some(change)) = (&mut node, self.change.lock().unwrap().take()) {
            change(file);
        }
        Ok(node)
    }

    fn list(&self, path: &SafePath, most: usize, keep: &dyn Fn(&[u8]) -> bool) -> io::Result<Entries> {
        self.files.list(path, most, keep)
    }

    fn identity(&self, _: &SafePath) -> io::Result<Option<(u64, u64)>> {
        Ok(None)
    }
}

#[test]
fn a_member_that_is_not_what_was_promised_ends_the_archive() {
    let changes: [Change; 4] = [
        Box::new(|file| file.len += 1),
        Box::new(|file| file.modified = Some(made() + Duration::from_secs(1))),
        // Shorter than it says.
        Box::new(|file| file.content = Content::Memory(Bytes::from_static(b"short"))),
        Box::new(|file| file.content = Content::Memory(Bytes::new())),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let changing = Changing { files: files(&[("a", 1000)]), change: Mutex::new(Some(change)) };
        let reports = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&reports);
        let lookup: Arc<dyn Lookup> = Arc::new(changing);
        let layout = Layout::new(Format::Zip, b"t".to_vec(), members(&*lookup, "/", None).unwrap()).unwrap();
        let report: crate::site::Report = Arc::new(move |line| told.lock().unwrap().push(line.to_owned()));
        let maker = Maker::new(layout, supplies(&lookup, report, Checksums::default()));
        maker.make(0);
        let error = maker.piece(0).unwrap_err();
        assert!(error.to_string().starts_with("/a: it "), "{number}: {error}");
        assert_eq!(reports.lock().unwrap().len(), 1, "{number}");
    }
}

/// Files of which somebody counts how often they are opened.
struct Counting {
    files: Memory,
    opened: Mutex<usize>,
}

impl Lookup for Counting {
    fn open(&self, path: &SafePath) -> io::Result<Node> {
        *self.opened.lock().unwrap() += 1;
        Lookup::open(&self.files, path)
    }

    fn list(&self, path: &SafePath, most: usize, keep: &dyn Fn(&[u8]) -> bool) -> io::Result<Entries> {
        self.files.list(path, most, keep)
    }

    fn identity(&self, _: &SafePath) -> io::Result<Option<(u64, u64)>> {
        Ok(None)
    }
}

/// The end of a ZIP needs the checksum of what was sent before: of large files that is read
/// in steps, and remembered.
#[test]
fn a_checksum_is_found_out_in_steps_and_only_once() {
    let counting =
        Arc::new(Counting { files: files(&[("large", 10 << 20), ("small", 100)]), opened: Mutex::new(0) });
    let lookup: Arc<dyn Lookup> = counting.clone();
    let checksums = Checksums::default();
    let maker = |format| {
        let layout = Layout::new(format, b"top".to_vec(), members(&*lookup, "/", None).unwrap()).unwrap();
        Maker::new(layout, supplies(&lookup, Arc::new(|_| {}), checksums.clone()))
    };
    let first = maker(Format::Zip);
    // Where the directory begins.
    let end = first.layout().total() - outline(first.layout()).1.len() as u64;
    let mut steps = 0;
    while first.piece(end).unwrap().is_none() {
        first.make(end);
        steps += 1;
    }
    assert_eq!((steps, *counting.opened.lock().unwrap()), (3, 2));
    // The next one knows the large one, and of a tar nothing has to be known.
    let second = maker(Format::Zip);
    second.make(end);
    assert_eq!(second.piece(end).unwrap(), first.piece(end).unwrap());
    assert_eq!(*counting.opened.lock().unwrap(), 3);
    let tar = maker(Format::Tar);
    tar.make(tar.layout().total() - 300);
    assert_eq!(*counting.opened.lock().unwrap(), 3);
    // The whole has the same end.
    let whole = taken(&maker(Format::Zip), 0, usize::MAX).unwrap();
    assert!(first.piece(end).unwrap().unwrap() == whole[end as usize..]);
}
