//! tar, as POSIX has it (`pax`, IEEE 1003.1-2017): a block of facts before each member, and
//! one more before that for what does not fit into it.

use super::plan::Member;

/// All is in blocks of this size.
const BLOCK: usize = 512;

/// Two of nothing are the end.
const END: usize = 2 * BLOCK;

/// The largest number of eleven octal digits.
const OCTAL_MAX: u64 = (1 << 33) - 1;

/// What a block is about.
const FILE: u8 = b'0';
const DIRECTORY: u8 = b'5';
const MORE_FACTS: u8 = b'x';

/// What stands before a member.
pub fn head(name: &[u8], member: &Member) -> Vec<u8> {
    let mut out = Vec::with_capacity(BLOCK);
    let mut facts = Vec::new();
    let parts = split(name);
    if parts.is_none() {
        push_fact(&mut facts, "path", name);
    }
    if member.len > OCTAL_MAX {
        push_fact(&mut facts, "size", member.len.to_string().as_bytes());
    }
    if !facts.is_empty() {
        // Readers that know of no more facts see a file of this name.
        push_block(&mut out, (b"", b"more-facts"), MORE_FACTS, facts.len() as u64, 0);
        out.extend(&facts);
        out.resize(out.len().next_multiple_of(BLOCK), 0);
    }
    let kind = if member.is_directory { DIRECTORY } else { FILE };
    // Such readers get the end of the name, which is the part that tells.
    let parts = parts.unwrap_or((b"", &name[name.len() - name.len().min(99)..]));
    push_block(&mut out, parts, kind, member.len, member.seconds());
    out
}

/// What stands behind a member.
pub fn tail(member: &Member) -> Vec<u8> {
    let beyond = (member.len % BLOCK as u64) as usize;
    vec![0; if beyond == 0 { 0 } else { BLOCK - beyond }]
}

/// The end.
pub fn end() -> Vec<u8> {
    vec![0; END]
}

/// Splits a name for its two fields, of 155 and 100 bytes, at a slash that stands in neither.
fn split(name: &[u8]) -> Option<(&[u8], &[u8])> {
    // One that fills its field needs no zero behind it.
    if name.len() <= 100 {
        return Some((b"", name));
    }
    let mut slashes = name.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    let fits = |at: &usize| (1..=155).contains(at) && (1..=100).contains(&(name.len() - at - 1));
    slashes.find(fits).map(|at| (&name[..at], &name[at + 1..]))
}

/// `length key=value` and a line end, where the length counts itself.
fn push_fact(facts: &mut Vec<u8>, key: &str, value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut digits = 1;
    while (rest + digits).to_string().len() > digits {
        digits += 1;
    }
    facts.extend(format!("{} {key}=", rest + digits).bytes());
    facts.extend(value);
    facts.push(b'\n');
}

/// Octal digits and a zero behind them; what is too large is as large as can be said.
fn push_octal(out: &mut Vec<u8>, number: u64, width: usize) {
    let most = (1u64 << (3 * (width - 1)).min(63)) - 1;
    out.extend(format!("{:0digits$o}\0", number.min(most), digits = width - 1).bytes());
}

fn push_block(out: &mut Vec<u8>, (prefix, name): (&[u8], &[u8]), kind: u8, len: u64, seconds: u64) {
    let start = out.len();
    let field = |out: &mut Vec<u8>, bytes: &[u8], width: usize| {
        let end = out.len() + width;
        out.extend(bytes);
        out.resize(end, 0);
    };
    field(out, name, 100);
    push_octal(out, if kind == DIRECTORY { 0o755 } else { 0o644 }, 8);
    // Nobody's: whose files they are is nobody's business.
    push_octal(out, 0, 8);
    push_octal(out, 0, 8);
    push_octal(out, len, 12);
    push_octal(out, seconds, 12);
    let checksum = out.len();
    out.extend(b"        ");
    out.push(kind);
    field(out, b"", 100);
    out.extend(b"ustar\x0000");
    field(out, b"", 32);
    field(out, b"", 32);
    push_octal(out, 0, 8);
    push_octal(out, 0, 8);
    field(out, prefix, 155);
    out.resize(start + BLOCK, 0);
    let sum: u64 = out[start..].iter().map(|byte| u64::from(*byte)).sum();
    let digits = format!("{sum:06o}\0 ");
    out[checksum..checksum + 8].copy_from_slice(digits.as_bytes());
}
