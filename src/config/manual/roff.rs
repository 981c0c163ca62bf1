//! Text as roff, the language of manual pages: escaped, so that it is shown as it stands,
//! with options in bold and what stands for a value in italics. Pure.

use std::fmt::Write;

/// What `mandoc -T lint` takes without a word.
const COLUMNS: usize = 79;

/// Text that is to be read. What stands in back quotes, and what looks like an option, is
/// bold; `placeholders` are in italics.
pub(super) fn prose(text: &str, placeholders: &[&str]) -> String {
    filled(&inline(text, placeholders))
}

/// The same for what has to stay in one line, as behind a request.
pub(super) fn inline(text: &str, placeholders: &[&str]) -> String {
    let mut out = String::new();
    for (at, part) in text.split('`').enumerate() {
        if at % 2 == 1 {
            out += &bold(part);
            continue;
        }
        for (at, word) in part.split(' ').enumerate() {
            if at > 0 {
                out.push(' ');
            }
            let (before, rest) = word.split_at(word.find(|c| c != '(').unwrap_or(word.len()));
            let end = rest.trim_end_matches(['.', ',', ';', ':', ')', '?']).len();
            let (word, after) = rest.split_at(end);
            out += &escaped(before, false);
            out += &match word {
                _ if is_option(word) => bold(word),
                _ if placeholders.contains(&word) => italic(word),
                _ => escaped(word, is_name(word)),
            };
            out += &escaped(after, false);
        }
    }
    out
}

/// In lines that are not too long, and a new one for each sentence: so readers put the same
/// room between all of them. A word stays whole, however long; that no line begins with a
/// blank matters as well, for that would be a paragraph.
fn filled(text: &str) -> String {
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let is_full = line.len() + 1 + word.len() > COLUMNS || line.ends_with(['.', '?', '!']);
        if is_full && !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        match line.is_empty() {
            true => line = line_start(word.to_owned()),
            false => line = line + " " + word,
        }
    }
    lines.push(line);
    lines.join("\n")
}

/// What is typed as it stands.
pub(super) fn bold(text: &str) -> String {
    format!("\\fB{}\\fR", escaped(text, true))
}

/// What stands for a value.
pub(super) fn italic(text: &str) -> String {
    format!("\\fI{}\\fR", escaped(text, true))
}

/// `-x`, `--xyz`, or `--xyz=…`.
fn is_option(word: &str) -> bool {
    let name = word.trim_start_matches('-');
    matches!(word.len() - name.len(), 1 | 2) && name.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// A path, a field with its value, a type: what is typed, or copied, although it stands in
/// prose. No English word has such a sign inside.
fn is_name(word: &str) -> bool {
    word.contains(['/', '.', '=', '~', '_'])
}

/// Characters as themselves. In what is typed a dash is the one of the keyboard, so that it
/// can be copied and searched for; in prose it is a hyphen.
pub(super) fn escaped(text: &str, is_typed: bool) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\\' => out += "\\e",
            '\'' => out += "\\(aq",
            '`' => out += "\\(ga",
            '^' => out += "\\(ha",
            '~' => out += "\\(ti",
            '"' => out += "\\(dq",
            '-' if is_typed => out += "\\-",
            _ if c.is_ascii() => out.push(c),
            // Writing to a string cannot fail.
            _ => drop(write!(out, "\\[u{:04X}]", u32::from(c))),
        }
    }
    out
}

/// A full stop at the start of a line would make a request of it.
pub(super) fn line_start(line: String) -> String {
    if line.starts_with('.') { format!("\\&{line}") } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        for (text, expected) in [
            ("no-cache: keep it", "no-cache: keep it"),
            ("see --max-age, or (-x)", "see \\fB\\-\\-max\\-age\\fR, or (\\fB\\-x\\fR)"),
            ("run `a -b c.`!", "run \\fBa \\-b c.\\fR!"),
            ("FILE lies, FILES not", "\\fIFILE\\fR lies, FILES not"),
            (".br 'x' \\ ^ ~ \"é\"", "\\&.br \\(aqx\\(aq \\e \\(ha \\(ti \\(dq\\[u00E9]\\(dq"),
            ("a - b -- c -1", "a - b -- c -1"),
            ("built-in, in /.well-known/, a-b.js", "built-in, in /.well\\-known/, a\\-b.js"),
            ("", ""),
        ] {
            assert_eq!(prose(text, &["FILE"]), expected);
        }
    }

    #[test]
    fn lines_are_short_and_whole_sentences_begin_them() {
        let words = |count: usize| vec!["seven77"; count].join(" ");
        for (text, expected) in [
            ("One. Two? `Three.` Four".to_owned(), "One.\nTwo?\n\\fBThree.\\fR Four".to_owned()),
            ("1.5 e.g,".to_owned(), "1.5 e.g,".to_owned()),
            (words(10), words(10)),
            (words(11), words(10) + "\nseven77"),
            // No request and no paragraph comes of it.
            (format!("{} .br  .so", words(10)), words(10) + "\n\\&.br .so"),
            ("x".repeat(100), "x".repeat(100)),
        ] {
            assert_eq!(prose(&text, &[]), expected);
            assert_eq!(inline(&text, &[]).matches('\n').count(), 0, "{text}");
        }
    }
}
