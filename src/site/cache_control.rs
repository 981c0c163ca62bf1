//! What caches are told of files (RFC 9111 §5.2), and which names carry a hash of
//! their content.
//!
//! Pure: a name in, a decision out. Only files are spoken of here; listings, errors and
//! redirects are always to be revalidated.

use std::borrow::Cow;
use std::time::Duration;

/// What Cache-Control says on files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CachePolicy {
    /// Keep it, but ask each time whether it is still good.
    #[default]
    NoCache,
    /// Good for this time without asking, in whole seconds.
    MaxAge(Duration),
    /// Nothing is said, so caches guess (RFC 9111 §4.2.2).
    Off,
    /// A year for names that carry a hash of their content, else as `NoCache`.
    Auto,
}

/// For what never changes under its name (RFC 8246).
const IMMUTABLE: &str = "max-age=31536000, immutable";

impl CachePolicy {
    /// The value of Cache-Control for a file of that name and type. `is_addressed` says
    /// that the request's target ends in that very name: what `/` or a fallback leads to
    /// changes, whatever it is called.
    pub fn field(self, name: &[u8], media_type: &str, is_addressed: bool) -> Option<Cow<'static, str>> {
        let is_page = media_type.starts_with("text/html") || media_type.starts_with("application/xhtml");
        match self {
            CachePolicy::NoCache => Some("no-cache".into()),
            CachePolicy::MaxAge(time) => Some(format!("max-age={}", time.as_secs()).into()),
            CachePolicy::Off => None,
            CachePolicy::Auto if is_addressed && !is_page && has_content_hash(name) => Some(IMMUTABLE.into()),
            CachePolicy::Auto => Some("no-cache".into()),
        }
    }
}

/// A hash that is the whole name, or begins it, has at least so many digits: shorter ones
/// are names.
const WHOLE_HASH_MIN: usize = 16;

/// The shortest hash that bundlers write, and the only length of those that are not
/// hexadecimal.
const HASH_MIN: usize = 8;

/// Longer than any digest: SHA-512 in hexadecimal.
const HASH_MAX: usize = 128;

/// What bundlers write as code. A document may be called `report-2024dec1.pdf`; code is
/// hardly ever called so, and a hash in its name may look less like one.
const CODE: &[&[u8]] = &[b"css", b"js", b"map", b"mjs", b"wasm"];

/// Whether a name carries a hash of the content, as those that bundlers write do.
///
/// It had better miss one than find one too many: the first costs a short 304, the
/// second leaves a browser with an old file for a year. So it looks at segments between
/// dots and hyphens, never at the extension, and asks for more than digits and letters:
/// how often they alternate tells `8f3a1c2b` from `face2face`.
///
/// ```
/// use serve::site::cache_control::has_content_hash;
/// assert!(has_content_hash(b"main.8f3a1c2b.js"));
/// assert!(has_content_hash(b"index-BxY12ab3.css"));
/// assert!(!has_content_hash(b"jquery-3.7.1.min.js"));
/// assert!(!has_content_hash(b"report-20240101.pdf"));
/// ```
pub fn has_content_hash(name: &[u8]) -> bool {
    let Some(dot) = name.iter().rposition(|&b| b == b'.').filter(|&dot| dot > 0) else { return false };
    let is_code = CODE.iter().any(|code| name[dot + 1..].eq_ignore_ascii_case(code));
    let segments: Vec<&[u8]> = name[..dot].split(|&b| matches!(b, b'.' | b'-')).collect();
    if segments.windows(5).any(is_uuid) {
        return false;
    }
    segments.iter().enumerate().any(|(at, segment)| match segment.len() {
        length if at == 0 => length >= WHOLE_HASH_MIN && is_hexadecimal_hash(segment, false),
        HASH_MIN => {
            is_hexadecimal_hash(segment, is_code)
                || is_base64_hash(segment)
                || (is_code && is_base32_hash(segment))
        }
        _ => is_hexadecimal_hash(segment, is_code),
    })
}

/// An identity, which stays when the content changes: 8-4-4-4-12 digits.
fn is_uuid(segments: &[&[u8]]) -> bool {
    let is_hexadecimal = |segment: &&[u8]| segment.iter().all(u8::is_ascii_hexdigit);
    segments.iter().map(|segment| segment.len()).eq([8, 4, 4, 4, 12]) && segments.iter().all(is_hexadecimal)
}

/// webpack, Parcel, Rails, Django, Hugo: hexadecimal, of any length. Words and months
/// are hexadecimal too (`facade`, `2024dec1`), so letters and digits have to alternate.
fn is_hexadecimal_hash(segment: &[u8], is_code: bool) -> bool {
    let is_one_case =
        !(segment.iter().any(u8::is_ascii_lowercase) && segment.iter().any(u8::is_ascii_uppercase));
    (HASH_MIN..=HASH_MAX).contains(&segment.len())
        && segment.iter().all(u8::is_ascii_hexdigit)
        && is_one_case
        && changes(segment) >= if is_code { 2 } else { 3 }
}

/// esbuild and Angular: eight digits of base 32, in capitals.
fn is_base32_hash(segment: &[u8]) -> bool {
    segment.iter().all(|b| matches!(b, b'A'..=b'Z' | b'2'..=b'7')) && changes(segment) >= 2
}

/// Vite, Rollup and what stands on them: eight digits of base 64. `Version2` and
/// `v2_Final` are such as well, but words have longer runs and fewer changes. Two `_` are
/// rarely digits (in one hash of 140): `A_0_v000` is a name of several parts.
fn is_base64_hash(segment: &[u8]) -> bool {
    let kinds: Vec<Kind> = segment.iter().filter_map(|&b| Kind::of(b)).collect();
    let has_all = [Kind::Upper, Kind::Lower, Kind::Digit].iter().all(|kind| kinds.contains(kind));
    segment.iter().all(|&b| b.is_ascii_alphanumeric() || b == b'_')
        && has_all
        && segment.iter().filter(|&&b| b == b'_').count() <= 1
        && changes(segment) >= 3
        && kinds.chunk_by(|a, b| a == b).all(|run| run.len() <= 3)
}

/// How often one kind of character follows another; not counted is a small letter behind
/// a capital, which is how words begin.
fn changes(segment: &[u8]) -> usize {
    let kinds: Vec<Kind> = segment.iter().filter_map(|&b| Kind::of(b)).collect();
    let is_change = |pair: &&[Kind]| pair[0] != pair[1] && **pair != [Kind::Upper, Kind::Lower];
    kinds.windows(2).filter(is_change).count()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Upper,
    Lower,
    Digit,
}

impl Kind {
    fn of(byte: u8) -> Option<Kind> {
        match byte {
            b'A'..=b'Z' => Some(Kind::Upper),
            b'a'..=b'z' => Some(Kind::Lower),
            b'0'..=b'9' => Some(Kind::Digit),
            _ => None,
        }
    }
}

#[cfg(test)]
#[path = "cache_control_tests.rs"]
mod tests;
