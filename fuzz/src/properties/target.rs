//! The text of a target into `Target::parse` and `SafePath`, and on to the redirect
//! that a directory of that name gets: no path leaves the root, and no Location
//! leads anywhere but to this host.

use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use serve::clock::Now;
use serve::h1::parse::{field_storage, parse};
use serve::http::target::{Target, encode_query};
use serve::http::{Answer, Peer, Response, SafePath, Status};
use serve::site::files::Memory;
use serve::site::{Options, Site};

/// The property.
pub fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Some((target, authority)) = Target::parse(text) else { return };
    assert!(!text.bytes().any(|b| b <= b' ' || b == 0x7f || b == b'#'), "not a target");
    let Target::Path { path, query } = target else { return assert_eq!(text, "*") };
    whole(text, path, query, authority);
    if let Some(query) = query {
        let encoded = encode_query(query).to_string();
        assert!(encoded.bytes().all(|b| matches!(b, 0x21..=0x7e) && !b"\"<>\\#".contains(&b)), "{encoded}");
    }
    match (SafePath::parse(path), resolve(path)) {
        (Err(_), None) => {}
        (Ok(safe), Some((segments, trailing_slash))) => {
            let found: Vec<&[u8]> = safe.segments().collect();
            assert_eq!(found, segments);
            assert_eq!(safe.as_bytes(), segments.join(&b'/'));
            assert_eq!(safe.has_trailing_slash(), trailing_slash);
            assert_eq!(safe.is_hidden(), is_hidden(&segments));
            inside(&safe);
            location(&safe);
            redirect(text, &safe, query);
        }
        (found, model) => panic!("{found:?}, but the model says {model:?}"),
    }
}

/// Nothing of the text is lost or made up.
fn whole(text: &str, path: &str, query: Option<&str>, authority: Option<&str>) {
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    match authority {
        None => assert_eq!(text, format!("{path}{query}")),
        Some(authority) => {
            let (scheme, rest) = text.split_once("://").unwrap_or_default();
            assert!(["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()), "{scheme}");
            assert!(!authority.contains(['/', '?']), "{authority}");
            // An absolute form may leave the slash out.
            let is_same = |path| rest == format!("{authority}{path}{query}");
            assert!(is_same(path) || (path == "/" && is_same("")), "{rest}");
        }
    }
}

/// Behaviour, section 3, on a stack of segments.
fn resolve(path: &str) -> Option<(Vec<Vec<u8>>, bool)> {
    let mut segments = Vec::new();
    let mut trailing_slash = false;
    for encoded in path.strip_prefix('/')?.split('/') {
        let segment = decode(encoded.as_bytes())?;
        trailing_slash = segment.is_empty() || segment == b"." || segment == b"..";
        match &segment[..] {
            b"" | b"." => {}
            b".." => drop(segments.pop()?),
            name if name.contains(&b'/') || name.contains(&0) => return None,
            _ => segments.push(segment),
        }
    }
    Some((segments, trailing_slash))
}

fn decode(encoded: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::new();
    let mut rest = encoded;
    loop {
        rest = match rest {
            [] => return Some(decoded),
            [b'%', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                let digits = [*high, *low];
                decoded.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
                rest
            }
            [b'%', ..] => return None,
            [byte, rest @ ..] => {
                decoded.push(*byte);
                rest
            }
        }
    }
}

/// A dot in front, behind whatever a file system may ignore (HFS+); `.well-known` is
/// for everyone, at the root only and in this spelling.
fn is_hidden(segments: &[Vec<u8>]) -> bool {
    let ignored = |c: char| matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}');
    segments.iter().enumerate().any(|(depth, name)| {
        // What is not UTF-8 becomes U+FFFD, which is neither ignored nor a dot.
        let text = String::from_utf8_lossy(name);
        let is_well_known = depth == 0 && name == b".well-known";
        text.trim_start_matches(ignored).starts_with('.') && !is_well_known
    })
}

/// The path can be built from the root, one name after the other.
fn inside(safe: &SafePath) {
    let mut built = SafePath::root();
    for name in safe.segments() {
        assert!(!name.is_empty() && name != b"." && name != b".." && !name.contains(&0));
        built = match built.join(name) {
            Some(built) => built,
            None => panic!("{name:?} is no segment"),
        };
        assert_eq!(built.name(), Some(name));
    }
    assert_eq!((built.as_bytes(), built.is_root()), (safe.as_bytes(), safe.is_root()));
}

/// A way back that leads to the same place.
fn location(safe: &SafePath) {
    let location = safe.to_location();
    leads_nowhere_else(&location);
    let again = SafePath::parse(&location);
    assert_eq!(again.as_ref(), Ok(safe));
    assert_eq!(again.map(|again| again.to_location()), Ok(location));
}

/// R41: a path on this host, whatever browsers forgive.
fn leads_nowhere_else(location: &str) {
    assert!(location.starts_with('/'), "{location}");
    assert!(!location.starts_with("//") && !location.starts_with("/\\"), "{location}");
    assert!(location.bytes().all(|b| matches!(b, 0x21..=0x7e) && b != b'\\'), "{location}");
}

/// What a site answers if this path is a directory with one file in it.
fn redirect(text: &str, safe: &SafePath, query: Option<&str>) {
    let Some(directory) = std::str::from_utf8(safe.as_bytes()).ok().filter(|path| !path.is_empty()) else {
        return;
    };
    let mut files = Memory::default();
    files.insert(&format!("{directory}/a"), "", SystemTime::UNIX_EPOCH);
    let Some(answer) = ask(files, text) else { return };
    match answer {
        Answer::Ready(response) if safe.is_hidden() => assert_eq!(response.status, Status::NotFound),
        Answer::Ready(response) if !safe.has_trailing_slash() => {
            assert_eq!(response.status, Status::MovedPermanently);
            let query = query.map(|query| format!("?{}", encode_query(query))).unwrap_or_default();
            let location = response.fields.get("location").unwrap_or_default();
            assert_eq!(location, format!("{}/{query}", safe.to_location()));
            leads_nowhere_else(location);
            let (path, _) = location.split_once('?').unwrap_or((location, ""));
            let there = SafePath::parse(path);
            assert!(
                there.is_ok_and(|there| there.as_bytes() == safe.as_bytes() && there.has_trailing_slash())
            );
        }
        Answer::Ready(response) => panic!("{:?} for a directory", response.status),
        Answer::Later(list) => listed(&list(), query),
        Answer::After(_) | Answer::NextTurn => panic!("nothing has to be prepared for a directory"),
    }
}

/// The list of the directory, or an archive: of what the query names, if it does, and of that
/// there may be nothing.
fn listed(response: &Response, query: Option<&str>) {
    let query = query.unwrap_or_default();
    let has = |name| query.split('&').any(|pair| pair.split('=').next() == Some(name));
    let may_miss = has("download") && has("name");
    let is_right = response.status == Status::Ok || may_miss && response.status == Status::NotFound;
    assert!(is_right && response.fields.is_valid(), "{:?} for {query}", response.status);
}

/// Asks as a client would; None if the head is none, as with a bad authority.
fn ask(files: Memory, target: &str) -> Option<Answer> {
    static OPTIONS: OnceLock<Arc<Options>> = OnceLock::new();
    let options = Arc::clone(OPTIONS.get_or_init(Arc::default));
    let mut site = Site::new(options, files, Arc::new(|line| panic!("reported: {line}")));
    let head = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut storage = field_storage();
    let parsed = parse(head.as_bytes(), &mut storage).ok()?;
    let peer = Peer { address: ([192, 0, 2, 1], 5000).into(), loopback: false };
    Some(site.respond(&parsed.request, &peer, &Now::read()))
}
