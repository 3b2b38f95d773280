//! The digest of a whole stream, without reading again what it begins with in common with the stream before.
//!
//! A hundred sites' payloads differ in one small unit: digesting each from its first byte would be most of the work.

use super::unit::{Key, Unit};
use base::error::Result;
use sha2::{Digest, Sha256};
use std::sync::{Mutex, PoisonError};

/// The units of the stream that was digested last, and the digest's state before each of them.
#[derive(Debug, Default)]
pub struct LastDigest(Mutex<Vec<(Key, Sha256)>>);

/// Reads a unit's bytes, in blocks.
type Read<'a> = dyn Fn(&Unit, &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> + 'a;

impl LastDigest {
    /// The SHA-256 of a stream of these units, which `read` reads, between its two ends.
    ///
    /// # Errors
    /// As `read`'s; the user interrupted.
    pub fn sha256(&self, header: &[u8], units: &[Unit], trailer: &[u8], read: &Read) -> Result<[u8; 32]> {
        let mut states = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let common = units.iter().zip(&states).take_while(|(unit, (key, _))| unit.key == *key).count();
        // The state before the first unit that differs is the one behind the last common one.
        let (from, mut digest) = match states.get(common).or(states.last()) {
            Some((_, state)) if common > 0 => (common.min(states.len() - 1), state.clone()),
            _ => (0, Sha256::new_with_prefix(header)),
        };
        states.truncate(from);
        for unit in &units[from..] {
            base::interrupt::check()?;
            states.push((unit.key, digest.clone()));
            read(unit, &mut |block| {
                digest.update(block);
                Ok(())
            })?;
        }
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = states;
        Ok(digest.chain_update(trailer).finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Bytes, CacheChoice, Codec, Layout, Nature, Packed, Store};
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
