//! Where everything in an archive is, before anything of it is made.

use std::ops::Range;

use super::plan::Member;
use super::{Format, tar, zip};

/// A part of an archive: a few bytes of ours, or a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What stands before a member.
    Head(usize),
    /// The bytes of a member.
    Data(usize),
    /// What stands behind a member.
    Tail(usize),
    /// The entry of a member in the directory of a ZIP.
    Entry(usize),
    /// What stands at the end.
    End,
}

/// An archive, as it will be.
#[derive(Debug)]
pub struct Layout {
    format: Format,
    /// The folder in which all members lie.
    top: Vec<u8>,
    members: Vec<Member>,
    /// Where each member begins, and where its bytes do.
    places: Vec<(u64, u64)>,
    /// Where each entry of the directory begins; a tar has none.
    entries: Vec<u64>,
    /// Where the directory lies.
    directory: Range<u64>,
    len: u64,
}

impl Layout {
    /// The layout of these members. None if it would be longer than can be counted.
    pub fn new(format: Format, top: Vec<u8>, members: Vec<Member>) -> Option<Layout> {
        let (places, entries) = (Vec::with_capacity(members.len()), Vec::new());
        let mut layout = Layout { format, top, members, places, entries, directory: 0..0, len: 0 };
        let mut at = 0u64;
        for index in 0..layout.members.len() {
            let data = at.checked_add(layout.head(index).len() as u64)?;
            layout.places.push((at, data));
            let end = data.checked_add(layout.members[index].len)?;
            at = end.checked_add(layout.tail(index, 0).len() as u64)?;
        }
        layout.directory.start = at;
        if format == Format::Zip {
            layout.entries.reserve_exact(layout.members.len());
            for index in 0..layout.members.len() {
                layout.entries.push(at);
                at = at.checked_add(layout.entry(index, 0).len() as u64)?;
            }
        }
        layout.directory.end = at;
        layout.len = at.checked_add(layout.end().len() as u64)?;
        Some(layout)
    }

    /// The length of all of it, in bytes.
    pub fn total(&self) -> u64 {
        self.len
    }

    /// What it is made of.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The part in which a byte lies, and where in it; None beyond the end.
    pub fn find(&self, at: u64) -> Option<(Part, u64)> {
        let Range { start, end } = self.directory;
        if at >= end {
            return (at < self.len).then(|| (Part::End, at - end));
        }
        // The first of them begins where all of them do, so there is one before.
        if at >= start {
            let index = self.entries.partition_point(|entry| *entry <= at) - 1;
            return Some((Part::Entry(index), at - self.entries[index]));
        }
        let index = self.places.partition_point(|(start, _)| *start <= at) - 1;
        let (start, data) = self.places[index];
        let end = data + self.members[index].len;
        Some(if at < data {
            (Part::Head(index), at - start)
        } else if at < end {
            (Part::Data(index), at - data)
        } else {
            (Part::Tail(index), at - end)
        })
    }

    /// The name of a member in the archive.
    fn name(&self, index: usize) -> Vec<u8> {
        let member = &self.members[index];
        let mut name = [&self.top[..], b"/", member.name()].concat();
        if member.is_directory {
            name.push(b'/');
        }
        if self.format == Format::Zip {
            // Unpackers on Windows would read it as a slash, and a name could lead anywhere.
            // What stands for it looks like it, and is in next to no name.
            name = name.split(|byte| *byte == b'\\').collect::<Vec<_>>().join("＼".as_bytes());
        }
        name
    }

    /// What stands before a member.
    pub fn head(&self, index: usize) -> Vec<u8> {
        match self.format {
            Format::Zip => zip::head(&self.name(index), &self.members[index]),
            Format::Tar => tar::head(&self.name(index), &self.members[index]),
        }
    }

    /// What stands behind a member.
    pub fn tail(&self, index: usize, crc: u32) -> Vec<u8> {
        match self.format {
            Format::Zip => zip::tail(&self.members[index], crc),
            Format::Tar => tar::tail(&self.members[index]),
        }
    }

    /// What the directory of a ZIP says of a member.
    pub fn entry(&self, index: usize, crc: u32) -> Vec<u8> {
        zip::entry(&self.name(index), &self.members[index], crc, self.places[index].0)
    }

    /// What stands at the end.
    pub fn end(&self) -> Vec<u8> {
        let Range { start, end } = self.directory;
        match self.format {
            Format::Zip => zip::end(self.members.len() as u64, start, end - start),
            Format::Tar => tar::end(),
        }
    }

    /// Whether something in it tells the checksums of its members.
    pub fn has_checksums(&self) -> bool {
        self.format == Format::Zip
    }
}
