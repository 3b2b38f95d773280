//! What other deployment tools are given: a folder for each below `channels/`.
//!
//! A channel is a file of this folder and a line of [`CHANNELS`].

mod cloud_init;
mod windows;

use super::input::Item;
use super::stage::Stage;
use super::Plan;
use crate::error::{Error, Result};
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
}

impl Context<'_> {
    /// Writes a file of a channel.
    fn put(&self, channel: &str, name: &str, text: &str) -> Result<()> {
        self.stage.put(&format!("{FOLDER}/{channel}/{name}"), text.as_bytes())
    }
}

/// A channel: its name, what it needs, and what makes it; false where there is nothing to make it of.
struct Channel {
    name: &'static str,
    needs: &'static str,
    write: fn(&Context) -> Result<bool>,
}

const CHANNELS: [Channel; 2] = [
    Channel { name: cloud_init::NAME, needs: "a DEB, an RPM or a .run", write: cloud_init::write },
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
    let context = Context { stage, items, plan };
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
    code: u8,
    meaning: &'static str,
    /// success, retry or failed.
    outcome: &'static str,
}

/// The exit codes of installations (README, "exit code").
const CODES: [Code; 16] = {
    const fn code(code: u8, outcome: &'static str, meaning: &'static str) -> Code {
        Code { code, meaning, outcome }
    }
    [
        code(0, "success", "done"),
        code(2, "failed", "usage"),
        code(10, "failed", "not privileged"),
        code(11, "failed", "temp folder"),
        code(12, "failed", "install root"),
        code(13, "failed", "runtime folder"),
        code(14, "failed", "space"),
        code(15, "failed", "platform"),
        code(16, "retry", "busy: another install runs"),
        code(17, "failed", "another installation in the way, or a downgrade"),
        code(18, "failed", "the run-as account"),
        code(20, "failed", "payload corrupt"),
        code(21, "failed", "signature"),
        code(30, "failed", "failed, rolled back"),
        code(31, "failed", "the service did not start, rolled back"),
        code(32, "failed", "the rollback failed too"),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_those_of_the_readme() {
        let readme = include_str!("../../../../README.md");
        let rows = readme.lines().skip_while(|line| !line.starts_with("| exit code | meaning |")).skip(2);
        let cells: Vec<Vec<&str>> = rows
            .take_while(|line| line.starts_with('|'))
            .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
            .collect();
        for Code { code, meaning, .. } in CODES {
            let is = |row: &Vec<&str>| row.chunks(2).any(|pair| pair[0] == code.to_string() && pair[1] == meaning);
            assert!(cells.iter().any(is), "{code} {meaning}");
        }
        let numbers = cells.iter().flat_map(|row| row.chunks(2)).filter_map(|pair| pair[0].parse::<u8>().ok());
        // 33 is linkctl's alone.
        assert!(numbers.filter(|code| *code != 33).all(|code| CODES.iter().any(|known| known.code == code)));
    }

    #[test]
    fn unknown_channels_are_refused_with_those_there_are() {
        assert_eq!(named("windows"), Ok("windows"));
        assert!(named("sccm").unwrap_err().contains("cloud-init, windows, all"));
    }
}
