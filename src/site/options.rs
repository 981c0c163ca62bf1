//! What a site is to look like: data, validated by [`crate::config`].

use super::archive;
use super::budget::Budget;
use super::cache_control::CachePolicy;
use super::coach::Coach;
use super::cors::Cors;
use super::derived::Derived;
use super::directory::Made;
use super::files::Place;
use super::flight::Flights;
use super::listing::View;
use super::multipart::Boundaries;
use super::rules;
use super::watch::Hub;
use crate::http::host::HostGuard;
use crate::http::media_type::MediaTypes;
use crate::http::{SafePath, Status};

/// The options of a site.
#[derive(Clone, Debug)]
pub struct Options {
    /// The prefix of the URL space beneath which the files live; the root is none.
    pub base: SafePath,
    /// Names that stand for their directory, in order of preference; each is one segment.
    pub index: Vec<String>,
    /// Whether a directory without an index file is listed.
    pub listing: bool,
    /// Whether a directory that is listed can be saved as an archive.
    pub archives: bool,
    /// Whether names that begin with a dot are served and listed.
    pub hidden: bool,
    /// Whether `/about` answers `about.html`.
    pub clean_urls: bool,
    /// The file that answers for missing paths: that of a single-page application.
    pub spa: Option<SafePath>,
    /// Files that take the place of our own error pages; for 404 there is always
    /// `404.html`, too.
    pub error_pages: Vec<(Status, SafePath)>,
    /// Fields for every response: `Some` sets one, `None` removes it.
    pub headers: Vec<(String, Option<String>)>,
    /// What caches are told of files.
    pub cache: CachePolicy,
    /// Which pages of other sites may read the files.
    pub cors: Cors,
    /// Whether pages are isolated from other sites, so that they may share memory.
    pub coi: bool,
    /// Content-Type by name.
    pub media_types: MediaTypes,
    /// Who may be asked for, on loopback.
    pub host_guard: HostGuard,
    /// What listings may hold in memory together, over all loops; beyond it 503.
    pub listings: Budget,
    /// What archives share, over all loops.
    pub archiving: archive::Resources,
    /// The listings that are being made, over all loops. Those with conditions for themselves:
    /// who has a listing already needs no room for it, and the others are told early that there
    /// is none.
    pub flights: Flights<(Place, View, bool), Made>,
    /// Whether siblings such as `app.js.br` are sent for their files.
    pub precompressed: bool,
    /// Whether files without siblings are compressed.
    pub compress: bool,
    /// What is remembered of versions of files, over all loops.
    pub derived: Derived,
    /// What separates the parts of an answer to several ranges.
    pub boundaries: Boundaries,
    /// Where live pages hear of changes; None where pages are sent as they are.
    pub watch: Option<Hub>,
    /// Whether names must be spelled as the file system spells them, where it would take
    /// them in any case.
    pub strict_case: bool,
    /// Who is told why a request was 404; None where nobody watches.
    pub coach: Option<Coach>,
    /// The rules of `_headers` and `_redirects`; None leaves these files alone.
    pub rules: Option<rules::Shared>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            base: SafePath::root(),
            index: vec!["index.html".into(), "index.htm".into()],
            listing: true,
            archives: true,
            hidden: false,
            clean_urls: false,
            spa: None,
            error_pages: Vec::new(),
            headers: Vec::new(),
            cache: CachePolicy::default(),
            cors: Cors::default(),
            coi: false,
            media_types: MediaTypes::default(),
            host_guard: HostGuard::default(),
            listings: Budget::default(),
            archiving: archive::Resources::default(),
            flights: Flights::default(),
            precompressed: true,
            compress: true,
            derived: Derived::default(),
            boundaries: Boundaries::default(),
            watch: None,
            strict_case: false,
            coach: None,
            rules: None,
        }
    }
}
