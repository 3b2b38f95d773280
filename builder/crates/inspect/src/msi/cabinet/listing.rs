//! What a cabinet says of itself: header, folders, members (MS-CAB 2).

use super::{bytes, damaged, u16_at, u32_at, Member};
use base::error::{Error, Result};
use std::io::{BufRead, Read, Seek, SeekFrom};

/// A member's folder where it began in the cabinet before, where it goes on in the next, and both (MS-CAB 2.4).
const FROM_BEFORE: u16 = 0xFFFD;
const INTO_NEXT: u16 = 0xFFFE;
const BEFORE_AND_NEXT: u16 = 0xFFFF;
/// A text with its NUL (MS-CAB 2.4).
const LONGEST_NAME: u64 = 257;

/// One folder: where its blocks are and how they are packed.
#[derive(Clone, Copy)]
pub(super) struct Folder {
    pub at: u32,
    pub blocks: u16,
    pub packing: Packing,
}

/// How a folder is packed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Stored,
    Mszip,
    Quantum,
    /// With a window of so many bits.
    Lzx(u32),
}

impl Packing {
    pub fn new(code: u16) -> Result<Self> {
        match code & 0xF {
            0 => Ok(Packing::Stored),
            1 => Ok(Packing::Mszip),
            2 => Ok(Packing::Quantum),
            3 => Ok(Packing::Lzx(u32::from(code >> 8 & 0x1F))),
            other => Err(Error::new(format!("a folder is packed by method {other}, which no cabinet has"))),
        }
    }

    /// The name that people know.
    pub fn name(self) -> &'static str {
        match self {
            Packing::Stored => "none",
            Packing::Mszip => "MSZIP",
            Packing::Quantum => "Quantum",
            Packing::Lzx(_) => "LZX",
        }
    }
}

/// A cabinet's head.
pub(super) struct Listing {
    pub folders: Vec<Folder>,
    /// Members by their folders here; what began in the cabinet before is in the first one, what goes on in the next in the last one.
    pub members: Vec<Listed>,
    /// Numbers of the members that begin here, folder by folder.
    by_folder: Vec<usize>,
    /// Bytes that are reserved in each block's header.
    pub reserved: usize,
    /// The names of the neighbours.
    pub previous: Option<String>,
    pub next: Option<String>,
    /// Its first folder began in the cabinet before.
    pub from_before: bool,
    /// Its last folder goes on in the next cabinet.
    pub into_next: bool,
}

impl Listing {
    /// The numbers of the members that begin in a folder here.
    pub fn begin_in(&self, folder: usize) -> &[usize] {
        let first = |folder: usize| self.by_folder.partition_point(|&at| self.members[at].folder < folder);
        &self.by_folder[first(folder)..first(folder + 1)]
    }
}

/// A member and where it lies.
pub(super) struct Listed {
    pub member: Member,
    /// DOS's time and date.
    pub modified: (u16, u16),
    pub offset: u32,
    pub folder: usize,
    /// It began in the cabinet before.
    pub from_before: bool,
}

/// Reads the head.
///
/// # Errors
/// It is no cabinet, or damaged.
pub(super) fn read<R: BufRead + Seek>(input: &mut R, most_members: usize) -> Result<Listing> {
    let header = bytes::<36>(input)?;
    if !header.starts_with(b"MSCF") {
        return Err(Error::new("it is no cabinet"));
    }
    let (files_at, folder_count, file_count, flags) =
        (u32_at(&header, 16), u16_at(&header, 26), usize::from(u16_at(&header, 28)), u16_at(&header, 30));
    if file_count > most_members {
        return Err(Error::new(format!("the cabinets have more than {} members", super::MOST_MEMBERS)));
    }
    const PREVIOUS: u16 = 1;
    const NEXT: u16 = 2;
    const RESERVE: u16 = 4;
    let (mut in_folder, mut in_data) = (0, 0);
    if flags & RESERVE != 0 {
        let sizes = bytes::<4>(input)?;
        (in_folder, in_data) = (i64::from(sizes[2]), usize::from(sizes[3]));
        input.seek_relative(i64::from(u16_at(&sizes, 0))).map_err(damaged)?;
    }
    // The name of the neighbour, and of its disk.
    let mut neighbour =
        |flag: u16| -> Result<Option<String>> { (flags & flag != 0).then(|| Ok((text(input)?, text(input)?).0)).transpose() };
    let (previous, next) = (neighbour(PREVIOUS)?, neighbour(NEXT)?);
    let mut folders = Vec::new();
    for _ in 0..folder_count {
        let folder = bytes::<8>(input)?;
        let packing = Packing::new(u16_at(&folder, 6))?;
        folders.push(Folder { at: u32_at(&folder, 0), blocks: u16_at(&folder, 4), packing });
        input.seek_relative(in_folder).map_err(damaged)?;
    }
    input.seek(SeekFrom::Start(u64::from(files_at))).map_err(damaged)?;
    let (mut members, mut into_next): (Vec<Listed>, bool) = (Vec::new(), false);
    for _ in 0..file_count {
        let fixed = bytes::<16>(input)?;
        let name = text(input)?;
        let (size, offset, folder) = (u32_at(&fixed, 0), u32_at(&fixed, 4), u16_at(&fixed, 8));
        let goes_on = |neighbour: &Option<String>, last: usize| match neighbour {
            Some(_) => Ok(last),
            None => Err(Error::new(format!("its member {name} goes on in another cabinet, and it names none"))),
        };
        let here = match folder {
            FROM_BEFORE => goes_on(&previous, 0)?,
            INTO_NEXT => goes_on(&next, folders.len().saturating_sub(1))?,
            BEFORE_AND_NEXT => goes_on(&previous, 0).and(goes_on(&next, 0))?,
            folder => usize::from(folder),
        };
        let Some(packing) = folders.get(here).map(|folder| folder.packing) else {
            let count = folders.len();
            let what = format!("its member {name} is in folder number {here}, counted from 0, and it has {count} folders");
            return Err(Error::new(what));
        };
        let from_before = matches!(folder, FROM_BEFORE | BEFORE_AND_NEXT);
        into_next |= matches!(folder, INTO_NEXT | BEFORE_AND_NEXT);
        let member = Member { name, size, content: None, packing: packing.name() };
        let modified = (u16_at(&fixed, 12), u16_at(&fixed, 10));
        members.push(Listed { member, modified, offset, folder: here, from_before });
    }
    let from_before = members.iter().any(|listed| listed.from_before);
    let mut by_folder: Vec<usize> = (0..members.len()).filter(|&at| !members[at].from_before).collect();
    by_folder.sort_by_key(|&at| members[at].folder);
    Ok(Listing { folders, members, by_folder, reserved: in_data, previous, next, from_before, into_next })
}

/// A text that a zero closes.
fn text(input: &mut impl BufRead) -> Result<String> {
    let mut name = Vec::new();
    input.take(LONGEST_NAME).read_until(0, &mut name).map_err(damaged)?;
    match name.pop() {
        Some(0) => Ok(String::from_utf8_lossy(&name).into_owned()),
        _ => Err(Error::new("a name in it does not end")),
    }
}
