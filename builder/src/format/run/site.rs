//! Site files: what [`crate::endpoint::Answers`] say, for a `.run`.
//!
//! Signed, the text has two lines more: `KEY=`, the signer's public key, which the `.run` compares with its own, and as the last line
//! `SIGNATURE=`, over every byte before that.

use crate::endpoint::{SITE_FIRST_LINE as FIRST_LINE, SITE_LIMIT as LIMIT};
use crate::error::{Error, IoContext, Result};
use crate::trust::key::PublicKey;
use crate::trust::signer::Signer;
use crate::trust::Verdict;
use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

/// The file's name: `NAME-SITE.site`, `name` being the site's package name.
pub fn file_name(name: &str) -> String {
    format!("{name}.site")
}

/// A file that was read: what the signature covers, the key, the signature.
struct Parts {
    covered: String,
    key: Option<Vec<u8>>,
    signature: Option<Vec<u8>>,
}

impl Parts {
    fn read(file: &mut File, path: &Path) -> Result<Parts> {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0)).or_cannot("read", path)?;
        file.take(LIMIT + 1).read_to_end(&mut bytes).or_cannot("read", path)?;
        let whole = bytes.len() as u64 <= LIMIT;
        let text = String::from_utf8(bytes).ok().filter(|text| whole && text.starts_with(FIRST_LINE));
        text.and_then(Parts::of).ok_or_else(|| {
            Error::new(format!("{} is not a site file of linkpack, or its signature is damaged", path.display()))
                .help("build it again, or fetch it again")
        })
    }

    fn of(text: String) -> Option<Parts> {
        let Some((covered, signature)) = text.rsplit_once("\nSIGNATURE=") else {
            return Some(Parts { covered: text, key: None, signature: None });
        };
        let signature = Base64::decode_vec(signature.strip_suffix('\n')?).ok()?;
        let key = covered.rsplit_once("\nKEY=").map(|(_, key)| Base64::decode_vec(key).ok());
        Some(Parts { covered: format!("{covered}\n"), key: Some(key??), signature: Some(signature) })
    }

    /// The text without key and signature.
    fn plain(&self) -> &str {
        match (&self.signature, self.covered.rfind("\nKEY=")) {
            (Some(_), Some(at)) => &self.covered[..=at],
            _ => &self.covered,
        }
    }
}

/// A text with its signature.
///
/// # Errors
/// Whatever the signer says.
pub fn signed(text: &str, signer: &Signer) -> Result<String> {
    let covered = format!("{text}KEY={}\n", Base64::encode_string(&signer.public().to_spki()));
    let signature = signer.sign(&Sha256::digest(&covered).into(), "site")?;
    Ok(format!("{covered}SIGNATURE={}\n", Base64::encode_string(&signature)))
}

/// Signs a site file in place; a signature that was there is replaced.
///
/// # Errors
/// No site file, and whatever the signer says.
pub fn sign(file: &mut File, path: &Path, signer: &Signer) -> Result<()> {
    let text = signed(Parts::read(file, path)?.plain(), signer)?;
    let put = |file: &mut File| {
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(text.as_bytes())
    };
    put(file).or_cannot("write", path)
}

/// Judges a site file's signature.
///
/// # Errors
/// It cannot be read, or is no site file.
pub fn verify(file: &mut File, path: &Path, keys: &[PublicKey]) -> Result<Vec<(String, Verdict)>> {
    let parts = Parts::read(file, path)?;
    let Some(signature) = &parts.signature else { return Ok(Vec::new()) };
    let digest: [u8; 32] = Sha256::digest(&parts.covered).into();
    let verdict = match PublicKey::judge(keys, &digest, signature) {
        // A .run takes the key from the file.
        Verdict::Good { by, note } => {
            let named = parts.key.as_deref().and_then(PublicKey::from_spki).map(|key| key.fingerprint());
            match named.as_ref() == Some(&by) {
                true => Verdict::Good { by, note },
                false => Verdict::bad("its line KEY= names another key than the one that signed it"),
            }
        }
        other => other,
    };
    Ok(vec![("SIGNATURE".to_owned(), verdict)])
}
