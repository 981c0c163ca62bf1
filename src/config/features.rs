//! What is on beside the usual, for the message at the start. Pure.

use super::Config;
use crate::site::cors::Cors;
use crate::sys::Symlinks;

/// In a few words each, in the order in which people think of them.
pub fn features(config: &Config) -> Vec<String> {
    let site = &config.site;
    let mut on = Vec::new();
    let mut say = |is_on: bool, text: &str| {
        if is_on {
            on.push(text.to_owned());
        }
    };
    say(site.watch.is_some(), "live reload");
    say(site.spa.is_some(), "a page for all that is missing");
    say(site.clean_urls, "clean URLs");
    say(site.hidden, "hidden names");
    say(!site.listing, "no lists");
    say(config.symlinks == Symlinks::Follow, "links that lead anywhere");
    say(!matches!(site.cors, Cors::Off), "pages of other sites let in");
    say(site.coi, "isolation from other sites");
    match config.end.files {
        Some(1) => say(true, "an end after one file"),
        Some(files) => say(true, &format!("an end after {files} files")),
        None => {}
    }
    if let Some(time) = config.end.time {
        say(true, &format!("an end after {}", humantime::format_duration(time)));
    }
    on
}
