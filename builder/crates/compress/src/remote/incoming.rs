//! A unit's file as it comes from a server: judged by its first bytes, so that a server cannot fill the disk, and digested on its way.

use crate::codec::Codec;
use crate::seal::Seal;
use crate::segment::Segment;
use crate::unit::Key;
use crate::unit_file::{parse_head, HEAD_LEN};
use std::fs::File;
use std::io::{self, Write};

/// What came.
pub(crate) enum Arrived {
    /// The unit: its file is written.
    Whole(Segment, blake3::Hash),
    /// Something else.
    Wrong,
    /// Not all of it.
    Cut,
    /// It could not be written.
    NotKept(io::Error),
}

/// Writes a unit to a file as far as it is one.
pub(crate) struct Incoming<'a> {
    file: &'a mut File,
    codec: Codec,
    name: &'a Key,
    seal: &'a Seal,
    head: Vec<u8>,
    said: Option<(Segment, blake3::Hash)>,
    /// Packed bytes that are still to come.
    left: u64,
    digest: blake3::Hasher,
    wrong: bool,
    failed: Option<io::Error>,
}

impl<'a> Incoming<'a> {
    /// For the unit of this name.
    pub fn new(file: &'a mut File, codec: Codec, name: &'a Key, seal: &'a Seal) -> Self {
        let head = Vec::with_capacity(HEAD_LEN);
        Incoming { file, codec, name, seal, head, said: None, left: 0, digest: blake3::Hasher::new(), wrong: false, failed: None }
    }

    /// What came, once no more does.
    pub fn finish(self) -> Arrived {
        match (self.failed, self.said) {
            (Some(error), _) => Arrived::NotKept(error),
            _ if self.wrong => Arrived::Wrong,
            (None, Some((segment, digest))) if self.left == 0 => match self.digest.finalize() == digest {
                true => Arrived::Whole(segment, digest),
                false => Arrived::Wrong,
            },
            _ => Arrived::Cut,
        }
    }

    fn refuse(&mut self) -> io::Error {
        self.wrong = true;
        io::Error::other("it is not this unit")
    }

    fn keep(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes).inspect_err(|error| self.failed = Some(io::Error::new(error.kind(), error.to_string())))
    }
}

impl Write for Incoming<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (head, packed) = bytes.split_at(bytes.len().min(HEAD_LEN - self.head.len()));
        self.head.extend_from_slice(head);
        if self.said.is_none() {
            let Ok(head) = <&[u8; HEAD_LEN]>::try_from(self.head.as_slice()) else { return Ok(bytes.len()) };
            let head = *head;
            let said = parse_head(self.name, &head, self.seal).ok_or_else(|| self.refuse())?;
            self.left = self.codec.packed_len(&said.0);
            self.said = Some(said);
            self.keep(&head)?;
        }
        // Neither is a longer file the unit.
        self.left = self.left.checked_sub(packed.len() as u64).ok_or_else(|| self.refuse())?;
        self.digest.update(packed);
        self.keep(packed)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
