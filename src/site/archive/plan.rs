//! What is in an archive: the walk of a tree.
//!
//! It goes through the same contained look-up as everything else, so what is not served is
//! not in it: hidden names, links that lead where they may not, what is no file.

use std::collections::BTreeSet;
use std::io;
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::Format;
use crate::http::precondition::ETag;
use crate::http::{SafePath, Status};
use crate::site::files::Lookup;
use crate::site::listing::Row;
use crate::sys::SETTLING_TIME;

/// Most members of an archive. Whoever has more has better means, and what is known of each
/// is kept in memory while it is sent.
const MEMBERS_MAX: usize = 100_000;

/// Deepest tree. Deeper ones are made to break programs.
const DEPTH_MAX: usize = 128;

/// What is known of a member takes so much memory beside its name, roughly.
const MEMBER_BYTES: usize = 160;

/// Whether a path beneath the root is to be in an archive, by the rules of requests.
pub type Wanted = dyn Fn(&SafePath) -> bool + Send;

/// A file or directory that will be in the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Where it is beneath the root.
    pub path: SafePath,
    /// Where its name in the archive begins in that path.
    pub cut: usize,
    /// Whether it is a directory.
    pub is_directory: bool,
    /// Length in bytes; 0 for a directory.
    pub len: u64,
    /// When it was last changed, if that is known.
    pub modified: Option<SystemTime>,
}

impl Member {
    /// Its path in the archive, without the folder on top.
    pub fn name(&self) -> &[u8] {
        &self.path.as_bytes()[self.cut..]
    }

    /// Seconds since 1970; 0 if nothing better is known.
    pub fn seconds(&self) -> u64 {
        let since = self.modified.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        since.map_or(0, |since| since.as_secs())
    }
}

/// Walks the tree under `directory`, or the entries of it that are selected, and returns what
/// it finds in an order that is the same each time.
///
/// # Errors
/// 404 for a selected name that is not there, 403 for a tree that is too large or too deep;
/// `status_of` says what else becomes of an error.
pub fn walk(
    lookup: &dyn Lookup,
    directory: &SafePath,
    selected: Option<&[Vec<u8>]>,
    wanted: &Wanted,
    status_of: &dyn Fn(&io::Error, &SafePath) -> Status,
) -> Result<Vec<Member>, Status> {
    let cut = if directory.is_root() { 0 } else { directory.as_bytes().len() + 1 };
    let mut walk = Walk { lookup, wanted, status_of, cut, members: Vec::new(), above: Vec::new() };
    match selected {
        None => walk.enter(directory)?,
        Some(names) => walk.select(directory, names)?,
    }
    Ok(walk.members)
}

struct Walk<'a> {
    lookup: &'a dyn Lookup,
    wanted: &'a Wanted,
    status_of: &'a dyn Fn(&io::Error, &SafePath) -> Status,
    cut: usize,
    members: Vec<Member>,
    /// The directories in which we are, by their identities.
    above: Vec<(u64, u64)>,
}

impl Walk<'_> {
    /// Names that somebody has chosen: each must be there.
    fn select(&mut self, directory: &SafePath, names: &[Vec<u8>]) -> Result<(), Status> {
        let names: BTreeSet<&[u8]> = names.iter().map(Vec::as_slice).collect();
        let rows = self.list(directory, &|name| names.contains(name))?;
        if rows.len() < names.len() {
            return Err(Status::NotFound);
        }
        self.take(directory, rows)
    }

    fn enter(&mut self, directory: &SafePath) -> Result<(), Status> {
        let identity = self.lookup.identity(directory);
        let identity = identity.map_err(|error| (self.status_of)(&error, directory))?;
        // A link that leads back to where we are: what is there is in the archive already.
        if identity.is_some_and(|identity| self.above.contains(&identity)) {
            return Ok(());
        }
        if self.above.len() == DEPTH_MAX {
            return Err(Status::Forbidden);
        }
        let rows = self.list(directory, &|_| true)?;
        // A failure in there is that of the whole walk, but for what has gone meanwhile.
        self.above.push(identity.unwrap_or_default());
        self.take(directory, rows)?;
        self.above.pop();
        Ok(())
    }

    /// The entries of a directory that are wanted, in their order.
    fn list(&self, directory: &SafePath, chosen: &dyn Fn(&[u8]) -> bool) -> Result<Vec<Row>, Status> {
        let is_wanted = |name: &[u8]| directory.join(name).is_some_and(|path| (self.wanted)(&path));
        let keep = |name: &[u8]| chosen(name) && is_wanted(name);
        let most = MEMBERS_MAX - self.members.len();
        let entries = self.lookup.list(directory, most, &keep);
        let entries = entries.map_err(|error| (self.status_of)(&error, directory))?;
        if entries.truncated {
            return Err(Status::Forbidden);
        }
        let mut rows = entries.rows;
        rows.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(rows)
    }

    fn take(&mut self, directory: &SafePath, rows: Vec<Row>) -> Result<(), Status> {
        for row in rows {
            let Some(path) = directory.join(&row.name) else { continue };
            if row.is_directory {
                self.push_directory(path, row.modified)?;
            } else {
                self.push(path, false, row.len, row.modified)?;
            }
        }
        Ok(())
    }

    /// A directory is a member, too, so that an empty one is there; and then what is in it.
    fn push_directory(&mut self, path: SafePath, modified: Option<SystemTime>) -> Result<(), Status> {
        self.push(path.clone(), true, 0, modified)?;
        match self.enter(&path) {
            // It has gone since it was listed.
            Err(Status::NotFound) => Ok(()),
            entered => entered,
        }
    }

    fn push(
        &mut self,
        path: SafePath,
        is_directory: bool,
        len: u64,
        modified: Option<SystemTime>,
    ) -> Result<(), Status> {
        if self.members.len() == MEMBERS_MAX {
            return Err(Status::Forbidden);
        }
        self.members.push(Member { path, cut: self.cut, is_directory, len, modified });
        Ok(())
    }
}

/// What is known of all of them takes so many bytes of memory, roughly.
pub fn bytes_in_memory(members: &[Member]) -> usize {
    members.iter().map(|member| MEMBER_BYTES + member.path.as_bytes().len()).sum()
}

/// The validator of an archive of these: made of what would show a change, and weak while a
/// file could still change without showing it, or has a time that says nothing: none, or the
/// epoch, as reproducible builds set it.
pub fn tag(format: Format, top: &[u8], members: &[Member], now: SystemTime) -> ETag {
    let mut digest = Sha256::new();
    digest.update([b'1', format as u8]);
    digest.update((top.len() as u64).to_le_bytes());
    digest.update(top);
    let (mut newest, mut is_telling) = (SystemTime::UNIX_EPOCH, true);
    for member in members {
        let since = member.modified.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        digest.update((member.name().len() as u64).to_le_bytes());
        digest.update(member.name());
        digest.update([u8::from(member.is_directory)]);
        digest.update(member.len.to_le_bytes());
        digest.update(since.map_or(0, |since| since.as_nanos()).to_le_bytes());
        newest = newest.max(member.modified.unwrap_or(now));
        is_telling &= member.is_directory || member.seconds() > 1;
    }
    let tag = ETag::of_digest(&digest.finalize().into());
    let is_settled = now.duration_since(newest).is_ok_and(|age| age >= SETTLING_TIME);
    if is_settled && is_telling { tag } else { tag.weakened() }
}
