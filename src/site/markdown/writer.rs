//! The elements of Markdown: all that there may be, with all attributes that they may have.
//!
//! Each element that is opened is closed in its turn, however the text ends.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use pulldown_cmark::{Alignment, BlockQuoteKind, CowStr, Event, HeadingLevel, LinkType, Tag, TagEnd};

use super::links::{self, Destination};
use super::{push_prose, raw};

/// So deep elements nest. Deeper ones are left out, and their text is not.
pub(super) const NESTING_MAX: usize = 32;

/// So many characters of a heading make its anchor.
pub(super) const SLUG_MAX: usize = 200;

/// Writes events as elements.
#[derive(Default)]
pub(super) struct Writer<'a> {
    out: String,
    /// What ends the elements that are open, the innermost last.
    ends: Vec<&'static str>,
    /// How many elements are open with the link that is: there is no link in a link.
    link: Option<usize>,
    /// The heading that is open: where its attributes belong, and its text.
    heading: Option<(usize, String)>,
    /// Which anchors there are, and how many tries at more of them.
    anchors: HashMap<String, u32>,
    footnotes: HashMap<CowStr<'a>, usize>,
    /// Which of them have been told, by their numbers: an anchor leads to the first.
    told: HashSet<usize>,
    /// Of the table that is open.
    alignments: Vec<Alignment>,
    column: usize,
    in_table_head: bool,
    image: Option<Image<'a>>,
    /// The block of raw HTML that is open.
    raw: Option<String>,
    /// The element of raw HTML within a text that shows nothing, as long as it is open.
    unseen: Option<String>,
}

/// A picture, whose text is not complete yet.
struct Image<'a> {
    destination: CowStr<'a>,
    alt: String,
    /// How many pictures its text has open.
    within: usize,
}

impl<'a> Writer<'a> {
    /// How long it is so far.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// All of it, with what is open closed.
    pub fn finish(mut self) -> String {
        while let Some(end) = self.ends.pop() {
            self.out.push_str(end);
        }
        self.out
    }

    /// Writes one.
    pub fn event(&mut self, event: Event<'a>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Html(html) => match &mut self.raw {
                Some(raw) => raw.push_str(&html),
                None => self.push_raw_block(&html),
            },
            Event::InlineHtml(html) => self.inline_html(&html),
            Event::Text(text) => self.text(&text),
            Event::Code(code) | Event::InlineMath(code) | Event::DisplayMath(code) => {
                self.mark("<code>");
                self.text(&code);
                self.mark("</code>");
            }
            Event::SoftBreak => self.text("\n"),
            Event::HardBreak => {
                self.mark("<br>");
                self.text("\n");
            }
            Event::Rule => self.out.push_str("<hr>\n"),
            Event::TaskListMarker(is_done) => self.text(if is_done { "☑ " } else { "☐ " }),
            Event::FootnoteReference(label) if self.image.is_none() => {
                let number = self.footnote(label);
                // A String takes whatever is written to it, so there is no error to report.
                let _ = if self.link.is_some() {
                    write!(self.out, "<sup>{number}</sup>")
                } else {
                    write!(self.out, "<sup><a href=\"#readme-fn:{number}\">{number}</a></sup>")
                };
            }
            Event::FootnoteReference(_) => {}
        }
    }

    /// An element without attributes; within the text of a picture there are none.
    fn mark(&mut self, tag: &'static str) {
        if self.image.is_none() && self.unseen.is_none() {
            self.out.push_str(tag);
        }
    }

    fn text(&mut self, text: &str) {
        if self.unseen.is_some() {
            return;
        }
        if let Some(image) = &mut self.image {
            return image.alt.push_str(text);
        }
        if let Some((_, heading)) = &mut self.heading {
            heading.push_str(text);
        }
        push_prose(&mut self.out, text);
    }

    /// Opens an element, unless that would be too deep.
    fn open(&mut self, start: &str, end: &'static str) {
        let fits = self.ends.len() < NESTING_MAX;
        self.ends.push(if fits { end } else { "\n" });
        if fits {
            self.out.push_str(start);
        }
    }

    fn start(&mut self, tag: Tag<'a>) {
        if let Some(image) = &mut self.image {
            image.within += usize::from(matches!(tag, Tag::Image { .. }));
            return;
        }
        match tag {
            Tag::Paragraph => self.open("<p>", "</p>\n"),
            Tag::Heading { level, .. } => self.start_heading(level),
            Tag::BlockQuote(kind) => {
                self.open("<blockquote>\n", "</blockquote>\n");
                self.out.push_str(kind.map_or("", title_of));
            }
            Tag::CodeBlock(_) | Tag::MetadataBlock(_) => {
                self.open("<pre tabindex=\"0\"><code>", "</code></pre>\n");
            }
            Tag::HtmlBlock => self.raw = Some(String::new()),
            Tag::List(None) => self.open("<ul>\n", "</ul>\n"),
            Tag::List(Some(1)) => self.open("<ol>\n", "</ol>\n"),
            Tag::List(Some(first)) => self.open(&format!("<ol start=\"{first}\">\n"), "</ol>\n"),
            Tag::Item => self.open("<li>", "</li>\n"),
            Tag::FootnoteDefinition(label) => {
                let number = self.footnote(label);
                let id = self.told.insert(number).then(|| format!(" id=\"readme-fn:{number}\""));
                let id = id.unwrap_or_default();
                self.open(&format!("<div{id}><sup>{number}</sup> "), "</div>\n");
            }
            Tag::Table(alignments) => {
                self.alignments = alignments;
                self.open(
                    "<div role=\"group\" aria-label=\"Table\" tabindex=\"0\"><table>\n",
                    "</table></div>\n",
                );
            }
            Tag::TableHead => {
                (self.column, self.in_table_head) = (0, true);
                self.open("<thead><tr>", "</tr></thead>\n");
            }
            Tag::TableRow => {
                (self.column, self.in_table_head) = (0, false);
                self.open("<tr>", "</tr>\n");
            }
            Tag::TableCell => self.start_cell(),
            Tag::Emphasis => self.open("<em>", "</em>"),
            Tag::Strong => self.open("<strong>", "</strong>"),
            Tag::Strikethrough => self.open("<del>", "</del>"),
            Tag::Link { link_type, dest_url, .. } => self.start_link(link_type, &dest_url),
            Tag::Image { dest_url, .. } => {
                self.image = Some(Image { destination: dest_url, alt: String::new(), within: 0 });
            }
            // Of extensions that are off.
            Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::Superscript
            | Tag::Subscript => self.open("", ""),
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match (tag, &mut self.image) {
            (TagEnd::Image, Some(image)) if image.within > 0 => return image.within -= 1,
            (TagEnd::Image, _) => return self.end_image(),
            (_, Some(_)) => return,
            (_, None) => {}
        }
        // What is hidden within a text ends with it.
        if !matches!(tag, TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Link) {
            self.unseen = None;
        }
        match tag {
            TagEnd::HtmlBlock => {
                let raw = self.raw.take().unwrap_or_default();
                return self.push_raw_block(&raw);
            }
            TagEnd::Heading(_) => self.end_heading(),
            // What was written as one within it was none.
            TagEnd::Link if self.link == Some(self.ends.len()) => self.link = None,
            _ => {}
        }
        let end = self.ends.pop().unwrap_or_default();
        self.out.push_str(end);
    }

    /// One level below where it stands, for the page has a heading of its own.
    fn start_heading(&mut self, level: HeadingLevel) {
        let (start, end) = match level {
            HeadingLevel::H1 => ("<h2>", "</h2>\n"),
            HeadingLevel::H2 => ("<h3>", "</h3>\n"),
            HeadingLevel::H3 => ("<h4>", "</h4>\n"),
            HeadingLevel::H4 => ("<h5>", "</h5>\n"),
            HeadingLevel::H5 | HeadingLevel::H6 => ("<h6>", "</h6>\n"),
        };
        let before = self.out.len();
        self.open(start, end);
        let is_open = self.out.len() > before;
        self.heading = is_open.then(|| (self.out.len() - 1, String::new()));
    }

    fn end_heading(&mut self) {
        let Some((at, text)) = self.heading.take() else { return };
        let slug = slug(&text);
        if slug.is_empty() {
            return;
        }
        let tries = self.anchors.get(&slug).copied();
        let mut anchor = slug.clone();
        if let Some(mut number) = tries {
            while self.anchors.contains_key(&anchor) {
                number += 1;
                anchor = format!("{slug}-{number}");
            }
            self.anchors.insert(slug, number);
        }
        self.out.insert_str(at, &format!(" id=\"readme-{anchor}\""));
        self.anchors.insert(anchor, 0);
    }

    fn start_cell(&mut self) {
        let align = match self.alignments.get(self.column) {
            Some(Alignment::Left) => " align=\"left\"",
            Some(Alignment::Center) => " align=\"center\"",
            Some(Alignment::Right) => " align=\"right\"",
            Some(Alignment::None) | None => "",
        };
        self.column += 1;
        if self.in_table_head {
            self.open(&format!("<th scope=\"col\"{align}>"), "</th>");
        } else {
            self.open(&format!("<td{align}>"), "</td>");
        }
    }

    fn start_link(&mut self, link_type: LinkType, destination: &str) {
        let mail;
        let destination = if link_type == LinkType::Email {
            mail = format!("mailto:{destination}");
            &mail
        } else {
            destination
        };
        let destination = links::judge(destination).filter(|_| self.link.is_none());
        // It leads out of the frame in which this may be shown.
        let start = destination.map(|destination| match destination {
            Destination::Here(fragment) => format!("<a href=\"{fragment}\">"),
            Destination::Near(link) | Destination::Mail(link) => {
                format!("<a href=\"{link}\" target=\"_top\">")
            }
            Destination::Far(link) => far(&link),
        });
        match start {
            Some(start) => {
                self.open(&start, "</a>");
                self.link = Some(self.ends.len());
            }
            None => self.open("", ""),
        }
    }

    fn end_image(&mut self) {
        let Some(image) = self.image.take() else { return };
        let destination = links::judge(&image.destination);
        if self.unseen.is_some() {
            return;
        }
        match destination {
            Some(Destination::Near(link)) => {
                // A query would be for a program, and there is none.
                let path = link.split(['?', '#']).next().unwrap_or_default();
                for piece in ["<img src=\"", path, "\" loading=\"lazy\" alt=\""] {
                    self.out.push_str(piece);
                }
                push_prose(&mut self.out, &image.alt);
                self.out.push_str("\">");
            }
            Some(Destination::Far(link)) if self.link.is_none() => {
                self.out.push_str(&far(&link));
                self.text(if image.alt.trim().is_empty() { "Image" } else { &image.alt });
                self.out.push_str("</a>");
            }
            _ => self.text(&image.alt),
        }
    }

    /// What of a block of HTML is text, in its lines.
    fn push_raw_block(&mut self, html: &str) {
        let text = raw::text_of(html);
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).peekable();
        if lines.peek().is_none() {
            return;
        }
        self.open("<p>", "</p>\n");
        while let Some(line) = lines.next() {
            self.text(line);
            self.out.push_str(if lines.peek().is_some() { "<br>\n" } else { "" });
        }
        let end = self.ends.pop().unwrap_or_default();
        self.out.push_str(end);
    }

    /// A tag within a text.
    fn inline_html(&mut self, html: &str) {
        match raw::tag_of(html) {
            raw::Tag::Unseen(name) if self.unseen.is_none() => self.unseen = Some(name),
            raw::Tag::End(name) if self.unseen.as_ref() == Some(&name) => self.unseen = None,
            raw::Tag::Break => self.mark("<br>"),
            raw::Tag::Text(text) => self.text(&text),
            raw::Tag::Unseen(_) | raw::Tag::End(_) | raw::Tag::Other => {}
        }
    }

    /// In the order in which they are named.
    fn footnote(&mut self, label: CowStr<'a>) -> usize {
        let next = self.footnotes.len() + 1;
        *self.footnotes.entry(label).or_insert(next)
    }
}

/// The start of a link to another host, which is told nothing.
fn far(link: &str) -> String {
    format!("<a href=\"{link}\" rel=\"noopener noreferrer nofollow\" target=\"_top\">")
}

/// What stands above a quotation of a kind.
fn title_of(kind: BlockQuoteKind) -> &'static str {
    match kind {
        BlockQuoteKind::Note => "<p><strong>Note</strong></p>\n",
        BlockQuoteKind::Tip => "<p><strong>Tip</strong></p>\n",
        BlockQuoteKind::Important => "<p><strong>Important</strong></p>\n",
        BlockQuoteKind::Warning => "<p><strong>Warning</strong></p>\n",
        BlockQuoteKind::Caution => "<p><strong>Caution</strong></p>\n",
    }
}

/// The anchor of a heading, as GitHub makes it: letters and digits in lower case, and a hyphen
/// for each space.
fn slug(text: &str) -> String {
    let kept = text.trim().chars().flat_map(char::to_lowercase).filter_map(|c| match c {
        ' ' | '\n' => Some('-'),
        '-' | '_' => Some(c),
        _ => c.is_alphanumeric().then_some(c),
    });
    kept.take(SLUG_MAX).collect()
}
