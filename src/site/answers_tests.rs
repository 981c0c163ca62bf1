//! Answers that are given again are those that would be given anew.

use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use super::super::files::Memory;
use super::super::{Options, Report, rules};
use super::*;
use crate::site::tests::asking::{self, PEER};

const TARGETS: [&str; 9] =
    ["/", "/a", "/a?q", "/%61", "/page", "/page.html", "/folder", "/folder/", "/main.8f3a1c2b.js"];
const PATHS: [&str; 9] = [
    "index.html",
    "a",
    "page.html",
    "page.html.gz",
    "folder/index.html",
    "page",
    "main.8f3a1c2b.js",
    "_headers",
    "_redirects",
];
const FIELDS: [&[(&str, &str)]; 20] = [
    &[],
    &[],
    &[("Accept-Encoding", "gzip")],
    &[("Accept-Encoding", "gzip;q=0")],
    &[("Accept-Encoding", "gzip"), ("Accept-Encoding", "br")],
    &[("Range", "bytes=0-2")],
    &[("Range", "bytes=3-")],
    &[("Range", "bytes=-2")],
    &[("Range", "bytes=0-0,4-4")],
    &[("Range", "bytes=999999-")],
    &[("Range", "bytes=1-2"), ("Accept-Encoding", "gzip")],
    &[("Range", "bytes=1-2"), ("If-None-Match", "TAG")],
    &[("If-None-Match", "*")],
    &[("If-None-Match", "TAG")],
    &[("If-None-Match", "TAG"), ("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT")],
    &[("If-None-Match", "TAG"), ("Accept-Encoding", "gzip")],
    &[("If-Match", "\"none\"")],
    &[("If-Modified-Since", "Sat, 01 Jan 2101 00:00:00 GMT")],
    &[("Want-Repr-Digest", "sha-256=1")],
    &[("Origin", "https://a.example")],
];

#[derive(Clone, Debug)]
enum Step {
    /// The file gets this content, or is removed; then some time passes.
    Change(usize, Option<usize>),
    Pass(u64),
    Ask(bool, usize, usize),
}

fn content(path: &str, which: usize) -> String {
    match path {
        "_headers" => ["/*\n  X-A: 1\n", "/a\n  X-B: 2\n", ""][which % 3].to_owned(),
        "_redirects" => ["/a /page.html 200!\n", "/page /a 301\n", ""][which % 3].to_owned(),
        _ => format!("{path} {which} ").repeat(1 + which),
    }
}

/// One of two sites: with answers that are remembered, and without.
fn site(bytes: usize) -> Site<Memory> {
    let report: Report = Arc::new(|_| {});
    let options = Options {
        rules: Some(rules::Shared::default()),
        cache: super::super::cache_control::CachePolicy::Auto,
        ..Options::default()
    };
    Site::new(Arc::new(options), Memory::default(), report).remembering(bytes)
}

fn bytes(response: &Response) -> Vec<u8> {
    let read = |segment: &Segment| match segment {
        Segment::Bytes(bytes) => bytes.to_vec(),
        Segment::File { .. } | Segment::Made { .. } => panic!("not in memory"),
    };
    response.body.segments().iter().flat_map(read).collect()
}

fn start() -> Now {
    Now::read().with_system(SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000))
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let content = prop_oneof![4 => (0..3_usize).prop_map(Some), 1 => Just(None)];
    let step = prop_oneof![
        1 => (0..PATHS.len(), content).prop_map(|(path, content)| Step::Change(path, content)),
        1 => (0..3000_u64).prop_map(Step::Pass),
        6 => (any::<bool>(), 0..TARGETS.len(), 0..FIELDS.len()).prop_map(|(head, target, fields)| Step::Ask(head, target, fields)),
    ];
    prop::collection::vec(step, 0..80)
}

proptest! {
    #[test]
    fn what_was_answered_before_is_what_would_be_answered_now(steps in steps(), bytes_max in prop_oneof![Just(1 << 20), Just(3000_usize)]) {
        let (mut sites, mut now) = ([site(bytes_max), site(0)], start());
        let mut tag = "\"none\"".to_owned();
        for step in steps {
            // Each request comes at a time of its own.
            now = now.later(Duration::ZERO);
            match step {
                Step::Change(path, change) => {
                    let path = PATHS[path];
                    for site in &mut sites {
                        site.files.remove(path);
                        if let Some(which) = change {
                            site.files.insert(path, content(path, which), now.system);
                        }
                    }
                    // What is beside a file, and rules, are looked at once a second.
                    let is_beside = path.contains('_') || path.ends_with(".gz");
                    now = now.later(Duration::from_millis(if is_beside { 2000 } else { 1 }));
                }
                Step::Pass(milliseconds) => now = now.later(Duration::from_millis(milliseconds)),
                Step::Ask(head, target, fields) => {
                    let method = if head { "HEAD" } else { "GET" };
                    let fields: Vec<_> = FIELDS[fields].iter().map(|&(name, value)| (name, if value == "TAG" { &tag } else { value })).collect();
                    let [with, without] = sites.each_mut().map(|site| asking::answer(site, method, TARGETS[target], &fields, &now));
                    // In no order: where one field stands among the others means nothing.
                    let shown = |response: &Response| {
                        let fields = String::from_utf8_lossy(response.fields.as_bytes()).into_owned();
                        let mut lines: Vec<_> = fields.lines().map(str::to_owned).collect();
                        lines.sort();
                        (response.status, lines, bytes(response))
                    };
                    prop_assert_eq!(shown(&with), shown(&without), "{} {:?}", TARGETS[target], fields);
                    tag = without.fields.get("ETag").map_or(tag, str::to_owned);
                }
            }
            prop_assert!(sites[0].answers.known.bytes() <= bytes_max);
        }
    }
}

/// Whether a question is answered from memory the second time.
fn is_remembered(target: &str, fields: &[(&str, &str)]) -> bool {
    let (mut site, now) = (site(1 << 20), start());
    let old = now.system - Duration::from_secs(1000);
    for path in ["a", "page.html", "folder/index.html"] {
        site.files.insert(path, path, old);
    }
    site.files.insert("young", "young", now.system);
    asking::answer(&mut site, "GET", target, fields, &now);
    site.answers.known.bytes() > 0
}

#[test]
fn only_plain_questions_about_one_settled_file_are_remembered() {
    assert!(is_remembered("/a", &[]) && is_remembered("/folder/", &[("Accept-Encoding", "br")]));
    for (target, fields) in [
        ("/a", &[("Range", "bytes=0-1"), ("If-Range", "\"x\"")][..]),
        ("/a", &[("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT")]),
        ("/a", &[("If-None-Match", "\"another\"")]),
        ("/young", &[]),
        ("/none", &[]),
        ("/folder", &[]),
        ("/folder/", &[("Accept-Encoding", "br"), ("Accept-Encoding", "gzip")]),
    ] {
        assert!(!is_remembered(target, fields), "{target} {fields:?}");
    }
}

#[test]
fn what_a_client_sends_takes_no_memory_beyond_the_limit() {
    let long = format!("br, {}", "x".repeat(ACCEPT_ENCODING_MAX));
    assert!(!is_remembered("/a", &[("Accept-Encoding", &long)]));
    let known = |accept_encoding: &str| Known {
        accept_encoding: Some(accept_encoding.into()),
        grant: Grant::new(&Options::default(), None, &PEER),
        of_parts: false,
        basis: Basis {
            path: SafePath::root(),
            version: Version::default(),
            etag: String::new(),
            is_identity: true,
        },
        until: None,
        ok: None,
        not_modified: None,
    };
    assert_eq!(known("gzip, br").cost(), known("").cost() + 8);
}

#[test]
fn an_answer_without_a_tag_is_not_final() {
    let (mut site, now) = (site(1 << 20), start());
    // The time says nothing, and for the digest of so much nobody waits.
    site.files.insert("a", vec![0; 256 * 1024 * 1024 + 1], SystemTime::UNIX_EPOCH);
    assert_eq!(asking::answer(&mut site, "GET", "/a", &[], &now).fields.get("ETag"), None);
    assert_eq!(site.answers.known.bytes(), 0);
}
