//! The .intunewin of an MSI: a stored zip of an encrypted zip and of a description that holds the keys. The official tool's keys are
//! random and prove nothing, since they lie beside what they encrypt; here they come from the content, so that two kits are the same.
//! Intune's service decrypts it after the upload with the keys of the description.

use crate::error::{Error, IoContext, Result};
use crate::kit::channels::fill::fill;
use crate::kit::channels::msi::Package;
use crate::kit::channels::{Context, FOLDER};
use crate::kit::tree::{File as Entry, Tree};
use crate::kit::zip;
use aes::Aes256;
use base64ct::{Base64, Encoding};
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockEncryptMut, KeyIvInit};
use hmac::{Hmac, Mac};
use minijinja::context;
use sha2::Sha256;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

const CONTENTS: &str = "IntuneWinPackage/Contents/IntunePackage.intunewin";
const DESCRIPTION: &str = "IntuneWinPackage/Metadata/Detection.xml";
const DETECTION: &str = include_str!("../../../../../templates/channels/intune/Detection.xml");
const BLOCK: usize = 16;

/// What encrypts one package.
struct Keys {
    encryption: [u8; 32],
    mac: [u8; 32],
    vector: [u8; BLOCK],
}

impl Keys {
    /// Who has no content has no keys.
    fn of(digest: &[u8]) -> Keys {
        let derive = |label: &str| -> [u8; 32] {
            let mut mac = Hmac::<Sha256>::new_from_slice(digest).expect("any length");
            mac.update(b"linkpack intunewin ");
            mac.update(label.as_bytes());
            mac.finalize().into_bytes().into()
        };
        let vector = derive("vector")[..BLOCK].try_into().expect("half of a digest");
        Keys { encryption: derive("encryption"), mac: derive("mac"), vector }
    }
}

/// Writes `STEM.intunewin`: the MSI, what lies beside it, and these texts.
pub fn write(context: &Context, package: &Package, texts: &[(&'static str, String)]) -> Result<()> {
    let stage = context.stage;
    // Beside the kit in the making: on the file system that has to have room for it anyway.
    let above = stage.root().parent().expect("the stage lies in a folder");
    let work = tempfile::tempdir_in(above).or_cannot("write to", above).map_err(crate::kit::stage::elsewhere)?;
    let mut entries = Vec::new();
    for (name, text) in texts {
        let path = work.path().join(name);
        std::fs::write(&path, text.replace('\n', "\r\n")).or_cannot("write", &path)?;
        entries.push(entry(name, path)?);
    }
    for file in &package.files {
        entries.push(entry(&file.file, stage.root().join("windows").join(&file.file))?);
    }
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    let time = context.plan.time;
    let inner = zipped(&work.path().join("inner.zip"), entries, time)?;
    let digest = digest(&inner)?;
    let keys = Keys::of(&digest);
    let contents = work.path().join("contents");
    let mac = encrypt(&inner, &keys, &contents)?;
    let description = work.path().join("Detection.xml");
    let size = inner.metadata().or_cannot("read", &inner)?.len();
    let text = describe(package, size, &digest, &keys, &mac)?;
    std::fs::write(&description, text.replace('\n', "\r\n")).or_cannot("write", &description)?;
    let place = format!("{FOLDER}/{}/{}.intunewin", super::NAME, package.stem());
    let mut out = stage.create(&place)?;
    let entries = vec![entry(CONTENTS, contents)?, entry(DESCRIPTION, description)?];
    zip::write(&Tree { files: entries, ..Tree::default() }, time, &mut out)?;
    let (size, sha256) = crate::kit::stage::digest(&stage.root().join(&place))?;
    stage.note(&place, size, sha256)
}

fn entry(name: &str, source: PathBuf) -> Result<Entry> {
    let size = source.metadata().or_cannot("read", &source)?.len();
    Ok(Entry { name: name.to_owned(), path: name.to_owned(), source, size, mode: 0o100_644 })
}

fn zipped(path: &Path, files: Vec<Entry>, time: u32) -> Result<PathBuf> {
    let mut out = File::create_new(path).or_cannot("create", path)?;
    zip::write(&Tree { files, ..Tree::default() }, time, &mut out)?;
    Ok(path.to_path_buf())
}

fn digest(path: &Path) -> Result<[u8; 32]> {
    let (_, hexadecimal) = crate::kit::stage::digest(path)?;
    let bytes = hex::decode(hexadecimal).expect("a digest");
    Ok(bytes.try_into().expect("32 bytes"))
}

/// Encrypts a file by AES-256 in CBC mode, behind its vector and the code that authenticates both. Returns the code.
fn encrypt(plain: &Path, keys: &Keys, target: &Path) -> Result<[u8; 32]> {
    let failed = |error: io::Error| Error::io("write", target, &error);
    let mut from = File::open(plain).or_cannot("read", plain)?;
    let mut out = File::create_new(target).or_cannot("create", target)?;
    out.write_all(&[0; 32]).and_then(|()| out.write_all(&keys.vector)).map_err(failed)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&keys.mac).expect("any length");
    mac.update(&keys.vector);
    let mut cipher = cbc::Encryptor::<Aes256>::new(&keys.encryption.into(), &keys.vector.into());
    let mut buffer = vec![0; (1 << 18) + BLOCK];
    loop {
        crate::interrupt::check()?;
        let count = fill_up(&mut from, &mut buffer[..1 << 18]).or_cannot("read", plain)?;
        let last = count < 1 << 18;
        let length = match last {
            true => cipher.clone().encrypt_padded_mut::<Pkcs7>(&mut buffer, count).expect("room for a block").len(),
            false => {
                for block in buffer[..count].chunks_exact_mut(BLOCK) {
                    cipher.encrypt_block_mut(block.into());
                }
                count
            }
        };
        mac.update(&buffer[..length]);
        out.write_all(&buffer[..length]).map_err(failed)?;
        if last {
            break;
        }
    }
    let mac: [u8; 32] = mac.finalize().into_bytes().into();
    out.seek(SeekFrom::Start(0)).and_then(|_| out.write_all(&mac)).map_err(failed)?;
    Ok(mac)
}

/// Reads until the buffer is full or the file ends.
fn fill_up(from: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

fn describe(package: &Package, size: u64, digest: &[u8], keys: &Keys, mac: &[u8]) -> Result<String> {
    let base64 = Base64::encode_string;
    let text = fill(
        DETECTION,
        context! {
            name => &package.name, setup => &package.file, size,
            key => base64(&keys.encryption), mac_key => base64(&keys.mac), vector => base64(&keys.vector),
            mac => base64(mac), digest => base64(digest),
            product_code => &package.product_code, version => &package.version, package_code => &package.package_code,
            upgrade_code => &package.upgrade_code, publisher => &package.publisher, services => !package.services.is_empty(),
        },
    )?;
    Ok(text.trim_end().to_owned())
}
