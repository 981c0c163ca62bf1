//! A look-up beneath a root, one component at a time, with links resolved here.
//!
//! It is the look-up of systems whose kernel does not contain one, and on Linux it
//! decides what `openat2` leaves open: an absolute link that leads back inside.
//! Each step opens one name in a directory that is already open, and refuses to
//! follow a link in doing so; `..`, which only links can bring, goes back to a
//! handle that was passed on the way. So every handle was found beneath the root,
//! whatever is renamed meanwhile. It never hands a path of more than one component
//! to the kernel, and never blocks on a FIFO.
//!
//! Because it sees every name, it is also the one to say where links have led, where
//! hidden names are to stay hidden (R8). For that it can leave the root, too, with
//! [`Symlinks::Follow`]: what lies outside has no name beneath the root and is not
//! judged, and the root is known again by its identity.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, Stat, fstat, open as open_path, openat, readlinkat, statat,
};
use rustix::io::{Errno, Result, retry_on_intr};

use super::names::is_misspelled;
use super::{Hides, Symlinks, system};

/// As the Linux kernel (MAXSYMLINKS): a look-up through more links is a loop.
const MOST_LINKS: u32 = 40;

/// As the Linux kernel (PATH_MAX, with the NUL): longer names are refused as a whole.
const LONGEST_PATH: usize = 4095;

/// How often a name may turn from link to directory and back while we look at it.
const MOST_DISPUTES: u32 = 2;

/// For reading, and for whatever the name may turn out to be: a FIFO must not block
/// until a writer comes, a terminal must not become ours (open(2), O_NONBLOCK and
/// O_NOCTTY).
pub(super) const READ: OFlags =
    OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// Where a look-up starts, and what it may do.
#[derive(Debug)]
pub(super) struct Tree {
    /// The root directory.
    pub(super) root: OwnedFd,
    /// Its device and inode, which together name a directory as long as it is open.
    pub(super) identity: (u64, u64),
    /// Absolute paths known to lead to the root, by which absolute links come back.
    /// A wrong one does no harm: the rest of such a link is walked from `root`.
    pub(super) prefixes: Vec<Vec<u8>>,
    /// Where links may lead.
    pub(super) symlinks: Symlinks,
    /// What no link may show.
    pub(super) hides: Option<Hides>,
    /// Whether names count only as the file system spells them.
    pub(super) exact: bool,
    /// Whether the kernel can contain a look-up, so that the walk is the exception.
    pub(super) kernel_contains: bool,
}

impl Tree {
    /// Whether links lead anywhere and show everything: then nothing is to be looked after.
    pub(super) fn follows_freely(&self) -> bool {
        self.symlinks == Symlinks::Follow && self.hides.is_none() && !self.exact
    }

    /// Whether a handle that lies at this place is spelled otherwise there.
    fn is_misspelled(&self, handle: BorrowedFd<'_>, place: &[u8]) -> bool {
        let spelled = || {
            let (root, path) = (system::spelled_path(self.root.as_fd())?, system::spelled_path(handle)?);
            let root = root.strip_suffix(b"/").unwrap_or(&root);
            Some(is_misspelled(place, path.strip_prefix(root)?.strip_prefix(b"/")?))
        };
        self.exact && !place.is_empty() && spelled().unwrap_or(false)
    }
}

/// What names a directory for as long as it is open.
pub(super) fn identity(stat: &Stat) -> (u64, u64) {
    // The fields are of different types on each system; as a name, any bits will do.
    #[allow(clippy::cast_sign_loss, clippy::unnecessary_cast)]
    (stat.st_dev as u64, stat.st_ino as u64)
}

/// Opens what is at `path` beneath the root, for reading.
pub(super) fn open(tree: &Tree, path: &[u8]) -> Result<OwnedFd> {
    let (handle, place) = Walk::new(tree, path)?.run(|directory, name, must_be_directory| {
        let mut flags = READ | OFlags::NOFOLLOW;
        flags.set(OFlags::DIRECTORY, must_be_directory);
        step(directory, name, flags)
    })?;
    if tree.is_misspelled(handle.as_fd(), &place) { Err(Errno::NOENT) } else { Ok(handle) }
}

/// The facts of what is at `path` beneath the root, without opening it.
pub(super) fn stat(tree: &Tree, path: &[u8]) -> Result<Stat> {
    let found = Walk::new(tree, path)?.run(|directory, name, must_be_directory| {
        let stat = retry_on_intr(|| statat(directory, name, AtFlags::SYMLINK_NOFOLLOW))?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Symlink => Ok(Step::PerhapsLink(Errno::LOOP)),
            FileType::Directory => Ok(Step::Is(stat)),
            _ if must_be_directory => Err(Errno::NOTDIR),
            _ => Ok(Step::Is(stat)),
        }
    });
    found.map(|(stat, _)| stat)
}

/// What one component turned out to be.
enum Step<T> {
    /// Not a link.
    Is(T),
    /// Perhaps a link; if not, this is the error.
    PerhapsLink(Errno),
}

/// Opens one name, which is not followed if it is a link.
fn step(directory: BorrowedFd<'_>, name: &[u8], flags: OFlags) -> Result<Step<OwnedFd>> {
    match retry_on_intr(|| openat(directory, name, flags, Mode::empty())) {
        Ok(handle) => Ok(Step::Is(handle)),
        // O_NOFOLLOW on a link is ELOOP by POSIX and EMLINK on FreeBSD; together with
        // O_DIRECTORY it may be ENOTDIR, which is also the error for plain files.
        Err(why @ (Errno::LOOP | Errno::MLINK | Errno::NOTDIR)) => Ok(Step::PerhapsLink(why)),
        Err(error) => Err(error),
    }
}

/// One look-up on its way.
struct Walk<'t> {
    tree: &'t Tree,
    /// The directories passed since the root, the root not among them. Outside only the
    /// last one.
    passed: Vec<OwnedFd>,
    /// Their names from the root on, links resolved. Outside it means nothing.
    place: Vec<u8>,
    /// It has left the root, which only `Follow` allows.
    outside: bool,
    /// What is still to walk, from `at` on; links put their targets in front.
    path: Vec<u8>,
    at: usize,
    links: u32,
    disputes: u32,
}

impl<'t> Walk<'t> {
    fn new(tree: &'t Tree, path: &[u8]) -> Result<Self> {
        if path.len() > LONGEST_PATH {
            return Err(Errno::NAMETOOLONG);
        }
        let (passed, place, path) = (Vec::new(), Vec::new(), path.to_vec());
        Ok(Walk { tree, passed, place, outside: false, path, at: 0, links: 0, disputes: 0 })
    }

    /// The directory that the next name is looked up in.
    fn directory(&self) -> BorrowedFd<'_> {
        self.passed.last().map_or_else(|| self.tree.root.as_fd(), |handle| handle.as_fd())
    }

    /// Walks to the end, where `last` says what is there. It is told whether the name
    /// had a slash after it, and so must be a directory. Says also at which place beneath
    /// the root that is, links resolved; outside at none.
    fn run<T>(
        mut self,
        last: impl Fn(BorrowedFd<'_>, &[u8], bool) -> Result<Step<T>>,
    ) -> Result<(T, Vec<u8>)> {
        while let Some(part) = self.next_part() {
            let name = &self.path[part.start..part.end];
            let step = match (name, part.is_last) {
                (b".", _) => continue,
                (b"..", _) => {
                    self.ascend()?;
                    continue;
                }
                (_, true) => last(self.directory(), name, part.has_slash)?,
                (_, false) => match step(self.directory(), name, system::PASS)? {
                    Step::Is(handle) => {
                        self.descend(handle, &part)?;
                        continue;
                    }
                    Step::PerhapsLink(why) => Step::PerhapsLink(why),
                },
            };
            match step {
                Step::Is(found) => {
                    self.enter(&part);
                    return self.judge().map(|()| (found, self.place()));
                }
                Step::PerhapsLink(why) => self.follow(&part, why)?,
            }
        }
        self.judge()?;
        // Nothing is left: the way ended at `.`, at `..` or at the root.
        match last(self.directory(), b".", true)? {
            Step::Is(found) => Ok((found, self.place())),
            Step::PerhapsLink(why) => Err(why),
        }
    }

    /// Where it has come to, beneath the root.
    fn place(self) -> Vec<u8> {
        if self.outside { Vec::new() } else { self.place }
    }

    /// Into a directory.
    fn descend(&mut self, handle: OwnedFd, part: &Part) -> Result<()> {
        if self.outside {
            return self.arrive(handle);
        }
        self.passed.push(handle);
        self.enter(part);
        Ok(())
    }

    /// Notes a name that was no link.
    fn enter(&mut self, part: &Part) {
        if !self.place.is_empty() {
            self.place.push(b'/');
        }
        self.place.extend_from_slice(&self.path[part.start..part.end]);
    }

    /// Back to where the way came from, or out.
    fn ascend(&mut self) -> Result<()> {
        if !self.outside && self.passed.pop().is_some() {
            let end = self.place.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
            self.place.truncate(end);
            return Ok(());
        }
        if self.tree.symlinks != Symlinks::Follow {
            // What openat2 gives for leaving the root.
            return Err(Errno::XDEV);
        }
        let parent = retry_on_intr(|| openat(self.directory(), c"..", system::PASS, Mode::empty()))?;
        self.arrive(parent)
    }

    /// At a directory that was found outside, and may be the root.
    fn arrive(&mut self, handle: OwnedFd) -> Result<()> {
        self.outside = identity(&fstat(&handle)?) != self.tree.identity;
        self.place.clear();
        self.passed.clear();
        if self.outside {
            self.passed.push(handle);
        }
        Ok(())
    }

    /// Refuses what lies under a hidden name, if a link has led there. The names of the
    /// request itself are judged by who asks.
    fn judge(&self) -> Result<()> {
        let is_hidden = |hides: Hides| self.links > 0 && !self.outside && hides(&self.place);
        if self.tree.hides.is_some_and(is_hidden) { Err(Errno::NOENT) } else { Ok(()) }
    }

    /// Cuts the next component off.
    fn next_part(&mut self) -> Option<Part> {
        let is_name = |byte: &u8| *byte != b'/';
        let start = self.at + self.path[self.at..].iter().position(is_name)?;
        let end =
            self.path[start..].iter().position(|byte| *byte == b'/').map_or(self.path.len(), |n| start + n);
        let has_slash = end < self.path.len();
        let is_last = !self.path[end..].iter().any(is_name);
        self.at = end;
        Some(Part { start, end, has_slash, is_last })
    }

    /// Puts the target of the link in the place of its name.
    fn follow(&mut self, part: &Part, why: Errno) -> Result<()> {
        let name = &self.path[part.start..part.end];
        let target = match retry_on_intr(|| readlinkat(self.directory(), name, Vec::new())) {
            Ok(target) => target.into_bytes(),
            // It is no link, or none any more: then the name deserves a second look.
            Err(Errno::INVAL) if self.disputes < MOST_DISPUTES => {
                self.disputes += 1;
                self.at = part.start;
                return Ok(());
            }
            Err(Errno::INVAL) => return Err(why),
            Err(error) => return Err(error),
        };
        self.links += 1;
        if self.tree.symlinks == Symlinks::Deny || self.links > MOST_LINKS {
            return Err(Errno::LOOP);
        }
        let onward = match target.first() {
            None => return Err(Errno::NOENT),
            Some(b'/') => match self.tree.prefixes.iter().find_map(|prefix| after(&target, prefix)) {
                Some(onward) => {
                    self.passed.clear();
                    self.place.clear();
                    self.outside = false;
                    onward
                }
                None if self.tree.symlinks == Symlinks::Follow => {
                    self.arrive(retry_on_intr(|| open_path(c"/", system::PASS, Mode::empty()))?)?;
                    &target
                }
                None => return Err(Errno::XDEV),
            },
            Some(_) => &target,
        };
        // The rest begins with a slash, or is empty.
        self.path = [onward, &self.path[part.end..]].concat();
        self.at = 0;
        Ok(())
    }
}

/// One component, as a place in [`Walk::path`].
struct Part {
    start: usize,
    end: usize,
    has_slash: bool,
    is_last: bool,
}

/// What follows `prefix` in the absolute `path`, if its components are the first of
/// `path`: `/srv/www` is no prefix of `/srv/www2`.
fn after<'a>(path: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let is_name = |component: &&[u8]| !matches!(*component, b"" | b".");
    let mut rest = path;
    for wanted in prefix.split(|byte| *byte == b'/').filter(is_name) {
        loop {
            let (component, onward) = match rest.iter().position(|byte| *byte == b'/') {
                Some(slash) => (&rest[..slash], &rest[slash + 1..]),
                None => (rest, &rest[rest.len()..]),
            };
            if component.is_empty() && onward.is_empty() {
                return None;
            }
            rest = onward;
            if !is_name(&component) {
                continue;
            }
            if component != wanted {
                return None;
            }
            break;
        }
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::after;

    /// R9.
    #[test]
    fn prefixes_are_compared_by_component() {
        let table: [(&str, &str, Option<&str>); 14] = [
            ("/srv/www/a/b", "/srv/www", Some("a/b")),
            ("/srv/www", "/srv/www", Some("")),
            ("/srv/www/", "/srv/www", Some("")),
            ("//srv/.//www///a/", "/srv/www", Some("//a/")),
            ("/srv/www/../x", "/srv/www", Some("../x")),
            ("/srv/www2/a", "/srv/www", None),
            ("/srv/ww", "/srv/www", None),
            ("/srv", "/srv/www", None),
            ("/srv/x/../www/a", "/srv/www", None),
            ("/SRV/www/a", "/srv/www", None),
            ("/", "/srv", None),
            ("/.", "/srv", None),
            ("/etc/passwd", "/", Some("/etc/passwd")),
            ("/a", "", Some("/a")),
        ];
        for (path, prefix, expected) in table {
            assert_eq!(
                after(path.as_bytes(), prefix.as_bytes()),
                expected.map(str::as_bytes),
                "{path} {prefix}"
            );
        }
    }
}
