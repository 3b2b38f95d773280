//! The kit for a closed site: one folder with every repository, one signature over all of it, and a page that says how to use it.
//!
//! Everything is verified first and written beside its place; a kit never exists under its name half-made.

pub mod accept;
mod apt;
pub mod channels;
pub mod cve;
pub mod delta;
mod description;
mod images;
mod input;
pub mod iso;
mod meta;
mod old;
pub mod page;
mod par2;
mod rpm_md;
pub mod serve;
mod stage;
mod times;
pub mod tree;
mod zip;

use crate::error::{Error, IoContext, Result};
use crate::inspect::verify::signatures::Judge;
use crate::inspect::verify::{SUMS, SUMS_SIGNATURE};
use crate::listener::{some_of, Listener};
use crate::trust::openpgp::OpenPgpSigner;
use crate::trust::openpgp_text::TrustedKey;
use crate::trust::signer::Signer;
pub use description::{DescribedFile, DescribedKeys, Description, DESCRIPTION};
use images::{Form, Image};
use input::{Item, Kind};
use old::OldKit;
use rayon::prelude::*;
use serde::Serialize;
use sha2::{Digest, Sha256};
use stage::Stage;
use std::path::PathBuf;

const VERIFY: &str = include_str!("../../../templates/kit/verify.sh");
const COPY: &str = include_str!("../../../templates/kit/copy.sh");
const VERIFY_WINDOWS: &str = include_str!("../../../templates/kit/verify.ps1");
const VERIFY_TEXT: &str = include_str!("../../../templates/kit/VERIFY.md");
/// How both of the next begin; they have @BEGIN@ in its place.
const USE_BEGIN: &str = include_str!("../../../templates/kit/use-begin.sh");
const USE_APT: &str = include_str!("../../../templates/kit/use-apt.sh");
const USE_RPM: &str = include_str!("../../../templates/kit/use-rpm.sh");

/// What to make a kit of.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Folders of packages, and packages.
    pub sources: Vec<PathBuf>,
    /// Where the kit is to lie.
    pub output: PathBuf,
    /// Keeps what the kit at `output` holds.
    pub into: bool,
    /// The kit before: its dates are not gone below.
    pub since: Option<PathBuf>,
    /// What repositories are called; the shortest package name without one.
    pub name: Option<String>,
    /// SOURCE_DATE_EPOCH.
    pub epoch: Option<i64>,
    /// The fingerprint of the key that signs kits after this key, as `sha256:` and 64 digits.
    pub next_key: Option<String>,
    /// A zip of the kit.
    pub zip: Option<PathBuf>,
    /// A disc image of the kit.
    pub iso: Option<PathBuf>,
    /// The largest image, in bytes: there are several where the kit is larger.
    pub volume_size: Option<u64>,
    /// The folder that becomes the delta from the kit before.
    pub delta: Option<PathBuf>,
    /// A linkpack that the delta carries.
    pub tool: Option<PathBuf>,
    /// Recovery data of so many hundredths of the kit, and of its images.
    pub par2: Option<u32>,
    /// Advisories (OSV) that the kit carries.
    pub osv: Vec<PathBuf>,
    /// Vendors' statements (CSAF, OpenVEX) that the kit carries.
    pub vex: Vec<PathBuf>,
    /// Channels, by [`channels::named`].
    pub channels: Vec<&'static str>,
    /// Packages become second names of the files of the input where they can, instead of copies.
    pub hard_links: bool,
}

/// What a kit is signed with.
pub struct Keys<'a> {
    /// Signs SHA256SUMS.
    pub signer: Option<&'a Signer>,
    /// Signs the repositories.
    pub openpgp: Option<&'a OpenPgpSigner>,
    /// The public half of `openpgp`.
    pub trusted: Option<TrustedKey>,
}

/// What all parts of a kit share.
pub struct Plan<'a> {
    /// The repositories' label and the names of their files.
    pub name: String,
    /// Who they are from; pins name it.
    pub origin: String,
    /// The time of everything in the kit.
    pub time: u32,
    keys: &'a Keys<'a>,
}

impl Plan<'_> {
    /// What signs the repositories.
    ///
    /// # Errors
    /// There is none.
    pub fn openpgp(&self) -> Result<&OpenPgpSigner> {
        self.keys.openpgp.ok_or_else(no_openpgp)
    }

    /// The OpenPGP key that endpoints import.
    ///
    /// # Errors
    /// It is not known.
    pub fn trusted(&self) -> Result<&TrustedKey> {
        self.keys.trusted.as_ref().ok_or_else(no_openpgp)
    }
}

/// A kit that was made.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Report {
    /// Where it lies.
    pub output: PathBuf,
    /// Its kit.json.
    #[serde(flatten)]
    pub description: Description,
    /// Zips and disc images of it.
    pub images: Vec<PathBuf>,
    /// The delta from the kit before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta: Option<WrittenDelta>,
}

/// A delta that was made.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct WrittenDelta {
    /// Where it lies.
    pub output: PathBuf,
    /// Bytes of its files.
    pub size: u64,
}

/// Makes a kit.
///
/// # Errors
/// Whatever is wrong with the input, the keys, the kit before, the output; an interrupt. What was at the output is then as it was.
pub fn write(options: &Options, keys: &Keys, judge: &(dyn Judge + Sync), listener: &dyn Listener) -> Result<Report> {
    let signer = keys.signer.ok_or_else(|| {
        Error::new("there is no key to sign the kit with, and without a signature it could be forged")
            .help("give --key FILE; make one: openssl ecparam -genkey -name prime256v1 -noout -out key.pem")
    })?;
    apart(options)?;
    old::replaceable(&options.output, options.into)?;
    if let Some(delta) = &options.delta {
        delta::replaceable(delta)?;
    }
    let before = match (options.into, &options.since) {
        (true, _) => Some(OldKit::open(&options.output, judge, signer)?),
        (false, Some(since)) => Some(OldKit::open(since, judge, signer)?),
        (false, None) => None,
    };
    if let Some(kit) = before.as_ref().filter(|kit| options.into && kit.description.keys.sums != signer.public().fingerprint()) {
        kit.is_free_of_signed_files()?;
    }
    let known = cve::Data::given(&options.osv, &options.vex)?;
    known.iter().try_for_each(cve::Data::check)?;
    let mut items = input::collect(&options.sources, judge, listener)?;
    if let Some(before) = before.as_ref().filter(|_| options.into) {
        items.extend(before.items()?);
    }
    let items = input::distinct(items)?;
    let repositories = items.iter().any(|item| matches!(item.kind, Kind::Deb | Kind::Rpm));
    if repositories {
        keys.openpgp.ok_or_else(no_openpgp)?;
        keys.trusted.as_ref().ok_or_else(no_openpgp)?;
    }
    let plan = plan(options, keys, &items, before.as_ref())?;
    told(&plan, listener);
    let maker = Maker { options, plan: &plan, signer, before: before.as_ref(), known: &known };
    let stage = Stage::beside(&options.output)?;
    let bytes = items.iter().map(|item| item.size).sum();
    listener.begin("copy", bytes);
    let description = maker.fill(&stage, &items, None, &|item| listener.advance("copy", item.size));
    listener.end("copy");
    let description = description?;
    if !known.is_empty() && !cve::can_look_up(stage.root(), stage.files().keys())? {
        listener.warning(
            "advisories go into the kit, and none of its components can be looked up in them: give containers a purl in the manifest",
        );
    }
    let images = maker.images(&stage, &items)?;
    let delta = maker.delta(&stage, &description, listener)?;
    delta.iter().chain([&stage]).try_for_each(Stage::sync)?;
    // From here on an interrupt waits. The delta comes first: where the kit takes its predecessor's place, it cannot be made again.
    let delta = match (delta, &options.delta) {
        (Some(delta), Some(path)) => {
            let size = delta.files().values().map(|facts| facts.size).sum();
            delta.place(path)?;
            Some(WrittenDelta { output: path.clone(), size })
        }
        _ => None,
    };
    stage.place(&options.output)?;
    let images: Vec<PathBuf> = images.into_iter().map(Image::publish).collect::<Result<_>>()?;
    left_over(options, &images, listener);
    Ok(Report { output: options.output.clone(), description, images, delta })
}

/// Refuses two outputs of one place, and one within the kit.
fn apart(options: &Options) -> Result<()> {
    let absolute = |path: &PathBuf| std::path::absolute(path).or_cannot("find", path);
    let kit = absolute(&options.output)?;
    let mut taken = vec![kit.clone()];
    for path in [&options.zip, &options.iso, &options.delta].into_iter().flatten() {
        let place = absolute(path)?;
        if taken.contains(&place) {
            return Err(Error::new(format!("two outputs would be {}", path.display())).help("give each a place of its own"));
        }
        if place.starts_with(&kit) {
            return Err(Error::new(format!("{} would lie within the kit", path.display()))
                .help("choose a place beside it: the kit's list is made before"));
        }
        let folder = crate::new_file::folder(path);
        if !folder.is_dir() {
            return Err(Error::new(format!("there is no folder {}", folder.display()))
                .help(format!("make it: mkdir -p {}", folder.display())));
        }
        taken.push(place);
    }
    Ok(())
}

/// Says which images an older and larger kit has left beside the new ones: on a disc they would pass for volumes of this one.
fn left_over(options: &Options, images: &[PathBuf], listener: &dyn Listener) {
    for path in [&options.zip, &options.iso].into_iter().flatten() {
        let numbered = (1..).map(|number| images::numbered(path, number));
        let candidates =
            std::iter::once(path.clone()).chain(numbered.skip_while(|one| images.contains(one)).take_while(|one| one.exists()));
        let old: Vec<String> =
            candidates.filter(|one| one.exists() && !images.contains(one)).map(|one| one.display().to_string()).collect();
        if !old.is_empty() {
            listener.warning(&format!(
                "left over from an older kit: {}; remove what could pass for a volume of this one",
                some_of(&old, 5)
            ));
        }
    }
}

/// What makes a kit, and each of its volumes.
struct Maker<'a> {
    options: &'a Options,
    plan: &'a Plan<'a>,
    signer: &'a Signer,
    before: Option<&'a OldKit>,
    /// Advisories and statements.
    known: &'a [cve::Data],
}

impl Maker<'_> {
    /// Fills a folder with a whole kit of these items.
    fn fill(
        &self,
        stage: &Stage,
        items: &[Item],
        volume: Option<String>,
        copied: &(dyn Fn(&Item) + Sync),
    ) -> Result<Description> {
        let plan = self.plan;
        items.par_iter().try_for_each(|item| -> Result<()> {
            match self.options.hard_links {
                true => stage.link(&item.source, &item.place(), &item.sha256)?,
                false => stage.copy(&item.source, &item.place(), &item.sha256)?,
            }
            copied(item);
            Ok(())
        })?;
        apt::write(stage, items, plan)?;
        rpm_md::write(stage, items, plan)?;
        scripts(stage, items, plan)?;
        channels::write(stage, items, plan, &self.options.channels, volume.is_none())?;
        let description = describe(self, items, volume);
        stage.put("keys/vendor.pub", self.signer.public().to_pem().as_bytes())?;
        if let Some(trusted) = &plan.keys.trusted {
            stage.put("keys/vendor.asc", trusted.armored.as_bytes())?;
        }
        stage.put("index.html", page::render(plan, &description, &channels::listed(stage))?.as_bytes())?;
        let json = serde_json::to_string_pretty(&description).expect("plain JSON") + "\n";
        stage.put(DESCRIPTION, json.as_bytes())?;
        self.known(stage)?;
        self.recovery(stage)?;
        let sums = stage.sums();
        let signature = self.signer.sign(&Sha256::digest(sums.as_bytes()).into(), "sums")?;
        stage.put(SUMS, sums.as_bytes())?;
        stage.put(SUMS_SIGNATURE, &signature)?;
        if self.options.par2.is_some() {
            par2::write_of_sums(stage.root()).map_err(stage::elsewhere)?;
        }
        stage.settle(i64::from(plan.time))?;
        Ok(description)
    }

    /// Advisories and statements: those that were given, or else those of the kit that is added to.
    fn known(&self, stage: &Stage) -> Result<()> {
        let kept = self.before.filter(|_| self.options.into && self.known.is_empty());
        for (path, sha256) in kept.iter().flat_map(|before| &before.sums).filter(|(path, _)| path.starts_with(cve::FOLDER)) {
            stage.copy(&kept.expect("there is one").folder().join(path), path, sha256)?;
        }
        self.known.iter().try_for_each(|known| known.put(stage))
    }

    /// Recovery data of all files but the list of digests and its signature, which come after it and have their own.
    fn recovery(&self, stage: &Stage) -> Result<()> {
        let Some(percent) = self.options.par2 else { return Ok(()) };
        let member = |path: &String| par2::Member { path: stage.root().join(path), name: path.clone() };
        let members: Vec<par2::Member> = stage.files().keys().map(member).collect();
        let folder = stage.root().join(par2::FOLDER);
        std::fs::create_dir(&folder).or_cannot("create", &folder).map_err(stage::elsewhere)?;
        for path in par2::write(&members, percent, &folder, "kit").map_err(stage::elsewhere)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let (size, sha256) = stage::digest(&path)?;
            stage.note(&format!("{}/{name}", par2::FOLDER), size, sha256)?;
        }
        Ok(())
    }

    /// The delta that was asked for, without its name.
    fn delta(&self, kit: &Stage, description: &Description, listener: &dyn Listener) -> Result<Option<Stage>> {
        let (Some(output), Some(before)) = (&self.options.delta, self.before) else { return Ok(None) };
        let tool = self.options.tool.as_deref();
        let request = delta::Request { before, kit, description, output, tool, signer: self.signer };
        delta::make(&request, listener).map(Some)
    }

    /// The images that were asked for, without their names.
    fn images(&self, whole: &Stage, items: &[Item]) -> Result<Vec<Image>> {
        let mut images = Vec::new();
        let asked = [(Form::Zip, &self.options.zip), (Form::Iso, &self.options.iso)];
        for (form, path) in asked.into_iter().filter_map(|(form, path)| Some((form, path.as_ref()?))) {
            let (label, time) = (&self.plan.name, self.plan.time);
            let limit = self.options.volume_size;
            let copied = |item: &Item| channels::copied(&self.options.channels, item);
            let volumes = match limit {
                Some(limit) if images::is_larger(whole.root(), form, label, time, limit)? => {
                    images::volumes(items, limit, &copied)?
                }
                _ => Vec::new(),
            };
            if volumes.len() <= 1 {
                images.push(Image::of(whole.root(), form, path.clone(), label, time, limit)?.with_recovery(self.options.par2)?);
                continue;
            }
            for (at, items) in volumes.iter().enumerate() {
                let stage = Stage::beside(path)?;
                self.fill(&stage, items, Some(format!("{} of {}", at + 1, volumes.len())), &|_| {})?;
                let path = images::numbered(path, at + 1);
                let image = Image::of(stage.root(), form, path, &format!("{}_{label}", at + 1), time, limit)?;
                images.push(image.with_recovery(self.options.par2)?);
            }
        }
        Ok(images)
    }
}

fn no_openpgp() -> Error {
    Error::new("there is no OpenPGP key to sign the repositories with: apt, dnf and zypper would refuse them")
        .help("give --openpgp-key FILE, or --openpgp-command COMMAND and --openpgp-public FILE")
}

/// The name and the time of a kit.
fn plan<'a>(options: &Options, keys: &'a Keys, items: &[Item], before: Option<&OldKit>) -> Result<Plan<'a>> {
    let packages = || items.iter().filter(|item| !item.identity.name.is_empty());
    let shortest = |kinds: &[Kind]| {
        let names = packages().filter(|item| kinds.contains(&item.kind)).map(|item| item.identity.name.clone());
        names.min_by_key(|name| (name.len(), name.clone()))
    };
    // Endpoints have these in their sources and pins: they stay what they were.
    let kept = before.map(|before| (before.description.name.clone(), before.description.origin.clone()));
    let name = match (&options.name, &kept) {
        (Some(name), Some((kept, _))) if name != kept => {
            return Err(Error::new(format!("the kit before is called \"{kept}\", and this one would be \"{name}\""))
                .note("apt stops updates from a repository whose label changes")
                .help("leave --name out"));
        }
        (Some(name), _) => name.clone(),
        (None, Some((kept, _))) => kept.clone(),
        (None, None) => shortest(&[Kind::Deb, Kind::Rpm])
            // What Windows calls a product is a title, with spaces.
            .or_else(|| {
                shortest(&[Kind::Run, Kind::Msi])
                    .map(|title| title.to_lowercase().split_whitespace().collect::<Vec<_>>().join("-"))
            })
            .ok_or_else(|| Error::new("no package says what it is called").help("give the kit a name with --name NAME"))?,
    };
    rpm_md::check_name(&name)?;
    let publisher = packages().map(|item| item.identity.publisher.as_str()).find(|publisher| !publisher.is_empty());
    let plain = |text: &str| text.split(|c: char| c.is_control()).collect::<Vec<_>>().join(" ");
    let origin = kept.map(|(_, origin)| origin).unwrap_or_else(|| plain(publisher.unwrap_or(&name)));
    Ok(Plan { name, origin, time: time(options, keys, items, before)?, keys })
}

/// SOURCE_DATE_EPOCH, or the newest package's time; never before the key was made, nor before the kit before, and after it where there is a choice.
fn time(options: &Options, keys: &Keys, items: &[Item], before: Option<&OldKit>) -> Result<u32> {
    let newest = items.iter().filter_map(|item| item.identity.time).max();
    let time = options.epoch.or(newest).and_then(|time| u32::try_from(time).ok()).ok_or_else(|| {
        Error::new("no package says when it was made, so that the kit has no time")
            .help("set SOURCE_DATE_EPOCH to a number such as the last commit's: SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)")
    })?;
    let time = keys.trusted.as_ref().map_or(time, |trusted| time.max(trusted.created));
    match before.map(|before| before.description.time) {
        Some(before) if before > time && options.epoch.is_some() => {
            let (own, its) = (times::moment(i64::from(time)), times::moment(i64::from(before)));
            Err(Error::new(format!("the kit would be of an earlier time ({own}) than the kit before ({its})"))
                .note("apt ignores lists that are older than those it knows, and says nothing")
                .help(format!("set SOURCE_DATE_EPOCH to {before} or later")))
        }
        // Packages may be of one second: an older kit in the place of this one has to be seen by its date.
        Some(before) if options.epoch.is_none() => Ok(time.max(before.saturating_add(1))),
        before => Ok(time.max(before.unwrap_or_default())),
    }
}

/// What the maker should know of the key.
fn told(plan: &Plan, listener: &dyn Listener) {
    let Some(trusted) = &plan.keys.trusted else { return };
    for warning in page::key_warnings(trusted) {
        listener.warning(&warning);
    }
}

fn scripts(stage: &Stage, items: &[Item], plan: &Plan) -> Result<()> {
    let usable = |folder: &str, script: &str, text: &str| {
        let text = text.replace("@BEGIN@\n", USE_BEGIN).replace("@SCRIPT@", script).replace("@NAME@", &plan.name);
        let text = text.replace("@KEY@", &rpm_md::installed_key(&plan.name));
        stage.put(&format!("{folder}/{script}"), text.as_bytes())
    };
    stage.put("verify.sh", VERIFY.as_bytes())?;
    stage.put("copy.sh", COPY.as_bytes())?;
    stage.put("verify.ps1", VERIFY_WINDOWS.replace('\n', "\r\n").as_bytes())?;
    stage.put("VERIFY.md", VERIFY_TEXT.as_bytes())?;
    if items.iter().any(|item| item.kind == Kind::Deb) {
        usable(apt::FOLDER, "use-apt.sh", USE_APT)?;
    }
    if items.iter().any(|item| item.kind == Kind::Rpm) {
        usable(rpm_md::FOLDER, "use-rpm.sh", USE_RPM)?;
    }
    Ok(())
}

fn describe(maker: &Maker, items: &[Item], volume: Option<String>) -> Description {
    let Maker { options, plan, signer, before, .. } = maker;
    let file = |item: &Item| DescribedFile {
        path: item.place(),
        kind: item.kind,
        name: item.identity.name.clone(),
        version: item.identity.version.clone(),
        architecture: item.identity.architecture.clone(),
        size: item.size,
        sha256: item.sha256.clone(),
    };
    let kept_next = before.and_then(|before| before.description.keys.next.clone());
    let own = signer.public().fingerprint();
    Description {
        format: 1,
        name: plan.name.clone(),
        origin: plan.origin.clone(),
        time: plan.time,
        made_by: format!("linkpack {}", env!("CARGO_PKG_VERSION")),
        keys: DescribedKeys {
            openpgp: plan.keys.trusted.as_ref().map(|trusted| trusted.fingerprint.clone()),
            openpgp_expires: plan.keys.trusted.as_ref().and_then(|trusted| trusted.expires),
            next: options.next_key.clone().or(kept_next).filter(|next| *next != own),
            sums: own,
        },
        previous: before.map(|before| before.sums_sha256.clone()),
        volume,
        files: items.iter().map(file).collect(),
    }
}
