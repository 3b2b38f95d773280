//! The digest of a whole stream, without reading again what it begins with in common with the stream before.
//!
//! A hundred sites' payloads differ in one small unit: digesting each from its first byte would be most of the work.

use super::store::Key;
use super::stream::Packed;
use base::error::Result;
use sha2::{Digest, Sha256};
use std::sync::{Mutex, PoisonError};

/// The units of the stream that was digested last, and the digest's state before each of them.
#[derive(Debug, Default)]
pub struct LastDigest(Mutex<Vec<(Key, Sha256)>>);

impl Packed {
    /// The SHA-256 of the stream.
    ///
    /// # Errors
    /// As [`Packed::read`]'s.
    pub fn sha256(&self) -> Result<[u8; 32]> {
        let last = &self.store().last_digest.0;
        let mut states = std::mem::take(&mut *last.lock().unwrap_or_else(PoisonError::into_inner));
        let common = self.units().iter().zip(&states).take_while(|(unit, (key, _))| unit.key == *key).count();
        // The state before the first unit that differs is the one behind the last common one.
        let (from, mut digest) = match states.get(common).or(states.last()) {
            Some((_, state)) if common > 0 => (common.min(states.len() - 1), state.clone()),
            _ => (0, Sha256::new_with_prefix(self.header())),
        };
        states.truncate(from);
        for unit in &self.units()[from..] {
            base::interrupt::check()?;
            states.push((unit.key, digest.clone()));
            self.store().read(unit, &mut |block| {
                digest.update(block);
                Ok(())
            })?;
        }
        *last.lock().unwrap_or_else(PoisonError::into_inner) = states;
        Ok(digest.chain_update(self.trailer()).finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Bytes, CacheChoice, Codec, Layout, Nature, Store};
    use super::*;
    use std::sync::Arc;

    fn stream(store: &Arc<Store>, units: &[u8]) -> Packed {
        let mut layout = Layout::new(store, Codec::Gzip);
        for &unit in units {
            let plain = vec![unit; 300_000];
            layout.unit(&store.put(Codec::Gzip, Nature::General, &Bytes(&plain)).unwrap()).unwrap();
        }
        layout.finish().unwrap()
    }

    #[test]
    fn streams_with_a_common_beginning_have_their_own_digests() {
        let store = Store::open(CacheChoice::Temporary(std::env::temp_dir()), 1).unwrap();
        let lists: [&[u8]; 9] = [b"abcd", b"abxd", b"abxd", b"ab", b"abc", b"", b"xbcd", b"xbcde", b"a"];
        for units in lists {
            let packed = stream(&store, units);
            let mut digest = Sha256::new();
            packed
                .read(&mut |block| {
                    digest.update(block);
                    Ok(())
                })
                .unwrap();
            assert_eq!(packed.sha256().unwrap()[..], digest.finalize()[..], "{}", String::from_utf8_lossy(units));
        }
    }
}
