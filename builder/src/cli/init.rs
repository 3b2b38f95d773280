//! `linkpack init`: a commented manifest, or a whole sample product.

use super::arguments::InitArguments;
use super::screen::say;
use super::told;
use crate::endpoint;
use crate::error::{Error, IoContext, Result};
use crate::manifest::{proposed_upgrade_code, Name};
use std::borrow::Cow;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A file that init makes: its path, its bytes, whether it is executable.
type Made = (&'static str, Cow<'static, [u8]>, bool);

const MANIFEST: &str = include_str!("../../../templates/manifest/linkpack.toml");
const SAMPLE_MANIFEST: &str = include_str!("../../../templates/manifest/sample.toml");
/// What editors check the manifest and site files by; the files name them in their first line.
const SCHEMA: &str = "linkpack.schema.json";
const SITE_SCHEMA: &str = "linkpack-site.schema.json";
const SITE: &str = include_str!("../../../templates/manifest/example-site.toml");

/// The sample's Linux side: binaries come from build.rs.
const LINUX: [(&str, &[u8], bool); 4] = [
    ("connector/vlink", include_bytes!(concat!(env!("OUT_DIR"), "/vlink")), true),
    ("containers/pulse/bin/pulse", include_bytes!("../../../installers/connector/samples/pulse/bin/pulse"), true),
    ("containers/tracer/bin/tracer", include_bytes!("../../../installers/connector/samples/tracer/bin/tracer"), true),
    ("containers/tracer/lib/libtracer.so", include_bytes!(concat!(env!("OUT_DIR"), "/libtracer.so")), false),
];

fn manifest(folder: &Path) -> Vec<Made> {
    let name = name_of(folder);
    let mut title = name.replace(['-', '.', '+'], " ");
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let text = MANIFEST
        .replacen("\"my-agent\"", &format!("\"{name}\""), 1)
        .replacen("\"My Agent\"", &format!("\"{title}\""), 1)
        .replacen("\"...\"", &format!("\"{}\"", proposed_upgrade_code()), 1);
    vec![
        ("linkpack.toml", Cow::from(text.into_bytes()), false),
        (SCHEMA, Cow::from(crate::manifest::schema().into_bytes()), false),
    ]
}

/// The folder's name as a product's; `my-agent` where none can be made of it.
fn name_of(folder: &Path) -> String {
    let whole = std::path::absolute(folder).unwrap_or_default();
    let name = whole.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || "+.".contains(c) { c } else { '-' }).collect();
    let name = name.trim_matches(|c| "+.-".contains(c)).to_owned();
    if Name::new(name.as_str()).is_ok() {
        name
    } else {
        "my-agent".to_owned()
    }
}

/// The sample product; without its Windows side where this linkpack has no programs for it.
fn sample() -> Vec<Made> {
    let windows = endpoint::windows::sample();
    let manifest = match windows {
        Ok(_) => Cow::from(SAMPLE_MANIFEST.as_bytes()),
        Err(_) => Cow::from(without_windows(SAMPLE_MANIFEST).into_bytes()),
    };
    let mut files = vec![
        ("linkpack.toml", manifest, false),
        ("sites/example.toml", Cow::from(SITE.as_bytes()), false),
        (SCHEMA, Cow::from(crate::manifest::schema().into_bytes()), false),
        (SITE_SCHEMA, Cow::from(crate::manifest::site_schema().into_bytes()), false),
    ];
    files.extend(LINUX.map(|(name, bytes, executable)| (name, Cow::from(bytes), executable)));
    match windows {
        Ok(sample) => files.extend([
            ("windows/connector/vlinkservice.exe", Cow::from(sample.connector), true),
            ("windows/pulse/bin/pulse.exe", Cow::from(sample.pulse), true),
            ("windows/tracer/bin/tracer.exe", Cow::from(sample.tracer), true),
            ("windows/tracer/lib/tracer.dll", Cow::from(sample.library), false),
        ]),
        Err(why) => say(&format!("note: the sample is for Linux only: {why}")),
    }
    files
}

/// The sample's manifest without the payloads that are not there.
fn without_windows(manifest: &str) -> String {
    manifest.split_inclusive('\n').filter(|line| !line.starts_with("windows-x86_64 = ")).collect()
}

/// Makes the folder and its files; never overwrites one.
pub fn run(arguments: &InitArguments) -> Result<()> {
    let files = if arguments.sample { sample() } else { manifest(&arguments.dir) };
    for (name, _, _) in &files {
        let path = arguments.dir.join(name);
        if path.symlink_metadata().is_ok() {
            return Err(Error::new(format!("{} exists already", path.display())).help("name another folder"));
        }
    }
    for (name, bytes, executable) in &files {
        make(&arguments.dir.join(name), bytes, *executable)?;
    }
    let next = match arguments.sample {
        true => "build the sample: linkpack build -m",
        false => "edit the manifest, then: linkpack build -m",
    };
    let manifest = arguments.dir.join("linkpack.toml");
    say(&format!("{next} {}", as_word(&manifest)));
    let files = files.iter().map(|(name, _, _)| arguments.dir.join(name)).collect();
    if arguments.json {
        super::print(&told::json(&told::Made { manifest, files }))
    } else {
        Ok(())
    }
}

/// A path as it is typed into a shell.
fn as_word(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if text.chars().all(plain) {
        text
    } else {
        endpoint::sh_quote(&text)
    }
}

fn make(path: &Path, bytes: &[u8], executable: bool) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).or_cannot("create", folder)?;
    let mut options = fs::OpenOptions::new();
    let mode = if executable { 0o755 } else { 0o644 };
    let mut file = options.write(true).create_new(true).mode(mode).open(path).or_cannot("create", path)?;
    file.write_all(bytes).or_cannot("write", path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_has_the_name_of_its_folder() {
        for (folder, name) in
            [("/srv/Acme Agent", "acme-agent"), ("x/monit_5", "monit-5"), ("/", "my-agent"), ("/srv/ü", "my-agent")]
        {
            assert_eq!(name_of(Path::new(folder)), name, "{folder}");
        }
        let made = manifest(Path::new("/srv/acme-agent"));
        let text = String::from_utf8(made[0].1.to_vec()).unwrap();
        let product = crate::manifest::parse("linkpack.toml", &text, Default::default(), &Default::default()).unwrap();
        assert_eq!(product.manifest().product.name.as_str(), "acme-agent");
        assert_eq!(product.manifest().product.title.as_str(), "Acme agent");
        assert!(product.manifest().product.upgrade_code.is_some());
    }

    #[test]
    fn without_a_compiler_for_windows_the_sample_is_whole_for_linux() {
        let text = without_windows(SAMPLE_MANIFEST);
        let product = crate::manifest::parse("linkpack.toml", &text, Default::default(), &Default::default()).unwrap();
        assert_eq!(product.manifest().connector.payload.len(), 1);
        assert!(product.manifest().container.iter().all(|container| container.get_ref().payload.len() == 1));
    }
}
