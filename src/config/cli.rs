//! The options of the command line, as clap's definition. The doc comments are the
//! help texts. Never looks at the machine, and never at two options at once.
//!
//! Options without a heading are those that `-h` shows, which has to fit one screen.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use super::bind::Spec;
use super::choices::{LogFormat, SandboxRule, Switch, SymlinkRule};
use super::terminal::TerminalOptions;
use super::values::{self, CorsValue, Header, Subject};
use super::weather::WeatherOptions;
use crate::http::{SafePath, Status};
use crate::site::cache_control::CachePolicy;

const AFTER_HELP: &str = "Plain `serve` shares the current folder with this machine only, on port 8000.";

const AFTER_LONG_HELP: &str = "\
Environment:
  Every option is also a variable, SERVE_ and its name in capitals, like
  SERVE_PORT=9000, SERVE_NO_LISTING=true or SERVE_IDLE_TIMEOUT=2m. Options that
  can be given several times take a list: SERVE_HEADER one `Name: value` a line,
  the others separated by commas or lines. The command line wins.

Examples:
  serve                           the current folder, for this machine only
  serve dist 9000                 the folder dist on port 9000
  serve --lan                     for everyone in the network, with a QR code
  serve -b 127.0.0.1 -b '[::1]'   IPv4 and IPv6, each one by itself
  serve photo.jpg --lan --once    one file, for one who fetches it
  serve -s dist --cache auto      a built single-page application
  serve -H 'Cache-Control: max-age=60' -H 'Server:'   a field set, one removed
  serve --port 0 --log json       a free port, and a log for programs
  serve --precompress dist        .br, .zst and .gz files for all in dist
  serve dist --explain /app.js    how that would be answered, and why
  serve dist --slow 3g --fail 5   as on a slow network, where one in twenty fails

Exit codes: 0 stopped on request or done, 1 could not run, 2 wrong usage.";

/// Command line and environment, each value valid by itself.
#[derive(Debug, Parser)]
#[command(
    name = "serve",
    version,
    about = "Shares a folder, or one file, over HTTP",
    override_usage = "serve [PATH] [PORT] [OPTIONS]",
    after_help = AFTER_HELP,
    after_long_help = AFTER_LONG_HELP,
    disable_help_flag = true,
    disable_version_flag = true,
    term_width = 80
)]
pub(super) struct Cli {
    /// What to share: a folder or one file [default: the current folder]
    #[arg(value_name = "PATH")]
    pub path: Option<OsString>,

    /// A number alone is the port: `serve 9000`, `serve dist 9000`
    #[arg(value_name = "PORT")]
    pub port_word: Option<OsString>,

    /// Only so that the error can name what is too much.
    #[arg(hide = true)]
    pub extra: Vec<OsString>,

    /// Where to listen; `:8000` shares with the network
    ///
    /// 127.0.0.1 and localhost are for this machine only; `:8000`, `:9000` and `*`
    /// mean all interfaces, IPv4 and IPv6. An address, a name, `[::1]:8000` for IPv6,
    /// or 0.0.0.0 for IPv4 alone are fine too. Can be given several times.
    ///
    /// [default: 127.0.0.1:8000]
    #[arg(short, long, value_name = "ADDR[:PORT]", value_parser = Spec::parse)]
    pub bind: Vec<Spec>,

    /// The port; 0 lets the system choose [default: 8000]
    ///
    /// It applies to every --bind that names no port itself.
    #[arg(short, long, value_name = "N", value_parser = values::port)]
    pub port: Option<u16>,

    #[command(flatten)]
    pub terminal: TerminalOptions,

    /// The same as PATH
    #[arg(short = 'd', long, visible_alias = "directory", value_name = "DIR", hide_short_help = true)]
    pub root: Option<PathBuf>,

    /// Do not list folders that have no index file
    #[arg(long, hide_short_help = true)]
    pub no_listing: bool,

    /// Do not offer folders as archives
    ///
    /// Without it a folder that is listed can be saved with ?download (ZIP) or
    /// ?download=tar, and some of it with &name=NAME behind that.
    #[arg(long, hide_short_help = true)]
    pub no_archives: bool,

    /// Reload pages in browsers when files change
    ///
    /// Adds a script to pages on their way to a browser; files stay as they are. Style
    /// sheets are exchanged in place, listings row by row; all else is loaded anew. Nothing
    /// is kept without being asked for again, whatever --cache says.
    #[arg(short, long)]
    pub watch: bool,

    /// Serve and list names that begin with a dot
    ///
    /// Without it they do not exist for clients, except for /.well-known/.
    #[arg(long)]
    pub hidden: bool,

    /// Answer missing pages with FILE, as apps need it
    ///
    /// For paths without an extension, asked for by who wants a page; missing scripts,
    /// styles and images stay 404, and so does what a script fetches. FILE lies beneath
    /// the root, ends in .html or .htm, or is given as --spa=FILE.
    ///
    /// [default of FILE: index.html]
    #[arg(short, long, value_name = "FILE", value_parser = values::spa, num_args = 0..=1,
          require_equals = true, default_missing_value = "index.html")]
    pub spa: Option<SafePath>,

    /// Add a field to every response; `Name:` removes one
    ///
    /// Can be given several times.
    #[arg(short = 'H', long, value_name = "NAME: VALUE", value_parser = values::header, hide_short_help = true)]
    pub header: Vec<Header>,

    /// Write .br, .zst and .gz files beside those in DIR, and serve nothing
    ///
    /// For the whole tree [default: PATH], at the highest level, with all cores: for
    /// text, scripts, fonts and the like of at least 1 KiB, where it makes them
    /// smaller. What is up to date stays, and nothing is ever removed. Of the
    /// other options only those go with it that say what to compress, with how many
    /// threads, and how loudly.
    #[arg(long, value_name = "DIR", num_args = 0..=1, help_heading = "Files", hide_short_help = true)]
    #[allow(clippy::option_option, reason = "clap's spelling of an option whose value may be left out")]
    pub precompress: Option<Option<PathBuf>>,

    /// Say how a request for URL-PATH is answered, and why; serve nothing
    ///
    /// Prints every name that is looked up, what is chosen, and the head of the answer, as
    /// with the other options. URL-PATH may be a whole address, too, as a browser shows it.
    #[arg(long, value_name = "URL-PATH", value_parser = values::subject, help_heading = "Files",
          hide_short_help = true, conflicts_with = "precompress")]
    pub explain: Option<Subject>,

    /// With --explain: a field that the request has, like `Accept-Encoding: br`
    ///
    /// Can be given several times.
    #[arg(long, value_name = "NAME: VALUE", value_parser = values::request_field, help_heading = "Files",
          hide_short_help = true)]
    pub request_header: Vec<(String, String)>,

    /// Access log: short, combined, json or off
    ///
    /// It goes to standard output, one line for each response, coloured on a
    /// terminal unless NO_COLOR is set.
    ///
    /// [default: short on a terminal, else combined]
    #[arg(long, value_name = "FORMAT", hide_possible_values = true)]
    pub log: Option<LogFormat>,

    /// Print errors only: no start message, no access log
    ///
    /// An access log that is asked for with --log stays.
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Print settings at the start, counters at the end
    #[arg(short, long)]
    pub verbose: bool,

    /// An index file: it stands for its folder
    ///
    /// Can be given several times, the best first.
    #[arg(long, value_name = "NAME", value_parser = values::index, help_heading = "Files",
          default_values = ["index.html", "index.htm"], hide_short_help = true)]
    pub index: Vec<String>,

    /// `/about` answers about.html, without a redirect
    ///
    /// The file goes before a folder of that name, whose pages stay below `/about/`.
    #[arg(long, help_heading = "Files", hide_short_help = true)]
    pub clean_urls: bool,

    /// A page of your own for errors, like `404=lost.html`
    ///
    /// FILE lies beneath the root. 404.html is used for 404 by itself. Can be given
    /// several times.
    #[arg(long, value_name = "CODE=FILE", value_parser = values::error_page, help_heading = "Files",
          hide_short_help = true)]
    pub error_page: Vec<(Status, SafePath)>,

    /// What caches are told of files: `no-cache`, a time, `off` or `auto`
    ///
    /// `no-cache`: keep them, but ask each time. A time like 1h: do not ask for so long.
    /// `off`: no `Cache-Control`, so that caches guess. `auto`: a year for names that carry
    /// a hash of the content, like main.8f3a1c2b.js, else `no-cache`.
    #[arg(long, value_name = "RULE", value_parser = values::cache, help_heading = "Files",
          default_value = "no-cache", hide_short_help = true)]
    pub cache: CachePolicy,

    /// Serve everything below this path, like /docs
    ///
    /// As behind a proxy that leaves the path as it is. Other paths are 404; `/` alone
    /// leads there.
    #[arg(long, value_name = "PATH", value_parser = values::base_path, help_heading = "Files",
          hide_short_help = true)]
    pub base_path: Option<SafePath>,

    /// Send the files _headers and _redirects instead of following them
    ///
    /// In the root of what is shared they set fields and redirect paths, as with
    /// Netlify and Cloudflare Pages, and are not sent themselves.
    #[arg(long, help_heading = "Files", hide_short_help = true)]
    pub no_rules: bool,

    /// Send app.js.br, .zst or .gz for app.js to who accepts it
    ///
    /// Only if it is no older than its file and decodes to it.
    #[arg(
        long,
        value_enum,
        value_name = "on|off",
        help_heading = "Files",
        default_value = "on",
        hide_short_help = true,
        hide_possible_values = true
    )]
    pub precompressed: Switch,

    /// Compress text that has no such file beside it
    ///
    /// In the background and once for each version of a file, from 1 KiB to 8 MiB. Until
    /// it is done the file is sent as it is. What is made stays in memory (see --memory).
    #[arg(
        long,
        value_enum,
        value_name = "on|off",
        help_heading = "Files",
        default_value = "on",
        hide_short_help = true,
        hide_possible_values = true
    )]
    pub compress: Switch,

    /// Where symbolic links may lead
    #[arg(
        long,
        value_enum,
        value_name = "RULE",
        help_heading = "Files",
        default_value = "inside",
        hide_short_help = true
    )]
    pub symlinks: SymlinkRule,

    /// Names in another case do not exist, as on Linux
    ///
    /// For macOS and Windows, which take Logo.PNG for logo.png: so a link that a server
    /// would break is broken here. What a link leads to on Windows is not looked at, nor are
    /// folders of Linux that take names in any case.
    #[arg(long, help_heading = "Files", hide_short_help = true)]
    pub strict_case: bool,

    /// The type of files by extension, like `log=text/plain`
    ///
    /// Adds to the built-in table, or overrides it. Can be given several times.
    #[arg(long, value_name = "EXT=TYPE", value_parser = values::mime, help_heading = "Files",
          hide_short_help = true)]
    pub mime: Vec<(String, String)>,

    /// The type of files that no table knows
    ///
    /// [default: application/octet-stream]
    #[arg(long, value_name = "TYPE", value_parser = values::media_type, help_heading = "Files",
          hide_short_help = true)]
    pub content_type: Option<String>,

    /// Another name that this machine is called by; `*` for any
    ///
    /// Only needed for a server that this machine alone can reach, behind a proxy
    /// for example: there, requests for unknown names are refused with 421, because
    /// they are how foreign web pages would read your files (DNS rebinding). Can be
    /// given several times.
    #[arg(long, value_name = "NAME", value_parser = values::host_name, help_heading = "Safety",
          hide_short_help = true)]
    pub allow_host: Vec<String>,

    /// Let pages of other sites read the files; of all, or of ORIGIN
    ///
    /// ORIGIN is like https://app.example or http://localhost:5173. Without it, every
    /// site may read. Never with cookies or passwords. Can be given several times.
    #[arg(long, value_name = "ORIGIN", value_parser = values::cors, num_args = 0..=1,
          require_equals = true, default_missing_value = "*", help_heading = "Safety",
          hide_short_help = true)]
    pub cors: Vec<CorsValue>,

    /// Isolate pages from other sites, as SharedArrayBuffer needs it
    ///
    /// Sends `Cross-Origin-Opener-Policy: same-origin`,
    /// `Cross-Origin-Embedder-Policy: require-corp`, and `Cross-Origin-Resource-Policy`.
    #[arg(long, help_heading = "Safety", hide_short_help = true)]
    pub coi: bool,

    /// What the server gives up for good once it listens
    ///
    /// On Linux, by Landlock and seccomp: to read anything but what is shared, to write, to
    /// run programs, to open connections. auto: as much as the kernel has, which --verbose
    /// prints. strict: all of it, or no start; and a root that is made anew meanwhile is
    /// not followed. Other systems: nothing.
    #[arg(
        long,
        value_enum,
        value_name = "RULE",
        help_heading = "Safety",
        default_value = "auto",
        hide_short_help = true,
        hide_possible_values = true
    )]
    pub sandbox: SandboxRule,

    /// Started by root: become this user when the ports are bound
    ///
    /// A name or a number, and a group if not the user's own, with no other rights left.
    /// Not on Windows.
    #[arg(long, value_name = "NAME[:GROUP]", value_parser = values::user, help_heading = "Safety",
          hide_short_help = true)]
    pub user: Option<String>,

    /// Event loops, each with a thread of its own
    ///
    /// [default: one for each core]
    #[arg(long, value_name = "N", value_parser = values::threads, help_heading = "Limits",
          hide_short_help = true)]
    pub threads: Option<usize>,

    /// Most connections at once; beyond it the longest idle are closed
    ///
    /// The system's limit of open files may lower it.
    #[arg(long, value_name = "N", value_parser = values::connections, help_heading = "Limits",
          default_value = "65536", hide_short_help = true)]
    pub max_connections: usize,

    /// Most memory for what is remembered of files; 0 for hardly any
    ///
    /// One half is for the content of small files, which is sent only if a look at the
    /// disk says that they are the same still; one half for what was made of files, as
    /// heads and compressed forms. Like 64MiB, 512KiB or 2GiB.
    #[arg(long, value_name = "SIZE", value_parser = values::size, help_heading = "Limits",
          default_value = "128MiB", hide_short_help = true)]
    pub memory: usize,

    /// Close connections without a request after this time
    #[arg(long, value_name = "TIME", value_parser = values::duration, help_heading = "Limits",
          default_value = "60s", hide_short_help = true)]
    pub idle_timeout: Duration,

    /// A request has to arrive within this time
    ///
    /// It counts from the first byte to the end of the head, however steadily it
    /// trickles in.
    #[arg(long, value_name = "TIME", value_parser = values::duration, help_heading = "Limits",
          default_value = "10s", hide_short_help = true)]
    pub header_timeout: Duration,

    /// Abort a transfer that makes no progress for this time
    #[arg(long, value_name = "TIME", value_parser = values::duration, help_heading = "Limits",
          default_value = "30s", hide_short_help = true)]
    pub send_timeout: Duration,

    /// How long transfers may go on after Ctrl-C; a second Ctrl-C ends them
    #[arg(long, value_name = "TIME", value_parser = values::grace, help_heading = "Limits",
          default_value = "10s", hide_short_help = true)]
    pub grace: Duration,

    #[command(flatten)]
    pub weather: WeatherOptions,

    #[command(flatten)]
    pub manual: super::manual::ManualOptions,

    /// Print the version
    #[arg(short = 'V', long, hide_short_help = true, action = clap::ArgAction::Version)]
    version: Option<bool>,

    /// Print this help
    #[arg(short, long, action = clap::ArgAction::HelpShort)]
    help: Option<bool>,

    /// Print all options, and examples
    #[arg(long, action = clap::ArgAction::HelpLong)]
    help_all: Option<bool>,

    /// Which of them only the environment says; the command line wins over these.
    #[arg(skip)]
    pub bind_is_variable: bool,
    #[arg(skip)]
    pub port_is_variable: bool,
    #[arg(skip)]
    pub root_is_variable: bool,
}

/// Whether an option is spelled so, as `-x` or `--xyz`.
#[cfg(test)]
pub(super) fn has_option(spelling: &str) -> bool {
    use clap::CommandFactory;
    Cli::command().get_arguments().any(|argument| match spelling.strip_prefix("--") {
        Some(long) => argument.get_long_and_visible_aliases().is_some_and(|names| names.contains(&long)),
        None => argument.get_short().is_some_and(|short| spelling == format!("-{short}")),
    }) || spelling == "--"
}
