//! Signatures of MSI packages: a stream of the compound file that no digest covers, over the contents of all others.

use crate::error::{Error, IoContext, Result};
use crate::trust::authenticode::{self, About};
use crate::trust::certificate::Certificate;
use crate::trust::signer::Signer;
use crate::trust::timestamp::Stamper;
use crate::trust::Verdict;
use cfb::CompoundFile;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The streams of a signature, which is no part of what it covers.
pub const STREAMS: [&str; 2] = [SIGNATURE, EXTENDED];
const SIGNATURE: &str = "\u{5}DigitalSignature";
/// A digest of names and times, too, which signtool can add.
const EXTENDED: &str = "\u{5}MsiDigitalSignatureEx";
/// Bytes of a signature stream.
const LONGEST: u64 = 1 << 20;
/// Streams and storages of one package, and how deep they lie: transforms are the only storages, one level deep.
const MOST_ENTRIES: usize = 100_000;
const DEEPEST: usize = 16;

/// The key and all that belongs to an Authenticode signature.
pub struct MsiSigning<'a> {
    /// The key.
    pub signer: &'a Signer,
    /// Its certificate, then those of its issuers.
    pub chain: &'a [Certificate],
    /// Whom to ask for the time.
    pub stamper: Option<&'a Stamper>,
    /// What Windows shows.
    pub about: &'a About,
}

fn open<F: Read + Seek>(file: F, path: &Path) -> Result<CompoundFile<F>> {
    CompoundFile::open(file).map_err(|error| Error::new(format!("{} is not an MSI, or it is damaged: {error}", path.display())))
}

/// The SHA-256 that Authenticode signs: the contents of all streams in the order of their names' bytes, a storage's with its class at
/// its end, without the signature itself. Names and times are no part of it.
fn digest<F: Read + Seek>(file: &mut CompoundFile<F>, path: &Path) -> Result<[u8; 32]> {
    let total = file.walk().take(MOST_ENTRIES).fold(0u64, |total, entry| total.saturating_add(entry.len()));
    if total > super::container::SIZE_LIMIT {
        return Err(Error::new(format!("{} claims to hold more than Windows Installer reads", path.display())));
    }
    let mut digest = Sha256::new();
    let mut left = MOST_ENTRIES;
    add(file, Path::new("/"), 0, &mut left, &mut digest).or_cannot("digest", path)?;
    Ok(digest.finalize().into())
}

fn add<F: Read + Seek>(
    file: &mut CompoundFile<F>,
    storage: &Path,
    depth: usize,
    left: &mut usize,
    digest: &mut Sha256,
) -> std::io::Result<()> {
    let too_much = || std::io::Error::other("it holds more streams than any package");
    let mut entries: Vec<(Vec<u8>, PathBuf, bool, u64)> = Vec::new();
    for entry in file.read_storage(storage)? {
        *left = left.checked_sub(1).filter(|_| depth < DEEPEST).ok_or_else(too_much)?;
        let ours = depth == 0 && STREAMS.contains(&entry.name());
        if !ours {
            let name = entry.name().encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
            entries.push((name, storage.join(entry.name()), entry.is_stream(), entry.len()));
        }
    }
    entries.sort();
    for (_, path, stream, len) in entries {
        match stream {
            true if len > 0 => drop(std::io::copy(&mut file.open_stream(&path)?, digest)?),
            true => {}
            false => add(file, &path, depth + 1, left, digest)?,
        }
    }
    digest.update(file.entry(storage)?.clsid().to_bytes_le());
    Ok(())
}

/// Signs a package in place; a signature that was there is replaced.
///
/// # Errors
/// No MSI, or whatever the signer or the time stamping authority says.
pub fn sign(file: &mut File, path: &Path, signing: &MsiSigning) -> Result<()> {
    let mut container = open(&mut *file, path)?;
    drop_signature(&mut container).or_cannot("write", path)?;
    let digest = digest(&mut container, path)?;
    let bytes = authenticode::sign(&digest, signing.about, signing.chain, signing.signer, signing.stamper)?;
    let mut write = || {
        let mut stream = container.create_stream(Path::new("/").join(SIGNATURE))?;
        stream.write_all(&bytes)?;
        stream.flush()?;
        drop(stream);
        container.flush()
    };
    write().or_cannot("write", path)
}

fn drop_signature<F: Read + Write + Seek>(container: &mut CompoundFile<F>) -> std::io::Result<()> {
    for name in STREAMS {
        let at = Path::new("/").join(name);
        if container.is_stream(&at) {
            container.remove_stream(&at)?;
        }
    }
    container.flush()
}

fn signature<F: Read + Seek>(container: &mut CompoundFile<F>, path: &Path) -> Result<Option<Vec<u8>>> {
    let at = Path::new("/").join(SIGNATURE);
    if !container.is_stream(&at) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let stream = container.open_stream(&at).or_cannot("read", path)?;
    stream.take(LONGEST + 1).read_to_end(&mut bytes).or_cannot("read", path)?;
    Ok(Some(bytes))
}

/// Judges a package's signature.
///
/// # Errors
/// It cannot be read.
pub fn verify(file: &mut File, path: &Path, anchors: &[Certificate], now: SystemTime) -> Result<Vec<(String, Verdict)>> {
    let mut container = open(&mut *file, path)?;
    let Some(bytes) = signature(&mut container, path)? else { return Ok(Vec::new()) };
    let verdict = match () {
        () if bytes.len() as u64 > LONGEST => Verdict::bad("it is larger than any signature"),
        () if container.is_stream(Path::new("/").join(EXTENDED)) => Verdict::bad(
            "it also covers names and times (MsiDigitalSignatureEx), which linkpack does not check: osslsigncode verify does",
        ),
        () => authenticode::verify(&bytes, &digest(&mut container, path)?, anchors, now),
    };
    Ok(vec![("DigitalSignature".to_owned(), verdict)])
}
