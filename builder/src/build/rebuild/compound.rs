//! Compound files stream by stream: a signature moves sectors about, and changes none of the others.

use crate::error::{Error, IoContext, Result};
use crate::inspect::msi::stream_name;
use cfb::CompoundFile;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

const BLOCK: usize = 128 << 10;

/// The first stream that differs, by its name, if any does.
///
/// # Errors
/// A file is no compound file or cannot be read; the user interrupted.
pub fn difference(theirs: &Path, ours: &Path, aside: &[&str]) -> Result<Option<String>> {
    let (mut one, mut other) = (open(theirs)?, open(ours)?);
    if one.root_entry().clsid() != other.root_entry().clsid() {
        return Ok(Some("the compound file's CLSID".to_owned()));
    }
    let (streams, rebuilt) = (streams(&one, aside), streams(&other, aside));
    for (name, len) in &streams {
        let shown = stream_name(name);
        match rebuilt.get(name) {
            None => return Ok(Some(format!("the stream {shown}, which the rebuild does not have"))),
            Some(other) if other != len => return Ok(Some(format!("the stream {shown}: {len} bytes, the rebuild has {other}"))),
            Some(_) => {}
        }
        if let Some(at) = differs(&mut one, &mut other, name)? {
            return Ok(Some(format!("the stream {shown}, at byte {at}")));
        }
    }
    let more = rebuilt.keys().find(|name| !streams.contains_key(*name));
    Ok(more.map(|name| format!("the stream {}, which it does not have", stream_name(name))))
}

fn open(path: &Path) -> Result<CompoundFile<File>> {
    let file = File::open(path).or_cannot("read", path)?;
    CompoundFile::open(file).or_cannot("read", path)
}

/// All streams but those set aside, with their lengths.
fn streams(file: &CompoundFile<File>, aside: &[&str]) -> BTreeMap<String, u64> {
    let streams = file.walk().filter(|entry| entry.is_stream());
    let named = streams.map(|entry| (entry.path().to_string_lossy().trim_start_matches('/').to_owned(), entry.len()));
    named.filter(|(name, _)| !aside.contains(&name.as_str())).collect()
}

fn differs(one: &mut CompoundFile<File>, other: &mut CompoundFile<File>, name: &str) -> Result<Option<u64>> {
    let failed = |error: std::io::Error| Error::new(format!("cannot read the stream {}: {error}", stream_name(name)));
    let path = format!("/{name}");
    let (mut one, mut other) = (one.open_stream(&path).map_err(failed)?, other.open_stream(&path).map_err(failed)?);
    let (mut at, mut left, mut right) = (0, vec![0; BLOCK], vec![0; BLOCK]);
    loop {
        crate::interrupt::check()?;
        let count = one.read(&mut left).map_err(failed)?;
        if count == 0 {
            return Ok(None);
        }
        other.read_exact(&mut right[..count]).map_err(failed)?;
        if left[..count] != right[..count] {
            let same = left[..count].iter().zip(&right).take_while(|(a, b)| a == b).count();
            return Ok(Some(at + same as u64));
        }
        at += count as u64;
    }
}
