//! What a listing must be for names that were made to break it.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::*;
use crate::site::markdown::Prose;
use crate::site::preview;

/// 2026-11-22T10:00:00Z.
const MORNING: u64 = 1_795_341_600;

fn at(seconds: u64) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

fn file(name: impl AsRef<[u8]>, len: u64) -> Row {
    Row { name: name.as_ref().to_vec(), is_directory: false, len, modified: at(MORNING) }
}

fn directory(name: impl AsRef<[u8]>) -> Row {
    // The length of a directory means nothing and must show nowhere.
    Row { name: name.as_ref().to_vec(), is_directory: true, len: 4096, modified: at(MORNING) }
}

fn render(view: &View, path: &str, rows: &[Row], truncated: bool) -> String {
    let (path, types) = (SafePath::parse(path).unwrap(), MediaTypes::default());
    let listing =
        Listing { path: &path, view, types: &types, truncated, archives: true, live: None, readme: None };
    String::from_utf8(listing.render(rows)).unwrap()
}

fn page_at(path: &str, rows: Vec<Row>, truncated: bool) -> String {
    render(&View::all(Format::Html), path, &rows, truncated)
}

fn page(rows: Vec<Row>) -> String {
    page_at("/a/", rows, false)
}

fn data(path: &str, rows: Vec<Row>, truncated: bool) -> Value {
    serde_json::from_str(&render(&View::all(Format::Json), path, &rows, truncated)).unwrap()
}

/// The rows of a page, without the one that leads to the parent folder.
fn rows_of(page: &str) -> Vec<&str> {
    let (_, body) = page.split_once("<tbody>\n").unwrap();
    let (body, _) = body.split_once("</table>").unwrap();
    body.lines().filter(|row| !row.starts_with("<tr class=u>")).collect()
}

/// What stands between two marks.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    text.split_once(before).unwrap().1.split_once(after).unwrap().0
}

/// The name that a link leads to, as the server will read it.
fn target_of(href: &str) -> Vec<u8> {
    let path = format!("/{}", href.strip_prefix("./").unwrap());
    assert!(path.bytes().all(|b| b.is_ascii_graphic() && !b"\"'<>`\\:?#;&".contains(&b)), "{href}");
    SafePath::parse(&path).unwrap().as_bytes().to_vec()
}

fn nasty_names() -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = [
        "\"><img src=x onerror=alert(1)>",
        "'><svg onload=alert(1)>",
        "<script>alert(1)<",
        "<!--",
        "]]>",
        "javascript:alert(1)",
        "data:text,<b>",
        "%3Cscript%3E",
        "%2e%2e%2f",
        "%",
        "&lt;&amp;&#60;",
        "?x",
        "#x",
        "a;b=c&d",
        "a:b",
        "..hidden",
        "...",
        ".htaccess",
        "\\\\host\\share",
        " leading and trailing ",
        " ",
        "line\nbreak\r\n",
        "tab\there",
        "\u{1b}[2J\u{7f}\u{9b}31m",
        "émoji 🦀 ❤️",
        "שלום.txt",
        "مجلد 2",
        "annex\u{202e}gpj.exe",
        "\u{2066}unclosed\u{2028}\u{2029}",
        "a+b c,d=e@f(g)*h!i$j~k'l\"m`n",
    ]
    .map(|name| name.as_bytes().to_vec())
    .into();
    names.push(b"\xff\xfe not utf-8 \xc3".to_vec());
    names.push(b"\xe2\x80<\xed\xa0\x80>".to_vec());
    names.push(vec![b'x'; 255]);
    names.push("ж".repeat(127).into_bytes());
    names.push(vec![b'<'; 255]);
    names
}

/// R40.
#[test]
fn no_name_becomes_markup_and_every_link_leads_to_its_name() {
    for name in nasty_names() {
        for row in [file(&name, 1), directory(&name)] {
            let page = page(vec![row.clone()]);
            let shown = String::from_utf8_lossy(&name).into_owned();
            let rows = rows_of(&page);
            assert_eq!(rows.len(), 1, "{shown:?}");
            // Without its name, a row has the same markup as any other.
            let (href, text) = (between(rows[0], "href=\"", "\""), between(rows[0], "<bdi>", "</bdi>"));
            assert!(!text.contains(['<', '>', '"', '\'']), "{shown:?}: {text}");
            assert!(text.chars().all(|c| !c.is_control() && !is_deceptive(c)), "{shown:?}: {text}");
            // The class of the row is that of the name's ending.
            let class = between(rows[0], "<tr class=", ">");
            assert!(class.len() == 1 && class.as_bytes()[0].is_ascii_lowercase(), "{class}");
            let plain = if row.is_directory { directory("x") } else { file("x", 1) };
            let expected = self::page(vec![plain]);
            let slash = if row.is_directory { "/" } else { "" };
            let expected = rows_of(&expected)[0]
                .replace("<tr class=f>", &format!("<tr class={class}>"))
                .replace(&format!("./x{slash}"), href)
                .replace(&format!("<bdi>x{slash}<"), &format!("<bdi>{text}<"));
            assert_eq!(rows[0], expected, "{shown:?}");
            assert_eq!(target_of(href), name, "{shown:?}");
            assert_eq!(href.ends_with('/'), row.is_directory);
        }
    }
}

#[test]
fn names_are_shown_as_they_are_as_far_as_that_is_safe() {
    for (name, shown) in [
        (&b"a b.txt"[..], "a b.txt"),
        (b"a&b", "a&amp;b"),
        (b"&amp;", "&amp;amp;"),
        (b"<\"'>", "&lt;&quot;&#39;&gt;"),
        (b"a\nb\0\x1f\x7f", "a␊b␀␟␡"),
        (b"\xff", "\u{fffd}"),
        (b"a\xc3<\xff\xff>", "a\u{fffd}&lt;\u{fffd}\u{fffd}&gt;"),
        ("a\u{202e}b\u{9b}c".as_bytes(), "a\u{fffd}b\u{fffd}c"),
        ("שלום 🦀".as_bytes(), "שלום 🦀"),
    ] {
        let page = page(vec![file(name, 1)]);
        assert_eq!(between(rows_of(&page)[0], "<bdi>", "</bdi>"), shown);
    }
}

#[test]
fn the_path_is_escaped_and_links_lead_up() {
    let page = page_at("/%3Cb%3E/c%26%ff/d%22%0A/", vec![], false);
    assert!(page.contains("<title>d&quot;␊ · /&lt;b&gt;/c&amp;\u{fffd}/d&quot;␊/</title>"));
    let crumbs: Vec<_> = between(&page, "<ol>\n", "</ol>").lines().collect();
    assert_eq!(
        crumbs,
        [
            "<li><a href=\"../../../\" title=\"Home\"><span class=\"home\">Home</span></a>",
            "<li><a href=\"../../\"><bdi>&lt;b&gt;</bdi></a>",
            "<li><a href=\"../\"><bdi>c&amp;\u{fffd}</bdi></a>",
            "<li><h1 aria-current=\"page\"><bdi>d&quot;␊</bdi></h1>",
        ]
    );
    let root = page_at("/", vec![file("x", 1)], false);
    assert!(root.contains("<title>Home</title>") && !root.contains("href=\"../"));
    assert!(page_at("/a/", vec![file("x", 1)], false).contains("<tr class=u><th><a href=\"../\">"));
}

#[test]
fn directories_come_first_in_natural_order() {
    let rows = || {
        vec![
            file("file10", 1),
            directory("z"),
            file("File2", 1),
            directory("b10"),
            directory("B9"),
            file(".a", 1),
        ]
    };
    let page = page(rows());
    let names: Vec<_> = rows_of(&page).iter().map(|row| between(row, "<bdi>", "</bdi>")).collect();
    assert_eq!(names, ["B9/", "b10/", "z/", ".a", "File2", "file10"]);
    let data = data("/", rows(), false);
    let names: Vec<_> =
        data["entries"].as_array().unwrap().iter().map(|e| e["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["B9", "b10", "z", ".a", "File2", "file10"]);
}

#[test]
fn sizes_are_short_and_exact() {
    for (len, cell) in [
        (0, ">0 B<"),
        (999, ">999 B<"),
        (1000, " title=\"1,000 bytes\">1.0 kB<"),
        (1049, " title=\"1,049 bytes\">1.0 kB<"),
        (1050, " title=\"1,050 bytes\">1.1 kB<"),
        (999_949, " title=\"999,949 bytes\">999.9 kB<"),
        (999_950, " title=\"999,950 bytes\">1.0 MB<"),
        (6_442_450_944, " title=\"6,442,450,944 bytes\">6.4 GB<"),
        (u64::MAX, " title=\"18,446,744,073,709,551,615 bytes\">18.4 EB<"),
    ] {
        let page = page(vec![file("x", len)]);
        assert!(rows_of(&page)[0].contains(&format!("<td{cell}")), "{len}: {page}");
    }
    assert!(rows_of(&page(vec![directory("x")]))[0].contains("</a><td><td><time"));
}

#[test]
fn the_footer_adds_up() {
    for (rows, footer) in [
        (vec![directory("a")], "1 folder"),
        (vec![directory("a"), directory("b")], "2 folders"),
        (vec![file("a", 5)], "1 file, <span title=\"5 bytes\">5 B</span>"),
        (
            vec![directory("a"), file("b", 1000), file("c", 500)],
            "1 folder, 2 files, <span title=\"1,500 bytes\">1.5 kB</span>",
        ),
        (
            vec![file("a", u64::MAX), file("b", 1)],
            "2 files, <span title=\"18,446,744,073,709,551,615 bytes\">18.4 EB</span>",
        ),
    ] {
        assert_eq!(between(&page(rows), "<footer>", "</footer>"), footer);
    }
}

#[test]
fn times_are_in_utc_and_absurd_ones_are_left_out() {
    let row = |modified| Row { modified, ..file("x", 1) };
    let page = page(vec![row(at(MORNING + 59))]);
    assert!(page.contains("<time datetime=\"2026-11-22T10:00:59Z\">2026-11-22 10:00</time>"));
    let before = SystemTime::UNIX_EPOCH.checked_sub(Duration::from_nanos(100));
    let last = SystemTime::UNIX_EPOCH.checked_add(Duration::new(LAST_SECOND, 999_999_900));
    for (modified, expected) in [
        (None, None),
        (before, None),
        (SystemTime::UNIX_EPOCH.checked_sub(Duration::from_secs(1 << 40)), None),
        (Some(SystemTime::UNIX_EPOCH), Some("1970-01-01T00:00:00Z")),
        (last, Some("9999-12-31T23:59:59Z")),
        (at(LAST_SECOND + 1), None),
        (at(i64::MAX as u64), None),
    ] {
        let page = self::page(vec![row(modified)]);
        assert_eq!(page.contains("<time"), expected.is_some(), "{modified:?}");
        assert!(expected.is_none_or(|time| page.contains(time)), "{modified:?}");
        let data = data("/", vec![row(modified)], false);
        assert_eq!(data["entries"][0].get("modified"), expected.map(Value::from).as_ref(), "{modified:?}");
    }
}

#[test]
fn an_empty_folder_and_one_too_large_say_so() {
    let empty = page_at("/a/", vec![], false);
    assert!(empty.contains("Nothing here yet. <a href=\"../\">Back to the parent folder</a>"));
    assert!(!empty.contains("<table") && !empty.contains("<footer"));
    assert!(!page_at("/", vec![], false).contains("<a "));
    let notice =
        "<p class=\"note\">This folder holds more than is shown here: only 1,200 entries are listed.";
    let rows: Vec<_> = (0..1200).map(|n| file(format!("{n}"), n)).collect();
    assert!(page_at("/a/", rows.clone(), true).contains(notice));
    assert!(!page_at("/a/", rows, false).contains("class=\"note\""));
}

#[test]
fn data_has_exactly_the_documented_fields() {
    let rows = vec![file("x y", 123), Row { modified: None, ..directory("b") }, file(b"\xff", 0)];
    let modified = "2026-11-22T10:00:00Z";
    assert_eq!(
        data("/a%20%22/%ff/", rows, true),
        json!({
            "path": "/a \"/\u{fffd}/",
            "truncated": true,
            "entries": [
                { "name": "b", "type": "directory", "href": "./b/" },
                { "name": "x y", "type": "file", "size": 123, "modified": modified, "href": "./x%20y" },
                { "name": "\u{fffd}", "type": "file", "size": 0, "modified": modified, "href": "./%FF" },
            ],
        })
    );
    assert_eq!(data("/", vec![], false), json!({ "path": "/", "truncated": false, "entries": [] }));
}

#[test]
fn data_holds_every_name_and_is_safe_to_print() {
    for name in nasty_names() {
        let text = render(&View::all(Format::Json), "/", &[file(&name, 1)], false);
        let text = text.strip_suffix('\n').unwrap();
        assert!(text.chars().all(|c| !c.is_control() && !is_deceptive(c)), "{text}");
        let value: Value = serde_json::from_str(text).unwrap();
        let entry = &value["entries"][0];
        assert_eq!(entry["name"].as_str().unwrap(), String::from_utf8_lossy(&name));
        assert_eq!(target_of(entry["href"].as_str().unwrap()), name);
    }
}

/// R40.
#[test]
fn the_policy_allows_this_style_sheet_and_script_and_no_other() {
    // Browsers digest what is left after line ends are made one character, so a
    // checkout with carriage returns serves the same.
    let page = page(vec![file("x", 1)]);
    for (directive, tag, text) in
        [("style-src", "style", page::STYLE), ("script-src", "script", &page::SCRIPT)]
    {
        let text = text.replace("\r\n", "\n");
        assert!(!text.contains("</") && !text.contains("<!--") && !text.contains("url("));
        let source = format!("{directive} 'sha256-{}'", base64(&Sha256::digest(text.as_bytes())));
        assert!(CONTENT_SECURITY_POLICY.contains(&source), "the policy should say {source}");
        let sent = between(&page, &format!("<{tag}>"), &format!("</{tag}>"));
        assert_eq!(sent.replace("\r\n", "\n"), text);
        assert_eq!(page.matches(&format!("<{tag}")).count(), 1);
    }
    assert!(!page.contains("style=") && !page.contains("http:") && !page.contains("https:"));
}

/// R40.
#[test]
fn what_is_below_the_list_has_a_style_sheet_of_its_own_and_is_named_like_an_entry() {
    let (name, prose) = (b"Read\"<me>\xff".to_vec(), Prose { html: "<p>x</p>\n".into(), is_cut: false });
    let readme = Readme { name, prose };
    let (path, types, view) = (SafePath::root(), MediaTypes::default(), View::all(Format::Html));
    let listing = Listing {
        path: &path,
        view: &view,
        types: &types,
        truncated: false,
        archives: true,
        live: None,
        readme: Some(&readme),
    };
    let page = String::from_utf8(listing.render(&[file("x", 1)])).unwrap();
    let text = preview::STYLE.replace("\r\n", "\n");
    assert!(!text.contains("</") && !text.contains("<!--") && !text.contains("url("));
    assert!(page.replace("\r\n", "\n").contains(&format!("<style>{text}</style>")));
    let digest = format!("'sha256-{}';", base64(&Sha256::digest(text.as_bytes())));
    for policy in [CONTENT_SECURITY_POLICY, preview::CONTENT_SECURITY_POLICY] {
        assert!(policy.contains(&digest), "both policies should have {digest}");
    }
    let section = between(&page, "<section aria-label=\"", "</section>");
    let shown = "Read&quot;&lt;me&gt;\u{fffd}";
    assert!(section.starts_with(&format!("{shown}\">")), "{section}");
    assert!(
        section.contains(&format!("<a href=\"./Read%22%3Cme%3E%FF\" target=\"_top\"><bdi>{shown}</bdi></a>"))
    );
    assert!(section.contains("<article id=\"readme\">\n<p>x</p>\n</article>"));
    // Data has the entries, and nothing else.
    let view = View::all(Format::Json);
    let with = Listing { view: &view, ..listing }.render(&[]);
    assert_eq!(with, Listing { view: &view, readme: None, ..listing }.render(&[]));
}

/// Thirty kilobytes for all that is not entries, the style of what is below them included.
#[test]
fn the_page_is_small() {
    let size = page(vec![file("x", 1)]).len() + preview::STYLE.len();
    assert!(size < 30_000, "{size}");
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let number = (0..3).fold(0usize, |n, i| n << 8 | usize::from(*group.get(i).unwrap_or(&0)));
        for digit in 0..4 {
            let used = digit <= group.len();
            text.push(if used { char::from(DIGITS[number >> (18 - 6 * digit) & 63]) } else { '=' });
        }
    }
    text
}

#[test]
fn large_listings_stay_small() {
    let rows: Vec<_> = (0..10_000).map(|n| file(format!("photo-{n:05}.jpeg"), 3_000_000 + n)).collect();
    let page = page(rows);
    assert!(page.len() < 10_000 * 210, "{} bytes", page.len());
    // One allocation was enough.
    assert!(page.capacity() < 10_000 * 240, "{} bytes", page.capacity());
}

proptest! {
    /// R40.
    #[test]
    fn any_names_keep_the_page_in_one_piece(
        names in prop::collection::vec(any::<Vec<u8>>(), 0..6),
        path in "(/[a-z<&\"]{1,4}){0,3}/",
    ) {
        let names: Vec<_> = names
            .into_iter()
            .filter(|name| SafePath::root().join(name).is_some())
            .collect();
        let mut encoded = String::new();
        for byte in path.bytes() {
            if byte == b'/' { encoded.push('/') } else { write!(encoded, "%{byte:02x}").unwrap() }
        }
        let page = page_at(&encoded, names.iter().map(|name| file(name, 7)).collect(), false);
        let body = page.split_once("</style>").unwrap().1;
        prop_assert_eq!(body.matches("<tr class=").count() - usize::from(path != "/" && !names.is_empty()), names.len());
        let hrefs = body.split("<a href=\"").skip(1).map(|rest| rest.split_once('"').unwrap().0);
        let mut linked: Vec<_> = hrefs.filter(|href| href.starts_with("./")).map(target_of).collect();
        let mut wanted = names;
        linked.sort();
        wanted.sort();
        prop_assert_eq!(linked, wanted);
    }
}

#[test]
fn what_a_listing_has_at_least_is_never_more_than_it_has() {
    let rows: Vec<Row> = ["a", "b\u{202e}", "c,\"d", "\u{85}"].iter().map(|name| file(name, 0)).collect();
    let bare = Row { modified: None, ..directory("d") };
    let broken = file([&b"\xe2\x80"[..], b"\xff"].concat(), 0);
    for rows in [&rows[..], &vec![bare; 500], &vec![broken; 500], &[]] {
        for name in ["html", "json", "ndjson", "csv", "text"] {
            let query = format!("format={name}");
            let view = View::of(Some(&query), crate::http::RequestFields::new(&[]));
            let (least, len) = (least(view.format, rows), render(&view, "/", rows, false).len());
            assert!(least <= len, "{name}: {least} of {len}");
            // And it is an estimate.
            assert!(rows.len() < 100 || 4 * least > len / 2, "{name}: {least} of {len}");
        }
    }
}
