//! Which form is sent, with files in memory, and with background work done by hand.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use proptest::prelude::*;

use super::super::files::Memory;
use super::super::{Report, Site};
use super::*;
use crate::codec::Level;
use crate::codec::{decode, encode};
use crate::http::{Answer, Response, Status};
use crate::pool::Job;
use crate::segment::Segment;
use crate::site::tests::asking;

/// Text that gets smaller.
fn text(len: usize) -> Vec<u8> {
    b"the quick brown fox ".iter().copied().cycle().take(len).collect()
}

fn hours(n: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000 + n * 3600)
}

/// A site whose background work waits until it is done by hand.
struct Bench {
    site: Site<Memory>,
    now: Now,
    background: Arc<Mutex<VecDeque<Job>>>,
}

impl Drop for Bench {
    fn drop(&mut self) {
        // Work that nobody has done holds the site's memory, which holds the queue: a circle
        // that the threads of a real pool break by doing it.
        let left = std::mem::take(&mut *self.background.lock().unwrap_or_else(PoisonError::into_inner));
        drop(left);
    }
}

impl Bench {
    /// With siblings and files as they are given: name, content, hour of their last change.
    fn new(files: &[(&str, &[u8], u64)], memory: usize) -> Bench {
        let background = Arc::new(Mutex::new(VecDeque::new()));
        let queue = Arc::clone(&background);
        let derived = Derived::new(
            memory,
            Arc::new(move |job| {
                queue.lock().unwrap().push_back(job);
                Ok(())
            }),
        );
        let report: Report = Arc::new(|line| panic!("reported: {line}"));
        let options = Options { derived, ..Options::default() };
        let mut bench = Bench {
            site: Site::new(Arc::new(options), Memory::default(), report).remembering(0),
            now: Now::read().with_system(hours(1000)),
            background,
        };
        for (name, content, hour) in files {
            bench.put(name, content, *hour);
        }
        bench
    }

    fn put(&mut self, name: &str, content: &[u8], hour: u64) {
        self.site.files.insert(name, content.to_vec(), hours(hour));
    }

    /// Does one piece of background work; false if there is none.
    fn work(&self) -> bool {
        let job = self.background.lock().unwrap().pop_front();
        job.map(|job| job()).is_some()
    }

    fn ask(&mut self, method: &str, target: &str, fields: &[(&str, &str)]) -> Answer {
        asking::ask(&mut self.site, method, target, fields, &self.now)
    }

    /// The answer, with all that it needs done.
    fn get_with(&mut self, target: &str, fields: &[(&str, &str)]) -> Response {
        asking::answer(&mut self.site, "GET", target, fields, &self.now)
    }

    fn get(&mut self, target: &str, accepted: &str) -> Response {
        self.get_with(target, &[("Accept-Encoding", accepted)])
    }

    /// The coding of the answer and its decoded bytes.
    fn decoded(&mut self, target: &str, accepted: &str) -> (String, Vec<u8>) {
        let response = self.get(target, accepted);
        assert_eq!(response.status, Status::Ok, "{target} {accepted}");
        let coding = response.fields.get("content-encoding").unwrap_or("identity").to_owned();
        let bytes = body(&response);
        let format = Format::ALL.into_iter().find(|format| format.token() == coding);
        (coding, format.map_or(bytes.clone(), |format| decode(format, &bytes, 1 << 24).unwrap()))
    }
}

fn body(response: &Response) -> Vec<u8> {
    let bytes = |segment: &Segment| match segment {
        Segment::Bytes(bytes) => bytes.to_vec(),
        Segment::File { .. } | Segment::Made { .. } => panic!("not in memory"),
    };
    response.body.segments().iter().flat_map(bytes).collect()
}

fn coded(format: Format, content: &[u8]) -> Vec<u8> {
    encode(format, Level::Best, content).unwrap()
}

/// R43.
#[test]
fn the_sibling_that_the_client_likes_best_is_sent() {
    let content = text(5000);
    let (br, gz) = (coded(Format::Brotli, &content), coded(Format::Gzip, &content));
    let mut bench = Bench::new(&[("a.js", &content, 1), ("a.js.br", &br, 1), ("a.js.gz", &gz, 2)], 1 << 20);
    for (accepted, expected) in [
        ("gzip, br, zstd", "br"),
        ("gzip", "gzip"),
        ("gzip, br;q=0.5", "gzip"),
        ("zstd, gzip;q=0.1", "gzip"),
        ("zstd", "identity"),
        ("", "identity"),
        ("gzip;q=0", "identity"),
        ("identity, gzip;q=0.5", "identity"),
        ("identity;q=0, *", "br"),
    ] {
        for _ in 0..2 {
            let (coding, decoded) = bench.decoded("/a.js", accepted);
            assert_eq!((coding.as_str(), decoded == content), (expected, true), "{accepted}");
        }
    }
    let mut tags = Vec::new();
    for accepted in ["br", "gzip", ""] {
        let response = bench.get("/a.js", accepted);
        assert_eq!(response.fields.get("vary"), Some("Accept-Encoding"));
        assert_eq!(response.fields.get("content-type"), Some("text/javascript; charset=utf-8"));
        tags.push(response.fields.get("etag").unwrap().to_owned());
    }
    assert!(tags.iter().all(|tag| !tag.starts_with("W/")), "{tags:?}");
    assert!(tags[0] != tags[1] && tags[1] != tags[2] && tags[0] != tags[2], "{tags:?}");
}

/// R43.
#[test]
fn a_sibling_that_is_older_corrupt_cut_or_of_another_file_is_never_sent() {
    let content = text(5000);
    let right = coded(Format::Gzip, &content);
    let other = coded(Format::Gzip, &text(4999));
    let (mut flipped, cut) = (right.clone(), &right[..right.len() - 3]);
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x10;
    let longer = [&right[..], b"x"].concat();
    for (why, sibling, hour) in [
        ("older", &right[..], 0),
        ("of another version", &other, 1),
        ("corrupt", &flipped, 1),
        ("cut", cut, 1),
        ("with something behind it", &longer, 1),
        ("empty", b"", 1),
        ("no gzip", b"hello", 1),
    ] {
        let mut bench = Bench::new(&[("a.css", &content, 1), ("a.css.gz", sibling, hour)], 1 << 20);
        for _ in 0..2 {
            assert_eq!(bench.decoded("/a.css", "gzip"), ("identity".to_owned(), content.clone()), "{why}");
        }
    }
}

#[test]
fn a_long_sibling_is_proven_before_it_is_sent_and_once() {
    let content: Vec<u8> =
        (0..400_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
    let gz = coded(Format::Gzip, &content);
    assert!(gz.len() as u64 > SMALL_SIBLING);
    for (sibling, expected) in [(&gz[..], "gzip"), (&gz[..gz.len() - 1], "identity")] {
        let mut bench = Bench::new(&[("a.json", &content, 1), ("a.json.gz", sibling, 1)], 1 << 20);
        let Answer::After(prove) = bench.ask("GET", "/a.json", &[("Accept-Encoding", "gzip")]) else {
            panic!("not proven");
        };
        prove();
        for later in [0, 2] {
            bench.now = bench.now.later(Duration::from_secs(later));
            let answer = bench.ask("GET", "/a.json", &[("Accept-Encoding", "gzip")]);
            assert!(matches!(answer, Answer::Ready(_)), "proven again after {later} s");
        }
        assert_eq!(bench.decoded("/a.json", "gzip"), (expected.to_owned(), content.clone()));
    }
}

/// R43.
#[test]
fn a_changed_file_is_never_answered_by_its_old_forms() {
    let (old, new) = (text(5000), text(6000));
    let mut bench = Bench::new(&[("a.js", &old, 1), ("a.js.gz", &coded(Format::Gzip, &old), 1)], 1 << 20);
    assert_eq!(bench.decoded("/a.js", "gzip"), ("gzip".to_owned(), old.clone()));
    bench.put("a.js", &new, 2);
    assert_eq!(bench.decoded("/a.js", "gzip"), ("identity".to_owned(), new.clone()));
    bench.put("a.js.gz", &coded(Format::Gzip, &new), 2);
    bench.now = bench.now.later(LOOK_INTERVAL);
    assert_eq!(bench.decoded("/a.js", "gzip"), ("gzip".to_owned(), new));
}

#[test]
fn a_sibling_that_comes_and_goes_is_noticed_within_a_second() {
    let content = text(5000);
    let mut bench = Bench::new(&[("a.js", &content, 1)], 1 << 20);
    assert_eq!(bench.decoded("/a.js", "br").0, "identity");
    bench.put("a.js.br", &coded(Format::Brotli, &content), 1);
    bench.now = bench.now.later(LOOK_INTERVAL);
    assert_eq!(bench.decoded("/a.js", "br").0, "br");
    bench.put("a.js.br", b"", 1);
    bench.now = bench.now.later(LOOK_INTERVAL);
    assert_eq!(bench.decoded("/a.js", "br").0, "identity");
}

#[test]
fn text_without_siblings_is_compressed_in_the_background_and_then_better() {
    let content = text(50_000);
    let mut bench = Bench::new(&[("a.txt", &content, 1)], 1 << 20);
    assert_eq!(bench.decoded("/a.txt", "gzip").0, "identity", "nobody waits");
    assert_eq!(bench.decoded("/a.txt", "gzip").0, "identity");
    assert_eq!(bench.background.lock().unwrap().len(), 1, "made once");
    assert!(bench.work());
    let fast = bench.get("/a.txt", "gzip");
    assert_eq!(fast.fields.get("content-encoding"), Some("gzip"));
    assert!(bench.work());
    let best = bench.get("/a.txt", "gzip");
    assert!(body(&best).len() < body(&fast).len());
    for response in [&fast, &best] {
        assert_eq!(decode(Format::Gzip, &body(response), 1 << 20).unwrap(), content);
        // Equivalent, and not the same bytes: the tag says so, and stays.
        assert!(response.fields.get("etag").unwrap().starts_with("W/\""));
        assert_eq!(response.fields.get("etag"), fast.fields.get("etag"));
    }
    assert!(!bench.work());
    let tag = fast.fields.get("etag").unwrap().to_owned();
    let known = bench.get_with("/a.txt", &[("Accept-Encoding", "gzip"), ("If-None-Match", &tag)]);
    assert_eq!((known.status, known.fields.get("vary")), (Status::NotModified, Some("Accept-Encoding")));
    // Ranges are of what does not change under them.
    let part = bench.get_with("/a.txt", &[("Accept-Encoding", "gzip"), ("Range", "bytes=0-8")]);
    assert_eq!((part.fields.get("content-encoding"), body(&part)), (None, content[..9].to_vec()));
    // Another coding is made by itself.
    assert_eq!(bench.decoded("/a.txt", "br, gzip;q=0.5").0, "gzip", "what is there will do meanwhile");
    while bench.work() {}
    assert_eq!(bench.decoded("/a.txt", "br, gzip;q=0.5"), ("br".to_owned(), content));
}

#[test]
fn what_is_small_huge_young_packed_or_useless_is_not_compressed() {
    let noise: Vec<u8> = (0..4000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
    let (small, huge) = (text(1023), text(8 * 1024 * 1024 + 1));
    let content = text(5000);
    let mut bench = Bench::new(
        &[
            ("small.txt", &small, 1),
            ("huge.txt", &huge, 1),
            ("young.txt", &content, 1000),
            ("a.png", &content, 1),
            ("a.unknown", &content, 1),
            ("noise.txt", &noise, 1),
        ],
        1 << 20,
    );
    for path in ["/small.txt", "/huge.txt", "/young.txt", "/a.png", "/a.unknown", "/noise.txt"] {
        for _ in 0..3 {
            assert_eq!(bench.decoded(path, "gzip").0, "identity", "{path}");
            while bench.work() {}
        }
    }
    for (path, varies) in [("/a.png", false), ("/a.unknown", true), ("/small.txt", true)] {
        assert_eq!(bench.get(path, "").fields.get("vary").is_some(), varies, "{path}");
    }
}

#[test]
fn a_file_that_changes_while_it_is_compressed_is_compressed_anew() {
    let (old, new) = (text(5000), text(6000));
    let mut bench = Bench::new(&[("a.txt", &old, 1)], 1 << 20);
    assert_eq!(bench.decoded("/a.txt", "zstd").0, "identity");
    bench.put("a.txt", &new, 2);
    assert_eq!(bench.decoded("/a.txt", "zstd"), ("identity".to_owned(), new.clone()));
    while bench.work() {}
    assert_eq!(bench.decoded("/a.txt", "zstd"), ("zstd".to_owned(), new));
}

#[test]
fn work_that_finds_no_room_can_be_tried_again() {
    let content = text(5000);
    let mut bench = Bench::new(&[("a.txt", &content, 1)], 1 << 20);
    assert_eq!(bench.decoded("/a.txt", "gzip").0, "identity");
    // As a full queue does.
    bench.background.lock().unwrap().clear();
    assert_eq!(bench.decoded("/a.txt", "gzip").0, "identity");
    while bench.work() {}
    assert_eq!(bench.decoded("/a.txt", "gzip").0, "gzip");
}

#[test]
fn a_full_memory_costs_compression_and_nothing_else() {
    let content = text(5000);
    let names: Vec<String> = (0..20).map(|n| format!("{n}.txt")).collect();
    let files: Vec<_> = names.iter().map(|name| (name.as_str(), &content[..], 1)).collect();
    let mut bench = Bench::new(&files, 3000);
    for _ in 0..3 {
        for name in &names {
            assert_eq!(bench.decoded(&format!("/{name}"), "br").1, content);
            while bench.work() {}
            assert_eq!(bench.decoded(&format!("/{name}"), "br").1, content);
        }
    }
}

#[test]
fn who_refuses_the_file_itself_gets_a_form_or_406() {
    let content = text(5000);
    let mut bench = Bench::new(&[("a.txt", &content, 1), ("a.png", &content, 1)], 1 << 20);
    assert_eq!(bench.decoded("/a.txt", "gzip, identity;q=0"), ("gzip".to_owned(), content));
    for (target, accepted) in [("/a.png", "gzip, identity;q=0"), ("/a.txt", "*;q=0"), ("/a.txt", "x, *;q=0")]
    {
        let response = bench.get(target, accepted);
        assert_eq!(response.status, Status::NotAcceptable, "{target} {accepted}");
        assert!(response.fields.get("vary").unwrap().contains("Accept-Encoding"));
    }
}

/// What is found out for an answer and forgotten at once would be found out for ever: such an
/// answer goes without it.
#[test]
fn a_memory_without_room_has_nobody_wait_for_what_it_would_forget() {
    let content = text(500_000);
    let sibling = coded(Format::Gzip, &content);
    let mut bench =
        Bench::new(&[("a.txt", &content, 1), ("b.txt", &content, 1), ("b.txt.gz", &sibling, 1)], 0);
    bench.site.files.insert("no-time", content.clone(), SystemTime::UNIX_EPOCH);
    let only_gzip = [("Accept-Encoding", "gzip, identity;q=0")];
    assert_eq!(bench.get_with("/a.txt", &only_gzip).status, Status::NotAcceptable);
    assert_eq!(bench.decoded("/b.txt", "gzip"), ("identity".to_owned(), content.clone()));
    let digested = bench.get_with("/a.txt", &[("Want-Repr-Digest", "sha-256=1")]);
    assert_eq!((digested.status, digested.fields.get("repr-digest")), (Status::Ok, None));
    let tagless = bench.get_with("/no-time", &[]);
    assert_eq!((tagless.status, tagless.fields.get("etag")), (Status::Ok, None));
}

#[test]
fn a_sibling_by_its_own_name_is_a_file_and_has_no_siblings() {
    let content = text(5000);
    let gz = coded(Format::Gzip, &content);
    let twice = coded(Format::Gzip, &gz);
    let mut bench =
        Bench::new(&[("a.js", &content, 1), ("a.js.gz", &gz, 1), ("a.js.gz.gz", &twice, 1)], 1 << 20);
    let response = bench.get("/a.js.gz", "gzip");
    assert_eq!((response.fields.get("content-encoding"), body(&response)), (None, gz));
}

#[test]
fn switched_off_nothing_is_coded_and_nothing_varies() {
    let content = text(5000);
    let mut bench =
        Bench::new(&[("a.js", &content, 1), ("a.js.gz", &coded(Format::Gzip, &content), 1)], 1 << 20);
    let derived = bench.site.options.derived.clone();
    bench.site.options =
        Arc::new(Options { precompressed: false, compress: false, derived, ..Options::default() });
    let response = bench.get("/a.js", "gzip");
    assert_eq!((response.fields.get("content-encoding"), response.fields.get("vary")), (None, None));
    assert!(!bench.work());
}

#[test]
fn head_is_told_of_the_form_that_get_gets() {
    let content = text(5000);
    let gz = coded(Format::Gzip, &content);
    let mut bench = Bench::new(&[("a.js", &content, 1), ("a.js.gz", &gz, 1)], 1 << 20);
    let fields = [("Accept-Encoding", "gzip"), ("Range", "bytes=0-1")];
    let Answer::Ready(head) = bench.ask("HEAD", "/a.js", &fields) else { panic!("not ready") };
    assert_eq!((head.status, head.body.len()), (Status::Ok, gz.len() as u64));
    assert_eq!(head.fields.get("content-encoding"), Some("gzip"));
    // Of a sibling there are parts, too.
    let part = bench.get_with("/a.js", &fields);
    assert_eq!((part.status, body(&part)), (Status::PartialContent, gz[..2].to_vec()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// R43.
    #[test]
    fn whatever_is_asked_in_whatever_order_decodes_to_the_file_as_it_is(
        steps in prop::collection::vec((0_u8..6, 0_usize..3, 1000_usize..3000), 1..24),
    ) {
        let mut bench = Bench::new(&[("a.txt", &text(2000), 1)], 4000);
        let (mut current, mut hour) = (text(2000), 1);
        for (what, format, len) in steps {
            let format = Format::ALL[format];
            match what {
                0 => {
                    (current, hour) = (text(len), hour + 1);
                    bench.put("a.txt", &current, hour);
                }
                1 => bench.put(&format!("a.txt{}", format.suffix()), &coded(format, &current), hour),
                2 => bench.put(&format!("a.txt{}", format.suffix()), &coded(format, &text(len)), hour),
                3 => bench.now = bench.now.later(LOOK_INTERVAL),
                4 => {
                    bench.work();
                }
                _ => {}
            }
            let accepted = format!("{}, *;q=0.5", format.token());
            prop_assert_eq!(&bench.decoded("/a.txt", &accepted).1, &current);
        }
    }
}

#[path = "coded_digest_tests.rs"]
mod digests;
