//! Whole-server tests over real sockets, by topic: they read as the specification.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod harness;

mod aliases;
mod archives;
mod caching;
mod case;
#[cfg(unix)]
mod coach;
#[cfg(target_os = "linux")]
mod cold;
mod conditions;
mod connections;
mod directories;
mod explain;
mod faults;
mod files;
#[cfg(target_os = "linux")]
mod filtered;
mod freshness;
mod guards;
mod load;
mod logs;
mod manual;
mod markdown;
mod names;
mod precompress;
mod programs;
#[cfg(target_os = "linux")]
mod races;
mod ranges;
mod requests;
mod routing;
mod rules;
#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
))]
mod sandbox;
mod shaping;
mod shutdown;
// notify hears only once where mio re-arms in software. The simulation has its listeners there.
#[cfg(not(mio_unsupported_force_poll_poll))]
mod watch;
