//! A folder of millions of names: what a listing of it may cost.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::http::response::ResponseJob;
use crate::site::listing::Row;

/// A folder of so many names, `README.md` first, which tells how it was looked at.
#[derive(Clone, Default)]
struct Vast {
    count: usize,
    names: Arc<AtomicUsize>,
    opened: Arc<AtomicUsize>,
}

impl FileSystem for Vast {
    fn open(&mut self, path: &SafePath, _: &Now) -> io::Result<Node> {
        if path.has_trailing_slash() { Ok(Node::Directory) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    fn lookup(&mut self) -> Option<Arc<dyn Lookup>> {
        Some(Arc::new(self.clone()))
    }
}

impl Lookup for Vast {
    fn open(&self, _: &SafePath) -> io::Result<Node> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        Err(io::ErrorKind::NotFound.into())
    }

    fn list(&self, _: &SafePath, most: usize, keep: &dyn Fn(&[u8]) -> bool) -> io::Result<Entries> {
        let mut entries = Entries::default();
        for number in 0..self.count {
            self.names.fetch_add(1, Ordering::Relaxed);
            let name: &[u8] = match number {
                0 => b"README.md",
                _ if number + 1 == self.count => b"last",
                _ if number % 2 == 0 => b"name",
                _ => b".hidden",
            };
            if !keep(name) {
                continue;
            }
            if entries.rows.len() == most {
                entries.truncated = true;
                break;
            }
            entries.rows.push(Row { name: name.to_vec(), is_directory: false, len: 1, modified: None });
        }
        Ok(entries)
    }
}

fn ask(files: &Vast, options: Options, target: &str) -> Response {
    let mut site = Site::new(Arc::new(options), files.clone(), Arc::new(|_: &str| {}));
    let job: ResponseJob = match asking::ask(&mut site, "GET", target, &[], &Now::read()) {
        Answer::Later(job) => job,
        _ => panic!("a listing is made later"),
    };
    job()
}

/// R40.
#[test]
fn a_filter_that_nothing_passes_ends_at_a_number_of_names_and_says_that_there_are_more() {
    for (count, truncated) in [(2_000_000, true), (510_000, false)] {
        let files = Vast { count, ..Vast::default() };
        let listing = text(&ask(&files, Options::default(), "/d/?q=zebra&format=json").body);
        assert_eq!(listing, format!("{{\"path\":\"/d/\",\"truncated\":{truncated},\"entries\":[]}}\n"));
        assert!(files.names.load(Ordering::Relaxed) < 600_000);
        // What is taken to come to an end is not shown for that.
        let page = text(&ask(&files, Options::default(), "/d/?q=last").body);
        assert_eq!(page.contains("None of the names that were looked at contains"), truncated);
        assert_eq!(page.contains("\"./last\""), !truncated);
        let hidden = text(&ask(&files, Options::default(), "/d/?q=hidden&format=text").body);
        assert_eq!(hidden, if truncated { "(there is more)\n" } else { "" });
    }
}

/// R40.
#[test]
fn a_listing_for_which_there_is_no_room_is_refused_before_it_is_made() {
    for (room, status, opened) in [(10_000, Status::ServiceUnavailable, 0), (10_000_000, Status::Ok, 1)] {
        let files = Vast { count: 1000, ..Vast::default() };
        let options = Options { listings: budget::Budget::new(room), ..Options::default() };
        let response = ask(&files, options, "/d/");
        assert_eq!((response.status, files.opened.load(Ordering::Relaxed)), (status, opened));
    }
}
