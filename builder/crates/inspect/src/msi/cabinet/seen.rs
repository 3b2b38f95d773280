//! What is kept of a member's content: its digests, and what its headers say where it is a program.

use md5::{Digest, Md5};
use payload::pe::{self, Headers, Program};
use sha2::Sha256;

/// What was seen of a content.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Its MD5.
    pub md5: [u8; 16],
    /// Its SHA-256.
    pub sha256: [u8; 32],
    /// What its headers and version resource say, when it is a Windows program.
    pub program: Option<Program>,
}

impl Seen {
    /// The hash that Windows Installer expects in MsiFileHash: the MD5, and zeros for an empty file (MsiGetFileHash).
    pub fn file_hash(&self) -> [u8; 16] {
        if self.is_empty() {
            [0; 16]
        } else {
            self.md5
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.md5 == <[u8; 16]>::from(Md5::digest(b""))
    }
}

/// Digests a content and keeps what is needed of a program: its headers and its resources.
#[derive(Default)]
pub(super) struct Watcher {
    md5: Md5,
    sha256: Sha256,
    /// The first bytes, until there are enough of them.
    head: Vec<u8>,
    headers: Option<Headers>,
    resources: Vec<u8>,
    at: u64,
}

impl Watcher {
    pub(super) fn see(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.sha256.update(bytes);
        let into_head = bytes.len().min(pe::HEADERS - self.head.len());
        if into_head > 0 {
            self.head.extend_from_slice(&bytes[..into_head]);
            if self.head.len() == pe::HEADERS {
                self.behead();
            }
        }
        let rest = &bytes[into_head..];
        if !rest.is_empty() {
            self.keep(self.at + into_head as u64, rest);
        }
        self.at += bytes.len() as u64;
    }

    /// Reads the headers, and takes from the first bytes what belongs to the resources.
    fn behead(&mut self) {
        self.headers = pe::headers(&self.head);
        let head = std::mem::take(&mut self.head);
        self.keep(0, &head);
        self.head = head;
    }

    /// Keeps the part of `bytes`, which lie at `at` in the file, that belongs to the resources.
    fn keep(&mut self, at: u64, bytes: &[u8]) {
        let Some(section) = self.headers.and_then(|headers| headers.resources) else { return };
        let end = section.at + section.len.min(pe::RESOURCES) as u64;
        let from = section.at.saturating_sub(at).min(bytes.len() as u64) as usize;
        let to = end.saturating_sub(at).min(bytes.len() as u64) as usize;
        if from < to {
            self.resources.extend_from_slice(&bytes[from..to]);
        }
    }

    pub(super) fn finish(mut self) -> Seen {
        if self.head.len() < pe::HEADERS {
            self.behead();
        }
        let program = self.headers.map(|Headers { machine, library, resources, .. }| Program {
            machine,
            library,
            version: resources.and_then(|section| pe::version(&self.resources, section.address)),
            debug_id: None,
        });
        Seen { md5: self.md5.finalize().into(), sha256: self.sha256.finalize().into(), program }
    }
}
