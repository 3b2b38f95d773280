//! The Linux programs and libraries of a payload, each read once.

use crate::error::Result;
use crate::format::PreparedFile;
use crate::payload::elf::{Elf, EM_BPF};
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
