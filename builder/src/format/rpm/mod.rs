//! RPM packages, version 4 of the format: lead, signature header, header, compressed cpio payload.
//!
//! Specification: <https://rpm-software-management.github.io/rpm/manual/format_v4.html>. The payload is compressed into the store
//! first, so that the headers before it know its digest and length, and memory does not grow with it.
//!
//! Every digest is SHA-256. There is no MD5 and no SHA-1, so that the packages pass where FIPS mode refuses those.

mod dependency;
mod files;
mod header;
mod metadata;
mod package;
mod payload;
mod signature;
pub mod signing;
mod spec;

pub use package::Rpm;
pub use spec::{file_name, About, Ghost, GhostKind, RpmSpec, Scriptlets};

use super::hashing;
use super::patch::write_failed;
use crate::error::Result;
use ::rpm::IndexTag;
use files::FileList;
use std::io::Write;

/// The interpreter of all scriptlets.
const SHELL: &str = "/bin/sh";
/// The interpreter inside rpm, which `%pretrans` is for.
const LUA: &str = "<lua>";
/// SHA-256's number (RFC 4880, section 9.4), as rpm's *ALGO tags have it.
const SHA256: u32 = 8;

/// Writes the package.
///
/// # Errors
/// The spec says something that RPM cannot express; a payload changed meanwhile; `out` fails; the user interrupted.
pub fn write(spec: &RpmSpec, mut out: impl Write) -> Result<()> {
    spec::check(spec)?;
    let files = FileList::new(spec)?;
    let payload = payload::archive(spec, &files)?;
    let header = metadata::header(spec, &files, &payload.sha256()?)?;
    let header = header.encode(IndexTag::RPMTAG_HEADERIMMUTABLE as u32)?;
    for part in [spec::lead(spec)?, signature::header(&header, &payload)?] {
        out.write_all(&part).map_err(write_failed)?;
    }
    header.write(&mut out).map_err(write_failed)?;
    hashing::copy(&payload, &mut out)?;
    out.flush().map_err(write_failed)
}
