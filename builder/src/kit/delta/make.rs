//! Makes a delta from the kit before and the new one.

use super::matching::{self, Pool};
use super::view::{Chain, Extent, Part, Spool, View};
use super::{cabinet, compound, Base, Description, Form, How, Made, Piece, Plan};
use super::{APPLY, DATA, DESCRIPTION, KEY, PLAN, STEPS, TEXT, TOOL};
use crate::compress::{again, Source};
use crate::error::{Error, IoContext, Result};
use crate::inspect::verify::{SUMS, SUMS_SIGNATURE};
use crate::kit::old::OldKit;
use crate::kit::stage::{Facts, Stage};
use crate::kit::Description as KitDescription;
use crate::listener::Listener;
use crate::trust::signer::Signer;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// Units that are unpacked and packed at once.
const AT_ONCE: usize = 4;
/// The literals' compression: their window is 16 MiB, its memory some 60.
const LEVEL: i32 = 12;
const WINDOW_LOG: u32 = 24;

/// What to make a delta of.
pub struct Request<'a> {
    /// The kit that the site has.
    pub before: &'a OldKit,
    /// The new kit, whole.
    pub kit: &'a Stage,
    /// What it says of itself.
    pub description: &'a KitDescription,
    /// The folder that becomes the delta.
    pub output: &'a Path,
    /// A linkpack to carry.
    pub tool: Option<&'a Path>,
    /// Signs the delta.
    pub signer: &'a Signer,
}

/// Writes a delta; it has no name yet.
///
/// # Errors
/// The kit before is not what its SHA256SUMS says; something cannot be read or written.
pub fn make(request: &Request, listener: &dyn Listener) -> Result<Stage> {
    let stage = Stage::beside(request.output)?;
    let files = request.kit.files();
    let kit_size = files.values().map(|facts| facts.size).sum();
    let largest = files.values().map(|facts| facts.size).max().unwrap_or_default();
    let data = packer(stage.create(DATA)?)?;
    let steps = packer(stage.create(STEPS)?)?;
    let pool = Pool::new(data, matching::block_len(largest));
    let old_by_digest = request.before.sums.iter().map(|(path, sha256)| (sha256.as_str(), path.as_str())).collect();
    let mut maker = Maker { request, stage: &stage, pool, steps, old_by_digest, new_by_digest: HashMap::new() };
    listener.begin("delta", kit_size);
    let plan = maker.plan(&files, listener);
    listener.end("delta");
    let plan = plan?;
    let (data_size, data) = maker.pool.finish();
    for (name, packer) in [(DATA, data), (STEPS, maker.steps)] {
        packer.finish().and_then(|file| file.sync_all()).or_cannot("write", &stage.root().join(name))?;
        note(&stage, name)?;
    }
    let json = serde_json::to_vec(&plan).expect("plain JSON");
    stage.put(PLAN, &zstd::bulk::compress(&json, LEVEL).or_cannot("write", &stage.root().join(PLAN))?)?;
    let to = hex::encode(Sha256::digest(std::fs::read(request.kit.root().join(SUMS)).or_cannot("read", Path::new(SUMS))?));
    let description = Description {
        format: 1,
        name: request.description.name.clone(),
        made_by: request.description.made_by.clone(),
        from: request.before.sums_sha256.clone(),
        from_time: request.before.description.time,
        to,
        to_time: request.description.time,
        kit_size,
        data_size,
    };
    finish(request, &stage, &description)?;
    Ok(stage)
}

fn finish(request: &Request, stage: &Stage, description: &Description) -> Result<()> {
    if let Some(tool) = request.tool {
        let (_, sha256) = crate::kit::stage::digest(tool)?;
        stage.copy(tool, TOOL, &sha256)?;
    }
    let own = match request.tool {
        Some(_) => "       cp DELTA/tool/linkpack /tmp/linkpack && chmod +x /tmp/linkpack && PATH=/tmp:$PATH\n",
        None => "",
    };
    let text = APPLY.replace("@NAME@", &description.name).replace("@FINGERPRINT@", &request.signer.public().fingerprint());
    stage.put(TEXT, text.replace("@TOOL@", own).as_bytes())?;
    stage.put(KEY, request.signer.public().to_pem().as_bytes())?;
    stage.put(DESCRIPTION, (serde_json::to_string_pretty(description).expect("plain JSON") + "\n").as_bytes())?;
    let sums = stage.sums();
    let signature = request.signer.sign(&Sha256::digest(sums.as_bytes()).into(), "sums")?;
    stage.put(SUMS, sums.as_bytes())?;
    stage.put(SUMS_SIGNATURE, &signature)?;
    stage.settle(i64::from(description.to_time))
}

fn note(stage: &Stage, name: &str) -> Result<()> {
    let (size, sha256) = crate::kit::stage::digest(&stage.root().join(name))?;
    stage.note(name, size, sha256)
}

type Packer = zstd::stream::write::Encoder<'static, File>;

fn packer(file: File) -> Result<Packer> {
    use zstd::zstd_safe::CParameter;
    let made = zstd::stream::write::Encoder::new(file, LEVEL).and_then(|mut encoder| {
        encoder.set_parameter(CParameter::WindowLog(WINDOW_LOG))?;
        encoder.set_parameter(CParameter::ChecksumFlag(true))?;
        Ok(encoder)
    });
    made.map_err(|error| Error::new(format!("zstd failed: {error}")))
}

struct Maker<'a> {
    request: &'a Request<'a>,
    stage: &'a Stage,
    pool: Pool<Packer>,
    steps: Packer,
    old_by_digest: HashMap<&'a str, &'a str>,
    new_by_digest: HashMap<String, String>,
}

impl Maker<'_> {
    fn plan(&mut self, files: &BTreeMap<String, Facts>, listener: &dyn Listener) -> Result<Plan> {
        let mut plan = Plan::default();
        // The list of all digests comes first: what is made after it is held against it.
        let first = [SUMS, SUMS_SIGNATURE];
        let rest = files.keys().map(String::as_str).filter(|path| !first.contains(path));
        for path in first.into_iter().chain(rest) {
            crate::interrupt::check()?;
            let facts = &files[path];
            let how = match (self.old_by_digest.get(facts.sha256.as_str()), self.new_by_digest.get(&facts.sha256)) {
                (Some(old), _) => How::Kept((*old).to_owned()),
                (None, Some(new)) => How::Same(new.clone()),
                (None, None) => {
                    self.new_by_digest.insert(facts.sha256.clone(), path.to_owned());
                    self.made(path)?
                }
            };
            plan.files.push(Made { path: path.to_owned(), how });
            listener.advance("delta", facts.size);
        }
        Ok(plan)
    }

    fn made(&mut self, path: &str) -> Result<How> {
        let root = self.stage.root().parent().unwrap_or(self.stage.root()).to_path_buf();
        let new = Opened::open(&self.request.kit.root().join(path))?;
        let old = self.base(path).map(|base| -> Result<_> { Ok((self.old(&base)?, base)) }).transpose()?;
        let Described { pieces, units, steps } = describe(&new, old.as_ref().map(|(old, _)| old), &mut self.pool, &root)?;
        self.steps.write_all(&steps).or_cannot("write", &self.stage.root().join(STEPS))?;
        let base = old.map(|(old, path)| Base { path, extents: old.extents, units });
        Ok(How::Made { base, extents: new.extents, pieces, steps: steps.len() as u64 })
    }

    /// The kit before's file that is most like this one.
    fn base(&self, path: &str) -> Option<String> {
        let before = self.request.before;
        let there = |path: &String| before.sums.contains_key(path);
        if let Some(file) = self.request.description.files.iter().find(|file| file.path == path && !file.name.is_empty()) {
            let like = before.description.files.iter().rfind(|old| {
                old.kind == file.kind && old.name == file.name && old.architecture == file.architecture && there(&old.path)
            });
            if let Some(like) = like {
                return Some(like.path.clone());
            }
        }
        if before.sums.contains_key(path) || path == SUMS {
            return Some(path.to_owned());
        }
        let kin = super::kin(path);
        before.sums.keys().find(|old| super::kin(old) == kin).cloned()
    }

    /// A file of the kit before, which has to be what its list says.
    fn old(&self, path: &str) -> Result<Opened> {
        let full = self.request.before.folder().join(path);
        let expected = self.request.before.sums.get(path);
        if expected.is_some_and(|sha256| crate::kit::stage::digest(&full).map(|found| found.1 != *sha256).unwrap_or(true)) {
            return Err(Error::new(format!(
                "{} is not what {SUMS} of its kit says: a delta from it would fit no site",
                full.display()
            ))
            .help("name the kit as it was given to the site"));
        }
        Opened::open(&full)
    }
}

/// What makes a file out of another.
pub(super) struct Described {
    pub pieces: Vec<Piece>,
    /// The units of the other one that are unpacked for it.
    pub units: Vec<(Form, Extent)>,
    /// As matching writes them.
    pub steps: Vec<u8>,
}

/// Describes `new` by `old`; literals go to the pool, what is unpacked meanwhile to the folder `root`.
pub(super) fn describe<W: Write>(new: &Opened, old: Option<&Opened>, pool: &mut Pool<W>, root: &Path) -> Result<Described> {
    let known: HashSet<[u8; 32]> = old.iter().flat_map(|old| old.units.iter().map(|unit| unit.digest)).collect();
    let own: HashSet<[u8; 32]> = new.units.iter().map(|unit| unit.digest).collect();
    let mut text = Spool::new(root)?;
    let pieces = taken_apart(new, &known, root, &mut text)?;
    let mut plain = Spool::new(root)?;
    let mut units = Vec::new();
    for (old, unit) in old.iter().flat_map(|old| old.units.iter().map(move |unit| (old, unit))) {
        // A cabinet is unpacked by the folder.
        let extent = unit.job.as_ref().map_or(unit.extent, |job| job.folder);
        if !own.contains(&unit.digest) && units.last().is_none_or(|(_, before)| *before != extent) {
            unpack(&old.view, unit.form, extent, &mut plain)?;
            units.push((unit.form, extent));
        }
    }
    let nothing = crate::compress::Bytes(&[]);
    let site = Chain(vec![old.map_or(&nothing as &dyn Source, |old| &old.view), &plain]);
    let steps = matching::describe(&text, &site, pool)?;
    Ok(Described { pieces, units, steps })
}

/// A file whose units are known.
pub(super) struct Opened {
    view: View,
    pub extents: Vec<Extent>,
    units: Vec<Found>,
}

struct Found {
    form: Form,
    extent: Extent,
    /// The job that it is in a cabinet.
    job: Option<cabinet::Job>,
    /// BLAKE3 of its packed bytes.
    digest: [u8; 32],
}

impl Opened {
    pub fn open(path: &Path) -> Result<Opened> {
        let extents = compound::streams(path)?;
        let view = View::open(path, &extents)?;
        let mut units = Vec::new();
        let mut at = 0;
        while let Some(start) = next_stream(&view, at)? {
            let found = streams_units(&view, start)?;
            at = found.last().map_or(start + 1, |(_, (at, len), _)| at + len);
            for (form, extent, job) in found {
                units.push(Found { form, extent, job, digest: digest(&view, extent)? });
            }
        }
        Ok(Opened { view, extents, units })
    }
}

/// The units of the stream or cabinet that may begin there.
fn streams_units(view: &View, at: u64) -> Result<Vec<(Form, Extent, Option<cabinet::Job>)>> {
    let streams = again::find(view, at)?.into_iter().map(|unit| (Form::Unit(unit.form), (unit.at, unit.len), None));
    let found: Vec<_> = streams.collect();
    if !found.is_empty() {
        return Ok(found);
    }
    Ok(cabinet::find(view, at)?.into_iter().map(|job| (Form::Cabinet(job.form), job.extent, Some(job))).collect())
}

fn digest(view: &View, (at, len): Extent) -> Result<[u8; 32]> {
    let mut digest = blake3::Hasher::new();
    view.read(at, len, &mut |block| {
        digest.update(block);
        Ok(())
    })?;
    Ok(digest.finalize().into())
}

/// Where the next stream may begin.
fn next_stream(view: &View, from: u64) -> Result<Option<u64>> {
    const WINDOW: u64 = 1 << 20;
    let mut at = from;
    while at < view.len() {
        crate::interrupt::check()?;
        let mut bytes = Vec::with_capacity(WINDOW as usize);
        view.read(at, WINDOW.min(view.len() - at), &mut |block| {
            bytes.extend_from_slice(block);
            Ok(())
        })?;
        let begins = |index: &usize| again::may_begin(&bytes[*index..]) || cabinet::may_begin(&bytes[*index..]);
        if let Some(index) = (0..bytes.len()).filter(|index| matches!(bytes[*index], 0x1f | 0x28 | 0xfd | b'M')).find(begins) {
            return Ok(Some(at + index as u64));
        }
        if at + bytes.len() as u64 >= view.len() {
            break;
        }
        at += WINDOW - again::MAGIC as u64;
    }
    Ok(None)
}

fn unpack(view: &dyn Source, form: Form, (at, len): Extent, out: &mut dyn Write) -> Result<()> {
    match form {
        Form::Unit(form) => again::unpack(view, &again::Place { form, at, len }, out).map(drop),
        Form::Cabinet(form) => cabinet::unpack(view, form, (at, len), out),
    }
}

/// Writes a file's bytes, with the plain ones of units that are new and can be packed again.
fn taken_apart(new: &Opened, known: &HashSet<[u8; 32]>, root: &Path, text: &mut Spool) -> Result<Vec<Piece>> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut done = 0;
    let raw = |pieces: &mut Vec<Piece>, text: &mut Spool, from: u64, to: u64| -> Result<()> {
        if from == to {
            return Ok(());
        }
        new.view.read(from, to - from, &mut |block| text.write_all(block).or_cannot("write to", root))?;
        match pieces.last_mut().filter(|piece| piece.form.is_none()) {
            Some(piece) => piece.len += to - from,
            None => pieces.push(Piece { len: to - from, form: None }),
        }
        Ok(())
    };
    let changed: Vec<&Found> = new.units.iter().filter(|unit| !known.contains(&unit.digest)).collect();
    let mut folder = Folder::default();
    for some in changed.chunk_by(|a, b| a.folder() == b.folder()).flat_map(|alike| alike.chunks(AT_ONCE)) {
        crate::interrupt::check()?;
        folder.of(new, some[0], root)?;
        let folder = folder.text.as_ref();
        let tried: Vec<_> = some.par_iter().map(|unit| packs_again(&new.view, unit, folder, root)).collect::<Result<_>>()?;
        for (unit, tried) in some.iter().zip(tried) {
            let (at, len) = unit.extent;
            raw(&mut pieces, text, done, at)?;
            match tried {
                None => raw(&mut pieces, text, at, at + len)?,
                Some((plain, piece)) => {
                    plain.read(0, plain.len(), &mut |block| text.write_all(block).or_cannot("write to", root))?;
                    pieces.push(piece);
                }
            }
            done = at + len;
        }
    }
    raw(&mut pieces, text, done, new.view.len())?;
    Ok(pieces)
}

/// The plain bytes of a unit and how they are packed to the same bytes; none where they are not.
fn packs_again(view: &View, unit: &Found, folder: Option<&Spool>, root: &Path) -> Result<Option<(Spool, Piece)>> {
    let mut plain = Spool::new(root)?;
    let form = match unit.form {
        Form::Unit(form) => form,
        Form::Cabinet(form) => {
            let job = unit.job.as_ref().zip(folder).and_then(|(job, folder)| job.text(folder));
            let Some(text) = job else { return Ok(None) };
            if blake3::hash(&cabinet::pack(&text, form)?) != unit.digest {
                return Ok(None);
            }
            text.read(0, text.len(), &mut |block| plain.write_all(block).or_cannot("write to", root))?;
            let len = text.len();
            return Ok(Some((plain, Piece { len, form: Some(unit.form) })));
        }
    };
    let (at, len) = unit.extent;
    if again::unpack(view, &again::Place { form, at, len }, &mut plain).is_err() {
        return Ok(None);
    }
    // A small frame may be one of several units, too.
    let others = [again::Form::ZstdWhole].into_iter().filter(|_| form == again::Form::Zstd);
    for form in std::iter::once(form).chain(others) {
        let mut digest = Digesting(blake3::Hasher::new());
        again::pack(form, &Part::new(&plain, 0, plain.len()), &mut digest)?;
        if digest.0.finalize() == unit.digest {
            let len = plain.len();
            return Ok(Some((plain, Piece { len, form: Some(Form::Unit(form)) })));
        }
    }
    Ok(None)
}

/// The text of the cabinet's folder that is at hand.
#[derive(Default)]
struct Folder {
    extent: Option<Extent>,
    text: Option<Spool>,
}

impl Folder {
    /// Unpacks the folder of this job, unless it is at hand. One that cannot be unpacked is carried as it is.
    fn of(&mut self, new: &Opened, unit: &Found, root: &Path) -> Result<()> {
        if self.extent == unit.folder() {
            return Ok(());
        }
        (self.extent, self.text) = (unit.folder(), None);
        if let Some(extent) = self.extent {
            let mut text = Spool::new(root)?;
            self.text = unpack(&new.view, unit.form, extent, &mut text).is_ok().then_some(text);
        }
        Ok(())
    }
}

impl Found {
    fn folder(&self) -> Option<Extent> {
        self.job.as_ref().map(|job| job.folder)
    }
}

/// The digest of what is written.
struct Digesting(blake3::Hasher);

impl Write for Digesting {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
