//! Validators and conditional requests (RFC 9110 §8.8, §13).

use std::fmt;
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use super::coding::Coding;
use super::date::{self, HttpDate};
use super::fields::{FieldLine, RequestFields};
use super::request::Method;

/// A file younger than this may change again within the resolution of its time
/// stamp, so its tag cannot promise byte equality yet (§8.8.1).
const SETTLING_TIME: Duration = Duration::from_secs(2);

/// An entity tag (§8.8.3). What is in it is the same on every replica of a site: no
/// inode, no device, no path (R44).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ETag {
    weak: bool,
    basis: Basis,
    coding: Coding,
}

/// What makes one content differ from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Basis {
    /// Size and modification time: known without reading.
    Stamp { len: u64, modified_ns: u64 },
    /// A digest of the bytes themselves.
    Digest(u128),
}

/// Room for `W/"` + 16 + `-` + 16 or 32 digits + a coding + `"` and to spare.
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
        Some(ETag { weak, basis: Basis::Stamp { len, modified_ns }, coding: Coding::Identity })
    }

    /// The tag of bytes with this SHA-256: for what has no time that says anything. It is
    /// strong, however young they are.
    ///
    /// Half of the digest goes into the tag: 128 bits are more than chance ever meets,
    /// and who can make two files collide may as well replace the one by the other.
    pub fn of_digest(sha256: &[u8; 32]) -> ETag {
        let mut half = [0; 16];
        half.copy_from_slice(&sha256[..16]);
        ETag { weak: false, basis: Basis::Digest(u128::from_be_bytes(half)), coding: Coding::Identity }
    }

    /// The tag of these bytes, which are read for it. Not for the loop, if they are many.
    ///
    /// ```
    /// use serve::http::precondition::ETag;
    /// assert_eq!(ETag::of_bytes(b"abc").to_string(), "\"ba7816bf8f01cfea414140de5dae2223\"");
    /// ```
    pub fn of_bytes(bytes: &[u8]) -> ETag {
        ETag::of_digest(&Sha256::digest(bytes).into())
    }

    /// The tag of a coded form of the same: each is a representation of its own, and no
    /// part of one may be taken for a part of another (§8.8.3.3).
    #[must_use]
    pub fn with_coding(self, coding: Coding) -> ETag {
        ETag { coding, ..self }
    }

    /// The tag of something equivalent, of which other bytes may be made tomorrow.
    #[must_use]
    pub fn weakened(self) -> ETag {
        ETag { weak: true, ..self }
    }

    /// Whether equal tags promise equal bytes.
    pub fn is_weak(&self) -> bool {
        self.weak
    }

    /// The tag as it stands in fields, written without allocating.
    fn render(self, buffer: &mut [u8; TAG_MAX]) -> &[u8] {
        use std::io::Write;
        let mut rest = &mut buffer[..];
        // The longest tag has 41 bytes: it fits, so the write cannot fail.
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
        // No coding ends like a number, so a stamp, a digest and their coded forms never
        // look alike.
        let coding = match self.coding {
            Coding::Identity => "",
            Coding::Gzip => "-gz",
            Coding::Zstd => "-zst",
            Coding::Brotli => "-br",
        };
        match self.basis {
            Basis::Stamp { len, modified_ns } => write!(f, "{weak}\"{len:x}-{modified_ns:x}{coding}\""),
            Basis::Digest(digest) => write!(f, "{weak}\"{digest:032x}{coding}\""),
        }
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

    /// Those of what is known by its content alone: such as has no time that means
    /// something, or is made anew for each request.
    pub fn of_content(etag: ETag) -> Validators {
        Validators { etag: Some(etag), last_modified: None }
    }

    /// Those of a coded form of the same, which has an entity tag of its own if its bytes
    /// do; else a weak one says that it is equivalent.
    #[must_use]
    pub fn of_coded(self, coding: Coding, own: Option<ETag>) -> Validators {
        let etag = own.or_else(|| self.etag.map(ETag::weakened));
        Validators { etag: etag.map(|etag| etag.with_coding(coding)), ..self }
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

/// The preconditions of a request, for when there is something to hold them against that
/// has yet to be made. Without preconditions, as most requests are, they are nothing.
#[derive(Clone, Debug)]
pub struct Conditions {
    method: Method,
    lines: Vec<(&'static str, Vec<u8>)>,
}

/// The fields that [`evaluate`] reads.
const FIELDS: [&str; 5] =
    ["if-match", "if-unmodified-since", "if-none-match", "if-modified-since", "if-range"];

impl Conditions {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Those of a request.
    pub fn of(method: Method, fields: RequestFields<'_>) -> Conditions {
        let lines = FIELDS.iter().flat_map(|&name| fields.all(name).map(move |value| (name, value.to_vec())));
        Conditions { method, lines: lines.collect() }
    }

    /// What they make of it, exactly as [`evaluate`] would have said.
    pub fn evaluate(&self, current: &Validators) -> Outcome {
        let lines: Vec<_> = self.lines.iter().map(|(name, value)| FieldLine { name, value }).collect();
        evaluate(self.method, RequestFields::new(&lines), current)
    }
}

fn any_tag(fields: RequestFields<'_>, name: &'static str, matches: impl Fn(&[u8]) -> bool) -> bool {
    fields.members(name).any(matches)
}

/// §13.1.5: a tag must match strongly, a date exactly, else the whole is sent.
fn if_range_holds(fields: RequestFields<'_>, current: &Validators) -> bool {
    if fields.first("if-range").is_none() {
        return true;
    }
    // Two validators are not the one of this representation.
    let Some(value) = fields.only("if-range").map(<[u8]>::trim_ascii) else { return false };
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
