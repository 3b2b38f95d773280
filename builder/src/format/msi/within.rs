//! The programs in an MSI that was built without a key: they are signed before it is. What comes out is, stream by stream, what a build
//! with the key makes.

use super::cab::Member;
use super::cab_again;
use super::container::{encoded, StreamName};
use super::own::is_own;
use super::{actions, identity, summary};
use crate::compress::{CacheChoice, Store};
use crate::error::{Error, IoContext, Result};
use crate::format::sign_programs::{is_of_the_sample, sha256};
use crate::format::{PreparedFile, Signing};
use crate::inspect::msi::{self, Contents, Msi};
use crate::inspect::{installed, Installed};
use crate::listener::Listener;
use crate::payload::{Content, Entry, Kind, TreePath};
use crate::trust::authenticode::About;
use cfb::CompoundFile;
use md5::{Digest, Md5};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use tempfile::{NamedTempFile, TempDir};
use uuid::Uuid;

/// Bytes of the native actions, and of a table or the summary.
const LONGEST: u64 = 64 << 20;

/// What is to be signed, and by whom.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The keys.
    pub keys: &'a Signing,
    /// What Windows shows of the programs.
    pub about: &'a About,
    /// Whether the payloads' programs that nobody has signed are signed as well.
    pub all: bool,
}

/// Signs the programs in a package of linkpack's; another's stays as it is.
///
/// # Errors
/// The package is damaged, cannot be written, or the key or the time stamping authority fails.
pub fn sign(file: &File, path: &Path, request: &Request, listener: &dyn Listener) -> Result<()> {
    let Request { keys, about, all } = *request;
    let again = || file.try_clone().or_cannot("read", path);
    let Ok(mut container) = CompoundFile::open(again()?) else { return Ok(()) };
    let library_at = format!("/{}", encoded(&StreamName::Data(&format!("Binary.{}", actions::LIBRARY)))?);
    if !keys.signs_programs() || !container.is_stream(&library_at) || !is_ours(&msi::read_headers(again()?)?) {
        return Ok(());
    }
    let library = Content::memory(stream(&mut container, &library_at)?);
    // What another key signed, or this one before it knew the time, is signed again.
    let Some(library) = keys.signed_program(&library, about, true)? else { return Ok(()) };
    let mut kept = Kept::new()?;
    let msi = msi::unpack(again()?, None, Some(&mut kept))?;
    kept.flush()?;
    let mut inside = Inside { container, files: files(&msi), kept, changed: HashMap::new() };
    if let Some(missing) = inside.files.iter().find(|file| !inside.kept.members.contains_key(&file.key)) {
        listener.warning(&format!(
            "{}: its programs are not signed, for {} is in no cabinet inside of it; a build with the key signs them",
            path.display(),
            missing.path.display()
        ));
        return Ok(());
    }
    for file in &inside.files {
        let content = &inside.kept.members[&file.key];
        let own = file.is_linkctl || is_of_the_sample(content)?;
        if let Some(signed) = if own || all { keys.signed_program(content, about, own)? } else { None } {
            inside.changed.insert(file.key.clone(), signed);
        }
    }
    let writing = |error: std::io::Error| Error::io("write", path, &error);
    for (cabinet, range) in cabinets(&msi, &inside.files) {
        inside
            .pack_again(&cabinet, range)
            .map_err(|error| error.note(format!("in the cabinet {cabinet} of {}", path.display())))?;
    }
    let library = library.bytes()?;
    replace(&mut inside.container, &library_at, &mut library.as_slice()).map_err(writing)?;
    inside.tell_sizes(&msi)?;
    inside.rename(&msi, &library)?;
    inside.container.flush().map_err(writing)
}

/// Whether the package is linkpack's: by what transforms count on.
fn is_ours(msi: &Msi) -> bool {
    msi.database.rows("CustomAction").any(|row| row.text("Action") == Some("Default.INSTALL_ROOT"))
}

/// A row of File.
struct Packed {
    key: String,
    path: TreePath,
    is_linkctl: bool,
}

/// The files in the order of their sequence numbers.
fn files(msi: &Msi) -> Vec<Packed> {
    let sequences: HashMap<&str, i32> =
        msi.database.rows("File").filter_map(|row| Some((row.text("File")?, row.number("Sequence")?))).collect();
    let mut files: Vec<Installed> = installed(msi);
    files.sort_by_key(|file| sequences.get(file.key.as_str()).copied());
    let packed = |file: Installed| {
        let is_linkctl = file.path.ends_with("/bin/linkctl.exe");
        Some(Packed { path: TreePath::new(file.path.as_bytes()).ok()?, key: file.key, is_linkctl })
    };
    files.into_iter().filter_map(packed).collect()
}

/// The cabinets in the package, and which of the files are in each.
fn cabinets(msi: &Msi, files: &[Packed]) -> Vec<(String, std::ops::Range<usize>)> {
    let media = msi.database.rows("Media");
    let mut media: Vec<(usize, String)> = media
        .filter_map(|row| {
            let last = usize::try_from(row.number("LastSequence")?).ok()?;
            Some((last.min(files.len()), row.text("Cabinet")?.strip_prefix('#')?.to_owned()))
        })
        .collect();
    media.sort_unstable();
    let mut start = 0;
    media.into_iter().map(|(last, name)| (name, std::mem::replace(&mut start, last)..last)).collect()
}

/// A package whose programs are being signed.
struct Inside {
    container: CompoundFile<File>,
    files: Vec<Packed>,
    kept: Kept,
    /// The signed programs by their keys in File.
    changed: HashMap<String, Content>,
}

impl Inside {
    fn content(&self, key: &str) -> &Content {
        self.changed.get(key).unwrap_or_else(|| &self.kept.members[key])
    }

    /// Writes a cabinet anew where a program in it was signed: of its folders those alone that hold one.
    fn pack_again(&mut self, name: &str, range: std::ops::Range<usize>) -> Result<()> {
        let files = &self.files[range];
        if !files.iter().any(|file| self.changed.contains_key(&file.key)) {
            return Ok(());
        }
        let prepare = |file: &Packed| {
            let kind = Kind::File(self.content(&file.key).clone());
            PreparedFile::unread(Entry { path: file.path.clone(), kind, mode: 0o644, config: false, mtime: 0 })
        };
        let prepared: Vec<PreparedFile> = files.iter().map(prepare).collect();
        let mut members = Vec::new();
        for (file, prepared) in files.iter().zip(&prepared) {
            let own = is_own(&file.path);
            members.push(Member { name: file.key.clone(), path: &file.path, file: prepared, md5: false, own });
        }
        let at = format!("/{}", encoded(&StreamName::Data(name))?);
        let mut new = NamedTempFile::new_in(self.kept.folder.path()).or_cannot("create a file in", self.kept.folder.path())?;
        let store = Store::open(CacheChoice::Temporary(self.kept.folder.path().to_owned()), 1)?;
        let mut old = self.container.open_stream(&at).map_err(unreadable)?;
        let mut out = BufWriter::with_capacity(1 << 20, new.as_file_mut());
        cab_again::write(&mut old, &members, &|member| self.changed.contains_key(&member.name), &store, &mut out)?;
        let written = out.flush();
        drop(out);
        written.and_then(|()| new.rewind()).or_cannot("write", new.path())?;
        drop(old);
        replace(&mut self.container, &at, &mut new).map_err(unreadable)
    }

    /// Writes the lengths of the signed programs, and their digests where the table has them.
    fn tell_sizes(&mut self, msi: &Msi) -> Result<()> {
        let changed: Vec<(String, Content)> = self.changed.iter().map(|(key, content)| (key.clone(), content.clone())).collect();
        for (key, content) in changed {
            let len = i32::try_from(content.len()).map_err(|_| Error::new("a program is above 2 GB"))?;
            self.set(msi, ("File", &key), "FileSize", len)?;
            if msi.database.rows("MsiFileHash").any(|row| row.text("File_") == Some(&key)) {
                let digest = Md5::digest(content.bytes()?);
                for (part, bytes) in digest.chunks_exact(4).enumerate() {
                    let part_of = i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
                    self.set(msi, ("MsiFileHash", &key), &format!("HashPart{}", part + 1), part_of)?;
                }
            }
        }
        Ok(())
    }

    /// Overwrites a 32-bit number of a row: a table lies in its stream column by column.
    fn set(&mut self, msi: &Msi, (table, key): (&str, &str), column: &str, value: i32) -> Result<()> {
        let at = format!("/{}", encoded(&StreamName::Table(table))?);
        let place = msi::place_of(&msi.database, table, key, column, self.container.entry(&at).map_err(unreadable)?.len());
        let place = place.ok_or_else(|| Error::new(format!("the table {table} has no number {column} of {key}")))?;
        let mut stream = self.container.open_stream(&at).map_err(unreadable)?;
        let written =
            stream.seek(SeekFrom::Start(place)).and_then(|_| stream.write_all(&(value as u32 ^ 0x8000_0000).to_le_bytes()));
        written.and_then(|()| stream.flush()).map_err(unreadable)
    }

    /// Gives the package the code that a package of these contents has.
    fn rename(&mut self, msi: &Msi, library: &[u8]) -> Result<()> {
        let mut code = identity::PackageCode::default();
        for file in &self.files {
            code.content(&sha256(self.content(&file.key))?);
        }
        code.content(library);
        let mut names = msi::table_names(&msi.database);
        names.sort_unstable();
        for name in names {
            let at = format!("/{}", encoded(&StreamName::Table(&name))?);
            if self.container.is_stream(&at) {
                let bytes = stream(&mut self.container, &at)?;
                code.table(&name, &bytes);
            }
        }
        let at = format!("/{}", encoded(&StreamName::Summary)?);
        let bytes = stream(&mut self.container, &at)?;
        let old = msi.summary.revision.clone().unwrap_or_default();
        let place = bytes.windows(old.len().max(1)).position(|window| window == old.as_bytes());
        let (Some(place), true) = (place, old.len() == summary::braced(Uuid::nil()).len()) else {
            return Err(Error::new("its summary information has no package code"));
        };
        let with = |code: Uuid| {
            let mut bytes = bytes.clone();
            bytes[place..place + old.len()].copy_from_slice(summary::braced(code).as_bytes());
            bytes
        };
        let family = msi.database.property("UpgradeCode").and_then(|code| Uuid::try_parse(code).ok());
        let family = family.ok_or_else(|| Error::new("it has no upgrade code"))?;
        let platform = msi.summary.template.as_deref().and_then(|template| template.split(';').next()).unwrap_or_default();
        let code = code.finish(&family, platform, &with(Uuid::nil()));
        replace(&mut self.container, &at, &mut with(code).as_slice()).map_err(unreadable)
    }
}

fn unreadable(error: std::io::Error) -> Error {
    Error::new(format!("the compound file cannot be changed: {error}"))
}

fn stream(container: &mut CompoundFile<File>, at: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    container.open_stream(at).and_then(|stream| stream.take(LONGEST).read_to_end(&mut bytes)).map_err(unreadable)?;
    Ok(bytes)
}

/// Puts other contents into a stream; where they are as long as the old, they lie where these did.
fn replace(container: &mut CompoundFile<File>, at: &str, new: &mut dyn Read) -> std::io::Result<()> {
    let mut stream = container.open_stream(at)?;
    let len = std::io::copy(new, &mut stream)?;
    stream.set_len(len)?;
    stream.flush()
}

/// Keeps the contents of cabinets in a folder of its own.
struct Kept {
    folder: TempDir,
    path: PathBuf,
    out: BufWriter<File>,
    at: u64,
    begun: u64,
    members: HashMap<String, Content>,
}

impl Kept {
    fn new() -> Result<Kept> {
        let parent = std::env::temp_dir();
        let folder = tempfile::Builder::new().prefix("linkpack-sign-").tempdir_in(&parent);
        let folder = folder.or_cannot("create a folder in", &parent)?;
        let path = folder.path().join("contents");
        let out = BufWriter::with_capacity(1 << 20, File::create_new(&path).or_cannot("write", &path)?);
        Ok(Kept { folder, path, out, at: 0, begun: 0, members: HashMap::new() })
    }

    fn flush(&mut self) -> Result<()> {
        self.out.flush().or_cannot("write", &self.path)
    }
}

impl Contents for Kept {
    fn begin(&mut self) {
        self.begun = self.at;
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.at += bytes.len() as u64;
        let full = "set TMPDIR to a folder with room for what the package unpacks to";
        self.out.write_all(bytes).or_cannot("write", &self.path).map_err(|error| error.help(full))
    }

    fn member(&mut self, name: &str, _: (u16, u16)) {
        let content = Content::spooled(self.path.as_path().into(), self.begun, self.at - self.begun);
        self.members.insert(name.to_owned(), content);
    }
}
