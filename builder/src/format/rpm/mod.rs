//! RPM packages, version 4 of the format: lead, signature header, header, compressed cpio payload.
//!
//! Specification: <https://rpm-software-management.github.io/rpm/manual/format_v4.html>. The payload streams, so memory does not grow
//! with it; what is known only afterwards (digests and lengths) has fixed places near the start of the file, filled in by seeking back.
//!
//! Every digest is SHA-256. There is no MD5 and no SHA-1, so that the packages pass where FIPS mode refuses those.

mod dependency;
mod files;
mod header;
mod metadata;
mod payload;
mod signature;
mod spec;

pub use spec::{file_name, Ghost, GhostKind, RpmSpec, Scriptlets};

use super::hashing::Hashing;
use super::patch::write_failed;
use crate::compress::StreamWriter;
use crate::error::Result;
use files::FileList;
use std::io::{Seek, SeekFrom, Write};

/// The interpreter of all scriptlets.
const SHELL: &str = "/bin/sh";
/// SHA-256's number (RFC 4880, section 9.4), as rpm's *ALGO tags have it.
const SHA256: u32 = 8;

/// Writes the package to `out`, from its current position on.
///
/// # Errors
/// The spec says something that RPM cannot express; a payload changed meanwhile; `out` fails; the user interrupted.
pub fn write<W: Write + Seek>(spec: &RpmSpec, mut out: W) -> Result<()> {
    spec::check(spec)?;
    let files = FileList::new(spec)?;
    let start = out.stream_position().map_err(write_failed)?;
    let placeholder = metadata::header(spec, &files, &[0; 32])?;
    let front = [spec::lead(spec)?, vec![0; signature::LEN], placeholder].concat();
    out.write_all(&front).map_err(write_failed)?;

    let mut hashing = Hashing::new(&mut out);
    let totals = payload::write(&files, StreamWriter::new(spec.store, spec.codec, &mut hashing)?)?;
    let digest = hashing.finish();

    let header = metadata::header(spec, &files, &digest)?;
    let signature = signature::header(&header, &totals)?;
    let patch = [signature, header].concat();
    debug_assert_eq!(patch.len() + spec::LEAD_LEN, front.len());
    out.seek(SeekFrom::Start(start + spec::LEAD_LEN as u64))
        .and_then(|_| out.write_all(&patch))
        .and_then(|()| out.seek(SeekFrom::End(0)))
        .and_then(|_| out.flush())
        .map_err(write_failed)
}
