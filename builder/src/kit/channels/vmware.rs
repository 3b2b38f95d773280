//! Machines of a vCenter: deployment by VMware Tools, user data for those without guest credentials. The scripts are the same for every
//! kit of one product's names: what else differs stands in facts.json, which they read.

use super::facts::Facts;
use super::Context;
use crate::error::Result;
use crate::kit::input::Kind;

pub const NAME: &str = "vmware";

const DEPLOY_PY: &str = include_str!("../../../../templates/channels/vmware/deploy.py");
const DEPLOY_SH: &str = include_str!("../../../../templates/channels/vmware/deploy.sh");
const DEPLOY_PS1: &str = include_str!("../../../../templates/channels/vmware/Deploy.ps1");
const USER_DATA: &str = include_str!("../../../../templates/channels/vmware/user-data.yaml");

pub fn write(context: &Context) -> Result<bool> {
    let Some(facts) = Facts::of(context, &[Kind::Run, Kind::Msi])? else { return Ok(false) };
    context.put(NAME, "facts.json", &facts.json())?;
    context.put(NAME, "deploy.py", &context.named(DEPLOY_PY)?)?;
    context.put(NAME, "deploy.sh", &context.named(DEPLOY_SH)?)?;
    context.put_windows(NAME, "Deploy.ps1", &context.named(DEPLOY_PS1)?)?;
    let columns: Vec<&str> = context.settings.iter().map(|setting| setting.name).collect();
    context.put(NAME, "machines.csv", &format!("name,os,user,package,{}\n", columns.join(",")))?;
    if let Some(item) = context.items.iter().rfind(|item| item.kind == Kind::Run) {
        context.put(NAME, "user-data.yaml", &context.named(&user_data(context, &item.place(), &item.sha256))?)?;
    }
    Ok(true)
}

/// A disc that is in the drive serves as the kit; the digest stands in the user data, since the disc is not verified by the guest.
fn user_data(context: &Context, place: &str, sha256: &str) -> String {
    let settings: Vec<String> =
        context.settings.iter().map(|setting| format!("      # {}=   {}\n", setting.name, setting.summary)).collect();
    let file = crate::endpoint::sh_quote(&format!("/run/agent-kit/{place}"));
    let script = format!(
        "set -e; mkdir -p /run/agent-kit; mount -o ro /dev/sr0 /run/agent-kit; case $(sha256sum {file}) in \"{sha256} \"*) ;; *) exit 20 ;; esac; \
         sh {file} --if-needed; umount /run/agent-kit"
    );
    // JSON is YAML, whatever is in it.
    let quoted = serde_json::to_string(&script).expect("a text");
    USER_DATA.replace("@SETTINGS@\n", &settings.concat()).replace("@SCRIPT@", &quoted)
}
