//! `linkpack init`: a commented manifest, or a whole sample product.

use super::arguments::InitArguments;
use super::screen::say;
use crate::endpoint;
use crate::error::{Error, IoContext, Result};
use std::borrow::Cow;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A file that init makes: its path, its bytes, whether it is executable.
type Made = (&'static str, Cow<'static, [u8]>, bool);

const MANIFEST: &str = include_str!("../../../templates/manifest/linkpack.toml");
const SAMPLE_MANIFEST: &str = include_str!("../../../templates/manifest/sample.toml");
const SITE: &str = include_str!("../../../templates/manifest/example-site.toml");

/// The sample's Linux side: binaries come from build.rs.
const LINUX: [(&str, &[u8], bool); 4] = [
    ("connector/vlink", include_bytes!(concat!(env!("OUT_DIR"), "/vlink")), true),
    ("containers/pulse/bin/pulse", include_bytes!("../../../installers/connector/samples/pulse/bin/pulse"), true),
    ("containers/tracer/bin/tracer", include_bytes!("../../../installers/connector/samples/tracer/bin/tracer"), true),
    ("containers/tracer/lib/libtracer.so", include_bytes!(concat!(env!("OUT_DIR"), "/libtracer.so")), false),
];

fn manifest() -> Vec<Made> {
    vec![("linkpack.toml", Cow::from(MANIFEST.as_bytes()), false)]
}

/// The sample product; without its Windows side where this linkpack has no programs for it.
fn sample() -> Vec<Made> {
    let windows = endpoint::windows::sample();
    let manifest = match windows {
        Ok(_) => Cow::from(SAMPLE_MANIFEST.as_bytes()),
        Err(_) => Cow::from(without_windows(SAMPLE_MANIFEST).into_bytes()),
    };
    let mut files = vec![("linkpack.toml", manifest, false), ("sites/example.toml", Cow::from(SITE.as_bytes()), false)];
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
    let files = if arguments.sample { sample() } else { manifest() };
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
    say(&format!("{next} {}", arguments.dir.join("linkpack.toml").display()));
    Ok(())
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
    fn without_a_compiler_for_windows_the_sample_is_whole_for_linux() {
        let text = without_windows(SAMPLE_MANIFEST);
        let product = crate::manifest::parse("linkpack.toml", &text, Default::default()).unwrap();
        assert_eq!(product.manifest().connector.payload.len(), 1);
        assert!(product.manifest().container.iter().all(|container| container.get_ref().payload.len() == 1));
    }
}
