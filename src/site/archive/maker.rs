//! An archive while it is sent: made a piece at a time, by the pool, from files that are
//! opened one after the other.
//!
//! What was promised is kept, or nothing more is sent: a file that is not what it was when
//! the archive was planned ends the download, and the client knows that it is not whole.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use crc32fast::Hasher;

use super::layout::{Layout, Part};
use super::plan::Member;
use crate::segment::Source;
use crate::site::Report;
use crate::site::budget::Reserved;
use crate::site::files::{Content, Lookup, Node};
use crate::sys::{self, Version};

/// So much is made at once. More would be more memory for each download; less, more turns.
const PIECE_BYTES: usize = 256 * 1024;

/// Makes an archive.
pub struct Maker {
    layout: Layout,
    lookup: Arc<dyn Lookup>,
    state: Mutex<State>,
    report: Report,
    /// For the layout, as long as it is there.
    _reserved: Reserved,
}

#[derive(Default)]
struct State {
    /// Where the piece begins that was made last, and what came of it.
    piece: Option<(u64, io::Result<Bytes>)>,
    /// The file that is being read.
    reading: Option<Reading>,
    /// The checksums of those that were read to their end.
    checksums: Vec<Option<u32>>,
}

/// A member that is open.
struct Reading {
    index: usize,
    content: Content,
    version: Version,
    /// So much was read from its beginning on without a gap, and the checksum of that.
    position: u64,
    crc: Hasher,
}

impl Maker {
    /// Makes what is laid out, from these files; why it could not be made is reported.
    pub fn new(layout: Layout, lookup: Arc<dyn Lookup>, report: Report, reserved: Reserved) -> Maker {
        let checksums = layout.members().iter().map(|member| (member.len == 0).then_some(0)).collect();
        let state = Mutex::new(State { checksums, ..State::default() });
        Maker { layout, lookup, state, report, _reserved: reserved }
    }

    /// What it makes.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// A panic leaves a piece that was not made, and nothing that is half made.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fill(&self, state: &mut State, start: u64) -> io::Result<Bytes> {
        let mut out = Vec::with_capacity(PIECE_BYTES);
        while out.len() < PIECE_BYTES {
            let Some((part, within)) = self.layout.find(start + out.len() as u64) else { break };
            let bytes = match part {
                Part::Head(index) => self.layout.head(index),
                Part::Data(index) => {
                    self.read(state, index, within, &mut out)?;
                    continue;
                }
                Part::Tail(index) => self.layout.tail(index, self.checksum(state, index)?),
                Part::Entry(index) => self.layout.entry(index, self.checksum(state, index)?),
                Part::End => self.layout.end(),
            };
            // A part of a few hundred bytes, so it fits.
            out.extend_from_slice(bytes.get(within as usize..).unwrap_or_default());
        }
        Ok(out.into())
    }

    /// Reads some of a member, at least one byte, until the piece is full.
    fn read(&self, state: &mut State, index: usize, start: u64, out: &mut Vec<u8>) -> io::Result<()> {
        let member = &self.layout.members()[index];
        if state.reading.as_ref().is_none_or(|reading| reading.index != index) {
            state.reading = None;
            state.reading = Some(self.open(index)?);
        }
        let Some(reading) = &mut state.reading else { return Err(broken(member, "it is closed")) };
        let wanted = (member.len - start).min((PIECE_BYTES - out.len()) as u64) as usize;
        let bytes = reading.next(member, start, wanted)?;
        let end = start + bytes.len() as u64;
        if reading.position == start && self.layout.has_checksums() {
            reading.crc.update(&bytes);
            reading.position = end;
        }
        out.extend_from_slice(&bytes);
        if end == member.len {
            reading.confirm(member)?;
            if reading.position == end {
                state.checksums[index] = Some(reading.crc.clone().finalize());
            }
            state.reading = None;
        }
        Ok(())
    }

    /// Opens a member, if it still is what was promised.
    fn open(&self, index: usize) -> io::Result<Reading> {
        let member = &self.layout.members()[index];
        let node = self.lookup.open(&member.path).map_err(|error| broken(member, error))?;
        let Node::File(file) = node else { return Err(broken(member, "it is a directory now")) };
        if (file.len, file.modified) != (member.len, member.modified) {
            return Err(broken(member, "it has changed since the archive was begun"));
        }
        Ok(Reading { index, content: file.content, version: file.version, position: 0, crc: Hasher::new() })
    }

    /// The checksum of a member: as it was sent, or, where its beginning was not asked for,
    /// by reading it now.
    fn checksum(&self, state: &mut State, index: usize) -> io::Result<u32> {
        if !self.layout.has_checksums() {
            return Ok(0);
        }
        if let Some(known) = state.checksums[index] {
            return Ok(known);
        }
        let mut reading = self.open(index)?;
        let member = &self.layout.members()[index];
        while reading.position < member.len {
            let bytes = reading.next(member, reading.position, PIECE_BYTES)?;
            reading.crc.update(&bytes);
            reading.position += bytes.len() as u64;
        }
        reading.confirm(member)?;
        Ok(*state.checksums[index].insert(reading.crc.clone().finalize()))
    }
}

impl Reading {
    /// At least one of the bytes that were promised.
    fn next(&self, member: &Member, start: u64, wanted: usize) -> io::Result<Bytes> {
        let bytes = self.content.read(start, wanted).map_err(|error| broken(member, error))?;
        if bytes.is_empty() { Err(broken(member, "it is shorter than it was")) } else { Ok(bytes) }
    }

    /// Whether it was the same file all the time.
    fn confirm(&self, member: &Member) -> io::Result<()> {
        match &self.content {
            Content::Disk(file) if sys::version_of(file)? != self.version => {
                Err(broken(member, "it was written to while it was sent"))
            }
            Content::Disk(_) | Content::Memory(_) => Ok(()),
        }
    }
}

/// Why a member cannot be had.
fn broken(member: &Member, why: impl fmt::Display) -> io::Error {
    io::Error::other(format!("{}: {why}", member.path.to_location()))
}

impl Source for Maker {
    fn make(&self, start: u64) {
        let state = &mut *self.lock();
        state.piece = None;
        let made = self.fill(state, start);
        if let Err(error) = &made {
            (self.report)(&format!("an archive was broken off: {error}"));
        }
        state.piece = Some((start, made));
    }

    fn piece(&self, start: u64) -> io::Result<Option<Bytes>> {
        let state = self.lock();
        match &state.piece {
            Some((at, Ok(bytes))) => {
                let within = start.checked_sub(*at).and_then(|within| usize::try_from(within).ok());
                Ok(within.filter(|within| *within < bytes.len()).map(|within| bytes.slice(within..)))
            }
            Some((_, Err(error))) => Err(io::Error::new(error.kind(), error.to_string())),
            None => Ok(None),
        }
    }
}

impl fmt::Debug for Maker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Maker").field("len", &self.layout.len()).finish_non_exhaustive()
    }
}
