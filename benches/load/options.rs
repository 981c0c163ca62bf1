//! The command line of the load generator.

use std::path::PathBuf;

use clap::Parser;

/// Asks a web server as fast as it answers, or at a fixed rate, checks every answer, and
/// prints what it measured as one line of JSON.
///
/// One thread with keep-alive connections. Bodies are counted and dropped. Without a URL it
/// starts the server of this package with a file of 1 KiB and asks for that.
#[derive(Clone, Debug, Parser)]
#[command(name = "load")]
pub struct Options {
    /// What to ask for: http://HOST[:PORT]/PATH
    pub url: Option<String>,
    /// A file with one path a line: each request asks for one of them, at random
    #[arg(long, value_name = "FILE")]
    pub paths: Option<PathBuf>,
    /// Connections
    #[arg(short, long, value_name = "N", default_value_t = 64, value_parser = at_least_one)]
    pub connections: usize,
    /// Requests that each connection sends at once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one)]
    pub pipeline: usize,
    /// A new connection for each request
    #[arg(long, conflicts_with = "pipeline")]
    pub close: bool,
    /// Another field of each request; repeatable
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,
    /// Requests a second, due at fixed times whether the server keeps up or not. Latencies
    /// are counted from when a request was due
    #[arg(long, value_name = "N", value_parser = a_rate)]
    pub rate: Option<f64>,
    /// How long to measure
    #[arg(short, long, value_name = "N", default_value_t = 3.0, value_parser = a_time)]
    pub seconds: f64,
    /// So many answers end it, whenever they come, instead of the time
    #[arg(short = 'n', long, value_name = "N")]
    pub requests: Option<u64>,
    /// How long to ask before measuring begins
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0, value_parser = a_time)]
    pub warm_up: f64,
    /// With nothing from the server for so long, it is given up
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = a_time)]
    pub patience: f64,
    /// The status that each answer must have
    #[arg(long, value_name = "CODE", default_value_t = 200)]
    pub status: u16,
    /// The length that each body must have; else that of the first answer for its path
    #[arg(long, value_name = "BYTES")]
    pub length: Option<u64>,
    /// The server's process: its processor time, with that of its children, is measured
    #[arg(long, value_name = "PROCESS")]
    pub pid: Option<u32>,
    /// Instead of asking: answer, with the files of --root as they are at the start, at the
    /// least cost there can be
    #[arg(long, value_name = "PORT", requires = "root", conflicts_with = "url")]
    pub limit: Option<u16>,
    /// The directory for --limit
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// What `cargo bench` adds
    #[arg(long, hide = true)]
    pub bench: bool,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or("1 or more".to_owned())
}

fn a_rate(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|rate| (1e-3..=1e9).contains(rate)).ok_or("from 0.001 to 1e9".to_owned())
}

/// No longer than a day.
fn a_time(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|time| (0.0..=86_400.0).contains(time)).ok_or("0 to 86400 seconds".to_owned())
}
