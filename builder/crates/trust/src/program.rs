//! Signatures of Windows programs (PE), which lie at their ends ("Windows Authenticode Portable Executable Signature Format").
//!
//! A signature covers all bytes but the header's checksum, its entry for certificates, and the certificates themselves; where it is
//! made, zeros fill the program up to a multiple of eight bytes and are covered as well.

use super::authenticode::{self, Subject};
use super::certificate::Certificate;
use super::key::{Hash, Hashing};
use super::Verdict;
use base::error::Result;
use payload::pe::{self, SignaturePlaces};
use payload::window::Window;
use payload::Content;
use std::time::SystemTime;

/// Where signatures begin: multiples of this many bytes.
const ALIGNMENT: u64 = 8;
/// Bytes of a program's certificates that are read.
const LONGEST: u64 = 1 << 20;
/// Certificates of one program.
const MOST: usize = 16;
/// WIN_CERT_REVISION_2_0 and WIN_CERT_TYPE_PKCS_SIGNED_DATA, as they stand behind a certificate's length.
const SIGNED_DATA: [u8; 4] = [0, 2, 2, 0];
/// Bytes before a certificate: its length and what it is.
const HEAD: usize = 8;

/// Reads a program's bytes as they pass by.
pub struct Reading {
    hashes: Vec<Hash>,
    head: Vec<u8>,
    program: Option<Program>,
    digests: Vec<Hashing>,
    at: u64,
    over: bool,
}

/// A program whose bytes passed by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    places: SignaturePlaces,
    /// The bytes before its certificates, and all of them.
    len: u64,
    whole: u64,
    /// The sum of the covered 16-bit words.
    sum: u64,
    digests: Vec<(Hash, Vec<u8>)>,
    table: Vec<u8>,
}

impl Reading {
    /// Begins a file; programs are digested by each of `hashes`.
    pub fn new(hashes: &[Hash]) -> Self {
        Reading { hashes: hashes.to_vec(), head: Vec::new(), program: None, digests: Vec::new(), at: 0, over: false }
    }

    /// Whether the bytes that came are no program's: what comes then is passed over.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        if self.over {
            return;
        }
        if self.program.is_some() {
            return self.cover(bytes);
        }
        self.head.extend_from_slice(bytes);
        if self.head.len() >= pe::HEADERS || !b"MZ".starts_with(&self.head[..self.head.len().min(2)]) {
            self.begin();
        }
    }

    /// Decides by the file's first bytes.
    fn begin(&mut self) {
        let head = std::mem::take(&mut self.head);
        let Some(places) = pe::signature_places(&head[..head.len().min(pe::HEADERS)]) else {
            self.over = true;
            return;
        };
        let (digests, table) = (Vec::new(), Vec::new());
        self.program = Some(Program { places, len: 0, whole: 0, sum: 0, digests, table });
        self.digests = self.hashes.iter().map(|hash| hash.start()).collect();
        self.cover(&head);
    }

    fn cover(&mut self, mut bytes: &[u8]) {
        let Some(program) = &mut self.program else { return };
        let SignaturePlaces { checksum, entry, table: (table, table_len) } = program.places;
        // What begins here, and whether it is covered.
        let end = if table_len == 0 { u64::MAX } else { table };
        let ranges = [(checksum, true), (checksum + 4, false), (entry, true), (entry + 8, false), (end, true), (u64::MAX, false)];
        while !bytes.is_empty() {
            let (until, covered) = ranges.into_iter().find(|(until, _)| self.at < *until).unwrap_or((u64::MAX, false));
            let len = usize::try_from(until - self.at).unwrap_or(usize::MAX).min(bytes.len());
            let (now, rest) = bytes.split_at(len);
            if covered {
                self.digests.iter_mut().for_each(|digest| digest.update(now));
                program.sum += words(now, self.at);
            } else if self.at >= end && (program.table.len() as u64) < LONGEST {
                program.table.extend_from_slice(now);
            }
            self.at += len as u64;
            bytes = rest;
        }
    }

    /// The program; `None` for what is none.
    pub fn finish(mut self) -> Option<Program> {
        if self.program.is_none() && !self.over {
            self.begin();
        }
        let mut program = self.program?;
        let (table, table_len) = program.places.table;
        (program.len, program.whole) = (if table_len == 0 { self.at } else { table.min(self.at) }, self.at);
        let mut digests = self.digests;
        if table_len == 0 {
            let padding = vec![0; padding(self.at) as usize];
            digests.iter_mut().for_each(|digest| digest.update(&padding));
        }
        program.digests = self.hashes.into_iter().zip(digests.into_iter().map(Hashing::finish)).collect();
        Some(program)
    }
}

fn padding(len: u64) -> u64 {
    len.next_multiple_of(ALIGNMENT) - len
}

/// The sum of these bytes as the 16-bit words that they are from `at` on.
fn words(bytes: &[u8], at: u64) -> u64 {
    let odd = at % 2;
    let (mut low, mut high) = (0, 0);
    for pair in bytes.chunks(2) {
        low += u64::from(pair[0]);
        high += u64::from(pair.get(1).copied().unwrap_or(0));
    }
    match odd {
        0 => low + (high << 8),
        _ => high + (low << 8),
    }
}

impl Program {
    /// Reads a content.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(content: &Content, hashes: &[Hash]) -> Result<Option<Program>> {
        let (mut reading, mut reader) = (Reading::new(hashes), content.open()?);
        let mut block = vec![0; content.len().min(256 << 10) as usize];
        while !reading.is_over() {
            base::interrupt::check()?;
            match reader.read_block(&mut block)? {
                0 => break,
                count => reading.update(&block[..count]),
            }
        }
        Ok(reading.finish())
    }

    /// Its digest; `None` where it was not asked for.
    pub fn digest(&self, hash: Hash) -> Option<&[u8]> {
        self.digests.iter().find(|(one, _)| *one == hash).map(|(_, digest)| digest.as_slice())
    }

    /// Whether it has signatures.
    pub fn is_signed(&self) -> bool {
        self.places.table.1 > 0
    }

    /// Its signatures; none where its certificates cannot be read.
    pub fn signatures(&self) -> Vec<&[u8]> {
        let (mut found, mut rest) = (Vec::new(), self.table.as_slice());
        while found.len() < MOST && rest.len() > HEAD {
            let len = rest.first_chunk().map_or(0, |len| u32::from_le_bytes(*len) as usize);
            let Some(one) = rest.get(HEAD..len).filter(|one| !one.is_empty()) else { break };
            if rest[4..HEAD] == SIGNED_DATA {
                found.push(one);
            }
            rest = rest.get(len.next_multiple_of(ALIGNMENT as usize)..).unwrap_or_default();
        }
        found
    }

    /// Judges its signatures, each with its place.
    ///
    /// # Errors
    /// None; the type is that of all judges.
    pub fn judge(&self, place: &str, anchors: &[Certificate], now: SystemTime) -> Result<Vec<(String, Verdict)>> {
        let (table, table_len) = self.places.table;
        let broken = |why: &str| Ok(vec![(place.to_owned(), Verdict::bad(why))]);
        let signatures = self.signatures();
        if !self.is_signed() {
            return Ok(Vec::new());
        }
        // What lies behind the certificates is covered by none.
        if table.checked_add(table_len) != Some(self.whole) || signatures.is_empty() {
            return broken("its certificates do not end where the program ends, or are none");
        }
        let mut one = |signature: &[u8]| {
            Ok(match authenticode::digested_by(signature) {
                Err(why) => Verdict::bad(why),
                Ok(hash) => match self.digest(hash) {
                    Some(digest) => authenticode::verify(Subject::Program, signature, digest, anchors, now),
                    None => Verdict::bad("its digest was not made"),
                },
            })
        };
        let mut judged = Vec::new();
        for signature in signatures {
            judged.extend(authenticode::with_nested(signature, place, &mut one)?);
        }
        Ok(judged)
    }

    /// The content of this program with a signature, instead of those that it has.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn with_signature(&self, content: &Content, signature: &[u8]) -> Result<Content> {
        let padding = padding(self.len);
        let table_len = (HEAD + signature.len()).next_multiple_of(ALIGNMENT as usize);
        let mut tail = vec![0; padding as usize];
        tail.extend((table_len as u32).to_le_bytes());
        tail.extend(SIGNED_DATA);
        tail.extend(signature);
        tail.resize(padding as usize + table_len, 0);
        let entry = [(self.len + padding) as u32, table_len as u32].map(u32::to_le_bytes).concat();
        let SignaturePlaces { checksum, entry: entry_at, .. } = self.places;
        let mut head = payload::window::Blocks::open(content)?;
        let mut bytes = head.up_to(0, entry_at as usize + entry.len());
        if let Some(error) = head.failed {
            return Err(error);
        }
        let sum = self.sum + words(&entry, entry_at) + words(&tail, self.len);
        let whole = self.len + tail.len() as u64;
        bytes[checksum as usize..][..4].copy_from_slice(&folded(sum, whole).to_le_bytes());
        bytes[entry_at as usize..].copy_from_slice(&entry);
        let rest = bytes.len() as u64;
        let rest = content.part(rest, self.len - rest);
        Ok(Content::joined(vec![Content::memory(bytes), rest, Content::memory(tail)]))
    }
}

/// The checksum of a program: its words, the carries added again, and its length.
fn folded(mut sum: u64, len: u64) -> u32 {
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    (sum + len) as u32
}
