//! What a cache holds, and what goes when it holds too much.

use super::cache::{lock, PARTIAL};
use super::claim::{self, Claimant};
use super::guard::{self, shelves};
use super::seal::{CacheKey, Seal};
use super::unit::Key;
use super::unit_file::{open_plain, read_head};
use base::error::{Error, IoContext, Result};
use rustix::fs::{flock, FlockOperation};
use schemars::JsonSchema;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a cache holds.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Survey {
    /// The folder.
    pub folder: PathBuf,
    /// Compressed units.
    pub units: u64,
    /// Bytes of their files.
    pub bytes: u64,
    /// Units by what vouches for them.
    pub seals: Seals,
    /// When the unit that was used longest ago was used, in seconds since 1970, to ten minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub least_recent: Option<u64>,
    /// The same of the unit that was used last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most_recent: Option<u64>,
    /// Files of builds that are at work or were killed.
    pub unfinished: u64,
    /// Hosts of builds that are compressing a unit, or were killed at it; each as often as it has a claim.
    pub claims: Vec<String>,
    /// Why somebody else could put units into it; `None`, and null in JSON, where only this account and root can.
    pub open: Option<String>,
}

/// Units by what vouches for them. Their content is not read.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct Seals {
    /// By a digest, as private caches have it.
    pub none: u64,
    /// By the key that was given.
    pub this_key: u64,
    /// By another key, or damaged.
    pub other: u64,
}

/// What was removed from a cache.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct Pruned {
    /// Units that went.
    pub removed: u64,
    /// Bytes that they took.
    pub removed_bytes: u64,
    /// Units that are left.
    pub units: u64,
    /// Bytes that they take.
    pub bytes: u64,
}

/// What goes.
#[derive(Debug)]
pub struct Prune {
    /// The most bytes that may be left; units that were used longest ago go first.
    pub limit: u64,
    /// Units that were not used for so long go in any case.
    pub unused_for: Option<Duration>,
    /// Units that this key did not seal go in any case.
    pub key: Option<CacheKey>,
}

/// A unit's file.
struct Found {
    used: SystemTime,
    len: u64,
    path: PathBuf,
    name: Key,
}

/// Everything in the shelves that linkpack wrote there; nothing else is ever counted or removed.
#[derive(Default)]
struct Listing {
    units: Vec<Found>,
    unfinished: Vec<PathBuf>,
    claims: Vec<PathBuf>,
}

fn list(folder: &Path) -> Result<Listing> {
    fs::read_dir(folder).or_cannot("read the cache", folder).map_err(|error| error.help("name the cache with --cache DIR"))?;
    let mut all = Listing::default();
    // A link in place of a shelf leads to where nothing is ours.
    for shelf in shelves(folder).filter(|shelf| fs::symlink_metadata(shelf).is_ok_and(|meta| meta.is_dir())) {
        for file in fs::read_dir(&shelf).or_cannot("read the cache", &shelf)?.flatten() {
            let (name, path) = (file.file_name(), file.path());
            let Some(name) = name.to_str() else { continue };
            let Ok(meta) = fs::symlink_metadata(&path) else { continue };
            if !meta.is_file() {
                continue;
            } else if name.starts_with(PARTIAL) {
                all.unfinished.push(path);
            } else if name.starts_with(claim::PREFIX) {
                all.claims.push(path);
            } else if let Some(name) = key_of(&shelf, name) {
                all.units.push(Found { used: meta.modified().unwrap_or(UNIX_EPOCH), len: meta.len(), path, name });
            }
        }
    }
    all.units.sort_by(|one, other| (one.used, &one.path).cmp(&(other.used, &other.path)));
    Ok(all)
}

/// The key of the unit that a file's name stands for.
fn key_of(shelf: &Path, name: &str) -> Option<Key> {
    let digit = shelf.file_name()?.to_str()?;
    hex::decode(format!("{digit}{name}")).ok()?.try_into().ok()
}

/// Removes what killed builds left unfinished and the least recently used units beyond the limit. Nobody may be using the cache.
pub(super) fn trim(folder: &Path, limit: u64) -> Result<Pruned> {
    remove(folder, &Prune { limit, unused_for: None, key: None })
}

fn remove(folder: &Path, what: &Prune) -> Result<Pruned> {
    let Listing { units, unfinished, claims } = list(folder)?;
    for path in unfinished.iter().chain(&claims) {
        let _ = fs::remove_file(path);
    }
    let mut pruned = Pruned { bytes: units.iter().map(|unit| unit.len).sum(), units: units.len() as u64, ..Pruned::default() };
    let now = SystemTime::now();
    let seal = what.key.clone().map(Seal::Keyed);
    for unit in units {
        base::interrupt::check()?;
        let old = || {
            let age = now.duration_since(unit.used).unwrap_or_default();
            what.unused_for.is_some_and(|most| age > most)
        };
        let foreign = || seal.as_ref().is_some_and(|seal| !has_seal(&unit, seal));
        if pruned.bytes > what.limit || old() || foreign() {
            // A unit that someone else removed meanwhile is as good as removed.
            let gone = fs::remove_file(&unit.path).map_err(|error| error.kind());
            if matches!(gone, Ok(()) | Err(std::io::ErrorKind::NotFound)) {
                pruned = Pruned {
                    removed: pruned.removed + 1,
                    removed_bytes: pruned.removed_bytes + unit.len,
                    units: pruned.units - 1,
                    bytes: pruned.bytes - unit.len,
                };
            }
        }
    }
    Ok(pruned)
}

fn has_seal(unit: &Found, seal: &Seal) -> bool {
    open_plain(&unit.path).is_ok_and(|(mut file, _)| read_head(&unit.name, &mut file, seal).is_some())
}

/// Removes units from a cache that no build is using.
///
/// # Errors
/// A build is using it; the folder cannot be read.
pub fn prune(folder: &Path, what: &Prune) -> Result<Pruned> {
    fs::read_dir(folder).or_cannot("read the cache", folder)?;
    if !folder.join("lock").exists() {
        return Err(
            Error::new(format!("no build used {} as its cache", folder.display())).help("name the cache with --cache DIR")
        );
    }
    if let Some(lock) = lock(folder, false)? {
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(Error::new(format!("a build is using the cache {}", folder.display()))
                .help("run linkpack cache prune again when it has ended"));
        }
        return remove(folder, what);
    }
    remove(folder, what)
}

/// Looks at a cache; changes nothing.
///
/// # Errors
/// The folder cannot be read.
pub fn survey(folder: &Path, key: Option<&CacheKey>) -> Result<Survey> {
    let Listing { units, unfinished, claims } = list(folder)?;
    let mut seals = Seals::default();
    let keyed = key.cloned().map(Seal::Keyed);
    for unit in &units {
        base::interrupt::check()?;
        match unit {
            unit if has_seal(unit, &Seal::Digest) => seals.none += 1,
            unit if keyed.as_ref().is_some_and(|seal| has_seal(unit, seal)) => seals.this_key += 1,
            _ => seals.other += 1,
        }
    }
    let seconds = |unit: &Found| unit.used.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let host = |path: &PathBuf| {
        let claimant = claim::read(path).as_deref().and_then(Claimant::parse);
        claimant.map_or_else(|| "?".to_owned(), |claimant| claimant.host)
    };
    Ok(Survey {
        folder: folder.to_path_buf(),
        units: units.len() as u64,
        bytes: units.iter().map(|unit| unit.len).sum(),
        seals,
        least_recent: units.first().map(seconds),
        most_recent: units.last().map(seconds),
        unfinished: unfinished.len() as u64,
        claims: claims.iter().map(host).collect(),
        open: guard::check(folder).err().map(|error| error.what().to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::super::cache::{Cache, CacheChoice};
    use super::super::seal::tests::key;
    use super::super::store::Store;
    use super::super::{Bytes, Codec, Nature};
    use super::*;

    fn fill(folder: &Path, key: Option<CacheKey>, contents: &[&[u8]]) {
        let store = Store::open(Cache { key, ..CacheChoice::Folder(folder.to_path_buf()).into() }, 1).unwrap();
        for plain in contents {
            store.put(Codec::Gzip, Nature::General, &Bytes(plain)).unwrap();
        }
    }

    #[test]
    fn units_are_told_by_their_seals_and_those_without_the_keys_go() {
        let folder = tempfile::tempdir().unwrap();
        fill(folder.path(), None, &[b"a", b"b", b"c"]);
        fill(folder.path(), Some(key(1)), &[b"d", b"e"]);
        fill(folder.path(), Some(key(2)), &[b"f"]);
        let survey = survey(folder.path(), Some(&key(1))).unwrap();
        let Seals { none, this_key, other } = survey.seals;
        assert_eq!((survey.units, none, this_key, other, survey.open), (6, 3, 2, 1, None));
        let what = Prune { limit: u64::MAX, unused_for: Some(Duration::from_secs(60)), key: Some(key(1)) };
        let pruned = prune(folder.path(), &what).unwrap();
        assert_eq!((pruned.removed, pruned.units, pruned.removed_bytes + pruned.bytes), (4, 2, survey.bytes));
        let none = prune(folder.path(), &Prune { limit: 0, unused_for: None, key: None }).unwrap();
        assert_eq!((none.removed, none.units, none.bytes), (2, 0, 0));
    }

    #[test]
    fn nothing_but_a_caches_own_files_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        fill(folder.path(), None, &[b"a"]);
        let elsewhere = tempfile::tempdir().unwrap();
        let name = "0".repeat(63);
        let kept = [folder.path().join("notes"), folder.path().join("a/letter"), elsewhere.path().join(&name)];
        fs::create_dir_all(folder.path().join("a")).unwrap();
        kept.iter().for_each(|path| fs::write(path, "mine").unwrap());
        let link = shelves(folder.path()).find(|shelf| !shelf.exists()).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), link).unwrap();
        prune(folder.path(), &Prune { limit: 0, unused_for: None, key: None }).unwrap();
        assert!(kept.iter().all(|path| path.exists()));
        assert!(prune(elsewhere.path(), &Prune { limit: 0, unused_for: None, key: None }).is_err());
    }

    #[test]
    fn a_cache_in_use_is_not_pruned() {
        let folder = tempfile::tempdir().unwrap();
        let _build = Store::open(CacheChoice::Folder(folder.path().to_path_buf()), 1).unwrap();
        let error = prune(folder.path(), &Prune { limit: 0, unused_for: None, key: None }).unwrap_err();
        assert!(error.what().contains("a build is using"));
    }
}
