//! The walk, over files in memory and in virtual time.

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use self::asking::PEER;
use super::files::{Entries, Lookup, Memory, Node};
use super::*;
use crate::http::Body;
use crate::segment::Segment;

pub(super) mod asking;
mod directories;
mod routing;
mod sharing;
mod vast;

/// Files that fail as they are told, and remember what was asked of them.
struct Watched {
    files: Memory,
    opened: Vec<String>,
    /// What is said to the name that ends so.
    failure: Option<(&'static str, io::ErrorKind)>,
}

impl FileSystem for Watched {
    fn open(&mut self, path: &SafePath, now: &Now) -> io::Result<Node> {
        let name = String::from_utf8_lossy(path.as_bytes()).into_owned();
        self.opened.push(name.clone());
        match self.failure {
            Some((end, kind)) if name.ends_with(end) => Err(kind.into()),
            _ => FileSystem::open(&mut self.files, path, now),
        }
    }

    fn lookup(&mut self) -> Option<Arc<dyn Lookup>> {
        match self.failure {
            Some(("*", kind)) => Some(Arc::new(Failing(kind))),
            _ => self.files.lookup(),
        }
    }
}

/// Files of which none can be had in the pool.
struct Failing(io::ErrorKind);

impl Lookup for Failing {
    fn open(&self, _: &SafePath) -> io::Result<Node> {
        Err(self.0.into())
    }

    fn list(&self, _: &SafePath, _: usize, _: &dyn Fn(&[u8]) -> bool) -> io::Result<Entries> {
        Err(self.0.into())
    }
}

/// A site, a clock, and what was reported.
struct Bench {
    site: Site<Watched>,
    now: Now,
    reported: Arc<Mutex<Vec<String>>>,
}

impl Bench {
    fn new(paths: &[&str], options: Options) -> Bench {
        let mut files = Memory::default();
        // Sun, 06 Nov 1994 08:49:37 GMT, when every file was made.
        let made = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let now = Now::read().with_system(made);
        for path in paths {
            files.insert(path, path.as_bytes().to_vec(), made);
        }
        let reported = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&reported);
        let report: Report = Arc::new(move |line| sink.lock().unwrap().push(line.to_owned()));
        let files = Watched { files, opened: Vec::new(), failure: None };
        let site = Site::new(Arc::new(options), files, report);
        Bench { site, now: now.later(Duration::from_secs(3600)), reported }
    }

    fn answer(&mut self, method: &str, target: &str, fields: &[(&str, &str)]) -> Answer {
        asking::ask(&mut self.site, method, target, fields, &self.now)
    }

    /// The same, with slow work done here.
    fn respond(&mut self, method: &str, target: &str, fields: &[(&str, &str)]) -> Response {
        asking::answer(&mut self.site, method, target, fields, &self.now)
    }

    fn get(&mut self, target: &str) -> Response {
        self.respond("GET", target, &[])
    }

    fn opened(&mut self) -> Vec<String> {
        std::mem::take(&mut self.site.files.opened)
    }
}

fn text(body: &Body) -> String {
    let text = |segment: &Segment| match segment {
        Segment::Bytes(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        Segment::File { .. } | Segment::Made { .. } => panic!("not in memory"),
    };
    body.segments().iter().map(text).collect()
}

/// R2.
#[test]
fn nothing_is_looked_up_for_what_is_refused_before() {
    let mut bench = Bench::new(&["a", ".git/config"], Options::default());
    for (method, target, fields, status) in [
        ("GET", "/a", &[("Host", "evil.example")][..], Status::MisdirectedRequest),
        ("POST", "/a", &[("Host", "evil.example")], Status::MisdirectedRequest),
        ("GET", "/a", &[("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors")], Status::Forbidden),
        ("POST", "/a", &[], Status::MethodNotAllowed),
        ("BREW", "/%00", &[], Status::NotImplemented),
        ("OPTIONS", "/%00", &[], Status::NoContent),
        ("OPTIONS", "*", &[], Status::NoContent),
        ("GET", "*", &[], Status::BadRequest),
        ("GET", "/%00", &[], Status::BadRequest),
        ("GET", "/../a", &[], Status::BadRequest),
        ("GET", "/.git/config", &[], Status::NotFound),
        ("HEAD", "/x/.git", &[], Status::NotFound),
    ] {
        assert_eq!(bench.respond(method, target, fields).status, status, "{method} {target}");
        // What is hidden looks as if it were not there, down to the error page.
        let opened = if status == Status::NotFound { &["404.html"][..] } else { &[] };
        assert_eq!(bench.opened(), opened, "{method} {target}");
    }
    assert_eq!(bench.get("/a").status, Status::Ok);
}

#[test]
fn a_file_is_one_look_up_and_a_directory_asks_for_its_index_first() {
    let mut bench = Bench::new(&["a", "d/b", "i/index.htm"], Options::default());
    for (target, opened) in [
        ("/a", &["a"][..]),
        ("/missing", &["missing", "404.html"]),
        ("/d", &["d"]),
        ("/d/", &["d/index.html", "d/index.htm", "d"]),
        ("/i/", &["i/index.html", "i/index.htm"]),
        ("/", &["index.html", "index.htm", ""]),
        ("/a/", &["a/index.html", "a/index.htm", "a", "404.html"]),
    ] {
        let _ = bench.get(target);
        assert_eq!(bench.opened(), opened, "{target}");
    }
}

#[test]
fn what_fails_is_a_status_and_the_servers_own_faults_are_reported() {
    use io::ErrorKind::{NotFound, Other, OutOfMemory, PermissionDenied};
    for (kind, status, is_own) in [
        (NotFound, Status::NotFound, false),
        (PermissionDenied, Status::Forbidden, false),
        (OutOfMemory, Status::ServiceUnavailable, true),
        (Other, Status::InternalServerError, true),
    ] {
        let mut bench = Bench::new(&["a b", "d/index.html", "d/x"], Options::default());
        bench.site.files.failure = Some(("a b", kind));
        let response = bench.get("/a%20b");
        assert_eq!(response.status, status);
        let retry = (kind == OutOfMemory).then_some("1");
        assert_eq!(response.fields.get("retry-after"), retry, "{kind}");
        // With the path as in a link, so that nothing in it can forge a line.
        let reported = bench.reported.lock().unwrap().join("|");
        let expected = if is_own { format!("{} /a%20b: {kind}", status.code()) } else { String::new() };
        assert_eq!(reported, expected);
        // An index that is there and cannot be read is no reason to list.
        bench.site.files.failure = Some(("index.html", kind));
        assert_eq!(bench.get("/d/").status, if kind == NotFound { Status::Ok } else { status }, "{kind}");
    }
}

#[test]
fn fields_of_the_options_are_on_answers_now_and_later_and_on_errors() {
    let headers = vec![("X-Own".to_owned(), Some("1".to_owned())), ("server".to_owned(), None)];
    let mut bench = Bench::new(&["a", "d/b"], Options { headers, ..Options::default() });
    let mut responses: Vec<_> =
        ["/a", "/d", "/d/", "/missing", "/%00"].map(|target| bench.get(target)).into();
    responses.push(bench.site.error(Status::BadRequest, &PEER, &bench.now));
    for response in responses {
        let own = (response.fields.get("x-own"), response.fields.get("server"));
        assert_eq!(own, (Some("1"), None), "{:?}", response.status);
    }
}

#[test]
fn a_tag_is_weak_until_the_file_has_settled_and_no_date_is_in_the_future() {
    let mut bench = Bench::new(&["a"], Options::default());
    let made = bench.now.system - Duration::from_secs(3600);
    for (age_ms, is_weak) in [(0, true), (1999, true), (2000, false), (100_000, false)] {
        bench.now.system = made + Duration::from_millis(age_ms);
        let etag = bench.get("/a").fields.get("etag").unwrap().to_owned();
        assert_eq!(etag.starts_with("W/"), is_weak, "{age_ms} ms");
        // Both forms are the same to a cache that asks.
        let known = bench.respond("GET", "/a", &[("If-None-Match", etag.trim_start_matches("W/"))]);
        assert_eq!(known.status, Status::NotModified, "{age_ms} ms");
    }
    bench.now.system = made - Duration::from_secs(3600);
    assert_eq!(bench.get("/a").fields.get("last-modified"), Some("Sun, 06 Nov 1994 07:49:37 GMT"));
}

/// Targets made of what has broken others; all of them pass the request parser.
fn nasty_target() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "/",
        "//",
        "a",
        "b c",
        "..",
        ".",
        "%2e",
        "%2E%2e",
        "%2f",
        "%5c",
        "\\",
        "%00",
        "%",
        "%zz",
        "%25",
        "%c0%ae",
        "%ff",
        "?",
        "&",
        "format=json",
        "<",
        ">",
        "\"",
        "'",
        ":",
        ";",
        "@",
        "evil.example",
        "http://",
        "%0d%0a",
        "\u{202e}",
        "é",
        "index.html",
        ".git",
        ".well-known",
        "d",
        "%20",
        "~",
        "+",
        "*",
    ]);
    prop::collection::vec(part, 0..12).prop_map(|parts| format!("/{}", parts.concat().replace(' ', "%20")))
}

fn fields() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    let field = prop::sample::select(vec![
        ("Range", "bytes=0-0"),
        ("Range", "bytes=-1"),
        ("Range", "bytes=9-"),
        ("Range", "bytes=0-0,-1"),
        ("If-None-Match", "*"),
        ("If-Match", "\"x\""),
        ("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("If-Range", "\"x\""),
        ("Accept", "application/json"),
        ("Host", "evil.example"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Mode", "no-cors"),
    ]);
    prop::collection::vec(field, 0..3)
}

fn is_consistent(response: &Response) -> bool {
    let length = response.body.len();
    let part = response.fields.get("content-range").map(|value| {
        let (part, _) = value.strip_prefix("bytes ").unwrap().split_once('/').unwrap();
        let range = part.split_once('-').map(|(a, b)| (a.parse::<u64>().unwrap(), b.parse::<u64>().unwrap()));
        range.map(|(first, last)| last - first + 1)
    });
    match response.status {
        Status::PartialContent => part == Some(Some(length)),
        Status::RangeNotSatisfiable => part == Some(None) && length > 0,
        Status::NoContent | Status::NotModified | Status::MovedPermanently => part.is_none() && length == 0,
        Status::Ok => part.is_none(),
        status => status.code() >= 400 && part.is_none() && length > 0,
    }
}

proptest! {
    #[test]
    fn no_target_is_answered_wrongly(
        method in prop::sample::select(vec!["GET", "HEAD", "OPTIONS", "POST", "BREW"]),
        target in nasty_target(),
        fields in fields(),
        listing: bool,
        hidden: bool,
    ) {
        let paths = ["a", "b c", "d/a", "d/index.html", "<", "d/<\">", ".git/a", "\\/a", "evil.example/a", "%2e/%", "é/d"];
        let mut bench = Bench::new(&paths, Options { listing, hidden, ..Options::default() });
        let response = bench.respond(method, &target, &fields);
        prop_assert!(is_consistent(&response), "{:?}", response);
        prop_assert!(response.fields.is_valid(), "{:?}", response);
        let reported = bench.reported.lock().unwrap().len();
        prop_assert_eq!(reported, 0, "a client's mistake was reported");
        match response.fields.get("location") {
            Some(location) => {
                prop_assert_eq!(response.status, Status::MovedPermanently);
                prop_assert!(location.starts_with('/') && !location[1..].starts_with(['/', '\\']), "{}", location);
                // And it leads to the directory, not to another redirect.
                let there = bench.respond("GET", location, &[]);
                prop_assert!(matches!(there.status, Status::Ok | Status::NotFound), "{:?}", there);
            }
            None => prop_assert!(response.status != Status::MovedPermanently),
        }
        if !hidden {
            let is_hidden = |path: &String| path.split('/').any(|name| name.starts_with(".git"));
            prop_assert!(!bench.opened().iter().any(is_hidden));
        }
    }
}
