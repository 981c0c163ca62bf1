//! What an archive does while it is made: files that change, and checksums that are not known.

use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;

use super::checksums::Checksums;
use super::tests::{files, made, maker, members, outline, supplies, taken, unpacked};
use super::*;
use crate::segment::Maker;
use crate::site::files::{Content, Entries, Lookup, Memory, Node, OpenFile};

/// What somebody does to a file.
type Change = Box<dyn FnOnce(&mut OpenFile) + Send>;

/// Files that somebody watches, and changes behind the back of who archives them.
struct Watched {
    files: Memory,
    opened: Mutex<usize>,
    /// To what is opened next.
    change: Mutex<Option<Change>>,
}

impl Watched {
    fn new(names: &[(&str, usize)], change: Option<Change>) -> Arc<Watched> {
        Arc::new(Watched { files: files(names), opened: Mutex::default(), change: Mutex::new(change) })
    }

    /// How often something was opened since the last time.
    fn take_opened(&self) -> usize {
        std::mem::take(&mut *self.opened.lock().unwrap())
    }
}

impl Lookup for Watched {
    fn open(&self, path: &SafePath) -> io::Result<Node> {
        *self.opened.lock().unwrap() += 1;
        let mut node = Lookup::open(&self.files, path)?;
        if let (Node::File(file), Some(change)) = (&mut node, self.change.lock().unwrap().take()) {
            change(file);
        }
        Ok(node)
    }

    fn list(&self, path: &SafePath, most: usize, keep: &dyn Fn(&[u8]) -> bool) -> io::Result<Entries> {
        self.files.list(path, most, keep)
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
        let reports = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&reports);
        let lookup: Arc<dyn Lookup> = Watched::new(&[("a", 1000)], Some(change));
        let layout = Layout::new(Format::Zip, b"t".to_vec(), members(&*lookup, "/", None).unwrap()).unwrap();
        let report: crate::site::Report = Arc::new(move |line| told.lock().unwrap().push(line.to_owned()));
        let maker = Archiver::new(layout, supplies(&lookup, report, Checksums::default()));
        maker.make(0);
        let error = maker.piece(0).unwrap_err();
        assert!(error.to_string().starts_with("/a: it "), "{number}: {error}");
        assert_eq!(reports.lock().unwrap().len(), 1, "{number}");
    }
}

/// The end of a ZIP needs the checksum of what was sent before: of large files that is read
/// in steps, and remembered.
#[test]
fn a_checksum_is_found_out_in_steps_and_only_once() {
    let watched = Watched::new(&[("large", 10 << 20), ("small", 100)], None);
    let lookup: Arc<dyn Lookup> = watched.clone();
    let checksums = Checksums::default();
    let maker = |format| {
        let layout = Layout::new(format, b"top".to_vec(), members(&*lookup, "/", None).unwrap()).unwrap();
        Archiver::new(layout, supplies(&lookup, Arc::new(|_| {}), checksums.clone()))
    };
    let first = maker(Format::Zip);
    // Where the directory begins.
    let end = first.layout().total() - outline(first.layout()).1.len() as u64;
    let mut steps = 0;
    while first.piece(end).unwrap().is_none() {
        first.make(end);
        steps += 1;
    }
    assert_eq!((steps, watched.take_opened()), (3, 2));
    // The next one knows the large one, and of a tar nothing has to be known.
    let second = maker(Format::Zip);
    second.make(end);
    assert_eq!(second.piece(end).unwrap(), first.piece(end).unwrap());
    assert_eq!(watched.take_opened(), 1);
    let tar = maker(Format::Tar);
    tar.make(tar.layout().total() - 300);
    assert_eq!(watched.take_opened(), 0);
    // The whole has the same end.
    let whole = taken(&maker(Format::Zip), 0, usize::MAX).unwrap();
    assert!(first.piece(end).unwrap().unwrap() == whole[end as usize..]);
}

/// R20: a client that asks for an archive and reads nothing costs little memory, whatever is in
/// it; and what is more than that is bounded for all of them together.
#[test]
fn what_is_held_for_who_does_not_read_is_a_small_piece() {
    let names: Vec<String> = (0..3000).map(|at| format!("{at:0200}")).collect();
    let mut names: Vec<(&str, usize)> = names.iter().map(|name| (name.as_str(), 1)).collect();
    names.push(("large", 3 << 20));
    let lookup: Arc<dyn Lookup> = Watched::new(&names, None);
    for (format, room) in [(Format::Zip, 0), (Format::Tar, 0), (Format::Zip, 1 << 20), (Format::Tar, 1 << 20)]
    {
        let pieces = Budget::new(room);
        let supplies =
            Supplies { pieces: pieces.clone(), ..supplies(&lookup, Arc::new(|_| {}), Checksums::default()) };
        let members = members(&*lookup, "/", None).unwrap();
        let layout = Layout::new(format, b"top".to_vec(), members).unwrap();
        let maker = Archiver::new(layout, supplies);
        let (mut start, mut longest) = (0, 0);
        while start < maker.layout().total() {
            maker.make(start);
            let held = maker.piece(start).unwrap().map_or(0, |piece| piece.len());
            (start, longest) = (start + held as u64, longest.max(held));
        }
        assert_eq!(longest, room.max(128 << 10), "{format:?}");
        drop(maker);
        assert!(pieces.has_room(room), "room that does not come back");
    }
}

/// R29: neither the content of many small files nor their checksums keep others waiting long.
#[test]
fn one_call_opens_a_few_hundred_files_at_most() {
    let names: Vec<String> = (0..3000).map(|at| format!("{at:04}")).collect();
    let names: Vec<(&str, usize)> = names.iter().map(|name| (name.as_str(), 1)).collect();
    let watched = Watched::new(&names, None);
    let lookup: Arc<dyn Lookup> = watched.clone();
    let members = || members(&*lookup, "/", None).unwrap();
    let layout = Layout::new(Format::Zip, b"top".to_vec(), members()).unwrap();
    let directory = layout.total() - outline(&layout).1.len() as u64;
    for start in [0, directory] {
        let layout = Layout::new(Format::Zip, b"top".to_vec(), members()).unwrap();
        let maker = Archiver::new(layout, supplies(&lookup, Arc::new(|_| {}), Checksums::default()));
        maker.make(start);
        let opened = watched.take_opened();
        assert!((1..=300).contains(&opened), "{opened} from {start}");
        // Some of it was made, and the rest comes with the next calls.
        assert!(!maker.piece(start).unwrap().unwrap().is_empty());
    }
    let whole = taken(&maker(Format::Zip, &lookup, "/"), 0, usize::MAX).unwrap();
    assert_eq!(unpacked(Format::Zip, &whole).len(), 3000);
}
