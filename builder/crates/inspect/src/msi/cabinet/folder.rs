//! The plain text of one folder, block by block, over as many cabinets as it goes on in.

use super::listing::{Folder, Packing};
use super::{bytes, damaged, u16_at, u32_at, Shelf, BLOCK};
use base::error::{Error, Result};
use compress::lzx;
use flate2::{Decompress, FlushDecompress};
use std::io::{Read, Seek, SeekFrom};

/// Bytes of a packed block, at most; LZX may need so many.
const LONGEST_BLOCK: usize = BLOCK + 6144;

/// A folder's blocks in one cabinet.
pub(super) struct Part {
    pub cabinet: String,
    pub folder: Folder,
    /// Bytes that are reserved in each block's header.
    pub reserved: usize,
}

/// Unpacks a folder.
pub(super) struct Unpacking<S: Shelf> {
    parts: std::vec::IntoIter<Part>,
    /// The cabinet that is being read, and what is left of its blocks.
    input: Option<(S::Input, Part)>,
    method: Method,
}

/// How a folder's blocks are unpacked, and what of those before is needed for the next.
pub struct Method(Kind);

enum Kind {
    Stored,
    Mszip { inflate: Box<Decompress>, history: Vec<u8> },
    Lzx(Box<lzx::Decoder>),
}

impl<S: Shelf> Unpacking<S> {
    /// For the parts of a folder in their order.
    ///
    /// # Errors
    /// They are not of one folder, or packed in a way that cannot be read.
    pub fn new(parts: Vec<Part>) -> Result<Self> {
        let packing = parts.first().map_or(Packing::Stored, |part| part.folder.packing);
        if parts.iter().any(|part| part.folder.packing != packing) {
            return Err(Error::new("a folder that goes on in another cabinet is packed in another way there"));
        }
        Ok(Unpacking { parts: parts.into_iter(), input: None, method: Method::of(packing)? })
    }

    /// The next block's plain bytes; `None` behind the last one.
    pub fn next(&mut self, shelf: &mut S) -> Result<Option<Vec<u8>>> {
        let mut packed = Vec::new();
        let plain_len = loop {
            let Some(plain_len) = self.packed(shelf, &mut packed)? else {
                return match packed.is_empty() {
                    true => Ok(None),
                    false => Err(Error::new("a block goes on in a cabinet that has no more of it")),
                };
            };
            let goes_on =
                plain_len == 0 && self.parts.len() > 0 && matches!(&self.input, Some((_, part)) if part.folder.blocks == 0);
            if !goes_on {
                break plain_len;
            }
        };
        if plain_len == 0 || plain_len > BLOCK {
            return Err(Error::new(format!("a block has {plain_len} bytes")));
        }
        let plain = self.method.unpack(packed, plain_len)?;
        match plain.len() == plain_len {
            true => Ok(Some(plain)),
            false => Err(Error::new("a block is not as long as it says")),
        }
    }

    /// Appends the packed bytes of the next CFDATA; how many plain bytes it says they are.
    fn packed(&mut self, shelf: &mut S, packed: &mut Vec<u8>) -> Result<Option<usize>> {
        while self.input.as_ref().is_none_or(|(_, part)| part.folder.blocks == 0) {
            let Some(part) = self.parts.next() else { return Ok(None) };
            let input = shelf.open(&part.cabinet)?;
            let mut input = input.ok_or_else(|| Error::new(format!("the cabinet {} is not there any more", part.cabinet)))?;
            input.seek(SeekFrom::Start(u64::from(part.folder.at))).map_err(damaged)?;
            self.input = Some((input, part));
        }
        let Some((input, part)) = &mut self.input else { return Ok(None) };
        part.folder.blocks -= 1;
        let head = bytes::<8>(input)?;
        let (sum, packed_len, plain_len) = (u32_at(&head, 0), usize::from(u16_at(&head, 4)), usize::from(u16_at(&head, 6)));
        let mut block = vec![0; part.reserved + packed_len];
        input.read_exact(&mut block).map_err(damaged)?;
        // What is reserved is no part of the sum, as makecab writes it.
        let block = &block[part.reserved..];
        if sum != 0 && sum != checksum(block) ^ checksum(&head[4..]) {
            return Err(Error::new("a block's checksum is wrong"));
        }
        packed.extend_from_slice(block);
        if packed.len() > LONGEST_BLOCK {
            return Err(Error::new(format!("a block has more than {LONGEST_BLOCK} packed bytes")));
        }
        Ok(Some(plain_len))
    }
}

impl Method {
    /// For a folder with this typeCompress.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of_code(code: u16) -> Result<Method> {
        Method::of(Packing::new(code)?)
    }

    fn of(packing: Packing) -> Result<Method> {
        Ok(Method(match packing {
            Packing::Stored => Kind::Stored,
            Packing::Mszip => Kind::Mszip { inflate: Box::new(Decompress::new(false)), history: Vec::new() },
            Packing::Lzx(window) => Kind::Lzx(Box::new(lzx::Decoder::new(window)?)),
            Packing::Quantum => return Err(Error::new("Quantum cannot be unpacked")),
        }))
    }

    /// A block's plain bytes.
    ///
    /// # Errors
    /// It is damaged.
    pub fn unpack(&mut self, packed: Vec<u8>, plain_len: usize) -> Result<Vec<u8>> {
        match &mut self.0 {
            Kind::Stored => Ok(packed),
            Kind::Mszip { inflate, history } => inflated(inflate, history, &packed, plain_len),
            Kind::Lzx(decoder) => decoder
                .frame(&packed, plain_len)
                .map_err(|error| Error::new(format!("a block cannot be unpacked: {}", error.what()))),
        }
    }
}

/// MSZIP: a deflate stream of its own that may refer to the block before.
fn inflated(inflate: &mut Decompress, history: &mut Vec<u8>, packed: &[u8], plain_len: usize) -> Result<Vec<u8>> {
    let stream = packed.strip_prefix(b"CK").ok_or_else(|| Error::new("a block does not begin with CK"))?;
    let wrong = |error: flate2::DecompressError| Error::new(format!("a block cannot be unpacked: {error}"));
    inflate.reset(false);
    if !history.is_empty() {
        inflate.set_dictionary(history).map_err(wrong)?;
    }
    let mut plain = vec![0; plain_len];
    inflate.decompress(stream, &mut plain, FlushDecompress::Finish).map_err(wrong)?;
    plain.truncate(inflate.total_out() as usize);
    history.clone_from(&plain);
    Ok(plain)
}

/// MS-CAB 3.1: 32-bit words XORed; the last one to three bytes count in reverse order.
fn checksum(bytes: &[u8]) -> u32 {
    let words = bytes.chunks_exact(4);
    let tail = words.remainder().iter().fold(0, |tail, &byte| tail << 8 | u32::from(byte));
    words.fold(tail, |sum, word| sum ^ u32_at(word, 0))
}
