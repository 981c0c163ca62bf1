//! What is asked for, and what has to come back.

use std::io::{self, Error, ErrorKind};
use std::net::{SocketAddr, ToSocketAddrs};

use super::answer::Answer;
use super::options::Options;

/// Request targets, the rest of the requests, and the answers that are right.
pub struct Targets {
    pub address: SocketAddr,
    /// All paths in one text, for there may be a million.
    paths: String,
    /// Where each of them ends.
    ends: Vec<usize>,
    /// What follows the path in a request.
    rest: String,
    status: u16,
    /// Of each body, once it is known.
    lengths: Vec<Option<u64>>,
    random: u64,
}

impl Targets {
    pub fn new(url: &str, options: &Options) -> io::Result<Targets> {
        let wrong = |what: String| Error::new(ErrorKind::InvalidInput, what);
        let rest = url.strip_prefix("http://").ok_or_else(|| wrong(format!("{url}: not an http:// URL")))?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let has_port = authority.rsplit(':').next().is_some_and(|port| port.parse::<u16>().is_ok());
        let with_port = if has_port { authority.to_owned() } else { format!("{authority}:80") };
        let address =
            with_port.to_socket_addrs()?.next().ok_or_else(|| wrong(format!("{authority}: no address")))?;
        let list = match &options.paths {
            Some(file) => std::fs::read_to_string(file)?,
            None => (if path.is_empty() { "/" } else { path }).to_owned(),
        };
        let (mut paths, mut ends) = (String::with_capacity(list.len()), Vec::new());
        for path in list.lines().filter(|line| !line.is_empty()) {
            paths.push_str(path);
            ends.push(paths.len());
        }
        if ends.is_empty() {
            return Err(wrong("there is no path to ask for".to_owned()));
        }
        let mut rest = format!(" HTTP/1.1\r\nHost: {authority}\r\n");
        let close = options.close.then_some("Connection: close");
        for field in options.headers.iter().map(String::as_str).chain(close) {
            rest.push_str(field);
            rest.push_str("\r\n");
        }
        rest.push_str("\r\n");
        let lengths = vec![options.length; ends.len()];
        // Any number but 0 begins the sequence; always the same, so that runs can be compared.
        Ok(Targets { address, paths, ends, rest, status: options.status, lengths, random: 0x9E37_79B9 })
    }

    /// One of them, at random (xorshift64, by Marsaglia: good enough to spread requests).
    pub fn pick(&mut self) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random % self.ends.len() as u64) as usize
    }

    /// Appends the request for one of them.
    pub fn write(&self, target: usize, to: &mut Vec<u8>) {
        let start = if target == 0 { 0 } else { self.ends[target - 1] };
        to.extend_from_slice(b"GET ");
        to.extend_from_slice(&self.paths.as_bytes()[start..self.ends[target]]);
        to.extend_from_slice(self.rest.as_bytes());
    }

    /// Says what is wrong with an answer.
    pub fn check(&mut self, target: usize, answer: &Answer) -> Result<(), String> {
        if answer.status != self.status {
            return Err(format!("status {} instead of {}", answer.status, self.status));
        }
        let length = *self.lengths[target].get_or_insert(answer.bytes);
        if answer.bytes != length {
            return Err(format!("{} bytes instead of {length}", answer.bytes));
        }
        Ok(())
    }
}
