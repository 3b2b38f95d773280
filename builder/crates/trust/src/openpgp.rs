//! OpenPGP (RFC 9580, signatures and keys of version 4): what RPM and DEB are signed with.

use super::signer::ShellCommand;
use super::Verdict;
use base::error::{Error, Result};
use base64ct::{Base64, Encoding};
use pgp::composed::{Deserializable, DetachedSignature, PublicOrSecret, SignedPublicKey, SignedSecretKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::crypto::public_key::PublicKeyAlgorithm;
use pgp::packet::{Signature, SignatureConfig, SignatureType, SignatureVersion, Subpacket, SubpacketData};
use pgp::ser::Serialize;
use pgp::types::{KeyDetails, Password, SigningKey, Timestamp};
use std::io::Read;
use std::time::SystemTime;

/// Keys of one ring.
const MOST_KEYS: usize = 1000;
/// Bytes of a detached signature.
const LONGEST: usize = 64 << 10;

/// What makes detached signatures.
pub enum OpenPgpSigner {
    /// A secret key of ours.
    Key(Box<SecretKey>),
    /// A command of the user's: the data on its standard input, the detached signature on its standard output.
    Command(ShellCommand),
}

/// A secret key and what opens it.
pub struct SecretKey {
    pub(super) key: SignedSecretKey,
    /// The subkey that signs; none for the primary key.
    pub(super) subkey: Option<usize>,
    password: Password,
    /// The time of signatures where it is not now, in seconds since 1970.
    at: Option<u32>,
}

/// How a signature was made, which RPM sorts by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA.
    Rsa,
    /// EdDSA on Curve25519.
    Ed25519,
    /// Something else.
    Other,
}

/// A detached signature.
#[derive(Debug, Clone)]
pub struct Detached {
    /// The packet, not armoured.
    pub bytes: Vec<u8>,
    /// How it was made.
    pub algorithm: Algorithm,
    /// The fingerprint of the key, or its id where the signature has no more.
    pub key: String,
}

impl OpenPgpSigner {
    /// Reads a secret key, armoured or not. With `at` signatures are of that time (or the key's, where that is later), and the same
    /// data then has the same signature.
    ///
    /// # Errors
    /// Not a secret key, one that is of no use (revoked, expired, too weak), or another password.
    pub fn read(bytes: &[u8], password: Option<&str>, at: Option<u32>) -> Result<OpenPgpSigner> {
        let unread = |why: String| {
            Error::new(format!("the OpenPGP key cannot be read: {why}"))
                .help("export it: gpg --export-secret-keys --armor KEY; or let gpg sign with --openpgp-command")
        };
        let (mut keys, _) = PublicOrSecret::from_reader_many(bytes).map_err(|error| unread(plainly(&error).to_owned()))?;
        let key = match keys.next() {
            Some(Ok(PublicOrSecret::Secret(key))) => key,
            Some(Ok(PublicOrSecret::Public(_))) => return Err(unread("it is a public key".to_owned())),
            Some(Err(error)) => return Err(unread(plainly(&error).to_owned())),
            None => return Err(unread("there is none in the file".to_owned())),
        };
        let subkey = choose(&key, password)?;
        let password = password.map_or_else(Password::empty, Password::from);
        Ok(OpenPgpSigner::Key(Box::new(SecretKey { key, subkey, password, at })))
    }

    /// Signs all that `data` gives.
    ///
    /// # Errors
    /// The data cannot be read, the key not be opened, the command fails or answers with something else.
    pub fn sign(&self, purpose: &str, data: &mut (dyn Read + Send)) -> Result<Detached> {
        match self {
            OpenPgpSigner::Key(key) => key.sign(data),
            OpenPgpSigner::Command(command) => {
                let answer = command.run(&[("LINKPACK_SIGN_PURPOSE", purpose.to_owned())], data)?;
                let wrong = |why: &str| {
                    Error::new(format!("the OpenPGP command's answer cannot be used: {why}"))
                        .help("it has to put a detached signature on standard output, as gpg --detach-sign does")
                };
                let signature = parse(&answer).ok_or_else(|| wrong("it is not a detached signature"))?;
                if let Some(why) = weakness(&signature) {
                    return Err(wrong(&why));
                }
                detached(&signature)
            }
        }
    }
}

impl SecretKey {
    fn sign(&self, data: &mut dyn Read) -> Result<Detached> {
        detached(&self.signature(SignatureType::Binary, self.at, data)?)
    }

    /// A signature of that type and time; of now without one, of the key's own time where that is later.
    pub(super) fn signature(&self, typ: SignatureType, at: Option<u32>, data: &mut dyn Read) -> Result<Signature> {
        match self.subkey {
            Some(subkey) => self.signature_by(&self.key.secret_subkeys[subkey].key, typ, at, data),
            None => self.signature_by(&self.key.primary_key, typ, at, data),
        }
    }

    fn signature_by(&self, key: &impl SigningKey, typ: SignatureType, at: Option<u32>, data: &mut dyn Read) -> Result<Signature> {
        let failed = |error: pgp::errors::Error| Error::new(format!("the OpenPGP key {} cannot sign: {error}", shown(key)));
        let time = match at {
            Some(at) => at.max(key.created_at().as_secs()),
            None => Timestamp::now().as_secs(),
        };
        let mut config = SignatureConfig::v4(typ, key.algorithm(), HashAlgorithm::Sha256);
        let part = |data| Subpacket::regular(data).map_err(failed);
        config.hashed_subpackets = vec![
            part(SubpacketData::IssuerFingerprint(key.fingerprint()))?,
            part(SubpacketData::SignatureCreationTime(Timestamp::from_secs(time)))?,
        ];
        config.unhashed_subpackets = vec![part(SubpacketData::IssuerKeyId(key.legacy_key_id()))?];
        config.sign(key, &self.password, data).map_err(failed)
    }
}

/// The newest subkey that is for signing and opens, else the primary key.
fn choose(key: &SignedSecretKey, password: Option<&str>) -> Result<Option<usize>> {
    let opened = password.map_or_else(Password::empty, Password::from);
    let usable = Usable::of(&proven(key.to_public_key()), Timestamp::now().as_secs());
    let mut subkeys: Vec<_> = key.secret_subkeys.iter().enumerate().filter(|(at, _)| usable.subkeys[*at]).collect();
    subkeys.sort_by_key(|(_, one)| std::cmp::Reverse(one.key.created_at().as_secs()));
    let mut locked = false;
    for (at, one) in subkeys {
        // The key of a smartcard is a stub in the file: the next one may be whole.
        if trial(&one.key, &opened) {
            return Ok(Some(at));
        }
        locked |= one.key.secret_params().is_encrypted();
    }
    if usable.primary && trial(&key.primary_key, &opened) {
        return Ok(None);
    }
    locked |= usable.primary && key.primary_key.secret_params().is_encrypted();
    let name = shown(&key.primary_key);
    Err(match (locked, password) {
        (true, Some(_)) => Error::new(format!("the password does not open the OpenPGP key {name}"))
            .note("or what is in the file is the stub of a smartcard's key, which --openpgp-command can reach by gpg"),
        (true, None) => Error::new(format!("the OpenPGP key {name} is encrypted and no password was given"))
            .help("name where it is with --password-file FILE, --password-fd N or --password-env NAME"),
        (false, _) => Error::new(format!("no part of the OpenPGP key {name} can sign"))
            .note("it is revoked, expired, too weak, or not for signatures")
            .help("sign with another key, or let gpg sign with --openpgp-command"),
    })
}

fn trial(key: &impl SigningKey, password: &Password) -> bool {
    SignatureConfig::v4(SignatureType::Binary, key.algorithm(), HashAlgorithm::Sha256).sign(key, password, &b""[..]).is_ok()
}

pub(super) fn shown(key: &impl KeyDetails) -> String {
    hex::encode_upper(key.fingerprint().as_bytes())
}

fn detached(signature: &Signature) -> Result<Detached> {
    let mut bytes = Vec::new();
    DetachedSignature::new(signature.clone())
        .to_writer(&mut bytes)
        .map_err(|error| Error::new(format!("an OpenPGP signature cannot be written: {error}")))?;
    let algorithm = match signature.config().map(|config| config.pub_alg) {
        Some(PublicKeyAlgorithm::RSA | PublicKeyAlgorithm::RSASign) => Algorithm::Rsa,
        Some(PublicKeyAlgorithm::EdDSALegacy | PublicKeyAlgorithm::Ed25519) => Algorithm::Ed25519,
        _ => Algorithm::Other,
    };
    Ok(Detached { bytes, algorithm, key: claimed_key(signature) })
}

fn claimed_key(signature: &Signature) -> String {
    let fingerprint = signature.issuer_fingerprint().first().map(|one| hex::encode_upper(one.as_bytes()));
    let id = || signature.issuer_key_id().first().map(|one| one.to_string().to_uppercase());
    fingerprint.or_else(id).unwrap_or_else(|| "unknown".to_owned())
}

/// The one detached signature in these bytes, armoured or not.
fn parse(bytes: &[u8]) -> Option<Signature> {
    if bytes.is_empty() || bytes.len() > LONGEST {
        return None;
    }
    let one = match bytes[0] & 0x80 {
        0 => DetachedSignature::from_armor_single(bytes).ok()?.0,
        _ => DetachedSignature::from_bytes(bytes).ok()?,
    };
    Some(one.signature)
}

/// The packet that a text holds in base64, as rpm 6 writes signatures into headers.
pub fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    let text: String = text.iter().filter(|byte| !byte.is_ascii_whitespace()).map(|&byte| char::from(byte)).collect();
    Base64::decode_vec(&text).ok()
}

/// Why a signature proves nothing, by any key.
fn weakness(signature: &Signature) -> Option<String> {
    let config = match signature.config() {
        Some(config) if matches!(signature.version(), SignatureVersion::V4 | SignatureVersion::V3 | SignatureVersion::V6) => {
            config
        }
        _ => return Some("its version is not known".to_owned()),
    };
    match config.hash_alg {
        HashAlgorithm::Md5 | HashAlgorithm::Sha1 | HashAlgorithm::Ripemd160 => {
            return Some(format!("it is made over {}, which proves nothing", config.hash_alg));
        }
        _ => {}
    }
    if config.typ != SignatureType::Binary {
        return Some("it is not a signature over data".to_owned());
    }
    config
        .hashed_subpackets
        .iter()
        .find(|one| one.is_critical && matches!(one.data, SubpacketData::Other(..) | SubpacketData::Notation(_)))
        .map(|_| "it has a critical part that linkpack does not know".to_owned())
}

/// Public keys.
#[derive(Debug, Clone, Default)]
pub struct KeyRing(Vec<SignedPublicKey>);

impl KeyRing {
    /// Reads a ring, armoured or not; of secret keys the public halves.
    ///
    /// # Errors
    /// Not one, or more keys than any.
    pub fn read(bytes: &[u8]) -> Result<KeyRing> {
        let unread = |why: &str| Error::new(format!("the OpenPGP keys cannot be read: {why}"));
        let (keys, _) = PublicOrSecret::from_reader_many(bytes).map_err(|error| unread(plainly(&error)))?;
        let (mut ring, mut why) = (Vec::new(), none_of(bytes));
        for key in keys.take(MOST_KEYS) {
            match key {
                Ok(PublicOrSecret::Public(key)) => ring.push(proven(key)),
                Ok(PublicOrSecret::Secret(key)) => ring.push(proven(key.to_public_key())),
                // Rings of distributions hold keys of versions that are gone: nothing is trusted for what is left out.
                Err(error) => why = plainly(&error),
            }
        }
        match ring.is_empty() {
            true => Err(unread(why)),
            false => Ok(KeyRing(ring)),
        }
    }

    /// Whether it has no keys.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first key.
    pub(super) fn first(&self) -> Option<&SignedPublicKey> {
        self.0.first()
    }

    /// Adds another ring's keys.
    pub fn extend(&mut self, other: KeyRing) {
        self.0.extend(other.0);
    }

    /// Judges a detached signature over all that `data` gives.
    pub fn verify(&self, signature: &[u8], data: &mut dyn Read) -> Verdict {
        let Some(signature) = parse(signature) else { return Verdict::bad("it is not an OpenPGP signature") };
        if let Some(why) = weakness(&signature) {
            return Verdict::bad(why);
        }
        for key in &self.0 {
            if is_by(&signature, key) {
                return judge(&signature, key, None, data);
            }
            if let Some(at) = key.public_subkeys.iter().position(|one| is_by(&signature, &one.key)) {
                return judge(&signature, key, Some(at), data);
            }
        }
        Verdict::OtherKey { by: claimed_key(&signature) }
    }
}

/// Why there are no keys in a file in which the reader of packets found none.
fn none_of(bytes: &[u8]) -> &'static str {
    // A signature's packet, in the old format (with a length of 1, 2, 4 or no bytes) and in the new one.
    let binary = matches!(bytes.first(), Some(0x88..=0x8b | 0xc2));
    let armoured = bytes.trim_ascii_start().starts_with(b"-----BEGIN PGP SIGNATURE-----");
    match binary || armoured {
        true => "it holds a signature, and no key",
        false => "it holds none that linkpack can read",
    }
}

/// What is wrong with a key or a signature that the reader of packets did not take; its own words are for programmers.
pub(super) fn plainly(error: &pgp::errors::Error) -> &'static str {
    use pgp::errors::Error;
    match error {
        Error::Unsupported { .. } | Error::Unimplemented { .. } => "a part of it is of a kind that linkpack does not know",
        Error::InvalidArmorWrappers | Error::InvalidChecksum | Error::Base64Decode { .. } => "its armour is damaged",
        _ => "it is damaged, or of a kind that linkpack does not know",
    }
}

fn is_by(signature: &Signature, key: &impl KeyDetails) -> bool {
    let fingerprints = signature.issuer_fingerprint();
    match fingerprints.is_empty() {
        false => fingerprints.iter().any(|one| **one == key.fingerprint()),
        true => signature.issuer_key_id().iter().any(|one| **one == key.legacy_key_id()),
    }
}

fn judge(signature: &Signature, key: &SignedPublicKey, subkey: Option<usize>, data: &mut dyn Read) -> Verdict {
    let created = signature.created().map(|time| time.as_secs());
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let Some(created) = created else { return Verdict::bad("it has no time") };
    if u64::from(created) > now + 24 * 3600 {
        return Verdict::bad("its time is in the future");
    }
    let usable = Usable::of(key, created);
    let allowed = subkey.map_or(usable.primary, |at| usable.subkeys[at]);
    if !allowed {
        return Verdict::bad(format!("its key {} was revoked, expired, weak or not for signatures when it was made", shown(key)));
    }
    let checked = match subkey {
        None => signature.verify(&key.primary_key, data),
        Some(at) => signature.verify(&key.public_subkeys[at].key, data),
    };
    match checked {
        Ok(()) => Verdict::Good { by: shown(key), note: None },
        Err(_) => Verdict::bad("what it signs was changed, or the signature was"),
    }
}

/// The key without the statements that are not its own: what others certified, and what does not verify. A subkey without any left
/// is somebody else's.
pub(super) fn proven(mut key: SignedPublicKey) -> SignedPublicKey {
    let primary = key.primary_key.clone();
    key.details.direct_signatures.retain(|one| is_by(one, &primary) && one.verify_key(&primary).is_ok());
    key.details.revocation_signatures.retain(|one| is_by(one, &primary) && one.verify_key(&primary).is_ok());
    for user in &mut key.details.users {
        let id = user.id.clone();
        user.signatures.retain(|one| {
            let certifies = one.typ() != Some(SignatureType::CertRevocation);
            certifies && is_by(one, &primary) && one.verify_certification(&primary, pgp::types::Tag::UserId, &id).is_ok()
        });
    }
    for subkey in &mut key.public_subkeys {
        let own = subkey.key.clone();
        subkey.signatures.retain(|one| {
            // A subkey that signs has to have agreed to belong to this key.
            let agreed = || one.embedded_signature().is_some_and(|back| back.verify_primary_key_binding(&own, &primary).is_ok());
            one.verify_subkey_binding(&primary, &own).is_ok() && (!one.key_flags().sign() || agreed())
        });
    }
    key
}

/// Which parts of a key may sign at some time.
pub(super) struct Usable {
    pub(super) primary: bool,
    pub(super) subkeys: Vec<bool>,
}

impl Usable {
    pub(super) fn of(key: &SignedPublicKey, at: u32) -> Usable {
        let own: Vec<&Signature> =
            key.details.direct_signatures.iter().chain(key.details.users.iter().flat_map(|user| &user.signatures)).collect();
        let alive = key.details.revocation_signatures.is_empty() && within(&key.primary_key, &own, at);
        let subkey = |one: &pgp::composed::SignedPublicSubKey| {
            let bindings: Vec<&Signature> = one.signatures.iter().collect();
            let revoked = bindings.iter().any(|one| one.typ() == Some(SignatureType::SubkeyRevocation));
            alive && !revoked && within(&one.key, &bindings, at) && newest(&bindings).is_some_and(|one| one.key_flags().sign())
        };
        Usable {
            // A primary key without any statement of its uses may do what its algorithm can.
            primary: alive && newest(&own).is_none_or(|one| one.key_flags().sign() || !states_uses(one)),
            subkeys: key.public_subkeys.iter().map(subkey).collect(),
        }
    }
}

fn states_uses(signature: &Signature) -> bool {
    signature
        .config()
        .is_some_and(|config| config.hashed_subpackets.iter().any(|one| matches!(one.data, SubpacketData::KeyFlags(_))))
}

pub(super) fn newest<'a>(signatures: &[&'a Signature]) -> Option<&'a Signature> {
    signatures.iter().max_by_key(|one| one.created().map(|time| time.as_secs())).copied()
}

fn within(key: &(impl KeyDetails + Weighed), own: &[&Signature], at: u32) -> bool {
    let from = key.created_at().as_secs();
    let lasts = newest(own).and_then(|one| one.key_expiration_time()).map(|lasts| lasts.as_secs()).filter(|lasts| *lasts > 0);
    at >= from && lasts.is_none_or(|lasts| at <= from.saturating_add(lasts)) && key.is_strong()
}

/// How strong a key is.
trait Weighed {
    fn is_strong(&self) -> bool;
}

/// RSA below 2048 bits and DSA prove nothing any more.
fn strong(parameters: &pgp::types::PublicParams) -> bool {
    use rsa::traits::PublicKeyParts;
    match parameters {
        pgp::types::PublicParams::RSA(rsa) => rsa.key.n().bits() >= 2048,
        pgp::types::PublicParams::DSA(_) => false,
        _ => true,
    }
}

impl Weighed for pgp::packet::PublicKey {
    fn is_strong(&self) -> bool {
        strong(self.public_params())
    }
}

impl Weighed for pgp::packet::PublicSubkey {
    fn is_strong(&self) -> bool {
        strong(self.public_params())
    }
}
