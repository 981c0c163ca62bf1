//! What sort of thing an entry is, for its picture on the page and for what a browser
//! could show of it at once.

use super::Row;
use crate::http::media_type::{MediaTypes, is_compressible};

/// Media types of archives and images of disks, which are many things in one.
const ARCHIVES: &[&str] = &[
    "application/gzip",
    "application/java-archive",
    "application/vnd.android.package-archive",
    "application/vnd.debian.binary-package",
    "application/vnd.ms-cab-compressed",
    "application/vnd.rar",
    "application/x-7z-compressed",
    "application/x-apple-diskimage",
    "application/x-bzip",
    "application/x-bzip2",
    "application/x-debian-package",
    "application/x-gzip",
    "application/x-iso9660-image",
    "application/x-rar-compressed",
    "application/x-tar",
    "application/x-xz",
    "application/zip",
    "application/zstd",
];

/// A sort of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Folder,
    Image,
    Audio,
    Video,
    Markdown,
    Text,
    Pdf,
    Archive,
    Other,
}

/// So many endings are remembered: a folder mostly has fewer.
const KNOWN_MAX: usize = 16;

/// The kinds of the entries of a folder: what an ending is has to be found out once.
pub(super) struct Kinds<'a> {
    types: &'a MediaTypes,
    known: Vec<(&'a [u8], Kind)>,
}

impl<'a> Kinds<'a> {
    /// By these types.
    pub fn new(types: &'a MediaTypes) -> Kinds<'a> {
        Kinds { types, known: Vec::with_capacity(KNOWN_MAX) }
    }

    /// The kind of an entry.
    pub fn of(&mut self, row: &'a Row) -> Kind {
        let dot = row.name.iter().rposition(|&b| b == b'.').filter(|&dot| dot > 0);
        let Some(ending) = dot.map(|dot| &row.name[dot..]).filter(|_| !row.is_directory) else {
            return Kind::of(row, self.types);
        };
        if let Some((_, kind)) = self.known.iter().find(|(known, _)| *known == ending) {
            return *kind;
        }
        let kind = Kind::of(row, self.types);
        if self.known.len() < KNOWN_MAX {
            self.known.push((ending, kind));
        }
        kind
    }
}

impl Kind {
    /// By what its Content-Type will be.
    fn of(row: &Row, types: &MediaTypes) -> Kind {
        if row.is_directory {
            return Kind::Folder;
        }
        let media_type = types.of(&row.name);
        let essence = media_type.split(';').next().unwrap_or_default().trim_end();
        match essence.split_once('/') {
            Some(("image", _)) => Kind::Image,
            Some(("audio", _)) => Kind::Audio,
            Some(("video", _)) => Kind::Video,
            Some(("text", "markdown")) => Kind::Markdown,
            Some(("text", _)) => Kind::Text,
            Some(("application", "pdf")) => Kind::Pdf,
            Some(("application", _)) if ARCHIVES.contains(&essence) => Kind::Archive,
            Some(("application", _)) if is_text(essence) => Kind::Text,
            _ => Kind::Other,
        }
    }

    /// The class of its row, by which the style sheet and the script know it.
    pub fn class(self) -> char {
        match self {
            Kind::Folder => 'd',
            Kind::Image => 'i',
            Kind::Audio => 'a',
            Kind::Video => 'v',
            Kind::Markdown => 'm',
            Kind::Text => 't',
            Kind::Pdf => 'p',
            Kind::Archive => 'z',
            Kind::Other => 'f',
        }
    }
}

/// What programs read and people can: of all that gets smaller by coding, these are text.
fn is_text(essence: &str) -> bool {
    const BINARY: &[&str] = &["application/msgpack", "application/vnd.ms-fontobject", "application/wasm"];
    is_compressible(essence) && !essence.contains("font") && !BINARY.contains(&essence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_follows_from_the_media_type() {
        let types = MediaTypes::new([("raw".to_owned(), "image/x-raw".to_owned())], None);
        for (name, kind) in [
            ("a.png", Kind::Image),
            ("a.SVG", Kind::Image),
            ("a.raw", Kind::Image),
            ("a.opus", Kind::Audio),
            ("a.webm", Kind::Video),
            ("a.md", Kind::Markdown),
            ("a.txt", Kind::Text),
            ("a.json", Kind::Text),
            ("a.xml", Kind::Text),
            ("a.pdf", Kind::Pdf),
            ("a.zip", Kind::Archive),
            ("a.tar.gz", Kind::Archive),
            ("a.7z", Kind::Archive),
            ("a.wasm", Kind::Other),
            ("a.woff2", Kind::Other),
            ("png", Kind::Other),
        ] {
            let row = |is_directory| Row { name: name.into(), is_directory, len: 0, modified: None };
            let (file, folder) = (row(false), row(true));
            let mut kinds = Kinds::new(&types);
            assert_eq!(
                [&file, &folder, &file].map(|row| kinds.of(row)),
                [kind, Kind::Folder, kind],
                "{name}"
            );
        }
    }
}
