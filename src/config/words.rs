//! PATH and PORT: which of the words without a dash is which. Pure, but for one
//! question to the file system that is passed in: does this path exist?

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::{hints, values};

/// What the command line says of both, as words or as options.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Words {
    pub root: Option<PathBuf>,
    pub port: Option<u16>,
}

/// Sorts out the words. `first` and `second` stand in the order of the command line;
/// `root` and `port` are the options.
pub(super) fn sort_out(
    first: Option<&OsStr>,
    second: Option<&OsStr>,
    root: Option<&Path>,
    port: Option<u16>,
    exists: &dyn Fn(&Path) -> bool,
) -> Result<Words, String> {
    let (path_word, port_word) = match (first, second) {
        // As with Python, but a folder that is called 9000 can be shared; not if
        // --root says what to share, because then the word can only be the port.
        (Some(word), None) if is_digits(word) && (root.is_some() || !exists(word.as_ref())) => {
            (None, Some(word))
        }
        (Some(word), Some(path)) if is_digits(word) && !is_digits(path) && !exists(word.as_ref()) => {
            (Some(path), Some(word))
        }
        words => words,
    };
    if let Some(word) = port_word.filter(|word| !is_digits(word)) {
        return Err(two_paths(first, word));
    }
    let port_word = port_word.map(|word| {
        let word = word.to_string_lossy();
        values::port(&word).map_err(|reason| format!("{word} as the port: {reason}"))
    });
    let port = match (port_word.transpose()?, port) {
        (Some(word), Some(option)) => {
            return Err(format!("{word} and --port {option} both say the port: leave one out"));
        }
        (word, option) => word.or(option),
    };
    let root = match (path_word, root) {
        (Some(word), Some(root)) => {
            let (word, root) = (word.display(), root.display());
            return Err(format!("{word} and --root {root} both say what to share: leave one out"));
        }
        (Some(word), None) => Some(Path::new(word)),
        (None, root) => root,
    };
    if let Some(root) = root.filter(|root| !exists(root)) {
        if root.as_os_str().is_empty() {
            return Err("the PATH to share is empty; `.` is the current folder".to_owned());
        }
        if let Some(hint) = hints::for_path(&root.to_string_lossy()) {
            return Err(hint);
        }
    }
    let root = root.map(Path::to_owned);
    Ok(Words { root, port })
}

/// The error for words beyond PATH and PORT.
pub(super) fn too_many(extra: &[OsString]) -> Option<String> {
    let word = extra.first()?.display();
    Some(format!(
        "{word} is one word too many: serve takes one PATH and one PORT; put quotes around a PATH with spaces"
    ))
}

fn two_paths(first: Option<&OsStr>, second: &OsStr) -> String {
    let first = first.unwrap_or_default().display();
    let second = second.display();
    format!(
        "{second} is not a port: serve takes one PATH, here {first}, and one PORT; to share two folders, run it twice"
    )
}

fn is_digits(word: &OsStr) -> bool {
    !word.is_empty() && word.as_encoded_bytes().iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The words in a folder that holds `dist`, `2024` and `help`.
    fn sorted(
        words: &[&str],
        root: Option<&str>,
        port: Option<u16>,
    ) -> Result<(String, Option<u16>), String> {
        let exists = |path: &Path| ["dist", "2024", "help"].iter().any(|known| path == Path::new(known));
        let word = |at: usize| words.get(at).map(OsStr::new);
        let words = sort_out(word(0), word(1), root.map(Path::new), port, &exists)?;
        Ok((words.root.unwrap_or_default().to_string_lossy().into_owned(), words.port))
    }

    #[test]
    fn a_number_is_the_port_unless_it_is_a_path() {
        for (words, root, port) in [
            (&[][..], "", None),
            (&["dist"], "dist", None),
            (&["missing"], "missing", None),
            (&["9000"], "", Some(9000)),
            (&["0"], "", Some(0)),
            (&["2024"], "2024", None),
            (&["dist", "9000"], "dist", Some(9000)),
            (&["9000", "dist"], "dist", Some(9000)),
            (&["2024", "9000"], "2024", Some(9000)),
            (&["dist", "2024"], "dist", Some(2024)),
            (&["9000", "9001"], "9000", Some(9001)),
            (&["help"], "help", None),
        ] {
            assert_eq!(sorted(words, None, None), Ok((root.to_owned(), port)), "{words:?}");
        }
        assert_eq!(sorted(&["2024"], Some("dir"), None), Ok(("dir".to_owned(), Some(2024))));
        assert_eq!(sorted(&[], Some("dir"), Some(1)), Ok(("dir".to_owned(), Some(1))));
        assert_eq!(sorted(&["dist"], None, Some(1)), Ok(("dist".to_owned(), Some(1))));
    }

    #[test]
    fn contradictions_are_errors() {
        for (words, root, port, part) in [
            (&["dist", "other"][..], None, None, "other is not a port"),
            (&["dist"], Some("dir"), None, "both say what to share"),
            (&["dist", "9000"], Some("dir"), None, "both say what to share"),
            (&["9000"], None, Some(9001), "both say the port"),
            (&["99999"], None, None, "a port is a number"),
            (&["dist", "99999999999999999999999"], None, None, "a port is a number"),
            (&[""], None, None, "is empty"),
            (&[], Some(""), None, "is empty"),
            (&[], Some("false"), None, "--no-listing"),
            (&["http://localhost:8000/"], None, None, "is a URL"),
            (&["127.0.0.1:8000"], None, None, "--bind 127.0.0.1:8000"),
            (&["version"], None, None, "--version"),
        ] {
            let error = sorted(words, root, port).unwrap_err();
            assert!(error.contains(part), "{words:?}: {error}");
        }
    }
}
