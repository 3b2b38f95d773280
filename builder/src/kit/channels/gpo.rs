//! Group policies: a startup script for each MSI, for domains that do not assign it (assigned MSIs need nothing but their transforms), and
//! administrative templates for the settings that installation and connector heed.

use super::fill::fill;
use super::msi::{applications, Package};
use super::Context;
use crate::deb_version::compare;
use crate::error::Result;
use contract::settings::{Rule, Setting};
use minijinja::{context, Value};
use std::collections::BTreeMap;

pub const NAME: &str = "gpo";

const STARTUP: &str = include_str!("../../../../templates/channels/gpo/startup.cmd");
const ADMX: &str = include_str!("../../../../templates/channels/gpo/policy.admx");
const ADML: &str = include_str!("../../../../templates/channels/gpo/en-US/policy.adml");

pub fn write(context: &Context) -> Result<bool> {
    let mut any = false;
    for package in applications(context)? {
        // cmd.exe gives many characters a meaning, in comments too: nothing is written here that is not plain.
        let plain = |name: &&str| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
        let names: Vec<String> =
            package.properties.iter().map(|one| one.name.as_str()).filter(plain).map(str::to_owned).collect();
        let detection = &package.detection;
        let text = fill(
            STARTUP,
            context! {
                file => &package.file, stem => package.stem(), version => &detection.version, key => &detection.key,
                value => detection.value, view => detection.view, result => &package.result, names,
                transforms => package.transforms().map(str::to_owned).collect::<Vec<_>>(),
            },
        )?;
        context.put_windows(NAME, &format!("{}/startup.cmd", package.stem()), &text)?;
        any = true;
    }
    templates(context)?;
    Ok(any)
}

/// A pair of files for each key that packages heed, named after the newest of them.
fn templates(context: &Context) -> Result<()> {
    let mut newest: BTreeMap<&str, &Package> = BTreeMap::new();
    for package in applications(context)?.filter(|package| !package.policy_key.is_empty()) {
        let known = newest.entry(&package.policy_key).or_insert(package);
        if compare(&known.version, &package.version).is_lt() {
            *known = package;
        }
    }
    for (key, package) in newest {
        let takes = |setting: &&Setting| setting.is_policy() && package.properties.iter().any(|one| one.name == setting.name);
        let settings: Vec<Value> = context.settings.iter().filter(takes).map(shown).collect();
        // By the key: products of other names have others, and versions of one product the same.
        let namespace: String = key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '.' }).collect();
        let values = context! {
            key, settings, namespace => format!("Agent.{namespace}"), title => &package.name, description => &package.description,
            version => &package.version,
        };
        for (folder, end, template) in [("", "admx", ADMX), ("en-US/", "adml", ADML)] {
            let name = format!("PolicyDefinitions/{folder}{}.{end}", package.product);
            context.put(NAME, &name, &fill(template, values.clone())?.replace('\n', "\r\n"))?;
        }
    }
    Ok(())
}

/// A setting as the editor of policies shows it.
fn shown(setting: &Setting) -> Value {
    let mut summary = setting.summary.chars();
    let help: String = summary.next().map(|first| first.to_uppercase().chain(summary).collect()).unwrap_or_default();
    let title = match setting.question {
        "" => setting.summary,
        question => question.trim_end_matches([':', '?']),
    };
    context! { name => setting.name, title, help, flag => setting.rule == Rule::Flag }
}
