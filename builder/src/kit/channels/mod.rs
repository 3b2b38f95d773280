//! What other deployment tools are given: a folder for each below `channels/`.
//!
//! A channel is a file of this folder and a line of [`CHANNELS`].

mod ansible;
mod choose;
mod cloud_init;
mod facts;
mod fill;
mod gpo;
mod images;
mod intune;
mod msi;
mod names;
mod page;
mod puppet;
mod salt;
mod sccm;
mod vmware;
mod windows;

use super::input::{Item, Kind};
use super::stage::Stage;
use super::Plan;
use crate::error::{Error, Result};
use contract::exit_codes::EXIT_CODES;
use contract::names::Names;
use contract::settings::{Setting, SETTINGS};
use serde::Serialize;
use std::cell::OnceCell;
use std::collections::BTreeMap;

/// Where channels lie in a kit.
const FOLDER: &str = "channels";
/// Stands for all of them.
const ALL: &str = "all";

/// What a channel is made from.
struct Context<'a> {
    stage: &'a Stage,
    items: &'a [Item],
    plan: &'a Plan<'a>,
    /// What Linux packages can be told. An MSI says itself what it can be told.
    settings: &'a [Setting],
    packages: OnceCell<Vec<msi::Package>>,
    names: OnceCell<Names>,
}

impl Context<'_> {
    /// The MSIs; they are read once.
    fn packages(&self) -> Result<&[msi::Package]> {
        if self.packages.get().is_none() {
            let _ = self.packages.set(msi::packages(self.items)?);
        }
        Ok(self.packages.get().expect("it was set"))
    }

    /// A template's text, with the names and places of the product.
    fn named(&self, text: &str) -> Result<String> {
        if self.names.get().is_none() {
            let _ = self.names.set(names::of_kit(self)?);
        }
        Ok(names::fill(self.names.get().expect("it was set"), text))
    }

    /// Writes a script or text for Windows: with its line ends, and marked as UTF-8 where Windows would take it for something else.
    fn put_windows(&self, channel: &str, name: &str, text: &str) -> Result<()> {
        let mark = if text.is_ascii() { "" } else { "\u{feff}" };
        self.put(channel, name, &format!("{mark}{}", text.replace('\n', "\r\n")))
    }

    /// Writes a file of a channel.
    fn put(&self, channel: &str, name: &str, text: &str) -> Result<()> {
        self.put_bytes(channel, name, text.as_bytes())
    }

    /// Writes a file that is no text.
    fn put_bytes(&self, channel: &str, name: &str, bytes: &[u8]) -> Result<()> {
        self.stage.put(&format!("{FOLDER}/{channel}/{name}"), bytes)
    }
}

/// A channel: its name, what it needs, and what makes it; false where there is nothing to make it of.
struct Channel {
    name: &'static str,
    needs: &'static str,
    write: fn(&Context) -> Result<bool>,
}

const CHANNELS: [Channel; 10] = [
    Channel { name: ansible::NAME, needs: "a DEB, an RPM or a .run", write: ansible::write },
    Channel { name: cloud_init::NAME, needs: "a DEB, an RPM or a .run", write: cloud_init::write },
    Channel { name: gpo::NAME, needs: "an MSI of linkpack", write: gpo::write },
    Channel { name: images::NAME, needs: "a DEB, an RPM or a .run", write: images::write },
    Channel { name: intune::NAME, needs: "an MSI of linkpack", write: intune::write },
    Channel { name: puppet::NAME, needs: "a .run", write: puppet::write },
    Channel { name: salt::NAME, needs: "a .run", write: salt::write },
    Channel { name: sccm::NAME, needs: "an MSI of linkpack", write: sccm::write },
    Channel { name: vmware::NAME, needs: "a .run or an MSI", write: vmware::write },
    Channel { name: windows::NAME, needs: "an MSI", write: windows::write },
];

/// Reads the names of channels, or `all`.
///
/// # Errors
/// There is none of that name.
pub fn named(name: &str) -> Result<&'static str, String> {
    let known = || CHANNELS.iter().map(|channel| channel.name).chain([ALL]);
    let names = || known().collect::<Vec<_>>().join(", ");
    known().find(|known| *known == name).ok_or_else(|| format!("there is no channel {name:?}: name some of {}", names()))
}

/// Writes the channels that were asked for. A volume of a kit has those that its packages are for; a `whole` kit has to have all.
///
/// # Errors
/// There is nothing in the kit that one could be made for; a file cannot be written.
pub fn write(stage: &Stage, items: &[Item], plan: &Plan, asked: &[&str], whole: bool) -> Result<()> {
    let context = Context { stage, items, plan, settings: SETTINGS, packages: OnceCell::new(), names: OnceCell::new() };
    for Channel { name, needs, write } in &CHANNELS {
        let by_name = asked.contains(name);
        if !by_name && !asked.contains(&ALL) {
            continue;
        }
        let written = write(&context)?;
        if written {
            page::write(&context, name)?;
        }
        if !written && by_name && whole {
            return Err(Error::new(format!("the kit holds nothing that the channel {name} is for"))
                .help(format!("add {needs}, or leave the channel out")));
        }
    }
    Ok(())
}

/// Bytes that the channels take for an item: an .intunewin holds the MSI once more.
pub fn copied(asked: &[&str], item: &Item) -> u64 {
    let is_asked = asked.contains(&intune::NAME) || asked.contains(&ALL);
    match matches!(item.kind, Kind::Msi | Kind::Beside) && is_asked {
        true => item.size,
        false => 0,
    }
}

/// The channels in a kit: their names, and the paths of their files.
pub fn listed(stage: &Stage) -> BTreeMap<String, Vec<String>> {
    let mut listed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in stage.files().into_keys() {
        let Some((channel, _)) = path.strip_prefix(FOLDER).and_then(|rest| rest.strip_prefix('/')?.split_once('/')) else {
            continue;
        };
        listed.entry(channel.to_owned()).or_default().push(path);
    }
    listed
}

/// An exit code of an installation, as install.json has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Code {
    code: i32,
    meaning: &'static str,
    /// success, retry or failed.
    outcome: &'static str,
}

/// The exit codes of installations, from the contract's table.
fn exit_codes() -> Vec<Code> {
    let of_installations = EXIT_CODES.iter().filter(|code| code.is_of_an_installation());
    of_installations.map(|code| Code { code: code.code, meaning: code.meaning, outcome: code.outcome() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::report;
    use crate::kit::meta::Identity;
    use crate::kit::Keys;
    use crate::trust::openpgp_text::TrustedKey;

    #[test]
    fn unknown_channels_are_refused_with_those_there_are() {
        assert_eq!(named("windows"), Ok("windows"));
        let error = named("nonsense").unwrap_err();
        assert!(error.contains("cloud-init") && error.ends_with("all"), "{error}");
    }

    #[test]
    fn a_channel_names_the_newest_package_of_the_kits_name() {
        let folder = tempfile::tempdir().unwrap();
        let stage = Stage::beside(&folder.path().join("kit")).unwrap();
        let of = |file: &str, name: &str, version: &str, architecture: &str| {
            let mut item = item(folder.path(), file, Kind::Deb);
            item.identity =
                Identity { name: name.into(), version: version.into(), architecture: architecture.into(), ..Identity::default() };
            item
        };
        let items = [
            of("a", "agent", "1.10.0", "amd64"),
            of("b", "agent", "1.9.0", "amd64"),
            of("c", "agent", "2.0.0", "arm64"),
            of("d", "zlib", "3.0.0", "amd64"),
        ];
        let keys = Keys { signer: None, openpgp: None, trusted: None };
        let plan = Plan { name: "agent".into(), origin: String::new(), time: 0, keys: &keys };
        let context = Context {
            stage: &stage,
            items: &items,
            plan: &plan,
            settings: SETTINGS,
            packages: OnceCell::new(),
            names: OnceCell::new(),
        };
        assert_eq!(choose::newest(&context, Kind::Deb).map(|item| item.file.as_str()), Some("a"));
        assert!(choose::newest(&context, Kind::Run).is_none());
    }

    const MADE_UP: &str = "MADE_UP_SETTING";

    /// An item whose source is a file of this text.
    fn item(folder: &std::path::Path, file: &str, kind: Kind) -> Item {
        let source = folder.join(file);
        std::fs::write(&source, file).unwrap();
        let (size, sha256) = crate::kit::stage::digest(&source).unwrap();
        let identity =
            Identity { name: "agent".into(), version: "1".into(), architecture: "x86_64".into(), ..Identity::default() };
        Item { source, file: file.into(), kind, size, sha256, identity }
    }

    /// What a file holds; of a collection what is in it.
    fn plain(path: &std::path::Path) -> Vec<u8> {
        let mut bytes = std::fs::read(path).unwrap();
        if path.extension().is_some_and(|end| end == "gz") {
            let packed = std::mem::take(&mut bytes);
            std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&packed[..]), &mut bytes).unwrap();
        }
        bytes
    }

    #[test]
    fn a_setting_that_is_added_to_the_contract_reaches_every_channel() {
        let folder = tempfile::tempdir().unwrap();
        let kinds = [("a.deb", Kind::Deb), ("a.rpm", Kind::Rpm), ("a.run", Kind::Run), ("a.msi", Kind::Msi)];
        let items = kinds.map(|(file, kind)| item(folder.path(), file, kind));
        let stage = Stage::beside(&folder.path().join("kit")).unwrap();
        for item in &items {
            stage.copy(&item.source, &item.place(), &item.sha256).unwrap();
        }
        stage.put("linux/apt/agent.sources", b"").unwrap();
        stage.put("linux/rpm/agent.repo", b"").unwrap();
        let settings: Vec<Setting> =
            SETTINGS.iter().copied().chain([Setting { name: MADE_UP, summary: "made up", ..SETTINGS[1] }]).collect();
        let secure = report::Setting { name: "SecureCustomProperties".into(), value: format!("SERVER_URL;{MADE_UP}") };
        let package = msi::Package {
            properties: msi::properties(&[secure]),
            policy_key: r"SOFTWARE\Policies\VMI\setup".into(),
            product: "agent".into(),
            files: vec![msi::Facts { file: "a.msi".into(), sha256: items[3].sha256.clone() }],
            file: "a.msi".into(),
            version: "1.0".into(),
            ours: true,
            ..msi::Package::default()
        };
        let trusted = TrustedKey {
            armored: String::new(),
            fingerprint: String::new(),
            algorithm: String::new(),
            created: 0,
            expires: None,
        };
        let keys = Keys { signer: None, openpgp: None, trusted: Some(trusted) };
        let plan = Plan { name: "agent".into(), origin: String::new(), time: 0, keys: &keys };
        let packages = OnceCell::from(vec![package]);
        let context =
            Context { stage: &stage, items: &items, plan: &plan, settings: &settings, packages, names: OnceCell::new() };
        for channel in &CHANNELS {
            assert!((channel.write)(&context).unwrap(), "{}", channel.name);
            let begin = format!("{FOLDER}/{}/", channel.name);
            let texts = stage.files().into_keys().filter(|path| path.starts_with(&begin));
            let texts: Vec<Vec<u8>> = texts.map(|path| plain(&stage.root().join(path))).collect();
            let told = |what: &str| texts.iter().any(|text| text.windows(what.len()).any(|found| found == what.as_bytes()));
            assert!(told(MADE_UP), "{} says nothing of {MADE_UP}", channel.name);
            // What the editor of policies offers, and what it says of it.
            let policies = texts.iter().filter(|text| text.starts_with(b"<?xml")).count();
            assert_eq!(policies, if channel.name == gpo::NAME { 2 } else { 0 }, "{}", channel.name);
            for marker in names::MARKERS {
                assert!(!told(marker), "{} has {marker}", channel.name);
            }
        }
    }
}
