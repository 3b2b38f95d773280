//! Cabinets (MS-CAB), unpacked in one pass: what each member is, without keeping any of it. Cabinets of a set are read together.

mod folder;
mod listing;
mod seen;

pub use folder::Method;
pub use seen::Seen;

use base::error::{Error, Result};
use folder::{Part, Unpacking};
use listing::{Listing, Packing};
use seen::Watcher;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{BufRead, Read, Seek};

/// What all cabinets of one package may still unpack to. Behind it, someone wants to keep us busy.
pub struct Budget {
    bytes: u64,
    members: usize,
}

impl Budget {
    /// For cabinets in files of `len` bytes together: a GiB at the least, 200 times as much where they are large, and never more than
    /// eight full cabinets.
    pub fn new(len: u64) -> Self {
        const SMALL: u64 = 1 << 30;
        const LARGE: u64 = 16 << 30;
        Budget { bytes: len.saturating_mul(200).clamp(SMALL, LARGE), members: MOST_MEMBERS }
    }
}

/// Members of all cabinets together: three times what Windows Installer's tables can number with short keys.
const MOST_MEMBERS: usize = 200_000;
/// Plain bytes of one block.
const BLOCK: usize = 32 << 10;

/// A cabinet that the Media table names.
#[derive(Debug, Clone)]
pub enum Cabinet {
    /// There is none of that name.
    Missing,
    /// It cannot be read, for this reason.
    Damaged(String),
    /// Its members are listed but not all looked into, for this reason.
    Listed(Vec<Member>, String),
    /// Every member was unpacked.
    Read(Vec<Member>),
}

/// One file of a cabinet: of the one that it begins in.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its length in bytes.
    pub size: u32,
    /// What it holds, when it was unpacked.
    pub content: Option<Seen>,
    /// How it is packed: MSZIP, LZX, Quantum or none.
    pub packing: &'static str,
}

/// Where cabinets are found by their names in the Media table.
pub trait Shelf {
    /// An open cabinet.
    type Input: BufRead + Seek;

    /// Opens a cabinet; `None` where there is none of that name.
    fn open(&mut self, name: &str) -> Result<Option<Self::Input>>;

    /// What gets the members' contents, where they are more than looked at.
    fn contents(&mut self) -> Option<&mut dyn Contents> {
        None
    }
}

/// Receives the contents of cabinets.
pub trait Contents {
    /// A content begins.
    fn begin(&mut self);

    /// Its next bytes.
    ///
    /// # Errors
    /// They cannot be kept.
    fn write(&mut self, bytes: &[u8]) -> Result<()>;

    /// The content that began last is this member's; `modified` is DOS's time and date. Equal files may share one content.
    fn member(&mut self, name: &str, modified: (u16, u16));
}

/// Reads cabinets within what is left of a package's budget.
///
/// # Errors
/// An interrupt. What is wrong with a cabinet is said of it.
pub fn read<S: Shelf>(names: &BTreeSet<String>, shelf: &mut S, budget: &mut Budget) -> Result<BTreeMap<String, Cabinet>> {
    let mut read = BTreeMap::new();
    let mut listed = BTreeMap::new();
    for name in names {
        let listing = shelf.open(name).and_then(|input| match input {
            None => Ok(None),
            Some(mut input) => listing::read(&mut input, budget.members).map(Some),
        });
        match listing {
            Err(error) if error.is_interrupted() => return Err(error),
            Err(error) => drop(read.insert(name.clone(), Cabinet::Damaged(error.what().to_owned()))),
            Ok(None) => drop(read.insert(name.clone(), Cabinet::Missing)),
            Ok(Some(listing)) => {
                // A folder costs as much as a member, and a cabinet may have folders alone.
                budget.members = budget.members.saturating_sub(listing.members.len() + listing.folders.len());
                listed.insert(name.clone(), listing);
            }
        }
    }
    let mut set = Set::new(listed);
    let names: Vec<String> = set.listed.keys().cloned().collect();
    names.iter().try_for_each(|name| set.unpack(name, shelf, budget))?;
    read.extend(set.cabinets());
    Ok(read)
}

/// Cabinets that may belong together.
struct Set {
    listed: BTreeMap<String, Listing>,
    /// The cabinets by the names that their neighbours call them, in small letters and without the Media table's mark of those inside.
    called: HashMap<String, String>,
    /// Why members of a cabinet were not looked into, and what is wrong with it.
    unread: BTreeMap<String, String>,
    damaged: BTreeMap<String, String>,
    /// Cabinets whose first folder was met from where it begins.
    joined: BTreeSet<String>,
}

impl Set {
    fn new(listed: BTreeMap<String, Listing>) -> Self {
        let called = |name: &String| (name.strip_prefix('#').unwrap_or(name).to_ascii_lowercase(), name.clone());
        // Of two with one name, the one that the table's order has first.
        let called = listed.keys().rev().map(called).collect();
        Set { listed, called, unread: BTreeMap::new(), damaged: BTreeMap::new(), joined: BTreeSet::new() }
    }

    /// Unpacks the folders that begin in a cabinet.
    fn unpack<S: Shelf>(&mut self, name: &str, shelf: &mut S, budget: &mut Budget) -> Result<()> {
        if let Some(why) = self.lost_beginning(name) {
            self.unread.insert(name.to_owned(), why);
        }
        let listing = &self.listed[name];
        let first = usize::from(listing.from_before);
        for folder in first..listing.folders.len() {
            if self.damaged.contains_key(name) {
                break;
            }
            let (chain, lost) = self.chain(name, folder);
            self.joined.extend(chain[1..].iter().map(|(cabinet, _)| cabinet.clone()));
            if let Some(why) = lost.or_else(|| self.unreadable(name, folder)) {
                chain.iter().for_each(|(cabinet, _)| drop(self.unread.insert(cabinet.clone(), why.clone())));
                continue;
            }
            match self.unpack_folder(&chain, shelf, budget) {
                Err(error) if error.is_interrupted() => return Err(error),
                Err(error) => {
                    chain.iter().for_each(|(cabinet, _)| drop(self.damaged.insert(cabinet.clone(), error.what().to_owned())))
                }
                Ok(()) => {}
            }
        }
        Ok(())
    }

    /// The cabinet of that name beside another one.
    fn named(&self, wanted: &str) -> Option<&str> {
        self.called.get(&wanted.to_ascii_lowercase()).map(String::as_str)
    }

    /// The cabinet that this one's last folder goes on in.
    fn successor(&self, name: &str) -> Option<&str> {
        let next = self.named(self.listed[name].next.as_deref()?)?;
        let back = self.named(self.listed[next].previous.as_deref()?)?;
        (back == name && next != name && self.listed[next].from_before).then_some(next)
    }

    /// Why the first folder cannot be read, where it began in a cabinet that is not there.
    fn lost_beginning(&self, name: &str) -> Option<String> {
        let listing = &self.listed[name];
        let before = listing.previous.as_deref().filter(|_| listing.from_before)?;
        let there = self.named(before).is_some_and(|other| self.listed[other].into_next && self.successor(other) == Some(name));
        (!there).then(|| format!("it is one of a set of cabinets, and its first folder begins in {before}, which is not there"))
    }

    /// The places of a folder that begins in a cabinet, and why one of them cannot be found.
    fn chain(&self, name: &str, folder: usize) -> (Vec<(String, usize)>, Option<String>) {
        let mut chain = vec![(name.to_owned(), folder)];
        let mut met = BTreeSet::from([name.to_owned()]);
        loop {
            let (name, folder) = &chain[chain.len() - 1];
            let listing = &self.listed[name];
            if !listing.into_next || folder + 1 < listing.folders.len() {
                return (chain, None);
            }
            let next = self.successor(name).map(str::to_owned).filter(|next| met.insert(next.clone()));
            let Some(next) = next else {
                let next = listing.next.as_deref().unwrap_or_default();
                let why = format!("it is one of a set of cabinets, and its last folder goes on in {next}, which is not there");
                return (chain, Some(why));
            };
            chain.push((next, 0));
        }
    }

    fn unreadable(&self, name: &str, folder: usize) -> Option<String> {
        let quantum = self.listed[name].folders[folder].packing == Packing::Quantum;
        quantum.then(|| "linkpack cannot read Quantum; pack the cabinet with LZX or MSZIP to have it checked".to_owned())
    }

    /// Unpacks one folder and hands what was seen to its members, whichever cabinet they begin in.
    fn unpack_folder<S: Shelf>(&mut self, chain: &[(String, usize)], shelf: &mut S, budget: &mut Budget) -> Result<()> {
        for pair in chain.windows(2) {
            self.same_members(&pair[0].0, &pair[1].0)?;
        }
        let part = |(cabinet, folder): &(String, usize)| {
            let listing = &self.listed[cabinet];
            Part { cabinet: cabinet.clone(), folder: listing.folders[*folder], reserved: listing.reserved }
        };
        let mut text = Text { blocks: Unpacking::<S>::new(chain.iter().map(part).collect())?, rest: Vec::new(), at: 0 };
        let mut members = Vec::new();
        for (cabinet, folder) in chain {
            let listing = &self.listed[cabinet];
            for &index in listing.begin_in(*folder) {
                let listed = &listing.members[index];
                members.push((listed.offset, listed.member.size, cabinet, index));
            }
        }
        members.sort_by_key(|&(offset, size, ..)| (offset, size));
        let mut last: Option<(u32, u32, Seen)> = None;
        for (offset, size, cabinet, index) in members {
            let seen = match &last {
                // Some makers keep equal files once, and list them all.
                Some((before, len, seen)) if (*before, *len) == (offset, size) => seen.clone(),
                _ => {
                    let name = &self.listed[cabinet].members[index].member.name;
                    text.member(name, u64::from(offset), u64::from(size), shelf, budget)?
                }
            };
            last = Some((offset, size, seen.clone()));
            if let Some(contents) = shelf.contents() {
                let listed = &self.listed[cabinet].members[index];
                contents.member(&listed.member.name, listed.modified);
            }
            if let Some(listing) = self.listed.get_mut(cabinet) {
                listing.members[index].member.content = Some(seen);
            }
        }
        Ok(())
    }

    /// What goes on in a cabinet has to begin in the one before.
    fn same_members(&self, before: &str, here: &str) -> Result<()> {
        let known: BTreeSet<_> =
            self.listed[before].members.iter().map(|one| (&one.member.name, one.member.size, one.offset)).collect();
        let stranger = self.listed[here]
            .members
            .iter()
            .find(|one| one.from_before && !known.contains(&(&one.member.name, one.member.size, one.offset)));
        stranger.map_or(Ok(()), |one| {
            Err(Error::new(format!("its member {} begins in the cabinet before, which has no such member", one.member.name)))
        })
    }

    fn cabinets(mut self) -> impl Iterator<Item = (String, Cabinet)> {
        self.listed.into_iter().map(move |(name, listing)| {
            if let Some(why) = self.damaged.remove(&name) {
                return (name, Cabinet::Damaged(why));
            }
            let adrift = listing.from_before && !self.joined.contains(&name);
            let adrift = adrift.then(|| "it is one of a set of cabinets that has no beginning".to_owned());
            // A member whose beginning was not found is told here, as there is no other place.
            let why = self.unread.remove(&name).or(adrift);
            let keep = why.is_some();
            let members = listing.members.into_iter().filter(|listed| keep || !listed.from_before);
            let members = members.map(|listed| listed.member).collect();
            let cabinet = match why {
                Some(why) => Cabinet::Listed(members, why),
                None => Cabinet::Read(members),
            };
            (name, cabinet)
        })
    }
}

/// A folder's plain text, read on and on.
struct Text<S: Shelf> {
    blocks: Unpacking<S>,
    /// What is left of the current block.
    rest: Vec<u8>,
    at: u64,
}

impl<S: Shelf> Text<S> {
    fn member(&mut self, name: &str, offset: u64, size: u64, shelf: &mut S, budget: &mut Budget) -> Result<Seen> {
        if self.at != offset {
            return Err(Error::new(format!("its member {name} does not begin where the one before ends")));
        }
        if let Some(contents) = shelf.contents() {
            contents.begin();
        }
        let mut watcher = Watcher::default();
        let mut left = size;
        while left > 0 {
            if self.rest.is_empty() {
                base::interrupt::check()?;
                let next = self.blocks.next(shelf)?;
                self.rest = next.ok_or_else(|| Error::new(format!("it ends within its member {name}")))?;
                budget.bytes = budget.bytes.checked_sub(self.rest.len() as u64).ok_or_else(|| {
                    Error::new("the cabinets unpack to more than they may, as those do that are made to keep us busy")
                })?;
            }
            let count = self.rest.len().min(left.min(BLOCK as u64) as usize);
            watcher.see(&self.rest[..count]);
            if let Some(contents) = shelf.contents() {
                contents.write(&self.rest[..count])?;
            }
            self.rest.drain(..count);
            left -= count as u64;
        }
        self.at += size;
        Ok(watcher.finish())
    }
}

fn bytes<const N: usize>(input: &mut impl Read) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes).map_err(damaged)?;
    Ok(bytes)
}

fn damaged(error: std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => Error::new("it ends early"),
        _ => Error::new(format!("it cannot be read: {error}")),
    }
}

/// Of a slice that is known to be long enough.
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests;
