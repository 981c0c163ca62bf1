//! Base path, clean URLs, fallback, error pages, other sites, caches: in memory.

use super::super::cache_control::CachePolicy;
use super::super::cors::{Cors, Origin};
use super::*;

/// What the navigation of a browser sends.
const NAVIGATION: (&str, &str) =
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");

fn file(name: &str) -> SafePath {
    SafePath::of_file(name).unwrap()
}

fn spa(name: &str) -> Options {
    Options { spa: Some(file(name)), ..Options::default() }
}

#[test]
fn a_missing_page_is_the_application_and_a_missing_asset_is_missing() {
    let mut bench = Bench::new(&["index.html", "d/a", "a.js"], spa("index.html"));
    for target in ["/about", "/users/7/edit?tab=1", "/d/missing", "/about/", "/caf%C3%A9"] {
        for accept in [&[NAVIGATION][..], &[("Accept", "*/*")], &[]] {
            let response = bench.respond("GET", target, accept);
            assert_eq!(
                (response.status, text(&response.body).as_str()),
                (Status::Ok, "index.html"),
                "{target}"
            );
            assert_eq!(response.fields.get("vary"), Some("Accept-Encoding, Accept, Sec-Fetch-Dest"));
            assert_eq!(response.fields.get("content-type"), Some("text/html; charset=utf-8"));
            assert!(response.fields.get("etag").is_some());
        }
    }
    for target in ["/app.js", "/d/x.png", "/v1.2", "/a.js/", "/.hidden", "/.well-known/x", "/.well-known/a/b"]
    {
        let response = bench.respond("GET", target, &[NAVIGATION]);
        assert_eq!(response.status, Status::NotFound, "{target}");
        assert_eq!(response.fields.get("vary"), Some("Accept, Sec-Fetch-Dest"), "{target}");
    }
    // What is there is what it was.
    assert_eq!(text(&bench.get("/a.js").body), "a.js");
    assert!(text(&bench.get("/d/").body).contains("./a"));
    assert_eq!(bench.respond("POST", "/about", &[NAVIGATION]).status, Status::MethodNotAllowed);
    assert_eq!(bench.respond("GET", "/%00", &[NAVIGATION]).status, Status::BadRequest);
}

#[test]
fn who_wants_no_page_gets_none() {
    let mut bench = Bench::new(&["index.html"], spa("index.html"));
    for (fields, status) in [
        (&[("Accept", "application/json")][..], Status::NotFound),
        (&[("Accept", "application/json, text/plain, */*")], Status::NotFound),
        (&[("Accept", "image/avif,image/webp,*/*;q=0.8")], Status::NotFound),
        (&[("Accept", "text/css,*/*;q=0.1")], Status::NotFound),
        (&[("Accept", "*/*"), ("Sec-Fetch-Dest", "empty")], Status::NotFound),
        (&[("Accept", "*/*"), ("Sec-Fetch-Dest", "script")], Status::NotFound),
        (&[("Accept", "*/*"), ("Sec-Fetch-Dest", "document")], Status::Ok),
        (&[("Accept", "text/html"), ("Sec-Fetch-Dest", "empty")], Status::Ok),
    ] {
        assert_eq!(bench.respond("GET", "/api/users", fields).status, status, "{fields:?}");
    }
}

#[test]
fn conditions_and_ranges_apply_to_the_application() {
    let mut bench = Bench::new(&["app.html"], spa("app.html"));
    let etag = bench.get("/about").fields.get("etag").unwrap().to_owned();
    let known = bench.respond("GET", "/about", &[("If-None-Match", &etag)]);
    assert_eq!(
        (known.status, known.fields.get("vary")),
        (Status::NotModified, Some("Accept-Encoding, Accept, Sec-Fetch-Dest"))
    );
    let part = bench.respond("GET", "/about", &[("Range", "bytes=0-2")]);
    assert_eq!((part.status, text(&part.body).as_str()), (Status::PartialContent, "app"));
    // The root has no index: it is where the application starts. Programs get the list.
    assert_eq!(text(&bench.respond("GET", "/", &[NAVIGATION]).body), "app.html");
    let list = bench.respond("GET", "/", &[("Accept", "application/json")]);
    assert!(text(&list.body).starts_with("{\"path\":\"/\""));
}

#[test]
fn without_listings_folders_are_the_applications_too() {
    let mut bench = Bench::new(&["index.html", "d/a"], Options { listing: false, ..spa("index.html") });
    assert_eq!(text(&bench.respond("GET", "/d/", &[NAVIGATION]).body), "index.html");
}

#[test]
fn an_application_that_is_missing_is_reported() {
    for (name, files) in [("gone.html", &["a"][..]), ("d", &["d/a"])] {
        let mut bench = Bench::new(files, spa(name));
        assert_eq!(bench.respond("GET", "/about", &[NAVIGATION]).status, Status::NotFound);
        assert_eq!(bench.reported.lock().unwrap().len(), 1, "{name}");
    }
}

#[test]
fn clean_urls_find_the_page_before_the_folder_and_never_redirect() {
    let paths = [
        "about.html",
        "blog.html",
        "blog/post.html",
        "plain",
        "plain.html",
        "x.html/a",
        "only.html",
        "index.html",
    ];
    let mut bench = Bench::new(&paths, Options { clean_urls: true, ..Options::default() });
    for (target, content) in [
        ("/about", "about.html"),
        ("/about?q=1", "about.html"),
        ("/about.html", "about.html"),
        ("/blog", "blog.html"),
        ("/blog/post", "blog/post.html"),
        ("/plain", "plain"),
        ("/index", "index.html"),
        ("/", "index.html"),
    ] {
        let response = bench.get(target);
        assert_eq!((response.status, text(&response.body).as_str()), (Status::Ok, content), "{target}");
    }
    assert_eq!(bench.get("/about").fields.get("content-type"), Some("text/html; charset=utf-8"));
    for target in ["/x", "/about/", "/missing", "/.about"] {
        assert_eq!(bench.get(target).status, Status::NotFound, "{target}");
    }
    // The folder is where its slash says.
    assert!(text(&bench.get("/blog/").body).contains("post.html"));
    assert_eq!(Bench::new(&paths, Options::default()).get("/about").status, Status::NotFound);
}

#[test]
fn a_page_that_cannot_be_read_is_no_reason_to_look_elsewhere() {
    let options = Options { clean_urls: true, ..spa("index.html") };
    let mut bench = Bench::new(&["about.html", "index.html"], options);
    bench.site.files.failure = Some(("about.html", io::ErrorKind::PermissionDenied));
    assert_eq!(bench.respond("GET", "/about", &[NAVIGATION]).status, Status::Forbidden);
}

fn below(base: &str) -> Options {
    Options { base: SafePath::parse(base).unwrap(), ..Options::default() }
}

#[test]
fn everything_lives_below_the_base_path() {
    let mut bench = Bench::new(&["a", "d/b", "docs/a b"], below("/docs/v 1"));
    for (target, status, location) in [
        ("/docs/v%201/a", Status::Ok, None),
        ("/docs/v%201/", Status::Ok, None),
        ("//docs/./v%201/x/../a", Status::Ok, None),
        ("/docs/v%201/docs/a%20b", Status::Ok, None),
        ("/docs/v%201", Status::MovedPermanently, Some("/docs/v%201/")),
        ("/docs/v%201?q=1", Status::MovedPermanently, Some("/docs/v%201/?q=1")),
        ("/docs/v%201/d?q", Status::MovedPermanently, Some("/docs/v%201/d/?q")),
        ("/", Status::Found, Some("/docs/v%201/")),
        ("/?a=b", Status::Found, Some("/docs/v%201/?a=b")),
        ("/a", Status::NotFound, None),
        ("/docs", Status::NotFound, None),
        ("/docs/", Status::NotFound, None),
        ("/docs/v%2012/a", Status::NotFound, None),
        ("/docs/v%201/../a", Status::NotFound, None),
        ("/d/b", Status::NotFound, None),
    ] {
        let response = bench.get(target);
        assert_eq!((response.status, response.fields.get("location")), (status, location), "{target}");
        if location.is_some() {
            assert_eq!(response.fields.get("cache-control"), Some("no-cache"), "{target}");
        }
    }
    let list = text(&bench.get("/docs/v%201/").body);
    assert!(!list.contains("href=\"../") && list.contains("\"./a\""), "the root has no parent: {list}");
    assert!(text(&bench.get("/docs/v%201/d/").body).contains("\"../\""));
    assert!(text(&bench.get("/docs/v%201/d/?format=json").body).starts_with("{\"path\":\"/d/\""));
}

#[test]
fn outside_of_the_base_there_is_no_application_and_nothing_hidden() {
    let options = Options { spa: Some(file("index.html")), ..below("/app") };
    let mut bench = Bench::new(&["index.html", ".env"], options);
    assert_eq!(bench.respond("GET", "/app/route", &[NAVIGATION]).status, Status::Ok);
    assert_eq!(bench.respond("GET", "/other", &[NAVIGATION]).status, Status::NotFound);
    assert_eq!(bench.respond("GET", "/app/.env", &[NAVIGATION]).status, Status::NotFound);
}

#[test]
fn the_page_at_the_root_tells_what_is_missing() {
    let mut bench = Bench::new(&["404.html", "a"], Options::default());
    for fields in [
        &[][..],
        &[("Range", "bytes=0-1")],
        &[("If-None-Match", "*")],
        &[("If-Match", "\"x\"")],
        &[("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT")],
    ] {
        let response = bench.respond("GET", "/missing", fields);
        assert_eq!(
            (response.status, text(&response.body).as_str()),
            (Status::NotFound, "404.html"),
            "{fields:?}"
        );
        for absent in ["etag", "last-modified", "accept-ranges", "content-security-policy", "content-range"] {
            assert_eq!(response.fields.get(absent), None, "{absent} {fields:?}");
        }
        let said = ["content-type", "cache-control", "vary"].map(|name| response.fields.get(name).unwrap());
        assert_eq!(said, ["text/html; charset=utf-8", "no-cache", "Accept"]);
    }
    let json = bench.respond("GET", "/missing", &[("Accept", "application/json")]);
    assert!(text(&json.body).starts_with('{') && json.fields.get("content-security-policy").is_some());
    // By its own name it is a file like others; other errors are told by ours.
    assert_eq!(bench.get("/404.html").status, Status::Ok);
    assert!(text(&bench.get("/%00").body).contains("400 Bad Request"));
}

#[test]
fn errors_keep_their_own_fields_under_a_page_of_the_user() {
    let pages = [
        (Status::NotFound, "lost.txt"),
        (Status::MethodNotAllowed, "no.html"),
        (Status::RangeNotSatisfiable, "no.html"),
        (Status::BadRequest, "no.html"),
        (Status::Forbidden, "no.html"),
    ];
    let error_pages = pages.iter().map(|&(status, name)| (status, file(name))).collect();
    let mut bench = Bench::new(
        &["lost.txt", "no.html", "404.html", "a", "d/b"],
        Options { error_pages, ..Options::default() },
    );
    let missing = bench.get("/missing");
    assert_eq!(
        (text(&missing.body).as_str(), missing.fields.get("content-type")),
        ("lost.txt", Some("text/plain; charset=utf-8"))
    );
    let refused = bench.respond("POST", "/a", &[]);
    assert_eq!((text(&refused.body).as_str(), refused.fields.get("allow")), ("no.html", Some(ALLOW)));
    let range = bench.respond("GET", "/a", &[("Range", "bytes=7-")]);
    assert_eq!(
        (text(&range.body).as_str(), range.fields.get("content-range")),
        ("no.html", Some("bytes */1"))
    );
    let now = bench.now;
    assert_eq!(text(&bench.site.error(Status::BadRequest, &PEER, &now).body), "no.html");
    // Also when it is found out elsewhere.
    bench.site.files.failure = Some(("*", io::ErrorKind::PermissionDenied));
    assert_eq!(text(&bench.get("/d/").body), "no.html");
    assert!(text(&bench.get("/d/?format=json").body).starts_with('{'));
}

#[test]
fn an_error_page_that_cannot_be_had_is_reported_and_ours_takes_its_place() {
    for (name, kind) in [("gone.html", None), ("d", None), ("a", Some(io::ErrorKind::Other))] {
        let error_pages = vec![(Status::NotFound, file(name))];
        let mut bench = Bench::new(&["a", "d/b"], Options { error_pages, ..Options::default() });
        bench.site.files.failure = kind.map(|kind| ("a", kind));
        let response = bench.get("/missing");
        assert!(
            response.status == Status::NotFound && text(&response.body).contains("404 Not Found"),
            "{name}"
        );
        assert!(response.fields.get("content-security-policy").is_some());
        let reported = bench.reported.lock().unwrap().clone();
        assert!(reported.len() == 1 && reported[0].starts_with("the page for 404 at /"), "{reported:?}");
    }
}

fn origins(list: &[&str]) -> Cors {
    Cors::Origins(list.iter().map(|origin| Origin::parse(origin).unwrap()).collect())
}

/// R38.
#[test]
fn only_named_origins_may_read_and_caches_know() {
    let cors = origins(&["https://a.example", "http://localhost:5173"]);
    let mut bench = Bench::new(&["a", "d/b"], Options { cors, ..Options::default() });
    for (origin, allowed) in [
        ("https://a.example", true),
        ("http://localhost:5173", true),
        ("http://a.example", false),
        ("https://a.example:444", false),
        ("https://a.example.evil", false),
        ("https://xa.example", false),
        ("null", false),
        ("", false),
        ("*", false),
    ] {
        for target in ["/a", "/d/", "/d", "/missing"] {
            let response = bench.respond("GET", target, &[("Origin", origin)]);
            let expected = allowed.then_some(origin);
            assert_eq!(response.fields.get("access-control-allow-origin"), expected, "{origin} {target}");
            assert!(response.fields.get("vary").unwrap().ends_with("Origin"), "{origin} {target}");
            assert_eq!(response.fields.get("access-control-expose-headers").is_some(), allowed);
            assert_eq!(response.fields.get("access-control-allow-credentials"), None);
        }
        let ask = [
            ("Origin", origin),
            ("Access-Control-Request-Method", "GET"),
            ("Access-Control-Request-Headers", "x-zqx"),
        ];
        let preflight = bench.respond("OPTIONS", "/a", &ask);
        assert_eq!((preflight.status, preflight.fields.get("allow")), (Status::NoContent, Some(ALLOW)));
        assert_eq!(
            preflight.fields.get("access-control-allow-methods"),
            allowed.then_some(ALLOW),
            "{origin}"
        );
        assert!(!String::from_utf8_lossy(preflight.fields.as_bytes()).contains("zqx"));
    }
    let vary = |response: Response| response.fields.get("vary").map(str::to_owned);
    assert_eq!(vary(bench.get("/a")).as_deref(), Some("Accept-Encoding, Origin"));
    assert_eq!(vary(bench.get("/missing")).as_deref(), Some("Accept, Origin"));
    // Two of them are nobody's.
    let twice = [("Origin", "https://a.example"), ("Origin", "https://a.example")];
    assert_eq!(bench.respond("GET", "/a", &twice).fields.get("access-control-allow-origin"), None);
}

#[test]
fn every_site_may_read_if_it_is_so_wanted_and_nobody_otherwise() {
    let embedded = [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors")];
    for (cors, coi, allowed, policy, status) in [
        (Cors::Off, false, None, Some("same-site"), Status::Forbidden),
        (Cors::Off, true, None, Some("same-site"), Status::Forbidden),
        (Cors::Any, false, Some("*"), None, Status::Ok),
        (Cors::Any, true, Some("*"), Some("cross-origin"), Status::Ok),
    ] {
        let mut bench = Bench::new(&["a"], Options { cors: cors.clone(), coi, ..Options::default() });
        for target in ["/a", "/missing", "/"] {
            let response = bench.respond("GET", target, &[("Origin", "https://x.example")]);
            let fields = &response.fields;
            assert_eq!(fields.get("access-control-allow-origin"), allowed, "{cors:?}");
            assert_eq!(fields.get("cross-origin-resource-policy"), policy, "{cors:?} {coi}");
            assert_eq!(fields.get("cross-origin-opener-policy"), coi.then_some("same-origin"));
            assert_eq!(fields.get("cross-origin-embedder-policy"), coi.then_some("require-corp"));
            assert!(!fields.get("vary").unwrap_or_default().contains("Origin"));
        }
        assert_eq!(bench.respond("GET", "/a", &embedded).status, status, "{cors:?}");
        // A name that is not ours stays refused, whoever may read.
        assert_eq!(
            bench.respond("GET", "/a", &[("Host", "evil.example")]).status,
            Status::MisdirectedRequest
        );
        let ask = [
            ("Origin", "https://x.example"),
            ("Access-Control-Request-Method", "GET"),
            ("Access-Control-Request-Private-Network", "true"),
        ];
        let preflight = bench.respond("OPTIONS", "/a", &ask).fields;
        assert_eq!(preflight.get("access-control-allow-headers"), allowed.map(|_| "*, Authorization"));
        assert_eq!(preflight.get("access-control-allow-private-network"), None);
        // An OPTIONS that is no preflight is none.
        assert_eq!(bench.respond("OPTIONS", "/a", &[]).fields.get("access-control-allow-methods"), None);
    }
}

#[test]
fn a_hashed_name_counts_only_where_it_is_asked_for() {
    let hashed = "app.8f3a1c2b.js";
    let options = Options { cache: CachePolicy::Auto, spa: Some(file(hashed)), ..Options::default() };
    let mut bench = Bench::new(&[hashed, "d/a", "app.js", "page-8f3a1c2b.html"], options);
    let cache =
        |bench: &mut Bench, target: &str| bench.get(target).fields.get("cache-control").map(str::to_owned);
    for target in ["/app.8f3a1c2b.js", "/app.8f3a1c2b.js?v=/app.js"] {
        assert_eq!(cache(&mut bench, target).as_deref(), Some("max-age=31536000, immutable"), "{target}");
    }
    for target in [
        "/app.js",
        "/page-8f3a1c2b.html",
        "/route",
        "/app.js?/app.8f3a1c2b.js",
        "/d/",
        "/d",
        "/no-8f3a1c2b.js",
    ] {
        assert_eq!(cache(&mut bench, target).as_deref(), Some("no-cache"), "{target}");
    }
}

#[test]
fn caches_hear_the_same_of_whole_part_and_unchanged() {
    for (cache, expected) in [
        (CachePolicy::NoCache, Some("no-cache")),
        (CachePolicy::MaxAge(Duration::from_secs(60)), Some("max-age=60")),
        (CachePolicy::Off, None),
    ] {
        let mut bench = Bench::new(&["a"], Options { cache, ..Options::default() });
        for (fields, status) in [
            (&[][..], Status::Ok),
            (&[("Range", "bytes=0-0")], Status::PartialContent),
            (&[("If-None-Match", "*")], Status::NotModified),
        ] {
            let response = bench.respond("GET", "/a", fields);
            assert_eq!((response.status, response.fields.get("cache-control")), (status, expected));
        }
        for target in ["/missing", "/"] {
            assert_eq!(bench.get(target).fields.get("cache-control"), Some("no-cache"), "{target}");
        }
    }
}

proptest! {
    #[test]
    fn no_target_leaves_the_base_and_every_redirect_arrives(target in nasty_target(), inside: bool) {
        let options = Options { clean_urls: true, ..spa("index.html") };
        let options = Options { base: SafePath::parse("/docs").unwrap(), ..options };
        let paths = ["a", "b c.html", "d/a", "d/index.html", "evil.example/a", "é/d", "index.html", "404.html"];
        let mut bench = Bench::new(&paths, options);
        let target = if inside { format!("/docs{target}") } else { target };
        let response = bench.get(&target);
        prop_assert!(response.fields.is_valid(), "{:?}", response);
        if let Some(location) = response.fields.get("location") {
            prop_assert!(location.starts_with("/docs/") && !location[6..].starts_with(['/', '\\']), "{}", location);
            let there = bench.get(location);
            prop_assert!(there.fields.get("location").is_none(), "{:?}", there);
        }
        let is_outside = SafePath::parse(target.split('?').next().unwrap())
            .is_ok_and(|path| !path.is_root() && path.beneath(&SafePath::parse("/docs").unwrap()).is_none());
        prop_assert!(!is_outside || response.status == Status::NotFound, "{:?}", response);
    }
}
