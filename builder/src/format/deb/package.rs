//! A product as a DEB, and a site's settings as one.

use super::{file_name, signing, About, DebSpec, Weak};
use crate::compress::{Codec, Store};
use crate::endpoint;
use crate::error::Result;
use crate::format::architecture::architecture;
use crate::format::door::{Compression, Door, Job, Overlays, PayloadDigest, SiteJob, Sites, Unpacking, Writer, Written};
use crate::format::overlay::{self, description, overlay_name, package_name, texts_of, version};
use crate::format::stream::streamed;
use crate::format::{Base, Signatures, Signing};
use crate::listener::Listener;
use crate::manifest::{DebPriority, Format, Installer, Product};
use crate::trust::keys::Keys;
use crate::trust::record::Signed;
use crate::trust::Verdict;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use tempfile::NamedTempFile;

/// Debian's format.
pub struct Deb;

impl Door for Deb {
    fn writer(&self) -> Option<&'static dyn Writer> {
        Some(&Deb)
    }

    fn overlay(&self) -> Format {
        Format::Deb
    }

    fn overlays<'a>(&self, _: &'a Sites<'a>) -> Result<Box<dyn Overlays + 'a>> {
        Ok(Box::new(Deb))
    }

    fn signatures(&self) -> Signatures {
        Signatures::OpenPgp
    }

    fn sign(&self, file: &mut File, path: &Path, keys: &Signing, _: &dyn Listener) -> Result<Option<Signed>> {
        let Some(openpgp) = keys.openpgp() else { return Ok(None) };
        Ok(Some(Signed { kind: "openpgp".into(), key: signing::sign(file, path, openpgp)?.key }))
    }

    fn verify(&self, file: &mut File, path: &Path, keys: &Keys, _: PayloadDigest) -> Result<Vec<(String, Verdict)>> {
        signing::verify(file, path, &keys.openpgp)
    }
}

impl Writer for Deb {
    fn compression(&self) -> Option<Compression> {
        Some(Compression { installer: Some(Installer::Dpkg), needs_tool: false })
    }

    fn unpacking(&self) -> Option<&'static Unpacking> {
        const DPKG: Unpacking =
            Unpacking { program: "dpkg", suffix: ".dpkg-new", edited: ".dpkg-dist", versions: false, cuts_blanks: true };
        Some(&DPKG)
    }

    fn warn(&self, product: &Product, base: &Base, listener: &dyn Listener) {
        base.needs.tell_of_unknown(product, base.target, listener);
    }

    fn write(&self, job: &Job, new: &dyn Fn() -> Result<NamedTempFile>, listener: &dyn Listener) -> Result<Written> {
        streamed(Format::Deb, job, new, listener, |out| write(job, out))
    }
}

impl Overlays for Deb {
    fn write(&self, site: &SiteJob) -> Result<(String, Vec<u8>)> {
        write_overlay(site)
    }
}

fn write(job: &Job, out: &mut dyn Write) -> Result<String> {
    let (product, base) = (job.product, job.base);
    let table = &product.manifest().product;
    let scripts = endpoint::deb_scripts(&job.scripted()?.facts)?;
    let name = product.package_name();
    // init-system-helpers is essential, and what the scripts call of it is older than every system's: no dependency is needed.
    let table_of_deb = &product.manifest().deb;
    let depends = base.needs.deb(product, base.target);
    let (recommends, suggests) = (texts_of(&table_of_deb.recommends), texts_of(&table_of_deb.suggests));
    let mut conflicts = texts_of(&table_of_deb.conflicts);
    let overlay = overlay_name(product);
    let mut pre_depends = "debconf (>= 0.5) | debconf-2.0".to_owned();
    let triggers = match product.site_name() {
        // dpkg is always there: what the alternative does is that apt unpacks a site's package first, where it installs both.
        None => {
            pre_depends += &format!(", dpkg (>= 1.16.1) | {overlay}");
            Some(("triggers", scripts.triggers))
        }
        Some(_) => {
            conflicts.insert(0, overlay);
            None
        }
    };
    let mut control_files = vec![
        ("config", scripts.config),
        ("modules", scripts.modules),
        ("postinst", scripts.postinst),
        ("postrm", scripts.postrm),
        ("preinst", scripts.preinst),
        ("prerm", scripts.prerm),
        ("templates", scripts.templates),
    ];
    control_files.extend(triggers);
    let spec = DebSpec {
        name: &name,
        version: table.version.as_str(),
        architecture: architecture(base.target).deb,
        about: about(product),
        description: &table.description,
        // The preinst reads the install root from debconf.
        pre_depends: Some(&pre_depends),
        depends: &depends,
        weak: Weak { recommends: &recommends, suggests: &suggests, conflicts: &conflicts },
        priority: table_of_deb.priority.unwrap_or(DebPriority::Optional).name(),
        // A name that all packages of a product share would not do: dpkg removes what the new package conflicts with, and never what
        // conflicts with the new package.
        provides: product.site_name().map(|_| table.name.as_str()),
        root: &product.linux_root(),
        files: &job.files()?,
        control_files: &control_files,
        codec: base.codec,
        store: base.store,
        mtime: base.mtime,
    };
    super::write(&spec, out)?;
    Ok(file_name(spec.name, spec.version, spec.architecture))
}

fn about(product: &Product) -> About<'_> {
    let table = &product.manifest().product;
    About {
        maintainer: table.contact.as_str(),
        publisher: table.publisher.as_str(),
        homepage: table.homepage.as_ref().map(|url| url.as_str()),
        license: table.license.as_str(),
        section: product.manifest().deb.section.as_ref().map_or("admin", |section| section.as_str()),
    }
}

fn write_overlay(site: &SiteJob) -> Result<(String, Vec<u8>)> {
    let product = site.product;
    let (name, stands_for) = (package_name(product), overlay_name(product));
    let store = Store::in_memory(site.pool.clone());
    let folder = product.names().place("site");
    let spec = DebSpec {
        name: &name,
        version: version(product),
        architecture: "all",
        about: about(product),
        description: &description(product),
        pre_depends: None,
        depends: &[],
        weak: Weak::default(),
        priority: "optional",
        provides: Some(&stands_for),
        root: &folder,
        files: &[&overlay::file(site)?],
        control_files: &[],
        codec: Codec::Gzip,
        store: &store,
        mtime: site.mtime,
    };
    let mut bytes = Vec::new();
    super::write(&spec, &mut bytes)?;
    Ok((file_name(spec.name, spec.version, spec.architecture), bytes))
}
