//! User data for cloud-init: a machine that installs the agent at its first boot, from a kit that is served.

use super::Context;
use crate::error::Result;
use crate::kit::input::{Item, Kind};

pub const NAME: &str = "cloud-init";

const BEGIN: &str = "#cloud-config
# Installs @NAME@ at the first boot. Put the address of the kit in the place of KIT: linkpack kit serve KIT --listen ADDRESS:PORT
# Settings: KEY=VALUE lines of /etc/intigua/install.conf. Give this to the machines that are to run; for an image to be cloned, see
# `linkctl seal`.
write_files:
  - path: /etc/intigua/install.conf
    owner: root:root
    permissions: '0600'
    content: |
      # SERVER_URL=https://core.example.com
";

pub fn write(context: &Context) -> Result<bool> {
    let newest = |kind: Kind| context.items.iter().rfind(|item| item.kind == kind);
    let name = &context.plan.name;
    let mut any = false;
    for (kind, commands) in [(Kind::Deb, apt as fn(&Item, &str) -> String), (Kind::Rpm, dnf), (Kind::Run, run)] {
        let Some(item) = newest(kind) else { continue };
        let file = match kind {
            Kind::Deb => "apt.yaml",
            Kind::Rpm => "dnf.yaml",
            _ => "run.yaml",
        };
        let text = format!("{}runcmd:\n{}", BEGIN.replace("@NAME@", name), commands(item, name));
        context.put(NAME, file, &text)?;
        any = true;
    }
    Ok(any)
}

/// One command of runcmd, as a list: nothing in it is for a shell.
fn command(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{}'", word.replace('\'', "''"))).collect();
    format!("  - [{}]\n", quoted.join(", "))
}

fn apt(item: &Item, name: &str) -> String {
    let source = format!(
        "set -e; curl -fsS 'http://KIT/linux/apt/{name}.sources' | sed 's,^URIs:.*,URIs: http://KIT/linux/apt,' \
         >'/etc/apt/sources.list.d/{name}.sources'; apt-get update"
    );
    command(&["sh", "-c", &source])
        + &command(&["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-y", "install", &item.identity.name])
}

fn dnf(item: &Item, name: &str) -> String {
    let repo = format!(
        "set -e; curl -fsS 'http://KIT/linux/rpm/{name}.repo' | sed 's,file:///mnt,http://KIT,' >'/etc/yum.repos.d/{name}.repo'"
    );
    command(&["sh", "-c", &repo]) + &command(&["dnf", "-y", "install", &item.identity.name])
}

/// The digest stands here: what is fetched over plain HTTP is held against it.
fn run(item: &Item, _: &str) -> String {
    let fetch = format!(
        "set -e; curl -fsS -o /run/agent.run 'http://KIT/linux/run/{}'; echo '{}  /run/agent.run' | sha256sum -c -; sh /run/agent.run; \
         rm -f /run/agent.run",
        item.file, item.sha256
    );
    command(&["sh", "-c", &fetch])
}
