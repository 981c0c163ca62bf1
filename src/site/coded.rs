//! Which coded form of a file is sent (behaviour, section 6).
//!
//! A file has the forms that lie beside it (`app.js.br`), and those that are made of it
//! here. Whatever is sent decodes to the file, in the version that was just opened:
//!
//! - A sibling that is older than the file is none. One that is not is decoded once, and
//!   compared with the file, before it is sent; a corrupt one is never seen by anybody.
//! - What is made here belongs to one version of the file, and is forgotten with it.
//! - Neither is done with a file that could be written again without a trace
//!   ([`Version::is_settled`]), unless all of it is in memory at that moment.
//!
//! Nobody waits for compression ([`super::compress`]): until it is done, the file is sent as
//! it is.
//!
//! [`Version::is_settled`]: crate::sys::Version::is_settled

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::compress::Work;
use super::derived::{Derived, Digest, Look, Sibling};
use super::files::{Content, FileSystem, Node, OpenFile};
use super::{Options, Site};
use crate::clock::Now;
use crate::codec::{self, Format};
use crate::http::coding::{Accepted, Coding};
use crate::http::media_type::{OCTET_STREAM, is_compressible};
use crate::http::{Method, Preparation, Request, SafePath};

/// How long a look at the place of a sibling holds, and then an answer that followed from
/// it: together a second. What is sent stays right meanwhile, for the file itself is looked
/// at each time; only a new sibling may have to wait.
pub(super) const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// Smaller files fit into one packet, or nearly so: there is nothing to gain.
const COMPRESS_MIN: u64 = 1024;
/// Larger ones would hold up the others, and belong compressed once and for all.
const COMPRESS_MAX: u64 = 8 * 1024 * 1024;

/// Siblings up to this size are kept in memory, and proven at once if the file is not
/// much larger: that takes less than a millisecond.
const SMALL_SIBLING: u64 = 64 * 1024;
const SMALL_FILE: u64 = 256 * 1024;

/// What would take longer than some seconds to decode is believed.
const PROOF_MAX: u64 = 256 * 1024 * 1024;

/// The representation that a client gets (RFC 9110 §12.1).
#[allow(
    clippy::large_enum_variant,
    reason = "one at a time, on the stack; a box would be allocated for each"
)]
pub(super) enum Choice {
    /// The file as it is.
    Identity {
        /// Others would be sent something else.
        varies: bool,
    },
    /// A coded form.
    Coded(CodedFile),
    /// Nothing that the client accepts.
    NotAcceptable,
    /// Something has to be found out first.
    After(Preparation),
}

/// A coded form of a file.
pub(super) struct CodedFile {
    /// Never identity.
    pub coding: Coding,
    /// The coded bytes.
    pub content: Content,
    /// How many there are.
    pub len: u64,
    /// The sibling's own facts, of which its entity tag is made. What is made here has
    /// none: its bytes may differ from those of a replica, and from those of tomorrow.
    pub sibling: Option<OpenFile>,
    /// Of the coded bytes, where it is known already.
    pub digest: Option<Digest>,
}

/// What came of looking for one form.
#[allow(clippy::large_enum_variant, reason = "as for Choice")]
enum Found {
    Nothing,
    This(CodedFile),
    After(Preparation),
}

/// Which forms a file can have at all.
#[derive(Clone, Copy)]
struct Offer {
    siblings: bool,
    compress: bool,
}

impl Offer {
    fn of(options: &Options, path: &SafePath, file: &OpenFile, media_type: &str) -> Offer {
        let is_coded = |name: &[u8]| Format::ALL.iter().any(|f| name.ends_with(f.suffix().as_bytes()));
        let name = path.name().filter(|name| !is_coded(name) && file.name.is_none());
        let may_shrink = is_compressible(media_type);
        Offer {
            // Builds of all kinds have `.data` and the like, whose type nobody knows.
            siblings: options.precompressed && name.is_some() && (may_shrink || media_type == OCTET_STREAM),
            compress: options.compress && may_shrink && (COMPRESS_MIN..=COMPRESS_MAX).contains(&file.len),
        }
    }
}

impl<F: FileSystem> Site<F> {
    /// Chooses by Accept-Encoding among what there is of a file.
    pub(super) fn choose(
        &mut self,
        request: &Request<'_>,
        path: &SafePath,
        file: &OpenFile,
        media_type: &str,
        now: &Now,
    ) -> Choice {
        let offer = Offer::of(&self.options, path, file, media_type);
        let choice = self.choose_of(offer, request, path, file, now);
        self.trail.note("coding", || choice.told(offer, request, file, now));
        choice
    }

    fn choose_of(
        &mut self,
        offer: Offer,
        request: &Request<'_>,
        path: &SafePath,
        file: &OpenFile,
        now: &Now,
    ) -> Choice {
        let options = Arc::clone(&self.options);
        let varies = offer.siblings || offer.compress;
        let accepted = Accepted::of(request.fields);
        // What the client likes less than the file as it is, it does not need to get.
        let formats = || accepted.in_order().map_while(Coding::format);
        if offer.siblings && file.len > 0 {
            for format in formats() {
                match self.sibling(path, file, format, now) {
                    Found::Nothing => {}
                    Found::This(coded) => return Choice::Coded(coded),
                    Found::After(preparation) => return Choice::After(preparation),
                }
            }
        }
        // Parts of a form that may be replaced at any time would not fit together.
        let may_compress = offer.compress && !wants_part(request) && file.version.is_settled(now.system);
        let identity = accepted.accepts(Coding::Identity);
        if may_compress {
            let work = Work { derived: &options.derived, path, file };
            for format in formats() {
                if let Some(coded) = work.made(format, identity) {
                    return Choice::Coded(coded);
                }
            }
            if let Some(format) = formats().next().filter(|_| !identity)
                && let Some(preparation) = work.at_once(format)
            {
                return Choice::After(preparation);
            }
        }
        if identity { Choice::Identity { varies } } else { Choice::NotAcceptable }
    }

    /// A precompressed sibling.
    fn sibling(&mut self, path: &SafePath, file: &OpenFile, format: Format, now: &Now) -> Found {
        let options = Arc::clone(&self.options);
        let known = options
            .derived
            .with(path.as_bytes(), file.version, |entry| entry.siblings[format.index()].clone());
        let is_recent = |look: &&Look| now.instant.saturating_duration_since(look.at) < LOOK_INTERVAL;
        match known.as_ref().filter(is_recent).map(|look| &look.found) {
            Some(None) => return Found::Nothing,
            Some(Some(Sibling { file: Some(sibling), proof, .. })) => {
                return found(format, sibling.clone(), *proof);
            }
            _ => {}
        }
        let Some(place) = path.with_suffix(format.suffix()) else { return Found::Nothing };
        let opened = match self.files.open_at_hand(&place, now) {
            Ok(opened) => opened,
            Err(preparation) => return Found::After(preparation),
        };
        let sibling = match opened {
            Ok(Node::File(sibling)) if is_fresh(&sibling, file) => sibling,
            // Whatever is wrong with it, the file itself can be sent.
            opened => {
                if let Ok(Node::File(_)) = opened {
                    self.trail.note("coding", || "this is older than its file, and left out".to_owned());
                }
                remember(&options.derived, path, file, format, Look { at: now.instant, found: None });
                return Found::Nothing;
            }
        };
        let proof = known.and_then(|look| look.found).filter(|known| known.version == sibling.version);
        self.examine(path, file, format, sibling, proof.map(|known| known.proof), now)
    }

    /// Finds out whether an opened sibling is what it claims.
    fn examine(
        &mut self,
        path: &SafePath,
        file: &OpenFile,
        format: Format,
        sibling: OpenFile,
        proof: Option<bool>,
        now: &Now,
    ) -> Found {
        let derived = &self.options.derived;
        let is_settled = file.version.is_settled(now.system) && sibling.version.is_settled(now.system);
        let note = |kept: Option<&OpenFile>, proof: bool| {
            let found = Sibling { version: sibling.version, proof, file: kept.cloned() };
            remember(derived, path, file, format, Look { at: now.instant, found: Some(found) });
        };
        if sibling.len <= SMALL_SIBLING && (file.len <= SMALL_FILE || proof.is_some()) {
            let Ok(sibling) = in_memory(sibling.clone()) else { return Found::Nothing };
            let proof = proof.filter(|_| is_settled).unwrap_or_else(|| is_proven(format, &sibling, file));
            if !proof {
                self.trail.note("coding", || "this does not decode to its file, and is left out".to_owned());
            }
            if is_settled {
                note(Some(&sibling), proof);
            }
            return found(format, sibling, proof);
        }
        // It may be written at this moment, or its proof would be forgotten at once.
        if !is_settled || !derived.can_remember(path.as_bytes()) {
            return Found::Nothing;
        }
        match proof {
            Some(proof) => {
                note(None, proof);
                found(format, sibling, proof)
            }
            None if file.len > PROOF_MAX => {
                note(None, true);
                found(format, sibling, true)
            }
            None => {
                let (derived, path, file, at) = (derived.clone(), path.clone(), file.clone(), now.instant);
                Found::After(Box::new(move || {
                    // Many may have asked for it before it was known.
                    let is_known = derived.with(path.as_bytes(), file.version, |entry| {
                        let look = entry.siblings[format.index()].as_ref();
                        look.and_then(|look| look.found.as_ref())
                            .is_some_and(|known| known.version == sibling.version)
                    });
                    if is_known {
                        return;
                    }
                    let proof = is_proven(format, &sibling, &file);
                    let found = Some(Sibling { version: sibling.version, proof, file: None });
                    remember(&derived, &path, &file, format, Look { at, found });
                }))
            }
        }
    }
}

fn wants_part(request: &Request<'_>) -> bool {
    request.method == Method::Get && request.fields.first("range").is_some()
}

impl Choice {
    /// The file beside the file, if that is what was chosen.
    pub fn sibling(&self) -> Option<&OpenFile> {
        match self {
            Choice::Coded(coded) => coded.sibling.as_ref(),
            Choice::Identity { .. } | Choice::NotAcceptable | Choice::After(_) => None,
        }
    }

    /// What was chosen, and why nothing better.
    fn told(&self, offer: Offer, request: &Request<'_>, file: &OpenFile, now: &Now) -> String {
        let accepted = Accepted::of(request.fields);
        let why = match self {
            Choice::Coded(coded) => {
                let from = if coded.sibling.is_some() { "from its sibling" } else { "compressed here" };
                return format!("{}, {from}: {} bytes", coded.coding.name(), coded.len);
            }
            Choice::NotAcceptable => return "none that the client accepts".to_owned(),
            Choice::After(_) => return "this has to be decoded, or made, first".to_owned(),
            Choice::Identity { varies: false } if file.len == 0 => "it is empty",
            Choice::Identity { varies: false } => "its type, its length or an option speaks against any",
            Choice::Identity { .. } if accepted.in_order().next() == Some(Coding::Identity) => {
                "the client accepts none, or likes none better"
            }
            Choice::Identity { .. } if !offer.compress => {
                "it has no sibling that can be sent, and is not compressed"
            }
            Choice::Identity { .. } if wants_part(request) => "parts are not made of what is compressed here",
            Choice::Identity { .. } if !file.version.is_settled(now.system) => "it has only just changed",
            Choice::Identity { .. } => "nothing is made yet; a server would do so now, for the next requests",
        };
        format!("identity, as the file is: {why}")
    }
}

fn found(format: Format, sibling: OpenFile, proof: bool) -> Found {
    if !proof {
        return Found::Nothing;
    }
    let (content, len) = (sibling.content.clone(), sibling.len);
    Found::This(CodedFile {
        coding: Coding::from(format),
        content,
        len,
        sibling: Some(sibling),
        digest: None,
    })
}

fn remember(derived: &Derived, path: &SafePath, file: &OpenFile, format: Format, look: Look) {
    derived.with(path.as_bytes(), file.version, |entry| entry.siblings[format.index()] = Some(look));
}

/// Not older than the file, as far as both say.
fn is_fresh(sibling: &OpenFile, file: &OpenFile) -> bool {
    sibling.len > 0 && sibling.modified.zip(file.modified).is_some_and(|(sibling, file)| sibling >= file)
}

/// The same file with its content in memory.
fn in_memory(file: OpenFile) -> io::Result<OpenFile> {
    // It was found to be small.
    let bytes = file.content.read(0, file.len as usize)?;
    if bytes.len() as u64 != file.len {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(OpenFile { content: Content::Memory(bytes), ..file })
}

fn is_proven(format: Format, sibling: &OpenFile, file: &OpenFile) -> bool {
    codec::decodes_to(format, sibling.content.reader(), file.content.reader()).unwrap_or(false)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "coded_tests.rs"]
mod tests;
