//! The options of who shares a folder for a while, and of programs that start one: what is
//! shown, when it ends by itself, and how others learn that it is ready.
//!
//! Never looks at the machine. What they do is done by [`crate::server`].

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::values;
use crate::http::target::encode_reference;

/// Where they stand in the help.
const ENDING: &str = "An end by itself";
const PROGRAMS: &str = "For programs that start it";

/// Descriptors below are taken: input, output, errors.
const DESCRIPTOR_MIN: u32 = 3;

/// The options themselves.
#[derive(Args, Debug)]
pub(super) struct TerminalOptions {
    /// Share with the network; show a QR code of the URL
    ///
    /// The same as --bind '*', and --qr if somebody watches. Everybody in
    /// the network can read what is shared then.
    #[arg(long, conflicts_with = "bind")]
    pub lan: bool,

    /// Show the URL as a QR code, for phones
    ///
    /// Of the network's URL, if there is one; a phone cannot reach 127.0.0.1.
    #[arg(long, hide_short_help = true)]
    pub qr: bool,

    /// Open the page in a browser, or PATH of it
    ///
    /// PATH is given as --open=/docs/.
    #[arg(short, long, value_name = "PATH", value_parser = path, num_args = 0..=1,
          require_equals = true, default_missing_value = "")]
    pub open: Option<String>,

    /// End when one file was sent whole
    ///
    /// The same as --count 1.
    #[arg(long, conflicts_with = "count", help_heading = ENDING, hide_short_help = true)]
    pub once: bool,

    /// End when N files were sent whole
    ///
    /// A file, or an archive of a folder, counts when a client has had all of it, in one
    /// answer or in ranges that make it whole. Lists, errors and what is cut off do not
    /// count. Other transfers may then go on for the time of --grace.
    #[arg(long, value_name = "N", value_parser = values::count, help_heading = ENDING, hide_short_help = true)]
    pub count: Option<u64>,

    /// End after this time, like 10m
    #[arg(long = "for", value_name = "TIME", value_parser = values::duration, help_heading = ENDING,
          hide_short_help = true)]
    pub time: Option<Duration>,

    /// End when the program that started it has ended
    ///
    /// So that no server stays behind when a test is killed.
    #[arg(long, help_heading = ENDING, hide_short_help = true)]
    pub exit_with_parent: bool,

    /// Say on standard output where it listens, as one JSON object in one line
    ///
    /// Its members are `urls` (a list, this machine's first), `pid` and `root`. It comes instead
    /// of the message at the start, and there is no access log unless asked for by --log.
    #[arg(long, help_heading = PROGRAMS, hide_short_help = true)]
    pub json: bool,

    /// Write that line to descriptor N when it listens, and close it
    ///
    /// N is 3 or more, and was opened by who starts it. Not on Windows.
    #[arg(long, value_name = "N", value_parser = descriptor, help_heading = PROGRAMS, hide_short_help = true)]
    pub ready_fd: Option<u32>,

    /// Write that line to FILE when it listens
    ///
    /// The file is there with all of its content or not at all; what was there before is
    /// removed at the start.
    #[arg(long, value_name = "FILE", help_heading = PROGRAMS, hide_short_help = true)]
    pub ready_file: Option<PathBuf>,
}

/// When sharing ends by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// When so many files were sent whole.
    pub files: Option<u64>,
    /// After so much time.
    pub time: Option<Duration>,
    /// With the process that started this one.
    pub with_parent: bool,
}

/// What is done when it listens, beside saying so to who watches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ready {
    /// The URL as a QR code.
    pub qr: Qr,
    /// A browser is opened, at this path below the URL.
    pub open: Option<String>,
    /// The facts as JSON on standard output, instead of the banner.
    pub json: bool,
    /// The same to this descriptor, which is closed then.
    pub descriptor: Option<u32>,
    /// The same to this file.
    pub file: Option<PathBuf>,
}

/// Whether a QR code is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Qr {
    /// No.
    #[default]
    Never,
    /// If a person watches.
    Watched,
    /// Yes.
    Always,
}

impl TerminalOptions {
    pub(super) fn end(&self) -> End {
        let files = if self.once { Some(1) } else { self.count };
        End { files, time: self.time, with_parent: self.exit_with_parent }
    }

    pub(super) fn ready(&self) -> Ready {
        let qr = match (self.qr, self.lan) {
            (true, _) => Qr::Always,
            (false, true) => Qr::Watched,
            (false, false) => Qr::Never,
        };
        Ready {
            qr,
            open: self.open.clone(),
            json: self.json,
            descriptor: self.ready_fd,
            file: self.ready_file.clone(),
        }
    }
}

/// A path of a URL, with what else may stand behind it; relative to what is shared.
fn path(text: &str) -> Result<String, String> {
    if text.contains("://") {
        return Err("give a path below what is shared, like --open=/docs/".to_owned());
    }
    Ok(encode_reference(text.trim_start_matches('/')).to_string())
}

/// What --open says of a file that is shared alone, whose name all URLs have already.
pub(super) fn opened_of_file(path: &str, name: &str) -> Result<String, String> {
    let rest = path.strip_prefix(&*encode_reference(name).to_string()).unwrap_or(path);
    match rest.starts_with(['?', '#']) || rest.is_empty() {
        true => Ok(rest.to_owned()),
        false => Err(format!("--open={path}: only {name} is shared; leave the path out")),
    }
}

fn descriptor(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(number) if number >= DESCRIPTOR_MIN => Ok(number),
        Ok(1) => Err("to standard output that line comes with --json".to_owned()),
        _ => Err("give the number of an open descriptor, from 3 on".to_owned()),
    }
}

#[cfg(test)]
#[path = "terminal_tests.rs"]
mod tests;
