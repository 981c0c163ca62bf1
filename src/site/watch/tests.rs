//! Which answers are live, and what they then are.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::super::files::Memory;
use super::super::tests::asking;
use super::*;
use crate::site::{Options, Report};

const DOCUMENT: (&str, &str) = ("Sec-Fetch-Dest", "document");

struct Bench {
    site: Site<Memory>,
    hub: Hub,
    now: Now,
}

impl Bench {
    fn new(options: Options) -> Bench {
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let mut files = Memory::default();
        for (path, content) in [
            ("index.html", "<!doctype html><title>start</title><!-- no end"),
            ("page.HTM", "<p>"),
            ("data.json", "{}"),
            ("page.xhtml", "<html/>"),
            ("404.html", "<h1>gone"),
            ("list/a.txt", "a"),
        ] {
            files.insert(path, content, then);
        }
        files.insert("wide.html", &b"\xff\xfe<\0p\0>\0"[..], then);
        let prefix = options.base.to_location().trim_end_matches('/').to_owned();
        let hub = Hub::new(prefix, SystemTime::UNIX_EPOCH + Duration::from_micros(5000));
        let options = Options { watch: Some(hub.clone()), ..options };
        let report: Report = Arc::new(|line| panic!("reported: {line}"));
        let site = Site::new(Arc::new(options), files, report);
        Bench { site, hub, now: Now::read().with_system(then).later(Duration::from_secs(3600)) }
    }

    fn ask(&mut self, method: &str, target: &str, fields: &[(&str, &str)]) -> Response {
        asking::answer(&mut self.site, method, target, fields, &self.now)
    }

    fn get(&mut self, target: &str, fields: &[(&str, &str)]) -> Response {
        self.ask("GET", target, fields)
    }
}

fn text(response: &Response) -> String {
    let bytes = response.body.segments().iter().flat_map(|segment| match segment {
        Segment::Bytes(bytes) => bytes.to_vec(),
        Segment::File { .. } | Segment::Made { .. } => panic!("not in memory"),
    });
    String::from_utf8(bytes.collect()).unwrap()
}

fn is_live(response: &Response) -> bool {
    text(response).contains("/.serve/watch.js")
}

const ELEMENT: &str =
    "<script src=\"/.serve/watch.js\" data-events=\"/.serve/events?after=5000\"></script>\n";

#[test]
fn a_page_that_a_browser_goes_to_has_the_script_behind_its_end() {
    let mut bench = Bench::new(Options::default());
    let page = bench.get("/", &[DOCUMENT]);
    let expected = format!("<!doctype html><title>start</title><!-- no end\n{ELEMENT}");
    assert_eq!((page.status, text(&page)), (Status::Ok, expected));
    assert_eq!(page.fields.get("Content-Type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.fields.get("Content-Encoding"), None);
    assert!(is_live(&bench.get("/page.HTM", &[DOCUMENT])));
    assert_eq!(bench.ask("HEAD", "/", &[DOCUMENT]).body.len(), page.body.len());
}

#[test]
fn who_does_not_go_to_a_page_gets_it_as_it_is() {
    let mut bench = Bench::new(Options::default());
    for (fields, live) in [
        (&[][..], false),
        (&[("Accept", "*/*")], false),
        (&[("Sec-Fetch-Dest", "empty"), ("Accept", "text/html")], false),
        (&[("Sec-Fetch-Dest", "serviceworker")], false),
        (&[("Sec-Fetch-Dest", "object")], false),
        (&[("Sec-Fetch-Dest", "iframe")], true),
        // A browser on plain HTTP elsewhere than on this machine says no destination.
        (&[("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")], true),
        (&[("Accept", "application/json, */*")], false),
    ] {
        let page = bench.get("/", fields);
        assert_eq!(is_live(&page), live, "{fields:?}");
        let vary = page.fields.get("Vary").unwrap();
        assert!(vary.contains("Accept") && vary.contains("Sec-Fetch-Dest"), "{vary}");
        // Not by what was remembered of the others, either.
        assert_eq!(is_live(&bench.get("/", fields)), live, "{fields:?}, again");
    }
    for target in ["/data.json", "/page.xhtml", "/list/a.txt"] {
        assert!(!is_live(&bench.get(target, &[DOCUMENT])), "{target}");
    }
    // UTF-16 has no place for ASCII.
    assert_eq!(bench.get("/wide.html", &[DOCUMENT]).body.len(), 8);
}

#[test]
fn the_tag_is_that_of_what_was_sent_and_goes_with_the_next_change() {
    let mut bench = Bench::new(Options::default());
    let plain = bench.get("/", &[]).fields.get("ETag").unwrap().to_owned();
    let page = bench.get("/", &[DOCUMENT]);
    let live = page.fields.get("ETag").unwrap().to_owned();
    assert!(live != plain && page.fields.get("Last-Modified").is_none());
    let again = |bench: &mut Bench, tag: &str| bench.get("/", &[DOCUMENT, ("If-None-Match", tag)]);
    let kept = again(&mut bench, &live);
    assert_eq!((kept.status, kept.fields.get("ETag")), (Status::NotModified, Some(&live[..])));
    assert_eq!(again(&mut bench, &plain).status, Status::Ok);
    let since = ("If-Modified-Since", "Sun, 06 Nov 2044 08:49:37 GMT");
    assert_eq!(bench.get("/", &[DOCUMENT, since]).status, Status::Ok, "that copy has no script");
    assert_eq!(bench.get("/", &[("If-None-Match", &plain)]).status, Status::NotModified);
    // Else it would tell from where to listen, for ever.
    bench.hub.tell(Change::All);
    assert_eq!(again(&mut bench, &live).status, Status::Ok);
}

#[test]
fn a_live_page_is_sent_whole_and_not_coded() {
    let mut bench = Bench::new(Options::default());
    let fields = [DOCUMENT, ("Range", "bytes=0-3"), ("Accept-Encoding", "gzip, br")];
    let page = bench.get("/", &fields);
    assert_eq!((page.status, page.fields.get("Accept-Ranges")), (Status::Ok, None));
    assert!(text(&page).ends_with(ELEMENT));
}

#[test]
fn pages_of_errors_and_listings_are_live_under_their_own_policy() {
    let mut bench = Bench::new(Options::default());
    // The page of the user's own; ours; that of a method.
    assert_eq!(text(&bench.get("/none", &[DOCUMENT])), format!("<h1>gone\n{ELEMENT}"));
    let refused = bench.ask("POST", "/", &[DOCUMENT]);
    let policy = refused.fields.get("Content-Security-Policy").unwrap();
    assert!(is_live(&refused) && policy.contains("script-src 'self'; connect-src 'self'"), "{policy}");
    assert!(!is_live(&bench.get("/none", &[])), "nobody looks at it");
    let vary = bench.get("/none", &[]).fields.get("Vary").unwrap().to_owned();
    assert!(vary.contains("Sec-Fetch-Dest"), "{vary}");
    let foreign = bench.get("/", &[DOCUMENT, ("Host", "evil.example")]);
    assert!(foreign.status == Status::MisdirectedRequest && !is_live(&foreign), "no business of theirs");
    assert!(!is_live(&bench.get("/none", &[("Accept", "application/json"), DOCUMENT])));
    let listing = bench.get("/list/", &[DOCUMENT]);
    let policy = listing.fields.get("Content-Security-Policy").unwrap();
    assert!(is_live(&listing) && policy.contains("script-src 'self' 'sha256-"), "{policy}");
    assert!(!is_live(&bench.get("/list/?format=json", &[DOCUMENT])));
}

#[test]
fn the_fallback_of_an_application_is_live() {
    let spa = SafePath::of_file("index.html");
    let mut bench = Bench::new(Options { spa, ..Options::default() });
    assert!(is_live(&bench.get("/some/route", &[DOCUMENT])));
}

#[test]
fn what_is_ours_lies_beneath_the_base_and_only_while_it_is_watched() {
    let base = SafePath::parse("/a b").unwrap();
    let mut bench = Bench::new(Options { base, ..Options::default() });
    let page = text(&bench.get("/a%20b/", &[DOCUMENT]));
    assert!(page.contains("src=\"/a%20b/.serve/watch.js\"") && page.contains("=\"/a%20b/.serve/events?"));
    let script = bench.get("/a%20b/.serve/watch.js", &[]);
    assert_eq!(script.fields.get("Content-Type"), Some("text/javascript; charset=utf-8"));
    assert_eq!(text(&script), SCRIPT);
    for target in ["/.serve/watch.js", "/a%20b/.serve/", "/a%20b/.serve/x", "/a%20b/.serve/events/"] {
        assert_eq!(bench.get(target, &[]).status, Status::NotFound, "{target}");
    }
    bench.site = Site::new(Arc::default(), Memory::default(), Arc::new(|_| {}));
    for target in ["/.serve/watch.js", "/.serve/events"] {
        assert_eq!(bench.get(target, &[]).status, Status::NotFound, "{target}");
    }
}

#[test]
fn a_stream_goes_on_behind_what_its_page_has_seen() {
    let mut bench = Bench::new(Options::default());
    for (query, seen) in [("", 5000), ("?after=4", 4), ("?after=x", 5000), ("?after=1&after=2", 2)] {
        let response = bench.get(&format!("/.serve/events{query}"), &[]);
        let Body::Events(events) = &response.body else { panic!("{response:?}") };
        assert_eq!((events.seen, &events.opening[..]), (seen, OPENING.as_bytes()), "{query}");
        assert_eq!(response.fields.get("Content-Type"), Some("text/event-stream"));
    }
    // Who comes back asks for the same, and says what it has heard meanwhile.
    let response = bench.get("/.serve/events?after=4", &[("Last-Event-ID", "6")]);
    let Body::Events(events) = &response.body else { panic!("{response:?}") };
    assert_eq!(events.seen, 6);
}
