//! Mutations of heads: the same ones from the same seed.

/// What has split requests in two before, or what is next to it.
const PIECES: &[&[u8]] = &[
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\n\r\n",
    b"\n\n",
    b"\r\r\n",
    b" ",
    b"\t",
    b"\0",
    b"\x0b",
    b"\x0c",
    b"\x7f",
    b"\x85",
    b"\xa0",
    b"\xff",
    b":",
    b",",
    b";",
    b"\"",
    b"#",
    b"?",
    b"%",
    b"%00",
    b"\\",
    b"@",
    b"+",
    b"-",
    b"0",
    b"_",
    b"*",
    b"/",
    b"//",
    b"\r\n ",
    b"\r\n\t",
    b"\r\nHost: b",
    b"\r\nContent-Length: 5",
    b"\r\nContent-Length: 0",
    b"\r\nTransfer-Encoding: chunked",
    b"\r\nTransfer-Encoding: identity",
    b"\r\nConnection: close",
    b"\r\nConnection: upgrade\r\nUpgrade: h2c",
    b"\r\nExpect: 100-continue",
    b"chunked",
    b"gzip, ",
    b", chunked",
    b"0x",
    b"1e1",
    b" HTTP/1.0",
    b" HTTP/1.1",
    b" HTTP/2.0",
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"http://b",
    b"https://a:80/",
    b"0\r\n\r\n",
    b"\xc3\xa9",
];

/// SplitMix64: small, and good enough to choose by.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Less than `end`; 0 for 0.
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn of<'a, T>(&mut self, values: &'a [T]) -> &'a T {
        &values[self.below(values.len())]
    }
}

/// So many, of one to three steps each, mostly of one: two mistakes hide each other.
pub fn some(from: &[Vec<u8>], seed: u64, count: usize) -> Vec<Vec<u8>> {
    let mut random = Random(seed);
    (0..count)
        .map(|_| {
            let mut input = random.of(from).clone();
            for _ in 0..=random.below(6).saturating_sub(3) {
                step(&mut input, from, &mut random);
            }
            input.truncate(2048);
            input
        })
        .collect()
}

fn step(input: &mut Vec<u8>, from: &[Vec<u8>], random: &mut Random) {
    let (at, other) = (random.below(input.len() + 1), random.below(input.len() + 1));
    let (start, end) = (at.min(other), at.max(other).min(at.min(other) + 8));
    match random.below(9) {
        0..3 => drop(input.splice(at..at, random.of(PIECES).iter().copied())),
        3 => drop(input.splice(start..end, random.of(PIECES).iter().copied())),
        4 => drop(input.drain(start..end.min(start + 1))),
        5 if at < input.len() => input[at] ^= 1 << random.below(8),
        5 => {}
        6 => lines(input, random),
        7 => {
            // The beginning of one and the end of another.
            let tail = random.of(from);
            input.truncate(at);
            input.extend_from_slice(&tail[random.below(tail.len())..]);
        }
        _ => {
            let case = |b: &mut u8| *b ^= if b.is_ascii_alphabetic() { 0x20 } else { 0 };
            input[start..end].iter_mut().for_each(case);
        }
    }
}

/// A line once more, elsewhere or instead of another.
fn lines(input: &mut Vec<u8>, random: &mut Random) {
    let mut lines: Vec<Vec<u8>> = input.split_inclusive(|&b| b == b'\n').map(<[u8]>::to_vec).collect();
    if lines.is_empty() {
        return;
    }
    let (line, at) = (random.of(&lines).clone(), random.below(lines.len()));
    if random.below(2) == 0 {
        lines.insert(at, line)
    } else {
        lines[at] = line
    }
    *input = lines.concat();
}
