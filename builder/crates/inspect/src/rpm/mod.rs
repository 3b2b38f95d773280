//! RPM packages, version 4 of the format and its predecessors with a cpio payload:
//! <https://rpm-software-management.github.io/rpm/manual/format_v4.html>.

mod describe;
mod digests;
mod payload;
mod structure;

use super::limits;
use super::manager::{tests, Libc, Manager, Scripts};
use super::openpgp;
use super::reader::{Aside, Opened, Reader};
use super::report::{FileFacts, Format, Part, Report};
use super::{plain, Depth, Package};
use ::payload::decode::Input;
use ::payload::elf::Glibc;
use ::payload::rpm::{header_at, main_header_start};
use ::payload::rpm_header::{Header, LEAD};
use base::error::Result;
use manifest::Installer;
use std::ops::Range;
use trust::openpgp::from_base64;

/// A package's headers, and where its parts lie.
struct Headers {
    signature: Header,
    header: Header,
    /// The main header with its first 16 bytes, which digests and signatures cover.
    header_range: Range<u64>,
    payload_range: Range<u64>,
}

/// A package of rpm's.
pub struct Rpm;

impl Reader for Rpm {
    fn begins(&self, first: &[u8]) -> bool {
        first.starts_with(&[0xed, 0xab, 0xee, 0xdb])
    }

    fn read(&self, opened: Opened) -> Result<Package> {
        read(opened.input, opened.file, opened.depth).map(plain)
    }

    fn manager(&self) -> Option<&'static Manager> {
        Some(&MANAGER)
    }

    /// The signature header goes whole: beside signatures it holds digests and sizes of what is compared, and `verify` holds it against them.
    fn aside(&self, report: &Report) -> Aside {
        Aside::parts(report, |part, at| (part.name == SIGNATURE_HEADER).then(|| at..at + part.size))
    }
}

const SIGNATURE_HEADER: &str = "signature header";

const MANAGER: Manager = Manager {
    installer: Installer::Rpm,
    fields: |identity| [("Summary", &identity.summary), ("License", &identity.license), ("Description", &identity.description)],
    has_policy: false,
    relocates: true,
    lists_digests: true,
    marking: "mark it %config(noreplace)",
    libc: Libc { package: None, relations: &["requires"], version: libc },
    scripts: Scripts {
        last: "%post",
        last_starts: &["%post", "%posttrans"],
        // What %post starts, %preun stops again.
        stops: &["%preun"],
        starts: &["%postun", "%posttrans"],
        is_removal: |conditions| {
            let zero = ["$1 = 0", "$1 == 0", "$1 -eq 0", "$1 -lt 1", "$1 -le 0", "$1 = x0", "x$1 = x0", "$1x = 0x"];
            tests(conditions, &zero) || conditions.contains("\n0)")
        },
        remedy: "stop it where $1 is 0 alone, or restart it in %postun where $1 is 1 or more",
    },
};

/// `libc.so.6(GLIBC_2.34)(64bit)` or `glibc >= 2.34`
fn libc(relation: &str) -> Option<Glibc> {
    let by_symbol = relation.strip_prefix("libc.so.6(GLIBC_").and_then(|rest| rest.split(')').next());
    let by_name = || {
        relation
            .strip_prefix("glibc")
            .map(|rest| rest.trim_start_matches("(x86-64)").trim_start())
            .and_then(|rest| rest.strip_prefix(">= "))
    };
    Glibc::parse(by_symbol.or_else(by_name)?.split('-').next()?)
}

/// Reads a package.
///
/// # Errors
/// Its headers cannot be read. Lesser faults become damage.
fn read(input: &mut Input, file: FileFacts, depth: Depth) -> Result<Report> {
    let (name, size) = (file.name.clone(), file.size);
    let mut report = Report::new(Format::Rpm, file);
    let (signature, signature_range) = header_at(input, &name, LEAD, limits::RPM_HEADER)?;
    let start = main_header_start(signature_range.end);
    let (header, header_range) = header_at(input, &name, start, limits::RPM_HEADER)?;
    let parts = [
        ("lead", 0..LEAD),
        (SIGNATURE_HEADER, signature_range),
        ("header", header_range.clone()),
        ("payload", header_range.end..size),
    ];
    for (name, range) in parts {
        let part = Part { name: name.to_owned(), offset: Some(range.start), size: range.end - range.start, codec: None };
        report.parts.push(part);
    }
    let rpm = Headers { signature, header, payload_range: header_range.end..size, header_range };
    structure::check(&rpm, &mut report);
    describe::describe(&rpm.header, &mut report);
    signatures(&rpm.signature, &mut report);
    let pending = match depth.compares() {
        true => digests::check(input, &rpm, &mut report)?,
        false => Vec::new(),
    };
    payload::read(input, &rpm, depth, &mut report)?;
    digests::settle(pending, &mut report)?;
    Ok(report)
}

/// The signature header's tags that hold signatures of the header alone.
const OVER_HEADER: [(u32, &str); 2] =
    [(268, "signature header: RSA, of the header"), (267, "signature header: DSA, of the header")];
/// rpm 6: any number of signatures of the header, in base64.
const OPENPGP: u32 = 278;
/// Those of header and payload.
const OVER_ALL: [(u32, &str); 2] =
    [(1002, "signature header: PGP, of header and payload"), (1005, "signature header: GPG, of header and payload")];

/// Adds the signatures of a signature header to the report, in the order in which they are judged, too.
pub fn signatures(header: &Header, report: &mut Report) {
    let mut add = |bytes: &[u8], place: &str| {
        let bytes = bytes[..bytes.len().min(limits::SIGNATURE as usize)].to_vec();
        report.signatures.push(openpgp::signature(bytes, place.to_owned()));
    };
    let of = |(tag, place): (u32, &'static str)| Some((header.binary(tag)?, place));
    OVER_HEADER.into_iter().filter_map(of).for_each(|(bytes, place)| add(bytes, place));
    for text in header.strings(OPENPGP).into_iter().take(16) {
        // What is no base64 is no signature, and said to be none.
        let bytes = from_base64(text).unwrap_or_else(|| text.to_vec());
        add(&bytes, "signature header: OPENPGP, of the header");
    }
    OVER_ALL.into_iter().filter_map(of).for_each(|(bytes, place)| add(bytes, place));
}
