//! OpenPGP in the forms that repositories are signed in: armoured detached signatures, the cleartext framework (RFC 9580, section 7), and
//! the public key that clients import.

use super::openpgp::{newest, plainly, proven, shown, KeyRing, OpenPgpSigner, Usable};
use base::error::{Error, Result};
use pgp::armor::{self, BlockType};
use pgp::composed::{DetachedSignature, SignedPublicKey};
use pgp::packet::{Signature, SignatureType};
use pgp::types::{KeyDetails, PublicParams, Timestamp};

/// A public key that clients are to trust.
#[derive(Debug, Clone)]
pub struct TrustedKey {
    /// The key, armoured.
    pub armored: String,
    /// The primary key's fingerprint, hexadecimal in capital letters.
    pub fingerprint: String,
    /// When the part that signs was made, in seconds since 1970.
    pub created: u32,
    /// When the key or the part that signs expires, in seconds since 1970.
    pub expires: Option<u32>,
    /// The algorithm of the part that signs: "RSA 3072", "Ed25519".
    pub algorithm: String,
}

impl TrustedKey {
    /// The first key in these bytes, armoured or not.
    ///
    /// # Errors
    /// There is none, or none of its parts can sign.
    pub fn read(bytes: &[u8]) -> Result<TrustedKey> {
        let ring = KeyRing::read(bytes)?;
        let key = ring.first().ok_or_else(|| Error::new("the file has no OpenPGP key"))?;
        let usable = Usable::of(key, Timestamp::now().as_secs());
        let subkeys = key.public_subkeys.iter().enumerate().filter(|(at, _)| usable.subkeys[*at]);
        let subkey = subkeys.max_by_key(|(_, one)| one.key.created_at().as_secs()).map(|(at, _)| at);
        if subkey.is_none() && !usable.primary {
            let name = shown(&key.primary_key);
            return Err(Error::new(format!("no part of the OpenPGP key {name} can sign"))
                .note("it is revoked, expired, too weak, or not for signatures"));
        }
        TrustedKey::of(key, subkey)
    }

    fn of(key: &SignedPublicKey, subkey: Option<usize>) -> Result<TrustedKey> {
        let own: Vec<&Signature> =
            key.details.direct_signatures.iter().chain(key.details.users.iter().flat_map(|user| &user.signatures)).collect();
        let primary = expiry(&key.primary_key, &own);
        let (created, expires, algorithm) = match subkey {
            None => (key.primary_key.created_at().as_secs(), primary, algorithm(key.primary_key.public_params())),
            Some(at) => {
                let one = &key.public_subkeys[at];
                let bindings: Vec<&Signature> = one.signatures.iter().collect();
                let ends = [primary, expiry(&one.key, &bindings)].into_iter().flatten().min();
                (one.key.created_at().as_secs(), ends, algorithm(one.key.public_params()))
            }
        };
        let mut armored = Vec::new();
        armor::write(key, BlockType::PublicKey, &mut armored, None, true)
            .map_err(|error| Error::new(format!("the OpenPGP key cannot be written: {error}")))?;
        let armored = String::from_utf8(armored).expect("armour is ASCII");
        Ok(TrustedKey { armored, fingerprint: shown(&key.primary_key), created, expires, algorithm })
    }
}

fn expiry(key: &impl KeyDetails, own: &[&Signature]) -> Option<u32> {
    let lasts = newest(own).and_then(|one| one.key_expiration_time()).map(|lasts| lasts.as_secs()).filter(|lasts| *lasts > 0)?;
    Some(key.created_at().as_secs().saturating_add(lasts))
}

fn algorithm(parameters: &PublicParams) -> String {
    use rsa::traits::PublicKeyParts;
    match parameters {
        PublicParams::RSA(rsa) => format!("RSA {}", rsa.key.n().bits()),
        PublicParams::EdDSALegacy(_) | PublicParams::Ed25519(_) => "Ed25519".to_owned(),
        PublicParams::ECDSA(_) => "ECDSA".to_owned(),
        PublicParams::DSA(_) => "DSA".to_owned(),
        _ => "another algorithm".to_owned(),
    }
}

impl OpenPgpSigner {
    /// The public half, as far as it is known: not that of a command.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn trusted(&self) -> Result<Option<TrustedKey>> {
        match self {
            OpenPgpSigner::Key(key) => TrustedKey::of(&proven(key.key.to_public_key()), key.subkey).map(Some),
            OpenPgpSigner::Command(_) => Ok(None),
        }
    }

    /// An armoured detached signature of that time, in seconds since 1970 (a command's signatures are of its own).
    ///
    /// # Errors
    /// As [`OpenPgpSigner::sign`].
    pub fn armored(&self, purpose: &str, mut data: &[u8], at: u32) -> Result<String> {
        let signature = match self {
            OpenPgpSigner::Key(key) => DetachedSignature::new(key.signature(SignatureType::Binary, Some(at), &mut data)?),
            OpenPgpSigner::Command(_) => {
                use pgp::composed::Deserializable;
                let bytes = self.sign(purpose, &mut data)?.bytes;
                DetachedSignature::from_bytes(bytes.as_slice())
                    .map_err(|error| Error::new(format!("the OpenPGP command's signature cannot be read: {}", plainly(&error))))?
            }
        };
        armored(&signature)
    }

    /// A text in the cleartext framework; `None` by a command, whose signatures are over bytes and not over text.
    ///
    /// # Errors
    /// A line that apt would refuse, and as [`OpenPgpSigner::sign`].
    pub fn clear_signed(&self, text: &str, at: u32) -> Result<Option<String>> {
        let OpenPgpSigner::Key(key) = self else { return Ok(None) };
        // apt refuses lines that begin with a dash instead of unescaping them.
        if let Some(line) = text.lines().find(|line| line.starts_with('-')) {
            return Err(Error::new(format!("the line \"{line}\" cannot stand in a text that is signed for apt")));
        }
        let signature = key.signature(SignatureType::Text, Some(at), &mut canonical(text).as_bytes())?;
        let signature = armored(&DetachedSignature::new(signature))?;
        Ok(Some(format!("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{}\n{signature}", text.trim_end_matches('\n'))))
    }
}

fn armored(signature: &DetachedSignature) -> Result<String> {
    let mut out = Vec::new();
    armor::write(signature, BlockType::Signature, &mut out, None, true)
        .map_err(|error| Error::new(format!("an OpenPGP signature cannot be written: {error}")))?;
    Ok(String::from_utf8(out).expect("armour is ASCII"))
}

/// What a cleartext signature covers (RFC 9580, section 7.2): lines joined by CR LF without blanks at their ends, the last line end left out.
fn canonical(text: &str) -> String {
    let lines = text.trim_end_matches('\n').split('\n').map(|line| line.trim_end_matches([' ', '\t', '\r']));
    lines.collect::<Vec<_>>().join("\r\n")
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn a_cleartext_signature_covers_lines_without_their_blanks() {
        assert_eq!(canonical("a \nb\t\n\nc\n"), "a\r\nb\r\n\r\nc");
    }
}
