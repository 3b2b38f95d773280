//! X.509 certificates, and whether a chain of them leads from a signer to one that is trusted (RFC 5280, without revocation: closed
//! sites reach no server that would know).

use super::der::{self, Reader};
use super::key::{Hash, PublicKey};
use base::error::{Error, Result};
use sha2::{Digest, Sha256};
use std::time::{Duration, SystemTime};
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage};

/// Certificates of one file or signature.
const MOST: usize = 64;
/// Signatures checked for one chain: certificates of one name and key can be arranged to be tried in every order.
const MOST_CHECKS: usize = 128;
const LONGEST_CHAIN: usize = 8;

/// What a certificate is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Signing programs and packages.
    CodeSigning,
    /// Countersigning with a time (RFC 3161).
    TimeStamping,
}

impl Purpose {
    fn oid(self) -> &'static str {
        match self {
            Purpose::CodeSigning => "1.3.6.1.5.5.7.3.3",
            Purpose::TimeStamping => "1.3.6.1.5.5.7.3.8",
        }
    }

    fn is(self, usage: &x509_cert::der::asn1::ObjectIdentifier) -> bool {
        usage.to_string() == self.oid()
    }

    fn name(self) -> &'static str {
        match self {
            Purpose::CodeSigning => "code signing",
            Purpose::TimeStamping => "time stamping",
        }
    }
}

/// A certificate.
#[derive(Debug, Clone)]
pub struct Certificate {
    der: Vec<u8>,
    parsed: Box<x509_cert::Certificate>,
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Certificate {
    /// Reads DER.
    pub fn from_der(der: &[u8]) -> Option<Certificate> {
        let parsed = x509_cert::Certificate::from_der(der).ok()?;
        Some(Certificate { der: der.to_vec(), parsed: Box::new(parsed) })
    }

    /// Reads all certificates of a PEM text, or the one of a DER file.
    ///
    /// # Errors
    /// There is none, one is broken, or there are more than any chain has.
    pub fn read_all(bytes: &[u8]) -> Result<Vec<Certificate>> {
        let broken = || Error::new("a certificate cannot be read");
        let Some(text) = std::str::from_utf8(bytes).ok().filter(|text| text.contains("-----BEGIN ")) else {
            return Ok(vec![Certificate::from_der(bytes).ok_or_else(broken)?]);
        };
        const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
        let mut all = Vec::new();
        for block in text.split(BEGIN).skip(1).take(MOST) {
            use base64ct::Encoding;
            let body: String =
                block.split("-----").next().unwrap_or_default().chars().filter(|c| !c.is_ascii_whitespace()).collect();
            let der = base64ct::Base64::decode_vec(&body).map_err(|_| broken())?;
            all.push(Certificate::from_der(&der).ok_or_else(broken)?);
        }
        match all.is_empty() {
            true => Err(Error::new("there is no certificate in the file")),
            false => Ok(all),
        }
    }

    /// The bytes.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The issuer's name in DER.
    pub fn issuer(&self) -> Vec<u8> {
        self.parsed.tbs_certificate.issuer.to_der().unwrap_or_default()
    }

    fn subject(&self) -> Vec<u8> {
        self.parsed.tbs_certificate.subject.to_der().unwrap_or_default()
    }

    /// The serial number's INTEGER in DER.
    pub fn serial(&self) -> Vec<u8> {
        self.parsed.tbs_certificate.serial_number.to_der().unwrap_or_default()
    }

    /// The identifier of its key, when it has one.
    pub fn key_identifier(&self) -> Option<Vec<u8>> {
        let (_, found) = self.parsed.tbs_certificate.get::<x509_cert::ext::pkix::SubjectKeyIdentifier>().ok()??;
        Some(found.0.as_bytes().to_vec())
    }

    /// Its key; `None` for a kind that is not supported.
    pub fn public_key(&self) -> Option<PublicKey> {
        PublicKey::from_spki(&self.parsed.tbs_certificate.subject_public_key_info.to_der().ok()?)
    }

    /// The subject and the fingerprint, for people.
    pub fn describe(&self) -> String {
        let subject: String =
            self.parsed.tbs_certificate.subject.to_string().chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        format!("{subject} (sha256:{})", hex::encode(Sha256::digest(&self.der)))
    }

    /// Whether `issuer` signed this, or why it cannot be said to have.
    fn signed_by(&self, issuer: &Certificate) -> Result<(), String> {
        let mut parts = Reader(&self.der).expect(der::SEQUENCE).ok_or("it is broken")?.inside();
        let signed = parts.any().ok_or("it is broken")?;
        let algorithm = &self.parsed.signature_algorithm;
        // It stands twice, inside of what is signed and outside (RFC 5280, 4.1.1.2).
        if *algorithm != self.parsed.tbs_certificate.signature {
            return Err("it is broken".to_owned());
        }
        let hash = signature_hash(&algorithm.oid.to_string())?;
        let key = issuer.public_key().ok_or("its issuer's key is of a kind that is not supported")?;
        if let Some(why) = key.weakness() {
            return Err(format!("its issuer has {why}"));
        }
        let signature = self.parsed.signature.as_bytes().ok_or("it is broken")?;
        match key.verify(hash, &hash.digest(signed.whole), signature) {
            true => Ok(()),
            false => Err("its issuer did not sign it".to_owned()),
        }
    }

    /// Whether it is for this purpose, and valid then; says nothing of who issued it.
    ///
    /// # Errors
    /// Why not.
    pub fn check_use(&self, purpose: Purpose, at: SystemTime) -> Result<(), String> {
        self.check_end(purpose).and_then(|()| self.check_time(at))
    }

    /// Until when it is valid, for people.
    pub fn valid_until(&self) -> String {
        self.parsed.tbs_certificate.validity.not_after.to_string()
    }

    fn check_time(&self, at: SystemTime) -> Result<(), String> {
        let validity = &self.parsed.tbs_certificate.validity;
        if at < validity.not_before.to_system_time() {
            return Err(format!("its certificate is valid only from {} on", validity.not_before));
        }
        if at > validity.not_after.to_system_time() {
            return Err(format!("its certificate expired at {}", validity.not_after));
        }
        Ok(())
    }

    /// Extensions that must be understood and are not.
    fn check_critical(&self) -> Result<(), String> {
        // Key usages, alternative names, basic constraints, policies, and identifiers; all but the policies are acted upon.
        const KNOWN: [&str; 7] = ["2.5.29.14", "2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.32", "2.5.29.35", "2.5.29.37"];
        let extensions = self.parsed.tbs_certificate.extensions.as_deref().unwrap_or_default();
        match extensions.iter().find(|one| one.critical && !KNOWN.contains(&one.extn_id.to_string().as_str())) {
            Some(one) => Err(format!("a certificate has the critical extension {}, which linkpack does not know", one.extn_id)),
            None => Ok(()),
        }
    }

    fn check_end(&self, purpose: Purpose) -> Result<(), String> {
        let table = &self.parsed.tbs_certificate;
        let uses = table.get::<ExtendedKeyUsage>().map_err(|_| "its certificate is broken")?;
        let Some((critical, ExtendedKeyUsage(uses))) = uses.filter(|(_, uses)| uses.0.iter().any(|one| purpose.is(one))) else {
            return Err(format!("its certificate is not for {}", purpose.name()));
        };
        // RFC 3161, 2.3: for nothing else, marked critical.
        if purpose == Purpose::TimeStamping && (!critical || uses.len() > 1) {
            return Err("its certificate is not for time stamping alone".to_owned());
        }
        match table.get::<KeyUsage>().map_err(|_| "its certificate is broken")? {
            Some((_, usage)) if !usage.digital_signature() && !usage.non_repudiation() => {
                Err("its certificate is not for signatures".to_owned())
            }
            _ => self.check_critical(),
        }
    }

    /// `below`: how many authorities lie between this one and the signer.
    fn check_authority(&self, below: usize) -> Result<(), String> {
        let table = &self.parsed.tbs_certificate;
        let constraints = table.get::<BasicConstraints>().map_err(|_| "an issuer's certificate is broken")?;
        let Some((_, BasicConstraints { ca: true, path_len_constraint })) = constraints else {
            return Err("an issuer's certificate is not an authority's".to_owned());
        };
        if path_len_constraint.is_some_and(|most| below > usize::from(most)) {
            return Err("an issuer may not have authorities below it".to_owned());
        }
        match table.get::<KeyUsage>().map_err(|_| "an issuer's certificate is broken")? {
            Some((_, usage)) if !usage.key_cert_sign() => {
                Err("an issuer's certificate is not for signing certificates".to_owned())
            }
            _ => self.check_critical(),
        }
    }
}

/// Digest of a signature algorithm; PSS and everything older than SHA-256 is refused by name.
pub(super) fn signature_hash(oid: &str) -> Result<Hash, String> {
    match oid {
        "1.2.840.113549.1.1.11" | "1.2.840.10045.4.3.2" => Ok(Hash::Sha256),
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => Ok(Hash::Sha384),
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => Ok(Hash::Sha512),
        "1.2.840.113549.1.1.4" => Err("a certificate is signed over MD5, which proves nothing".to_owned()),
        "1.2.840.113549.1.1.5" | "1.2.840.10045.4.1" => {
            Err("a certificate is signed over SHA-1, which proves nothing".to_owned())
        }
        other => Err(format!("a certificate's signature algorithm {other} is not supported")),
    }
}

/// Whom a chain may lead to, and through which certificates.
pub struct Chain<'a> {
    /// The trusted certificates: authorities, or signers themselves.
    pub anchors: &'a [Certificate],
    /// What came with the signature.
    pub pool: &'a [Certificate],
    /// What the signer's certificate has to be for.
    pub purpose: Purpose,
    /// When it has to have been valid.
    pub at: SystemTime,
}

/// Why a chain does not hold.
#[derive(Debug, PartialEq, Eq)]
pub enum Broken {
    /// It does not lead to a trusted certificate.
    Stranger,
    /// It would lead to a trusted certificate, but for this.
    Because(String),
}

impl Chain<'_> {
    /// Whether `end` is trusted.
    ///
    /// # Errors
    /// See [`Broken`].
    pub fn check(&self, end: &Certificate) -> Result<(), Broken> {
        let end_holds = end.check_use(self.purpose, self.at);
        let mut left = MOST_CHECKS;
        match self.climb(end, 0, &mut left) {
            Ok(()) => end_holds.map_err(Broken::Because),
            Err(broken) => Err(broken),
        }
    }

    fn climb(&self, from: &Certificate, below: usize, left: &mut usize) -> Result<(), Broken> {
        if self.anchors.contains(from) {
            return Ok(());
        }
        let mut why = Broken::Stranger;
        if below >= LONGEST_CHAIN {
            return Err(why);
        }
        let name = from.issuer();
        let issuers = self.anchors.iter().chain(self.pool.iter().take(MOST)).filter(|one| one.subject() == name && *one != from);
        for issuer in issuers {
            *left = left.checked_sub(1).ok_or(Broken::Stranger)?;
            // What is not even the issuer's signature says nothing; a weak digest does.
            let signed = from.signed_by(issuer);
            if signed.as_ref().is_err_and(|why| why == "its issuer did not sign it") {
                continue;
            }
            let step = self.climb(issuer, below + 1, left).and_then(|()| {
                signed
                    .and_then(|()| issuer.check_authority(below))
                    .and_then(|()| issuer.check_time(self.at))
                    .map_err(Broken::Because)
            });
            match step {
                Ok(()) => return Ok(()),
                Err(Broken::Because(because)) => why = Broken::Because(because),
                Err(Broken::Stranger) => {}
            }
        }
        Err(why)
    }
}

/// A time as DER's GeneralizedTime has it, in whole seconds; `None` for another form.
pub(super) fn generalized_time(content: &[u8]) -> Option<SystemTime> {
    let text = std::str::from_utf8(content).ok()?;
    // RFC 3161 allows fractions of a second, which the type of RFC 5280 does not.
    let whole = text.strip_suffix('Z')?.split('.').next()?;
    let element = der::tlv(der::GENERALIZED_TIME, &[whole.as_bytes(), b"Z"]);
    let time = x509_cert::der::asn1::GeneralizedTime::from_der(&element).ok()?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(time.to_unix_duration().as_secs()))
}
