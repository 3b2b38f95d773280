//! Signing a `.run`, and judging its signature, by keys of `trust`.

use super::signature::{covered, put, read};
use crate::error::{Error, Result};
use crate::trust::key::PublicKey;
use crate::trust::signer::Signer;
use crate::trust::Verdict;
use std::fs::File;
use std::path::Path;

/// Signs a package in place; a signature that was there is replaced.
///
/// # Errors
/// No `.run` of linkpack, a damaged one, a key whose signatures are too long, and whatever the signer says.
pub fn sign(file: &mut File, path: &Path, signer: &Signer) -> Result<()> {
    let about = |error: Error| error.note(format!("it is about {}", path.display()));
    let head = read(file).map_err(about)?;
    let digest = covered(file).map_err(about)?;
    if digest != head.sum {
        return Err(Error::new(format!("{} is damaged: it is not what LP_SUM in its second line says", path.display()))
            .help("build or copy it again"));
    }
    put(file, Some(&signer.sign(&digest, "run")?)).map_err(about)
}

/// Judges a package's signature.
///
/// # Errors
/// It cannot be read, or is no `.run` of linkpack.
pub fn verify(file: &mut File, path: &Path, keys: &[PublicKey]) -> Result<Vec<(String, Verdict)>> {
    let about = |error: Error| error.note(format!("it is about {}", path.display()));
    let head = read(file).map_err(about)?;
    let Some(signature) = head.signature else { return Ok(Vec::new()) };
    let digest = covered(file).map_err(about)?;
    let verdict = match digest == head.sum {
        false => Verdict::bad("the package is damaged: it is not what LP_SUM in its second line says"),
        true => PublicKey::judge(keys, &digest, &signature),
    };
    Ok(vec![("LP_SIG".to_owned(), verdict)])
}
