//! A product as an RPM, and a site's settings as one.

use super::{file_name, signing, About, Ghost, GhostKind, RpmSpec, Scriptlets};
use crate::compress::{Codec, Store};
use crate::endpoint;
use crate::error::Result;
use crate::format::architecture::architecture;
use crate::format::door::{Compression, Door, Job, Overlays, PayloadDigest, SiteJob, Sites, Unpacking, Writer, Written};
use crate::format::overlay::{self, description, overlay_name, package_name, texts_of, version};
use crate::format::stream::streamed;
use crate::format::{Signatures, Signing};
use crate::listener::Listener;
use crate::manifest::{Format, Installer, Product};
use crate::trust::keys::Keys;
use crate::trust::record::Signed;
use crate::trust::Verdict;
use contract::names::Names;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use tempfile::NamedTempFile;

/// Red Hat's format.
pub struct Rpm;

impl Door for Rpm {
    fn writer(&self) -> Option<&'static dyn Writer> {
        Some(&Rpm)
    }

    fn overlay(&self) -> Format {
        Format::Rpm
    }

    fn overlays<'a>(&self, sites: &'a Sites<'a>) -> Result<Box<dyn Overlays + 'a>> {
        Ok(Box::new(SiteRpms { scriptlets: endpoint::site_scriptlets(sites.product.names())? }))
    }

    fn signatures(&self) -> Signatures {
        Signatures::OpenPgp
    }

    fn sign(&self, file: &mut File, path: &Path, keys: &Signing, _: &dyn Listener) -> Result<Option<Signed>> {
        let Some(openpgp) = keys.openpgp() else { return Ok(None) };
        Ok(Some(Signed { kind: "openpgp".into(), key: signing::sign(file, path, openpgp)?.key }))
    }

    fn verify(&self, file: &mut File, path: &Path, keys: &Keys, payload: PayloadDigest) -> Result<Vec<(String, Verdict)>> {
        signing::verify(file, path, &keys.openpgp, payload)
    }
}

impl Writer for Rpm {
    fn compression(&self) -> Option<Compression> {
        Some(Compression { installer: Some(Installer::Rpm), needs_tool: false })
    }

    fn unpacking(&self) -> Option<&'static Unpacking> {
        // rpm unpacks under the transaction's number.
        const RPM: Unpacking =
            Unpacking { program: "rpm", suffix: ";65f0a1b2", edited: ";65f0a1b2", versions: false, cuts_blanks: false };
        Some(&RPM)
    }

    fn holds_capabilities(&self) -> bool {
        true
    }

    fn write(&self, job: &Job, new: &dyn Fn() -> Result<NamedTempFile>, listener: &dyn Listener) -> Result<Written> {
        streamed(Format::Rpm, job, new, listener, |out| write(job, out))
    }
}

/// Sites' settings as RPMs.
struct SiteRpms {
    /// `%posttrans` and `%postun`.
    scriptlets: (String, String),
}

impl Overlays for SiteRpms {
    fn write(&self, site: &SiteJob) -> Result<(String, Vec<u8>)> {
        write_overlay(site, &self.scriptlets)
    }
}

fn write(job: &Job, out: &mut dyn Write) -> Result<String> {
    let (product, base) = (job.product, job.base);
    let table = &product.manifest().product;
    let scripts = endpoint::rpm_scripts(&job.scripted()?.facts)?;
    let name = product.package_name();
    let table_of_rpm = &product.manifest().rpm;
    let requires = base.needs.rpm(product);
    let (recommends, mut suggests) = (texts_of(&table_of_rpm.recommends), texts_of(&table_of_rpm.suggests));
    let stands_for: Vec<String> = product.site_name().map(|_| table.name.to_string()).into_iter().collect();
    let mut conflicts = [stands_for.clone(), texts_of(&table_of_rpm.conflicts)].concat();
    // A site's package first, where both are installed: rpm goes by the order, zypper by what is suggested.
    let mut after = Vec::new();
    match product.site_name() {
        None => {
            suggests.push(overlay_name(product));
            after.push(overlay_name(product));
        }
        Some(_) => conflicts.push(overlay_name(product)),
    }
    let (summary, description) = texts(&table.description);
    let spec = RpmSpec {
        name: &name,
        version: table.version.as_str(),
        arch: architecture(base.target).rpm,
        summary,
        description: &description,
        about: about(product),
        prefix: &product.linux_root(),
        relocatable: true,
        build_time: base.mtime,
        files: &job.files()?,
        ghosts: &ghosts(product.names()),
        capabilities: &base.capabilities,
        scriptlets: Scriptlets {
            pre: Some(scripts.pre),
            post: Some(scripts.post),
            preun: Some(scripts.preun),
            postun: Some(scripts.postun),
            pretrans: Some(scripts.pretrans),
            posttrans: Some(scripts.posttrans),
        },
        requires: &requires,
        recommends: &recommends,
        suggests: &suggests,
        provides: &stands_for,
        conflicts: &conflicts,
        // `rpm -U` of a site's package then takes the place of the plain one.
        obsoletes: &stands_for,
        after: &after,
        codec: base.codec,
        store: base.store,
    };
    super::write(&spec, out)?;
    Ok(file_name(spec.name, spec.version, spec.about.release, spec.arch))
}

/// A description's first line, and the rest (or the first line again, since rpm wants both).
fn texts(description: &str) -> (&str, String) {
    let (summary, rest) = description.trim().split_once('\n').unwrap_or((description.trim(), ""));
    let rest = if rest.trim().is_empty() { summary } else { rest.trim() };
    (summary.trim().trim_end_matches('.'), rest.to_owned())
}

fn about(product: &Product) -> About<'_> {
    let (table, of_rpm) = (&product.manifest().product, &product.manifest().rpm);
    About {
        release: of_rpm.release.as_ref().map_or("1", |release| release.as_str()),
        epoch: of_rpm.epoch,
        license: table.license.as_str(),
        url: table.homepage.as_ref().map(|url| url.as_str()),
        vendor: Some(table.publisher.as_str()),
        packager: Some(table.contact.as_str()),
        group: of_rpm.group.as_ref().map(|group| group.as_str()),
    }
}

fn write_overlay(site: &SiteJob, (posttrans, postun): &(String, String)) -> Result<(String, Vec<u8>)> {
    let product = site.product;
    let (name, stands_for) = (package_name(product), [overlay_name(product)]);
    let store = Store::in_memory(site.pool.clone());
    let folder = product.names().place("site");
    let summary = description(product);
    let spec = RpmSpec {
        name: &name,
        version: version(product),
        arch: "noarch",
        summary: &summary,
        description: &summary,
        about: about(product),
        prefix: &folder,
        relocatable: false,
        build_time: site.mtime,
        files: &[&overlay::file(site)?],
        ghosts: &[],
        capabilities: &BTreeMap::new(),
        scriptlets: Scriptlets { posttrans: Some(posttrans.clone()), postun: Some(postun.clone()), ..Scriptlets::default() },
        requires: &[],
        recommends: &[],
        suggests: &[],
        provides: &stands_for,
        conflicts: &stands_for,
        obsoletes: &[],
        after: &[],
        codec: Codec::Gzip,
        store: &store,
    };
    let mut bytes = Vec::new();
    super::write(&spec, &mut bytes)?;
    Ok((file_name(spec.name, spec.version, spec.about.release, spec.arch), bytes))
}

/// What the scriptlets make outside the root: listed, so that `rpm -qf` knows whose it is.
fn ghosts(names: &Names) -> Vec<Ghost> {
    let file = |path: String, mode| Ghost { path, kind: GhostKind::File { mode } };
    let target = format!("../init.d/{}", names.get("service"));
    let link = |key: &str| Ghost { path: names.place(key), kind: GhostKind::Link { target: target.clone() } };
    vec![
        file(names.place("init"), 0o755),
        file(names.place("etc") + "/location.conf", 0o644),
        link("start-3"),
        link("start-5"),
        file(names.place("unit"), 0o644),
        file(names.place("lib") + "/state", 0o644),
    ]
}
