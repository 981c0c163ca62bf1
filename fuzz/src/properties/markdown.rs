//! Text of anybody into `site::markdown`: a piece of a page with no other elements and
//! attributes than it may have, all of them closed, that leads nowhere it may not lead, and
//! that is bounded.

use std::collections::BTreeSet;

use html5gum::{DefaultEmitter, Error, StartTag, Token, Tokenizer};
use serve::site::markdown::{BYTES_MAX, plain, render};

/// What may be in it, and which attributes each may have.
const ELEMENTS: &[(&str, &[&str])] = &[
    ("a", &["href", "rel", "target"]),
    ("blockquote", &[]),
    ("br", &[]),
    ("code", &[]),
    ("del", &[]),
    ("div", &["aria-label", "id", "role", "tabindex"]),
    ("em", &[]),
    ("h2", &["id"]),
    ("h3", &["id"]),
    ("h4", &["id"]),
    ("h5", &["id"]),
    ("h6", &["id"]),
    ("hr", &[]),
    ("img", &["alt", "loading", "src"]),
    ("li", &[]),
    ("ol", &["start"]),
    ("p", &[]),
    ("pre", &["tabindex"]),
    ("strong", &[]),
    ("sup", &[]),
    ("table", &[]),
    ("td", &["align"]),
    ("th", &["align", "scope"]),
    ("thead", &[]),
    ("tr", &[]),
    ("ul", &[]),
];

/// Those without an end.
const VOID: [&str; 3] = ["br", "hr", "img"];

/// The attributes that say the same each time, or one of a few things.
const VALUES: &[(&str, &[&str])] = &[
    ("align", &["left", "center", "right"]),
    ("aria-label", &["Table"]),
    ("loading", &["lazy"]),
    ("rel", &["noopener noreferrer nofollow"]),
    ("role", &["group"]),
    ("scope", &["col"]),
    ("tabindex", &["0"]),
    ("target", &["_top"]),
];

/// So long is a piece of a page whose text is as long as may be shown: with every byte of the
/// last text escaped.
const HTML_MAX: usize = 2 * 1024 * 1024 + 6 * BYTES_MAX + 4096;

/// The property.
pub fn check(input: &[u8]) {
    let prose = render(input);
    assert!(prose.html.len() <= HTML_MAX);
    assert!(prose.is_cut || input.len() <= BYTES_MAX);
    page_of(&prose.html);
    let prose = plain(input);
    assert!(prose.html.len() <= HTML_MAX);
    let elements = page_of(&prose.html);
    assert!(elements.iter().all(|name| name == "pre") && elements.len() <= 1, "{elements:?}");
}

/// The elements, after a look at all of them.
fn page_of(html: &str) -> Vec<String> {
    assert!(!html.contains(|c: char| steers(c) && c != '\n' && c != '\t'), "{html:?}");
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let (mut elements, mut open, mut ids) = (Vec::new(), Vec::new(), BTreeSet::new());
    for token in Tokenizer::new_with_emitter(html, emitter) {
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) => {
                let name = text(&tag.name).to_owned();
                element(&name, &tag, &mut ids);
                assert!(name != "a" || !open.contains(&name), "a link in a link: {html}");
                if !VOID.contains(&name.as_str()) {
                    open.push(name.clone());
                }
                elements.push(name);
            }
            Token::EndTag(tag) => {
                assert_eq!(open.pop().as_deref(), Some(text(&tag.name)), "not in pairs: {html}");
            }
            Token::String(_) => {}
            // A character that no text should have, and no browser minds.
            Token::Error(error) if error.value == Error::NoncharacterInInputStream => {}
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => panic!("{token:?} in {html}"),
        }
    }
    assert!(open.is_empty(), "{open:?} are not closed: {html}");
    elements
}

fn element(name: &str, tag: &StartTag<()>, ids: &mut BTreeSet<String>) {
    let Some((_, allowed)) = ELEMENTS.iter().find(|(known, _)| *known == name) else { panic!("{tag:?}") };
    let value = |name: &[u8]| tag.attributes.iter().find(|(known, _)| known[..] == *name);
    let value = |name: &str| value(name.as_bytes()).map(|(_, value)| text(value));
    for (attribute, content) in &tag.attributes {
        let (attribute, content) = (text(attribute), text(content));
        assert!(allowed.contains(&attribute), "{tag:?}");
        if let Some((_, values)) = VALUES.iter().find(|(known, _)| *known == attribute) {
            assert!(values.contains(&content), "{tag:?}");
        }
        if attribute == "id" {
            assert!(content.starts_with("readme-") && !content.contains(char::is_whitespace), "{tag:?}");
            assert!(ids.insert(content.to_owned()), "{tag:?} twice");
        }
        if attribute == "start" {
            assert!(content.parse::<u64>().is_ok(), "{tag:?}");
        }
    }
    match name {
        "a" => link(value("href").unwrap_or_else(|| panic!("{tag:?}")), value("rel"), value("target")),
        "img" => {
            let src = value("src").unwrap_or_else(|| panic!("{tag:?}"));
            let leads = leads(src);
            assert!(leads == Leads::Near && !src.contains('?') && value("alt").is_some(), "{tag:?}");
        }
        _ => {}
    }
}

fn link(href: &str, rel: Option<&str>, target: Option<&str>) {
    match leads(href) {
        Leads::Far => assert!(rel.is_some() && target.is_some(), "{href}"),
        Leads::Near if href.starts_with('#') => {
            assert!(href == "#readme" || href.starts_with("#readme-"), "{href}");
        }
        Leads::Near => assert!(rel.is_none() && target.is_some(), "{href}"),
        Leads::Mail => assert!(target.is_some(), "{href}"),
    }
}

/// Where a browser is led.
#[derive(Debug, PartialEq, Eq)]
enum Leads {
    Near,
    Far,
    Mail,
}

/// As the URL Standard reads it (§4.4), with a page of a server as its base.
fn leads(link: &str) -> Leads {
    let link: String = link.chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).collect();
    let link = link.trim_matches(|c: char| c <= ' ');
    let scheme = link.split_once(':').map(|(scheme, _)| scheme).filter(|scheme| {
        let rest = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(rest)
    });
    match scheme.map(str::to_ascii_lowercase).as_deref() {
        Some("http" | "https") => Leads::Far,
        Some("mailto") => Leads::Mail,
        Some(_) => panic!("{link}"),
        None if link.starts_with(['/', '\\']) && link[1..].starts_with(['/', '\\']) => Leads::Far,
        None => Leads::Near,
    }
}

/// What moves a cursor or turns the direction of text round.
fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_else(|_| panic!("a part of UTF-8"))
}
