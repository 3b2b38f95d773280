//! Known vulnerabilities, offline: what a kit's advisories say of the components in its bills, and what the vendor says to that.
//!
//! Nothing is fetched: advisories (OSV) and statements (CSAF, OpenVEX) are given by the kit's maker, or by the site.

mod data;
mod osv;
mod purl;
mod version;
mod vex;

pub use data::{Data, FOLDER};

use super::input::json;
use super::old::OldKit;
use super::stage::digest;
use crate::error::{plain_line, Error, Result};
use crate::inspect::verify::SUMS;
use osv::Advisory;
use purl::Purl;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use vex::{Statement, Status};

/// What is to be looked up.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The kit.
    pub kit: PathBuf,
    /// Advisories besides those in the kit.
    pub osv: Vec<PathBuf>,
    /// Statements besides those in the kit.
    pub vex: Vec<PathBuf>,
}

/// What came of it.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct Report {
    /// The version of this document: 1.
    pub format: u32,
    /// Where the kit lies.
    pub kit: String,
    /// Components with a package URL.
    pub components: usize,
    /// Components that could not be looked up: they have no package URL, or one whose ecosystem is unknown.
    pub not_looked_up: Vec<String>,
    /// Advisories that were read.
    pub advisories: usize,
    /// Statements that were read.
    pub statements: usize,
    /// How many findings are not cleared by a statement.
    pub open: usize,
    /// What is known.
    pub findings: Vec<Finding>,
}

/// A component and an advisory that is about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
pub struct Finding {
    /// Affected, or what the vendor says.
    pub status: Status,
    /// The advisory.
    pub id: String,
    /// Other names of it.
    pub aliases: Vec<String>,
    /// The component's package URL.
    pub component: String,
    /// One line about it.
    pub summary: String,
    /// How bad it is, in the advisory's words.
    pub severity: Option<String>,
    /// The releases of the distribution that the advisory is about, such as `Debian:12`, a comma between them.
    pub release: Option<String>,
    /// Versions in which it is mended.
    pub fixed: Vec<String>,
    /// Why the vendor says so.
    pub why: Option<String>,
    /// The bills that name the component.
    pub bills: Vec<String>,
}

impl Finding {
    /// Whether the vendor has not cleared it.
    pub fn is_open(&self) -> bool {
        matches!(self.status, Status::Affected | Status::UnderInvestigation)
    }
}

/// A component of the bills.
struct Component {
    purl: Purl,
    /// What advisories may call it.
    names: Vec<Purl>,
    text: String,
    /// The bills that name it, and the products that these are of.
    bills: BTreeMap<String, Option<Purl>>,
}

/// Matches a kit's bills with what is known.
///
/// # Errors
/// It is not a kit, was changed, carries nothing to look up and nothing was given; a file cannot be read.
pub fn look_up(request: &Request) -> Result<Report> {
    let kit = OldKit::read_signed(&request.kit)?;
    let data = data(&request.kit, &kit, request)?;
    if data.is_empty() {
        return Err(Error::new(format!("{} carries no advisories", request.kit.display()))
            .help("ask its maker for a kit made with --osv and --vex, or give files that you trust: --osv FILE, --vex FILE"));
    }
    let mut not_looked_up = BTreeSet::new();
    let bills: Vec<&String> = kit.sums.keys().filter(|path| is_bill(path)).collect();
    bills.iter().try_for_each(|path| whole(&request.kit, &kit, path))?;
    let components = components(&request.kit, &bills, &mut not_looked_up)?;
    let of_each = data.iter().map(Data::statements).collect::<Result<Vec<_>>>()?;
    let statements = of_each.concat();
    let (mut advisories, mut findings) = (0, Vec::new());
    for (one, own) in data.iter().zip(&of_each) {
        let before = advisories;
        one.advisories(&mut |advisory| {
            advisories += 1;
            findings.extend(components.iter().filter_map(|component| finding(component, &advisory, &statements)));
            Ok(())
        })?;
        one.holds(own.len() + advisories - before)?;
    }
    if components.is_empty() {
        let mut error = Error::new(format!("none of the components of {} can be looked up", request.kit.display()))
            .help("its maker gives them package URLs: purl = \"pkg:...\" in the manifest, or a .deb or .rpm as their source");
        for one in not_looked_up.iter().take(5) {
            error = error.note(format!("not looked up: {one}"));
        }
        return Err(error);
    }
    findings.extend(statements_alone(&components, &statements, &findings));
    findings.sort();
    findings.dedup();
    Ok(Report {
        format: 1,
        kit: request.kit.display().to_string(),
        components: components.len(),
        not_looked_up: not_looked_up.into_iter().collect(),
        advisories,
        statements: statements.len(),
        open: findings.iter().filter(|finding| finding.is_open()).count(),
        findings,
    })
}

/// The kit's own files, which have to be what its list says, and those that were given.
fn data(folder: &Path, kit: &OldKit, request: &Request) -> Result<Vec<Data>> {
    let mut found = Vec::new();
    for path in kit.sums.keys().filter(|path| path.starts_with(FOLDER)) {
        whole(folder, kit, path)?;
        found.extend(Data::in_kit(path, folder.join(path)));
    }
    found.extend(Data::given(&request.osv, &request.vex)?);
    Ok(found)
}

fn whole(folder: &Path, kit: &OldKit, path: &str) -> Result<()> {
    match kit.sums.get(path) == Some(&digest(&folder.join(path))?.1) {
        true => Ok(()),
        false => Err(Error::new(format!("{} is not what {SUMS} says", folder.join(path).display())).help("copy the kit again")),
    }
}

fn is_bill(path: &str) -> bool {
    path.starts_with("sbom/") && path.ends_with(".cdx.json")
}

/// Whether advisories can be about anything in the kit that lies in `folder` and has these files.
///
/// # Errors
/// A bill cannot be read.
pub fn can_look_up<'a>(folder: &Path, paths: impl Iterator<Item = &'a String>) -> Result<bool> {
    let bills: Vec<&String> = paths.filter(|path| is_bill(path)).collect();
    let found = components(folder, &bills, &mut BTreeSet::new())?;
    Ok(found.iter().any(|component| component.purl.in_osv().is_some()))
}

/// Components of all bills, however deep.
fn components(folder: &Path, bills: &[&String], unknown: &mut BTreeSet<String>) -> Result<Vec<Component>> {
    let mut found: BTreeMap<String, Component> = BTreeMap::new();
    for path in bills {
        let bill = json(&folder.join(path))?;
        let root = &bill["metadata"]["component"];
        // Our products have no package URL of their own; statements name them so.
        let product = root["purl"].as_str().and_then(Purl::read).or_else(|| {
            let text = |field: &str| root[field].as_str().unwrap_or_default().to_owned();
            let generic = Purl { kind: "generic".into(), name: text("name"), version: text("version"), ..Purl::default() };
            (!generic.name.is_empty()).then_some(generic)
        });
        let mut open: Vec<&Value> = vec![&bill, root];
        while let Some(above) = open.pop() {
            for component in above["components"].as_array().into_iter().flatten() {
                open.push(component);
                let text = component["purl"].as_str().unwrap_or_default();
                match Purl::read(text) {
                    Some(purl) => {
                        if purl.in_osv().is_none() {
                            unknown.insert(text.to_owned());
                        }
                        let names = purl.known_as();
                        let new = Component { purl, names, text: text.to_owned(), bills: BTreeMap::new() };
                        found.entry(text.to_owned()).or_insert(new).bills.insert((*path).clone(), product.clone());
                    }
                    None if component["type"] == "file" => {}
                    None => {
                        let field = |name: &str| component[name].as_str().unwrap_or_default();
                        unknown.insert(format!("{} {}", field("name"), field("version")).trim().to_owned());
                    }
                }
            }
        }
    }
    Ok(found.into_values().collect())
}

fn finding(component: &Component, advisory: &Advisory, statements: &[Statement]) -> Option<Finding> {
    let matched = advisory.affects(&component.names)?;
    let about = advisory.about();
    let ids: Vec<&str> = std::iter::once(&advisory.id).chain(&advisory.aliases).map(String::as_str).collect();
    let of = |ids: &[&str]| said(component, statements.iter().filter(|statement| statement.is_of(ids)));
    // One that is about several vulnerabilities is cleared when each of them is.
    let of_each =
        || about.iter().map(|id| of(&[id.as_str()])).collect::<Option<Vec<_>>>()?.into_iter().min_by_key(|one| one.status);
    let said = of(&ids).or_else(of_each);
    Some(Finding {
        status: said.map_or(Status::Affected, |statement| statement.status),
        id: advisory.id.clone(),
        aliases: advisory.aliases.iter().chain(about).cloned().collect(),
        component: component.text.clone(),
        summary: advisory.summary.clone(),
        severity: advisory.severity(),
        release: (!matched.releases.is_empty()).then(|| Vec::from_iter(matched.releases).join(", ")),
        fixed: matched.fixed.into_iter().collect(),
        why: said.map(|statement| statement.why.clone()).filter(|why| !why.is_empty()),
        bills: component.bills.keys().cloned().collect(),
    })
}

/// What is said of the component in all bills that name it: cleared is what is cleared in each of them.
fn said<'a>(component: &Component, statements: impl Iterator<Item = &'a Statement>) -> Option<&'a Statement> {
    let statements: Vec<&Statement> = statements.collect();
    let mut worst: Option<&Statement> = None;
    for product in component.bills.values() {
        let about = statements.iter().filter(|statement| statement.is_about(&component.purl, product.as_ref()));
        // Statements of the component in this very product count more than those of the component alone; of equals the worse one.
        let best = about.min_by_key(|statement| (statement.component.is_none(), statement.status))?;
        if worst.is_none_or(|worst| best.status < worst.status) {
            worst = Some(best);
        }
    }
    worst
}

/// What vendors say of components that no advisory at hand is about.
fn statements_alone(components: &[Component], statements: &[Statement], findings: &[Finding]) -> Vec<Finding> {
    let mut alone = Vec::new();
    for component in components {
        let about = |statement: &&Statement| {
            let of = statement.component.as_ref().unwrap_or(&statement.product);
            of.means(&component.purl)
                && component.bills.values().any(|product| statement.is_about(&component.purl, product.as_ref()))
        };
        for statement in statements.iter().filter(about) {
            let known = findings.iter().any(|finding| {
                let names = || std::iter::once(&finding.id).chain(&finding.aliases);
                finding.component == component.text && names().any(|name| statement.ids.contains(name))
            });
            let (Some(id), false) = (statement.ids.first(), known) else { continue };
            let same = statements.iter().filter(|other| other.ids.contains(id));
            let Some(said) = said(component, same) else { continue };
            alone.push(Finding {
                status: said.status,
                id: id.clone(),
                aliases: statement.ids[1..].to_vec(),
                component: component.text.clone(),
                summary: String::new(),
                severity: None,
                release: None,
                fixed: Vec::new(),
                why: Some(said.why.clone()).filter(|why| !why.is_empty()),
                bills: component.bills.keys().cloned().collect(),
            });
        }
    }
    alone
}

impl Report {
    /// As text, a line for each finding.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for finding in &self.findings {
            let status = match finding.status {
                Status::Affected => "affected",
                Status::UnderInvestigation => "under investigation",
                Status::Fixed => "fixed",
                Status::NotAffected => "not affected",
            };
            let names = [std::slice::from_ref(&finding.id), finding.aliases.as_slice()].concat().join(" ");
            let mut line = format!("{status}: {names}: {}", finding.component);
            let more = [
                finding.severity.clone(),
                finding.release.clone(),
                (!finding.fixed.is_empty()).then(|| format!("mended in {}", finding.fixed.join(", "))),
                finding.why.as_ref().map(|why| format!("the vendor says: {why}")),
                (!finding.summary.is_empty()).then(|| finding.summary.clone()),
            ];
            for one in more.into_iter().flatten() {
                line += &format!("; {one}");
            }
            text += &(plain_line(line) + "\n");
        }
        for one in &self.not_looked_up {
            text += &(plain_line(format!("not looked up: {one}: it has no package URL of a known ecosystem")) + "\n");
        }
        let Report { components, advisories, statements, open, .. } = self;
        let known = self.findings.len();
        text + &format!(
            "{components} components, {advisories} advisories, {statements} statements: {known} known, {open} of them open\n"
        )
    }
}
