//! User data for cloud-init: a machine that installs the agent at its first boot, from a kit that is served.
//!
//! The kit is served over plain HTTP. So what is trusted stands here: the repository with its key, or the digest of what is fetched.

use super::choose::newest;
use super::{images, Context};
use crate::error::{IoContext, Result};
use crate::kit::input::{Item, Kind};
use std::fs;

pub const NAME: &str = "cloud-init";

const BEGIN: &str = "#cloud-config
# Installs @NAME@ at the first boot. Put the address of the kit in the place of KIT: linkpack kit serve KIT --listen ADDRESS:PORT
# Settings: take the # away in @ETC@/install.conf, and write the value. For an image that is to be cloned see linkctl seal.
write_files:
";
/// User data: files to write, with their modes, and commands to run.
struct Data {
    files: Vec<(String, &'static str, String)>,
    commands: Vec<Vec<String>>,
}

pub fn write(context: &Context) -> Result<bool> {
    let made = [
        ("apt.yaml", newest(context, Kind::Deb).map(|item| apt(context, item)).transpose()?),
        ("dnf.yaml", newest(context, Kind::Rpm).map(|item| dnf(context, item)).transpose()?),
        ("run.yaml", newest(context, Kind::Run).map(run)),
    ];
    let mut any = false;
    for (file, data) in made {
        let Some(data) = data else { continue };
        context.put(NAME, file, &context.named(&data.text(context))?)?;
        any = true;
    }
    Ok(any)
}

impl Data {
    fn text(&self, context: &Context) -> String {
        let mut text = BEGIN.replace("@NAME@", &context.plan.name);
        let settings = ("@ETC@/install.conf".to_owned(), "0600", images::answers(context.settings).join("\n"));
        for (path, mode, content) in std::iter::once(&settings).chain(&self.files) {
            text += &format!("  - path: {path}\n    owner: root:root\n    permissions: '{mode}'\n    content: |\n");
            for line in content.lines() {
                text += format!("      {line}").trim_end();
                text.push('\n');
            }
        }
        text += "runcmd:\n";
        for command in &self.commands {
            // A list: nothing in it is for a shell.
            let quoted: Vec<String> = command.iter().map(|word| format!("'{}'", word.replace('\'', "''"))).collect();
            text += &format!("  - [{}]\n", quoted.join(", "));
        }
        text
    }
}

fn words(command: &[&str]) -> Vec<String> {
    command.iter().map(|&word| word.to_owned()).collect()
}

/// A file of the kit.
fn text(context: &Context, path: &str) -> Result<String> {
    let path = context.stage.root().join(path);
    fs::read_to_string(&path).or_cannot("read", &path)
}

fn apt(context: &Context, item: &Item) -> Result<Data> {
    let file = format!("{}.sources", context.plan.name);
    let line =
        |line: &str| if line.starts_with("URIs:") { "URIs: http://KIT/linux/apt\n".to_owned() } else { format!("{line}\n") };
    let source = text(context, &format!("linux/apt/{file}"))?.lines().map(line).collect();
    let commands = vec![
        words(&["apt-get", "update"]),
        words(&["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-y", "install", &item.identity.name]),
    ];
    Ok(Data { files: vec![(format!("/etc/apt/sources.list.d/{file}"), "0644", source)], commands })
}

fn dnf(context: &Context, item: &Item) -> Result<Data> {
    let name = &context.plan.name;
    let key = crate::kit::rpm_md::installed_key(name);
    let line = |line: &str| match line.starts_with("gpgkey=") {
        true => format!("gpgkey=file://{key}\n"),
        false => line.replace("file:///mnt", "http://KIT") + "\n",
    };
    let repository = text(context, &format!("linux/rpm/{name}.repo"))?.lines().map(line).collect();
    let files = vec![
        (format!("/etc/yum.repos.d/{name}.repo"), "0644", repository),
        (key.clone(), "0644", context.plan.trusted()?.armored.clone()),
    ];
    Ok(Data { files, commands: vec![words(&["dnf", "-y", "install", &item.identity.name])] })
}

fn run(item: &Item) -> Data {
    let fetch = format!(
        "set -e; curl -fsS -o /run/agent.run 'http://KIT/linux/run/{}'; echo '{}  /run/agent.run' | sha256sum -c -; sh /run/agent.run; \
         rm -f /run/agent.run",
        item.file, item.sha256
    );
    Data { files: Vec::new(), commands: vec![words(&["sh", "-c", &fetch])] }
}
