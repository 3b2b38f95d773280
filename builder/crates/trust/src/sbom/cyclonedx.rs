//! CycloneDX 1.6 in JSON: product, connector and containers as components, programs as components within them.
//! Format: https://cyclonedx.org/docs/1.6/json/

use super::stream::{Failure, List};
use super::{identifier, time, File, Part, Subject, TOOL};
use base::error::Result;
use payload::elf::{self, Elf};
use payload::program::{self, Binary};
use serde::Serialize;
use serde_json::{json, Value};
use std::io::Write;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bom<'a, C> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    bom_format: &'static str,
    spec_version: &'static str,
    serial_number: String,
    version: u32,
    metadata: Value,
    components: C,
    dependencies: Vec<Dependency<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dependency<'a> {
    #[serde(rename = "ref")]
    reference: &'a str,
    depends_on: Vec<&'a str>,
}

#[derive(Serialize)]
struct Component<'p, C> {
    #[serde(flatten)]
    part: PartComponent<'p>,
    components: C,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PartComponent<'p> {
    r#type: &'static str,
    #[serde(rename = "bom-ref")]
    bom_ref: &'p str,
    #[serde(skip_serializing_if = "Option::is_none")]
    supplier: Option<Value>,
    name: &'p str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    licenses: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_references: Option<Value>,
    properties: Vec<Value>,
}

#[derive(Serialize)]
struct FileComponent {
    r#type: &'static str,
    #[serde(rename = "bom-ref")]
    bom_ref: String,
    name: String,
    hashes: [Value; 1],
    properties: Vec<Value>,
}

/// Writes the document.
///
/// # Errors
/// A file cannot be read, or the document not be written.
pub fn write(subject: &Subject, out: &mut dyn Write) -> Result<()> {
    let failure = &Failure::default();
    let references: Vec<String> = subject.parts.iter().map(|part| format!("part/{}", part.role)).collect();
    let components = || {
        subject.parts.iter().zip(&references).enumerate().map(|(index, (part, reference))| {
            let programs = List(move || {
                let listed = move |(at, file): (usize, File)| program_component(reference, at, &file, failure);
                (subject.files)(index).enumerate().filter_map(listed)
            });
            Component { part: part_component(part, reference, subject), components: programs }
        })
    };
    let product = part_component(&subject.product, PRODUCT, subject);
    let inner: Vec<&str> = references.iter().map(String::as_str).collect();
    let alone = inner.iter().map(|reference| Dependency { reference, depends_on: Vec::new() });
    let dependencies = std::iter::once(Dependency { reference: PRODUCT, depends_on: inner.clone() }).chain(alone).collect();
    let bom = Bom {
        schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
        bom_format: "CycloneDX",
        spec_version: "1.6",
        serial_number: identifier(subject, "cyclonedx").urn().to_string(),
        version: 1,
        metadata: json!({
            "timestamp": time(subject.created),
            "tools": { "components": [{ "type": "application", "name": TOOL[0], "version": TOOL[1] }] },
            "component": product,
            "properties": [property("linkpack:target", subject.target)],
        }),
        components: List(components),
        dependencies,
    };
    failure.write(&bom, out)
}

const PRODUCT: &str = "product";

fn part_component<'p>(part: &'p Part, bom_ref: &'p str, subject: &Subject) -> PartComponent<'p> {
    let licenses = part.licence().map(|licence| match licence.name {
        Some(name) => json!([{ "license": { "name": if name.is_empty() { "unknown".to_owned() } else { name } } }]),
        None => json!([{ "expression": licence.expression }]),
    });
    let website = part.homepage().map(|url| json!([{ "type": "website", "url": url }]));
    let mut properties = Vec::new();
    let is_product = std::ptr::eq(part, &subject.product);
    if !is_product {
        properties.push(property("linkpack:part", &part.role));
    }
    properties.extend(part.depends.as_deref().map(|depends| property("linkpack:depends", depends)));
    properties.extend(part.title.as_deref().map(|title| property("linkpack:title", title)));
    PartComponent {
        r#type: "application",
        bom_ref,
        supplier: part.supplier().map(|name| json!({ "name": name })),
        name: &part.name,
        version: part.version.as_deref(),
        description: part.description.as_deref(),
        licenses,
        purl: part.purl.as_deref(),
        external_references: website,
        properties,
    }
}

/// A program or library; `None` for other files.
fn program_component(part: &str, at: usize, file: &File, failure: &Failure) -> Option<FileComponent> {
    if !file.may_be_program {
        return None;
    }
    let binary = failure.keep(program::of_content(file.content))?;
    let properties = match binary {
        Binary::Elf(elf) => elf_properties(&elf),
        Binary::Pe(pe) => {
            let mut all = vec![property("linkpack:pe:machine", &pe.machine.to_string())];
            all.extend(pe.version.map(|version| property("linkpack:pe:file-version", &version.number)));
            all.extend(pe.debug_id.map(|id| property("linkpack:pe:debug-id", &id)));
            all
        }
    };
    Some(FileComponent {
        r#type: "file",
        bom_ref: format!("{part}/{at}"),
        name: file.name().into_owned(),
        hashes: [json!({ "alg": "SHA-256", "content": hex::encode(file.sha256) })],
        properties,
    })
}

fn elf_properties(elf: &Elf) -> Vec<Value> {
    let mut all = vec![property("linkpack:elf:machine", &elf::machine_name(elf.machine))];
    all.extend(elf.build_id.as_deref().map(|id| property("linkpack:elf:build-id", id)));
    all.extend(elf.soname.as_deref().map(|name| property("linkpack:elf:soname", name)));
    all.extend(elf.glibc.map(|version| property("linkpack:elf:glibc", &version.to_string())));
    all.extend(elf.needed.iter().map(|name| property("linkpack:elf:needed", name)));
    all
}

fn property(name: &str, value: &str) -> Value {
    json!({ "name": name, "value": value })
}
