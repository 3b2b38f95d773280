//! Cabinets (MS-CAB), unpacked in one pass: what each member is, without keeping any of it.

use crate::error::{Error, Result};
use crate::payload::pe::{self, Headers, Program};
use flate2::{Decompress, FlushDecompress};
use md5::{Digest, Md5};
use sha2::Sha256;
use std::io::{BufRead, Read, Seek, SeekFrom};

/// What all cabinets of one package may still unpack to. Behind it, someone wants to keep us busy.
pub struct Budget {
    bytes: u64,
    members: usize,
}

impl Budget {
    /// For cabinets in files of `len` bytes together: a GiB at the least, 200 times as much where they are large, and never more than
    /// eight full cabinets.
    pub fn new(len: u64) -> Self {
        const SMALL: u64 = 1 << 30;
        const LARGE: u64 = 16 << 30;
        Budget { bytes: len.saturating_mul(200).clamp(SMALL, LARGE), members: MOST_MEMBERS }
    }
}

/// Members of all cabinets together: three times what Windows Installer's tables can number with short keys.
const MOST_MEMBERS: usize = 200_000;
/// Plain bytes of one block.
const BLOCK: usize = 32 << 10;
/// A member's folder where it began in the cabinet before, and where it goes on in the next, too (MS-CAB 2.4).
const FROM_BEFORE: u16 = 0xFFFD;
const BEFORE_AND_AFTER: u16 = 0xFFFF;
/// A member's name with its NUL (MS-CAB 2.4).
const LONGEST_NAME: u64 = 257;

/// A cabinet that the Media table names.
#[derive(Debug, Clone)]
pub enum Cabinet {
    /// There is none of that name.
    Missing,
    /// It cannot be read, for this reason.
    Damaged(String),
    /// Its members are listed but not looked into, for this reason.
    Listed(Vec<Member>, String),
    /// Every member was unpacked.
    Read(Vec<Member>),
}

/// One file of a cabinet.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its length in bytes.
    pub size: u32,
    /// What it holds, when it was unpacked.
    pub content: Option<Seen>,
    offset: u32,
    folder: u16,
}

/// What was seen of a content.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Its MD5.
    pub md5: [u8; 16],
    /// Its SHA-256.
    pub sha256: [u8; 32],
    /// What its headers and version resource say, when it is a Windows program.
    pub program: Option<Program>,
}

impl Seen {
    /// The hash that Windows Installer expects in MsiFileHash: the MD5, and zeros for an empty file (MsiGetFileHash).
    pub fn file_hash(&self) -> [u8; 16] {
        if self.is_empty() {
            [0; 16]
        } else {
            self.md5
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.md5 == <[u8; 16]>::from(Md5::digest(b""))
    }
}

/// One folder: where its blocks are and how they are packed.
struct Folder {
    at: u32,
    blocks: u16,
    packing: u16,
}

/// Reads a cabinet within what is left of a package's budget.
///
/// # Errors
/// It is damaged.
pub fn read<R: BufRead + Seek>(input: &mut R, budget: &mut Budget) -> Result<Cabinet> {
    let Listing { folders, mut members, reserved, in_set } = list(input)?;
    let too_many = || Error::new(format!("the cabinets have more than {MOST_MEMBERS} members"));
    budget.members = budget.members.checked_sub(members.len()).ok_or_else(too_many)?;
    if in_set {
        return Ok(Cabinet::Listed(members, "it is one of a set of cabinets, which linkpack does not join".to_owned()));
    }
    if let Some(member) = members.iter().find(|member| usize::from(member.folder) >= folders.len()) {
        let (name, folder, count) = (&member.name, member.folder, folders.len());
        let what = match folder {
            FROM_BEFORE..=BEFORE_AND_AFTER => format!("its member {name} goes on in another cabinet, and it names none"),
            folder => format!("its member {name} is in folder number {folder}, counted from 0, and it has {count} folders"),
        };
        return Err(Error::new(what));
    }
    const MSZIP: u16 = 1;
    const KIND: u16 = 0xF;
    let other = folders.iter().map(|folder| folder.packing & KIND).find(|&packing| packing > MSZIP);
    if let Some(packing) = other {
        let name = if packing == 3 { "LZX" } else { "Quantum" };
        return Ok(Cabinet::Listed(members, format!("it is packed with {name}, which linkpack does not unpack")));
    }
    // Each member is looked at once, however many folders there are.
    let mut inside: Vec<Vec<&mut Member>> = folders.iter().map(|_| Vec::new()).collect();
    members.iter_mut().for_each(|member| inside[usize::from(member.folder)].push(member));
    for (folder, mut inside) in folders.iter().zip(inside) {
        inside.sort_by_key(|member| member.offset);
        unpack(input, folder, reserved, inside, &mut budget.bytes)?;
    }
    Ok(Cabinet::Read(members))
}

/// What a cabinet says of itself.
struct Listing {
    folders: Vec<Folder>,
    members: Vec<Member>,
    /// Bytes that are reserved in each block's header.
    reserved: usize,
    /// It names a neighbour.
    in_set: bool,
}

fn list<R: BufRead + Seek>(input: &mut R) -> Result<Listing> {
    let header = bytes::<36>(input)?;
    if !header.starts_with(b"MSCF") {
        return Err(Error::new("it is no cabinet"));
    }
    let (files_at, folder_count, file_count, flags) =
        (u32_at(&header, 16), u16_at(&header, 26), u16_at(&header, 28), u16_at(&header, 30));
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
    for _ in [PREVIOUS, PREVIOUS, NEXT, NEXT].into_iter().filter(|neighbour| flags & neighbour != 0) {
        name(input)?;
    }
    let mut folders = Vec::new();
    for _ in 0..folder_count {
        let folder = bytes::<8>(input)?;
        folders.push(Folder { at: u32_at(&folder, 0), blocks: u16_at(&folder, 4), packing: u16_at(&folder, 6) });
        input.seek_relative(in_folder).map_err(damaged)?;
    }
    input.seek(SeekFrom::Start(u64::from(files_at))).map_err(damaged)?;
    let mut members = Vec::new();
    for _ in 0..file_count {
        let fixed = bytes::<16>(input)?;
        let name = name(input)?;
        let (size, offset, folder) = (u32_at(&fixed, 0), u32_at(&fixed, 4), u16_at(&fixed, 8));
        members.push(Member { name, size, content: None, offset, folder });
    }
    Ok(Listing { folders, members, reserved: in_data, in_set: flags & (PREVIOUS | NEXT) != 0 })
}

/// A text that a zero closes.
fn name(input: &mut impl BufRead) -> Result<String> {
    let mut name = Vec::new();
    input.take(LONGEST_NAME).read_until(0, &mut name).map_err(damaged)?;
    match name.pop() {
        Some(0) => Ok(String::from_utf8_lossy(&name).into_owned()),
        _ => Err(Error::new("a name in it does not end")),
    }
}

/// Unpacks one folder; `members` are in the order of their offsets.
fn unpack<R: BufRead + Seek>(
    input: &mut R,
    folder: &Folder,
    reserved: usize,
    members: Vec<&mut Member>,
    budget: &mut u64,
) -> Result<()> {
    input.seek(SeekFrom::Start(u64::from(folder.at))).map_err(damaged)?;
    let mut blocks = Blocks::new(folder, reserved);
    // What is left of the current block, and how much of the folder lies before it.
    let (mut rest, mut before): (Vec<u8>, u64) = (Vec::new(), 0);
    for member in members {
        if before != u64::from(member.offset) {
            return Err(Error::new(format!("its member {} does not begin where the one before ends", member.name)));
        }
        let mut watcher = Watcher::default();
        let mut left = u64::from(member.size);
        while left > 0 {
            if rest.is_empty() {
                crate::interrupt::check()?;
                rest = blocks.next(input)?.ok_or_else(|| Error::new(format!("it ends within its member {}", member.name)))?;
                *budget = budget.checked_sub(rest.len() as u64).ok_or_else(|| {
                    Error::new("the cabinets unpack to more than they may, as those do that are made to keep us busy")
                })?;
            }
            let count = rest.len().min(left.min(BLOCK as u64) as usize);
            watcher.see(&rest[..count]);
            rest.drain(..count);
            left -= count as u64;
        }
        before += u64::from(member.size);
        member.content = Some(watcher.finish());
    }
    Ok(())
}

/// The plain blocks of one folder, one after another.
struct Blocks {
    left: u16,
    zipped: bool,
    reserved: usize,
    history: Vec<u8>,
    inflate: Decompress,
}

impl Blocks {
    fn new(folder: &Folder, reserved: usize) -> Self {
        Blocks {
            left: folder.blocks,
            zipped: folder.packing != 0,
            reserved,
            history: Vec::new(),
            inflate: Decompress::new(false),
        }
    }

    fn next<R: BufRead>(&mut self, input: &mut R) -> Result<Option<Vec<u8>>> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        let head = bytes::<8>(input)?;
        let (sum, packed_len, plain_len) = (u32_at(&head, 0), usize::from(u16_at(&head, 4)), usize::from(u16_at(&head, 6)));
        if plain_len == 0 || plain_len > BLOCK {
            return Err(Error::new(format!("a block has {plain_len} bytes")));
        }
        let mut packed = vec![0; self.reserved + packed_len];
        input.read_exact(&mut packed).map_err(damaged)?;
        if sum != 0 && sum != checksum(&packed) ^ checksum(&head[4..]) {
            return Err(Error::new("a block's checksum is wrong"));
        }
        let packed = &packed[self.reserved..];
        let plain = if self.zipped { self.inflate(packed, plain_len)? } else { packed.to_vec() };
        if plain.len() != plain_len {
            return Err(Error::new("a block is not as long as it says"));
        }
        Ok(Some(plain))
    }

    /// MSZIP: a deflate stream of its own that may refer to the block before.
    fn inflate(&mut self, packed: &[u8], plain_len: usize) -> Result<Vec<u8>> {
        let stream = packed.strip_prefix(b"CK").ok_or_else(|| Error::new("a block does not begin with CK"))?;
        let wrong = |error: flate2::DecompressError| Error::new(format!("a block cannot be unpacked: {error}"));
        self.inflate.reset(false);
        if !self.history.is_empty() {
            self.inflate.set_dictionary(&self.history).map_err(wrong)?;
        }
        let mut plain = vec![0; plain_len];
        self.inflate.decompress(stream, &mut plain, FlushDecompress::Finish).map_err(wrong)?;
        plain.truncate(self.inflate.total_out() as usize);
        self.history.clone_from(&plain);
        Ok(plain)
    }
}

/// Digests a content and keeps what is needed of a program: its headers and its resources.
#[derive(Default)]
struct Watcher {
    md5: Md5,
    sha256: Sha256,
    /// The first bytes, until there are enough of them.
    head: Vec<u8>,
    headers: Option<Headers>,
    resources: Vec<u8>,
    at: u64,
}

impl Watcher {
    fn see(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.sha256.update(bytes);
        let into_head = bytes.len().min(pe::HEADERS - self.head.len());
        if into_head > 0 {
            self.head.extend_from_slice(&bytes[..into_head]);
            if self.head.len() == pe::HEADERS {
                self.behead();
            }
        }
        let rest = &bytes[into_head..];
        if !rest.is_empty() {
            self.keep(self.at + into_head as u64, rest);
        }
        self.at += bytes.len() as u64;
    }

    /// Reads the headers, and takes from the first bytes what belongs to the resources.
    fn behead(&mut self) {
        self.headers = pe::headers(&self.head);
        let head = std::mem::take(&mut self.head);
        self.keep(0, &head);
        self.head = head;
    }

    /// Keeps the part of `bytes`, which lie at `at` in the file, that belongs to the resources.
    fn keep(&mut self, at: u64, bytes: &[u8]) {
        let Some(section) = self.headers.and_then(|headers| headers.resources) else { return };
        let end = section.at + section.len.min(pe::RESOURCES) as u64;
        let from = section.at.saturating_sub(at).min(bytes.len() as u64) as usize;
        let to = end.saturating_sub(at).min(bytes.len() as u64) as usize;
        if from < to {
            self.resources.extend_from_slice(&bytes[from..to]);
        }
    }

    fn finish(mut self) -> Seen {
        if self.head.len() < pe::HEADERS {
            self.behead();
        }
        let program = self.headers.map(|Headers { machine, library, resources, .. }| Program {
            machine,
            library,
            version: resources.and_then(|section| pe::version(&self.resources, section.address)),
            debug_id: None,
        });
        Seen { md5: self.md5.finalize().into(), sha256: self.sha256.finalize().into(), program }
    }
}

/// MS-CAB 3.1: 32-bit words XORed; the last one to three bytes count in reverse order.
fn checksum(bytes: &[u8]) -> u32 {
    let words = bytes.chunks_exact(4);
    let tail = words.remainder().iter().fold(0, |tail, &byte| tail << 8 | u32::from(byte));
    words.fold(tail, |sum, word| sum ^ u32_at(word, 0))
}

fn bytes<const N: usize>(input: &mut impl Read) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes).map_err(damaged)?;
    Ok(bytes)
}

fn damaged(error: std::io::Error) -> Error {
    Error::new(format!("it cannot be read: {error}"))
}

/// Of a slice that is known to be long enough.
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    /// A cabinet of one stored block, which one member in that folder fills.
    fn cabinet(flags: u16, neighbours: &[u8], folders: u16, folder: u16) -> Vec<u8> {
        let block = b"content";
        let files_at = 36 + neighbours.len() + 8 * usize::from(folders);
        let blocks_at = files_at + 16 + 2;
        let short = |number: usize| (number as u16).to_le_bytes();
        let long = |number: usize| (number as u32).to_le_bytes();
        let mut bytes = b"MSCF\0\0\0\0".to_vec();
        bytes.extend([long(blocks_at + 8 + block.len()), long(0), long(files_at), long(0)].concat());
        bytes.extend(
            [&[3, 1][..], &short(usize::from(folders)), &short(1), &flags.to_le_bytes(), &short(7), &short(0), neighbours]
                .concat(),
        );
        for _ in 0..folders {
            bytes.extend([&long(blocks_at)[..], &short(1), &short(0)].concat());
        }
        bytes.extend([&long(block.len())[..], &long(0), &folder.to_le_bytes(), &[0; 6], b"m\0"].concat());
        bytes.extend([&long(0)[..], &short(block.len()), &short(block.len()), block].concat());
        bytes
    }

    fn of(bytes: &[u8]) -> Result<Cabinet> {
        read(&mut Cursor::new(bytes), &mut Budget::new(1))
    }

    #[test]
    fn a_cabinet_of_a_set_is_listed_and_not_called_damaged() {
        assert!(matches!(of(&cabinet(0, b"", 1, 0)), Ok(Cabinet::Read(members)) if members[0].content.is_some()));
        for (flags, neighbours) in [(2, &b"next.cab\0disk 2\0"[..]), (1, b"first.cab\0\0"), (3, b"a\0b\0c\0d\0")] {
            let Ok(Cabinet::Listed(members, why)) = of(&cabinet(flags, neighbours, 1, 0)) else { panic!("{flags}") };
            assert!(members[0].name == "m" && why.contains("set of cabinets"), "{why}");
        }
    }

    #[test]
    fn a_member_of_no_folder_is_damage() {
        for (folders, folder, says) in [(0, 0, "has 0 folders"), (1, 1, "has 1 folders"), (1, 0xFFFE, "it names none")] {
            let error = of(&cabinet(0, b"", folders, folder)).expect_err("an error");
            assert!(error.what().contains(says), "{error}");
        }
    }
}
