//! How names and numbers are written for people.

use super::is_deceptive;

/// The units of sizes, in steps of 1,000.
const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];

/// What is shown for the control characters U+0000 to U+001F, in three bytes each.
const CONTROL_PICTURES: &str = "␀␁␂␃␄␅␆␇␈␉␊␋␌␍␎␏␐␑␒␓␔␕␖␗␘␙␚␛␜␝␞␟";

/// A size for people: `312 B`, `1.2 kB`, in decimal units.
pub(super) fn push_short(out: &mut String, bytes: u64) {
    if bytes < 1000 {
        push_grouped(out, bytes);
        return out.push_str(" B");
    }
    // Rounded to tenths. What would be more than a number holds is cut to the same.
    let tenths = |scale: u64| bytes.saturating_add(scale / 20) / (scale / 10);
    let (mut unit, mut scale) = (0, 1000);
    // What would be rounded to 1000.0 is 1.0 of the next unit.
    while tenths(scale) >= 10_000 && unit + 1 < UNITS.len() {
        (unit, scale) = (unit + 1, scale * 1000);
    }
    let tenths = tenths(scale);
    push_grouped(out, tenths / 10);
    out.push('.');
    push_grouped(out, tenths % 10);
    out.push(' ');
    out.push_str(UNITS[unit]);
}

/// A number with commas: `1,234,567`. There are thousands of them, and the machinery of
/// `write!` would cost more than the digits.
pub(super) fn push_grouped(out: &mut String, number: u64) {
    // From the right: twenty digits and six commas at most.
    let mut text = [b','; 26];
    let (mut at, mut left, mut digits) = (text.len(), number, 0);
    loop {
        at -= 1;
        text[at] = b'0' + (left % 10) as u8;
        (left, digits) = (left / 10, digits + 1);
        if left == 0 {
            break;
        }
        at -= usize::from(digits % 3 == 0);
    }
    // Digits and commas are UTF-8.
    out.push_str(str::from_utf8(&text[at..]).unwrap_or_default());
}

/// Appends a name as text of a page: as UTF-8, with nothing in it that HTML gives a meaning
/// to or that could not be seen.
pub fn push_text(out: &mut String, name: &[u8]) {
    push_substituted(out, name, |b| !is_markup(b), markup);
}

/// Appends what somebody has written, which has lines and tabs, as text of a page; all else is
/// as in names.
pub fn push_prose(out: &mut String, text: &str) {
    let markup = |character| match character {
        '\n' | '\t' => None,
        '\r' => Some(""),
        _ => markup(character),
    };
    push_substituted(out, text.as_bytes(), |b| !is_markup(b), markup);
}

/// Appends a name as plain text: as UTF-8, with nothing in it that could not be seen.
pub(super) fn push_plain(out: &mut String, name: &[u8]) {
    push_substituted(out, name, |_| true, picture);
}

/// Appends a name with what is to be written instead of its characters. `is_plain` says of
/// printable bytes of ASCII that they are written as they are.
fn push_substituted(
    out: &mut String,
    name: &[u8],
    is_plain: impl Fn(u8) -> bool,
    substitute: impl Fn(char) -> Option<&'static str>,
) {
    // Nearly all names are plain, and then none of their characters needs a look of its own.
    if name.iter().all(|&b| matches!(b, b' '..=b'~') && is_plain(b))
        && let Ok(text) = str::from_utf8(name)
    {
        return out.push_str(text);
    }
    for chunk in name.utf8_chunks() {
        let text = chunk.valid();
        let mut written = 0;
        for (at, character) in text.char_indices() {
            let Some(shown) = substitute(character) else { continue };
            out.push_str(&text[written..at]);
            out.push_str(shown);
            written = at + character.len_utf8();
        }
        out.push_str(&text[written..]);
        if !chunk.invalid().is_empty() {
            out.push(char::REPLACEMENT_CHARACTER);
        }
    }
}

/// Whether HTML gives it a meaning.
fn is_markup(byte: u8) -> bool {
    matches!(byte, b'&' | b'<' | b'>' | b'"' | b'\'')
}

/// What is written instead of a character that HTML gives a meaning to, or that is not shown.
fn markup(character: char) -> Option<&'static str> {
    match character {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        '\'' => Some("&#39;"),
        _ => picture(character),
    }
}

/// What is shown instead of a character that cannot be seen, or deceives.
fn picture(character: char) -> Option<&'static str> {
    Some(match character {
        '\0'..='\x1f' => {
            let at = 3 * character as usize;
            &CONTROL_PICTURES[at..at + 3]
        }
        '\x7f' => "␡",
        _ if is_deceptive(character) => "\u{fffd}",
        _ => return None,
    })
}
