//! Recipes for golden images: install without starting, check, seal. Each in the language of the tool that makes the image.

use super::choose::newest;
use super::fill::fill;
use super::Context;
use crate::endpoint::sh_quote;
use crate::error::Result;
use crate::kit::input::{Item, Kind};
use contract::settings::{Lifetime, Setting};
use minijinja::{context, Value};

pub const NAME: &str = "images";

/// A recipe: its file, its text, and the packages that it can take, the best first.
struct Recipe {
    file: &'static str,
    text: &'static str,
    takes: &'static [Kind],
}

macro_rules! recipes {
    ($($file:literal: $takes:expr),+ $(,)?) => {
        &[$(Recipe { file: $file, text: include_str!(concat!("../../../../templates/channels/images/", $file)), takes: &$takes }),+]
    };
}

const RECIPES: &[Recipe] = recipes! {
    "packer/agent.pkr.hcl": [Kind::Run],
    "packer/vsphere/plugins.pkr.hcl": [Kind::Run],
    "Containerfile": [Kind::Run],
    "virt-customize.sh": [Kind::Run],
    "kickstart.ks": [Kind::Rpm, Kind::Run],
    "preseed.cfg": [Kind::Deb, Kind::Run],
    "autoinstall.yaml": [Kind::Deb, Kind::Run],
    "ignition.ign": [Kind::Run],
};

pub fn write(context: &Context) -> Result<bool> {
    let mut any = false;
    for recipe in RECIPES {
        let Some(item) = recipe.takes.iter().find_map(|kind| newest(context, *kind)) else { continue };
        context.put(NAME, recipe.file, &context.named(&fill(recipe.text, values(context, item))?)?)?;
        any = true;
    }
    Ok(any)
}

fn values(context: &Context, item: &Item) -> Value {
    let shown = |one: &Setting| context! { name => one.name, lower => one.lower("_"), summary => one.summary };
    let settings: Vec<Value> = lasting(context.settings).map(shown).collect();
    let end = item.file.rsplit('.').next().unwrap_or_default();
    let local = format!("/var/tmp/agent.{end}");
    let install = match item.kind {
        Kind::Deb => format!("env DEBIAN_FRONTEND=noninteractive apt-get -y install {local}"),
        Kind::Rpm => format!("\"$(command -v dnf || command -v yum)\" -y install {local}"),
        _ => format!("sh {local}"),
    };
    let answers = answers(context.settings);
    context! {
        name => &context.plan.name, file => &item.file, place => item.place(), sha256 => &item.sha256,
        local, settings, unit => unit(&install), install,
        answers => answers.iter().chain(&[IMAGE.to_owned()]).map(|line| sh_quote(line)).collect::<Vec<_>>(),
        data => format!("data:,{}", escaped(&format!("{}\n", answers.join("\n")))),
    }
}

/// The settings that outlive the installation and are no machine's own; an image has no use for the others.
fn lasting(settings: &[Setting]) -> impl Iterator<Item = &Setting> {
    settings.iter().filter(|setting| !matches!(setting.lifetime, Lifetime::OneRun | Lifetime::Once))
}

/// What install.conf says of a package that is put into an image.
const IMAGE: &str = "IMAGE=1";

/// install.conf: every setting, to be filled in.
pub fn answers(settings: &[Setting]) -> Vec<String> {
    lasting(settings).flat_map(|one| [format!("# {}", one.summary), format!("#{}=", one.name)]).collect()
}

/// Ignition runs before the first boot of each machine: there it is installed for good.
fn unit(install: &str) -> String {
    format!(
        "[Unit]\nConditionPathExists=!@ETC@/location.conf\nAfter=network-online.target\nWants=network-online.target\n\
         [Service]\nType=oneshot\nExecStart=/bin/{install}\n\
         ExecStart=/bin/sh -c '\"$$(cat @ETC@/location.conf)/bin/linkctl\" check'\n\
         [Install]\nWantedBy=multi-user.target\n"
    )
}

/// The content of a URL with the scheme `data` (RFC 3986, 2.1).
fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}
