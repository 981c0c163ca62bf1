//! Why a path leads nowhere, found out by looking around where it ends. It looks by the
//! same contained open as everything (R5), never says what is in a file, and reads no more
//! than a few folders, of each only the first names.

use super::likeness::{Likeness, best};
use crate::http::SafePath;
use crate::http::target::is_hidden;
use crate::site::files::{Lookup, Node};
use crate::site::options::Options;
use crate::site::rules::is_rule_file;
use crate::site::trail::shown;
use crate::sys::{self, Detour, Trouble};

/// Of a folder so many names are looked at.
const NAMES_MAX: usize = 4096;

/// A path with more segments is nobody's typing.
const SEGMENTS_MAX: usize = 32;

/// So many of its segments may be mistyped.
const REPAIRS_MAX: usize = 3;

/// A longer path is cut: a terminal has a width.
const SHOWN_MAX: usize = 160;

/// Why this path beneath the root is 404, in a few words; None if there is nothing to say but
/// that it is not there. `lookup` is None where a single file is shared.
pub fn why(path: &SafePath, lookup: Option<&dyn Lookup>, options: &Options) -> Option<String> {
    let Some(lookup) = lookup else {
        return Some(format!("one file alone is shared, and it is {}", seen(&SafePath::root(), options)));
    };
    if path.is_hidden() && !options.hidden {
        let is_there = lookup.open(path).is_ok();
        return is_there.then(|| "hidden names are not served; --hidden would".to_owned());
    }
    if options.rules.is_some() && is_rule_file(path) {
        let is_there = lookup.open(path).is_ok();
        return is_there.then(|| "the server follows this file, and --no-rules would send it".to_owned());
    }
    Search { lookup, options, here: SafePath::root(), worst: None, repairs: 0 }.run(path)
}

/// What is beneath a base path, seen from outside of it.
pub fn why_outside(path: &SafePath, lookup: Option<&dyn Lookup>, options: &Options) -> String {
    let base = shown(&options.base.to_directory());
    let is_there = lookup.is_some_and(|lookup| lookup.open(path).is_ok()) && !path.is_hidden();
    match is_there {
        true => format!("all is below {base} (--base-path): did you mean {}?", seen(path, options)),
        false => format!("all is below {base} (--base-path)"),
    }
}

/// A path beneath the root as clients see it, no longer than a line.
fn seen(path: &SafePath, options: &Options) -> String {
    cut(format!("{}{}", shown(&options.base).trim_end_matches('/'), shown(path)))
}

/// The beginning of what is too long for a line.
pub fn cut(text: String) -> String {
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// A walk along a path, by other names where its own are not there.
struct Search<'a> {
    lookup: &'a dyn Lookup,
    options: &'a Options,
    /// As far as it has come.
    here: SafePath,
    /// How unlike the names that were taken instead are, at worst.
    worst: Option<Likeness>,
    repairs: usize,
}

impl Search<'_> {
    fn run(mut self, path: &SafePath) -> Option<String> {
        let segments: Vec<&[u8]> = path.segments().collect();
        if segments.len() > SEGMENTS_MAX {
            return None;
        }
        let mut node = Node::Directory;
        for (at, segment) in segments.iter().enumerate() {
            let is_last = at + 1 == segments.len();
            let next = self.here.join(segment)?;
            node = match self.lookup.open(&next) {
                Ok(node) => {
                    self.here = next;
                    node
                }
                Err(error) => match (sys::detour(&error), sys::trouble(&error)) {
                    (Some(detour), _) => return Some(self.told_of_link(&next, detour)),
                    (None, Trouble::Missing) => match self.repair(segment, is_last) {
                        Some(node) => node,
                        None => return self.told_of_gap(path, &next, is_last),
                    },
                    (None, _) => return None,
                },
            };
            if let (Node::File(_), false) = (&node, is_last) {
                return Some(format!("{} is a file, with nothing below it", self.seen(&self.here)));
            }
        }
        self.told_of_end(path, &node)
    }

    /// Goes on by the name that is most like the one that is not there.
    fn repair(&mut self, segment: &[u8], is_last: bool) -> Option<Node> {
        if self.repairs == REPAIRS_MAX {
            return None;
        }
        self.repairs += 1;
        let (here, options) = (&self.here, self.options);
        let keep = |name: &[u8]| {
            (options.hidden || !is_hidden(name))
                && !(options.rules.is_some() && here.join(name).is_some_and(|path| is_rule_file(&path)))
        };
        let entries = self.lookup.list(here, NAMES_MAX, &keep).ok()?;
        let rows = entries.rows.iter().filter(|row| is_last || row.is_directory);
        let names = rows.filter_map(|row| std::str::from_utf8(&row.name).ok());
        let (likeness, name) = best(&String::from_utf8_lossy(segment), names)?;
        let found = here.join(name.as_bytes())?;
        let node = self.lookup.open(&found).ok()?;
        self.worst = self.worst.max(Some(likeness));
        self.here = found;
        Some(node)
    }

    fn told_of_link(&self, link: &SafePath, detour: Detour) -> String {
        let link = self.seen(link);
        match detour {
            Detour::Outside => {
                format!("{link} is a link out of what is shared; --symlinks follow would follow it")
            }
            Detour::NotFollowed => {
                format!("{link} is a link that leads in a circle, or --symlinks does not allow it")
            }
        }
    }

    /// A name is not there, nor one that is like it.
    fn told_of_gap(&self, path: &SafePath, gap: &SafePath, is_last: bool) -> Option<String> {
        let folder = |path: &SafePath| self.seen(&path.to_directory());
        match (self.worst, is_last) {
            // The folder was mistyped, and the rest is wrong in another way.
            (Some(_), _) => {
                let asked = path.segments().take(self.here.segments().count());
                let asked = asked.fold(SafePath::root(), |path, name| path.join(name).unwrap_or(path));
                Some(format!("there is no {}; did you mean {}?", folder(&asked), folder(&self.here)))
            }
            (None, false) => Some(format!("there is no folder {}", folder(gap))),
            (None, true) => None,
        }
    }

    /// The way came to its end.
    fn told_of_end(&self, path: &SafePath, node: &Node) -> Option<String> {
        let is_directory = matches!(node, Node::Directory);
        let here = if is_directory { self.here.to_directory() } else { self.here.clone() };
        let found = self.seen(&here);
        match self.worst {
            None if is_directory => {
                let why =
                    if self.options.listing { "--spa has no page for it" } else { "--no-listing is given" };
                Some(format!("there is no index file in {found}, and {why}"))
            }
            None if path.has_trailing_slash() => {
                Some(format!("a file has no slash behind its name: did you mean {found}?"))
            }
            // It has come meanwhile.
            None => None,
            Some(Likeness::Case) if self.options.strict_case => {
                Some(format!("there is {found}, which differs in case: --strict-case is given"))
            }
            Some(Likeness::Case) => {
                Some(format!("there is {found}, which differs in case: that works on macOS and Windows only"))
            }
            Some(_) if path.with_suffix(".html").is_some_and(|clean| clean.as_bytes() == here.as_bytes()) => {
                Some(format!("{found} is there; --clean-urls would answer with it"))
            }
            Some(_) => Some(format!("did you mean {found}?")),
        }
    }

    fn seen(&self, path: &SafePath) -> String {
        seen(path, self.options)
    }
}

#[cfg(test)]
#[path = "why_tests.rs"]
mod tests;
