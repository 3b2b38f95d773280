//! Sees the bytes of each file once, while they are streamed: the place for everything that has to look at contents.

use super::limits;
use super::look::{Look, Looking};
use base::error::{Error, Result};
use md5::Md5;
use payload::sink::Sink;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};
use std::sync::Arc;

/// A digest that packages state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// MD5, of DEBs, MSIs and old RPMs.
    Md5,
    /// SHA-1, of RPM headers.
    Sha1,
    /// SHA-224.
    Sha224,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// By the number that OpenPGP and RPM give it (RFC 4880, section 9.4).
    pub fn of_openpgp(number: u64) -> Option<Self> {
        Some(match number {
            1 => Algorithm::Md5,
            2 => Algorithm::Sha1,
            8 => Algorithm::Sha256,
            9 => Algorithm::Sha384,
            10 => Algorithm::Sha512,
            11 => Algorithm::Sha224,
            _ => return None,
        })
    }

    /// A digest to begin with.
    pub fn hasher(self) -> Hasher {
        match self {
            Algorithm::Md5 => Hasher::Md5(Md5::new()),
            Algorithm::Sha1 => Hasher::Sha1(Sha1::new()),
            Algorithm::Sha224 => Hasher::Sha224(Sha224::new()),
            Algorithm::Sha256 => Hasher::Sha256(Sha256::new()),
            Algorithm::Sha384 => Hasher::Sha384(Sha384::new()),
            Algorithm::Sha512 => Hasher::Sha512(Sha512::new()),
        }
    }
}

/// A digest in the making.
#[derive(Clone)]
pub enum Hasher {
    /// MD5.
    Md5(Md5),
    /// SHA-1.
    Sha1(Sha1),
    /// SHA-224.
    Sha224(Sha224),
    /// SHA-256.
    Sha256(Sha256),
    /// SHA-384.
    Sha384(Sha384),
    /// SHA-512.
    Sha512(Sha512),
    /// The CRC of cksum(1), of makeself.
    Cksum(Cksum),
}

impl Hasher {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Hasher::Md5(digest) => digest.update(bytes),
            Hasher::Sha1(digest) => digest.update(bytes),
            Hasher::Sha224(digest) => digest.update(bytes),
            Hasher::Sha256(digest) => digest.update(bytes),
            Hasher::Sha384(digest) => digest.update(bytes),
            Hasher::Sha512(digest) => digest.update(bytes),
            Hasher::Cksum(cksum) => cksum.update(bytes),
        }
    }

    /// The digest of all of them.
    pub fn finish(self) -> Vec<u8> {
        match self {
            Hasher::Md5(digest) => digest.finalize().to_vec(),
            Hasher::Sha1(digest) => digest.finalize().to_vec(),
            Hasher::Sha224(digest) => digest.finalize().to_vec(),
            Hasher::Sha256(digest) => digest.finalize().to_vec(),
            Hasher::Sha384(digest) => digest.finalize().to_vec(),
            Hasher::Sha512(digest) => digest.finalize().to_vec(),
            Hasher::Cksum(cksum) => cksum.finish().to_be_bytes().to_vec(),
        }
    }
}

/// POSIX cksum: a CRC of the bytes and then of their number.
#[derive(Clone, Default)]
pub struct Cksum {
    crc: u32,
    len: u64,
}

impl Cksum {
    fn update(&mut self, bytes: &[u8]) {
        static TABLE: [u32; 256] = table();
        self.len += bytes.len() as u64;
        self.crc = bytes.iter().fold(self.crc, |crc, &byte| crc << 8 ^ TABLE[usize::from((crc >> 24) as u8 ^ byte)]);
    }

    fn finish(mut self) -> u32 {
        let mut len = self.len;
        while len > 0 {
            self.update(&[len as u8]);
            len >>= 8;
        }
        !self.crc
    }
}

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let (mut crc, mut bit) = ((index as u32) << 24, 0);
        while bit < 8 {
            crc = if crc & 0x8000_0000 != 0 { crc << 1 ^ 0x04C1_1DB7 } else { crc << 1 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
}

/// What was seen of one content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Bytes.
    pub size: u64,
    /// Its SHA-256.
    pub sha256: [u8; 32],
    /// The digest that the package states, where that is another one; empty otherwise.
    pub other: Vec<u8>,
    /// What lint has to know of it, where there is anything.
    pub look: Option<Arc<Look>>,
}

impl Seen {
    /// The digest of that algorithm; the watch was told which one is wanted.
    pub fn digest(&self, algorithm: Algorithm) -> &[u8] {
        match algorithm {
            Algorithm::Sha256 => &self.sha256,
            _ => &self.other,
        }
    }
}

/// A sink that keeps nothing of a content but what it saw of it.
pub struct Watch {
    wanted: Option<Algorithm>,
    sha256: Sha256,
    other: Option<Hasher>,
    size: u64,
    /// None where the kinds of contents are not asked for.
    looking: Option<Looking>,
    /// How many more bytes may be seen: holes of sparse files cost time and come from nothing.
    left: u64,
    /// Whether it only counts.
    idle: bool,
}

impl Watch {
    /// Counts bytes and looks at none.
    pub fn idle(limit: u64) -> Self {
        Watch { idle: true, ..Watch::new(None, limit) }
    }

    /// Digests with SHA-256 and with `wanted`; all contents together have `limit` bytes at most.
    pub fn new(wanted: Option<Algorithm>, limit: u64) -> Self {
        let wanted = wanted.filter(|&algorithm| algorithm != Algorithm::Sha256);
        Watch {
            wanted,
            sha256: Sha256::new(),
            other: wanted.map(Algorithm::hasher),
            size: 0,
            looking: Some(Looking::default()),
            left: limit,
            idle: false,
        }
    }

    /// The same; unless it is `looking`, it digests and does not look what kinds of contents there are.
    pub fn looking(self, looking: bool) -> Self {
        Watch { looking: looking.then(Looking::default), ..self }
    }

    fn see(&mut self, bytes: &[u8]) -> Result<()> {
        self.left = self.left.checked_sub(bytes.len() as u64).ok_or_else(|| {
            Error::new("its files hold more bytes than a package of its size is given")
                .help("it looks made to keep its reader busy: find out where it comes from")
        })?;
        self.size += bytes.len() as u64;
        if self.idle {
            return Ok(());
        }
        self.sha256.update(bytes);
        if let Some(other) = &mut self.other {
            other.update(bytes);
        }
        if let Some(looking) = &mut self.looking {
            looking.push(bytes);
        }
        Ok(())
    }
}

impl Sink for Watch {
    type Content = Seen;

    fn begin(&mut self) {
        self.sha256 = Sha256::new();
        self.other = self.wanted.map(Algorithm::hasher);
        self.size = 0;
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.see(bytes)
    }

    fn hole(&mut self, mut len: u64) -> Result<()> {
        static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
        while len > 0 {
            base::interrupt::check()?;
            let count = len.min(ZEROS.len() as u64);
            self.see(&ZEROS[..count as usize])?;
            len -= count;
        }
        Ok(())
    }

    fn end(&mut self) -> Seen {
        let other = self.other.take().map(Hasher::finish).unwrap_or_default();
        let look = self.looking.as_mut().and_then(Looking::finish).map(Arc::new);
        Seen { size: self.size, sha256: std::mem::take(&mut self.sha256).finalize().into(), other, look }
    }
}

/// A sink that keeps small files whole, such as those of a DEB's control.tar.
#[derive(Default)]
pub struct Keep {
    bytes: Vec<u8>,
    used: u64,
}

impl Sink for Keep {
    type Content = Vec<u8>;

    fn begin(&mut self) {
        self.bytes.clear();
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.used += bytes.len() as u64;
        if self.used > limits::CONTROL {
            return Err(Error::new(format!("its control files have more than {} MiB", limits::CONTROL >> 20)));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn hole(&mut self, len: u64) -> Result<()> {
        if len > limits::CONTROL {
            return Err(Error::new(format!("its control files have more than {} MiB", limits::CONTROL >> 20)));
        }
        Sink::write(self, &vec![0; len as usize])
    }

    fn end(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_is_digested_as_the_package_states_it() {
        let mut watch = Watch::new(Some(Algorithm::Md5), 100);
        for _ in 0..2 {
            watch.begin();
            watch.write(b"ab").unwrap();
            watch.write(b"c").unwrap();
            let seen = watch.end();
            assert_eq!(hex::encode(&seen.other), "900150983cd24fb0d6963f7d28e17f72");
            assert_eq!(hex::encode(seen.sha256), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
            assert_eq!(seen.size, 3);
        }
    }

    #[test]
    fn the_crc_is_that_of_cksum() {
        // printf abc | cksum
        let mut cksum = Cksum::default();
        cksum.update(b"abc");
        assert_eq!(cksum.finish(), 1_219_131_554);
        assert_eq!(Cksum::default().finish(), 4_294_967_295);
    }

    #[test]
    fn a_hole_of_exabytes_ends_at_the_limit() {
        let mut watch = Watch::new(None, 1 << 20);
        watch.begin();
        assert!(watch.hole(1 << 60).is_err());
    }
}
