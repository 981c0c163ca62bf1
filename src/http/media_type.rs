//! Media types (RFC 9110 §8.3.1) by extension, from a compiled-in table.
//!
//! Never the operating system's table (registries there turn scripts into plain
//! text) and never the content: what a browser is told depends on the name alone.

use std::borrow::Cow;
use std::collections::HashMap;

use super::fields::{is_field_value, is_token};

/// What is sent for names that no table knows: bytes to be saved, not rendered.
pub const OCTET_STREAM: &str = "application/octet-stream";

/// Where the web has moved on since the general table was written, or where it
/// prefers a meaning that no one who serves files has in mind.
const CORRECTIONS: &[(&str, &str)] = &[
    ("avif", "image/avif"),
    ("cjs", "text/javascript"),
    ("cts", "text/plain"),
    ("heic", "image/heic"),
    ("ico", "image/x-icon"),
    ("js", "text/javascript"),
    ("jxl", "image/jxl"),
    ("m4a", "audio/mp4"),
    ("md", "text/markdown"),
    ("mjs", "text/javascript"),
    ("mts", "text/plain"),
    ("opus", "audio/ogg"),
    ("otf", "font/otf"),
    ("rs", "text/plain"),
    ("toml", "text/plain"),
    ("ts", "text/plain"),
    ("tsx", "text/plain"),
    ("jsx", "text/plain"),
    ("usdz", "model/vnd.usdz+zip"),
    ("webmanifest", "application/manifest+json"),
    ("yaml", "text/plain"),
    ("yml", "text/plain"),
];

/// Types that are text though they do not begin with `text/`: they get a charset too.
const TEXT_TYPES: &[&str] = &[
    "application/javascript",
    "application/json",
    "application/ld+json",
    "application/manifest+json",
    "application/xhtml+xml",
    "application/xml",
    "image/svg+xml",
];

/// What gets smaller by a coding, besides text and what is named `…+json` and `…+xml`.
const COMPRESSIBLE_TYPES: &[&str] = &[
    "application/font-sfnt",
    "application/geo+json-seq",
    "application/javascript",
    "application/json",
    "application/json5",
    "application/json-seq",
    "application/jsonl",
    "application/msgpack",
    "application/rtf",
    "application/vnd.ms-fontobject",
    "application/wasm",
    "application/x-font-ttf",
    "application/x-javascript",
    "application/x-ndjson",
    "application/x-sh",
    "application/x-tex",
    "application/xml",
    "application/xml-dtd",
    "application/yaml",
    "font/otf",
    "font/sfnt",
    "font/ttf",
    "image/bmp",
    "image/vnd.microsoft.icon",
    "image/x-icon",
    "model/gltf-binary",
    "model/obj",
    "model/stl",
];

/// Whether a representation of this type gets smaller by a content coding, as a rule.
/// Pictures, sound, films, archives and WOFF are compressed already.
///
/// ```
/// use serve::http::media_type::is_compressible;
/// assert!(is_compressible("text/html; charset=utf-8") && is_compressible("image/svg+xml"));
/// assert!(!is_compressible("image/png") && !is_compressible("font/woff2"));
/// ```
pub fn is_compressible(media_type: &str) -> bool {
    // It is asked for every request of a file, so nothing is allocated.
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    let bytes = essence.as_bytes();
    let starts = |prefix: &[u8]| bytes.get(..prefix.len()).is_some_and(|b| b.eq_ignore_ascii_case(prefix));
    let ends = |suffix: &[u8]| {
        bytes.len() >= suffix.len() && bytes[bytes.len() - suffix.len()..].eq_ignore_ascii_case(suffix)
    };
    starts(b"text/")
        || ends(b"+json")
        || ends(b"+xml")
        || COMPRESSIBLE_TYPES.iter().any(|known| known.eq_ignore_ascii_case(essence))
}

/// Whether a text is `type/subtype`, perhaps with parameters, and can stand in a field.
pub fn is_media_type(text: &str) -> bool {
    let essence = text.split(';').next().unwrap_or_default().trim_end();
    let are_tokens =
        |(kind, subtype): (&str, &str)| is_token(kind.as_bytes()) && is_token(subtype.as_bytes());
    essence.split_once('/').is_some_and(are_tokens) && is_field_value(text.as_bytes())
}

/// Extension → Content-Type, with what the command line added.
#[derive(Clone, Debug, Default)]
pub struct MediaTypes {
    /// By extension in lower case; values are complete field values.
    extra: HashMap<String, String>,
    unknown: Option<String>,
}

impl MediaTypes {
    /// The compiled-in table, plus `extra` (extension, type), plus the type of names
    /// that neither knows (default [`OCTET_STREAM`]).
    pub fn new(extra: impl IntoIterator<Item = (String, String)>, unknown: Option<String>) -> Self {
        let extra = extra
            .into_iter()
            .map(|(extension, media_type)| {
                (
                    extension.trim_start_matches('.').to_ascii_lowercase(),
                    with_charset(&media_type).into_owned(),
                )
            })
            .collect();
        MediaTypes { extra, unknown: unknown.map(|media_type| with_charset(&media_type).into_owned()) }
    }

    /// The Content-Type of a file name.
    ///
    /// ```
    /// use serve::http::media_type::MediaTypes;
    /// let types = MediaTypes::default();
    /// assert_eq!(types.of(b"index.html"), "text/html; charset=utf-8");
    /// assert_eq!(types.of(b"no-extension"), "application/octet-stream");
    /// ```
    pub fn of(&self, name: &[u8]) -> Cow<'_, str> {
        let unknown = || Cow::Borrowed(self.unknown.as_deref().unwrap_or(OCTET_STREAM));
        let Some(extension) = extension(name) else { return unknown() };
        // It is asked for every request of a file; mostly there are none.
        if !self.extra.is_empty()
            && let Some(media_type) = self.extra.get(&extension.to_ascii_lowercase())
        {
            return Cow::Borrowed(media_type);
        }
        known(extension).map_or_else(unknown, with_charset)
    }
}

fn known(extension: &str) -> Option<&'static str> {
    let corrected = CORRECTIONS.iter().find(|(known, _)| known.eq_ignore_ascii_case(extension));
    match corrected {
        Some((_, media_type)) => Some(media_type),
        None => mime_guess::from_ext(extension).first_raw(),
    }
}

/// What follows the last dot; a name that only begins with one has no extension.
fn extension(name: &[u8]) -> Option<&str> {
    let dot = name.iter().rposition(|&b| b == b'.').filter(|&dot| dot > 0)?;
    std::str::from_utf8(&name[dot + 1..]).ok()
}

/// Text without a charset would be read in the reader's own; today it is UTF-8.
fn with_charset(media_type: &str) -> Cow<'_, str> {
    let is_known = TEXT_TYPES.iter().any(|known| known.eq_ignore_ascii_case(media_type));
    let is_text = is_known || media_type.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("text/"));
    if is_text && !media_type.contains(';') {
        Cow::Owned(format!("{media_type}; charset=utf-8"))
    } else {
        Cow::Borrowed(media_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R39.
    #[test]
    fn types_come_from_the_table_whatever_the_case() {
        let types = MediaTypes::default();
        for (name, expected) in [
            ("a.html", "text/html; charset=utf-8"),
            ("A.HTM", "text/html; charset=utf-8"),
            ("a.js", "text/javascript; charset=utf-8"),
            ("a.mjs", "text/javascript; charset=utf-8"),
            ("a.css", "text/css; charset=utf-8"),
            ("a.json", "application/json; charset=utf-8"),
            ("a.svg", "image/svg+xml; charset=utf-8"),
            ("a.txt", "text/plain; charset=utf-8"),
            ("a.ts", "text/plain; charset=utf-8"),
            ("a.wasm", "application/wasm"),
            ("a.woff2", "font/woff2"),
            ("a.png", "image/png"),
            ("a.jpeg", "image/jpeg"),
            ("a.webp", "image/webp"),
            ("a.avif", "image/avif"),
            ("a.mp4", "video/mp4"),
            ("a.webm", "video/webm"),
            ("a.mp3", "audio/mpeg"),
            ("a.pdf", "application/pdf"),
            ("a.zip", "application/zip"),
            ("a.tar.gz", "application/gzip"),
            ("a.iso", OCTET_STREAM),
            ("a.unknown-thing", OCTET_STREAM),
            ("html", OCTET_STREAM),
            (".html", OCTET_STREAM),
            ("a.", OCTET_STREAM),
            ("", OCTET_STREAM),
        ] {
            assert_eq!(types.of(name.as_bytes()), expected, "{name}");
        }
        assert_eq!(types.of(b"a.\xff"), OCTET_STREAM);
    }

    #[test]
    fn text_in_every_guise_is_compressible_and_what_is_compressed_is_not() {
        let types = MediaTypes::default();
        for name in [
            "a.html",
            "a.css",
            "a.js",
            "a.mjs",
            "a.json",
            "a.svg",
            "a.xml",
            "a.txt",
            "a.md",
            "a.csv",
            "a.wasm",
            "a.ttf",
            "a.otf",
            "a.webmanifest",
            "a.atom",
            "a.rss",
            "a.xhtml",
            "a.map",
            "a.ico",
            "a.bmp",
            "a.geojson",
            "a.rs",
            "a.yaml",
        ] {
            assert!(is_compressible(&types.of(name.as_bytes())), "{name}: {}", types.of(name.as_bytes()));
        }
        for name in [
            "a.png", "a.jpg", "a.webp", "a.avif", "a.gif", "a.mp4", "a.webm", "a.mp3", "a.ogg", "a.zip",
            "a.gz", "a.br", "a.zst", "a.xz", "a.7z", "a.woff", "a.woff2", "a.pdf", "a.docx", "a.iso", "a",
        ] {
            assert!(!is_compressible(&types.of(name.as_bytes())), "{name}: {}", types.of(name.as_bytes()));
        }
        assert!(is_compressible("Text/HTML;charset=x") && is_compressible("application/JSON ; a=b"));
        assert!(is_compressible("application/problem+json"));
        assert!(!is_compressible("") && !is_compressible("text") && !is_compressible("application/jsonx"));
    }

    #[test]
    fn the_command_line_adds_and_overrides() {
        let extra = [
            (".Foo".to_owned(), "text/x-foo".to_owned()),
            ("html".to_owned(), "text/plain; charset=latin1".to_owned()),
        ];
        let types = MediaTypes::new(extra, Some("text/plain".to_owned()));
        assert_eq!(types.of(b"a.foo"), "text/x-foo; charset=utf-8");
        assert_eq!(types.of(b"a.html"), "text/plain; charset=latin1");
        assert_eq!(types.of(b"Makefile"), "text/plain; charset=utf-8");
    }
}
