//! What is read of Linux programs and libraries: what they run on, what they need, and the id of their build.
//! Layouts: "System V gABI", chapters 4 and 5, and the Linux Standard Base's symbol versions. The bytes may be anyone's: only what the
//! program headers point at is read, and every count has a limit.

mod symbols;

pub use symbols::undefined;

use super::window::Window;

/// Most program headers, dynamic entries, needed libraries, notes and version needs that are looked at.
const MOST_SEGMENTS: u64 = 256;
/// The longest dynamic section that is read, in bytes: some 4,000 entries.
pub const LONGEST_DYNAMIC: usize = 64 << 10;
const MOST_NEEDED: usize = 512;
const MOST_VERSIONS: usize = 4096;
const MOST_NOTES: usize = 64;
/// The longest name or path that is read, in bytes.
const LONGEST_NAME: usize = 4096;

/// `e_machine` of no machine.
pub const EM_NONE: u16 = 0;
/// `e_machine` of the targets.
pub const EM_386: u16 = 3;
/// x86-64.
pub const EM_X86_64: u16 = 62;
/// AArch64.
pub const EM_AARCH64: u16 = 183;
/// eBPF, which runs in the kernel whatever the machine is.
pub const EM_BPF: u16 = 247;

/// An ELF file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Elf {
    /// Whether it is of ELFCLASS64, not of ELFCLASS32.
    pub is_64: bool,
    /// Whether its numbers are big-endian.
    pub is_big_endian: bool,
    /// `e_machine`.
    pub machine: u16,
    /// `e_type`: 1 an object, 2 a program at a fixed address, 3 a library or a program at any address, 4 a core.
    pub kind: u16,
    /// The dynamic loader (PT_INTERP); libraries and static programs have none.
    pub interpreter: Option<String>,
    /// The libraries it is linked with (DT_NEEDED), in the order they are looked for.
    pub needed: Vec<String>,
    /// The name others link it by (DT_SONAME).
    pub soname: Option<String>,
    /// Where it looks for libraries (DT_RPATH and DT_RUNPATH), folders one by one.
    pub search: Vec<String>,
    /// The symbol versions that it needs, by the library that has them; a library needed without any is in `needed` alone.
    pub versions: Vec<(String, Vec<String>)>,
    /// The highest version of glibc among them (GLIBC_).
    pub glibc: Option<Glibc>,
    /// Whether its symbols are found by DT_GNU_HASH alone, which old loaders do not read.
    pub gnu_hash_alone: bool,
    /// NT_GNU_BUILD_ID, hexadecimal.
    pub build_id: Option<String>,
}

/// A version of the GNU C library, compared number by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Glibc(pub u32, pub u32, pub u32);

impl Glibc {
    /// From "2.17" or "2.2.5".
    pub fn parse(text: &str) -> Option<Glibc> {
        let mut numbers = [0; 3];
        let parts: Vec<&str> = text.split('.').collect();
        if parts.len() < 2 || parts.len() > 3 {
            return None;
        }
        for (number, part) in numbers.iter_mut().zip(&parts) {
            *number = part.parse().ok()?;
        }
        Some(Glibc(numbers[0], numbers[1], numbers[2]))
    }
}

impl std::fmt::Display for Glibc {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self.2 {
            0 => write!(f, "{}.{}", self.0, self.1),
            patch => write!(f, "{}.{}.{patch}", self.0, self.1),
        }
    }
}

/// A machine's name as `uname -m` and people write it.
pub fn machine_name(machine: u16) -> String {
    match machine {
        EM_386 => "i386".to_owned(),
        EM_X86_64 => "x86_64".to_owned(),
        EM_AARCH64 => "aarch64".to_owned(),
        EM_BPF => "bpf".to_owned(),
        8 => "mips".to_owned(),
        20 => "ppc".to_owned(),
        21 => "ppc64".to_owned(),
        22 => "s390".to_owned(),
        40 => "arm".to_owned(),
        243 => "riscv".to_owned(),
        other => format!("machine {other}"),
    }
}

/// Whether a file that begins so may be an ELF file.
pub fn is_elf(first: &[u8]) -> bool {
    first.starts_with(b"\x7fELF")
}

/// Where the dynamic section is in the file, from the file's first bytes: a reader that cannot go back keeps it.
pub fn dynamic_section(window: &mut dyn Window) -> Option<(u64, usize)> {
    let file = Reader::open(window)?;
    let segment = file.segments.iter().find(|segment| segment.kind == PT_DYNAMIC)?;
    Some((segment.offset, segment.file_len.min(LONGEST_DYNAMIC as u64) as usize))
}

/// Reads an ELF file; `None` for what is none. What lies outside of the window is left out.
pub fn read(window: &mut dyn Window) -> Option<Elf> {
    let mut file = Reader::open(window)?;
    let mut elf =
        Elf { is_64: file.is_64, is_big_endian: file.is_big_endian, machine: file.machine, kind: file.kind, ..Elf::default() };
    for segment in file.segments.clone() {
        match segment.kind {
            PT_INTERP => elf.interpreter = file.name(segment.offset),
            PT_NOTE if elf.build_id.is_none() => elf.build_id = file.build_id(&segment),
            PT_DYNAMIC => file.dynamic(&segment, &mut elf),
            _ => {}
        }
    }
    Some(elf)
}

const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;
const PT_NOTE: u32 = 4;

#[derive(Debug, Clone, Copy)]
struct Segment {
    kind: u32,
    offset: u64,
    address: u64,
    file_len: u64,
}

struct Reader<'w> {
    window: &'w mut dyn Window,
    is_64: bool,
    is_big_endian: bool,
    machine: u16,
    kind: u16,
    segments: Vec<Segment>,
}

impl<'w> Reader<'w> {
    fn open(window: &'w mut dyn Window) -> Option<Self> {
        let head = window.up_to(0, 64);
        if !is_elf(&head) || head.len() < 52 || !matches!(head[4], 1 | 2) || !matches!(head[5], 1 | 2) {
            return None;
        }
        let (is_64, is_big_endian) = (head[4] == 2, head[5] == 2);
        let mut reader = Reader { window, is_64, is_big_endian, machine: 0, kind: 0, segments: Vec::new() };
        reader.kind = reader.number(&head, 16, 2)? as u16;
        reader.machine = reader.number(&head, 18, 2)? as u16;
        let (table, entry, count) = if is_64 { (32, 54, 56) } else { (28, 42, 44) };
        let word = reader.word();
        let (table, entry) = (reader.number(&head, table, word)?, reader.number(&head, entry, 2)?);
        let count = reader.number(&head, count, 2)?.min(MOST_SEGMENTS);
        reader.segments = (0..count).map_while(|index| reader.segment(table.checked_add(index * entry)?)).collect();
        Some(reader)
    }

    /// Bytes of an address.
    fn word(&self) -> usize {
        if self.is_64 {
            8
        } else {
            4
        }
    }

    fn number(&self, bytes: &[u8], at: usize, len: usize) -> Option<u64> {
        let bytes = bytes.get(at..at.checked_add(len)?)?;
        let shifted = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(match self.is_big_endian {
            true => bytes.iter().fold(0, shifted),
            false => bytes.iter().rev().fold(0, shifted),
        })
    }

    fn segment(&mut self, at: u64) -> Option<Segment> {
        let (len, offset, address, file_len) = if self.is_64 { (56, 8, 16, 32) } else { (32, 4, 8, 16) };
        let bytes = self.window.get(at, len)?;
        let word = self.word();
        Some(Segment {
            kind: self.number(&bytes, 0, 4)? as u32,
            offset: self.number(&bytes, offset, word)?,
            address: self.number(&bytes, address, word)?,
            file_len: self.number(&bytes, file_len, word)?,
        })
    }

    /// Where an address is in the file.
    fn offset(&self, address: u64) -> Option<u64> {
        let inside = |segment: &&Segment| segment.kind == PT_LOAD && address.wrapping_sub(segment.address) < segment.file_len;
        let segment = self.segments.iter().find(inside)?;
        segment.offset.checked_add(address - segment.address)
    }

    /// The text up to the next NUL.
    fn name(&mut self, at: u64) -> Option<String> {
        let mut name = Vec::new();
        while name.len() < LONGEST_NAME {
            const STEP: usize = 64;
            let at = at.checked_add(name.len() as u64)?;
            let bytes = self.window.up_to(at, STEP);
            match bytes.iter().position(|&byte| byte == 0) {
                Some(end) => {
                    name.extend(&bytes[..end]);
                    return Some(String::from_utf8_lossy(&name).into_owned());
                }
                None if bytes.is_empty() => return None,
                None => name.extend(bytes),
            }
        }
        None
    }

    /// The GNU build id among a segment's notes.
    fn build_id(&mut self, segment: &Segment) -> Option<String> {
        const NT_GNU_BUILD_ID: u64 = 3;
        let (mut at, end) = (segment.offset, segment.offset.checked_add(segment.file_len)?);
        for _ in 0..MOST_NOTES {
            let head = self.window.get(at, 16).filter(|_| at < end)?;
            let (name_len, len, kind) = (self.number(&head, 0, 4)?, self.number(&head, 4, 4)?, self.number(&head, 8, 4)?);
            let description = at.checked_add(12 + name_len.next_multiple_of(4))?;
            if kind == NT_GNU_BUILD_ID && name_len == 4 && &head[12..] == b"GNU\0" && (1..=64).contains(&len) {
                return self.window.get(description, len as usize).map(hex::encode);
            }
            at = description.checked_add(len.next_multiple_of(4))?;
        }
        None
    }

    fn dynamic(&mut self, segment: &Segment, elf: &mut Elf) {
        const DT_NEEDED: u64 = 1;
        const DT_STRTAB: u64 = 5;
        const DT_SONAME: u64 = 14;
        const DT_RPATH: u64 = 15;
        const DT_RUNPATH: u64 = 29;
        const DT_HASH: u64 = 4;
        const DT_GNU_HASH: u64 = 0x6fff_fef5;
        const DT_VERNEED: u64 = 0x6fff_fffe;
        let Some(entries) = self.entries(segment) else { return };
        let value = |wanted: u64| entries.iter().find(|(tag, _)| *tag == wanted).map(|(_, value)| *value);
        let Some(strings) = value(DT_STRTAB).and_then(|address| self.offset(address)) else { return };
        let needs = value(DT_VERNEED).and_then(|address| self.offset(address));
        elf.gnu_hash_alone = value(DT_GNU_HASH).is_some() && value(DT_HASH).is_none();
        for (tag, value) in entries {
            let wanted = matches!(tag, DT_NEEDED | DT_SONAME | DT_RPATH | DT_RUNPATH);
            if !wanted || elf.needed.len() + elf.search.len() >= MOST_NEEDED {
                continue;
            }
            let Some(name) = strings.checked_add(value).and_then(|at| self.name(at)) else { continue };
            match tag {
                DT_NEEDED => elf.needed.push(name),
                DT_SONAME => elf.soname = Some(name),
                _ => elf.search.extend(name.split(':').filter(|folder| !folder.is_empty()).map(str::to_owned)),
            }
        }
        if let Some(needs) = needs {
            self.versions(needs, strings, &mut |file, version, _| match elf.versions.iter_mut().find(|(name, _)| name == file) {
                Some((_, versions)) => versions.push(version.to_owned()),
                None => elf.versions.push((file.to_owned(), vec![version.to_owned()])),
            });
        }
        let all = elf.versions.iter().flat_map(|(_, versions)| versions);
        elf.glibc = all.filter_map(|version| version.strip_prefix("GLIBC_").and_then(Glibc::parse)).max();
    }

    /// The dynamic section's tags and values.
    fn entries(&mut self, segment: &Segment) -> Option<Vec<(u64, u64)>> {
        let len = segment.file_len.min(LONGEST_DYNAMIC as u64) as usize;
        let bytes = self.window.get(segment.offset, len)?;
        let word = self.word();
        let entry = |at: &[u8]| Some((self.number(at, 0, word)?, self.number(at, word, word)?));
        Some(bytes.chunks_exact(2 * word).map_while(entry).take_while(|(tag, _)| *tag != 0).collect())
    }

    /// Tells each symbol version that is needed, with its library and its index among the symbols' versions: a chain of libraries, each
    /// with a chain of versions.
    fn versions(&mut self, needs: u64, strings: u64, each: &mut dyn FnMut(&str, &str, u64)) -> Option<()> {
        let (mut at, mut seen) = (needs, 0);
        loop {
            let head = self.window.get(at, 16)?;
            let file = strings.checked_add(self.number(&head, 4, 4)?).and_then(|at| self.name(at))?;
            let mut version = at.checked_add(self.number(&head, 8, 4)?)?;
            loop {
                seen += 1;
                let aux = self.window.get(version, 16).filter(|_| seen <= MOST_VERSIONS)?;
                let name = strings.checked_add(self.number(&aux, 8, 4)?).and_then(|at| self.name(at));
                if let Some(name) = name {
                    each(&file, &name, self.number(&aux, 6, 2)?);
                }
                match self.number(&aux, 12, 4)? {
                    0 => break,
                    next => version = version.checked_add(next)?,
                }
            }
            match self.number(&head, 12, 4)? {
                0 => return Some(()),
                next => at = at.checked_add(next)?,
            }
        }
    }
}
