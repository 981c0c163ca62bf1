//! What is said at the start, to people and to programs.

use std::io::{self, IsTerminal, Write};
use std::net::{IpAddr, SocketAddr};

use console::Term;

use super::ready::{Facts, Listeners};
use super::say;
use crate::config::banner::{self, Banner};
use crate::config::{Config, Exit, Qr, features, qr, wants_color, weather};
use crate::log::Writer;

/// Which facts there are to tell.
pub struct Greeting {
    addresses: Vec<SocketAddr>,
    interfaces: Vec<IpAddr>,
    features: Vec<String>,
    weather: Option<String>,
    is_watched: bool,
}

impl Greeting {
    /// Of a server that listens at these addresses. Asks the system for its own ones, which
    /// cannot be asked for later.
    pub fn new(config: &Config, addresses: &[SocketAddr]) -> Greeting {
        let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
        Greeting {
            addresses: addresses.to_vec(),
            interfaces: interfaces.iter().map(if_addrs::Interface::ip).collect(),
            features: features(config),
            weather: weather::text(&config.weather, config.net.rate),
            is_watched: io::stderr().is_terminal(),
        }
    }

    fn banner<'a>(&'a self, config: &'a Config) -> Banner<'a> {
        Banner {
            root: &config.root,
            root_is_file: config.root.is_file(),
            base: &config.site.base,
            addresses: &self.addresses,
            interfaces: &self.interfaces,
            features: &self.features,
            weather: self.weather.as_deref(),
            color: wants_color(self.is_watched),
        }
    }

    /// Where it can be reached, from this machine first.
    pub fn urls(&self, config: &Config) -> Vec<String> {
        self.banner(config).urls()
    }

    /// The line for programs.
    fn facts(&self, config: &Config) -> String {
        Facts { urls: self.urls(config), pid: std::process::id(), root: &config.root }.line()
    }

    /// Does what a server that is confined can no longer do: opens a browser, writes a file.
    /// Connections that come wait until somebody serves them.
    ///
    /// # Errors
    /// [`Exit`] if a program cannot be told. That no browser opens is only a warning.
    pub fn before(
        &self,
        config: &Config,
        listeners: &Listeners,
        warnings: &mut Vec<String>,
    ) -> Result<(), Exit> {
        listeners.tell_by_file(&self.facts(config))?;
        let url = self.urls(config).into_iter().next();
        if let (Some(path), Some(url)) = (&config.ready.open, url)
            && let Err(error) = open::that_detached(format!("{url}{path}"))
        {
            warnings.push(format!("no browser could be opened ({error}); the URL below leads there, too"));
        }
        Ok(())
    }

    /// Says the rest: the banner, with a code for phones, or the line for programs.
    ///
    /// # Errors
    /// [`Exit`] if a program cannot be told.
    pub fn after(&self, config: &Config, listeners: Listeners, errors: &Writer) -> Result<(), Exit> {
        if config.ready.json {
            // At once: a program that does not hear of it would wait for ever.
            let mut stdout = io::stdout();
            let told = stdout.write_all(self.facts(config).as_bytes()).and_then(|()| stdout.flush());
            told.map_err(|error| Exit::failure(format_args!("--json: standard output: {error}")))?;
        } else if !config.quiet {
            say(errors, self.banner(config).text().trim_end());
            if let Some(code) = self.code(config) {
                say(errors, code.trim_end_matches('\n'));
            }
        }
        listeners.tell_by_descriptor(&self.facts(config))
    }

    /// The URL as a code for phones, if it is wanted.
    fn code(&self, config: &Config) -> Option<String> {
        let (banner, network) = (self.banner(config), self.banner(config).network_url());
        let url = match config.ready.qr {
            Qr::Never => return None,
            Qr::Watched if !self.is_watched => return None,
            // No phone reaches this machine by a name that each has for itself.
            Qr::Watched => network?,
            Qr::Always => network.or_else(|| banner.urls().into_iter().next())?,
        };
        let columns = self.is_watched.then(|| Term::stderr().size_checked()).flatten();
        let columns = columns.map(|(_, columns)| usize::from(columns));
        match qr::text(&url, wants_color(self.is_watched), columns) {
            Ok(Some(code)) => Some(code),
            Ok(None) => Some("(The terminal is too narrow for the QR code.)".to_owned()),
            Err(error) => Some(format!("(There is no QR code of this URL: {error}.)")),
        }
    }
}

/// The settings, for `--verbose`, and what the user had better know.
pub fn preface(config: &Config, warnings: &[String], loops: usize, sandbox: &str, errors: &Writer) {
    for warning in warnings {
        say(errors, &format!("warning: {}", banner::printable(warning)));
    }
    if config.verbose {
        say(errors, config.settings.trim_end());
        say(errors, &format!("event loops: {loops}, connections at most: {}", config.net.connections_max));
        say(errors, &format!("sandbox: {sandbox}"));
    }
}
