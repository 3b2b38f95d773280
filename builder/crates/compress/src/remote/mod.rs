//! A cache on a server, behind the one on disk: units come from it, sealed with the cache's key, and those that were compressed here go to it.
//!
//! A server that cannot be reached costs time: the build goes on without it. One that refuses is an error: taken for an empty cache it
//! would let every builder compress everything for months before somebody saw it.

mod behind;
mod http;
mod incoming;
#[cfg(feature = "s3")]
mod s3;
mod uploads;

use super::seal::CacheKey;
use super::unit::Key;
use base::error::{Error, IoContext, Result};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

pub(super) use behind::{Behind, There};

/// How long a server may take to answer; bodies may take longer.
const PATIENCE: Duration = Duration::from_secs(10);
/// So many requests in a row without an answer, and the server is not asked any more in this build.
const MOST_SILENT: u32 = 3;
/// What objects' names are derived for (BLAKE3's key derivation mode).
const NAMES: &str = "linkpack 2026-11-27 names of units in a remote cache";

/// A cache on a server and how it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteCache {
    /// `http://HOST[:PORT]/PATH`, or `s3://BUCKET[/PREFIX]` with the feature `s3`.
    pub url: String,
    /// Units are taken from it, and none is sent there.
    pub read_only: bool,
}

/// How an object that is sent meets one that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Put {
    /// What was there first stays.
    Create,
    /// What is there is not a unit of this key: it goes.
    Replace,
}

/// Why a request was not answered.
#[derive(Debug)]
enum Trouble {
    /// The server cannot be reached, is overloaded or out of order: the end of a sentence.
    Silent(String),
    /// It refuses, or something here fails.
    Refused(Error),
}

/// A unit's file that is sent.
struct Body<'a> {
    path: &'a Path,
    file: File,
    len: u64,
}

impl Body<'_> {
    /// `None` of one that is gone: where a file system has no locks, another build may have trimmed the cache.
    fn open(path: &Path) -> Result<Option<Body<'_>>> {
        let Ok(file) = File::open(path) else { return Ok(None) };
        let len = file.metadata().or_cannot("read", path)?.len();
        Ok(Some(Body { path, file, len }))
    }
}

impl Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", self.path.display())))
    }
}

/// A server of objects by name: 64 hexadecimal digits.
trait Server: Send + Sync {
    /// Gives an object to `into`; `false` where there is none.
    fn get(&self, name: &str, into: &mut dyn Write) -> Result<bool, Trouble>;
    /// Whether there is an object.
    fn has(&self, name: &str) -> Result<bool, Trouble>;
    /// Sends a file.
    fn put(&self, name: &str, body: Body, how: Put) -> Result<(), Trouble>;
}

/// A cache on a server, in use.
struct Remote {
    server: Box<dyn Server>,
    url: String,
    key: CacheKey,
    /// Requests without an answer, since the last one with one.
    silent: AtomicU32,
    off: AtomicBool,
    unanswered: AtomicU64,
    why: Mutex<Option<String>>,
    refused: Mutex<Option<Error>>,
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Remote({})", self.url)
    }
}

impl Remote {
    /// # Errors
    /// The address is none, or of a kind that this linkpack does not know.
    pub fn open(chosen: &RemoteCache, key: CacheKey) -> Result<Remote> {
        let url = chosen.url.trim_end_matches('/').to_owned();
        Ok(Remote {
            server: server(&url)?,
            url,
            key,
            silent: AtomicU32::new(0),
            off: AtomicBool::new(false),
            unanswered: AtomicU64::new(0),
            why: Mutex::new(None),
            refused: Mutex::new(None),
        })
    }

    /// Gives a unit's file to `into`; `false` where the server has none, or does not answer.
    ///
    /// # Errors
    /// The server refuses.
    pub fn get(&self, key: &Key, into: &mut dyn Write) -> Result<bool> {
        self.answered(|| self.server.get(&self.name(key), into)).map(|got| got == Some(true))
    }

    /// Sends a unit's file, as far as the server has none.
    fn put(&self, key: &Key, file: &Path, how: Put) -> Result<bool> {
        let put = || match Body::open(file).map_err(Trouble::Refused)? {
            Some(body) => self.server.put(&self.name(key), body, how),
            None => Ok(()),
        };
        self.answered(put).map(|put| put.is_some())
    }

    fn has(&self, key: &Key) -> Result<Option<bool>> {
        self.answered(|| self.server.has(&self.name(key)))
    }

    /// Other keys' units have other names: builders of two keys do not overwrite each other's, and no name tells a content.
    fn name(&self, key: &Key) -> String {
        hex::encode(self.key.seal(NAMES, &[key]))
    }

    /// What a request brings; `None` where it is not answered, or not asked any more.
    fn answered<T>(&self, request: impl FnOnce() -> Result<T, Trouble>) -> Result<Option<T>> {
        if self.off.load(Ordering::Relaxed) {
            self.unanswered.fetch_add(1, Ordering::Relaxed);
            return Ok(None);
        }
        match request() {
            Ok(answer) => {
                self.silent.store(0, Ordering::Relaxed);
                Ok(Some(answer))
            }
            Err(Trouble::Silent(why)) => {
                self.unanswered.fetch_add(1, Ordering::Relaxed);
                self.why.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
                if self.silent.fetch_add(1, Ordering::Relaxed) + 1 >= MOST_SILENT {
                    self.off.store(true, Ordering::Relaxed);
                }
                Ok(None)
            }
            Err(Trouble::Refused(error)) if error.is_interrupted() => Err(error),
            Err(Trouble::Refused(error)) => Err(error.note(format!("the remote cache is {}", self.url))),
        }
    }

    /// Keeps why an upload was refused: the build hears of it at its next unit, or at its end.
    fn refuse(&self, error: Error) {
        self.off.store(true, Ordering::Relaxed);
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    /// # Errors
    /// Why an upload was refused.
    pub fn check(&self) -> Result<()> {
        match self.refused.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// What the user should know of a server that did not answer.
    pub fn trouble(&self) -> Option<String> {
        let why = self.why.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let count = self.unanswered.load(Ordering::Relaxed);
        Some(format!("the remote cache {} did not answer {count} requests, and the build went on without: {why}", self.url))
    }
}

fn server(url: &str) -> Result<Box<dyn Server>> {
    if url.starts_with("http://") {
        return Ok(Box::new(http::Http::open(url)?));
    }
    #[cfg(feature = "s3")]
    if url.starts_with("s3://") {
        return Ok(Box::new(s3::S3::open(url)?));
    }
    #[cfg(not(feature = "s3"))]
    if url.starts_with("s3://") {
        return Err(Error::new(format!("{url}: this linkpack was built without S3"))
            .help("build it with S3: cargo build --release --locked --features s3"));
    }
    Err(Error::new(format!("{url} is not the address of a remote cache"))
        .note("what comes from it is proven by the seals of --cache-key, so plain HTTP will do")
        .help("give http://HOST[:PORT]/PATH, or s3://BUCKET/PREFIX"))
}

#[cfg(test)]
mod tests {
    use super::super::seal::tests::key;
    use super::*;

    /// Answers each request with the next of these.
    struct Fake(Mutex<Vec<Result<bool, Trouble>>>);

    impl Server for Fake {
        fn get(&self, _: &str, _: &mut dyn Write) -> Result<bool, Trouble> {
            self.0.lock().unwrap().remove(0)
        }

        fn has(&self, _: &str) -> Result<bool, Trouble> {
            unreachable!()
        }

        fn put(&self, _: &str, _: Body, _: Put) -> Result<(), Trouble> {
            unreachable!()
        }
    }

    fn remote(answers: Vec<Result<bool, Trouble>>) -> Remote {
        let chosen = RemoteCache { url: "http://127.0.0.1:1/cache/".to_owned(), read_only: false };
        Remote { server: Box::new(Fake(Mutex::new(answers))), ..Remote::open(&chosen, key(1)).unwrap() }
    }

    fn silent() -> Result<bool, Trouble> {
        Err(Trouble::Silent("it sleeps".to_owned()))
    }

    #[test]
    fn a_silent_server_is_given_up_after_some_requests_in_a_row() {
        let remote = remote(vec![silent(), silent(), Ok(true), silent(), silent(), silent()]);
        let got: Vec<bool> = (0..9).map(|_| remote.get(&[0; 32], &mut std::io::sink()).unwrap()).collect();
        assert_eq!(got.iter().filter(|got| **got).count(), 1);
        assert!(remote.trouble().unwrap().contains("did not answer 8 requests"));
    }

    #[test]
    fn a_refusal_is_an_error_and_no_empty_cache() {
        let remote = remote(vec![Err(Trouble::Refused(Error::new("it answers \"403 Forbidden\"")))]);
        assert!(remote.get(&[0; 32], &mut std::io::sink()).unwrap_err().what().contains("403"));
        assert!(remote.trouble().is_none());
    }

    #[test]
    fn each_key_has_names_of_its_own() {
        let chosen = RemoteCache { url: "http://h/".to_owned(), read_only: false };
        let names = [1, 2].map(|seed| Remote::open(&chosen, key(seed)).unwrap().name(&[7; 32]));
        assert_ne!(names[0], names[1]);
        assert_eq!(names[0].len(), 64);
    }

    #[test]
    fn an_address_of_another_kind_is_refused() {
        for wrong in ["https://h/", "ftp://h/", "h:80", "http://user@h/", "http://h/a b"] {
            let chosen = RemoteCache { url: wrong.to_owned(), read_only: false };
            assert!(Remote::open(&chosen, key(1)).is_err(), "{wrong}");
        }
    }
}
