//! CMS SignedData (RFC 5652) with one signer: what Authenticode and time stamps are wrapped in.

use super::certificate::Certificate;
use super::der::{self, context, set_of, tlv, Reader, NULL};
use super::key::{Hash, PublicKey};
use super::signer::Signer;
use base::error::Result;

const SIGNED_DATA: &str = "1.2.840.113549.1.7.2";
const CONTENT_TYPE: &str = "1.2.840.113549.1.9.3";
const MESSAGE_DIGEST: &str = "1.2.840.113549.1.9.4";
const SHA256: &str = "2.16.840.1.101.3.4.2.1";
/// Certificates, attributes and signers of one signature.
const MOST: usize = 64;

/// A SignedData that was read.
pub struct SignedData<'a> {
    /// The type of what was signed, as an OID's element.
    pub content_type: &'a [u8],
    /// What was signed.
    pub content: der::Element<'a>,
    /// The certificates in it.
    pub certificates: Vec<Certificate>,
    digests: Vec<der::Element<'a>>,
    signer: SignerInfo<'a>,
}

/// Whether these bytes are a SignedData with one signer.
pub fn is_signed_data(bytes: &[u8]) -> bool {
    SignedData::read(bytes).is_some()
}

struct SignerInfo<'a> {
    version: &'a [u8],
    who: der::Element<'a>,
    digest: der::Element<'a>,
    attributes: Option<der::Element<'a>>,
    algorithm: der::Element<'a>,
    signature: &'a [u8],
    unsigned: Option<der::Element<'a>>,
}

impl<'a> SignedData<'a> {
    /// Reads a ContentInfo; bytes behind it are ignored, as a stream or a certificate table may be padded.
    pub fn read(bytes: &'a [u8]) -> Option<SignedData<'a>> {
        let mut info = Reader(bytes).expect(der::SEQUENCE)?.inside();
        if info.expect(der::OID)?.whole != der::oid(SIGNED_DATA) {
            return None;
        }
        let mut data = info.expect(context(0))?.inside().expect(der::SEQUENCE)?.inside();
        data.expect(der::INTEGER)?;
        let digests = data.expect(der::SET)?.inside().all(MOST)?;
        let mut inner = data.expect(der::SEQUENCE)?.inside();
        let content_type = inner.expect(der::OID)?.whole;
        let content = inner.expect(context(0))?.inside().any()?;
        let certificates = match data.optional(context(0)) {
            // Other kinds than X.509's have other tags. One that cannot be read makes all unreadable, as it does for OpenSSL.
            Some(set) => {
                let all = set.inside().all(MOST)?;
                let plain = all.iter().filter(|one| one.tag == der::SEQUENCE);
                plain.map(|one| Certificate::from_der(one.whole)).collect::<Option<_>>()?
            }
            None => Vec::new(),
        };
        data.optional(context(1));
        let signers = data.expect(der::SET)?.inside().all(MOST)?;
        let [signer] = signers[..] else { return None };
        Some(SignedData { content_type, content, certificates, digests, signer: SignerInfo::read(signer)? })
    }

    /// The signer's certificate, when it is there.
    pub fn end(&self) -> Option<&Certificate> {
        self.certificates.iter().find(|one| self.signer.is(one))
    }

    /// Whether this certificate is the signer's.
    pub fn is_by(&self, certificate: &Certificate) -> bool {
        self.signer.is(certificate)
    }

    /// The signature's bytes.
    pub fn signature(&self) -> &'a [u8] {
        self.signer.signature
    }

    /// All values of the unsigned attributes of that kind.
    pub fn all_unsigned(&self, oid: &str) -> Vec<der::Element<'a>> {
        let oid = der::oid(oid);
        let values = |one: der::Element<'a>| {
            let mut parts = one.inside();
            parts.expect(der::OID).filter(|name| name.whole == oid)?;
            parts.expect(der::SET)?.inside().all(MOST)
        };
        let all = self.signer.unsigned.and_then(|set| set.inside().all(MOST)).unwrap_or_default();
        all.into_iter().filter_map(values).flatten().collect()
    }

    /// The first value of an unsigned attribute.
    pub fn unsigned(&self, oid: &str) -> Option<der::Element<'a>> {
        attribute(self.signer.unsigned?, oid)
    }

    /// Checks the signature by the key of `end`, over the attributes and through them over the content.
    ///
    /// # Errors
    /// Why it proves nothing.
    pub fn check(&self, end: &Certificate) -> Result<(), String> {
        let signer = &self.signer;
        let hash = digest_hash(signer.digest)?;
        // Who reads it in one pass has to know all digests before the content: such readers find none that is not listed.
        if !self.digests.iter().any(|one| digest_hash(*one) == Ok(hash)) {
            return Err("its list of digests lacks the signer's".to_owned());
        }
        let attributes = signer.attributes.ok_or("it has no signed attributes")?;
        let stated = attribute(attributes, MESSAGE_DIGEST).filter(|one| one.tag == der::OCTETS).ok_or("it has no digest")?;
        let kind = attribute(attributes, CONTENT_TYPE).ok_or("it does not say what it signs")?;
        if kind.whole != self.content_type || stated.content != hash.digest(self.content.content) {
            return Err("what it signs was changed".to_owned());
        }
        let algorithm = named(signer.algorithm).ok_or("its algorithm is not supported")?;
        let rsa = algorithm == der::oid("1.2.840.113549.1.1.1");
        // The digest is named twice unless the algorithm is plain RSA.
        if !rsa && !named_hash(algorithm).is_some_and(|named| named == hash) {
            return Err("its algorithm is not supported".to_owned());
        }
        let key = end.public_key().ok_or("its key is of a kind that is not supported")?;
        if let Some(why) = key.weakness() {
            return Err(why);
        }
        // What is signed is the SET that the attributes are, not the context-specific element that they are stored as.
        let signed = tlv(der::SET, &[attributes.content]);
        match key.verify(hash, &hash.digest(&signed), signer.signature) {
            true => Ok(()),
            false => Err("its attributes or its signature were changed".to_owned()),
        }
    }
}

impl<'a> SignerInfo<'a> {
    fn read(element: der::Element<'a>) -> Option<SignerInfo<'a>> {
        let mut parts = (element.tag == der::SEQUENCE).then(|| element.inside())?;
        let signer = SignerInfo {
            version: parts.expect(der::INTEGER)?.content,
            who: parts.any()?,
            digest: parts.expect(der::SEQUENCE)?,
            attributes: parts.optional(context(0)),
            algorithm: parts.expect(der::SEQUENCE)?,
            signature: parts.expect(der::OCTETS)?.content,
            unsigned: parts.optional(context(1)),
        };
        // What is not signed is read by others all the same: it has to be of the form that they read.
        let formed = |set: &Option<der::Element>| set.is_none_or(|set| attributes(set).is_some());
        (parts.0.is_empty() && formed(&signer.attributes) && formed(&signer.unsigned)).then_some(signer)
    }

    fn is(&self, certificate: &Certificate) -> bool {
        match (self.version, self.who.tag) {
            ([1], der::SEQUENCE) => self.who.content == [certificate.issuer(), certificate.serial()].concat(),
            ([3], 0x80) => certificate.key_identifier().is_some_and(|id| id == self.who.content),
            _ => false,
        }
    }
}

/// Each attribute's OID and first value.
fn attributes<'a>(set: der::Element<'a>) -> Option<Vec<(&'a [u8], der::Element<'a>)>> {
    let one = |one: der::Element<'a>| -> Option<_> {
        let mut parts = (one.tag == der::SEQUENCE).then(|| one.inside())?;
        let oid = parts.expect(der::OID)?.whole;
        let values = parts.expect(der::SET)?.inside().all(MOST)?;
        parts.0.is_empty().then_some((oid, *values.first()?))
    };
    set.inside().all(MOST)?.into_iter().map(one).collect()
}

/// The first value of an attribute.
fn attribute<'a>(set: der::Element<'a>, oid: &str) -> Option<der::Element<'a>> {
    let oid = der::oid(oid);
    attributes(set)?.into_iter().find(|(name, _)| *name == oid).map(|(_, value)| value)
}

/// The OID of an AlgorithmIdentifier without parameters, which are absent or NULL.
fn named<'a>(algorithm: der::Element<'a>) -> Option<&'a [u8]> {
    let mut parts = algorithm.inside();
    let name = parts.expect(der::OID)?.whole;
    (parts.0.is_empty() || parts.0 == NULL).then_some(name)
}

/// The digest that an AlgorithmIdentifier names.
///
/// # Errors
/// It is too weak, or not known.
pub fn digest_hash(algorithm: der::Element) -> Result<Hash, String> {
    let name = named(algorithm).ok_or("its digest is not supported")?;
    for (oid, hash) in
        [(SHA256, Hash::Sha256), ("2.16.840.1.101.3.4.2.2", Hash::Sha384), ("2.16.840.1.101.3.4.2.3", Hash::Sha512)]
    {
        if name == der::oid(oid) {
            return Ok(hash);
        }
    }
    for (oid, weak) in [("1.3.14.3.2.26", "SHA-1"), ("1.2.840.113549.2.5", "MD5")] {
        if name == der::oid(oid) {
            return Err(format!("it is made over {weak}, which proves nothing"));
        }
    }
    Err("its digest is not supported".to_owned())
}

fn named_hash(algorithm: &[u8]) -> Option<Hash> {
    let known = ["1.2.840.113549.1.1.11", "1.2.840.113549.1.1.12", "1.2.840.113549.1.1.13"];
    let known = known.into_iter().chain(["1.2.840.10045.4.3.2", "1.2.840.10045.4.3.3", "1.2.840.10045.4.3.4"]);
    let found = known.into_iter().find(|oid| der::oid(oid) == algorithm)?;
    super::certificate::signature_hash(found).ok()
}

/// AlgorithmIdentifier of SHA-256.
pub fn sha256() -> Vec<u8> {
    tlv(der::SEQUENCE, &[&der::oid(SHA256), &NULL])
}

/// A SignedData that was made, in parts, so that a countersignature finds its place.
pub struct Built {
    content: Vec<u8>,
    certificates: Vec<u8>,
    /// The SignerInfo's parts up to the signature.
    signer: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
}

impl Built {
    /// Signs `content` (an element) of type `kind` with further signed attributes, each an OID and a value's element. Version 1 with
    /// issuer and serial number, as Authenticode wants it.
    ///
    /// # Errors
    /// The signer fails.
    pub fn sign(
        kind: &str,
        content: &[u8],
        attributes: &[(&str, Vec<u8>)],
        chain: &[Certificate],
        signer: &Signer,
    ) -> Result<Built> {
        let inner = Reader(content).any().map_or(content, |element| element.content);
        let attribute = |oid: &str, value: &[u8]| tlv(der::SEQUENCE, &[&der::oid(oid), &tlv(der::SET, &[value])]);
        let digest = tlv(der::OCTETS, &[&Hash::Sha256.digest(inner)]);
        let mut all = vec![attribute(CONTENT_TYPE, &der::oid(kind)), attribute(MESSAGE_DIGEST, &digest)];
        all.extend(attributes.iter().map(|(oid, value)| attribute(oid, value)));
        let signed = set_of(der::SET, all);
        let digest: [u8; 32] = Hash::Sha256.digest(&signed).try_into().expect("SHA-256 has 32 bytes");
        let signature = signer.sign(&digest, "authenticode")?;
        let implicit = [&[context(0)], &signed[1..]].concat();
        let algorithm = match signer.public() {
            PublicKey::Rsa(_) => tlv(der::SEQUENCE, &[&der::oid("1.2.840.113549.1.1.1"), &NULL]),
            PublicKey::P256(_) | PublicKey::P384(_) => tlv(der::SEQUENCE, &[&der::oid("1.2.840.10045.4.3.2")]),
        };
        let who = tlv(der::SEQUENCE, &[&chain[0].issuer(), &chain[0].serial()]);
        let signer = [ONE.to_vec(), who, sha256(), implicit, algorithm].concat();
        let content = tlv(der::SEQUENCE, &[&der::oid(kind), &tlv(context(0), &[content])]);
        let certificates = set_of(context(0), chain.iter().map(|one| one.der().to_vec()).collect());
        Ok(Built { content, certificates, signer, signature })
    }

    /// The ContentInfo; `unsigned` is one unsigned attribute: its OID and its value's element.
    pub fn assemble(&self, unsigned: Option<(&str, &[u8])>) -> Vec<u8> {
        let mut signer = [self.signer.clone(), tlv(der::OCTETS, &[&self.signature])].concat();
        if let Some((oid, value)) = unsigned {
            let attribute = tlv(der::SEQUENCE, &[&der::oid(oid), &tlv(der::SET, &[value])]);
            signer.extend(tlv(context(1), &[&attribute]));
        }
        let signers = tlv(der::SET, &[&tlv(der::SEQUENCE, &[&signer])]);
        let digests = tlv(der::SET, &[&sha256()]);
        let data = tlv(der::SEQUENCE, &[&ONE, &digests, &self.content, &self.certificates, &signers]);
        tlv(der::SEQUENCE, &[&der::oid(SIGNED_DATA), &tlv(context(0), &[&data])])
    }
}

/// INTEGER 1.
pub const ONE: [u8; 3] = [der::INTEGER, 1, 1];
