//! What must become of Markdown that was made to break out, to tell on its reader, or to keep
//! the server busy.

use std::collections::BTreeSet;

use super::writer::{NESTING_MAX, SLUG_MAX};
use super::*;

fn html(text: &str) -> String {
    render(text.as_bytes()).html
}

#[test]
fn what_people_write_is_shown_as_they_mean_it() {
    for (text, expected) in [
        (
            "a *b* **c** ~~d~~ `e<`",
            "<p>a <em>b</em> <strong>c</strong> <del>d</del> <code>e&lt;</code></p>\n",
        ),
        ("a\nb  \nc", "<p>a\nb<br>\nc</p>\n"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"),
        ("3. a", "<ol start=\"3\">\n<li>a</li>\n</ol>\n"),
        ("1. a", "<ol>\n<li>a</li>\n</ol>\n"),
        ("- [x] a\n- [ ] b", "<ul>\n<li>☑ a</li>\n<li>☐ b</li>\n</ul>\n"),
        (
            "```rust\nlet a = \"<b>\";\n```",
            "<pre tabindex=\"0\"><code>let a = &quot;&lt;b&gt;&quot;;\n</code></pre>\n",
        ),
        ("---\ntitle: a\n---\n\nb", "<pre tabindex=\"0\"><code>title: a\n</code></pre>\n<p>b</p>\n"),
        ("> a", "<blockquote>\n<p>a</p>\n</blockquote>\n"),
        ("> [!WARNING]\n> a", "<blockquote>\n<p><strong>Warning</strong></p>\n<p>a</p>\n</blockquote>\n"),
        ("***", "<hr>\n"),
        (
            "|a|b|\n|-:|-|\n|c|d|",
            "<div role=\"group\" aria-label=\"Table\" tabindex=\"0\"><table>\n\
             <thead><tr><th scope=\"col\" align=\"right\">a</th><th scope=\"col\">b</th></tr></thead>\n\
             <tr><td align=\"right\">c</td><td>d</td></tr>\n</table></div>\n",
        ),
        (
            "a[^x]\n\n[^x]: b",
            "<p>a<sup><a href=\"#readme-fn:1\">1</a></sup></p>\n\
             <div id=\"readme-fn:1\"><sup>1</sup> <p>b</p>\n</div>\n",
        ),
        (
            "[^x]: a\n\n[^x]: b",
            "<div id=\"readme-fn:1\"><sup>1</sup> <p>a</p>\n</div>\n<div><sup>1</sup> <p>b</p>\n</div>\n",
        ),
        ("", ""),
        ("\u{feff}# a", "<h2 id=\"readme-a\">a</h2>\n"),
    ] {
        assert_eq!(html(text), expected, "{text}");
    }
}

#[test]
fn headings_are_below_that_of_the_page_and_have_anchors_of_their_own() {
    assert_eq!(
        html("# A\n## Über *das* `x.y`!\n## a\n###### a-1\n# !\n# top"),
        "<h2 id=\"readme-a\">A</h2>\n<h3 id=\"readme-über-das-xy\">Über <em>das</em> <code>x.y</code>!</h3>\n\
         <h3 id=\"readme-a-1\">a</h3>\n<h6 id=\"readme-a-1-1\">a-1</h6>\n<h2>!</h2>\n<h2 id=\"readme-top\">top</h2>\n"
    );
    assert!(html("[a](#Über-das-xy)").contains("<a href=\"#readme-%C3%BCber-das-xy\">a</a>"));
    // Whatever they are called, no two are the same.
    let headings: String = (0..50).map(|n| format!("# a\n# a-{n}\n# a-1-{n}\n")).collect();
    let page = html(&headings);
    let anchors: Vec<&str> =
        page.split("id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(anchors.len(), 150);
    assert_eq!(anchors.iter().collect::<BTreeSet<_>>().len(), 150);
    assert!(
        html(&format!("# {}", "a".repeat(5000))).contains(&format!("id=\"readme-{}\"", "a".repeat(SLUG_MAX)))
    );
}

#[test]
fn links_to_other_hosts_tell_them_nothing() {
    let far =
        |link: &str| format!("<a href=\"{link}\" rel=\"noopener noreferrer nofollow\" target=\"_top\">");
    for (text, expected) in [
        ("[a](b.md)", "<a href=\"b.md\" target=\"_top\">a</a>".to_owned()),
        ("[a](b.md \"title\")", "<a href=\"b.md\" target=\"_top\">a</a>".to_owned()),
        ("[a](https://b.example/?x&y)", far("https://b.example/?x&amp;y") + "a</a>"),
        ("<https://b.example>", far("https://b.example") + "https://b.example</a>"),
        ("[a](//b.example)", far("//b.example") + "a</a>"),
        ("[a](\\\\\\\\b.example)", far("//b.example") + "a</a>"),
        ("<a@b.example>", "<a href=\"mailto:a@b.example\" target=\"_top\">a@b.example</a>".to_owned()),
        ("[*a*][b]\n\n[b]: c", "<a href=\"c\" target=\"_top\"><em>a</em></a>".to_owned()),
    ] {
        assert_eq!(html(text), format!("<p>{expected}</p>\n"), "{text}");
    }
}

#[test]
fn a_destination_that_could_do_something_is_dropped_and_its_text_is_not() {
    for text in [
        "[a](javascript:alert\\(1\\))",
        "[a](JaVaScRiPt:alert(1))",
        "[a](&#106;avascript&colon;alert(1))",
        "[a](<java\tscript:alert(1)>)",
        "[a](&Tab;javascript:alert(1))",
        "[a](&#1;javascript:alert(1))",
        "[a](data:text/html;base64,PHNjcmlwdD4=)",
        "[a](vbscript:x)",
        "[a](file:///etc/passwd)",
        "[a][b]\n\n[b]: javascript:alert(1)",
        "![a](javascript:alert(1))",
        "![a](data:image/svg+xml,<svg/onload=alert(1)>)",
        "[a]()",
    ] {
        assert_eq!(html(text), "<p>a</p>\n", "{text}");
    }
    assert_eq!(html("<javascript:alert(1)>"), "<p>javascript:alert(1)</p>\n");
}

#[test]
fn pictures_are_of_this_server_and_others_are_links() {
    for (text, expected) in [
        (
            "![a \"b\" *c*](d e.png)",
            "![a \"b\" *c*](d e.png)".replace('"', "&quot;").replace("*c*", "<em>c</em>"),
        ),
        ("![a <b> *c*](<d e.png?raw=true#x> \"f\")", img("d%20e.png", "a  c")),
        ("![](../d.png)", img("../d.png", "")),
        ("![a ![b](c) d](e)", img("e", "a b d")),
        ("![\" onerror=alert(1) x=\"](d)", img("d", "&quot; onerror=alert(1) x=&quot;")),
    ] {
        assert_eq!(html(text), format!("<p>{expected}</p>\n"), "{text}");
    }
    for (text, link, alt) in [
        ("![a](https://b.example/c.png)", "https://b.example/c.png", "a"),
        ("![](//b.example/c.png)", "//b.example/c.png", "Image"),
        ("![a](\\\\\\\\b.example/c.png)", "//b.example/c.png", "a"),
        // There is no link in a link.
        ("[![a](https://b.example/c.svg)](https://d.example)", "https://d.example", "a"),
    ] {
        let expected = format!(
            "<p><a href=\"{link}\" rel=\"noopener noreferrer nofollow\" target=\"_top\">{alt}</a></p>\n"
        );
        assert_eq!(html(text), expected, "{text}");
    }
    assert_eq!(html("![a](#b) ![c](mailto:d)"), "<p>a c</p>\n");
}

#[test]
fn there_is_no_link_in_a_link() {
    // One that leads nowhere, and then one that would lead somewhere: both are text of the first.
    for within in ["<b:c> <d@e.example>", "<https://b.example> <d@e.example>", "![b](//c) <d@e.example>"] {
        let page = html(&format!("[a {within}](f) [g](h)"));
        assert_eq!(page.matches("<a ").count(), 2, "{page}");
        assert!(
            page.starts_with("<p><a href=\"f\"") && page.contains("d@e.example</a> <a href=\"h\""),
            "{page}"
        );
    }
}

fn img(src: &str, alt: &str) -> String {
    format!("<img src=\"{src}\" loading=\"lazy\" alt=\"{alt}\">")
}

#[test]
fn of_raw_html_the_text_is_left() {
    for (text, expected) in [
        ("<p align=center>My tool</p>", "<p>My tool</p>\n"),
        ("<h1 style='x'>A</h1>\n<p>b\nc<br>d</p>", "<p>A<br>\nb c<br>\nd</p>\n"),
        ("a <b onclick=alert(1)>b</b> <br> c", "<p>a b <br> c</p>\n"),
        ("a <script>alert(1)</script> b", "<p>a  b</p>\n"),
        ("a <script>*b*\n\nc", "<p>a <em></em></p>\n<p>c</p>\n"),
        ("<script>\nalert(1)\n\n# x\n</script>\n\nb", "<p>b</p>\n"),
        ("<style>\n* { display: none }\n</style>", ""),
        ("<!-- a\n\nb -->\n\nc", "<p>c</p>\n"),
        ("<iframe src=//a.example></iframe>", ""),
        ("<div>\n\n# A\n\n</div>", "<h2 id=\"readme-a\">A</h2>\n"),
        ("a <img src=//b.example onerror=alert(1) alt=\"c<\"> d", "<p>a c&lt; d</p>\n"),
        ("<a href=javascript:alert(1)>a</a>", "<p>a</p>\n"),
        (
            "<div>&lt;script&gt;alert(1)&lt;/script&gt;</div>",
            "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n",
        ),
        ("</article></section><base href=//a.example>", ""),
        ("<form action=//a.example><input name=a><button>b</button>", "<p>b</p>\n"),
    ] {
        assert_eq!(html(text), expected, "{text}");
    }
}

#[test]
fn what_cannot_be_seen_is_shown_and_what_is_no_text_too() {
    assert_eq!(render(b"a\xffb\0\x1b[31m").html, "<p>a\u{fffd}b␀␛[31m</p>\n");
    assert_eq!(html("a\u{202e}b\u{2066}"), "<p>a\u{fffd}b\u{fffd}</p>\n");
    assert_eq!(html("```\r\na\tb\r\n```\r\n"), "<pre tabindex=\"0\"><code>a\tb\n</code></pre>\n");
    assert!(!render(b"\xfe\xff\0#\0 \0a").html.contains('\0'));
    let plain = plain(b"a <b>\r\n\t*c* \x1b\xff\n");
    assert_eq!(plain.html, "<pre tabindex=\"0\">\na &lt;b&gt;\n\t*c* ␛\u{fffd}\n</pre>\n");
    assert_eq!(super::plain(b" \n").html, "");
}

#[test]
fn a_long_text_is_cut_at_a_line() {
    for render in [render, plain] {
        let line = format!("{}\n", "a".repeat(99));
        let lines = BYTES_MAX / line.len();
        let cut = render(line.repeat(lines + 9).as_bytes());
        assert!(cut.is_cut);
        assert_eq!(cut.html.matches(line.trim_end()).count(), lines);
        let whole = render(line.repeat(lines).as_bytes());
        assert!(!whole.is_cut);
        let one = render("ä".repeat(BYTES_MAX).as_bytes());
        assert!(one.is_cut && one.html.len() < BYTES_MAX + 100);
    }
}

/// All of it takes a second: where time grew with the square of the length, it would be minutes.
#[test]
fn no_text_makes_a_page_without_end() {
    let fill = |piece: &str| piece.repeat(BYTES_MAX / piece.len());
    let table = |columns: usize| format!("{}\n{}\n", "a|".repeat(columns), "-|".repeat(columns));
    let mut texts: Vec<String> = [
        "[",
        "![",
        "]",
        "[](",
        "[a](",
        "[![",
        ">",
        "> ",
        "*",
        "*a ",
        "_a ",
        "*a **a ",
        "~~a",
        "`",
        "`a``",
        "- ",
        "1. ",
        "* a\n",
        "\\",
        "&",
        "&#",
        "<",
        "<a ",
        "<!--",
        "<!-- a -->",
        "<?",
        "<b>",
        "<script>",
        "</b>",
        "<br>",
        "|",
        "a|",
        "#",
        "# a\n",
        "# a-1\n# a\n",
        "\0",
        "\"",
        "\t",
        "  \n",
        "[^a]",
        "[^a]: b\n\n",
        "[a]: b\n",
        "[a]",
        "a\n\n",
        "<<",
        "<div>\n\n",
        "***\n",
        "~~~\n",
        "> [!NOTE]\n\n",
        "- [ ] ",
        "$",
        "$$",
        "{",
        "]:",
        "<p>",
        "<template>",
        "\u{202e}",
        "<http:a>",
        "a@b.c ",
    ]
    .map(fill)
    .into();
    texts.push(format!("{}{}", table(1000), "a\n".repeat(100_000)));
    texts.push(format!("{}{}", table(30_000), "a\n".repeat(30_000)));
    texts.push(format!("[a]: {}\n\n{}", "b".repeat(100_000), "[a] ".repeat(30_000)));
    texts.push(format!("[^a]: b\n\n{}", "[^a] ".repeat(40_000)));
    texts.push((0..20_000).map(|n| format!("[^{n}]: b\n\n")).collect());
    texts.push((0..500).map(|n| format!("{}- a\n", " ".repeat(n))).collect());
    texts.push(format!("{}{}", "> ".repeat(60_000), "\na".repeat(60_000)));
    texts.push(format!("{}a{}", "*a ".repeat(40_000), " a*".repeat(40_000)));
    texts.push(format!("{}a{}", "[".repeat(100_000), "](b)".repeat(25_000)));
    texts.push((1..600).map(|n| format!("{} a ", "`".repeat(n))).collect());
    for text in texts {
        let prose = render(text.as_bytes());
        let start: String = text.chars().take(20).collect();
        assert!(prose.html.len() <= HTML_BYTES_MAX + 6 * BYTES_MAX, "{start:?}: {}", prose.html.len());
        let deepest = prose.html.split("<blockquote>").count() - 1;
        assert!(deepest <= NESTING_MAX || !text.starts_with("> >"), "{start:?}: {deepest}");
    }
}

#[test]
fn deep_elements_are_left_out_and_their_text_is_not() {
    let deep = html(&format!("{}*a* b", "> ".repeat(500)));
    assert_eq!(deep.matches("<blockquote>").count(), NESTING_MAX);
    assert_eq!(deep.matches("</blockquote>").count(), NESTING_MAX);
    assert!(deep.contains("a\n b") && !deep.contains("<em>"), "{deep}");
}
