//! Programs: built for the machine that the package names, linked with what its systems have, and looking for libraries in safe places.

use super::{is_regular, Findings, Place, Subject};
use crate::look::Look;
use crate::report::FileEntry;
use payload::elf::{self, Elf, Glibc, EM_386, EM_AARCH64, EM_BPF, EM_NONE, EM_X86_64};
use payload::program::Binary;

pub(super) fn check(subject: &Subject, findings: &mut Findings) {
    let mut highest: Option<(Glibc, &str)> = None;
    let mut linked: Option<&str> = None;
    for file in subject.files().filter(|file| is_regular(file)) {
        let Some(look) = file.look.as_deref() else { continue };
        interpreter(subject, file, look, findings);
        let Some(Binary::Elf(elf)) = &look.binary else { continue };
        // Firmware, and what debuggers, boot loaders and interpreters read (Guile compiles to ELF for no machine), do not run here.
        let apart = ["/firmware/", "/debug/", "/boot/", "/usr/share/", "/grub/"].iter().any(|part| file.path.contains(part));
        if matches!(elf.kind, 1 | 4) || matches!(elf.machine, EM_NONE | EM_BPF) || apart {
            continue;
        }
        machine(subject, file, elf, findings);
        search(file, elf, findings);
        highest = highest.max(elf.glibc.map(|version| (version, file.path.as_str())));
        if elf.needed.iter().any(|name| name == "libc.so.6") {
            linked.get_or_insert(&file.path);
        }
    }
    let is_libc = subject.files().any(|file| file.path.ends_with("/libc.so.6"));
    if let Some((needed, path)) = highest.filter(|_| !is_libc) {
        systems(subject, needed, path, findings);
        declared(subject, needed, path, findings);
    }
    let package = subject.manager().and_then(|manager| manager.libc.package).filter(|_| !subject.report.is_ours());
    if let (Some(path), Some(package)) = (linked, package) {
        let any = subject.relations(&["depends", "pre-depends", "recommends"]).any(|what| what.starts_with(package));
        let name = &subject.report.identity.name;
        if !any && !name.starts_with(package) {
            let what = format!("it is linked with libc.so.6, and the package depends on no {package}");
            findings.error("libc-missing", Place::part(path), what, "add libc6 to Depends, with the version that it needs");
        }
    }
}

/// The machines whose programs belong into a package; `None` for an architecture that is not known here.
fn machines(architecture: &str) -> Option<&'static [u16]> {
    Some(match architecture {
        // 32-bit programs run on x86-64 where their libraries are.
        "amd64" | "x86_64" => &[EM_X86_64],
        "i386" | "i486" | "i586" | "i686" => &[EM_386],
        "arm64" | "aarch64" => &[EM_AARCH64],
        "all" | "noarch" => &[],
        _ => return None,
    })
}

fn machine(subject: &Subject, file: &FileEntry, elf: &Elf, findings: &mut Findings) {
    let architecture = subject.report.identity.architecture.as_str();
    let Some(machines) = machines(architecture) else { return };
    if machines.contains(&elf.machine) || is_for_cross_building(&file.path) {
        return;
    }
    let name = elf::machine_name(elf.machine);
    let what = match machines.is_empty() {
        true => format!("it is a program for {name} in a package for every machine ({architecture})"),
        false => format!("it is a program for {name} in a package for {architecture}"),
    };
    let multilib = ["/lib32/", "/libx32/", "/i386-linux-gnu/", "/i686"].iter().any(|part| file.path.contains(part));
    match elf.machine == EM_386 && architecture != "all" && multilib {
        true => findings.warning("machine", Place::part(&file.path), what, "see that its 32-bit libraries are there"),
        false => {
            findings.error("machine", Place::part(&file.path), what, "ship the program that was built for the package's machine")
        }
    }
}

/// Whether it lies in /usr/TRIPLET, where a cross compiler's libraries are: they are data of this machine.
fn is_for_cross_building(path: &str) -> bool {
    let folder = path.strip_prefix("/usr/").and_then(|rest| rest.split('/').next()).unwrap_or_default();
    // Of the GNU form MACHINE-KERNEL-SYSTEM, with or without the vendor.
    matches!(folder.split('-').count(), 3 | 4)
        && ["-linux-", "-mingw", "-elf", "-eabi", "-gnu"].iter().any(|part| folder.contains(part))
}

/// Folders that a program looks for libraries in, of which others may write to some.
fn search(file: &FileEntry, elf: &Elf, findings: &mut Findings) {
    const WRITABLE: [&str; 9] = ["/tmp", "/var/tmp", "/home", "/build", "/root", "/dev/shm", "/media", "/mnt", "/builddir"];
    for folder in &elf.search {
        let below = |above: &str| folder == above || folder.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'));
        let relative = !folder.starts_with('/') && !folder.starts_with("$ORIGIN") && !folder.starts_with("${ORIGIN}");
        if WRITABLE.iter().any(|above| below(above)) || relative {
            let what = format!("it looks for libraries in {folder}, where others than root may put them");
            findings.error(
                "search-path",
                Place::part(&file.path),
                what,
                "link it without that -rpath, or patchelf --remove-rpath",
            );
        }
    }
}

/// What the systems that were named have.
fn systems(subject: &Subject, needed: Glibc, path: &str, findings: &mut Findings) {
    for system in subject.systems.iter().filter(|system| system_reads(subject, **system)) {
        let Some(has) = Glibc::parse(system.glibc()) else { continue };
        if needed > has {
            let what = format!("it needs glibc {needed}, and {} has {has}", system.name());
            findings.error("glibc", Place::part(path), what, "build it on the oldest system that it is for");
        }
    }
}

fn system_reads(subject: &Subject, system: manifest::System) -> bool {
    subject.manager().is_none_or(|manager| system.installer() == manager.installer)
}

/// What the package itself asks of its system.
fn declared(subject: &Subject, needed: Glibc, path: &str, findings: &mut Findings) {
    let Some(libc) = subject.manager().map(|manager| &manager.libc) else { return };
    let versions = subject.relations(libc.relations).filter_map(libc.version);
    let what = |asked: &str| format!("it needs glibc {needed}, and the package asks for {asked}");
    let remedy = "name the version: Depends: libc6 (>= X), Requires: libc.so.6(GLIBC_X)(64bit)";
    match versions.max() {
        Some(asked) if asked < needed => findings.error("glibc", Place::part(path), what(&asked.to_string()), remedy),
        Some(_) => {}
        // Older than any system that is still cared for.
        None if needed <= Glibc(2, 17, 0) => {}
        None => findings.warning("glibc", Place::part(path), what("no version of it"), remedy),
    }
}

/// Interpreters that no minimal system has, and the names that packages of them begin with.
const INTERPRETERS: [(&str, &[&str]); 10] = [
    ("python3", &["python3", "/usr/bin/python3", "/usr/libexec/platform-python", "python(abi)"]),
    ("python2", &["python2", "/usr/bin/python2"]),
    ("python", &["python", "/usr/bin/python"]),
    ("ruby", &["ruby", "/usr/bin/ruby"]),
    ("php", &["php", "/usr/bin/php"]),
    ("node", &["node", "/usr/bin/node"]),
    ("tclsh", &["tcl", "/usr/bin/tclsh"]),
    ("lua", &["lua", "/usr/bin/lua"]),
    ("ksh", &["ksh", "mksh", "/bin/ksh", "/usr/bin/ksh"]),
    ("zsh", &["zsh", "/bin/zsh", "/usr/bin/zsh"]),
];

fn interpreter(subject: &Subject, file: &FileEntry, look: &Look, findings: &mut Findings) {
    let runs = file.mode.is_some_and(|mode| mode & 0o111 != 0) && !file.path.contains("/doc/") && !file.path.contains("/example");
    let Some(program) = look.interpreter.as_deref().filter(|_| runs) else { return };
    let base = program.rsplit('/').next().unwrap_or_default();
    let Some((name, packages)) = INTERPRETERS
        .iter()
        .find(|(name, _)| base.strip_prefix(name).is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '.')))
    else {
        return;
    };
    let kinds = ["depends", "pre-depends", "recommends", "suggests", "requires", "enhances"];
    let depends = subject
        .relations(&kinds)
        .any(|what| packages.iter().any(|package| what.split('|').any(|one| one.trim().starts_with(package))));
    let own = subject.report.identity.name.starts_with(name) || subject.files().any(|other| other.path == program);
    // Files in the install root are the containers' own: what they need is told at build.
    if depends || own || subject.is_in_root(&file.path) || subject.manager().is_none() {
        return;
    }
    let what = format!("it is run by {program}, and the package depends on no {name}");
    let in_bin = ["/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/"].iter().any(|folder| file.path.starts_with(folder));
    let remedy = "add the interpreter's package to Depends or Requires";
    match in_bin {
        true => findings.error("interpreter-missing", Place::part(&file.path), what, remedy),
        false => findings.warning("interpreter-missing", Place::part(&file.path), what, remedy),
    }
}
