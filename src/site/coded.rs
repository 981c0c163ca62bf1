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
//! Nobody waits for compression: until it is done, the file is sent as it is. It is made
//! twice in the background, quickly first, then as small as it can be.
//!
//! [`Version::is_settled`]: crate::sys::Version::is_settled

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::derived::{Coded, Derived, Look, Sibling};
use super::files::{Content, FileSystem, Node, OpenFile};
use super::{Options, Site};
use crate::clock::Now;
use crate::codec::{self, Format, Level};
use crate::http::coding::{Accepted, Coding};
use crate::http::media_type::{OCTET_STREAM, is_compressible};
use crate::http::{Method, Preparation, Request, SafePath};
use crate::sys;

/// How long a look at the place of a sibling holds. What is sent stays right meanwhile,
/// for the file itself is looked at each time; only a new sibling may have to wait.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

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

/// A coded form that is not a twentieth smaller is not worth the client's time.
const WORTH: u64 = 20;

/// The representation that a client gets (RFC 9110 §12.1).
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
}

/// What came of looking for one form.
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
        let options = Arc::clone(&self.options);
        let offer = Offer::of(&options, path, file, media_type);
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
        let wants_part = request.method == Method::Get && request.fields.first("range").is_some();
        let may_compress = offer.compress && !wants_part && file.version.is_settled(now.system);
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
        let sibling = match self.files.open(&place, now) {
            Ok(Node::File(sibling)) if is_fresh(&sibling, file) => sibling,
            // Whatever is wrong with it, the file itself can be sent.
            _ => {
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
            if is_settled {
                note(Some(&sibling), proof);
            }
            return found(format, sibling, proof);
        }
        if !is_settled {
            // It may be written at this moment.
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
                    let proof = is_proven(format, &sibling, &file);
                    let found = Some(Sibling { version: sibling.version, proof, file: None });
                    remember(&derived, &path, &file, format, Look { at, found });
                }))
            }
        }
    }
}

fn found(format: Format, sibling: OpenFile, proof: bool) -> Found {
    if !proof {
        return Found::Nothing;
    }
    let (content, len) = (sibling.content.clone(), sibling.len);
    Found::This(CodedFile { coding: Coding::from(format), content, len, sibling: Some(sibling) })
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

/// Compression of one file.
struct Work<'a> {
    derived: &'a Derived,
    path: &'a SafePath,
    file: &'a OpenFile,
}

impl Work<'_> {
    /// What has been made; if nobody is at it yet, somebody will be, if that is `wanted`.
    fn made(&self, format: Format, wanted: bool) -> Option<CodedFile> {
        let (bytes, is_new) = self.derived.with(self.path.as_bytes(), self.file.version, |entry| {
            let coded = &mut entry.coded[format.index()];
            match coded {
                Coded::Ready(bytes) => (Some(bytes.clone()), false),
                Coded::Making | Coded::Useless => (None, false),
                Coded::Unknown if wanted => {
                    *coded = Coded::Making;
                    (None, true)
                }
                Coded::Unknown => (None, false),
            }
        });
        if is_new {
            let task = self.task(format);
            let derived = self.derived.clone();
            // When there is no room, the task is dropped, and says so itself.
            let _ = derived.in_background(Box::new(move || task.run()));
        }
        bytes.map(|bytes| CodedFile {
            coding: Coding::from(format),
            len: bytes.len() as u64,
            content: Content::Memory(bytes),
            sibling: None,
        })
    }

    /// For a client that takes nothing else: makes it while it waits. None if it has been
    /// found to be of no use.
    fn at_once(&self, format: Format) -> Option<Preparation> {
        let is_useless = self.derived.with(self.path.as_bytes(), self.file.version, |entry| {
            matches!(entry.coded[format.index()], Coded::Useless)
        });
        let task = self.task(format);
        (!is_useless).then(|| -> Preparation { Box::new(move || task.run()) })
    }

    fn task(&self, format: Format) -> Task {
        Task {
            derived: self.derived.clone(),
            path: self.path.clone(),
            file: self.file.clone(),
            format,
            level: Level::Fast,
            is_done: false,
        }
    }
}

/// Compression that is going to be done. However it ends, another request can try again.
struct Task {
    derived: Derived,
    path: SafePath,
    file: OpenFile,
    format: Format,
    level: Level,
    is_done: bool,
}

impl Task {
    fn run(mut self) {
        let Ok(coded) = self.encode() else { return };
        self.is_done = true;
        self.derived.with(self.path.as_bytes(), self.file.version, |entry| {
            let slot = &mut entry.coded[self.format.index()];
            match (&slot, coded) {
                // Only what is better takes the place of what is there.
                (Coded::Ready(known), Some(coded)) if known.len() <= coded.len() => {}
                (Coded::Ready(_), None) => {}
                (_, Some(coded)) => *slot = Coded::Ready(coded),
                (_, None) => *slot = Coded::Useless,
            }
        });
        if self.level == Level::Fast {
            let best = Task {
                derived: self.derived.clone(),
                path: self.path.clone(),
                file: self.file.clone(),
                format: self.format,
                level: Level::Best,
                // Nobody waits for a better one.
                is_done: true,
            };
            let _ = self.derived.in_background(Box::new(move || best.run()));
        }
    }

    /// The coded form; `None` if it is not worth it.
    ///
    /// # Errors
    /// If the file cannot be read, or is not what it was any more.
    fn encode(&self) -> io::Result<Option<Bytes>> {
        // At most COMPRESS_MAX, so it fits.
        let content = self.file.content.read(0, self.file.len as usize)?;
        let is_same = match &self.file.content {
            Content::Disk(file) => sys::version_of(file)? == self.file.version,
            Content::Memory(_) => true,
        };
        if content.len() as u64 != self.file.len || !is_same {
            return Err(io::Error::other("the file has changed"));
        }
        let coded = codec::encode(self.format, self.level, &content)?;
        let is_worth_it = coded.len() as u64 + self.file.len / WORTH <= self.file.len;
        Ok((is_worth_it && self.derived.has_room_for(coded.len())).then(|| coded.into()))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if !self.is_done {
            self.derived.with(self.path.as_bytes(), self.file.version, |entry| {
                let slot = &mut entry.coded[self.format.index()];
                if matches!(slot, Coded::Making) {
                    *slot = Coded::Unknown;
                }
            });
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "coded_tests.rs"]
mod tests;
