//! One target's packages for one product: facts and files into each format's specification.

use super::assemble::Base;
use super::facts::{architecture, facts, ghosts};
use super::output::{Digesting, Output};
use super::Package;
use crate::endpoint::{self, Facts};
use crate::error::{Error, Result};
use crate::format::{deb, rpm, run, PreparedFile};
use crate::listener::Listener;
use crate::manifest::{Product, Target};
use crate::payload::TreePath;
use std::io::{BufWriter, Write};
use tempfile::NamedTempFile;

/// A package format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormatName {
    /// Debian and its relatives.
    Deb,
    /// Red Hat, SUSE and their relatives.
    Rpm,
    /// Self-extracting, for every Linux.
    Run,
    /// Windows Installer.
    Msi,
}

impl FormatName {
    /// All formats, in the order they are built.
    pub const ALL: [FormatName; 4] = [FormatName::Deb, FormatName::Rpm, FormatName::Run, FormatName::Msi];

    /// The name in arguments and reports.
    pub fn name(self) -> &'static str {
        match self {
            FormatName::Deb => "deb",
            FormatName::Rpm => "rpm",
            FormatName::Run => "run",
            FormatName::Msi => "msi",
        }
    }

    /// Whether packages of this format are for a target.
    pub fn is_for(self, target: Target) -> bool {
        (self == FormatName::Msi) != target.is_linux()
    }
}

/// One package in the making.
struct Work<'a> {
    product: &'a Product,
    base: &'a Base<'a>,
    facts: &'a Facts,
    /// The base's files and what is made for this product: linkctl.
    files: &'a [PreparedFile],
}

/// Writes the asked formats side by side, each to a temporary file that `output` keeps.
pub fn write_all(
    product: &Product,
    base: &Base,
    formats: &[FormatName],
    output: &mut Output,
    listener: &dyn Listener,
) -> Result<Vec<Package>> {
    let facts = facts(product, base)?;
    let files = with_linkctl(base, &facts)?;
    let work = &Work { product, base, facts: &facts, files: &files };
    let mut jobs = Vec::new();
    for format in FormatName::ALL.into_iter().filter(|format| formats.contains(format) && format.is_for(base.target)) {
        jobs.push((format, output.partial()?));
    }
    let written: Vec<Result<_>> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            jobs.into_iter().map(|(format, file)| (format, scope.spawn(move || one(work, format, file)))).collect();
        let join = |(format, thread): (FormatName, std::thread::ScopedJoinHandle<Result<_>>)| {
            let done = thread.join().unwrap_or_else(|_| Err(Error::new("a worker thread ended without a result")));
            done.map_err(|error| error.note(format!("while writing the {} package", format.name())))
        };
        threads.into_iter().map(join).collect()
    });
    let mut packages = Vec::new();
    for done in written {
        let (package, file): (Package, NamedTempFile) = done?;
        listener.info(&format!("{} is whole", package.file));
        output.keep(file, package.file.clone());
        packages.push(package);
    }
    Ok(packages)
}

fn one(work: &Work, format: FormatName, file: NamedTempFile) -> Result<(Package, NamedTempFile)> {
    let mut out = Digesting::new(BufWriter::with_capacity(1 << 20, file.as_file()));
    let name = match format {
        FormatName::Deb => write_deb(work, &mut out)?,
        FormatName::Rpm => write_rpm(work, &mut out)?,
        FormatName::Run => write_run(work, &mut out)?,
        FormatName::Msi => return Err(Error::new("an MSI is for Windows")),
    };
    out.flush().map_err(|error| {
        Error::new(format!("cannot write {name}: {error}"))
            .help("free some space in the output folder, or choose another with -o DIR")
    })?;
    let (size, sha256) = out.finish();
    let site = work.product.site_name().map(str::to_owned);
    let package = Package {
        file: name.clone(),
        format: format.name(),
        target: work.base.target.name(),
        site,
        size,
        sha256,
        cabinets: Vec::new(),
    };
    Ok((package, file))
}

/// The base's files plus `bin/linkctl`, which knows the product's facts.
fn with_linkctl(base: &Base, facts: &Facts) -> Result<Vec<PreparedFile>> {
    let script = endpoint::linkctl(facts)?.into_bytes();
    let bin = PreparedFile::directory(TreePath::new(b"bin")?, base.mtime);
    let linkctl = PreparedFile::made(TreePath::new(b"bin/linkctl")?, script, 0o755, base.mtime);
    let mut files = base.files.clone();
    // "bin" sorts before "vAgentManager" and after "Intigua-Libs", as bytes do.
    let at = files.partition_point(|file| file.entry.path.as_bytes() < b"bin".as_slice());
    files.splice(at..at, [bin, linkctl]);
    Ok(files)
}

fn write_deb(work: &Work, out: &mut impl Write) -> Result<String> {
    let (product, base) = (work.product, work.base);
    let table = &product.manifest().product;
    let scripts = endpoint::deb_scripts(work.facts)?;
    let name = product.package_name();
    let mut depends = vec!["init-system-helpers (>= 1.54~)".to_owned()];
    depends.extend(product.manifest().deb.depends.iter().map(ToString::to_string));
    let spec = deb::DebSpec {
        name: &name,
        version: table.version.as_str(),
        architecture: architecture(base.target).deb,
        maintainer: table.contact.as_str(),
        publisher: table.publisher.as_str(),
        homepage: table.homepage.as_ref().map(|url| url.as_str()),
        description: &table.description,
        // The preinst reads the install root from it.
        pre_depends: Some("debconf (>= 0.5) | debconf-2.0"),
        depends: &depends,
        provides: product.site_name().map(|_| table.name.as_str()),
        license: table.license.as_str(),
        root: &product.linux_root(),
        files: work.files,
        control_files: &[
            ("config", scripts.config),
            ("postinst", scripts.postinst),
            ("postrm", scripts.postrm),
            ("preinst", scripts.preinst),
            ("prerm", scripts.prerm),
            ("templates", scripts.templates),
        ],
        codec: base.codec,
        store: base.store,
        mtime: base.mtime,
    };
    deb::write(&spec, out)?;
    Ok(deb::file_name(spec.name, spec.version, spec.architecture))
}

fn write_rpm(work: &Work, out: &mut impl Write) -> Result<String> {
    const RELEASE: &str = "1";
    let (product, base) = (work.product, work.base);
    let table = &product.manifest().product;
    let scripts = endpoint::rpm_scripts(work.facts)?;
    let name = product.package_name();
    let requires: Vec<String> = product.manifest().rpm.requires.iter().map(ToString::to_string).collect();
    let stands_for: Vec<String> = product.site_name().map(|_| table.name.to_string()).into_iter().collect();
    let (summary, description) = texts(&table.description);
    let spec = rpm::RpmSpec {
        name: &name,
        version: table.version.as_str(),
        release: RELEASE,
        arch: architecture(base.target).rpm,
        summary,
        description: &description,
        license: table.license.as_str(),
        url: table.homepage.as_ref().map(|url| url.as_str()),
        vendor: Some(table.publisher.as_str()),
        packager: Some(table.contact.as_str()),
        group: None,
        prefix: &product.linux_root(),
        build_time: base.mtime,
        files: work.files,
        ghosts: &ghosts(),
        scriptlets: rpm::Scriptlets {
            pre: Some(scripts.pre),
            post: Some(scripts.post),
            preun: Some(scripts.preun),
            postun: Some(scripts.postun),
            pretrans: None,
            posttrans: Some(scripts.posttrans),
        },
        requires: &requires,
        provides: &stands_for,
        conflicts: &stands_for,
        obsoletes: &[],
        codec: base.codec,
        store: base.store,
    };
    rpm::write(&spec, out)?;
    Ok(rpm::file_name(spec.name, spec.version, spec.release, spec.arch))
}

fn write_run(work: &Work, out: &mut impl Write) -> Result<String> {
    let (product, base) = (work.product, work.base);
    let stub = endpoint::run_stub_fitted(work.facts, base.codec)?;
    run::write(&run::RunSpec { stub: &stub, files: work.files, codec: base.codec, store: base.store, mtime: base.mtime }, out)?;
    Ok(run::file_name(&product.package_name(), product.manifest().product.version.as_str(), base.target.name()))
}

/// A description's first line, and the rest (or the first line again, since rpm wants both).
fn texts(description: &str) -> (&str, String) {
    let (summary, rest) = description.trim().split_once('\n').unwrap_or((description.trim(), ""));
    let rest = if rest.trim().is_empty() { summary } else { rest.trim() };
    (summary.trim().trim_end_matches('.'), rest.to_owned())
}
