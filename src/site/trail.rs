//! Why an answer is what it is: what was found and decided on the way to it, for
//! `--explain`. A server keeps none.
//!
//! It only listens: no answer depends on it. Nothing of it is put together unless
//! somebody wants to know.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::files::{FileSystem, Lookup, Node, OpenFile, Place};
use crate::clock::Now;
use crate::http::SafePath;
use crate::sys::{self, Trouble, Version};

/// One thing that was found or decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it is about, in a word or two.
    pub topic: &'static str,
    /// What, for people. It may hold any character that a name holds.
    pub text: String,
}

/// The steps to an answer, or nothing at all; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Trail {
    steps: Option<Arc<Mutex<Vec<Step>>>>,
}

impl Trail {
    /// One that is kept. [`Trail::default`] keeps nothing.
    pub fn kept() -> Trail {
        Trail { steps: Some(Arc::default()) }
    }

    /// Whether anybody wants to know.
    pub fn is_kept(&self) -> bool {
        self.steps.is_some()
    }

    /// Adds a step, if somebody wants to know.
    pub fn note(&self, topic: &'static str, text: impl FnOnce() -> String) {
        if let Some(steps) = &self.steps {
            let step = Step { topic, text: text() };
            steps.lock().unwrap_or_else(PoisonError::into_inner).push(step);
        }
    }

    /// All steps so far, which are forgotten here.
    pub fn take(&self) -> Vec<Step> {
        let taken = |steps: &Arc<Mutex<Vec<Step>>>| {
            std::mem::take(&mut *steps.lock().unwrap_or_else(PoisonError::into_inner))
        };
        self.steps.as_ref().map(taken).unwrap_or_default()
    }
}

/// Files whose every look-up is a step of the trail.
pub struct Traced<F> {
    inner: F,
    trail: Trail,
}

impl<F: FileSystem> Traced<F> {
    /// These files, under observation.
    pub fn new(inner: F, trail: Trail) -> Self {
        Traced { inner, trail }
    }
}

impl<F: FileSystem> FileSystem for Traced<F> {
    fn open(&mut self, path: &SafePath, now: &Now) -> io::Result<Node> {
        let opened = self.inner.open(path, now);
        self.trail.note("open", || format!("{}: {}", shown(path), found(&opened)));
        opened
    }

    fn version(&mut self, path: &SafePath, now: &Now) -> Option<Version> {
        self.inner.version(path, now)
    }

    fn lookup(&mut self) -> Option<Arc<dyn Lookup>> {
        self.inner.lookup()
    }

    fn place(&self, path: &SafePath) -> Option<Place> {
        self.inner.place(path)
    }

    fn is_gone(&self) -> bool {
        self.inner.is_gone()
    }

    fn is_shared_by_name(&self, path: &SafePath) -> bool {
        self.inner.is_shared_by_name(path)
    }
}

/// A path beneath the root, as people write it.
pub(in crate::site) fn shown(path: &SafePath) -> String {
    let slash = if path.has_trailing_slash() && !path.is_root() { "/" } else { "" };
    format!("/{}{slash}", String::from_utf8_lossy(path.as_bytes()))
}

fn found(opened: &io::Result<Node>) -> String {
    match opened {
        Ok(Node::File(file)) => file_facts(file),
        Ok(Node::Directory) => "a folder".to_owned(),
        Err(error) => match (sys::trouble(error), error.kind()) {
            (Trouble::Missing, io::ErrorKind::NotFound) => "nothing there".to_owned(),
            (Trouble::Missing, io::ErrorKind::CrossesDevices) => {
                "a link out of what is shared, which is not followed (--symlinks)".to_owned()
            }
            (Trouble::Missing, _) => format!("nothing to serve: {error}"),
            (Trouble::Forbidden | Trouble::Exhausted | Trouble::Failed, _) => error.to_string(),
        },
    }
}

fn file_facts(file: &OpenFile) -> String {
    let modified = file.modified.filter(|time| *time >= SystemTime::UNIX_EPOCH);
    let modified = modified.and_then(crate::http::date::from_time);
    match modified {
        Some(modified) => format!("a file of {} bytes, last modified {modified}", file.len),
        None => format!("a file of {} bytes", file.len),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::files::Memory;

    #[test]
    fn steps_are_kept_in_order_and_taken_once() {
        let trail = Trail::kept();
        trail.note("a", || "1".to_owned());
        trail.clone().note("b", || "2".to_owned());
        let topics: Vec<_> = trail.take().into_iter().map(|step| step.topic).collect();
        assert_eq!(topics, ["a", "b"]);
        assert!(trail.take().is_empty());
    }

    #[test]
    fn without_a_reader_nothing_is_put_together() {
        Trail::default().note("a", || panic!("nobody wanted to know"));
        assert!(Trail::default().take().is_empty());
    }

    #[test]
    fn each_look_up_is_a_step() {
        let (mut memory, trail, now) = (Memory::default(), Trail::kept(), Now::read());
        memory.insert("d/a b", "xyz", SystemTime::UNIX_EPOCH);
        let mut files = Traced::new(memory, trail.clone());
        for path in ["/d/a%20b", "/d/", "/e"] {
            if let Ok(path) = SafePath::parse(path) {
                let _ = files.open(&path, &now);
            }
        }
        let texts: Vec<_> = trail.take().into_iter().map(|step| step.text).collect();
        let expected = [
            "/d/a b: a file of 3 bytes, last modified Thu, 01 Jan 1970 00:00:00 GMT",
            "/d/: a folder",
            "/e: nothing there",
        ];
        assert_eq!(texts, expected);
    }
}
