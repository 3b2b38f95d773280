//! What all packages of one target are made of.

use super::needs::Needs;
use super::parts::Origin;
use super::{Digests, Packing, PreparedFile};
use crate::compress::{Codec, Store};
use crate::endpoint::windows::WindowsParts;
use crate::manifest::Target;
use crate::payload::{Kind, TreePath};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What all packages of one target are made of.
pub struct Base<'a> {
    /// The target.
    pub target: Target,
    /// How it is compressed.
    pub codec: Codec,
    /// How an MSI's cabinets are packed.
    pub cabinet: Packing,
    /// Where compressed units are.
    pub store: &'a Arc<Store>,
    /// The time of the package and of what linkpack itself adds to it, in seconds since 1970.
    pub mtime: i64,
    /// The files as their sources have them, below the connector's and the containers' folders: paths relative to the install root, sorted,
    /// parents first.
    pub files: Vec<PreparedFile>,
    /// What the files need of the endpoint.
    pub needs: Needs,
    /// What the DEBs and RPMs among the payloads say of themselves.
    pub origins: Vec<Origin>,
    /// The files that have capabilities, as cap_to_text(3) writes them.
    pub capabilities: BTreeMap<TreePath, String>,
    /// linkpack's own programs for Windows, where they were signed.
    pub windows: Option<WindowsParts>,
    /// Length and digests that files had before they were signed.
    pub unsigned: BTreeMap<TreePath, (u64, Digests)>,
}

impl<'a> Base<'a> {
    /// Without any payload.
    pub fn empty(target: Target, codec: Codec, store: &'a Arc<Store>, mtime: i64) -> Self {
        let (files, origins, capabilities) = (Vec::new(), Vec::new(), BTreeMap::new());
        let (needs, windows, unsigned) = (Needs::default(), None, BTreeMap::new());
        Base { target, codec, cabinet: Packing::Mszip, store, mtime, files, needs, origins, capabilities, windows, unsigned }
    }

    /// Bytes of all files.
    pub fn content(&self) -> u64 {
        self.files.iter().map(PreparedFile::len).sum()
    }

    /// Whether the digests of all files are known.
    pub fn is_read(&self) -> bool {
        self.files.iter().all(|file| file.digests.is_some() || !matches!(file.entry.kind, Kind::File(_)))
    }

    /// Takes over what a format learned of files, by their place in the list.
    pub fn learn(&mut self, digests: Vec<(usize, Digests)>) {
        for (at, digests) in digests {
            self.files[at].digests = Some(digests);
        }
    }
}
