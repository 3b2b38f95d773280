//! Signatures of MSI packages: a stream of the compound file that no digest covers, over the contents of all others.

use super::covered::Covered;
use crate::error::{Error, IoContext, Result};
use crate::trust::authenticode::{self, About, Subject};
use crate::trust::certificate::Certificate;
use crate::trust::key::Hash;
use crate::trust::signer::Signer;
use crate::trust::timestamp::Stamper;
use crate::trust::Verdict;
use cfb::CompoundFile;
use msi_schema::{EXTENDED_SIGNATURE, SIGNATURE, SIGNATURE_STREAMS};
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::time::SystemTime;

/// Bytes of a signature stream.
const LONGEST: u64 = 1 << 20;

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

/// Signs a package in place; a signature that was there is replaced.
///
/// # Errors
/// No MSI, or whatever the signer or the time stamping authority says.
pub fn sign(file: &mut File, path: &Path, signing: &MsiSigning) -> Result<()> {
    let mut container = open(&mut *file, path)?;
    drop_signature(&mut container).or_cannot("write", path)?;
    // Names, sizes and times are covered as well: a stream that is renamed or added breaks the signature.
    let mut covered = Covered::new(&mut container, path)?;
    let metadata = covered.metadata(Hash::Sha256)?;
    let digest = covered.contents(Hash::Sha256, Some(&metadata))?;
    let digest = digest.try_into().expect("SHA-256 has 32 bytes");
    let bytes = authenticode::sign(Subject::Package, &digest, signing.about, signing.chain, signing.signer, signing.stamper)?;
    let mut write = || {
        for (name, bytes) in [(EXTENDED_SIGNATURE, &metadata), (SIGNATURE, &bytes)] {
            let mut stream = container.create_stream(Path::new("/").join(name))?;
            stream.write_all(bytes)?;
            stream.flush()?;
        }
        container.flush()
    };
    write().or_cannot("write", path)
}

fn drop_signature<F: Read + Write + Seek>(container: &mut CompoundFile<F>) -> std::io::Result<()> {
    for name in SIGNATURE_STREAMS {
        let at = Path::new("/").join(name);
        if container.is_stream(&at) {
            container.remove_stream(&at)?;
        }
    }
    container.flush()
}

fn stream<F: Read + Seek>(container: &mut CompoundFile<F>, name: &str, path: &Path) -> Result<Option<Vec<u8>>> {
    let at = Path::new("/").join(name);
    if !container.is_stream(&at) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let stream = container.open_stream(&at).or_cannot("read", path)?;
    stream.take(LONGEST + 1).read_to_end(&mut bytes).or_cannot("read", path)?;
    Ok(Some(bytes))
}

/// Judges a package's signature, and those that are nested in it.
///
/// # Errors
/// It cannot be read.
pub fn verify(file: &mut File, path: &Path, anchors: &[Certificate], now: SystemTime) -> Result<Vec<(String, Verdict)>> {
    let mut container = open(&mut *file, path)?;
    let Some(bytes) = stream(&mut container, SIGNATURE, path)? else { return Ok(Vec::new()) };
    let place = "DigitalSignature".to_owned();
    if bytes.len() as u64 > LONGEST {
        return Ok(vec![(place, Verdict::bad("it is larger than any signature"))]);
    }
    authenticode::with_nested(&bytes, &place, &mut |one| judge(&mut container, one, path, anchors, now))
}

fn judge<F: Read + Seek>(
    container: &mut CompoundFile<F>,
    bytes: &[u8],
    path: &Path,
    anchors: &[Certificate],
    now: SystemTime,
) -> Result<Verdict> {
    let hash = match authenticode::digested_by(bytes) {
        Ok(hash) => hash,
        Err(why) => return Ok(Verdict::bad(why)),
    };
    let stated = stream(container, EXTENDED_SIGNATURE, path)?;
    let mut covered = Covered::new(container, path)?;
    let metadata = stated.is_some().then(|| covered.metadata(hash)).transpose()?;
    Ok(match stated == metadata {
        true => {
            let digest = covered.contents(hash, metadata.as_deref())?;
            authenticode::verify(Subject::Package, bytes, &digest, anchors, now)
        }
        false => {
            Verdict::bad("names, sizes or times of its streams were changed, or the digest of these (MsiDigitalSignatureEx) was")
        }
    })
}
