//! Whether what the manifest names is there: asked of all sources before the first is read, which may take a while.

use crate::error::{Error, Result};
use crate::manifest::steps;
use crate::manifest::{Product, SourceSpec, Target};
use std::path::{Path, PathBuf};

/// # Errors
/// All sources of the targets that are not there.
pub fn check(product: &Product, targets: &[Target]) -> Result<()> {
    let manifest = product.manifest();
    let mut missing = Vec::new();
    let mut look = |spec: &SourceSpec, what: &str, target: Target, place: Vec<_>| {
        for (at, layer) in spec.layers.iter().enumerate() {
            let Some(error) = absent(&layer.source, &product.resolve(layer)) else { continue };
            let error = error.note(format!("in the payload of {what} for {}", target.name()));
            missing.push(product.point(error, &[&place[..], &steps![at, "source"]].concat()));
        }
    };
    for target in targets {
        if let Some(spec) = manifest.connector.payload.get(target) {
            look(spec, "the connector", *target, steps!["connector", "payload", target.name()]);
        }
        for (at, container) in manifest.container.iter().enumerate() {
            let container = container.get_ref();
            if let Some(spec) = container.payload.get(target) {
                let what = format!("container \"{}\"", container.name);
                look(spec, &what, *target, steps!["container", at, "payload", target.name()]);
            }
        }
    }
    missing.sort_by_key(|error| error.snippet().map(|snippet| snippet.span.start));
    Error::all(missing).map_or(Ok(()), Err)
}

/// Why a source cannot be read, where that shows without reading it.
fn absent(written: &str, path: &Path) -> Option<Error> {
    if let Some(local) = written.strip_prefix("file://").filter(|local| local.starts_with('/')) {
        return Some(Error::new(format!("\"{written}\" is a URL, and a source is a path")).help(format!("write \"{local}\"")));
    }
    let remote = |(host, path): (&str, &str)| host.contains('@') && !host.contains('/') && !path.is_empty();
    if written.split_once(':').is_some_and(remote) && !path.exists() {
        let what = format!("\"{written}\" is on another machine, and a build reads local files alone");
        return Some(Error::new(what).help("fetch or clone it first, and name the folder here"));
    }
    if let Some((scheme, _)) = written.split_once("://").filter(|(scheme, _)| scheme.chars().all(|c| c.is_ascii_alphanumeric())) {
        let name = written.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("FILE");
        return Some(
            Error::new(format!("\"{written}\" is on the network ({scheme}), and a build reads local files alone")).help(
                match scheme {
                    "http" | "https" | "ftp" => {
                        format!("fetch it first, and check its digest: curl -fLo {name} '{written}'; then write \"{name}\"")
                    }
                    _ => format!("fetch it first with the tool that is for it, and check its digest; then write \"{name}\""),
                },
            ),
        );
    }
    let error = std::fs::metadata(path).err()?;
    let what = match error.kind() {
        std::io::ErrorKind::NotFound => format!("there is no file or folder {}", path.display()),
        _ => format!("cannot read {}: {error}", path.display()),
    };
    let help = match near(path) {
        Some(near) => format!("write \"{}\"", as_written(written, path, &near)),
        None if written.starts_with('~') => "write the folder itself: no shell reads this, so ~ stands for nothing".to_owned(),
        None if written.contains('$') => {
            "write the path itself, or { env = \"NAME\" }: no shell reads this, so $ stands for nothing".to_owned()
        }
        None if written.contains(['*', '?']) => {
            "name the folder, and what to take of it: { source = \"folder\", include = [\"*\"] }".to_owned()
        }
        None => "name a folder, an archive or a package, relative to the manifest's folder".to_owned(),
    };
    Some(Error::new(what).help(help))
}

/// What is there under the most similar name.
fn near(path: &Path) -> Option<PathBuf> {
    let (folder, name) = (path.parent()?, path.file_name()?.to_string_lossy().into_owned());
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    // A misspelt folder on the way to it.
    if !folder.is_dir() {
        let folder = near(folder)?;
        let path = folder.join(&name);
        return if path.exists() { Some(path) } else { near(&path) };
    }
    let names = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let near = names.map(|other| (strsim::damerau_levenshtein(&name.to_lowercase(), &other.to_lowercase()), other)).min()?;
    let begins = near.1.starts_with(&name) || name.starts_with(&near.1);
    (near.0 <= 2.max(name.len() / 3) || begins).then(|| path.with_file_name(near.1))
}

/// Another path as the manifest would write it: without what was put before the relative one.
fn as_written(written: &str, path: &Path, near: &Path) -> String {
    let (path, near) = (path.to_string_lossy(), near.to_string_lossy());
    let above = path.strip_suffix(written).unwrap_or_default();
    near.strip_prefix(above).unwrap_or(&near).to_owned()
}
