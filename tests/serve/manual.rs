//! `--man` and `--completions`, as they are printed.

use std::process::Stdio;

use super::harness::process::program;
use super::harness::start::started;

/// Every way to ask for text, and how it begins.
const ASKED: [(&[&str], &str); 6] = [
    (&["--man"], ".TH SERVE 1 "),
    (&["--completions", "bash"], "# Completions of serve for bash.\n"),
    (&["--completions", "zsh"], "#compdef serve\n"),
    (&["--completions", "fish"], "# Completions of serve for fish.\n"),
    (&["--completions", "powershell"], "# Completions of serve for PowerShell.\n"),
    (&["--completions", "elvish"], "# Completions of serve for Elvish.\n"),
];

#[test]
fn the_manual_is_printed_and_nothing_is_served() {
    for (arguments, begin) in ASKED {
        let output = program(arguments).stdout(Stdio::piped()).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{arguments:?}: {output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.starts_with(begin) && text.ends_with('\n'), "{arguments:?}: {text}");
    }
}

#[test]
fn a_reader_that_has_gone_away_has_read_enough() {
    for (arguments, _) in ASKED {
        let mut command = program(arguments);
        let mut child = started(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{arguments:?}: {output:?}");
    }
}
