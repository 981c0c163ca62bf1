//! What of raw HTML is text to a reader. Nothing that leaves here is markup: it is escaped
//! by whoever writes it.

use html5gum::{DefaultEmitter, StartTag, Token, Tokenizer};

/// Elements whose content no reader sees, or is no text.
const UNSEEN: &[&[u8]] = &[
    b"head",
    b"iframe",
    b"math",
    b"noembed",
    b"noframes",
    b"noscript",
    b"object",
    b"script",
    b"style",
    b"svg",
    b"template",
    b"title",
];

/// Elements that stand within a line.
const INLINE: &[&[u8]] = &[
    b"a", b"abbr", b"b", b"bdi", b"bdo", b"cite", b"code", b"del", b"dfn", b"em", b"font", b"i", b"img",
    b"ins", b"kbd", b"mark", b"picture", b"q", b"s", b"samp", b"small", b"source", b"span", b"strike",
    b"strong", b"sub", b"sup", b"td", b"th", b"time", b"tt", b"u", b"var", b"wbr",
];

/// A tag within a text, which has only that.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Tag {
    /// What follows is not seen, up to the end of this element.
    Unseen(Vec<u8>),
    /// The end of an element.
    End(Vec<u8>),
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
    let mut unseen: Option<(Vec<u8>, usize)> = None;
    for token in tokens(html) {
        match (token, &mut unseen) {
            (Token::StartTag(tag), Some((name, depth))) => {
                *depth += usize::from(*name == *tag.name && !tag.self_closing);
            }
            (Token::EndTag(tag), Some((name, depth))) => {
                *depth -= usize::from(*name == *tag.name);
                if *depth == 0 {
                    unseen = None;
                }
            }
            (_, Some(_)) => {}
            (Token::StartTag(tag), None) => {
                if UNSEEN.contains(&&tag.name[..]) && !tag.self_closing {
                    unseen = Some((tag.name.to_vec(), 1));
                } else if tag.name[..] == *b"img" {
                    text.push_str(&alt_of(&tag));
                } else if !INLINE.contains(&&tag.name[..]) {
                    text.push('\n');
                }
            }
            (Token::EndTag(tag), None) => {
                let is_cell = matches!(&tag.name[..], b"td" | b"th");
                if is_cell || !INLINE.contains(&&tag.name[..]) {
                    text.push(if is_cell { ' ' } else { '\n' });
                }
            }
            (Token::String(string), None) => push_words(&mut text, &String::from_utf8_lossy(&string)),
            (Token::Comment(_) | Token::Doctype(_) | Token::Error(_), None) => {}
        }
    }
    text
}

/// The tag.
pub(super) fn tag_of(html: &str) -> Tag {
    match tokens(html).find(|token| !matches!(token, Token::Error(_))) {
        Some(Token::StartTag(tag)) => match &tag.name[..] {
            b"br" => Tag::Break,
            b"img" => Tag::Text(alt_of(&tag)),
            name if UNSEEN.contains(&name) && !tag.self_closing => Tag::Unseen(name.to_vec()),
            _ => Tag::Other,
        },
        Some(Token::EndTag(tag)) => Tag::End(tag.name.to_vec()),
        _ => Tag::Other,
    }
}

/// As browsers take it apart: within a script, what looks like a tag is none.
fn tokens(html: &str) -> impl Iterator<Item = Token> {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    Tokenizer::new_with_emitter(html, emitter).map(|token| {
        let Ok(token) = token;
        token
    })
}

fn alt_of(tag: &StartTag<()>) -> String {
    let alt = tag.attributes.iter().find(|(name, _)| name[..] == *b"alt");
    alt.map(|(_, alt)| String::from_utf8_lossy(alt).into_owned()).unwrap_or_default()
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
            ("</b>", Tag::End(b"b".to_vec())),
            ("<Script src=x>", Tag::Unseen(b"script".to_vec())),
            ("</SCRIPT>", Tag::End(b"script".to_vec())),
            ("<!-- x -->", Tag::Other),
            ("<svg/>", Tag::Other),
        ] {
            assert_eq!(tag_of(html), tag, "{html}");
        }
    }
}
