//! docs/coming-from.md: what it says of us is so, and what it says of others is understood,
//! or answered by a line that helps.

use clap::CommandFactory;

use super::*;

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/coming-from.md");
    std::fs::read_to_string(path).unwrap().replace("\r\n", "\n")
}

/// The rows of all tables: there, here.
fn rows(page: &str) -> Vec<(&str, &str)> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
    rows.filter(|(there, _)| *there != "there").collect()
}

/// What stands in back quotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// An option without its value: `-c` of `-c10`, `--cors` of `--cors=ORIGIN`.
fn option(code: &str) -> Option<&str> {
    let word = code.split([' ', '=']).next().unwrap_or_default();
    match word.strip_prefix('-') {
        None => None,
        Some(rest) if rest.starts_with('-') => Some(word),
        Some(rest) => Some(&word[..1 + rest.chars().next().map_or(0, char::len_utf8)]),
    }
}

/// As a shell splits it, as far as quotes go.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for c in line.chars() {
        match c {
            '\'' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words
}

#[test]
fn our_options_exist_with_the_values_that_are_written() {
    let page = page();
    let rows = rows(&page);
    assert!(rows.len() > 100, "only {} rows", rows.len());
    let mut count = 0;
    for (there, here) in rows {
        for code in quoted(here).filter(|code| code.starts_with('-')) {
            let option = option(code).unwrap();
            // What is said of theirs may be named again.
            assert!(
                cli::has_option(option) || quoted(there).any(|other| other == code),
                "{code} for {there}"
            );
            // What is written in capitals is for the reader to fill in.
            let is_whole = !code.chars().any(|c| c.is_ascii_uppercase()) || code.contains('\'');
            if is_whole && code.contains([' ', '=']) {
                let line = words(code);
                let line: Vec<&str> = line.iter().map(String::as_str).collect();
                read_with(&line, &[], false).unwrap_or_else(|exit| panic!("{code}: {}", exit.message));
                count += 1;
            }
        }
    }
    assert!(count > 15, "only {count} options with values");
}

#[test]
fn our_command_lines_are_understood() {
    let page = page();
    let lines = quoted(&page).filter_map(|code| code.strip_prefix("serve "));
    let (mut count, mut refused) = (0, Vec::new());
    for line in lines {
        let words = words(line);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match read_with(&words, &[], false) {
            Ok(_) => count += 1,
            Err(_) => refused.push(line),
        }
    }
    // One that the page itself calls wrong, and one of another program.
    assert_eq!(refused, ["--upload", "-s build -l 3000"]);
    assert!(count > 8, "only {count} command lines");
}

/// What a text is about: our options, or the stems of its words. What a letter is here is
/// said besides, and that something is so by itself in one way there and in another here.
fn topics(text: &str, are_options: bool) -> Vec<String> {
    let parts = text.split("; ").filter(|part| !(part.starts_with("`-") && part.ends_with(" here")));
    let text = parts.collect::<Vec<_>>().join(" ").replace("by itself", "anyway");
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let words = text.split(|c| !is_part(c));
    match are_options {
        true => words.filter(|word| word.starts_with('-') && cli::has_option(word)).map(long).collect(),
        false => words
            .filter(|word| word.len() > 4 && !["serve", "there", "nothing", "which"].contains(word))
            .map(|word| word.to_lowercase()[..5].to_owned())
            .collect(),
    }
}

/// `--bind` of `-b`.
fn long(option: &str) -> String {
    let command = cli::Cli::command();
    let same = command
        .get_opts()
        .find(|known| known.get_short().map(|c| format!("-{c}")).as_deref() == Some(option));
    same.and_then(|known| known.get_long()).map_or(option.to_owned(), |name| format!("--{name}"))
}

/// A letter is something else in each of them, so a hint that there is may be the wrong one.
#[test]
fn their_options_are_ours_or_get_a_hint_that_says_what_stands_beside_them() {
    let page = page();
    let (mut without, mut elsewhere) = (Vec::new(), Vec::new());
    for (there, here) in rows(&page) {
        for option in quoted(there).filter_map(option).filter(|option| !cli::has_option(option)) {
            let Some(hint) = hints::for_option(option) else {
                without.push(option);
                continue;
            };
            let share = |are_options| {
                let said = topics(hint, are_options);
                let meant = topics(here, are_options);
                (meant.is_empty(), meant.iter().any(|topic| said.contains(topic)))
            };
            let (has_no_options, is_shared) = share(true);
            if !(is_shared || has_no_options && share(false).1) {
                elsewhere.push(format!("{option}: {hint}, and not: {here}"));
            }
        }
    }
    assert!(without.is_empty(), "neither ours nor in hints.rs: {without:?}");
    assert!(elsewhere.is_empty(), "{elsewhere:#?}");
}
