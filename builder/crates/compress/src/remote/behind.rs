//! The remote cache as a store has it behind its own folder: asked for what is not there, and sent what it lacks.

use super::incoming::{Arrived, Incoming};
use super::uploads::Uploads;
use super::{Remote, RemoteCache};
use crate::codec::Codec;
use crate::seal::{CacheKey, Seal};
use crate::unit::{Key, Unit};
use base::error::{Error, Result};
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

/// What is known of the server's unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum There {
    /// It had none when it was asked, or there is no server.
    Missing,
    /// What it has is not this unit.
    Wrong,
    /// It was not asked.
    Unknown,
}

/// A remote cache in use by one store.
#[derive(Debug)]
pub(crate) struct Behind {
    remote: Arc<Remote>,
    /// None where nothing is sent.
    uploads: Option<Uploads>,
    fetched: AtomicU64,
}

impl Behind {
    /// # Errors
    /// There is no key, or the address is none.
    pub fn open(chosen: &RemoteCache, key: Option<CacheKey>, read_only: bool) -> Result<Behind> {
        let key = key.ok_or_else(|| {
            Error::new("a remote cache takes a key: without it whoever can write there could put content into packages")
                .help("give the key that its builders share: --cache-key FILE")
        })?;
        let remote = Arc::new(Remote::open(chosen, key)?);
        let uploads = (!read_only && !chosen.read_only).then(|| Uploads::to(&remote));
        Ok(Behind { remote, uploads, fetched: AtomicU64::new(0) })
    }

    /// Writes the unit of this key to `file`, or says why not.
    ///
    /// # Errors
    /// The server refuses; the disk is full: then `full` makes the error.
    pub fn fetch(
        &self,
        codec: Codec,
        key: &Key,
        seal: &Seal,
        file: &mut File,
        full: impl Fn(std::io::Error) -> Error,
    ) -> Result<Result<Unit, There>> {
        self.remote.check()?;
        let mut incoming = Incoming::new(file, codec, key, seal);
        let got = self.remote.get(key, &mut incoming);
        Ok(match (incoming.finish(), got) {
            (Arrived::NotKept(error), _) => return Err(full(error)),
            (Arrived::Wrong, _) => Err(There::Wrong),
            (_, Err(error)) => return Err(error),
            (_, Ok(false)) => Err(There::Missing),
            (Arrived::Cut, Ok(true)) => Err(There::Wrong),
            (Arrived::Whole(segment, digest), Ok(true)) => {
                self.fetched.fetch_add(1, Ordering::Relaxed);
                if let Some(uploads) = &self.uploads {
                    uploads.has(*key);
                }
                Ok(Unit { key: *key, codec, segment, digest })
            }
        })
    }

    /// Lets the server have a unit's file, once for each unit.
    pub fn offer(&self, key: &Key, file: PathBuf, there: There) {
        if let Some(uploads) = &self.uploads {
            uploads.offer(*key, file, there);
        }
    }

    /// Waits until all is sent. What is to be said of a server that did not answer.
    ///
    /// # Errors
    /// The server refuses.
    pub fn settle(&self) -> Result<Option<String>> {
        if let Some(uploads) = &self.uploads {
            uploads.settle();
        }
        self.remote.check()?;
        Ok(self.remote.trouble())
    }

    /// Units that came from there.
    pub fn fetched(&self) -> u64 {
        self.fetched.load(Ordering::Relaxed)
    }

    /// Units that went there so far.
    pub fn sent(&self) -> u64 {
        self.uploads.as_ref().map_or(0, Uploads::sent)
    }
}
