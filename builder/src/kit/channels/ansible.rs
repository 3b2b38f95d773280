//! An Ansible collection: a tarball that `ansible-galaxy collection install --offline` takes, the same to the byte each time.
//!
//! Its form: MANIFEST.json and FILES.json of format 1 before the files (ansible-core, lib/ansible/galaxy/collection).

use super::facts::Facts;
use super::Context;
use crate::error::{IoContext, Result};
use crate::kit::input::Kind;
use flate2::{Compression, GzBuilder};
use serde_json::{json, Value};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;
use tar::{Builder, EntryType, Header};

pub const NAME: &str = "ansible";
const COLLECTION: &str = "agent";

macro_rules! files {
    ($($path:literal),+ $(,)?) => {
        &[$(($path, include_str!(concat!("../../../../templates/channels/ansible/", $path)))),+]
    };
}

const FILES: &[(&str, &str)] = files!(
    "README.md",
    "changelogs/changelog.yaml",
    "meta/runtime.yml",
    "playbooks/install.yml",
    "playbooks/windows.yml",
    "plugins/action/agent.py",
    "plugins/modules/agent.py",
);
const FACTS: &str = "plugins/module_utils/facts.py";

pub fn write(context: &Context) -> Result<bool> {
    let Some(facts) = Facts::of(context, &[Kind::Deb, Kind::Rpm, Kind::Run])? else { return Ok(false) };
    let (namespace, version) = collection(context);
    let file = format!("{namespace}-{COLLECTION}-{version}.tar.gz");
    let qualified = format!("{namespace}.{COLLECTION}");
    let filled = |text: &str| -> Result<String> {
        let text = context
            .named(text)?
            .replace("@FQCN@", &format!("{qualified}.agent"))
            .replace("@FQNS@", &qualified)
            .replace("@FILE@", &file)
            .replace("@SECONDS@", &facts.seconds("install").to_string());
        Ok(text.replace("@NAMESPACE@", &namespace).replace("@COLLECTION@", COLLECTION))
    };
    let filled = FILES.iter().map(|(path, text)| Ok(((*path).to_owned(), filled(text)?)));
    let mut files: BTreeMap<String, String> = filled.collect::<Result<_>>()?;
    files.insert(FACTS.to_owned(), module(&facts));
    let origin = &context.plan.origin;
    let about = json!({
        "namespace": namespace, "name": COLLECTION, "version": version, "authors": [origin], "readme": "README.md",
        "tags": ["linux", "monitoring"], "description": format!("Installs and manages {}", context.plan.name),
        "license": ["Apache-2.0"], "license_file": null, "dependencies": {}, "repository": null, "documentation": null,
        "homepage": null, "issues": null,
    });
    let bytes = tarball(&files, &about, context.plan.time).or_cannot("write", Path::new(&file))?;
    context.put_bytes(NAME, &file, &bytes)?;
    Ok(true)
}

/// The collection's namespace and version.
pub fn collection(context: &Context) -> (String, String) {
    let newest = context.items.iter().rfind(|item| matches!(item.kind, Kind::Run | Kind::Deb | Kind::Rpm));
    (identifier(&context.plan.name), semantic(newest.map_or("", |item| &item.identity.version)))
}

/// The facts as a Python module. A JSON text in JSON is a string of Python, whatever is in it.
fn module(facts: &Facts) -> String {
    let text = serde_json::to_string(&facts.json()).expect("a text").replace('\u{7f}', "\\u007f");
    format!(
        "\"\"\"What packages, settings, codes, time-outs and pauses there are.\"\"\"\nfrom __future__ import absolute_import, division, print_function\n\n\
         __metaclass__ = type\n\nimport json\n\nFACTS = json.loads({text})  # noqa: E501\n"
    )
}

/// A name as Ansible takes it for a namespace: small letters, digits and underscores, with a letter first and no underscore twice.
fn identifier(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { ' ' };
    let words = name.chars().map(plain).collect::<String>().split_whitespace().collect::<Vec<_>>().join("_");
    match words.starts_with(|c: char| c.is_ascii_lowercase()) {
        true => words,
        false => format!("kit_{words}").trim_end_matches('_').to_owned(),
    }
}

/// Three numbers, which is all that a collection's version may be made of here.
fn semantic(version: &str) -> String {
    let upstream = version.rsplit_once(':').map_or(version, |(_, rest)| rest);
    let upstream = upstream.split(['-', '~', '+']).next().unwrap_or_default();
    let mut numbers = upstream.split('.').map(|part| part.parse::<u64>().unwrap_or(0)).chain([0, 0, 0]);
    let mut next = || numbers.next().unwrap_or(0);
    format!("{}.{}.{}", next(), next(), next())
}

fn tarball(files: &BTreeMap<String, String>, about: &Value, time: u32) -> std::io::Result<Vec<u8>> {
    let mut entries: BTreeMap<String, Option<&str>> = BTreeMap::new();
    for (path, text) in files {
        for (at, _) in path.match_indices('/') {
            entries.insert(path[..at].to_owned(), None);
        }
        entries.insert(path.clone(), Some(text));
    }
    let digest = |text: &str| hex::encode(Sha256::digest(text));
    let row = |path: &str, text: Option<&str>| {
        let (kind, how, sum) = match text {
            Some(text) => ("file", json!("sha256"), json!(digest(text))),
            None => ("dir", Value::Null, Value::Null),
        };
        json!({ "name": path, "ftype": kind, "chksum_type": how, "chksum_sha256": sum, "format": 1 })
    };
    let rows = entries.iter().map(|(path, text)| row(path, *text));
    let list = json!({ "files": std::iter::once(row(".", None)).chain(rows).collect::<Vec<_>>(), "format": 1 });
    let list = serde_json::to_string_pretty(&list).expect("plain JSON");
    let manifest = json!({ "collection_info": about, "file_manifest_file": row("FILES.json", Some(&list)), "format": 1 });
    let manifest = serde_json::to_string_pretty(&manifest).expect("plain JSON");
    // Neither a time nor a name in the head of the stream.
    let mut tar = Builder::new(GzBuilder::new().mtime(0).write(Vec::new(), Compression::best()));
    let mut add = |path: &str, text: Option<&str>| {
        let mut header = Header::new_ustar();
        header.set_mtime(time.into());
        header.set_mode(if text.is_some() { 0o644 } else { 0o755 });
        header.set_entry_type(if text.is_some() { EntryType::Regular } else { EntryType::Directory });
        header.set_size(text.map_or(0, |text| text.len() as u64));
        tar.append_data(&mut header, path, text.unwrap_or_default().as_bytes())
    };
    add("MANIFEST.json", Some(&manifest))?;
    add("FILES.json", Some(&list))?;
    for (path, text) in &entries {
        add(path, *text)?;
    }
    tar.into_inner()?.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_versions_are_such_as_ansible_takes() {
        for (name, taken) in
            [("intigua-sample", "intigua_sample"), ("7 \u{e4} Agent's \"$x\"", "kit_7_agent_s_x"), ("---", "kit")]
        {
            assert_eq!(identifier(name), taken);
        }
        for (version, taken) in [
            ("1.2.3", "1.2.3"),
            ("2:1.4-1", "1.4.0"),
            ("3", "3.0.0"),
            ("1.0.0~rc1", "1.0.0"),
            ("x.1.2.3", "0.1.2"),
            ("", "0.0.0"),
        ] {
            assert_eq!(semantic(version), taken);
        }
    }
}
