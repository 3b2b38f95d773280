//! The codecs and what each does to one unit.

use super::nature::Nature;
use super::segment::Segment;
use super::source::{with_whole, Source};
use super::{gzip, xz, zstd};
use base::error::Result;

/// How content is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// gzip (RFC 1952): read by every system, quickest to make.
    Gzip,
    /// zstd (RFC 8878): quickest to unpack; read by dpkg from 1.21.18 on, by rpm from 4.14 on, by a `.run` where the endpoint has `zstd`.
    Zstd,
    /// xz: smallest; read by dpkg and rpm everywhere, by a `.run` where the endpoint has `xz`.
    Xz,
}

impl Codec {
    /// All of them, the quickest to make first.
    pub const ALL: [Codec; 3] = [Codec::Gzip, Codec::Zstd, Codec::Xz];

    /// What users ask for it by: `--codec fast`.
    pub fn purpose(self) -> &'static str {
        match self {
            Codec::Gzip => "fast",
            Codec::Zstd => "zstd",
            Codec::Xz => "small",
        }
    }

    /// What it is for, in `--help`.
    pub fn help(self) -> &'static str {
        match self {
            Codec::Gzip => "gzip: quickest to make, read everywhere",
            Codec::Zstd => {
                "zstd: quickest to install, where all systems of the manifest read it; a .run needs zstd on the endpoint"
            }
            Codec::Xz => "xz: smallest; a .run needs xz on the endpoint",
        }
    }

    /// The name in messages, manifest.json and the RPM's PAYLOADCOMPRESSOR tag.
    pub fn name(self) -> &'static str {
        match self {
            Codec::Gzip => "gzip",
            Codec::Zstd => "zstd",
            Codec::Xz => "xz",
        }
    }

    /// The suffix of a tar archive's name, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Codec::Gzip => "gz",
            Codec::Zstd => "zst",
            Codec::Xz => "xz",
        }
    }

    /// The program that unpacks it, as a sentence names it, where not every Linux has one.
    pub fn tool(self) -> Option<&'static str> {
        match self {
            Codec::Gzip => None,
            Codec::Zstd => Some("zstd"),
            Codec::Xz => Some("xz of XZ Utils"),
        }
    }

    /// What rpm must be able to do to read it, and since when: the name behind `rpmlib(` and the version.
    pub fn rpmlib(self) -> Option<(&'static str, &'static str)> {
        match self {
            Codec::Gzip => None,
            Codec::Zstd => Some(("PayloadIsZstd", "5.4.18-1")),
            Codec::Xz => Some(("PayloadIsXz", "5.2-1")),
        }
    }

    /// The level of the codec's usual tool that stands for the effort, as PAYLOADFLAGS names it.
    pub fn level(self) -> u32 {
        match self {
            Codec::Gzip | Codec::Xz => 6,
            Codec::Zstd => zstd::LEVEL as u32,
        }
    }

    /// The most bytes of a file that are compressed as one unit, chosen by measurement (docs/benchmark.md).
    pub fn unit_len(self) -> u64 {
        match self {
            Codec::Gzip | Codec::Zstd => 4 << 20,
            Codec::Xz => 8 << 20,
        }
    }

    /// How many bytes of small files a build may keep in memory instead of reading them again for every format. Two of xz's encoders
    /// leave nothing of the 128 MiB that a build takes at most.
    pub fn spare_memory(self) -> u64 {
        match self {
            Codec::Gzip | Codec::Zstd => 40 << 20,
            Codec::Xz => 0,
        }
    }

    /// The most bytes of glue that are compressed as one unit: a changed small file costs so much.
    pub(super) fn glue_len(self) -> usize {
        match self {
            Codec::Gzip | Codec::Zstd => 1 << 20,
            Codec::Xz => 2 << 20,
        }
    }

    /// What the unit's bytes depend on beside its content: changes whenever an encoder or its parameters do.
    pub(super) fn recipe(self) -> &'static [u8] {
        match self {
            Codec::Gzip => b"gzip 1",
            Codec::Zstd => b"zstd 1",
            Codec::Xz => b"xz 1",
        }
    }

    /// Compresses one unit out of a file of this nature into `packed`, which is empty.
    pub(super) fn compress(self, nature: Nature, plain: &dyn Source, packed: &mut Vec<u8>) -> Result<Segment> {
        let nature = nature.of_unit(plain)?;
        match self {
            Codec::Gzip => with_whole(plain, |plain| gzip::compress(nature, plain, packed)),
            Codec::Zstd => with_whole(plain, |plain| zstd::compress(nature, plain, packed)),
            Codec::Xz => xz::compress(nature, plain, packed),
        }
    }

    /// What a stream begins with.
    pub(super) fn header(self) -> Vec<u8> {
        match self {
            Codec::Gzip => gzip::HEADER.to_vec(),
            Codec::Zstd => Vec::new(),
            Codec::Xz => xz::header(),
        }
    }

    /// What a stream of these units ends with.
    pub(super) fn trailer(self, units: impl Iterator<Item = Segment> + Clone) -> Vec<u8> {
        match self {
            Codec::Gzip => gzip::trailer(units),
            Codec::Zstd => Vec::new(),
            Codec::Xz => xz::trailer(units),
        }
    }

    /// How many bytes a unit takes in a stream.
    pub(super) fn packed_len(self, unit: &Segment) -> u64 {
        match self {
            Codec::Xz => unit.unpadded_len.next_multiple_of(4),
            Codec::Gzip | Codec::Zstd => unit.unpadded_len,
        }
    }
}
