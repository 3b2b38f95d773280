//! Recipes: a site's full package out of the product's, byte for byte. What a delta does for all files of a kit is done here for one.
//!
//! A recipe is a line that says what it is, and a zstd stream: the head (JSON) and the steps, each behind its length, then the literals.

use super::apply::{followed, open_base, put_together};
use super::make::{describe, Described, Opened};
use super::matching::{self, Pool};
use super::view::{Chain, Extent, Scatter};
use super::{Base, Piece};
use crate::compress::{Bytes, Source};
use crate::error::{Error, IoContext, Result};
use crate::kit::stage::digest;
use crate::new_file;
use crate::regular;
use serde::{Deserialize, Serialize};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The first line.
const MAGIC: &[u8] = b"linkpack recipe 1\n";
/// What names of recipes end with, behind the package's own.
pub const ENDING: &str = "recipe";
/// A recipe of a package of gigabytes takes megabytes.
const LIMIT: u64 = 1 << 30;
const LEVEL: i32 = 12;

/// A file by its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Known {
    /// Its name.
    pub file: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its SHA-256, hexadecimal.
    pub sha256: String,
}

impl Known {
    fn of(path: &Path, file: &str) -> Result<Known> {
        let (size, sha256) = digest(path)?;
        Ok(Known { file: file.to_owned(), size, sha256 })
    }
}

#[derive(Serialize, Deserialize)]
struct Head {
    made_by: String,
    base: Known,
    package: Known,
    source: Base,
    extents: Vec<Extent>,
    pieces: Vec<Piece>,
}

/// A product's package that recipes of sites start from.
pub struct Product {
    opened: Opened,
    known: Known,
}

impl Product {
    /// Reads the package at `path`, which sites know as `file`.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn open(path: &Path, file: &str) -> Result<Product> {
        Ok(Product { known: Known::of(path, file)?, opened: Opened::open(path)? })
    }

    /// The recipe of the package at `path`, whose name is `file`. What is unpacked meanwhile goes to the folder `work`.
    ///
    /// # Errors
    /// It cannot be read; the folder is full.
    pub fn recipe(&self, path: &Path, file: &str, work: &Path) -> Result<Vec<u8>> {
        let new = Opened::open(path)?;
        let package = Known::of(path, file)?;
        let mut pool = Pool::new(Vec::new(), matching::block_len(package.size));
        let Described { pieces, units, steps } = describe(&new, Some(&self.opened), &mut pool, work)?;
        let (_, literals) = pool.finish();
        let head = Head {
            made_by: made_by(),
            base: self.known.clone(),
            package,
            source: Base { path: String::new(), extents: self.opened.extents.clone(), units },
            extents: new.extents,
            pieces,
        };
        let head = serde_json::to_vec(&head).expect("plain JSON");
        let mut plain = Vec::new();
        for part in [&head, &steps] {
            plain.extend_from_slice(&(part.len() as u64).to_le_bytes());
            plain.extend_from_slice(part);
        }
        plain.extend_from_slice(&literals);
        let packed = zstd::bulk::compress(&plain, LEVEL).map_err(|error| Error::new(format!("zstd failed: {error}")))?;
        Ok([MAGIC, &packed].concat())
    }
}

fn made_by() -> String {
    format!("linkpack {}", env!("CARGO_PKG_VERSION"))
}

/// A package that was made by a recipe.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Assembled {
    /// Where it lies.
    pub path: PathBuf,
    /// What it is.
    #[serde(flatten)]
    pub package: Known,
}

/// Makes the package of a recipe out of the product's: at `output` where that has the package's ending, else by its own name in that
/// folder, which is made where it is missing.
///
/// # Errors
/// The recipe is none, or is for another package; what comes of it is not what its maker wrote. Nothing has the name then.
pub fn assemble(base: &Path, recipe: &Path, output: &Path) -> Result<Assembled> {
    let (head, steps, literals) = read(recipe)?;
    let found = Known::of(base, &head.base.file)?;
    if found != head.base {
        return Err(Error::new(format!("{} is not the package that {} is for", base.display(), recipe.display()))
            .note(format!("it is for {}, whose SHA-256 is {}; this one's is {}", head.base.file, head.base.sha256, found.sha256))
            .help("name the package that lay beside the recipe when it was built; one that was signed anew has other bytes"));
    }
    let name = &head.package.file;
    if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', '\0']) {
        return Err(broken(recipe));
    }
    // A name with the package's ending is the package's; any other is a folder, which is made.
    let is_file = !output.is_dir() && output.extension().is_some() && output.extension() == Path::new(name).extension();
    if !is_file {
        std::fs::create_dir_all(output).or_cannot("create", output)?;
    }
    let path = if is_file { output.to_path_buf() } else { output.join(name) };
    new_file::replaceable(&path)?;
    let folder = new_file::folder(&path);
    let file = tempfile::Builder::new().prefix(".linkpack-assemble-").tempfile_in(folder).or_cannot("write to", folder)?;
    let (view, plain) = open_base(base, &head.source, folder)?;
    let literals = Bytes(&literals);
    let site = Chain(vec![&view, &plain, &literals]);
    let steps = matching::steps(&steps).ok_or_else(|| broken(recipe))?;
    let text = followed(steps, &site, view.len() + plain.len(), &mut 0, folder)?;
    put_together(&text, &head.pieces, &mut Scatter::new(file.as_file(), file.path(), &head.extents))?;
    let made = Known::of(file.path(), name)?;
    if made != head.package {
        let error =
            Error::new(format!("what {} makes is not the package that its maker wrote: nothing is kept", recipe.display()));
        return Err(match head.made_by == made_by() {
            true => error.help("copy the recipe again; where that does not help, report this"),
            false => error
                .note(format!("it was made by {}, and this is {}, which may pack other bytes", head.made_by, made_by()))
                .help("use that version of linkpack"),
        });
    }
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(base).or_cannot("read", base)?.permissions().mode() & 0o777;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(mode)).or_cannot("set the mode of", &path)?;
    file.as_file().sync_all().or_cannot("write", &path)?;
    file.persist(&path).map_err(|error| Error::io("create", &path, &error.error))?;
    Ok(Assembled { path, package: made })
}

fn broken(recipe: &Path) -> Error {
    Error::new(format!("{} is no recipe, or is damaged", recipe.display()))
        .help("name a file that linkpack build --per-site recipes wrote, and copy it again")
}

/// Head, steps, literals.
fn read(recipe: &Path) -> Result<(Head, Vec<u8>, Vec<u8>)> {
    let mut file = regular::open(recipe)?;
    let mut magic = [0; MAGIC.len()];
    file.read_exact(&mut magic).map_err(|_| broken(recipe))?;
    if magic != *MAGIC {
        return Err(broken(recipe));
    }
    let mut plain = Vec::new();
    let decoder = zstd::stream::read::Decoder::new(file).map_err(|_| broken(recipe))?;
    decoder.take(LIMIT).read_to_end(&mut plain).map_err(|_| broken(recipe))?;
    let mut rest = plain.as_slice();
    let mut part = || {
        let (len, after) = rest.split_at_checked(8)?;
        let len = usize::try_from(u64::from_le_bytes(len.try_into().ok()?)).ok()?;
        let (part, after) = after.split_at_checked(len)?;
        rest = after;
        Some(part.to_vec())
    };
    let (head, steps) = part().zip(part()).ok_or_else(|| broken(recipe))?;
    let head = serde_json::from_slice(&head).map_err(|_| broken(recipe))?;
    Ok((head, steps, rest.to_vec()))
}
