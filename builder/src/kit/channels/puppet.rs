//! A Puppet class: the `.run`, verified, run again where the version or a setting has changed.

use super::facts::Facts;
use super::Context;
use crate::error::Result;
use crate::kit::input::Kind;

pub const NAME: &str = "puppet";
const CLASS: &str = include_str!("../../../../templates/channels/puppet/init.pp");

pub fn write(context: &Context) -> Result<bool> {
    let newest = context.items.iter().rfind(|item| item.kind == Kind::Run);
    let (Some(facts), Some(item)) = (Facts::of(context, &[Kind::Run])?, newest) else { return Ok(false) };
    let names: Vec<String> = context.settings.iter().map(|setting| quoted(setting.name)).collect();
    let text = context
        .named(CLASS)?
        .replace("@SECONDS@", &facts.seconds("install").to_string())
        .replace("@NAMES@", &names.join(", "))
        .replace("@VERSION@", &quoted(&item.identity.version))
        .replace("@FILE@", &quoted(&item.file))
        .replace("@SHA256@", &quoted(&item.sha256));
    context.put(NAME, "agent/manifests/init.pp", &text)?;
    context.put(NAME, "agent/metadata.json", METADATA)?;
    Ok(true)
}

const METADATA: &str = "{ \"name\": \"kit-agent\", \"version\": \"1.0.0\", \"author\": \"kit\", \"license\": \"Apache-2.0\", \"summary\": \"The agent\", \
                        \"source\": \"\", \"dependencies\": [] }\n";

/// A single-quoted string of Puppet, in which a backslash and the quote alone mean something.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_text_means_nothing_in_a_manifest() {
        assert_eq!(super::quoted("a'b\\ $x ${y} \"z\" \u{fc}"), "'a\\'b\\\\ $x ${y} \"z\" \u{fc}'");
    }
}
