//! An archive while it is sent: made a piece at a time, by the pool, from files that are
//! opened one after the other.
//!
//! What was promised is kept, or nothing more is sent: a file that is not what it was when
//! the archive was planned ends the download, and the client knows that it is not whole.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use crc32fast::Hasher;

use super::checksums::Checksums;
use super::layout::{Layout, Part};
use super::plan::Member;
use crate::segment::Maker;
use crate::site::Report;
use crate::site::budget::{Budget, Reserved};
use crate::site::files::{Content, Lookup, Node};
use crate::sys::{self, Version};

/// So much is made at once where there is room for it. More would be no faster; less, more turns,
/// which a busy machine feels (`docs/performance.md`).
const PIECE_BYTES: usize = 1024 * 1024;

/// So much is made at once in any case, and held for who does not take it.
const SMALL_PIECE_BYTES: usize = 128 * 1024;

/// So much is read at once of what is read for its checksum alone.
const READ_BYTES: usize = 1024 * 1024;

/// So much effort goes into one call, counted as bytes that are read of files whose checksums
/// alone are wanted: others use the pool, too.
const EFFORT_MAX: u64 = 4 * 1024 * 1024;

/// To open a file is as much as to read so many bytes, roughly.
const OPENING: u64 = 16 * 1024;

/// Who makes an archive.
pub struct Archiver {
    layout: Layout,
    supplies: Supplies,
    state: Mutex<State>,
}

/// What an archive is made with.
pub struct Supplies {
    /// The files.
    pub lookup: Arc<dyn Lookup>,
    /// What is known of their checksums.
    pub checksums: Checksums,
    /// When the archive was planned.
    pub planned: SystemTime,
    /// Where it is told why it could not be made.
    pub report: Report,
    /// Room for the layout, as long as it is there.
    pub reserved: Reserved,
    /// Room for pieces that are longer than need be.
    pub pieces: Budget,
}

#[derive(Default)]
struct State {
    /// Where the piece begins that was made last, and what came of it. None also while
    /// something has to be found out first, and is not found yet.
    piece: Option<(u64, io::Result<Bytes>)>,
    /// The file that is being read.
    reading: Option<Reading>,
    /// The checksums of those that were read to their end.
    checksums: Vec<Option<u32>>,
    /// What was done in this call.
    effort: u64,
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

impl Archiver {
    /// Makes what is laid out.
    pub fn new(layout: Layout, supplies: Supplies) -> Archiver {
        let checksums = layout.members().iter().map(|member| (member.len == 0).then_some(0)).collect();
        let state = Mutex::new(State { checksums, ..State::default() });
        Archiver { layout, supplies, state }
    }

    /// What it makes.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// A panic leaves a piece that was not made, and nothing that is half made.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The piece from there on; empty if a checksum comes first that is not known yet.
    fn fill(&self, state: &mut State, start: u64) -> io::Result<Bytes> {
        let left = self.layout.total().saturating_sub(start);
        let left = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE_BYTES);
        let room = self.supplies.pieces.reserve(left);
        let most = if room.is_some() { left } else { left.min(SMALL_PIECE_BYTES) };
        let mut out = Vec::with_capacity(most);
        state.effort = 0;
        while out.len() < most && state.effort < EFFORT_MAX {
            let Some((part, within)) = self.layout.find(start + out.len() as u64) else { break };
            let bytes = match part {
                Part::Head(index) => self.layout.head(index),
                Part::Data(index) => {
                    self.read(state, index, within, most, &mut out)?;
                    continue;
                }
                Part::Tail(index) => match self.checksum(state, index)? {
                    Some(checksum) => self.layout.tail(index, checksum),
                    None => break,
                },
                Part::Entry(index) => match self.checksum(state, index)? {
                    Some(checksum) => self.layout.entry(index, checksum),
                    None => break,
                },
                Part::End => self.layout.end(),
            };
            // What does not fit comes with the next piece: nothing grows beyond its room.
            let rest = bytes.get(within as usize..).unwrap_or_default();
            out.extend_from_slice(&rest[..rest.len().min(most - out.len())]);
        }
        Ok(match room {
            Some(room) => room.hold(out),
            None => out.into(),
        })
    }

    /// Reads some of a member, at least one byte, until the piece has `most`.
    fn read(
        &self,
        state: &mut State,
        index: usize,
        start: u64,
        most: usize,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        let member = &self.layout.members()[index];
        let reading = self.reading(state, index)?;
        let wanted = (member.len - start).min((most - out.len()) as u64) as usize;
        let bytes = reading.next(member, start, wanted)?;
        if self.layout.has_checksums() {
            reading.count(start, &bytes);
        }
        out.extend_from_slice(&bytes);
        if start + bytes.len() as u64 == member.len {
            self.close(state)?;
        }
        Ok(())
    }

    /// The member, open.
    fn reading<'a>(&self, state: &'a mut State, index: usize) -> io::Result<&'a mut Reading> {
        // One after the other: what was open is closed before.
        let same = state.reading.take().filter(|reading| reading.index == index);
        let reading = match same {
            Some(reading) => reading,
            None => {
                state.effort += OPENING;
                self.open(index)?
            }
        };
        Ok(state.reading.insert(reading))
    }

    /// A member was read to its end: it must have been the same all the time, and now its
    /// checksum may be known.
    fn close(&self, state: &mut State) -> io::Result<()> {
        let Some(Reading { index, content, version, position, crc }) = state.reading.take() else {
            return Ok(());
        };
        let member = &self.layout.members()[index];
        if let Content::Disk(file) = &content
            && sys::version_of(file)? != version
        {
            return Err(broken(member, "it was written to, moved or removed while it was sent"));
        }
        if position == member.len {
            let checksum = crc.finalize();
            state.checksums[index] = Some(checksum);
            self.supplies.checksums.remember(member, self.supplies.planned, checksum);
        }
        Ok(())
    }

    /// Opens a member, if it still is what was promised.
    fn open(&self, index: usize) -> io::Result<Reading> {
        let member = &self.layout.members()[index];
        let node = self.supplies.lookup.open(&member.path).map_err(|error| broken(member, error))?;
        let Node::File(file) = node else { return Err(broken(member, "it is a directory now")) };
        if (file.len, file.modified) != (member.len, member.modified) {
            return Err(broken(member, "it has changed since the archive was begun"));
        }
        Ok(Reading { index, content: file.content, version: file.version, position: 0, crc: Hasher::new() })
    }

    /// The checksum of a member: as it was sent, or, where its beginning was not asked for, by
    /// reading it now. None when that takes more than may still be read: then some of it is
    /// done.
    fn checksum(&self, state: &mut State, index: usize) -> io::Result<Option<u32>> {
        if !self.layout.has_checksums() {
            return Ok(Some(0));
        }
        let member = &self.layout.members()[index];
        let known = state.checksums[index];
        let known = known.or_else(|| self.supplies.checksums.recall(member, self.supplies.planned));
        if known.is_some() {
            return Ok(known);
        }
        self.reading(state, index)?;
        let State { reading: Some(reading), effort, .. } = &mut *state else { return Ok(None) };
        while reading.position < member.len && *effort < EFFORT_MAX {
            let bytes = reading.next(member, reading.position, READ_BYTES)?;
            reading.count(reading.position, &bytes);
            *effort += bytes.len() as u64;
        }
        if reading.position == member.len {
            self.close(state)?;
        }
        Ok(state.checksums[index])
    }
}

impl Reading {
    /// At least one of the bytes that were promised.
    fn next(&self, member: &Member, start: u64, wanted: usize) -> io::Result<Bytes> {
        let bytes = self.content.read(start, wanted).map_err(|error| broken(member, error))?;
        if bytes.is_empty() { Err(broken(member, "it is shorter than it was")) } else { Ok(bytes) }
    }

    /// These bytes belong to what the checksum is of, if they follow what was read before.
    fn count(&mut self, start: u64, bytes: &[u8]) {
        if self.position == start {
            self.crc.update(bytes);
            self.position += bytes.len() as u64;
        }
    }
}

/// Why a member cannot be had.
fn broken(member: &Member, why: impl fmt::Display) -> io::Error {
    io::Error::other(format!("{}: {why}", member.path.to_location()))
}

impl Maker for Archiver {
    fn make(&self, start: u64) {
        let state = &mut *self.lock();
        state.piece = None;
        let made = self.fill(state, start);
        if let Err(error) = &made {
            (self.supplies.report)(&format!("an archive was broken off: {error}"));
        }
        let is_unfinished = made.as_ref().is_ok_and(Bytes::is_empty);
        state.piece = (!is_unfinished).then_some((start, made));
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

/// In the place of an archive that is only asked about: a plan of all that is in it would have
/// to be dropped by a loop, which takes a while.
#[derive(Debug)]
pub struct Unmade;

impl Maker for Unmade {
    fn make(&self, _: u64) {}

    fn piece(&self, _: u64) -> io::Result<Option<Bytes>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl fmt::Debug for Archiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Archiver").field("len", &self.layout.total()).finish_non_exhaustive()
    }
}
