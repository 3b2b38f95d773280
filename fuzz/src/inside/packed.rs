//! The codecs around archives.

use std::io::{Read, Write};

/// How bytes are packed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    Plain,
    Gzip,
    Xz,
    Zstd,
}

impl Codec {
    /// All of them.
    pub const ALL: [Codec; 4] = [Codec::Plain, Codec::Gzip, Codec::Xz, Codec::Zstd];

    /// What a file's name ends in.
    pub fn extension(self) -> &'static str {
        match self {
            Codec::Plain => "",
            Codec::Gzip => ".gz",
            Codec::Xz => ".xz",
            Codec::Zstd => ".zst",
        }
    }
}

/// What each codec's bytes begin with.
pub const MAGIC: [(Codec, &[u8]); 3] =
    [(Codec::Gzip, b"\x1f\x8b\x08"), (Codec::Xz, b"\xfd7zXZ\0"), (Codec::Zstd, b"\x28\xb5\x2f\xfd")];

/// Plain bytes beyond which a case is not taken apart.
const MOST: u64 = 1 << 20;

/// The codec and the plain bytes; none where they are damaged, or too many.
pub fn unpack(bytes: &[u8]) -> Option<(Codec, Vec<u8>)> {
    let codec = MAGIC.iter().find(|(_, magic)| bytes.starts_with(magic)).map_or(Codec::Plain, |(codec, _)| *codec);
    let reader: Box<dyn Read + '_> = match codec {
        Codec::Plain => Box::new(bytes),
        Codec::Gzip => Box::new(flate2::read::MultiGzDecoder::new(bytes)),
        Codec::Xz => Box::new(liblzma::read::XzDecoder::new_multi_decoder(bytes)),
        Codec::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(bytes).ok()?;
            decoder.window_log_max(23).ok()?;
            Box::new(decoder)
        }
    };
    let mut plain = Vec::new();
    reader.take(MOST + 1).read_to_end(&mut plain).ok()?;
    (plain.len() as u64 <= MOST).then_some((codec, plain))
}

/// As the codec packs it, at its quickest.
pub fn pack(codec: Codec, plain: &[u8]) -> Vec<u8> {
    const MEMORY: &str = "memory takes every write";
    match codec {
        Codec::Plain => plain.to_vec(),
        Codec::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(plain).expect(MEMORY);
            encoder.finish().expect(MEMORY)
        }
        Codec::Xz => {
            let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 0);
            encoder.write_all(plain).expect(MEMORY);
            encoder.finish().expect(MEMORY)
        }
        Codec::Zstd => zstd::encode_all(plain, 1).expect(MEMORY),
    }
}
