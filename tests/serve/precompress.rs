//! The program as a tool: `--precompress` writes the siblings of a tree and ends
//! (behaviour, section 6).

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serve::codec::{Format, Level, decode, encode};
use tempfile::TempDir;

use crate::harness::process::{Ended, run};

const TIME: Duration = Duration::from_secs(1_000_000_000);

fn text(name: &str) -> Vec<u8> {
    (0..800).flat_map(|number| format!("{name} has a line {number}\n").into_bytes()).collect()
}

fn set_time(path: &Path, time: Duration) {
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + time).unwrap();
}

/// Files of text, each as its name says, and of a settled time.
fn tree(names: &[&str]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for name in names {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text(name)).unwrap();
        set_time(&path, TIME);
    }
    root
}

fn precompress(root: &TempDir, options: &[&str]) -> Ended {
    let root = root.path().to_str().unwrap();
    run(&[&["--precompress", root, "--threads", "2"], options].concat())
}

#[track_caller]
fn succeeds(root: &TempDir, options: &[&str]) -> Vec<String> {
    let ended = precompress(root, options);
    assert_eq!(ended.status.code(), Some(0), "{:?}", ended.stderr);
    ended.stderr
}

/// All files of a tree: name, content and time.
fn files(root: &TempDir) -> BTreeMap<String, (Vec<u8>, SystemTime)> {
    let mut files = BTreeMap::new();
    let mut directories = vec![root.path().to_path_buf()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            let name = path.strip_prefix(root.path()).unwrap().to_str().unwrap().replace('\\', "/");
            let time = fs::metadata(&path).unwrap().modified().unwrap();
            files.insert(name, (fs::read(&path).unwrap(), time));
        }
    }
    files
}

fn names(root: &TempDir) -> Vec<String> {
    files(root).into_keys().collect()
}

/// The counts of a line of the summary.
fn counts(lines: &[String], suffix: &str) -> String {
    let line = lines.iter().find_map(|line| line.trim().strip_prefix(suffix)).unwrap();
    line.split(':').next().unwrap().trim().to_owned()
}

#[test]
fn a_tree_gets_siblings_that_decode_to_their_originals() {
    let root = tree(&["index.html", "assets/app.js", "assets/deep/er/data.json", "icon.svg"]);
    let before = files(&root);
    let lines = succeeds(&root, &[]);
    let after = files(&root);
    assert_eq!(after.len(), 4 * before.len(), "{:?}", names(&root));
    for (name, (content, time)) in &before {
        assert_eq!(after[name], (content.clone(), *time), "{name}");
        for format in Format::ALL {
            let (coded, coded_time) = &after[&format!("{name}{}", format.suffix())];
            assert_eq!(&decode(format, coded, content.len()).unwrap(), content);
            assert_eq!(coded_time, time, "{name}");
            assert!(coded.len() < content.len());
        }
        // And by another decoder than that of the program.
        let mut unpacked = Vec::new();
        let coded = &after[&format!("{name}.gz")].0[..];
        flate2::read::GzDecoder::new(coded).read_to_end(&mut unpacked).unwrap();
        assert_eq!(&unpacked, content);
    }
    assert!(lines[0].starts_with("4 of 4 files"), "{lines:?}");
    for suffix in [".br ", ".zst ", ".gz "] {
        assert_eq!(counts(&lines, suffix), "4 written, 0 up to date, 0 not worth it", "{lines:?}");
    }
}

#[test]
fn the_second_run_writes_nothing() {
    let root = tree(&["a.css", "b/c.xml"]);
    succeeds(&root, &[]);
    let before = files(&root);
    let lines = succeeds(&root, &[]);
    assert_eq!(files(&root), before);
    for suffix in [".br ", ".zst ", ".gz "] {
        assert_eq!(counts(&lines, suffix), "0 written, 2 up to date, 0 not worth it", "{lines:?}");
    }
}

#[test]
fn stale_siblings_are_replaced_and_right_ones_of_others_stay() {
    let root = tree(&["a.txt", "b.txt", "c.txt"]);
    // Of an older state; of another content; made by another tool, and right.
    let path = |name: &str| root.path().join(name);
    fs::write(path("a.txt.gz"), encode(Format::Gzip, Level::Fast, &text("a.txt")).unwrap()).unwrap();
    set_time(&path("a.txt.gz"), TIME - Duration::from_secs(1));
    fs::write(path("b.txt.zst"), encode(Format::Zstd, Level::Fast, b"yesterday").unwrap()).unwrap();
    let foreign = encode(Format::Brotli, Level::Fast, &text("c.txt")).unwrap();
    fs::write(path("c.txt.br"), &foreign).unwrap();
    let lines = succeeds(&root, &[]);
    assert_eq!(counts(&lines, ".br "), "2 written, 1 up to date, 0 not worth it");
    assert_eq!(counts(&lines, ".zst "), "3 written, 0 up to date, 0 not worth it");
    let after = files(&root);
    assert_eq!(after["c.txt.br"].0, foreign);
    assert_eq!(decode(Format::Zstd, &after["b.txt.zst"].0, 1 << 20).unwrap(), text("b.txt"));
    assert_eq!(after["a.txt.gz"].1, SystemTime::UNIX_EPOCH + TIME);
}

#[test]
fn what_is_small_compressed_hidden_or_a_sibling_is_left_out() {
    let root =
        tree(&["photo.jpg", "a.woff2", "x.zip", "old.tar.gz", ".env.js", ".git/config.txt", "page.html.br"]);
    fs::write(root.path().join("small.css"), vec![b'a'; 1023]).unwrap();
    let noise: Vec<u8> =
        (0..5000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8 ^ ((n * n) >> 7) as u8).collect();
    let packed = encode(Format::Brotli, Level::Best, &noise).unwrap();
    fs::write(root.path().join("packed.txt"), &packed).unwrap();
    let before = files(&root);
    let lines = succeeds(&root, &[]);
    assert_eq!(files(&root), before);
    assert_eq!(counts(&lines, ".gz "), "0 written, 0 up to date, 1 not worth it", "{lines:?}");
    succeeds(&root, &["--hidden", "--mime", "jpg=text/plain"]);
    let added: Vec<_> = names(&root).into_iter().filter(|name| name.ends_with(".zst")).collect();
    assert_eq!(added, [".env.js.zst", ".git/config.txt.zst", "photo.jpg.zst"]);
}

#[test]
fn one_file_can_be_precompressed_and_the_root_be_said_as_for_the_server() {
    let root = tree(&["a.js", "b.js"]);
    let path = root.path().join("a.js");
    let ended = run(&["--precompress", path.to_str().unwrap()]);
    assert_eq!(ended.status.code(), Some(0), "{:?}", ended.stderr);
    assert_eq!(names(&root), ["a.js", "a.js.br", "a.js.gz", "a.js.zst", "b.js"]);
    let ended = run(&[root.path().to_str().unwrap(), "--precompress", "--quiet"]);
    assert_eq!((ended.status.code(), ended.stderr.len()), (Some(0), 0), "{:?}", ended.stderr);
    assert_eq!(names(&root).len(), 8);
}

#[test]
fn an_empty_tree_is_done_at_once_and_a_missing_one_is_an_error() {
    let root = tree(&[]);
    assert!(succeeds(&root, &[])[0].starts_with("0 of 0 files"));
    let missing = root.path().join("missing");
    let ended = run(&["--precompress", missing.to_str().unwrap()]);
    assert_eq!(ended.status.code(), Some(1), "{:?}", ended.stderr);
    assert_eq!(ended.stderr.len(), 1);
}

#[test]
fn verbose_names_each_sibling() {
    let root = tree(&["a.js"]);
    let lines = succeeds(&root, &["--verbose"]);
    for suffix in ["a.js.br: written, ", "a.js.zst: written, ", "a.js.gz: written, "] {
        assert!(lines.iter().any(|line| line.contains(suffix)), "{lines:?}");
    }
    assert!(lines.iter().all(|line| !line.contains('\x1b')), "no progress but on a terminal: {lines:?}");
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::harness::process::{Process, program, until};

    #[test]
    fn links_are_not_followed_and_stay() {
        let root = tree(&["in/a.js", "outside/b.js"]);
        symlink("../outside", root.path().join("in/folder")).unwrap();
        symlink("../outside/b.js", root.path().join("in/link.js")).unwrap();
        symlink("nowhere", root.path().join("in/a.js.gz")).unwrap();
        let ended = run(&["--precompress", root.path().join("in").to_str().unwrap()]);
        assert_eq!(ended.status.code(), Some(0), "{:?}", ended.stderr);
        assert!(counts(&ended.stderr, ".gz ").ends_with("1 left alone"), "{:?}", ended.stderr);
        let siblings: Vec<_> = fs::read_dir(root.path().join("outside")).unwrap().collect();
        assert_eq!(siblings.len(), 1);
        assert_eq!(fs::read_link(root.path().join("in/a.js.gz")).unwrap(), Path::new("nowhere"));
        assert!(root.path().join("in/a.js.br").is_file() && !root.path().join("in/link.js.br").exists());
    }

    #[test]
    fn what_fails_is_told_and_the_rest_is_done() {
        let root = tree(&["a.js", "b.js", "c.js", "closed/d.js"]);
        // Users who may do everything have neither trouble; a name that is too long for
        // its sibling they have, too.
        let long = format!("{}.js", "x".repeat(250));
        fs::write(root.path().join(&long), text("long")).unwrap();
        let chmod = |name: &str, mode| {
            fs::set_permissions(root.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
        };
        chmod("b.js", 0);
        chmod("closed", 0);
        let may_do_everything = fs::read(root.path().join("b.js")).is_ok();
        let ended = precompress(&root, &[]);
        chmod("closed", 0o755);
        chmod("b.js", 0o644);
        assert_eq!(ended.status.code(), Some(1), "{:?}", ended.stderr);
        let told = |part: &str| ended.stderr.iter().filter(|line| line.contains(part)).count();
        assert_eq!(told(&long), 3, "{:?}", ended.stderr);
        if !may_do_everything {
            assert_eq!((told("b.js"), told("closed")), (3, 1), "{:?}", ended.stderr);
            assert!(!root.path().join("b.js.br").exists());
        }
        for name in ["a.js.br", "a.js.zst", "a.js.gz", "c.js.br", "c.js.zst", "c.js.gz"] {
            assert!(root.path().join(name).is_file(), "{name}");
        }
        assert!(names(&root).iter().all(|name| !name.contains("draft")), "{:?}", names(&root));
        assert!(ended.stderr.last().unwrap().starts_with("serve: "), "{:?}", ended.stderr);
    }

    #[test]
    fn a_signal_stops_it_and_leaves_no_draft_and_no_half_sibling() {
        let root = tree(&["a.txt"]);
        // Minutes of work.
        let long: Vec<u8> = (0..4_000_000_u32).flat_map(|n| format!("{n:x} ").into_bytes()).collect();
        fs::write(root.path().join("long.txt"), &long).unwrap();
        let mut command = program(&["--threads", "2", "--precompress"]);
        command.arg(root.path());
        let process = Process::spawn(command);
        let begun = || {
            let mut entries = fs::read_dir(root.path()).unwrap();
            entries.any(|entry| entry.unwrap().file_name().to_string_lossy().contains(".serve-draft-"))
        };
        until("it has begun", begun);
        process.signal(rustix::process::Signal::INT);
        let ended = process.end();
        assert_eq!(ended.status.code(), Some(1), "{:?}", ended.stderr);
        assert!(ended.stderr.last().unwrap().contains("stopped"), "{:?}", ended.stderr);
        assert!(names(&root).iter().all(|name| !name.contains("draft")), "{:?}", names(&root));
        assert!(!root.path().join("long.txt.br").exists());
    }
}
