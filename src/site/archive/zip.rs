//! ZIP (PKWARE's APPNOTE 6.3), stored: members as they are, so that all lengths are known
//! before anything is read.
//!
//! The checksum of a file is known when it has been sent, so it stands behind the file (bit 3,
//! §4.4.4) and once more in the directory at the end, from which unpackers read. Numbers that
//! do not fit get the larger fields of ZIP64 (§4.3.9.2, §4.5.3).

use super::plan::Member;

/// Written by Unix, so that permissions count (§4.4.2), by version 4.5.
const MADE_BY: u16 = 3 << 8 | 45;

/// What it takes to unpack: 2.0, and 4.5 with ZIP64 (§4.4.3).
const NEEDS: u16 = 20;
const NEEDS_ZIP64: u16 = 45;

/// Flags (§4.4.4): checksum and sizes follow the file; the name is UTF-8.
const FOLLOWS: u16 = 1 << 3;
const UTF8: u16 = 1 << 11;

/// Stands in fields of 16 and 32 bits whose number is in a larger one.
const ELSEWHERE_16: u16 = u16::MAX;
const ELSEWHERE: u32 = u32::MAX;

/// The time of 1980-01-01, before which there is none (§4.4.6).
const FIRST_DAY: (u16, u16) = (1 << 5 | 1, 0);

/// Little endian, as all numbers are (§4.4.1.1).
fn put<const N: usize>(out: &mut Vec<u8>, bytes: [u8; N]) {
    out.extend_from_slice(&bytes);
}

/// Whether checksum and sizes of a member stand behind it: there is nothing to wait for
/// where there are no bytes.
fn follows(member: &Member) -> bool {
    member.len > 0
}

/// Whether a member has fields of ZIP64 for its size.
fn is_large(member: &Member) -> bool {
    member.len >= u64::from(ELSEWHERE)
}

/// A number that has its field, or is elsewhere.
fn short(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(ELSEWHERE)
}

fn flags(name: &[u8], member: &Member) -> u16 {
    let follows = if follows(member) { FOLLOWS } else { 0 };
    follows | if std::str::from_utf8(name).is_ok() { UTF8 } else { 0 }
}

/// Date and time as MS-DOS has them, in UTC because nothing better is known of the reader.
/// What it cannot say is the first or the last second that it can.
fn dos_time(seconds: u64) -> (u16, u16) {
    /// 1980-01-01 and 2108-01-01.
    const RANGE: std::ops::Range<u64> = 315_532_800..4_354_819_200;
    if seconds < RANGE.start {
        return FIRST_DAY;
    }
    let seconds = seconds.min(RANGE.end - 1);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Howard Hinnant's `civil_from_days`: years begin in March, so that leap days are last.
    let day_of_era = days + 719_468;
    let (era, day) = (day_of_era / 146_097, day_of_era % 146_097);
    let year_of_era = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let date = ((year - 1980) << 9 | month << 5 | day) as u16;
    let (hour, minute, half) = (second / 3600, second / 60 % 60, second % 60 / 2);
    let time = (hour << 11) | (minute << 5) | half;
    // Five, six and five bits.
    (date, time as u16)
}

/// The time of the member to the second and in UTC, as Info-ZIP has it (0x5455), if it fits.
fn push_timestamp(out: &mut Vec<u8>, member: &Member) {
    let Ok(seconds) = i32::try_from(member.seconds()) else { return };
    if member.modified.is_some() {
        put(out, 0x5455u16.to_le_bytes());
        put(out, 5u16.to_le_bytes());
        out.push(1);
        put(out, seconds.to_le_bytes());
    }
}

/// What stands before a member (§4.3.7).
pub fn head(name: &[u8], member: &Member) -> Vec<u8> {
    let mut extra = Vec::new();
    if is_large(member) {
        // The sizes follow, but that they are of 64 bits has to be said here.
        put(&mut extra, 1u16.to_le_bytes());
        put(&mut extra, 16u16.to_le_bytes());
        put(&mut extra, [0; 16]);
    }
    push_timestamp(&mut extra, member);
    let (date, time) = dos_time(member.seconds());
    let size = if is_large(member) { ELSEWHERE } else { 0 };
    let mut out = Vec::with_capacity(30 + name.len() + extra.len());
    put(&mut out, *b"PK\x03\x04");
    put(&mut out, if is_large(member) { NEEDS_ZIP64 } else { NEEDS }.to_le_bytes());
    put(&mut out, flags(name, member).to_le_bytes());
    // Stored.
    put(&mut out, 0u16.to_le_bytes());
    put(&mut out, time.to_le_bytes());
    put(&mut out, date.to_le_bytes());
    // Checksum and sizes, which follow or are nothing.
    put(&mut out, 0u32.to_le_bytes());
    put(&mut out, size.to_le_bytes());
    put(&mut out, size.to_le_bytes());
    // A name of the file system and what little is added to it fits.
    put(&mut out, (name.len() as u16).to_le_bytes());
    put(&mut out, (extra.len() as u16).to_le_bytes());
    out.extend_from_slice(name);
    out.extend(extra);
    out
}

/// What stands behind a member (§4.3.9).
pub fn tail(member: &Member, crc: u32) -> Vec<u8> {
    let mut out = Vec::with_capacity(24);
    if follows(member) {
        put(&mut out, *b"PK\x07\x08");
        put(&mut out, crc.to_le_bytes());
        for _ in 0..2 {
            if is_large(member) {
                put(&mut out, member.len.to_le_bytes());
            } else {
                put(&mut out, short(member.len).to_le_bytes());
            }
        }
    }
    out
}

/// The entry of a member in the directory (§4.3.12); the member begins at `start`.
pub fn entry(name: &[u8], member: &Member, crc: u32, start: u64) -> Vec<u8> {
    let mut zip64 = Vec::new();
    if is_large(member) {
        put(&mut zip64, member.len.to_le_bytes());
        put(&mut zip64, member.len.to_le_bytes());
    }
    if start >= u64::from(ELSEWHERE) {
        put(&mut zip64, start.to_le_bytes());
    }
    let mut extra = Vec::new();
    if !zip64.is_empty() {
        put(&mut extra, 1u16.to_le_bytes());
        put(&mut extra, (zip64.len() as u16).to_le_bytes());
        extra.extend(&zip64);
    }
    push_timestamp(&mut extra, member);
    let (date, time) = dos_time(member.seconds());
    let mode: u32 = if member.is_directory { 0o040_755 } else { 0o100_644 };
    let mut out = Vec::with_capacity(46 + name.len() + extra.len());
    put(&mut out, *b"PK\x01\x02");
    put(&mut out, MADE_BY.to_le_bytes());
    put(&mut out, if zip64.is_empty() { NEEDS } else { NEEDS_ZIP64 }.to_le_bytes());
    put(&mut out, flags(name, member).to_le_bytes());
    put(&mut out, 0u16.to_le_bytes());
    put(&mut out, time.to_le_bytes());
    put(&mut out, date.to_le_bytes());
    put(&mut out, crc.to_le_bytes());
    put(&mut out, short(member.len).to_le_bytes());
    put(&mut out, short(member.len).to_le_bytes());
    put(&mut out, (name.len() as u16).to_le_bytes());
    put(&mut out, (extra.len() as u16).to_le_bytes());
    // No comment, one disk, nothing of its own.
    put(&mut out, [0; 6]);
    // The attribute of MS-DOS says that it is a directory.
    put(&mut out, (mode << 16 | if member.is_directory { 0x10 } else { 0 }).to_le_bytes());
    put(&mut out, short(start).to_le_bytes());
    out.extend_from_slice(name);
    out.extend(extra);
    out
}

/// The end of the directory, which lies at `start` and has `len` bytes (§4.3.14 to §4.3.16).
pub fn end(count: u64, start: u64, len: u64) -> Vec<u8> {
    let count_16 = u16::try_from(count).unwrap_or(ELSEWHERE_16);
    let mut out = Vec::with_capacity(98);
    if count_16 == ELSEWHERE_16 || start.max(len) >= u64::from(ELSEWHERE) {
        put(&mut out, *b"PK\x06\x06");
        // Of what follows in this record.
        put(&mut out, 44u64.to_le_bytes());
        put(&mut out, MADE_BY.to_le_bytes());
        put(&mut out, NEEDS_ZIP64.to_le_bytes());
        put(&mut out, [0; 8]);
        put(&mut out, count.to_le_bytes());
        put(&mut out, count.to_le_bytes());
        put(&mut out, len.to_le_bytes());
        put(&mut out, start.to_le_bytes());
        put(&mut out, *b"PK\x06\x07");
        put(&mut out, 0u32.to_le_bytes());
        put(&mut out, (start + len).to_le_bytes());
        put(&mut out, 1u32.to_le_bytes());
    }
    put(&mut out, *b"PK\x05\x06");
    put(&mut out, [0; 4]);
    put(&mut out, count_16.to_le_bytes());
    put(&mut out, count_16.to_le_bytes());
    put(&mut out, short(len).to_le_bytes());
    put(&mut out, short(start).to_le_bytes());
    put(&mut out, [0; 2]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_ms_dos() {
        let date = |year: u16, month: u16, day: u16| (year - 1980) << 9 | month << 5 | day;
        let time = |hour: u16, minute: u16, second: u16| (hour << 11) | (minute << 5) | (second / 2);
        for (seconds, expected) in [
            (0, FIRST_DAY),
            (315_532_800, (date(1980, 1, 1), 0)),
            (784_111_777, (date(1994, 11, 6), time(8, 49, 37))),
            (951_827_696, (date(2000, 2, 29), time(12, 34, 56))),
            (1_709_251_199, (date(2024, 2, 29), time(23, 59, 59))),
            (4_354_819_199, (date(2107, 12, 31), time(23, 59, 59))),
            (u64::MAX, (date(2107, 12, 31), time(23, 59, 59))),
        ] {
            assert_eq!(dos_time(seconds), expected, "{seconds}");
        }
    }
}
