//! Zstandard (RFC 8878): a frame for each unit; readers that take one frame only get the whole as one.

use super::nature::Nature;
use super::segment::Segment;
use base::error::{Error, Result};
use std::io::Write;
use zstd::zstd_safe::CParameter;

/// The level of units: beyond it, frames of a unit's length gain little (docs/benchmark.md).
pub const LEVEL: i32 = 15;

/// Compresses `plain` into one frame with its length and a checksum.
pub fn compress(nature: Nature, plain: &[u8], packed: &mut Vec<u8>) -> Result<Segment> {
    let level = if nature == Nature::Dense { 1 } else { LEVEL };
    let mut compressor = zstd::bulk::Compressor::new(level).map_err(failed)?;
    compressor.set_parameter(CParameter::ChecksumFlag(true)).map_err(failed)?;
    packed.reserve(zstd::zstd_safe::compress_bound(plain.len()));
    let len = compressor.compress_to_buffer(plain, packed).map_err(failed)?;
    Ok(Segment { plain_len: plain.len() as u64, crc32: crc32fast::hash(plain), unpadded_len: len as u64 })
}

/// Unpacks frames given to it and packs what they hold into one frame.
pub struct OneFrame<W: Write> {
    encoder: zstd::stream::write::Encoder<'static, W>,
}

impl<W: Write> OneFrame<W> {
    /// Begins the frame of `plain_len` bytes on `out`, compressed by `threads` threads; the bytes do not depend on their number.
    pub fn new(out: W, plain_len: u64, threads: usize) -> Result<Self> {
        let mut encoder = zstd::stream::write::Encoder::new(out, LEVEL).map_err(failed)?;
        encoder.set_pledged_src_size(Some(plain_len)).map_err(failed)?;
        for parameter in [
            CParameter::ChecksumFlag(true),
            // A frame's window, and with it a thread's share of memory, would otherwise grow with its length.
            CParameter::WindowLog(21),
            CParameter::NbWorkers(threads as u32),
            CParameter::JobSize(8 << 20),
        ] {
            encoder.set_parameter(parameter).map_err(failed)?;
        }
        Ok(OneFrame { encoder })
    }

    /// Adds what a unit's frame holds.
    pub fn add(&mut self, frame: &[u8]) -> Result<()> {
        zstd::stream::copy_decode(frame, &mut self.encoder).map_err(failed)
    }

    /// Adds plain bytes.
    pub fn add_plain(&mut self, plain: &[u8]) -> Result<()> {
        self.encoder.write_all(plain).map_err(failed)
    }

    /// Ends the frame.
    pub fn finish(self) -> Result<W> {
        self.encoder.finish().map_err(failed)
    }
}

fn failed(error: std::io::Error) -> Error {
    Error::new(format!("zstd failed: {error}"))
}
