//! The folder that both servers share, and what is in it.

use std::ops::Range;
use std::path::Path;
use std::time::SystemTime;

use serve::codec::{Format, Level, encode};

use super::harness::{SETTLED, set_modified, write};
use super::wire::Connection;

/// The time of all files, on the wire. (They are half a second younger.)
pub const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

/// What can be asked for.
#[derive(Debug)]
pub struct Page {
    pub target: &'static str,
    pub leads_to: LeadsTo,
}

/// What is there.
#[derive(Debug)]
pub enum LeadsTo {
    File {
        path: &'static str,
        len: usize,
        /// It has a sibling in gzip.
        coded: bool,
        /// As we call it: it is in the frame of each part.
        media_type: &'static str,
    },
    Redirect(&'static str),
    Nothing,
}

const fn file(target: &'static str, path: &'static str, len: usize) -> Page {
    Page {
        target,
        leads_to: LeadsTo::File { path, len, coded: false, media_type: "application/octet-stream" },
    }
}

const fn coded(target: &'static str, path: &'static str, len: usize, media_type: &'static str) -> Page {
    Page { target, leads_to: LeadsTo::File { path, len, coded: true, media_type } }
}

pub const PAGES: [Page; 12] = [
    file("/0.bin", "0.bin", 0),
    file("/1.bin", "1.bin", 1),
    file("/2.bin", "2.bin", 2),
    file("/10.bin", "10.bin", 10),
    file("/1000.bin", "1000.bin", 1000),
    file("/4096.bin", "4096.bin", 4096),
    // More than is read at once, so the kernel sends it.
    file("/100000.bin", "100000.bin", 100_000),
    coded("/text.txt", "text.txt", 30_000, "text/plain; charset=utf-8"),
    coded("/site/", "site/index.html", 5_000, "text/html; charset=utf-8"),
    file("/plain/", "plain/index.html", 300),
    Page { target: "/site", leads_to: LeadsTo::Redirect("/site/") },
    Page { target: "/missing", leads_to: LeadsTo::Nothing },
];

/// The form of a file that is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Identity,
    Gzip,
}

/// The entity tags that a server gives to the forms of a file.
#[derive(Clone, Debug)]
pub struct Tags {
    pub identity: String,
    pub gzip: String,
}

impl Tags {
    pub fn of(&self, form: Form) -> &str {
        match form {
            Form::Identity => &self.identity,
            Form::Gzip => &self.gzip,
        }
    }
}

impl Page {
    pub fn is_coded(&self) -> bool {
        matches!(self.leads_to, LeadsTo::File { coded: true, .. })
    }

    /// Asks for the tags, which are each server's own.
    pub fn learn_tags(&self, connection: &mut Connection) -> Tags {
        let mut ask = |fields: &str| {
            let request = format!("GET {} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n", self.target);
            let answer = connection.ask(request.as_bytes(), false).unwrap();
            answer.field("etag").unwrap().map(str::to_owned)
        };
        let (identity, gzip) = (ask(""), ask("Accept-Encoding: gzip\r\n"));
        match self.leads_to {
            LeadsTo::File { coded, .. } => {
                let (identity, gzip) = (identity.unwrap(), gzip.unwrap());
                assert!([&identity, &gzip].iter().all(|tag| tag.starts_with('"')), "{identity} {gzip}: weak");
                assert_eq!(identity != gzip, coded, "{}", self.target);
                let gzip = if coded { gzip } else { "\"no-such-form\"".to_owned() };
                Tags { identity, gzip }
            }
            _ => {
                assert_eq!((identity, gzip), (None, None), "{}", self.target);
                Tags { identity: "\"none\"".to_owned(), gzip: "\"none-gz\"".to_owned() }
            }
        }
    }
}

/// The content of the files.
pub struct Site {
    /// Of each page, as it is and in gzip; empty where there is none.
    contents: Vec<[Vec<u8>; 2]>,
}

impl Site {
    pub fn new() -> Site {
        let contents = PAGES.iter().enumerate().map(|(seed, page)| match page.leads_to {
            LeadsTo::File { len, coded: false, .. } => [noise(len, seed), Vec::new()],
            LeadsTo::File { len, .. } => {
                let text = text(len);
                let gzip = encode(Format::Gzip, Level::Fast, &text).unwrap();
                [text, gzip]
            }
            _ => [Vec::new(), Vec::new()],
        });
        Site { contents: contents.collect() }
    }

    /// The content of a page in a form.
    pub fn content(&self, page: usize, form: Form) -> &[u8] {
        &self.contents[page][form as usize]
    }

    pub fn len(&self, page: usize, form: Form) -> u64 {
        self.content(page, form).len() as u64
    }

    /// A part of it, which must be there.
    pub fn part(&self, page: usize, form: Form, part: &Range<u64>) -> &[u8] {
        &self.content(page, form)[part.start as usize..part.end as usize]
    }

    /// Writes the files, all of the same old time.
    pub fn write_to(&self, root: &Path) {
        let put = |path: &str, content: &[u8]| {
            write(&root.join(path), content);
            set_modified(&root.join(path), SystemTime::UNIX_EPOCH + SETTLED);
        };
        for (page, [identity, gzip]) in PAGES.iter().zip(&self.contents) {
            if let LeadsTo::File { path, coded, .. } = page.leads_to {
                put(path, identity);
                if coded {
                    put(&format!("{path}.gz"), gzip);
                }
            }
        }
    }
}

/// Bytes without a period, so that a wrong offset shows.
fn noise(len: usize, seed: usize) -> Vec<u8> {
    let mut random = super::generate::Random::new(seed as u64);
    (0..len).map(|_| random.below(256) as u8).collect()
}

/// The same that compresses, but not to nothing.
fn text(len: usize) -> Vec<u8> {
    let lines = (0..len as u64)
        .flat_map(|n| format!("{n}: {}\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).into_bytes());
    lines.take(len).collect()
}

#[test]
fn the_forms_of_a_file_differ_and_a_part_is_found_at_one_place_only() {
    let site = Site::new();
    for (page, what) in PAGES.iter().enumerate().filter(|(_, page)| page.is_coded()) {
        let (identity, gzip) = (site.content(page, Form::Identity), site.content(page, Form::Gzip));
        assert!(gzip.len() > 1000 && gzip.len() < identity.len(), "{}: {}", what.target, gzip.len());
    }
    let noise = site.content(6, Form::Identity);
    let sample = &noise[5000..5016];
    assert_eq!(noise.windows(16).filter(|window| *window == sample).count(), 1);
}
