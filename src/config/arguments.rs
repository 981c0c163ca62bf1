//! From words to [`Cli`]: arguments, then what only the environment says; and which options
//! do not go together. Never looks at the machine.

use std::ffi::OsString;

use clap::parser::ValueSource;
use clap::{ArgMatches, Command, CommandFactory, FromArgMatches};

use super::cli::Cli;
use super::environment::{self, Variables};
use super::manual::{self, ManualOptions};
use super::usage::{Exit, exit_of};

/// What goes with --precompress: what to compress, and how loud. `precompress` itself, too.
const FOR_PRECOMPRESSING: &[&str] =
    &["precompress", "path", "root", "hidden", "threads", "mime", "content_type", "quiet", "verbose"];

/// Reads the arguments, then what only the environment says.
pub(super) fn parse(arguments: Vec<OsString>, variables: Variables<'_>) -> Result<Cli, Exit> {
    let arguments = join_values(arguments);
    let command = Cli::command().no_binary_name(true);
    let given = command.clone().try_get_matches_from(&arguments).map_err(|error| exit_of(&error))?;
    if let Some(exit) =
        manual::asked_for(&ManualOptions::from_arg_matches(&given).map_err(|error| exit_of(&error))?)
    {
        return Err(exit);
    }
    if let Some(option) = out_of_place(&command, &given) {
        return Err(Exit::usage(format!("{option} has no use with --precompress, which serves nothing")));
    }
    let variables = environment::arguments(&command, &given, variables)?;
    let is_variable = |id: &str| variables.iter().any(|(known, _)| known == id);
    let (bind, port, root) = (is_variable("bind"), is_variable("port"), is_variable("root"));
    let long = |id: &str| command.get_arguments().find(|option| *option.get_id() == *id)?.get_long();
    let names: Vec<String> = variables.iter().filter_map(|(id, _)| Some(long(id)?.to_owned())).collect();
    // In front, so that a `--` among the arguments cannot swallow them.
    let all = variables.into_iter().map(|(_, argument)| argument).chain(arguments);
    let matches = command.try_get_matches_from(all).map_err(|error| {
        // Whoever set a variable has typed no option.
        let exit = exit_of(&error);
        Exit { message: environment::with_variables(&exit.message, &names), ..exit }
    })?;
    let mut cli = Cli::from_arg_matches(&matches).map_err(|error| exit_of(&error))?;
    (cli.bind_is_variable, cli.port_is_variable, cli.root_is_variable) = (bind, port, root);
    Ok(cli)
}

/// Options whose value may be left out take it with `=` only: else `serve -s dist` would
/// not share dist. A word behind them that can be nothing but their value is joined.
fn join_values(arguments: Vec<OsString>) -> Vec<OsString> {
    let mut joined: Vec<OsString> = Vec::with_capacity(arguments.len());
    let mut is_over = false;
    for argument in arguments {
        let option = joined.last().and_then(|last| last.to_str()).filter(|_| !is_over);
        let word = argument.to_str().filter(|word| !word.starts_with('-'));
        let is_value = word.is_some_and(|word| match option {
            Some("-s" | "--spa") => [".html", ".htm"].iter().any(|end| word.ends_with(end)),
            Some("--cors") => matches!(word, "*" | "null") || word.contains("://"),
            _ => false,
        });
        is_over |= argument == "--";
        match joined.last_mut().filter(|_| is_value) {
            Some(option) => {
                option.push("=");
                option.push(argument);
            }
            None => joined.push(argument),
        }
    }
    joined
}

/// What was given beside --precompress and does nothing there: most likely a
/// misunderstanding. Variables may be set for the server that is started later.
fn out_of_place(command: &Command, given: &ArgMatches) -> Option<String> {
    let is_given = |id: &str| given.value_source(id) == Some(ValueSource::CommandLine);
    if !is_given("precompress") {
        return None;
    }
    let ids = command.get_arguments().filter(|argument| is_given(argument.get_id().as_str()));
    let mut others = ids.filter(|argument| !FOR_PRECOMPRESSING.contains(&argument.get_id().as_str()));
    others.next().map(|argument| match argument.get_long() {
        Some(long) => format!("--{long}"),
        None => "a PORT".to_owned(),
    })
}
