//! A product as a `.run`, and a site's settings as a file for one.

use super::{file_name, signing, site, RunSpec};
use crate::endpoint;
use crate::error::Result;
use crate::format::door::{Compression, Door, Job, Overlays, PayloadDigest, SiteJob, Sites, Unpacking, Writer, Written};
use crate::format::stream::streamed;
use crate::format::{Signatures, Signing};
use crate::listener::Listener;
use crate::manifest::Format;
use crate::trust::keys::Keys;
use crate::trust::record::Signed;
use crate::trust::Verdict;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use tempfile::NamedTempFile;

/// The self-extracting format.
pub struct Run;

impl Door for Run {
    fn writer(&self) -> Option<&'static dyn Writer> {
        Some(&Run)
    }

    fn overlay(&self) -> Format {
        Format::Site
    }

    fn overlays<'a>(&self, sites: &'a Sites<'a>) -> Result<Box<dyn Overlays + 'a>> {
        Site.overlays(sites)
    }

    fn signatures(&self) -> Signatures {
        Signatures::Detached
    }

    fn sign(&self, file: &mut File, path: &Path, keys: &Signing, _: &dyn Listener) -> Result<Option<Signed>> {
        let Some(signer) = keys.signer() else { return Ok(None) };
        signing::sign(file, path, signer)?;
        Ok(Some(Signed { kind: "detached".into(), key: signer.public().fingerprint() }))
    }

    fn verify(&self, file: &mut File, path: &Path, keys: &Keys, _: PayloadDigest) -> Result<Vec<(String, Verdict)>> {
        signing::verify(file, path, &keys.public)
    }
}

impl Writer for Run {
    fn compression(&self) -> Option<Compression> {
        Some(Compression { installer: None, needs_tool: true })
    }

    fn unpacking(&self) -> Option<&'static Unpacking> {
        const OURS: Unpacking =
            Unpacking { program: "the installer", suffix: "", edited: ".new", versions: true, cuts_blanks: false };
        Some(&OURS)
    }

    fn write(&self, job: &Job, new: &dyn Fn() -> Result<NamedTempFile>, listener: &dyn Listener) -> Result<Written> {
        streamed(Format::Run, job, new, listener, |out| write(job, out))
    }
}

fn write(job: &Job, out: &mut dyn Write) -> Result<String> {
    let (product, base) = (job.product, job.base);
    let stub = endpoint::run_stub_fitted(&job.scripted()?.facts, base.codec)?;
    super::write(&RunSpec { stub: &stub, files: &job.files()?, codec: base.codec, store: base.store, mtime: base.mtime }, out)?;
    Ok(file_name(&product.package_name(), product.manifest().product.version.as_str(), base.target.name()))
}

/// A site's answers for a `.run`.
pub struct Site;

impl Door for Site {
    fn is_asked_for(&self) -> bool {
        false
    }

    fn is_on_request(&self) -> bool {
        true
    }

    fn writer(&self) -> Option<&'static dyn Writer> {
        None
    }

    fn overlay(&self) -> Format {
        Format::Site
    }

    fn overlays<'a>(&self, _: &'a Sites<'a>) -> Result<Box<dyn Overlays + 'a>> {
        Ok(Box::new(Site))
    }

    fn signatures(&self) -> Signatures {
        Run.signatures()
    }

    fn sign(&self, file: &mut File, path: &Path, keys: &Signing, _: &dyn Listener) -> Result<Option<Signed>> {
        let Some(signer) = keys.signer() else { return Ok(None) };
        site::sign(file, path, signer)?;
        Ok(Some(Signed { kind: "detached".into(), key: signer.public().fingerprint() }))
    }

    fn verify(&self, file: &mut File, path: &Path, keys: &Keys, _: PayloadDigest) -> Result<Vec<(String, Verdict)>> {
        site::verify(file, path, &keys.public)
    }
}

impl Overlays for Site {
    fn write(&self, site: &SiteJob) -> Result<(String, Vec<u8>)> {
        Ok((site::file_name(&site.product.package_name()), site.answers.as_bytes().to_vec()))
    }
}
