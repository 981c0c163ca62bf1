//! What of a listing is wanted, and how: the query of its address.
//!
//! | parameter | values | without |
//! |---|---|---|
//! | `format` | `html`, `json`, `ndjson`, `csv`, `text` | what Accept prefers |
//! | `sort` | `name`, `size`, `modified`; with `-` before it the other way round | `name` |
//! | `q` | a part of the names, in any case | all names |
//!
//! Of several of a name the last counts, which in forms is the button. What is not known is
//! ignored, as other parameters are: addresses collect them.

use std::borrow::Cow;

use crate::http::RequestFields;
use crate::http::negotiate::{self, Form};
use crate::http::query;

/// How a listing is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// A page for people.
    Html,
    /// One value.
    Json,
    /// A value for each entry, in a line each.
    Ndjson,
    /// A table (RFC 4180).
    Csv,
    /// A name in each line.
    Text,
}

impl Format {
    const ALL: [Format; 5] = [Format::Html, Format::Json, Format::Ndjson, Format::Csv, Format::Text];

    /// Its name in a query.
    pub fn name(self) -> &'static str {
        match self {
            Format::Html => "html",
            Format::Json => "json",
            Format::Ndjson => "ndjson",
            Format::Csv => "csv",
            Format::Text => "text",
        }
    }

    /// Its media type, and what stands behind that in Content-Type.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Html => "text/html; charset=utf-8",
            Format::Json => "application/json; charset=utf-8",
            Format::Ndjson => "application/x-ndjson; charset=utf-8",
            Format::Csv => "text/csv; charset=utf-8; header=present",
            Format::Text => "text/plain; charset=utf-8",
        }
    }

    /// The form of an error in its place: of programs one for programs.
    pub fn form(self) -> Form {
        match self {
            Format::Html => Form::Html,
            Format::Json | Format::Ndjson | Format::Csv | Format::Text => Form::Json,
        }
    }

    /// What the client prefers (RFC 9110 §12.5.1); who prefers nothing gets the page.
    fn preferred(fields: RequestFields<'_>) -> Format {
        let others = [
            (Format::Json, ("application", "json")),
            (Format::Ndjson, ("application", "x-ndjson")),
            (Format::Csv, ("text", "csv")),
            (Format::Text, ("text", "plain")),
        ];
        negotiate::preferred(fields, (Format::Html, ("text", "html")), &others)
    }
}

/// What the entries are sorted by. Folders come first, whatever it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Column {
    /// By name, in natural order.
    #[default]
    Name,
    /// By size, and folders by name.
    Size,
    /// By time.
    Modified,
}

impl Column {
    /// All of them, as they stand on the page.
    pub const ALL: [Column; 3] = [Column::Name, Column::Size, Column::Modified];

    /// Its name in a query.
    pub fn name(self) -> &'static str {
        match self {
            Column::Name => "name",
            Column::Size => "size",
            Column::Modified => "modified",
        }
    }
}

/// A part of names. Both are compared in lower case, as Unicode has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Filter {
    typed: String,
    lowered: String,
}

impl Filter {
    /// None for what every name has.
    fn new(typed: &str) -> Option<Filter> {
        (!typed.is_empty()).then(|| Filter { typed: typed.to_owned(), lowered: typed.to_lowercase() })
    }

    /// As it was typed.
    pub fn as_str(&self) -> &str {
        &self.typed
    }

    /// Whether a name has it.
    pub fn admits(&self, name: &[u8]) -> bool {
        String::from_utf8_lossy(name).to_lowercase().contains(&self.lowered)
    }
}

/// What of a listing is wanted, and how.
///
/// ```
/// use serve::http::RequestFields;
/// use serve::site::listing::{Column, Format, View};
/// let view = View::of(Some("sort=-size&q=a+%C3%A4"), RequestFields::new(&[]));
/// assert_eq!((view.format, view.column, view.descending), (Format::Html, Column::Size, true));
/// assert!(view.filter.is_some_and(|filter| filter.admits("Banana Äpfel".as_bytes())));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct View {
    /// How it is written.
    pub format: Format,
    /// What decides on the order.
    pub column: Column,
    /// Whether the order is turned round.
    pub descending: bool,
    /// Which names are wanted.
    pub filter: Option<Filter>,
}

impl View {
    /// All entries in the usual order.
    pub fn all(format: Format) -> View {
        View { format, column: Column::default(), descending: false, filter: None }
    }

    /// What a request asks for.
    pub fn of(query: Option<&str>, fields: RequestFields<'_>) -> View {
        let query = query.unwrap_or_default();
        let format = value(query, "format");
        let sort = value(query, "sort").unwrap_or_default();
        let column = sort.strip_prefix('-').unwrap_or(&sort);
        let column = Column::ALL.into_iter().find(|known| known.name() == column);
        View {
            format: Format::ALL
                .into_iter()
                .find(|known| Some(known.name()) == format.as_deref())
                .unwrap_or_else(|| Format::preferred(fields)),
            column: column.unwrap_or_default(),
            descending: column.is_some() && sort.starts_with('-'),
            filter: value(query, "q").and_then(|typed| Filter::new(&typed)),
        }
    }
}

/// The last value of a parameter, as text.
fn value<'a>(query: &'a str, name: &'a str) -> Option<Cow<'a, str>> {
    let value = query::values(query, name).last()?;
    Some(match value {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::http::fields::FieldLine;
    use proptest::prelude::*;

    fn view(query: &str) -> View {
        View::of(Some(query), RequestFields::new(&[]))
    }

    fn accepting(accept: &str) -> Format {
        let line = [FieldLine { name: "Accept", value: accept.as_bytes() }];
        View::of(None, RequestFields::new(&line)).format
    }

    #[test]
    fn a_query_says_what_is_wanted_and_all_else_is_ignored() {
        let all = View::all(Format::Html);
        for query in [
            "",
            "&",
            "=",
            "x",
            "sort",
            "sort=",
            "sort=colour",
            "sort=-",
            "sort=-colour",
            "q=",
            "q",
            "format=xml",
            "v=1",
        ] {
            assert_eq!(view(query), all, "{query}");
        }
        assert_eq!(view("v=1&sort=size"), View { column: Column::Size, ..all.clone() });
        let newest = View { column: Column::Modified, descending: true, ..all.clone() };
        assert_eq!(view("sort=size&q=&sort=-modified"), newest);
        assert_eq!(view("format=csv").format, Format::Csv);
        let filter = |query| view(query).filter.map(|filter| filter.typed);
        assert_eq!(filter("q=a+b%2Bc%26&q=x").as_deref(), Some("x"));
        assert_eq!(filter("q=a+b%2Bc%26").as_deref(), Some("a b+c&"));
        assert_eq!(filter("q=%ff%").as_deref(), Some("\u{fffd}%"));
    }

    #[test]
    fn the_preferred_format_is_sent_and_the_page_in_doubt() {
        for (accept, expected) in [
            ("*/*", Format::Html),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Format::Html),
            ("application/json", Format::Json),
            ("application/x-ndjson", Format::Ndjson),
            ("text/csv", Format::Csv),
            ("text/plain", Format::Text),
            ("text/*", Format::Html),
            ("text/html;q=0, */*", Format::Json),
            ("text/csv;q=0.4, text/plain;q=0.5", Format::Text),
            ("image/png", Format::Html),
        ] {
            assert_eq!(accepting(accept), expected, "{accept}");
        }
        // The query is what somebody has typed, and Accept is what a program always says.
        let line = [FieldLine { name: "Accept", value: b"application/json" }];
        assert_eq!(View::of(Some("format=text"), RequestFields::new(&line)).format, Format::Text);
    }

    #[test]
    fn a_filter_ignores_case_in_every_script() {
        let admits = |typed: &str, name: &str| Filter::new(typed).unwrap().admits(name.as_bytes());
        assert!(admits("PHOTO", "my photos") && admits("größe", "GRÖßE.txt"));
        assert!(admits("жук", "ЖУК.png") && !admits("жук", "жаба.png") && !admits("a b", "ab"));
        assert!(Filter::new("\u{fffd}").unwrap().admits(b"a\xff"));
    }

    proptest! {
        #[test]
        fn no_query_is_too_strange(query in "\\PC{0,80}") {
            view(&query);
        }
    }
}
