//! Markdown of anybody into HTML that does nothing but show it.
//!
//! Pure: bytes in, a piece of a page out. Nothing of the text is ever copied as markup: all
//! elements and attributes are written here (`writer`), and only these. What the text brings
//! along is text, which is escaped, and destinations, which are judged (`links`). Of raw HTML
//! the text is left (`raw`). So there is nothing to be sanitised afterwards, and nothing that a
//! sanitiser could overlook.
//!
//! - Links lead to what is near, to `http`, `https` and `mailto`; others are text.
//! - Pictures are of this server. One from elsewhere is a link: to look at a page tells
//!   nobody about it.
//! - Every `id` begins with `readme`, so none can take the place of one of the page.
//! - There is no `style`, no `class` and no script, so the strictest policy fits.
//! - What is read, how deep it nests and how long it gets is bounded.

mod links;
mod raw;
mod tags;
mod writer;

use pulldown_cmark::{Options, Parser};

use super::listing::shown::push_prose;
use writer::Writer;

/// So many bytes are shown of a file; beyond them it is long, even for a manual.
pub const BYTES_MAX: usize = 256 * 1024;

/// So long a piece of a page gets, and whatever the last event writes. Tables fill up their
/// rows, so short texts can be long pages.
const HTML_BYTES_MAX: usize = 2 * 1024 * 1024;

/// A piece of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prose {
    /// The elements.
    pub html: String,
    /// The text goes on.
    pub is_cut: bool,
}

/// What is Markdown.
///
/// ```
/// use serve::site::markdown::render;
/// let prose = render(b"# Hello\n[*you*](javascript:alert(1)) <b onclick=x>there</b>");
/// assert_eq!(prose.html, "<h2 id=\"readme-hello\">Hello</h2>\n<p><em>you</em> there</p>\n");
/// ```
pub fn render(bytes: &[u8]) -> Prose {
    let (text, mut is_cut) = beginning(bytes);
    let text = String::from_utf8_lossy(text);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_GFM
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    let mut writer = Writer::default();
    for event in Parser::new_ext(text, options) {
        if writer.len() > HTML_BYTES_MAX {
            is_cut = true;
            break;
        }
        writer.event(event);
    }
    Prose { html: writer.finish(), is_cut }
}

/// What is text, and nothing else.
pub fn plain(bytes: &[u8]) -> Prose {
    let (text, is_cut) = beginning(bytes);
    let mut html = String::new();
    if !text.trim_ascii().is_empty() {
        html.push_str("<pre tabindex=\"0\">\n");
        push_prose(&mut html, &String::from_utf8_lossy(text));
        html.push_str("</pre>\n");
    }
    Prose { html, is_cut }
}

/// As much as is shown of it, in whole lines if there are any, and whether that is not all.
fn beginning(bytes: &[u8]) -> (&[u8], bool) {
    let Some(part) = bytes.get(..BYTES_MAX).filter(|part| part.len() < bytes.len()) else {
        return (bytes, false);
    };
    let end = part.iter().rposition(|&b| b == b'\n').map_or(part.len(), |at| at + 1);
    (&part[..end], true)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
