//! Programs that tests start.

use std::process::{Child, Command};

/// Starts a program. Wine cannot now and then, and says so by `ERROR_INTERNAL_ERROR`, which is
/// none that a Windows has for this: there it is tried again.
pub fn started(command: &mut Command) -> Child {
    #[cfg(windows)]
    for _ in 0..4 {
        match command.spawn() {
            Err(error) if error.raw_os_error() == Some(1359) => {}
            result => return result.unwrap(),
        }
    }
    command.spawn().unwrap()
}
