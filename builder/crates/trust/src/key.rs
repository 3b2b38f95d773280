//! RSA and ECDSA keys for SHA-256: private ones from PEM, PKCS#8, PKCS#1, SEC1 and PKCS#12; public ones from PEM and certificates.

use super::Verdict;
use base::error::{Error, Result};
use p256::ecdsa::signature::hazmat::{PrehashSigner, PrehashVerifier};
use pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePublicKey};
use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::traits::PublicKeyParts;
use rsa::{Pkcs1v15Sign, RsaPrivateKey, RsaPublicKey};
use sha2::digest::DynDigest;
use sha2::{Digest, Sha256, Sha384, Sha512};
use std::fmt;
use zeroize::Zeroizing;

/// RSA keys below this many bits prove nothing any more.
const RSA_BITS: usize = 2048;
/// RSA keys above this many bits are not read: openssl does not check by them either.
const MOST_RSA_BITS: usize = 16384;

/// A digest that signatures are made over; weaker ones are not even names here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// SHA-256, which linkpack itself signs.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Hash {
    /// The digest of some bytes.
    pub fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Hash::Sha256 => Sha256::digest(bytes).to_vec(),
            Hash::Sha384 => Sha384::digest(bytes).to_vec(),
            Hash::Sha512 => Sha512::digest(bytes).to_vec(),
        }
    }

    /// The one whose digests have so many hexadecimal digits.
    pub fn of_hex_len(len: usize) -> Option<Hash> {
        match len {
            64 => Some(Hash::Sha256),
            96 => Some(Hash::Sha384),
            128 => Some(Hash::Sha512),
            _ => None,
        }
    }

    /// Begins a digest of what comes in pieces.
    pub fn start(self) -> Hashing {
        Hashing(match self {
            Hash::Sha256 => Box::new(Sha256::new()),
            Hash::Sha384 => Box::new(Sha384::new()),
            Hash::Sha512 => Box::new(Sha512::new()),
        })
    }

    fn padding(self) -> Pkcs1v15Sign {
        match self {
            Hash::Sha256 => Pkcs1v15Sign::new::<Sha256>(),
            Hash::Sha384 => Pkcs1v15Sign::new::<Sha384>(),
            Hash::Sha512 => Pkcs1v15Sign::new::<Sha512>(),
        }
    }
}

/// A digest in the making.
pub struct Hashing(Box<dyn DynDigest>);

impl Hashing {
    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest.
    pub fn finish(self) -> Vec<u8> {
        self.0.finalize().into_vec()
    }
}

/// A private key. Wiped when dropped; never shown.
pub enum PrivateKey {
    /// RSA, signing with PKCS #1 v1.5.
    Rsa(Box<RsaPrivateKey>),
    /// ECDSA on P-256.
    P256(p256::ecdsa::SigningKey),
    /// ECDSA on P-384.
    P384(p384::ecdsa::SigningKey),
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey")
    }
}

impl PrivateKey {
    /// The first private key of a PEM text.
    pub(super) fn from_pem(text: &str, password: Option<&str>) -> Result<PrivateKey> {
        let (label, block) = text
            .split("-----BEGIN ")
            .skip(1)
            .filter_map(|block| block.split_once("-----"))
            .find(|(label, _)| label.ends_with("PRIVATE KEY"))
            .ok_or_else(|| Error::new("the file has no private key, only certificates or public keys"))?;
        if block.contains("Proc-Type: 4,ENCRYPTED") {
            return Err(Error::new("the key is encrypted in OpenSSL's old form, which protects it badly")
                .help("convert it: openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD.pem -out NEW.pem"));
        }
        let (body, _) = block.split_once("-----END").ok_or_else(|| Error::new("the key's PEM has no end"))?;
        let body: Zeroizing<String> = Zeroizing::new(body.chars().filter(|c| !c.is_ascii_whitespace()).collect());
        use base64ct::Encoding;
        let der = base64ct::Base64::decode_vec(&body).map_err(|_| Error::new("the key's PEM is not base-64"))?;
        let der = Zeroizing::new(der);
        match label {
            "ENCRYPTED PRIVATE KEY" => decrypt(&der, password),
            "OPENSSH PRIVATE KEY" => Err(Error::new("the key is one of OpenSSH's")
                .help("make one for signing: openssl ecparam -genkey -name prime256v1 -noout -out key.pem")),
            _ => PrivateKey::from_der(&der).ok_or_else(|| unsupported("the key")),
        }
    }

    /// PKCS#8, PKCS#1 or SEC1.
    pub(super) fn from_der(der: &[u8]) -> Option<PrivateKey> {
        let rsa = || RsaPrivateKey::from_pkcs8_der(der).ok().or_else(|| RsaPrivateKey::from_pkcs1_der(der).ok());
        let p256 = || p256::SecretKey::from_pkcs8_der(der).ok().or_else(|| p256::SecretKey::from_sec1_der(der).ok());
        let p384 = || p384::SecretKey::from_pkcs8_der(der).ok().or_else(|| p384::SecretKey::from_sec1_der(der).ok());
        rsa()
            .map(|key| PrivateKey::Rsa(Box::new(key)))
            .or_else(|| p256().map(|key| PrivateKey::P256(key.into())))
            .or_else(|| p384().map(|key| PrivateKey::P384(key.into())))
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        match self {
            PrivateKey::Rsa(key) => PublicKey::Rsa(key.to_public_key()),
            PrivateKey::P256(key) => PublicKey::P256(*key.verifying_key()),
            PrivateKey::P384(key) => PublicKey::P384(*key.verifying_key()),
        }
    }

    /// Signs a SHA-256: PKCS #1 v1.5, or an ECDSA signature in DER with the nonce of RFC 6979, so that one input has one signature.
    ///
    /// # Errors
    /// The key is not one that can sign.
    pub fn sign(&self, digest: &[u8; 32]) -> Result<Vec<u8>> {
        let failed = |_| Error::new("the key cannot sign: it is damaged");
        match self {
            // With blinding, which keeps the time that signing takes from telling of the key.
            PrivateKey::Rsa(key) => {
                key.sign_with_rng(&mut rsa::rand_core::OsRng, Hash::Sha256.padding(), digest).map_err(|_| failed(()))
            }
            PrivateKey::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign_prehash(digest).map_err(|_| failed(()))?;
                Ok(signature.to_der().as_bytes().to_vec())
            }
            PrivateKey::P384(key) => {
                let signature: p384::ecdsa::Signature = key.sign_prehash(digest).map_err(|_| failed(()))?;
                Ok(signature.to_der().as_bytes().to_vec())
            }
        }
    }
}

fn decrypt(der: &[u8], password: Option<&str>) -> Result<PrivateKey> {
    let password = password.ok_or_else(|| {
        Error::new("the key is encrypted and no password was given")
            .help("name where it is with --password-file FILE, --password-fd N or --password-env NAME")
    })?;
    let info = pkcs8::EncryptedPrivateKeyInfo::try_from(der)
        .map_err(|_| Error::new("the key is encrypted in a way that is not supported"))
        .map_err(|error| error.help("convert it: openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD.pem -out NEW.pem"))?;
    let plain = info.decrypt(password).map_err(|_| Error::new("the password does not open the key"))?;
    PrivateKey::from_der(plain.as_bytes()).ok_or_else(|| unsupported("the key"))
}

fn unsupported(what: &str) -> Error {
    Error::new(format!("{what} is not one that linkpack signs with: RSA, ECDSA on P-256 or P-384, in PEM, PKCS#8 or PKCS#12"))
        .help("make one: openssl ecparam -genkey -name prime256v1 -noout -out key.pem")
}

/// The RSA key of a SubjectPublicKeyInfo, or of PKCS #1: the rsa crate's own readers stop at 4096 bits.
fn rsa_of_spki(der: &[u8]) -> Option<RsaPublicKey> {
    let info = pkcs8::SubjectPublicKeyInfoRef::try_from(der).ok()?;
    info.algorithm.assert_algorithm_oid(rsa::pkcs1::ALGORITHM_OID).ok()?;
    rsa_key(info.subject_public_key.as_bytes()?)
}

fn rsa_key(der: &[u8]) -> Option<RsaPublicKey> {
    let key = rsa::pkcs1::RsaPublicKey::try_from(der).ok()?;
    let number = |number: rsa::pkcs1::UintRef| rsa::BigUint::from_bytes_be(number.as_bytes());
    RsaPublicKey::new_with_max_size(number(key.modulus), number(key.public_exponent), MOST_RSA_BITS).ok()
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicKey {
    /// RSA with PKCS #1 v1.5.
    Rsa(RsaPublicKey),
    /// ECDSA on P-256.
    P256(p256::ecdsa::VerifyingKey),
    /// ECDSA on P-384.
    P384(p384::ecdsa::VerifyingKey),
}

impl PublicKey {
    /// A `PUBLIC KEY` or `RSA PUBLIC KEY` in PEM.
    pub fn from_pem(text: &str) -> Option<PublicKey> {
        let start = text.find("-----BEGIN ")?;
        let text = text[start..].trim();
        let rsa = || {
            let (label, der) = pkcs8::Document::from_pem(text).ok()?;
            if label == "RSA PUBLIC KEY" {
                rsa_key(der.as_bytes())
            } else {
                rsa_of_spki(der.as_bytes())
            }
        };
        rsa()
            .map(PublicKey::Rsa)
            .or_else(|| p256::PublicKey::from_public_key_pem(text).ok().map(|key| PublicKey::P256(key.into())))
            .or_else(|| p384::PublicKey::from_public_key_pem(text).ok().map(|key| PublicKey::P384(key.into())))
    }

    /// A SubjectPublicKeyInfo, as certificates hold it.
    pub fn from_spki(der: &[u8]) -> Option<PublicKey> {
        let rsa = || rsa_of_spki(der).map(PublicKey::Rsa);
        let p256 = || p256::PublicKey::from_public_key_der(der).ok().map(|key| PublicKey::P256(key.into()));
        let p384 = || p384::PublicKey::from_public_key_der(der).ok().map(|key| PublicKey::P384(key.into()));
        rsa().or_else(p256).or_else(p384)
    }

    /// Why a signature by this key proves nothing, if so.
    pub fn weakness(&self) -> Option<String> {
        match self {
            PublicKey::Rsa(key) if key.n().bits() < RSA_BITS => {
                Some(format!("an RSA key of {} bits is too short", key.n().bits()))
            }
            _ => None,
        }
    }

    /// Whether `signature` is this key's over `digest`.
    pub fn verify(&self, hash: Hash, digest: &[u8], signature: &[u8]) -> bool {
        match self {
            PublicKey::Rsa(key) => key.verify(hash.padding(), digest, signature).is_ok(),
            PublicKey::P256(key) => {
                p256::ecdsa::Signature::from_der(signature).is_ok_and(|signature| key.verify_prehash(digest, &signature).is_ok())
            }
            PublicKey::P384(key) => {
                p384::ecdsa::Signature::from_der(signature).is_ok_and(|signature| key.verify_prehash(digest, &signature).is_ok())
            }
        }
    }

    /// Judges a detached signature over a SHA-256. It names no key, so one that is not by the given keys may also be a wrong one.
    pub fn judge(keys: &[PublicKey], digest: &[u8; 32], signature: &[u8]) -> Verdict {
        match keys.iter().find(|key| key.verify(Hash::Sha256, digest, signature)) {
            Some(key) => key.weakness().map_or_else(|| Verdict::Good { by: key.fingerprint(), note: None }, Verdict::bad),
            None => Verdict::OtherKey { by: "none of the given ones, or what it signs was changed".to_owned() },
        }
    }

    /// `sha256:` and the digest of the SubjectPublicKeyInfo: what `openssl pkey -pubin -outform DER | sha256sum` prints.
    pub fn fingerprint(&self) -> String {
        format!("sha256:{}", hex::encode(Sha256::digest(self.to_spki())))
    }

    /// The key as a SubjectPublicKeyInfo, in DER.
    pub fn to_spki(&self) -> Vec<u8> {
        let der = match self {
            PublicKey::Rsa(key) => key.to_public_key_der(),
            PublicKey::P256(key) => key.to_public_key_der(),
            PublicKey::P384(key) => key.to_public_key_der(),
        };
        der.expect("a key that was read can be written").into_vec()
    }

    /// The key as `openssl pkey -pubout` writes it.
    pub fn to_pem(&self) -> String {
        use pkcs8::LineEnding::LF;
        let pem = match self {
            PublicKey::Rsa(key) => key.to_public_key_pem(LF),
            PublicKey::P256(key) => key.to_public_key_pem(LF),
            PublicKey::P384(key) => key.to_public_key_pem(LF),
        };
        pem.expect("a key that was read can be written")
    }

    /// What a signature of this key over a SHA-256 is called in LINKPACK_SIGN_ALGORITHM.
    pub fn algorithm(&self) -> &'static str {
        match self {
            PublicKey::Rsa(_) => "rsa-pkcs1-sha256",
            PublicKey::P256(_) => "ecdsa-p256-sha256",
            PublicKey::P384(_) => "ecdsa-p384-sha256",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_rsa_keys_are_read_up_to_what_openssl_checks_by() {
        let key = |bits: usize| {
            let modulus = (rsa::BigUint::from(1_u8) << (bits - 1)) + 1_u8;
            let key = RsaPublicKey::new_with_max_size(modulus, 65537_u32.into(), bits).unwrap();
            PublicKey::Rsa(key)
        };
        for bits in [2048, 4096, 8192, 16384] {
            assert_eq!(PublicKey::from_pem(&key(bits).to_pem()), Some(key(bits)), "{bits}");
            assert_eq!(PublicKey::from_spki(&key(bits).to_spki()), Some(key(bits)), "{bits}");
        }
        assert_eq!(PublicKey::from_pem(&key(16392).to_pem()), None);
    }

    #[test]
    fn a_pem_whose_dashes_are_short_is_refused() {
        for text in [
            "-----BEGIN PRIVATE KEY",
            "-----BEGIN PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----END PRIVATE KEY-----",
            "-----BEGIN ENCRYPTED PRIVATE KEY------END ENCRYPTED PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----EN",
        ] {
            assert!(crate::key_file::KeyFile::read(text.as_bytes(), None).is_err(), "{text}");
        }
    }
}
