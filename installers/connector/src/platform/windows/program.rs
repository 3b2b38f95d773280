//! What kind of program a file is, by its headers ("PE Format").

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Where the headers end at the latest that are looked at.
const HEADERS: u64 = 4096;
const X64: u16 = 0x8664;
const I386: u16 = 0x014c;
const PE32: u16 = 0x10b;
const DLL: u16 = 0x2000;
/// The .NET header's entry among the data directories.
const DOTNET: usize = 14;

/// A program or library.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Program {
    machine: u16,
    library: bool,
    /// .NET: the machine in the headers need not be that of its processes.
    managed: bool,
}

impl Program {
    /// Reads a file's headers. The error is one sentence without the path.
    pub fn read(path: &Path) -> Result<Program, String> {
        let mut headers = Vec::new();
        let file = File::open(path).map_err(|error| error.to_string())?;
        file.take(HEADERS).read_to_end(&mut headers).map_err(|error| error.to_string())?;
        Program::parse(&headers).ok_or_else(|| "not a Windows program".to_string())
    }

    fn parse(headers: &[u8]) -> Option<Program> {
        let word = |at: usize| Some(u16::from_le_bytes([*headers.get(at)?, *headers.get(at + 1)?]));
        let dword = |at: usize| Some(u32::from(word(at)?) | u32::from(word(at + 2)?) << 16);
        let pe = dword(0x3c)? as usize;
        if !headers.starts_with(b"MZ") || pe > headers.len() || headers.get(pe..pe + 4)? != b"PE\0\0" {
            return None;
        }
        let optional = pe + 24;
        let directories = optional + if word(optional)? == PE32 { 96 } else { 112 };
        let managed = dword(directories - 4)? as usize > DOTNET && dword(directories + DOTNET * 8 + 4)? != 0;
        Some(Program { machine: word(pe + 4)?, library: word(pe + 22)? & DLL != 0, managed })
    }

    /// Why this library cannot be loaded into a process of this program by a connector of 64 bits.
    pub fn refuses(self, library: Program) -> Option<String> {
        if !library.library {
            return Some("the library is no DLL".to_string());
        }
        if library.machine != X64 {
            return Some(format!(
                "the library is {}, and this connector can inject 64-bit libraries only",
                bits(library.machine)
            ));
        }
        if self.machine != X64 && !self.managed {
            return Some(format!("inject = \"dll\" works for 64-bit programs only, and this one is {}", bits(self.machine)));
        }
        None
    }
}

fn bits(machine: u16) -> String {
    match machine {
        I386 => "32-bit".to_string(),
        X64 => "64-bit".to_string(),
        other => format!("for another machine (0x{other:04x})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(machine: u16, flags: u16, managed: bool) -> Vec<u8> {
        let mut bytes = vec![0; 512];
        bytes[..2].copy_from_slice(b"MZ");
        bytes[0x3c] = 0x80;
        bytes[0x80..0x84].copy_from_slice(b"PE\0\0");
        bytes[0x84..0x86].copy_from_slice(&machine.to_le_bytes());
        bytes[0x96..0x98].copy_from_slice(&flags.to_le_bytes());
        let (magic, directories) = if machine == X64 { (0x20b_u16, 112) } else { (PE32, 96) };
        bytes[0x98..0x9a].copy_from_slice(&magic.to_le_bytes());
        bytes[0x98 + directories - 4] = 16;
        bytes[0x98 + directories + DOTNET * 8 + 4] = u8::from(managed);
        bytes
    }

    fn program(machine: u16, flags: u16, managed: bool) -> Program {
        Program::parse(&headers(machine, flags, managed)).unwrap()
    }

    #[test]
    fn only_what_has_the_connectors_bitness_is_injected() {
        let library = program(X64, DLL, false);
        assert_eq!(program(X64, 0, false).refuses(library), None);
        assert!(program(I386, 0, false).refuses(library).unwrap().contains("32-bit"));
        assert_eq!(program(I386, 0, true).refuses(library), None, ".NET decides when it starts");
        assert!(program(X64, 0, false).refuses(program(I386, DLL, false)).unwrap().contains("32-bit"));
        assert!(program(X64, 0, false).refuses(program(X64, 0, false)).unwrap().contains("no DLL"));
    }

    #[test]
    fn what_is_no_program_is_recognised() {
        assert_eq!(Program::parse(b"#!/bin/sh"), None);
        assert_eq!(Program::parse(&[]), None);
        let whole = headers(X64, 0, false);
        assert_eq!(Program::parse(&whole[..0x100]), None);
        let mut far = whole;
        far[0x3c..0x40].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(Program::parse(&far), None);
    }
}
