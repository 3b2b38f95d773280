//! README.txt of each channel: its section of docs/channels.md, with the names of this kit's packages. At a site there is nothing else.

use super::choose::newest;
use super::{ansible, Context};
use crate::error::Result;
use crate::kit::input::Kind;

const DOCUMENT: &str = include_str!("../../../../docs/channels.md");
const FILE: &str = "README.txt";

/// Writes the page of a channel.
///
/// # Errors
/// It cannot be written; a package cannot be read.
pub fn write(context: &Context, channel: &str) -> Result<()> {
    let mut text = plain(section(channel));
    for (sample, own) in names(context)? {
        text = text.replace(sample, &own);
    }
    let head =
        "linkpack's page on what lies here. KIT is the address of the kit: linkpack kit serve KIT --listen ADDRESS:PORT\n\n";
    context.put_windows(channel, FILE, &format!("{head}{text}\n"))
}

/// From the heading to the next one.
fn section(channel: &str) -> &'static str {
    let (_, rest) =
        DOCUMENT.split_once(&format!("\n## {channel}\n")).unwrap_or_else(|| panic!("docs/channels.md has no {channel}"));
    rest.split("\n## ").next().unwrap_or(rest).trim()
}

/// Links as their texts: what they lead to is not in the kit.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        plain += before;
        let link = after.split_once("](").and_then(|(shown, target)| Some((shown, target.split_once(')')?.1)));
        match link.filter(|(shown, _)| !shown.contains(['[', ']', '\n'])) {
            Some((shown, behind)) => {
                plain += shown;
                rest = behind;
            }
            None => {
                plain.push('[');
                rest = after;
            }
        }
    }
    plain + rest
}

/// What the document calls by the sample's names, the longer first, and what this kit has.
fn names(context: &Context) -> Result<Vec<(&'static str, String)>> {
    let mut names = Vec::new();
    if let Some(item) = newest(context, Kind::Run) {
        names.push(("intigua-sample-1.0.0-linux-x86_64.run", item.file.clone()));
    }
    let (namespace, version) = ansible::collection(context);
    names.push(("intigua_sample-agent-1.0.0", format!("{namespace}-agent-{version}")));
    names.push(("intigua_sample", namespace));
    let packages = context.packages()?;
    let mut ours = packages.iter().filter(|package| package.ours);
    if let (Some(package), None) = (ours.next(), ours.next()) {
        names.push(("STEM", package.stem().to_owned()));
        names.push(("PRODUCT.adm", format!("{}.adm", package.product)));
        names.push((r"SOFTWARE\Policies\VMI\setup", package.policy_key.clone()));
    }
    names.push(("/etc/intigua", context.named("@ETC@")?));
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_channel_has_a_section_of_a_screen() {
        for channel in &super::super::CHANNELS {
            let text = section(channel.name);
            let lines: usize = text.lines().map(|line| line.chars().count() / 160 + 1).sum();
            assert!((5..50).contains(&lines), "{}: {lines} lines", channel.name);
            assert!(text.contains("\n\n    "), "{} has commands", channel.name);
        }
    }

    #[test]
    fn links_become_their_texts_and_brackets_stay() {
        assert_eq!(plain("a [b](c.md#d) `[e]` [f] (g) [h"), "a b `[e]` [f] (g) [h");
    }
}
