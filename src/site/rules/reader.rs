//! Looks after the two files: read at the start, and again when they have changed.
//!
//! Each loop looks once a second, through the site's own file system; what was found is
//! shared, so that a mistake is told once and not by each loop.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Complaint, FILE_MAX, HEADERS, REDIRECTS, Rules};
use crate::clock::Now;
use crate::http::SafePath;
use crate::site::Report;
use crate::site::files::{FileSystem, Node, OpenFile};
use crate::sys::{self, Trouble, Version};

/// How long a change may go unnoticed.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The rules of a site, for all loops.
#[derive(Clone, Debug, Default)]
pub struct Shared(Arc<Mutex<Edition>>);

/// What was read last.
#[derive(Debug, Default)]
struct Edition {
    headers: Source,
    redirects: Source,
    rules: Arc<Rules>,
}

/// One of the files.
#[derive(Debug, Default, PartialEq, Eq)]
struct Source {
    /// The version that was read, unless a change might not show in it.
    version: Option<Version>,
    bytes: Vec<u8>,
    /// What was said instead of giving bytes.
    trouble: Option<String>,
}

/// The rules as one loop sees them.
pub struct Reader {
    /// None if rules are switched off.
    shared: Option<Shared>,
    rules: Arc<Rules>,
    /// When it is time to look again.
    due: Option<Instant>,
}

impl Reader {
    /// A reader that has read nothing yet.
    pub fn new(shared: Option<Shared>) -> Reader {
        Reader { shared, rules: Arc::default(), due: None }
    }

    /// Whether there are rules at all, and so files that are not served.
    pub fn is_on(&self) -> bool {
        self.shared.is_some()
    }

    /// The rules in force.
    pub fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }

    /// Looks at the files, unless that was done within the last second.
    pub fn refresh(&mut self, files: &mut impl FileSystem, now: &Now, report: &Report) {
        let is_due = self.due.is_none_or(|due| due <= now.instant);
        let Some(shared) = self.shared.as_ref().filter(|_| is_due) else { return };
        self.due = Some(now.instant + CHECK_INTERVAL);
        let mut edition = shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut complaints = Vec::new();
        let changed = [
            (HEADERS, edition.headers.look(HEADERS, files, now, &mut complaints)),
            (REDIRECTS, edition.redirects.look(REDIRECTS, files, now, &mut complaints)),
        ];
        if changed.iter().any(|(_, changed)| *changed) {
            let (rules, wrong) = Rules::parse(&edition.headers.bytes, &edition.redirects.bytes);
            edition.rules = Arc::new(rules);
            // What is wrong in the other file was told when it was read.
            complaints.extend(wrong.into_iter().filter(|wrong| changed.contains(&(wrong.file, true))));
        }
        self.rules = Arc::clone(&edition.rules);
        drop(edition);
        for complaint in complaints {
            report(&complaint.to_string());
        }
    }
}

impl Source {
    /// Looks at the file; says whether its bytes are others now.
    fn look(
        &mut self,
        name: &'static str,
        files: &mut impl FileSystem,
        now: &Now,
        complaints: &mut Vec<Complaint>,
    ) -> bool {
        let (version, read) = match open(name, files, now) {
            Ok(None) => (None, Ok(Vec::new())),
            Ok(Some(file)) => {
                if self.version == Some(file.version) {
                    return false;
                }
                (Some(file.version).filter(|version| version.is_settled(now.system)), read(&file))
            }
            // It will be tried again, and until then what was read holds.
            Err(error) if matches!(sys::trouble(&error), Trouble::Exhausted) => return false,
            Err(error) => (None, Err(format!("it cannot be read: {error}; what was read before holds"))),
        };
        self.version = version;
        let (bytes, trouble) = match read {
            Ok(bytes) if bytes.len() > FILE_MAX => {
                (Some(Vec::new()), Some("it has more than 1 MiB, so none of it is used".to_owned()))
            }
            Ok(bytes) => (Some(bytes), None),
            Err(trouble) => (None, Some(trouble)),
        };
        if let Some(what) = trouble.clone().filter(|_| trouble != self.trouble) {
            complaints.push(Complaint { file: name, line: 0, what });
        }
        self.trouble = trouble;
        let changed = bytes.as_ref().is_some_and(|bytes| *bytes != self.bytes);
        self.bytes = bytes.unwrap_or_else(|| std::mem::take(&mut self.bytes));
        changed
    }
}

/// The file, if there is one.
fn open(name: &str, files: &mut impl FileSystem, now: &Now) -> io::Result<Option<OpenFile>> {
    let path = SafePath::from_decoded(name.as_bytes()).ok_or(io::ErrorKind::InvalidInput)?;
    if files.is_shared_by_name(&path) {
        // One file is shared, and this is it.
        return Ok(None);
    }
    match files.open(&path, now) {
        Ok(Node::File(file)) => Ok(Some(file)),
        Ok(Node::Directory) => Ok(None),
        Err(error) if matches!(sys::trouble(&error), Trouble::Missing) => Ok(None),
        Err(error) => Err(error),
    }
}

fn read(file: &OpenFile) -> Result<Vec<u8>, String> {
    match file.content.read(0, FILE_MAX + 1) {
        Ok(bytes) => Ok(bytes.to_vec()),
        Err(error) => Err(format!("it cannot be read: {error}; what was read before holds")),
    }
}
