//! What can be chosen from where an option has a few words for values.

use clap::ValueEnum;

/// What can be on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Switch {
    /// Yes
    On,
    /// No
    Off,
}

/// `--symlinks`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum SymlinkRule {
    /// Anywhere inside of what is shared
    Inside,
    /// Anywhere, also to files that are not shared
    Follow,
    /// Nowhere: links do not exist for clients
    Deny,
}

/// `--sandbox`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum SandboxRule {
    /// As much as the system has
    Auto,
    /// All of it, or no server
    Strict,
    /// None
    Off,
}

/// `--log`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// For people, coloured on a terminal
    Short,
    /// Combined Log Format
    Combined,
    /// One JSON object a line
    Json,
    /// None
    Off,
}
