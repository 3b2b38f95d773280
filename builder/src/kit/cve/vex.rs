//! Vendors' statements of what affects their products: CSAF 2.0 (profile VEX) and OpenVEX 0.2.

use super::purl::Purl;
use crate::error::{Error, Result};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// What is known of a component and a vulnerability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It is affected, as far as is known.
    Affected,
    /// The vendor looks into it.
    UnderInvestigation,
    /// The vendor says that this version is mended.
    Fixed,
    /// The vendor says that it is not affected.
    NotAffected,
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The vulnerability and its other names.
    pub ids: Vec<String>,
    /// What it is about: a product of the bill, or a component.
    pub product: Purl,
    /// Where the product is a whole: the component in it.
    pub component: Option<Purl>,
    /// What is said.
    pub status: Status,
    /// Why, in the vendor's words.
    pub why: String,
}

/// Reads a document of statements.
///
/// # Errors
/// It is neither CSAF nor OpenVEX.
pub fn read(document: &Value) -> Result<Vec<Statement>> {
    if document["document"]["csaf_version"].is_string() {
        return Ok(csaf(document));
    }
    if document["@context"].as_str().is_some_and(|context| context.contains("openvex")) {
        return Ok(openvex(document));
    }
    Err(Error::new("it is neither CSAF 2.0 nor OpenVEX")
        .help("give documents in one of these forms with --vex; OSV goes to --osv"))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn texts(value: &Value) -> impl Iterator<Item = String> + '_ {
    list(value).filter_map(|text| text.as_str().map(str::to_owned))
}

fn csaf(document: &Value) -> Vec<Statement> {
    let mut products: BTreeMap<String, (Purl, Option<Purl>)> = BTreeMap::new();
    let tree = &document["product_tree"];
    let mut open: Vec<(&Value, Named)> = vec![(tree, Named::default())];
    while let Some((branch, above)) = open.pop() {
        let named = above.and(branch);
        open.extend(list(&branch["branches"]).map(|inner| (inner, named)));
        for product in list(&branch["full_product_names"]).chain(branch.get("product")) {
            let purl = product["product_identification_helper"]["purl"].as_str().and_then(Purl::read).or_else(|| named.purl());
            if let (Some(id), Some(purl)) = (product["product_id"].as_str(), purl) {
                products.insert(id.to_owned(), (purl, None));
            }
        }
    }
    for relation in list(&tree["relationships"]) {
        let known = |field: &str| relation[field].as_str().and_then(|id| products.get(id)).map(|(purl, _)| purl.clone());
        let (part, whole) = (known("product_reference"), known("relates_to_product_reference"));
        let id = relation["full_product_name"]["product_id"].as_str();
        // Of distributions, which have no package URL, the part alone is known.
        match (id, part, whole) {
            (Some(id), Some(part), Some(whole)) => drop(products.insert(id.to_owned(), (whole, Some(part)))),
            (Some(id), Some(part), None) => drop(products.insert(id.to_owned(), (part, None))),
            _ => {}
        }
    }
    const STATES: [(&str, Status); 6] = [
        ("known_affected", Status::Affected),
        ("first_affected", Status::Affected),
        ("last_affected", Status::Affected),
        ("under_investigation", Status::UnderInvestigation),
        ("fixed", Status::Fixed),
        ("known_not_affected", Status::NotAffected),
    ];
    let mut statements = Vec::new();
    for vulnerability in list(&document["vulnerabilities"]) {
        let others = list(&vulnerability["ids"]).filter_map(|id| id["text"].as_str().map(str::to_owned));
        let ids: Vec<String> = vulnerability["cve"].as_str().map(str::to_owned).into_iter().chain(others).collect();
        for (field, status) in STATES {
            for id in texts(&vulnerability["product_status"][field]) {
                if let Some((product, component)) = products.get(&id).cloned() {
                    statements.push(Statement {
                        ids: ids.clone(),
                        product,
                        component,
                        status,
                        why: csaf_why(vulnerability, &id),
                    });
                }
            }
        }
    }
    statements
}

/// What the branches above a product call it: many documents have no package URLs.
#[derive(Clone, Copy, Default)]
struct Named<'a> {
    name: Option<&'a str>,
    version: Option<&'a str>,
}

impl<'a> Named<'a> {
    fn and(self, branch: &'a Value) -> Named<'a> {
        let name = branch["name"].as_str();
        match branch["category"].as_str() {
            Some("product_name") => Named { name, ..self },
            Some("product_version") => Named { version: name, ..self },
            // Of ranges only the one that is all versions.
            Some("product_version_range") if name == Some("vers:all/*") => Named { version: Some(""), ..self },
            _ => self,
        }
    }

    /// As the bill's own product is called where it has no package URL.
    fn purl(self) -> Option<Purl> {
        let name = self.name?.to_lowercase().split_whitespace().collect::<Vec<_>>().join("-");
        Some(Purl { kind: "generic".into(), name, version: self.version?.to_owned(), ..Purl::default() })
    }
}

/// Flags and impacts that name the product, or none.
fn csaf_why(vulnerability: &Value, product: &str) -> String {
    let about = |one: &&Value| {
        let products = one["product_ids"].as_array();
        products.is_none_or(|products| products.iter().any(|id| id == product))
    };
    let flags = list(&vulnerability["flags"]).filter(about).filter_map(|flag| flag["label"].as_str());
    let impacts = list(&vulnerability["threats"])
        .filter(|threat| threat["category"] == "impact")
        .filter(about)
        .filter_map(|threat| threat["details"].as_str());
    flags.chain(impacts).collect::<Vec<_>>().join("; ")
}

fn openvex(document: &Value) -> Vec<Statement> {
    let mut statements = Vec::new();
    for statement in list(&document["statements"]) {
        let status = match statement["status"].as_str() {
            Some("not_affected") => Status::NotAffected,
            Some("affected") => Status::Affected,
            Some("fixed") => Status::Fixed,
            Some("under_investigation") => Status::UnderInvestigation,
            _ => continue,
        };
        let vulnerability = &statement["vulnerability"];
        let name = vulnerability.as_str().or(vulnerability["name"].as_str()).map(str::to_owned);
        let ids: Vec<String> = name.into_iter().chain(texts(&vulnerability["aliases"])).collect();
        let why = ["justification", "impact_statement", "action_statement"];
        let why = why.iter().filter_map(|field| statement[field].as_str()).collect::<Vec<_>>().join("; ");
        for product in list(&statement["products"]) {
            let Some(purl) = identified(product) else { continue };
            let mut parts: Vec<Option<Purl>> = list(&product["subcomponents"]).map(identified).collect();
            if parts.is_empty() {
                parts.push(None);
            } else {
                // A part that cannot be told would be all of the product.
                parts.retain(Option::is_some);
            }
            statements.extend(parts.into_iter().map(|component| Statement {
                ids: ids.clone(),
                product: purl.clone(),
                component,
                status,
                why: why.clone(),
            }));
        }
    }
    statements
}

fn identified(product: &Value) -> Option<Purl> {
    let purl = product["identifiers"]["purl"].as_str().or(product["@id"].as_str()).or(product.as_str());
    purl.and_then(Purl::read)
}

impl Statement {
    /// Whether it speaks of a vulnerability by one of these names.
    pub fn is_of(&self, ids: &[&str]) -> bool {
        self.ids.iter().any(|id| ids.contains(&id.as_str()))
    }

    /// Whether it speaks of this component of a bill of this product.
    pub fn is_about(&self, component: &Purl, product: Option<&Purl>) -> bool {
        match &self.component {
            Some(part) => part.means(component) && product.is_some_and(|product| self.product.means(product)),
            None => self.product.means(component) || product.is_some_and(|product| self.product.means(product)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purl(text: &str) -> Purl {
        Purl::read(text).unwrap()
    }

    #[test]
    fn csaf_says_it_of_products_and_of_parts_in_them() {
        let document = serde_json::json!({
            "document": { "csaf_version": "2.0" },
            "product_tree": {
                "branches": [{ "branches": [{ "product": { "product_id": "P",
                    "product_identification_helper": { "purl": "pkg:generic/agent@1.0" } } }] }],
                "full_product_names": [{ "product_id": "L", "product_identification_helper": { "purl": "pkg:deb/debian/libfoo" } }],
                "relationships": [{ "product_reference": "L", "relates_to_product_reference": "P",
                    "full_product_name": { "product_id": "P:L" } }],
            },
            "vulnerabilities": [{ "cve": "CVE-1",
                "product_status": { "known_not_affected": ["P:L"], "known_affected": ["L"] },
                "flags": [{ "label": "vulnerable_code_not_present", "product_ids": ["P:L"] }] }],
        });
        let statements = read(&document).unwrap();
        let (part, product) = (purl("pkg:deb/debian/libfoo@1.2"), purl("pkg:generic/agent@1.0"));
        let said = |product: Option<&Purl>| -> Vec<Status> {
            statements.iter().filter(|one| one.is_about(&part, product)).map(|one| one.status).collect()
        };
        assert_eq!(said(Some(&product)), [Status::Affected, Status::NotAffected]);
        assert_eq!(said(None), [Status::Affected]);
        assert_eq!(statements.iter().find(|one| one.status == Status::NotAffected).unwrap().why, "vulnerable_code_not_present");
    }

    #[test]
    fn a_product_without_a_package_url_is_known_by_the_names_of_its_branches() {
        let product = |category: &str, name: &str, id: &str| serde_json::json!({ "category": category, "name": name, "product": { "product_id": id } });
        let document = serde_json::json!({
            "document": { "csaf_version": "2.0" },
            "product_tree": { "branches": [{ "category": "vendor", "name": "Acme", "branches": [
                { "category": "product_name", "name": "Acme Agent", "branches": [product("product_version", "4.2", "A"), product("product_version_range", "vers:all/*", "B"), product("product_version_range", "<4.2", "C")] }] }] },
            "vulnerabilities": [{ "cve": "CVE-1", "product_status": { "known_affected": ["A"], "under_investigation": ["B"], "fixed": ["C"] } }],
        });
        let said = |text: &str| -> Vec<Status> {
            let statements = read(&document).unwrap();
            statements.iter().filter(|one| one.is_about(&purl("pkg:npm/x@1"), Some(&purl(text)))).map(|one| one.status).collect()
        };
        assert_eq!(said("pkg:generic/acme-agent@4.2"), [Status::Affected, Status::UnderInvestigation]);
        assert_eq!(said("pkg:generic/acme-agent@4.1"), [Status::UnderInvestigation]);
        assert_eq!(said("pkg:generic/other@4.2"), []);
    }

    #[test]
    fn openvex_is_read_and_anything_else_refused() {
        let document = serde_json::json!({
            "@context": "https://openvex.dev/ns/v0.2.0",
            "statements": [
                { "vulnerability": { "name": "CVE-2", "aliases": ["GHSA-2"] }, "status": "not_affected",
                  "justification": "component_not_present",
                  "products": [{ "@id": "pkg:generic/agent@1.0", "subcomponents": [{ "@id": "no purl" }, { "@id": "pkg:npm/a@1" }] }] },
                { "vulnerability": "CVE-3", "status": "nonsense", "products": [{ "@id": "pkg:npm/a@1" }] },
            ],
        });
        let statements = read(&document).unwrap();
        assert_eq!(statements.len(), 1);
        assert!(statements[0].is_of(&["GHSA-2"]) && !statements[0].is_of(&["CVE-3"]));
        assert!(statements[0].is_about(&purl("pkg:npm/a@1"), Some(&purl("pkg:generic/agent@1.0"))));
        assert!(!statements[0].is_about(&purl("pkg:npm/a@2"), Some(&purl("pkg:generic/agent@1.0"))));
        assert!(read(&serde_json::json!({ "id": "OSV-1" })).unwrap_err().what().contains("neither CSAF"));
    }
}
