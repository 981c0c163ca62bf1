//! The page for man(1): what the definition of the command line says, by its headings, and
//! what a page needs beside that. Written here, because the generator there is for it knows
//! neither headings nor files, examples or exit codes.

use std::fmt::Write;

use clap::builder::PossibleValue;
use clap::{Arg, ArgAction, Command, CommandFactory};

use super::roff::{bold, escaped, inline, italic, line_start, prose};
use crate::config::cli::Cli;
use crate::config::environment::variable_of;

/// The day when the texts below were looked at last; pages have one.
const DATE: &str = "2026-11-26";

const DESCRIPTION: &[&str] = &[
    "`serve` sends the files of one folder, or one file, to who asks for them by HTTP/1.1. It \
     only sends: there are no uploads, no programs and no passwords, and no TLS, for which a \
     proxy goes in front.",
    "A number alone is the port, as long as nothing in the current folder has that name. Plain \
     `serve` shares the current folder on port 8000 with this machine only; `serve --lan` \
     shares it with everybody who can reach this machine.",
    "A folder is answered with its index file, else with a listing, which is a page for people \
     and data for programs (`?format=json`, `ndjson`, `csv` or `text`). `?download` saves a \
     file, or a folder as an archive.",
    "The start message is on standard error: what is shared, and the addresses to open. The \
     access log is on standard output. Ctrl-C or SIGTERM stops: transfers may end, for as long \
     as --grace says; a second one ends them at once.",
];

const FILES: &[(&str, &str)] = &[
    ("index.html, index.htm", "stand for their folder; --index names others."),
    ("404.html", "in the root is sent with every 404; --error-page names pages for others."),
    (
        "_headers, _redirects",
        "in the root set fields and redirect paths, as with Netlify and Cloudflare Pages. They are \
         read again when they change, and not sent; --no-rules sends them.",
    ),
    (
        "NAME.br, NAME.zst, NAME.gz",
        "are sent for a file NAME to who accepts that coding, if they are no older and decode to \
         it. --precompress writes them.",
    ),
    ("README.md", "is shown below the list of its folder, as README.markdown, README.txt or README are."),
];

const SECURITY: &[&str] = &[
    "By default only this machine can connect, and requests for names that are not its own are \
     refused (421), since any web page could make them; --allow-host names others. What other \
     sites embed is refused there, too, unless with --cors.",
    "Names that begin with a dot do not exist for clients, except for /.well-known/. Links may \
     lead anywhere inside of what is shared, and nowhere else; see --hidden and --symlinks.",
    "On Linux, once it listens, `serve` gives up for good what it does not need, as --sandbox \
     says. Who starts it as root because of a port below 1024 should give --user.",
    "Nothing is encrypted, and nobody is asked for a password: whoever reaches an address that \
     --bind names can read what is shared.",
];

/// Lines are not broken inside words, which may be some to type, nor drawn out for that.
const NEVER_INSIDE_WORDS: &str = ".nh\n.ad l\n";

/// The whole page.
pub(super) fn text() -> String {
    let command = Cli::command();
    let version = env!("CARGO_PKG_VERSION");
    let mut page = format!(
        ".TH SERVE 1 {DATE} \"serve {version}\" \"User Commands\"\n\
         {NEVER_INSIDE_WORDS}.SH NAME\nserve \\- shares a folder, or one file, over HTTP\n\
         .SH SYNOPSIS\n\\fBserve\\fR [\\fIPATH\\fR] [\\fIPORT\\fR] [\\fIOPTIONS\\fR]\n"
    );
    section(&mut page, "DESCRIPTION");
    paragraphs(&mut page, DESCRIPTION.iter().copied());
    options(&mut page, &command);
    section(&mut page, "ENVIRONMENT");
    environment(&mut page, &command);
    section(&mut page, "FILES");
    for (name, what) in FILES {
        entry(&mut page, &bold(name), &prose(what, &["NAME"]));
    }
    let epilogue = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
    section(&mut page, "EXIT STATUS");
    for (code, meaning) in exit_codes(&epilogue) {
        entry(&mut page, &bold(code), &prose(meaning, &[]));
    }
    section(&mut page, "EXAMPLES");
    for (line, what) in examples(&epilogue) {
        entry(&mut page, &bold(line), &prose(what, &[]));
    }
    section(&mut page, "SECURITY");
    paragraphs(&mut page, SECURITY.iter().copied());
    section(&mut page, "SEE ALSO");
    page += "\\fBcurl\\fR(1), \\fBopenat2\\fR(2), \\fBlandlock\\fR(7), \\fBseccomp\\fR(2)\n.PP\n";
    page += &line(&prose("RFC 9110 (HTTP semantics), RFC 9112 (HTTP/1.1). README.md says more.", &[]));
    page
}

fn section(page: &mut String, name: &str) {
    page.push_str(&line(&format!(".SH {name}")));
}

fn line(text: &str) -> String {
    format!("{text}\n")
}

/// One under another, with room between.
fn paragraphs<'a>(page: &mut String, texts: impl Iterator<Item = &'a str>) {
    for (at, text) in texts.enumerate() {
        if at > 0 {
            page.push_str(".PP\n");
        }
        page.push_str(&line(&prose(text, &[])));
    }
}

/// A tag, and what it means, indented; both are roff.
fn entry(page: &mut String, tag: &str, what: &str) {
    let _ = write!(page, ".TP\n{}\n{what}\n", line_start(tag.to_owned()));
}

/// All that is not hidden, by headings, in their order. What the short help shows has none.
fn options(page: &mut String, command: &Command) {
    section(page, "OPTIONS");
    let shown: Vec<&Arg> = command.get_arguments().filter(|argument| !argument.is_hide_set()).collect();
    let mut headings = Vec::new();
    for heading in shown.iter().map(|argument| argument.get_help_heading()) {
        if !headings.contains(&heading) {
            headings.push(heading);
        }
    }
    for heading in headings {
        if let Some(heading) = heading {
            page.push_str(&line(&format!(".SS {}", inline(heading, &[]))));
        }
        for argument in shown.iter().filter(|argument| argument.get_help_heading() == heading) {
            option(page, argument);
        }
    }
}

fn option(page: &mut String, argument: &Arg) {
    let value_name = argument.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
    let value_name = value_name.filter(|_| takes_value(argument));
    let name = value_name.as_deref().unwrap_or_default();
    let placeholders: Vec<&str> =
        name.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').filter(|word| word.len() > 1).collect();
    let help = argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default();
    let mut texts = help.split("\n\n").map(|text| prose(text, &placeholders)).collect::<Vec<_>>();
    if let Some(default) = default(argument) {
        texts.push(format!("[default: {}]", escaped(&default, true)));
    }
    entry(page, &spellings(argument, name), &texts.join("\n.IP\n"));
    let values = argument.get_possible_values();
    if !takes_value(argument) || values.iter().all(|value| value.get_help().is_none()) {
        return;
    }
    page.push_str(".RS\n");
    for value in values.iter().filter(|value| !value.is_hide_set()) {
        let what = PossibleValue::get_help(value).map(ToString::to_string).unwrap_or_default();
        entry(page, &bold(value.get_name()), &prose(&what, &[]));
    }
    page.push_str(".RE\n");
}

pub(super) fn takes_value(argument: &Arg) -> bool {
    argument.is_positional() || matches!(argument.get_action(), ArgAction::Set | ArgAction::Append)
}

/// `-s, --spa[=FILE]`, in bold and italics.
fn spellings(argument: &Arg, value_name: &str) -> String {
    if argument.is_positional() {
        return italic(value_name);
    }
    let short = argument.get_short().map(|short| format!("-{short}"));
    let longs = argument.get_long_and_visible_aliases().unwrap_or_default();
    let all = short.into_iter().chain(longs.iter().map(|long| format!("--{long}")));
    let spelled = all.map(|spelling| bold(&spelling)).collect::<Vec<_>>().join(", ");
    let may_be_left_out = argument.get_num_args().is_some_and(|count| count.min_values() == 0);
    let value = italic(value_name);
    match (takes_value(argument), may_be_left_out, argument.is_require_equals_set()) {
        (false, _, _) => spelled,
        (true, false, _) => format!("{spelled} {value}"),
        (true, true, true) => format!("{spelled}[={value}]"),
        (true, true, false) => format!("{spelled} [{value}]"),
    }
}

fn default(argument: &Arg) -> Option<String> {
    let values = argument.get_default_values().iter().map(|value| value.to_string_lossy());
    let values = values.collect::<Vec<_>>().join(", ");
    (takes_value(argument) && !values.is_empty()).then_some(values)
}

/// Which variables there are, by what they hold.
fn environment(page: &mut String, command: &Command) {
    let rule = "Every option is also a variable, SERVE_ and its name in capitals; the command line \
                wins, and an empty variable is none.";
    let (mut switches, mut lists, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for (long, argument) in crate::config::environment::options(command) {
        match argument.get_action() {
            ArgAction::SetTrue => &mut switches,
            ArgAction::Append => &mut lists,
            _ => &mut others,
        }
        .push(variable_of(long));
    }
    let texts = [
        rule.to_owned(),
        format!("Switches, which are `true` or `false`: {}.", switches.join(", ")),
        format!(
            "Lists, with commas or line ends between their members, SERVE_HEADER and \
             SERVE_REQUEST_HEADER with line ends only: {}.",
            lists.join(", ")
        ),
        format!("One value: {}.", others.join(", ")),
        "NO_COLOR, if it is not empty, or a TERM of `dumb`, keeps colours out of the log.".to_owned(),
    ];
    paragraphs(page, texts.iter().map(String::as_str));
}

/// The examples of the help: a command, and what it is for.
pub(super) fn examples(epilogue: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = epilogue.lines().skip_while(|line| *line != "Examples:").skip(1);
    lines.map_while(|line| line.strip_prefix("  ")).map(|line| {
        let (command, what) = line.split_once("   ").unwrap_or((line, ""));
        (command.trim_end(), what.trim())
    })
}

/// The exit codes of the help, and what they mean.
pub(super) fn exit_codes(epilogue: &str) -> impl Iterator<Item = (&str, &str)> {
    let text = epilogue.lines().find_map(|line| line.strip_prefix("Exit codes: ")).unwrap_or_default();
    text.trim_end_matches('.').split(", ").filter_map(|code| code.split_once(' '))
}
