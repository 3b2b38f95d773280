//! The documents beside the packages: bills of materials, one of each form a target, and the provenance of all.

use super::output::{file_sha256, Output};
use super::{Document, Options, Report};
use crate::error::{Error, Result};
use crate::format::stream::Digesting;
use crate::format::{folders, Base, CONNECTOR};
use crate::manifest::Product;
use crate::payload::Kind;
use crate::trust::provenance::{self, Material, Parameters};
use crate::trust::record::Input;
use crate::trust::sbom::{self, File, Part};
use sha2::{Digest, Sha256};
use std::io::{BufWriter, Write};

/// Writes a target's bills of materials. Sites share them: a site changes settings, not content.
pub fn bills(product: &Product, base: &Base, inputs: &[Input], output: &mut Output) -> Result<Vec<Document>> {
    let folders = folders(product, base.target);
    let files = |part: usize| -> sbom::FileList { Box::new(files_below(base, folders[part].clone())) };
    let content: Vec<&str> = inputs.iter().map(|input| input.sha256.as_str()).collect();
    let subject = sbom::Subject {
        product: product_part(product),
        parts: parts(product, base),
        target: base.target.name(),
        created: base.mtime,
        content: hex::encode(Sha256::digest(content.concat())),
        files: &files,
    };
    let name = |ending: &str| format!("{}-{}.{ending}", stem(product), base.target.name());
    let target = Some(base.target.name());
    Ok(vec![
        write_document("cyclonedx", name("cdx.json"), target, output, |out| sbom::write_cyclonedx(&subject, out))?,
        write_document("spdx", name("spdx.json"), target, output, |out| sbom::write_spdx(&subject, out))?,
    ])
}

/// Writes the provenance of all that `report` names.
pub fn provenance(
    product: &Product,
    sites: Vec<(String, String)>,
    options: &Options,
    report: &Report,
    inputs: &[Input],
    output: &mut Output,
) -> Result<Document> {
    let subject = |name, sha256| provenance::Subject { name, sha256 };
    let mut subjects = Vec::new();
    for package in &report.packages {
        subjects.push(subject(&package.file, &package.sha256));
        subjects.extend(package.cabinets.iter().map(|cabinet| subject(&cabinet.file, &cabinet.sha256)));
    }
    subjects.extend(report.documents.iter().map(|document| subject(&document.file, &document.sha256)));
    let material = |input| {
        let Input { name, target, sources, sha256, .. }: &Input = input;
        Material { name, target, sources, tree_sha256: sha256 }
    };
    let materials: Vec<Material> = inputs.iter().map(material).collect();
    let manifest_sha256 = file_sha256(&options.manifest)?;
    let mut parameters = Parameters {
        manifest_sha256: &manifest_sha256,
        given: product.given().clone(),
        sites,
        codec: report.codec.as_deref(),
        epoch: options.epoch,
        ..Parameters::default()
    };
    for package in report.packages.iter().filter(|package| !package.overlay) {
        add(&mut parameters.formats, package.format.name());
        add(&mut parameters.targets, &package.target);
    }
    write_document("provenance", format!("{}.provenance.json", stem(product)), None, output, |out| {
        provenance::write(&subjects, &materials, &parameters, out)
            .map_err(|error| Error::failed("cannot write the provenance", &error))
    })
}

fn add<'a>(names: &mut Vec<&'a str>, name: &'a str) {
    if !names.contains(&name) {
        names.push(name);
    }
}

/// NAME-VERSION.
fn stem(product: &Product) -> String {
    let table = &product.manifest().product;
    format!("{}-{}", table.name, table.version.as_str())
}

fn write_document(
    kind: &'static str,
    file: String,
    target: Option<&'static str>,
    output: &mut Output,
    write: impl FnOnce(&mut dyn Write) -> Result<()>,
) -> Result<Document> {
    let file = output.name(file);
    let partial = output.partial()?;
    let mut out = BufWriter::with_capacity(1 << 18, Digesting::new(&partial));
    let full = |error: Error| {
        error.note(format!("while writing {file}")).help("free some space in the output folder, or choose another with -o DIR")
    };
    write(&mut out).map_err(full)?;
    let digesting = out.into_inner().map_err(|error| full(Error::failed(&format!("cannot write {file}"), error.error())))?;
    let (size, sha256) = digesting.finish();
    output.keep(partial, file.clone());
    Ok(Document { file, kind: kind.into(), target: target.map(Into::into), size, sha256 })
}

fn product_part(product: &Product) -> Part {
    let table = &product.manifest().product;
    Part {
        title: Some(table.title.to_string()),
        version: Some(table.version.to_string()),
        description: table.description.trim().lines().next().map(str::to_owned),
        supplier: Some(table.publisher.to_string()),
        license: Some(table.license.to_string()),
        homepage: table.homepage.as_ref().map(ToString::to_string),
        ..Part::named(table.name.as_str())
    }
}

/// The connector, then the containers.
fn parts(product: &Product, base: &Base) -> Vec<Part> {
    let of = |part: Part| match base.origins.iter().find(|origin| origin.role == part.role) {
        Some(origin) => part.of_package(&origin.package),
        None => part,
    };
    let containers = product.containers(base.target).map(|(container, _)| {
        let part = of(Part {
            title: container.title.as_ref().map(ToString::to_string),
            version: container.version.as_ref().map(ToString::to_string),
            ..Part::named(container.name.as_str())
        });
        // What the manifest says is said on purpose; a vendor's package is asked for the rest.
        Part {
            license: container.license.as_ref().map(ToString::to_string).or(part.license),
            supplier: container.supplier.as_ref().map(ToString::to_string).or(part.supplier),
            purl: container.purl.as_ref().map(ToString::to_string).or(part.purl),
            ..part
        }
    });
    let table = &product.manifest().product;
    let connector = Part {
        version: Some(table.version.to_string()),
        supplier: Some(table.publisher.to_string()),
        license: Some(table.license.to_string()),
        ..Part::named(CONNECTOR)
    };
    std::iter::once(of(connector)).chain(containers).collect()
}

/// The regular files below a folder, as their sources have them.
fn files_below<'a>(base: &'a Base, folder: String) -> impl Iterator<Item = File<'a>> {
    base.files.iter().filter_map(move |file| {
        let path = file.entry.path.as_bytes();
        match (&file.entry.kind, file.digests) {
            (Kind::File(content), Some(digests)) if path.starts_with(folder.as_bytes()) => {
                Some(File { path, sha256: digests.sha256, content, may_be_program: file.may_be_program })
            }
            _ => None,
        }
    })
}
