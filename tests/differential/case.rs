//! One request: what it asks for, under which conditions, in which form.

use super::site::{PAGES, Page, Tags};
use super::values::{Codings, Date, Means, Tag};

/// A request. Each field is its lines, mostly none or one.
#[derive(Clone, Debug, Default)]
pub struct Case {
    pub head: bool,
    /// Which of [`PAGES`].
    pub page: usize,
    pub if_match: Vec<TagList>,
    pub if_none_match: Vec<TagList>,
    pub if_modified_since: Vec<&'static Date>,
    pub if_unmodified_since: Vec<&'static Date>,
    pub if_range: Vec<Validator>,
    pub range: Vec<RangeValue>,
    pub codings: Option<&'static Codings>,
    /// Which of the fields comes first; the others follow in turn.
    pub first: usize,
}

/// A list of entity tags.
#[derive(Clone, Debug)]
pub struct TagList {
    pub members: Vec<&'static Tag>,
    pub separator: &'static str,
}

/// What If-Range holds.
#[derive(Clone, Debug)]
pub enum Validator {
    Tag(&'static Tag),
    Date(&'static Date),
}

/// A value of Range.
#[derive(Clone, Debug)]
pub struct RangeValue {
    pub text: String,
    /// None if it is none of bytes, or no list at all.
    pub members: Option<Vec<Member>>,
}

/// A member of such a list.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    pub spec: Spec,
    /// There is a tab beside it, which is white space as good as another.
    pub tab: bool,
    /// There are spaces within, which makes it malformed.
    pub spaced: bool,
}

/// What is said between two commas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spec {
    /// `A-`
    From(u128),
    /// `A-B`
    FromTo(u128, u128),
    /// `-N`
    Last(u128),
    /// Nothing.
    Empty,
    /// No range.
    Malformed,
}

impl Case {
    pub fn page(&self) -> &'static Page {
        &PAGES[self.page]
    }

    /// Whether a field of which there should be one line has more. (Range is not among
    /// them: no server that is asked here refuses that.)
    pub fn has_lines_twice(&self) -> bool {
        self.if_match.len() > 1
            || self.if_none_match.len() > 1
            || self.if_modified_since.len() > 1
            || self.if_unmodified_since.len() > 1
            || self.if_range.len() > 1
    }

    /// The request to a server with these tags.
    pub fn request(&self, tags: &Tags) -> Vec<u8> {
        let tag_list = |list: &TagList| {
            let members: Vec<_> = list.members.iter().map(|tag| tag.text(tags)).collect();
            members.join(list.separator)
        };
        let date = |date: &&'static Date| date.text.to_owned();
        let validator = |validator: &Validator| match validator {
            Validator::Tag(tag) => tag.text(tags),
            Validator::Date(date) => date.text.to_owned(),
        };
        let coding_lines = self.codings.map_or(&[][..], |codings| codings.lines);
        let fields: [(&str, Vec<String>); 7] = [
            ("If-Match", self.if_match.iter().map(tag_list).collect()),
            ("If-None-Match", self.if_none_match.iter().map(tag_list).collect()),
            ("If-Modified-Since", self.if_modified_since.iter().map(date).collect()),
            ("If-Unmodified-Since", self.if_unmodified_since.iter().map(date).collect()),
            ("If-Range", self.if_range.iter().map(validator).collect()),
            ("Range", self.range.iter().map(|value| value.text.clone()).collect()),
            ("Accept-Encoding", coding_lines.iter().map(|line| (*line).to_owned()).collect()),
        ];
        let method = if self.head { "HEAD" } else { "GET" };
        let mut request = format!("{method} {} HTTP/1.1\r\nHost: localhost\r\n", self.page().target);
        for at in 0..fields.len() {
            let (name, lines) = &fields[(self.first + at) % fields.len()];
            for line in lines {
                request.push_str(&format!("{name}: {line}\r\n"));
            }
        }
        request.push_str("\r\n");
        request.into_bytes()
    }
}

impl Tag {
    /// As it is said to a server with these tags.
    fn text(&self, tags: &Tags) -> String {
        self.text.replace("OWN", &tags.identity).replace("CODED", &tags.gzip)
    }
}

#[test]
fn a_request_has_its_fields_in_turn_with_the_tags_of_the_server() {
    let tag = |means| super::values::TAGS.iter().find(|tag| tag.means == means).unwrap();
    let own = tag(Means::Own { coded: false, weak: true });
    let list = TagList { members: vec![own, tag(Means::Star)], separator: " , " };
    let range = RangeValue { text: "bytes=0-1".to_owned(), members: None };
    let case = Case {
        head: true,
        page: 3,
        if_match: vec![list.clone(), list],
        if_range: vec![Validator::Tag(tag(Means::Own { coded: true, weak: false }))],
        range: vec![range],
        first: 5,
        ..Case::default()
    };
    let tags = Tags { identity: "\"i\"".to_owned(), gzip: "\"g\"".to_owned() };
    let expected = "HEAD /10.bin HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-1\r\nIf-Match: W/\"i\" , *\r\n\
                    If-Match: W/\"i\" , *\r\nIf-Range: \"g\"\r\n\r\n";
    assert_eq!(String::from_utf8(case.request(&tags)).unwrap(), expected);
    assert!(case.has_lines_twice());
}
