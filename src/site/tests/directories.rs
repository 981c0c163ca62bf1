//! Directories: redirects, listings, what is hidden, and what a flood of them costs.

use super::*;

#[test]
fn a_listing_that_fails_says_so_in_the_form_that_was_asked_for() {
    let mut bench = Bench::new(&["d/a"], Options::default());
    bench.site.files.failure = Some(("*", io::ErrorKind::PermissionDenied));
    let response = bench.respond("GET", "/d/", &[("Accept", "application/json")]);
    assert_eq!((response.status, response.fields.get("server")), (Status::Forbidden, Some("serve")));
    assert_eq!(text(&response.body), "{\"status\":403,\"error\":\"Forbidden\"}\n");
}

#[test]
fn a_listing_is_validated_by_its_content_when_that_is_known() {
    let mut bench = Bench::new(&["d/a", "d/b"], Options::default());
    let mut tags = Vec::new();
    for accept in ["text/html", "application/json"] {
        let whole = bench.respond("GET", "/d/", &[("Accept", accept)]);
        let tag = whole.fields.get("etag").unwrap().to_owned();
        for (name, value, status) in [
            ("If-None-Match", &*tag, Status::NotModified),
            ("If-None-Match", "*", Status::NotModified),
            ("If-None-Match", "\"x\"", Status::Ok),
            ("If-Match", &*tag, Status::Ok),
            ("If-Match", "\"x\"", Status::PreconditionFailed),
            ("If-Modified-Since", "Sun, 06 Nov 2044 08:49:37 GMT", Status::Ok),
            ("If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:37 GMT", Status::Ok),
            ("Range", "bytes=0-0", Status::Ok),
        ] {
            let fields = [("Accept", accept), (name, value)];
            assert!(matches!(bench.answer("GET", "/d/", &fields), Answer::Later(_)), "on the loop");
            let response = bench.respond("GET", "/d/", &fields);
            assert_eq!(response.status, status, "{name}: {value}");
            assert_eq!(response.fields.get("vary"), Some("Accept"), "{name}: {value}");
            assert_eq!(response.fields.get("cache-control"), Some("no-cache"), "{name}: {value}");
            let etag = (status != Status::PreconditionFailed).then_some(&*tag);
            assert_eq!(response.fields.get("etag"), etag, "{name}: {value}");
            assert_eq!(response.body.is_empty(), status == Status::NotModified);
        }
        tags.push(tag);
    }
    assert_ne!(tags[0], tags[1], "two representations");
    // What is in it decides, and nothing else.
    let mut same = Bench::new(&["d/a", "d/b", "e"], Options::default());
    assert_eq!(same.get("/d/").fields.get("etag"), Some(&*tags[0]));
    let mut other = Bench::new(&["d/a", "d/b", "d/c"], Options::default());
    assert_ne!(other.get("/d/").fields.get("etag"), Some(&*tags[0]));
    // What could not be listed has no conditions (RFC 9110 §13.2.1).
    bench.site.files.failure = Some(("*", io::ErrorKind::PermissionDenied));
    assert_eq!(bench.respond("GET", "/d/", &[("If-None-Match", "*")]).status, Status::Forbidden);
}

#[test]
fn a_listing_that_the_client_has_needs_no_memory() {
    let options = Options { listings: budget::Budget::new(3000), ..Options::default() };
    let mut bench = Bench::new(&["a"], options);
    let first = bench.get("/?format=json");
    let tag = first.fields.get("etag").unwrap().to_owned();
    let _held: Vec<Response> = (0..100).map(|_| bench.get("/?format=json")).collect();
    let ask = [("If-None-Match", &*tag)];
    assert_eq!(bench.get("/?format=json").status, Status::ServiceUnavailable);
    assert_eq!(bench.respond("GET", "/?format=json", &ask).status, Status::NotModified);
}

#[test]
fn directories_redirect_list_or_do_not_exist() {
    let mut bench = Bench::new(&["d/a b", "d/e/f"], Options::default());
    let redirect = bench.get("//d/./e?q=<1>");
    assert_eq!(redirect.status, Status::MovedPermanently);
    assert_eq!(redirect.fields.get("location"), Some("/d/e/?q=%3C1%3E"));
    assert!(redirect.body.is_empty());
    // A directory may be large: it is read elsewhere.
    assert!(matches!(bench.answer("HEAD", "/d/", &[]), Answer::Later(_)));
    assert!(text(&bench.get("/d/").body).contains("\"./a%20b\""));
    let mut bench = Bench::new(&["d/a"], Options { listing: false, ..Options::default() });
    assert_eq!(
        (bench.get("/d").status, bench.get("/d/").status),
        (Status::MovedPermanently, Status::NotFound)
    );
}

#[test]
fn hidden_entries_are_listed_exactly_if_they_are_served() {
    let paths = [".env", ".well-known/a", "d/.well-known/a", "a", ".git/b"];
    for hidden in [false, true] {
        let mut bench = Bench::new(&paths, Options { hidden, ..Options::default() });
        for (directory, names) in
            [("/", &[".env", ".well-known", "a", "d", ".git"][..]), ("/d/", &[".well-known"])]
        {
            let page = text(&bench.get(directory).body);
            for name in names {
                let is_served = bench.get(&format!("{directory}{name}")).status != Status::NotFound;
                assert_eq!(page.contains(&format!("\"./{name}")), is_served, "{directory}{name}");
            }
        }
    }
}

/// R40.
#[test]
fn hidden_names_do_not_count_against_the_limit_of_a_listing() {
    let most = directory::ENTRIES_MAX;
    let names: Vec<String> = (0..most).map(|n| format!("{n}")).chain([".hidden".to_owned()]).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for (hidden, truncated) in [(false, false), (true, true)] {
        let mut bench = Bench::new(&names, Options { hidden, ..Options::default() });
        let response = bench.get("/?format=json");
        let Segment::Bytes(body) = &response.body.segments()[0] else { panic!("not in memory") };
        let listing: serde_json::Value = serde_json::from_slice(body).unwrap();
        assert_eq!(listing["entries"].as_array().unwrap().len(), most);
        assert_eq!(listing["truncated"], truncated);
    }
}

#[test]
fn listings_that_nobody_fetches_hold_a_bounded_amount_of_memory() {
    let options = Options { listings: budget::Budget::new(3000), ..Options::default() };
    let mut bench = Bench::new(&["a"], options);
    let first = bench.get("/?format=json");
    let held: Vec<Response> = (0..100).map(|_| bench.get("/?format=json")).collect();
    assert_eq!((first.status, held[99].status), (Status::Ok, Status::ServiceUnavailable));
    drop((first, held));
    assert_eq!(bench.get("/?format=json").status, Status::Ok);
}

/// R29: planning has its share of the pool, and of memory.
#[test]
fn archives_that_cannot_be_planned_now_are_503_and_listings_are_not() {
    use archive::Resources;
    let tight = Resources::new(1, budget::Budget::new(100));
    for (archiving, status) in [
        (Resources::default(), Status::Ok),
        (Resources::new(0, budget::Budget::default()), Status::ServiceUnavailable),
        (tight, Status::ServiceUnavailable),
    ] {
        let mut bench = Bench::new(&["d/a"], Options { archiving, ..Options::default() });
        let response = bench.get("/d/?download");
        assert_eq!(response.status, status);
        assert_eq!(response.fields.get("retry-after").is_some(), status == Status::ServiceUnavailable);
        assert_eq!(bench.get("/d/").status, Status::Ok);
        // What was taken is given back.
        drop(response);
        assert_eq!(bench.get("/d/?download").status, status);
    }
}

/// R28b: what is not sent is dropped by a loop, and to drop a long plan takes a while.
#[test]
fn a_head_of_an_archive_has_its_length_and_holds_no_plan() {
    let archiving = archive::Resources::new(1, budget::Budget::new(300));
    let mut bench = Bench::new(&["d/a"], Options { archiving, ..Options::default() });
    let whole = bench.get("/d/?download");
    assert_eq!(bench.get("/d/?download").status, Status::ServiceUnavailable, "there is room for one plan");
    let (status, length) = (whole.status, whole.body.len());
    drop(whole);
    let head = bench.respond("HEAD", "/d/?download", &[]);
    assert_eq!((head.status, head.body.len()), (status, length));
    assert_eq!(bench.get("/d/?download").status, Status::Ok);
}
