//! Zips and disc images of a kit, and volumes for media that are smaller than the kit.

use super::input::{Item, Kind};
use super::tree::Tree;
use super::{iso, par2, zip};
use crate::error::{Error, IoContext, Result};
use crate::new_file;
use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// What a kit is put into besides its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One zip.
    Zip,
    /// An image of a disc.
    Iso,
}

impl Form {
    /// The bytes that it will have.
    fn size(self, tree: &Tree, label: &str, time: u32) -> Result<u64> {
        match self {
            Form::Zip => Ok(zip::size(tree)),
            Form::Iso => iso::size(tree, &iso::Volume { label, time, extent: iso::EXTENT }),
        }
    }

    fn write(self, tree: &Tree, label: &str, time: u32, out: &mut File) -> Result<()> {
        match self {
            Form::Zip => zip::write(tree, time, out),
            Form::Iso => iso::write(tree, &iso::Volume { label, time, extent: iso::EXTENT }, out),
        }
    }
}

/// An image that has no name yet.
pub struct Image {
    file: NamedTempFile,
    path: PathBuf,
    /// Recovery data, in a folder of its own until the image has its name.
    recovery: Option<(tempfile::TempDir, Vec<PathBuf>)>,
}

impl Image {
    /// Writes the image of the kit that lies in `root`.
    ///
    /// # Errors
    /// It cannot be written, or is larger than `limit`.
    pub fn of(root: &Path, form: Form, path: PathBuf, label: &str, time: u32, limit: Option<u64>) -> Result<Image> {
        new_file::replaceable(&path)?;
        let folder = new_file::folder(&path);
        let elsewhere =
            |error: Error| error.note(format!("in {}", path.display())).help("free some space, or choose another place");
        let file =
            tempfile::Builder::new().prefix(".linkpack-partial-").permissions(Permissions::from_mode(0o644)).tempfile_in(folder);
        let mut file = file.or_cannot("write to", folder).map_err(elsewhere)?;
        let tree = Tree::read(root)?;
        form.write(&tree, label, time, file.as_file_mut()).map_err(elsewhere)?;
        let size = file.as_file().metadata().or_cannot("read", file.path())?.len();
        if let Some(limit) = limit.filter(|limit| size > *limit) {
            return Err(Error::new(format!("{} would have {size} bytes, and --volume-size is {limit}", path.display()))
                .help("give a somewhat smaller --volume-size"));
        }
        file.as_file().sync_all().or_cannot("write", &path).map_err(elsewhere)?;
        Ok(Image { file, path, recovery: None })
    }

    /// Adds recovery data of so many hundredths.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn with_recovery(mut self, percent: Option<u32>) -> Result<Image> {
        let Some(percent) = percent else { return Ok(self) };
        let above = new_file::folder(&self.path);
        let folder = tempfile::Builder::new().prefix(".linkpack-partial-").tempdir_in(above).or_cannot("write to", above)?;
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let member = par2::Member { name: name.clone(), path: self.file.path().to_path_buf() };
        let files = par2::write(&[member], percent, folder.path(), &name)?;
        self.recovery = Some((folder, files));
        Ok(self)
    }

    /// Gives the image its name, and then its recovery data theirs.
    ///
    /// # Errors
    /// The name cannot be taken.
    pub fn publish(self) -> Result<PathBuf> {
        self.file.persist(&self.path).map_err(|error| Error::io("create", &self.path, &error.error))?;
        for file in self.recovery.iter().flat_map(|(_, files)| files) {
            let target = self.path.with_file_name(file.file_name().unwrap_or_default());
            std::fs::rename(file, &target).or_cannot("create", &target)?;
        }
        Ok(self.path)
    }
}

/// Whether the kit that lies in `root` has to be cut into volumes.
///
/// # Errors
/// It cannot be read, or has names that the form does not hold.
pub fn is_larger(root: &Path, form: Form, label: &str, time: u32, limit: u64) -> Result<bool> {
    Ok(form.size(&Tree::read(root)?, label, time)? > limit)
}

/// `kit.iso` as the second volume: `kit-2.iso`.
pub fn numbered(path: &Path, number: usize) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let end = path.extension().map(|end| format!(".{}", end.to_string_lossy())).unwrap_or_default();
    path.with_file_name(format!("{stem}-{number}{end}"))
}

/// Items by volume: in their order, none of them cut, an MSI together with its cabinets. `copied` is what an item needs besides itself.
///
/// # Errors
/// One is larger than a volume.
pub fn volumes(items: &[Item], limit: u64, copied: &dyn Fn(&Item) -> u64) -> Result<Vec<Vec<Item>>> {
    /// Of a volume: what is not packages, and of each package: its rounding and its lines in lists.
    const FIXED: u64 = 4 << 20;
    const EACH: u64 = 16 << 10;
    let room = limit.saturating_sub(FIXED);
    let mut units: Vec<Vec<Item>> = Vec::new();
    let windows: Vec<Item> = items.iter().filter(|item| item.place().starts_with("windows/")).cloned().collect();
    let together = windows.iter().any(|item| item.kind == Kind::Beside);
    units.extend(
        items
            .iter()
            .filter(|item| !(together && windows.iter().any(|one| one.place() == item.place())))
            .map(|item| vec![item.clone()]),
    );
    if together {
        units.push(windows);
    }
    let mut volumes: Vec<(u64, Vec<Item>)> = Vec::new();
    for unit in units {
        let size: u64 = unit.iter().map(|item| item.size + copied(item) + EACH).sum();
        if size > room {
            return Err(Error::new(format!("{} does not fit into a volume of {limit} bytes", unit[0].file))
                .note("files are never cut, so that each volume is whole in itself")
                .help("give a larger --volume-size"));
        }
        match volumes.last_mut().filter(|(used, _)| used + size <= room) {
            Some((used, items)) => {
                *used += size;
                items.extend(unit);
            }
            None => volumes.push((size, unit)),
        }
    }
    Ok(volumes.into_iter().map(|(_, items)| items).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::meta::Identity;

    fn item(file: &str, kind: Kind, size: u64) -> Item {
        Item { source: file.into(), file: file.into(), kind, size, sha256: String::new(), identity: Identity::default() }
    }

    #[test]
    fn volumes_are_filled_in_order_and_an_msi_keeps_its_cabinets() {
        let mib = 1 << 20;
        let items = [
            item("a.run", Kind::Run, 6 * mib),
            item("b.run", Kind::Run, 5 * mib),
            item("c.msi", Kind::Msi, mib),
            item("c.cab", Kind::Beside, 4 * mib),
        ];
        let files = volumes(&items, 14 * mib, &|_| 0)
            .unwrap()
            .iter()
            .map(|items| items.iter().map(|item| item.file.clone()).collect())
            .collect::<Vec<Vec<_>>>();
        assert_eq!(files, [vec!["a.run"], vec!["b.run"], vec!["c.msi", "c.cab"]]);
        assert!(volumes(&items, 8 * mib, &|_| 0).unwrap_err().what().contains("a.run does not fit"));
        assert!(volumes(&items, 14 * mib, &|item| item.size).unwrap_err().what().contains("a.run does not fit"));
    }

    #[test]
    fn a_volumes_number_stands_before_the_end() {
        assert_eq!(numbered(Path::new("out/kit.iso"), 2), Path::new("out/kit-2.iso"));
    }
}
