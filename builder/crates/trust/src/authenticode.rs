//! Authenticode: a SignedData over the digest of a program or of a Windows Installer package ("Windows Authenticode Portable Executable
//! Signature Format", and SpcSipInfo for what is no program).

use super::certificate::{Broken, Certificate, Chain, Purpose};
use super::cms::{self, Built, SignedData};
use super::der::{self, context, implicit, tlv};
use super::key::Hash;
use super::signer::Signer;
use super::timestamp::{self, Stamper};
use super::Verdict;
use base::error::Result;
use std::time::SystemTime;

const INDIRECT_DATA: &str = "1.3.6.1.4.1.311.2.1.4";
const SIP_INFO: &str = "1.3.6.1.4.1.311.2.1.30";
const PROGRAM_INFO: &str = "1.3.6.1.4.1.311.2.1.15";
/// SpcPeImageData: no flags, and a link to an empty name, as signtool writes it.
const PROGRAM: [u8; 11] = [der::SEQUENCE, 9, 3, 1, 0, 0xA0, 4, 0xA2, 2, 0x80, 0];
const OPUS_INFO: &str = "1.3.6.1.4.1.311.2.1.12";
const STATEMENT_TYPE: &str = "1.3.6.1.4.1.311.2.1.11";
const INDIVIDUAL: &str = "1.3.6.1.4.1.311.2.1.21";
/// A countersignature of RFC 3161.
const COUNTERSIGNATURE: &str = "1.3.6.1.4.1.311.3.3.1";
/// A countersignature of the kind before RFC 3161.
const OLD_COUNTERSIGNATURE: &str = "1.2.840.113549.1.9.6";
/// Who knows how an MSI is digested: {000C10F1-0000-0000-C000-000000000046}.
const MSI_SIP: [u8; 16] = [0xF1, 0x10, 0x0C, 0, 0, 0, 0, 0, 0xC0, 0, 0, 0, 0, 0, 0, 0x46];

const UNREADABLE: &str = "it is not Authenticode with one signer";

/// What is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A Windows Installer package, or a transform.
    Package,
    /// A Windows program.
    Program,
}

impl Subject {
    fn name(self) -> &'static str {
        match self {
            Subject::Package => "package",
            Subject::Program => "program",
        }
    }
}

/// What Windows shows of the program when it asks for consent.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// The product's title.
    pub name: Option<String>,
    /// Where to read more.
    pub url: Option<String>,
}

/// Signs a digest; the bytes are those of an MSI's signature stream, or of a program's certificate.
///
/// # Errors
/// The signer or the time stamping authority fails.
pub fn sign(
    subject: Subject,
    digest: &[u8; 32],
    about: &About,
    chain: &[Certificate],
    signer: &Signer,
    stamper: Option<&Stamper>,
) -> Result<Vec<u8>> {
    let statement = tlv(der::SEQUENCE, &[&der::oid(INDIVIDUAL)]);
    let attributes = [(OPUS_INFO, opus(about)), (STATEMENT_TYPE, statement)];
    let built = Built::sign(INDIRECT_DATA, &indirect_data(subject, digest), &attributes, chain, signer)?;
    match stamper {
        None => Ok(built.assemble(None)),
        Some(stamper) => Ok(built.assemble(Some((COUNTERSIGNATURE, &stamper.stamp(&built.signature)?)))),
    }
}

/// SpcIndirectDataContent.
fn indirect_data(subject: Subject, digest: &[u8; 32]) -> Vec<u8> {
    let zero = [der::INTEGER, 1, 0];
    let sip = || tlv(der::SEQUENCE, &[&cms::ONE, &tlv(der::OCTETS, &[&MSI_SIP]), &zero, &zero, &zero, &zero, &zero]);
    let kind = match subject {
        Subject::Package => tlv(der::SEQUENCE, &[&der::oid(SIP_INFO), &sip()]),
        Subject::Program => tlv(der::SEQUENCE, &[&der::oid(PROGRAM_INFO), &PROGRAM]),
    };
    let info = tlv(der::SEQUENCE, &[&cms::sha256(), &tlv(der::OCTETS, &[digest])]);
    tlv(der::SEQUENCE, &[&kind, &info])
}

/// SpcSpOpusInfo.
fn opus(about: &About) -> Vec<u8> {
    let mut parts = Vec::new();
    if let Some(name) = &about.name {
        let text: Vec<u8> = name.encode_utf16().flat_map(u16::to_be_bytes).collect();
        parts.extend(tlv(context(0), &[&tlv(implicit(0), &[&text])]));
    }
    if let Some(url) = about.url.as_ref().filter(|url| url.is_ascii()) {
        parts.extend(tlv(context(1), &[&tlv(implicit(0), &[url.as_bytes()])]));
    }
    tlv(der::SEQUENCE, &[&parts])
}

/// By which digest the package of a signature stream was digested.
///
/// # Errors
/// Why the signature proves nothing.
pub fn digested_by(signature: &[u8]) -> Result<Hash, String> {
    stated_digest(&SignedData::read(signature).ok_or(UNREADABLE)?).map(|(hash, _)| hash)
}

/// The signatures that are nested in one, as signtool and osslsigncode add a second over another digest.
fn nested(signature: &[u8]) -> Vec<&[u8]> {
    const NESTED: &str = "1.3.6.1.4.1.311.2.4.1";
    SignedData::read(signature).map_or_else(Vec::new, |data| data.all_unsigned(NESTED).into_iter().map(|one| one.whole).collect())
}

/// Signatures in a signature that are looked at.
const MOST_NESTED: usize = 8;

/// Judges a signature and those that are nested in it, each by `judge`, and names the place of each.
///
/// # Errors
/// As `judge`'s.
pub fn with_nested(
    signature: &[u8],
    place: &str,
    judge: &mut dyn FnMut(&[u8]) -> Result<Verdict>,
) -> Result<Vec<(String, Verdict)>> {
    let outer = judge(signature)?;
    let mut judged = Vec::new();
    for (at, one) in nested(signature).into_iter().take(MOST_NESTED).enumerate() {
        judged.push((format!("{place}, nested {}", at + 1), judge(one)?));
    }
    // A signature over SHA-1 stands beside another one for old systems alone.
    let good = judged.iter_mut().map(|(_, verdict)| verdict).find(|verdict| verdict.is_good());
    match (digested_by(signature), good) {
        (Err(why), Some(Verdict::Good { note, .. })) => {
            let said = format!("the signature that it is nested in does not count: {why}");
            *note = Some(note.take().map_or(said.clone(), |note| format!("{note}; {said}")));
        }
        _ => judged.insert(0, (place.to_owned(), outer)),
    }
    Ok(judged)
}

/// Judges a signature by the digest of what it is about, as of `now`.
pub fn verify(subject: Subject, signature: &[u8], digest: &[u8], anchors: &[Certificate], now: SystemTime) -> Verdict {
    let Some(data) = SignedData::read(signature) else { return Verdict::bad(UNREADABLE) };
    match judge(subject, &data, digest, anchors, now) {
        Ok(verdict) => verdict,
        Err(why) => Verdict::bad(why),
    }
}

fn judge(
    subject: Subject,
    data: &SignedData,
    digest: &[u8],
    anchors: &[Certificate],
    now: SystemTime,
) -> Result<Verdict, String> {
    if stated_digest(data)?.1 != digest {
        return Err(format!("the {} was changed after it was signed", subject.name()));
    }
    let end = data.end().ok_or("the signer's certificate is missing")?;
    data.check(end)?;
    let stamped = stamp(data, anchors, now);
    let at = stamped.as_ref().map_or(now, |stamped| stamped.as_ref().map_or(now, |(at, _)| *at));
    let chain = Chain { anchors, pool: &data.certificates, purpose: Purpose::CodeSigning, at };
    match chain.check(end) {
        Ok(()) => {
            let note = match stamped {
                None => None,
                Some(Ok((_, said))) => Some(said),
                Some(Err(why)) => Some(format!("its time stamp does not count: {why}")),
            };
            Ok(Verdict::Good { by: end.describe(), note })
        }
        Err(Broken::Stranger) => Ok(Verdict::OtherKey { by: end.describe() }),
        Err(Broken::Because(why)) => match stamped {
            Some(Err(no_stamp)) => Err(format!("{why} (its time stamp does not count: {no_stamp})")),
            _ => Err(why),
        },
    }
}

/// The digest that is signed, and how it was made.
fn stated_digest<'a>(data: &SignedData<'a>) -> Result<(Hash, &'a [u8]), String> {
    if data.content_type != der::oid(INDIRECT_DATA) {
        return Err("it signs something else than a package".to_owned());
    }
    let read = || {
        let mut parts = data.content.inside();
        parts.expect(der::SEQUENCE)?;
        let mut info = parts.expect(der::SEQUENCE)?.inside();
        Some((info.expect(der::SEQUENCE)?, info.expect(der::OCTETS)?.content))
    };
    let (algorithm, digest) = read().ok_or("it is broken")?;
    Ok((cms::digest_hash(algorithm)?, digest))
}

/// The time of a countersignature, and what to say of it.
fn stamp(data: &SignedData, anchors: &[Certificate], now: SystemTime) -> Option<Result<(SystemTime, String), String>> {
    let Some(token) = data.unsigned(COUNTERSIGNATURE) else {
        data.unsigned(OLD_COUNTERSIGNATURE)?;
        return Some(Err("it is of the kind before RFC 3161, which linkpack does not check".to_owned()));
    };
    Some(timestamp::check(token.whole, data.signature(), anchors, &data.certificates, now))
}
