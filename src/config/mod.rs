//! Floor 4: the command line and the environment become validated options of the
//! floors below.
//!
//! Everything that can be wrong is said here, in one line, before a socket is opened.
//! Never the behaviour of what is configured: that is of the floors below.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use console::Term;

use crate::clock::Now;
use crate::http::SafePath;
use crate::http::host::HostGuard;
use crate::http::media_type::MediaTypes;
use crate::site::cors::{Cors, Origin};
use crate::{h1, log, net, site, sys};

mod arguments;
pub mod banner;
pub mod bind;
mod choices;
mod cli;
mod environment;
mod features;
mod hints;
mod listening;
mod manual;
pub mod qr;
mod root;
mod secrets;
mod settings;
mod terminal;
mod usage;
mod values;
pub mod weather;
mod words;

pub use bind::Bind;
pub use features::features;
pub use terminal::{End, Qr, Ready};
pub use usage::Exit;

use choices::{LogFormat, SandboxRule, Switch, SymlinkRule};
use cli::Cli;
use listening::{binds, host_names};

/// The port when nobody asks for one: that of Python, which fingers know.
const DEFAULT_PORT: u16 = 8000;

/// What the program is asked to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A server, until it is stopped.
    Serve,
    /// A tool that writes the precompressed siblings of a tree, and ends.
    Precompress,
    /// A tool that says how a request would be answered, and why, and ends.
    Explain(Question),
}

/// A request to be explained.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// The request target, in origin form.
    pub target: String,
    /// The authority, where an address names one; else that of the first bind.
    pub host: Option<String>,
    /// Further fields, in their order; a Host among them counts instead.
    pub fields: Vec<(String, String)>,
}

/// What to do, validated; the floors below take their parts from here.
#[derive(Clone, Debug)]
pub struct Config {
    /// Which of them the rest is for.
    pub command: Command,
    /// Where to listen; no address twice, and never empty for a server.
    pub binds: Vec<Bind>,
    /// Whether the user asked for a port. If not, and a person is watching, the next
    /// free one will do as well.
    pub port_was_given: bool,
    /// A directory or one file, as an absolute path, links in it not resolved.
    pub root: PathBuf,
    /// Event loops, at least one.
    pub threads: usize,
    /// Where symbolic links may lead.
    pub symlinks: sys::Symlinks,
    /// What the process gives up once it listens.
    pub sandbox: sys::sandbox::Sandbox,
    /// Who to become then, as on the command line.
    pub user: Option<String>,
    /// What to answer.
    pub site: site::options::Options,
    /// Bytes of memory for what is remembered of files: one half for the content of small
    /// ones, the other for what was made of files.
    pub memory: usize,
    /// Limits of one connection.
    pub http: h1::limits::Limits,
    /// What requests meet on purpose.
    pub weather: h1::Weather,
    /// Limits of the event loops.
    pub net: net::limits::Limits,
    /// When it ends by itself.
    pub end: End,
    /// What is done when it listens.
    pub ready: Ready,
    /// The access log on standard output.
    pub log: log::Format,
    /// No banner.
    pub quiet: bool,
    /// Print [`Config::settings`] at the start and counters at the end.
    pub verbose: bool,
    /// The settings in force, one a line, spelled as on the command line: what
    /// `--verbose` prints.
    pub settings: String,
}

/// What the command line is read against: this machine, or that of a test.
struct Machine<'a> {
    variable: environment::Variables<'a>,
    exists: &'a dyn Fn(&Path) -> bool,
    resolve: &'a dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>>,
    name: &'a str,
    stdout_is_terminal: bool,
    /// Whether that terminal obeys the codes of colours.
    stdout_knows_colors: bool,
    cores: usize,
}

impl Config {
    /// Reads the arguments (without the program's name) and the environment, and
    /// checks the root. `Err` is help, too, if that is what was asked for.
    pub fn from_args(arguments: impl IntoIterator<Item = OsString>) -> Result<Config, Exit> {
        Config::from(arguments, &|name| std::env::var_os(name))
    }

    /// The same with these variables alone, and not the environment's, for a server in another
    /// program: what they say gives way to the arguments.
    ///
    /// # Errors
    /// As above.
    pub fn from_args_over(
        variables: &[(&str, &str)],
        arguments: impl IntoIterator<Item = OsString>,
    ) -> Result<Config, Exit> {
        let value = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value);
        Config::from(arguments, &|name| value(name).map(OsString::from))
    }

    fn from(
        arguments: impl IntoIterator<Item = OsString>,
        variable: environment::Variables<'_>,
    ) -> Result<Config, Exit> {
        let name = gethostname::gethostname();
        let machine = Machine {
            variable,
            exists: &|path| path.symlink_metadata().is_ok(),
            resolve: &|name, port| Ok((name, port).to_socket_addrs()?.collect()),
            name: &name.to_string_lossy(),
            stdout_is_terminal: io::stdout().is_terminal(),
            stdout_knows_colors: knows_colors(&Term::stdout()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
        };
        let mut config = Config::read(arguments.into_iter().collect(), &machine)?;
        config.check_root().map_err(|exit| match config.ready.open.as_deref() {
            // `serve -o /docs/` shares /docs/.
            Some("") if !config.root.exists() => {
                Exit { message: format!("{}; or a page to open, as --open=/docs/", exit.message), ..exit }
            }
            _ => exit,
        })?;
        if let (Some(path), true) = (&config.ready.open, config.root.is_file()) {
            let name = config.root.file_name().unwrap_or_default().to_string_lossy();
            config.ready.open = Some(terminal::opened_of_file(path, &name).map_err(Exit::usage)?);
        }
        if config.site.spa.is_some() && config.root.is_file() {
            return Err(Exit::usage(
                "--spa needs a folder to share, and FILE beneath it: `serve dist --spa=FILE`",
            ));
        }
        Ok(config)
    }

    /// Whether the root can be shared; if not, why, and what to do.
    pub fn check_root(&self) -> Result<(), Exit> {
        root::check(&self.root).map_err(Exit::failure)
    }

    /// What the user had better know, for standard error.
    pub fn warnings(&self) -> Vec<String> {
        let canonical = |path: &Path| path.canonicalize().ok();
        let root = canonical(&self.root).unwrap_or_else(|| self.root.clone());
        let home = std::env::home_dir().as_deref().and_then(canonical);
        let stays_administrator = is_administrator() && self.user.is_none();
        let exposed = !self.binds.iter().all(Bind::is_loopback);
        let mut found = banner::warnings(&root, home.as_deref(), exposed, stays_administrator);
        found.extend(secrets::warning(&self.root, self.symlinks, self.site.hidden));
        found.extend(self.named_files().filter(|path| !root.join(path).is_file()).map(|path| {
            let path = banner::printable(&path.to_string_lossy());
            format!("there is no {path} in the folder yet, which an option names")
        }));
        found
    }

    /// The files beneath the root that options name.
    fn named_files(&self) -> impl Iterator<Item = PathBuf> {
        let pages = self.site.error_pages.iter().map(|(_, path)| path);
        let paths = self.site.spa.iter().chain(pages);
        paths.map(|path| String::from_utf8_lossy(path.as_bytes()).into_owned().into())
    }

    /// Everything but the check of the root.
    fn read(arguments: Vec<OsString>, machine: &Machine<'_>) -> Result<Config, Exit> {
        let cli = arguments::parse(arguments, machine.variable)?;
        if let Some(error) = words::too_many(&cli.extra) {
            return Err(Exit::usage(error));
        }
        // Where words and options of the command line are weighed against each other,
        // variables do not take part; they fill what is left open.
        let words = words::sort_out(
            cli.path.as_deref(),
            cli.port_word.as_deref(),
            cli.root.as_deref().filter(|_| !cli.root_is_variable),
            cli.port.filter(|_| !cli.port_is_variable),
            machine.exists,
        )
        .map_err(Exit::usage)?;
        let port = words.port.or(cli.port);
        let root = words.root.or_else(|| cli.root.clone()).unwrap_or_else(|| PathBuf::from("."));
        let (command, binds, root) = match &cli.precompress {
            None => {
                let binds = binds(&cli, words.port, port, machine).map_err(Exit::usage)?;
                (question(&cli).map_err(Exit::usage)?.map_or(Command::Serve, Command::Explain), binds, root)
            }
            Some(directory) => {
                if let Some(port) = words.port {
                    let reason =
                        format!("the port {port} has no use with --precompress, which serves nothing");
                    return Err(Exit::usage(reason));
                }
                let root = precompressed_root(directory.as_ref(), root, &cli).map_err(Exit::usage)?;
                (Command::Precompress, Vec::new(), root)
            }
        };
        let names = host_names(&cli, machine.name);
        let mut config = Config {
            command,
            binds,
            port_was_given: port.is_some() || cli.bind.iter().any(|spec| spec.port.is_some()),
            // Only a working directory that is gone makes this fail, and then the
            // check of the root has the better error.
            root: std::path::absolute(&root).unwrap_or(root),
            threads: cli.threads.unwrap_or(machine.cores).max(1),
            symlinks: symlinks(cli.symlinks),
            sandbox: sandbox(&cli).map_err(Exit::usage)?,
            user: cli.user.clone(),
            site: site_options(&cli, names).map_err(Exit::usage)?,
            memory: cli.memory,
            http: h1_limits(&cli),
            weather: cli.weather.weather(),
            net: net_limits(&cli),
            end: cli.terminal.end(),
            ready: cli.terminal.ready(),
            log: log_format(&cli, machine),
            quiet: cli.quiet,
            verbose: cli.verbose,
            settings: String::new(),
        };
        config.settings = settings::text(&config, &cli);
        Ok(config)
    }
}

/// Whether to colour what goes to standard error, which `is_terminal` or not
/// (<https://no-color.org>).
pub fn wants_color(is_terminal: bool) -> bool {
    is_terminal && knows_colors(&Term::stderr()) && color_is_welcome(&|name| std::env::var_os(name))
}

/// Consoles of Windows show the codes of colours as text until they are asked to obey them,
/// which this does; old ones cannot.
#[cfg(windows)]
fn knows_colors(terminal: &Term) -> bool {
    terminal.features().colors_supported()
}

/// Terminals obey them, unless TERM says otherwise.
#[cfg(not(windows))]
fn knows_colors(_: &Term) -> bool {
    true
}

/// Whether lines may be drawn over on standard error, which `is_terminal` or not: by codes, as
/// colours are.
pub fn moves_cursor(is_terminal: bool) -> bool {
    is_terminal
        && knows_colors(&Term::stderr())
        && std::env::var_os("TERM").is_none_or(|value| value != "dumb")
}

fn color_is_welcome(variable: environment::Variables<'_>) -> bool {
    let no_color = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
    !no_color && variable("TERM").is_none_or(|value| value != "dumb")
}

/// The DIR of --precompress, or else what would be shared; both on one command line say
/// the same thing twice.
fn precompressed_root(directory: Option<&PathBuf>, root: PathBuf, cli: &Cli) -> Result<PathBuf, String> {
    let Some(directory) = directory else { return Ok(root) };
    if cli.path.is_some() || cli.root.is_some() && !cli.root_is_variable {
        let (directory, root) = (directory.display(), root.display());
        return Err(format!("--precompress {directory} and {root} both say what to compress: leave one out"));
    }
    Ok(directory.clone())
}

/// What --explain asks.
fn question(cli: &Cli) -> Result<Option<Question>, String> {
    match (&cli.explain, &cli.request_header[..]) {
        (Some((target, host)), fields) => {
            Ok(Some(Question { target: target.clone(), host: host.clone(), fields: fields.to_vec() }))
        }
        (None, []) => Ok(None),
        (None, _) => {
            Err("--request-header says what --explain asks with: give --explain URL-PATH".to_owned())
        }
    }
}

fn site_options(cli: &Cli, host_names: Vec<String>) -> Result<site::options::Options, String> {
    let base = cli.base_path.clone().unwrap_or_else(SafePath::root);
    let prefix = base.to_location().trim_end_matches('/').to_owned();
    Ok(site::options::Options {
        watch: cli.watch.then(|| site::watch::Hub::new(prefix, Now::read().system)),
        base,
        index: cli.index.clone(),
        listing: !cli.no_listing,
        archives: !cli.no_archives,
        hidden: cli.hidden,
        clean_urls: cli.clean_urls,
        strict_case: cli.strict_case,
        spa: cli.spa.clone(),
        error_pages: cli.error_page.clone(),
        headers: cli.header.clone(),
        // What is reloaded has to be asked for.
        cache: if cli.watch { site::cache_control::CachePolicy::NoCache } else { cli.cache },
        cors: cors(&cli.cors)?,
        coi: cli.coi,
        precompressed: cli.precompressed == Switch::On,
        compress: cli.compress == Switch::On,
        media_types: MediaTypes::new(cli.mime.iter().cloned(), cli.content_type.clone()),
        host_guard: HostGuard::new(host_names),
        rules: (!cli.no_rules).then(site::rules::Shared::default),
        ..site::options::Options::default()
    })
}

/// Who may read, all that was said of it taken together.
fn cors(values: &[Option<Origin>]) -> Result<Cors, String> {
    let origins: Vec<Origin> = values.iter().flatten().cloned().collect();
    match (values.len(), origins.first()) {
        (0, _) => Ok(Cors::Off),
        (count, Some(origin)) if count > origins.len() => {
            Err(format!("--cors lets every site read, so --cors={origin} has no use: leave one out"))
        }
        (_, Some(_)) => Ok(Cors::Origins(origins)),
        (_, None) => Ok(Cors::Any),
    }
}

fn h1_limits(cli: &Cli) -> h1::limits::Limits {
    h1::limits::Limits {
        header_timeout: cli.header_timeout,
        idle_timeout: cli.idle_timeout,
        send_timeout: cli.send_timeout,
        ..h1::limits::Limits::default()
    }
}

fn net_limits(cli: &Cli) -> net::limits::Limits {
    net::limits::Limits {
        connections_max: cli.max_connections,
        grace: cli.grace,
        rate: cli.weather.rate(),
        ..net::limits::Limits::default()
    }
}

fn symlinks(rule: SymlinkRule) -> sys::Symlinks {
    match rule {
        SymlinkRule::Inside => sys::Symlinks::Inside,
        SymlinkRule::Follow => sys::Symlinks::Follow,
        SymlinkRule::Deny => sys::Symlinks::Deny,
    }
}

fn sandbox(cli: &Cli) -> Result<sys::sandbox::Sandbox, String> {
    match cli.sandbox {
        SandboxRule::Strict if cli.symlinks == SymlinkRule::Follow => {
            Err("--sandbox strict and --symlinks follow contradict each other: \
                 what lies outside could not be read"
                .to_owned())
        }
        SandboxRule::Strict => Ok(sys::sandbox::Sandbox::Strict),
        SandboxRule::Auto => Ok(sys::sandbox::Sandbox::Auto),
        SandboxRule::Off => Ok(sys::sandbox::Sandbox::Off),
    }
}

fn log_format(cli: &Cli, machine: &Machine<'_>) -> log::Format {
    let color =
        machine.stdout_is_terminal && machine.stdout_knows_colors && color_is_welcome(machine.variable);
    match cli.log {
        Some(LogFormat::Short) => log::Format::Short { color },
        Some(LogFormat::Combined) => log::Format::Combined,
        Some(LogFormat::Json) => log::Format::Json,
        Some(LogFormat::Off) => log::Format::Off,
        None if cli.quiet || cli.terminal.json => log::Format::Off,
        None if machine.stdout_is_terminal => log::Format::Short { color },
        None => log::Format::Combined,
    }
}

#[cfg(unix)]
fn is_administrator() -> bool {
    rustix::process::geteuid().is_root()
}

/// Elevation is rare there, and servers run as services with rights of their own.
#[cfg(not(unix))]
fn is_administrator() -> bool {
    false
}

#[cfg(test)]
#[path = "cli_tests.rs"]
mod tests;
