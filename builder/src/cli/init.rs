//! `linkpack init`: a commented manifest, or a whole sample product.

use super::arguments::InitArguments;
use crate::error::{Error, IoContext, Result};
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A file that init makes: its path, its bytes, whether it is executable.
type Made = (&'static str, &'static [u8], bool);

const MANIFEST: &[Made] = &[("linkpack.toml", include_bytes!("../../../templates/manifest/linkpack.toml"), false)];

/// The sample: binaries come from build.rs.
const SAMPLE: &[Made] = &[
    ("linkpack.toml", include_bytes!("../../../templates/manifest/sample.toml"), false),
    ("sites/example.toml", include_bytes!("../../../templates/manifest/example-site.toml"), false),
    ("connector/vlink", include_bytes!(concat!(env!("OUT_DIR"), "/vlink")), true),
    ("containers/pulse/bin/pulse", include_bytes!("../../../installers/connector/samples/pulse/bin/pulse"), true),
    ("containers/tracer/bin/tracer", include_bytes!("../../../installers/connector/samples/tracer/bin/tracer"), true),
    ("containers/tracer/lib/libtracer.so", include_bytes!(concat!(env!("OUT_DIR"), "/libtracer.so")), false),
];

/// Makes the folder and its files; never overwrites one.
pub fn run(arguments: &InitArguments) -> Result<()> {
    let files = if arguments.sample { SAMPLE } else { MANIFEST };
    for (name, _, _) in files {
        let path = arguments.dir.join(name);
        if path.symlink_metadata().is_ok() {
            return Err(Error::new(format!("{} exists already", path.display())).help("name another folder"));
        }
    }
    for (name, bytes, executable) in files {
        make(&arguments.dir.join(name), bytes, *executable)?;
    }
    let next = match arguments.sample {
        true => "build the sample: linkpack build -m",
        false => "edit the manifest, then: linkpack build -m",
    };
    eprintln!("{next} {}", arguments.dir.join("linkpack.toml").display());
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
