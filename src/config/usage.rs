//! How the program ends before it serves: help, or one line that helps.
//!
//! Turns clap's findings into single lines; never decides what is right or wrong.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::banner::printable;
use super::hints;

/// An end of the program, and what is said with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// 0: help was asked for; 1: the server could not run; 2: wrong usage.
    pub code: u8,
    /// Errors are one line without `serve:` and without a line end; help has many.
    pub message: String,
    /// Help belongs on standard output, where a pager finds it; errors do not.
    pub to_stdout: bool,
}

impl Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Exit {}

impl Exit {
    /// The server could not run: code 1.
    pub fn failure(message: impl Display) -> Exit {
        Exit { code: 1, message: printable(&message.to_string()), to_stdout: false }
    }

    /// The command line or the environment is wrong: code 2.
    pub(super) fn usage(message: impl Display) -> Exit {
        Exit { code: 2, ..Exit::failure(message) }
    }

    /// Says what there is to say, and hands back what `main` returns.
    pub fn finish(self) -> ExitCode {
        // A reader that went away (`serve -h | head -1`) is no reason to complain,
        // and there would be nobody to complain to.
        let _ = if self.to_stdout {
            writeln!(std::io::stdout(), "{}", self.message)
        } else {
            writeln!(std::io::stderr(), "serve: {}", self.message)
        };
        ExitCode::from(self.code)
    }
}

/// What clap says, in one line.
pub(super) fn exit_of(error: &clap::Error) -> Exit {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // Clap indents empty lines, too.
            let text = error.render().to_string();
            let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
            let message = lines.join("\n").trim_end().to_owned();
            Exit { code: 0, message, to_stdout: true }
        }
        kind => Exit::usage(line(kind, error)),
    }
}

fn line(kind: ErrorKind, error: &clap::Error) -> String {
    let value = text(error, ContextKind::InvalidValue);
    let option = text(error, ContextKind::InvalidArg);
    // Clap names an option together with the names of its values.
    let name = spelling(&option);
    match kind {
        ErrorKind::UnknownArgument => unknown(name, &text(error, ContextKind::SuggestedArg)),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation | ErrorKind::NoEquals if value.is_empty() => {
            format!("{name} needs a value: {option}")
        }
        ErrorKind::InvalidValue => {
            format!("{name} {value}: choose one of {}", text(error, ContextKind::ValidValue))
        }
        ErrorKind::ValueValidation => match std::error::Error::source(error) {
            Some(reason) => format!("{name} {value}: {reason}"),
            None => format!("{name} {value}: this is not a valid value"),
        },
        ErrorKind::TooManyValues | ErrorKind::WrongNumberOfValues => format!("{name} takes no value"),
        ErrorKind::ArgumentConflict => {
            let prior = text(error, ContextKind::PriorArg);
            match spelling(&prior) {
                prior if prior == name || prior.is_empty() => format!("{name} may be given only once"),
                prior => format!("{name} and {prior} contradict each other: choose one"),
            }
        }
        ErrorKind::InvalidUtf8 => {
            "one of the arguments is not valid UTF-8; only paths may be such".to_owned()
        }
        _ => first_line(&error.render().to_string()),
    }
}

fn unknown(spelling: &str, suggestion: &str) -> String {
    if let Some(hint) = hints::for_option(spelling) {
        return format!("{spelling} is not an option of serve: {hint}");
    }
    if !is_slip(spelling, suggestion) {
        format!("{spelling} is not an option: `serve --help-all` shows those there are")
    } else {
        format!("{spelling} is not an option: did you mean {suggestion}?")
    }
}

/// Whether one can be meant by the other: what clap finds alike may share no more than some
/// letters, as `--maintenance` does with `--man`.
fn is_slip(typed: &str, meant: &str) -> bool {
    let (typed, meant) = (typed.trim_start_matches('-'), meant.trim_start_matches('-'));
    let is_part = typed.starts_with(&format!("{meant}-")) || meant.starts_with(typed);
    !meant.is_empty() && (is_part || strsim::osa_distance(typed, meant) <= meant.len().max(3) / 3)
}

/// `--port` of `--port <N>` and of `--port=x`, `--spa` of `--spa[=<FILE>]`.
fn spelling(option: &str) -> &str {
    option.split([' ', '=', '[']).next().unwrap_or_default()
}

fn text(error: &clap::Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        _ => String::new(),
    }
}

fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}
