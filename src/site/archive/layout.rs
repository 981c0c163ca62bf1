//! Where everything in an archive is, before anything of it is made.

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
    /// Where each member begins, and then where the last one ends.
    starts: Vec<u64>,
    /// The same of the entries of the directory.
    entries: Vec<u64>,
    len: u64,
}

impl Layout {
    /// The layout of these members. None if it would be longer than can be counted.
    pub fn new(format: Format, top: Vec<u8>, members: Vec<Member>) -> Option<Layout> {
        let room = members.len() + 1;
        let (starts, entries) = (Vec::with_capacity(room), Vec::with_capacity(room));
        let mut layout = Layout { format, top, members, starts, entries, len: 0 };
        let mut at = 0u64;
        for index in 0..layout.members.len() {
            layout.starts.push(at);
            let around = layout.head(index).len() + layout.tail(index, 0).len();
            at = at.checked_add(layout.members[index].len)?.checked_add(around as u64)?;
        }
        layout.starts.push(at);
        for index in 0..layout.members.len() {
            layout.entries.push(at);
            at = at.checked_add(layout.entry(index, 0).len() as u64)?;
        }
        layout.entries.push(at);
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
        let (&entries, &end) = (self.entries.first()?, self.entries.last()?);
        if at >= end {
            return (at < self.len).then(|| (Part::End, at - end));
        }
        if at >= entries {
            let index = self.entries.partition_point(|start| *start <= at) - 1;
            return Some((Part::Entry(index), at - self.entries[index]));
        }
        let index = self.starts.partition_point(|start| *start <= at) - 1;
        let within = at - self.starts[index];
        let (head, data) = (self.head(index).len() as u64, self.members[index].len);
        Some(if within < head {
            (Part::Head(index), within)
        } else if within - head < data {
            (Part::Data(index), within - head)
        } else {
            (Part::Tail(index), within - head - data)
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

    /// What the directory says of a member.
    pub fn entry(&self, index: usize, crc: u32) -> Vec<u8> {
        match self.format {
            Format::Zip => zip::entry(&self.name(index), &self.members[index], crc, self.starts[index]),
            Format::Tar => Vec::new(),
        }
    }

    /// What stands at the end.
    pub fn end(&self) -> Vec<u8> {
        let (start, end) = (self.entries.first(), self.entries.last());
        match (self.format, start, end) {
            (Format::Zip, Some(start), Some(end)) => zip::end(self.members.len() as u64, *start, end - start),
            (Format::Zip, ..) => Vec::new(),
            (Format::Tar, ..) => tar::end(),
        }
    }

    /// Whether something in it tells the checksums of its members.
    pub fn has_checksums(&self) -> bool {
        self.format == Format::Zip
    }
}
