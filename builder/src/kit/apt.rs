//! The apt repository: <https://wiki.debian.org/DebianRepository/Format>, as far as apt 1.4 to 3 read it.

use super::input::{Item, Kind};
use super::stage::{Facts, Stage};
use super::Plan;
use crate::compress::again::gzip_text;
use crate::error::{Error, Result};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// Where it lies in the kit.
pub const FOLDER: &str = "linux/apt";
/// The one suite; endpoints' sources name it, so it stays.
pub const SUITE: &str = "stable";
const COMPONENT: &str = "main";
/// What `Architecture: all` alone is offered to.
const ALL_FOR: &str = "amd64";

/// Writes lists and signatures over the packages that lie in the pool already.
///
/// # Errors
/// The key fails, the disk is full.
pub fn write(stage: &Stage, items: &[Item], plan: &Plan) -> Result<()> {
    let files = stage.files();
    let debs: Vec<&Item> = items.iter().filter(|item| item.kind == Kind::Deb).collect();
    if debs.is_empty() {
        return Ok(());
    }
    let stanza = |item: &&Item| {
        let place = item.place();
        let path = place.strip_prefix(FOLDER).and_then(|path| path.strip_prefix('/')).unwrap_or(&place);
        (item.identity.architecture.clone(), stanza(&item.identity.control, path, &files[&place]))
    };
    let stanzas: Vec<(String, String)> = debs.iter().map(stanza).collect();
    let mut architectures: BTreeSet<&str> = stanzas.iter().map(|(architecture, _)| architecture.as_str()).collect();
    architectures.remove("all");
    if architectures.is_empty() {
        architectures.insert(ALL_FOR);
    }
    let mut listed = BTreeMap::new();
    for architecture in &architectures {
        let of = stanzas.iter().filter(|(of, _)| of == architecture || of == "all");
        let packages = of.map(|(_, stanza)| stanza.as_str()).collect::<Vec<_>>().join("\n");
        let folder = format!("{COMPONENT}/binary-{architecture}");
        for (name, bytes) in [("Packages", packages.as_bytes().to_vec()), ("Packages.gz", gzip_text(packages.as_bytes()))] {
            let facts = Facts { size: bytes.len() as u64, sha256: hex::encode(Sha256::digest(&bytes)) };
            stage.put(&format!("{FOLDER}/dists/{SUITE}/{folder}/{name}"), &bytes)?;
            // apt asks for the compressed one over http; the plain one lies there under its name.
            if name == "Packages.gz" {
                stage.put(&format!("{FOLDER}/dists/{SUITE}/{folder}/by-hash/SHA256/{}", facts.sha256), &bytes)?;
            }
            listed.insert(format!("{folder}/{name}"), facts);
        }
    }
    let architectures: Vec<&str> = architectures.into_iter().collect();
    let release = release(plan, &architectures, &listed)?;
    stage.put(&format!("{FOLDER}/dists/{SUITE}/Release"), release.as_bytes())?;
    let openpgp = plan.openpgp()?;
    if let Some(signed) = openpgp.clear_signed(&release, plan.time)? {
        stage.put(&format!("{FOLDER}/dists/{SUITE}/InRelease"), signed.as_bytes())?;
    }
    let signature = openpgp.armored("apt", release.as_bytes(), plan.time)?;
    stage.put(&format!("{FOLDER}/dists/{SUITE}/Release.gpg"), signature.as_bytes())?;
    stage.put(&format!("{FOLDER}/{}.sources", plan.name), sources(plan)?.as_bytes())
}

/// A package's control file with where it lies and what it is, before its description.
fn stanza(control: &str, path: &str, facts: &Facts) -> String {
    let mut out = String::with_capacity(control.len() + 200);
    let place = format!("Filename: {path}\nSize: {}\nSHA256: {}\n", facts.size, facts.sha256);
    let ours = ["filename:", "size:", "sha256:"];
    let (mut placed, mut skipping) = (false, false);
    for line in control.lines() {
        let lower = line.to_ascii_lowercase();
        skipping = ours.iter().any(|field| lower.starts_with(field)) || (skipping && line.starts_with([' ', '\t']));
        if skipping {
            continue;
        }
        if !placed && lower.starts_with("description:") {
            out.push_str(&place);
            placed = true;
        }
        out.push_str(line);
        out.push('\n');
    }
    if !placed {
        out.push_str(&place);
    }
    out
}

fn release(plan: &Plan, architectures: &[&str], listed: &BTreeMap<String, Facts>) -> Result<String> {
    let date = jiff::Timestamp::from_second(i64::from(plan.time))
        .map_err(|_| Error::new(format!("the time {} cannot be written as a date", plan.time)))?;
    let date = date.strftime("%a, %d %b %Y %H:%M:%S GMT");
    let mut out = format!(
        "Origin: {}\nLabel: {}\nSuite: {SUITE}\nCodename: {SUITE}\nDate: {date}\nAcquire-By-Hash: yes\n\
         No-Support-for-Architecture-all: Packages\nArchitectures: {}\nComponents: {COMPONENT}\nDescription: {}, offline kit\nSHA256:\n",
        plan.origin,
        plan.name,
        architectures.join(" "),
        plan.name,
    );
    for (path, facts) in listed {
        out.push_str(&format!(" {} {:>8} {path}\n", facts.sha256, facts.size));
    }
    Ok(out)
}

/// A source with the key in it (apt 2.3.10 and later); use-apt.sh puts the right place into it.
fn sources(plan: &Plan) -> Result<String> {
    let key: String = plan
        .trusted()?
        .armored
        .trim_end()
        .lines()
        .map(|line| if line.is_empty() { " .\n".to_owned() } else { format!(" {line}\n") })
        .collect();
    Ok(format!(
        "# {} from its kit. use-apt.sh writes this with the kit's own place.\nTypes: deb\nURIs: file:/mnt/{FOLDER}\nSuites: {SUITE}\n\
         Components: {COMPONENT}\nSigned-By:\n{key}",
        plan.name
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stanza_says_once_where_the_package_lies() {
        let facts = Facts { size: 7, sha256: "ab".into() };
        let control = "Package: a\nFilename: evil\n more\nDescription: b\n text\nTag: x\n";
        let expected = "Package: a\nFilename: pool/a.deb\nSize: 7\nSHA256: ab\nDescription: b\n text\nTag: x\n";
        assert_eq!(stanza(control, "pool/a.deb", &facts), expected);
        assert!(stanza("Package: a\n", "p", &facts).ends_with("SHA256: ab\n"));
    }
}
