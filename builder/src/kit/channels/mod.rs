//! What other deployment tools are given: a folder for each below `channels/`.
//!
//! A channel is a file of this folder and a line of [`CHANNELS`].

mod ansible;
mod cloud_init;
mod facts;
mod puppet;
mod salt;
mod vmware;
mod windows;

use super::input::Item;
use super::stage::Stage;
use super::Plan;
use crate::error::{Error, Result};
use contract::exit_codes::EXIT_CODES;
use contract::settings::{Setting, SETTINGS};
use serde::Serialize;

/// Where channels lie in a kit.
const FOLDER: &str = "channels";
/// Stands for all of them.
const ALL: &str = "all";

/// What a channel is made from.
struct Context<'a> {
    stage: &'a Stage,
    items: &'a [Item],
    plan: &'a Plan<'a>,
    /// What Linux packages can be told.
    settings: &'a [Setting],
}

impl Context<'_> {
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

const CHANNELS: [Channel; 6] = [
    Channel { name: ansible::NAME, needs: "a DEB, an RPM or a .run", write: ansible::write },
    Channel { name: cloud_init::NAME, needs: "a DEB, an RPM or a .run", write: cloud_init::write },
    Channel { name: puppet::NAME, needs: "a .run", write: puppet::write },
    Channel { name: salt::NAME, needs: "a .run", write: salt::write },
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
    let context = Context { stage, items, plan, settings: SETTINGS };
    for Channel { name, needs, write } in &CHANNELS {
        let by_name = asked.contains(name);
        if !by_name && !asked.contains(&ALL) {
            continue;
        }
        let written = write(&context)?;
        if !written && by_name && whole {
            return Err(Error::new(format!("the kit holds nothing that the channel {name} is for"))
                .help(format!("add {needs}, or leave the channel out")));
        }
    }
    Ok(())
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

    #[test]
    fn unknown_channels_are_refused_with_those_there_are() {
        assert_eq!(named("windows"), Ok("windows"));
        assert!(named("nonsense").unwrap_err().contains("cloud-init, puppet"));
    }
}
