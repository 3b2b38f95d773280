//! A cabinet of linkpack's in which some members get other contents; folders without such a one are copied as they are.

use super::cab::{self, DataWriter, Member, Packing, FOLDER, HEADER, MEMBER};
use crate::compress::Store;
use crate::error::{Error, Result};
use crate::format::patch;
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::sync::Arc;

/// Writes the cabinet again at the writer's start.
///
/// # Errors
/// As [`cab::write`]'s, and where the old one is none of linkpack's or holds other members.
pub fn write<R: Read + Seek, W: Write + Seek>(
    old: &mut R,
    members: &[Member],
    is_changed: &dyn Fn(&Member) -> bool,
    store: &Arc<Store>,
    out: &mut W,
) -> Result<()> {
    let old_list = Old::read(old, members)?;
    let packing = old_list.packing;
    let folders = cab::folders(members, packing);
    let data_at = cab::list_len(members, folders.len());
    let list = cab::list(members, &folders, packing, old_list.time, data_at)?;
    out.write_all(&list).map_err(patch::write_failed)?;
    let mut written = Vec::new();
    for (number, folder) in folders.into_iter().enumerate() {
        let whole = !members[folder.clone()].iter().any(is_changed);
        let same = old_list.folders.get(number).filter(|one| whole && one.members == folder);
        written.push(match same {
            Some(one) => (one.blocks, copy(old, one.data.clone(), out)?),
            None => {
                let mut data = DataWriter::new(packing, store, out);
                for member in &members[folder] {
                    member.file.read_content(&mut |bytes| data.add(bytes))?;
                }
                data.end_folder()?;
                data.finish()?[0]
            }
        });
    }
    cab::tell(written, data_at, out)
}

fn copy<R: Read + Seek, W: Write>(old: &mut R, data: Range<u64>, out: &mut W) -> Result<u64> {
    let len = data.end - data.start;
    let copied = old.seek(SeekFrom::Start(data.start)).and_then(|_| std::io::copy(&mut old.take(len), out));
    match copied.map_err(patch::write_failed)? {
        count if count == len => Ok(len),
        _ => Err(foreign()),
    }
}

/// What the old cabinet's list says.
struct Old {
    packing: Packing,
    /// DOS's date and time of its members.
    time: (u16, u16),
    folders: Vec<OldFolder>,
}

struct OldFolder {
    members: Range<usize>,
    blocks: u16,
    data: Range<u64>,
}

fn foreign() -> Error {
    Error::new("it is not as linkpack writes cabinets")
}

impl Old {
    fn read<R: Read + Seek>(old: &mut R, members: &[Member]) -> Result<Old> {
        const MOST_FOLDERS: usize = 4096;
        let mut bytes = Vec::new();
        let limit = cab::list_len(members, MOST_FOLDERS) as u64;
        old.rewind().and_then(|()| old.take(limit).read_to_end(&mut bytes)).map_err(patch::write_failed)?;
        Old::parse(&bytes, members).ok_or_else(foreign)
    }

    fn parse(bytes: &[u8], members: &[Member]) -> Option<Old> {
        let short = |at: usize| Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        let long = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        let (count, flags) = (usize::from(short(26)?), short(30)?);
        if !bytes.starts_with(b"MSCF") || flags != 0 || usize::from(short(28)?) != members.len() {
            return None;
        }
        let whole = u64::from(long(8)?);
        let (mut packing, mut folders) = (None, Vec::<OldFolder>::new());
        for folder in 0..count {
            let at = HEADER + folder * FOLDER;
            let start = u64::from(long(at)?);
            let one = Packing::of_code(short(at + 6)?)?;
            if packing.is_some_and(|packing| packing != one) || start > whole {
                return None;
            }
            packing = Some(one);
            if let Some(before) = folders.last_mut() {
                before.data.end = start;
            }
            folders.push(OldFolder { members: 0..0, blocks: short(at + 4)?, data: start..whole });
        }
        let (mut at, mut time) = (long(16)? as usize, (0, 0));
        for (number, member) in members.iter().enumerate() {
            let folder = folders.get_mut(usize::from(short(at + 8)?))?;
            let name = bytes.get(at + MEMBER..at + MEMBER + member.name.len() + 1)?;
            if name.strip_suffix(&[0])? != member.name.as_bytes() {
                return None;
            }
            if folder.members.is_empty() {
                folder.members.start = number;
            }
            folder.members.end = number + 1;
            time = (short(at + 10)?, short(at + 12)?);
            at += MEMBER + member.name.len() + 1;
        }
        folders.iter().all(|folder| folder.data.start <= folder.data.end).then_some(Old { packing: packing?, time, folders })
    }
}
