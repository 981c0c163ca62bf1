//! Tests of the lines of `_redirects`.

use super::*;
use crate::site::rules::{Complaint, Rules};

/// The rules of a file in which nothing is wrong.
fn rules(file: &str) -> Rules {
    let (rules, complaints) = Rules::parse(b"", file.as_bytes());
    assert_eq!(complaints, []);
    rules
}

fn complaints(file: &str) -> Vec<Complaint> {
    Rules::parse(b"", file.as_bytes()).1
}

/// `301 /b`, with `!` if it is forced.
fn shown(rules: &Rules, target: &str) -> Option<String> {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let found = rules.redirect(&SafePath::parse(path).unwrap(), query)?;
    let (status, to) = match found.outcome {
        Outcome::Redirect { status, location, .. } => (status, location),
        Outcome::Page { status, path } => (status, path.to_location()),
        Outcome::TooLong => return None,
    };
    Some(format!("{}{} {to}", status.code(), if found.forced { "!" } else { "" }))
}

#[test]
fn a_line_says_where_from_where_to_and_how() {
    for (file, target, expected) in [
        ("/a /b", "/a", Some("301 /b")),
        ("/a /b 302", "/a", Some("302 /b")),
        ("/a /b 303", "/a", Some("303 /b")),
        ("/a /b 307", "/a", Some("307 /b")),
        ("/a /b 308!", "/a", Some("308! /b")),
        ("/a /b 200", "/a", Some("200 /b")),
        ("/* /404.html 404", "/a/b", Some("404 /404.html")),
        ("\t/a\t \t/b  301 # why", "/a", Some("301 /b")),
        ("/a /b#c 301 #d", "/a", Some("301 /b#c")),
        ("/a /b", "/c", None),
        ("/a /b", "/a?x=1", Some("301 /b?x=1")),
        ("/a https://e.example/b?c=d#e", "/a?x", Some("301 https://e.example/b?c=d#e")),
        ("/a https://e.example", "/a?x", Some("301 https://e.example/?x")),
        ("/n/:y/:m/:d/:s /a/:d.:m.:y-:s", "/n/2026/12/24/x%20y", Some("301 /a/24.12.2026-x%20y")),
        ("/n/* /b/:splat", "/n/x/y/?q", Some("301 /b/x/y/?q")),
        ("/app/* 200", "/app/x", Some("200 /app/x")),
        ("/app/* 200!", "/app/x/", Some("200! /app/x/")),
    ] {
        assert_eq!(shown(&rules(file), target).as_deref(), expected, "{file} {target}");
    }
}

#[test]
fn the_first_rule_that_matches_decides() {
    let file = "/a/1 /fixed\n/a/* /pattern\n/a/2 /late\n/b/:x /early\n/b/1 /late\n/c /1\n/c /2\n";
    for (target, expected) in
        [("/a/1", "301 /fixed"), ("/a/2", "301 /pattern"), ("/b/1", "301 /early"), ("/c", "301 /1")]
    {
        assert_eq!(shown(&rules(file), target).as_deref(), Some(expected), "{target}");
    }
}

#[test]
fn parameters_of_the_query_are_conditions_and_captures() {
    let file = "/s id=:id tag=x /x/:id 301\n/s id=:id /blog/:id 301\n/s /none\n";
    for (target, expected) in [
        ("/s?id=7", "301 /blog/7"),
        ("/s?id=7&tag=x", "301 /x/7"),
        ("/s?a=b&tag=x&id=7&c", "301 /x/7?a=b&c"),
        ("/s?id=7&tag=y", "301 /blog/7?tag=y"),
        ("/s?id=a+b%26c", "301 /blog/a%20b%26c"),
        ("/s?id=//evil.example/", "301 /blog/evil.example/"),
        ("/s?id=", "301 /none?id="),
        ("/s?id=../../x", "301 /none?id=../../x"),
        ("/s", "301 /none"),
    ] {
        assert_eq!(shown(&rules(file), target).as_deref(), Some(expected), "{target}");
    }
}

#[test]
fn a_rule_onto_itself_is_none() {
    // The two that people write, each for the service where it makes sense.
    let file = "/a/ /a\n/b /b/\n/* /:splat\n/q /q?x=1\n/c/* /c/x";
    for (target, expected) in [
        ("/a", None),
        ("/a/", Some("301 /a")),
        ("/b", Some("301 /b/")),
        ("/b/", None),
        ("/z/z", None),
        ("/z/?q", None),
        ("/c/x", None),
        ("/c/y", Some("301 /c/x")),
    ] {
        assert_eq!(shown(&rules(file), target).as_deref(), expected, "{target}");
    }
    let own = rules("/q /q?x=1\n");
    assert_eq!(shown(&own, "/q?y").as_deref(), Some("301 /q?x=1"));
    assert_eq!(shown(&own, "/q?x=1"), None);
}

#[test]
fn no_capture_leads_to_another_host() {
    let open = rules("/go/* /:splat\n/out/* https://e.example/:splat\n/id/:x /:x/\n/q u=:u /:u\n");
    for (target, expected) in [
        ("/go///evil.example/x", "/evil.example/x"),
        ("/go/%5cevil.example", "/%5Cevil.example"),
        ("/go/\\evil.example", "/%5Cevil.example"),
        ("/go/%0d%0aSet-Cookie:%20a=b", "/%0D%0ASet-Cookie%3A%20a=b"),
        ("/go/http://evil.example", "/http%3A/evil.example"),
        ("/out/@evil.example", "https://e.example/@evil.example"),
        ("/out/.evil.example", "https://e.example/.evil.example"),
        ("/out//evil.example", "https://e.example/evil.example"),
        ("/id/%5c", "/%5C/"),
        ("/q?u=//evil.example", "/evil.example"),
        ("/q?u=%2F%5Cevil.example", "/%5Cevil.example"),
        ("/q?u=%0d%0a", "/%0D%0A"),
    ] {
        assert_eq!(shown(&open, target).as_deref(), Some(&*format!("301 {expected}")), "{target}");
    }
    // An encoded slash is refused before any rule is asked.
    assert!(SafePath::parse("/go/%2F%2Fevil.example").is_err());
}

#[test]
fn mistakes_are_told_by_line_and_the_others_hold() {
    for line in [
        "/a",
        "/a 301",
        "/a b",
        "a /b",
        "/a /b 999",
        "/a /b 301!!",
        "/a /b 410",
        "/a /b 301 more",
        "/a /b 302 Country=de",
        "/a /b Language=de",
        "/a x /b",
        "/a =x /b",
        "/a id=:x /b/:y extra=1",
        "/:id id=:id /b",
        "/*/b /c",
        "/*/* /c",
        "/* /index.html 200 Role=admin",
        "/a https://e.example/ 200",
        "/a https://e.example/ 404",
        "/api/* https://e.example/:splat 200!",
        "https://e.example/* /b",
        "/a //e.example/",
        "/a ftp://e.example/",
        "/:h/* https://:h/",
        "/* https://e.example:splat",
        "/a /a",
        "/% /b",
        "/a /..",
        "/a /b\u{7f}%",
    ] {
        let file = format!("# ours\n/first /1\n{line}\n/last /2 # still there");
        let (rules, complaints) = Rules::parse(b"", file.as_bytes());
        assert_eq!(complaints.len(), 1, "{line}: {complaints:?}");
        assert_eq!((complaints[0].file, complaints[0].line), ("_redirects", 3), "{line}");
        assert!(complaints[0].to_string().starts_with("_redirects:3: "), "{line}");
        assert_eq!(shown(&rules, "/first").as_deref(), Some("301 /1"), "{line}");
        assert_eq!(shown(&rules, "/last").as_deref(), Some("301 /2"), "{line}");
    }
}

#[test]
fn there_are_so_many_rules_and_no_more() {
    let mut file: String = (0..=FIXED_MAX).map(|n| format!("/f{n} /to{n}\n")).collect();
    file.extend((0..=PATTERNED_MAX).map(|n| format!("/p{n}/* /to{n}\n")));
    let (rules, complaints) = Rules::parse(b"", file.as_bytes());
    let lines: Vec<usize> = complaints.iter().map(|complaint| complaint.line).collect();
    assert_eq!(lines, [FIXED_MAX + 1, FIXED_MAX + PATTERNED_MAX + 2]);
    for (target, is_there) in [
        (format!("/f{}", FIXED_MAX - 1), true),
        (format!("/f{FIXED_MAX}"), false),
        (format!("/p{}/x", PATTERNED_MAX - 1), true),
        (format!("/p{PATTERNED_MAX}/x"), false),
    ] {
        assert_eq!(shown(&rules, &target).is_some(), is_there, "{target}");
    }
}

#[test]
fn lines_may_end_as_on_windows_and_a_byte_order_mark_means_nothing() {
    assert_eq!(shown(&rules("\u{feff}/a /b\r\n/c /d\r\n"), "/a").as_deref(), Some("301 /b"));
    assert_eq!(complaints("/a /b\r\n\r\n/a /\u{e4}\r\n/x\r\n")[0].line, 4);
}
