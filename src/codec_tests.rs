//! There and back, and what is not quite a coding.
#![allow(clippy::unwrap_used)]

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const LEVELS: [Level; 2] = [Level::Fast, Level::Best];

fn each() -> impl Iterator<Item = (Format, Level)> {
    Format::ALL.into_iter().flat_map(|format| LEVELS.map(|level| (format, level)))
}

/// Something like text, longer than all buffers.
fn text(length: usize) -> Vec<u8> {
    let mut text = Vec::new();
    let mut number = 1_u32;
    while text.len() < length {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.extend_from_slice(format!("<li class=\"c{}\">{number}</li>\n", number >> 28).as_bytes());
    }
    text.truncate(length);
    text
}

/// A coding may be anything that ends; content that repeats and that does not.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let repeated = (vec(any::<u8>(), 1..40), 0..3000_usize).prop_map(|(part, times)| part.repeat(times));
    prop_oneof![vec(any::<u8>(), 0..2000), repeated]
}

fn format() -> impl Strategy<Value = Format> {
    prop::sample::select(Format::ALL.to_vec())
}

/// A reader that gives a byte at a time.
struct Trickle<'a>(&'a [u8]);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(1);
        self.0.read(&mut buffer[..most])
    }
}

/// A reader that fails where it would end.
struct Broken<'a>(&'a [u8]);

impl Read for Broken<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::other("the disk is gone")),
            count => Ok(count),
        }
    }
}

/// A writer that takes only so many bytes, like a full disk.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let count = bytes.len().min(self.0);
        self.0 -= count;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_encoded_decodes_to_itself(content in content()) {
        for (format, level) in each() {
            let coded = encode(format, level, &content).unwrap();
            prop_assert_eq!(&encode(format, level, &content).unwrap(), &coded);
            prop_assert_eq!(&decode(format, &coded, content.len()).unwrap(), &content);
            prop_assert!(decodes_to(format, &coded[..], &content[..]).unwrap());
            prop_assert!(decodes_to(format, Trickle(&coded), Trickle(&content)).unwrap());
            if !content.is_empty() {
                prop_assert!(decode(format, &coded, content.len() - 1).is_err());
            }
        }
    }

    #[test]
    fn another_content_is_told_from_it(content in content(), at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        prop_assume!(!content.is_empty());
        for format in Format::ALL {
            let coded = encode(format, Level::Fast, &content).unwrap();
            let mut other = content.clone();
            other[at.index(content.len())] ^= flip;
            prop_assert!(!decodes_to(format, &coded[..], &other[..]).unwrap());
            other = content.clone();
            other.push(flip);
            prop_assert!(!decodes_to(format, &coded[..], &other[..]).unwrap());
            prop_assert!(!decodes_to(format, &coded[..], &content[..content.len() - 1]).unwrap());
        }
    }

    #[test]
    fn a_part_of_a_coding_is_none(content in content(), at in any::<prop::sample::Index>()) {
        for (format, level) in each() {
            let coded = encode(format, level, &content).unwrap();
            let part = &coded[..at.index(coded.len())];
            prop_assert!(!decodes_to(format, part, &content[..]).unwrap());
            prop_assert!(decode(format, part, usize::MAX).is_err());
        }
    }

    #[test]
    fn what_follows_the_end_is_refused(content in content(), garbage in vec(any::<u8>(), 1..20), format in format()) {
        let mut coded = encode(format, Level::Fast, &content).unwrap();
        coded.extend_from_slice(&garbage);
        prop_assert!(!decodes_to(format, &coded[..], &content[..]).unwrap(), "{:?}", format);
        prop_assert!(!decodes_to(format, Trickle(&coded), &content[..]).unwrap(), "{:?}", format);
        prop_assert!(decode(format, &coded, content.len()).is_err());
    }

    #[test]
    fn garbage_is_an_answer(garbage in vec(any::<u8>(), 0..400), format in format()) {
        let _ = decode(format, &garbage, 1 << 20);
        let _ = decodes_to(format, &garbage[..], &b"hello"[..]).unwrap();
    }

    #[test]
    fn a_damaged_coding_is_an_answer(content in content(), at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        for (format, level) in each() {
            let mut coded = encode(format, level, &content).unwrap();
            let at = at.index(coded.len());
            coded[at] ^= flip;
            // Some bits of the frames mean nothing, so it may still be right, but never wrong.
            let right = decodes_to(format, &coded[..], &content[..]).unwrap();
            prop_assert_eq!(right, decode(format, &coded, content.len()).is_ok_and(|found| found == content));
        }
    }
}

#[test]
fn every_cut_of_a_longer_text_is_noticed() {
    let content = text(20_000);
    for format in Format::ALL {
        let coded = encode(format, Level::Best, &content).unwrap();
        for end in 0..coded.len() {
            assert!(!decodes_to(format, &coded[..end], &content[..]).unwrap(), "{format:?} {end}");
        }
    }
}

#[test]
fn the_empty_content_has_a_coding_and_an_empty_coding_is_none() {
    for (format, level) in each() {
        let coded = encode(format, level, b"").unwrap();
        assert!(!coded.is_empty());
        assert!(decodes_to(format, &coded[..], &b""[..]).unwrap());
        assert!(!decodes_to(format, &b""[..], &b""[..]).unwrap(), "{format:?}");
        assert!(decode(format, b"", 0).is_err());
    }
}

#[test]
fn members_one_after_another_are_one_content_where_the_format_says_so() {
    for (format, is_legal) in [(Format::Gzip, true), (Format::Zstd, true), (Format::Brotli, false)] {
        let mut coded = encode(format, Level::Fast, b"one ").unwrap();
        coded.extend(encode(format, Level::Best, b"two").unwrap());
        assert_eq!(decodes_to(format, &coded[..], &b"one two"[..]).unwrap(), is_legal, "{format:?}");
        assert!(!decodes_to(format, &coded[..], &b"one "[..]).unwrap());
    }
}

#[test]
fn text_gets_smaller_and_the_best_is_no_longer_than_the_fast() {
    let content = text(300_000);
    for format in Format::ALL {
        let [fast, best] = LEVELS.map(|level| encode(format, level, &content).unwrap());
        assert!(fast.len() < content.len() / 2, "{format:?}: {}", fast.len());
        assert!(best.len() <= fast.len(), "{format:?}: {} {}", best.len(), fast.len());
        assert!(decodes_to(format, &best[..], &content[..]).unwrap());
        assert!(decodes_to(format, &fast[..], &content[..]).unwrap());
    }
}

#[test]
fn what_would_unpack_to_a_planet_is_stopped_at_once() {
    for format in Format::ALL {
        // 64 MiB of zeros, in at most some ten thousand bytes.
        let mut coded = Vec::new();
        encode_from(format, Level::Fast, io::repeat(0), 64 << 20, &mut coded).unwrap();
        assert!(coded.len() < 100_000, "{format:?}: {}", coded.len());
        assert!(decode(format, &coded, 1000).is_err());
        // As many members as make it long: only the first part is looked at.
        let times = 10 * BUFFER / coded.len() + 1;
        let coded = coded.repeat(times);
        let mut source = &coded[..];
        assert!(!decodes_to(format, &mut source, &b"\0\0"[..]).unwrap());
        assert!(source.len() > coded.len() - 2 * BUFFER, "{format:?}: {} are left", source.len());
    }
}

#[test]
fn errors_of_reading_are_errors_and_not_a_difference() {
    let content = text(200_000);
    for format in Format::ALL {
        let coded = encode(format, Level::Fast, &content).unwrap();
        let half = &coded[..coded.len() / 2];
        assert!(decodes_to(format, Broken(half), &content[..]).is_err(), "{format:?}");
        assert!(decodes_to(format, Broken(b""), &content[..]).is_err(), "{format:?}");
        assert!(decodes_to(format, &coded[..], Broken(&content[..100_000])).is_err(), "{format:?}");
        let mut sink = Vec::new();
        let broken = encode_from(format, Level::Fast, Broken(&content), 300_000, &mut sink);
        assert_eq!(broken.unwrap_err().to_string(), "the disk is gone", "{format:?}");
    }
}

#[test]
fn a_full_disk_is_an_error_wherever_it_happens() {
    let content = text(3000);
    for format in Format::ALL {
        let length = encode(format, Level::Fast, &content).unwrap().len();
        for room in 0..length {
            let result = encode_from(format, Level::Fast, &content[..], 3000, Full(room));
            assert!(result.is_err(), "{format:?}: {room} of {length}");
        }
        encode_from(format, Level::Fast, &content[..], 3000, Full(length)).unwrap();
    }
}

#[test]
fn exactly_so_much_is_read() {
    for (format, level) in each() {
        let (mut content, mut coded) = (&b"hello, world"[..], Vec::new());
        encode_from(format, level, &mut content, 5, &mut coded).unwrap();
        assert_eq!(content, b", world");
        assert_eq!(decode(format, &coded, 100).unwrap(), b"hello");
        let short = encode_from(format, level, &b"hello"[..], 6, &mut Vec::new());
        assert_eq!(short.unwrap_err().kind(), io::ErrorKind::UnexpectedEof, "{format:?}");
    }
}

#[test]
fn streams_and_slices_are_coded_alike() {
    let content = text(200_000);
    for format in Format::ALL {
        let mut coded = Vec::new();
        encode_from(format, Level::Fast, Trickle(&content), 200_000, &mut coded).unwrap();
        assert!(coded == encode(format, Level::Fast, &content).unwrap(), "{format:?}");
    }
}

#[test]
fn gzip_names_no_time_and_no_system() {
    for level in LEVELS {
        let coded = encode(Format::Gzip, level, b"x").unwrap();
        assert_eq!((&coded[..8], coded[9]), (&b"\x1f\x8b\x08\0\0\0\0\0"[..], 255), "{level:?}");
    }
}

/// The window that a frame of zstd asks for (RFC 8878 §3.1.1.1).
fn zstd_window(frame: &[u8]) -> u64 {
    let descriptor = frame[4];
    if descriptor & 0x20 == 0 {
        let (exponent, mantissa) = (frame[5] >> 3, frame[5] & 7);
        let base = 1_u64 << (10 + exponent);
        return base + base / 8 * u64::from(mantissa);
    }
    // A single segment: as long as its content.
    match descriptor >> 6 {
        0 => u64::from(frame[5]),
        1 => u64::from(u16::from_le_bytes(frame[5..7].try_into().unwrap())) + 256,
        2 => u64::from(u32::from_le_bytes(frame[5..9].try_into().unwrap())),
        _ => u64::from_le_bytes(frame[5..13].try_into().unwrap()),
    }
}

#[test]
fn no_window_is_longer_than_browsers_accept() {
    for level in LEVELS {
        for size in [0, 100, 5000, 1 << 20, 20 << 20] {
            let mut coded = Vec::new();
            encode_from(Format::Zstd, level, io::repeat(b'a'), size, &mut coded).unwrap();
            assert!(zstd_window(&coded) <= 8 << 20, "{level:?}, {size}: {}", zstd_window(&coded));
        }
    }
    // And who has one is as good as broken.
    let mut long = zstd::Encoder::new(Vec::new(), 1).unwrap();
    long.set_parameter(CParameter::WindowLog(24)).unwrap();
    let content = vec![b'a'; 17 << 20];
    long.write_all(&content).unwrap();
    let long = long.finish().unwrap();
    assert_eq!(zstd_window(&long), 16 << 20);
    assert!(!decodes_to(Format::Zstd, &long[..], &content[..]).unwrap());
}
