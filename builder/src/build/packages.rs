//! The packages of one target: jobs of products and formats, several at once.

use super::output::Output;
use super::{Cabinet, Package};
use crate::error::{Error, IoContext, Result};
use crate::format::stream::digest;
use crate::format::{writer, Base, Digests, Job, Writer};
use crate::listener::Listener;
use crate::manifest::{Format, Product};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;
use tempfile::NamedTempFile;

/// What several threads take jobs from: one product and one format each, a product's formats one after another.
struct Jobs<'a> {
    base: &'a Base<'a>,
    products: &'a [Product],
    formats: &'a [(Format, &'static dyn Writer)],
    next: AtomicUsize,
    /// The product at hand, as long as one of its formats is being written: a hundred sites' lists of files are not all kept.
    shared: Vec<Mutex<Weak<Job<'a>>>>,
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
            let (format, writer) = self.formats[index % self.formats.len()];
            let done = one(&self.job(product), format, writer, output, listener).map_err(|error| {
                // The others need not begin what will not be kept.
                self.next.store(usize::MAX / 2, Ordering::Relaxed);
                error.note(format!("while writing the {format} package"))
            })?;
            listener.wrote(&done.package.file);
            written.push(Written { index, ..done });
        }
    }

    fn job(&self, product: usize) -> Arc<Job<'a>> {
        let mut shared = self.shared[product].lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let job = Arc::new(Job::new(&self.products[product], self.base));
            *shared = Arc::downgrade(&job);
            job
        })
    }
}

/// A package, and the files that are to be kept for it.
struct Written {
    index: usize,
    package: Package,
    files: Vec<(NamedTempFile, String)>,
    learned: Vec<(usize, Digests)>,
}

/// Writes the packages of all products in these formats side by side, each to a temporary file that `output` keeps; in the products'
/// order. A format that reads the payload itself tells the base what it learned of it.
pub fn write_all(
    products: &[Product],
    base: &mut Base,
    formats: &[Format],
    output: &mut Output,
    listener: &dyn Listener,
) -> Result<Vec<Package>> {
    let formats: Vec<(Format, &dyn Writer)> =
        formats.iter().filter_map(|format| writer(*format).map(|writer| (*format, writer))).collect();
    // What the first package learns holds for the others.
    let (first, others) = products.split_at(if base.is_read() { 0 } else { 1 });
    let mut packages = Vec::new();
    for products in [first, others] {
        let mut learned = Vec::new();
        for written in write_some(products, base, &formats, output, listener)? {
            written.files.into_iter().for_each(|(file, name)| output.keep(file, name));
            packages.push(written.package);
            learned = written.learned;
        }
        base.learn(learned);
    }
    Ok(packages)
}

fn write_some(
    products: &[Product],
    base: &Base,
    formats: &[(Format, &'static dyn Writer)],
    output: &Output,
    listener: &dyn Listener,
) -> Result<Vec<Written>> {
    // Each format's lists of files take memory, some 6 MiB for a hundred thousand.
    const MANY_FILES: usize = 20_000;
    const VERY_MANY_FILES: usize = 250_000;
    let threads = match base.files.len() {
        VERY_MANY_FILES.. => 1,
        // One that compresses by itself takes all threads for that.
        _ if formats.iter().any(|(_, writer)| writer.compression().is_none()) => 1,
        MANY_FILES.. => formats.len(),
        _ => base.store.pool().current_num_threads().max(formats.len()),
    };
    let shared = products.iter().map(|_| Mutex::new(Weak::new())).collect();
    let jobs = Jobs { base, products, formats, next: AtomicUsize::new(0), shared };
    let written: Vec<Result<Vec<Written>>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(|| jobs.write(output, listener))).collect();
        let lost = |_| Err(Error::new("a worker thread ended without a result"));
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(lost)).collect()
    });
    let mut written: Vec<Written> = written.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
    written.sort_by_key(|one| one.index);
    Ok(written)
}

fn one(job: &Job, format: Format, writer: &dyn Writer, output: &Output, listener: &dyn Listener) -> Result<Written> {
    let began = Instant::now();
    let written = writer.write(job, &|| output.partial(), listener)?;
    let file = output.name(written.name);
    let (mut cabinets, mut files) = (Vec::new(), vec![(written.file, file.clone())]);
    for mut beside in written.beside {
        let (size, sha256) = digest(beside.file.as_file_mut()).or_cannot("read", beside.file.path())?;
        cabinets.push(Cabinet { file: beside.name.clone(), size, sha256 });
        files.push((beside.file, beside.name));
    }
    let package = Package {
        file,
        format: format.into(),
        target: job.base.target.name().into(),
        site: job.product.site_name().map(str::to_owned),
        overlay: false,
        size: written.size,
        sha256: written.sha256,
        cabinets,
        signed: None,
        content: written.content,
        took: began.elapsed(),
    };
    Ok(Written { index: 0, package, files, learned: written.learned })
}
