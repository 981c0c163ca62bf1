//! What a shell can be told of the definition: each option with its spellings, what it does,
//! and what its value may be. [`shells`] writes it down. Never decides what is valid.
//!
//! Written here and not by clap's own generators: those take a hundred kilobytes, ask for a
//! value behind `--spa`, and offer options to who wants to name a folder.

use clap::{Arg, Command, CommandFactory, ValueEnum, ValueHint};

use super::page::takes_value;
use super::shells;
use crate::config::cli::Cli;

/// A shell that completes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::config) enum Shell {
    /// GNU Bash
    Bash,
    /// Zsh
    Zsh,
    /// fish
    Fish,
    /// PowerShell, on any system
    #[value(name = "powershell")]
    Power,
    /// Elvish
    Elvish,
}

/// An option as a shell sees it.
pub(super) struct Choice {
    /// With their dashes: the short one first.
    pub spellings: Vec<String>,
    /// One line.
    pub help: String,
    /// None for a switch.
    pub value: Option<Value>,
    /// Whether it may be given several times.
    pub repeats: bool,
    /// Whether the value may be left out, and stands behind `=` if it is there.
    pub is_joined: bool,
    /// Whether the value may be left out, and else is the next word.
    pub is_optional: bool,
}

/// What a value may be.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// One of these words, each with what it means; perhaps others, too.
    Words(Vec<(String, String)>),
    /// Files and folders.
    Paths,
    /// Folders.
    Folders,
    /// The users of the system.
    Users,
    /// Nothing that a shell could know.
    Other,
}

/// What values are, where their types do not tell.
pub(super) const HINTS: [(&str, Value); 3] =
    [("precompress", Value::Folders), ("spa", Value::Paths), ("user", Value::Users)];

/// Words that an option takes beside times and the like.
pub(super) const WORDS: [(&str, &[&str]); 2] =
    [("cache", &["no-cache", "1h", "off", "auto"]), ("slow", &["2g", "3g", "4g"])];

/// The completions for one shell.
pub(super) fn text(shell: Shell) -> String {
    let choices = choices(&Cli::command());
    match shell {
        Shell::Bash => shells::bash(&choices),
        Shell::Zsh => shells::zsh(&choices),
        Shell::Fish => shells::fish(&choices),
        Shell::Power => shells::powershell(&choices),
        Shell::Elvish => shells::elvish(&choices),
    }
}

/// All options that are not hidden.
fn choices(command: &Command) -> Vec<Choice> {
    let options = command.get_opts().filter(|option| !option.is_hide_set());
    options.map(choice).collect()
}

fn choice(option: &Arg) -> Choice {
    let short = option.get_short().map(|short| format!("-{short}"));
    let longs = option.get_long_and_visible_aliases().unwrap_or_default();
    let count = option.get_num_args();
    let may_be_left_out = count.is_some_and(|count| count.min_values() == 0) && takes_value(option);
    Choice {
        spellings: short.into_iter().chain(longs.iter().map(|long| format!("--{long}"))).collect(),
        help: option.get_help().map(ToString::to_string).unwrap_or_default(),
        value: takes_value(option).then(|| value(option)),
        repeats: matches!(option.get_action(), clap::ArgAction::Append),
        is_joined: may_be_left_out && option.is_require_equals_set(),
        is_optional: may_be_left_out && !option.is_require_equals_set(),
    }
}

fn value(option: &Arg) -> Value {
    let id = option.get_id().as_str();
    if let Some((_, value)) = HINTS.iter().find(|(known, _)| *known == id) {
        return value.clone();
    }
    if let Some((_, words)) = WORDS.iter().find(|(known, _)| *known == id) {
        return Value::Words(words.iter().map(|word| ((*word).to_owned(), String::new())).collect());
    }
    let possible = option.get_possible_values();
    if !possible.is_empty() {
        let word = |value: &clap::builder::PossibleValue| {
            let help = value.get_help().map(ToString::to_string).unwrap_or_default();
            (value.get_name().to_owned(), help)
        };
        return Value::Words(possible.iter().filter(|value| !value.is_hide_set()).map(word).collect());
    }
    match option.get_value_hint() {
        ValueHint::AnyPath | ValueHint::FilePath => Value::Paths,
        ValueHint::DirPath => Value::Folders,
        _ => Value::Other,
    }
}
