//! Floor 1: content codings over bytes (RFC 9110 §8.4.1): gzip, brotli and zstd, there
//! and back.
//!
//! Memory is bounded whatever the input: streams go through small buffers and the window
//! of their coding. What is decoded is never trusted: it may lie about its size, stop too
//! early or go on after its end. It knows no files, no names and no messages.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read, Write};

use brotli::enc::{BrotliEncoderParams, StandardAlloc};
use flate2::bufread::MultiGzDecoder;
use flate2::{Compression, GzBuilder};
use zstd::zstd_safe::CParameter;

/// So much is read, written and compared at once.
const BUFFER: usize = 64 * 1024;

/// 8 MiB: browsers refuse frames of zstd with a larger window (RFC 9659 §3).
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// 4 MiB. The format knows 16 MiB, but the search tree of the best level takes twelve
/// times the window, for each thread that compresses; and few files on the web are longer.
const BROTLI_WINDOW_LOG_MAX: u32 = 22;
/// The least that the format knows.
const BROTLI_WINDOW_LOG_MIN: u32 = 10;

/// "Unknown" (RFC 1952 §2.3.1), so that each system makes the same bytes.
const GZIP_SYSTEM_UNKNOWN: u8 = 255;

/// A content coding that we can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// RFC 7932: the smallest.
    Brotli,
    /// RFC 8878: the fastest, and nearly as small.
    Zstd,
    /// RFC 1952: what everybody understands.
    Gzip,
}

impl Format {
    /// All of them, those first that tend to be smaller.
    pub const ALL: [Format; 3] = [Format::Brotli, Format::Zstd, Format::Gzip];

    /// Its place in [`Format::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The name in messages (RFC 9110 §8.4.1).
    ///
    /// ```
    /// use serve::codec::Format;
    /// assert_eq!(Format::ALL.map(Format::token), ["br", "zstd", "gzip"]);
    /// ```
    pub const fn token(self) -> &'static str {
        match self {
            Format::Brotli => "br",
            Format::Zstd => "zstd",
            Format::Gzip => "gzip",
        }
    }

    /// What file names end with, the dot included.
    pub const fn suffix(self) -> &'static str {
        match self {
            Format::Brotli => ".br",
            Format::Zstd => ".zst",
            Format::Gzip => ".gz",
        }
    }
}

/// How much time to spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// While somebody waits: about 100 MB/s of text.
    Fast,
    /// Once, for many to profit: the smallest there is.
    Best,
}

/// The content, coded. The same bytes each time, on every system.
///
/// ```
/// use serve::codec::{decode, encode, Format, Level};
/// let coded = encode(Format::Gzip, Level::Fast, b"hello")?;
/// assert_eq!(decode(Format::Gzip, &coded, 5)?, b"hello");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// What the libraries say, when memory runs out for example.
pub fn encode(format: Format, level: Level, content: &[u8]) -> io::Result<Vec<u8>> {
    let mut coded = Vec::with_capacity(content.len() / 4);
    encode_from(format, level, content, content.len() as u64, &mut coded)?;
    Ok(coded)
}

/// The next `size` bytes of `content`, coded: for what is too long for memory.
///
/// # Errors
/// What reading and writing say; `UnexpectedEof` if there are fewer bytes.
pub fn encode_from(
    format: Format,
    level: Level,
    content: impl Read,
    size: u64,
    mut to: impl Write,
) -> io::Result<()> {
    let mut content = Exactly { inner: content, left: size };
    match format {
        Format::Brotli => {
            let (mut input, mut output) = (vec![0; BUFFER], vec![0; BUFFER]);
            let (parameters, memory) = (brotli_parameters(level, size), StandardAlloc::default());
            // Its writers would swallow errors at the end, and so cut files.
            brotli::BrotliCompressCustomAlloc(
                &mut content,
                &mut to,
                &mut input,
                &mut output,
                &parameters,
                memory,
            )?;
        }
        Format::Zstd => {
            let mut encoder = zstd::Encoder::new(&mut to, zstd_level(level))?;
            encoder.set_parameter(CParameter::WindowLog(zstd_window_log(level)))?;
            encoder.set_pledged_src_size(Some(size))?;
            copy(&mut content, &mut encoder)?;
            encoder.finish()?;
        }
        Format::Gzip => {
            let header = GzBuilder::new().mtime(0).operating_system(GZIP_SYSTEM_UNKNOWN);
            let mut encoder = header.write(&mut to, gzip_level(level));
            copy(&mut content, &mut encoder)?;
            encoder.finish()?;
        }
    }
    to.flush()
}

fn brotli_parameters(level: Level, size: u64) -> BrotliEncoderParams {
    let quality = match level {
        Level::Fast => 3,
        Level::Best => 11,
    };
    // A window that is longer than the content only costs memory, on both sides. The
    // format keeps 16 bytes of it for itself.
    let window_log = (size.saturating_add(16)).next_power_of_two().ilog2();
    let window_log = window_log.clamp(BROTLI_WINDOW_LOG_MIN, BROTLI_WINDOW_LOG_MAX);
    BrotliEncoderParams {
        quality,
        lgwin: window_log.cast_signed(),
        size_hint: usize::try_from(size).unwrap_or(usize::MAX),
        ..BrotliEncoderParams::default()
    }
}

const fn zstd_level(level: Level) -> i32 {
    match level {
        Level::Fast => 5,
        // Beyond it only the window grows, which may not.
        Level::Best => 19,
    }
}

/// The library makes it smaller where the content is.
const fn zstd_window_log(level: Level) -> u32 {
    match level {
        Level::Fast => 21,
        Level::Best => ZSTD_WINDOW_LOG_MAX,
    }
}

const fn gzip_level(level: Level) -> Compression {
    match level {
        Level::Fast => Compression::new(4),
        Level::Best => Compression::new(9),
    }
}

/// The content of all of `coded`, if it is not longer than `most` bytes.
///
/// # Errors
/// `InvalidData` and the like for what is not the coding, is cut short, goes on after its
/// end, or is too long.
pub fn decode(format: Format, coded: &[u8], most: usize) -> io::Result<Vec<u8>> {
    // In the same pieces as in [`decodes_to`]: of frames that lie about their length zstd
    // thinks one way when it has all of them at hand, and another when it has not.
    let mut decoded = decoder(format, BufReader::with_capacity(BUFFER, coded))?;
    let (mut content, mut buffer) = (Vec::new(), vec![0; BUFFER]);
    loop {
        let piece = fill(&mut decoded, &mut buffer)?;
        if piece.len() > most - content.len() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the content is longer than it may be"));
        }
        content.extend_from_slice(piece);
        if piece.len() < BUFFER {
            return Ok(content);
        }
    }
}

/// Whether `coded` is a complete coding of exactly `original`. Both are read only as far
/// as they agree, so what would unpack to a planet is found out at its first wrong byte.
///
/// # Errors
/// What reading either of them says; bad data is no error, but false.
pub fn decodes_to(format: Format, coded: impl Read, mut original: impl Read) -> io::Result<bool> {
    let failed = Cell::new(false);
    // What is wrong with reading has to be told from what is wrong with the data.
    let told = |error| if failed.get() { Err(error) } else { Ok(false) };
    let coded = Watched { inner: coded, failed: &failed };
    let mut decoded = match decoder(format, BufReader::with_capacity(BUFFER, coded)) {
        Ok(decoded) => decoded,
        Err(error) => return told(error),
    };
    let (mut found, mut expected) = (vec![0; BUFFER], vec![0; BUFFER]);
    loop {
        let expected = fill(&mut original, &mut expected)?;
        let found = match fill(&mut decoded, &mut found) {
            Ok(found) => found,
            Err(error) => return told(error),
        };
        if found != expected {
            return Ok(false);
        }
        if found.len() < BUFFER {
            return Ok(true);
        }
    }
}

/// Reads the content, and ends only where the coding does, with nothing after it.
fn decoder<'a>(format: Format, mut coded: impl BufRead + 'a) -> io::Result<Box<dyn Read + 'a>> {
    // No coding is empty, though libraries may see a list of no members.
    if coded.fill_buf()?.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(match format {
        Format::Brotli => Box::new(BrotliStream(brotli::Decompressor::new(coded, BUFFER))),
        Format::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(coded)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
            Box::new(decoder)
        }
        Format::Gzip => Box::new(MultiGzDecoder::new(coded)),
    })
}

/// One stream of brotli, and nothing after it: unlike the others, it has no members.
struct BrotliStream<R: Read>(brotli::Decompressor<R>);

impl<R: Read> Read for BrotliStream<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(buffer)?;
        if count > 0 || buffer.is_empty() {
            return Ok(count);
        }
        // The second read at the end tells of bytes that are left in its buffer; what
        // it has not read, it cannot know.
        let again = self.0.read(buffer)?;
        if again > 0 || self.0.get_mut().read(&mut [0])? > 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "something follows the end"));
        }
        Ok(0)
    }
}

/// So many bytes and no more; fewer are an error.
struct Exactly<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Exactly<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        match retried(&mut self.inner, &mut buffer[..most])? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.left -= count as u64;
                Ok(count)
            }
        }
    }
}

/// Remembers that reading failed.
struct Watched<'a, R> {
    inner: R,
    failed: &'a Cell<bool>,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        retried(&mut self.inner, buffer).inspect_err(|_| self.failed.set(true))
    }
}

/// A signal is no reason for a library to give up.
fn retried(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match from.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// As much as fits; less only at the end.
fn fill<'a>(from: &mut impl Read, buffer: &'a mut [u8]) -> io::Result<&'a [u8]> {
    let mut length = 0;
    while length < buffer.len() {
        match retried(from, &mut buffer[length..])? {
            0 => break,
            count => length += count,
        }
    }
    Ok(&buffer[..length])
}

fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(()),
            count => to.write_all(&buffer[..count])?,
        }
    }
}

#[cfg(test)]
#[path = "codec_tests.rs"]
mod tests;
