//! Windows packages as payloads: an MSI's files at the places that its tables say, and plain cabinets.

use crate::error::{Error, IoContext, Result};
use crate::inspect::msi::{self, Cabinet, Contents, Msi};
use crate::inspect::{installed, Installed};
use crate::listener::Listener;
use crate::payload::{Content, Loaded, Outside, PackageFacts, PackageKind, Source, Spool};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read;

const COMPOUND_FILE: [u8; 8] = [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];

/// Reads a source that is an MSI or a cabinet; nothing where it is something else.
///
/// # Errors
/// It is damaged, or holds what cannot be packaged.
pub fn load(source: &Source, spool: &Spool, listener: &dyn Listener) -> Result<Option<Loaded>> {
    let mut first = Vec::new();
    if source.path.is_file() {
        let file = File::open(&source.path).or_cannot("read", &source.path)?;
        file.take(8).read_to_end(&mut first).or_cannot("read", &source.path)?;
    }
    match first.as_slice() {
        first if first == COMPOUND_FILE => package(source, spool, listener).map(Some),
        [b'M', b'S', b'C', b'F', ..] => cabinet(source, spool, listener).map(Some),
        _ => Ok(None),
    }
}

/// Keeps every content and which members have it.
struct Keeper {
    outside: Outside,
    members: HashMap<String, (Content, (u16, u16))>,
}

impl Keeper {
    fn new(source: &Source, spool: &Spool) -> Result<Keeper> {
        Ok(Keeper { outside: Outside::new(source, spool)?, members: HashMap::new() })
    }
}

impl Contents for Keeper {
    fn begin(&mut self) {
        self.outside.begin();
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.outside.write(bytes)
    }

    fn member(&mut self, name: &str, modified: (u16, u16)) {
        self.members.insert(name.to_owned(), (self.outside.content(), modified));
    }
}

fn package(source: &Source, spool: &Spool, listener: &dyn Listener) -> Result<Loaded> {
    let name = source.path.display();
    let mut keeper = Keeper::new(source, spool)?;
    let file = File::open(&source.path).or_cannot("read", &source.path)?;
    let about = |error: Error| match error.is_interrupted() {
        true => error,
        false => error.note(format!("it is about {name}")),
    };
    let msi = msi::unpack(file, source.path.parent(), Some(&mut keeper)).map_err(about)?;
    if let Some(damage) = msi.damage.first() {
        return Err(damaged(source, format!("{}: {}", damage.part, damage.what)));
    }
    whole(source, &msi.cabinets)?;
    for Installed { key, path, beside } in installed(&msi) {
        let Some((content, modified)) = keeper.members.get(&key).cloned() else {
            let why = if beside { "lies beside the package, and not in a cabinet" } else { "is in none of its cabinets" };
            return Err(damaged(source, format!("its file {path} {why}")).help("name a package that has its files inside"));
        };
        keeper.outside.add(path, content, modified);
    }
    left_out(&msi, &name.to_string(), listener);
    keeper.outside.finish(Some(facts(&msi, source)?), listener)
}

fn cabinet(source: &Source, spool: &Spool, listener: &dyn Listener) -> Result<Loaded> {
    let mut keeper = Keeper::new(source, spool)?;
    let cabinets = msi::unpack_cabinet(&source.path, &mut keeper)?;
    whole(source, &cabinets)?;
    let members: BTreeMap<_, _> = keeper.members.drain().collect();
    for (path, (content, modified)) in members {
        keeper.outside.add(path.replace('\\', "/"), content, modified);
    }
    keeper.outside.finish(None, listener)
}

/// # Errors
/// A cabinet that was not unpacked, and why.
fn whole(source: &Source, cabinets: &BTreeMap<String, Cabinet>) -> Result<()> {
    for (name, cabinet) in cabinets {
        let why = match cabinet {
            Cabinet::Read(_) => continue,
            Cabinet::Missing => "it is not there",
            Cabinet::Damaged(why) | Cabinet::Listed(_, why) => why,
        };
        return Err(damaged(source, format!("the cabinet {name}: {why}")));
    }
    Ok(())
}

fn damaged(source: &Source, why: String) -> Error {
    Error::new(format!("cannot unpack {}", source.path.display()))
        .note(why)
        .help("fetch the package again, with the cabinets beside it")
}

/// What the package would do besides copying files; a container does none of it.
fn left_out(msi: &Msi, name: &str, listener: &dyn Listener) {
    const TOLD: [&str; 4] = ["Registry", "ServiceInstall", "CustomAction", "Shortcut"];
    let count = |table: &str| Some(msi.database.rows(table).count()).filter(|count| *count > 0);
    let told: Vec<String> = TOLD.iter().filter_map(|table| Some(format!("{} of {table}", count(table)?))).collect();
    if !told.is_empty() {
        listener.info(&format!("{name}: its files are taken; rows that nothing is made of: {}", told.join(", ")));
    }
}

fn facts(msi: &Msi, source: &Source) -> Result<PackageFacts> {
    let property = |name: &str| msi.database.property(name).map(str::to_owned).filter(|text| !text.is_empty());
    let need = |name: &str| property(name).ok_or_else(|| damaged(source, format!("it has no property {name}")));
    let platform = msi.summary.template.as_deref().and_then(|template| template.split(';').next());
    let name = need("ProductName")?;
    Ok(PackageFacts {
        kind: PackageKind::Msi,
        relations: Vec::new(),
        provides: vec![name.clone()],
        name,
        version: need("ProductVersion")?,
        epoch: None,
        source: None,
        architecture: platform.filter(|name| !name.is_empty()).map(str::to_owned),
        license: None,
        summary: property("ARPCOMMENTS"),
        supplier: property("Manufacturer"),
        homepage: property("ARPURLINFOABOUT"),
        depends: None,
    })
}
