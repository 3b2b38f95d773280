//! One target's packages for one product: facts and files into each format's specification.

use super::assemble::Base;
use super::facts::{architecture, facts, ghosts};
use super::output::{Digesting, Output};
use super::Package;
use crate::endpoint::{self, Facts};
use crate::error::{Error, Result};
use crate::format::{deb, rpm, run, PreparedFile};
use crate::listener::Listener;
use crate::manifest::{DebPriority, Product, Target};
use crate::payload::TreePath;
use std::io::{BufWriter, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;
use tempfile::NamedTempFile;

/// A package format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FormatName {
    /// Debian and its relatives.
    Deb,
    /// Red Hat, SUSE and their relatives.
    Rpm,
    /// Self-extracting, for every Linux.
    Run,
    /// Windows Installer.
    Msi,
    /// Windows Installer: a site's transform of the MSI.
    Mst,
    /// A site's answers for a `.run`.
    Site,
}

impl FormatName {
    /// All formats that can be asked for, in the order they are built. A site file comes with a `.run`'s overlays.
    pub const ALL: [FormatName; 5] = [FormatName::Deb, FormatName::Rpm, FormatName::Run, FormatName::Msi, FormatName::Mst];

    /// Whether it is built only where somebody asks for it.
    pub fn is_on_request(self) -> bool {
        matches!(self, FormatName::Mst | FormatName::Site)
    }

    /// The name in arguments and reports.
    pub fn name(self) -> &'static str {
        match self {
            FormatName::Deb => "deb",
            FormatName::Rpm => "rpm",
            FormatName::Run => "run",
            FormatName::Msi => "msi",
            FormatName::Mst => "mst",
            FormatName::Site => "site",
        }
    }

    /// Whether packages of this format are for a target.
    pub fn is_for(self, target: Target) -> bool {
        matches!(self, FormatName::Msi | FormatName::Mst) != target.is_linux()
    }
}

/// One product's packages in the making.
struct Work<'a> {
    product: &'a Product,
    base: &'a Base<'a>,
    facts: Facts,
    /// What is made for this product alone: `bin/` with linkctl and the scripts' modules, which know its facts.
    own: Vec<PreparedFile>,
}

impl<'a> Work<'a> {
    fn new(product: &'a Product, base: &'a Base<'a>) -> Result<Self> {
        let facts = facts(product, base)?;
        let directory = |path: &str| Ok(PreparedFile::directory(TreePath::new(path.as_bytes())?, base.mtime));
        let mut own = [directory("bin"), directory("bin/lib")].into_iter().collect::<Result<Vec<_>>>()?;
        for file in endpoint::bin_files(&facts)? {
            let path = TreePath::new(file.path.as_bytes())?;
            own.push(PreparedFile::made(path, file.text.into_bytes(), file.mode, base.mtime));
        }
        Ok(Work { product, base, facts, own })
    }

    /// The base's files and the product's own. The list is all that a product takes for each of a hundred thousand files.
    fn files(&self) -> Vec<&PreparedFile> {
        let base = &self.base.files;
        // No other folder begins with "bin" (contract::names), so they have one place in the order of bytes.
        let at = base.partition_point(|file| file.entry.path.as_bytes() < b"bin".as_slice());
        let mut files = Vec::with_capacity(base.len() + self.own.len());
        files.extend(&base[..at]);
        files.extend(&self.own);
        files.extend(&base[at..]);
        files
    }
}

/// What several threads take jobs from: one product and one format each, a product's formats one after another.
struct Jobs<'a> {
    base: &'a Base<'a>,
    products: &'a [Product],
    formats: Vec<FormatName>,
    next: AtomicUsize,
    /// The product at hand, as long as one of its formats is being written: a hundred sites' lists of files are not all kept.
    shared: Vec<Mutex<Weak<Work<'a>>>>,
}

impl<'a> Jobs<'a> {
    /// Writes packages until there are none left or one fails, each to a temporary file of `output`.
    fn write(&self, output: &Output, listener: &dyn Listener) -> Result<Vec<Written>> {
        let mut written = Vec::new();
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(product) = index.checked_div(self.formats.len()).filter(|product| *product < self.products.len()) else {
                return Ok(written);
            };
            let format = self.formats[index % self.formats.len()];
            let done = self.work(product).and_then(|work| one(&work, format, output, listener));
            let (package, file) = done.map_err(|error| {
                // The others need not begin what will not be kept.
                self.next.store(usize::MAX / 2, Ordering::Relaxed);
                error.note(format!("while writing the {} package", format.name()))
            })?;
            listener.wrote(&package.file);
            written.push(Written { index, package, file });
        }
    }

    fn work(&self, product: usize) -> Result<Arc<Work<'a>>> {
        let mut shared = self.shared[product].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(work) = shared.upgrade() {
            return Ok(work);
        }
        let work = Arc::new(Work::new(&self.products[product], self.base)?);
        *shared = Arc::downgrade(&work);
        Ok(work)
    }
}

struct Written {
    index: usize,
    package: Package,
    file: NamedTempFile,
}

/// Writes the asked formats of all products side by side, each to a temporary file that `output` keeps; in the products' order.
pub fn write_all(
    products: &[Product],
    base: &Base,
    formats: &[FormatName],
    output: &mut Output,
    listener: &dyn Listener,
) -> Result<Vec<Package>> {
    let formats: Vec<_> = FormatName::ALL.into_iter().filter(|one| formats.contains(one) && one.is_for(base.target)).collect();
    // Each format's lists of files take memory, some 6 MiB for a hundred thousand.
    const MANY_FILES: usize = 20_000;
    const VERY_MANY_FILES: usize = 250_000;
    let threads = match base.files.len() {
        VERY_MANY_FILES.. => 1,
        MANY_FILES.. => formats.len(),
        _ => base.store.pool().current_num_threads().max(formats.len()),
    };
    let shared = products.iter().map(|_| Mutex::new(Weak::new())).collect();
    let jobs = Jobs { base, products, formats, next: AtomicUsize::new(0), shared };
    let (all, place) = (&jobs, &*output);
    let written: Vec<Result<Vec<Written>>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(|| all.write(place, listener))).collect();
        let lost = |_| Err(Error::new("a worker thread ended without a result"));
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(lost)).collect()
    });
    let mut written: Vec<Written> = written.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
    written.sort_by_key(|one| one.index);
    let mut packages = Vec::new();
    for Written { package, file, .. } in written {
        output.keep(file, package.file.clone());
        packages.push(package);
    }
    Ok(packages)
}

fn one(work: &Work, format: FormatName, output: &Output, listener: &dyn Listener) -> Result<(Package, NamedTempFile)> {
    let (began, file) = (Instant::now(), output.partial()?);
    let site = work.product.site_name().map(str::to_owned);
    let task = format!("writing {}{}", site.as_ref().map(|site| format!("{site}'s ")).unwrap_or_default(), format.name());
    listener.begin(&task, 0);
    let watched = Watched { file: &file, task: &task, listener };
    let mut out = Digesting::new(BufWriter::with_capacity(1 << 20, watched));
    let name = match format {
        FormatName::Deb => write_deb(work, &mut out)?,
        FormatName::Rpm => write_rpm(work, &mut out)?,
        FormatName::Run => write_run(work, &mut out)?,
        FormatName::Msi | FormatName::Mst | FormatName::Site => return Err(Error::new("an MSI is for Windows")),
    };
    out.flush().map_err(|error| {
        Error::failed(&format!("cannot write {name}"), &error)
            .help("free some space in the output folder, or choose another with -o DIR")
    })?;
    let (size, sha256) = out.finish();
    listener.end(&task);
    let package = Package {
        file: output.name(name),
        format: format.name().into(),
        target: work.base.target.name().into(),
        site,
        overlay: false,
        size,
        sha256,
        cabinets: Vec::new(),
        signed: None,
        content: work.base.files.iter().map(PreparedFile::len).sum(),
        took: began.elapsed(),
    };
    Ok((package, file))
}

/// Tells of what is written to a package.
struct Watched<'a> {
    file: &'a NamedTempFile,
    task: &'a str,
    listener: &'a dyn Listener,
}

impl Write for Watched<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.file.as_file().write(bytes)?;
        self.listener.advance(self.task, count as u64);
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.as_file().flush()
    }
}

fn texts_of(list: &[impl ToString]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

fn write_deb(work: &Work, out: &mut impl Write) -> Result<String> {
    let (product, base) = (work.product, work.base);
    let table = &product.manifest().product;
    let scripts = endpoint::deb_scripts(&work.facts)?;
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
    let spec = deb::DebSpec {
        name: &name,
        version: table.version.as_str(),
        architecture: architecture(base.target).deb,
        maintainer: table.contact.as_str(),
        publisher: table.publisher.as_str(),
        homepage: table.homepage.as_ref().map(|url| url.as_str()),
        description: &table.description,
        // The preinst reads the install root from debconf.
        pre_depends: Some(&pre_depends),
        depends: &depends,
        weak: deb::Weak { recommends: &recommends, suggests: &suggests, conflicts: &conflicts },
        section: table_of_deb.section.as_ref().map_or("admin", |section| section.as_str()),
        priority: table_of_deb.priority.unwrap_or(DebPriority::Optional).name(),
        // A name that all packages of a product share would not do: dpkg removes what the new package conflicts with, and never what
        // conflicts with the new package.
        provides: product.site_name().map(|_| table.name.as_str()),
        license: table.license.as_str(),
        root: &product.linux_root(),
        files: &work.files(),
        control_files: &control_files,
        codec: base.codec,
        store: base.store,
        mtime: base.mtime,
    };
    deb::write(&spec, out)?;
    Ok(deb::file_name(spec.name, spec.version, spec.architecture))
}

fn write_rpm(work: &Work, out: &mut impl Write) -> Result<String> {
    let (product, base) = (work.product, work.base);
    let table = &product.manifest().product;
    let scripts = endpoint::rpm_scripts(&work.facts)?;
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
    let spec = rpm::RpmSpec {
        name: &name,
        version: table.version.as_str(),
        release: table_of_rpm.release.as_ref().map_or("1", |release| release.as_str()),
        epoch: table_of_rpm.epoch,
        arch: architecture(base.target).rpm,
        summary,
        description: &description,
        license: table.license.as_str(),
        url: table.homepage.as_ref().map(|url| url.as_str()),
        vendor: Some(table.publisher.as_str()),
        packager: Some(table.contact.as_str()),
        group: table_of_rpm.group.as_ref().map(|group| group.as_str()),
        prefix: &product.linux_root(),
        relocatable: true,
        build_time: base.mtime,
        files: &work.files(),
        ghosts: &ghosts(product.names()),
        capabilities: &base.capabilities,
        scriptlets: rpm::Scriptlets {
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
    rpm::write(&spec, out)?;
    Ok(rpm::file_name(spec.name, spec.version, spec.release, spec.arch))
}

/// The name that the configuration packages of all sites of a product stand for, and exclude each other by.
pub(super) fn overlay_name(product: &Product) -> String {
    format!("{}-site", product.manifest().product.name)
}

fn write_run(work: &Work, out: &mut impl Write) -> Result<String> {
    let (product, base) = (work.product, work.base);
    let stub = endpoint::run_stub_fitted(&work.facts, base.codec)?;
    run::write(
        &run::RunSpec { stub: &stub, files: &work.files(), codec: base.codec, store: base.store, mtime: base.mtime },
        out,
    )?;
    Ok(run::file_name(&product.package_name(), product.manifest().product.version.as_str(), base.target.name()))
}

/// A description's first line, and the rest (or the first line again, since rpm wants both).
fn texts(description: &str) -> (&str, String) {
    let (summary, rest) = description.trim().split_once('\n').unwrap_or((description.trim(), ""));
    let rest = if rest.trim().is_empty() { summary } else { rest.trim() };
    (summary.trim().trim_end_matches('.'), rest.to_owned())
}
