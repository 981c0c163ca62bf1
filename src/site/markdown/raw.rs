//! What of raw HTML is text to a reader. Nothing that leaves here is markup: it is escaped
//! by whoever writes it.

use super::tags::{Piece, pieces, resolved};

/// Elements whose content no reader sees, or is no text.
const UNSEEN: &[&str] = &[
    "head", "iframe", "math", "noembed", "noframes", "noscript", "object", "script", "style", "svg",
    "template", "title",
];

/// Elements that stand within a line.
const INLINE: &[&str] = &[
    "a", "abbr", "b", "bdi", "bdo", "cite", "code", "del", "dfn", "em", "font", "i", "img", "ins", "kbd",
    "mark", "picture", "q", "s", "samp", "small", "source", "span", "strike", "strong", "sub", "sup", "td",
    "th", "time", "tt", "u", "var", "wbr",
];

/// A tag within a text, which has only that.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Tag {
    /// What follows is not seen, up to the end of this element.
    Unseen(String),
    /// The end of an element.
    End(String),
    /// A new line.
    Break,
    /// What stands for a picture.
    Text(String),
    /// Nothing that could be told.
    Other,
}

/// The text of a piece of HTML, with a line for each of its blocks.
pub(super) fn text_of(html: &str) -> String {
    let mut text = String::new();
    // The element that is not seen, and how many of its name are open.
    let mut unseen: Option<(String, usize)> = None;
    for piece in pieces(html) {
        match (piece, &mut unseen) {
            (Piece::Start { name, closes_itself, .. }, Some((open, depth))) => {
                *depth += usize::from(*open == name && !closes_itself);
            }
            (Piece::End { name }, Some((open, depth))) => {
                *depth -= usize::from(*open == name);
                if *depth == 0 {
                    unseen = None;
                }
            }
            (_, Some(_)) => {}
            (Piece::Start { name, closes_itself, alt }, None) => {
                if UNSEEN.contains(&&*name) && !closes_itself {
                    unseen = Some((name, 1));
                } else if name == "img" {
                    text.push_str(&resolved(alt.unwrap_or_default()));
                } else if !INLINE.contains(&&*name) {
                    text.push('\n');
                }
            }
            (Piece::End { name }, None) => {
                let is_cell = matches!(&*name, "td" | "th");
                if is_cell || !INLINE.contains(&&*name) {
                    text.push(if is_cell { ' ' } else { '\n' });
                }
            }
            (Piece::Text(words), None) => push_words(&mut text, &resolved(words)),
            (Piece::Other, None) => {}
        }
    }
    text
}

/// The tag.
pub(super) fn tag_of(html: &str) -> Tag {
    match pieces(html).next() {
        Some(Piece::Start { name, closes_itself, alt }) => match &*name {
            "br" => Tag::Break,
            "img" => Tag::Text(resolved(alt.unwrap_or_default())),
            name if UNSEEN.contains(&name) && !closes_itself => Tag::Unseen(name.to_owned()),
            _ => Tag::Other,
        },
        Some(Piece::End { name }) => Tag::End(name),
        Some(Piece::Text(_) | Piece::Other) | None => Tag::Other,
    }
}

/// The ends of lines in HTML are spaces.
fn push_words(text: &mut String, words: &str) {
    text.extend(words.chars().map(|c| if c.is_ascii_whitespace() { ' ' } else { c }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_html_is_what_a_reader_sees_of_it() {
        for (html, text) in [
            ("<p align=center>My tool</p>", "My tool"),
            ("<h1>A <b>b</b>\nc</h1><p>d<br>e", "A b c|d|e"),
            ("a<script>alert(1)</script>b<style>x{}</style>c", "abc"),
            ("a<SCRIPT>'</b><b>'</Script >b", "ab"),
            ("a<!-- b -->c<!-- d", "ac"),
            ("a<template><template>b</template>c</template>d", "ad"),
            ("a<svg><text>b</text></svg>c<title>d</title>", "ac"),
            ("a<script>b", "a"),
            ("<img src=x onerror=alert(1) alt='a &quot;logo&quot;'>", "a \"logo\""),
            ("&lt;script&gt; &amp;lt;", "<script> &lt;"),
            ("<tr><td>a</td><td>b</td></tr>", "a b"),
            ("<a href='javascript:x'>a</a>", "a"),
            ("<<b>a</b", "<a"),
            ("</script>a</template>", "a"),
            ("<?php echo 1 ?>a<![CDATA[b]]>", "a"),
        ] {
            let lines: Vec<String> = text_of(html).lines().map(|line| line.trim().to_owned()).collect();
            let lines: Vec<&str> = lines.iter().map(String::as_str).filter(|line| !line.is_empty()).collect();
            assert_eq!(lines.join("|"), text, "{html}");
        }
    }

    #[test]
    fn a_tag_within_a_text_says_what_becomes_of_it() {
        for (html, tag) in [
            ("<br/>", Tag::Break),
            ("<img alt=x>", Tag::Text("x".into())),
            ("<b onclick=x>", Tag::Other),
            ("</b>", Tag::End("b".into())),
            ("<Script src=x>", Tag::Unseen("script".into())),
            ("</SCRIPT>", Tag::End("script".into())),
            ("<!-- x -->", Tag::Other),
            ("<svg/>", Tag::Other),
        ] {
            assert_eq!(tag_of(html), tag, "{html}");
        }
    }
}
