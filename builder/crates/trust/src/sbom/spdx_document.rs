//! SPDX 2.3 in JSON: product, connector and containers as packages, and every file.
//!
//! A file is an SPDX *package* whose purpose is FILE: an SPDX *file* has to carry a SHA-1, for which all content would be digested a
//! second time, by an algorithm that proves nothing any more. Format: https://spdx.github.io/spdx-spec/v2.3/

use super::stream::{Failure, List};
use super::{identifier, time, File, Part, Subject, TOOL};
use base::error::Result;
use serde::Serialize;
use serde_json::{json, Value};
use std::collections::BTreeMap;
use std::io::Write;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<P, R> {
    spdx_version: &'static str,
    data_license: &'static str,
    #[serde(rename = "SPDXID")]
    spdx_id: &'static str,
    name: String,
    document_namespace: String,
    creation_info: Value,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    has_extracted_licensing_infos: Vec<Value>,
    packages: P,
    relationships: R,
}

/// A part or a file.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Package {
    #[serde(rename = "SPDXID")]
    spdx_id: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_info: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    supplier: Option<String>,
    download_location: &'static str,
    files_analyzed: bool,
    primary_package_purpose: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    homepage: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    license_declared: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checksums: Vec<Checksum>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_refs: Vec<Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checksum {
    algorithm: &'static str,
    checksum_value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Relationship {
    spdx_element_id: String,
    relationship_type: &'static str,
    related_spdx_element: String,
}

const DOCUMENT: &str = "SPDXRef-DOCUMENT";
const PRODUCT: &str = "SPDXRef-Product";
const NO_ASSERTION: &str = "NOASSERTION";

/// Writes the document.
///
/// # Errors
/// It cannot be written.
pub fn write(subject: &Subject, out: &mut dyn Write) -> Result<()> {
    let parts = || subject.parts.iter().enumerate();
    let packages = || {
        let own = std::iter::once(part_package(PRODUCT.to_owned(), &subject.product));
        own.chain(parts().flat_map(|(index, part)| {
            let files = (subject.files)(index).enumerate().map(move |(at, file)| file_package(file_id(index, at), &file));
            std::iter::once(part_package(part_id(index), part)).chain(files)
        }))
    };
    let relationships = || {
        let describes = relationship(DOCUMENT.to_owned(), "DESCRIBES", PRODUCT.to_owned());
        std::iter::once(describes).chain(parts().flat_map(|(index, _)| {
            let inside = (subject.files)(index).enumerate();
            let inside = inside.map(move |(at, _)| relationship(part_id(index), "CONTAINS", file_id(index, at)));
            std::iter::once(relationship(PRODUCT.to_owned(), "CONTAINS", part_id(index))).chain(inside)
        }))
    };
    let product = &subject.product;
    let name = format!("{}-{}-{}", product.name, product.version.as_deref().unwrap_or_default(), subject.target);
    let mut creators = vec![format!("Tool: {}-{}", TOOL[0], TOOL[1])];
    creators.extend(product.supplier().map(|name| format!("Organization: {name}")));
    let document = Document {
        spdx_version: "SPDX-2.3",
        data_license: "CC0-1.0",
        spdx_id: DOCUMENT,
        document_namespace: format!("https://spdx.org/spdxdocs/{name}-{}", identifier(subject, "spdx")),
        name,
        creation_info: json!({ "created": time(subject.created), "creators": creators }),
        has_extracted_licensing_infos: other_licences(subject),
        packages: List(packages),
        relationships: List(relationships),
    };
    Failure::default().write(&document, out)
}

fn part_id(index: usize) -> String {
    format!("SPDXRef-Part-{index}")
}

fn file_id(part: usize, at: usize) -> String {
    format!("SPDXRef-File-{part}-{at}")
}

fn relationship(of: String, kind: &'static str, to: String) -> Relationship {
    Relationship { spdx_element_id: of, relationship_type: kind, related_spdx_element: to }
}

/// Licences outside of SPDX's list, each once.
fn other_licences(subject: &Subject) -> Vec<Value> {
    let all = std::iter::once(&subject.product).chain(&subject.parts);
    let others: BTreeMap<String, String> = all.filter_map(Part::licence).flat_map(|licence| licence.others).collect();
    let text = |name: &str| match name {
        "" => "The package names no licence.".to_owned(),
        name => format!("The package's licence is named \"{name}\"."),
    };
    others.iter().map(|(id, name)| json!({ "licenseId": id, "name": id, "extractedText": text(name) })).collect()
}

fn part_package(spdx_id: String, part: &Part) -> Package {
    let purl = part
        .purl
        .as_ref()
        .map(|purl| json!({ "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl }));
    Package {
        spdx_id,
        name: part.name.clone(),
        version_info: part.version.clone(),
        supplier: Some(part.supplier().map_or_else(|| NO_ASSERTION.to_owned(), |name| format!("Organization: {name}"))),
        download_location: NO_ASSERTION,
        files_analyzed: false,
        primary_package_purpose: "APPLICATION",
        homepage: part.homepage().map(str::to_owned),
        license_declared: Some(part.licence().map_or_else(|| NO_ASSERTION.to_owned(), |licence| licence.expression)),
        summary: part.description.clone(),
        comment: part.depends.as_ref().map(|depends| format!("Depends: {depends}")),
        checksums: Vec::new(),
        external_refs: purl.into_iter().collect(),
    }
}

fn file_package(spdx_id: String, file: &File) -> Package {
    Package {
        spdx_id,
        name: file.name().into_owned(),
        version_info: None,
        supplier: None,
        download_location: NO_ASSERTION,
        files_analyzed: false,
        primary_package_purpose: "FILE",
        homepage: None,
        license_declared: None,
        summary: None,
        comment: None,
        checksums: vec![Checksum { algorithm: "SHA256", checksum_value: hex::encode(file.sha256) }],
        external_refs: Vec::new(),
    }
}
