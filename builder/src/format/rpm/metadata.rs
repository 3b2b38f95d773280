//! The main header: all that rpm knows of a package without unpacking it.

use super::dependency::{self, Dependency};
use super::files::FileList;
use super::header::{Header, Value};
use super::spec::{architecture, RpmSpec};
use super::{LUA, SHA256, SHELL};
use crate::compress::Codec;
use crate::error::Result;
use ::rpm::IndexTag as Tag;
use std::collections::BTreeSet;

/// The build host that packages name: a real one would make the bytes depend on the machine.
const BUILD_HOST: &str = "linkpack";

/// The group of a package that names none: the classic one of services.
const GROUP: &str = "System Environment/Daemons";

/// The main header; its length does not depend on `payload_digest`, the SHA-256 of the compressed payload.
///
/// # Errors
/// A dependency that is none.
pub fn header<'a>(spec: &'a RpmSpec, files: &'a FileList, payload_digest: &[u8; 32]) -> Result<Header<'a>> {
    let mut header = Header::default();
    put_description(&mut header, spec);
    put_origin(&mut header, spec)?;
    files.put(&mut header);
    if files.is_utf8() {
        header.put_text(Tag::RPMTAG_ENCODING as u32, "utf-8");
    }
    if spec.relocatable {
        header.put_texts(Tag::RPMTAG_PREFIXES as u32, [spec.prefix]);
    }
    put_scriptlets(&mut header, spec);
    put_dependencies(&mut header, spec, files)?;
    put_payload(&mut header, spec.codec, payload_digest);
    Ok(header)
}

fn put_description<'a>(header: &mut Header<'a>, spec: &'a RpmSpec) {
    header.put_texts(Tag::RPMTAG_HEADERI18NTABLE as u32, ["C"]);
    header.put_text(Tag::RPMTAG_NAME as u32, spec.name);
    header.put_text(Tag::RPMTAG_VERSION as u32, spec.version);
    header.put_text(Tag::RPMTAG_RELEASE as u32, spec.about.release);
    if let Some(epoch) = spec.about.epoch {
        header.put_numbers(Tag::RPMTAG_EPOCH as u32, [epoch]);
    }
    let translated = [
        (Tag::RPMTAG_SUMMARY, spec.summary),
        (Tag::RPMTAG_DESCRIPTION, spec.description.trim_end()),
        (Tag::RPMTAG_GROUP, spec.about.group.unwrap_or(GROUP)),
    ];
    for (tag, text) in translated {
        header.put(tag as u32, Value::translated(text));
    }
    header.put_text(Tag::RPMTAG_LICENSE as u32, spec.about.license);
    let optional =
        [(Tag::RPMTAG_URL, spec.about.url), (Tag::RPMTAG_VENDOR, spec.about.vendor), (Tag::RPMTAG_PACKAGER, spec.about.packager)];
    for (tag, text) in optional {
        if let Some(text) = text {
            header.put_text(tag as u32, text);
        }
    }
}

fn put_origin<'a>(header: &mut Header<'a>, spec: &'a RpmSpec) -> Result<()> {
    architecture(spec.arch)?;
    header.put_text(Tag::RPMTAG_OS as u32, "linux");
    header.put_text(Tag::RPMTAG_ARCH as u32, spec.arch);
    header.put_text(Tag::RPMTAG_PLATFORM as u32, format!("{}-linux", spec.arch));
    header.put_text(Tag::RPMTAG_OPTFLAGS as u32, "");
    let build_time = spec.build_time.clamp(0, u32::MAX.into()) as u32;
    header.put_numbers(Tag::RPMTAG_BUILDTIME as u32, [build_time]);
    header.put_text(Tag::RPMTAG_BUILDHOST as u32, BUILD_HOST);
    header.put_text(Tag::RPMTAG_RPMVERSION as u32, concat!("linkpack-", env!("CARGO_PKG_VERSION")));
    // Without it, rpm takes the package for a source package.
    header.put_text(Tag::RPMTAG_SOURCERPM as u32, format!("{}-{}-{}.src.rpm", spec.name, spec.version, spec.about.release));
    Ok(())
}

fn put_scriptlets<'a>(header: &mut Header<'a>, spec: &'a RpmSpec) {
    let scriptlets = &spec.scriptlets;
    let tags = [
        (&scriptlets.pre, Tag::RPMTAG_PREIN, Tag::RPMTAG_PREINPROG),
        (&scriptlets.post, Tag::RPMTAG_POSTIN, Tag::RPMTAG_POSTINPROG),
        (&scriptlets.preun, Tag::RPMTAG_PREUN, Tag::RPMTAG_PREUNPROG),
        (&scriptlets.postun, Tag::RPMTAG_POSTUN, Tag::RPMTAG_POSTUNPROG),
        (&scriptlets.pretrans, Tag::RPMTAG_PRETRANS, Tag::RPMTAG_PRETRANSPROG),
        (&scriptlets.posttrans, Tag::RPMTAG_POSTTRANS, Tag::RPMTAG_POSTTRANSPROG),
    ];
    for (script, text, program) in tags {
        if let Some(script) = script {
            header.put_text(text as u32, script.trim_end());
            header.put_text(program as u32, if program == Tag::RPMTAG_PRETRANSPROG { LUA } else { SHELL });
        }
    }
}

fn put_dependencies(header: &mut Header, spec: &RpmSpec, files: &FileList) -> Result<()> {
    let epoch = spec.about.epoch.map(|epoch| format!("{epoch}:")).unwrap_or_default();
    let version = format!("{epoch}{}-{}", spec.version, spec.about.release);
    let mut provides = Dependency::parse_all(spec.provides)?;
    provides.insert(Dependency::equal(spec.name, &version));
    let isa = architecture(spec.arch)?.isa;
    if !isa.is_empty() {
        provides.insert(Dependency::equal(format!("{}({isa})", spec.name), &version));
    }
    let mut requires = Dependency::parse_all(spec.requires)?;
    let conflicts = Dependency::parse_all(spec.conflicts)?;
    let obsoletes = Dependency::parse_all(spec.obsoletes)?;
    let mut order = dependency::order(&spec.scriptlets);
    order.extend(Dependency::parse_all(spec.after)?);
    let (recommends, suggests) = (Dependency::parse_all(spec.recommends)?, Dependency::parse_all(spec.suggests)?);
    let all = [&provides, &requires, &conflicts, &obsoletes, &recommends, &suggests];
    let features = all.map(dependency::of_relations).concat();
    requires.extend(features);
    requires.extend(dependency::of_scriptlets(&spec.scriptlets));
    requires.extend(dependency::of_tools(&spec.scriptlets));
    requires.extend(of_the_format(spec.codec, files));
    for (tags, list) in [
        (dependency::PROVIDES, provides),
        (dependency::REQUIRES, requires),
        (dependency::CONFLICTS, conflicts),
        (dependency::OBSOLETES, obsoletes),
        (dependency::RECOMMENDS, recommends),
        (dependency::SUGGESTS, suggests),
        (dependency::ORDER, order),
    ] {
        dependency::put(header, &tags, list);
    }
    Ok(())
}

/// What rpm must be able to do to read the package.
fn of_the_format(codec: Codec, files: &FileList) -> BTreeSet<Dependency> {
    let mut features = BTreeSet::from([
        Dependency::rpmlib("CompressedFileNames", "3.0.4-1"),
        Dependency::rpmlib("FileDigests", "4.6.0-1"),
        Dependency::rpmlib("PayloadFilesHavePrefix", "4.0-1"),
    ]);
    features.extend(codec.rpmlib().map(|(name, version)| Dependency::rpmlib(name, version)));
    if files.has_capabilities() {
        features.insert(Dependency::rpmlib("FileCaps", "4.6.1-1"));
    }
    if files.has_large_files() {
        features.insert(Dependency::rpmlib("LargeFiles", "4.12.0-1"));
    }
    features
}

fn put_payload(header: &mut Header, codec: Codec, digest: &[u8; 32]) {
    header.put_text(Tag::RPMTAG_PAYLOADFORMAT as u32, "cpio");
    header.put_text(Tag::RPMTAG_PAYLOADCOMPRESSOR as u32, codec.name());
    header.put_text(Tag::RPMTAG_PAYLOADFLAGS as u32, codec.level().to_string());
    header.put_texts(Tag::RPMTAG_PAYLOADSHA256 as u32, [hex::encode(digest)]);
    header.put_numbers(Tag::RPMTAG_PAYLOADSHA256ALGO as u32, [SHA256]);
}
