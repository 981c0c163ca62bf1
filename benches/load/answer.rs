//! Where an answer ends: a reader of HTTP/1 answers that takes bytes as they come. It knows
//! as much as counting needs (status, length, whether the connection ends), and no socket.

use memchr::{memchr, memmem};

/// Longer than any sensible head, or line of a chunk.
const KEPT_MAX: usize = 64 * 1024;

/// A whole answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Of the body, without what frames it.
    pub bytes: u64,
    /// The server closes the connection behind it.
    pub last: bool,
}

enum State {
    Head,
    Body {
        left: u64,
    },
    ChunkSize,
    /// With the line end behind it.
    Chunk {
        left: u64,
    },
    Trailer,
}

/// Takes the answers of one connection apart.
pub struct Reader {
    state: State,
    answer: Answer,
    /// The beginning of a head or line whose end has not come yet.
    kept: Vec<u8>,
}

impl Default for Reader {
    fn default() -> Reader {
        Reader { state: State::Head, answer: Answer { status: 0, bytes: 0, last: false }, kept: Vec::new() }
    }
}

impl Reader {
    /// How many of the next bytes are content for certain: nobody needs to look at them.
    pub fn skippable(&self) -> u64 {
        match self.state {
            State::Body { left } | State::Chunk { left } => left,
            _ => 0,
        }
    }

    /// So many of those have come, and are gone.
    pub fn skip(&mut self, bytes: u64) -> Option<Answer> {
        match &mut self.state {
            State::Body { left } => {
                *left -= bytes;
                if *left == 0 { Some(self.finish()) } else { None }
            }
            State::Chunk { left } => {
                *left -= bytes;
                if *left == 0 {
                    self.state = State::ChunkSize;
                }
                None
            }
            _ => None,
        }
    }

    /// Takes bytes up to the end of an answer at most, and says how many it took.
    pub fn take(&mut self, input: &[u8]) -> Result<(usize, Option<Answer>), &'static str> {
        let mut at = 0;
        while at < input.len() {
            let rest = &input[at..];
            let skippable = self.skippable();
            let answer = if skippable > 0 {
                let bytes = skippable.min(rest.len() as u64);
                at += bytes as usize;
                self.skip(bytes)
            } else {
                let before = self.kept.len();
                let Some(length) = self.piece(rest)? else { return Ok((input.len(), None)) };
                at += length - before;
                // Nearly always all of it lies in the input, and nothing is copied.
                let kept = std::mem::take(&mut self.kept);
                let answer = self.read(if before == 0 { &rest[..length] } else { &kept[..length] })?;
                self.kept = kept;
                self.kept.clear();
                answer
            };
            if answer.is_some() {
                return Ok((at, answer));
            }
        }
        Ok((at, None))
    }

    /// The length of the head or line that is due, with what is kept of it; None, and
    /// everything is kept, if its end is not there yet.
    fn piece(&mut self, rest: &[u8]) -> Result<Option<usize>, &'static str> {
        let is_head = matches!(self.state, State::Head);
        let end_of = |text: &[u8]| match is_head {
            true => memmem::find(text, b"\r\n\r\n").map(|at| at + 4),
            false => memchr(b'\n', text).map(|at| at + 1),
        };
        if self.kept.is_empty()
            && let Some(length) = end_of(rest)
        {
            return Ok(Some(length));
        }
        self.kept.extend_from_slice(rest);
        match end_of(&self.kept) {
            None if self.kept.len() > KEPT_MAX => Err("a head or line without an end"),
            end => Ok(end),
        }
    }

    /// A whole head or line.
    fn read(&mut self, piece: &[u8]) -> Result<Option<Answer>, &'static str> {
        match self.state {
            State::Head => {
                let head = Head::parse(piece)?;
                self.answer = Answer { status: head.status, bytes: 0, last: head.last };
                let has_no_body = matches!(head.status, 204 | 304);
                match head.length {
                    _ if has_no_body => return Ok(Some(self.finish())),
                    _ if head.is_chunked => self.state = State::ChunkSize,
                    None => return Err("a body that does not say how long it is"),
                    Some(0) => return Ok(Some(self.finish())),
                    Some(left) => {
                        self.answer.bytes = left;
                        self.state = State::Body { left };
                    }
                }
            }
            State::ChunkSize => {
                let digits = piece.trim_ascii().split(|byte| *byte == b';').next().unwrap_or(b"");
                let size = std::str::from_utf8(digits).ok().and_then(|hex| u64::from_str_radix(hex, 16).ok());
                let size = size.filter(|size| *size < 1 << 60).ok_or("a chunk without a size")?;
                self.answer.bytes += size;
                self.state = if size == 0 { State::Trailer } else { State::Chunk { left: size + 2 } };
            }
            State::Trailer if piece.trim_ascii().is_empty() => return Ok(Some(self.finish())),
            _ => {}
        }
        Ok(None)
    }

    fn finish(&mut self) -> Answer {
        self.state = State::Head;
        self.answer
    }
}

/// What of a head says where its answer ends.
struct Head {
    status: u16,
    length: Option<u64>,
    is_chunked: bool,
    last: bool,
}

impl Head {
    fn parse(text: &[u8]) -> Result<Head, &'static str> {
        let mut lines = text.split(|byte| *byte == b'\n');
        let number = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse::<u64>().ok();
        let (minor, status) = match lines.next() {
            Some([b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor, b' ', a, b, c, ..]) => {
                (*minor, number(&[*a, *b, *c]).ok_or("a status that is no number")?)
            }
            _ => return Err("no HTTP/1 answer"),
        };
        let mut head = Head { status: status as u16, length: None, is_chunked: false, last: minor == b'0' };
        for line in lines {
            // Most fields are none of ours, and their first letter shows it.
            if !matches!(line.first(), Some(b'C' | b'c' | b'T' | b't')) {
                continue;
            }
            let Some(colon) = memchr(b':', line) else { continue };
            let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
            if name.eq_ignore_ascii_case(b"content-length") {
                head.length = Some(number(value).ok_or("a Content-Length that is no number")?);
            } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
                head.is_chunked = value.eq_ignore_ascii_case(b"chunked");
            } else if name.eq_ignore_ascii_case(b"connection") {
                head.last = match minor {
                    b'0' => !value.eq_ignore_ascii_case(b"keep-alive"),
                    _ => value.eq_ignore_ascii_case(b"close"),
                };
            }
        }
        Ok(head)
    }
}
