//! Signatures of the programs for Windows in packages: before anything is packed.

use super::{Signatures, Signing};
use crate::error::Result;
use crate::payload::Content;
use crate::trust::authenticode::{self, About, Subject};
use crate::trust::key::Hash;
use crate::trust::program::Program;
use std::collections::HashMap;

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
