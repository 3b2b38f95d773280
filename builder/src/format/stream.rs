//! Packages that are written from the first byte to the last: digested on the way, so that none is read again.

use super::door::{Job, Written};
use crate::error::{Error, Result};
use crate::listener::Listener;
use crate::manifest::Format;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{BufWriter, Seek, Write};
use tempfile::NamedTempFile;

/// Has a package written by `write`, which gives its name.
///
/// # Errors
/// As `write`'s; the output folder.
pub fn streamed(
    format: Format,
    job: &Job,
    new: &dyn Fn() -> Result<NamedTempFile>,
    listener: &dyn Listener,
    write: impl FnOnce(&mut dyn Write) -> Result<String>,
) -> Result<Written> {
    let file = new()?;
    let site = job.product.site_name().map(|site| format!("{site}'s ")).unwrap_or_default();
    let task = format!("writing {site}{format}");
    listener.begin(&task, 0);
    let watched = Watched { file: &file, task: &task, listener };
    let mut out = Digesting::new(BufWriter::with_capacity(1 << 20, watched));
    let name = write(&mut out)?;
    out.flush().map_err(|error| {
        Error::failed(&format!("cannot write {name}"), &error)
            .help("free some space in the output folder, or choose another with -o DIR")
    })?;
    let (size, sha256) = out.finish();
    listener.end(&task);
    Ok(Written { file, name, size, sha256, content: job.base.content(), beside: Vec::new(), learned: Vec::new() })
}

/// Tells of what is written to a package.
struct Watched<'a> {
    file: &'a NamedTempFile,
    task: &'a str,
    listener: &'a dyn Listener,
}

impl Write for Watched<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.file.as_file().write(bytes)?;
        self.listener.advance(self.task, count as u64);
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.as_file().flush()
    }
}

/// The length and SHA-256, hexadecimal, of a file that was not written in order, as an MSI is.
pub fn digest(file: &mut File) -> std::io::Result<(u64, String)> {
    file.rewind()?;
    let mut digesting = Digesting::new(std::io::sink());
    std::io::copy(file, &mut digesting)?;
    Ok(digesting.finish())
}

/// Digests and counts what is written through it, so that a package is not read again.
pub struct Digesting<W> {
    out: W,
    digest: Sha256,
    size: u64,
}

impl<W: Write> Digesting<W> {
    /// Nothing written yet.
    pub fn new(out: W) -> Self {
        Digesting { out, digest: Sha256::new(), size: 0 }
    }

    /// How many bytes were written, and their SHA-256, hexadecimal.
    pub fn finish(self) -> (u64, String) {
        (self.size, hex::encode(self.digest.finalize()))
    }
}

impl<W: Write> Write for Digesting<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.digest.update(&bytes[..count]);
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}
