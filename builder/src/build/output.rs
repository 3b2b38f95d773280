//! The output folder: packages under temporary names until all are whole, then all names at once (`switch`), SHA256SUMS last.

use super::switch::{switch, PARTIAL};
use super::{Options, Package, Report, Signing};
use crate::error::{Error, IoContext, Result};
use crate::format::door;
use crate::format::stream::digest;
pub use crate::inspect::verify::{MANIFEST, SUMS, SUMS_SIGNATURE};
use crate::listener::{some_of, Listener};
use crate::manifest::{Format, Product};
use crate::trust::record::{About, Input, Record, FORM};
use crate::workdir::WorkDir;
use rustix::fs::{flock, FlockOperation};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tempfile::{NamedTempFile, TempPath};

/// The ending of what lies beside packages.
const CABINET: &str = "cab";

/// The output folder of one build.
pub struct Output {
    folder: PathBuf,
    no_tilde: bool,
    whole: Vec<(NamedTempFile, String)>,
    /// The many small ones.
    bulk: Option<Arc<Bulk>>,
}

/// Files by the thousand, which no descriptor is kept open for: in a folder of this build inside the output folder, where each has its own
/// name already.
pub struct Bulk {
    folder: WorkDir,
    no_tilde: bool,
    names: Mutex<Vec<String>>,
}

impl Bulk {
    /// A file's name as it is wanted here.
    pub fn name(&self, name: String) -> String {
        plain(name, self.no_tilde)
    }

    /// A new file, open for reading, too: what signs it reads it.
    ///
    /// # Errors
    /// It cannot be made, or there is one of that name.
    pub fn create(&self, name: &str) -> Result<(PathBuf, File)> {
        let path = self.folder.path().join(name);
        let file = File::options().read(true).write(true).create_new(true).open(&path);
        let file = file.or_cannot("write to the output folder", &path).map_err(elsewhere)?;
        self.names.lock().unwrap_or_else(PoisonError::into_inner).push(name.to_owned());
        Ok((path, file))
    }

    /// Its folder, for what is in no list.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The files, by name.
    fn files(&self) -> Result<Vec<(TempPath, String)>> {
        let mut names = std::mem::take(&mut *self.names.lock().unwrap_or_else(PoisonError::into_inner));
        names.sort();
        let at = |name: &String| TempPath::try_from_path(self.folder.path().join(name));
        let file = |name: String| Ok((at(&name).or_cannot("find", self.folder.path())?, name));
        names.into_iter().map(file).collect()
    }
}

fn plain(name: String, no_tilde: bool) -> String {
    match no_tilde {
        true => name.replace('~', "."),
        false => name,
    }
}

impl Output {
    /// Makes the folder, tries to write in it, and removes what killed builds left there.
    pub fn open(folder: &Path, no_tilde: bool) -> Result<Output> {
        fs::create_dir_all(folder).or_cannot("create the output folder", folder).map_err(elsewhere)?;
        let output = Output { folder: folder.to_path_buf(), no_tilde, whole: Vec::new(), bulk: None };
        output.partial()?;
        output.sweep();
        Ok(output)
    }

    /// Warns where the last build into this folder made the same product with another upgrade-code.
    pub fn warn_of_another_family(&self, product: &Product, listener: &dyn Listener) {
        let path = self.folder.join(MANIFEST);
        // Best effort: what is there may be anybody's.
        let Some(last) = fs::read(&path).ok().and_then(|bytes| Record::parse(&bytes).ok()) else { return };
        let table = &product.manifest().product;
        let (Some(now), Some(then)) = (upgrade_code(product), last.product.upgrade_code) else { return };
        if last.product.name == table.name.as_str() && now != then {
            let path = path.display();
            listener.warning(&format!(
                "{} had the upgrade-code {then} in the last build ({path}) and has {now} now: Windows will install its MSI \
                 beside the old version instead of replacing it, unless upgrade-code = \"{then}\" is put back",
                table.name
            ));
        }
    }

    /// A file's name as it is wanted here: `~` is what some stores do not keep.
    pub fn name(&self, name: String) -> String {
        plain(name, self.no_tilde)
    }

    /// Where small files go by the thousand; they get their names with the packages.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn bulk(&mut self) -> Result<Arc<Bulk>> {
        if let Some(bulk) = &self.bulk {
            return Ok(bulk.clone());
        }
        let folder = WorkDir::new(&self.folder).or_cannot("write to the output folder", &self.folder).map_err(elsewhere)?;
        Ok(self.bulk.insert(Arc::new(Bulk { folder, no_tilde: self.no_tilde, names: Mutex::default() })).clone())
    }

    /// Where a kept file lies before it has its name.
    pub fn kept(&self, name: &str) -> Option<&Path> {
        self.whole.iter().find(|(_, whole)| whole == name).map(|(file, _)| file.path())
    }

    /// Whether names have a dot for each `~`.
    pub fn no_tilde(&self) -> bool {
        self.no_tilde
    }

    /// A new file that goes away unless it is kept.
    pub fn partial(&self) -> Result<NamedTempFile> {
        use std::os::unix::fs::PermissionsExt;
        let mut builder = tempfile::Builder::new();
        // Packages are for everyone to read; the user's umask still applies.
        builder.prefix(PARTIAL).permissions(fs::Permissions::from_mode(0o666));
        let file = builder.tempfile_in(&self.folder).or_cannot("write to the output folder", &self.folder).map_err(elsewhere)?;
        flock(file.as_file(), FlockOperation::NonBlockingLockExclusive)
            .map_err(|error| Error::io("lock", file.path(), &error.into()))?;
        Ok(file)
    }

    /// A second name for a file that stays as it is; `None` where its file system gives it none here.
    pub fn link(&self, path: &Path) -> Result<Option<NamedTempFile>> {
        let linked = tempfile::Builder::new().prefix(PARTIAL).make_in(&self.folder, |name| {
            fs::hard_link(path, name)?;
            File::open(name)
        });
        use std::io::ErrorKind;
        match linked {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(Error::io("read", path, &error)),
            Err(_) => Ok(None),
        }
    }

    /// Marks a package as whole; it gets its name in [`Output::finish`].
    pub fn keep(&mut self, file: NamedTempFile, name: String) {
        self.whole.push((file, name));
    }

    /// Signs the programs for Windows in the kept packages, which were built without a key; `all` of them where that is asked for.
    pub fn sign_inside(&mut self, packages: &[Package], signing: &Signing, all: bool, listener: &dyn Listener) -> Result<()> {
        for (file, name) in &mut self.whole {
            let package = packages.iter().find(|package| package.file == *name);
            if let Some(format) = package.and_then(|package| package.format.format()) {
                door(format).sign_inside(file.as_file_mut(), Path::new(name), signing, all, listener)?;
            }
        }
        Ok(())
    }

    /// Signs the kept packages, and says which are not signed.
    pub fn sign(&mut self, packages: &mut [Package], signing: &Signing, listener: &dyn Listener) -> Result<()> {
        let mut unsigned = Vec::new();
        for (file, name) in &mut self.whole {
            let Some(package) = packages.iter_mut().find(|package| package.file == *name) else { continue };
            let Some(format) = package.format.format() else { continue };
            crate::interrupt::check()?;
            package.signed = door(format).sign(file.as_file_mut(), Path::new(name), signing, listener)?;
            match package.signed {
                Some(_) => (package.size, package.sha256) = digest(file.as_file_mut()).or_cannot("read", file.path())?,
                None => unsigned.push(name.as_str()),
            }
        }
        if !unsigned.is_empty() {
            let unsigned: Vec<String> = unsigned.into_iter().map(str::to_owned).collect();
            listener.info(&format!("unsigned: {}", some_of(&unsigned, 20)));
        }
        Ok(())
    }

    /// Gives every package its name, then manifest.json and SHA256SUMS, with its signature where there is a key.
    pub fn finish(
        self,
        product: &Product,
        options: &Options,
        report: &Report,
        inputs: &[Input],
        signing: &Signing,
    ) -> Result<()> {
        let documents = report.documents.iter().map(|document| sum(&document.sha256, &document.file));
        let sums: String = report.packages.iter().map(sums).chain(documents).collect();
        let manifest = manifest_json(product, options, report, inputs)?;
        let mut lists = vec![(MANIFEST.to_owned(), manifest)];
        lists.extend(signing.sign_sums(sums.as_bytes())?.map(|signature| (SUMS_SIGNATURE.to_owned(), signature)));
        lists.push((SUMS.to_owned(), sums.into_bytes()));
        self.finish_with(lists)
    }

    /// Names the packages in the folder that this build did not make: SHA256SUMS and manifest.json are not about them any more.
    pub fn warn_of_others(&self, listener: &dyn Listener) {
        let is_ours = |ending: &str| ending == CABINET || Format::ALL.iter().any(|format| format.name() == ending);
        let is_package = |name: &str| name.rsplit_once('.').is_some_and(|(_, ending)| is_ours(ending));
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut ours: HashSet<String> = self.whole.iter().map(|(_, name)| name.clone()).collect();
        if let Some(bulk) = &self.bulk {
            ours.extend(bulk.names.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned());
        }
        let mut others: Vec<String> = names.filter(|name| is_package(name) && !ours.contains(name)).collect();
        others.sort();
        if !others.is_empty() {
            let (folder, others) = (self.folder.display(), some_of(&others, 5));
            listener.warning(&format!(
                "{folder} keeps packages of an earlier build, which SHA256SUMS does not list any more: {others}; remove them, or build \
                 into another folder with -o DIR"
            ));
        }
    }

    /// Gives every kept file its name, and then these their names and bytes.
    pub fn finish_with(mut self, lists: Vec<(String, Vec<u8>)>) -> Result<()> {
        // SHA256SUMS, the last to come, is the first to go: it speaks for the others.
        let mut withdrawn: Vec<String> = lists.iter().rev().map(|(name, _)| name.clone()).collect();
        // A signature of the SHA256SUMS before is none of the new one.
        withdrawn.push(SUMS_SIGNATURE.to_owned());
        for (name, bytes) in lists {
            let mut file = self.partial()?;
            file.write_all(&bytes).or_cannot("write to the output folder", &self.folder).map_err(elsewhere)?;
            self.keep(file, name);
        }
        let withdrawn: Vec<&str> = withdrawn.iter().map(String::as_str).collect();
        // The lists come last, behind the many.
        let whole = std::mem::take(&mut self.whole).into_iter().map(|(file, name)| (file.into_temp_path(), name));
        let files = self.bulk.as_ref().map(|bulk| bulk.files()).transpose()?.unwrap_or_default().into_iter().chain(whole);
        switch(&self.folder, files, &withdrawn).map_err(elsewhere)
    }

    /// Removes partial files whose build is gone: their lock is free.
    fn sweep(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten().filter(|entry| entry.file_name().as_encoded_bytes().starts_with(PARTIAL.as_bytes())) {
            let Ok(file) = File::open(entry.path()) else { continue };
            if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
                // Best effort: the build does not depend on it.
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// A package's lines of SHA256SUMS.
fn sums(package: &Package) -> String {
    let cabinets = package.cabinets.iter().map(|cabinet| (&cabinet.sha256, &cabinet.file));
    std::iter::once((&package.sha256, &package.file)).chain(cabinets).map(|(digest, file)| sum(digest, file)).collect()
}

fn sum(digest: &str, file: &str) -> String {
    format!("{digest}  {file}\n")
}

fn elsewhere(error: Error) -> Error {
    error.help("choose another output folder with -o DIR")
}

/// The product's family as one text, however the manifest writes it.
fn upgrade_code(product: &Product) -> Option<String> {
    let code = product.manifest().product.upgrade_code.as_ref()?;
    Some(code.uuid().to_string().to_uppercase())
}

/// The SHA-256, hexadecimal, of a small file such as a manifest.
pub fn file_sha256(path: &Path) -> Result<String> {
    Ok(hex::encode(Sha256::digest(fs::read(path).or_cannot("read", path)?)))
}

/// What was built from what; the same bytes for the same input.
fn manifest_json(product: &Product, options: &Options, report: &Report, inputs: &[Input]) -> Result<Vec<u8>> {
    let table = &product.manifest().product;
    let record = Record {
        form: FORM,
        linkpack: env!("CARGO_PKG_VERSION").into(),
        product: About {
            name: table.name.as_str().into(),
            version: table.version.as_str().into(),
            publisher: table.publisher.as_str().into(),
            upgrade_code: upgrade_code(product),
        },
        manifest_sha256: file_sha256(&options.manifest)?.into(),
        set: Cow::Borrowed(product.given()),
        codec: report.codec.as_deref().map(Cow::from),
        codec_reason: report.codec_reason.as_deref().map(Cow::from),
        cabinet: report.cabinet.as_deref().map(Cow::from),
        source_date_epoch: options.epoch,
        inputs: inputs.into(),
        packages: (&report.packages).into(),
        documents: (&report.documents).into(),
    };
    Ok(record.text())
}
