//! What repositories state of packages, from the packages themselves: a DEB's control file, an RPM's headers.

use crate::error::{Error, IoContext, Result};
use crate::inspect::limits;
use crate::inspect::watch::Keep;
use crate::listener::Silent;
use crate::payload::deb::members;
use crate::payload::decode::Input;
use crate::payload::gather::FoundKind;
use crate::payload::rpm::{header_at, main_header_start};
use crate::payload::rpm_header::{Header, Tag, LEAD};
use crate::payload::tar;
use crate::regular;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

const EPOCH: u32 = 1003;
const BUILD_TIME: u32 = 1006;
const ARCHITECTURE: u32 = 1022;
const SOURCE_RPM: u32 = 1044;

/// What a package is called, and when it was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// Its name.
    pub name: String,
    /// Its whole version: with an epoch and a release, where it has them.
    pub version: String,
    /// Its architecture in the format's words.
    pub architecture: String,
    /// Who publishes it, as far as it says.
    pub publisher: String,
    /// In seconds since 1970.
    pub time: Option<i64>,
    /// A DEB's control file, without comments: the one stanza, with a line end after its last line.
    pub control: Arc<str>,
}

impl Identity {
    /// Reads a DEB.
    ///
    /// # Errors
    /// It is no DEB, or has no control file with a name, a version and an architecture.
    pub fn of_deb(path: &Path) -> Result<Identity> {
        let about = |error: Error| error.note(format!("in {}", path.display()));
        let mut input = Input::open(path, &Silent)?;
        let name = path.display().to_string();
        let members = members(&mut input, &name).map_err(about)?;
        let none = || about(Error::new("the package has no control file"));
        let member = members.iter().find(|member| member.name.starts_with("control.tar")).ok_or_else(none)?;
        let time = member_time(path, member.offset)?;
        let mut control = None;
        let mut stream = input.stream(member.name.clone(), member.offset, member.size).map_err(about)?.limited(limits::CONTROL);
        // It comes first; what follows it are scripts, which take most of the time to unpack.
        tar::walk_until(&mut stream, &mut Keep::default(), &mut |member| {
            if let FoundKind::File(bytes) = member.kind {
                if member.name.strip_prefix(b"./").unwrap_or(&member.name) == b"control" {
                    control = Some(bytes);
                }
            }
            Ok(control.is_some())
        })
        .map_err(about)?;
        let control = String::from_utf8(control.ok_or_else(none)?)
            .map_err(|_| about(Error::new("the package's control file is not UTF-8")))?;
        let control = stanza(&control);
        let field = |name: &str| field(&control, name).unwrap_or_default();
        let publisher = field("Maintainer");
        let publisher = publisher.split('<').next().unwrap_or_default().trim().to_owned();
        let identity = Identity {
            name: field("Package"),
            version: field("Version"),
            architecture: field("Architecture"),
            publisher,
            time: Some(time),
            control: control.as_str().into(),
        };
        match identity.name.is_empty() || identity.version.is_empty() || identity.architecture.is_empty() {
            true => Err(about(Error::new("the package's control file lacks its name, version or architecture"))),
            false => Ok(identity),
        }
    }
}

/// The time in the ar header before a member's content.
fn member_time(path: &Path, offset: u64) -> Result<i64> {
    let mut field = [0; 12];
    let file = regular::open(path)?;
    file.read_exact_at(&mut field, offset.saturating_sub(60) + 16).or_cannot("read", path)?;
    Ok(std::str::from_utf8(&field).ok().and_then(|text| text.trim().parse().ok()).unwrap_or_default())
}

/// The first paragraph without comments.
fn stanza(control: &str) -> String {
    let lines = control.trim_start_matches('\n').lines().take_while(|line| !line.trim().is_empty());
    lines.filter(|line| !line.starts_with('#')).flat_map(|line| [line.trim_end(), "\n"]).collect()
}

/// A field of one line; names are compared without regard to case.
fn field(control: &str, name: &str) -> Option<String> {
    let of = |line: &str| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    };
    control.lines().find_map(of)
}

/// An RPM's headers.
pub struct Rpm {
    /// The signature header.
    pub signature: Header,
    /// The main header.
    pub header: Header,
    /// Where the main header lies in the file.
    pub range: std::ops::Range<u64>,
    /// What it is called.
    pub identity: Identity,
}

impl Rpm {
    /// Reads the headers of the package at `path`.
    ///
    /// # Errors
    /// It is no RPM, or its header has no name, version or release.
    pub fn read(path: &Path) -> Result<Rpm> {
        let about = |error: Error| error.note(format!("in {}", path.display()));
        let mut input = Input::open(path, &Silent)?;
        let name = path.display().to_string();
        let (signature, range) = header_at(&mut input, &name, LEAD, limits::RPM_HEADER).map_err(about)?;
        let start = main_header_start(range.end);
        let (header, range) = header_at(&mut input, &name, start, limits::RPM_HEADER).map_err(about)?;
        let text = |tag: Tag| header.text(tag).unwrap_or_default();
        let (version, release) = (text(Tag::Version), text(Tag::Release));
        if text(Tag::Name).is_empty() || version.is_empty() || release.is_empty() {
            return Err(about(Error::new("the package's header lacks its name, version or release")));
        }
        let epoch = header.numbers(EPOCH).first().map(|epoch| format!("{epoch}:")).unwrap_or_default();
        let identity = Identity {
            name: text(Tag::Name),
            version: format!("{epoch}{version}-{release}"),
            architecture: match header.has(SOURCE_RPM) {
                true => header.text(ARCHITECTURE).unwrap_or_default(),
                false => "src".to_owned(),
            },
            publisher: text(Tag::Vendor),
            time: header.numbers(BUILD_TIME).first().and_then(|time| i64::try_from(*time).ok()),
            control: Arc::default(),
        };
        Ok(Rpm { signature, header, range, identity })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stanza_loses_comments_and_what_follows_it() {
        let control = "\n#note\nPackage: a\nDescription: b\n more \n .\n\nPackage: c\n";
        assert_eq!(stanza(control), "Package: a\nDescription: b\n more\n .\n");
        assert_eq!(field("package: a\n", "Package").as_deref(), Some("a"));
    }
}
