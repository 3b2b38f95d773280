//! What an RPM's header says of the package, apart from its files.

use crate::ours;
use crate::report::{text, Report};
use payload::rpm_header::{Header, Tag, RELATIONS};

const EPOCH: u32 = 1003;
const DESCRIPTION: u32 = 1005;
const BUILD_HOST: u32 = 1007;
const VENDOR: u32 = 1011;
const PACKAGER: u32 = 1015;
const GROUP: u32 = 1016;
const URL: u32 = 1020;
const ARCHITECTURE: u32 = 1022;
const SOURCE_RPM: u32 = 1044;
const RPM_VERSION: u32 = 1064;
const PREFIXES: u32 = 1098;

/// Scriptlets: names, texts, interpreters.
const SCRIPTS: [(&str, u32, u32); 9] = [
    ("%pretrans", 1151, 1153),
    ("%pre", 1023, 1085),
    ("%post", 1024, 1086),
    ("%preun", 1025, 1087),
    ("%postun", 1026, 1088),
    ("%posttrans", 1152, 1154),
    ("%preuntrans", 5104, 5106),
    ("%postuntrans", 5105, 5107),
    ("%verify", 1079, 1091),
];
/// Triggers: texts and interpreters, of packages and of files.
const TRIGGERS: [(&str, u32, u32); 3] =
    [("%trigger", 1065, 1092), ("%filetrigger", 5066, 5067), ("%transfiletrigger", 5076, 5077)];

pub(super) fn describe(header: &Header, report: &mut Report) {
    let get = |tag: u32| header.strings(tag).first().map(|bytes| text(bytes)).unwrap_or_default();
    let identity = &mut report.identity;
    identity.name = get(Tag::Name as u32);
    identity.version = get(Tag::Version as u32);
    identity.release = get(Tag::Release as u32);
    identity.epoch = header.numbers(EPOCH).first().copied();
    identity.architecture = get(ARCHITECTURE);
    identity.summary = get(Tag::Summary as u32);
    identity.description = get(DESCRIPTION);
    identity.publisher = get(VENDOR);
    identity.contact = get(PACKAGER);
    identity.license = get(Tag::License as u32);
    identity.homepage = get(URL);
    identity.section = get(GROUP);
    identity.source = header.has(Tag::SourcePackage) || !header.has(SOURCE_RPM);
    let missing =
        [("Name", identity.name.is_empty()), ("Version", identity.version.is_empty()), ("Release", identity.release.is_empty())];
    for (tag, _) in missing.into_iter().filter(|(_, missing)| *missing) {
        report.damaged("header", format!("it has no {tag}"));
    }
    let maker = get(RPM_VERSION);
    report.made_by = match maker.strip_prefix("linkpack-") {
        Some(version) => Some(format!("linkpack {version}")),
        None => Some(format!("rpm {maker}")).filter(|_| !maker.is_empty()),
    };
    report.root = header.strings(PREFIXES).first().map(|bytes| text(bytes));
    let host = get(BUILD_HOST);
    if !host.is_empty() && !report.is_ours() {
        report.notes.push(format!("it was built on {host}"));
    }
    relations(header, report);
    scripts(header, report);
}

fn relations(header: &Header, report: &mut Report) {
    for (kind, names, flags, versions) in RELATIONS {
        let (flags, versions) = (header.numbers(flags), header.strings(versions));
        for (at, name) in header.strings(names).into_iter().enumerate() {
            let sense = comparison(flags.get(at).copied().unwrap_or_default());
            let version = versions.get(at).map(|bytes| text(bytes)).unwrap_or_default();
            let name = text(name);
            report.relate(kind, if sense.is_empty() || version.is_empty() { name } else { format!("{name} {sense} {version}") });
        }
    }
}

/// RPMSENSE_LESS, GREATER and EQUAL.
fn comparison(flags: u64) -> &'static str {
    match flags & 0b1110 {
        0b0010 => "<",
        0b0100 => ">",
        0b1000 => "=",
        0b1010 => "<=",
        0b1100 => ">=",
        _ => "",
    }
}

fn scripts(header: &Header, report: &mut Report) {
    for (name, script, program) in SCRIPTS {
        let program = header.strings(program).iter().map(|word| text(word)).collect::<Vec<_>>().join(" ");
        let script = header.strings(script);
        if script.is_empty() && program.is_empty() {
            continue;
        }
        let script = script.first().copied().unwrap_or_default();
        report.script(name, Some(program).filter(|program| !program.is_empty()), script);
        if name == "%pre" {
            ours::facts(&String::from_utf8_lossy(script), report);
        }
    }
    for (name, scripts, programs) in TRIGGERS {
        let programs = header.strings(programs);
        for (at, script) in header.strings(scripts).into_iter().take(1000).enumerate() {
            report.script(format!("{name} {}", at + 1), programs.get(at).map(|program| text(program)), script);
        }
    }
}
