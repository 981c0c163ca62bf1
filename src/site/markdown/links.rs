//! Where a link of Markdown leads, as browsers would read it.
//!
//! Judged is what is written, after all that a browser leaves out of it is left out: so no
//! tab within `java script:` and no blank before it makes a difference between the two.

use crate::http::target::encode_reference;

/// Where a link may lead; each holds what can be written into an attribute.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Destination {
    /// To an anchor of the same text.
    Here(String),
    /// To this server.
    Near(String),
    /// To another host, or to one that is named, which is taken for another.
    Far(String),
    /// To somebody's mailbox.
    Mail(String),
}

/// None for what may lead nowhere.
pub(super) fn judge(destination: &str) -> Option<Destination> {
    let seen: String = destination.chars().filter(|c| !c.is_control()).collect();
    let seen = seen.trim_matches(' ');
    if let Some(fragment) = seen.strip_prefix('#') {
        return Some(Destination::Here(anchor(fragment)));
    }
    // A backslash is a slash to browsers, but for the query.
    let (path, rest) = seen.split_at(seen.find(['?', '#']).unwrap_or(seen.len()));
    let path = path.replace('\\', "/");
    let scheme = path.split(':').next().filter(|scheme| scheme.len() < path.len() && !scheme.contains('/'));
    let scheme = scheme.map(str::to_ascii_lowercase);
    let link = attribute(&format!("{path}{rest}"));
    match scheme.as_deref() {
        Some("http" | "https") => Some(Destination::Far(link)),
        Some("mailto") => Some(Destination::Mail(link)),
        Some(_) => None,
        None if path.starts_with("//") => Some(Destination::Far(link)),
        None => (!link.is_empty()).then_some(Destination::Near(link)),
    }
}

/// The anchor of a heading, which has its prefix; the text itself for its beginning.
fn anchor(fragment: &str) -> String {
    match fragment {
        "" | "top" => "#readme".to_owned(),
        _ => attribute(&format!("#readme-{}", fragment.to_lowercase())),
    }
}

fn attribute(link: &str) -> String {
    encode_reference(link).to_string().replace('&', "&amp;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_near_and_pages_and_mailboxes_are_destinations() {
        for (written, expected) in [
            ("a.md", Some(Destination::Near("a.md".into()))),
            ("../b/?x=1&y", Some(Destination::Near("../b/?x=1&amp;y".into()))),
            ("/a", Some(Destination::Near("/a".into()))),
            ("?q", Some(Destination::Near("?q".into()))),
            ("./a:b", Some(Destination::Near("./a:b".into()))),
            ("a b\"'<>ä%20", Some(Destination::Near("a%20b%22%27%3C%3E%C3%A4%20".into()))),
            ("#Über-Uns", Some(Destination::Here("#readme-%C3%BCber-uns".into()))),
            ("#", Some(Destination::Here("#readme".into()))),
            ("#x:y", Some(Destination::Here("#readme-x:y".into()))),
            ("HTTPS://a.example/?\\", Some(Destination::Far("HTTPS://a.example/?%5C".into()))),
            ("http:a", Some(Destination::Far("http:a".into()))),
            ("mailto:a@b.example", Some(Destination::Mail("mailto:a@b.example".into()))),
            ("", None),
            (" \t", None),
        ] {
            assert_eq!(judge(written), expected, "{written:?}");
        }
    }

    #[test]
    fn a_host_is_another_one_however_it_is_written() {
        for written in ["//h/x", "\\\\h/x", "/\\h/x", "\\/h/x", " //h/x", "/\t/h/x", "\n\\\r\\h/x"] {
            assert_eq!(judge(written), Some(Destination::Far("//h/x".into())), "{written:?}");
        }
        assert_eq!(judge("https:\\\\h\\x"), Some(Destination::Far("https://h/x".into())));
    }

    #[test]
    fn no_disguise_makes_a_destination_of_a_script() {
        for written in [
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            " javascript:alert(1)",
            "java\tscript:alert(1)",
            "java\nscript\r:alert(1)",
            "\u{1}javascript:alert(1)",
            "\u{a0}javascript:alert(1)",
            "javascript\u{0}:alert(1)",
            "jav\u{ad}ascript:alert(1)",
            "vbscript:x",
            "data:text/html,<script>alert(1)</script>",
            "file:///etc/passwd",
            "blob:x",
            "about:blank",
            "ms-msdt:x",
            ":x",
            "a b:c",
            "é:x",
            "view-source:http://a.example",
            "intent://x",
        ] {
            assert_eq!(judge(written), None, "{written:?}");
        }
    }
}
