//! Signatures of DEB packages as debsigs makes them: an ar member `_gpgorigin` (or `_gpgmaint`, `_gpgarchive`) with a detached OpenPGP
//! signature over the contents of the members before it.

use super::member;
use crate::error::{Error, IoContext, Result};
use crate::trust::openpgp::{Detached, KeyRing, OpenPgpSigner};
use crate::trust::Verdict;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

const MAGIC: &[u8; 8] = b"!<arch>\n";
const HEADER: u64 = 60;
/// Members of a package: three, and a few signatures.
const MOST_MEMBERS: usize = 64;
/// Bytes of a signature.
const LONGEST_SIGNATURE: u64 = 64 << 10;
/// What names of signatures begin with.
const SIGNATURE: &str = "_gpg";
/// The package maker's signature.
const ORIGIN: &str = "_gpgorigin";

struct Member {
    name: String,
    mtime: i64,
    /// Where its content begins.
    at: u64,
    size: u64,
}

impl Member {
    /// Where its header begins.
    fn start(&self) -> u64 {
        self.at - HEADER
    }

    fn is_signature(&self) -> bool {
        self.name.starts_with(SIGNATURE)
    }
}

fn members(file: &mut File, path: &Path) -> Result<Vec<Member>> {
    let broken = || Error::new(format!("{} is not a DEB, or its members are damaged", path.display()));
    let len = file.seek(SeekFrom::End(0)).or_cannot("read", path)?;
    let mut magic = [0; 8];
    file.seek(SeekFrom::Start(0)).or_cannot("read", path)?;
    file.read_exact(&mut magic).map_err(|_| broken())?;
    if magic != *MAGIC {
        return Err(broken());
    }
    let (mut members, mut at) = (Vec::new(), MAGIC.len() as u64);
    while at < len {
        let mut header = [0; HEADER as usize];
        file.seek(SeekFrom::Start(at)).or_cannot("read", path)?;
        file.read_exact(&mut header).map_err(|_| broken())?;
        let text = std::str::from_utf8(&header).ok().filter(|text| text.ends_with("`\n")).ok_or_else(broken)?;
        let size: u64 = text[48..58].trim().parse().map_err(|_| broken())?;
        let name = text[..16].trim_end().trim_end_matches('/').to_owned();
        let mtime = text[16..28].trim().parse().unwrap_or(0);
        members.push(Member { name, mtime, at: at + HEADER, size });
        at += HEADER + size.next_multiple_of(2);
        if members.len() > MOST_MEMBERS || at.saturating_sub(size & 1) > len {
            return Err(broken());
        }
    }
    Ok(members)
}

/// The members that a signature is over: all before the first signature, which have to be the three that a DEB has.
fn signed<'a>(members: &'a [Member], path: &Path) -> Result<&'a [Member]> {
    let count = members.iter().position(Member::is_signature).unwrap_or(members.len());
    let names: Vec<&str> = members[..count].iter().map(|one| one.name.as_str()).collect();
    match names[..] {
        ["debian-binary", control, data] if control.starts_with("control.tar") && data.starts_with("data.tar") => {
            Ok(&members[..count])
        }
        _ => Err(Error::new(format!("{} has other members than a DEB has: {}", path.display(), names.join(", ")))),
    }
}

/// The contents of members, one after another.
struct Contents<'a> {
    file: &'a File,
    rest: &'a [Member],
    left: u64,
}

impl<'a> Contents<'a> {
    fn new(file: &'a File, members: &'a [Member]) -> Self {
        Contents { file, rest: members, left: 0 }
    }
}

impl Read for Contents<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.left == 0 {
            let Some((next, rest)) = self.rest.split_first() else { return Ok(0) };
            self.file.seek(SeekFrom::Start(next.at))?;
            (self.left, self.rest) = (next.size, rest);
        }
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let count = self.file.read(&mut buffer[..most])?;
        if count == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= count as u64;
        Ok(count)
    }
}

/// Signs a package in place; signatures that were there are replaced.
///
/// # Errors
/// No DEB, or whatever the signer says.
pub fn sign(file: &mut File, path: &Path, signer: &OpenPgpSigner) -> Result<Detached> {
    strip(file, path)?;
    let members = members(file, path)?;
    let made = signer.sign("deb", &mut Contents::new(file, signed(&members, path)?))?;
    let mut bytes = member(ORIGIN, members[0].mtime, made.bytes.len() as u64)?;
    bytes.extend_from_slice(&made.bytes);
    if bytes.len() % 2 == 1 {
        bytes.push(b'\n');
    }
    file.seek(SeekFrom::End(0)).and_then(|_| file.write_all(&bytes)).or_cannot("write", path)?;
    Ok(made)
}

/// Judges a package's signatures, each with its member's name.
///
/// # Errors
/// It cannot be read.
pub fn verify(file: &mut File, path: &Path, keys: &KeyRing) -> Result<Vec<(String, Verdict)>> {
    let members = members(file, path)?;
    let mut judged = Vec::new();
    for one in members.iter().filter(|one| one.is_signature()) {
        let bytes = content(file, one, path)?;
        // dpkg takes the first member of a name, so what lies behind a signature must be signatures only.
        let strays = members.iter().skip_while(|one| !one.is_signature()).any(|one| !one.is_signature());
        let verdict = match (signed(&members, path), strays) {
            (Ok(signed), false) => keys.verify(&bytes, &mut Contents::new(file, signed)),
            (Err(error), _) => Verdict::bad(error.to_string()),
            (_, true) => Verdict::bad("there are members behind it that it does not cover"),
        };
        judged.push((one.name.clone(), verdict));
    }
    Ok(judged)
}

fn content(mut file: &File, member: &Member, path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(member.at)).or_cannot("read", path)?;
    file.take(member.size.min(LONGEST_SIGNATURE + 1)).read_to_end(&mut bytes).or_cannot("read", path)?;
    Ok(bytes)
}

/// Takes the signatures away, in place: what is left are the bytes of the package before it was signed.
///
/// # Errors
/// No DEB, or a member that is none of a signature's lies behind one.
fn strip(file: &mut File, path: &Path) -> Result<()> {
    let members = members(file, path)?;
    let Some(first) = members.iter().position(Member::is_signature) else { return Ok(()) };
    if let Some(other) = members[first..].iter().find(|one| !one.is_signature()) {
        return Err(Error::new(format!("{}: \"{}\" lies behind a signature", path.display(), other.name))
            .note("dpkg would ignore it, and no signature covers it")
            .help("build the package again"));
    }
    file.set_len(members[first].start()).or_cannot("write", path)
}
