//! Request targets (RFC 9112 §3.2) and the one way from a target to a path.

use std::fmt;

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_encode};

/// What a link needs to be escaped: all but unreserved characters (RFC 3986 §2.3)
/// and a few that mean nothing in a path.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b',')
    .remove(b'=')
    .remove(b'@');

/// In a query that is handed back in a redirect, all that is printable stays as it came.
const IN_QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\');

/// What no reference to a resource may have as it is, nor an attribute that holds one.
const IN_REFERENCE: &AsciiSet = &IN_QUERY.add(b'\'').add(b'^').add(b'`').add(b'{').add(b'|').add(b'}');

/// The target of a request line, taken apart but not yet decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// `/path?query`, or what is left of an absolute form without its authority.
    Path {
        /// Begins with `/`; still percent-encoded.
        path: &'a str,
        /// What follows the first `?`, still encoded.
        query: Option<&'a str>,
    },
    /// `*`, which only OPTIONS may ask about.
    Asterisk,
}

impl<'a> Target<'a> {
    /// Takes a target apart; the second value is the authority of an absolute form,
    /// which stands for Host (RFC 9112 §3.2.2).
    ///
    /// None is 400: authority form, other schemes, fragments, control bytes.
    pub fn parse(target: &'a str) -> Option<(Target<'a>, Option<&'a str>)> {
        let is_bad = |b: u8| (b <= b' ') | (b == 0x7f) | (b == b'#');
        if target.bytes().fold(0, |bad, b| bad | u8::from(is_bad(b))) != 0 {
            return None;
        }
        if target == "*" {
            return Some((Target::Asterisk, None));
        }
        if target.starts_with('/') {
            return Some((Target::split(target), None));
        }
        let (scheme, rest) = target.split_once("://")?;
        if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
            return None;
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let target = match path.strip_prefix('?') {
            Some(query) => Target::Path { path: "/", query: Some(query) },
            None if path.is_empty() => Target::Path { path: "/", query: None },
            None => Target::split(path),
        };
        Some((target, Some(authority)))
    }

    fn split(target: &'a str) -> Target<'a> {
        match memchr::memchr(b'?', target.as_bytes()) {
            Some(at) => Target::Path { path: &target[..at], query: Some(&target[at + 1..]) },
            None => Target::Path { path: target, query: None },
        }
    }
}

/// Why a path is refused: always 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathError {
    /// It does not begin with `/`.
    NotAbsolute,
    /// `%` without two hexadecimal digits behind it.
    Encoding,
    /// NUL, or an encoded `/` inside a segment.
    Byte,
    /// `..` leads above the root.
    AboveRoot,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PathError::NotAbsolute => "it does not begin with /",
            PathError::Encoding => "a % is not followed by two hexadecimal digits",
            PathError::Byte => "a NUL or an encoded / is in a name",
            PathError::AboveRoot => "it leads above the root",
        })
    }
}

/// A decoded path beneath the root, proven once and for good.
///
/// It has no empty, `.` or `..` segment, no NUL, and no slash inside a segment;
/// its bytes are what the file system gets to see. Segments are joined by `/`.
///
/// ```
/// use serve::http::SafePath;
/// let path = SafePath::parse("/a/./b//%2e%2e/c%20d/").unwrap();
/// assert_eq!(path.as_bytes(), b"a/c d");
/// assert!(path.has_trailing_slash());
/// assert_eq!(path.to_location(), "/a/c%20d/");
/// assert!(SafePath::parse("/../etc/passwd").is_err());
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SafePath {
    bytes: Vec<u8>,
    trailing_slash: bool,
}

impl SafePath {
    /// Decodes exactly once, then resolves (behaviour, section 3).
    ///
    /// # Errors
    /// [`PathError`] for whatever cannot be a path beneath the root.
    pub fn parse(path: &str) -> Result<SafePath, PathError> {
        let encoded = path.strip_prefix('/').ok_or(PathError::NotAbsolute)?;
        let mut bytes = Vec::with_capacity(encoded.len());
        let mut trailing_slash = true;
        let mut rest = Some(encoded);
        while let Some(here) = rest {
            let (segment, after) = match here.split_once('/') {
                Some((segment, after)) => (segment, Some(after)),
                None => (here, None),
            };
            rest = after;
            trailing_slash = push_segment(&mut bytes, segment)?;
        }
        Ok(SafePath { trailing_slash: trailing_slash || rest.is_some(), bytes })
    }

    /// The root itself.
    pub fn root() -> SafePath {
        SafePath { bytes: Vec::new(), trailing_slash: true }
    }

    /// The path with one more segment; None if `name` is not one.
    pub fn join(&self, name: &[u8]) -> Option<SafePath> {
        let mut bytes = Vec::with_capacity(self.bytes.len() + 1 + name.len());
        bytes.extend_from_slice(&self.bytes);
        let mut path = SafePath { bytes, trailing_slash: false };
        path.push(name)?;
        Some(path)
    }

    /// Adds a segment; None if `name` is not one.
    fn push(&mut self, name: &[u8]) -> Option<()> {
        if name.is_empty() || name == b"." || name == b".." || name.iter().any(|b| matches!(b, b'/' | 0)) {
            return None;
        }
        if !self.bytes.is_empty() {
            self.bytes.push(b'/');
        }
        self.bytes.extend_from_slice(name);
        Some(())
    }

    /// A path beneath the root as people write it, `404.html` or `pages/404.html`: not
    /// encoded, and a slash or `./` at its beginning changes nothing. None if it is no
    /// path, leads upwards, or names the root.
    pub fn of_file(name: &str) -> Option<SafePath> {
        let name = name.strip_prefix("./").unwrap_or(name);
        let name = name.strip_prefix('/').unwrap_or(name);
        name.split('/').try_fold(SafePath::root(), |path, segment| path.join(segment.as_bytes()))
    }

    /// The path with something behind its last name, like an extension; None for the
    /// root, which has no name, and for a path that ends in a slash. A suffix has no
    /// slash in it.
    pub fn with_suffix(&self, suffix: &str) -> Option<SafePath> {
        if self.trailing_slash || self.is_root() || suffix.contains(['/', '\0']) {
            return None;
        }
        Some(SafePath { bytes: [&self.bytes, suffix.as_bytes()].concat(), trailing_slash: false })
    }

    /// What is left of the path beneath `base`; None if it lies elsewhere. The base itself,
    /// without its slash, is left as the root without a slash.
    pub fn beneath(&self, base: &SafePath) -> Option<SafePath> {
        if base.is_root() {
            return Some(self.clone());
        }
        let bytes = match self.bytes.strip_prefix(&base.bytes[..])? {
            [] => Vec::new(),
            [b'/', rest @ ..] => rest.to_vec(),
            _ => return None,
        };
        Some(SafePath { bytes, trailing_slash: self.trailing_slash })
    }

    /// The same path as that of a directory: with a slash, so that relative links work.
    pub fn to_directory(&self) -> SafePath {
        SafePath { bytes: self.bytes.clone(), trailing_slash: true }
    }

    /// A path of bytes that are decoded already, as rules put it together; None if a
    /// segment is none. Empty segments are dropped, as everywhere.
    pub fn from_decoded(bytes: &[u8]) -> Option<SafePath> {
        let mut path = SafePath { bytes: Vec::with_capacity(bytes.len()), trailing_slash: false };
        for segment in bytes.split(|&b| b == b'/').filter(|segment| !segment.is_empty()) {
            path.push(segment)?;
        }
        path.trailing_slash = path.is_root() || bytes.ends_with(b"/");
        Some(path)
    }

    /// The decoded bytes, without a slash at either end; empty is the root.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether the target ended in a slash (or in a dot segment), as directories do.
    pub fn has_trailing_slash(&self) -> bool {
        self.trailing_slash
    }

    /// Whether it is the root.
    pub fn is_root(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The segments, decoded.
    pub fn segments(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.split(|&b| b == b'/').filter(|segment| !segment.is_empty())
    }

    /// The last segment; None for the root.
    pub fn name(&self) -> Option<&[u8]> {
        self.segments().last()
    }

    /// Whether a segment is hidden, as [`is_hidden_path`] says.
    pub fn is_hidden(&self) -> bool {
        is_hidden_path(&self.bytes)
    }

    /// The path for a Location or a link: encoded again from the decoded form, so
    /// that it begins with exactly one `/` and never with `//` or `/\`
    /// (hazards R41: no request can make a redirect lead elsewhere).
    pub fn to_location(&self) -> String {
        let mut location = String::with_capacity(self.bytes.len() + 2);
        for segment in self.segments() {
            location.push('/');
            location.extend(encode_segment(segment));
        }
        if self.trailing_slash || location.is_empty() {
            location.push('/');
        }
        location
    }
}

impl fmt::Debug for SafePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SafePath({:?})", self.to_location())
    }
}

/// Appends one encoded segment; says whether the path, ended here, names a directory.
fn push_segment(bytes: &mut Vec<u8>, segment: &str) -> Result<bool, PathError> {
    let start = bytes.len();
    if start > 0 {
        bytes.push(b'/');
    }
    let name = bytes.len();
    decode(bytes, segment)?;
    match &bytes[name..] {
        b"" | b"." => bytes.truncate(start),
        b".." => {
            bytes.truncate(start);
            if bytes.is_empty() {
                return Err(PathError::AboveRoot);
            }
            let parent = bytes.iter().rposition(|&b| b == b'/').unwrap_or(0);
            bytes.truncate(parent);
        }
        decoded if decoded.iter().any(|b| matches!(b, 0 | b'/')) => return Err(PathError::Byte),
        _ => return Ok(false),
    }
    Ok(true)
}

/// Percent-decodes, refusing what is malformed instead of passing it on.
fn decode(bytes: &mut Vec<u8>, segment: &str) -> Result<(), PathError> {
    let mut input = segment.bytes();
    while let Some(byte) = input.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || input.next().and_then(|b| char::from(b).to_digit(16)).ok_or(PathError::Encoding);
        let (high, low) = (digit()?, digit()?);
        // Two hexadecimal digits are at most 0xff.
        bytes.push((high << 4 | low) as u8);
    }
    Ok(())
}

/// Whether a segment of a decoded path beneath the root is hidden. `/.well-known/` is for
/// visitors (RFC 8615), but at the root only, and not what is hidden beneath it.
pub fn is_hidden_path(path: &[u8]) -> bool {
    let is_well_known = |depth: usize, name: &[u8]| depth == 0 && name == b".well-known";
    path.split(|&b| b == b'/').enumerate().any(|(depth, name)| is_hidden(name) && !is_well_known(depth, name))
}

/// Whether a name is hidden: it begins with a dot.
///
/// HFS+ ignores some code points when it compares names, so that `<U+200C>.git` opens
/// `.git` there (CVE-2014-9390); they are skipped on every system, which costs nobody anything.
pub fn is_hidden(name: &[u8]) -> bool {
    let mut rest = name;
    loop {
        rest = match rest {
            [b'.', ..] => return true,
            [0xe2, 0x80, 0x8c..=0x8f | 0xaa..=0xae, rest @ ..] => rest,
            [0xe2, 0x81, 0xaa..=0xaf, rest @ ..] => rest,
            [0xef, 0xbb, 0xbf, rest @ ..] => rest,
            _ => return false,
        };
    }
}

/// One segment as it stands in a link.
pub fn encode_segment(segment: &[u8]) -> percent_encoding::PercentEncode<'_> {
    percent_encode(segment, IN_PATH)
}

/// A query as it may be handed back in a Location.
pub fn encode_query(query: &str) -> percent_encoding::PercentEncode<'_> {
    percent_encode(query.as_bytes(), IN_QUERY)
}

/// A reference as somebody wrote it, whose structure stays: also the percent sign, for who writes
/// one has encoded already.
pub fn encode_reference(reference: &str) -> percent_encoding::PercentEncode<'_> {
    percent_encode(reference.as_bytes(), IN_REFERENCE)
}

#[cfg(test)]
#[path = "target_tests.rs"]
mod tests;
