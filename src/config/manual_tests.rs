//! The manual names what there is, and nothing else.

#![allow(clippy::unwrap_used)]

use clap::{CommandFactory, ValueEnum, ValueHint};

use super::completions::{HINTS, Shell, Value, WORDS};
use super::*;
use crate::config::arguments;
use crate::config::cli::Cli;
use crate::config::environment;

/// What a command line of words makes the program print.
fn printed(words: &[&str]) -> Exit {
    let words = words.iter().map(Into::into).collect();
    // A wrong variable is no reason to keep the manual from anybody.
    arguments::parse(words, &|name| (name == "SERVE_PORT").then(|| "wrong".into())).unwrap_err()
}

/// Every spelling of every option that is not hidden, with its dashes.
fn spellings() -> Vec<String> {
    let command = Cli::command();
    let mut all = Vec::new();
    for option in command.get_opts().filter(|option| !option.is_hide_set()) {
        all.extend(option.get_short().map(|short| format!("-{short}")));
        let longs = option.get_long_and_visible_aliases().unwrap_or_default();
        all.extend(longs.iter().map(|long| format!("--{long}")));
    }
    assert!(all.len() > 50, "{all:?}");
    all
}

#[test]
fn the_page_names_every_option_and_every_variable() {
    let page = printed(&["--man"]);
    assert_eq!((page.code, page.to_stdout), (0, true));
    for spelling in spellings() {
        assert!(page.message.contains(&roff::bold(&spelling)), "{spelling}");
    }
    let command = Cli::command();
    for (long, _) in environment::options(&command) {
        let variable = environment::variable_of(long);
        let is_end = |c: char| !c.is_ascii_alphanumeric() && c != '_';
        assert!(page.message.split(is_end).any(|word| word == variable), "{variable}");
    }
    for heading in ["NAME", "SYNOPSIS", "ENVIRONMENT", "FILES", "EXIT STATUS", "EXAMPLES", "SECURITY"] {
        assert!(page.message.contains(&format!("\n.SH {heading}\n")), "{heading}");
    }
    assert!(!page.message.to_lowercase().contains("extra"), "what is hidden");
}

#[test]
fn the_page_has_the_examples_and_exit_codes_of_the_help() {
    let help = Cli::command().get_after_long_help().unwrap().to_string();
    let examples: Vec<_> = page::examples(&help).collect();
    assert!(examples.len() > 8, "{examples:?}");
    for (line, what) in examples {
        assert!(line.starts_with("serve") && !what.is_empty(), "{line}: {what}");
    }
    let codes: Vec<_> = page::exit_codes(&help).map(|(code, _)| code).collect();
    assert!(codes.starts_with(&["0", "1", "2"]), "{codes:?}");
}

/// Each line is text, or a request that readers of manual pages know.
#[test]
fn the_page_is_roff() {
    const REQUESTS: [&str; 10] = ["TH", "nh", "ad", "SH", "SS", "TP", "IP", "PP", "RS", "RE"];
    let page = page::text();
    assert!(page.is_ascii());
    for line in page.lines() {
        if let Some(request) = line.strip_prefix('.') {
            assert!(REQUESTS.contains(&request.split(' ').next().unwrap()), "{line}");
        }
        assert!(!line.is_empty() && !line.starts_with(['\'', ' ']), "{line:?}");
        assert!(line.len() < 80 || !line.contains(' '), "{line}");
    }
    let count = |request: &str| page.lines().filter(|line| *line == request).count();
    assert_eq!(count(".RS"), count(".RE"));
}

#[test]
fn the_completions_of_each_shell_name_every_option_and_the_words_of_its_value() {
    let command = Cli::command();
    for shell in Shell::value_variants() {
        let name = shell.to_possible_value().unwrap();
        let exit = printed(&["--completions", name.get_name()]);
        assert_eq!((exit.code, exit.to_stdout), (0, true));
        let text = exit.message;
        assert!(text.contains("serve") && !text.contains("extra"), "{text}");
        let is_end = |c: char| !c.is_ascii_alphanumeric() && c != '-';
        let words: Vec<&str> = text.split(is_end).collect();
        for spelling in spellings() {
            // Fish has them without dashes, behind -s and -l.
            let spelled = match (shell, spelling.strip_prefix("--")) {
                (Shell::Fish, Some(long)) => format!(" -l {long} "),
                (Shell::Fish, None) => format!(" -s {} ", spelling.trim_start_matches('-')),
                _ => spelling.clone(),
            };
            let is_there =
                words.contains(&spelling.as_str()) || spelled != spelling && text.contains(&spelled);
            assert!(is_there, "{shell:?}: {spelling}");
        }
        for option in command.get_opts().filter(|option| page::takes_value(option)) {
            for value in option.get_possible_values() {
                assert!(words.contains(&value.get_name()), "{shell:?}: {option}: {}", value.get_name());
            }
        }
    }
}

/// A bare dash is a hyphen, which readers may make another character of, and break lines at.
#[test]
fn what_is_typed_has_the_dash_of_the_keyboard() {
    const ENGLISH: [&str; 3] = ["built-in", "single-page", "Ctrl-C"];
    let page = page::text();
    let is_inside = |c: char| c.is_ascii_alphanumeric() || "-\\/.=_".contains(c);
    for line in page.lines().filter(|line| !line.starts_with(".TH")) {
        let words = line.split(|c: char| !is_inside(c)).map(|word| word.trim_end_matches('.'));
        let is_hyphenated =
            |word: &str| word.replace("\\-", "").trim_matches('-').contains('-') && !ENGLISH.contains(&word);
        for word in words {
            assert!(!is_hyphenated(word), "{word} in {line}");
        }
    }
}

/// PowerShell takes `using` only before any other statement, and this stands behind those of
/// a profile.
#[test]
fn what_powershell_gets_can_stand_behind_the_lines_of_a_profile() {
    let text = completions::text(Shell::Power);
    assert!(!text.lines().any(|line| line.trim_start().starts_with("using ")), "{text}");
    let short = text.matches("[CompletionResult]").count();
    let whole = text.matches("[System.Management.Automation.CompletionResult]::new(").count();
    assert!(short == 0 && whole > 50, "{short}, {whole}");
}

#[test]
fn the_help_says_where_the_completions_of_each_shell_belong() {
    let command = Cli::command();
    let option = command.get_opts().find(|option| option.get_id() == "completions").unwrap();
    let help = option.get_long_help().unwrap().to_string();
    for place in ["completions/serve,", "_serve", "completions/serve.fish", "$PROFILE", "rc.elv"] {
        assert!(help.contains(place), "{place} in {help}");
    }
}

#[test]
fn fish_offers_files_only_for_what_takes_a_path() {
    let text = completions::text(Shell::Fish);
    let command = Cli::command();
    let options = command.get_opts().filter(|option| page::takes_value(option) && !option.is_hide_set());
    for option in options {
        let long = format!(" -l {} ", option.get_long().unwrap());
        let line = text.lines().find(|line| line.contains(&long)).unwrap();
        let is_path = match HINTS.iter().find(|(id, _)| *id == option.get_id()) {
            Some((_, value)) => *value == Value::Paths,
            None => matches!(option.get_value_hint(), ValueHint::AnyPath | ValueHint::FilePath),
        };
        assert_eq!(line.contains(" -f"), !is_path, "{line}");
    }
}

/// They are asked in `.ci/manual`; this is for those that are not there.
#[test]
fn behind_two_dashes_shells_that_do_not_know_them_are_told_that_no_option_follows() {
    for (shell, test) in [
        (Shell::Bash, "[[ ${COMP_WORDS[at]} == -- ]] && return"),
        (Shell::Power, "$_.Extent.Text -eq '--'"),
        (Shell::Elvish, "has-value $words[1..-1] '--'"),
    ] {
        assert!(completions::text(shell).contains(test), "{shell:?}");
    }
}

#[test]
fn what_is_told_to_shells_is_so() {
    let command = Cli::command();
    let exists = |id: &str| command.get_arguments().any(|argument| argument.get_id().as_str() == id);
    for (id, _) in HINTS {
        assert!(exists(id), "{id}");
    }
    for (id, words) in WORDS {
        for word in words {
            let argument = format!("--{id}={word}");
            assert!(command.clone().try_get_matches_from(["serve", &argument]).is_ok(), "{argument}");
        }
    }
}

#[test]
fn the_manual_is_for_people_at_a_prompt_and_not_for_the_environment() {
    let variables = |name: &str| match name {
        "SERVE_MAN" => Some("true".into()),
        "SERVE_COMPLETIONS" => Some("bash".into()),
        _ => None,
    };
    assert!(arguments::parse(Vec::new(), &variables).is_ok());
    assert_eq!(printed(&["--completions", "csh"]).code, 2);
    assert_eq!(printed(&["--man", "dist", "9000", "--completions=fish"]).message, page::text().trim_end());
}

/// What the page says of it: values of fields have commas of their own.
#[test]
fn variables_that_hold_fields_have_one_a_line() {
    let variables = |name: &str| match name {
        "SERVE_HEADER" => Some("X-A: b, c\nX-D: e".into()),
        "SERVE_REQUEST_HEADER" => Some("Accept: a, b\nX-F: g".into()),
        _ => None,
    };
    let cli = arguments::parse(Vec::new(), &variables).unwrap();
    assert_eq!(cli.header.len(), 2);
    let fields = [("Accept".to_owned(), "a, b".to_owned()), ("X-F".to_owned(), "g".to_owned())];
    assert_eq!(cli.request_header, fields);
}
