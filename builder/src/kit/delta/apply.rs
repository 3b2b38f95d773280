//! Makes the next kit out of the one that the site has and a delta.

use super::matching::{self, Step};
use super::view::{Chain, Part, Scatter, Spool, View};
use super::{cabinet, Base, Description, Form, How, Piece, Plan, DATA, DESCRIPTION, KEY, PLAN, STEPS};
use crate::compress::{again, Bytes, Source};
use crate::error::{Error, IoContext, Result};
use crate::inspect::verify::{SUMS, SUMS_SIGNATURE};
use crate::kit::input::{small, small_bytes, strict_sums};
use crate::kit::old::{self, OldKit};
use crate::kit::par2;
use crate::kit::stage::digest;
use crate::kit::stage::{elsewhere, Stage};
use crate::listener::Listener;
use crate::regular;
use crate::trust::key::PublicKey;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

/// A plan of a million files.
const PLAN_LIMIT: u64 = 1 << 30;
/// Units that are packed at once.
const AT_ONCE: usize = 4;

/// A kit that was made from a delta.
#[derive(Debug, Clone, serde::Serialize, schemars::JsonSchema)]
pub struct Applied {
    /// What the delta says of itself.
    pub delta: Description,
    /// Who signed the delta and the kit.
    pub fingerprint: String,
    /// Files of the kit.
    pub files: usize,
}

/// Makes the kit at `output`.
///
/// # Errors
/// The delta is not whole, not signed by the old kit's key or the next one it names, or of another kit; the old kit was changed; what
/// comes of it is not what its maker signed. Nothing is left then.
pub fn apply(old: &Path, delta: &Path, output: &Path, listener: &dyn Listener) -> Result<Applied> {
    let before = OldKit::read(old)?;
    let (description, key) = verified(delta, &before, old)?;
    old::replaceable(output, false)?;
    let stage = Stage::beside(output)?;
    let root = stage.root().parent().unwrap_or(stage.root()).to_path_buf();
    let mut site = Site {
        before: &before,
        old,
        stage: &stage,
        root: &root,
        data: unpacked(&delta.join(DATA), &root, description.data_size)?,
        literals: 0,
        steps: zstd::stream::read::Decoder::new(regular::open(&delta.join(STEPS))?).or_cannot("read", &delta.join(STEPS))?,
        sums: BTreeMap::new(),
    };
    let plan: Plan = {
        let file = regular::open(&delta.join(PLAN))?;
        let decoder = zstd::stream::read::Decoder::new(file).or_cannot("read", &delta.join(PLAN))?;
        serde_json::from_reader(std::io::BufReader::new(decoder.take(PLAN_LIMIT)))
            .map_err(|error| Error::new(format!("{} cannot be read: {error}", delta.join(PLAN).display())))?
    };
    listener.begin("apply", description.kit_size);
    let made = site.all(&plan, &description, listener);
    listener.end("apply");
    made?;
    let signature = fs::read(stage.root().join(SUMS_SIGNATURE)).or_cannot("read", Path::new(SUMS_SIGNATURE))?;
    let sums: [u8; 32] = hex::decode(&description.to).ok().and_then(|bytes| bytes.try_into().ok()).unwrap_or_default();
    if !PublicKey::judge(std::slice::from_ref(&key), &sums, &signature).is_good() {
        return Err(Error::new("the kit that the delta makes is not signed by the delta's key").help("ask for a new delta"));
    }
    if let Some(missing) = site.sums.keys().find(|path| !stage.root().join(path).is_file()) {
        return Err(Error::new(format!("the delta does not make {missing}, which the new kit's {SUMS} names")));
    }
    // What covers the list of digests is made of it alone, and so needs no carrying.
    if site.sums.keys().any(|path| path.starts_with(par2::FOLDER)) {
        par2::write_of_sums(stage.root()).map_err(elsewhere)?;
    }
    stage.settle(i64::from(description.to_time))?;
    let files = site.sums.len() + 2;
    drop(site);
    stage.publish(output)?;
    Ok(Applied { delta: description, fingerprint: key.fingerprint(), files })
}

/// Reads a delta's description once it is known to be whole, the vendor's, and of this kit.
fn verified(delta: &Path, before: &OldKit, old: &Path) -> Result<(Description, PublicKey)> {
    let none = |why: String| {
        Error::new(format!("{} is not a delta: {why}", delta.display())).help("name the folder that linkpack kit --since wrote")
    };
    let text = |name: &str| small(&delta.join(name)).map_err(|error| none(error.to_string()));
    let json = text(DESCRIPTION)?;
    let sums = text(SUMS)?;
    let key = PublicKey::from_pem(&text(KEY)?).ok_or_else(|| none(format!("its {KEY} is no public key")))?;
    let description: Description =
        serde_json::from_str(&json).map_err(|error| none(format!("its {DESCRIPTION} cannot be read: {error}")))?;
    if description.format != 1 {
        return Err(none(format!("its {DESCRIPTION} is of format {}, and this linkpack knows 1", description.format))
            .help("use the linkpack that the delta carries (tool/linkpack), or a newer one"));
    }
    if description.to == before.sums_sha256 {
        return Err(Error::new(format!("{} is already the kit that {} makes", old.display(), delta.display()))
            .help("nothing is left to do; to make it once more, name the kit before"));
    }
    if description.from != before.sums_sha256 {
        return Err(Error::new(format!("{} is not for the kit at {}", delta.display(), old.display()))
            .note(format!(
                "it is for the kit of the time {} whose {SUMS} has the SHA-256 {}",
                description.from_time, description.from
            ))
            .note(format!("this one is of the time {}, and has {}", before.description.time, before.sums_sha256))
            .help("name that kit, or ask for a delta from the one that is here"));
    }
    if !before.is_signed_by_its_own_key()? {
        return Err(Error::new(format!("{} is not signed by its own key: it was changed", old.display()))
            .help("name the kit as it was accepted"));
    }
    let keys = &before.description.keys;
    let fingerprint = key.fingerprint();
    if fingerprint != keys.sums && Some(&fingerprint) != keys.next.as_ref() {
        return Err(Error::new(format!("{} is signed by another key than the kit: {fingerprint}", delta.display()))
            .note(format!("the kit is signed by {}, and names {} as the next", keys.sums, keys.next.as_deref().unwrap_or("none")))
            .help("ask the vendor; do not use this delta"));
    }
    let signature = small_bytes(&delta.join(SUMS_SIGNATURE))?;
    let damaged = |what: String| Error::new(format!("{}: {what}", delta.display())).help("copy the delta again");
    if !PublicKey::judge(std::slice::from_ref(&key), &Sha256::digest(sums.as_bytes()).into(), &signature).is_good() {
        return Err(damaged(format!("{SUMS_SIGNATURE} is not a signature of {SUMS} by {fingerprint}")));
    }
    let listed = strict_sums(&sums).map_err(|error| error.note(format!("in {}", delta.display())))?;
    for name in [DESCRIPTION, PLAN, STEPS, DATA, KEY] {
        if !listed.contains_key(name) {
            return Err(damaged(format!("its {SUMS} does not name {name}")));
        }
    }
    // As verify.sh has it of a kit: a link could lead to what another exchanges meanwhile.
    let names = old::walk(delta)?;
    if let Some(name) = names.iter().find(|name| !regular::is_plain(&delta.join(name))) {
        return Err(damaged(format!("{name:?} is no regular file")));
    }
    let beside = |name: &String| listed.contains_key(name) || [SUMS, SUMS_SIGNATURE].contains(&name.as_str());
    if let Some(name) = names.into_iter().find(|name| !beside(name)) {
        return Err(damaged(format!("{name:?} is not of the delta")));
    }
    for (name, sha256) in &listed {
        if digest(&delta.join(name))?.1 != *sha256 {
            return Err(damaged(format!("{name} was changed or is damaged")));
        }
    }
    Ok((description, key))
}

fn unpacked(path: &Path, folder: &Path, expected: u64) -> Result<Spool> {
    let file = regular::open(path)?;
    let mut decoder = zstd::stream::read::Decoder::new(file).or_cannot("read", path)?;
    decoder.window_log_max(27).or_cannot("read", path)?;
    let mut spool = Spool::new(folder)?;
    let len = std::io::copy(&mut decoder.take(expected + 1), &mut spool).or_cannot("unpack", path).map_err(elsewhere)?;
    match len == expected {
        true => Ok(spool),
        false => Err(Error::new(format!("{} does not hold what {DESCRIPTION} says", path.display()))),
    }
}

struct Site<'a> {
    before: &'a OldKit,
    old: &'a Path,
    stage: &'a Stage,
    root: &'a Path,
    data: Spool,
    /// Literals that were used so far.
    literals: u64,
    steps: zstd::stream::read::Decoder<'static, std::io::BufReader<File>>,
    /// SHA256SUMS of the new kit, once it is made.
    sums: BTreeMap<String, String>,
}

impl Site<'_> {
    fn all(&mut self, plan: &Plan, description: &Description, listener: &dyn Listener) -> Result<()> {
        for (index, file) in plan.files.iter().enumerate() {
            crate::interrupt::check()?;
            let expected =
                match (index, file.path.as_str()) {
                    (0, SUMS) => Some(description.to.clone()),
                    (1, SUMS_SIGNATURE) => None,
                    (_, path) => Some(self.sums.get(path).cloned().ok_or_else(|| {
                        Error::new(format!("the delta makes {path:?}, which the new kit's {SUMS} does not name"))
                    })?),
                };
            match &file.how {
                How::Kept(path) => self.kept(path, &file.path)?,
                How::Same(path) => {
                    let sha256 = self.sums.get(path).cloned().unwrap_or_default();
                    self.stage.copy(&self.stage.root().join(path), &file.path, &sha256)?;
                }
                How::Made { base, extents, pieces, steps } => self.make(&file.path, base.as_ref(), extents, pieces, *steps)?,
            }
            let path = self.stage.root().join(&file.path);
            let (size, found) = digest(&path)?;
            if expected.is_some_and(|expected| expected != found) {
                return Err(self.other_bytes(&file.path, description));
            }
            if index == 0 {
                self.sums = strict_sums(&small(&path)?)?;
            }
            listener.advance("apply", size);
        }
        Ok(())
    }

    fn other_bytes(&self, path: &str, description: &Description) -> Error {
        let own = format!("linkpack {}", env!("CARGO_PKG_VERSION"));
        let error = Error::new(format!("{path} was made, and is not what its maker signed: no kit was written"));
        match description.made_by == own {
            true => error.help("verify the kit that the site has (sh verify.sh), and copy the delta again"),
            false => error
                .note(format!("the delta was made by {}, and this is {own}, which may pack other bytes", description.made_by))
                .help("use the linkpack that the delta carries (tool/linkpack), or one of that version"),
        }
    }

    fn kept(&self, old: &str, path: &str) -> Result<()> {
        let sha256 =
            self.before.sums.get(old).ok_or_else(|| Error::new(format!("the delta asks for {old:?} of the kit before")))?;
        let copied = self.stage.copy(&self.old.join(old), path, sha256);
        copied.map_err(|error| match error.is_interrupted() {
            true => error,
            false => error.note(format!("the kit at {} was changed since it was accepted", self.old.display())),
        })
    }

    fn make(&mut self, path: &str, base: Option<&Base>, extents: &[(u64, u64)], pieces: &[Piece], steps: u64) -> Result<()> {
        let opened = base.map(|base| self.opened(base)).transpose()?;
        let nothing = Bytes(&[]);
        let (view, plain): (&dyn Source, &dyn Source) = match &opened {
            Some((view, plain)) => (view, plain),
            None => (&nothing, &nothing),
        };
        let mut bytes = Vec::new();
        let stopped = || Error::new(format!("the delta's {STEPS} ends too early"));
        let read = self.steps.by_ref().take(steps).read_to_end(&mut bytes).map_err(|_| stopped())?;
        let steps = matching::steps(&bytes).filter(|_| read as u64 == steps).ok_or_else(stopped)?;
        let site = Chain(vec![view, plain, &self.data]);
        let text = followed(steps, &site, view.len() + plain.len(), &mut self.literals, self.root)?;
        let file = self.stage.create(path)?;
        let full = self.stage.root().join(path);
        let mut out = Scatter::new(&file, &full, extents);
        put_together(&text, pieces, &mut out)
    }

    fn opened(&self, base: &Base) -> Result<(View, Spool)> {
        let full = self.old.join(&base.path);
        let expected = match base.path.as_str() {
            SUMS => Some(&self.before.sums_sha256),
            path => self.before.sums.get(path),
        };
        let Some(expected) = expected else {
            return Err(Error::new(format!("the delta asks for {:?} of the kit before, which has no such file", base.path))
                .help("do not use this delta; ask the vendor for another one"));
        };
        if *expected != digest(&full)?.1 {
            return Err(Error::new(format!("{} was changed since the kit was accepted", full.display()))
                .note("the delta makes new files out of it")
                .help("copy the kit again from the medium that it came on"));
        }
        open_base(&full, base, self.root)
    }
}

/// A file that another one is made of, and the plain bytes of its units that are wanted.
pub(super) fn open_base(path: &Path, base: &Base, root: &Path) -> Result<(View, Spool)> {
    let view = View::open(path, &base.extents)?;
    let mut plain = Spool::new(root)?;
    for (form, (at, len)) in &base.units {
        match form {
            Form::Unit(form) => drop(again::unpack(&view, &again::Place { form: *form, at: *at, len: *len }, &mut plain)?),
            Form::Cabinet(form) => cabinet::unpack(&view, *form, (*at, *len), &mut plain)?,
        }
    }
    Ok((view, plain))
}

/// What steps make of all that there is: what is copied from, `before` bytes, and the literals behind that, of which so many were used.
pub(super) fn followed(steps: Vec<Step>, site: &Chain, before: u64, literals: &mut u64, root: &Path) -> Result<Spool> {
    let mut text = Spool::new(root)?;
    for step in steps {
        let (at, len) = match step {
            Step::Copy { at, len } => (at, len),
            Step::Literal(len) => {
                *literals += len;
                (before + *literals - len, len)
            }
        };
        site.read(at, len, &mut |block| text.write_all(block).or_cannot("write to", root).map_err(elsewhere))?;
    }
    Ok(text)
}

/// Packs what is plain, and writes all of it in its order.
pub(super) fn put_together(text: &Spool, pieces: &[Piece], out: &mut Scatter) -> Result<()> {
    let mut at = 0;
    let mut placed = Vec::with_capacity(pieces.len());
    for piece in pieces {
        placed.push((at, piece));
        at += piece.len;
    }
    for some in placed.chunks(2 * AT_ONCE) {
        crate::interrupt::check()?;
        let packed: Vec<Option<Vec<u8>>> = some.par_iter().map(|(at, piece)| packed(text, *at, piece)).collect::<Result<_>>()?;
        for ((at, piece), packed) in some.iter().zip(packed) {
            match (packed, piece.form) {
                (Some(packed), _) => out.put(&packed)?,
                (None, Some(Form::Unit(form))) => {
                    let mut writer = Putting { out, failed: None };
                    let done = again::pack(form, &Part::new(text, *at, piece.len), &mut writer);
                    writer.failed.map_or(done, Err)?;
                }
                (None, _) => text.read(*at, piece.len, &mut |block| out.put(block))?,
            }
        }
    }
    Ok(())
}

/// A unit that fits into memory, packed.
fn packed(text: &Spool, at: u64, piece: &Piece) -> Result<Option<Vec<u8>>> {
    let plain = Part::new(text, at, piece.len);
    match piece.form {
        None | Some(Form::Unit(again::Form::ZstdWhole)) => Ok(None),
        Some(Form::Unit(form)) => {
            let mut packed = Vec::new();
            again::pack(form, &plain, &mut packed)?;
            Ok(Some(packed))
        }
        Some(Form::Cabinet(form)) => cabinet::pack(&plain, form).map(Some),
    }
}

struct Putting<'a, 'b> {
    out: &'a mut Scatter<'b>,
    failed: Option<Error>,
}

impl Write for Putting<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.out.put(bytes).map_err(|error| {
            let io = std::io::Error::other(error.to_string());
            self.failed = Some(error);
            io
        })?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
