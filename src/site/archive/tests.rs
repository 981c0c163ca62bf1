//! What others read in our archives, and that each byte is where it was said to be.

use std::io::Read;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use super::checksums::Checksums;
use super::plan::Member;
use super::*;
use crate::segment::Maker;
use crate::site::budget::Budget;
use crate::site::files::{Entries, Lookup, Memory, Node};
use crate::site::listing::Row;

const MADE: Duration = Duration::from_secs(784_111_777);

pub(super) fn made() -> SystemTime {
    SystemTime::UNIX_EPOCH + MADE
}

pub(super) fn files(names: &[(&str, usize)]) -> Memory {
    let mut files = Memory::default();
    for (at, (name, len)) in names.iter().enumerate() {
        let bytes: Vec<u8> = (0..*len).map(|byte| (byte * 7 + byte / 256 + at) as u8).collect();
        files.insert(name, bytes, made());
    }
    files
}

pub(super) fn members(
    lookup: &dyn Lookup,
    directory: &str,
    selected: Option<&[&str]>,
) -> Result<Vec<Member>, Status> {
    let selected: Option<Vec<Vec<u8>>> =
        selected.map(|names| names.iter().map(|name| name.as_bytes().to_vec()).collect());
    let wanted = |path: &SafePath| !path.is_hidden();
    let status = |error: &io::Error, _: &SafePath| match error.kind() {
        io::ErrorKind::NotFound => Status::NotFound,
        _ => Status::InternalServerError,
    };
    plan::walk(lookup, &SafePath::parse(directory).unwrap(), selected.as_deref(), &wanted, &status)
}

pub(super) fn maker(format: Format, lookup: &Arc<dyn Lookup>, directory: &str) -> Archiver {
    let layout = Layout::new(format, b"top".to_vec(), members(&**lookup, directory, None).unwrap()).unwrap();
    Archiver::new(layout, supplies(lookup, Arc::new(|_| {}), Checksums::default()))
}

pub(super) fn supplies(
    lookup: &Arc<dyn Lookup>,
    report: crate::site::Report,
    checksums: Checksums,
) -> Supplies {
    let planned = made() + Duration::from_secs(10);
    Supplies {
        lookup: Arc::clone(lookup),
        checksums,
        planned,
        report,
        reserved: Budget::default().reserve(0).unwrap(),
        pieces: Budget::default(),
    }
}

/// Everything from `start` on, as a connection would take it: of each piece a part.
pub(super) fn taken(maker: &Archiver, start: u64, step: usize) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let len = maker.layout().total();
    while start + (out.len() as u64) < len {
        let at = start + out.len() as u64;
        while maker.piece(at)?.is_none() {
            maker.make(at);
        }
        let piece = maker.piece(at)?.unwrap();
        out.extend_from_slice(&piece[..piece.len().min(step)]);
    }
    Ok(out)
}

/// Name and content of each member, by another reader; directories end in a slash.
pub(super) fn unpacked(format: Format, archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    match format {
        Format::Tar => {
            for entry in ::tar::Archive::new(archive).entries().unwrap() {
                let mut entry = entry.unwrap();
                let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
                let mut content = Vec::new();
                entry.read_to_end(&mut content).unwrap();
                assert_eq!(
                    entry.header().mtime().unwrap(),
                    if name.ends_with('/') { 0 } else { MADE.as_secs() }
                );
                found.push((name, content));
            }
        }
        Format::Zip => {
            let archive = rawzip::ZipArchive::from_slice(archive).unwrap();
            let mut entries = archive.entries();
            while let Some(entry) = entries.next_entry().unwrap() {
                let name = String::from_utf8_lossy(entry.file_path().as_bytes()).into_owned();
                let local = archive.get_entry(entry.wayfinder()).unwrap();
                let mut content = Vec::new();
                local.verifying_reader(local.data()).read_to_end(&mut content).unwrap();
                assert_eq!(entry.crc32(), crc(&content));
                found.push((name, content));
            }
            assert_eq!(found.len() as u64, archive.entries_hint());
        }
    }
    found
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[test]
fn others_find_in_it_what_is_in_the_folder() {
    let long = format!("d/{}/{}", "directory".repeat(12), "file".repeat(40));
    let names = [
        ("a.txt", 10),
        ("d/b b.bin", 700_000),
        ("d/e/empty", 0),
        ("d/ä&<>.txt", 512),
        (&*long, 1025),
        (".hidden", 5),
        ("d/.git/config", 5),
    ];
    let lookup: Arc<dyn Lookup> = Arc::new(files(&names));
    for format in [Format::Zip, Format::Tar] {
        let archive = taken(&maker(format, &lookup, "/"), 0, usize::MAX).unwrap();
        let found = unpacked(format, &archive);
        let mut expected: Vec<(String, Vec<u8>)> = Vec::new();
        for (at, (name, len)) in
            names.iter().enumerate().filter(|(_, (name, _))| !name.contains("/.") && !name.starts_with('.'))
        {
            expected.push((
                format!("top/{name}"),
                (0..*len).map(|byte| (byte * 7 + byte / 256 + at) as u8).collect(),
            ));
        }
        for folder in
            ["top/d/".to_owned(), "top/d/e/".to_owned(), format!("top/d/{}/", "directory".repeat(12))]
        {
            expected.push((folder, Vec::new()));
        }
        let sorted = |mut list: Vec<(String, Vec<u8>)>| {
            list.sort();
            list
        };
        assert_eq!(sorted(found), sorted(expected), "{format:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// However a download is torn, what is got is the same bytes, and as many as were promised.
    #[test]
    fn every_part_of_an_archive_is_a_part_of_the_same_bytes(
        sizes in prop::collection::vec(0usize..3000, 0..8),
        large in prop::option::of(200_000usize..600_000),
        starts in prop::collection::vec(0.0f64..1.0, 1..6),
        step in 1usize..300_000,
        is_zip: bool,
    ) {
        let names: Vec<(String, usize)> = sizes.into_iter().chain(large).enumerate()
            .map(|(at, len)| (format!("{}/{at}", at % 3), len)).collect();
        let names: Vec<(&str, usize)> = names.iter().map(|(name, len)| (&**name, *len)).collect();
        let lookup: Arc<dyn Lookup> = Arc::new(files(&names));
        let format = if is_zip { Format::Zip } else { Format::Tar };
        let whole = taken(&maker(format, &lookup, "/"), 0, usize::MAX).unwrap();
        prop_assert_eq!(whole.len() as u64, maker(format, &lookup, "/").layout().total());
        prop_assert_eq!(unpacked(format, &whole).iter().filter(|(name, _)| !name.ends_with('/')).count(), names.len());
        for start in starts {
            let start = (start * whole.len() as f64) as usize;
            // A step of a few bytes makes no difference, only time.
            let rest = taken(&maker(format, &lookup, "/"), start as u64, step.max(whole.len() / 50)).unwrap();
            prop_assert!(rest == whole[start..], "from {}", start);
        }
    }
}

/// Files of any length, which nobody could have in memory or on disk.
#[derive(Default)]
struct Imagined {
    len: u64,
    count: usize,
    opened: Mutex<Vec<String>>,
}

impl Lookup for Imagined {
    fn open(&self, path: &SafePath) -> io::Result<Node> {
        self.opened.lock().unwrap().push(path.to_location());
        Err(io::ErrorKind::NotFound.into())
    }

    fn list(&self, path: &SafePath, most: usize, _: &dyn Fn(&[u8]) -> bool) -> io::Result<Entries> {
        assert!(path.is_root());
        let row = |at: usize| Row {
            name: format!("{at:06}").into(),
            is_directory: false,
            len: self.len,
            modified: Some(made()),
        };
        Ok(Entries { rows: (0..self.count.min(most)).map(row).collect(), truncated: self.count > most })
    }
}

/// A layout, and the archive with all that is not the content of members.
pub(super) fn outline(layout: &Layout) -> (Vec<u8>, Vec<u8>) {
    let count = layout.members().len();
    let directory = (0..count).flat_map(|at| layout.entry(at, 7)).chain(layout.end()).collect();
    (layout.head(count - 1), directory)
}

#[test]
fn large_members_and_many_of_them_have_the_larger_fields() {
    // Two of 3 GB: the second is no large member, and the directory lies beyond 4 GiB.
    for (len, count, large_member, large_end) in [
        (3_000_000_000, 1, false, false),
        (3_000_000_000, 2, false, true),
        (u64::from(u32::MAX) - 1, 1, false, true),
        (u64::from(u32::MAX), 1, true, true),
        (9_000_000_000, 3, true, true),
        (0, 65_534, false, false),
        (0, 65_535, false, true),
    ] {
        let imagined = Imagined { len, count, ..Imagined::default() };
        let members = members(&imagined, "/", None).unwrap();
        assert_eq!(members.len(), count);
        let layout = Layout::new(Format::Zip, b"t".to_vec(), members).unwrap();
        let (head, directory) = outline(&layout);
        let has_zip64_field = head[30 + "t/000000".len()..].starts_with(&[1, 0, 16, 0]);
        assert_eq!(has_zip64_field, large_member, "{len} × {count}");
        assert_eq!(directory.windows(4).any(|four| four == b"PK\x06\x06"), large_end, "{len} × {count}");
        let descriptor = if len == 0 {
            0
        } else if large_member {
            24
        } else {
            16
        };
        assert_eq!(layout.tail(0, 7).len(), descriptor);
        // A reader that looks at the directory alone agrees about where it all is.
        let reader = Sparse { start: layout.total() - directory.len() as u64, end: directory, at: 0 };
        let archive = rawzip::ZipArchive::from_seekable(reader, &mut vec![0; 64 * 1024]).unwrap();
        let mut buffer = vec![0; 64 * 1024];
        let mut entries = archive.entries(&mut buffer);
        let (mut seen, mut last) = (0, 0);
        while let Some(entry) = entries.next_entry().unwrap() {
            assert_eq!(
                (entry.uncompressed_size_hint(), entry.compressed_size_hint(), entry.crc32()),
                (len, len, 7)
            );
            assert_eq!(layout.find(entry.local_header_offset()), Some((layout::Part::Head(seen), 0)));
            assert!(seen == 0 || entry.local_header_offset() > last);
            last = entry.local_header_offset();
            seen += 1;
        }
        assert_eq!(seen, count);
        assert!(imagined.opened.lock().unwrap().is_empty(), "planning opens no file");
    }
}

/// A file whose end is there, and nothing but zeros before.
struct Sparse {
    start: u64,
    end: Vec<u8>,
    at: u64,
}

impl Read for Sparse {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut read = 0;
        for (byte, at) in buffer.iter_mut().zip(self.at..self.start + self.end.len() as u64) {
            *byte = at.checked_sub(self.start).map_or(0, |within| self.end[within as usize]);
            read += 1;
        }
        self.at += read;
        Ok(read as usize)
    }
}

impl io::Seek for Sparse {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.at = match to {
            io::SeekFrom::Start(at) => at,
            io::SeekFrom::End(back) => (self.start + self.end.len() as u64).strict_add_signed(back),
            io::SeekFrom::Current(by) => self.at.strict_add_signed(by),
        };
        Ok(self.at)
    }
}

#[test]
fn a_tar_tells_lengths_beyond_its_field_and_names_beyond_theirs() {
    let imagined = Imagined { len: 1 << 33, count: 1, ..Imagined::default() };
    let layout = Layout::new(Format::Tar, vec![b't'; 300], members(&imagined, "/", None).unwrap()).unwrap();
    let head = layout.head(0);
    let facts = String::from_utf8_lossy(&head[512..1024]).into_owned();
    assert!(facts.contains(&format!("317 path={}/000000\n", "t".repeat(300))), "{facts}");
    assert!(facts.contains("19 size=8589934592\n"), "{facts}");
    assert_eq!(head.len() % 512, 0);
}

#[test]
fn too_many_members_are_refused_and_nothing_is_cut_off_silently() {
    assert_eq!(
        members(&Imagined { count: 100_001, ..Imagined::default() }, "/", None),
        Err(Status::Forbidden)
    );
    assert_eq!(
        members(&Imagined { count: 100_000, ..Imagined::default() }, "/", None).unwrap().len(),
        100_000
    );
}

#[test]
fn lengths_that_cannot_be_counted_make_no_archive() {
    let imagined = Imagined { len: u64::MAX / 2, count: 3, ..Imagined::default() };
    for format in [Format::Zip, Format::Tar] {
        assert!(Layout::new(format, b"t".to_vec(), members(&imagined, "/", None).unwrap()).is_none());
    }
}

/// Directories that are links to where we came from.
struct Loop;

impl Lookup for Loop {
    fn open(&self, _: &SafePath) -> io::Result<Node> {
        Ok(Node::Directory)
    }

    fn list(&self, path: &SafePath, _: usize, _: &dyn Fn(&[u8]) -> bool) -> io::Result<Entries> {
        let name = if path.is_root() { "down" } else { "up" };
        let row = Row { name: name.into(), is_directory: true, len: 0, modified: None };
        Ok(Entries { rows: vec![row], truncated: false })
    }

    fn identity(&self, path: &SafePath) -> io::Result<Option<(u64, u64)>> {
        Ok(Some((1, if path.as_bytes().ends_with(b"down") { 2 } else { 1 })))
    }
}

#[test]
fn a_link_back_to_where_we_are_is_not_followed() {
    let found = members(&Loop, "/", None).unwrap();
    let names: Vec<&[u8]> = found.iter().map(Member::name).collect();
    assert_eq!(names, [&b"down"[..], b"down/up"]);
}

#[test]
fn a_selection_is_what_was_named_and_nothing_else() {
    let files = files(&[("d/a", 1), ("d/b/c", 1), ("d/b/e", 1), ("d/f", 1), ("d/.h", 1), ("x", 1)]);
    let names = |selected: &[&str]| {
        members(&files, "/d/", Some(selected)).map(|found| {
            found.iter().map(|m| String::from_utf8_lossy(m.name()).into_owned()).collect::<Vec<_>>()
        })
    };
    assert_eq!(names(&["f", "b", "f"]).unwrap(), ["b", "b/c", "b/e", "f"]);
    for refused in ["nothing", ".h", "..", ".", "", "../x", "b/c", "a\0"] {
        assert_eq!(names(&["a", refused]), Err(Status::NotFound), "{refused:?}");
    }
}

#[test]
fn the_tag_follows_what_is_in_it_and_is_weak_while_that_is_new() {
    let tag = |format, names: &[(&str, usize)], now| {
        plan::tag(format, b"t", &members(&files(names), "/", None).unwrap(), now)
    };
    let later = made() + Duration::from_secs(10);
    let first = tag(Format::Zip, &[("a", 1)], later);
    assert!(!first.is_weak());
    assert_eq!(tag(Format::Zip, &[("a", 1)], later + Duration::from_secs(1000)), first);
    for other in [
        tag(Format::Tar, &[("a", 1)], later),
        tag(Format::Zip, &[("a", 2)], later),
        tag(Format::Zip, &[("b", 1)], later),
        tag(Format::Zip, &[("a", 1), ("b", 0)], later),
    ] {
        assert_ne!(other, first);
    }
    assert!(tag(Format::Zip, &[("a", 1)], made() + Duration::from_secs(1)).is_weak());
    let mut dateless = Memory::default();
    dateless.insert("a", "a", SystemTime::UNIX_EPOCH + Duration::from_secs(1));
    assert!(plan::tag(Format::Zip, b"t", &members(&dateless, "/", None).unwrap(), later).is_weak());
}

#[test]
fn a_name_for_saving_is_plain_and_complete() {
    for (name, value) in [
        (&b"a b.txt"[..], "attachment; filename=\"a b.txt\""),
        (b"a\"b\\c", "attachment; filename=\"a_b_c\"; filename*=UTF-8''a%22b%5Cc"),
        (b"100%", "attachment; filename=\"100_\"; filename*=UTF-8''100%25"),
        (b"a\r\nX: y", "attachment; filename=\"a__X: y\"; filename*=UTF-8''a%0D%0AX%3A%20y"),
        ("ä".as_bytes(), "attachment; filename=\"__\"; filename*=UTF-8''%C3%A4"),
    ] {
        assert_eq!(attachment(name), value);
    }
}

#[test]
fn names_for_windows_have_no_backslash() {
    let lookup: Arc<dyn Lookup> = Arc::new(files(&[("a\\..\\evil", 3)]));
    let archive = taken(&maker(Format::Zip, &lookup, "/"), 0, usize::MAX).unwrap();
    assert_eq!(unpacked(Format::Zip, &archive)[0].0, "top/a＼..＼evil");
}

#[test]
fn a_query_says_whether_and_how() {
    let wish =
        |query: &str| Wish::of(Some(query)).map(|wish| (wish.format, wish.selected.map(|names| names.len())));
    assert_eq!(wish("download"), Some((Format::Zip, None)));
    assert_eq!(wish("a=1&download=tar&name=x&name=%ff"), Some((Format::Tar, Some(2))));
    assert_eq!(wish("download=rar"), Some((Format::Zip, None)));
    for query in ["", "downloads", "name=download", "Download=1"] {
        assert_eq!(wish(query), None, "{query}");
    }
}
