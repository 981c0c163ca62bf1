//! `SERVE_…` variables, as arguments. Never reads the process environment itself:
//! variables come through a function, so that tests need not change shared state.
//!
//! Clap could read variables too, but it would split `--header` at its commas on
//! the command line as well, and its errors do not say that a variable is at fault.

use std::ffi::{OsStr, OsString};

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::usage::{Exit, exit_of};

/// The value of a variable, by its name.
pub(super) type Variables<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// Options that make another one of the environment void when they are given on the
/// command line, though they are not the same option.
const OVERRULES: &[(&str, &str)] = &[
    ("quiet", "log"),
    ("quiet", "verbose"),
    ("verbose", "quiet"),
    ("lan", "bind"),
    ("bind", "lan"),
    ("once", "count"),
    ("count", "once"),
];

/// What somebody asks for at a prompt, and no server that is started should do instead.
const ONLY_PRINT: &[&str] = &["version", "help", "help_all", "man", "completions"];

/// What the environment says about options that the command line is silent on: the
/// option's identity, and an argument for it.
pub(super) fn arguments(
    command: &Command,
    given: &ArgMatches,
    variables: Variables<'_>,
) -> Result<Vec<(String, OsString)>, Exit> {
    let on_command_line = |id: &str| given.value_source(id) == Some(ValueSource::CommandLine);
    let mut found = Vec::new();
    for (long, option) in options(command) {
        let id = option.get_id().as_str();
        let name = variable_of(long);
        let overruled = OVERRULES.iter().any(|&(by, what)| what == id && on_command_line(by));
        // An empty variable is how compose files and shells spell "not set".
        let Some(value) = variables(&name).filter(|value| !value.is_empty()) else { continue };
        if overruled || on_command_line(id) {
            continue;
        }
        for argument in
            spelled(option, long, &value).map_err(|reason| Exit::usage(format!("{name}: {reason}")))?
        {
            // Each by itself first, so that an error can name the variable.
            command.clone().try_get_matches_from([&argument]).map_err(|error| {
                Exit::usage(format!("in the variable {name}: {}", exit_of(&error).message))
            })?;
            found.push((id.to_owned(), argument));
        }
    }
    Ok(found)
}

/// The options that are variables, too: those that do more than print something.
pub(super) fn options(command: &Command) -> impl Iterator<Item = (&str, &Arg)> {
    let all = command.get_arguments().filter(|option| !ONLY_PRINT.contains(&option.get_id().as_str()));
    all.filter_map(|option| Some((option.get_long()?, option)))
}

/// `SERVE_NO_LISTING` for `no-listing`.
pub(super) fn variable_of(long: &str) -> String {
    format!("SERVE_{}", long.to_ascii_uppercase().replace('-', "_"))
}

/// A message with the names of variables for those of options that were set by them.
pub(super) fn with_variables(message: &str, options: &[String]) -> String {
    let named = message.split(' ').map(|word| {
        let option = word.strip_prefix("--").filter(|word| options.iter().any(|option| option == word));
        option.map_or_else(|| word.to_owned(), variable_of)
    });
    named.collect::<Vec<_>>().join(" ")
}

/// Whether a word switches on or off.
fn truth(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// A variable as arguments: none, one, or one for each member of a list.
fn spelled(option: &Arg, long: &str, value: &OsStr) -> Result<Vec<OsString>, String> {
    let with_value = |value: &OsStr| {
        let mut argument = OsString::from(format!("--{long}="));
        argument.push(value);
        argument
    };
    let is_optional =
        option.get_num_args().is_some_and(|count| count.takes_values() && count.min_values() == 0);
    if let (true, Some(on)) = (is_optional, value.to_str().and_then(truth)) {
        return Ok(if on { vec![format!("--{long}").into()] } else { Vec::new() });
    }
    match (option.get_action(), value.to_str()) {
        (ArgAction::SetTrue, text) => match text.and_then(truth) {
            Some(true) => Ok(vec![format!("--{long}").into()]),
            Some(false) => Ok(Vec::new()),
            None => Err("this switch is either true or false".to_owned()),
        },
        (ArgAction::Append, Some(text)) => {
            // Values of fields have commas of their own.
            let ends_member = |c| c == '\n' || (c == ',' && !long.ends_with("header"));
            let members = text.split(ends_member).map(str::trim).filter(|member| !member.is_empty());
            Ok(members.map(|member| with_value(OsStr::new(member))).collect())
        }
        _ => Ok(vec![with_value(value)]),
    }
}
