//! Signatures of RPM packages: over the main header, which holds the payload's digest, in the room that the signature header reserves.

use super::header::{Header, Value};
use super::signature;
use crate::error::{Error, IoContext, Result};
use crate::format::PayloadDigest;
use crate::trust::key::Hash;
use crate::trust::openpgp::{self, Algorithm, Detached, KeyRing, OpenPgpSigner};
use crate::trust::Verdict;
use ::rpm::IndexSignatureTag as Tag;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

const LEAD: u64 = 96;
const INTRO: usize = 16;
const ENTRY: usize = 16;
/// A signature header holds digests and a few signatures; a main header lists every file.
const SIGNATURE_LIMIT: usize = 4 << 20;
const HEADER_LIMIT: usize = 96 << 20;
/// Tags that are signatures over the main header; those over header and payload (SIGGPG, SIGPGP) are older than the payload's digest.
const OVER_HEADER: [u32; 2] = [Tag::RPMSIGTAG_RSA as u32, Tag::RPMSIGTAG_DSA as u32];
const OVER_ALL: [u32; 2] = [Tag::RPMSIGTAG_PGP as u32, Tag::RPMSIGTAG_GPG as u32];
/// Any number of them over the main header, in base64, as rpm 6 writes them.
const OPENPGP: u32 = 278;
/// Texts of one tag that are looked at.
const MOST_TEXTS: usize = 16;
const RESERVED: u32 = Tag::RPMSIGTAG_RESERVEDSPACE as u32;

/// The two headers of a package.
struct Headers {
    signature: Vec<u8>,
    main: Vec<u8>,
}

impl Headers {
    fn read(file: &mut File, path: &Path) -> Result<Headers> {
        let broken = || Error::new(format!("{} is not an RPM, or its headers are damaged", path.display()));
        file.seek(SeekFrom::Start(LEAD)).or_cannot("read", path)?;
        let signature = read_header(file, SIGNATURE_LIMIT).or_cannot("read", path)?.ok_or_else(broken)?;
        let padding = signature.len().next_multiple_of(8) - signature.len();
        file.seek(SeekFrom::Current(padding as i64)).or_cannot("read", path)?;
        let main = read_header(file, HEADER_LIMIT).or_cannot("read", path)?.ok_or_else(broken)?;
        Ok(Headers { signature, main })
    }

    /// Where the payload begins.
    fn payload_at(&self) -> u64 {
        LEAD + self.signature.len().next_multiple_of(8) as u64 + self.main.len() as u64
    }
}

/// A whole header; `None` where there is none, or a larger one than any.
fn read_header(file: &mut File, limit: usize) -> std::io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    (&mut *file).take(INTRO as u64).read_to_end(&mut bytes)?;
    if bytes.len() < INTRO || bytes[..4] != [0x8e, 0xad, 0xe8, 1] {
        return Ok(None);
    }
    let len = (be32(&bytes, 8) as usize).saturating_mul(ENTRY).saturating_add(be32(&bytes, 12) as usize);
    if len > limit {
        return Ok(None);
    }
    (&mut *file).take(len as u64).read_to_end(&mut bytes)?;
    Ok((bytes.len() == INTRO + len).then_some(bytes))
}

fn be32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Tag, type, count and the store from the value on, of every entry.
fn entries(header: &[u8]) -> impl Iterator<Item = (u32, u32, usize, &[u8])> {
    let count = be32(header, 8) as usize;
    let (index, store) = header[INTRO..].split_at(count * ENTRY);
    index.chunks_exact(ENTRY).filter_map(move |entry| {
        Some((be32(entry, 0), be32(entry, 4), be32(entry, 12) as usize, store.get(be32(entry, 8) as usize..)?))
    })
}

fn binary(header: &[u8], tag: u32) -> Option<&[u8]> {
    entries(header).find(|(found, kind, ..)| (*found, *kind) == (tag, 7)).and_then(|(_, _, count, data)| data.get(..count))
}

/// The signature header with these signatures, and no others, in the same length.
fn with_signatures(header: &[u8], signatures: &[(u32, &[u8])]) -> Result<Vec<u8>> {
    let unread = || Error::new("the RPM's signature header is damaged");
    let mut made = Header::default();
    for (tag, kind, count, data) in entries(header) {
        if tag == Tag::HEADER_SIGNATURES as u32
            || tag == RESERVED
            || tag == OPENPGP
            || OVER_HEADER.contains(&tag)
            || OVER_ALL.contains(&tag)
        {
            continue;
        }
        made.put(tag, value(kind, count, data).ok_or_else(unread)?);
    }
    for (tag, bytes) in signatures {
        made.put(*tag, Value::binary(*bytes));
    }
    signature::filled(made, header.len()).map_err(|error| {
        error.help("the package leaves no room for a signature: sign it with rpmsign --addsign, or build it with linkpack")
    })
}

fn value(kind: u32, count: usize, data: &[u8]) -> Option<Value<'static>> {
    let part = |width: usize| data.get(..count.checked_mul(width)?);
    Some(match kind {
        3 => Value::int16(part(2)?.chunks_exact(2).map(|two| u16::from_be_bytes([two[0], two[1]])).collect::<Vec<_>>()),
        4 => Value::int32(part(4)?.chunks_exact(4).map(|four| be32(four, 0)).collect::<Vec<_>>()),
        5 => Value::int64(
            part(8)?.chunks_exact(8).map(|eight| u64::from(be32(eight, 0)) << 32 | u64::from(be32(eight, 4))).collect::<Vec<_>>(),
        ),
        6 => Value::text(&data[..data.iter().position(|&byte| byte == 0)?]),
        7 => Value::binary(part(1)?),
        _ => return None,
    })
}

/// Signs a package in place; signatures that were there are replaced, and nothing moves.
///
/// # Errors
/// No RPM, no room, a kind of key that rpm does not read, and whatever the signer says.
pub fn sign(file: &mut File, path: &Path, signer: &OpenPgpSigner) -> Result<Detached> {
    let headers = Headers::read(file, path)?;
    let made = signer.sign("rpm", &mut headers.main.as_slice())?;
    let tag = match made.algorithm {
        Algorithm::Rsa => Tag::RPMSIGTAG_RSA,
        Algorithm::Ed25519 => Tag::RPMSIGTAG_DSA,
        Algorithm::Other => {
            return Err(Error::new(format!("rpm cannot check signatures of the OpenPGP key {}", made.key))
                .help("use a key of RSA with 2048 bits or more, or of Ed25519"))
        }
    };
    write(file, path, &with_signatures(&headers.signature, &[(tag as u32, &made.bytes)])?)?;
    Ok(made)
}

fn write(file: &mut File, path: &Path, header: &[u8]) -> Result<()> {
    file.seek(SeekFrom::Start(LEAD)).and_then(|_| file.write_all(header)).or_cannot("write", path)
}

/// Judges a package's signatures, each with its place.
///
/// # Errors
/// It cannot be read.
pub fn verify(file: &mut File, path: &Path, keys: &KeyRing, payload: PayloadDigest) -> Result<Vec<(String, Verdict)>> {
    let headers = Headers::read(file, path)?;
    let mut over_all = Vec::new();
    for (tag, name) in OVER_ALL.into_iter().zip(["SIGPGP", "SIGGPG"]) {
        if let Some(bytes) = binary(&headers.signature, tag).map(<[u8]>::to_vec) {
            let at = headers.payload_at() - headers.main.len() as u64;
            file.seek(SeekFrom::Start(at)).or_cannot("read", path)?;
            over_all.push((name.to_owned(), keys.verify(&bytes, &mut std::io::BufReader::new(&*file))));
        }
    }
    let mut judged = Vec::new();
    for (tag, name) in OVER_HEADER.into_iter().zip(["RSAHEADER", "DSAHEADER"]) {
        if let Some(bytes) = binary(&headers.signature, tag) {
            judged.push((name.to_owned(), keys.verify(bytes, &mut headers.main.as_slice())));
        }
    }
    for text in texts(&headers.signature, OPENPGP) {
        let verdict = match openpgp::from_base64(text) {
            Some(bytes) => keys.verify(&bytes, &mut headers.main.as_slice()),
            None => Verdict::bad("it is not in base64, as rpm 6 writes it"),
        };
        judged.push(("OPENPGP".to_owned(), verdict));
    }
    // What is signed is the header alone: the payload counts through what the header says of it, or by a signature of its own.
    let payload = match over_all.iter().any(|(_, verdict): &(_, Verdict)| verdict.is_good()) {
        true => Payload::Covered,
        false => Payload::of(file, path, &headers, payload)?,
    };
    for (_, verdict) in &mut judged {
        payload.limit(verdict);
    }
    judged.extend(over_all);
    Ok(judged)
}

/// What a header's signature says of the payload.
enum Payload {
    /// As much as of the header.
    Covered,
    /// That its files are those that were signed, which the reader compares when it unpacks them.
    ByFiles,
    /// Nothing, for this reason.
    Not(&'static str),
}

impl Payload {
    /// By the payload's digest in the header, or else by those of its files, as rpm 4.6 to 4.13 wrote them.
    fn of(file: &mut File, path: &Path, headers: &Headers, payload: PayloadDigest) -> Result<Payload> {
        const PAYLOAD_DIGEST: u32 = 5092;
        const FILE_DIGESTS: u32 = 1035;
        const FILE_DIGEST_ALGORITHM: u32 = 5011;
        const SHA256: u32 = 8;
        let stated = texts(&headers.main, PAYLOAD_DIGEST).next().and_then(|text| std::str::from_utf8(text).ok());
        let Some((stated, hash)) = stated.and_then(|text| Some((text, Hash::of_hex_len(text.len())?))) else {
            let algorithm = entries(&headers.main).find(|(tag, kind, ..)| (*tag, *kind) == (FILE_DIGEST_ALGORITHM, 4));
            let strong = algorithm.is_some_and(|(.., data)| data.len() >= 4 && be32(data, 0) >= SHA256);
            let has_files = entries(&headers.main).any(|(tag, ..)| tag == FILE_DIGESTS);
            return Ok(match has_files && strong {
                true => Payload::ByFiles,
                false => Payload::Not("the header has no digest of the payload that proves anything, which is not signed then"),
            });
        };
        if payload == PayloadDigest::Compared {
            return Ok(Payload::Covered);
        }
        file.seek(SeekFrom::Start(headers.payload_at())).or_cannot("read", path)?;
        let mut digest = hash.start();
        let mut block = vec![0; 128 << 10];
        loop {
            match file.read(&mut block).or_cannot("read", path)? {
                0 => break,
                count => digest.update(&block[..count]),
            }
        }
        Ok(match hex::encode(digest.finish()).eq_ignore_ascii_case(stated) {
            true => Payload::Covered,
            false => Payload::Not("the payload was changed after it was signed"),
        })
    }

    fn limit(&self, verdict: &mut Verdict) {
        match (self, verdict) {
            (Payload::Not(why), verdict @ Verdict::Good { .. }) => *verdict = Verdict::bad(*why),
            (Payload::ByFiles, Verdict::Good { note, .. }) => {
                *note = Some("it covers the payload through the digests of its files".to_owned());
            }
            _ => {}
        }
    }
}

/// The texts of a tag, all of them within the header.
fn texts(header: &[u8], tag: u32) -> impl Iterator<Item = &[u8]> {
    let found = entries(header).find(|(found, kind, ..)| *found == tag && matches!(kind, 6 | 8 | 9));
    let (count, data) = found.map_or((0, &[][..]), |(_, _, count, data)| (count, data));
    data.split_inclusive(|&byte| byte == 0).take(count.min(MOST_TEXTS)).filter_map(|text| text.strip_suffix(b"\0"))
}
