//! What a site is to look like: data, validated by [`crate::config`].

use super::budget::Budget;
use super::derived::Derived;
use super::multipart::Boundaries;
use crate::http::host::HostGuard;
use crate::http::media_type::MediaTypes;

/// The options of a site.
#[derive(Clone, Debug)]
pub struct Options {
    /// Names that stand for their directory, in order of preference; each is one segment.
    pub index: Vec<String>,
    /// Whether a directory without an index file is listed.
    pub listing: bool,
    /// Whether names that begin with a dot are served and listed.
    pub hidden: bool,
    /// Fields for every response: `Some` sets one, `None` removes it.
    pub headers: Vec<(String, Option<String>)>,
    /// Content-Type by name.
    pub media_types: MediaTypes,
    /// Who may be asked for, on loopback.
    pub host_guard: HostGuard,
    /// What listings may hold in memory together, over all loops; beyond it 503.
    pub listings: Budget,
    /// Whether siblings such as `app.js.br` are sent for their files.
    pub precompressed: bool,
    /// Whether files without siblings are compressed.
    pub compress: bool,
    /// What is remembered of versions of files, over all loops.
    pub derived: Derived,
    /// What separates the parts of an answer to several ranges.
    pub boundaries: Boundaries,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            index: vec!["index.html".into(), "index.htm".into()],
            listing: true,
            hidden: false,
            headers: Vec::new(),
            media_types: MediaTypes::default(),
            host_guard: HostGuard::default(),
            listings: Budget::default(),
            precompressed: true,
            compress: true,
            derived: Derived::default(),
            boundaries: Boundaries::default(),
        }
    }
}
