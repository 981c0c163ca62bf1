//! Is a request meant for us? What web pages of other sites can make a browser send
//! to a server on this machine, and what is answered to that (behaviour, section 9).

use super::cors::Cors;
use super::options::Options;
use crate::http::{Peer, Request, Status};

/// Checks a request that came to a loopback listener; others are open by design.
///
/// # Errors
/// 421 for names that are not ours: a page can bind a name of its own to 127.0.0.1
/// and read the answers (DNS rebinding, R37). 403 for what a page of another site
/// embeds, as `<script src="http://127.0.0.1:8000/…">` does (R38), unless `--cors`.
pub fn check(request: &Request<'_>, peer: &Peer, options: &Options) -> Result<(), Status> {
    if !peer.loopback {
        return Ok(());
    }
    if request.authority.is_some_and(|authority| !options.host_guard.allows(authority.host)) {
        return Err(Status::MisdirectedRequest);
    }
    let is = |name, value: &[u8]| request.fields.all(name).any(|sent| sent == value);
    if options.cors != Cors::Off {
        // Pages of other sites were invited.
        return Ok(());
    }
    if is("sec-fetch-site", b"cross-site") && is("sec-fetch-mode", b"no-cors") {
        return Err(Status::Forbidden);
    }
    Ok(())
}
