//! PKCS#12 files (RFC 7292): a key and its certificates under one password, as Windows and OpenSSL export them.

use super::certificate::Certificate;
use super::der::{self, context, Element, Reader};
use super::key::PrivateKey;
use aes::cipher::{block_padding::Pkcs7, BlockDecryptMut, KeyIvInit};
use base::error::{Error, Result};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::digest::{core_api::BlockSizeUser, Digest};
use sha2::{Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

const DATA: &str = "1.2.840.113549.1.7.1";
const ENCRYPTED_DATA: &str = "1.2.840.113549.1.7.6";
const PBES2: &str = "1.2.840.113549.1.5.13";
const PBE_3DES: &str = "1.2.840.113549.1.12.1.3";
const KEY_BAG: &str = "1.2.840.113549.1.12.10.1.1";
const SHROUDED_KEY_BAG: &str = "1.2.840.113549.1.12.10.1.2";
const CERT_BAG: &str = "1.2.840.113549.1.12.10.1.3";
/// Parts and bags of a file.
const MOST: usize = 128;
/// Rounds of a password's derivation: OpenSSL takes 2,048, the careful some hundred thousand.
const MOST_ROUNDS: u32 = 10_000_000;

/// Reads the first key and all certificates.
///
/// # Errors
/// Not PKCS#12, another password, or an encryption that is broken.
pub fn read(bytes: &[u8], password: &str) -> Result<(PrivateKey, Vec<Certificate>)> {
    let file = File::read(bytes).ok_or_else(|| {
        Error::new("the key is neither PEM, PKCS#8, PKCS#1, SEC1 nor PKCS#12")
            .help("give a private key in PEM, or a .p12 or .pfx file")
    })?;
    let password = Password::new(password);
    file.check(&password)?;
    let mut found = Found::default();
    for part in Reader(file.safe).expect(der::SEQUENCE).and_then(|all| all.inside().all(MOST)).ok_or_else(broken)? {
        let mut parts = part.inside();
        let kind = parts.expect(der::OID).ok_or_else(broken)?.whole;
        let content = parts.expect(context(0)).ok_or_else(broken)?.inside().any().ok_or_else(broken)?;
        if kind == der::oid(DATA) {
            found.bags(content.content, &password)?;
        } else if kind == der::oid(ENCRYPTED_DATA) {
            found.bags(&encrypted(content, &password)?, &password)?;
        } else {
            return Err(Error::new("a part of the PKCS#12 file is encrypted for a public key, which is not supported"));
        }
    }
    let key = found.key.ok_or_else(|| Error::new("the PKCS#12 file holds no private key"))?;
    Ok((key, found.certificates))
}

fn broken() -> Error {
    Error::new("the PKCS#12 file is broken")
}

fn old_encryption() -> Error {
    Error::new("the PKCS#12 file is encrypted in a way that is too old or not known (RC2 is the usual one)")
        .help("export it again with AES, or convert it: openssl pkcs12 -legacy -in OLD.p12 -nodes | openssl pkcs12 -export -out NEW.p12")
}

/// The password as the derivation of old takes it, and as PBES2 does.
struct Password {
    text: Zeroizing<String>,
    /// UTF-16 with a closing zero (RFC 7292, B.1).
    wide: Zeroizing<Vec<u8>>,
}

impl Password {
    fn new(text: &str) -> Password {
        let wide = text.encode_utf16().chain([0]).flat_map(u16::to_be_bytes).collect();
        Password { text: Zeroizing::new(text.to_owned()), wide: Zeroizing::new(wide) }
    }
}

struct File<'a> {
    safe: &'a [u8],
    mac: Option<Element<'a>>,
}

impl<'a> File<'a> {
    fn read(bytes: &'a [u8]) -> Option<File<'a>> {
        let mut parts = Reader(bytes).expect(der::SEQUENCE)?.inside();
        (parts.expect(der::INTEGER)?.content == [3]).then_some(())?;
        let mut safe = parts.expect(der::SEQUENCE)?.inside();
        (safe.expect(der::OID)?.whole == der::oid(DATA)).then_some(())?;
        let safe = safe.expect(context(0))?.inside().expect(der::OCTETS)?.content;
        Some(File { safe, mac: parts.optional(der::SEQUENCE) })
    }

    /// The password by the file's own code, so that a wrong one is told from a broken file.
    fn check(&self, password: &Password) -> Result<()> {
        let Some(mac) = self.mac else { return Ok(()) };
        let read = || {
            let mut parts = mac.inside();
            let mut info = parts.expect(der::SEQUENCE)?.inside();
            let algorithm = info.expect(der::SEQUENCE)?.inside().expect(der::OID)?.whole;
            let digest = info.expect(der::OCTETS)?.content;
            let salt = parts.expect(der::OCTETS)?.content;
            Some((algorithm, digest, salt, parts.optional(der::INTEGER).map_or(Some(1), rounds)?))
        };
        let (algorithm, digest, salt, rounds) = read().ok_or_else(broken)?;
        let is = |oid| algorithm == der::oid(oid);
        macro_rules! right {
            ($hash:ty, $len:literal) => {{
                let key = derive::<$hash>(&password.wide, salt, rounds, 3, $len);
                let mut mac = <Hmac<$hash> as Mac>::new_from_slice(&key).expect("a key of any length");
                mac.update(self.safe);
                mac.verify_slice(digest).is_ok()
            }};
        }
        let right = match () {
            () if is("1.3.14.3.2.26") => right!(Sha1, 20),
            () if is("2.16.840.1.101.3.4.2.1") => right!(Sha256, 32),
            () if is("2.16.840.1.101.3.4.2.2") => right!(Sha384, 48),
            () if is("2.16.840.1.101.3.4.2.3") => right!(Sha512, 64),
            () => return Err(old_encryption()),
        };
        match right {
            true => Ok(()),
            false => Err(Error::new("the password does not open the PKCS#12 file, or the file is damaged")
                .help("name where the password is with --password-file FILE, --password-fd N or --password-env NAME")),
        }
    }
}

fn rounds(element: Element) -> Option<u32> {
    let digits = element.content;
    let number = digits.iter().fold(0u64, |number, &digit| number.saturating_mul(256).saturating_add(u64::from(digit)));
    (digits.len() <= 5).then_some(number as u32).filter(|_| (1..=u64::from(MOST_ROUNDS)).contains(&number))
}

#[derive(Default)]
struct Found {
    key: Option<PrivateKey>,
    certificates: Vec<Certificate>,
}

impl Found {
    /// The bags of a SafeContents.
    fn bags(&mut self, bytes: &[u8], password: &Password) -> Result<()> {
        for bag in Reader(bytes).expect(der::SEQUENCE).and_then(|all| all.inside().all(MOST)).ok_or_else(broken)? {
            let mut parts = bag.inside();
            let kind = parts.expect(der::OID).ok_or_else(broken)?.whole;
            let value = parts.expect(context(0)).ok_or_else(broken)?.inside().any().ok_or_else(broken)?;
            if kind == der::oid(CERT_BAG) {
                self.certificates.extend(certificate(value));
            } else if self.key.is_none() && kind == der::oid(KEY_BAG) {
                self.key = PrivateKey::from_der(value.whole);
            } else if self.key.is_none() && kind == der::oid(SHROUDED_KEY_BAG) {
                let mut parts = value.inside();
                let algorithm = parts.expect(der::SEQUENCE).ok_or_else(broken)?;
                let plain = decrypt(algorithm, parts.expect(der::OCTETS).ok_or_else(broken)?.content, password)?;
                let key = PrivateKey::from_der(&plain);
                self.key =
                    Some(key.ok_or_else(|| Error::new("the PKCS#12 file's key is neither RSA nor ECDSA on P-256 or P-384"))?);
            }
        }
        Ok(())
    }
}

fn certificate(bag: Element) -> Option<Certificate> {
    let mut parts = bag.inside();
    parts.expect(der::OID)?;
    Certificate::from_der(parts.expect(context(0))?.inside().expect(der::OCTETS)?.content)
}

/// EncryptedData.
fn encrypted(content: Element, password: &Password) -> Result<Zeroizing<Vec<u8>>> {
    let read = || {
        let mut parts = content.inside();
        parts.expect(der::INTEGER)?;
        let mut info = parts.expect(der::SEQUENCE)?.inside();
        info.expect(der::OID)?;
        Some((info.expect(der::SEQUENCE)?, info.expect(der::implicit(0))?.content))
    };
    let (algorithm, bytes) = read().ok_or_else(broken)?;
    decrypt(algorithm, bytes, password)
}

fn decrypt(algorithm: Element, bytes: &[u8], password: &Password) -> Result<Zeroizing<Vec<u8>>> {
    let wrong = || Error::new("a part of the PKCS#12 file cannot be decrypted");
    let mut parts = algorithm.inside();
    let name = parts.expect(der::OID).ok_or_else(broken)?.whole;
    if name == der::oid(PBES2) {
        use pkcs8::der::Decode;
        let scheme = pkcs8::pkcs5::EncryptionScheme::from_der(algorithm.whole).map_err(|_| old_encryption())?;
        let derived = scheme.pbes2().and_then(|parameters| parameters.kdf.pbkdf2());
        if derived.is_some_and(|kdf| kdf.iteration_count > MOST_ROUNDS) {
            return Err(broken());
        }
        return scheme.decrypt(password.text.as_bytes(), bytes).map(Zeroizing::new).map_err(|_| wrong());
    }
    if name != der::oid(PBE_3DES) {
        return Err(old_encryption());
    }
    let mut parameters = parts.expect(der::SEQUENCE).ok_or_else(broken)?.inside();
    let salt = parameters.expect(der::OCTETS).ok_or_else(broken)?.content;
    let rounds = parameters.expect(der::INTEGER).and_then(rounds).ok_or_else(broken)?;
    let key = derive::<Sha1>(&password.wide, salt, rounds, 1, 24);
    let start = derive::<Sha1>(&password.wide, salt, rounds, 2, 8);
    let cipher = cbc::Decryptor::<des::TdesEde3>::new_from_slices(&key, &start).map_err(|_| wrong())?;
    cipher.decrypt_padded_vec_mut::<Pkcs7>(bytes).map(Zeroizing::new).map_err(|_| wrong())
}

/// The derivation of RFC 7292, B.2: `len` bytes for the use that `id` numbers.
fn derive<D: Digest + BlockSizeUser>(password: &[u8], salt: &[u8], rounds: u32, id: u8, len: usize) -> Zeroizing<Vec<u8>> {
    let block = D::block_size();
    let filled = |bytes: &[u8]| -> Vec<u8> {
        let whole = bytes.len().next_multiple_of(block);
        bytes.iter().copied().cycle().take(if bytes.is_empty() { 0 } else { whole }).collect()
    };
    let mut input = Zeroizing::new([filled(salt), filled(password)].concat());
    let mut derived = Zeroizing::new(Vec::with_capacity(len + 64));
    while derived.len() < len {
        let mut round = D::new().chain_update(vec![id; block]).chain_update(input.as_slice()).finalize();
        for _ in 1..rounds {
            round = D::digest(&round);
        }
        derived.extend_from_slice(&round);
        let add: Vec<u8> = round.iter().copied().cycle().take(block).collect();
        for chunk in input.chunks_mut(block) {
            let mut carry = 1u16;
            for (byte, more) in chunk.iter_mut().zip(&add).rev() {
                carry += u16::from(*byte) + u16::from(*more);
                *byte = carry as u8;
                carry >>= 8;
            }
        }
    }
    derived.truncate(len);
    derived
}
