//! What a package is made of, and the checks that RPM's vocabulary asks for.

use crate::compress::{Codec, Store};
use crate::error::{Error, Result};
use crate::format::PreparedFile;
use crate::payload::TreePath;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything that goes into one RPM.
pub struct RpmSpec<'a> {
    /// Letters, digits and `._+-`, a letter or digit first.
    pub name: &'a str,
    /// Letters, digits and `._+~^`; no `-`.
    pub version: &'a str,
    /// "x86_64", "aarch64" or "noarch".
    pub arch: &'a str,
    /// One line.
    pub summary: &'a str,
    /// Any number of lines.
    pub description: &'a str,
    /// What is alike in all packages of a product.
    pub about: About<'a>,
    /// The packaged root, absolute, which `rpm --prefix` moves elsewhere. The package owns it, but not the directories above it.
    pub prefix: &'a str,
    /// Whether `rpm --prefix` may move it.
    pub relocatable: bool,
    /// Seconds since 1970 (SOURCE_DATE_EPOCH): the package's build time, and the latest time that a file may carry.
    pub build_time: i64,
    /// Paths relative to the prefix.
    pub files: &'a [&'a PreparedFile],
    /// What the package's scriptlets make on the endpoint and the package's removal is to remove.
    pub ghosts: &'a [Ghost],
    /// The files' capabilities, by the path relative to the prefix, as cap_from_text(3) reads them.
    pub capabilities: &'a BTreeMap<TreePath, String>,
    /// The scripts that rpm runs.
    pub scriptlets: Scriptlets,
    /// `name`, `name >= 1.0` or `(a or b)` each.
    pub requires: &'a [String],
    /// In the same form.
    pub recommends: &'a [String],
    /// In the same form.
    pub suggests: &'a [String],
    /// Beside the package's own name, in the same form.
    pub provides: &'a [String],
    /// In the same form.
    pub conflicts: &'a [String],
    /// In the same form.
    pub obsoletes: &'a [String],
    /// What comes before it in a transaction that holds both, in the same form.
    pub after: &'a [String],
    /// How the payload is compressed.
    pub codec: Codec,
    /// Where the files' compressed units are.
    pub store: &'a Arc<Store>,
}

/// What all packages of a product say alike: its own, and those of its sites.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// As the version; usually "1".
    pub release: &'a str,
    /// Compared before the version.
    pub epoch: Option<u32>,
    /// An SPDX expression, or what the vendor calls its licence.
    pub license: &'a str,
    /// The product's home page.
    pub url: Option<&'a str>,
    /// Who publishes the package.
    pub vendor: Option<&'a str>,
    /// Whom to write to: `Name <address>`.
    pub packager: Option<&'a str>,
    /// RPM's old classification; "System Environment/Daemons" without one.
    pub group: Option<&'a str>,
}

/// Something that the endpoint makes and the package owns: listed as `%ghost`, never unpacked, not compared by `rpm -V`, and removed
/// with the package (a directory only when it is empty). Ghosts below the prefix move with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ghost {
    /// Absolute.
    pub path: String,
    /// What it is.
    pub kind: GhostKind,
}

/// What a [`Ghost`] is; modes are permission bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GhostKind {
    /// A regular file.
    File {
        /// As in chmod.
        mode: u16,
    },
    /// A directory.
    Directory {
        /// As in chmod.
        mode: u16,
    },
    /// A symbolic link, with the target that it has in an installation at the default prefix.
    Link {
        /// Where it leads.
        target: String,
    },
}

/// The scripts of a package, each run by `/bin/sh` with the number of the package's installed versions as `$1`.
#[derive(Debug, Clone, Default)]
pub struct Scriptlets {
    /// Before files are unpacked; its failure keeps the package out.
    pub pre: Option<String>,
    /// After files are unpacked.
    pub post: Option<String>,
    /// Before files are removed.
    pub preun: Option<String>,
    /// After files are removed.
    pub postun: Option<String>,
    /// Before the whole transaction, in the Lua that rpm itself has: on a system that is just being made there is no shell yet.
    pub pretrans: Option<String>,
    /// After the whole transaction.
    pub posttrans: Option<String>,
}

/// The package's conventional file name: `NAME-VERSION-RELEASE.ARCH.rpm`.
pub fn file_name(name: &str, version: &str, release: &str, arch: &str) -> String {
    format!("{name}-{version}-{release}.{arch}.rpm")
}

/// The lead's length in bytes.
pub const LEAD_LEN: usize = 96;

/// The lead: long without meaning to rpm, but it is what file(1) looks at.
pub fn lead(spec: &RpmSpec) -> Result<Vec<u8>> {
    let (binary, linux, header_signature): (u16, u16, u16) = (0, 1, 5);
    let mut lead = ::rpm::RPM_MAGIC.to_vec();
    lead.extend_from_slice(&[3, 0]);
    lead.extend_from_slice(&binary.to_be_bytes());
    lead.extend_from_slice(&architecture(spec.arch)?.lead.to_be_bytes());
    let name = format!("{}-{}-{}", spec.name, spec.version, spec.about.release);
    lead.extend(name.bytes().chain(std::iter::repeat(0)).take(65));
    lead.push(0);
    lead.extend_from_slice(&linux.to_be_bytes());
    lead.extend_from_slice(&header_signature.to_be_bytes());
    lead.resize(LEAD_LEN, 0);
    Ok(lead)
}

/// An architecture's other names.
pub struct Architecture {
    /// Its number in the lead.
    pub lead: u16,
    /// What `name(...)` provides and requires call it; empty where there is no such name.
    pub isa: &'static str,
}

/// Looks an architecture up.
///
/// # Errors
/// One that linkpack does not package for.
pub fn architecture(arch: &str) -> Result<Architecture> {
    match arch {
        "x86_64" => Ok(Architecture { lead: 1, isa: "x86-64" }),
        "aarch64" => Ok(Architecture { lead: 19, isa: "aarch-64" }),
        "noarch" => Ok(Architecture { lead: 255, isa: "" }),
        _ => Err(Error::new(format!("there is no RPM architecture \"{arch}\" here")).help("use x86_64 or aarch64")),
    }
}

/// Checks what rpm would refuse, or worse, read as something else.
///
/// # Errors
/// The first field that RPM cannot express, and what to write instead.
pub fn check(spec: &RpmSpec) -> Result<()> {
    architecture(spec.arch)?;
    check_name(spec.name)?;
    check_version("version", spec.version)?;
    check_version("release", spec.about.release)?;
    for (what, text) in [("summary", spec.summary), ("description", spec.description), ("license", spec.about.license)] {
        if text.trim().is_empty() {
            return Err(Error::new(format!("an RPM needs a {what}")).help(format!("give the product a {what}")));
        }
    }
    if spec.summary.contains('\n') {
        return Err(Error::new("an RPM's summary is one line").help("move what follows the first line to the description"));
    }
    check_nul(spec)?;
    check_absolute("prefix", spec.prefix)?;
    spec.ghosts.iter().try_for_each(|ghost| check_absolute("ghost", &ghost.path))
}

fn check_name(name: &str) -> Result<()> {
    let fine = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+-".contains(&b));
    if !fine || !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err(Error::new(format!("\"{}\" cannot be an RPM's name", name.escape_debug()))
            .help("use letters, digits and . _ + - and start with a letter or digit"));
    }
    Ok(())
}

/// A `-` is not rewritten: only the author knows whether `1.0-2` comes before 1.0 (as a pre-release of semantic versions does) or after
/// it (as a packaging revision does), and a guess would make an upgrade a downgrade.
fn check_version(what: &str, version: &str) -> Result<()> {
    if let Some((before, after)) = version.split_once('-') {
        let after = after.replace('-', ".");
        return Err(Error::new(format!(
            "the {what} \"{}\" cannot be an RPM's: \"-\" separates version and release",
            version.escape_debug()
        ))
        .note("\"~\" sorts before the version without it, \".\" after it, in DEB and RPM alike")
        .help(format!(
            "write \"{before}~{after}\" for what comes before {before}, \"{before}.{after}\" for what comes after it"
        )));
    }
    let fine = version.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+~^".contains(&b));
    if version.is_empty() || !fine || version.contains("..") {
        return Err(Error::new(format!("the {what} \"{}\" cannot be an RPM's", version.escape_debug()))
            .help("use letters, digits and single . _ + ~ ^"));
    }
    Ok(())
}

/// A NUL would end a string in the header early, and rpm would read on with its rest as the next tag's.
fn check_nul(spec: &RpmSpec) -> Result<()> {
    let scripts = &spec.scriptlets;
    let scripts = [&scripts.pre, &scripts.post, &scripts.preun, &scripts.postun, &scripts.pretrans, &scripts.posttrans];
    let links = spec.ghosts.iter().filter_map(|ghost| match &ghost.kind {
        GhostKind::Link { target } => Some(target.as_str()),
        _ => None,
    });
    let required = [spec.summary, spec.description, spec.about.license];
    let optional = [spec.about.url, spec.about.vendor, spec.about.packager, spec.about.group];
    let texts = required.into_iter().chain(optional.into_iter().flatten());
    let texts = texts.chain(scripts.into_iter().filter_map(|script| script.as_deref())).chain(links);
    match texts.into_iter().find(|text| text.contains('\0')) {
        Some(text) => Err(Error::new(format!("\"{}\" contains a NUL, which an RPM's texts cannot", text.escape_debug()))),
        None => Ok(()),
    }
}

fn check_absolute(what: &str, path: &str) -> Result<()> {
    let bad =
        |why: &str| Error::new(format!("the RPM's {what} \"{}\" is not a normalised absolute path{why}", path.escape_debug()));
    let relative = path.strip_prefix('/').filter(|rest| !rest.ends_with('/')).ok_or_else(|| bad(""))?;
    match TreePath::new(relative.as_bytes()) {
        Ok(normalised) if normalised.as_bytes() == relative.as_bytes() => Ok(()),
        Ok(_) => Err(bad("")),
        Err(error) => Err(bad(&format!(": {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dash_in_a_version_is_refused_with_both_spellings_that_it_may_mean() {
        let error = check_version("version", "1.0-rc1-x").unwrap_err();
        assert_eq!(
            error.help_text().unwrap(),
            "write \"1.0~rc1.x\" for what comes before 1.0, \"1.0.rc1.x\" for what comes after it"
        );
        for good in ["1.0", "1.0~rc1", "2^git1", "1_0+b"] {
            check_version("version", good).unwrap();
        }
        for bad in ["", "1 0", "1..0", "1/0", "1%0", "1:0"] {
            check_version("version", bad).expect_err(bad);
        }
    }

    #[test]
    fn names_that_rpm_would_read_as_something_else_are_refused() {
        check_name("acme-link+1.x").unwrap();
        for bad in ["", "-a", ".a", "a b", "a/b", "a%b", "\u{e9}"] {
            check_name(bad).expect_err(bad);
        }
    }

    #[test]
    fn prefixes_are_normalised_and_absolute() {
        check_absolute("prefix", "/opt/with space").unwrap();
        for bad in ["", "/", "opt", "/opt/", "/opt//x", "/opt/./x", "/opt/../x", "/./opt", "/opt\0"] {
            check_absolute("prefix", bad).expect_err(bad);
        }
    }

    #[test]
    fn the_file_name_is_the_conventional_one() {
        assert_eq!(file_name("link", "1.0~rc1", "1", "x86_64"), "link-1.0~rc1-1.x86_64.rpm");
    }
}
