//! Siblings in all the states that they can be found in, in folders of their own.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Write as _;
use std::time::{Duration, SystemTime};

use super::*;
use crate::codec::{decodes_to, encode};
use crate::http::media_type::MediaTypes;

const NAME: &str = "a.txt";

fn text() -> Vec<u8> {
    (0..2000).flat_map(|number: u32| format!("line {number}\n").into_bytes()).collect()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn with(content: &[u8]) -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        fs::write(folder.path(""), content).unwrap();
        folder
    }

    fn path(&self, suffix: &str) -> PathBuf {
        self.0.path().join(format!("{NAME}{suffix}"))
    }

    fn original(&self) -> (Tree, Original) {
        let tree = Tree::open(self.0.path(), false).unwrap();
        let originals = tree.originals(&MediaTypes::default(), &Gauge::default(), |_, _| panic!());
        (tree, originals.found.into_iter().next().unwrap())
    }

    fn make(&self, format: Format) -> Result<Outcome, Problem> {
        let (tree, original) = self.original();
        make(&tree, &original, format, 1000, &Gauge::default())
    }

    fn age(&self, suffix: &str, seconds: u64) {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000 - seconds);
        let file = fs::OpenOptions::new().write(true).open(self.path(suffix)).unwrap();
        file.set_modified(time).unwrap();
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[test]
fn a_sibling_decodes_to_its_original_and_has_its_time() {
    for format in Format::ALL {
        let folder = Folder::with(&text());
        folder.age("", 5);
        let Outcome::Written(len) = folder.make(format).unwrap() else { panic!() };
        let sibling = folder.path(format.suffix());
        let coded = fs::read(&sibling).unwrap();
        assert!(coded.len() as u64 == len && decodes_to(format, &coded[..], &text()[..]).unwrap());
        let time = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
        assert_eq!(time(&sibling), time(&folder.path("")));
        assert_eq!(folder.names(), [NAME.to_owned(), format!("{NAME}{}", format.suffix())]);
        assert_eq!(folder.make(format).unwrap(), Outcome::UpToDate(len));
        assert_eq!(fs::read(&sibling).unwrap(), coded);
    }
}

#[cfg(unix)]
#[test]
fn a_sibling_has_the_permissions_of_its_original() {
    use std::os::unix::fs::PermissionsExt;
    for mode in [0o400, 0o644, 0o600] {
        let folder = Folder::with(&text());
        fs::set_permissions(folder.path(""), fs::Permissions::from_mode(mode)).unwrap();
        assert!(matches!(folder.make(Format::Gzip).unwrap(), Outcome::Written(_)));
        assert_eq!(fs::metadata(folder.path(".gz")).unwrap().permissions().mode() & 0o777, mode);
    }
}

#[test]
fn one_that_another_tool_made_is_left_as_it_is_while_it_is_right() {
    let folder = Folder::with(&text());
    let foreign = encode(Format::Gzip, Level::Fast, &text()).unwrap();
    fs::write(folder.path(".gz"), &foreign).unwrap();
    folder.age("", 5);
    assert_eq!(folder.make(Format::Gzip).unwrap(), Outcome::UpToDate(foreign.len() as u64));
    assert_eq!(fs::read(folder.path(".gz")).unwrap(), foreign);
}

#[test]
fn a_stale_one_is_replaced_whether_its_time_or_its_content_says_so() {
    for (content, age) in [(text(), 9), (b"something else".to_vec(), 0), (Vec::new(), 0)] {
        for format in Format::ALL {
            let folder = Folder::with(&text());
            fs::write(folder.path(format.suffix()), encode(format, Level::Fast, &content).unwrap()).unwrap();
            folder.age("", 5);
            folder.age(format.suffix(), age);
            assert!(matches!(folder.make(format).unwrap(), Outcome::Written(_)), "{format:?}");
            let coded = fs::read(folder.path(format.suffix())).unwrap();
            assert!(decodes_to(format, &coded[..], &text()[..]).unwrap());
        }
    }
    let folder = Folder::with(&text());
    fs::write(folder.path(".gz"), "no gzip at all").unwrap();
    assert!(matches!(folder.make(Format::Gzip).unwrap(), Outcome::Written(_)));
}

/// Hardly compressible, but a `.txt`.
fn noise() -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..4000).map(|_| next()).collect()
}

#[test]
fn what_does_not_pay_is_not_written_unless_a_wrong_one_is_there() {
    for format in Format::ALL {
        let folder = Folder::with(&noise());
        assert_eq!(folder.make(format).unwrap(), Outcome::NotWorthIt);
        assert_eq!(folder.names(), [NAME]);
        fs::write(folder.path(format.suffix()), "wrong").unwrap();
        assert!(matches!(folder.make(format).unwrap(), Outcome::Written(_)));
        let coded = fs::read(folder.path(format.suffix())).unwrap();
        assert!(decodes_to(format, &coded[..], &noise()[..]).unwrap());
    }
}

#[test]
fn a_twentieth_and_256_bytes_have_to_be_saved() {
    for (original, coded, expected) in [
        (1024, 768, true),
        (1024, 769, false),
        (100_000, 95_000, true),
        (100_000, 95_001, false),
        (5000, 6000, false),
        (0, 0, false),
        (u64::MAX, 0, true),
    ] {
        assert_eq!(pays(original, coded), expected, "{original} {coded}");
    }
}

#[cfg(unix)]
#[test]
fn links_and_directories_in_its_place_are_left_alone() {
    let folder = Folder::with(&text());
    std::os::unix::fs::symlink("missing", folder.path(".gz")).unwrap();
    fs::create_dir(folder.path(".br")).unwrap();
    assert_eq!(folder.make(Format::Gzip).unwrap(), Outcome::LeftAlone);
    assert_eq!(folder.make(Format::Brotli).unwrap(), Outcome::LeftAlone);
    assert_eq!(fs::read_link(folder.path(".gz")).unwrap(), Path::new("missing"));
    assert_eq!(folder.names().len(), 3);
}

#[test]
fn an_original_that_is_gone_or_no_file_any_more_has_changed() {
    let folder = Folder::with(&text());
    let (tree, original) = folder.original();
    fs::remove_file(folder.path("")).unwrap();
    let made = make(&tree, &original, Format::Gzip, 1, &Gauge::default());
    assert!(matches!(made, Err(Problem::Changed)), "{made:?}");
    fs::create_dir(folder.path("")).unwrap();
    let made = make(&tree, &original, Format::Gzip, 1, &Gauge::default());
    assert!(matches!(made, Err(Problem::Changed)), "{made:?}");
    assert_eq!(folder.names(), [NAME]);
}

/// A draft of the content as it was, finished after something happened to the original.
fn finished_after(happens: impl FnOnce(&Folder)) -> (Folder, Result<(), Problem>) {
    let folder = Folder::with(&text());
    folder.age("", 5);
    let (tree, original) = folder.original();
    let (format, gauge, path) = (Format::Gzip, Gauge::default(), folder.path(".gz"));
    let mut draft = Draft::beside(&path).unwrap();
    draft.write_all(&encode(format, Level::Fast, &text()).unwrap()).unwrap();
    let work = Work { tree: &tree, original: &original, format, gauge: &gauge };
    let before = work.open_original().unwrap().version;
    happens(&folder);
    let result = work.finish(draft, &path, &before);
    (folder, result)
}

#[test]
fn an_original_that_changes_meanwhile_gets_no_sibling() {
    let (folder, result) = finished_after(|_| ());
    assert!(result.is_ok() && folder.names().len() == 2, "{result:?}");
    let other = [&text()[1..], b"x"].concat();
    let changes: [&dyn Fn(&Folder); 5] = [
        &|folder| folder.age("", 6),
        &|folder| fs::write(folder.path(""), [text(), text()].concat()).unwrap(),
        &|folder| fs::remove_file(folder.path("")).unwrap(),
        &|folder| {
            fs::write(folder.0.path().join("new"), &other).unwrap();
            fs::rename(folder.0.path().join("new"), folder.path("")).unwrap();
        },
        // So quickly that neither time nor length tell.
        &|folder| {
            fs::write(folder.path(""), &other).unwrap();
            folder.age("", 5);
        },
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let (folder, result) = finished_after(change);
        assert!(matches!(result, Err(Problem::Changed | Problem::Wrong)), "{number}: {result:?}");
        assert!(folder.names().iter().all(|name| name == NAME), "{number}: {:?}", folder.names());
    }
}

#[test]
fn a_reader_that_is_told_to_stop_stops_and_leaves_nothing() {
    let folder = Folder::with(&text());
    let (tree, original) = folder.original();
    let gauge = Gauge::default();
    gauge.stop();
    for format in Format::ALL {
        let made = make(&tree, &original, format, 1, &gauge);
        assert!(matches!(made, Err(Problem::Stopped)), "{made:?}");
    }
    assert_eq!(folder.names(), [NAME]);
}

#[test]
fn the_gauge_ends_full_however_a_job_ends() {
    let folder = Folder::with(&text());
    let (tree, original) = folder.original();
    let gauge = Gauge::default();
    let cost = original.stat.len * 50;
    gauge.set_total(3 * cost);
    assert_eq!(gauge.percent(), 0);
    for (format, percent) in [(Format::Gzip, 33), (Format::Gzip, 66)] {
        make(&tree, &original, format, cost, &gauge).unwrap();
        assert_eq!(gauge.percent(), percent);
    }
    let mut file = fs::OpenOptions::new().append(true).open(folder.path("")).unwrap();
    file.write_all(b"more than was known when the total was counted").unwrap();
    make(&tree, &original, Format::Zstd, cost, &gauge).unwrap();
    assert_eq!(gauge.percent(), 100);
}
