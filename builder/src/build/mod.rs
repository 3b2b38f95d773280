//! From a manifest to packages: payloads are read and compressed once for all formats and sites, then each package is
//! written beside its final name, and all get their names only when all are whole.

mod access;
mod assemble;
mod codec;
mod documents;
mod fit;
mod inner;
mod judge;
mod output;
mod overlay;
mod own_lint;
mod packages;
pub mod plan;
mod programs;
mod rebuild;
mod recipes;
mod record;
pub mod resign;
mod selection;
mod sign;
pub mod signatures;
mod sources;
mod suits;
mod switch;
mod windows_source;

pub use crate::format::Packing;
pub use crate::trust::record::{Cabinet, Document, Package, Signed};
pub use codec::CodecChoice;
pub use judge::{ByKeys, ByOwn};
pub use rebuild::{Comparison, Rebuild};
pub use sign::{Signing, SigningOptions};

use crate::compress::{Cache, CacheChoice, CacheUse, Codec, Store};
use crate::error::{Error, IoContext, Result};
use crate::format::needs::Needs;
use crate::format::{self, door, programs as of_system, writer, Base, Sites};
use crate::listener::{some_of, Listener};
use crate::manifest::{self, Format, Given, Product, Target};
use crate::payload::Spool;
use assemble::{Reader, Trees};
use codec::ChosenCodec;
use output::Output;
use programs::SignedPrograms;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::HashSet;
use std::path::PathBuf;

/// What to build.
#[derive(Debug, Clone)]
pub struct Options {
    /// The manifest.
    pub manifest: PathBuf,
    /// Values of the command line that are laid over it.
    pub given: Given,
    /// Site files; the plain product is built when there are none.
    pub sites: Vec<PathBuf>,
    /// What is made for each of them.
    pub per_site: PerSite,
    /// The formats; all that the connector has a payload for when empty.
    pub formats: Vec<Format>,
    /// The targets; all that the connector has a payload for when empty.
    pub targets: Vec<Target>,
    /// The MSI that transforms have to fit; the manifest's own when there is none.
    pub base: Option<PathBuf>,
    /// The folder that packages go to.
    pub output: PathBuf,
    /// Compressing threads.
    pub threads: usize,
    /// How payloads are compressed.
    pub codec: CodecChoice,
    /// How an MSI's cabinets are packed; by the codec when not given.
    pub cabinet: Option<Packing>,
    /// Where compressed units are kept.
    pub cache: Cache,
    /// SOURCE_DATE_EPOCH: the time of everything in the packages, in seconds since 1970.
    pub epoch: Option<i64>,
    /// What packages are signed with.
    pub signing: SigningOptions,
    /// Whether a bill of materials is written for each target.
    pub sbom: bool,
    /// Whether names of files have a dot for each `~` of the version.
    pub no_tilde: bool,
    /// What else lies on disk and is no part of a payload: a plan's folder.
    pub own: Vec<PathBuf>,
}

/// What is made for a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PerSite {
    /// Packages of its own, with its settings built in.
    #[default]
    Packages,
    /// Its settings alone, to be laid over the product's packages, which are made once.
    Overlay,
    /// What `linkpack assemble` makes its packages of, out of the product's.
    Recipes,
}

impl PerSite {
    /// All of them.
    pub const ALL: [PerSite; 3] = [PerSite::Packages, PerSite::Overlay, PerSite::Recipes];

    /// The name in arguments.
    pub fn name(self) -> &'static str {
        match self {
            PerSite::Packages => "packages",
            PerSite::Overlay => "overlay",
            PerSite::Recipes => "recipes",
        }
    }
}

/// Full packages of more sites than this are worth a word.
const MANY_SITES: usize = 100;

/// What a build made.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Report {
    /// The product's name.
    pub product: String,
    /// The product's version.
    pub version: String,
    /// The output folder.
    pub output: PathBuf,
    /// How payloads are compressed; `None` for MSIs alone, which have a compression of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codec: Option<Cow<'static, str>>,
    /// Why so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codec_reason: Option<String>,
    /// How an MSI's cabinets are packed, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cabinet: Option<Cow<'static, str>>,
    /// The packages, in the order they were built.
    pub packages: Vec<Package>,
    /// Bills of materials and the provenance.
    pub documents: Vec<Document>,
    /// How much of the content was in the cache. Of one machine and one moment, so it is in no document.
    pub cache: CacheUse,
}

/// Builds packages.
///
/// # Errors
/// Whatever is wrong with the manifest, a payload, the output folder; an interrupt. No package of this build then has its name.
pub fn build(options: &Options, listener: &dyn Listener) -> Result<Report> {
    let product = manifest::load(&options.manifest, &options.given)?;
    let as_overlays = options.per_site == PerSite::Overlay;
    let of_sites = match options.per_site {
        PerSite::Overlay => {
            overlay::check(&product, &options.sites)?;
            Vec::new()
        }
        PerSite::Packages | PerSite::Recipes => sites(&product, &options.sites)?,
    };
    let alone = std::slice::from_ref(&product);
    let products = if options.per_site == PerSite::Packages && !of_sites.is_empty() { &of_sites[..] } else { alone };
    if options.per_site == PerSite::Packages && products.len() > MANY_SITES {
        listener.info(&format!(
            "{} sites as packages of their own: --per-site overlay makes the packages once, and for each site the few kilobytes that differ",
            products.len()
        ));
    }
    product.warnings().iter().for_each(|warning| listener.warning(warning));
    let chosen = selection::choose(&product, &options.formats, &options.targets, listener)?;
    needs_sites(&chosen.formats, options)?;
    sources::check(&product, &chosen.targets)?;
    let compression = codec::choose(&product, &chosen.formats, options.codec)?;
    if let Some(ChosenCodec { codec, reason }) = &compression {
        let threads = if options.threads == 1 { "one thread".to_owned() } else { format!("{} threads", options.threads) };
        listener.info(&format!("compressing with {} on {threads}: {reason}", codec.name()));
    }
    let cabinet = options.cabinet.unwrap_or(codec::cabinet(options.codec));
    let codec = compression.as_ref().map_or(Codec::Gzip, |compression| compression.codec);
    // A password that is wrong should not be found out after the work.
    let signing = Signing::open(&options.signing, listener)?;
    for format in &chosen.formats {
        door(*format).covers(&signing, listener)?;
    }
    let mut output = Output::open(&options.output, options.no_tilde)?;
    let store = Store::open(options.cache.clone(), options.threads)?;
    let spool = Spool::new(&spool_folder(&options.cache)?)?;
    let (mut packages, mut documents, mut inputs) = (Vec::new(), Vec::new(), Vec::new());
    output.warn_of_another_family(&product, listener);
    let sites = |format: &Format| {
        let target = chosen.targets.iter().copied().find(|target| door(*format).is_for(*target))?;
        let base = options.base.as_deref();
        Some((*format, Sites { product: &product, target, base, codec, store: &store, epoch: options.epoch, listener }))
    };
    let sites: Vec<(Format, Sites)> = chosen.formats.iter().filter_map(sites).collect();
    // What no overlay can be made of is told before the packages are.
    let writers = if as_overlays { overlay::writers(&chosen.formats, &sites)? } else { Vec::new() };
    let mut mtime_of_sites = options.epoch.unwrap_or(0);
    let own = own_folders(options);
    for target in chosen.targets.iter().copied() {
        let (full, settings): (Vec<Format>, Vec<Format>) =
            chosen.formats.iter().filter(|format| door(**format).is_for(target)).partition(|format| writer(**format).is_some());
        if !as_overlays {
            for format in settings {
                packages.extend(overlay::of_settings(products, format, target, &sites, &mut output)?);
            }
        }
        if full.is_empty() {
            continue;
        }
        let reader = Reader { product: &product, target, own: &own, spool: &spool, listener };
        let trees = reader.read()?;
        if target.is_linux() {
            access::check(products, target, &trees.tree, listener)?;
            fit::check(products, &full, &trees.tree)?;
            capabilities_told(&trees, &full, listener);
        }
        let mtime = options.epoch.unwrap_or_else(|| trees.newest());
        mtime_of_sites = mtime_of_sites.max(mtime);
        let bytes = trees.tree.total_bytes();
        // Without SOURCE_DATE_EPOCH each file keeps its own time: one that changes is then all that changes.
        let tree = match options.epoch {
            Some(_) => trees.tree.at_time(mtime),
            None => trees.tree,
        };
        let mut files = match target.is_linux() {
            true => {
                listener.begin("compress", bytes);
                let files = format::prepare(tree, codec, &store, listener)?;
                listener.end("compress");
                files
            }
            false => format::unread(tree),
        };
        let needs = match target.is_linux() {
            true => {
                let programs = of_system::read(&files)?;
                suits::check(&product, target, &programs, listener);
                Needs::of(&product, target, &files, &programs, &trees.vendors, listener)?
            }
            false => Needs::default(),
        };
        let signed = match target.is_linux() {
            true => SignedPrograms::default(),
            false => programs::sign(&product, &mut files, &signing, listener)?,
        };
        let mut base = Base {
            target,
            codec,
            cabinet,
            store: &store,
            mtime,
            files,
            needs,
            origins: trees.origins,
            capabilities: trees.capabilities,
            windows: signed.own,
            unsigned: signed.before,
        };
        full.iter().filter_map(|format| writer(*format)).for_each(|writer| writer.warn(&product, &base, listener));
        let mut made = packages::write_all(products, &mut base, &full, &mut output, listener)?;
        if options.per_site == PerSite::Recipes {
            output.sign(&mut made, &signing, listener)?;
            let recipes = recipes::Recipes { sites: &of_sites, formats: &full, signing: &signing };
            made.extend(recipes.write(&made, &mut base, &mut output, listener)?);
        }
        packages.extend(made);
        let read = assemble::inputs(&product, &base);
        if options.sbom {
            documents.extend(documents::bills(&product, &base, &read, &mut output)?);
        }
        inputs.extend(read);
    }
    if options.per_site != PerSite::Recipes {
        output.sign(&mut packages, &signing, listener)?;
    }
    let overlays = overlay::Overlays {
        product: &product,
        files: &options.sites,
        writers: &writers,
        mtime: mtime_of_sites,
        signing: &signing,
        threads: options.threads,
    };
    let overlaid = if as_overlays { overlays.write(&mut output, listener)? } else { Vec::new() };
    let mut used: Vec<(String, String)> = of_sites
        .iter()
        .zip(&options.sites)
        .map(|(product, file)| Ok((product.site_name().unwrap_or_default().to_owned(), output::file_sha256(file)?)))
        .collect::<Result<_>>()?;
    for site in overlaid {
        used.push((site.name, site.sha256));
        packages.extend(site.packages);
    }
    // A server that refuses is told while the last packages still lie there.
    if let Some(trouble) = store.settle()? {
        listener.warning(&trouble);
    }
    let mut report = Report {
        product: product.manifest().product.name.to_string(),
        version: product.manifest().product.version.to_string(),
        output: options.output.clone(),
        codec: compression.as_ref().map(|compression| compression.codec.name().into()),
        cabinet: chosen.formats.iter().any(packs_itself).then(|| cabinet.name().into()),
        codec_reason: compression.map(|compression| compression.reason),
        packages,
        documents,
        cache: store.used(),
    };
    let provenance = documents::provenance(&product, used, options, &report, &inputs, &mut output)?;
    report.documents.push(provenance);
    output.warn_of_others(listener);
    output.finish(&product, options, &report, &inputs, &signing)?;
    store.trim()?;
    own_lint::check(&product, &options.output, &report.packages, listener)?;
    Ok(report)
}

/// Refuses transforms of nothing, and an MSI that no transform is for.
fn needs_sites(formats: &[Format], options: &Options) -> Result<()> {
    if options.per_site != PerSite::Packages && options.sites.is_empty() {
        return Err(Error::new(format!("--per-site {} is about sites, and no site file was given", options.per_site.name()))
            .help("give one or more with -s SITE.toml"));
    }
    let alone = formats.iter().find(|format| writer(**format).is_none());
    if let Some(format) = alone.filter(|_| options.sites.is_empty()) {
        return Err(Error::new(format!("{format} holds a site's settings alone, and no site file was given"))
            .help(format!("give one or more with -s SITE.toml, or leave {format} out of -f")));
    }
    let transforms = alone.is_some() || options.per_site == PerSite::Overlay;
    match &options.base {
        Some(path) if !transforms => Err(Error::new(format!("--base {} is for transforms, and none is built", path.display()))
            .help("add mst to -f, or leave --base out")),
        _ => Ok(()),
    }
}

/// A product for each site.
fn sites(product: &Product, files: &[PathBuf]) -> Result<Vec<Product>> {
    let (mut products, mut seen) = (Vec::new(), HashSet::new());
    for file in files {
        let with_site = manifest::load_site(product, file)?;
        if !seen.insert(with_site.site_name().map(str::to_owned)) {
            let name = with_site.site_name().unwrap_or_default();
            return Err(Error::new(format!("two site files make the site \"{name}\""))
                .help("give one of them a name = \"...\" of its own"));
        }
        products.push(with_site);
    }
    Ok(products)
}

/// What of this build lies on disk and is no part of a payload.
fn own_folders(options: &Options) -> Vec<PathBuf> {
    let cache = match &options.cache.choice {
        CacheChoice::Folder(folder) => Some(folder.clone()),
        // Among other things: what this build makes there has a name that tells.
        CacheChoice::Temporary(_) => None,
    };
    std::iter::once(options.output.clone()).chain(cache).chain(options.own.clone()).collect()
}

/// Whether a format has a compression of its own.
fn packs_itself(format: &Format) -> bool {
    writer(*format).is_some_and(|writer| writer.compression().is_none())
}

/// Says which formats lose capabilities.
fn capabilities_told(trees: &Trees, formats: &[Format], listener: &dyn Listener) {
    let cannot = |format: &&Format| writer(**format).is_some_and(|writer| !writer.holds_capabilities());
    let without: Vec<&str> = formats.iter().filter(cannot).map(|format| format.name()).collect();
    if trees.capabilities.is_empty() || without.is_empty() {
        return;
    }
    const MOST: usize = 5;
    let named: Vec<String> = trees.capabilities.iter().map(|(path, text)| format!("{path:?} ({text})")).collect();
    listener.warning(&format!(
        "an RPM carries the file capabilities of {}; {} cannot: what needs them has to run as root there, or be given them by setcap",
        some_of(&named, MOST),
        without.join(" and ")
    ));
}

/// Archives unpack next to the compressed units: the folder that the user chose for what is large.
fn spool_folder(cache: &Cache) -> Result<PathBuf> {
    let folder = cache.work_folder();
    std::fs::create_dir_all(&folder)
        .or_cannot("create", &folder)
        .map_err(|error| error.help("choose another folder with --cache DIR"))?;
    Ok(folder)
}
