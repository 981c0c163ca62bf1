//! Bytes into `codec`: what is no coding is refused and never panics, and what is one
//! decodes the same way whole and in a stream.
//!
//! The input is one byte that chooses the coding, and the coded bytes.

use serve::codec::{Format, Level, decode, decodes_to, encode};

/// Longer contents are not looked at: some blocks of each coding (of zstd one has 128 KiB).
const MOST: usize = 300 << 10;

/// The property.
pub fn check(input: &[u8]) {
    let Some((choice, coded)) = input.split_first() else { return };
    let format = Format::ALL[usize::from(*choice) % Format::ALL.len()];
    // As a coding from somewhere.
    match decode(format, coded, MOST) {
        Ok(content) => {
            assert!(decodes_to(format, coded, &content[..]).unwrap(), "two answers");
            let longer = [&content[..], b"x"].concat();
            assert!(!decodes_to(format, coded, &longer[..]).unwrap(), "a content that is too long");
            if let Some((_, shorter)) = content.split_last() {
                assert!(!decodes_to(format, coded, shorter).unwrap(), "a content that is too short");
                assert!(decode(format, coded, shorter.len()).is_err(), "more than was asked for");
            }
        }
        Err(_) => {
            // It may be all right but too long; it never is a coding of what is short.
            assert!(!decodes_to(format, coded, &b"hello"[..]).unwrap(), "accepted, but not decoded");
        }
    }
    // And as a content.
    let made = encode(format, Level::Fast, coded).unwrap();
    assert_eq!(decode(format, &made, coded.len()).unwrap(), coded);
    assert!(decodes_to(format, &made[..], coded).unwrap());
    assert!(!decodes_to(format, &made[..made.len() - 1], coded).unwrap(), "cut");
}
