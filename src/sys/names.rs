//! Which names Windows would take for something else.
//!
//! Pure functions, the same on every system, so that they are tested on every
//! system; the Windows files ask them before any call into the file system, because
//! some of these names do harm by being opened: a serial port blocks, a UNC path
//! sends credentials to a stranger's server. They never touch a disk.
//!
//! See "Naming Files, Paths, and Namespaces" in the Windows documentation.

/// The device names that Windows finds in every directory.
const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
/// After these one digit follows, and the superscripts ¹ ² ³ of ISO 8859-1 count as digits.
const NUMBERED_DEVICES: [&str; 2] = ["COM", "LPT"];

/// Whether Windows would read this segment as anything but the plain name of a file
/// or directory: a path of its own, a stream, a pattern, a device, or an alias of
/// another name.
///
/// ```
/// # use serve::sys::names::windows_refuses;
/// assert!(windows_refuses("aux.html"));
/// assert!(windows_refuses("index.html::$DATA"));
/// assert!(!windows_refuses("console.html"));
/// ```
pub fn windows_refuses(segment: &str) -> bool {
    // Win32 drops dots and spaces at the end, so that "a.txt. " would be an alias of
    // "a.txt" which no rule about names sees. This covers "." and ".." as well.
    segment.is_empty()
        || segment.ends_with(['.', ' '])
        || segment.contains(['\\', '/', ':', '*', '?', '"', '<', '>', '|'])
        || segment.contains(|c: char| c.is_ascii_control())
        || is_device(segment)
}

/// Devices keep their meaning with any extension, and with spaces before it:
/// `COM1 .txt` is the serial port.
fn is_device(segment: &str) -> bool {
    let base = segment.split('.').next().unwrap_or_default().trim_matches(' ');
    if DEVICES.iter().any(|device| base.eq_ignore_ascii_case(device)) {
        return true;
    }
    // `get` and not an index: the third byte may be inside a character.
    let (Some(stem), Some(number)) = (base.get(..3), base.get(3..)) else { return false };
    NUMBERED_DEVICES.iter().any(|device| stem.eq_ignore_ascii_case(device))
        && matches!(number, "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "¹" | "²" | "³")
}

/// Whether the segment has the form of an 8.3 alias, like `PROGRA~1` or `INDEX~1.HTM`.
///
/// A file may really be called so; whether it is, only the opened handle can tell
/// (see [`is_spelled_out`]). The form is `^[^~.]{1,6}~\d+(\.[^~.]{0,3})?$`.
pub fn is_short_name_form(segment: &str) -> bool {
    let Some((stem, rest)) = segment.split_once('~') else { return false };
    let (number, extension) = rest.split_once('.').unwrap_or((rest, ""));
    let plain = |part: &str| !part.contains(['~', '.']);
    (1..=6).contains(&stem.chars().count())
        && plain(stem)
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && extension.chars().count() <= 3
        && plain(extension)
}

/// Whether no segment that has the 8.3 form was an alias, by the final path of the
/// handle that it led to.
///
/// Links before a segment shift it in the final path, links after it shift it as
/// counted from the end; so its own name must stand in one of these two places. A
/// link in 8.3 form that leads elsewhere is refused: its target does not show
/// whether the link itself was named in full.
pub fn is_spelled_out(requested: &[&str], last: &[&str]) -> bool {
    let is_at = |name: &str, place: Option<usize>| {
        place.and_then(|place| last.get(place)).is_some_and(|found| is_same_name(name, found))
    };
    requested.iter().enumerate().filter(|(_, name)| is_short_name_form(name)).all(|(place, name)| {
        let from_end = requested.len() - place;
        is_at(name, Some(place)) || is_at(name, last.len().checked_sub(from_end))
    })
}

/// Whether a Windows file system takes both for one name: letters are compared by
/// simple upper-casing, one character for one.
pub fn is_same_name(a: &str, b: &str) -> bool {
    a.chars().map(upper).eq(b.chars().map(upper))
}

/// Whether a file system has taken a name in another case than it has it: by the names that
/// were asked for, and those that led to the same place as they are spelled there.
///
/// A link makes them differ in other ways, and so does a letter that can be written in two
/// ways (Unicode normal forms): neither is a misspelling.
///
/// ```
/// # use serve::sys::names::is_misspelled;
/// assert!(is_misspelled(b"img/Logo.png", b"img/logo.png"));
/// assert!(!is_misspelled(b"link/Logo.png", b"img/logo.png"));
/// ```
pub fn is_misspelled(asked: &[u8], spelled: &[u8]) -> bool {
    let names = |path| <[u8]>::split(path, |byte: &u8| *byte == b'/');
    if names(asked).count() != names(spelled).count() {
        return false;
    }
    let mut is_misspelled = false;
    for (asked, spelled) in names(asked).zip(names(spelled)).filter(|(asked, spelled)| asked != spelled) {
        match (std::str::from_utf8(asked), std::str::from_utf8(spelled)) {
            (Ok(asked), Ok(spelled)) if is_same_name(asked, spelled) => is_misspelled = true,
            // A link has led elsewhere.
            (Ok(asked), Ok(spelled)) if asked.is_ascii() && spelled.is_ascii() => return false,
            _ => {}
        }
    }
    is_misspelled
}

fn upper(c: char) -> char {
    let mut upper = c.to_uppercase();
    // `ß` has no upper case of one character, and keeps its own.
    match (upper.next(), upper.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R6.
    #[test]
    fn what_windows_reads_as_something_else_is_refused() {
        let refused = [
            // Separators, drives, streams, patterns: nginx http_location_win32.t and vite, hono, Starlette.
            "a\\b",
            "..\\",
            "a/b",
            "c:",
            "C:",
            "c:windows",
            "a:$DATA",
            "a::$DATA",
            "a.html::$DATA",
            "a:x:$DATA",
            "dir:$i30:$INDEX_ALLOCATION",
            "dir::$INDEX_ALLOCATION",
            "a*",
            "?",
            "a\"b",
            "<",
            ">",
            "a|b",
            "\\\\?\\C",
            // Ends that Win32 drops.
            ".",
            "..",
            "...",
            "a.",
            "a..",
            "a ",
            "a. ",
            "a .",
            "a. .",
            ".. ",
            " ",
            "",
            "dir. ",
            // Control characters.
            "a\0",
            "\n",
            "a\tb",
            "\x1f",
            "\x7f",
            // Devices: the lists of Go (filepath.IsLocal) and of cap-std.
            "CON",
            "con",
            "Con",
            "PRN",
            "AUX",
            "NUL",
            "nul",
            "COM0",
            "COM1",
            "com9",
            "LPT0",
            "LPT1",
            "lpt9",
            "COM¹",
            "com²",
            "COM³",
            "LPT¹",
            "LPT²",
            "lpt³",
            "CONIN$",
            "conout$",
            "CONOUT$",
            // With an extension, with spaces before it.
            "aux.html",
            "nul.tar.gz",
            "NUL .txt",
            "NUL  .txt",
            "com1 .a",
            "COM1 . ",
            "COM¹.txt",
            "con.",
            "nul.",
            "CON .",
            "conin$.x",
            " con",
            "LPT1.. ",
        ];
        for name in refused {
            assert!(windows_refuses(name), "{name:?}");
        }
    }

    /// R6.
    #[test]
    fn names_that_only_look_odd_are_names() {
        let names = [
            "index.html",
            ".well-known",
            ".a",
            "a.b.c",
            "a b",
            " a",
            "a~1.txt",
            "console",
            "CONS",
            "con1",
            "auxiliary.js",
            "nul1",
            "nul_",
            "COM",
            "COM10",
            "com1x",
            "COMA",
            "COM⁴",
            "COM١",
            "LPT",
            "lpt10",
            "xCON",
            "a.con",
            "a.nul",
            "CONIN",
            "CONIN$x",
            "COMé",
            "äöü",
            "日本語",
            "é",
            "$MFT",
            "%2e",
            "a#b",
            "a;b",
            "a&b",
            "'",
            "ＣＯＮ",
            "NUL\u{a0}",
        ];
        for name in names {
            assert!(!windows_refuses(name), "{name:?}");
        }
    }

    /// R6.
    #[test]
    fn the_short_name_form_is_exactly_that_of_8_3_aliases() {
        for name in
            ["a~1", "PROGRA~1", "progra~12", "INDEX~1.HTM", "file~1.txt", "GI7EBA~1", "a~1.", "äöüäöü~9.äöü"]
        {
            assert!(is_short_name_form(name), "{name:?}");
        }
        for name in [
            "",
            "a",
            "~1",
            "a~",
            "a~x",
            "a~1x",
            "toolong~1",
            "a~1.html",
            "a.b~1",
            "a~1~2",
            "a~1.b~2",
            "a~1.b.c",
        ] {
            assert!(!is_short_name_form(name), "{name:?}");
        }
    }

    /// R6.
    #[test]
    fn an_alias_is_told_from_a_name_by_the_final_path() {
        let table: [(&[&str], &[&str], bool); 10] = [
            (&["file~1.txt"], &["file~1.txt"], true),
            (&["FILE~1.TXT"], &["file~1.txt"], true),
            (&["secret~1.txt"], &["secret-of-mine.txt"], false),
            (&["GIT~1", "config"], &[".git", "config"], false),
            (&["a", "GIT~1", "config"], &["a", ".git", "config"], false),
            // A link before the name, and one after it.
            (&["link", "a~1"], &["x", "y", "a~1"], true),
            (&["a~1", "link"], &["a~1", "x", "y"], true),
            (&["link", "GIT~1"], &["x", "y", ".git"], false),
            (&["a~1"], &[], false),
            (&["plain"], &["elsewhere"], true),
        ];
        for (requested, last, expected) in table {
            assert_eq!(is_spelled_out(requested, last), expected, "{requested:?} {last:?}");
        }
    }

    #[test]
    fn only_another_case_is_a_misspelling() {
        for (asked, spelled, expected) in [
            ("a/b", "a/b", false),
            ("", "", false),
            ("INDEX.HTML", "index.html", true),
            ("Img/logo.png", "img/logo.png", true),
            ("ÄÖ", "äö", true),
            // Through links: to other names, to another depth, to one that is called alike.
            ("link", "file", false),
            ("link/B", "dir/b", false),
            ("B", "dir/b", false),
            ("x/Docs", "y/docs", false),
            // One letter in two forms, alone and beside a misspelling.
            ("\u{e9}", "e\u{301}", false),
            ("\u{e9}/B", "e\u{301}/b", true),
            ("\u{e9}/b", "e\u{301}/b", false),
        ] {
            assert_eq!(is_misspelled(asked.as_bytes(), spelled.as_bytes()), expected, "{asked} {spelled}");
        }
        assert!(!is_misspelled(b"\xff", b"\xfe"), "no text, no case");
    }

    #[test]
    fn names_are_the_same_without_regard_to_simple_case_only() {
        assert!(is_same_name("Index.HTML", "iNDEX.html"));
        assert!(is_same_name("ÄÖÜ", "äöü"));
        for (a, b) in [("a", "ab"), ("ß", "ss"), ("\u{212a}", "k"), ("e\u{301}", "é")] {
            assert!(!is_same_name(a, b), "{a:?} {b:?}");
        }
    }
}
