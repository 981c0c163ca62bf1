//! The manual that the program brings along: a page for man(1), and completions for shells.
//! Both are made from the definition of the command line when they are asked for, so they
//! are those of the very program that is run. Never looks at the machine.

mod completions;
mod page;
mod roff;
mod shells;

use clap::Args;

use super::usage::Exit;
pub(super) use completions::Shell;

/// Where they stand in the help.
const HEADING: &str = "Manual";

/// The options themselves.
#[derive(Args, Debug)]
pub(super) struct ManualOptions {
    /// Print the manual page, and serve nothing: `serve --man | man -l -`
    #[arg(long, help_heading = HEADING, hide_short_help = true)]
    pub man: bool,

    /// Print completions for a shell, and serve nothing
    ///
    /// For bash, zsh, fish, powershell or elvish. What is printed belongs where the shell
    /// looks for such files; for bash that is
    /// ~/.local/share/bash-completion/completions/serve, for zsh a file _serve in a folder
    /// of $fpath, for fish ~/.config/fish/completions/serve.fish. PowerShell and Elvish want
    /// it as a part of a file that is read at the start: the one that $PROFILE names, and
    /// ~/.config/elvish/rc.elv.
    #[arg(long, value_enum, value_name = "SHELL", help_heading = HEADING, hide_short_help = true,
          hide_possible_values = true)]
    pub completions: Option<Shell>,
}

/// What of it is asked for; like help, that ends the program well.
pub(super) fn asked_for(options: &ManualOptions) -> Option<Exit> {
    let text = match (options.man, options.completions) {
        (true, _) => page::text(),
        (false, Some(shell)) => completions::text(shell),
        (false, None) => return None,
    };
    Some(Exit { code: 0, message: text.trim_end().to_owned(), to_stdout: true })
}

#[cfg(test)]
#[path = "../manual_tests.rs"]
mod tests;
