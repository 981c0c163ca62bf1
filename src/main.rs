//! Arguments in, exit code out; all else is the library's.

use std::process::ExitCode;

use serve::config::Config;

fn main() -> ExitCode {
    let config = match Config::from_args(std::env::args_os().skip(1)) {
        Ok(config) => config,
        Err(exit) => return exit.finish(),
    };
    // The one call of the server: it returns when it was asked to stop.
    match serve::server::run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => exit.finish(),
    }
}
