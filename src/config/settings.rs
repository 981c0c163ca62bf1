//! The settings in force, as `--verbose` prints them. Pure; decides nothing.

use std::fmt::{Display, Write};

use super::Config;
use super::banner::printable;
use super::choices::SymlinkRule;
use super::cli::Cli;
use super::terminal::Qr;
use crate::log;
use crate::site::cache_control::CachePolicy;
use crate::site::cors::Cors;
use crate::sys::sandbox::Sandbox;

/// One setting a line, spelled as on the command line.
pub(super) fn text(config: &Config, cli: &Cli) -> String {
    let mut text = String::new();
    let mut say = |option: &str, value: &dyn Display| {
        // A value that can be left out stands behind `=` at once.
        let space = if option.ends_with('=') { "" } else { " " };
        let line = format!("  --{option}{space}{value}");
        let _ = writeln!(text, "{}", printable(line.trim_end()));
    };
    sharing(config, cli, &mut say);
    site(config, cli, &mut say);
    limits(config, &mut say);
    ending(config, &mut say);
    say(
        "log",
        &match config.log {
            log::Format::Short { .. } => "short",
            log::Format::Combined => "combined",
            log::Format::Json => "json",
            log::Format::Off => "off",
        },
    );
    text
}

/// Takes an option and its value.
type Say<'a> = &'a mut dyn FnMut(&str, &dyn Display);

/// What is shared, where, and which of it.
fn sharing(config: &Config, cli: &Cli, say: Say<'_>) {
    say("root", &config.root.display());
    for address in config.binds.iter().flat_map(|bind| &bind.addresses) {
        say("bind", address);
    }
    for name in &config.site.index {
        say("index", name);
    }
    let site = &config.site;
    let switches = [
        ("no-listing", !site.listing),
        ("no-archives", !site.archives),
        ("hidden", site.hidden),
        ("clean-urls", site.clean_urls),
        ("strict-case", site.strict_case),
        ("watch", site.watch.is_some()),
        ("coi", site.coi),
        ("no-rules", site.rules.is_none()),
    ];
    for (switch, _) in switches.iter().filter(|(_, on)| *on) {
        say(switch, &"");
    }
    let word = |on: bool| if on { "on" } else { "off" };
    say("precompressed", &word(site.precompressed));
    say("compress", &word(site.compress));
    say(
        "symlinks",
        &match cli.symlinks {
            SymlinkRule::Inside => "inside",
            SymlinkRule::Follow => "follow",
            SymlinkRule::Deny => "deny",
        },
    );
}

/// How it is answered.
fn site(config: &Config, cli: &Cli, say: Say<'_>) {
    let site = &config.site;
    if !site.base.is_root() {
        say("base-path", &site.base.to_location());
    }
    if let Some(file) = &site.spa {
        say("spa=", &String::from_utf8_lossy(file.as_bytes()));
    }
    for (status, file) in &site.error_pages {
        say("error-page", &format!("{}={}", status.code(), String::from_utf8_lossy(file.as_bytes())));
    }
    say("cache", &cache(site.cache));
    match &site.cors {
        Cors::Off => {}
        Cors::Any => say("cors", &""),
        Cors::Origins(origins) => origins.iter().for_each(|origin| say("cors=", origin)),
    }
    for (name, value) in &config.site.headers {
        say("header", &format!("'{name}: {}'", value.as_deref().unwrap_or_default()));
    }
    for (extension, media_type) in &cli.mime {
        say("mime", &format!("{extension}='{media_type}'"));
    }
    say("content-type", &cli.content_type.as_deref().unwrap_or(crate::http::media_type::OCTET_STREAM));
    for name in &cli.allow_host {
        say("allow-host", name);
    }
    say(
        "sandbox",
        &match config.sandbox {
            Sandbox::Auto => "auto",
            Sandbox::Strict => "strict",
            Sandbox::Off => "off",
        },
    );
    if let Some(user) = &config.user {
        say("user", user);
    }
}

fn limits(config: &Config, say: Say<'_>) {
    say("threads", &config.threads);
    say("max-connections", &config.net.connections_max);
    say("memory", &bytesize::ByteSize(config.memory as u64).display().iec());
    say("idle-timeout", &humantime::format_duration(config.http.idle_timeout));
    say("header-timeout", &humantime::format_duration(config.http.header_timeout));
    say("send-timeout", &humantime::format_duration(config.http.send_timeout));
    say("grace", &humantime::format_duration(config.net.grace));
    if !config.weather.latency.is_zero() {
        say("slow", &humantime::format_duration(config.weather.latency));
    }
    if let Some(rate) = config.net.rate {
        say("limit-rate", &rate.bytes_per_second());
    }
    if !config.weather.failures.is_none() {
        say("fail", &config.weather.failures);
    }
}

/// When it ends by itself, and who is told that it is ready.
fn ending(config: &Config, say: Say<'_>) {
    let (end, ready) = (&config.end, &config.ready);
    if let Some(files) = end.files {
        say("count", &files);
    }
    if let Some(time) = end.time {
        say("for", &humantime::format_duration(time));
    }
    if end.with_parent {
        say("exit-with-parent", &"");
    }
    if ready.qr != Qr::Never {
        say("qr", &"");
    }
    if let Some(path) = &ready.open {
        say("open=", &format!("/{path}"));
    }
    if ready.json {
        say("json", &"");
    }
    if let Some(descriptor) = ready.descriptor {
        say("ready-fd", &descriptor);
    }
    if let Some(file) = &ready.file {
        say("ready-file", &file.display());
    }
}

fn cache(policy: CachePolicy) -> String {
    match policy {
        CachePolicy::NoCache => "no-cache".to_owned(),
        CachePolicy::MaxAge(time) => humantime::format_duration(time).to_string(),
        CachePolicy::Off => "off".to_owned(),
        CachePolicy::Auto => "auto".to_owned(),
    }
}
