//! What is read of Windows programs: their machine, and the number and languages of their version resource.
//! Layouts: "PE Format" and "VS_VERSIONINFO" of Microsoft's documentation. The bytes may be anyone's.

use super::window::Window;

/// Where the headers end at the latest, in bytes; a program whose headers are longer has none for us.
pub const HEADERS: usize = 4096;
/// The largest resource section that is looked at, in bytes.
pub const RESOURCES: usize = super::window::LONGEST;

/// The processor a program is for (IMAGE_FILE_HEADER.Machine).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// IMAGE_FILE_MACHINE_AMD64.
    X64,
    /// IMAGE_FILE_MACHINE_I386.
    X86,
    /// Any other.
    Other(u16),
}

impl Machine {
    fn of(number: u16) -> Machine {
        match number {
            0x8664 => Machine::X64,
            0x014C => Machine::X86,
            other => Machine::Other(other),
        }
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Machine::X64 => f.write_str("x64"),
            Machine::X86 => f.write_str("x86"),
            Machine::Other(number) => write!(f, "another machine ({number:#06x})"),
        }
    }
}

/// A Windows program or library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// What it runs on.
    pub machine: Machine,
    /// Whether it is a library.
    pub library: bool,
    /// Its version resource.
    pub version: Option<FileVersion>,
    /// What its debug symbols are found by: the GUID and age of its PDB, hexadecimal.
    pub debug_id: Option<String>,
}

/// A version resource, as the File table has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileVersion {
    /// Four numbers.
    pub number: String,
    /// Decimal language identifiers separated by commas.
    pub languages: String,
}

/// The resource section: where it is in the file and in memory.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// Its first byte in the file.
    pub at: u64,
    /// Its length in the file.
    pub len: usize,
    /// Its address when loaded, relative to the program's.
    pub address: u32,
}

/// What the headers say.
#[derive(Debug, Clone, Copy)]
pub struct Headers {
    /// What it runs on.
    pub machine: Machine,
    /// Whether it is a library.
    pub library: bool,
    /// Where its resources are.
    pub resources: Option<Section>,
    /// Where its debug directory is: an offset and a length in bytes.
    debug: Option<(u64, usize)>,
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// Reads the first [`HEADERS`] bytes of a file; `None` for what is not a program.
pub fn headers(bytes: &[u8]) -> Option<Headers> {
    let coff = coff(bytes)?;
    let machine = Machine::of(u16_at(bytes, coff + 4)?);
    let sections = usize::from(u16_at(bytes, coff + 6)?);
    let optional_len = usize::from(u16_at(bytes, coff + 20)?);
    const DLL: u16 = 0x2000;
    let library = u16_at(bytes, coff + 22)? & DLL != 0;
    let optional = coff + 24;
    let directories = directories(bytes, optional)?;
    let section = |index: usize| {
        let directory = directories + 8 * index;
        let address = u32_at(bytes, directory).filter(|&address| address != 0 && directory < optional + optional_len)?;
        let len = u32_at(bytes, directory + 4)? as usize;
        let sections = (0..sections).map(|index| optional + optional_len + 40 * index);
        let section = sections
            .map_while(|header| section_at(bytes, header))
            .find(|section| address >= section.address && ((address - section.address) as usize) < section.len)?;
        Some((section, address - section.address, len))
    };
    let resources = section(RESOURCE_DIRECTORY).map(|(section, ..)| section);
    let debug = section(DEBUG_DIRECTORY).map(|(section, inside, len)| (section.at + u64::from(inside), len));
    Some(Headers { machine, library, resources, debug })
}

/// Where a program's file header is.
fn coff(bytes: &[u8]) -> Option<usize> {
    let coff = u32_at(bytes, 0x3C).filter(|_| bytes.starts_with(b"MZ"))? as usize;
    (bytes.get(coff..coff.checked_add(4)?)? == b"PE\0\0").then_some(coff)
}

/// Where its data directories are.
fn directories(bytes: &[u8], optional: usize) -> Option<usize> {
    const PE32: u16 = 0x10B;
    const PE32_PLUS: u16 = 0x20B;
    match u16_at(bytes, optional)? {
        PE32_PLUS => Some(optional + 112),
        PE32 => Some(optional + 96),
        _ => None,
    }
}

/// Where a program keeps what its signatures do not cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignaturePlaces {
    /// The four bytes of its checksum.
    pub checksum: u64,
    /// The eight bytes of the directory's entry for certificates.
    pub entry: u64,
    /// Where the certificates are and how many bytes; there are none where that is zero.
    pub table: (u64, u64),
}

/// Reads the first [`HEADERS`] bytes of a file; `None` for what is no program, or one without room for signatures.
pub fn signature_places(bytes: &[u8]) -> Option<SignaturePlaces> {
    let optional = coff(bytes)? + 24;
    let directories = directories(bytes, optional)?;
    let entry = directories + 8 * CERTIFICATE_DIRECTORY;
    let count = u32_at(bytes, directories - 4)? as usize;
    let optional_len = usize::from(u16_at(bytes, optional - 4)?);
    if count <= CERTIFICATE_DIRECTORY || entry + 8 > optional + optional_len {
        return None;
    }
    let table = (u64::from(u32_at(bytes, entry)?), u64::from(u32_at(bytes, entry + 4)?));
    Some(SignaturePlaces { checksum: (optional + 64) as u64, entry: entry as u64, table })
}

/// Data directories by their numbers.
const RESOURCE_DIRECTORY: usize = 2;
const CERTIFICATE_DIRECTORY: usize = 4;
const DEBUG_DIRECTORY: usize = 6;

fn section_at(bytes: &[u8], header: usize) -> Option<Section> {
    let at = u64::from(u32_at(bytes, header + 20)?);
    Some(Section { at, len: u32_at(bytes, header + 16)? as usize, address: u32_at(bytes, header + 12)? })
}

/// Reads a program; `None` for what is none. What lies outside of the window is left out.
pub fn read(window: &mut dyn Window) -> Option<Program> {
    let head = window.up_to(0, HEADERS);
    let Headers { machine, library, resources, debug } = headers(&head)?;
    let version = resources.and_then(|section| {
        let bytes = window.up_to(section.at, section.len.min(RESOURCES));
        version(&bytes, section.address)
    });
    let debug_id = debug.and_then(|(at, len)| debug_id(window, at, len));
    Some(Program { machine, library, version, debug_id })
}

/// The GUID and age of a CodeView record, as symbol servers write them.
fn debug_id(window: &mut dyn Window, at: u64, len: usize) -> Option<String> {
    const ENTRY: usize = 28;
    const MOST_ENTRIES: usize = 32;
    const IMAGE_DEBUG_TYPE_CODEVIEW: u32 = 2;
    let directory = window.get(at, len.min(MOST_ENTRIES * ENTRY))?;
    let codeview = |entry: &&[u8]| u32_at(entry, 12) == Some(IMAGE_DEBUG_TYPE_CODEVIEW);
    let record = u64::from(u32_at(directory.chunks_exact(ENTRY).find(codeview)?, 24)?);
    let record = window.get(record, 24).filter(|record| record.starts_with(b"RSDS"))?;
    let guid = uuid::Uuid::from_bytes_le(record[4..20].try_into().ok()?);
    Some(format!("{:X}{:x}", guid.simple(), u32_at(&record, 20)?))
}

/// The version resource in a section that is loaded at `address`; the resource directory is the section's start.
pub fn version(section: &[u8], address: u32) -> Option<FileVersion> {
    const RT_VERSION: u32 = 16;
    let by_name = subdirectory(section, 0, Some(RT_VERSION))?;
    let by_language = subdirectory(section, by_name, None)?;
    let (language, data) = first_entry(section, by_language)?;
    let at = u32_at(section, data as usize)?.checked_sub(address)? as usize;
    let len = u32_at(section, data as usize + 4)? as usize;
    let resource = section.get(at..at.checked_add(len)?)?;
    // VS_FIXEDFILEINFO begins with this signature, on a 32-bit boundary.
    let fixed = (0..resource.len()).step_by(4).find(|&at| u32_at(resource, at) == Some(0xFEEF_04BD))?;
    let (high, low) = (u32_at(resource, fixed + 8)?, u32_at(resource, fixed + 12)?);
    let number = format!("{}.{}.{}.{}", high >> 16, high & 0xFFFF, low >> 16, low & 0xFFFF);
    let languages = translations(resource).unwrap_or_else(|| (language & 0xFFFF).to_string());
    Some(FileVersion { number, languages })
}

/// The first entry of a resource directory: its identifier and where it leads, without the flag.
fn first_entry(section: &[u8], directory: usize) -> Option<(u32, u32)> {
    Some((u32_at(section, directory + 16)?, u32_at(section, directory + 20)? & 0x7FFF_FFFF))
}

fn subdirectory(section: &[u8], directory: usize, wanted: Option<u32>) -> Option<usize> {
    let count = usize::from(u16_at(section, directory + 12)?) + usize::from(u16_at(section, directory + 14)?);
    (0..count).find_map(|index| {
        let (id, target) = first_entry(section, directory + 8 * index)?;
        wanted.is_none_or(|wanted| wanted == id).then_some(target as usize)
    })
}

/// The languages of VarFileInfo's Translation value.
fn translations(resource: &[u8]) -> Option<String> {
    let key: Vec<u8> = "Translation\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let at = resource.windows(key.len()).position(|window| window == key)?;
    let value_len = usize::from(u16_at(resource, at.checked_sub(4)?)?);
    let value = (at + key.len()).next_multiple_of(4);
    let pairs = resource.get(value..value.checked_add(value_len)?)?.chunks_exact(4);
    let languages: Vec<String> = pairs.map(|pair| u16::from_le_bytes([pair[0], pair[1]]).to_string()).collect();
    (!languages.is_empty()).then(|| languages.join(","))
}
