//! A load generator for this server and others: `cargo bench --bench load -- --help`.
//!
//! [`run`] is the loop, one thread on `mio`. It gives [`connection`]s the requests that are
//! due ([`schedule`]) for what is asked for ([`targets`]); an [`answer`] is taken apart as
//! far as needed to know its status and its end, and checked. What was counted
//! ([`histogram`], [`cpu`]) becomes a [`report`].
//!
//! Measure on 127.0.0.1 with the server on one processor and this on another, and look at
//! `server_cpu_per_1000` first: requests per second are the generator's own limit where
//! `own_cpu_seconds` comes near `seconds`.
//!
//! It can also be the other side: a server that has nothing to do ([`limit`]), which shows
//! what the kernel alone costs.

pub(crate) mod answer;
pub(crate) mod canned;
pub(crate) mod connection;
pub(crate) mod cpu;
pub(crate) mod histogram;
pub(crate) mod limit;
pub(crate) mod options;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod schedule;
pub(crate) mod server;
pub(crate) mod targets;

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use clap::Parser;
use mio::net::TcpListener;

use self::options::Options;

fn main() -> ExitCode {
    let mut options = Options::parse();
    if let (Some(port), Some(root)) = (options.limit, &options.root) {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        return match listener.and_then(|listener| limit::serve(listener, root)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("load: {error}");
                ExitCode::FAILURE
            }
        };
    }
    let result = match options.url.take() {
        Some(url) => run::run(&url, &options),
        None => server::Server::start().and_then(|server| {
            options.pid = Some(server.process());
            options.paths = None;
            run::run(server.url(), &options)
        }),
    };
    match result {
        Ok(report) => {
            println!("{}", serde_json::to_string(&report).unwrap_or_default());
            ExitCode::from(u8::from(report.errors > 0))
        }
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}
