//! The Linux programs and libraries of a payload, each read once.

use super::architecture::architecture;
use super::PreparedFile;
use crate::error::Result;
use crate::manifest::Target;
use crate::payload::elf::{Elf, EM_386, EM_AARCH64, EM_BPF, EM_X86_64};
use crate::payload::program::{of_content, Binary};
use crate::payload::{Content, Kind, TreePath};

/// An ELF file of the payload.
pub struct Program<'f> {
    /// Where it lies, relative to the root.
    pub path: &'f TreePath,
    /// Its bytes.
    pub content: &'f Content,
    /// What its headers say.
    pub elf: Elf,
}

impl Program<'_> {
    /// Whether it runs, or is loaded by what runs: no object, core, kernel's program, firmware or debugger's file.
    pub fn is_for_the_machine(&self) -> bool {
        let path = self.path.display();
        let apart = ["/firmware/", "/debug/", "/boot/", "/grub/"].iter().any(|part| path.contains(part));
        matches!(self.elf.kind, 2 | 3) && self.elf.machine != EM_BPF && !apart
    }
}

/// # Errors
/// A file cannot be read.
pub fn read(files: &[PreparedFile]) -> Result<Vec<Program<'_>>> {
    let mut programs = Vec::new();
    for file in files.iter().filter(|file| file.may_be_program) {
        let Kind::File(content) = &file.entry.kind else { continue };
        if let Some(Binary::Elf(elf)) = of_content(content)? {
            programs.push(Program { path: &file.entry.path, content, elf });
        }
    }
    Ok(programs)
}

/// An object or a core is no program, and a 32-bit program of the same family starts where its libraries are.
pub fn runs_on(elf: &Elf, target: Target) -> bool {
    use crate::endpoint::Arch;
    let machines: &[u16] = match architecture(target).machine {
        Arch::X86_64 => &[EM_X86_64, EM_386, EM_BPF],
        Arch::Aarch64 => &[EM_AARCH64, EM_BPF],
        Arch::Any => return true,
    };
    !matches!(elf.kind, 2 | 3) || machines.contains(&elf.machine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_of_another_machine_does_not_run() {
        let program = |machine| Elf { machine, kind: 3, ..Elf::default() };
        assert!(runs_on(&program(EM_X86_64), Target::LinuxX86_64) && !runs_on(&program(EM_AARCH64), Target::LinuxX86_64));
        assert!(runs_on(&Elf { kind: 1, ..program(EM_AARCH64) }, Target::LinuxX86_64));
    }
}
