//! An MSI's streams: the compound file around them is written anew.

use super::{cabinet, mend, Hands};
use cfb::{CompoundFile, Version};
use std::io::{Cursor, Read, Write};

/// Streams, and bytes of them all, beyond which a case is not taken apart.
const MOST_STREAMS: usize = 200;
const MOST_BYTES: u64 = 4 << 20;

/// One stream changed; a cabinet's checksums are its blocks' own again.
pub fn change(bytes: &[u8], hands: &mut Hands) -> Option<Vec<u8>> {
    let mut streams = streams(bytes)?;
    let at = (hands.below)(streams.len());
    let (_, content) = &mut streams[at];
    let is_repacked = content.starts_with(b"MSCF") && (hands.below)(2) > 0;
    let repacked = is_repacked.then(|| cabinet::change(content, hands)).flatten();
    *content = repacked.unwrap_or_else(|| hands.damaged(content));
    if content.starts_with(b"MSCF") && (hands.below)(8) > 0 {
        mend::cabinet(content);
    }
    written(&streams).ok()
}

/// A compound file of these streams.
pub fn written(streams: &[(String, Vec<u8>)]) -> std::io::Result<Vec<u8>> {
    let mut file = CompoundFile::create_with_version(Version::V3, Cursor::new(Vec::new()))?;
    for (name, content) in streams {
        file.create_stream(format!("/{name}"))?.write_all(content)?;
    }
    file.flush()?;
    Ok(file.into_inner().into_inner())
}

/// The streams of a compound file by their stored names.
pub fn streams(bytes: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
    let mut file = CompoundFile::open(Cursor::new(bytes)).ok()?;
    let names: Vec<String> =
        file.read_root_storage().filter(cfb::Entry::is_stream).take(MOST_STREAMS).map(|entry| entry.name().to_owned()).collect();
    let mut left = MOST_BYTES;
    let mut streams = Vec::new();
    for name in names {
        let mut content = Vec::new();
        file.open_stream(format!("/{name}")).ok()?.take(left + 1).read_to_end(&mut content).ok()?;
        left = left.checked_sub(content.len() as u64)?;
        streams.push((name, content));
    }
    (!streams.is_empty()).then_some(streams)
}
