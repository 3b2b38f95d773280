//! The self-extracting `.run`: a POSIX sh stub, then a compressed tar of one version's folder.
//!
//! Line 1 is `#!/bin/sh`, line 2 `LP_SUM=` and the SHA-256 of every byte after line 3, line 3 `LP_SIG=` and a signature over the same
//! bytes, or none: signing moves nothing. The tar's first member, `.files`, lists
//! what follows: `TYPE<TAB>MODE<TAB>SIZE<TAB>SHA256<TAB>config or -<TAB>PATH`, paths in printf's `%b` form.

mod package;
pub mod signing;
pub mod site;

pub use package::{Run, Site};

use super::patch::write_failed;
use super::{hashing, tar, PreparedFile};
use crate::compress::{Codec, Layout, Packed, Store};
use crate::endpoint::{RUN_SUM_AT, RUN_SUM_COVERS_FROM};
use crate::error::{Error, Result};
use crate::payload::Kind;
use std::io::Write;
use std::sync::Arc;

/// Everything a `.run` is made of.
pub struct RunSpec<'a> {
    /// The stub, whose payload begins where it ends.
    pub stub: &'a str,
    /// The files, their paths relative to the version's folder, sorted, parents first.
    pub files: &'a [&'a PreparedFile],
    /// How the payload is compressed.
    pub codec: Codec,
    /// Where compressed units are.
    pub store: &'a Arc<Store>,
    /// The time of the package and of what linkpack itself adds to it, in seconds since 1970.
    pub mtime: i64,
}

/// What the stub begins with, up to its digest.
const FIRST_LINES: &str = "#!/bin/sh\nLP_SUM=";

/// The file's name: `NAME-VERSION-TARGET.run`.
pub fn file_name(name: &str, version: &str, target: &str) -> String {
    format!("{name}-{version}-{target}.run")
}

/// Writes a package.
///
/// # Errors
/// Whatever the writer or the store refuses.
pub fn write(spec: &RunSpec, out: &mut (impl Write + ?Sized)) -> Result<()> {
    let mut stub = spec.stub.as_bytes().to_vec();
    if !spec.stub.starts_with(FIRST_LINES) || stub.get(RUN_SUM_AT.end as usize) != Some(&b'\n') {
        return Err(Error::new("the stub does not begin with #!/bin/sh and LP_SUM=")
            .note("this is a fault of linkpack: please report it"));
    }
    let payload = payload(spec)?;
    let digest = hashing::sha256(&stub[RUN_SUM_COVERS_FROM as usize..], &payload)?;
    stub[RUN_SUM_AT.start as usize..RUN_SUM_AT.end as usize].copy_from_slice(hex::encode(digest).as_bytes());
    out.write_all(&stub).map_err(write_failed)?;
    hashing::copy(&payload, out)
}

/// The tar of one version's folder, compressed.
fn payload(spec: &RunSpec) -> Result<Packed> {
    let mut layout = Layout::new(spec.store, spec.codec);
    let lines = || spec.files.iter().map(|file| line(file));
    let len = lines().map(|line| line.len() as u64).sum();
    tar::append_made(&mut layout, b".files", len, lines(), spec.mtime)?;
    for file in spec.files {
        tar::append(&mut layout, file.entry.path.as_bytes(), file)?;
    }
    tar::finish(&mut layout)?;
    layout.finish()
}

/// A file's line in the list.
fn line(file: &PreparedFile) -> Vec<u8> {
    let kind = match file.entry.kind {
        Kind::Directory => 'd',
        Kind::File(_) => 'f',
        Kind::Symlink(_) => 'l',
    };
    let digest = file.digests.map_or("-".to_owned(), |digests| hex::encode(digests.sha256));
    let config = if file.entry.config { "config" } else { "-" };
    let mut line = format!("{kind}\t{:o}\t{}\t{digest}\t{config}\t", file.entry.mode, file.len()).into_bytes();
    line.extend_from_slice(&escaped(file.entry.path.as_bytes()));
    line.push(b'\n');
    line
}

/// A name as printf's `%b` reads it back: backslash and control bytes as `\0ooo`.
fn escaped(name: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(name.len());
    for &byte in name {
        match byte {
            b'\\' | 0..=0x1f | 0x7f => text.extend_from_slice(format!("\\0{byte:03o}").as_bytes()),
            _ => text.push(byte),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_in_the_list_stay_on_their_line() {
        assert_eq!(super::escaped(b"a\nb\\c \xff"), b"a\\0012b\\0134c \xff");
    }
}
