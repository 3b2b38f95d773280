//! Kits that were made before: read, and known from folders that are none.

use super::input::{small, small_bytes, strict_sums, Item, Kind};
use super::meta::{Identity, Rpm};
use super::{par2, Description, DESCRIPTION};
use crate::error::{Error, IoContext, Result};
use crate::inspect::verify::signatures::{Judge, Outcome};
use crate::inspect::verify::{SUMS, SUMS_SIGNATURE};
use crate::listener::some_of;
use crate::trust::key::PublicKey;
use crate::trust::signer::Signer;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What the names of further signers' public keys begin with; 16 digits of the fingerprint follow.
pub const COSIGNER: &str = "SHA256SUMS.pub.";
/// As [`COSIGNER`], for their signatures.
pub const COSIGNATURE: &str = "SHA256SUMS.sig.";
/// Files of a kit: more than any has.
const MOST: usize = 1_000_000;

/// A kit and what it says of itself.
pub struct OldKit {
    folder: PathBuf,
    /// Its kit.json.
    pub description: Description,
    /// Paths and digests of SHA256SUMS.
    pub sums: BTreeMap<String, String>,
    /// SHA-256 of SHA256SUMS, hexadecimal.
    pub sums_sha256: String,
}

impl OldKit {
    /// Reads a kit that the maker's own key signed, or the key before it.
    ///
    /// # Errors
    /// It is not a kit, not signed so, or holds files that are not listed.
    pub fn open(folder: &Path, judge: &dyn Judge, signer: &Signer) -> Result<OldKit> {
        let kit = OldKit::read(folder)?;
        let good = judge.sums(folder)?.iter().any(|one| matches!(one.outcome, Outcome::Good(_)));
        let fingerprint = signer.public().fingerprint();
        let named = || -> Result<bool> {
            Ok(kit.description.keys.next.as_deref() == Some(&fingerprint) && kit.is_signed_by_its_own_key()?)
        };
        if !good && !named()? {
            return Err(Error::new(format!("{} is not signed by the key {fingerprint}", folder.display()))
                .note("a kit goes on from one of the same key, or of one that names this key as the next")
                .help("give the key that signed it, or name the new key in a last kit of the old one: --next-key FILE"));
        }
        if kit.sums.get(DESCRIPTION).map(String::as_str) != Some(&super::stage::digest(&folder.join(DESCRIPTION))?.1) {
            return Err(Error::new(format!("{} was changed: {DESCRIPTION} is not what {SUMS} says", folder.display())));
        }
        Ok(kit)
    }

    /// Reads a kit without asking for its signature.
    ///
    /// # Errors
    /// It is not a kit, or holds files that are not listed.
    pub fn read(folder: &Path) -> Result<OldKit> {
        let none = |why: String| {
            Error::new(format!("{} is not a kit: {why}", folder.display())).help("name a folder that linkpack kit wrote")
        };
        let text = |name: &str| small(&folder.join(name)).map_err(|error| none(error.to_string()));
        let sums = text(SUMS)?;
        let description: Description = serde_json::from_str(&text(DESCRIPTION)?)
            .map_err(|error| none(format!("its {DESCRIPTION} is damaged in line {}, column {}", error.line(), error.column())))?;
        if description.format != 1 {
            return Err(none(format!("its {DESCRIPTION} is of format {}, and this linkpack knows 1", description.format)));
        }
        let sums_sha256 = hex::encode(Sha256::digest(sums.as_bytes()));
        let sums = strict_sums(&sums).map_err(|error| error.note(format!("in {}", folder.display())))?;
        let kit = OldKit { folder: folder.to_path_buf(), description, sums, sums_sha256 };
        let foreign = kit.foreign()?;
        match foreign.is_empty() {
            true => Ok(kit),
            false => {
                Err(Error::new(format!("{} holds files that are not of the kit: {}", folder.display(), some_of(&foreign, 5)))
                    .help("move them away first"))
            }
        }
    }

    /// Files that SHA256SUMS does not name.
    fn foreign(&self) -> Result<Vec<String>> {
        let there = walk(&self.folder)?;
        Ok(there.into_iter().filter(|path| !self.sums.contains_key(path) && !is_beside(path)).collect())
    }

    /// Refuses a kit that keeps what another key than the next kit's has signed: its page and its keys/vendor.pub would name the new one.
    ///
    /// # Errors
    /// It has `.run` packages or site files.
    pub fn is_free_of_signed_files(&self) -> Result<()> {
        match self.description.files.iter().find(|file| matches!(file.kind, Kind::Run | Kind::Site)) {
            None => Ok(()),
            Some(file) => Err(Error::new(format!("{} is signed by the key before, and would not verify by this one", file.path))
                .note("--into keeps the packages of the kit before as they are")
                .help("make the first kit of a new key with --since instead, of packages that the new key has signed: linkpack sign --key NEW DIST")),
        }
    }

    /// Where it lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// SHA-256 of SHA256SUMS.
    pub fn digest(&self) -> [u8; 32] {
        hex::decode(&self.sums_sha256).ok().and_then(|bytes| bytes.try_into().ok()).expect("a digest")
    }

    /// Whether SHA256SUMS is signed by the key in the kit.
    ///
    /// # Errors
    /// There is no key or no signature.
    pub fn is_signed_by_its_own_key(&self) -> Result<bool> {
        let pem = small(&self.folder.join("keys/vendor.pub"))?;
        let path = self.folder.join(SUMS_SIGNATURE);
        let signature = small_bytes(&path)?;
        let key = PublicKey::from_pem(&pem).filter(|key| key.fingerprint() == self.description.keys.sums);
        Ok(key.is_some_and(|key| PublicKey::judge(&[key], &self.digest(), &signature).is_good()))
    }

    /// Reads a kit whose SHA256SUMS is signed by the key in it.
    ///
    /// # Errors
    /// As [`OldKit::read`]; it was changed.
    pub fn read_signed(folder: &Path) -> Result<OldKit> {
        let kit = OldKit::read(folder)?;
        match kit.is_signed_by_its_own_key()? {
            true => Ok(kit),
            false => Err(Error::new(format!("{} is not signed by its own key: it was changed", folder.display()))
                .help("verify it: sh verify.sh --fingerprint FINGERPRINT")),
        }
    }

    /// The packages and bills, to go into the next kit.
    ///
    /// # Errors
    /// One cannot be read. Whether they are what SHA256SUMS says is seen when they are copied.
    pub fn items(&self) -> Result<Vec<Item>> {
        let mut items = Vec::new();
        for file in &self.description.files {
            let source = self.folder.join(&file.path);
            let wrong = || Error::new(format!("{} is not a file of the kit, which its {DESCRIPTION} says", source.display()));
            if self.sums.get(&file.path) != Some(&file.sha256) || !source.is_file() {
                return Err(wrong());
            }
            let identity = match file.kind {
                Kind::Deb => Identity::of_deb(&source)?,
                Kind::Rpm => Rpm::read(&source)?.identity,
                _ => Identity {
                    name: file.name.clone(),
                    version: file.version.clone(),
                    architecture: file.architecture.clone(),
                    ..Identity::default()
                },
            };
            let name = source.file_name().and_then(|name| name.to_str()).ok_or_else(wrong)?.to_owned();
            let item = Item {
                file: name,
                kind: file.kind,
                size: file.size,
                sha256: file.sha256.clone(),
                identity,
                source: source.clone(),
            };
            if item.place() != file.path {
                return Err(wrong());
            }
            items.push(item);
        }
        Ok(items)
    }
}

/// What SHA256SUMS cannot name: itself, its signatures, and what repairs them.
pub fn is_beside(path: &str) -> bool {
    path == SUMS || path == SUMS_SIGNATURE || is_cosigners(path) || par2::is_of_sums(path)
}

/// A further signer's key or signature.
fn is_cosigners(path: &str) -> bool {
    let digits = path.strip_prefix(COSIGNER).or(path.strip_prefix(COSIGNATURE));
    digits.is_some_and(|digits| digits.len() == 16 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
}

/// The relative paths of all that is not a folder.
pub fn walk(folder: &Path) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let mut left = vec![(folder.to_path_buf(), String::new())];
    while let Some((folder, prefix)) = left.pop() {
        for entry in fs::read_dir(&folder).or_cannot("list", &folder)? {
            let entry = entry.or_cannot("list", &folder)?;
            let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.file_type().or_cannot("read", &entry.path())?.is_dir() {
                left.push((entry.path(), format!("{path}/")));
            } else {
                found.insert(path);
            }
            if found.len() > MOST {
                return Err(Error::new(format!("{} holds more than {MOST} files", folder.display())));
            }
        }
    }
    Ok(found)
}

/// Refuses a place that holds anything but a kit or nothing.
///
/// # Errors
/// So; or there is no kit where one is to go on.
pub fn replaceable(output: &Path, into: bool) -> Result<()> {
    let Ok(meta) = output.symlink_metadata() else {
        return match into {
            true => Err(Error::new(format!("there is no kit at {} to go on from", output.display()))
                .help("make the first one with -o instead of --into")),
            false => Ok(()),
        };
    };
    if !meta.is_dir() {
        return Err(Error::new(format!("{} is there already, and is not a folder", output.display()))
            .help("choose another place with -o, or remove it"));
    }
    let empty = fs::read_dir(output).or_cannot("list", output)?.next().is_none();
    if empty && !into {
        return Ok(());
    }
    OldKit::read(output).map(drop).map_err(|error| error.note("nothing that is not a kit is replaced"))
}
