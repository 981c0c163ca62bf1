//! Validators and conditional requests (RFC 9110 §8.8, §13).

use std::fmt;
use std::time::{Duration, SystemTime};

use super::date::{self, HttpDate};
use super::fields::RequestFields;
use super::request::Method;

/// A file younger than this may change again within the resolution of its time
/// stamp, so its tag cannot promise byte equality yet (§8.8.1).
const SETTLING_TIME: Duration = Duration::from_secs(2);

/// An entity tag (§8.8.3): size and modification time, no inode and no path, so
/// that replicas of a site agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ETag {
    weak: bool,
    len: u64,
    modified_ns: u64,
}

/// Room for `W/"` + 16 + `-` + 16 + `"` and to spare.
const TAG_MAX: usize = 48;

impl ETag {
    /// The tag of `len` bytes last modified at `modified`, asked for at `now`.
    ///
    /// None when the time says nothing: the epoch, as reproducible builds set it,
    /// and whatever else lies outside of 1970 to 2554.
    pub fn of(len: u64, modified: SystemTime, now: SystemTime) -> Option<ETag> {
        let since_epoch = modified.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        let modified_ns = u64::try_from(since_epoch.as_nanos()).ok()?;
        if since_epoch.as_secs() <= 1 {
            return None;
        }
        let weak = now.duration_since(modified).map_or(true, |age| age < SETTLING_TIME);
        Some(ETag { weak, len, modified_ns })
    }

    /// Whether equal tags promise equal bytes.
    pub fn is_weak(&self) -> bool {
        self.weak
    }

    /// The tag as it stands in fields, written without allocating.
    fn render(self, buffer: &mut [u8; TAG_MAX]) -> &[u8] {
        use std::io::Write;
        let mut rest = &mut buffer[..];
        // The longest tag has 38 bytes: it fits, so the write cannot fail.
        let _ = write!(rest, "{self}");
        let left = rest.len();
        &buffer[..TAG_MAX - left]
    }

    /// Weak comparison (§8.8.3.2): the opaque parts are equal.
    fn matches_weakly(self, other: &[u8]) -> bool {
        let mut buffer = [0; TAG_MAX];
        opaque(self.render(&mut buffer)) == opaque(other)
    }

    /// Strong comparison: equal, and neither is weak.
    fn matches_strongly(self, other: &[u8]) -> bool {
        let mut buffer = [0; TAG_MAX];
        !self.weak && self.render(&mut buffer) == other
    }
}

fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weak = if self.weak { "W/" } else { "" };
        write!(f, "{weak}\"{:x}-{:x}\"", self.len, self.modified_ns)
    }
}

/// What a client can ask "is it still that one?" about.
#[derive(Clone, Copy, Debug, Default)]
pub struct Validators {
    /// None when the file has no time that means something.
    pub etag: Option<ETag>,
    /// In whole seconds, never later than the response's Date (§8.8.2.1).
    pub last_modified: Option<HttpDate>,
}

impl Validators {
    /// The validators of a representation, all from one look at its file.
    pub fn of(len: u64, modified: Option<SystemTime>, now: SystemTime) -> Validators {
        let etag = modified.and_then(|modified| ETag::of(len, modified, now));
        let last_modified = etag.and(modified).and_then(|modified| date::from_time(modified.min(now)));
        Validators { etag, last_modified }
    }
}

/// What the preconditions of a request make of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Perform the method; `range` says whether Range still counts.
    Proceed {
        /// False when If-Range did not match, or the method has no ranges.
        range: bool,
    },
    /// 304: the client has it.
    NotModified,
    /// 412: it is not what the client thought.
    PreconditionFailed,
}

/// Evaluates preconditions in the order of §13.2.2; the numbers are its steps.
pub fn evaluate(method: Method, fields: RequestFields<'_>, current: &Validators) -> Outcome {
    // 1 and 2: the client must be talking of this very representation.
    if fields.first("if-match").is_some() {
        if !any_tag(fields, "if-match", |tag| {
            tag == b"*" || current.etag.is_some_and(|e| e.matches_strongly(tag))
        }) {
            return Outcome::PreconditionFailed;
        }
    } else if let Some(date) = fields.only("if-unmodified-since").and_then(date::parse)
        && current.last_modified.is_some_and(|modified| modified > date)
    {
        return Outcome::PreconditionFailed;
    }
    // 3 and 4: the client may have it already. A date counts only without tags.
    if fields.first("if-none-match").is_some() {
        if any_tag(fields, "if-none-match", |tag| {
            tag == b"*" || current.etag.is_some_and(|e| e.matches_weakly(tag))
        }) {
            return Outcome::NotModified;
        }
    } else if let Some(date) = fields.only("if-modified-since").and_then(date::parse)
        && current.last_modified.is_some_and(|modified| modified <= date)
    {
        return Outcome::NotModified;
    }
    // 5: a range, unless it would be a part of something else. §14.2: only GET has ranges.
    Outcome::Proceed { range: method == Method::Get && if_range_holds(fields, current) }
}

fn any_tag(fields: RequestFields<'_>, name: &'static str, matches: impl Fn(&[u8]) -> bool) -> bool {
    fields.members(name).any(matches)
}

/// §13.1.5: a tag must match strongly, a date exactly, else the whole is sent.
fn if_range_holds(fields: RequestFields<'_>, current: &Validators) -> bool {
    let Some(value) = fields.first("if-range").map(<[u8]>::trim_ascii) else { return true };
    if value.starts_with(b"\"") || value.starts_with(b"W/") {
        return current.etag.is_some_and(|etag| etag.matches_strongly(value));
    }
    // A date is a strong validator only once the file has settled, as its tag tells.
    let settled = current.etag.is_some_and(|etag| !etag.is_weak());
    settled && current.last_modified.is_some() && date::parse(value) == current.last_modified
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "precondition_tests.rs"]
mod tests;
