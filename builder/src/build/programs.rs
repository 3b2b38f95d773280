//! Programs for Windows are signed before they are packed: linkpack's own, those of its sample, and the payload's where the manifest
//! says so. What its maker signed stays as it is.

use super::inner::each_program;
use super::Signing;
use crate::endpoint::windows::{self, WindowsParts};
use crate::error::Result;
use crate::format::msi::LINKCTL;
use crate::format::sign_programs::{is_of_the_sample, sha256};
use crate::format::{Digests, PreparedFile, ProgramSignatures};
use crate::listener::Listener;
use crate::manifest::Product;
use crate::payload::{Content, Kind, TreePath};
use crate::trust::authenticode::{self, About};
use crate::trust::key::Hash;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

/// What was signed.
#[derive(Default)]
pub struct SignedPrograms {
    /// linkpack's own programs; none where they are as they always are.
    pub own: Option<WindowsParts>,
    /// Length and digests of the payload's programs as they were before.
    pub before: BTreeMap<TreePath, (u64, Digests)>,
}

/// Signs what is to be signed; the payload's programs get their signed contents in the list of files.
///
/// # Errors
/// A program cannot be read; the key or the time stamping authority fails.
pub fn sign(product: &Product, files: &mut [PreparedFile], signing: &Signing, listener: &dyn Listener) -> Result<SignedPrograms> {
    if !signing.signs_programs() {
        return Ok(SignedPrograms::default());
    }
    let manifest = product.manifest();
    let about = About {
        name: Some(manifest.product.title.to_string()),
        url: manifest.product.homepage.as_ref().map(|url| url.as_str().to_owned()),
    };
    let own = |bytes: &Cow<'static, [u8]>| -> Result<Cow<'static, [u8]>> {
        let content = Content::memory(&**bytes);
        let signed = signing.signed_program(&content, &about, false)?;
        Ok(signed.map(|signed| signed.bytes()).transpose()?.map_or_else(|| bytes.clone(), Cow::Owned))
    };
    let parts = windows::parts()?;
    let mut signed =
        SignedPrograms { own: Some(WindowsParts { dll: own(&parts.dll)?, linkctl: own(&parts.linkctl)? }), ..Default::default() };
    let linkctl = (parts.linkctl.len() as u64, Digests { sha256: Sha256::digest(&parts.linkctl).into(), md5: None });
    signed.before.insert(TreePath::new(LINKCTL)?, linkctl);
    let all = manifest.connector.windows.sign_programs;
    for file in files {
        let Kind::File(content) = &file.entry.kind else { continue };
        let own = is_of_the_sample(content)?;
        if !own && !all {
            continue;
        }
        listener.at("compress", &format_args!("{} (signing)", file.entry.path.display()));
        let Some(with_signature) = signing.signed_program(content, &about, own)? else { continue };
        let sha256 = sha256(content)?;
        signed.before.insert(file.entry.path.clone(), (content.len(), Digests { sha256, md5: None }));
        file.entry.kind = Kind::File(with_signature);
    }
    if all {
        let count = signed.before.len() - 1;
        listener.info(&format!("signed {count} programs of the payload for Windows"));
    }
    Ok(signed)
}

/// The signatures of the programs in an MSI, by what they are over; those that were damaged are no signatures of anything.
///
/// # Errors
/// It is no MSI, or cannot be read.
pub fn signatures_in(path: &Path) -> Result<ProgramSignatures> {
    let mut signatures = ProgramSignatures::default();
    each_program(path, &[Hash::Sha256], &mut |_, program| {
        // The same program may lie there twice, once as somebody else signed it over another digest.
        let ours = program.signatures().into_iter().find(|one| authenticode::digested_by(one) == Ok(Hash::Sha256));
        if let (Some(digest), Some(signature)) = (program.digest(Hash::Sha256), ours) {
            signatures.insert(digest.to_vec(), signature.to_vec());
        }
    })?;
    Ok(signatures)
}
