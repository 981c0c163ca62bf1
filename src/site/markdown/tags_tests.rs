//! Tags and texts, held against a tokenizer that does it as browsers do.

#![allow(clippy::unwrap_used)]

use super::*;
use html5gum::{DefaultEmitter, Token, Tokenizer};
use proptest::prelude::*;

/// Names of tags, and the text between them.
fn ours(html: &str) -> Vec<String> {
    let mut found = Vec::new();
    for piece in pieces(html) {
        match piece {
            Piece::Text(text) => push_text(&mut found, &resolved(text)),
            Piece::Start { name, closes_itself, alt } => {
                found.push(format!("<{name} {closes_itself} {:?}", alt.map(resolved)));
            }
            Piece::End { name } => found.push(format!("</{name}")),
            Piece::Other => {}
        }
    }
    found
}

fn theirs(html: &str) -> Vec<String> {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let mut found = Vec::new();
    for Ok(token) in Tokenizer::new_with_emitter(html, emitter) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match token {
            Token::String(string) => push_text(&mut found, &text(&string)),
            Token::StartTag(tag) => {
                let alt = tag.attributes.iter().find(|(name, _)| name[..] == *b"alt");
                let alt = alt.map(|(_, alt)| text(alt));
                found.push(format!("<{} {} {alt:?}", text(&tag.name), tag.self_closing));
            }
            Token::EndTag(tag) => found.push(format!("</{}", text(&tag.name))),
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    found
}

/// Texts that touch are one.
fn push_text(found: &mut Vec<String>, text: &str) {
    match found.last_mut().filter(|last| last.starts_with('\'')) {
        Some(last) => last.push_str(text),
        None => found.push(format!("'{text}")),
    }
}

#[test]
fn tags_are_where_browsers_see_them() {
    for html in [
        "<p align=center>a</p >b",
        "<a href='>' title=\"<b>\">c",
        "<img alt=x/>d<img alt='a b' ALT=c><img alt><img alt = e>",
        "<br/><br / ><br/ x><br /><br/=>",
        "a < b <3 <_> <<b>> </ c></3></>d",
        "<!-- a > b -->c<!--><b>d<!---><i>e<!-- f --!>g<!--",
        "<!---->a<!----->b<!----!>c<!---!>d-->e<!--->-->f<!--!>g-->",
        "<!doctype html><?php a > b ?>c<![CDATA[d]]>",
        "<script>'</b>' </scriptx> <!-- </script >a</script>",
        "<title><b>a</b></Title>c<textarea><p></textarea>",
        "<style>a",
        "<b",
        "<b c='",
        "<b c=\"a\"d='e'f>g",
        "&lt;&amp;&#65;&#x41;&#0;&quot;",
    ] {
        assert_eq!(ours(html), theirs(html), "{html}");
    }
}

#[test]
fn references_that_are_not_known_stay_as_they_are() {
    for (text, expected) in [
        ("a & b &amp; c", "a & b & c"),
        ("&unknown; &;&", "&unknown; &;&"),
        ("&#xD800;&#99999999999;", "\u{fffd}\u{fffd}"),
        ("&#x;", "\u{fffd}"),
        ("&\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9};", "&\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9};"),
    ] {
        assert_eq!(resolved(text), expected, "{text}");
    }
}

#[test]
fn all_names_of_characters_are_known() {
    let text = resolved("&uuml;&euro;&AMP;&copy;&CounterClockwiseContourIntegral;&NotEqualTilde;");
    assert_eq!(text, "\u{fc}\u{20ac}&\u{a9}\u{2233}\u{2242}\u{338}");
}

/// If one of them took time by the square of its number, this would take minutes, and with
/// comments, which once did, hours: longer than the gate lets the suite run.
#[test]
fn no_piece_makes_those_behind_it_longer_to_read() {
    for piece in [
        "<!---->",
        "<!--a--!>",
        "<!--",
        "-->",
        "<",
        "</",
        "<a b='",
        "<a b=c ",
        "<title>",
        "</x ",
        "&",
        "&a;",
        "<!>",
    ] {
        let len = if piece.starts_with("<!--") { 8 << 20 } else { 1 << 20 };
        let html = piece.repeat(len / piece.len());
        let text = |piece| if let Piece::Text(text) = piece { resolved(text).len() } else { 0 };
        assert!(pieces(&html).map(text).sum::<usize>() <= html.len(), "{piece}");
    }
}

proptest! {
    #[test]
    fn any_text_made_of_pieces_of_html_is_read_as_browsers_read_it(
        parts in prop::collection::vec(prop::sample::select(vec![
            "<", ">", "</", "/>", "/", "=", "'", "\"", " ", "\n", "a", "b", "alt", "alt=", "img", "style", "title",
            "<!--", "-->", "--!>", "!", "?", "-", "\u{e9}", "<b>", "</b>", "<style>",
            "</style>",
        ]), 0..24)
    ) {
        let html = parts.concat();
        prop_assert_eq!(ours(&html), theirs(&html), "{}", html);
    }

    #[test]
    fn any_text_ends(html in any::<String>()) {
        let length: usize = pieces(&html).map(|piece| if let Piece::Text(text) = piece { text.len() } else { 0 }).sum();
        prop_assert!(length <= html.len());
    }
}
