//! control.tar (deb-control(5), deb-conffiles(5)) and the documentation that Debian Policy 12 asks for.
//!
//! There is no md5sums: dpkg makes that list itself while it unpacks (since 1.16.3), and a second digest of everything takes longer
//! than all three packages' assembly.

use super::super::{tar, PreparedFile};
use super::{DataFile, DebSpec};
use crate::compress::{Layout, Packed};
use crate::error::{Error, Result};
use crate::payload::{Kind, TreePath};
use flate2::{Compression, GzBuilder};
use std::io::Write;

/// control.tar, compressed.
pub fn archive(spec: &DebSpec, files: &[DataFile]) -> Result<Packed> {
    let mut layout = Layout::one_frame(spec.store, spec.codec);
    let here = PreparedFile::directory(TreePath::new(b"control")?, spec.mtime);
    tar::append(&mut layout, b".", &here)?;
    let mut add = |name: &str, bytes: Vec<u8>, mode: u32| {
        let file = PreparedFile::made(TreePath::new(name.as_bytes())?, bytes, mode, spec.mtime);
        tar::append(&mut layout, format!("./{name}").as_bytes(), &file)
    };
    add("control", control(spec, files).into_bytes(), 0o644)?;
    let conffiles = conffiles(files);
    if !conffiles.is_empty() {
        add("conffiles", conffiles, 0o644)?;
    }
    for (name, text) in spec.control_files {
        let mode = if matches!(*name, "templates" | "modules" | "triggers") { 0o644 } else { 0o755 };
        add(name, text.clone().into_bytes(), mode)?;
    }
    tar::finish(&mut layout)?;
    layout.finish()
}

fn control(spec: &DebSpec, files: &[DataFile]) -> String {
    let mut text = String::new();
    let mut field = |name: &str, value: &str| {
        if !value.is_empty() {
            text.push_str(&format!("{name}: {value}\n"));
        }
    };
    field("Package", spec.name);
    field("Version", spec.version);
    field("Architecture", spec.architecture);
    field("Maintainer", spec.about.maintainer);
    field("Installed-Size", &installed_kb(files).to_string());
    field("Pre-Depends", spec.pre_depends.unwrap_or_default());
    field("Depends", &spec.depends.join(", "));
    field("Recommends", &spec.weak.recommends.join(", "));
    field("Suggests", &spec.weak.suggests.join(", "));
    // A site's package stands for the product, and only one of them can be on a machine.
    let product = spec.provides.unwrap_or_default();
    let conflicts: Vec<&str> = spec.provides.into_iter().chain(spec.weak.conflicts.iter().map(String::as_str)).collect();
    field("Provides", product);
    field("Conflicts", &conflicts.join(", "));
    field("Replaces", product);
    field("Section", spec.about.section);
    field("Priority", spec.priority);
    field("Homepage", spec.about.homepage.unwrap_or_default());
    field("Description", &description(spec.description));
    text
}

/// The description as a folded field (Policy 5.6.13): a space before each further line, a dot for an empty one.
fn description(text: &str) -> String {
    let mut lines = text.trim_end().lines();
    let mut folded = lines.next().unwrap_or_default().trim().trim_end_matches('.').to_owned();
    for line in lines {
        let line = line.trim_end();
        folded.push_str("\n ");
        folded.push_str(if line.trim().is_empty() { "." } else { line });
    }
    folded
}

/// What the package occupies in KiB: files rounded up, 1 for everything else, as dpkg-gencontrol counts.
pub fn installed_kb(files: &[DataFile]) -> u64 {
    let kb = |file: &PreparedFile| if matches!(file.entry.kind, Kind::File(_)) { file.len().div_ceil(1024) } else { 1 };
    files.iter().map(|one| kb(one.file)).sum()
}

fn conffiles(files: &[DataFile]) -> Vec<u8> {
    let named = files.iter().filter(|one| one.file.entry.config && one.file.digests.is_some());
    named.flat_map(|one| [b"/".as_slice(), &one.path(), b"\n"].concat()).collect()
}

/// Copyright, changelog and lintian's overrides: path without leading slash, and content.
pub fn documentation(spec: &DebSpec) -> Result<Vec<(String, Vec<u8>)>> {
    let name = spec.name;
    let copyright = copyright(spec)?;
    let date = rfc2822(spec.mtime)?;
    let entry = format!(
        "{name} ({}) stable; urgency=medium\n\n  * Packaged by linkpack.\n\n -- {}  {date}\n",
        spec.version, spec.about.maintainer
    );
    let mut packed = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    let packed = packed.write_all(entry.as_bytes()).and_then(|()| packed.finish());
    let changelog = packed.map_err(|error| Error::new(format!("cannot compress the changelog: {error}")))?;
    let mut files = vec![
        (format!("usr/share/doc/{name}/copyright"), copyright.into_bytes()),
        (format!("usr/share/doc/{name}/changelog.gz"), changelog),
    ];
    // A site's configuration package, without scripts, has nothing to explain.
    if !spec.control_files.is_empty() {
        files.push((format!("usr/share/lintian/overrides/{name}"), super::lintian::overrides(spec).into_bytes()));
    }
    Ok(files)
}

/// The copyright file (Debian Policy 12.5).
fn copyright(spec: &DebSpec) -> Result<String> {
    let mut text = format!(
        "This package was made by linkpack from its maker's own files.\n\nCopyright: (C) {} {}\n\nLicense: {}\n",
        year(spec.mtime)?,
        spec.about.publisher,
        spec.about.license
    );
    if let Some((_, file)) = COMMON_LICENSES.iter().find(|(identifier, _)| spec.about.license == *identifier) {
        text.push_str(&format!("\nOn Debian systems the full text is in /usr/share/common-licenses/{file}.\n"));
    }
    text.push_str("\nThe containers in this package come under the licences of their makers.\n");
    Ok(text)
}

/// SPDX identifiers of licences whose text Debian systems carry, and its file's name there.
const COMMON_LICENSES: &[(&str, &str)] = &[
    ("Apache-2.0", "Apache-2.0"),
    ("BSD-3-Clause", "BSD"),
    ("GPL-2.0-only", "GPL-2"),
    ("GPL-2.0-or-later", "GPL-2"),
    ("GPL-3.0-only", "GPL-3"),
    ("GPL-3.0-or-later", "GPL-3"),
    ("LGPL-2.1-only", "LGPL-2.1"),
    ("LGPL-2.1-or-later", "LGPL-2.1"),
    ("LGPL-3.0-only", "LGPL-3"),
    ("LGPL-3.0-or-later", "LGPL-3"),
    ("MPL-2.0", "MPL-2.0"),
];

fn utc(seconds: i64) -> Result<jiff::ZonedDateTime> {
    let time = jiff::Timestamp::from_second(seconds)
        .map_err(|error| Error::new(format!("{seconds} seconds since 1970 is no date: {error}")))?;
    Ok(time.to_zoned_datetime(jiff::tz::TimeZone::UTC))
}

fn year(seconds: i64) -> Result<i16> {
    Ok(utc(seconds)?.year())
}

/// A time as changelogs write it (RFC 5322, UTC).
fn rfc2822(seconds: i64) -> Result<String> {
    jiff::fmt::rfc2822::to_string(&utc(seconds)?).map_err(|error| Error::new(format!("{seconds} seconds since 1970: {error}")))
}
