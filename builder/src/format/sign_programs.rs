//! Signatures of the programs for Windows in packages: before anything is packed.

use super::{Signatures, Signing};
use crate::endpoint::windows;
use crate::error::Result;
use crate::payload::Content;
use crate::trust::authenticode::{self, About, Subject};
use crate::trust::key::Hash;
use crate::trust::program::Program;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::OnceLock;

/// Signatures by the SHA-256 that they are over, as programs of other packages have them: who builds again has no key.
pub type ProgramSignatures = HashMap<Vec<u8>, Vec<u8>>;

impl Signing {
    /// Whether any program can be signed.
    pub fn signs_programs(&self) -> bool {
        Signatures::Authenticode.are_made_by(self) || !self.program_signatures.is_empty()
    }

    /// The content with a signature; `None` for what is no program, is signed already (unless `again`), or has no key.
    ///
    /// # Errors
    /// The content cannot be read; the key or the time stamping authority fails.
    pub fn signed_program(&self, content: &Content, about: &About, again: bool) -> Result<Option<Content>> {
        let program = Program::read(content, &[Hash::Sha256])?;
        let Some(program) = program.filter(|program| again || !program.is_signed()) else { return Ok(None) };
        let digest: Option<[u8; 32]> = program.digest(Hash::Sha256).and_then(|digest| digest.try_into().ok());
        let Some(digest) = digest else { return Ok(None) };
        let signature = match (self.program_signatures.get(digest.as_slice()), self.signer(), self.chain()) {
            (Some(known), ..) => known.clone(),
            (None, Some(signer), chain) if !chain.is_empty() => {
                authenticode::sign(Subject::Program, &digest, about, chain, signer, self.stamper())?
            }
            _ => return Ok(None),
        };
        program.with_signature(content, &signature).map(Some)
    }
}

/// Whether it is a program of the sample product, which linkpack carries: signed or not.
///
/// # Errors
/// It cannot be read, or linkpack carries no programs for Windows.
pub fn is_of_the_sample(content: &Content) -> Result<bool> {
    /// What a signature adds, at most.
    const SIGNATURE: u64 = 64 << 10;
    static KNOWN: OnceLock<Vec<Option<Program>>> = OnceLock::new();
    let sample = windows::sample()?;
    let programs = [sample.connector, sample.pulse, sample.tracer, sample.library];
    if !programs.iter().any(|program| (0..SIGNATURE).contains(&content.len().wrapping_sub(program.len() as u64))) {
        return Ok(false);
    }
    let read = |program: &&[u8]| Program::read(&Content::memory(*program), &[Hash::Sha256]).ok().flatten();
    let known = KNOWN.get_or_init(|| programs.iter().map(read).collect());
    let Some(program) = Program::read(content, &[Hash::Sha256])? else { return Ok(false) };
    Ok(known.iter().flatten().any(|one| one.digest(Hash::Sha256) == program.digest(Hash::Sha256)))
}

/// The SHA-256 of a content.
///
/// # Errors
/// It cannot be read.
pub fn sha256(content: &Content) -> Result<[u8; 32]> {
    let (mut reader, mut digest) = (content.open()?, Sha256::new());
    let mut block = vec![0; content.len().min(256 << 10) as usize];
    loop {
        match reader.read_block(&mut block)? {
            0 => return Ok(digest.finalize().into()),
            count => digest.update(&block[..count]),
        }
    }
}
