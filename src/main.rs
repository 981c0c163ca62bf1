//! Arguments in, exit code out; all else is the library's.

use std::process::ExitCode;

use serve::config::{Command, Config};

fn main() -> ExitCode {
    let config = match Config::from_args(std::env::args_os().skip(1)) {
        Ok(config) => config,
        Err(exit) => return exit.finish(),
    };
    let done = match &config.command {
        // It returns when it was asked to stop.
        Command::Serve => serve::server::run(config),
        Command::Precompress => serve::precompress::run(&config),
        Command::Explain(question) => serve::explain::run(&config, question),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => exit.finish(),
    }
}
