//! What vouches for a unit: a digest against accidents, or a keyed one where others can write the cache.

use super::unit::Key;
use base::error::{Error, IoContext, Result};
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use zeroize::Zeroizing;

/// What the seal's key is derived for (BLAKE3's key derivation mode).
const CONTEXT: &str = "linkpack 2026-11-27 seals of units in a shared cache";
/// Bytes of a key file.
const SHORTEST: usize = 32;
const LONGEST: usize = 4096;
/// How many different bytes a random file of the shortest length has at least, for all practical purposes.
const DISTINCT: usize = 12;
const MAKE_ONE: &str = "make a key like this: (umask 077; head -c 32 /dev/urandom >cache.key)";

/// The key of a shared cache: units that it did not seal do not count.
#[derive(Clone)]
pub struct CacheKey(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for CacheKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CacheKey(hidden)")
    }
}

impl CacheKey {
    /// Reads a key file: 32 to 4096 bytes, each of which counts. Others may neither read nor write it; its group may read it, so that
    /// several accounts build with one key.
    ///
    /// # Errors
    /// It cannot be read, or is no such file.
    pub fn read(path: &Path) -> Result<CacheKey> {
        let shown = path.display();
        let meta = fs::metadata(path).or_cannot("read the cache key", path).map_err(|error| error.help(MAKE_ONE))?;
        if !meta.is_file() && !meta.file_type().is_fifo() {
            return Err(Error::new(format!("the cache key {shown} is not a file")).help(MAKE_ONE));
        }
        if meta.is_file() && meta.mode() & 0o027 != 0 {
            let mode = meta.mode() & 0o777;
            return Err(Error::new(format!("others can read or change the cache key {shown} (mode {mode:o})")).help(format!(
                "chmod 600 {shown} (640 where a group of builders shares it), and make a new key if others may have read it"
            )));
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
        let file = File::open(path).or_cannot("read the cache key", path)?;
        file.take(LONGEST as u64 + 1).read_to_end(&mut bytes).or_cannot("read the cache key", path)?;
        CacheKey::of(&bytes).map_err(|why| Error::new(format!("the cache key {shown} {why}")).help(MAKE_ONE))
    }

    /// A seal over other things than units, which `what` tells from each other.
    pub fn seal(&self, what: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut digest = blake3::Hasher::new_keyed(&blake3::derive_key(what, &self.0[..]));
        for part in parts {
            digest.update(&(part.len() as u64).to_le_bytes()).update(part);
        }
        digest.finalize().into()
    }

    fn of(bytes: &[u8]) -> Result<CacheKey, String> {
        let distinct = (0..=u8::MAX).filter(|byte| bytes.contains(byte)).count();
        match bytes.len() {
            len if len < SHORTEST => Err(format!("has {len} bytes; a key has at least {SHORTEST}")),
            len if len > LONGEST => Err(format!("has more than {LONGEST} bytes")),
            _ if distinct < DISTINCT => Err("is not random: its bytes repeat".to_owned()),
            _ => Ok(CacheKey(Zeroizing::new(blake3::derive_key(CONTEXT, bytes)))),
        }
    }
}

/// Seals units.
#[derive(Debug, Clone)]
pub(super) enum Seal {
    /// Whoever can write the cache can make one.
    Digest,
    /// Only who has the key can. It covers the unit's name too: a unit moved to another's place is none.
    Keyed(CacheKey),
}

impl Seal {
    /// The seal of a unit with this head, which holds the digest of its packed bytes.
    pub fn of(&self, name: &Key, head: &[u8]) -> blake3::Hash {
        match self {
            Seal::Digest => blake3::hash(head),
            Seal::Keyed(key) => blake3::Hasher::new_keyed(&key.0).update(name).update(head).finalize(),
        }
    }

    /// Whether units are safe from others who can write the cache.
    pub fn is_keyed(&self) -> bool {
        matches!(self, Seal::Keyed(_))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    pub fn key(seed: u8) -> CacheKey {
        CacheKey::of(&(0..32).map(|at| seed ^ at).collect::<Vec<u8>>()).unwrap()
    }

    #[test]
    fn a_seal_is_of_one_key_one_unit_and_one_head() {
        let seals = [(1, [1; 32], b"head"), (2, [1; 32], b"head"), (1, [2; 32], b"head"), (1, [1; 32], b"Head")]
            .map(|(seed, name, head)| Seal::Keyed(key(seed)).of(&name, head).to_hex().to_string());
        let distinct: std::collections::BTreeSet<_> = seals.iter().collect();
        assert_eq!(distinct.len(), seals.len());
    }

    #[test]
    fn a_key_that_others_can_read_or_that_is_too_short_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let random: Vec<u8> = (0..32).collect();
        let read = |bytes: &[u8], mode| {
            fs::write(&path, bytes).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            CacheKey::read(&path).map(drop).map_err(|error| error.what().to_owned())
        };
        for mode in [0o600, 0o400, 0o440, 0o640] {
            assert!(read(&random, mode).is_ok(), "{mode:o}");
        }
        for mode in [0o644, 0o660, 0o602] {
            assert!(read(&random, mode).unwrap_err().contains("others can"), "{mode:o}");
        }
        assert!(read(&random[..31], 0o600).unwrap_err().contains("31 bytes"));
        assert!(read(&[7; 64], 0o600).unwrap_err().contains("not random"));
        assert!(read(&[random.as_slice(); 129].concat(), 0o600).unwrap_err().contains("more than"));
        assert!(CacheKey::read(Path::new("/dev/urandom")).unwrap_err().what().contains("is not a file"));
        assert!(!format!("{:?}", key(1)).contains("32"));
    }
}
